//! Load balancing: which endpoint takes a call, whether the same caller meets the same one again, how a new
//! one is eased in, and which zone comes first.

use super::edits::{Chooser, Edits, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::{Form, WIDE};
use super::localities;
use super::rules::policies;
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::edit::balancing;
use mesh::evidence::Measure;
use mesh::plan::{Level, Plan, PolicyOf, capital};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::RangeInclusive;

const SIMPLE: &str = "loadBalancer/simple";
const HASH: &str = "loadBalancer/consistentHash/";
const HEADER: &str = "loadBalancer/consistentHash/httpHeaderName";
const COOKIE: &str = "loadBalancer/consistentHash/httpCookie/name";
const SOURCE: &str = "loadBalancer/consistentHash/useSourceIp";
const QUERY: &str = "loadBalancer/consistentHash/httpQueryParameterName";
const WARMUP: &str = "loadBalancer/warmup/";

/// The methods as they are chosen: what users read, what Istio writes.
const METHODS: [(&str, Option<&str>); 6] = [
    ("as the mesh says", None),
    ("with fewest requests", Some("LEAST_REQUEST")),
    ("each in turn", Some("ROUND_ROBIN")),
    ("any at random", Some("RANDOM")),
    ("the address that was called", Some("PASSTHROUGH")),
    ("the same, by a hash", None),
];
/// Those that can ease a new endpoint in.
const EASING: RangeInclusive<usize> = 0..=2;
const HASHED: usize = 5;

/// What can be hashed, with what it begins with.
const HASHED_BY: [(&str, &str); 4] = [
    ("a header", HEADER),
    ("a cookie", COOKIE),
    ("the caller's address", SOURCE),
    ("a query parameter", QUERY),
];

fields! {
    METHOD {
        "loadBalancer/simple" "Method"
            Holds::OneOf(&["LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"]), "as the mesh says" []
            "Which endpoint takes a call";
    }
    BY_HEADER {
        "loadBalancer/consistentHash/httpHeaderName" "Header" Holds::Text("end-user"), "" []
            "The header whose value decides";
    }
    BY_COOKIE {
        "loadBalancer/consistentHash/httpCookie/name" "Cookie" Holds::Text("session"), "" []
            "The cookie whose value decides";
        "loadBalancer/consistentHash/httpCookie/ttl" "Made for" Holds::Time(3_600_000), "it is not made" []
            "How long a cookie lives that the proxy makes where a caller has none";
        "loadBalancer/consistentHash/httpCookie/path" "Cookie's path" Holds::Text("/"), "none" []
            "The path that such a cookie is for";
    }
    BY_SOURCE {
        "loadBalancer/consistentHash/useSourceIp" "Caller's address" Holds::YesOrNo, "" []
            "Whether the address of the caller decides";
    }
    BY_QUERY {
        "loadBalancer/consistentHash/httpQueryParameterName" "Query parameter" Holds::Text("user"), "" []
            "The parameter whose value decides";
    }
    RING {
        "loadBalancer/consistentHash/ringHash/minimumRingSize" "Ring's least size" Holds::Count(1024), "1024" []
            "Places in the ring: more of them share out more evenly";
        "loadBalancer/consistentHash/maglev/tableSize" "Maglev table" Holds::Count(65_537), "a ring instead" []
            "Size of the table, a prime number; with one, Maglev is used in place of a ring";
    }
    WARM {
        "loadBalancer/warmup/duration" "Warm-up time" Holds::Time(60_000), "none" []
            "How long a new endpoint gets fewer calls than the others";
        "loadBalancer/warmup/minimumPercent" "It begins with" Holds::Percent(10), "10 %" []
            "Its first share of what it gets in the end";
        "loadBalancer/warmup/aggression" "Aggression" Holds::Factor(1), "1, evenly" []
            "How fast it grows: more than 1 is faster at first";
    }
    PLACES {
        "loadBalancer/localityLbSetting/enabled" "By locality" Holds::YesOrNo, "as the mesh says" []
            "Whether nearer endpoints come first";
        "loadBalancer/localityLbSetting/failoverPriority" "By labels"
            Holds::List("topology.istio.io/network"), "by region, zone, subzone" []
            "Labels that count as near, the most important first";
        "loadBalancer/localityLbSetting/failover" "Failover" Holds::Rows, "" [] "Which region takes over";
        "loadBalancer/localityLbSetting/distribute" "Shares" Holds::Rows, "" [] "What each locality gets";
    }
}

fn rows() -> impl Iterator<Item = &'static FieldRow> {
    [METHOD, BY_HEADER, BY_COOKIE, BY_SOURCE, BY_QUERY, RING, WARM, PLACES].into_iter().flatten()
}

/// How the endpoint of a call is chosen: of a service, a subset or a port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Balance(Fields);

impl Edits for Balance {
    type Scope = PolicyOf;
    const ABOUT: About = About {
        name: "Load balancing",
        icon: icon::SCALES,
        summary: "Choose which endpoint takes a call: by load, in turn, by hash, by zone",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::DESTINATION_RULE];
    const CHOOSER: Chooser = Chooser::Menu("load balancing calls");
    const PLACE: &'static str = "spec/trafficPolicy";
    const FIELDS: &'static [&'static [FieldRow]] =
        &[METHOD, BY_HEADER, BY_COOKIE, BY_SOURCE, BY_QUERY, RING, WARM, PLACES];

    fn applies(_service: &Service) -> bool {
        true
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyOf, Self>> {
        policies(mesh, subject, |policy| Self(Fields::of(policy, rows())))
    }

    fn form(&mut self, _was: &Self, at: &PolicyOf, form: &mut Form<'_>) {
        let (fields, name) = (&mut self.0, format!("load balancing of {}", form.subject()));
        let chosen = method(fields);
        form.line("Next call goes to", WIDE, |line| {
            let options: Vec<&str> = METHODS.iter().map(|(word, _)| *word).collect();
            if let Some(picked) = line.choose(&name, &options, chosen).filter(|picked| *picked != chosen) {
                fields.clear(HASH);
                fields.put(SIMPLE, &METHODS[picked].1.map(str::to_owned));
                if picked == HASHED {
                    fields.put(HEADER, &"end-user");
                }
                if !EASING.contains(&picked) {
                    fields.clear(WARMUP);
                }
            }
        });
        match method(fields) {
            HASHED => hashed(fields, &name, form),
            at if EASING.contains(&at) => {
                form.section("Warm-up", fields.said_in(&[WARM]), |form| fields.form(WARM, form));
            }
            _ => {}
        }
        form.section("Localities", fields.said_in(&[PLACES]), |form| {
            fields.form(PLACES, form);
            localities::form(fields, form);
        });
        let ejects =
            |mesh: &Mesh| at.now(mesh).is_some_and(|policy| policy.get("outlierDetection").is_some());
        if localities::fails_over(fields) && !form.known(&("ejects", at), ejects) {
            form.note(
                "Failover needs Circuit breaker → Leave failing endpoints out: else nothing fails over",
            );
        }
        if at.level != Level::Service {
            form.note("What is set here counts in place of what the service has, as a whole");
        }
    }

    fn plan(&self, was: &Self, at: &PolicyOf, plan: &mut Plan<'_>) {
        let (fields, was) = (&self.0, &was.0);
        if method(fields) == HASHED && hashed_by(fields).is_none() {
            return plan.not_yet("Nothing to push yet: say what is hashed");
        }
        if fields.says(WARM) && fields.get::<String>("loadBalancer/warmup/duration").is_none() {
            return plan.not_yet("Nothing to push yet: say how long the warm-up takes");
        }
        fields.plan(was, &mut plan.policy(at));
        balancing::claims(plan, at);
        let told = Measure::Untold("Telemetry counts calls of versions, not of endpoints".to_owned());
        plan.measures(Some(told.clone()), Some(told));
        plan.title(format!("{}: {}", capital(&at.words()), fields.said(was, rows())));
    }

    fn samples() -> Vec<Self> {
        let places = json!({ "enabled": true, "distribute": [{ "from": "east/*",
            "to": { "east/a/*": 80, "east/b/*": 20 } }] });
        let some = [
            json!({ "loadBalancer": { "simple": "ROUND_ROBIN", "warmup": { "duration": "30s",
                "minimumPercent": 20, "aggression": 1.5 } } }),
            json!({ "loadBalancer": { "simple": "RANDOM", "localityLbSetting": places } }),
            json!({ "loadBalancer": { "consistentHash": { "httpCookie": { "name": "c" } } } }),
            json!({ "loadBalancer": { "consistentHash": { "httpHeaderName": "end-user" } } }),
            json!({ "loadBalancer": { "consistentHash": { "useSourceIp": true,
                "maglev": { "tableSize": 251 } } } }),
            json!({ "loadBalancer": { "consistentHash": { "ringHash": { "minimumRingSize": 7 },
                "httpCookie": { "name": "session", "ttl": "0s" } } } }),
            json!({}),
        ];
        some.iter().map(|policy| Self(Fields::of(Some(policy), rows()))).collect()
    }
}

/// Which of [`METHODS`] is chosen.
fn method(fields: &Fields) -> usize {
    if hashed_by(fields).is_some() || fields.says(RING) {
        return HASHED;
    }
    let simple = fields.get::<String>(SIMPLE);
    METHODS.iter().position(|(_, written)| simple.as_deref() == *written).unwrap_or(0)
}

/// Which of [`HASHED_BY`] decides.
fn hashed_by(fields: &Fields) -> Option<usize> {
    HASHED_BY.iter().position(|(_, path)| match fields.get::<bool>(path) {
        Some(on) => on,
        None => fields.get::<String>(path).is_some(),
    })
}

fn hashed(fields: &mut Fields, name: &str, form: &mut Form<'_>) {
    let by = hashed_by(fields);
    form.line("Hashed is", WIDE, |line| {
        let options = HASHED_BY.map(|(word, _)| word);
        let picked = line.choose(&format!("hash of {name}"), &options, by.unwrap_or(options.len()));
        if let Some(picked) = picked.filter(|picked| Some(*picked) != by) {
            for table in [BY_HEADER, BY_COOKIE, BY_SOURCE, BY_QUERY] {
                table.iter().for_each(|row| fields.clear(row.path));
            }
            match [BY_HEADER, BY_COOKIE, BY_SOURCE, BY_QUERY][picked][0].holds {
                Holds::Text(start) => fields.put(HASHED_BY[picked].1, &start),
                _ => fields.put(HASHED_BY[picked].1, &true),
            }
        }
    });
    match by {
        Some(0) => fields.form(BY_HEADER, form),
        Some(1) => fields.form(BY_COOKIE, form),
        Some(3) => fields.form(BY_QUERY, form),
        _ => {}
    }
    fields.form(RING, form);
}
