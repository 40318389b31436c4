//! The schema of a kind, as the cluster says it (OpenAPI v3): which fields there are, what each is for, and
//! what an object has that does not fit.
//!
//! Only what can be said of a field while one types is read. Patterns, bounds and rules over several fields
//! are the server's to judge, in the dry run.

mod check;

pub use check::{Flaw, Misfit};

use istio::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose schema: a kind by one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaOf {
    /// The kind.
    pub kind: &'static Kind,
    /// "networking.istio.io/v1".
    pub api_version: String,
}

/// What one value may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Its type.
    pub ty: Type,
    /// What it is for, as the schema says it.
    pub description: String,
    /// Fields of an object that are known by name.
    pub fields: BTreeMap<String, Arc<Schema>>,
    /// Names of fields that must be there.
    pub required: Vec<String>,
    /// What any other field of an object is; `None`: there are no others.
    pub others: Option<Arc<Schema>>,
    /// What each row of a list is.
    pub rows: Option<Arc<Schema>>,
    /// The only values that it can have, if they are listed.
    pub values: Vec<Value>,
    /// Whether null is a value.
    pub nullable: bool,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Type {
    /// Anything.
    #[default]
    Any,
    /// Fields by name.
    Object,
    /// A list.
    List,
    /// A text.
    Text,
    /// A number without fraction.
    Integer,
    /// A number.
    Number,
    /// true or false.
    Bool,
    /// A number without fraction, or a text.
    IntegerOrText,
}

impl Type {
    /// "a text".
    pub fn words(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Object => "fields",
            Self::List => "a list",
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::IntegerOrText => "a whole number or a text",
        }
    }
}

/// Schemas that refer to themselves end here.
const DEEPEST: usize = 40;
/// All fields together: a document that has more is not read on.
const MOST: usize = 100_000;

impl Schema {
    /// The schema of a kind in an OpenAPI v3 document of its group and version; `None` when it has none.
    pub fn read(document: &Value, of: &SchemaOf) -> Option<Self> {
        let schemas = document.pointer("/components/schemas")?;
        let (group, version) = of.api_version.split_once('/').unwrap_or(("", &of.api_version));
        let is =
            |one: &Value| one["group"] == group && one["version"] == version && one["kind"] == of.kind.kind;
        let ours = |schema: &&Value| {
            schema["x-kubernetes-group-version-kind"].as_array().is_some_and(|all| all.iter().any(is))
        };
        let schema = schemas.as_object()?.values().find(ours)?;
        let mut reader = Reader { schemas, left: MOST };
        let read = reader.schema(schema, 0);
        // One that says nothing of its fields checks nothing.
        (read.ty == Type::Object && !read.fields.is_empty()).then_some(read)
    }

    /// What stands at a path of keys and row numbers, as far as it is known.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        let mut here = self;
        for token in path {
            here = match here.ty {
                Type::Any => return Some(here),
                Type::List => here.rows.as_deref()?,
                _ => here.fields.get(token).or(here.others.as_ref())?,
            };
        }
        Some(here)
    }

    /// What it is for, in one line.
    pub fn line(&self) -> &str {
        let text = self.description.trim();
        let end = text.find(['\n', '\r']).unwrap_or(text.len());
        let line = &text[..end];
        line.find(". ").map_or(line, |end| &line[..=end])
    }
}

struct Reader<'a> {
    schemas: &'a Value,
    left: usize,
}

impl Reader<'_> {
    fn schema(&mut self, written: &Value, depth: usize) -> Schema {
        if depth > DEEPEST || self.left == 0 {
            return Schema::default();
        }
        self.left -= 1;
        if let Some(schema) = self.elsewhere(written, depth) {
            return schema;
        }
        let flag = |name: &str| written[name] == true;
        let text = |name: &str| written[name].as_str().unwrap_or_default();
        let ty = match text("type") {
            _ if flag("x-kubernetes-int-or-string") || text("format") == "int-or-string" => {
                Type::IntegerOrText
            }
            "object" => Type::Object,
            "array" => Type::List,
            "string" => Type::Text,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Bool,
            _ => Type::Any,
        };
        let fields = written["properties"].as_object().into_iter().flatten();
        let fields: BTreeMap<String, Arc<Schema>> =
            fields.map(|(name, field)| (name.clone(), Arc::new(self.schema(field, depth + 1)))).collect();
        let others = match &written["additionalProperties"] {
            Value::Object(_) => Some(Arc::new(self.schema(&written["additionalProperties"], depth + 1))),
            Value::Bool(false) => None,
            _ if flag("x-kubernetes-preserve-unknown-fields") || fields.is_empty() => Some(Arc::default()),
            _ => None,
        };
        let rows = written.get("items").map(|rows| Arc::new(self.schema(rows, depth + 1)));
        let required = written["required"].as_array().into_iter().flatten();
        Schema {
            ty,
            description: text("description").to_owned(),
            fields,
            required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
            others,
            rows,
            values: written["enum"].as_array().cloned().unwrap_or_default(),
            nullable: flag("nullable"),
        }
    }

    /// One that stands elsewhere under a name.
    fn elsewhere(&mut self, written: &Value, depth: usize) -> Option<Schema> {
        let named = match &written["allOf"] {
            Value::Array(all) if all.len() == 1 => &all[0]["$ref"],
            _ => &written["$ref"],
        };
        let name = named.as_str()?.strip_prefix("#/components/schemas/")?;
        let mut schema = self.schema(self.schemas.get(name)?, depth + 1);
        if let Some(own) = written["description"].as_str() {
            schema.description = own.to_owned();
        }
        Some(schema)
    }
}
