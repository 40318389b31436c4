//! Names of what the mesh consists of. Each says in which cluster it is, and none is made to be taken apart
//! again.

use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A cluster, by the name that the user gave its context. The empty name is the only cluster of a one-cluster
/// mesh.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(Arc<str>);

impl ClusterId {
    /// A cluster of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Default for ClusterId {
    fn default() -> Self {
        Self::new("")
    }
}

impl From<&str> for ClusterId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ClusterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A type that names one thing in a namespace of a cluster; `$separator` stands between name and namespace
/// when shown.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $first:ident $separator:literal $second:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            /// Where it runs.
            pub cluster: ClusterId,
            /// Its namespace.
            pub namespace: Arc<str>,
            /// Its name in the namespace.
            pub name: Arc<str>,
        }

        impl $name {
            /// The one of this name.
            pub fn new(
                cluster: &ClusterId,
                namespace: impl Into<Arc<str>>,
                name: impl Into<Arc<str>>,
            ) -> Self {
                Self { cluster: cluster.clone(), namespace: namespace.into(), name: name.into() }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{}", $separator, "{}"), self.$first, self.$second)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

id!(
    /// A service. Shown as "bookinfo/reviews".
    ServiceId, namespace "/" name
);
id!(
    /// A workload. Shown as "bookinfo/reviews-v1".
    WorkloadId, namespace "/" name
);
id!(
    /// The proxy of a pod. Shown as istiod names it: "reviews-v1-abc.bookinfo".
    ProxyId, name "." namespace
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_show_as_people_write_them() {
        let east = ClusterId::new("east");
        assert_eq!(ServiceId::new(&east, "bookinfo", "reviews").to_string(), "bookinfo/reviews");
        assert_eq!(WorkloadId::new(&east, "bookinfo", "reviews-v1").to_string(), "bookinfo/reviews-v1");
        let proxy = ProxyId::new(&east, "bookinfo", "reviews-v1-abc");
        assert_eq!(proxy.to_string(), "reviews-v1-abc.bookinfo");
        assert_eq!(serde_json::to_value(&proxy).unwrap(), "reviews-v1-abc.bookinfo");
    }

    #[test]
    fn the_same_name_in_two_clusters_is_two_things() {
        let [east, west] = [ClusterId::new("east"), ClusterId::new("west")];
        let [one, two] = [&east, &west].map(|cluster| ServiceId::new(cluster, "bookinfo", "reviews"));
        assert_ne!(one, two);
        assert!(one < two);
    }
}
