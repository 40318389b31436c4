//! Parts that objects of several kinds have: destinations, labels, selectors, `exportTo`, names of gateways.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{fqdn, is_label, port_number, subset_name, wildcard_domain};

rules! {
    /// What is wrong with such a part.
    Shared {
        Error DestinationIsEveryHost "invalid destination host *";
        Error BadLabelKey(key: String) "invalid tag key: \"{key}\"";
        Error BadLabelValue(value: String) "invalid tag value: \"{value}\"";
        Error EmptySelectorKey(key: String, value: String) "empty key is not supported in selector: \"{key}={value}\"";
        Error WildcardInSelector(key: String, value: String) "wildcard is not supported in selector: \"{key}={value}\"";
        Warning SelectorWithoutLabels "workload selector specified without labels";
        Warning SelectsWholeNamespace(whom: &'static str)
            "{whom}: workload selector specified without labels, will be applied to all services in namespace";
        Error ExportedTwice(namespace: String) "duplicate entries in exportTo for entry {namespace}";
        Error ExportedTwiceToItself(namespace: String)
            "duplicate entries in exportTo: . and current namespace {namespace}";
        Error ExportedToNobody "exportTo ~ (none) is not allowed for Istio configuration objects";
        Error BadExport "only .,*, or a valid DNS 1123 label is allowed as exportTo entry";
        Error ExportedToAllAndSome "cannot have both public (*) and non-public exportTo values for a resource";
        Error ExportedToNobodyAndSome "cannot export service entry to no one (~) and someone";
        Warning OldGatewayName(name: String, namespace: String, gateway: String)
            "using legacy gatewayName format \"{name}\"; prefer the <namespace>/<name> format: \
             \"{namespace}/{gateway}\"";
        Error EmptyGatewayName "config namespace and gateway name cannot be empty";
        Error BadGatewayNamespace(namespace: String) "invalid value for namespace: \"{namespace}\"";
        Error BadGatewayName(gateway: String) "invalid value for gateway name: \"{gateway}\"";
    }
}

/// Where to: a service, perhaps one of its subsets and ports.
pub(super) fn destination(to: At<'_>, found: &mut Found) {
    let host = to.text("host");
    if host == "*" {
        found.add(to.at("host"), Shared::DestinationIsEveryHost);
    } else {
        found.note(to.at("host"), wildcard_domain(host));
    }
    if to.says("subset") {
        found.note(to.at("subset"), subset_name(to.text("subset")));
    }
    if to.has("port") {
        found.note(to.at("port/number"), port_number(to.whole("port/number")));
    }
}

fn is_name(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || "-_.".contains(c))
}

/// Whether a pod could have a label of this name.
pub fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    is_name(name) && prefix.is_none_or(|prefix| fqdn(prefix).is_ok())
}

/// Whether a pod could have a label with this value.
pub fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

/// Labels that pods could have.
pub(super) fn label_set(of: At<'_>, path: &str, found: &mut Found) {
    for (key, at) in of.entries(path) {
        if !is_label_key(key) {
            found.add(at, Shared::BadLabelKey { key: key.to_owned() });
        }
        if !is_label_value(at.str()) {
            found.add(at, Shared::BadLabelValue { value: at.str().to_owned() });
        }
    }
}

/// The labels of a selector: no wildcards, and there should be some. `whom` is for kinds that say whose it
/// is.
pub(super) fn selector(of: At<'_>, path: &str, labels: &str, whom: Option<&'static str>, found: &mut Found) {
    if !of.has(path) {
        return;
    }
    let selector = of.at(path);
    for (key, at) in selector.entries(labels) {
        let told = || (key.to_owned(), at.str().to_owned());
        if key.is_empty() {
            let (key, value) = told();
            found.add(at, Shared::EmptySelectorKey { key, value });
        }
        if key.contains('*') || at.str().contains('*') {
            let (key, value) = told();
            found.add(at, Shared::WildcardInSelector { key, value });
        }
    }
    if selector.entries(labels).next().is_none() {
        match whom {
            None => found.add(selector, Shared::SelectorWithoutLabels),
            Some(whom) => found.add(selector, Shared::SelectsWholeNamespace { whom }),
        }
    }
}

/// Namespaces that something is exported to; `own` is its own, and only a ServiceEntry may be exported to
/// nobody.
pub(super) fn export_to(spec: At<'_>, own: &str, entry: bool, found: &mut Found) {
    let mut seen: Vec<&str> = Vec::new();
    let list = spec.at("exportTo");
    for at in spec.items("exportTo") {
        let Some(namespace) = at.value().as_str() else { continue };
        let key = if namespace == "." { own } else { namespace };
        if seen.contains(&key) {
            if key == namespace {
                found.add(at, Shared::ExportedTwice { namespace: namespace.to_owned() });
            } else {
                found.add(at, Shared::ExportedTwiceToItself { namespace: own.to_owned() });
            }
            continue;
        }
        seen.push(key);
        match key {
            "*" => {}
            "~" if entry => {}
            "~" => found.add(at, Shared::ExportedToNobody),
            key => found.when(!is_label(key), at, Shared::BadExport),
        }
    }
    found.when(seen.len() > 1 && seen.contains(&"*"), list, Shared::ExportedToAllAndSome);
    found.when(seen.len() > 1 && seen.contains(&"~"), list, Shared::ExportedToNobodyAndSome);
}

/// Names of Gateways that something is bound to.
pub(super) fn gateway_names(of: At<'_>, path: &str, found: &mut Found) {
    for at in of.items(path) {
        let Some(name) = at.value().as_str() else { continue };
        let Some((namespace, gateway)) = name.split_once('/') else {
            if let [gateway, namespace, ..] = name.split('.').collect::<Vec<_>>()[..] {
                let [name, namespace, gateway] = [name, namespace, gateway].map(str::to_owned);
                found.add(at, Shared::OldGatewayName { name, namespace, gateway });
            }
            found.note(at, fqdn(name));
            continue;
        };
        found.when(namespace.is_empty() || gateway.is_empty(), at, Shared::EmptyGatewayName);
        if !is_label(namespace) {
            found.add(at, Shared::BadGatewayNamespace { namespace: namespace.to_owned() });
        }
        if !is_label(gateway) {
            found.add(at, Shared::BadGatewayName { gateway: gateway.to_owned() });
        }
    }
}
