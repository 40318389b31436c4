//! SPDY/3.1 frames: what is on the wire, and the compressed headers in it.

use std::collections::HashMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::dictionary::dictionary;

/// A frame as it arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Data {
        stream: u32,
        last: bool,
        bytes: Bytes,
    },
    SynStream {
        stream: u32,
        last: bool,
        headers: Bytes,
    },
    Headers {
        headers: Bytes,
    },
    Reset {
        stream: u32,
    },
    Ping {
        id: u32,
    },
    GoAway,
    /// Settings, window updates and replies, which a server of port-forwards has no use for.
    Other,
}

/// Frames larger than this come from no honest client.
const LARGEST: usize = 4 * 1024 * 1024;

/// Reads the next frame; nothing when the connection is over.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Frame>> {
    let mut head = [0; 8];
    match from.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let second = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let (flags, length) = (head[4], (second & 0x00FF_FFFF) as usize);
    if length > LARGEST {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a SPDY frame is too large"));
    }
    let mut payload = BytesMut::zeroed(length);
    from.read_exact(&mut payload).await?;
    let payload = payload.freeze();
    let last = flags & 1 != 0;
    if first >> 31 == 0 {
        return Ok(Some(Frame::Data { stream: first, last, bytes: payload }));
    }
    let number = |at: usize| {
        payload.get(at..at + 4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
    };
    let short = || std::io::Error::new(std::io::ErrorKind::InvalidData, "a SPDY frame is too short");
    Ok(Some(match first & 0xFFFF {
        1 if payload.len() >= 10 => Frame::SynStream {
            stream: number(0).ok_or_else(short)? & 0x7FFF_FFFF,
            last,
            headers: payload.slice(10..),
        },
        3 => Frame::Reset { stream: number(0).ok_or_else(short)? & 0x7FFF_FFFF },
        6 => Frame::Ping { id: number(0).ok_or_else(short)? },
        7 => Frame::GoAway,
        8 if payload.len() >= 4 => Frame::Headers { headers: payload.slice(4..) },
        1 | 8 => return Err(short()),
        _ => Frame::Other,
    }))
}

fn control(kind: u16, flags: u8, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(8 + payload.len());
    bytes.put_u16(0x8003);
    bytes.put_u16(kind);
    bytes.put_u32((u32::from(flags) << 24) | length(payload));
    bytes.extend_from_slice(payload);
    bytes.freeze()
}

fn length(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).unwrap_or(0) & 0x00FF_FFFF
}

/// Data of a stream; an empty last frame closes our half.
pub(super) fn data(stream: u32, last: bool, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(8 + payload.len());
    bytes.put_u32(stream);
    bytes.put_u32((u32::from(last) << 24) | length(payload));
    bytes.extend_from_slice(payload);
    bytes.freeze()
}

/// The answer to a ping.
pub(super) fn ping(id: u32) -> Bytes {
    control(6, 0, &id.to_be_bytes())
}

/// Refuses a stream.
pub(super) fn reset(stream: u32) -> Bytes {
    control(3, 0, &[stream.to_be_bytes(), 3_u32.to_be_bytes()].concat())
}

/// The end of the session.
pub(super) fn go_away(last_stream: u32) -> Bytes {
    control(7, 0, &[last_stream.to_be_bytes(), 0_u32.to_be_bytes()].concat())
}

/// The headers of one direction share one compression window.
pub(super) struct Reader(Decompress);

impl Reader {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// The names (in lower case) and values of a header block.
    pub(super) fn read(&mut self, block: &[u8]) -> Option<HashMap<String, String>> {
        let mut plain = Vec::with_capacity(4096);
        let mut rest = block;
        loop {
            let before = self.0.total_in();
            let outcome = self.0.decompress_vec(rest, &mut plain, FlushDecompress::Sync);
            let consumed = usize::try_from(self.0.total_in() - before).ok()?;
            rest = rest.get(consumed..)?;
            match outcome {
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0.set_dictionary(&dictionary()).ok()?;
                }
                Err(_) => return None,
                Ok(_) if plain.len() == plain.capacity() && plain.len() < LARGEST => {
                    plain.reserve(plain.len().max(4096));
                }
                Ok(_) => break,
            }
        }
        pairs(&plain)
    }
}

fn pairs(plain: &[u8]) -> Option<HashMap<String, String>> {
    let mut rest = plain;
    let number = |rest: &mut &[u8]| {
        let (four, tail) = rest.split_first_chunk::<4>()?;
        *rest = tail;
        usize::try_from(u32::from_be_bytes(*four)).ok()
    };
    let count = number(&mut rest)?;
    let mut headers = HashMap::new();
    for _ in 0..count {
        let mut texts = [String::new(), String::new()];
        for text in &mut texts {
            let length = number(&mut rest)?;
            *text = String::from_utf8_lossy(rest.get(..length)?).into_owned();
            rest = rest.get(length..)?;
        }
        let [name, value] = texts;
        headers.insert(name.to_ascii_lowercase(), value);
    }
    Some(headers)
}

/// Writes headers; there are none to say, but even an empty block is compressed.
pub(super) struct Writer(Compress);

impl Writer {
    pub(super) fn new() -> Self {
        let mut compress = Compress::new(Compression::default(), true);
        if let Err(error) = compress.set_dictionary(&dictionary()) {
            tracing::error!(%error, "the SPDY dictionary is not accepted");
        }
        Self(compress)
    }

    /// Accepts a stream.
    pub(super) fn reply(&mut self, stream: u32) -> Option<Bytes> {
        let mut block = Vec::with_capacity(256);
        self.0.compress_vec(&0_u32.to_be_bytes(), &mut block, FlushCompress::Sync).ok()?;
        Some(control(2, 0, &[stream.to_be_bytes().as_slice(), &block].concat()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flate2::{Compress, Compression, FlushCompress};
    use rand::{Rng as _, SeedableRng as _};

    use super::{Frame, Reader, Writer, data, ping, read};
    use crate::tunnel::dictionary::dictionary;

    /// Headers as a client writes them, several blocks in one compression window.
    fn block(compress: &mut Compress, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = u32::try_from(headers.len()).unwrap().to_be_bytes().to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
            plain.extend_from_slice(text.as_bytes());
        }
        let mut packed = Vec::with_capacity(64 * 1024);
        compress.compress_vec(&plain, &mut packed, FlushCompress::Sync).unwrap();
        packed
    }

    #[test]
    fn headers_of_one_connection_share_a_window() {
        let mut compress = Compress::new(Compression::default(), true);
        compress.set_dictionary(&dictionary()).unwrap();
        let mut reader = Reader::new();
        let long = "x".repeat(20_000);
        for value in ["80", "81", long.as_str()] {
            let headers =
                reader.read(&block(&mut compress, &[("streamType", "data"), ("port", value)])).unwrap();
            assert_eq!((headers["streamtype"].as_str(), headers["port"].as_str()), ("data", value));
        }
        assert!(reader.read(&[1, 2, 3]).is_none());
    }

    #[tokio::test]
    async fn frames_come_back_as_they_went() {
        let wire = [data(5, true, b"hello"), ping(7), Writer::new().reply(3).unwrap()].concat();
        let mut from = wire.as_slice();
        let first = read(&mut from).await.unwrap().unwrap();
        assert_eq!(first, Frame::Data { stream: 5, last: true, bytes: Bytes::from_static(b"hello") });
        assert_eq!(read(&mut from).await.unwrap().unwrap(), Frame::Ping { id: 7 });
        assert_eq!(read(&mut from).await.unwrap().unwrap(), Frame::Other);
        assert_eq!(read(&mut from).await.unwrap(), None);
    }

    #[tokio::test]
    async fn nonsense_is_an_error_and_no_panic() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        for _ in 0..2000 {
            let mut bytes: Vec<u8> = (0..rng.random_range(0..64)).map(|_| rng.random()).collect();
            if rng.random() && bytes.len() > 8 {
                // Often a control frame of a known type and the right length, so that its inside is read.
                let length = u8::try_from(bytes.len() - 8).unwrap();
                bytes[..8].copy_from_slice(&[0x80, 3, 0, rng.random_range(0..10), 0, 0, 0, length]);
            }
            let mut from = bytes.as_slice();
            while let Ok(Some(frame)) = read(&mut from).await {
                if let Frame::SynStream { headers, .. } | Frame::Headers { headers } = frame {
                    drop(Reader::new().read(&headers));
                }
            }
            drop(crate::protobuf::to_json(&[b"k8s\0", bytes.as_slice()].concat()));
        }
    }
}
