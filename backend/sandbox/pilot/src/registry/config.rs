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

impl<T> istio::Config for Config<T> {
    type Spec = T;
    fn namespace(&self) -> &str {
        &self.namespace
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn created(&self) -> &str {
        &self.created
    }
    fn spec(&self) -> &T {
        &self.spec
    }
}

impl<T> Config<T> {
    /// How istiod links generated configuration to the resource it came from.
    pub fn link(&self, kind: &str) -> String {
        format!("/apis/networking.istio.io/v1/namespaces/{}/{kind}/{}", self.namespace, self.name)
    }
}

pub(crate) fn read<T: serde::de::DeserializeOwned + Default>(
    object: &Object,
    problems: &mut Vec<Untranslated>,
) -> Option<Config<T>> {
    match views::read::<T>(object) {
        Ok(spec) => Some(Config {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            created: object.created().to_owned(),
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
