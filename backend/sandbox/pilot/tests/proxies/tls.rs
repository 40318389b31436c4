//! Certificates, a client and a server of TLS that are not of the mesh.

use crate::bench::PATIENCE;
use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A certificate authority.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names, `a.example,b.example`.
    pub(crate) fn issue(&self, names: &str) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(names.split(',').map(str::to_owned).collect::<Vec<_>>())
            .expect("parameters");
        // A subject that is the issuer's too would pass for a certificate signed by itself.
        params.distinguished_name.push(rcgen::DnType::CommonName, "somebody");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(der(&self.pem)).expect("a root");
        roots
    }
}

pub(crate) fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

fn key(pair: &Pair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A Secret of namespace demo.
pub(crate) fn secret(name: &str, kind: &str, data: &[(&str, &str)]) -> String {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let data: serde_json::Map<_, _> =
        data.iter().map(|(key, text)| ((*key).to_owned(), encode(text).into())).collect();
    serde_json::json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": {"name": name, "namespace": "demo"}, "data": data})
    .to_string()
}

/// A Secret of type kubernetes.io/tls.
pub(crate) fn tls_secret(name: &str, pair: &Pair) -> String {
    secret(name, "kubernetes.io/tls", &[("tls.crt", &pair.certificate), ("tls.key", &pair.key)])
}

/// What a client of TLS sees.
#[derive(Debug)]
pub(crate) struct Secured {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) version: String,
}

/// How a client comes.
pub(crate) struct Client<'a> {
    pub(crate) believes: &'a Ca,
    pub(crate) shows: Option<&'a Pair>,
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    /// Written first, in plain text.
    pub(crate) before: String,
}

impl<'a> Client<'a> {
    pub(crate) fn new(believes: &'a Ca) -> Self {
        Self { believes, shows: None, versions: rustls::ALL_VERSIONS, before: String::new() }
    }

    pub(crate) fn showing(believes: &'a Ca, shows: &'a Pair) -> Self {
        Self { shows: Some(shows), ..Self::new(believes) }
    }

    /// Asks the server at a port of this machine, by name; an error when there is no handshake or no answer.
    pub(crate) async fn ask(&self, port: u16, name: &str, request: &str) -> std::io::Result<Secured> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(self.versions)
            .expect("versions");
        let config = config.with_root_certificates(self.believes.roots());
        let config = match self.shows {
            Some(pair) => {
                config.with_client_auth_cert(vec![der(&pair.certificate)], key(pair)).expect("a key")
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let talk = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.write_all(self.before.as_bytes()).await?;
            let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            // A server may close without TLS's own farewell.
            let read = stream.read_to_end(&mut answer).await;
            let text = String::from_utf8_lossy(&answer).into_owned();
            let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status = match (status, read) {
                (Some(status), _) => status,
                (None, Err(error)) => return Err(error),
                (None, Ok(_)) => return Err(std::io::Error::other("no answer")),
            };
            let (_, connection) = stream.get_ref();
            let certificate = connection.peer_certificates().expect("certificates")[0].clone().into_owned();
            let version = format!("{:?}", connection.protocol_version().expect("a version"));
            let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
            Ok(Secured { status, body, certificate, version })
        };
        tokio::time::timeout(PATIENCE, talk).await.expect("an answer in time")
    }
}

/// A server of TLS on this machine.
pub(crate) struct Server {
    pub(crate) port: u16,
    _serving: AbortOnDropHandle<()>,
}

/// Answers `<name> for <SNI> of <client with certificate | anybody>`; asks for certificates of `clients`.
pub(crate) async fn serve(name: &'static str, pair: &Pair, clients: Option<&Ca>) -> Server {
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions");
    let config = match clients {
        Some(ca) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(ca.roots()), provider());
            config.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
        None => config.with_no_client_auth(),
    };
    let config = config.with_single_cert(vec![der(&pair.certificate)], key(pair)).expect("a certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let (_, connection) = stream.get_ref();
                let sni = connection.server_name().unwrap_or("nobody").to_owned();
                let client = if connection.peer_certificates().is_some() {
                    "a client with certificate"
                } else {
                    "anybody"
                };
                let mut asked = Vec::new();
                while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let body = format!("{name} for {sni} of {client}");
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            });
        }
    });
    Server { port, _serving: AbortOnDropHandle::new(serving) }
}
