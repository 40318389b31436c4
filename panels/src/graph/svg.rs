//! The graph as a vector picture, for reports and the command line.

use super::find::Find;
use super::index::Index;
use super::labels;
use super::placement::{Boxed, Placement};
use super::view::{Card, Labels, Line, View};
use crate::kit::{Status, Tokens};
use egui::{Color32, Rect, vec2};
use mesh::graph::Graph;
use std::fmt::Write;
use std::sync::Arc;

/// A graph as it is shown, for saving it as a picture.
pub(super) struct Drawing {
    /// The graph.
    pub(super) graph: Arc<Graph>,
    /// Where everything stands.
    pub(super) placement: Arc<Placement>,
    /// What pills say.
    pub(super) labels: Labels,
    /// What is searched for.
    pub(super) find: String,
    /// Dark or light.
    pub(super) dark: bool,
}

impl Drawing {
    /// Draws it. It may take a while.
    pub(super) fn svg(&self) -> String {
        let view = View::of(&self.graph, &self.placement, self.labels, &Find::read(&self.find));
        draw(&view, &self.graph.at, self.dark)
    }
}

/// Draws a placed graph with the usual labels. `dark` chooses the theme.
pub fn svg(graph: &Graph, placement: &Placement, dark: bool) -> String {
    draw(&View::of(graph, placement, Labels::default(), &Find::default()), &graph.at, dark)
}

fn draw(view: &View, at: &str, dark: bool) -> String {
    let tokens = Tokens::dark(dark);
    let bounds = view.bounds.unwrap_or(Rect::from_min_size(egui::Pos2::ZERO, vec2(200.0, 80.0))).expand(24.0);
    let mut out = String::with_capacity(4096 + view.cards.len() * 700 + view.lines.len() * 400);
    let (x, y, w, h) = (bounds.left(), bounds.top(), bounds.width(), bounds.height());
    out.push_str(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{x:.0} {y:.0} {w:.0} {h:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" \
         font-family=\"Inter, Helvetica, Arial, sans-serif\">\n<title>Service graph, {}</title>\n\
         <rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" fill=\"{}\"/>\n",
        escaped(at),
        hex(tokens.canvas),
    ));
    for group in view.groups.iter() {
        let (fill, dash) = match group.kind {
            Boxed::App => (hex(tokens.raised), ""),
            Boxed::Namespace => ("none".to_owned(), " stroke-dasharray=\"5 5\""),
        };
        let rect = group.rect;
        out.push_str(&format!(
            "<rect {} rx=\"10\" fill=\"{fill}\" fill-opacity=\"0.55\" stroke=\"{}\"{dash}/>\n<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" \
             font-weight=\"600\" fill=\"{}\">{}</text>\n",
            place(rect),
            hex(tokens.line),
            rect.left() + 14.0,
            rect.top() + 23.0,
            hex(tokens.muted),
            escaped(&group.name),
        ));
    }
    for line in view.lines.iter() {
        edge(&mut out, line, tokens);
    }
    for card in &view.cards {
        node(&mut out, card, tokens);
    }
    let index = Index::new(view);
    let all: Vec<usize> = (0..view.lines.len()).collect();
    let measure = |text: &str| vec2(text.chars().count() as f32 * 5.9, 13.0);
    for pill in labels::place(view, &index, &all, 1.0, &|_| false, &|_| None, &measure) {
        let lock = if pill.locked { 13.0 } else { 0.0 };
        out.push_str(&format!(
            "<rect {} rx=\"{:.1}\" fill=\"{}\" stroke=\"{}\"/>\n",
            place(pill.rect),
            (pill.rect.height() / 2.0).min(12.0),
            hex(tokens.surface),
            hex(tokens.line),
        ));
        if pill.locked {
            let (x, y) = (pill.rect.left() + 9.0, pill.rect.center().y);
            out.push_str(&format!(
                "<g fill=\"{0}\" stroke=\"{0}\"><rect x=\"{1:.1}\" y=\"{2:.1}\" width=\"8\" height=\"6\" rx=\"1\"/><path d=\"M{3:.1} {2:.1} v-2 a2.5 \
                 2.5 0 0 1 5 0 v2\" fill=\"none\" stroke-width=\"1.3\"/></g>\n",
                hex(tokens.mtls),
                x,
                y - 1.5,
                x + 1.5,
            ));
        }
        let first = pill.rect.center().y - 6.5 * (pill.text.lines().count() as f32 - 1.0) + 4.0;
        for (at, line) in pill.text.lines().enumerate() {
            let (x, y) = (pill.rect.left() + 9.0 + lock, first + 13.0 * at as f32);
            text(&mut out, x, y, 11.0, 400, tokens.text, line);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn edge(out: &mut String, line: &Line, tokens: &Tokens) {
    let color = match line.status {
        Status::Healthy if line.tcp => tokens.tcp,
        status => status.color(tokens),
    };
    let mut path = String::new();
    let start = line.curve.start();
    path.push_str(&format!("M{:.1} {:.1}", start.x, start.y));
    for [_, b, c, d] in &line.curve.0 {
        path.push_str(&format!(" C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}", b.x, b.y, c.x, c.y, d.x, d.y));
    }
    let (tip, heading) = (line.curve.end(), line.curve.heading());
    let (back, side) = (tip - heading * 8.0, heading.rot90() * 4.0);
    let (a, b) = (back + side, back - side);
    let facts: Vec<String> = line.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let (title, color) = (format!("{}: {}", line.name, facts.join(", ")), hex(color));
    write_all(
        out,
        format_args!(
            "<g><title>{}</title><path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-opacity=\"0.8\" stroke-width=\"{:.1}\"/>\
             <path d=\"M{:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1} Z\" fill=\"{color}\"/></g>\n",
            escaped(&title),
            line.width,
            tip.x,
            tip.y,
            a.x,
            a.y,
            b.x,
            b.y,
        ),
    );
}

fn node(out: &mut String, card: &Card, tokens: &Tokens) {
    let rect = card.rect;
    let facts: Vec<String> = card.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    write_all(
        out,
        format_args!("<g><title>{}: {}</title>\n", escaped(&card.name), escaped(&facts.join(", "))),
    );
    let (surface, line) = (hex(tokens.surface), hex(tokens.line));
    write_all(out, format_args!("<rect {} rx=\"7\" fill=\"{surface}\" stroke=\"{line}\"/>\n", place(rect)));
    let (x, y, color) = (rect.left() + 17.0, rect.center().y, hex(card.status.color(tokens)));
    match card.status {
        Status::Healthy => {
            write_all(
                out,
                format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.2\" fill=\"{color}\"/>\n"),
            );
        }
        Status::Idle => {
            write_all(
                out,
                format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.4\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.8\"/>\n"
                ),
            );
        }
        Status::Degraded => {
            write_all(
                out,
                format_args!("<path d=\"M{x:.1} {:.1} l6 11 h-12 Z\" fill=\"{color}\"/>\n", y - 6.0),
            );
        }
        Status::Failing => {
            write_all(
                out,
                format_args!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"9.4\" height=\"9.4\" rx=\"1.5\" fill=\"{color}\"/>\n",
                    x - 4.7,
                    y - 4.7
                ),
            );
        }
    }
    text(out, rect.left() + 31.0, y - 3.0, 13.0, 600, tokens.text, &card.title);
    text(out, rect.left() + 31.0, y + 13.0, 11.0, 400, tokens.muted, &card.subtitle);
    out.push_str("</g>\n");
}

fn text(out: &mut String, x: f32, y: f32, size: f32, weight: u16, color: Color32, words: &str) {
    let color = hex(color);
    write_all(
        out,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{color}\">{}</text>\n",
            escaped(words)
        ),
    );
}

fn place(rect: Rect) -> String {
    format!(
        "x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
        rect.left(),
        rect.top(),
        rect.width(),
        rect.height()
    )
}

fn hex(color: Color32) -> String {
    format!("#{:02x}{:02x}{:02x}", color.r(), color.g(), color.b())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writing to text cannot fail.
fn write_all(out: &mut String, words: std::fmt::Arguments<'_>) {
    out.write_fmt(words).expect("text takes everything");
}

#[cfg(test)]
mod tests {
    use crate::graph::{place, sample};

    #[test]
    fn draws_every_node_and_edge() {
        let graph = sample::bookinfo();
        let svg = super::svg(&graph, &place(&graph), false);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        for words in
            ["productpage", "ratings", ">v3<", ">bookinfo<", "38\u{a0}% 503", "edge reviews v3 to ratings"]
        {
            assert!(svg.contains(words), "{words}");
        }
        assert_eq!(svg.matches("<title>").count(), 1 + graph.nodes.len() + graph.edges.len());
    }

    #[test]
    fn names_cannot_break_out() {
        let mut graph = sample::bookinfo();
        std::sync::Arc::make_mut(&mut graph.nodes[0]).name = "<script>&\"".to_owned();
        let svg = super::svg(&graph, &place(&graph), true);
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;&amp;&quot;"));
    }
}
