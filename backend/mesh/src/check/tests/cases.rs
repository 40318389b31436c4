//! For every check what it finds, and what comes near and is right. Each is added to Bookinfo.

mod ambient;
mod apis;
mod guards;
mod hosts;
mod notes;
mod rules;
mod scopes;

/// Name of the check, what it finds, and what it must not find.
pub(super) type Case = (&'static str, &'static str, &'static [&'static str]);

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Case> {
    [rules::CASES, hosts::CASES, scopes::CASES, guards::CASES, ambient::CASES, apis::CASES, notes::CASES]
        .into_iter()
        .flatten()
}

pub(super) const FAULT: &str = "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ fault: { abort: { httpStatus: 503, percentage: { value: 10 } } },
    route: [{ destination: { host: ratings } }] }] }
";
