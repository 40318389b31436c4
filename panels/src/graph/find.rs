//! Finding in the graph: words, and terms such as `%httperr > 5`, joined by AND, OR and parentheses.

use mesh::graph::{Edge, Graph, Node};

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Find(Option<Expr>);

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Word(String),
    Compare(Field, Op, f64),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
    Rate,
    Errors,
    P50,
    P95,
    P99,
    Mtls,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

/// Which nodes and edges match, in the graph's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// Per node.
    pub nodes: Vec<bool>,
    /// Per edge.
    pub edges: Vec<bool>,
}

impl Find {
    /// Reads what was typed. What cannot be read as a term is a word; nothing fails.
    pub fn read(text: &str) -> Self {
        let mut tokens = tokens(text);
        tokens.reverse();
        Self(either(&mut tokens))
    }

    /// Whether anything is searched for.
    pub fn active(&self) -> bool {
        self.0.is_some()
    }

    /// Which nodes and edges match. A node matches too when one of its edges does by a number, and the ends
    /// of a matching edge stay in sight.
    pub fn hits(&self, graph: &Graph) -> Hits {
        let Some(expr) = &self.0 else {
            return Hits { nodes: vec![true; graph.nodes.len()], edges: vec![true; graph.edges.len()] };
        };
        let mut nodes: Vec<bool> = graph.nodes.iter().map(|node| on_node(expr, node)).collect();
        let ends = graph.ends();
        let node = |at: usize| &*graph.nodes[at];
        let edges: Vec<bool> = graph
            .edges
            .iter()
            .zip(&ends)
            .map(|(edge, ends)| on_edge(expr, edge, ends.map(|(from, to)| [node(from), node(to)])))
            .collect();
        for ((from, to), _) in ends
            .iter()
            .zip(&edges)
            .filter(|(_, hit)| **hit && numeric(expr))
            .filter_map(|(ends, hit)| Some(((*ends)?, hit)))
        {
            (nodes[from], nodes[to]) = (true, true);
        }
        Hits { nodes, edges }
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&next) = chars.peek() {
        let mut token = String::new();
        if next.is_whitespace() {
            chars.next();
            continue;
        } else if matches!(next, '(' | ')') {
            token.extend(chars.next());
        } else if matches!(next, '<' | '>' | '=' | '!') {
            while let Some(c) = chars.next_if(|c| matches!(c, '<' | '>' | '=' | '!')) {
                token.push(c);
            }
        } else {
            while let Some(c) =
                chars.next_if(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '<' | '>' | '=' | '!'))
            {
                token.push(c);
            }
        }
        tokens.push(token);
    }
    tokens
}

fn either(tokens: &mut Vec<String>) -> Option<Expr> {
    let mut left = both(tokens);
    while tokens.last().is_some_and(|token| token.eq_ignore_ascii_case("or")) {
        tokens.pop();
        left = match (left, both(tokens)) {
            (Some(left), Some(right)) => Some(Expr::Or(Box::new(left), Box::new(right))),
            (one, other) => one.or(other),
        };
    }
    left
}

fn both(tokens: &mut Vec<String>) -> Option<Expr> {
    let mut left = one(tokens);
    while let Some(token) = tokens.last() {
        if token.eq_ignore_ascii_case("or") || token == ")" {
            break;
        }
        if token.eq_ignore_ascii_case("and") {
            tokens.pop();
        }
        left = match (left, one(tokens)) {
            (Some(left), Some(right)) => Some(Expr::And(Box::new(left), Box::new(right))),
            (one, other) => one.or(other),
        };
    }
    left
}

fn one(tokens: &mut Vec<String>) -> Option<Expr> {
    let token = tokens.pop()?;
    if token == "(" {
        let inner = either(tokens);
        if tokens.last().is_some_and(|token| token == ")") {
            tokens.pop();
        }
        return inner;
    }
    if token.eq_ignore_ascii_case("not") || token == "!" {
        return one(tokens).map(|inner| Expr::Not(Box::new(inner)));
    }
    let name = token.to_lowercase();
    if let (Some(field), Some(op)) = (field(&name), tokens.last().and_then(|op| self::op(op)))
        && let Some(number) = tokens.len().checked_sub(2).and_then(|at| number(&tokens[at]))
    {
        tokens.truncate(tokens.len() - 2);
        return Some(Expr::Compare(field, op, number));
    }
    // A comparison that is not typed to its end yet asks for nothing.
    let half = tokens.last().is_some_and(|token| self::op(token).is_some());
    if half {
        tokens.truncate(tokens.len().saturating_sub(2));
    }
    (!half && !name.starts_with('%')).then_some(Expr::Word(name))
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "rps" | "rate" | "http" => Field::Rate,
        "%httperr" | "%err" | "%error" | "%errors" | "errors" => Field::Errors,
        "p50" => Field::P50,
        "p95" | "rt" => Field::P95,
        "p99" => Field::P99,
        "%mtls" | "mtls" => Field::Mtls,
        _ => return None,
    })
}

fn op(text: &str) -> Option<Op> {
    Some(match text {
        "<" => Op::Less,
        "<=" => Op::AtMost,
        ">" => Op::More,
        ">=" => Op::AtLeast,
        "=" | "==" => Op::Equal,
        "!=" => Op::Unequal,
        _ => return None,
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim_end_matches("ms").trim_end_matches(['%', 's']).parse().ok()
}

fn compare(op: Op, value: f64, against: f64) -> bool {
    match op {
        Op::Less => value < against,
        Op::AtMost => value <= against,
        Op::More => value > against,
        Op::AtLeast => value >= against,
        Op::Equal => (value - against).abs() < 1e-9,
        Op::Unequal => (value - against).abs() >= 1e-9,
    }
}

fn numeric(expr: &Expr) -> bool {
    match expr {
        Expr::Word(_) => false,
        Expr::Compare(..) => true,
        Expr::And(a, b) | Expr::Or(a, b) => numeric(a) || numeric(b),
        Expr::Not(inner) => numeric(inner),
    }
}

fn has_word(node: &Node, word: &str) -> bool {
    let holds = |text: &str| text.to_lowercase().contains(word);
    let health = format!("{:?}", node.health).to_lowercase();
    holds(&node.name)
        || holds(&node.namespace)
        || [&node.app, &node.version, &node.service, &node.workload]
            .into_iter()
            .flatten()
            .any(|text| holds(text))
        || node.badges.iter().any(|badge| holds(badge.name()))
        || health == word
}

fn on_node(expr: &Expr, node: &Node) -> bool {
    match expr {
        Expr::Word(word) => has_word(node, word),
        Expr::Compare(Field::Rate, op, value) => compare(*op, node.rps_in, *value),
        Expr::Compare(Field::Errors, op, value) => {
            node.rps_in > 0.0 && compare(*op, node.error_percent_in, *value)
        }
        Expr::Compare(..) => false,
        Expr::And(a, b) => on_node(a, node) && on_node(b, node),
        Expr::Or(a, b) => on_node(a, node) || on_node(b, node),
        Expr::Not(inner) => !on_node(inner, node),
    }
}

fn on_edge(expr: &Expr, edge: &Edge, ends: Option<[&Node; 2]>) -> bool {
    match expr {
        Expr::Word(word) => {
            edge.protocol.name() == word || ends.into_iter().flatten().any(|node| has_word(node, word))
        }
        Expr::Compare(field, op, value) => {
            let measured = match field {
                Field::Rate => Some(edge.rps),
                Field::Errors => (edge.rps > 0.0).then_some(edge.error_percent),
                Field::P50 => edge.p50_ms,
                Field::P95 => edge.p95_ms,
                Field::P99 => edge.p99_ms,
                Field::Mtls => edge.mtls_percent,
            };
            measured.is_some_and(|measured| compare(*op, measured, *value))
        }
        Expr::And(a, b) => on_edge(a, edge, ends) && on_edge(b, edge, ends),
        Expr::Or(a, b) => on_edge(a, edge, ends) || on_edge(b, edge, ends),
        Expr::Not(inner) => !on_edge(inner, edge, ends),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let graph = crate::graph::sample::bookinfo();
        let hits = Find::read(text).hits(&graph);
        let names = graph.nodes.iter().zip(&hits.nodes).filter(|(_, hit)| **hit);
        let names: Vec<String> = names
            .map(|(node, _)| format!("{} {}", node.name, node.version.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(names.join(", "), expect);
    }

    #[test]
    fn words() {
        check("reviews", "reviews v1, reviews v2, reviews v3");
        check("reviews v2", "reviews v2");
        check("details or ratings", "details v1, ratings v1");
        check("bookinfo not reviews", "details v1, productpage v1, ratings v1");
        check("(reviews and v1) or ratings", "ratings v1, reviews v1");
    }

    #[test]
    fn numbers_of_nodes_and_edges() {
        check("%httperr > 30", "ratings v1, reviews v3");
        check("%httperr>30 and reviews", "ratings v1, reviews v3");
        check("rps > 9.95", "ratings v1");
    }

    #[test]
    fn half_typed_terms_ask_for_nothing() {
        check("ratings and %httperr >", "ratings v1");
        check(
            "%htt",
            "details v1, productpage v1, ratings v1, reviews v1, reviews v2, reviews v3, istio-ingressgateway latest",
        );
        check(
            "((",
            "details v1, productpage v1, ratings v1, reviews v1, reviews v2, reviews v3, istio-ingressgateway latest",
        );
    }
}
