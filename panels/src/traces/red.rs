//! Rate, errors and durations of a service by its spans, beside what `istio_*` metrics tell of the same time, and why
//! the two differ.

use crate::cx::Cx;
use crate::kit::theme::space;
use crate::kit::{fmt, remote, text};
use egui::{Grid, Ui};
use mesh::graph::NodeId;
use mesh::lens::Subject;
use mesh::series::{DURATION, Measured, Query, REQUESTS, Range, failing, quantile, rate};
use mesh::trace::{Found, Red, Sampled, TraceQuery};
use mesh::{Mesh, Problem, Remote};

/// Longer times are not asked of Prometheus in one piece.
const LONGEST_SECS: u64 = 86_400;
/// The time of a search lies ever longer ago: so exactly it is told.
const STEP_SECS: u64 = 60;
/// Of fewer calls, figures are rough.
const FEW: usize = 30;

/// What was measured: rate, percentage of failures, p50 and p95 in milliseconds.
type Figures = [Option<f64>; 4];

/// What was measured last, until what is asked now is answered.
#[derive(Default)]
pub(super) struct Beside {
    last: Option<(TraceQuery, Figures)>,
}

impl Beside {
    /// Draws the figures of what a search found; `limited`: it found only the newest.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, asked: &TraceQuery, found: &Found, limited: bool) {
        if let Some(why) = not_all(asked) {
            text::note(ui, why);
            return;
        }
        let oldest = found.traces.iter().map(|one| one.summary.start_us).min();
        let from_us = oldest.filter(|_| limited).unwrap_or(asked.start_us);
        let red = Red::of(&found.traces, &asked.service, (from_us, asked.end_us));
        let secs = (red.secs as u64).max(1);
        let over = fmt::duration(red.secs);
        text::strong(ui, format!("Calls of {} in {over}, until the search", asked.service));
        if secs > LONGEST_SECS {
            text::note(ui, "Choose a shorter time range: metrics are compared over a day at most");
            return;
        }
        let measured = match self.measured(cx, asked, secs) {
            Ok(measured) => measured,
            Err(problem) => {
                remote::denied(ui, &problem.what, &problem.why, &problem.next, None);
                return;
            }
        };
        figures(ui, &red, measured.as_ref());
        match measured {
            Some([calls, ..]) => {
                text::note(ui, why(Sampled::of(red.rate(), calls.unwrap_or_default()), &red));
            }
            None => remote::waiting(ui, "Reading istio_* metrics of the same time"),
        }
    }

    /// What Prometheus has of the same time; `None` until it answers.
    fn measured(&mut self, cx: &Cx<'_>, asked: &TraceQuery, secs: u64) -> Result<Option<Figures>, Problem> {
        let now_us = u64::try_from(cx.now.as_microsecond()).unwrap_or_default();
        let ago_secs = now_us.saturating_sub(asked.end_us) / 1_000_000 / STEP_SECS * STEP_SECS;
        let mut figures = Figures::default();
        for (figure, query) in figures.iter_mut().zip(queries(&cx.scene.mesh, &asked.service)) {
            let promql = query.promql(secs.max(STEP_SECS));
            let range = Range { promql, range_secs: STEP_SECS, step_secs: STEP_SECS, until: None, ago_secs };
            match cx.reads.series(&range) {
                Remote::Live(measured, _) | Remote::Stale(measured, ..) => *figure = last(&measured),
                Remote::Denied(problem) => return Err(problem),
                Remote::Waiting => {
                    let known = self.last.as_ref().filter(|(of, _)| of == asked);
                    return Ok(known.map(|(_, figures)| *figures));
                }
            }
        }
        self.last = Some((asked.clone(), figures));
        Ok(Some(figures))
    }
}

/// Why the spans that were found are not those of all calls; `None` where they are.
fn not_all(asked: &TraceQuery) -> Option<&'static str> {
    let filtered = asked.errors_only
        || asked.call.is_some()
        || !asked.tags.is_empty()
        || asked.min_duration_us.is_some()
        || asked.max_duration_us.is_some();
    if asked.ql.is_some() {
        return Some("Search by service: what TraceQL finds is not of one service");
    }
    filtered.then_some("Let errors, durations, tags and calls out: metrics are of all calls")
}

/// Rate, failures, p50, p95 of the calls that a service got; of a gateway, of those that it made.
fn queries(mesh: &Mesh, service: &str) -> [Query; 4] {
    let (app, namespace) = service.split_once('.').unwrap_or((service, ""));
    let node = NodeId::app(mesh.cluster(), namespace, app, None);
    let subject = Subject::of(mesh, &node);
    let makes = subject.workloads.iter().any(|workload| workload.gateway);
    let of = |query: Query| if makes { query.from(&subject) } else { query.to(&subject).arrived() };
    [rate(REQUESTS), failing(REQUESTS), quantile(0.5, DURATION), quantile(0.95, DURATION)].map(of)
}

fn last(measured: &Measured) -> Option<f64> {
    let points = measured.series.first()?.points.last()?;
    Some(points.1).filter(|value| value.is_finite())
}

fn figures(ui: &mut Ui, red: &Red, measured: Option<&Figures>) {
    let or = |value: Option<f64>, told: fn(f64) -> String| value.map_or_else(|| "–".to_owned(), told);
    let of_spans = |us: u64| (red.stats.count > 0).then_some(us as f64 / 1000.0);
    let percent = (red.stats.count > 0).then(|| red.error_percent());
    let spans = [
        or(Some(red.rate()), fmt::rps),
        or(percent, fmt::percent),
        or(of_spans(red.stats.p50), fmt::ms),
        or(of_spans(red.stats.p95), fmt::ms),
    ];
    let [calls, failed, p50, p95] = measured.copied().unwrap_or_default();
    let metrics =
        [or(calls, fmt::rps), or(failed, fmt::percent), or(p50, fmt::latency), or(p95, fmt::latency)];
    Grid::new("red").num_columns(5).spacing([space::XL, 4.0]).show(ui, |ui| {
        for head in ["", "Calls", "Errors", "p50", "p95"] {
            text::muted(ui, head);
        }
        ui.end_row();
        for (name, row) in [("By spans", spans), ("By istio_* metrics", metrics)] {
            text::medium(ui, name);
            for figure in row {
                text::medium(ui, figure);
            }
            ui.end_row();
        }
    });
}

/// Why both differ, in a sentence or two.
fn why(sampled: Sampled, red: &Red) -> String {
    let few = match red.stats.count {
        count if count < FEW => {
            format!(" Of {} traced, errors and quantiles are rough.", fmt::counted(count, "call", "calls"))
        }
        _ => String::new(),
    };
    let said = match sampled {
        Sampled::NotMeasured => {
            "Spans tell of calls, and no istio_* metric does: either Prometheus does not read its proxies, or it has none of this time."
        }
        Sampled::NotTraced => {
            "Calls were measured, and none is traced: sampling kept none, or its proxies send no spans."
        }
        Sampled::All => {
            "About every call is traced: what differs comes of the buckets that metrics count durations in."
        }
        Sampled::More(_) => {
            "There are more spans than measured calls: some do not come through its proxy, or Prometheus has not read all of this time."
        }
        Sampled::Share(share) => {
            let kept = fmt::percent(share * 100.0);
            let one_in = (1.0 / share).round();
            return format!(
                "{kept} of the calls are traced, about one in {one_in}: sampling keeps these, and metrics count all.{few}"
            );
        }
    };
    format!("{said}{few}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::demo;

    #[test]
    fn a_difference_is_explained() {
        let red = Red::of(&demo::found().traces, "reviews.bookinfo", (0, u64::MAX));
        let said = |spans, measured| why(Sampled::of(spans, measured), &red).replace(fmt::THIN, " ");
        assert!(
            said(0.1, 10.0).starts_with("1.0 % of the calls are traced, about one in 100"),
            "{}",
            said(0.1, 10.0)
        );
        assert!(said(0.1, 10.0).ends_with("Of 20 calls traced, errors and quantiles are rough."));
        assert!(said(1.0, 1.0).starts_with("About every call is traced"));
        assert!(said(1.0, 0.0).contains("no istio_* metric does"));
    }

    #[test]
    fn a_gateway_is_measured_by_what_it_calls() {
        let mesh = demo::bookinfo();
        let promql = |service| queries(&mesh, service)[0].promql(900);
        assert!(
            promql("reviews.bookinfo")
                .contains("reporter=\"destination\",destination_service=\"reviews.bookinfo")
        );
        let gateway = promql("istio-ingressgateway.istio-system");
        assert!(gateway.contains("source_workload=~\"istio-ingressgateway\""), "{gateway}");
    }

    #[test]
    fn only_all_calls_are_compared() {
        let asked = TraceQuery { service: "a.shop".into(), ..TraceQuery::default() };
        assert_eq!(not_all(&asked), None);
        assert!(not_all(&TraceQuery { errors_only: true, ..asked.clone() }).is_some());
        assert!(not_all(&TraceQuery { ql: Some("{}".into()), ..asked }).is_some());
    }
}
