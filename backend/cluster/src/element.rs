//! JSON answers, read element by element: what is odd in one place costs that place only. `null` is what is
//! not set.

use serde_json::value::RawValue;
pub(crate) use serde_json_borrow::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Fields of an object, each as it was written.
pub(crate) type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The fields of an object that are set; `None` when it is none.
pub(crate) fn fields(text: &str) -> Option<Fields<'_>> {
    // A key with an escape in it cannot be borrowed.
    #[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
    let fields: BTreeMap<Key<'_>, &RawValue> = serde_json::from_str(text).ok()?;
    let set = fields.into_iter().filter(|(_, value)| value.get() != "null");
    Some(set.map(|(key, value)| (key.0, value)).collect())
}

/// The elements of a list; none where it is not set, `None` when it is no list.
pub(crate) fn list(value: Option<&RawValue>) -> Option<Vec<&RawValue>> {
    value.map_or(Some(Vec::new()), |value| serde_json::from_str(value.get()).ok())
}

/// A text; empty where there is none.
pub(crate) fn text(value: Option<&RawValue>) -> String {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

/// The texts of a list.
pub(crate) fn texts(value: Option<&RawValue>) -> Vec<String> {
    let list = list(value).unwrap_or_default();
    list.into_iter().map(|element| text(Some(element))).filter(|text| !text.is_empty()).collect()
}

/// A value as text: a string itself, else how it is written.
pub(crate) fn written<'a>(value: &'a Value<'_>) -> Cow<'a, str> {
    match value {
        Value::Str(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_set_and_one_odd_element_is_one() {
        let all = fields(r#"{"a":null,"b\n":[1,null,{"x":2}],"c":"x"}"#).expect("an object");
        assert_eq!(all.keys().collect::<Vec<_>>(), ["b\n", "c"]);
        assert_eq!(list(all.get("b\n").copied()).map(|list| list.len()), Some(3));
        assert_eq!(list(all.get("a").copied()).map(|list| list.len()), Some(0));
        assert!(list(all.get("c").copied()).is_none() && fields("[]").is_none());
        assert_eq!(
            texts(fields(r#"{"w":["a",null,3,"b"]}"#).and_then(|all| all.get("w").copied())),
            ["a", "b"]
        );
    }
}
