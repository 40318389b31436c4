use super::*;
use crate::kubeconfig::Kubeconfigs;

#[track_caller]
fn read(cluster: &str, user: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = format!(
        "clusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u, namespace: ''}}}}]\n"
    );
    std::fs::write(&file, text).unwrap();
    let files = Kubeconfigs::of(&[file]);
    let chosen = files.chosen("here", None).unwrap_or_else(|| panic!("{:?}", files.problems()));
    settings(&chosen, |_| None).map_err(|unusable| unusable.to_string())
}

#[test]
fn what_is_empty_is_not_set() {
    let cluster = "{server: 'http://a.example', certificate-authority-data: '', certificate-authority: '', \
                   insecure-skip-tls-verify: true, proxy-url: '', tls-server-name: ''}";
    let user = "{token: ' ', tokenFile: '', client-certificate-data: '', client-key-data: '', as: ''}";
    let config = read(cluster, user).unwrap();
    let info = config.auth_info;
    assert!(config.root_cert.is_none() && config.tls_server_name.is_none() && config.proxy_url.is_none());
    assert!(info.token.is_none() && info.token_file.is_none() && info.impersonate.is_none());
    assert!(info.client_certificate_data.is_none() && info.client_key_data.is_none());
    assert_eq!((config.default_namespace.as_str(), config.accept_invalid_certs), ("default", true));
}

#[test]
fn what_cannot_be_used_is_said_in_our_words() {
    let server = "server: 'https://a.example'";
    for (cluster, user, why) in [
        (
            "certificate-authority-data: '###'",
            "{}",
            "The certificate authority of its cluster (certificate-authority-data) is not base64",
        ),
        (
            "proxy-url: 'gopher://x'",
            "{}",
            "The proxy of its cluster is no URL of a proxy (http, https or socks5)",
        ),
        (
            "proxy-url: ''",
            "{client-certificate-data: QUJD}",
            "Its client certificate or key is there without the other",
        ),
        (
            "proxy-url: ''",
            "{client-certificate-data: QUJD, client-key-data: '%'}",
            "Its client certificate or key is not base64",
        ),
        (
            "proxy-url: ''",
            "{auth-provider: {name: azure}}",
            "Its login (auth-provider azure) is of a sort that is not known here",
        ),
    ] {
        let read = read(&format!("{{{server}, {cluster}}}"), user);
        assert_eq!(read.err().as_deref(), Some(why));
    }
}
