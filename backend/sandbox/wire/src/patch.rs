//! Changes to Envoy configuration as users write them in an EnvoyFilter: what may be changed, checked against
//! the table, and merged as protobuf merges messages.

use crate::json::{NotEncodable, encode};
use crate::schema::{Cardinality, ENTRIES, Entry, Field, Type};
use serde_json::{Map, Value, json};

/// One row of [`PATCHABLE`].
#[derive(Debug, PartialEq, Eq)]
pub struct Patchable {
    /// `applyTo`.
    pub apply_to: &'static str,
    /// The message that a patch's value is.
    pub message: &'static str,
    /// The operations that are carried out.
    pub operations: &'static [&'static str],
}

const LIST: &[&str] = &[
    "MERGE",
    "MERGE_AND_REPLACE_LIST",
    "ADD",
    "REMOVE",
    "INSERT_BEFORE",
    "INSERT_AFTER",
    "INSERT_FIRST",
    "REPLACE",
];

/// What an EnvoyFilter can change here.
pub const PATCHABLE: &[Patchable] = &[
    Patchable {
        apply_to: "LISTENER",
        message: "envoy.config.listener.v3.Listener",
        operations: &["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"],
    },
    Patchable { apply_to: "FILTER_CHAIN", message: "envoy.config.listener.v3.FilterChain", operations: LIST },
    Patchable {
        apply_to: "LISTENER_FILTER",
        message: "envoy.config.listener.v3.ListenerFilter",
        operations: LIST,
    },
    Patchable { apply_to: "NETWORK_FILTER", message: "envoy.config.listener.v3.Filter", operations: LIST },
    Patchable {
        apply_to: "HTTP_FILTER",
        message: "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
        operations: LIST,
    },
    Patchable {
        apply_to: "ROUTE_CONFIGURATION",
        message: "envoy.config.route.v3.RouteConfiguration",
        operations: &["MERGE", "MERGE_AND_REPLACE_LIST"],
    },
    Patchable {
        apply_to: "VIRTUAL_HOST",
        message: "envoy.config.route.v3.VirtualHost",
        operations: &["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE", "REPLACE"],
    },
    Patchable {
        apply_to: "HTTP_ROUTE",
        message: "envoy.config.route.v3.Route",
        operations: &[
            "MERGE",
            "MERGE_AND_REPLACE_LIST",
            "REMOVE",
            "INSERT_BEFORE",
            "INSERT_AFTER",
            "INSERT_FIRST",
        ],
    },
    Patchable {
        apply_to: "CLUSTER",
        message: "envoy.config.cluster.v3.Cluster",
        operations: &["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"],
    },
];

/// Why a patch cannot be carried out, whatever is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpatchable {
    /// Nothing of this name can be changed.
    #[error("applyTo {0} is not carried out in the sandbox; supported are {known}", known = targets())]
    Target(String),
    /// It can be changed, but not so.
    #[error(
        "operation {operation} is not carried out for applyTo {to} in the sandbox; supported are {known}",
        to = .row.apply_to,
        known = .row.operations.join(", ")
    )]
    Operation {
        /// What is to be changed.
        row: &'static Patchable,
        /// How.
        operation: String,
    },
}

fn targets() -> String {
    PATCHABLE.iter().map(|row| row.apply_to).collect::<Vec<_>>().join(", ")
}

/// The row of this `applyTo`.
///
/// # Errors
/// When nothing of this name can be changed, or not by this operation.
pub fn patchable(apply_to: &str, operation: &str) -> Result<&'static Patchable, Unpatchable> {
    let row = PATCHABLE.iter().find(|row| row.apply_to == apply_to);
    let row = row.ok_or_else(|| Unpatchable::Target(apply_to.to_owned()))?;
    if row.operations.contains(&operation) {
        return Ok(row);
    }
    Err(Unpatchable::Operation { row, operation: operation.to_owned() })
}

/// A message with the table's own field names (`routeConfigName` is `route_config_name`), with TypedStruct
/// replaced by the message that it stands for; encoded once to see that it can be.
///
/// # Errors
/// When a field, a type or a value is none that the table has.
pub fn canonical(message: &str, json: &Value) -> Result<Value, NotEncodable> {
    let value = by_name(message, json)?;
    encode(message, &value)?;
    Ok(value)
}

fn by_name(message: &str, json: &Value) -> Result<Value, NotEncodable> {
    let Some(Entry::Message(fields)) = ENTRIES.get(message) else { return Ok(json.clone()) };
    let given = json.as_object().ok_or_else(|| NotEncodable::new("an object is expected"))?;
    let mut found = Map::new();
    for (key, value) in given {
        if key == "@type" {
            found.insert(key.clone(), value.clone());
            continue;
        }
        let snake = crate::json::snake(key);
        let field = fields.get_key_value(key.as_str()).or_else(|| fields.get_key_value(snake.as_str()));
        let (name, field) = field
            .ok_or_else(|| NotEncodable::new(format!("{message} has no field of this name")).within(key))?;
        found.insert((*name).to_owned(), several(field, value).map_err(|error| error.within(key))?);
    }
    Ok(found.into())
}

fn several(field: &Field, value: &Value) -> Result<Value, NotEncodable> {
    match (field.cardinality, value) {
        (Cardinality::Many, Value::Array(items)) => items.iter().map(|item| one(field.of, item)).collect(),
        (Cardinality::Map, Value::Object(entries)) => {
            let entries = entries.iter().map(|(key, item)| {
                Ok((key.clone(), one(field.of, item).map_err(|error| error.within(key))?))
            });
            Ok(entries.collect::<Result<Map<_, _>, NotEncodable>>()?.into())
        }
        // A wrong shape is named when it is encoded.
        (Cardinality::One, value) => one(field.of, value),
        (_, value) => Ok(value.clone()),
    }
}

fn one(of: Type, value: &Value) -> Result<Value, NotEncodable> {
    match of {
        Type::Named(name) => by_name(name, value),
        Type::Any => {
            let value = unwrapped(value);
            let message = message_of(&value).to_owned();
            by_name(&message, &value)
        }
        _ => Ok(value.clone()),
    }
}

/// TypedStruct is a way to write a message by name and fields.
fn unwrapped(value: &Value) -> Value {
    if !matches!(message_of(value), "udpa.type.v1.TypedStruct" | "xds.type.v3.TypedStruct") {
        return value.clone();
    }
    let url = value.get("type_url").or_else(|| value.get("typeUrl"));
    let mut message = json!({"@type": url});
    if let (Some(message), Some(Value::Object(fields))) = (message.as_object_mut(), value.get("value")) {
        message.extend(fields.clone());
    }
    message
}

fn message_of(value: &Value) -> &str {
    value["@type"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default()
}

/// What becomes of lists that both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// The second is appended, as protobuf merges.
    Append,
    /// The second takes the place of the first.
    Replace,
}

/// Merges one message into another of the same type: single values are replaced, messages merged, maps by
/// key. Both have the table's own field names.
pub fn merge(message: &str, into: &mut Value, from: &Value, lists: Lists) {
    let (Some(known), Some(Entry::Message(fields))) = (into.as_object_mut(), ENTRIES.get(message)) else {
        into.clone_from(from);
        return;
    };
    for (key, value) in from.as_object().into_iter().flatten().filter(|(key, _)| *key != "@type") {
        let field = fields.get(key.as_str());
        let (Some(field), Some(present)) = (field, known.get_mut(key)) else {
            known.insert(key.clone(), value.clone());
            continue;
        };
        match (field.cardinality, field.of, present, value) {
            (Cardinality::Many, _, Value::Array(present), Value::Array(more)) if lists == Lists::Append => {
                present.extend(more.iter().cloned());
            }
            (Cardinality::Map, _, Value::Object(present), Value::Object(more)) => {
                present.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            (Cardinality::One, Type::Named(name), present, value) => merge(name, present, value, lists),
            (Cardinality::One, Type::Any, present, value) if present["@type"] == value["@type"] => {
                merge(message_of(value), present, value, lists);
            }
            (_, _, present, value) => present.clone_from(value),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILTER: &str = "envoy.config.listener.v3.Filter";
    const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

    #[test]
    fn a_typed_struct_is_the_message_that_it_stands_for() {
        let written = json!({"name": "m", "typedConfig": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": MANAGER, "value": {"streamIdleTimeout": "5s"}}});
        let read = canonical(FILTER, &written).unwrap();
        assert_eq!(
            read,
            json!({"name": "m", "typed_config": {"@type": MANAGER, "stream_idle_timeout": "5s"}})
        );
    }

    #[test]
    fn what_the_table_does_not_have_is_named() {
        let field =
            canonical(FILTER, &json!({"typed_config": {"@type": MANAGER, "stream_idle": "5s"}})).unwrap_err();
        assert!(field.to_string().starts_with("typed_config.stream_idle: "), "{field}");
        let message =
            canonical(FILTER, &json!({"typed_config": {"@type": "type.googleapis.com/a.B", "x": 1}}))
                .unwrap_err();
        assert_eq!(message.to_string(), "typed_config: a.B is not a message of the table");
    }

    #[test]
    fn messages_merge_as_protobuf_merges() {
        let mut into = json!({"name": "m", "typed_config": {"@type": MANAGER, "http_filters": [{"name": "a"}],
            "common_http_protocol_options": {"idle_timeout": "1s", "max_headers_count": 5}}});
        let from = json!({"typed_config": {"@type": MANAGER, "http_filters": [{"name": "b"}],
            "common_http_protocol_options": {"idle_timeout": "2s"}, "server_name": "s"}});
        merge(FILTER, &mut into, &from, Lists::Append);
        assert_eq!(into["typed_config"]["http_filters"], json!([{"name": "a"}, {"name": "b"}]));
        let options = json!({"idle_timeout": "2s", "max_headers_count": 5});
        assert_eq!(
            (&into["typed_config"]["common_http_protocol_options"], &into["name"]),
            (&options, &json!("m"))
        );
        merge(FILTER, &mut into, &from, Lists::Replace);
        assert_eq!(into["typed_config"]["http_filters"], json!([{"name": "b"}]));
    }
}
