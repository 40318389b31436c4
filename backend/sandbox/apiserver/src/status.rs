//! Errors as Kubernetes answers them: a `Status` object with code, reason and words.

use std::fmt::Display;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{kinds::Kind, schema::FieldProblem};

/// A refusal, in the words and the shape of a real API server.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    /// The machine-readable reason, as `NotFound`; empty when the real server gives none.
    pub reason: &'static str,
    /// What went wrong.
    pub message: String,
    /// The `details` of the Status, when there are any.
    pub details: Option<Box<Value>>,
}

/// What a fallible step answers.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

impl ApiError {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    pub(crate) fn with(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.qualified()))
            .with(about(kind, name))
    }

    /// A path that the server does not know, or a kind that is not there.
    pub(crate) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").with(json!({}))
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.qualified()))
            .with(about(kind, name))
    }

    /// Nothing can be made in a namespace that is being deleted.
    pub(crate) fn namespace_ends(kind: &Kind, namespace: &str, name: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is \
                being terminated",
            kind.qualified()
        );
        let mut details = about(kind, name);
        details["causes"] = json!([{"reason": "NamespaceTerminating", "field": "metadata.namespace",
            "message": format!("namespace {namespace} is being terminated")}]);
        Self::new(403, "Forbidden", message).with(details)
    }

    pub(crate) fn stale(kind: &Kind, name: &str) -> Self {
        Self::conflict(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified());
        Self::new(409, "Conflict", message).with(about(kind, name))
    }

    pub(crate) fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(409, "Conflict", message).with(json!({ "causes": causes }))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn forbidden(
        user: &str,
        verb: &str,
        group: &str,
        plural: &str,
        name: Option<&str>,
        namespace: Option<&str>,
    ) -> Self {
        let what = match (group, name) {
            ("", Some(name)) => format!("{plural} \"{name}\""),
            ("", None) => plural.to_owned(),
            (group, Some(name)) => format!("{plural}.{group} \"{name}\""),
            (group, None) => format!("{plural}.{group}"),
        };
        let scope = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{what} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \
                \"{group}\" {scope}"
        );
        let mut details = Map::new();
        if let Some(name) = name {
            details.insert("name".into(), json!(name));
        }
        if !group.is_empty() {
            details.insert("group".into(), json!(group));
        }
        details.insert("kind".into(), json!(plural));
        Self::new(403, "Forbidden", message).with(Value::Object(details))
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// Options of a request that make no sense.
    pub(crate) fn invalid_options(kind: &str, field: &str, why: &str) -> Self {
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
        let details = json!({"group": "meta.k8s.io", "kind": kind, "causes": [cause]});
        Self::new(422, "Invalid", format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {why}")).with(details)
    }

    /// A version that is not there yet.
    pub(crate) fn too_large_version(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        Self::new(504, "Timeout", message).with(json!({"causes": [cause], "retryAfterSeconds": 1}))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .with(json!({}))
    }

    pub(crate) fn unsupported_media_type(found: &str, known: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {} (was \
                {found})",
            known.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message).with(json!({}))
    }

    /// A patch that cannot be carried out, as a failed `test` operation: the real server says no more than
    /// this.
    pub(crate) fn patch_refused() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
            .with(json!({}))
    }

    /// Fields that break the schema or a rule.
    pub(crate) fn invalid(kind: &Kind, name: &str, problems: &[FieldProblem]) -> Self {
        let words: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
        let said = match words.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes: Vec<Value> = problems
            .iter()
            .map(|problem| {
                json!({"reason": problem.reason, "message": problem.message,
                "field": problem.field})
            })
            .collect();
        let subject =
            if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        let mut details = Map::new();
        details.insert("name".into(), json!(name));
        if !kind.group.is_empty() {
            details.insert("group".into(), json!(kind.group));
        }
        details.insert("kind".into(), json!(kind.kind));
        details.insert("causes".into(), json!(causes));
        Self::new(422, "Invalid", format!("{subject} \"{name}\" is invalid: {said}"))
            .with(Value::Object(details))
    }

    /// Unknown and doubled fields under `fieldValidation=Strict`; a patch is answered 422, a whole object
    /// 400.
    pub(crate) fn strict(words: &[String], patched: Option<&Value>) -> Self {
        let said = format!("strict decoding error: {}", words.join(", "));
        match patched {
            Some(object) => Self::patch_does_not_decode(object, &said),
            None => Self::bad_request(said),
        }
    }

    /// What a patch made of an object is none of its kind.
    pub(crate) fn patch_does_not_decode(object: &Value, said: &str) -> Self {
        let message = format!("Invalid value: {}: {said}", Value::from(object.to_string()));
        Self::new(422, "Invalid", format!(" \"\" is invalid: patch: {message}"))
            .with(json!({"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]}))
    }

    /// A body that is JSON, and no object.
    pub(crate) fn no_object(kind: &str, found: &Value, body: &[u8]) -> Self {
        let found = match found {
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Null | Value::Object(_) => return Self::bad_request("Object 'Kind' is missing in 'null'"),
        };
        let shown: String = body.iter().take(30).map(|byte| format!("{byte:02x}")).collect();
        Self::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json \
                parse error: json: cannot unmarshal {found} into Go value of type struct {{ APIVersion \
                string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }} \
                ({shown})"
        ))
    }

    pub(crate) fn denied_by_webhook(why: impl Display) -> Self {
        Self::new(
            400,
            "",
            format!(
                "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: \
                    {why}"
            ),
        )
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// The HTTP status of the answer.
    pub(crate) fn http(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The `Status` object.
    pub fn to_status(&self) -> Value {
        let mut status = Map::new();
        status.insert("kind".into(), json!("Status"));
        status.insert("apiVersion".into(), json!("v1"));
        status.insert("metadata".into(), json!({}));
        status.insert("status".into(), json!("Failure"));
        status.insert("message".into(), json!(self.message));
        if !self.reason.is_empty() {
            status.insert("reason".into(), json!(self.reason));
        }
        if let Some(details) = &self.details {
            status.insert("details".into(), Value::clone(details));
        }
        status.insert("code".into(), json!(self.code));
        Value::Object(status)
    }
}

fn about(kind: &Kind, name: &str) -> Value {
    let mut details = Map::new();
    details.insert("name".into(), json!(name));
    if !kind.group.is_empty() {
        details.insert("group".into(), json!(kind.group));
    }
    details.insert("kind".into(), json!(kind.plural));
    Value::Object(details)
}
