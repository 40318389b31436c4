//! Port-forward over SPDY: for every connection the client opens a stream for errors and one for data, with
//! the same request id.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinSet,
};

use super::{
    frames::{self, Frame},
    target::PodTarget,
};

/// A connection of which only one of the two streams is there.
#[derive(Default)]
struct Half {
    error: Option<u32>,
    data: Option<(u32, mpsc::Receiver<Bytes>)>,
}

/// What the reading side keeps.
struct Session {
    target: PodTarget,
    out: mpsc::Sender<Bytes>,
    halves: HashMap<String, Half>,
    /// Where the data of a stream goes.
    streams: HashMap<u32, mpsc::Sender<Bytes>>,
    headers: frames::Reader,
    replies: frames::Writer,
    running: JoinSet<()>,
    newest: u32,
}

/// Serves until the client hangs up.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite, target: PodTarget) {
    let (mut read, mut write) = tokio::io::split(stream);
    let (out, mut outgoing) = mpsc::channel::<Bytes>(64);
    let mut session = Session {
        target,
        out,
        halves: HashMap::new(),
        streams: HashMap::new(),
        headers: frames::Reader::new(),
        replies: frames::Writer::new(),
        running: JoinSet::new(),
        newest: 0,
    };
    let reading = async {
        loop {
            match frames::read(&mut read).await {
                Ok(Some(frame)) => {
                    if session.take(frame).await.is_none() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "a port-forward ended badly");
                    break;
                }
            }
        }
        // Fails when the client is gone, and then there is nobody to say it to.
        drop(session.out.send(frames::go_away(session.newest)).await);
        session.running.abort_all();
        drop(session);
    };
    let writing = async {
        while let Some(bytes) = outgoing.recv().await {
            if write.write_all(&bytes).await.is_err() {
                return;
            }
            // Whatever waits goes out together.
            if outgoing.is_empty() && write.flush().await.is_err() {
                return;
            }
        }
    };
    // The writer ends when nobody can send any more, which is when the reader and all connections are done.
    tokio::join!(reading, writing);
}

impl Session {
    /// Handles a frame; nothing when the session is over.
    async fn take(&mut self, frame: Frame) -> Option<()> {
        match frame {
            Frame::SynStream { stream, last, headers } => {
                self.newest = self.newest.max(stream);
                let headers = self.headers.read(&headers)?;
                let reply = self.replies.reply(stream)?;
                self.out.send(reply).await.ok()?;
                self.open(stream, last, &headers).await
            }
            Frame::Headers { headers } => self.headers.read(&headers).map(drop),
            Frame::Data { stream, last, bytes } => {
                if let Some(sender) = self.streams.get(&stream)
                    && !bytes.is_empty()
                    && sender.send(bytes).await.is_err()
                {
                    self.streams.remove(&stream);
                }
                if last {
                    self.streams.remove(&stream);
                }
                Some(())
            }
            Frame::Reset { stream } => {
                self.streams.remove(&stream);
                Some(())
            }
            // Even numbers are answers to pings of our own, of which there are none.
            Frame::Ping { id } if id % 2 == 1 => self.out.send(frames::ping(id)).await.ok(),
            Frame::Ping { .. } | Frame::Other => Some(()),
            Frame::GoAway => None,
        }
    }

    async fn open(&mut self, stream: u32, last: bool, headers: &HashMap<String, String>) -> Option<()> {
        let get = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        let port: Option<u16> = get("port").parse().ok();
        // The oldest clients send no request id and open the two streams one after the other.
        let id = match get("requestid") {
            "" => get("port").to_owned(),
            id => id.to_owned(),
        };
        let half = self.halves.entry(id.clone()).or_default();
        match (get("streamtype"), port) {
            ("error", Some(_)) => half.error = Some(stream),
            ("data", Some(_)) => {
                let (sender, receiver) = mpsc::channel(64);
                half.data = Some((stream, receiver));
                if !last {
                    self.streams.insert(stream, sender);
                }
            }
            _ => return self.out.send(frames::reset(stream)).await.ok(),
        }
        if let (Some(_), Some(_), Some(port)) = (half.error, half.data.as_ref(), port)
            && let Some(Half { error: Some(error), data: Some((data, receiver)) }) = self.halves.remove(&id)
        {
            while self.running.try_join_next().is_some() {}
            self.running.spawn(connection(
                self.target.clone(),
                port,
                error,
                data,
                receiver,
                self.out.clone(),
            ));
        }
        Some(())
    }
}

async fn connection(
    target: PodTarget,
    port: u16,
    error: u32,
    data: u32,
    mut receiver: mpsc::Receiver<Bytes>,
    out: mpsc::Sender<Bytes>,
) {
    let trouble = match target.connect(port).await {
        Ok(stream) => {
            let (mut read, mut write) = tokio::io::split(stream);
            let upload = async {
                while let Some(bytes) = receiver.recv().await {
                    if write.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                // The client said all it had; the application may still answer.
                if let Err(error) = write.shutdown().await {
                    tracing::debug!(%error, "the application hung up first");
                }
            };
            let download = async {
                let mut buffer = vec![0; 32 * 1024];
                while let Ok(count) = read.read(&mut buffer).await {
                    if count == 0 || out.send(frames::data(data, false, &buffer[..count])).await.is_err() {
                        return;
                    }
                }
            };
            tokio::pin!(upload, download);
            tokio::select! {
                () = &mut upload => download.await,
                () = &mut download => {}
            }
            None
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(words) = trouble {
        drop(out.send(frames::data(error, false, words.as_bytes())).await);
    }
    for stream in [error, data] {
        // Fails when the session is over, which closes the streams just as well.
        drop(out.send(frames::data(stream, true, &[])).await);
    }
}
