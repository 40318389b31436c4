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
}
