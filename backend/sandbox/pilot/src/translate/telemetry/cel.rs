//! CEL expressions of Telemetry resources: which of them a stock Envoy can evaluate, and why not the others.
//!
//! Envoy refuses a whole listener for one expression that it cannot read, so they are read here first.

/// Attributes that Envoy knows by itself; `node` is Istio's word for `xds.node`.
const ROOTS: [&str; 10] = [
    "request",
    "response",
    "connection",
    "upstream",
    "source",
    "destination",
    "metadata",
    "filter_state",
    "xds",
    "node",
];
/// Functions that Envoy was built with.
const FUNCTIONS: [&str; 10] = [
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "size",
    "int",
    "uint",
    "double",
    "duration",
    "timestamp",
];
/// What Istio's own filters put into the filter state; a stock Envoy has none of them.
const PEERS: [&str; 4] = ["upstream_peer", "downstream_peer", "upstream_peer_obj", "downstream_peer_obj"];

/// Why a stock Envoy cannot evaluate an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCel {
    #[error("\"{0}\" is not expected")]
    Unexpected(String),
    #[error("\"{0}\" is not CEL")]
    Unknown(char),
    #[error("\"{0}\" is missing")]
    Missing(String),
    #[error("a text is not closed")]
    OpenText,
    #[error("it ends too early")]
    TooShort,
    #[error("a name is missing after \".\"")]
    NoName,
    #[error("the operator {0} has no effect in a stock Envoy")]
    Operator(&'static str),
    #[error("the operator % cannot be said in Envoy's formats")]
    Percent,
    #[error("a stock Envoy has no function {0}")]
    Function(String),
    #[error("{0} is known to Istio's own proxy only")]
    IstioOnly(String),
}

/// The expression as Envoy takes it.
pub(crate) fn for_envoy(expression: &str) -> Result<String, NotCel> {
    let tokens = tokens(expression)?;
    let mut reader = Reader { tokens: &tokens, at: 0, nodes: Vec::new() };
    reader.ternary()?;
    if let Some(token) = reader.peek() {
        return Err(NotCel::Unexpected(token.text(expression).to_owned()));
    }
    let mut text = expression.to_owned();
    // From the end, so that what comes before keeps its place.
    for at in reader.nodes.iter().rev() {
        text.replace_range(*at..at + "node".len(), "xds.node");
    }
    // In a format a parenthesis before a percent sign would end the expression.
    if text.contains('%') { Err(NotCel::Percent) } else { Ok(text) }
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Name(String),
    Literal,
    Text,
    Sign(&'static str),
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    from: usize,
    to: usize,
}

impl Token {
    fn text<'a>(&self, expression: &'a str) -> &'a str {
        expression.get(self.from..self.to).unwrap_or_default()
    }
}

const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}", "=",
];

fn tokens(expression: &str) -> Result<Vec<Token>, NotCel> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = expression.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        let run = |fits: fn(char) -> bool| rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first == '"' || first == '\'' {
            (Kind::Text, quoted(rest, first).ok_or(NotCel::OpenText)?)
        } else if first.is_ascii_digit() {
            (Kind::Literal, run(|letter| letter.is_ascii_alphanumeric() || letter == '.'))
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = run(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            match &rest[..length] {
                "true" | "false" | "null" => (Kind::Literal, length),
                name => (Kind::Name(name.to_owned()), length),
            }
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or(NotCel::Unknown(first))?;
            (Kind::Sign(sign), sign.len())
        };
        tokens.push(Token { kind, from: at, to: at + length });
        at += length;
    }
    Ok(tokens)
}

/// The length of a text in quotes.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    rest.char_indices().skip(1).find_map(|(at, letter)| {
        let ends = letter == quote && !escaped;
        escaped = letter == '\\' && !escaped;
        ends.then_some(at + 1)
    })
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Where `node` stands as an attribute.
    nodes: Vec<usize>,
}

type Read = Result<(), NotCel>;

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&self) -> &'static str {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Sign(sign)) => sign,
            _ => "",
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = !sign.is_empty() && self.sign() == sign;
        self.at += usize::from(found);
        found
    }

    fn want(&mut self, sign: &str) -> Read {
        if self.take(sign) { Ok(()) } else { Err(NotCel::Missing(sign.to_owned())) }
    }

    fn ternary(&mut self) -> Read {
        self.binary()?;
        if self.take("?") {
            self.ternary()?;
            self.want(":")?;
            self.ternary()?;
        }
        Ok(())
    }

    fn binary(&mut self) -> Read {
        loop {
            self.unary()?;
            let is_in =
                matches!(self.peek().map(|token| &token.kind), Some(Kind::Name(name)) if name == "in");
            match self.sign() {
                "+" => return Err(NotCel::Operator("+")),
                "&&" | "||" | "==" | "!=" | "<=" | ">=" | "<" | ">" | "-" | "*" | "/" | "%" => self.at += 1,
                _ if is_in => self.at += 1,
                _ => return Ok(()),
            }
        }
    }

    fn unary(&mut self) -> Read {
        while self.take("!") || self.take("-") {}
        let Some(token) = self.peek().cloned() else { return Err(NotCel::TooShort) };
        self.at += 1;
        match token.kind {
            Kind::Literal | Kind::Text => {}
            Kind::Sign("(") => {
                self.ternary()?;
                self.want(")")?;
            }
            Kind::Sign("[") => self.list("]")?,
            Kind::Sign(sign) => return Err(NotCel::Unexpected(sign.to_owned())),
            Kind::Name(name) if self.sign() == "(" => self.call(&name)?,
            Kind::Name(name) => self.attribute(&name, token.from)?,
        }
        self.members()
    }

    fn members(&mut self) -> Read {
        loop {
            if self.take("[") {
                self.ternary()?;
                self.want("]")?;
            } else if self.take(".") {
                let Some(Kind::Name(name)) = self.peek().map(|token| token.kind.clone()) else {
                    return Err(NotCel::NoName);
                };
                self.at += 1;
                if self.sign() == "(" {
                    self.call(&name)?;
                } else if PEERS.contains(&name.as_str()) {
                    return Err(NotCel::IstioOnly(name));
                }
            } else {
                return Ok(());
            }
        }
    }

    fn call(&mut self, name: &str) -> Read {
        if !FUNCTIONS.contains(&name) && name != "has" {
            return Err(NotCel::Function(name.to_owned()));
        }
        self.want("(")?;
        self.list(")")
    }

    fn list(&mut self, end: &str) -> Read {
        while !self.take(end) {
            self.ternary()?;
            if !self.take(",") {
                return self.want(end);
            }
        }
        Ok(())
    }

    fn attribute(&mut self, name: &str, at: usize) -> Read {
        if !ROOTS.contains(&name) {
            return Err(NotCel::IstioOnly(name.to_owned()));
        }
        if name == "node" {
            self.nodes.push(at);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::for_envoy;

    #[test]
    fn what_a_stock_envoy_can_evaluate() {
        for (expression, expect) in [
            ("response.code >= 400", Ok("response.code >= 400")),
            ("request.headers['x-a'] == \"it's\"", Ok("request.headers['x-a'] == \"it's\"")),
            ("node.metadata['NAME']", Ok("xds.node.metadata['NAME']")),
            (
                "request.host.startsWith('node') ? node.id : 'n'",
                Ok("request.host.startsWith('node') ? xds.node.id : 'n'"),
            ),
            (
                "'x' in request.headers && !(size(request.path) > 3)",
                Ok("'x' in request.headers && !(size(request.path) > 3)"),
            ),
            ("response.code in [500, 503]", Ok("response.code in [500, 503]")),
            ("upstream_peer.workload", Err("upstream_peer is known to Istio's own proxy only")),
            ("filter_state.downstream_peer.app", Err("downstream_peer is known to Istio's own proxy only")),
            ("string(response.code)", Err("a stock Envoy has no function string")),
            ("request.host + 'x'", Err("the operator + has no effect in a stock Envoy")),
            ("response.code >", Err("it ends too early")),
            ("(response.code", Err("\")\" is missing")),
            ("response.code 5", Err("\"5\" is not expected")),
            ("'open", Err("a text is not closed")),
            ("", Err("it ends too early")),
        ] {
            assert_eq!(
                for_envoy(expression).map_err(|why| why.to_string()),
                expect.map(str::to_owned).map_err(str::to_owned),
                "{expression}"
            );
        }
    }
}
