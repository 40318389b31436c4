//! Routes of the Gateway API as Istio has them: rules of a VirtualService, one for each match, and the order in
//! which they are asked.

use crate::precedence::Config;
use crate::views as to;
use crate::views::gateway_api as from;
use serde_json::json;
use std::cmp::Reverse;
use std::collections::BTreeMap;

mod backends;
mod grpc;

pub use backends::{NOWHERE, Unreachable, backend, granted};
pub use grpc::http_of_grpc;

/// How istiod writes that only the matched prefix is replaced.
pub const PREFIX: &str = "%PREFIX()%";

/// A rule with one match, and where it comes from.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// What it says.
    pub rule: to::HttpRoute,
    /// Age, namespace and name of its route.
    pub of: (String, String, String),
    /// Which rule and which match of the route.
    pub at: (usize, usize),
}

/// What a route's rules are.
#[derive(Clone, Debug)]
pub struct Made<R> {
    /// Its rules.
    pub rules: Vec<Ranked>,
    /// Why the first backend that cannot be reached is none.
    pub unresolved: Option<R>,
    /// What has no effect: the rule, and its part.
    pub unsupported: Vec<(usize, String)>,
}

/// The most specific first: exact paths, then longer ones, then a method, more headers, more parameters; then
/// the oldest route, and the order in which rules are written.
pub fn sort(rules: &mut [Ranked]) {
    rules.sort_by_cached_key(rank);
}

/// What orders rules: see [`sort`].
pub fn rank(ranked: &Ranked) -> impl Ord + use<> {
    let matched = ranked.rule.r#match.first().cloned().unwrap_or_default();
    let uri = matched.uri.unwrap_or_default();
    let (rank, length) = match (&uri.exact, &uri.prefix, &uri.regex) {
        (Some(path), ..) => (3, path.len()),
        // Everything: an expression, whose place the specification leaves open, says more.
        (_, Some(path), _) if path == "/" => (0, 0),
        (_, Some(path), _) => (2, path.len()),
        (.., Some(path)) => (1, path.len()),
        _ => (0, 0),
    };
    let specific =
        (rank, length, matched.method.is_some(), matched.headers.len(), matched.query_params.len());
    (Reverse(specific), ranked.of.clone(), ranked.at)
}

/// The rules of a route. `resolve` tells where a backend leads, and why it leads nowhere.
pub fn rules<C: Config<Spec = from::HttpRoute>, R>(
    route: &C,
    resolve: impl FnMut(&from::BackendRef) -> (to::Destination, Option<R>),
) -> Made<R> {
    let mut maker = Maker {
        named: (route.namespace(), route.name()),
        resolve,
        index: 0,
        made: Made { rules: Vec::new(), unresolved: None, unsupported: Vec::new() },
    };
    for (index, rule) in route.spec().rules.iter().enumerate() {
        maker.index = index;
        let everything = [from::HttpRouteMatch::default()];
        let matches = if rule.matches.is_empty() { &everything[..] } else { &rule.matches };
        let whole = maker.whole(rule);
        for (number, one) in matches.iter().enumerate() {
            let mut rule = whole.clone();
            // Without a prefix there is nothing to replace, and redirects and rewrites of it mean the whole
            // path.
            rule.r#match = vec![matched(one)];
            let of = (route.created().to_owned(), route.namespace().to_owned(), route.name().to_owned());
            maker.made.rules.push(Ranked { rule, of, at: (index, number) });
        }
    }
    maker.made
}

fn matched(one: &from::HttpRouteMatch) -> to::HttpMatch {
    let text = |one: &from::NamedMatch| match one.r#type.as_deref() {
        Some("RegularExpression") => to::StringMatch { regex: Some(one.value.clone()), ..Default::default() },
        _ => exact(&one.value),
    };
    let named = |list: &[from::NamedMatch]| -> BTreeMap<String, to::StringMatch> {
        // Of two for one name the first counts.
        list.iter().rev().map(|one| (one.name.clone(), text(one))).collect()
    };
    let path = one.path.clone().unwrap_or_default();
    let value = path.value.unwrap_or_else(|| "/".into());
    let uri = match path.r#type.as_deref() {
        Some("Exact") => exact(&value),
        Some("RegularExpression") => to::StringMatch { regex: Some(value), ..Default::default() },
        _ => to::StringMatch { prefix: Some(value), ..Default::default() },
    };
    to::HttpMatch {
        uri: Some(uri),
        headers: named(&one.headers),
        query_params: named(&one.query_params),
        method: one.method.as_deref().map(exact),
        ..to::HttpMatch::default()
    }
}

fn exact(text: &str) -> to::StringMatch {
    to::StringMatch { exact: Some(text.to_owned()), ..Default::default() }
}

struct Maker<'a, R, F> {
    /// Namespace and name of the route.
    named: (&'a str, &'a str),
    resolve: F,
    index: usize,
    made: Made<R>,
}

impl<R, F: FnMut(&from::BackendRef) -> (to::Destination, Option<R>)> Maker<'_, R, F> {
    fn unsupported(&mut self, part: &str) {
        self.made.unsupported.push((self.index, part.to_owned()));
    }

    fn destination(&mut self, to: &from::BackendRef) -> to::Destination {
        let (destination, refusal) = (self.resolve)(to);
        if self.made.unresolved.is_none() {
            self.made.unresolved = refusal;
        }
        destination
    }

    /// Everything but the match.
    fn whole(&mut self, rule: &from::HttpRouteRule) -> to::HttpRoute {
        let numbered = || Some(format!("{}.{}.{}", self.named.0, self.named.1, self.index));
        let mut whole = to::HttpRoute {
            name: rule.name.clone().filter(|name| !name.is_empty()).or_else(numbered),
            ..to::HttpRoute::default()
        };
        if rule.session_persistence.is_some() {
            self.unsupported("sessionPersistence");
        }
        for filter in &rule.filters {
            self.filter(&mut whole, filter);
        }
        let mut splits = Vec::new();
        for backend in &rule.backend_refs {
            let destination = self.destination(backend);
            let mut headers = to::HttpRoute::default();
            for filter in &backend.filters {
                match filter.r#type.as_str() {
                    "RequestHeaderModifier" | "ResponseHeaderModifier" => self.filter(&mut headers, filter),
                    other => self.unsupported(&format!("a filter {other} of one backend")),
                }
            }
            let weight = Some(backend.weight.unwrap_or(1));
            splits.push(to::RouteDestination { destination, weight, headers: headers.headers });
        }
        let reachable = splits.iter().any(|split| split.weight != Some(0));
        if whole.redirect.is_none() && !reachable {
            whole.direct_response = Some(to::DirectResponse { status: 500, body: None });
        } else if whole.redirect.is_none() {
            // A share of nothing would be taken for everything if it stood alone.
            splits.retain(|split| split.weight != Some(0));
            whole.route = splits;
        }
        self.times(&mut whole, rule);
        whole
    }

    fn times(&mut self, whole: &mut to::HttpRoute, rule: &from::HttpRouteRule) {
        let timeouts = rule.timeouts.clone().unwrap_or_default();
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        whole.timeout = said(timeouts.request);
        let retry = rule.retry.clone();
        let per_try = said(timeouts.backend_request);
        if let Some(retry) = retry {
            let codes = retry.codes.iter().map(ToString::to_string).collect::<Vec<_>>();
            whole.retries = Some(to::Retries {
                attempts: retry.attempts.unwrap_or(1),
                per_try_timeout: per_try,
                retry_on: (!codes.is_empty()).then(|| codes.join(",")),
                backoff: retry.backoff,
                ..to::Retries::default()
            });
        } else if per_try.is_some() {
            whole.retries =
                Some(to::Retries { attempts: 2, per_try_timeout: per_try, ..to::Retries::default() });
        }
    }

    fn filter(&mut self, whole: &mut to::HttpRoute, filter: &from::HttpRouteFilter) {
        let nothing = || to::Headers { request: None, response: None };
        match filter.r#type.as_str() {
            "RequestHeaderModifier" => {
                whole.headers.get_or_insert_with(nothing).request =
                    filter.request_header_modifier.as_ref().map(operations);
            }
            "ResponseHeaderModifier" => {
                whole.headers.get_or_insert_with(nothing).response =
                    filter.response_header_modifier.as_ref().map(operations);
            }
            "RequestRedirect" => whole.redirect = filter.request_redirect.as_ref().map(redirect),
            "URLRewrite" => whole.rewrite = filter.url_rewrite.as_ref().map(rewrite),
            "RequestMirror" => {
                if let Some(mirror) = &filter.request_mirror {
                    let destination = self.destination(&mirror.backend_ref);
                    whole.mirrors.push(to::Mirror { destination, percentage: share(mirror) });
                }
            }
            "CORS" => whole.cors_policy = filter.cors.as_ref().map(cors),
            other => self.unsupported(&format!("a filter {other}")),
        }
    }
}

fn operations(modifier: &from::HeaderModifier) -> to::HeaderOperations {
    let each = |list: &[from::Header]| {
        list.iter().map(|header| (header.name.clone(), header.value.clone())).collect()
    };
    to::HeaderOperations {
        set: each(&modifier.set),
        add: each(&modifier.add),
        remove: modifier.remove.clone(),
    }
}

fn redirect(filter: &from::RequestRedirect) -> to::Redirect {
    let path = filter.path.clone().unwrap_or_default();
    let prefix = path.replace_prefix_match.map(|prefix| format!("{PREFIX}{prefix}"));
    to::Redirect {
        uri: path.replace_full_path.or(prefix),
        authority: filter.hostname.clone(),
        port: filter.port,
        // Without a scheme the port stays; with one it is that of the scheme.
        derive_port: (filter.port.is_none() && filter.scheme.is_none()).then(|| "FROM_REQUEST_PORT".into()),
        scheme: filter.scheme.clone(),
        redirect_code: Some(filter.status_code.unwrap_or(302)),
    }
}

fn rewrite(filter: &from::UrlRewrite) -> to::Rewrite {
    let path = filter.path.clone().unwrap_or_default();
    to::Rewrite {
        uri: path.replace_prefix_match,
        authority: filter.hostname.clone(),
        uri_regex_rewrite: path
            .replace_full_path
            .map(|path| to::RegexRewrite { r#match: "/.*".into(), rewrite: path }),
    }
}

fn share(mirror: &from::RequestMirror) -> Option<to::Percent> {
    let fraction = mirror
        .fraction
        .as_ref()
        .map(|part| part.numerator * 100.0 / part.denominator.unwrap_or(100.0).max(1.0));
    mirror.percent.or(fraction).map(|value| to::Percent { value })
}

fn cors(filter: &from::Cors) -> serde_json::Value {
    let origin = |origin: &String| match origin.split_once('*') {
        None => json!({"exact": origin}),
        Some((before, after)) => {
            json!({"regex": format!("{}.*{}", regex::escape(before), regex::escape(after))})
        }
    };
    let mut policy = json!({
        "allowOrigins": filter.allow_origins.iter().map(origin).collect::<Vec<_>>(),
        "allowMethods": filter.allow_methods,
        "allowHeaders": filter.allow_headers,
        "exposeHeaders": filter.expose_headers,
        "allowCredentials": filter.allow_credentials,
        "unmatchedPreflights": "IGNORE",
    });
    if let Some(age) = filter.max_age {
        policy["maxAge"] = json!(format!("{age}s"));
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(uri: to::StringMatch, headers: usize, created: &str) -> Ranked {
        let headers = (0..headers).map(|number| (format!("h{number}"), exact("x"))).collect();
        let matched = to::HttpMatch { uri: Some(uri), headers, ..Default::default() };
        let name = created.to_owned();
        let rule = to::HttpRoute { name: Some(name.clone()), r#match: vec![matched], ..Default::default() };
        Ranked { rule, of: (name, String::new(), String::new()), at: (0, 0) }
    }

    #[test]
    fn the_most_specific_match_is_asked_first() {
        let prefix = |path: &str| to::StringMatch { prefix: Some(path.into()), ..Default::default() };
        let mut rules = [
            ranked(prefix("/"), 0, "f"),
            ranked(prefix("/a"), 0, "e"),
            ranked(prefix("/a"), 0, "d"),
            ranked(prefix("/a"), 2, "c"),
            ranked(prefix("/aa"), 0, "b"),
            ranked(exact("/"), 0, "a"),
        ];
        sort(&mut rules);
        let order: Vec<_> = rules.iter().filter_map(|ranked| ranked.rule.name.as_deref()).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f"]);
    }
}
