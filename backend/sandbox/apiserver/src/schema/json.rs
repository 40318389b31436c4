//! Schemas to and from the JSON of CRDs and OpenAPI documents.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    bounds::Bounds,
    field::{ListKind, Logic, Schema},
    rules::Rule,
    types::Type,
};

/// How types refer to each other in the document that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum References<'a> {
    /// Everything written out in place, as CRDs want it.
    Inline,
    /// By name under this prefix, as `#/components/schemas/`.
    Named(&'a str),
}

impl Schema {
    /// The schema as JSON; types with a name of their own become references when asked for.
    pub(crate) fn to_json(&self, references: References<'_>) -> Value {
        let mut out = Map::new();
        if !self.description.is_empty() {
            out.insert("description".into(), json!(self.description));
        }
        match self.ty {
            Type::Any => {}
            Type::IntOrString => match references {
                References::Inline => {
                    out.insert("x-kubernetes-int-or-string".into(), json!(true));
                    out.insert("anyOf".into(), json!([{"type": "integer"}, {"type": "string"}]));
                }
                References::Named(_) => {
                    out.insert("type".into(), json!("string"));
                    out.insert("format".into(), json!("int-or-string"));
                }
            },
            Type::Object => drop(out.insert("type".into(), json!("object"))),
            Type::Array => drop(out.insert("type".into(), json!("array"))),
            Type::String => drop(out.insert("type".into(), json!("string"))),
            Type::Integer => drop(out.insert("type".into(), json!("integer"))),
            Type::Number => drop(out.insert("type".into(), json!("number"))),
            Type::Boolean => drop(out.insert("type".into(), json!("boolean"))),
        }
        if let Some(format) = &self.format
            && self.ty != Type::IntOrString
        {
            out.insert("format".into(), json!(format));
        }
        self.bounds.write(&mut out);
        if !self.options.is_empty() {
            out.insert("enum".into(), json!(self.options));
        }
        if !self.required.is_empty() {
            out.insert("required".into(), json!(self.required));
        }
        if !self.properties.is_empty() {
            let properties: Map<String, Value> = self
                .properties
                .iter()
                .map(|(name, field)| (name.clone(), field.reference(references)))
                .collect();
            out.insert("properties".into(), Value::Object(properties));
        }
        if let Some(items) = &self.items {
            out.insert("items".into(), items.reference(references));
        }
        if let Some(additional) = &self.additional {
            out.insert("additionalProperties".into(), additional.reference(references));
        }
        if self.nullable {
            out.insert("nullable".into(), json!(true));
        }
        if let Some(default) = &self.default {
            out.insert("default".into(), default.clone());
        }
        if references == References::Inline {
            self.logic.write(&mut out);
        }
        self.write_extensions(&mut out, references);
        Value::Object(out)
    }

    fn write_extensions(&self, out: &mut Map<String, Value>, references: References<'_>) {
        if self.preserve {
            out.insert("x-kubernetes-preserve-unknown-fields".into(), json!(true));
        }
        if self.atomic {
            out.insert("x-kubernetes-map-type".into(), json!("atomic"));
        }
        match &self.list {
            ListKind::Atomic if self.ty == Type::Array && references != References::Inline => {
                out.insert("x-kubernetes-list-type".into(), json!("atomic"));
            }
            ListKind::Atomic => {}
            ListKind::Set => {
                out.insert("x-kubernetes-list-type".into(), json!("set"));
                if references != References::Inline {
                    out.insert("x-kubernetes-patch-strategy".into(), json!("merge"));
                }
            }
            ListKind::Map(keys) => {
                out.insert("x-kubernetes-list-type".into(), json!("map"));
                out.insert("x-kubernetes-list-map-keys".into(), json!(keys));
                if references != References::Inline {
                    out.insert("x-kubernetes-patch-merge-key".into(), json!(keys.first()));
                    out.insert("x-kubernetes-patch-strategy".into(), json!("merge"));
                }
            }
        }
        if !self.rules.is_empty() && references == References::Inline {
            out.insert("x-kubernetes-validations".into(), self.rules.iter().map(Rule::to_json).collect());
        }
    }

    fn reference(&self, references: References<'_>) -> Value {
        match (references, &self.definition) {
            (References::Named(prefix), Some(name)) => {
                let target = json!({"$ref": format!("{prefix}{name}")});
                if self.description.is_empty() {
                    return target;
                }
                // A reference stands alone; what is said about this use of it goes beside, in `allOf`.
                json!({"description": self.description, "allOf": [target]})
            }
            _ => self.to_json(references),
        }
    }

    /// Reads the schema of a CRD.
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
        let child = |name: &str| {
            value.get(name).filter(|child| child.is_object()).map(|child| Arc::new(Self::from_json(child)))
        };
        let ty = if flag("x-kubernetes-int-or-string") {
            Type::IntOrString
        } else {
            match text("type") {
                Some("object") => Type::Object,
                Some("array") => Type::Array,
                Some("string") => Type::String,
                Some("integer") => Type::Integer,
                Some("number") => Type::Number,
                Some("boolean") => Type::Boolean,
                _ => Type::Any,
            }
        };
        let strings = |name: &str| -> Vec<String> {
            let items = value.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            ty,
            description: text("description").unwrap_or_default().to_owned(),
            format: text("format").map(str::to_owned),
            required: strings("required"),
            properties: value
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, field)| (name.clone(), Arc::new(Self::from_json(field))))
                .collect(),
            items: child("items"),
            additional: child("additionalProperties"),
            preserve: flag("x-kubernetes-preserve-unknown-fields"),
            atomic: text("x-kubernetes-map-type") == Some("atomic"),
            options: value.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            bounds: Bounds::read(value),
            nullable: flag("nullable"),
            default: value.get("default").cloned(),
            // That a number or a text will do is said by the type.
            logic: if ty == Type::IntOrString { Logic::default() } else { Logic::read(value) },
            list: match text("x-kubernetes-list-type") {
                Some("set") => ListKind::Set,
                Some("map") => ListKind::Map(strings("x-kubernetes-list-map-keys")),
                _ => ListKind::Atomic,
            },
            rules: value
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Rule::read)
                .collect(),
            definition: None,
        }
    }
}

impl Logic {
    fn read(value: &Value) -> Self {
        let list = |name: &str| -> Vec<Arc<Schema>> {
            let items = value.get(name).and_then(Value::as_array).into_iter().flatten();
            items.map(|item| Arc::new(Schema::from_json(item))).collect()
        };
        Self {
            all_of: list("allOf"),
            any_of: list("anyOf"),
            one_of: list("oneOf"),
            not: value.get("not").map(|schema| Arc::new(Schema::from_json(schema))),
        }
    }

    fn write(&self, out: &mut Map<String, Value>) {
        for (name, schemas) in [("allOf", &self.all_of), ("anyOf", &self.any_of), ("oneOf", &self.one_of)] {
            if !schemas.is_empty() {
                out.insert(
                    name.into(),
                    schemas.iter().map(|schema| schema.to_json(References::Inline)).collect(),
                );
            }
        }
        if let Some(schema) = &self.not {
            out.insert("not".into(), schema.to_json(References::Inline));
        }
    }
}
