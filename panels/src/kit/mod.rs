//! The design system: colours, type, spacing and the widgets that every panel is made of. Knows no mesh
//! types.

pub mod aside;
pub mod badge;
pub mod button;
pub mod card;
pub mod diff;
pub mod end;
pub mod field;
pub mod fmt;
pub mod grid;
pub mod icon;
pub mod keys;
mod let_go;
mod letters;
mod mark;
pub mod memo;
pub mod number;
pub mod once;
pub(super) mod priority;
pub mod problem;
pub mod progress;
pub mod remote;
pub mod room;
pub mod shares;
pub mod spark;
mod splitter;
mod spoken;
pub mod table;
pub mod text;
pub mod theme;
pub mod tooltip;
pub mod window;

pub use badge::{Status, pill, status};
pub use button::Button;
pub use card::{card, section, tiles};
pub use end::{End, end};
pub use let_go::let_go;
pub use mark::mark;
pub use memo::Memo;
pub use number::Number;
pub use priority::give_way;
pub use splitter::splitter;
pub use theme::Tokens;
