//! istiod's debug pages: what the control plane knows, and what every proxy was sent and has confirmed.

mod asked;
pub(crate) mod dump;
mod proxies;
mod tables;

use crate::ads::shared::Shared;
use crate::identity::ISTIO_VERSION;
use asked::{Asked, Refusal};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;
use wire::Listener;

type Page = fn(&Shared, &Asked) -> Result<Value, Refusal>;

/// Every page, with what it is for.
const PAGES: [(&str, &str, Page); 13] = [
    ("adsz", "Connected proxies and what they watch", |shared, _| Ok(proxies::adsz(shared))),
    (
        "config_dump",
        "What one proxy was sent: ?proxyID=<pod>.<namespace>[&types=cds,lds][&include_eds=true]",
        dump::config_dump,
    ),
    ("configz", "Istio's resources as they are read", |shared, _| Ok(tables::configz(shared))),
    ("connections", "Connected proxies", |shared, _| Ok(proxies::connections(shared))),
    ("edsz", "Endpoints that proxies were sent: ?proxyID=<pod>.<namespace> for one", dump::edsz),
    ("endpointShardz", "Endpoints by service, namespace and shard", |shared, _| {
        Ok(tables::endpoint_shardz(shared))
    }),
    ("endpointz", "Services with their endpoints", |shared, _| Ok(tables::endpointz(shared))),
    ("mesh", "Mesh-wide settings", |shared, _| Ok(tables::mesh(shared))),
    ("push_status", "What went wrong in the last push", |shared, _| Ok(tables::push_status(shared))),
    ("registryz", "Services", |shared, _| Ok(tables::registryz(shared))),
    ("syncz", "What every proxy was sent and has confirmed", |shared, asked| {
        Ok(proxies::syncz(shared, asked))
    }),
    ("telemetryz", "Telemetry resources by namespace", |shared, _| Ok(tables::telemetryz(shared))),
    ("untranslatedz", "What resources ask for that has no effect here", |shared, _| {
        Ok(tables::untranslatedz(shared))
    }),
];

/// Serves the pages until the control plane stops.
pub(crate) async fn serve(listener: Listener, shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    let mut router = Router::new()
        .route("/ready", get(|| async { "" }))
        .route("/version", get(|| async { format!("{}-binnacle-Clean", ISTIO_VERSION) }))
        .route("/metrics", get(metrics))
        .route("/debug", get(|| async { Html(index()) }))
        .route("/debug/list", get(|| async { json_page(StatusCode::OK, &list()) }));
    for (name, _, page) in PAGES {
        let answer = move |State(shared): State<Arc<Shared>>, Query(asked): Query<Asked>| async move {
            match page(&shared, &asked) {
                Ok(body) => json_page(StatusCode::OK, &body),
                Err(Refusal(status, words)) => (status, words).into_response(),
            }
        };
        router = router.route(&format!("/debug/{name}"), get(answer));
    }
    let served = listener.serve_http(router.with_state(shared), stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the debug pages are no longer served");
    }
}

/// The pages' names.
fn list() -> Value {
    PAGES.iter().map(|(name, ..)| json!(name)).collect()
}

/// The pages with what they are for, to look at.
fn index() -> String {
    let row = |(name, about, _): &(&str, &str, Page)| {
        format!("<li><a href=\"/debug/{name}\">{name}</a> {}</li>\n", about.replace('<', "&lt;"))
    };
    format!("<!doctype html><title>istiod</title><ul>\n{}</ul>\n", PAGES.iter().map(row).collect::<String>())
}

fn json_page(status: StatusCode, body: &Value) -> Response {
    let text = serde_json::to_string_pretty(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let page = shared.metrics.page(&shared.snapshot().registry, shared.sessions().len());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}
