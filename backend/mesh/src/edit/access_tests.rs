use super::access::*;
use super::mtls::Scope;
use super::policy::PolicyAt;
use super::tests::{after, check_undo, patch};
use crate::demo;
use crate::evidence::{Acts, Guards, Shown, Want};
use crate::plan::{Plan, Stop};
use crate::{Change, Mesh, Object, Ref};
use istio::kinds;
use serde_json::{Value, json};

fn at(name: &str) -> Ref {
    Ref::new(&kinds::AUTHORIZATION_POLICY, "bookinfo", name)
}

fn mesh(name: &str, annotations: Value, spec: Value) -> Mesh {
    let mut objects = demo::bookinfo_objects();
    let object = json!({ "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "namespace": "bookinfo", "name": name, "uid": "u", "resourceVersion": "1",
            "annotations": annotations }, "spec": spec });
    objects.insert(at(name), object.into());
    Mesh::read(objects, None)
}

fn made(mesh: &Mesh, at: &PolicyAt, wanted: Option<&Policy>) -> Result<Option<Change>, Stop> {
    let mut made = Plan::new(mesh);
    plan(&mut made, at, wanted);
    made.change()
}

fn viewer() -> Value {
    json!({ "selector": { "matchLabels": { "app": "ratings" } }, "x": { "y": null }, "rules": [
        { "from": [{ "source": { "namespaces": ["a"], "x": 1 } }], "x": 2 },
        { "to": [{ "operation": { "methods": ["GET"] } }] },
    ] })
}

#[test]
fn one_value_moves_and_all_else_stays() {
    let mesh = mesh("viewer", json!({}), viewer());
    let mut policy = Policy::of(&mesh.objects()[&at("viewer")]);
    assert_eq!(made(&mesh, &PolicyAt::Of(at("viewer")), Some(&policy)), Ok(None));
    policy.rules[0]["from"][0]["source"]["namespaces"] = json!(["a", "b"]);
    let change = made(&mesh, &PolicyAt::Of(at("viewer")), Some(&policy)).unwrap().unwrap();
    let Value::Array(patch) = patch(&change, 0) else { panic!() };
    assert_eq!(patch.len(), 2, "one guard of all it says, one edit: {patch:?}");
    assert_eq!(
        patch[1],
        json!({ "op": "add", "path": "/spec/rules/0/from/0/source/namespaces/-", "value": "b" })
    );
    assert_eq!(change.title, "AuthorizationPolicy bookinfo/viewer: ALLOW calls from a, b, or 1 more");
    let Want::Guards(Guards { named, shown: Some(Shown { acts: Acts::Allow, rules }) }) =
        &change.evidence.probes[0].want
    else {
        panic!("{:?}", change.evidence)
    };
    assert_eq!((named.as_str(), rules.len()), ("ns[bookinfo]-policy[viewer]", 2));
    assert_eq!(change.evidence.proxies().len(), 1, "ratings has one proxy");
    check_undo(&mesh, &change);
}

/// A rule that goes takes no other with it, and one that comes is put where it belongs.
#[test]
fn rules_come_and_go() {
    let mesh = mesh("viewer", json!({}), viewer());
    let of = PolicyAt::Of(at("viewer"));
    let begun = Policy::of(&mesh.objects()[&at("viewer")]);
    let mut policy = begun.clone();
    policy.rules.remove(0);
    let change = made(&mesh, &of, Some(&policy)).unwrap().unwrap();
    let spec = after(&mesh, &change).objects()[&at("viewer")].spec().clone();
    assert_eq!(spec["rules"], json!([viewer()["rules"][1]]));
    check_undo(&mesh, &change);
    let mut policy = begun;
    policy.rules.insert(1, json!({ "to": [{ "operation": { "paths": ["/x"] } }] }));
    let change = made(&mesh, &of, Some(&policy)).unwrap().unwrap();
    let spec = after(&mesh, &change).objects()[&at("viewer")].spec().clone();
    assert_eq!(spec["rules"], Value::Array(policy.rules));
    check_undo(&mesh, &change);
    let gone = made(&mesh, &of, None).unwrap().unwrap();
    assert_eq!(gone.title, "AuthorizationPolicy bookinfo/viewer is deleted");
    check_undo(&mesh, &gone);
}

/// A dry run is an annotation: it comes and goes, and its undo with it.
#[test]
fn a_dry_run_is_undone_too() {
    for annotations in [json!({ "other": "stays" }), Value::Null] {
        let mesh = mesh("viewer", annotations.clone(), viewer());
        let mut policy = Policy::of(&mesh.objects()[&at("viewer")]);
        policy.dry_run = true;
        let change = made(&mesh, &PolicyAt::Of(at("viewer")), Some(&policy)).unwrap().unwrap();
        let notes = |mesh: &Mesh| mesh.objects()[&at("viewer")].annotations();
        let done = after(&mesh, &change);
        assert_eq!(notes(&done).get(DRY_RUN).map(String::as_str), Some("true"));
        let stored = crate::Stored::returned(done.objects().get(&at("viewer")).cloned());
        let undo = change.inverse(&[Some(stored)]).unwrap();
        assert_eq!(notes(&after(&done, &undo)), notes(&mesh), "{annotations}");
        let stands = |mesh: &Mesh| crate::ledger::stands(&change.steps[0], mesh.objects().get(&at("viewer")));
        assert!(stands(&done) && !stands(&mesh), "what stands is told by the annotation");
    }
}

#[test]
fn what_says_nothing_is_not_pushed() {
    let mesh = demo::bookinfo();
    let scope = PolicyAt::New(Scope::Workload("bookinfo".into(), "ratings-v1".into()));
    let why = |policy: &Policy| match made(&mesh, &scope, Some(policy)) {
        Err(Stop::NotYet(why)) => why,
        other => panic!("{other:?}"),
    };
    let mut policy = Policy::new(Action::Deny);
    assert_eq!(why(&policy), "Nothing to push yet: principals of rule 1 has no value");
    policy.rules.clear();
    assert!(why(&policy).contains("DENY action without `rules`"), "{}", why(&policy));
    policy.rules = vec![json!({ "to": [{ "operation": { "ports": ["http"] } }] })];
    assert!(why(&policy).contains("bad port (http)"), "{}", why(&policy));
    let asked = Policy::new(Action::Custom);
    assert!(why(&asked).contains("provider.name"), "{}", why(&asked));
}

#[test]
fn a_new_policy_selects_what_it_is_for() {
    let mesh = demo::bookinfo();
    let scope = PolicyAt::New(Scope::Workload("bookinfo".into(), "ratings-v1".into()));
    let mut policy = Policy::new(Action::Allow);
    policy.rules.clear();
    let change = made(&mesh, &scope, Some(&policy)).unwrap().unwrap();
    assert_eq!(
        change.warnings,
        ["ALLOW without a rule refuses all calls to app = ratings, version = v1 in bookinfo"]
    );
    let object: &Object = change.steps[0].after.as_ref().unwrap();
    assert_eq!((object.name(), object.spec()["rules"].is_null()), ("ratings-v1-allow", true));
    check_undo(&mesh, &change);
}

#[test]
fn rules_in_words() {
    let said = |rule: Value| rule_said(&rule);
    assert_eq!(said(json!({})), "all calls");
    assert_eq!(
        said(json!({ "from": [{ "source": { "principals": ["cluster.local/ns/web/sa/front"] } },
            { "source": { "notNamespaces": ["x"] } }], "to": [{ "operation": { "methods": ["GET"], "paths": ["/a*"] } }],
            "when": [{ "key": "request.headers[x]", "notValues": ["1"] }] })),
        "calls from web/front, or not x to GET /a* when request.headers[x] is not 1"
    );
}
