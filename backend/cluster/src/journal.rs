//! The journal's files: one for each run with a cluster, or several of a long run, in the user's own folder,
//! readable by nobody else. A run holds its files locked as long as it lives, so that others know whose
//! pushes were cut off.

use jiff::Timestamp;
use mesh::Problem;
use mesh::journal::{self, Cluster, Opening, Past, Record, Run};
use parking_lot::Mutex;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many files stay, and so many bytes of them; the oldest go first.
const FILES: usize = 60;
const BYTES: u64 = 24 << 20;
/// A run begins another file when one is so long.
const LONG: u64 = 4 << 20;
/// A longer file is not read; a record that would make it so is not written.
const ONE_FILE: u64 = 64 << 20;
const EXTENSION: &str = "jsonl";
const VERSION: u32 = 1;

/// The journal of one run with one cluster.
pub(crate) struct Journal {
    folder: PathBuf,
    opening: Opening,
    /// There is none before the first record: a run that pushes nothing leaves nothing behind. The last is
    /// written.
    files: Mutex<Vec<Lines<File>>>,
}

/// What lines are written to.
struct Lines<W> {
    to: W,
    bytes: u64,
    /// Whether the last line could not be written whole.
    torn: bool,
}

impl<W: io::Write> Lines<W> {
    fn new(to: W) -> Self {
        Self { to, bytes: 0, torn: false }
    }

    /// Writes a line. What was left of one that could not be written whole does not take this one with it.
    fn add(&mut self, line: &str) -> io::Result<()> {
        if self.torn {
            self.to.write_all(b"\n")?;
        }
        self.torn = true;
        self.to.write_all(line.as_bytes())?;
        self.torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

impl Journal {
    pub(crate) fn new(folder: PathBuf, cluster: Cluster) -> Arc<Self> {
        let opening = Opening { journal: VERSION, cluster, began: Timestamp::now() };
        Arc::new(Self { folder, opening, files: Mutex::default() })
    }

    /// Writes a record; with `sync`, it is on disk afterwards.
    pub(crate) async fn note(self: &Arc<Self>, record: Record, sync: bool) -> Result<(), Problem> {
        let journal = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || journal.append(&record, sync)).await;
        written.map_err(io::Error::other).flatten().map_err(|error| {
            tracing::warn!(%error, "the journal");
            Problem::new(
                "Nothing was sent",
                format!("The journal in {} cannot be written ({})", self.folder.display(), error.kind()),
                "Make room there, or look at the rights of this folder, then push again",
            )
        })
    }

    fn append(&self, record: &Record, sync: bool) -> io::Result<()> {
        let line = journal::line(record)?;
        if line.len() as u64 > ONE_FILE - LONG {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut files = self.files.lock();
        if files.last().is_none_or(|last| last.bytes >= LONG) {
            let next = begin(&self.folder, &self.opening, files.len())?;
            files.push(next);
        }
        let Some(last) = files.last_mut() else { return Ok(()) };
        last.add(&line)?;
        if sync { last.to.sync_data() } else { Ok(()) }
    }

    /// Changes of other runs with this cluster, the oldest first; none of runs that may still be at it.
    pub(crate) async fn past(self: &Arc<Self>) -> Vec<Past> {
        let journal = Arc::clone(self);
        tokio::task::spawn_blocking(move || read(&journal.folder, &journal.opening.cluster))
            .await
            .unwrap_or_default()
    }
}

/// Begins a file of a run, of which there are so many already.
fn begin(folder: &Path, opening: &Opening, number: usize) -> io::Result<Lines<File>> {
    make_folder(folder)?;
    prune(folder);
    let began = opening.began.strftime("%Y%m%dT%H%M%S%.6f");
    let name = format!("{began}-{}-{number:03}.{EXTENSION}", std::process::id());
    let mut options = OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = Lines::new(options.open(folder.join(name))?);
    // Whoever is reading the folder lets go at once.
    file.to.lock()?;
    file.add(&journal::line(opening)?)?;
    file.to.sync_all()?;
    // The name of the file has to be on disk, too.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The files of a folder by the time of their run, the oldest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        listed.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION)).collect();
    files.sort();
    files
}

/// A file, if its run has ended; it stays so as long as this is held.
fn of_ended_run(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock_shared().ok()?;
    Some(file)
}

fn read_run(file: &mut File) -> Option<Run> {
    if file.metadata().ok()?.len() > ONE_FILE {
        return None;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Run::read(&String::from_utf8_lossy(&bytes))
}

fn read(folder: &Path, cluster: &Cluster) -> Vec<Past> {
    let mut runs = Vec::new();
    let mut under_way = Vec::new();
    for path in files(folder) {
        let ended = of_ended_run(&path);
        let alive = ended.is_none();
        let Some(run) = ended.or_else(|| File::open(&path).ok()).and_then(|mut file| read_run(&mut file))
        else {
            continue;
        };
        if run.unread > 0 {
            tracing::info!(lines = run.unread, file = %path.display(), "lines of the journal were passed over");
        }
        if !run.opening.cluster.is(cluster) {
            continue;
        }
        if alive {
            under_way.push(run.opening.began);
        }
        runs.push(run);
    }
    let mut past = journal::past(&runs);
    // Another window may be writing it at this moment.
    past.retain(|past| !(past.is_open() && under_way.contains(&past.run)));
    past
}

/// Takes away the oldest files that nobody needs any more: of ended runs, with nothing that was cut off. What
/// was not read may be needed.
fn prune(folder: &Path) {
    let files = files(folder);
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
    let (mut count, mut bytes) = (files.len(), files.iter().map(size).sum::<u64>());
    if count < FILES && bytes < BYTES {
        return;
    }
    let runs: Vec<(PathBuf, Option<Run>)> = files
        .into_iter()
        .map(|path| (of_ended_run(&path).map(|mut file| read_run(&mut file)), path))
        .filter_map(|(ended, path)| Some((path, ended?)))
        .collect();
    let read: Vec<Run> = runs.iter().filter_map(|(_, run)| run.clone()).collect();
    let past = journal::past(&read);
    let needed: Vec<Timestamp> = journal::cut_off(&past).map(|past| past.run).collect();
    for (path, run) in runs {
        if count < FILES && bytes < BYTES {
            return;
        }
        if run.is_none_or(|run| run.unread > 0 || needed.contains(&run.opening.began)) {
            continue;
        }
        bytes = bytes.saturating_sub(size(&path));
        count -= 1;
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, "an old journal stays");
        }
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
