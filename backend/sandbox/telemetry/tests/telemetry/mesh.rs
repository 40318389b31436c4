//! A directory of two workloads whose addresses a test tells.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use telemetry::{Directory, Options, Telemetry, Workload};

#[derive(Default)]
pub(crate) struct Mesh {
    addresses: Mutex<HashMap<SocketAddr, &'static str>>,
}

pub(crate) fn workload(app: &str) -> Arc<Workload> {
    Arc::new(Workload {
        pod: format!("{app}-v1-abc"),
        namespace: "bookinfo".to_owned(),
        workload: format!("{app}-v1"),
        app: app.to_owned(),
        version: "v1".to_owned(),
        canonical_service: app.to_owned(),
        canonical_revision: "v1".to_owned(),
        principal: format!("spiffe://cluster.local/ns/bookinfo/sa/bookinfo-{app}"),
        cluster: "Kubernetes".to_owned(),
        ip: "10.244.0.7".parse().ok(),
        service: Some(format!("{app}.bookinfo.svc.cluster.local")),
    })
}

impl Mesh {
    pub(crate) fn lives_at(&self, app: &'static str, address: SocketAddr) {
        self.addresses.lock().unwrap().insert(address, app);
    }
}

impl Directory for Mesh {
    fn by_pod(&self, pod: &str) -> Option<Arc<Workload>> {
        let app = pod.strip_suffix("-v1-abc.bookinfo")?;
        ["productpage", "reviews"].contains(&app).then(|| workload(app))
    }
    fn by_address(&self, address: SocketAddr) -> Option<Arc<Workload>> {
        self.addresses.lock().unwrap().get(&address).map(|app| workload(app))
    }
    fn service(&self, host: &str) -> Option<(String, String)> {
        let name = host.strip_suffix(".bookinfo.svc.cluster.local")?;
        Some((name.to_owned(), "bookinfo".to_owned()))
    }
}

/// Telemetry that samples often, so that tests need not wait long.
pub(crate) async fn start(mesh: &Arc<Mesh>) -> Telemetry {
    let directory: Arc<dyn Directory> = Arc::<Mesh>::clone(mesh);
    let options = Options {
        scrape_interval: Duration::from_millis(50),
        span_capacity: 1000,
        ..Options::new(directory, "1.32.0")
    };
    Telemetry::start(options).await.unwrap()
}
