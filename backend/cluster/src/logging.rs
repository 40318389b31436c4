//! How much a proxy writes into its log: asked and set at Envoy's admin port, as istioctl does. What it says
//! after a wish is what counts, not that it was sent.

use crate::find::PodPort;
use crate::push;
use crate::session::Session;
use crate::tunnel::Place;
use mesh::logging::{Logging, SetLevel};
use mesh::{Answer, Observation, Problem, Read, Ref};
use std::sync::Arc;

const ADMIN: u16 = 15000;
const UNREAD: &str = "The proxy's log level cannot be read";
const UNSET: &str = "The proxy's log level was not set";

/// The levels of a proxy's loggers.
pub(crate) async fn read(session: &Session, pod: &Ref) -> Result<Logging, Problem> {
    ask(session, pod, "/logging", UNREAD).await
}

/// Sets a level; what the proxy says then is shown as the answer to who looks at it.
pub(crate) async fn set(session: &Session, wish: SetLevel) {
    let answer = match allowed(session) {
        Ok(()) => ask(session, &wish.pod, &wish.path(), UNSET).await,
        Err(problem) => Err(problem),
    };
    let answer = answer.map(|levels| Answer::Logging(Arc::new(levels)));
    session.hub.take(Observation::Answered(Read::Logging(wish.pod), answer));
}

fn allowed(session: &Session) -> Result<(), Problem> {
    match () {
        () if session.target.read_only => Err(push::locked()),
        () if !*session.hub.workloads.borrow() => Err(push::not_allowed()),
        () => Ok(()),
    }
}

/// Envoy takes a POST only, for the question too.
async fn ask(session: &Session, pod: &Ref, path: &str, what: &str) -> Result<Logging, Problem> {
    let place =
        Place::Pod(PodPort { namespace: pod.namespace.to_string(), pod: pod.name.to_string(), port: ADMIN });
    let answer = session.tunnel.post(&place, path, what).await?.ok(what, &place)?;
    Logging::read(&String::from_utf8_lossy(&answer)).ok_or_else(|| {
        let why = format!("{} answered something else than the levels of Envoy's loggers", pod.name);
        Problem::new(what, why, "Look at the proxy and its version")
    })
}
