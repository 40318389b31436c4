//! Who else writes the objects of a change, and may put the old state back.

use crate::change::Step;

/// What the user should know of who else writes these objects.
pub(super) fn managed(steps: &[Step]) -> Vec<String> {
    let seen = steps.iter().filter_map(|step| Some((&step.at, step.before.as_ref()?)));
    seen.filter_map(|(at, object)| {
        let label = |key: &str| object.label(key);
        let note = |key: &str| object.annotation(key);
        let starts = |prefix: &str| {
            let labels = object.labels();
            labels.keys().chain(object.annotations().keys()).any(|key| key.starts_with(prefix))
        };
        if starts("argocd.argoproj.io/") {
            Some(format!("Argo CD manages {at}: it may put the old state back until Git has the change too"))
        } else if starts("kustomize.toolkit.fluxcd.io/") || starts("helm.toolkit.fluxcd.io/") {
            Some(format!("Flux manages {at}: it puts the old state back until Git has the change too"))
        } else if label("app.kubernetes.io/managed-by") == Some("Helm") || starts("meta.helm.sh/") {
            let release =
                note("meta.helm.sh/release-name").map_or_else(String::new, |name| format!(" release {name}"));
            Some(format!("Helm{release} manages {at}: the next upgrade may put the old state back"))
        } else {
            None
        }
    })
    .collect()
}
