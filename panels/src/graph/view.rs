//! What of the graph is drawn: words, colours and widths, derived once per change of the data. Pure.

use super::find::Find;
use super::line::line;
pub use super::line::{Line, status};
pub use super::pill::Labels;
use super::placement::{Boxed, Placement};
use super::route::curves;
use crate::kit::{Status, fmt, icon};
use crate::selection::Selected;
use egui::Rect;
use mesh::graph::{Badge, Folded, Graph, Health, Node, NodeId, NodeKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its name in the graph.
    pub id: NodeId,
    /// First line: the name, or the version inside an app's box.
    pub title: String,
    /// Second line: version, share, rate.
    pub subtitle: String,
    /// For screen readers: "reviews v3".
    pub name: String,
    /// Health.
    pub status: Status,
    /// Glyphs, what they say, and whether they warn.
    pub badges: Vec<(&'static str, &'static str, bool)>,
    /// Where it is.
    pub rect: Rect,
    /// Its requests per second.
    pub rate: f64,
    /// Whether it matches what is searched for (true when nothing is).
    pub found: bool,
    /// The version, for its colour, when it stands in an app's box.
    pub version: Option<String>,
    /// Rows of its tooltip.
    pub facts: Vec<(String, String)>,
    /// What selecting it means.
    pub selects: Selected,
    /// Namespace and name of the service that leads to it.
    pub service: Option<(String, String)>,
    /// Namespace and name of the workload behind it.
    pub workload: Option<(String, String)>,
}

/// A box around cards.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its label.
    pub name: String,
    /// Where it is.
    pub rect: Rect,
    /// App or namespace.
    pub kind: Boxed,
    /// What selecting it means.
    pub selects: Option<Selected>,
    /// Cards in it.
    pub members: Vec<usize>,
}

impl Group {
    /// The part of it that is pressed: of a namespace only its head, for what is below it is room between cards.
    pub(super) fn pressed(&self) -> Rect {
        if self.kind == Boxed::App { self.rect } else { self.head() }
    }

    /// Where its name stands.
    pub(super) fn head(&self) -> Rect {
        self.rect.with_max_y(self.rect.bottom().min(self.rect.top() + 34.0))
    }

    /// What it is folded as.
    pub(super) fn folds(&self) -> Option<Folded> {
        match self.selects.as_ref()? {
            Selected::App(namespace, app, _) => {
                Some(Folded::App(namespace.as_str().into(), app.as_str().into()))
            }
            Selected::Node(NodeId::Namespace(_, namespace)) => Some(Folded::Namespace(namespace.clone())),
            _ => None,
        }
    }
}

/// All that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Cards, in the order of the graph's nodes.
    pub cards: Vec<Arc<Card>>,
    /// Edges.
    pub lines: Arc<Vec<Arc<Line>>>,
    /// Boxes, outer ones first.
    pub groups: Arc<Vec<Group>>,
    /// Everything.
    pub bounds: Option<Rect>,
    /// How many match what is searched for.
    pub found: usize,
    /// Whether anything is searched for.
    pub searching: bool,
}

impl View {
    /// Derives what is drawn.
    pub fn of(graph: &Graph, placement: &Placement, labels: Labels, find: &Find) -> Self {
        let mut boxed = vec![false; graph.nodes.len()];
        let mut app_rate: BTreeMap<usize, f64> = BTreeMap::new();
        for frame in placement.frames.iter().filter(|frame| frame.kind == Boxed::App) {
            let rate: f64 = frame.members.iter().map(|member| graph.nodes[*member].rps_in).sum();
            for member in &frame.members {
                boxed[*member] = true;
                app_rate.insert(*member, rate);
            }
        }
        let hits = find.hits(graph);
        // A window of no seconds: nothing was measured, which is not the same as nothing happened.
        let measured = graph.duration_s > 0;
        let mut cards: Vec<Card> = Vec::with_capacity(graph.nodes.len());
        for (at, node) in graph.nodes.iter().enumerate() {
            cards.push(card(
                node,
                placement.nodes[at],
                boxed[at],
                app_rate.get(&at).copied(),
                hits.nodes[at],
                measured,
            ));
        }
        let mut ends = Vec::with_capacity(graph.edges.len());
        let mut kept = Vec::with_capacity(graph.edges.len());
        for (at, (edge, both)) in graph.edges.iter().zip(graph.ends()).enumerate() {
            if let Some(both) = both {
                ends.push(both);
                kept.push((at, edge));
            }
        }
        let mut made: BTreeMap<usize, f64> = BTreeMap::new();
        for ((_, edge), (from, _)) in kept.iter().zip(&ends) {
            *made.entry(*from).or_default() += edge.rps;
        }
        let lines: Vec<Arc<Line>> = curves(placement, &ends)
            .into_iter()
            .zip(&kept)
            .zip(&ends)
            .map(|((curve, (at, edge)), (from, to))| {
                Arc::new(line(
                    edge,
                    (*from, *to),
                    [short_name(&cards[*from]), short_name(&cards[*to])],
                    curve,
                    (labels, made.get(from).copied().unwrap_or_default()),
                    hits.edges[*at],
                ))
            })
            .collect();
        let groups = placement.frames.iter().map(|frame| Group {
            name: frame.name.clone(),
            rect: frame.rect,
            kind: frame.kind,
            selects: match frame.kind {
                Boxed::App => Some(Selected::App(frame.namespace.clone(), frame.name.clone(), None)),
                Boxed::Namespace => {
                    let member = frame.members.first().and_then(|member| graph.nodes.get(*member));
                    member.and_then(|node| node.id.whole_namespace()).map(Selected::Node)
                }
            },
            members: frame.members.clone(),
        });
        Self {
            lines: Arc::new(lines),
            groups: Arc::new(groups.collect()),
            bounds: (!graph.nodes.is_empty()).then_some(placement.bounds),
            searching: find.active(),
            found: hits.nodes.iter().chain(&hits.edges).filter(|hit| **hit).count(),
            cards: cards.into_iter().map(Arc::new).collect(),
        }
    }
}

impl View {
    /// The same view after these nodes changed, and nothing else: `None` when one of them is another thing
    /// now, so that more than its card looks different.
    pub(super) fn with(&self, graph: &Graph, placement: &Placement, changed: &[usize]) -> Option<Self> {
        let mut cards = self.cards.clone();
        for &at in changed {
            let was = &self.cards[at];
            let mut boxes = placement.frames.iter().filter(|frame| frame.kind == Boxed::App);
            let frame = boxes.find(|frame| frame.members.contains(&at));
            let rate =
                frame.map(|frame| frame.members.iter().map(|member| graph.nodes[*member].rps_in).sum());
            let measured = graph.duration_s > 0;
            let now = card(&graph.nodes[at], was.rect, frame.is_some(), rate, was.found, measured);
            let is = |card: &Card| (card.selects.clone(), card.service.clone(), card.workload.clone());
            if self.searching || is(&now) != is(was) || (&now.name, &now.title) != (&was.name, &was.title) {
                return None;
            }
            cards[at] = Arc::new(now);
        }
        Some(Self { cards, ..self.clone() })
    }
}

/// The glyph of a badge, what it says, and whether it warns; `None` for those that are told otherwise: a
/// gateway by its second line, mutual TLS by its edges, idle by its status.
pub fn badge(badge: Badge) -> Option<(&'static str, &'static str, bool)> {
    Some(match badge {
        Badge::Fault => (icon::LIGHTNING, "Faults are injected here", true),
        Badge::Split => (icon::ARROWS_SPLIT, "Traffic is split between versions", false),
        Badge::Problem => (icon::WARNING_DIAMOND, "Something is wrong with its configuration", true),
        Badge::MissingSidecar => (icon::WARNING, "Some pods have no proxy", true),
        Badge::CircuitBreaker => (icon::PLUGS, "A circuit breaker guards it", false),
        Badge::Mirror => (icon::COPY, "Its traffic is mirrored", false),
        Badge::Timeout => (icon::TIMER, "Calls have a timeout", false),
        Badge::Retries => (icon::REPEAT, "Failed calls are tried again", false),
        Badge::Gateway | Badge::StrictMtls | Badge::Idle | Badge::Outside => return None,
    })
}

/// The badges of a node's card. That traffic is split shows in the shares of an app's versions, so they need
/// no badge for it.
pub fn badges(node: &Node) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let version = node.kind == NodeKind::App && node.version.is_some();
    node.badges
        .iter()
        .filter(move |badge| !(version && **badge == Badge::Split))
        .filter_map(|one| badge(*one))
        .take(3)
}

fn card(node: &Node, rect: Rect, boxed: bool, app_rate: Option<f64>, found: bool, measured: bool) -> Card {
    let gateway = node.badges.contains(&Badge::Gateway) && node.kind != NodeKind::Namespace;
    let version = node.version.as_deref().filter(|version| !version.is_empty());
    let rate = node.rps_in.max(if node.rps_in == 0.0 { node.rps_out } else { 0.0 });
    let rate = if boxed { node.rps_in } else { rate };
    let flow = match measured {
        _ if rate > 0.0 => fmt::rps(rate),
        true => "idle".to_owned(),
        false => "–".to_owned(),
    };
    let mut parts: Vec<String> = Vec::new();
    if boxed {
        let total = app_rate.unwrap_or(0.0);
        if total > 0.0 {
            let share = 100.0 * node.rps_in / total;
            parts.push(if share >= 0.5 { format!("{share:.0}{}%", fmt::THIN) } else { fmt::percent(share) });
        }
    } else if gateway {
        parts.push("gateway".to_owned());
    } else {
        match node.kind {
            NodeKind::External => parts.push("external".to_owned()),
            NodeKind::Unknown => parts.push("outside".to_owned()),
            NodeKind::Service => parts.push("service".to_owned()),
            NodeKind::Namespace => parts.push("namespace".to_owned()),
            NodeKind::App | NodeKind::Workload => parts.extend(version.map(str::to_owned)),
        }
    }
    if !matches!(node.kind, NodeKind::External | NodeKind::Unknown) {
        parts.push(flow);
    }
    let name = match version.filter(|_| node.kind == NodeKind::App) {
        Some(version) => format!("{} {version}", node.name),
        None => node.name.clone(),
    };
    let title = if boxed { version.unwrap_or(&node.name).to_owned() } else { node.name.clone() };
    let health =
        if measured || node.health > Health::Idle { status(node.health).word() } else { "not measured" };
    let mut facts = vec![("Health".to_owned(), health.to_owned())];
    if !node.health_reason.is_empty() {
        facts.push(("Why".to_owned(), node.health_reason.clone()));
    }
    if !node.namespace.is_empty() {
        facts.push(("Namespace".to_owned(), node.namespace.clone()));
    }
    if measured && (node.rps_in > 0.0 || node.rps_out == 0.0) {
        facts.push(("In".to_owned(), fmt::rps(node.rps_in)));
    }
    if node.rps_in > 0.0 {
        facts.push(("Errors".to_owned(), fmt::percent(node.error_percent_in)));
    }
    if node.rps_out > 0.0 {
        facts.push(("Out".to_owned(), fmt::rps(node.rps_out)));
    }
    facts.extend(node.workload.as_ref().map(|workload| ("Workload".to_owned(), workload.clone())));
    let badges: Vec<_> = badges(node).collect();
    facts.extend(badges.iter().map(|(_, says, _)| ("Note".to_owned(), (*says).to_owned())));
    Card {
        id: node.id.clone(),
        title,
        subtitle: parts.join(" · "),
        name,
        status: status(node.health),
        badges,
        rect,
        rate,
        found,
        version: if boxed { version.map(str::to_owned) } else { None },
        facts,
        selects: selects(node),
        service: node.service.clone().map(|service| (node.namespace.clone(), service)),
        workload: node.workload.clone().map(|workload| (node.namespace.clone(), workload)),
    }
}

/// What selecting a node means.
pub fn selects(node: &Node) -> Selected {
    let namespace = || node.namespace.clone();
    match node.kind {
        NodeKind::App => Selected::App(
            namespace(),
            node.app.clone().unwrap_or_else(|| node.name.clone()),
            node.version.clone(),
        ),
        NodeKind::Workload => {
            Selected::Workload(namespace(), node.workload.clone().unwrap_or_else(|| node.name.clone()))
        }
        NodeKind::Service => {
            Selected::Service(namespace(), node.service.clone().unwrap_or_else(|| node.name.clone()))
        }
        NodeKind::Namespace | NodeKind::External | NodeKind::Unknown => Selected::Node(node.id.clone()),
    }
}

/// The name of an edge's end: with the version only where versions stand side by side.
fn short_name(card: &Card) -> &str {
    if card.version.is_some() { &card.name } else { &card.title }
}
