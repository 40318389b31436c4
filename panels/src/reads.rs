//! What a panel asks for while it is looked at. Asking is cheap and done anew in every frame: who asks first
//! starts the read, and when nobody asks any more it ends and its answer is let go after a short while.
//!
//! ```text
//! match cx.reads.traces(&query) { Remote::Waiting => …, Remote::Live(traces, at) => …, … }
//! ```

use crate::foresight::Foresight;
use crate::judge::Judge;
use crate::looked::Looked;
use crate::past::{Past, Then};
use egui::Context;
use jiff::Timestamp;
use mesh::certificate::{Credential, SecretOf};
use mesh::check::{Finding, Judged};
use mesh::confirm::Filters;
use mesh::dump::Dump;
use mesh::endpoints::{Endpoints, EndpointsQuery};
use mesh::incidents::Incidents;
use mesh::log::{Log, LogOf};
use mesh::logging::Logging;
use mesh::managed::{Applied, Source};
use mesh::mesh_config::MeshConfig;
use mesh::series::{Measured, Range};
use mesh::told::Word;
use mesh::trace::{Found, Opened, TraceQuery};
use mesh::traffic::Traffic;
use mesh::{Answer, Change, ChangeId, Period, Problem, Read, Ref, Remote, Scene, Schema, SchemaOf};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Answers to questions, as of this frame; every question that is put is wanted from then on.
#[derive(Clone, Copy)]
pub struct Reads<'a> {
    scene: &'a Scene,
    wanted: &'a Wanted,
}

/// The questions of one frame, each with how often it was to be read again. Kept by the window.
#[derive(Default)]
pub struct Wanted {
    asked: RefCell<BTreeMap<Read, u32>>,
    again: RefCell<BTreeMap<Read, u32>>,
    judge: RefCell<Judge>,
    foresight: RefCell<Foresight>,
    past: RefCell<Past>,
}

impl Wanted {
    /// Looks at these moments from now on.
    pub fn look(&self, at: Looked) {
        self.past.borrow_mut().look(at);
    }

    /// At the end of a frame: the questions that were put in it.
    pub fn take(&self) -> BTreeMap<Read, u32> {
        std::mem::take(&mut self.asked.borrow_mut())
    }
}

impl<'a> Reads<'a> {
    /// Answers from this scene; what is asked for is noted in `wanted`.
    pub fn new(scene: &'a Scene, wanted: &'a Wanted) -> Self {
        Self { scene, wanted }
    }

    /// Services that the tracing backend knows.
    pub fn services(&self) -> Remote<Vec<String>> {
        self.ask(Read::Services).part(|answer| match answer {
            Answer::Services(services) => Some(services.clone()),
            _ => None,
        })
    }

    /// Traces that a search finds.
    pub fn traces(&self, query: &TraceQuery) -> Remote<Found> {
        self.ask(Read::Traces(query.clone())).part(|answer| match answer {
            Answer::Traces(traces) => Some(traces.clone()),
            _ => None,
        })
    }

    /// One trace by its id.
    pub fn trace(&self, id: &str) -> Remote<Opened> {
        self.ask(Read::Trace(id.to_owned())).part(|answer| match answer {
            Answer::Trace(trace) => Some(trace.clone()),
            _ => None,
        })
    }

    /// Measurements over time.
    pub fn series(&self, range: &Range) -> Remote<Measured> {
        self.ask(Read::Series(range.clone())).part(|answer| match answer {
            Answer::Series(series) => Some(series.clone()),
            _ => None,
        })
    }

    /// Which moments are looked at.
    pub fn looked(&self) -> Looked {
        self.wanted.past.borrow().looked()
    }

    /// The moment of the past that is shown; `None`: now.
    pub fn then(&self, secs: u64, now: Timestamp) -> Option<Then> {
        self.wanted.past.borrow_mut().shown(secs, now, |period| self.traffic(period))
    }

    /// The moment that it is compared with.
    pub fn against(&self, secs: u64, now: Timestamp) -> Option<Then> {
        self.wanted.past.borrow_mut().against(secs, now, |period| self.traffic(period))
    }

    fn traffic(&self, period: Period) -> Remote<Traffic> {
        self.ask(Read::Traffic(period)).part(|answer| match answer {
            Answer::Traffic(traffic) => Some(traffic.clone()),
            _ => None,
        })
    }

    /// Endpoints of a service, as callers' proxies see them.
    pub fn endpoints(&self, query: &EndpointsQuery) -> Remote<Endpoints> {
        self.ask(Read::Endpoints(query.clone())).part(|answer| match answer {
            Answer::Endpoints(endpoints) => Some(endpoints.clone()),
            _ => None,
        })
    }

    /// The schema of a kind, as the cluster serves it.
    pub fn schema(&self, of: &SchemaOf) -> Remote<Schema> {
        self.ask(Read::Schema(of.clone())).part(|answer| match answer {
            Answer::Schema(schema) => Some(schema.clone()),
            _ => None,
        })
    }

    /// What the mesh as a whole is told.
    pub fn mesh_config(&self, root_namespace: &str) -> Remote<MeshConfig> {
        self.ask(Read::MeshConfig(root_namespace.to_owned())).part(|answer| match answer {
            Answer::MeshConfig(config) => Some(config.clone()),
            _ => None,
        })
    }

    /// What is wrong with the mesh's configuration, judged anew as it changes; `None` until it was judged for
    /// the first time.
    pub fn judged(&self, ctx: &Context, now: Timestamp) -> Option<Arc<Judged>> {
        let config = self.mesh_config(self.scene.mesh.root_namespace());
        let mut judge = self.wanted.judge.borrow_mut();
        for read in judge.questions(&self.scene.mesh, now) {
            self.ask(read.clone());
        }
        judge.of(ctx, self.scene, config, now)
    }

    /// The same; nothing until it was judged for the first time.
    pub fn found(&self, ctx: &Context, now: Timestamp) -> Arc<Judged> {
        self.judged(ctx, now).unwrap_or_else(|| self.wanted.judge.borrow().nothing())
    }

    /// The same, with what others have to be asked for.
    pub fn judged_closely(&self, ctx: &Context, now: Timestamp) -> Option<Arc<Judged>> {
        self.wanted.judge.borrow_mut().closely(now);
        self.judged(ctx, now)
    }

    /// What a change would cause that is not so now; `None` until that was looked for.
    pub fn caused(
        &self,
        ctx: &Context,
        id: ChangeId,
        change: &Change,
        now: Timestamp,
    ) -> Option<Arc<Vec<Finding>>> {
        let config = self.mesh_config(self.scene.mesh.root_namespace());
        self.wanted.foresight.borrow_mut().of(ctx, self.scene, config, (id, change), now)
    }

    /// What a tool says of the objects that it applies.
    pub fn applied(&self, source: &Source) -> Remote<Applied> {
        self.ask(Read::Applied(source.clone())).part(|answer| match answer {
            Answer::Applied(applied) => Some(applied.clone()),
            _ => None,
        })
    }

    /// Until when the certificate in a Secret holds.
    pub fn certificate(&self, of: &SecretOf) -> Remote<Credential> {
        self.ask(Read::Certificate(of.clone())).part(|answer| match answer {
            Answer::Certificate(credential) => Some(credential.clone()),
            _ => None,
        })
    }

    /// How much the proxy of a pod writes into its log.
    pub fn logging(&self, pod: &Ref) -> Remote<Logging> {
        self.ask(Read::Logging(pod.clone())).part(|answer| match answer {
            Answer::Logging(levels) => Some(levels.clone()),
            _ => None,
        })
    }

    /// What the cluster says of an object, the newest first.
    pub fn told(&self, at: &Ref) -> Remote<Vec<Word>> {
        self.ask(Read::Told(at.clone())).part(|answer| match answer {
            Answer::Told(words) => Some(words.clone()),
            _ => None,
        })
    }

    /// Restarts, rollouts and Events, the newest first.
    pub fn incidents(&self) -> Remote<Incidents> {
        self.ask(Read::Incidents).part(|answer| match answer {
            Answer::Incidents(incidents) => Some(incidents.clone()),
            _ => None,
        })
    }

    /// The right that is missing to do something ("patch", "delete") to an object; `None` where none is known
    /// to be.
    pub fn missing(&self, verb: &'static str, at: &Ref) -> Option<Problem> {
        match self.ask(Read::May(verb, at.clone())).value().map(|answer| &**answer) {
            Some(Answer::May(missing)) => (**missing).clone(),
            _ => None,
        }
    }

    /// The order of a proxy's filters.
    pub fn filters(&self, proxy: &str) -> Remote<Filters> {
        self.ask(Read::Filters(proxy.to_owned())).part(|answer| match answer {
            Answer::Filters(filters) => Some(filters.clone()),
            _ => None,
        })
    }

    /// What a proxy ("pod.namespace") holds.
    pub fn inside(&self, proxy: &str) -> Remote<Dump> {
        self.ask(Read::Inside(proxy.to_owned())).part(|answer| match answer {
            Answer::Inside(dump) => Some(dump.clone()),
            _ => None,
        })
    }

    /// Which version istiod says it has.
    pub fn control_plane(&self) -> Remote<String> {
        self.ask(Read::ControlPlane).part(|answer| match answer {
            Answer::ControlPlane(version) => Some(version.clone()),
            _ => None,
        })
    }

    /// What a container writes.
    pub fn log(&self, of: &LogOf) -> Remote<Log> {
        self.ask(Read::Log(of.clone())).part(|answer| match answer {
            Answer::Log(log) => Some(log.clone()),
            _ => None,
        })
    }

    /// Reads it once more, now: after a failure, when the user wants it.
    pub fn again(&self, read: Read) {
        *self.wanted.again.borrow_mut().entry(read).or_default() += 1;
    }

    fn ask(&self, read: Read) -> &'a Remote<Answer> {
        let answer = self.scene.answers.get(&read);
        let again = self.wanted.again.borrow().get(&read).copied().unwrap_or_default();
        self.wanted.asked.borrow_mut().insert(read, again);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::demo;

    #[test]
    fn what_is_asked_for_is_wanted_until_it_is_asked_for_no_more() {
        let (mut scene, wanted) = (demo::scene(), Wanted::default());
        let query = TraceQuery { service: "reviews.bookinfo".into(), ..TraceQuery::default() };
        assert_eq!(Reads::new(&scene, &wanted).traces(&query), Remote::Waiting);
        assert_eq!(wanted.take(), BTreeMap::from([(Read::Traces(query.clone()), 0)]));
        let found = Arc::new(demo::found());
        scene.answers.take(demo::NOW, Read::Traces(query.clone()), Ok(Answer::Traces(found.clone())));
        let reads = Reads::new(&scene, &wanted);
        assert_eq!(reads.traces(&query), Remote::Live(found, demo::NOW));
        assert_eq!(reads.services(), Remote::Waiting);
        assert_eq!(wanted.take().len(), 2);
        assert_eq!(wanted.take(), BTreeMap::new(), "nobody looks any more");
    }

    #[test]
    fn a_read_can_be_wanted_once_more() {
        let (scene, wanted) = (demo::scene(), Wanted::default());
        let reads = Reads::new(&scene, &wanted);
        reads.again(Read::Services);
        assert_eq!(wanted.take(), BTreeMap::new(), "it is read only while somebody looks");
        reads.services();
        assert_eq!(wanted.take(), BTreeMap::from([(Read::Services, 1)]));
    }
}
