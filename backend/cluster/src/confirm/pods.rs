//! Which of the proxies that istiod tells of are pods of this cluster, and which of those need not show a
//! change.

use crate::session::Session;
use crate::syncz::Synced;
use mesh::scene::KindState;
use mesh::{Object, Ref, kinds};
use std::collections::BTreeMap;

/// The cluster id of an istiod that was not told another one.
const USUAL: &str = "Kubernetes";

/// Proxies of this cluster, by name. One istiod may serve several clusters, in which pods have the same
/// names.
pub(super) fn here(session: &Session, proxies: Vec<Synced>) -> BTreeMap<String, Synced> {
    one_cluster(proxies, |name| pod(session, name).is_some())
}

/// Those that may be of this cluster: all, as long as none of our pods is known to be among them.
pub(crate) fn may_be_here(session: &Session, proxies: Vec<Synced>) -> Vec<Synced> {
    some_cluster(proxies, |name| pod(session, name).is_some())
}

fn some_cluster(proxies: Vec<Synced>, is_ours: impl Fn(&str) -> bool) -> Vec<Synced> {
    if proxies.iter().any(|proxy| is_ours(&proxy.name)) {
        one_cluster(proxies, is_ours).into_values().collect()
    } else {
        proxies
    }
}

/// Those of the cluster whose proxies are our pods.
fn one_cluster(proxies: Vec<Synced>, is_ours: impl Fn(&str) -> bool) -> BTreeMap<String, Synced> {
    let mut clusters: BTreeMap<String, Vec<Synced>> = BTreeMap::new();
    for proxy in proxies {
        clusters.entry(proxy.cluster.clone()).or_default().push(proxy);
    }
    let ours = |(id, proxies): &(String, Vec<Synced>)| {
        (proxies.iter().filter(|proxy| is_ours(&proxy.name)).count(), id == USUAL)
    };
    let of = clusters.into_iter().max_by_key(ours).map(|(_, proxies)| proxies);
    of.into_iter().flatten().map(|proxy| (proxy.name.clone(), proxy)).collect()
}

/// Whether a proxy need not show a change: its pod is gone or on its way out, or has not begun. `connected`:
/// istiod knows it.
pub(super) fn is_excused(session: &Session, proxy: &str, connected: bool) -> bool {
    match pod(session, proxy) {
        None => matches!(session.hub.kind(&kinds::POD), Some(KindState::Live(_))),
        Some(pod) => is_leaving(&pod) || !connected && pod.status()["phase"] == "Pending",
    }
}

fn is_leaving(pod: &Object) -> bool {
    let ended = matches!(pod.status()["phase"].as_str(), Some("Succeeded" | "Failed"));
    ended || pod.0["metadata"].get("deletionTimestamp").is_some()
}

/// The pod of a proxy ("cart-v1-77.shop").
fn pod(session: &Session, proxy: &str) -> Option<Object> {
    let (pod, namespace) = proxy.rsplit_once('.')?;
    session.hub.object(&Ref::new(&kinds::POD, namespace, pod))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_whose_proxies_are_our_pods() {
        let proxy = |cluster: &str, name: &str, version: &str| Synced {
            cluster: cluster.into(),
            name: name.into(),
            version: version.into(),
            ..Synced::default()
        };
        let told = |ours: &[&str]| {
            let all = vec![
                proxy("east", "db-0.shop", "east"),
                proxy("east", "cart-v1-77.shop", "east"),
                proxy("west", "db-0.shop", "west"),
                proxy("west", "cart-v1-99.shop", "west"),
                proxy("west", "cart-v1-98.shop", "west"),
            ];
            let here = one_cluster(all, |name| ours.contains(&name));
            (here.len(), here["db-0.shop"].version.clone())
        };
        assert_eq!(told(&["db-0.shop", "cart-v1-77.shop"]), (2, "east".into()));
        let all = || vec![proxy("east", "db-0.shop", "east"), proxy("west", "web-0.shop", "west")];
        assert_eq!(some_cluster(all(), |name| name == "web-0.shop"), [proxy("west", "web-0.shop", "west")]);
        assert_eq!(some_cluster(all(), |_| false), all(), "pods that are not read yet");
        assert_eq!(told(&["db-0.shop", "cart-v1-98.shop"]), (3, "west".into()));
        let usual = vec![proxy("Kubernetes", "db-0.shop", "here"), proxy("west", "db-0.shop", "west")];
        assert_eq!(one_cluster(usual, |_| true)["db-0.shop"].version, "here");
    }
}
