//! The Prometheus HTTP API over the stored samples, and the `/metrics` page of the counters.

mod answer;
mod catalog;
mod times;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use jiff::Timestamp;

use self::answer::{Failure, Kind};
#[cfg(test)]
pub(crate) use self::answer::{matrix as shown_matrix, value as shown_value};
use crate::{counters::Counters, exposition, params::Params, promql, samples::Samples, traces::Traces};

/// What the API answers from.
pub(crate) struct Sources {
    pub(crate) counters: Arc<Counters>,
    pub(crate) samples: Arc<Samples>,
    pub(crate) traces: Arc<Traces>,
    pub(crate) istio_version: String,
    pub(crate) scrape_interval: Duration,
}

type Shared = State<Arc<Sources>>;

/// All routes.
pub(crate) fn router(sources: Arc<Sources>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(async || "Prometheus Server is Healthy.\n"))
        .route("/-/ready", get(async || "Prometheus Server is Ready.\n"))
        .route("/api/v1/query", get(query).post(query))
        .route("/api/v1/query_range", get(query_range).post(query_range))
        .route("/api/v1/series", get(series).post(series))
        .route("/api/v1/labels", get(label_names).post(label_names))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/metadata", get(metadata))
        .route("/api/v1/targets", get(targets))
        .route("/api/v1/status/buildinfo", get(async || answer::success(&catalog::build_info())))
        .route("/api/v1/status/config", get(config))
        .route(
            "/api/v1/status/flags",
            get(async || answer::success("{\"storage.tsdb.retention.time\":\"1h\"}")),
        )
        .route("/api/v1/status/tsdb", get(tsdb))
        .route(
            "/api/v1/{*rest}",
            any(async || Failure::new(Kind::NotFound, "this Prometheus has no such page")),
        )
        .with_state(sources)
}

async fn metrics(State(sources): Shared) -> Response {
    let page = exposition::page(
        &sources.counters,
        sources.traces.count(),
        sources.samples.size().bytes,
        &sources.istio_version,
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

/// Evaluates off the I/O threads: a query may take long.
async fn evaluated(work: impl FnOnce() -> Result<String, Failure> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(data)) => answer::success(&data),
        Ok(Err(failure)) => failure.into_response(),
        Err(error) => {
            tracing::error!(%error, "a query broke down");
            Failure::new(Kind::Internal, "the query broke down; the log tells where").into_response()
        }
    }
}

async fn query(State(sources): Shared, params: Params) -> Response {
    let now = Timestamp::now().as_millisecond();
    evaluated(move || {
        times::timeout(&params)?;
        let at = times::time(&params, "time")?.unwrap_or(now);
        let expr = promql::parse(params.first("query").unwrap_or_default()).map_err(Failure::of_query)?;
        let value = promql::instant(&expr, at, &sources.samples).map_err(Failure::of_query)?;
        Ok(answer::value(&value, at))
    })
    .await
}

async fn query_range(State(sources): Shared, params: Params) -> Response {
    evaluated(move || {
        let required = |name: &str| {
            times::time(&params, name)?
                .ok_or_else(|| times::invalid(name, "cannot parse \"\" to a valid timestamp"))
        };
        let (start, end) = (required("start")?, required("end")?);
        if end < start {
            return Err(times::invalid("end", "end timestamp must not be before start time"));
        }
        let step = times::duration(params.first("step").unwrap_or_default())
            .map_err(|why| times::invalid("step", &why.to_string()))?;
        if step <= 0 {
            return Err(times::invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            ));
        }
        times::timeout(&params)?;
        let expr = promql::parse(params.first("query").unwrap_or_default()).map_err(Failure::of_query)?;
        let list = promql::range(&expr, start, end, step, &sources.samples).map_err(Failure::of_query)?;
        Ok(answer::matrix(&list))
    })
    .await
}

async fn series(State(sources): Shared, params: Params) -> Response {
    evaluated(move || {
        if params.all("match[]").next().is_none() {
            return Err(Failure::new(Kind::BadData, "no match[] parameter provided"));
        }
        Ok(catalog::series(&catalog::found(&sources.samples, &params)?))
    })
    .await
}

async fn label_names(State(sources): Shared, params: Params) -> Response {
    evaluated(move || Ok(catalog::label_names(&catalog::found(&sources.samples, &params)?))).await
}

async fn label_values(State(sources): Shared, Path(name): Path<String>, params: Params) -> Response {
    evaluated(move || {
        if !catalog::is_label_name(&name) {
            return Err(Failure::new(Kind::BadData, &format!("invalid label name: {name:?}")));
        }
        Ok(catalog::label_values(&catalog::found(&sources.samples, &params)?, &name))
    })
    .await
}

/// As Prometheus, which takes 0 for nothing here, and less for no limit.
async fn metadata(params: Params) -> Response {
    let limit = match params.first("limit").unwrap_or_default() {
        "" => usize::MAX,
        text => match text.parse::<i64>() {
            Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            Err(_) => return Failure::new(Kind::BadData, "limit must be a number").into_response(),
        },
    };
    let metric = params.first("metric").filter(|metric| !metric.is_empty());
    answer::success(&catalog::metadata(metric, limit))
}

async fn targets(State(sources): Shared) -> Response {
    let now = Timestamp::now().as_millisecond();
    evaluated(move || Ok(catalog::targets(&sources.samples, now, sources.scrape_interval))).await
}

async fn tsdb(State(sources): Shared) -> Response {
    evaluated(move || Ok(catalog::tsdb(&sources.samples))).await
}

/// Consumers read the scrape interval here, to know how short a window may be.
async fn config(State(sources): Shared) -> Response {
    let seconds = sources.scrape_interval.as_millis() as f64 / 1000.0;
    let yaml = format!("global:\n  scrape_interval: {seconds}s\n");
    answer::success(&format!("{{\"yaml\":{}}}", answer::text(&yaml)))
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.kind {
            Kind::BadData => StatusCode::BAD_REQUEST,
            Kind::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, [(header::CONTENT_TYPE, "application/json")], self.body()).into_response()
    }
}
