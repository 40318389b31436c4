//! Durations as Istio writes them: read in Go's form ("1h30m", "250ms"), printed in protobuf's ("5400s",
//! "0.25s"), which every version of Istio and Envoy reads. Kept in nanoseconds, as Go keeps them.

use std::fmt;
use std::str::FromStr;

const SECOND: i64 = 1_000_000_000;

/// A length of time in nanoseconds; it may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

/// Text that is no duration, or a longer one than 292 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDuration;

impl fmt::Display for NoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no duration: write a number and a unit, such as 1.5s, 250ms or 1h30m")
    }
}

impl std::error::Error for NoDuration {}

impl Duration {
    /// Of nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
    /// Of milliseconds; the longest where they are more.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }
    /// In nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// In milliseconds, rounded to the nearest.
    pub const fn millis(self) -> i64 {
        let half = if self.0 < 0 { -500_000 } else { 500_000 };
        self.0.saturating_add(half) / 1_000_000
    }
    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }
    /// Reads "7s", "500ms", "1h30m", "0.5s", "-2s"; `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromStr for Duration {
    type Err = NoDuration;

    fn from_str(text: &str) -> Result<Self, NoDuration> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned == "0" {
            return Ok(Self(0));
        }
        if unsigned.is_empty() {
            return Err(NoDuration);
        }
        let mut total: i128 = 0;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let end = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.').ok_or(NoDuration)?;
            let (amount, behind) = rest.split_at(end);
            let end = behind.find(|sign: char| sign.is_ascii_digit() || sign == '.').unwrap_or(behind.len());
            total += part(amount, unit(&behind[..end]).ok_or(NoDuration)?).ok_or(NoDuration)?;
            rest = &behind[end..];
        }
        let signed = if text.starts_with('-') { -total } else { total };
        i64::try_from(signed).map(Self).map_err(|_| NoDuration)
    }
}

fn unit(name: &str) -> Option<i128> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Nanoseconds of "1.5" of a unit; what is less than a nanosecond is left out, as Go leaves it out.
fn part(amount: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 19 {
        return None;
    }
    let digits = &fraction[..fraction.len().min(18)];
    let number = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
    fraction.bytes().all(|digit| digit.is_ascii_digit()).then_some(())?;
    Some(number(whole)? * unit + number(digits)? * unit / scale)
}

impl fmt::Display for Duration {
    /// "5400s", "0.25s".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let (whole, fraction) = (nanos / SECOND.unsigned_abs(), nanos % SECOND.unsigned_abs());
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if fraction == 0 {
            return write!(f, "{whole}s");
        }
        let fraction = format!("{fraction:09}");
        write!(f, "{whole}.{}s", fraction.trim_end_matches('0'))
    }
}

impl TryFrom<Duration> for std::time::Duration {
    type Error = NoDuration;
    /// A negative one has none.
    fn try_from(duration: Duration) -> Result<Self, NoDuration> {
        u64::try_from(duration.0).map(Self::from_nanos).map_err(|_| NoDuration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them_and_printed_as_protobuf_prints_them() {
        for (text, nanos, printed) in [
            ("7s", 7_000_000_000, "7s"),
            ("7.000s", 7_000_000_000, "7s"),
            ("0.5s", 500_000_000, "0.5s"),
            (".5s", 500_000_000, "0.5s"),
            ("5.s", 5_000_000_000, "5s"),
            ("500ms", 500_000_000, "0.5s"),
            ("1h30m", 5_400_000_000_000, "5400s"),
            ("1m30.5s", 90_500_000_000, "90.5s"),
            ("0.1ms", 100_000, "0.0001s"),
            ("1us", 1_000, "0.000001s"),
            ("1µs", 1_000, "0.000001s"),
            ("3ns", 3, "0.000000003s"),
            ("0.0000000019s", 1, "0.000000001s"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("-5s", -5_000_000_000, "-5s"),
            ("+5s", 5_000_000_000, "5s"),
            ("2562047h47m16.854775807s", i64::MAX, "9223372036.854775807s"),
        ] {
            assert_eq!(Duration::read(text), Some(Duration::from_nanos(nanos)), "{text}");
            assert_eq!(Duration::from_nanos(nanos).to_string(), printed, "{text}");
            assert_eq!(Duration::read(printed), Some(Duration::from_nanos(nanos)), "{printed}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let long = format!("{}h", "9".repeat(30));
        for text in
            ["", "-", "7", "x", "1d", "5 s", " 5s", "s", ".s", "1.2.3s", "1s2", "five", "9999999h", &long]
        {
            assert_eq!(Duration::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn milliseconds_are_rounded() {
        assert_eq!(Duration::from_nanos(1_499_999).millis(), 1);
        assert_eq!(Duration::from_nanos(1_500_000).millis(), 2);
        assert_eq!(Duration::from_nanos(-1_500_000).millis(), -2);
        assert_eq!(Duration::from_millis(90_000).to_string(), "90s");
        assert_eq!(std::time::Duration::try_from(Duration::from_millis(-1)), Err(NoDuration));
    }
}
