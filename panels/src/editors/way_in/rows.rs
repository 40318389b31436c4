//! Fields of Gateways: Istio's servers, and listeners of the Gateway API.

use super::super::fields::{Holds, fields};

fields! {
    TLS {
        "tls/httpsRedirect" "Send on to HTTPS" Holds::YesOrNo, "no" []
            "Whether plain calls are only sent on to HTTPS, with 301";
        "tls/mode" "Mode"
            Holds::OneOf(&["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL", "PASSTHROUGH", "AUTO_PASSTHROUGH"]),
            "PASSTHROUGH" [] "SIMPLE ends TLS here; MUTUAL also asks callers for a certificate; PASSTHROUGH passes it on";
        "tls/credentialName" "Secret" Holds::Text("shop-credential"), "none" []
            "The Secret with the certificate and its key, in the namespace of the gateway's pods";
        "tls/credentialNames" "Secrets" Holds::List("shop-rsa,shop-ecdsa"), "none" []
            "Several Secrets, for certificates of several kinds";
        "tls/minProtocolVersion" "From version" Holds::OneOf(&["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]),
            "TLSV1_2" [] "The oldest version of TLS that is taken";
        "tls/maxProtocolVersion" "To version" Holds::OneOf(&["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]),
            "TLSV1_3" [] "The newest version of TLS that is taken";
        "tls/cipherSuites" "Ciphers" Holds::List("ECDHE-RSA-AES256-GCM-SHA384"), "Envoy's" []
            "The ciphers that are taken";
        "tls/subjectAltNames" "Callers' names" Holds::List("spiffe://cluster.local/ns/web/sa/front"), "any" []
            "Names of which a caller's certificate must have one, for MUTUAL";
    }
    SERVER {
        "port/number" "Port" Holds::Count(80), "" [] "The port of the gateway's Service";
        "port/name" "Port's name" Holds::Text("http"), "" [] "Its name; of all servers it is the only one of this name";
        "port/protocol" "Protocol"
            Holds::OneOf(&["HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TLS", "TCP", "MONGO"]), "" []
            "What callers speak there";
        "hosts" "Hosts" Holds::List("shop.example"), "" []
            "Hosts that are taken; namespace/host takes routes of that namespace only, * is any";
        "tls" "TLS" Holds::Group(TLS), "" [] "How connections are secured";
        "bind" "Address" Holds::Text("0.0.0.0"), "all" [] "The address that is listened at";
        "name" "Name" Holds::Text("shop"), "none" [] "A name of the server, for metrics";
    }
    GATEWAY {
        "servers" "Servers" Holds::Each("server", SERVER), "" [] "What is open";
        "selector" "Pods" Holds::Pairs("label"), "every gateway" [] "Labels of the gateway's pods that open it";
    }
    SECRET {
        "name" "Secret" Holds::Text("shop-credential"), "" [] "A Secret with a certificate and its key";
        "namespace" "Secret's namespace" Holds::Text("shop"), "the Gateway's" []
            "Another one's: there, a ReferenceGrant has to allow it";
    }
    ROUTES {
        "kind" "Routes" Holds::OneOf(&["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"]), "" []
            "Routes of this kind";
        "group" "Group" Holds::Text("gateway.networking.k8s.io"), "the Gateway API's" [] "The API group of the kind";
    }
    ALLOWED {
        "allowedRoutes/namespaces/from" "Routes from" Holds::OneOf(&["Same", "All", "Selector", "None"]),
            "Same: its own namespace" [] "Namespaces whose routes are taken";
        "allowedRoutes/namespaces/selector/matchLabels" "Namespaces" Holds::Pairs("label"), "" []
            "For Selector: labels of the namespaces";
        "allowedRoutes/kinds" "Kinds of routes" Holds::Each("kind of routes", ROUTES), "those of the protocol" []
            "Kinds of routes that are taken";
    }
    LISTENER {
        "name" "Name" Holds::Text("http"), "" [] "Its name; of all listeners it is the only one of this name";
        "port" "Port" Holds::Count(80), "" [] "The port of the gateway's Service";
        "protocol" "Protocol" Holds::OneOf(&["HTTP", "HTTPS", "TLS", "TCP"]), "" [] "What callers speak there";
        "hostname" "Host" Holds::Text("shop.example"), "all" [] "The host that is taken; * stands for its first part";
        "tls/mode" "Mode" Holds::OneOf(&["Terminate", "Passthrough"]), "Terminate" []
            "Terminate ends TLS here; Passthrough passes it on";
        "tls/certificateRefs" "Certificates" Holds::Each("certificate", SECRET), "none" []
            "Secrets with the certificates";
        "allowedRoutes" "Routes" Holds::Group(ALLOWED), "" [] "Which routes may be attached";
    }
    ADDRESS {
        "type" "Type" Holds::OneOf(&["Hostname", "IPAddress"]), "IPAddress" [] "What the address is";
        "value" "Address" Holds::Text("istio-ingressgateway.istio-system.svc.cluster.local"), "" []
            "A Service of gateway pods that are there already, by its host";
    }
    API {
        "listeners" "Listeners" Holds::Each("listener", LISTENER), "" [] "What is open";
        "gatewayClassName" "Class" Holds::Text("istio"), "" [] "Who makes it work: istio is Istio";
        "addresses" "Addresses" Holds::Each("address", ADDRESS), "pods that Istio starts for it" []
            "Where it is served";
    }
}
