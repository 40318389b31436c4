//! Numbers and times as people read them: units that stay with their numbers, no more digits than one can
//! use.

use jiff::Timestamp;

/// The gap between a number and its unit. Lines break at every other blank there is, thin and narrow no-break
/// ones too; a unit must not stand on a line without its number.
pub const THIN: char = '\u{a0}';

fn unit(number: impl std::fmt::Display, unit: &str) -> String {
    format!("{number}{THIN}{unit}")
}

/// Three digits at most: "9.8", "38", "0.04", "0".
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "–".to_owned()
    } else if size == 0.0 {
        "0".to_owned()
    } else if size < 0.0995 {
        format!("{value:.2}")
    } else if size < 9.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A rate of requests: "9.8 rps", "1.2k rps".
pub fn rps(value: f64) -> String {
    unit(rate(value), "rps")
}

/// A rate without its unit: "9.8", "120", "1.2k", "3.4M". Rates below a hundred keep one decimal, so that
/// widths stay.
pub fn rate(value: f64) -> String {
    // Sums of rates can end a hair below nothing.
    let value = if value.abs() < 1e-6 { 0.0 } else { value };
    match value.abs() {
        size if !size.is_finite() => "–".to_owned(),
        size if size >= 999_500.0 => format!("{}M", short(value / 1e6)),
        size if size >= 999.5 => format!("{}k", short(value / 1e3)),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size > 0.0 && size < 0.095 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    }
}

/// A percentage: "38 %", "9.6 %", "0 %", "100 %". Never rounds to 0 or 100 what is not.
pub fn percent(value: f64) -> String {
    let text = if !value.is_finite() {
        "–".to_owned()
    } else if value <= 0.0 {
        "0".to_owned()
    } else if value < 0.05 {
        "<0.1".to_owned()
    } else if value < 9.95 {
        format!("{value:.1}")
    } else if (99.5..100.0).contains(&value) {
        ">99".to_owned()
    } else {
        format!("{value:.0}")
    };
    unit(text, "%")
}

/// A duration in milliseconds: "23 ms", "0.4 ms", "1.2 s".
pub fn ms(value: f64) -> String {
    if value >= 999.5 { unit(short(value / 1000.0), "s") } else { unit(short(value), "ms") }
}

/// A quantile of how long calls take. Of what no bucket of Istio's histogram holds, only its end is known: ">
/// 1 h".
pub fn latency(ms_told: f64) -> String {
    if ms_told >= mesh::traffic::LAST_BUCKET_MS { format!("> {}", unit("1", "h")) } else { ms(ms_told) }
}

/// A rate of bytes: "2.1 kB/s".
pub fn bytes_per_s(value: f64) -> String {
    format!("{}/s", bytes(value))
}

/// An amount of bytes: "2.1 kB".
pub fn bytes(value: f64) -> String {
    // An empty sum is -0.
    let value = if value == 0.0 { 0.0 } else { value };
    match value.abs() {
        size if size >= 999.5e6 => unit(short(value / 1e9), "GB"),
        size if size >= 999.5e3 => unit(short(value / 1e6), "MB"),
        size if size >= 999.5 => unit(short(value / 1e3), "kB"),
        _ => unit(format!("{value:.0}"), "B"),
    }
}

/// A count with thin gaps between thousands: "20 000".
pub fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(THIN);
        }
        text.push(digit);
    }
    text
}

/// "1 service", "3 services".
pub fn counted(value: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// How long ago: "now", "0.2 s ago", "5 s ago", "3 min ago", "2 h ago", "4 d ago".
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let secs = now.duration_since(then).as_secs_f64();
    if secs < 0.1 { "now".to_owned() } else { format!("{} ago", duration(secs)) }
}

/// A length of time: "0.2 s", "5 s", "3 min", "2 h", "4 d".
pub fn duration(secs: f64) -> String {
    match secs {
        secs if secs < 1.0 => unit(format!("{secs:.1}"), "s"),
        secs if secs < 99.5 => unit(format!("{secs:.0}"), "s"),
        secs if secs < 99.5 * 60.0 => unit(format!("{:.0}", secs / 60.0), "min"),
        secs if secs < 48.0 * 3600.0 => unit(format!("{:.0}", secs / 3600.0), "h"),
        secs => unit(format!("{:.0}", secs / 86_400.0), "d"),
    }
}

/// The time of day in UTC, for the hover of a relative time.
pub fn absolute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: String, expect: &str) {
        assert_eq!(text.replace(THIN, " "), expect);
    }

    #[test]
    fn numbers_read_well() {
        check(rps(9.84), "9.8 rps");
        check(rps(0.0), "0.0 rps");
        check(rps(-1e-12), "0.0 rps");
        check(rps(-0.0), "0.0 rps");
        check(bytes(-0.0), "0 B");
        check(rps(0.04), "0.04 rps");
        check(rps(1234.0), "1.2k rps");
        check(percent(38.2), "38 %");
        check(percent(9.6), "9.6 %");
        check(percent(0.0), "0 %");
        check(percent(0.01), "<0.1 %");
        check(percent(99.99), ">99 %");
        check(percent(100.0), "100 %");
        check(ms(23.4), "23 ms");
        check(ms(0.42), "0.4 ms");
        check(ms(1234.0), "1.2 s");
        check(latency(1234.0), "1.2 s");
        check(latency(3_600_000.0), "> 1 h");
        check(bytes_per_s(2100.0), "2.1 kB/s");
        check(count(20_000), "20 000");
        check(count(999), "999");
        check(counted(1, "service", "services"), "1 service");
    }

    #[test]
    fn times_are_relative() {
        let now = Timestamp::from_second(1_000_000).expect("in range");
        let before = |secs: f64| now - jiff::SignedDuration::from_secs_f64(secs);
        check(ago(now, now), "now");
        check(ago(now, before(0.2)), "0.2 s ago");
        check(ago(now, before(5.0)), "5 s ago");
        check(ago(now, before(180.0)), "3 min ago");
        check(ago(now, before(7200.0)), "2 h ago");
        check(ago(now, before(4.0 * 86_400.0)), "4 d ago");
    }
}
