//! Everything that is known at one moment: what the window draws.

use crate::Mesh;
use crate::journal::Cluster;
use crate::reads::Answers;
use crate::remote::Remote;
use crate::traffic::Traffic;
use crate::writes::Write;
use istio::{Kind, Problem};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part of the way to a connected mesh, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Step {
    /// The sandbox is being started (only when it is this window's own).
    Sandbox,
    /// The kubeconfig context is read.
    Context,
    /// The API server answers and takes us.
    Api,
    /// What kinds exist and may be read.
    Kinds,
    /// istiod is found and answers.
    Istiod,
    /// Prometheus is found and answers.
    Prometheus,
    /// A tracing backend is found and answers.
    Traces,
}

/// What is to be kept in mind of a connection for as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caution {
    /// The server's certificate is not looked at.
    Insecure,
    /// We act as somebody else.
    As(String),
    /// kubectl would connect otherwise; how.
    Otherwise(String),
    /// A kubeconfig among others cannot be read; why.
    Kubeconfig(String),
    /// The mesh could not be read of the newest objects: an older one is shown; why.
    Old(Problem),
    /// istiod has not told of all proxies; why.
    Partly(Problem),
}

impl Caution {
    /// In a word or two.
    pub fn short(&self) -> String {
        match self {
            Self::Insecure => "TLS not verified".to_owned(),
            Self::As(who) => format!("acting as {who}"),
            Self::Otherwise(_) => "not as kubectl".to_owned(),
            Self::Kubeconfig(_) => "kubeconfig left out".to_owned(),
            Self::Old(_) => "mesh is old".to_owned(),
            Self::Partly(_) => "istiod in part".to_owned(),
        }
    }
    /// What it means.
    pub fn detail(&self) -> String {
        match self {
            Self::Insecure => {
                "insecure-skip-tls-verify is set: whoever stands in between can read and change everything"
                    .to_owned()
            }
            Self::As(who) => format!("The kubeconfig says to act as {who}: rights and changes are theirs"),
            Self::Otherwise(how) => {
                format!("Cluster and user are taken from the context's own file first; {how}")
            }
            Self::Kubeconfig(why) => why.clone(),
            Self::Old(problem) | Self::Partly(problem) => problem.to_string(),
        }
    }
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Under way since.
    Running(Timestamp),
    /// Done; what was found ("Kubernetes 1.36, 5 ms").
    Done(String),
    /// Failed, with the way on. Only Context and Api failing keep the mesh from being shown.
    Failed(Problem),
}

/// State of one watched kind.
#[derive(Clone, Debug, PartialEq)]
pub enum KindState {
    /// Not listed yet.
    Waiting,
    /// Watched; so many objects.
    Live(usize),
    /// The cluster does not serve it (no CRD).
    Missing,
    /// We may not read it; the exact right that is missing.
    Denied(Problem),
    /// The watch broke; it is being tried again.
    Stale(Problem),
}

/// One proxy, as istiod sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proxy {
    /// "reviews-v1-abc.bookinfo".
    pub name: String,
    /// Cluster id.
    pub cluster: String,
    /// Istio version of the proxy.
    pub version: String,
    /// Which istiod replica it is connected to.
    pub istiod: String,
    /// By xDS type ("CDS", "LDS", "RDS", "EDS", …).
    pub types: BTreeMap<String, SyncState>,
    /// When it was sent what it has not taken; else what it was sent last. Older istiods do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Proxy {
    /// What it has not acknowledged or refuses, in words; `None` when it is in sync.
    pub fn lag(&self) -> Option<String> {
        let mut told = Vec::new();
        for (xds, state) in &self.types {
            match state {
                SyncState::Synced | SyncState::NotSent => {}
                SyncState::NeverAcked => told.push(format!("{xds} never acknowledged")),
                SyncState::Stale => told.push(format!("{xds} not acknowledged")),
                SyncState::Nacked(words) => told.push(format!("refuses {xds}: {words}")),
            }
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// What an Envoy says of what it refuses, without the configuration that it shows beside its reason: of that only the
/// name stays.
pub fn refusal(words: &str) -> String {
    // How protobuf begins a text that is for people only.
    const SHOWN: &str = "goo.gle/debug";
    let mut said = String::new();
    let mut name: Option<Option<&str>> = None;
    for line in words.lines() {
        match (&mut name, line.strip_prefix(": ")) {
            (Some(named), Some(reason)) => {
                said += &named.map_or_else(|| reason.to_owned(), |named| format!("{named}: {reason}"));
                name = None;
            }
            (Some(named), None) => {
                *named = named.or_else(|| Some(line.strip_prefix("name: ")?.trim_matches('"')));
            }
            (None, _) => {
                let begin = line.find(SHOWN);
                let told = line[..begin.unwrap_or(line.len())].trim();
                if !said.is_empty() && !told.is_empty() {
                    said.push(' ');
                }
                said += told;
                if begin.is_some() {
                    if !said.is_empty() {
                        said.push(' ');
                    }
                    name = Some(None);
                }
            }
        }
    }
    // Where no reason was found, all of it is better than none.
    if name.is_some() { words.trim().to_owned() } else { said.trim().to_owned() }
}

/// Sync state of one xDS type of one proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// Sent and acknowledged.
    Synced,
    /// Sent, not acknowledged yet.
    Stale,
    /// Nothing that was sent has ever been acknowledged.
    NeverAcked,
    /// Nothing was sent.
    NotSent,
    /// Refused, with the proxy's own words.
    Nacked(String),
}

/// Everything that is known at one moment.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Name of the context, or "sandbox".
    pub context: String,
    /// Which cluster that is, once it is known: its context may come to name another one.
    pub cluster: Option<Cluster>,
    /// The steps of connecting.
    pub steps: BTreeMap<Step, StepState>,
    /// What the running step is doing just now ("Waiting for the proxies").
    pub doing: Option<String>,
    /// What is to be kept in mind of the connection.
    pub cautions: Vec<Caution>,
    /// State of each watched kind.
    pub kinds: BTreeMap<&'static Kind, KindState>,
    /// The model of the objects; an empty mesh until the first lists are in.
    pub mesh: Arc<Mesh>,
    /// What was measured over the chosen window.
    pub traffic: Remote<Traffic>,
    /// Proxies, as istiod sees them.
    pub proxies: Remote<Vec<Proxy>>,
    /// Whether a tracing backend can be asked.
    pub traces: Remote<String>,
    /// What was answered to whoever looks at something.
    pub answers: Answers,
    /// What was written into the objects that can be edited, by whomever.
    pub writes: Arc<Vec<Write>>,
    /// True for a sandbox: the connect screen and the top bar say so.
    pub sandbox: bool,
}

impl Scene {
    /// Whether the mesh can be shown: the first lists of all readable kinds are in.
    pub fn ready(&self) -> bool {
        matches!(self.steps.get(&Step::Kinds), Some(StepState::Done(_)))
    }
    /// Whether the cluster does not serve this kind.
    pub fn lacks(&self, kind: &'static Kind) -> bool {
        self.kinds.get(kind) == Some(&KindState::Missing)
    }
    /// Kinds of Istio that every installation serves and this cluster does not, with the way on.
    pub fn not_installed(&self) -> Option<Problem> {
        let missing =
            |(kind, state): &(&&'static Kind, &KindState)| kind.core && **state == KindState::Missing;
        let kinds: Vec<&'static Kind> = self.kinds.iter().filter(missing).map(|(kind, _)| *kind).collect();
        let served = self.kinds.keys().filter(|kind| kind.core).count();
        let list =
            |of: fn(&Kind) -> &'static str| kinds.iter().map(|kind| of(kind)).collect::<Vec<_>>().join(", ");
        let what = match kinds.len() {
            0 => return None,
            all if all == served => "Istio's kinds are not installed".to_owned(),
            1 => format!("Istio's kind {} is not installed", kinds[0]),
            some => format!("{some} of Istio's kinds are not installed: {}", list(|kind| kind.kind)),
        };
        let why = format!(
            "The cluster has no CRD for them, so it has none of this to see or change: {}",
            list(|kind| kind.why)
        );
        Some(Problem::new(
            what,
            why,
            "Install Istio's CRDs: helm upgrade --install istio-base istio/base -n istio-system",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use istio::{KINDS, kinds};

    fn without(missing: &[&str]) -> Scene {
        let state =
            |kind: &Kind| if missing.contains(&kind.kind) { KindState::Missing } else { KindState::Live(0) };
        Scene { kinds: KINDS.iter().map(|&kind| (kind, state(kind))).collect(), ..Scene::default() }
    }

    #[test]
    fn a_proxy_says_what_it_lacks() {
        let proxy = |rds: SyncState| Proxy {
            name: "web-1.shop".into(),
            cluster: String::new(),
            version: String::new(),
            istiod: String::new(),
            types: [("CDS".to_owned(), SyncState::Synced), ("RDS".to_owned(), rds)].into(),
            since: None,
        };
        assert_eq!(proxy(SyncState::Synced).lag(), None);
        assert_eq!(proxy(SyncState::NotSent).lag(), None);
        assert_eq!(proxy(SyncState::Stale).lag().as_deref(), Some("RDS not acknowledged"));
        let refused = proxy(SyncState::Nacked("unknown cluster".into()));
        assert_eq!(refused.lag().as_deref(), Some("refuses RDS: unknown cluster"));
    }

    #[test]
    fn what_every_istio_serves_is_missed() {
        let problem = without(&["VirtualService", "PeerAuthentication"]).not_installed().unwrap();
        assert_eq!(problem.what, "2 of Istio's kinds are not installed: VirtualService, PeerAuthentication");
        assert!(
            problem.why.contains("routes, weights and faults") && problem.why.contains("mutual TLS modes"),
            "{problem:?}"
        );
        assert!(problem.next.contains("CRDs"));
        let one = without(&["Sidecar"]).not_installed().unwrap();
        assert_eq!(one.what, "Istio's kind Sidecar is not installed");
        let all: Vec<&str> = KINDS.iter().map(|kind| kind.kind).collect();
        assert_eq!(without(&all).not_installed().unwrap().what, "Istio's kinds are not installed");
        assert!(
            without(&["Sidecar"]).lacks(&kinds::SIDECAR) && !without(&["Sidecar"]).lacks(&kinds::GATEWAY)
        );
    }

    #[test]
    fn a_refusal_is_its_reason_and_what_was_refused() {
        #[track_caller]
        fn check(words: &str, expect: &str) {
            assert_eq!(refusal(words), expect);
        }
        check("no such cluster", "no such cluster");
        let shown = "goo.gle/debugstr  \nname: \"outbound|9080||details\"\ntype: EDS\nname: \"other\"\na {\n}\n: Proto constraint \
                     validation failed (Cluster.Size: value must be less)";
        let reason =
            "outbound|9080||details: Proto constraint validation failed (Cluster.Size: value must be less)";
        check(shown, reason);
        check(
            &format!("Error adding/updating cluster(s) x: {shown}\nand more"),
            &format!("Error adding/updating cluster(s) x: {reason} and more"),
        );
        check("goo.gle/debugonly \na: 1\n: bad", "bad");
        check("bad: goo.gle/debugproto a: 1\nb: 2", "bad: goo.gle/debugproto a: 1\nb: 2");
        check("one\ntwo", "one two");
        check("", "");
    }

    #[test]
    fn what_some_installations_lack_is_no_fault() {
        assert_eq!(without(&["Telemetry", "EnvoyFilter"]).not_installed(), None);
        assert_eq!(Scene::default().not_installed(), None);
    }
}
