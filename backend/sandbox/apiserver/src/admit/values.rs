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

/// The members of an object with free keys.
pub(super) fn entries<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(path).and_then(Value::as_object).into_iter().flatten()
}

pub(super) fn has(value: &Value, path: &str) -> bool {
    value.pointer(path).is_some_and(|found| !found.is_null())
}

pub(super) fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn whole(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or(0)
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

/// A whole percentage between 0 and 100.
pub(super) fn percent(value: &Value, path: &str, problems: &mut Problems) {
    if let Some(share) = value.pointer(path).and_then(Value::as_f64) {
        problems
            .unless((0.0..=100.0).contains(&share), || format!("percentage {share} is not in range 0..100"));
    }
}

pub(super) fn port_number(number: i64) -> Result<(), String> {
    if (1..=65_535).contains(&number) {
        Ok(())
    } else {
        Err(format!("port number {number} must be in the range 1..65535"))
    }
}

/// A port that is there has to be one.
pub(super) fn port(value: &Value, path: &str, problems: &mut Problems) {
    if let Some(number) = value.pointer(path).and_then(Value::as_i64) {
        problems.note(port_number(number));
    }
}

/// A DNS label: what names of subsets and ports have to be.
pub(super) fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(inner)
        && text.ends_with(inner)
        && text.chars().all(|c| inner(c) || c == '-')
}

fn labels(domain: &str, whole: &str) -> Result<(), String> {
    let parts: Vec<&str> = domain.split('.').collect();
    let top = parts.last().copied().unwrap_or_default();
    if top.parse::<i64>().is_ok() {
        return Err(format!(
            "domain name \"{whole}\" invalid (top level domain \"{top}\" cannot be all-numeric)"
        ));
    }
    for (index, label) in parts.iter().enumerate() {
        // A dot at the end says that the name is complete.
        if index + 1 == parts.len() && label.is_empty() {
            return Ok(());
        }
        if !is_label(label) {
            return Err(format!("domain name \"{whole}\" invalid (label \"{label}\" invalid)"));
        }
    }
    Ok(())
}

fn length(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("empty domain name not allowed".into()),
        1..=255 => Ok(()),
        _ => Err(format!("domain name \"{name}\" too long (max 255)")),
    }
}

/// A full name.
pub(super) fn fqdn(name: &str) -> Result<(), String> {
    length(name).and_then(|()| labels(name, name))
}

/// A host, perhaps with a wildcard in its first label.
pub(super) fn wildcard_domain(domain: &str) -> Result<(), String> {
    length(domain)?;
    let (first, rest) = domain.split_once('.').map_or((domain, None), |(first, rest)| (first, Some(rest)));
    let good = first == "*"
        || is_label(first.strip_prefix("*-").or_else(|| first.strip_prefix('*')).unwrap_or(first));
    if !good {
        return Err(format!("domain name \"{domain}\" invalid (label \"{first}\" invalid)"));
    }
    rest.map_or(Ok(()), |rest| labels(rest, rest))
}

pub(super) fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

pub(super) fn address(text: &str) -> Result<(), String> {
    if is_address(text) { Ok(()) } else { Err(format!("{text} is not a valid IP")) }
}

/// An address, perhaps with a prefix length.
pub(super) fn subnet(text: &str) -> Result<(), String> {
    let Some((address, bits)) = text.split_once('/') else { return self::address(text) };
    let good = match (address.parse::<std::net::IpAddr>(), bits.parse::<u8>()) {
        (Ok(std::net::IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(std::net::IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    };
    if good { Ok(()) } else { Err(format!("{text} is not a valid CIDR block")) }
}

/// The path of a Unix socket, after `unix://`.
pub(super) fn socket(path: &str) -> Result<(), String> {
    match path {
        "" => Err("unix address must not be empty".into()),
        path if path.starts_with('@') => Ok(()),
        path if path.starts_with('/') && !path.ends_with('/') => Ok(()),
        path => Err(format!("{path} is not an absolute path to a file")),
    }
}

/// `namespace/host` of Gateways and Sidecars.
pub(super) fn host_of_namespace(host: &str, gateway: bool) -> Result<(), String> {
    let Some((namespace, name)) = host.split_once('/') else {
        return if gateway {
            wildcard_domain(host)
        } else {
            Err("host must be of form namespace/dnsName".into())
        };
    };
    if namespace.is_empty() || name.is_empty() {
        return Err("config namespace and dnsName in host entry cannot be empty".into());
    }
    let wild = matches!(namespace, "*" | ".") || (namespace == "~" && !gateway);
    if !wild && !is_label(namespace) {
        return Err(format!(
            "invalid namespace value \"{namespace}\" in {}",
            if gateway { "gateway" } else { "sidecar" }
        ));
    }
    wildcard_domain(name)
}

/// Whether one host, perhaps with a wildcard, covers or is covered by another.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    is_subset(a, b) || is_subset(b, a)
}

/// Whether every host that `inner` means is meant by `outer`, too.
pub(super) fn is_subset(inner: &str, outer: &str) -> bool {
    match outer.strip_prefix('*') {
        Some(rest) => inner.strip_prefix('*').unwrap_or(inner).ends_with(rest),
        None => inner == outer,
    }
}

pub(super) fn subset_name(name: &str) -> Result<(), String> {
    match name {
        "" => Err("subset name cannot be empty".into()),
        name if is_label(name) => Ok(()),
        name => Err(format!("subset name is invalid: {name}")),
    }
}

/// Where to: a service, perhaps one of its subsets and ports.
pub(super) fn destination(value: &Value, problems: &mut Problems) {
    let host = text(value, "/host");
    problems.note(if host == "*" { Err("invalid destination host *".into()) } else { wildcard_domain(host) });
    if !text(value, "/subset").is_empty() {
        problems.note(subset_name(text(value, "/subset")));
    }
    if has(value, "/port") {
        problems.note(port_number(whole(value, "/port/number")));
    }
}

/// Labels that pods could have.
pub(super) fn label_set(value: &Value, path: &str, problems: &mut Problems) {
    let edge = |c: char| c.is_ascii_alphanumeric();
    let good = |text: &str| {
        text.len() <= 63
            && text.starts_with(edge)
            && text.ends_with(edge)
            && text.chars().all(|c| edge(c) || "-_.".contains(c))
    };
    for (key, value) in entries(value, path) {
        let value = value.as_str().unwrap_or_default();
        let (prefix, name) =
            key.split_once('/').map_or((None, key.as_str()), |(prefix, name)| (Some(prefix), name));
        problems.unless(good(name) && prefix.is_none_or(|prefix| fqdn(prefix).is_ok()), || {
            format!("invalid tag key: \"{key}\"")
        });
        problems.unless(value.is_empty() || good(value), || format!("invalid tag value: \"{value}\""));
    }
}

/// The labels of a selector: no wildcards, and there should be some.
pub(super) fn selector(value: &Value, path: &str, labels: &str, whom: &str, problems: &mut Problems) {
    let Some(selector) = value.pointer(path).filter(|found| !found.is_null()) else { return };
    for (key, value) in entries(selector, labels) {
        let value = value.as_str().unwrap_or_default();
        problems
            .unless(!key.is_empty(), || format!("empty key is not supported in selector: \"{key}={value}\""));
        problems.unless(!key.contains('*') && !value.contains('*'), || {
            format!("wildcard is not supported in selector: \"{key}={value}\"")
        });
    }
    problems.warn_if(entries(selector, labels).next().is_none(), || match whom {
        "" => "workload selector specified without labels".into(),
        whom => format!(
            "{whom}: workload selector specified without labels, will be applied to all services in namespace"
        ),
    });
}

/// Namespaces that something is exported to.
pub(super) fn export_to(spec: &Value, own: &str, entry: bool, problems: &mut Problems) {
    let mut seen: Vec<&str> = Vec::new();
    for namespace in texts(spec, "/exportTo") {
        let key = if namespace == "." { own } else { namespace };
        if seen.contains(&key) {
            problems.add(if key == namespace {
                format!("duplicate entries in exportTo for entry {namespace}")
            } else {
                format!("duplicate entries in exportTo: . and current namespace {own}")
            });
            continue;
        }
        seen.push(key);
        match key {
            "*" => {}
            "~" if entry => {}
            "~" => problems.add("exportTo ~ (none) is not allowed for Istio configuration objects"),
            key => problems.unless(is_label(key), || {
                "only .,*, or a valid DNS 1123 label is allowed as exportTo entry".into()
            }),
        }
    }
    problems.unless(seen.len() < 2 || !seen.contains(&"*"), || {
        "cannot have both public (*) and non-public exportTo values for a resource".into()
    });
    problems.unless(seen.len() < 2 || !seen.contains(&"~"), || {
        "cannot export service entry to no one (~) and someone".into()
    });
}

/// The protocols that ports can have.
pub(super) fn is_protocol(text: &str) -> bool {
    const KNOWN: &[&str] = &[
        "HTTP",
        "HTTPS",
        "GRPC",
        "GRPC-WEB",
        "HTTP2",
        "MONGO",
        "REDIS",
        "MYSQL",
        "TCP",
        "TLS",
        "UDP",
        "HTTP_PROXY",
        "HBONE",
    ];
    KNOWN.contains(&text.to_ascii_uppercase().as_str())
}

pub(super) fn is_http(text: &str) -> bool {
    matches!(
        text.to_ascii_uppercase().as_str(),
        "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY" | "HBONE"
    )
}

pub(super) fn is_tls(text: &str) -> bool {
    matches!(text.to_ascii_uppercase().as_str(), "HTTPS" | "TLS")
}

/// An RE2 expression.
pub(super) fn regex(pattern: &str, place: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err(format!("\"{place}\": regex string match should not be empty"));
    }
    if pattern.len() > 1024 {
        return Err(format!("\"{place}\": regex is too large, max length allowed is 1024"));
    }
    regex::Regex::new(pattern).map(drop).map_err(|error| {
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("\"{place}\": error parsing regexp: {last}: `{pattern}`; Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)")
    })
}

/// The name of a header that may be matched or set.
pub(super) fn header_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("header name cannot be empty".into());
    }
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if good { Ok(()) } else { Err(format!("header name {name} is not a valid header name")) }
}
