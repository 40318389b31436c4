//! The version 2 document as protobuf: the messages of the gnostic compiler, as far as clients read them.

use prost::Message;
use serde_json::Value;

#[derive(Clone, PartialEq, Message)]
struct Document {
    #[prost(string, tag = "1")]
    swagger: String,
    #[prost(message, optional, tag = "2")]
    info: Option<Info>,
    #[prost(message, optional, tag = "8")]
    paths: Option<Paths>,
    #[prost(message, optional, tag = "9")]
    definitions: Option<Properties>,
}

#[derive(Clone, PartialEq, Message)]
struct Info {
    #[prost(string, tag = "1")]
    title: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Paths {
    #[prost(message, repeated, tag = "2")]
    path: Vec<NamedPathItem>,
}

#[derive(Clone, PartialEq, Message)]
struct NamedPathItem {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<PathItem>,
}

#[derive(Clone, PartialEq, Message)]
struct PathItem {
    #[prost(message, optional, tag = "8")]
    patch: Option<Operation>,
}

#[derive(Clone, PartialEq, Message)]
struct Operation {
    #[prost(string, repeated, tag = "6")]
    produces: Vec<String>,
    #[prost(string, repeated, tag = "7")]
    consumes: Vec<String>,
    #[prost(message, repeated, tag = "8")]
    parameters: Vec<ParametersItem>,
    #[prost(message, repeated, tag = "13")]
    vendor_extension: Vec<NamedAny>,
}

/// A parameter, under the four wrappers that the format has for parameters in the query.
#[derive(Clone, PartialEq, Message)]
struct ParametersItem {
    #[prost(message, optional, tag = "1")]
    parameter: Option<Parameter>,
}

#[derive(Clone, PartialEq, Message)]
struct Parameter {
    #[prost(message, optional, tag = "2")]
    non_body: Option<NonBodyParameter>,
}

#[derive(Clone, PartialEq, Message)]
struct NonBodyParameter {
    #[prost(message, optional, tag = "3")]
    query: Option<QueryParameter>,
}

#[derive(Clone, PartialEq, Message)]
struct QueryParameter {
    #[prost(string, tag = "2")]
    place: String,
    #[prost(string, tag = "4")]
    name: String,
    #[prost(string, tag = "6")]
    ty: String,
}

#[derive(Clone, PartialEq, Message)]
struct Properties {
    #[prost(message, repeated, tag = "1")]
    properties: Vec<NamedSchema>,
}

#[derive(Clone, PartialEq, Message)]
struct NamedSchema {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<SchemaMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct SchemaMessage {
    #[prost(string, tag = "1")]
    reference: String,
    #[prost(string, tag = "2")]
    format: String,
    #[prost(string, tag = "4")]
    description: String,
    #[prost(string, repeated, tag = "19")]
    required: Vec<String>,
    #[prost(message, optional, tag = "21")]
    additional: Option<Additional>,
    #[prost(message, optional, tag = "22")]
    ty: Option<TypeItem>,
    #[prost(message, optional, tag = "23")]
    items: Option<Items>,
    #[prost(message, optional, tag = "25")]
    properties: Option<Properties>,
    #[prost(message, repeated, tag = "31")]
    vendor_extension: Vec<NamedAny>,
}

#[derive(Clone, PartialEq, Message)]
struct Additional {
    #[prost(message, optional, tag = "1")]
    schema: Option<Box<SchemaMessage>>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeItem {
    #[prost(string, repeated, tag = "1")]
    value: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Items {
    #[prost(message, repeated, tag = "1")]
    schema: Vec<SchemaMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct NamedAny {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyMessage {
    #[prost(string, tag = "2")]
    yaml: String,
}

/// The document, encoded.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let members = |path: &str| document.pointer(path).and_then(Value::as_object).into_iter().flatten();
    Document {
        swagger: "2.0".into(),
        info: Some(Info { title: text(document, "/info/title"), version: text(document, "/info/version") }),
        paths: Some(Paths {
            path: members("/paths")
                .map(|(name, item)| NamedPathItem {
                    name: name.clone(),
                    value: Some(PathItem { patch: item.get("patch").map(operation) }),
                })
                .collect(),
        }),
        definitions: Some(Properties {
            properties: members("/definitions")
                .map(|(name, value)| NamedSchema { name: name.clone(), value: Some(schema(value)) })
                .collect(),
        }),
    }
    .encode_to_vec()
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let items = value.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The `x-` members; their values travel as YAML, of which JSON is a part.
fn extensions(value: &Value) -> Vec<NamedAny> {
    let members = value.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| name.starts_with("x-"))
        .map(|(name, value)| NamedAny {
            name: name.clone(),
            value: Some(AnyMessage { yaml: format!("{value}\n") }),
        })
        .collect()
}

fn operation(value: &Value) -> Operation {
    let parameters = value.get("parameters").and_then(Value::as_array).into_iter().flatten();
    Operation {
        produces: texts(value, "produces"),
        consumes: texts(value, "consumes"),
        parameters: parameters
            .map(|parameter| {
                let query = QueryParameter {
                    place: "query".into(),
                    name: text(parameter, "/name"),
                    ty: text(parameter, "/type"),
                };
                ParametersItem {
                    parameter: Some(Parameter { non_body: Some(NonBodyParameter { query: Some(query) }) }),
                }
            })
            .collect(),
        vendor_extension: extensions(value),
    }
}

fn schema(value: &Value) -> SchemaMessage {
    let ty = text(value, "/type");
    SchemaMessage {
        reference: text(value, "/$ref"),
        format: text(value, "/format"),
        description: text(value, "/description"),
        required: texts(value, "required"),
        additional: value
            .get("additionalProperties")
            .map(|inner| Additional { schema: Some(Box::new(schema(inner))) }),
        ty: (!ty.is_empty()).then(|| TypeItem { value: vec![ty] }),
        items: value.get("items").map(|inner| Items { schema: vec![schema(inner)] }),
        properties: value.get("properties").and_then(Value::as_object).map(|members| Properties {
            properties: members
                .iter()
                .map(|(name, inner)| NamedSchema { name: name.clone(), value: Some(schema(inner)) })
                .collect(),
        }),
        vendor_extension: extensions(value),
    }
}
