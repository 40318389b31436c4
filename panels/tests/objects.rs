//! Objects as YAML: what is wrong with a text, what may stand at the cursor, and the change that comes of it.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::schema::Type;
use mesh::{Answer, Edit, Object, Problem, Read, Ref, Schema, SchemaOf, demo, kinds};
use panels::detail::Detail;
use panels::{Intent, Panel as _, Selected, objects};
use serde_json::Value;
use std::sync::Arc;
use support::detail::{Bench, detail, frames};
use support::{World, harness};

fn reviews() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
}

const FIELD: &str = "YAML of VirtualService bookinfo/reviews";

/// A small schema of VirtualServices.
fn schema() -> Schema {
    let leaf = |ty, description: &str| Schema { ty, description: description.into(), ..Schema::default() };
    let object = |fields: &[(&str, Schema)]| Schema {
        ty: Type::Object,
        fields: fields.iter().map(|(name, field)| ((*name).to_owned(), Arc::new(field.clone()))).collect(),
        ..Schema::default()
    };
    let list = |rows: Schema| Schema { ty: Type::List, rows: Some(Arc::new(rows)), ..Schema::default() };
    let any = || leaf(Type::Any, "");
    let fields = ["match", "route", "corsPolicy", "name", "fault", "retries", "headers", "mirror"];
    let mut http: Vec<(&str, Schema)> = fields.iter().map(|name| (*name, any())).collect();
    http.push(("timeout", leaf(Type::Text, "How long callers wait.")));
    let spec = [("hosts", any()), ("http", list(object(&http))), ("gateways", any()), ("exportTo", any())];
    let top = [("apiVersion", any()), ("kind", any()), ("metadata", any()), ("spec", object(&spec))];
    object(&top)
}

/// The detail of the VirtualService of reviews, with the cluster's schema.
fn opened<'a>() -> Bench<'a> {
    let mut world = World::bookinfo().select(Selected::Object(reviews()));
    let of = SchemaOf { kind: &kinds::VIRTUAL_SERVICE, api_version: "networking.istio.io/v1".into() };
    world.scene.answers.take(demo::NOW, Read::Schema(of), Ok(Answer::Schema(Arc::new(schema()))));
    detail(world)
}

fn text(bench: &Bench<'_>, field: &str) -> String {
    bench.get_by_label(field).accesskit_node().value().unwrap_or_default()
}

/// Puts this text into the field, in place of what is there, and waits until it is judged.
fn write(bench: &mut Bench<'_>, field: &str, text: &str) {
    bench.get_by_label(field).focus();
    frames(bench);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.event(Event::Paste(text.to_owned()));
    rest(bench);
}

/// Long enough that a draft is judged.
fn rest(bench: &mut Bench<'_>) {
    bench.run_steps(60);
}

/// Puts the cursor behind the first place where this stands.
fn go(bench: &mut Bench<'_>, behind: &str) {
    let shown = text(bench, FIELD);
    let letters = shown[..shown.find(behind).unwrap() + behind.len()].chars().count();
    bench.get_by_label(FIELD).focus();
    frames(bench);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.key_press(Key::ArrowLeft);
    (0..letters).for_each(|_| bench.key_press(Key::ArrowRight));
    frames(bench);
}

#[test]
fn an_error_is_told_with_its_line_and_mended() {
    let mut bench = opened();
    let was = text(&bench, FIELD);
    bench.get_by_label_contains("Checked by this cluster's schema");
    write(&mut bench, FIELD, &was.replace("spec:\n", "spec:\n\thosts: x\n"));
    let line = was.lines().position(|line| line == "spec:").unwrap() + 2;
    bench.get_by_label(&format!("{line}:1 A tab stands in front of the line: YAML is indented by spaces"));
    assert_eq!(bench.state_mut().0.checks(), [], "there is nothing to judge yet");

    write(&mut bench, FIELD, &was.replace("    timeout:", "    timeuot:"));
    if was.contains("timeout:") {
        bench.get_by_label_contains("no field timeuot here; it has timeout");
    }
    write(&mut bench, FIELD, &was.replace("weight: 50", "weight: -50"));
    bench.get_by_label_contains("istiod says: weight -50 < 0");
    bench.state_mut().0.wishes();
    write(&mut bench, FIELD, &was.replace("weight: 50", "weight: 40").replace("weight: 30", "weight: 40"));
    let change = bench.state_mut().0.checks().pop().unwrap();
    assert_eq!(
        change.title,
        "VirtualService bookinfo/reviews: spec.http[1].route[0].weight and spec.http[1].route[1].weight change"
    );
    assert!(!change.evidence.probes.is_empty(), "the weights are looked for in proxies");
    assert_eq!(bench.query_all_by_label_contains("istiod says").count(), 0);
}

#[test]
fn what_says_the_same_is_no_change() {
    let mut bench = opened();
    let was = text(&bench, FIELD);
    write(&mut bench, FIELD, &format!("# mine\n{}", was.replace("weight: 50", "weight: 50 # half")));
    assert_eq!(bench.state_mut().0.checks(), []);
    bench.get_by_label("Reset").click();
    rest(&mut bench);
    assert_eq!(text(&bench, FIELD), was);
}

#[test]
fn fields_and_values_are_completed_by_keyboard() {
    let mut bench = opened();
    go(&mut bench, "  http:\n  - ");
    bench.event(Event::Text("t".to_owned()));
    frames(&mut bench);
    bench.get_by_label("Complete timeout: How long callers wait.");
    bench.key_press(Key::Enter);
    frames(&mut bench);
    bench.event(Event::Text("3s".to_owned()));
    frames(&mut bench);
    bench.key_press(Key::Enter);
    frames(&mut bench);
    assert!(text(&bench, FIELD).contains("  - timeout: 3s\n"), "{}", text(&bench, FIELD));

    let mut bench = opened();
    go(&mut bench, "        subset: ");
    let behind = text(&bench, FIELD);
    bench.key_press_modifiers(Modifiers::SHIFT, Key::End);
    bench.key_press(Key::Delete);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::Space);
    frames(&mut bench);
    assert!(bench.query_all_by_label_contains("Complete v").count() >= 3);
    bench.key_press(Key::ArrowDown);
    bench.key_press(Key::ArrowDown);
    frames(&mut bench);
    bench.key_press(Key::Tab);
    frames(&mut bench);
    assert!(text(&bench, FIELD).contains("subset: v3"), "{behind}");
    bench.key_press_modifiers(Modifiers::COMMAND, Key::Space);
    bench.key_press(Key::Escape);
    frames(&mut bench);
    assert_eq!(bench.query_all_by_label_contains("Complete ").count(), 0);
}

#[test]
fn without_a_schema_it_is_said() {
    let mut world = World::bookinfo().select(Selected::Object(reviews()));
    let of = SchemaOf { kind: &kinds::VIRTUAL_SERVICE, api_version: "networking.istio.io/v1".into() };
    let why = Problem::new("The schema cannot be read", "it is not served", "Ask the administrator");
    world.scene.answers.take(demo::NOW, Read::Schema(of), Err(why));
    let bench = detail(world);
    bench.get_by_label("Not checked by a schema: it is not served. The server judges it before the push");
}

/// The mesh in which somebody else has changed the VirtualService of reviews.
fn somebody(bench: &mut Bench<'_>, version: &str, edit: impl FnOnce(&mut Value)) {
    let mut objects = bench.state().0.scene.mesh.objects().clone();
    let mut value = (*objects[&reviews()].0).clone();
    value["metadata"]["resourceVersion"] = version.into();
    edit(&mut value);
    objects.insert(reviews(), Object::from(value));
    bench.state_mut().0.now_has(objects);
    rest(bench);
}

#[test]
fn what_others_change_elsewhere_is_taken_in_and_the_same_line_is_not_lost() {
    let mut bench = opened();
    let was = text(&bench, FIELD);
    write(&mut bench, FIELD, &was.replace("weight: 50", "weight: 40"));
    bench.state_mut().0.selected = None;
    frames(&mut bench);
    somebody(&mut bench, "900", |it| it["spec"]["hosts"] = serde_json::json!(["reviews", "ratings"]));
    bench.state_mut().0.selected = Some(Selected::Object(reviews()));
    frames(&mut bench);
    let now = text(&bench, FIELD);
    assert!(now.contains("weight: 40") && now.contains("- ratings"), "{now}");
    let change = bench.state_mut().0.checks().pop().unwrap();
    assert_eq!(
        change.title,
        "VirtualService bookinfo/reviews: spec.http[1].route[0].weight is 40 instead of 50"
    );

    somebody(&mut bench, "901", |it| it["spec"]["http"][1]["route"][0]["weight"] = 45.into());
    bench.get_by_label("Somebody else changed it meanwhile");
    assert!(text(&bench, FIELD).contains("weight: 40"), "the draft stays");
    bench.get_by_label("Rebuild").click();
    rest(&mut bench);
    let change = bench.state_mut().0.checks().pop().unwrap();
    assert!(change.title.ends_with("weight is 40 instead of 45"), "{}", change.title);
    somebody(&mut bench, "902", |it| it["spec"]["http"][1]["route"][0]["weight"] = 40.into());
    assert_eq!(bench.query_all_by_label("not pushed").count(), 0, "it came true");
}

#[test]
fn it_is_cloned_made_and_deleted_on_the_same_road() {
    let mut bench = opened();
    bench.get_by_label("Clone…").click();
    frames(&mut bench);
    let wishes = bench.state_mut().0.wishes();
    let draft = wishes
        .into_iter()
        .find_map(|wish| if let Intent::Draft(at, text) = wish { Some((at, text)) } else { None });
    let (at, yaml) = draft.unwrap();
    assert_eq!(at.to_string(), "VirtualService bookinfo/reviews-copy");
    bench.state_mut().0.selected = Some(Selected::Object(at.clone()));
    frames(&mut bench);
    assert_eq!(text(&bench, &format!("YAML of {at}")), yaml);
    let pending = bench.state().0.ledger.pending().unwrap().change.clone();
    assert_eq!(pending.title, "VirtualService bookinfo/reviews-copy is created");
    assert!(matches!(pending.steps[0].edit, Edit::Create(_)));
    bench.get_by_label("Give up the new object").click();
    frames(&mut bench);
    assert!(bench.state().0.ledger.pending().is_none());

    bench.state_mut().0.selected = Some(Selected::Object(reviews()));
    frames(&mut bench);
    bench.state_mut().0.wishes();
    bench.get_by_label("Delete…").click();
    frames(&mut bench);
    let change = bench.state_mut().0.checks().pop().unwrap();
    assert_eq!(change.title, "VirtualService bookinfo/reviews is deleted");
    assert!(matches!(&change.steps[0].edit, Edit::Delete { uid, .. } if !uid.is_empty()));
    bench.get_by_label("to be deleted, not pushed");
    bench.get_by_label("Keep it").click();
    frames(&mut bench);
    assert!(bench.state().0.ledger.pending().is_none());
}

#[test]
fn what_is_found_is_mended_by_a_draft_and_what_a_draft_would_cause_is_said() {
    let mut bench = opened();
    let wanted = text(&bench, FIELD).replacen("subset: v2", "subset: v9", 1);
    write(&mut bench, FIELD, &wanted);
    rest(&mut bench);
    bench.get_by_label_contains("This would cause: reviews has no subset v9");
    bench.get_by_label("Reset").click();
    frames(&mut bench);
    assert_eq!(bench.query_all_by_label_contains("This would cause").count(), 0);

    somebody(&mut bench, "900", |it| {
        it["spec"]["http"][0]["route"] =
            serde_json::json!([{ "destination": { "host": "reviews", "subset": "v2x" } }]);
    });
    let judged = mesh::check::judge(&mesh::check::World::new(
        &bench.state().0.scene.mesh,
        Err(mesh::Problem::new("The mesh's configuration is not known", "nobody has read it", "Read it")),
    ));
    let finding = judged.findings.into_iter().find(|one| one.check.name == "SubsetNotFound").unwrap();
    bench.state_mut().0.wishes();
    bench.state().0.intents.send(Intent::Mend(finding.at, finding.fix.unwrap()));
    frames(&mut bench);
    let change = bench.state_mut().0.checks().pop().unwrap();
    assert!(change.title.ends_with("subset is v2 instead of v2x"), "{}", change.title);
}

#[test]
fn what_is_not_written_here_is_only_shown() {
    let pod = demo::bookinfo().objects().of_kind(&kinds::POD).next().unwrap().0.clone();
    let bench = detail(World::bookinfo().select(Selected::Object(pod)));
    bench.get_by_label("A Pod is read here and never written");
    assert_eq!(bench.query_all_by_label("Delete…").count(), 0);
}

#[test]
fn every_object_is_found_in_the_list() {
    let mut bench =
        harness(World::bookinfo(), objects::Objects::default(), [900.0, 600.0], |ui, panel, world| {
            panel.ui(ui, &world.cx());
        });
    bench.get_by_label_contains("VirtualService bookinfo/reviews").click();
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Select(Some(Selected::Object(reviews())))]);
    assert_eq!(bench.query_all_by_label_contains("Pod bookinfo/").count(), 0);
    bench.get_by_label("Kind of objects").click();
    bench.run_steps(3);
    bench.get_by_label("Pod").click();
    bench.run_steps(3);
    assert!(bench.query_all_by_label_contains("Pod bookinfo/").count() > 3);
    bench.get_by_label("Create an object").click();
    bench.run_steps(3);
    bench.get_by_label("Create Sidecar…").click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    let [Intent::Draft(at, text)] = &wishes[..] else { panic!("{wishes:?}") };
    assert_eq!(at.to_string(), "Sidecar bookinfo/new-sidecar");
    assert!(text.contains("egress:"), "{text}");
}

/// The detail in a window of a later run, with what was kept of this one.
fn later<'a>(bench: &Bench<'_>) -> Bench<'a> {
    let kept = serde_json::to_string(&bench.state().1.kept()).unwrap();
    let mut detail = Detail::default();
    detail.recall(serde_json::from_str(&kept).unwrap());
    harness(opened().into_state().0, detail, [400.0, 1600.0], |ui, detail: &mut Detail, world| {
        let cx = world.cx();
        detail.ui(ui, &cx);
        cx.intents.each(|intent| detail.follow(intent, &cx));
    })
}

#[test]
fn drafts_survive_a_restart() {
    let mut bench = opened();
    let wanted = text(&bench, FIELD).replace("weight: 50", "weight: 40 # mine");
    write(&mut bench, FIELD, &wanted);
    let bench = later(&bench);
    assert_eq!(text(&bench, FIELD), wanted);
    let pending = bench.state().0.ledger.pending().unwrap();
    assert!(pending.change.title.ends_with("weight is 40 instead of 50"), "it is judged again");
    assert_eq!(
        later(&opened()).state().1.kept(),
        panels::detail::KeptDrafts::default(),
        "who wants nothing keeps nothing"
    );
}
