use super::*;
use crate::demo::{self, by_ref};
use crate::happenings::happening;
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

/// A view of one namespace names services of others too: whom calls were for that reached nobody.
#[test]
fn a_service_that_comes_elsewhere_is_seen() {
    let before = demo::synthetic(60, 60);
    let service = json!({ "apiVersion": "v1", "kind": "Service", "spec": {},
        "metadata": { "namespace": "team-001", "name": "new" } });
    let after = changed(&before, |objects| objects.extend(by_ref([service])));
    assert_ne!(after.revision_of(["team-000"]), before.revision_of(["team-000"]));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, and in whatever bursts: what is read of the changes is what is read of everything.
    /// What says something else has another name, and what has the same name says the same.
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
