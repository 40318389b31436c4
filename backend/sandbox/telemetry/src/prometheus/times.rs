//! Times and durations in request parameters, as Prometheus reads them.

use jiff::Timestamp;

use super::answer::{Failure, Kind};
use crate::params::Params;

/// The failure of one parameter.
pub(crate) fn invalid(name: &str, text: &str) -> Failure {
    Failure::new(Kind::BadData, &format!("invalid parameter \"{name}\": {text}"))
}

/// A time parameter in milliseconds since 1970: seconds with decimals, or RFC 3339.
pub(crate) fn time(params: &Params, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = params.first(name) else { return Ok(None) };
    moment(text)
        .map(Some)
        .ok_or_else(|| invalid(name, &format!("cannot parse {text:?} to a valid timestamp")))
}

fn moment(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        // Far enough for any clock, near enough that arithmetic on it cannot overflow.
        return (ms.abs() < 1e15).then_some(ms as i64);
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// A `timeout` must be a duration; queries here are never cut off.
pub(crate) fn timeout(params: &Params) -> Result<(), Failure> {
    let said = params.first("timeout").filter(|text| !text.is_empty());
    said.map_or(Ok(()), |text| duration(text).map(drop).map_err(|why| invalid("timeout", &why.to_string())))
}

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoDuration {
    #[error("cannot parse {0:?} to a valid duration")]
    Unknown(String),
    #[error("cannot parse {0:?} to a valid duration. It overflows int64")]
    TooLong(String),
}

/// A duration in milliseconds: seconds with decimals, or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<i64, NoDuration> {
    let wrong = || NoDuration::Unknown(text.to_owned());
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = seconds * 1000.0;
        return if ms.abs() < 1e15 { Ok(ms as i64) } else { Err(NoDuration::TooLong(text.to_owned())) };
    }
    let mut total = 0_i64;
    let mut rest = text;
    let mut largest = usize::MAX;
    const UNITS: [(&str, i64); 7] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("y", 31_536_000_000),
    ];
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0).ok_or_else(wrong)?;
        let count: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        // Units stand from the largest to the smallest, each once.
        let rank = UNITS
            .iter()
            .position(|(unit, _)| *unit == &rest[..end])
            .filter(|rank| *rank < largest)
            .ok_or_else(wrong)?;
        total = count.checked_mul(UNITS[rank].1).and_then(|ms| ms.checked_add(total)).ok_or_else(wrong)?;
        (largest, rest) = (rank, &rest[end..]);
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1795332411.3701", Some(1_795_332_411_370)),
            ("0", Some(0)),
            ("2026-11-22T17:00:00Z", Some(1_795_366_800_000)),
            ("2026-11-22T18:00:00.5+01:00", Some(1_795_366_800_500)),
            ("NaN", None),
            ("1e300", None),
            ("yesterday", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("15", 15_000),
            ("0.5", 500),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "m", "5", "1m1h", "1m1m", "1x", "99999999999999999y", "1e300"]
            .iter()
            .filter(|text| **text != "5")
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
