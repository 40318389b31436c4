//! What a new object begins as: a small one of each kind that is written here, which the cluster takes as it
//! stands.

use istio::{Kind, Ref, kinds};
use mesh::{Mesh, Object};

/// Group and version of a kind as the cluster's objects have them; the best we know where it has none yet.
pub(crate) fn api_version(mesh: &Mesh, kind: &'static Kind) -> String {
    let seen =
        mesh.objects().of_kind(kind).next().and_then(|(_, object)| object.0.get("apiVersion")?.as_str());
    let best = || format!("{}/{}", kind.group, kind.versions.first().unwrap_or(&"v1"));
    seen.map_or_else(best, str::to_owned)
}

/// The spec of a new object of each kind that is written here. HOST is a service nearby.
const SPECS: [(&Kind, &str); 19] = [
    (&kinds::VIRTUAL_SERVICE, include_str!("templates/virtual_service.yaml")),
    (&kinds::DESTINATION_RULE, include_str!("templates/destination_rule.yaml")),
    (&kinds::GATEWAY, include_str!("templates/gateway.yaml")),
    (&kinds::SERVICE_ENTRY, include_str!("templates/service_entry.yaml")),
    (&kinds::WORKLOAD_ENTRY, include_str!("templates/workload_entry.yaml")),
    (&kinds::WORKLOAD_GROUP, include_str!("templates/workload_group.yaml")),
    (&kinds::SIDECAR, include_str!("templates/sidecar.yaml")),
    (&kinds::ENVOY_FILTER, include_str!("templates/envoy_filter.yaml")),
    (&kinds::PEER_AUTHENTICATION, include_str!("templates/peer_authentication.yaml")),
    (&kinds::AUTHORIZATION_POLICY, include_str!("templates/authorization_policy.yaml")),
    (&kinds::REQUEST_AUTHENTICATION, include_str!("templates/request_authentication.yaml")),
    (&kinds::TELEMETRY, include_str!("templates/telemetry.yaml")),
    (&kinds::API_GATEWAY, include_str!("templates/api_gateway.yaml")),
    (&kinds::HTTP_ROUTE, include_str!("templates/http_route.yaml")),
    (&kinds::GRPC_ROUTE, include_str!("templates/grpc_route.yaml")),
    (&kinds::TLS_ROUTE, include_str!("templates/tls_route.yaml")),
    (&kinds::TCP_ROUTE, include_str!("templates/tcp_route.yaml")),
    (&kinds::REFERENCE_GRANT, include_str!("templates/reference_grant.yaml")),
    (&kinds::WASM_PLUGIN, include_str!("templates/wasm_plugin.yaml")),
];

/// The spec of a new object; `None` for kinds that are not written here.
fn spec(kind: &Kind) -> Option<&'static str> {
    SPECS.iter().find(|(of, _)| *of == kind).map(|(_, spec)| *spec)
}

/// A new object of a kind as YAML, and the free name that it has; `None` for kinds that are not written here.
pub fn new(mesh: &Mesh, kind: &'static Kind, namespace: &str) -> Option<(Ref, String)> {
    let near = mesh.services().find(|service| *service.namespace == *namespace && !service.external);
    let host = near.map_or("example", |service| &*service.name);
    let spec: String = spec(kind)?.replace("HOST", host).lines().map(|line| format!("  {line}\n")).collect();
    let at = free(mesh, kind, namespace, &format!("new-{}", kind.kind.to_lowercase()));
    let version = api_version(mesh, kind);
    let text = format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {}\n  namespace: {namespace}\nspec:\n{spec}",
        at.name
    );
    Some((at, text))
}

/// The same object under another name that is free, as YAML: without what the server gave it.
pub(super) fn copy(mesh: &Mesh, of: &Ref, object: &Object) -> (Ref, String) {
    let at = free(mesh, of.kind, &of.namespace, &format!("{}-copy", of.name));
    let mut value = istio::object::shown(object);
    if let Some(meta) = value.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        // What else it has is about the one that is there.
        meta.retain(|key, _| matches!(key.as_str(), "namespace" | "labels" | "annotations" | "name"));
        meta.insert("name".to_owned(), (&*at.name).into());
    }
    (at, istio::object::yaml(&value.into()))
}

/// A name that no object of this kind has in the namespace.
fn free(mesh: &Mesh, kind: &'static Kind, namespace: &str, name: &str) -> Ref {
    let more = (2..).map(|number| format!("{name}-{number}"));
    let mut named = std::iter::once(name.to_owned()).chain(more).map(|name| Ref::new(kind, namespace, &name));
    named.find(|at| !mesh.objects().contains(at)).unwrap_or_else(|| Ref::new(kind, namespace, name))
}

/// Kinds of which there is one.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    istio::KINDS.iter().copied().filter(|kind| spec(kind).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use istio::KINDS;
    use istio::validation::validate;
    use mesh::demo;

    #[test]
    fn every_kind_that_is_written_has_a_template_that_istiod_takes() {
        let mesh = demo::bookinfo();
        for kind in KINDS.iter().filter(|kind| kind.editable) {
            let (at, text) = new(&mesh, kind, "bookinfo").unwrap_or_else(|| panic!("{kind} has none"));
            let value = istio::yaml::read(&text).unwrap_or_else(|error| panic!("{kind}: {error}")).value;
            assert_eq!(mesh::plan::named(&value), Ok((at, value["apiVersion"].as_str().unwrap().to_owned())));
            assert_eq!(validate(kind.group, kind.kind, &value), [], "{kind}");
        }
        assert!(kinds().all(|kind| kind.editable));
    }

    #[test]
    fn a_copy_has_a_name_of_its_own() {
        let mesh = demo::bookinfo();
        let of = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
        let (at, text) = copy(&mesh, &of, &mesh.objects()[&of]);
        assert_eq!(&*at.name, "reviews-copy");
        let value = istio::yaml::read(&text).unwrap().value;
        assert_eq!(
            (value["metadata"]["name"].as_str(), &value["spec"]),
            (Some("reviews-copy"), mesh.objects()[&of].spec())
        );
        assert!(!text.contains("uid") && !text.contains("resourceVersion"), "{text}");
    }
}
