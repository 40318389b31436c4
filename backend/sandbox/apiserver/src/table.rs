//! Objects as the rows that `kubectl get` shows.

use serde_json::{Map, Value, json};

use crate::target::Place;
use header::Header;

mod cells;
mod header;
mod json_path;

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
            let partial = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": object.get("metadata")});
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
