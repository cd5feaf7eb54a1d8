//! The same rows into the same kind of table, without headquarters: what the database alone can do.

use postgres::{Client, NoTls};
use std::{io::Write as _, time::Instant};

const PACK: usize = 1_000;
const CONNECTIONS: usize = 2;
const STORES: usize = 100;

fn tables(url: &str) {
    let mut db = Client::connect(url, NoTls).unwrap();
    db.batch_execute(
        "DROP TABLE IF EXISTS plain_events; DROP TABLE IF EXISTS plain_cursors;
         CREATE TABLE plain_events (store BIGINT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL,
           order_id BYTEA, actor TEXT NOT NULL, body TEXT NOT NULL, hash BYTEA NOT NULL, received_at BIGINT NOT NULL,
           PRIMARY KEY (store, seq));
         CREATE TABLE plain_cursors (store BIGINT PRIMARY KEY, seq BIGINT NOT NULL)",
    )
    .unwrap();
}

fn body() -> String {
    format!(
        "{{\"kind\":\"payment.declined\",\"reason\":\"{}\"}}",
        "x".repeat(215)
    )
}

/// Events a second by `INSERT … SELECT FROM unnest` in packs, a store's cursor in the same transaction.
pub fn insert(url: &str, events: usize) -> f64 {
    tables(url);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut db = Client::connect(url, NoTls).unwrap();
                let insert = db
                    .prepare(
                        "INSERT INTO plain_events SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[],
                           $5::bytea[], $6::text[], $7::text[], $8::bytea[], $9::bigint[])",
                    )
                    .unwrap();
                let cursor = db
                    .prepare("INSERT INTO plain_cursors VALUES ($1, $2) ON CONFLICT (store) DO UPDATE SET seq = excluded.seq")
                    .unwrap();
                let (body, hash, order) = (body(), [7u8; 32], [9u8; 16]);
                for pack in 0..events / PACK / CONNECTIONS {
                    let store = i64::try_from(connection * STORES + pack % STORES).unwrap();
                    let first = i64::try_from(pack / STORES * PACK).unwrap();
                    let seqs: Vec<i64> = (first..).take(PACK).collect();
                    let last = *seqs.last().unwrap();
                    let mut tx = db.transaction().unwrap();
                    tx.execute(
                        &insert,
                        &[
                            &vec![store; PACK],
                            &seqs,
                            &seqs,
                            &vec!["payment.declined"; PACK],
                            &vec![&order[..]; PACK],
                            &vec!["system"; PACK],
                            &vec![body.as_str(); PACK],
                            &vec![&hash[..]; PACK],
                            &vec![1i64; PACK],
                        ],
                    )
                    .unwrap();
                    tx.execute(&cursor, &[&store, &last]).unwrap();
                    tx.commit().unwrap();
                }
            });
        }
    });
    events as f64 / began.elapsed().as_secs_f64()
}

/// Events a second by `COPY`.
pub fn copy(url: &str, events: usize) -> f64 {
    tables(url);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut db = Client::connect(url, NoTls).unwrap();
                let mut tx = db.transaction().unwrap();
                let mut writer = tx.copy_in("COPY plain_events FROM STDIN").unwrap();
                let (body, hash, order) = (body(), "07".repeat(32), "09".repeat(16));
                for n in 0..events / CONNECTIONS {
                    writeln!(
                        writer,
                        "{}\t{}\t{n}\tpayment.declined\t\\\\x{order}\tsystem\t{body}\t\\\\x{hash}\t1",
                        connection * STORES + n % STORES,
                        n / STORES,
                    )
                    .unwrap();
                }
                writer.finish().unwrap();
                tx.commit().unwrap();
            });
        }
    });
    events as f64 / began.elapsed().as_secs_f64()
}
