//! Holding an object against its schema: what is wrong with it, and which fields nobody knows.

use serde_json::Value;

use super::{Schema, Type};

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldProblem {
    /// As in `spec.http[0].timeout`.
    pub(crate) field: String,
    /// As in `FieldValueInvalid`.
    pub(crate) reason: &'static str,
    /// As in `Invalid value: "0.1ms": must be …`.
    pub(crate) message: String,
}

impl FieldProblem {
    pub(crate) fn invalid(field: &str, value: &Value, message: &str) -> Self {
        Self {
            field: field.to_owned(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {message}", shown(value)),
        }
    }

    pub(crate) fn required(field: &str) -> Self {
        Self { field: field.to_owned(), reason: "FieldValueRequired", message: "Required value".into() }
    }
}

fn shown(value: &Value) -> String {
    match value {
        // Objects are shown as their type, as the real server does for rules over several fields.
        Value::Object(_) => "\"object\"".into(),
        Value::Array(_) => "\"array\"".into(),
        other => other.to_string(),
    }
}

/// Everything wrong with `value`; rules over several fields are only looked at when the types are right.
pub(crate) fn check(schema: &Schema, value: &Value) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    types(schema, value, "", &mut problems);
    if problems.is_empty() {
        rules(schema, value, "", &mut problems);
    } else if has_rules(schema) {
        problems.push(FieldProblem {
            field: "<nil>".into(),
            reason: "FieldValueInvalid",
            message: "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation".into(),
        });
    }
    problems
}

fn has_rules(schema: &Schema) -> bool {
    !schema.rules.is_empty()
        || schema.properties.values().any(|field| has_rules(field))
        || schema.items.as_ref().is_some_and(|items| has_rules(items))
        || schema.additional.as_ref().is_some_and(|values| has_rules(values))
}

fn types(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    let wanted = match (schema.ty, value) {
        (_, Value::Null) | (Type::Any, _) => None,
        (Type::Object, Value::Object(_)) | (Type::Array, Value::Array(_)) | (Type::String, Value::String(_)) => None,
        (Type::Boolean, Value::Bool(_)) | (Type::Number, Value::Number(_)) => None,
        (Type::IntOrString, Value::Number(_) | Value::String(_)) => None,
        (Type::Integer, Value::Number(number)) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => None,
        (Type::Object, _) => Some("object"),
        (Type::Array, _) => Some("array"),
        (Type::String, _) => Some("string"),
        (Type::Boolean, _) => Some("boolean"),
        (Type::Number, _) => Some("number"),
        (Type::Integer, _) => Some("integer"),
        (Type::IntOrString, _) => Some("integer or string"),
    };
    if let Some(wanted) = wanted {
        let found = match value {
            Value::Object(_) => "object",
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::Null => "null",
        };
        problems.push(FieldProblem {
            field: path.to_owned(),
            reason: "FieldValueTypeInvalid",
            message: format!("Invalid value: \"{found}\": {path} in body must be of type {wanted}: \"{found}\""),
        });
        return;
    }
    bounds(schema, value, path, problems);
    match value {
        Value::Object(members) => {
            for name in &schema.required {
                if members.get(name).is_none_or(Value::is_null) {
                    problems.push(FieldProblem::required(&join(path, name)));
                }
            }
            for (name, member) in members {
                if let Some(field) = schema.member(name) {
                    types(field, member, &join(path, name), problems);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    types(schema, item, &format!("{path}[{index}]"), problems);
                }
            }
        }
        _ => {}
    }
}

fn bounds(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    if !schema.options.is_empty() && !value.is_null() && !schema.options.contains(value) {
        let options: Vec<String> = schema.options.iter().map(Value::to_string).collect();
        problems.push(FieldProblem {
            field: path.to_owned(),
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value}: supported values: {}", options.join(", ")),
        });
    }
    if let Some(number) = value.as_f64() {
        if let Some(minimum) = schema.minimum.filter(|minimum| number < *minimum) {
            problems.push(FieldProblem::invalid(
                path,
                value,
                &format!("{path} in body should be greater than or equal to {minimum}"),
            ));
        }
        if let Some(maximum) = schema.maximum.filter(|maximum| number > *maximum) {
            problems.push(FieldProblem::invalid(
                path,
                value,
                &format!("{path} in body should be less than or equal to {maximum}"),
            ));
        }
    }
    if let Some(items) = value.as_array() {
        if let Some(most) = schema.max_items.filter(|most| items.len() > *most) {
            problems.push(FieldProblem {
                field: path.to_owned(),
                reason: "FieldValueTooMany",
                message: format!("Too many: {}: must have at most {most} items", items.len()),
            });
        }
        if let Some(least) = schema.min_items.filter(|least| items.len() < *least) {
            problems.push(FieldProblem::invalid(
                path,
                &Value::from(items.len()),
                &format!("{path} in body should have at least {least} items"),
            ));
        }
    }
    if let Some(text) = value.as_str() {
        if let Some(most) = schema.max_length.filter(|most| text.chars().count() > *most) {
            problems.push(FieldProblem {
                field: path.to_owned(),
                reason: "FieldValueTooLong",
                message: format!("Too long: may not be more than {most} bytes"),
            });
        }
        if let Some(least) = schema.min_length.filter(|least| text.chars().count() < *least) {
            problems.push(FieldProblem::invalid(path, value, &format!("{path} in body should be at least {least} chars long")));
        }
    }
}

fn rules(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    if value.is_null() {
        return;
    }
    for rule in &schema.rules {
        if !rule.holds(value) {
            problems.push(FieldProblem::invalid(path, value, rule.message()));
        }
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let Some(field) = schema.member(name) {
                    rules(field, member, &join(path, name), problems);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    rules(schema, item, &format!("{path}[{index}]"), problems);
                }
            }
        }
        _ => {}
    }
}

/// Drops the fields that the schema does not know and says which they were.
pub(crate) fn prune(schema: &Schema, value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_at(schema, value, "", &mut unknown);
    unknown
}

fn prune_at(schema: &Schema, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if !schema.preserve && schema.additional.is_none() && (schema.ty == Type::Object) {
                let surplus: Vec<String> =
                    members.keys().filter(|name| !schema.properties.contains_key(*name)).cloned().collect();
                for name in surplus {
                    members.shift_remove(&name);
                    unknown.push(join(path, &name));
                }
            }
            for (name, member) in members.iter_mut() {
                if let Some(field) = schema.member(name) {
                    prune_at(field, member, &join(path, name), unknown);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter_mut().enumerate() {
                    prune_at(schema, item, &format!("{path}[{index}]"), unknown);
                }
            }
        }
        _ => {}
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, prune};
    use crate::schema::ISTIO;

    #[track_caller]
    fn expect(kind: &str, value: Value, words: &[&str]) {
        let found: Vec<String> =
            check(&ISTIO.resolve(kind), &value).iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
        assert_eq!(found, words);
    }

    #[test]
    fn rules_and_bounds() {
        expect("PeerAuthentication", json!({"mtls": {"mode": "STRICT"}}), &[]);
        let mode = "mtls.mode: Unsupported value: \"ON\": supported values: \"UNSET\", \"DISABLE\", \"PERMISSIVE\", \"STRICT\"";
        expect(
            "PeerAuthentication",
            json!({"mtls": {"mode": "ON"}}),
            &[
                mode,
                "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
            ],
        );
        expect(
            "PeerAuthentication",
            json!({"portLevelMtls": {"80": {}}}),
            &[": Invalid value: \"object\": portLevelMtls requires selector"],
        );
        expect(
            "Gateway",
            json!({"servers": [{"hosts": ["a"], "port": {"number": 70_000, "name": "a", "protocol": "HTTP"}}]}),
            &["servers[0].port.number: Invalid value: 70000: port must be between 1-65535"],
        );
        expect("ServiceEntry", json!({"hosts": ["*"]}), &["hosts: Invalid value: \"array\": wildcard host is not allowed here"]);
    }

    #[test]
    fn unknown_fields_go_and_free_ones_stay() {
        let mut value = json!({"http": [{"match": [{"headers": {"any-name": {"exact": "x", "odd": 1}}, "odd": 2}], "timeout": "1s"}], "odd": 3});
        assert_eq!(
            prune(&ISTIO.resolve("VirtualService"), &mut value),
            ["odd", "http[0].match[0].odd", "http[0].match[0].headers.any-name.odd"]
        );
        assert_eq!(value, json!({"http": [{"match": [{"headers": {"any-name": {"exact": "x"}}}], "timeout": "1s"}]}));
        let mut filter = json!({"configPatches": [{"patch": {"operation": "MERGE", "value": {"anything": {"goes": 1}}}}]});
        assert!(prune(&ISTIO.resolve("EnvoyFilter"), &mut filter).is_empty());
    }
}
