//! All objects of the cluster, in memory, with their versions and a bounded history.
//!
//! The API server, the control plane and the reconciler share one [`Store`]. What is written in process goes
//! the same way as what arrives over HTTP (uid, resourceVersion, generation, watch events), only without
//! schema and admission.

mod defaults;
mod garbage;
mod handle;
mod history;
mod key;
pub(crate) mod node_ports;
mod prepare;
mod state;
mod time;
mod watch;

pub(crate) use garbage::{Deletion, Dependents};
pub use handle::Store;
pub(crate) use history::{Change, Entry};
pub(crate) use key::Key;
pub(crate) use prepare::Part;
pub(crate) use state::State;
pub(crate) use time::now;
pub use watch::{Watch, WatchEvent};
