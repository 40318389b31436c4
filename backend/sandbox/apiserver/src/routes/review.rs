//! "May I?": access reviews.

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::object_of;
use crate::answers::json_answer;
use crate::target::Target;
use crate::{
    api::{Api, Caller},
    status::{ApiError, Result},
};

/// Whether a request asks about rights instead of about objects.
pub(super) fn is_review(target: &Target) -> bool {
    matches!(
        (target.group.as_str(), target.plural.as_str()),
        ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
            | ("authentication.k8s.io", "selfsubjectreviews")
    )
}

pub(super) fn answer(
    api: &Api,
    caller: &Caller,
    target: &Target,
    content_type: &str,
    body: &[u8],
) -> Result<Response<Body>> {
    let mut review = object_of("Review", content_type, body)?;
    let members = review.as_object_mut().ok_or_else(ApiError::no_such_resource)?;
    members.entry("metadata").or_insert_with(|| json!({}));
    let status = match target.plural.as_str() {
        "selfsubjectaccessreviews" => {
            let asked = |name: &str| {
                let value = members
                    .get("spec")
                    .and_then(|spec| spec.get("resourceAttributes"))
                    .and_then(|of| of.get(name));
                value.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let (mut resource, sub) = (asked("resource"), asked("subresource"));
            if !sub.is_empty() {
                resource = format!("{resource}/{sub}");
            }
            let entry = matches!(resource.as_str(), "pods/exec" | "pods/attach" | "pods/ephemeralcontainers");
            let denied = api.faults.is_denied(&asked("verb"), &resource, &asked("namespace"));
            if denied {
                json!({"allowed": false})
            } else if entry {
                json!({"allowed": false, "reason": "the sandbox runs its applications without containers"})
            } else {
                json!({"allowed": true, "reason": "the sandbox lets its user do everything"})
            }
        }
        "selfsubjectrulesreviews" => {
            // The real server does not say for which namespace it was asked.
            members.insert("spec".into(), json!({}));
            json!({
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                "incomplete": false,
            })
        }
        _ => {
            json!({"userInfo": {"username": caller.name(),
                "groups": ["system:masters", "system:authenticated"]}})
        }
    };
    members.insert("status".into(), status);
    Ok(json_answer(StatusCode::CREATED, &review))
}
