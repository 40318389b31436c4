//! Asks every replica of istiod how the proxies stand: every two seconds, and much faster while a push is
//! followed.

use crate::confirm::pods;
use crate::find::{self, PodPort};
use crate::http::{self, Ask};
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::syncz::{self, Synced};
use crate::tunnel::Place;
use futures::future::join_all;
use mesh::scene::Step;
use mesh::{Observation, Problem};
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(2);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// One replica that hangs must not hold up the others.
const ANSWER: Duration = Duration::from_secs(5);
/// So much is read of a log, in bytes.
const LOG: usize = 16 << 20;
const WHAT: &str = "istiod cannot be asked about the proxies";

/// Where istiod answers: a given URL, or each of its pods.
pub(crate) fn places(session: &Session) -> Result<Vec<Place>, Problem> {
    if let Some(url) = &session.target.istiod {
        return Ok(vec![Place::Url(url.clone())]);
    }
    Ok(find::istiods(&session.hub)?.into_iter().map(Place::Pod).collect())
}

/// What the replicas of istiod say, as far as they answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) proxies: Vec<Synced>,
    /// Replicas that answered.
    replicas: usize,
    /// Entries that could not be read.
    unread: usize,
    /// Replicas that did not answer, and why not. Their proxies are not known.
    silent: Option<(usize, Problem)>,
}

impl Told {
    /// # Errors
    /// When no replica answers.
    fn of(answers: Vec<Result<(Vec<Synced>, usize), Problem>>) -> Result<Self, Problem> {
        let (mut told, mut all) = (Self::default(), Vec::new());
        for answer in answers {
            match answer {
                Ok((proxies, unread)) => {
                    told.replicas += 1;
                    told.unread += unread;
                    all.push(proxies);
                }
                Err(problem) => {
                    let (silent, _) = told.silent.get_or_insert((0, problem));
                    *silent += 1;
                }
            }
        }
        match told.silent {
            Some((_, problem)) if all.is_empty() => Err(problem),
            _ => Ok(Self { proxies: syncz::merge(all), ..told }),
        }
    }

    /// Why not all proxies are known, if not all are.
    pub(crate) fn partly(&self) -> Option<Problem> {
        if self.silent.is_none() && self.unread > 0 {
            let why = format!("{} entries of its answer could not be read", self.unread);
            return Some(Problem::new("istiod tells of more proxies", why, "Look at the version of istiod"));
        }
        let (silent, Problem { why, next, .. }) = self.silent.as_ref()?;
        let what = format!("{silent} of {} replicas of istiod do not answer", silent + self.replicas);
        Some(Problem::new(what, format!("What their proxies hold is not known. {why}"), next.clone()))
    }

    /// "istiod 1.30.1, 2 of 3 replicas answer, 7 proxies, 1 entry unread".
    fn in_words(&self, version: &str) -> String {
        let replicas = match (&self.silent, self.replicas) {
            (Some((silent, _)), answered) => {
                format!(", {answered} of {} replicas answer", answered + silent)
            }
            (None, 1) => String::new(),
            (None, replicas) => format!(", {replicas} replicas"),
        };
        let unread = match self.unread {
            0 => String::new(),
            1 => ", 1 entry unread".to_owned(),
            unread => format!(", {unread} entries unread"),
        };
        format!("istiod {version}{replicas}, {} proxies{unread}", self.proxies.len())
    }
}

/// Asks all replicas; one that does not answer (just being replaced) does not hide the others.
pub(crate) async fn ask(session: &Session) -> Result<Told, Problem> {
    let places = places(session)?;
    Told::of(join_all(places.iter().map(|place| ask_one(session, place))).await)
}

async fn ask_one(session: &Session, place: &Place) -> Result<(Vec<Synced>, usize), Problem> {
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
pub(crate) async fn version(session: &Session) -> String {
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
    let secs = since.as_secs() + 1;
    let read = |PodPort { namespace, pod, .. }: PodPort| async move {
        let path =
            format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?sinceSeconds={secs}&limitBytes={LOG}");
        // Whether the server keeps to the limit or not.
        let ask = Ask { accept: "*/*", within: ANSWER, limit: LOG, ..Ask::get(&path) };
        let answer = http::send(&session.api.client, ask).await.ok()?;
        Some(String::from_utf8_lossy(&answer.body).into_owned())
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
            Ok(told) => {
                let told = Told { proxies: pods::may_be_here(&session, told.proxies), ..told };
                if found.is_empty() {
                    found = version(&session).await;
                }
                hub.take(Observation::Done(Step::Istiod, told.in_words(&found)));
                hub.take(Observation::Partly(told.partly()));
                hub.take(Observation::Proxies(Ok(told.proxies.iter().map(Synced::proxy).collect())));
                INTERVAL
            }
            Err(problem) => {
                found.clear();
                hub.take(Observation::Failed(Step::Istiod, problem.clone()));
                hub.take(Observation::Partly(None));
                hub.take(Observation::Proxies(Err(problem)));
                AFTER_FAILURE
            }
        };
        crate::poll::rest(pause, &mut retry).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_replicas_say_is_not_all() {
        let proxy = |name: &str| Synced { name: name.into(), ..Synced::default() };
        let answer = |name: &str, unread| Ok((vec![proxy(name)], unread));
        let hangs = || Err(Problem::new(WHAT, "istiod-2 did not answer within 5 s", "Look at it"));
        let told = Told::of(vec![answer("a", 0), hangs(), answer("b", 1)]).unwrap();
        assert_eq!(
            told.in_words("1.30.1"),
            "istiod 1.30.1, 2 of 3 replicas answer, 2 proxies, 1 entry unread"
        );
        assert_eq!(
            told.partly().unwrap().to_string(),
            "1 of 3 replicas of istiod do not answer: What their proxies hold is not known. istiod-2 did not answer \
             within 5 s. Look at it"
        );
        let whole = Told::of(vec![answer("a", 0)]).unwrap();
        assert_eq!((whole.partly(), whole.in_words("1.30.1")), (None, "istiod 1.30.1, 1 proxies".into()));
        assert!(Told::of(vec![hangs()]).is_err());
        let odd = Told::of(vec![answer("a", 3)]).unwrap().partly().unwrap();
        assert_eq!(odd.why, "3 entries of its answer could not be read");
    }

    #[test]
    fn versions() {
        assert_eq!(version_of("1.14.5-maistra-2.3-Modified"), "1.14.5");
        assert_eq!(version_of("1.24.0-abcdef-Clean\n"), "1.24.0");
        assert_eq!(version_of(r#"{"version":"1.30.1","revision":"x"}"#), "1.30.1");
    }
}
