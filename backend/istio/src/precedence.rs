//! Which of several objects counts: the oldest, and of one age the first by name.

use std::cmp::Ordering;

/// An object of Istio as rules of precedence see it: where it stands, how old it is, what it says.
pub trait Config {
    /// The view of its `spec`.
    type Spec;
    /// Its namespace.
    fn namespace(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// `metadata.creationTimestamp`; RFC 3339 in UTC sorts as text.
    fn created(&self) -> &str;
    /// What it says.
    fn spec(&self) -> &Self::Spec;
}

impl<C: Config + ?Sized> Config for &C {
    type Spec = C::Spec;
    fn namespace(&self) -> &str {
        (**self).namespace()
    }
    fn name(&self) -> &str {
        (**self).name()
    }
    fn created(&self) -> &str {
        (**self).created()
    }
    fn spec(&self) -> &Self::Spec {
        (**self).spec()
    }
}

/// The order in which Istio takes objects of one kind: the oldest first, then by name and namespace.
pub fn by_age<C: Config>(one: &C, other: &C) -> Ordering {
    one.created()
        .cmp(other.created())
        .then_with(|| one.name().cmp(other.name()))
        .then_with(|| one.namespace().cmp(other.namespace()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An object for the tables of tests.
    #[derive(Clone, Debug, PartialEq)]
    pub(crate) struct Made<T> {
        pub(crate) namespace: &'static str,
        pub(crate) name: &'static str,
        pub(crate) created: &'static str,
        pub(crate) spec: T,
    }

    impl<T: serde::de::DeserializeOwned> Made<T> {
        /// "namespace/name", created on this day of a month.
        pub(crate) fn new(at: &'static str, created: &'static str, spec: serde_json::Value) -> Self {
            let (namespace, name) = at.split_once('/').unwrap();
            Self { namespace, name, created, spec: serde_json::from_value(spec).unwrap() }
        }
    }

    impl<T> Config for Made<T> {
        type Spec = T;
        fn namespace(&self) -> &str {
            self.namespace
        }
        fn name(&self) -> &str {
            self.name
        }
        fn created(&self) -> &str {
            self.created
        }
        fn spec(&self) -> &T {
            &self.spec
        }
    }

    #[test]
    fn the_oldest_comes_first_then_the_name() {
        let made = |at, created| Made::<Option<()>>::new(at, created, serde_json::Value::Null);
        let mut all =
            [made("b/x", "2"), made("a/y", "2"), made("a/x", "2"), made("z/z", "1"), made("a/a", "")];
        all.sort_by(by_age);
        let order: Vec<String> = all.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        assert_eq!(order, ["a/a", "z/z", "a/x", "b/x", "a/y"]);
    }
}
