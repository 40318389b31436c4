//! The real kubectl, in a home of its own.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};

use crate::harness::{Cluster, cluster, pod, routes};

pub(crate) struct Kubectl {
    program: PathBuf,
    home: tempfile::TempDir,
}

/// The kubectls to try: the one on the path, and an older one where `$BINNACLE_OLD_KUBECTL` says.
fn kubectls(cluster: &Cluster) -> Vec<Kubectl> {
    let old = std::env::var_os("BINNACLE_OLD_KUBECTL").map(PathBuf::from);
    [Some(PathBuf::from("kubectl")), old]
        .into_iter()
        .flatten()
        .map(|program| Kubectl::new(program, cluster))
        .collect()
}

impl Kubectl {
    pub(crate) fn new(program: PathBuf, cluster: &Cluster) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config"), cluster.server.kubeconfig("sandbox")).unwrap();
        // Whoever edits changes this one line, and no uid that happens to have the same digits.
        std::fs::write(home.path().join("edit"), "sed -i 's/weight: 90/weight: 55/' \"$1\"\n").unwrap();
        Self { program, home }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("config"))
            .env("KUBE_EDITOR", format!("sh {}", self.home.path().join("edit").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn output(&self, args: &[&str], input: &str) -> Output {
        let mut child = self.command(args).spawn().expect("kubectl is installed");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        child.wait_with_output().await.unwrap()
    }

    /// Runs it and expects it to succeed; what it printed.
    pub(crate) async fn ok(&self, args: &str, input: &str) -> String {
        let args: Vec<&str> = args.split(' ').collect();
        let output = self.output(&args, input).await;
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "kubectl {args:?}: {said}{complained}");
        said.into_owned()
    }

    /// Runs it and expects it to fail; what it complained of.
    async fn fails(&self, args: &str, input: &str) -> String {
        let args: Vec<&str> = args.split(' ').collect();
        let output = self.output(&args, input).await;
        assert!(!output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn deployment() -> String {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]}}}})
    .to_string()
}

#[tokio::test]
async fn looking() {
    let cluster = cluster().await;
    cluster.run_kubelet();
    cluster.server.store().create(pod("a")).unwrap();
    cluster.server.store().create(routes("reviews", 90, 10)).unwrap();
    for kubectl in kubectls(&cluster) {
        let resources = kubectl.ok("api-resources", "").await;
        for kind in ["VirtualService", "PeerAuthentication", "EndpointSlice", "Deployment"] {
            assert!(resources.contains(kind), "{resources}");
        }
        let pods = kubectl.ok("get pods", "").await;
        assert!(pods.lines().nth(1).unwrap().starts_with("a      1/1     Running   0          "), "{pods}");
        assert!(
            kubectl
                .ok("get vs,dr,pods,svc -A", "")
                .await
                .contains("virtualservice.networking.istio.io/reviews")
        );
        assert!(
            kubectl
                .ok("get vs reviews -o jsonpath={.spec.http[0].route[*].weight}", "")
                .await
                .contains("90 10")
        );
        assert!(kubectl.ok("describe vs reviews", "").await.contains("Weight:    90"));
        let described = kubectl.ok("describe pod a", "").await;
        assert!(described.contains("Node:") && described.contains("10.244.0.9"), "{described}");
        assert!(kubectl.ok("describe ns default", "").await.contains("Active"));
        let explained = kubectl.ok("explain virtualservice.spec.http.route", "").await;
        assert!(explained.contains("Its share; all of them are weighed against each other."), "{explained}");
        assert!(kubectl.ok("explain pod.spec.containers --recursive", "").await.contains("imagePullPolicy"));
        assert!(kubectl.ok("auth can-i patch virtualservices", "").await.contains("yes"));
        assert_eq!(kubectl.ok("get --raw /healthz", "").await, "ok");
        assert!(
            kubectl.ok("version", "").await.contains("v1.36.2")
                || kubectl.ok("version", "").await.contains("1.36")
        );
    }
}

#[tokio::test]
async fn changing_routes() {
    let cluster = cluster().await;
    cluster.run_kubelet();
    let weight = || {
        cluster.server.store().get("VirtualService", "default",
            "reviews").unwrap()["spec"]["http"][0]["route"][0]["weight"]
            .clone()
    };
    for kubectl in kubectls(&cluster) {
        assert!(kubectl.ok("apply -f -", &routes("reviews", 90, 10).to_string()).await.contains("created"));
        assert!(kubectl.ok("apply -f -", &routes("reviews", 90, 10).to_string()).await.contains("unchanged"));
        assert!(
            kubectl
                .ok("apply --dry-run=server -f -", &routes("reviews", 80, 20).to_string())
                .await
                .contains("configured (server dry run)")
        );
        assert_eq!(weight(), 90);
        let output = kubectl.output(&["diff", "-f", "-"], &routes("reviews", 80, 20).to_string()).await;
        let diff = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.code() == Some(1)
                && diff.contains("-      weight: 90")
                && diff.contains("+      weight: 80"),
            "{diff}"
        );
        kubectl.ok("edit vs reviews", "").await;
        assert_eq!(weight(), 55);
        kubectl
            .ok(r#"patch vs reviews --type=json -p [{"op":"replace","path":"/spec/http/0/route/0/weight","value":40}]"#, "")
            .await;
        assert_eq!(weight(), 40);
        kubectl.ok(r#"patch vs reviews --type=merge -p {"spec":{"hosts":["reviews","more"]}}"#, "").await;
        let conflict =
            kubectl.fails("apply --server-side -f -", &routes("reviews", 70, 30).to_string()).await;
        assert!(conflict.contains("conflict") && conflict.contains(".spec.http"), "{conflict}");
        kubectl
            .ok("apply --server-side --force-conflicts -f -", &routes("reviews", 70, 30).to_string())
            .await;
        assert_eq!(weight(), 70);
        let refused = kubectl
            .fails(r#"patch vs reviews --type=json -p [{"op":"replace","path":"/spec/http/0/route/0/weight","value":-1}]"#, "")
            .await;
        assert!(refused.contains("denied the request: configuration is invalid: weight -1 < 0"), "{refused}");
        let mut nonsense = routes("reviews", 70, 30);
        nonsense["spec"]["nonsense"] = json!(1);
        let unknown = kubectl.fails("apply -f -", &nonsense.to_string()).await;
        assert!(unknown.contains("unknown field") && unknown.contains("nonsense"), "{unknown}");
        assert!(
            kubectl.ok("replace -f -", &routes("reviews", 65, 35).to_string()).await.contains("replaced")
        );
        assert_eq!(weight(), 65);
        kubectl.ok("label vs reviews team=shop", "").await;
        kubectl.ok("annotate vs reviews why=test", "").await;
        assert!(kubectl.ok("get vs -l team=shop -o name", "").await.contains("reviews"));
        assert!(kubectl.ok("delete vs reviews", "").await.contains("deleted"));
    }
}

#[tokio::test]
async fn changing_workloads() {
    let cluster = cluster().await;
    cluster.run_kubelet();
    let deployed = || cluster.server.store().get("Deployment", "default", "web").unwrap();
    for kubectl in kubectls(&cluster) {
        kubectl.ok("apply -f -", &deployment()).await;
        let two = deployment().replace("web:1", "web:2");
        assert!(kubectl.ok("apply -f -", &two).await.contains("configured"));
        assert_eq!(deployed()["spec"]["template"]["spec"]["containers"][0]["image"], "web:2");
        kubectl.ok("scale deployment web --replicas=3", "").await;
        assert_eq!(deployed()["spec"]["replicas"], 3);
        kubectl.ok("set image deployment/web web=web:3", "").await;
        kubectl
            .ok(r#"patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"envoy"}]}}}}"#, "")
            .await;
        let containers = deployed()["spec"]["template"]["spec"]["containers"].clone();
        let images: Vec<&Value> =
            containers.as_array().unwrap().iter().map(|container| &container["image"]).collect();
        assert_eq!(images.len(), 2, "{containers}");
        assert!(images.contains(&&json!("web:3")));
        let kubectl_made = [
            "create ns shop",
            "create configmap c --from-literal=a=b",
            "create secret generic s --from-literal=a=b",
            "create deployment d --image=x --port=80",
            "create service clusterip q --tcp=80:8080",
            "create serviceaccount t",
        ];
        for args in kubectl_made {
            kubectl.ok(args, "").await;
        }
        assert_eq!(
            cluster.server.store().get("ConfigMap", "default", "c").unwrap()["data"],
            json!({"a": "b"})
        );
        assert_eq!(
            cluster.server.store().get("Secret", "default", "s").unwrap()["data"],
            json!({"a": "Yg=="})
        );
        assert_eq!(
            cluster.server.store().get("Service", "default", "q").unwrap()["spec"]["ports"][0]["targetPort"],
            8080
        );
        assert_eq!(
            cluster.server.store().get("Deployment", "default", "d").unwrap()["spec"]["template"]["spec"]["containers"]
                [0]["ports"][0]["containerPort"],
            80
        );
        kubectl.ok("delete ns shop", "").await;
        kubectl.ok("delete deploy,svc,cm,secret,sa --all", "").await;
        assert!(cluster.server.store().list("Deployment").is_empty());
    }
}

#[tokio::test]
async fn waiting_and_watching() {
    let cluster = cluster().await;
    cluster.run_kubelet();
    let mut waiting = pod("a");
    waiting["status"]["conditions"][0]["status"] = json!("False");
    for kubectl in kubectls(&cluster) {
        cluster.server.store().create(waiting.clone()).unwrap();
        let mut watch = kubectl.command(&["get", "pods", "--watch", "--no-headers"]).spawn().unwrap();
        let mut rows = BufReader::new(watch.stdout.take().unwrap()).lines();
        assert!(rows.next_line().await.unwrap().unwrap().starts_with("a "));
        let store = cluster.server.store().clone();
        let wait = kubectl.ok("wait --for=condition=Ready pod/a --timeout=30s", "");
        let change = async {
            // By now the list that the wait begins with may or may not be done; both have to work.
            store
                .modify("Pod", "default", "a", |pod| pod["status"]["conditions"][0]["status"] = json!("True"))
                .unwrap();
        };
        assert!(futures::join!(wait, change).0.contains("condition met"));
        assert!(rows.next_line().await.unwrap().unwrap().starts_with("a "));
        watch.kill().await.unwrap();
        assert!(kubectl.ok("delete pod a", "").await.contains("deleted"));
    }
}

/// The local address that a port-forward says it listens on.
async fn forwarded(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(rest) = line.strip_prefix("Forwarding from 127.0.0.1:") {
            let port = rest.split(' ').next().unwrap().to_owned();
            // Keep reading, or kubectl blocks on its own words.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return format!("http://127.0.0.1:{port}/");
        }
    }
    panic!("no port was forwarded")
}

#[tokio::test]
async fn tunnels_and_logs() {
    let cluster = cluster().await;
    cluster.run_kubelet();
    cluster.server.store().create(pod("a")).unwrap();
    cluster.log.push("one");
    for kubectl in kubectls(&cluster) {
        // The newest way first: SPDY inside a WebSocket; then plain SPDY, as older ones do.
        for websockets in ["true", "false"] {
            let mut command = kubectl.command(&["port-forward", "pod/a", ":80"]);
            let mut child = command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets).spawn().unwrap();
            let url = forwarded(&mut child).await;
            let answers = futures::future::join_all(
                (0..20).map(|_| async { reqwest::get(&url).await.unwrap().text().await.unwrap() }),
            )
            .await;
            assert!(answers.iter().all(|answer| answer == "hello\n"));
            child.kill().await.unwrap();
        }
        let mut follow = kubectl.command(&["logs", "-f", "--tail=1", "a"]).spawn().unwrap();
        let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
        assert!(lines.next_line().await.unwrap().is_some());
        cluster.log.push("next");
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "next");
        follow.kill().await.unwrap();
        assert!(kubectl.fails("logs a -p", "").await.contains("previous terminated container"));
    }
}
