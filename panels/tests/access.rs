//! Access, End-user identity, Mutual TLS and Visibility as the user meets them in the detail.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::log::{Line, Log};
use mesh::{Answer, Read, demo};
use std::sync::Arc;
use support::detail::{Bench, detail, frames};
use support::{World, service};

/// The detail of ratings with one editor unfolded.
fn open<'a>(editor: &str) -> Bench<'a> {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    bench.get_by_label(editor).click();
    frames(&mut bench);
    bench
}

fn choose(bench: &mut Bench<'_>, menu: &str, option: &str) {
    bench.get_by_label(menu).click();
    frames(bench);
    bench.get_by_label(option).click();
    frames(bench);
}

fn fill(bench: &mut Bench<'_>, field: &str, text: &str) {
    bench.get_by_label(field).focus();
    frames(bench);
    bench.get_by_label(field).type_text(text);
    frames(bench);
    bench.key_press(egui::Key::Enter);
    frames(bench);
}

#[test]
fn a_policy_is_made_and_says_whom_it_touches() {
    let mut bench = open("Access");
    choose(&mut bench, "access action", "DENY");
    assert!(bench.state_mut().0.checks().is_empty(), "a rule that says nothing is not judged");
    let field = "principals of source 1 of rule 1 of ratings";
    fill(&mut bench, field, "cluster.local/ns/bookinfo/sa/bookinfo-reviews");
    let checks = bench.state_mut().0.checks();
    let titles: Vec<&str> = checks.iter().map(|change| change.title.as_str()).collect();
    assert_eq!(titles, ["ratings-v1: DENY calls from bookinfo/bookinfo-reviews"]);
    bench.get_by_label("These callers would be refused");
    let row = |caller: &str| {
        bench.get_by_label_contains(&format!("{caller} may")).accesskit_node().value().unwrap()
    };
    assert!(row("reviews-v2").contains("may not call ratings-v1"), "{}", row("reviews-v2"));
    assert!(!row("details-v1").contains("not"), "{}", row("details-v1"));
}

#[test]
fn a_token_is_tried_and_is_no_part_of_the_draft() {
    /// `{"alg":"RS256"}` and `{"iss":"https://a.example","sub":"joe",…}` of 1970.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImpvZSIsImF1ZCI6WyJ4Il0sImV4cCI6MjAwMCwibmJmIjoxMDAwfQ.c2ln";
    let mut bench = open("End-user identity");
    bench.get_by_label("Believe an issuer").click();
    frames(&mut bench);
    fill(&mut bench, "issuer 1 of ratings", "https://a.example");
    let before = bench.state_mut().0.checks().len();
    assert_eq!(before, 1);
    fill(&mut bench, "token to try on ratings", TOKEN);
    bench.get_by_label_contains("Refused (401): it expired");
    bench.get_by_label_contains("request.auth.principal = https://a.example/joe");
    bench.get_by_label("Signature not checked: it is refused without it");
    let draft = format!("{:?}", bench.state_mut().0.checks());
    assert!(!draft.contains("eyJ"), "the token is nowhere in what is judged");
}

/// What callers send is held against what those who are called take.
#[test]
fn plain_text_to_who_takes_none_is_warned_of() {
    let mut objects = mesh::demo::bookinfo_objects();
    let meta =
        serde_json::json!({ "namespace": "bookinfo", "name": "default", "uid": "d", "resourceVersion": "1" });
    let strict = serde_json::json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": meta, "spec": { "mtls": { "mode": "STRICT" } } });
    objects.insert(mesh::Ref::new(&mesh::kinds::PEER_AUTHENTICATION, "bookinfo", "default"), strict.into());
    let mut world = World::bookinfo().select(service("ratings"));
    world.now_has(objects);
    let mut bench = detail(world);
    bench.get_by_label("Mutual TLS").click();
    frames(&mut bench);
    choose(&mut bench, "mTLS scope", "TLS of all calls to ratings");
    bench.get_by_label_contains("In force: mutual TLS where those who are called have a proxy");
    bench.get_by_label_contains("ratings-v1 takes STRICT at port 9080");
    bench.get_by_label("TLS of ratings, set").click();
    frames(&mut bench);
    choose(&mut bench, "TLS of ratings", "DISABLE");
    bench.get_by_label_contains(
        "ratings-v1 takes at port 9080 only mutual TLS: calls in plain text are refused",
    );
    let checks = bench.state_mut().0.checks();
    let Some(change) = checks.last() else { panic!("{checks:?}") };
    assert_eq!(change.title, "All calls to ratings: TLS DISABLE instead of unset");
    assert!(change.warnings.iter().any(|said| said.contains("plain text are refused")), "{change:?}");
}

/// Who sees a VirtualService no more is said, and what becomes of a Service's own word is a line to copy.
#[test]
fn who_sees_an_object_is_shown() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.get_by_label("Visibility").click();
    frames(&mut bench);
    choose(&mut bench, "visibility of", "who sees VirtualService reviews");
    bench.get_by_label("Seen in bookinfo, istio-system");
    bench.get_by_label("shown to of reviews, set").click();
    frames(&mut bench);
    bench.get_by_label("Out of sight of istio-system");
    let checks = bench.state_mut().0.checks();
    let Some(change) = checks.last() else { panic!("{checks:?}") };
    assert!(change.title.starts_with("VirtualService bookinfo/reviews: shown to ."), "{}", change.title);
    let lost = "Out of sight of istio-system: its rules count for no call from there";
    assert!(change.warnings.iter().any(|said| said == lost), "{change:?}");
    choose(&mut bench, "visibility of", "who sees Service reviews");
    bench.get_by_label_contains("A Service is none of Istio's objects");
}

/// A policy can name the Gateway whose pods it is for.
#[test]
fn a_policy_names_its_gateway() {
    let mut objects = mesh::demo::bookinfo_objects();
    let gateways =
        |at: &mesh::Ref| at.kind == &mesh::kinds::POD && at.name.starts_with("istio-ingressgateway");
    let pods: Vec<mesh::Ref> = objects.iter().map(|(at, _)| at.clone()).filter(gateways).collect();
    for at in pods {
        let mut pod = (*objects[&at].0).clone();
        pod["metadata"]["labels"][istio::attach::GATEWAY_NAME] = "edge".into();
        objects.insert(at, pod.into());
    }
    let gateway = panels::Selected::Service("istio-system".into(), "istio-ingressgateway".into());
    let mut world = World::bookinfo().select(gateway);
    world.now_has(objects);
    let mut bench = detail(world);
    bench.get_by_label("Access").click();
    frames(&mut bench);
    choose(&mut bench, "access policy", "a new one for Gateway edge…");
    choose(&mut bench, "access action", "ALLOW");
    bench.get_by_label("Delete rule 1 of istio-ingressgateway").click();
    frames(&mut bench);
    let checks = bench.state_mut().0.checks();
    let Some(change) = checks.last() else { panic!("{checks:?}") };
    let made = change.steps[0].after.as_ref().unwrap();
    let target =
        serde_json::json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge" }]);
    assert_eq!((made.name(), &made.spec()["targetRefs"]), ("edge-allow", &target));
    assert!(!change.evidence.probes.is_empty(), "its pods' proxies show it");
}

/// Answers all logs that are asked for, with these lines of the proxy of ratings.
fn logs_answered(bench: &mut Bench<'_>, lines: &[&str]) -> usize {
    let wanted = bench.state_mut().0.wanted.take();
    let mut answered = 0;
    for read in wanted.into_keys() {
        let answer = match &read {
            Read::Log(of) => {
                answered += 1;
                let mut log = Log::default();
                for line in lines.iter().filter(|_| of.pod.starts_with("ratings")) {
                    log.push(Line::read(&format!("{} {line}", demo::NOW)));
                }
                Answer::Log(Arc::new(log))
            }
            Read::ControlPlane => Answer::ControlPlane(Arc::new("1.30.0".to_owned())),
            _ => continue,
        };
        bench.state_mut().0.scene.answers.take(demo::NOW, read, Ok(answer));
    }
    frames(bench);
    answered
}

/// Methods and paths as they stand in access logs; what logs do not tell stays by caller and port, and is said.
#[test]
fn only_the_methods_and_paths_in_access_logs_are_let_in() {
    let mut objects = demo::bookinfo_objects();
    let pods: Vec<mesh::Ref> = objects.of_kind(&mesh::kinds::POD).map(|(at, _)| at.clone()).collect();
    let reviews = pods.iter().find(|at| at.name.starts_with("reviews-v2")).unwrap();
    let mut pod = (*objects[reviews].0).clone();
    pod["status"]["podIP"] = "10.244.0.6".into();
    objects.insert(reviews.clone(), pod.into());
    let mut world = World::bookinfo().select(service("ratings"));
    world.scene.mesh = Arc::new(mesh::Mesh::read(objects, None));
    let mut bench = detail(world);
    bench.get_by_label("Seen calls only").click();
    frames(&mut bench);
    choose(&mut bench, "seen calls only", "only seen ones");
    bench.get_by_label_contains("ratings: calls from bookinfo/bookinfo-reviews to 9080");
    choose(&mut bench, "seen by", "and method and path");
    bench.get_by_label_contains("Reading access logs");
    let line = |path: &str, from: &str| {
        format!(
            r#"[2026-11-22T07:26:54.470Z] "GET {path} HTTP/1.1" 200 - via_upstream - "-" 0 48 0 0 "-" "load" "id" "ratings:9080" "127.0.0.1:4" inbound|9080|| 127.0.0.1:42 127.0.0.1:41 {from}:54916 outbound_.9080_._.ratings.bookinfo.svc.cluster.local default"#
        )
    };
    let lines =
        [line("/ratings/0?x=y", "127.244.0.6"), line("/ratings/1", "127.244.0.6"), line("/", "10.9.9.9")];
    assert!(logs_answered(&mut bench, &lines.each_ref().map(|line| line.as_str())) >= 6);
    bench.get_by_label_contains("ratings: calls from bookinfo/bookinfo-reviews to GET 9080 /ratings/{*}");
    bench.get_by_label_contains("Methods and paths as in 3 lines of");
    bench.get_by_label_contains("reviews: by caller and port, for its proxies log no call");
    bench.get_by_label_contains("Nobody knows who called from these addresses");
    let checks = bench.state_mut().0.checks();
    let made =
        checks.iter().rev().flat_map(|change| &change.steps).find(|step| &*step.at.name == "ratings-seen");
    let rules = made.unwrap().after.as_ref().unwrap().spec()["rules"].to_string();
    assert!(rules.contains(r#""methods":["GET"],"paths":["/ratings/{*}"]"#), "{rules}");
    choose(&mut bench, "seen by", "caller and port");
    bench.get_by_label_contains("ratings: calls from bookinfo/bookinfo-reviews to 9080");
}
