//! The checker: what must be true at a quiet point, whatever happened before.

use super::{
    goods::{self, Goods},
    people::Memory,
    rig::{Rig, STAFF, STORE_TOKEN},
};
use crate::{
    devices::robot::journal_cursor,
    domain::{
        event::Body,
        ids::MemberId,
        order::{JobStage, Order, OrderState},
        payment::{PaymentState, Tender},
        refund::RefundState,
        stock::MovementKind,
    },
    flow::FlowError,
    hq::verify::{Claim, verify},
    store::StoreError,
    sync::batch::HexHash,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// Which invariant, in a word that stays the same.
    pub invariant: &'static str,
    /// What was seen, in a sentence.
    pub what: String,
    /// The order it is about, if it is about one.
    pub order: Option<String>,
}

/// Collects what is broken.
#[derive(Default)]
struct Verdict(Vec<Violation>);

impl Verdict {
    fn broken(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.of(invariant, what, None);
    }

    fn of(&mut self, invariant: &'static str, what: impl Into<String>, order: Option<String>) {
        self.0.push(Violation {
            invariant,
            what: what.into(),
            order,
        });
    }

    fn equal(&mut self, invariant: &'static str, what: &str, left: i64, right: i64) {
        if left != right {
            self.broken(invariant, format!("{what}: {left} against {right}"));
        }
    }
}

/// What must never be in the log.
const SECRETS: [&str; 4] = ["demo-password", STORE_TOKEN, STAFF, "+7916"];

/// What the store itself has, read once.
pub(super) struct Books {
    orders: Vec<Order>,
    head: u64,
    head_hash: [u8; 32],
    /// The beginnings of events that carry a secret.
    leaks: Vec<String>,
    negative: Vec<String>,
    reserved: Vec<String>,
    moved: BTreeMap<String, (i64, i64)>,
    /// On hand and reserved, by ingredient.
    pub(super) levels: BTreeMap<String, (i64, i64)>,
    /// What people booked in, by ingredient.
    pub(super) by_hand: BTreeMap<String, i64>,
    live: Vec<String>,
    /// What is wrong with members' points, in sentences.
    points: Vec<String>,
}

/// Checks everything at a quiet point.
pub(super) async fn check(rig: &Rig, memories: &[Memory], goods: &Goods) -> Vec<Violation> {
    let mut verdict = Verdict::default();
    let Some(site) = rig.site() else {
        verdict.broken(
            "ready again",
            format!(
                "the store does not run: {}",
                rig.refusal()
                    .unwrap_or_else(|| "no reason given".to_owned())
            ),
        );
        return verdict.0;
    };
    match site.store.read(read_books).await {
        Ok(books) => {
            stock(&books, &mut verdict);
            for what in goods::wrong(rig, &books, goods) {
                verdict.broken("stock", what);
            }
            for what in &books.points {
                verdict.broken("points", what.clone());
            }
            promises(&books, memories, &mut verdict);
            outside(rig, &books, &mut verdict);
            secrets(&books, &mut verdict);
            headquarters(rig, &books, &mut verdict).await;
        }
        Err(error) => verdict.broken("log whole", format!("the books can't be read: {error}")),
    }
    reconciled(rig, &mut verdict).await;
    verdict.0
}

fn read_books(s: &crate::store::Snapshot<'_>) -> Result<Books, FlowError> {
    s.verify_log()?;
    let mut orders = Vec::new();
    s.each_order(None, |o| orders.push(o))?;
    let head = s.head()?;
    let levels = s.levels()?;
    let mut moved: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut told: BTreeMap<MemberId, i64> = BTreeMap::new();
    let mut by_hand: BTreeMap<String, i64> = BTreeMap::new();
    let mut leaks = Vec::new();
    let mut after = 0;
    loop {
        let events = s.events_after(after, 1000)?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        for entry in &events {
            if SECRETS.iter().any(|secret| entry.body.contains(secret)) {
                leaks.push(entry.body.chars().take(60).collect());
            }
            match entry.event()?.body {
                Body::StockMoved { movements } => {
                    for m in movements {
                        if m.kind == MovementKind::Receive && m.use_id.is_none() {
                            *by_hand.entry(m.ingredient.0.clone()).or_default() += m.on_hand;
                        }
                        let sum = moved.entry(m.ingredient.0).or_default();
                        sum.0 += m.on_hand;
                        sum.1 += m.reserved;
                    }
                }
                Body::PointsMoved { points } => {
                    *told.entry(points.member_id).or_default() += points.change;
                }
                _ => {}
            }
        }
    }
    let name = |l: &(
        &crate::domain::ids::IngredientId,
        &crate::domain::stock::Level,
    )| {
        format!(
            "{} ({} on hand, {} reserved)",
            l.0.0, l.1.on_hand, l.1.reserved
        )
    };
    let points = super::points::wrong(s, &orders, &told)?;
    Ok(Books {
        points,
        orders,
        head: head.seq,
        head_hash: head.hash,
        leaks,
        negative: levels
            .iter()
            .filter(|(_, l)| l.on_hand < 0 || l.reserved < 0 || l.reserved > l.on_hand)
            .map(|l| name(&l))
            .collect(),
        reserved: levels
            .iter()
            .filter(|(_, l)| l.reserved != 0)
            .map(|l| name(&l))
            .collect(),
        levels: levels
            .iter()
            .map(|(i, l)| (i.0.clone(), (l.on_hand, l.reserved)))
            .collect(),
        moved,
        by_hand,
        live: s
            .live_effects()?
            .into_iter()
            .map(|e| {
                format!(
                    "{} ({}, {}{})",
                    e.key,
                    e.kind,
                    e.state.word(),
                    e.note.map(|n| format!(": {n}")).unwrap_or_default()
                )
            })
            .collect(),
    })
}

/// Whether nothing is under way in the store; what still is, if not.
pub(super) async fn unsettled(rig: &Rig) -> Option<String> {
    let Some(site) = rig.site() else {
        return Some(rig.refusal().unwrap_or_else(|| "no process".to_owned()));
    };
    let seen = site
        .store
        .read(|s| Ok::<_, StoreError>((under_way(s)?, journal_cursor(s)?)))
        .await;
    let (mut what, at) = match seen {
        Ok(seen) => seen,
        Err(error) => return Some(error.to_string()),
    };
    let untold = rig.outside().kitchen.untold(at);
    if untold > 0 {
        what.push(format!("{untold} events of the robot are not taken in"));
    }
    (!what.is_empty()).then(|| what.join("; "))
}

/// What is asked for cheaply comes first, and the next only when it is settled: this is asked all the time.
fn under_way(s: &crate::store::Snapshot<'_>) -> Result<Vec<String>, StoreError> {
    let live = s.live_effects()?;
    if !live.is_empty() {
        return Ok(live
            .into_iter()
            .map(|e| {
                format!(
                    "{} is {} ({})",
                    e.key,
                    e.state.word(),
                    e.note.unwrap_or_default()
                )
            })
            .collect());
    }
    let backlog = s.head()?.seq.saturating_sub(s.cursor("hq")?);
    if backlog > 0 {
        return Ok(vec![format!("{backlog} events are not at headquarters")]);
    }
    let open = s.active_orders()?.into_iter();
    // Dishes wait for a guest who left: that is nobody's fault.
    Ok(open
        .filter(|o| o.state != OrderState::Ready)
        .map(|o| format!("order {} is {}", o.number, o.state.word()))
        .collect())
}

fn stock(books: &Books, verdict: &mut Verdict) {
    for level in &books.negative {
        verdict.broken("stock", format!("{level} can't be"));
    }
    for level in &books.reserved {
        verdict.broken("stock", format!("nothing is under way, and {level}"));
    }
    for (ingredient, moved) in &books.moved {
        let level = books.levels.get(ingredient).copied().unwrap_or_default();
        if level != *moved {
            verdict.broken(
                "stock",
                format!("{ingredient}: the level is {level:?}, the movements add up to {moved:?}"),
            );
        }
    }
}

/// Every promise in an answer that a guest saw is kept or visibly withdrawn.
fn promises(books: &Books, memories: &[Memory], verdict: &mut Verdict) {
    let by_id: BTreeMap<String, &Order> =
        books.orders.iter().map(|o| (o.id.to_string(), o)).collect();
    let mut numbers: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    for order in &books.orders {
        *numbers
            .entry((order.day.as_str(), order.number))
            .or_default() += 1;
    }
    for ((day, number), n) in numbers {
        if n > 1 {
            verdict.broken(
                "order numbers",
                format!("{n} orders have number {number} on {day}"),
            );
        }
    }
    let wishes: u64 = memories.iter().map(|m| m.wishes).sum();
    if !memories.is_empty() && books.orders.len() as u64 > wishes {
        verdict.broken(
            "one order a wish",
            format!("{} orders came of {wishes} wishes", books.orders.len()),
        );
    }
    for memory in memories {
        let Some((id, number, total)) = &memory.order else {
            continue;
        };
        let mut say = |invariant: &'static str, what: String| {
            verdict.of(invariant, what, Some(id.clone()));
        };
        let Some(order) = by_id.get(id) else {
            say(
                "accepted orders",
                format!(
                    "order {number} was accepted before the guest's eyes and is not in the books"
                ),
            );
            continue;
        };
        if !number.ends_with(&order.number.to_string()) || order.total_minor != *total {
            say(
                "accepted orders",
                format!(
                    "the guest was told number {number} and {total}, the books say {} and {}",
                    order.number, order.total_minor
                ),
            );
        }
        if memory.cancelled && order.given_up.is_none() {
            say(
                "cancelled orders",
                format!(
                    "order {number} was cancelled before the guest's eyes and is {}",
                    order.state.word()
                ),
            );
        }
        for (payment, sum) in &memory.paid {
            let found = order.payments.iter().find(|p| p.id.to_string() == *payment);
            let captured = found.map_or(0, |p| p.captured_minor);
            if captured != *sum {
                say(
                    "paid orders",
                    format!("the guest saw a payment of {sum}, the books have {captured}"),
                );
            }
        }
        for (payment, sum) in &memory.gave {
            let found = order.payments.iter().find(|p| p.id.to_string() == *payment);
            let captured = found.map_or(0, |p| p.captured_minor);
            if captured != *sum {
                say(
                    "paid orders",
                    format!("the till took {sum} of the guest, the books have {captured}"),
                );
            }
        }
        for (refund, sum) in &memory.refunds {
            let found = order.refunds.iter().find(|r| r.id.to_string() == *refund);
            match found {
                Some(r) if r.amount_minor == *sum && r.state == RefundState::Done => {}
                Some(r) => say(
                    "promised refunds",
                    format!(
                        "a refund of {sum} was promised, and {} is {:?}",
                        r.amount_minor, r.state
                    ),
                ),
                None => say(
                    "promised refunds",
                    format!("a refund of {sum} was promised and is not in the books"),
                ),
            }
        }
        if memory.ready && !order.ready {
            say(
                "ready orders",
                format!("order {number} was called out and is not ready in the books"),
            );
        }
        if memory.closed && !order.closed {
            say(
                "handed-over orders",
                format!("order {number} was handed over and is open in the books"),
            );
        }
    }
    // Nobody waits in silence, and nobody keeps money for nothing.
    for order in &books.orders {
        let id = Some(order.id.to_string());
        if order.given_up.is_some() && order.received_minor() != order.refunded_minor() {
            verdict.of(
                "money of cancelled orders",
                format!(
                    "order {} was given up; {} came in and {} went back",
                    order.number,
                    order.received_minor(),
                    order.refunded_minor()
                ),
                id.clone(),
            );
        }
        let plated = order
            .pieces
            .iter()
            .filter(|p| p.stage == JobStage::Plated)
            .count();
        if order.paid && plated == 0 && order.received_minor() != order.refunded_minor() {
            verdict.of(
                "nothing for nothing",
                format!(
                    "order {} is paid, and no dish and not all money came",
                    order.number
                ),
                id.clone(),
            );
        }
        for payment in &order.payments {
            if payment.state != PaymentState::Captured
                && payment.is_live()
                && order.state != OrderState::Placed
            {
                verdict.of(
                    "open payments",
                    format!(
                        "a payment of order {} still waits while it is {}",
                        order.number,
                        order.state.word()
                    ),
                    id.clone(),
                );
            }
        }
    }
    for live in &books.live {
        verdict.broken("nothing hangs", format!("{live} is not finished"));
    }
}

fn outside(rig: &Rig, books: &Books, verdict: &mut Verdict) {
    let outside = rig.outside();
    // The bank.
    let mut at_the_bank = 0;
    let mut back_at_the_bank = 0;
    for order in outside.bank.orders() {
        if order.charges > 1 {
            verdict.broken(
                "one charge",
                format!(
                    "bank order {} was charged {} times",
                    order.order_number, order.charges
                ),
            );
        }
        for (refund, n) in &order.refunds {
            if *n > 1 {
                verdict.broken(
                    "one refund",
                    format!(
                        "refund {refund} of bank order {} was carried out {n} times",
                        order.order_number
                    ),
                );
            }
        }
        at_the_bank += order.deposited_minor;
        back_at_the_bank += order.refunded_minor;
    }
    let payments = || books.orders.iter().flat_map(|o| &o.payments);
    let by_bank = |p: &&crate::domain::payment::Payment| p.tender == Tender::SbpQr;
    verdict.equal(
        "money at the bank",
        "charged at the bank, and captured in the books",
        at_the_bank,
        payments().filter(by_bank).map(|p| p.captured_minor).sum(),
    );
    verdict.equal(
        "money at the bank",
        "given back at the bank, and refunded in the books",
        back_at_the_bank,
        payments().filter(by_bank).map(|p| p.refunded_minor).sum(),
    );
    // The fiscal drive.
    let mut keys: BTreeMap<String, u32> = BTreeMap::new();
    let (mut sales, mut returns) = (0, 0);
    for receipt in outside.printer.receipts() {
        let Some(key) = receipt.key.clone().filter(|k| k != "another till") else {
            continue;
        };
        *keys.entry(key).or_default() += 1;
        let total = i64::try_from(receipt.total_minor).unwrap_or(i64::MAX);
        match receipt.operation {
            Some(1) => sales += total,
            _ => returns += total,
        }
    }
    for (key, n) in keys.iter().filter(|(_, n)| **n > 1) {
        verdict.broken("one receipt", format!("{n} receipts have the key {key}"));
    }
    let registered = |kind: crate::domain::receipt::ReceiptKind| -> i64 {
        books
            .orders
            .iter()
            .flat_map(|o| &o.receipts)
            .filter(|r| r.draft.kind == kind && r.registered.is_some())
            .map(|r| r.draft.total_minor)
            .sum()
    };
    use crate::domain::receipt::ReceiptKind;
    verdict.equal(
        "receipts",
        "sales in the fiscal drive, and in the books",
        sales,
        registered(ReceiptKind::Sale),
    );
    verdict.equal(
        "receipts",
        "returns in the fiscal drive, and in the books",
        returns,
        registered(ReceiptKind::SaleReturn),
    );
    // A swapped printer may take documents of a shift of its own only.
    for receipt in rig.other_printer().receipts() {
        let total = i64::try_from(receipt.total_minor).unwrap_or(i64::MAX);
        verdict.broken(
            "one drive a shift",
            format!("a receipt over {total} of an open shift is on another fiscal drive"),
        );
    }
    // The kitchen.
    let mut plated = 0;
    let known: BTreeSet<String> = books
        .orders
        .iter()
        .flat_map(|o| &o.pieces)
        .filter(|p| p.stage == JobStage::Plated)
        .map(|p| p.job_id.to_string())
        .collect();
    let mut made: BTreeMap<String, u32> = BTreeMap::new();
    for before in rig.made_before() {
        for (job, dish) in before {
            // What it made and had no time to tell, nobody can know but the person who finds the dish.
            if dish.plated > 0 && known.contains(&job) {
                *made.entry(job).or_default() += dish.plated;
            }
        }
    }
    for (job, dish) in outside.kitchen.dishes() {
        *made.entry(job).or_default() += dish.plated;
    }
    for (job, n) in made {
        plated += i64::from(n);
        if n > 1 {
            verdict.broken("one dish", format!("job {job} was plated {n} times"));
        }
    }
    let in_books: usize = books
        .orders
        .iter()
        .map(|o| {
            o.pieces
                .iter()
                .filter(|p| p.stage == JobStage::Plated)
                .count()
        })
        .sum();
    if i64::try_from(in_books).unwrap_or(-1) != plated {
        verdict.broken(
            "dishes",
            format!("{plated} dishes were plated, the books have {in_books}"),
        );
    }
    // Accounting.
    for document in outside.one_c.documents() {
        if !document.posted {
            verdict.broken(
                "accounting",
                format!("document {} in 1C is not posted", document.number),
            );
        }
    }
    // Messages: one a kind and order, unless the provider was silent and the bound on repeats allows one more.
    let mut texts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for sms in outside.sms.sent() {
        *texts.entry((sms.to, sms.text)).or_default() += 1;
    }
    for ((to, text), n) in texts {
        if n > 2 {
            verdict.broken(
                "messages",
                format!(
                    "{n} messages \"{text}\" went to …{}",
                    to.chars().rev().take(2).collect::<String>()
                ),
            );
        }
    }
}

fn secrets(books: &Books, verdict: &mut Verdict) {
    if let Some(text) = books.leaks.first() {
        verdict.broken(
            "no secret in any log",
            format!("an event carries one: {text}"),
        );
    }
}

/// Every event is at headquarters once and in order.
async fn headquarters(rig: &Rig, books: &Books, verdict: &mut Verdict) {
    let Some(hq) = rig.hq() else {
        verdict.broken("headquarters", "it is not up");
        return;
    };
    match hq.stores().await {
        Ok(rows) => {
            let row = rows.first();
            let events = row.map_or(0, |r| r.events);
            if events != books.head {
                verdict.broken(
                    "headquarters",
                    format!("it has {events} events of {}", books.head),
                );
                return;
            }
            let Some(row) = row else { return };
            // What it says of itself is not believed: every event is walked, and the last one is the store's.
            let claim = Claim {
                store_id: row.store_id.clone(),
                head: books.head,
                acknowledged: books.head,
                hash: HexHash(books.head_hash),
            };
            match verify(hq.db(), None, Some(&[claim]), false).await {
                Ok(found) if found.clean => {}
                Ok(found) => verdict.broken("headquarters", found.told.join("; ")),
                Err(error) => verdict.broken("headquarters", error.to_string()),
            }
        }
        Err(error) => verdict.broken("headquarters", error.to_string()),
    }
}

/// The store's own proof, as staff see it.
async fn reconciled(rig: &Rig, verdict: &mut Verdict) {
    let answer = rig
        .call("GET", "reconcile", STAFF, None, &Value::Null)
        .await;
    let Some((200, seen)) = answer else {
        verdict.broken(
            "nothing hangs",
            format!("the proof is not answered: {answer:?}"),
        );
        return;
    };
    for difference in seen["differences"].as_array().into_iter().flatten() {
        verdict.broken(
            "reconciliation",
            format!(
                "{}: {} ({} against {})",
                difference["subject"].as_str().unwrap_or_default(),
                difference["what"].as_str().unwrap_or_default(),
                difference["left"],
                difference["right"]
            ),
        );
    }
    let t = &seen["totals"];
    for name in ["unknown_effects", "live_effects", "under_way"] {
        if t[name] != 0 {
            verdict.broken("nothing hangs", format!("{name} is {}", t[name]));
        }
    }
    let posted: i64 = rig
        .outside()
        .one_c
        .documents()
        .iter()
        .filter(|d| d.posted)
        .map(|d| d.total_minor)
        .sum();
    verdict.equal(
        "accounting",
        "sales less returns in 1C, and in the books",
        posted,
        t["receipted_minor"].as_i64().unwrap_or(0) - t["returned_minor"].as_i64().unwrap_or(0),
    );
}
