//! What every namespace has from the start: an account for pods that name none, and the certificate of the
//! API.

use super::snapshot::{Act, Snapshot, ending};
use istio::Object;
use serde_json::{Value, json};

/// What one namespace still misses. `root`: the certificate that the API's own is signed by.
pub(crate) fn plan(namespace: &Object, all: &Snapshot, root: Option<&str>) -> Vec<Act> {
    if ending(namespace) {
        return Vec::new();
    }
    let has = |of: &[Object], name: &str| {
        of.iter().any(|one| (one.namespace(), one.name()) == (namespace.name(), name))
    };
    let mut acts = Vec::new();
    if !has(&all.service_accounts, "default") {
        acts.push(Act::Create(object(namespace, "ServiceAccount", "default")));
    }
    if let Some(root) = root.filter(|_| !has(&all.config_maps, "kube-root-ca.crt")) {
        let mut map = object(namespace, "ConfigMap", "kube-root-ca.crt");
        map["data"] = json!({"ca.crt": root});
        acts.push(Act::Create(map));
    }
    acts
}

fn object(namespace: &Object, kind: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace.name()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_gets_an_account_and_a_certificate_once() {
        let namespace = Object::from(json!({"kind": "Namespace", "metadata": {"name": "n"}}));
        let mut all = Snapshot::default();
        let acts = plan(&namespace, &all, Some("PEM"));
        let [Act::Create(account), Act::Create(map)] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!((&account["metadata"]["namespace"], &map["data"]["ca.crt"]), (&json!("n"), &json!("PEM")));
        all.service_accounts = vec![Object::from(account.clone())];
        all.config_maps = vec![Object::from(map.clone())];
        assert!(plan(&namespace, &all, Some("PEM")).is_empty());
        let leaving = json!({"kind": "Namespace", "metadata": {"name": "n", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert!(plan(&Object::from(leaving), &Snapshot::default(), None).is_empty());
    }
}
