//! What is refused, with the words that say why, and what is warned of.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::check;
use crate::{kinds::Kinds, store::Store};

mod envoy_filter;

static KINDS: LazyLock<Arc<Kinds>> = LazyLock::new(|| Store::new().read(|state| state.kinds.clone()));

fn said(kind: &str, spec: &Value) -> Result<Vec<String>, String> {
    let row = KINDS.named(kind).unwrap().1;
    let object = json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec});
    check(&row, &object).map_err(|refused| refused.to_string())
}

#[test]
fn several_reasons_stand_under_each_other() {
    let way = |weight: i64| json!({"destination": {"host": "a"}, "weight": weight});
    let said = |ways: Value| said("VirtualService", &json!({"hosts": ["a"], "http": [{"route": ways}]}));
    let words = said(json!([way(-1), way(-2)])).unwrap_err();
    assert_eq!(words, "2 errors occurred:\n\t* weight -1 < 0\n\t* weight -2 < 0\n\n");
    assert_eq!(said(json!([way(-1), way(3)])).unwrap_err(), "weight -1 < 0");
    assert_eq!(said(json!([way(-1), way(-1), way(3)])).unwrap_err(), "weight -1 < 0", "each is said once");
    assert_eq!(said(json!([way(1)])), Ok(Vec::new()));
}

#[test]
fn what_is_warned_of_is_taken() {
    let spec = json!({"host": "a", "trafficPolicy": {"loadBalancer": {"simple": "LEAST_CONN"}}});
    let warned = said("DestinationRule", &spec).unwrap();
    assert_eq!(warned, ["LEAST_CONN is deprecated; use LEAST_REQUEST"]);
}
