//! The small mesh in which requests are sent, and whether what was seen is what was said.

use super::matches::written;
use crate::bench::{Answer, Bench};
use istio::Object;
use istio::route::{Outcome, Request, Settings, Taken, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// Services: two versions of `web`, one `api`, one of another namespace, and a host outside.
const SERVICES: &str = r"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo, creationTimestamp: '2026-01-01T00:00:00Z'}
spec: {clusterIP: 10.96.0.10, selector: {app: web}, ports: [{name: http, port: 9080}, {name: http-admin, port: 9081}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: demo, creationTimestamp: '2026-01-01T00:00:00Z'}
spec: {clusterIP: 10.96.0.11, selector: {app: api}, ports: [{name: http, port: 80, targetPort: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: far, namespace: other, creationTimestamp: '2026-01-01T00:00:00Z'}
spec: {clusterIP: 10.96.0.12, selector: {app: far}, ports: [{name: http, port: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: wire, namespace: demo, creationTimestamp: '2026-01-01T00:00:00Z'}
spec: {clusterIP: 10.96.0.14, selector: {app: web}, ports: [{name: tcp, port: 9070, targetPort: 9080}, {name: tcp-more, port: 9071, targetPort: 9081}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system, creationTimestamp: '2026-01-01T00:00:00Z'}
spec: {clusterIP: 10.96.0.13, selector: {istio: ingressgateway}, ports: [{name: http, port: 80, targetPort: 8080}, {name: alt, port: 8081, targetPort: 8081}]}
";

/// Pods with their labels and the host that they belong to.
const PODS: [(&str, &str, &str); 4] = [
    ("web-v1", "app=web,version=v1", "web.demo.svc.cluster.local"),
    ("web-v2", "app=web,version=v2", "web.demo.svc.cluster.local"),
    ("api", "app=api,version=v1", "api.demo.svc.cluster.local"),
    ("far.other", "app=far,version=v1", "far.other.svc.cluster.local"),
];

/// The mesh, and the objects that stay.
pub(super) struct Stage {
    pub(super) bench: Bench,
    fixed: Vec<Value>,
    set: Vec<Value>,
}

pub(super) fn labels(text: &str) -> BTreeMap<String, String> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

impl Stage {
    /// With callers `client` and `guest.other`, and a gateway `door.istio-system`.
    pub(super) async fn start() -> Self {
        let mut bench = Bench::start().await;
        bench.apply(SERVICES);
        bench.apply(&crate::world::mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"));
        bench.pod("client", CLIENT, 8080, false).await;
        bench.pod("guest.other", GUEST, 8080, false).await;
        for (pod, labels, _) in PODS {
            let name = pod.split('.').next().expect("a name");
            bench.pod_with(pod, labels, &[9080, 9081], Some(crate::echo::router(name)));
        }
        bench.pod_with("door.istio-system", DOOR, &[8080, 8081], None);
        bench.settle().await;
        let fixed = serde_saphyr::from_multiple::<Value>(SERVICES).expect("YAML");
        Self { bench, fixed, set: Vec::new() }
    }

    /// Other rules, known to everybody.
    pub(super) async fn show(&mut self, set: &[Value]) -> World {
        super::replace(&mut self.bench, &self.set, set);
        self.set = set.to_vec();
        self.bench.settle().await;
        let settings = Settings { registry_only: true, gateways_share: true, ..Settings::default() };
        let objects: Vec<Object> = self.fixed.iter().chain(set).cloned().map(Object::from).collect();
        let mut world = World::of(settings, &objects);
        world.grants.get_or_insert_default();
        world
    }

    /// What comes back to a caller who sends to this address.
    pub(super) async fn ask_at(
        &self,
        from: &str,
        address: &str,
        request: &Request,
    ) -> std::io::Result<Answer> {
        self.bench.try_call(from, &format!("{address}:{}", request.port), &written(request)).await
    }

    /// What comes back to a caller, who may be the gateway's.
    pub(super) async fn ask(&self, from: &str, request: &Request) -> std::io::Result<Answer> {
        let text = written(request);
        match from.starts_with("door") {
            true => self.bench.plain(from, request.port, &text).await,
            false => self.bench.try_call(from, &format!("10.96.0.10:{}", request.port), &text).await,
        }
    }
}

pub(super) const CLIENT: &str = "app=client,version=v1";
pub(super) const GUEST: &str = "app=guest";
pub(super) const DOOR: &str = "istio=ingressgateway";

/// The pods that a destination can reach, by what the sets' DestinationRules mean by a subset.
fn pods(host: &str, subset: Option<&str>) -> Vec<&'static str> {
    // Bytes go to the pods of `web`.
    let host = if host.starts_with("wire") { PODS[0].2 } else { host };
    let of = |(pod, labels, of): &(&'static str, &str, &str)| {
        let version = subset.is_none_or(|subset| labels.ends_with(&format!("version={subset}")));
        (host == *of && version).then(|| pod.split('.').next().expect("a name"))
    };
    PODS.iter().filter_map(of).collect()
}

fn head<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What is wrong with what was said; `None` when it is what was seen.
pub(super) fn differs(said: &Taken, request: &Request, seen: &std::io::Result<Answer>) -> Option<String> {
    let Outcome { destinations, answer, fault, path, authority, passes, closed, .. } = &said.outcome;
    let empty = |split: &istio::route::Split| {
        split.missing.is_some() || pods(&split.host, split.subset.as_deref()).is_empty()
    };
    let Ok(seen) = seen else {
        let nobody = *closed || said.bytes && destinations.iter().any(empty);
        return (!nobody).then(|| "nobody took the connection".to_owned());
    };
    let aborted = fault.as_ref().and_then(|fault| fault.abort.as_ref()).and_then(|abort| abort.http_status);
    if *closed || *passes {
        return Some(format!("it was answered {}", seen.status));
    }
    let answered = answer.as_ref().map(|answer| (answer.status, answer.location.as_deref()));
    if let Some(status) = aborted {
        return (u32::from(seen.status) != status).then(|| format!("{} instead of the fault", seen.status));
    }
    if let Some((status, location)) = answered {
        let found = (seen.status, head(seen, "location"));
        return (found != (status, location)).then(|| format!("answered {found:?}"));
    }
    let reachable: Vec<&str> = destinations
        .iter()
        .filter(|split| split.missing.is_none())
        .flat_map(|split| pods(&split.host, split.subset.as_deref()))
        .collect();
    if matches!(seen.status, 500 | 503) && destinations.iter().any(empty) {
        return None;
    }
    let mut lines = seen.body.lines();
    let who = lines.next().unwrap_or_default();
    if seen.status != 200 || !reachable.contains(&who) {
        return Some(format!("{} from {who:?}, not one of {reachable:?}", seen.status));
    }
    let asked = lines.next().unwrap_or_default();
    let wanted = path.clone().unwrap_or_else(|| request.as_read(&Settings::default()).whole_path());
    if asked.split_once(' ').map(|(_, path)| path) != Some(wanted.as_str()) {
        return Some(format!("the service was asked {asked:?}, not for {wanted:?}"));
    }
    let host = lines.find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let wanted = authority.as_ref().unwrap_or(&request.authority);
    (host != wanted).then(|| format!("the service was asked as {host:?}, not as {wanted:?}"))
}
