//! The spans of a trace, packed: texts once, tags in one list. A span of Istio's with twelve tags takes some 300
//! bytes.

use super::tags::TagsRef;
use super::texts::{Text, Texts};
use super::{Span, SpanRef, Tags};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A part of one of the lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part(u32, u32);

impl Part {
    fn of(from: usize, to: usize) -> Self {
        let [from, to] = [from, to].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        Self(from, to)
    }
    pub(super) fn range(self) -> Range<usize> {
        self.0 as usize..self.1 as usize
    }
}

/// A span without what it says in texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) id: Text,
    /// Empty for a root.
    pub(super) parent: Text,
    pub(super) operation: Text,
    pub(super) kind: Text,
    pub(super) process: u32,
    pub(super) error: bool,
    pub(super) tags: Part,
    pub(super) logs: Part,
    pub(super) links: Part,
    pub(super) start_us: u64,
    pub(super) duration_us: u64,
    pub(super) moved_us: i64,
}

impl Packed {
    pub(super) fn end_us(&self) -> u64 {
        self.start_us.saturating_add(self.duration_us)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) at_us: u64,
    pub(super) fields: Part,
}

/// Who made spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) service: Text,
    pub(super) tags: Part,
}

/// A process of a trace, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId(u32);

/// The spans of one trace.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    pub(super) texts: Texts,
    pub(super) packed: Vec<Packed>,
    pub(super) pairs: Vec<(Text, Text)>,
    pub(super) logs: Vec<Log>,
    pub(super) links: Vec<Text>,
    pub(super) processes: Vec<Process>,
    /// What tells processes apart, while spans are taken in.
    known: HashMap<(Text, Vec<(Text, Text)>), ProcessId>,
    last: Option<(Text, Arc<Tags>, ProcessId)>,
}

impl PartialEq for Spans {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Spans {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.packed.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }
    /// The span with this number.
    pub fn get(&self, index: usize) -> Option<SpanRef<'_>> {
        self.packed.get(index).map(|packed| SpanRef { spans: self, packed })
    }
    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = SpanRef<'_>> + ExactSizeIterator {
        self.packed.iter().map(|packed| SpanRef { spans: self, packed })
    }
    /// All of them as they were told.
    pub fn told(&self) -> Vec<Span> {
        self.iter().map(SpanRef::told).collect()
    }
    pub(super) fn at(&self, index: usize) -> SpanRef<'_> {
        SpanRef { spans: self, packed: &self.packed[index] }
    }
    pub(super) fn service(&self, packed: &Packed) -> Text {
        self.processes.get(packed.process as usize).map_or(Text::default(), |process| process.service)
    }

    /// Takes a span in.
    pub fn push(&mut self, span: &Span) {
        let service = self.texts.keep(&span.service);
        let last =
            self.last.as_ref().filter(|(of, tags, _)| *of == service && Arc::ptr_eq(tags, &span.process));
        let process = match last {
            Some((_, _, process)) => *process,
            None => {
                let process = self.process(&span.service, &span.process);
                self.last = Some((service, Arc::clone(&span.process), process));
                process
            }
        };
        self.push_of(span, process);
    }

    /// Takes a span in that this process made, whatever the span says of its own.
    pub fn push_of(&mut self, span: &Span, process: ProcessId) {
        let tags = self.tags(&span.tags);
        let from = self.logs.len();
        for (at_us, fields) in &span.logs {
            let fields = self.tags(fields);
            self.logs.push(Log { at_us: *at_us, fields });
        }
        let links = self.links.len();
        for link in &span.links {
            let link = self.texts.keep(link);
            self.links.push(link);
        }
        self.packed.push(Packed {
            id: self.texts.keep(&span.id),
            parent: self.texts.keep(span.parent.as_deref().unwrap_or_default()),
            operation: self.texts.keep(&span.operation),
            kind: self.texts.keep(&span.kind),
            process: process.0,
            error: span.error,
            tags,
            logs: Part::of(from, self.logs.len()),
            links: Part::of(links, self.links.len()),
            start_us: span.start_us,
            duration_us: span.duration_us,
            moved_us: span.moved_us,
        });
    }

    /// Who makes spans.
    pub fn process(&mut self, service: &str, tags: &Tags) -> ProcessId {
        let service = self.texts.keep(service);
        let pairs: Vec<(Text, Text)> =
            tags.iter().map(|(name, value)| (self.texts.keep(name), self.texts.keep(value))).collect();
        if let Some(known) = self.known.get(&(service, pairs.clone())) {
            return *known;
        }
        let id = self.add(service, &pairs);
        self.known.insert((service, pairs), id);
        id
    }

    /// One whose name is told later, or never.
    pub fn process_to_be_told(&mut self) -> ProcessId {
        let unknown = self.texts.keep("unknown");
        self.add(unknown, &[])
    }

    /// Tells who it is.
    pub fn tell_process(&mut self, id: ProcessId, service: &str, tags: &Tags) {
        let told = Process { service: self.texts.keep(service), tags: self.tags(tags) };
        if let Some(process) = self.processes.get_mut(id.0 as usize) {
            *process = told;
        }
    }

    fn add(&mut self, service: Text, pairs: &[(Text, Text)]) -> ProcessId {
        let from = self.pairs.len();
        self.pairs.extend_from_slice(pairs);
        let id = ProcessId(u32::try_from(self.processes.len()).unwrap_or(u32::MAX));
        self.processes.push(Process { service, tags: Part::of(from, self.pairs.len()) });
        id
    }

    fn tags(&mut self, tags: &Tags) -> Part {
        let from = self.pairs.len();
        for (name, value) in tags.iter() {
            let pair = (self.texts.keep(name), self.texts.keep(value));
            self.pairs.push(pair);
        }
        Part::of(from, self.pairs.len())
    }

    pub(super) fn tags_of(&self, part: Part) -> TagsRef<'_> {
        TagsRef { texts: &self.texts, pairs: self.pairs.get(part.range()).unwrap_or_default() }
    }

    /// All are there: lets go of what was needed to take them in.
    pub(super) fn settle(&mut self) {
        self.texts.settle();
        self.packed.shrink_to_fit();
        self.pairs.shrink_to_fit();
        self.logs.shrink_to_fit();
        self.links.shrink_to_fit();
        self.known = HashMap::new();
        self.last = None;
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.texts.bytes()
            + self.packed.capacity() * size_of::<Packed>()
            + self.pairs.capacity() * size_of::<(Text, Text)>()
            + self.logs.capacity() * size_of::<Log>()
            + self.links.capacity() * size_of::<Text>()
            + self.processes.capacity() * size_of::<Process>()
    }
}

impl Extend<Span> for Spans {
    fn extend<I: IntoIterator<Item = Span>>(&mut self, spans: I) {
        spans.into_iter().for_each(|span| self.push(&span));
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(told: I) -> Self {
        let mut spans = Self::default();
        spans.extend(told);
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn what_was_told_is_told_again() {
        let mut told = demo::trace().spans;
        told[1].logs = vec![(7, [("event", "retry"), ("event", "again")].into())];
        told[2].links = vec!["ab 12".into(), "13".into()];
        let spans: Spans = told.iter().cloned().collect();
        assert_eq!(spans.told(), told);
    }

    #[test]
    fn a_process_may_be_told_after_its_spans() {
        let (mut spans, tags) = (Spans::default(), Tags::from([("ip", "10.0.0.1")]));
        let late = spans.process_to_be_told();
        spans.push_of(&Span { id: "1".into(), ..Span::default() }, late);
        assert_eq!(spans.told()[0].service, "unknown");
        spans.tell_process(late, "cart.shop", &tags);
        spans.push(&Span { service: "pay.shop".into(), process: Arc::new(tags.clone()), ..Span::default() });
        spans.push(&Span { service: "pay.shop".into(), process: Arc::new(tags), ..Span::default() });
        let told: Vec<_> = spans.iter().map(|span| (span.service(), span.process().get("ip"))).collect();
        assert_eq!(
            told,
            [("cart.shop", Some("10.0.0.1")), ("pay.shop", Some("10.0.0.1")), ("pay.shop", Some("10.0.0.1"))]
        );
        assert_eq!(spans.processes.len(), 2);
    }
}
