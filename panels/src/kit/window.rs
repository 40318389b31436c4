//! Time ranges that can be measured over.

use super::fmt;

/// Time ranges: seconds and name.
pub const WINDOWS: &[(u64, &str)] = &[
    (60, "Last 1 min"),
    (300, "Last 5 min"),
    (600, "Last 10 min"),
    (1800, "Last 30 min"),
    (3600, "Last 1 h"),
    (6 * 3600, "Last 6 h"),
    (86_400, "Last 1 d"),
    (7 * 86_400, "Last 7 d"),
    (30 * 86_400, "Last 30 d"),
];

/// "Last 1 min" for 60.
pub fn name(seconds: u64) -> String {
    let known = WINDOWS.iter().find(|(known, _)| *known == seconds);
    known.map_or_else(|| format!("Last {}", fmt::duration(seconds as f64)), |(_, name)| (*name).to_owned())
}
