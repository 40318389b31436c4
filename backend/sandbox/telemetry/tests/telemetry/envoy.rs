//! A real Envoy with a static configuration; it ends with the test.

use std::{net::SocketAddr, path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::http;

pub(crate) struct Envoy {
    admin: SocketAddr,
    _process: Child,
    _folder: tempfile::TempDir,
}

/// Where the tests find Envoy: `$BINNACLE_ENVOY`, the folder of tools, the path.
fn program() -> PathBuf {
    if let Some(told) = std::env::var_os("BINNACLE_ENVOY") {
        return told.into();
    }
    let installed = std::env::var_os("HOME")
        .map(|home| PathBuf::from(home).join(".cache/binnacle/tools/envoy-1.40.0/envoy"));
    installed.filter(|path| path.exists()).unwrap_or_else(|| "envoy".into())
}

impl Envoy {
    /// Starts Envoy with a bootstrap, which needs no admin section, and waits until it listens.
    pub(crate) async fn start(mut bootstrap: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, admin) = (folder.path().join("bootstrap.json"), folder.path().join("admin"));
        bootstrap["admin"] =
            serde_json::json!({"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}});
        std::fs::write(&config, bootstrap.to_string()).unwrap();
        let mut process = Command::new(program())
            .arg("-c")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin)
            .args(["--use-dynamic-base-id", "--concurrency", "1", "-l", "info"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Envoy 1.40 is found by $BINNACLE_ENVOY, in ~/.cache/binnacle/tools or in the path");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            said.push_str(&line);
            said.push('\n');
            if line.contains("starting main dispatch loop") {
                break;
            }
        }
        let _drained = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let read = std::fs::read_to_string(&admin).unwrap_or_else(|error| panic!("{error}: {said}"));
        Self { admin: read.trim().parse().unwrap(), _process: process, _folder: folder }
    }

    /// The real address of a listener.
    pub(crate) async fn listener(&self, name: &str) -> SocketAddr {
        let admin = self.admin;
        let found = http::until(
            "the listener",
            || http::get(admin, "/listeners?format=json"),
            |(_, answer)| port(answer, name).is_some(),
        )
        .await;
        SocketAddr::from(([127, 0, 0, 1], port(&found.1, name).unwrap()))
    }
}

fn port(listeners: &Value, name: &str) -> Option<u16> {
    let all = listeners["listener_statuses"].as_array()?;
    let listener = all.iter().find(|listener| listener["name"] == name)?;
    u16::try_from(listener["local_address"]["socket_address"]["port_value"].as_u64()?).ok()
}
