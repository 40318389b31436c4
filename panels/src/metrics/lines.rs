//! What the lines of a chart are called, which of them are drawn, and in which colour.

use crate::kit::Tokens;
use egui::Color32;
use mesh::charts::Group;
use mesh::series::{Query, Series};

/// More lines cannot be told apart; the largest are drawn.
pub(super) const MOST: usize = 12;

/// A line with its name.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) name: String,
    pub(super) series: &'a Series,
}

impl Line<'_> {
    /// Its last value.
    pub(super) fn last(&self) -> f64 {
        self.series.points.last().map_or(0.0, |(_, value)| *value)
    }
}

/// The lines in the order of their names, and how many there are in all.
pub(super) fn lines<'a>(series: &'a [Series], query: &Query, group: Group) -> (Vec<Line<'a>>, usize) {
    let there = series.iter().filter(|series| !series.points.is_empty());
    let mut lines: Vec<Line<'a>> =
        there.map(|series| Line { name: name(series, query, group), series }).collect();
    let all = lines.len();
    let most = |line: &Line<'_>| line.series.points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    lines.sort_by(|one, other| most(other).total_cmp(&most(one)));
    lines.truncate(MOST);
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    (lines, all)
}

/// In the words of the field: what telemetry does not name is said to have no name.
fn name(series: &Series, query: &Query, group: Group) -> String {
    let values: Vec<&str> =
        query.labels().map(|label| series.labels.get(label).map_or("", String::as_str)).collect();
    let known = |value: &&&str| !matches!(**value, "" | "unknown" | "-");
    if query.is_whole() {
        let named: Vec<&str> = values.iter().filter(known).copied().collect();
        return match (values.is_empty(), named.is_empty()) {
            (true, _) => "all".to_owned(),
            (false, true) => "not named".to_owned(),
            (false, false) => named.join(" "),
        };
    }
    match (group, values.as_slice()) {
        (Group::All, _) | (_, []) => "all calls".to_owned(),
        (Group::Code, [code, grpc]) => match (*code, *grpc) {
            ("0" | "" | "unknown", _) => "no response".to_owned(),
            (code, "") => code.to_owned(),
            (code, status) => format!("{code}, gRPC {status}"),
        },
        (Group::Security, ["mutual_tls"]) => "mutual TLS".to_owned(),
        (Group::Security, ["none"]) => "plain text".to_owned(),
        (Group::Flags, ["-"]) => "no flag".to_owned(),
        (Group::Peer, values) => match values.iter().filter(known).copied().collect::<Vec<_>>().as_slice() {
            [] => "not named".to_owned(),
            [host] => istio::hosts::service(host)
                .map_or_else(|| (*host).to_owned(), |(name, namespace)| format!("{namespace}/{name}")),
            several => several.join("/"),
        },
        (_, values) => match values.iter().filter(known).copied().next() {
            Some(value) => value.to_owned(),
            None => match group {
                Group::Version => "no version".to_owned(),
                _ => "not known".to_owned(),
            },
        },
    }
}

/// The colour of a line: versions keep theirs everywhere.
pub(super) fn color(tokens: &Tokens, group: Group, name: &str, place: usize) -> Color32 {
    match group {
        Group::Version => tokens.version(name),
        _ => tokens.versions[place % tokens.versions.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::charts::{CHARTS, Calls};

    fn series(labels: &[(&str, &str)], points: &[(f64, f64)]) -> Series {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Series { labels, points: points.to_vec() }
    }

    fn query(group: Group) -> Query {
        Calls { group, ..Calls::default() }.ask(&CHARTS[0])
    }

    #[test]
    fn lines_are_named_and_the_largest_stay() {
        let version = |name: &str, points: &[(f64, f64)]| series(&[("destination_version", name)], points);
        let all = [
            version("v2", &[(0.0, 9.0), (5.0, 1.0)]),
            version("unknown", &[(0.0, 2.0)]),
            version("v1", &[(0.0, 3.0)]),
            version("v3", &[]),
        ];
        let (found, count) = lines(&all, &query(Group::Version), Group::Version);
        let names: Vec<&str> = found.iter().map(|line| line.name.as_str()).collect();
        assert_eq!((names.join(" | ").as_str(), count), ("no version | v1 | v2", 3));
        let many: Vec<Series> =
            (0..20_u32).map(|at| version(&format!("v{at}"), &[(0.0, f64::from(at))])).collect();
        let (kept, count) = lines(&many, &query(Group::Version), Group::Version);
        assert!(kept.len() == MOST && count == 20 && kept.iter().all(|line| line.last() >= 8.0));
    }

    #[test]
    fn names_are_words() {
        #[track_caller]
        fn check(group: Group, labels: &[(&str, &str)], expect: &str) {
            assert_eq!(name(&series(labels, &[]), &query(group), group), expect);
        }
        check(Group::Code, &[("response_code", "200")], "200");
        check(Group::Code, &[("response_code", "200"), ("grpc_response_status", "14")], "200, gRPC 14");
        check(Group::Code, &[("response_code", "0")], "no response");
        check(Group::Flags, &[("response_flags", "-")], "no flag");
        check(Group::Flags, &[("response_flags", "UF,URX")], "UF,URX");
        check(Group::Security, &[("connection_security_policy", "none")], "plain text");
        check(Group::Security, &[("connection_security_policy", "unknown")], "not known");
        check(Group::Peer, &[("destination_service", "a.shop.svc.cluster.local")], "shop/a");
        check(Group::Peer, &[("destination_service", "api.example.com")], "api.example.com");
        check(Group::Peer, &[("destination_service", "unknown")], "not named");
        check(Group::Protocol, &[("request_protocol", "http")], "http");
        check(Group::All, &[], "all calls");
    }
}
