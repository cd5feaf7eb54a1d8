//! The journal alone: bit rot, versions, what is forgotten.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use super::*;
use serde_json::json;

fn new(key: &str) -> NewRow {
    NewRow {
        key: key.to_owned(),
        device: "kkt-1".to_owned(),
        door: Door::Native,
        bundle: None,
        rank: 1,
        request: json!({"document": "receipt", "sum": 1}),
        asked_by: "till:hall".to_owned(),
    }
}

fn at(folder: &tempfile::TempDir) -> Options {
    Options {
        inline: true,
        ..Options::at(folder.path().join("journal.db"))
    }
}

#[tokio::test]
async fn a_journal_has_one_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let at = || Options::at(folder.path().join("journal.db"));
    let first = Journal::open(at()).unwrap();
    let error = Journal::open(at()).err().unwrap();
    assert!(error.to_string().contains("another gateway"), "{error}");
    drop(first);
    Journal::open(at()).unwrap();
}

#[tokio::test]
async fn a_row_that_is_not_what_was_written_is_not_believed() {
    for change in [
        "UPDATE documents SET request = replace(request, '1', '2')",
        "UPDATE documents SET state = 'done'",
        "UPDATE documents SET key = 'other'",
        "UPDATE documents SET device = 'kkt-2'",
        "UPDATE documents SET rank = 0",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(at(&folder)).unwrap();
        journal.submit(new("order-1"), 1).await.unwrap();
        assert!(journal.document("order-1").unwrap().is_some());
        journal
            .write(move |db| Ok(db.execute(change, [])?))
            .await
            .unwrap();
        let all = Filter {
            limit: 10,
            ..Filter::default()
        };
        assert!(
            matches!(journal.list(&all), Err(JournalError::Damaged(_))),
            "{change}"
        );
    }
}

#[tokio::test]
async fn a_journal_of_a_newer_galley_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(at(&folder)).unwrap();
    journal
        .write(|db| Ok(db.pragma_update(None, "user_version", 99)?))
        .await
        .unwrap();
    drop(journal);
    let error = Journal::open(at(&folder)).err().unwrap();
    assert!(error.to_string().contains("newer Galley"), "{error}");
}

#[tokio::test]
async fn what_is_decided_is_forgotten_when_it_is_old_and_what_is_not_never() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(at(&folder)).unwrap();
    for key in ["old", "young", "live"] {
        journal.submit(new(key), 1).await.unwrap();
    }
    for (key, now) in [("old", 100), ("young", 200)] {
        let row = journal.document(key).unwrap().unwrap();
        journal.start(row.id, None, now).await.unwrap().unwrap();
        let done = Ending::Done(json!({}));
        journal.finish(row.id, done, Some(5), now).await.unwrap();
    }
    assert_eq!(journal.prune(200).await.unwrap(), 1);
    assert!(journal.document("old").unwrap().is_none());
    assert!(journal.document("young").unwrap().is_some());
    assert_eq!(journal.head("kkt-1").unwrap().unwrap().key, "live");
}

#[tokio::test]
async fn a_start_that_comes_after_the_calling_off_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(at(&folder)).unwrap();
    journal.submit(new("order-1"), 1).await.unwrap();
    let row = journal.document("order-1").unwrap().unwrap();
    let other = journal.cancel("order-1".to_owned(), "till:bar".to_owned(), false, 2);
    assert_eq!(other.await.unwrap(), None);
    let (gone, now) = journal
        .cancel("order-1".to_owned(), "till:hall".to_owned(), false, 2)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((gone.state, now), (State::Cancelled, true));
    assert!(journal.start(row.id, None, 3).await.unwrap().is_none());
}
