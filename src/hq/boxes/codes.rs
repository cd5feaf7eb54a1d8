//! One-time codes, and the box that uses one.

use super::super::{
    Hq, IngestError,
    db::{Sql, cells},
    down::requeue_documents,
    fleet, hash,
    keys::Chance,
};
use crate::{
    domain::{chain::GENESIS, time::Timestamp},
    store::StoreError,
    sync::{StoreId, batch::HexHash},
};
use serde::Serialize;
use std::time::Duration;

/// A code is good for so long when nothing is said.
pub(super) const VALID: Duration = Duration::from_mins(60);
/// Characters of a code: none that is taken for another. 50 bits, for an hour at twenty guesses a minute.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH: usize = 10;
/// Wrong codes in a minute, all together; then nobody is answered for the rest of it.
pub(super) const GUESSES: u32 = 20;

/// A code, as it is told once.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct Code {
    /// For which store.
    pub(in crate::hq) store_id: StoreId,
    /// The code.
    pub(in crate::hq) code: String,
    /// It is no good any more then.
    pub(in crate::hq) expires_at: Timestamp,
    /// The generation of the box that is there now; that one is shut out when the code is used.
    pub(in crate::hq) replaces: u64,
}

/// What a box is told that has taken a store's place.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct Enrolled {
    /// The store.
    pub(in crate::hq) store_id: String,
    /// Its name.
    pub(in crate::hq) name: String,
    /// The box's generation.
    pub(in crate::hq) generation: u64,
    /// Headquarters' keys.
    pub(in crate::hq) keys: Vec<String>,
    /// How far the store's log is here.
    pub(in crate::hq) head: Head,
    /// The broker, where stores are to use one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) broker: Option<String>,
}

/// The last event of a store's log here.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::hq) struct Head {
    /// Its number.
    pub(in crate::hq) seq: u64,
    /// Its hash.
    pub(in crate::hq) hash: HexHash,
}

/// Why a code is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::hq) enum CodeError {
    /// No such code, one that was used, or one whose time is over: which, is not told.
    #[error("this code is not good, or not any more; headquarters gives another: galley hq enrol")]
    Wrong,
    /// Made for another store; it is still good for that one.
    #[error("this code is for the store {0}")]
    OtherStore(String),
    /// Too many wrong ones.
    #[error("too many wrong codes; wait a minute")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The code as it is hashed: however it was typed.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

fn generation(sql: &Sql<'_>, store: &str) -> Result<u64, StoreError> {
    let highest: Option<Option<u64>> = sql.row(
        "SELECT max(generation) FROM boxes WHERE store = ?1",
        &cells![store],
        |r| r.get(0),
    )?;
    Ok(highest.flatten().unwrap_or(0))
}

impl Hq {
    /// Makes a code for a store that is new, or whose box is to be replaced.
    pub(in crate::hq) async fn make_code(
        &self,
        store: &StoreId,
        name: Option<String>,
        valid: Duration,
        by: String,
    ) -> Result<Code, StoreError> {
        let random = self.0.config.chance.bytes();
        let letters: String = random[..LENGTH]
            .iter()
            .map(|b| char::from(LETTERS[usize::from(b % 32)]))
            .collect();
        let code = format!("{}-{}", &letters[..LENGTH / 2], &letters[LENGTH / 2..]);
        let now = self.0.clock.now();
        let expires_at = now.saturating_add(valid);
        let hashed = hash(&plain(&code));
        let id = store.clone();
        let replaces = self
            .0
            .db
            .write(move |sql| {
                fleet::make_known(sql, &id, name.as_deref(), now)?;
                sql.execute(
                    "DELETE FROM enrol_codes WHERE expires_at < ?1",
                    &cells![now],
                )?;
                sql.execute(
                    "INSERT INTO enrol_codes (hash, store, created_at, expires_at, made_by) VALUES (?1, ?2, ?3, ?4, ?5)",
                    &cells![hashed, id.as_str(), now, expires_at, by],
                )?;
                generation(sql, id.as_str())
            })
            .await?;
        Ok(Code {
            store_id: store.clone(),
            code,
            expires_at,
            replaces,
        })
    }

    /// Gives a box the place that a code is for. The same box may ask again: the answer may have been lost.
    pub(in crate::hq) async fn enrol_box(
        &self,
        code: &str,
        expects: Option<&str>,
        token: [u8; 32],
    ) -> Result<Enrolled, CodeError> {
        let giving = self.giving(token).await?;
        let hashed = hash(&plain(code));
        let expects = expects.map(str::to_owned);
        let enrolled = self
            .0
            .db
            .write(move |sql| {
                let Some((store, made_by, expires_at, used_by, used_for)) = sql.row(
                    &format!(
                        "SELECT store, made_by, expires_at, token_hash, generation FROM enrol_codes WHERE hash = ?1{}",
                        sql.lock()
                    ),
                    &cells![hashed],
                    |r| {
                        Ok((
                            r.get::<String>(0)?,
                            r.get::<String>(1)?,
                            r.get::<Timestamp>(2)?,
                            r.get::<Option<[u8; 32]>>(3)?,
                            r.get::<Option<u64>>(4)?,
                        ))
                    },
                )?
                else {
                    return Ok(None);
                };
                let mine = used_by == Some(token);
                if giving.now >= expires_at || (used_by.is_some() && !mine) {
                    return Ok(None);
                }
                if expects.is_some_and(|id| id != store) {
                    return Ok(Some(Err(store)));
                }
                let used_for = used_for.filter(|_| mine);
                let enrolled = giving.give(sql, &store, used_for, &made_by)?;
                sql.execute(
                    "UPDATE enrol_codes SET used_at = ?2, token_hash = ?3, generation = ?4 WHERE hash = ?1",
                    &cells![hashed, giving.now, token, enrolled.generation],
                )?;
                Ok(Some(Ok(enrolled)))
            })
            .await?;
        self.forget_boxes().await;
        match enrolled {
            None => Err(CodeError::Wrong),
            Some(Err(store)) => Err(CodeError::OtherStore(store)),
            Some(Ok(enrolled)) => Ok(told(enrolled)),
        }
    }

    /// Gives the box of today its own place anew: it was put back to a backup, and its log is not the one that is here.
    /// One that asks with its new token already has it.
    pub(in crate::hq) async fn enrol_again(
        &self,
        shown: &str,
        token: [u8; 32],
    ) -> Result<Enrolled, IngestError> {
        let (store, generation) = self.store_of_token(shown).await?;
        let giving = self.giving(token).await?;
        let has_it = (hash(shown) == token).then_some(generation);
        let enrolled = self
            .0
            .db
            .write(move |sql| giving.give(sql, store.as_str(), has_it, "the box itself"))
            .await?;
        self.forget_boxes().await;
        Ok(told(enrolled))
    }

    async fn giving(&self, token: [u8; 32]) -> Result<Giving, StoreError> {
        let keys = self.signing_keys().await?;
        let newest = keys
            .newest()
            .map(|k| k.public().id())
            .ok_or_else(|| StoreError::Damaged("the signing keys".to_owned()))?;
        Ok(Giving {
            token,
            newest,
            public: keys.public().iter().map(|(k, _)| k.to_string()).collect(),
            chance: self.0.config.chance.clone(),
            broker: self.0.config.stores_broker.clone(),
            now: self.0.clock.now(),
        })
    }
}

fn told(enrolled: Enrolled) -> Enrolled {
    tracing::info!(
        store.id = enrolled.store_id,
        generation = enrolled.generation,
        "a box has taken a store's place"
    );
    enrolled
}

/// What a place is given with.
struct Giving {
    token: [u8; 32],
    newest: String,
    public: Vec<String>,
    chance: Chance,
    broker: Option<String>,
    now: Timestamp,
}

impl Giving {
    /// Gives a store's place to the box, unless it has it already.
    fn give(
        &self,
        sql: &Sql<'_>,
        store: &str,
        has: Option<u64>,
        by: &str,
    ) -> Result<Enrolled, StoreError> {
        let (name, seq, head) = sql
            .row(
                &format!(
                    "SELECT name, seq, hash FROM stores WHERE store_id = ?1{}",
                    sql.lock()
                ),
                &cells![store],
                |r| Ok((r.get::<String>(0)?, r.get::<u64>(1)?, r.get::<[u8; 32]>(2)?)),
            )?
            .unwrap_or((store.to_owned(), 0, GENESIS));
        let generation = match has {
            Some(generation) => generation,
            None => {
                let next = generation(sql, store)? + 1;
                take_place(sql, store, next, &self.newest, seq, by, self.now)?;
                sql.execute(
                    "INSERT INTO box_tokens (hash, store, generation, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (hash) DO UPDATE
                     SET store = excluded.store, generation = excluded.generation, expires_at = NULL",
                    &cells![self.token, store, next, self.now],
                )?;
                requeue_documents(sql, store, &self.chance, self.now)?;
                next
            }
        };
        Ok(Enrolled {
            store_id: store.to_owned(),
            name,
            generation,
            keys: self.public.clone(),
            head: Head {
                seq,
                hash: HexHash(head),
            },
            broker: self.broker.clone(),
        })
    }
}

/// The former box is shut out in the same write in which the new one comes in.
fn take_place(
    sql: &Sql<'_>,
    store: &str,
    generation: u64,
    key_id: &str,
    head_seq: u64,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE boxes SET fenced_at = ?2 WHERE store = ?1 AND fenced_at IS NULL",
        &cells![store, now],
    )?;
    sql.execute(
        "INSERT INTO boxes (store, generation, enrolled_at, enrolled_by, key_id, head_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &cells![store, generation, now, by, key_id, head_seq],
    )?;
    // The bar was for the box that was lost; what it refused is the former log's.
    sql.execute("DELETE FROM barred WHERE store = ?1", &cells![store])?;
    sql.execute(
        "UPDATE stores SET refused = NULL WHERE store_id = ?1",
        &cells![store],
    )?;
    Ok(())
}
