//! A change as text, for a review or a terminal: commands, patches, objects.

use istio::object::yaml;
use mesh::{Change, Edit};

/// The change as JSON patches, one command per object, ready for a terminal or a review.
pub(crate) fn as_kubectl(change: &Change) -> String {
    let mut text = format!("# {}\n", change.title);
    for step in &change.steps {
        let place = if step.at.namespace.is_empty() {
            String::new()
        } else {
            format!(" --namespace {}", step.at.namespace)
        };
        let name = format!("{} {}", step.at.kind.plural, step.at.name);
        match &step.edit {
            Edit::Patch(patch) => {
                let body = serde_json::to_string(patch).unwrap_or_default().replace('\'', "'\\''");
                text += &format!("kubectl patch {name}{place} --type json --patch '{body}'\n");
            }
            Edit::Create(object) => {
                text +=
                    &format!("kubectl create --filename - <<'YAML'\n{}YAML\n", yaml(&object.clone().into()));
            }
            Edit::Delete { .. } => text += &format!("kubectl delete {name}{place}\n"),
        }
    }
    text
}

/// The JSON patches (RFC 6902) alone, each below the object that it is for; what is made or deleted has none.
pub(crate) fn as_patch(change: &Change) -> String {
    let of = |step: &mesh::Step| match &step.edit {
        Edit::Patch(patch) => {
            format!("# {}\n{}\n", step.at, serde_json::to_string_pretty(patch).unwrap_or_default())
        }
        Edit::Create(_) => format!("# {} is created\n", step.at),
        Edit::Delete { .. } => format!("# {} is deleted\n", step.at),
    };
    change.steps.iter().map(of).collect()
}

/// The objects as they will be, as one YAML stream. Of a workload not all is kept: it is a patch only.
pub(crate) fn as_yaml(change: &Change) -> String {
    let after = change.steps.iter().map(|step| match &step.after {
        _ if step.is_of_workload() => format!("# {}: copy it as a patch\n", step.at),
        Some(after) => yaml(after),
        None => String::new(),
    });
    after.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("---\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::edit::{Mode, Scope, mtls};
    use serde_json::json;

    #[test]
    fn yaml_shows_what_people_write() {
        let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {
            "name": "reviews", "namespace": "bookinfo", "uid": "u", "resourceVersion": "7", "generation": 2,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}, "spec": {"hosts": ["reviews"]}, "status": {}});
        insta::assert_snapshot!(yaml(&object.into()), @"
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: reviews
          namespace: bookinfo
        spec:
          hosts:
          - reviews
        ");
    }

    #[test]
    fn each_form_says_the_change() {
        let change = mtls(&mesh::demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap();
        assert!(as_kubectl(&change).contains("kubectl create --filename -"), "{}", as_kubectl(&change));
        assert_eq!(as_patch(&change), "# PeerAuthentication istio-system/default is created\n");
        assert!(as_yaml(&change).contains("mode: STRICT"));
    }
}
