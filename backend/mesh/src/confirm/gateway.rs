//! What a gateway does with connections: the chains of its listeners, each for the names that are asked for in
//! TLS.

use super::json::{field, list, text};
use super::resources;
use crate::evidence::Xds;
use serde_json::Value;

/// Whether an entry of a dump is the listener at a port of the pod: `0.0.0.0_8080`, `[::]_8080`.
pub(super) fn is_at(entry: &Value, port: u32) -> bool {
    let named = |name: &str| name.rsplit_once('_').is_some_and(|(_, end)| end.parse() == Ok(port));
    field(entry, "active_state").is_some() && named(text(entry, "name"))
}

/// The chain at a port of the pod for these names.
pub(super) fn chain<'a>(dump: &'a Value, port: u32, names: &[String]) -> Option<&'a Value> {
    let listener = resources(dump, Xds::Lds).find(|entry| is_at(entry, port))?;
    let listener = field(field(listener, "active_state")?, "listener")?;
    let asked = |chain: &&Value| {
        let matched = field(chain, "filter_chain_match");
        let of = matched.map_or(&[][..], |matched| list(matched, "server_names"));
        of.len() == names.len() && of.iter().zip(names).all(|(of, name)| of.as_str() == Some(name))
    };
    list(listener, "filter_chains").iter().chain(field(listener, "default_filter_chain")).find(asked)
}
