//! Single values that are not what they have to be: names, addresses, ports, expressions, durations.

use super::at::At;
use super::found::{Found, rules};
use crate::duration::Duration;
use std::net::IpAddr;

rules! {
    /// What is wrong with a value.
    Malformed {
        Error EmptyDomain "empty domain name not allowed";
        Error LongDomain(name: String) "domain name \"{name}\" too long (max 255)";
        Error BadDomainLabel(domain: String, label: String) "domain name \"{domain}\" invalid (label \"{label}\" invalid)";
        Error NumericTopDomain(domain: String, top: String)
            "domain name \"{domain}\" invalid (top level domain \"{top}\" cannot be all-numeric)";
        Error BadPort(number: i64) "port number {number} must be in the range 1..65535";
        Error BadAddress(text: String) "{text} is not a valid IP";
        Error BadCidr(text: String) "{text} is not a valid CIDR block";
        Error EmptySocket "unix address must not be empty";
        Error BadSocket(path: String) "{path} is not an absolute path to a file";
        Error HostWithoutNamespace "host must be of form namespace/dnsName";
        Error EmptyHostPart "config namespace and dnsName in host entry cannot be empty";
        Error BadHostNamespace(namespace: String, of: &'static str) "invalid namespace value \"{namespace}\" in {of}";
        Error EmptySubsetName "subset name cannot be empty";
        Error BadSubsetName(name: String) "subset name is invalid: {name}";
        Error EmptyRegex(place: String) "\"{place}\": regex string match should not be empty";
        Error LongRegex(place: String) "\"{place}\": regex is too large, max length allowed is 1024";
        Error BadRegex(place: String, why: String, pattern: String)
            "\"{place}\": error parsing regexp: {why}: `{pattern}`; Istio uses RE2 style regex-based match \
             (https://github.com/google/re2/wiki/Syntax)";
        Error EmptyHeaderName "header name cannot be empty";
        Error BadHeaderName(name: String) "header name {name} is not a valid header name";
        Error BadDuration(text: String) "invalid duration format {text}";
        Error ShortDuration "duration must be greater than 1ms";
        Error FineDuration "only durations to ms precision are supported";
        Error BadPercent(share: f64) "percentage {share} is not in range 0..100";
        Error BadHttpStatus(status: i64) "HTTP status {status} is not in range 200-599";
    }
}

type Checked = Result<(), Malformed>;

pub(super) fn port_number(number: i64) -> Checked {
    if (1..=65_535).contains(&number) { Ok(()) } else { Err(Malformed::BadPort { number }) }
}

/// A port that is there has to be one.
pub(super) fn port(of: &At<'_>, path: &str, found: &mut Found) {
    if let Some(number) = of.get(path).and_then(|port| port.value().as_i64()) {
        found.note(of.at(path), port_number(number));
    }
}

/// A duration that is there has to be a good one, of whole milliseconds.
pub(super) fn duration(of: &At<'_>, path: &str, found: &mut Found) {
    const MILLISECOND: i64 = 1_000_000;
    let Some(text) = of.get(path).and_then(|at| at.value().as_str()) else { return };
    let wrong = match Duration::read(text).map(Duration::nanos) {
        None => Malformed::BadDuration { text: text.to_owned() },
        Some(nanos) if nanos < MILLISECOND => Malformed::ShortDuration,
        Some(nanos) if nanos % MILLISECOND != 0 => Malformed::FineDuration,
        Some(_) => return,
    };
    found.add(of.at(path), wrong);
}

/// A percentage between 0 and 100.
pub(super) fn percent(of: &At<'_>, path: &str, found: &mut Found) {
    if let Some(share) = of.number(path).filter(|share| !(0.0..=100.0).contains(share)) {
        found.add(of.at(path), Malformed::BadPercent { share });
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

fn labels(domain: &str) -> Checked {
    let parts: Vec<&str> = domain.split('.').collect();
    let top = parts.last().copied().unwrap_or_default();
    if top.parse::<i64>().is_ok() {
        return Err(Malformed::NumericTopDomain { domain: domain.to_owned(), top: top.to_owned() });
    }
    for (index, label) in parts.iter().enumerate() {
        // A dot at the end says that the name is complete.
        if index + 1 == parts.len() && label.is_empty() {
            return Ok(());
        }
        if !is_label(label) {
            return Err(Malformed::BadDomainLabel { domain: domain.to_owned(), label: (*label).to_owned() });
        }
    }
    Ok(())
}

fn length(name: &str) -> Checked {
    match name.len() {
        0 => Err(Malformed::EmptyDomain),
        1..=255 => Ok(()),
        _ => Err(Malformed::LongDomain { name: name.to_owned() }),
    }
}

/// A full name.
pub(super) fn fqdn(name: &str) -> Checked {
    length(name).and_then(|()| labels(name))
}

/// A host, perhaps with a wildcard in its first label.
pub(super) fn wildcard_domain(domain: &str) -> Checked {
    length(domain)?;
    let (first, rest) = domain.split_once('.').map_or((domain, None), |(first, rest)| (first, Some(rest)));
    let good = first == "*"
        || is_label(first.strip_prefix("*-").or_else(|| first.strip_prefix('*')).unwrap_or(first));
    if !good {
        return Err(Malformed::BadDomainLabel { domain: domain.to_owned(), label: first.to_owned() });
    }
    rest.map_or(Ok(()), labels)
}

pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

pub(super) fn address(text: &str) -> Checked {
    if is_address(text) { Ok(()) } else { Err(Malformed::BadAddress { text: text.to_owned() }) }
}

/// An address, perhaps with a prefix length.
pub(super) fn subnet(text: &str) -> Checked {
    let Some((address, bits)) = text.split_once('/') else { return self::address(text) };
    let good = match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    };
    if good { Ok(()) } else { Err(Malformed::BadCidr { text: text.to_owned() }) }
}

/// The path of a Unix socket, after `unix://`.
pub(super) fn socket(path: &str) -> Checked {
    match path {
        "" => Err(Malformed::EmptySocket),
        path if path.starts_with('@') => Ok(()),
        path if path.starts_with('/') && !path.ends_with('/') => Ok(()),
        path => Err(Malformed::BadSocket { path: path.to_owned() }),
    }
}

/// `namespace/host` of Gateways and Sidecars.
pub(super) fn host_of_namespace(host: &str, gateway: bool) -> Checked {
    let Some((namespace, name)) = host.split_once('/') else {
        return if gateway { wildcard_domain(host) } else { Err(Malformed::HostWithoutNamespace) };
    };
    if namespace.is_empty() || name.is_empty() {
        return Err(Malformed::EmptyHostPart);
    }
    let wild = matches!(namespace, "*" | ".") || (namespace == "~" && !gateway);
    if !wild && !is_label(namespace) {
        let of = if gateway { "gateway" } else { "sidecar" };
        return Err(Malformed::BadHostNamespace { namespace: namespace.to_owned(), of });
    }
    wildcard_domain(name)
}

pub(super) fn subset_name(name: &str) -> Checked {
    match name {
        "" => Err(Malformed::EmptySubsetName),
        name if is_label(name) => Ok(()),
        name => Err(Malformed::BadSubsetName { name: name.to_owned() }),
    }
}

/// An RE2 expression; `place` is what istiod calls the field.
pub(super) fn regex(pattern: &str, place: &str) -> Checked {
    let place = place.to_owned();
    if pattern.is_empty() {
        return Err(Malformed::EmptyRegex { place });
    }
    if pattern.len() > 1024 {
        return Err(Malformed::LongRegex { place });
    }
    regex::Regex::new(pattern).map(drop).map_err(|error| {
        let words = error.to_string();
        let why = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Malformed::BadRegex { place, why, pattern: pattern.to_owned() }
    })
}

/// The name of a header that may be matched or set.
pub(super) fn header_name(name: &str) -> Checked {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name {
        "" => Err(Malformed::EmptyHeaderName),
        name if name.chars().all(good) => Ok(()),
        name => Err(Malformed::BadHeaderName { name: name.to_owned() }),
    }
}

/// A status that HTTP has.
pub(super) fn http_status(status: i64) -> Checked {
    if (200..=600).contains(&status) { Ok(()) } else { Err(Malformed::BadHttpStatus { status }) }
}

/// The protocols that ports can have.
pub(super) fn is_protocol(text: &str) -> bool {
    const OTHERS: [&str; 5] = ["MONGO", "REDIS", "MYSQL", "TCP", "UDP"];
    is_http(text) || is_tls(text) || OTHERS.contains(&text.to_ascii_uppercase().as_str())
}

pub(super) fn is_http(text: &str) -> bool {
    const KNOWN: [&str; 6] = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY", "HBONE"];
    KNOWN.contains(&text.to_ascii_uppercase().as_str())
}

pub(super) fn is_tls(text: &str) -> bool {
    matches!(text.to_ascii_uppercase().as_str(), "HTTPS" | "TLS")
}
