//! In which form a file is: packed or not, JSON of Jaeger, OTLP or Zipkin, OTLP as protobuf; one document or one
//! after the other. Spans are taken in one by one: a file may be larger than what it makes.

use super::gathered::Gathered;
use super::jaeger::Reading;
use super::pull::Pull;
use super::{Refusal, document, otlp_json, otlp_protobuf, zipkin};
use crate::limits::TooLarge;
use flate2::read::MultiGzDecoder;
use mesh::trace::Found;
use serde_json::value::RawValue;
use std::io::{self, BufRead as _, BufReader, Read};

/// Why nothing was made of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unknown {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is packed, and broken.
    #[error("it is packed by gzip and cannot be unpacked to its end")]
    Packed,
    /// It is larger than is read.
    #[error("unpacked it is larger than {}", crate::limits::in_words(.0.0))]
    TooLarge(TooLarge),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    System(io::ErrorKind),
    /// It is JSON up to its end, which comes too early.
    #[error("its JSON ends in the middle: it was not written to its end")]
    CutOff,
    /// It is JSON up to this line.
    #[error("line {0} is no JSON")]
    NotJson(usize),
    /// It is something else.
    #[error("it is neither Jaeger's JSON nor OTLP (JSON or protobuf) nor Zipkin's JSON")]
    Foreign,
    /// It is one of those, with no trace in it.
    #[error("there is no trace in it")]
    None,
    /// It is what a backend said of a failure.
    #[error("it says: {0}")]
    Said(String),
}

impl From<Refusal> for Unknown {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Said(words) => Self::Said(words),
            Refusal::Foreign => Self::Foreign,
        }
    }
}

/// What is read, up to so many bytes.
struct Limited<R> {
    inner: R,
    left: usize,
    limit: usize,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        let left = self.left.checked_sub(count).ok_or_else(|| io::Error::other(TooLarge(self.limit)))?;
        self.left = left;
        Ok(count)
    }
}

/// What an error of reading says.
fn plain(error: io::Error) -> Unknown {
    let large = error.get_ref().and_then(|inner| inner.downcast_ref::<TooLarge>());
    large.map_or(Unknown::System(error.kind()), |large| Unknown::TooLarge(*large))
}

/// The same of what is unpacked.
fn packed(error: io::Error) -> Unknown {
    match plain(error) {
        Unknown::System(_) => Unknown::Packed,
        other => other,
    }
}

/// Reads the traces of a file, of so many bytes at most when it is unpacked.
pub(crate) fn open(file: impl Read, limit: usize) -> Result<Found, Unknown> {
    let mut file = BufReader::new(file);
    let magic = file.fill_buf().map_err(plain)?.starts_with(&[0x1f, 0x8b]);
    let mut gathered = Gathered::default();
    if magic {
        let mut unpacked = Limited { inner: MultiGzDecoder::new(file), left: limit, limit };
        any(Pull::new(&mut unpacked, packed), &mut gathered)?;
    } else {
        any(Pull::new(&mut Limited { inner: file, left: limit, limit }, plain), &mut gathered)?;
    }
    let found = gathered.found();
    if found.traces.is_empty() && found.odd.is_empty() { Err(Unknown::None) } else { Ok(found) }
}

fn any(mut pull: Pull<'_>, gathered: &mut Gathered) -> Result<(), Unknown> {
    pull.skip(b"\xef\xbb\xbf")?;
    if pull.ended()? {
        return Err(Unknown::Empty);
    }
    // Protobuf begins with a line break, which is a space in JSON.
    if pull.is_binary()? {
        return otlp_protobuf::read_from(&mut pull, gathered);
    }
    match pull.peek()? {
        None => Err(Unknown::Empty),
        Some(b'{' | b'[') => documents(&mut pull, gathered),
        Some(_) => Err(Unknown::Foreign),
    }
}

fn documents(pull: &mut Pull<'_>, gathered: &mut Gathered) -> Result<(), Unknown> {
    let mut known = false;
    while pull.peek()?.is_some() {
        let read = match pull.peek()? {
            Some(b'[') => list(pull, gathered),
            _ => object(pull, gathered, Place::Alone),
        };
        match read {
            Ok(of_a_form) => known |= of_a_form,
            Err(Unknown::CutOff | Unknown::NotJson(_)) if known => {
                // What came before it is whole.
                gathered.counts.unread += 1;
                break;
            }
            Err(why) => return Err(why),
        }
    }
    if known { Ok(()) } else { Err(Unknown::Foreign) }
}

/// Where an object stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// It is a document.
    Alone,
    /// It is an element of a list.
    Listed,
    /// It stands where Jaeger has its traces.
    Data,
}

/// Of what a list is: of what its first object is.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Jaeger,
    Otlp,
    Zipkin,
}

/// Whether a list is in a form that is known.
fn list(pull: &mut Pull<'_>, gathered: &mut Gathered) -> Result<bool, Unknown> {
    let (mut of, mut foreign, mut odd, mut any) = (None, false, 0, false);
    pull.list(|pull| {
        any = true;
        match (pull.peek()?, of) {
            (Some(b'['), None | Some(Of::Zipkin)) => {
                of = Some(Of::Zipkin);
                pull.list(|pull| {
                    zipkin::span(&pull.value()?, gathered);
                    Ok(())
                })?;
            }
            (Some(b'{'), Some(Of::Zipkin)) => zipkin::span(&pull.value()?, gathered),
            (Some(b'{'), Some(Of::Jaeger)) => drop(object(pull, gathered, Place::Data)?),
            (Some(b'{'), Some(Of::Otlp)) => drop(object(pull, gathered, Place::Listed)?),
            (Some(b'{'), None) if !foreign => {
                let first = Object::read(pull, gathered, Place::Listed)?;
                of = first.listed();
                foreign = of.is_none();
                match of {
                    Some(Of::Zipkin) => zipkin::span(&first.written(), gathered),
                    Some(_) => drop(first.finish(gathered, Place::Listed)?),
                    None => {}
                }
            }
            _ => {
                pull.value()?;
                odd += 1;
            }
        }
        Ok(())
    })?;
    match of {
        Some(Of::Jaeger) => gathered.unread_traces += odd,
        Some(_) => gathered.counts.unread += odd,
        None => {}
    }
    Ok(of.is_some() || !any)
}

/// Whether an object is in a form that is known.
fn object(pull: &mut Pull<'_>, gathered: &mut Gathered, place: Place) -> Result<bool, Unknown> {
    Object::read(pull, gathered, place)?.finish(gathered, place)
}

/// An object while it is read: what is large in it was taken in already.
#[derive(Default)]
struct Object {
    /// The other fields, as they are written.
    rest: Vec<(String, String)>,
    /// Its spans, if it is a trace of Jaeger.
    trace: Option<Reading>,
    /// It has traces of Jaeger.
    data: bool,
    /// It has spans of OTLP.
    resources: bool,
}

impl Object {
    fn read(pull: &mut Pull<'_>, gathered: &mut Gathered, place: Place) -> Result<Self, Unknown> {
        let mut object = Self::default();
        pull.object(&mut object, |pull, object, key| {
            match (key.as_str(), pull.peek()?) {
                ("spans", Some(b'[')) if object.trace.is_none() => {
                    let trace = Reading::begun(object.raw("traceID"));
                    let trace = object.trace.insert(trace);
                    pull.list(|pull| {
                        trace.span(&pull.value()?);
                        Ok(())
                    })?;
                }
                ("data", Some(b'[')) if place == Place::Alone => {
                    pull.list(|pull| {
                        object.data = true;
                        match pull.peek()? {
                            Some(b'{') => drop(self::object(pull, gathered, Place::Data)?),
                            _ => {
                                pull.value()?;
                                gathered.unread_traces += 1;
                            }
                        }
                        Ok(())
                    })?;
                    if !object.data {
                        object.rest.push((key, "[]".to_owned()));
                    }
                }
                ("resourceSpans" | "resource_spans" | "batches", Some(b'[')) if place != Place::Data => {
                    object.resources = true;
                    pull.list(|pull| {
                        otlp_json::resource(&pull.value()?, gathered);
                        Ok(())
                    })?;
                }
                // What stands around the spans: of Tempo's version 2, of Jaeger's version 3.
                ("trace" | "result", Some(b'{')) if place != Place::Data => {
                    let inner = Self::read(pull, gathered, Place::Listed)?;
                    match inner.resources {
                        true => object.resources = true,
                        false => object.rest.push((key, inner.written())),
                    }
                }
                _ => object.rest.push((key, pull.value()?)),
            }
            Ok(())
        })?;
        Ok(object)
    }

    fn has(&self, name: &str) -> bool {
        self.rest.iter().any(|(key, value)| key == name && value != "null")
    }

    fn raw(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.rest.iter().rev().find(|(key, _)| key == name)?;
        serde_json::from_str(value).ok()
    }

    /// What a list is of that begins with it.
    fn listed(&self) -> Option<Of> {
        match self {
            _ if self.trace.is_some() || (self.has("spans") && self.has("traceID")) => Some(Of::Jaeger),
            _ if self.resources => Some(Of::Otlp),
            _ if self.has("traceId") && self.has("id") => Some(Of::Zipkin),
            _ => None,
        }
    }

    /// The fields that were not taken in.
    fn written(&self) -> String {
        let field =
            |(key, value): &(String, String)| format!("{}:{value}", serde_json::Value::from(key.as_str()));
        format!("{{{}}}", self.rest.iter().map(field).collect::<Vec<_>>().join(","))
    }

    /// Takes the rest in. Whether it is in a form that is known.
    fn finish(mut self, gathered: &mut Gathered, place: Place) -> Result<bool, Unknown> {
        if let Some(mut trace) = self.trace.take().filter(|_| place == Place::Data || self.has("traceID")) {
            trace.rest(|name| self.raw(name));
            gathered.piece(trace);
            return Ok(true);
        }
        if self.resources {
            gathered.told.extend(otlp_json::partial(|name| self.raw(name)));
            return Ok(true);
        }
        if self.data {
            gathered.told.extend(super::jaeger::errors(self.raw("errors")));
            return Ok(true);
        }
        let text = self.written();
        if place == Place::Data {
            gathered.unread_traces += 1;
            return Ok(true);
        }
        Ok(document::read(&text, gathered)?)
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
