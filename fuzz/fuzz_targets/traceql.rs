//! TraceQL, as the sandbox reads it.

use crate::words::Language;
use crate::{Seeds, Target};

/// What the language has besides what stands in the corpus.
const MORE: [&str; 12] = ["{", "}", "(", ")", "&&", "||", "=~", "!~", "\"", "`", "|", "."];

const NAME: &str = "traceql";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| telemetry::reads_trace_ql(&String::from_utf8_lossy(input))),
    seeds: || {
        let all = Seeds::of(NAME);
        Seeds::Words(Language::of(all.iter().flat_map(|text| text.lines()), &MORE))
    },
};
