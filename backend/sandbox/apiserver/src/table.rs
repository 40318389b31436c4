//! Objects as the rows that `kubectl get` shows.

use serde_json::{Map, Value, json};

use crate::routes::Place;

/// A line for each column, of one kind or of all, with what it is about.
const DESCRIPTIONS: &str = include_str!("../assets/columns.txt");

mod cells;
mod json_path;

/// A column: its header, its type, whether it is only shown by `-o wide`.
pub(crate) struct Header {
    name: String,
    ty: &'static str,
    wide: bool,
    description: String,
}

impl Header {
    fn new(name: &str, ty: &'static str) -> Self {
        let (name, wide) = match name.strip_prefix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        Self { name: name.to_owned(), ty, wide, description: String::new() }
    }

    /// With what the real server says of this column of a kind.
    fn described(mut self, kind: &str) -> Self {
        let (of_kind, of_all) = (format!("{kind}/{}", self.name), self.name.as_str());
        let words = |name: &str| {
            DESCRIPTIONS.lines().find_map(|line| line.split_once('\t').filter(|(of, _)| *of == name))
        };
        if let Some((_, words)) = words(&of_kind).or_else(|| words(of_all)) {
            self.description = words.replace("\\n", "\n");
        }
        self
    }

    fn to_json(&self) -> Value {
        let format = if self.name == "Name" { "name" } else { "" };
        json!({"name": self.name, "type": self.ty, "format": format, "description": self.description, "priority": i32::from(self.wide)})
    }
}

/// The columns.
pub(crate) fn headers(at: &Place) -> Value {
    cells::headers(&at.kind, &at.target.version).iter().map(Header::to_json).collect()
}

/// One object as a row.
pub(crate) fn row(at: &Place, object: &Value, include: &str) -> Value {
    let mut row = Map::new();
    row.insert("cells".into(), Value::Array(cells::cells(&at.kind, &at.target.version, object)));
    match include {
        "None" => {}
        "Object" => drop(row.insert("object".into(), at.show(object))),
        _ => {
            let partial = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")});
            row.insert("object".into(), partial);
        }
    }
    Value::Object(row)
}

/// A table of one row; without headers for the later rows of a watch.
pub(crate) fn one(at: &Place, object: &Value, include: &str, with_headers: bool) -> Value {
    let headers = if with_headers { headers(at) } else { Value::Null };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": headers,
           "rows": [row(at, object, include)]})
}
