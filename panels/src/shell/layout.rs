//! Where the parts of the window stand, and the order in which Tab comes to them: as one reads, the change
//! bar last.

use super::{rail, top_bar};
use crate::change_bar;
use crate::kit::{Tokens, splitter};
use egui::{Layout as Flow, Rect, Ui, UiBuilder};

/// Narrower windows than this give the graph the room of the rail's names.
const ROOMY: f32 = 1200.0;
/// Widths that the detail may have.
const DETAIL: std::ops::RangeInclusive<f32> = 300.0..=560.0;
/// The centre keeps so much, whatever the detail would like.
const CENTRE: f32 = 360.0;

/// A part of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What is looked at.
    TopBar,
    /// The panels.
    Rail,
    /// The panels that are shown.
    Centre,
    /// What is selected.
    Detail,
    /// The change that is not pushed.
    ChangeBar,
}

/// How the window is divided; what the user chose of it.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Whether the rail shows names: in a roomy window, in a narrow one.
    names: [bool; 2],
    /// Width of the detail: in a roomy window, in a narrow one.
    detail: [f32; 2],
}

impl Default for Layout {
    fn default() -> Self {
        Self { names: [true, false], detail: [384.0, 320.0] }
    }
}

impl Layout {
    /// Has each part drawn in its place. `draw` also gets whether the rail shows names, and may change it.
    pub fn ui(&mut self, ui: &mut Ui, draw: &mut dyn FnMut(&mut Ui, Part, &mut bool)) {
        let rect = ui.max_rect();
        let narrow = usize::from(rect.width() < ROOMY);
        let mut names = self.names[narrow];
        let places = self.places(rect, narrow);
        for (part, place) in places {
            let tokens = Tokens::of(ui);
            // The window is cleared to the canvas: each pixel of the ground is drawn once, which is what a
            // frame costs where the processor draws it.
            if part != Part::Centre {
                ui.painter().rect_filled(place, 0.0, tokens.surface);
            }
            let builder =
                UiBuilder::new().id_salt(part).max_rect(place).layout(Flow::top_down(egui::Align::Min));
            ui.scope_builder(builder, |ui| {
                ui.shrink_clip_rect(place);
                draw(ui, part, &mut names);
            });
            if part == Part::Centre {
                let edge = place.with_min_x(place.right());
                let wider = -splitter(ui, edge, "Width of the detail", self.detail[narrow]);
                self.detail[narrow] = (self.detail[narrow] + wider).clamp(*DETAIL.start(), *DETAIL.end());
            }
        }
        lines(ui, &places);
        self.names[narrow] = names;
    }

    fn places(&self, rect: Rect, narrow: usize) -> [(Part, Rect); 5] {
        let (top, rest) = rect.split_top_bottom_at_y(rect.top() + top_bar::HEIGHT);
        let (body, bar) = rest.split_top_bottom_at_y((rest.bottom() - change_bar::HEIGHT).max(rest.top()));
        let (rail, rest) = body.split_left_right_at_x(body.left() + rail_width(self.names[narrow]));
        let most = (rest.width() - CENTRE).clamp(*DETAIL.start(), *DETAIL.end());
        let detail = self.detail[narrow].clamp(*DETAIL.start(), most);
        let (centre, detail) = rest.split_left_right_at_x((rest.right() - detail).max(rest.left()));
        [
            (Part::TopBar, top),
            (Part::Rail, rail),
            (Part::Centre, centre),
            (Part::Detail, detail),
            (Part::ChangeBar, bar),
        ]
    }
}

/// How wide the rail is.
pub fn rail_width(names: bool) -> f32 {
    if names { rail::WIDE } else { rail::NARROW }
}

/// Hairlines between the parts.
fn lines(ui: &Ui, places: &[(Part, Rect); 5]) {
    let line = Tokens::of(ui).hairline();
    for (part, place) in places {
        match part {
            Part::TopBar => ui.painter().hline(place.x_range(), place.bottom(), line),
            Part::Rail => ui.painter().vline(place.right(), place.y_range(), line),
            Part::Detail => ui.painter().vline(place.left(), place.y_range(), line),
            Part::ChangeBar => ui.painter().hline(place.x_range(), place.top(), line),
            Part::Centre => continue,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Pos2, vec2};

    #[test]
    fn parts_cover_the_window_and_not_each_other() {
        for size in [[1024.0, 640.0], [1280.0, 800.0], [1440.0, 900.0], [2560.0, 1440.0], [640.0, 300.0]] {
            let window = Rect::from_min_size(Pos2::ZERO, size.into());
            let narrow = usize::from(window.width() < ROOMY);
            let places = Layout::default().places(window, narrow);
            let area: f32 = places.iter().map(|(_, place)| place.area()).sum();
            assert!((area - window.area()).abs() < 1.0, "{places:?}");
            assert!(places.iter().all(|(_, place)| window.contains_rect(*place)), "{places:?}");
        }
        let small = Layout::default().places(Rect::from_min_size(Pos2::ZERO, vec2(1024.0, 640.0)), 1);
        assert!(small[2].1.width() >= 640.0, "the rail makes room: {small:?}");
    }
}
