mod checker;
mod client;
mod finding;
mod needs;
mod summary;

use std::io::Read;

use crate::InventoryError;
use crate::day::Day;
use crate::inventory::Inventory;

pub use checker::Checker;
pub use finding::{Checked, Finding, FunctionOn, Severity, Verdict};
pub use summary::{DeadlineCount, HelloCounts, Summary, VerdictCount};

/// Checks an inventory row by row on one day. Each row is given to `row` as soon as it is read;
/// what is kept of it is counted.
///
/// # Errors
///
/// [`InventoryError`], when the file cannot be read or on.
pub fn check_inventory<R: Read>(
    input: R,
    day: Day<'_>,
    mut row: impl FnMut(Checked),
) -> Result<Summary, InventoryError> {
    let mut inventory = Inventory::new(input)?;
    let mut checker = Checker::new(day);
    let header_problems = inventory.take_problems();
    let mut summary = Summary::new(day, inventory.columns(), header_problems);
    while let Some(machine) = inventory.next_machine()? {
        let mut checked = checker.check(machine);
        checked.problems = inventory.take_problems();
        summary.add(&mut checked);
        row(checked);
    }
    Ok(summary)
}
