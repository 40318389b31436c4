//! What a document says that has no spans: of which form it is, and what a backend said of a failure.

use super::gathered::Gathered;
use super::{Refusal, jaeger, otlp_json};
use serde_json::value::RawValue;

/// Whether it is in a form that is known.
pub(super) fn read(text: &str, gathered: &mut Gathered) -> Result<bool, Refusal> {
    let document: &RawValue = serde_json::from_str(text).map_err(|_| Refusal::Foreign)?;
    if otlp_json::document(document, gathered)? {
        return Ok(true);
    }
    if !jaeger::speaks_of_data(text) {
        return Ok(false);
    }
    jaeger::read(text, gathered)?;
    Ok(true)
}
