//! Objects that stand in files: read one by one, each with the place of every field, so that a finding has a
//! line.

use super::fix::meant;
use super::row::Row;
use super::{Check, Look, Severity as Bad};
use crate::{Hidden, KINDS, Kind, Mesh, Objects, Problem, Ref, Unseen};
use istio::fields::odd;
use istio::validation::{Severity, validate};
use istio::yaml::{Document, documents};
use istio::{Object, kinds};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
        name: "UnknownKind",
        codes: &[],
        severity: Bad::Error,
        what: "An object is of a kind or version that Istio does not have",
        why: "No cluster takes it.",
        next: "Correct kind and apiVersion.",
        of: &[],
        reads: &[],
        look: Look::Files,
    },
    Check {
        name: "UnknownField",
        codes: &[],
        severity: Bad::Error,
        what: "An object has a field that its kind does not have",
        why: "kubectl refuses it; other tools drop the field without a word.",
        next: "Correct its name, or put it where it belongs.",
        of: &[],
        reads: &[],
        look: Look::Files,
    },
    Check {
        name: "UnknownValue",
        codes: &[],
        severity: Bad::Error,
        what: "A field holds a text that is none of those that it can hold",
        why: "The cluster refuses the object.",
        next: "Write one of those that are named.",
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

/// Where objects say what the pods are that they make.
const MAKES_PODS: [&str; 2] = ["/spec/template/spec", "/spec/jobTemplate/spec"];

/// What stands around a placeholder of Helm's.
const PLACEHOLDER: &str = "{{";

/// What is wrong with an object's kind and version, where they are Istio's.
fn unknown_kind(api_version: &str, kind: &str) -> Option<String> {
    let (group, version) = api_version.split_once('/')?;
    let all = || KINDS.iter().map(|row| (row.group, row.kind, row.versions)).chain(NOT_READ);
    let own = || all().filter(|(of, ..)| *of == group);
    if !group.ends_with(".istio.io") || own().next().is_none() {
        return None;
    }
    let Some((.., versions)) = own().find(|(_, name, _)| *name == kind) else {
        let meant = meant(kind, own().map(|(_, name, _)| name));
        let meant = meant.map(|name| format!(": {name} will be meant")).unwrap_or_default();
        return Some(format!("{group} has no kind {kind}{meant}"));
    };
    let other = !versions.contains(&version);
    other.then(|| format!("{kind} has no version {version}: it has {}", versions.join(", ")))
}

/// Kinds of Istio's that nobody here reads: group, name, versions.
const NOT_READ: [(&str, &str, &[&str]); 2] = [
    ("networking.istio.io", "ProxyConfig", &["v1beta1"]),
    ("extensions.istio.io", "TrafficExtension", &["v1alpha1"]),
];

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
    /// Namespaces in which objects of other kinds make pods: DaemonSets, Jobs.
    makers: BTreeSet<String>,
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
        let title = format!("{kind} {}/{name}", object.namespace());
        if let Some(what) = unknown_kind(&version, &kind) {
            self.rows.push(Row::of_kind(&title, what, &source));
        }
        let odd = odd(kinds::group(&version), &kind, &object.0);
        self.rows.extend(odd.iter().filter_map(|one| Row::odd(&title, &version, one, &source)));
        let Some(at) = object.at() else {
            if MAKES_PODS.iter().any(|place| object.0.pointer(place).is_some()) {
                self.makers.insert(object.namespace().to_owned());
            }
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
        let mesh = Mesh::read(objects, over);
        match over {
            Some(_) => mesh,
            None => {
                let unseen = Arc::new(self.unseen(&mesh));
                mesh.seeing_all_but(&unseen)
            }
        }
    }

    /// What else there may be in the cluster that they are for: that it is not among them says nothing.
    fn unseen(&self, mesh: &Mesh) -> Unseen {
        let none = |kind: &'static Kind| self.objects.of_kind(kind).next().is_none();
        let gateways = mesh.virtual_services().any(|(at, view)| {
            view.gateways.iter().any(|name| istio::routing::gateway(name, &at.namespace).is_some())
        });
        let workloads = mesh.workloads().map(|one| one.namespace.to_string());
        let pods: BTreeSet<String> = workloads.filter(|of| !self.makers.contains(of)).collect();
        let mut unseen = Unseen::default();
        let mut hide = |kind: &'static Kind, but: BTreeSet<String>| {
            let why = Problem::new(
                format!("{}s are not known", kind.kind),
                "not all have to stand in the files",
                "Judge the files together with a context, or add them",
            );
            unseen.hide(kind, Hidden { but, why });
        };
        hide(&kinds::NAMESPACE, BTreeSet::new());
        hide(&kinds::POD, pods);
        let rules = [
            (&kinds::SERVICE, none(&kinds::SERVICE)),
            (&kinds::GATEWAY, gateways && none(&kinds::GATEWAY)),
            (&kinds::DESTINATION_RULE, none(&kinds::SERVICE) && none(&kinds::DESTINATION_RULE)),
        ];
        rules.into_iter().filter(|(_, hidden)| *hidden).for_each(|(kind, _)| hide(kind, BTreeSet::new()));
        unseen
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
