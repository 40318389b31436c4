//! Errors of Kubernetes, HTTP and the network, told once in the user's words. No secret ever gets into a
//! problem.

use crate::broken::{Broken, find};
use kube::core::Status;
use mesh::Problem;
use std::error::Error;

/// Tells what a Kubernetes error means for something that was tried ("Listing pods failed").
pub(crate) fn problem(what: impl Into<String>, error: &kube::Error) -> Problem {
    if let Some(told) = find::<Problem>(error) {
        return told.clone();
    }
    match error {
        kube::Error::Api(status) => of_status(what, status),
        other => of_network(what, other),
    }
}

/// The HTTP status of an answer of the API server, if there was one.
pub(crate) fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error { Some(status.code) } else { None }
}

/// Tells what a refusal of the API server means.
pub(crate) fn of_status(what: impl Into<String>, status: &Status) -> Problem {
    let what = what.into();
    let message = one_line(&status.message);
    let message = message.as_str();
    if let Some(Denial { webhook, reason }) = denial(status) {
        let who = if webhook.contains("istio") { "Istio's validation" } else { "An admission webhook" };
        let why = format!("{who} ({webhook}) refuses it: {reason}");
        return Problem::new(what, why, "Correct the value that it names and try again");
    }
    if let Some((webhook, why)) = webhook_away(message) {
        let (who, next) = if webhook.contains("istio") {
            (
                "Istio's validation",
                "Look at the Deployment istiod: until it answers, no change of Istio's resources is taken",
            )
        } else {
            (
                "An admission webhook",
                "Look at the Service of this webhook: until it answers, no such change is taken",
            )
        };
        return Problem::new(what, format!("{who} ({webhook}) cannot be asked: {why}"), next);
    }
    let (why, next) = match status.code {
        401 => (
            format!("The server does not accept the login (401 {})", text_or(message, "Unauthorized")),
            "It may have expired, or been taken back: log in to the cluster again, then retry",
        ),
        403 => (
            text_or(message, "Forbidden").to_owned(),
            "Ask whoever runs the cluster for this right, then retry",
        ),
        404 => (text_or(message, "Not found").to_owned(), "Look whether it was deleted or renamed"),
        409 => (text_or(message, "Conflict").to_owned(), "Look at what the cluster has now and try again"),
        410 => (text_or(message, "Gone").to_owned(), "Nothing to do: it is read again"),
        422 | 400 => (invalid(status), "Correct the fields that it names and try again"),
        429 => ("The server has too many requests (429)".into(), "Retry in a moment"),
        code => (
            format!("The server answered {code}: {}", text_or(message, "no reason given")),
            "Retry in a moment",
        ),
    };
    Problem::new(what, why, next)
}

/// The reason of a schema or rule violation: each field with its own message.
fn invalid(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let told: Vec<String> = causes
        .filter(|cause| !cause.field.is_empty() && cause.field != "<nil>")
        .map(|cause| match cause.message.rsplit_once("strict decoding error: ") {
            // The message repeats the whole object before it comes to the point.
            Some((_, point)) => point.to_owned(),
            None => format!("{}: {}", cause.field, short(&cause.message)),
        })
        .collect();
    if told.is_empty() {
        text_or(status.message.trim(), "The object is not valid").to_owned()
    } else {
        told.join("; ")
    }
}

/// Values in messages may be whole objects: the middle is left out.
fn short(message: &str) -> String {
    let letters: Vec<char> = message.chars().collect();
    if letters.len() <= 300 {
        return message.to_owned();
    }
    let (start, end) = (&letters[..140], &letters[letters.len() - 140..]);
    start.iter().chain(&[' ', '…', ' ']).chain(end).collect()
}

/// A webhook that refused an object.
pub(crate) struct Denial {
    webhook: String,
    reason: String,
}

/// Whether a webhook refused it. The API server says so in its message only:
/// `admission webhook "validation.istio.io" denied the request: …`.
pub(crate) fn denial(status: &Status) -> Option<Denial> {
    let message = one_line(&status.message);
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (name, rest) = rest.split_once('"')?;
    let (_, reason) = rest.split_once("denied the request")?;
    let reason = reason.trim_start_matches(':').trim();
    let reason = reason.strip_prefix("configuration is invalid: ").unwrap_or(reason);
    Some(Denial { webhook: name.to_owned(), reason: text_or(reason, "no reason given").to_owned() })
}

/// Whether the API server could not ask a webhook that must agree: then it has written nothing.
pub(crate) fn unasked_webhook(status: &Status) -> bool {
    webhook_away(&one_line(&status.message)).is_some()
}

/// A webhook that the API server could not ask, and why. It says so in its message only:
/// `failed calling webhook "validation.istio.io": failed to call webhook: Post "https://…": dial tcp …`.
fn webhook_away(message: &str) -> Option<(&str, &'static str)> {
    let (_, rest) = message.split_once("failed calling webhook \"")?;
    let (name, said) = rest.split_once('"')?;
    let why = [
        ("no endpoints available", "no pod of it is ready"),
        ("not found", "its Service is not there"),
        ("connection refused", "nothing listens there"),
        ("no route to host", "no way leads there"),
        ("deadline exceeded", "it does not answer in time"),
        ("imeout", "it does not answer in time"),
        ("x509", "its certificate is not trusted"),
    ];
    let known = why.iter().find(|(part, _)| said.contains(part));
    Some((name, known.map_or("it does not answer as it should", |(_, why)| why)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text_or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

/// Tells what a failure below HTTP means: name lookup, connection, TLS, a broken stream.
pub(crate) fn of_network(what: impl Into<String>, error: &(dyn Error + 'static)) -> Problem {
    Broken::of(error).problem(what)
}

/// Whether a URL leads to this machine itself.
pub(crate) fn is_local(url: &str) -> bool {
    let parsed = url::Url::parse(url).ok();
    match parsed.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Takes user and password out of URLs ("https://user:secret@proxy").
pub(crate) fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let whole = after.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(after.len());
        let end = after[..whole].find('/').unwrap_or(whole);
        // A password may have a slash in it: then what stands before that is neither a host nor a port.
        let cut_short = |authority: &str| {
            let (_, port) = authority.rsplit_once(':')?;
            (!authority.ends_with(']') && port.parse::<u16>().is_err()).then(|| after[..whole].rfind('@'))?
        };
        let end =
            if after[..end].contains('@') { end } else { cut_short(&after[..end]).map_or(end, |at| at + 1) };
        let (authority, tail) = after.split_at(end);
        out.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, why: &str) {
        let status: Status = serde_json::from_str(answer).expect("a Status");
        assert_eq!(of_status("it failed", &status).why, why);
    }

    #[test]
    fn webhook() {
        check(
            r#"{"kind":"Status","status":"Failure","code":400,"message":"admission webhook \"validation.istio.io\" denied the request: configuration is invalid: percentage -7 is not in range 0..100"}"#,
            "Istio's validation (validation.istio.io) refuses it: percentage -7 is not in range 0..100",
        );
    }

    /// istiod is down, and its webhook must agree.
    #[test]
    fn a_webhook_that_cannot_be_asked_is_no_raw_500() {
        let answer = |said: &str| {
            let message = format!(
                "Internal error occurred: failed calling webhook \"validation.istio.io\": failed to call webhook: Post \"https://istiod.istio-system.svc:443/validate?timeout=10s\": {said}"
            );
            let status = serde_json::json!({ "kind": "Status", "code": 500, "message": message });
            let status: Status = serde_json::from_value(status).unwrap();
            assert!(unasked_webhook(&status));
            of_status("It was not changed", &status).to_string()
        };
        assert_eq!(
            answer("no endpoints available for service \"istiod\""),
            "It was not changed: Istio's validation (validation.istio.io) cannot be asked: no pod of it is ready. Look at \
             the Deployment istiod: until it answers, no change of Istio's resources is taken"
        );
        assert!(
            answer("dial tcp 10.96.0.7:443: connect: connection refused").contains("nothing listens there")
        );
        assert!(answer("context deadline exceeded").contains("does not answer in time"));
    }

    #[test]
    fn rule_violation_names_the_field() {
        check(
            r#"{"kind":"Status","status":"Failure","code":422,"reason":"Invalid","message":"VirtualService.networking.istio.io \"shop\" is invalid: …","details":{"name":"shop","causes":[{"reason":"FieldValueInvalid","message":"must be a valid duration greater than 1ms","field":"spec.http[1].timeout"},{"reason":"FieldValueInvalid","message":"some validation rules were not checked","field":"<nil>"}]}}"#,
            "spec.http[1].timeout: must be a valid duration greater than 1ms",
        );
    }

    #[test]
    fn an_unknown_field_is_named_without_the_whole_object() {
        check(
            r#"{"kind":"Status","status":"Failure","code":422,"reason":"Invalid","message":"…","details":{"causes":[{"reason":"FieldValueInvalid","field":"patch","message":"Invalid value: \"{\\\"kind\\\":\\\"Gateway\\\"}\": strict decoding error: unknown field \"spec.weather\""}]}}"#,
            "unknown field \"spec.weather\"",
        );
    }

    #[test]
    fn refused_by_rights() {
        check(
            r#"{"kind":"Status","status":"Failure","code":403,"message":"pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" at the cluster scope"}"#,
            "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" at the cluster scope",
        );
    }

    #[test]
    fn expired_login() {
        check(
            r#"{"kind":"Status","status":"Failure","code":401,"reason":"Unauthorized","message":"Unauthorized"}"#,
            "The server does not accept the login (401 Unauthorized)",
        );
    }

    #[test]
    fn this_machine_itself() {
        for local in
            ["http://127.0.0.1:9090", "https://LocalHost:1/x", "http://[::1]:80", "http://a.localhost"]
        {
            assert!(is_local(local), "{local}");
        }
        for other in ["http://10.0.0.1", "https://localhost.example", "", "localhost"] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn passwords_in_urls_are_cut() {
        assert_eq!(
            redacted("proxy http://me:secret@proxy:3128/x failed"),
            "proxy http://proxy:3128/x failed"
        );
        assert_eq!(redacted("https://me:s/e@c/ret@kube:6443/x"), "https://kube:6443/x");
        for kept in ["http://kube:80/a@b", "https://[::1]/a@b", "http://kube/a@b \"x@y\""] {
            assert_eq!(redacted(kept), kept);
        }
    }
}
