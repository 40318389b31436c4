//! Objects as they stand in the cluster: a list of all that is watched, and each as YAML, to be edited,
//! copied, deleted and made, on the same road as every other change.

mod around;
mod begin;
mod code;
mod complete;
mod cursor;
mod draft;
mod flaws;
mod highlight;
mod kept;
mod list;
mod merge;
mod sheets;
mod templates;

pub use begin::{clone, create};
pub use kept::KeptDraft;
pub use list::{ABOUT, Objects};
pub use sheets::{DELETE, Sheets};
pub(crate) use templates::api_version;
pub use templates::{kinds, new as template};
