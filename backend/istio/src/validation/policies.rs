//! What all policies have in common, and the ones for peers and tokens.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{duration, header_name, port_number};
use super::shared::selector;
use serde_json::Value;

const DRY_RUN: &str = "istio.io/dry-run";

rules! {
    /// What is wrong with where a policy holds.
    Attachment {
        Error SelectorBesideTarget "only one of targetRefs or workloadSelector can be set";
        Error NamelessTarget "targetRef name must be set";
        Error TargetElsewhere "targetRef namespace must not be set; cross namespace referencing is not supported";
        Error BadTarget(group: String, kind: String)
            "targetRef must be to one of [core/Service networking.istio.io/ServiceEntry \
             gateway.networking.k8s.io/Gateway gateway.networking.k8s.io/GatewayClass] but was {group}/{kind}";
        Error DryRunOfOthers(at: String)
            "{at} has unsupported annotation istio.io/dry-run, please remove the annotation";
        Error BadDryRun(at: String, value: String)
            "{at} has annotation istio.io/dry-run with invalid value ({value}): strconv.ParseBool: parsing \
             \"{value}\": invalid syntax";
        Error DryRunOfAction(action: String, at: String)
            "the annotation istio.io/dry-run currently only supports action ALLOW/DENY, found action {action} in {at}";
    }
}

rules! {
    /// What is wrong with a PeerAuthentication.
    Peer {
        Error PortsOfWholeNamespace "mesh/namespace peer authentication cannot have port level mTLS";
        Error EmptyPorts "port level mTLS, if defined, must have at least one element";
        Error BadMtlsPort "port must be in range 1..65535";
    }
}

rules! {
    /// What is wrong with a RequestAuthentication.
    Token {
        Error NoIssuer "issuer must be set";
        Error EmptyAudience "audience must be non-empty string";
        Error EmptyParameter "location query must be non-empty string";
        Error EmptyCookie "cookie name must be non-empty string";
        Error BadUriScheme(scheme: String) "URI scheme \"{scheme}\" is not supported";
        Error BadKeys(why: String) "jwks parse error: {why}";
        Error EmptyTokenHeader "location header name must be non-empty string";
        Error EmptyOutput "outputClaimToHeaders header and claim value must be non-empty string";
    }
}

/// The annotation that only some AuthorizationPolicies may have.
pub(super) fn dry_run(kind: &str, object: At<'_>, found: &mut Found) {
    let annotations = object.at("metadata");
    let Some((_, at)) = annotations.entries("annotations").find(|(name, _)| *name == DRY_RUN) else { return };
    let Some(value) = at.value().as_str() else { return };
    let whose = format!("{}/{}", object.text("metadata/namespace"), object.text("metadata/name"));
    if kind != "AuthorizationPolicy" {
        return found.add(at, Attachment::DryRunOfOthers { at: whose });
    }
    const TRUE: [&str; 6] = ["1", "t", "T", "true", "TRUE", "True"];
    const FALSE: [&str; 6] = ["0", "f", "F", "false", "FALSE", "False"];
    match object.text("spec/action") {
        "" | "ALLOW" | "DENY" if TRUE.contains(&value) || FALSE.contains(&value) => {}
        "" | "ALLOW" | "DENY" => {
            found.add(at, Attachment::BadDryRun { at: whose, value: value.to_owned() });
        }
        action => found.add(at, Attachment::DryRunOfAction { action: action.to_owned(), at: whose }),
    }
}

/// What a policy may be attached to.
pub(super) fn attachment(spec: At<'_>, found: &mut Found) {
    let given = ["selector", "targetRef", "targetRefs"].iter().filter(|field| spec.has(field)).count();
    found.when(given > 1, spec, Attachment::SelectorBesideTarget);
    selector(spec, "selector", "matchLabels", None, found);
    for reference in spec.get("targetRef").into_iter().chain(spec.items("targetRefs")) {
        let (group, kind) = (reference.text("group"), reference.text("kind"));
        found.when(!reference.says("name"), reference, Attachment::NamelessTarget);
        found.when(reference.says("namespace"), reference.at("namespace"), Attachment::TargetElsewhere);
        let allowed = matches!(
            (group, kind),
            ("" | "core", "Service")
                | ("networking.istio.io", "ServiceEntry")
                | ("gateway.networking.k8s.io", "Gateway" | "GatewayClass")
        );
        if !allowed {
            let [group, kind] = [group, kind].map(str::to_owned);
            found.add(reference, Attachment::BadTarget { group, kind });
        }
    }
}

pub(super) fn peer_authentication(spec: At<'_>, found: &mut Found) {
    if let Some(ports) = spec.get("portLevelMtls").filter(|ports| ports.value().is_object()) {
        let selected = spec.entries("selector/matchLabels").next().is_some();
        let count = spec.entries("portLevelMtls").count();
        found.when(!selected && count > 0, ports, Peer::PortsOfWholeNamespace);
        found.when(count == 0, ports, Peer::EmptyPorts);
        let good = |name: &str| name.parse().is_ok_and(|number| port_number(number).is_ok());
        if let Some((_, at)) = spec.entries("portLevelMtls").find(|(name, _)| !good(name)) {
            found.add(at, Peer::BadMtlsPort);
        }
    }
    selector(spec, "selector", "matchLabels", None, found);
}

pub(super) fn request_authentication(spec: At<'_>, found: &mut Found) {
    attachment(spec, found);
    for rule in spec.items("jwtRules") {
        found.when(!rule.says("issuer"), rule.at("issuer"), Token::NoIssuer);
        let empty = |list: &str| rule.texts(list).any(str::is_empty);
        found.when(empty("audiences"), rule.at("audiences"), Token::EmptyAudience);
        found.when(empty("fromParams"), rule.at("fromParams"), Token::EmptyParameter);
        found.when(empty("fromCookies"), rule.at("fromCookies"), Token::EmptyCookie);
        for field in ["jwksUri", "jwks_uri"].into_iter().filter(|field| rule.says(field)) {
            let scheme = rule.text(field).split_once("://").map_or("", |(scheme, _)| scheme);
            if !matches!(scheme, "http" | "https") {
                found.add(rule.at(field), Token::BadUriScheme { scheme: scheme.to_owned() });
            }
        }
        if rule.says("jwks") {
            found.note(rule.at("jwks"), keys(rule.text("jwks")).map_err(|why| Token::BadKeys { why }));
        }
        for from in rule.items("fromHeaders") {
            found.when(!from.says("name"), from, Token::EmptyTokenHeader);
        }
        for output in rule.items("outputClaimToHeaders") {
            if output.says("header") && output.says("claim") {
                found.note(output.at("header"), header_name(output.text("header")));
            } else {
                found.add(output, Token::EmptyOutput);
            }
        }
        duration(&rule, "timeout", found);
    }
}

/// Whether a text is a set of keys, or one; else what the parser of JSON says.
fn keys(jwks: &str) -> Result<(), String> {
    let set: Value = serde_json::from_str(jwks).map_err(|error| error.to_string())?;
    let some = set.get("keys").is_some_and(Value::is_array) || set.get("kty").is_some();
    if some { Ok(()) } else { Err("no keys are in it".into()) }
}
