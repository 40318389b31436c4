//! Reading bodies: JSON, YAML where the client says so, or protobuf; and what stands in them twice.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::status::{ApiError, Result};

/// What bodies may be.
const READABLE: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/// Reads a body.
pub(super) fn decode(content_type: &str, body: &[u8]) -> Result<Value> {
    if content_type.contains("protobuf") {
        return crate::protobuf::to_json(body)
            .map_err(|why| ApiError::unsupported_media_type(&format!("{content_type}: {why}"), READABLE));
    }
    if !matches!(content_type, "" | "application/json" | "application/yaml")
        && !content_type.contains("-patch+")
    {
        return Err(ApiError::unsupported_media_type(content_type, READABLE));
    }
    match serde_json::from_slice(body) {
        Ok(value) => Ok(value),
        Err(_) if content_type.contains("yaml") => {
            let unreadable =
                |_| ApiError::bad_request("error converting YAML to JSON: yaml: invalid document");
            let text = std::str::from_utf8(body).map_err(|_| unreadable(()))?;
            serde_saphyr::from_str(text).map_err(|_| unreadable(()))
        }
        Err(error) => Err(ApiError::bad_request(format!(
            "couldn't get version/kind; json parse error: {}",
            not_json(body, &error)
        ))),
    }
}

/// Reads a body that has to be an object of this kind.
pub(super) fn object_of(kind: &str, content_type: &str, body: &[u8]) -> Result<Value> {
    let object = decode(content_type, body)?;
    if object.is_object() { Ok(object) } else { Err(ApiError::no_object(kind, &object, body)) }
}

/// What is wrong with a text that is no JSON, as Go says it.
pub(super) fn not_json(body: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let line =
        body.split_inclusive(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let letter = line.get(error.column().saturating_sub(1)).or(line.last());
    match letter {
        Some(letter) => format!("invalid character {:?} looking for beginning of value", char::from(*letter)),
        None => "unexpected end of JSON input".to_owned(),
    }
}

/// The fields that a JSON body has twice; the later one counts.
pub(super) fn duplicates(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let at = At { path: String::new(), found: &mut found };
    // What is no JSON is said by who reads it.
    drop(at.deserialize(&mut serde_json::Deserializer::from_slice(body)));
    found
}

/// Walks through a body and notes the fields that come twice.
struct At<'a> {
    path: String,
    found: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { name.clone() } else { format!("{}.{name}", self.path) };
            if !seen.insert(name) {
                self.found.push(path.clone());
            }
            map.next_value_seed(At { path, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while items
            .next_element_seed(At { path: format!("{}[{index}]", self.path), found: self.found })?
            .is_some()
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::duplicates;

    #[test]
    fn what_stands_there_twice() {
        let body = br#"{"a": 1, "b": {"c": [1, {"d": null, "d": true}], "c": "x"}, "a": 2.5}"#;
        assert_eq!(duplicates(body), ["b.c[1].d", "b.c", "a"]);
        assert!(duplicates(br#"{"a": 1, "b": [{"a": 1}, {"a": 2}]}"#).is_empty());
        assert!(duplicates(b"no: json").is_empty());
    }
}
