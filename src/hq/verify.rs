//! Walks every store's log as it is stored, and compares it with what the stores themselves say.

use super::{
    db::{Db, cells},
    roots::links,
};
use crate::{domain::chain::GENESIS, store::StoreError, sync::batch::HexHash};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Faults that are told one by one.
const TOLD: usize = 20;

/// How far a store says that headquarters must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose.
    pub store_id: String,
    /// Its last event.
    pub head: u64,
    /// The last event that headquarters has said to have committed.
    pub acknowledged: u64,
    /// The hash there.
    pub hash: HexHash,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Stores whose logs were walked.
    pub stores: u64,
    /// Events in them.
    pub events: u64,
    /// Events that the stores have and headquarters does not, yet.
    pub behind: u64,
    /// Events that can't be proven, and that no person has looked at.
    pub unproven: u64,
    /// Whether nothing is missing, doubled or changed.
    pub clean: bool,
    /// How many faults.
    pub faults: u64,
    /// The first of them, in words.
    pub told: Vec<String>,
    /// Stores of which more is here than they said to have.
    #[serde(skip)]
    ahead: Vec<Ahead>,
}

/// A store of which more is here than it said to have: a fault, unless it has gone on since.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ahead {
    store_id: String,
    here: u64,
    there: u64,
}

impl Verdict {
    /// A fleet that runs goes on while logs are walked: of what was found here and not said by it, this takes its word
    /// from afterwards.
    pub fn settle(&mut self, later: &[Claim]) {
        let heads: BTreeMap<&str, u64> = later
            .iter()
            .map(|c| (c.store_id.as_str(), c.head))
            .collect();
        for ahead in std::mem::take(&mut self.ahead) {
            let there = heads.get(ahead.store_id.as_str()).copied();
            let there = there.unwrap_or(ahead.there);
            if ahead.here > there {
                self.fault(format!(
                    "store {}: {} events here, {there} in the store",
                    ahead.store_id, ahead.here
                ));
            }
        }
        self.clean = self.faults == 0;
    }

    fn fault(&mut self, words: String) {
        self.faults += 1;
        if self.told.len() < TOLD {
            self.told.push(words);
        }
    }
}

/// A store as its row says.
struct Row {
    id: i64,
    store_id: String,
    seq: u64,
    hash: HexHash,
}

/// Walks all logs, or those of one store. What comes in meanwhile is not looked at. Claims of a fleet that runs are
/// settled with those of afterwards; `running`: they will be.
///
/// # Errors
/// When the database can't be read.
pub async fn verify(
    db: &Db,
    only: Option<&str>,
    claims: Option<&[Claim]>,
    running: bool,
) -> Result<Verdict, StoreError> {
    let mut verdict = Verdict::default();
    let rows = db
        .read(|sql| {
            sql.rows(
                "SELECT id, store_id, seq, hash FROM stores ORDER BY store_id",
                &[],
                |r| {
                    Ok(Row {
                        id: r.get(0)?,
                        store_id: r.get(1)?,
                        seq: r.get(2)?,
                        hash: HexHash(r.get(3)?),
                    })
                },
            )
        })
        .await?;
    let mut claims: BTreeMap<&str, &Claim> = claims
        .into_iter()
        .flatten()
        .map(|c| (c.store_id.as_str(), c))
        .collect();
    for row in rows {
        if only.is_some_and(|only| only != row.store_id) {
            continue;
        }
        let claim = claims.remove(row.store_id.as_str());
        walk(db, &row, claim, &mut verdict).await?;
    }
    if only.is_none() {
        for claim in claims.values().filter(|c| c.head > 0) {
            verdict.fault(format!("store {}: not known here", claim.store_id));
        }
    }
    if !running {
        verdict.settle(&[]);
    }
    verdict.clean = verdict.faults == 0;
    Ok(verdict)
}

async fn walk(
    db: &Db,
    row: &Row,
    claim: Option<&Claim>,
    verdict: &mut Verdict,
) -> Result<(), StoreError> {
    let name = &row.store_id;
    verdict.stores += 1;
    let id = row.id;
    let aside: BTreeMap<u64, Option<String>> = db
        .read(move |sql| {
            sql.rows(
                "SELECT seq, verdict FROM quarantine WHERE store = ?1",
                &cells![id],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
        })
        .await?
        .into_iter()
        .collect();
    // Where the walk is; nothing before the first event that is kept is asked for.
    let mut at: Option<(u64, HexHash)> = None;
    let mut claimed = claim.and_then(|c| (c.acknowledged == 0).then_some(HexHash(GENESIS)));
    'walk: loop {
        let after = at.map_or(0, |(seq, _)| seq);
        let links = db.read(move |sql| links(sql, id, after)).await?;
        let Some(last) = links.last().map(|l| l.seq) else {
            break;
        };
        for link in links {
            if link.seq > row.seq {
                break 'walk;
            }
            verdict.events += 1;
            let (fits, next) = match at {
                Some((seq, before)) => (link.follows(&before.0), link.seq == seq + 1),
                None if link.seq == 1 => (link.follows(&GENESIS), true),
                None => (true, true),
            };
            if !next {
                verdict.fault(format!(
                    "store {name}: event {} does not follow event {after}",
                    link.seq
                ));
            }
            match (link.content.unproven, aside.get(&link.seq)) {
                (false, _) if !fits => {
                    verdict.fault(format!("store {name}: event {} was changed", link.seq));
                }
                (true, None) => verdict.fault(format!(
                    "store {name}: event {} is marked as unproven, and was never set aside",
                    link.seq
                )),
                (true, Some(None)) => {
                    verdict.unproven += 1;
                    verdict.fault(format!(
                        "store {name}: event {} waits for a person",
                        link.seq
                    ));
                }
                _ => {}
            }
            at = Some((link.seq, HexHash(link.hash)));
            if claim.is_some_and(|c| c.acknowledged == link.seq) {
                claimed = Some(HexHash(link.hash));
            }
        }
        if last == after {
            break;
        }
    }
    let (seq, hash) = at.unwrap_or((0, HexHash(GENESIS)));
    // All of an old log may have been dropped after its time.
    if at.is_some() && (seq, hash) != (row.seq, row.hash) {
        verdict.fault(format!(
            "store {name}: the log ends at event {seq}, its row says {}",
            row.seq
        ));
    } else if at.is_none() && row.seq > 0 {
        tracing::info!(store.id = name, "nothing of this store's log is kept");
    }
    if let Some(claim) = claim {
        verdict.behind += claim.head.saturating_sub(row.seq);
        if row.seq < claim.acknowledged {
            verdict.fault(format!(
                "store {name}: event {} was acknowledged, and the log here ends at {}",
                claim.acknowledged, row.seq
            ));
        } else if claimed.is_some_and(|hash| hash != claim.hash) {
            verdict.fault(format!(
                "store {name}: another hash at event {} than in the store",
                claim.acknowledged
            ));
        }
        if row.seq > claim.head {
            verdict.ahead.push(Ahead {
                store_id: name.clone(),
                here: row.seq,
                there: claim.head,
            });
        }
    }
    Ok(())
}
