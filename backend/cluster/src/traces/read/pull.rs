//! A file, read piece by piece: what is asked for next is all of it that is in memory.

use super::Unknown;
use serde_json::value::RawValue;
use std::io::{self, Read};

/// So much is read at once.
const PIECE: usize = 1 << 17;

/// A stream of JSON, or of what is before one knows.
pub(super) struct Pull<'a> {
    source: &'a mut dyn Read,
    /// Why a read failed.
    why: fn(io::Error) -> Unknown,
    buffer: Vec<u8>,
    at: usize,
    /// Lines that are not in the buffer any more.
    lines: usize,
}

impl<'a> Pull<'a> {
    pub(super) fn new(source: &'a mut dyn Read, why: fn(io::Error) -> Unknown) -> Self {
        Self { source, why, buffer: Vec::new(), at: 0, lines: 0 }
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> Result<bool, Unknown> {
        if self.at > 0 {
            self.lines += newlines(&self.buffer[..self.at]);
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let before = self.buffer.len();
        let piece = u64::try_from(PIECE).unwrap_or(u64::MAX);
        self.source.take(piece).read_to_end(&mut self.buffer).map_err(self.why)?;
        Ok(self.buffer.len() > before)
    }

    fn wrong(&self) -> Unknown {
        Unknown::NotJson(1 + self.lines + newlines(&self.buffer[..self.at]))
    }

    /// Leaves this out, if it comes next.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> Result<(), Unknown> {
        while self.buffer.len() - self.at < bytes.len() && self.fill()? {}
        if self.buffer[self.at..].starts_with(bytes) {
            self.at += bytes.len();
        }
        Ok(())
    }

    /// The next sign that is no space; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Unknown> {
        loop {
            let rest = &self.buffer[self.at..];
            match rest.iter().position(|sign| !sign.is_ascii_whitespace()) {
                Some(spaces) => {
                    self.at += spaces;
                    return Ok(self.buffer.get(self.at).copied());
                }
                None => self.at = self.buffer.len(),
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, sign: u8) -> Result<(), Unknown> {
        match self.peek()? {
            Some(next) if next == sign => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.wrong()),
            None => Err(Unknown::CutOff),
        }
    }

    /// So many bytes as they are; `None` when it ends before.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Option<Vec<u8>>, Unknown> {
        while self.buffer.len() - self.at < count {
            if !self.fill()? {
                return Ok(None);
            }
        }
        let bytes = self.buffer[self.at..self.at + count].to_vec();
        self.at += count;
        Ok(Some(bytes))
    }

    /// Whether it holds what text does not: the first piece tells.
    pub(super) fn is_binary(&mut self) -> Result<bool, Unknown> {
        self.ended()?;
        Ok(self.buffer[self.at..].iter().any(|sign| sign.is_ascii_control() && !sign.is_ascii_whitespace()))
    }

    /// Whether nothing follows.
    pub(super) fn ended(&mut self) -> Result<bool, Unknown> {
        Ok(self.at == self.buffer.len() && !self.fill()?)
    }

    /// The next value as it is written. Whether that is JSON is known only as far as its brackets tell.
    pub(super) fn value(&mut self) -> Result<String, Unknown> {
        let Some(first) = self.peek()? else { return Err(Unknown::CutOff) };
        let plain = !matches!(first, b'{' | b'[' | b'"');
        let mut extent = Extent { plain, ..Extent::default() };
        let mut length = 0;
        loop {
            let rest = &self.buffer[self.at + length..];
            if let Some(more) = extent.ends(rest) {
                length += more;
                break;
            }
            length += rest.len();
            if !self.fill()? {
                if plain && length > 0 {
                    break;
                }
                return Err(Unknown::CutOff);
            }
        }
        let value = self.buffer[self.at..self.at + length].to_vec();
        let value = String::from_utf8(value)
            .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
        if plain && serde_json::from_str::<&RawValue>(&value).is_err() {
            return Err(self.wrong());
        }
        self.at += length;
        Ok(value)
    }

    /// Goes through an object: `field` takes each value.
    pub(super) fn object<S>(
        &mut self,
        state: &mut S,
        mut field: impl FnMut(&mut Self, &mut S, String) -> Result<(), Unknown>,
    ) -> Result<(), Unknown> {
        self.take(b'{')?;
        self.each(b'}', |pull| {
            let Some(b'"') = pull.peek()? else { return Err(pull.wrong()) };
            let key = pull.value()?;
            let Ok(key) = serde_json::from_str(&key) else { return Err(pull.wrong()) };
            pull.take(b':')?;
            field(pull, state, key)
        })
    }

    /// Goes through a list: `element` takes each value.
    pub(super) fn list(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), Unknown>,
    ) -> Result<(), Unknown> {
        self.take(b'[')?;
        self.each(b']', element)
    }

    fn each(
        &mut self,
        end: u8,
        mut one: impl FnMut(&mut Self) -> Result<(), Unknown>,
    ) -> Result<(), Unknown> {
        if self.peek()? == Some(end) {
            return self.take(end);
        }
        loop {
            if self.peek()?.is_none() {
                return Err(Unknown::CutOff);
            }
            one(self)?;
            if self.peek()? != Some(b',') {
                return self.take(end);
            }
            self.take(b',')?;
        }
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|sign| **sign == b'\n').count()
}

/// How far a value goes.
#[derive(Default)]
struct Extent {
    /// It is no object, list or text.
    plain: bool,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Extent {
    /// How many of these bytes belong to it, if it ends among them.
    fn ends(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.plain {
            let after = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':') || byte.is_ascii_whitespace();
            return bytes.iter().position(after);
        }
        if self.escaped && !bytes.is_empty() {
            (self.escaped, at) = (false, 1);
        }
        while at < bytes.len() {
            if self.quoted {
                at += memchr::memchr2(b'"', b'\\', &bytes[at..])?;
                if bytes[at] == b'\\' {
                    // What is escaped may not be there yet.
                    self.escaped = at + 1 == bytes.len();
                    at += 2;
                    continue;
                }
                self.quoted = false;
                at += 1;
            } else {
                let sign = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
                at += bytes[at..].iter().position(sign)?;
                match bytes[at] {
                    b'"' => self.quoted = true,
                    b'{' | b'[' => self.depth += 1,
                    _ => self.depth = self.depth.saturating_sub(1),
                }
                at += 1;
            }
            if self.depth == 0 && !self.quoted {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (Some((first, rest)), Some(place)) = (self.0.split_first(), into.first_mut()) else {
                return Ok(0);
            };
            (*place, self.0) = (*first, rest);
            Ok(1)
        }
    }

    #[test]
    fn values_as_they_are_written() {
        let text = r#" {"a" : [1, "]\"}" ,{"b":null}], "ü":-1.5e3 } 7"#;
        let mut source = Slowly(text.as_bytes());
        let mut pull = Pull::new(&mut source, |_| Unknown::Packed);
        let mut told = Vec::new();
        pull.object(&mut told, |pull, told, key| {
            match pull.peek()? {
                Some(b'[') => pull.list(|pull| {
                    told.push(pull.value()?);
                    Ok(())
                })?,
                _ => told.push(pull.value()?),
            }
            told.push(key);
            Ok(())
        })
        .unwrap();
        assert_eq!(told, ["1", r#""]\"}""#, r#"{"b":null}"#, "a", "-1.5e3", "ü"]);
        assert_eq!((pull.value().unwrap(), pull.peek().unwrap()), ("7".to_owned(), None));
    }
}
