//! What is odd about traces: nothing of them is lost, moved or made up unsaid.

use std::fmt;

/// Something about a trace, or an answer of the tracing backend, that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Odd {
    /// So many traces of an answer could not be read.
    UnreadTraces(usize),
    /// So many spans could not be read.
    Unread(usize),
    /// So many fields of spans could not be read and count as not set.
    UnreadFields(usize),
    /// So many spans were told twice, word for word.
    Twice(usize),
    /// So many spans do not say when they began.
    Timeless(usize),
    /// So many spans last less than nothing.
    Negative(usize),
    /// So many spans do not say when they ended.
    Endless(usize),
    /// So many spans came under the lower half of their trace's id.
    Short(usize),
    /// So many ids are a client's and its server's.
    Shared(usize),
    /// So many spans have the id of another.
    Doubled(usize),
    /// So many spans are their own parents.
    Selves(usize),
    /// The parents of so many spans are missing.
    Orphans(usize),
    /// So many spans are each other's parents, in a ring.
    Ring(usize),
    /// The clocks of services differ: so many spans were moved, the farthest by so many microseconds.
    Clock(usize, u64),
    /// Only so many traces, the newest, were looked through.
    Looked(usize),
    /// What the tracing backend says itself.
    Told(String),
}

impl Odd {
    /// Whether something is missing because of it.
    pub fn loses(&self) -> bool {
        matches!(self, Self::UnreadTraces(_) | Self::Unread(_) | Self::UnreadFields(_))
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = |count: usize| if count == 1 { "1 span".to_owned() } else { format!("{count} spans") };
        match self {
            Self::UnreadTraces(1) => f.write_str("1 trace could not be read"),
            Self::UnreadTraces(count) => write!(f, "{count} traces could not be read"),
            Self::Unread(count) => write!(f, "{} could not be read", spans(*count)),
            Self::UnreadFields(1) => f.write_str("1 field could not be read"),
            Self::UnreadFields(count) => write!(f, "{count} fields could not be read"),
            Self::Twice(count) => write!(f, "{} told twice", spans(*count)),
            Self::Timeless(count) => {
                write!(f, "{} without a start, drawn where the parent begins", spans(*count))
            }
            Self::Negative(count) => write!(f, "{} with a negative duration, drawn as 0", spans(*count)),
            Self::Endless(1) => f.write_str("1 span does not say when it ended, drawn as 0"),
            Self::Endless(count) => write!(f, "{count} spans do not say when they ended, drawn as 0"),
            Self::Short(count) => write!(f, "{} came under half of the trace's id", spans(*count)),
            Self::Shared(1) => f.write_str("1 id is a client's and its server's, taken apart"),
            Self::Shared(count) => write!(f, "{count} ids are a client's and its server's, taken apart"),
            Self::Doubled(1) => f.write_str("1 span has the id of another, taken apart"),
            Self::Doubled(count) => write!(f, "{count} spans have the ids of others, taken apart"),
            Self::Selves(1) => f.write_str("1 span names itself as its parent"),
            Self::Selves(count) => write!(f, "{count} spans name themselves as their parents"),
            Self::Orphans(1) => f.write_str("the parent of 1 span is missing"),
            Self::Orphans(count) => write!(f, "the parents of {count} spans are missing"),
            Self::Ring(count) => write!(f, "parents form a ring ({})", spans(*count)),
            Self::Clock(count, most) => {
                let most = *most as f64 / 1000.0;
                write!(f, "clocks differ: {} moved by up to {most:.1} ms", spans(*count))
            }
            Self::Looked(count) => write!(f, "only the newest {count} traces were looked through"),
            Self::Told(words) => f.write_str(words),
        }
    }
}

/// So many of something, if there are any.
pub(super) fn some(count: usize, odd: impl FnOnce(usize) -> Odd) -> Option<Odd> {
    (count > 0).then(|| odd(count))
}
