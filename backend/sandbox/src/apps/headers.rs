//! The headers that a service passes on from the request it got to the requests it makes, so that the proxies
//! can join their spans into one trace and route by who the user is.

use http::HeaderMap;
use http::header::HeaderName;

/// What joins spans into traces.
pub(crate) const TRACE: &[&str] = &[
    "x-request-id",
    "x-ot-span-context",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "traceparent",
    "tracestate",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "sw8",
];

/// The part of a request's headers that belongs on the requests made because of it: those of these lists.
pub(crate) fn passed_on(request: &HeaderMap, lists: &[&[&str]]) -> HeaderMap {
    let mut onward = HeaderMap::new();
    for name in lists.concat() {
        for value in request.get_all(name) {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                onward.append(name, value.clone());
            }
        }
    }
    onward
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn trace_and_user_go_on_and_the_rest_stays() {
        let mut request = HeaderMap::new();
        request.insert("traceparent", HeaderValue::from_static("00-aa-bb-01"));
        request.insert("end-user", HeaderValue::from_static("jason"));
        request.insert("host", HeaderValue::from_static("productpage"));
        request.insert("x-forwarded-client-cert", HeaderValue::from_static("By=spiffe://a"));
        let onward = passed_on(&request, &[TRACE, &["end-user"]]);
        assert_eq!(onward.len(), 2);
        assert_eq!(onward["traceparent"], "00-aa-bb-01");
        assert_eq!(onward["end-user"], "jason");
    }
}
