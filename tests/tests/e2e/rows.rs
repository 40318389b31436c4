//! Every editor of the table on a running mesh: what it writes is felt by real requests, and after its undo calls
//! go as they did before.

use crate::access::{Steering, until};
use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, ensure};
use mesh::plan::{Level, Plan};
use panels::editors::mtls::{MutualTls, TlsAt};
use panels::editors::{EDITORS, Edits, circuit_breaker, dark_launch, fault, load_balancing, rate_limit};
use panels::editors::{timeouts, visibility};
use panels::{Selected, subject};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Where each editor is tried by real requests, its undo too.
const TRIED: &[(&str, &str, &str)] = &[
    ("Traffic split", "first_light", "from_the_slider_to_the_proxies_and_back"),
    ("Route rules", "steering", "a_rule_is_dragged_above_another"),
    ("Dark launch", "rows", "calls_are_copied_and_are_not"),
    ("Fault", "rows", "calls_fail_and_do_not"),
    ("Timeouts and retries", "rows", "calls_fail_and_do_not"),
    ("Circuit breaker", "rows", "calls_fail_and_do_not"),
    ("Load balancing", "rows", "the_same_endpoint_answers_and_does_not"),
    ("Rate limit", "rows", "calls_fail_and_do_not"),
    ("Mutual TLS", "first_light", "from_the_slider_to_the_proxies_and_back"),
    ("Access", "access", "a_policy_made_in_access_denies_one_caller"),
    ("End-user identity", "access", "tokens_are_looked_at_and_asked_for"),
    ("Way in", "ways", "a_host_is_opened_and_closed"),
    ("External service", "ways", "a_service_outside_is_called_once_it_is_known"),
    ("External authorization", "access", "external_authorization_asks_before_a_call_is_let_in"),
    ("Seen calls only", "access", "exactly_what_was_seen_is_let_in"),
    ("Visibility", "rows", "calls_fail_and_do_not"),
    ("Telemetry", "telemetry", "without_sampling_there_are_no_new_traces"),
    ("Extensions", "extensions", "a_patch_adds_a_header_and_its_undo_takes_it_away"),
    ("Workload", "workload", "a_workload_is_scaled_and_scaled_back"),
];

#[test]
fn every_editor_is_tried_by_requests() {
    for row in EDITORS {
        let name = row.about.name;
        let (_, file, test) = TRIED
            .iter()
            .find(|(editor, ..)| *editor == name)
            .unwrap_or_else(|| panic!("{name} is not tried"));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/e2e/{file}.rs"));
        let text = std::fs::read_to_string(&file).expect("a file of tests");
        assert!(text.contains(&format!("#[test]\nfn {test}()")), "{name}: {} has no {test}", file.display());
    }
    for (editor, ..) in TRIED {
        assert!(EDITORS.iter().any(|row| row.about.name == *editor), "{editor} is no editor");
    }
}

/// What an editor makes of a draft for the calls to a service, those that people mean when they do not say which.
fn drafted<E: Edits>(plan: &mut Plan<'_>, service: &str, draft: &Value) {
    let mesh = plan.mesh();
    let Some(subject) = subject::of(mesh, &Selected::Service("bookinfo".into(), service.into())) else {
        return;
    };
    let scopes = E::scopes(mesh, &subject);
    let scope =
        scopes.iter().find(|scope| scope.usual).or(scopes.first()).filter(|scope| scope.locked.is_none());
    let Some(scope) = scope else { return };
    let draft: E = serde_json::from_value(draft.clone()).expect("a draft");
    draft.plan(&scope.now, &scope.at, plan);
}

/// How many of some pages at once lack a part.
fn lacking(sandbox: &Sandbox, part: &str) -> Result<usize> {
    let error = format!("Error fetching product {part}");
    let (http, at) = (sandbox.http(), format!("{}/productpage", sandbox.ready.ingress));
    let page = || {
        let answer = http.get(&at).send()?;
        ensure!(answer.status().as_u16() == 200, "the page itself: {}", answer.status());
        anyhow::Ok(answer.text()?.contains(&error))
    };
    std::thread::scope(|scope| {
        let pages: Vec<_> = (0..8).map(|_| scope.spawn(page)).collect();
        pages
            .into_iter()
            .map(|page| page.join().expect("no panic"))
            .try_fold(0, |sum, page| Ok(sum + usize::from(page?)))
    })
}

/// Calls of the product page fail by what an editor writes, and no longer after its undo.
#[test]
fn calls_fail_and_do_not() -> Result<()> {
    let sandbox = Sandbox::start()?;
    // Long enough for eight calls to meet, and for a short timeout.
    let pod = sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=details", "-o", "name"])?;
    sandbox.kubectl(&["annotate", "-n", "bookinfo", pod.trim(), "sandbox.binnacle.dev/latency=500ms"])?;
    let mut steering = Steering::of(&sandbox)?;
    type Drafted = fn(&mut Plan<'_>, &str, &Value);
    let all: [(&str, Drafted, &str, Value, &str); 5] = [
        (
            "Fault",
            drafted::<fault::Faults>,
            "details",
            json!({ "only": { "name": "", "value": "" }, "spec": { "delay": null, "abort": [{ "Http": 503 }, 100.0] } }),
            "details",
        ),
        (
            "Timeouts and retries",
            drafted::<timeouts::Wait>,
            "details",
            json!({ "timeout": "0.2s" }),
            "details",
        ),
        (
            "Circuit breaker",
            drafted::<circuit_breaker::Breaker>,
            "details",
            json!({ "connectionPool/tcp/maxConnections": 1, "connectionPool/http/http1MaxPendingRequests": 1 }),
            "details",
        ),
        (
            "Rate limit",
            drafted::<rate_limit::Limit>,
            "details",
            json!({ "token_bucket/tokens_per_fill": 1, "token_bucket/fill_interval": "3600s",
                "token_bucket/max_tokens": 1, "filter_enforced/default_value/numerator": 100 }),
            "details",
        ),
        (
            "Visibility",
            drafted::<visibility::Visible>,
            "productpage",
            json!({ "Sees": { "egress": [{ "hosts": ["./details.bookinfo.svc.cluster.local", "istio-system/*"] }],
                "outboundTrafficPolicy/mode": "REGISTRY_ONLY" } }),
            "reviews",
        ),
    ];
    for (editor, drafted, service, draft, part) in all {
        println!("{editor}");
        let none =
            |when: &str| until(&format!("{editor}: calls fail {when}"), || Ok(lacking(&sandbox, part)? == 0));
        none("before it")?;
        let fails = || until(&format!("{editor}: no call fails"), || Ok(lacking(&sandbox, part)? > 2));
        steering.with(|plan| drafted(plan, service, &draft), fails).context(editor)?;
        none("after its undo")?;
    }
    Ok(())
}

/// Callers that send plain text to who takes none are refused, and no longer after the undo.
#[test]
fn plain_text_is_refused_and_is_not() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.apply(&[json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": { "name": "default", "namespace": "bookinfo" }, "spec": { "mtls": { "mode": "STRICT" } } })])?;
    let mut steering = Steering::of(&sandbox)?;
    let none =
        |when: &str| until(&format!("calls are let in {when}"), || Ok(lacking(&sandbox, "details")? == 0));
    none("before it")?;
    let send = |plan: &mut Plan<'_>| {
        let mesh = plan.mesh();
        let details = Selected::Service("bookinfo".into(), "details".into());
        let Some(subject) = subject::of(mesh, &details) else { return };
        let draft: MutualTls =
            serde_json::from_value(json!({ "Sends": { "tls/mode": "DISABLE" } })).expect("a draft");
        let scopes = MutualTls::scopes(mesh, &subject);
        let whole = |at: &TlsAt| matches!(at, TlsAt::Sends(of) if of.level == Level::Service);
        let Some(scope) = scopes.iter().find(|scope| whole(&scope.at)) else { return };
        draft.plan(&scope.now, &scope.at, plan);
    };
    let refused = || until("calls are refused", || Ok(lacking(&sandbox, "details")? == 8));
    steering.with(send, refused)?;
    none("after its undo")
}

/// Versions of reviews that answer.
fn answering(sandbox: &Sandbox) -> Result<usize> {
    Ok(sandbox.reviews_versions(12)?.len())
}

#[test]
fn the_same_endpoint_answers_and_does_not() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.kubectl(&["delete", "virtualservice", "reviews", "-n", "bookinfo"])?;
    let mut steering = Steering::of(&sandbox)?;
    let any = |when: &str| until(&format!("any may answer {when}"), || Ok(answering(&sandbox)? > 1));
    any("before it")?;
    let draft = json!({ "loadBalancer/consistentHash/useSourceIp": true });
    let same =
        || until("the same one answers", || Ok(answering(&sandbox)? == 1 && answering(&sandbox)? == 1));
    steering.with(|plan| drafted::<load_balancing::Balance>(plan, "reviews", &draft), same)?;
    any("after its undo")
}

/// Calls that came to each version of reviews since it began.
fn arrived(sandbox: &Sandbox) -> Result<BTreeMap<String, f64>> {
    let query = r#"sum by (destination_version) (istio_requests_total{reporter="destination",destination_app="reviews"})"#;
    let answer = sandbox.measured(query)?;
    let rows = answer.as_array().context("no rows")?.iter().map(|row| {
        let count = row["value"][1].as_str().and_then(|count| count.parse().ok()).unwrap_or_default();
        (row["metric"]["destination_version"].as_str().unwrap_or_default().to_owned(), count)
    });
    Ok(rows.collect())
}

/// How many calls came to v3 while so many more came to v1.
fn beside(sandbox: &Sandbox, calls: f64) -> Result<f64> {
    let count =
        |arrived: &BTreeMap<String, f64>, version: &str| arrived.get(version).copied().unwrap_or_default();
    let before = arrived(sandbox)?;
    let mut now = before.clone();
    until("calls are counted", || {
        sandbox.reviews_versions(5)?;
        now = arrived(sandbox)?;
        Ok(count(&now, "v1") >= count(&before, "v1") + calls)
    })?;
    Ok(count(&now, "v3") - count(&before, "v3"))
}

#[test]
fn calls_are_copied_and_are_not() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let to = json!({ "host": "reviews", "subset": "v1" });
    let rules = json!([{ "route": [{ "destination": to }] }]);
    sandbox.apply(&[json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "reviews", "namespace": "bookinfo" },
        "spec": { "hosts": ["reviews"], "http": rules } })])?;
    let mut steering = Steering::of(&sandbox)?;
    let none = |when: &str| until(&format!("no copies {when}"), || Ok(beside(&sandbox, 20.0)? == 0.0));
    none("before it")?;
    let draft = json!([{ "host": "reviews", "subset": "v3", "port": null, "percent": 100.0 }]);
    let copies = || {
        until("copies arrive", || Ok(beside(&sandbox, 20.0)? > 15.0))?;
        let seen = sandbox.reviews_versions(10)?;
        ensure!(seen.len() == 1 && seen.contains_key("v1"), "callers see nothing of it: {seen:?}");
        Ok(())
    };
    steering.with(|plan| drafted::<dark_launch::Copies>(plan, "reviews", &draft), copies)?;
    none("after its undo")
}
