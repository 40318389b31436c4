//! Envoy's response flags, from the booleans of an access log entry to the short codes of its text logs.

use wire::envoy::data::accesslog::v3::ResponseFlags;

/// The short codes as Envoy prints them, joined by commas; `-` when there is none.
pub(crate) fn short_codes(flags: Option<&ResponseFlags>) -> String {
    let Some(flags) = flags else { return "-".to_owned() };
    let set: Vec<&str> =
        rows(flags).into_iter().filter_map(|(code, is_set)| is_set.then_some(code)).collect();
    if set.is_empty() { "-".to_owned() } else { set.join(",") }
}

fn rows(flags: &ResponseFlags) -> [(&'static str, bool); 28] {
    [
        // Envoy prints flags in the order in which they were set: giving up on retries comes before the last
        // failure.
        ("URX", flags.upstream_retry_limit_exceeded),
        ("LH", flags.failed_local_healthcheck),
        ("UH", flags.no_healthy_upstream),
        ("UT", flags.upstream_request_timeout),
        ("LR", flags.local_reset),
        ("UR", flags.upstream_remote_reset),
        ("UF", flags.upstream_connection_failure),
        ("UC", flags.upstream_connection_termination),
        ("UO", flags.upstream_overflow),
        ("NR", flags.no_route_found),
        ("DI", flags.delay_injected),
        ("FI", flags.fault_injected),
        ("RL", flags.rate_limited),
        ("UAEX", flags.unauthorized_details.is_some()),
        ("RLSE", flags.rate_limit_service_error),
        ("DC", flags.downstream_connection_termination),
        ("SI", flags.stream_idle_timeout),
        ("IH", flags.invalid_envoy_request_headers),
        ("DPE", flags.downstream_protocol_error),
        ("UMSDR", flags.upstream_max_stream_duration_reached),
        ("RFCF", flags.response_from_cache_filter),
        ("NFCF", flags.no_filter_config_found),
        ("DT", flags.duration_timeout),
        ("UPE", flags.upstream_protocol_error),
        ("NC", flags.no_cluster_found),
        ("OM", flags.overload_manager),
        ("DF", flags.dns_resolution_failure),
        ("DR", flags.downstream_remote_reset),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_short_codes() {
        let none = ResponseFlags::default();
        assert_eq!(short_codes(None), "-");
        assert_eq!(short_codes(Some(&none)), "-");
        for (flags, expected) in [
            (ResponseFlags { no_healthy_upstream: true, ..none }, "UH"),
            (ResponseFlags { upstream_overflow: true, ..none }, "UO"),
            (ResponseFlags { fault_injected: true, delay_injected: true, ..none }, "DI,FI"),
            (
                ResponseFlags {
                    upstream_connection_failure: true,
                    upstream_retry_limit_exceeded: true,
                    ..none
                },
                "URX,UF",
            ),
            (ResponseFlags { unauthorized_details: Some(Default::default()), ..none }, "UAEX"),
            (ResponseFlags { downstream_remote_reset: true, ..none }, "DR"),
        ] {
            assert_eq!(short_codes(Some(&flags)), expected);
        }
    }

    #[test]
    fn no_code_stands_for_two_flags() {
        let mut codes: Vec<&str> = rows(&ResponseFlags::default()).iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 28);
    }
}
