//! Port-forward, in the three ways that clients speak it: WebSocket channels (kube-rs), SPDY (older kubectl),
//! and SPDY inside a WebSocket (kubectl since 1.30).

mod channels;
mod dictionary;
mod frames;
mod session;
mod target;

use axum::extract::ws::{Message, WebSocket};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) use channels::serve as channels;
pub(crate) use session::serve as spdy;
pub(crate) use target::PodTarget;

/// SPDY frames carried in the binary messages of a WebSocket.
pub(crate) async fn spdy_over_websocket(socket: WebSocket, target: PodTarget) {
    let (inner, outer) = tokio::io::duplex(64 * 1024);
    let (mut read, mut write) = tokio::io::split(outer);
    let (mut sink, mut stream) = socket.split();
    let incoming = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) => {
                    if write.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Message::Close(_) => return,
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    };
    let outgoing = async {
        let mut buffer = vec![0; 32 * 1024];
        while let Ok(count) = read.read(&mut buffer).await {
            if count == 0
                || sink.send(Message::Binary(bytes::Bytes::copy_from_slice(&buffer[..count]))).await.is_err()
            {
                break;
            }
        }
        // The other side may be gone already.
        drop(sink.send(Message::Close(None)).await);
    };
    tokio::select! {
        () = incoming => {}
        ((), ()) = async { tokio::join!(spdy(inner, target), outgoing) } => {}
    }
}
