//! Traces: of the sandbox by Tempo's API, searched by TraceQL and by an id; of a file, without a cluster; and
//! what is said of other files.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, fill};
use anyhow::{Context as _, Result, ensure};
use harness::{Program, Window};
use std::path::Path;

const TRACE: &str = r#"[{"traceId":"00000000000000000000000000abc123","id":"1","kind":"CLIENT","name":"pay","timestamp":1700000000000000,"duration":9000,"localEndpoint":{"serviceName":"cart.shop"}},
 {"traceId":"00000000000000000000000000abc123","id":"1","kind":"SERVER","name":"pay","timestamp":1700000000001000,"duration":5000,"localEndpoint":{"serviceName":"pay.shop"}},
 {"traceId":"0000000000000000000000000000ffff","id":"2","kind":"SERVER","name":"list","timestamp":1700000001000000,"duration":100,"localEndpoint":{"serviceName":"cart.shop"}}]"#;

fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    Ok(file.to_str().context("an odd path")?.to_owned())
}

/// The names of the traces in the list.
fn rows(window: &Window) -> Result<Vec<String>> {
    window.wait_until("traces", 3 * SOON, |widgets| {
        let names = widgets.iter().map(|widget| &widget.name);
        let rows: Vec<String> = names.filter(|name| name.starts_with("trace ")).cloned().collect();
        (!rows.is_empty()).then_some(rows)
    })
}

#[test]
fn trace_ql_is_asked_of_the_sandboxs_tempo() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let tempo = format!("{}/tempo", sandbox.ready.tracing);
    let session = Session::connect_with(&sandbox, &["--tracing", &tempo])?;
    let window = &session.window;
    window.click("Traces")?;
    rows(window)?;
    fill(
        window,
        "Tags",
        "{ resource.service.name = \"reviews.bookinfo\" && duration > 1us } && { kind = server }",
    )?;
    let found = rows(window)?;
    ensure!(found.iter().all(|row| row.contains(" spans")), "{found:?}");
    fill(window, "Tags", "{ name = }")?;
    window.wait_for("parse error at line 1, col 10", SOON)?;
    // The id of one of them, pasted into the same field, opens it.
    fill(window, "Tags", "0123456789abcdef")?;
    window.wait_for("does not have 0123456789abcdef", SOON)?;
    session.is_well()
}

#[test]
fn a_file_of_traces_is_looked_at_without_a_cluster() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let session = Session::open(&["open", &write(folder.path(), "slow.json", TRACE)?])?;
    let window = &session.window;
    window.wait_for("slow.json", SOON)?;
    let row = window.wait_until("the list", SOON, |widgets| {
        let of = |name: &&str| name.starts_with("trace 00000000… cart") && name.ends_with("2 spans");
        widgets.iter().map(|widget| widget.name.as_str()).find(of).map(str::to_owned)
    })?;
    window.click(&row)?;
    window.wait_for("Back to results", SOON)?;
    let odd = "1 id is a client's and its server's, taken apart";
    ensure!(window.widgets()?.iter().any(|widget| widget.name.contains(odd)), "the header says what is odd");
    window.click("Back to results")?;
    window.wait_for("Close file", SOON)?;
    window.click("Close file")?;
    window.wait_for("Open kubeconfig…", SOON)?;
    window.wait_for("Open traces…", SOON)?;
    Ok(())
}

#[test]
fn other_files_are_refused_before_a_window_opens() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let page = write(folder.path(), "page.html", "<html>")?;
    let half = write(folder.path(), "half.json", &TRACE[..200])?;
    for (file, why) in [
        (&*page, "page.html: it is neither Jaeger's JSON nor OTLP (JSON or protobuf) nor Zipkin's JSON. "),
        (&half, "half.json: its JSON ends in the middle: it was not written to its end. "),
        ("/nowhere.json", "/nowhere.json: there is no such file. "),
    ] {
        let mut program = Program::start(&["open", file], &[("DISPLAY", ":none")])?;
        let status = program.wait(SOON)?;
        let words = program.stderr_to_end();
        ensure!(!status.success() && words.starts_with("binnacle: The file could not be opened"), "{words}");
        ensure!(words.contains(why) && words.trim_end().lines().count() == 1, "{words}");
    }
    Ok(())
}

/// Eight page views of a shop, of which one waited for its payment: a fault rule held that up.
fn views() -> String {
    let view = |number: usize| {
        let trace = format!("{:032x}", 0xabc0_0000_u64 + number as u64);
        let start = 1_700_000_000_000_000_u64 + number as u64 * 5_000_000;
        let (late, flags) = if number == 3 { (400_000, "DI") } else { (0, "-") };
        let span = |id: u32, parent: u32, kind: &str, of: &str, at: u64, took: u64, flags: &str| {
            let parent = if parent == 0 { String::new() } else { format!(r#""parentId":"{parent}","#) };
            let operation = if id == 1 { "cart" } else { "pay" };
            format!(
                r#"{{"traceId":"{trace}","id":"{id}",{parent}"kind":"{kind}","name":"{operation}.shop.svc.cluster.local:8080/*","timestamp":{},"duration":{took},"localEndpoint":{{"serviceName":"{of}.shop"}},"tags":{{"response_flags":"{flags}","http.status_code":"200"}}}}"#,
                start + at
            )
        };
        [
            span(1, 0, "SERVER", "cart", 0, 20_000 + late, "-"),
            span(2, 1, "CLIENT", "cart", 2_000, 15_000 + late, flags),
            span(3, 2, "SERVER", "pay", 4_000 + late, 11_000, "-"),
        ]
        .join(",")
    };
    format!("[{}]", (0..8).map(view).collect::<Vec<_>>().join(","))
}

#[test]
fn a_slow_trace_of_a_file_is_found_explained_and_compared() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let session = Session::open(&["open", &write(folder.path(), "views.json", &views())?])?;
    let window = &session.window;
    ensure!(rows(window)?.len() == 8);
    window.click("Slower than usual")?;
    let slow = window.wait_until("the slow one alone", SOON, |widgets| {
        let rows: Vec<&str> =
            widgets.iter().map(|widget| &*widget.name).filter(|name| name.starts_with("trace ")).collect();
        (rows.len() == 1).then(|| rows[0].to_owned())
    })?;
    window.click(&slow)?;
    window.wait_for("Compare", SOON)?;
    window.click("Compare")?;
    window.wait_for("Why it takes so long", SOON)?;
    let why = "400 ms longer than usual. By the mesh: a fault rule held it up";
    window.wait_until("why it is slow", SOON, |widgets| {
        let said = |name: &str| name.replace(['\u{202f}', '\u{a0}'], " ").contains(why);
        widgets.iter().any(|widget| said(&widget.name)).then_some(())
    })?;
    window.click("Compare with")?;
    let other = window.wait_until("another trace", SOON, |widgets| {
        let other = |name: &&str| name.contains(" · cart:8080/* · 20");
        widgets.iter().map(|widget| &*widget.name).find(other).map(str::to_owned)
    })?;
    window.click(&other)?;
    window.wait_until("the difference", SOON, |widgets| {
        let differs = |name: &str| name.starts_with("cart pay:8080/*: slower, +400");
        widgets.iter().any(|widget| differs(&widget.name)).then_some(())
    })?;
    window.click("Show cart pay:8080/*")?;
    window.wait_for("Close span detail", SOON)?;
    window.click("Flame")?;
    window.wait_until("the calls", SOON, |widgets| {
        widgets.iter().any(|widget| widget.name.starts_with("call cart pay:8080/*, 1 time")).then_some(())
    })?;
    window.click("Back to results")?;
    window.click("Close file")?;
    window.wait_for("Open kubeconfig…", SOON)?;
    Ok(())
}

#[test]
fn from_a_span_to_the_graph_and_to_the_rule() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("Traces")?;
    let first = rows(window)?.swap_remove(0);
    window.click(&first)?;
    let span = window.wait_until("a call of reviews", SOON, |widgets| {
        let of = |name: &&str| name.starts_with("span productpage reviews:9080/*");
        widgets.iter().map(|widget| &*widget.name).find(of).map(str::to_owned)
    })?;
    window.click(&span)?;
    window.wait_for("Explain this call", SOON)?;
    window.click("Show productpage")?;
    window.wait_for("Explain productpage", SOON)?;
    window.click("Explain this call")?;
    window.wait_until("the rule", SOON, |widgets| {
        widgets.iter().any(|widget| widget.name.contains("VirtualService")).then_some(())
    })?;
    session.is_well()
}
