//! The traces of a file.

use super::*;

/// A file is looked at as what a search found, without a backend.
#[test]
fn the_traces_of_a_file() {
    let mut world = World::new(Remote::Waiting);
    world.scene = Scene::default();
    let traces = Remote::Live(Arc::new(demo::found()), demo::NOW);
    world.file = Some(crate::file::TraceFile { name: "slow.json".into(), read: (0, 0), traces });
    let first = demo::found().traces[0].summary.id.clone();
    let mut harness = world.harness();
    harness.get_by_label("slow.json");
    assert!(harness.query_by_label("Time range").is_none(), "there is nobody to ask");
    harness.state_mut().hear(&Intent::OpenTrace(first));
    harness.run();
    harness.get_by_label("Back to results").click();
    harness.run();
    harness.get_by_label("Close file").click();
    harness.run();
    assert_eq!(harness.state_mut().sent(), [Intent::CloseFile]);
    let why = Problem::new("The file could not be opened", "page.html: it is empty", "Save it again");
    let file = harness.state_mut().file.as_mut().expect("a file");
    file.traces = Remote::Denied(why);
    harness.run();
    harness.get_by_label_contains("page.html: it is empty");
    harness.get_by_label("Open another file…");
}

/// While it is read it says how far it is, and can be stopped.
#[test]
fn reading_says_how_far_it_is() {
    let mut world = World::new(Remote::Waiting);
    let read = (40_000_000, 120_000_000);
    world.file = Some(crate::file::TraceFile { name: "big.json".into(), read, traces: Remote::Waiting });
    let mut harness = Harness::builder()
        .with_size(egui::vec2(800.0, 600.0))
        .build_ui_state(|ui, world: &mut World| world.ui(ui), world);
    harness.run_steps(3);
    harness.get_by_label_contains("40\u{a0}MB of 120\u{a0}MB");
    harness.get_by_label("Stop reading").click();
    harness.run_steps(3);
    assert_eq!(harness.state_mut().sent(), [Intent::CloseFile]);
}

/// What a span says leaves those traces of the file that say the same.
#[test]
fn a_tag_of_a_span_filters_the_file() {
    let mut world = World::new(Remote::Waiting);
    world.scene = Scene::default();
    let mut traces = demo::traces();
    traces[7].spans[5].tags = [("cart.items", "7")].into();
    let all = traces.into_iter().map(|trace| Arc::new(trace.into())).collect();
    let traces = Remote::Live(Arc::new(Found { traces: all, odd: Vec::new() }), demo::NOW);
    world.file = Some(crate::file::TraceFile { name: "slow.json".into(), read: (0, 0), traces });
    let mut harness = world.harness();
    harness.get_by_label_contains("Durations of 20 traces");
    let tag = ("cart.items".to_owned(), "7".to_owned());
    let service = demo::trace().spans[5].service.clone();
    harness.state_mut().hear(&Intent::TracesWith(service, tag));
    harness.run();
    harness.get_by_label_contains("Durations of 1 trace:");
    harness.get_by_label("Only cart.items=7").click();
    harness.run();
    harness.get_by_label_contains("Durations of 20 traces");
}
