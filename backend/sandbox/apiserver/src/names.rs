//! What names, labels and keys have to look like, and the words in which Kubernetes says that one does not.

use std::sync::LazyLock;

use regex::Regex;

use crate::kinds::Kind;

/// What is wrong with a text; nothing when it is as it should be.
pub(crate) type Rule = fn(&str) -> Vec<String>;

/// A pattern, what to say of a text that does not fit it, and how long a text may be.
struct Shape {
    pattern: &'static str,
    words: &'static str,
    examples: &'static str,
    longest: usize,
    regex: LazyLock<Option<Regex>>,
}

macro_rules! shape {
    ($name:ident, $pattern:literal, $longest:literal, $words:literal, $examples:literal) => {
        static $name: Shape = Shape {
            pattern: $pattern,
            words: $words,
            examples: $examples,
            longest: $longest,
            regex: LazyLock::new(|| Regex::new(concat!("^(?:", $pattern, ")$")).ok()),
        };
    };
}

shape!(
    SUBDOMAIN,
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    253,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
        start and end with an alphanumeric character",
    "'example.com'"
);
shape!(
    LABEL,
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    63,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
        and end with an alphanumeric character",
    "'my-name',  or '123-abc'"
);
shape!(
    DNS_1035,
    r"[a-z]([-a-z0-9]*[a-z0-9])?",
    63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
        character, and end with an alphanumeric character",
    "'my-name',  or 'abc-123'"
);
shape!(
    KEY_NAME,
    r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    63,
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
        alphanumeric character",
    "'MyName',  or 'my.name',  or '123-abc'"
);
shape!(
    LABEL_VALUE,
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
        start and end with an alphanumeric character",
    "'MyValue',  or 'my_value',  or '12345'"
);
shape!(
    CONFIG_KEY,
    r"[-._a-zA-Z0-9]+",
    253,
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "'key.name',  or 'KEY_NAME',  or 'key-name'"
);

impl Shape {
    fn fits(&self, text: &str) -> bool {
        self.regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    fn problems(&self, text: &str, part: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if text.len() > self.longest {
            problems.push(format!("{part}must be no more than {} characters", self.longest));
        }
        if !self.fits(text) {
            problems.push(format!(
                "{} (e.g. {}, regex used for validation is '{}')",
                self.words, self.examples, self.pattern
            ));
        }
        problems
    }
}

/// As most names are.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    SUBDOMAIN.problems(text, "")
}

/// As names of Namespaces, containers and ports of Services are.
pub(crate) fn label(text: &str) -> Vec<String> {
    LABEL.problems(text, "")
}

fn service(text: &str) -> Vec<String> {
    DNS_1035.problems(text, "")
}

/// The rule for the names of a kind.
pub(crate) fn of_kind(kind: &Kind) -> Rule {
    match kind.qualified().as_str() {
        "namespaces" => label,
        "services" => service,
        _ => subdomain,
    }
}

/// As keys of labels and annotations are: a name, perhaps behind a domain and a slash.
pub(crate) fn key(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (mut problems, name) = match parts.as_slice() {
        [name] => (Vec::new(), *name),
        ["", name] => (vec!["prefix part must be non-empty".to_owned()], *name),
        [prefix, name] => {
            (subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")).collect(), *name)
        }
        _ => {
            let words = KEY_NAME.words.replace("name part", "a qualified name");
            return vec![format!(
                "{words} (e.g. {}, regex used for validation is '{}') with an optional DNS subdomain prefix \
                    and '/' (e.g. 'example.com/MyName')",
                KEY_NAME.examples, KEY_NAME.pattern
            )];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    }
    problems.extend(KEY_NAME.problems(name, "name part "));
    problems
}

/// As values of labels are.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    LABEL_VALUE.problems(text, "")
}

/// As keys of ConfigMaps and Secrets are.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let mut problems = CONFIG_KEY.problems(text, "");
    match text {
        "." => problems.push("must not be '.'".to_owned()),
        ".." => problems.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => problems.push("must not start with '..'".to_owned()),
        _ => {}
    }
    problems
}

/// As the names of a container's ports are.
pub(crate) fn port(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut unless = |holds: bool, words: &str| {
        if !holds {
            problems.push(words.to_owned());
        }
    };
    unless(text.len() <= 15, "must be no more than 15 characters");
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    unless(text.chars().all(known), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    unless(text.chars().any(|c| c.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    unless(!text.contains("--"), "must not contain consecutive hyphens");
    unless(!text.starts_with('-') && !text.ends_with('-'), "must not begin or end with a hyphen");
    problems
}
