//! Budgets of traces: generated files of Jaeger (30 services, 12 tags a span), opened, scrolled through, closed.

use crate::{Row, memory};
use anyhow::{Context as _, Result};
use cluster::{Progress, give_back, open_traces};
use panels::traces::bench::frames;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Spans, and what opening may take.
const SIZES: [(usize, &str); 4] =
    [(1_000, "0.1 s"), (40_000, "0.6 s"), (100_000, "1.5 s"), (1_000_000, "15 s")];

/// Opens files of four sizes, one after the other.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for (spans, budget) in SIZES {
        let file = folder.path().join("trace.json");
        write(&file, spans)?;
        let size = std::fs::metadata(&file)?.len() as f64 / 1e6;
        let before = resident()?;
        let start = Instant::now();
        let found = open_traces(&file, &Progress::default())?;
        let read = start.elapsed().as_secs_f64();
        let opened = found.traces.first().context("no trace")?;
        let drawn = frames(opened, 400);
        let open = resident()?;
        let packed = opened.bytes() as f64 / spans as f64;
        give_back(Arc::new(found));
        let ms = |of: std::time::Duration| of.as_secs_f64() * 1000.0;
        let took = read + drawn.first.as_secs_f64();
        rows.push(Row::new(
            format!("open a trace of {spans} spans ({size:.0} MB), to its first frame"),
            budget,
            format!("{took:.2} s"),
        ));
        rows.push(Row::new(
            "  frames while one scrolls and zooms, 99 of 100",
            "8 ms",
            format!("{:.1} ms", ms(drawn.p99)),
        ));
        let silence = ms(drawn.longest.max(drawn.first));
        rows.push(Row::new("  longest silence of the window", "16 ms", format!("{silence:.1} ms")));
        let room = if spans == 100_000 { "300 MB" } else { "-" };
        let held = format!("{:.0} MB more, {packed:.0} bytes a span", open - before);
        rows.push(Row::new("  resident while it is open", room, held));
        rows.push(Row::new("  after it is closed", "30 MB", format!("{:.0} MB more", resident()? - before)));
    }
    Ok(rows)
}

fn resident() -> Result<f64> {
    memory::resident_mb(std::process::id())
}

/// A trace as Jaeger's page saves it.
fn write(file: &Path, spans: usize) -> Result<()> {
    const START: usize = 1_700_000_000_000_000;
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    write!(out, r#"{{"data":[{{"traceID":"0af7651916cd43dd8448eb211c80319c","spans":["#)?;
    for number in 0..spans {
        // Chains of forty calls below the root.
        let above = if number % 40 == 0 { 0 } else { number - 1 };
        let (start, length) = match (number, number % 40) {
            (0, _) => (START, spans * 50 + 10_000),
            (_, deep) => (START + (number - deep) * 50 + deep * 10, 2_000 - deep * 20),
        };
        let service = number % 30;
        let status = if number % 997 == 996 { 503 } else { 200 };
        let parent = match number {
            0 => String::new(),
            _ => format!(
                r#"{{"refType":"CHILD_OF","traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"{:016x}"}}"#,
                above + 1
            ),
        };
        let comma = if number == 0 { "" } else { "," };
        write!(
            out,
            r#"{comma}{{"traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"{:016x}","flags":1,"operationName":"svc-{service}.shop.svc.cluster.local:8080/*","references":[{parent}],"startTime":{start},"duration":{length},"tags":["#,
            number + 1
        )?;
        let tags = [
            ("component", "proxy".to_owned()),
            ("guid:x-request-id", format!("{number:08x}-1c5d-9f4e-b1a2-{:012x}", number * 7919)),
            ("http.method", "GET".to_owned()),
            ("http.protocol", "HTTP/1.1".to_owned()),
            ("http.status_code", status.to_string()),
            ("http.url", format!("http://svc-{service}.shop:8080/items/{}", number % 500)),
            ("istio.canonical_revision", "v1".to_owned()),
            ("istio.namespace", "shop".to_owned()),
            ("response_flags", if status == 503 { "UF" } else { "-" }.to_owned()),
            ("response_size", (number % 5000).to_string()),
            ("upstream_cluster", format!("outbound|8080||svc-{service}.shop.svc.cluster.local")),
            ("span.kind", if number % 2 == 0 { "server" } else { "client" }.to_owned()),
        ];
        for (place, (key, value)) in tags.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(out, r#"{comma}{{"key":"{key}","type":"string","value":"{value}"}}"#)?;
        }
        write!(out, r#"],"logs":[],"processID":"p{service}","warnings":null}}"#)?;
    }
    write!(out, r#"],"processes":{{"#)?;
    for service in 0..30 {
        let comma = if service == 0 { "" } else { "," };
        write!(
            out,
            r#"{comma}"p{service}":{{"serviceName":"svc-{service}.shop","tags":[{{"key":"ip","type":"string","value":"10.0.0.{service}"}}]}}"#
        )?;
    }
    write!(out, r#"}},"warnings":null}}],"total":0,"limit":0,"offset":0,"errors":null}}"#)?;
    Ok(out.flush()?)
}
