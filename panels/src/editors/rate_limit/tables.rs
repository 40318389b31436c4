//! The fields of rate limits, as Envoy names them.

use crate::editors::fields::{Holds, fields};

pub(super) const CALLS: &str = "token_bucket/tokens_per_fill";
pub(super) const EVERY: &str = "token_bucket/fill_interval";
pub(super) const AT_ONCE: &str = "token_bucket/max_tokens";
pub(super) const CODE: &str = "status/code";
pub(super) const DOMAIN: &str = "domain";
pub(super) const CLUSTER: &str = "rate_limit_service/grpc_service/envoy_grpc/cluster_name";

fields! {
    HEADER {
        "header/key" "Name" Holds::Text("x-local-rate-limit"), "" [] "Its name";
        "header/value" "Value" Holds::Text("true"), "" [] "What it says";
    }
    ACTION {
        "request_headers/header_name" "Header" Holds::Text(":path"), "" []
            "What this header says; :path is path and query. A call without it is not counted";
        "request_headers/descriptor_key" "Header's key" Holds::Text("PATH"), "" [] "Under which key that is told";
        "generic_key/descriptor_value" "Fixed text" Holds::Text("all"), "" [] "The same text for every call";
        "generic_key/descriptor_key" "Text's key" Holds::Text("generic_key"), "generic_key" []
            "Under which key that is told";
        "remote_address" "Caller's address" Holds::Block, "" [] "Told under the key remote_address";
        "destination_cluster" "Destination" Holds::Block, "" []
            "Where the call is sent, told under the key destination_cluster";
    }
    COUNTED {
        "actions" "Parts" Holds::Each("part", ACTION), "" []
            "What makes the key by which calls are counted; all parts together";
        "stage" "Stage" Holds::Count(1), "0" [] "Only for filters of this stage";
    }
    ENTRY {
        "key" "Key" Holds::Text("PATH"), "" [] "The key that was told";
        "value" "Value" Holds::Text("/"), "any" [] "What was told under it";
    }
    OWN {
        "entries" "Which" Holds::Each("key", ENTRY), "" [] "The calls that it is for: keys and what they say";
        "token_bucket/tokens_per_fill" "Calls" Holds::Count(10), "1" [] "How many of these in each interval";
        "token_bucket/fill_interval" "Every" Holds::Time(60_000), "" [] "The interval";
        "token_bucket/max_tokens" "At once" Holds::Count(10), "" [] "How many may come in one burst";
    }
    LOCAL {
        "token_bucket/tokens_per_fill" "Calls" Holds::Count(100), "1" ["/token_bucket/tokens_per_fill"]
            "How many calls are let through in each interval";
        "token_bucket/fill_interval" "Every" Holds::Time(60_000), "" ["/token_bucket/fill_interval"]
            "The interval";
        "token_bucket/max_tokens" "At once" Holds::Count(100), "" ["/token_bucket/max_tokens"]
            "How many calls may come in one burst, after a quiet time";
        "status/code" "Answered with" Holds::Count(429), "429" ["/status/code"]
            "The status of calls that are refused; below 400 Envoy answers 429";
        "filter_enforced/default_value/numerator" "Enforced for" Holds::Percent(100), "0 %"
            ["/filter_enforced/default_value/numerator"]
            "The share of calls that are refused once the limit is reached; 0 only counts them";
        "rate_limits" "Counted by" Holds::Each("key", COUNTED), "all together" ["/rate_limits"]
            "What tells calls apart, for limits of their own";
        "descriptors" "Limits of their own" Holds::Each("limit", OWN), "" ["/descriptors"]
            "Calls that are counted by themselves, and how many of them are let through";
        "response_headers_to_add" "Headers of refusals" Holds::Each("header", HEADER), "" []
            "Headers that tell callers why";
    }
    SERVICE {
        "rate_limit_service/grpc_service/envoy_grpc/cluster_name" "Service"
            Holds::Text("outbound|8081||ratelimit.default.svc.cluster.local"), ""
            ["/rate_limit_service/grpc_service/envoy_grpc/cluster_name"]
            "Who counts, as proxies name it: outbound|port||host";
        "domain" "Domain" Holds::Text("ratelimit"), "" ["/domain"]
            "Whose limits: the domain in the service's own configuration";
        "timeout" "Waits" Holds::Time(20), "20 ms" ["/timeout"] "How long a call waits for the service's answer";
        "failure_mode_deny" "Refuse without it" Holds::Adds, "no" ["/failure_mode_deny"]
            "Whether calls are refused when the service does not answer";
        "rate_limited_status/code" "Answered with" Holds::Count(429), "429" ["/rate_limited_status/code"]
            "The status of calls that are refused";
    }
    TOLD {
        "rate_limits" "Told of calls" Holds::Each("key", COUNTED), "" []
            "By what calls are counted: each row is a key that the service has a limit for";
    }
}
