//! What an editor's fields are made of. Names for screen readers, gestures, units, what a field means,
//! refusals while typing and switches for what may be left out are done here, once for all editors.
//!
//! A [`Form`] is a column of lines; a [`Line`] is a row of fields. A field takes the mouse (drag), the wheel
//! (while it has the focus), arrow keys and typing; Esc leaves it as it was.

mod beside;
mod condition;
mod known;
mod line;
mod number;
mod setting;

pub use beside::beside;
pub use condition::{compared, condition};
pub(crate) use known::{Known, Told};
pub use line::Line;
pub use number::Number;
pub use setting::{Setting, WIDE};

use super::gesture::Gesture;
use super::kept::Standing;
use crate::cx::Cx;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, icon, problem, text};
use egui::{RichText, Ui, WidgetInfo, WidgetType};
use istio::Duration;
use mesh::Mesh;
use mesh::traffic::Traffic;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::ops::RangeInclusive;

/// The column of labels where they are single words.
pub const NARROW: f32 = 44.0;
/// The column of switches where they are single words.
pub const SWITCH: f32 = 84.0;

/// The fields of one draft.
pub struct Form<'a> {
    ui: &'a mut Ui,
    cx: &'a Cx<'a>,
    editor: &'a str,
    subject: &'a str,
    standing: Standing,
    not_yet: Option<&'a str>,
    gesture: Gesture,
    reset: bool,
    ended: bool,
    known: Option<Known>,
}

impl<'a> Form<'a> {
    /// Begins one: the editor's name, and what it edits ("reviews").
    pub fn new(
        ui: &'a mut Ui,
        cx: &'a Cx<'a>,
        (editor, subject): (&'a str, &'a str),
        standing: Standing,
        not_yet: Option<&'a str>,
    ) -> Self {
        Self {
            ui,
            cx,
            editor,
            subject,
            standing,
            not_yet,
            gesture: Gesture::Rest,
            reset: false,
            ended: false,
            known: None,
        }
    }

    /// The same, with what the cluster's schema says of its fields.
    pub(crate) fn knowing(self, known: Option<Known>) -> Self {
        Self { known, ..self }
    }
    /// What the cluster's schema says of its fields.
    pub(crate) fn schema(&self) -> Option<&Known> {
        self.known.as_ref()
    }
    /// Fields of a part.
    pub(crate) fn part(&mut self, path: &str, fields: impl FnOnce(&mut Self)) {
        let whole = self.known.clone();
        self.known = whole.as_ref().map(|known| known.below(path));
        fields(self);
        self.known = whole;
    }

    /// What the user did, and whether the draft shall be taken back.
    pub fn end(mut self) -> (Gesture, bool) {
        if !self.ended {
            self.buttons(|_| ());
        }
        (self.gesture, self.reset)
    }

    /// What is known of the world.
    pub fn cx(&self) -> &'a Cx<'a> {
        self.cx
    }
    /// What is edited, in the user's words.
    pub fn subject(&self) -> &'a str {
        self.subject
    }
    /// Whether the draft differs from what the cluster has.
    pub fn differs(&self) -> bool {
        self.standing != Standing::Same
    }
    /// Where an editor draws what only it has.
    pub fn ui(&mut self) -> &mut Ui {
        self.ui
    }
    /// What the mesh says of something; it is asked again only when the mesh has changed.
    pub fn known<T: Clone + Send + Sync + 'static>(
        &mut self,
        of: &impl Debug,
        ask: impl FnOnce(&Mesh) -> T,
    ) -> T {
        let mesh = &self.cx.scene.mesh;
        self.once(("known", format!("{of:?}")), mesh.revision(), || ask(mesh))
    }
    /// What calls say of something; it is asked again only when they were measured anew. `None` where nothing
    /// is measured.
    pub fn measured<T: Clone + Send + Sync + 'static>(
        &mut self,
        of: &impl Debug,
        ask: impl FnOnce(&Mesh, &Traffic) -> T,
    ) -> Option<T> {
        let scene = self.cx.scene;
        let traffic = scene.traffic.value()?;
        let key = (scene.mesh.revision(), scene.traffic.at());
        Some(self.once(("measured", format!("{of:?}")), key, || ask(&scene.mesh, traffic)))
    }
    /// What was found last under a name, as long as the key is the same.
    fn once<K, T>(&mut self, name: (&str, String), key: K, find: impl FnOnce() -> T) -> T
    where
        K: Clone + PartialEq + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
    {
        let id = self.ui.id().with(name);
        let before = self.ui.data(|data| data.get_temp::<(K, T)>(id));
        if let Some((_, told)) = before.filter(|(known, _)| *known == key) {
            return told;
        }
        let told = find();
        self.ui.data_mut(|data| data.insert_temp(id, (key, told.clone())));
        told
    }
    /// Takes in what the user did to something that the editor has drawn itself.
    pub fn did(&mut self, gesture: Gesture) {
        self.gesture.and(gesture);
    }

    /// A line of fields behind a label.
    pub fn line(&mut self, word: &str, width: f32, fields: impl FnOnce(&mut Line<'_>)) {
        let (subject, gesture) = (self.subject, &mut self.gesture);
        self.ui.horizontal(|ui| {
            label(ui, word, width);
            fields(&mut Line { ui, subject, gesture });
        });
    }

    /// A line with a switch before it: the value is there, or is left out. It begins with `start` when it is
    /// switched on. `name` is what screen readers call the setting. While it is off, `unset` says what holds
    /// then; without that, the fields are shown as they would be.
    pub fn optional<T: Clone>(
        &mut self,
        setting: Setting<'_>,
        value: &mut Option<T>,
        start: T,
        fields: impl FnOnce(&mut Line<'_>, &mut T),
    ) {
        let (subject, gesture) = (self.subject, &mut self.gesture);
        self.ui.horizontal(|ui| {
            let left = ui.cursor().left();
            let mut on = value.is_some();
            let name = setting
                .name
                .map_or_else(|| format!("{} of {subject}, set", spoken(setting.word)), str::to_owned);
            let response = ui.checkbox(&mut on, setting.word);
            let (enabled, checked) = (ui.is_enabled(), on);
            response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, enabled, checked, &name));
            gesture.and(Gesture::settled(response.changed()));
            explain(ui, response, setting.means, setting.path);
            ui.add_space((left + setting.width - ui.cursor().left()).max(0.0));
            let mut shown = value.clone().unwrap_or(start);
            match setting.unset {
                Some(unset) if !on => {
                    let unset = RichText::new(unset).size(size::SECONDARY).color(Tokens::of(ui).muted);
                    ui.add(egui::Label::new(unset).truncate());
                }
                _ => {
                    ui.add_enabled_ui(on, |ui| {
                        ui.horizontal(|ui| fields(&mut Line { ui, subject, gesture }, &mut shown));
                    });
                }
            }
            *value = on.then_some(shown);
        });
    }

    /// How long something takes or lasts, if it is said; milliseconds to begin with.
    pub fn duration(&mut self, setting: Setting<'_>, value: &mut Option<Duration>, start: i64) {
        let name = self.name(setting);
        self.optional(setting, value, Duration::from_millis(start), |line, value| {
            line.duration(&name, value);
        });
    }

    /// How many, if it is said.
    pub fn count(
        &mut self,
        setting: Setting<'_>,
        value: &mut Option<u32>,
        start: u32,
        range: RangeInclusive<u32>,
    ) {
        let name = self.name(setting);
        self.optional(setting, value, start, |line, value| line.count(&name, value, range));
    }

    /// Whole percents, if they are said.
    pub fn percent(&mut self, setting: Setting<'_>, value: &mut Option<u32>, start: u32) {
        let name = self.name(setting);
        self.optional(setting, value, start, |line, value| line.whole_percent(&name, value));
    }

    /// A share in percent that may have a fraction, if it is said.
    pub fn share(&mut self, setting: Setting<'_>, value: &mut Option<f64>, start: u32) {
        let name = self.name(setting);
        self.optional(setting, value, f64::from(start), |line, value| line.percent(&name, value));
    }

    /// A whole number of any sign, if it is said.
    pub fn signed(&mut self, setting: Setting<'_>, value: &mut Option<i64>, start: i32) {
        let name = self.name(setting);
        self.optional(setting, value, i64::from(start), |line, value| line.signed(&name, value));
    }

    /// One of these words, if it is said.
    pub fn one_of(&mut self, setting: Setting<'_>, value: &mut Option<String>, words: &[&str]) {
        let name = self.name(setting);
        let start = words.first().copied().unwrap_or_default().to_owned();
        self.optional(setting, value, start, |line, value| {
            let chosen = words.iter().position(|word| word == value).unwrap_or(words.len());
            if let Some(word) = line.choose(&name, words, chosen).and_then(|picked| words.get(picked)) {
                *value = (*word).to_owned();
            }
        });
    }

    /// Words separated by commas, if they are said; those that are known can be picked, status codes are
    /// written.
    pub fn words(&mut self, setting: Setting<'_>, value: &mut Option<String>, start: &str, known: &str) {
        let name = self.name(setting);
        self.optional(setting, value, start.to_owned(), |line, value| line.words(&name, value, known));
    }

    /// A text, if it is said.
    pub fn text(&mut self, setting: Setting<'_>, value: &mut Option<String>, start: &str) {
        let name = self.name(setting);
        self.optional(setting, value, start.to_owned(), |line, value| line.text(&name, start, value, None));
    }

    /// A condition on a text, if it is said.
    pub fn condition(&mut self, setting: Setting<'_>, value: &mut Option<Value>) {
        let name = self.name(setting);
        self.optional(setting, value, json!({ "exact": "" }), |line, value| {
            condition(line, &name, value);
        });
    }

    /// Fields of a part of what is edited, set in below it; `subject` is what the part is called.
    pub fn inside(&mut self, subject: &str, fields: impl FnOnce(&mut Form<'_>)) {
        let (cx, editor, standing, known) = (self.cx, self.editor, self.standing, self.known.clone());
        let margin = egui::Margin { left: 14, ..egui::Margin::ZERO };
        let done = egui::Frame::new().inner_margin(margin).show(self.ui, |ui| {
            let mut inner = Form::new(ui, cx, (editor, subject), standing, None).knowing(known);
            fields(&mut inner);
            inner.gesture
        });
        self.gesture.and(done.inner);
    }

    /// Whether a part is unfolded, as the user left it.
    pub fn is_open(&self, name: &str, at_first: bool) -> bool {
        self.ui.data(|data| data.get_temp(egui::Id::new(("open", name)))).unwrap_or(at_first)
    }

    /// A number of at least 1 that may have a fraction, if it is said.
    pub fn factor(&mut self, setting: Setting<'_>, value: &mut Option<f64>, start: f64) {
        let name = self.name(setting);
        self.optional(setting, value, start, |line, value| {
            line.number(Number { step: 0.1, ..Number::plain(&name, 1.0..=1000.0) }, value);
        });
    }

    /// Yes or no, if it is said.
    pub fn yes_or_no(&mut self, setting: Setting<'_>, value: &mut Option<bool>) {
        let name = self.name(setting);
        self.optional(setting, value, true, |line, value| {
            if let Some(picked) = line.choose(&name, &["no", "yes"], usize::from(*value)) {
                *value = picked == 1;
            }
        });
    }

    /// "timeout of reviews".
    fn name(&self, setting: Setting<'_>) -> String {
        format!("{} of {}", spoken(setting.word), self.subject)
    }

    /// Whether something is on.
    pub fn switch(&mut self, setting: Setting<'_>, on: &mut bool) {
        let mut value = on.then_some(());
        self.optional(setting, &mut value, (), |_, ()| ());
        *on = value.is_some();
    }

    /// Fields that belong together, folded away until one of them says something or the user asks for them.
    pub fn section(&mut self, word: &str, said: usize, fields: impl FnOnce(&mut Self)) {
        self.fold((word, said), said > 0, fields);
    }

    /// Something that can be folded away, and whether it is unfolded at first.
    pub fn fold(&mut self, (word, said): (&str, usize), at_first: bool, fields: impl FnOnce(&mut Self)) {
        let id = self.ui.id().with(word);
        let open = self.ui.data(|data| data.get_temp(id)).unwrap_or(at_first);
        let caret = if open { icon::CARET_DOWN } else { icon::CARET_RIGHT };
        let name = format!("{} of {}", spoken(word), self.subject);
        // What is folded away still says that there is something.
        let shown = if said > 0 && !open { format!("{word}  ·  {said} set") } else { word.to_owned() };
        if self.ui.add(Button::bare(shown).with_icon(caret).named(name).selected(open)).clicked() {
            self.ui.data_mut(|data| data.insert_temp(id, !open));
        }
        if open {
            fields(self);
        }
    }

    /// The smallest text, below what it is about.
    pub fn note(&mut self, said: impl Into<String>) {
        text::note(self.ui, said);
    }

    /// Something that the draft would do and that the user may not want.
    pub fn warning(&mut self, what: &str, why: &str, next: &str) {
        problem::problem(self.ui, problem::Level::Warning, what, why, next, None);
    }

    /// The buttons of the draft: those of the editor, and Reset. What is still to be said stands above them.
    pub fn buttons(&mut self, own: impl FnOnce(&mut Line<'_>)) {
        let takes_back = self.takes_back();
        if let Some(why) = self.not_yet {
            text::note(self.ui, why);
        }
        let (subject, gesture, reset) = (self.subject, &mut self.gesture, &mut self.reset);
        let differs = self.standing != Standing::Same;
        self.ui.horizontal(|ui| {
            own(&mut Line { ui, subject, gesture });
            *reset |= ui.add_enabled(differs, takes_back).clicked();
        });
        self.ended = true;
    }

    /// Several editors stand below each other: the name says whose draft it is.
    fn takes_back(&self) -> Button {
        Button::quiet("Reset").named(format!("Reset {} of {}", spoken(self.editor), self.subject))
    }

    /// Reset stands in this line, while there is something to take back.
    pub fn reset_in(&mut self, word: &str, width: f32, fields: impl FnOnce(&mut Line<'_>)) {
        let takes_back = self.takes_back();
        let (subject, gesture, reset) = (self.subject, &mut self.gesture, &mut self.reset);
        let differs = self.standing != Standing::Same;
        self.ui.horizontal(|ui| {
            label(ui, word, width);
            fields(&mut Line { ui, subject, gesture });
            *reset |= differs && ui.add(takes_back).clicked();
        });
        if let Some(why) = self.not_yet {
            text::note(self.ui, why);
        }
        self.ended = true;
    }
}

/// What stands before a field, so that fields stand below each other.
pub fn label(ui: &mut Ui, word: &str, width: f32) {
    let left = ui.cursor().left();
    text::muted(ui, word);
    ui.add_space((left + width - ui.cursor().left()).max(0.0));
}

/// A name as it stands inside a sentence: "timeout", but "HTTP/2 upgrade".
pub(super) fn spoken(word: &str) -> String {
    let mut letters = word.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => word.to_owned(),
    }
}

/// "3 rows".
pub(super) fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// "2 s", "250 ms", "1 min 30 s".
pub fn shown(time: Duration) -> String {
    number::shown(time.millis() as f64)
}

/// What a field means: on its switch for the mouse, and for screen readers.
fn explain(ui: &Ui, response: egui::Response, means: &str, path: &str) {
    if means.is_empty() {
        return;
    }
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(means));
    let field = path.replace('/', ".");
    response.on_hover_ui(|ui| {
        ui.set_max_width(320.0);
        ui.label(means);
        if !field.is_empty() {
            text::mono(ui, field);
        }
    });
}
