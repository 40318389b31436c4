//! Widgets, colours and type that every panel shares.
