//! From text to an expression.

use serde_json::Value;

use super::{call, error::SyntaxError};

/// How deep expressions may be nested.
const DEPTH: usize = 64;
/// How many words and signs one may have: what is read here is evaluated on the stack.
const LENGTH: usize = 600;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Value(Value),
    Name(String),
    List(Vec<Expr>),
    Select(Box<Expr>, String),
    Has(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `all`, `exists`, `exists_one`, `filter`, `map`: over what, the variable, what is asked of each.
    Each(&'static str, Box<Expr>, String, Box<Expr>),
    Call(&'static str, Vec<Expr>),
}

impl Expr {
    pub(super) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Value(_) => false,
            Self::Name(found) => found == name,
            Self::List(items) | Self::Call(_, items) => items.iter().any(|item| item.mentions(name)),
            Self::Select(of, _) | Self::Has(of, _) | Self::Not(of) | Self::Minus(of) => of.mentions(name),
            Self::Index(a, b) | Self::Binary(_, a, b) | Self::Each(_, a, _, b) => {
                a.mentions(name) || b.mentions(name)
            }
            Self::Choice(a, b, c) => a.mentions(name) || b.mentions(name) || c.mentions(name),
        }
    }
}

/// Operators from the loosest to the tightest.
const OPERATORS: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

const EACH: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];

pub(super) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expr = parser.choice()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(SyntaxError::Misplaced(token.text.clone())),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Word,
    Number,
    Text,
    Sign,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    text: String,
}

fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
            found.push(Token { kind: Kind::Word, text: rest[..length].to_owned() });
            length
        } else if first.is_ascii_digit() {
            let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            found.push(Token { kind: Kind::Number, text: rest[..length].to_owned() });
            length
        } else if first == '\'' || first == '"' {
            let (text, length) = quoted(rest, first)?;
            found.push(Token { kind: Kind::Text, text });
            length
        } else {
            let two = rest.get(..2).filter(|two| ["||", "&&", "==", "!=", "<=", ">="].contains(two));
            let sign = two.or_else(|| rest.get(..1).filter(|one| "<>+-*/%!?:().,[]".contains(one)));
            let sign = sign.ok_or(SyntaxError::Unknown(first))?;
            found.push(Token { kind: Kind::Sign, text: sign.to_owned() });
            sign.len()
        };
        if found.len() > LENGTH {
            return Err(SyntaxError::TooLong);
        }
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// A quoted text at the beginning of `rest`, and how much of `rest` it is.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), SyntaxError> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, same @ ('\\' | '\'' | '"' | '?' | '`'))) => text.push(same),
                _ => return Err(SyntaxError::Escape),
            },
            c if c == quote => return Ok((text, index + 1)),
            c => text.push(c),
        }
    }
    Err(SyntaxError::OpenText)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn sign(&mut self, sign: &str) -> bool {
        let there =
            self.tokens.get(self.at).is_some_and(|token| token.kind == Kind::Sign && token.text == sign);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, sign: &str) -> Result<(), SyntaxError> {
        if self.sign(sign) { Ok(()) } else { Err(SyntaxError::Missing(sign.to_owned())) }
    }

    fn deeper<T>(
        &mut self,
        then: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(SyntaxError::TooDeep);
        }
        let found = then(self);
        self.depth -= 1;
        found
    }

    fn choice(&mut self) -> Result<Expr, SyntaxError> {
        self.deeper(|parser| {
            let condition = parser.binary(0)?;
            if !parser.sign("?") {
                return Ok(condition);
            }
            let yes = parser.choice()?;
            parser.expect(":")?;
            let no = parser.choice()?;
            Ok(Expr::Choice(Box::new(condition), Box::new(yes), Box::new(no)))
        })
    }

    fn binary(&mut self, level: usize) -> Result<Expr, SyntaxError> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let token =
                self.tokens.get(self.at).filter(|token| matches!(token.kind, Kind::Sign | Kind::Word));
            let Some(operator) =
                token.and_then(|token| operators.iter().find(|operator| token.text == **operator))
            else {
                return Ok(left);
            };
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn unary(&mut self) -> Result<Expr, SyntaxError> {
        self.deeper(|parser| {
            if parser.sign("!") {
                return Ok(Expr::Not(Box::new(parser.unary()?)));
            }
            if parser.sign("-") {
                return Ok(Expr::Minus(Box::new(parser.unary()?)));
            }
            let mut expr = parser.primary()?;
            loop {
                if parser.sign(".") {
                    expr = parser.member(expr)?;
                } else if parser.sign("[") {
                    let index = parser.choice()?;
                    parser.expect("]")?;
                    expr = Expr::Index(Box::new(expr), Box::new(index));
                } else {
                    return Ok(expr);
                }
            }
        })
    }

    fn word(&mut self) -> Result<String, SyntaxError> {
        let token =
            self.tokens.get(self.at).filter(|token| token.kind == Kind::Word).ok_or(SyntaxError::NoName)?;
        self.at += 1;
        Ok(token.text.clone())
    }

    fn member(&mut self, of: Expr) -> Result<Expr, SyntaxError> {
        let name = self.word()?;
        if !self.sign("(") {
            return Ok(Expr::Select(Box::new(of), unescaped(&name)));
        }
        if let Some(each) = EACH.iter().find(|each| **each == name) {
            let variable = self.word()?;
            self.expect(",")?;
            let body = self.choice()?;
            self.expect(")")?;
            return Ok(Expr::Each(each, Box::new(of), variable, Box::new(body)));
        }
        let mut arguments = vec![of];
        arguments.extend(self.list(")")?);
        call::known(&name, arguments.len()).map(|name| Expr::Call(name, arguments))
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expr>, SyntaxError> {
        let mut items = Vec::new();
        while !self.sign(end) {
            items.push(self.choice()?);
            if !self.sign(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Result<Expr, SyntaxError> {
        if self.sign("(") {
            let inner = self.choice()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.sign("[") {
            return Ok(Expr::List(self.list("]")?));
        }
        let token = self.tokens.get(self.at).cloned().ok_or(SyntaxError::TooShort)?;
        self.at += 1;
        match token.kind {
            Kind::Text => Ok(Expr::Value(Value::from(token.text))),
            Kind::Number => {
                let number = serde_json::from_str(&token.text)
                    .map_err(|_| SyntaxError::NoNumber(token.text.clone()))?;
                Ok(Expr::Value(number))
            }
            Kind::Sign => Err(SyntaxError::Misplaced(token.text)),
            Kind::Word => match token.text.as_str() {
                "true" => Ok(Expr::Value(Value::Bool(true))),
                "false" => Ok(Expr::Value(Value::Bool(false))),
                "null" => Ok(Expr::Value(Value::Null)),
                name if self.sign("(") => {
                    let mut arguments = self.list(")")?;
                    match (name, arguments.as_mut_slice()) {
                        ("has", [Expr::Select(of, member)]) => Ok(Expr::Has(of.clone(), member.clone())),
                        _ => call::known(name, arguments.len()).map(|name| Expr::Call(name, arguments)),
                    }
                }
                name => Ok(Expr::Name(name.to_owned())),
            },
        }
    }
}

/// Members whose names are no names in CEL are written `__namespace__`.
fn unescaped(name: &str) -> String {
    let inner = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    match inner {
        Some(inner) if !inner.is_empty() => inner.to_owned(),
        _ => name.replace("__dot__", ".").replace("__dash__", "-").replace("__slash__", "/"),
    }
}
