//! The notation of the schema files. One type is
//!
//! ```text
//! type VirtualService.HTTPRoute   What a rule does with the requests that it takes.
//!   match []VirtualService.Match  Any of these has to hold.
//!   timeout duration              How long to wait; none when absent.
//! ```
//!
//! `!` after a field's name makes it required. Types are `string int32 int64 uint32 uint64 number bool any
//! object time quantity bytes intstr duration port`, `enum(A|B)`, `[]T` (one value), `[set]T`, `[key,key]T`
//! (keyed), `{}T` (free keys), or the name of another type; `?` behind allows null, and `(1..256)` bounds
//! value, length or number. `alias NAME NOTATION` gives a notation a name. A line `rule NAME` adds a rule to
//! the type, `one A|B` says that at most one of these fields may be there, `pattern REGEX` what a text has to
//! look like, `default VALUE` what stands there otherwise.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;
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
    texts: BTreeMap<&'static str, TypeText>,
    resolved: Mutex<HashMap<&'static str, Arc<Schema>>>,
}

#[derive(Default)]
struct TypeText {
    description: &'static str,
    alias: Option<&'static str>,
    fields: Vec<(&'static str, &'static str, &'static str)>,
    rules: Vec<&'static str>,
    one_of: Vec<&'static str>,
    pattern: Option<&'static str>,
    default: Option<&'static str>,
}

impl Library {
    pub(crate) fn parse(files: &[&'static str]) -> Self {
        let mut texts: BTreeMap<&'static str, TypeText> = BTreeMap::new();
        let mut current: Option<&'static str> = None;
        for line in files.iter().flat_map(|file| file.lines()) {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (first, rest) = split(trimmed);
            let (second, description) = split(rest);
            if !line.starts_with(' ') {
                if first == "type" {
                    let text = texts.entry(second).or_default();
                    if !description.is_empty() {
                        text.description = description;
                    }
                    current = Some(second);
                } else if first == "alias" {
                    texts.entry(second).or_default().alias = Some(description);
                    current = Some(second);
                }
                continue;
            }
            let Some(text) = current.and_then(|name| texts.get_mut(name)) else { continue };
            match first {
                "rule" => text.rules.push(second),
                "one" => text.one_of.push(second),
                "pattern" => text.pattern = Some(rest),
                "default" => text.default = Some(rest),
                _ => {}
            }
            if matches!(first, "rule" | "one" | "pattern" | "default") {
                continue;
            }
            // A later file may describe a field that an earlier one listed.
            match text
                .fields
                .iter_mut()
                .find(|(name, _, _)| name.trim_end_matches('!') == first.trim_end_matches('!'))
            {
                Some(field) => {
                    if second != "=" {
                        field.1 = second;
                    }
                    field.2 = description;
                }
                None => text.fields.push((first, second, description)),
            }
        }
        Self { texts, resolved: Mutex::new(HashMap::new()) }
    }

    /// The schema of a named type; an unknown name is a mistake in the files, and reads as "anything".
    pub(crate) fn resolve(&self, name: &str) -> Arc<Schema> {
        if let Some(found) = self.resolved.lock().get(name) {
            return found.clone();
        }
        let Some((name, text)) = self.texts.get_key_value(name) else {
            tracing::error!(name, "the schema files do not describe this type");
            return Arc::new(Schema { preserve: true, ..Schema::default() });
        };
        let schema = match text.alias {
            Some(alias) => {
                let mut schema = Schema::clone(&self.field(alias, text.description));
                text.complete(&mut schema);
                Arc::new(schema)
            }
            None => {
                let mut schema = Schema {
                    ty: Type::Object,
                    description: text.description.to_owned(),
                    definition: definition_name(name),
                    ..Schema::default()
                };
                for (field, notation, description) in &text.fields {
                    let bare = field.trim_end_matches('!');
                    if bare.len() != field.len() {
                        schema.required.push(bare.to_owned());
                    }
                    schema.properties.insert(bare.to_owned(), self.field(notation, description));
                }
                text.complete(&mut schema);
                Arc::new(schema)
            }
        };
        self.resolved.lock().insert(name, schema.clone());
        schema
    }

    fn field(&self, notation: &str, description: &str) -> Arc<Schema> {
        let (bare, nullable) = notation.strip_suffix('?').map_or((notation, false), |bare| (bare, true));
        let bounds = bare
            .strip_suffix(')')
            .and_then(|bare| bare.rsplit_once('('))
            .filter(|(_, inner)| inner.contains(".."));
        let (bare, bounds) = bounds.map_or((bare, None), |(bare, bounds)| (bare, Some(bounds)));
        let mut schema = self.plain(bare);
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

    fn plain(&self, notation: &str) -> Schema {
        match notation {
            "any" => Schema { preserve: true, ..Schema::default() },
            "object" => Schema { ty: Type::Object, preserve: true, ..Schema::default() },
            "string" => scalar(Type::String, None),
            "bytes" => scalar(Type::String, Some("byte")),
            "time" => scalar(Type::String, Some("date-time")),
            "quantity" => Schema { ty: Type::IntOrString, ..Schema::default() },
            "intstr" => {
                Schema { ty: Type::IntOrString, format: Some("int-or-string".into()), ..Schema::default() }
            }
            "int32" | "int64" => scalar(Type::Integer, Some(notation)),
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
            _ => self.composed(notation),
        }
    }

    fn composed(&self, notation: &str) -> Schema {
        if let Some(values) = notation.strip_prefix("enum(").and_then(|rest| rest.strip_suffix(')')) {
            return Schema {
                options: values.split('|').map(Value::from).collect(),
                ..scalar(Type::String, None)
            };
        }
        if let Some(rest) = notation.strip_prefix("{}") {
            return Schema { ty: Type::Object, additional: Some(self.field(rest, "")), ..Schema::default() };
        }
        if let Some((keys, rest)) = notation.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let list = match keys {
                "" => ListKind::Atomic,
                "set" => ListKind::Set,
                keys => ListKind::Map(keys.split(',').map(str::to_owned).collect()),
            };
            return Schema { ty: Type::Array, items: Some(self.field(rest, "")), list, ..Schema::default() };
        }
        Schema::clone(&self.resolve(notation))
    }
}

impl TypeText {
    /// What is said of a type beside its fields.
    fn complete(&self, schema: &mut Schema) {
        schema.rules.extend(self.rules.iter().filter_map(|rule| Rule::named(rule)));
        let groups: Vec<_> = self
            .one_of
            .iter()
            .map(|names| Schema::at_most_one(&names.split('|').collect::<Vec<_>>()))
            .collect();
        schema.logic = match groups.as_slice() {
            [] => schema.logic.clone(),
            [one] => Logic { one_of: one.clone(), ..Logic::default() },
            many => {
                let group = |one_of: &Vec<Arc<Schema>>| {
                    Arc::new(Schema {
                        logic: Logic { one_of: one_of.clone(), ..Logic::default() },
                        ..Schema::default()
                    })
                };
                Logic { all_of: many.iter().map(group).collect(), ..Logic::default() }
            }
        };
        if let Some(pattern) = self.pattern {
            schema.bounds.pattern = Bounds::read(&serde_json::json!({ "pattern": pattern })).pattern;
        }
        if let Some(default) = self.default {
            schema.default = serde_json::from_str(default).ok();
        }
    }
}

fn whole(most: f64) -> Schema {
    let bounds = Bounds { minimum: Some(0.0), maximum: Some(most), ..Bounds::default() };
    Schema { bounds, ..scalar(Type::Integer, None) }
}

fn scalar(ty: Type, format: Option<&str>) -> Schema {
    Schema { ty, format: format.map(str::to_owned), ..Schema::default() }
}

fn split(text: &'static str) -> (&'static str, &'static str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
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
            for (name, text) in &library.texts {
                let notations = text.fields.iter().map(|(_, notation, _)| *notation).chain(text.alias);
                for notation in notations {
                    let base = notation.trim_end_matches('?').rsplit([']', '}']).next().unwrap();
                    let base = base.split_once('(').map_or(base, |(base, _)| base);
                    let known = base.chars().next().is_some_and(char::is_lowercase) && !base.contains('.');
                    assert!(known || library.texts.contains_key(base), "{name}: {notation}");
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
