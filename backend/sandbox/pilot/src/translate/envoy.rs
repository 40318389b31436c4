//! Small pieces of Envoy's configuration that several files write.

use crate::xds::Kind;
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
    json!({"@type": Kind::Cluster.type_url(), "name": name, "type": kind, "connect_timeout": "10s"})
}

/// `HttpProtocolOptions` under the name by which Envoy looks for them.
pub(crate) fn protocol_options(mut options: Value) -> Value {
    const NAME: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    options["@type"] = json!(format!("type.googleapis.com/{NAME}"));
    json!({NAME: options})
}

/// A duration as users write it (`7s`, `500ms`, `1h30m`, `7.000s`) as Envoy reads it (`0.5s`).
pub(crate) fn seconds(text: &str) -> Option<String> {
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|letter: char| letter.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        total += number
            * match &rest[digits..unit_end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    let text = format!("{total:.9}");
    Some(format!("{}s", text.trim_end_matches('0').trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_as_users_write_them() {
        let read = |text| seconds(text).unwrap_or_default();
        assert_eq!(read("7.000s"), "7s");
        assert_eq!(read("500ms"), "0.5s");
        assert_eq!(read("1h30m"), "5400s");
        assert_eq!(read("2.5s"), "2.5s");
        assert_eq!(read("0s"), "0s");
        assert_eq!(read("soon"), "");
    }
}
