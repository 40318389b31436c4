//! Measurements over time, asked for as data: `rate(REQUESTS).to(&subject).by("destination_version")` becomes
//! PromQL.

use crate::Service;
use crate::graph::NodeId;
use crate::lens::Subject;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Counter of requests.
pub const REQUESTS: &str = "istio_requests_total";
/// Histogram of how long they took, in milliseconds.
pub const DURATION: &str = "istio_request_duration_milliseconds";
/// Histogram of their size.
pub const REQUEST_BYTES: &str = "istio_request_bytes";
/// Histogram of the size of what was answered.
pub const RESPONSE_BYTES: &str = "istio_response_bytes";
/// Callers' proxies count each call of the mesh once.
const CLIENT: &str = "reporter=~\"source|waypoint\"";
/// The proxies of those who are called.
const ARRIVED: &str = "reporter=\"destination\"";
/// Points of one series; more than a chart has pixels are of no use.
const MOST_POINTS: u64 = 120;

/// What is asked of the calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Rate,
    /// Percentage that fails: 5xx, no response, a gRPC status other than 0.
    Failing,
    Quantile(f64),
    /// Sum of a histogram over its count.
    Average,
    /// What is no call's: PromQL as it stands.
    Whole(&'static str),
}

/// A question about calls over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    form: Form,
    metric: &'static str,
    filters: Vec<String>,
    by: &'static str,
}

/// Events per second of a counter.
pub fn rate(metric: &'static str) -> Query {
    Query { form: Form::Rate, metric, filters: vec![CLIENT.to_owned()], by: "" }
}

/// Percentage of the calls of a counter that fail.
pub fn failing(metric: &'static str) -> Query {
    Query { form: Form::Failing, ..rate(metric) }
}

/// Value of a histogram below which so much (0 to 1) lies.
pub fn quantile(quantile: f64, metric: &'static str) -> Query {
    Query { form: Form::Quantile(quantile), ..rate(metric) }
}

/// Mean value of a histogram.
pub fn average(metric: &'static str) -> Query {
    Query { form: Form::Average, ..rate(metric) }
}

/// A question that is of no calls: PromQL with `$w` where its window stands, of this metric, and the labels that tell
/// its series apart.
pub fn whole(metric: &'static str, by: &'static str, promql: &'static str) -> Query {
    Query { form: Form::Whole(promql), metric, filters: Vec::new(), by }
}

impl Query {
    /// The metric that it asks of.
    pub fn metric(&self) -> &'static str {
        self.metric
    }
    /// Whether it is of no calls.
    pub fn is_whole(&self) -> bool {
        matches!(self.form, Form::Whole(_))
    }
    /// Of calls to this; those that reached nobody are of whom they were for, if that is the only one who
    /// could have taken them (as [`Subject::called_by`]).
    #[must_use]
    pub fn to(mut self, subject: &Subject<'_>) -> Self {
        match (&subject.id, subject.service) {
            (_, Some(service)) => self.filters.push(is("destination_service", &service.host)),
            (NodeId::External(host), None) => self.filters.push(is("destination_service", host)),
            _ => {}
        }
        if !subject.is_service && !subject.stands_alone() {
            self.filters.extend(workloads("destination", subject));
        }
        self
    }
    /// Of calls to a service, whoever took them.
    #[must_use]
    pub fn to_service(mut self, service: &Service) -> Self {
        self.filters.push(is("destination_service", &service.host));
        self
    }
    /// As the proxies of those who are called count them: copies too, which callers do not count.
    #[must_use]
    pub fn arrived(mut self) -> Self {
        ARRIVED.clone_into(&mut self.filters[0]);
        self
    }
    /// Of calls from this.
    #[must_use]
    pub fn from(mut self, subject: &Subject<'_>) -> Self {
        self.filters.extend(workloads("source", subject));
        self
    }
    /// Of calls to services of these namespaces.
    #[must_use]
    pub fn within(mut self, namespaces: &[String]) -> Self {
        if !namespaces.is_empty() {
            let names: Vec<String> =
                namespaces.iter().map(|name| quoted(&name.replace('.', "\\."))).collect();
            self.filters.push(format!("destination_service_namespace=~\"{}\"", names.join("|")));
        }
        self
    }
    /// One series for each value of these labels, which stand with commas between them.
    #[must_use]
    pub fn by(self, labels: &'static str) -> Self {
        Self { by: labels, ..self }
    }
    /// The labels that tell the series apart.
    pub fn labels(&self) -> impl Iterator<Item = &'static str> {
        self.by.split(',').filter(|label| !label.is_empty())
    }

    /// As Prometheus reads it, each point over so many seconds.
    pub fn promql(&self, secs: u64) -> String {
        let (metric, by) = (self.metric, self.by);
        let rate = |suffix: &str, more: &str| {
            let filters = self.filters.iter().map(String::as_str).chain((!more.is_empty()).then_some(more));
            format!("rate({metric}{suffix}{{{}}}[{secs}s])", filters.collect::<Vec<_>>().join(","))
        };
        match self.form {
            Form::Rate => format!("sum by ({by}) ({})", rate("", "")),
            Form::Quantile(quantile) => {
                format!("histogram_quantile({quantile}, sum by (le, {by}) ({}))", rate("_bucket", ""))
            }
            Form::Whole(promql) => promql.replace("$w", &format!("{secs}s")),
            Form::Average => {
                let sum = |suffix| format!("sum by ({by}) ({})", rate(suffix, ""));
                format!("{} / {}", sum("_sum"), sum("_count"))
            }
            Form::Failing => {
                let all = format!("sum by ({by}) ({})", rate("", ""));
                let code = rate("", "response_code=~\"0|5..\"");
                let status = rate("", "grpc_response_status=~\"[1-9].*\"");
                let failed = format!("sum by ({by}) ({code} or {status})");
                // All calls with one code have one end: there it is their share of all calls.
                if self.labels().any(|label| label.starts_with("response_")) {
                    return format!("100 * {failed} / scalar(sum({}))", rate("", ""));
                }
                // Where nothing fails there is no series of failures, but there are calls.
                format!("100 * ({failed} or 0 * {all}) / {all}")
            }
        }
    }

    /// The same over the last so many seconds, in no more points than a chart can show.
    pub fn over(&self, range_secs: u64) -> Range {
        let step_secs = range_secs.div_ceil(MOST_POINTS).max(5);
        // Four readings of the usual interval lie in a minute: fewer make rates jump.
        Range {
            promql: self.promql((4 * step_secs).max(60)),
            range_secs,
            step_secs,
            until: None,
            ago_secs: 0,
        }
    }
}

/// A question about the time until now, or until a moment before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// PromQL.
    pub promql: String,
    /// How far back.
    pub range_secs: u64,
    /// Between two points.
    pub step_secs: u64,
    /// When it ends, in seconds since 1970; `None`: now.
    pub until: Option<u64>,
    /// How long before that it ends.
    pub ago_secs: u64,
}

impl Range {
    /// The same of so much time before.
    #[must_use]
    pub fn before(self, secs: u64) -> Self {
        Self { ago_secs: self.ago_secs + secs, ..self }
    }
    /// The same until a moment, which stays where it is.
    #[must_use]
    pub fn until(self, secs: u64) -> Self {
        Self { until: Some(secs), ..self }
    }
    /// How often it is worth asking again: of a time that is over, until its last points are there.
    pub fn refresh(&self) -> Duration {
        if self.until.is_some() {
            return Duration::from_secs(60);
        }
        Duration::from_secs(self.step_secs.max(5))
    }
}

/// What a question about the time until now was answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// In no order.
    pub series: Vec<Series>,
    /// Until when, on the clock of whoever measured: seconds since 1970.
    pub until: f64,
    /// What was said besides: warnings of Prometheus, series that could not be read.
    pub remarks: Vec<String>,
}

/// Values over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What tells it from the others.
    pub labels: BTreeMap<String, String>,
    /// Seconds since 1970, and the value; nothing where nothing was measured.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// The same, as if it had been measured so much later.
    #[must_use]
    pub fn later(mut self, secs: u64) -> Self {
        self.points.iter_mut().for_each(|(at, _)| *at += secs as f64);
        self
    }
    /// Its pieces: where a point is missing the line ends, and begins again.
    pub fn pieces(&self, step_secs: u64) -> Vec<&[(f64, f64)]> {
        let near = |one: &(f64, f64), next: &(f64, f64)| next.0 - one.0 <= step_secs as f64 * 1.5;
        self.points.chunk_by(near).collect()
    }
}

fn is(label: &str, value: &str) -> String {
    format!("{label}=\"{}\"", quoted(value))
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Filters for the workloads of a subject.
fn workloads(side: &str, subject: &Subject<'_>) -> Vec<String> {
    let any = |label: &str, values: BTreeSet<&str>| {
        let values: Vec<String> = values.iter().map(|value| quoted(&value.replace('.', "\\."))).collect();
        format!("{side}_{label}=~\"{}\"", values.join("|"))
    };
    if subject.workloads.is_empty() {
        return Vec::new();
    }
    let all = &subject.workloads;
    vec![
        any("workload_namespace", all.iter().map(|workload| &*workload.namespace).collect()),
        any("workload", all.iter().map(|workload| &*workload.name).collect()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use istio::{ClusterId, ServiceId};

    fn id(app: &str, version: Option<&str>) -> NodeId {
        NodeId::app(&ClusterId::default(), "bookinfo", app, version)
    }

    #[test]
    fn promql() {
        let mesh = demo::bookinfo();
        let service = NodeId::Service(ServiceId::new(&ClusterId::default(), "bookinfo", "reviews"));
        let reviews = Subject::of(&mesh, &service);
        let version = "destination_version";
        insta::assert_snapshot!(rate(REQUESTS).to(&reviews).by(version).promql(60), @r#"sum by (destination_version) (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="reviews.bookinfo.svc.cluster.local"}[60s]))"#);
        let v3 = id("reviews", Some("v3"));
        let alone = Subject::of(&mesh, &id("ratings", None));
        insta::assert_snapshot!(failing(REQUESTS).to(&alone).by("").promql(60), @r#"100 * (sum by () (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="ratings.bookinfo.svc.cluster.local",response_code=~"0|5.."}[60s]) or rate(istio_requests_total{reporter=~"source|waypoint",destination_service="ratings.bookinfo.svc.cluster.local",grpc_response_status=~"[1-9].*"}[60s])) or 0 * sum by () (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="ratings.bookinfo.svc.cluster.local"}[60s]))) / sum by () (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="ratings.bookinfo.svc.cluster.local"}[60s]))"#);
        let edge = quantile(0.95, DURATION).to(&Subject::of(&mesh, &v3));
        let page = id("productpage", None);
        insta::assert_snapshot!(edge.from(&Subject::of(&mesh, &page)).by(version).promql(60), @r#"histogram_quantile(0.95, sum by (le, destination_version) (rate(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",destination_service="reviews.bookinfo.svc.cluster.local",destination_workload_namespace=~"bookinfo",destination_workload=~"reviews-v3",source_workload_namespace=~"bookinfo",source_workload=~"productpage-v1"}[60s])))"#);
        insta::assert_snapshot!(failing(REQUESTS).to(&Subject::of(&mesh, &NodeId::External("a\"b".into()))).by(version).promql(60), @r#"100 * (sum by (destination_version) (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="a\"b",response_code=~"0|5.."}[60s]) or rate(istio_requests_total{reporter=~"source|waypoint",destination_service="a\"b",grpc_response_status=~"[1-9].*"}[60s])) or 0 * sum by (destination_version) (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="a\"b"}[60s]))) / sum by (destination_version) (rate(istio_requests_total{reporter=~"source|waypoint",destination_service="a\"b"}[60s]))"#);
    }

    #[test]
    fn steps_are_as_many_as_a_chart_can_show() {
        let over = |secs| {
            let range = rate(REQUESTS).by("x").over(secs);
            (range.step_secs, range.range_secs / range.step_secs, range.promql.contains("[60s]"))
        };
        assert_eq!(over(600), (5, 120, true));
        assert_eq!(over(3600), (30, 120, false));
        assert_eq!(over(60), (5, 12, true));
    }

    #[test]
    fn gaps_are_gaps() {
        let points = vec![(0.0, 1.0), (5.0, 2.0), (20.0, 3.0), (25.0, 4.0), (40.0, 5.0)];
        let series = Series { points, ..Series::default() };
        let lengths: Vec<usize> = series.pieces(5).iter().map(|piece| piece.len()).collect();
        assert_eq!(lengths, [2, 2, 1]);
        assert_eq!(Series::default().pieces(5).len(), 0);
    }
}
