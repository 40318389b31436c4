//! What a path is about: group, version, namespace, kind, name, subresource.

use std::sync::Arc;

use http::Method;
use serde_json::Value;

use crate::{
    kinds::{Kind, KindId},
    query::{Query, percent_decoded},
    store::Key,
};

/// A path of the resource API, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// What follows the subresource, for proxies.
    pub(crate) rest: String,
}

/// A target and the kind that it turned out to be about.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) id: KindId,
    pub(crate) kind: Arc<Kind>,
    pub(crate) target: Target,
}

/// Takes a path apart; nothing when it is not about resources.
pub(crate) fn parse(path: &str) -> Option<Target> {
    let mut parts = path.split('/').skip(1);
    let (group, version) = match parts.next()? {
        "api" => (String::new(), parts.next()?.to_owned()),
        "apis" => (parts.next()?.to_owned(), parts.next()?.to_owned()),
        _ => return None,
    };
    let rest: Vec<&str> = parts.collect();
    let (namespace, rest) = match rest.as_slice() {
        // The namespace itself, or something of it, unless what follows is a collection inside it.
        ["namespaces", name, kind, tail @ ..] if !matches!(*kind, "status" | "finalize") => {
            (Some((*name).to_owned()), [&[*kind], tail].concat())
        }
        all => (None, all.to_vec()),
    };
    let (plural, rest) = rest.split_first()?;
    Some(Target {
        group,
        version,
        namespace,
        plural: percent_decoded(plural),
        name: rest.first().map(|name| percent_decoded(name)),
        subresource: rest.get(1).map(|name| (*name).to_owned()),
        rest: rest.get(2..).unwrap_or_default().join("/"),
    })
}

impl Target {
    /// `pods`, or `pods/log`.
    pub(crate) fn resource(&self) -> String {
        match &self.subresource {
            Some(sub) => format!("{}/{sub}", self.plural),
            None => self.plural.clone(),
        }
    }

    /// The verb that rights are about.
    pub(crate) fn verb(&self, method: &Method, query: &Query) -> &'static str {
        match (method.as_str(), self.name.is_some()) {
            // Starting a tunnel counts as making one, whichever way it is started.
            _ if self.subresource.as_deref() == Some("portforward") => "create",
            ("GET" | "HEAD", true) => "get",
            ("GET" | "HEAD", false) if query.flag("watch") => "watch",
            ("GET" | "HEAD", false) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            _ => "get",
        }
    }
}

impl Place {
    /// `networking.istio.io/v1`.
    pub(crate) fn api_version(&self) -> String {
        self.kind.api_version(&self.target.version)
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        Key {
            kind: self.id,
            namespace: self.target.namespace.clone().unwrap_or_default(),
            name: name.to_owned(),
        }
    }

    /// The name in the path, or nothing at all.
    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    /// Writes the object as this version of its kind shows it, without a copy of it.
    pub(crate) fn write(&self, object: &Value, to: &mut Vec<u8>) {
        self.write_members(object, true, to);
    }

    /// The same as an item of a list: a list of one of Kubernetes' own kinds says itself what its items are.
    pub(crate) fn write_item(&self, object: &Value, to: &mut Vec<u8>) {
        self.write_members(object, self.kind.custom, to);
    }

    fn write_members(&self, object: &Value, typed: bool, to: &mut Vec<u8>) {
        to.push(b'{');
        if typed {
            to.extend_from_slice(format!("\"apiVersion\":{}", Value::from(self.api_version())).as_bytes());
        }
        let mut first = !typed;
        let members = object.as_object().into_iter().flatten();
        for (name, member) in members.filter(|(name, _)| *name != "apiVersion" && (typed || *name != "kind"))
        {
            if !std::mem::take(&mut first) {
                to.push(b',');
            }
            to.extend_from_slice(format!("{}:", Value::from(name.as_str())).as_bytes());
            to.extend_from_slice(member.to_string().as_bytes());
        }
        to.push(b'}');
    }

    /// The object as this version of its kind shows it.
    pub(crate) fn show(&self, object: &Value) -> Value {
        let mut shown = object.clone();
        shown["apiVersion"] = Value::from(self.api_version());
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, parse};

    #[test]
    fn paths() {
        let target = |group: &str,
                      version: &str,
                      namespace: Option<&str>,
                      plural: &str,
                      name: Option<&str>,
                      sub: Option<&str>,
                      rest: &str| {
            Some(Target {
                group: group.into(),
                version: version.into(),
                namespace: namespace.map(Into::into),
                plural: plural.into(),
                name: name.map(Into::into),
                subresource: sub.map(Into::into),
                rest: rest.into(),
            })
        };
        assert_eq!(parse("/api/v1/pods"), target("", "v1", None, "pods", None, None, ""));
        assert_eq!(parse("/api/v1/namespaces/a"), target("", "v1", None, "namespaces", Some("a"), None, ""));
        assert_eq!(
            parse("/api/v1/namespaces/a/status"),
            target("", "v1", None, "namespaces", Some("a"), Some("status"), "")
        );
        assert_eq!(
            parse("/api/v1/namespaces/a/pods/b/log"),
            target("", "v1", Some("a"), "pods", Some("b"), Some("log"), "")
        );
        assert_eq!(
            parse("/api/v1/namespaces/a/services/b:80/proxy/x/y"),
            target("", "v1", Some("a"), "services", Some("b:80"), Some("proxy"), "x/y")
        );
        assert_eq!(
            parse("/apis/networking.istio.io/v1/namespaces/a/virtualservices"),
            target("networking.istio.io", "v1", Some("a"), "virtualservices", None, None, "")
        );
        assert_eq!(parse("/apis/apps/v1"), None);
        assert_eq!(parse("/healthz"), None);
    }
}
