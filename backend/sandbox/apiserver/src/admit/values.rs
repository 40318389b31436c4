//! Rules for single values that several kinds share.

use serde_json::Value;

use super::Problems;

pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn texts<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a str> {
    items(value, path).filter_map(Value::as_str)
}

pub(super) fn has(value: &Value, path: &str) -> bool {
    value.pointer(path).is_some_and(|found| !found.is_null())
}

/// A duration that is there has to be a good one, of whole milliseconds.
pub(super) fn duration(value: &Value, path: &str, problems: &mut Problems) {
    let Some(text) = value.pointer(path).and_then(Value::as_str) else { return };
    match crate::duration::parse(text) {
        None => problems.add(format!("invalid duration format {text}")),
        Some(nanos) if nanos < 1_000_000 => problems.add("duration must be greater than 1ms"),
        Some(nanos) if nanos % 1_000_000 != 0 => problems.add("only durations to ms precision are supported"),
        Some(_) => {}
    }
}

/// A percentage between 0 and 100.
pub(super) fn percent(value: &Value, path: &str, problems: &mut Problems) {
    if let Some(share) = value.pointer(path).and_then(Value::as_f64) {
        problems.unless((0.0..=100.0).contains(&share), || format!("percentage {share} is not in range 0..100"));
    }
}

pub(super) fn port(value: &Value, path: &str, problems: &mut Problems) {
    if let Some(number) = value.pointer(path).and_then(Value::as_i64) {
        problems.unless((1..=65_535).contains(&number), || format!("port number {number} must be in the range 1..65535"));
    }
}

/// A status that HTTP has.
pub(super) fn http_status(value: &Value, path: &str, problems: &mut Problems) {
    if let Some(status) = value.pointer(path).and_then(Value::as_i64) {
        problems.unless((200..=600).contains(&status), || format!("HTTP status {status} is not in range 200-599"));
    }
}

/// A DNS label: what names of subsets and ports have to be.
pub(super) fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric();
    !text.is_empty()
        && text.len() <= 63
        && text.starts_with(inner)
        && text.ends_with(inner)
        && text.chars().all(|c| inner(c) || c == '-')
}

/// A host, perhaps with a wildcard for its first label.
pub(super) fn is_host(text: &str) -> bool {
    let rest = match text.strip_prefix("*.") {
        Some(rest) => rest,
        None if text == "*" => return true,
        // `*-suffix.example` and the like.
        None => text.strip_prefix('*').unwrap_or(text),
    };
    let name = rest.strip_suffix('.').unwrap_or(rest);
    !name.is_empty()
        && name.len() <= 255
        && name.split('.').all(|label| is_label(label.trim_start_matches(['-', '_']).trim_end_matches('_')) || is_address(name))
}

pub(super) fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

/// An address, perhaps with a prefix length.
pub(super) fn is_subnet(text: &str) -> bool {
    match text.split_once('/') {
        None => is_address(text),
        Some((address, bits)) => match (address.parse::<std::net::IpAddr>(), bits.parse::<u8>()) {
            (Ok(std::net::IpAddr::V4(_)), Ok(bits)) => bits <= 32,
            (Ok(std::net::IpAddr::V6(_)), Ok(bits)) => bits <= 128,
            _ => false,
        },
    }
}

/// Where to: a service, perhaps one of its subsets and ports.
pub(super) fn destination(value: &Value, problems: &mut Problems) {
    let host = text(value, "/host");
    match host {
        "" => problems.add("destination host is required"),
        "*" => problems.add("invalid destination host *"),
        host => problems.unless(is_host(host), || format!("domain name \"{host}\" invalid")),
    }
    let subset = text(value, "/subset");
    problems.unless(subset.is_empty() || is_label(subset), || format!("subset name is invalid: {subset}"));
    port(value, "/port/number", problems);
}

/// Namespaces that something is exported to.
pub(super) fn export_to(value: &Value, problems: &mut Problems) {
    let mut seen = Vec::new();
    for namespace in texts(value, "/exportTo") {
        problems.unless(matches!(namespace, "*" | "." | "~") || is_label(namespace), || {
            format!("invalid value for exportTo: {namespace}")
        });
        problems.unless(!seen.contains(&namespace), || format!("duplicate entries in exportTo: {namespace}"));
        seen.push(namespace);
    }
    problems.unless(seen.len() < 2 || !seen.contains(&"*"), || {
        "cannot have both public (*) and private (i.e. . or specific namespaces) exportTo values for a resource".into()
    });
}

/// The protocols that ports of gateways and entries can have.
pub(super) fn protocol(text: &str, problems: &mut Problems) {
    const KNOWN: &[&str] =
        &["HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "REDIS", "MYSQL", "TCP", "TLS", "UDP", "HTTP_PROXY", "HBONE"];
    problems.unless(KNOWN.contains(&text.to_ascii_uppercase().as_str()), || format!("unsupported protocol: {text}"));
}
