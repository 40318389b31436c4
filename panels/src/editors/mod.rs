//! Editors: each turns a draft of the user into one guarded change. They all take the same road: draft, dry
//! run, diff, push, confirmation, undo. A new editor is one file, an implementation of [`Edits`], and one row
//! of [`EDITORS`].

pub mod access;
mod any_sheet;
pub mod circuit_breaker;
pub mod dark_launch;
mod drafts;
pub mod dragged;
mod edits;
mod ejected;
pub mod end_user;
pub mod extensions;
pub mod external;
pub mod fault;
pub mod fields;
pub mod form;
mod gesture;
mod in_force;
pub mod kept;
mod kept_form;
pub mod load_balancing;
mod localities;
mod log_level;
mod manual;
pub mod mtls;
mod pairs;
mod policies;
pub mod rate_limit;
pub mod route_rules;
mod row;
pub mod rules;
mod sheet;
mod table;
mod take;
pub mod telemetry;
pub mod timeouts;
pub mod traffic_split;
pub mod usual;
pub mod visibility;
pub mod way_in;
pub mod workload;
mod would_take;

pub use any_sheet::AnySheet;
pub use drafts::Drafts;
pub use edits::{Chooser, Edits, Scope, Scoped};
pub use form::Form;
pub use gesture::Gesture;
pub use kept::{Kept, Standing};
pub use kept_form::KeptForm;
pub use manual::{manual, picture_of};
pub use sheet::Sheet;
pub use table::{EDITORS, EditorRow, offered};
