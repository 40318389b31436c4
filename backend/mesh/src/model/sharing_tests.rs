use super::*;
use crate::Revision;
use crate::demo::{self, by_ref};
use istio::{Kind, Object, kinds};
use proptest::prelude::*;
use serde_json::{Value, json};

/// All that a mesh says.
fn said(mesh: &Mesh) -> String {
    let mut text = format!("{:?} root {}\n", mesh.namespaces(), mesh.root_namespace());
    let mut put = |line: String| text.push_str(&(line + "\n"));
    mesh.services().for_each(|service| put(format!("{service:?}")));
    mesh.workloads().for_each(|workload| put(format!("{workload:?}")));
    mesh.virtual_services().for_each(|view| put(format!("{view:?}")));
    mesh.destination_rules().for_each(|view| put(format!("{view:?}")));
    mesh.gateways().for_each(|view| put(format!("{view:?}")));
    mesh.service_entries().for_each(|view| put(format!("{view:?}")));
    mesh.peer_authentications().for_each(|view| put(format!("{view:?}")));
    mesh.problems().for_each(|problem| put(format!("{problem:?}")));
    text
}

fn changed(mesh: &Mesh, change: impl FnOnce(&mut Objects)) -> Mesh {
    let mut objects = mesh.objects().clone();
    change(&mut objects);
    Mesh::read(objects, Some(mesh))
}

/// The mesh after one object is another.
fn with(mesh: &Mesh, at: &Ref, edit: impl FnOnce(&mut Value)) -> Mesh {
    let mut value = (*mesh.objects()[at].0).clone();
    edit(&mut value);
    changed(mesh, |objects| drop(objects.insert(at.clone(), value.into())))
}

fn first(mesh: &Mesh, kind: &'static Kind, namespace: &str) -> Ref {
    mesh.objects().within(kind, namespace).next().unwrap().0.clone()
}

#[test]
fn the_same_objects_keep_their_revision() {
    let first = demo::bookinfo();
    assert_ne!(first.revision(), Revision::default());
    assert_eq!(Mesh::read(first.objects().clone(), Some(&first)).revision(), first.revision());
    // Another list of what was there already.
    let again = first.objects().iter().map(|(at, object)| (at.clone(), Object::from((*object.0).clone())));
    assert_eq!(Mesh::read(again.collect(), Some(&first)).revision(), first.revision());
    assert_ne!(demo::bookinfo().revision(), first.revision(), "of another connection");
}

#[test]
fn what_nobody_reads_changes_nothing() {
    let before = demo::synthetic(120, 300);
    let pod = first(&before, &kinds::POD, "team-001");
    let after = with(&before, &pod, |pod| {
        pod["metadata"]["annotations"] = json!({ "checked": "yes" });
        pod["metadata"]["resourceVersion"] = "2".into();
    });
    assert_eq!(after.revision(), before.revision());
    assert_eq!(after.objects()[&pod].annotation("checked"), Some("yes"));
}

#[test]
fn a_pod_touches_its_namespace_and_its_workload_alone() {
    let before = demo::synthetic(120, 300);
    let pod = first(&before, &kinds::POD, "team-001");
    let after = with(&before, &pod, |pod| pod["status"]["conditions"][0]["status"] = "False".into());
    assert_ne!(after.revision(), before.revision());
    assert_eq!(after.config_revision(), before.config_revision());
    for (namespace, part) in after.parts() {
        let was = before.part(namespace).unwrap();
        assert_eq!(part.revision() == was.revision(), &**namespace != "team-001", "{namespace}");
        let other = part.workloads().zip(was.workloads()).filter(|(now, was)| !Arc::ptr_eq(now, was));
        assert_eq!(other.count(), usize::from(&**namespace == "team-001"));
        assert!(part.services().zip(was.services()).all(|(now, was)| Arc::ptr_eq(now, was)));
    }
    assert_eq!(after.revision_of(["team-000"]), before.revision_of(["team-000"]));
    assert_ne!(after.revision_of(["team-000", "team-001"]), before.revision_of(["team-000", "team-001"]));
}

#[test]
fn a_namespace_that_is_emptied_is_seen() {
    let before = demo::synthetic(60, 60);
    let after = changed(&before, |objects| objects.retain(|at, _| &*at.namespace != "team-001"));
    assert!(after.services().all(|service| &*service.namespace == "team-000"));
    assert_ne!(after.revision_of(["team-001"]), before.revision_of(["team-001"]));
}

#[test]
fn what_names_a_host_touches_its_service_alone() {
    let before = demo::synthetic(120, 300);
    let spec = json!({ "hosts": ["svc-00000.team-000.svc.cluster.local"] });
    let after = changed(&before, |objects| {
        objects.extend(by_ref([
            json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "spec": spec,
            "metadata": { "namespace": "team-001", "name": "far" } }),
        ]));
    });
    let other = after.services().zip(before.services()).filter(|(now, was)| now != was);
    assert_eq!(other.map(|(now, _)| &*now.name).collect::<Vec<_>>(), ["svc-00000"]);
    let same = |namespace: &str| {
        after.part(namespace).unwrap().revision() == before.part(namespace).unwrap().revision()
    };
    assert!(!same("team-000") && same("team-001"));
}

/// One thing that may happen to a cluster.
fn happening() -> impl Strategy<Value = Happening> {
    let namespace = prop::sample::select(vec!["team-000", "team-001", "istio-system", "new"]);
    (0..13_u8, 0..40_usize, 0..40_usize, namespace).prop_map(|(what, which, how, namespace)| Happening {
        what,
        which,
        how,
        namespace,
    })
}

#[derive(Clone, Debug)]
struct Happening {
    what: u8,
    which: usize,
    how: usize,
    namespace: &'static str,
}

impl Happening {
    fn to(&self, objects: &mut Objects) {
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
                    pod["status"]["phase"] = PHASES[how % 4].into()
                });
            }
            1 => {
                return edit(objects, any(&kinds::POD), |pod| {
                    pod["metadata"]["labels"]["app"] = format!("svc-{how:05}").into();
                });
            }
            2 => {
                return edit(objects, any(&kinds::POD), |pod| {
                    pod["metadata"]["ownerReferences"] = json!([{ "kind": "StatefulSet", "name": app }]);
                });
            }
            3 => return edit(objects, any(&kinds::DEPLOYMENT), |all| all["spec"]["replicas"] = how.into()),
            4 => {
                return edit(objects, any(&kinds::SERVICE), |all| {
                    all["spec"]["selector"] = json!({ "app": app })
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, and in whatever bursts: what is read of the changes is what is read of everything. What says
    /// something else has another name, and what has the same name says the same.
    #[test]
    fn reading_what_changed_is_reading_everything(
        bursts in prop::collection::vec(prop::collection::vec(happening(), 1..5), 1..6)
    ) {
        let mut mesh = demo::synthetic(60, 90);
        for burst in bursts {
            let mut objects = mesh.objects().clone();
            burst.iter().for_each(|happening| happening.to(&mut objects));
            let next = Mesh::read(objects.clone(), Some(&mesh));
            prop_assert_eq!(said(&next), said(&Mesh::read(objects, None)), "{:?}", burst);
            if next.revision() == mesh.revision() {
                prop_assert_eq!(said(&next), said(&mesh));
            }
            for (namespace, part) in next.parts() {
                let was = mesh.part(namespace).filter(|was| was.revision() == part.revision());
                if let Some(was) = was {
                    prop_assert!(part.services().eq(was.services()) && part.workloads().eq(was.workloads()));
                }
            }
            mesh = next;
        }
    }
}
