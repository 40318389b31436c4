//! One span, as the store keeps it.

use std::sync::Arc;

/// A trace's identity; Jaeger writes it as 16 or 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TraceId(pub(crate) u128);

impl TraceId {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let well_formed =
            !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        well_formed.then(|| u128::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 >> 64 == 0 { write!(out, "{:016x}", self.0) } else { write!(out, "{:032x}", self.0) }
    }
}

/// A value of a tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TagValue {
    Text(Arc<str>),
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl TagValue {
    /// As a search compares it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
        }
    }

    pub(crate) fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) => &**text == wanted,
            other => other.shown() == wanted,
        }
    }
}

/// A name and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tag {
    pub(crate) key: Arc<str>,
    pub(crate) value: TagValue,
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    pub(crate) at_us: u64,
    pub(crate) fields: Vec<Tag>,
}

/// The process that made a span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Process {
    pub(crate) service: Arc<str>,
    pub(crate) tags: Vec<Tag>,
}

/// What a span is for its process, in Jaeger's words: `client`, `server`, `internal`, `producer`, `consumer`,
/// or nothing.
pub(crate) type Kind = &'static str;

/// One span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) trace: TraceId,
    pub(crate) id: u64,
    /// Zero for a root.
    pub(crate) parent: u64,
    pub(crate) links: Vec<(TraceId, u64)>,
    pub(crate) process: Arc<Process>,
    pub(crate) operation: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) start_us: u64,
    pub(crate) duration_us: u64,
    pub(crate) tags: Vec<Tag>,
    pub(crate) logs: Vec<Log>,
}

impl Span {
    /// Whether a tag of the span, its process or its logs has this value.
    pub(crate) fn has(&self, key: &str, value: &str) -> bool {
        let found = |tags: &[Tag]| tags.iter().any(|tag| &*tag.key == key && tag.value.is(value));
        found(&self.tags) || found(&self.process.tags) || self.logs.iter().any(|log| found(&log.fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_are_written_as_jaeger_does() {
        for (text, shown) in [
            ("00000000000000000123456789abcdef", Some("0123456789abcdef")),
            ("123456789abcdef", Some("0123456789abcdef")),
            ("0123456789ABCDEF0123456789abcdef", Some("0123456789abcdef0123456789abcdef")),
            ("", None),
            ("xyz", None),
            ("+1", None),
            ("00123456789abcdef0123456789abcdef0", None),
        ] {
            assert_eq!(TraceId::read(text).map(|id| id.to_string()).as_deref(), shown, "{text}");
        }
    }
}
