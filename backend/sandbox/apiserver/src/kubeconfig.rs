//! The kubeconfig that leads to a server.

use base64::Engine as _;

/// A kubeconfig with one context, everything embedded.
pub(crate) fn render(context: &str, url: &str, ca_pem: &str, token: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(ca_pem);
    // JSON strings are YAML strings.
    let name = serde_json::Value::from(context);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters:\n- name: {name}\n  cluster:\n    \
            server: {url}\n    \
         certificate-authority-data: {ca}\nusers:\n- name: {name}\n  user:\n    token: {token}\ncontexts:\n- \
         name: {name}\n  \
         context:\n    cluster: {name}\n    user: {name}\n    namespace: default\n"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_yaml() {
        let text = super::render("a: \"b\"", "https://127.0.0.1:1", "PEM", "t");
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(value["current-context"], "a: \"b\"");
        assert_eq!(value["contexts"][0]["context"]["cluster"], "a: \"b\"");
        assert_eq!(value["clusters"][0]["cluster"]["certificate-authority-data"], "UEVN");
    }
}
