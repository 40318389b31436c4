//! Every command that people use, on every kubectl that is there: what it is given and what has to stand in
//! its words.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{
    harness::{Cluster, cluster, routes},
    kubectl::Kubectl,
    scene,
};

/// The kubectl on the path, the oldest of those that stand beside it as `kubectl.1.27` and so on (all of
/// them, when `$BINNACLE_ALL_KUBECTLS` is set), and one where `$BINNACLE_OLD_KUBECTL` says.
fn programs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first =
        std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|program| program.is_file());
    let home = first.as_deref().and_then(|program| program.canonicalize().ok());
    let folder = home.as_deref().and_then(Path::parent).map(std::fs::read_dir).and_then(Result::ok);
    let beside = folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut all: Vec<PathBuf> = beside
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kubectl.")))
        .collect();
    all.sort();
    if std::env::var_os("BINNACLE_ALL_KUBECTLS").is_none() {
        all.truncate(1);
    }
    all.extend(first);
    all.extend(std::env::var_os("BINNACLE_OLD_KUBECTL").map(PathBuf::from));
    all
}

/// One command: the minor version that has it, its words, what it reads, its exit status, and what has to
/// stand in what it says.
struct Step(u32, String, String, i32, &'static [&'static str]);

fn step(args: &str, expect: &'static [&'static str]) -> Step {
    Step(0, args.to_owned(), String::new(), 0, expect)
}

fn since(minor: u32, args: &str, expect: &'static [&'static str]) -> Step {
    Step(minor, args.to_owned(), String::new(), 0, expect)
}

fn reads(args: &str, input: impl ToString, expect: &'static [&'static str]) -> Step {
    Step(0, args.to_owned(), input.to_string(), 0, expect)
}

fn fails(args: &str, expect: &'static [&'static str]) -> Step {
    Step(0, args.to_owned(), String::new(), 1, expect)
}

/// Istio's kinds, and where each is explained.
const KINDS: [(&str, &str); 15] = [
    ("trafficextensions", "extensions.istio.io/v1alpha1"),
    ("wasmplugins", "extensions.istio.io/v1alpha1"),
    ("destinationrules", "networking.istio.io/v1"),
    ("envoyfilters", "networking.istio.io/v1alpha3"),
    ("gateways", "networking.istio.io/v1"),
    ("proxyconfigs", "networking.istio.io/v1beta1"),
    ("serviceentries", "networking.istio.io/v1"),
    ("sidecars", "networking.istio.io/v1beta1"),
    ("virtualservices", "networking.istio.io/v1alpha3"),
    ("workloadentries", "networking.istio.io/v1"),
    ("workloadgroups", "networking.istio.io/v1"),
    ("authorizationpolicies", "security.istio.io/v1"),
    ("peerauthentications", "security.istio.io/v1beta1"),
    ("requestauthentications", "security.istio.io/v1"),
    ("telemetries", "telemetry.istio.io/v1"),
];

fn looking() -> Vec<Step> {
    let mut steps = vec![
        step("get pods", &["NAME", "READY", "web-2-a", "1/1", "Running"]),
        step("get pods -o wide", &["10.244.0.9", "sandbox"]),
        step("get pod web-2-a -o yaml", &["kind: Pod", "podIP: 10.244.0.9"]),
        step("get pod web-2-a -o json", &["\"kind\": \"Pod\"", "\"podIP\": \"10.244.0.9\""]),
        step("get pods -o jsonpath={.items[*].metadata.name}", &["web-2-a"]),
        step(
            "get pods -o custom-columns=N:.metadata.name,IP:.status.podIP",
            &["N", "IP", "web-2-a", "10.244.0.9"],
        ),
        step("get pods -l app=web,version!=v9", &["web-2-a"]),
        step("get pods -l app=none", &["No resources found in default namespace."]),
        step("get pods --field-selector status.phase=Running,spec.nodeName=sandbox", &["web-2-a"]),
        step(
            "get pods,svc,deploy,rs,endpointslices -A",
            &["default", "pod/web-2-a", "service/web", "deployment.apps/web", "replicaset.apps/web-1"],
        ),
        step("get pods -A --sort-by=.metadata.name --no-headers", &["web-2-a"]),
        step("get all", &["pod/web-2-a", "service/web", "deployment.apps/web", "replicaset.apps/web-2"]),
        step("get nodes -o wide", &["sandbox", "Ready", "127.0.0.1"]),
        step("get ns", &["default", "Active", "istio-system"]),
        step(
            "get events",
            &["LAST SEEN   TYPE     REASON    OBJECT        MESSAGE", "pod/web-2-a   Started container web"],
        ),
        step("get events -o wide", &["SUBOBJECT", "kubelet", "FIRST SEEN", "NAME", "web-2-a.1"]),
        step("get nodes -o wide", &["v1.36.2", "127.0.0.1", "OS-IMAGE", "CONTAINER-RUNTIME"]),
        since(26, "events --for pod/web-2-a", &["Started container web"]),
        step(
            "get vs,dr",
            &[
                "virtualservice.networking.istio.io/reviews",
                "[\"reviews\"]",
                "destinationrule.networking.istio.io/reviews",
            ],
        ),
        step(
            "get istio-io -o name",
            &["virtualservice.networking.istio.io/reviews", "destinationrule.networking.istio.io/reviews"],
        ),
        step("get crd virtualservices.networking.istio.io", &["virtualservices.networking.istio.io"]),
        step("get pods --show-labels --chunk-size=1", &["app=web"]),
        step("get deploy web -o go-template={{.spec.replicas}}", &["1"]),
        since(24, "get deploy web --subresource=status -o jsonpath={.status.readyReplicas}", &["1"]),
        fails("get pod nobody", &["Error from server (NotFound): pods \"nobody\" not found"]),
        fails("get boats", &["the server doesn't have a resource type \"boats\""]),
        step(
            "describe pods",
            &["Name:", "web-2-a", "10.244.0.9", "Started container web", "ReplicaSet/web-2"],
        ),
        step("describe svc web", &["Selector:", "app=web", "8080/TCP", "10.244.0.9:80"]),
        step(
            "describe deploy web",
            &["Replicas:", "1 desired", "web:2", "NewReplicaSet:", "25% max unavailable, 25% max surge"],
        ),
        step("describe rs web-1", &["web:1", "0 current / 0 desired"]),
        step("describe vs reviews", &["Kind:", "VirtualService", "Weight:"]),
        step("describe dr reviews", &["Kind:", "DestinationRule", "Host:"]),
        step("describe node sandbox", &["Name:", "sandbox", "KubeletReady", "web-2-a"]),
        step("describe ns default", &["Name:", "default", "Active"]),
        step(
            "api-resources",
            &["virtualservices", "vs", "networking.istio.io/v1", "VirtualService", "endpointslices"],
        ),
        step("api-resources --api-group=apps -o name", &["deployments.apps", "statefulsets.apps"]),
        step("api-versions", &["networking.istio.io/v1", "apps/v1", "v1", "security.istio.io/v1beta1"]),
        step("auth can-i patch virtualservices", &["yes"]),
        step("auth can-i --list", &["Resources", "*.*", "[*]"]),
        fails("auth can-i create pods --subresource=exec", &["no"]),
        since(28, "auth whoami", &["kubernetes-admin"]),
        step("cluster-info", &["Kubernetes control plane", "is running at", "https://127.0.0.1:"]),
        step("version", &["1.36.2"]),
        step("logs web-2-a", &["one"]),
        step("logs deploy/web --tail=1 --timestamps", &["one"]),
        step("get --raw /readyz", &["ok"]),
        fails("top pods", &["Metrics API not available"]),
        fails("exec web-2-a -- ls", &["the sandbox runs its applications without containers"]),
        fails("attach web-2-a", &["the sandbox runs its applications without containers"]),
        fails(
            "cp web-2-a:/etc/hosts /tmp/binnacle-never",
            &["the sandbox runs its applications without containers"],
        ),
        step("explain pod.spec.containers", &["imagePullPolicy", "The image that it runs."]),
    ];
    for (kind, version) in KINDS {
        steps.push(step(
            &format!("explain {kind} --api-version={version} --recursive"),
            &["spec", "<Object>"],
        ));
    }
    steps.push(step("explain vs.spec.http.route.weight", &["Its share"]));
    steps
}

fn routing() -> Vec<Step> {
    let mut bad = routes("bad", -1, 2);
    bad["metadata"]["namespace"] = json!("default");
    let mut unknown = routes("odd", 1, 1);
    unknown["spec"]["nonsense"] = json!(1);
    let legacy = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "old"},
        "spec": {"hosts": ["old"], "gateways": ["g.n.svc"],
            "http": [{"route": [{"destination": {"host": "old"}}]}]}});
    vec![
        reads(
            "apply -f -",
            routes("ratings", 90, 10),
            &["virtualservice.networking.istio.io/ratings created"],
        ),
        reads("apply -f -", routes("ratings", 90, 10), &["ratings unchanged"]),
        reads(
            "apply --dry-run=server -f -",
            routes("ratings", 80, 20),
            &["ratings configured (server dry run)"],
        ),
        Step(
            0,
            "diff -f -".into(),
            routes("ratings", 80, 20).to_string(),
            1,
            &["-      weight: 90", "+      weight: 80"],
        ),
        reads("apply -f -", routes("ratings", 80, 20), &["ratings configured"]),
        reads("apply -f -", legacy, &["Warning: using legacy gatewayName format", "old created"]),
        Step(
            0,
            "apply -f -".into(),
            bad.to_string(),
            1,
            &["admission webhook \"validation.istio.io\" denied the request: configuration is invalid: \
                    weight -1 < 0"],
        ),
        Step(0, "apply -f -".into(), unknown.to_string(), 1, &["nonsense"]),
        since(25, "get vs odd --ignore-not-found", &[]),
        Step(
            0,
            "apply --server-side --field-manager=other -f -".into(),
            routes("ratings", 70, 30).to_string(),
            1,
            &["conflict", ".spec.http"],
        ),
        reads(
            "apply --server-side --field-manager=other --force-conflicts -f -",
            routes("ratings", 70, 30),
            &["ratings serverside-applied"],
        ),
        step("edit vs reviews", &["reviews edited"]),
        step("get vs reviews -o jsonpath={.spec.http[0].route[0].weight}", &["55"]),
        step(
            r#"patch vs reviews --type=json -p [{"op":"replace","path":"/spec/http/0/route/0/weight","value":40}]"#,
            &["reviews patched"],
        ),
        step(r#"patch vs reviews --type=merge -p {"spec":{"exportTo":["."]}}"#, &["reviews patched"]),
        fails(r#"patch vs reviews -p {"spec":{"exportTo":["*"]}}"#, &["strategic", "supported"]),
        fails(
            r#"patch vs reviews --type=merge -p {"spec":{"http":[{"timeout":"0.1ms"}]}}"#,
            &["spec.http[0].timeout: Invalid value: \"0.1ms\": must be a valid duration greater than 1ms"],
        ),
        step("label vs reviews team=shop", &["reviews labeled"]),
        step("label vs reviews team-", &["reviews"]),
        step("annotate vs reviews why=test", &["reviews annotate"]),
        reads("replace -f -", routes("reviews", 65, 35), &["reviews replaced"]),
        reads("replace --force -f -", routes("old", 1, 2), &["old", "replaced"]),
        since(23, "wait --for=delete vs/nobody --timeout=5s", &[]),
        since(
            23,
            "wait --for=jsonpath={.spec.hosts[0]}=reviews vs/reviews --timeout=20s",
            &["condition met"],
        ),
        step("delete vs ratings --dry-run=server", &["ratings\" deleted (server dry run)"]),
        step("delete vs ratings", &["\"ratings\" deleted"]),
        step("delete vs,dr --all", &["\"reviews\" deleted", "\"old\" deleted"]),
        step("get vs", &["No resources found in default namespace."]),
    ]
}

fn workloads() -> Vec<Step> {
    vec![
        step("rollout status deployment/web", &["deployment \"web\" successfully rolled out"]),
        step("rollout history deployment/web", &["REVISION", "1", "2"]),
        step("rollout history deployment/web --revision=1", &["web:1"]),
        step("scale deployment web --replicas=2", &["web scaled"]),
        step("!settle", &[]),
        step("get deploy web", &["2/2"]),
        step("set image deployment/web web=web:3", &["image updated"]),
        step(
            r#"patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"envoy"}]}}}}"#,
            &["web patched"],
        ),
        step("get deploy web -o jsonpath={.spec.template.spec.containers[*].image}", &["web:3", "envoy"]),
        step("rollout restart deployment/web", &["web restarted"]),
        step("!settle", &[]),
        step("rollout status deployment/web --timeout=20s", &["successfully rolled out"]),
        step("rollout undo deployment/web --to-revision=1", &["web rolled back"]),
        step("get deploy web -o jsonpath={.spec.template.spec.containers[*].image}", &["web:1"]),
        step("rollout pause deployment/web", &["web paused"]),
        step("rollout resume deployment/web", &["web resumed"]),
        step("!settle", &[]),
        step("wait --for=condition=Available deployment/web --timeout=20s", &["condition met"]),
        step("expose deployment web --name=front --port=80 --target-port=http", &["service/front exposed"]),
        step("run tool --image=tool:1 --labels=app=tool", &["pod/tool created"]),
        step("create namespace shop", &["namespace/shop created"]),
        step("create configmap c --from-literal=a=b -n shop", &["configmap/c created"]),
        step("create secret generic s --from-literal=a=b -n shop", &["secret/s created"]),
        step("create deployment d --image=x --port=80 -n shop", &["deployment.apps/d created"]),
        step("create service clusterip q --tcp=80:8080 -n shop", &["service/q created"]),
        step("create serviceaccount t -n shop", &["serviceaccount/t created"]),
        since(24, "create token t -n shop --duration 20m --audience me", &["eyJ"]),
        reads(
            "create -f -",
            json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"generateName": "g-", "namespace": "shop"}}),
            &["configmap/g-", "created"],
        ),
        fails("create configmap c --from-literal=a=b -n shop", &["configmaps \"c\" already exists"]),
        fails(
            "label pod tool bad=a$b",
            &["a valid label must be an empty string or consist of alphanumeric characters"],
        ),
        step(
            "get cm,secret,deploy,svc,sa -n shop -o name",
            &["configmap/c", "secret/s", "deployment.apps/d", "service/q", "serviceaccount/t"],
        ),
        since(
            22,
            "drain sandbox --force --ignore-daemonsets --dry-run=server",
            &["node/sandbox cordoned (server dry run)", "web-2-a"],
        ),
        step("cordon sandbox", &["node/sandbox cordoned"]),
        step("get node sandbox", &["Ready,SchedulingDisabled"]),
        step("uncordon sandbox", &["node/sandbox uncordoned"]),
        step("delete pod tool --grace-period=0 --force", &["\"tool\" ", "deleted"]),
        step("delete pods -l app=web", &["\"web-2-a\" deleted"]),
        step("delete deploy web --cascade=foreground", &["\"web\" deleted"]),
        step("delete svc --all", &["\"front\" deleted", "\"web\" deleted"]),
        step("delete ns shop", &["\"shop\" deleted"]),
        fails("get cm c -n shop", &["not found"]),
    ]
}

fn own_kinds() -> Vec<Step> {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.sea.example"},
        "spec": {"group": "sea.example", "scope": "Namespaced",
            "names": {"kind": "Boat", "plural": "boats", "shortNames": ["bo"]}, "versions": [
            {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
             "additionalPrinterColumns": [{"name": "Sails", "type": "integer", "jsonPath": ".spec.sails"}],
             "schema": {"openAPIV3Schema": {"type": "object",
                 "properties": {"spec": {"type": "object", "required": ["sails"],
                "x-kubernetes-validations": [{"rule": "self.sails <= self.masts * 2",
                    "message": "too many sails"},
                    {"rule": "!has(oldSelf.masts) || self.masts == oldSelf.masts", "message": "masts stay"}],
                "properties": {"sails": {"type": "integer", "maximum": 7, "description": "How many sails."},
                               "masts": {"type": "integer", "default": 2}}}}}}}]}});
    let boat = |fields: serde_json::Value| {
        json!({"apiVersion": "sea.example/v1", "kind": "Boat",
        "metadata": {"name": "ark"}, "spec": fields})
    };
    vec![
        reads("apply -f -", crd, &["boats.sea.example created"]),
        step("wait --for=condition=Established crd/boats.sea.example --timeout=20s", &["condition met"]),
        step("explain boats.spec.sails", &["How many sails."]),
        reads("apply -f -", boat(json!({"sails": 3})), &["boat.sea.example/ark created"]),
        step("get bo", &["NAME", "SAILS", "ark", "3"]),
        step("get boat ark -o jsonpath={.spec.masts}", &["2"]),
        Step(
            0,
            "apply -f -".into(),
            boat(json!({"sails": 5})).to_string(),
            1,
            &["spec: Invalid value: \"object\": too many sails"],
        ),
        Step(
            0,
            "apply -f -".into(),
            boat(json!({"sails": 8})).to_string(),
            1,
            &["spec.sails: Invalid value: 8: spec.sails in body should be less than or equal to 7"],
        ),
        fails(r#"patch boat ark --type=merge -p {"spec":{"masts":3}}"#, &["masts stay"]),
        step("delete crd boats.sea.example", &["deleted"]),
        fails("get boats", &["boats"]),
    ]
}

async fn minor(kubectl: &Kubectl) -> u32 {
    let said = kubectl.ok("version --client -o json", "").await;
    let version: serde_json::Value = serde_json::from_str(&said).unwrap();
    version["clientVersion"]["minor"].as_str().unwrap().trim_end_matches('+').parse().unwrap()
}

async fn walk(program: PathBuf) -> String {
    let cluster: Cluster = cluster().await;
    cluster.run_kubelet();
    scene::fill(cluster.server.store());
    cluster.log.push("one");
    let kubectl = Kubectl::new(program.clone(), &cluster);
    let version = minor(&kubectl).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for Step(least, args, input, code, expect) in
        [looking(), routing(), workloads(), own_kinds()].into_iter().flatten()
    {
        if args == "!settle" {
            scene::settle(cluster.server.store());
            continue;
        }
        if version < least {
            continue;
        }
        count += 1;
        let output = kubectl.output(&args.split(' ').collect::<Vec<_>>(), &input).await;
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let missing: Vec<&&str> = expect.iter().filter(|words| !said.contains(**words)).collect();
        if output.status.code() != Some(code) || !missing.is_empty() {
            wrong.push(format!(
                "$ kubectl {args}\n{said}\n-> {:?}, missing {missing:?}",
                output.status.code()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} (1.{version}):\n{}", program.display(), wrong.join("\n\n"));
    format!("{} (1.{version}): {count} commands as expected", program.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_on_every_kubectl() {
    let walks: Vec<_> = programs().into_iter().map(|program| tokio::spawn(walk(program))).collect();
    assert!(!walks.is_empty(), "kubectl is installed");
    let mut failed = Vec::new();
    for walk in walks {
        match walk.await {
            Ok(words) => println!("{words}"),
            Err(error) => failed.push(error.to_string()),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
