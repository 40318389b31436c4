//! Port-forward over WebSocket channels: for the i-th port, channel 2i carries data and 2i+1 errors; both
//! begin with the port's number.

use axum::extract::ws::{Message, WebSocket};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinSet,
};

use super::target::PodTarget;
use wire::Stream;

fn message(channel: u8, payload: &[u8]) -> Message {
    let mut bytes = BytesMut::with_capacity(payload.len() + 1);
    bytes.put_u8(channel);
    bytes.extend_from_slice(payload);
    Message::Binary(bytes.freeze())
}

/// Serves until the client hangs up or every port is done.
pub(crate) async fn serve(socket: WebSocket, target: PodTarget, ports: Vec<u16>) {
    let (mut sink, mut stream) = socket.split();
    let (out, mut outgoing) = mpsc::channel::<Message>(32);
    let mut writers: Vec<Option<mpsc::Sender<Bytes>>> = Vec::new();
    let mut running = JoinSet::new();
    for (index, port) in ports.iter().enumerate() {
        let Ok(channel) = u8::try_from(index * 2) else { break };
        for channel in [channel, channel + 1] {
            if sink.send(message(channel, &port.to_le_bytes())).await.is_err() {
                return;
            }
        }
        let (sender, receiver) = mpsc::channel(32);
        writers.push(Some(sender));
        running.spawn(one_port(target.clone(), *port, channel, receiver, out.clone()));
    }
    drop(out);
    loop {
        tokio::select! {
            given = outgoing.recv() => match given {
                Some(given) => if sink.send(given).await.is_err() { break },
                // Every port is done.
                None => break,
            },
            received = stream.next() => match received {
                Some(Ok(Message::Binary(mut bytes))) if !bytes.is_empty() => {
                    let channel = bytes.split_to(1)[0];
                    let writer = writers.get_mut(usize::from(channel / 2));
                    if channel % 2 == 0 && let Some(slot) = writer && let Some(writer) = slot
                        && writer.send(bytes).await.is_err()
                    {
                        *slot = None;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    // The client may have hung up first.
    drop(sink.send(Message::Close(None)).await);
}

async fn one_port(
    target: PodTarget,
    port: u16,
    channel: u8,
    receiver: mpsc::Receiver<Bytes>,
    out: mpsc::Sender<Message>,
) {
    match target.connect(port).await {
        Ok(stream) => {
            let (read, write) = tokio::io::split(stream);
            tokio::select! {
                () = upload(write, receiver) => {}
                () = download(read, channel, &out) => {}
            }
        }
        // Nobody may be left to hear it.
        Err(error) => drop(out.send(message(channel + 1, error.to_string().as_bytes())).await),
    }
}

async fn upload(mut write: WriteHalf<Stream>, mut receiver: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = receiver.recv().await {
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn download(mut read: ReadHalf<Stream>, channel: u8, out: &mpsc::Sender<Message>) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count) = read.read(&mut buffer).await {
        if count == 0 || out.send(message(channel, &buffer[..count])).await.is_err() {
            return;
        }
    }
}
