//! A server that sends more than anybody should read; what is no bomb it has from a real API server.

use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is sent: a start, then a part again and again.
#[derive(Clone, Default)]
pub(crate) struct Bomb {
    /// In the path of what asks for it.
    pub(crate) at: &'static str,
    /// Headers besides.
    pub(crate) headers: &'static str,
    pub(crate) start: Vec<u8>,
    pub(crate) part: Vec<u8>,
    /// How often the part comes: it should be some KB large.
    pub(crate) times: u64,
    /// Milliseconds between two parts.
    pub(crate) pause: u64,
    pub(crate) end: Vec<u8>,
}

/// A running server; it ends with the program.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    sent: AtomicU64,
    ended: AtomicU64,
}

/// A real API server: its URL and its token.
#[derive(Clone)]
pub(crate) struct Real {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) http: reqwest::blocking::Client,
}

impl Server {
    pub(crate) fn start(bombs: Vec<Bomb>, real: Option<Real>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let told = Arc::<Told>::default();
        let (bombs, counts) = (Arc::new(bombs), Arc::clone(&told));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (bombs, real, told) = (Arc::clone(&bombs), real.clone(), Arc::clone(&counts));
                // Whoever hangs up has read enough.
                std::thread::spawn(move || serve(client, &bombs, real, &told).ok());
            }
        });
        Ok(Self { address, told })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bytes of bombs that were taken so far, and how many bombs were read to their end or given up.
    pub(crate) fn told(&self) -> (u64, u64) {
        (self.told.sent.load(Ordering::SeqCst), self.told.ended.load(Ordering::SeqCst))
    }
}

fn serve(mut client: TcpStream, bombs: &[Bomb], real: Option<Real>, told: &Told) -> Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).context("no path")?.to_owned();
    if let Some(bomb) = bombs.iter().find(|bomb| path.contains(bomb.at)) {
        let sent = bomb.send(&mut client, told);
        told.ended.fetch_add(1, Ordering::SeqCst);
        return sent;
    }
    let Some(real) = real else {
        return Ok(
            client.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?
        );
    };
    let length = lines
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let method = lines.first().and_then(|line| line.split(' ').next()).unwrap_or("GET");
    let asked = real.http.request(method.parse()?, format!("{}{path}", real.url));
    let asked = asked.bearer_auth(&real.token).header("content-type", "application/json").body(body);
    let mut answer = asked.send()?;
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
        answer.status()
    );
    client.write_all(head.as_bytes())?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = answer.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        client.write_all(&chunk[..read])?;
    }
}

impl Bomb {
    fn send(&self, client: &mut TcpStream, told: &Told) -> Result<()> {
        let mut send = |bytes: &[u8]| -> Result<()> {
            client.write_all(bytes)?;
            told.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            Ok(())
        };
        send(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{}\r\n", self.headers).as_bytes())?;
        send(&self.start)?;
        for _ in 0..self.times {
            send(&self.part)?;
            if self.pause > 0 {
                harness::window::pause(self.pause);
            }
        }
        send(&self.end)
    }
}
