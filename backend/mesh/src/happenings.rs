//! What may happen to a cluster, for tests: whatever it is, what was kept must stay true.

use crate::demo::by_ref;
use crate::{Objects, Ref};
use istio::{Kind, kinds};
use proptest::prelude::*;
use serde_json::{Value, json};

/// One thing that may happen to a cluster.
pub(crate) fn happening() -> impl Strategy<Value = Happening> {
    let namespace = prop::sample::select(vec!["team-000", "team-001", "istio-system", "new"]);
    (0..13_u8, 0..40_usize, 0..40_usize, namespace).prop_map(|(what, which, how, namespace)| Happening {
        what,
        which,
        how,
        namespace,
    })
}

#[derive(Clone, Debug)]
pub(crate) struct Happening {
    what: u8,
    which: usize,
    how: usize,
    namespace: &'static str,
}

impl Happening {
    /// Lets it happen.
    pub(crate) fn to(&self, objects: &mut Objects) {
        let Self { what, which, how, namespace } = *self;
        let any = |kind: &'static Kind| {
            let all: Vec<Ref> = objects.of_kind(kind).map(|(at, _)| at.clone()).collect();
            all.get(which % all.len().max(1)).cloned()
        };
        let app = format!("svc-{:05}", which % 60);
        let host = match how % 6 {
            0 => app.clone(),
            1 => format!("{app}.team-000.svc.cluster.local"),
            2 => "*.team-001.svc.cluster.local".to_owned(),
            3 => "*".to_owned(),
            4 => "api.example.com".to_owned(),
            _ => format!("{app}.team-001"),
        };
        let put = |kind: &'static Kind, spec: Value| {
            let meta = json!({ "namespace": namespace, "name": format!("o{}", which % 5),
                "creationTimestamp": format!("20{:02}-01-01T00:00:00Z", how) });
            json!({ "apiVersion": format!("{}/v1", kind.group), "kind": kind.kind, "metadata": meta, "spec": spec })
        };
        let spec: (&'static Kind, Value) = match what {
            0 => {
                return edit(objects, any(&kinds::POD), |pod| {
                    pod["status"]["phase"] = PHASES[how % 4].into();
                });
            }
            1 => {
                return edit(objects, any(&kinds::POD), |pod| {
                    pod["metadata"]["labels"]["app"] = format!("svc-{how:05}").into();
                });
            }
            2 => {
                return edit(objects, any(&kinds::POD), |pod| {
                    pod["metadata"]["ownerReferences"] =
                        json!([{ "kind": "StatefulSet", "name": app, "controller": true }]);
                });
            }
            3 => return edit(objects, any(&kinds::DEPLOYMENT), |all| all["spec"]["replicas"] = how.into()),
            4 => {
                return edit(objects, any(&kinds::SERVICE), |all| {
                    all["spec"]["selector"] = json!({ "app": app });
                });
            }
            5 => {
                return drop(any(GOES[how % 6]).map(|at| objects.remove(&at)));
            }
            6 => (&kinds::VIRTUAL_SERVICE, json!({ "hosts": [host, "*.cluster.local"], "exportTo": ["."] })),
            7 => (&kinds::VIRTUAL_SERVICE, json!({ "hosts": [host], "gateways": [GATEWAYS[which % 2]] })),
            8 => {
                let labels = json!({ "version": "v1" });
                (
                    &kinds::DESTINATION_RULE,
                    json!({ "host": host, "subsets": [{ "name": "a", "labels": labels }] }),
                )
            }
            9 => (&kinds::GATEWAY, json!({ "selector": { "app": app } })),
            10 => {
                let labels = json!({ "app": app });
                (&kinds::SERVICE_ENTRY, json!({ "hosts": [host], "workloadSelector": { "labels": labels } }))
            }
            11 => {
                let selector = [json!({ "matchLabels": { "app": app } }), Value::Null][how % 2].clone();
                (&kinds::PEER_AUTHENTICATION, json!({ "selector": selector, "mtls": { "mode": "STRICT" } }))
            }
            _ => {
                let marked = json!({ "apiVersion": "v1", "kind": "Service", "spec": { "selector": { "app": app } },
                    "metadata": { "namespace": namespace, "name": "x", "labels": { "app": "istiod" } } });
                return objects.extend(by_ref([marked]));
            }
        };
        objects.extend(by_ref([put(spec.0, spec.1)]));
    }
}

static GOES: [&Kind; 6] = [
    &kinds::POD,
    &kinds::DEPLOYMENT,
    &kinds::SERVICE,
    &kinds::NAMESPACE,
    &kinds::VIRTUAL_SERVICE,
    &kinds::DESTINATION_RULE,
];
const GATEWAYS: [&str; 2] = ["mesh", "other"];
const PHASES: [&str; 4] = ["Running", "Succeeded", "Pending", "Failed"];

fn edit(objects: &mut Objects, at: Option<Ref>, change: impl FnOnce(&mut Value)) {
    if let Some(at) = at {
        let mut value = (*objects[&at].0).clone();
        change(&mut value);
        objects.insert(at, value.into());
    }
}
