//! Telemetries.

use super::at::At;
use super::found::{Found, rules};
use super::policies::attachment;

rules! {
    /// What is wrong with a Telemetry.
    Report {
        Warning EmptyOverriddenTag "tagOverrides.name may not be empty";
        Error ValueOfRemovedTag "tagOverrides.value may only be set when operation is UPSERT";
        Error NoTagValue "tagOverrides.value must be set when operation is UPSERT";
        Error EmptyCustomMetric "customMetric may not be empty";
        Warning ManyTracings "multiple tracing is not currently supported";
        Warning ManyTracers "multiple providers is not currently supported";
        Error BadSampling "randomSamplingPercentage must be in range [0.0, 100.0]";
        Error EmptyTagName "tag name may not be empty";
        Error EmptyTag(what: &'static str) "{what} may not be empty";
        Error OpenExpression(filter: String)
            "expression is not valid: failed to parse CEL expression: `{filter}` does not end";
        Error NamelessProvider "providers.name may not be empty";
    }
}

pub(super) fn telemetry(spec: At<'_>, found: &mut Found) {
    attachment(spec, found);
    for metrics in spec.items("metrics") {
        providers(metrics, found);
        for one in metrics.items("overrides") {
            for (name, tag) in one.entries("tagOverrides") {
                found.when(name.is_empty(), tag, Report::EmptyOverriddenTag);
                let value = tag.says("value");
                match tag.text("operation") {
                    "REMOVE" => found.when(value, tag.at("value"), Report::ValueOfRemovedTag),
                    _ => found.when(!value, tag, Report::NoTagValue),
                }
            }
            let empty = one.has("match/customMetric") && !one.says("match/customMetric");
            found.when(empty, one.at("match/customMetric"), Report::EmptyCustomMetric);
        }
    }
    found.when(spec.items("tracing").len() > 1, spec.at("tracing"), Report::ManyTracings);
    for tracing in spec.items("tracing") {
        let many = tracing.items("providers").len() > 1;
        found.when(many, tracing.at("providers"), Report::ManyTracers);
        providers(tracing, found);
        let share = tracing.number("randomSamplingPercentage").unwrap_or(0.0);
        let good = (0.0..=100.0).contains(&share);
        found.when(!good, tracing.at("randomSamplingPercentage"), Report::BadSampling);
        for (name, tag) in tracing.entries("customTags") {
            found.when(name.is_empty(), tag, Report::EmptyTagName);
            for (field, inner, what) in [
                ("literal", "literal/value", "literal tag value"),
                ("header", "header/name", "header tag name"),
                ("environment", "environment/name", "environment tag name"),
            ] {
                found.when(
                    tag.get(field).is_some() && !tag.says(inner),
                    tag.at(field),
                    Report::EmptyTag { what },
                );
            }
        }
    }
    for logging in spec.items("accessLogging") {
        providers(logging, found);
        let filter = logging.text("filter/expression");
        if logging.has("filter") && !balanced(filter) {
            found.add(logging.at("filter/expression"), Report::OpenExpression { filter: filter.to_owned() });
        }
    }
}

/// Whether quotes and brackets are closed; what the proxies cannot read beyond that is found when they are
/// told.
fn balanced(expression: &str) -> bool {
    let (mut open, mut quote, mut closed) = (Vec::new(), None, true);
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => open.push(c),
            (None, ')' | ']' | '}') => {
                closed &= matches!((open.pop(), c), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'));
            }
            _ => {}
        }
    }
    closed && !expression.trim().is_empty() && open.is_empty() && quote.is_none()
}

fn providers(of: At<'_>, found: &mut Found) {
    if let Some(nameless) = of.items("providers").find(|provider| !provider.says("name")) {
        found.add(nameless, Report::NamelessProvider);
    }
}
