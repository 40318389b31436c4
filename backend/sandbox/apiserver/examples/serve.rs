use std::sync::Arc;
struct NoPods;
#[async_trait::async_trait]
impl apiserver::PodAccess for NoPods {
    async fn connect(&self, _: &str, _: &str, _: u16) -> Result<tokio::net::TcpStream, String> {
        tokio::net::TcpStream::connect(std::env::var("ECHO").unwrap_or("127.0.0.1:9".into())).await.map_err(|e| e.to_string())
    }
    fn logs(&self, _: &str, _: &str, _: &str) -> Option<apiserver::Logs> {
        let ring = apiserver::LogRing::new(5);
        ring.push("one"); ring.push("two");
        Some(ring.logs())
    }
}
#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_env_filter(std::env::var("RUST_LOG").unwrap_or("info".into())).init();
    let store = apiserver::Store::new();
    let server = apiserver::ApiServer::start(store, apiserver::Options::new(Arc::new(NoPods))).await.unwrap();
    std::fs::write(std::env::args().nth(1).unwrap(), server.kubeconfig("sandbox")).unwrap();
    println!("{} {}", server.url(), server.token());
    std::future::pending::<()>().await;
}
