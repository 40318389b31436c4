//! A change set: several drafts that are judged, pushed and undone as one. Their objects are written in an
//! order in which nothing refers to what is not there yet; what several drafts do to one object becomes one
//! edit of it.

mod creates;
mod merge;
mod order;

pub use order::Turn;

use crate::Mesh;
use crate::change::{Change, Step};
use crate::change_id::ChangeId;
use crate::evidence::Evidence;
use crate::ledger::Part;
use istio::{Problem, Ref};

/// One draft's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The id that the draft keeps.
    pub id: ChangeId,
    /// What it does.
    pub change: Change,
}

/// Changes that belong together, in the order in which the user made them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeSet {
    members: Vec<Member>,
}

/// Two changes of a set write the same place.
#[derive(Clone, Debug, PartialEq)]
pub struct Clash {
    /// The object.
    pub at: Ref,
    /// "spec.http.1.fault"; empty for the object as a whole.
    pub place: String,
    /// Sentences of both.
    pub titles: [String; 2],
}

impl ChangeSet {
    /// A set of one change.
    pub fn of(id: ChangeId, change: Change) -> Self {
        Self { members: vec![Member { id, change }] }
    }
    /// Its changes.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
    /// Whether this draft's change is in it.
    pub fn has(&self, id: ChangeId) -> bool {
        self.members.iter().any(|member| member.id == id)
    }
    /// Takes in a change; a draft's newer change takes the place of its older one.
    pub fn put(&mut self, id: ChangeId, change: Change) {
        match self.members.iter_mut().find(|member| member.id == id) {
            Some(member) => member.change = change,
            None => self.members.push(Member { id, change }),
        }
    }
    /// Takes a change out; whether it was in.
    pub fn remove(&mut self, id: ChangeId) -> bool {
        let before = self.members.len();
        self.members.retain(|member| member.id != id);
        self.members.len() < before
    }

    /// All of it as one change of this mesh: one step for each object, in the order in which they are
    /// written.
    pub fn whole(&self, mesh: &Mesh) -> Result<Change, Clash> {
        if let [only] = self.members.as_slice() {
            return Ok(only.change.clone());
        }
        let mut steps = Vec::new();
        for (at, touching) in self.by_object() {
            let parts: Vec<&Step> = touching.iter().map(|(_, step)| *step).collect();
            let step = merge::merge(&parts).map_err(|overlap| Clash {
                at,
                place: overlap.place,
                titles: [overlap.first, overlap.second].map(|number| touching[number].0.change.title.clone()),
            })?;
            steps.push(step);
        }
        steps.sort_by_key(Turn::of);
        let changes: Vec<&Change> = self.members.iter().map(|member| &member.change).collect();
        let evidence = Evidence::together(mesh, &changes, &steps);
        Ok(Change { evidence, ..self.joined(steps) })
    }

    /// All of it with each change's own steps, as it is shown while two of them clash.
    pub fn apart(&self) -> Change {
        self.joined(self.members.iter().flat_map(|member| member.change.steps.clone()).collect())
    }

    /// Which steps of the whole each change has a part in.
    pub fn parts(&self, whole: &Change) -> Vec<Part> {
        let part = |member: &Member| {
            let touched = |step: &Step| member.change.steps.iter().any(|own| own.at == step.at);
            let steps = whole.steps.iter().enumerate().filter(|(_, step)| touched(step));
            let steps = steps.map(|(number, _)| number).collect();
            Part { id: member.id, title: member.change.title.clone(), steps }
        };
        self.members.iter().map(part).collect()
    }

    fn joined(&self, steps: Vec<Step>) -> Change {
        let titles: Vec<&str> = self.members.iter().map(|member| member.change.title.as_str()).collect();
        let mut warnings: Vec<String> = Vec::new();
        for warning in self.members.iter().flat_map(|member| &member.change.warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        Change { title: titles.join("; "), steps, warnings, evidence: Evidence::default() }
    }

    /// Steps of all members by object, in order of their first appearance.
    fn by_object(&self) -> Vec<(Ref, Vec<(&Member, &Step)>)> {
        let mut all: Vec<(Ref, Vec<(&Member, &Step)>)> = Vec::new();
        for member in &self.members {
            for step in &member.change.steps {
                match all.iter_mut().find(|(at, _)| *at == step.at) {
                    Some((_, touching)) => touching.push((member, step)),
                    None => all.push((step.at.clone(), vec![(member, step)])),
                }
            }
        }
        all
    }
}

impl Clash {
    /// In the user's words.
    pub fn problem(&self) -> Problem {
        let [one, other] = &self.titles;
        let place = if self.place.is_empty() {
            self.at.to_string()
        } else {
            format!("{} of {}", self.place, self.at)
        };
        Problem::new(
            "These changes cannot be pushed together",
            format!("“{one}” and “{other}” both write {place}"),
            "Take one of them out of the bar, or push one first",
        )
    }
}
