use super::*;
use mesh::kinds;

#[track_caller]
fn version(served: &Served, kind: &'static Kind, expect: Option<&str>) {
    assert_eq!(served.version(kind), expect, "{kind}");
}

#[test]
fn aggregated_discovery() {
    let mut served = Served::default();
    served.add_aggregated(&json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": [
            { "metadata": { "name": "networking.istio.io" }, "versions": [
                { "version": "v1alpha3", "freshness": "Current", "resources": [
                    { "resource": "gateways", "responseKind": { "kind": "Gateway" }, "scope": "Namespaced", "verbs": ["list"] },
                    { "resource": "envoyfilters", "subresources": [{ "subresource": "status" }] }] },
                { "version": "v1beta1", "resources": [{ "resource": "gateways" }] }] },
            { "metadata": {}, "versions": [{ "version": "v1", "resources": [{ "resource": "pods" }] }] }]
    }));
    version(&served, &kinds::GATEWAY, Some("v1beta1"));
    version(&served, &kinds::ENVOY_FILTER, Some("v1alpha3"));
    version(&served, &kinds::POD, Some("v1"));
    version(&served, &kinds::VIRTUAL_SERVICE, None);
}

#[test]
fn legacy_discovery() {
    let core = json!({ "kind": "APIVersions", "versions": ["v1"] });
    assert_eq!(offered(&core), [(String::new(), "v1".to_owned())]);
    let groups = json!({ "kind": "APIGroupList", "groups": [{ "name": "apps", "versions": [
        { "groupVersion": "apps/v1", "version": "v1" }], "preferredVersion": { "version": "v1" } }] });
    assert_eq!(offered(&groups), [("apps".to_owned(), "v1".to_owned())]);
    let mut served = Served::default();
    let list = json!({ "kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
        { "name": "deployments", "kind": "Deployment", "verbs": ["list"] }, { "name": "deployments/scale" }] });
    served.add_resources("apps", "v1", &list);
    version(&served, &kinds::DEPLOYMENT, Some("v1"));
}

#[test]
fn what_is_no_discovery_serves_nothing() {
    assert_eq!(offered(&json!([1, { "groups": 3 }])), []);
    let mut served = Served::default();
    served.add_aggregated(&json!({ "items": [{ "versions": [{ "resources": [{}] }] }, 7] }));
    assert_eq!(served, Served::default());
}

#[test]
fn a_refusal_names_the_missing_right() {
    let kind = &mesh::kinds::VIRTUAL_SERVICE;
    let problem = denied(kind, &["list", "watch"], &["shop".into(), "istio-system".into()]);
    assert_eq!(
        problem.to_string(),
        "VirtualService cannot be read: This login may not list and watch virtualservices.networking.istio.io, \
         neither in the cluster nor in namespace shop or istio-system. Ask for the right to list and watch \
         virtualservices.networking.istio.io; until then you do not see routes, weights and faults"
    );
}
