use super::super::{Mode, Seen, found, plan};
use super::*;
use crate::demo;
use crate::log::Line;
use crate::plan::Plan;
use crate::why;
use istio::admit::Holds;
use serde_json::json;

/// Bookinfo with addresses of its pods, and these objects more.
fn mesh(more: &[Value]) -> Mesh {
    let mut objects = demo::bookinfo_objects();
    for (at, object) in demo::by_ref(more.iter().cloned()).iter() {
        objects.insert(at.clone(), object.clone());
    }
    let pods: Vec<Ref> = objects.of_kind(&kinds::POD).map(|(at, _)| at.clone()).collect();
    for (index, at) in pods.into_iter().enumerate() {
        let mut value = (*objects[&at].0).clone();
        value["status"]["podIP"] = format!("10.244.0.{}", index + 1).into();
        objects.insert(at, value.into());
    }
    Mesh::read(objects, None)
}

fn workload<'m>(mesh: &'m Mesh, name: &str) -> &'m Workload {
    mesh.workloads().find(|one| *one.name == *name).unwrap()
}

/// Where the pod of a workload calls from, as a proxy of the sandbox sees it.
fn address(mesh: &Mesh, name: &str) -> String {
    let of = workload(mesh, name);
    let pod = Ref::new(&kinds::POD, &of.namespace, &of.pods[0].name);
    let ip = mesh.objects()[&pod].0["status"]["podIP"].as_str().unwrap().to_owned();
    format!("{}:41000", ip.replace("10.244.", "127.244."))
}

/// A line of who was called.
fn inbound(call: &str, from: &str, id: &str, code: &str) -> String {
    format!(
        r#"[2026-11-30T13:45:18.157Z] "{call} HTTP/1.1" {code} "-" 0 412 4 3 "-" "load" "{id}" "reviews:9080" "127.0.0.1:60485" inbound|9080|| 127.0.0.1:43158 127.0.0.1:52515 {from} outbound_.9080_._.x.bookinfo.svc.cluster.local default"#
    )
}

/// A line of the gateway.
fn sent_on(call: &str, id: &str) -> String {
    format!(
        r#"[2026-11-30T13:45:18.150Z] "{call} HTTP/1.1" 200 - via_upstream - "-" 0 1376 9 8 "192.0.2.2" "load" "{id}" "127.0.0.1:58873" "127.0.0.1:53071" outbound|9080||productpage.bookinfo.svc.cluster.local 127.244.0.8:48702 127.0.0.1:58873 127.0.0.1:42234 - -"#
    )
}

type Logs = Vec<(LogOf, Option<Arc<Log>>)>;

/// The logs that are wanted, with these lines of workloads.
fn logs(mesh: &Mesh, lines: &[(&str, String)]) -> Logs {
    let of = logs_of(mesh, &demo::bookinfo_traffic(), "bookinfo");
    let log = |of: LogOf| {
        let mut log = Log::default();
        let theirs = |name: &str| workload(mesh, name).pods.iter().any(|pod| *pod.name == *of.pod);
        for (_, text) in lines.iter().filter(|(name, _)| theirs(name)) {
            log.push(Line::read(&format!("2026-11-30T13:45:19Z {text}")));
        }
        (of, Some(Arc::new(log)))
    };
    of.into_iter().map(log).collect()
}

fn looked<'a>(logs: &'a Logs, by: By) -> Looked<'a> {
    Looked { namespace: "bookinfo", by, templates: true, logs }
}

const GATEWAY: &str = "istio-ingressgateway";

/// What a round of bookinfo logs.
fn round(mesh: &Mesh) -> Vec<(&'static str, String)> {
    let well = "200 - via_upstream -";
    let call = |to: &'static str, what: &str, from: &str| {
        (to, inbound(&format!("GET {what}"), &address(mesh, from), "an-id", well))
    };
    vec![
        (GATEWAY, sent_on("GET /productpage?u=normal", "one")),
        ("productpage-v1", inbound("GET /productpage?u=normal", "192.0.2.2:0", "one", well)),
        call("details-v1", "/details/0", "productpage-v1"),
        call("reviews-v1", "/reviews/0", "productpage-v1"),
        call("reviews-v2", "/reviews/1", "productpage-v1"),
        call("reviews-v3", "/reviews/1", "productpage-v1"),
        call("ratings-v1", "/ratings/0", "reviews-v2"),
        call("ratings-v1", "/ratings/0", "reviews-v3"),
    ]
}

fn rules(told: &Logged) -> Vec<String> {
    let said = |allowed: &Allowed| {
        let rules: Vec<String> = allowed.rules.iter().map(crate::edit::access::rule_said).collect();
        format!("{}: {}", allowed.service, rules.join("; "))
    };
    told.allowed.iter().map(said).collect()
}

fn stays(told: &Logged) -> Vec<String> {
    told.stays.iter().map(|(service, why)| format!("{service}: {why}")).collect()
}

#[test]
fn methods_and_paths_are_let_in_as_they_were_logged() {
    let mesh = mesh(&[]);
    let logs = logs(&mesh, &round(&mesh));
    let told = logged(&mesh, &demo::bookinfo_traffic(), looked(&logs, By::Path));
    let said = rules(&told);
    assert!(
        said.contains(&"reviews: calls from bookinfo/bookinfo-productpage to GET 9080 /reviews/{*}".into()),
        "{said:?}"
    );
    assert!(
        said.contains(&"ratings: calls from bookinfo/bookinfo-reviews to GET 9080 /ratings/0".into()),
        "{said:?}"
    );
    assert!(
        said.iter().any(|one| one.starts_with("productpage: ") && one.ends_with("GET 9080 /productpage")),
        "{said:?}"
    );
    assert_eq!((told.lines, stays(&told), told.unknown.len()), (7, vec![], 0), "{told:?}");
    assert_eq!(By::of(&told.allowed), By::Path);
    let by_method = logged(&mesh, &demo::bookinfo_traffic(), looked(&logs, By::Method));
    assert_eq!(By::of(&by_method.allowed), By::Method);
    assert!(
        rules(&by_method).contains(&"reviews: calls from bookinfo/bookinfo-productpage to GET 9080".into())
    );
    let older = Looked { templates: false, ..looked(&logs, By::Path) };
    let said = rules(&logged(&mesh, &demo::bookinfo_traffic(), older));
    assert!(said.iter().any(|one| one.ends_with("GET 9080 /reviews/*")), "{said:?}");
}

/// As the evaluator has it: what was logged goes on, and nothing else.
#[test]
fn what_was_logged_goes_on_and_another_method_or_path_does_not() {
    let mesh = mesh(&[]);
    let logs = logs(&mesh, &round(&mesh));
    let allowed = logged(&mesh, &demo::bookinfo_traffic(), looked(&logs, By::Path)).allowed;
    let mut made = Plan::new(&mesh);
    plan(&mut made, "bookinfo", &Seen::default(), &Seen { mode: Mode::Enforced, allowed });
    let after = Mesh::read(made.change().unwrap().unwrap().done(mesh.objects()), Some(&mesh));
    let calls = why::Calls::of(&after, None);
    let may = |from: &str, to: &str, method: &str, path: &str| {
        let from = why::From::Workload { namespace: "bookinfo".into(), name: from.into() };
        let (to, method, path) = (to.to_owned(), method.to_owned(), path.to_owned());
        let told = calls.ask(&why::Asked { from, to, method, path, headers: Vec::new(), now: 0 }).unwrap();
        told.hops.iter().map(|hop| hop.admission.may.clone()).collect::<Vec<_>>()
    };
    let all = |may: Vec<Holds>, is: Holds| !may.is_empty() && may.iter().all(|one| *one == is);
    assert!(all(may("productpage-v1", "reviews:9080", "GET", "/reviews/7"), Holds::Yes));
    assert!(all(may("productpage-v1", "details:9080", "GET", "/details/0?x=y"), Holds::Yes));
    assert!(all(may("reviews-v2", "ratings:9080", "GET", "/ratings/0"), Holds::Yes));
    for (from, to, method, path) in [
        ("productpage-v1", "reviews:9080", "POST", "/reviews/7"),
        ("productpage-v1", "reviews:9080", "GET", "/reviews/7/more"),
        ("productpage-v1", "details:9080", "GET", "/details/1"),
        ("details-v1", "ratings:9080", "GET", "/ratings/0"),
    ] {
        assert!(all(may(from, to, method, path), Holds::No), "{from} {method} {to}{path}");
    }
}

#[test]
fn where_logs_do_not_tell_a_service_stays_by_caller_and_port() {
    let mesh = mesh(&[]);
    let traffic = demo::bookinfo_traffic();
    let by_port = found(&mesh, &traffic, "bookinfo").allowed;
    let silent = logged(&mesh, &traffic, looked(&logs(&mesh, &[]), By::Path));
    assert_eq!((&silent.allowed, silent.lines, silent.since), (&by_port, 0, None));
    assert!(stays(&silent).iter().all(|why| why.contains("its proxies log no call")), "{silent:?}");
    let mut some = logs(&mesh, &round(&mesh));
    let pod = workload(&mesh, "reviews-v2").pods[0].name.to_string();
    some.iter_mut().filter(|(of, _)| of.pod == pod).for_each(|(_, log)| *log = None);
    let told = logged(&mesh, &traffic, looked(&some, By::Path));
    assert_eq!(stays(&told), [format!("reviews: by caller and port, for the log of {pod} is not read")]);
    let of = |all: &[Allowed], service: &str| all.iter().find(|one| one.service == service).cloned();
    assert_eq!(of(&told.allowed, "reviews"), of(&by_port, "reviews"));
    assert_ne!(of(&told.allowed, "ratings"), of(&by_port, "ratings"));
}

#[test]
fn addresses_that_are_nobodys_and_refused_calls_count_for_nobody() {
    let mesh = mesh(&[]);
    let mut lines = round(&mesh);
    lines.push(("ratings-v1", inbound("GET /secret", "10.9.9.9:77", "two", "200 - via_upstream -")));
    let denied = "403 - rbac_access_denied_matched_policy[none] -";
    lines.push(("ratings-v1", inbound("POST /ratings/0", &address(&mesh, "reviews-v2"), "three", denied)));
    // The gateway's log has no such request: an address in a header is not who called.
    lines.push((
        "ratings-v1",
        inbound("GET /more", &format!("{}:0", &address(&mesh, "details-v1")[..11]), "four", "200 - - -"),
    ));
    let told = logged(&mesh, &demo::bookinfo_traffic(), looked(&logs(&mesh, &lines), By::Path));
    assert!(
        rules(&told).contains(&"ratings: calls from bookinfo/bookinfo-reviews to GET 9080 /ratings/0".into()),
        "{:?}",
        rules(&told)
    );
    assert_eq!(told.unknown.values().sum::<usize>(), 2, "{:?}", told.unknown);
    assert_eq!(told.unknown[&("10.9.9.9".to_owned(), "ratings".to_owned())], 1);
}

#[test]
fn a_caller_that_is_not_in_the_logs_stays_by_port_and_one_only_there_is_let_in() {
    let mesh = mesh(&[]);
    let mut lines: Vec<_> = round(&mesh).into_iter().filter(|(of, _)| *of != GATEWAY).collect();
    lines.push((
        "ratings-v1",
        inbound("GET /ratings/0", &address(&mesh, "details-v1"), "two", "200 - via_upstream -"),
    ));
    let told = logged(&mesh, &demo::bookinfo_traffic(), looked(&logs(&mesh, &lines), By::Path));
    assert_eq!(told.unknown.len(), 1, "{:?}", told.unknown);
    let said = rules(&told);
    assert!(said.iter().any(|one| one.starts_with("productpage: ") && one.ends_with("to 9080")), "{said:?}");
    assert!(said.iter().any(|one| one.contains("bookinfo/bookinfo-details")), "{said:?}");
}

#[test]
fn where_paths_are_rewritten_only_methods_count() {
    let rewrites = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "bookinfo", "name": "old-ratings" },
        "spec": { "hosts": ["ratings"], "http": [{ "match": [{ "uri": { "prefix": "/old" } }],
            "rewrite": { "uri": "/ratings" }, "route": [{ "destination": { "host": "ratings" } }] }] } });
    let mesh = mesh(&[rewrites]);
    let told = logged(&mesh, &demo::bookinfo_traffic(), looked(&logs(&mesh, &round(&mesh)), By::Path));
    assert!(
        stays(&told)[0].starts_with("ratings: by method, for VirtualService bookinfo/old-ratings"),
        "{told:?}"
    );
    assert!(rules(&told).contains(&"ratings: calls from bookinfo/bookinfo-reviews to GET 9080".into()));
}
