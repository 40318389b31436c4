//! Ids of traces and spans: hexadecimal of 64 or 128 bits, the same bytes as base64 (Tempo's JSON has them
//! so), or any text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What tells an id from others, however it is written: in lower case, without zeros before it. Zeros alone
/// are none. Ids that are no numbers are themselves.
pub(crate) fn key(text: &str) -> String {
    let text = plain(text);
    match is_hex(&text) {
        true => text.trim_start_matches('0').to_ascii_lowercase(),
        false => text,
    }
}

/// A span's id in one way of writing: sixteen digits.
pub(super) fn span_id(text: &str) -> String {
    let key = key(text);
    if is_hex(&key) && !key.is_empty() { format!("{key:0>16}") } else { key }
}

/// A trace's id as it is shown: one of 64 bits may be told with sixteen zeros before it.
pub(crate) fn trace_id(text: &str) -> String {
    let text = plain(text);
    if !is_hex(&text) {
        return text;
    }
    let text = text.to_ascii_lowercase();
    match text.strip_prefix("0000000000000000") {
        Some(short) if short.len() == 16 => short.to_owned(),
        _ => text,
    }
}

/// The lower half of the key of an id of 128 bits: what is left of it where only 64 are passed on.
pub(super) fn lower_half(key: &str) -> Option<&str> {
    let half = key.len().checked_sub(16).filter(|over| (1..=16).contains(over) && is_hex(key))?;
    Some(key.get(half..)?.trim_start_matches('0')).filter(|half| !half.is_empty())
}

/// Whether two keys tell one trace.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || lower_half(one) == Some(other) || lower_half(other) == Some(one)
}

/// Bytes as digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Base64 of 8 or 16 bytes always ends in a filler, which no other id does.
fn plain(text: &str) -> String {
    let text = text.trim();
    let filled =
        matches!((text.len(), text.ends_with("==")), (24, true) | (12, false)) && text.ends_with('=');
    let decoded = || STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok();
    match filled.then(decoded).flatten() {
        Some(bytes) => hex(&bytes),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_in_one_way() {
        for (text, span, trace, like) in [
            ("AB12", "000000000000ab12", "ab12", "ab12"),
            ("0000000000000000000000000000ab12", "000000000000ab12", "000000000000ab12", "ab12"),
            (
                "0AF7651916cd43dd8448eb211c80319c",
                "af7651916cd43dd8448eb211c80319c",
                "0af7651916cd43dd8448eb211c80319c",
                "af7651916cd43dd8448eb211c80319c",
            ),
            ("0000", "", "0000", ""),
            ("Not-hex", "Not-hex", "Not-hex", "Not-hex"),
            // Base64 of 16 and of 8 bytes, in both alphabets.
            (
                "CvdlGRbNQ92ESOshHIAxnA==",
                "af7651916cd43dd8448eb211c80319c",
                "0af7651916cd43dd8448eb211c80319c",
                "af7651916cd43dd8448eb211c80319c",
            ),
            ("AAAAAAAAq/8=", "000000000000abff", "000000000000abff", "abff"),
            ("AAAAAAAAq_8=", "000000000000abff", "000000000000abff", "abff"),
            ("not base 64=", "not base 64=", "not base 64=", "not base 64="),
        ] {
            assert_eq!((&*span_id(text), &*trace_id(text), &*key(text)), (span, trace, like), "{text}");
        }
    }

    #[test]
    fn one_trace_however_much_is_left_of_its_id() {
        let long = "af7651916cd43dd8448eb211c80319c";
        assert!(same(long, "8448eb211c80319c") && same("8448eb211c80319c", long) && same("x", "x"));
        assert!(
            !same(long, "8448eb211c80319d")
                && !same(long, "")
                && !same("af7651916cd43dd0000000000000000", "")
        );
    }

    #[test]
    fn what_is_left_of_an_id() {
        let half = |text: &str| lower_half(&key(text)).map(str::to_owned);
        assert_eq!(half("0af7651916cd43dd0048eb211c80319c").as_deref(), Some("48eb211c80319c"));
        assert_eq!(
            (half("8448eb211c80319c"), half("10000000000000000"), half("not-a-number-at-all")),
            (None, None, None)
        );
    }
}
