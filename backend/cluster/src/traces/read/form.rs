//! In which form a file is: packed or not, JSON of Jaeger, OTLP or Zipkin, OTLP as protobuf; one document or one
//! after the other.

use super::Refusal;
use super::gathered::Gathered;
use super::{jaeger, otlp_json, otlp_protobuf, zipkin};
use crate::element::{fields, list};
use crate::limits::TooLarge;
use flate2::read::MultiGzDecoder;
use mesh::trace::Found;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::Read as _;

/// Why nothing was made of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unknown {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is packed, and broken.
    #[error("it is packed by gzip and cannot be unpacked to its end")]
    Packed,
    /// It is packed, and larger than is read.
    #[error("unpacked it is larger than {}", crate::limits::in_words(.0.0))]
    TooLarge(TooLarge),
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

/// The content of a file, unpacked where it is packed.
pub(crate) fn unpacked(bytes: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, Unknown> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut all = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes).take(most).read_to_end(&mut all).map_err(|_| Unknown::Packed)?;
    if all.len() > limit { Err(Unknown::TooLarge(TooLarge(limit))) } else { Ok(Cow::Owned(all)) }
}

/// Reads the traces of a file.
pub(crate) fn open(bytes: &[u8]) -> Result<Found, Unknown> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let begins = bytes.trim_ascii_start();
    let mut gathered = Gathered::default();
    match begins.first() {
        None => return Err(Unknown::Empty),
        Some(b'{' | b'[') => documents(&String::from_utf8_lossy(begins), &mut gathered)?,
        Some(_) => otlp_protobuf::read(bytes, &mut gathered).map_err(|_| Unknown::Foreign)?,
    }
    let found = gathered.found();
    if found.traces.is_empty() && found.odd.is_empty() { Err(Unknown::None) } else { Ok(found) }
}

fn documents(text: &str, gathered: &mut Gathered) -> Result<(), Unknown> {
    let mut known = false;
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        match document {
            Ok(document) => known |= self::document(document, gathered)?,
            // What came before it is whole.
            Err(_) if known => {
                gathered.counts.unread += 1;
                break;
            }
            Err(error) if error.is_eof() => return Err(Unknown::CutOff),
            Err(error) => return Err(Unknown::NotJson(error.line())),
        }
    }
    if known { Ok(()) } else { Err(Unknown::Foreign) }
}

/// Whether a document is in a form that is known.
fn document(document: &RawValue, gathered: &mut Gathered) -> Result<bool, Unknown> {
    let refused = |refusal| match refusal {
        Refusal::Said(words) => Unknown::Said(words),
        Refusal::Foreign => Unknown::Foreign,
    };
    // A list is of what its first object is.
    let elements = document.get().starts_with('[').then(|| list(Some(document)).unwrap_or_default());
    let first = match &elements {
        None => Some(document),
        Some(elements) if elements.is_empty() => return Ok(true),
        Some(elements) => elements.iter().copied().find(|element| element.get().starts_with(['{', '['])),
    };
    let Some(first) = first else { return Ok(false) };
    let Some(fields) = fields(first.get()) else {
        // A list of lists.
        return Ok(zipkin::read(document, gathered));
    };
    if fields.contains_key("spans") && fields.contains_key("traceID") {
        jaeger::gather(elements.unwrap_or_else(|| vec![document]), gathered);
        return Ok(true);
    }
    if elements.is_some() && fields.contains_key("traceId") && fields.contains_key("id") {
        return Ok(zipkin::read(document, gathered));
    }
    if otlp_json::document(document, gathered).map_err(refused)? {
        return Ok(true);
    }
    if elements.is_some() || !jaeger::speaks_of_data(document.get()) {
        return Ok(false);
    }
    jaeger::read(document.get(), gathered).map_err(refused)?;
    Ok(true)
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
