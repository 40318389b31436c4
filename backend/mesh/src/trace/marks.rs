//! What the mesh did to a call, by the flags and tags of Envoy's spans.

use super::SpanRef;
use std::fmt;

/// Something that the mesh did, or that befell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A call that was made again, the how-manieth time.
    Retry(u32),
    /// All retries failed.
    UsedUp,
    /// A fault rule cut it off.
    Abort,
    /// A fault rule held it up.
    Delay,
    /// It took longer than its route allows.
    Timeout,
    /// A copy of another call, whose answer nobody gets.
    Mirror,
    /// A circuit breaker refused it.
    Open,
    /// A rate limit refused it.
    Limited,
}

impl Mark {
    /// In a word or two, to stand beside a bar.
    pub fn short(self) -> &'static str {
        match self {
            Self::Retry(_) => "retry",
            Self::UsedUp => "retries used up",
            Self::Abort | Self::Delay => "fault",
            Self::Timeout => "timeout",
            Self::Mirror => "mirror",
            Self::Open => "circuit breaker",
            Self::Limited => "rate limit",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(count) => write!(f, "retry {count}: the call was made again"),
            Self::UsedUp => f.write_str("all retries of its route failed"),
            Self::Abort => f.write_str("a fault rule cut it off"),
            Self::Delay => f.write_str("a fault rule held it up"),
            Self::Timeout => f.write_str("it took longer than its route allows"),
            Self::Mirror => f.write_str("a copy of another call: nobody gets its answer"),
            Self::Open => f.write_str("a circuit breaker refused it"),
            Self::Limited => f.write_str("a rate limit refused it"),
        }
    }
}

/// What the mesh did to the call of a span, in the order in which it matters.
pub fn marks(span: SpanRef<'_>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    // Envoy counts the tries after the first.
    let retried = span.tag(&["retry.count"]).and_then(|count| count.parse().ok()).filter(|count| *count > 0);
    marks.extend(retried.map(Mark::Retry));
    for flag in span.tag(&["response_flags"]).unwrap_or_default().split(',') {
        marks.extend(match flag.trim() {
            "URX" => Some(Mark::UsedUp),
            "FI" => Some(Mark::Abort),
            "DI" => Some(Mark::Delay),
            "UT" | "DT" | "SI" => Some(Mark::Timeout),
            "UO" => Some(Mark::Open),
            "RL" | "RLSE" => Some(Mark::Limited),
            _ => None,
        });
    }
    if mirrored(span) {
        marks.push(Mark::Mirror);
    }
    marks
}

/// Envoy calls whom it mirrors to by a name of its own.
fn mirrored(span: SpanRef<'_>) -> bool {
    let url = span.tag(&["http.url", "url.full"]).unwrap_or_default();
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    host.ends_with("-shadow")
}

#[cfg(test)]
mod tests {
    use super::super::{Span, Spans};
    use super::*;

    #[test]
    fn flags_and_tags() {
        let told = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            marks(Spans::from_iter([Span { tags, ..Span::default() }]).at(0))
        };
        assert_eq!(told(&[("response_flags", "URX,UT")]), [Mark::UsedUp, Mark::Timeout]);
        assert_eq!(told(&[("response_flags", "DI"), ("retry.count", "2")]), [Mark::Retry(2), Mark::Delay]);
        assert_eq!(told(&[("http.url", "http://reviews-shadow:9080/reviews/0")]), [Mark::Mirror]);
        assert_eq!(told(&[("http.url", "http://reviews:9080/a-shadow"), ("response_flags", "-")]), []);
    }
}
