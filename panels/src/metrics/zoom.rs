//! A part of the time of charts, looked at closer: dragged over in one of them, shown by all. A double click goes back.

use crate::kit::{Button, Tokens, icon, text};
use egui::{Id, Rect, Response, Ui, pos2};
use egui_plot::PlotTransform;
use jiff::Timestamp;

/// Less time says nothing: rates are of a minute, and points stand seconds apart.
const LEAST_SECS: f64 = 20.0;

/// From when to when, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Zoom {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Zoom {
    pub(super) fn secs(self) -> u64 {
        self.until.saturating_sub(self.from).max(1)
    }

    /// Between two moments in any order, if they are far enough from each other.
    fn between(one: f64, other: f64) -> Option<Self> {
        let (from, until) = (one.min(other), one.max(other));
        (until - from >= LEAST_SECS).then(|| Self { from: from.floor() as u64, until: until.ceil() as u64 })
    }
}

/// The day and its time: "Nov 30 10:06:12".
fn moment(secs: f64) -> String {
    let at = Timestamp::from_second(secs as i64);
    at.map_or_else(|_| String::new(), |at| at.strftime("%b %-d %H:%M:%S").to_string())
}

/// The time of day: "10:06:12".
pub(super) fn time(secs: f64) -> String {
    let at = Timestamp::from_second(secs as i64);
    at.map_or_else(|_| String::new(), |at| at.strftime("%H:%M:%S").to_string())
}

/// What is zoomed to, and the way back.
pub(crate) fn said(ui: &mut Ui, zoomed: &mut Option<Zoom>) {
    let Some(zoom) = *zoomed else { return };
    text::note(ui, format!("{} to {} UTC", moment(zoom.from as f64), moment(zoom.until as f64)));
    if ui.add(Button::icon(icon::MAGNIFYING_GLASS_MINUS, "Show the whole time again")).clicked() {
        *zoomed = None;
    }
}

/// What is being dragged over, in seconds: all charts show it.
fn dragged() -> Id {
    Id::new("time dragged over in charts")
}

/// Takes what is done to a chart: a drag zooms all of them, a double click goes back.
pub(super) fn drag(ui: &Ui, response: &Response, transform: &PlotTransform, zoomed: &mut Option<Zoom>) {
    let bounds = transform.bounds();
    let at = |x: f32| {
        let secs = transform.value_from_position(pos2(x, transform.frame().center().y)).x;
        secs.clamp(bounds.min()[0], bounds.max()[0])
    };
    let over = ui.input(|input| Some((input.pointer.press_origin()?, input.pointer.latest_pos()?)));
    if let Some((from, to)) = over.filter(|_| response.dragged()) {
        ui.data_mut(|data| data.insert_temp(dragged(), [at(from.x), at(to.x)]));
    }
    let band = ui.data(|data| data.get_temp::<[f64; 2]>(dragged()));
    // The chart that was dragged in may be gone.
    if !response.drag_stopped() && !ui.input(|input| input.pointer.any_down() || input.pointer.any_released())
    {
        ui.data_mut(|data| data.remove_temp::<[f64; 2]>(dragged()));
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove_temp::<[f64; 2]>(dragged()));
        if let Some(zoom) = band.and_then(|[one, other]| Zoom::between(one, other)) {
            *zoomed = Some(zoom);
        }
    } else if let Some([one, other]) = band {
        let tokens = Tokens::of(ui);
        let x = |secs: f64| transform.position_from_point_x(secs);
        let band = Rect::from_x_y_ranges(x(one.min(other))..=x(one.max(other)), transform.frame().y_range());
        ui.painter().rect_filled(band.intersect(*transform.frame()), 0.0, tokens.selection());
    }
    if response.double_clicked() {
        *zoomed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_no_time() {
        assert_eq!(Zoom::between(100.0, 105.0), None);
        let zoom = Zoom::between(160.4, 100.6).unwrap();
        assert_eq!((zoom, zoom.secs()), (Zoom { from: 100, until: 161 }, 61));
        assert_eq!(time(3_723.0), "01:02:03");
    }
}
