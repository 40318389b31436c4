//! Workloads: which pods get a sidecar, how many there are, a restart of all, the end of one. Each says
//! beforehand what becomes of pods and calls. Nothing of Istio's own objects changes.

use super::operated::told;
use crate::plan::Plan;
use crate::rollout::{controller, wanted};
use crate::{Mesh, Object, Ref, Workload};
use istio::kinds::{self, INJECT, INJECTION, RESTARTED, REVISION};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operated {
    /// What makes the pods of a workload.
    Workload {
        /// The workload's name.
        name: Arc<str>,
        /// Its Deployment or StatefulSet.
        object: Ref,
    },
    /// One pod.
    Pod {
        /// The name of its workload.
        workload: Arc<str>,
        /// The pod.
        object: Ref,
        /// Whether it has a proxy.
        proxy: bool,
    },
    /// A namespace.
    Namespace(Ref),
}

/// How it is, or is to be. What does not apply to something is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wish {
    /// Whether pods get a sidecar; left out, what stands above decides.
    pub inject: Option<bool>,
    /// The revision of the control plane whose sidecar it is.
    pub revision: Option<String>,
    /// How many pods there are.
    pub replicas: Option<u32>,
    /// When all pods were replaced last, as it is noted: another moment replaces them again.
    pub restarted: Option<String>,
    /// Whether it is deleted.
    #[serde(default)]
    pub deleted: bool,
}

impl Operated {
    /// The object that is written.
    pub fn object(&self) -> &Ref {
        match self {
            Self::Workload { object, .. } | Self::Pod { object, .. } | Self::Namespace(object) => object,
        }
    }

    /// Where the labels stand that decide about injection.
    fn labels(&self) -> &'static str {
        match self {
            Self::Workload { .. } => "spec/template/metadata/labels",
            Self::Pod { .. } | Self::Namespace(_) => "metadata/labels",
        }
    }

    /// How it is.
    pub fn now(&self, mesh: &Mesh) -> Wish {
        let Some(object) = mesh.objects().get(self.object()) else { return Wish::default() };
        let label = |name: &str| object.0.pointer(&format!("/{}", self.labels()))?.get(name)?.as_str();
        match self {
            Self::Pod { .. } => Wish::default(),
            Self::Namespace(_) => Wish {
                inject: label(INJECTION).map(|said| said == "enabled"),
                revision: label(REVISION).map(str::to_owned),
                ..Wish::default()
            },
            Self::Workload { .. } => Wish {
                inject: label(INJECT).map(|said| said == "true"),
                revision: label(REVISION).map(str::to_owned),
                replicas: u32::try_from(wanted(object)).ok(),
                restarted: restarted(object).map(str::to_owned),
                deleted: false,
            },
        }
    }
}

fn restarted(object: &Object) -> Option<&str> {
    object.0.pointer("/spec/template/metadata/annotations")?.get(RESTARTED)?.as_str()
}

/// The Deployment or StatefulSet of a workload, if one makes it.
pub fn made_by(mesh: &Mesh, workload: &Workload) -> Option<Ref> {
    let pod = workload
        .pods
        .iter()
        .find_map(|pod| mesh.objects().get(&Ref::new(&kinds::POD, &workload.namespace, &pod.name)));
    let named = || {
        let kinds =
            [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET].into_iter().find(|kind| kind.kind == workload.owner);
        kinds.map(|kind| Ref::new(kind, &workload.namespace, &workload.name))
    };
    let at = match pod {
        Some(pod) => controller(&workload.namespace, pod),
        None => named(),
    };
    at.filter(|at| mesh.objects().contains(at))
}

/// Revisions of istiods that are seen.
pub fn revisions(mesh: &Mesh) -> BTreeSet<&str> {
    let all = mesh
        .objects()
        .of_kind(&kinds::DEPLOYMENT)
        .filter(|(_, object)| object.label("app") == Some("istiod"));
    all.map(|(_, object)| object.label(REVISION).unwrap_or("default")).collect()
}

/// Makes a wish true.
pub fn plan(plan: &mut Plan<'_>, at: &Operated, was: &Wish, wish: &Wish) {
    let mesh = plan.mesh();
    let mut said: Vec<String> = Vec::new();
    if !matches!(at, Operated::Pod { .. }) {
        labels(plan, at, was, wish);
        said.extend(injection(at, was, wish));
    }
    match at {
        Operated::Workload { object, .. } => {
            let (paused, pods) = mesh.objects().get(object).map_or((false, 0), |object| {
                (object.spec().get("paused") == Some(&Value::Bool(true)), wanted(object))
            });
            if let Some(replicas) = wish.replicas.filter(|_| wish.replicas != was.replicas) {
                plan.object(object).set("spec/replicas", Some(Value::from(replicas)));
                said.push(format!("runs {} instead of {pods}", counted(replicas as usize)));
            }
            if let Some(moment) = wish.restarted.as_ref().filter(|_| wish.restarted != was.restarted) {
                if paused {
                    plan.not_yet(format!(
                        "Nothing to push yet: {object} is paused, so that nothing would be restarted"
                    ));
                }
                let place = "spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
                plan.object(object).set(place, Some(Value::from(moment.as_str())));
                said.push("is restarted".to_owned());
            }
        }
        Operated::Pod { object, .. } if wish.deleted && !was.deleted => {
            plan.delete(object);
            said.push("is deleted".to_owned());
        }
        Operated::Pod { .. } | Operated::Namespace(_) => {}
    }
    for told in told(mesh, at, was, wish) {
        plan.warn(told);
    }
    plan.title(format!("{} {}", called(at), said.join(", ")));
}

fn labels(plan: &mut Plan<'_>, at: &Operated, was: &Wish, wish: &Wish) {
    let of_namespace = matches!(at, Operated::Namespace(_));
    let mut labels = plan.object(at.object());
    let mut labels = labels.within(at.labels());
    if wish.inject != was.inject {
        let (name, words) = if of_namespace {
            (INJECTION, ["disabled", "enabled"])
        } else {
            ("sidecar.istio.io~1inject", ["false", "true"])
        };
        labels.set(name, wish.inject.map(|inject| Value::from(words[usize::from(inject)])));
    }
    if wish.revision != was.revision {
        labels.set("istio.io~1rev", wish.revision.as_deref().map(Value::from));
    }
}

/// What becomes of injection, in words.
fn injection(at: &Operated, was: &Wish, wish: &Wish) -> Vec<String> {
    let mut said = Vec::new();
    if wish.inject != was.inject {
        said.push(match (at, wish.inject) {
            (Operated::Namespace(_), None) => "no longer says whether its pods get a sidecar".to_owned(),
            (_, None) => "leaves it to its namespace whether its pods get a sidecar".to_owned(),
            (_, Some(true)) => "gives its pods a sidecar".to_owned(),
            (_, Some(false)) => "gives its pods no sidecar".to_owned(),
        });
    }
    if wish.revision != was.revision {
        said.push(match &wish.revision {
            Some(revision) => format!("wants sidecars of revision {revision}"),
            None => "wants sidecars of no certain revision".to_owned(),
        });
    }
    said
}

/// What it is called: "reviews-v3", "Pod reviews-v3-77", "Namespace bookinfo".
pub fn called(at: &Operated) -> String {
    match at {
        Operated::Workload { name, .. } => name.to_string(),
        Operated::Pod { object, .. } => format!("Pod {}", object.name),
        Operated::Namespace(object) => format!("Namespace {}", object.name),
    }
}

/// "1 pod", "no pod".
pub(super) fn counted(count: usize) -> String {
    match count {
        0 => "no pod".to_owned(),
        1 => "1 pod".to_owned(),
        more => format!("{more} pods"),
    }
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod tests;
