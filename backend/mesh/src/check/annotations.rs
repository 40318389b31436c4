//! Checks of Istio's annotations: ones that stand where nobody reads them, that do not exist, are old, or hold
//! what cannot be read.

use super::{Check, Found, Look, Severity, World};
use crate::{Kind, Ref, kinds};
use istio::Object;
use serde_json::{Map, Value};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "AnnotationMisplaced",
        codes: &["IST0107"],
        severity: Severity::Warning,
        what: "An annotation of Istio's stands on a kind on which nobody reads it",
        why: "It does nothing.",
        next: "Put it where it is read: what is for pods into the template of the Deployment.",
        of: READ,
        reads: &[],
        look: Look::Each(|world, at, found| {
            each(world, at, |path, name, known, _, on| {
                if !known.on.is_empty() && !known.on.contains(&on) {
                    let what = format!("{name} is read on a {}, not on a {on}", known.on.join(" or a "));
                    found.add(at, path, what);
                }
            });
        }),
    },
    Check {
        name: "AnnotationUnknown",
        codes: &["IST0108"],
        severity: Severity::Warning,
        what: "An annotation looks like one of Istio's, and is none",
        why: "Nobody reads it: what it was to do does not happen.",
        next: "Correct its name.",
        of: READ,
        reads: &[],
        look: Look::Each(unknown),
    },
    Check {
        name: "AnnotationInvalid",
        codes: &["IST0125"],
        severity: Severity::Warning,
        what: "An annotation of Istio's holds what it cannot hold",
        why: "Injection fails, or goes on without it.",
        next: "Give it a value that it can have.",
        of: READ,
        reads: &[],
        look: Look::Each(|world, at, found| {
            each(world, at, |path, name, known, value, _| {
                if !known.holds.takes(value) {
                    found.add(at, path, format!("{name} is {}, not {value:?}", known.holds.words()));
                }
            });
        }),
    },
    Check {
        name: "AnnotationOld",
        codes: &["IST0135"],
        severity: Severity::Info,
        what: "An annotation of Istio's is deprecated",
        why: "A later Istio no longer reads it.",
        next: "Write what stands in its place.",
        of: READ,
        reads: &[],
        look: Look::Each(|world, at, found| {
            each(world, at, |path, name, known, _, _| {
                if let Some(instead) = known.old {
                    found.add(at, path, format!("{name} is old: {instead}"));
                }
            });
        }),
    },
];

/// Kinds on which annotations are looked at; pods are, where nothing made them that has a template.
const READ: &[&Kind] = &[
    &kinds::NAMESPACE,
    &kinds::SERVICE,
    &kinds::POD,
    &kinds::DEPLOYMENT,
    &kinds::STATEFUL_SET,
    &kinds::AUTHORIZATION_POLICY,
    &kinds::VIRTUAL_SERVICE,
    &kinds::DESTINATION_RULE,
    &kinds::GATEWAY,
    &kinds::API_GATEWAY,
];

/// What an annotation may hold.
#[derive(Clone, Copy)]
enum Holds {
    Anything,
    Boolean,
    Number,
    Ports,
    Ranges,
    Quantity,
    Yaml,
    Json,
    OneOf(&'static [&'static str]),
}

impl Holds {
    fn takes(self, value: &str) -> bool {
        let list = |each: fn(&str) -> bool| {
            value.is_empty() || value == "*" || value.split(',').all(|one| each(one.trim()))
        };
        match self {
            Self::Anything => true,
            Self::Boolean => matches!(
                value,
                "true" | "false" | "1" | "0" | "t" | "f" | "T" | "F" | "TRUE" | "FALSE" | "True" | "False"
            ),
            Self::Number => value.parse::<u32>().is_ok(),
            Self::Ports => list(|one| one.parse::<u16>().is_ok()),
            Self::Ranges => list(|one| one.is_empty() || is_range(one)),
            Self::Quantity => is_quantity(value),
            Self::Yaml => {
                istio::yaml::read(value).is_ok_and(|read| read.value.is_object() || read.value.is_null())
            }
            Self::Json => serde_json::from_str::<Value>(value).is_ok(),
            Self::OneOf(words) => words.contains(&value),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Anything => "anything".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Ports => "a list of ports, or *".to_owned(),
            Self::Ranges => "a list of ranges of addresses, or *".to_owned(),
            Self::Quantity => "a quantity such as 100m or 128Mi".to_owned(),
            Self::Yaml => "YAML".to_owned(),
            Self::Json => "JSON".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
        }
    }
}

fn is_range(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// As Kubernetes writes amounts of CPU and memory.
fn is_quantity(text: &str) -> bool {
    let number = text.trim_end_matches(|one: char| one.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let units = ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    number.parse::<f64>().is_ok() && units.contains(&unit)
}

/// An annotation of Istio's.
struct Known {
    name: &'static str,
    /// Kinds on which it is read; none for all.
    on: &'static [&'static str],
    holds: Holds,
    old: Option<&'static str>,
}

const POD: &[&str] = &["Pod"];

const fn known(name: &'static str, on: &'static [&'static str], holds: Holds) -> Known {
    Known { name, on, holds, old: None }
}

/// Istio's annotations (api/annotation), those that users write.
const ANNOTATIONS: &[Known] = &[
    known("alpha.istio.io/canonical-serviceaccounts", &["Service"], Holds::Anything),
    known("alpha.istio.io/kubernetes-serviceaccounts", &["Service"], Holds::Anything),
    known("ambient.istio.io/bypass-inbound-capture", POD, Holds::Boolean),
    known("ambient.istio.io/dns-capture", POD, Holds::Boolean),
    known("ambient.istio.io/redirection", POD, Holds::Anything),
    known("ambient.istio.io/waypoint-inbound-binding", &["Gateway", "GatewayClass"], Holds::Anything),
    known("galley.istio.io/analyze-suppress", &[], Holds::Anything),
    known("inject.istio.io/templates", POD, Holds::Anything),
    known("istio.io/dry-run", &["AuthorizationPolicy"], Holds::Boolean),
    known("istio.io/reroute-virtual-interfaces", POD, Holds::Anything),
    known("networking.istio.io/exportTo", &["Service"], Holds::Anything),
    known(
        "networking.istio.io/service-type",
        &["Gateway"],
        Holds::OneOf(&["ClusterIP", "NodePort", "LoadBalancer"]),
    ),
    known("networking.istio.io/traffic-distribution", &["Service", "ServiceEntry"], Holds::Anything),
    known("prometheus.istio.io/merge-metrics", POD, Holds::Boolean),
    known("proxy.istio.io/config", POD, Holds::Yaml),
    known("proxy.istio.io/overrides", POD, Holds::Json),
    known("readiness.status.sidecar.istio.io/applicationPorts", POD, Holds::Ports),
    known("readiness.status.sidecar.istio.io/failureThreshold", POD, Holds::Number),
    known("readiness.status.sidecar.istio.io/initialDelaySeconds", POD, Holds::Number),
    known("readiness.status.sidecar.istio.io/periodSeconds", POD, Holds::Number),
    known("sidecar.istio.io/agentLogLevel", POD, Holds::Anything),
    known("sidecar.istio.io/bootstrapOverride", POD, Holds::Anything),
    known("sidecar.istio.io/componentLogLevel", POD, Holds::Anything),
    Known {
        name: "sidecar.istio.io/controlPlaneAuthPolicy",
        on: POD,
        holds: Holds::Anything,
        old: Some("set controlPlaneAuthPolicy in proxy.istio.io/config"),
    },
    Known {
        name: "sidecar.istio.io/discoveryAddress",
        on: POD,
        holds: Holds::Anything,
        old: Some("set discoveryAddress in proxy.istio.io/config"),
    },
    known("sidecar.istio.io/enableCoreDump", POD, Holds::Boolean),
    known("sidecar.istio.io/extraStatTags", POD, Holds::Anything),
    Known {
        name: "sidecar.istio.io/inject",
        on: POD,
        holds: Holds::OneOf(&["true", "false", "y", "n", "yes", "no", "on", "off"]),
        old: None,
    },
    known("sidecar.istio.io/interceptionMode", POD, Holds::OneOf(&["REDIRECT", "TPROXY", "NONE"])),
    known("sidecar.istio.io/logLevel", POD, Holds::Anything),
    known("sidecar.istio.io/nativeSidecar", POD, Holds::Boolean),
    known("sidecar.istio.io/proxyCPU", POD, Holds::Quantity),
    known("sidecar.istio.io/proxyCPULimit", POD, Holds::Quantity),
    known("sidecar.istio.io/proxyImage", POD, Holds::Anything),
    known("sidecar.istio.io/proxyImageType", POD, Holds::Anything),
    known("sidecar.istio.io/proxyMemory", POD, Holds::Quantity),
    known("sidecar.istio.io/proxyMemoryLimit", POD, Holds::Quantity),
    known("sidecar.istio.io/rewriteAppHTTPProbers", POD, Holds::Boolean),
    known("sidecar.istio.io/statsCompression", POD, Holds::Boolean),
    known("sidecar.istio.io/statsEvictionInterval", POD, Holds::Anything),
    known("sidecar.istio.io/statsHistogramBuckets", POD, Holds::Json),
    known("sidecar.istio.io/statsInclusionPrefixes", POD, Holds::Anything),
    known("sidecar.istio.io/statsInclusionRegexps", POD, Holds::Anything),
    known("sidecar.istio.io/statsInclusionSuffixes", POD, Holds::Anything),
    known("sidecar.istio.io/status", POD, Holds::Anything),
    known("sidecar.istio.io/userVolume", POD, Holds::Json),
    known("sidecar.istio.io/userVolumeMount", POD, Holds::Json),
    known("status.sidecar.istio.io/port", POD, Holds::Number),
    known("topology.istio.io/controlPlaneClusters", &["Namespace"], Holds::Anything),
    known("traffic.istio.io/nodeSelector", &["Service"], Holds::Json),
    known("traffic.sidecar.istio.io/excludeInboundPorts", POD, Holds::Ports),
    known("traffic.sidecar.istio.io/excludeInterfaces", POD, Holds::Anything),
    known("traffic.sidecar.istio.io/excludeOutboundIPRanges", POD, Holds::Ranges),
    known("traffic.sidecar.istio.io/excludeOutboundPorts", POD, Holds::Ports),
    known("traffic.sidecar.istio.io/includeInboundPorts", POD, Holds::Ports),
    known("traffic.sidecar.istio.io/includeOutboundIPRanges", POD, Holds::Ranges),
    known("traffic.sidecar.istio.io/includeOutboundPorts", POD, Holds::Ports),
    Known {
        name: "traffic.sidecar.istio.io/kubevirtInterfaces",
        on: POD,
        holds: Holds::Anything,
        old: Some("use istio.io/reroute-virtual-interfaces"),
    },
];

/// Beginnings of which all annotations stand in the table.
const WHOLE: [&str; 7] = [
    "ambient.istio.io/",
    "inject.istio.io/",
    "prometheus.istio.io/",
    "proxy.istio.io/",
    "readiness.status.sidecar.istio.io/",
    "sidecar.istio.io/",
    "traffic.sidecar.istio.io/",
];

/// The annotations of an object, and of the pods that it makes, with their places and the kind that reads them.
fn all<'a>(at: &Ref, object: &'a Object) -> Vec<(&'static str, &'a Map<String, Value>, &'static str)> {
    let owned = *at.kind == kinds::POD
        && object
            .0
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .is_some_and(|all| !all.is_empty());
    if owned {
        return Vec::new();
    }
    let own = ("metadata", "/metadata/annotations", at.kind.kind);
    let pods = ("spec.template.metadata", "/spec/template/metadata/annotations", "Pod");
    [own, pods]
        .into_iter()
        .filter_map(|(path, place, kind)| Some((path, object.0.pointer(place)?.as_object()?, kind)))
        .collect()
}

fn each(world: &World<'_>, at: &Ref, mut look: impl FnMut(String, &str, &Known, &str, &'static str)) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    for (path, annotations, on) in all(at, object) {
        for (name, value) in annotations {
            if let (Some(known), Some(value)) =
                (ANNOTATIONS.iter().find(|one| one.name == name), value.as_str())
            {
                look(format!("{path}.annotations[\"{name}\"]"), name, known, value, on);
            }
        }
    }
}

fn unknown(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    for (path, annotations, _) in all(at, object) {
        for name in annotations.keys() {
            let ours = WHOLE.iter().any(|start| name.starts_with(start));
            if !ours || ANNOTATIONS.iter().any(|one| one.name == name) {
                continue;
            }
            let near = ANNOTATIONS.iter().find(|one| one.name.eq_ignore_ascii_case(name));
            let hint = near.map(|one| format!(": {} is meant", one.name)).unwrap_or_default();
            let what = format!("Istio has no annotation {name}{hint}");
            found.add(at, format!("{path}.annotations[\"{name}\"]"), what);
        }
    }
}
