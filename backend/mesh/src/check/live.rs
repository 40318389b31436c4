//! What checks ask for besides objects: what the mesh as a whole is told, what was written and when, what was
//! measured, what its proxies took.

use super::World;
use super::gateways::credentials;
use crate::certificate::{Credential, SecretOf};
use crate::reads::{Answer, Answers, Read};
use crate::remote::Remote;
use crate::scene::{Proxy, Scene};
use crate::told::Word;
use crate::traffic::{Path, Traffic, Usual};
use crate::writes::Write;
use crate::{Mesh, Problem, Ref, kinds};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Something that no object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// What the mesh as a whole is told.
    MeshConfig,
    /// Who wrote what, and when.
    Writes,
    /// Calls of the window.
    Traffic,
    /// Calls of the last hour.
    Hour,
    /// What each proxy took and refused.
    Proxies,
    /// Until when certificates of Gateways hold.
    Certificates,
    /// What the cluster says of EnvoyFilters.
    Told,
}

/// So many Secrets and objects are asked for, at most.
const MOST: usize = 32;

/// What has to be asked for, so that all can be judged.
pub fn questions(mesh: &Mesh) -> Vec<Read> {
    let secrets = credentials(mesh).into_iter().map(|(_, _, secret)| Read::Certificate(secret));
    let filters = mesh.objects().of_kind(&kinds::ENVOY_FILTER).map(|(at, _)| Read::Told(at.clone()));
    let mut all: Vec<Read> = Vec::new();
    for read in secrets.take(MOST).chain(filters.take(MOST)) {
        if !all.contains(&read) {
            all.push(read);
        }
    }
    all
}

/// What is known of a mesh that runs.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// The moment.
    pub now: Timestamp,
    /// What was written into its objects.
    pub writes: &'a [Write],
    /// What was measured.
    pub traffic: &'a Remote<Traffic>,
    /// Its proxies.
    pub proxies: &'a Remote<Vec<Proxy>>,
    /// What somebody who looked at something was answered.
    pub answers: &'a Answers,
}

impl<'a> Live<'a> {
    /// What a scene knows.
    pub fn of(scene: &'a Scene, now: Timestamp) -> Self {
        let Scene { writes, traffic, proxies, answers, .. } = scene;
        Self { now, writes, traffic, proxies, answers }
    }
}

/// Why what lives elsewhere is not known now.
fn lacking<T>(of: &Remote<T>, what: &str) -> Option<Problem> {
    match of {
        Remote::Live(..) => None,
        Remote::Stale(_, _, why) | Remote::Denied(why) => Some(why.clone()),
        Remote::Waiting => Some(Problem::new(
            format!("{what} are not known"),
            "nobody has told of them yet",
            "Wait a moment",
        )),
    }
}

impl<'a> World<'a> {
    /// Why something is not known, if it is not.
    pub(super) fn lacks(&self, asks: Asks) -> Option<Problem> {
        if asks == Asks::MeshConfig {
            return self.config.as_ref().err().cloned();
        }
        let Some(live) = &self.live else {
            return Some(Problem::new(
                "What happens in the mesh is not known",
                "objects alone do not say it",
                "Look at a context of which calls and proxies are seen",
            ));
        };
        match asks {
            Asks::MeshConfig | Asks::Writes => None,
            Asks::Traffic => lacking(live.traffic, "Calls"),
            Asks::Proxies => lacking(live.proxies, "Proxies"),
            Asks::Certificates => {
                self.unanswered("Certificates of Gateways", |read| matches!(read, Read::Certificate(_)))
            }
            Asks::Told => self.unanswered("Events of EnvoyFilters", |read| matches!(read, Read::Told(_))),
            Asks::Hour => lacking(live.traffic, "Calls").or_else(|| {
                let none = || {
                    let why = "nothing was measured before the window";
                    Problem::new("Calls of the last hour are not known", why, "Wait until there are some")
                };
                self.hour().is_none().then(none)
            }),
        }
    }

    /// Why some of the questions of a sort have no answer, if so.
    fn unanswered(&self, what: &str, of: impl Fn(&Read) -> bool) -> Option<Problem> {
        let live = self.live?;
        let asked = questions(self.mesh).into_iter().filter(of);
        let lacking = |read: Read| match live.answers.get(&read) {
            Remote::Live(..) | Remote::Stale(..) => None,
            Remote::Denied(why) => Some(why.clone()),
            Remote::Waiting => Some(Problem::new(
                format!("{what} are not known"),
                "nobody has asked for them",
                "Open the panel Problems",
            )),
        };
        asked.into_iter().find_map(lacking)
    }

    /// For how many whole hours nobody has changed an object; `None` where nobody knows.
    pub(super) fn unchanged_hours(&self, at: &Ref) -> Option<i64> {
        let live = self.live?;
        let last = live.writes.iter().filter(|write| write.at == *at).map(|write| write.when).max()?;
        Some(live.now.duration_since(last).as_hours())
    }

    /// What was measured in the window.
    pub(super) fn traffic(&self) -> Option<&'a Traffic> {
        self.live?.traffic.value().map(|traffic| &**traffic)
    }

    /// What was usual in the last hour, path by path.
    pub(super) fn hour(&self) -> Option<&'a BTreeMap<Path, Usual>> {
        self.traffic()?.hour.as_deref()
    }

    /// The proxies, as istiod sees them.
    pub(super) fn proxies(&self) -> &'a [Proxy] {
        self.live.and_then(|live| live.proxies.value()).map_or(&[], |all| all.as_slice())
    }

    /// Whether proxies of several clusters belong to the mesh: then pods are not only here.
    pub(super) fn has_other_clusters(&self) -> bool {
        let mut clusters = self.proxies().iter().map(|proxy| proxy.cluster.as_str());
        let first = clusters.next();
        clusters.any(|other| Some(other) != first)
    }

    /// What is known of the certificate in a Secret, where somebody has asked.
    pub(super) fn credential(&self, of: &SecretOf) -> Option<&'a Credential> {
        match self.live?.answers.get(&Read::Certificate(of.clone())).value()?.as_ref() {
            Answer::Certificate(credential) => Some(credential),
            _ => None,
        }
    }

    /// What the cluster says of an object, where somebody has asked.
    pub(super) fn told(&self, at: &Ref) -> Vec<Word> {
        let answer = self.live.and_then(|live| live.answers.get(&Read::Told(at.clone())).value());
        match answer.map(|answer| &**answer) {
            Some(Answer::Told(words)) => words.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The moment.
    pub(super) fn now(&self) -> Option<Timestamp> {
        Some(self.live?.now)
    }
}
