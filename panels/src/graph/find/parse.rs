//! How what was typed is read: words, terms with a value, terms that hold or not, joined by AND, OR, NOT and
//! parentheses. AND binds tighter than OR; side by side is AND. Nothing fails: what is no term is a word, and what is
//! typed by half asks for nothing.

use super::terms::{Is, Term, named};

/// What is asked for.
#[derive(Clone)]
pub(super) enum Expr {
    /// Some name of a node has it.
    Word(String),
    Holds(&'static Term),
    Text(&'static Term, Like, String),
    Number(&'static Term, Op, f64),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
}

/// How a text has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Like {
    Is,
    IsNot,
    Has,
    Begins,
    Ends,
}

/// How a number has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

impl Like {
    pub(super) fn holds(self, text: &str, wanted: &str) -> bool {
        let text = text.to_lowercase();
        match self {
            Self::Is => text == wanted,
            Self::IsNot => text != wanted,
            Self::Has => text.contains(wanted),
            Self::Begins => text.starts_with(wanted),
            Self::Ends => text.ends_with(wanted),
        }
    }
}

impl Op {
    pub(super) fn holds(self, value: f64, against: f64) -> bool {
        match self {
            Self::Less => value < against,
            Self::AtMost => value <= against,
            Self::More => value > against,
            Self::AtLeast => value >= against,
            Self::Equal => (value - against).abs() < 1e-9,
            Self::Unequal => (value - against).abs() >= 1e-9,
        }
    }
}

/// Reads what was typed.
pub(super) fn read(text: &str) -> Option<Expr> {
    let mut tokens = tokens(text);
    tokens.reverse();
    either(&mut tokens)
}

/// Signs that an operator is made of.
const SIGNS: [char; 7] = ['<', '>', '=', '!', '*', '^', '$'];

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&next) = chars.peek() {
        let mut token = String::new();
        if next.is_whitespace() {
            chars.next();
            continue;
        } else if next == '"' {
            chars.next();
            while let Some(c) = chars.next_if(|c| *c != '"') {
                token.push(c);
            }
            chars.next();
        } else if matches!(next, '(' | ')') {
            token.extend(chars.next());
        } else if SIGNS.contains(&next) {
            while let Some(c) = chars.next_if(|c| SIGNS.contains(c)) {
                token.push(c);
            }
        } else {
            let part = |c: &char| !c.is_whitespace() && !matches!(c, '(' | ')' | '"') && !SIGNS.contains(c);
            while let Some(c) = chars.next_if(part) {
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
    let term = named(&name);
    // "is healthy", "has cb".
    if matches!(&*name, "is" | "has")
        && tokens.last().is_some_and(|next| named(&next.to_lowercase()).is_some())
    {
        return one(tokens);
    }
    let sign = tokens.last().filter(|next| like(next).is_some() || op(next).is_some()).cloned();
    let Some(sign) = sign else {
        return match term {
            Some(term) if matches!(term.is, Is::Flag(_) | Is::Both(..)) => Some(Expr::Holds(term)),
            // What begins so will be a term.
            _ => (!name.starts_with('%')).then_some(Expr::Word(name)),
        };
    };
    tokens.pop();
    // A comparison that is not typed to its end yet asks for nothing.
    let value = tokens.pop()?.to_lowercase();
    let term = term?;
    match term.is {
        Is::Text(_) | Is::Texts(_) => Some(Expr::Text(term, like(&sign)?, value)),
        Is::Figure(_) | Is::Measure(..) => Some(Expr::Number(term, op(&sign)?, number(&value)?)),
        Is::Flag(_) | Is::Both(..) => None,
    }
}

fn like(sign: &str) -> Option<Like> {
    Some(match sign.to_lowercase().as_str() {
        "=" | "==" => Like::Is,
        "!=" => Like::IsNot,
        "*=" | "contains" => Like::Has,
        "^=" | "startswith" => Like::Begins,
        "$=" | "endswith" => Like::Ends,
        _ => return None,
    })
}

fn op(sign: &str) -> Option<Op> {
    Some(match sign {
        "<" => Op::Less,
        "<=" => Op::AtMost,
        ">" => Op::More,
        ">=" => Op::AtLeast,
        "=" | "==" => Op::Equal,
        "!=" => Op::Unequal,
        _ => return None,
    })
}

/// A number with its unit: "5", "5%", "1.5s", "200ms", "3k", "2rps", "10kB", "1MB/s".
fn number(text: &str) -> Option<f64> {
    let text = text.strip_suffix("/s").unwrap_or(text);
    let (digits, times) = match text {
        _ if text.ends_with("gb") => (text.trim_end_matches("gb"), 1e9),
        _ if text.ends_with("mb") => (text.trim_end_matches("mb"), 1e6),
        _ if text.ends_with("kb") => (text.trim_end_matches("kb"), 1e3),
        _ if text.ends_with('b') => (text.trim_end_matches('b'), 1.0),
        _ if text.ends_with("rps") => (text.trim_end_matches("rps"), 1.0),
        _ if text.ends_with("ms") => (text.trim_end_matches("ms"), 1.0),
        _ if text.ends_with('s') => (text.trim_end_matches('s'), 1000.0),
        _ if text.ends_with('k') => (text.trim_end_matches('k'), 1000.0),
        _ => (text.trim_end_matches('%'), 1.0),
    };
    digits.parse::<f64>().ok().map(|number| number * times)
}
