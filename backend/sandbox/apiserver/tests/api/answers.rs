//! Refusals have the shape and the words of the real server's.

use apiserver::Deny;
use serde_json::{Value, json};

use crate::harness::{Answer, ROUTES, cluster, read, routes};

#[track_caller]
fn check(answer: &Answer, status: u16, reason: &str, message: &str) {
    assert_eq!(
        (answer.status, answer.body["code"].as_u64()),
        (status, Some(u64::from(status))),
        "{}",
        answer.body
    );
    assert_eq!(answer.body["kind"], "Status");
    assert_eq!(answer.body["apiVersion"], "v1");
    assert_eq!(answer.body["status"], "Failure");
    assert_eq!(answer.body["metadata"], json!({}));
    assert_eq!(answer.body["reason"].as_str().unwrap_or_default(), reason);
    assert!(answer.body["message"].as_str().unwrap().contains(message), "{}", answer.body["message"]);
    let content_type = answer.headers["content-type"].to_str().unwrap();
    assert_eq!(content_type, "application/json");
}

#[tokio::test]
async fn who_may_not() {
    let cluster = cluster().await;
    let url = |path: &str| format!("{}{path}", cluster.server.url());
    let anonymous = read(cluster.http.get(url("/api/v1/pods"))).await;
    check(
        &anonymous,
        403,
        "Forbidden",
        "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" at the \
            cluster scope",
    );
    assert_eq!(anonymous.body["details"], json!({"kind": "pods"}));
    assert_eq!(read(cluster.http.get(url("/version"))).await.status, 200);
    let wrong = read(cluster.http.get(url("/api/v1/pods")).bearer_auth("wrong")).await;
    check(&wrong, 401, "Unauthorized", "Unauthorized");
    cluster.server.faults().expire_token(true);
    check(&cluster.get("/api/v1/pods").await, 401, "Unauthorized", "Unauthorized");
    cluster.server.faults().expire_token(false);
    cluster.server.faults().deny(Deny::new("list", "virtualservices"));
    let denied = cluster.get(ROUTES).await;
    let words = "virtualservices.networking.istio.io is forbidden: User \"kubernetes-admin\" cannot list \
        resource \"virtualservices\" in API group \"networking.istio.io\" in the namespace \"default\"";
    check(&denied, 403, "Forbidden", words);
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                        "spec": {"resourceAttributes": {"verb": "list", "group": "networking.istio.io",
                            "resource": "virtualservices"}}});
    let answer = cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review.clone()).await;
    assert_eq!((answer.status, &answer.body["status"]["allowed"]), (201, &json!(false)));
    cluster.server.faults().allow_all();
    assert_eq!(
        cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review).await.body["status"]["allowed"],
        true
    );
}

#[tokio::test]
async fn names_and_versions() {
    let cluster = cluster().await;
    let missing = cluster.get(&format!("{ROUTES}/nobody")).await;
    check(&missing, 404, "NotFound", "virtualservices.networking.istio.io \"nobody\" not found");
    assert_eq!(
        missing.body["details"],
        json!({"name": "nobody", "group": "networking.istio.io", "kind": "virtualservices"})
    );
    assert_eq!(cluster.post(ROUTES, routes("rec", 90, 10)).await.status, 201);
    check(
        &cluster.post(ROUTES, routes("rec", 90, 10)).await,
        409,
        "AlreadyExists",
        "virtualservices.networking.istio.io \"rec\" already exists",
    );
    let mut stale = cluster.get(&format!("{ROUTES}/rec")).await.body;
    cluster
        .json_patch(
            &format!("{ROUTES}/rec"),
            json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 80}]),
        )
        .await;
    stale["spec"]["http"][0]["timeout"] = json!("1s");
    let answer = cluster.send("PUT", &format!("{ROUTES}/rec"), "application/json", Some(stale)).await;
    let words = "Operation cannot be fulfilled on virtualservices.networking.istio.io \"rec\": the object \
        has been modified; please apply your changes to the latest version and try again";
    check(&answer, 409, "Conflict", words);
    check(
        &cluster.get("/apis/nowhere.io/v1/things").await,
        404,
        "NotFound",
        "could not find the requested resource",
    );
    check(
        &cluster
            .post(
                "/api/v1/namespaces/nowhere/configmaps",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
            )
            .await,
        404,
        "NotFound",
        "namespaces \"nowhere\" not found",
    );
    cluster.server.faults().hide("virtualservices.networking.istio.io");
    check(&cluster.get(ROUTES).await, 404, "NotFound", "could not find the requested resource");
}

#[tokio::test]
async fn what_the_schema_and_the_webhook_refuse() {
    let cluster = cluster().await;
    let at = format!("{ROUTES}/rec");
    cluster.post(ROUTES, routes("rec", 90, 10)).await;
    let patch = |patch: Value| cluster.json_patch(&at, patch);
    for refused in [
        json!([{"op": "test", "path": "/spec/http/0/route/0/weight", "value": 1}]),
        json!([{"op": "replace", "path": "/spec/nowhere/0", "value": 1}]),
    ] {
        let answer = patch(refused).await;
        check(&answer, 422, "Invalid", "the server rejected our request due to an error in our request");
        assert_eq!(answer.body["details"], json!({}));
    }
    let rule = patch(json!([{"op": "add", "path": "/spec/http/0/timeout", "value": "0.1ms"}])).await;
    check(
        &rule,
        422,
        "Invalid",
        "VirtualService.networking.istio.io \"rec\" is invalid: spec.http[0].timeout: Invalid value: \
            \"0.1ms\": must be a valid duration greater than 1ms",
    );
    let details = json!({"name": "rec", "group": "networking.istio.io", "kind": "VirtualService", "causes": [
        {"reason": "FieldValueInvalid",
            "message": "Invalid value: \"0.1ms\": must be a valid duration greater than 1ms",
                "field": "spec.http[0].timeout"}]});
    assert_eq!(rule.body["details"], details);
    let ty = patch(json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": "heavy"}])).await;
    check(
        &ty,
        422,
        "Invalid",
        "spec.http[0].route[0].weight: Invalid value: \"string\": spec.http[0].route[0].weight in body must \
            be of type integer: \"string\", <nil>: Invalid value: null: some validation rules were not \
            checked",
    );
    assert_eq!(ty.body["details"]["causes"][0]["reason"], "FieldValueTypeInvalid");
    let webhook = patch(json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": -5}])).await;
    check(
        &webhook,
        400,
        "",
        "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: weight -5 < \
            0",
    );
    let dry = cluster
        .json_patch(
            &format!("{at}?dryRun=All"),
            json!([{"op": "add", "path": "/spec/http/0/timeout", "value": "3s"}]),
        )
        .await;
    assert_eq!(
        (dry.status, &dry.body["spec"]["http"][0]["timeout"], &dry.body["metadata"]["generation"]),
        (200, &json!("3s"), &json!(2))
    );
    let after = cluster.get(&at).await.body;
    assert_eq!(
        (&after["spec"], &after["metadata"]["generation"]),
        (&routes("rec", 90, 10)["spec"], &json!(1))
    );
}

#[tokio::test]
async fn unknown_fields() {
    let cluster = cluster().await;
    cluster.post(ROUTES, routes("rec", 90, 10)).await;
    let nonsense = json!([{"op": "add", "path": "/spec/nonsense", "value": 1}]);
    let warned = cluster.json_patch(&format!("{ROUTES}/rec"), nonsense.clone()).await;
    assert_eq!(
        (warned.status, warned.headers["warning"].to_str().unwrap()),
        (200, "299 - \"unknown field \\\"spec.nonsense\\\"\"")
    );
    assert_eq!(warned.body["spec"].get("nonsense"), None);
    let ignored = cluster.json_patch(&format!("{ROUTES}/rec?fieldValidation=Ignore"), nonsense.clone()).await;
    assert!(ignored.status == 200 && !ignored.headers.contains_key("warning"));
    let strict = cluster.json_patch(&format!("{ROUTES}/rec?fieldValidation=Strict"), nonsense).await;
    check(&strict, 422, "Invalid", "strict decoding error: unknown field \"spec.nonsense\"");
    assert!(
        strict.body["message"].as_str().unwrap().starts_with(" \"\" is invalid: patch: Invalid value: \"{")
    );
    assert_eq!(strict.body["details"]["causes"][0]["field"], "patch");
    let mut whole = routes("other", 1, 1);
    whole["spec"]["nonsense"] = json!(1);
    check(
        &cluster.post(&format!("{ROUTES}?fieldValidation=Strict"), whole).await,
        400,
        "BadRequest",
        "strict decoding error: unknown field \"spec.nonsense\"",
    );
}

#[tokio::test]
async fn what_the_server_does_not_speak() {
    let cluster = cluster().await;
    let strategic = cluster
        .send("PATCH", &format!("{ROUTES}/rec"), "application/strategic-merge-patch+json", Some(json!({})))
        .await;
    check(
        &strategic,
        415,
        "UnsupportedMediaType",
        "accepted media types include: application/json-patch+json",
    );
    check(
        &cluster.send("PUT", ROUTES, "application/json", Some(json!({}))).await,
        405,
        "MethodNotAllowed",
        "does not allow this method",
    );
    let answer =
        read(cluster.request("GET", "/api/v1/pods").header("accept", "application/vnd.kubernetes.protobuf"))
            .await;
    check(&answer, 406, "NotAcceptable", "application/json");
    check(
        &cluster
            .post(
                "/api/v1/namespaces",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Not Good"}}),
            )
            .await,
        422,
        "Invalid",
        "metadata.name: Invalid value",
    );
    check(
        &cluster
            .post("/api/v1/namespaces", json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}))
            .await,
        400,
        "BadRequest",
        "does not match the expected API version",
    );
}
