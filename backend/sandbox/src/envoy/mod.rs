//! Envoy: which one to run, and keeping it running.

mod find;
mod spawn;
mod supervise;

pub use find::{Envoy, WANTED_VERSION, find_envoy};
pub(crate) use spawn::Spawner;
pub(crate) use supervise::{Proxy, Run, State};
