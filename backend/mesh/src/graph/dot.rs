//! The graph as Graphviz text.

use super::{Graph, Health, NodeKind};
use crate::traffic::Protocol;
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Graph {
    /// The graph in Graphviz's language: namespaces as boxes, edges with their rates, colour and style by
    /// health.
    pub fn to_dot(&self) -> String {
        let mut text = String::from(
            "digraph mesh {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"Inter\"];\n",
        );
        let mut by_namespace: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for node in &self.nodes {
            by_namespace.entry(&node.namespace).or_default().push(node);
        }
        for (number, (namespace, nodes)) in by_namespace.into_iter().enumerate() {
            let indent = if namespace.is_empty() { "  " } else { "    " };
            if !namespace.is_empty() {
                put(
                    &mut text,
                    format_args!("  subgraph cluster_{number} {{\n    label={};\n", quoted(namespace)),
                );
            }
            for node in nodes {
                let version =
                    node.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
                let shape = match node.kind {
                    NodeKind::External | NodeKind::Unknown => ", shape=ellipse",
                    _ => "",
                };
                let label = quoted(&format!("{}{version}", node.name));
                put(
                    &mut text,
                    format_args!(
                        "{indent}{} [label={label}{}{shape}];\n",
                        quoted(&node.id.to_string()),
                        colour(node.health)
                    ),
                );
            }
            if !namespace.is_empty() {
                text.push_str("  }\n");
            }
        }
        for edge in &self.edges {
            let mut label = match edge.protocol {
                Protocol::Tcp => format!("{:.0} B/s", edge.bytes),
                _ => format!("{:.2} rps", edge.rps),
            };
            if edge.error_percent > 0.0 {
                put(&mut label, format_args!(", {:.1} % errors", edge.error_percent));
            }
            if let Some(p95) = edge.p95_ms {
                put(&mut label, format_args!(", p95 {p95:.0} ms"));
            }
            let ends = format_args!(
                "  {} -> {} [label={}{}];\n",
                quoted(&edge.source.to_string()),
                quoted(&edge.target.to_string()),
                quoted(&label),
                colour(edge.health)
            )
            .to_string();
            text.push_str(&ends);
        }
        text.push_str("}\n");
        text
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(what).unwrap_or_default();
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn colour(health: Health) -> &'static str {
    match health {
        Health::Idle => ", color=gray",
        Health::Healthy => "",
        Health::Degraded => ", color=orange, style=dashed",
        Health::Failing => ", color=red, style=bold",
    }
}
