//! Whether a watch lives. kube's watcher says nothing while nothing changes, so silence may mean that all is
//! well, or that nobody answers: here its requests are listened to. A watch lives when its response has
//! begun; one that ends right after that is not begun again at once; and nothing is waited for, or read,
//! without an end.

use crate::limits::{self, Late, TooLarge};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Frame, SizeHint};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::{BoxError, service_fn};

/// How long the server may take until its response to a watch begins: it has nothing to look for.
const HEAD: Duration = Duration::from_secs(15);
/// How long one page of a list may take as a whole.
const LIST: Duration = Duration::from_secs(60);
/// A watch that ends sooner was not worth its while.
const SHORT: Duration = Duration::from_secs(5);
/// So many short watches one after the other are told.
const TOLD: u32 = 3;
/// Pauses after short watches.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How a watch stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Beat {
    /// Its response has begun, and has not ended since.
    Lives,
    /// It is asked for, or will be.
    Awaited,
    /// The server ends it again and again.
    Ends,
}

/// Listens to the requests of one watch loop.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the response to the present watch began.
    opened: Option<Instant>,
    /// Watches one after the other that ended soon.
    short: u32,
    /// Bytes of the present list so far, over all its pages.
    listed: usize,
    /// Whether the present watch still tells what there was when it began.
    lists: bool,
}

impl Pulse {
    /// The same client, listened to.
    pub(crate) fn client(self: &Arc<Self>, client: Client) -> Client {
        let pulse = Arc::clone(self);
        let namespace = client.default_namespace().to_owned();
        let service = service_fn(move |request: Request<Body>| {
            let (pulse, client) = (Arc::clone(&pulse), client.clone());
            async move { pulse.send(&client, request).await }
        });
        Client::new(service, namespace)
    }

    /// How the watch stands.
    pub(crate) fn beat(&self) -> Beat {
        self.lives_on();
        let state = self.0.lock();
        match state.opened {
            _ if state.short >= TOLD => Beat::Ends,
            Some(_) => Beat::Lives,
            None => Beat::Awaited,
        }
    }

    async fn send(
        self: &Arc<Self>,
        client: &Client,
        request: Request<Body>,
    ) -> Result<Response<Heard>, BoxError> {
        let query = request.uri().query().unwrap_or_default();
        let watches = query.contains("watch=");
        if watches {
            let pause = self.pause();
            sleep(pause).await;
            let mut state = self.0.lock();
            (state.lists, state.listed) = (query.contains("sendInitialEvents=true"), 0);
        } else if !query.contains("continue=") {
            self.0.lock().listed = 0;
        }
        let within = if watches { HEAD } else { LIST };
        let begun = Instant::now();
        let response = timeout(within, client.send(request)).await.map_err(|_elapsed| Late(within))??;
        let opened = watches && response.status().is_success();
        if opened {
            self.0.lock().opened = Some(Instant::now());
        }
        let deadline = (!watches).then(|| Box::pin(tokio::time::sleep_until(begun + LIST)));
        let pulse = Arc::clone(self);
        Ok(response.map(|body| Heard { body, pulse, opened, deadline, line: 0, page: 0 }))
    }

    /// The present list is whole.
    pub(crate) fn listed(&self) {
        self.0.lock().lists = false;
    }

    /// How long to wait before the next watch.
    fn pause(&self) -> Duration {
        match self.0.lock().short {
            0 => Duration::ZERO,
            short => FIRST_PAUSE.saturating_mul(1 << (short - 1).min(10)).min(LONGEST_PAUSE),
        }
    }

    fn closed(&self) {
        let mut state = self.0.lock();
        if let Some(opened) = state.opened.take() {
            state.short = if opened.elapsed() < SHORT { state.short + 1 } else { 0 };
        }
    }

    /// A watch that has lived long enough makes good for those before it.
    fn lives_on(&self) {
        let mut state = self.0.lock();
        if state.opened.is_some_and(|opened| opened.elapsed() >= SHORT) {
            state.short = 0;
        }
    }
}

/// A body that is listened to.
struct Heard {
    body: Body,
    pulse: Arc<Pulse>,
    /// Whether it is that of a watch.
    opened: bool,
    /// When a list must be whole.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes of the present event so far.
    line: usize,
    /// Bytes of the present page of a list so far.
    page: usize,
}

impl Heard {
    fn count(&mut self, data: &[u8]) -> Result<(), TooLarge> {
        let mut state = self.pulse.0.lock();
        if self.deadline.is_some() || state.lists {
            state.listed += data.len();
            if state.listed > limits::LIST {
                return Err(TooLarge(limits::LIST));
            }
        }
        drop(state);
        if self.deadline.is_some() {
            self.page += data.len();
            return if self.page > limits::PAGE { Err(TooLarge(limits::PAGE)) } else { Ok(()) };
        }
        self.line = match data.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => data.len() - end - 1,
            None => self.line + data.len(),
        };
        if self.line > limits::EVENT { Err(TooLarge(limits::EVENT)) } else { Ok(()) }
    }
}

impl hyper::body::Body for Heard {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(deadline) = &mut this.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err(Late(LIST).into())));
        }
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(context));
        let Some(Ok(frame)) = frame else {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        };
        if let Some(data) = frame.data_ref() {
            this.count(data)?;
            this.pulse.lives_on();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        if self.opened {
            self.pulse.closed();
        }
    }
}
