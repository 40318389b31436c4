//! Traces in a file: of Jaeger's page, of an OpenTelemetry Collector, of Zipkin; packed or not.

use super::read::{self, Unknown};
use crate::limits::{FILE, TooLarge, in_words};
use mesh::Problem;
use mesh::trace::Found;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What opens the problem where a file has no traces.
const WHAT: &str = "The file could not be opened";

/// Reads the traces of a file. It takes a while: not on a thread that draws.
pub fn open_traces(file: &Path) -> Result<Found, Problem> {
    let bytes = content(file).map_err(|why| of_system(file, &why))?;
    if bytes.len() > FILE {
        return Err(unknown(file, &Unknown::TooLarge(TooLarge(FILE))));
    }
    read::unpacked(&bytes, FILE).and_then(|text| read::open(&text)).map_err(|why| unknown(file, &why))
}

/// Whether a file is there and can be read: what can be said before a window opens.
pub fn readable(file: &Path) -> Result<(), Problem> {
    let begins = || -> io::Result<usize> { opened(file)?.read(&mut [0; 1]) };
    match begins() {
        Ok(0) => Err(unknown(file, &Unknown::Empty)),
        Ok(_) => Ok(()),
        Err(why) => Err(of_system(file, &why)),
    }
}

fn opened(file: &Path) -> io::Result<File> {
    let opened = File::open(file)?;
    if opened.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(opened) }
}

/// One byte more than may be read tells that it is larger.
fn content(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    opened(file)?.take(FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn of_system(file: &Path, why: &io::Error) -> Problem {
    let (why, next) = match why.kind() {
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
        Unknown::Empty | Unknown::Packed | Unknown::CutOff => "Save or copy it again: not all of it is there".to_owned(),
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
            let problem = open_traces(&path(name)).unwrap_err();
            assert!(problem.why.ends_with(why), "{problem}");
            assert!(!problem.next.is_empty() && problem.what == WHAT);
            assert_eq!(readable(&path(name)).is_ok(), matches!(name, "page" | "half"));
        }
    }
}
