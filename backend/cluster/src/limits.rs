//! How much of an answer is read, and how long it may take: what is larger is not read to its end, and says so.
//! Sizes are of what is read, after decompression.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use std::pin::pin;
use std::time::Duration;

const MB: usize = 1 << 20;

/// One answer of the API server that is no list: an object, what it serves, a verdict.
pub(crate) const API: usize = 32 * MB;
/// What any other source answers, where nothing else is said.
pub(crate) const ANSWER: usize = 64 * MB;
/// Traces: some 300,000 spans of Envoy's.
pub(crate) const TRACES: usize = 256 * MB;
/// A version.
pub(crate) const VERSION: usize = MB;

/// How long the API server may take for an answer that is no list and no watch.
pub(crate) const WITHIN: Duration = Duration::from_secs(20);

/// More than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("larger than {0} bytes")]
pub(crate) struct TooLarge(pub(crate) usize);

/// The same in words: "16 MB".
pub(crate) fn in_words(limit: usize) -> String {
    format!("{} MB", limit / MB)
}

/// No answer in this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct Late(pub(crate) Duration);

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread<E> {
    #[error("the body is too large")]
    TooLarge(#[from] TooLarge),
    #[error("the body broke")]
    Broke(#[source] E),
}

/// Reads a body, if it is not larger than this.
pub(crate) async fn read<B: Body<Data = Bytes>>(body: B, limit: usize) -> Result<Bytes, Unread<B::Error>> {
    let mut body = pin!(body);
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Unread::Broke)?.into_data() {
            if all.len() + data.len() > limit {
                return Err(TooLarge(limit).into());
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(all.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[tokio::test]
    async fn what_is_larger_is_not_read() {
        let body = || Full::new(Bytes::from_static(b"12345"));
        assert_eq!(read(body(), 5).await.unwrap(), "12345");
        assert!(matches!(read(body(), 4).await, Err(Unread::TooLarge(TooLarge(4)))));
        assert_eq!(in_words(ANSWER), "64 MB");
    }
}
