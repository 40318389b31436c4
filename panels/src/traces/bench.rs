//! What frames of an opened trace cost, without a window: for `cargo xtask bench`.

use super::waterfall::Waterfall;
use crate::contexts::Contexts;
use crate::cx::{Cx, Intents};
use crate::intent::ThemeChoice;
use crate::kit::theme;
use crate::reads::{Reads, Wanted};
use egui::{Context, Event, Modifiers, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, pos2, vec2};
use mesh::trace::Opened;
use mesh::{Ledger, Scene};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Measured times of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Frames {
    /// The first one, which has to take the trace in.
    pub first: Duration,
    /// The slowest of a hundred but one.
    pub p99: Duration,
    /// The slowest.
    pub longest: Duration,
}

/// How long frames (drawing and tessellation) take while one scrolls through a trace and looks closer.
pub fn frames(opened: &Arc<Opened>, count: usize) -> Frames {
    let (scene, ledger, contexts) = (Scene::default(), Ledger::default(), Contexts::default());
    let (intents, wanted) = (Intents::default(), Wanted::default());
    let ctx = Context::default();
    theme::apply(&ctx, ThemeChoice::Dark);
    let mut waterfall = Waterfall::default();
    let mut times = Vec::with_capacity(count);
    for frame in 0..=count {
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
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1440.0, 900.0))),
            time: Some(frame as f64 / 60.0),
            events: std::iter::once(moved).chain(wheel).collect(),
            ..RawInput::default()
        };
        let cx = Cx {
            file: None,
            scene: &scene,
            selected: None,
            changes: &ledger,
            intents: &intents,
            namespaces: &[],
            window_secs: 60,
            paused: false,
            read_only: false,
            workloads: false,
            reads: Reads::new(&scene, &wanted),
            theme: ThemeChoice::Dark,
            now: mesh::demo::NOW,
            contexts: &contexts,
        };
        let start = Instant::now();
        let output = ctx.run_ui(input, |ui| {
            std::hint::black_box(waterfall.ui(ui, &cx, opened, None));
        });
        let pixels = output.pixels_per_point;
        let (shapes, mut textures) = (output.shapes, output.textures_delta);
        std::hint::black_box(ctx.tessellate(shapes, pixels));
        times.push(start.elapsed());
        textures.clear();
    }
    let first = times.first().copied().unwrap_or_default();
    // The first frames make glyphs, too.
    let mut later = times.split_off(times.len().min(4));
    later.sort_unstable();
    let p99 = later.get((later.len() * 99 / 100).min(later.len().saturating_sub(1)));
    Frames {
        first,
        p99: p99.copied().unwrap_or_default(),
        longest: later.last().copied().unwrap_or_default(),
    }
}
