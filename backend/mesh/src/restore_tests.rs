use super::*;
use crate::demo;
use crate::edit::{FaultSpec, Mode, Scope, Status, fault, mtls, rules, split};
use crate::evidence::Owner;
use crate::ledger::Fact;
use crate::split::Split;
use istio::kinds;

/// A cluster, what was pushed to it, and the objects after each push.
struct World {
    mesh: Mesh,
    ledger: Ledger,
    time: jiff::Timestamp,
}

impl World {
    fn new() -> Self {
        Self { mesh: demo::bookinfo(), ledger: Ledger::default(), time: demo::NOW }
    }

    fn rule(&self) -> crate::plan::HttpRule {
        rules(&self.mesh, self.mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at
    }

    fn split(&mut self, shares: [u32; 3]) -> ChangeId {
        let shares = Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).unwrap();
        let change = split(&self.mesh, &self.rule(), &shares).unwrap();
        self.push(change, None)
    }

    fn abort(&mut self, percent: f64) -> ChangeId {
        let spec = FaultSpec { delay: None, abort: (percent > 0.0).then_some((Status::Http(503), percent)) };
        let change = fault(&self.mesh, &self.rule(), None, spec).unwrap();
        self.push(change, None)
    }

    fn strict(&mut self) -> ChangeId {
        let change = mtls(&self.mesh, &Scope::Mesh, Some(Mode::Strict)).unwrap();
        self.push(change, None)
    }

    /// Writes a change as a server does that nobody else writes to.
    fn push(&mut self, change: Change, undoes: Option<ChangeId>) -> ChangeId {
        let id = ChangeId::fresh();
        let mut objects = self.mesh.objects().clone();
        let mut stored = Vec::new();
        for step in &change.steps {
            assert!(step.fits(objects.get(&step.at)), "{}: {:?}", step.at, step.edit);
            let before = objects.get(&step.at).cloned();
            match &step.after {
                Some(after) => {
                    let mut made = (*after.0).clone();
                    made["metadata"]["uid"] = format!("uid of {}", step.at.name).into();
                    objects.insert(step.at.clone(), made.into());
                }
                None => drop(objects.remove(&step.at)),
            }
            stored.push(Stored { before, after: objects.get(&step.at).cloned() });
        }
        self.time += jiff::SignedDuration::from_secs(1);
        self.ledger.open(id, change, undoes, self.time);
        self.ledger.record(id, &Fact::Checked(Vec::new()), self.time);
        self.ledger.sent(id, self.time);
        self.ledger.record(id, &Fact::Accepted(stored), self.time);
        self.mesh = Mesh::read(objects, Some(&self.mesh));
        id
    }

    /// Somebody else writes.
    fn theirs(&mut self, at: &Ref, write: impl FnOnce(&mut Value)) {
        let mut objects = self.mesh.objects().clone();
        let mut object = (*objects[at].0).clone();
        write(&mut object);
        objects.insert(at.clone(), object.into());
        self.mesh = Mesh::read(objects, Some(&self.mesh));
    }

    fn restore(&self, to: Moment, only: &[Ref]) -> Result<Change, Problem> {
        self.ledger.restore(&Restore { to, only: only.to_vec() }, &self.mesh)
    }

    fn spec(&self, at: &Ref) -> Option<String> {
        self.mesh.objects().get(at).map(|object| object.spec().to_string())
    }
}

fn reviews() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
}

fn strictness() -> Ref {
    Ref::new(&kinds::PEER_AUTHENTICATION, "istio-system", "default")
}

#[test]
fn five_changes_go_back_to_before_the_first() {
    let mut world = World::new();
    let begin = world.spec(&reviews());
    let first = world.split([10, 10, 80]);
    let mut after = vec![world.spec(&reviews())];
    for (shares, percent) in [([20, 20, 60], 0.0), ([30, 30, 40], 10.0)] {
        world.split(shares);
        after.push(world.spec(&reviews()));
        if percent > 0.0 {
            world.abort(percent);
            world.strict();
        }
    }
    let undo = world.ledger.get(first).unwrap();
    let undo = undo.change.inverse(&undo.stored).unwrap();
    assert!(!undo.steps[0].fits(world.mesh.objects().get(&reviews())), "the undo alone meets a conflict");

    let back = world.restore(Moment::Before(first), &[]).unwrap();
    assert_eq!(back.steps.iter().map(|step| step.at.clone()).collect::<Vec<_>>(), [reviews(), strictness()]);
    assert!(back.title.starts_with("Back to before “reviews: v1 50 → 10 %"), "{}", back.title);
    let looser =
        "Loosens security: PeerAuthentication istio-system/default goes from STRICT to what is set above it";
    assert_eq!(back.warnings, [looser]);
    let id = world.push(back, None);
    assert_eq!((world.spec(&reviews()), world.spec(&strictness())), (begin, None), "byte for byte");

    // The way back is a change like any other: it can be undone, and gone back from.
    let entry = world.ledger.get(id).unwrap();
    let undo = entry.change.inverse(&entry.stored).unwrap();
    world.push(undo, Some(id));
    assert!(world.spec(&strictness()).is_some());
    let back = world.restore(Moment::After(first), &[]).unwrap();
    world.push(back, None);
    assert_eq!((world.spec(&reviews()), world.spec(&strictness())), (after[0].clone(), None));
    let nothing = world.restore(Moment::After(first), &[]).unwrap_err();
    assert_eq!(nothing.what, "There is nothing to put back");
}

#[test]
fn one_object_goes_back_and_the_others_stay() {
    let mut world = World::new();
    let first = world.split([10, 10, 80]);
    let then = world.spec(&reviews());
    world.strict();
    world.split([90, 5, 5]);
    let back = world.restore(Moment::After(first), &[reviews()]).unwrap();
    assert!(back.title.starts_with("VirtualService bookinfo/reviews back to after “"), "{}", back.title);
    world.push(back, None);
    assert_eq!(world.spec(&reviews()), then);
    assert!(world.spec(&strictness()).is_some());
    assert!(world.ledger.is_followed(first));
}

#[test]
fn what_others_wrote_elsewhere_stays_and_where_it_stands_in_the_way_nothing_is_overwritten() {
    let mut world = World::new();
    let first = world.split([10, 10, 80]);
    world.strict();
    world.theirs(&reviews(), |object| object["spec"]["http"][1]["timeout"] = "3s".into());
    world.split([30, 30, 40]);
    let back = world.restore(Moment::Before(first), &[]).unwrap();
    assert_eq!(
        back.warnings[1..],
        ["VirtualService bookinfo/reviews: what others wrote in other places of it stays"]
    );
    let after = back.steps[0].after.as_ref().unwrap().spec();
    assert_eq!(
        (&after["http"][1]["timeout"], &after["http"][1]["route"][0]["weight"]),
        (&"3s".into(), &50.into())
    );

    world.theirs(&reviews(), |object| object["spec"]["http"][1]["route"][0]["weight"] = 33.into());
    let back = world.restore(Moment::Before(first), &[]).unwrap();
    assert_eq!(back.steps.iter().map(|step| step.at.clone()).collect::<Vec<_>>(), [strictness()]);
    assert_eq!(
        back.warnings[1..],
        ["VirtualService bookinfo/reviews stays as it is. Somebody else has written it since: \
          http.1.route.0.weight 30 → 33"]
    );
    let refused = world.restore(Moment::Before(first), &[reviews()]).unwrap_err();
    assert_eq!(refused.what, "VirtualService bookinfo/reviews was not put back");
    assert!(refused.why.ends_with("http.1.route.0.weight 30 → 33"), "{refused}");
}

#[test]
fn what_others_deleted_or_made_anew_is_left_to_them() {
    let mut world = World::new();
    let first = world.strict();
    world.theirs(&strictness(), |object| object["metadata"]["uid"] = "another".into());
    let refused = world.restore(Moment::Before(first), &[]).unwrap_err();
    assert!(refused.why.starts_with("Somebody else has made it anew since"), "{refused}");
}

/// What we had written into an object that somebody else has deleted since is known: without it, the object
/// is created again.
#[test]
fn what_others_deleted_is_created_again() {
    let mut world = World::new();
    let begin = world.spec(&reviews());
    let first = world.split([10, 10, 80]);
    let then = world.spec(&reviews());
    world.abort(10.0);
    let mut objects = world.mesh.objects().clone();
    objects.remove(&reviews());
    world.mesh = Mesh::read(objects.clone(), Some(&world.mesh));
    let again = "VirtualService bookinfo/reviews was deleted since: it is created again";
    for (to, spec) in [(Moment::After(first), then), (Moment::Before(first), begin.clone())] {
        let back = world.restore(to, &[]).unwrap();
        assert!(matches!(back.steps[0].edit, Edit::Create(_)), "{:?}", back.steps[0].edit);
        assert_eq!(back.warnings, [again]);
        assert_eq!(back.steps[0].after.as_ref().map(|made| made.spec().to_string()), spec);
    }
    let back = world.restore(Moment::Before(first), &[]).unwrap();
    world.push(back, None);
    assert_eq!(world.spec(&reviews()), begin);

    // Where nobody sees whether it is there, nothing is guessed.
    let why = Problem::new("a", "You may not read them", "c");
    let mut unseen = crate::Unseen::default();
    unseen.hide(&kinds::VIRTUAL_SERVICE, crate::Hidden { why, but: std::collections::BTreeSet::new() });
    world.mesh = Mesh::read(objects, None).seeing_all_but(&std::sync::Arc::new(unseen));
    let refused = world.restore(Moment::Before(first), &[]).unwrap_err();
    assert_eq!(refused.why, "Whether it is there is not known: You may not read them");
}

#[test]
fn what_is_still_being_written_is_waited_for() {
    let mut world = World::new();
    let first = world.split([10, 10, 80]);
    let id = ChangeId::fresh();
    let change = mtls(&world.mesh, &Scope::Mesh, Some(Mode::Strict)).unwrap();
    world.ledger.open(id, change, None, world.time);
    world.ledger.sent(id, world.time + jiff::SignedDuration::from_secs(9));
    let waits = world.restore(Moment::Before(first), &[]).unwrap_err();
    assert!(waits.why.ends_with("is still being written"), "{waits}");
}

/// Of each place, what the first change found there is what shows the way back.
#[test]
fn its_evidence_is_of_the_moment_gone_back_to() {
    let mut world = World::new();
    let first = world.split([10, 10, 80]);
    let was = world.ledger.get(first).unwrap().change.evidence.was.clone();
    world.split([20, 20, 60]);
    world.abort(10.0);
    let latest = world.split([30, 30, 40]);
    let now = world.ledger.get(latest).unwrap().change.evidence.probes.clone();
    let back = world.restore(Moment::Before(first), &[]).unwrap();
    let weights = |probes: &[Probe]| -> Vec<Probe> {
        probes.iter().filter(|probe| matches!(probe.want, Want::Weights(_))).cloned().collect()
    };
    assert!(!was.is_empty());
    assert_eq!(weights(&back.evidence.probes), weights(&was));
    assert_eq!(weights(&back.evidence.was), weights(&now));
    let of_fault = |probe: &&Probe| probe.path.contains("fault");
    assert!(back.evidence.probes.iter().any(|probe| of_fault(&probe)), "{:#?}", back.evidence.probes);
    let routes = |probe: &Probe| matches!(probe.owner, Owner::Routes { .. });
    assert!(back.evidence.probes.iter().all(routes));

    // One change alone goes back as its undo does, calls included.
    let alone = world.restore(Moment::Before(latest), &[]).unwrap();
    assert_eq!(alone.evidence, world.ledger.get(latest).unwrap().change.evidence.inverse());
}
