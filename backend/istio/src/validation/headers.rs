//! Headers that a rule sets, adds and removes, and which pages of other sites may ask.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{duration, header_name, regex};
use crate::duration::Duration;

rules! {
    /// What is wrong with headers.
    Header {
        Error NoHeaderName "header name cannot be empty";
        Error HostSetAsHeader(name: String) "invalid header \"{name}\": cannot set Host header";
        Error PseudoHeader(name: String) "invalid header \"{name}\": header cannot have \":\" prefix";
        Error BadHeaderValue(value: String) "header value configuration {value} is invalid";
        Error LonePercent
            "header value configuration: single % not allowed.  Escape by doubling to %% or encase Envoy variable \
             name in pair of %";
        Error EmptyOrigin "'' is not a valid match type for CORS allow origins";
        Error BadMethod(method: String) "\"{method}\" is not a supported HTTP method";
        Error FineMaxAge "max_age duration is accurate only to seconds precision";
        Warning OldOrigin "corsPolicy.allowOrigin is deprecated; use allowOrigins";
    }
}

/// Headers that are set, added, removed.
pub(super) fn headers(of: At<'_>, found: &mut Found) {
    let of = of.at("headers");
    for side in ["request", "response"] {
        let operations = of.at(side);
        for (name, at) in operations.entries("add").chain(operations.entries("set")) {
            // The authority may be changed on the way there.
            let authority = side == "request"
                && (name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority"));
            if !authority {
                found.note(at, changed_name(name));
            }
            found.note(at, value(at.str()));
        }
        for at in operations.items("remove") {
            if let Some(name) = at.value().as_str() {
                found.note(at, changed_name(name));
            }
        }
    }
}

fn changed_name(name: &str) -> Result<(), Header> {
    match name {
        "" => Err(Header::NoHeaderName),
        name if name.eq_ignore_ascii_case("host") => Err(Header::HostSetAsHeader { name: name.to_owned() }),
        name if name.starts_with(':') => Err(Header::PseudoHeader { name: name.to_owned() }),
        _ => Ok(()),
    }
}

/// Envoy replaces what stands between two `%`; a lone one is a mistake.
fn value(value: &str) -> Result<(), Header> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Header::BadHeaderValue { value: value.to_owned() });
    }
    if value.matches('%').count() % 2 == 1 { Err(Header::LonePercent) } else { Ok(()) }
}

/// Which pages of other sites may ask.
pub(super) fn cors(route: At<'_>, found: &mut Found) {
    const METHODS: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];
    let policy = route.at("corsPolicy");
    for origin in policy.items("allowOrigins") {
        let given = ["exact", "prefix", "regex"].iter().any(|how| origin.says(how));
        found.when(!given, origin, Header::EmptyOrigin);
        if origin.says("regex") {
            found.note(origin.at("regex"), regex(origin.text("regex"), "corsPolicy.allowOrigins"));
        }
    }
    for at in policy.items("allowMethods") {
        if let Some(method) = at.value().as_str().filter(|method| !METHODS.contains(method)) {
            found.add(at, Header::BadMethod { method: method.to_owned() });
        }
    }
    for at in policy.items("allowHeaders").chain(policy.items("exposeHeaders")) {
        if let Some(name) = at.value().as_str().filter(|name| *name != "*") {
            found.note(at, header_name(name));
        }
    }
    duration(&policy, "maxAge", found);
    let age = Duration::read(policy.text("maxAge")).map_or(0, Duration::nanos);
    found.when(age % 1_000_000_000 != 0, policy.at("maxAge"), Header::FineMaxAge);
    found.when(policy.has("allowOrigin"), policy.at("allowOrigin"), Header::OldOrigin);
}
