//! Steering: what the user wants of the cluster and what became of it. Methods say what is to be ordered of
//! the cluster, and hear whether the order was taken; they do nothing else to the world.

use cluster::{Command, Of};
use jiff::Timestamp;
use mesh::ledger::ToJudge;
use mesh::writes::Write;
use mesh::{Change, ChangeId, Fact, Ledger, Mesh, Problem, Restore, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// All changes of a connection.
#[derive(Default)]
pub(crate) struct Steering {
    ledger: Ledger,
    /// Changes that are sent as soon as the server has judged them: undo.
    push_when_checked: BTreeSet<ChangeId>,
    /// Drafts of the set that go back to what was before: no editor makes them anew.
    ways_back: BTreeMap<ChangeId, WayBack>,
}

/// A way back to what was before.
#[derive(Clone)]
pub(crate) enum WayBack {
    /// Over changes of ours.
    Restore(Restore),
    /// Over what somebody else wrote.
    Write(Box<Write>),
}

impl WayBack {
    /// Whether another takes its place: one restores to one moment, and takes back one write of an object.
    fn gives_way_to(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Restore(_), Self::Restore(_)) => true,
            (Self::Write(one), Self::Write(other)) => one.at == other.at,
            _ => false,
        }
    }
}

impl Steering {
    /// Every change, with how far it has come.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether a change, or one that it undoes, is of workloads, pods or namespaces.
    pub(crate) fn is_of_workloads(&self, id: ChangeId) -> bool {
        self.ledger.get(id).is_some_and(|entry| entry.change.is_of_workloads())
    }

    /// A draft's change joins the set that is not pushed yet.
    pub(crate) fn check(&mut self, draft: ChangeId, change: Change, mesh: &Mesh) -> Option<Command> {
        self.ledger.put(draft, change, mesh, Timestamp::now()).map(judge)
    }

    /// Takes a change out of the set, or all of it.
    pub(crate) fn dismiss(&mut self, id: ChangeId, mesh: &Mesh) -> Option<Command> {
        self.push_when_checked.remove(&id);
        let order = self.ledger.dismiss(id, mesh, Timestamp::now()).map(judge);
        self.ways_back.retain(|draft, _| self.ledger.set().has(*draft));
        order
    }

    /// A way back joins the set that is not pushed yet, in the place of an earlier one of the same that waits there.
    pub(crate) fn way_back(&mut self, wanted: WayBack, mesh: &Mesh) -> Result<Option<Command>, Problem> {
        let change = match &wanted {
            WayBack::Restore(wanted) => self.ledger.restore(wanted, mesh)?,
            WayBack::Write(write) => write.taken_back(mesh)?,
        };
        let earlier: Vec<ChangeId> = self
            .ways_back
            .iter()
            .filter(|(_, earlier)| earlier.gives_way_to(&wanted))
            .map(|(draft, _)| *draft)
            .collect();
        for draft in earlier {
            self.ways_back.remove(&draft);
            self.ledger.dismiss(draft, mesh, Timestamp::now());
        }
        let draft = ChangeId::fresh();
        self.ways_back.insert(draft, wanted);
        Ok(self.check(draft, change, mesh))
    }

    /// Forgets a set that was refused: editors have made their drafts anew, and so is a way back.
    pub(crate) fn rebuild(&mut self, id: ChangeId, mesh: &Mesh) -> Result<Option<Command>, Problem> {
        let entry = self.ledger.get(id);
        let of_it = |draft: &ChangeId| entry.is_some_and(|entry| entry.is_of(*draft));
        let wanted = self.ways_back.iter().find(|(draft, _)| of_it(draft)).map(|(_, wanted)| wanted.clone());
        let order = self.dismiss(id, mesh);
        match wanted {
            Some(wanted) => self.way_back(wanted, mesh),
            None => Ok(order),
        }
    }

    /// Sends a change that the server has judged.
    pub(crate) fn push(&mut self, id: ChangeId) -> Option<Command> {
        let entry = self.ledger.get(id).filter(|entry| matches!(entry.stage, Stage::Checked(_)))?;
        let of = Of { parts: entry.parts.clone(), undoes: entry.undoes };
        Some(Command::Push(id, Box::new(entry.change.clone()), of))
    }

    /// Undo is a change like any other: judged, written, followed. It is sent as soon as the server has
    /// judged it.
    pub(crate) fn undo(&mut self, id: ChangeId, mesh: &Mesh) -> Result<Option<Command>, Problem> {
        let Some(inverse) = self.ledger.undo(id, mesh)? else { return Ok(None) };
        let undo = ChangeId::fresh();
        self.ledger.open(undo, inverse.clone(), Some(id), Timestamp::now());
        self.push_when_checked.insert(undo);
        Ok(Some(Command::Check(undo, Box::new(inverse))))
    }

    /// Writes the rest of a push that was cut off.
    pub(crate) fn finish(&mut self, id: ChangeId) -> Option<Command> {
        Some(Command::Finish(id, Box::new(self.ledger.get(id)?.change.clone())))
    }

    /// The connection has taken an order: what is to be sent counts as sent.
    pub(crate) fn given(&mut self, order: &Command) {
        if let Command::Push(id, ..) | Command::Finish(id, _) = order {
            self.ledger.sent(*id, Timestamp::now());
        }
    }

    /// The connection has not taken an order: nothing is judged; what was to be sent waits as before.
    pub(crate) fn not_given(&mut self, order: &Command, why: &Problem) {
        if let Command::Check(id, _) = order {
            self.take(*id, &Fact::Refused(why.clone()));
        }
    }

    /// Takes in news; says what follows from it.
    pub(crate) fn take(&mut self, id: ChangeId, fact: &Fact) -> Option<Command> {
        self.ledger.record(id, fact, Timestamp::now());
        match fact {
            Fact::Checked(_) if self.push_when_checked.remove(&id) => self.push(id),
            Fact::Refused(problem) | Fact::Conflict { problem, .. } if self.push_when_checked.remove(&id) => {
                let entry = self.ledger.get(id)?;
                let of = Of { parts: entry.parts.clone(), undoes: entry.undoes };
                Some(Command::Tried(id, Box::new(entry.change.clone()), of, problem.clone()))
            }
            _ => None,
        }
    }
}

fn judge((id, change): ToJudge) -> Command {
    Command::Check(id, change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::edit::{Mode, Scope, mtls};
    use mesh::writes::Deed;
    use mesh::{Moment, Stored, Theirs, demo};

    fn strict(name: &str) -> Change {
        let mut change = mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).expect("a change");
        change.steps[0].at.name = name.into();
        change
    }

    fn checked(steering: &mut Steering, command: Option<Command>) -> ChangeId {
        let Some(Command::Check(id, _)) = command else { panic!("nothing to judge: {command:?}") };
        assert!(steering.take(id, &Fact::Checked(Vec::new())).is_none());
        id
    }

    #[test]
    fn several_drafts_are_judged_pushed_and_undone_as_one() {
        let mut steering = Steering::default();
        let (one, two) = (ChangeId::fresh(), ChangeId::fresh());
        let mesh = demo::bookinfo();
        let first = steering.check(one, strict("a"), &mesh);
        let first = checked(&mut steering, first);
        let both = steering.check(two, strict("b"), &demo::bookinfo());
        assert!(steering.push(first).is_none(), "what was judged alone is no longer what is to be pushed");
        let both = checked(&mut steering, both);
        let Some(Command::Push(id, change, of)) = steering.push(both) else { panic!("not pushed") };
        assert_eq!((id, change.steps.len()), (both, 2));
        assert_eq!(of.parts.iter().map(|part| part.id).collect::<Vec<_>>(), [one, two]);
        assert!(steering.push(both).is_some(), "an order that was not taken can be given again");
        steering.given(&Command::Push(id, change.clone(), of));
        assert!(steering.push(both).is_none(), "once");

        steering.take(both, &Fact::Accepted(Stored::as_wanted(&change)));
        let Ok(Some(Command::Check(undo, inverse))) = steering.undo(both, &mesh) else { panic!("no undo") };
        assert_eq!(inverse.steps.len(), 2);
        let Some(Command::Push(id, _, of)) = steering.take(undo, &Fact::Checked(Vec::new())) else {
            panic!("the undo was not sent")
        };
        assert_eq!((id, of.undoes), (undo, Some(both)));
    }

    #[test]
    fn what_could_not_be_ordered_does_not_wait_for_ever() {
        let mut steering = Steering::default();
        let (why, draft) = (Problem::new("a", "b", "c"), ChangeId::fresh());
        let order = steering.check(draft, strict("a"), &demo::bookinfo()).expect("a change to judge");
        steering.not_given(&order, &why);
        let Command::Check(id, _) = order else { panic!("nothing to judge") };
        let stage = |steering: &Steering| steering.ledger().get(id).map(|entry| entry.stage.clone());
        assert_eq!(stage(&steering), Some(Stage::Failed(why.clone())));

        let order = steering.check(draft, strict("b"), &demo::bookinfo());
        let id = checked(&mut steering, order);
        let push = steering.push(id).expect("a push");
        steering.not_given(&push, &why);
        let stage = steering.ledger().get(id).map(|entry| entry.stage.clone());
        assert!(matches!(stage, Some(Stage::Checked(_))), "{stage:?}");
    }

    #[test]
    fn an_undo_that_is_refused_is_not_sent() {
        let mut steering = Steering::default();
        let command = steering.check(ChangeId::fresh(), strict("a"), &demo::bookinfo());
        let id = checked(&mut steering, command);
        let Some(Command::Push(_, change, _)) = steering.push(id) else { panic!("not pushed") };
        steering.take(id, &Fact::Accepted(Stored::as_wanted(&change)));
        let Ok(Some(Command::Check(undo, _))) = steering.undo(id, &demo::bookinfo()) else {
            panic!("no undo")
        };
        let why = Problem::new("a", "b", "c");
        let Some(Command::Tried(tried, _, of, told)) = steering.take(undo, &Fact::Refused(why.clone()))
        else {
            panic!("the journal is not told")
        };
        assert_eq!((tried, of.undoes, told), (undo, Some(id), why));
        assert!(steering.take(undo, &Fact::Checked(Vec::new())).is_none());
        steering.dismiss(undo, &demo::bookinfo());
        assert!(steering.ledger().get(undo).is_some(), "it stays in the journal");
    }

    #[test]
    fn writes_of_two_objects_are_taken_back_together_and_one_of_an_object_once() {
        let (mut steering, mesh) = (Steering::default(), demo::bookinfo());
        let made: Vec<WayBack> = mesh
            .objects()
            .iter()
            .filter(|(at, _)| at.kind.editable)
            .take(2)
            .map(|(at, object)| {
                let write = Write {
                    at: at.clone(),
                    by: None,
                    when: demo::NOW,
                    heard: demo::NOW,
                    deed: Deed::Created,
                    what: Vec::new(),
                    before: None,
                    after: Some(object.clone()),
                };
                WayBack::Write(Box::new(write))
            })
            .collect();
        for wanted in [&made[0], &made[1], &made[1]] {
            let Ok(command) = steering.way_back(wanted.clone(), &mesh) else { panic!("no way back") };
            checked(&mut steering, command);
        }
        assert_eq!(steering.ledger().pending().map(|entry| entry.parts.len()), Some(2));
    }

    /// A way back is made anew where somebody else was first.
    #[test]
    fn a_way_back_waits_for_push_and_is_rebuilt() {
        let mut steering = Steering::default();
        let mut mesh = demo::bookinfo();
        let change = mtls(&mesh, &Scope::Mesh, Some(Mode::Strict)).expect("a change");
        let command = steering.check(ChangeId::fresh(), change, &mesh);
        let first = checked(&mut steering, command);
        let push = steering.push(first).expect("a push");
        steering.given(&push);
        let change = steering.ledger().get(first).expect("an entry").change.clone();
        steering.take(first, &Fact::Accepted(Stored::as_wanted(&change)));
        let mut objects = demo::bookinfo_objects();
        objects.insert(change.steps[0].at.clone(), change.steps[0].after.clone().expect("an object"));
        mesh = Mesh::read(objects, Some(&mesh));

        let wanted = WayBack::Restore(Restore { to: Moment::Before(first), only: Vec::new() });
        let Ok(command) = steering.way_back(wanted.clone(), &mesh) else { panic!("no way back") };
        let id = checked(&mut steering, command);
        let Ok(command) = steering.way_back(wanted, &mesh) else { panic!("no way back") };
        let again = checked(&mut steering, command);
        assert!(steering.ledger().get(id).is_none(), "one way back at a time");
        assert_eq!(steering.ledger().pending().map(|entry| entry.parts.len()), Some(1));
        let theirs = Theirs { at: change.steps[0].at.clone(), now: None };
        let refused = Fact::Conflict { theirs, problem: Problem::new("a", "b", "c") };
        steering.take(again, &refused);
        let Ok(command) = steering.rebuild(again, &mesh) else { panic!("not rebuilt") };
        let id = checked(&mut steering, command);
        assert!(matches!(steering.push(id), Some(Command::Push(..))));
        let order = steering.dismiss(id, &mesh);
        assert!(order.is_none() && steering.ways_back.is_empty() && steering.ledger().pending().is_none());
    }
}
