//! Charts of the mesh as a whole: what istiod does and needs, what proxies cost, the proxies of nodes. What Istio's boards
//! for Grafana show of them.

use super::{Board, Chart, Unit, chart};
use crate::series::whole;

const ISTIOD: Board = Board::ControlPlane;
const COST: Board = Board::Proxies;
const NODES: Board = Board::Ztunnel;

/// A new one is a row. Several replicas of istiod know the same services: the largest number counts.
pub(super) const CHARTS: &[Chart] = &[
    chart(ISTIOD, "Proxies that are connected", Unit::Count, || {
        whole("pilot_xds", "version", "sum by (version) (pilot_xds)")
    }),
    chart(ISTIOD, "Pushes", Unit::PerSecond, || {
        whole("pilot_xds_pushes", "type", "sum by (type) (rate(pilot_xds_pushes[$w]))")
    }),
    chart(ISTIOD, "What pushes are for", Unit::PerSecond, || {
        whole("pilot_push_triggers", "type", "sum by (type) (rate(pilot_push_triggers[$w]))")
    }),
    chart(ISTIOD, "Until proxies have a change, p50", Unit::Millis, || {
        whole(
            CONVERGENCE,
            "",
            "1000 * histogram_quantile(0.5, sum by (le) (rate(pilot_proxy_convergence_time_bucket[$w])))",
        )
    }),
    chart(ISTIOD, "Until proxies have a change, p99", Unit::Millis, || {
        whole(
            CONVERGENCE,
            "",
            "1000 * histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_convergence_time_bucket[$w])))",
        )
    }),
    chart(ISTIOD, "Waiting to be pushed, p99", Unit::Millis, || {
        whole(
            QUEUE,
            "",
            "1000 * histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_queue_time_bucket[$w])))",
        )
    }),
    chart(ISTIOD, "Refused by proxies", Unit::PerSecond, || {
        whole("pilot_total_xds_rejects", "type", "sum by (type) (rate(pilot_total_xds_rejects[$w]))")
    }),
    chart(ISTIOD, "Errors inside istiod", Unit::PerSecond, || {
        whole("pilot_total_xds_internal_errors", "", "sum(rate(pilot_total_xds_internal_errors[$w]))")
    }),
    chart(ISTIOD, "Configuration that is sent, average", Unit::Bytes, || {
        whole(
            SIZE,
            "type",
            "sum by (type) (rate(pilot_xds_config_size_bytes_sum[$w])) / sum by (type) (rate(pilot_xds_config_size_bytes_count[$w]))",
        )
    }),
    chart(ISTIOD, "Services", Unit::Count, || whole("pilot_services", "", "max(pilot_services)")),
    chart(ISTIOD, "VirtualServices", Unit::Count, || {
        whole("pilot_virt_services", "", "max(pilot_virt_services)")
    }),
    chart(ISTIOD, "Endpoints that are not ready", Unit::Count, || {
        whole("pilot_endpoint_not_ready", "", "max(pilot_endpoint_not_ready)")
    }),
    chart(ISTIOD, "Listeners in conflict", Unit::Count, || {
        whole("pilot_conflict_inbound_listener", "", "max(pilot_conflict_inbound_listener)")
    }),
    chart(ISTIOD, "Objects that the webhook refused", Unit::PerSecond, || {
        whole("galley_validation_failed", "", "sum(rate(galley_validation_failed[$w]))")
    }),
    chart(ISTIOD, "Sidecars injected", Unit::PerSecond, || {
        whole("sidecar_injection_success_total", "", "sum(rate(sidecar_injection_success_total[$w]))")
    }),
    chart(ISTIOD, "Injections that failed", Unit::PerSecond, || {
        whole("sidecar_injection_failure_total", "", "sum(rate(sidecar_injection_failure_total[$w]))")
    }),
    chart(ISTIOD, "Certificates issued", Unit::PerSecond, || {
        whole(ISSUED, "", "sum(rate(citadel_server_success_cert_issuance_count[$w]))")
    }),
    chart(ISTIOD, "Days that the root certificate holds", Unit::Days, || {
        whole(ROOT, "", "min(citadel_server_root_cert_expiry_timestamp - time()) / 86400")
    }),
    chart(ISTIOD, "Memory of istiod", Unit::Bytes, || {
        whole(MEMORY, "pod", "sum by (pod) (process_resident_memory_bytes{app=\"istiod\"})")
    }),
    chart(ISTIOD, "Heap of istiod", Unit::Bytes, || {
        whole("go_memstats_alloc_bytes", "pod", "sum by (pod) (go_memstats_alloc_bytes{app=\"istiod\"})")
    }),
    chart(ISTIOD, "CPU of istiod", Unit::Cores, || {
        whole(CPU, "pod", "sum by (pod) (rate(process_cpu_seconds_total{app=\"istiod\"}[$w]))")
    }),
    chart(ISTIOD, "Goroutines of istiod", Unit::Count, || {
        whole("go_goroutines", "pod", "sum by (pod) (go_goroutines{app=\"istiod\"})")
    }),
    chart(ISTIOD, "Versions of Istio that run", Unit::Count, || {
        whole("istio_build", "component,tag", "sum by (component, tag) (istio_build)")
    }),
    chart(COST, "CPU of proxies", Unit::Cores, || {
        whole(
            CONTAINER_CPU,
            "namespace",
            "sum by (namespace) (rate(container_cpu_usage_seconds_total{container=\"istio-proxy\"}[$w]))",
        )
    }),
    chart(COST, "Memory of proxies", Unit::Bytes, || {
        whole(
            CONTAINER_MEMORY,
            "namespace",
            "sum by (namespace) (container_memory_working_set_bytes{container=\"istio-proxy\"})",
        )
    }),
    chart(COST, "CPU of proxies for 1,000 requests a second", Unit::Cores, || {
        whole(
            CONTAINER_CPU,
            "",
            "sum(rate(container_cpu_usage_seconds_total{container=\"istio-proxy\"}[$w])) / (sum(rate(istio_requests_total{reporter=\"source\"}[$w])) / 1000)",
        )
    }),
    chart(COST, "Bytes through the proxies of the called", Unit::BytesPerSecond, || {
        whole(
            "istio_response_bytes",
            "",
            "sum(rate(istio_request_bytes_sum{reporter=\"destination\"}[$w])) + sum(rate(istio_response_bytes_sum{reporter=\"destination\"}[$w]))",
        )
    }),
    chart(NODES, "Pods that each ztunnel serves", Unit::Count, || {
        whole(
            "workload_manager_active_proxy_count",
            "pod",
            "sum by (pod) (workload_manager_active_proxy_count)",
        )
    }),
    chart(NODES, "Pods that wait for ztunnel", Unit::Count, || {
        whole(
            "workload_manager_pending_proxy_count",
            "pod",
            "sum by (pod) (workload_manager_pending_proxy_count)",
        )
    }),
    chart(NODES, "Connections opened by ztunnel", Unit::Connections, || {
        whole(
            "istio_tcp_connections_opened_total",
            "pod",
            "sum by (pod) (rate(istio_tcp_connections_opened_total{pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Connections closed by ztunnel", Unit::Connections, || {
        whole(
            "istio_tcp_connections_closed_total",
            "pod",
            "sum by (pod) (rate(istio_tcp_connections_closed_total{pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Bytes received by ztunnel", Unit::BytesPerSecond, || {
        whole(
            "istio_tcp_received_bytes_total",
            "pod",
            "sum by (pod) (rate(istio_tcp_received_bytes_total{pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Bytes sent by ztunnel", Unit::BytesPerSecond, || {
        whole(
            "istio_tcp_sent_bytes_total",
            "pod",
            "sum by (pod) (rate(istio_tcp_sent_bytes_total{pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Names looked up through ztunnel", Unit::PerSecond, || {
        whole(
            "istio_dns_requests_total",
            "pod",
            "sum by (pod) (rate(istio_dns_requests_total{pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Connections to istiod that ended", Unit::PerSecond, || {
        whole(
            "istio_xds_connection_terminations_total",
            "reason",
            "sum by (reason) (rate(istio_xds_connection_terminations_total{pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Memory of ztunnel", Unit::Bytes, || {
        whole(
            CONTAINER_MEMORY,
            "pod",
            "sum by (pod) (container_memory_working_set_bytes{container=\"istio-proxy\",pod=~\"ztunnel-.*\"})",
        )
    }),
    chart(NODES, "CPU of ztunnel", Unit::Cores, || {
        whole(
            CONTAINER_CPU,
            "pod",
            "sum by (pod) (rate(container_cpu_usage_seconds_total{container=\"istio-proxy\",pod=~\"ztunnel-.*\"}[$w]))",
        )
    }),
    chart(NODES, "Versions of ztunnel that run", Unit::Count, || {
        whole("istio_build", "tag", "sum by (tag) (istio_build{component=\"ztunnel\"})")
    }),
];

const CONVERGENCE: &str = "pilot_proxy_convergence_time";
const QUEUE: &str = "pilot_proxy_queue_time";
const SIZE: &str = "pilot_xds_config_size_bytes";
const ISSUED: &str = "citadel_server_success_cert_issuance_count";
const ROOT: &str = "citadel_server_root_cert_expiry_timestamp";
const MEMORY: &str = "process_resident_memory_bytes";
const CPU: &str = "process_cpu_seconds_total";
const CONTAINER_CPU: &str = "container_cpu_usage_seconds_total";
const CONTAINER_MEMORY: &str = "container_memory_working_set_bytes";
