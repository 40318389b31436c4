use super::*;
use crate::change::{Edit, Step};
use crate::stored::Stored;
use crate::{Object, Problem, Ref};
use istio::kinds;
use serde_json::{Value, json};

const NOW: Timestamp = crate::demo::NOW;

fn object(name: &str, weight: u32) -> Object {
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "shop", "name": name, "uid": "u", "resourceVersion": "7", "generation": 3,
            "labels": { "team": "books" }, "annotations": { "note": "n",
                "kubectl.kubernetes.io/last-applied-configuration": "password" },
            "managedFields": [], "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "hosts": [name], "weight": weight }, "status": { "observed": 1 } })
    .into()
}

fn step(name: &str, edit: Edit) -> Step {
    let (creates, deletes) = (matches!(edit, Edit::Create(_)), matches!(edit, Edit::Delete { .. }));
    Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", name),
        api_version: "networking.istio.io/v1".into(),
        edit,
        before: (!creates).then(|| object(name, 10)),
        after: (!deletes).then(|| object(name, 25)),
    }
}

fn change() -> Change {
    let patch = json!([{ "op": "test", "path": "/spec/weight", "value": 10 },
        { "op": "replace", "path": "/spec/weight", "value": 25 }]);
    let made = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "shop", "name": "new" }, "spec": { "hosts": ["new"] } });
    let steps = vec![
        step("cart", Edit::Patch(serde_json::from_value(patch).unwrap())),
        step("new", Edit::Create(made)),
        step("old", Edit::Delete { uid: "u".into(), resource_version: Some("7".into()) }),
    ];
    Change { title: "Three".into(), steps, warnings: vec!["Helm".into()], ..Change::default() }
}

fn opening() -> Opening {
    let cluster = Cluster { uid: Some("uid".into()), server: "https://a:6443/".into(), ca: "ca".into() };
    Opening { journal: 1, cluster, began: NOW }
}

fn sent(id: u64, undoes: Option<ChangeId>) -> Record {
    let parts = [Part { id: ChangeId(id + 100), title: "One".into(), steps: vec![0, 1] }];
    Record::sent(ChangeId(id), NOW, &change(), &parts, undoes).unwrap()
}

fn told(id: u64, fact: &Fact) -> Record {
    Record::told(ChangeId(id), NOW, fact).unwrap()
}

/// The text of a file with these records.
fn line(record: &impl serde::Serialize) -> String {
    super::line(record).unwrap()
}

fn file(records: &[Record]) -> String {
    line(&opening()) + &records.iter().map(line).collect::<String>()
}

fn read(records: &[Record]) -> Vec<Past> {
    past(&[Run::read(&file(records)).unwrap()])
}

#[test]
fn what_is_needed_comes_back() {
    let stored = Stored { before: Some(object("cart", 10)), after: Some(object("cart", 25)) };
    let facts = [
        Fact::Wrote(0, Box::new(stored)),
        Fact::PutBack(0),
        Fact::Unsure(Problem::new("a", "b", "c")),
        Fact::Acked { acked: 1, of: 2, waiting: vec!["pod".into()] },
        Fact::Live,
        Fact::Replaced(crate::ledger::Instead::Nothing),
    ];
    let records: Vec<Record> =
        std::iter::once(sent(1, Some(ChangeId(9)))).chain(facts.iter().map(|fact| told(1, fact))).collect();
    let past = read(&records).remove(0);
    assert_eq!((past.id, past.run, past.sent, past.undoes), (ChangeId(1), NOW, NOW, Some(ChangeId(9))));
    assert_eq!((&*past.parts[0].title, past.parts[0].id), ("One", ChangeId(101)));
    assert_eq!((&*past.change.title, &past.change.warnings), ("Three", &vec!["Helm".to_owned()]));
    for (read, written) in past.change.steps.iter().zip(&change().steps) {
        assert_eq!(
            (&read.at, &read.api_version, &read.edit),
            (&written.at, &written.api_version, &written.edit)
        );
        for (read, written) in [(&read.before, &written.before), (&read.after, &written.after)] {
            let spec = |object: &Option<Object>| object.as_ref().map(|object| object.spec().to_string());
            let version =
                |object: &Option<Object>| object.as_ref().map(|it| it.resource_version().to_owned());
            assert_eq!((spec(read), version(read)), (spec(written), version(written)));
            assert_eq!(read.as_ref().and_then(Object::at), written.as_ref().and_then(Object::at));
        }
    }
    let Fact::Wrote(0, stored) = &past.facts[0].1 else { panic!("{:?}", past.facts[0]) };
    assert_eq!(stored.after.as_ref().unwrap().spec()["weight"], 25);
    assert_eq!(past.facts[1].1, Fact::PutBack(0));
    assert_eq!(past.facts[5].1, Fact::Replaced(crate::ledger::Instead::Nothing));
    assert_eq!(past.facts[3].1, Fact::Acked { acked: 1, of: 2, waiting: Vec::new() });
}

#[test]
fn what_was_deleted_can_be_made_again() {
    let past = read(&[sent(1, None)]).remove(0);
    let deleted = past.change.steps[2].before.as_ref().unwrap();
    assert_eq!((deleted.label("team"), deleted.annotation("note")), (Some("books"), Some("n")));
    let undo = past.change.inverse(&[None, None, Some(Stored::default())]).unwrap();
    let Edit::Create(object) = &undo.steps[0].edit else { panic!() };
    assert_eq!(
        (&object["metadata"]["labels"]["team"], &object["spec"]["weight"]),
        (&json!("books"), &json!(10))
    );
}

#[test]
fn nothing_else_is_kept() {
    let text = file(&[sent(1, None)]);
    for word in ["password", "last-applied", "managedFields", "status", "creationTimestamp"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let mut secret = change();
    secret.steps[0].at = Ref::new(&kinds::POD, "shop", "cart");
    assert_eq!(Record::sent(ChangeId(1), NOW, &secret, &[], None), None, "only Istio's own resources");
    let pods = text.replace("\"kind\":\"VirtualService\",\"namespace\"", "\"kind\":\"Pod\",\"namespace\"");
    assert_ne!(pods, text);
    assert_eq!(past(&[Run::read(&pods).unwrap()]), [], "nor is anything else ever written out of a journal");
}

/// Whatever byte was the last: what is whole is read.
#[test]
fn a_torn_line_is_passed_over() {
    let whole = file(&[sent(1, None), told(1, &Fact::Seen)]);
    let first = line(&opening()).len() + line(&sent(1, None)).len();
    for end in first..whole.len() {
        let run = Run::read(&whole[..end]).unwrap();
        let complete = end == first || end >= whole.len() - 1;
        assert_eq!(
            (run.records.len(), run.unread),
            (1 + usize::from(end >= whole.len() - 1), usize::from(!complete))
        );
    }
    assert_eq!(Run::read(""), None);
    assert_eq!(Run::read("{\"journal\":1,\"clus"), None);
}

#[test]
fn what_a_later_version_writes_is_passed_over() {
    let later = format!(
        "{}{}{}",
        file(&[sent(1, None)]),
        "{\"told\":{\"id\":\"1\",\"at\":\"2026-01-01T00:00:00Z\",\"fact\":\"danced\"}}\n{\"song\":1}\n",
        line(&told(1, &Fact::Seen))
    );
    let run = Run::read(&later).unwrap();
    assert_eq!((run.unread, past(&[run]).remove(0).facts.len()), (2, 1));
}

#[test]
fn a_push_is_cut_off_until_somebody_ends_it() {
    let refused = Fact::Refused(Problem::new("a", "b", "c"));
    let open = |records: &[Vec<Record>]| -> Vec<u64> {
        let runs: Vec<Run> = records.iter().map(|records| Run::read(&file(records)).unwrap()).collect();
        cut_off(&past(&runs)).map(|past| past.id.0).collect()
    };
    let wrote = told(1, &Fact::Wrote(0, Box::default()));
    assert_eq!(open(&[vec![sent(1, None)]]), [1]);
    assert_eq!(
        open(&[vec![sent(1, None), wrote.clone(), told(1, &Fact::Unsure(Problem::new("", "", "")))]]),
        [1]
    );
    for end in [Fact::Accepted(Vec::new()), refused, Fact::Left] {
        assert_eq!(open(&[vec![sent(1, None), wrote.clone(), told(1, &end)]]), [0; 0]);
        assert_eq!(
            open(&[vec![sent(1, None), wrote.clone()], vec![told(1, &end)]]),
            [0; 0],
            "in a later run"
        );
    }
    let undo = |fact: &[Fact]| {
        let facts = fact.iter().map(|fact| told(2, fact));
        std::iter::once(sent(2, Some(ChangeId(1)))).chain(facts).collect::<Vec<_>>()
    };
    assert_eq!(open(&[vec![sent(1, None), wrote.clone()], undo(&[Fact::Accepted(Vec::new())])]), [0; 0]);
    assert_eq!(open(&[vec![sent(1, None), wrote], undo(&[])]), [1, 2], "the undo was cut off itself");
}

#[test]
fn an_undo_that_was_refused_before_it_was_sent_is_kept() {
    let why = Problem::new("cart was not changed", "it is another one now", "look");
    let tried = Record::tried(ChangeId(2), NOW, &change(), &[], Some(ChangeId(1)), &why).unwrap();
    let past = read(&[sent(1, None), told(1, &Fact::Accepted(Vec::new())), tried]);
    let undo = &past[1];
    assert_eq!((undo.id, undo.undoes, undo.sent), (ChangeId(2), Some(ChangeId(1)), NOW));
    assert_eq!(undo.facts, [(NOW, Fact::Refused(why))]);
    assert_eq!((undo.is_open(), cut_off(&past).count()), (false, 0), "nothing of it was sent");
}

#[test]
fn a_cluster_is_known_by_what_stays() {
    let cluster = |uid: Option<&str>, server: &str, ca: &str| Cluster {
        uid: uid.map(str::to_owned),
        server: server.into(),
        ca: ca.into(),
    };
    let one = cluster(Some("u"), "https://a", "c");
    assert!(one.is(&cluster(Some("u"), "https://tunnel", "other")));
    assert!(!one.is(&cluster(Some("v"), "https://a", "c")), "made anew at the same address");
    assert!(one.is(&cluster(None, "https://a", "c")) && !one.is(&cluster(None, "https://a", "d")));
}

#[test]
fn one_line_is_one_record() {
    let record: Value = serde_json::from_str(&line(&told(1, &Fact::Live))).unwrap();
    assert_eq!(record, json!({ "told": { "id": "1", "at": NOW, "fact": "live" } }));
    let mut odd = change();
    odd.title = "two\nlines".into();
    let odd = Record::sent(ChangeId(1), NOW, &odd, &[], None).unwrap();
    assert_eq!(line(&odd).matches('\n').count(), 1);
}
