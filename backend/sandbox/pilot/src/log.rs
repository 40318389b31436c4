//! What istiod would write to its log, in its words and its form.

use std::sync::Arc;

/// Keeps the lines of the control plane's log.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// A size as istiod writes it: `940B`, `12.3kB`.
pub(crate) fn size(bytes: usize) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let of = |unit: f64| bytes as f64 / unit;
    match bytes {
        0..1000 => format!("{bytes}B"),
        1000..1_000_000 => format!("{:.1}kB", of(1e3)),
        _ => format!("{:.1}MB", of(1e6)),
    }
}

/// gRPC's word for the code of a refusal.
pub(crate) fn code(code: i32) -> &'static str {
    match code {
        3 => "InvalidArgument",
        13 => "Internal",
        _ => "Unknown",
    }
}

/// What a push is for: `config VirtualService/bookinfo/reviews and 2 more configs`.
pub(crate) fn reason(changed: &[String]) -> String {
    match changed {
        [] => "unknown".to_owned(),
        [only] => format!("config {only}"),
        [first, more @ ..] => format!("config {first} and {} more configs", more.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_reasons() {
        assert_eq!([940, 12_345, 2_500_000].map(size), ["940B", "12.3kB", "2.5MB"]);
        let names = ["VirtualService/demo/a".to_owned(), "Service/demo/b".to_owned()];
        assert_eq!(reason(&names[..1]), "config VirtualService/demo/a");
        assert_eq!(reason(&names), "config VirtualService/demo/a and 1 more configs");
    }
}
