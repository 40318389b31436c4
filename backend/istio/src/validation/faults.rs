//! Faults that are made on purpose.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{duration, http_status, percent};
use crate::grpc;

rules! {
    /// What is wrong with a fault.
    Fault {
        Error EmptyFault "HTTP fault injection must have an abort and/or a delay";
        Error Http2Abort "HTTP/2 abort fault injection not supported yet";
        Warning EmptyAbort "abort configured, but error type not set";
        Error BadShare(share: f64) "percentage {share} is neither 0.0, nor in range [0.0001, 100.0]";
        Warning OldDelayPercent "fault.delay.percent is deprecated; use percentage";
        Error ExponentialDelay "exponentialDelay not supported yet";
        Error BadGrpcStatus(status: String)
            "gRPC status \"{status}\" is not supported. See \
             https://github.com/grpc/grpc/blob/master/doc/statuscodes.md for a list of supported codes, for example \
             'NOT_FOUND'";
    }
}

pub(super) fn fault(route: At<'_>, found: &mut Found) {
    let Some(fault) = route.get("fault") else { return };
    let (delay, abort) = (fault.get("delay"), fault.get("abort"));
    found.when(delay.is_none() && abort.is_none(), fault, Fault::EmptyFault);
    if let Some(abort) = abort {
        share(abort, found);
        if abort.has("grpcStatus") {
            let status = abort.text("grpcStatus");
            if grpc::status(status).is_none() {
                found.add(abort.at("grpcStatus"), Fault::BadGrpcStatus { status: status.to_owned() });
            }
        } else if abort.has("http2Error") {
            found.add(abort.at("http2Error"), Fault::Http2Abort);
        } else if abort.has("httpStatus") {
            found.note(abort.at("httpStatus"), http_status(abort.whole("httpStatus")));
        } else {
            found.add(abort, Fault::EmptyAbort);
        }
    }
    if let Some(delay) = delay {
        share(delay, found);
        percent(&delay, "percent", found);
        found.when(delay.has("percent"), delay.at("percent"), Fault::OldDelayPercent);
        duration(&delay, "fixedDelay", found);
        duration(&delay, "exponentialDelay", found);
        found.when(delay.has("exponentialDelay"), delay.at("exponentialDelay"), Fault::ExponentialDelay);
    }
}

fn share(of: At<'_>, found: &mut Found) {
    let good = |share: &f64| *share == 0.0 || (0.0001..=100.0).contains(share);
    if let Some(share) = of.number("percentage/value").filter(|share| !good(share)) {
        found.add(of.at("percentage/value"), Fault::BadShare { share });
    }
}
