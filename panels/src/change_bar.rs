//! The change bar: the pending change, who judged it, and how far it has come.
