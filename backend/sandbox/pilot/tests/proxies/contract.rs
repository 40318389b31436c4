//! What a proxy may rely on, said by a scripted one: which requests are answered, and which are only noted.

use crate::bench::{Bench, PATIENCE};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use wire::ads::{DiscoveryRequest, DiscoveryResponse};
use wire::envoy::config::core::v3::Node;
use wire::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const SECRETS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

const WEB: &str = "outbound|9080||web.demo.svc.cluster.local";
const V1: &str = "outbound|9080|v1|web.demo.svc.cluster.local";

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: demo, annotations: {sandbox.binnacle.dev/ports: '{"15000":1,"15001":2}'}}
spec: {serviceAccountName: client}
status: {podIP: 10.244.0.9}
"#;

/// A proxy that says what it is told to say.
struct Scripted {
    say: mpsc::Sender<DiscoveryRequest>,
    hear: tonic::Streaming<DiscoveryResponse>,
}

impl Scripted {
    async fn connect(bench: &Bench) -> Self {
        let address = format!("http://{}", bench.pilot().xds_addr());
        let channel = tonic::transport::Endpoint::from_shared(address).expect("an address").connect().await;
        let mut client = AggregatedDiscoveryServiceClient::new(channel.expect("a connection"));
        let (say, said) = mpsc::channel(16);
        let hear = client.stream_aggregated_resources(ReceiverStream::new(said)).await.expect("a stream");
        Self { say, hear: hear.into_inner() }
    }

    /// Asks for these names after having heard `last`.
    fn ask(&self, type_url: &str, names: &[&str], last: Option<&DiscoveryResponse>) {
        let request = DiscoveryRequest {
            node: Some(Node {
                id: "sidecar~10.244.0.9~client.demo~demo.svc.cluster.local".into(),
                ..Node::default()
            }),
            type_url: type_url.into(),
            resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
            version_info: last.map(|last| last.version_info.clone()).unwrap_or_default(),
            response_nonce: last.map(|last| last.nonce.clone()).unwrap_or_default(),
            ..DiscoveryRequest::default()
        };
        self.say.try_send(request).expect("the stream is open");
    }

    /// The next answer, which has to be of this type: answers come in the order of requests, so one of
    /// another type tells that something was answered that should not have been.
    async fn hear(&mut self, type_url: &str) -> DiscoveryResponse {
        let told = tokio::time::timeout(PATIENCE, self.hear.message()).await;
        let told =
            told.unwrap_or_else(|_| panic!("no answer about {type_url}")).expect("no error").expect("no end");
        assert_eq!(told.type_url, type_url);
        told
    }
}

async fn world() -> Bench {
    let mut bench = Bench::start().await;
    bench.apply(&format!("{}---{POD}", crate::WEB));
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_anew_is_told_anew() {
    let bench = world().await;
    let mut proxy = Scripted::connect(&bench).await;
    for (kind, names) in [(ENDPOINTS, [WEB, V1]), (SECRETS, ["default", "ROOTCA"])] {
        proxy.ask(kind, &names, None);
        let first = proxy.hear(kind).await;
        proxy.ask(kind, &names, Some(&first));
        // A cluster of the same name was made anew: it waits, and says so by nothing but the names that it
        // said before.
        proxy.ask(kind, &names, Some(&first));
        let second = proxy.hear(kind).await;
        assert_eq!(
            (&first.version_info, first.resources.len()),
            (&second.version_info, second.resources.len())
        );
        assert_ne!(first.nonce, second.nonce);
        // That is confirmed once, and then rests.
        proxy.ask(kind, &names, Some(&second));
    }
    proxy.ask(CLUSTERS, &[], None);
    proxy.hear(CLUSTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmations_and_what_is_out_of_date_are_not_answered() {
    let bench = world().await;
    let mut proxy = Scripted::connect(&bench).await;
    proxy.ask(ENDPOINTS, &[WEB], None);
    let first = proxy.hear(ENDPOINTS).await;
    assert_eq!(first.resources.len(), 1);
    // More names under the nonce are a confirmation and a question in one.
    proxy.ask(ENDPOINTS, &[WEB, V1], Some(&first));
    let second = proxy.hear(ENDPOINTS).await;
    assert_eq!(second.resources.len(), 2);
    // Sent before the proxy had heard the second answer: it says the same again when it has.
    proxy.ask(ENDPOINTS, &[WEB, V1], Some(&first));
    proxy.ask(ENDPOINTS, &[WEB, V1], Some(&second));
    // Fewer names need no answer.
    proxy.ask(ENDPOINTS, &[WEB], Some(&second));
    proxy.ask(ENDPOINTS, &[], Some(&second));
    proxy.ask(CLUSTERS, &[], None);
    proxy.hear(CLUSTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_clusters_come_with_their_endpoints() {
    let mut bench = world().await;
    let mut proxy = Scripted::connect(&bench).await;
    proxy.ask(CLUSTERS, &[], None);
    let clusters = proxy.hear(CLUSTERS).await;
    proxy.ask(ENDPOINTS, &[WEB], None);
    let endpoints = proxy.hear(ENDPOINTS).await;
    proxy.ask(CLUSTERS, &[], Some(&clusters));
    proxy.ask(ENDPOINTS, &[WEB], Some(&endpoints));
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web, namespace: \
            demo}\nspec: {host: web, trafficPolicy: {loadBalancer: {simple: RANDOM}}}\n",
    );
    let changed = proxy.hear(CLUSTERS).await;
    assert_ne!(changed.version_info, clusters.version_info);
    // Although they are the same as before: the changed cluster waits for them.
    let again = proxy.hear(ENDPOINTS).await;
    assert_eq!(again.version_info, endpoints.version_info);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_after_a_refusal_is_no_confirmation() {
    let bench = world().await;
    let mut proxy = Scripted::connect(&bench).await;
    proxy.ask(ENDPOINTS, &[WEB], None);
    let told = proxy.hear(ENDPOINTS).await;
    let refusal = DiscoveryRequest {
        type_url: ENDPOINTS.into(),
        resource_names: vec![WEB.into()],
        response_nonce: told.nonce.clone(),
        error_detail: Some(wire::google::rpc::Status { message: "no".into(), ..Default::default() }),
        ..DiscoveryRequest::default()
    };
    proxy.say.try_send(refusal).expect("the stream is open");
    // Still on what it had before, which was nothing.
    proxy.ask(ENDPOINTS, &[WEB], Some(&DiscoveryResponse { version_info: String::new(), ..told.clone() }));
    let again = proxy.hear(ENDPOINTS).await;
    assert_ne!(again.nonce, told.nonce);
    let mut connected = bench.pilot().connected();
    let refused =
        connected.wait_for(|all| all.get("client.demo").is_some_and(|status| !status.refused.is_empty()));
    let refused =
        tokio::time::timeout(PATIENCE, refused).await.expect("in time").expect("it runs")["client.demo"]
            .refused
            .clone();
    assert_eq!(refused.get("eds").map(String::as_str), Some("no"), "{refused:?}");
}
