//! A line of a proxy's access log: Istio's own text and JSON formats.
//!
//! Source: Istio's documentation, "Envoy Access Logs", the default format.

use istio::cluster_name::Outbound;
use serde_json::Value;

/// What a line says of a call; what it leaves out ("-") is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// RFC 3339.
    pub start: String,
    /// "GET"; "" of a connection.
    pub method: String,
    /// With its query, as the caller sent it.
    pub path: String,
    /// "HTTP/1.1".
    pub protocol: String,
    /// 0 where there was no answer.
    pub status: u16,
    /// "URX,UF"; "" for none.
    pub flags: String,
    /// `response_code_details`: who answered, and why ("via_upstream").
    pub details: String,
    /// Why TLS with the other side failed.
    pub tls_failure: String,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// How long the other side took, in milliseconds.
    pub upstream_ms: Option<u64>,
    /// `x-request-id`.
    pub request_id: String,
    /// The host that was called, with a port where one was said.
    pub authority: String,
    /// Address of the endpoint that was chosen.
    pub upstream_host: String,
    /// "outbound|9080|v1|reviews.bookinfo.svc.cluster.local", "inbound|9080||".
    pub cluster: String,
    /// Where the call came to, with a port.
    pub to: String,
    /// Where the call came from, with a port.
    pub from: String,
    /// Name of the route that took it.
    pub route: String,
}

impl Logged {
    /// Reads a line; what stands before it (a pod's name, a time) is left out. `None` for any other line.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some(at) = line.find('{')
            && let Ok(value) = serde_json::from_str::<Value>(&line[at..])
        {
            return Self::of_json(&value);
        }
        let at = line.find("[20")?;
        Self::of_words(&words(&line[at..]))
    }

    fn of_words(words: &[&str]) -> Option<Self> {
        let [
            start,
            request,
            status,
            flags,
            details,
            _,
            tls,
            _,
            _,
            duration,
            upstream,
            _,
            _,
            id,
            authority,
            host,
            cluster,
            _,
            to,
            from,
            _,
            route,
            ..,
        ] = words
        else {
            return None;
        };
        // A path may have spaces, which Envoy leaves as they are.
        let (method, rest) = request.split_once(' ').unwrap_or((request, ""));
        let (path, protocol) = rest.rsplit_once(' ').unwrap_or((rest, ""));
        Some(Self {
            start: start.trim_matches(['[', ']']).to_owned(),
            method: said(method),
            path: said(path),
            protocol: said(protocol),
            status: status.parse().ok()?,
            flags: said(flags),
            details: said(details),
            tls_failure: said(tls),
            duration_ms: duration.parse().ok(),
            upstream_ms: upstream.parse().ok(),
            request_id: said(id),
            authority: said(authority),
            upstream_host: said(host),
            cluster: said(cluster),
            to: said(to),
            from: said(from),
            route: said(route),
        })
    }

    fn of_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(said).unwrap_or_default();
        let number = |name: &str| {
            value[name].as_u64().or_else(|| value[name].as_str().and_then(|text| text.parse().ok()))
        };
        // What makes it an access log.
        value.get("response_code").or_else(|| value.get("upstream_cluster"))?;
        Some(Self {
            start: text("start_time"),
            method: text("method"),
            path: text("path"),
            protocol: text("protocol"),
            status: number("response_code").and_then(|code| u16::try_from(code).ok()).unwrap_or_default(),
            flags: text("response_flags"),
            details: text("response_code_details"),
            tls_failure: text("upstream_transport_failure_reason"),
            duration_ms: number("duration"),
            upstream_ms: number("upstream_service_time"),
            request_id: text("request_id"),
            authority: text("authority"),
            upstream_host: text("upstream_host"),
            cluster: text("upstream_cluster"),
            to: text("downstream_local_address"),
            from: text("downstream_remote_address"),
            route: text("route_name"),
        })
    }

    /// Whether the proxy of the one who is called wrote it.
    pub fn is_inbound(&self) -> bool {
        self.cluster.starts_with("inbound|") || self.cluster == "InboundPassthroughCluster"
    }

    /// The cluster that the call was sent to by the caller's proxy.
    pub fn outbound(&self) -> Option<Outbound<'_>> {
        Outbound::read(&self.cluster)
    }
}

/// "" for "-".
fn said(text: &str) -> String {
    if text == "-" { String::new() } else { text.to_owned() }
}

/// Words parted by spaces; those in quotes or brackets are whole.
fn words(line: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' => match rest[1..].find('"') {
                Some(end) => (&rest[1..=end], &rest[end + 2..]),
                None => (&rest[1..], ""),
            },
            _ => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
        };
        all.push(word);
        rest = after.trim_start();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OUT: &str = r#"[2026-01-01T12:00:00.123Z] "GET /reviews/0?x=a b HTTP/1.1" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111} - "delayed connect error: 111" 0 167 31 - "-" "curl/8.5 (a; b)" "5a0c8a7e-0e0f-9d5c-b1f2-1d3c0a8f7a11" "reviews:9080" "10.244.1.9:9080" outbound|9080|v1|reviews.bookinfo.svc.cluster.local 10.244.1.4:50312 10.96.0.12:9080 10.244.1.4:41000 - default"#;

    #[test]
    fn a_line_of_the_callers_proxy() {
        let logged = Logged::read(OUT).unwrap();
        assert_eq!((logged.method.as_str(), logged.path.as_str()), ("GET", "/reviews/0?x=a b"));
        assert_eq!(logged.protocol, "HTTP/1.1");
        assert_eq!((logged.status, logged.flags.as_str()), (503, "URX,UF"));
        assert!(logged.details.starts_with("upstream_reset_before_response_started{"));
        assert_eq!(logged.tls_failure, "delayed connect error: 111");
        assert_eq!((logged.duration_ms, logged.upstream_ms), (Some(31), None));
        assert_eq!((logged.authority.as_str(), logged.from.as_str()), ("reviews:9080", "10.244.1.4:41000"));
        let to = logged.outbound().unwrap();
        assert_eq!((to.port, to.subset, to.host), (9080, "v1", "reviews.bookinfo.svc.cluster.local"));
        assert_eq!((logged.route.as_str(), logged.is_inbound()), ("default", false));
        let prefixed = format!("[pod/productpage-v1-x/istio-proxy] 2026-01-01T12:00:01Z {OUT}");
        assert_eq!(Logged::read(&prefixed).unwrap(), logged);
    }

    #[test]
    fn a_line_of_json() {
        let line = json!({
            "start_time": "2026-01-01T12:00:00.123Z", "method": "GET", "path": "/", "response_code": 403,
            "response_flags": "-", "response_code_details": "rbac_access_denied_matched_policy[none]",
            "upstream_cluster": "inbound|9080||", "duration": 0, "authority": "reviews:9080",
            "downstream_remote_address": "10.244.1.4:41000", "downstream_local_address": "10.244.1.9:9080",
        });
        let logged = Logged::read(&format!("istio-proxy {line}")).unwrap();
        assert_eq!((logged.status, logged.flags.as_str(), logged.duration_ms), (403, "", Some(0)));
        assert!(logged.is_inbound());
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "[2026-01-01 12:00:00.123][warning][config] gRPC config stream closed",
            "{\"level\":\"info\",\"msg\":\"hello\"}",
            "2026-01-01T12:00:00Z info ready",
            "\"",
            "[20",
        ] {
            assert_eq!(Logged::read(line), None, "{line}");
        }
    }
}
