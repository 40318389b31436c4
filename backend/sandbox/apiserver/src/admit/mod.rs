//! What istiod's webhook would refuse: objects that fit their schema and still make no sense.

use serde_json::Value;

use crate::kinds::Kind;

/// Why an object is refused, in istiod's words.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<(), String> {
    let _ = (kind, object);
    Ok(())
}
