//! Buttons: the primary one (at most one in sight), quiet ones, icons and menus.

use super::icon;
use super::once::once;
use super::theme::{Tokens, Weight, family, size, space};
use super::{fmt, text};
use egui::{
    AsId, Color32, Id, InnerResponse, Popup, PopupCloseBehavior, Rect, Response, RichText, ScrollArea,
    Stroke, TextWrapMode, Ui, Widget, WidgetInfo, WidgetType, vec2,
};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Primary,
    Quiet,
    Bare,
}

/// A button.
pub struct Button {
    text: String,
    icon: Option<&'static str>,
    kind: Kind,
    name: Option<String>,
    on: Option<Id>,
    selected: bool,
    danger: bool,
}

impl Button {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { text: text.into(), icon: None, kind, name: None, on: None, selected: false, danger: false }
    }
    /// The one action that matters most here: "Push".
    pub fn primary(text: impl Into<String>) -> Self {
        Self::new(Kind::Primary, text)
    }
    /// Any other action.
    pub fn quiet(text: impl Into<String>) -> Self {
        Self::new(Kind::Quiet, text)
    }
    /// An action without a frame, inside rows and cards.
    pub fn bare(text: impl Into<String>) -> Self {
        Self::new(Kind::Bare, text)
    }
    /// A square button that shows only an icon; `name` is its tooltip and what screen readers say.
    pub fn icon(icon: &'static str, name: impl Into<String>) -> Self {
        Self { icon: Some(icon), name: Some(name.into()), ..Self::new(Kind::Bare, "") }
    }
    /// Puts an icon before the text.
    #[must_use]
    pub fn with_icon(self, icon: &'static str) -> Self {
        Self { icon: Some(icon), ..self }
    }
    /// Names it for screen readers where the text alone does not say what it does ("Undo reviews shares").
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
    /// Tells what it acts on, where its name does not: the same button for another thing is another button.
    #[must_use]
    pub fn on(self, what: impl AsId) -> Self {
        Self { on: Some(Id::new(what)), ..self }
    }
    /// Shows it as pressed: a toggle that is on.
    #[must_use]
    pub fn selected(self, selected: bool) -> Self {
        Self { selected, ..self }
    }
    /// Marks an action that takes something away.
    #[must_use]
    pub fn danger(self) -> Self {
        Self { danger: true, ..self }
    }
    /// Gives it the frame of a quiet button (for icons in toolbars).
    #[must_use]
    pub fn framed(self) -> Self {
        Self { kind: Kind::Quiet, ..self }
    }
}

impl Widget for Button {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = Tokens::of(ui);
        let weight = if self.kind == Kind::Primary { Weight::Semibold } else { Weight::Medium };
        let content = match (self.icon, self.text.is_empty()) {
            (Some(icon), true) => icon.to_owned(),
            (Some(icon), false) => format!("{icon}  {}", self.text),
            (None, _) => self.text.clone(),
        };
        let square = self.text.is_empty() && self.icon.is_some();
        let words = ui.painter().layout_no_wrap(
            content.clone(),
            egui::FontId::new(size::TEXT, family(ui.ctx(), weight)),
            tokens.text,
        );
        wrap(ui, words.size().x + 2.0 * ui.spacing().button_padding.x);
        let mut response = ui
            .scope(|ui| {
                tune(ui, tokens, &self);
                let size = if square { 15.0 } else { size::TEXT };
                let mut button =
                    egui::Button::new(text::rich(ui, content, size, weight)).wrap_mode(TextWrapMode::Extend);
                if square {
                    ui.spacing_mut().button_padding = vec2(0.0, 0.0);
                    button = button.min_size(vec2(space::CONTROL, space::CONTROL));
                } else {
                    button = button.min_size(vec2(0.0, space::CONTROL));
                }
                ui.add(button)
            })
            .inner;
        let name = self.name.clone().unwrap_or_else(|| self.text.clone());
        once(&mut response, (&name, self.on));
        let enabled = ui.is_enabled();
        response.widget_info(|| {
            if self.selected {
                WidgetInfo::selected(WidgetType::Button, enabled, true, &name)
            } else {
                WidgetInfo::labeled(WidgetType::Button, enabled, &name)
            }
        });
        if square { response.on_hover_text(name) } else { response }
    }
}

/// Begins a new line in a layout that wraps, when this one has no room for something so wide. (egui wraps
/// single widgets only, not what stands in a ui of its own.)
pub(super) fn wrap(ui: &mut Ui, width: f32) {
    let begun = ui.cursor().left() > ui.max_rect().left() + 1.0;
    if ui.layout().main_wrap && begun && ui.available_size_before_wrap().x < width {
        ui.end_row();
    }
}

fn tune(ui: &mut Ui, tokens: &Tokens, button: &Button) {
    let widgets = &mut ui.visuals_mut().widgets;
    let states = [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active];
    for (index, state) in states.into_iter().enumerate() {
        if button.kind == Kind::Primary {
            let fill = tokens.accent.lerp_to_gamma(tokens.text, [0.0, 0.12, 0.24][index]);
            state.weak_bg_fill = fill;
            state.bg_stroke = Stroke::NONE;
            state.fg_stroke.color = tokens.onaccent;
        } else {
            if button.kind == Kind::Bare && index == 0 {
                state.weak_bg_fill = Color32::TRANSPARENT;
                state.bg_stroke = Stroke::NONE;
                state.fg_stroke.color = tokens.muted;
            }
            if button.selected {
                state.weak_bg_fill = tokens.selection();
                state.fg_stroke.color = tokens.accent;
                state.bg_stroke = Stroke::new(1.0, tokens.accent.gamma_multiply(0.6));
            }
            if button.danger {
                state.fg_stroke.color = tokens.failing;
            }
        }
    }
}

/// A button that opens a menu: "Versioned app ▾". `name` is what screen readers say.
pub fn menu<R>(
    ui: &mut Ui,
    label: &str,
    name: &str,
    contents: impl FnOnce(&mut Ui) -> R,
) -> InnerResponse<Option<R>> {
    let text = text::rich(ui, format!("{label}  {}", icon::CARET_DOWN), size::TEXT, Weight::Medium);
    let button = egui::Button::new(text).min_size(vec2(0.0, space::CONTROL));
    let mut response = ui.add(button);
    once(&mut response, name);
    // Several choices can be made in one go; what is done at once closes the menu itself.
    // It is known by its name: what comes and goes above gives its button other ids.
    let popup = Popup::menu(&response)
        .id(ui.id().with(("menu", name)))
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    // It stays where it was opened, whatever comes and goes above its button meanwhile.
    let place = popup.get_id().with("place");
    let opened = ui.data(|data| data.get_temp::<Rect>(place)).filter(|_| popup.is_open());
    let popup = popup.anchor(opened.unwrap_or(response.rect));
    ui.data_mut(|data| data.insert_temp(place, opened.unwrap_or(response.rect)));
    let inner = popup.show(|ui| {
        ui.set_min_width(160.0);
        // No menu runs out of the window: what does not fit scrolls.
        let most = height(ui);
        ScrollArea::vertical().max_height(most).show(ui, contents).inner
    });
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, enabled, name));
    InnerResponse::new(inner.map(|inner| inner.inner), response)
}

/// How high a menu may get: the window, but for a margin.
pub(super) fn height(ui: &Ui) -> f32 {
    (ui.ctx().content_rect().height() - 72.0).max(120.0)
}

/// As much of a menu button's label as there is room for: long words must not push their panel wider. Where
/// the layout wraps, there is a whole line.
pub(super) fn fitting(ui: &Ui, label: &str) -> String {
    let room = if ui.layout().main_wrap { ui.max_rect().width() } else { ui.available_width() };
    fitting_in(ui, label, room)
}

/// As much of a menu button's label as a button of this width has room for.
pub fn fitting_in(ui: &Ui, label: &str, width: f32) -> String {
    let room = (width - 2.0 * ui.spacing().button_padding.x - 24.0).max(60.0);
    text::middle(ui, label, &menu_font(ui), room)
}

/// How wide a menu button is.
pub fn menu_width(ui: &Ui, label: &str) -> f32 {
    let words = format!("{label}  {}", icon::CARET_DOWN);
    text::width(ui, &words, &menu_font(ui)) + 2.0 * ui.spacing().button_padding.x
}

fn menu_font(ui: &Ui) -> egui::FontId {
    egui::FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium))
}

/// One choice of a menu, with a tick when it is chosen. Returns true when it was clicked.
pub fn choice(ui: &mut Ui, chosen: bool, label: &str) -> bool {
    choice_marked(ui, chosen, label, label, false)
}

/// [`choice`], shown perhaps shorter than its name, and with a dot behind it when it holds something that was
/// not pushed.
pub(super) fn choice_marked(ui: &mut Ui, chosen: bool, shown: &str, name: &str, marked: bool) -> bool {
    let tick = if chosen { icon::CHECK } else { "\u{2003}" };
    let room = if marked { "\u{2003}\u{2002}" } else { "" };
    let response = row(ui, &format!("{tick}{}{}{shown}{room}", fmt::THIN, fmt::THIN), name);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(WidgetType::RadioButton, enabled, chosen, name));
    if marked {
        let at = response.rect.right_center() - vec2(14.0, 0.0);
        ui.painter().circle_filled(at, 3.0, Tokens::of(ui).accent);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description("not pushed"));
    }
    let clicked = response.clicked();
    if shown != name {
        response.on_hover_text(name);
    }
    clicked
}

/// One action of a menu. Closes the menu and returns true when it was clicked.
pub fn item(ui: &mut Ui, label: &str) -> bool {
    let response = row(ui, label, label);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, label));
    if response.clicked() {
        ui.close();
    }
    response.clicked()
}

/// A row of a menu, as wide as the menu.
fn row(ui: &mut Ui, text: &str, name: &str) -> Response {
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.spacing_mut().interact_size.y = 26.0;
    ui.spacing_mut().button_padding.x = 8.0;
    let text = RichText::new(text).size(size::TEXT);
    let row = egui::Button::selectable(false, text).min_size(vec2(0.0, 26.0));
    let mut response = ui.add(row.wrap_mode(TextWrapMode::Extend));
    once(&mut response, name);
    response
}
