//! The stores' boxes: who may send, in whose place, and who may no more.

pub(super) mod api;
mod codes;

use super::{
    Hq, IngestError,
    db::{Sql, cells},
    hash,
};
use crate::{domain::time::Timestamp, store::StoreError, sync::StoreId};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

pub(super) use codes::{Code, CodeError, Enrolled};

/// What is known of boxes is read again after so long: another headquarters may have changed it.
const FRESH: Duration = Duration::from_secs(5);
/// A token that was replaced works for so long beside the new one.
const OVERLAP: Duration = Duration::from_hours(24);

/// One store's boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The generation that sells.
    pub(super) generation: u64,
    /// Nothing is taken in of it.
    pub(super) barred: bool,
}

/// Who may send, and for whom something waits.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    tokens: BTreeMap<[u8; 32], (String, u64, Option<Timestamp>)>,
    places: BTreeMap<String, Place>,
    waiting: BTreeSet<String>,
}

impl Boxes {
    fn load(sql: &Sql<'_>) -> Result<Self, StoreError> {
        let mut boxes = Self::default();
        for (hash, store, generation, expires_at) in sql.rows(
            "SELECT hash, store, generation, expires_at FROM box_tokens",
            &[],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
        )? {
            boxes.tokens.insert(hash, (store, generation, expires_at));
        }
        for (store, generation) in sql.rows(
            "SELECT store, max(generation) FROM boxes GROUP BY store",
            &[],
            |r| Ok((r.get::<String>(0)?, r.get(1)?)),
        )? {
            boxes.places.entry(store).or_default().generation = generation;
        }
        for store in sql.rows("SELECT store FROM barred", &[], |r| r.get::<String>(0))? {
            boxes.places.entry(store).or_default().barred = true;
        }
        boxes.waiting = sql
            .rows(
                "SELECT DISTINCT store FROM down_messages WHERE state = 'waiting'",
                &[],
                |r| r.get(0),
            )?
            .into_iter()
            .collect();
        Ok(boxes)
    }

    /// The store's place, if it was ever enrolled with a code or barred.
    pub(super) fn place(&self, store: &str) -> Option<Place> {
        self.places.get(store).copied()
    }

    /// All stores that have a box.
    pub(super) fn stores(&self) -> impl Iterator<Item = StoreId> {
        self.places.keys().filter_map(|store| store.parse().ok())
    }

    /// Whether something waits for a store.
    pub(super) fn waits(&self, store: &str) -> bool {
        self.waiting.contains(store)
    }

    /// Whose token it is, as long as it counts.
    pub(super) fn owner(&self, token: &[u8; 32], now: Timestamp) -> Option<(&str, u64)> {
        let (store, generation, expires_at) = self.tokens.get(token)?;
        if expires_at.is_some_and(|at| now >= at) {
            return None;
        }
        Some((store, *generation))
    }
}

/// What is known of boxes, and since when.
#[derive(Debug, Default)]
pub(super) struct Cache(Option<(Instant, Arc<Boxes>)>);

/// A box as the API tells of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BoxRow {
    generation: u64,
    enrolled_at: Timestamp,
    by: String,
    head_seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fenced_at: Option<Timestamp>,
}

/// A store's boxes as the API tells of them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BoxRows {
    boxes: Vec<BoxRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barred_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barred_why: Option<String>,
}

impl Hq {
    /// Who may send; at most a few seconds old.
    pub(super) async fn boxes(&self) -> Result<Arc<Boxes>, StoreError> {
        let mut cache = self.0.boxes.lock().await;
        if let Some((since, boxes)) = &cache.0
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(boxes));
        }
        let boxes = Arc::new(self.0.db.read(Boxes::load).await?);
        cache.0 = Some((Instant::now(), Arc::clone(&boxes)));
        Ok(boxes)
    }

    /// Something was changed here: it is to be known at once.
    pub(super) async fn forget_boxes(&self) {
        self.0.boxes.lock().await.0 = None;
    }

    /// Whether a box may send, by its token or by its topic and what it says of itself. None: it is no enrolled store's.
    pub(super) async fn admit_box(
        &self,
        store: &StoreId,
        token: Option<[u8; 32]>,
        claims: u64,
    ) -> Result<Option<()>, IngestError> {
        let boxes = self.boxes().await?;
        let now = self.0.clock.now();
        let place = boxes.place(store.as_str());
        if place.is_some_and(|p| p.barred) {
            return Err(IngestError::Barred);
        }
        let enrolled = place.filter(|p| p.generation > 0);
        let generation = match token {
            Some(token) => match boxes.owner(&token, now) {
                Some((owner, _)) if owner != store.as_str() => return Err(IngestError::OtherStore),
                Some((_, generation)) => generation,
                // Its first token, from before it had a code, or none of anybody's.
                None if enrolled.is_some() && self.knows_configured(store, &token) => 0,
                None if enrolled.is_some() => return Err(IngestError::Unauthorised),
                None => return Ok(None),
            },
            None => claims,
        };
        match enrolled {
            Some(place) if generation < place.generation => {
                Err(IngestError::Fenced(place.generation))
            }
            Some(_) => Ok(Some(())),
            None => Ok(None),
        }
    }

    /// Whether any box has this token, whatever it may do with it.
    pub(super) async fn is_box_token(&self, token: &str) -> Result<bool, StoreError> {
        Ok(self.boxes().await?.tokens.contains_key(&hash(token)))
    }

    /// The store whose box of today has this token.
    pub(super) async fn store_of_token(&self, token: &str) -> Result<(StoreId, u64), IngestError> {
        let boxes = self.boxes().await?;
        let (store, generation) = boxes
            .owner(&hash(token), self.0.clock.now())
            .ok_or(IngestError::Unauthorised)?;
        let place = boxes.place(store).unwrap_or_default();
        if place.barred {
            return Err(IngestError::Barred);
        }
        if generation < place.generation {
            return Err(IngestError::Fenced(place.generation));
        }
        let store = store.parse().map_err(|_| IngestError::Unauthorised)?;
        Ok((store, generation))
    }

    /// Takes nothing of a store in any more, or does so again.
    pub(super) async fn bar(
        &self,
        store: &StoreId,
        why: Option<String>,
        by: String,
    ) -> Result<(), StoreError> {
        let (store, now) = (store.to_string(), self.0.clock.now());
        self.0
            .db
            .write(move |sql| {
                sql.execute("DELETE FROM barred WHERE store = ?1", &cells![&store])?;
                if let Some(why) = why {
                    sql.execute(
                        "INSERT INTO barred (store, at, barred_by, why) VALUES (?1, ?2, ?3, ?4)",
                        &cells![&store, now, by, why],
                    )?;
                }
                Ok(())
            })
            .await?;
        self.forget_boxes().await;
        self.touched();
        Ok(())
    }

    /// All boxes that a store ever had, the newest first.
    pub(super) async fn boxes_of(&self, store: &StoreId) -> Result<BoxRows, StoreError> {
        let store = store.to_string();
        self.0
            .db
            .read(move |sql| {
                let boxes = sql.rows(
                    "SELECT generation, enrolled_at, enrolled_by, head_seq, fenced_at FROM boxes
                     WHERE store = ?1 ORDER BY generation DESC",
                    &cells![&store],
                    |r| {
                        Ok(BoxRow {
                            generation: r.get(0)?,
                            enrolled_at: r.get(1)?,
                            by: r.get(2)?,
                            head_seq: r.get(3)?,
                            fenced_at: r.get(4)?,
                        })
                    },
                )?;
                let barred: Option<(Timestamp, String)> = sql.row(
                    "SELECT at, why FROM barred WHERE store = ?1",
                    &cells![&store],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )?;
                let (barred_at, barred_why) = barred.unzip();
                Ok(BoxRows {
                    boxes,
                    barred_at,
                    barred_why,
                })
            })
            .await
    }
}

/// A box has another token: the former ones work a while longer.
pub(super) fn take_token(
    sql: &Sql<'_>,
    store: &str,
    token: [u8; 32],
    now: Timestamp,
) -> Result<(), StoreError> {
    let generation: Option<Option<u64>> = sql.row(
        "SELECT max(generation) FROM boxes WHERE store = ?1",
        &cells![store],
        |r| r.get(0),
    )?;
    let Some(generation) = generation.flatten() else {
        return Ok(());
    };
    sql.execute(
        "UPDATE box_tokens SET expires_at = ?3 WHERE store = ?1 AND generation = ?2 AND hash <> ?4 AND expires_at IS NULL",
        &cells![store, generation, now.saturating_add(OVERLAP), token],
    )?;
    sql.execute(
        "INSERT INTO box_tokens (hash, store, generation, created_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (hash) DO NOTHING",
        &cells![token, store, generation, now],
    )?;
    Ok(())
}
