use super::*;
use istio::Problem;

fn strict() -> Change {
    let scope = crate::edit::Scope::Mesh;
    crate::edit::mtls(&crate::demo::bookinfo(), &scope, Some(crate::edit::Mode::Strict)).unwrap()
}

fn mesh() -> Mesh {
    crate::demo::bookinfo()
}

fn problem() -> Problem {
    Problem::new("what", "why", "next")
}

const NOW: Timestamp = crate::demo::NOW;

#[test]
fn times_are_of_the_first_time() {
    let ledger = crate::demo::ledger([strict(), strict(), strict()]);
    let stages: Vec<&Stage> = ledger.entries().iter().map(|entry| &entry.stage).collect();
    assert!(
        matches!(stages[..], [Stage::Measured(_), Stage::Synced { acked: 5, of: 6 }, Stage::Failed(_)]),
        "{stages:?}"
    );
    let entry = ledger.get(ChangeId(1)).unwrap();
    assert!(
        entry.is_stored()
            && entry.asked < entry.sent.unwrap()
            && entry.sent < entry.acked
            && entry.acked < entry.live
    );
    assert_eq!(ledger.get(ChangeId(2)).unwrap().waiting.len(), 1);
    assert!(!ledger.get(ChangeId(3)).unwrap().is_stored(), "what failed was not stored");
}

fn titled(title: &str, name: &str) -> Change {
    let mut change = strict();
    change.title = title.into();
    change.steps[0].at.name = name.into();
    change
}

#[test]
fn drafts_join_and_leave_one_set() {
    let mut ledger = Ledger::default();
    let (first, judged) = ledger.put(ChangeId(1), titled("one", "a"), &mesh(), NOW).unwrap();
    assert_eq!(judged.title, "one");
    let (second, both) = ledger.put(ChangeId(2), titled("two", "b"), &mesh(), NOW).unwrap();
    assert_eq!((&*both.title, both.steps.len()), ("one; two", 2));
    assert!(first < second && ledger.get(first).is_none(), "an earlier verdict counts for nothing");
    ledger.record(first, &Fact::Checked(Vec::new()), NOW);
    assert_eq!(ledger.pending().unwrap().stage, Stage::Checking);
    assert_eq!(ledger.of_draft(ChangeId(1)).unwrap().id, second);
    let titles: Vec<&str> = ledger.pending().unwrap().parts.iter().map(|part| &*part.title).collect();
    assert_eq!(titles, ["one", "two"]);
    let (_, newer) = ledger.put(ChangeId(1), titled("one more", "a"), &mesh(), NOW).unwrap();
    assert_eq!(newer.title, "one more; two", "a draft's newer change is in its older one's place");
    let (third, left) = ledger.dismiss(ChangeId(1), &mesh(), NOW).unwrap();
    assert_eq!(left.title, "two");
    assert_eq!(ledger.dismiss(third, &mesh(), NOW), None);
    assert!(ledger.entries().is_empty() && ledger.set().is_empty());
}

#[test]
fn what_is_sent_is_no_longer_pending() {
    let mut ledger = Ledger::default();
    let (id, _) = ledger.put(ChangeId(1), titled("one", "a"), &mesh(), NOW).unwrap();
    ledger.sent(id, NOW);
    assert!(ledger.pending().is_none() && ledger.set().is_empty());
    let (other, change) = ledger.put(ChangeId(2), titled("two", "b"), &mesh(), NOW).unwrap();
    assert_eq!((&*change.title, ledger.entries().len()), ("two", 2));
    ledger.dismiss(id, &mesh(), NOW);
    assert!(ledger.get(id).is_some() && ledger.get(other).is_some(), "what was sent stays");
}

#[test]
fn a_clash_is_said_and_not_judged() {
    let mut ledger = Ledger::default();
    ledger.put(ChangeId(1), titled("one", "a"), &mesh(), NOW).unwrap();
    let mut other = titled("two", "a");
    other.steps[0].edit =
        crate::Edit::Create(serde_json::json!({ "spec": { "mtls": { "mode": "DISABLE" } } }));
    assert_eq!(ledger.put(ChangeId(2), other, &mesh(), NOW), None);
    let entry = ledger.pending().unwrap();
    let Stage::Failed(problem) = &entry.stage else { panic!("{:?}", entry.stage) };
    assert!(
        entry.clash && problem.why.starts_with("“one” and “two” both write spec.mtls.mode of Peer"),
        "{problem}"
    );
    assert!(ledger.dismiss(ChangeId(2), &mesh(), NOW).is_some(), "without the other it is judged again");
}

#[test]
fn steps_are_stored_one_by_one() {
    let mut ledger = Ledger::default();
    ledger.put(ChangeId(1), titled("one", "a"), &mesh(), NOW).unwrap();
    let (id, _) = ledger.put(ChangeId(2), titled("two", "b"), &mesh(), NOW).unwrap();
    ledger.sent(id, NOW);
    ledger.record(id, &Fact::Wrote(0, Box::default()), NOW);
    let stored = |ledger: &Ledger| -> Vec<bool> {
        ledger.get(id).unwrap().stored.iter().map(Option::is_some).collect()
    };
    assert_eq!(stored(&ledger), [true, false]);
    ledger.record(id, &Fact::PutBack(0), NOW);
    ledger.record(id, &Fact::Refused(problem()), NOW);
    assert_eq!((stored(&ledger), ledger.get(id).unwrap().is_stored()), (vec![false, false], false));
}

#[test]
fn an_earlier_run_stands_before_this_one() {
    let mut ledger = Ledger::default();
    let (now, _) = ledger.put(ChangeId::fresh(), titled("now", "a"), &mesh(), NOW).unwrap();
    let mut remember = |id: u64, facts: Vec<Fact>| {
        let facts = facts.into_iter().map(|fact| (NOW, fact)).collect();
        let (id, change, parts) = (ChangeId(id), strict(), Vec::new());
        let past = Past { id, run: NOW, change, parts, undoes: None, sent: NOW, facts };
        ledger.record(id, &Fact::Remembered(Box::new(past)), NOW);
    };
    remember(2, vec![Fact::Wrote(0, Box::default()), Fact::Accepted(Vec::new()), Fact::Seen]);
    remember(1, Vec::new());
    remember(1, Vec::new());
    let ids: Vec<ChangeId> = ledger.entries().iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [ChangeId(1), ChangeId(2), now]);
    let known = ledger.get(ChangeId(2)).unwrap();
    assert_eq!((&known.stage, known.is_stored(), known.run), (&Stage::Seen, true, Some(NOW)));
    // What its objects say comes afterwards.
    let standings = vec![Standing::Changed(None)];
    ledger.record(ChangeId(1), &Fact::CutOff(standings), NOW);
    let open = ledger.get(ChangeId(1)).unwrap();
    assert_eq!((&open.stage, open.foreign.len()), (&Stage::CutOff { written: 0, of: 1 }, 1));
}

/// What a later change writes elsewhere is nothing of an earlier one; what it writes in its place takes it.
#[test]
fn a_later_change_replaces_what_it_writes_over() {
    let mesh = mesh();
    let rule = crate::edit::rules(&mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at;
    let moved = |shares: [u32; 3]| {
        let shares = crate::split::Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).unwrap();
        crate::edit::split(&mesh, &rule, &shares).unwrap()
    };
    let mut ledger = Ledger::default();
    let mut push = |id: u64, change: Change| {
        let stored = Stored::as_wanted(&change);
        ledger.open(ChangeId(id), change, None, NOW);
        ledger.sent(ChangeId(id), NOW);
        ledger.record(ChangeId(id), &Fact::Accepted(stored), NOW);
        let stages = ledger.entries().iter().map(|entry| matches!(entry.stage, Stage::Replaced(..)));
        stages.collect::<Vec<_>>()
    };
    assert_eq!(push(1, moved([10, 10, 80])), [false]);
    assert_eq!(push(2, strict()), [false, false]);
    assert_eq!(push(3, moved([10, 20, 70])), [true, false, false]);
    let undo = strict().inverse(&[Some(Stored::returned(strict().steps[0].after.clone()))]).unwrap();
    assert_eq!(push(4, undo), [true, true, false, false]);
}

/// What was deleted since was not replaced by something else.
#[test]
fn what_was_deleted_since_says_so() {
    let mut ledger = Ledger::default();
    let change = strict();
    ledger.open(ChangeId(1), change.clone(), None, NOW);
    ledger.record(ChangeId(1), &Fact::Checked(Vec::new()), NOW);
    ledger.sent(ChangeId(1), NOW);
    ledger.record(ChangeId(1), &Fact::Accepted(Stored::as_wanted(&change)), NOW);
    let undo = change.inverse(&ledger.get(ChangeId(1)).unwrap().stored).unwrap();
    ledger.open(ChangeId(2), undo, None, NOW);
    ledger.record(ChangeId(2), &Fact::Checked(Vec::new()), NOW);
    ledger.sent(ChangeId(2), NOW);
    ledger.record(ChangeId(2), &Fact::Accepted(vec![Stored::default()]), NOW);
    let stage = &ledger.get(ChangeId(1)).unwrap().stage;
    assert!(matches!(stage, Stage::Replaced(_, Instead::Nothing)), "{stage:?}");
}
