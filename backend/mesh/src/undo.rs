//! The inverse of a change.

use crate::change::Change;
use crate::object::Object;
use crate::problem::Problem;

pub(crate) fn inverse(_change: &Change, _applied: &[Object]) -> Result<Change, Problem> {
    todo!("mesh owner")
}
