//! The order in which a proxy's filters see a request, as its configuration has it.

use super::json::{self, field, list, text};
use serde_json::Value;

const REQUESTS: &str = "envoy.filters.network.http_connection_manager";
/// So many different orders are kept of each side.
const MOST: usize = 8;

/// The orders of a proxy's HTTP filters, by their names; there is more than one where listeners differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Of what comes in.
    pub incoming: Vec<Vec<String>>,
    /// Of what goes out; all of a gateway's.
    pub outgoing: Vec<Vec<String>>,
}

impl Filters {
    /// Takes in a listener, as a dump has it.
    pub fn take(&mut self, entry: &Value) {
        let listener = field(entry, "active_state").and_then(|state| field(state, "listener"));
        let Some(listener) = listener else { return };
        let orders = match text(listener, "traffic_direction") {
            "INBOUND" => &mut self.incoming,
            _ => &mut self.outgoing,
        };
        let chains = list(listener, "filter_chains").iter().chain(field(listener, "default_filter_chain"));
        for chain in chains.filter(|chain| !text(chain, "name").contains("blackhole")) {
            let requests = list(chain, "filters").iter().find(|filter| text(filter, "name") == REQUESTS);
            let filters = requests.and_then(|filter| json::at(filter, "/typed_config/http_filters"));
            let Some(filters) = filters.and_then(Value::as_array) else { continue };
            let names: Vec<String> = filters.iter().map(|filter| text(filter, "name").to_owned()).collect();
            if !orders.contains(&names) && orders.len() < MOST {
                orders.push(names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_order_is_told_once() {
        let listener = |direction: &str, names: &[&str]| {
            let filters: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
            let chain =
                json!({ "filters": [{ "name": REQUESTS, "typed_config": { "http_filters": filters } }] });
            json!({ "active_state": { "listener": { "traffic_direction": direction, "filter_chains": [chain] } } })
        };
        let mut filters = Filters::default();
        for entry in [
            listener("INBOUND", &["a", "b"]),
            listener("INBOUND", &["a", "b"]),
            listener("OUTBOUND", &["c"]),
            json!({}),
        ] {
            filters.take(&entry);
        }
        assert_eq!(filters.incoming, [["a", "b"]]);
        assert_eq!(filters.outgoing, [["c"]]);
    }
}
