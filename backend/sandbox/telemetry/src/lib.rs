//! Access logs and spans in, Prometheus and Jaeger query APIs out.
