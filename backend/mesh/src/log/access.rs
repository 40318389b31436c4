//! Lines of a proxy's access log: Istio's default text, or JSON with Istio's or the user's names.

use crate::health::End;
use serde_json::Value;

/// What Istio's default format says, in its order, and what each is called in words.
const FIELDS: [(&str, &str); 24] = [
    ("start_time", "Begun"),
    ("method", "Method"),
    ("path", "Path"),
    ("protocol", "Protocol"),
    ("response_code", "Code"),
    ("response_flags", "Flags"),
    ("response_code_details", "Because"),
    ("connection_termination_details", "Connection ended because"),
    ("upstream_transport_failure_reason", "Connection failed because"),
    ("bytes_received", "Bytes received"),
    ("bytes_sent", "Bytes sent"),
    ("duration", "Took, ms"),
    ("upstream_service_time", "Of which the callee, ms"),
    ("x_forwarded_for", "Forwarded for"),
    ("user_agent", "User agent"),
    ("request_id", "Request id"),
    ("authority", "Host asked for"),
    ("upstream_host", "Sent to"),
    ("upstream_cluster", "Cluster"),
    ("upstream_local_address", "Sent from"),
    ("downstream_local_address", "Came to"),
    ("downstream_remote_address", "Came from"),
    ("requested_server_name", "Server name (SNI)"),
    ("route_name", "Route"),
];

/// Names under which people log the id of the trace.
const TRACE: [&str; 4] = ["trace_id", "traceID", "traceId", "trace"];

/// The code of a call that got no answer, and of a connection.
const NO_ANSWER: &str = "0";

/// A line of an access log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    fields: Vec<(String, String)>,
}

impl Access {
    /// Reads a line; `None` where it is none of an access log.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        match line.as_bytes().first()? {
            b'{' => Self::json(line),
            b'[' => Self::text(line),
            _ => None,
        }
    }

    /// Reads a line that has something before it: a pod's name, a time.
    pub fn find(line: &str) -> Option<Self> {
        let begins = ["[20", "{"].into_iter().filter_map(|sign| line.find(sign));
        Self::read(&line[begins.min()?..])
    }

    fn json(line: &str) -> Option<Self> {
        let Value::Object(told) = serde_json::from_str(line).ok()? else { return None };
        // What other programs log as JSON is no call.
        if !told.contains_key("response_code") && !told.contains_key("response_flags") {
            return None;
        }
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        Some(Self { fields: told.iter().map(|(name, value)| (name.clone(), text(value))).collect() })
    }

    fn text(line: &str) -> Option<Self> {
        let mut parts = Parts(line);
        let (begun, request) = (parts.next()?, parts.next()?);
        // "GET /path HTTP/1.1", or "- - -" of a connection.
        let mut request = request.rsplitn(2, ' ');
        let (protocol, rest) = (request.next()?, request.next()?);
        let (method, path) = rest.split_once(' ')?;
        let rest: Vec<&str> = parts.collect();
        let code = rest.first()?;
        if rest.len() < 16 || !code.chars().all(|letter| letter.is_ascii_digit()) {
            return None;
        }
        let values = [begun, method, path, protocol].into_iter().chain(rest);
        let fields =
            FIELDS.iter().zip(values).map(|((name, _), value)| ((*name).to_owned(), value.to_owned()));
        Some(Self { fields: fields.collect() })
    }

    /// A field by Istio's name; "" where there is none ("-").
    pub fn get(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| *value != "-").unwrap_or_default()
    }

    /// The id of its trace, if it is logged.
    pub fn trace(&self) -> Option<&str> {
        TRACE.iter().map(|name| self.get(name)).find(|id| !id.is_empty())
    }

    /// How the call ended.
    pub fn end(&self) -> End {
        let (code, flags) = (self.get("response_code"), self.get("response_flags"));
        let of_connection = self.get("method").is_empty() && code == NO_ANSWER;
        match code.as_bytes().first() {
            Some(b'5') => End::Failed,
            Some(b'0') if !of_connection || !flags.is_empty() => End::Failed,
            Some(b'4') => End::Refused,
            _ => End::Well,
        }
    }

    /// All that is said, in words; fields of the user's own by their names.
    pub fn said(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().filter(|(_, value)| !matches!(value.as_str(), "" | "-")).map(|(name, value)| {
            let words = FIELDS.iter().find(|(known, _)| known == name).map(|(_, words)| *words);
            (words.unwrap_or(name.as_str()), value.as_str())
        })
    }
}

/// Envoy's reason for an answer, in words; "" of those that say nothing more.
pub fn details(reason: &str) -> &'static str {
    let reason = reason.split(['{', '[']).next().unwrap_or_default();
    match reason {
        "via_upstream" => "the callee answered",
        "direct_response" => "the proxy answered by itself, as a rule says",
        "fault_filter_abort" => "aborted by fault injection",
        "no_healthy_upstream" => "no healthy endpoint",
        "route_not_found" => "no route matched",
        "cluster_not_found" => "the route's cluster is not there",
        "upstream_response_timeout" | "response_timeout" => "the callee took too long",
        "upstream_per_try_timeout" => "each try took too long",
        "upstream_reset_before_response_started" => "the connection broke before the callee answered",
        "upstream_reset_after_response_started" => "the connection broke while the callee answered",
        "downstream_remote_disconnect" => "the caller hung up",
        "overload" => "the circuit breaker is open",
        reason if reason.starts_with("rbac_access_denied") => "refused by an AuthorizationPolicy",
        reason if reason.starts_with("ext_authz") => "refused by external authorization",
        reason if reason.starts_with("jwt_authn") => "the token was refused",
        _ => "",
    }
}

/// The parts of a line: words, "quoted ones" and [those in brackets].
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let (skip, end) = match rest.as_bytes().first()? {
            b'"' => (1, '"'),
            b'[' => (1, ']'),
            _ => (0, ' '),
        };
        let inside = &rest[skip..];
        let length = inside.find(end).unwrap_or(inside.len());
        self.0 = inside.get(length + skip..).unwrap_or_default();
        Some(&inside[..length])
    }
}
