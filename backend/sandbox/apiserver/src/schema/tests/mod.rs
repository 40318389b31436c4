//! Every rule of Istio's CRDs, by an object that keeps it and one that does not, in the words of a real API
//! server.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{check, duplicates};
use crate::{kinds::Kinds, store::Store};

mod edge;
mod gateway_api;
mod policies;
mod traffic;

static KINDS: LazyLock<Arc<Kinds>> = LazyLock::new(|| Store::new().read(|state| state.kinds.clone()));

/// What a real server would list for an object of this kind; nothing when it takes it.
fn said(kind: &str, spec: &Value) -> Vec<String> {
    let schema = KINDS.named(kind).unwrap().1.storage().schema.clone();
    let object = json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec});
    let problems = check(&schema, &object, None).into_iter().chain(duplicates(&schema, &object));
    problems.map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
}

#[track_caller]
fn table(kind: &str, rows: Vec<(Value, Value, &str)>) {
    for (taken, refused, words) in rows {
        assert_eq!(said(kind, &taken), Vec::<String>::new(), "{kind}: {taken}");
        let found = said(kind, &refused);
        assert!(found.iter().any(|one| one == words), "{kind}: {refused}\n  {words}\n  {found:#?}");
    }
}

fn with(mut base: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

const DURATION: &str = "must be a valid duration greater than 1ms";
