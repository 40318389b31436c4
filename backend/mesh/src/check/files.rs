//! Objects that stand in files: read one by one, each with the place of every field, so that a finding has a
//! line.

use super::report::Row;
use super::{Check, Look, Severity as Bad};
use crate::{Mesh, Objects, Ref};
use istio::validation::{Severity, validate};
use istio::yaml::{Document, documents};
use istio::{Object, kinds};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "NotYaml",
        codes: &[],
        severity: Bad::Error,
        what: "A document of a file is no YAML",
        why: "Nothing of it reaches the cluster; what else stands in the file is judged.",
        next: "Mend the line that is named.",
        of: &[],
        reads: &[],
        look: Look::Files,
    },
    Check {
        name: "GivenTwice",
        codes: &[],
        severity: Bad::Warning,
        what: "An object stands in the files twice, and not as the same",
        why: "The one that is applied last counts.",
        next: "Keep one of them.",
        of: &[],
        reads: &[],
        look: Look::Files,
    },
    Check {
        name: "NotRendered",
        codes: &[],
        severity: Bad::Warning,
        what: "A document still has the placeholders of a template",
        why: "What it will say is not known: it is not judged.",
        next: "Render it first (helm template), and judge what comes of it.",
        of: &[],
        reads: &[],
        look: Look::Files,
    },
];

/// What stands around a placeholder of Helm's.
const PLACEHOLDER: &str = "{{";

/// Where an object stands.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file's name, as it was given.
    pub file: Arc<str>,
    /// The line on which its document begins, from 0.
    line: usize,
    document: Arc<Document>,
    /// Where in the document it stands: "" or "/items/2".
    within: String,
}

impl Source {
    /// Line and column of a field (`spec.http[0].timeout`), or of what it would stand in; both count from 1.
    pub fn place(&self, path: &str) -> (usize, usize) {
        let place = self.document.place(&format!("{}{}", self.within, pointer(path)));
        (self.line + place.line + 1, place.column + 1)
    }
}

/// `/spec/http/0/timeout` of `spec.http[0].timeout`.
pub(super) fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (name, after) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').unwrap_or((inner, "")),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        let name = name.trim_matches('"');
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    pointer
}

/// All that stands in files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The objects of kinds that are known.
    pub objects: Objects,
    sources: BTreeMap<Ref, Source>,
    /// What is wrong with the files themselves, and with objects of other kinds of Istio's.
    rows: Vec<Row>,
}

impl Files {
    /// Reads one more file. Objects without a namespace are in `namespace`.
    pub fn read(&mut self, file: &str, text: &str, namespace: &str) {
        let file: Arc<str> = file.into();
        for piece in documents(text) {
            match piece.document {
                // Placeholders are seldom YAML.
                Err(_) if piece.text.contains(PLACEHOLDER) => {
                    let above = piece.text.split(PLACEHOLDER).next().unwrap_or_default();
                    let last = above.rsplit('\n').next().unwrap_or_default();
                    let at = (piece.line + above.matches('\n').count() + 1, last.chars().count() + 1);
                    self.rows.push(Row::template(&file, at));
                }
                Err(why) => {
                    let place = why.place();
                    let at = (piece.line + place.line + 1, place.column + 1);
                    self.rows.push(Row::unreadable(&file, at, why.to_string()));
                }
                Ok(document) => {
                    let document = Arc::new(document);
                    let source = |within: String| Source {
                        file: file.clone(),
                        line: piece.line,
                        document: document.clone(),
                        within,
                    };
                    match document.value["items"].as_array() {
                        Some(items)
                            if document.value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) =>
                        {
                            for (index, item) in items.iter().enumerate() {
                                self.take(item.clone(), source(format!("/items/{index}")), namespace);
                            }
                        }
                        _ => self.take(document.value.clone(), source(String::new()), namespace),
                    }
                }
            }
        }
    }

    fn take(&mut self, mut value: Value, source: Source, namespace: &str) {
        let version = value["apiVersion"].as_str().unwrap_or_default().to_owned();
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if version.is_empty() || kind.is_empty() || !value.is_object() {
            // Values for Helm and the like stand beside objects; they are none.
            return;
        }
        let meta = ["/metadata/name", "/metadata/namespace"]
            .map(|place| value.pointer(place).and_then(Value::as_str));
        if meta.into_iter().flatten().chain([&*kind]).any(|text| text.contains(PLACEHOLDER)) {
            self.rows.push(Row::template(&source.file, source.place("metadata.name")));
            return;
        }
        let row = kinds::kind(kinds::group(&version), &kind);
        if row.is_none_or(|row| row.namespaced)
            && let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut)
            && meta.get("namespace").and_then(Value::as_str).is_none_or(str::is_empty)
        {
            meta.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
        }
        let object = Object::from(value);
        let Some(at) = object.at() else {
            let title = format!("{kind} {}/{name}", object.namespace());
            for one in validate(kinds::group(&version), &kind, &object.0) {
                let invalid = one.severity == Severity::Error;
                self.rows.push(Row::of_rule(invalid, &title, &one.path, &one.to_string(), &source));
            }
            return;
        };
        // A copy says nothing else, in whatever overlay it stands.
        let other = self.objects.get(&at).is_some_and(|before| *before != object);
        if let Some(before) = self.sources.get(&at).filter(|_| other) {
            self.rows.push(Row::twice(&at, before, &source));
        }
        self.sources.insert(at.clone(), source);
        self.objects.insert(at, object);
    }

    /// Where an object stands, if it stands in a file.
    pub fn source(&self, at: &Ref) -> Option<&Source> {
        self.sources.get(at)
    }

    /// What is wrong with the files themselves.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The mesh that they make: alone, or laid over one that is there.
    pub fn mesh(&self, over: Option<&Mesh>) -> Mesh {
        let mut objects = over.map(|mesh| mesh.objects().clone()).unwrap_or_default();
        for (at, object) in self.objects.iter() {
            match over {
                Some(_) => objects.lay(at, object),
                None => drop(objects.insert(at.clone(), object.clone())),
            }
        }
        Mesh::read(objects, over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_pointers() {
        for (path, expect) in [
            ("", ""),
            ("spec", "/spec"),
            ("spec.http[0].route[12].weight", "/spec/http/0/route/12/weight"),
            ("spec.portLevelMtls.8080", "/spec/portLevelMtls/8080"),
            ("metadata.labels[\"a.b/c\"]", "/metadata/labels/a.b~1c"),
        ] {
            assert_eq!(pointer(path), expect, "{path}");
        }
    }
}
