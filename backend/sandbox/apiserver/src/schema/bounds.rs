//! The bounds of one value: how large, how long, how many, of what form.

use std::{collections::HashMap, sync::LazyLock};

use parking_lot::Mutex;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::types::Type;

/// What a value has to keep to, beside its type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) above: bool,
    pub(crate) below: bool,
    pub(crate) min_items: Option<usize>,
    pub(crate) max_items: Option<usize>,
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) min_properties: Option<usize>,
    pub(crate) max_properties: Option<usize>,
    pub(crate) pattern: Option<Regex>,
}

/// A pattern, made once for all the schemas that have it.
fn compiled(pattern: &str) -> Option<Regex> {
    static MADE: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    if let Some(made) = MADE.lock().get(pattern) {
        return Some(made.clone());
    }
    match Regex::new(pattern) {
        Ok(regex) => {
            MADE.lock().insert(pattern.to_owned(), regex.clone());
            Some(regex)
        }
        Err(error) => {
            tracing::warn!(%pattern, %error, "a pattern is not understood and not enforced");
            None
        }
    }
}

impl Bounds {
    /// Reads the bounds of a schema.
    pub(super) fn read(value: &Value) -> Self {
        let size =
            |name: &str| value.get(name).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
        let number = |name: &str| value.get(name).and_then(Value::as_f64);
        Self {
            minimum: number("minimum"),
            maximum: number("maximum"),
            above: flag("exclusiveMinimum"),
            below: flag("exclusiveMaximum"),
            min_items: size("minItems"),
            max_items: size("maxItems"),
            min_length: size("minLength"),
            max_length: size("maxLength"),
            min_properties: size("minProperties"),
            max_properties: size("maxProperties"),
            pattern: value.get("pattern").and_then(Value::as_str).and_then(compiled),
        }
    }

    /// Writes them into a schema.
    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        for (name, bound) in [("minimum", self.minimum), ("maximum", self.maximum)] {
            if let Some(bound) = bound {
                out.insert(
                    name.into(),
                    if bound.fract() == 0.0 { json!(bound as i64) } else { json!(bound) },
                );
            }
        }
        for (name, flag) in [("exclusiveMinimum", self.above), ("exclusiveMaximum", self.below)] {
            if flag {
                out.insert(name.into(), json!(true));
            }
        }
        for (name, bound) in [
            ("minItems", self.min_items),
            ("maxItems", self.max_items),
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
            ("minProperties", self.min_properties),
            ("maxProperties", self.max_properties),
        ] {
            if let Some(bound) = bound {
                out.insert(name.into(), json!(bound));
            }
        }
        if let Some(pattern) = &self.pattern {
            out.insert("pattern".into(), json!(pattern.as_str()));
        }
    }

    /// Sets the lower and upper bound in the notation `1..256` of the schema files, for a value of this type.
    pub(super) fn set(&mut self, ty: Type, notation: &str) {
        let Some((low, high)) = notation.split_once("..") else { return };
        let size = |text: &str| text.parse::<usize>().ok();
        match ty {
            Type::Integer | Type::Number => {
                self.minimum = low.parse().ok().or(self.minimum);
                self.maximum = high.parse().ok().or(self.maximum);
            }
            Type::Array => (self.min_items, self.max_items) = (size(low), size(high)),
            Type::Object => (self.min_properties, self.max_properties) = (size(low), size(high)),
            _ => (self.min_length, self.max_length) = (size(low), size(high)),
        }
    }
}
