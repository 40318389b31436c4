//! A trace that is read again, and has more spans now, is looked at as before.

use super::*;

#[test]
fn a_trace_that_grew_keeps_its_row_its_folds_and_the_focus() {
    let mut early = demo::trace();
    let last = early.spans.pop().expect("spans");
    let mut world = World::found().asks(Intent::OpenTrace(early.id.clone()));
    world.trace = Remote::Live(Arc::new(early.into()), demo::NOW);
    let mut harness = world.harness();
    for key in [egui::Key::ArrowDown, egui::Key::ArrowDown, egui::Key::ArrowLeft] {
        harness.key_press(key);
        harness.run();
    }
    harness.get_by_label("span productpage productpage:9080/* 41 ms, 5 folded away");
    harness.get_by_label("Close span detail");
    harness.state_mut().trace = Remote::Live(Arc::new(demo::trace().into()), demo::NOW);
    harness.run();
    assert!(harness.query_by_label_contains(&format!("span {}", last.operation)).is_none());
    harness.get_by_label("span productpage productpage:9080/* 41 ms, 6 folded away");
    harness.get_by_label("Close span detail");
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    let unfolded = harness.query_by_label("span productpage productpage:9080/* 41 ms, 6 folded away");
    assert!(unfolded.is_none(), "the rows lost the focus");
}
