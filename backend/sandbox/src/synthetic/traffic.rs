//! Made-up traffic: what proxies would report if there were any, told to the telemetry as proxies tell it.
//!
//! Every request comes in at the first service and takes a way down through the layers, each way in its turn;
//! those on the way call everybody whom they call, so that before long every edge has been seen.

use super::{LABEL, PORT, Size, is_synthetic, place};
use crate::changes::Changes;
use apiserver::Store;
use futures::channel::mpsc::{Sender, channel};
use istio::Object;
use istio::hosts::of_service;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use wire::envoy::config::core::v3::{
    Address, Metadata, Node, SocketAddress, address, socket_address::PortSpecifier,
};
use wire::envoy::data::accesslog::v3::{
    AccessLogCommon, HttpAccessLogEntry, HttpRequestProperties, HttpResponseProperties,
};
use wire::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use wire::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;
use wire::envoy::service::accesslog::v3::stream_access_logs_message::{
    HttpAccessLogEntries, Identifier, LogEntries,
};
use wire::otlp::collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient};
use wire::otlp::common::v1::{AnyValue, KeyValue, any_value};
use wire::otlp::resource::v1::Resource;
use wire::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use wire::protobuf::{Duration as ProtoDuration, Struct, UInt32Value, Value, value};

/// How often requests are made up.
const TICK: Duration = Duration::from_millis(250);
/// Messages that may wait for the telemetry.
const WAITING: usize = 10_000;
/// Every so many services one is not well.
const FAULTY: usize = 17;
/// Higher rates are taken as this one.
const FASTEST: f64 = 1000.0;

/// One pod of a service.
#[derive(Clone)]
struct Pod {
    id: String,
    ip: String,
}

/// Reports as many requests a second as `rate` says, until it is dropped. `als` and `otlp` are where the
/// telemetry listens.
pub(crate) async fn run(
    store: Store,
    size: Size,
    rate: watch::Receiver<f64>,
    seed: u64,
    als: wire::Address,
    otlp: wire::Address,
) {
    let (logs, told) = channel(WAITING);
    let stream = async {
        let mut client =
            AccessLogServiceClient::connect(als.uri()).await.map_err(|error| error.to_string())?;
        client.stream_access_logs(told).await.map_err(|error| error.to_string())
    };
    let chance = ChaCha8Rng::seed_from_u64(seed);
    tokio::select! {
        ended = stream => if let Err(error) = ended {
            tracing::warn!(error, "made-up traffic is no longer taken");
        },
        () = make_up(&store, Requests { size, chance, logs, pods: Pods::new() }, rate, otlp) => {}
    }
}

async fn make_up(store: &Store, mut requests: Requests, rate: watch::Receiver<f64>, otlp: wire::Address) {
    let mut spans = match TraceServiceClient::connect(otlp.uri()).await {
        Ok(client) => client,
        Err(error) => return tracing::warn!(%error, "made-up spans are not taken"),
    };
    let ways = requests.size.ways();
    let (mut due, mut turn) = (0.0, 0);
    let mut changes = Changes::follow(store, &["Pod"]);
    let mut clock = interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        clock.tick().await;
        let rps = *rate.borrow();
        due += rps.clamp(0.0, FASTEST) * TICK.as_secs_f64();
        for namespace in changes.so_far() {
            let pods = pods(store, &namespace);
            requests.pods.insert(namespace, pods);
        }
        let mut resource_spans = Vec::new();
        while due >= 1.0 {
            due -= 1.0;
            requests.make(&way_to(ways.start + turn % ways.len()), &mut resource_spans);
            turn += 1;
        }
        if !resource_spans.is_empty()
            && let Err(error) = spans.export(ExportTraceServiceRequest { resource_spans }).await
        {
            tracing::debug!(%error, "made-up spans were not taken");
        }
    }
}

/// The pods that run, by namespace and service.
type Pods = HashMap<String, HashMap<String, Vec<Pod>>>;

fn pods(store: &Store, namespace: &str) -> HashMap<String, Vec<Pod>> {
    let mut all: HashMap<String, Vec<Pod>> = HashMap::new();
    for pod in store.list_in("Pod", namespace).into_iter().map(Object).filter(is_synthetic) {
        if let (Some(app), Some(ip)) = (pod.label("app"), pod.status()["podIP"].as_str()) {
            let id = format!("{}.{}", pod.name(), pod.namespace());
            all.entry(app.to_owned()).or_default().push(Pod { id, ip: ip.to_owned() });
        }
    }
    all
}

/// From the first service to this one.
fn way_to(service: usize) -> Vec<usize> {
    let mut way = vec![service];
    while let Some(parent) = way.last().and_then(|at| at.checked_sub(1)) {
        way.push(parent / 2);
    }
    way.reverse();
    way
}

/// A call that is made: by whom, as part of which span, and when.
#[derive(Clone)]
struct Call {
    caller: Option<Pod>,
    parent: u64,
    start: SystemTime,
    takes: Duration,
}

/// Makes up requests.
struct Requests {
    size: Size,
    chance: ChaCha8Rng,
    logs: Sender<StreamAccessLogsMessage>,
    pods: Pods,
}

impl Requests {
    fn make(&mut self, way: &[usize], spans: &mut Vec<ResourceSpans>) {
        let trace = self.chance.random::<u128>();
        let takes = Duration::from_millis(self.chance.random_range(20..80));
        let mut call = Call { caller: None, parent: 0, start: SystemTime::now(), takes };
        for (at, service) in way.iter().enumerate() {
            let Some(next) = self.call(*service, &call, trace, spans) else { return };
            for callee in self.size.callees(*service).filter(|callee| way.get(at + 1) != Some(callee)) {
                self.call(callee, &next, trace, spans);
            }
            call = next;
        }
    }

    /// One call of a service; what it calls itself is part of that. `None` where it has no pod.
    fn call(
        &mut self,
        service: usize,
        call: &Call,
        trace: u128,
        spans: &mut Vec<ResourceSpans>,
    ) -> Option<Call> {
        let (name, namespace) = place(service);
        let those = self.pods.get(&namespace)?.get(&name)?;
        let pod = those.get(self.chance.random_range(0..those.len().max(1)))?.clone();
        let fails = service.is_multiple_of(FAULTY) && self.chance.random_bool(0.2);
        let code = if fails { 503 } else { 200 };
        if let Some(caller) = &call.caller {
            let entry = entry(&name, &namespace, code, call.takes, caller, &pod);
            for (at, direction) in [(caller, "outbound"), (&pod, "inbound")] {
                // Full: the telemetry is behind, and these are only made up.
                self.logs.try_send(message(at, direction, entry.clone())).ok();
            }
        }
        let id = self.chance.random::<u64>();
        spans.push(span(&name, &namespace, trace, (id, call.parent), (call.start, call.takes), code));
        // Whoever is called takes a part of its caller's time.
        let (start, takes) = (call.start + call.takes / 10, call.takes * 8 / 10);
        Some(Call { caller: Some(pod), parent: id, start, takes })
    }
}

fn message(pod: &Pod, direction: &str, entry: HttpAccessLogEntry) -> StreamAccessLogsMessage {
    let node = Node { id: format!("sidecar~{}~{}~cluster.local", pod.ip, pod.id), ..Node::default() };
    StreamAccessLogsMessage {
        identifier: Some(Identifier { node: Some(node), log_name: direction.to_owned() }),
        log_entries: Some(LogEntries::HttpLogs(HttpAccessLogEntries { log_entry: vec![entry] })),
    }
}

fn entry(
    name: &str,
    namespace: &str,
    code: u32,
    takes: Duration,
    caller: &Pod,
    called: &Pod,
) -> HttpAccessLogEntry {
    let host = of_service(name, namespace);
    let peer = Value { kind: Some(value::Kind::StringValue(caller.id.clone())) };
    let peer = Struct { fields: [("id".to_owned(), peer)].into() };
    let at = SocketAddress {
        address: called.ip.clone(),
        port_specifier: Some(PortSpecifier::PortValue(PORT.into())),
        ..SocketAddress::default()
    };
    HttpAccessLogEntry {
        common_properties: Some(AccessLogCommon {
            upstream_cluster: format!("outbound|{PORT}||{host}"),
            upstream_remote_address: Some(Address { address: Some(address::Address::SocketAddress(at)) }),
            metadata: Some(Metadata {
                filter_metadata: [("binnacle.peer".to_owned(), peer)].into(),
                ..Metadata::default()
            }),
            duration: Some(ProtoDuration {
                seconds: 0,
                nanos: i32::try_from(takes.as_nanos()).unwrap_or(i32::MAX),
            }),
            ..AccessLogCommon::default()
        }),
        request: Some(HttpRequestProperties {
            authority: format!("{host}:{PORT}"),
            ..HttpRequestProperties::default()
        }),
        response: Some(HttpResponseProperties {
            response_code: Some(UInt32Value { value: code }),
            ..HttpResponseProperties::default()
        }),
        ..HttpAccessLogEntry::default()
    }
}

fn span(
    name: &str,
    namespace: &str,
    trace: u128,
    (id, parent): (u64, u64),
    (start, takes): (SystemTime, Duration),
    code: u32,
) -> ResourceSpans {
    let nanos = |at: SystemTime| {
        at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
    };
    let span = Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: format!("{}:{PORT}/*", of_service(name, namespace)),
        kind: 2,
        start_time_unix_nano: nanos(start),
        end_time_unix_nano: nanos(start + takes),
        attributes: vec![text("http.status_code", &code.to_string()), text(LABEL, "true")],
        ..Span::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", &format!("{name}.{namespace}"))],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::way_to;

    #[test]
    fn every_way_begins_at_the_first_service() {
        assert_eq!(way_to(0), [0]);
        assert_eq!(way_to(6), [0, 2, 6]);
        assert_eq!(way_to(9), [0, 1, 4, 9]);
    }
}
