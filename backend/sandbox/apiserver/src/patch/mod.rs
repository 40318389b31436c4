//! The four ways to change an object by saying only what is different, and who owns which field.

mod apply;
mod fields;
mod json;
mod managed;
mod merge;
mod strategic;

pub(crate) use apply::{apply, drop_nulls};
pub(crate) use json::json_patch;
pub(crate) use managed::{Entry, Writer, base_entries, has_changed, record_update, set_entries};
pub(crate) use merge::merge_patch;
pub(crate) use strategic::strategic_merge_patch;
