//! Serving proxies: who is connected, what each was sent, what each has confirmed or refused.

pub(crate) mod patches;
mod push;
mod session;
pub(crate) mod shared;
pub(crate) mod state;

use shared::Shared;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Answers the streams of proxies.
pub(crate) fn answer(shared: &Arc<Shared>) -> wire::ads::Answer {
    let shared = shared.clone();
    Arc::new(move |requests, from| {
        let (responses, out) = mpsc::channel(16);
        let snapshots = shared.snapshots();
        tokio::spawn(session::run(shared.clone(), requests, from, responses, snapshots));
        Box::pin(ReceiverStream::new(out))
    })
}
