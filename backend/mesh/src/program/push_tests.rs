use super::*;
use crate::change::Edit;
use istio::kinds;
use istio::{Object, Ref};
use serde_json::{Value, json};
use std::collections::VecDeque;

fn object(name: &str, weight: u32, version: u32) -> Object {
    json!({ "kind": "VirtualService", "metadata": { "namespace": "shop", "name": name, "uid": name,
        "resourceVersion": version.to_string() }, "spec": { "weight": weight } })
    .into()
}

/// Weight 10 becomes 25.
fn step(name: &str) -> Step {
    let patch = json!([{ "op": "test", "path": "/spec/weight", "value": 10 },
        { "op": "replace", "path": "/spec/weight", "value": 25 }]);
    Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", name),
        api_version: "networking.istio.io/v1".into(),
        edit: Edit::Patch(serde_json::from_value(patch).unwrap()),
        before: Some(object(name, 10, 1)),
        after: Some(object(name, 25, 1)),
    }
}

fn change(names: &[&str]) -> Change {
    Change { steps: names.iter().map(|name| step(name)).collect(), ..Change::default() }
}

fn weight(step: &Step) -> Value {
    step.after.as_ref().map_or(Value::Null, |object| object.spec()["weight"].clone())
}

/// Runs a program to its end; `server` says what comes of each write and look, which are told as "write cart
/// 25".
fn run(mut push: Push, server: impl IntoIterator<Item = Came>) -> Vec<String> {
    let mut server: VecDeque<Came> = server.into_iter().collect();
    let (mut told, mut came) = (Vec::new(), None);
    loop {
        let acts = push.next(came.take());
        if acts.is_empty() {
            assert!(server.is_empty(), "nobody asked for {server:?} after {told:#?}");
            return told;
        }
        for act in acts {
            match act {
                Act::Journal => {
                    told.push("journal".to_owned());
                    came = server.pop_front();
                }
                Act::Write(step) => {
                    told.push(format!("write {} {}", step.at.name, weight(&step)));
                    came = Some(server.pop_front().expect("an answer"));
                }
                Act::Look(step) => {
                    told.push(format!("look {}", step.at.name));
                    came = Some(server.pop_front().expect("an answer"));
                }
                Act::Wait(pause) => {
                    told.push(format!("wait {pause:?}"));
                    came = Some(Came::Rested(pause));
                }
                Act::Tell(fact) => told.push(match fact {
                    Fact::Wrote(step, _) => format!("wrote {step}"),
                    Fact::PutBack(step) => format!("put back {step}"),
                    Fact::Accepted(stored) => format!("accepted {}", stored.len()),
                    Fact::Refused(problem) => format!("refused: {}", problem.why),
                    Fact::Conflict { problem, .. } => format!("conflict: {}", problem.why),
                    Fact::Unsure(problem) => format!("unsure: {}", problem.what),
                    other => format!("{other:?}").chars().take(6).collect(),
                }),
            }
        }
    }
}

fn wrote(name: &str, weight: u32) -> Came {
    let (before, after) = (Some(object(name, 35 - weight, 1)), Some(object(name, weight, 2)));
    Came::Answered(Ok(Box::new(Stored { before, after })))
}
fn problem(why: &str) -> Problem {
    Problem::new("cart was not changed", why, "retry")
}
fn refused(why: &str) -> Came {
    Came::Answered(Err(Failure::Refused(problem(why))))
}
fn lost() -> Came {
    Came::Answered(Err(Failure::Lost(Some(object("a", 10, 1)), problem("The connection broke"))))
}
fn found(name: &str, weight: u32) -> Came {
    Came::Found(Ok(Some(object(name, weight, 9))))
}
fn away() -> Came {
    Came::Found(Err(problem("Nothing listens")))
}

#[test]
fn each_step_is_told_before_the_next_is_done() {
    assert_eq!(
        run(Push::new(change(&["a", "b"])), [Came::Journaled, wrote("a", 25), wrote("b", 25)]),
        ["journal", "write a 25", "wrote 0", "write b 25", "wrote 1", "accepted 2"]
    );
}

#[test]
fn what_the_journal_does_not_have_is_not_sent() {
    let full = Came::Unwritable(problem("No space is left"));
    assert_eq!(run(Push::new(change(&["a"])), [full]), ["journal", "refused: No space is left"]);
}

#[test]
fn a_failure_takes_back_what_was_before_it() {
    let answers =
        [Came::Journaled, wrote("a", 25), wrote("b", 25), refused("No"), wrote("b", 10), wrote("a", 10)];
    assert_eq!(
        run(Push::new(change(&["a", "b", "c"])), answers)[5..],
        [
            "write c 25",
            "write b 10",
            "put back 1",
            "write a 10",
            "put back 0",
            "refused: No. What was written before it (VirtualService shop/a, VirtualService shop/b) was put back"
        ]
    );
    let answers = [Came::Journaled, wrote("a", 25), refused("No"), refused("etcd is away")];
    assert_eq!(
        run(Push::new(change(&["a", "b"])), answers).pop().unwrap(),
        "refused: No. What was written before it (VirtualService shop/a) could not be put back: etcd is away"
    );
    assert_eq!(
        run(Push::new(change(&["a"])), [Came::Journaled, refused("No")]).pop().unwrap(),
        "refused: No"
    );
}

#[test]
fn a_lost_answer_is_looked_up() {
    let push = || Push::new(change(&["a"]));
    assert_eq!(
        run(push(), [Came::Journaled, lost(), found("a", 25)])[1..],
        ["write a 25", "look a", "wrote 0", "accepted 1"]
    );
    // The server may still be at it: it is looked for once more.
    assert_eq!(
        run(push(), [Came::Journaled, lost(), found("a", 10), found("a", 10), found("a", 25)])[2..],
        ["look a", "wait 500ms", "look a", "wait 1s", "look a", "wrote 0", "accepted 1"]
    );
    // The server may take as long as a step may take, whoever has answered in its place.
    let mut answers = vec![Came::Journaled, lost()];
    answers.extend((0..8).map(|_| found("a", 10)));
    assert_eq!(
        run(push(), answers)[6..],
        [
            "look a",
            "wait 2s",
            "look a",
            "unsure: It is not known yet whether VirtualService shop/a was changed",
            "wait 4s",
            "look a",
            "wait 8s",
            "look a",
            "wait 15s",
            "look a",
            "wait 4.5s",
            "look a",
            "refused: The connection broke, and has not written it"
        ]
    );
    assert_eq!(
        run(push(), [Came::Journaled, lost(), found("a", 40)])[2..],
        ["look a", "conflict: The connection broke, and somebody else has changed it since"]
    );
}

#[test]
fn what_is_not_known_yet_is_said_once_and_found_out() {
    let answers = [Came::Journaled, lost(), away(), away(), found("a", 25), wrote("b", 25)];
    assert_eq!(
        run(Push::new(change(&["a", "b"])), answers)[2..],
        [
            "look a",
            "unsure: It is not known yet whether VirtualService shop/a was changed",
            "wait 500ms",
            "look a",
            "wait 1s",
            "look a",
            "wrote 0",
            "write b 25",
            "wrote 1",
            "accepted 2"
        ]
    );
}

#[test]
fn what_was_cut_off_goes_on_where_it_was() {
    let answers = [found("a", 25), found("b", 10), found("c", 10), wrote("b", 25), wrote("c", 25)];
    assert_eq!(
        run(Push::resumed(change(&["a", "b", "c"])), answers),
        [
            "look a",
            "look b",
            "look c",
            "CutOff",
            "wrote 0",
            "write b 25",
            "wrote 1",
            "write c 25",
            "wrote 2",
            "accepted 3"
        ]
    );
    assert_eq!(
        run(Push::resumed(change(&["a"])), [found("a", 25)]),
        ["look a", "CutOff", "wrote 0", "accepted 1"]
    );
}

#[test]
fn what_somebody_else_has_changed_since_is_not_overwritten() {
    assert_eq!(
        run(Push::resumed(change(&["a", "b"])), [found("a", 25), found("b", 60)])[2..],
        ["CutOff", "wrote 0", "conflict: Somebody else has changed it since the push was cut off"]
    );
}

/// What cannot be looked at now is neither written nor refused.
#[test]
fn what_cannot_be_looked_at_is_looked_at_again() {
    let looked = [
        "look a",
        "unsure: It is not known yet whether VirtualService shop/a was changed",
        "wait 500ms",
        "look a",
        "wait 1s",
        "look a",
        "look b",
        "wait 500ms",
        "look b",
        "CutOff",
    ];
    let answers = || [away(), away(), found("a", 25), away(), found("b", 10)];
    let told = run(Push::resumed(change(&["a", "b"])), answers().into_iter().chain([wrote("b", 25)]));
    assert_eq!(told[..10], looked);
    assert_eq!(told[10..], ["wrote 0", "write b 25", "wrote 1", "accepted 2"]);
    assert_eq!(run(Push::looked_up(change(&["a", "b"])), answers()), looked);
}
