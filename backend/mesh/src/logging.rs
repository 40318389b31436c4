//! How much a proxy writes into its log: the level of each of its loggers, as Envoy's admin page `/logging`
//! says and sets it. It is no object of the cluster: it lasts as long as the proxy runs.

use istio::Ref;
use std::collections::BTreeMap;

/// Envoy's levels, the most talkative first.
pub const LEVELS: [&str; 7] = ["trace", "debug", "info", "warning", "error", "critical", "off"];

/// The level of each logger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging(pub BTreeMap<String, String>);

/// A wish for another level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLevel {
    /// Whose proxy.
    pub pod: Ref,
    /// Which of its loggers; all of them where none is named.
    pub logger: Option<String>,
    /// One of [`LEVELS`].
    pub level: String,
}

impl Logging {
    /// Reads what Envoy answers: "active loggers:", then a line for each. `None` when it is something else.
    pub fn read(answer: &str) -> Option<Self> {
        let lines = answer.lines().filter_map(|line| line.trim().split_once(": "));
        let levels: BTreeMap<String, String> = lines
            .filter(|(_, level)| LEVELS.contains(&level.trim()))
            .map(|(logger, level)| (logger.to_owned(), level.trim().to_owned()))
            .collect();
        (!levels.is_empty()).then_some(Self(levels))
    }

    /// "warning", or the level of most with those that differ: "warning, but http debug".
    pub fn in_words(&self) -> String {
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        self.0.values().for_each(|level| *counted.entry(level).or_default() += 1);
        let Some((most, _)) = counted.iter().max_by_key(|(_, count)| **count) else { return String::new() };
        let others = self.0.iter().filter(|(_, level)| level != most);
        let others: Vec<String> = others.map(|(logger, level)| format!("{logger} {level}")).collect();
        match others.len() {
            0 => (*most).to_owned(),
            1..=4 => format!("{most}, but {}", others.join(", ")),
            more => format!("{most}, but {more} loggers have levels of their own"),
        }
    }

    /// Whether it is so.
    pub fn is(&self, wish: &SetLevel) -> bool {
        match &wish.logger {
            Some(logger) => self.0.get(logger) == Some(&wish.level),
            None => self.0.values().all(|level| *level == wish.level),
        }
    }
}

impl SetLevel {
    /// The path by which Envoy is told.
    pub fn path(&self) -> String {
        match &self.logger {
            Some(logger) => format!("/logging?{logger}={}", self.level),
            None => format!("/logging?level={}", self.level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use istio::kinds;

    #[test]
    fn what_envoy_answers() {
        let told =
            Logging::read("active loggers:\n  admin: warning\n  http: debug\n  rbac: warning\n").unwrap();
        assert_eq!(told.in_words(), "warning, but http debug");
        let pod = Ref::new(&kinds::POD, "shop", "cart");
        let wish = |logger: Option<&str>, level: &str| SetLevel {
            pod: pod.clone(),
            logger: logger.map(str::to_owned),
            level: level.into(),
        };
        assert!(told.is(&wish(Some("http"), "debug")) && !told.is(&wish(None, "warning")));
        assert_eq!(wish(Some("http"), "debug").path(), "/logging?http=debug");
        assert_eq!(wish(None, "off").path(), "/logging?level=off");
        for other in ["", "usage: /logging?<name>=<level>", "<html>admin: yes</html>"] {
            assert_eq!(Logging::read(other), None, "{other}");
        }
    }
}
