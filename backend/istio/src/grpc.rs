//! The statuses of gRPC.

/// At their numbers.
pub const STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The number of the status of this name; `None` for what is none.
pub fn status(name: &str) -> Option<u32> {
    STATUSES.iter().zip(0..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

/// The name of the status of this number; `None` for what is none.
pub fn name(number: u32) -> Option<&'static str> {
    STATUSES.get(usize::try_from(number).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_numbers() {
        assert_eq!(status("OK"), Some(0));
        assert_eq!(status("UNAVAILABLE"), Some(14));
        assert_eq!(status("unavailable"), None);
        assert_eq!(status("14"), None);
        assert_eq!((name(14), name(17)), (Some("UNAVAILABLE"), None));
    }
}
