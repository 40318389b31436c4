//! What Go's JSON decoder says of a value that has another type than its field. Kubernetes' own kinds are
//! decoded into Go's types before anything else is looked at.

use serde_json::Value;

use super::{field::Schema, types::Type};

/// The first value that does not fit, in the decoder's words; `kind` is the type that is decoded.
pub(crate) fn mistyped(schema: &Schema, kind: &str, value: &Value) -> Option<String> {
    walk(schema, kind, "", value)
}

/// `owner` is the struct in which the field at `path` stands.
fn walk(schema: &Schema, owner: &str, path: &str, value: &Value) -> Option<String> {
    if !fits(schema.ty, value) {
        let found = match value {
            Value::Object(_) => "object".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if schema.ty == Type::Integer => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::Null => return None,
        };
        let into = if path.is_empty() || schema.ty == Type::IntOrString {
            "Go value".to_owned()
        } else {
            format!("Go struct field {owner}.{path}")
        };
        return Some(format!("json: cannot unmarshal {found} into {into} of type {}", go_type(schema)));
    }
    let own = schema.definition.as_deref().and_then(|name| name.rsplit('.').next()).unwrap_or(owner);
    match value {
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            if let Some(field) = schema.properties.get(name) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                return walk(field, own, &path, member);
            }
            // A value of a map is told of by the map's field.
            walk(schema.additional.as_ref()?, owner, path, member)
        }),
        Value::Array(items) => {
            let of = schema.items.as_ref()?;
            items.iter().find_map(|item| walk(of, owner, path, item))
        }
        _ => None,
    }
}

fn fits(wanted: Type, value: &Value) -> bool {
    match (wanted, value) {
        (Type::Any, _)
        | (_, Value::Null)
        | (Type::Object, Value::Object(_))
        | (Type::Array, Value::Array(_))
        | (Type::String, Value::String(_))
        | (Type::Boolean, Value::Bool(_))
        | (Type::Number, Value::Number(_))
        | (Type::IntOrString, Value::Number(_) | Value::String(_)) => true,
        (Type::Integer, Value::Number(number)) => number.is_i64(),
        _ => false,
    }
}

fn go_type(schema: &Schema) -> String {
    let of = |inner: &Option<std::sync::Arc<Schema>>| {
        inner.as_ref().map_or("interface {}".into(), |inner| go_type(inner))
    };
    match schema.ty {
        Type::Object => match &schema.definition {
            // `io.k8s.api.core.v1.ServiceSpec` is `v1.ServiceSpec`.
            Some(name) => name
                .rsplitn(3, '.')
                .take(2)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("."),
            None => format!("map[string]{}", of(&schema.additional)),
        },
        Type::Array => format!("[]{}", of(&schema.items)),
        Type::String => "string".into(),
        Type::Integer => schema.format.clone().unwrap_or_else(|| "int32".into()),
        Type::Number => "float64".into(),
        Type::Boolean => "bool".into(),
        Type::IntOrString => "int32".into(),
        Type::Any => "interface {}".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::mistyped;
    use crate::kinds::Kinds;

    #[test]
    fn the_decoders_words() {
        for (kind, object, expect) in [
            (
                "Service",
                json!({"spec": []}),
                Some("json: cannot unmarshal array into Go struct field Service.spec of type v1.ServiceSpec"),
            ),
            (
                "Service",
                json!({"spec": {"ports": [{"port": "x"}]}}),
                Some(
                    "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type \
                        int32",
                ),
            ),
            (
                "Service",
                json!({"spec": {"ports": [7]}}),
                Some(
                    "json: cannot unmarshal number into Go struct field ServiceSpec.spec.ports of type \
                        v1.ServicePort",
                ),
            ),
            (
                "Service",
                json!({"spec": {"selector": {"app": true}}}),
                Some(
                    "json: cannot unmarshal bool into Go struct field ServiceSpec.spec.selector of type \
                        string",
                ),
            ),
            (
                "Deployment",
                json!({"spec": {"replicas": 1.5}}),
                Some(
                    "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of \
                        type int32",
                ),
            ),
            (
                "ConfigMap",
                json!({"metadata": "x"}),
                Some(
                    "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type \
                        v1.ObjectMeta",
                ),
            ),
            ("Service", json!({"spec": {"ports": null, "type": "ClusterIP"}}), None),
        ] {
            let (_, of) = Kinds::built_in().named(kind).unwrap();
            assert_eq!(mistyped(&of.storage().schema, kind, &object).as_deref(), expect, "{object}");
        }
        let (_, of) = Kinds::built_in().named("Service").unwrap();
        assert!(mistyped(&of.storage().schema, "Service", &Value::from("x")).is_some());
    }
}
