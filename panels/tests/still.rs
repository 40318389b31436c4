//! What is under the hand stays there, whatever comes and goes above it.
#![allow(clippy::unwrap_used)]

mod support;

use egui::Event;
use egui_kittest::kittest::Queryable as _;
use mesh::{Ref, kinds};
use panels::Selected;
use panels::kit::{button, room};
use support::detail::{detail, frames};
use support::{World, harness};

/// How many lines stand above.
struct Above(usize);

#[test]
fn an_open_menu_stays_where_it_was_opened() {
    let draw = |ui: &mut egui::Ui, above: &mut Above, _: &World| {
        for line in 0..above.0 {
            ui.label(format!("live {line}"));
        }
        button::menu(ui, "Mode", "mode", |ui| {
            for mode in ["STRICT", "PERMISSIVE"] {
                button::choice(ui, false, mode);
            }
        });
    };
    let mut bench = harness(World::bookinfo(), Above(3), [400.0, 400.0], draw);
    bench.get_by_label("mode").click();
    bench.run_steps(3);
    let was = bench.get_by_label("PERMISSIVE").rect();
    for lines in [0, 6] {
        bench.state_mut().1.0 = lines;
        bench.run_steps(3);
        assert_eq!(bench.get_by_label("PERMISSIVE").rect(), was, "{lines} lines above");
    }
}

#[test]
fn lines_that_come_and_go_keep_their_room() {
    let draw = |ui: &mut egui::Ui, above: &mut Above, _: &World| {
        room::keep(ui, "live", |ui| {
            for line in 0..above.0 {
                ui.label(format!("live {line}"));
            }
        });
        ui.label("below");
    };
    let mut bench = harness(World::bookinfo(), Above(2), [400.0, 400.0], draw);
    let mut top = |lines: usize| {
        bench.state_mut().1.0 = lines;
        bench.run_steps(2);
        bench.get_by_label("below").rect().top()
    };
    let was = top(2);
    assert_eq!((top(0), top(1), top(2)), (was, was, was));
    let more = top(3);
    assert!(more > was);
    assert_eq!(top(0), more);
}

#[test]
fn the_first_keystroke_moves_no_text() {
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut bench = detail(World::bookinfo().select(Selected::Object(at)));
    let field = "YAML of VirtualService bookinfo/reviews";
    let top = bench.get_by_label(field).rect().top();
    bench.get_by_label(field).focus();
    frames(&mut bench);
    bench.event(Event::Text("# mine\n".to_owned()));
    bench.event(Event::Text("spoken: ".to_owned()));
    for _ in 0..20 {
        bench.run_steps(3);
        assert_eq!(bench.get_by_label(field).rect().top(), top);
    }
    bench.get_by_label("not pushed");
}
