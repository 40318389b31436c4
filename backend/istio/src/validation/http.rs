//! HTTP rules of VirtualServices: which parts may stand beside each other, where they lead, what they change.

use super::at::At;
use super::found::{Found, rules};
use super::headers::{cors, headers};
use super::l4::weights;
use super::malformed::{duration, header_name, http_status, port, regex};
use super::shared::{destination, gateway_names, label_set};
use super::{faults, retries};

rules! {
    /// What is wrong with an HTTP rule.
    Http {
        Error DelegateOfDelegate "delegate HTTP route cannot contain delegate";
        Error BesideDelegate(field: &'static str) "root HTTP route must not contain {field} beside delegate";
        Error RouteBeside(way: &'static str) "HTTP route cannot contain both route and {way}";
        Error FaultBeside(way: &'static str) "HTTP route cannot contain both fault and {way}";
        Error RewriteBeside(way: &'static str) "HTTP route rule cannot contain both rewrite and {way}";
        Error RedirectBesideResponse "HTTP route cannot contain both redirect and direct_response";
        Error RuleLeadsNowhere "HTTP route, redirect or direct_response is required";
        Error MirrorBesideMirrors "HTTP route cannot contain both mirror and mirrors";
        Error RegexBesideDelegate(what: String) "{what} does not support regex match for delegating";
        Error EmptyPrefix(place: &'static str) "\"{place}\": prefix string match should not be empty";
        Error LargeMirrorPercent(share: i64) "mirror_percent must have a max value of 100 (it has {share})";
        Warning OldMirrorPercent(field: &'static str) "{field} is deprecated; use mirrorPercentage";
        Error LargeMirrorPercentage(share: f64) "mirror_percentage must have a max value of 100 (it has {share:.6})";
        Error NegativeMirrorPercentage(share: f64) "mirror_percentage must have a min value of 0 (it has {share:.6})";
        Error MirrorLeadsNowhere "destination is required for mirrors";
        Error LargeMirror(share: f64) "mirror percentage must have a max value of 100 (it has {share:.6})";
        Error NegativeMirror(share: f64) "mirror percentage must have a min value of 0 (it has {share:.6})";
        Error EmptyRedirect "redirect must specify URI, authority, scheme, or port";
        Error BadRedirectCode(code: i64) "{code} is not a valid redirect code, must be 3xx";
        Error BadRedirectScheme "invalid redirect scheme, must be \"http\" or \"https\"";
        Error HugeResponse "large direct_responses may impact control plane performance, must be less than 1MB";
        Warning LargeResponse "large direct_responses may impact control plane performance";
        Error TwoRewrites "rewrite may only contain one of URI or UriRegexRewrite";
        Error EmptyRewrite
            "rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of URI or \
             UriRegexRewrite may be specified";
        Error HalfRegexRewrite "UriRegexRewrite requires both Rewrite and Match fields to be specified";
        Error AuthorityTwice "the authority can be set by rewrite or by headers, not by both";
    }
}

pub(super) fn route(route: At<'_>, delegate: bool, found: &mut Found) {
    conflicts(route, delegate, found);
    if delegate || route.has("delegate") {
        route.items("match").for_each(|one| no_expressions(one, found));
    }
    route.items("match").for_each(|one| matched(one, found));
    headers(route, found);
    cors(route, found);
    faults::fault(route, found);
    mirrors(route, found);
    redirect(route, found);
    direct_response(route, found);
    retries::retries(route, found);
    rewrite(route, found);
    route.items("route").for_each(|way| headers(way, found));
    weights(route, found);
    duration(&route, "timeout", found);
}

/// What of a route cannot stand beside what else.
fn conflicts(route: At<'_>, delegate: bool, found: &mut Found) {
    let there = |name: &str| route.has(name);
    if there("delegate") {
        found.when(delegate, route.at("delegate"), Http::DelegateOfDelegate);
        for field in ["route", "redirect", "directResponse"] {
            found.when(there(field), route.at(field), Http::BesideDelegate { field });
        }
        return;
    }
    let way = match (there("directResponse"), there("redirect")) {
        (true, _) => Some("direct_response"),
        (_, redirect) => redirect.then_some("redirect"),
    };
    match way {
        Some(way) => {
            found.when(route.some("route"), route.at("route"), Http::RouteBeside { way });
            found.when(there("fault"), route.at("fault"), Http::FaultBeside { way });
            found.when(there("rewrite"), route.at("rewrite"), Http::RewriteBeside { way });
            let both = way != "redirect" && there("redirect");
            found.when(both, route.at("redirect"), Http::RedirectBesideResponse);
        }
        None => found.when(!route.some("route"), route, Http::RuleLeadsNowhere),
    }
    found.when(there("mirror") && there("mirrors"), route.at("mirror"), Http::MirrorBesideMirrors);
}

/// A root and its delegate ask for both matches, which cannot be told of expressions.
fn no_expressions(one: At<'_>, found: &mut Found) {
    let mut add = |at: At<'_>, what: String| found.add(at, Http::RegexBesideDelegate { what });
    for (field, word) in
        [("uri", "url"), ("scheme", "scheme"), ("method", "method"), ("authority", "authority")]
    {
        let matcher = one.at(field);
        if matcher.has("regex") {
            add(matcher.at("regex"), format!("{word} match"));
        }
    }
    for (field, word) in
        [("headers", "header"), ("queryParams", "query param"), ("withoutHeaders", "withoutHeaders")]
    {
        for (name, matcher) in one.entries(field).filter(|(_, matcher)| matcher.has("regex")) {
            add(matcher.at("regex"), format!("{word} match {name}"));
        }
    }
}

/// Whether a header match is about a claim of the request's token.
pub(super) fn is_claim(header: &str) -> bool {
    header.starts_with("@request.auth.claims")
}

fn matched(one: At<'_>, found: &mut Found) {
    for field in ["uri", "scheme", "method", "authority"] {
        if let Some(matcher) = one.get(field) {
            string_match(matcher, field, found);
        }
    }
    for field in ["headers", "withoutHeaders"] {
        for (name, matcher) in one.entries(field) {
            if !is_claim(name) {
                found.note(matcher, header_name(name));
            }
            string_match(matcher, "headers", found);
        }
    }
    for (_, matcher) in one.entries("queryParams") {
        string_match(matcher, "queryParams", found);
    }
    if one.whole("port") != 0 {
        port(&one, "port", found);
    }
    label_set(one, "sourceLabels", found);
    gateway_names(one, "gateways", found);
}

fn string_match(matcher: At<'_>, place: &'static str, found: &mut Found) {
    let empty = matcher.has("prefix") && !matcher.says("prefix");
    found.when(empty, matcher.at("prefix"), Http::EmptyPrefix { place });
    if matcher.has("regex") {
        found.note(matcher.at("regex"), regex(matcher.text("regex"), place));
    }
}

fn mirrors(route: At<'_>, found: &mut Found) {
    for field in ["mirrorPercent", "mirror_percent"] {
        let share = route.whole(field);
        found.when(share > 100, route.at(field), Http::LargeMirrorPercent { share });
        found.when(route.has(field), route.at(field), Http::OldMirrorPercent { field });
    }
    let at = route.at("mirrorPercentage/value");
    let share = route.number("mirrorPercentage/value").unwrap_or(0.0);
    found.when(share > 100.0, at, Http::LargeMirrorPercentage { share });
    found.when(share < 0.0, at, Http::NegativeMirrorPercentage { share });
    if let Some(mirror) = route.get("mirror") {
        destination(mirror, found);
    }
    for mirror in route.items("mirrors") {
        match mirror.get("destination") {
            Some(to) => destination(to, found),
            None => found.add(mirror, Http::MirrorLeadsNowhere),
        }
        let at = mirror.at("percentage/value");
        let share = mirror.number("percentage/value").unwrap_or(0.0);
        found.when(share > 100.0, at, Http::LargeMirror { share });
        found.when(share < 0.0, at, Http::NegativeMirror { share });
    }
}

fn redirect(route: At<'_>, found: &mut Found) {
    let Some(redirect) = route.get("redirect") else { return };
    let given = ["uri", "authority", "port", "derivePort", "scheme"].iter().any(|field| redirect.has(field));
    found.when(!given, redirect, Http::EmptyRedirect);
    let code = redirect.whole("redirectCode");
    let good = code == 0 || (300..=399).contains(&code);
    found.when(!good, redirect.at("redirectCode"), Http::BadRedirectCode { code });
    let good = matches!(redirect.text("scheme"), "" | "http" | "https");
    found.when(!good, redirect.at("scheme"), Http::BadRedirectScheme);
    if redirect.whole("port") > 0 {
        port(&redirect, "port", found);
    }
}

fn direct_response(route: At<'_>, found: &mut Found) {
    let Some(response) = route.get("directResponse") else { return };
    let size = response.text("body/string").len().max(response.text("body/bytes").len() / 4 * 3);
    found.when(size > 1024 * 1024, response.at("body"), Http::HugeResponse);
    found.when(size > 100 * 1024, response.at("body"), Http::LargeResponse);
    found.note(response.at("status"), http_status(response.whole("status")));
}

fn rewrite(route: At<'_>, found: &mut Found) {
    let Some(rewrite) = route.get("rewrite") else { return };
    let (uri, pattern, authority) =
        (rewrite.says("uri"), rewrite.has("uriRegexRewrite"), rewrite.says("authority"));
    found.when(uri && pattern, rewrite, Http::TwoRewrites);
    found.when(!uri && !pattern && !authority, rewrite, Http::EmptyRewrite);
    if pattern {
        let pattern = rewrite.at("uriRegexRewrite");
        if pattern.says("match") && pattern.says("rewrite") {
            let place = "HTTPRewrite.UriRegexRewrite.Match";
            found.note(pattern.at("match"), regex(pattern.text("match"), place));
        } else {
            found.add(pattern, Http::HalfRegexRewrite);
        }
    }
    let set = ["headers/request/set", "headers/request/add"].iter().any(|how| {
        let mut names = route.entries(how).map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority"))
    });
    found.when(authority && set, rewrite.at("authority"), Http::AuthorityTwice);
}
