//! A file of traces that is dropped onto the window of a connected mesh: its slow trace is found, explained,
//! compared, and leads to the graph, the log and the rule. And Tempo's search finds what Jaeger's does.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session};
use anyhow::{Context as _, Result, ensure};
use harness::{Window, drop_file};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::time::Instant;

/// By how much a call takes longer than it did, in microseconds.
const LATER: u64 = 4_000_000;

/// What Jaeger's API has of a service now, at least so many traces.
fn told(sandbox: &Sandbox, service: &str, least: usize) -> Result<Vec<Value>> {
    let url = format!("{}/api/traces", sandbox.ready.tracing);
    let end = Instant::now() + 3 * SOON;
    loop {
        let answer = sandbox.page(&url, &[("service", service), ("limit", "40"), ("lookback", "1h")])?;
        let whole = |trace: &&Value| trace["spans"].as_array().is_some_and(|spans| spans.len() >= 6);
        let traces: Vec<Value> =
            answer["data"].as_array().context("no data")?.iter().filter(whole).cloned().collect();
        if traces.len() >= least {
            return Ok(traces);
        }
        ensure!(Instant::now() < end, "only {} traces of {service}", traces.len());
        harness::window::pause(200);
    }
}

/// The service of a span.
fn service(trace: &Value, span: &Value) -> String {
    let process = span["processID"].as_str().unwrap_or_default();
    trace["processes"][process]["serviceName"].as_str().unwrap_or_default().to_owned()
}

/// Makes the call of reviews by productpage, and all that waits for it, take longer.
fn slow(trace: &mut Value) -> Result<()> {
    let all = trace["spans"].as_array().context("no spans")?.clone();
    let parent = |span: &Value| span["references"][0]["spanID"].as_str().map(str::to_owned);
    let calls = |span: &&Value| {
        let to = span["operationName"].as_str().unwrap_or_default();
        service(trace, span) == "productpage.bookinfo" && to.starts_with("reviews")
    };
    let above: BTreeMap<String, Option<String>> =
        all.iter().filter_map(|span| Some((span["spanID"].as_str()?.to_owned(), parent(span)))).collect();
    let mut late = HashSet::new();
    let mut at = all.iter().find(calls).and_then(|span| span["spanID"].as_str()).map(str::to_owned);
    ensure!(at.is_some(), "no call of reviews");
    while let Some(id) = at {
        at = above.get(&id).cloned().flatten();
        late.insert(id);
    }
    for span in trace["spans"].as_array_mut().context("no spans")? {
        if span["spanID"].as_str().is_some_and(|id| late.contains(id)) {
            span["duration"] = json!(span["duration"].as_u64().context("no duration")? + LATER);
        }
    }
    Ok(())
}

fn one(window: &Window, what: &str, fits: impl Fn(&str) -> bool) -> Result<String> {
    window.wait_until(what, 2 * SOON, |widgets| {
        let names = widgets.iter().map(|widget| widget.name.as_str());
        names.into_iter().find(|name| fits(name)).map(str::to_owned)
    })
}

/// Names with plain spaces, as they are looked for.
fn plain(name: &str) -> String {
    name.replace(['\u{202f}', '\u{a0}', '\u{2009}'], " ")
}

#[test]
fn a_dropped_file_leads_to_graph_log_and_rule() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let mut traces = told(&sandbox, "productpage.bookinfo", 8)?;
    traces.truncate(12);
    slow(&mut traces[3])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("views.json");
    std::fs::write(&file, json!({ "data": traces }).to_string())?;
    drop_file(&session.display.name, "Binnacle", &file)?;
    window.wait_for("views.json", SOON)?;
    // The slow one.
    window.wait_for("Slower than usual", SOON)?;
    window.click("Slower than usual")?;
    // Others may be slow, too, on a busy machine.
    let id: String = traces[3]["traceID"].as_str().context("no id")?.chars().take(8).collect();
    let is_row =
        |name: &str| name.starts_with(&format!("trace {id}")) && name.ends_with(", slower than usual");
    let slow = one(window, "the slow trace", is_row)?;
    window.click(&slow)?;
    window.wait_for("Compare", SOON)?;
    window.click("Compare")?;
    let why = "productpage reviews:9080/* was waited for 4";
    one(window, "why it is slow", |name| plain(name).starts_with(why))?;
    // Beside another one.
    window.click("Compare with")?;
    let other = one(window, "another trace", |name| name.contains(" · ") && name.contains("…"))?;
    window.click(&other)?;
    one(window, "the difference", |name| plain(name).starts_with("productpage reviews:9080/*: slower, +"))?;
    window.click("Show productpage reviews:9080/*")?;
    window.wait_for("Close span detail", SOON)?;
    // What the pod wrote then, and its proxy.
    window.wait_for("Logs of that moment", SOON)?;
    window.click("Logs of that moment")?;
    window.wait_for("Only this moment", SOON)?;
    let line = |name: &str| name.contains(" productpage-v1-") && name.as_bytes().get(2) == Some(&b':');
    one(window, "a line of that moment", line)?;
    window.click("Traces")?;
    window.wait_for("Its proxy", SOON)?;
    window.click("Its proxy")?;
    one(window, "its proxy", |name| name.starts_with("productpage-v1-"))?;
    // The rule that took it, and where it stands in the graph.
    window.click("Traces")?;
    window.wait_for("Explain this call", SOON)?;
    window.click("Show productpage")?;
    window.wait_for("Explain productpage", SOON)?;
    window.click("Explain this call")?;
    one(window, "the rule", |name| name.contains("VirtualService"))?;
    window.click("Traces")?;
    window.wait_for("Show on the graph", SOON)?;
    window.click("Show on the graph")?;
    window.wait_for("productpage v1", SOON)?;
    session.is_well()
}

#[test]
fn trace_ql_finds_what_jaeger_finds() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let micros = |secs: u64| (secs * 1_000_000).to_string();
    let key = |id: &str| id.trim_start_matches('0').to_owned();
    // Of a trace at an edge of the time one API asks for a span of the service in it, the other for any span.
    let ids = |traces: &Value,
               name: &str,
               begins: fn(&Value) -> Option<u64>,
               (from, to): (u64, u64)|
     -> BTreeSet<String> {
        let all = traces.as_array().into_iter().flatten();
        let within = ((from + 2) * 1_000_000)..((to - 2) * 1_000_000);
        let inside = all.filter(|trace| begins(trace).is_some_and(|begins| within.contains(&begins)));
        inside.filter_map(|trace| trace[name].as_str().map(key)).collect()
    };
    let by_spans =
        |trace: &Value| trace["spans"].as_array()?.iter().filter_map(|span| span["startTime"].as_u64()).min();
    let by_start = |trace: &Value| Some(trace["startTimeUnixNano"].as_str()?.parse::<u64>().ok()? / 1000);
    let (url, end) = (format!("{}/api/traces", sandbox.ready.tracing), Instant::now() + 3 * SOON);
    let ql = "{ resource.service.name = \"reviews.bookinfo\" }";
    // Of a time that is over, and to which nothing was added meanwhile: proxies tell of spans some seconds later.
    let one = loop {
        let now = u64::try_from(jiff::Timestamp::now().as_second())?;
        let (from, to) = (now - 35, now - 5);
        let (start, end_us) = (micros(from), micros(to));
        let asked =
            [("service", "reviews.bookinfo"), ("start", &*start), ("end", &*end_us), ("limit", "5000")];
        let by_jaeger =
            || anyhow::Ok(ids(&sandbox.page(&url, &asked)?["data"], "traceID", by_spans, (from, to)));
        let before = by_jaeger()?;
        let tempo = sandbox.page(
            &format!("{}/tempo/api/search", sandbox.ready.tracing),
            &[("q", ql), ("start", &from.to_string()), ("end", &to.to_string()), ("limit", "5000")],
        )?;
        let other = ids(&tempo["traces"], "traceID", by_start, (from, to));
        if before.len() > 10 && before == by_jaeger()? {
            let differ: Vec<&String> = before.symmetric_difference(&other).collect();
            ensure!(differ.is_empty(), "{} of {} differ: {differ:?}", differ.len(), before.len());
            break before;
        }
        ensure!(Instant::now() < end, "there are too few traces, or some come late: {before:?}");
        harness::window::pause(500);
    };
    // And each is the same, span by span.
    let first = one.first().context("none")?;
    let by_jaeger = sandbox.page(&format!("{}/api/traces/{first}", sandbox.ready.tracing), &[])?;
    let by_tempo = sandbox.page(&format!("{}/tempo/api/v2/traces/{first}", sandbox.ready.tracing), &[])?;
    let opened = |answer: &Value| cluster::fuzz::trace_file(answer.to_string().as_bytes());
    ensure!(opened(&by_jaeger) > 0 && opened(&by_jaeger) == opened(&by_tempo), "other spans of {first}");
    Ok(())
}

#[test]
fn a_file_that_is_none_says_so_where_it_was_dropped() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("page.html");
    std::fs::write(&page, "<html>")?;
    let session = Session::open(&["--kubeconfig", "/nowhere/kubeconfig"])?;
    session.window.wait_for("Open traces…", SOON)?;
    drop_file(&session.display.name, "Binnacle", Path::new(&page))?;
    one(&session.window, "why not", |name| name.contains("page.html: it is neither Jaeger's JSON"))?;
    session.is_well()
}
