//! A call that is asked about.

use super::world::Settings;
use serde_json::Value;

/// A request, or a connection, as it leaves its sender.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The host that is asked for, as it stands in the header: with a port or without.
    pub authority: String,
    /// The port that is called.
    pub port: u16,
    /// "GET".
    pub method: String,
    /// The path, as proxies read it.
    pub path: String,
    /// What stands behind the path's `?`.
    pub query: Option<String>,
    /// "http" or "https".
    pub scheme: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What its token says, where it has one that is believed.
    pub claims: Option<Value>,
    /// The address that is called, where it is known.
    pub address: Option<std::net::IpAddr>,
    /// The name that is asked for in the clear before TLS begins.
    pub server_name: Option<String>,
}

impl Request {
    /// A GET of a path with its query.
    pub fn get(host: &str, port: u16, path: &str) -> Self {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        Self {
            authority: host.to_owned(),
            port,
            method: "GET".to_owned(),
            path: path.to_owned(),
            query,
            scheme: "http".to_owned(),
            headers: Vec::new(),
            claims: None,
            address: None,
            server_name: None,
        }
    }

    /// The host that is asked for, in small letters and without a port.
    pub fn host(&self) -> String {
        crate::hosts::host_and_port(&self.authority).0.to_ascii_lowercase()
    }

    /// The values of a header. Of several, proxies look at each by itself.
    pub fn header(&self, name: &str) -> Vec<String> {
        match name {
            ":path" => return vec![self.whole_path()],
            ":method" => return vec![self.method.clone()],
            ":authority" => return vec![self.authority.clone()],
            ":scheme" => return vec![self.scheme.clone()],
            _ if name.eq_ignore_ascii_case("host") => return vec![self.authority.clone()],
            _ => {}
        }
        let of = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        of.map(|(_, value)| value.clone()).collect()
    }

    /// The first value of a parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.query.as_deref()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// What its token says of a claim: a text, or a list of them.
    pub fn claim(&self, path: &[&str]) -> Vec<String> {
        let found =
            self.claims.as_ref().and_then(|claims| path.iter().try_fold(claims, |value, key| value.get(key)));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match found {
            Some(Value::Array(list)) => list.iter().filter_map(text).collect(),
            found => found.and_then(text).into_iter().collect(),
        }
    }

    /// The path with its query.
    pub fn whole_path(&self) -> String {
        self.query.as_ref().map_or_else(|| self.path.clone(), |query| format!("{}?{query}", self.path))
    }

    /// With its path as proxies of this mesh read it, before anything is compared: `/a/../b` is `/b`.
    #[must_use]
    pub fn as_read(&self, settings: &Settings) -> Self {
        let mut read = self.clone();
        if !settings.paths_as_they_are {
            read.path = resolved(&read.path);
        }
        if settings.merge_slashes {
            while read.path.contains("//") {
                read.path = read.path.replace("//", "/");
            }
        }
        read
    }
}

/// Without dots for segments; backslashes are slashes, and what need not be written as `%61` is not.
fn resolved(path: &str) -> String {
    let path = unescaped(&path.replace('\\', "/"));
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        let last = index + 1 == segments.len();
        match dots.as_str() {
            "." | ".." => {
                if dots == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// With letters, digits, dashes and the like as they are; all else stays as it is written.
fn unescaped(path: &str) -> String {
    let plain = |sign: u8| sign.is_ascii_alphanumeric() || b"-_~".contains(&sign);
    let mut read = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        read.push_str(before);
        let sign =
            after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|sign| plain(*sign));
        match sign {
            Some(sign) => {
                read.push(char::from(sign));
                rest = &after[2..];
            }
            None => {
                read.push('%');
                rest = after;
            }
        }
    }
    read.push_str(rest);
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_without_dots() {
        for (path, expect) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/../b", "/b"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a//b", "/a//b"),
            ("/a\\b", "/a/b"),
            ("/a/%2E%2e/b", "/b"),
            ("/%61%2Fb%", "/a%2Fb%"),
        ] {
            assert_eq!(resolved(path), expect, "{path}");
        }
        let merging = Settings { merge_slashes: true, ..Settings::default() };
        assert_eq!(Request::get("web", 80, "/a///b?c//d").as_read(&merging).whole_path(), "/a/b?c//d");
    }
}
