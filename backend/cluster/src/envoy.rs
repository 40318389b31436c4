//! Reads a proxy's own configuration (`/config_dump` of Envoy's admin port), no more of it than a question needs.

use crate::find::PodPort;
use crate::session::Session;
use crate::tunnel::Place;
use mesh::Problem;
use mesh::confirm;
use mesh::evidence::Xds;
use serde_json::{Value, json};
use std::time::Duration;

const ADMIN: u16 = 15000;
const ANSWER: Duration = Duration::from_secs(5);
const WHAT: &str = "A proxy's configuration cannot be read";

/// Closes the ways to proxies that were asked.
pub(crate) fn close(session: &Session) {
    session.tunnel.close(ADMIN);
}

/// A proxy's config_dump, as far as it is of these types, in the form of the whole dump.
pub(crate) async fn dump(
    session: &Session,
    proxy: &str,
    types: impl IntoIterator<Item = Xds>,
) -> Result<Value, Problem> {
    let Some((pod, namespace)) = proxy.rsplit_once('.') else {
        return Err(Problem::new(
            WHAT,
            format!("{proxy} is not named pod.namespace"),
            "Look at istiod's version",
        ));
    };
    let place = Place::Pod(PodPort { namespace: namespace.into(), pod: pod.into(), port: ADMIN });
    let mut configs = Vec::new();
    for (resource, dump) in types.into_iter().map(confirm::place) {
        let path = format!("/config_dump?resource={resource}");
        let asked = tokio::time::timeout(ANSWER, session.tunnel.get(&place, &path, WHAT)).await;
        let answer = asked.unwrap_or_else(|_elapsed| {
            let why = format!("{proxy} did not answer within {} s", ANSWER.as_secs());
            Err(Problem::new(WHAT, why, "Look whether its pod runs"))
        })?;
        // An Envoy that has none of these says so with 404.
        let found = if answer.status == 404 { Value::Null } else { read(&answer.ok(WHAT, &place)?)? };
        configs.push(whole(found, resource, dump));
    }
    Ok(json!({ "configs": configs }))
}

fn read(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::new(WHAT, format!("Envoy's answer is no JSON ({error})"), "Look at the proxy's version")
    })
}

/// `?resource=` answers with the bare resources: puts them where the whole dump has them.
fn whole(mut found: Value, resource: &str, dump: &str) -> Value {
    let resources = found["configs"].take();
    let resources = if resources.is_null() { json!([]) } else { resources };
    json!({ "@type": format!("type.googleapis.com/envoy.admin.v3.{dump}"), resource: resources })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_resources_become_a_dump() {
        let found = json!({ "configs": [{ "@type": "x", "route_config": { "name": "8080" } }] });
        let got = whole(found, "dynamic_route_configs", "RoutesConfigDump");
        assert_eq!(got["dynamic_route_configs"][0]["route_config"]["name"], "8080");
        assert_eq!(got["@type"], "type.googleapis.com/envoy.admin.v3.RoutesConfigDump");
        assert_eq!(
            whole(Value::Null, "dynamic_listeners", "ListenersConfigDump")["dynamic_listeners"],
            json!([])
        );
    }
}
