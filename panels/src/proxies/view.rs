//! The list of proxies as plain data: how each stands with istiod, the worst first.

use jiff::Timestamp;
use mesh::scene::{Proxy, SyncState};
use serde::Serialize;

/// How a proxy stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Stands {
    /// It refuses what it was sent.
    Refuses,
    /// istiod does not know it, though its pod has one.
    Unconnected,
    /// It has answered nothing yet.
    NeverAnswered,
    /// It has not answered what it was sent last.
    Behind,
    /// It has acknowledged all that it was sent.
    InSync,
}

impl Stands {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::Unconnected => "not connected to istiod",
            Self::NeverAnswered => "never acknowledged",
            Self::Behind => "not acknowledged yet",
            Self::InSync => "in sync",
        }
    }
}

/// One proxy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// "reviews-v1-abc.bookinfo".
    pub name: String,
    /// How it stands.
    pub stands: Stands,
    /// What is not as it was sent: "RDS: refused, no such cluster".
    pub words: String,
    /// Istio's version, and whether it is another than istiod's.
    pub version: String,
    /// Whether that is another than istiod's.
    pub other_version: bool,
    /// Which replica of istiod it is connected to.
    pub istiod: String,
    /// When it was sent what it has not taken; else what it was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The rows of these namespaces, the worst first. `expected` are those whose pods are there.
pub fn rows(
    proxies: &[Proxy],
    expected: &[String],
    namespaces: &[String],
    control_plane: Option<&str>,
) -> Vec<Row> {
    let here = |name: &str| {
        let of = name.rsplit_once('.').map_or("", |(_, namespace)| namespace);
        namespaces.is_empty() || namespaces.iter().any(|wanted| wanted == of)
    };
    let known = proxies.iter().filter(|proxy| here(&proxy.name)).map(|proxy| row(proxy, control_plane));
    let is_known = |name: &&String| proxies.iter().any(|proxy| proxy.name == **name);
    let missing = expected.iter().filter(|name| here(name) && !is_known(name)).map(|name| Row {
        name: name.clone(),
        stands: Stands::Unconnected,
        words: "its pod has a proxy that istiod does not know of".to_owned(),
        version: String::new(),
        other_version: false,
        istiod: String::new(),
        since: None,
    });
    let mut rows: Vec<Row> = known.chain(missing).collect();
    rows.sort_by(|one, other| (one.stands, &one.name).cmp(&(other.stands, &other.name)));
    rows
}

fn row(proxy: &Proxy, control_plane: Option<&str>) -> Row {
    let mut stands = Stands::InSync;
    let mut words = Vec::new();
    for (xds, state) in &proxy.types {
        let (is, said) = match state {
            SyncState::Synced | SyncState::NotSent => continue,
            SyncState::Nacked(said) => (Stands::Refuses, format!("{xds}: {said}")),
            SyncState::NeverAcked => (Stands::NeverAnswered, xds.clone()),
            SyncState::Stale => (Stands::Behind, xds.clone()),
        };
        stands = stands.min(is);
        words.push(said);
    }
    // istiod says "1.30.1" of itself, and proxies "1.30.1" or "1.30.1-distroless".
    let other = |istiod: &str| !proxy.version.is_empty() && !proxy.version.starts_with(istiod);
    Row {
        name: proxy.name.clone(),
        stands,
        words: words.join("; "),
        version: proxy.version.clone(),
        other_version: control_plane.filter(|told| !told.is_empty()).is_some_and(other),
        istiod: proxy.istiod.clone(),
        since: proxy.since,
    }
}

/// "7 proxies, 1 refuses".
pub fn summary(rows: &[Row]) -> String {
    let count = |stands: Stands| rows.iter().filter(|row| row.stands == stands).count();
    let all = [Stands::Refuses, Stands::Unconnected, Stands::NeverAnswered, Stands::Behind, Stands::InSync];
    let told = all.into_iter().map(|stands| (stands, count(stands))).filter(|(_, count)| *count > 0);
    let told: Vec<String> = told.map(|(stands, count)| format!("{count} {}", stands.words())).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(name: &str, rds: SyncState, version: &str) -> Proxy {
        Proxy {
            name: name.into(),
            cluster: "Kubernetes".into(),
            version: version.into(),
            istiod: "istiod-0".into(),
            types: [("CDS".to_owned(), SyncState::Synced), ("RDS".to_owned(), rds)].into(),
            since: None,
        }
    }

    #[test]
    fn the_worst_comes_first() {
        let all = [
            proxy("a.shop", SyncState::Synced, "1.30.1"),
            proxy("b.shop", SyncState::Stale, "1.29.0"),
            proxy("c.shop", SyncState::Nacked("no such cluster".into()), "1.30.1-distroless"),
            proxy("d.bank", SyncState::NeverAcked, ""),
        ];
        let expected = ["a.shop", "e.shop"].map(str::to_owned);
        let rows = |namespaces: &[&str]| {
            let namespaces: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
            rows(&all, &expected, &namespaces, Some("1.30.1"))
        };
        let said = |rows: Vec<Row>| {
            let line = |row: Row| {
                let other = if row.other_version { " other version" } else { "" };
                format!("{} {} [{}]{other}", row.name, row.stands.words(), row.words)
            };
            rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(said(rows(&[])), @r"
        c.shop refuses [RDS: no such cluster]
        e.shop not connected to istiod [its pod has a proxy that istiod does not know of]
        d.bank never acknowledged [RDS]
        b.shop not acknowledged yet [RDS] other version
        a.shop in sync []
        ");
        assert_eq!(said(rows(&["bank"])), "d.bank never acknowledged [RDS]");
        let words =
            "1 refuses, 1 not connected to istiod, 1 never acknowledged, 1 not acknowledged yet, 1 in sync";
        assert_eq!(summary(&rows(&[])), words);
        let unknown = super::rows(&all, &[], &[], None);
        assert!(!unknown.iter().any(|row| row.other_version), "what is not known differs from nothing");
    }
}
