//! Writing: create and update; [`super::change`] patches. All the same way: read what came, drop or refuse
//! what nobody knows, complete it, note who wrote it, hold it against schema and admission, store it (or not,
//! for a dry run).

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    body::{duplicates, object_of},
    metadata,
    read::{form, one},
};
use crate::answers::json_answer;
use crate::query::Form;
use crate::query::Query;
use crate::target::Place;
use crate::{
    admit,
    api::Api,
    patch::{self, Writer},
    schema::{self, FieldProblem, Schema},
    status::{ApiError, Result},
    store::{Part, State, node_ports},
};

/// What to do about fields that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validation {
    Strict,
    Warn,
    Ignore,
}

/// One write, as its URL and headers describe it.
pub(super) struct Request<'a> {
    pub(super) at: &'a Place,
    pub(super) query: &'a Query,
    dry_run: bool,
    validation: Validation,
    manager: String,
    content_type: String,
    form: Form,
}

/// An object that was written, and what to warn of.
pub(super) struct Written {
    object: Arc<Value>,
    created: bool,
    warnings: Vec<String>,
}

impl<'a> Request<'a> {
    pub(super) fn new(at: &'a Place, query: &'a Query, request: &http::Request<Incoming>) -> Result<Self> {
        let text = |name: header::HeaderName| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let dry_run = match query.get("dryRun") {
            "" => false,
            "All" => true,
            other => {
                let why = format!("Unsupported value: \"{other}\": supported values: \"All\"");
                return Err(ApiError::invalid_options("Options", "dryRun", &why));
            }
        };
        let validation = match query.get("fieldValidation") {
            "Strict" => Validation::Strict,
            "Warn" | "" => Validation::Warn,
            "Ignore" => Validation::Ignore,
            other => {
                let why = format!(
                    "Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
                );
                return Err(ApiError::invalid_options("Options", "fieldValidation", &why));
            }
        };
        let manager = match query.get("fieldManager") {
            // Unnamed writers are known by the first word of their user agent.
            "" => text(header::USER_AGENT)
                .split('/')
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("unknown")
                .to_owned(),
            named => named.to_owned(),
        };
        let content_type = super::headers::content_type(request);
        Ok(Self {
            at,
            query,
            dry_run,
            validation,
            manager,
            content_type,
            form: form(&super::headers::accept(request))?,
        })
    }

    pub(super) fn schema(&self) -> Result<&'a Schema> {
        let version = self.at.kind.version(&self.at.target.version).ok_or_else(ApiError::no_such_resource)?;
        Ok(&version.schema)
    }

    fn part(&self) -> Part {
        if self.at.target.subresource.as_deref() == Some("status") { Part::Status } else { Part::Main }
    }

    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Takes over fields that others own.
    pub(super) fn is_forced(&self) -> bool {
        self.query.flag("force")
    }

    pub(super) fn with_writer<T>(&self, then: impl FnOnce(&Writer<'_>) -> T) -> T {
        let api_version = self.at.api_version();
        then(&Writer {
            manager: &self.manager,
            api_version: &api_version,
            subresource: self.at.target.subresource.as_deref(),
            status_apart: self.at.kind.status,
        })
    }

    /// Drops what the schema does not know, or refuses it; answers what to warn of.
    /// `body`: what it was read from, unless it is what a patch made of something.
    pub(super) fn without_unknown(&self, object: &mut Value, body: Option<&[u8]>) -> Result<Vec<String>> {
        let before = (self.validation == Validation::Strict && body.is_none()).then(|| object.clone());
        let schema = self.schema()?;
        if let Some(metadata) = object.get_mut("metadata") {
            patch::drop_nulls(metadata);
        }
        if !self.at.kind.custom {
            // Kubernetes' own types do not tell null from nothing.
            patch::drop_nulls(object);
        }
        self.decodes(schema, object, body.is_none())?;
        let unknown = schema::prune(schema, object);
        if self.validation == Validation::Ignore {
            return Ok(Vec::new());
        }
        let twice = body
            .map(duplicates)
            .unwrap_or_default()
            .into_iter()
            .map(|field| format!("duplicate field \"{field}\""));
        let words: Vec<String> =
            twice.chain(unknown.iter().map(|field| format!("unknown field \"{field}\""))).collect();
        match self.validation {
            Validation::Strict if !words.is_empty() => Err(ApiError::strict(&words, before.as_ref())),
            _ => Ok(words),
        }
    }

    /// What goes on has the types of its kind; of custom kinds, only metadata is decoded.
    fn decodes(&self, schema: &Schema, object: &Value, patched: bool) -> Result<()> {
        let metadata = || Some((schema.properties.get("metadata")?, object.get("metadata")?));
        let wrong = if self.at.kind.custom {
            metadata().and_then(|(schema, metadata)| schema::mistyped(schema, "ObjectMeta", metadata))
        } else {
            schema::mistyped(schema, &self.at.kind.kind, object)
        };
        match wrong {
            None => Ok(()),
            Some(words) if patched => Err(ApiError::patch_does_not_decode(object, &words)),
            Some(words) => Err(self.does_not_decode(&words)),
        }
    }

    fn does_not_decode(&self, words: &str) -> ApiError {
        let (kind, version) = (&self.at.kind.kind, &self.at.target.version);
        ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {words}"
        ))
    }

    /// Holds a finished object against schema and admission.
    /// Answers what to warn of.
    fn check(&self, state: &State, object: &Value, old: Option<&Value>) -> Result<Vec<String>> {
        let kind = &self.at.kind;
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let mut checked = object.clone();
        if self.part() == Part::Main
            && kind.status
            && let Some(members) = checked.as_object_mut()
        {
            // The status is not what this write is about.
            members.shift_remove("status");
        }
        let mut problems = metadata::check(&checked);
        problems.extend(old.into_iter().flat_map(|old| metadata::unchangeable(kind, old, &checked)));
        if !problems.is_empty() {
            return Err(ApiError::invalid(kind, name, &problems));
        }
        problems = match old {
            Some(old) if kind.custom => schema::check_change(self.schema()?, &checked, old),
            _ => schema::check(self.schema()?, &checked, old),
        };
        if kind.custom {
            problems.extend(schema::duplicates(self.schema()?, &checked));
        } else if problems.is_empty() && kind.kind == "CustomResourceDefinition" {
            problems = crate::kinds::definition_problems(&checked);
        } else if problems.is_empty() && self.part() == Part::Main {
            problems = admit::built_in::problems(kind, &checked, old);
            let taken = |(index, port): &(usize, i64)| {
                let field = format!("spec.ports[{index}].nodePort");
                FieldProblem::invalid(&field, &Value::from(*port), "provided port is already allocated")
            };
            if problems.is_empty() && kind.kind == "Service" {
                problems.extend(node_ports::taken(state, &checked).iter().map(taken));
            }
        }
        if !problems.is_empty() {
            let no_bytes = problems.iter().find(|problem| problem.reason == admit::built_in::NO_BYTES);
            if let Some(problem) = no_bytes.filter(|_| !kind.custom) {
                return Err(self.does_not_decode(&problem.message));
            }
            return Err(ApiError::invalid(kind, name, &problems));
        }
        // Webhooks are not asked about a status.
        match self.part() {
            Part::Status => Ok(Vec::new()),
            _ => admit::check(kind, &checked).map_err(ApiError::denied_by_webhook),
        }
    }

    pub(super) fn store(&self, state: &mut State, object: Value) -> Arc<Value> {
        if self.dry_run {
            return Arc::new(object);
        }
        let stored = state.put(self.at.id, &self.at.kind, object);
        let name = stored.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        // The last finalizer may just have gone.
        state.finalize(&self.at.key(name)).unwrap_or(stored)
    }

    pub(super) fn answer(&self, written: &Written) -> Response<Body> {
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = json_answer(status, &one(self.at, &written.object, self.form, self.query));
        for words in &written.warnings {
            let quoted = words.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r', '\t'], " ");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }

    /// The body as an object of the kind and place that the URL says.
    pub(super) fn object(&self, body: &[u8]) -> Result<Value> {
        let (kind, wanted) = (&self.at.kind, self.at.api_version());
        let mut object = object_of(&kind.kind, &self.content_type, body)?;
        let text = |name: &str| object.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let namespace = text("/metadata/namespace");
        if kind.custom && (text("/apiVersion").is_empty() || text("/kind").is_empty()) {
            return Err(ApiError::bad_request("Object 'Kind' is missing in the body of the request"));
        }
        metadata::same_kind(kind, &wanted, &object)?;
        if let Some(wanted) = &self.at.target.namespace
            && kind.namespaced
            && !namespace.is_empty()
            && namespace != *wanted
        {
            return Err(ApiError::bad_request(format!(
                "the namespace of the provided object does not match the namespace sent on the request: \
                    {namespace}, {wanted}"
            )));
        }
        object["apiVersion"] = Value::from(wanted);
        object["kind"] = Value::from(kind.kind.clone());
        if object.get("metadata").is_none_or(Value::is_null) {
            object["metadata"] = serde_json::json!({});
        }
        if let Some(namespace) = &self.at.target.namespace
            && object["metadata"].is_object()
        {
            object["metadata"]["namespace"] = Value::from(namespace.clone());
        }
        Ok(object)
    }

    pub(super) fn insert(
        &self,
        state: &mut State,
        mut object: Value,
        mut warnings: Vec<String>,
        applied: Option<Vec<patch::Entry>>,
    ) -> Result<Written> {
        if let Some(namespace) = self.at.target.namespace.as_deref()
            && let Some((id, kind)) = state.kinds.by_plural("", "namespaces")
            && state
                .get(&crate::store::Key { kind: id, namespace: String::new(), name: namespace.to_owned() })
                .is_none()
        {
            return Err(ApiError::not_found(&kind, namespace));
        }
        let entries = patch::base_entries(None, &object);
        schema::fill(self.schema()?, &mut object);
        object = state.prepare_create(self.at.id, &self.at.kind, object, false)?;
        match applied {
            Some(entries) => patch::set_entries(&mut object, entries),
            None => {
                let schema = self.schema()?;
                self.with_writer(|writer| patch::record_update(schema, None, &mut object, entries, writer));
            }
        }
        warnings.extend(self.check(state, &object, None)?);
        Ok(Written { object: self.store(state, object), created: true, warnings })
    }

    pub(super) fn replace(
        &self,
        state: &mut State,
        old: &Arc<Value>,
        mut new: Value,
        mut warnings: Vec<String>,
        applied: Option<Vec<patch::Entry>>,
    ) -> Result<Written> {
        let entries = patch::base_entries(Some(old), &new);
        schema::fill(self.schema()?, &mut new);
        let prepared = state.prepare_update(&self.at.kind, old, new, self.part())?;
        let mut object = prepared.unwrap_or_else(|| Value::clone(old));
        let schema = self.schema()?;
        match applied {
            Some(entries) => patch::set_entries(&mut object, entries),
            None => self
                .with_writer(|writer| patch::record_update(schema, Some(old), &mut object, entries, writer)),
        }
        if !patch::has_changed(old, &object)
            && let Some(managed) = old.pointer("/metadata/managedFields")
        {
            object["metadata"]["managedFields"] = managed.clone();
        }
        if object == **old {
            return Ok(Written { object: old.clone(), created: false, warnings });
        }
        warnings.extend(self.check(state, &object, Some(old))?);
        Ok(Written { object: self.store(state, object), created: false, warnings })
    }
}

pub(super) fn create(api: &Api, request: Request<'_>, body: &[u8]) -> Result<Response<Body>> {
    let mut object = request.object(body)?;
    if object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
        .is_some_and(|version| !version.is_empty())
    {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let warnings = request.without_unknown(&mut object, Some(body))?;
    let written = api.store.write(|state| request.insert(state, object, warnings, None))?;
    Ok(request.answer(&written))
}

pub(super) fn update(api: &Api, request: Request<'_>, body: &[u8]) -> Result<Response<Body>> {
    let mut object = request.object(body)?;
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if name != request.at.name() {
        let message = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            request.at.name()
        );
        return Err(ApiError::bad_request(message));
    }
    let warnings = request.without_unknown(&mut object, Some(body))?;
    let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    if request.at.kind.custom && version.is_empty() {
        let problem = FieldProblem {
            field: "metadata.resourceVersion".into(),
            reason: "FieldValueInvalid",
            message: "Invalid value: 0x0: must be specified for an update".into(),
        };
        return Err(ApiError::invalid(&request.at.kind, request.at.name(), &[problem]));
    }
    let written = api.store.write(|state| {
        let key = request.at.key(request.at.name());
        match state.get(&key).cloned() {
            Some(old) => request.replace(state, &old, object, warnings, None),
            None => Err(ApiError::not_found(&request.at.kind, request.at.name())),
        }
    })?;
    Ok(request.answer(&written))
}
