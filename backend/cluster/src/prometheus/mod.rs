//! Traffic, measured: finds Prometheus, asks the graph's questions again and again, and counts what followed a change.

pub(crate) mod answer;
pub(crate) mod query;

use crate::find::{self, Wanted};
use crate::session::Session;
use crate::tunnel::{Answer, Place};
use answer::{Gathered, Sample};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use mesh::scene::{Step, StepState};
use mesh::traffic::Traffic;
use mesh::{Problem, Remote};
use std::sync::Arc;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(2);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// After so many of the usual pauses without an answer, what was measured before is old.
const LATE: u32 = 2;
/// Questions that are asked at the same time.
const AT_ONCE: usize = 4;
const WHAT: &str = "Traffic cannot be measured";

const WANTED: Wanted = Wanted {
    title: "Prometheus",
    names: &["prometheus", "prometheus-server", "prometheus-operated"],
    apps: &["prometheus"],
    ports: &[(9090, "http"), (9090, "http-web"), (80, "web")],
    next: "Install Prometheus beside Istio, or give its URL with --prometheus; until then the graph has no rates",
};

/// Where Prometheus is; the text names it.
fn place(session: &Session) -> Result<(String, Place), Problem> {
    if let Some(url) = &session.target.prometheus {
        let place = Place::Url(url.clone());
        return Ok((place.to_string(), place));
    }
    find::service(&session.hub, &WANTED).map(|(name, at)| (name, Place::Pod(at)))
}

/// Asks one question.
pub(crate) async fn ask(session: &Session, promql: &str) -> Result<Vec<Sample>, Problem> {
    let (_, place) = place(session)?;
    ask_at(session, &place, promql).await
}

async fn ask_at(session: &Session, place: &Place, promql: &str) -> Result<Vec<Sample>, Problem> {
    let answer = session.tunnel.get(place, &query::instant(promql), WHAT).await?;
    answer::parse(&answer.body).map_err(|error| refused(answer.status, &error))
}

fn refused(status: u16, error: &str) -> Problem {
    let why = format!("Prometheus refuses a query ({status}): {error}");
    Problem::new(WHAT, why, "Look at the version and the settings of Prometheus")
}

async fn measure(session: &Session, window_secs: u64) -> Result<(String, Traffic), Problem> {
    let (name, place) = place(session)?;
    let asked = query::QUESTIONS.map(|question| {
        let path = query::instant(&question.promql(window_secs));
        let place = &place;
        async move { session.tunnel.get(place, &path, WHAT).await.map(|answer| (question, answer)) }
    });
    let mut answers = stream::iter(asked).buffered(AT_ONCE);
    let mut gathered = Gathered::default();
    while let Some(answer) = answers.next().await {
        let (question, Answer { status, body }) = answer?;
        let read = move || {
            let samples = answer::parse(&body).map_err(|error| refused(status, &error))?;
            gathered.add(question, &samples);
            Ok(gathered)
        };
        gathered = tokio::task::spawn_blocking(read).await.map_err(|error| Problem::new(WHAT, error.to_string(), "Retry"))??;
    }
    Ok((name, gathered.traffic(window_secs)))
}

fn late() -> Problem {
    Problem::new(
        "Measurements are late",
        "Prometheus was asked and has not answered yet",
        "Figures go on by themselves when it answers; look at its pod and at the connection to the cluster",
    )
}

/// Keeps the traffic of the scene up to date: every two seconds, less often where the answers are big.
pub(crate) async fn follow(session: Arc<Session>) {
    let hub = &session.hub;
    let mut retry = hub.retry.subscribe();
    let mut paused = hub.paused.subscribe();
    let mut window = hub.window.subscribe();
    crate::poll::kinds_known(hub).await;
    hub.running(Step::Prometheus);
    let mut usual = INTERVAL;
    loop {
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let window_secs = *window.borrow_and_update();
        let begun = Instant::now();
        let measured = async {
            let mut measuring = std::pin::pin!(measure(&session, window_secs));
            // What answers late may still answer; until then nobody shall take old figures for new ones.
            match tokio::time::timeout(usual * LATE, &mut measuring).await {
                Ok(measured) => measured,
                Err(_elapsed) => {
                    hub.traffic_late(late());
                    measuring.await
                }
            }
        };
        let pause = match measured.await {
            Ok((name, traffic)) => {
                hub.step(Step::Prometheus, StepState::Done(name));
                hub.traffic(Remote::Live(Arc::new(traffic), Timestamp::now()));
                usual = INTERVAL.max(begun.elapsed() * 4);
                usual
            }
            Err(problem) => {
                hub.step(Step::Prometheus, StepState::Failed(problem.clone()));
                hub.traffic_failed(problem);
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = crate::poll::rest(pause, &mut retry) => {}
            changed = window.changed() => if changed.is_err() { return },
        }
    }
}
