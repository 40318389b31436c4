//! A Kubernetes API server in memory, for kube-rs and kubectl.
//!
//! [`ApiServer::start`] serves the objects of a [`Store`] over HTTPS on 127.0.0.1, with a bearer token and a
//! kubeconfig of its own. The store is shared: the control plane and the reconciler read and write it in
//! process. What a server cannot know by itself, namely what runs inside the pods, it asks through
//! [`PodAccess`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admit;
mod answers;
mod api;
mod faults;
mod kinds;
mod kubeconfig;
mod logs;
mod names;
mod openapi;
mod origin;
mod patch;
mod pods;
mod protobuf;
mod query;
mod routes;
mod schema;
mod selector;
mod server;
mod status;
mod store;
mod table;
mod target;
mod tls;
mod tunnel;

pub use faults::{Catch, Caught, Deny, Faults};
pub use logs::{LogLine, LogRing, Logs};
pub use origin::is_foreign;
pub use pods::{PodAccess, PodName, Unreachable};
pub use schema::evaluate_rule;
pub use selector::selects;
pub use server::{ApiServer, Options, StartError};
pub use status::ApiError;
pub use store::{Store, Watch, WatchEvent};
pub use wire::Stream;
