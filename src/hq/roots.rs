//! The end of each day, compared with the store: both walk the chain over what they have stored of it.

use super::db::{Db, Sql, cells};
use crate::{
    domain::{
        chain::{self, Hash},
        ids::OrderId,
        time::Timestamp,
    },
    store::StoreError,
    sync::{DayRoot, StoreId, batch::HexHash, log::NO_ROOT},
};
use uuid::Uuid;

/// Events of one step of a walk.
const STEP: u64 = 2_000;

/// An event as far as a walk needs it.
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: Hash,
    /// What its content comes out at.
    pub(super) content: Content,
}

/// What a walk looks at.
pub(super) struct Content {
    at: Timestamp,
    order_id: Option<OrderId>,
    actor: String,
    body: String,
    pub(super) unproven: bool,
}

impl Link {
    /// Whether its hash follows from its predecessor's and its content.
    pub(super) fn follows(&self, before: &Hash) -> bool {
        let c = &self.content;
        chain::link(before, self.seq, c.at, c.order_id, &c.actor, &c.body) == self.hash
    }
}

/// The next events of a store's log after `seq`, in order.
pub(super) fn links(sql: &Sql<'_>, store: i64, after: u64) -> Result<Vec<Link>, StoreError> {
    sql.rows(
        "SELECT seq, at, order_id, actor, body, hash, unproven FROM events WHERE store = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        &cells![store, after, STEP],
        |r| {
            let order_id: Option<Uuid> = r.get(2)?;
            Ok(Link {
                seq: r.get(0)?,
                hash: r.get(5)?,
                content: Content {
                    at: r.get(1)?,
                    order_id: order_id.map(OrderId),
                    actor: r.get(3)?,
                    body: r.get(4)?,
                    unproven: r.get(6)?,
                },
            })
        },
    )
}

/// What headquarters comes out at for a store's day; noted, and told to the store.
pub(super) async fn answer(
    db: &Db,
    store: &StoreId,
    theirs: DayRoot,
    now: Timestamp,
) -> Result<DayRoot, StoreError> {
    let (name, day) = (store.to_string(), theirs.day.clone());
    let (id, began) = db
        .read(move |sql| {
            let id: Option<i64> =
                sql.row("SELECT id FROM stores WHERE store_id = ?1", &cells![&name], |r| {
                    r.get(0)
                })?;
            let id = id.ok_or_else(|| StoreError::Damaged(format!("the row of store {name}")))?;
            let before: Option<(u64, HexHash)> = sql.row(
                "SELECT seq, ours FROM roots WHERE store = ?1 AND day < ?2 ORDER BY day DESC LIMIT 1",
                &cells![id, &day],
                |r| Ok((r.get(0)?, HexHash(r.get(1)?))),
            )?;
            Ok((id, before))
        })
        .await?;
    let ours = walk(db, id, began, theirs.seq).await?;
    let root = DayRoot {
        day: theirs.day.clone(),
        seq: theirs.seq,
        hash: ours,
    };
    let same = root == theirs && ours != NO_ROOT;
    if !same {
        tracing::error!(
            store.id = %store,
            day = theirs.day,
            event.seq = theirs.seq,
            store.root = %theirs.hash,
            own.root = %ours,
            "a store has another root of a day"
        );
    }
    db.write(move |sql| {
        sql.execute(
            "INSERT INTO roots (store, day, seq, theirs, ours, compared_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (store, day) DO UPDATE SET seq = excluded.seq, theirs = excluded.theirs,
               ours = excluded.ours, compared_at = excluded.compared_at",
            &cells![id, &theirs.day, theirs.seq, &theirs.hash.0, &ours.0, now],
        )?;
        sql.execute(
            "UPDATE stores SET day_differs = ?2 WHERE id = ?1",
            &cells![id, (!same).then_some(theirs.day)],
        )?;
        Ok(())
    })
    .await?;
    Ok(root)
}

/// The hash at `last`, by a walk from the root before it, or from the first event that is kept; all zeros when an
/// event is missing, changed, or was never proven.
async fn walk(
    db: &Db,
    store: i64,
    began: Option<(u64, HexHash)>,
    last: u64,
) -> Result<HexHash, StoreError> {
    // A day that could not be walked is no ground to go on from: its last event is.
    let mut at = began.filter(|(seq, hash)| *seq <= last && *hash != NO_ROOT);
    loop {
        let after = at.map_or(0, |(seq, _)| seq);
        if after == last {
            return Ok(at.map_or(NO_ROOT, |(_, hash)| hash));
        }
        let links = db.read(move |sql| links(sql, store, after)).await?;
        if links.is_empty() {
            return Ok(NO_ROOT);
        }
        for link in links.into_iter().take_while(|l| l.seq <= last) {
            let fits = match at {
                Some((seq, before)) => link.seq == seq + 1 && link.follows(&before.0),
                None if link.seq == 1 => link.follows(&NO_ROOT.0),
                // What came before is dropped after its time.
                None => true,
            };
            if !fits || link.content.unproven {
                return Ok(NO_ROOT);
            }
            at = Some((link.seq, HexHash(link.hash)));
        }
        if at.is_none_or(|(seq, _)| seq == after) {
            return Ok(NO_ROOT);
        }
    }
}
