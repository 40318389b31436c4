use super::*;
use crate::change::{Edit, Step};
use crate::{Mesh, Object, demo};
use istio::kinds;
use serde_json::json;

const REVIEWS: &str = "reviews.bookinfo.svc.cluster.local";

/// A step that gives an object of bookinfo another spec.
fn step(mesh: &Mesh, at: &Ref, change: impl FnOnce(&mut Value)) -> Step {
    let before = mesh.objects().get(at).cloned();
    let mut after = before.as_ref().map_or_else(|| json!({ "spec": {} }), |object| (*object.0).clone());
    change(&mut after["spec"]);
    let edit = Edit::Patch(json_patch::Patch::default());
    Step { at: at.clone(), api_version: String::new(), edit, before, after: Some(after.into()) }
}

fn reviews(kind: &'static istio::Kind) -> Ref {
    Ref::new(kind, "bookinfo", "reviews")
}

#[test]
fn a_setting_that_is_taken_away_is_no_longer_what_it_was() {
    let mesh = demo::bookinfo();
    let at = reviews(&kinds::VIRTUAL_SERVICE);
    let steps = [step(&mesh, &at, |spec| drop(spec["http"][1].as_object_mut().unwrap().remove("timeout")))];
    let claim = |value: Option<&str>| route(&at, 1).at("/route/timeout").is(value);
    let found = Evidence::of(&mesh, &steps, &[claim(None)], &[claim(Some("10s"))]);
    let wants = |probes: &[Probe]| probes.iter().map(|probe| probe.want.clone()).collect::<Vec<_>>();
    assert_eq!(wants(&found.probes), [Want::Not(Box::new(Want::Is("10s".into())))]);
    assert_eq!(wants(&found.was), [Want::Is("10s".into())]);
    assert_eq!(found.proxies().len(), 6);
    assert_eq!(found.inverse().probes, found.was);
}

#[test]
fn what_stays_as_it_was_shows_nothing() {
    let mesh = demo::bookinfo();
    let at = reviews(&kinds::VIRTUAL_SERVICE);
    let steps = [step(&mesh, &at, |spec| spec["http"][1]["timeout"] = "3s".into())];
    let claims = |timeout: &str| {
        [
            route(&at, 1).at("/route/timeout").is(timeout),
            route(&at, 1).at("/route/retry_policy/num_retries").is(2),
            route(&at, 1).at("/route/hash_policy").is(Value::Null),
            routes(&at),
        ]
    };
    let found = Evidence::of(&mesh, &steps, &claims("3s"), &claims("10s"));
    let paths = |probes: &[Probe]| probes.iter().map(|probe| probe.path.clone()).collect::<Vec<_>>();
    assert_eq!(
        (paths(&found.probes), paths(&found.was)),
        (vec!["/route/timeout".into()], vec!["/route/timeout".into()])
    );
    assert_eq!(Evidence::of(&mesh, &steps, &claims("3s"), &claims("3s")), Evidence::default());
}

#[test]
fn a_rule_that_comes_or_goes_shows_in_the_routes() {
    let mesh = demo::bookinfo();
    let at = reviews(&kinds::VIRTUAL_SERVICE);
    let rule = json!({ "match": [{ "headers": { "end-user": { "exact": "eve" } } }], "route": [{ "destination": { "host": "reviews" } }] });
    let steps = [step(&mesh, &at, |spec| spec["http"].as_array_mut().unwrap().insert(1, rule))];
    let found = Evidence::of(&mesh, &steps, &[routes(&at)], &[routes(&at)]);
    let made = |probes: &[Probe]| match &probes[0].owner {
        Owner::Routes { made, .. } => made.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((made(&found.probes), made(&found.was)), (3, 2));
    // Of a rule that is not there, nothing is claimed but that the others are.
    let last = Evidence::of(&mesh, &steps, &[route(&at, 2).at("/route/timeout").is("10s")], &[route(&at, 2)]);
    assert_eq!(last.was[0].want, Want::Present);
    assert_eq!(made(&last.was), 2);
}

#[test]
fn a_new_virtual_service_has_no_routes_before() {
    let mesh = demo::bookinfo();
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "ratings");
    let made = |spec: &mut Value| {
        let route = json!([{ "destination": { "host": "ratings" } }]);
        *spec = json!({ "hosts": ["ratings"], "http": [{ "route": route }] });
    };
    let steps = [step(&mesh, &at, made)];
    let found = Evidence::of(&mesh, &steps, &[routes(&at)], &[routes(&at)]);
    assert_eq!((&found.probes[0].want, &found.was[0].want), (&Want::Present, &Want::Absent));
    assert_eq!(found.probes[0].proxies, found.was[0].proxies);
}

/// The service's namespace comes before the root namespace, for the root namespace's own proxies too, unless
/// a rule there is for them alone; what a rule does not select is not for others.
#[test]
fn clusters_follow_the_destination_rule_that_counts_for_their_proxy() {
    let rule = |namespace: &str, spec: Value| {
        let object = json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": { "namespace": namespace, "name": "wide" }, "spec": spec });
        (Ref::new(&kinds::DESTINATION_RULE, namespace, "wide"), Object::from(object))
    };
    let reached = |more: Option<(Ref, Object)>, at: &Ref, host: &str| {
        let mut objects = demo::bookinfo_objects();
        if let Some((at, object)) = more {
            objects.insert(at, object);
        }
        let mesh = Mesh::read(objects, None);
        let limit = |value: Option<u32>| {
            cluster(at, host).at("/circuit_breakers/thresholds/0/max_connections").is(value)
        };
        let found = Evidence::of(&mesh, &[step(&mesh, at, |_| {})], &[limit(Some(7))], &[limit(None)]);
        let name = |proxy: &&str| proxy.split("-6f8").next().unwrap().to_owned();
        found.proxies().iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let own = reviews(&kinds::DESTINATION_RULE);
    let all = "details-v1 istio-ingressgateway productpage-v1 ratings-v1 reviews-v1 reviews-v2 reviews-v3";
    assert_eq!(reached(None, &own, REVIEWS), all);
    let details = "details.bookinfo.svc.cluster.local";
    let wide = json!({ "host": "*.bookinfo.svc.cluster.local" });
    let private = json!({ "host": "*.bookinfo.svc.cluster.local", "exportTo": ["."] });
    let (gateway, others) = ("istio-ingressgateway", all.replace("istio-ingressgateway ", ""));
    for (spec, to_own, to_reviews, to_details) in
        [(wide, all, "", all), (private, others.as_str(), gateway, gateway)]
    {
        let (at, object) = rule("istio-system", spec);
        assert_eq!(reached(Some((at.clone(), object.clone())), &own, REVIEWS), to_own);
        assert_eq!(reached(Some((at.clone(), object.clone())), &at, REVIEWS), to_reviews);
        assert_eq!(reached(Some((at.clone(), object)), &at, details), to_details);
    }
    let page = json!({ "matchLabels": { "app": "productpage" } });
    let (at, object) = rule("bookinfo", json!({ "host": details, "workloadSelector": page }));
    assert_eq!(reached(Some((at.clone(), object)), &at, details), "productpage-v1");
}

#[test]
fn sidecars_hide_what_they_do_not_name() {
    let mut objects = demo::bookinfo_objects();
    let sidecar = json!({ "apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": { "namespace": "bookinfo", "name": "page" },
        "spec": { "workloadSelector": { "labels": { "app": "productpage" } }, "egress": [{ "hosts": ["./ratings.bookinfo.svc.cluster.local"] }] } });
    objects.insert(Ref::new(&kinds::SIDECAR, "bookinfo", "page"), sidecar.into());
    let mesh = Mesh::read(objects, None);
    let at = reviews(&kinds::VIRTUAL_SERVICE);
    let steps = [step(&mesh, &at, |spec| spec["http"][1]["timeout"] = "3s".into())];
    let claim = |value: &str| route(&at, 1).at("/route/timeout").is(value);
    let found = Evidence::of(&mesh, &steps, &[claim("3s")], &[claim("10s")]);
    assert_eq!(found.proxies().len(), 5);
    assert!(!found.proxies().iter().any(|name| name.starts_with("productpage")));
}
