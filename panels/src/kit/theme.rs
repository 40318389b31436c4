//! Colours by meaning, type and spacing, for dark and light. No other file names a colour.

use egui::style::{ScrollStyle, WidgetVisuals, Widgets};
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke,
    Style, TextStyle, Theme, ThemePreference, Ui, Visuals, vec2,
};
use std::sync::Arc;

use crate::intent::ThemeChoice;

/// Every colour that the window uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// Window.
    pub bg: Color32,
    /// Graph, plots, waterfall.
    pub canvas: Color32,
    /// Bars, panels, nodes.
    pub surface: Color32,
    /// Fields, cards, quiet buttons.
    pub raised: Color32,
    /// Borders, grid, empty track.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Secondary text, units.
    pub muted: Color32,
    /// Disabled, placeholders.
    pub faint: Color32,
    /// Selection, primary action, focus.
    pub accent: Color32,
    /// Text on accent.
    pub onaccent: Color32,
    /// Healthy.
    pub healthy: Color32,
    /// Degraded, warning.
    pub degraded: Color32,
    /// Failing, error.
    pub failing: Color32,
    /// No traffic.
    pub idle: Color32,
    /// TCP.
    pub tcp: Color32,
    /// Mutual TLS.
    pub mtls: Color32,
    /// Versions, the first one first.
    pub versions: [Color32; 6],
    /// Whether this is the dark set.
    pub dark: bool,
}

#[expect(clippy::disallowed_methods, reason = "colours are made here and nowhere else")]
const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Tokens of the dark theme.
pub static DARK: Tokens = Tokens {
    bg: rgb(0x000E1216),
    canvas: rgb(0x0012171C),
    surface: rgb(0x00171D23),
    raised: rgb(0x001F272F),
    line: rgb(0x002A343E),
    text: rgb(0x00E6EDF3),
    muted: rgb(0x008D9AA7),
    faint: rgb(0x005C6875),
    accent: rgb(0x004FB8F0),
    onaccent: rgb(0x0006202E),
    healthy: rgb(0x0043B788),
    degraded: rgb(0x00E0A33B),
    failing: rgb(0x00F0625D),
    idle: rgb(0x0066727E),
    tcp: rgb(0x006D93F5),
    mtls: rgb(0x00A08CF0),
    versions: [
        rgb(0x006AA5F8),
        rgb(0x00B184F0),
        rgb(0x00F29A63),
        rgb(0x005CC8C2),
        rgb(0x00E886B4),
        rgb(0x00C9B458),
    ],
    dark: true,
};

/// Tokens of the light theme.
pub static LIGHT: Tokens = Tokens {
    bg: rgb(0x00F3F5F7),
    canvas: rgb(0x00FAFBFC),
    surface: rgb(0x00FFFFFF),
    raised: rgb(0x00F0F3F6),
    line: rgb(0x00D9E0E6),
    text: rgb(0x0017212B),
    muted: rgb(0x005B6874),
    faint: rgb(0x0093A0AC),
    accent: rgb(0x000B7FC2),
    onaccent: rgb(0x00FFFFFF),
    healthy: rgb(0x001E8E61),
    degraded: rgb(0x00B57810),
    failing: rgb(0x00CF3B36),
    idle: rgb(0x008894A0),
    tcp: rgb(0x003A66D6),
    mtls: rgb(0x006B52CC),
    versions: [
        rgb(0x002F74D0),
        rgb(0x008150CC),
        rgb(0x00CF6A2A),
        rgb(0x001B847E),
        rgb(0x00B84078),
        rgb(0x00857012),
    ],
    dark: false,
};

impl Tokens {
    /// The tokens of the theme that this part of the window is drawn in.
    pub fn of(ui: &Ui) -> &'static Self {
        Self::dark(ui.visuals().dark_mode)
    }

    /// The tokens of the theme that the window is in.
    pub fn of_ctx(ctx: &Context) -> &'static Self {
        Self::dark(ctx.theme() == Theme::Dark)
    }

    /// The tokens that go with visuals.
    pub fn of_visuals(visuals: &Visuals) -> &'static Self {
        Self::dark(visuals.dark_mode)
    }

    /// The dark tokens, or the light ones.
    pub fn dark(dark: bool) -> &'static Self {
        if dark { &DARK } else { &LIGHT }
    }

    /// The colour of a version, the same everywhere: "v2" is the second version's; other names get a colour
    /// by their letters.
    pub fn version(&self, version: &str) -> Color32 {
        let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
        let number: String = digits.chars().take_while(char::is_ascii_digit).collect();
        let index = match number.parse::<usize>() {
            Ok(number) => number.saturating_sub(1),
            Err(_) => {
                version.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
            }
        };
        self.versions[index % self.versions.len()]
    }

    /// The colour of selected things' background: accent, mostly see-through.
    pub fn selection(&self) -> Color32 {
        self.accent.gamma_multiply(if self.dark { 0.20 } else { 0.12 })
    }

    /// A colour laid thinly over a surface, for badges and banners.
    pub fn tint(&self, color: Color32) -> Color32 {
        color.gamma_multiply(if self.dark { 0.17 } else { 0.12 })
    }

    /// A hairline in the colour of borders.
    pub fn hairline(&self) -> Stroke {
        Stroke::new(1.0, self.line)
    }

    /// Text that stands on a filled colour such as a version's segment: whichever of dark and light reads
    /// better.
    pub fn on(&self, fill: Color32) -> Color32 {
        let light = 0.299 * f32::from(fill.r()) + 0.587 * f32::from(fill.g()) + 0.114 * f32::from(fill.b());
        if light > 140.0 { DARK.bg } else { LIGHT.surface }
    }
}

/// Weight of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// 400.
    Regular,
    /// 500.
    Medium,
    /// 600.
    Semibold,
}

/// The font of this weight; the regular one until the fonts of [`apply`] are loaded (from the frame after it
/// on).
pub fn family(ctx: &Context, weight: Weight) -> FontFamily {
    let name = match weight {
        Weight::Regular => return FontFamily::Proportional,
        Weight::Medium => "medium",
        Weight::Semibold => "semibold",
    };
    let family = FontFamily::Name(name.into());
    if ctx.fonts(|fonts| fonts.definitions().families.contains_key(&family)) {
        family
    } else {
        FontFamily::Proportional
    }
}

/// Sizes of text, in points.
pub mod size {
    /// Notes under figures.
    pub const NOTE: f32 = 11.0;
    /// Secondary text.
    pub const SECONDARY: f32 = 12.0;
    /// Text.
    pub const TEXT: f32 = 13.0;
    /// Figures.
    pub const FIGURE: f32 = 16.0;
    /// Titles.
    pub const TITLE: f32 = 18.0;
}

/// Spacing, in points, on the 4-point grid.
pub mod space {
    /// Between things that belong together.
    pub const XS: f32 = 4.0;
    /// Between widgets.
    pub const S: f32 = 8.0;
    /// Inside cards.
    pub const M: f32 = 12.0;
    /// Around panels.
    pub const L: f32 = 16.0;
    /// Between sections.
    pub const XL: f32 = 20.0;
    /// Height of a button or field.
    pub const CONTROL: f32 = 28.0;
    /// Radius of buttons, fields and nodes.
    pub const RADIUS: u8 = 6;
}

/// Gives the whole window this theme: fonts, type, spacing and colours. Call it once, and again when the
/// choice changes.
pub fn apply(ctx: &Context, choice: ThemeChoice) {
    let loaded = egui::Id::new("binnacle fonts are loaded");
    if !ctx.data(|data| data.get_temp::<bool>(loaded).unwrap_or(false)) {
        ctx.set_fonts(fonts());
        ctx.add_plugin(super::spoken::Spoken);
        ctx.data_mut(|data| data.insert_temp(loaded, true));
        ctx.set_style_of(Theme::Dark, style(&DARK));
        ctx.set_style_of(Theme::Light, style(&LIGHT));
    }
    ctx.set_theme(match choice {
        ThemeChoice::Dark => ThemePreference::Dark,
        ThemeChoice::Light => ThemePreference::Light,
        ThemeChoice::System => ThemePreference::System,
    });
}

/// Inter in three weights (one variable font), egui's own monospace, Phosphor for icons.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    egui_phosphor::add_to_fonts(&mut fonts, egui_phosphor::Variant::Regular);
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let inter = super::letters::without_private_use(ttf_inter::REGULAR);
    for (name, weight) in [("Inter", 400.0), ("medium", 500.0), ("semibold", 600.0)] {
        let mut data = FontData::from_owned(inter.clone());
        data.tweak.coords.push(b"wght", weight);
        data.tweak.thin_space_width = 0.6;
        // Hinting presses the dot of an i onto its stem at these sizes.
        data.tweak.hinting = Some(false);
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
        // Icons come from Phosphor, then whatever Inter lacks from egui's own fonts.
        let family = std::iter::once(name.to_owned())
            .chain(std::iter::once("phosphor".to_owned()))
            .chain(fallback.iter().filter(|font| *font != "phosphor").cloned())
            .collect();
        let key = if name == "Inter" { FontFamily::Proportional } else { FontFamily::Name(name.into()) };
        fonts.families.insert(key, family);
    }
    if let Some(mono) = fonts.families.get_mut(&FontFamily::Monospace) {
        let at = mono.len().min(1);
        mono.insert(at, "phosphor".to_owned());
        mono.insert(at, "Inter".to_owned());
    }
    fonts
}

fn style(tokens: &Tokens) -> Style {
    let mut style = Style { visuals: visuals(tokens), animation_time: 0.1, ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(size::NOTE)),
        (TextStyle::Body, FontId::proportional(size::TEXT)),
        (TextStyle::Button, FontId::proportional(size::TEXT)),
        (TextStyle::Heading, FontId::proportional(size::TITLE)),
        (TextStyle::Monospace, FontId::monospace(size::SECONDARY)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(space::M, 5.0);
    spacing.interact_size = vec2(space::CONTROL, space::CONTROL);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.menu_spacing = 4.0;
    spacing.tooltip_width = 360.0;
    spacing.combo_height = 360.0;
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 9.0;
    spacing.indent = 16.0;
    spacing.scroll = ScrollStyle { bar_width: 8.0, floating_width: 4.0, ..ScrollStyle::floating() };
    style.interaction.selectable_labels = true;
    style.interaction.tooltip_delay = 0.35;
    style.interaction.tooltip_grace_time = 0.1;
    style
}

fn visuals(tokens: &Tokens) -> Visuals {
    let base = if tokens.dark { Visuals::dark() } else { Visuals::light() };
    let radius = CornerRadius::same(space::RADIUS);
    let widget = |fill: Color32, stroke: Stroke, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: stroke,
        corner_radius: radius,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let mix = |color: Color32, amount: f32| tokens.raised.lerp_to_gamma(color, amount);
    Visuals {
        dark_mode: tokens.dark,
        weak_text_color: Some(tokens.muted),
        hyperlink_color: tokens.accent,
        widgets: Widgets {
            noninteractive: widget(tokens.surface, tokens.hairline(), tokens.text),
            inactive: widget(tokens.raised, tokens.hairline(), tokens.text),
            hovered: widget(mix(tokens.text, 0.06), Stroke::new(1.0, mix(tokens.text, 0.22)), tokens.text),
            active: widget(mix(tokens.text, 0.12), Stroke::new(1.0, tokens.accent), tokens.text),
            open: widget(mix(tokens.text, 0.06), Stroke::new(1.0, mix(tokens.text, 0.22)), tokens.text),
        },
        selection: egui::style::Selection {
            bg_fill: tokens.selection(),
            stroke: Stroke::new(1.0, tokens.accent),
        },
        faint_bg_color: tokens.raised.gamma_multiply(0.5),
        extreme_bg_color: tokens.raised,
        text_edit_bg_color: Some(tokens.raised),
        code_bg_color: tokens.raised,
        warn_fg_color: tokens.degraded,
        error_fg_color: tokens.failing,
        window_corner_radius: CornerRadius::same(8),
        window_shadow: Shadow::NONE,
        window_fill: tokens.surface,
        window_stroke: tokens.hairline(),
        menu_corner_radius: CornerRadius::same(8),
        panel_fill: tokens.surface,
        popup_shadow: Shadow::NONE,
        striped: false,
        slider_trailing_fill: true,
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of two colours, as WCAG counts it.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |color: Color32| {
            let [r, g, b] = [color.r(), color.g(), color.b()].map(|channel| {
                let channel = f32::from(channel) / 255.0;
                if channel <= 0.03928 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_reads_on_every_surface() {
        for tokens in [&DARK, &LIGHT] {
            for surface in [tokens.bg, tokens.canvas, tokens.surface, tokens.raised] {
                assert!(contrast(tokens.text, surface) >= 4.5, "text on {surface:?}");
                assert!(contrast(tokens.muted, surface) >= 4.5, "muted on {surface:?}");
            }
            for fill in tokens.versions.into_iter().chain([tokens.degraded, tokens.failing]) {
                assert!(contrast(tokens.on(fill), fill) >= 3.0, "{fill:?}");
            }
            assert!(contrast(tokens.onaccent, tokens.accent) >= 4.2);
        }
    }

    #[test]
    fn versions_keep_their_colour() {
        assert_eq!(DARK.version("v1"), DARK.versions[0]);
        assert_eq!(DARK.version("v3"), DARK.versions[2]);
        assert_eq!(DARK.version("2"), DARK.versions[1]);
        assert_eq!(DARK.version("canary"), DARK.version("canary"));
    }

    /// Draws one word in a weight and gives its width: heavier letters of Inter are wider.
    fn width(ctx: &Context, weight: Weight) -> f32 {
        let mut width = 0.0;
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let font = FontId::new(40.0, family(ui.ctx(), weight));
            width = ui.painter().layout_no_wrap("productpage".to_owned(), font, DARK.text).size().x;
        });
        output.drop_without_applying_deltas();
        width
    }

    #[test]
    fn inter_comes_in_three_weights() {
        let ctx = Context::default();
        apply(&ctx, ThemeChoice::Dark);
        let widths = [Weight::Regular, Weight::Medium, Weight::Semibold].map(|weight| width(&ctx, weight));
        assert!(widths[0] < widths[1] && widths[1] < widths[2], "{widths:?}");
    }
}
