//! Who else applies an object, and may put the old state back: Argo CD, Flux, Helm. Told by what they write
//! on it; what their own objects say of it is read while somebody looks.

use istio::{Object, Ref};
use jiff::Timestamp;
use serde_json::Value;

/// A tool that applies objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// The object.
    pub at: Ref,
    /// The tool.
    pub by: Tool,
    /// What of it applies this object, where that is told.
    pub source: Option<Source>,
}

/// Which tool it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// Helm, by hand or by a pipeline.
    Helm,
}

/// What applies objects, as an object of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its kind.
    pub kind: SourceKind,
    /// Its namespace; "" where nobody says it.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// Argo CD's.
    Application,
    /// Flux's, of plain manifests.
    Kustomization,
    /// Flux's, of charts.
    HelmRelease,
    /// Helm's own, which is no object that can be read.
    Release,
}

impl SourceKind {
    /// "Application".
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::Release => "release",
        }
    }
}

/// What a source says of what it applied last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// When that was.
    pub when: Option<Timestamp>,
    /// "Synced", "Ready".
    pub state: String,
    /// When it does so again.
    pub again: Again,
}

/// When a source applies its objects again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// As soon as something differs.
    AtOnce,
    /// With the next thing that is new to it.
    #[default]
    WithTheNext,
    /// When somebody asks for it.
    ByHand,
}

impl Managed {
    /// Who manages an object, by its labels and annotations.
    pub fn of(at: &Ref, object: &Object) -> Option<Self> {
        let labels = object.labels();
        let notes = object.annotations();
        let starts = |prefix: &str| labels.keys().chain(notes.keys()).any(|key| key.starts_with(prefix));
        let source = |kind, namespace: Option<&str>, name: Option<&str>| {
            let (namespace, name) = (namespace.unwrap_or_default().to_owned(), name?.to_owned());
            Some(Source { kind, namespace, name })
        };
        let (by, source) = if let Some(id) = object.annotation("argocd.argoproj.io/tracking-id") {
            let (app, tracked) = id.split_once(':').unwrap_or((id, ""));
            // A clone has the note of what it was made of.
            let own = format!("{}/{}:{}/{}", at.kind.group, at.kind.kind, at.namespace, at.name);
            if !tracked.is_empty() && tracked != own {
                return None;
            }
            let (namespace, name) = app.split_once('_').map_or((None, app), |(of, name)| (Some(of), name));
            (Tool::ArgoCd, source(SourceKind::Application, namespace, Some(name)))
        } else if starts("argocd.argoproj.io/") {
            let name =
                object.label("argocd.argoproj.io/instance").or(object.label("app.kubernetes.io/instance"));
            (Tool::ArgoCd, source(SourceKind::Application, None, name))
        } else if starts("kustomize.toolkit.fluxcd.io/") {
            let label = |key: &str| object.label(&format!("kustomize.toolkit.fluxcd.io/{key}"));
            (Tool::Flux, source(SourceKind::Kustomization, label("namespace"), label("name")))
        } else if starts("helm.toolkit.fluxcd.io/") {
            let label = |key: &str| object.label(&format!("helm.toolkit.fluxcd.io/{key}"));
            (Tool::Flux, source(SourceKind::HelmRelease, label("namespace"), label("name")))
        } else if object.label("app.kubernetes.io/managed-by") == Some("Helm") || starts("meta.helm.sh/") {
            let note = |key: &str| object.annotation(&format!("meta.helm.sh/release-{key}"));
            (Tool::Helm, source(SourceKind::Release, note("namespace"), note("name")))
        } else {
            return None;
        };
        Some(Self { at: at.clone(), by, source })
    }

    /// Who it is and what will happen, as far as is known; `ago` says when it applied its objects last.
    pub fn words(&self, applied: Option<(&Applied, Option<String>)>) -> String {
        let of = self
            .source
            .as_ref()
            .map_or_else(String::new, |source| format!(" {} {}", source.kind.name(), source.name));
        let at = &self.at;
        let again = applied.as_ref().map(|(applied, _)| applied.again);
        let does = match (self.by, again) {
            (Tool::ArgoCd, Some(Again::AtOnce)) => {
                "it puts the old state back at once (self-heal) until Git has the change too"
            }
            (Tool::ArgoCd, Some(Again::WithTheNext)) => {
                "it puts the old state back with its next sync, unless Git has the change too"
            }
            (_, Some(Again::ByHand)) => "it puts the old state back when somebody has it synced",
            (Tool::ArgoCd, None) => "it may put the old state back until Git has the change too",
            (Tool::Flux, Some(Again::WithTheNext)) => {
                "it puts the old state back with its next upgrade, unless Git has the change too"
            }
            (Tool::Flux, _) => "it puts the old state back until Git has the change too",
            (Tool::Helm, _) => "the next upgrade may put the old state back",
        };
        let by = match self.by {
            Tool::ArgoCd => "Argo CD",
            Tool::Flux => "Flux",
            Tool::Helm => "Helm",
        };
        let last = applied.and_then(|(applied, ago)| {
            let state = if applied.state.is_empty() { String::new() } else { format!(", {}", applied.state) };
            Some(format!("; last sync {}{state}", ago?))
        });
        format!("{by}{of} manages {at}: {does}{}", last.unwrap_or_default())
    }
}

impl Applied {
    /// What an object of a source says.
    pub fn read(kind: SourceKind, object: &Value) -> Self {
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
        let ready = conditions.into_iter().find(|one| one["type"] == "Ready");
        let suspended = object["spec"]["suspend"] == true;
        match kind {
            SourceKind::Application => {
                let (status, policy) = (&object["status"], &object["spec"]["syncPolicy"]["automated"]);
                let again = match () {
                    () if policy.is_null() || policy["enabled"] == false => Again::ByHand,
                    () if policy["selfHeal"] == true => Again::AtOnce,
                    () => Again::WithTheNext,
                };
                let state = status["sync"]["status"].as_str().unwrap_or_default().to_owned();
                Self { when: time(&status["operationState"]["finishedAt"]), state, again }
            }
            SourceKind::Kustomization | SourceKind::HelmRelease | SourceKind::Release => {
                let heals = kind == SourceKind::Kustomization
                    || object["spec"]["driftDetection"]["mode"] == "enabled";
                let again = match () {
                    () if suspended => Again::ByHand,
                    () if heals => Again::AtOnce,
                    () => Again::WithTheNext,
                };
                let state = match ready {
                    _ if suspended => "suspended",
                    Some(ready) if ready["status"] == "True" => "Ready",
                    Some(_) => "not Ready",
                    None => "",
                };
                let deployed = time(&object["status"]["history"][0]["lastDeployed"]);
                let when = deployed.or_else(|| time(&ready?["lastTransitionTime"]));
                Self { when, state: state.to_owned(), again }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use istio::kinds;
    use serde_json::json;

    fn managed(labels: Value, annotations: Value) -> Option<Managed> {
        let object = json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": {} });
        Managed::of(&Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart"), &object.into())
    }

    #[track_caller]
    fn check(labels: Value, annotations: Value, expect: &str) {
        let told = managed(labels, annotations).map_or_else(String::new, |it| it.words(None));
        assert_eq!(told, expect);
    }

    #[test]
    fn who_manages_it() {
        let back = "it may put the old state back until Git has the change too";
        let own = "networking.istio.io/VirtualService:shop/cart";
        let id = |app: &str, of: &str| json!({ "argocd.argoproj.io/tracking-id": format!("{app}:{of}") });
        check(
            json!({}),
            id("store", own),
            &format!("Argo CD Application store manages VirtualService shop/cart: {back}"),
        );
        check(json!({}), id("store", "networking.istio.io/VirtualService:shop/other"), "");
        assert_eq!(managed(json!({}), id("teams_store", own)).unwrap().source.unwrap().namespace, "teams");
        check(
            json!({ "argocd.argoproj.io/instance": "store" }),
            json!({}),
            &format!("Argo CD Application store manages VirtualService shop/cart: {back}"),
        );
        check(
            json!({ "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" }),
            json!({}),
            "Flux Kustomization apps manages VirtualService shop/cart: it puts the old state back until Git has the change too",
        );
        check(
            json!({ "app.kubernetes.io/managed-by": "Helm" }),
            json!({ "meta.helm.sh/release-name": "store" }),
            "Helm release store manages VirtualService shop/cart: the next upgrade may put the old state back",
        );
        check(json!({ "app": "cart" }), json!({}), "");
    }

    #[test]
    fn when_it_was_applied_last() {
        let app = |policy: Value| {
            json!({ "spec": { "syncPolicy": { "automated": policy } },
            "status": { "sync": { "status": "Synced" }, "operationState": { "finishedAt": "2026-01-01T10:00:00Z" } } })
        };
        let heals = Applied::read(SourceKind::Application, &app(json!({ "selfHeal": true })));
        assert_eq!(
            (heals.again, heals.state.as_str(), heals.when.is_some()),
            (Again::AtOnce, "Synced", true)
        );
        let own = json!({ "argocd.argoproj.io/instance": "store" });
        let said = managed(own, json!({})).unwrap().words(Some((&heals, Some("2 min ago".into()))));
        assert!(
            said.ends_with("at once (self-heal) until Git has the change too; last sync 2 min ago, Synced"),
            "{said}"
        );
        assert_eq!(Applied::read(SourceKind::Application, &app(Value::Null)).again, Again::ByHand);
        assert_eq!(Applied::read(SourceKind::Application, &app(json!({}))).again, Again::WithTheNext);
        let flux = json!({ "spec": {}, "status": { "conditions": [
            { "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T10:00:00Z" }] } });
        let applied = Applied::read(SourceKind::Kustomization, &flux);
        assert_eq!(
            (applied.again, applied.state.as_str(), applied.when.is_some()),
            (Again::AtOnce, "Ready", true)
        );
        assert_eq!(Applied::read(SourceKind::HelmRelease, &flux).again, Again::WithTheNext);
        assert_eq!(
            Applied::read(SourceKind::Application, &json!([1])),
            Applied { again: Again::ByHand, ..Applied::default() }
        );
    }
}
