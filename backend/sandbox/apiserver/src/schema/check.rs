//! Holding an object against its schema: what is wrong with it.

use serde_json::Value;

use super::{
    field::{ListKind, Schema},
    limits,
    problem::{FieldProblem, join},
    types::Type,
};

/// Everything wrong with `value`, given what it was before; rules are only looked at when the types are
/// right.
pub(crate) fn check(schema: &Schema, value: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    types(schema, value, "", &mut problems);
    if problems.is_empty() {
        rules(schema, value, old, "", &mut problems);
    } else if has_rules(schema) {
        problems.push(FieldProblem {
            field: "<nil>".into(),
            reason: "FieldValueInvalid",
            message: "Invalid value: null: some validation rules were not checked because the object was \
                invalid; correct the existing errors to complete validation"
                .into(),
        });
    }
    problems
}

/// As [`check`], without what was wrong before and is as it was: an object that was let in once can still be
/// changed elsewhere.
pub(crate) fn check_change(schema: &Schema, value: &Value, old: &Value) -> Vec<FieldProblem> {
    let mut problems = check(schema, value, Some(old));
    if !problems.is_empty() {
        let before = check(schema, old, None);
        problems.retain(|problem| {
            !(before.contains(problem) && at(value, &problem.field) == at(old, &problem.field))
        });
    }
    problems
}

/// The value at a path as `spec.http[0].timeout`; the whole where the path names none.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path == "<nil>" {
        return Some(value);
    }
    let mut parts = path.split(['.', '[']).filter(|part| !part.is_empty());
    parts.try_fold(value, |value, part| match part.strip_suffix(']') {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(part),
    })
}

fn has_rules(schema: &Schema) -> bool {
    !schema.rules.is_empty()
        || schema.properties.values().any(|field| has_rules(field))
        || schema.items.as_ref().is_some_and(|items| has_rules(items))
        || schema.additional.as_ref().is_some_and(|values| has_rules(values))
}

fn types(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    let wanted = match (schema.ty, value) {
        (Type::Any, _) => None,
        (_, Value::Null) if schema.nullable => None,
        (Type::Object, Value::Object(_))
        | (Type::Array, Value::Array(_))
        | (Type::String, Value::String(_)) => None,
        (Type::Boolean, Value::Bool(_)) | (Type::Number, Value::Number(_)) => None,
        (Type::IntOrString, Value::Number(_) | Value::String(_)) => None,
        (Type::Integer, Value::Number(number))
            if number.as_f64().is_some_and(|number| number.fract() == 0.0) =>
        {
            None
        }
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
            message: format!(
                "Invalid value: \"{found}\": {path} in body must be of type {wanted}: \"{found}\""
            ),
        });
        return;
    }
    limits::check(schema, value, path, problems);
    logic(schema, value, path, problems);
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

/// Further schemas: all, any, exactly one, or none of them have to fit.
fn logic(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    let fits = |schema: &Schema| {
        let mut problems = Vec::new();
        types(schema, value, path, &mut problems);
        problems.is_empty()
    };
    let mut refuse = |words: String| {
        problems.push(FieldProblem {
            field: "<nil>".into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: \"\": \"{path}\" must {words}"),
        });
    };
    let logic = &schema.logic;
    if !logic.one_of.is_empty() {
        match logic.one_of.iter().filter(|schema| fits(schema)).count() {
            1 => {}
            0 => refuse("validate one and only one schema (oneOf). Found none valid".into()),
            many => {
                refuse(format!("validate one and only one schema (oneOf). Found {many} valid alternatives"));
            }
        }
    }
    if !logic.any_of.is_empty() && !logic.any_of.iter().any(|schema| fits(schema)) {
        refuse("validate at least one schema (anyOf)".into());
    }
    if logic.not.as_ref().is_some_and(|schema| fits(schema)) {
        refuse("not validate the schema (not)".into());
    }
    for schema in &logic.all_of {
        types(schema, value, path, problems);
    }
}

/// Items of keyed lists and sets that stand there twice.
pub(crate) fn duplicates(schema: &Schema, value: &Value) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    duplicates_at(schema, value, "", &mut problems);
    problems
}

fn duplicates_at(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let Some(field) = schema.member(name) {
                    duplicates_at(field, member, &join(path, name), problems);
                }
            }
        }
        Value::Array(items) => {
            let key = |item: &Value| match &schema.list {
                ListKind::Atomic => None,
                ListKind::Set => Some(item.clone()),
                ListKind::Map(keys) => Some(
                    keys.iter()
                        .filter_map(|key| Some((key.clone(), item.get(key)?.clone())))
                        .collect::<Value>(),
                ),
            };
            let mut seen = std::collections::HashSet::new();
            for (index, item) in items.iter().enumerate() {
                let at = format!("{path}[{index}]");
                if let Some(key) = key(item)
                    && !seen.insert(key.to_string())
                {
                    problems.push(FieldProblem {
                        field: at.clone(),
                        reason: "FieldValueDuplicate",
                        message: format!("Duplicate value: {key}"),
                    });
                }
                if let Some(schema) = &schema.items {
                    duplicates_at(schema, item, &at, problems);
                }
            }
        }
        _ => {}
    }
}

fn rules(schema: &Schema, value: &Value, old: Option<&Value>, path: &str, problems: &mut Vec<FieldProblem>) {
    if value.is_null() {
        return;
    }
    problems.extend(schema.rules.iter().filter_map(|rule| rule.problem(path, value, old)));
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let Some(field) = schema.member(name) {
                    rules(field, member, old.and_then(|old| old.get(name)), &join(path, name), problems);
                }
            }
        }
        Value::Array(items) => {
            if let Some(of) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    // Only items with keys are known to be the same as before.
                    let same = |keys: &[String]| {
                        let before = old.and_then(Value::as_array).into_iter().flatten();
                        before.into_iter().find(|one| keys.iter().all(|key| one.get(key) == item.get(key)))
                    };
                    let old = if let ListKind::Map(keys) = &schema.list { same(keys) } else { None };
                    rules(of, item, old, &format!("{path}[{index}]"), problems);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;
    use crate::schema::{ISTIO, prune};

    #[track_caller]
    fn expect(kind: &str, value: Value, words: &[&str]) {
        let found: Vec<String> = check(&ISTIO.resolve(kind), &value, None)
            .iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect();
        assert_eq!(found, words);
    }

    #[test]
    fn rules_and_bounds() {
        expect("PeerAuthentication", json!({"mtls": {"mode": "STRICT"}}), &[]);
        let mode = "mtls.mode: Unsupported value: \"ON\": supported values: \"UNSET\", \"DISABLE\", \
            \"PERMISSIVE\", \"STRICT\"";
        expect(
            "PeerAuthentication",
            json!({"mtls": {"mode": "ON"}}),
            &[
                mode,
                "<nil>: Invalid value: null: some validation rules were not checked because the object was \
                    invalid; correct the existing errors to complete validation",
            ],
        );
        expect(
            "PeerAuthentication",
            json!({"portLevelMtls": {"80": {}}}),
            &[": Invalid value: \"object\": portLevelMtls requires selector"],
        );
        expect(
            "ServiceEntry",
            json!({"hosts": ["a"], "ports": [{"number": 70_000, "name": "a"}]}),
            &["ports[0].number: Invalid value: 70000: port must be between 1-65535"],
        );
        expect(
            "ServiceEntry",
            json!({"hosts": ["*"]}),
            &["hosts[0]: Invalid value: \"*\": hostname cannot be wildcard"],
        );
    }

    #[test]
    fn unknown_fields_go_and_free_ones_stay() {
        let mut value = json!({"http": [{"match": [{"headers": {"any-name": {"exact": "x", "odd": 1}},
            "odd": 2}], "timeout": "1s"}], "odd": 3});
        assert_eq!(
            prune(&ISTIO.resolve("VirtualService"), &mut value),
            ["odd", "http[0].match[0].odd", "http[0].match[0].headers.any-name.odd"]
        );
        assert_eq!(
            value,
            json!({"http": [{"match": [{"headers": {"any-name": {"exact": "x"}}}], "timeout": "1s"}]})
        );
        let mut filter =
            json!({"configPatches": [{"patch": {"operation": "MERGE", "value": {"anything": {"goes": 1}}}}]});
        assert!(prune(&ISTIO.resolve("EnvoyFilter"), &mut filter).is_empty());
    }
}
