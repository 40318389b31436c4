//! The table of charts: what is worth seeing over time of calls, as data. One panel draws all of them.

mod of_mesh;

use crate::lens::Subject;
use crate::series::{
    DURATION, Measured, Query, REQUEST_BYTES, REQUESTS, RESPONSE_BYTES, average, failing, quantile, rate,
};

/// What a chart's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Requests per second.
    Requests,
    /// Messages per second.
    Messages,
    /// Connections per second.
    Connections,
    /// Percent.
    Percent,
    /// Milliseconds.
    Millis,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Things.
    Count,
    /// Events per second.
    PerSecond,
    /// Processors.
    Cores,
    /// Days.
    Days,
}

/// Charts that are looked at together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Board {
    /// HTTP and gRPC: how many, how well, how fast.
    #[default]
    Calls,
    /// How much is sent with them.
    Sizes,
    /// Messages in streams.
    Grpc,
    /// Connections and bytes.
    Tcp,
    /// istiod: what it pushes, how fast, what it needs.
    ControlPlane,
    /// What proxies need.
    Proxies,
    /// The proxies of nodes in ambient mode.
    Ztunnel,
}

impl Board {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Calls, Self::Sizes, Self::Grpc, Self::Tcp, Self::ControlPlane, Self::Proxies, Self::Ztunnel];

    /// Whether its charts are of the mesh as a whole, and not of calls.
    pub fn is_of_mesh(self) -> bool {
        matches!(self, Self::ControlPlane | Self::Proxies | Self::Ztunnel)
    }

    /// "Calls".
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "Calls",
            Self::Sizes => "Sizes",
            Self::Grpc => "gRPC",
            Self::Tcp => "TCP",
            Self::ControlPlane => "Control plane",
            Self::Proxies => "Cost of proxies",
            Self::Ztunnel => "ztunnel",
        }
    }
}

/// One chart.
pub struct Chart {
    /// Where it is shown.
    pub board: Board,
    /// "Requests".
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
    /// Whether it is among the few that are shown where there is little room.
    pub first: bool,
    /// What it asks of the calls that are looked at.
    pub query: fn() -> Query,
}

const fn chart(board: Board, name: &'static str, unit: Unit, query: fn() -> Query) -> Chart {
    Chart { board, name, unit, first: false, query }
}

impl Chart {
    const fn first(self) -> Self {
        Self { first: true, ..self }
    }
}

/// All charts: a new one is a row, of calls here, of the mesh in `of_mesh.rs`.
pub fn charts() -> impl Iterator<Item = &'static Chart> {
    CHARTS.iter().chain(of_mesh::CHARTS)
}

/// Charts of calls.
pub const CHARTS: &[Chart] = &[
    chart(Board::Calls, "Requests", Unit::Requests, || rate(REQUESTS)).first(),
    chart(Board::Calls, "Errors", Unit::Percent, || failing(REQUESTS)).first(),
    chart(Board::Calls, "Duration, p50", Unit::Millis, || quantile(0.5, DURATION)),
    chart(Board::Calls, "Duration, p95", Unit::Millis, || quantile(0.95, DURATION)).first(),
    chart(Board::Calls, "Duration, p99", Unit::Millis, || quantile(0.99, DURATION)),
    chart(Board::Calls, "Duration, average", Unit::Millis, || average(DURATION)),
    chart(Board::Sizes, "Request size, average", Unit::Bytes, || average(REQUEST_BYTES)),
    chart(Board::Sizes, "Request size, p95", Unit::Bytes, || quantile(0.95, REQUEST_BYTES)),
    chart(Board::Sizes, "Response size, average", Unit::Bytes, || average(RESPONSE_BYTES)),
    chart(Board::Sizes, "Response size, p95", Unit::Bytes, || quantile(0.95, RESPONSE_BYTES)),
    chart(Board::Sizes, "Request bytes", Unit::BytesPerSecond, || rate("istio_request_bytes_sum")),
    chart(Board::Sizes, "Response bytes", Unit::BytesPerSecond, || rate("istio_response_bytes_sum")),
    chart(Board::Grpc, "Messages sent by callers", Unit::Messages, || rate("istio_request_messages_total")),
    chart(Board::Grpc, "Messages sent back", Unit::Messages, || rate("istio_response_messages_total")),
    chart(Board::Tcp, "Connections opened", Unit::Connections, || rate("istio_tcp_connections_opened_total")),
    chart(Board::Tcp, "Connections closed", Unit::Connections, || rate("istio_tcp_connections_closed_total")),
    // Istio names TCP bytes as the server sees them.
    chart(Board::Tcp, "Bytes to the server", Unit::BytesPerSecond, || rate("istio_tcp_received_bytes_total")),
    chart(Board::Tcp, "Bytes to the client", Unit::BytesPerSecond, || rate("istio_tcp_sent_bytes_total")),
];

/// What tells the lines of a chart apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Group {
    /// All calls together.
    All,
    /// The versions at the end that is looked at.
    #[default]
    Version,
    /// Who is at the other end.
    Peer,
    /// Codes of HTTP and gRPC.
    Code,
    /// Envoy's flags of what went wrong.
    Flags,
    /// HTTP, gRPC, TCP.
    Protocol,
    /// Mutual TLS or plain text.
    Security,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::All, Self::Version, Self::Peer, Self::Code, Self::Flags, Self::Protocol, Self::Security];

    /// "version".
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all calls together",
            Self::Version => "version",
            Self::Peer => "peer",
            Self::Code => "code",
            Self::Flags => "flags",
            Self::Protocol => "protocol",
            Self::Security => "mutual TLS",
        }
    }

    /// The labels of Istio's metrics that tell the lines apart.
    fn labels(self, calls: &Calls<'_>) -> &'static str {
        match self {
            Self::All => "",
            Self::Version if calls.made() => "source_version",
            Self::Version => "destination_version",
            // Calls that reached nobody have no workload, but a host that they were for.
            Self::Peer if calls.to.is_none() => "destination_service",
            Self::Peer => "source_workload_namespace,source_workload",
            Self::Code => "response_code,grpc_response_status",
            Self::Flags => "response_flags",
            Self::Protocol => "request_protocol",
            Self::Security => "connection_security_policy",
        }
    }
}

/// Which calls charts are of, and how they are told apart.
#[derive(Clone, Debug, Default)]
pub struct Calls<'a> {
    /// Who makes them, if that is said.
    pub from: Option<&'a Subject<'a>>,
    /// Who gets them, if that is said.
    pub to: Option<&'a Subject<'a>>,
    /// Only those to services of these namespaces; all if there are none.
    pub namespaces: &'a [String],
    /// What tells the lines apart.
    pub group: Group,
    /// Whether they are counted by the proxies of those who are called: callers' do not know the security.
    pub arrived: bool,
}

impl Calls<'_> {
    /// Whether all of them go to the only version of a service.
    pub fn stands_alone(&self) -> bool {
        self.to.is_some_and(|to| to.stands_alone() && to.workloads.len() == 1)
    }

    /// Whether the end that is looked at is the caller.
    pub fn made(&self) -> bool {
        self.from.is_some() && self.to.is_none()
    }

    /// How the lines are told apart. Who has one version only is not split: calls that reached nobody (an
    /// injected abort) have none, and are its own.
    pub fn told_apart(&self) -> Group {
        if self.group == Group::Version && self.stands_alone() { Group::All } else { self.group }
    }

    /// What a chart asks of these calls.
    pub fn ask(&self, chart: &Chart) -> Query {
        let query = (chart.query)();
        if query.is_whole() {
            return query;
        }
        let group = self.told_apart();
        let query = query.by(group.labels(self));
        let query = self.to.map_or(query.clone(), |to| query.to(to));
        let query = self.from.map_or(query.clone(), |from| query.from(from)).within(self.namespaces);
        if self.arrived || group == Group::Security { query.arrived() } else { query }
    }
}

/// What a chart shows as a table: a line for each point of each series.
pub fn csv(query: &Query, measured: &Measured) -> String {
    let field = |text: &str| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let heads = ["time"].into_iter().chain(query.labels()).chain(["value"]);
    let mut lines = vec![heads.collect::<Vec<_>>().join(",")];
    for series in &measured.series {
        let labels: Vec<String> =
            query.labels().map(|label| field(series.labels.get(label).map_or("", String::as_str))).collect();
        for (at, value) in &series.points {
            let at = jiff::Timestamp::from_millisecond((at * 1000.0) as i64).unwrap_or_default().to_string();
            let cells = std::iter::once(at).chain(labels.iter().cloned()).chain([value.to_string()]);
            lines.push(cells.collect::<Vec<_>>().join(","));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::graph::NodeId;
    use crate::series::Series;

    fn node(mesh: &crate::Mesh, app: &str) -> NodeId {
        NodeId::app(mesh.cluster(), "bookinfo", app, None)
    }

    #[test]
    fn every_chart_asks_of_the_calls_that_are_looked_at() {
        let mesh = demo::bookinfo();
        let (reviews, page) = (node(&mesh, "reviews"), node(&mesh, "productpage"));
        let (to, from) = (Subject::of(&mesh, &reviews), Subject::of(&mesh, &page));
        for chart in CHARTS {
            for group in Group::ALL {
                let calls = Calls { to: Some(&to), from: Some(&from), group, ..Calls::default() };
                let promql = calls.ask(chart).promql(60);
                let both = promql.contains("reviews.bookinfo.svc") && promql.contains("productpage-v1");
                assert!(both, "{} by {}: {promql}", chart.name, group.name());
            }
        }
        let names: std::collections::BTreeSet<_> = charts().map(|chart| chart.name).collect();
        assert_eq!(names.len(), charts().count(), "a chart is known by its name");
        assert!(Board::ALL.iter().all(|board| charts().any(|chart| chart.board == *board)));
        for chart in charts() {
            assert_eq!((chart.query)().is_whole(), chart.board.is_of_mesh(), "{}", chart.name);
        }
    }

    /// Whatever is selected, they ask the same; the metric that they name is the one that they ask of.
    #[test]
    fn charts_of_the_mesh_are_of_no_calls() {
        let mesh = demo::bookinfo();
        let reviews = node(&mesh, "reviews");
        let to = Subject::of(&mesh, &reviews);
        for chart in charts().filter(|chart| chart.board.is_of_mesh()) {
            let calls = Calls { to: Some(&to), arrived: true, group: Group::Security, ..Calls::default() };
            let query = calls.ask(chart);
            let promql = query.promql(60);
            assert_eq!(promql, Calls::default().ask(chart).promql(60));
            assert!(promql.contains(query.metric()) && !promql.contains('$'), "{}: {promql}", chart.name);
            for label in query.labels() {
                assert!(promql.contains(label), "{}: {promql}", chart.name);
            }
        }
    }

    #[test]
    fn lines_are_told_apart_by_the_end_that_is_looked_at() {
        let mesh = demo::bookinfo();
        let (reviews, details) = (node(&mesh, "reviews"), node(&mesh, "details"));
        let (reviews, details) = (Subject::of(&mesh, &reviews), Subject::of(&mesh, &details));
        let labels = |calls: &Calls<'_>| calls.ask(&CHARTS[0]).labels().collect::<Vec<_>>().join("+");
        let to = |group, to| labels(&Calls { to: Some(to), group, ..Calls::default() });
        let from = |group| labels(&Calls { from: Some(&reviews), group, ..Calls::default() });
        assert_eq!(to(Group::Version, &reviews), "destination_version");
        assert_eq!(to(Group::Version, &details), "", "it has one");
        assert_eq!(to(Group::Peer, &reviews), "source_workload_namespace+source_workload");
        assert_eq!(from(Group::Version), "source_version");
        assert_eq!(from(Group::Peer), "destination_service");
        let mesh_wide = |group| labels(&Calls { group, ..Calls::default() });
        assert_eq!(mesh_wide(Group::Peer), "destination_service");
        assert_eq!(mesh_wide(Group::Version), "destination_version");
        let secure = Calls { to: Some(&reviews), group: Group::Security, ..Calls::default() };
        assert!(secure.ask(&CHARTS[0]).promql(60).contains("reporter=\"destination\""));
        let namespaces = ["shop".to_owned(), "a.b".to_owned()];
        let within = Calls { namespaces: &namespaces, ..Calls::default() }.ask(&CHARTS[0]).promql(60);
        assert!(within.contains(r#"destination_service_namespace=~"shop|a\\.b""#), "{within}");
    }

    #[test]
    fn shares_of_codes_are_of_all_calls() {
        let calls = Calls { group: Group::Code, ..Calls::default() };
        let errors = calls.ask(&CHARTS[1]).promql(60);
        assert!(errors.contains("/ scalar(sum(rate(istio_requests_total{reporter"), "{errors}");
        let average = Calls::default().ask(&CHARTS[5]).promql(60);
        insta::assert_snapshot!(average, @r#"sum by (destination_version) (rate(istio_request_duration_milliseconds_sum{reporter=~"source|waypoint"}[60s])) / sum by (destination_version) (rate(istio_request_duration_milliseconds_count{reporter=~"source|waypoint"}[60s]))"#);
    }

    #[test]
    fn what_is_shown_is_a_table() {
        let query = rate(REQUESTS).by("response_code,response_flags");
        let labels =
            [("response_code".to_owned(), "503".to_owned()), ("response_flags".into(), "UF,URX".into())];
        let series = Series { labels: labels.into(), points: vec![(0.0, 1.5), (5.5, 2.0)] };
        let measured = Measured { series: vec![series, Series::default()], ..Measured::default() };
        assert_eq!(
            csv(&query, &measured),
            "time,response_code,response_flags,value\n1970-01-01T00:00:00Z,503,\"UF,URX\",1.5\n\
             1970-01-01T00:00:05.5Z,503,\"UF,URX\",2\n"
        );
    }
}
