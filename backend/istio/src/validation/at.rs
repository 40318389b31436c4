//! A value in an object, and where it stands there.

use serde_json::Value;
use std::fmt::Write;

static NOTHING: Value = Value::Null;

/// A value, with the way to it. Paths have slashes between the fields: `localityLbSetting/distribute`.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    value: &'a Value,
    step: Step<'a>,
    up: Option<&'a At<'a>>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Fields(&'a str),
    Item(&'a str, usize),
    Key(&'a str, &'a str),
}

fn walk<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(value, |value, field| value.get(field))
}

impl<'a> At<'a> {
    /// A whole object.
    pub(super) fn object(value: &'a Value) -> Self {
        Self { value, step: Step::Fields(""), up: None }
    }

    fn below(&'a self, value: &'a Value, step: Step<'a>) -> Self {
        Self { value, step, up: Some(self) }
    }

    /// A field that is there, be it null.
    pub(super) fn get(&'a self, path: &'a str) -> Option<At<'a>> {
        Some(self.below(walk(self.value, path)?, Step::Fields(path)))
    }

    /// A field, be it there or not.
    pub(super) fn at(&'a self, path: &'a str) -> At<'a> {
        self.below(walk(self.value, path).unwrap_or(&NOTHING), Step::Fields(path))
    }

    /// The items of a list.
    pub(super) fn items(
        &'a self,
        path: &'a str,
    ) -> impl DoubleEndedIterator<Item = At<'a>> + ExactSizeIterator {
        let list = walk(self.value, path).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().enumerate().map(move |(index, item)| self.below(item, Step::Item(path, index)))
    }

    /// The members of an object with free keys.
    pub(super) fn entries(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let members = walk(self.value, path).and_then(Value::as_object).into_iter().flatten();
        members.map(move |(key, value)| (key.as_str(), self.below(value, Step::Key(path, key))))
    }

    /// The value.
    pub(super) fn value(self) -> &'a Value {
        self.value
    }

    /// The value as text; "" when it is none.
    pub(super) fn str(self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    /// A field's text; "" when there is none.
    pub(super) fn text(self, path: &str) -> &'a str {
        walk(self.value, path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The texts of a list.
    pub(super) fn texts(self, path: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        walk(self.value, path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether a field is set.
    pub(super) fn has(self, path: &str) -> bool {
        walk(self.value, path).is_some_and(|found| !found.is_null())
    }

    /// Whether a field's text is set and not empty.
    pub(super) fn says(self, path: &str) -> bool {
        !self.text(path).is_empty()
    }

    /// Whether a list has items.
    pub(super) fn some(self, path: &str) -> bool {
        walk(self.value, path).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    }

    /// A field that is true.
    pub(super) fn flag(self, path: &str) -> bool {
        walk(self.value, path).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A field's whole number; 0 when there is none.
    pub(super) fn whole(self, path: &str) -> i64 {
        walk(self.value, path).and_then(Value::as_i64).unwrap_or(0)
    }

    /// A field's number.
    pub(super) fn number(self, path: &str) -> Option<f64> {
        walk(self.value, path).and_then(Value::as_f64)
    }

    /// `spec.http[0].headers.request.set[x-a]`.
    pub(super) fn path(self) -> String {
        let mut path = self.up.map(|up| up.path()).unwrap_or_default();
        let mut fields = |of: &str| {
            for field in of.split('/').filter(|field| !field.is_empty()) {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(field);
            }
        };
        // Writing to a String cannot fail.
        let _written = match self.step {
            Step::Fields(of) => {
                fields(of);
                Ok(())
            }
            Step::Item(of, index) => {
                fields(of);
                write!(path, "[{index}]")
            }
            Step::Key(of, key) => {
                fields(of);
                write!(path, "[{key}]")
            }
        };
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_are_named_as_kubernetes_names_them() {
        let object = json!({"spec": {"http": [{}, {"headers": {"request": {"set": {"x-a": "1"}}}}]}});
        let object = At::object(&object);
        let spec = object.at("spec");
        let rule = spec.items("http").next_back().unwrap();
        let (_, value) = rule.entries("headers/request/set").next().unwrap();
        assert_eq!(value.path(), "spec.http[1].headers.request.set[x-a]");
        assert_eq!(value.str(), "1");
        assert_eq!(rule.at("fault/abort").path(), "spec.http[1].fault.abort");
        assert!(rule.get("fault").is_none() && !rule.has("fault"));
    }
}
