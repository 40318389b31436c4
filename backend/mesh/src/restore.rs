//! The way back to an earlier state: every change of ours since then is taken back, the newest first, as one
//! change that is judged, shown and pushed like any other. What others have written meanwhile stays where it
//! does not stand in the way; where it does, its object is left as it is, and that is said.

use crate::Mesh;
use crate::anew::{Known, created_again};
use crate::change::{Change, Edit, Step};
use crate::change_id::ChangeId;
use crate::change_set::Turn;
use crate::difference;
use crate::evidence::{Evidence, Owner, Probe, Streams, Want};
use crate::ledger::{Entry, Ledger};
use crate::loosens::loosened;
use crate::rule_key::RuleKey;
use crate::stored::{Stored, applies};
use crate::undo;
use istio::{Object, Problem, Ref};
use serde_json::Value;

/// A moment between two changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Right before this change was pushed.
    Before(ChangeId),
    /// Right after it.
    After(ChangeId),
}

/// Where to go back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Restore {
    /// The moment.
    pub to: Moment,
    /// The objects that go back; none are named: all that our changes have written since.
    pub only: Vec<Ref>,
}

impl Moment {
    fn change(self) -> ChangeId {
        match self {
            Self::Before(id) | Self::After(id) => id,
        }
    }
}

/// What a change of ours has written into one object.
struct Written<'a> {
    entry: &'a Entry,
    step: &'a Step,
    stored: &'a Stored,
}

/// An object on its way back.
struct Way<'a> {
    at: Ref,
    now: Option<&'a Object>,
    then: Option<Object>,
    /// Whether somebody else has written there too, in other places.
    others: bool,
    /// Somebody else has deleted it: from what it is made anew.
    anew: Option<Known>,
}

/// Why an object is left as it is.
struct Left {
    at: Ref,
    why: String,
}

/// All that is known of a way back.
struct Back<'a> {
    of: &'a Entry,
    written: Vec<Written<'a>>,
    ways: Vec<Way<'a>>,
    left: Vec<Left>,
    steps: Vec<Step>,
}

impl Ledger {
    /// Whether any change of ours was written after this one, so that there is a way back to it.
    pub fn is_followed(&self, id: ChangeId) -> bool {
        self.get(id).is_some_and(|entry| self.since(entry, false).next().is_some())
    }

    /// The change that goes back to an earlier moment, on what the mesh has now.
    pub fn restore(&self, wanted: &Restore, mesh: &Mesh) -> Result<Change, Problem> {
        let Back { of, written, ways, left, steps } = self.back(wanted, mesh)?;
        Ok(Change {
            title: title(wanted, &of.change.title),
            evidence: evidence(mesh, &written, &steps),
            warnings: warnings(&ways, &steps, &left),
            steps,
        })
    }

    /// Why there is no way back to an earlier moment, if there is none.
    pub fn no_way_back(&self, wanted: &Restore, mesh: &Mesh) -> Option<Problem> {
        self.back(wanted, mesh).err()
    }

    fn back<'a>(&'a self, wanted: &Restore, mesh: &'a Mesh) -> Result<Back<'a>, Problem> {
        let Some(of) = self.get(wanted.to.change()).filter(|of| of.sent.is_some()) else {
            return Err(nothing("That change was never pushed"));
        };
        let with = matches!(wanted.to, Moment::Before(_));
        let mut written: Vec<Written<'_>> = Vec::new();
        for entry in self.since(of, with) {
            if entry.stage.is_being_written() {
                return Err(under_way(&entry.change.title));
            }
            for (step, stored) in entry.change.steps.iter().zip(&entry.stored) {
                let meant = wanted.only.is_empty() || wanted.only.contains(&step.at);
                if let (true, Some(stored)) = (meant, stored) {
                    written.push(Written { entry, step, stored });
                }
            }
        }
        written.sort_by_key(|one| (one.entry.sent, one.entry.id));
        let mut objects: Vec<&Ref> = Vec::new();
        for one in &written {
            if !objects.contains(&&one.step.at) {
                objects.push(&one.step.at);
            }
        }
        let (mut ways, mut left) = (Vec::new(), Vec::new());
        for at in objects {
            let of_it = written.iter().filter(|one| one.step.at == *at);
            match way(at, mesh, &of_it.collect::<Vec<_>>()) {
                Ok(way) => ways.push(way),
                Err(why) => left.push(Left { at: at.clone(), why }),
            }
        }
        let mut steps: Vec<Step> = ways.iter().filter_map(|way| step(way, &written)).collect();
        steps.sort_by_key(Turn::of);
        if steps.is_empty() {
            return Err(match left.first() {
                Some(Left { at, why }) => Problem::new(
                    format!("{at} was not put back"),
                    why.clone(),
                    "Look at it in Changes, and edit it by hand",
                ),
                None => nothing("What our changes have written since is as it was then already"),
            });
        }
        Ok(Back { of, written, ways, left, steps })
    }

    /// Changes that were sent after this one, or with it.
    fn since<'a>(&'a self, of: &'a Entry, with: bool) -> impl Iterator<Item = &'a Entry> {
        let place = |entry: &Entry| (entry.sent, entry.id);
        self.entries().iter().filter(move |entry| {
            let written = entry.sent.is_some() && (entry.is_stored() || entry.stage.is_being_written());
            written && (place(entry) > place(of) || with && entry.id == of.id)
        })
    }
}

fn title(wanted: &Restore, of: &str) -> String {
    let when = match wanted.to {
        Moment::Before(_) => "before",
        Moment::After(_) => "after",
    };
    match wanted.only.as_slice() {
        [only] => format!("{only} back to {when} “{of}”"),
        _ => format!("Back to {when} “{of}”"),
    }
}

fn nothing(why: &str) -> Problem {
    Problem::new("There is nothing to put back", why, "Choose an earlier change")
}

fn under_way(title: &str) -> Problem {
    Problem::new("Nothing was put back", format!("“{title}” is still being written"), "Wait for its end")
}

/// An object without what was written into it, the newest taken back first.
fn way<'a>(at: &Ref, mesh: &'a Mesh, written: &[&Written<'_>]) -> Result<Way<'a>, String> {
    let now = mesh.objects().get(at);
    let (mut then, mut others, mut anew) = (now.cloned(), false, None);
    for one in written.iter().rev() {
        let back = undo::back(one.step, one.stored).map_err(|problem| problem.why)?;
        if matches!(back.edit, Edit::Patch(_)) && then.is_none() {
            if let Some(why) = mesh.unseen(at.kind, &at.namespace) {
                return Err(format!("Whether it is there is not known: {}", why.why));
            }
            // Somebody else has deleted it: what it was without our write is known all the same.
            anew = Some(if one.entry.run.is_some() { Known::Parts } else { Known::Whole });
        }
        then = taken_back(&back, then, one.stored, &mut others)?;
    }
    Ok(Way { at: at.clone(), now, then, others, anew })
}

/// What an object is when one write is taken back; an error says what somebody else did there.
fn taken_back(
    back: &Step,
    now: Option<Object>,
    stored: &Stored,
    others: &mut bool,
) -> Result<Option<Object>, String> {
    let uid = |object: &Object| object.0.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
    match (&back.edit, now) {
        (Edit::Create(object), None) => Ok(Some(object.clone().into())),
        (Edit::Create(_), Some(_)) => Err("Somebody else has made it anew since".to_owned()),
        (Edit::Patch(_), None) => Ok(back.after.clone()),
        // What we made is gone already.
        (Edit::Delete { .. }, None) => Ok(None),
        (Edit::Delete { .. }, Some(now)) => {
            let made = stored.after.as_ref();
            let another = made.and_then(uid).zip(uid(&now)).is_some_and(|(made, now)| made != now);
            if another {
                return Err("Somebody else has made it anew since".to_owned());
            }
            match made.map(|made| difference::told(made.spec(), now.spec())) {
                Some(places) if !places.is_empty() => Err(wrote(&places)),
                _ => Ok(None),
            }
        }
        (Edit::Patch(patch), Some(now)) => {
            let made = stored.after.as_ref().map_or(&Value::Null, Object::spec);
            *others |= made != now.spec();
            match undo::taken_back(patch, &now.0) {
                Some(then) => Ok(Some(then.into())),
                None => Err(wrote(&difference::told(made, now.spec()))),
            }
        }
    }
}

fn wrote(places: &[String]) -> String {
    let more = places.len().saturating_sub(3);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let told = places.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    format!("Somebody else has written it since: {told}{rest}")
}

/// The one step that brings an object where it was; `None` when it is there.
fn step(way: &Way<'_>, written: &[Written<'_>]) -> Option<Step> {
    let api_version = written.iter().rev().find(|one| one.step.at == way.at)?.step.api_version.clone();
    let (edit, after) = match (way.now, &way.then) {
        (None, None) => return None,
        (Some(now), Some(then)) => {
            let patch = undo::way_back(way.at.kind, &now.0, &then.0).filter(|patch| !patch.0.is_empty())?;
            let after = applies(&patch, &now.0)?;
            (Edit::Patch(patch), Some(after.into()))
        }
        (Some(now), None) => {
            let uid = now.0.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
            let version = Some(now.resource_version().to_owned()).filter(|version| !version.is_empty());
            (Edit::Delete { uid, resource_version: version }, None)
        }
        (None, Some(then)) => {
            let object = undo::afresh(then);
            (Edit::Create(object.clone()), Some(object.into()))
        }
    };
    Some(Step { at: way.at.clone(), api_version, edit, before: way.now.cloned(), after })
}

fn warnings(ways: &[Way<'_>], steps: &[Step], left: &[Left]) -> Vec<String> {
    let left = left.iter().map(|Left { at, why }| format!("{at} stays as it is. {why}"));
    let moved = |way: &&Way<'_>| way.others && steps.iter().any(|step| step.at == way.at);
    let kept = ways.iter().filter(moved);
    let kept = kept.map(|way| format!("{}: what others wrote in other places of it stays", way.at));
    let again = ways.iter().filter(|way| way.then.is_some());
    let again = again.filter_map(|way| Some(created_again(&way.at, way.anew?)));
    loosened(steps).into_iter().chain(left).chain(again).chain(kept).collect()
}

/// What shows that all of it was taken back: of each place, what was there before the first of the changes;
/// and what is there now, after the last of them.
fn evidence(mesh: &Mesh, written: &[Written<'_>], steps: &[Step]) -> Evidence {
    let mut entries: Vec<&Entry> = Vec::new();
    for one in written {
        if !entries.iter().any(|entry| entry.id == one.entry.id) {
            entries.push(one.entry);
        }
    }
    if let [only] = entries.as_slice()
        && steps.len() == only.change.steps.len()
    {
        return only.change.evidence.inverse();
    }
    let inverse = |entry: &&Entry| {
        let whole = entry.change.steps.iter().all(|own| steps.iter().any(|step| step.at == own.at));
        let back = entry.change.inverse(&entry.stored).ok()?;
        let own = |probe: &&Probe| match &probe.owner {
            Owner::Routes { of, .. } => steps.iter().any(|step| step.at == *of),
            // Hosts and ports do not tell which object makes them.
            Owner::Clusters { .. } | Owner::Direct { .. } | Owner::Host { .. } => whole,
            Owner::Inbound { .. } | Owner::Filters { .. } => whole,
            Owner::Endpoints { .. } | Owner::Chain { .. } | Owner::VirtualHost { .. } => whole,
            Owner::Backends { .. } | Owner::Streams(_) => whole,
        };
        let probes = entry.change.evidence.was.iter().filter(own).cloned().collect();
        let was = entry.change.evidence.probes.iter().filter(own).cloned().collect();
        Some(Change { evidence: Evidence { probes, was, measure: None, was_measure: None }, ..back })
    };
    let mut changes: Vec<Change> = entries.iter().filter_map(inverse).collect();
    let mut then: Vec<Probe> = Vec::new();
    for change in &mut changes {
        change.evidence.probes.retain(|probe| {
            let counts = is_made(probe, steps) && !then.iter().any(|older| overrules(older, probe));
            if counts {
                then.push(probe.clone());
            }
            counts
        });
    }
    let mut now: Vec<Probe> = Vec::new();
    for change in changes.iter().rev() {
        for probe in &change.evidence.was {
            if !now.iter().any(|newer| overrules(newer, probe)) {
                now.push(probe.clone());
            }
        }
    }
    let whole = Evidence::together(mesh, &changes.iter().collect::<Vec<_>>(), steps);
    // What holds now and then shows nothing.
    let same = |one: &Probe, other: &Probe| place(one) == place(other) && one.want == other.want;
    let probes = whole.probes.into_iter().filter(|then| !now.iter().any(|now| same(now, then))).collect();
    now.retain(|now| !then.iter().any(|then| same(now, then)));
    Evidence { probes, was: now, measure: None, was_measure: None }
}

/// Whether the rule that a probe is about is there when all is done.
fn is_made(probe: &Probe, steps: &[Step]) -> bool {
    let Owner::Routes { of, rule: Some(rule), .. } = &probe.owner else { return true };
    let after = steps.iter().find(|step| step.at == *of).and_then(|step| step.after.as_ref());
    after.is_some_and(|after| RuleKey::all(after.spec()).contains(rule))
}

/// What a probe is about, whatever it wants there.
#[derive(PartialEq)]
enum Place<'a> {
    Routes(&'a Ref, Option<&'a RuleKey>),
    Clusters(&'a str, &'a str, Option<u32>),
    Direct(&'a str, Option<u32>),
    Backends(&'a [String], &'a [String]),
    Streams(&'a Streams),
    Host(&'a str),
    Inbound(Option<u32>, &'a [u32]),
    /// Filters of these names; of a policy's rules, with what tells the policy.
    Filters(&'a [String], bool, Option<u32>, &'a str),
    Endpoints(&'a str, u32),
    Chain(u32, &'a [String]),
    VirtualHost(&'a str),
}

fn place(probe: &Probe) -> (Place<'_>, &str, &[String]) {
    let place = match &probe.owner {
        Owner::Routes { of, rule, .. } => Place::Routes(of, rule.as_ref()),
        Owner::Clusters { host, subset, port } => Place::Clusters(host, subset, *port),
        Owner::Direct { host, port } => Place::Direct(host, *port),
        Owner::Backends { names, hosts } => Place::Backends(names, hosts),
        Owner::Streams(streams) => Place::Streams(streams),
        Owner::Host { host } => Place::Host(host),
        Owner::Inbound { port, except } => Place::Inbound(*port, except),
        Owner::Endpoints { host, port } => Place::Endpoints(host, *port),
        Owner::Chain { port, names } => Place::Chain(*port, names),
        Owner::VirtualHost { name, .. } => Place::VirtualHost(name),
        Owner::Filters { names, out, port } => Place::Filters(
            names,
            *out,
            *port,
            match &probe.want {
                Want::Guards(guards) => &guards.named,
                _ => "",
            },
        ),
    };
    (place, &probe.path, &probe.proxies)
}

/// Whether two probes are about one place, so that the first alone counts; in what is not there is no place.
fn overrules(first: &Probe, second: &Probe) -> bool {
    let ((one, path, proxies), (other, inner, others)) = (place(first), place(second));
    let shared = proxies.iter().any(|proxy| others.contains(proxy));
    let gone = path.is_empty() && first.want == Want::Absent;
    shared && one == other && (gone || path == inner)
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
