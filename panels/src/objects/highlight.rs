//! YAML with keys, values and comments told apart.

use crate::kit::Tokens;
use crate::kit::theme::size;
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId};

/// Height of a line.
pub(crate) const LINE: f32 = 17.0;

/// The text as it is shown, wrapped where it is too wide.
pub(crate) fn highlighted(yaml: &str, tokens: &Tokens, wrap: f32) -> LayoutJob {
    let mut job = LayoutJob { break_on_newline: true, ..LayoutJob::default() };
    job.wrap.max_width = wrap;
    let mut put = |text: &str, color: Color32| {
        if !text.is_empty() {
            let format = TextFormat {
                line_height: Some(LINE),
                ..TextFormat::simple(FontId::monospace(size::SECONDARY), color)
            };
            job.append(text, 0.0, format);
        }
    };
    for line in yaml.split_inclusive('\n') {
        let (line, comment) = line.split_at(comment(line));
        let (key, value) = split_key(line);
        let plain = value.trim().trim_start_matches(':').trim();
        let odd = plain.parse::<f64>().is_ok() || matches!(plain, "true" | "false" | "null");
        put(key, tokens.accent);
        put(value, if odd { tokens.mtls } else { tokens.text });
        put(comment, tokens.muted);
    }
    job
}

/// Where a comment begins; the end where there is none.
fn comment(line: &str) -> usize {
    if line.trim_start().starts_with('#') {
        return line.len() - line.trim_start().len();
    }
    let quoted = line.contains(['"', '\'']);
    line.find(" #").filter(|_| !quoted).unwrap_or(line.len())
}

/// "  - name" and ": reviews" of "  - name: reviews"; no key where a line is a value alone.
pub(super) fn split_key(line: &str) -> (&str, &str) {
    let begins = line.len() - line.trim_start_matches([' ', '-']).len();
    let body = line[begins..].trim_end();
    if body.starts_with(['"', '\'', '#', '|', '>']) {
        return ("", line);
    }
    match body.find(": ").or_else(|| body.strip_suffix(':').map(str::len)) {
        Some(end) => line.split_at(begins + end),
        None => ("", line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::theme;

    #[test]
    fn keys_are_found() {
        assert_eq!(split_key("  - name: reviews"), ("  - name", ": reviews"));
        assert_eq!(split_key("spec:"), ("spec", ":"));
        assert_eq!(split_key("    - reviews"), ("", "    - reviews"));
        assert_eq!(split_key("  - \"a: b\""), ("", "  - \"a: b\""));
        assert_eq!(split_key("uri: http://x"), ("uri", ": http://x"));
    }

    #[test]
    fn what_is_shown_is_what_stands_there() {
        let ctx = egui::Context::default();
        theme::apply(&ctx, crate::intent::ThemeChoice::Dark);
        for text in ["", "a: 1", "a: 1\n", "# c\n\n  - b: \"#\" # d\n", "é:\n  - ü\n\n"] {
            assert_eq!(highlighted(text, Tokens::of_ctx(&ctx), 100.0).text, text);
        }
    }
}
