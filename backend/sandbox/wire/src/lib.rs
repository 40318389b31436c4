//! Protobuf messages of Envoy and OpenTelemetry, encoded and decoded in one rarely changing crate.
