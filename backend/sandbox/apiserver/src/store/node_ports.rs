//! The ports of nodes: Services of the types NodePort and LoadBalancer get one for each port.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{key::Key, state::State};

/// The ports that may be given away.
pub(crate) const RANGE: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// Gives the ports of a Service what they had before, or a free port; takes away what its type no longer has.
pub(super) fn complete(state: &State, object: &mut Value) {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (namespace, name, kind) = (text("/metadata/namespace"), text("/metadata/name"), text("/spec/type"));
    let wants = match kind.as_str() {
        "NodePort" => true,
        "LoadBalancer" => object.pointer("/spec/allocateLoadBalancerNodePorts") != Some(&json!(false)),
        _ => false,
    };
    let services = || state.kinds.named("Service").into_iter().flat_map(|(id, _)| state.range(id, None));
    let before = before(state, object);
    let before = |of: &Value| {
        let known = ports(before.as_deref()?).find(|known| same(known, of))?;
        known.get("nodePort").and_then(Value::as_i64)
    };
    // All Services are looked at only for the few that want a port of nodes.
    let mut taken: BTreeSet<i64> = ports(object).filter_map(node_port).collect();
    if wants {
        taken.extend(services().flat_map(|(_, service)| ports(service)).filter_map(node_port));
    }
    let Some(own) = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut) else { return };
    for port in own {
        let given = node_port(port).filter(|port| *port != 0);
        match given {
            Some(given) if !wants && before(port) == Some(given) => {
                if let Some(members) = port.as_object_mut() {
                    members.shift_remove("nodePort");
                }
            }
            None if wants => {
                let Some(free) = before(port).or_else(|| free(&taken, &namespace, &name)) else { continue };
                taken.insert(free);
                port["nodePort"] = json!(free);
            }
            _ => {}
        }
    }
}

/// The Service as it is stored.
pub(super) fn before(state: &State, object: &Value) -> Option<Arc<Value>> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, _) = state.kinds.named("Service")?;
    state.get(&Key { kind, namespace: text("/metadata/namespace"), name: text("/metadata/name") }).cloned()
}

/// Another Service's node ports among those of this one.
pub(crate) fn taken(state: &State, object: &Value) -> Vec<(usize, i64)> {
    let of = |object: &Value| {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("/metadata/namespace"), text("/metadata/name"))
    };
    let Some((id, _)) = state.kinds.named("Service") else { return Vec::new() };
    let others = || {
        state.range(id, None).filter(|(_, other)| of(other) != of(object)).flat_map(|(_, other)| ports(other))
    };
    let own =
        ports(object).enumerate().filter_map(|(index, port)| Some((index, node_port(port)?, protocol(port))));
    own.filter(|(_, port, protocol)| {
        others().any(|other| node_port(other) == Some(*port) && self::protocol(other) == *protocol)
    })
    .map(|(index, port, _)| (index, port))
    .collect()
}

/// The first free port, from a place in the range that the Service's name decides: the same in every run.
fn free(taken: &BTreeSet<i64>, namespace: &str, name: &str) -> Option<i64> {
    let size = RANGE.end() - RANGE.start() + 1;
    let seed = namespace.bytes().chain(*b"/").chain(name.bytes());
    let start = seed.fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % size);
    (0..size).map(|step| RANGE.start() + (start + step) % size).find(|port| !taken.contains(port))
}

fn ports(service: &Value) -> impl Iterator<Item = &Value> {
    service.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten()
}

fn node_port(port: &Value) -> Option<i64> {
    port.get("nodePort").and_then(Value::as_i64).filter(|port| *port != 0)
}

fn protocol(port: &Value) -> &str {
    port.get("protocol").and_then(Value::as_str).unwrap_or("TCP")
}

fn same(one: &Value, other: &Value) -> bool {
    one.get("port") == other.get("port") && protocol(one) == protocol(other)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Store;

    #[test]
    fn node_ports_come_stay_and_go_with_the_type() {
        let store = Store::new();
        let service = |name: &str, kind: &str| {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"type": kind, "ports": [{"port": 80}, {"port": 81, "name": "b"}]}})
        };
        let of = |object: &Value| [0, 1].map(|index| object["spec"]["ports"][index]["nodePort"].as_i64());
        let first = store.create(service("a", "NodePort")).unwrap();
        let [Some(one), Some(two)] = of(&first) else { panic!("{first}") };
        assert!(super::RANGE.contains(&one) && super::RANGE.contains(&two) && one != two);
        assert_eq!(of(&store.apply(service("a", "LoadBalancer")).unwrap()), [Some(one), Some(two)], "kept");
        let other = store.create(service("c", "LoadBalancer")).unwrap();
        assert!(of(&other).iter().all(|port| port.is_some_and(|port| port != one && port != two)));
        let mut inside = Value::clone(&first);
        inside["spec"]["type"] = json!("ClusterIP");
        assert_eq!(of(&store.apply(inside).unwrap()), [None, None]);
    }

    #[test]
    fn a_service_that_becomes_a_name_gives_its_address_back() {
        let store = Store::new();
        let service = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {"ports": [{"port": 80}]}});
        let mut outside = Value::clone(&store.create(service).unwrap());
        assert!(outside["spec"]["clusterIP"].is_string());
        (outside["spec"]["type"], outside["spec"]["externalName"]) =
            (json!("ExternalName"), json!("example.com"));
        let outside = store.update(outside).unwrap();
        assert_eq!((outside["spec"].get("clusterIP"), outside["spec"].get("clusterIPs")), (None, None));
        let mut inside = Value::clone(&outside);
        inside["spec"]["type"] = json!("ClusterIP");
        assert!(store.update(inside).unwrap()["spec"]["clusterIP"].is_string());
    }
}
