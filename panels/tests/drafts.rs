//! Drafts beside the bar: what cannot be pushed is told there, what was dropped or edited comes back, and all of
//! them are there again in the next run.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::{Edit, Fact, Ref, Stored, demo, kinds};
use panels::detail::KeptDrafts;
use panels::{Intent, Selected};
use support::drafts::{
    click, frames, more, next_run, pending, press, pushed, reviews, share, window, with, without_reviews,
};
use support::{World, service};

#[test]
fn an_invalid_draft_is_in_the_bar_and_no_earlier_push() {
    let mut world = World::bookinfo().select(Selected::Object(reviews()));
    pushed(&mut world);
    let mut bench = window(world);
    bench.get_by_label("Undo");
    let field = "YAML of VirtualService bookinfo/reviews";
    let was = bench.get_by_label(field).accesskit_node().value().unwrap();
    bench.get_by_label(field).focus();
    frames(&mut bench);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.event(Event::Paste(was.replace("weight: 50", "weight: -50")));
    bench.run_steps(60);
    bench.get_by_label("Cannot be pushed: YAML of VirtualService bookinfo/reviews");
    assert!(bench.query_by_label("Undo").is_none(), "the earlier push is out of sight");
    assert!(bench.query_by_label("Push").is_none());
    click(&mut bench, "Reset draft");
    assert_eq!(bench.get_by_label(field).accesskit_node().value().unwrap(), was);
    bench.get_by_label("Undo");
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    bench.get_by_label("Cannot be pushed: YAML of VirtualService bookinfo/reviews");
}

#[test]
fn a_draft_whose_object_is_gone_is_created_again() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    let wanted = pending(&bench).unwrap();
    bench.state_mut().0.selected = None;
    bench.state_mut().0.now_has(without_reviews());
    frames(&mut bench);
    bench.get_by_label_contains("Cannot be pushed: Traffic split of reviews");
    bench.get_by_label_contains("What it is for was deleted");
    assert_eq!(pending(&bench), None);
    bench.state_mut().0.wishes();
    click(&mut bench, "Create again");
    let change = bench.state_mut().0.checks().pop().unwrap();
    let Edit::Create(made) = &change.steps[0].edit else { panic!("{:?}", change.steps[0].edit) };
    assert_eq!(made["spec"]["http"][1]["route"][2]["weight"], 50);
    assert_eq!(pending(&bench), Some(wanted));
    // Other news take nothing of it away.
    let mut objects = without_reviews();
    objects.remove(&Ref::new(&kinds::SERVICE, "bookinfo", "details"));
    bench.state_mut().0.now_has(objects);
    frames(&mut bench);
    bench.get_by_label("Push");

    // It is pushed: the draft is true.
    let mut objects = demo::bookinfo_objects();
    let id = bench.state().0.ledger.pending().unwrap().id;
    bench.state_mut().0.ledger.sent(id, demo::NOW);
    objects.insert(reviews(), change.steps[0].after.clone().unwrap());
    bench.state_mut().0.now_has(objects);
    bench.state_mut().0.selected = Some(service("reviews"));
    frames(&mut bench);
    assert!(share(&bench) == 50.0 && bench.query_by_label("not pushed").is_none());
}

#[test]
fn a_draft_whose_object_is_gone_is_discarded() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    bench.state_mut().0.selected = None;
    bench.state_mut().0.now_has(without_reviews());
    frames(&mut bench);
    click(&mut bench, "Discard draft");
    bench.get_by_label("No change is pending");
}

#[test]
fn what_was_dropped_comes_back() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    for button in [true, false] {
        click(&mut bench, "Dismiss");
        assert_eq!((pending(&bench), share(&bench)), (None, 20.0));
        bench.get_by_label_contains("Dropped, not written: ");
        if button {
            click(&mut bench, "Bring it back");
        } else {
            press(&mut bench, Modifiers::COMMAND, Key::Z);
        }
        assert!(pending(&bench).is_some() && share(&bench) == 50.0);
        assert!(bench.query_by_label_contains("Dropped, not written").is_none());
    }
    // All of a set is dropped at once, and comes back at once.
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    let both = pending(&bench).unwrap();
    click(&mut bench, "Drop all changes…");
    click(&mut bench, "Drop all 2 changes");
    assert_eq!(pending(&bench), None);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(pending(&bench), Some(both));
}

#[test]
fn edits_are_taken_back_one_by_one_in_whatever_editor() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 1);
    more(&mut bench, 2);
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    let all = pending(&bench);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert!(pending(&bench).unwrap().ends_with("of all other calls"), "{:?}", pending(&bench));
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(share(&bench), 40.0);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!((share(&bench), pending(&bench)), (20.0, None));
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(share(&bench), 20.0, "nothing is left");
    for _ in 0..4 {
        press(&mut bench, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    }
    assert_eq!((share(&bench), pending(&bench)), (50.0, all));
    let id = bench.state().0.ledger.pending().unwrap().id;
    bench.state_mut().0.intents.send(Intent::Push(id));
    bench.state_mut().0.ledger.sent(id, demo::NOW);
    frames(&mut bench);
    bench.state_mut().0.wishes();
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(share(&bench), 50.0, "what was pushed is taken back by Undo");
}

#[test]
fn drafts_of_editors_are_there_in_the_next_run() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    click(&mut bench, "Timeouts and retries");
    click(&mut bench, "timeout of reviews, set");
    let wanted = pending(&bench);
    let mut bench = with(World::bookinfo(), next_run(&bench));
    assert_eq!(pending(&bench), wanted, "before anything is selected");
    bench.state_mut().0.selected = Some(service("reviews"));
    frames(&mut bench);
    assert_eq!(share(&bench), 50.0);

    // Somebody else wrote elsewhere meanwhile, or there; or it is gone.
    let mut elsewhere = demo::bookinfo_objects();
    let mut object = (*elsewhere[&reviews()].0).clone();
    object["spec"]["http"][1]["mirror"] = serde_json::json!({ "host": "reviews", "subset": "v1" });
    elsewhere.insert(reviews(), object.clone().into());
    let mut world = World::bookinfo();
    world.now_has(elsewhere.clone());
    let again = with(world, next_run(&bench));
    assert_eq!(pending(&again), wanted);
    object["spec"]["http"][1]["route"][2]["weight"] = 21.into();
    object["spec"]["http"][1]["route"][0]["weight"] = 49.into();
    elsewhere.insert(reviews(), object.into());
    let mut world = World::bookinfo();
    world.now_has(elsewhere);
    let again = with(world, next_run(&bench));
    assert!(
        pending(&again).is_some_and(|title| !title.contains("v3 of reviews gets")),
        "{:?}",
        pending(&again)
    );
    again.get_by_label_contains("Not among them: Traffic split of reviews");
}

#[test]
fn a_draft_of_what_is_not_there_in_the_next_run_is_told_of() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    let mut world = World::bookinfo();
    let mut objects = demo::bookinfo_objects();
    objects.remove(&Ref::new(&kinds::SERVICE, "bookinfo", "reviews"));
    world.now_has(objects);
    let mut bench = with(world, next_run(&bench));
    bench.get_by_label_contains("Cannot be pushed: Traffic split of reviews");
    bench.state_mut().0.now_has(demo::bookinfo_objects());
    frames(&mut bench);
    assert!(pending(&bench).is_some(), "it has come back");
}

/// What stood on disk before editors had any there.
#[test]
fn older_files_are_read() {
    assert_eq!(serde_json::from_str::<KeptDrafts>("[]").unwrap(), KeptDrafts::default());
}

/// What was pushed is not called a draft because the window looks at what was before.
#[test]
fn a_push_while_live_data_is_paused_is_no_draft() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    bench.get_by_label("not pushed");
    let world = &mut bench.state_mut().0;
    let id = world.ledger.pending().unwrap().id;
    let change = world.ledger.get(id).unwrap().change.clone();
    world.ledger.sent(id, demo::NOW);
    let of = change.evidence.proxies().len();
    let acked = Fact::Acked { acked: of, of, waiting: Vec::new() };
    for fact in [Fact::Accepted(Stored::as_wanted(&change)), Fact::Seen, acked, Fact::Live] {
        world.ledger.record(id, &fact, demo::NOW);
    }
    world.paused = true;
    frames(&mut bench);
    assert!(bench.query_by_label("not pushed").is_none());
    bench.get_by_label("pushed, live data is paused");
}
