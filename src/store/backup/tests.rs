use super::*;
use crate::{
    domain::event::{Actor, Body},
    store::{EffectState, NewEffect, ROBOT, Tx},
};

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);

struct Shop {
    folder: tempfile::TempDir,
    store: Store,
}

/// A restore an hour later, on the same box.
fn handover() -> Handover {
    Handover {
        now: Timestamp::from_millis(NOW.as_millis() + 3_600_000),
        day: Some("2026-11-22".to_owned()),
        other_box: false,
        generation: 0,
    }
}

fn key(letter: char) -> Key {
    Key::new(&letter.to_string().repeat(40)).unwrap()
}

impl Shop {
    async fn with_events(n: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Options::at(folder.path().join("galley.db"))).unwrap();
        let shop = Self { folder, store };
        shop.append(n).await;
        shop
    }

    async fn append(&self, n: usize) {
        self.store
            .write(move |tx: &mut Tx<'_>| {
                for i in 0..n {
                    let body = Body::AlertCleared {
                        key: format!("cause {i}"),
                    };
                    tx.append(NOW, None, &Actor::system(), body)?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    fn plan(&self) -> Plan {
        Plan {
            folder: self.folder.path().join("backups"),
            keep: 3,
            keys: vec![key('k')],
            store_id: "S 1".to_owned(),
        }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("galley.db")
    }

    async fn backup(&self, second: i64, reason: &str) -> Listed {
        let occasion = Occasion {
            at: Timestamp::from_millis(NOW.as_millis() + 1000 * second),
            reason: reason.to_owned(),
            salt: [3; SALT],
        };
        self.store.make_backup(self.plan(), occasion).await.unwrap()
    }

    /// What is in the folder of backups and is none.
    fn left_over(&self) -> Vec<String> {
        fs::read_dir(self.plan().folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".backup"))
            .collect()
    }
}

#[tokio::test]
async fn a_store_comes_back_as_it_was_and_what_was_there_stays_beside_it() {
    let shop = Shop::with_events(50).await;
    // What a crash has left.
    fs::create_dir_all(shop.plan().folder).unwrap();
    fs::write(shop.plan().folder.join(".20260101T000000Z.plain"), b"x").unwrap();
    let made = shop.backup(0, "by hand").await;
    assert_eq!(made.header.seq, 50);
    assert_eq!(
        made.file.file_name().unwrap(),
        "S_1-20261122T090000Z.backup"
    );
    assert_eq!(shop.left_over(), Vec::<String>::new());
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&made.file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(&made.file).unwrap();
    assert!(
        !bytes.windows(6).any(|w| w == b"SQLite"),
        "it is not sealed"
    );

    shop.append(7).await;
    shop.store.close().await;
    let opened = shop.folder.path().join("opened");
    let mut told = 0;
    let header = unseal(&made.file, &shop.plan().keys, &opened, &mut |done, of| {
        assert!(done <= of);
        told = done;
    })
    .unwrap();
    assert_eq!(told, header.bytes);
    let missing = missing(&shop.database(), &header).unwrap();
    assert_eq!((missing.same_log, missing.events), (true, 7));
    let restored = restore(&shop.database(), &opened, &handover()).unwrap();
    assert!(
        restored.aside[0].ends_with("galley.db.before-20261122T100000Z"),
        "{restored:?}"
    );
    let Shop { folder, store } = shop;
    drop(store);
    let again = Store::open(Options::at(folder.path().join("galley.db"))).unwrap();
    let verified: Result<u64, StoreError> = again.read(|s| s.verify_log()).await;
    assert_eq!(verified.unwrap(), 50);
    // The one that was there is whole, its WAL included.
    let old = Store::open(Options::at(&restored.aside[0])).unwrap();
    assert_eq!(*old.head().borrow(), 57);
}

#[tokio::test]
async fn a_wrong_key_or_a_file_that_is_not_whole_leaves_everything_as_it_is() {
    let shop = Shop::with_events(20).await;
    let made = shop.backup(0, "by hand").await;
    let before = fs::read(shop.database()).unwrap();
    let opened = shop.folder.path().join("opened");
    let whole = fs::read(&made.file).unwrap();
    let bad = shop.folder.path().join("bad.backup");
    let mut seen = Vec::new();
    let mut attempt = |bytes: &[u8], letter| {
        fs::write(&bad, bytes).unwrap();
        let error = unseal(&bad, &[key(letter)], &opened, &mut |_, _| {}).unwrap_err();
        assert!(!opened.exists(), "{error}");
        seen.push(error.to_string());
    };
    attempt(&whole, 'x');
    for cut in [0, 5, 11, 100, whole.len() / 2, whole.len() - 1] {
        attempt(&whole[..cut], 'k');
    }
    // The header can be read by all and changed by nobody.
    let at = whole.windows(6).position(|w| w == b"\"seq\":").unwrap() + 6;
    let mut changed = whole.clone();
    changed[at] = b'9';
    attempt(&changed, 'k');
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    attempt(&changed, 'k');
    attempt(b"SQLite format 3\0 and so on", 'k');
    assert!(seen[0].contains("another key"), "{}", seen[0]);
    assert!(seen[1].contains("no backup"), "{}", seen[1]);
    assert!(seen[5].contains("cut short"), "{seen:?}");
    assert_eq!(fs::read(shop.database()).unwrap(), before);
}

#[tokio::test]
async fn nothing_that_may_have_been_done_since_is_simply_done_again() {
    let shop = Shop::with_events(1).await;
    let intents = [
        ("fiscal.receipt", "printer"),
        ("kitchen.slip", "printer"),
        ("bank.refund", "bank:1"),
        ("robot.cook", "robot"),
    ];
    shop.store
        .write(move |tx: &mut Tx<'_>| {
            for (kind, queue) in intents {
                let effect = NewEffect {
                    key: kind.to_owned(),
                    kind,
                    queue: queue.to_owned(),
                    in_order_of_orders: false,
                    order_id: None,
                    item: None,
                    request: serde_json::Value::Null,
                };
                tx.intend(&effect, NOW)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let made = shop.backup(0, "by hand").await;
    shop.store.close().await;
    let opened = shop.folder.path().join("opened");
    unseal(&made.file, &shop.plan().keys, &opened, &mut |_, _| {}).unwrap();
    let restored = restore(&shop.database(), &opened, &handover()).unwrap();
    assert_eq!((restored.for_person, restored.asked), (1, 2));
    let again = Store::open(Options::at(shop.database())).unwrap();
    let (states, alerts) = again
        .read(|s| {
            let live = s.live_effects()?;
            let states: Vec<EffectState> = live.iter().map(|e| e.state).collect();
            Ok::<_, StoreError>((states, s.alerts()?))
        })
        .await
        .unwrap();
    use EffectState::{Person, Unknown, Waiting};
    assert_eq!(states, [Person, Waiting, Unknown, Unknown]);
    assert_eq!(alerts.len(), 1);
    assert!(
        alerts[0].advice.contains("galley effect settle 1"),
        "{alerts:?}"
    );
}

#[tokio::test]
async fn old_backups_go_but_the_one_before_the_last_update_stays() {
    let shop = Shop::with_events(1).await;
    shop.backup(0, "schedule").await;
    shop.backup(1, BEFORE_UPDATE).await;
    for second in 2..6 {
        shop.backup(second, "schedule").await;
    }
    let kept: Vec<String> = list(&shop.plan().folder)
        .unwrap()
        .into_iter()
        .map(|b| {
            format!(
                "{} {}",
                b.header.at.as_millis() - NOW.as_millis(),
                b.header.reason
            )
        })
        .collect();
    assert_eq!(
        kept,
        [
            "1000 before an update",
            "3000 schedule",
            "4000 schedule",
            "5000 schedule"
        ]
    );
}

#[tokio::test]
async fn a_damaged_database_is_said_to_be_unreadable_and_not_empty() {
    let shop = Shop::with_events(3).await;
    let made = shop.backup(0, "by hand").await;
    shop.store.close().await;
    let torn = shop.folder.path().join("torn.db");
    fs::write(&torn, b"SQLite format 3\0 torn").unwrap();
    assert_eq!(missing(&torn, &made.header), None);
    assert_eq!(
        missing(&shop.folder.path().join("none.db"), &made.header),
        None
    );
}

#[tokio::test]
async fn whoever_goes_on_is_above_the_former_box_at_the_robot_and_leaves_its_numbers_free() {
    let shop = Shop::with_events(1).await;
    let before = NOW.as_millis() - 5;
    shop.store
        .write(move |tx: &mut Tx<'_>| {
            tx.put_document(ROBOT, &serde_json::json!({"fence": before, "cursor": null}))
        })
        .await
        .unwrap();
    let made = shop.backup(0, "by hand").await;
    // Since then numbers were given out that the backup does not know.
    shop.store
        .write(|tx: &mut Tx<'_>| {
            tx.execute(
                "INSERT INTO orders (id, day, number, state, placed_at, expires_at, doc, \"check\")
                 VALUES (x'01', '2026-11-22', 41, 'closed', 0, 0, '{}', 0)",
                [],
            )?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    shop.store.close().await;
    let opened = shop.folder.path().join("opened");
    unseal(&made.file, &shop.plan().keys, &opened, &mut |_, _| {}).unwrap();
    restore(&shop.database(), &opened, &handover()).unwrap();
    let look = async |day: &'static str| {
        let again = Store::open(Options::at(shop.database())).unwrap();
        let seen = again
            .read(move |s| {
                let place: serde_json::Value = s.document(ROBOT)?.unwrap();
                Ok::<_, StoreError>((place["fence"].as_i64().unwrap(), s.next_number(day)?))
            })
            .await
            .unwrap();
        again.close().await;
        seen
    };
    let restored_at = handover().now.as_millis();
    assert_eq!(look("2026-11-22").await, (restored_at, 42));
    assert_eq!(look("2026-11-23").await.1, 1);
    // Another box sold meanwhile: how far it came is not known. Its clock may be ahead of ours, or behind.
    let other = Handover {
        now: NOW,
        other_box: true,
        ..handover()
    };
    hand_over(&shop.database(), &other).unwrap();
    assert_eq!(look("2026-11-22").await, (restored_at + 1, 101));
}

#[tokio::test]
async fn a_box_of_a_later_generation_is_above_the_former_one_at_the_robot_though_its_clock_is_years_behind()
 {
    let box_of = async |generation: u64, now: i64| {
        let shop = Shop::with_events(1).await;
        shop.store.close().await;
        let place = Handover {
            now: Timestamp::from_millis(now),
            generation,
            ..handover()
        };
        hand_over(&shop.database(), &place).unwrap();
        let again = Store::open(Options::at(shop.database())).unwrap();
        let robot: Option<serde_json::Value> = again.read(|s| s.document(ROBOT)).await.unwrap();
        again.close().await;
        robot.map(|place| place["fence"].as_i64().unwrap())
    };
    let former = box_of(2, NOW.as_millis()).await.unwrap();
    // A new database, on a board whose clock has lost its battery.
    let next = box_of(3, 1_000).await.unwrap();
    assert!(next > former, "{next} is not above {former}");
    // JSON readers that know no other numbers than these keep it exactly.
    assert!(box_of(u64::MAX, NOW.as_millis()).await.unwrap() < 1 << 53);
    // Without a place given by headquarters the robot's first session makes it, by the clock.
    assert_eq!(box_of(0, NOW.as_millis()).await, None);
}
