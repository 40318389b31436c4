//! What the user sees: panels and editors. Plain egui; no network, no waiting.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod barred;
mod before_push;
pub mod change_bar;
pub mod changes;
mod condition;
pub mod connect;
pub mod contexts;
mod copies;
pub mod cx;
pub mod detail;
pub mod editors;
pub mod explain;
pub mod file;
pub mod first_steps;
mod foresight;
pub mod graph;
pub mod held;
mod history;
pub mod intent;
mod judge;
pub mod kit;
pub mod metrics;
pub mod objects;
mod panel;
mod pods;
pub mod problems;
pub mod reads;
pub mod selection;
pub mod shell;
pub mod subject;
mod table;
pub mod traces;
mod versions;
mod ways_out;
mod whose;
pub mod words;
mod yaml;

pub use contexts::Destination;
pub use cx::{Cx, Intents};
pub use intent::Intent;
pub use panel::{About, Panel, PanelRow};
pub use reads::{Reads, Wanted};
pub use selection::{PanelId, Selected, Selection};
pub use table::{PANELS, panel};
