//! One kind: its names, its versions, what is served of it.

use std::sync::Arc;

use crate::schema::Schema;

/// One kind and all that is served of it.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) versions: Vec<Version>,
    /// Has a `status` subresource: the two halves are written apart.
    pub(crate) status: bool,
    /// Has a `scale` subresource.
    pub(crate) scale: bool,
    /// Counts changes of its spec in `metadata.generation`.
    pub(crate) generation: bool,
    /// Came from a CRD.
    pub(crate) custom: bool,
}

/// One version of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) storage: bool,
    pub(crate) schema: Arc<Schema>,
    pub(crate) columns: Vec<Column>,
    /// Where its `scale` subresource finds its numbers.
    pub(crate) scale: Option<ScalePaths>,
}

/// JSON pointers to what a `scale` subresource shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    pub(crate) spec: String,
    pub(crate) status: String,
    pub(crate) selector: Option<String>,
}

/// A column of `kubectl get` that a CRD asks for.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) path: String,
    pub(crate) priority: i64,
    pub(crate) description: String,
}

impl Kind {
    /// `virtualservices.networking.istio.io`, or `pods`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The version that objects are kept in.
    pub(crate) fn storage(&self) -> &Version {
        self.versions.iter().find(|version| version.storage).unwrap_or(&self.versions[0])
    }

    pub(crate) fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// `networking.istio.io/v1`, or `v1`.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    pub(crate) fn storage_api_version(&self) -> String {
        self.api_version(&self.storage().name)
    }

    pub(crate) fn list_kind(&self) -> String {
        format!("{}List", self.kind)
    }
}
