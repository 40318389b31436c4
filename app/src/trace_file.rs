//! The file of traces that is looked at: read in the background; what comes of it is shown when it is there.

use crate::background::{Background, Later, arrived};
use crate::runtime;
use cluster::Progress;
use jiff::Timestamp;
use mesh::trace::Found;
use mesh::{Problem, Remote};
use panels::file::TraceFile;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// What is found wrong so soon is said before a window opens.
const AT_ONCE: Duration = Duration::from_millis(400);

type Read = Result<Found, Problem>;

/// The file, if one is open.
#[derive(Default)]
pub(crate) struct Opened {
    file: Option<TraceFile>,
    reading: Option<Later<Read>>,
    progress: Arc<Progress>,
    /// What was let go of, while somebody still looks at it.
    gone: Vec<Arc<Found>>,
}

/// A file of the command line.
pub(crate) struct Begun {
    file: PathBuf,
    reading: Reading,
    progress: Arc<Progress>,
}

enum Reading {
    Done(Found),
    NotYet(JoinHandle<Read>),
}

/// Begins to read a file. What turns out at once to be none of traces is a problem.
pub(crate) fn begin(file: PathBuf, runtime: &Runtime) -> Result<Begun, Problem> {
    cluster::readable(&file)?;
    let (of, progress) = (file.clone(), Arc::<Progress>::default());
    let told = Arc::clone(&progress);
    let reading = runtime.spawn_blocking(move || cluster::open_traces(&of, &told));
    let reading = match runtime::soon(runtime, reading, AT_ONCE) {
        Ok(read) => Reading::Done(read?),
        Err(reading) => Reading::NotYet(reading),
    };
    Ok(Begun { file, reading, progress })
}

impl Opened {
    /// The file and what is known of it.
    pub(crate) fn file(&self) -> Option<&TraceFile> {
        self.file.as_ref()
    }

    /// Goes on with what was begun before there was a window.
    pub(crate) fn go_on(&mut self, begun: Begun, background: &mut Background) {
        self.show(&begun.file, begun.progress, background);
        match begun.reading {
            Reading::Done(found) => self.take(Ok(found)),
            Reading::NotYet(reading) => self.reading = Some(background.join(reading)),
        }
    }

    /// Opens a file; one that was open is closed.
    pub(crate) fn open(&mut self, file: PathBuf, background: &mut Background) {
        let progress = Arc::<Progress>::default();
        self.show(&file, Arc::clone(&progress), background);
        self.reading = Some(background.run(move || cluster::open_traces(&file, &progress)));
    }

    fn show(&mut self, file: &Path, progress: Arc<Progress>, background: &mut Background) {
        self.close(background);
        self.progress = progress;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        self.file = Some(TraceFile { name, read: (0, 0), traces: Remote::Waiting });
    }

    /// Lets go of it: what is still read is read no further, and what was read is freed on another thread.
    pub(crate) fn close(&mut self, background: &mut Background) {
        self.progress.stop();
        self.reading = None;
        self.gone.extend(self.file.take().and_then(|file| file.traces.value().cloned()));
        self.give_back(background);
    }

    /// Frees what nobody looks at any more. The panel lets go of it in the frame in which it hears of it.
    fn give_back(&mut self, background: &mut Background) {
        let held = |found: &mut Arc<Found>| {
            Arc::strong_count(found) > 1 || found.traces.iter().any(|one| Arc::strong_count(one) > 1)
        };
        for found in self.gone.extract_if(.., |found| !held(found)) {
            drop(background.run(move || cluster::give_back(found)));
        }
    }

    /// Takes in what was read since the last frame.
    pub(crate) fn receive(&mut self, background: &mut Background) {
        self.give_back(background);
        if let Some(read) = arrived(&mut self.reading) {
            self.take(read.flatten());
        }
        if let Some(file) = &mut self.file {
            file.read = self.progress.bytes();
        }
    }

    fn take(&mut self, read: Read) {
        if let Some(file) = &mut self.file {
            file.traces = match read {
                Ok(found) => Remote::Live(Arc::new(found), Timestamp::now()),
                Err(problem) => Remote::Denied(problem),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    const TRACE: &str = r#"{"traceID":"ab12","spans":[{"spanID":"1","operationName":"pay","startTime":1700000000000000,"duration":5}]}"#;

    #[test]
    fn a_file_is_read_in_the_background() {
        let folder = Folder::new("trace-file");
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (good, bad) = (path("t.json", TRACE), path("page.html", "<html>"));
        let runtime = runtime::start().unwrap();
        let mut background = Background::new(runtime.handle().clone(), Arc::new(|| {}));
        let mut opened = Opened::default();
        for (file, ids) in [(&good, Some(vec!["ab12"])), (&bad, None)] {
            opened.open(file.clone(), &mut background);
            runtime.block_on(background.finish());
            opened.receive(&mut background);
            let traces = opened.file().map(|file| file.traces.clone()).unwrap();
            let told = traces
                .value()
                .map(|found| found.traces.iter().map(|one| one.trace.id.clone()).collect::<Vec<_>>());
            assert_eq!(told, ids.map(|ids| ids.into_iter().map(str::to_owned).collect()));
        }
        assert_eq!(begin(bad, &runtime).err().unwrap().what, "The file could not be opened");
        opened.go_on(begin(good, &runtime).unwrap(), &mut background);
        runtime.block_on(background.finish());
        opened.receive(&mut background);
        assert_eq!(
            opened.file().map(|file| (&*file.name, file.traces.value().is_some())),
            Some(("t.json", true))
        );
        opened.close(&mut background);
        assert!(opened.file().is_none());
    }
}
