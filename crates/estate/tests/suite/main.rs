//! The register, an inventory checked against it, and the plot.

mod inventory;
mod properties;
mod register;
