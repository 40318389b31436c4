//! A server of Envoy's aggregated discovery service, with the gRPC machinery compiled here once.

use crate::Listener;
use envoy_types::pb::envoy::service::discovery::v3 as discovery;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

pub use discovery::{DiscoveryRequest, DiscoveryResponse};
pub use tonic::Status as StreamEnd;

/// What a proxy asks for and confirms, in order; the stream ends with the proxy's connection.
pub type Requests = Streaming<DiscoveryRequest>;
/// What the proxy is told.
pub type Responses = Pin<Box<dyn Stream<Item = Result<DiscoveryResponse, Status>> + Send>>;
/// Answers one proxy's stream.
pub type Answer = Arc<dyn Fn(Requests, String) -> Responses + Send + Sync>;

struct Server(Answer);

#[tonic::async_trait]
impl discovery::aggregated_discovery_service_server::AggregatedDiscoveryService for Server {
    type StreamAggregatedResourcesStream = Responses;
    type DeltaAggregatedResourcesStream =
        Pin<Box<dyn Stream<Item = Result<discovery::DeltaDiscoveryResponse, Status>> + Send>>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Requests>,
    ) -> Result<Response<Responses>, Status> {
        let from = request.remote_addr().map(|address| address.to_string()).unwrap_or_default();
        Ok(Response::new((self.0)(request.into_inner(), from)))
    }

    async fn delta_aggregated_resources(
        &self,
        _: Request<Streaming<discovery::DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("this control plane speaks state of the world: set api_type to GRPC"))
    }
}

/// Serves until `stop` is ready and the open streams have ended.
///
/// # Errors
/// When the connections can no longer be accepted.
pub async fn serve(
    listener: Listener,
    answer: Answer,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
) -> Result<(), tonic::transport::Error> {
    let service =
        discovery::aggregated_discovery_service_server::AggregatedDiscoveryServiceServer::new(Server(answer));
    listener.serve_grpc(tonic::transport::Server::builder().add_service(service), stop).await
}
