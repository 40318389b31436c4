//! Asks the proxies of callers what they think of a service's endpoints (Envoy's `/clusters`).

use crate::find::PodPort;
use crate::session::Session;
use crate::tunnel::Place;
use futures::StreamExt as _;
use futures::stream;
use mesh::Problem;
use mesh::endpoints::{Endpoint, Endpoints, EndpointsQuery, MOST_ASKED, of_host};
use serde_json::Value;
use std::time::Duration;

const ADMIN: u16 = 15000;
const ANSWER: Duration = Duration::from_secs(5);
const WHAT: &str = "The endpoints of a proxy cannot be read";
/// Each answer of a large mesh has megabytes.
const AT_ONCE: usize = 2;

/// Endpoints, as those of the asked proxies see them that answer.
pub(crate) async fn endpoints(session: &Session, query: &EndpointsQuery) -> Result<Endpoints, Problem> {
    let proxies = query.proxies.iter().take(MOST_ASKED).cloned();
    let asked: Vec<_> = proxies.map(|proxy| one(session, proxy, &query.host)).collect();
    let told: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    let mut all = Endpoints::default();
    let mut failed = None;
    for (proxy, told) in told {
        match told {
            Ok(seen) => {
                all.seen.extend(seen);
                all.asked.push(proxy);
            }
            Err(problem) => {
                all.unread.push((proxy, problem.why.clone()));
                failed = Some(problem);
            }
        }
    }
    match failed {
        Some(problem) if all.asked.is_empty() => Err(problem),
        _ => Ok(all),
    }
}

async fn one(session: &Session, proxy: String, host: &str) -> (String, Result<Vec<Endpoint>, Problem>) {
    let seen = clusters(session, &proxy).await.map(|clusters| of_host(&proxy, host, &clusters));
    (proxy, seen)
}

async fn clusters(session: &Session, proxy: &str) -> Result<Value, Problem> {
    let Some((pod, namespace)) = proxy.rsplit_once('.') else {
        let why = format!("{proxy} is not named pod.namespace");
        return Err(Problem::new(WHAT, why, "Look at istiod's version"));
    };
    let place = Place::Pod(PodPort { namespace: namespace.into(), pod: pod.into(), port: ADMIN });
    let asked = session.tunnel.get(&place, "/clusters?format=json", WHAT);
    let answer = tokio::time::timeout(ANSWER, asked).await.unwrap_or_else(|_elapsed| {
        let why = format!("{proxy} did not answer within {} s", ANSWER.as_secs());
        Err(Problem::new(WHAT, why, "Look whether its pod runs"))
    })?;
    serde_json::from_slice(&answer.ok(WHAT, &place)?).map_err(|_| {
        let why = format!("What {proxy} answered is no JSON");
        Problem::new(WHAT, why, "Look at the proxy and its version")
    })
}
