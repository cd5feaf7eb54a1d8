use super::*;
use crate::{
    domain::alert::Severity,
    hq::{
        db::{Db, Place, tests::each_database},
        tests::story::{DRIVE, Far, Log, START},
    },
    store::{Options, Threads},
};
use proptest::prelude::*;

const DAY: &str = "2026-08-01";
const NEXT: &str = "2026-08-02";

async fn with_store(place: Place) -> Db {
    let db = Db::open(place).await.unwrap();
    db.write(|sql| {
        sql.execute(
            "INSERT INTO stores (id, store_id, name, enrolled_at, hash) VALUES (1, 's', 's', 0, ?1)",
            &cells![[0_u8; 32]],
        )
    })
    .await
    .unwrap();
    db
}

/// Brings a log in packs that end behind these events.
async fn bring(db: &Db, log: &Log, ends: &[usize]) {
    let mut begin = 0;
    for end in ends.iter().copied().chain([log.entries.len()]) {
        let end = end.clamp(begin, log.entries.len());
        let entries = log.entries[begin..end].to_vec();
        begin = end;
        db.write(move |sql| {
            for e in &entries {
                sql.execute(
                    "INSERT INTO events (store, seq, at, kind, order_id, actor, body, hash, received_at)
                     VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
                    &cells![e.seq, e.at, e.kind.as_str(), e.order_id.map(|o| o.0), e.actor.as_str(), e.body.get(), e.hash.0],
                )?;
            }
            let pack = Pack {
                store: 1,
                entries: &entries,
                summary: None,
                seq: entries.last().map_or(0, |e| e.seq),
            };
            project(sql, &[pack], Timestamp::from_millis(START)).map(|unknown| assert_eq!(unknown, 0))
        })
        .await
        .unwrap();
    }
}

/// All that was projected, as text; signs of life apart.
async fn dump(db: &Db) -> Vec<String> {
    db.read(|sql| {
        let mut lines = Vec::new();
        for (table, columns) in [
            ("orders", "day, number, state, placed_at, updated_at, total_minor, orders, sold_minor, captured_minor, refunded_minor, receipted_minor, returned_minor, elsewhere_minor, dishes, plated, waiting, unequal, first_seq, last_seq, events"),
            ("days", "day, currency, orders, sold_minor, captured_minor, refunded_minor, receipted_minor, returned_minor, elsewhere_minor, dishes, plated, waiting, unequal, corrections_minor, accounted_minor, unposted"),
            ("shifts", "drive, number, opened_at, closed_at, posted_at, posted_minor, document, receipts"),
            ("quarters", "at, orders, sales_minor, dishes, cook_ms"),
            ("alerts", "key, severity, since_at, raised"),
            ("alerts_over", "seq, key, since_at, cleared_at"),
        ] {
            let count = columns.split(',').count();
            let mut rows = sql.rows(&format!("SELECT {columns} FROM {table} WHERE store = 1"), &[], |r| {
                let cells: Vec<String> = (0..count)
                    .map(|i| {
                        r.get::<Option<i64>>(i)
                            .map(|n| format!("{n:?}"))
                            .or_else(|_| r.get::<Option<String>>(i).map(|t| format!("{t:?}")))
                    })
                    .collect::<Result<_, _>>()?;
                Ok(format!("{table}: {}", cells.join(" ")))
            })?;
            rows.sort();
            // Quarters in which nothing happened tell nothing.
            lines.extend(rows.into_iter().filter(|r| !r.starts_with("quarters") || !r.ends_with(" Some(0) Some(0) Some(0) Some(0)")));
        }
        Ok(lines)
    })
    .await
    .unwrap()
}

async fn numbers(db: &Db, sql_text: &'static str) -> Vec<i64> {
    db.read(move |sql| {
        sql.row(sql_text, &[], |r| {
            let mut all = Vec::new();
            while let Ok(n) = r.get(all.len()) {
                all.push(n);
            }
            Ok(all)
        })
    })
    .await
    .unwrap()
    .unwrap_or_default()
}

fn full_log() -> Log {
    let mut log = Log::new();
    log.open_shift(7, DAY);
    log.sell(1, DAY, 45_000, 7, Far::Closed);
    log.sell(2, DAY, 5_050, 7, Far::Refunded);
    log.alarm("device:printer", Severity::Error);
    log.sell(3, NEXT, 900, 7, Far::Closed);
    log.calm("device:printer");
    log.post(7, 45_900);
    log
}

#[tokio::test]
async fn the_books_of_a_day_agree_to_the_kopeck_in_both_databases() {
    each_database(|place| async {
        let db = with_store(place).await;
        bring(&db, &full_log(), &[3, 9]).await;
        let days = numbers(
            &db,
            "SELECT orders, sold_minor, captured_minor - refunded_minor, receipted_minor - returned_minor, accounted_minor,
               unposted, waiting, unequal FROM days WHERE store = 1 AND day = '2026-08-01'",
        )
        .await;
        assert_eq!(days, [2, 45_000, 45_000, 45_000, 45_000, 0, 0, 0]);
        let next = numbers(
            &db,
            "SELECT orders, sold_minor, accounted_minor, unposted FROM days WHERE store = 1 AND day = '2026-08-02'",
        )
        .await;
        assert_eq!(next, [1, 900, 900, 0]);
        assert_eq!(numbers(&db, "SELECT count(*) FROM alerts").await, [0]);
        assert_eq!(numbers(&db, "SELECT count(*) FROM alerts_over").await, [1]);
        // Orders that are over keep no copy of themselves.
        assert_eq!(numbers(&db, "SELECT count(*) FROM orders WHERE doc IS NOT NULL").await, [0]);
    })
    .await;
}

#[tokio::test]
async fn a_receipt_of_another_sum_is_a_difference_and_stands_behind_the_day() {
    each_database(|place| async {
        let db = with_store(place).await;
        let mut log = Log::new();
        log.open_shift(7, DAY);
        log.sell(1, DAY, 45_000, 7, Far::Closed);
        log.sell(2, DAY, 5_000, 7, Far::Wrong);
        log.sell(3, DAY, 700, 7, Far::Paid);
        bring(&db, &log, &[]).await;
        let day = numbers(
            &db,
            "SELECT waiting, unequal, unposted FROM days WHERE store = 1",
        )
        .await;
        assert_eq!(day, [1, 1, 1]);
        let behind = numbers(&db, "SELECT number FROM orders WHERE unequal = 1").await;
        assert_eq!(behind, [2]);
    })
    .await;
}

#[tokio::test]
async fn accounting_that_has_another_sum_is_seen_on_the_day() {
    each_database(|place| async {
        let db = with_store(place).await;
        let mut log = Log::new();
        log.open_shift(7, DAY);
        log.sell(1, DAY, 45_000, 7, Far::Closed);
        // The same number on a new drive is another shift.
        log.post(7, 44_999);
        bring(&db, &log, &[5]).await;
        let day = numbers(
            &db,
            "SELECT receipted_minor, accounted_minor, unposted FROM days WHERE store = 1",
        )
        .await;
        assert_eq!(day, [45_000, 44_999, 0]);
        let drive = db
            .read(|sql| sql.row("SELECT drive FROM shifts", &[], |r| r.get::<String>(0)))
            .await
            .unwrap();
        assert_eq!(drive.as_deref(), Some(DRIVE));
    })
    .await;
}

#[tokio::test]
async fn an_alert_that_is_raised_again_is_the_same_until_it_is_cleared() {
    each_database(|place| async {
        let db = with_store(place).await;
        let mut log = Log::new();
        log.alarm("robot:gap", Severity::Warning);
        let since = log.entries[0].at.as_millis() - 1_000;
        log.alarm("robot:gap", Severity::Error);
        log.alarm("disk", Severity::Error);
        bring(&db, &log, &[1]).await;
        let open = numbers(
            &db,
            "SELECT since_at, raised FROM alerts WHERE key = 'robot:gap' AND severity = 'error'",
        )
        .await;
        assert_eq!(open, [since, 1]);
        log.calm("robot:gap");
        log.calm("never raised");
        let tail = Log {
            entries: log.entries[3..].to_vec(),
            ..Log::new()
        };
        bring(&db, &tail, &[]).await;
        assert_eq!(numbers(&db, "SELECT count(*) FROM alerts").await, [1]);
        assert_eq!(
            numbers(&db, "SELECT since_at, seq FROM alerts_over").await,
            [since, 4]
        );
    })
    .await;
}

#[tokio::test]
async fn silence_within_a_quarter_is_counted_and_heartbeats_are_not_silence() {
    each_database(|place| async {
        let db = with_store(place).await;
        let begin = START.div_euclid(QUARTER_MS) * QUARTER_MS;
        for ms in [0, 15_000, 30_000, 330_000] {
            db.write(move |sql| {
                let pack = Pack {
                    store: 1,
                    entries: &[],
                    summary: None,
                    seq: 0,
                };
                project(sql, &[pack], Timestamp::from_millis(begin + ms))
            })
            .await
            .unwrap();
        }
        let quarter = numbers(&db, "SELECT first_at, last_at, silent_ms FROM quarters").await;
        assert_eq!(quarter, [begin, begin + 330_000, 300_000 - 45_000]);
    })
    .await;
}

fn any_log() -> impl Strategy<Value = Log> {
    let far = prop::sample::select(vec![
        Far::Placed,
        Far::Paid,
        Far::Receipted,
        Far::Closed,
        Far::Wrong,
        Far::Refunded,
    ]);
    let orders = prop::collection::vec((far, 100_i64..100_000, any::<bool>(), 7_u32..9), 1..7);
    (orders, any::<u64>()).prop_map(|(orders, mut dice)| {
        let mut stories: Vec<_> = orders
            .into_iter()
            .enumerate()
            .map(|(n, (far, minor, late, shift))| {
                let day = if late { NEXT } else { DAY };
                Log::order(n as u128 + 1, day, minor, shift, far)
            })
            .collect();
        let mut log = Log::new();
        log.open_shift(7, DAY);
        log.open_shift(8, NEXT);
        // The orders go on beside one another.
        while !stories.is_empty() {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let one = usize::try_from(dice >> 33).unwrap() % stories.len();
            let (id, body) = stories[one].remove(0);
            log.push(Some(id), &body);
            if stories[one].is_empty() {
                stories.remove(one);
            }
        }
        log.post(7, 12_345);
        log
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The sums of a day are those of its orders; and how a log is cut into packs changes nothing, nor does making all
    /// of it anew from the events.
    #[test]
    fn days_are_their_orders_however_the_log_comes(log in any_log(), cuts in prop::collection::vec(0_usize..60, 0..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let place = |name: &str| Place::Sqlite(Options { threads: Threads::Inline, ..Options::at(dir.path().join(name)) });
            let whole = with_store(place("whole")).await;
            bring(&whole, &log, &[]).await;
            let mut ends = cuts;
            ends.sort_unstable();
            let cut = with_store(place("cut")).await;
            bring(&cut, &log, &ends).await;
            let want = dump(&whole).await;
            assert_eq!(dump(&cut).await, want);
            cut.write(|sql| {
                sql.execute("DELETE FROM projected", &[])?;
                renew(sql)
            }).await.unwrap();
            assert_eq!(dump(&cut).await, want);
            for column in ["orders", "sold_minor", "captured_minor", "refunded_minor", "receipted_minor", "returned_minor", "waiting", "unequal"] {
                let sql_text = format!(
                    "SELECT count(*) FROM (SELECT d.day FROM days d LEFT JOIN orders o ON o.store = d.store AND o.day = d.day
                     GROUP BY d.day, d.{column} HAVING coalesce(sum(o.{column}), 0) <> d.{column})"
                );
                let differ = whole.read(move |sql| sql.row(&sql_text, &[], |r| r.get::<i64>(0))).await.unwrap();
                assert_eq!(differ, Some(0), "{column}");
            }
        });
    }
}
