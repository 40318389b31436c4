//! Reads the table of Envoy's messages once: `envoy.schema` is what the control plane makes, `filters.schema`
//! what users add.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = concat!(include_str!("envoy.schema"), "\n", include_str!("filters.schema"));

/// How often a field may stand in its message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cardinality {
    One,
    Many,
    Map,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Type {
    String,
    Bytes,
    Bool,
    Int,
    Double,
    Float,
    Wrapper(Scalar),
    Duration,
    Any,
    Struct,
    Value,
    Empty,
    Named(&'static str),
}

/// What a protobuf wrapper message wraps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    String,
    Bool,
    Int,
    Double,
    Float,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) cardinality: Cardinality,
    pub(crate) of: Type,
}

pub(crate) enum Entry {
    Message(HashMap<&'static str, Field>),
    Enum(HashMap<&'static str, i64>),
}

/// Every message and enum by its full name.
pub(crate) static ENTRIES: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| read(TEXT));

fn read(text: &'static str) -> HashMap<&'static str, Entry> {
    // First the names, so that a short reference can be told from a full one; then the fields.
    let rows = rows(text);
    let known: HashMap<String, &'static str> =
        rows.iter().map(|row| (row.full.clone(), intern(&row.full))).collect();
    rows.iter()
        .map(|row| {
            let pairs = row.cells.iter().filter_map(|cell| cell.split_once('='));
            let entry = if row.is_enum {
                Entry::Enum(pairs.filter_map(|(name, number)| Some((name, number.parse().ok()?))).collect())
            } else {
                Entry::Message(
                    pairs.filter_map(|(name, of)| Some((name, field(of, row.package, &known)?))).collect(),
                )
            };
            (known[&row.full], entry)
        })
        .collect()
}

struct Row {
    package: &'static str,
    full: String,
    is_enum: bool,
    cells: Vec<&'static str>,
}

fn rows(text: &'static str) -> Vec<Row> {
    let mut package = "";
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split_whitespace();
        if line.starts_with(' ') {
            if let Some(row) = rows.last_mut() {
                row.cells.extend(cells);
            }
            continue;
        }
        match (cells.next(), cells.next()) {
            (Some("package"), Some(name)) => package = name,
            (Some(kind @ ("message" | "enum")), Some(name)) => {
                rows.push(Row {
                    package,
                    full: format!("{package}.{name}"),
                    is_enum: kind == "enum",
                    cells: cells.collect(),
                });
            }
            _ => {}
        }
    }
    rows
}

/// The table lives as long as the program, and so do the names in it.
fn intern(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

fn field(text: &'static str, package: &str, known: &HashMap<String, &'static str>) -> Option<Field> {
    let (number, of) = text.split_once(':')?;
    let (cardinality, of) = match (of.strip_prefix("[]"), of.strip_prefix("{}")) {
        (Some(of), _) => (Cardinality::Many, of),
        (_, Some(of)) => (Cardinality::Map, of),
        _ => (Cardinality::One, of),
    };
    let of = match of {
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "bool" => Type::Bool,
        "u32" | "u64" | "i32" | "i64" => Type::Int,
        "double" => Type::Double,
        "float" => Type::Float,
        "string?" => Type::Wrapper(Scalar::String),
        "bool?" => Type::Wrapper(Scalar::Bool),
        "u32?" | "u64?" | "i64?" => Type::Wrapper(Scalar::Int),
        "double?" => Type::Wrapper(Scalar::Double),
        "float?" => Type::Wrapper(Scalar::Float),
        "duration" => Type::Duration,
        "any" => Type::Any,
        "struct" => Type::Struct,
        "value" => Type::Value,
        "empty" => Type::Empty,
        name => Type::Named(known.get(&format!("{package}.{name}")).or_else(|| known.get(name))?),
    };
    Some(Field { number: number.parse().ok()?, cardinality, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_whole() {
        for row in rows(TEXT) {
            let read = match &ENTRIES[row.full.as_str()] {
                Entry::Message(fields) => fields.len(),
                Entry::Enum(values) => values.len(),
            };
            assert_eq!(read, row.cells.len(), "{}", row.full);
        }
    }
}
