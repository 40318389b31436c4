//! What the control plane says of Gateways and routes, written to their status as istiod does.

use crate::workloads::inject::now;
use apiserver::{Store, Watch, WatchEvent};
use istio::views::gateway_api::GROUP;
use pilot::{ObjectStatus, ObjectStatuses};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Writes until the control plane is away.
pub(crate) async fn write(store: Store, mut said: watch::Receiver<ObjectStatuses>) {
    let mut news = store.watch();
    loop {
        let all = said.borrow_and_update().clone();
        for one in all.iter() {
            put(&store, one);
        }
        tokio::select! {
            changed = said.changed() => if changed.is_err() { return },
            // One that is made again gets its status again.
            () = made(&mut news) => {}
        }
    }
}

/// Ready when an object of the Gateway API is made or changed.
async fn made(news: &mut Watch) {
    loop {
        if let WatchEvent::Added(object) | WatchEvent::Modified(object) = news.next().await
            && object["apiVersion"].as_str().is_some_and(|version| version.starts_with(GROUP))
        {
            return;
        }
    }
}

/// Writes one status, unless it stands there.
fn put(store: &Store, said: &ObjectStatus) {
    let kind = format!("{}.{GROUP}", said.kind);
    let Some(object) = store.get(&kind, &said.namespace, &said.name) else { return };
    let parents = |status: &Value| status["parents"].as_array().is_some_and(|list| !list.is_empty());
    if matches!(said.kind.as_str(), "HTTPRoute" | "GRPCRoute")
        && !parents(&said.status)
        && !parents(&object["status"])
    {
        return; // somebody else's
    }
    let mut status = said.status.clone();
    keep_times(&mut status, &object["status"], &now());
    if status == object["status"] {
        return;
    }
    let mut changed = Value::clone(&object);
    changed["status"] = status;
    if let Err(error) = store.update_status(changed) {
        tracing::warn!(kind, name = said.name, %error, "a status was not written");
    }
}

/// Each condition says since when it is as it is: as before, while it says the same.
fn keep_times(new: &mut Value, old: &Value, now: &str) {
    match new {
        Value::Object(fields)
            if fields.contains_key("observedGeneration") && fields.contains_key("reason") =>
        {
            let since =
                if old["status"] == fields["status"] { old["lastTransitionTime"].as_str() } else { None };
            fields.insert("lastTransitionTime".into(), json!(since.unwrap_or(now)));
        }
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, value)| keep_times(value, &old[key.as_str()], now));
        }
        Value::Array(items) => {
            for item in items {
                let same = |other: &&Value| {
                    ["type", "name", "parentRef"].iter().all(|key| other.get(key) == item.get(key))
                };
                let before = old.as_array().into_iter().flatten().find(same).cloned().unwrap_or_default();
                keep_times(item, &before, now);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_while_it_says_the_same() {
        let said = |status: &str| {
            json!({"parents": [{"parentRef": {"name": "a"}, "conditions": [
                {"type": "Accepted", "status": status, "reason": "R", "message": "", "observedGeneration": 1}]}]})
        };
        let since = |status: &Value| status["parents"][0]["conditions"][0]["lastTransitionTime"].clone();
        let mut first = said("True");
        keep_times(&mut first, &Value::Null, "1");
        let mut same = said("True");
        keep_times(&mut same, &first, "2");
        let mut other = said("False");
        keep_times(&mut other, &same, "3");
        assert_eq!((since(&first), since(&same), since(&other)), (json!("1"), json!("1"), json!("3")));
    }
}
