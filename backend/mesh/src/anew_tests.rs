use super::*;
use crate::demo;
use crate::edit::{Mode, Scope, mtls, rules, split};
use crate::journal::Past;
use crate::ledger::Fact;
use crate::split::Split;
use crate::stored::Stored;
use istio::kinds;

fn reviews() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
}

/// Other shares and STRICT, pushed.
fn pushed() -> (Ledger, ChangeId, Mesh) {
    let mesh = demo::bookinfo();
    let rule = rules(&mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at;
    let shares = Split::new(["v1", "v2", "v3"].into_iter().zip([10, 10, 80])).unwrap();
    let mut change = split(&mesh, &rule, &shares).unwrap();
    change.steps.extend(mtls(&mesh, &Scope::Mesh, Some(Mode::Strict)).unwrap().steps);
    let (mut ledger, id) = (Ledger::default(), ChangeId::fresh());
    let mut objects = mesh.objects().clone();
    for step in &change.steps {
        objects.insert(step.at.clone(), step.after.clone().unwrap());
    }
    let stored = Stored::as_wanted(&change);
    ledger.open(id, change, None, demo::NOW);
    ledger.sent(id, demo::NOW);
    ledger.record(id, &Fact::Accepted(stored), demo::NOW);
    ledger.record(id, &Fact::Seen, demo::NOW);
    (ledger, id, Mesh::read(objects, Some(&mesh)))
}

fn without(mesh: &Mesh, gone: &[&Ref]) -> Mesh {
    let mut objects = mesh.objects().clone();
    gone.iter().for_each(|at| drop(objects.remove(at)));
    Mesh::read(objects, Some(mesh))
}

#[test]
fn the_undo_of_what_is_there_says_what_it_loosens() {
    let (ledger, id, mesh) = pushed();
    let undo = ledger.undo(id, &mesh).unwrap().unwrap();
    let looser =
        "Loosens security: PeerAuthentication istio-system/default goes from STRICT to what is set above it";
    assert_eq!((undo.steps.len(), undo.warnings.last().map(String::as_str)), (2, Some(looser)));
    assert!(ledger.undo(ChangeId::fresh(), &mesh).unwrap().is_none());
}

#[test]
fn the_undo_of_what_was_deleted_creates_it_again() {
    let (ledger, id, mesh) = pushed();
    let strict = Ref::new(&kinds::PEER_AUTHENTICATION, "istio-system", "default");
    let undo = ledger.undo(id, &without(&mesh, &[&reviews(), &strict])).unwrap().unwrap();
    let [step] = &undo.steps[..] else { panic!("what is to be deleted is gone: {:?}", undo.steps) };
    let before = demo::bookinfo();
    let Edit::Create(made) = &step.edit else { panic!("{:?}", step.edit) };
    assert_eq!(made["spec"], *before.objects().get(&reviews()).unwrap().spec());
    assert!(made.pointer("/metadata/uid").is_none() && step.before.is_none());
    assert_eq!(undo.warnings, ["VirtualService bookinfo/reviews was deleted since: it is created again"]);
    assert!(undo.evidence.was.is_empty() && !undo.evidence.probes.is_empty());
    assert!(!step.fits(before.objects().get(&reviews())), "where one is there by then, it is refused");
}

#[test]
fn what_was_made_and_is_gone_needs_no_undo() {
    let mesh = demo::bookinfo();
    let change = mtls(&mesh, &Scope::Mesh, Some(Mode::Strict)).unwrap();
    let (mut ledger, id) = (Ledger::default(), ChangeId::fresh());
    let stored = Stored::as_wanted(&change);
    ledger.open(id, change, None, demo::NOW);
    ledger.sent(id, demo::NOW);
    ledger.record(id, &Fact::Accepted(stored), demo::NOW);
    let soon = ledger.undo(id, &mesh).unwrap().unwrap();
    assert_eq!(soon.steps.len(), 1, "the watch has not shown it yet: the server knows");
    ledger.record(id, &Fact::Seen, demo::NOW);
    let nothing = ledger.undo(id, &mesh).unwrap_err();
    assert_eq!(nothing.why, "What it wrote is gone: somebody has deleted it since");
}

/// The journal keeps what people write of an object, and says that this is not all.
#[test]
fn what_an_earlier_run_knew_is_only_a_part() {
    let (ledger, id, mesh) = pushed();
    let entry = ledger.get(id).unwrap();
    let facts = vec![(demo::NOW, Fact::Accepted(Stored::as_wanted(&entry.change))), (demo::NOW, Fact::Seen)];
    let (change, parts) = (entry.change.clone(), entry.parts.clone());
    let past = Past { id, run: demo::NOW, change, parts, undoes: None, sent: demo::NOW, facts };
    let mut later = Ledger::default();
    later.record(id, &Fact::Remembered(Box::new(past)), demo::NOW);
    let undo = later.undo(id, &without(&mesh, &[&reviews()])).unwrap().unwrap();
    assert!(undo.warnings[0].contains("from what the journal keeps"), "{:?}", undo.warnings);
}
