//! Logs of containers: lines with their times, in bounded memory, several merged by time; lines of proxies'
//! access logs are understood.

mod access;
#[cfg(test)]
mod tests;

pub use access::{Access, details};

use crate::health::End;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;

/// So many bytes of a container's log are kept; what came before is dropped, and counted.
pub const MOST_BYTES: usize = 16 << 20;
/// And so many lines.
pub const MOST_LINES: usize = 100_000;
/// Lines that are shared, or let go, together.
const CHUNK: usize = 512;
/// A longer line is cut.
const LONGEST: usize = 16 << 10;

/// Whose log.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogOf {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// Its container.
    pub container: String,
    /// Whether it is the log of the container that ran before.
    pub previous: bool,
    /// Of this time only, from when to when; else what is new is followed.
    pub around: Option<(Timestamp, Timestamp)>,
}

impl LogOf {
    /// Whether it is a proxy's.
    pub fn is_proxy(&self) -> bool {
        self.container == "istio-proxy"
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When it was written, as the kubelet noted.
    pub at: Timestamp,
    /// Its text.
    pub text: Box<str>,
    /// How the call ended that it is of, if it is of one.
    pub end: Option<End>,
}

impl Line {
    /// Reads a line that begins with its time.
    pub fn read(line: &str) -> Self {
        let (at, text) = match line.split_once(' ') {
            Some((stamp, text)) => (stamp.parse().ok(), text),
            None => (line.parse().ok(), ""),
        };
        // A line that has no time is shown all the same.
        let (at, text) = at.map_or((Timestamp::UNIX_EPOCH, line), |at| (at, text));
        let cut = text.char_indices().map(|(at, _)| at).find(|at| *at > LONGEST);
        let text: Box<str> =
            cut.map_or_else(|| text.into(), |cut| format!("{} … (cut)", &text[..cut]).into());
        let end = Access::read(&text).map(|access| access.end());
        Self { at, text, end }
    }

    /// Whether it holds a word, in whatever case.
    pub fn holds(&self, word: &str) -> bool {
        let word = word.as_bytes();
        word.is_empty()
            || self.text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
    }
}

/// The log of a container, as far as it is kept. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    chunks: VecDeque<Arc<Vec<Line>>>,
    lines: usize,
    bytes: usize,
    /// Lines that are no longer kept.
    pub dropped: u64,
    /// Why no more is to come, if nothing is: the container ended.
    pub ended: Option<String>,
}

impl Log {
    /// Takes in a line; the oldest ones go where there are too many.
    pub fn push(&mut self, line: Line) {
        let full = self.chunks.back().is_none_or(|chunk| chunk.len() >= CHUNK);
        if full {
            self.chunks.push_back(Arc::new(Vec::with_capacity(CHUNK)));
        }
        (self.lines, self.bytes) = (self.lines + 1, self.bytes + line.text.len() + size_of::<Line>());
        if let Some(chunk) = self.chunks.back_mut() {
            Arc::make_mut(chunk).push(line);
        }
        while (self.lines > MOST_LINES || self.bytes > MOST_BYTES)
            && self.chunks.len() > 1
            && let Some(gone) = self.chunks.pop_front()
        {
            self.lines -= gone.len();
            self.bytes -= gone.iter().map(|line| line.text.len() + size_of::<Line>()).sum::<usize>();
            self.dropped += gone.len() as u64;
        }
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.lines
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// When the newest line was written.
    pub fn newest(&self) -> Option<Timestamp> {
        self.chunks.back()?.last().map(|line| line.at)
    }

    /// The newest lines, at most so many, in their order.
    pub fn last(&self, most: usize) -> impl Iterator<Item = &Line> {
        self.places().skip(self.lines.saturating_sub(most)).map(|(_, line)| line)
    }

    /// A line by its place: chunk, and place in it.
    pub fn line(&self, (chunk, place): (u32, u32)) -> Option<&Line> {
        self.chunks.get(chunk as usize)?.get(place as usize)
    }

    fn places(&self) -> impl Iterator<Item = ((u32, u32), &Line)> {
        let of = |(chunk, lines): (usize, &'_ Arc<Vec<Line>>)| (chunk, lines.len());
        self.chunks.iter().enumerate().map(of).flat_map(move |(chunk, count)| {
            let lines = &self.chunks[chunk];
            (0..count).map(move |place| ((chunk as u32, place as u32), &lines[place]))
        })
    }
}

/// What is looked for in lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Words that a line must hold; with "-" before them, that it must not.
    pub words: String,
    /// Only lines of calls that did not end well.
    pub failed: bool,
    /// Only lines that were written between these.
    pub between: Option<(Timestamp, Timestamp)>,
    /// Only lines that hold one of these, where there are any.
    pub any: Vec<String>,
}

impl Sought {
    fn fits(&self, line: &Line) -> bool {
        let well = |end: End| end == End::Well;
        let word = |word: &str| match word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            Some(not) => !line.holds(not),
            None => line.holds(word),
        };
        let timely = self.between.is_none_or(|(from, to)| (from..=to).contains(&line.at));
        let named = || self.any.is_empty() || self.any.iter().any(|word| line.holds(word));
        timely
            && !(self.failed && line.end.is_none_or(well))
            && named()
            && self.words.split_whitespace().all(word)
    }
}

/// A line among several logs: which log, and its place there.
pub type Place = (u16, (u32, u32));

/// The lines that fit of all these logs, by time.
pub fn merged(logs: &[Arc<Log>], sought: &Sought) -> Vec<Place> {
    let mut all: Vec<(Timestamp, Place)> = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        let fits = log.places().filter(|(_, line)| sought.fits(line));
        all.extend(fits.map(|(place, line)| (line.at, (number as u16, place))));
    }
    // Each log is in order already, which a stable sort makes use of.
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, place)| place).collect()
}
