//! What is in force where an editor says nothing, and who says it: the service, another DestinationRule, the
//! mesh, or Istio by itself.

use super::fields::{FieldRow, Fields};
use super::form::{Form, shown};
use istio::{Duration, Ref, fqdn};
use mesh::mesh_config::MeshConfig;
use mesh::plan::{Level, PolicyOf, own_rule};
use mesh::{Mesh, Remote};
use serde_json::Value;
use std::sync::Arc;

/// Retries of a proxy when nobody says anything.
const BUILT_IN: &str =
    "2 retries on connect-failure, refused-stream, unavailable, cancelled, retriable-status-codes";

/// What the mesh as a whole says; why that is not known.
pub(super) fn mesh_config(form: &Form<'_>) -> Result<Arc<MeshConfig>, String> {
    let cx = form.cx();
    match cx.reads.mesh_config(cx.scene.mesh.root_namespace()) {
        Remote::Live(config, _) | Remote::Stale(config, ..) => Ok(config),
        Remote::Denied(problem) => {
            Err(format!("not known, what the mesh says cannot be read: {}", problem.why))
        }
        Remote::Waiting => Err("reading what the mesh says".to_owned()),
    }
}

/// The retries of rules that say nothing of them.
pub(super) fn retries(config: Result<&MeshConfig, &str>) -> String {
    let said = match config {
        Err(why) => return format!("In force: {why}"),
        Ok(config) => config.retries.as_ref(),
    };
    let Some(said) = said else { return format!("In force: {BUILT_IN}, from Istio itself") };
    let attempts = said.get("attempts").and_then(Value::as_i64).unwrap_or_default();
    if attempts <= 0 {
        return "In force: no retries, from the mesh (defaultHttpRetryPolicy)".to_owned();
    }
    let on = said.get("retryOn").and_then(Value::as_str).filter(|on| !on.is_empty());
    let on = on.map_or_else(|| "if none answered".to_owned(), |on| format!("on {}", on.replace(',', ", ")));
    let each = said.get("perTryTimeout").and_then(Value::as_str).and_then(Duration::read);
    let each = each.map(|each| format!(", {} each", shown(each))).unwrap_or_default();
    let word = if attempts == 1 { "retry" } else { "retries" };
    format!("In force: {attempts} {word} {on}{each}, from the mesh (defaultHttpRetryPolicy)")
}

/// How long connecting may take where no policy says it.
pub(super) fn connect_timeout(config: Result<&MeshConfig, &str>) -> String {
    match config {
        Err(why) => format!("Connect timeout in force: {why}"),
        Ok(config) => match config.connect_timeout.as_deref().and_then(Duration::read) {
            Some(time) => {
                format!("Connect timeout in force: {}, from the mesh (connectTimeout)", shown(time))
            }
            None => "Connect timeout in force: 10 s, from Istio itself".to_owned(),
        },
    }
}

/// What holds for each block of fields that this level says nothing of: of a subset or a port, what the
/// service says; of a service without a DestinationRule of its own, what one for more services says.
pub(super) fn inherited(
    mesh: &Mesh,
    at: &PolicyOf,
    own: &Fields,
    blocks: &[(&str, &[&'static [FieldRow]])],
) -> Vec<String> {
    let Some((policy, from)) = above(mesh, at) else { return Vec::new() };
    let said = |(block, tables): &(&str, &[&'static [FieldRow]])| {
        policy.get(*block)?;
        if tables.iter().any(|rows| own.says(rows)) {
            return None;
        }
        let rows: Vec<&'static FieldRow> = tables.iter().flat_map(|rows| rows.iter()).collect();
        let fields = Fields::of(Some(policy), rows.iter().copied());
        let words: Vec<String> =
            tables.iter().map(|rows| fields.in_short(rows)).filter(|said| !said.is_empty()).collect();
        (!words.is_empty()).then(|| format!("In force: {}, from {from}", words.join(", ")))
    };
    blocks.iter().filter_map(said).collect()
}

/// The policy that counts where a level says nothing, and in whose words.
fn above<'a>(mesh: &'a Mesh, at: &PolicyOf) -> Option<(&'a Value, String)> {
    let service = at.service(mesh)?;
    let policy = |rule: &Ref| mesh.objects().get(rule)?.spec().get("trafficPolicy");
    if let Some(own) = own_rule(mesh, service) {
        let whole = || format!("all calls to {} ({} {})", service.name, own.kind, own.name);
        return match at.level {
            Level::Service => None,
            Level::Subset(_) | Level::Port(_) => Some((policy(own)?, whole())),
        };
    }
    let seen = |rule: &&Ref| {
        [&*service.namespace, mesh.root_namespace()].contains(&&*rule.namespace)
            && mesh
                .destination_rule(rule)
                .is_some_and(|view| fqdn(&view.host, &rule.namespace) != service.host)
    };
    let wider = service.destination_rules.iter().find(seen)?;
    Some((policy(wider)?, wider.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editors::fields::{Holds, fields};
    use mesh::demo;
    use serde_json::json;

    fields! {
        ROWS {
            "connectionPool/tcp/maxConnections" "Connections" Holds::Count(1), "" [] "";
        }
    }

    #[test]
    fn retries_that_nobody_sets() {
        let of = |mesh: Value| retries(Ok(&MeshConfig::read(&mesh)));
        assert_eq!(of(json!({})), format!("In force: {BUILT_IN}, from Istio itself"));
        let policy = json!({ "attempts": 1, "retryOn": "5xx,reset", "perTryTimeout": "2s" });
        assert_eq!(
            of(json!({ "defaultHttpRetryPolicy": policy })).replace('\u{a0}', " "),
            "In force: 1 retry on 5xx, reset, 2 s each, from the mesh (defaultHttpRetryPolicy)"
        );
        let off = json!({ "defaultHttpRetryPolicy": { "attempts": 0 } });
        assert_eq!(of(off), "In force: no retries, from the mesh (defaultHttpRetryPolicy)");
        assert_eq!(retries(Err("reading")), "In force: reading");
        let time = connect_timeout(Ok(&MeshConfig::read(&json!({ "connectTimeout": "3s" }))));
        assert_eq!(
            time.replace('\u{a0}', " "),
            "Connect timeout in force: 3 s, from the mesh (connectTimeout)"
        );
    }

    #[test]
    fn what_a_subset_has_of_its_service() {
        let mut objects = demo::bookinfo_objects();
        let at = Ref::new(&mesh::kinds::DESTINATION_RULE, "bookinfo", "reviews");
        let mut value = (*objects[&at].0).clone();
        value["spec"]["trafficPolicy"] = json!({ "connectionPool": { "tcp": { "maxConnections": 7 } } });
        objects.insert(at.clone(), value.clone().into());
        let mesh = Mesh::read(objects.clone(), None);
        let all = |mesh: &Mesh| PolicyOf::all(mesh.service("bookinfo", "reviews").unwrap());
        let said = |mesh: &Mesh, at: &PolicyOf, own: &Fields| {
            inherited(mesh, at, own, &[("connectionPool", &[ROWS]), ("outlierDetection", &[])])
        };
        let none = Fields::default();
        assert!(said(&mesh, &all(&mesh)[0], &none).is_empty());
        let v1 = &all(&mesh)[1];
        assert_eq!(
            said(&mesh, v1, &none),
            ["In force: connections 7, from all calls to reviews (DestinationRule reviews)"]
        );
        let own = Fields::with([("connectionPool/tcp/maxConnections", json!(1))]);
        assert!(said(&mesh, v1, &own).is_empty(), "it has its own");
        value["spec"]["host"] = json!("*.bookinfo.svc.cluster.local");
        objects.insert(at, value.into());
        let mesh = Mesh::read(objects, None);
        assert_eq!(
            said(&mesh, &all(&mesh)[0], &none),
            ["In force: connections 7, from DestinationRule bookinfo/reviews"]
        );
    }
}
