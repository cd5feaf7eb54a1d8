//! Migrations by `user_version`; only ever added.

use super::StoreError;
use rusqlite::Connection;

/// In order; the number of those applied is the database's `user_version`.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_turns.sql"),
    include_str!("migrations/0003_effect_sums.sql"),
    include_str!("migrations/0004_book_sums.sql"),
    include_str!("migrations/0005_marks_contacts.sql"),
    include_str!("migrations/0006_numbers.sql"),
    include_str!("migrations/0007_menu.sql"),
    include_str!("migrations/0008_staff.sql"),
    include_str!("migrations/0009_secrets.sql"),
    include_str!("migrations/0010_api_keys.sql"),
    include_str!("migrations/0011_loyalty.sql"),
    include_str!("migrations/0014_told.sql"),
];

/// Brings the database to this program's version, each step in a transaction of its own.
pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let applied: usize = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if applied > MIGRATIONS.len() {
        return Err(StoreError::Open(format!(
            "the database is of a newer Galley (schema {applied}, this one knows {}); install that version",
            MIGRATIONS.len()
        )));
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
        let tx = db.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", i + 1)?;
        tx.commit()?;
    }
    Ok(())
}

/// Of what schema a database is, and whether that is an older one than this program's. None when there is none yet.
pub(super) fn outdated(db: &Connection) -> Result<Option<usize>, StoreError> {
    let applied: usize = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    Ok((1..MIGRATIONS.len()).contains(&applied).then_some(applied))
}

#[cfg(test)]
mod tests {
    use super::{super::Snapshot, *};

    #[test]
    fn a_dish_that_waited_when_the_daemon_was_updated_keeps_its_orders_turn() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(MIGRATIONS[0]).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        for (key, queue, order) in [
            ("cook:a1", "robot", Some([1])),
            ("receipt:b", "printer", Some([2])),
            ("cook:b1", "robot", Some([2])),
            ("cook:a2", "robot", Some([1])),
            ("machine", "robot-machine", None),
        ] {
            db.execute(
                "INSERT INTO effects (key, kind, queue, order_id, request, state, created_at, next_at)
                 VALUES (?1, 'kind', ?2, ?3, 'null', 'waiting', 0, 0)",
                (key, queue, order),
            )
            .unwrap();
        }
        migrate(&mut db).unwrap();
        let turns: Vec<i64> = db
            .prepare("SELECT turn FROM effects ORDER BY id")
            .unwrap()
            .query_map([], |r| r.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(turns, [1, 2, 3, 1, 5]);
    }

    #[test]
    fn a_store_that_was_updated_in_the_middle_of_a_day_goes_on_with_its_numbers() {
        let mut db = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..4] {
            db.execute_batch(sql).unwrap();
        }
        db.pragma_update(None, "user_version", 4).unwrap();
        for (id, day, number) in [
            ([1], "2026-11-21", 40),
            ([2], "2026-11-22", 1),
            ([3], "2026-11-22", 2),
        ] {
            db.execute(
                r#"INSERT INTO orders (id, day, number, state, placed_at, expires_at, doc, "check")
                   VALUES (?1, ?2, ?3, 'closed', 0, 0, '', 0)"#,
                (id, day, number),
            )
            .unwrap();
        }
        db.execute_batch(
            "INSERT INTO counters VALUES ('kitchen_ms', 7), ('number:2026-11-21', 40), ('number:2026-11-22', 2)",
        )
        .unwrap();
        migrate(&mut db).unwrap();
        let s = Snapshot(&db);
        assert_eq!(s.next_number("2026-11-21").unwrap(), 41);
        assert_eq!(s.next_number("2026-11-22").unwrap(), 3);
        assert_eq!(s.next_number("2026-11-23").unwrap(), 1);
        assert_eq!(s.counter("kitchen_ms").unwrap(), 7);
        assert_eq!(s.counter("number:2026-11-22").unwrap(), 0);
    }
}
