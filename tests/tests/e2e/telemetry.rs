//! Telemetry: what the editor's own plan makes real proxies report, and what they report again after it is taken
//! back.

use crate::access::{Steering, until};
use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, ensure};
use mesh::edit::Scope;
use mesh::plan::Plan;
use panels::editors::Edits;
use panels::editors::telemetry::Telemetry;
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the editor plans where nothing is said yet.
fn says(at: Scope, said: Value) -> impl Fn(&mut Plan<'_>) {
    move |plan| {
        let wanted: Telemetry = serde_json::from_value(said.clone()).expect("a draft");
        wanted.plan(&Telemetry::default(), &at, plan);
    }
}

fn productpage() -> Scope {
    Scope::Workload("bookinfo".into(), "productpage-v1".into())
}

fn micros() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())
}

/// How many traces of productpage began then.
fn traces(sandbox: &Sandbox, from: u128, to: u128) -> Result<usize> {
    let url = format!("{}/api/traces", sandbox.ready.tracing);
    let (from, to) = (from.to_string(), to.to_string());
    let query = [
        ("service", "productpage.bookinfo"),
        ("start", from.as_str()),
        ("end", to.as_str()),
        ("limit", "1000"),
    ];
    Ok(sandbox.page(&url, &query)?["data"].as_array().context("no traces")?.len())
}

#[test]
fn without_sampling_there_are_no_new_traces() -> Result<()> {
    let sandbox = Sandbox::start_with(&["--rps", "0"])?;
    let mut steering = Steering::of(&sandbox)?;
    let begun = micros()?;
    let asked = || anyhow::Ok(sandbox.get("/productpage")?.0 == 200);
    until("traced before", || Ok(asked()? && traces(&sandbox, begun, micros()?)? > 0))?;
    let quiet = Cell::new((0, 0));
    let check = || {
        // Spans of connections that were open before come within moments.
        let mut from = micros()?;
        until("no more traces", || {
            let before = std::mem::replace(&mut from, micros()?);
            Ok((0..5).all(|_| asked().unwrap_or(false)) && traces(&sandbox, before, from)? == 0)
        })?;
        let from = micros()?;
        for _ in 0..20 {
            ensure!(asked()?, "productpage answers");
        }
        quiet.set((from, micros()?));
        Ok(())
    };
    steering.with(says(Scope::Mesh, json!({ "tracing": [{ "randomSamplingPercentage": 0 }] })), check)?;
    let again = micros()?;
    until("traced again", || Ok(asked()? && traces(&sandbox, again, micros()?)? > 0))?;
    // Spans are reported in the order of their requests: those before have come.
    let (from, to) = quiet.get();
    let untraced = traces(&sandbox, from, to)?;
    println!("sampling 0 %: {untraced} of 20 requests have a trace");
    ensure!(untraced == 0, "{untraced}");
    Ok(())
}

#[test]
fn only_calls_that_the_filter_takes_are_logged() -> Result<()> {
    let sandbox = Sandbox::start_with(&["--rps", "0"])?;
    let mut steering = Steering::of(&sandbox)?;
    let lines =
        || sandbox.kubectl(&["logs", "-n", "bookinfo", "deployment/productpage-v1", "-c", "istio-proxy"]);
    let round = Cell::new(0);
    // Two calls, one that is answered and one that is not there: of the last of which the second was written,
    // whether the first was. Envoy writes some seconds later.
    let logged = || -> Result<Option<bool>> {
        let now = round.get() + 1;
        round.set(now);
        ensure!(sandbox.get(&format!("/api/v1/products?good={now}x"))?.0 == 200, "an answer");
        ensure!(sandbox.get(&format!("/api/v1/products/0/nothing?bad={now}x"))?.0 == 404, "none");
        let lines = lines()?;
        let last = (1..=now).rev().find(|round| lines.contains(&format!("bad={round}x")));
        Ok(last.map(|round| lines.contains(&format!("good={round}x"))))
    };
    until("both are logged before", || Ok(logged()? == Some(true)))?;
    let filter = json!({ "accessLogging": [{ "providers": [{ "name": "envoy" }],
        "filter": { "expression": "response.code >= 400" } }] });
    steering
        .with(says(productpage(), filter), || until("only what failed", || Ok(logged()? == Some(false))))?;
    until("both are logged again", || Ok(logged()? == Some(true)))
}

#[test]
fn a_tag_that_is_removed_is_missing_in_the_metrics() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let mut steering = Steering::of(&sandbox)?;
    let count = |more: &str| -> Result<f64> {
        let query = format!(
            "sum(istio_requests_total{{reporter=\"destination\",destination_workload=\"productpage-v1\"{more}}})"
        );
        let answer = sandbox
            .page(&format!("{}/api/v1/query", sandbox.ready.prometheus), &[("query", query.as_str())])?;
        let value = answer["data"]["result"][0]["value"][1].as_str().unwrap_or("0").to_owned();
        Ok(value.parse()?)
    };
    let (tagged, without) = (",source_app!=\"\"", ",source_app=\"\",seen=\"here\"");
    until("counted with the tag", || Ok(count(tagged)? > 0.0))?;
    ensure!(count(without)? == 0.0, "not yet");
    let changes = json!({ "metrics": [{ "overrides": [{ "match": { "metric": "REQUEST_COUNT", "mode": "SERVER" },
        "tagOverrides": { "source_app": { "operation": "REMOVE" }, "seen": { "value": "\"here\"" } } }] }] });
    // Calls by the load generator go on: one sort of series grows, and the other stands still.
    let moves = |grows: &str, stands: &str| -> Result<bool> {
        let (more, same) = (count(grows)?, count(stands)?);
        until("calls are counted", || Ok(count("")? >= more + same + 3.0))?;
        Ok(count(grows)? > more && count(stands)? == same)
    };
    steering.with(says(productpage(), changes), || until("without the tag", || moves(without, tagged)))?;
    until("with it again", || moves(tagged, without))
}
