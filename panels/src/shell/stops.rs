//! Where Tab goes on from when nothing has the focus: from what was used last, by keyboard or mouse. When that
//! is gone, because it was pressed and something else has come, from the stop before it.

use egui::{Context, Id, Key, LayerId, WidgetRect};

/// What was used last, and what stands before it.
#[derive(Default)]
pub struct Stops {
    last: Option<(LayerId, Id)>,
    /// The stops before the last one in the order of Tab; before them those of what lies below, where it is
    /// in a menu.
    before: Vec<Id>,
    /// How many of them lie below.
    below: usize,
}

impl Stops {
    /// Follows what is used. Called before anything is drawn, since Tab goes from widget to widget while
    /// they are drawn.
    pub fn follow(&mut self, ctx: &Context) {
        let focused = ctx.memory(|memory| memory.focused());
        let clicked = ctx.interaction_snapshot(|now| now.clicked);
        ctx.viewport(|viewport| {
            let widgets = &viewport.prev_pass.widgets;
            let stop = |id: Id| widgets.get(id).filter(|widget| is_stop(widget));
            let used = clicked.and_then(stop).or_else(|| focused.and_then(stop));
            let kept = self.last.and_then(|(_, id)| stop(id));
            if let Some(now) = used.or(kept) {
                let layer = now.layer_id;
                self.enter(layer);
                let all = widgets.get_layer(layer);
                let before = all.take_while(|widget| widget.id != now.id).filter(|widget| is_stop(widget));
                self.before.truncate(self.below);
                self.before.extend(before.map(|widget| widget.id));
                self.last = Some((layer, now.id));
            }
        });
        if focused.is_none() && ctx.input(|input| input.key_pressed(Key::Tab)) {
            self.go_on(ctx);
        }
    }

    /// What stands in a menu goes with it; then one is where it was opened.
    fn enter(&mut self, layer: LayerId) {
        match self.last {
            Some((before, _)) if before == layer => {}
            Some((before, opener)) if layer.order > before.order => {
                self.before.push(opener);
                self.below = self.before.len();
            }
            _ => self.below = 0,
        }
    }

    /// Gives the focus to where one was, so that Tab leads to what comes next.
    fn go_on(&self, ctx: &Context) {
        let last = self.last.map(|(_, id)| id);
        let there = ctx.viewport(|viewport| {
            let widgets = &viewport.prev_pass.widgets;
            let there = |id: &Id| widgets.get(*id).is_some_and(is_stop);
            last.into_iter().chain(self.before.iter().rev().copied()).find(there)
        });
        if let Some(id) = there {
            ctx.memory_mut(|memory| memory.request_focus(id));
        }
    }
}

fn is_stop(widget: &WidgetRect) -> bool {
    widget.enabled && widget.sense.is_focusable()
}
