//! What the headers of a request say of its body and of the answer that is wanted.

use http::{Request, header};
use hyper::body::Incoming;

/// The type of the body, without its parameters.
pub(super) fn content_type(request: &Request<Incoming>) -> String {
    let text =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_owned()
}

pub(super) fn accept(request: &Request<Incoming>) -> String {
    let values = request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}
