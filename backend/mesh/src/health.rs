//! Health of calls and of workloads: what share of calls may fail, and how many pods must be ready.
//!
//! Tolerances: any failure (5xx, no response, gRPC status other than 0, TCP connections that broke) degrades,
//! from 10 % on it is failing; 4xx degrade from 10 % and fail from 20 %.

use crate::Workload;
use crate::graph::Health;
use crate::traffic::{Flow, Protocol};
use std::collections::BTreeMap;

/// Calls of one protocol, by how they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// Per second.
    pub total: f64,
    /// Per second: 5xx, no response, gRPC status other than 0; broken TCP connections.
    pub failed: f64,
    /// Per second: 4xx.
    pub refused: f64,
    /// Failures by code and flags ("503 FI").
    worst: BTreeMap<String, f64>,
}

/// How one call ended.
enum End {
    Well,
    Refused,
    Failed,
}

fn end(protocol: Protocol, code: &str, flags: &str) -> End {
    let number: Option<u16> = code.parse().ok();
    match (protocol, number) {
        (Protocol::Tcp, _) if matches!(flags, "-" | "" | "DC") => End::Well, // DC: the client hung up
        (Protocol::Tcp, _) => End::Failed,
        (Protocol::Grpc, Some(1..=99)) | (_, Some(500..) | None) => End::Failed,
        (_, Some(400..=499)) => End::Refused,
        _ => End::Well,
    }
}

impl Calls {
    /// Counts the calls of a flow too.
    pub fn add(&mut self, protocol: Protocol, flow: &Flow) {
        self.total += flow.rps();
        for ((code, flags), rate) in &flow.responses {
            match end(protocol, code, flags) {
                End::Well => {}
                End::Refused => self.refused += rate,
                End::Failed => {
                    self.failed += rate;
                    let flags = Some(&**flags).filter(|flags| !matches!(*flags, "-" | ""));
                    let code = if &**code == "-" { "no response" } else { code };
                    let name =
                        [Some(code).filter(|_| protocol != Protocol::Tcp), flags].into_iter().flatten();
                    *self.worst.entry(name.collect::<Vec<_>>().join(" ")).or_default() += rate;
                }
            }
        }
    }

    /// Counts those of another too.
    pub fn extend(&mut self, other: &Self) {
        self.total += other.total;
        self.failed += other.failed;
        self.refused += other.refused;
        for (name, rate) in &other.worst {
            *self.worst.entry(name.clone()).or_default() += rate;
        }
    }

    /// Percentage of calls that failed.
    pub fn error_percent(&self) -> f64 {
        percent(self.failed, self.total)
    }

    /// Their health, and why it is not well.
    pub fn health(&self) -> (Health, String) {
        let (failed, refused) = (self.error_percent(), percent(self.refused, self.total));
        let level = |share: f64, degraded: f64, failing: f64| match share {
            share if share <= 0.0 => Health::Healthy,
            share if share >= failing => Health::Failing,
            share if share >= degraded => Health::Degraded,
            _ => Health::Healthy,
        };
        if self.total <= 0.0 {
            return (Health::Idle, String::new());
        }
        let (by_failed, by_refused) = (level(failed, 0.0, 10.0), level(refused, 10.0, 20.0));
        if by_failed == Health::Healthy && by_refused == Health::Healthy {
            return (Health::Healthy, String::new());
        }
        if by_refused > by_failed {
            return (by_refused, format!("{} of calls end with 4xx", tenth(refused)));
        }
        let most = self.worst.iter().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or("", |(name, _)| name);
        (by_failed, format!("{} of calls fail, most with {most}", tenth(failed)))
    }
}

/// "2 %", "0.3 %".
fn tenth(percent: f64) -> String {
    let rounded = (percent * 10.0).round() / 10.0;
    if rounded == 0.0 { "under 0.1 %".to_owned() } else { format!("{rounded} %") }
}

fn percent(part: f64, of: f64) -> f64 {
    if of > 0.0 { part / of * 100.0 } else { 0.0 }
}

/// Health of a workload by its pods, and why it is not well.
pub fn of_workload(workload: &Workload) -> (Health, String) {
    let ready = workload.ready();
    let wanted = workload.wanted.map_or(workload.pods.len(), |wanted| wanted as usize);
    match (ready, wanted) {
        (0, 0) => (Health::Idle, format!("{} is scaled to 0", workload.name)),
        (0, _) => (Health::Failing, format!("no pod of {} is ready", workload.name)),
        (ready, wanted) if ready < wanted => {
            (Health::Degraded, format!("{ready} of {wanted} pods of {} are ready", workload.name))
        }
        _ => (Health::Healthy, String::new()),
    }
}

/// The worse of two, with its reason.
pub fn worse(a: (Health, String), b: (Health, String)) -> (Health, String) {
    if b.0 > a.0 { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(protocol: Protocol, ends: &[(&str, &str, f64)], expect: (Health, &str)) {
        let responses =
            ends.iter().map(|(code, flags, rate)| (((*code).into(), (*flags).into()), *rate)).collect();
        let mut calls = Calls::default();
        calls.add(protocol, &Flow { responses, ..Flow::default() });
        assert_eq!(calls.health(), (expect.0, expect.1.to_owned()));
    }

    #[test]
    fn tolerances() {
        use Health::{Degraded, Failing, Healthy, Idle};
        use Protocol::{Grpc, Http, Tcp};
        check(Http, &[], (Idle, ""));
        check(Http, &[("200", "-", 10.0), ("302", "-", 1.0)], (Healthy, ""));
        check(
            Http,
            &[("200", "-", 999.0), ("503", "FI", 1.0)],
            (Degraded, "0.1 % of calls fail, most with 503 FI"),
        );
        check(Http, &[("200", "-", 9.0), ("500", "-", 1.0)], (Failing, "10 % of calls fail, most with 500"));
        check(
            Http,
            &[("200", "-", 9.0), ("-", "DC", 1.0)],
            (Failing, "10 % of calls fail, most with no response DC"),
        );
        check(Http, &[("200", "-", 91.0), ("404", "-", 9.0)], (Healthy, ""));
        check(Http, &[("200", "-", 9.0), ("404", "-", 1.0)], (Degraded, "10 % of calls end with 4xx"));
        check(Http, &[("200", "-", 8.0), ("403", "-", 2.0)], (Failing, "20 % of calls end with 4xx"));
        check(Grpc, &[("0", "-", 9.5), ("14", "-", 0.5)], (Degraded, "5 % of calls fail, most with 14"));
        check(Tcp, &[("-", "-", 9.0), ("-", "UF", 1.0)], (Failing, "10 % of calls fail, most with UF"));
        check(Tcp, &[("-", "-", 9.0), ("-", "DC", 1.0)], (Healthy, ""));
    }

    #[test]
    fn pods() {
        let mesh = crate::demo::bookinfo();
        let mut workload = mesh.workload("bookinfo", "reviews-v1").unwrap().clone();
        assert_eq!(of_workload(&workload).0, Health::Healthy);
        workload.wanted = Some(2);
        assert_eq!(of_workload(&workload), (Health::Degraded, "1 of 2 pods of reviews-v1 are ready".into()));
        workload.pods[0].ready = false;
        assert_eq!(of_workload(&workload), (Health::Failing, "no pod of reviews-v1 is ready".into()));
        workload.wanted = Some(0);
        workload.pods.clear();
        assert_eq!(of_workload(&workload).0, Health::Idle);
    }
}
