//! The Prometheus API's pages and failures.

use std::sync::Arc;

use crate::{
    http::{encoded, get, send, until},
    mesh::{Mesh, start},
};

#[tokio::test]
async fn pages_have_prometheus_shapes() {
    let telemetry = start(&Arc::new(Mesh::default())).await;
    let prometheus = telemetry.prometheus_addr().tcp().unwrap();
    until(
        "the first sample",
        || get(prometheus, "/api/v1/labels"),
        |(_, answer)| answer["data"].as_array().is_some_and(|list| !list.is_empty()),
    )
    .await;
    let data = async |path: &str| {
        let (status, answer) = get(prometheus, path).await;
        assert_eq!((status, answer["status"].as_str()), (200, Some("success")), "{path}: {answer}");
        answer["data"].clone()
    };
    assert_eq!(
        data("/api/v1/labels").await,
        serde_json::json!(["__name__", "app", "component", "job", "tag"])
    );
    assert_eq!(data("/api/v1/label/component/values").await, serde_json::json!(["pilot"]));
    assert_eq!(
        data("/api/v1/series?match[]=istio_build").await,
        serde_json::json!([{"__name__": "istio_build", "app": "istiod", "component": "pilot", "job": "istiod", "tag": "1.32.0"}])
    );
    assert_eq!(data("/api/v1/series?match[]=nothing").await, serde_json::json!([]));
    assert_eq!(
        data("/api/v1/metadata?metric=istio_requests_total").await["istio_requests_total"][0]["type"],
        "counter"
    );
    assert_eq!(data("/api/v1/metadata?limit=1").await.as_object().map(serde_json::Map::len), Some(1));
    assert!(data("/api/v1/metadata?metric=&limit=-1").await.as_object().is_some_and(|all| all.len() > 1));
    assert!(
        data("/api/v1/status/buildinfo").await["version"]
            .as_str()
            .is_some_and(|version| version.starts_with("2.42"))
    );
    assert_eq!(data("/api/v1/status/tsdb").await["headStats"]["numSeries"], 1);
    assert_eq!(data("/api/v1/targets").await, serde_json::json!({"activeTargets": [], "droppedTargets": []}));
    assert!(
        data("/api/v1/status/config").await["yaml"]
            .as_str()
            .is_some_and(|yaml| yaml.contains("scrape_interval: 0.05s"))
    );
    assert_eq!(
        data("/api/v1/query?query=1%2B1&time=5.5").await,
        serde_json::json!({"resultType": "scalar", "result": [5.5, "2"]})
    );
    let range = data("/api/v1/query_range?query=vector(7)&start=10&end=20&step=5s").await;
    assert_eq!(range["result"][0]["values"], serde_json::json!([[10, "7"], [15, "7"], [20, "7"]]));
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(send(prometheus, "GET", path, "", "").await.0, 200, "{path}");
    }
    let form = format!("query={}&time=1", encoded("2 * 3"));
    let (status, body) = send(
        prometheus,
        "POST",
        "/api/v1/query",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &form,
    )
    .await;
    assert_eq!((status, body.contains("\"6\"")), (200, true), "{body}");
    telemetry.stop().await;
}

#[tokio::test]
async fn failures_say_what_is_wrong() {
    let telemetry = start(&Arc::new(Mesh::default())).await;
    for (path, status, kind, text) in [
        (
            "/api/v1/query?query=sum(rate(",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:10: parse error: unclosed left parenthesis",
        ),
        (
            "/api/v1/query?query=up&time=soon",
            400,
            "bad_data",
            "invalid parameter \"time\": cannot parse \"soon\" to a valid timestamp",
        ),
        ("/api/v1/query", 400, "bad_data", "no expression found in input"),
        (
            "/api/v1/query?query=up&timeout=xx",
            400,
            "bad_data",
            "invalid parameter \"timeout\": cannot parse \"xx\" to a valid duration",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=1&timeout=xx",
            400,
            "bad_data",
            "invalid parameter \"timeout\"",
        ),
        ("/api/v1/metadata?limit=few", 400, "bad_data", "limit must be a number"),
        (
            "/api/v1/query?query=mad_over_time(up[5m])",
            422,
            "execution",
            "mad_over_time() is not evaluated by this Prometheus",
        ),
        (
            "/api/v1/query_range?query=up&start=2&end=1&step=1",
            400,
            "bad_data",
            "end timestamp must not be before start time",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=0",
            400,
            "bad_data",
            "zero or negative query resolution step",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=99999999&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points",
        ),
        ("/api/v1/query_range?query=up[5m]&start=1&end=2&step=1", 400, "bad_data", "invalid expression type"),
        ("/api/v1/series", 400, "bad_data", "no match[] parameter provided"),
        ("/api/v1/series?match[]=sum(up)", 400, "bad_data", "invalid parameter \"match[]\""),
        ("/api/v1/label/a-b/values", 400, "bad_data", "invalid label name"),
        ("/api/v1/rules", 404, "not_found", "no such page"),
    ] {
        let (found, answer) = get(telemetry.prometheus_addr().tcp().unwrap(), path).await;
        assert_eq!((found, answer["errorType"].as_str()), (status, Some(kind)), "{path}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(text)), "{path}: {answer}");
    }
    telemetry.stop().await;
}
