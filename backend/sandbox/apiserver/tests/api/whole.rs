//! Every field of every kind of Istio is known, stored, and shown again in every version.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Cluster, cluster};

/// The kind's CRD.
fn crd(cluster: &Cluster, kind: &str) -> Value {
    let all = cluster.server.store().list("CustomResourceDefinition");
    let found = all.iter().find(|crd| {
        crd["spec"]["names"]["kind"] == kind && crd["spec"]["group"].as_str().unwrap().ends_with("istio.io")
    });
    Value::clone(found.unwrap())
}

/// The fields of a schema, each under the fields of the type that it is in: the same type in two places
/// counts once.
fn fields(schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        let ty: Vec<&String> = properties.keys().collect();
        for (name, field) in properties {
            found.insert(format!("{ty:?}.{name}"));
            fields(field, found);
        }
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            fields(&schema[inner], found);
        }
    }
}

/// Takes away the fields that an object uses.
fn used(schema: &Value, value: &Value, left: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| used(&schema["items"], item, left)),
        Value::Object(members) => {
            let properties = schema["properties"].as_object();
            let ty: Vec<&String> =
                properties.map(|properties| properties.keys().collect()).unwrap_or_default();
            for (name, member) in members {
                match schema["properties"].get(name) {
                    Some(field) => {
                        left.remove(&format!("{ty:?}.{name}"));
                        used(field, member, left);
                    }
                    None => used(&schema["additionalProperties"], member, left),
                }
            }
        }
        _ => {}
    }
}

/// Fields that the schema has and istiod refuses: no object can be stored with them.
const REFUSED: [&str; 4] = [
    "\"fixedDelay\", \"exponentialDelay\"].exponentialDelay",
    "].http2Error",
    "[\"number\", \"protocol\", \"name\", \"targetPort\"].targetPort",
    "[\"name\", \"number\", \"protocol\", \"targetPort\"].targetPort",
];

#[tokio::test]
async fn objects_that_use_every_field_are_stored_whole() {
    let cluster = cluster().await;
    let mut kinds = BTreeSet::new();
    let (mut all, mut unused) = (BTreeSet::new(), BTreeSet::new());
    let objects: Vec<Value> = serde_saphyr::from_multiple(include_str!("istio.yaml")).unwrap();
    let schema_of =
        |crd: &Value| crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
    for object in &objects {
        let kind = object["kind"].as_str().unwrap();
        if kinds.insert(kind.to_owned()) {
            fields(&schema_of(&crd(&cluster, kind)), &mut all);
        }
    }
    unused
        .extend(all.iter().filter(|field| !REFUSED.iter().any(|refused| field.ends_with(refused))).cloned());
    for object in &objects {
        let kind = object["kind"].as_str().unwrap();
        let crd = crd(&cluster, kind);
        used(&schema_of(&crd), &object["spec"], &mut unused);

        let (group, plural) =
            (crd["spec"]["group"].as_str().unwrap(), crd["spec"]["names"]["plural"].as_str().unwrap());
        let versions: Vec<&str> = crd["spec"]["versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["name"].as_str().unwrap())
            .collect();
        let mut whole = object.clone();
        whole["apiVersion"] = json!(format!("{group}/{}", versions[0]));
        let name = object["metadata"]["name"].as_str().unwrap();
        let at = format!("/apis/{group}/{}/namespaces/default/{plural}", versions[0]);
        let made = cluster.post(&format!("{at}?fieldValidation=Strict"), whole.clone()).await;
        if kind == "EnvoyFilter" {
            // The schema knows it all; what the mesh cannot carry out is refused by the webhook, in words.
            assert!(
                made.body["message"].as_str().is_none_or(|words| words.starts_with("admission webhook")),
                "{}",
                made.body
            );
            continue;
        }
        assert_eq!(made.status, 201, "{kind} {name}: {}", made.body);
        for version in versions {
            let shown = cluster
                .get(&format!("/apis/{group}/{version}/namespaces/default/{plural}/{name}"))
                .await
                .body;
            assert_eq!(
                (&shown["spec"], &shown["apiVersion"]),
                (&object["spec"], &json!(format!("{group}/{version}"))),
                "{kind} {name}"
            );
        }
        whole["spec"]["nonsense"] = json!(1);
        let refused = cluster
            .send("PUT", &format!("{at}/{name}?fieldValidation=Strict"), "application/json", Some(whole))
            .await;
        assert_eq!(
            (refused.status, &refused.body["message"]),
            (400, &json!("strict decoding error: unknown field \"spec.nonsense\"")),
            "{kind}"
        );
    }
    assert_eq!(kinds.len(), 15, "{kinds:?}");
    assert!(unused.is_empty(), "no object uses {unused:#?}");
    println!(
        "{} objects of {} kinds use all {} fields and are stored whole",
        objects.len(),
        kinds.len(),
        all.len()
    );
}
