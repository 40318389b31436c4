//! Who calls and who may: certificates, mutual TLS, tokens, and the policies that let a call pass.

pub(crate) mod action;
pub(crate) mod addresses;
pub(crate) mod authorization;
pub(crate) mod ext_authz;
pub(crate) mod jwt;
pub(crate) mod mtls;
pub(crate) mod rbac;
pub(crate) mod text;
pub(crate) mod tls;
