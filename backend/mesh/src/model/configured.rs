//! Objects with what was read of them, as Istio's rules of precedence take them.

use super::Objects;
use istio::{Config, Ref};

/// An object's name, age and view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Configured<'a, T> {
    pub(crate) at: &'a Ref,
    pub(crate) created: &'a str,
    pub(crate) spec: &'a T,
}

impl<'a, T> Configured<'a, T> {
    /// One of these objects.
    pub(crate) fn of(objects: &'a Objects, at: &'a Ref, spec: &'a T) -> Option<Self> {
        Some(Self { at, created: objects.get(at)?.created(), spec })
    }
}

impl<T> Config for Configured<'_, T> {
    type Spec = T;
    fn namespace(&self) -> &str {
        &self.at.namespace
    }
    fn name(&self) -> &str {
        &self.at.name
    }
    fn created(&self) -> &str {
        self.created
    }
    fn spec(&self) -> &T {
        self.spec
    }
}
