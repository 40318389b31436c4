//! In whose name somebody asks: a web page can make a browser ask a server of this machine, and a name that
//! leads to it can be anybody's. Requests in another name than this machine's are not answered.

use http::{HeaderMap, Uri, header};

/// What this machine and the API server are called.
const NAMES: [&str; 7] = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Whether a request names another host than this machine, or comes from a page of another one.
pub fn is_foreign(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let foreign_host = text(header::HOST).is_some_and(|host| !is_own(host.parse().ok().as_ref()));
    let foreign_authority = uri.authority().is_some_and(|authority| !is_own(Some(authority)));
    let foreign_origin = text(header::ORIGIN)
        .is_some_and(|origin| !is_own(origin.parse::<Uri>().ok().as_ref().and_then(Uri::authority)));
    foreign_host || foreign_authority || foreign_origin
}

fn is_own(authority: Option<&http::uri::Authority>) -> bool {
    authority.is_some_and(|authority| NAMES.iter().any(|name| authority.host().eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_this_machines_own_names_are_answered() {
        for (host, origin, foreign) in [
            ("127.0.0.1:4000", None, false),
            ("LocalHost:4000", None, false),
            ("[::1]:4000", Some("http://[::1]:4000"), false),
            ("kubernetes.default.svc", Some("https://127.0.0.1:4000"), false),
            ("evil.example:4000", None, true),
            ("127.0.0.1.evil.example", None, true),
            ("", None, true),
            ("127.0.0.1:4000", Some("http://evil.example"), true),
            ("127.0.0.1:4000", Some("null"), true),
            ("127.0.0.1:4000", Some("http://evil.example@127.0.0.1"), false),
        ] {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
            assert_eq!(is_foreign(&headers, &Uri::from_static("/version")), foreign, "{host} {origin:?}");
        }
        assert!(is_foreign(&HeaderMap::new(), &Uri::from_static("https://evil.example/version")));
        assert!(!is_foreign(&HeaderMap::new(), &Uri::from_static("/version")));
    }
}
