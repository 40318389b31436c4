//! Servers that misbehave on the wire, and count how often they could.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a request.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// The connection is reset once the request is read.
    Reset,
    /// Each HTTP/2 stream is refused.
    RefuseStreams,
}

/// A server, until dropped.
pub(crate) struct Rude {
    pub(crate) port: u16,
    asked: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<()>,
}

impl Rude {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counter = counter.clone();
                tokio::spawn(async move {
                    match manner {
                        Manner::Reset => reset(stream, &counter).await,
                        Manner::RefuseStreams => refuse(stream, &counter).await,
                    }
                });
            }
        });
        Self { port, asked, task }
    }

    /// How many requests came, since the last time this was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Rude {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reset(mut stream: TcpStream, asked: &AtomicU32) {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
    asked.fetch_add(1, Ordering::SeqCst);
    stream.set_zero_linger().expect("a socket option");
}

/// Just enough of HTTP/2: settings are confirmed, and each request gets RST_STREAM with REFUSED_STREAM.
async fn refuse(mut stream: TcpStream, asked: &AtomicU32) {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const CONFIRMED: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).await.is_err() || stream.write_all(&SETTINGS).await.is_err() {
        return;
    }
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            return;
        }
        let answer = match (head[3], head[4] & 1) {
            (4, 0) => CONFIRMED.to_vec(),
            (1, _) => {
                asked.fetch_add(1, Ordering::SeqCst);
                [[0, 0, 4, 3, 0].as_slice(), &head[5..9], &7_u32.to_be_bytes()].concat()
            }
            _ => continue,
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
