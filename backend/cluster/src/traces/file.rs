//! Traces in a file: of Jaeger's page, of an OpenTelemetry Collector, of Zipkin; packed or not.

use super::read::{self, Unknown};
use crate::limits::{FILE, in_words};
use mesh::Problem;
use mesh::trace::Found;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What opens the problem where a file has no traces.
const WHAT: &str = "The file could not be opened";

/// How far the reading of a file has come, told to whoever looks; it can be stopped.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    of: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// Bytes that are read, and of how many.
    pub fn bytes(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }
    /// Nobody waits for it any more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// A file whose reading is told of.
struct Told<'a>(File, &'a Progress);

impl io::Read for Told<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.1.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        let count = self.0.read(into)?;
        self.1.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads the traces of a file. It takes a while: not on a thread that draws.
pub fn open_traces(file: &Path, progress: &Progress) -> Result<Found, Problem> {
    let opened = opened(file).map_err(|why| of_system(file, why.kind()))?;
    let size = opened.metadata().map_or(0, |about| about.len());
    progress.of.store(size, Ordering::Relaxed);
    let found = read::open(Told(opened, progress), FILE);
    found.map_err(|why| match why {
        Unknown::System(kind) => of_system(file, kind),
        why => unknown(file, &why),
    })
}

/// Whether a file is there and can be read: what can be said before a window opens.
pub fn readable(file: &Path) -> Result<(), Problem> {
    let begins = || -> io::Result<usize> { opened(file)?.read(&mut [0; 1]) };
    match begins() {
        Ok(0) => Err(unknown(file, &Unknown::Empty)),
        Ok(_) => Ok(()),
        Err(why) => Err(of_system(file, why.kind())),
    }
}

fn opened(file: &Path) -> io::Result<File> {
    let opened = File::open(file)?;
    if opened.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(opened) }
}

fn of_system(file: &Path, why: io::ErrorKind) -> Problem {
    let (why, next) = match why {
        io::ErrorKind::NotFound => ("there is no such file".to_owned(), "Look at its name and its folder"),
        io::ErrorKind::PermissionDenied => {
            ("this user may not read it".to_owned(), "Ask its owner for the right to read it")
        }
        io::ErrorKind::IsADirectory => ("it is a folder".to_owned(), "Open one of the files in it"),
        _ => (why.to_string(), "Copy it to another place and open that"),
    };
    Problem::new(WHAT, format!("{}: {why}", file.display()), next)
}

fn unknown(file: &Path, why: &Unknown) -> Problem {
    let next = match why {
        Unknown::Empty | Unknown::Packed | Unknown::CutOff | Unknown::System(_) => "Save or copy it again: not all of it is there".to_owned(),
        Unknown::TooLarge(_) => format!("Open a part of it: up to {} are read", in_words(FILE)),
        Unknown::NotJson(_) | Unknown::Foreign => {
            "Open traces as Jaeger's page saves them, as an OpenTelemetry Collector writes them, or as Zipkin's API answers".to_owned()
        }
        Unknown::None | Unknown::Said(_) => "Search again where it was saved, and save what is found".to_owned(),
    };
    Problem::new(WHAT, format!("{}: {why}", file.display()), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_opened_say_why_and_what_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("empty"), "").unwrap();
        std::fs::write(path("page"), "<html>").unwrap();
        std::fs::write(path("half"), "{\"data\":[{\"traceID\":").unwrap();
        for (name, why) in [
            ("gone", "there is no such file"),
            ("", "it is a folder"),
            ("empty", "it is empty"),
            ("page", "it is neither Jaeger's JSON nor OTLP (JSON or protobuf) nor Zipkin's JSON"),
            ("half", "its JSON ends in the middle: it was not written to its end"),
        ] {
            let problem = open_traces(&path(name), &Progress::default()).unwrap_err();
            assert!(problem.why.ends_with(why), "{problem}");
            assert!(!problem.next.is_empty() && problem.what == WHAT);
            assert_eq!(readable(&path(name)).is_ok(), matches!(name, "page" | "half"));
        }
    }

    #[test]
    fn reading_tells_how_far_it_is_and_can_be_stopped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!("[{}]", "{\"traceId\":\"ab\",\"id\":\"1\"},".repeat(9000).trim_end_matches(','));
        std::fs::write(file.path(), &text).unwrap();
        let progress = Progress::default();
        open_traces(file.path(), &progress).unwrap();
        assert_eq!(progress.bytes(), (text.len() as u64, text.len() as u64));
        let stopped = Progress::default();
        stopped.stop();
        assert!(open_traces(file.path(), &stopped).is_err());
        assert_eq!(stopped.bytes().0, 0);
    }
}
