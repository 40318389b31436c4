//! Envoy configuration written as JSON, the way Envoy's own config dump shows it, turned into protobuf.
//!
//! The control plane composes configuration as JSON: it can be read, compared with a proxy's config dump,
//! shown by the debug endpoints and patched, without hundreds of generated types. What the table does not
//! know is an error that names the field, never silently left out.

use crate::protobuf::Any;
use crate::schema::{Cardinality, ENTRIES, Entry, Field, Scalar, Type};
use base64::Engine;
use prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::{Map, Value};

/// Why a piece of JSON is not a message of Envoy's API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct NotEncodable {
    at: String,
    what: String,
}

impl NotEncodable {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { at: String::new(), what: what.into() }
    }

    pub(crate) fn within(mut self, step: &str) -> Self {
        self.at = match (self.at.is_empty(), self.at.starts_with('[')) {
            (true, _) => step.to_owned(),
            (false, true) => format!("{step}{}", self.at),
            (false, false) => format!("{step}.{}", self.at),
        };
        self
    }
}

type Encoded = Result<(), NotEncodable>;

/// Encodes a resource whose `@type` names its message.
///
/// # Errors
/// When the JSON has a field, a value or a type that Envoy's API (as far as the table goes) does not have.
pub fn any(resource: &Value) -> Result<Any, NotEncodable> {
    let (type_url, fields) = typed(resource)?;
    let mut value = Vec::with_capacity(512);
    match message_name(type_url) {
        // Written as it is, below a key of its own.
        "google.protobuf.Struct" => structure(&resource["value"], &mut value)?,
        name => message(name, fields, &mut value)?,
    }
    Ok(Any { type_url: type_url.to_owned(), value })
}

/// Encodes a message only to see that it can be.
pub(crate) fn encode(name: &str, json: &Value) -> Result<(), NotEncodable> {
    let fields = json.as_object().ok_or_else(|| NotEncodable::new("an object is expected"))?;
    message(name, fields, &mut Vec::new())
}

fn typed(resource: &Value) -> Result<(&str, &Map<String, Value>), NotEncodable> {
    let fields = resource.as_object().ok_or_else(|| NotEncodable::new("an object is expected"))?;
    let type_url =
        fields.get("@type").and_then(Value::as_str).ok_or_else(|| NotEncodable::new("@type is missing"))?;
    Ok((type_url, fields))
}

fn message_name(type_url: &str) -> &str {
    type_url.rsplit('/').next().unwrap_or(type_url)
}

fn message(name: &str, json: &Map<String, Value>, out: &mut Vec<u8>) -> Encoded {
    let Some(Entry::Message(fields)) = ENTRIES.get(name) else {
        return Err(NotEncodable::new(format!("{name} is not a message of the table")));
    };
    for (key, value) in json.iter().filter(|(key, value)| *key != "@type" && !value.is_null()) {
        let field = fields.get(key.as_str()).or_else(|| fields.get(snake(key).as_str()));
        let field = field
            .ok_or_else(|| NotEncodable::new(format!("{name} has no field of this name")).within(key))?;
        several(field, value, out).map_err(|error| error.within(key))?;
    }
    Ok(())
}

/// `routeConfigName`, as users may write it, is `route_config_name`.
pub(crate) fn snake(key: &str) -> String {
    key.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

fn several(field: &Field, value: &Value, out: &mut Vec<u8>) -> Encoded {
    match field.cardinality {
        Cardinality::One => one(field.number, field.of, value, out),
        Cardinality::Many => {
            let items = value.as_array().ok_or_else(|| NotEncodable::new("a list is expected"))?;
            items.iter().enumerate().try_for_each(|(index, item)| {
                one(field.number, field.of, item, out).map_err(|error| error.within(&format!("[{index}]")))
            })
        }
        Cardinality::Map => {
            let entries = value.as_object().ok_or_else(|| NotEncodable::new("an object is expected"))?;
            entries.iter().try_for_each(|(key, item)| {
                nested(field.number, out, |out| {
                    bytes(1, key.as_bytes(), out);
                    one(2, field.of, item, out).map_err(|error| error.within(key))
                })
            })
        }
    }
}

fn one(number: u32, of: Type, value: &Value, out: &mut Vec<u8>) -> Encoded {
    match of {
        Type::String => scalar(number, Scalar::String, value, out),
        Type::Bool => scalar(number, Scalar::Bool, value, out),
        Type::Int => scalar(number, Scalar::Int, value, out),
        Type::Double => scalar(number, Scalar::Double, value, out),
        Type::Float => scalar(number, Scalar::Float, value, out),
        Type::Bytes => {
            let raw = base64::engine::general_purpose::STANDARD.decode(text(value)?);
            bytes(number, &raw.map_err(|_| NotEncodable::new("base64 is expected"))?, out);
            Ok(())
        }
        Type::Wrapper(of) => nested(number, out, |out| scalar(1, of, value, out)),
        Type::Duration => {
            let (seconds, nanos) = duration(text(value)?)?;
            nested(number, out, |out| {
                varint(1, seconds, out);
                varint(2, nanos, out);
                Ok(())
            })
        }
        Type::Any => {
            let packed = any(value)?;
            nested(number, out, |out| {
                bytes(1, packed.type_url.as_bytes(), out);
                bytes(2, &packed.value, out);
                Ok(())
            })
        }
        Type::Empty => nested(number, out, |_| Ok(())),
        Type::Struct => nested(number, out, |out| structure(value, out)),
        Type::Value => nested(number, out, |out| free_value(value, out)),
        Type::Named(name) => match ENTRIES.get(name) {
            Some(Entry::Enum(values)) => {
                let named =
                    value.as_str().and_then(|text| values.get(text).copied()).or_else(|| value.as_i64());
                varint(
                    number,
                    named.ok_or_else(|| NotEncodable::new(format!("{value} is not one of {name}")))?,
                    out,
                );
                Ok(())
            }
            _ => {
                let fields = value.as_object().ok_or_else(|| NotEncodable::new("an object is expected"))?;
                nested(number, out, |out| message(name, fields, out))
            }
        },
    }
}

fn scalar(number: u32, of: Scalar, value: &Value, out: &mut Vec<u8>) -> Encoded {
    match of {
        Scalar::String => bytes(number, text(value)?.as_bytes(), out),
        Scalar::Bool => {
            varint(
                number,
                i64::from(value.as_bool().ok_or_else(|| NotEncodable::new("true or false is expected"))?),
                out,
            );
        }
        Scalar::Int => {
            let whole = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            varint(
                number,
                whole.ok_or_else(|| NotEncodable::new(format!("{value} is not a whole number")))?,
                out,
            );
        }
        Scalar::Double => {
            encode_key(number, WireType::SixtyFourBit, out);
            out.extend_from_slice(&float(value)?.to_le_bytes());
        }
        Scalar::Float => {
            encode_key(number, WireType::ThirtyTwoBit, out);
            #[allow(
                clippy::cast_possible_truncation,
                reason = "the message holds a single-precision number"
            )]
            out.extend_from_slice(&(float(value)? as f32).to_le_bytes());
        }
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str, NotEncodable> {
    value.as_str().ok_or_else(|| NotEncodable::new(format!("{value} is not a text")))
}

fn float(value: &Value) -> Result<f64, NotEncodable> {
    value.as_f64().ok_or_else(|| NotEncodable::new(format!("{value} is not a number")))
}

/// `1.5s` in seconds and nanoseconds.
fn duration(text: &str) -> Result<(i64, i64), NotEncodable> {
    let wrong = || NotEncodable::new(format!("{text:?} is not a duration in seconds such as \"1.5s\""));
    let number = text.strip_suffix('s').ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 {
        return Err(wrong());
    }
    let nanos = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Ok((whole.parse().map_err(|_| wrong())?, nanos))
}

fn structure(value: &Value, out: &mut Vec<u8>) -> Encoded {
    let entries = value.as_object().ok_or_else(|| NotEncodable::new("an object is expected"))?;
    entries.iter().try_for_each(|(key, item)| {
        nested(1, out, |out| {
            bytes(1, key.as_bytes(), out);
            nested(2, out, |out| free_value(item, out))
        })
    })
}

fn free_value(value: &Value, out: &mut Vec<u8>) -> Encoded {
    match value {
        Value::Null => varint(1, 0, out),
        Value::Number(_) => return scalar(2, Scalar::Double, value, out),
        Value::String(text) => bytes(3, text.as_bytes(), out),
        Value::Bool(yes) => varint(4, i64::from(*yes), out),
        Value::Object(_) => return nested(5, out, |out| structure(value, out)),
        Value::Array(items) => {
            return nested(6, out, |out| {
                items.iter().try_for_each(|item| nested(1, out, |out| free_value(item, out)))
            });
        }
    }
    Ok(())
}

fn varint(number: u32, value: i64, out: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, out);
    encode_varint(value.cast_unsigned(), out);
}

fn bytes(number: u32, value: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn nested(number: u32, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>) -> Encoded) -> Encoded {
    let mut inner = Vec::new();
    fill(&mut inner)?;
    bytes(number, &inner, out);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::envoy::config::cluster::v3::Cluster;
    use crate::envoy::config::route::v3::RouteConfiguration;
    use prost::Message;
    use serde_json::json;

    #[test]
    fn a_cluster_arrives_as_written() {
        let packed = any(&json!({
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "outbound|80||a", "type": "EDS",
            "connect_timeout": "1.25s", "lb_policy": "RANDOM",
            "circuit_breakers": {"thresholds": [{"max_connections": 4_294_967_295_u32}]},
            "metadata": {"filter_metadata": {"istio": {"services": [{"host": "a"}], "port": 80}}},
            "typed_extension_protocol_options": {"x": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}}}},
        }))
        .unwrap();
        let cluster = Cluster::decode(packed.value.as_slice()).unwrap();
        assert_eq!((cluster.name.as_str(), cluster.lb_policy), ("outbound|80||a", 3));
        assert_eq!(cluster.connect_timeout.unwrap().nanos, 250_000_000);
        assert_eq!(cluster.circuit_breakers.unwrap().thresholds[0].max_connections.unwrap().value, u32::MAX);
        assert!(format!("{:?}", cluster.metadata).contains("services"));
        assert_eq!(cluster.typed_extension_protocol_options["x"].value, [26, 2, 18, 0]);
    }

    #[test]
    fn routes_keep_order_and_presence() {
        let packed = any(&json!({
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "9080",
            "virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [
                {"match": {"prefix": ""}, "route": {"cluster": "c", "timeout": "0s", "retry_policy": {"retriable_status_codes": [503, 504]}}}]}],
            "validate_clusters": false,
        }))
        .unwrap();
        let read = format!("{:?}", RouteConfiguration::decode(packed.value.as_slice()).unwrap());
        assert!(
            read.contains("Prefix(\"\")") && read.contains("[503, 504]") && read.contains("value: false"),
            "{read}"
        );
    }

    #[test]
    fn what_the_table_does_not_know_is_named() {
        let error =
            any(&json!({"@type": "x/envoy.config.route.v3.RouteConfiguration", "virtual_hosts": [{"domain": []}]})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "virtual_hosts[0].domain: envoy.config.route.v3.VirtualHost has no field of this name"
        );
    }
}
