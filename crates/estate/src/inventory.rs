mod columns;
mod machine;
mod problem;
mod reader;

pub use columns::Column;
pub use machine::{Applications, Machine, Tpm};
pub use problem::{Problem, ProblemKind};
pub use reader::Inventory;
