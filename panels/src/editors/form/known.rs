//! What the cluster's own schema says of the fields of a form: whether there is such a field, and what it is for.

use crate::cx::Cx;
use crate::objects::api_version;
use mesh::schema::Type;
use mesh::{Kind, Schema, SchemaOf};
use std::sync::Arc;

/// The schema of the part of an object that a form is about.
#[derive(Clone)]
pub(crate) struct Known {
    kind: &'static Kind,
    schema: Arc<Schema>,
    base: String,
}

/// What the schema says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was not read, or does not say its fields.
    Nothing,
    /// There is no such field.
    Missing,
    /// There is; what it is for, in one line.
    Field(String),
}

impl Told {
    /// What a field means: our sentence, and the cluster's own.
    pub(crate) fn help(&self, ours: &str) -> String {
        match self {
            Self::Field(line) if !line.is_empty() => format!("{ours}\n{line}"),
            _ => ours.to_owned(),
        }
    }
}

impl Known {
    /// The schema of a kind as far as the cluster has told it; `base` is where the form's fields stand.
    pub(crate) fn of(cx: &Cx<'_>, kind: &'static Kind, base: &str) -> Option<Self> {
        let of = SchemaOf { kind, api_version: api_version(&cx.scene.mesh, kind) };
        let schema = cx.reads.schema(&of).value()?.clone();
        (!base.is_empty()).then(|| Self { kind, schema, base: base.to_owned() })
    }

    /// The same for a part of it.
    pub(crate) fn below(&self, path: &str) -> Self {
        Self { base: format!("{}/{path}", self.base), ..self.clone() }
    }

    /// What it says of a field.
    pub(crate) fn tells(&self, path: &str) -> Told {
        let part = self.schema.at(self.base.split('/'));
        if part.is_none_or(|part| part.ty == Type::Any || part.fields.is_empty()) {
            return Told::Nothing;
        }
        match self.schema.at(self.base.split('/').chain(path.split('/'))) {
            None => Told::Missing,
            Some(field) => Told::Field(field.line().to_owned()),
        }
    }

    /// That a field which the draft holds is not there.
    pub(crate) fn missing(&self, path: &str) -> String {
        format!("This cluster's {} has no {} (a newer Istio has it)", self.kind, path.replace('/', "."))
    }
}
