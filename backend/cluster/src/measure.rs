//! The last word on a change: do calls follow it? Only calls made since the change went live count.
//!
//! How that is exact: proxies count calls, and Prometheus reads their counters at times of its own. When a change is live
//! (and calls that were under way have ended), we ask Prometheus for its clock. Of each scraped proxy, the first reading
//! after that moment is the base; from then on the growth of its counters counts, reading by reading, over restarts. A
//! counter that is not in the base reading did not exist then, and counts from nothing.

use crate::prometheus::answer::Series;
use crate::prometheus::{self, query};
use crate::push::News;
use crate::session::Session;
use mesh::evidence::{CountedCalls, Counting, ENOUGH, Judgement, Mark, Measure, Measured, Tally, Wanted};
use mesh::{Change, Fact, Problem};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(1);
/// What does not agree by then is told as it is.
const PATIENCE: Duration = Duration::from_secs(180);
/// For so long Prometheus may be away.
const AWAY: Duration = Duration::from_secs(30);

/// Measures until the calls agree, or says why that cannot be known. Changes that telemetry cannot show end as live.
pub(crate) async fn follow(session: &Session, change: &Change, news: &News) {
    let evidence = &change.evidence;
    let told = match (&evidence.measure, &evidence.was_measure) {
        (Some(Measure::Each(each)), was) => {
            let was = match was {
                Some(Measure::Each(was)) => was.as_slice(),
                _ => &[],
            };
            let before = was.iter().map(Option::as_ref).chain(std::iter::repeat(None));
            let all = each.iter().zip(before).filter_map(|(measure, was)| Some((measure.as_ref()?, was)));
            // All at once: calls that tell one of them may tell another one, too.
            let told = all.map(|(measure, was)| one(session, measure, was));
            futures::future::try_join_all(told).await.map(together)
        }
        (Some(measure), was) => one(session, measure, was.as_ref()).await,
        (None, _) => return,
    };
    news.send(told.map_or_else(Fact::Unknowable, Fact::Measured)).await;
}

async fn one(session: &Session, measure: &Measure, was: Option<&Measure>) -> Result<Measured, Problem> {
    let untold = |why: &str| {
        let next = "Watch the edges of the graph";
        Err(Problem::new("What this rule does cannot be measured", why, next))
    };
    match measure {
        Measure::Counted(counting) => measured(session, counting, was).await,
        Measure::Untold(why) => untold(why),
        Measure::Each(_) => untold("It is several changes at once"),
    }
}

/// What was measured of several changes, as one.
fn together(all: Vec<Measured>) -> Measured {
    let mut all = all.into_iter();
    let first = all.next().unwrap_or_default();
    Measured { more: all.collect(), ..first }
}

async fn measured(
    session: &Session,
    counting: &Counting,
    was: Option<&Measure>,
) -> Result<Measured, Problem> {
    tokio::time::sleep(Duration::from_millis(counting.under_way_ms)).await;
    let since = since(session).await?;
    let begun = Instant::now();
    let mut away = begun;
    let mut pause = PAUSE;
    let mut tally = Tally::default();
    loop {
        tokio::time::sleep(pause).await;
        let asked = Instant::now();
        // One second more than has gone by: what is older is left out below.
        let secs = begun.elapsed().as_secs() + 2;
        let promql = query::counters(&counting.calls, timed(counting), secs);
        match prometheus::scraped(session, &promql).await {
            Ok(series) => {
                if let Some(millis) = too_slow_to_tell(counting, &series) {
                    return Err(no_bucket(millis));
                }
                tally = count(counting, &series, since);
                away = Instant::now();
            }
            Err(problem) if away.elapsed() > AWAY => return Err(problem),
            Err(problem) => tracing::debug!(%problem, "measuring a change"),
        }
        // In a big mesh an answer is large.
        pause = PAUSE.max(asked.elapsed() * 4);
        let judgement = counting.judge(&tally, was);
        if judgement == Judgement::Agrees {
            return Ok(counting.measured(&tally));
        }
        if begun.elapsed() > PATIENCE {
            return Err(in_words(judgement, &counting.measured(&tally)));
        }
    }
}

/// The moment from which calls count, on Prometheus' clock.
async fn since(session: &Session) -> Result<f64, Problem> {
    let begun = Instant::now();
    loop {
        match prometheus::clock(session).await {
            Ok(now) => return Ok(now),
            Err(problem) if begun.elapsed() > AWAY => return Err(problem),
            Err(problem) => tracing::debug!(%problem, "measuring a change"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether how long calls took is asked for.
fn timed(counting: &Counting) -> bool {
    counting.parts.iter().any(|part| matches!(part.mark, Mark::SlowerThan(_)))
}

/// Calls by how their counters grew since a moment.
fn count(counting: &Counting, all: &[Series], since: f64) -> Tally {
    let after = |series: &Series| series.points.iter().map(|(at, _)| *at).find(|at| *at >= since);
    let mut bases: HashMap<[&str; 3], f64> = HashMap::new();
    for series in all {
        if let Some(first) = after(series) {
            let base = bases.entry(target(series)).or_insert(first);
            *base = base.min(first);
        }
    }
    let grown = |series: &Series| bases.get(&target(series)).map_or(0.0, |base| grown(series, *base));
    let slow: Vec<Option<String>> = counting
        .parts
        .iter()
        .map(|part| match part.mark {
            Mark::SlowerThan(millis) => bucket_above(all, millis),
            _ => None,
        })
        .collect();
    let (mut calls, mut parts) = (0.0, vec![0.0; counting.parts.len()]);
    for series in all.iter().filter(|series| concerns(&counting.calls, series)) {
        let grown = grown(series);
        let le = series.label("le");
        // Of a histogram, the last bucket has all calls.
        let whole = matches!(le, "" | "+Inf");
        if whole {
            calls += grown;
        }
        for ((part, slow), count) in counting.parts.iter().zip(&slow).zip(&mut parts) {
            match &part.mark {
                Mark::SlowerThan(_) if whole && slow.is_some() => *count += grown,
                Mark::SlowerThan(_) if slow.as_deref() == Some(le) => *count -= grown,
                mark if whole && marked(mark, series) => *count += grown,
                _ => {}
            }
        }
    }
    Tally { calls: calls as u64, parts: parts.into_iter().map(|count| count.max(0.0) as u64).collect() }
}

/// What was scraped: all its series have the same times.
fn target(series: &Series) -> [&str; 3] {
    ["job", "instance", "pod"].map(|name| series.label(name))
}

/// How much a counter grew from a reading on; one that begins later begins at nothing.
fn grown(series: &Series, base: f64) -> f64 {
    let mut points = series.points.iter().filter(|(at, _)| *at >= base).peekable();
    let mut last = match points.peek() {
        Some((at, value)) if *at <= base => *value,
        _ => 0.0,
    };
    let mut sum = 0.0;
    for (_, value) in points {
        // A counter that falls has begun again.
        sum += if *value >= last { value - last } else { *value };
        last = *value;
    }
    sum
}

fn concerns(calls: &CountedCalls, series: &Series) -> bool {
    match calls {
        CountedCalls::To(_) | CountedCalls::Answered(_) => true,
        CountedCalls::At(workloads) => workloads.iter().any(|at| answered_by(at, series)),
    }
}

fn answered_by((namespace, name): &(String, String), series: &Series) -> bool {
    series.label("destination_workload_namespace") == namespace
        && series.label("destination_workload") == name
}

fn marked(mark: &Mark, series: &Series) -> bool {
    match mark {
        Mark::Workloads(workloads) => workloads.iter().any(|at| answered_by(at, series)),
        Mark::Flag(flag) => series.label("response_flags").split(',').any(|set| set == flag),
        Mark::Code(code) => series.label("response_code") == code,
        Mark::Security(policy) => series.label("connection_security_policy") == policy,
        Mark::SlowerThan(_) => false,
    }
}

/// The first bucket that ends above a time, as its label is written. What takes just so long is in it.
fn bucket_above(all: &[Series], millis: u64) -> Option<String> {
    let bound =
        |series: &Series| Some((series.label("le").parse::<f64>().ok()?, series.label("le").to_owned()));
    let above = all.iter().filter_map(bound).filter(|(le, _)| *le > millis as f64 && le.is_finite());
    above.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, le)| le)
}

/// A time that lies above all buckets, if one is asked for.
fn too_slow_to_tell(counting: &Counting, all: &[Series]) -> Option<u64> {
    counting.parts.iter().find_map(|part| match part.mark {
        Mark::SlowerThan(millis) if !all.is_empty() && bucket_above(all, millis).is_none() => Some(millis),
        _ => None,
    })
}

fn no_bucket(millis: u64) -> Problem {
    Problem::new(
        "How long calls take cannot be measured",
        format!("No bucket of istio_request_duration_milliseconds ends above {millis} ms"),
        "Look at sidecar.istio.io/statsHistogramBuckets of the callers",
    )
}

fn in_words(judgement: Judgement, measured: &Measured) -> Problem {
    let what = "The calls do not show it yet";
    let minutes = PATIENCE.as_secs() / 60;
    let calls = measured.calls;
    let parts = measured.parts.iter().map(|part| {
        let got = part.count as f64 / calls.max(1) as f64 * 100.0;
        format!("{}: {}, measured {got:.1} %", part.name, wanted(part.wanted))
    });
    let parts = parts.collect::<Vec<_>>().join("; ");
    match judgement {
        _ if calls < ENOUGH => Problem::new(
            what,
            format!("Only {calls} calls came in {minutes} minutes since it is live"),
            "Send some, or watch the graph",
        ),
        Judgement::Few(needed) => Problem::new(
            "So few calls cannot show it",
            format!("{calls} calls agree ({parts}), but it takes {needed} to tell it from what was before"),
            "Send more, or watch the graph",
        ),
        Judgement::Agrees | Judgement::Disagrees => Problem::new(
            what,
            format!("Of {calls} calls since it is live: {parts}"),
            "Another rule, a retry or a sticky session may move requests: look at the edges of the graph",
        ),
    }
}

fn wanted(wanted: Wanted) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    match wanted {
        Wanted::Share(share) => format!("wanted {}", percent(share)),
        Wanted::None => "wanted none".to_owned(),
        Wanted::AtMost(share) => format!("wanted at most {}", percent(share)),
        Wanted::AtLeast(share) => format!("wanted at least {}", percent(share)),
        Wanted::Any => "any number".to_owned(),
    }
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
