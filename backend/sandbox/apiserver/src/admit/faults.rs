//! Faults that are made on purpose, and the statuses they answer.

use serde_json::Value;

use super::{
    Problems,
    values::{duration, has, percent, text, whole},
};

pub(super) fn fault(route: &Value, problems: &mut Problems) {
    let Some(fault) = route.get("fault") else { return };
    let (delay, abort) = (fault.get("delay"), fault.get("abort"));
    problems.unless(delay.is_some() || abort.is_some(), || {
        "HTTP fault injection must have an abort and/or a delay".into()
    });
    if let Some(abort) = abort {
        percentage(abort, problems);
        if has(abort, "/grpcStatus") {
            problems.note(grpc_status(text(abort, "/grpcStatus")));
        } else if has(abort, "/http2Error") {
            problems.add("HTTP/2 abort fault injection not supported yet");
        } else if has(abort, "/httpStatus") {
            problems.note(http_status(whole(abort, "/httpStatus")));
        } else {
            problems.warn("abort configured, but error type not set");
        }
    }
    if let Some(delay) = delay {
        percentage(delay, problems);
        percent(delay, "/percent", problems);
        problems
            .warn_if(has(delay, "/percent"), || "fault.delay.percent is deprecated; use percentage".into());
        duration(delay, "/fixedDelay", problems);
        duration(delay, "/exponentialDelay", problems);
        problems.unless(!has(delay, "/exponentialDelay"), || "exponentialDelay not supported yet".into());
    }
}

fn percentage(value: &Value, problems: &mut Problems) {
    if let Some(share) = value.pointer("/percentage/value").and_then(Value::as_f64) {
        problems.unless(share == 0.0 || (0.0001..=100.0).contains(&share), || {
            format!("percentage {share} is neither 0.0, nor in range [0.0001, 100.0]")
        });
    }
}

/// A status that HTTP has.
pub(super) fn http_status(status: i64) -> Result<(), String> {
    if (200..=600).contains(&status) {
        Ok(())
    } else {
        Err(format!("HTTP status {status} is not in range 200-599"))
    }
}

fn grpc_status(status: &str) -> Result<(), String> {
    const KNOWN: &[&str] = &[
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
    ];
    if KNOWN.contains(&status) {
        return Ok(());
    }
    Err(format!(
        "gRPC status \"{status}\" is not supported. See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md for a list of supported codes, for example 'NOT_FOUND'"
    ))
}
