//! The query parameters of a request, and the form in which its answer is wanted.

use http::Uri;

/// Query parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
        Self(
            pairs
                .map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    (unescape(name), unescape(value))
                })
                .collect(),
        )
    }

    /// A parameter's first value; empty when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `watch`, `watch=1` and `watch=true` alike.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.has(name) && !matches!(self.get(name), "false" | "0")
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

fn unescape(text: &str) -> String {
    percent_decoded(&text.replace('+', " "))
}

/// A part of a URL without its `%2F`s; what is none of them stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex =
            (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How objects are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Plain,
    /// As rows, for `kubectl get`.
    Table,
    /// Only their metadata.
    Metadata,
}

impl Form {
    /// The first form of an Accept header that the server can give; nothing when there is none.
    pub(crate) fn of(accept: &str) -> Option<Self> {
        if accept.trim().is_empty() {
            return Some(Self::Plain);
        }
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            if !matches!(kind, "application/json" | "*/*" | "application/*" | "application/yaml") {
                continue;
            }
            let form = parts.find_map(|part| part.strip_prefix("as="));
            match form {
                Some("Table") => return Some(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Some(Self::Metadata),
                None => return Some(Self::Plain),
                Some(_) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Query};

    #[test]
    fn forms() {
        for (accept, expect) in [
            ("", Some(Form::Plain)),
            ("*/*", Some(Form::Plain)),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Some(Form::Table)),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Form::Metadata)),
            ("application/vnd.kubernetes.protobuf, application/json", Some(Form::Plain)),
            ("application/vnd.kubernetes.protobuf", None),
        ] {
            assert_eq!(Form::of(accept), expect, "{accept}");
        }
    }

    #[test]
    fn parameters() {
        let query =
            Query::of(&"/x?labelSelector=app%3Da%2Cv+in+%28b%29&watch&limit=5&follow=false".parse().unwrap());
        assert_eq!(query.get("labelSelector"), "app=a,v in (b)");
        assert!(query.flag("watch"));
        assert!(!query.flag("follow"));
        assert_eq!(query.number("limit"), Some(5));
        assert_eq!(query.get("nothing"), "");
    }
}
