//! AuthorizationPolicies.

use super::Subject;
use super::at::At;
use super::found::{Found, rules};
use super::malformed::{port_number, subnet};
use super::policies::attachment;

rules! {
    /// What is wrong with an AuthorizationPolicy.
    Authorization {
        Error NeverTriggered(action: String)
            "{action} action without `rules` is meaningless as it will never be triggered, add an empty rule `{{}}` if \
             you want it be triggered for every request";
        Error NoProvider "`provider.name` must not be empty";
        Error ProviderOfOthers(action: String) "`provider` must not be with non CUSTOM action, found {action}";
        Error NotOfCustom(what: String) "{what} is currently not supported with CUSTOM action";
        Warning DeniesAllBytes
            "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of only \
             HTTP attributes in a DENY rule; it is recommended to explicitly specify the port";
        Error NoSource(index: usize) "`from.source` must not be nil, found at rule {index}";
        Error EmptySource(index: usize) "`from.source` must not be empty, found at rule {index}";
        Error NoOperation(index: usize) "`to.operation` must not be nil, found at rule {index}";
        Error EmptyOperation(index: usize) "`to.operation` must not be empty, found at rule {index}";
        Error EmptyValue(field: String) "empty value not allowed, found in {field}";
        Error BadServiceAccount(account: String)
            "invalid service account \"{account}\": expected format is `namespace/name` or `name`";
        Error BadPolicyPort(port: String) "bad port ({port}): not a number from 1 to 65535";
        Error BadPath(path: String, field: String)
            "invalid or unsupported path {path}, found in {field}. Contains '{{' or '}}' beyond a supported path \
             template";
        Error BadBlock(block: String) "bad CIDR range ({block}): not an address and a prefix length";
        Error BadIp(block: String) "bad IP address ({block})";
        Error NoKey "`key` must not be empty";
        Error NoValues(key: String) "at least one of `values` or `notValues` must be set for key {key}";
        Error BadCondition(called: &'static str, key: String, why: String) "invalid `{called}` for `key` {key}: {why}";
    }
}

pub(super) fn authorization_policy(subject: &Subject<'_>, found: &mut Found) {
    let before = format!("invalid policy {}.{}: ", subject.name, subject.namespace);
    found.told(&before, |found| policy(subject.spec, found));
}

fn policy(spec: At<'_>, found: &mut Found) {
    attachment(spec, found);
    let action = Some(spec.text("action")).filter(|action| !action.is_empty()).unwrap_or("ALLOW");
    if matches!(action, "CUSTOM" | "DENY") && !spec.has("rules") {
        found.add(spec, Authorization::NeverTriggered { action: action.to_owned() });
    }
    if action == "CUSTOM" {
        found.when(!spec.says("provider/name"), spec.at("provider/name"), Authorization::NoProvider);
        spec.items("rules").for_each(|rule| custom(rule, found));
    } else if spec.has("provider") {
        found.add(spec.at("provider"), Authorization::ProviderOfOthers { action: action.to_owned() });
    }
    for (index, rule) in spec.items("rules").enumerate() {
        let from = callers(rule, index, found);
        let to = requests(rule, index, found);
        rule.items("when").for_each(|when| condition(when, found));
        let http_only = matches!((from, to), (Some(false), None) | (_, Some(false)));
        found.when(action == "DENY" && http_only, rule, Authorization::DeniesAllBytes);
    }
}

/// What cannot be asked of an external authorizer.
fn custom(rule: At<'_>, found: &mut Found) {
    const SOURCES: [(&str, &str); 6] = [
        ("source/namespaces", "From.Namespaces"),
        ("source/notNamespaces", "From.NotNamespaces"),
        ("source/principals", "From.Principals"),
        ("source/notPrincipals", "From.NotPrincipals"),
        ("source/requestPrincipals", "From.RequestPrincipals"),
        ("source/notRequestPrincipals", "From.NotRequestPrincipals"),
    ];
    for from in rule.items("from") {
        for (path, what) in SOURCES.into_iter().filter(|(path, _)| from.has(path)) {
            found.add(from.at(path), Authorization::NotOfCustom { what: what.to_owned() });
        }
    }
    for when in rule.items("when") {
        let key = when.text("key");
        if matches!(key, "source.namespace" | "source.principal") || key.starts_with("request.auth.") {
            found.add(when.at("key"), Authorization::NotOfCustom { what: key.to_owned() });
        }
    }
}

/// Looks at `from`; says whether there are callers, and whether something of them is known without HTTP.
fn callers(rule: At<'_>, index: usize, found: &mut Found) -> Option<bool> {
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
    // An empty list is none, as protobuf has it: everybody.
    rule.get("from")?.value().as_array().filter(|from| !from.is_empty())?;
    let (mut any, mut tcp) = (false, false);
    for from in rule.items("from") {
        let Some(source) = from.get("source") else {
            found.add(from, Authorization::NoSource { index });
            continue;
        };
        any = true;
        let given = |field: &str| source.texts(field).next().is_some();
        let some = FIELDS.iter().any(|(field, _)| given(field));
        found.when(!some, source, Authorization::EmptySource { index });
        for (field, without_http) in FIELDS {
            tcp |= without_http && given(field);
            no_empty(source, field, found);
        }
        for field in ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] {
            source.items(field).for_each(|at| ip_block(at, found));
        }
        for field in ["serviceAccounts", "notServiceAccounts"] {
            for at in source.items(field).filter(|at| !is_service_account(at.str())) {
                found.add(at, Authorization::BadServiceAccount { account: at.str().to_owned() });
            }
        }
    }
    any.then_some(tcp)
}

/// Looks at `to`; says whether there are requests, and whether a port of them is named.
fn requests(rule: At<'_>, index: usize, found: &mut Found) -> Option<bool> {
    const FIELDS: [&str; 8] =
        ["ports", "notPorts", "methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"];
    // An empty list is none: every request.
    rule.get("to")?.value().as_array().filter(|to| !to.is_empty())?;
    let (mut any, mut tcp) = (false, false);
    for to in rule.items("to") {
        let Some(operation) = to.get("operation") else {
            found.add(to, Authorization::NoOperation { index });
            continue;
        };
        any = true;
        let given = |field: &str| operation.texts(field).next().is_some();
        let some = FIELDS.iter().any(|field| given(field));
        found.when(!some, operation, Authorization::EmptyOperation { index });
        tcp |= given("ports") || given("notPorts");
        FIELDS.iter().for_each(|field| no_empty(operation, field, found));
        for at in operation.items("ports").chain(operation.items("notPorts")) {
            if let Some(port) = at.value().as_str().filter(|port| !is_port(port)) {
                found.add(at, Authorization::BadPolicyPort { port: port.to_owned() });
            }
        }
        for field in ["paths", "notPaths"] {
            for at in operation.items(field).filter(|at| !is_path_template(at.str())) {
                let (path, field) = (at.str().to_owned(), capital(field));
                found.add(at, Authorization::BadPath { path, field });
            }
        }
    }
    any.then_some(tcp)
}

fn capital(field: &str) -> String {
    let (first, rest) = field.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

fn no_empty(of: At<'_>, field: &str, found: &mut Found) {
    if of.texts(field).any(str::is_empty) {
        found.add(of.at(field), Authorization::EmptyValue { field: capital(field) });
    }
}

fn is_port(text: &str) -> bool {
    text.parse().is_ok_and(|number| port_number(number).is_ok())
}

fn is_service_account(text: &str) -> bool {
    text.split('/').count() <= 2 && !text.contains('*')
}

fn ip_block(at: At<'_>, found: &mut Found) {
    let Some(block) = at.value().as_str().filter(|block| subnet(block).is_err()) else { return };
    let block = block.to_owned();
    let wrong =
        if block.contains('/') { Authorization::BadBlock { block } } else { Authorization::BadIp { block } };
    found.add(at, wrong);
}

/// A path with no braces but whole segments `{*}` and `{**}`, the latter only once and last before plain
/// ones.
fn is_path_template(path: &str) -> bool {
    let braces = |text: &str| text.contains(['{', '}']);
    if !braces(path) {
        return true;
    }
    let good = path.split('/').all(|part| !braces(part) || matches!(part, "{*}" | "{**}"));
    good && path.matches("{**}").count() <= 1
        && path.rsplit("{**}").next().is_some_and(|rest| rest == path || !rest.contains("{*}"))
}

fn condition(when: At<'_>, found: &mut Found) {
    let key = when.text("key");
    if key.is_empty() {
        return found.add(when, Authorization::NoKey);
    }
    if when.texts("values").next().is_none() && when.texts("notValues").next().is_none() {
        return found.add(when, Authorization::NoValues { key: key.to_owned() });
    }
    for (field, called) in [("values", "value"), ("notValues", "notValue")] {
        if let Some(why) = bad_values(key, when.texts(field)) {
            found.add(when.at(field), Authorization::BadCondition { called, key: key.to_owned(), why });
        }
    }
}

/// Why a condition cannot be held against these values.
fn bad_values<'a>(key: &str, mut values: impl Iterator<Item = &'a str>) -> Option<String> {
    const PLAIN: [&str; 7] = [
        "source.namespace",
        "source.principal",
        "source.trustDomain",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "connection.sni",
    ];
    const BRACKETED: [&str; 3] = ["request.headers[", "request.auth.claims[", "experimental.envoy.filters."];
    match key {
        "source.ip" | "remote.ip" | "destination.ip" => {
            values.find(|value| subnet(value).is_err()).map(|value| format!("bad IP address ({value})"))
        }
        "destination.port" => values.find(|value| !is_port(value)).map(|value| format!("bad port ({value})")),
        "source.serviceAccount" => values
            .find(|value| !is_service_account(value))
            .map(|value| format!("bad service account ({value})")),
        key if PLAIN.contains(&key) => None,
        key if BRACKETED.iter().any(|prefix| key.starts_with(prefix)) => {
            let good = key.contains('[') && key.ends_with(']');
            (!good).then(|| format!("bad key ({key}): should have format a[b]"))
        }
        key => Some(format!("unknown attribute: {key}")),
    }
}
