//! The same samples and the same queries, here and in the real Prometheus: the answers agree.

mod data;
mod generate;
mod real;

use serde_json::Value as Json;

use super::*;

/// Numbers agree when they differ by no more than rounding in another order of additions can explain.
const TOLERANCE: f64 = 1e-9;

/// The graph's and the panels' queries, with a namespace and windows filled in.
fn graph_queries() -> Vec<String> {
    const GROUP: &str = "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,destination_cluster,destination_service_namespace,destination_service,destination_service_name,destination_workload_namespace,destination_workload,destination_canonical_service,destination_canonical_revision,request_protocol,response_code,grpc_response_status,response_flags";
    const SHORT: &str = "source_workload,destination_workload";
    let filters = [
        r#"reporter="source",source_workload_namespace!="bookinfo",destination_workload_namespace="unknown",destination_workload="unknown",destination_service=~"^.+\\.bookinfo\\..+$""#,
        r#"reporter="destination",destination_workload_namespace="bookinfo""#,
        r#"reporter="source",source_workload_namespace="bookinfo""#,
        r#"reporter=~"waypoint|source",source_workload_namespace="bookinfo""#,
    ];
    let mut list = Vec::new();
    for filter in filters {
        for (metric, window) in [
            ("istio_requests_total", "60s"),
            ("istio_requests_total", "300s"),
            ("istio_tcp_received_bytes_total", "60s"),
            ("istio_tcp_sent_bytes_total", "60s"),
        ] {
            list.push(format!("round(sum(rate({metric}{{{filter}}} [{window}])) by ({GROUP}) > 0,0.001)"));
        }
        let bucket = "istio_request_duration_milliseconds";
        list.push(format!("round(sum(rate({bucket}_sum{{{filter}}}[60s])) by ({SHORT}) / sum(rate({bucket}_count{{{filter}}}[60s])) by ({SHORT}) > 0,0.001)"));
        for q in ["0.5", "0.95", "0.99"] {
            list.push(format!("round(histogram_quantile({q}, sum(rate({bucket}_bucket{{{filter}}}[60s])) by (le,{SHORT},request_protocol)) > 0,0.001)"));
        }
        list.push(format!("sum(rate(istio_requests_total{{{filter}}}[60s])) by ({SHORT},source_principal,destination_principal,connection_security_policy) or sum(rate(istio_tcp_sent_bytes_total{{{filter}}}[60s])) by ({SHORT},source_principal,destination_principal,connection_security_policy)"));
        list.push(format!("sum(rate(istio_requests_total{{{filter},response_code=~\"^0$|^[4-5]\\\\d\\\\d$\"}}[1m])) by (destination_workload) / sum(rate(istio_requests_total{{{filter}}}[1m])) by (destination_workload)"));
        list.push(format!(
            "topk(3, histogram_quantile(0.95, sum(rate({bucket}_bucket{{{filter}}}[2m])) by (le,destination_workload)) > 0)"
        ));
    }
    list.extend(
        [
            "delta(istio_request_duration_milliseconds_sum[2m]) / delta(istio_request_duration_milliseconds_count[2m])",
            "sum(irate(istio_requests_total{response_code!=\"200\"}[1m])) by (response_flags)",
            // As the boards of Istio ask.
            "round(sum(irate(istio_requests_total{reporter=\"source\"}[5m])) by (destination_workload), 0.001)",
            "sum(irate(istio_requests_total{response_code!~\"5.*\"}[5m])) / sum(irate(istio_requests_total[5m]))",
            "label_join(sum(rate(istio_requests_total[1m])) by (destination_workload, reporter), \"joined\", \".\", \"destination_workload\", \"reporter\")",
            "label_replace(histogram_quantile(0.95, sum(rate(istio_request_duration_milliseconds_bucket[1m])) by (le, destination_workload)), \"workload\", \"$1\", \"destination_workload\", \"(.*)-v.\") / 1000",
            "topk(2, sum by (destination_workload) (increase(istio_requests_total[2m])))",
            "bottomk(1, sum without (response_code, response_flags, reporter) (increase(istio_requests_total[2m])))",
            "sum(rate(istio_requests_total[1m])) by (destination_workload) - sum(rate(istio_requests_total[1m] offset 1m)) by (destination_workload)",
            "max_over_time(sum(rate(istio_requests_total[1m]))[5m:30s])",
            "sum(rate(istio_tcp_sent_bytes_total[1m])) by (source_workload) > bool 0",
            "absent(istio_requests_total{destination_workload=\"nobody\"})",
            "absent(istio_requests_total)",
            "sum(istio_requests_total) by (destination_workload) unless on (destination_workload) sum(istio_requests_total{response_code=~\"5..\"}) by (destination_workload)",
            "clamp_max(sum(rate(istio_requests_total[1m])) by (reporter), 0.5)",
            "time() - max(timestamp(istio_requests_total)) < 10",
            "istio_requests_total",
            "istio_requests_total[1m]",
            "istio_requests_total{reporter=~\"source|waypoint\",destination_workload!=\"unknown\"}[37s]",
            "vector(time())",
            // As the charts ask, and as a change is measured.
            "sum by (destination_workload) (rate(istio_requests_total{reporter=~\"source|waypoint\"}[60s]))",
            "histogram_quantile(0.95, sum by (le, destination_workload) (rate(istio_request_duration_milliseconds_bucket{reporter=~\"source|waypoint\"}[60s])))",
            "100 * (sum by (destination_workload) (rate(istio_requests_total{response_code=~\"0|5..\"}[60s]) or rate(istio_requests_total{grpc_response_status=~\"[1-9].*\"}[60s])) or 0 * sum by (destination_workload) (rate(istio_requests_total[60s]))) / sum by (destination_workload) (rate(istio_requests_total[60s]))",
            "time()",
            "\"text\"",
        ]
        .map(ToOwned::to_owned),
    );
    list
}

struct Compared {
    agreed: usize,
    empty: usize,
    refused: usize,
    differences: Vec<String>,
}

impl Compared {
    fn look(&mut self, query: &str, ours: &Json, real: &Json) {
        let difference = difference(ours, real);
        match difference {
            Some(what) => self.differences.push(format!("{query}\n    {what}")),
            None if real["status"] == "error" => self.refused += 1,
            None => {
                self.agreed += 1;
                self.empty += usize::from(real["data"]["result"].as_array().is_some_and(Vec::is_empty));
            }
        }
    }
}

/// Our answer in the shape of the real one's.
fn ours(query: &str, samples: &Samples, when: When) -> Json {
    let expr = match parse(query) {
        Ok(expr) => expr,
        Err(refusal) => return serde_json::json!({"status": "error", "why": format!("{refusal:?}")}),
    };
    let shown = match when {
        When::At(at) => instant(&expr, at, samples).map(|value| crate::prometheus::shown_value(&value, at)),
        When::Range(start, end, step) => {
            range(&expr, start, end, step, samples).map(|list| crate::prometheus::shown_matrix(&list))
        }
    };
    match shown {
        Ok(data) => {
            serde_json::json!({"status": "success", "data": serde_json::from_str::<Json>(&data).unwrap()})
        }
        Err(refusal) => serde_json::json!({"status": "error", "why": format!("{refusal:?}")}),
    }
}

#[derive(Clone, Copy, Debug)]
enum When {
    At(i64),
    Range(i64, i64, i64),
}

/// What differs between two answers, if anything does. The order of series is compared only by the ordered
/// functions' own tests.
fn difference(ours: &Json, real: &Json) -> Option<String> {
    if ours["status"] != real["status"] {
        return Some(format!("we say {}, the real one says {}", brief(ours), brief(real)));
    }
    if ours["status"] == "error" {
        return None;
    }
    let (ours, real) = (&ours["data"], &real["data"]);
    if ours["resultType"] != real["resultType"] {
        return Some(format!("we say {}, the real one says {}", ours["resultType"], real["resultType"]));
    }
    if matches!(real["resultType"].as_str(), Some("scalar" | "string")) {
        return (!same_point(&ours["result"], &real["result"]))
            .then(|| format!("we say {}, the real one says {}", ours["result"], real["result"]));
    }
    let sorted = |json: &Json| {
        let mut list: Vec<(String, Vec<Json>)> = json["result"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|series| {
                let metric: std::collections::BTreeMap<String, String> =
                    serde_json::from_value(series["metric"].clone()).unwrap();
                let values =
                    series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
                (format!("{metric:?}"), values)
            })
            .collect();
        list.sort_by(|a, b| a.0.cmp(&b.0));
        list
    };
    let (ours, real) = (sorted(ours), sorted(real));
    if ours.len() != real.len() {
        return Some(format!(
            "we have {} series, the real one has {}: {} / {}",
            ours.len(),
            real.len(),
            brief(&serde_json::json!(ours)),
            brief(&serde_json::json!(real))
        ));
    }
    ours.iter().zip(&real).find_map(|(ours, real)| {
        if ours.0 != real.0 {
            return Some(format!("we have {}, the real one has {}", ours.0, real.0));
        }
        if ours.1.len() != real.1.len() {
            return Some(format!(
                "{}: we have {} values, the real one {}",
                ours.0,
                ours.1.len(),
                real.1.len()
            ));
        }
        let at = ours.1.iter().zip(&real.1).position(|(a, b)| !same_point(a, b))?;
        Some(format!("{}: we say {}, the real one says {}", ours.0, ours.1[at], real.1[at]))
    })
}

fn same_point(ours: &Json, real: &Json) -> bool {
    if ours[0].as_f64() != real[0].as_f64() {
        return false;
    }
    let (Some(ours), Some(real)) = (ours[1].as_str(), real[1].as_str()) else { return false };
    if ours == real {
        return true;
    }
    match (ours.parse::<f64>(), real.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0),
        _ => false,
    }
}

fn brief(json: &Json) -> String {
    json.to_string().chars().take(400).collect()
}

#[test]
fn we_answer_as_the_real_prometheus() {
    let samples = Samples::default();
    let text = data::fill(&samples);
    let real = real::Prometheus::start(&text);
    let (start, end) = (data::START_MS, data::END_MS);
    let mut compared = Compared { agreed: 0, empty: 0, refused: 0, differences: Vec::new() };
    let generated = generate::queries(240);
    let queries: Vec<String> = graph_queries().into_iter().chain(generated).collect();
    for (at, query) in queries.iter().enumerate() {
        // Times between samples, on them, before the first and after the last.
        let offset = [1_234, 0, 500_500, 1_800_000, 2_000_000][at % 5];
        let times = [
            When::At(end - offset),
            When::At(start + 600_000 + offset % 7_919),
            When::Range(end - 900_000, end + 120_000, 61_000),
        ];
        for when in times {
            let shown = format!("{query} {when:?}");
            compared.look(&shown, &ours(query, &samples, when), &real.ask(query, when));
        }
    }
    eprintln!(
        "{} queries: {} answers agree ({} of them empty), {} refused by both",
        queries.len(),
        compared.agreed,
        compared.empty,
        compared.refused
    );
    let shown: Vec<&str> = compared.differences.iter().take(25).map(String::as_str).collect();
    assert!(shown.is_empty(), "{} answers differ:\n{}", compared.differences.len(), shown.join("\n"));
    assert!(compared.agreed > queries.len() * 2, "most queries have answers");
    assert!(compared.empty * 2 < compared.agreed, "most answers are not empty");
}
