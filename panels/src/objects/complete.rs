//! What may stand where the cursor is: fields by the cluster's schema, values that it lists, and names of the
//! mesh where a host, a subset, a gateway or a namespace is meant.

use super::cursor::At;
use istio::{fqdn, kinds};
use mesh::schema::{Schema, Type};
use mesh::{Mesh, Service};
use serde_json::Value;

/// One thing that can stand here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// What it is called.
    pub(super) name: String,
    /// What is put in the place of what was typed.
    pub(super) text: String,
    /// What it is for, in one line.
    pub(super) about: String,
}

/// More are not offered at once.
const MOST: usize = 60;

/// What may stand where the cursor is, of an object in this namespace. What begins as was typed comes first.
pub(super) fn offers(at: &At, schema: Option<&Schema>, mesh: &Mesh, namespace: &str) -> Vec<Offer> {
    let here = schema.and_then(|schema| schema.at(at.path.iter().map(String::as_str)));
    let mut all = match here {
        Some(object) if !at.value && object.ty == Type::Object => fields(at, object),
        _ => values(at, here, mesh, namespace),
    };
    let typed = at.typed.trim_matches(['"', '\'']).to_lowercase();
    let rank = |offer: &Offer| {
        let name = offer.name.to_lowercase();
        if name.starts_with(&typed) { Some(0) } else { name.contains(&typed).then_some(1) }
    };
    all.retain(|offer| rank(offer).is_some() && (offer.name != at.typed || offer.text != at.typed));
    all.sort_by_key(|offer| rank(offer));
    all.truncate(MOST);
    all
}

fn fields(at: &At, object: &Schema) -> Vec<Offer> {
    let new = object.fields.iter().filter(|(name, _)| !at.beside.iter().any(|(other, _)| other == *name));
    // Controllers write it.
    let new = new.filter(|(name, _)| !(at.path.is_empty() && *name == "status"));
    let offer = |(name, field): (&String, &std::sync::Arc<Schema>)| {
        let deeper = " ".repeat(at.indent + 2);
        let behind = match field.ty {
            Type::Object => format!(":\n{deeper}"),
            Type::List => format!(":\n{}- ", " ".repeat(at.indent)),
            _ => ": ".to_owned(),
        };
        Offer { name: name.clone(), text: format!("{name}{behind}"), about: field.line().to_owned() }
    };
    let mut all: Vec<Offer> = new.map(offer).collect();
    all.sort_by_key(|offer| !object.required.contains(&offer.name));
    all
}

fn values(at: &At, here: Option<&Schema>, mesh: &Mesh, namespace: &str) -> Vec<Offer> {
    let plain = |name: &str, about: &str| Offer { name: name.into(), text: name.into(), about: about.into() };
    if let Some(schema) = here.filter(|schema| !schema.values.is_empty()) {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return schema.values.iter().map(|value| plain(&text(value), "")).collect();
    }
    if here.is_some_and(|schema| schema.ty == Type::Bool) {
        return vec![plain("true", ""), plain("false", "")];
    }
    let row = |name: &str| name.parse::<usize>().is_ok();
    let list = at.path.last().is_some_and(|last| row(last));
    let Some(key) = at.path.iter().rev().find(|name| !row(name)) else { return Vec::new() };
    // A row of a list, or a value behind its key.
    if !list && !at.value {
        return Vec::new();
    }
    match key.as_str() {
        "host" | "hosts" => hosts(mesh, namespace),
        "subset" => {
            let host = at.beside.iter().find(|(key, _)| key == "host").map(|(_, value)| value.as_str());
            subsets(mesh, namespace, host.unwrap_or_default())
        }
        "gateways" => {
            let all = mesh.objects().of_kind(&kinds::GATEWAY).map(|(gateway, _)| {
                let own = *gateway.namespace == *namespace;
                let name = if own {
                    gateway.name.to_string()
                } else {
                    format!("{}/{}", gateway.namespace, gateway.name)
                };
                plain(&name, "Gateway")
            });
            all.chain([plain("mesh", "All sidecars of the mesh")]).collect()
        }
        "namespace" | "namespaces" => {
            mesh.objects().of_kind(&kinds::NAMESPACE).map(|(at, _)| plain(&at.name, "Namespace")).collect()
        }
        _ => Vec::new(),
    }
}

fn hosts(mesh: &Mesh, namespace: &str) -> Vec<Offer> {
    let of = |service: &Service| {
        let near = !service.external && *service.namespace == *namespace;
        let name = if near { service.name.to_string() } else { service.host.clone() };
        let about = if service.external { "Outside the mesh" } else { "Service" };
        Offer { text: name.clone(), name, about: format!("{about} in {}", service.namespace) }
    };
    let mut all: Vec<Offer> = mesh.services().map(of).collect();
    // Those nearby have short names.
    all.sort_by_key(|offer| offer.name.contains('.'));
    all
}

fn subsets(mesh: &Mesh, namespace: &str, host: &str) -> Vec<Offer> {
    let host = fqdn(host, namespace);
    let service = mesh.services().find(|service| service.host == host);
    let subsets = service.into_iter().flat_map(|service| &service.subsets);
    let of = |subset: &mesh::Subset| {
        let labels: Vec<String> = subset.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let declared = if subset.declared { "" } else { ", which no DestinationRule declares" };
        let about = format!("{}{declared}", labels.join(", "));
        Offer { name: subset.name.clone(), text: subset.name.clone(), about }
    };
    subsets.map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::cursor;
    use super::*;
    use mesh::demo;
    use std::sync::Arc;

    fn schema() -> Schema {
        let object = |fields: Vec<(&str, Schema)>| Schema {
            ty: Type::Object,
            fields: fields.into_iter().map(|(name, field)| (name.to_owned(), Arc::new(field))).collect(),
            ..Schema::default()
        };
        let leaf =
            |ty, description: &str| Schema { ty, description: description.into(), ..Schema::default() };
        let list = |rows: Schema| Schema { ty: Type::List, rows: Some(Arc::new(rows)), ..Schema::default() };
        let destination = object(vec![("host", leaf(Type::Text, "")), ("subset", leaf(Type::Text, ""))]);
        let route = object(vec![("destination", destination), ("weight", leaf(Type::Integer, ""))]);
        let http = object(vec![
            ("timeout", leaf(Type::Text, "How long callers wait.\nMore.")),
            ("route", list(route)),
            ("internal", leaf(Type::Bool, "")),
            ("mode", Schema { values: vec!["SIMPLE".into(), "MUTUAL".into()], ..leaf(Type::Text, "") }),
        ]);
        let spec = object(vec![
            ("http", list(http)),
            ("hosts", list(leaf(Type::Text, ""))),
            ("gateways", list(leaf(Type::Text, ""))),
        ]);
        object(vec![("kind", leaf(Type::Text, "")), ("spec", spec), ("status", leaf(Type::Any, ""))])
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) -> Vec<Offer> {
        let cursor = text.find('‸').map(|byte| text[..byte].chars().count()).unwrap();
        let at = cursor::at(&text.replace('‸', ""), cursor).unwrap();
        let offers = offers(&at, Some(&schema()), &demo::bookinfo(), "bookinfo");
        let names: Vec<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
        assert_eq!(names[..expect.len().min(names.len())], *expect, "{names:?}");
        offers
    }

    #[test]
    fn fields_by_the_schema() {
        check("‸", &["kind", "spec"]);
        let http = "spec:\n  http:\n  - name: a\n    ";
        let offers = check(&format!("{http}ti‸"), &["timeout"]);
        assert_eq!(
            (offers[0].text.as_str(), offers[0].about.as_str()),
            ("timeout: ", "How long callers wait.")
        );
        let offers = check(&format!("{http}timeout: 1s\n    ‸"), &["internal", "mode", "route"]);
        assert_eq!(offers[2].text, "route:\n    - ");
        check(&format!("{http}mode: ‸"), &["SIMPLE", "MUTUAL"]);
        check(&format!("{http}internal: t‸"), &["true"]);
        assert_eq!(check(&format!("{http}weather‸"), &[]), []);
    }

    #[test]
    fn names_of_the_mesh() {
        let to = "spec:\n  http:\n  - route:\n    - destination:\n        host: reviews\n        subset: ";
        let offers = check(&format!("{to}‸"), &["v1", "v2", "v3"]);
        assert!(offers[0].about.contains("version=v1"), "{offers:?}");
        check("spec:\n  hosts:\n  - rat‸", &["ratings"]);
        check("spec:\n  gateways:\n  - ‸", &["bookinfo-gateway", "mesh"]);
        check("spec:\n  http:\n  - route:\n    - destination:\n        host: det‸", &["details"]);
    }
}
