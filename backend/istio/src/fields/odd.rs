//! What of an object its kind does not have: fields of another name, texts that are none of those there are.

use super::{GATEWAY_API, ISTIO, Notation, Shape, Types};
use crate::views::gateway_api;
use serde_json::{Map, Value};

/// Something in an object that its kind does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// Where: `spec.http[0].hostt`.
    pub path: String,
    /// What.
    pub what: What,
}

/// What is odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A field; these are there.
    Field(String, Vec<&'static str>),
    /// A text; these are there.
    Text(String, Vec<&'static str>),
}

/// What stands beside each other in every object.
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What an object of one of Istio's kinds, or of the Gateway API's, has that its kind does not have, in its
/// order; of other kinds nothing is known.
pub fn odd(group: &str, kind: &str, object: &Value) -> Vec<Odd> {
    let types: &'static Types = match group {
        gateway_api::GROUP => &GATEWAY_API,
        group if group.ends_with("istio.io") => &ISTIO,
        _ => return Vec::new(),
    };
    let (Some((name, spec)), Some(members)) = (types.get(kind), object.as_object()) else {
        return Vec::new();
    };
    let mut look = Look { types, all: Vec::new() };
    for other in members.keys().filter(|other| !TOP.contains(&other.as_str())) {
        // What is left out of the spec stands beside it; else it is another one of these.
        let own = spec.fields.iter().map(|field| field.name).chain(TOP).collect();
        look.all.push(Odd { path: other.clone(), what: What::Field(other.clone(), own) });
    }
    if let Some(value) = object.get("spec") {
        look.at(name, value, "spec");
    }
    look.all
}

struct Look {
    types: &'static Types,
    all: Vec<Odd>,
}

impl Look {
    fn at(&mut self, notation: &'static str, value: &Value, path: &str) {
        match (Notation::read(notation).shape, value) {
            (Shape::Named(name), _) => self.of_type(name, value, path),
            (Shape::Map(of), Value::Object(members)) => {
                members.iter().for_each(|(key, member)| self.at(of, member, &below(path, key)));
            }
            (Shape::List(_, of), Value::Array(items)) => {
                let all = items.iter().enumerate();
                all.for_each(|(index, item)| self.at(of, item, &format!("{path}[{index}]")));
            }
            (Shape::Enum(values), Value::String(text)) => {
                let values: Vec<&'static str> = values.split('|').collect();
                if !values.contains(&text.as_str()) {
                    self.all.push(Odd { path: path.to_owned(), what: What::Text(text.clone(), values) });
                }
            }
            // Of another type: that is for others to tell.
            _ => {}
        }
    }

    fn of_type(&mut self, name: &str, value: &Value, path: &str) {
        let Some((_, text)) = self.types.get(name) else { return };
        match (text.alias, value) {
            (Some(alias), _) => self.at(alias, value, path),
            (None, Value::Object(members)) => self.of_fields(text, members, path),
            (None, _) => {}
        }
    }

    fn of_fields(&mut self, text: &'static super::TypeText, members: &Map<String, Value>, path: &str) {
        for (key, member) in members {
            let path = below(path, key);
            match text.field(key) {
                Some(field) => self.at(field.notation, member, &path),
                None => {
                    let known = text.fields.iter().map(|field| field.name).collect();
                    self.all.push(Odd { path, what: What::Field(key.clone(), known) });
                }
            }
        }
    }
}

fn below(path: &str, key: &str) -> String {
    match key.contains(['.', '/', '[']) {
        true => format!("{path}[\"{key}\"]"),
        false => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(group: &str, kind: &str, object: &Value) -> Vec<String> {
        odd(group, kind, object).into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn fields_of_no_such_name() {
        let rules = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "labels": {} },
            "spec": { "hostt": ["a"], "http": [{ "match": [{ "headers": { "x-a.b": { "exakt": "b" } } }],
                "timeout": "1s", "route": [{ "destination": { "host": "a" }, "wieght": 1 }] }] }, "stats": {} });
        assert_eq!(
            paths("networking.istio.io", "VirtualService", &rules),
            [
                "stats",
                "spec.hostt",
                "spec.http[0].match[0].headers[\"x-a.b\"].exakt",
                "spec.http[0].route[0].wieght"
            ]
        );
        let free =
            json!({ "spec": { "configPatches": [{ "patch": { "value": { "anything": { "goes": 1 } } } }] } });
        assert_eq!(paths("networking.istio.io", "EnvoyFilter", &free), [] as [&str; 0]);
        assert_eq!(paths("", "Service", &json!({ "spec": { "odd": 1 } })), [] as [&str; 0]);
        let route = json!({ "spec": { "rules": [{ "backendRef": [] }], "parentRefs": [{ "name": "a" }] } });
        assert_eq!(paths("gateway.networking.k8s.io", "HTTPRoute", &route), ["spec.rules[0].backendRef"]);
    }

    #[test]
    fn texts_that_are_none_of_those_there_are() {
        let peers = json!({ "spec": { "mtls": { "mode": "STRIC" }, "portLevelMtls": { "80": { "mode": "DISABLE" } } } });
        let all = odd("security.istio.io", "PeerAuthentication", &peers);
        let modes = vec!["UNSET", "DISABLE", "PERMISSIVE", "STRICT"];
        let expect = Odd { path: "spec.mtls.mode".to_owned(), what: What::Text("STRIC".to_owned(), modes) };
        assert_eq!(all, [expect]);
    }
}
