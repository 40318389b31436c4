//! A real Prometheus over given samples, on the loopback address; it ends with the test.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::Value as Json;

use super::When;

pub(super) struct Prometheus {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Makes blocks of the OpenMetrics text and starts a server on them.
    pub(super) fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (metrics, data, config) =
            (folder.path().join("metrics"), folder.path().join("data"), folder.path().join("config.yml"));
        std::fs::write(&metrics, text).unwrap();
        std::fs::write(&config, "global: {}\n").unwrap();
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&metrics, &data])
            .output()
            .expect("promtool of Debian's package prometheus is installed");
        assert!(made.status.success(), "promtool: {}", String::from_utf8_lossy(&made.stderr));
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .args(["--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:0"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("prometheus is installed");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        // The two lines come in either order.
        let (mut address, mut ready) = (None, false);
        while address.is_none() || !ready {
            let line = lines.next().expect("it starts").unwrap();
            if let Some((_, rest)) = line.split_once("msg=\"Listening on\" address=") {
                address = Some(rest.trim().to_owned());
            }
            ready |= line.contains("Server is ready to receive web requests");
        }
        // It must not block on a full pipe later.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: address.expect("it says where it listens"), _folder: folder }
    }

    pub(super) fn ask(&self, query: &str, when: When) -> Json {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let query = encoded(query);
        let path = match when {
            When::At(at) => format!("/api/v1/query?query={query}&time={}", seconds(at)),
            When::Range(start, end, step) => {
                format!(
                    "/api/v1/query_range?query={query}&start={}&end={}&step={}",
                    seconds(start),
                    seconds(end),
                    seconds(step)
                )
            }
        };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // With HTTP/1.0 the answer comes in one piece and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
