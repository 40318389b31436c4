use super::*;
use mesh::{Change, ChangeId, Fact};
use std::os::unix::fs::PermissionsExt as _;

fn cluster(server: &str) -> Cluster {
    Cluster { uid: None, server: server.into(), ca: "ca".into() }
}

fn sent(id: u64) -> Record {
    Record::sent(ChangeId(id), Timestamp::now(), &Change::default(), &[], None).expect("a record")
}

fn told(id: u64, fact: &Fact) -> Record {
    Record::told(ChangeId(id), Timestamp::now(), fact).expect("a record")
}

fn ids(past: &[Past]) -> Vec<u64> {
    past.iter().map(|past| past.id.0).collect()
}

/// A run that writes these records and ends, or is left alive.
async fn run(folder: &Path, server: &str, records: Vec<Record>) -> Arc<Journal> {
    let journal = Journal::new(folder.to_owned(), cluster(server));
    for record in records {
        journal.note(record, true).await.expect("room on the disk");
    }
    journal
}

#[tokio::test]
async fn what_one_run_wrote_the_next_one_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("state").join("journal");
    drop(run(&journal, "a", vec![sent(1), told(1, &Fact::Accepted(Vec::new())), sent(2)]).await);
    drop(run(&journal, "b", vec![sent(3)]).await);
    let next = Journal::new(journal.clone(), cluster("a"));
    let past = next.past().await;
    assert_eq!(ids(&past), [1, 2], "of this cluster only");
    assert_eq!(journal::cut_off(&past).map(|past| past.id.0).collect::<Vec<_>>(), [2]);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&journal), mode(&files(&journal)[0])), (0o700, 0o600));
}

/// Another window may be writing at this moment: its push is not cut off.
#[tokio::test]
async fn a_run_that_lives_is_not_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let alive = run(folder.path(), "a", vec![sent(1), told(1, &Fact::Accepted(Vec::new())), sent(2)]).await;
    let next = Journal::new(folder.path().to_owned(), cluster("a"));
    assert_eq!(ids(&next.past().await), [1]);
    drop(alive);
    assert_eq!(ids(&next.past().await), [1, 2]);
}

#[tokio::test]
async fn a_run_that_pushes_nothing_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = run(&folder.path().join("journal"), "a", Vec::new()).await;
    assert_eq!(ids(&journal.past().await), [0; 0]);
    assert!(!folder.path().join("journal").exists());
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "").expect("a file");
    let journal = Journal::new(folder.path().join("file").join("journal"), cluster("a"));
    let problem = journal.note(sent(1), true).await.expect_err("no folder");
    assert!(problem.why.contains("file/journal cannot be written (not a directory)"), "{problem}");
}

#[tokio::test]
async fn old_files_go_but_none_that_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(run(folder.path(), "a", vec![sent(1)]).await);
    for id in 0..FILES as u64 {
        drop(run(folder.path(), "a", vec![sent(10 + id), told(10 + id, &Fact::Accepted(Vec::new()))]).await);
    }
    let past = Journal::new(folder.path().to_owned(), cluster("a")).past().await;
    assert_eq!((files(folder.path()).len(), ids(&past)[..2].to_vec()), (FILES, vec![1, 11]));
    // What was not read may be needed: a file of a later version, and one that is too long.
    let later = folder.path().join("20000101T000000.000000-1.jsonl");
    let long = folder.path().join("20000101T000000.000000-2.jsonl");
    fs::write(&later, "{\"journal\":9}\n").expect("a file");
    File::create(&long).expect("a file").set_len(ONE_FILE + 1).expect("a long file");
    drop(run(folder.path(), "a", vec![sent(100)]).await);
    assert!(later.exists() && long.exists());
}

/// A change whose title is so long.
fn long(id: u64, bytes: usize) -> Record {
    let change = Change { title: "x".repeat(bytes), ..Change::default() };
    Record::sent(ChangeId(id), Timestamp::now(), &change, &[], None).expect("a record")
}

#[tokio::test]
async fn a_long_run_has_several_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let accepted = Fact::Accepted(Vec::new());
    let records = vec![long(1, LONG as usize), sent(2), told(1, &accepted), told(2, &accepted), sent(3)];
    let alive = run(folder.path(), "a", records).await;
    assert_eq!(files(folder.path()).len(), 2);
    let next = Journal::new(folder.path().to_owned(), cluster("a"));
    assert_eq!(ids(&next.past().await), [1, 2], "the run lives: its last push is not cut off");
    drop(alive);
    let past = next.past().await;
    assert_eq!((ids(&past), journal::cut_off(&past).count()), (vec![1, 2, 3], 1));
    let more = ONE_FILE as usize;
    let problem = next.note(long(4, more), true).await.expect_err("nobody could read it");
    assert_eq!(problem.what, "Nothing was sent");
}

/// Takes so many bytes, and then none until there is room again.
struct Disk {
    has: Vec<u8>,
    room: usize,
}

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        self.has.extend_from_slice(&bytes[..taken]);
        self.room -= taken;
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_was_not_written_whole_takes_no_other_with_it() {
    let mut lines = Lines::new(Disk { has: Vec::new(), room: 1000 });
    let opening = Opening { journal: VERSION, cluster: cluster("a"), began: Timestamp::now() };
    lines.add(&journal::line(&opening).expect("a line")).expect("room");
    lines.to.room = 30;
    let line = journal::line(&sent(1)).expect("a line");
    assert!(lines.add(&line).is_err() && lines.add(&line).is_err());
    lines.to.room = 1000;
    lines.add(&journal::line(&sent(2)).expect("a line")).expect("room");
    let run = Run::read(&String::from_utf8_lossy(&lines.to.has)).expect("a run");
    assert_eq!((ids(&journal::past(std::slice::from_ref(&run))), run.unread), (vec![2], 1));
}
