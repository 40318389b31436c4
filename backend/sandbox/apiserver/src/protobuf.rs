//! Bodies in Kubernetes' own protobuf, as kubectl sends them for the few kinds that it makes from flags. They become JSON at
//! the door.

use std::{collections::BTreeMap, sync::LazyLock};

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

/// The object in a body; the error says what is not known of it.
pub(crate) fn to_json(body: &[u8]) -> Result<Value, String> {
    let mut rest = body.strip_prefix(MAGIC).ok_or("the body does not begin as Kubernetes' protobuf does")?;
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
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(u32, Field<'a>)>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let broken = |error: prost::DecodeError| error.to_string();
    let (number, wire) = decode_key(rest).map_err(broken)?;
    let field = match wire {
        WireType::Varint => Field::Number(decode_varint(rest).map_err(broken)?),
        WireType::LengthDelimited => {
            let length =
                usize::try_from(decode_varint(rest).map_err(broken)?).map_err(|error| error.to_string())?;
            let bytes = rest.get(..length).ok_or("the body ends in the middle of a field")?;
            rest.advance(length);
            Field::Bytes(bytes)
        }
        other => return Err(format!("fields of wire type {other:?} are not known here")),
    };
    Ok(Some((number, field)))
}

fn message(name: &str, mut rest: &[u8]) -> Result<Value, String> {
    let fields = MESSAGES.get(name).ok_or_else(|| format!("{name} in protobuf is not known here"))?;
    let mut object = Map::new();
    while let Some((number, field)) = next(&mut rest)? {
        let (field_name, ty) = fields
            .get(&number)
            .ok_or_else(|| format!("field {number} of {name} in protobuf is not known here"))?;
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

fn entry(ty: &str, field: &Field<'_>) -> Result<(String, Value), String> {
    let Field::Bytes(bytes) = field else { return Err("a map entry is a number".into()) };
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

fn value(ty: &str, field: &Field<'_>) -> Result<Value, String> {
    Ok(match (ty, field) {
        // Numbers below zero are written as if they had no sign.
        ("int" | "count", Field::Number(number)) => json!(number.cast_signed()),
        ("bool", Field::Number(number)) => json!(*number != 0),
        ("string", Field::Bytes(text)) => json!(String::from_utf8_lossy(text)),
        ("bytes", Field::Bytes(bytes)) => json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
        ("intstr", Field::Bytes(bytes)) => int_or_string(bytes)?,
        ("Quantity", Field::Bytes(bytes)) => message(ty, bytes)?.get("string").cloned().unwrap_or_default(),
        (name, Field::Bytes(bytes)) => message(name, bytes)?,
        (name, Field::Number(_)) => return Err(format!("a field of type {name} in protobuf is a number")),
    })
}

fn int_or_string(mut rest: &[u8]) -> Result<Value, String> {
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
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}})
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(to_json(&body("Namespace", &field(9, b"x"))).unwrap_err().contains("field 9 of Namespace"));
        assert!(to_json(&body("Lease", &[])).unwrap_err().contains("Lease"));
        assert!(to_json(b"{}").is_err());
        assert!(to_json(&body("Namespace", &[0x0a, 0x7f, 1])).is_err());
    }
}
