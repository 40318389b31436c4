//! Bytes that are cut, changed, repeated.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

/// What often has a meaning.
const ODD: [&[u8]; 10] =
    [b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc3", b"\r\n", b"\\u", b"\\ud800", b"\"", b"{", b"\xe2\x80\xae"];

pub(crate) fn broken(mut bytes: Vec<u8>, random: &mut ChaCha8Rng) -> Vec<u8> {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 => bytes.truncate(at),
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            2 => drop(bytes.splice(at..at, ODD[random.random_range(0..ODD.len())].iter().copied())),
            3 => {
                let part = bytes[at..].iter().take(random.random_range(1..64)).copied().collect::<Vec<_>>();
                drop(bytes.splice(at..at, part));
            }
            _ => {
                let end = (at + random.random_range(1..64)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
        }
    }
    bytes
}
