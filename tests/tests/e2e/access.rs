//! Access, end-user identity and external authorization: from the window's form, or the editor's own plan, to
//! what real proxies refuse, and back.

use crate::evidence::push;
use crate::mesh::Sandbox;
use crate::session::{SOON, Session, choose, fill, push_until_live};
use anyhow::{Context as _, Result, ensure};
use cluster::{Cluster, Target};
use istio::kinds;
use mesh::edit::access::{self, Action, Policy};
use mesh::edit::mtls::Scope;
use mesh::edit::policy::PolicyAt;
use mesh::edit::tokens::{self, Tokens};
use mesh::plan::Plan;
use mesh::{Change, Mesh};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(40);

/// Asks until the answer is as it should be.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds()? {
        ensure!(begun.elapsed() < PATIENCE, "{what}");
    }
    Ok(())
}

/// Whether every version of reviews that asks ratings gets an answer.
fn stars(sandbox: &Sandbox) -> Result<Option<bool>> {
    let (_, body) = sandbox.get("/api/v1/products/0/reviews")?;
    let asks = ["reviews-v2", "reviews-v3"].iter().any(|version| body.contains(version));
    Ok(asks.then(|| !body.contains("unavailable")))
}

#[test]
fn a_policy_made_in_access_denies_one_caller() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    until("stars before", || Ok(stars(&sandbox)? == Some(true)))?;
    window.click("ratings v1")?;
    window.wait_for("Access", SOON)?;
    window.click("Access")?;
    window.wait_for("access action", SOON)?;
    choose(window, "access action", "DENY")?;
    let field = "principals of source 1 of rule 1 of ratings";
    window.wait_for(field, SOON)?;
    fill(window, field, "cluster.local/ns/bookinfo/sa/bookinfo-reviews")?;
    push_until_live(window)?;
    let spec = sandbox.spec("authorizationpolicy", "ratings-v1-deny")?;
    ensure!(spec.contains("bookinfo-reviews"), "{spec}");
    until("reviews is refused", || Ok(stars(&sandbox)? == Some(false)))?;
    let (status, body) = sandbox.get("/api/v1/products/0/ratings")?;
    ensure!(status == 200, "productpage may still ask: {status} {body}");
    window.click("Undo")?;
    until("stars again", || Ok(stars(&sandbox)? == Some(true)))?;
    ensure!(sandbox.spec("authorizationpolicy", "ratings-v1-deny").is_err(), "the policy is gone");
    session.is_well()
}

/// Exactly what was seen is let in: every page stays whole, a call that was never seen is refused, and the undo
/// lets it in.
#[test]
fn exactly_what_was_seen_is_let_in() -> Result<()> {
    let sandbox = Sandbox::start()?;
    // The gateway leads to ratings, which it never called before.
    sandbox.apply(&[json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "ratings-from-outside", "namespace": "bookinfo" },
        "spec": { "hosts": ["*"], "gateways": ["bookinfo-gateway"], "http": [{
            "match": [{ "uri": { "prefix": "/ratings" } }],
            "route": [{ "destination": { "host": "ratings", "port": { "number": 9080 } } }] }] } })])?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    // Each version of reviews has called who it calls.
    until("stars", || Ok(stars(&sandbox)? == Some(true)))?;
    window.wait_for("ratings v1", SOON)?;
    window.click("reviews v3")?;
    window.wait_for("Seen calls only", SOON)?;
    window.reveal("Seen calls only", 150.0..600.0)?;
    window.click("Seen calls only")?;
    let seen =
        |of: &str| window.wait_until(of, SOON, |all| all.iter().find(|one| one.name.contains(of)).cloned());
    seen("calls to 4 services")?;
    choose(window, "seen calls only", "only seen ones")?;
    seen("reviews: calls from bookinfo/bookinfo-productpage to 9080")?;
    push_until_live(window)?;
    until("a call never seen is refused", || Ok(sandbox.get("/ratings/0")?.0 == 403))?;
    for _ in 0..30 {
        let (status, page) = sandbox.get("/productpage")?;
        ensure!(status == 200 && !page.contains("Error fetching"), "{status} {page}");
        ensure!(stars(&sandbox)? != Some(false), "ratings are refused");
    }
    window.click("Undo")?;
    until("let in again", || Ok(sandbox.get("/ratings/0")?.0 == 200))?;
    let left = sandbox.kubectl(&["get", "authorizationpolicy", "-n", "bookinfo", "-o", "name"])?;
    ensure!(left.trim().is_empty(), "{left}");
    session.is_well()
}

/// By method and path, as proxies log them: every page stays whole, another method and another path of a caller
/// that may call are refused, and the undo lets them in.
#[test]
fn exactly_the_methods_and_paths_that_were_logged_are_let_in() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.apply(&[json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "ratings-from-outside", "namespace": "bookinfo" },
        "spec": { "hosts": ["*"], "gateways": ["bookinfo-gateway"], "http": [{
            "match": [{ "uri": { "prefix": "/ratings" } }],
            "route": [{ "destination": { "host": "ratings", "port": { "number": 9080 } } }] }] } })])?;
    until("ratings from outside", || Ok(sandbox.get("/ratings/0?from=outside")?.0 == 200))?;
    until("stars", || Ok(stars(&sandbox)? == Some(true)))?;
    // Envoy writes some seconds later.
    let logs = |of: &str, line: &str| {
        let (namespace, deployment) = of.split_once('/').context("a deployment")?;
        let args = ["logs", "-n", namespace, &format!("deployment/{deployment}"), "-c", "istio-proxy"];
        anyhow::Ok(sandbox.kubectl(&args)?.contains(line))
    };
    for (of, line) in [
        ("bookinfo/ratings-v1", "/ratings/0?from=outside"),
        ("istio-system/istio-ingressgateway", "/ratings/0?from=outside"),
        ("bookinfo/productpage-v1", "/api/v1/products/0/reviews"),
        ("istio-system/istio-ingressgateway", "/api/v1/products/0/reviews"),
        ("bookinfo/reviews-v1", "inbound|9080||"),
        ("bookinfo/details-v1", "inbound|9080||"),
    ] {
        until(&format!("{of} logs {line}"), || logs(of, line))?;
    }
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.wait_for("ratings v1", SOON)?;
    window.click("reviews v3")?;
    window.wait_for("Seen calls only", SOON)?;
    window.reveal("Seen calls only", 150.0..600.0)?;
    window.click("Seen calls only")?;
    let seen =
        |of: &str| window.wait_until(of, SOON, |all| all.iter().find(|one| one.name.contains(of)).cloned());
    seen("calls to 4 services")?;
    choose(window, "seen calls only", "only seen ones")?;
    window.wait_for("seen by", SOON)?;
    choose(window, "seen by", "and method and path")?;
    let rules = seen("to GET 9080 /ratings/0")?.name;
    ensure!(rules.contains("istio-ingressgateway") && rules.contains("bookinfo-reviews"), "{rules}");
    push_until_live(window)?;
    let spec = sandbox.spec("authorizationpolicy", "ratings-seen")?;
    ensure!(spec.contains("/ratings/0") && spec.contains("GET"), "{spec}");
    let post = || -> Result<u16> {
        let at = format!("{}/ratings/0", sandbox.ready.ingress);
        Ok(sandbox.http().post(at).body("{}").send()?.status().as_u16())
    };
    until("another path is refused", || Ok(sandbox.get("/ratings/1")?.0 == 403))?;
    until("another method is refused", || Ok(post()? == 403))?;
    for _ in 0..30 {
        let (status, page) = sandbox.get("/productpage")?;
        ensure!(status == 200 && !page.contains("Error fetching"), "{status} {page}");
        ensure!(stars(&sandbox)? != Some(false), "ratings are refused");
        ensure!(sandbox.get("/ratings/0?other=query")?.0 == 200, "a query is no part of a path");
    }
    window.click("Undo")?;
    until("let in again", || Ok(sandbox.get("/ratings/1")?.0 == 200 && post()? != 403))?;
    session.is_well()
}

/// A connection to a sandbox, with its newest mesh.
pub(crate) struct Steering {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) cluster: Cluster,
}

impl Steering {
    pub(crate) fn of(sandbox: &Sandbox) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let kubeconfig = Some(sandbox.ready.kubeconfig.clone());
        let target = Target { kubeconfig, ..Target::default() };
        let cluster = runtime.block_on(async { Cluster::connect(target, Arc::new(|| {})) });
        Ok(Self { runtime, cluster })
    }

    /// Pushes what is planned, runs a check while it is live, and takes it back.
    pub(crate) fn with(
        &mut self,
        plan: impl Fn(&mut Plan<'_>),
        check: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let Self { runtime, cluster } = self;
        let made = |mesh: &Mesh| -> Option<Change> {
            let mut made = Plan::new(mesh);
            plan(&mut made);
            made.change().ok()?
        };
        let (change, stored) = runtime.block_on(async {
            let ready = |scene: &Arc<mesh::Scene>| scene.ready() && made(&scene.mesh).is_some();
            let scene = tokio::time::timeout(PATIENCE, cluster.scene.wait_for(ready)).await??.clone();
            let change = made(&scene.mesh).context("no change")?;
            let stored = push(cluster, &change).await?;
            anyhow::Ok((change, stored))
        })?;
        check()?;
        let undo = change.inverse(&stored).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        runtime.block_on(push(cluster, &undo)).map(drop)
    }
}

fn productpage() -> PolicyAt {
    PolicyAt::New(Scope::Workload("bookinfo".into(), "productpage-v1".into()))
}

/// Only those that the service asked about them lets in.
#[test]
fn external_authorization_asks_before_a_call_is_let_in() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/samples/extauthz/ext-authz.yaml");
    sandbox.kubectl(&["apply", "-n", "istio-system", "-f", &file.to_string_lossy()])?;
    sandbox.kubectl(&["rollout", "status", "-n", "istio-system", "deployment/ext-authz", "--timeout=60s"])?;
    let mut steering = Steering::of(&sandbox)?;
    let rule = json!({ "to": [{ "operation": { "paths": ["/productpage"] } }] });
    let provider = "sample-ext-authz-http".to_owned();
    let policy = Policy { provider, rules: vec![rule], ..Policy::new(Action::Custom) };
    let status = || anyhow::Ok(sandbox.get("/productpage")?.0);
    let check = || {
        until("asked, and refused", || Ok(status()? == 403))?;
        let (other, _) = sandbox.get("/api/v1/products")?;
        ensure!(other == 200, "no rule takes this call: {other}");
        Ok(())
    };
    steering.with(|plan| access::plan(plan, &productpage(), Some(&policy)), check)?;
    until("let in again", || Ok(status()? == 200))
}

/// A token that nobody believes is refused; one that is asked for and missing, too.
#[test]
fn tokens_are_looked_at_and_asked_for() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let mut steering = Steering::of(&sandbox)?;
    let tokens = Tokens { rules: vec![json!({ "issuer": "https://a.example", "jwks": "{\"keys\":[]}" })] };
    // {"alg":"RS256"} {"iss":"https://a.example","sub":"joe"} and a signature of nobody.
    let token =
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImpvZSJ9.c2ln";
    let with = |token: Option<&str>| sandbox.get_with_token("/productpage", token);
    until("nobody looks at tokens", || Ok(with(Some(token))? == 200))?;
    let check = || {
        until("not believed", || Ok(with(Some(token))? == 401))?;
        ensure!(with(None)? == 200, "nobody asks for one");
        Ok(())
    };
    steering.with(|plan| tokens::plan(plan, &productpage(), Some(&tokens)), check)?;
    until("nobody looks any more", || Ok(with(Some(token))? == 200))?;
    let asks = json!({ "from": [{ "source": { "requestPrincipals": ["*"] } }] });
    let policy = Policy { rules: vec![asks], ..Policy::new(Action::Allow) };
    let check = || until("asked for", || Ok(with(None)? == 403));
    steering.with(|plan| access::plan(plan, &productpage(), Some(&policy)), check)?;
    until("as before", || Ok(with(None)? == 200))
}

/// A dry run refuses nobody; the same policy in force refuses; its undo is a dry run again.
#[test]
fn a_dry_run_comes_into_force_and_goes_back() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let object = json!({ "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "name": "closed", "namespace": "bookinfo", "annotations": { "istio.io/dry-run": "true" } },
        "spec": { "selector": { "matchLabels": { "app": "productpage" } }, "action": "DENY", "rules": [{}] } });
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), object.to_string())?;
    sandbox.kubectl(&["apply", "-f", &file.path().to_string_lossy()])?;
    let at = mesh::Ref::new(&kinds::AUTHORIZATION_POLICY, "bookinfo", "closed");
    let mut steering = Steering::of(&sandbox)?;
    let status = || anyhow::Ok(sandbox.get("/productpage")?.0);
    until("a dry run refuses nobody", || Ok(status()? == 200))?;
    let in_force = |plan: &mut Plan<'_>| {
        let Some(object) = plan.mesh().objects().get(&at) else { return };
        let policy = Policy { dry_run: false, ..Policy::of(object) };
        access::plan(plan, &PolicyAt::Of(at.clone()), Some(&policy));
    };
    steering.with(in_force, || until("in force", || Ok(status()? == 403)))?;
    until("a dry run again", || Ok(status()? == 200))?;
    let now: Value = serde_json::from_str(&sandbox.kubectl(&[
        "get",
        "authorizationpolicy",
        "closed",
        "-n",
        "bookinfo",
        "-o",
        "json",
    ])?)?;
    ensure!(now["metadata"]["annotations"]["istio.io/dry-run"] == "true", "{now}");
    Ok(())
}
