//! Host names: short and full ones, wildcards, and which name is closer than another.

use std::net::IpAddr;

/// Under which Kubernetes' services have their names.
pub const DOMAIN: &str = "cluster.local";

/// A host in a configuration of `namespace`, as Istio reads it: a name without a dot is a service of that
/// namespace, everything else is meant as it stands (`reviews.bookinfo`, too, which is then no service of
/// Kubernetes).
pub fn fqdn(host: &str, namespace: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    let whole = host.is_empty() || host.contains('.') || is_wildcard(host) || host.parse::<IpAddr>().is_ok();
    if whole { host.to_owned() } else { of_service(host, namespace) }
}

/// The full name of a Kubernetes service.
pub fn of_service(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc.{DOMAIN}")
}

/// The full name of what a client in `namespace` asks its DNS for: `reviews`, `reviews.bookinfo` and
/// `reviews.bookinfo.svc` are services of Kubernetes.
pub fn dialled(host: &str, namespace: &str) -> String {
    match host.split('.').collect::<Vec<_>>()[..] {
        [name, of] | [name, of, "svc"] if !is_wildcard(host) => of_service(name, of),
        _ => fqdn(host, namespace),
    }
}

/// Name and namespace of a Kubernetes service's full name.
pub fn service(host: &str) -> Option<(&str, &str)> {
    let (name, namespace) = host.strip_suffix(DOMAIN)?.strip_suffix(".svc.")?.split_once('.')?;
    (!name.is_empty() && !namespace.is_empty() && !namespace.contains('.')).then_some((name, namespace))
}

/// A host and its port: `reviews:9080`, `[::1]:80`; the port is `None` where there is none.
pub fn host_and_port(text: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

/// Whether a host stands for many: `*`, `*.example.com`.
pub fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// Whether every name that `host` stands for is among those of `pattern`.
pub fn covers(pattern: &str, host: &str) -> bool {
    match (pattern.strip_prefix('*'), host.strip_prefix('*')) {
        (None, _) => pattern == host,
        (Some(suffix), None) => host.ends_with(suffix),
        (Some(suffix), Some(narrower)) => narrower.ends_with(suffix),
    }
}

/// Whether two hosts have a name in common.
pub fn overlap(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// The narrower of two hosts that overlap.
pub fn narrower<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    if covers(one, other) { Some(other) } else { covers(other, one).then_some(one) }
}

/// How closely a pattern names a host that it covers: an exact name is closer than any wildcard, a long
/// wildcard closer than a short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Closeness(usize);

impl Closeness {
    /// Of the very name.
    pub const EXACT: Self = Self(usize::MAX);

    /// Of a full name or wildcard; `None` when it does not cover the host.
    pub fn of(pattern: &str, host: &str) -> Option<Self> {
        covers(pattern, host).then_some(if is_wildcard(pattern) { Self(pattern.len()) } else { Self::EXACT })
    }

    /// Of the closest of the hosts of a configuration in `namespace`.
    pub fn among(hosts: &[String], namespace: &str, host: &str) -> Option<Self> {
        hosts.iter().filter_map(|pattern| Self::of(&fqdn(pattern, namespace), host)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_without_a_dot_are_short() {
        for (host, expect) in [
            ("reviews", "reviews.bookinfo.svc.cluster.local"),
            ("reviews.", "reviews.bookinfo.svc.cluster.local"),
            ("reviews.other", "reviews.other"),
            ("reviews.other.svc", "reviews.other.svc"),
            ("reviews.other.svc.cluster.local", "reviews.other.svc.cluster.local"),
            ("reviews.other.svc.cluster.local.", "reviews.other.svc.cluster.local"),
            ("api.example.com", "api.example.com"),
            ("*", "*"),
            ("*.example.com", "*.example.com"),
            ("10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
            ("", ""),
        ] {
            assert_eq!(fqdn(host, "bookinfo"), expect, "{host}");
        }
    }

    #[test]
    fn clients_may_leave_more_out() {
        for (host, expect) in [
            ("reviews", "reviews.bookinfo.svc.cluster.local"),
            ("reviews.other", "reviews.other.svc.cluster.local"),
            ("reviews.other.svc", "reviews.other.svc.cluster.local"),
            ("reviews.other.svc.cluster.local", "reviews.other.svc.cluster.local"),
            ("api.example.com", "api.example.com"),
        ] {
            assert_eq!(dialled(host, "bookinfo"), expect, "{host}");
        }
        assert_eq!(service("reviews.bookinfo.svc.cluster.local"), Some(("reviews", "bookinfo")));
        for other in
            ["api.example.com", "a.b.c.svc.cluster.local", ".b.svc.cluster.local", "svc.cluster.local"]
        {
            assert_eq!(service(other), None, "{other}");
        }
    }

    #[test]
    fn wildcards() {
        for (pattern, host, covered, overlapping) in [
            ("foo.com", "foo.com", true, true),
            ("foo.com", "bar.com", false, false),
            ("*.com", "foo.com", true, true),
            ("foo.com", "*.com", false, true),
            ("*.foo.com", "foo.com", false, false),
            ("*", "foo.com", true, true),
            ("*", "*.com", true, true),
            ("*.com", "*", false, true),
            ("*.foo.com", "*.com", false, true),
            ("*.foo.com", "*.bar.com", false, false),
        ] {
            assert_eq!(covers(pattern, host), covered, "{pattern} covers {host}");
            assert_eq!(overlap(pattern, host), overlapping, "{pattern} and {host}");
        }
        assert_eq!(narrower("*.com", "foo.com"), Some("foo.com"));
        assert_eq!(narrower("foo.com", "*"), Some("foo.com"));
        assert_eq!(narrower("foo.com", "bar.com"), None);
    }

    #[test]
    fn the_closest_host_of_a_rule_counts() {
        let reviews = "reviews.bookinfo.svc.cluster.local";
        let among = |hosts: &[&str], namespace| {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            Closeness::among(&hosts, namespace, reviews)
        };
        assert_eq!(among(&["*", "reviews"], "bookinfo"), Some(Closeness::EXACT));
        assert_eq!(among(&["reviews"], "other"), None);
        let [all, local, namespace] =
            ["*", "*.cluster.local", "*.bookinfo.svc.cluster.local"].map(|host| among(&[host], "other"));
        assert!(all.is_some() && all < local && local < namespace && namespace < Some(Closeness::EXACT));
    }

    #[test]
    fn ports_behind_hosts() {
        for (text, expect) in [
            ("reviews", ("reviews", None)),
            ("reviews:9080", ("reviews", Some(9080))),
            ("*.example.com:443", ("*.example.com", Some(443))),
            ("[::1]:80", ("::1", Some(80))),
            ("[::1]", ("::1", None)),
            ("::1", ("::1", None)),
            ("reviews:http", ("reviews:http", None)),
            ("reviews:99999", ("reviews:99999", None)),
        ] {
            assert_eq!(host_and_port(text), expect, "{text}");
        }
    }
}
