//! Sample meshes for tests, benches and pictures: Bookinfo as it is known, and synthetic ones of any size.

mod objects;
mod synthetic;
mod traffic;

pub use synthetic::{synthetic, synthetic_scene, synthetic_trace};
pub use traffic::{bookinfo_traffic, found, trace, traces};

use crate::change::Change;
use crate::evidence::{Measure, Measured, Portion, Tally, Wanted};
use crate::journal::Cluster;
use crate::ledger::{Fact, Ledger};
use crate::remote::Remote;
use crate::scene::{KindState, Proxy, Scene, Step, StepState, SyncState};
use crate::{Mesh, Objects, Stored};
use istio::{KINDS, Object};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The moment at which all samples stand: 2026-01-01 00:00:00 UTC.
pub const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The objects of Bookinfo behind an ingress gateway: jason's calls go to reviews v2, all others 50 / 30 /
/// 20.
pub fn bookinfo_objects() -> Objects {
    by_ref(objects::bookinfo())
}

/// Bookinfo behind an ingress gateway.
pub fn bookinfo() -> Mesh {
    Mesh::read(bookinfo_objects(), None)
}

/// Objects keyed by their names; those of kinds that are not watched are left out.
pub fn by_ref(objects: impl IntoIterator<Item = serde_json::Value>) -> Objects {
    objects.into_iter().map(Object::from).filter_map(|object| Some((object.at()?, object))).collect()
}

/// A live connection to [`bookinfo`] with traffic on all edges.
pub fn scene() -> Scene {
    connected(bookinfo(), bookinfo_traffic())
}

/// A connection whose mesh is empty.
pub fn empty_scene() -> Scene {
    connected(
        Mesh::read(Objects::new(), None),
        crate::traffic::Traffic { window_secs: 60, ..Default::default() },
    )
}

pub(crate) fn connected(mesh: Mesh, traffic: crate::traffic::Traffic) -> Scene {
    let done = [
        (Step::Context, "context sandbox"),
        (Step::Api, "Kubernetes 1.33, 4 ms"),
        (Step::Kinds, "15 kinds watched"),
        (Step::Istiod, "istiod 1.27 answers"),
        (Step::Prometheus, "Prometheus answers"),
        (Step::Traces, "Jaeger answers"),
    ];
    let kinds = KINDS
        .iter()
        .map(|&kind| (kind, KindState::Live(mesh.objects().keys().filter(|at| at.kind == kind).count())));
    let synced = ["CDS", "EDS", "LDS", "RDS"].map(|xds| (xds.to_owned(), SyncState::Synced));
    let proxies = mesh.proxies().into_iter().map(|name| Proxy {
        name,
        cluster: "Kubernetes".into(),
        version: "1.27.0".into(),
        istiod: "istiod-0.istio-system".into(),
        types: BTreeMap::from(synced.clone()),
        since: Some(NOW),
    });
    Scene {
        writes: Arc::default(),
        cautions: Vec::new(),
        context: "sandbox".into(),
        cluster: Some(Cluster::sandbox("bookinfo")),
        steps: done.into_iter().map(|(step, found)| (step, StepState::Done(found.into()))).collect(),
        kinds: kinds.collect(),
        proxies: Remote::Live(Arc::new(proxies.collect()), NOW),
        traffic: Remote::Live(Arc::new(traffic), NOW),
        traces: Remote::Live(Arc::new("Jaeger".into()), NOW),
        answers: crate::reads::Answers::default(),
        mesh: Arc::new(mesh),
        sandbox: true,
        doing: None,
    }
}

/// A ledger with one change of each kind of end: measured, on its way, refused.
pub fn ledger(changes: impl IntoIterator<Item = Change>) -> Ledger {
    let mut ledger = Ledger::default();
    for (number, change) in changes.into_iter().enumerate() {
        let id = crate::ChangeId(number as u64 + 1);
        let after = Stored::as_wanted(&change);
        let of = change.evidence.proxies().len();
        let measured = measured(&change);
        let at = |millis: i64| NOW + jiff::SignedDuration::from_millis(millis);
        ledger.open(id, change, None, NOW);
        ledger.record(id, &Fact::Checked(Vec::new()), at(20));
        match number % 3 {
            0 => {
                ledger.sent(id, at(1000));
                ledger.record(id, &Fact::Accepted(after), at(1015));
                ledger.record(id, &Fact::Seen, at(1030));
                ledger.record(id, &Fact::Acked { acked: of, of, waiting: Vec::new() }, at(1120));
                ledger.record(id, &Fact::Live, at(1180));
                ledger.record(id, &Fact::Measured(measured), at(30_000));
            }
            1 => {
                ledger.sent(id, at(2000));
                ledger.record(id, &Fact::Accepted(after), at(2015));
                ledger.record(id, &Fact::Seen, at(2030));
                let waiting = vec!["productpage-v1-6f8d7c9b4-aaaaa.bookinfo".to_owned()];
                ledger.record(id, &Fact::Acked { acked: of.saturating_sub(1), of, waiting }, at(2100));
            }
            _ => {
                let problem = crate::Problem::new(
                    "The change was refused",
                    "admission webhook \"validation.istio.io\" denied the request: total destination weight = 0",
                    "Give at least one version a share",
                );
                ledger.record(id, &Fact::Refused(problem), at(40));
            }
        }
    }
    ledger
}

/// Three hundred calls that show what was wanted.
fn measured(change: &Change) -> Measured {
    let Some(Measure::Counted(counting)) = &change.evidence.measure else { return Measured::default() };
    let count = |part: &Portion| match part.wanted {
        Wanted::Share(share) => (share * 300.0).round() as u64,
        _ => 0,
    };
    counting.measured(&Tally { calls: 300, parts: counting.parts.iter().map(count).collect(), lost: 0 })
}
