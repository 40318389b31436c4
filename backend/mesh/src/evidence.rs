//! Evidence, as data: what proxies and requests show once a change is in force, and what they showed before
//! it.
//!
//! An editor says it with [`route`], [`routes`], [`cluster`], [`service`], [`endpoints`], [`inbound`],
//! [`filters`], [`chain`] and [`virtual_host`]; [`crate::confirm::holds`] looks for it in a proxy's
//! configuration, and [`Counting::judge`] in the calls that were counted. Neither knows of any editor.

mod claim;
mod guards;
mod judge;
mod kept_ref;
mod measure;
mod reach;
mod route_match;
mod streams;
mod together;

pub use claim::{
    Claim, backends, chain, cluster, direct, endpoints, filters, host, inbound, named_host, route, routes,
    service, streams, virtual_host,
};
pub use guards::{Acts, Guards, RBAC, Shown, Word, Words};
pub use judge::{DOUBT, ENOUGH, Figure, Judgement, Measured, Progress, Tally, Unmeasured};
pub use measure::{CountedCalls, Counting, Mark, Measure, Portion, Wanted};
pub(crate) use reach::{Reach, leads};
pub use route_match::RouteMatch;
pub use streams::Streams;

use crate::rule_key::RuleKey;
use istio::Ref;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What shows that a change is in force, and what showed that it was not yet: an undo swaps them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What proxies hold once the change is live. Empty when nothing in their configuration tells it: such a
    /// change is never called live.
    pub probes: Vec<Probe>,
    /// What they held before, and hold again after an undo.
    pub was: Vec<Probe>,
    /// What calls show then, if telemetry can tell.
    pub measure: Option<Measure>,
    /// What they showed before.
    pub was_measure: Option<Measure>,
}

impl Evidence {
    /// The evidence that the change was taken back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            probes: self.was.clone(),
            was: self.probes.clone(),
            measure: self.was_measure.clone(),
            was_measure: self.measure.clone(),
        }
    }
    /// Whether nothing in proxies tells it, neither before nor after.
    pub fn is_none(&self) -> bool {
        self.probes.is_empty() && self.was.is_empty()
    }
    /// All proxies that have something to show, as syncz names them ("productpage-v1-abc.bookinfo").
    pub fn proxies(&self) -> BTreeSet<&str> {
        self.probes.iter().flat_map(|probe| probe.proxies.iter().map(String::as_str)).collect()
    }
    /// The types of configuration that each proxy shows it in.
    pub fn types(&self) -> BTreeMap<&str, BTreeSet<Xds>> {
        let mut types: BTreeMap<&str, BTreeSet<Xds>> = BTreeMap::new();
        for probe in &self.probes {
            for proxy in probe.proxies.iter() {
                types.entry(proxy).or_default().insert(probe.xds());
            }
        }
        types
    }
    /// What one proxy has to show.
    pub fn for_proxy<'a>(&'a self, proxy: &'a str) -> impl Iterator<Item = &'a Probe> {
        self.probes.iter().filter(move |probe| probe.proxies.iter().any(|name| name == proxy))
    }
}

/// Which type of Envoy configuration something stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Xds {
    /// Clusters (DestinationRule).
    Cds,
    /// Listeners (policies).
    Lds,
    /// Routes (VirtualService).
    Rds,
    /// Endpoints (ServiceEntry).
    Eds,
}

impl Xds {
    /// As users know it, and syncz's readers: "CDS".
    pub fn name(self) -> &'static str {
        match self {
            Self::Cds => "CDS",
            Self::Lds => "LDS",
            Self::Rds => "RDS",
            Self::Eds => "EDS",
        }
    }
}

/// One thing to look for in the configuration of some proxies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The proxies that must hold it.
    pub proxies: Arc<[String]>,
    /// Whose configuration it is.
    pub owner: Owner,
    /// Where in it, as a JSON pointer in Envoy's own names ("/route/timeout"); "" is all of it. `[name=x]` is
    /// the element of a list whose field `name` is x.
    pub path: String,
    /// What stands there.
    pub want: Want,
}

impl Probe {
    /// The type of configuration that it stands in.
    pub fn xds(&self) -> Xds {
        match self.owner {
            Owner::Routes { .. }
            | Owner::Direct { .. }
            | Owner::VirtualHost { .. }
            | Owner::Backends { .. } => Xds::Rds,
            Owner::Clusters { .. } | Owner::Host { .. } => Xds::Cds,
            Owner::Inbound { .. } | Owner::Filters { .. } | Owner::Chain { .. } | Owner::Streams(_) => {
                Xds::Lds
            }
            Owner::Endpoints { .. } => Xds::Eds,
        }
    }
}

/// A part of a proxy's configuration that something in the cluster makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Owner {
    /// Routes made from a VirtualService.
    Routes {
        /// The VirtualService.
        #[serde(with = "kept_ref")]
        of: Ref,
        /// The rule that is meant; `None` means all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<RuleKey>,
        /// All routes that it makes in such a proxy, in order; a proxy that has others does not hold what it
        /// says.
        made: Arc<[MadeRoute]>,
    },
    /// Routes made from a rule of an HTTPRoute or a GRPCRoute.
    Backends {
        /// As istiod names them: the rule's own name, or "bookinfo.reviews.0".
        names: Vec<String>,
        /// The virtual hosts that they stand in: a host, or "host:port"; any where none is known. Routes of
        /// one name may stand in others.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
    },
    /// What takes connections by a rule of `tcp` or `tls` of a VirtualService.
    Streams(Streams),
    /// Clusters of a host: `outbound|port|subset|host`.
    Clusters {
        /// The host, fully qualified.
        host: String,
        /// The subset; "" is the service itself.
        subset: String,
        /// The port of the service; `None` means every port.
        port: Option<u32>,
    },
    /// The route of calls to a host that no VirtualService routes.
    Direct {
        /// The host, fully qualified.
        host: String,
        /// The port of the service; `None` means every port.
        port: Option<u32>,
    },
    /// Everything for a host; its place is "".
    Host {
        /// The host, fully qualified.
        host: String,
    },
    /// What takes connections for the workload's own ports.
    Inbound {
        /// The port of the workload; `None` means all of them.
        port: Option<u32>,
        /// Ports that have settings of their own.
        except: Vec<u32>,
    },
    /// Filters on what comes in: of the workload's own ports, or of a gateway's.
    Filters {
        /// Any of these names; of requests or of connections.
        names: Vec<String>,
        /// On what goes out of a sidecar instead; a gateway has one side only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        out: bool,
        /// Of this port of the pods only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u32>,
    },
    /// What proxies were told of who stands behind a host's port.
    Endpoints {
        /// The host, fully qualified.
        host: String,
        /// The port of the service.
        port: u32,
    },
    /// What a gateway does with connections that come in at a port of its pods.
    Chain {
        /// The port of the pod.
        port: u32,
        /// The names that are asked for in TLS, in order; none of them is all that have no chain of their own.
        names: Vec<String>,
    },
    /// What a gateway does with calls of a host.
    VirtualHost {
        /// The host and the port of the server: "shop.example:80"; "" is all of them that have routes.
        name: String,
        /// The same with the port of the pods, where that is another: servers that share it are named by the
        /// port of one of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inside: Option<String>,
    },
}

/// A route that a VirtualService makes: one per rule and alternative of its match, where that can apply.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MadeRoute {
    /// One.
    One {
        /// Whether its rule is the one that is meant.
        meant: bool,
        /// The only port of the service at which it is made, if it asks for one.
        port: Option<u32>,
        /// Which requests it takes.
        takes: RouteMatch,
    },
    /// Any number of them: a rule that hands over to another VirtualService.
    Delegated,
}

/// What stands at a place of a proxy's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Want {
    /// This value, by its meaning: "7s" is "7.000s", 3 is "3", `false` is nothing; an object may have more
    /// fields.
    Is(Value),
    /// A text that ends so.
    Ends(String),
    /// So many percent, as a fraction of any denominator.
    Percent(f64),
    /// These words, separated by commas, in any order.
    Words(Vec<String>),
    /// Destinations with their weights.
    Weights(Vec<(Upstream, u32)>),
    /// Connections that are taken.
    Takes(Connections),
    /// This value or nothing: protos leave out the first of an enum.
    IsFirst(Value),
    /// Rules of a policy.
    Guards(Guards),
    /// A list or a table of so many.
    Many(usize),
    /// Endpoints, in any order: "10.0.0.1:80, weight 1, of region/zone".
    Endpoints(BTreeSet<String>),
    /// A list in which a row has at least this.
    Row(Value),
    /// Anything.
    Present,
    /// Nothing.
    Absent,
    /// Anything but this: what stands there when a setting was taken away, whatever the defaults of this mesh
    /// are.
    Not(Box<Want>),
}

/// Where a route sends requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Upstream {
    /// Host, fully qualified.
    pub host: String,
    /// Subset; "" is any pod.
    pub subset: String,
    /// Port of the service, where the rule names one.
    pub port: Option<u32>,
}

/// Connections that a workload's inbound side takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Connections {
    /// Mutual TLS only.
    Mutual,
    /// Mutual TLS and plain text.
    Both,
    /// Plain text only.
    Plain,
}

#[cfg(test)]
mod tests;
