use super::*;

const OLDER: &str = r#"[
 {"cluster_id":"Kubernetes","proxy":"cart-v1-77.shop","istio_version":"1.14.2",
  "cluster_sent":"aa=1","cluster_acked":"aa=1","listener_sent":"bb=2","listener_acked":"aa=0",
  "route_sent":"cc=3","route_acked":"cc=3"},
 {"proxy":"","cluster_id":"Kubernetes"}, 7]"#;

const CURRENT: &str = r#"[
 {"cluster_id":"east","proxy":"cart-v1-77.shop","proxy_type":"sidecar","istio_version":"1.30.0",
  "cluster_sent":"old","cluster_acked":"",
  "resources":{
   "type.googleapis.com/envoy.config.cluster.v3.Cluster":{"sent":"n1","acked":"n1","sentTime":"2026-03-04T05:06:07.5Z"},
   "type.googleapis.com/envoy.config.route.v3.RouteConfiguration":{"sent":"n2","acked":"n1","sentTime":"2026-03-04T05:06:08Z",
     "lastError":"Error adding route 8080: bad regex"},
   "type.googleapis.com/envoy.config.listener.v3.Listener":{"sent":"n3"},
   "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret":{"sent":"s","acked":"s"},
   "type.googleapis.com/istio.networking.nds.v1.NameTable":{}}}]"#;

fn states(body: &str) -> Vec<String> {
    let proxies = parse(body.as_bytes(), "istiod-1").expect("a list").0;
    proxies
        .iter()
        .map(|proxy| {
            let proxy = proxy.proxy();
            let types = proxy.types.iter().map(|(name, state)| format!("{name} {state:?}"));
            format!(
                "{} {} {} {}: {}",
                proxy.name,
                proxy.cluster,
                proxy.version,
                proxy.istiod,
                types.collect::<Vec<_>>().join(", ")
            )
        })
        .collect()
}

#[test]
fn older_form() {
    assert_eq!(
        states(OLDER),
        ["cart-v1-77.shop Kubernetes 1.14.2 istiod-1: CDS Synced, EDS NotSent, LDS Stale, RDS Synced"]
    );
}

/// What cannot be read is counted: it is no proxy that is not there.
#[test]
fn entries_that_cannot_be_read_are_counted() {
    let (proxies, unread) = parse(OLDER.as_bytes(), "istiod-1").expect("a list");
    assert_eq!((proxies.len(), unread), (1, 2));
}

#[test]
fn current_form() {
    assert_eq!(
        states(CURRENT),
        ["cart-v1-77.shop east 1.30.0 istiod-1: CDS Synced, EDS NotSent, LDS NeverAcked, \
          RDS Nacked(\"Error adding route 8080: bad regex\"), Secret Synced"]
    );
    let proxies = parse(CURRENT.as_bytes(), "").expect("a list").0;
    assert_eq!(proxies[0].types["CDS"].sent_at, Some("2026-03-04T05:06:07.5Z".parse().expect("a time")));
}

#[test]
fn no_proxies() {
    assert_eq!(parse(b"null", ""), Ok((Vec::new(), 0)));
    assert_eq!(parse(b"[]", ""), Ok((Vec::new(), 0)));
    assert!(parse(b"{}", "").is_err());
    assert!(parse(b"<html>", "").is_err());
}

#[test]
fn a_proxy_between_two_replicas_counts_once() {
    let one = parse(CURRENT.as_bytes(), "istiod-1").expect("a list").0;
    let newer = CURRENT.replace("05:06:08Z", "05:09:00Z");
    let two = parse(newer.as_bytes(), "istiod-2").expect("a list").0;
    for all in [vec![one.clone(), two.clone()], vec![two, one]] {
        let merged = merge(all);
        assert_eq!(merged.iter().map(|proxy| proxy.istiod.as_str()).collect::<Vec<_>>(), ["istiod-2"]);
    }
}

#[test]
fn the_words_of_a_refusal_from_the_log() {
    let log = "2026-01-01T00:00:00Z\tinfo\tads\tLDS: PUSH for node:cart-v1-77.shop\n\
        2026-01-01T00:00:01Z\twarn\tads\tADS:LDS: ACK ERROR cart-v1-77.shop-12 Internal:first\n\
        2026-01-01T00:00:02Z\twarn\tads\tADS:LDS: ACK ERROR other.shop-3 Internal:other\n\
        2026-01-01T00:00:03Z\twarn\tads\tADS:LDS: ACK ERROR cart-v1-77.shop-12 Internal:listener x: bad key\n";
    assert_eq!(
        refusal_in_log(log, "cart-v1-77.shop", "LDS").as_deref(),
        Some("Internal:listener x: bad key")
    );
    assert_eq!(refusal_in_log(log, "cart-v1-77.shop", "RDS"), None);
    assert_eq!(refusal_in_log(log, "cart-v1.shop", "LDS"), None);
}

#[test]
fn refusals_in_the_metrics() {
    let metrics = "# TYPE pilot_total_xds_rejects counter\n\
        pilot_total_xds_rejects{type=\"lds\",version=\"1.14\"} 3\npilot_total_xds_rejects{type=\"rds\"} 1\n\
        pilot_total_xds_internal_errors 9\n";
    assert_eq!((rejects_in_metrics(metrics, "LDS"), rejects_in_metrics(metrics, "CDS")), (3.0, 0.0));
}
