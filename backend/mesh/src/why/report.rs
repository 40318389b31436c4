//! What becomes of a call, as people read it: lines of a name and what is said, in the window and as text.

use super::{Admission, Hop, Tls, Told};
use crate::Ref;
use crate::split::apportion;
use istio::admit::Holds;
use istio::route::{Answer, Place, Said, Skipped, Split};
use istio::views::Fault;

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It is so.
    Plain,
    /// It is let in.
    Good,
    /// It fails.
    Bad,
    /// Nobody can tell.
    Unsure,
    /// It is not so, and why.
    Faint,
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about; "" goes on with the line before.
    pub name: &'static str,
    /// What is said.
    pub words: String,
    /// The object that it is about.
    pub at: Option<Ref>,
    /// How it is meant.
    pub tone: Tone,
}

impl Line {
    pub(super) fn new(name: &'static str, words: impl Into<String>, tone: Tone) -> Self {
        Self { name, words: words.into(), at: None, tone }
    }
    fn of(mut self, at: &Ref) -> Self {
        self.at = Some(at.clone());
        self
    }
}

/// What is called, in words.
pub fn call(told: &Told) -> String {
    let request = &told.request;
    let (host, port) = (istio::hosts::host_and_port(&request.authority).0, request.port);
    match told.taken.bytes {
        true => format!("a connection to {host}:{port}"),
        false => format!("{} {} of {host}:{port}", request.method, request.whole_path()),
    }
}

/// For people.
pub fn text(told: &Told) -> String {
    let mut text = format!("{} calls: {}\n\n", told.from, call(told));
    for line in lines(told) {
        let indent = if line.tone == Tone::Faint { "  " } else { "" };
        text.push_str(&format!("{:<12}{}\n", format!("{indent}{}", line.name), line.words));
    }
    text.trim_end().to_owned()
}

/// All that is said of it.
pub fn lines(told: &Told) -> Vec<Line> {
    let taken = &told.taken;
    let mut lines = Vec::new();
    if let Some((at, admission)) = &told.gateway {
        let door = taken.door.as_ref();
        let server = door.map(|door| format!(", {} {}", door.object, door.path)).unwrap_or_default();
        let line = Line::new("Comes in by", format!("{at}{server}"), Tone::Plain);
        lines.push(Line { at: door.map(|door| door.object.clone()), ..line });
        if admission.may != Holds::Yes || admission.by.is_some() {
            lines.push(admitted("Let in", "", admission, None));
        }
    }
    lines.push(rule(told));
    lines.extend(taken.skipped.iter().map(|one| {
        Line::new("not by", format!("{}: {}", named(&one.place), because(one)), Tone::Faint)
            .of(&one.place.object)
    }));
    outcomes(&mut lines, told);
    for (index, hop) in told.hops.iter().enumerate() {
        let name = if index == 0 { "Let in" } else { "" };
        let whom = hop.workload.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
        lines.push(admitted(name, &whom, &hop.admission, Some(hop)));
    }
    lines.extend(told.remarks.iter().map(|remark| Line::new("Note", remark.to_string(), Tone::Plain)));
    lines
}

fn rule(told: &Told) -> Line {
    let outcome = &told.taken.outcome;
    match (&told.taken.rule, &outcome.answer) {
        (Some(rule), _) => Line::new("Taken by", named(rule), Tone::Plain).of(&rule.object),
        (None, Some(answer)) => Line::new("Taken by", format!("nobody: {}", said(answer)), Tone::Bad),
        (None, None) if outcome.passes => {
            Line::new("Taken by", "no rule: no service is known for it", Tone::Plain)
        }
        (None, None) if outcome.closed => {
            Line::new("Taken by", "nobody: no proxy takes the connection", Tone::Bad)
        }
        (None, None) => Line::new("Taken by", "no rule: it goes to the service as it is", Tone::Plain),
    }
}

fn outcomes(lines: &mut Vec<Line>, told: &Told) {
    let outcome = &told.taken.outcome;
    lines.extend(outcome.fault.as_ref().map(|fault| Line::new("Fault", faulty(fault), Tone::Bad)));
    if let Some(answer) = &outcome.answer {
        let location = answer.location.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        let tone = if answer.status < 400 { Tone::Plain } else { Tone::Bad };
        lines.push(Line::new("Answered", format!("{}{location}: {}", answer.status, said(answer)), tone));
    }
    let weights: Vec<u32> = outcome.destinations.iter().map(|to| to.weight).collect();
    let shares = apportion(1000, &weights);
    for (index, (to, share)) in outcome.destinations.iter().zip(shares).enumerate() {
        let name = if index == 0 { "Goes to" } else { "" };
        let share = format!(", {} %", f64::from(share) / 10.0);
        let shared = outcome.destinations.len() > 1;
        let tone = if to.missing.is_some() { Tone::Bad } else { Tone::Plain };
        lines.push(Line::new(name, destination(to, if shared { &share } else { "" }), tone));
    }
    if outcome.passes {
        lines.push(Line::new("Goes to", "the address that it is sent to, as it is", Tone::Plain));
    }
    for (to, percent) in &outcome.mirrors {
        lines.push(Line::new("Copied to", format!("{}, {percent} %", destination(to, "")), Tone::Plain));
    }
    let rewritten = [("path", &outcome.path), ("host", &outcome.authority)];
    let changes: Vec<String> =
        rewritten.into_iter().filter_map(|(what, to)| Some(format!("{what} {}", to.as_ref()?))).collect();
    if !changes.is_empty() {
        lines.push(Line::new("Rewritten", changes.join(", "), Tone::Plain));
    }
    lines.extend(outcome.timeout.map(|timeout| Line::new("Timeout", timeout.to_string(), Tone::Plain)));
    let retries = outcome.retries.as_ref().map(|retries| retries.attempts.to_string());
    lines.extend(retries.map(|retries| Line::new("Retries", retries, Tone::Plain)));
}

fn admitted(name: &'static str, whom: &str, admission: &Admission, hop: Option<&Hop>) -> Line {
    let carried = match hop.map(|hop| hop.tls) {
        Some(Tls::Mutual) => ", over mutual TLS",
        Some(Tls::Plaintext) => ", in plain text",
        Some(Tls::Own) => ", over TLS of its own",
        Some(Tls::Passed) => ", by the caller's own TLS, which passes through",
        Some(Tls::Refused) | None => "",
    };
    let by = match &admission.by {
        Some((at, Some(rule))) => format!(" by {at} spec.rules[{rule}]"),
        Some((at, None)) => format!(" by {at}"),
        None => String::new(),
    };
    let (verdict, tone) = match &admission.may {
        Holds::Yes => ("yes".to_owned(), Tone::Good),
        Holds::No => {
            let status = admission.status.map_or("reset".to_owned(), |status| status.to_string());
            (format!("no, {status}"), Tone::Bad)
        }
        Holds::Depends(_) => ("perhaps".to_owned(), Tone::Unsure),
    };
    let line = Line::new(name, format!("{whom}{verdict}{carried}{by}: {admission}"), tone);
    Line { at: admission.by.as_ref().map(|(at, _)| at.clone()), ..line }
}

pub(super) fn because(skipped: &Skipped) -> String {
    skipped.because.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) fn said(answer: &Answer) -> &'static str {
    match answer.by {
        Said::Rule => "the rule answers",
        Said::NoRule => "no rule takes it",
        Said::NoDestination => "the destination is not there",
        Said::Blocked => "no service has this host, and nothing else may pass (REGISTRY_ONLY)",
        Said::HttpsOnly => "the gateway sends callers of this host to HTTPS",
        Said::NoHost => "the gateway serves nothing for this host",
    }
}

fn named(place: &Place) -> String {
    let through =
        place.through.as_ref().map(|root| format!(", to which {root} leaves it")).unwrap_or_default();
    match place.path.as_str() {
        "spec" => format!("{}{through}", place.object),
        path => format!("{} {path}{through}", place.object),
    }
}

fn destination(to: &Split, share: &str) -> String {
    let subset = to.subset.as_ref().map(|subset| format!(", subset {subset}")).unwrap_or_default();
    let missing = to.missing.map(|missing| format!(": {missing}")).unwrap_or_default();
    format!("{}:{}{subset}{share}{missing}", to.host, to.port)
}

fn faulty(fault: &Fault) -> String {
    let mut words = Vec::new();
    if let Some(delay) = fault.delay.as_ref().filter(|delay| delay.share() > 0.0) {
        let fixed = delay.fixed_delay.as_deref().unwrap_or_default();
        words.push(format!("{} % wait {fixed}", delay.share()));
    }
    if let Some(abort) = fault.abort.as_ref().filter(|abort| abort.share() > 0.0) {
        let status = abort.http_status.map(|status| status.to_string());
        let status = status.or_else(|| abort.grpc_status.clone()).unwrap_or_default();
        words.push(format!("{} % are answered {status} before anything else", abort.share()));
    }
    words.join(", ")
}
