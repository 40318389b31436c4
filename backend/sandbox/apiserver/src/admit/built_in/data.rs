//! ConfigMaps and Secrets.

use serde_json::Value;

use super::found::{Found, text};
use crate::names;

/// The most that all values together may have.
const MOST: usize = 1024 * 1024;

pub(super) fn config_map(object: &Value, found: &mut Found) {
    for (key, _) in object["data"].as_object().into_iter().flatten() {
        found.each(format!("data[{key}]"), key, names::config_key(key));
        if object["binaryData"].get(key).is_some() {
            found.invalid(
                format!("data[{key}]"),
                &Value::from(key.as_str()),
                "duplicate of key present in binaryData",
            );
        }
    }
    for (key, _) in object["binaryData"].as_object().into_iter().flatten() {
        found.each(format!("binaryData[{key}]"), key, names::config_key(key));
    }
    base64(&object["binaryData"], "binaryData", found);
    let size = |name: &str| {
        object[name].as_object().into_iter().flatten().map(|(_, value)| length(value)).sum::<usize>()
    };
    if size("data") + size("binaryData") / 4 * 3 > MOST {
        found.add("", "FieldValueTooLong", format!("Too long: may not be more than {MOST} bytes"));
    }
}

pub(super) fn secret(object: &Value, found: &mut Found) {
    for (key, _) in object["data"].as_object().into_iter().flatten() {
        found.each(format!("data[{key}]"), key, names::config_key(key));
    }
    base64(&object["data"], "data", found);
    let size: usize = object["data"].as_object().into_iter().flatten().map(|(_, value)| length(value)).sum();
    if size / 4 * 3 > MOST {
        found.add("data", "FieldValueTooLong", format!("Too long: may not be more than {MOST} bytes"));
    }
    let wanted: &[&str] = match text(object, "type") {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth" => {
            if ["username", "password"].iter().all(|key| object["data"].get(key).is_none()) {
                found.required("data[username]", "");
                found.required("data[password]", "");
            }
            &[]
        }
        "kubernetes.io/service-account-token" => {
            if text(&object["metadata"]["annotations"], "kubernetes.io/service-account.name").is_empty() {
                found.required("metadata.annotations[kubernetes.io/service-account.name]", "");
            }
            &[]
        }
        _ => &[],
    };
    for key in wanted.iter().filter(|key| object["data"].get(**key).is_none()) {
        found.required(format!("data[{key}]"), "");
    }
}

fn length(value: &Value) -> usize {
    value.as_str().unwrap_or_default().len()
}

/// Why what is no base64 is refused: it never becomes bytes, so that there is no object to look at.
pub(crate) const NO_BYTES: &str = "FieldValueTypeInvalid";

fn base64(values: &Value, name: &str, found: &mut Found) {
    for (key, value) in values.as_object().into_iter().flatten() {
        if let Some(at) = not_base64(value.as_str().unwrap_or_default()) {
            found.add(format!("{name}[{key}]"), NO_BYTES, format!("illegal base64 data at input byte {at}"));
        }
    }
}

/// Where a text stops to be base64, as Go counts.
fn not_base64(text: &str) -> Option<usize> {
    let letters: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).collect();
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let quanta = letters.len().div_ceil(4);
    for (index, quantum) in letters.chunks(4).enumerate() {
        let last = index + 1 == quanta;
        let padding = quantum.iter().rev().take_while(|(_, byte)| *byte == b'=').count();
        if let Some((at, _)) = quantum[..quantum.len() - padding].iter().find(|(_, byte)| !known(*byte)) {
            return Some(*at);
        }
        if padding > 2 || (padding > 0 && !last) {
            return Some(quantum[quantum.len() - padding].0);
        }
        if quantum.len() < 4 {
            return Some(quantum[0].0);
        }
    }
    None
}
