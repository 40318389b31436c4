//! How much of an answer is read, and how long it may take: what is larger is not read to its end, and says
//! so. Sizes are of what is read, after decompression.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

const MB: usize = 1 << 20;

/// One answer of the API server that is no list: an object, what it serves, a verdict.
pub(crate) const API: usize = 32 * MB;
/// A whole list of one kind, over all its pages.
pub(crate) const LIST: usize = 512 * MB;
/// One page of a list: some hundred objects. All of it is in memory before it is read.
pub(crate) const PAGE: usize = 96 * MB;
/// One event of a watch.
pub(crate) const EVENT: usize = 16 * MB;
/// What any other source answers, where nothing else is said. What is made of it takes up to five times as much.
pub(crate) const ANSWER: usize = 48 * MB;
/// Traces: some 100,000 spans of Envoy's. What is made of them takes almost four times as much memory.
pub(crate) const TRACES: usize = 80 * MB;
/// A file of traces, unpacked: some two million spans of Envoy's. It is read as a stream.
pub(crate) const FILE: usize = 2048 * MB;
/// One entry of a proxy's configuration.
pub(crate) const ENTRY: usize = 16 * MB;
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

/// How much is read of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) bytes: usize,
    /// Where many are asked at once, those whose answers are large are read one after the other.
    pub(crate) lane: Option<&'static Semaphore>,
}

/// What is not large.
const SMALL: usize = MB;

/// Whose turn it is; held for as long as what was read is needed.
pub(crate) type Turn = Option<SemaphorePermit<'static>>;

impl Limit {
    pub(crate) const fn of(bytes: usize) -> Self {
        Self { bytes, lane: None }
    }
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
pub(crate) async fn read<B: Body<Data = Bytes>>(
    body: B,
    limit: Limit,
) -> Result<(Bytes, Turn), Unread<B::Error>> {
    let mut body = pin!(body);
    // What grows by doubling takes half as much again. Only what is written to is really taken.
    let told = body.size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    let mut all = BytesMut::with_capacity(told.min(limit.bytes));
    let mut turn = None;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Unread::Broke)?.into_data() {
            if all.len() + data.len() > limit.bytes {
                return Err(TooLarge(limit.bytes).into());
            }
            if let Some(lane) = limit.lane.filter(|_| turn.is_none() && all.len() > SMALL) {
                turn = lane.acquire().await.ok();
            }
            all.extend_from_slice(&data);
        }
    }
    Ok((all.freeze(), turn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    #[tokio::test]
    async fn large_answers_are_read_one_after_the_other() {
        static LANE: Semaphore = Semaphore::const_new(1);
        let limit = Limit { bytes: ANSWER, lane: Some(&LANE) };
        let large = || {
            let chunks = (0..3).map(|_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![0; MB]))));
            StreamBody::new(futures::stream::iter(chunks))
        };
        let (first, turn) = read(large(), limit).await.unwrap();
        assert!(first.len() == 3 * MB && turn.is_some());
        let mut second = pin!(read(large(), limit));
        assert!(futures::poll!(&mut second).is_pending(), "the first is still needed");
        let (_, none) = read(Full::new(Bytes::from_static(b"small")), limit).await.unwrap();
        assert!(none.is_none());
        drop(turn);
        assert!(second.await.unwrap().1.is_some());
    }

    #[tokio::test]
    async fn what_is_larger_is_not_read() {
        let body = || Full::new(Bytes::from_static(b"12345"));
        assert_eq!(read(body(), Limit::of(5)).await.unwrap().0, "12345");
        assert!(matches!(read(body(), Limit::of(4)).await, Err(Unread::TooLarge(TooLarge(4)))));
        assert_eq!(in_words(ANSWER), "48 MB");
    }
}
