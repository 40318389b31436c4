//! Fields of editors by the cluster's own schema, and under the keyboard: Esc leaves each as it was.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::schema::Type;
use mesh::{Answer, Read, Ref, Schema, SchemaOf, demo, kinds};
use panels::Intent;
use panels::held::Why;
use serde_json::json;
use std::sync::Arc;
use support::detail::{Bench, detail, frames};
use support::{World, service};

fn object(fields: &[(&str, Schema)]) -> Schema {
    let fields = fields.iter().map(|(name, field)| ((*name).to_owned(), Arc::new(field.clone()))).collect();
    Schema { ty: Type::Object, fields, ..Schema::default() }
}

/// A schema of an older Istio, whose retries know little.
fn older() -> Schema {
    let leaf = |description: &str| Schema { description: description.into(), ..Schema::default() };
    let retries = object(&[("attempts", leaf("Number of retries.")), ("perTryTimeout", leaf(""))]);
    let http = object(&[("timeout", leaf("Timeout for HTTP requests.")), ("retries", retries)]);
    let list = Schema { ty: Type::List, rows: Some(Arc::new(http)), ..Schema::default() };
    object(&[("spec", object(&[("http", list)]))])
}

fn world(schema: Option<Schema>) -> World {
    let mut world = World::bookinfo().select(service("reviews"));
    let of = SchemaOf { kind: &kinds::VIRTUAL_SERVICE, api_version: "networking.istio.io/v1".into() };
    if let Some(schema) = schema {
        world.scene.answers.take(demo::NOW, Read::Schema(of), Ok(Answer::Schema(Arc::new(schema))));
    }
    world
}

fn click(bench: &mut Bench<'_>, label: &str) {
    bench.get_by_label(label).click();
    frames(bench);
}

/// With retries on, so that all of their fields are offered.
fn retries<'a>(mut world: World, more: &serde_json::Value) -> Bench<'a> {
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut objects = demo::bookinfo_objects();
    let mut value = (*objects[&at].0).clone();
    value["spec"]["http"][1]["retries"] = more.clone();
    objects.insert(at, value.into());
    world.now_has(objects);
    detail(world)
}

#[test]
fn fields_that_the_cluster_does_not_have_are_not_offered() {
    let plain = json!({ "attempts": 2, "perTryTimeout": "2s" });
    let bench = retries(world(None), &plain);
    bench.get_by_label("back-off of reviews, set");
    let bench = retries(world(Some(older())), &plain);
    bench.get_by_label("per try of reviews, set");
    assert!(bench.query_by_label("back-off of reviews, set").is_none());
    assert!(bench.query_by_label_contains("a newer Istio has it").is_none());
    // What is there all the same is shown, and can be taken out.
    let odd = json!({ "attempts": 2, "backoff": "50ms" });
    let bench = retries(world(Some(older())), &odd);
    bench
        .get_by_label_contains("This cluster's VirtualService has no retries.backoff (a newer Istio has it)");
    bench.get_by_label("back-off of reviews, set");
    // A schema that does not say its fields hides none.
    let bench = retries(world(Some(object(&[("spec", Schema::default())]))), &plain);
    bench.get_by_label("back-off of reviews, set");
}

/// Types into a field over all that is there, and leaves by Esc.
fn escape(bench: &mut Bench<'_>, field: &str, text: &str) {
    let shown = |bench: &Bench<'_>| {
        let node = bench.get_by_label(field);
        let node = node.accesskit_node();
        (node.value(), node.numeric_value())
    };
    let was = shown(bench);
    bench.get_by_label(field).click();
    bench.run_steps(2);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.get_by_label(field).type_text(text);
    bench.run_steps(2);
    bench.key_press(Key::Escape);
    frames(bench);
    assert_eq!(shown(bench), was, "{field}");
}

#[test]
fn esc_leaves_each_kind_of_field_as_it_was() {
    let all = json!({ "attempts": 2, "perTryTimeout": "2s", "retryOn": "5xx,reset" });
    let mut bench = retries(world(None), &all);
    bench.state_mut().0.wishes();
    escape(&mut bench, "retries of reviews", "7");
    escape(&mut bench, "per try of reviews", "9s");
    escape(&mut bench, "retry on of reviews", "gateway-error");
    escape(&mut bench, "reviews v3 share in percent", "77");
    let checks = bench.state_mut().0.checks();
    assert!(checks.is_empty(), "{:?}", checks.iter().map(|change| &change.title).collect::<Vec<_>>());
}

/// Shares that are moved by keys or by the mouse, and what a menu offers.
#[test]
fn esc_leaves_shares_and_choices_as_they_were() {
    let mut bench = detail(world(None));
    let shares = |bench: &Bench<'_>| {
        ["v1", "v2", "v3"].map(|version| {
            bench.get_by_label(&format!("reviews {version} share")).accesskit_node().numeric_value().unwrap()
        })
    };
    let before = shares(&bench);
    bench.get_by_label("reviews v3 share").focus();
    frames(&mut bench);
    for key in [Key::ArrowRight, Key::ArrowUp, Key::End] {
        bench.key_press(key);
        frames(&mut bench);
    }
    assert_eq!(shares(&bench)[2], 100.0);
    bench.key_press(Key::Escape);
    frames(&mut bench);
    assert_eq!(shares(&bench), before, "by keys");

    let rect = bench.get_by_label("reviews v3 share").rect();
    let at = |share: f32| egui::pos2(rect.left() + 8.0 + (rect.width() - 16.0) * share, rect.center().y);
    bench.drag_at(at(before[2] as f32 / 100.0));
    frames(&mut bench);
    bench.hover_at(at(0.9));
    frames(&mut bench);
    assert!(shares(&bench)[2] > 80.0, "{:?}", shares(&bench));
    bench.key_press(Key::Escape);
    frames(&mut bench);
    bench.hover_at(at(0.95));
    bench.drop_at(at(0.95));
    frames(&mut bench);
    assert_eq!(shares(&bench), before, "by the mouse");

    bench.state().0.intents.send(Intent::Edit(service("reviews"), "Load balancing"));
    frames(&mut bench);
    click(&mut bench, "load balancing of reviews");
    bench.get_by_label("any at random");
    bench.key_press(Key::Escape);
    frames(&mut bench);
    assert!(bench.query_by_label("any at random").is_none(), "the menu is closed");
    assert!(bench.state().0.ledger.pending().is_none(), "nothing is wanted");
}

/// A text of a form, for which nothing is there yet.
#[test]
fn esc_leaves_a_text_as_it_was() {
    let mut bench = detail(world(None));
    bench.state().0.intents.send(Intent::Edit(service("reviews"), "Fault"));
    frames(&mut bench);
    click(&mut bench, "fault calls");
    click(&mut bench, "calls with a header…");
    escape(&mut bench, "header name", "end-user");
    bench.get_by_label("header name").click();
    bench.get_by_label("header name").type_text("x-user");
    frames(&mut bench);
    bench.key_press(Key::Enter);
    frames(&mut bench);
    escape(&mut bench, "header name", "another");
}

/// Of a draft: what was typed before goes back by Ctrl+Z, field by field.
#[test]
fn numbers_texts_and_switches_go_back() {
    let all = json!({ "attempts": 2, "perTryTimeout": "2s", "retryOn": "5xx" });
    let mut bench = retries(world(None), &all);
    let typed = |bench: &mut Bench<'_>, field: &str, text: &str| {
        bench.get_by_label(field).click();
        bench.run_steps(2);
        bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
        bench.get_by_label(field).type_text(text);
        bench.run_steps(2);
        bench.key_press(Key::Enter);
        frames(bench);
    };
    let title = |bench: &Bench<'_>| bench.state().0.ledger.pending().map(|entry| entry.change.title.clone());
    let mut before = vec![title(&bench)];
    typed(&mut bench, "retries of reviews", "3");
    before.push(title(&bench));
    typed(&mut bench, "per try of reviews", "9s");
    before.push(title(&bench));
    typed(&mut bench, "retry on of reviews", "5xx,reset");
    before.push(title(&bench));
    click(&mut bench, "back-off of reviews, set");
    while let Some(was) = before.pop() {
        bench.state().0.intents.send(Intent::UndoEdit);
        frames(&mut bench);
        assert_eq!(title(&bench), was);
    }
}

/// Nothing is pushed of a draft while one of its fields shows what was refused: the user sees another one.
#[test]
fn what_was_refused_holds_the_push_back() {
    let mut bench = detail(world(None));
    bench.get_by_label("Fault").click();
    frames(&mut bench);
    click(&mut bench, "abort calls");
    let typed = |bench: &mut Bench<'_>, text: &str| {
        bench.get_by_label("abort status").click();
        bench.run_steps(2);
        bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
        bench.get_by_label("abort status").type_text(text);
        bench.run_steps(2);
    };
    let enter = |bench: &mut Bench<'_>| {
        bench.key_press(Key::Enter);
        frames(bench);
    };
    let title = |bench: &Bench<'_>| bench.state().0.ledger.pending().map(|entry| entry.change.title.clone());
    let held = |bench: &Bench<'_>| {
        let (world, detail) = bench.state();
        detail.held(&world.cx()).into_iter().map(|held| held.why).collect::<Vec<_>>()
    };
    let why = vec![Why::NotYet("abort status: At least 200".into())];
    let shown = |bench: &Bench<'_>| bench.get_by_label("abort status").accesskit_node().value();
    assert!(title(&bench).is_some_and(|title| title.contains("503")), "{:?}", title(&bench));
    // While it is typed, and when it was.
    typed(&mut bench, "42");
    assert_eq!((title(&bench), held(&bench)), (None, why.clone()));
    enter(&mut bench);
    assert_eq!((title(&bench), held(&bench)), (None, why));
    bench.get_by_label("abort status: At least 200");
    typed(&mut bench, "418");
    enter(&mut bench);
    assert!(title(&bench).is_some_and(|title| title.contains("418")), "{:?}", title(&bench));
    assert_eq!(held(&bench), []);
    // Taking back takes what is shown with it.
    typed(&mut bench, "42");
    enter(&mut bench);
    bench.state().0.intents.send(Intent::UndoEdit);
    frames(&mut bench);
    assert!(title(&bench).is_some_and(|title| title.contains("503")), "{:?}", title(&bench));
    assert_eq!((held(&bench), shown(&bench).as_deref()), (vec![], Some("503")));
    typed(&mut bench, "42");
    enter(&mut bench);
    assert_eq!(shown(&bench).as_deref(), Some("42"));
    click(&mut bench, "Reset fault of reviews");
    assert_eq!((title(&bench), held(&bench), shown(&bench).as_deref()), (None, vec![], Some("503")));
}

/// Below rules that are edited stands how many calls of the last hour, seen in traces, each would take.
#[test]
fn a_rule_says_which_calls_of_traces_it_would_take() {
    let mut bench = detail(world(None));
    click(&mut bench, "Route rules");
    bench.state_mut().0.wanted.take();
    click(&mut bench, "copy rule 1 of reviews");
    bench.get_by_label("Looking through traces of the last hour");
    let wanted = bench.state_mut().0.wanted.take();
    let query =
        wanted.into_keys().find_map(|read| if let Read::Traces(query) = read { Some(query) } else { None });
    let query = query.expect("traces are asked for");
    assert_eq!((query.service.as_str(), query.end_us - query.start_us), ("reviews.bookinfo", 3_600_000_000));
    let mut traces = demo::traces();
    for span in traces.iter_mut().flat_map(|trace| &mut trace.spans) {
        if span.operation.starts_with("reviews") {
            span.tags = [("http.method", "GET"), ("http.url", "http://reviews:9080/reviews/0")].into();
        }
    }
    let traces = traces.into_iter().map(|trace| Arc::new(trace.into())).collect();
    let answer = Answer::Traces(Arc::new(mesh::trace::Found { traces, odd: Vec::new() }));
    bench.state_mut().0.scene.answers.take(demo::NOW, Read::Traces(query), Ok(answer));
    frames(&mut bench);
    bench.get_by_label("Of 20 calls seen in traces of the last hour:");
    bench.get_by_label("rule 2 would take 0");
}
