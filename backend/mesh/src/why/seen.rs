//! A call that was seen, in a proxy's log or in a trace: who called whom, how it ended, and by which object that
//! was, as far as it says.

use super::addresses::{Addresses, of_pod};
use super::report::{Line, Tone};
use super::wrote::Wrote;
use super::{Asked, From, Told};
use crate::log::Access;
use crate::trace::{Opened, SpanRef};
use crate::{Mesh, Ref, Workload};
use istio::cluster_name::Outbound;
use istio::flags::flags_of;
use istio::hosts::host_and_port;
use istio::kinds;

/// What was seen of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenCall {
    /// Who called; `None` where nobody can tell.
    pub from: Option<From>,
    /// The host that was called, with its port where that is known.
    pub to: String,
    /// "GET".
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// How it was answered; 0 for not at all, or where nobody can tell.
    pub status: u16,
    /// Envoy's response flags: "URX,UF".
    pub flags: String,
    /// Envoy's response code details: who answered, and why.
    pub details: String,
    /// Why TLS with the other side failed.
    pub tls_failure: String,
    /// How long it took, in milliseconds.
    pub took_ms: Option<f64>,
    /// How long the one who was called took of that.
    pub called_ms: Option<f64>,
}

impl SeenCall {
    /// As a line of a proxy's log has it; `pod` is whose log it is, by namespace and name, where that is known.
    pub fn in_log(mesh: &Mesh, access: &Access, pod: Option<(&str, &str)>) -> Self {
        let text = |name: &str| access.get(name).to_owned();
        let cluster = access.get("upstream_cluster");
        let inbound = cluster.starts_with("inbound|") || cluster == "InboundPassthroughCluster";
        let own = pod.filter(|_| !inbound).and_then(|(namespace, pod)| of_pod(mesh, namespace, pod));
        let caller = own.or_else(|| Addresses::of(mesh).caller(access));
        let at_gateway = own.is_some_and(|one| one.gateway) || !inbound && caller.is_none();
        let to = match host_and_port(access.get("authority")) {
            // The port that was dialled; a gateway's own is another one inside of it.
            (host, None) if !host.is_empty() && !at_gateway => {
                match host_and_port(access.get("downstream_local_address")).1 {
                    Some(port) => format!("{host}:{port}"),
                    None => host.to_owned(),
                }
            }
            ("", _) => {
                Outbound::read(cluster).map(|to| format!("{}:{}", to.host, to.port)).unwrap_or_default()
            }
            _ => text("authority"),
        };
        let number = |name: &str| access.get(name).parse().ok();
        Self {
            from: if at_gateway { Some(From::Outside) } else { caller.map(named) },
            to,
            method: text("method"),
            path: text("path"),
            status: access.get("response_code").parse().unwrap_or_default(),
            flags: text("response_flags"),
            details: text("response_code_details"),
            tls_failure: text("upstream_transport_failure_reason"),
            took_ms: number("duration"),
            called_ms: number("upstream_service_time"),
        }
    }

    /// As a row of a trace has it; `None` for one that tells of no call.
    pub fn in_trace(mesh: &Mesh, opened: &Opened, row: usize) -> Option<Self> {
        let row = opened.tree.rows.get(row)?;
        let span = opened.trace.spans.get(row.span)?;
        let url = url(span)?;
        // Who is called knows less of the caller than the caller's own proxy.
        let above = row.parent.and_then(|above| opened.trace.spans.get(opened.tree.rows.get(above)?.span));
        let caller = match span.kind() {
            "server" => above.filter(|above| above.service() != span.service() || above.kind() == "client"),
            _ => Some(span),
        };
        let workload = caller.and_then(|caller| of_span(mesh, caller));
        // Gateways send on what comes in from outside.
        let from = match workload {
            Some(workload) if workload.gateway => Some(From::Outside),
            Some(workload) => Some(named(workload)),
            None => above.is_none().then_some(From::Outside),
        };
        let number = |names: &[&str]| span.tag(names).and_then(|text| text.parse().ok());
        Some(Self {
            from,
            to: url.0,
            path: url.1,
            method: span.tag(&["http.method", "http.request.method"]).unwrap_or("GET").to_owned(),
            status: span.status().and_then(|code| code.parse().ok()).unwrap_or_default(),
            flags: span.tag(&["response_flags"]).filter(|flags| *flags != "-").unwrap_or_default().to_owned(),
            details: span.tag(&["response_code_details"]).unwrap_or_default().to_owned(),
            took_ms: Some(span.duration_us() as f64 / 1000.0),
            called_ms: number(&["upstream_service_time"]),
            ..Self::default()
        })
    }

    /// All calls of a trace, each once: as the caller's proxy has it, or who is called where that one is silent.
    pub fn all_in(mesh: &Mesh, opened: &Opened) -> Vec<Self> {
        let span = |row: usize| opened.span(row);
        let told_above = |row: usize| {
            let above = opened.tree.rows.get(row).and_then(|row| row.parent).and_then(span);
            let gateway = |above| of_span(mesh, above).is_some_and(|workload| workload.gateway);
            above.is_some_and(|above| above.kind() == "client" || gateway(above))
        };
        let is_call = |row: &usize| match span(*row).map(SpanRef::kind) {
            Some("client") => true,
            Some("server") => !told_above(*row),
            _ => false,
        };
        let rows = 0..opened.tree.rows.len();
        rows.filter(is_call).filter_map(|row| Self::in_trace(mesh, opened, row)).collect()
    }

    /// Whether it says how the call ended.
    pub fn has_ended(&self) -> bool {
        self.status > 0 || !self.flags.is_empty() || !self.details.is_empty() || self.took_ms.is_some()
    }

    /// The question that goes with it; headers are not known.
    pub fn asked(&self, now: i64) -> Asked {
        Asked {
            from: self.from.clone().unwrap_or(From::Outside),
            to: self.to.clone(),
            method: if self.method.is_empty() { "GET".to_owned() } else { self.method.clone() },
            path: if self.path.is_empty() { "/".to_owned() } else { self.path.clone() },
            headers: Vec::new(),
            now,
        }
    }

    /// How it ended, by what, and whether it would end so by the rules as they are now.
    pub fn lines(&self, mesh: &Mesh, told: Option<&Told>) -> Vec<Line> {
        let mut lines = vec![self.ended()];
        lines.extend(self.policy(mesh));
        for (flag, code) in flags_of(&self.flags).map(|flag| (flag, flag.code)) {
            let object = told.and_then(|told| cause(mesh, told, code));
            let words = match (&object, told) {
                (Some(at), _) => format!("{}: {}, {at}", flag.code, flag.next),
                (None, _) => format!("{}: {}", flag.code, flag.next),
            };
            lines.push(Line { at: object, ..Line::new("", words, Tone::Plain) });
        }
        if !self.tls_failure.is_empty() {
            lines.push(Line::new("", format!("TLS failed: {}", self.tls_failure), Tone::Bad));
        }
        lines.extend(told.and_then(|told| self.changed(told)));
        lines
    }

    fn ended(&self) -> Line {
        let mut words: Vec<String> = Vec::new();
        words.extend((self.status > 0).then(|| self.status.to_string()));
        words.extend(flags_of(&self.flags).map(|flag| flag.words.to_owned()));
        words.extend(Some(self.details.clone()).filter(|details| !details.is_empty()));
        let took = self.took_ms.map(|ms| match self.called_ms {
            Some(called) => format!("{}, {} of it the one who was called", millis(ms), millis(called)),
            None => millis(ms),
        });
        words.extend(took);
        let bad = self.status >= 400 || flags_of(&self.flags).next().is_some();
        let tone = if bad { Tone::Bad } else { Tone::Good };
        let words = if words.is_empty() { "how it ended is not known".to_owned() } else { words.join(", ") };
        Line::new("Seen", words, tone)
    }

    /// The policy that the details name: `rbac_access_denied_matched_policy[ns[shop]-policy[deny]-rule[0]]`.
    fn policy(&self, mesh: &Mesh) -> Option<Line> {
        if self.details.starts_with("jwt_authn_access_denied") {
            return Some(Line::new("", "A RequestAuthentication refused its token", Tone::Bad));
        }
        let inner = self.details.strip_prefix("rbac_access_denied_matched_policy[")?;
        let part = |name: &str| {
            let (_, rest) = inner.split_once(&format!("{name}["))?;
            Some(rest.split(']').next().unwrap_or_default())
        };
        let Some(((namespace, name), rule)) = part("ns").zip(part("policy")).zip(part("rule")) else {
            return Some(Line::new(
                "",
                "ALLOW policies hold there, and none of their rules takes it",
                Tone::Bad,
            ));
        };
        let at = Ref::new(&kinds::AUTHORIZATION_POLICY, namespace, name);
        let there = mesh.objects().contains(&at);
        let gone = if there { "" } else { ", which is not there any more" };
        let line = Line::new("", format!("Denied by {at} spec.rules[{rule}]{gone}"), Tone::Bad);
        Some(Line { at: there.then_some(at), ..line })
    }

    /// What is different by the rules as they are now.
    fn changed(&self, told: &Told) -> Option<Line> {
        let refused = self.details.starts_with("rbac_access_denied") || self.details.starts_with("jwt_authn");
        let may = told.hops.iter().map(|hop| &hop.admission).chain(told.gateway.iter().map(|(_, one)| one));
        let lets_in = may.clone().all(|one| one.may == istio::admit::Holds::Yes);
        let has = |code: &str| flags_of(&self.flags).any(|flag| flag.code == code);
        let outcome = &told.taken.outcome;
        let words = if refused && lets_in {
            "By the rules as they are now it is let in: they changed since, or it had headers that matter"
        } else if has("FI") && outcome.fault.is_none() {
            "By the rules as they are now there is no fault: they changed since, or it had headers that matter"
        } else if !refused && (1..400).contains(&self.status) && !told.hops.is_empty() && !lets_in {
            "By the rules as they are now it is not let in: they changed since, or it had headers that matter"
        } else {
            return None;
        };
        Some(Line::new("", words, Tone::Unsure))
    }
}

/// "31 ms", "1.4 ms".
fn millis(ms: f64) -> String {
    if ms >= 10.0 || ms.fract() == 0.0 { format!("{ms:.0} ms") } else { format!("{ms:.1} ms") }
}

/// The object that a flag is due to, of those that hold for the call.
fn cause(mesh: &Mesh, told: &Told, flag: &str) -> Option<Ref> {
    let outcome = &told.taken.outcome;
    let rule = || told.taken.rule.as_ref().map(|rule| rule.object.clone());
    match flag {
        "FI" | "DI" if outcome.fault.is_some() => rule(),
        "UT" if outcome.timeout.is_some() || outcome.retries.is_some() => rule(),
        "URX" if outcome.retries.is_some() => rule(),
        "NC" => rule(),
        // Subsets, limits and ejections stand in the destination's own rule.
        "UO" | "UH" | "UF" => {
            let host = &outcome.destinations.first()?.host;
            let mut rules = mesh.destination_rules();
            rules.find(|(at, rule)| istio::fqdn(&rule.host, &at.namespace) == *host).map(|(at, _)| at.clone())
        }
        _ => None,
    }
}

fn named(workload: &Workload) -> From {
    From::Workload { namespace: workload.namespace.to_string(), name: workload.name.to_string() }
}

/// The workload whose proxy wrote a span.
fn of_span<'m>(mesh: &'m Mesh, span: SpanRef<'_>) -> Option<&'m Workload> {
    Wrote::span(mesh, span).map(|wrote| wrote.workload)
}

/// Host and path of a span's URL.
fn url(span: SpanRef<'_>) -> Option<(String, String)> {
    let url = span.tag(&["http.url", "url.full"])?;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    (!host.is_empty()).then(|| (host.to_owned(), path.to_owned()))
}

#[cfg(test)]
#[path = "seen_tests.rs"]
mod tests;
