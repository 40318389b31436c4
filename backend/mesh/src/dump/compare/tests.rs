use super::*;
use crate::demo::NOW;
use serde_json::Value;

/// A reading of a proxy of this version; `configs` are its sections.
fn dump(version: &str, configs: &[Value]) -> Dump {
    let started = json!({ "@type": "x.BootstrapConfigDump", "last_updated": "2026-11-01T10:00:00Z", "bootstrap": {
        "node": { "id": "sidecar", "metadata": { "ISTIO_VERSION": version, "INSTANCE_IPS": "10.1.0.1" } } } });
    let configs: Vec<&Value> = std::iter::once(&started).chain(configs).collect();
    Dump::read(&json!({ "configs": configs }).to_string()).unwrap()
}

fn clusters(number: u32, clusters: &[Value]) -> Value {
    let of = |cluster: &Value| {
        json!({ "version_info": number.to_string(), "cluster": cluster,
        "last_updated": format!("2026-11-01T10:00:{number:02}Z") })
    };
    json!({ "@type": "x.ClustersConfigDump", "version_info": number.to_string(),
        "dynamic_active_clusters": clusters.iter().map(of).collect::<Vec<_>>() })
}

fn cluster(host: &str, timeout: &str) -> Value {
    json!({ "name": format!("outbound|80||{host}.shop.svc.cluster.local"), "type": "EDS", "connect_timeout": timeout })
}

fn routes(hosts: &[Value]) -> Value {
    json!({ "@type": "x.RoutesConfigDump", "dynamic_route_configs": [
        { "version_info": "1", "route_config": { "name": "80", "virtual_hosts": hosts } }] })
}

fn host(name: &str, domains: &[&str], routes: &[(&str, Value)]) -> Value {
    let route = |(path, action): &(&str, Value)| json!({ "match": { "prefix": path }, "route": action });
    json!({ "name": name, "domains": domains, "routes": routes.iter().map(route).collect::<Vec<_>>() })
}

fn to(cluster: &str) -> Value {
    json!({ "cluster": format!("outbound|80||{cluster}.shop.svc.cluster.local") })
}

fn split(v1: u32, v2: u32) -> Value {
    let name = |version: &str| format!("outbound|80|{version}|cart.shop.svc.cluster.local");
    json!({ "weighted_clusters": { "clusters": [
        { "name": name("v1"), "weight": v1 }, { "name": name("v2"), "weight": v2 }] } })
}

fn said(compared: &Compared) -> String {
    let line = |one: &Difference| {
        let troubled = if one.troubled { " !" } else { "" };
        let places: String = one.places.iter().map(|place| format!("\n    {place}")).collect();
        let also: String = one.also.iter().map(|title| format!(" = {title}")).collect();
        format!("{} {}{also}: {:?}{troubled}{places}\n", one.part.name(), one.title, one.is)
    };
    let lines: String = compared.differences.iter().map(line).collect();
    let unknown: String =
        compared.unknown.iter().map(|(part, why)| format!("{}: {why}\n", part.name())).collect();
    format!("{lines}{unknown}{} the same", compared.same)
}

#[test]
fn what_passes_and_what_has_no_order_is_no_difference() {
    let (a, b) = (cluster("a", "1s"), cluster("b", "1s"));
    let hosts = [host("a:80", &["a", "a.shop"], &[("/", to("a"))]), host("b:80", &["b"], &[("/", to("b"))])];
    let turned = [host("b:80", &["b"], &[("/", to("b"))]), host("a:80", &["a.shop", "a"], &[("/", to("a"))])];
    let mut first = dump("1.27.0", &[clusters(1, &[a.clone(), b.clone()]), routes(&hosts)]);
    let mut second = dump("1.27.0", &[clusters(2, &[b, a]), routes(&turned)]);
    let endpoints = |calls: u32| {
        json!({ "cluster_statuses": [{ "name": "outbound|80||a.shop.svc.cluster.local", "host_statuses": [
        { "address": { "socket_address": { "address": "10.1.0.7", "port_value": 80 } }, "health_status": { "eds_health_status": "HEALTHY" },
          "stats": [{ "name": "rq_total", "value": calls }] }] }] })
    };
    first.take(Part::Endpoints, &endpoints(3).to_string(), NOW);
    second.take(Part::Endpoints, &endpoints(900).to_string(), NOW);
    first.take(Part::Stats, "server.live: 1\n", NOW);
    assert_eq!(said(&Compared::of(&first, &second)), "6 the same");
}

#[test]
fn the_worst_comes_first_with_its_fields() {
    let refused = json!({ "@type": "x.ListenersConfigDump", "dynamic_listeners": [{ "name": "0.0.0.0_80",
        "active_state": { "listener": { "name": "0.0.0.0_80" } }, "client_status": "NACKED",
        "error_state": { "details": "filter chain match rules overlap", "last_update_attempt": "2026-11-01T10:06:00Z" } }] });
    let taken = json!({ "@type": "x.ListenersConfigDump", "dynamic_listeners": [{ "name": "0.0.0.0_80",
        "active_state": { "listener": { "name": "0.0.0.0_80" } } }] });
    let cart = |v1, v2| host("cart:80", &["cart", "cart.shop", "10.0.0.3"], &[("/", split(v1, v2))]);
    let first = dump(
        "1.27.0",
        &[
            clusters(1, &[cluster("a", "1s"), cluster("b", "1s"), cluster("gone", "1s")]),
            routes(&[cart(90, 10)]),
            taken,
        ],
    );
    let second = dump(
        "1.26.4",
        &[
            clusters(1, &[cluster("a", "2s"), cluster("b", "2s"), cluster("new", "1s")]),
            routes(&[cart(50, 50)]),
            refused,
        ],
    );
    insta::assert_snapshot!(said(&Compared::of(&first, &second)), @r"
    Listeners 0.0.0.0_80: Other !
        as it was wanted → refused: filter chain match rules overlap (at 2026-11-01T10:06:00Z)
        client_status none → NACKED
        error_state.details none → filter chain match rules overlap
    Other How it was started: Other
        bootstrap.node.metadata.ISTIO_VERSION 1.27.0 → 1.26.4
    Clusters gone.shop 80: OnlyFirst
    Clusters new.shop 80: OnlySecond
    Clusters a.shop 80 = b.shop 80: Other
        cluster.connect_timeout 1s → 2s
    Routes cart, and 2 more /* at 80: Other
        route.weighted_clusters.clusters.outbound|80|v1|cart.shop.svc.cluster.local.weight 90 → 50
        route.weighted_clusters.clusters.outbound|80|v2|cart.shop.svc.cluster.local.weight 10 → 50
    0 the same
    ");
}

#[test]
fn routes_differ_by_domains_and_by_order() {
    let web = |domains: &[&str], paths: [&str; 2]| {
        routes(&[host("web:80", domains, &[(paths[0], to("a")), (paths[1], to("a"))])])
    };
    let first = dump("1.27.0", &[web(&["web", "web.shop", "10.0.0.3"], ["/pay", "/"])]);
    let second = dump("1.27.0", &[web(&["web", "web.shop", "10.0.0.4"], ["/", "/pay"])]);
    insta::assert_snapshot!(said(&Compared::of(&first, &second)), @r"
    Routes Order of web, and 2 more at 80: Ordered
        route 1: /pay* → /*
    Routes web, and 2 more /* at 80 = web, and 2 more /pay* at 80: Other
        domains −10.0.0.3 +10.0.0.4
    1 the same
    ");
}

/// Filters are told by name, and that their order is another one.
#[test]
fn lists_of_named_things_are_told_by_name() {
    let listener = |filters: &[&str]| {
        let filters: Vec<Value> = filters
            .iter()
            .map(|name| json!({ "name": name, "typed_config": { "@type": "x.Router" } }))
            .collect();
        let manager = json!({ "@type": "x.HttpConnectionManager", "http_filters": filters });
        json!({ "@type": "x.ListenersConfigDump", "static_listeners": [{ "listener": { "name": "web",
            "filter_chains": [{ "name": "b", "filters": [{ "name": "http", "typed_config": manager }] }, { "name": "a" }] } }] })
    };
    let first = dump("1.27.0", &[listener(&["cors", "router"])]);
    let second = dump("1.27.0", &[listener(&["fault", "cors", "router"])]);
    insta::assert_snapshot!(said(&Compared::of(&first, &second)), @r"
    Listeners web: Other
        listener.filter_chains.b.filters.http.typed_config.http_filters.fault.name none → fault
        listener.filter_chains.b.filters.http.typed_config.http_filters.fault.typed_config.@type none → x.Router
        listener.filter_chains.b.filters.http.typed_config.http_filters.order cors, router → fault, cors, router
    1 the same
    ");
    let entry = first.of(Part::Listeners).next().unwrap();
    assert!(text(entry).starts_with("{\n  \"listener\": {"), "{}", text(entry));
}

#[test]
fn what_one_does_not_tell_is_not_known() {
    let (mut first, second) = (dump("1.27.0", &[]), dump("1.27.0", &[]));
    first.unknown.insert(Part::Endpoints, "connection refused".to_owned());
    assert_eq!(said(&Compared::of(&first, &second)), "Endpoints: connection refused\n1 the same");
    let ztunnel = |uids: &[&str]| {
        let all: Vec<Value> = uids.iter().map(|uid| json!({ "uid": uid, "name": "web" })).collect();
        Dump::read(&json!({ "workloads": all }).to_string()).unwrap()
    };
    insta::assert_snapshot!(said(&Compared::of(&ztunnel(&["a", "b"]), &ztunnel(&["b", "c"]))), @r"
    Other workloads: Other
        c.uid none → c
        c.name none → web
        a.uid a → none
        a.name web → none
    0 the same
    ");
}
