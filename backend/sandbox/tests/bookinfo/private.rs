//! Nobody but its own user, and no web page, gets at what steers a sandbox or tells of it.

use super::lives::{in_a_process_of_its_own, kill};
use kube::config::Kubeconfig;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody else on this machine.
const NOBODY: u32 = 65_534;

/// What a page asks, to read secrets or to end a proxy.
const QUESTIONS: [(&str, &str); 6] = [
    ("GET", "/"),
    ("GET", "/config_dump?include_eds"),
    ("POST", "/quitquitquit"),
    ("GET", "/debug/config_dump?proxyID=ratings"),
    ("GET", "/api/v1/query?query=up"),
    ("GET", "/api/traces?service=reviews.bookinfo"),
];

/// Ports at which these processes listen.
fn listening(processes: &[u32]) -> BTreeSet<u16> {
    let files =
        processes.iter().flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten());
    let links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    let inodes: BTreeSet<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[3] == "0A" && inodes.contains(row[9]))
        .map(|row| {
            let (ip, port) = row[1].split_once(':').unwrap();
            assert_eq!(ip, "0100007F", "all at 127.0.0.1");
            u16::from_str_radix(port, 16).unwrap()
        })
        .collect()
}

/// What one hears who asks at a port in plain HTTP, as another user where this one may become that.
fn heard(port: u16, (method, path): (&str, &str), headers: &str) -> String {
    let ask = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf '{method} {path} HTTP/1.1\\r\\n{headers}Content-Length: 0\\r\\nConnection: close\\r\\n\\r\\n' >&3; timeout 5 cat <&3"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &ask]).current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Every file, socket and folder in a folder.
fn all_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { all_in(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_users_and_foreign_pages_are_refused_at_every_port() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let (child, ready) = in_a_process_of_its_own().await;
    let text = |key: &str| ready[key].as_str().unwrap();
    let kubeconfig = Path::new(text("kubeconfig"));
    let folder = kubeconfig.parent().unwrap();

    // Files and sockets are the user's own.
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let all = all_in(folder);
    let open: Vec<_> = all.iter().filter(|path| mode(path) & 0o077 != 0).collect();
    assert!(open.is_empty(), "others may open {open:?}");
    let sockets = all.iter().filter(|path| std::fs::symlink_metadata(path).unwrap().file_type().is_socket());
    assert_eq!(sockets.count(), 6 + 4 * 7, "the sandbox's own and those of seven proxies: {all:?}");
    if is_root() {
        let look = Command::new("ls").arg(folder).uid(NOBODY).gid(NOBODY).output().unwrap();
        assert!(!look.status.success(), "another user looks into {}", folder.display());
    } else {
        println!("not root: that another user is refused by the folder's mode is not tried");
    }

    // What listens is an application's, or refuses.
    let us = child.id().unwrap();
    let envoys: Vec<u32> = super::lives::envoys_of(us).into_iter().map(|pid| pid as u32).collect();
    let ports = listening(&[&[us], &envoys[..]].concat());
    let doors = ["prometheus", "tracing", "istiod"].map(|key| {
        let (at, secret) = text(key).strip_prefix("http://127.0.0.1:").unwrap().split_once('/').unwrap();
        (at.parse::<u16>().unwrap(), secret.to_owned())
    });
    let api_port: u16 = text("apiserver").rsplit(':').next().unwrap().parse().unwrap();
    let config = Kubeconfig::read_from(kubeconfig).unwrap();
    let (token, http) = client(&config);
    let api = |path: &str| http.get(format!("{}{path}", text("apiserver")));
    let pods: Value = api("/api/v1/pods").bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    let applications = application_ports(&pods);
    let unknown: Vec<_> = ports
        .iter()
        .filter(|port| {
            **port != api_port && !applications.contains(port) && doors.iter().all(|(at, _)| at != *port)
        })
        .collect();
    assert!(unknown.is_empty(), "nobody knows what listens at {unknown:?}");
    let own = "Host: 127.0.0.1\r\n";
    for (port, _) in &doors {
        for question in QUESTIONS {
            let answer = heard(*port, question, own);
            assert!(answer.starts_with("HTTP/1.1 403"), "{port} {question:?}: {answer}");
        }
    }
    for (port, secret) in &doors {
        for headers in
            ["Host: rebound.example\r\n".to_owned(), format!("{own}Origin: http://evil.example\r\n")]
        {
            let answer = heard(*port, ("GET", &format!("/{secret}/metrics")), &headers);
            assert!(answer.starts_with("HTTP/1.1 403"), "{port} {headers}: {answer}");
        }
    }
    // Envoy's listeners and the applications themselves answer what applications answer.
    for port in &applications {
        for question in &QUESTIONS[1..4] {
            let answer = heard(*port, *question, &format!("{own}Origin: http://evil.example\r\n"));
            assert!(!answer.starts_with("HTTP/1.1 200"), "{port} {question:?}: {answer}");
        }
    }
    assert_eq!(super::lives::envoys_of(us).len(), envoys.len(), "all proxies still run");

    // The API takes its token, and only in this machine's name.
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    let secrets = || api("/api/v1/secrets");
    assert_eq!(status(secrets()).await, StatusCode::FORBIDDEN);
    assert_eq!(status(secrets().bearer_auth("guessed")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(secrets().bearer_auth(&token)).await, StatusCode::OK);
    for (name, value) in [("host", "rebound.example"), ("origin", "http://evil.example")] {
        assert_eq!(status(secrets().bearer_auth(&token).header(name, value)).await, StatusCode::FORBIDDEN);
        assert_eq!(status(api("/version").header(name, value)).await, StatusCode::FORBIDDEN);
    }
    assert!(!heard(api_port, QUESTIONS[0], own).contains("HTTP/"), "the API speaks TLS only");

    // The user's own tools still get everywhere.
    for (url, path) in
        [("prometheus", "/api/v1/query?query=up"), ("tracing", "/api/services"), ("istiod", "/debug/syncz")]
    {
        assert_eq!(status(http.get(format!("{}{path}", text(url)))).await, StatusCode::OK, "{url}");
    }
    let pod =
        pods["items"].as_array().unwrap().iter().find(|pod| pod["metadata"]["labels"]["app"] == "ratings");
    let name = pod.unwrap()["metadata"]["name"].as_str().unwrap();
    for (port, page) in [
        ("15000", "server_info"),
        ("15020", "healthz/ready"),
        ("15021", "healthz/ready"),
        ("15090", "stats/prometheus"),
    ] {
        let path = format!("/api/v1/namespaces/bookinfo/pods/{name}:{port}/proxy/{page}");
        assert_eq!(status(api(&path).bearer_auth(&token)).await, StatusCode::OK, "{path}");
    }
    kill(child, &ready).await;
}

/// The token of a kubeconfig, and a client that trusts its server.
fn client(config: &Kubeconfig) -> (String, Client) {
    use base64::Engine as _;
    let cluster = config.clusters[0].cluster.as_ref().unwrap();
    let pem = cluster.certificate_authority_data.as_ref().unwrap();
    let pem = base64::engine::general_purpose::STANDARD.decode(pem).unwrap();
    let certificate = reqwest::Certificate::from_pem(&pem).unwrap();
    let http = Client::builder().no_proxy().tls_certs_only([certificate]).build().unwrap();
    let user = config.auth_infos[0].auth_info.as_ref().unwrap();
    (serde_json::to_value(user).unwrap()["token"].as_str().unwrap().to_owned(), http)
}

/// The real ports of what runs in the pods.
fn application_ports(pods: &Value) -> BTreeSet<u16> {
    let maps = pods["items"].as_array().unwrap().iter().filter_map(|pod| {
        let text = pod["metadata"]["annotations"]["sandbox.binnacle.dev/ports"].as_str()?;
        serde_json::from_str::<Value>(text).unwrap().as_object().cloned()
    });
    let ports = maps.flat_map(|map| map.into_iter().filter_map(|(_, real)| real.as_u64()));
    ports.map(|port| u16::try_from(port).unwrap()).collect()
}
