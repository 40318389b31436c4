//! What the views are made of: derived once for a trace and what was found beside it, of a large one by another
//! thread.

use egui::Context;
use mesh::trace::{
    Event, Figures, Found, Opened, Pair, Reason, Shape, Usual, compare, events, figures, why_slow,
};
use std::sync::{Arc, OnceLock};

/// A trace of so many spans takes longer than a frame may.
const LARGE: usize = 4_000;

/// All of it.
pub(super) struct Parts {
    pub(super) shape: Shape,
    /// From where to where each node of the shape reaches.
    pub(super) places: Vec<(f64, f64)>,
    pub(super) services: Vec<Figures>,
    pub(super) operations: Vec<Figures>,
    pub(super) events: Vec<Event>,
    /// What is usual for what it begins with, if enough others were found.
    pub(super) usual: Option<Usual>,
    /// How it differs from that.
    pub(super) pairs: Vec<Pair>,
    pub(super) reasons: Vec<Reason>,
    /// Changes with all that is in it.
    pub(super) revision: u64,
}

/// The last that was derived.
#[derive(Default)]
pub(super) struct Derived {
    /// Of which trace, and of what was found.
    of: Option<(usize, usize)>,
    revision: u64,
    made: Arc<OnceLock<Arc<Parts>>>,
}

impl Derived {
    /// The parts, once they are there; the window is woken then.
    pub(super) fn of(
        &mut self,
        ctx: &Context,
        opened: &Arc<Opened>,
        found: Option<&Arc<Found>>,
    ) -> Option<Arc<Parts>> {
        let of = (Arc::as_ptr(opened) as usize, found.map_or(0, |found| Arc::as_ptr(found) as usize));
        if self.of != Some(of) {
            self.of = Some(of);
            self.revision += 1;
            self.made = Arc::default();
            let (opened, found, revision) = (Arc::clone(opened), found.cloned(), self.revision);
            let spans =
                |found: &Arc<Found>| found.traces.iter().map(|one| one.trace.spans.len()).sum::<usize>();
            let all = opened.trace.spans.len() + found.as_ref().map_or(0, spans);
            let made = Arc::clone(&self.made);
            if all <= LARGE {
                made.get_or_init(|| Arc::new(Parts::of(&opened, found.as_deref(), revision)));
            } else {
                let ctx = ctx.clone();
                std::thread::spawn(move || {
                    made.get_or_init(|| Arc::new(Parts::of(&opened, found.as_deref(), revision)));
                    // Who waits for it holds it, not the trace.
                    drop((opened, found));
                    ctx.request_repaint();
                });
            }
        }
        self.made.get().cloned()
    }
}

impl Parts {
    fn of(opened: &Opened, found: Option<&Found>, revision: u64) -> Self {
        let shape = Shape::of(opened);
        let usual = found.and_then(|found| Usual::of(opened, &found.traces));
        Self {
            places: shape.spread(),
            services: figures(opened, false),
            operations: figures(opened, true),
            events: events(opened),
            reasons: why_slow(&shape, opened.summary.duration_us, usual.as_ref()),
            pairs: usual.as_ref().map_or_else(Vec::new, |usual| compare(&shape, &usual.shape)),
            usual,
            shape,
            revision,
        }
    }
}
