//! What a proxy holds, as its own admin pages tell it: clusters, endpoints, listeners, routes, secrets,
//! certificates, statistics and the rest, each entry a row with its raw text. Entries are read one by one: what is new or odd costs itself.

pub mod compare;
mod entry;
mod pages;
#[cfg(test)]
mod tests;

pub use pages::PAGES;

use istio::{KINDS, Ref};
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Where it can send to.
    #[default]
    Clusters,
    /// Whom it sends to there, and how well each is.
    Endpoints,
    /// Where it listens.
    Listeners,
    /// Which request goes where.
    Routes,
    /// What it was given to prove itself and to know others by; never what is private of it.
    Secrets,
    /// Until when its certificates hold.
    Certificates,
    /// What it has counted.
    Stats,
    /// The rest: how it was started, sections that nobody here knows.
    Other,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Clusters,
        Self::Endpoints,
        Self::Listeners,
        Self::Routes,
        Self::Secrets,
        Self::Certificates,
        Self::Stats,
        Self::Other,
    ];

    /// "Clusters".
    pub fn name(self) -> &'static str {
        match self {
            Self::Clusters => "Clusters",
            Self::Endpoints => "Endpoints",
            Self::Listeners => "Listeners",
            Self::Routes => "Routes",
            Self::Secrets => "Secrets",
            Self::Certificates => "Certificates",
            Self::Stats => "Stats",
            Self::Other => "Other",
        }
    }

    /// What stands in the cells of its entries.
    pub fn columns(self) -> [&'static str; 4] {
        match self {
            Self::Clusters => ["Host", "Port", "Subset", "Type"],
            Self::Endpoints => ["Address", "Host", "Port", "Health"],
            Self::Listeners => ["Listener", "Address", "Takes", "Leads to"],
            Self::Routes => ["Domains", "Match", "Leads to", "Of port"],
            Self::Secrets => ["Secret", "State", "Holds", "Updated"],
            Self::Certificates => ["Of whom", "Is", "Until (UTC)", "Serial number"],
            Self::Stats => ["Statistic", "Value", "Of", "Sort"],
            Self::Other => ["Section", "Is", "Entries", "Updated"],
        }
    }
}

/// One entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// What it is.
    pub part: Part,
    /// What it is known by, from reading to reading and from proxy to proxy.
    pub name: Box<str>,
    /// See [`Part::columns`].
    pub cells: [String; 4],
    /// The object of Istio that it was made from, where it says so.
    pub of: Option<Ref>,
    /// Why it is not as it was wanted: refused, in the proxy's own words, or still waited for.
    pub trouble: Option<String>,
    /// Of a route all domains that it is for: they stand beside it, not in it.
    pub domains: Box<str>,
    /// It all, as JSON on one line; secrets are left out.
    pub raw: Box<str>,
}

/// What a proxy holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dump {
    /// In the proxy's order.
    pub entries: Vec<Entry>,
    /// Istio's version, as the proxy was started with.
    pub version: String,
    /// Entries that could not be read.
    pub unread: usize,
    /// Why what it has of a part is not known, where it is not.
    pub unknown: BTreeMap<Part, String>,
}

/// Lists of the sections, and what their entries are.
const LISTS: [(&str, Part); 11] = [
    ("static_clusters", Part::Clusters),
    ("dynamic_active_clusters", Part::Clusters),
    ("dynamic_warming_clusters", Part::Clusters),
    ("static_listeners", Part::Listeners),
    ("dynamic_listeners", Part::Listeners),
    ("static_route_configs", Part::Routes),
    ("dynamic_route_configs", Part::Routes),
    ("static_secrets", Part::Secrets),
    ("dynamic_active_secrets", Part::Secrets),
    ("dynamic_warming_secrets", Part::Secrets),
    ("dynamic_draining_clusters", Part::Clusters),
];

type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl Dump {
    /// Reads `config_dump`, of an Envoy or a ztunnel; `None` where it is no JSON object.
    pub fn read(body: &str) -> Option<Self> {
        let whole: Fields<'_> = serde_json::from_str(body).ok()?;
        let mut dump = Self::default();
        let Some(sections) = whole.get("configs") else {
            for (name, raw) in whole {
                dump.other(&name, "", raw);
            }
            return Some(dump);
        };
        for section in serde_json::from_str::<Vec<&RawValue>>(sections.get()).ok()? {
            dump.section(section);
        }
        Some(dump)
    }

    fn section(&mut self, raw: &RawValue) {
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(raw.get()) else {
            self.unread += 1;
            return;
        };
        let text =
            |name: &str| fields.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let name = text("@type").map(|name| name.rsplit('.').next().unwrap_or_default().to_owned());
        let name = name.unwrap_or_else(|| "without a type".to_owned());
        let lists: Vec<_> =
            LISTS.iter().filter_map(|(list, part)| Some((*list, *part, *fields.get(*list)?))).collect();
        for (list, part, raw) in &lists {
            let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
                self.unread += 1;
                continue;
            };
            for raw in entries {
                match serde_json::from_str::<Value>(raw.get()) {
                    Ok(value) => self.entries.extend(entry::entries(*part, list, &value)),
                    Err(_) => self.unread += 1,
                }
            }
        }
        if lists.is_empty() {
            self.other(&name, &text("last_updated").unwrap_or_default(), raw);
        }
    }

    /// What has no rows of its own.
    fn other(&mut self, name: &str, updated: &str, raw: &RawValue) {
        let Ok(mut value) = serde_json::from_str::<Value>(raw.get()) else {
            self.unread += 1;
            return;
        };
        if let Some(version) = value.pointer("/bootstrap/node/metadata/ISTIO_VERSION").and_then(Value::as_str)
        {
            version.clone_into(&mut self.version);
        }
        let count = value.as_array().map_or_else(String::new, |list| list.len().to_string());
        let is = match name {
            "BootstrapConfigDump" => "how it was started",
            "EndpointsConfigDump" => "endpoints, as they were told",
            "ScopedRoutesConfigDump" => "routes by scope",
            "EcdsConfigDump" => "extensions",
            "config" | "workloads" | "services" | "policies" | "version" | "certificates" => "of ztunnel",
            _ => "a section of a type that is not known here",
        };
        withhold(&mut value);
        self.entries.push(Entry {
            part: Part::Other,
            name: name.into(),
            cells: [name.to_owned(), is.to_owned(), count, updated.to_owned()],
            raw: value.to_string().into(),
            ..Entry::default()
        });
    }

    /// Reads one of [`PAGES`]; `at` is now.
    pub fn take(&mut self, part: Part, body: &str, at: Timestamp) {
        let found = match part {
            Part::Endpoints => pages::endpoints(body),
            Part::Certificates => pages::certificates(body, at),
            Part::Stats => Some(pages::stats(body)),
            _ => return,
        };
        match found {
            Some(found) => self.entries.extend(found),
            None => drop(self.unknown.insert(part, "what it answered is no JSON".to_owned())),
        }
    }

    /// Those of a part.
    pub fn of(&self, part: Part) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.part == part)
    }
}

/// Names of what is private. Envoy leaves it out by itself; no other program's word is taken for that.
const PRIVATE: [&str; 7] = [
    "private_key",
    "private_key_provider",
    "password",
    "session_ticket_keys",
    "generic_secret",
    "token",
    "hmac_secret",
];

/// Takes out of a value what is private, whatever it is in.
fn withhold(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if PRIVATE.contains(&name.as_str()) {
                    *value = "[left out]".into();
                } else {
                    withhold(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(withhold),
        _ => {}
    }
}

/// The object that an entry was made from, out of "/apis/GROUP/VERSION/namespaces/NAMESPACE/KIND/NAME".
fn made_from(entry: &Value) -> Option<Ref> {
    let told = entry.pointer("/metadata/filter_metadata/istio/config")?.as_str()?;
    let parts: Vec<&str> = told.trim_start_matches('/').split('/').collect();
    let ["apis", group, _, "namespaces", namespace, kind, name] = parts[..] else { return None };
    let wanted: String = kind.chars().filter(|letter| *letter != '-').collect();
    let known = KINDS.iter().find(|one| one.group == group && one.kind.eq_ignore_ascii_case(&wanted))?;
    Some(Ref::new(known, namespace, name))
}

/// The raw text of an entry, for reading.
pub fn pretty(raw: &str) -> Vec<String> {
    let pretty =
        serde_json::from_str::<Value>(raw).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.as_deref().unwrap_or(raw).lines().map(str::to_owned).collect()
}
