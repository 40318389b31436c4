use super::*;
use crate::change::Change;
use crate::demo;
use crate::edit::{Mode, Scope, mtls};
use crate::ledger::Fact;
use crate::stored::Stored;
use crate::{ChangeId, Problem};
use istio::kinds;
use serde_json::json;

fn at() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart")
}

fn object(weight: u32, version: &str) -> Object {
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "namespace": "shop",
        "name": "cart", "uid": "u", "resourceVersion": version }, "spec": { "weight": weight } })
    .into()
}

fn manager(name: &str, time: &str) -> Manager {
    Manager { name: name.into(), time: time.parse().ok(), fields: vec!["spec.weight".into()] }
}

/// What is told of the writes: who, when, what.
fn told(writes: &Writes) -> Vec<String> {
    let one = |write: &Write| {
        let by = write.by.clone().unwrap_or_else(|| "somebody".to_owned());
        format!("{by} {:?} {} {}", write.deed, write.when, write.what.join(", ")).trim_end().to_owned()
    };
    writes.all().iter().map(one).collect()
}

#[test]
fn who_wrote_an_object_is_read_of_its_managed_fields() {
    let noted = json!({ "metadata": { "managedFields": [
        { "manager": "kubectl-edit", "operation": "Update", "time": "2026-02-03T04:05:06Z",
            "fieldsV1": { "f:spec": { "f:http": {}, "f:hosts": {} }, "f:metadata": { "f:labels": { "f:a": {} } } } },
        { "manager": "pilot-discovery", "subresource": "status", "time": "2026-02-03T04:05:07Z" },
        { "manager": 7 }, "odd", { "manager": "helm", "time": "yesterday", "fieldsV1": 3 } ] } });
    let all = Manager::all(&noted);
    assert_eq!(all.iter().map(|manager| &*manager.name).collect::<Vec<_>>(), ["kubectl-edit", "helm"]);
    assert_eq!(all[0].fields, ["spec.http", "spec.hosts", "metadata.labels"]);
    assert_eq!((all[0].time, all[1].time), ("2026-02-03T04:05:06Z".parse().ok(), None));
    assert_eq!(Manager::all(&json!({})), []);
}

#[test]
fn each_write_is_told_once_with_its_writer() {
    let mut writes = Writes::default();
    let now = demo::NOW;
    writes.note(
        at(),
        vec![manager("helm", "2025-01-01T00:00:00Z"), manager("kubectl-edit", "2025-01-02T00:00:00Z")],
    );
    writes.told(&at(), None, &object(10, "1"), true, now);
    writes
        .note(at(), vec![manager("helm", "2025-01-01T00:00:00Z"), manager("argocd", "2025-01-03T00:00:00Z")]);
    writes.told(&at(), Some(&object(10, "1")), &object(25, "2"), false, now);
    writes.told(&at(), Some(&object(25, "2")), &object(25, "3"), false, now);
    let mut labelled = (*object(25, "4").0).clone();
    labelled["metadata"]["labels"] = json!({ "team": "books" });
    writes.told(&at(), Some(&object(25, "3")), &labelled.clone().into(), false, now);
    writes.gone(&at(), &labelled.into(), now);
    writes.note(at(), vec![manager("kubectl-create", "2025-01-04T00:00:00Z")]);
    writes.told(&at(), None, &object(5, "6"), false, now);
    assert_eq!(
        told(&writes),
        [
            "helm Before 2025-01-01T00:00:00Z spec.weight".to_owned(),
            "kubectl-edit Before 2025-01-02T00:00:00Z spec.weight".to_owned(),
            "argocd Changed 2025-01-03T00:00:00Z weight 10 → 25".to_owned(),
            format!("somebody Changed {now} label team none → books"),
            format!("somebody Deleted {now}"),
            "kubectl-create Created 2025-01-04T00:00:00Z".to_owned(),
        ]
    );
    let pod = Ref::new(&kinds::POD, "shop", "cart");
    writes.told(&pod, None, &object(1, "1"), false, now);
    writes.gone(&pod, &object(1, "1"), now);
    assert_eq!(writes.all().len(), 6, "only what can be written here");
}

#[test]
fn the_newest_writes_are_kept() {
    let mut writes = Writes::default();
    for number in 0..1200_u32 {
        let heard = demo::NOW + SignedDuration::from_secs(i64::from(number));
        writes.told(&at(), Some(&object(number, "1")), &object(number + 1, "2"), false, heard);
    }
    assert!((KEPT..=2 * KEPT).contains(&writes.all().len()));
    assert_eq!(writes.all().last().unwrap().what, ["weight 1199 → 1200"]);
}

/// A ledger with a change that was pushed, and the object as it was stored.
fn pushed(fact: impl FnOnce(&Change) -> Fact) -> (Ledger, Object) {
    let change = mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap();
    let mut made = (*change.steps[0].after.clone().unwrap().0).clone();
    made["metadata"]["resourceVersion"] = "7".into();
    made["metadata"]["uid"] = "u".into();
    let mut ledger = Ledger::default();
    let id = ChangeId(1);
    ledger.open(id, change.clone(), None, demo::NOW);
    ledger.record(id, &Fact::Checked(Vec::new()), demo::NOW);
    ledger.sent(id, demo::NOW);
    let mut stored = Stored::as_wanted(&change);
    stored[0].after = Some(made.clone().into());
    ledger.record(id, &Fact::Wrote(0, Box::new(stored[0].clone())), demo::NOW);
    ledger.record(id, &fact(&change), demo::NOW);
    (ledger, made.into())
}

fn write(deed: Deed, by: Option<&str>, object: &Object, after_secs: i64) -> Write {
    Write {
        at: object.at().unwrap(),
        by: by.map(str::to_owned),
        when: demo::NOW,
        heard: demo::NOW + SignedDuration::from_secs(after_secs),
        deed,
        what: Vec::new(),
        before: Some(object.clone()),
        after: Some(object.clone()),
    }
}

#[test]
fn our_own_writes_are_not_told_twice() {
    let (ledger, made) = pushed(|change| Fact::Accepted(Stored::as_wanted(change)));
    let (mut stored, _) = pushed(|_| Fact::Seen);
    assert!(write(Deed::Created, Some(MANAGER), &made, 1).is_ours(&stored), "still being written");
    stored.record(ChangeId(1), &Fact::Refused(Problem::new("a", "b", "c")), demo::NOW);
    assert!(write(Deed::Changed, Some(MANAGER), &made, 1).is_ours(&stored), "it was taken back");
    assert!(write(Deed::Deleted, None, &made, 1).is_ours(&stored), "it was taken back");
    let mut other = (*made.0).clone();
    other["metadata"]["resourceVersion"] = "8".into();
    let other = Object::from(other);
    for (deed, by, object, ours) in [
        (Deed::Created, Some("kubectl-edit"), &made, false),
        (Deed::Changed, Some(MANAGER), &other, false),
        (Deed::Before, Some(MANAGER), &made, true),
        (Deed::Before, Some("kubectl-edit"), &made, false),
        (Deed::Deleted, None, &made, false),
    ] {
        assert_eq!(write(deed, by, object, 200).is_ours(&ledger), ours, "{deed:?} by {by:?}");
    }
    assert!(!write(Deed::Before, Some(MANAGER), &object(1, "1"), 1).is_ours(&ledger), "of another window");
}
