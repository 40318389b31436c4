//! Expressions that istiod makes of what policies say; proxies hold all of a text against them.

use regex::escape;

/// Text in which `*` stands for anything.
fn wild(value: &str) -> String {
    value.split('*').map(escape).collect::<Vec<_>>().join(".*")
}

/// Identities of a namespace.
pub fn namespace(value: &str) -> String {
    format!(".*/ns/{}/.*", wild(value))
}

/// Identities of a trust domain.
pub fn trust_domain(value: &str) -> String {
    format!("spiffe://{}/.*", wild(value))
}

/// `account` of the policy's own namespace, or `namespace/account`.
pub fn account(value: &str, own: &str) -> String {
    let (namespace, account) = value.split_once('/').unwrap_or((own, value));
    format!("spiffe://.+/ns/{}/(.+/|)sa/{}(/.+)?", escape(namespace), escape(account))
}

/// Templates have `{*}` for one part of a path and `{**}` for any number; `None` for a path that is none.
pub fn path(value: &str) -> Option<String> {
    let pieces =
        value.split("{**}").map(|piece| piece.split("{*}").map(escape).collect::<Vec<_>>().join("[^/]+"));
    let template = value.contains("{*}") || value.contains("{**}");
    template.then(|| pieces.collect::<Vec<_>>().join(".*"))
}

/// The words in brackets: of `request.auth.claims[a][b]` behind `request.auth.claims` they are `a` and `b`.
pub fn bracketed<'a>(key: &'a str, prefix: &str) -> Option<Vec<&'a str>> {
    let inner = key.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
    let words: Vec<&str> = inner.split("][").collect();
    words.iter().all(|word| !word.is_empty()).then_some(words)
}
