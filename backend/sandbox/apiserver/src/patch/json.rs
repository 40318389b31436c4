//! JSON patch (RFC 6902). A failed `test` or a path that is not there refuses the whole patch.

use serde_json::Value;

use crate::status::{ApiError, Result};

/// Carries out a JSON patch.
pub(crate) fn json_patch(object: &mut Value, patch: &Value) -> Result<()> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|_| ApiError::bad_request("error decoding patch: it is no list of JSON patch operations"))?;
    json_patch::patch(object, &patch).map_err(|error| {
        tracing::debug!(%error, "a JSON patch does not fit");
        ApiError::patch_refused()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::json_patch;

    #[test]
    fn a_failed_test_changes_nothing() {
        let mut object = json!({"spec": {"weight": 10}});
        let patch = json!([{"op": "replace", "path": "/spec/weight", "value": 20},
            {"op": "test", "path": "/spec/weight", "value": 10}]);
        let error = json_patch(&mut object, &patch).unwrap_err();
        assert_eq!((error.code, error.reason), (422, "Invalid"));
        assert_eq!(object, json!({"spec": {"weight": 10}}));
        let patch = json!([{"op": "test", "path": "/spec/weight", "value": 10},
            {"op": "replace", "path": "/spec/weight", "value": 20}]);
        json_patch(&mut object, &patch).unwrap();
        assert_eq!(object, json!({"spec": {"weight": 20}}));
        assert_eq!(
            json_patch(&mut object, &json!([{"op": "replace", "path": "/spec/other/x", "value": 1}]))
                .unwrap_err()
                .code,
            422
        );
        assert_eq!(json_patch(&mut object, &json!({"op": "nonsense"})).unwrap_err().code, 400);
    }
}
