//! Errors of Kubernetes, HTTP and the network, told once in the user's words. No secret ever gets into a problem.

use kube::core::Status;
use mesh::Problem;
use std::error::Error;
use std::io;

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
    let message = status.message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message.as_str();
    if let Some((webhook, reason)) = denied_by_webhook(message) {
        let who = if webhook.contains("istio") { "Istio's validation" } else { "An admission webhook" };
        let why = format!("{who} ({webhook}) refuses it: {reason}");
        return Problem::new(what, why, "Correct the value that it names and try again");
    }
    let (why, next) = match status.code {
        401 => (
            format!("The server does not accept the login (401 {})", text_or(message, "Unauthorized")),
            "The token may have expired: log in to the cluster again, then retry",
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

/// Splits `admission webhook "validation.istio.io" denied the request: …` into the webhook's name and the reason.
fn denied_by_webhook(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (name, rest) = rest.split_once('"')?;
    let (_, reason) = rest.split_once("denied the request")?;
    let reason = reason.trim_start_matches(':').trim();
    Some((
        name,
        text_or(reason.strip_prefix("configuration is invalid: ").unwrap_or(reason), "no reason given"),
    ))
}

fn text_or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

/// Tells what a failure below HTTP means: name lookup, connection, TLS, a broken stream.
pub(crate) fn of_network(what: impl Into<String>, error: &(dyn Error + 'static)) -> Problem {
    let chain = chain(error);
    let has = |part: &str| chain.iter().any(|text| text.to_lowercase().contains(part));
    let root = chain.last().cloned().unwrap_or_default();
    let kind = find::<io::Error>(error).map(io::Error::kind);
    let (why, next) = if has("dns error") || has("failed to lookup address") {
        (
            format!("The server's name cannot be resolved ({root})"),
            "Look at the server's address and at your network or VPN",
        )
    } else if has("alert: certificate") || has("alert: bad certificate") || has("alert: badcertificate") {
        (
            "The server does not accept our client certificate, or wants one".into(),
            "Log in to the cluster again, then retry",
        )
    } else if has("certificate") || has("unknownissuer") || has("unknown issuer") {
        (
            format!("The server's certificate is not trusted ({root})"),
            "Look at certificate-authority-data of this cluster in the kubeconfig",
        )
    } else if kind == Some(io::ErrorKind::ConnectionRefused) || has("connection refused") {
        (
            "Nothing listens at this address (connection refused)".into(),
            "Look whether the cluster is running, then retry",
        )
    } else if kind == Some(io::ErrorKind::TimedOut) || has("timed out") || has("deadline has elapsed") {
        ("It did not answer in time".into(), "Look at your network or VPN, then retry")
    } else {
        (root, "Retry; if it stays, look at the network between you and the cluster")
    };
    Problem::new(what, why, next)
}

/// Every message of an error and its causes, without repetitions (many errors print their cause themselves).
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(redacted(&error.to_string()));
        next = error.source();
    }
    texts
}

/// The cause of this type, if there is one.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Takes user and password out of URLs ("https://user:secret@proxy").
pub(crate) fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(after.len());
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
    fn passwords_in_urls_are_cut() {
        assert_eq!(
            redacted("proxy http://me:secret@proxy:3128/x failed"),
            "proxy http://proxy:3128/x failed"
        );
    }

    #[test]
    fn nobody_listens() {
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(of_network("it failed", &error).why.contains("connection refused"));
    }
}
