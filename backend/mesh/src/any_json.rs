//! JSON that nobody would write, for tests: readers must take it without a panic.

use proptest::prelude::*;
use serde_json::Value;

/// JSON of any shape, with the names that the readers look for.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "metadata",
        "spec",
        "status",
        "labels",
        "name",
        "namespace",
        "ownerReferences",
        "containers",
        "hosts",
        "http",
        "route",
        "destination",
        "host",
        "subset",
        "weight",
        "selector",
        "ports",
        "port",
        "targetPort",
        "subsets",
        "mtls",
        "mode",
        "match",
        "phase",
        "conditions",
        "replicas",
        "template",
        "gateways",
        "exportTo",
        "matchLabels",
        "app",
        "version",
        "fault",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["", "*", "reviews", "v1", "~", ".", "é", "9080", "mesh"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Value>()),
        ]
    })
}
