//! Of which cluster a draft is. The name of a connection does not tell: two files may have a context of one name,
//! and a cluster that was made anew has the name of the old one.

use mesh::Scene;
use mesh::journal::Cluster;
use serde::{Deserialize, Serialize};

/// The cluster that a draft was made in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whose {
    /// What the connection was called.
    context: String,
    /// `None` of drafts that an earlier version kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<Cluster>,
}

/// How that stands to the cluster that is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It is the same one.
    Here,
    /// It is another one that was called the same.
    Another,
    /// Nothing but the name was noted, and that is the same.
    NotNoted,
    /// It is another one, or nobody knows yet which is connected to.
    Elsewhere,
}

impl Whose {
    /// The cluster that is connected to, once it is known which that is.
    pub(crate) fn of(scene: &Scene) -> Option<Self> {
        let cluster = Some(scene.cluster.clone()?);
        Some(Self { context: scene.context.clone(), cluster })
    }

    /// Whether another cluster is connected to than that of `known`.
    pub(crate) fn moved(known: Option<&Self>, scene: &Scene) -> bool {
        match (known.and_then(|known| known.cluster.as_ref()), &scene.cluster) {
            (None, None) => false,
            (Some(known), Some(now)) => !known.is(now),
            _ => true,
        }
    }

    pub(crate) fn stands(&self, scene: &Scene) -> Stands {
        match (&self.cluster, &scene.cluster) {
            (_, None) => Stands::Elsewhere,
            (Some(own), Some(here)) if own.is(here) => Stands::Here,
            _ if self.context != scene.context => Stands::Elsewhere,
            (Some(_), _) => Stands::Another,
            (None, _) => Stands::NotNoted,
        }
    }
}
