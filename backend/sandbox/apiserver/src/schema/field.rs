//! The schema of one field.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::{bounds::Bounds, rules::Rule, types::Type};

/// How a list is merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// As one value.
    #[default]
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map, keyed by these fields.
    Map(Vec<String>),
}

/// Further schemas that a value has to fit, or must not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logic {
    pub(crate) all_of: Vec<Arc<Schema>>,
    pub(crate) any_of: Vec<Arc<Schema>>,
    pub(crate) one_of: Vec<Arc<Schema>>,
    pub(crate) not: Option<Arc<Schema>>,
}

/// One field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) ty: Type,
    pub(crate) description: String,
    pub(crate) format: Option<String>,
    pub(crate) required: Vec<String>,
    pub(crate) properties: IndexMap<String, Arc<Schema>>,
    pub(crate) items: Option<Arc<Schema>>,
    /// The values of a map with free keys.
    pub(crate) additional: Option<Arc<Schema>>,
    /// Unknown fields stay.
    pub(crate) preserve: bool,
    /// The object is replaced as a whole.
    pub(crate) atomic: bool,
    pub(crate) options: Vec<Value>,
    pub(crate) bounds: Bounds,
    /// `null` is a value like any other.
    pub(crate) nullable: bool,
    /// What stands there when the writer said nothing.
    pub(crate) default: Option<Value>,
    pub(crate) logic: Logic,
    pub(crate) list: ListKind,
    pub(crate) rules: Vec<Rule>,
    /// The name under which OpenAPI documents list this type.
    pub(crate) definition: Option<String>,
}

impl Schema {
    /// The schema of one member of an object.
    pub(crate) fn member(&self, name: &str) -> Option<&Arc<Schema>> {
        self.properties.get(name).or(self.additional.as_ref())
    }

    /// At most one of these members may be there.
    pub(crate) fn at_most_one(members: &[&str]) -> Vec<Arc<Self>> {
        let with = |name: &&str| Arc::new(Self { required: vec![(*name).to_owned()], ..Self::default() });
        let any: Vec<Arc<Self>> = members.iter().map(with).collect();
        let none = Logic {
            not: Some(Arc::new(Self {
                logic: Logic { any_of: any.clone(), ..Logic::default() },
                ..Self::default()
            })),
            ..Logic::default()
        };
        [vec![Arc::new(Self { logic: none, ..Self::default() })], any].concat()
    }
}
