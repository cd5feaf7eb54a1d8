//! Both databases keep the same promises.

use super::{Db, Kind, Pending, Place, cells};
use crate::{
    store::{Options, StoreError},
    world::Secret,
};

#[path = "../../../tests/common/postgres.rs"]
mod server;

/// A fresh PostgreSQL database's address.
pub(in crate::hq) fn new_server_database() -> String {
    server::database()
}

/// Runs a test over a fresh database of each kind.
pub(in crate::hq) async fn each_database<F: Future<Output = ()>>(test: impl Fn(Place) -> F) {
    let dir = tempfile::tempdir().unwrap();
    test(Place::Sqlite(Options::at(dir.path().join("hq.db")))).await;
    let url = tokio::task::spawn_blocking(server::database).await.unwrap();
    test(Place::Postgres(Secret::new(url))).await;
}

async fn with_table(place: Place) -> Db {
    let db = Db::open(place).await.unwrap();
    db.write(|sql| {
        sql.execute(
            "CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT, bytes BLOB_OR_BYTEA)"
                .replace(
                    "BLOB_OR_BYTEA",
                    if sql.lock().is_empty() {
                        "BLOB"
                    } else {
                        "BYTEA"
                    },
                )
                .as_str(),
            &[],
        )
    })
    .await
    .unwrap();
    db
}

async fn names(db: &Db) -> Vec<Option<String>> {
    db.read(|sql| sql.rows("SELECT name FROM things ORDER BY id", &[], |r| r.get(0)))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    each_database(|place| async {
        let db = with_table(place).await;
        let rows = vec![
            cells![1, "борщ", [7u8; 16]].to_vec(),
            cells![2, None::<String>, None::<Vec<u8>>].to_vec(),
        ];
        let columns = [
            ("id", Kind::Int),
            ("name", Kind::Text),
            ("bytes", Kind::Blob),
        ];
        let put = db
            .write(move |sql| sql.insert_many("things", &columns, &rows, "ON CONFLICT DO NOTHING"))
            .await
            .unwrap();
        assert_eq!(put, 2);
        type Thing = (u64, Option<String>, Option<[u8; 16]>);
        let all: Vec<Thing> = db
            .read(|sql| {
                sql.rows(
                    "SELECT id, name, bytes FROM things WHERE id >= ?1 ORDER BY id LIMIT ?2",
                    &cells![1, 10],
                    |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
                )
            })
            .await
            .unwrap();
        assert_eq!(
            all,
            [(1, Some("борщ".to_owned()), Some([7; 16])), (2, None, None)]
        );
    })
    .await;
}

/// Puts a thing in, and does something else in the same request.
async fn put(
    db: &Db,
    id: i64,
    then: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Pending<()> {
    let submitted = db.submit(move |sql| {
        sql.execute(
            "INSERT INTO things (id, name) VALUES (?1, 'a')",
            &cells![id],
        )?;
        then()
    });
    submitted.await.unwrap()
}

#[tokio::test]
async fn a_request_that_fails_takes_nothing_of_its_neighbours_back() {
    each_database(|place| async {
        let db = with_table(place).await;
        let fails = || Err(StoreError::Damaged("on purpose".to_owned()));
        let one = put(&db, 1, || Ok(())).await;
        let two = put(&db, 2, fails).await;
        let three = put(&db, 3, || Ok(())).await;
        // The same key again: the database refuses it.
        let again = put(&db, 1, || Ok(())).await;
        one.done().await.unwrap();
        assert!(two.done().await.is_err());
        three.done().await.unwrap();
        assert!(again.done().await.is_err());
        assert_eq!(names(&db).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_panics_is_taken_back_and_the_writer_goes_on() {
    each_database(|place| async {
        let db = with_table(place).await;
        let one = put(&db, 1, || Ok(())).await;
        let two = put(&db, 2, || panic!("on purpose")).await;
        let three = put(&db, 3, || Ok(())).await;
        one.done().await.unwrap();
        let panicked = two.done().await.unwrap_err();
        assert!(matches!(panicked, StoreError::Panicked), "{panicked}");
        assert!(panicked.is_about_content());
        three.done().await.unwrap();
        assert_eq!(names(&db).await.len(), 2);
    })
    .await;
}

/// A log that can't be settled shows who tries.
#[tokio::test]
async fn who_comes_first_settles_the_log_of_a_file_and_nobody_does_beside_another() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::at(dir.path().join("hq.db"));
    let log = dir.path().join("hq.db-wal");
    let held = super::sqlite::enter(&options).unwrap();
    std::fs::create_dir(&log).unwrap();
    let beside = super::sqlite::enter(&options).unwrap();
    drop(held);
    super::sqlite::enter(&options).unwrap();
    drop(beside);
    let alone = super::sqlite::enter(&options).unwrap_err().to_string();
    assert!(alone.contains("can't be brought to the disk"), "{alone}");
    std::fs::remove_dir(&log).unwrap();
    super::sqlite::enter(&options).unwrap();
}

#[tokio::test]
async fn a_reader_can_not_write() {
    each_database(|place| async {
        let db = with_table(place).await;
        db.read(|sql| sql.execute("INSERT INTO things (id) VALUES (1)", &[]))
            .await
            .unwrap_err();
        // And what it did wrong harms no other reader.
        assert!(names(&db).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_database_is_opened_twice_and_one_of_a_newer_program_not_at_all() {
    each_database(|place| async {
        drop(Db::open(place.clone()).await.unwrap());
        let db = Db::open(place.clone()).await.unwrap();
        db.write(|sql| match sql.lock() {
            "" => sql.execute("PRAGMA user_version = 99999", &[]),
            _ => sql.execute("INSERT INTO schema_migrations (number) VALUES (99999)", &[]),
        })
        .await
        .unwrap();
        let refused = Db::open(place).await.err().unwrap().to_string();
        assert!(refused.contains("newer Galley"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_server_over_tls_is_believed_only_with_its_own_authority() {
    let made = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (true_one, other) = (made("127.0.0.1"), made("127.0.0.1"));
    let (certificate, key) = (true_one.cert.pem(), true_one.signing_key.serialize_pem());
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let (ours, theirs) = (
        file("ours.pem", certificate.clone()),
        file("theirs.pem", other.cert.pem()),
    );
    let started = tokio::task::spawn_blocking(move || {
        let (server, port) = server::over_tls(&certificate, &key);
        let name = server.database();
        let name = name.split(['/', '?']).nth(3).unwrap().to_owned();
        (server, format!("postgres://galley@127.0.0.1:{port}/{name}"))
    });
    let (_server, url) = started.await.unwrap();
    let at = |parameters: String| Place::Postgres(Secret::new(format!("{url}?{parameters}")));
    let db = Db::open(at(format!("sslmode=verify-full&sslrootcert={ours}")))
        .await
        .unwrap();
    let secret: i64 = db
        .read(|sql| {
            let asked = "SELECT ssl::int::bigint FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            let rows = sql.rows(asked, &[], |r| r.get(0))?;
            Ok(rows[0])
        })
        .await
        .unwrap();
    assert_eq!(secret, 1);
    for wrong in [
        format!("sslmode=require&sslrootcert={theirs}"),
        // Nobody whom the system trusts has vouched for it.
        "sslmode=require".to_owned(),
    ] {
        let refused = Db::open(at(wrong.clone())).await.err().expect(&wrong);
        assert!(refused.to_string().contains("ertificate"), "{refused}");
    }
}

#[tokio::test]
async fn what_was_erased_is_cleared_away_behind_its_commit() {
    let url = tokio::task::spawn_blocking(server::database).await.unwrap();
    let db = with_table(Place::Postgres(Secret::new(url.clone()))).await;
    db.write(|sql| {
        sql.execute("ALTER TABLE things SET (autovacuum_enabled = false)", &[])?;
        sql.execute("INSERT INTO things (id, name) VALUES (1, 'a number')", &[])
    })
    .await
    .unwrap();
    let forget =
        |sql: &super::Sql<'_>| sql.erase("UPDATE things SET name = NULL WHERE name IS NOT NULL");
    let dead = async || {
        db.read(|sql| {
            let of = "SELECT n_dead_tup, vacuum_count FROM pg_stat_all_tables WHERE relid = 'things'::regclass";
            let rows = sql.rows(of, &[], |r| Ok((r.get::<i64>(0)?, r.get::<i64>(1)?)))?;
            Ok(rows[0])
        })
        .await
        .unwrap()
    };
    assert_eq!(db.write(forget).await.unwrap(), 1);
    tokio::time::timeout(std::time::Duration::from_secs(10), db.erased())
        .await
        .unwrap();
    assert_eq!(db.vacuum("things").await.unwrap(), 0);
    assert_eq!(dead().await, (0, 1));
    // Where there was nothing to erase, nothing is to be cleared away.
    assert_eq!(db.write(forget).await.unwrap(), 0);
    let erased = std::pin::pin!(db.erased());
    assert!(futures_util::poll!(erased).is_pending());
    // Who may not is told who may.
    let clerk = format!("clerk_{}", std::process::id());
    let role = clerk.clone();
    db.write(move |sql| {
        sql.execute(&format!("CREATE ROLE {role} LOGIN"), &[])?;
        sql.execute("UPDATE things SET name = 'another'", &[])
    })
    .await
    .unwrap();
    let as_clerk = Secret::new(url.replace("galley@", &format!("{clerk}@")));
    let refused = tokio::task::spawn_blocking(move || super::postgres::vacuum(&as_clerk, "things"));
    let refused = refused.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("only galley"), "{refused}");
    db.write(move |sql| sql.execute(&format!("DROP ROLE {clerk}"), &[]))
        .await
        .unwrap();
}
