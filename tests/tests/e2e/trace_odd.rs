//! Odd traces of a file, each opened in the window: its head says what is odd about it.

use crate::session::{SOON, Session};
use anyhow::{Context as _, Result, ensure};
use harness::Window;
use serde_json::{Value, json};

const START: u64 = 1_700_000_000_000_000;

/// What it is called, its spans as "id<parent kind start+length", and what its head says.
const TABLE: &[(&str, &[&str], &str)] = &[
    ("ring", &["1<3 server 5+9", "2<1 server 6+9", "3<2 server 7+9"], "parents form a ring (3 spans)"),
    ("self", &["1 server 0+9", "2<2 server 1+2"], "1 span names itself as its parent"),
    ("orphan", &["1<9 server 0+9", "2<1 server 1+2"], "the parent of 1 span is missing"),
    (
        "doubled",
        &["1 internal 0+9", "2<1 internal 1+2", "2<1 internal 4+2"],
        "1 span has the id of another, taken apart",
    ),
    ("twice", &["1 server 0+9", "1 server 0+9"], "1 span told twice"),
    ("negative", &["1 server 0+9", "2<1 server 2+-7"], "1 span with a negative duration, drawn as 0"),
    ("endless", &["1 server 0+9", "2<1 server 3+null"], "1 span does not say when it ended, drawn as 0"),
    ("zero", &["1 server 0+9", "2<1 server 1+0"], "2 spans"),
];

fn span(trace: &str, line: &str, service: &str) -> Value {
    let [ids, kind, times] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
    let (start, length) = times.split_once('+').expect("a length");
    let start = START + start.parse::<u64>().expect("a start");
    let above = json!([{ "refType": "CHILD_OF", "traceID": trace, "spanID": parent }]);
    json!({ "traceID": trace, "spanID": id, "operationName": id, "startTime": start,
        "references": if parent.is_empty() { json!([]) } else { above },
        "duration": length.parse::<i64>().ok(), "process": { "serviceName": service },
        "tags": [{ "key": "span.kind", "type": "string", "value": kind }] })
}

fn trace(id: usize, name: &str, lines: &[&str]) -> Value {
    let id = format!("{:016x}", 0xabc0 + id);
    let spans = lines.iter().map(|line| span(&id, line, &format!("{name}.shop"))).collect::<Vec<_>>();
    json!({ "traceID": id, "spans": spans })
}

/// A client and its server under one id, another clock, two widths of one id, a chain of 20,000, a zoo of tags.
fn larger() -> Vec<(&'static str, Value, &'static str)> {
    let two = |name: &'static str, id: &str, lines: [&str; 2], words| {
        let spans = [span(id, lines[0], &format!("{name}.shop")), span(id, lines[1], "other.shop")];
        (name, json!({ "traceID": id, "spans": spans }), words)
    };
    let chain = (1..=20_000_u64).map(|at| match at {
        1 => span("ee", "1 internal 0+90000", "deep.shop"),
        _ => span("ee", &format!("{at:x}<{:x} internal {at}+{}", at - 1, 90_000 - 2 * at), "deep.shop"),
    });
    let mut zoo = span("dd", "1 server 0+9", "zoo.shop");
    zoo["operationName"] = json!("zoo \u{202e}\u{5d0}\u{200b} </script>");
    zoo["tags"] = json!([
        { "key": "big", "type": "int64", "value": 9_007_199_254_740_993_i64 },
        { "key": "nested", "type": "string", "value": { "a": [1, { "b": null }] } },
        { "key": "bin", "type": "binary", "value": "AAEC" }, { "key": "", "type": "string", "value": "nameless" },
        { "key": "long", "type": "string", "value": "x".repeat(120_000) },
        { "key": "signs", "type": "string", "value": "\u{0}\u{1b}[31m" },
    ]);
    let (long, short) = ("0af7651916cd43dd8448eb211c80319c", "8448eb211c80319c");
    let half = json!({ "traceID": long, "spans": [span(long, "1 client 0+9", "widths.shop")] });
    vec![
        two(
            "shared",
            "a1",
            ["1 client 0+9", "1 server 2+5"],
            "1 id is a client's and its server's, taken apart",
        ),
        two(
            "skew",
            "a2",
            ["1 client 9000+100", "2<1 server 5+40"],
            "clocks differ: 1 span moved by up to 9.0 ms",
        ),
        ("deep", json!({ "traceID": "ee", "spans": chain.collect::<Vec<_>>() }), "20000 deep"),
        ("zoo", json!({ "traceID": "dd", "spans": [zoo] }), "1 span"),
        ("widths", half, "1 span came under half of the trace's id"),
        ("", json!({ "traceID": short, "spans": [span(short, "2<1 server 1+2", "other.shop")] }), ""),
    ]
}

fn says(window: &Window, words: &str) -> Result<()> {
    window
        .wait_until(words, 2 * SOON, |widgets| {
            widgets.iter().any(|one| one.name.contains(words)).then_some(())
        })
        .with_context(|| format!("the head does not say: {words}"))
}

#[test]
fn each_says_in_its_head_what_is_odd() -> Result<()> {
    let small = TABLE.iter().enumerate();
    let mut all: Vec<(&str, Value, &str)> =
        small.map(|(at, (name, lines, words))| (*name, trace(at, name, lines), *words)).collect();
    all.extend(larger());
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("odd.json");
    let data: Vec<&Value> = all.iter().map(|(_, trace, _)| trace).collect();
    std::fs::write(&file, json!({ "data": data }).to_string())?;
    let session = Session::open(&["open", file.to_str().context("an odd path")?])?;
    let window = &session.window;
    for (name, _, words) in all.iter().filter(|(name, ..)| !name.is_empty()) {
        let row = window.wait_until(name, 2 * SOON, |widgets| {
            let of = |row: &&str| row.starts_with("trace ") && row.contains(&format!(" {name} "));
            widgets.iter().map(|widget| widget.name.as_str()).find(of).map(str::to_owned)
        })?;
        window.click(&row)?;
        window.wait_for("Back to results", SOON)?;
        says(window, words)?;
        if *name == "zoo" {
            let rows = window.widgets()?;
            let row = rows.iter().find(|widget| widget.name.starts_with("span zoo ")).context("no row")?;
            window.click(&row.name)?;
            says(window, "Copy big: 9007199254740993")?;
            says(window, "Copy bin: AAEC (3 bytes)")?;
        }
        window.click("Back to results")?;
    }
    let words = session.program.stderr_so_far();
    ensure!(!words.contains("panicked"), "the window said:\n{words}");
    session.is_well()
}
