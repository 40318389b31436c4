//! Whatever is learnt of a cluster, as one closed list. Each is plain data: a recorder can write it, a test
//! can make it.

use crate::journal::Cluster;
use crate::reads::{Answer, Read};
use crate::scene::{Caution, KindState, Proxy, Step};
use crate::traffic::Traffic;
use crate::writes::Manager;
use istio::{Kind, Object, Problem, Ref};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that was learnt.
#[derive(Clone, Debug)]
pub enum Observation {
    /// Connecting begins (again), to the context of this name as far as it is known. What was read before
    /// stays until it is read anew, but is no longer called live.
    Begun(Option<String>),
    /// The context's name.
    Named(String),
    /// Which cluster it is.
    Identified(Cluster),
    /// What is to be kept in mind of the connection.
    Cautions(Vec<Caution>),
    /// The mesh could not be read of the newest objects.
    Unreadable(Problem),
    /// The cluster is a sandbox of this window's own.
    OwnSandbox,
    /// A step of connecting is under way.
    Running(Step),
    /// A step is done; what was found.
    Done(Step, String),
    /// A step failed.
    Failed(Step, Problem),
    /// The connection is lost: what was measured stays, but is old.
    Lost(Problem),
    /// How a kind stands as a whole: missing, or denied.
    Kind(&'static Kind, KindState),
    /// The first list of a kind in a namespace ("" for all) is awaited.
    Awaited(&'static Kind, String),
    /// Of a kind only these namespaces are seen, and why no more.
    Only(&'static Kind, BTreeSet<String>, Problem),
    /// A whole list of a kind in a namespace ("" for all).
    Listed(&'static Kind, String, BTreeMap<Ref, Object>),
    /// Who has written an object that comes next, or in the next list.
    Managed(Ref, Vec<Manager>),
    /// An object was added or changed.
    Applied(Ref, Object),
    /// An object was deleted.
    Deleted(Ref),
    /// The watch of a kind works in a namespace ("" for all), though nothing changed.
    Alive(&'static Kind, String),
    /// The watch of a kind broke in a namespace. What was read stays.
    Broke(&'static Kind, String, KindState),
    /// What was measured, or why nothing was.
    Traffic(Result<Traffic, Problem>),
    /// The next measurement is late: the last one is old. Where there was none yet, that is still awaited.
    TrafficLate(Problem),
    /// The proxies as istiod sees them.
    Proxies(Result<Vec<Proxy>, Problem>),
    /// Why istiod has not told of all proxies, if it has not.
    Partly(Option<Problem>),
    /// The tracing backend that answers.
    Traces(Result<String, Problem>),
    /// A question of somebody who looks at something was answered.
    Answered(Read, Result<Answer, Problem>),
    /// Nobody looks at this answer any more.
    Forgotten(Read),
}
