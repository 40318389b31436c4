//! Judging again after a change: what it touches is looked at anew, all else is as it was found.

use super::{Asks, Check, Finding, Judged, Look, NotMade, Severity, World, checks};
use crate::mesh_config::MeshConfig;
use crate::{KINDS, Kind, Mesh, Ref, kinds};
use std::collections::{BTreeMap, BTreeSet};

/// What a judge of a mesh remembers.
#[derive(Debug, Default)]
pub struct Judge {
    last: Option<Last>,
}

/// What was looked at last, and what was found.
#[derive(Debug)]
struct Last {
    mesh: Mesh,
    config: Option<MeshConfig>,
    clusters: bool,
    found: Vec<Rows>,
}

/// What one check found.
#[derive(Debug, Default)]
enum Rows {
    /// It was not made.
    #[default]
    None,
    /// By the object that was looked at.
    Each(BTreeMap<Ref, Vec<Finding>>),
    /// At all of them together.
    All(Vec<Finding>),
}

/// What is another than before.
struct Change {
    all: bool,
    kinds: BTreeSet<&'static Kind>,
    objects: Vec<Ref>,
}

/// A workload is made of more than its pods.
const WORKLOADS: [&Kind; 5] =
    [&kinds::POD, &kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::AUTOSCALER, &kinds::ENDPOINT_SLICE];

impl Change {
    fn of(last: Option<&Last>, world: &World<'_>) -> Self {
        let everything = Self { all: true, kinds: KINDS.iter().copied().collect(), objects: Vec::new() };
        let Some(last) = last else { return everything };
        let (before, now) = (&last.mesh, world.mesh);
        let same = before.root_namespace() == now.root_namespace()
            && before.cluster() == now.cluster()
            && last.clusters == world.has_other_clusters()
            && last.config.as_ref() == world.config.as_ref().ok().copied();
        if !same {
            return everything;
        }
        let objects: Vec<Ref> = now.objects().changes(before.objects()).cloned().collect();
        let mut kinds: BTreeSet<&'static Kind> = objects.iter().map(|at| at.kind).collect();
        if WORKLOADS.iter().any(|kind| kinds.contains(kind)) {
            kinds.insert(&kinds::POD);
        }
        if before.namespaces() != now.namespaces() {
            kinds.insert(&kinds::NAMESPACE);
        }
        Self { all: false, kinds, objects }
    }

    fn touches(&self, kinds: &[&'static Kind]) -> bool {
        self.all || kinds.iter().any(|kind| self.kinds.contains(kind))
    }
}

impl Judge {
    /// Looks for everything, where something has changed since the last time.
    pub fn judge(&mut self, world: &World<'_>) -> Judged {
        let change = Change::of(self.last.as_ref(), world);
        let mut before = self.last.take().map(|last| last.found).unwrap_or_default();
        before.resize_with(checks().count(), Rows::default);
        let mut judged = Judged::default();
        for (check, rows) in checks().zip(&mut before) {
            match check.hindered(world) {
                Some(why) => {
                    *rows = Rows::None;
                    judged.not_made.push(NotMade { check, why });
                }
                None => rows.renew(check, world, &change),
            }
            judged.findings.extend(rows.all().cloned());
        }
        let config = world.config.as_ref().ok().map(|config| (*config).clone());
        let clusters = world.has_other_clusters();
        self.last = Some(Last { mesh: world.mesh.clone(), config, clusters, found: before });
        judged.sorted()
    }
}

impl Judge {
    /// What is wrong `then` and is not `now`, the worst first; remarks are left out.
    pub fn caused(&mut self, now: &World<'_>, then: &World<'_>) -> Vec<Finding> {
        let before = self.judge(now).findings;
        let mut caused = self.judge(then).findings;
        caused.retain(|one| one.severity != Severity::Info && !before.contains(one));
        caused
    }
}

impl Rows {
    fn renew(&mut self, check: &'static Check, world: &World<'_>, change: &Change) {
        match (&check.look, &mut *self) {
            (Look::Each(look), Self::Each(rows)) if !change.touches(check.reads) => {
                for at in change.objects.iter().filter(|at| check.of.contains(&at.kind)) {
                    rows.remove(at);
                    if world.mesh.objects().contains(at) {
                        put(rows, check.one(*look, world, at), at);
                    }
                }
            }
            (Look::Each(look), _) => {
                let mut rows = BTreeMap::new();
                for (at, _) in check.of.iter().flat_map(|kind| world.mesh.objects().of_kind(kind)) {
                    put(&mut rows, check.one(*look, world, at), at);
                }
                *self = Self::Each(rows);
            }
            // What is measured changes by itself.
            (Look::Asking(asks, _), _) if asks.iter().any(|one| *one != Asks::MeshConfig) => {
                *self = Self::All(check.findings(world));
            }
            (_, Self::All(_)) if !change.touches(check.of) && !change.touches(check.reads) => {}
            _ => *self = Self::All(check.findings(world)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Finding> {
        let (each, all) = match self {
            Self::None => (None, None),
            Self::Each(rows) => (Some(rows), None),
            Self::All(rows) => (None, Some(rows)),
        };
        each.into_iter().flat_map(BTreeMap::values).flatten().chain(all.into_iter().flatten())
    }
}

fn put(rows: &mut BTreeMap<Ref, Vec<Finding>>, found: Vec<Finding>, at: &Ref) {
    if !found.is_empty() {
        rows.insert(at.clone(), found);
    }
}
