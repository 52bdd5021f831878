#![doc = include_str!("../README.md")]

mod burndown;
mod check;
mod day;
mod error;
mod hello;
mod inventory;
mod plot;
mod register;
mod text;
mod version;
mod words;

pub use burndown::{BurnDown, Curve, Deadline};
pub use check::{
    Checked, Checker, DeadlineCount, Finding, FunctionOn, HelloCounts, Severity, Summary, Verdict,
    VerdictCount, check_inventory,
};
pub use day::{Answer, Day, Dispute, EventOn, EventState, Reason, Standing, Stop};
pub use error::{InventoryError, RegisterError};
pub use hello::{HelloAnswer, HelloVerdict};
pub use inventory::{Applications, Column, Inventory, Machine, Problem, ProblemKind, Tpm};
pub use plot::{svg, to_png};
pub use register::{
    Apart, Client, Disagreement, Event, Function, Hello, Printer, Register, Rule, RuleKind,
    Software, SoftwareColumn, Source, Thing, Windows,
};
pub use text::calendar_text;
pub use version::Version;

pub use series::Certainty;
