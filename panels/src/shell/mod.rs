//! Top bar, rail and command palette.
