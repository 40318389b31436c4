//! What requests are hashed by, as `loadBalancer.consistentHash` says it: Istio's `hashPolicy` of a route.

use crate::Duration;
use serde_json::{Map, Value, json};

/// A `RouteAction.HashPolicy` of Envoy, where a load balancer asks for one. The first that is set counts:
/// header, cookie, the caller's address, query parameter.
pub fn hash_policy(load_balancer: &Value) -> Option<Value> {
    let hash = load_balancer.get("consistentHash")?;
    if let Some(name) = hash["httpHeaderName"].as_str() {
        return Some(json!({ "header": { "header_name": name } }));
    }
    if let Some(cookie) = hash.get("httpCookie").filter(|cookie| !cookie.is_null()) {
        return Some(json!({ "cookie": of_cookie(cookie) }));
    }
    if hash["useSourceIp"] == true {
        return Some(json!({ "connection_properties": { "source_ip": true } }));
    }
    let name = hash["httpQueryParameterName"].as_str()?;
    Some(json!({ "query_parameter": { "name": name } }))
}

fn of_cookie(cookie: &Value) -> Value {
    let mut wanted = Map::from_iter([("name".to_owned(), cookie["name"].clone())]);
    let path = cookie["path"].as_str().map(Value::from);
    wanted.extend(path.map(|path| ("path".to_owned(), path)));
    let ttl = cookie["ttl"].as_str().and_then(Duration::read);
    wanted.extend(ttl.map(|ttl| ("ttl".to_owned(), ttl.to_string().into())));
    let attributes = cookie["attributes"].as_array().into_iter().flatten();
    let attributes: Vec<Value> = attributes
        .map(|one| json!({ "name": one["name"], "value": one["value"].as_str().unwrap_or_default() }))
        .collect();
    if !attributes.is_empty() {
        wanted.insert("attributes".to_owned(), attributes.into());
    }
    wanted.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_counts() {
        #[track_caller]
        fn check(hash: Value, policy: Value) {
            let balancer = json!({ "consistentHash": hash });
            assert_eq!(hash_policy(&balancer).unwrap_or_default(), policy);
        }
        check(json!({ "httpHeaderName": "x" }), json!({ "header": { "header_name": "x" } }));
        check(
            json!({ "httpCookie": { "name": "c", "ttl": "1m", "path": "/" } }),
            json!({ "cookie": { "name": "c", "ttl": "60s", "path": "/" } }),
        );
        check(json!({ "useSourceIp": true }), json!({ "connection_properties": { "source_ip": true } }));
        check(json!({ "httpQueryParameterName": "q" }), json!({ "query_parameter": { "name": "q" } }));
        check(json!({ "useSourceIp": false }), Value::Null);
        assert_eq!(hash_policy(&json!({ "simple": "RANDOM" })), None);
    }
}
