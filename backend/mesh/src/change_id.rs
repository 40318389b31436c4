//! The name of a change: given by whoever makes it, so that its draft, the bar, the journal and the cluster's
//! news all mean the same one, in this run and in later ones.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one change. Later changes have greater ids; two windows give no id twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub u64);

/// Microseconds of the last id that this process gave.
static LAST: AtomicU64 = AtomicU64::new(0);
/// The lowest bits of an id tell processes apart that make a change in the same microsecond.
const PROCESS_BITS: u32 = 12;
/// Digits of an id as text: no letters that are taken for one another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl ChangeId {
    /// An id that no change has yet.
    pub fn fresh() -> Self {
        let now = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default();
        let after = |last: u64| now.max(last + 1);
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let process = u64::from(std::process::id()) % (1 << PROCESS_BITS);
        Self(after(last.unwrap_or_default()) << PROCESS_BITS | process)
    }
}

impl fmt::Display for ChangeId {
    /// "0fzm2c5a7k81", and "3" for small numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::new();
        let mut rest = self.0;
        while rest > 0 || digits.is_empty() {
            digits.push(char::from(DIGITS[(rest % 32) as usize]));
            rest /= 32;
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

/// A text that is no [`ChangeId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a change")]
pub struct NoChangeId;

impl FromStr for ChangeId {
    type Err = NoChangeId;
    fn from_str(text: &str) -> Result<Self, NoChangeId> {
        let mut number: u64 = 0;
        for letter in text.bytes() {
            let digit = DIGITS.iter().position(|digit| *digit == letter).ok_or(NoChangeId)?;
            number = number.checked_mul(32).ok_or(NoChangeId)? | digit as u64;
        }
        if text.is_empty() { Err(NoChangeId) } else { Ok(Self(number)) }
    }
}

impl Serialize for ChangeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChangeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_later_than_the_one_before() {
        let ids: Vec<ChangeId> = (0..1000).map(|_| ChangeId::fresh()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn its_text_names_it() {
        for id in [ChangeId(0), ChangeId(3), ChangeId(33), ChangeId(u64::MAX), ChangeId::fresh()] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!((ChangeId(3).to_string(), ChangeId(33).to_string()), ("3".into(), "11".into()));
        assert!(ChangeId::fresh().to_string().len() <= 13);
        for text in ["", "u", "zzzzzzzzzzzzzz"] {
            assert_eq!(text.parse::<ChangeId>(), Err(NoChangeId), "{text}");
        }
    }
}
