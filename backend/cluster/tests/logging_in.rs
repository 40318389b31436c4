//! The ways to a server that the sandbox does not need: client certificates, and a proxy in between.

use cluster::{Cluster, Target};

use mesh::scene::{Step, StepState};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Long enough for a slow machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// An authority that signs server and client.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }
}

/// Serves `/version` over TLS to whoever shows a certificate of the authority.
async fn server(authority: &Authority) -> SocketAddr {
    rustls::crypto::ring::default_provider().install_default().ok();
    let (certificate, key) = authority.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = rustls::ServerConfig::builder().with_client_cert_verifier(verifier);
    serve(config.with_single_cert(vec![certificate.der().clone()], key).expect("a server")).await
}

/// Serves `/version` over TLS with a certificate of this name that is its own authority, and says so; its PEM.
async fn own_authority(name: &str, from: i32, until: i32) -> (SocketAddr, String) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).expect("a server");
    (serve(config).await, certificate.pem())
}

async fn serve(config: rustls::ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let answer =
                    hyper::service::service_fn(|_request: http::Request<hyper::body::Incoming>| async {
                        let body = r#"{"major":"1","minor":"30","gitVersion":"v1.30.0"}"#.to_owned();
                        Ok::<_, std::convert::Infallible>(http::Response::new(body))
                    });
                let io = hyper_util::rt::TokioIo::new(stream);
                hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await.ok();
            });
        }
    });
    address
}

/// A proxy that only knows CONNECT; counts the connections.
async fn proxy(count: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut first = String::new();
                stream.read_line(&mut first).await.ok()?;
                let wanted = first.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
                let mut line = String::new();
                while stream.read_line(&mut line).await.ok()? > 2 {
                    line.clear();
                }
                let mut onward = TcpStream::connect(wanted).await.ok()?;
                count.fetch_add(1, Ordering::SeqCst);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
                copy_bidirectional(&mut stream, &mut onward).await.ok()
            });
        }
    });
    address
}

/// Connects by this kubeconfig; returns what the step "API" came to.
async fn attempt(folder: &Path, server: SocketAddr, more: &str, user: &str) -> Result<String, mesh::Problem> {
    let file = folder.join("config");
    let config = format!(
        "
current-context: here
clusters: [{{name: c, cluster: {{server: 'https://{server}', certificate-authority: ca.pem{more}}}}}]
users: [{{name: u, user: {user}}}]
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
"
    );
    std::fs::write(&file, config).expect("a kubeconfig");
    let target = Target { kubeconfig: Some(file), ..Target::default() };
    let mut cluster = Cluster::connect(target, Arc::new(|| {}));
    let answered = |scene: &Arc<mesh::Scene>| {
        matches!(scene.steps.get(&Step::Api), Some(StepState::Done(_) | StepState::Failed(_)))
    };
    let waited = tokio::time::timeout(PATIENCE, cluster.scene.wait_for(answered)).await.expect("in time");
    let scene = Arc::clone(&waited.expect("the connection lives"));
    match &scene.steps[&Step::Api] {
        StepState::Done(text) => Ok(text.clone()),
        StepState::Failed(problem) => Err(problem.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let authority = Authority::new();
    let address = server(&authority).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = authority.sign("ann", ExtendedKeyUsagePurpose::ClientAuth);
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("a file");
    std::fs::write(folder.path().join("ann.crt"), certificate.pem()).expect("a file");
    std::fs::write(folder.path().join("ann.key"), key.serialize_pem()).expect("a file");
    // Paths are relative to the kubeconfig.
    let told =
        attempt(folder.path(), address, "", "{client-certificate: ann.crt, client-key: ann.key}").await;
    assert!(told.expect("connected").starts_with("Kubernetes v1.30.0"));
    let problem = attempt(folder.path(), address, "", "{}").await.expect_err("nobody without a certificate");
    assert_eq!(problem.why, "The server does not accept our client certificate, or wants one");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_trusted() {
    let address = server(&Authority::new()).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), Authority::new().pem).expect("a file");
    let problem = attempt(folder.path(), address, "", "{}").await.expect_err("not trusted");
    assert!(problem.why.starts_with("The server's certificate is not trusted"), "{problem}");
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_taken_as_kubectl_takes_it() {
    for (name, until, said) in [
        ("127.0.0.1", 4000, None),
        ("elsewhere.example", 4000, Some("it is for another name")),
        ("127.0.0.1", 2001, Some("it has expired")),
    ] {
        let (address, pem) = own_authority(name, 2000, until).await;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), pem).expect("a file");
        let came = attempt(folder.path(), address, "", "{}").await;
        match (came, said) {
            (Ok(told), None) => assert!(told.starts_with("Kubernetes v1.30.0"), "{told}"),
            (Err(problem), Some(said)) => assert!(problem.why.contains(said), "{problem}"),
            (came, _) => panic!("{name} until {until}: {came:?}"),
        }
    }
    // One of the same kind that the kubeconfig does not name.
    let (address, _) = own_authority("127.0.0.1", 2000, 4000).await;
    let (_, another) = own_authority("127.0.0.1", 2000, 4000).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), another).expect("a file");
    assert!(attempt(folder.path(), address, "", "{}").await.is_err());
}

#[tokio::test]
async fn the_proxy_of_the_kubeconfig_is_used() {
    let authority = Authority::new();
    let address = server(&authority).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = authority.sign("ann", ExtendedKeyUsagePurpose::ClientAuth);
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("a file");
    std::fs::write(folder.path().join("ann.crt"), certificate.pem()).expect("a file");
    std::fs::write(folder.path().join("ann.key"), key.serialize_pem()).expect("a file");
    let count = Arc::new(AtomicU64::new(0));
    let more = format!(", proxy-url: 'http://{}'", proxy(Arc::clone(&count)).await);
    let told =
        attempt(folder.path(), address, &more, "{client-certificate: ann.crt, client-key: ann.key}").await;
    assert!(told.is_ok(), "{told:?}");
    assert!(count.load(Ordering::SeqCst) > 0, "not through the proxy");
}
