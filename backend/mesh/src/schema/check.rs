//! What an object has that does not fit its schema.

use super::{Schema, Type};
use crate::spelling::distance;
use serde_json::Value;
use std::fmt;

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    /// Where, as a JSON pointer.
    pub at: String,
    /// What.
    pub misfit: Misfit,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// A field that this cluster's schema does not have; one that is written nearly so.
    Unknown(String, Option<String>),
    /// Of another type.
    Type(Type),
    /// None of the values that there are.
    Value(Vec<Value>),
    /// A field is missing.
    Missing(String),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name, None) => write!(f, "This cluster's schema has no field {name} here"),
            Self::Unknown(name, Some(near)) => {
                write!(f, "This cluster's schema has no field {name} here; it has {near}")
            }
            Self::Type(ty) => write!(f, "It must be {}", ty.words()),
            Self::Value(values) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    .collect();
                write!(f, "It must be one of {}", values.join(", "))
            }
            Self::Missing(name) => write!(f, "{name} is missing here"),
        }
    }
}

/// More are not told.
const MOST: usize = 100;

impl Schema {
    /// Everything that does not fit, in the order of the object.
    pub fn check(&self, value: &Value) -> Vec<Flaw> {
        let mut found = Vec::new();
        self.look(value, &mut String::new(), &mut found);
        found
    }

    fn look(&self, value: &Value, at: &mut String, found: &mut Vec<Flaw>) {
        if found.len() >= MOST {
            return;
        }
        let flaw = |misfit| Flaw { at: at.clone(), misfit };
        // A server drops null where it is none of the values.
        if value.is_null() {
            return;
        }
        if !self.ty.takes(value) {
            found.push(flaw(Misfit::Type(self.ty)));
            return;
        }
        if !self.values.is_empty() && !self.values.contains(value) {
            found.push(flaw(Misfit::Value(self.values.clone())));
        }
        match value {
            Value::Object(fields) if self.ty == Type::Object => {
                let missing = self.required.iter().filter(|name| !fields.contains_key(*name));
                found.extend(missing.map(|name| flaw(Misfit::Missing(name.clone()))));
                for (name, value) in fields {
                    let length = at.len();
                    at.push('/');
                    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    match self.fields.get(name).or(self.others.as_ref()) {
                        Some(schema) => schema.look(value, at, found),
                        None => {
                            let misfit = Misfit::Unknown(name.clone(), self.near(name));
                            found.push(Flaw { at: at.clone(), misfit });
                        }
                    }
                    at.truncate(length);
                }
            }
            Value::Array(rows) => {
                for (number, row) in rows.iter().enumerate() {
                    let Some(schema) = &self.rows else { return };
                    let length = at.len();
                    at.push_str(&format!("/{number}"));
                    schema.look(row, at, found);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// A field that is written nearly so.
    fn near(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        let far = |other: &&String| distance(&name, &other.to_lowercase());
        let near = self.fields.keys().min_by_key(far)?;
        (far(&near) <= 1 + name.chars().count() / 4).then(|| near.clone())
    }
}

impl Type {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
            Self::Text => value.is_string(),
            Self::Integer => {
                value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0)
            }
            Self::Number => value.is_number(),
            Self::Bool => value.is_boolean(),
            Self::IntegerOrText => value.is_i64() || value.is_u64() || value.is_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SchemaOf;
    use super::*;
    use istio::kinds;
    use serde_json::json;

    /// As an API server says it.
    fn schema() -> Schema {
        let meta = json!({ "type": "object", "properties": { "name": { "type": "string" },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } } } });
        let gateway = json!({ "type": "object",
            "x-kubernetes-group-version-kind": [{ "group": "networking.istio.io", "version": "v1", "kind": "Gateway" }],
            "properties": {
                "apiVersion": { "type": "string" }, "kind": { "type": "string" },
                "metadata": { "allOf": [{ "$ref": "#/components/schemas/meta" }], "description": "Named." },
                "spec": { "type": "object", "required": ["servers"], "properties": {
                    "selector": { "type": "object", "additionalProperties": { "type": "string" } },
                    "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                    "self": { "$ref": "#/components/schemas/self" },
                    "servers": { "type": "array", "items": { "type": "object", "required": ["hosts"], "properties": {
                        "hosts": { "type": "array", "items": { "type": "string" },
                            "description": "Hosts that it is for. There may be several.\nMore." },
                        "port": { "type": "integer" },
                        "target": { "x-kubernetes-int-or-string": true },
                        "mode": { "type": "string", "enum": ["SIMPLE", "MUTUAL"] },
                        "tls": { "type": "boolean", "nullable": true } } } } } } } });
        let itself =
            json!({ "type": "object", "properties": { "self": { "$ref": "#/components/schemas/self" } } });
        let document =
            json!({ "components": { "schemas": { "meta": meta, "gateway": gateway, "self": itself } } });
        let of = SchemaOf { kind: &kinds::GATEWAY, api_version: "networking.istio.io/v1".into() };
        assert_eq!(Schema::read(&document, &SchemaOf { kind: &kinds::SIDECAR, ..of.clone() }), None);
        Schema::read(&document, &of).unwrap()
    }

    #[track_caller]
    fn check(server: Value, expect: &[(&str, &str)]) {
        let object = json!({ "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": { "name": "a", "labels": { "a/b": "c" } }, "spec": { "servers": [server] } });
        let found: Vec<(String, String)> =
            schema().check(&object).into_iter().map(|flaw| (flaw.at, flaw.misfit.to_string())).collect();
        let expect: Vec<(String, String)> =
            expect.iter().map(|(at, words)| (format!("/spec/servers/0{at}"), (*words).to_owned())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_does_not_fit_is_told_where_it_stands() {
        check(json!({ "hosts": ["a"], "port": 80, "target": "http", "mode": "SIMPLE", "tls": null }), &[]);
        check(
            json!({ "hosts": ["a"], "prot": 80 }),
            &[("/prot", "This cluster's schema has no field prot here; it has port")],
        );
        check(
            json!({ "hosts": ["a"], "weather": 1 }),
            &[("/weather", "This cluster's schema has no field weather here")],
        );
        check(
            json!({ "hosts": "a", "port": "80" }),
            &[("/hosts", "It must be a list"), ("/port", "It must be a whole number")],
        );
        check(json!({ "hosts": [1] }), &[("/hosts/0", "It must be a text")]);
        check(json!({ "hosts": [], "mode": "simple" }), &[("/mode", "It must be one of SIMPLE, MUTUAL")]);
        check(json!({}), &[("", "hosts is missing here")]);
        check(json!(7), &[("", "It must be fields")]);
    }

    #[test]
    fn a_place_is_found_by_its_path() {
        let schema = schema();
        let hosts = schema.at(["spec", "servers", "0", "hosts"]).unwrap();
        assert_eq!((hosts.ty, hosts.line()), (Type::List, "Hosts that it is for."));
        assert_eq!(schema.at(["metadata"]).unwrap().description, "Named.");
        assert_eq!(schema.at(["spec", "selector", "any"]).unwrap().ty, Type::Text);
        assert_eq!(schema.at(["spec", "free", "any", "thing"]).unwrap().ty, Type::Any);
        assert_eq!(schema.at(["spec", "wrong"]), None);
    }
}
