//! Paths of calls, made into those that a policy lets in: where a part of them is an id it may be any, and where
//! there are too many paths, what they begin with counts.

use std::collections::{BTreeMap, BTreeSet};

/// So many paths stand in one rule; beyond that it is what they begin with.
pub const MOST: usize = 12;
/// From so many on, paths that differ in ids only are one.
const DIFFER: usize = 2;
/// Hexadecimal digits that make an id of a word.
const HEX: usize = 8;
/// Istio's templates: one part of a path, and any number of them.
const ONE: &str = "{*}";
const ANY: &str = "{**}";

/// The path as policies compare it, without its query; `None` for what is no path, such as the `*` of OPTIONS.
pub(super) fn of_call(path: &str) -> Option<&str> {
    path.starts_with('/').then(|| path.split(['?', '#']).next().unwrap_or(path))
}

/// What is let in where these were seen. Istio knows `templates` from 1.22 on; where it does not, what stands
/// before an id counts.
pub(super) fn general<'a>(seen: impl IntoIterator<Item = &'a str>, templates: bool) -> BTreeSet<String> {
    let mut alike: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for path in seen {
        alike.entry(template(path)).or_default().insert(path);
    }
    let mut all = BTreeSet::new();
    for (template, paths) in alike {
        match paths.len() < DIFFER && paths.iter().all(|path| path.split('/').all(is_plain)) {
            true => all.extend(paths.into_iter().map(str::to_owned)),
            false if templates => drop(all.insert(template)),
            false => drop(all.insert(before_template(&template))),
        }
    }
    let mut depth = all.iter().map(|path| parts(path).count()).max().unwrap_or_default();
    let mut kept = distinct(&all);
    while kept.len() > MOST && depth > 0 {
        depth -= 1;
        kept = distinct(&all.iter().map(|path| cut(path, depth)).collect());
    }
    kept
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

fn template(path: &str) -> String {
    let part = |part| if is_id(part) || !is_plain(part) { ONE } else { part };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A number, a UUID, or another id in hexadecimal digits.
fn is_id(part: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let joined = part.replace('-', "");
    let uuid = part.len() == 36 && joined.len() == 32;
    digits(part)
        || hex(&joined)
            && (uuid || part.len() >= HEX && joined == part && part.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether it can stand in a policy as it is: stars and braces mean more there, and of what is escaped nobody
/// knows how the proxy compares it.
fn is_plain(part: &str) -> bool {
    !part.contains(['*', '{', '}', '%'])
}

/// "/reviews/*" of "/reviews/{*}/stars".
fn before_template(path: &str) -> String {
    path.split_once(ONE).map_or_else(|| path.to_owned(), |(before, _)| format!("{before}*"))
}

/// All that begins with so many parts of a path.
fn cut(path: &str, depth: usize) -> String {
    if parts(path).count() <= depth {
        return path.to_owned();
    }
    let mut kept: String = parts(path).take(depth).map(|part| format!("/{part}")).collect();
    // No star may stand beside a template.
    kept += if kept.contains('{') { "/" } else { "/*" };
    if kept.ends_with('/') {
        kept += ANY;
    }
    kept
}

/// Those that no other one stands for already.
fn distinct(all: &BTreeSet<String>) -> BTreeSet<String> {
    let prefixes: Vec<&str> = all.iter().filter_map(|path| path.strip_suffix('*')).collect();
    let prefixes = || prefixes.iter().filter(|prefix| !prefix.contains('{'));
    let covered =
        |path: &str| prefixes().any(|prefix| path.starts_with(prefix) && path != format!("{prefix}*"));
    all.iter().filter(|path| !covered(path)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seen: &[&str], templates: bool) -> Vec<String> {
        general(seen.iter().copied(), templates).into_iter().collect()
    }

    #[test]
    fn ids_are_one_path_where_they_differ() {
        assert_eq!(made(&["/reviews/0", "/health"], true), ["/health", "/reviews/0"], "only one was seen");
        assert_eq!(made(&["/reviews/0", "/reviews/17", "/health"], true), ["/health", "/reviews/{*}"]);
        assert_eq!(made(&["/reviews/0", "/reviews/17", "/reviews/"], false), ["/reviews/*"]);
        let ids =
            ["/a/3b5028ba-3e12-4c67-a358-90d1dcef4c14/x", "/a/b67aa804/x", "/a/deadbeef/x", "/a/cafe/x"];
        assert_eq!(made(&ids, true), ["/a/cafe/x", "/a/deadbeef/x", "/a/{*}/x"], "words are no ids");
    }

    #[test]
    fn what_means_more_in_a_policy_is_never_written_as_it_is() {
        assert_eq!(made(&["/a/*/b", "/c/%2e", "/d/{x}"], true), ["/a/{*}/b", "/c/{*}", "/d/{*}"]);
        assert_eq!(made(&["/a/*/b"], false), ["/a/*"]);
        assert_eq!(of_call("/a?b=/c#d"), Some("/a"));
        assert_eq!((of_call("*"), of_call("host:443"), of_call("")), (None, None, None));
    }

    #[test]
    fn too_many_paths_are_what_they_begin_with() {
        let many: Vec<String> = (0..40).map(|number| format!("/static/css/file-{number}.css")).collect();
        let mut seen: Vec<&str> = many.iter().map(String::as_str).collect();
        seen.push("/login");
        assert_eq!(made(&seen, true), ["/login", "/static/css/*"]);
        let many: Vec<String> =
            (0..40).map(|number| format!("/shop/{number}/name-{}/x", number / 2)).collect();
        let seen: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(made(&seen, true), ["/shop/{*}/{**}"], "no star beside a template");
        let words = |number: u8| format!("/{}", char::from(b'a' + number % 26));
        let many: Vec<String> = (0..26).map(words).collect();
        let seen: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(made(&seen, true), ["/*"]);
    }

    #[test]
    fn every_path_that_was_seen_is_let_in_by_what_istio_takes() {
        let seen = ["/a/1/b", "/a/2/b", "/a/2/c%20d", "/", "/x//y", "/a/1f00ba12cd/z.v1", "/pkg.Service/Get"];
        for templates in [true, false] {
            let made = made(&seen, templates);
            for path in seen {
                let takes = |rule: &String| match rule.strip_suffix(ANY).or(rule.strip_suffix('*')) {
                    Some(begins) => path.starts_with(begins),
                    None => {
                        let fits =
                            |(rule, part): (&str, &str)| rule == part || rule == ONE && !part.is_empty();
                        rule.split('/').count() == path.split('/').count()
                            && rule.split('/').zip(path.split('/')).all(fits)
                    }
                };
                assert!(made.iter().any(takes), "{path}: {made:?}");
            }
        }
    }
}
