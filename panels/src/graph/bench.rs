//! What a frame of the graph costs, without a window: for `cargo xtask bench`.

use super::canvas::{Canvas, Picture, Setting};
use super::find::Find;
use super::place::place;
use super::placement::Placement;
use super::sample;
use super::view::{Labels, View};
use super::work::{Drawn, Finished, Maker, Order};
use crate::intent::ThemeChoice;
use crate::kit::theme;
use egui::{Context, Pos2, RawInput, Rect, vec2};
use mesh::graph::GraphOptions;
use mesh::{Mesh, Scene};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the camera moves while frames are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// It stands still.
    Still,
    /// It moves sideways.
    Panning,
    /// It comes nearer.
    Zooming,
}

/// Measured times of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Frames {
    /// The frame in the middle.
    pub median: Duration,
    /// The slowest of a hundred but one.
    pub p99: Duration,
}

/// How long it takes to place a made-up graph of this size, boxes and all.
pub fn placing(nodes: usize, edges: usize) -> Duration {
    let graph = sample::large(nodes, edges);
    let start = Instant::now();
    let placement: Placement = place(&graph);
    let took = start.elapsed();
    std::hint::black_box(placement);
    took
}

/// How long frames (drawing and tessellation) of a made-up graph of this size take, all of it in view.
pub fn frames(nodes: usize, edges: usize, motion: Motion, count: usize) -> Frames {
    let graph = sample::large(nodes, edges);
    let mut picture = Picture::new(View::of(&graph, &place(&graph), Labels::default(), &Find::default()));
    let ctx = Context::default();
    theme::apply(&ctx, ThemeChoice::Dark);
    let mut canvas = Canvas::default();
    let history = BTreeMap::new();
    let mut times = Vec::with_capacity(count);
    for frame in 0..count + 8 {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1600.0, 1000.0))),
            time: Some(frame as f64 / 60.0),
            ..RawInput::default()
        };
        let mut camera = canvas.camera();
        let sign = if (frame / 20) % 2 == 0 { 1.0 } else { -1.0 };
        match motion {
            Motion::Still => {}
            Motion::Panning => camera.pan += vec2(3.0 * sign, 1.0 * sign),
            Motion::Zooming => camera = camera.zoomed(1.0 + 0.01 * sign, vec2(800.0, 500.0)),
        }
        if motion != Motion::Still && frame > 2 {
            canvas.look(camera);
        }
        let start = Instant::now();
        let output = ctx.run_ui(input, |ui| {
            let setting = Setting {
                name: "Service graph",
                selected: None,
                flowing: false,
                minimap: true,
                movable: true,
                history: &history,
            };
            std::hint::black_box(canvas.ui(ui, &mut picture, &setting, &mut |_, _, _| {}));
        });
        let pixels = output.pixels_per_point;
        let (shapes, mut textures) = (output.shapes, output.textures_delta);
        std::hint::black_box(ctx.tessellate(shapes, pixels));
        let took = start.elapsed();
        textures.clear();
        // The first frames make glyphs and the mesh.
        if frame >= 8 {
            times.push(took);
        }
    }
    times.sort_unstable();
    let at = |part: f64| {
        times
            .get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    Frames { median: at(0.5), p99: at(0.99) }
}

/// A graph in a window, in which things change; without the window.
pub struct Changing {
    order: Order,
    maker: Maker,
    picture: Picture,
    canvas: Canvas,
    ctx: Context,
    frame: u32,
}

/// What one change cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// To make what is new, beside the window's thread.
    pub made: Duration,
    /// To take it in and draw the next frame, on the window's thread.
    pub shown: Duration,
}

impl Changing {
    /// All that a scene has, in view.
    pub fn new(scene: &Scene) -> Option<Self> {
        let (traffic, at) = (scene.traffic.value().cloned(), scene.traffic.at().unwrap_or_default());
        let options = GraphOptions { idle: true, ..GraphOptions::default() };
        let order = Order { options, ..Order::of(&scene.mesh, traffic, at) };
        let mut maker = Maker::default();
        let Drawn::Picture(picture) = maker.make(&order).drawn else { return None };
        let ctx = Context::default();
        theme::apply(&ctx, ThemeChoice::Dark);
        let canvas = Canvas::default();
        Some(Self { order, maker, picture: *picture, canvas, ctx, frame: 0 })
    }

    /// The next frame, in which nothing changes.
    pub fn still(&mut self) -> Duration {
        self.frame += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1600.0, 1000.0))),
            time: Some(f64::from(self.frame) / 60.0),
            ..RawInput::default()
        };
        let history = BTreeMap::new();
        let start = Instant::now();
        let (canvas, picture) = (&mut self.canvas, &mut self.picture);
        let mut output = self.ctx.run_ui(input, |ui| {
            let setting = Setting {
                name: "Service graph",
                selected: None,
                flowing: false,
                minimap: true,
                movable: true,
                history: &history,
            };
            std::hint::black_box(canvas.ui(ui, picture, &setting, &mut |_, _, _| {}));
        });
        std::hint::black_box(self.ctx.tessellate(output.shapes, output.pixels_per_point));
        let took = start.elapsed();
        output.textures_delta.clear();
        took
    }

    /// The mesh becomes this one.
    pub fn becomes(&mut self, mesh: &Arc<Mesh>) -> Cost {
        self.order.mesh = Arc::clone(mesh);
        let start = Instant::now();
        let Finished { drawn, .. } = self.maker.make(&self.order);
        let made = start.elapsed();
        let start = Instant::now();
        match drawn {
            Drawn::Picture(picture) => {
                self.canvas.renew();
                // The window lets go of the old one on another thread.
                std::mem::forget(std::mem::replace(&mut self.picture, *picture));
            }
            Drawn::Cards(view, changed) => {
                self.canvas.renew_cards(&changed);
                self.picture.renew(view, &changed);
            }
        }
        let taken = start.elapsed();
        Cost { made, shown: taken + self.still() }
    }
}
