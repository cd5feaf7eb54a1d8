//! The keys that headquarters signs with. The private halves are in the database, sealed with a key that is not, so that
//! several headquarters on one database sign with the same ones.

use super::{
    Hq,
    db::{Sql, cells},
};
use crate::{
    domain::time::Timestamp,
    store::{
        StoreError,
        vault::{self, Key, SALT},
    },
    sync::down::{PublicKey, SigningKey},
    world::Entropy,
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Chance, where it is needed for secrets.
#[derive(Clone)]
pub struct Chance(pub Arc<dyn Entropy>);

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance(…)")
    }
}

impl Chance {
    /// 32 random bytes.
    pub(super) fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.0.next_u128().to_be_bytes());
        bytes[16..].copy_from_slice(&self.0.next_u128().to_be_bytes());
        bytes
    }

    /// A new id.
    pub(super) fn id(&self, now: Timestamp) -> uuid::Uuid {
        let random = self.0.next_u128().to_be_bytes();
        let mut tail = [0u8; 10];
        tail.copy_from_slice(&random[..10]);
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}

/// All keys, the newest last.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    order: Vec<(String, Timestamp)>,
    by_id: BTreeMap<String, Arc<SigningKey>>,
}

impl Keys {
    /// The newest.
    pub(super) fn newest(&self) -> Option<&Arc<SigningKey>> {
        self.by_id.get(&self.order.last()?.0)
    }

    /// The key with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<SigningKey>> {
        self.by_id.get(id)
    }

    /// The public halves, the newest last, and when each was made.
    pub(super) fn public(&self) -> Vec<(PublicKey, Timestamp)> {
        self.order
            .iter()
            .filter_map(|(id, at)| Some((self.by_id.get(id)?.public(), *at)))
            .collect()
    }
}

const NO_KEY: &str =
    "headquarters has no key to seal its signing keys with: give it --key-credential";

fn other_key(id: &str, why: &impl fmt::Display) -> String {
    format!(
        "the {} was sealed with another key than this headquarters' ({why}): give every headquarters on this database \
         the same --key-credential, or a copy of the first one's hq.key in its --data folder",
        sealed_name(id)
    )
}

/// What a key is sealed under.
fn sealed_name(id: &str) -> String {
    format!("signing key {id}")
}

fn make(
    sql: &Sql<'_>,
    key: &SigningKey,
    sealing: &Key,
    salt: [u8; SALT],
    now: Timestamp,
) -> Result<(), StoreError> {
    let public = key.public();
    let id = public.id();
    let sealed = vault::seal(sealing, salt, &sealed_name(&id), &key.reveal());
    sql.execute(
        "INSERT INTO signing_keys (id, public, sealed, created_at) VALUES (?1, ?2, ?3, ?4)",
        &cells![id, public.to_string(), sealed, now],
    )?;
    Ok(())
}

fn load(sql: &Sql<'_>, sealing: &Key) -> Result<Keys, StoreError> {
    let rows: Vec<(String, Vec<u8>, Timestamp)> = sql.rows(
        "SELECT id, sealed, created_at FROM signing_keys ORDER BY created_at, id",
        &[],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    let mut keys = Keys {
        order: Vec::new(),
        by_id: BTreeMap::new(),
    };
    for (id, sealed, at) in rows {
        let text = vault::open(std::slice::from_ref(sealing), &sealed_name(&id), &sealed)
            .map_err(|e| StoreError::Open(other_key(&id, &e)))?;
        let key = SigningKey::parse(&text)
            .map_err(|_| StoreError::Damaged(format!("the signing key {id}")))?;
        keys.order.push((id.clone(), at));
        keys.by_id.insert(id, Arc::new(key));
    }
    Ok(keys)
}

impl Hq {
    /// The keys; the first is made when there is none yet.
    pub(super) async fn signing_keys(&self) -> Result<Keys, StoreError> {
        let sealing = self
            .0
            .config
            .key
            .clone()
            .ok_or_else(|| StoreError::Open(NO_KEY.to_owned()))?;
        let read = sealing.clone();
        let keys = self.0.db.read(move |sql| load(sql, &read)).await?;
        if keys.newest().is_some() {
            return Ok(keys);
        }
        self.make_key(sealing, true).await
    }

    async fn make_key(&self, sealing: Key, first: bool) -> Result<Keys, StoreError> {
        let chance = self.0.config.chance.clone();
        let (seed, salt) = (chance.bytes(), chance.bytes());
        let now = self.0.clock.now();
        self.0
            .db
            .write(move |sql| {
                let keys = load(sql, &sealing)?;
                // Another headquarters may have been first.
                if first && keys.newest().is_some() {
                    return Ok(keys);
                }
                make(sql, &SigningKey::from_seed(seed), &sealing, salt, now)?;
                load(sql, &sealing)
            })
            .await
    }

    /// Makes a new key. Stores take it when it has been announced to them under the one they know.
    pub(super) async fn rotate_key(&self) -> Result<Keys, StoreError> {
        self.signing_keys().await?;
        let sealing = self
            .0
            .config
            .key
            .clone()
            .ok_or_else(|| StoreError::Open(NO_KEY.to_owned()))?;
        self.make_key(sealing, false).await
    }
}
