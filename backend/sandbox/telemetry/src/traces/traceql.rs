//! TraceQL, as far as searches use it: conditions on one span (`{ resource.service.name = "a" && duration > 5ms }`),
//! and several of which each needs a span of the trace (`{ … } && { … }`). Anything else is a clear refusal.

use regex::Regex;

use super::span::{Span, Tag, TagValue};

/// So deep conditions may nest.
const DEEPEST: usize = 32;

/// A query: each of these needs a span of the trace.
#[derive(Debug)]
pub(crate) struct TraceQl(Vec<Option<Condition>>);

/// Where a query could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid TraceQL query: parse error at line 1, col {at}: {why}")]
pub(crate) struct NoQuery {
    at: usize,
    why: String,
}

#[derive(Debug)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Is(Field, Sign, Wanted),
}

#[derive(Debug, PartialEq)]
enum Field {
    Resource(String),
    Span(String),
    Either(String),
    Name,
    Status,
    Kind,
    Duration,
    RootName,
    RootService,
    TraceDuration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    Matches,
    MatchesNot,
}

const SIGNS: [(&str, Sign); 8] = [
    ("!=", Sign::IsNot),
    ("=~", Sign::Matches),
    ("!~", Sign::MatchesNot),
    (">=", Sign::AtLeast),
    ("<=", Sign::AtMost),
    (">", Sign::More),
    ("<", Sign::Less),
    ("=", Sign::Is),
];

#[derive(Debug)]
enum Wanted {
    Text(String),
    Pattern(Regex),
    Number(f64),
    Bool(bool),
    /// Microseconds.
    Duration(f64),
    /// "error", "server".
    Word(String),
}

impl TraceQl {
    pub(crate) fn read(text: &str) -> Result<Self, NoQuery> {
        let mut reader = Reader { text, at: 0 };
        let mut all = Vec::new();
        loop {
            reader.expect("{")?;
            all.push(if reader.takes("}") { None } else { Some(reader.condition(0)?) });
            if all.last().is_some_and(Option::is_some) {
                reader.expect("}")?;
            }
            if !reader.takes("&&") {
                break;
            }
        }
        // What is told of the spans besides, which is told here anyway.
        if reader.takes("|") {
            reader.expect("select")?;
            reader.expect("(")?;
            let end = reader.rest().find(')').ok_or_else(|| reader.wrong("a ) is missing"))?;
            reader.at += end + 1;
        }
        reader.space();
        if reader.rest().is_empty() {
            Ok(Self(all))
        } else {
            Err(reader.wrong("this sandbox reads no more of TraceQL"))
        }
    }

    /// The spans that meet the first condition, where each condition has a span; else none.
    pub(crate) fn matches<'a>(&self, spans: &'a [Span]) -> Vec<&'a Span> {
        let trace = Whole::of(spans);
        let meets = |condition: &Option<Condition>, span: &Span| {
            condition.as_ref().is_none_or(|condition| condition.holds(span, &trace))
        };
        if !self.0.iter().all(|condition| spans.iter().any(|span| meets(condition, span))) {
            return Vec::new();
        }
        self.0
            .first()
            .map(|first| spans.iter().filter(|span| meets(first, span)).collect())
            .unwrap_or_default()
    }
}

/// What is true of a whole trace.
pub(crate) struct Whole<'a> {
    pub(crate) root: Option<&'a Span>,
    pub(crate) start_us: u64,
    pub(crate) duration_us: u64,
}

impl<'a> Whole<'a> {
    pub(crate) fn of(spans: &'a [Span]) -> Self {
        let start_us = spans.iter().map(|span| span.start_us).min().unwrap_or_default();
        let end =
            spans.iter().map(|span| span.start_us.saturating_add(span.duration_us)).max().unwrap_or_default();
        let root = spans.iter().filter(|span| span.parent == 0).min_by_key(|span| (span.start_us, span.id));
        Self { root, start_us, duration_us: end.saturating_sub(start_us) }
    }
}

impl Condition {
    fn holds(&self, span: &Span, trace: &Whole<'_>) -> bool {
        match self {
            Self::Any(some) => some.iter().any(|one| one.holds(span, trace)),
            Self::All(all) => all.iter().all(|one| one.holds(span, trace)),
            Self::Is(field, sign, wanted) => {
                field.values(span, trace).iter().any(|value| fits(value, *sign, wanted))
            }
        }
    }
}

impl Field {
    fn values(&self, span: &Span, trace: &Whole<'_>) -> Vec<TagValue> {
        let word = |text: &str| vec![TagValue::Text(text.into())];
        let of = |tags: &[Tag], key: &str| -> Vec<TagValue> {
            tags.iter().filter(|tag| &*tag.key == key).map(|tag| tag.value.clone()).collect()
        };
        let resource = |key: &str| match key {
            "service.name" => vec![TagValue::Text(span.process.service.clone())],
            key => of(&span.process.tags, key),
        };
        let duration = |us: u64| vec![TagValue::Float(us as f64)];
        match self {
            Self::Resource(key) => resource(key),
            Self::Span(key) => of(&span.tags, key),
            Self::Either(key) => of(&span.tags, key).into_iter().chain(resource(key)).collect(),
            Self::Name => vec![TagValue::Text(span.operation.clone())],
            Self::Status => match of(&span.tags, "otel.status_code").first() {
                Some(told) => word(&told.shown().to_lowercase()),
                None => word("unset"),
            },
            Self::Kind => word(if span.kind.is_empty() { "unspecified" } else { span.kind }),
            Self::Duration => duration(span.duration_us),
            Self::TraceDuration => duration(trace.duration_us),
            Self::RootName => {
                trace.root.map(|root| TagValue::Text(root.operation.clone())).into_iter().collect()
            }
            Self::RootService => {
                trace.root.map(|root| TagValue::Text(root.process.service.clone())).into_iter().collect()
            }
        }
    }
}

fn fits(value: &TagValue, sign: Sign, wanted: &Wanted) -> bool {
    let ordered = |order: Option<std::cmp::Ordering>| match (sign, order) {
        (_, None) => false,
        (Sign::Is, Some(order)) => order.is_eq(),
        (Sign::IsNot, Some(order)) => order.is_ne(),
        (Sign::Less, Some(order)) => order.is_lt(),
        (Sign::AtMost, Some(order)) => order.is_le(),
        (Sign::More, Some(order)) => order.is_gt(),
        (Sign::AtLeast, Some(order)) => order.is_ge(),
        (Sign::Matches | Sign::MatchesNot, _) => false,
    };
    match (value, wanted) {
        (TagValue::Text(text), Wanted::Text(wanted) | Wanted::Word(wanted)) => {
            ordered(Some((**text).cmp(wanted)))
        }
        (TagValue::Text(text), Wanted::Pattern(pattern)) => pattern.is_match(text) == (sign == Sign::Matches),
        (TagValue::Bool(value), Wanted::Bool(wanted)) => ordered(Some(value.cmp(wanted))),
        (TagValue::Int(value), Wanted::Number(wanted)) => ordered((*value as f64).partial_cmp(wanted)),
        (TagValue::Float(value), Wanted::Number(wanted) | Wanted::Duration(wanted)) => {
            ordered(value.partial_cmp(wanted))
        }
        _ => false,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn wrong(&self, why: &str) -> NoQuery {
        NoQuery { at: self.at + 1, why: why.to_owned() }
    }

    fn takes(&mut self, word: &str) -> bool {
        self.space();
        let there = self.rest().starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn expect(&mut self, word: &str) -> Result<(), NoQuery> {
        if self.takes(word) { Ok(()) } else { Err(self.wrong(&format!("{word} is expected"))) }
    }

    /// `a || b && c`: `&&` binds closer.
    fn condition(&mut self, depth: usize) -> Result<Condition, NoQuery> {
        if depth > DEEPEST {
            return Err(self.wrong("this nests too deep"));
        }
        let mut some = Vec::new();
        loop {
            let mut all = vec![self.single(depth)?];
            while self.takes("&&") {
                all.push(self.single(depth)?);
            }
            some.push(Condition::All(all));
            if !self.takes("||") {
                return Ok(Condition::Any(some));
            }
        }
    }

    fn single(&mut self, depth: usize) -> Result<Condition, NoQuery> {
        if self.takes("(") {
            let inner = self.condition(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let field = self.field()?;
        self.space();
        let sign = SIGNS.iter().find(|(written, _)| self.rest().starts_with(written));
        let (written, sign) = *sign.ok_or_else(|| self.wrong("a comparison is expected"))?;
        self.at += written.len();
        let wanted = self.wanted(sign)?;
        Ok(Condition::Is(field, sign, wanted))
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let part = |sign: char| sign.is_alphanumeric() || matches!(sign, '.' | '_' | '-' | '/' | ':');
        let end = rest.find(|sign| !part(sign)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// A name behind a dot, in quotes or not.
    fn name(&mut self, dotted: &str) -> Result<String, NoQuery> {
        if dotted.is_empty() { self.quoted() } else { Ok(dotted.to_owned()) }
    }

    fn field(&mut self) -> Result<Field, NoQuery> {
        self.space();
        let word = self.word();
        Ok(match word {
            "name" | "span:name" => Field::Name,
            "status" | "span:status" => Field::Status,
            "kind" | "span:kind" => Field::Kind,
            "duration" | "span:duration" => Field::Duration,
            "rootName" | "trace:rootName" => Field::RootName,
            "rootServiceName" | "trace:rootService" => Field::RootService,
            "traceDuration" | "trace:duration" => Field::TraceDuration,
            _ => match word.split_once('.') {
                Some(("resource", name)) => Field::Resource(self.name(name)?),
                Some(("span", name)) => Field::Span(self.name(name)?),
                Some(("", name)) => Field::Either(self.name(name)?),
                _ => return Err(self.wrong("a field is expected")),
            },
        })
    }

    fn quoted(&mut self) -> Result<String, NoQuery> {
        let rest = self.rest();
        let sign = rest.chars().next().filter(|sign| matches!(sign, '"' | '`'));
        let sign = sign.ok_or_else(|| self.wrong("a name in quotes is expected"))?;
        let mut read = String::new();
        let mut signs = rest.char_indices().skip(1);
        while let Some((at, next)) = signs.next() {
            match next {
                next if next == sign => {
                    self.at += at + 1;
                    return Ok(read);
                }
                '\\' if sign == '"' => match signs.next().map(|(_, next)| next) {
                    Some('n') => read.push('\n'),
                    Some('t') => read.push('\t'),
                    Some(other) => read.push(other),
                    None => break,
                },
                next => read.push(next),
            }
        }
        Err(self.wrong("a text does not end"))
    }

    fn wanted(&mut self, sign: Sign) -> Result<Wanted, NoQuery> {
        self.space();
        if self.rest().starts_with(['"', '`']) {
            let text = self.quoted()?;
            if !matches!(sign, Sign::Matches | Sign::MatchesNot) {
                return Ok(Wanted::Text(text));
            }
            let pattern = Regex::new(&format!("^(?:{text})$"));
            return pattern.map(Wanted::Pattern).map_err(|_| self.wrong("this is no regular expression"));
        }
        let word = self.word();
        if matches!(word, "true" | "false") {
            return Ok(Wanted::Bool(word == "true"));
        }
        if let Ok(number) = word.parse() {
            return Ok(Wanted::Number(number));
        }
        if word.starts_with(|sign: char| sign.is_ascii_digit()) {
            let read = istio::Duration::read(word).map(|read| read.nanos() as f64 / 1000.0);
            return read
                .map(Wanted::Duration)
                .ok_or_else(|| self.wrong("this is neither a number nor a duration"));
        }
        match word {
            "" => Err(self.wrong("a value is expected")),
            word => Ok(Wanted::Word(word.to_owned())),
        }
    }
}

#[cfg(test)]
#[path = "traceql_tests.rs"]
mod tests;
