//! For tests: a server over plain HTTP whose answers end where the test wants, and a Kubernetes API of a few
//! lines behind it.

use kube::Client;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What was asked.
pub(crate) struct Asked {
    /// "GET /version?x".
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What is answered: these bytes, and then this.
pub(crate) struct Reply(pub(crate) Vec<u8>, pub(crate) Then);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    Close,
    /// The connection is reset: what was not read yet is lost.
    Reset,
    /// Nothing more, and no end.
    Hang,
}

/// A server; it ends when it is dropped.
pub(crate) struct Mock {
    pub(crate) url: String,
    _task: AbortOnDropHandle<()>,
}

impl Mock {
    pub(crate) async fn start(answer: impl Fn(Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move { talk(stream, &*answer).await });
            }
        };
        Self { url, _task: AbortOnDropHandle::new(tokio::spawn(serve)) }
    }

    pub(crate) fn client(&self) -> Client {
        crate::install_crypto();
        let mut config = kube::Config::new(self.url.parse().unwrap());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }
}

/// One question, one answer.
async fn talk(mut stream: TcpStream, answer: &(impl Fn(Asked) -> Reply + Sync)) {
    let mut read = Vec::new();
    let head = loop {
        let Ok(byte) = stream.read_u8().await else { return };
        read.push(byte);
        if read.ends_with(b"\r\n\r\n") {
            break String::from_utf8_lossy(&read).into_owned();
        }
    };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let Reply(bytes, then) = answer(Asked { line, head, body });
    stream.write_all(&bytes).await.ok();
    match then {
        Then::Close => {
            stream.shutdown().await.ok();
        }
        Then::Reset => stream.set_zero_linger().unwrap(),
        Then::Hang => std::future::pending().await,
    }
}

/// An answer as bytes.
pub(crate) fn http(status: u16, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn http_json(status: u16, body: &Value) -> Vec<u8> {
    http(status, "application/json", body.to_string().as_bytes())
}

fn status(code: u16, reason: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code })
}

/// What becomes of the next write of objects of a kind.
pub(crate) struct Trouble {
    /// The method, and a part of the path: "POST", "virtualservices".
    pub(crate) at: (&'static str, &'static str),
    /// Whether it is carried out.
    pub(crate) done: bool,
    pub(crate) how: How,
    /// So many connections afterwards end without an answer.
    pub(crate) away: usize,
}

pub(crate) enum How {
    /// The answer ends after so many bytes.
    Ends(usize, Then),
    /// This answer comes instead.
    Says(Vec<u8>),
    /// Something on the way sends it twice; the second answer comes.
    Twice,
}

/// Objects by their paths.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) all: BTreeMap<String, Value>,
    pub(crate) trouble: Option<Trouble>,
    /// What was asked, in order.
    pub(crate) asked: Vec<String>,
    pub(crate) away: usize,
}

pub(crate) type Shared = Arc<Mutex<Objects>>;

/// A server of these objects.
pub(crate) async fn kubernetes(objects: &Shared) -> Mock {
    let objects = Arc::clone(objects);
    Mock::start(move |asked| objects.lock().reply(&asked)).await
}

impl Objects {
    fn reply(&mut self, asked: &Asked) -> Reply {
        if self.away > 0 {
            self.away -= 1;
            return Reply(Vec::new(), Then::Close);
        }
        self.asked.push(asked.line.clone());
        let fits =
            |trouble: &mut Trouble| asked.line.starts_with(trouble.at.0) && asked.line.contains(trouble.at.1);
        match self.trouble.take_if(fits) {
            None => Reply(self.carry_out(asked), Then::Close),
            Some(Trouble { done, how, away, .. }) => {
                self.away = away;
                let answer = if done { self.carry_out(asked) } else { Vec::new() };
                match how {
                    How::Ends(at, then) => Reply(answer[..at.min(answer.len())].to_vec(), then),
                    How::Says(bytes) => Reply(bytes, Then::Close),
                    How::Twice => Reply(self.carry_out(asked), Then::Close),
                }
            }
        }
    }

    fn carry_out(&mut self, asked: &Asked) -> Vec<u8> {
        let (method, path) = asked.line.split_once(' ').unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        match method {
            "POST" => {
                let path = format!("{path}/{}", asked.body["metadata"]["name"].as_str().unwrap_or_default());
                if self.all.contains_key(&path) {
                    return http_json(409, &status(409, "AlreadyExists"));
                }
                self.store(path, asked.body.clone())
            }
            "PATCH" => {
                let Some(mut object) = self.all.get(&path).cloned() else {
                    return http_json(404, &status(404, "NotFound"));
                };
                let patch: json_patch::Patch = serde_json::from_value(asked.body.clone()).unwrap();
                if json_patch::patch(&mut object, &patch).is_err() {
                    return http_json(422, &status(422, "Invalid"));
                }
                self.store(path, object)
            }
            "DELETE" => match self.all.remove(&path) {
                Some(_) => http_json(200, &json!({ "kind": "Status", "status": "Success" })),
                None => http_json(404, &status(404, "NotFound")),
            },
            _ => match self.all.get(&path) {
                Some(object) => http_json(200, object),
                None => http_json(404, &status(404, "NotFound")),
            },
        }
    }
    fn store(&mut self, path: String, mut object: Value) -> Vec<u8> {
        object["metadata"]["resourceVersion"] = (self.asked.len() + 100).to_string().into();
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = path.as_str().into();
        }
        object["metadata"]["managedFields"] =
            json!([{ "manager": "binnacle", "time": "2026-02-03T04:05:06Z" }]);
        self.all.insert(path, object.clone());
        http_json(200, &object)
    }
}

/// So many zeros, packed: some 160 times smaller than they are.
pub(crate) fn packed_zeros(count: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut bits, mut filled) = (0_u32, 0_u32);
    let mut put = |code: u32, length: u32| {
        bits |= code << filled;
        filled += length;
        while filled >= 8 {
            bytes.push((bits & 0xff) as u8);
            (bits, filled) = (bits >> 8, filled - 8);
        }
    };
    // One block of fixed codes; they stand in it from their highest bit on. A zero, then "258 times the byte
    // before".
    put(0b011, 3);
    put(0b0000_1100, 8);
    for _ in 0..count / 258 {
        put(0b1010_0011, 8);
        put(0, 5);
    }
    put(0, 14);
    bytes
}

/// An answer that is small on the wire and larger than anybody reads.
pub(crate) fn bomb() -> Vec<u8> {
    let packed = packed_zeros(300 << 20);
    let head = format!(
        "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        packed.len()
    );
    [head.as_bytes(), &packed].concat()
}
