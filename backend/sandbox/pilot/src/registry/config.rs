//! One Istio resource, read: its typed view beside what everything has.

use super::untranslated::{Untranslated, title};
use istio::{Object, views};

/// One Istio resource, read.
#[derive(Clone, Debug)]
pub struct Config<T> {
    /// The object's name.
    pub name: String,
    /// The object's namespace.
    pub namespace: String,
    /// RFC 3339, for "the oldest wins".
    pub created: String,
    /// The object as it came.
    pub object: Object,
    /// Its typed view.
    pub spec: T,
}

impl<T> Config<T> {
    /// How istiod links generated configuration to the resource it came from.
    pub fn link(&self, kind: &str) -> String {
        format!("/apis/networking.istio.io/v1/namespaces/{}/{kind}/{}", self.namespace, self.name)
    }
}

pub(super) fn oldest_first<T>(configs: &mut [Config<T>]) {
    configs.sort_by(|a, b| (&a.created, &a.namespace, &a.name).cmp(&(&b.created, &b.namespace, &b.name)));
}

pub(super) fn created(object: &Object) -> String {
    object.0["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn read<T: serde::de::DeserializeOwned + Default>(
    object: &Object,
    problems: &mut Vec<Untranslated>,
) -> Option<Config<T>> {
    match views::read::<T>(object) {
        Ok(spec) => Some(Config {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            created: created(object),
            object: object.clone(),
            spec,
        }),
        Err(error) => {
            problems
                .push(Untranslated { object: title(object), reason: format!("it cannot be read: {error}") });
            None
        }
    }
}
