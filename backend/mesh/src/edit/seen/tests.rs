use super::*;
use crate::access::{May, Policies, touched};
use crate::demo;
use crate::traffic::Flow;

fn callers(found: &Found) -> Vec<String> {
    let said = |allowed: &Allowed| {
        let rules: Vec<String> = allowed.rules.iter().map(crate::edit::access::rule_said).collect();
        format!("{}: {}", allowed.service, rules.join("; "))
    };
    found.allowed.iter().map(said).collect()
}

/// A policy for each service that is called, with the callers' accounts and the service's ports.
#[test]
fn what_was_seen_is_let_in() {
    let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
    let found = found(&mesh, &traffic, "bookinfo");
    let told = callers(&found).join("\n");
    assert!(told.contains("reviews: calls from bookinfo/bookinfo-productpage to 9080"), "{told}");
    assert_eq!(
        found.allowed.iter().filter(|one| one.service == "reviews").count(),
        1,
        "all versions: {told}"
    );
    let reviews = found.allowed.iter().find(|one| one.service == "reviews").unwrap();
    assert_eq!(reviews.labels, [("app".to_owned(), "reviews".to_owned())].into());
    assert_eq!(reviews.rules[0]["to"][0]["operation"]["ports"], json!(["9080"]));
    assert!(found.nobody.is_empty(), "{found:?}");
    let gateway = super::found(&mesh, &traffic, "istio-system");
    let everyone = gateway.allowed.iter().filter(|one| one.service == "istio-ingressgateway");
    assert!(everyone.into_iter().all(|one| one.rules == [json!({})]), "{gateway:?}");
}

/// With the policies in force no call that was measured is refused, and a caller never seen is.
#[test]
fn what_was_seen_goes_on_and_the_rest_does_not() {
    let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
    let wanted = Seen { mode: Mode::Enforced, allowed: found(&mesh, &traffic, "bookinfo").allowed };
    let mut made = Plan::new(&mesh);
    plan(&mut made, "bookinfo", &Seen::default(), &wanted);
    let change = made.change().unwrap().unwrap();
    assert_eq!(&*change.steps.last().unwrap().at.name, ONLY, "nobody is refused before the rest is there");
    let before = Policies::of(&mesh);
    let after = change
        .steps
        .iter()
        .fold(Policies::of(&mesh), |policies, step| policies.with(&step.at, step.after.as_ref()));
    assert_eq!(touched(&before, &after, &traffic), []);
    let of = |name: &str| mesh.workload("bookinfo", name).unwrap();
    let may = |from: &str, to: &str| after.may(of(from), of(to)).may;
    assert_eq!(may("productpage-v1", "reviews-v1"), May::Yes);
    assert_eq!(may("details-v1", "ratings-v1"), May::No);
}

/// Plain text is nobody's: it cannot be let in by name, and is told.
#[test]
fn callers_without_a_name_are_told() {
    let (mesh, mut traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
    let path = traffic.flows.keys().find(|path| &*path.destination.workload == "ratings-v1").unwrap();
    let mut path = path.clone();
    path.source = crate::traffic::Peer { workload: "old-job".into(), ..crate::traffic::Peer::default() };
    let responses = [(("200".into(), "-".into()), 2.0)].into_iter().collect();
    traffic.flows.insert(path, Flow { responses, plaintext: 2.0, ..Flow::default() });
    let found = found(&mesh, &traffic, "bookinfo");
    assert_eq!(found.nobody, [(("old-job".to_owned(), "ratings-v1".to_owned()), 2.0)].into());
}

/// From a dry run to force only the annotation goes, and off again all of them.
#[test]
fn a_dry_run_comes_into_force() {
    let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
    let allowed = found(&mesh, &traffic, "bookinfo").allowed;
    let with = |mesh: &Mesh, was: &Seen, wanted: &Seen| {
        let mut made = Plan::new(mesh);
        plan(&mut made, "bookinfo", was, wanted);
        let change = made.change().unwrap().unwrap();
        let mut objects = mesh.objects().clone();
        for step in &change.steps {
            match &step.after {
                Some(after) => objects.extend([(step.at.clone(), after.clone())]),
                None => drop(objects.remove(&step.at)),
            }
        }
        (change.steps.len(), Mesh::read(objects, None))
    };
    let dry = Seen { mode: Mode::DryRun, allowed };
    let (steps, mesh) = with(&mesh, &Seen::default(), &dry);
    assert_eq!((steps, Seen::of(&mesh, "bookinfo")), (dry.allowed.len() + 1, dry.clone()));
    let enforced = Seen { mode: Mode::Enforced, ..dry.clone() };
    let (_, mesh) = with(&mesh, &dry, &enforced);
    assert_eq!(Seen::of(&mesh, "bookinfo"), enforced);
    let (_, mesh) = with(&mesh, &enforced, &Seen::default());
    assert_eq!(Seen::of(&mesh, "bookinfo"), Seen::default());
}
