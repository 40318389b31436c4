//! A kubeconfig full of planted secrets that lead to a sandbox, and a proxy that asks for a password.

use crate::mesh::Sandbox;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::planted::Planted;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// Stands in a VirtualService, of which the journal keeps the spec: what is pushed can be undone.
pub(crate) const IN_ROUTE: &str = "header in a route";

/// What is planted besides the sandbox's own token and a client's key.
const PLANTED: [(&str, &str); 14] = [
    ("wrong token", "planted01WrongToken"),
    ("token with a line break", "planted02BrokenToken"),
    ("token in bad YAML", "planted03YamlToken"),
    ("password of the proxy", "planted04ProxyPassword"),
    ("password of the outer proxy", "planted05OuterPassword"),
    ("password of a user", "planted06UserPassword"),
    ("password of a URL", "planted07UrlPassword"),
    ("Authorization", "planted08Authorization"),
    ("nonsense of a plugin", "planted09PluginOutput"),
    ("variable of a plugin", "planted10PluginVariable"),
    ("bad key", "planted11BadClientKey"),
    ("Secret object", "planted12SecretObject"),
    ("JWT", "planted13SignatureOfJwt"),
    (IN_ROUTE, "planted14HeaderOfARoute"),
];

pub(crate) struct World {
    pub(crate) secrets: Vec<Planted>,
    pub(crate) kubeconfig: PathBuf,
    /// For programs: what they write there is searched.
    pub(crate) temporary: TempDir,
    proxied: Arc<AtomicBool>,
    _folder: TempDir,
}

impl World {
    pub(crate) fn of(sandbox: &Sandbox) -> Result<Self> {
        let (folder, temporary) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let mut secrets: Vec<_> = PLANTED.map(|(name, text)| Planted::new(name, text)).into();
        let own = sandbox.kubectl(&["config", "view", "--raw", "-o", "json"])?;
        let own: Value = serde_json::from_str(&own)?;
        let token = own["users"][0]["user"]["token"].as_str().context("no token")?;
        secrets.push(Planted::new("token", token));
        let key = rcgen::KeyPair::generate()?;
        let pem = key.serialize_pem();
        secrets.push(Planted::new("client key", pem.lines().nth(1).context("no key")?));
        let certificate = rcgen::CertificateParams::new(vec!["ann".to_owned()])?.self_signed(&key)?.pem();
        let secret = format!("--from-literal=password={}", PLANTED[11].1);
        sandbox.kubectl(&["create", "secret", "generic", "planted", "-n", "bookinfo", &secret])?;
        let header = json!({ "request": { "set": { "authorization": format!("Basic {}", PLANTED[13].1) } } });
        let patch = json!([{ "op": "add", "path": "/spec/http/0/headers", "value": header }]).to_string();
        sandbox.kubectl(&["patch", "vs", "reviews", "-n", "bookinfo", "--type=json", "-p", &patch])?;

        let proxied = Arc::default();
        let proxy = proxy(format!("ann:{}", PLANTED[3].1), Arc::clone(&proxied))?;
        let good = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {
            "token": token, "clientCertificateData": certificate, "clientKeyData": pem } });
        let file = folder.path().join("token");
        std::fs::write(&file, token)?;
        let plugin = |name: &str, output: &str| -> Result<Value> {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\ncat <<'END'\n{output}\nEND\n"))?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
            let env = json!([{ "name": "PLANTED", "value": PLANTED[9].1 }]);
            let api = "client.authentication.k8s.io/v1";
            Ok(
                json!({ "exec": { "apiVersion": api, "command": path, "env": env, "interactiveMode": "Never" } }),
            )
        };
        let identity = |key: &str| {
            json!({ "client-certificate-data": STANDARD.encode(&certificate),
            "client-key-data": STANDARD.encode(key), "token": token })
        };
        let by_proxy = |password: &str| Some(format!("http://ann:{password}@{proxy}"));
        let bad_key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", PLANTED[10].1);
        let far = Some("https://kubernetes.example:6443");
        let contexts = [
            ("by token", json!({ "token": token }), by_proxy(PLANTED[3].1), None),
            ("by certificate", identity(&pem), None, None),
            ("by plugin", plugin("good", &good.to_string())?, by_proxy(PLANTED[3].1), None),
            ("by file", json!({ "tokenFile": file }), None, None),
            ("bad key", identity(&bad_key), None, None),
            ("bad token", json!({ "token": format!("{}\nb", PLANTED[1].1) }), None, None),
            ("wrong token", json!({ "token": PLANTED[0].1 }), None, None),
            ("refused by the proxy", json!({ "token": token }), by_proxy(PLANTED[4].1), None),
            ("behind the outer proxy", json!({ "token": token }), None, far),
            ("nonsense of a plugin", plugin("bad", PLANTED[8].1)?, None, None),
            ("by password", json!({ "username": "ann", "password": PLANTED[5].1 }), None, None),
        ];
        let mut config =
            json!({ "apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": [] });
        let mut add = |list: &str, entry: Value| config[list].as_array_mut().map(|list| list.push(entry));
        for (name, user, proxy, server) in contexts {
            let mut cluster = own["clusters"][0]["cluster"].clone();
            if let Some(proxy) = proxy {
                cluster["proxy-url"] = proxy.into();
            }
            if let Some(server) = server {
                cluster["server"] = server.into();
            }
            add("clusters", json!({ "name": name, "cluster": cluster }));
            add("users", json!({ "name": name, "user": user }));
            add("contexts", json!({ "name": name, "context": { "cluster": name, "user": name } }));
        }
        let kubeconfig = folder.path().join("config");
        // JSON is YAML.
        std::fs::write(&kubeconfig, config.to_string())?;
        Ok(Self { secrets, kubeconfig, temporary, proxied, _folder: folder })
    }

    pub(crate) fn secret(&self, name: &str) -> Result<&str> {
        let found = self.secrets.iter().find(|secret| secret.name == name);
        found.map(|secret| &*secret.text).with_context(|| format!("{name} is not planted"))
    }

    /// A header as the command line takes it.
    pub(crate) fn authorization(&self) -> Result<String> {
        Ok(format!("Authorization: Bearer {}", self.secret("Authorization")?))
    }

    /// Whether somebody came by the proxy with its password.
    pub(crate) fn proxied(&self) -> bool {
        self.proxied.load(Ordering::SeqCst)
    }
}

/// A token as a browser's user copies it.
pub(crate) fn jwt(world: &World) -> Result<String> {
    Ok(format!("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.{}", world.secret("JWT")?))
}

/// A proxy (CONNECT) for whoever knows this name and password.
fn proxy(known: String, proxied: Arc<AtomicBool>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let wanted = format!("basic {}", STANDARD.encode(known)).to_lowercase();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (wanted, proxied) = (wanted.clone(), Arc::clone(&proxied));
            // Whoever hangs up early has seen enough.
            std::thread::spawn(move || serve(client, &wanted, &proxied).ok());
        }
    });
    Ok(address)
}

fn serve(mut client: TcpStream, wanted: &str, proxied: &AtomicBool) -> Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut to, mut allowed) = (String::new(), false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("CONNECT ") {
            to = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        let header =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
        allowed |= header.is_some_and(|(_, value)| value.trim().to_lowercase() == wanted);
    }
    if !allowed {
        client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")?;
        return Ok(());
    }
    proxied.store(true, Ordering::SeqCst);
    let mut server = TcpStream::connect(to)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut down, mut up) = (server.try_clone()?, client.try_clone()?);
    let back = std::thread::spawn(move || {
        let copied = std::io::copy(&mut down, &mut up);
        up.shutdown(std::net::Shutdown::Write).and(copied)
    });
    std::io::copy(&mut reader, &mut server)?;
    server.shutdown(std::net::Shutdown::Write)?;
    drop(back.join());
    Ok(())
}
