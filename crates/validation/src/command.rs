//! Assertions about how the card answers commands.

mod select;

use crate::Assertion;

/// The groups, in the order they are proved.
pub(crate) const GROUPS: &[&[Assertion]] = &[select::ASSERTIONS];
