//! What the evaluator of calls is told of a mesh.

use super::{Mesh, Objects};
use istio::route::{Item, Settings, World};
use istio::{Kind, Ref, kinds};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Kinds that have no views of their own in the model.
const OTHERS: [&Kind; 6] = [
    &kinds::NAMESPACE,
    &kinds::SERVICE,
    &kinds::SERVICE_ENTRY,
    &kinds::SIDECAR,
    &kinds::HTTP_ROUTE,
    &kinds::GRPC_ROUTE,
];

fn items<T>(objects: &Objects, views: &BTreeMap<Ref, Arc<T>>) -> Vec<Item<T>> {
    let item = |(at, spec): (&Ref, &Arc<T>)| {
        let created = objects.get(at)?.created().into();
        Some(Item { at: at.clone(), created, spec: Arc::clone(spec) })
    };
    views.iter().filter_map(item).collect()
}

impl Mesh {
    /// Everything by which calls are routed. ReferenceGrants are not watched: what they would have to allow is
    /// taken as allowed.
    pub fn calls(&self, settings: &Settings) -> World {
        let (objects, config) = (&self.objects, &self.config);
        let own = self.workloads().any(|workload| workload.labels.contains_key(istio::attach::GATEWAY_NAME));
        let settings = Settings {
            root: Some(self.root_namespace().to_owned()),
            gateways_share: !own,
            ..settings.clone()
        };
        let mut world = World {
            settings,
            virtual_services: items(objects, &config.virtual_services),
            destination_rules: items(objects, &config.destination_rules),
            gateways: items(objects, &config.gateways),
            api_gateways: items(objects, &config.api_gateways),
            ..World::default()
        };
        let others = OTHERS.into_iter().flat_map(|kind| objects.of_kind(kind));
        others.for_each(|(_, object)| world.take(object));
        world.settle();
        world
    }
}
