//! Assertions about what was read. Nothing here sends a command.

mod structure;

use crate::Assertion;

/// The groups, in the order they are proved.
pub(crate) const GROUPS: &[&[Assertion]] = &[structure::ASSERTIONS];
