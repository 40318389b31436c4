//! Whether a request fits a match: as Envoy compares what istiod makes of it.

use super::because::{Because, Part, Wanted};
use super::request::Request;
use crate::views::{HttpMatch, StringMatch};
use regex::Regex;

/// Whether a request fits all of a match, but for who sends it and by which way. `made`: the match is one of the
/// Gateway API, whose prefixes are of whole segments.
///
/// # Errors
/// With the first part that does not fit.
pub(super) fn fits(one: &HttpMatch, made: bool, request: &Request) -> Result<(), Because> {
    path(one, made, &request.path)?;
    part(Part::Method, one.method.as_ref(), &request.method)?;
    part(Part::Authority, one.authority.as_ref(), &request.authority)?;
    part(Part::Scheme, one.scheme.as_ref(), &request.scheme)?;
    for (name, rule) in &one.headers {
        let (part, is) = header(name, request);
        wanted(part, rule, is)?;
    }
    for (name, rule) in &one.without_headers {
        let (part, is) = header(name, request);
        unwanted(part, rule, is)?;
    }
    for (name, rule) in &one.query_params {
        let is = request.parameter(name).map(str::to_owned).into_iter().collect();
        wanted(Part::Parameter(name.clone()), rule, is)?;
    }
    Ok(())
}

fn header(name: &str, request: &Request) -> (Part, Vec<String>) {
    match claim(name) {
        Some(path) => (Part::Claim(path.join(".")), request.claim(&path)),
        None => (Part::Header(name.to_owned()), request.header(name)),
    }
}

/// The claim that a header match `@request.auth.claims.a.b` or `@request.auth.claims[a][b]` is about.
pub fn claim(header: &str) -> Option<Vec<&str>> {
    let rest = header.strip_prefix("@request.auth.claims")?;
    match rest.strip_prefix('.') {
        Some(dotted) => Some(dotted.split('.').collect()),
        None => Some(rest.strip_prefix('[')?.strip_suffix(']')?.split("][").collect()),
    }
}

fn path(one: &HttpMatch, made: bool, path: &str) -> Result<(), Because> {
    let Some(rule) = &one.uri else { return Ok(()) };
    let fold = one.ignore_uri_case;
    let (fits, wanted) = match (&rule.exact, &rule.prefix, &rule.regex) {
        (Some(text), ..) if fold => (path.eq_ignore_ascii_case(text), Wanted::AnyCase(text.clone())),
        (Some(text), ..) => (path == text, Wanted::Exact(text.clone())),
        (_, Some(text), _) if made && text != "/" => {
            let text = text.trim_end_matches('/');
            let rest = path.strip_prefix(text);
            let fits = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            (fits, Wanted::Segments(text.to_owned()))
        }
        (_, Some(text), _) => {
            let start = path.get(..text.len());
            let fits = start.is_some_and(|start| start == text || fold && start.eq_ignore_ascii_case(text));
            (fits, Wanted::Prefix(text.clone()))
        }
        (.., Some(text)) => (expression(text, path)?, Wanted::Fits(text.clone())),
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(Because::Is { part: Part::Path, is: Some(path.to_owned()), wanted }) }
}

fn part(part: Part, rule: Option<&StringMatch>, is: &str) -> Result<(), Because> {
    rule.map_or(Ok(()), |rule| wanted(part, rule, vec![is.to_owned()]))
}

fn wanted(part: Part, rule: &StringMatch, is: Vec<String>) -> Result<(), Because> {
    // Also where there is nothing, proxies read the expression.
    text(rule, "")?;
    match any(rule, &is)? {
        true => Ok(()),
        false => Err(Because::Is { part, is: said(&is), wanted: Wanted::of(rule) }),
    }
}

fn any(rule: &StringMatch, is: &[String]) -> Result<bool, Because> {
    is.iter().try_fold(false, |found, value| Ok(found || text(rule, value)?))
}

fn said(is: &[String]) -> Option<String> {
    (!is.is_empty()).then(|| is.join(","))
}

/// As proxies are told: what is not there is as if it were empty, unless nothing is said of its value.
fn unwanted(part: Part, rule: &StringMatch, is: Vec<String>) -> Result<(), Because> {
    let unwanted = Wanted::of(rule);
    let found = match (&unwanted, is.as_slice()) {
        (Wanted::Something, is) => !is.is_empty(),
        (_, []) => text(rule, "")?,
        (_, is) => any(rule, is)?,
    };
    if found { Err(Because::Unwanted { part, is: said(&is), unwanted }) } else { Ok(()) }
}

fn text(rule: &StringMatch, is: &str) -> Result<bool, Because> {
    Ok(match Wanted::of(rule) {
        Wanted::Exact(text) => is == text,
        Wanted::Prefix(text) => is.starts_with(&text),
        Wanted::Fits(text) => expression(&text, is)?,
        _ => true,
    })
}

/// Whether all of a text fits an expression.
fn expression(text: &str, is: &str) -> Result<bool, Because> {
    let read = Regex::new(&format!("^(?:{text})$")).map_err(|_| Because::NoExpression(text.to_owned()))?;
    Ok(read.is_match(is))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(one: Value, words: &str, expect: &str) {
        let read: HttpMatch = serde_json::from_value(one.clone()).unwrap();
        let mut words = words.split(' ');
        let mut request = Request::get("web", 80, words.next().unwrap());
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => request.headers.push((name.to_owned(), value.to_owned())),
                None => request.method = word.to_owned(),
            }
        }
        let said = fits(&read, false, &request).err().map(|why| why.to_string()).unwrap_or_default();
        assert_eq!(said, expect, "{one}");
    }

    #[test]
    fn what_fits_and_why_not() {
        let a = |how: Value| json!({ "headers": { "a": how } });
        let not = |how: Value| json!({ "withoutHeaders": { "a": how } });
        check(json!({}), "/", "");
        check(json!({ "uri": { "prefix": "/x" } }), "/xy", "");
        check(json!({ "uri": { "prefix": "/x" } }), "/y", "path is `/y`, wanted `/x…`");
        check(json!({ "uri": { "prefix": "/x" }, "ignoreUriCase": true }), "/XY", "");
        check(json!({ "uri": { "exact": "/x" } }), "/x?y=1", "");
        check(
            json!({ "uri": { "regex": "/x[0-9]" } }),
            "/x12",
            "path is `/x12`, which does not fit `/x[0-9]`",
        );
        check(
            json!({ "uri": { "regex": "[" } }),
            "/",
            "`[` is no expression: proxies refuse all that they are told with it",
        );
        check(json!({ "method": { "exact": "POST" } }), "/", "method is `GET`, wanted `POST`");
        check(json!({ "method": { "regex": "PUT|POST" } }), "/ POST", "");
        check(json!({ "scheme": { "exact": "https" } }), "/", "scheme is `http`, wanted `https`");
        check(json!({ "authority": { "prefix": "we" } }), "/", "");
        check(a(json!({ "exact": "b" })), "/ A=b", "");
        check(a(json!({ "exact": "b" })), "/ a=c", "header a is `c`, wanted `b`");
        check(a(json!({ "exact": "b" })), "/ a=c a=b", "");
        check(a(json!({ "exact": "b" })), "/ a=c a=d", "header a is `c,d`, wanted `b`");
        check(a(json!({})), "/", "header a is not there, wanted any");
        check(a(json!({ "regex": "*" })), "/ a=", "");
        check(not(json!({ "exact": "b" })), "/", "");
        check(not(json!({ "exact": "b" })), "/ a=b", "header a is `b`, wanted anything but `b`");
        check(not(json!({})), "/ a=b", "header a is there (`b`), wanted none");
        check(
            not(json!({ "regex": ".*" })),
            "/",
            "header a is not there, wanted anything but what fits the expression `.*`",
        );
        let query = |how: Value| json!({ "queryParams": { "v": how } });
        check(query(json!({ "exact": "2" })), "/?w=1&v=2", "");
        check(query(json!({ "exact": "2" })), "/?v=1&v=2", "query parameter v is `1`, wanted `2`");
        check(query(json!({ "regex": "*" })), "/?v", "");
        check(query(json!({})), "/", "query parameter v is not there, wanted any");
    }

    #[test]
    fn a_claim_is_written_with_dots_or_with_brackets() {
        assert_eq!(claim("@request.auth.claims.group"), Some(vec!["group"]));
        assert_eq!(claim("@request.auth.claims.a.b"), Some(vec!["a", "b"]));
        let named = "@request.auth.claims[https://a.example/role][b]";
        assert_eq!(claim(named), Some(vec!["https://a.example/role", "b"]));
        assert_eq!(claim("end-user"), None);
    }

    #[test]
    fn prefixes_of_the_gateway_api_are_of_whole_segments() {
        let one: HttpMatch = serde_json::from_value(json!({ "uri": { "prefix": "/a/" } })).unwrap();
        let takes = |path: &str| fits(&one, true, &Request::get("web", 80, path)).is_ok();
        assert!(takes("/a") && takes("/a/b") && !takes("/ab") && !takes("/"));
    }
}
