//! What a person sees at a glance and a test does not: text that is cut off, things that lie on each other,
//! things that leave the window. It looks at what is painted and at what can be pressed.

use egui::accesskit::{NodeId, Role};
use egui::epaint::{ClippedShape, Shape, TextShape};
use egui::{Context, LayerId, Rect};
use std::collections::HashMap;

/// Role and name of each widget.
pub(crate) type Named = HashMap<NodeId, (Role, String)>;

/// So far a letter may reach over an edge: the blur of its own edge.
const SLACK: f32 = 1.5;
/// Clips that are lower than this belong to a line or a bar, not to what is scrolled.
const LINE: f32 = 64.0;
/// What is larger than this part of the window is a ground, not a control.
const GROUND: f32 = 0.2;
/// An ellipsis that leaves fewer letters than this says nothing.
const LEAST: usize = 4;

/// One line of text.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What is painted, after an ellipsis has cut it.
    pub(crate) shown: String,
    /// What it says in all.
    pub(crate) full: String,
    /// Whether an ellipsis cuts it.
    pub(crate) elided: bool,
    /// Where its letters are.
    pub(crate) ink: Rect,
    /// What may be seen there.
    pub(crate) clip: Rect,
    /// How many shapes were painted before it.
    pub(crate) order: usize,
    /// Whether it is code, which is scrolled sideways.
    pub(crate) code: bool,
}

/// Something opaque that covers what was painted before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cover {
    pub(crate) rect: Rect,
    pub(crate) order: usize,
}

/// Something that can be pressed, dragged or typed into.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) name: String,
    /// All of it.
    pub(crate) rect: Rect,
    /// What of it can be seen and reached.
    pub(crate) seen: Rect,
    pub(crate) layer: LayerId,
    /// Text is typed into it, and scrolls inside of it.
    pub(crate) field: bool,
}

/// A frame, as it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) window: Rect,
    pub(crate) lines: Vec<Line>,
    pub(crate) covers: Vec<Cover>,
    pub(crate) controls: Vec<Control>,
    /// Parts whose contents do not scroll, whatever their height.
    pub(crate) fixed: Vec<Rect>,
    /// Where a picture is moved about under its frame: what leaves it is found again by moving.
    pub(crate) moved: Option<Rect>,
    /// Whether something is open above the window, which then covers what is below.
    pub(crate) popup: bool,
}

impl Frame {
    /// Nothing in a window.
    pub(crate) fn empty(window: Rect) -> Self {
        let (lines, covers, controls, fixed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { window, lines, covers, controls, fixed, moved: None, popup: false }
    }

    /// Looks at what was painted last. `named` are the widgets that are told of to screen readers.
    pub(crate) fn of(ctx: &Context, shapes: &[ClippedShape], named: &Named, window: Rect) -> Self {
        let mut frame = Self::empty(window);
        let mut order = 0;
        for ClippedShape { clip_rect, shape } in shapes {
            frame.take(shape, *clip_rect, &mut order);
        }
        ctx.viewport(|viewport| {
            for (layer, all) in viewport.prev_pass.widgets.layers() {
                for widget in all.iter().filter(|widget| widget.sense.interactive()) {
                    let Some((role, name)) = named.get(&widget.id.accesskit_id()) else { continue };
                    let ground = widget.rect.area() > GROUND * window.area();
                    // Bars for scrolling lie at the edge of what they scroll.
                    let passive = matches!(role, Role::Label | Role::ScrollBar);
                    if ground || passive || !widget.interact_rect.is_positive() {
                        continue;
                    }
                    frame.controls.push(Control {
                        name: name.clone(),
                        rect: widget.rect,
                        seen: widget.interact_rect,
                        layer: *layer,
                        field: matches!(role, Role::TextInput | Role::SpinButton),
                    });
                }
            }
        });
        frame
    }

    fn take(&mut self, shape: &Shape, clip: Rect, order: &mut usize) {
        *order += 1;
        match shape {
            Shape::Vec(all) => all.iter().for_each(|shape| self.take(shape, clip, order)),
            Shape::Rect(rect) if rect.fill.is_opaque() => {
                self.covers.push(Cover { rect: rect.rect.intersect(clip), order: *order });
            }
            Shape::Text(text) if text.opacity_factor > 0.0 => self.text(text, clip, *order),
            _ => {}
        }
    }

    fn text(&mut self, text: &TextShape, clip: Rect, order: usize) {
        let last = text.galley.rows.len().saturating_sub(1);
        for (at, placed) in text.galley.rows.iter().enumerate() {
            let shown: String = placed.row.glyphs.iter().map(|glyph| glyph.chr).collect();
            let bounds = placed.row.visuals.mesh_bounds;
            if shown.trim().is_empty() || !bounds.is_positive() {
                continue;
            }
            let ink = bounds.translate(placed.pos.to_vec2());
            let turned = ink.rotate_bb(egui::emath::Rot2::from_angle(text.angle));
            let family =
                &text.galley.job.sections.first().map(|section| section.format.font_id.family.clone());
            self.lines.push(Line {
                shown,
                full: text.galley.job.text.clone(),
                elided: text.galley.elided && at == last,
                ink: turned.translate(text.pos.to_vec2()),
                clip: clip.intersect(self.window),
                order,
                code: *family == Some(egui::FontFamily::Monospace),
            });
        }
    }

    /// All that is wrong with it, in words.
    pub(crate) fn defects(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.cut(&mut found);
        self.on_each_other(&mut found);
        self.pressed(&mut found);
        self.alike(&mut found);
        found
    }

    /// Text that is cut without an ellipsis, or by one that leaves nothing.
    fn cut(&self, found: &mut Vec<String>) {
        for line in &self.lines {
            let seen = line.ink.intersect(line.clip);
            let same = |fixed: &Rect| {
                fixed.expand(1.0).contains_rect(line.clip) && line.clip.expand(1.0).contains_rect(*fixed)
            };
            let scrolls =
                (line.clip.height() >= LINE || self.is_strip(line.clip)) && !self.fixed.iter().any(same);
            let moved = self.moved.is_some_and(|moved| moved.contains_rect(line.clip));
            let field =
                self.controls.iter().any(|control| control.field && control.rect.contains_rect(line.clip));
            if moved || field {
                continue;
            }
            if line.elided && line.shown.trim_end_matches('…').trim().chars().count() < LEAST {
                found.push(format!(
                    "{:?} is all that is left of {:?} {}",
                    line.shown,
                    line.full,
                    at(line.ink)
                ));
            }
            if !seen.is_positive() {
                if !scrolls && line.clip.is_positive() {
                    found.push(format!(
                        "{:?} is out of sight {} of {}",
                        line.shown,
                        at(line.ink),
                        at(line.clip)
                    ));
                }
                continue;
            }
            let (over_left, over_right) = (seen.left() - line.ink.left(), line.ink.right() - seen.right());
            let (over_top, over_bottom) = (seen.top() - line.ink.top(), line.ink.bottom() - seen.bottom());
            if !line.code && over_left.max(over_right) > SLACK {
                found.push(format!("{:?} is cut sideways {} by {}", line.shown, at(line.ink), at(line.clip)));
            }
            if !scrolls && over_top.max(over_bottom) > SLACK {
                found.push(format!(
                    "{:?} is cut in height {} by {}",
                    line.shown,
                    at(line.ink),
                    at(line.clip)
                ));
            }
        }
    }

    /// Whether it is what is left in sight of a row that is scrolled out: it ends where all rows do.
    fn is_strip(&self, clip: Rect) -> bool {
        let edge =
            |all: Rect| (all.top() - clip.top()).abs() < 0.5 || (all.bottom() - clip.bottom()).abs() < 0.5;
        let all = self.lines.iter().map(|line| line.clip).chain([self.window]);
        all.filter(|all| all.height() >= LINE && all.expand(0.5).contains_rect(clip)).any(edge)
    }

    /// Text over text, and text that something opaque covers in part.
    fn on_each_other(&self, found: &mut Vec<String>) {
        let seen: Vec<Rect> = self.lines.iter().map(|line| line.ink.intersect(line.clip)).collect();
        for (at_one, one) in self.lines.iter().enumerate() {
            for (other, seen_other) in self.lines.iter().zip(&seen).skip(at_one + 1) {
                let both = seen[at_one].intersect(*seen_other);
                let between = |cover: &&Cover| {
                    (one.order..other.order).contains(&cover.order) && cover.rect.contains_rect(both)
                };
                if overlap(both) && !self.covers.iter().any(|cover| between(&cover)) {
                    found.push(format!("{:?} lies on {:?} {}", other.shown, one.shown, at(both)));
                }
            }
            // A badge may lie on the corner of an icon.
            let icon = one.shown.chars().all(|letter| ('\u{e000}'..'\u{f8ff}').contains(&letter));
            if self.popup || icon || !seen[at_one].is_positive() {
                continue;
            }
            let over = self.covers.iter().filter(|cover| cover.order > one.order);
            for cover in over.filter(|cover| !cover.rect.expand(SLACK).contains_rect(seen[at_one])) {
                if overlap(cover.rect.intersect(seen[at_one])) {
                    found.push(format!(
                        "{:?} is covered in part {} by {}",
                        one.shown,
                        at(one.ink),
                        at(cover.rect)
                    ));
                }
            }
        }
    }

    /// Controls that lie on each other, are cut, or have another's text on them.
    fn pressed(&self, found: &mut Vec<String>) {
        for (at_one, one) in self.controls.iter().enumerate() {
            let moved = |rect: Rect| self.moved.is_some_and(|moved| moved.contains_rect(rect));
            for other in self.controls[at_one + 1..].iter().filter(|other| other.layer == one.layer) {
                let both = one.seen.intersect(other.seen);
                let inside = one.rect.expand(SLACK).contains_rect(other.rect)
                    || other.rect.expand(SLACK).contains_rect(one.rect);
                if overlap(both) && !inside && !(moved(one.seen) && moved(other.seen)) {
                    found.push(format!("{:?} and {:?} lie on each other {}", one.name, other.name, at(both)));
                }
            }
            if one.rect.width() - one.seen.width() > SLACK && !moved(one.seen) {
                found.push(format!("{:?} is cut sideways {} to {}", one.name, at(one.rect), at(one.seen)));
            }
            if self.popup {
                continue;
            }
            for line in &self.lines {
                let ink = line.ink.intersect(line.clip);
                let inside = || one.rect.expand(SLACK).contains_rect(ink);
                let hides = |cover: &Cover| cover.order > line.order && cover.rect.contains_rect(ink);
                if overlap(ink.intersect(one.seen))
                    && !inside()
                    && !moved(ink)
                    && !self.covers.iter().any(hides)
                {
                    found.push(format!("{:?} runs into {:?} {}", line.shown, one.name, at(ink)));
                }
            }
        }
    }

    /// Names that are cut before they differ.
    fn alike(&self, found: &mut Vec<String>) {
        let cut: Vec<&Line> =
            self.lines.iter().filter(|line| line.elided || line.shown.contains('…')).collect();
        for (at_one, one) in cut.iter().enumerate() {
            let twin = cut[at_one + 1..].iter().find(|other| {
                let column = (other.ink.left() - one.ink.left()).abs() < 1.0;
                column && other.shown == one.shown && other.full != one.full
            });
            if let Some(other) = twin {
                found.push(format!("{:?} is all one sees of {:?} and {:?}", one.shown, one.full, other.full));
            }
        }
    }
}

fn overlap(both: Rect) -> bool {
    both.width() > SLACK && both.height() > SLACK
}

fn at(rect: Rect) -> String {
    format!("[{:.0} {:.0} – {:.0} {:.0}]", rect.left(), rect.top(), rect.right(), rect.bottom())
}
