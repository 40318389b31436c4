//! The last word on a change: do calls follow it? Only calls made since the change went live count.
//!
//! How that is exact: proxies count calls, and Prometheus reads their counters at times of its own. When a
//! change is live (and calls that were under way have ended), we ask Prometheus for its clock. Of each
//! scraped proxy, the first reading after that moment is the base; from then on the growth of its counters
//! counts, reading by reading, over restarts. A counter that is not in the base reading did not exist then,
//! and counts from nothing.

use crate::confirm;
use crate::prometheus::vector::Series;
use crate::prometheus::{self, query};
use crate::push::News;
use crate::session::Session;
use mesh::evidence::{
    CountedCalls, Counting, Evidence, Judgement, Mark, Measure, Measured, Progress, Tally, Unmeasured, Wanted,
};
use mesh::ledger::{Instead, stands};
use mesh::scene::KindState;
use mesh::{Change, Fact, Problem, Step};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(1);
/// What does not agree by then is told as it is.
const PATIENCE: Duration = Duration::from_secs(180);
/// Few calls are waited for so long.
const LONG_PATIENCE: Duration = Duration::from_secs(600);
/// For so long Prometheus may be away.
const AWAY: Duration = Duration::from_secs(30);
/// What a proxy says of a call for which it found no pod: no endpoint, no cluster, no connection, no room, no
/// address.
const NO_POD: [&str; 5] = ["UH", "NC", "UF", "UO", "DF"];

/// Measures until the calls agree, or says why that cannot be known; stops where something else stands in the
/// place of the change. Changes that telemetry cannot show end as live.
pub(crate) async fn follow(session: &Session, change: &Change, news: &News) {
    let each = each(&change.evidence);
    if each.iter().all(|(measure, _)| measure.is_none()) {
        return;
    }
    let told = tokio::select! {
        instead = replaced(session, change) => Fact::Replaced(instead),
        told = all(session, &each, news) => told,
    };
    news.send(told).await;
}

/// What is measured of each of the changes that were put together, and what was there before.
fn each(evidence: &Evidence) -> Vec<(Option<&Measure>, Option<&Measure>)> {
    let Some(Measure::Each(each)) = &evidence.measure else {
        return vec![(evidence.measure.as_ref(), evidence.was_measure.as_ref())];
    };
    let was = match &evidence.was_measure {
        Some(Measure::Each(was)) => was.as_slice(),
        _ => &[],
    };
    let before = was.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    each.iter().map(Option::as_ref).zip(before).collect()
}

/// Waits until some object does not say any more what the change has written; what there is instead.
pub(crate) async fn replaced(session: &Session, change: &Change) -> Instead {
    let hub = &session.hub;
    let watched = |step: &&Step| {
        matches!(hub.kind(step.at.kind), Some(KindState::Live(_)))
            && matches!(confirm::watched(hub, step), Some(Ok(())))
    };
    let mut revision = hub.revision.subscribe();
    let mut instead = Instead::Other;
    let fallen = |_: &_| {
        let objects = change.steps.iter().filter(watched).map(|step| (step, hub.object(&step.at)));
        let mut fallen = objects.filter(|(step, now)| !stands(step, now.as_ref())).peekable();
        let any = fallen.peek().is_some();
        if fallen.any(|(_, now)| now.is_none()) {
            instead = Instead::Nothing;
        }
        any
    };
    if revision.wait_for(fallen).await.is_err() {
        std::future::pending::<()>().await;
    }
    instead
}

/// All at once: calls that tell one of them may tell another one, too.
async fn all(session: &Session, each: &[(Option<&Measure>, Option<&Measure>)], news: &News) -> Fact {
    let told = each.iter().enumerate().map(|(part, (measure, was))| one(session, part, *measure, *was, news));
    together(futures::future::join_all(told).await)
}

async fn one(
    session: &Session,
    part: usize,
    measure: Option<&Measure>,
    was: Option<&Measure>,
    news: &News,
) -> Result<Measured, Problem> {
    let untold = |why: &str| {
        let next = "Watch the edges of the graph";
        Err(Problem::new("What this rule does cannot be measured", why, next))
    };
    match measure {
        Some(Measure::Counted(counting)) => measured(session, part, counting, was, news).await,
        Some(Measure::Untold(why)) => untold(why),
        Some(Measure::Each(_)) => untold("It is several changes at once"),
        None => untold("Telemetry has no figure that it changes"),
    }
}

/// What was told of several changes, as one: measured where any is, and of the others why not.
fn together(all: Vec<Result<Measured, Problem>>) -> Fact {
    let (mut measured, mut unmeasured) = (Vec::new(), Vec::new());
    for (part, told) in all.into_iter().enumerate() {
        match told {
            Ok(one) => measured.push(one),
            Err(why) => unmeasured.push(Unmeasured { part, why }),
        }
    }
    let mut measured = measured.into_iter();
    match (measured.next(), unmeasured.first()) {
        (Some(first), _) => Fact::Measured(Measured { more: measured.collect(), unmeasured, ..first }),
        (None, Some(first)) => Fact::Unknowable(first.why.clone()),
        (None, None) => Fact::Measured(Measured::default()),
    }
}

async fn measured(
    session: &Session,
    part: usize,
    counting: &Counting,
    was: Option<&Measure>,
    news: &News,
) -> Result<Measured, Problem> {
    tokio::time::sleep(Duration::from_millis(counting.under_way_ms)).await;
    let since = since(session).await?;
    let begun = Instant::now();
    let mut away = begun;
    let mut pause = PAUSE;
    let mut tally = counting.none();
    let mut told = None;
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
        let measured = counting.measured(&tally);
        let patience = match judgement {
            Judgement::Agrees => return Ok(measured),
            Judgement::More(_) => LONG_PATIENCE,
            Judgement::Disagrees => PATIENCE,
        };
        if begun.elapsed() > patience {
            return Err(in_words(judgement, &measured, patience));
        }
        if told.replace(tally.clone()).as_ref() != Some(&tally) {
            news.send(Fact::Counted(part, Progress { measured, judgement })).await;
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
    let (mut calls, mut lost, mut parts) = (0.0, 0.0, vec![0.0; counting.parts.len()]);
    for series in all {
        let fate = fate(&counting.calls, series);
        if fate == Fate::Elsewhere {
            continue;
        }
        let grown = grown(series);
        let le = series.label("le");
        // Of a histogram, the last bucket has all calls.
        let whole = matches!(le, "" | "+Inf");
        if whole {
            calls += grown;
        }
        if whole && fate == Fate::Lost {
            lost += grown;
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
    let parts = parts.into_iter().map(|count| count.max(0.0) as u64).collect();
    Tally { calls: calls as u64, parts, lost: lost as u64 }
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

/// What became of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// They are not among those that are counted.
    Elsewhere,
    /// A pod took them, as far as is asked.
    Met,
    /// They were sent to some subset, and met no pod of it.
    Lost,
}

fn fate(calls: &CountedCalls, series: &Series) -> Fate {
    let of = |counted| if counted { Fate::Met } else { Fate::Elsewhere };
    match calls {
        CountedCalls::To(_) => Fate::Met,
        CountedCalls::At(workloads) => of(workloads.iter().any(|at| answered_by(at, series))),
        CountedCalls::Routed(_) | CountedCalls::RoutedTo(_) | CountedCalls::Opened(_) => {
            let told = !matches!(series.label("destination_workload"), "" | "unknown");
            let no_pod = || series.label("response_flags").split(',').any(|flag| NO_POD.contains(&flag));
            if !told && no_pod() { Fate::Lost } else { of(told) }
        }
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

fn in_words(judgement: Judgement, measured: &Measured, patience: Duration) -> Problem {
    let what = "The calls do not show it yet";
    let minutes = patience.as_secs() / 60;
    let calls = measured.calls;
    let parts = measured.parts.iter().map(|part| {
        let got = part.count as f64 / calls.max(1) as f64 * 100.0;
        format!("{}: {}, measured {got:.1} %", part.name, wanted(part.wanted))
    });
    let parts = parts.collect::<Vec<_>>().join("; ");
    match judgement {
        Judgement::More(more) if calls == 0 => Problem::new(
            what,
            format!("No call came in {minutes} minutes since it is live; it takes about {more}"),
            "Send some, or watch the graph",
        ),
        Judgement::More(more) => Problem::new(
            "So few calls cannot show it",
            format!(
                "{calls} calls in {minutes} minutes do not contradict it ({parts}), but it takes about {more} more"
            ),
            "Send more, or watch the graph",
        ),
        Judgement::Agrees | Judgement::Disagrees if measured.lost > 0 => Problem::new(
            "Calls meet no pod",
            format!("Of {calls} calls since it is live {} met no pod; {parts}", measured.lost),
            format!("Look at the pods of {}", empty(measured)),
        ),
        Judgement::Agrees | Judgement::Disagrees => Problem::new(
            what,
            format!("Of {calls} calls since it is live: {parts}"),
            "Another rule, a retry or a sticky session may move requests: look at the edges of the graph",
        ),
    }
}

/// The parts that should get calls and answered none: calls that met no pod were sent there.
fn empty(measured: &Measured) -> String {
    let none = |part: &&mesh::evidence::Figure| {
        part.count == 0 && matches!(part.wanted, Wanted::Share(share) if share > 0.0)
    };
    let names: Vec<&str> = measured.parts.iter().filter(none).map(|part| part.name.as_str()).collect();
    if names.is_empty() { "its versions".to_owned() } else { names.join(", ") }
}

fn wanted(wanted: Wanted) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    match wanted {
        Wanted::Share(share) => format!("wanted {}", percent(share)),
        Wanted::None => "wanted none".to_owned(),
        Wanted::Any => "any number".to_owned(),
    }
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
