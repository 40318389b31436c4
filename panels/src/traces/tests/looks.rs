//! An opened trace by its rows, its calls, its figures, and beside others.

use super::*;

fn opened<'a>(trace: mesh::trace::Trace) -> Harness<'a, World> {
    let mut world = World::found().asks(Intent::OpenTrace(trace.id.clone()));
    world.trace = Remote::Live(Arc::new(trace.into()), demo::NOW);
    world.harness()
}

fn press(harness: &mut Harness<'_, World>, label: &str) {
    harness.get_by_label(label).click();
    harness.run();
}

fn spans(harness: &Harness<'_, World>) -> usize {
    let all = harness.get_all_by_label_contains("span ");
    all.filter(|node| node.accesskit_node().label().is_some_and(|label| label.starts_with("span "))).count()
}

#[test]
fn rows_are_folded_by_depth_and_service_and_hidden() {
    let mut harness = opened(demo::trace());
    for (choice, rows) in
        [("Down to level 3", 4), ("Fold below reviews.bookinfo", 6), ("Hide productpage.bookinfo", 3)]
    {
        press(&mut harness, "Which rows are shown");
        press(&mut harness, choice);
        assert_eq!(spans(&harness), rows, "{choice}");
        if choice.starts_with("Hide") {
            harness.key_press(egui::Key::Escape);
            harness.run();
        }
    }
    press(&mut harness, "Unfold all spans");
    assert_eq!(spans(&harness), 5, "hidden ones stay so");
}

#[test]
fn what_the_mesh_did_is_said_beside_the_bar() {
    let mut trace = demo::trace();
    trace.spans[4].tags = [("retry.count", "2"), ("http.url", "http://reviews-shadow:9080/x")].into();
    let harness = opened(trace);
    harness.get_by_label_contains("retry 2, mirrored, nobody gets its answer");
}

#[test]
fn a_slow_trace_says_why_and_how_it_differs() {
    let mut trace = demo::trace();
    // All that waits for details takes 300 ms longer.
    let late = trace.spans[3].start_us;
    for span in &mut trace.spans {
        let end = span.start_us + span.duration_us;
        span.start_us += if span.start_us > late { 300_000 } else { 0 };
        span.duration_us += if span.start_us <= late && end > late { 300_000 } else { 0 };
    }
    let mut harness = opened(trace);
    press(&mut harness, "Compare");
    harness.get_by_label_contains("details details:9080/* was waited for");
    harness.get_by_label_contains("details details:9080/*: slower, +30");
    press(&mut harness, "Compare with");
    harness.get_by_label_contains("The usual of");
    harness.key_press(egui::Key::Escape);
    harness.run();
    press(&mut harness, "Show details details:9080/*");
    harness.get_by_label("Close span detail");
    assert_eq!(spans(&harness), 8);
}

#[test]
fn statistics_flames_and_events() {
    let mut trace = demo::trace();
    trace.spans[5].logs =
        vec![(trace.spans[5].start_us + 1000, [("event", "cache miss"), ("key", "7")].into())];
    let mut harness = opened(trace);
    press(&mut harness, "Statistics");
    harness.get_by_label_contains("reviews.bookinfo all operations: 2 calls");
    press(&mut harness, "By operation");
    harness.get_by_label_contains("ratings.bookinfo ratings:9080/*: 1 call");
    press(&mut harness, "Flame");
    harness.get_by_label_contains("call reviews reviews:9080/*, 1 time");
    press(&mut harness, "Events");
    harness.get_by_label_contains("cache miss");
}

#[test]
fn found_traces_are_grouped_and_filtered() {
    let mut harness = World::found().harness();
    press(&mut harness, "Group traces");
    press(&mut harness, "By path");
    let path = "istio-ingressgateway → productpage → details, reviews (→ ratings)";
    let group = harness.get_all_by_label_contains("group istio-ingressgateway").next().unwrap();
    let label = group.accesskit_node().label().unwrap();
    assert!(label.contains(" → productpage → "), "{label}, not as {path}");
    group.click();
    harness.run();
    harness.get_by_label_contains("Only istio-ingressgateway").click();
    harness.run();
    harness.get_all_by_label_contains("group istio-ingressgateway").next().unwrap();
    press(&mut harness, "Group traces");
    press(&mut harness, "Not grouped");
    harness.get_all_by_label_contains("trace 3f").next().unwrap();
}

#[test]
fn a_box_over_the_plot_leaves_what_is_in_it() {
    let mut harness = World::found().harness();
    let plot = harness.get_by_label_contains("Durations of 20 traces").rect();
    let ends = [plot.left_top() + egui::vec2(60.0, 4.0), plot.center() + egui::vec2(0.0, 20.0)];
    harness.drag_at(ends[0]);
    harness.run();
    harness.hover_at(ends[1]);
    harness.run();
    harness.drop_at(ends[1]);
    harness.run();
    press(&mut harness, "Only the box in the plot");
    assert!(harness.query_by_label("Only the box in the plot").is_none());
}

#[test]
fn a_tag_of_a_span_is_looked_for() {
    let mut harness = opened(demo::trace());
    harness.get_by_label("span reviews reviews:9080/* 26 ms").click();
    harness.run();
    let all = harness.get_all_by_label_contains("Traces with http.method=GET");
    all.into_iter().next().unwrap().click();
    harness.run();
    let asked = harness.state().search();
    assert_eq!((&*asked.service, asked.tags.len()), ("reviews.bookinfo", 1));
}

#[test]
fn links_lead_to_other_traces() {
    let mut trace = demo::trace();
    trace.spans[0].links = vec!["0af7651916cd43dd 0000000000000001".into(), "0000000000000002".into()];
    let mut harness = opened(trace);
    harness.get_all_by_label_contains("span istio-ingressgateway").next().unwrap().click();
    harness.run();
    harness.get_by_label_contains("Trace 0af76519…").click();
    harness.run();
    let to = Intent::OpenTrace("0af7651916cd43dd".into());
    assert!(harness.state_mut().sent().contains(&to));
}

/// Who called whom, of one trace and of all that were found; Escape leads back.
#[test]
fn ways_of_requests_are_a_graph() {
    let mut harness = opened(demo::trace());
    press(&mut harness, "Path graph");
    harness.get_by_label("edge productpage to reviews");
    harness.get_by_label("ratings");
    harness.key_press(egui::Key::Escape);
    harness.run();
    assert_eq!(spans(&harness), 8, "back in the waterfall");
    press(&mut harness, "Back to results");
    press(&mut harness, "Path graph");
    harness.get_by_label("80 calls in 20 traces");
    press(&mut harness, "Ways");
    press(&mut harness, "Through reviews.bookinfo");
    harness.get_by_label("edge reviews to ratings");
    assert!(harness.query_by_label("edge productpage to details").is_none(), "details is on no such way");
    harness.key_press(egui::Key::Escape);
    harness.run();
    harness.get_by_label_contains("Durations of 20 traces");
}

/// Where a search tells lines, spans are asked for when something needs them.
#[test]
fn spans_are_read_when_they_are_wanted() {
    let whole = demo::found();
    let brief = |opened: &Arc<Opened>| Arc::new(Opened::brief(opened.summary.clone(), Vec::new()));
    let lines = Found { traces: whole.traces.iter().map(brief).collect(), odd: Vec::new() };
    let mut world = World::new(Remote::Live(Arc::new(lines), demo::NOW));
    world.whole = Some(Arc::new(whole));
    let mut harness = world.harness();
    harness.get_by_label_contains("Durations of 20 traces");
    assert!(harness.state().search().brief);
    press(&mut harness, "Path graph");
    harness.get_by_label("edge productpage to reviews");
}
