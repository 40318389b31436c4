//! What a context says, as settings of a connection: client-go's rules, in which an empty field is one that
//! is not set.

use crate::kubeconfig::Chosen;
use crate::proxy;
use crate::usable::{Unusable, usable};
use base64::Engine as _;
use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::fs;

/// The settings of a context, if it can be used. The login is still as the kubeconfig tells it.
pub(crate) fn settings(
    chosen: &Chosen<'_>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Config, Unusable> {
    usable(chosen)?;
    let (Some(context), Some(cluster)) = (chosen.context, chosen.cluster.and_then(|entry| entry.value))
    else {
        return Err(Unusable::Empty);
    };
    let server = cluster.server.clone().unwrap_or_default();
    let url: Uri = server.parse().map_err(|_invalid| Unusable::BadServer(context.cluster.clone()))?;
    let mut config = Config::new(url);
    if let Some(namespace) = set(context.namespace.as_ref()) {
        config.default_namespace.clone_from(namespace);
    }
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = set(cluster.tls_server_name.as_ref()).cloned();
    config.root_cert = authority(cluster)?;
    config.proxy_url = proxy::proxy(cluster.proxy_url.as_deref(), &server, variable)?;
    if let Some(info) = chosen.login.and_then(|entry| entry.value) {
        config.auth_info = login(info, cluster)?;
    }
    Ok(config)
}

fn set(field: Option<&String>) -> Option<&String> {
    field.filter(|text| !text.is_empty())
}

/// The certificates of the authority; data comes before a file.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Unusable> {
    let pem = if let Some(data) = set(cluster.certificate_authority_data.as_ref()) {
        decoded(data).ok_or(Unusable::BadAuthority("(certificate-authority-data) is not base64"))?
    } else if let Some(file) = set(cluster.certificate_authority.as_ref()) {
        fs::read(file).map_err(|_error| Unusable::BadAuthority("(certificate-authority) cannot be read"))?
    } else {
        return Ok(None);
    };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    // One without a sound certificate trusts nobody; that is told once the login is done, as kubectl does.
    Ok(Some(read.unwrap_or_default().into_iter().map(|one| one.as_ref().to_vec()).collect()))
}

fn decoded(data: &str) -> Option<Vec<u8>> {
    let data: String = data.chars().filter(|sign| !sign.is_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

/// The login with nothing set that is empty, as far as it can be judged before it is used.
fn login(info: &AuthInfo, cluster: &Cluster) -> Result<AuthInfo, Unusable> {
    let (before, mut info) = (info, info.clone());
    for field in [
        &mut info.username,
        &mut info.token_file,
        &mut info.client_certificate,
        &mut info.client_certificate_data,
        &mut info.client_key,
        &mut info.impersonate,
        &mut info.impersonate_uid,
    ] {
        field.take_if(|text| text.is_empty());
    }
    info.token.take_if(|_| secret(before, "token").is_none());
    info.client_key_data.take_if(|_| secret(before, "client-key-data").is_none());
    let data = [info.client_certificate_data.clone(), secret(&info, "client-key-data")];
    if data.iter().flatten().any(|data| decoded(data).is_none()) {
        return Err(Unusable::BadIdentity("is not base64"));
    }
    let certificate = info.client_certificate.is_some() || info.client_certificate_data.is_some();
    let key = info.client_key.is_some() || info.client_key_data.is_some();
    if certificate != key {
        return Err(Unusable::BadIdentity("is there without the other"));
    }
    if let Some(provider) = info.auth_provider.as_ref().filter(|told| !matches!(&*told.name, "oidc" | "gcp"))
    {
        return Err(Unusable::Provider(provider.name.clone()));
    }
    if let Some(exec) = info.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = ExecAuthCluster::try_from(cluster).ok();
    }
    Ok(info)
}

/// A secret of a login that is set. Only writing the login tells it.
pub(crate) fn secret(info: &AuthInfo, field: &str) -> Option<String> {
    let mut written = serde_json::to_value(info).ok()?;
    match written.get_mut(field)?.take() {
        serde_json::Value::String(text) if !text.trim().is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
