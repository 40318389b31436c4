use super::*;
use crate::demo;
use crate::trace::{Opened, Tags};
use crate::why::Calls;
use serde_json::{Value, json};

/// Bookinfo with addresses of its pods and these objects more.
fn mesh(more: &[Value]) -> Mesh {
    let mut objects = demo::bookinfo_objects();
    for (at, object) in demo::by_ref(more.iter().cloned()).iter() {
        objects.insert(at.clone(), object.clone());
    }
    let pods: Vec<Ref> = objects.of_kind(&kinds::POD).map(|(at, _)| at.clone()).collect();
    for (index, at) in pods.into_iter().enumerate() {
        let mut value = (*objects[&at].0).clone();
        value["status"]["podIP"] = format!("10.1.0.{}", index + 1).into();
        objects.insert(at, value.into());
    }
    Mesh::read(objects, None)
}

fn pod_of(mesh: &Mesh, workload: &str) -> (String, String) {
    let pod = mesh.workload("bookinfo", workload).unwrap().pods[0].name.to_string();
    let at = Ref::new(&kinds::POD, "bookinfo", &pod);
    (pod, mesh.objects()[&at].0["status"]["podIP"].as_str().unwrap().to_owned())
}

fn lines(mesh: &Mesh, seen: &SeenCall) -> Vec<String> {
    let told = Calls::of(mesh, None).ask(&seen.asked(0)).unwrap();
    seen.lines(mesh, Some(&told)).into_iter().map(|line| line.words).collect()
}

fn page() -> From {
    From::Workload { namespace: "bookinfo".into(), name: "productpage-v1".into() }
}

/// A line of an access log of these fields.
fn logged(fields: Value) -> Access {
    Access::read(&fields.to_string()).unwrap()
}

#[test]
fn a_line_of_the_callers_log() {
    let mesh = mesh(&[]);
    let (pod, ip) = pod_of(&mesh, "productpage-v1");
    let line = logged(json!({
        "method": "GET", "path": "/reviews/0", "response_code": 503, "response_flags": "UH",
        "response_code_details": "no_healthy_upstream", "authority": "reviews", "duration": 3,
        "upstream_cluster": "outbound|9080|v1|reviews.bookinfo.svc.cluster.local",
        "downstream_remote_address": format!("{ip}:41000"), "downstream_local_address": "10.96.0.1:9080",
    }));
    let seen = SeenCall::in_log(&mesh, &line, None);
    assert_eq!((seen.from.clone(), seen.to.as_str()), (Some(page()), "reviews:9080"));
    assert_eq!(SeenCall::in_log(&mesh, &line, Some(("bookinfo", &pod))), seen, "by the pod whose log it is");
    let said = lines(&mesh, &seen);
    assert_eq!(said[0], "503, no healthy endpoint, no_healthy_upstream, 3 ms");
    assert!(said[1].starts_with("UH: ") && said[1].ends_with("DestinationRule bookinfo/reviews"), "{said:?}");
}

#[test]
fn a_line_of_a_gateways_log_and_one_of_the_called() {
    let mesh = mesh(&[]);
    let at_gateway = logged(json!({
        "response_code": 200, "authority": "books.example",
        "upstream_cluster": "outbound|9080||productpage.bookinfo.svc.cluster.local",
        "downstream_remote_address": "203.0.113.7:999", "downstream_local_address": "10.1.0.99:8080",
    }));
    let seen = SeenCall::in_log(&mesh, &at_gateway, None);
    assert_eq!((seen.from, seen.to.as_str()), (Some(From::Outside), "books.example"));
    let unknown = logged(json!({
        "response_code": 200, "authority": "reviews:9080", "upstream_cluster": "inbound|9080||",
        "downstream_remote_address": "10.9.9.9:1",
    }));
    let seen = SeenCall::in_log(&mesh, &unknown, None);
    assert_eq!((seen.from, seen.to.as_str()), (None, "reviews:9080"), "nobody knows that address");
}

#[test]
fn the_policy_that_the_details_name() {
    let policy = json!({ "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "namespace": "bookinfo", "name": "deny" }, "spec": { "action": "DENY", "rules": [{}] } });
    let denied = |details: &str| SeenCall {
        from: Some(page()),
        to: "reviews:9080".into(),
        status: 403,
        details: details.into(),
        ..SeenCall::default()
    };
    let seen = denied("rbac_access_denied_matched_policy[ns[bookinfo]-policy[deny]-rule[0]]");
    let there = mesh(&[policy]);
    let said = lines(&there, &seen);
    assert_eq!(said[1], "Denied by AuthorizationPolicy bookinfo/deny spec.rules[0]");
    assert_eq!(said.len(), 2, "{said:?}");
    let gone = mesh(&[]);
    let said = lines(&gone, &seen);
    assert!(said[1].ends_with("which is not there any more"), "{said:?}");
    assert!(said[2].starts_with("By the rules as they are now it is let in"), "{said:?}");
    let said = lines(&gone, &denied("rbac_access_denied_matched_policy[none]"));
    assert!(said[1].contains("none of their rules takes it"), "{said:?}");
}

#[test]
fn a_row_of_a_trace() {
    let fault = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "bookinfo", "name": "ratings" },
        "spec": { "hosts": ["ratings"], "http": [{
            "fault": { "abort": { "httpStatus": 503, "percentage": { "value": 100 } } },
            "route": [{ "destination": { "host": "ratings" } }] }] } });
    let mesh = mesh(&[fault]);
    let mut trace = demo::trace();
    let (pod, _) = pod_of(&mesh, "reviews-v2");
    for span in &mut trace.spans {
        let mut tags: Vec<(String, String)> =
            span.tags.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if span.service == "reviews.bookinfo" {
            tags.push((
                "node_id".into(),
                format!("sidecar~10.1.0.9~{pod}.bookinfo~bookinfo.svc.cluster.local"),
            ));
        }
        for (name, value) in &mut tags {
            if name == "http.url" && span.operation.starts_with("ratings") {
                *value = "http://ratings:9080/ratings/0".to_owned();
            }
        }
        span.tags = tags.into_iter().collect::<Tags>();
    }
    let opened = Opened::from(trace);
    let row = |kind: &str| {
        let is = |at: &usize| {
            let span = opened.trace.spans.get(opened.tree.rows[*at].span).unwrap();
            span.operation().starts_with("ratings") && span.kind() == kind
        };
        (0..opened.tree.rows.len()).find(is).unwrap()
    };
    let seen = SeenCall::in_trace(&mesh, &opened, row("client")).unwrap();
    let reviews = From::Workload { namespace: "bookinfo".into(), name: "reviews-v2".into() };
    assert_eq!((seen.from.as_ref(), seen.to.as_str()), (Some(&reviews), "ratings:9080"));
    let said = lines(&mesh, &seen);
    assert!(said[0].starts_with("503, abort injected"), "{said:?}");
    assert!(said[1].ends_with("VirtualService bookinfo/ratings"), "{said:?}");
    let seen = SeenCall::in_trace(&mesh, &opened, row("server")).unwrap();
    assert_eq!(seen.from, Some(reviews), "its caller's span knows who called");
}
