//! Schemas made of the notation of `istio::fields`.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use indexmap::IndexMap;
use istio::fields::{Notation, Shape, TypeText, Types};
use parking_lot::Mutex;
use serde_json::Value;

use super::{
    bounds::Bounds,
    field::{ListKind, Logic, Schema},
    rules::Rule,
    types::Type,
};

/// Types by name, resolved when they are first asked for.
pub(crate) struct Library {
    types: &'static LazyLock<Types>,
    resolved: Mutex<HashMap<&'static str, Arc<Schema>>>,
}

impl Library {
    pub(crate) fn of(types: &'static LazyLock<Types>) -> Self {
        Self { types, resolved: Mutex::new(HashMap::new()) }
    }

    /// The schema of a named type; an unknown name is a mistake in the files, and reads as "anything".
    pub(crate) fn resolve(&self, name: &str) -> Arc<Schema> {
        if let Some(found) = self.resolved.lock().get(name) {
            return found.clone();
        }
        let Some((name, text)) = self.types.get(name) else {
            tracing::error!(name, "the schema files do not describe this type");
            return Arc::new(Schema { preserve: true, ..Schema::default() });
        };
        let mut schema = match text.alias {
            Some(alias) => Schema::clone(&self.field(alias, text.description)),
            None => {
                let mut schema = Schema {
                    ty: Type::Object,
                    description: text.description.to_owned(),
                    definition: definition_name(name),
                    ..Schema::default()
                };
                for field in &text.fields {
                    if field.required {
                        schema.required.push(field.name.to_owned());
                    }
                    let inner = self.field(field.notation, field.description);
                    schema.properties.insert(field.name.to_owned(), inner);
                }
                schema
            }
        };
        complete(text, &mut schema);
        let schema = Arc::new(schema);
        self.resolved.lock().insert(name, schema.clone());
        schema
    }

    fn field(&self, notation: &str, description: &str) -> Arc<Schema> {
        let Notation { shape, nullable, bounds } = Notation::read(notation);
        let mut schema = match shape {
            Shape::Plain(name) => plain(name).unwrap_or_else(|| Schema::clone(&self.resolve(name))),
            Shape::Enum(values) => {
                let options = values.split('|').map(Value::from).collect();
                Schema { options, ..scalar(Type::String, None) }
            }
            Shape::Map(of) => {
                Schema { ty: Type::Object, additional: Some(self.field(of, "")), ..Schema::default() }
            }
            Shape::List(keys, of) => {
                let list = match keys {
                    "" => ListKind::Atomic,
                    "set" => ListKind::Set,
                    keys => ListKind::Map(keys.split(',').map(str::to_owned).collect()),
                };
                Schema { ty: Type::Array, items: Some(self.field(of, "")), list, ..Schema::default() }
            }
            Shape::Named(name) => Schema::clone(&self.resolve(name)),
        };
        schema.nullable |= nullable;
        if let Some(bounds) = bounds {
            let ty = schema.ty;
            schema.bounds.set(ty, bounds);
        }
        if !description.is_empty() {
            schema.description = description.to_owned();
        }
        Arc::new(schema)
    }
}

/// The types that need no description.
fn plain(name: &str) -> Option<Schema> {
    Some(match name {
        "any" => Schema { preserve: true, ..Schema::default() },
        "object" => Schema { ty: Type::Object, preserve: true, ..Schema::default() },
        "string" => scalar(Type::String, None),
        "bytes" => scalar(Type::String, Some("byte")),
        "time" => scalar(Type::String, Some("date-time")),
        "quantity" => Schema { ty: Type::IntOrString, ..Schema::default() },
        "intstr" => {
            Schema { ty: Type::IntOrString, format: Some("int-or-string".into()), ..Schema::default() }
        }
        "int32" | "int64" => scalar(Type::Integer, Some(name)),
        "uint32" => whole(4_294_967_295.0),
        "uint64" => Schema {
            bounds: Bounds { minimum: Some(0.0), ..Bounds::default() },
            ..scalar(Type::Integer, None)
        },
        "port" => Schema { rules: Rule::named("port").into_iter().collect(), ..whole(4_294_967_295.0) },
        "number" => scalar(Type::Number, Some("double")),
        "bool" => scalar(Type::Boolean, None),
        "duration" => {
            Schema { rules: Rule::named("duration").into_iter().collect(), ..scalar(Type::String, None) }
        }
        _ => return None,
    })
}

/// What is said of a type beside its fields.
fn complete(text: &TypeText, schema: &mut Schema) {
    schema.rules.extend(text.rules.iter().filter_map(|rule| Rule::named(rule)));
    let at_most_one = |names: &&str| Schema::at_most_one(&names.split('|').collect::<Vec<_>>());
    let groups: Vec<_> = text.one_of.iter().map(at_most_one).collect();
    schema.logic = match groups.as_slice() {
        [] => schema.logic.clone(),
        [one] => Logic { one_of: one.clone(), ..Logic::default() },
        many => {
            let group = |one_of: &Vec<Arc<Schema>>| {
                let logic = Logic { one_of: one_of.clone(), ..Logic::default() };
                Arc::new(Schema { logic, ..Schema::default() })
            };
            Logic { all_of: many.iter().map(group).collect(), ..Logic::default() }
        }
    };
    if let Some(pattern) = text.pattern {
        schema.bounds.pattern = Bounds::read(&serde_json::json!({ "pattern": pattern })).pattern;
    }
    if let Some(default) = text.default {
        schema.default = serde_json::from_str(default).ok();
    }
}

fn whole(most: f64) -> Schema {
    let bounds = Bounds { minimum: Some(0.0), maximum: Some(most), ..Bounds::default() };
    Schema { bounds, ..scalar(Type::Integer, None) }
}

fn scalar(ty: Type, format: Option<&str>) -> Schema {
    Schema { ty, format: format.map(str::to_owned), ..Schema::default() }
}

/// Kubernetes' own types stand in OpenAPI documents under their long names; Istio's are written out in place.
fn definition_name(name: &str) -> Option<String> {
    let (group, _) = name.split_once('.')?;
    Some(match group {
        "meta" => format!("io.k8s.apimachinery.pkg.apis.{name}"),
        "apiextensions" => format!("io.k8s.apiextensions-apiserver.pkg.apis.{name}"),
        "core" | "apps" | "discovery" | "coordination" => format!("io.k8s.api.{name}"),
        _ => return None,
    })
}

/// A kind's own schema: what it says, plus apiVersion, kind and metadata.
pub(crate) fn with_type_meta(schema: &Schema) -> Schema {
    let mut properties: IndexMap<String, Arc<Schema>> = IndexMap::new();
    for (name, description) in [
        ("apiVersion", "The version of the API that this object is written in."),
        ("kind", "What this object is."),
    ] {
        let field = Schema { description: description.into(), ..scalar(Type::String, None) };
        properties.insert(name.into(), Arc::new(field));
    }
    for (name, field) in &schema.properties {
        properties.insert(name.clone(), field.clone());
    }
    Schema { properties, ..schema.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{BUILT_IN, GATEWAY_API, ISTIO};

    /// Every name that a field mentions is described somewhere, and every rule has a meaning.
    #[test]
    fn the_files_hang_together() {
        for library in [&*BUILT_IN, &*ISTIO, &*GATEWAY_API] {
            for (name, text) in library.types.iter() {
                let notations = text.fields.iter().map(|field| field.notation).chain(text.alias);
                for notation in notations {
                    let base = notation.trim_end_matches('?').rsplit([']', '}']).next().unwrap();
                    let base = base.split_once('(').map_or(base, |(base, _)| base);
                    let known = base.chars().next().is_some_and(char::is_lowercase) && !base.contains('.');
                    assert!(known || library.types.get(base).is_some(), "{name}: {notation}");
                }
                for rule in &text.rules {
                    assert!(super::Rule::named(rule).is_some(), "{name}: {rule}");
                }
            }
        }
    }

    #[test]
    fn later_words_describe_earlier_fields() {
        let spec = BUILT_IN.resolve("core.v1.PodSpec");
        assert!(spec.properties["containers"].description.contains("sidecar"));
        assert_eq!(spec.required, ["containers"]);
        assert!(spec.properties["containers"].items.is_some());
    }
}
