//! What stands in one virtual host together.

/// Rules that stand in one virtual host together, whichever routes they come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Listener { gateway: String, host: String },
    Service { host: String, port: Option<u16>, from: Option<String> },
}
