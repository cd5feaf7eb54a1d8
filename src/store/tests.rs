use super::*;
use crate::domain::{
    event::{Actor, Body},
    stock::{Movement, MovementKind},
    time::Timestamp,
};
use futures_util::FutureExt as _;

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);

fn options(folder: &tempfile::TempDir, threads: Threads) -> Options {
    Options {
        threads,
        ..Options::at(folder.path().join("store.db"))
    }
}

fn cleared(n: usize) -> Body {
    Body::AlertCleared {
        key: format!("cause {n}"),
    }
}

async fn append(store: &Store, n: usize) -> Result<u64, StoreError> {
    store
        .write(move |tx| {
            tx.append(NOW, None, &Actor::system(), cleared(n))
                .map(|e| e.seq)
        })
        .await
}

#[tokio::test]
async fn writes_of_many_callers_are_all_there_in_one_unbroken_chain() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Own)).unwrap();
    let callers: Vec<_> = (0..200)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { append(&store, n).await.unwrap() })
        })
        .collect();
    let mut seqs = Vec::new();
    for caller in callers {
        seqs.push(caller.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<u64>>());
    assert_eq!(*store.head().borrow(), 200);
    let verified: Result<u64, StoreError> = store.read(|s| s.verify_log()).await;
    assert_eq!(verified.unwrap(), 200);
}

#[tokio::test]
async fn a_write_that_refuses_takes_nothing_of_its_neighbours_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Own)).unwrap();
    let outcomes = futures_util::future::join_all((0..50).map(|n| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| -> Result<u64, StoreError> {
                    let seq = tx.append(NOW, None, &Actor::system(), cleared(n))?.seq;
                    if n % 3 == 0 {
                        return Err(StoreError::Damaged("on purpose".to_owned()));
                    }
                    Ok(seq)
                })
                .await
        }
    }))
    .await;
    let kept = outcomes.iter().filter(|o| o.is_ok()).count() as u64;
    assert_eq!(kept, 33);
    let verified: Result<u64, StoreError> = store.read(|s| s.verify_log()).await;
    assert_eq!(verified.unwrap(), kept);
}

#[tokio::test]
async fn in_one_group_the_work_of_those_that_refuse_goes_and_that_of_the_others_stands() {
    // By place in the group; the first has no savepoint of its own.
    for refusing in [
        &[0][..],
        &[1],
        &[3],
        &[0, 1],
        &[0, 2],
        &[1, 2],
        &[0, 1, 2, 3],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(options(&folder, Threads::Own)).unwrap();
        let before = append(&store, 100).await.unwrap();
        // The first one goes on only when the others stand behind it.
        let (queued, all_queued) = std::sync::mpsc::channel::<()>();
        let mut gate = Some(all_queued);
        let group: Vec<_> = (0..4)
            .map(|n| {
                let (gate, refuses) = (gate.take(), refusing.contains(&n));
                store.write(move |tx| {
                    if let Some(gate) = gate {
                        gate.recv().unwrap();
                    }
                    let seq = tx.append(NOW, None, &Actor::system(), cleared(n))?.seq;
                    tx.put_document(&format!("work {n}"), &n)?;
                    if refuses {
                        return Err(StoreError::Damaged("on purpose".to_owned()));
                    }
                    Ok(seq)
                })
            })
            .collect();
        let (outcomes, ()) = futures_util::future::join(
            futures_util::future::join_all(group),
            std::future::ready(()).map(|()| queued.send(()).unwrap()),
        )
        .await;

        let stand: Vec<usize> = (0..4).filter(|n| !refusing.contains(n)).collect();
        let mut seq = before;
        for (n, outcome) in outcomes.into_iter().enumerate() {
            if stand.contains(&n) {
                seq += 1;
                assert_eq!(outcome.unwrap(), seq, "{n} of {refusing:?}");
            } else {
                outcome.unwrap_err();
            }
        }
        let there: Result<Vec<usize>, StoreError> = store
            .read(|s| {
                let mut there = Vec::new();
                for n in 0..4 {
                    there.extend(s.document::<usize>(&format!("work {n}"))?);
                }
                Ok(there)
            })
            .await;
        assert_eq!(there.unwrap(), stand, "{refusing:?}");
        // The chain goes on from the last that stands.
        assert_eq!(append(&store, 101).await.unwrap(), seq + 1);
        let verified: Result<u64, StoreError> = store.read(|s| s.verify_log()).await;
        assert_eq!(verified.unwrap(), seq + 1);
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3u64 {
        let store = Store::open(options(&folder, Threads::Inline)).unwrap();
        assert_eq!(append(&store, 0).await.unwrap(), round + 1);
        let verified: Result<u64, StoreError> = store.read(|s| s.verify_log()).await;
        assert_eq!(verified.unwrap(), round + 1);
    }
}

#[tokio::test]
async fn a_changed_event_and_a_changed_stock_row_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Inline)).unwrap();
    for n in 0..5 {
        append(&store, n).await.unwrap();
    }
    let movement = Movement::receive(&"beet".into(), 500).unwrap();
    assert_eq!(movement.kind, MovementKind::Receive);
    store
        .write(move |tx| tx.move_stock(&[movement]))
        .await
        .unwrap();
    drop(store);
    let db = Connection::open(folder.path().join("store.db")).unwrap();
    db.execute(
        "UPDATE events SET body = replace(body, 'cause 2', 'cause 9') WHERE seq = 3",
        [],
    )
    .unwrap();
    db.execute("UPDATE stock SET on_hand = 600", []).unwrap();
    drop(db);
    let store = Store::open(options(&folder, Threads::Inline)).unwrap();
    let log: Result<u64, StoreError> = store.read(|s| s.verify_log()).await;
    assert!(matches!(log, Err(StoreError::Damaged(what)) if what.contains("event 3")));
    let level: Result<_, StoreError> = store.read(|s| s.level(&"beet".into())).await;
    assert!(matches!(level, Err(StoreError::Damaged(what)) if what.contains("beet")));
}

#[tokio::test]
async fn a_damaged_effect_holds_its_own_queue_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Inline)).unwrap();
    for queue in ["printer", "bank"] {
        let effect = NewEffect {
            key: format!("{queue}:1"),
            kind: "test",
            queue: queue.to_owned(),
            in_order_of_orders: false,
            order_id: None,
            item: None,
            request: serde_json::json!({"sum": 100}),
        };
        store
            .write(move |tx| tx.intend(&effect, NOW))
            .await
            .unwrap();
    }
    drop(store);
    let db = Connection::open(folder.path().join("store.db")).unwrap();
    let spoil = "UPDATE effects SET request = replace(request, '100', '900') WHERE queue = 'bank'";
    assert_eq!(db.execute(spoil, []).unwrap(), 1);
    drop(db);
    let store = Store::open(options(&folder, Threads::Inline)).unwrap();
    let heads = store.read_here(|s| s.queue_heads()).unwrap();
    let queues: Vec<_> = heads.iter().map(|h| h.queue.as_str()).collect();
    assert_eq!(queues, ["printer", "bank"]);
    let read = |id| store.read_here(|s| s.effect(id));
    assert_eq!(read(heads[0].id).unwrap().unwrap().key, "printer:1");
    assert!(matches!(read(heads[1].id), Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(options(&folder, Threads::Inline)).unwrap());
    let db = Connection::open(folder.path().join("store.db")).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    let refused = Store::open(options(&folder, Threads::Inline))
        .err()
        .unwrap();
    assert!(refused.to_string().contains("newer Galley"), "{refused}");
}

#[tokio::test]
async fn a_backup_is_a_whole_database() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Inline)).unwrap();
    append(&store, 1).await.unwrap();
    let copy = folder.path().join("copy.db");
    store.backup(copy.clone()).await.unwrap();
    let copy = Store::open(Options {
        path: copy,
        ..options(&folder, Threads::Inline)
    })
    .unwrap();
    assert_eq!(append(&copy, 2).await.unwrap(), 2);
}

#[tokio::test]
async fn a_full_disk_refuses_clearly_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Inline)).unwrap();
    append(&store, 0).await.unwrap();
    // As a disk without room: the file may not grow any more.
    let pages: i64 = store
        .write(|tx| -> Result<i64, StoreError> {
            Ok(tx.pragma_query_value(None, "page_count", |r| r.get(0))?)
        })
        .await
        .unwrap();
    store
        .write(move |tx| -> Result<(), StoreError> {
            Ok(tx.pragma_update(None, "max_page_count", pages)?)
        })
        .await
        .unwrap();
    let mut accepted = 1;
    let refused = loop {
        match append(&store, 1).await {
            Ok(_) => accepted += 1,
            Err(e) => break e,
        }
        assert!(accepted < 10_000, "the limit does not hold");
    };
    assert!(matches!(refused, StoreError::DiskFull), "{refused}");
    // Room again: the writer reopens the file by itself, and nothing that was acknowledged is lost.
    let next = loop {
        if let Ok(seq) = append(&store, 2).await {
            break seq;
        }
        store
            .write(|tx| -> Result<(), StoreError> {
                Ok(tx.pragma_update(None, "max_page_count", 1_000_000)?)
            })
            .await
            .ok();
    };
    assert_eq!(next, accepted + 1);
    let verified: Result<u64, StoreError> = store.read(|s| s.verify_log()).await;
    assert_eq!(verified.unwrap(), next);
}

#[tokio::test]
async fn a_small_database_is_checked_before_its_use_and_a_large_one_during_it() {
    let folder = tempfile::tempdir().unwrap();
    // Some pages in the middle become nonsense.
    let damage = |path: &std::path::Path| {
        let db = Connection::open(path).unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        drop(db);
        let mut bytes = std::fs::read(path).unwrap();
        for page in 3..12 {
            bytes[page * 4096..page * 4096 + 512].fill(0x55);
        }
        std::fs::write(path, bytes).unwrap();
    };
    for (name, bytes, opens) in [("small.db", 1 << 16, false), ("large.db", 70 << 20, true)] {
        let path = folder.path().join(name);
        let store = Store::open(Options::at(&path)).unwrap();
        store
            .write(move |tx| -> Result<(), StoreError> {
                tx.execute(
                    "INSERT INTO documents (name, body) VALUES ('filling', hex(zeroblob(?1)))",
                    [bytes / 2],
                )?;
                Ok(())
            })
            .await
            .unwrap();
        assert!(store.check().await.is_ok(), "{name}");
        assert_eq!(store.is_large().unwrap(), opens, "{name}");
        store.close().await;
        drop(store);
        damage(&path);
        match Store::open(Options::at(&path)) {
            Err(StoreError::Damaged(_)) => assert!(!opens, "{name} is not checked at once"),
            Err(e) => panic!("{name}: {e}"),
            Ok(store) => {
                assert!(opens, "{name} must be checked before its use");
                let verdict = store.check().await;
                assert!(matches!(verdict, Err(StoreError::Damaged(_))), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn an_erased_number_is_in_no_file_of_the_database_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder, Threads::Own)).unwrap();
    let number = |n: u128| format!("+79{n:09}");
    // More than a page of them; some were corrected, and so were on a page twice.
    for from in [0_u128, 200] {
        store
            .write(move |tx| {
                for n in from..from + 200 {
                    let order = crate::domain::ids::OrderId(uuid::Uuid::from_u128(n * 7919));
                    tx.put_contact(order, &number(n), NOW)?;
                    if n % 3 == 0 {
                        tx.put_contact(order, &number(n + 1_000), NOW)?;
                        tx.put_contact(order, &number(n), NOW)?;
                    }
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }
    let holds = |number: &str| {
        ["", "-wal"].iter().any(|ending| {
            let path = folder.path().join(format!("store.db{ending}"));
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(number.len()).any(|w| w == number.as_bytes())
        })
    };
    let (gone, other) = (number(150), number(300));
    assert!(holds(&gone) && holds(&other));
    let guest = gone.clone();
    let erased = store
        .write(move |tx| tx.erase_contacts_of(|kept| kept == guest))
        .await;
    assert_eq!(erased.unwrap(), 1);
    assert!(!holds(&gone) && holds(&other));
    // All of them go: pages come free.
    let erased = store.write(|tx| tx.erase_contacts_of(|_| true)).await;
    assert_eq!(erased.unwrap(), 399);
    assert!(!holds("+79000"));
}
