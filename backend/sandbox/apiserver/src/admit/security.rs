//! Policies that istiod refuses.

use serde_json::Value;

use super::{
    Problems, Subject,
    values::{duration, entries, has, header_name, items, port_number, selector, text, texts},
};
use crate::kinds::Kind;

const DRY_RUN: &str = "istio.io/dry-run";

/// The annotation that only some AuthorizationPolicies may have.
pub(super) fn dry_run(kind: &Kind, object: &Value, problems: &mut Problems) {
    let Some(value) = object.pointer("/metadata/annotations").and_then(|all| all.get(DRY_RUN)?.as_str())
    else {
        return;
    };
    let at = format!("{}/{}", text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    if kind.kind != "AuthorizationPolicy" {
        return problems
            .add(format!("{at} has unsupported annotation {DRY_RUN}, please remove the annotation"));
    }
    match text(object, "/spec/action") {
        "" | "ALLOW" | "DENY" => {
            let good =
                matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True" | "0" | "f" | "F" | "false" | "FALSE" | "False");
            problems.unless(good, || {
                format!("{at} has annotation {DRY_RUN} with invalid value ({value}): strconv.ParseBool: parsing \"{value}\": invalid syntax")
            });
        }
        action => problems
            .add(format!("the annotation {DRY_RUN} currently only supports action ALLOW/DENY, found action {action} in {at}")),
    }
}

/// What a policy may be attached to.
pub(super) fn attachment(spec: &Value, problems: &mut Problems) {
    let given = ["selector", "targetRef", "targetRefs"]
        .iter()
        .filter(|field| has(spec, &format!("/{field}")))
        .count();
    problems.unless(given <= 1, || "only one of targetRefs or workloadSelector can be set".into());
    selector(spec, "/selector", "/matchLabels", "", problems);
    for reference in spec.get("targetRef").into_iter().chain(items(spec, "/targetRefs")) {
        let (group, kind) = (text(reference, "/group"), text(reference, "/kind"));
        problems.unless(!text(reference, "/name").is_empty(), || "targetRef name must be set".into());
        problems.unless(text(reference, "/namespace").is_empty(), || {
            "targetRef namespace must not be set; cross namespace referencing is not supported".into()
        });
        let allowed = matches!(
            (group, kind),
            ("" | "core", "Service")
                | ("networking.istio.io", "ServiceEntry")
                | ("gateway.networking.k8s.io", "Gateway" | "GatewayClass")
        );
        problems.unless(allowed, || {
            format!("targetRef must be to one of [core/Service networking.istio.io/ServiceEntry gateway.networking.k8s.io/Gateway gateway.networking.k8s.io/GatewayClass] but was {group}/{kind}")
        });
    }
}

pub(super) fn peer_authentication(spec: &Value, problems: &mut Problems) {
    if let Some(ports) = spec.get("portLevelMtls").and_then(Value::as_object) {
        let selected = entries(spec, "/selector/matchLabels").next().is_some();
        problems.unless(selected || ports.is_empty(), || {
            "mesh/namespace peer authentication cannot have port level mTLS".into()
        });
        problems.unless(!ports.is_empty(), || {
            "port level mTLS, if defined, must have at least one element".into()
        });
        let good = ports.keys().all(|name| name.parse().is_ok_and(|number| port_number(number).is_ok()));
        problems.unless(good, || "port must be in range 1..65535".into());
    }
    selector(spec, "/selector", "/matchLabels", "", problems);
}

pub(super) fn authorization_policy(subject: &Subject<'_>, problems: &mut Problems) {
    let mut own = Problems::default();
    policy(subject.spec, &mut own);
    let prefix = format!("invalid policy {}.{}:", subject.name, subject.namespace);
    own.refused.into_iter().for_each(|words| problems.add(format!("{prefix} {words}")));
    own.warned.into_iter().for_each(|words| problems.warn(words));
}

fn policy(spec: &Value, problems: &mut Problems) {
    attachment(spec, problems);
    let action = Some(text(spec, "/action")).filter(|action| !action.is_empty()).unwrap_or("ALLOW");
    let never = || {
        format!(
            "{action} action without `rules` is meaningless as it will never be triggered, add an empty rule `{{}}` if you want it be triggered for every request"
        )
    };
    problems.unless(!matches!(action, "CUSTOM" | "DENY") || has(spec, "/rules"), never);
    if action == "CUSTOM" {
        problems
            .unless(!text(spec, "/provider/name").is_empty(), || "`provider.name` must not be empty".into());
        items(spec, "/rules").for_each(|rule| custom(rule, problems));
    } else {
        problems.unless(!has(spec, "/provider"), || {
            format!("`provider` must not be with non CUSTOM action, found {action}")
        });
    }
    for (index, rule) in items(spec, "/rules").enumerate() {
        let from = callers(rule, index, problems);
        let to = requests(rule, index, problems);
        items(rule, "/when").for_each(|when| condition(when, problems));
        let http_only = matches!((from, to), (Some(false), None) | (_, Some(false)));
        problems.warn_if(action == "DENY" && http_only, || {
            "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port".into()
        });
    }
}

/// What cannot be asked of an external authorizer.
fn custom(rule: &Value, problems: &mut Problems) {
    let mut refuse =
        |name: &str| problems.add(format!("{name} is currently not supported with CUSTOM action"));
    for from in items(rule, "/from") {
        for (field, name) in [
            ("namespaces", "From.Namespaces"),
            ("notNamespaces", "From.NotNamespaces"),
            ("principals", "From.Principals"),
            ("notPrincipals", "From.NotPrincipals"),
            ("requestPrincipals", "From.RequestPrincipals"),
            ("notRequestPrincipals", "From.NotRequestPrincipals"),
        ] {
            if has(from, &format!("/source/{field}")) {
                refuse(name);
            }
        }
    }
    for when in items(rule, "/when") {
        let key = text(when, "/key");
        if matches!(key, "source.namespace" | "source.principal") || key.starts_with("request.auth.") {
            refuse(key);
        }
    }
}

/// Looks at `from`; says whether there are callers, and whether something of them is known without HTTP.
fn callers(rule: &Value, index: usize, problems: &mut Problems) -> Option<bool> {
    const FIELDS: [(&str, bool); 14] = [
        ("principals", true),
        ("notPrincipals", true),
        ("requestPrincipals", false),
        ("notRequestPrincipals", false),
        ("namespaces", true),
        ("notNamespaces", true),
        ("ipBlocks", true),
        ("notIpBlocks", true),
        ("remoteIpBlocks", true),
        ("notRemoteIpBlocks", true),
        ("serviceAccounts", true),
        ("notServiceAccounts", true),
        ("trustDomains", true),
        ("notTrustDomains", true),
    ];
    let list = rule.get("from")?.as_array()?;
    problems.unless(!list.is_empty(), || format!("`from` must not be empty, found at rule {index}"));
    let (mut any, mut tcp) = (false, false);
    for from in list {
        let Some(source) = from.get("source") else {
            problems.add(format!("`from.source` must not be nil, found at rule {index}"));
            continue;
        };
        any = true;
        let given = |field: &str| texts(source, &format!("/{field}")).next().is_some();
        problems.unless(FIELDS.iter().any(|(field, _)| given(field)), || {
            format!("`from.source` must not be empty, found at rule {index}")
        });
        for (field, without_http) in FIELDS {
            tcp |= without_http && given(field);
            no_empty(source, field, problems);
        }
        for field in ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] {
            texts(source, &format!("/{field}")).for_each(|block| ip_block(block, problems));
        }
        for field in ["serviceAccounts", "notServiceAccounts"] {
            for account in texts(source, &format!("/{field}")) {
                let parts = account.split('/').count();
                problems.unless(parts <= 2 && !account.contains('*'), || {
                    format!(
                        "invalid service account \"{account}\": expected format is `namespace/name` or `name`"
                    )
                });
            }
        }
    }
    any.then_some(tcp)
}

/// Looks at `to`; says whether there are requests, and whether a port of them is named.
fn requests(rule: &Value, index: usize, problems: &mut Problems) -> Option<bool> {
    const FIELDS: [&str; 8] =
        ["ports", "notPorts", "methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"];
    let list = rule.get("to")?.as_array()?;
    problems.unless(!list.is_empty(), || format!("`to` must not be empty, found at rule {index}"));
    let (mut any, mut tcp) = (false, false);
    for to in list {
        let Some(operation) = to.get("operation") else {
            problems.add(format!("`to.operation` must not be nil, found at rule {index}"));
            continue;
        };
        any = true;
        let given = |field: &str| texts(operation, &format!("/{field}")).next().is_some();
        problems.unless(FIELDS.iter().any(|field| given(field)), || {
            format!("`to.operation` must not be empty, found at rule {index}")
        });
        tcp |= given("ports") || given("notPorts");
        FIELDS.iter().for_each(|field| no_empty(operation, field, problems));
        for port in texts(operation, "/ports").chain(texts(operation, "/notPorts")) {
            problems.unless(is_port(port), || format!("bad port ({port}): not a number from 1 to 65535"));
        }
        for field in ["paths", "notPaths"] {
            for path in texts(operation, &format!("/{field}")) {
                problems.unless(is_path_template(path), || {
                    format!(
                        "invalid or unsupported path {path}, found in {}. Contains '{{' or '}}' beyond a supported path template",
                        capital(field)
                    )
                });
            }
        }
    }
    any.then_some(tcp)
}

fn capital(field: &str) -> String {
    let (first, rest) = field.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

fn no_empty(value: &Value, field: &str, problems: &mut Problems) {
    problems.unless(texts(value, &format!("/{field}")).all(|text| !text.is_empty()), || {
        format!("empty value not allowed, found in {}", capital(field))
    });
}

fn is_port(text: &str) -> bool {
    text.parse().is_ok_and(|number| port_number(number).is_ok())
}

fn ip_block(block: &str, problems: &mut Problems) {
    problems.unless(super::values::subnet(block).is_ok(), || {
        if block.contains('/') {
            format!("bad CIDR range ({block}): not an address and a prefix length")
        } else {
            format!("bad IP address ({block})")
        }
    });
}

/// A path with no braces but whole segments `{*}` and `{**}`, the latter only once and last before plain ones.
fn is_path_template(path: &str) -> bool {
    let braces = |text: &str| text.contains(['{', '}']);
    if !braces(path) {
        return true;
    }
    let good = path.split('/').all(|part| !braces(part) || matches!(part, "{*}" | "{**}"));
    good && path.matches("{**}").count() <= 1
        && path.rsplit("{**}").next().is_some_and(|rest| rest == path || !rest.contains("{*}"))
}

fn condition(when: &Value, problems: &mut Problems) {
    const PLAIN: &[&str] = &[
        "source.namespace",
        "source.principal",
        "source.trustDomain",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "connection.sni",
    ];
    let key = text(when, "/key");
    if key.is_empty() {
        return problems.add("`key` must not be empty");
    }
    if texts(when, "/values").next().is_none() && texts(when, "/notValues").next().is_none() {
        return problems.add(format!("at least one of `values` or `notValues` must be set for key {key}"));
    }
    for (field, called) in [("/values", "value"), ("/notValues", "notValue")] {
        let values = || texts(when, field);
        let bad = match key {
            "source.ip" | "remote.ip" | "destination.ip" => values()
                .find(|value| super::values::subnet(value).is_err())
                .map(|value| format!("bad IP address ({value})")),
            "destination.port" => {
                values().find(|value| !is_port(value)).map(|value| format!("bad port ({value})"))
            }
            "source.serviceAccount" => values()
                .find(|value| value.split('/').count() > 2 || value.contains('*'))
                .map(|value| format!("bad service account ({value})")),
            key if PLAIN.contains(&key) => None,
            key if ["request.headers[", "request.auth.claims[", "experimental.envoy.filters."]
                .iter()
                .any(|prefix| key.starts_with(prefix)) =>
            {
                (!(key.contains('[') && key.ends_with(']')))
                    .then(|| format!("bad key ({key}): should have format a[b]"))
            }
            key => Some(format!("unknown attribute: {key}")),
        };
        if let Some(words) = bad {
            problems.add(format!("invalid `{called}` for `key` {key}: {words}"));
        }
    }
}

pub(super) fn request_authentication(spec: &Value, problems: &mut Problems) {
    attachment(spec, problems);
    for rule in items(spec, "/jwtRules") {
        problems.unless(!text(rule, "/issuer").is_empty(), || "issuer must be set".into());
        for (field, words) in [
            ("audiences", "audience must be non-empty string"),
            ("fromParams", "location query must be non-empty string"),
            ("fromCookies", "cookie name must be non-empty string"),
        ] {
            problems.unless(texts(rule, &format!("/{field}")).all(|text| !text.is_empty()), || words.into());
        }
        for uri in
            ["/jwksUri", "/jwks_uri"].map(|field| text(rule, field)).into_iter().filter(|uri| !uri.is_empty())
        {
            let scheme = uri.split_once("://").map_or("", |(scheme, _)| scheme);
            problems.unless(matches!(scheme, "http" | "https"), || {
                format!("URI scheme \"{scheme}\" is not supported")
            });
        }
        let jwks = text(rule, "/jwks");
        let keys = |jwks: &str| {
            let set: Value = serde_json::from_str(jwks).map_err(|error| error.to_string())?;
            if set.get("keys").is_some_and(Value::is_array) || set.get("kty").is_some() {
                Ok(())
            } else {
                Err("no keys are in it".into())
            }
        };
        if !jwks.is_empty() {
            problems.note(keys(jwks).map_err(|why: String| format!("jwks parse error: {why}")));
        }
        for from in items(rule, "/fromHeaders") {
            problems.unless(!text(from, "/name").is_empty(), || {
                "location header name must be non-empty string".into()
            });
        }
        for output in items(rule, "/outputClaimToHeaders") {
            if text(output, "/header").is_empty() || text(output, "/claim").is_empty() {
                problems.add("outputClaimToHeaders header and claim value must be non-empty string");
            } else {
                problems.note(header_name(text(output, "/header")));
            }
        }
        duration(rule, "/timeout", problems);
    }
}
