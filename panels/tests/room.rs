//! Every panel and the whole window at four sizes, light and dark, with a mesh that asks all of them: no text
//! is cut without an ellipsis, nothing lies on anything else, nothing leaves the window, nothing jumps.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Event, Key, Pos2, Rect, Vec2, pos2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use panels::editors::EDITORS;
use panels::intent::ThemeChoice;
use panels::selection::PanelId;
use panels::{Intent, Selected};
use support::eyes::{Control, Cover, Frame, Line};
use support::window::{Bench, Window, look, window};
use support::{World, hostile};

const SIZES: [Vec2; 4] =
    [vec2(1024.0, 640.0), vec2(1280.0, 800.0), vec2(1440.0, 900.0), vec2(2560.0, 1440.0)];
const THEMES: [ThemeChoice; 2] = [ThemeChoice::Dark, ThemeChoice::Light];

/// What is wrong in each window that was looked at.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn look(&mut self, what: &str, bench: &Bench<'_>, popup: bool) {
        let size = bench.ctx.content_rect().size();
        let defects = look(bench, popup).defects();
        self.0.extend(defects.iter().map(|defect| format!("{}×{} {what}: {defect}", size.x, size.y)));
    }

    /// Scrolls down under this place until nothing moves any more, and looks at every page.
    fn scroll(&mut self, what: &str, bench: &mut Bench<'_>, place: Pos2) {
        bench.hover_at(place);
        for page in 0..40 {
            self.look(&format!("{what}, page {page}"), bench, false);
            let before = tops(bench);
            let delta = vec2(0.0, -0.8 * bench.ctx.content_rect().height());
            let wheel = Event::MouseWheel {
                unit: egui::MouseWheelUnit::Point,
                delta,
                phase: egui::TouchPhase::Move,
                modifiers: egui::Modifiers::NONE,
            };
            bench.event(wheel);
            bench.run_steps(2);
            // The themes differ in no length: what is scrolled into sight is looked at in one of them.
            if tops(bench) == before || bench.state().0.theme == ThemeChoice::Light {
                return;
            }
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "{} defects:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// Where all the lines of text stand.
fn tops(bench: &Bench<'_>) -> Vec<i32> {
    look(bench, false).lines.iter().map(|line| line.ink.top() as i32).collect()
}

/// Has each size and theme looked at.
fn everywhere(look: impl Fn(Vec2, ThemeChoice, &mut Found) + Sync) {
    // A thread for each size: they have nothing in common.
    let found = std::thread::scope(|scope| {
        let look = &look;
        let one = |size| {
            move || {
                let mut found = Found::default();
                THEMES.into_iter().for_each(|theme| look(size, theme, &mut found));
                found.0
            }
        };
        let all: Vec<_> = SIZES.into_iter().map(|size| scope.spawn(one(size))).collect();
        all.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    Found(found).none();
}

fn settled<'a>(world: World, open: PanelId, size: Vec2) -> Bench<'a> {
    let mut bench = window(world, Window::new(open), size);
    answered(&mut bench);
    bench
}

/// Some frames, in which what is asked for is answered.
fn answered(bench: &mut Bench<'_>) {
    for _ in 0..2 {
        hostile::answer(&mut bench.state_mut().0);
        bench.run_steps(2);
    }
}

fn click(bench: &mut Bench<'_>, label: &str) {
    bench.get_all_by_label(label).next().unwrap().click();
    bench.run_steps(2);
    answered(bench);
}

/// The middle of the detail, the middle of the panel.
fn detail(size: Vec2) -> Pos2 {
    pos2(size.x - 100.0, size.y / 2.0)
}

fn centre(size: Vec2) -> Pos2 {
    pos2(size.x * 0.4, size.y * 0.6)
}

fn wide() -> Option<Selected> {
    Some(Selected::Service(hostile::namespace(), hostile::wide()))
}

#[test]
fn whatever_is_selected() {
    everywhere(|size, theme, found| {
        for (what, selected) in hostile::things() {
            let world = World { theme, selected, ..World::new(hostile::scene()) };
            let mut bench = settled(world, PanelId::Changes, size);
            found.scroll(what, &mut bench, detail(size));
        }
    });
}

#[test]
fn every_panel() {
    everywhere(|size, theme, found| {
        for row in panels::PANELS {
            let mut bench = settled(World { theme, ..hostile::world() }, row.id, size);
            found.scroll(row.about.name, &mut bench, centre(size));
        }
        let mut bench = settled(World { theme, ..hostile::world() }, PanelId::Traces, size);
        let id = hostile::found().traces[15].trace.id.clone();
        bench.state_mut().0.intents.send(Intent::OpenTrace(id));
        bench.run_steps(2);
        answered(&mut bench);
        found.scroll("a trace", &mut bench, centre(size));
        let mut bench = settled(World { theme, ..hostile::world() }, PanelId::Proxies, size);
        bench.state_mut().0.intents.send(Intent::ProxyOf("checkout-v1-abc.shop".to_owned()));
        bench.run_steps(2);
        answered(&mut bench);
        found.look("a proxy", &bench, false);
        bench.get_all_by_label_contains(", 8080, ").next().unwrap().click();
        bench.run_steps(3);
        found.look("an entry of a proxy", &bench, false);
        let mut bench = settled(World { theme, selected: wide(), ..hostile::world() }, PanelId::Logs, size);
        found.look("logs", &bench, false);
        bench.get_all_by_label_contains("GET ").last().unwrap().click();
        bench.run_steps(3);
        answered(&mut bench);
        found.look("a line of a log", &bench, false);
        let mut bench = settled(World { theme, ..hostile::world() }, PanelId::Changes, size);
        bench.get_all_by_label_contains("Diff of").next().unwrap().click();
        bench.run_steps(3);
        found.look("an opened change", &bench, false);
    });
}

/// Every editor unfolded, and with a draft in it, so that the bar has it, too.
#[test]
fn every_editor() {
    everywhere(|size, theme, found| {
        for row in EDITORS {
            let what = row.about.name;
            let selected = Selected::Service(hostile::namespace(), hostile::called());
            let world = World { theme, selected: Some(selected.clone()), ..World::new(hostile::scene()) };
            let mut bench = settled(world, PanelId::Changes, size);
            bench.state_mut().0.intents.send(Intent::Edit(selected, what));
            bench.run_steps(4);
            found.scroll(what, &mut bench, detail(size));
        }
        let world = World { theme, selected: wide(), ..World::new(hostile::scene()) };
        let mut bench = settled(world, PanelId::Graph, size);
        bench.get_all_by_label("Even").next().unwrap().click();
        bench.run_steps(3);
        found.look("a draft", &bench, false);
    });
}

/// Everything that opens above the window.
#[test]
fn everything_that_opens() {
    everywhere(|size, theme, found| {
        let mut bench = settled(World { theme, selected: wide(), ..hostile::world() }, PanelId::Graph, size);
        for menu in [
            "Context and namespaces",
            "Time range",
            "Sources",
            "Graph type",
            "Edge labels",
            "Show in graph",
            "Diff",
            "Copy change",
            "Keys",
        ] {
            let Some(button) = bench.query_all_by_label(menu).next() else {
                found.0.push(format!("{size:?}: there is no {menu:?}"));
                continue;
            };
            button.click();
            bench.run_steps(4);
            found.look(menu, &bench, true);
            bench.key_press(Key::Escape);
            bench.run_steps(3);
        }
        bench.state_mut().1.palette.open();
        bench.run_steps(3);
        bench.event(Event::Text("checkout".into()));
        bench.run_steps(3);
        found.look("palette", &bench, true);
    });
}

#[test]
fn the_connect_screen() {
    everywhere(|size, theme, found| {
        let world = World { contexts: hostile::contexts(), theme, ..World::new(mesh::Scene::default()) };
        let mut bench = settled(world, PanelId::Graph, size);
        found.scroll("contexts", &mut bench, pos2(size.x * 0.6, size.y * 0.6));
        let mut bench = settled(World { theme, ..hostile::connecting() }, PanelId::Graph, size);
        found.scroll("connecting", &mut bench, size.to_pos2() / 2.0);
    });
}

/// Figures come and go, a source breaks, the pointer passes: what can be pressed keeps its place.
#[test]
fn nothing_jumps() {
    let places = |bench: &Bench<'_>| -> Vec<(String, [i32; 4])> {
        let rect =
            |rect: Rect| [rect.left(), rect.top(), rect.right(), rect.bottom()].map(|side| side as i32);
        let frame = look(bench, false);
        frame.controls.iter().map(|control| (control.name.clone(), rect(control.rect))).collect()
    };
    everywhere(|size, theme, _| {
        let world = World { theme, selected: Some(support::service("reviews")), ..World::bookinfo() };
        let mut bench = settled(world, PanelId::Graph, size);
        let before = places(&bench);
        assert!(before.len() > 20, "{before:?}");
        let traffic = bench.state().0.scene.traffic.clone();
        bench.state_mut().0.scene.traffic = traffic.failed(hostile::trouble(1));
        bench.run_steps(3);
        assert_eq!(places(&bench), before, "what was measured has become old");
        let mut more = mesh::demo::bookinfo_traffic();
        for flow in more.flows.values_mut() {
            flow.responses.iter_mut().for_each(|(_, rps)| *rps *= 12_345.6);
        }
        bench.state_mut().0.scene.traffic = mesh::Remote::Live(more.into(), mesh::demo::NOW);
        bench.run_steps(3);
        assert_eq!(places(&bench), before, "there are more calls");
        for (_, [left, top, right, bottom]) in before.iter().step_by(5) {
            bench.hover_at(pos2((left + right) as f32 / 2.0, (top + bottom) as f32 / 2.0));
            bench.run_steps(1);
        }
        bench.hover_at(pos2(1.0, 1.0));
        bench.run_steps(3);
        assert_eq!(places(&bench), before, "the pointer has passed");
    });
}

/// Tab goes on where one was: from what was clicked, and from what has gone.
#[test]
fn tab_goes_on_from_what_was_used_last() {
    let focused = |bench: &Bench<'_>| {
        let focus = bench.root().children_recursive().find(|node| node.accesskit_node().is_focused());
        focus.and_then(|node| node.accesskit_node().label()).unwrap_or_default()
    };
    let press = |bench: &mut Bench<'_>, key| {
        bench.key_press(key);
        bench.run_steps(3);
    };
    let world = World { selected: Some(support::service("reviews")), ..World::bookinfo() };
    let mut bench = settled(world, PanelId::Graph, SIZES[2]);
    click(&mut bench, "Lock reviews v1 share");
    assert_eq!(focused(&bench), "", "a click leaves no ring");
    press(&mut bench, Key::Tab);
    assert_eq!(focused(&bench), "reviews v2 share");
    // A menu is left for what it was opened by.
    click(&mut bench, "Time range");
    bench.get_by_label("Last 5 min").click();
    bench.run_steps(3);
    press(&mut bench, Key::Tab);
    assert_eq!(focused(&bench), "Pause live data");
    // What was pressed is gone: on from what stood before it.
    bench.get_by_label("reviews v1 share").focus();
    bench.run_steps(2);
    bench.state_mut().0.selected = Some(support::service("ratings"));
    bench.run_steps(3);
    press(&mut bench, Key::Tab);
    assert_eq!(focused(&bench), "Traces of ratings", "not at the top");
}

/// Made-up frames: each defect is seen, and nothing is seen where there is none.
#[test]
fn the_eyes_see_each_defect() {
    let rect =
        |[left, top, right, bottom]: [f32; 4]| Rect::from_min_max(pos2(left, top), pos2(right, bottom));
    let page = [0.0, 0.0, 400.0, 300.0];
    let line = |shown: &str, ink: [f32; 4], clip: [f32; 4], order: usize| Line {
        shown: shown.to_owned(),
        full: format!("{shown} and so on"),
        elided: shown.ends_with('…'),
        ink: rect(ink),
        clip: rect(clip),
        order,
        code: false,
    };
    let control = |name: &str, all: [f32; 4], seen: [f32; 4]| Control {
        name: name.to_owned(),
        rect: rect(all),
        seen: rect(seen),
        layer: egui::LayerId::background(),
        field: false,
    };
    let defects = |lines: &[Line], covers: &[Cover], controls: &[Control]| {
        let mut frame = Frame::empty(rect(page));
        (frame.lines, frame.covers, frame.controls) = (lines.to_vec(), covers.to_vec(), controls.to_vec());
        frame.defects().join("; ")
    };
    let check = |what: &str, found: String, expected: &str| {
        assert!(
            if expected.is_empty() { found.is_empty() } else { found.contains(expected) },
            "{what}: {found:?}, expected {expected:?}"
        );
    };
    let one = |line| defects(&[line], &[], &[]);
    check("whole", one(line("reviews", [10.0, 10.0, 90.0, 24.0], page, 1)), "");
    check("wide", one(line("reviews", [350.0, 10.0, 430.0, 24.0], page, 1)), "cut sideways");
    check("with an ellipsis", one(line("reviews-of…", [10.0, 10.0, 90.0, 24.0], page, 1)), "");
    check("with nothing but it", one(line("5.…", [10.0, 10.0, 30.0, 24.0], page, 1)), "is all that is left");
    check("scrolled out", one(line("reviews", [10.0, 290.0, 90.0, 304.0], page, 1)), "");
    check(
        "cut by a bar",
        one(line("reviews", [10.0, 32.0, 90.0, 46.0], [0.0, 2.0, 400.0, 40.0], 1)),
        "cut in height",
    );
    check(
        "under a bar",
        one(line("reviews", [10.0, 60.0, 90.0, 74.0], [0.0, 2.0, 400.0, 40.0], 1)),
        "out of sight",
    );
    let (below, above) =
        (line("below", [10.0, 10.0, 90.0, 24.0], page, 1), line("above", [80.0, 12.0, 160.0, 26.0], page, 3));
    let cover = |rect_of, order| Cover { rect: rect(rect_of), order };
    check("on each other", defects(&[below.clone(), above.clone()], &[], &[]), "lies on");
    let card = [cover([0.0, 0.0, 200.0, 40.0], 2)];
    check("on a card", defects(&[below.clone(), above], &card, &[]), "");
    check(
        "half covered",
        defects(std::slice::from_ref(&below), &[cover([50.0, 0.0, 200.0, 40.0], 2)], &[]),
        "covered in part",
    );
    let (push, undo) = (control("Push", [10.0, 50.0, 90.0, 80.0], page), [80.0, 50.0, 160.0, 80.0]);
    let push = Control { seen: push.rect, ..push };
    check("buttons", defects(&[], &[], &[push.clone(), control("Undo", undo, undo)]), "lie on each other");
    let row = [0.0, 45.0, 400.0, 90.0];
    check("a button in a row", defects(&[], &[], &[push.clone(), control("row", row, row)]), "");
    let half = control("Diff", [350.0, 50.0, 450.0, 80.0], [350.0, 50.0, 400.0, 80.0]);
    check("half a button", defects(&[], &[], &[half]), "cut sideways");
    let sentence = line("a long sentence", [40.0, 60.0, 200.0, 74.0], page, 1);
    check("under a button", defects(&[sentence], &[], &[push]), "runs into");
    let twin = |end: &str, top: f32| Line {
        full: format!("checkout-{end}"),
        ..line("check…", [10.0, top, 60.0, top + 14.0], page, 1)
    };
    check("twins", defects(&[twin("v1", 10.0), twin("v2", 30.0)], &[], &[]), "is all one sees");
}
