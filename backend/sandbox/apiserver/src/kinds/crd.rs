//! From a CustomResourceDefinition to a kind that is served.

use std::sync::Arc;

use serde_json::Value;

use super::{Column, Kind, Version};
use crate::schema::{BUILT_IN, Schema, Type, with_type_meta};

/// The kind that a CRD defines; nothing when it defines none that could be served.
pub(crate) fn registration(crd: &Value) -> Option<Kind> {
    let text = |path: &str| crd.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let texts = |path: &str| -> Vec<String> {
        let items = crd.pointer(path).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = text("/spec/names/kind")?;
    let mut versions = Vec::new();
    let (mut status, mut scale) = (false, false);
    for version in crd.pointer("/spec/versions").and_then(Value::as_array)? {
        if version.get("served").and_then(Value::as_bool) != Some(true) {
            continue;
        }
        status |= version.pointer("/subresources/status").is_some();
        scale |= version.pointer("/subresources/scale").is_some();
        let columns = version.get("additionalPrinterColumns").and_then(Value::as_array).into_iter().flatten();
        versions.push(Version {
            name: version.get("name")?.as_str()?.to_owned(),
            storage: version.get("storage").and_then(Value::as_bool) == Some(true),
            schema: Arc::new(schema(version.pointer("/schema/openAPIV3Schema"))),
            columns: columns.filter_map(column).collect(),
        });
    }
    if versions.is_empty() {
        return None;
    }
    Some(Kind {
        group: text("/spec/group")?,
        singular: text("/spec/names/singular").unwrap_or_else(|| kind.to_lowercase()),
        plural: text("/spec/names/plural")?,
        short: texts("/spec/names/shortNames"),
        categories: texts("/spec/names/categories"),
        namespaced: text("/spec/scope").as_deref() == Some("Namespaced"),
        kind,
        versions,
        status,
        scale,
        generation: true,
        custom: true,
    })
}

fn schema(written: Option<&Value>) -> Schema {
    let mut schema = written.map(Schema::from_json).unwrap_or_default();
    if written.is_none() {
        schema.preserve = true;
    }
    schema.ty = Type::Object;
    // Metadata is the same for all kinds, whatever a CRD says of it.
    schema.properties.insert("metadata".into(), BUILT_IN.resolve("meta.v1.ObjectMeta"));
    with_type_meta(&schema)
}

fn column(written: &Value) -> Option<Column> {
    let text = |name: &str| written.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Column {
        name: written.get("name")?.as_str()?.to_owned(),
        ty: text("type"),
        path: text("jsonPath"),
        priority: written.get("priority").and_then(Value::as_i64).unwrap_or(0),
        description: text("description"),
    })
}
