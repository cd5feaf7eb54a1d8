//! What is delivered: one event, without anything that is about a person.

use crate::{
    domain::{
        ids::OrderId,
        time::Timestamp,
        webhook::{PING, outward},
    },
    store::{LogEntry, StoreError},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Namespace of deliveries' ids. [ours]
const NAMESPACE: Uuid = Uuid::from_u128(0x6c1d_6f4e_2a52_5f0e_9a55_0b6e_3f8f_41d7);

/// A delivery's body.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Envelope {
    id: Uuid,
    /// 0 for a test.
    seq: u64,
    kind: String,
    at: Timestamp,
    store_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    data: Value,
}

impl Envelope {
    /// An event of this store. Its id is the same whenever it is delivered; it hangs on the chain's hash too, so that a
    /// store which was restored from a backup never gives one id to two events.
    pub(super) fn of(store_id: &str, entry: &LogEntry) -> Result<Self, StoreError> {
        let body: Value = serde_json::from_str(&entry.body)?;
        let mut name = format!("{store_id}/{}/", entry.seq).into_bytes();
        name.extend_from_slice(&entry.hash);
        Ok(Self {
            id: Uuid::new_v5(&NAMESPACE, &name),
            seq: entry.seq,
            data: outward(&entry.kind, &body).unwrap_or_else(|| json!({})),
            kind: entry.kind.clone(),
            at: entry.at,
            store_id: store_id.to_owned(),
            order_id: entry.order_id,
        })
    }

    /// A test.
    pub(super) fn ping(store_id: &str, id: Uuid, at: Timestamp) -> Self {
        Self {
            id,
            seq: 0,
            kind: PING.to_owned(),
            at,
            store_id: store_id.to_owned(),
            order_id: None,
            data: json!({}),
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an envelope has string keys only")
    }
}
