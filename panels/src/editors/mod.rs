//! Editors: from what the user wants to a change.
