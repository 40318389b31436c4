//! Rate limit: how many calls a workload, a port, a host or a route takes in a time. Either each proxy counts
//! for itself, or a service counts for all of them.

mod tables;

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::fields::{FieldRow, Fields};
use super::form::{Form, Setting};
use crate::kit::{Button, fmt};
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::edit::rate_limit::{self, By, Calls, LimitOf};
use mesh::evidence::{Claim, Measure, Want};
use mesh::plan::{Plan, capital};
use mesh::traffic::Traffic;
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tables::{AT_ONCE, CALLS, CLUSTER, CODE, DOMAIN, EVERY, LOCAL, SERVICE, TOLD};

/// The limit of some calls, if they have one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit(Option<Fields>);

impl Scope for LimitOf {
    fn is(&self, now: &Self) -> bool {
        let patch = self.patch == now.patch || self.patch.is_none();
        let calls = (self.by, &self.calls, self.out) == (now.by, &now.calls, now.out);
        self.workload == now.workload && calls && patch
    }
}

impl Edits for Limit {
    type Scope = LimitOf;
    const ABOUT: About = About {
        name: "Rate limit",
        icon: icon::SPEEDOMETER,
        summary: "Let a workload, a port or a route take so many calls in a time, and refuse the others with 429",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::ENVOY_FILTER];
    const CHOOSER: Chooser = Chooser::Menu("rate limit of calls");
    const FIELDS: &'static [&'static [FieldRow]] = &[LOCAL, SERVICE, TOLD];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<LimitOf, Self>> {
        let with_proxy = subject.workloads.iter().filter(|workload| workload.proxies().next().is_some());
        let all = with_proxy.flat_map(|workload| rate_limit::limits(mesh, workload));
        all.map(|at| {
            let counts = |fields: &Fields| at.by != By::Proxy || fields.value(CALLS).is_some();
            let now = at.config(mesh).map(|config| Fields::of(Some(config), rows(&at))).filter(counts);
            Scoped {
                words: in_scope(&at),
                object: at.patch.as_ref().map_or_else(
                    || at.workload.name.to_string(),
                    |(object, _)| format!("{} {}", object.kind, object.name),
                ),
                present: now.is_some(),
                now: Self(now),
                usual: at.by == By::Proxy && at.calls == Calls::All,
                locked: at.odd(mesh).map(|why| ("limited".to_owned(), why.to_owned())),
                at,
            }
        })
        .collect()
    }

    fn form(&mut self, was: &Self, at: &LimitOf, form: &mut Form<'_>) {
        let mut on = self.0.is_some();
        let (word, means) = match at.by {
            By::Proxy => {
                ("Limit calls", "Each proxy counts calls by itself, and refuses those that are too many")
            }
            By::Service => {
                ("Ask a service", "Proxies ask a rate limit service about each call: it counts for all")
            }
            By::Told => ("Tell of calls", "What whoever counts is told of each call"),
        };
        form.switch(Setting::of(word).means(means), &mut on);
        match (&mut self.0, on) {
            (Some(_), false) => self.0 = None,
            (None, true) => self.0 = Some(was.0.clone().unwrap_or_else(|| start(at.by, form))),
            _ => {}
        }
        let Some(fields) = &mut self.0 else { return refused(form, at, 429) };
        for table in tables(at) {
            fields.form(table, form);
        }
        match at.by {
            By::Proxy => of_proxies(form, at),
            By::Service => of_service(form, fields),
            By::Told => {}
        }
        let wider = form.known(&("wider", at), |mesh| at.workloads(mesh).len());
        if wider > 1 {
            form.note(format!("This EnvoyFilter is for {wider} workloads: each of them is limited so"));
        }
        refused(form, at, fields.get(CODE).or(fields.get("rate_limited_status/code")).unwrap_or(429));
    }

    fn plan(&self, was: &Self, at: &LimitOf, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        let mesh = plan.mesh();
        let Some((place, below)) = rate_limit::shown(mesh, at) else { return plan.gone() };
        if let Some(fields) = &self.0 {
            if !fields.is_of(tables(at).into_iter().flatten()) {
                return plan.not_yet("Nothing to push yet: these are no fields of such a limit");
            }
            if let Some(why) = lacks(fields, at) {
                return plan.not_yet(format!("Nothing to push yet: say {why}"));
            }
        }
        let object = at.patch.as_ref().map(|(object, _)| object);
        let shows = |fields: &Fields| there(fields, at.by, &place, &below);
        let none = |fields: &Fields| gone(fields, at.by, &place, &below);
        match (&self.0, &was.0, at.place(mesh).zip(object)) {
            (Some(now), Some(before), Some((inner, object))) => {
                now.plan(before, &mut plan.object(object).within(&inner));
                let asked =
                    |fields: &Fields| fields.value(CLUSTER).and_then(Value::as_str).map(str::to_owned);
                if let Some(was) = asked(before).filter(|was| asked(now).as_ref() != Some(was)) {
                    rate_limit::asks_by_name(&mut plan.object(object).within(&inner), &was);
                }
                match at.by {
                    By::Told => {
                        let (now, before) = (rows_of(now), rows_of(before));
                        plan.claims(
                            differ(&now, &before, &place, &below),
                            differ(&before, &now, &place, &below),
                        );
                    }
                    By::Proxy | By::Service => now.shows(Some(before), rows(at), (&place, &below), plan),
                }
                plan.title(format!("{}: {}", of(at), now.said(before, rows(at))));
            }
            (Some(now), None, _) => {
                let mut config = json!({});
                now.write(&Fields::default(), &mut config);
                if rate_limit::create(plan, at, config).is_none() {
                    return;
                }
                plan.claims(shows(now), none(now));
                plan.title(format!("{}: {}", of(at), in_words(now, at.by)));
            }
            (None, Some(before), _) => {
                rate_limit::remove(plan, at);
                plan.claims(none(before), shows(before));
                plan.title(format!("{}: no longer {}", of(at), in_words(before, at.by)));
            }
            _ => return plan.gone(),
        }
        let told =
            Measure::Untold("Calls are refused once there are too many; the form says how many".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let local = [
            json!({ "token_bucket": { "tokens_per_fill": 5, "fill_interval": "10s", "max_tokens": 7 } }),
            json!({ "token_bucket": { "tokens_per_fill": 50, "fill_interval": "0.5s", "max_tokens": 50 },
                "status": { "code": 503 }, "filter_enforced": { "default_value": { "numerator": 50 } },
                "rate_limits": [{ "actions": [{ "request_headers": { "header_name": ":path", "descriptor_key": "path" } }] }],
                "descriptors": [{ "entries": [{ "key": "path", "value": "/dear" }],
                    "token_bucket": { "tokens_per_fill": 1, "fill_interval": "1s", "max_tokens": 1 } }] }),
        ];
        let local = local.iter().map(|config| Self(Some(Fields::of(Some(config), LOCAL))));
        let told = json!({ "rate_limits": [{ "actions": [{ "remote_address": {} }] },
            { "actions": [{ "request_headers": { "header_name": "x-user", "descriptor_key": "user" } }] }] });
        let service = json!({ "domain": "shop", "failure_mode_deny": true, "timeout": "0.1s",
            "rate_limit_service": { "grpc_service": { "envoy_grpc": {
                "cluster_name": "outbound|9080||details.bookinfo.svc.cluster.local" } } } });
        let of_service = Fields::of(Some(&service), SERVICE);
        let mut whole = of_service.clone();
        whole.put("rate_limits", &told["rate_limits"]);
        let some = [of_service, whole, Fields::of(Some(&told), TOLD)].map(|fields| Self(Some(fields)));
        std::iter::once(Self(None)).chain(local).chain(some).collect()
    }
}

/// The tables of what is limited so; a new limit of a service has what it is told of calls, too.
fn tables(at: &LimitOf) -> Vec<&'static [FieldRow]> {
    match (at.by, &at.patch) {
        (By::Proxy, _) => vec![LOCAL],
        (By::Service, Some(_)) => vec![SERVICE],
        (By::Service, None) => vec![SERVICE, TOLD],
        (By::Told, _) => vec![TOLD],
    }
}

fn rows(at: &LimitOf) -> impl Iterator<Item = &'static FieldRow> {
    tables(at).into_iter().flatten()
}

/// "calls to reviews-v1, port 9080".
fn calls(at: &LimitOf) -> String {
    let way = if at.out { "from" } else { "to" };
    match &at.calls {
        Calls::All => format!("calls {way} {}", at.workload.name),
        part => format!("calls {way} {}, {part}", at.workload.name),
    }
}

/// In which words it is chosen.
fn in_scope(at: &LimitOf) -> String {
    match at.by {
        By::Proxy => calls(at),
        By::Service => format!("by a service: {}", calls(at)),
        By::Told => format!("told of {}", calls(at)),
    }
}

/// How a sentence about it begins.
fn of(at: &LimitOf) -> String {
    match at.by {
        By::Proxy => capital(&calls(at)),
        By::Service => format!("{}, counted by a service", capital(&calls(at))),
        By::Told => format!("What is told of {}", calls(at)),
    }
}

/// What a new one begins with.
fn start(by: By, form: &mut Form<'_>) -> Fields {
    let path =
        json!([{ "actions": [{ "request_headers": { "header_name": ":path", "descriptor_key": "PATH" } }] }]);
    match by {
        By::Proxy => {
            let mut fields =
                Fields::with([(CALLS, json!(100)), (EVERY, json!("60s")), (AT_ONCE, json!(100))]);
            fields.put("filter_enforced/default_value/numerator", &100_u32);
            fields
        }
        By::Service => {
            let servers = form.known(&"servers", rate_limit::servers);
            let limiter = servers.into_iter().find(|server| server.limiter);
            let cluster = limiter.map(|server| server.cluster).unwrap_or_default();
            Fields::with([(CLUSTER, json!(cluster)), (DOMAIN, json!("ratelimit")), ("rate_limits", path)])
        }
        By::Told => Fields::with([("rate_limits", path)]),
    }
}

/// What is still to be said.
fn lacks(fields: &Fields, at: &LimitOf) -> Option<&'static str> {
    let missing = |path: &&&str| match fields.value(path) {
        None => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    };
    let (needs, why): (&[&str], _) = match at.by {
        By::Proxy => (&[CALLS, EVERY, AT_ONCE], "how many calls, in which time, and how many at once"),
        By::Service => (&[CLUSTER, DOMAIN], "which service counts, and for which domain"),
        By::Told => (&["rate_limits"], "what is told of each call"),
    };
    let parts = rows_of(fields).into_iter().map(|row| row["actions"].as_array().cloned().unwrap_or_default());
    let one = |part: &Value| part.as_object().is_some_and(|fields| fields.len() == 1);
    if needs.iter().any(|path| missing(&path)) {
        return Some(why);
    }
    let clear = parts.into_iter().all(|parts| !parts.is_empty() && parts.iter().all(one));
    (!clear).then_some(
        "one thing for each part of what is told: a header, a text, the address or the destination",
    )
}

/// What proxies show of a limit that is there.
fn there(fields: &Fields, by: By, place: &Claim, below: &str) -> Vec<Claim> {
    let at = |path: &str| place.clone().at(&format!("{below}{path}"));
    match by {
        By::Proxy => {
            let bucket = json!({ "tokens_per_fill": fields.value(CALLS), "fill_interval": fields.value(EVERY),
                "max_tokens": fields.value(AT_ONCE) });
            vec![at("/token_bucket").is(bucket)]
        }
        By::Service => vec![at("/domain").is(fields.value(DOMAIN).cloned().unwrap_or_default())],
        By::Told => differ(&rows_of(fields), &[], place, below),
    }
}

/// What they show without it.
fn gone(fields: &Fields, by: By, place: &Claim, below: &str) -> Vec<Claim> {
    let at = |path: &str| place.clone().at(&format!("{below}{path}"));
    match by {
        By::Proxy => vec![at("/token_bucket").absent()],
        By::Service => vec![at("/domain").absent()],
        By::Told => differ(&[], &rows_of(fields), place, below),
    }
}

/// What is told of each call.
fn rows_of(fields: &Fields) -> Vec<Value> {
    fields.value("rate_limits").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The rows that are there now, and those that are no more: others may have theirs in the same list.
fn differ(now: &[Value], was: &[Value], place: &Claim, below: &str) -> Vec<Claim> {
    let at = || place.clone().at(&format!("{below}/rate_limits"));
    let row = |row: &Value| Want::Row(row.clone());
    let come = now.iter().filter(|one| !was.contains(one)).map(|one| at().wants(row(one)));
    let gone = was.iter().filter(|one| !now.contains(one));
    come.chain(gone.map(|one| at().wants(Want::Not(Box::new(row(one)))))).collect()
}

/// "100 calls every 60 s".
fn in_words(fields: &Fields, by: By) -> String {
    match by {
        By::Proxy => {
            let every = fields.get::<istio::Duration>(EVERY).map(super::form::shown).unwrap_or_default();
            let calls = fields.get::<u32>(CALLS).unwrap_or(0) as usize;
            format!("at most {} every {every}", fmt::counted(calls, "call", "calls"))
        }
        By::Service => {
            let said = |path| fields.value(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("domain {} of {}", said(DOMAIN), said(CLUSTER))
        }
        By::Told => fields.in_short(TOLD),
    }
}

/// What several pods mean for a limit that each proxy counts.
fn of_proxies(form: &mut Form<'_>, at: &LimitOf) {
    let pods = form.known(&("pods", at), |mesh| at.workload(mesh).map_or(0, |workload| workload.pods.len()));
    if pods > 1 {
        form.note(format!("Each proxy counts for itself: {pods} pods let through {pods} times as many"));
    }
}

/// Who can be asked, and what is to be known of it.
fn of_service(form: &mut Form<'_>, fields: &mut Fields) {
    let cluster: String = fields.value(CLUSTER).and_then(Value::as_str).unwrap_or_default().to_owned();
    let asked = cluster.clone();
    let (known, servers) = form.known(&("servers", &cluster), move |mesh| {
        (rate_limit::knows(mesh, &asked), rate_limit::servers(mesh))
    });
    for server in servers.iter().filter(|server| server.cluster != cluster).take(3) {
        form.line("", 0.0, |line| {
            let name = format!("ask {} for {}", server.words, line.subject());
            if line.button(Button::quiet(format!("Ask {}", server.words)).named(name), true) {
                fields.put(CLUSTER, &server.cluster.as_str());
            }
        });
    }
    if servers.is_empty() {
        form.note(
            "No Service here has a gRPC port, so that nobody who could count is seen: start a rate limit service, as \
             samples/ratelimit of Istio has one",
        );
    }
    if known == Some(false) {
        form.warning(
            &format!("This mesh has no service and port of {cluster}"),
            "Proxies ask a service that they are told of",
            "Start the rate limit service first, or name another",
        );
    }
    let domain = fields.value(DOMAIN).and_then(Value::as_str).unwrap_or_default();
    form.note(format!(
        "How many calls are let through is said by that service's own configuration, for the domain {domain} and \
         the keys"
    ));
}

/// How many calls are refused just now.
fn refused(form: &mut Form<'_>, at: &LimitOf, code: u32) {
    let rate = |mesh: &Mesh, traffic: &Traffic| {
        // What a gateway refuses has come to no workload behind it.
        let caller = at.out || at.workload(mesh).is_some_and(|workload| workload.gateway);
        let of = |path: &&mesh::traffic::Path| {
            let peer = if caller { &path.source } else { &path.destination };
            peer.workload == at.workload.name && peer.namespace == at.workload.namespace
        };
        let flows = traffic.flows.iter().filter(|(path, _)| of(path));
        let (mut all, mut refused) = (0.0, 0.0);
        for ((answer, _), rps) in flows.flat_map(|(_, flow)| &flow.responses) {
            all += rps;
            if **answer == *code.to_string() {
                refused += rps;
            }
        }
        (all, refused)
    };
    let said = match form.measured(&("refused", at, code), rate) {
        Some((all, refused)) => {
            format!("{} of {} are answered with {code} just now", fmt::rps(refused), fmt::rps(all))
        }
        None => format!("How many calls are answered with {code} is not known: nothing is measured"),
    };
    form.note(said);
}
