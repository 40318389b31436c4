//! Small pieces of Envoy's configuration that several files write.

use crate::xds::ResourceType;
use serde_json::{Value, json};

/// Adds the fields of one object to another.
pub(crate) fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

pub(crate) fn put(into: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        into[key] = value;
    }
}

pub(crate) fn time(from: &Value, key: &str) -> Option<Value> {
    from[key].as_str().and_then(seconds).map(Value::from)
}

/// A limit; to Istio 0 is as good as nothing.
pub(crate) fn number(from: &Value, key: &str) -> Option<Value> {
    from[key].as_i64().filter(|number| *number > 0).map(Value::from)
}

pub(crate) fn typed(name: &str, kind: &str) -> Value {
    json!({"@type": ResourceType::Cluster.type_url(), "name": name, "type": kind, "connect_timeout": "10s"})
}

/// `HttpProtocolOptions` under the name by which Envoy looks for them.
pub(crate) fn protocol_options(mut options: Value) -> Value {
    const NAME: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    options["@type"] = json!(format!("type.googleapis.com/{NAME}"));
    json!({NAME: options})
}

/// A duration as users write it (`7s`, `500ms`, `1h30m`) as Envoy reads it (`0.5s`).
pub(crate) fn seconds(text: &str) -> Option<String> {
    istio::Duration::read(text).map(|read| read.to_string())
}
