//! The codes of Kiali and of istioctl that no check here has, and why.

/// A code that is not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJudged {
    /// "IST0139".
    pub code: &'static str,
    /// What it would say.
    pub what: &'static str,
    /// Why nobody here says it.
    pub why: &'static str,
}

const fn not(code: &'static str, what: &'static str, why: &'static str) -> NotJudged {
    NotJudged { code, what, why }
}

const WEBHOOKS: &str = "Webhook configurations are not read";
const UPGRADE: &str =
    "It is about an installation or upgrade to come: istioctl x precheck asks the cluster for it";

/// All of them.
pub const NOT_JUDGED: &[NotJudged] = &[
    not(
        "KIA1301",
        "A workload that no AuthorizationPolicy covers",
        "Kiali leaves it out by default: it is a choice, no fault",
    ),
    not(
        "KIA1504",
        "A GatewayClass that Kiali's configuration does not name",
        "It is about Kiali; GatewayRefused tells of a class that nobody serves",
    ),
    not(
        "KIA1701",
        "A WorkloadGroup whose service account is not there",
        "Service accounts are not read, and no pod of the group's is",
    ),
    not("IST0001", "An error inside istioctl", "It is about istioctl itself"),
    not(
        "IST0126",
        "meshNetworks names a registry that is not there",
        "Registries of other clusters stand in Secrets, which are not read",
    ),
    not("IST0136", "An annotation that is alpha", "It works; istioctl says it only when asked"),
    not("IST0139", "A webhook that is invalid, or whose Service is missing", WEBHOOKS),
    not("IST0141", "Rights that are missing to install Istio", UPGRADE),
    not("IST0142", "A version of Kubernetes that Istio does not support", UPGRADE),
    not(
        "IST0143",
        "An application that listens on localhost only",
        "No object says where a process listens; istioctl does not say it any more either",
    ),
    not("IST0148", "A namespace that is injected by default", "The injector's own configuration is not read"),
    not("IST0156", "A version of the Gateway API that Istio does not support", UPGRADE),
    not("IST0163", "The address of an external control plane is invalid", WEBHOOKS),
    not("IST0164", "The address of an external control plane is no hostname", WEBHOOKS),
    not("IST0168", "What an upgrade changes is not known", UPGRADE),
    not("IST0169", "What an upgrade changes", UPGRADE),
    not("IST0170", "A Service that differs between clusters", "One cluster is looked at at a time"),
    not("IST0172", "A version of the Gateway API that a later Istio does not support", UPGRADE),
    not(
        "IST0175",
        "Keys of tokens may be fetched from anywhere",
        "istiod's environment is not read: it may hold secrets",
    ),
    not("IST0176", "CRDs of the Gateway API that are too old", UPGRADE),
];
