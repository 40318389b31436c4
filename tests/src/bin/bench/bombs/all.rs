//! The bombs: answers in the forms of those who are asked, only too large, too slow or without an end.

use super::Source;
use super::server::Bomb;
use anyhow::Result;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write as _;

/// What it is, who sends it, and what is sent at which paths.
type Named = (&'static str, Source, Vec<Bomb>);

/// So often comes a part of what has no end.
const ENDLESS: u64 = 1 << 40;
/// So many elements are one part of it.
const SOME: usize = 2000;

/// All of them. Those that change the sandbox are the last.
pub(crate) fn bombs() -> Result<Vec<Named>> {
    let services = whole("/api/services", "{\"data\":[\"v.shop\"]}", &Value::Null, 0, "");
    Ok(vec![
        ("Prometheus: 100 MB to each question", Source::Prometheus, vec![vector(330_000)]),
        ("Prometheus: 45 MB to each question, all of it good", Source::Prometheus, vec![vector(146_000)]),
        ("Prometheus: gzip, 5 GB in 5 MB", Source::Prometheus, vec![zipped("/api/v1/query")?]),
        ("Prometheus: a byte in 100 ms", Source::Prometheus, vec![drip("/api/v1/query")]),
        ("istiod: syncz of 100 MB", Source::Istiod, vec![syncz()]),
        ("istiod: syncz, gzip, 5 GB in 5 MB", Source::Istiod, vec![zipped("/debug/syncz")?]),
        (
            "Jaeger: a trace of 1,000,000 spans, opened",
            Source::Traces,
            vec![services.clone(), trace(1_000_000)],
        ),
        ("Jaeger: a trace of 200,000 spans, opened", Source::Traces, vec![services.clone(), trace(200_000)]),
        ("Jaeger: a trace without an end", Source::Traces, vec![services, endless(trace(SOME))]),
        ("API server: /version, gzip, 5 GB in 5 MB", Source::Api, vec![zipped("/version")?]),
        ("API server: a list of pods without an end", Source::Api, vec![endless(pods())]),
        ("API server: lists of a byte in 100 ms", Source::Api, vec![drip("/api/v1/pods?")]),
        ("six proxies: a config_dump of 50 MB each, after a push", Source::Proxies, vec![dump()]),
    ])
}

/// An answer of so many elements, in which "~" is their number.
fn whole(at: &'static str, start: &str, element: &Value, times: usize, end: &str) -> Bomb {
    let element = format!("{element},");
    let mut part = Vec::new();
    for number in 0..times {
        part.extend_from_slice(element.replace('~', &format!("{number:016x}")).as_bytes());
    }
    let (start, end) = (start.as_bytes().to_vec(), end.as_bytes().to_vec());
    Bomb { at, start, part, times: 1, end, ..Bomb::default() }
}

/// The same elements for ever.
fn endless(bomb: Bomb) -> Bomb {
    Bomb { times: ENDLESS, ..bomb }
}

/// 5 GB of blanks.
fn zipped(at: &'static str) -> Result<Bomb> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 16 << 20])?;
    // What is zipped may be put together.
    Ok(Bomb {
        at,
        headers: "content-encoding: gzip\r\n",
        part: encoder.finish()?,
        times: 320,
        ..Bomb::default()
    })
}

fn drip(at: &'static str) -> Bomb {
    let (start, part) = (b"{\"status\":".to_vec(), b" ".to_vec());
    Bomb { at, start, part, times: ENDLESS, pause: 100, ..Bomb::default() }
}

fn vector(times: usize) -> Bomb {
    let metric = json!({ "source_workload": "w-~", "source_workload_namespace": "shop", "reporter": "source",
        "destination_workload": "v-~", "destination_workload_namespace": "shop", "response_code": "200",
        "destination_service": "v.shop.svc.cluster.local", "request_protocol": "http" });
    let start = r#"{"status":"success","data":{"resultType":"vector","result":["#;
    let end = r#"{"metric":{},"value":[1,"1"]}]}}"#;
    whole("/api/v1/query", start, &json!({ "metric": metric, "value": [1, "1"] }), times, end)
}

fn syncz() -> Bomb {
    let proxy = json!({ "proxy": "p-~.shop", "cluster_id": "Kubernetes", "istio_version": "1.29.0", "cluster_sent": "a",
        "cluster_acked": "a" });
    whole("/debug/syncz", "[", &proxy, 800_000, "{}]")
}

fn trace(times: usize) -> Bomb {
    let span = json!({ "traceID": "ab12", "spanID": "~", "operationName": "v.shop.svc.cluster.local:80/*",
        "startTime": 1_700_000_000_000_100_u64, "duration": 900, "references": [], "processID": "p1", "tags": [] });
    let start = r#"{"data":[{"traceID":"ab12","processes":{"p1":{"serviceName":"v.shop"}},"spans":["#;
    let end = r#"{"spanID":"f000000000000000","operationName":"x","startTime":1700000000000000,"duration":5000}]}]}"#;
    whole("/api/traces", start, &span, times, end)
}

fn pods() -> Bomb {
    let spec = json!({ "containers": [{ "name": "c", "image": "i" }] });
    let pod = json!({ "metadata": { "name": "p-~", "namespace": "shop", "uid": "~", "labels": { "app": "p" } },
        "spec": spec, "status": { "phase": "Running" } });
    let start = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":["#;
    whole("/api/v1/pods?", start, &pod, SOME, "")
}

fn dump() -> Bomb {
    let cluster = json!({ "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster",
        "version_info": "1", "cluster": { "name": "outbound|80||s-~.shop.svc.cluster.local", "type": "EDS" } });
    whole("/config_dump", r#"{"configs":["#, &cluster, 260_000, "{}]}")
}
