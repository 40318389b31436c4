//! The shapes of answers, as a real Kubernetes 1.36 gives them: lists, discovery, tables, reviews.

use serde_json::{Value, json};

use crate::harness::{ROUTES, cluster, pod, routes};

#[tokio::test]
async fn items_of_kubernetes_own_kinds_do_not_say_what_they_are() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    store.create(pod("a")).unwrap();
    store.create(routes("rec", 90, 10)).unwrap();
    let members = |list: &Value| {
        let item = list["items"][0].as_object().unwrap();
        ["apiVersion", "kind", "metadata", "spec"].map(|name| item.contains_key(name))
    };
    let pods = cluster.get("/api/v1/pods").await.body;
    assert_eq!((members(&pods), &pods["metadata"]["continue"]), ([false, false, true, true], &Value::Null));
    for version in ["v1", "v1beta1"] {
        let list = cluster.get(&ROUTES.replace("/v1/", &format!("/{version}/"))).await.body;
        assert_eq!((members(&list), &list["metadata"]["continue"]), ([true; 4], &json!("")));
        assert_eq!(list["items"][0]["apiVersion"], format!("networking.istio.io/{version}"));
    }
    let one = cluster.get("/api/v1/namespaces/default/pods/a").await.body;
    assert_eq!((&one["apiVersion"], &one["kind"]), (&json!("v1"), &json!("Pod")));
    let gone = cluster.send("DELETE", "/api/v1/namespaces/default/pods", "", None).await.body;
    assert_eq!((&gone["kind"], members(&gone)), (&json!("PodList"), [false, false, true, true]));
}

#[tokio::test]
async fn discovery_says_what_the_real_server_says() {
    let cluster = cluster().await;
    let aggregated = async |path: &str| {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        crate::harness::read(cluster.request("GET", path).header("accept", accept)).await.body
    };
    let resource = |answer: &Value, group: &str, name: &str| {
        let groups = answer["items"].as_array().unwrap();
        let group =
            groups.iter().find(|of| of["metadata"]["name"].as_str().unwrap_or_default() == group).unwrap();
        let resources = group["versions"][0]["resources"].as_array().unwrap();
        resources.iter().find(|of| of["resource"] == name).unwrap().clone()
    };
    let (core, groups) = (aggregated("/api").await, aggregated("/apis").await);
    let namespaces = resource(&core, "", "namespaces");
    assert_eq!(namespaces["responseKind"], json!({"group": "", "version": "", "kind": "Namespace"}));
    assert_eq!(namespaces["verbs"], json!(["create", "delete", "get", "list", "patch", "update", "watch"]));
    assert_eq!(cluster.send("DELETE", "/api/v1/namespaces", "", None).await.status, 405);
    let deployments = resource(&groups, "apps", "deployments");
    assert_eq!(deployments["responseKind"]["group"], "");
    assert_eq!(
        deployments["subresources"][0]["responseKind"],
        json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
    );
    assert_eq!(
        resource(&groups, "apiextensions.k8s.io", "customresourcedefinitions")["categories"],
        json!(["api-extensions"])
    );
    let gateways = resource(&groups, "networking.istio.io", "gateways");
    assert_eq!(
        gateways["responseKind"],
        json!({"group": "networking.istio.io", "version": "v1", "kind": "Gateway"})
    );
    let verbs = json!(["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]);
    assert_eq!(gateways["verbs"], verbs);

    let legacy = cluster.get("/apis/networking.istio.io/v1").await.body;
    let gateways =
        legacy["resources"].as_array().unwrap().iter().find(|of| of["name"] == "gateways").unwrap();
    assert_eq!((&gateways["storageVersionHash"], &gateways["verbs"]), (&json!("kGh5BEeT2e8="), &verbs));
    let address = cluster.server.url().trim_start_matches("https://");
    let api = cluster.get("/api").await.body;
    assert_eq!(
        api["serverAddressByClientCIDRs"],
        json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": address}])
    );
}

#[tokio::test]
async fn defaults_are_filled_in() {
    let cluster = cluster().await;
    let mut probed = pod("a");
    probed["spec"]["containers"][0]["readinessProbe"] = json!({"httpGet": {"port": 80}, "periodSeconds": 2});
    let made = cluster.post("/api/v1/namespaces/default/pods", probed).await.body;
    assert_eq!(
        (&made["spec"]["securityContext"], &made["spec"]["schedulerName"]),
        (&json!({}), &json!("default-scheduler"))
    );
    let expect = json!({"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "periodSeconds": 2,
        "timeoutSeconds": 1,
        "successThreshold": 1, "failureThreshold": 3});
    assert_eq!(made["spec"]["containers"][0]["readinessProbe"], expect);
    for (strategy, expect) in [
        (
            json!(null),
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}),
        ),
        (
            json!({"rollingUpdate": {"maxSurge": 2}}),
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 2}}),
        ),
        (json!({"type": "Recreate"}), json!({"type": "Recreate"})),
    ] {
        let deployment = json!({"metadata": {"generateName": "d-"},
            "spec": {"strategy": strategy, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
        let made = cluster.post("/apis/apps/v1/namespaces/default/deployments", deployment).await.body;
        assert_eq!(made["spec"]["strategy"], expect, "{made}");
    }
}

#[tokio::test]
async fn columns_are_described_and_reviews_say_no_more_than_asked() {
    let cluster = cluster().await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table =
        crate::harness::read(cluster.request("GET", "/api/v1/pods").header("accept", accept)).await.body;
    let columns = table["columnDefinitions"].as_array().unwrap();
    assert!(columns.iter().all(|column| column["description"].as_str().unwrap().len() > 20), "{table}");
    assert_eq!(columns[1]["description"], "The aggregate readiness state of this pod for accepting traffic.");
    assert!(columns[4]["description"].as_str().unwrap().contains("UTC.\n\nPopulated by the system."));

    let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let review = cluster.post(rules, json!({"spec": {"namespace": "default"}})).await;
    assert_eq!((review.status, &review.body["spec"]), (201, &json!({})));

    for (accept, status) in [("text/html", 406), ("text/html, */*;q=0.8", 200)] {
        let answer =
            crate::harness::read(cluster.request("GET", "/api/v1/pods").header("accept", accept)).await;
        assert_eq!((answer.status, answer.body["kind"].as_str().is_some()), (status, true), "{accept}");
    }
}
