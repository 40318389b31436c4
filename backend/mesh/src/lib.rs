//! The model: what Kubernetes objects and measurements say about a service mesh, and what an edit of it is.
//!
//! Pure: no I/O, no egui, no tokio. Nothing here fails as a whole: what can be read is read, and what cannot
//! becomes a [`Problem`] beside its object.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod anew;
#[cfg(test)]
mod any_json;
pub mod board;
pub mod certificate;
pub mod change;
mod change_id;
pub mod change_set;
pub mod charts;
pub mod check;
pub mod confirm;
pub mod demo;
pub mod difference;
pub mod dump;
pub mod edit;
pub mod endpoints;
pub mod evidence;
pub mod graph;
#[cfg(test)]
mod happenings;
pub mod health;
pub mod incidents;
pub mod journal;
pub mod ledger;
pub mod lens;
pub mod log;
pub mod logging;
pub mod loosens;
pub mod managed;
pub mod mesh_config;
mod model;
mod operating;
mod period;
pub mod plan;
pub mod program;
pub mod reads;
pub mod remote;
pub mod restore;
pub mod roles;
pub mod rollout;
mod rule_key;
pub mod scene;
pub mod schema;
pub mod series;
pub mod since;
mod spelling;
pub mod split;
mod stored;
mod take_back;
pub mod token;
pub mod told;
pub mod touched;
pub mod trace;
pub mod traffic;
mod undo;
pub mod why;
pub mod writes;

pub use board::{Board, Observation};
pub use change::{Change, Edit, Step};
pub use change_id::{ChangeId, NoChangeId};
pub use change_set::ChangeSet;
pub use istio::{ClusterId, KINDS, Kind, Object, Problem, ProxyId, Ref, ServiceId, WorkloadId, fqdn, kinds};
pub use ledger::{Fact, Ledger, Stage};
pub use model::{
    Hidden, Mesh, Objects, Part, Pod, Port, Revision, Service, Subset, Unseen, Workload, root_namespace,
};
pub use period::Period;
pub use reads::{Answer, Answers, Read};
pub use remote::Remote;
pub use restore::{Moment, Restore};
pub use scene::Scene;
pub use schema::{Schema, SchemaOf};
pub use stored::{Standing, Stored, Theirs};
