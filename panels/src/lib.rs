//! What the user sees: panels and editors. Plain egui; no network, no waiting.

pub mod cx;
pub mod intent;
pub mod selection;

pub use cx::{Cx, Intents};
pub use intent::Intent;
pub use selection::{Selected, Selection};
