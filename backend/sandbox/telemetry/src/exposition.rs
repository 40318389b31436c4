//! The `/metrics` page: the counters as they are now, in Prometheus' text format, for a real Prometheus to
//! scrape.

use std::fmt::Write as _;

use crate::{
    counters::{BOUNDS, BUILD, Counters, FAMILIES, Key, LABELS, Measure},
    traces::SpanCount,
};

/// Writes all metrics. Labels stand in Istio's order, followed by the pod that counted.
pub(crate) fn page(
    counters: &Counters,
    spans: SpanCount,
    sample_bytes: usize,
    istio_version: &str,
) -> String {
    let mut out = String::new();
    for family in &FAMILIES {
        let lines = if family.name == BUILD {
            format!("{BUILD}{{component=\"pilot\",tag=\"{}\"}} 1\n", escaped(istio_version))
        } else {
            lines(counters, family.name)
        };
        if !lines.is_empty() {
            header(&mut out, family.name, family.kind, family.help);
            out.push_str(&lines);
        }
    }
    for (name, kind, help, value) in [
        ("binnacle_samples_bytes", "gauge", "Memory that the kept samples take", sample_bytes as u64),
        ("binnacle_spans", "gauge", "Spans kept", spans.spans),
        ("binnacle_traces", "gauge", "Traces kept", spans.traces),
        (
            "binnacle_spans_dropped_total",
            "counter",
            "Spans dropped to make room for newer ones",
            spans.dropped_spans,
        ),
        (
            "binnacle_traces_dropped_total",
            "counter",
            "Traces dropped to make room for newer ones",
            spans.dropped_traces,
        ),
    ] {
        header(&mut out, name, kind, help);
        line(&mut out, name, "", "", value as f64);
    }
    out
}

fn header(out: &mut String, name: &str, kind: &str, help: &str) {
    out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
}

fn line(out: &mut String, name: &str, suffix: &str, labels: &str, value: f64) {
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    out.push_str(&format!("{name}{suffix}{braced} {value}\n"));
}

fn lines(counters: &Counters, name: &'static str) -> String {
    let mut out = String::new();
    counters.with(|groups| {
        for (key, group) in groups {
            for metric in group.metrics.iter().filter(|metric| metric.name == name) {
                let labels = label_text(key);
                match &metric.measure {
                    Measure::Count(value) => line(&mut out, name, "", &labels, *value),
                    Measure::Spread(histogram) => {
                        let mut total = 0;
                        let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
                        for (bound, count) in bounds.zip(histogram.cumulative()) {
                            line(
                                &mut out,
                                name,
                                "_bucket",
                                &format!("{labels},le=\"{bound}\""),
                                count as f64,
                            );
                            total = count;
                        }
                        line(&mut out, name, "_sum", &labels, histogram.sum());
                        line(&mut out, name, "_count", &labels, total as f64);
                    }
                }
            }
        }
    });
    out
}

fn label_text(key: &Key) -> String {
    let mut out = String::new();
    let target = [("namespace", &key.target.namespace), ("pod", &key.target.pod)];
    let extra = key.extra.iter().map(|(name, value)| (&**name, value));
    let all = LABELS.iter().copied().zip(&key.values).chain(extra).chain(target);
    for (name, value) in all.filter(|(_, value)| !value.is_empty()) {
        let comma = if out.is_empty() { "" } else { "," };
        // Writing to a text cannot fail.
        let _ok = write!(out, "{comma}{name}=\"{}\"", escaped(value));
    }
    out
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{METRICS, Request, Target, Values};

    #[test]
    fn the_page_has_headers_labels_in_istios_order_and_cumulative_buckets() {
        let counters = Counters::default();
        let mut values: Values = std::array::from_fn(|_| "".into());
        values[0] = "source".into();
        values[1] = "product\"page".into();
        values[21] = "200".into();
        let target = Target { pod: "p".into(), namespace: "n".into(), instance: "i".into() };
        let request = Request { duration_ms: 7.5, request_bytes: 0, response_bytes: 70, messages: None };
        counters.request(Key { target, values, extra: Default::default() }, 1, &request, &METRICS);
        let page = page(
            &counters,
            SpanCount { spans: 3, traces: 1, dropped_spans: 2, dropped_traces: 1 },
            900,
            "1.32.0",
        );
        let labels =
            r#"reporter="source",source_workload="product\"page",response_code="200",namespace="n",pod="p""#;
        for expected in [
            "# TYPE istio_requests_total counter\n".to_owned(),
            format!("istio_requests_total{{{labels}}} 1\n"),
            format!("istio_request_duration_milliseconds_bucket{{{labels},le=\"5\"}} 0\n"),
            format!("istio_request_duration_milliseconds_bucket{{{labels},le=\"10\"}} 1\n"),
            format!("istio_request_duration_milliseconds_bucket{{{labels},le=\"+Inf\"}} 1\n"),
            format!("istio_request_duration_milliseconds_sum{{{labels}}} 7.5\n"),
            "istio_build{component=\"pilot\",tag=\"1.32.0\"} 1\n".to_owned(),
            "binnacle_spans_dropped_total 2\n".to_owned(),
            "binnacle_samples_bytes 900\n".to_owned(),
        ] {
            assert!(page.contains(&expected), "{expected} is not in\n{page}");
        }
        assert!(!page.contains("istio_tcp"), "families without series stay out");
    }
}
