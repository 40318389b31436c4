//! What frames of panels cost, without a window: for `cargo xtask bench`.

use crate::contexts::Contexts;
use crate::cx::{Cx, Intents};
use crate::graph::{Graph, time};
use crate::intent::{Intent, ThemeChoice};
use crate::kit::theme;
use crate::panel::Panel;
use crate::reads::{Reads, Wanted};
use crate::selection::Selected;
use egui::{
    Context, Event, Modifiers, MouseWheelUnit, PointerButton, Pos2, RawInput, Rect, TouchPhase, Ui, Vec2,
    pos2, vec2,
};
use mesh::reads::{Answer, Read};
use mesh::{Ledger, Scene};
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Measured times of frames: drawing and tessellation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Frames {
    /// The first one, which has to take everything in.
    pub first: Duration,
    /// The middle one.
    pub median: Duration,
    /// The slowest of a hundred but one.
    pub p99: Duration,
    /// The slowest.
    pub longest: Duration,
}

/// Where something is drawn, frame by frame.
pub struct Stage {
    /// What is shown.
    pub scene: Scene,
    /// What is selected.
    pub selected: Option<Selected>,
    /// How large the window is, in points.
    pub size: Vec2,
    ctx: Context,
    woken: Receiver<()>,
    frame: u64,
    /// How much the last one drew.
    shapes: usize,
    ledger: Ledger,
    contexts: Contexts,
    intents: Intents,
    wanted: Wanted,
}

/// So often nothing else is drawn, so long apart, when nothing is in the making any more.
const QUIET: (usize, Duration) = (4, Duration::from_millis(150));

impl Frames {
    /// Of these times, of which the first makes everything.
    fn of(mut times: Vec<Duration>) -> Self {
        let first = times.first().copied().unwrap_or_default();
        // The first frames make glyphs, too.
        let mut later = times.split_off(times.len().min(4));
        later.sort_unstable();
        let at = |part: usize| later.get((later.len() * part / 100).min(later.len().saturating_sub(1)));
        let [median, p99, longest] = [50, 99, 100].map(|part| at(part).copied().unwrap_or_default());
        Self { first, median, p99, longest }
    }
}

impl Stage {
    /// A dark window of 1440 × 900.
    pub fn new(scene: Scene, selected: Option<Selected>) -> Self {
        let ctx = Context::default();
        theme::apply(&ctx, ThemeChoice::Dark);
        let (sender, woken) = channel();
        ctx.set_request_repaint_callback(move |_| {
            sender.send(()).ok();
        });
        Self {
            scene,
            selected,
            size: vec2(1440.0, 900.0),
            ctx,
            woken,
            frame: 0,
            shapes: 0,
            ledger: Ledger::default(),
            contexts: Contexts::default(),
            intents: Intents::default(),
            wanted: Wanted::default(),
        }
    }

    /// One of another size.
    #[must_use]
    pub fn of_size(self, width: f32, height: f32) -> Self {
        Self { size: vec2(width, height), ..self }
    }

    /// Draws until nothing is in the making; what is asked for is answered. Returns how long the first frame took.
    pub fn settle(
        &mut self,
        draw: &mut dyn FnMut(&mut Ui, &Cx<'_>),
        answer: &dyn Fn(&Read) -> Option<Answer>,
    ) -> Duration {
        let first = self.draw(Vec::new(), draw);
        let (mut quiet, mut shown) = (0, self.shapes);
        while quiet < QUIET.0 {
            if self.answered(answer) {
                quiet = 0;
            }
            // What is made beside these frames wakes the window; frames themselves do so, too.
            while self.woken.try_recv().is_ok() {}
            self.woken.recv_timeout(QUIET.1).ok();
            self.draw(Vec::new(), draw);
            quiet = if self.shapes == shown { quiet + 1 } else { 0 };
            shown = self.shapes;
        }
        first
    }

    /// Draws while one scrolls up and down, and every eighth frame looks closer or less so; before each frame the
    /// scene may become another one.
    pub fn scroll(
        &mut self,
        count: usize,
        draw: &mut dyn FnMut(&mut Ui, &Cx<'_>),
        mut becomes: impl FnMut(&mut Scene, usize),
    ) -> Frames {
        let mut times = Vec::with_capacity(count);
        for frame in 0..=count {
            becomes(&mut self.scene, frame);
            let turned = match frame % 8 {
                _ if frame < 4 => None,
                7 => Some((Modifiers::COMMAND, if (frame / 40) % 2 == 0 { 40.0 } else { -40.0 })),
                _ => Some((Modifiers::NONE, if (frame / 64) % 2 == 0 { -900.0 } else { 700.0 })),
            };
            let wheel = turned.map(|(modifiers, by)| Event::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta: vec2(0.0, by),
                phase: TouchPhase::Move,
                modifiers,
            });
            let moved = Event::PointerMoved(pos2(1000.0, 600.0));
            times.push(self.draw(std::iter::once(moved).chain(wheel).collect(), draw));
        }
        Frames::of(times)
    }

    /// Answers what was asked for since the last time. Returns whether anything was new.
    fn answered(&mut self, answer: &dyn Fn(&Read) -> Option<Answer>) -> bool {
        let mut new = false;
        for (read, _) in self.wanted.take() {
            if self.scene.answers.get(&read).value().is_none()
                && let Some(answer) = answer(&read)
            {
                self.scene.answers.take(mesh::demo::NOW, read, Ok(answer));
                new = true;
            }
        }
        new
    }

    fn cx(&self) -> Cx<'_> {
        Cx {
            file: None,
            scene: &self.scene,
            selected: self.selected.as_ref(),
            changes: &self.ledger,
            intents: &self.intents,
            namespaces: &[],
            window_secs: 60,
            paused: false,
            read_only: false,
            workloads: false,
            reads: Reads::new(&self.scene, &self.wanted),
            theme: ThemeChoice::Dark,
            now: mesh::demo::NOW,
            contexts: &self.contexts,
        }
    }

    fn draw(&mut self, events: Vec<Event>, draw: &mut dyn FnMut(&mut Ui, &Cx<'_>)) -> Duration {
        self.frame += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            time: Some(self.frame as f64 / 60.0),
            events,
            ..RawInput::default()
        };
        let cx = self.cx();
        let start = Instant::now();
        let output = self.ctx.run_ui(input, |ui| draw(ui, &cx));
        let pixels = output.pixels_per_point;
        let (shapes, mut textures) = (output.shapes, output.textures_delta);
        self.shapes = shapes.len();
        std::hint::black_box(self.ctx.tessellate(shapes, pixels));
        let took = start.elapsed();
        textures.clear();
        for (_, intent) in self.intents.take() {
            if let Intent::Look(at) = intent {
                self.wanted.look(at);
            }
        }
        took
    }
}

/// Frames of a panel, after it has taken in all that it asked for: the first is the one that opened it.
pub fn of_panel(
    mut panel: Box<dyn Panel>,
    mut stage: Stage,
    asked: Option<&Intent>,
    answer: &dyn Fn(&Read) -> Option<Answer>,
    becomes: impl FnMut(&mut Scene, usize),
) -> Frames {
    if let Some(intent) = asked {
        panel.follow(intent, &stage.cx());
    }
    let mut draw = |ui: &mut Ui, cx: &Cx<'_>| panel.ui(ui, cx);
    let first = stage.settle(&mut draw, answer);
    Frames { first, ..stage.scroll(400, &mut draw, becomes) }
}

/// Frames of the graph while the moment is dragged over its axis, there and back; what is asked of a moment is
/// answered before the next frame. With them, how many moments were shown.
pub fn of_scrubbing(mut stage: Stage, answer: &dyn Fn(&Read) -> Option<Answer>) -> (Frames, usize) {
    let mut graph = Graph::default();
    graph.choices().time = true;
    let mut draw = |ui: &mut Ui, cx: &Cx<'_>| graph.ui(ui, cx);
    let mut times = vec![stage.settle(&mut draw, answer)];
    let mut moments = BTreeSet::new();
    let axis = time::axis(Rect::from_min_size(Pos2::ZERO, stage.size));
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    stage.draw(vec![Event::PointerMoved(axis.center()), button(axis.center(), true)], &mut draw);
    for frame in 0..SCRUBBED {
        // From the middle to the left, to the right, and so on.
        let share = ((frame % 200) as f32 / 100.0 - 1.0).abs();
        let at = pos2(axis.left() + axis.width() * share, axis.center().y);
        times.push(stage.draw(vec![Event::PointerMoved(at)], &mut draw));
        stage.answered(answer);
        let then = stage.cx().then();
        moments.extend(then.and_then(|then| then.traffic.at()));
    }
    (Frames::of(times), moments.len())
}

/// So many frames are measured while one scrubs.
const SCRUBBED: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::Overview;

    /// Frames of nothing would be fast.
    #[test]
    fn what_is_measured_is_all_there() {
        let mut panel = Overview::default();
        let mut draw = |ui: &mut Ui, cx: &Cx<'_>| panel.ui(ui, cx);
        let mut stage = Stage::new(mesh::demo::synthetic_scene(300, 600), None);
        stage.settle(&mut draw, &|_| None);
        assert!(stage.shapes > 50, "six namespaces, not {} shapes", stage.shapes);
    }

    #[test]
    fn scrubbing_shows_other_moments() {
        let scene = mesh::demo::scene();
        let traffic = scene.traffic.value().cloned().expect("traffic");
        let answer = |read: &Read| {
            let new = || Answer::Traffic(std::sync::Arc::new((*traffic).clone()));
            matches!(read, Read::Traffic(_)).then(new)
        };
        let (frames, moments) = of_scrubbing(Stage::new(scene, None), &answer);
        assert!(moments > 50 && frames.median > Duration::ZERO, "{moments} moments, {frames:?}");
    }
}
