//! The icons in use: Phosphor, regular. One name per meaning, so that a thing looks the same everywhere.

pub use egui_phosphor::regular::*;
