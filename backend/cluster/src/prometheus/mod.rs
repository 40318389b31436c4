//! Traffic, measured: finds Prometheus, asks the graph's questions again and again, and counts what followed
//! a change.

pub(crate) mod answer;
mod ask;
mod past;
pub(crate) mod query;
mod sight;
mod usual;
pub(crate) mod vector;

use crate::find::Wanted;
use crate::given_back;
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::tunnel::{Answer, Place};
use answer::Gathered;
use ask::Prometheus;
use mesh::scene::Step;
use mesh::series::{Measured, Range};
use mesh::traffic::Traffic;
use mesh::{Observation, Problem};
use query::Question;
use sight::{Sight, Window};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use usual::Hour;
use vector::{Refusal, Series};

pub use past::traffic_alone;
pub(crate) use past::{Hours, traffic};

const INTERVAL: Duration = Duration::from_secs(2);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// However long the answers take, they are asked for at least so often.
const SLOWEST: Duration = Duration::from_secs(30);
/// After so much time without an answer, what was measured before is old; after less where answers are fast.
const LATE: Duration = Duration::from_secs(10);
/// All questions of a round are answered within so much time, or the round is given up.
const ROUND: Duration = Duration::from_secs(25);
/// Questions that are asked at the same time.
const AT_ONCE: usize = 4;
/// Large answers are read one after the other: each is read to its end before it is understood.
static LANE: Semaphore = Semaphore::const_new(1);
const LIMIT: Limit = Limit { bytes: limits::ANSWER, lane: Some(&LANE) };
const WHAT: &str = "Traffic cannot be measured";
/// Rounds with more paths than these leave much free memory behind, which goes back to the system.
const LARGE: usize = 5_000;

const WANTED: Wanted = Wanted {
    title: "Prometheus",
    names: &["prometheus", "prometheus-server", "prometheus-operated"],
    apps: &["prometheus"],
    endings: &[],
    ports: &[(9090, "http"), (9090, "http-web"), (80, "web")],
    next: "Install Prometheus beside Istio, or give its URL with --prometheus; until then the graph has no rates",
    option: "--prometheus",
};

/// The time on Prometheus' own clock, in seconds.
pub(crate) async fn clock(session: &Session) -> Result<f64, Problem> {
    Prometheus::of(session)?.clock().await
}

/// Samples as they were scraped: the answer to a query that ends with a range.
pub(crate) async fn scraped(session: &Session, promql: &str) -> Result<Vec<Series>, Problem> {
    Prometheus::of(session)?.scraped(promql).await
}

/// Measurements over time, until now on Prometheus' own clock. A value that is no number is a gap.
pub(crate) async fn range(session: &Session, range: &Range) -> Result<Measured, Problem> {
    let prometheus = Prometheus::of(session)?;
    let now = prometheus.clock().await?;
    let (series, remarks) = prometheus.over_time(&query::range(range, now)).await?;
    let measured = |series: Series| mesh::series::Series {
        labels: series.labels.into_iter().collect(),
        points: series.points.into_iter().filter(|(_, value)| value.is_finite()).collect(),
    };
    let series = series.into_iter().map(measured).collect();
    let until = range.until.map_or(now, |until| until as f64) - range.ago_secs as f64;
    Ok(Measured { series, until, remarks: remarks.words().collect() })
}

fn read<T>(
    answer: &Answer,
    place: &Place,
    parse: impl FnOnce(&[u8]) -> Result<T, Refusal>,
) -> Result<T, Problem> {
    let Answer { status, body, .. } = answer;
    parse(body).map_err(|refusal| {
        let said: String = String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ");
        let said: String = said.chars().take(120).collect();
        let (why, next) = match (refusal, status) {
            (Refusal::Said(words), _) => {
                (format!("Prometheus refuses a query ({status}): {words}"), "Look at the version and the settings of Prometheus")
            }
            (_, 401 | 403) => (format!("{place} wants a login ({status})"), "Give the right login with --prometheus-header, or a URL that needs none with --prometheus"),
            (_, 404) => (
                format!("{place} has no query API (404)"),
                "Look whether it is Prometheus' own address, with the path that it is served under",
            ),
            (_, 500..) => (format!("{place} answered {status}: {said}"), "Look whether Prometheus runs; it is asked again"),
            (Refusal::Foreign, _) => (
                format!("{place} does not answer as Prometheus does ({status}): {said}"),
                "Look whether a login page or another program is there, or give another URL with --prometheus",
            ),
        };
        Problem::new(WHAT, why, next)
    })
}

/// What is known from round to round.
#[derive(Default)]
struct Known {
    sight: Sight,
    hour: Hour,
    /// Whether anything was measured yet.
    begun: bool,
}

async fn measure(session: &Session, known: &mut Known, chosen: u64) -> Result<(String, Traffic), Late> {
    let prometheus = Prometheus::of(session)?;
    let Window { secs, coverage, remark } = match known.sight.look(&prometheus, chosen).await {
        Ok(window) => window,
        Err(Ok(left)) => return Err(Late::Unsteady(left)),
        Err(Err(problem)) => return Err(Late::Not(problem)),
    };
    let remarks: Vec<_> = coverage.words().into_iter().chain(remark).collect();
    let begun = &mut known.begun;
    // Who calls whom is shown as soon as both ends have told it; times take longer to be counted.
    let early = |question, gathered: &Gathered| {
        if !*begun && question == Question::Server {
            *begun = true;
            let mut traffic = Traffic { coverage, ..gathered.so_far(secs) };
            traffic.remarks.extend(remarks.iter().cloned());
            session.hub.take(Observation::Traffic(Ok(traffic)));
        }
    };
    let gathered = prometheus.gather(secs, early).await?;
    known.hour.look(&prometheus, known.sight.every()).await;
    let mut traffic = Traffic { coverage, ..gathered.traffic(secs) };
    traffic.remarks.extend(remarks);
    Ok((prometheus.name.clone(), traffic.beside(&known.hour.paths)))
}

/// Why a round has no figures.
enum Late {
    /// They cannot be had.
    Not(Problem),
    /// The clock was set, and rates are wrong for so many seconds more.
    Unsteady(u64),
}

impl From<Problem> for Late {
    fn from(problem: Problem) -> Self {
        Self::Not(problem)
    }
}

fn unsteady(secs: u64) -> Problem {
    Problem::new(
        "The clock of Prometheus was set",
        format!("Rates over that moment would be wrong; figures are of before, for {secs} s more"),
        "They go on by themselves; look at the clock of its machine",
    )
}

fn late() -> Problem {
    Problem::new(
        "Measurements are late",
        "Prometheus was asked and has not answered yet",
        "Figures go on by themselves when it answers; look at its pod and at the connection to the cluster",
    )
}

fn given_up() -> Problem {
    Problem::new(
        WHAT,
        format!("Prometheus did not answer all questions within {} s", ROUND.as_secs()),
        "Look at its load and its memory; it is asked again",
    )
}

/// A round, within its time. One that is late may still be answered; until then nobody shall take old figures
/// for new ones.
async fn timely<T>(
    measuring: impl Future<Output = Result<T, Late>>,
    usual: Duration,
    late: impl FnOnce(),
) -> Result<T, Late> {
    let mut measuring = std::pin::pin!(measuring);
    if let Ok(measured) = tokio::time::timeout(LATE.min(usual * 2), &mut measuring).await {
        return measured;
    }
    late();
    let rest = tokio::time::timeout(ROUND, measuring).await;
    rest.unwrap_or_else(|_elapsed| Err(given_up().into()))
}

/// Keeps the traffic of the scene up to date: every two seconds, less often where the answers are big.
pub(crate) async fn follow(session: Arc<Session>) {
    let hub = &session.hub;
    let mut retry = hub.retry.subscribe();
    let mut paused = hub.paused.subscribe();
    let mut window = hub.window.subscribe();
    crate::poll::kinds_known(hub).await;
    hub.take(Observation::Running(Step::Prometheus));
    let mut usual = INTERVAL;
    let mut known = Known::default();
    loop {
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let window_secs = *window.borrow_and_update();
        let begun = Instant::now();
        let measuring = measure(&session, &mut known, window_secs);
        let measured = timely(measuring, usual, || hub.take(Observation::TrafficLate(late()))).await;
        let pause = match measured {
            Ok((name, traffic)) => {
                let remarks = traffic.remarks.iter().map(|remark| format!("; {remark}"));
                let done = name + &remarks.collect::<String>();
                let large = traffic.flows.len() > LARGE;
                hub.take(Observation::Traffic(Ok(traffic)));
                if large {
                    drop(tokio::task::spawn_blocking(given_back::trim));
                }
                hub.take(Observation::Done(Step::Prometheus, done));
                usual = (begun.elapsed() * 4).clamp(INTERVAL, SLOWEST);
                usual
            }
            Err(Late::Unsteady(left)) => {
                hub.take(Observation::TrafficLate(unsteady(left)));
                INTERVAL
            }
            Err(Late::Not(problem)) => {
                hub.take(Observation::Failed(Step::Prometheus, problem.clone()));
                hub.take(Observation::Traffic(Err(problem)));
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = crate::poll::rest(pause, &mut retry) => {}
            changed = window.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round that hangs is old soon, and ends: the next questions are asked.
    #[tokio::test(start_paused = true)]
    async fn a_slow_round_is_told_and_given_up() {
        for usual in [INTERVAL, SLOWEST] {
            let begun = tokio::time::Instant::now();
            let mut told = None;
            let never = std::future::pending::<Result<(), Late>>();
            let ended = timely(never, usual, || told = Some(begun.elapsed())).await;
            assert!(matches!(ended, Err(Late::Not(problem)) if problem.why.contains("within 25 s")));
            assert_eq!(told, Some(LATE.min(usual * 2)));
            assert!(begun.elapsed() <= LATE + ROUND + Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn check(status: u16, body: &'static str, why: &str, next: &str) {
        let answer = Answer { status, body: body.into(), turn: None };
        let place = Place::Url("http://metrics.example".into());
        let problem = read(&answer, &place, |body| vector::each(body, drop)).unwrap_err();
        assert!(problem.why.starts_with(why), "{problem}");
        assert!(problem.next.contains(next), "{problem}");
    }

    #[test]
    fn what_is_no_answer_of_prometheus_is_told_by_its_status() {
        let refusal = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
        check(503, refusal, "Prometheus refuses a query (503): timeout: query timed out", "settings");
        check(401, "Unauthorized", "http://metrics.example wants a login (401)", "--prometheus");
        check(404, "404 page not found", "http://metrics.example has no query API (404)", "path");
        check(503, "<html> down </html>", "http://metrics.example answered 503: <html> down </html>", "runs");
        check(
            200,
            "<html>Log in</html>",
            "http://metrics.example does not answer as Prometheus does (200): <html>Log in</html>",
            "login page",
        );
    }
}
