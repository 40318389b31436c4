//! Servers whose certificate is their own authority: a kubeconfig that names the very certificate which the server
//! shows is taken, as kubectl takes it, whether or not that certificate also says that it is an authority's.
//!
//! In Go a certificate that is among the roots is a whole chain (`crypto/x509`, `Certificate.Verify`); webpki asks for
//! an issuer above each server's certificate, and refuses that of an authority in its place (`CaUsedAsEndEntity`).

use ::http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt as _, DynBody};
use kube::{Config, Error};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tower::util::BoxService;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};
use tower_http::ServiceExt as _;
use tower_http::decompression::{DecompressionBody, DecompressionLayer};

/// What kube's client stands on, too.
type Requests = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

/// Takes what webpki takes, and the kubeconfig's own certificates themselves.
#[derive(Debug)]
struct OwnAuthority {
    usual: Arc<WebPkiServerVerifier>,
    ours: Vec<CertificateDer<'static>>,
}

impl OwnAuthority {
    fn of(config: &Config) -> Option<Self> {
        let ours = config.root_cert.as_ref()?.iter().cloned().map(CertificateDer::from).collect::<Vec<_>>();
        let mut roots = RootCertStore::empty();
        for certificate in &ours {
            roots.add(certificate.clone()).ok()?;
        }
        Some(Self { usual: WebPkiServerVerifier::builder(Arc::new(roots)).build().ok()?, ours })
    }
}

impl ServerCertVerifier for OwnAuthority {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.usual.verify_server_cert(shown, between, name, ocsp, now);
        match judged {
            // Its time was looked at before; its name was not.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(why)))
                if format!("{why:?}").contains("CaUsedAsEndEntity") && self.ours.contains(&shown.clone()) =>
            {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, shown, signed)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, shown, signed)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// A client as kube makes it (`kube::client::ClientBuilder::try_from`), whose only difference is who is trusted; kube
/// has no place to say that. Without certificates of the kubeconfig, and through a proxy, it is kube's own.
///
/// # Errors
/// Where the client's certificate, or the name that the server shall have, cannot be used.
pub(crate) fn builder(config: Config) -> Result<ClientBuilder<Requests>, Error> {
    let ours =
        OwnAuthority::of(&config).filter(|_| config.proxy_url.is_none() && !config.accept_invalid_certs);
    let Some(ours) = ours else { return ClientBuilder::try_from(config) };
    let mut tls = config.rustls_client_config()?;
    tls.dangerous().set_certificate_verifier(Arc::new(ours));
    let mut secure = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = config.tls_server_name.clone().and_then(|name| ServerName::try_from(name).ok()) {
        secure = secure.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    let mut connector = TimeoutConnector::new(secure.enable_http1().wrap_connector(plain));
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let client = hyper_util::client::legacy::Builder::new(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client)
        .map_response_body(|body: DecompressionBody<Incoming>| {
            Box::new(body.map_err(BoxError::from)) as Box<DynBody>
        });
    Ok(ClientBuilder::new(service.boxed(), config.default_namespace))
}
