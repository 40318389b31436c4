//! Circuit breaker: limits on connections and requests, and which endpoints are left out because they fail.

use super::edits::{Chooser, Edits, Scoped};
use super::ejected::ejected;
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use super::in_force;
use super::rules::policies;
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::evidence::{CountedCalls, Counting, Mark, Measure, Portion, Want, Wanted};
use mesh::plan::{Level, Plan, PolicyOf, capital};
use mesh::{Kind, Mesh, SchemaOf, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;

const LIMIT: &str = "/circuit_breakers/thresholds/0";
const HTTP_OPTIONS: &str =
    "/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const COMMON: &str = "/common_http_protocol_options";
const KEEP_ALIVE: &str = "/upstream_connection_options/tcp_keepalive";
const TCP_IDLE: &str = "connectionPool/tcp/idleTimeout";
const CONNECT: &str = "connectionPool/tcp/connectTimeout";
const HTTP_IDLE: &str = "connectionPool/http/idleTimeout";
const UPGRADE: &str = "connectionPool/http/h2UpgradePolicy";
const AS_CLIENT: &str = "connectionPool/http/useClientProtocol";
const APART: &str = "outlierDetection/splitExternalLocalOriginErrors";
const LOCAL: &str = "outlierDetection/consecutiveLocalOriginFailures";

fields! {
    TCP {
        "connectionPool/tcp/maxConnections" "Connections" Holds::Count(100), "no limit"
            [LIMIT, "/max_connections"]
            "The most connections that one caller's proxy opens";
        "connectionPool/tcp/connectTimeout" "Connect timeout" Holds::Time(10_000), "10 s" ["/connect_timeout"]
            "How long connecting may take";
        "connectionPool/tcp/idleTimeout" "Idle timeout" Holds::Time(3_600_000), "1 h"
            [HTTP_OPTIONS, COMMON, "/idle_timeout"] "How long a connection may be idle";
        "connectionPool/tcp/maxConnectionDuration" "Lifetime" Holds::Time(3_600_000), "no limit"
            [HTTP_OPTIONS, COMMON, "/max_connection_duration"] "How long a connection may live";
        "connectionPool/tcp/tcpKeepalive/time" "Keep-alive after" Holds::Seconds(7_200_000), "as the system"
            [KEEP_ALIVE, "/keepalive_time"] "How long a connection is idle before it is probed";
        "connectionPool/tcp/tcpKeepalive/interval" "Keep-alive every" Holds::Seconds(75_000), "as the system"
            [KEEP_ALIVE, "/keepalive_interval"] "The time between two probes";
        "connectionPool/tcp/tcpKeepalive/probes" "Keep-alive probes" Holds::Count(9), "as the system"
            [KEEP_ALIVE, "/keepalive_probes"] "Unanswered probes until a connection is dead";
    }
    HTTP {
        "connectionPool/http/http1MaxPendingRequests" "Waiting requests" Holds::Count(100), "no limit"
            [LIMIT, "/max_pending_requests"]
            "Requests that may wait for a connection; more are refused with 503";
        "connectionPool/http/http2MaxRequests" "Requests at once" Holds::Count(100), "no limit"
            [LIMIT, "/max_requests"]
            "Requests under way at once; more are refused with 503";
        "connectionPool/http/maxRetries" "Retries at once" Holds::Count(3), "no limit" [LIMIT, "/max_retries"]
            "Retries under way at once";
        "connectionPool/http/maxRequestsPerConnection" "Per connection" Holds::Count(1), "no limit"
            [HTTP_OPTIONS, COMMON, "/max_requests_per_connection"]
            "Requests until a connection is replaced; 1 turns keep-alive off";
        "connectionPool/http/idleTimeout" "Unused for" Holds::Time(3_600_000), "1 h"
            [HTTP_OPTIONS, COMMON, "/idle_timeout"] "How long an unused connection stays open";
        "connectionPool/http/useClientProtocol" "As the client" Holds::Adds, "no"
            [HTTP_OPTIONS, "/use_downstream_protocol_config"]
            "Whether to speak the protocol that the client speaks";
        "connectionPool/http/h2UpgradePolicy" "Upgrade to HTTP/2"
            Holds::OneOf(&["UPGRADE", "DO_NOT_UPGRADE", "DEFAULT"]), "as the mesh says" []
            "Whether HTTP/1.1 is upgraded to HTTP/2";
    }
    /// Where HTTP/2 is spoken; below the options of that protocol.
    HTTP2 {
        "connectionPool/http/maxConcurrentStreams" "Streams" Holds::Count(100), "no limit"
            ["/http2_protocol_options/max_concurrent_streams"] "Requests at once on one HTTP/2 connection";
        "connectionPool/http/http2KeepAlive/interval" "Pings every" Holds::Time(30_000), "none"
            ["/http2_protocol_options/connection_keepalive/interval"]
            "The time between pings on HTTP/2 connections";
        "connectionPool/http/http2KeepAlive/timeout" "Pings within" Holds::Time(10_000), "none"
            ["/http2_protocol_options/connection_keepalive/timeout"]
            "How long to wait for the answer to a ping";
    }
    /// Not of a single port.
    BUDGET {
        "retryBudget" "Retry budget" Holds::Block, "" [LIMIT, "/retry_budget"]
            "Whether retries are limited by the calls that are under way, in place of a fixed number";
    }
    BUDGETED {
        "retryBudget/percent" "Retries up to" Holds::Percent(20), "20 %"
            [LIMIT, "/retry_budget/budget_percent/value"]
            "Retries under way at once, in percent of the calls that are";
        "retryBudget/minRetryConcurrency" "But at least" Holds::Count(3), "3"
            [LIMIT, "/retry_budget/min_retry_concurrency"]
            "So many retries may be under way however few calls there are";
    }
    EJECTION {
        "outlierDetection" "Leave failing endpoints out" Holds::Block, "" ["/outlier_detection"]
            "Whether endpoints that fail get no calls for a while";
    }
    EJECTED {
        "outlierDetection/consecutive5xxErrors" "Errors in a row" Holds::UpTo(5, ""), "5"
            ["/outlier_detection/consecutive_5xx"] "Answers of 5xx until an endpoint is left out; 0: never";
        "outlierDetection/consecutiveGatewayErrors" "Gateway errors" Holds::UpTo(5, ""), "not counted"
            ["/outlier_detection/consecutive_gateway_failure"]
            "Answers 502, 503 and 504 until it is left out; 0: never";
        "outlierDetection/interval" "Looked at every" Holds::Time(10_000), "10 s"
            ["/outlier_detection/interval"]
            "The time between two looks at the endpoints";
        "outlierDetection/baseEjectionTime" "Left out for" Holds::Time(30_000), "30 s"
            ["/outlier_detection/base_ejection_time"]
            "How long an endpoint is left out, times how often it was";
        "outlierDetection/maxEjectionPercent" "At most" Holds::Percent(10), "10 %"
            ["/outlier_detection/max_ejection_percent"] "The most endpoints that are left out, in percent";
        "outlierDetection/minHealthPercent" "As long as" Holds::Percent(50), "0 %"
            ["/common_lb_config/healthy_panic_threshold/value"]
            "The share of healthy endpoints, in percent, below which nobody is left out";
        "outlierDetection/splitExternalLocalOriginErrors" "Local errors apart" Holds::YesOrNo, "no"
            ["/outlier_detection/split_external_local_origin_errors"]
            "Whether errors of the connection are counted apart from answers";
        "outlierDetection/consecutiveLocalOriginFailures" "Local errors" Holds::Count(5), "5"
            ["/outlier_detection/consecutive_local_origin_failure"]
            "Errors of the connection until it is left out";
        "outlierDetection/outlierDetectionHttpErrorCodes" "Errors are" Holds::Codes, "5xx" []
            "Which status codes count as errors";
    }
}

/// Blocks of a policy that count as wholes.
const BLOCKS: [(&str, &[&[FieldRow]]); 3] = [
    ("connectionPool", &[TCP, HTTP, HTTP2]),
    ("retryBudget", &[BUDGET, BUDGETED]),
    ("outlierDetection", &[EJECTION, EJECTED]),
];

fn rows() -> impl Iterator<Item = &'static FieldRow> {
    TCP.iter().chain(HTTP).chain(HTTP2).chain(BUDGET).chain(BUDGETED).chain(EJECTION).chain(EJECTED)
}

/// Limits of a service, a subset or a port, and whether endpoints that fail are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breaker(Fields);

impl Edits for Breaker {
    type Scope = PolicyOf;
    const ABOUT: About = About {
        name: "Circuit breaker",
        icon: icon::PLUGS,
        summary: "Limit connections and requests, and leave endpoints out that fail",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::DESTINATION_RULE];
    const CHOOSER: Chooser = Chooser::Menu("circuit breaker calls");
    const PLACE: &'static str = "spec/trafficPolicy";
    const FIELDS: &'static [&'static [FieldRow]] = &[TCP, HTTP, HTTP2, BUDGET, BUDGETED, EJECTION, EJECTED];

    fn applies(_service: &Service) -> bool {
        true
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyOf, Self>> {
        policies(mesh, subject, |policy| Self(Fields::of(policy, rows())))
    }

    fn form(&mut self, _was: &Self, at: &PolicyOf, form: &mut Form<'_>) {
        let fields = &mut self.0;
        form.section("TCP connections", fields.said_in(&[TCP]), |form| fields.form(TCP, form));
        form.section("HTTP requests", fields.said_in(&[HTTP, HTTP2]), |form| {
            fields.form(HTTP, form);
            fields.form(HTTP2, form);
        });
        // Istio has it since 1.27, and not for single ports.
        let budget = !matches!(at.level, Level::Port(_)) && serves(form, BUDGET[0].path);
        if budget || fields.says(BUDGET) {
            fields.form(BUDGET, form);
        }
        if fields.says(BUDGET) {
            fields.form(BUDGETED, form);
        }
        fields.form(EJECTION, form);
        if fields.says(EJECTION) {
            fields.form(EJECTED, form);
            ejected(form, &at.service);
            let old = at
                .now(&form.cx().scene.mesh)
                .and_then(|policy| policy.pointer("/outlierDetection/consecutiveErrors"));
            if let Some(old) = old {
                form.note(format!(
                    "consecutiveErrors: {old} is an old form without effect, and stays as it is"
                ));
            }
        }
        let mesh = &form.cx().scene.mesh;
        for said in in_force::inherited(mesh, at, fields, &BLOCKS) {
            form.note(said);
        }
        if fields.value(CONNECT).is_none() && !fields.says(TCP) && !fields.says(HTTP) {
            let config = in_force::mesh_config(form);
            form.note(in_force::connect_timeout(config.as_deref().map_err(String::as_str)));
        }
        if at.level != Level::Service {
            form.note("What is set here counts in place of what the service has, block by block");
        }
    }

    fn plan(&self, was: &Self, at: &PolicyOf, plan: &mut Plan<'_>) {
        let (fields, was) = (&self.0, &was.0);
        let Some(service) = at.service(plan.mesh()) else { return plan.gone() };
        if fields.get::<u32>(LOCAL).is_some_and(|count| count > 0) && fields.get(APART) != Some(true) {
            return plan.not_yet("Nothing to push yet: local errors count only when they are counted apart");
        }
        if fields.get(UPGRADE) == Some("UPGRADE".to_owned()) && fields.get(AS_CLIENT) == Some(true) {
            return plan
                .not_yet("Nothing to push yet: upgrade to HTTP/2 or speak as the client does, not both");
        }
        let budgets = || [BUDGET, BUDGETED].into_iter();
        if matches!(at.level, Level::Port(_)) && budgets().any(|rows| fields.differs(was, rows)) {
            return plan.not_yet("Nothing to push yet: a port has no budget of retries of its own");
        }
        fields.plan(was, &mut plan.policy(at));
        // Where HTTP says how long connections may be idle, TCP says nothing.
        let http_idle = [fields, was].into_iter().any(|fields| fields.get::<String>(HTTP_IDLE).is_some());
        let tcp = || TCP.iter().filter(|row| row.path != TCP_IDLE || !http_idle);
        // A subset that nobody has declared yet has no cluster before.
        let declared =
            |name: &str| service.subsets.iter().any(|subset| subset.name == name && subset.declared);
        let fresh = matches!(&at.level, Level::Subset(name) if !declared(name));
        let before = Some(was).filter(|_| !fresh);
        let clusters = plan.clusters(at);
        if clusters.is_empty() && !budgets().any(|rows| fields.differs(was, rows)) {
            plan.warn(format!("Every port of {} has settings of its own: this counts nowhere", service.name));
        }
        for cluster in clusters {
            if fresh {
                let whole = cluster.clone().at("");
                plan.claims(vec![whole.clone().wants(Want::Present)], vec![whole.absent()]);
            }
            let rows = tcp().chain(HTTP).chain(EJECTION).chain(EJECTED);
            fields.shows(before, rows, (&cluster, ""), plan);
            if let Some(spoken) = http2(fields, service).filter(|spoken| http2(was, service) == Some(spoken))
            {
                fields.shows(before, HTTP2, (&cluster, &[HTTP_OPTIONS, spoken].concat()), plan);
            }
        }
        // Settings of a port leave the budget of retries as it is.
        let of_port = |port: &mesh::Port| PolicyOf { level: Level::Port(port.number), ..at.clone() };
        let ports: Vec<PolicyOf> = match at.level {
            Level::Service => service.ports.iter().map(of_port).collect(),
            _ => vec![at.clone()],
        };
        let all: Vec<_> = ports.iter().flat_map(|port| plan.clusters(port)).collect();
        for cluster in all {
            fields.shows(before, budgets().flatten(), (&cluster, ""), plan);
        }
        let flags = [
            ("refused by the limits", "UO", [TCP, HTTP]),
            ("without a healthy endpoint", "UH", [EJECTION, EJECTED]),
        ];
        let told = flags.iter().filter(|(.., rows)| rows.iter().any(|rows| fields.differs(was, rows)));
        let part = |(name, flag, _): &(&str, &str, _)| {
            Portion::new(*name, Mark::Flag((*flag).to_owned()), Wanted::Any)
        };
        let measure =
            Measure::Counted(Counting::new(CountedCalls::To(service.host.clone()), told.map(part).collect()));
        plan.measures(Some(measure.clone()), Some(measure));
        plan.title(format!("{}: {}", capital(&at.words()), fields.said(was, rows())));
    }

    fn samples() -> Vec<Self> {
        let tcp = json!({
            "maxConnections": 7, "connectTimeout": "0.5s", "idleTimeout": "90s",
            "maxConnectionDuration": "600s",
            "tcpKeepalive": { "time": "7200s", "interval": "75s", "probes": 9 },
        });
        let http = json!({
            "http1MaxPendingRequests": 1, "http2MaxRequests": 20, "maxRequestsPerConnection": 10,
            "maxRetries": 3, "idleTimeout": "60s", "h2UpgradePolicy": "UPGRADE", "maxConcurrentStreams": 100,
            "http2KeepAlive": { "interval": "30s", "timeout": "5s" },
        });
        let ejection = json!({
            "consecutive5xxErrors": 3, "consecutiveGatewayErrors": 0, "interval": "1s",
            "baseEjectionTime": "180s", "maxEjectionPercent": 100, "minHealthPercent": 50,
            "splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailures": 4,
            "outlierDetectionHttpErrorCodes": [500, 503],
        });
        let some = [
            json!({ "connectionPool": { "tcp": tcp } }),
            json!({ "connectionPool": { "http": http } }),
            json!({ "connectionPool": { "http": { "useClientProtocol": true } }, "outlierDetection": {} }),
            json!({ "connectionPool": { "tcp": tcp, "http": http }, "outlierDetection": ejection }),
            json!({ "retryBudget": { "percent": 10, "minRetryConcurrency": 4 } }),
            json!({ "retryBudget": {} }),
            json!({}),
        ];
        some.iter().map(|policy| Self(Fields::of(Some(policy), rows()))).collect()
    }
}

/// Whether the DestinationRules of this cluster have a field in their traffic policies.
fn serves(form: &Form<'_>, field: &str) -> bool {
    let kind = &kinds::DESTINATION_RULE;
    let objects = form.cx().scene.mesh.objects();
    let seen = objects.of_kind(kind).next().and_then(|(_, object)| object.0.get("apiVersion")?.as_str());
    let best = || format!("{}/{}", kind.group, kind.versions[0]);
    let of = SchemaOf { kind, api_version: seen.map_or_else(best, str::to_owned) };
    let schema = form.cx().reads.schema(&of);
    schema.value().is_some_and(|schema| schema.at(["spec", "trafficPolicy", field]).is_some())
}

/// Below which options proxies show what is said of HTTP/2, where it is spoken.
fn http2(fields: &Fields, service: &Service) -> Option<&'static str> {
    let speaks = service.ports.iter().any(|port| port.protocol.is_http2());
    match (fields.get(AS_CLIENT), fields.get::<String>(UPGRADE).as_deref()) {
        (Some(true), _) => Some("/use_downstream_protocol_config"),
        (_, Some("UPGRADE")) => Some("/explicit_http_config"),
        _ if speaks => Some("/explicit_http_config"),
        _ => None,
    }
}
