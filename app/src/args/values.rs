//! What options are given: names, addresses, headers, durations, moments.

use jiff::Timestamp;

/// What an option was given, or what is wrong with it: that is said without the text, which may hold a secret.
#[derive(Clone)]
pub(crate) struct Unsaid<T>(Result<T, String>);

impl<T> Unsaid<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().ok()
    }

    pub(super) fn wrong(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }
}

impl<T> std::fmt::Debug for Unsaid<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_ok() { "given" } else { "wrong" })
    }
}

/// A name that Kubernetes takes for a namespace (RFC 1123's label): it becomes a part of paths.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let sign = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'-';
    let inner = !text.starts_with('-') && !text.ends_with('-');
    match (1..=63).contains(&text.len()) && text.bytes().all(sign) && inner {
        true => Ok(text.to_owned()),
        false => {
            Err("a namespace has up to 63 small letters, digits and dashes, and a dash at neither end"
                .to_owned())
        }
    }
}

pub(super) fn address(text: &str) -> Result<Unsaid<String>, String> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    Ok(Unsaid(match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        _ => Err("an address begins with http:// or https:// and names a host".to_owned()),
    }))
}

pub(super) fn header(text: &str) -> Result<Unsaid<(String, String)>, String> {
    Ok(Unsaid(header_of(text)))
}

fn header_of(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is a name, a colon and a value")?;
    let (name, value) = (name.trim(), value.trim());
    let token = |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign);
    match () {
        () if name.is_empty() || !name.chars().all(token) => Err("this is no name of a header".to_owned()),
        () if value.is_empty() || value.chars().any(|sign| !(' '..='~').contains(&sign)) => {
            Err("the value of a header is printable ASCII".to_owned())
        }
        () => Ok((name.to_owned(), value.to_owned())),
    }
}

/// "outside", or "namespace/workload".
pub(super) fn caller(text: &str) -> Result<mesh::why::From, String> {
    text.parse().map_err(|_| "a caller is a namespace, a slash and a workload, or outside".to_owned())
}

/// A host with a port or without; an address of the web is none.
pub(super) fn called(text: &str) -> Result<String, String> {
    let odd = |sign: char| sign.is_whitespace() || sign.is_control() || "/?#@".contains(sign);
    match text.is_empty() || text.starts_with(':') || text.contains(odd) {
        true => Err("write a host as it is asked for, and a port behind a colon if need be".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub(super) fn path(text: &str) -> Result<String, String> {
    match text.starts_with('/') && !text.contains(|sign: char| sign.is_whitespace() || sign.is_control()) {
        true => Ok(text.to_owned()),
        false => Err("a path begins with / and has no spaces".to_owned()),
    }
}

/// A header: "name=value", or as it is sent, "name: value".
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let at = text.find(['=', ':']).ok_or("write a header's name, = and its value")?;
    let (name, value) = (text[..at].trim(), text[at + 1..].trim());
    let token = |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign);
    match !name.is_empty() && name.chars().all(token) && !value.contains(char::is_control) {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err("this is no name of a header, or no value".to_owned()),
    }
}

/// Prometheus keeps nothing for longer.
const LONGEST: u64 = 3650 * 86_400;

/// "60s", "5m", "1h" or plain seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => return Err(format!("\"{other}\" is no unit of time: use s, m, h or d")),
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(seconds) if (1..=LONGEST).contains(&seconds) => Ok(seconds),
        Some(seconds) if seconds > 0 => Err("it is longer than ten years".to_owned()),
        _ => Err("a duration is a whole number and a unit, such as 60s or 5m".to_owned()),
    }
}

/// A moment as RFC 3339 has it, or seconds since 1970.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let told =
        text.parse::<i64>().ok().map_or_else(|| text.parse().ok(), |secs| Timestamp::from_second(secs).ok());
    told.ok_or_else(|| "a moment is 2026-01-31T15:04:05Z, or seconds since 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let read = |text: &str| moment(text).map(Timestamp::as_second).ok();
        assert_eq!(read("2026-01-31T15:04:05Z"), Some(1_769_871_845));
        assert_eq!(read("2026-01-31T16:04:05+01:00"), read("1769871845"));
        assert_eq!([read("yesterday"), read(""), read("99999999999999")], [None; 3]);
    }

    #[test]
    fn durations() {
        let read: Vec<_> = ["60s", "5m", "2h", "90", "0s", "5 m", "1w", "m", "", "2562047h"]
            .map(|text| seconds(text).ok())
            .into();
        assert_eq!(read, [Some(60), Some(300), Some(7200), Some(90), None, None, None, None, None, None]);
    }

    #[test]
    fn calls() {
        let pair = |text: &str| pair(text).ok().map(|(name, value)| format!("{name}>{value}"));
        assert_eq!(pair("end-user=jason").as_deref(), Some("end-user>jason"));
        assert_eq!(pair("end-user: a=b").as_deref(), Some("end-user>a=b"));
        assert!(pair("x").is_none() && pair("=x").is_none() && pair("a b=c").is_none());
        assert!(called("reviews:9080").is_ok() && called("http://reviews").is_err() && called("").is_err());
        assert!(path("/a?b=c").is_ok() && path("a").is_err() && path("/a b").is_err());
        assert!(
            caller("outside").is_ok()
                && caller("a/b").is_ok()
                && caller("a").is_err()
                && caller("/b").is_err()
        );
    }

    #[test]
    fn headers() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(header_of("X-Scope-OrgID:shop").ok(), pair("X-Scope-OrgID", "shop"));
        assert_eq!(header_of("Authorization: Bearer a:b").ok(), pair("Authorization", "Bearer a:b"));
        for wrong in ["", "x", ": y", "a b: c", "a:", "a: b\nc"] {
            assert!(header_of(wrong).is_err(), "{wrong}");
        }
    }
}
