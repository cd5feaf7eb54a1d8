//! Migrations by `user_version`; only ever added.

use super::StoreError;
use rusqlite::Connection;

/// In order; the number of those applied is the database's `user_version`.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_turns.sql"),
    include_str!("migrations/0003_effect_sums.sql"),
    include_str!("migrations/0004_book_sums.sql"),
    include_str!("migrations/0008_menu.sql"),
    include_str!("migrations/0010_staff.sql"),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
