//! Orders: the domain's own order is kept while it lives and replayed from its events when something comes later, so
//! that headquarters works its sums out as the store does.

use super::{COUNTS, Fact, places};
use crate::{
    domain::{
        event::Body,
        ids::{JobId, OrderId},
        order::{JobStage, Order},
        payment::Payment,
        receipt::{ReceiptKind, Registered},
        reconcile::{OrderPoints, Reconciler},
        refund::RefundState,
        time::Timestamp,
    },
    hq::db::{Cell, Kind, Sql, cells},
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Orders that are read at once.
const AT_ONCE: usize = 500;

/// What an order adds to its day; all of them add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::hq) struct Sums {
    /// 1 once it is paid.
    pub(in crate::hq) orders: i64,
    /// What was sold, less what was taken back of it, minor units.
    pub(in crate::hq) sold_minor: i64,
    /// Money in.
    pub(in crate::hq) captured_minor: i64,
    /// Money back.
    pub(in crate::hq) refunded_minor: i64,
    /// On sale receipts.
    pub(in crate::hq) receipted_minor: i64,
    /// On return receipts.
    pub(in crate::hq) returned_minor: i64,
    /// Money that was taken and receipted elsewhere, less what went back.
    pub(in crate::hq) elsewhere_minor: i64,
    pub(in crate::hq) dishes: i64,
    pub(in crate::hq) plated: i64,
    /// 1 while something of it is under way and the sums don't agree yet.
    pub(in crate::hq) waiting: i64,
    /// 1 when nothing is under way and the sums don't agree.
    pub(in crate::hq) unequal: i64,
}

/// Names of the columns, in the order of [`Sums::values`].
pub(super) const SUMS: [&str; 11] = [
    "orders",
    "sold_minor",
    "captured_minor",
    "refunded_minor",
    "receipted_minor",
    "returned_minor",
    "elsewhere_minor",
    "dishes",
    "plated",
    "waiting",
    "unequal",
];

impl Sums {
    pub(super) fn values(self) -> [i64; 11] {
        [
            self.orders,
            self.sold_minor,
            self.captured_minor,
            self.refunded_minor,
            self.receipted_minor,
            self.returned_minor,
            self.elsewhere_minor,
            self.dishes,
            self.plated,
            self.waiting,
            self.unequal,
        ]
    }

    fn from_values(v: [i64; 11]) -> Self {
        Self {
            orders: v[0],
            sold_minor: v[1],
            captured_minor: v[2],
            refunded_minor: v[3],
            receipted_minor: v[4],
            returned_minor: v[5],
            elsewhere_minor: v[6],
            dishes: v[7],
            plated: v[8],
            waiting: v[9],
            unequal: v[10],
        }
    }

    pub(super) fn less(self, other: Self) -> Self {
        let (a, b) = (self.values(), other.values());
        Self::from_values(std::array::from_fn(|i| a[i] - b[i]))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let (a, b) = (self.values(), other.values());
        Self::from_values(std::array::from_fn(|i| a[i] + b[i]))
    }

    /// Of one order, by the proof that the store itself uses.
    fn of(order: &Order) -> Self {
        let under_way = is_under_way(order);
        let mut reconciler = Reconciler::default();
        // Points are no money: whether the programme's books agree with them is the store's own proof.
        let points = OrderPoints {
            spent: order.points_kept(),
            earned: order
                .loyalty
                .as_ref()
                .map_or(0, |l| l.earned - l.taken_back),
        };
        reconciler.order(order, under_way, &points);
        let proof = reconciler.finish();
        let back: i64 = order
            .refunds
            .iter()
            .filter(|r| r.state == RefundState::Done && !r.without_receipt)
            .map(|r| r.amount_minor)
            .sum();
        let t = &proof.totals;
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let mut sums = Self {
            orders: i64::from(order.paid),
            sold_minor: if order.paid {
                order.total_minor - back
            } else {
                0
            },
            captured_minor: order.received_minor(),
            refunded_minor: order.refunded_minor(),
            receipted_minor: t.receipted_minor,
            returned_minor: t.returned_minor,
            elsewhere_minor: t.elsewhere_minor,
            dishes: count(order.pieces.len()),
            plated: count(
                order
                    .pieces
                    .iter()
                    .filter(|p| p.stage == JobStage::Plated)
                    .count(),
            ),
            waiting: 0,
            unequal: 0,
        };
        let kept = sums.captured_minor - sums.refunded_minor;
        let receipts = sums.receipted_minor - sums.returned_minor + sums.elsewhere_minor;
        let agree = kept == receipts && kept == sums.sold_minor;
        sums.waiting = i64::from(under_way && !agree);
        sums.unequal = i64::from(!under_way && (!agree || !proof.differences.is_empty()));
        sums
    }
}

/// Something of it is still to happen by itself: money, a receipt, a dish.
fn is_under_way(order: &Order) -> bool {
    let money = order.payments.iter().any(Payment::is_live);
    let back = order
        .refunds
        .iter()
        .any(|r| matches!(r.state, RefundState::Pending | RefundState::AwaitingPerson));
    let papers = order.receipts.iter().any(|r| r.registered.is_none());
    let dishes = order.paid
        && !order.ready
        && order
            .pieces
            .iter()
            .any(|p| !matches!(p.stage, JobStage::Plated | JobStage::Failed));
    // Between two steps nothing is asked for yet: the money is in, and the receipt is not.
    let between = order.paid
        && !order.is_fiscal_elsewhere()
        && order.receipts.is_empty()
        && order.given_up.is_none();
    let waits = !order.paid && order.given_up.is_none();
    money || back || papers || dishes || between || waits
}

/// An order with what headquarters notes beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::hq) struct Doc {
    pub(in crate::hq) order: Order,
    /// Since when the robot is asked for each dish.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    cooking: BTreeMap<JobId, Timestamp>,
}

impl Doc {
    fn new(order: &Order) -> Self {
        Self {
            order: order.clone(),
            cooking: BTreeMap::new(),
        }
    }

    fn apply(&mut self, at: Timestamp, body: &Body) {
        match body {
            Body::CookRequested { job_id, .. } => {
                self.cooking.insert(*job_id, at);
            }
            Body::CookFailed { job_id, .. } => {
                self.cooking.remove(job_id);
            }
            _ => {}
        }
        self.order.apply(at, body);
    }
}

/// The order as its events leave it; none when it was never placed.
pub(in crate::hq) fn replay<'a>(
    events: impl IntoIterator<Item = (Timestamp, &'a Body)>,
) -> Option<Doc> {
    let mut doc: Option<Doc> = None;
    for (at, body) in events {
        match (&mut doc, body) {
            (None, Body::OrderPlaced { order }) => doc = Some(Doc::new(order)),
            (Some(doc), body) => doc.apply(at, body),
            (None, _) => {}
        }
    }
    doc
}

/// An order as it is kept.
pub(super) struct Kept {
    doc: Doc,
    sums: Sums,
    first_seq: u64,
    last_seq: u64,
    events: u64,
    updated_at: Timestamp,
}

impl Kept {
    pub(super) fn day(&self) -> &str {
        &self.doc.order.day
    }

    pub(super) fn currency(&self) -> &'static str {
        self.doc.order.currency.code()
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }
}

/// A fiscal document of an order that was registered now.
pub(super) struct NewReceipt {
    /// The order's day.
    pub(super) day: String,
    /// In or out, minor units.
    pub(super) amount_minor: i64,
    /// What the drive says.
    pub(super) registered: Registered,
}

/// With its sign: returns take away.
pub(super) fn signed(kind: ReceiptKind, total_minor: i64) -> i64 {
    match kind {
        ReceiptKind::Sale => total_minor,
        ReceiptKind::SaleReturn => -total_minor,
    }
}

/// The orders that events touch.
#[derive(Default)]
pub(super) struct Orders {
    kept: BTreeMap<(i64, OrderId), Kept>,
}

/// Its order, also of an event that brings it.
fn order_of(fact: &Fact) -> Option<(i64, OrderId)> {
    let id = match &fact.body {
        Body::OrderPlaced { order } => order.id,
        _ => fact.order?,
    };
    Some((fact.store, id))
}

impl Orders {
    /// Reads those that began in earlier packs.
    pub(super) fn load(&mut self, sql: &Sql<'_>, facts: &[Fact]) -> Result<(), StoreError> {
        let mut wanted: BTreeMap<i64, BTreeSet<OrderId>> = BTreeMap::new();
        let mut placed = BTreeSet::new();
        for fact in facts {
            let Some(key) = order_of(fact) else { continue };
            if matches!(fact.body, Body::OrderPlaced { .. }) {
                placed.insert(key);
            } else if !placed.contains(&key) {
                wanted.entry(key.0).or_default().insert(key.1);
            }
        }
        for (store, ids) in wanted {
            let ids: Vec<OrderId> = ids.into_iter().collect();
            for part in ids.chunks(AT_ONCE) {
                self.load_some(sql, store, part)?;
            }
        }
        Ok(())
    }

    fn load_some(&mut self, sql: &Sql<'_>, store: i64, ids: &[OrderId]) -> Result<(), StoreError> {
        let mut parameters: Vec<Cell<'_>> = cells![store].into();
        parameters.extend(ids.iter().map(|id| Cell::from(id.0)));
        let rows = sql.rows(
            &format!(
                "SELECT order_id, doc, first_seq, last_seq, events, updated_at FROM orders
                 WHERE store = ?1 AND order_id IN ({})",
                places(2, ids.len())
            ),
            &parameters,
            |r| {
                Ok((
                    OrderId(r.get(0)?),
                    r.get::<Option<String>>(1)?,
                    r.get::<u64>(2)?,
                    r.get::<u64>(3)?,
                    r.get::<u64>(4)?,
                    r.get::<Timestamp>(5)?,
                ))
            },
        )?;
        for (id, doc, first_seq, last_seq, events, updated_at) in rows {
            let kept = match doc {
                Some(doc) => serde_json::from_str(&doc).ok(),
                None => None,
            };
            let doc = match kept {
                Some(doc) => Some(doc),
                None => from_events(sql, store, id, first_seq, last_seq)?,
            };
            let Some(doc) = doc else { continue };
            self.kept.insert(
                (store, id),
                Kept {
                    sums: Sums::of(&doc.order),
                    doc,
                    first_seq,
                    last_seq,
                    events,
                    updated_at,
                },
            );
        }
        Ok(())
    }

    pub(super) fn of(&self, fact: &Fact) -> Option<&Kept> {
        self.kept.get(&order_of(fact)?)
    }

    /// The sums before an event.
    pub(super) fn sums(&self, fact: &Fact) -> Sums {
        self.of(fact).map(|k| k.sums).unwrap_or_default()
    }

    /// How long the dish that this event puts down was on the robot, milliseconds.
    pub(super) fn cooked(&self, fact: &Fact) -> Option<i64> {
        let Body::CookPlated { job_id, .. } = &fact.body else {
            return None;
        };
        let since = self.of(fact)?.doc.cooking.get(job_id)?;
        i64::try_from(fact.at.since(*since).as_millis()).ok()
    }

    /// Takes an event in; the fiscal document it registers.
    pub(super) fn apply(&mut self, fact: &Fact) -> Option<NewReceipt> {
        let key = order_of(fact)?;
        if let Body::OrderPlaced { order } = &fact.body {
            self.kept.entry(key).or_insert_with(|| Kept {
                sums: Sums::of(order),
                doc: Doc::new(order),
                first_seq: fact.seq,
                last_seq: fact.seq,
                events: 1,
                updated_at: fact.at,
            });
            return None;
        }
        let kept = self.kept.get_mut(&key)?;
        let registered = match &fact.body {
            Body::ReceiptRegistered { key, registered } => kept
                .doc
                .order
                .receipts
                .iter()
                .find(|r| r.draft.key == *key)
                .map(|r| (&r.draft, registered)),
            Body::CorrectionRegistered { draft, registered } => Some((draft, registered)),
            _ => None,
        };
        let receipt = registered.map(|(draft, registered)| NewReceipt {
            day: kept.doc.order.day.clone(),
            amount_minor: signed(draft.kind, draft.total_minor),
            registered: registered.clone(),
        });
        kept.doc.apply(fact.at, &fact.body);
        kept.sums = Sums::of(&kept.doc.order);
        // One that was set aside and accepted comes late.
        kept.last_seq = kept.last_seq.max(fact.seq);
        kept.events += 1;
        kept.updated_at = fact.at;
        receipt
    }

    pub(super) fn flush(self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(self.kept.len());
        for ((store, id), kept) in &self.kept {
            let order = &kept.doc.order;
            let over = order.state.is_final() && !is_under_way(order);
            let doc = if over {
                None
            } else {
                Some(serde_json::to_string(&kept.doc)?)
            };
            let mut row: Vec<Cell<'_>> = cells![
                *store,
                id.0,
                order.day.as_str(),
                order.number,
                order.state.word(),
                order.currency.code(),
                order.placed_at,
                kept.updated_at,
                order.total_minor,
                kept.first_seq,
                kept.last_seq,
                kept.events,
                doc
            ]
            .into();
            row.extend(kept.sums.values().map(Cell::from));
            rows.push(row);
        }
        let mut columns = vec![
            ("store", Kind::Int),
            ("order_id", Kind::Blob),
            ("day", Kind::Text),
            ("number", Kind::Int),
            ("state", Kind::Text),
            ("currency", Kind::Text),
            ("placed_at", Kind::Int),
            ("updated_at", Kind::Int),
            ("total_minor", Kind::Int),
            ("first_seq", Kind::Int),
            ("last_seq", Kind::Int),
            ("events", Kind::Int),
            ("doc", Kind::Text),
        ];
        columns.extend(SUMS.map(|name| (name, Kind::Int)));
        let mut changed: Vec<&str> = vec!["state", "updated_at", "last_seq", "events", "doc"];
        changed.extend(SUMS);
        let set: Vec<String> = changed
            .iter()
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        sql.insert_many(
            "orders",
            &columns,
            &rows,
            &format!(
                "ON CONFLICT (store, order_id) DO UPDATE SET {}",
                set.join(", ")
            ),
        )?;
        Ok(())
    }
}

/// The order, read from its events.
fn from_events(
    sql: &Sql<'_>,
    store: i64,
    id: OrderId,
    first_seq: u64,
    last_seq: u64,
) -> Result<Option<Doc>, StoreError> {
    let events: Vec<(Timestamp, Option<Body>)> = sql.rows(
        &format!(
            "SELECT at, body FROM events WHERE store = ?1 AND seq >= ?2 AND seq <= ?3 AND order_id = ?4 AND {COUNTS} ORDER BY seq"
        ),
        &cells![store, first_seq, last_seq, id.0],
        |r| {
            let body: String = r.get(1)?;
            let body = serde_json::from_str(&body).ok();
            Ok((r.get(0)?, body.filter(super::makes_sense)))
        },
    )?;
    Ok(replay(
        events
            .iter()
            .filter_map(|(at, body)| Some((*at, body.as_ref()?))),
    ))
}
