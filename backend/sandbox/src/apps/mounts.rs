//! The files that a container has from ConfigMaps, as they are now.

use apiserver::Store;
use istio::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a container's ConfigMaps are mounted.
#[derive(Clone, Debug)]
pub(crate) struct Mounts {
    store: Store,
    namespace: String,
    /// Folder and ConfigMap.
    maps: Vec<(String, String)>,
}

impl Mounts {
    /// Those of one container of a pod.
    pub(crate) fn of(store: &Store, pod: &Object, container: &Value) -> Self {
        let volumes = pod.spec()["volumes"].as_array();
        let map = |name: &Value| {
            volumes.into_iter().flatten().find(|volume| volume["name"] == *name)?["configMap"]["name"]
                .as_str()
        };
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let maps = mounts.filter_map(|mount| {
            Some((mount["mountPath"].as_str()?.to_owned(), map(&mount["name"])?.to_owned()))
        });
        Self { store: store.clone(), namespace: pod.namespace().to_owned(), maps: maps.collect() }
    }

    /// Every file's text by its path.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (folder, name) in &self.maps {
            let Some(map) = self.store.get("ConfigMap", &self.namespace, name) else { continue };
            for (file, text) in map["data"].as_object().into_iter().flatten() {
                files.insert(
                    format!("{}/{file}", folder.trim_end_matches('/')),
                    text.as_str().unwrap_or_default().to_owned(),
                );
            }
        }
        files
    }
}
