//! What each sort of read asks, and whom: one arm per variant of [`Read`].

use crate::session::Session;
use crate::{
    access, applied, certificate, endpoints, incidents, inside, istiod, log, logging, mesh_config,
    prometheus, schema, told, traces,
};
use mesh::{Answer, Problem, Read};
use std::sync::Arc;

/// Answers a question once.
pub(crate) async fn fetch(session: &Session, read: &Read) -> Result<Answer, Problem> {
    Ok(match read {
        Read::Services => Answer::Services(Arc::new(traces::services(session).await?.1)),
        Read::Traces(query) => Answer::Traces(Arc::new(traces::search(session, query).await?)),
        Read::Series(range) => Answer::Series(Arc::new(prometheus::range(session, range).await?)),
        Read::Traffic(period) => Answer::Traffic(Arc::new(prometheus::traffic(session, *period).await?)),
        Read::Endpoints(query) => Answer::Endpoints(Arc::new(endpoints::endpoints(session, query).await?)),
        Read::Schema(of) => Answer::Schema(schema::schema(session, of).await?),
        Read::MeshConfig(root) => Answer::MeshConfig(Arc::new(mesh_config::read(session, root).await?)),
        Read::Applied(source) => Answer::Applied(Arc::new(applied::read(session, source).await?)),
        Read::Certificate(of) => Answer::Certificate(Arc::new(certificate::read(session, of).await?)),
        Read::Logging(pod) => Answer::Logging(Arc::new(logging::read(session, pod).await?)),
        Read::May(verb, at) => Answer::May(Arc::new(access::may(&session.api.client, verb, at).await)),
        Read::Told(at) => Answer::Told(Arc::new(told::events(session, at).await?)),
        Read::Incidents => Answer::Incidents(Arc::new(incidents::read(session).await)),
        Read::Filters(proxy) => Answer::Filters(Arc::new(told::filters(session, proxy).await?)),
        Read::Inside(proxy) => Answer::Inside(Arc::new(inside::read(session, proxy).await?)),
        Read::ControlPlane => Answer::ControlPlane(Arc::new(istiod::version(session).await)),
        Read::Log(of) => Answer::Log(Arc::new(log::follow(session, of).await?)),
        Read::Trace(id) => Answer::Trace(traces::trace(session, id).await?),
    })
}
