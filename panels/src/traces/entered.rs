//! What is entered into the fields of a search: durations, tags, ids, TraceQL.

use istio::Duration;
use std::collections::BTreeMap;

/// Microseconds of "10 ms", "1.5s", "800us", "2 min", "20" (ms); `None` when nothing is asked for.
pub(super) fn duration_us(text: &str) -> Result<Option<u64>, String> {
    let text: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    if text.is_empty() {
        return Ok(None);
    }
    let unit = if text.ends_with(|sign: char| sign.is_ascii_digit()) { "ms" } else { "" };
    let read = Duration::read(&(text.replace("min", "m") + unit));
    let nanos = read.and_then(|read| u64::try_from(read.nanos()).ok());
    let nanos = nanos.ok_or_else(|| format!("“{text}” is no duration: write 10 ms or 1.5 s"))?;
    Ok(Some((nanos + 500) / 1000))
}

/// The id of a trace, where the field has one and nothing else: hexadecimal digits, which are no tag.
pub(super) fn trace_id(text: &str) -> Option<&str> {
    let text = text.trim();
    let digits = (4..=32).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    digits.then_some(text)
}

/// Text in TraceQL, which begins as no tag does.
pub(super) fn trace_ql(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| text.starts_with('{'))
}

/// Tags of "key=value other=\"two words\"".
pub(super) fn tags(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let wrong = || format!("“{rest}” is no tag: write key=value");
        let (key, after) = rest.split_once('=').ok_or_else(wrong)?;
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(wrong)?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        if key.trim().is_empty() || key.trim().contains(char::is_whitespace) {
            return Err(wrong());
        }
        found.insert(key.trim().to_owned(), value.to_owned());
        rest = left.trim_start();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expect) in [
            ("", None),
            ("10", Some(10_000)),
            ("1.5 s", Some(1_500_000)),
            ("800us", Some(800)),
            ("2 min", Some(120_000_000)),
        ] {
            assert_eq!(duration_us(text), Ok(expect), "{text}");
        }
        assert!(
            duration_us("soon").is_err() && duration_us("1.2.3s").is_err() && duration_us("3 d").is_err()
        );
    }

    #[test]
    fn tag_lists() {
        let pairs = |text: &str| tags(text).map(|tags| tags.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs(""), Ok(vec![]));
        assert_eq!(
            pairs(" a=1  b=\"two words\" c= "),
            Ok(vec![pair("a", "1"), pair("b", "two words"), pair("c", "")])
        );
        assert!(
            pairs("a").is_err()
                && pairs("=1").is_err()
                && pairs("a=\"open").is_err()
                && pairs("a b=1").is_err()
        );
    }
}
