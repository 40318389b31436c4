//! Traffic of the past: the questions of the graph once, as of a moment.

use super::ask::Prometheus;
use super::sight::{self, Window};
use super::usual;
use super::{ROUND, WHAT, given_up};
use crate::session::Session;
use crate::tunnel::Tunnel;
use crate::{Target, install_crypto};
use jiff::Timestamp;
use mesh::traffic::{Coverage, Path, Traffic, Usual};
use mesh::{Period, Problem};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was usual is kept of so many hours: who plays an afternoon asks for each of them once.
const HOURS: usize = 24;

/// What was usual, by the end of its hour.
type Known = BTreeMap<i64, Arc<BTreeMap<Path, Usual>>>;

/// What was usual at moments of the past.
#[derive(Default)]
pub(crate) struct Hours(Mutex<Known>);

impl Hours {
    /// What was usual at a moment; nothing where it cannot be told, as of now.
    async fn usual(
        &self,
        prometheus: &Prometheus,
        until: i64,
        every: Option<f64>,
    ) -> Arc<BTreeMap<Path, Usual>> {
        if let Some(known) = self.0.lock().get(&until) {
            return Arc::clone(known);
        }
        match usual::told(&prometheus.at(until), every).await {
            Ok(paths) => {
                let paths = Arc::new(paths);
                let mut known = self.0.lock();
                known.insert(until, Arc::clone(&paths));
                // The one that is the farthest from what is looked at goes.
                while known.len() > HOURS {
                    let (Some((&first, _)), Some((&last, _))) =
                        (known.first_key_value(), known.last_key_value())
                    else {
                        break;
                    };
                    known.remove(if until - first > last - until { &first } else { &last });
                }
                paths
            }
            Err(problem) => {
                tracing::debug!(%problem, "asking what was usual in an hour of the past");
                Arc::default()
            }
        }
    }
}

/// What was measured then, through a connection.
pub(crate) async fn traffic(session: &Session, period: Period) -> Result<Traffic, Problem> {
    let prometheus = Prometheus::of(session)?;
    within(measured(&prometheus, &session.hours, period)).await
}

/// Traffic without a cluster: of the Prometheus that was given, over so many seconds until a moment, or until
/// now on its own clock. When that was is told too.
///
/// # Errors
/// When no Prometheus was given, or it cannot be asked.
pub async fn traffic_alone(
    target: &Target,
    until: Option<Timestamp>,
    secs: u64,
) -> Result<(Traffic, Timestamp), Problem> {
    install_crypto();
    let Some(prometheus) = Prometheus::given(target, Tunnel::to(None, target)) else {
        return Err(Problem::new(WHAT, "No Prometheus was given", "Give its URL with --prometheus"));
    };
    let asked = async {
        let until = match until {
            Some(until) => until.as_second(),
            None => prometheus.clock().await? as i64,
        };
        let period = Period { until, secs };
        Ok((measured(&prometheus, &Hours::default(), period).await?, period.at()))
    };
    within(asked).await
}

async fn within<T>(asked: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::time::timeout(ROUND, asked).await.unwrap_or_else(|_elapsed| Err(given_up()))
}

async fn measured(prometheus: &Prometheus, hours: &Hours, period: Period) -> Result<Traffic, Problem> {
    let then = prometheus.at(period.until);
    let (Window { secs, coverage, remark }, every) = sight::then(&then, period.secs).await?;
    let gathered = then.gather(secs, |_, _| {}).await?;
    let mut traffic = Traffic { coverage, past: true, ..gathered.traffic(secs) };
    let some = match coverage {
        Coverage::Warming { secs, of } => Some(format!("of the {of} s before then, {secs} were measured")),
        Coverage::Whole | Coverage::Nothing => coverage.words(),
    };
    traffic.remarks.extend(some.into_iter().chain(remark));
    Ok(traffic.beside(&hours.usual(prometheus, period.usual_until(), every).await))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Mock, Reply, Then, http_json};
    use serde_json::json;

    /// A Prometheus with one caller, which notes what it is asked.
    async fn prometheus() -> (Mock, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let mock = Mock::start(move |asked| {
            notes.lock().push(asked.line.clone());
            let labels = json!({ "reporter": "source", "source_workload": "web", "destination_workload": "cart",
                "source_workload_namespace": "shop", "destination_workload_namespace": "shop",
                "destination_service": "cart.shop.svc.cluster.local", "response_code": "200" });
            let scraped = asked.line.contains("15m");
            let counted = asked.line.contains("topk") || asked.line.contains("istio_requests_total");
            let result = match (scraped, counted) {
                (true, _) => json!([{ "metric": labels, "values": [[600, "1"], [605, "2"], [610, "9"]] }]),
                (false, true) => json!([{ "metric": labels, "value": [1_000, "2"] }]),
                (false, false) => json!([]),
            };
            let form = if scraped { "matrix" } else { "vector" };
            let answer = json!({ "status": "success", "data": { "resultType": form, "result": result } });
            Reply(http_json(200, &answer), Then::Close)
        })
        .await;
        (mock, asked)
    }

    #[tokio::test]
    async fn every_question_is_of_then() {
        let (mock, asked) = prometheus().await;
        let target = Target { prometheus: Some(mock.url.clone()), ..Target::default() };
        let until = Timestamp::from_second(1_000).unwrap();
        let (traffic, at) = traffic_alone(&target, Some(until), 60).await.unwrap();
        assert!(traffic.past && at == until && traffic.window_secs == 60);
        assert_eq!(traffic.flows.len(), 1, "{traffic:?}");
        let asked = asked.lock().clone();
        let usual = |line: &&String| line.contains("1h");
        let of_then = |line: &String| line.contains("&time=1000");
        assert!(asked.iter().filter(|line| !usual(line)).all(of_then), "{asked:?}");
        // What was usual is of the whole step before, which neighbours share.
        let hours: Vec<_> = asked.iter().filter(usual).collect();
        assert!(hours.len() == 3 && hours.iter().all(|line| line.contains("&time=900")), "{asked:?}");
    }

    #[tokio::test]
    async fn without_a_prometheus_there_is_no_traffic_alone() {
        let problem = traffic_alone(&Target::default(), None, 60).await.unwrap_err();
        assert_eq!(problem.why, "No Prometheus was given");
    }

    #[tokio::test]
    async fn what_was_usual_is_asked_once_for_neighbours() {
        let (mock, asked) = prometheus().await;
        install_crypto();
        let target = Target { prometheus: Some(mock.url.clone()), ..Target::default() };
        let prometheus = Prometheus::given(&target, Tunnel::to(None, &target)).unwrap();
        let hours = Hours::default();
        for until in [1_000, 1_060, 1_199] {
            measured(&prometheus, &hours, Period { until, secs: 60 }).await.unwrap();
        }
        assert_eq!(asked.lock().iter().filter(|line| line.contains("1h")).count(), 3);
        for until in (0..HOURS as i64 + 5).map(|nth| nth * 300) {
            hours.usual(&prometheus, until, None).await;
        }
        assert_eq!(hours.0.lock().len(), HOURS, "the farthest went");
    }
}
