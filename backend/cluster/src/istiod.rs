//! Asks every replica of istiod how the proxies stand: every two seconds, and much faster while a push is
//! followed.

use crate::confirm::pods;
use crate::find::{self, PodPort};
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::syncz::{self, Synced};
use crate::tunnel::Place;
use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use mesh::scene::Step;
use mesh::{Observation, Problem};
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(2);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// One replica that hangs must not hold up the others.
const ANSWER: Duration = Duration::from_secs(5);
/// So much is read of a log, in bytes.
const LOG: i64 = 16 << 20;
const WHAT: &str = "istiod cannot be asked about the proxies";

/// Where istiod answers: a given URL, or each of its pods.
pub(crate) fn places(session: &Session) -> Result<Vec<Place>, Problem> {
    if let Some(url) = &session.target.istiod {
        return Ok(vec![Place::Url(url.clone())]);
    }
    Ok(find::istiods(&session.hub)?.into_iter().map(Place::Pod).collect())
}

/// Asks all replicas; one that does not answer (just being replaced) does not hide the others.
pub(crate) async fn ask(session: &Session) -> Result<(usize, Vec<Synced>), Problem> {
    let places = places(session)?;
    let answers = join_all(places.iter().map(|place| ask_one(session, place))).await;
    let mut problem = None;
    let mut all = Vec::new();
    for answer in answers {
        match answer {
            Ok(proxies) => all.push(proxies),
            Err(error) => problem = Some(error),
        }
    }
    match (problem, all.is_empty()) {
        (Some(problem), true) => Err(problem),
        _ => Ok((all.len(), syncz::merge(all))),
    }
}

async fn ask_one(session: &Session, place: &Place) -> Result<Vec<Synced>, Problem> {
    let asked = tokio::time::timeout(ANSWER, read(session, place, "/debug/syncz", limits::ANSWER)).await;
    let (place, body) = asked.unwrap_or_else(|_elapsed| {
        let why = format!("{place} did not answer within {} s", ANSWER.as_secs());
        Err(Problem::new(WHAT, why, "Look at the Deployment istiod"))
    })?;
    let name = match &place {
        Place::Pod(at) => at.pod.clone(),
        Place::Url(_) => "istiod".into(),
    };
    syncz::parse(&body, &name).map_err(|odd| {
        let why = format!("{place} answered something else than the state of proxies: {odd}");
        Problem::new(WHAT, why, "Look at the version of istiod")
    })
}

/// Reads from the monitoring port, or where that does not serve it, from the older debug port 8080.
async fn read(
    session: &Session,
    place: &Place,
    path: &str,
    limit: usize,
) -> Result<(Place, bytes::Bytes), Problem> {
    let get = async |place: &Place| {
        session
            .tunnel
            .get_some(place, path, WHAT, Limit::of(limit))
            .await
            .and_then(|answer| answer.ok(WHAT, place))
    };
    let first = get(place).await;
    match (first, place) {
        (Ok(body), _) => Ok((place.clone(), body)),
        (Err(problem), Place::Pod(at)) if at.port != 8080 => {
            let other = Place::Pod(PodPort { port: 8080, ..at.clone() });
            get(&other).await.map(|body| (other, body)).map_err(|_also_failed| problem)
        }
        (Err(problem), _) => Err(problem),
    }
}

/// istiod's version ("1.24.0"), for the step; "" when it does not tell.
async fn version(session: &Session) -> String {
    let Ok(places) = places(session) else { return String::new() };
    let Some(place) = places.first() else { return String::new() };
    let Ok((_, body)) = read(session, place, "/version", limits::VERSION).await else { return String::new() };
    version_of(&String::from_utf8_lossy(&body))
}

/// "1.14.5-maistra-2.3-Modified", or JSON with `version` in it, is told by its first word.
pub(crate) fn version_of(text: &str) -> String {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && let Some(version) =
            value["version"].as_str().or_else(|| value["clientVersion"]["version"].as_str())
    {
        return version.to_owned();
    }
    let first = text.lines().next().unwrap_or_default();
    first.split_whitespace().next().unwrap_or_default().split("-").next().unwrap_or_default().to_owned()
}

/// Sum of refused pushes of one type, over all replicas.
pub(crate) async fn rejects(session: &Session, xds: &str) -> f64 {
    let Ok(places) = places(session) else { return 0.0 };
    let texts = join_all(places.iter().map(|place| read(session, place, "/metrics", limits::ANSWER))).await;
    texts
        .into_iter()
        .flatten()
        .map(|(_, body)| syncz::rejects_in_metrics(&String::from_utf8_lossy(&body), xds))
        .sum()
}

/// What istiod's replicas have logged since then, as far as that may be read.
pub(crate) async fn logs(session: &Session, since: Duration) -> Vec<String> {
    let since_seconds = i64::try_from(since.as_secs()).ok().map(|secs| secs + 1);
    let since = LogParams { since_seconds, limit_bytes: Some(LOG), ..LogParams::default() };
    let read = |at: PodPort| {
        let since = &since;
        async move {
            let pods: kube::Api<Pod> = kube::Api::namespaced(session.api.client.clone(), &at.namespace);
            tokio::time::timeout(ANSWER, pods.logs(&at.pod, since)).await.ok()?.ok()
        }
    };
    let all = find::istiods(&session.hub).unwrap_or_default().into_iter().map(read);
    join_all(all).await.into_iter().flatten().collect()
}

/// Keeps the proxies of the scene up to date.
pub(crate) async fn follow(session: Arc<Session>) {
    let hub = &session.hub;
    let mut retry = hub.retry.subscribe();
    let mut paused = hub.paused.subscribe();
    let mut found = String::new();
    crate::poll::kinds_known(hub).await;
    hub.take(Observation::Running(Step::Istiod));
    loop {
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let pause = match ask(&session).await {
            Ok((replicas, proxies)) => {
                let proxies = pods::may_be_here(&session, proxies);
                if found.is_empty() {
                    found = version(&session).await;
                }
                let replicas = if replicas == 1 { String::new() } else { format!(", {replicas} replicas") };
                let told = format!("istiod {found}{replicas}, {} proxies", proxies.len());
                hub.take(Observation::Done(Step::Istiod, told));
                hub.take(Observation::Proxies(Ok(proxies.iter().map(Synced::proxy).collect())));
                INTERVAL
            }
            Err(problem) => {
                found.clear();
                hub.take(Observation::Failed(Step::Istiod, problem.clone()));
                hub.take(Observation::Proxies(Err(problem)));
                AFTER_FAILURE
            }
        };
        crate::poll::rest(pause, &mut retry).await;
    }
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn versions() {
        assert_eq!(version_of("1.14.5-maistra-2.3-Modified"), "1.14.5");
        assert_eq!(version_of("1.24.0-abcdef-Clean\n"), "1.24.0");
        assert_eq!(version_of(r#"{"version":"1.30.1","revision":"x"}"#), "1.30.1");
    }
}
