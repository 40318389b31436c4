//! Bodies in Kubernetes' own protobuf, as kubectl sends them for the few kinds that it makes from flags. They
//! become JSON at the door.

use std::{collections::BTreeMap, num::TryFromIntError, sync::LazyLock};

use base64::Engine as _;
use bytes::Buf as _;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde_json::{Map, Value, json};

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

type Message = BTreeMap<u32, (&'static str, &'static str)>;

/// The messages by name: field number to field name and type.
static MESSAGES: LazyLock<BTreeMap<&'static str, Message>> = LazyLock::new(|| {
    let mut messages: BTreeMap<&'static str, Message> = BTreeMap::new();
    let mut current = "";
    for line in include_str!("../assets/protobuf.txt").lines() {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["message", name] => current = name,
            [number, name, ty] if line.starts_with(' ') => {
                if let Ok(number) = number.parse() {
                    messages.entry(current).or_default().insert(number, (name, ty));
                }
            }
            _ => {}
        }
    }
    messages
});

/// Why a body is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the body does not begin as Kubernetes' protobuf does")]
    Magic,
    #[error("{0}")]
    Broken(#[from] prost::DecodeError),
    #[error("{0}")]
    TooLong(#[from] TryFromIntError),
    #[error("the body ends in the middle of a field")]
    Short,
    #[error("fields of wire type {0:?} are not known here")]
    Wire(WireType),
    #[error("{0} in protobuf is not known here")]
    Message(String),
    #[error("field {number} of {of} in protobuf is not known here")]
    Field { number: u32, of: String },
    #[error("a map entry is a number")]
    Entry,
    #[error("a field of type {0} in protobuf is a number")]
    Number(String),
}

/// The object in a body.
pub(crate) fn to_json(body: &[u8]) -> Result<Value, Unreadable> {
    let mut rest = body.strip_prefix(MAGIC).ok_or(Unreadable::Magic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, field)) = next(&mut rest)? {
        match (number, field) {
            (1, Field::Bytes(mut of)) => {
                while let Some((number, field)) = next(&mut of)? {
                    match (number, field) {
                        (1, Field::Bytes(text)) => api_version = String::from_utf8_lossy(text).into_owned(),
                        (2, Field::Bytes(text)) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = message(&kind, raw)?;
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    Ok(object)
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Takes the next field off.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(u32, Field<'a>)>, Unreadable> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (number, wire) = decode_key(rest)?;
    let field = match wire {
        WireType::Varint => Field::Number(decode_varint(rest)?),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(rest)?)?;
            let bytes = rest.get(..length).ok_or(Unreadable::Short)?;
            rest.advance(length);
            Field::Bytes(bytes)
        }
        other => return Err(Unreadable::Wire(other)),
    };
    Ok(Some((number, field)))
}

fn message(name: &str, mut rest: &[u8]) -> Result<Value, Unreadable> {
    let fields = MESSAGES.get(name).ok_or_else(|| Unreadable::Message(name.to_owned()))?;
    let mut object = Map::new();
    while let Some((number, field)) = next(&mut rest)? {
        let (field_name, ty) =
            fields.get(&number).ok_or_else(|| Unreadable::Field { number, of: name.to_owned() })?;
        if *ty == "skip" {
            continue;
        }
        if let Some(of) = ty.strip_prefix("[]") {
            let list = object.entry(*field_name).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(value(of, &field)?);
            }
        } else if let Some(of) = ty.strip_prefix("{}") {
            let (key, value) = entry(of, &field)?;
            object.entry(*field_name).or_insert_with(|| json!({}))[key] = value;
        } else {
            let value = value(ty, &field)?;
            // Go writes empty texts and so on that nobody set.
            if value != "" && value != false && !(*ty == "count" && value == 0) {
                object.insert((*field_name).to_owned(), value);
            }
        }
    }
    Ok(Value::Object(object))
}

fn entry(ty: &str, field: &Field<'_>) -> Result<(String, Value), Unreadable> {
    let Field::Bytes(bytes) = field else { return Err(Unreadable::Entry) };
    let mut rest: &[u8] = bytes;
    let (mut key, mut found) = (String::new(), Value::from(""));
    while let Some((number, field)) = next(&mut rest)? {
        match (number, &field) {
            (1, Field::Bytes(text)) => key = String::from_utf8_lossy(text).into_owned(),
            (2, field) => found = value(ty, field)?,
            _ => {}
        }
    }
    Ok((key, found))
}

fn value(ty: &str, field: &Field<'_>) -> Result<Value, Unreadable> {
    Ok(match (ty, field) {
        // Numbers below zero are written as if they had no sign.
        ("int" | "count", Field::Number(number)) => json!(number.cast_signed()),
        ("bool", Field::Number(number)) => json!(*number != 0),
        ("string", Field::Bytes(text)) => json!(String::from_utf8_lossy(text)),
        ("bytes", Field::Bytes(bytes)) => json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
        ("intstr", Field::Bytes(bytes)) => int_or_string(bytes)?,
        ("Quantity", Field::Bytes(bytes)) => message(ty, bytes)?.get("string").cloned().unwrap_or_default(),
        (name, Field::Bytes(bytes)) => message(name, bytes)?,
        (name, Field::Number(_)) => return Err(Unreadable::Number(name.to_owned())),
    })
}

fn int_or_string(mut rest: &[u8]) -> Result<Value, Unreadable> {
    let (mut number, mut text) = (0, None);
    while let Some((index, field)) = next(&mut rest)? {
        match (index, field) {
            (2, Field::Number(found)) => number = found.cast_signed(),
            (3, Field::Bytes(found)) if !found.is_empty() => {
                text = Some(String::from_utf8_lossy(found).into_owned());
            }
            _ => {}
        }
    }
    Ok(text.map_or(json!(number), Value::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_json;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let of = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &of), field(2, raw)].concat()
    }

    #[test]
    fn a_namespace() {
        let label = [field(1, b"istio-injection"), field(2, b"enabled")].concat();
        let meta = [field(1, b"shop"), field(3, b""), field(11, &label)].concat();
        let found = to_json(&body("Namespace", &field(1, &meta))).unwrap();
        assert_eq!(
            found,
            json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}})
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let refused = |body: &[u8]| to_json(body).unwrap_err().to_string();
        assert!(refused(&body("Namespace", &field(9, b"x"))).contains("field 9 of Namespace"));
        assert!(refused(&body("Lease", &[])).contains("Lease"));
        assert!(to_json(b"{}").is_err());
        assert!(to_json(&body("Namespace", &[0x0a, 0x7f, 1])).is_err());
    }
}
