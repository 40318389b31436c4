//! The parts around the panels: top bar, rail, command palette. The app puts them together.

pub mod dropping;
pub mod find;
mod keys;
pub mod layout;
pub mod leaving;
pub mod palette;
pub mod rail;
mod sources;
pub mod stops;
pub mod top_bar;
mod troubles;
