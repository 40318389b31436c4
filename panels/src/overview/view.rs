//! What the overview says, as plain data: what is not well, since when, and what was written near then;
//! namespaces by how their services are.

use crate::condition::Row;
use crate::kit::{Status, fmt};
use jiff::Timestamp;
use mesh::Ledger;
use mesh::Mesh;
use mesh::graph::NodeId;
use mesh::lens::Subject;
use mesh::series::{Measured, Series};
use mesh::since::{Near, Since, above, near};
use mesh::writes::Write;
use std::collections::BTreeMap;

/// Errors below this many percent are none to speak of.
const LEVEL: f64 = 0.1;

/// One thing that is not well.
#[derive(Debug)]
pub(super) struct Ill<'a> {
    pub(super) row: &'a Row,
    /// Percentage of calls to it that failed, over time; of a thing without calls there is none.
    pub(super) errors: Option<&'a Series>,
    /// Since when that is so.
    pub(super) since: Option<Since>,
    /// What was written near then.
    pub(super) near: Vec<Near>,
}

/// What is not well, the worst first, at most so many.
pub(super) fn ill<'a>(
    mesh: &Mesh,
    rows: impl Iterator<Item = &'a Row>,
    errors: Option<(&'a Measured, u64)>,
    (writes, ledger): (&[Write], &Ledger),
    most: usize,
) -> Vec<Ill<'a>> {
    let not_well = rows.filter(|row| row.status > Status::Healthy).take(most);
    let one = |row: &'a Row| {
        let node = crate::subject::node(mesh, &row.selected);
        let subject = node.as_ref().map(|node| Subject::of(mesh, node));
        let host = match (&node, &subject) {
            (Some(NodeId::External(host)), _) => host.to_string(),
            (_, Some(subject)) => subject.service.map(|service| service.host.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        let of_it =
            |series: &&Series| series.labels.get("destination_service").is_some_and(|name| *name == host);
        let found = errors.and_then(|(all, step)| Some((all.series.iter().find(of_it)?, step)));
        let since = found.and_then(|(series, step)| above(series, LEVEL, step));
        let moment = since.and_then(|since| Timestamp::from_second(since.secs() as i64).ok());
        let config = subject.as_ref().map(|subject| subject.config(mesh)).unwrap_or_default();
        // Of what began before anybody looked, nobody knows what was near.
        let moment = moment.filter(|_| matches!(since, Some(Since::At(_))));
        let near = moment.map(|moment| near(writes, ledger, moment, &config, &row.namespace));
        Ill { row, errors: found.map(|(series, _)| series), since, near: near.unwrap_or_default() }
    };
    not_well.map(one).collect()
}

/// "for 3 min", "for more than 10 min".
pub(super) fn for_how_long(since: Since, until: f64) -> String {
    let long = fmt::duration((until - since.secs()).max(0.0));
    match since {
        Since::At(_) => format!("for {long}"),
        Since::Before(_) => format!("for more than {long}"),
    }
}

/// How the services of a namespace are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) failing: usize,
    pub(super) degraded: usize,
    pub(super) healthy: usize,
    pub(super) idle: usize,
    pub(super) rps: f64,
    /// The worst of them.
    pub(super) status: Status,
}

/// Namespaces, the worst first.
pub(super) fn namespaces<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Namespace> {
    let mut all: BTreeMap<&str, Namespace> = BTreeMap::new();
    for row in rows.filter(|row| !row.namespace.is_empty()) {
        let one = all
            .entry(&row.namespace)
            .or_insert_with(|| Namespace { name: row.namespace.clone(), ..Namespace::default() });
        match row.status {
            Status::Failing => one.failing += 1,
            Status::Degraded => one.degraded += 1,
            Status::Healthy => one.healthy += 1,
            Status::Idle => one.idle += 1,
        }
        one.rps += row.rps;
        one.status = one.status.max(row.status);
    }
    let mut all: Vec<Namespace> = all.into_values().collect();
    let worst = |one: &Namespace| std::cmp::Reverse((one.status, one.failing, one.degraded));
    all.sort_by(|one, other| worst(one).cmp(&worst(other)).then_with(|| one.name.cmp(&other.name)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::Selected;
    use jiff::SignedDuration;
    use mesh::{Ref, demo, kinds};

    fn row(namespace: &str, name: &str, status: Status) -> Row {
        let selected = Selected::Service(namespace.into(), name.into());
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Row { status, reason: "12 % of calls fail".into(), rps: 2.0, namespace, name, selected }
    }

    #[test]
    fn the_worst_namespace_comes_first() {
        let rows = [
            row("a", "one", Status::Healthy),
            row("b", "two", Status::Failing),
            row("b", "three", Status::Idle),
            row("c", "four", Status::Degraded),
            row("", "outside", Status::Failing),
        ];
        let said: Vec<String> = namespaces(rows.iter())
            .iter()
            .map(|one| {
                format!(
                    "{} {}/{}/{}/{} {}",
                    one.name, one.failing, one.degraded, one.healthy, one.idle, one.rps
                )
            })
            .collect();
        assert_eq!(said, ["b 1/0/0/1 4", "c 0/1/0/0 2", "a 0/0/1/0 2"]);
    }

    #[test]
    fn what_is_not_well_says_since_when_and_what_was_near() {
        let mesh = demo::bookinfo();
        let now = demo::NOW.as_second() as f64;
        let points =
            (0..120).map(|step| (now - 595.0 + f64::from(step) * 5.0, if step < 60 { 0.0 } else { 12.0 }));
        let host = "reviews.bookinfo.svc.cluster.local".to_owned();
        let series =
            Series { labels: [("destination_service".to_owned(), host)].into(), points: points.collect() };
        let measured = Measured { series: vec![series], until: now, remarks: Vec::new() };
        let write = Write {
            at: Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews"),
            by: Some("kubectl-edit".into()),
            when: demo::NOW - SignedDuration::from_secs(300),
            heard: demo::NOW,
            deed: mesh::writes::Deed::Changed,
            what: Vec::new(),
            before: None,
            after: None,
        };
        let rows =
            [row("bookinfo", "reviews", Status::Failing), row("bookinfo", "ratings", Status::Degraded)];
        let all = ill(&mesh, rows.iter(), Some((&measured, 5)), (&[write], &Ledger::default()), 5);
        let since = all[0].since.unwrap();
        assert_eq!(for_how_long(since, now).replace('\u{a0}', " "), "for 5 min");
        assert!(all[0].errors.is_some() && all[0].near[0].concerns, "{:?}", all[0]);
        assert!(all[1].errors.is_none() && all[1].since.is_none() && all[1].near.is_empty());
        assert_eq!(
            for_how_long(Since::Before(now - 600.0), now).replace('\u{a0}', " "),
            "for more than 10 min"
        );
    }
}
