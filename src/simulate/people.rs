//! Guests and staff. They know the store by its public door only, repeat a request that was not answered with the
//! same key, and remember what they were told.

use super::{
    plan::{Guest, Mood},
    rig::{KIOSK, Rig, STAFF},
};
use crate::{
    demo::wishes,
    world::{Entropy as _, SeededEntropy},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};
use tokio::time::Instant;

/// Pause before a request that was not answered is repeated.
const AGAIN: Duration = Duration::from_millis(700);
/// Sets the draws of what guests choose apart from their other draws.
const WHIMS: u64 = 0x6f70_7469_6f6e_7300;
/// Sets the draws of members apart from all others.
const CLUB: u64 = 0x6d65_6d62_6572_7300;
/// The members that guests are: few, so that points add up and two orders want the same ones.
const MEMBERS: u64 = 3;
/// How often people look up.
const LOOK: Duration = Duration::from_millis(1_500);
/// A guest gives the story up after so long.
const PATIENCE: Duration = Duration::from_mins(8);

/// What one guest was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Requests to place an order, each with a key of its own, that were not refused.
    pub(super) wishes: u64,
    /// The order that was accepted: id, number, total.
    pub(super) order: Option<(String, String, i64)>,
    /// "Your order is cancelled."
    pub(super) cancelled: bool,
    /// Payments that were shown as paid, with their sums.
    pub(super) paid: BTreeMap<String, i64>,
    /// Refunds that were promised, with their sums.
    pub(super) refunds: BTreeMap<String, i64>,
    /// "Your order is ready."
    pub(super) ready: bool,
    /// "Your order was given to you."
    pub(super) closed: bool,
    /// "Your order was refunded."
    pub(super) refunded: bool,
    /// Charged by the card terminal or in cash: what the guest really gave.
    pub(super) gave: BTreeMap<String, i64>,
}

/// What all people remember.
pub(super) type Memories = Rc<RefCell<Vec<Memory>>>;

/// One guest's visit.
pub(super) struct Visit {
    rig: Rig,
    chance: SeededEntropy,
    /// What the guest chooses with the dishes; drawn apart, so that all else of a seed's life stays as it was.
    whims: SeededEntropy,
    /// What members do; drawn apart as well.
    club: SeededEntropy,
    key: String,
    mood: Mood,
    memory: usize,
    memories: Memories,
    until: Instant,
    closing: tokio::sync::watch::Receiver<bool>,
}

impl Visit {
    pub(super) fn new(
        rig: Rig,
        guest: Guest,
        memories: Memories,
        closing: tokio::sync::watch::Receiver<bool>,
    ) -> Self {
        let memory = {
            let mut all = memories.borrow_mut();
            all.push(Memory::default());
            all.len() - 1
        };
        Self {
            rig,
            chance: SeededEntropy::new(guest.seed),
            whims: SeededEntropy::new(guest.seed ^ WHIMS),
            club: SeededEntropy::new(guest.seed ^ CLUB),
            key: format!("guest-{:016x}", guest.seed),
            mood: guest.mood,
            memory,
            memories,
            until: Instant::now() + PATIENCE,
            closing,
        }
    }

    fn remember(&self, change: impl FnOnce(&mut Memory)) {
        if let Some(memory) = self.memories.borrow_mut().get_mut(self.memory) {
            change(memory);
        }
    }

    fn over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// A request, repeated with its key until the store gives a verdict.
    async fn post(&self, token: &str, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
        let key = format!("{}-{key}", self.key);
        loop {
            match self.rig.call("POST", path, token, Some(&key), body).await {
                Some((status, answer)) if status < 500 || answer["slug"] == "not_accepting" => {
                    return Some((status, answer));
                }
                _ if self.over() => return None,
                _ => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    async fn get(&self, path: &str) -> Option<Value> {
        loop {
            match self.rig.call("GET", path, KIOSK, None, &Value::Null).await {
                Some((200, answer)) => return Some(answer),
                _ if self.over() => return None,
                _ => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// Lives the visit; it ends when the guest leaves.
    pub(super) async fn live(self) {
        let served = self.story().await;
        tracing::debug!(guest = self.key, ?served, "a guest leaves");
    }

    /// Who the guest is to the loyalty programme: two in three join, or have joined before.
    async fn member(&self) -> Option<Value> {
        if !self.rig.members() || self.club.below(3) == 0 {
            return None;
        }
        let phone = format!("+79990000{:03}", self.club.below(MEMBERS));
        let body = json!({"phone": phone, "terms": "1"});
        let (status, answer) = self.post(KIOSK, "loyalty/members", "join", &body).await?;
        (status == 201).then(|| answer["member"].clone())
    }

    /// Pays a part by points, if there are any; what is not taken is paid otherwise.
    async fn pay_by_points(&self, id: &str) -> Option<()> {
        let path = format!("orders/{id}/payments");
        let body = json!({"tender": "loyalty_points"});
        let (status, payment) = self.post(KIOSK, &path, "points", &body).await?;
        if status != 201 {
            return Some(());
        }
        let (payment, sum) = (payment["id"].as_str()?, payment["amount_minor"].as_i64()?);
        loop {
            let seen = self.get(&format!("payments/{payment}")).await?;
            match seen["state"].as_str().unwrap_or_default() {
                "captured" => {
                    self.remember(|m| {
                        m.paid.insert(payment.to_owned(), sum);
                    });
                    return Some(());
                }
                "declined" | "closed" => return Some(()),
                _ if self.over() => return None,
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn story(&self) -> Option<()> {
        let mut wish = wishes::wish(
            &self.rig.outside().catalog.dishes,
            &self.chance,
            &self.whims,
        );
        let member = self.member().await;
        if let Some(member) = &member {
            wish["member"] = member.clone();
        }
        let mut attempt = 0;
        let order = loop {
            self.remember(|m| m.wishes += 1);
            let (status, answer) = self
                .post(KIOSK, "orders", &format!("place-{attempt}"), &wish)
                .await?;
            if status == 201 {
                break answer;
            }
            self.remember(|m| m.wishes -= 1);
            tracing::debug!(status, %answer, "a guest is refused");
            if self.over() || *self.closing.borrow() || !matches!(status, 503 | 409) {
                return None;
            }
            attempt += 1;
            tokio::time::sleep(AGAIN * 5).await;
        };
        let id = order["id"].as_str()?.to_owned();
        let number = order["number"].as_str()?.to_owned();
        let total = order["total_minor"].as_i64()?;
        self.remember(|m| m.order = Some((id.clone(), number, total)));
        if member.is_some() && self.club.below(3) > 0 {
            self.pay_by_points(&id).await?;
        }
        if self.mood == Mood::Leaves {
            return self.cancel(&id).await;
        }
        if !self.pay(&id).await? {
            return Some(());
        }
        let mut asked = false;
        loop {
            let order = self.get(&format!("orders/{id}")).await?;
            match order["state"].as_str().unwrap_or_default() {
                "ready" => {
                    self.remember(|m| m.ready = true);
                    if matches!(self.mood, Mood::Regrets | Mood::Greedy) && !asked {
                        asked = true;
                        self.ask_for_money(&id).await?;
                    } else {
                        let path = format!("orders/{id}/hand-over");
                        let (status, _) = self.post(STAFF, &path, "fetch", &json!({})).await?;
                        if status < 300 {
                            self.remember(|m| m.closed = true);
                        }
                    }
                }
                "closed" => {
                    self.remember(|m| m.closed = true);
                    return Some(());
                }
                "refunded" => {
                    self.remember(|m| m.refunded = true);
                    return Some(());
                }
                "cancelled" | "expired" => return Some(()),
                _ if self.over() => return None,
                _ => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn cancel(&self, id: &str) -> Option<()> {
        let path = format!("orders/{id}/cancel");
        let (status, _) = self.post(KIOSK, &path, "cancel", &json!({})).await?;
        if status < 300 {
            self.remember(|m| m.cancelled = true);
        }
        Some(())
    }

    async fn ask_for_money(&self, id: &str) -> Option<()> {
        let path = format!("orders/{id}/refunds");
        let body = json!({"reason": "the guest did not like it"});
        let first = self.post(STAFF, &path, "refund-1", &body);
        let answers = if self.mood == Mood::Greedy {
            let second = self.post(STAFF, &path, "refund-2", &body);
            let (a, b) = tokio::join!(first, second);
            vec![a?, b?]
        } else {
            vec![first.await?]
        };
        for (status, answer) in answers {
            if status != 201 {
                continue;
            }
            for refund in answer["refunds"].as_array().into_iter().flatten() {
                if let (Some(id), Some(sum)) =
                    (refund["id"].as_str(), refund["amount_minor"].as_i64())
                {
                    self.remember(|m| {
                        m.refunds.insert(id.to_owned(), sum);
                    });
                }
            }
        }
        Some(())
    }

    /// Pays by one tender after the other until one works; false when there is nothing to wait for any more.
    async fn pay(&self, id: &str) -> Option<bool> {
        let mut tender = match self.chance.below(10) {
            0..6 => "sbp_qr",
            6..9 => "card_terminal",
            _ => "cash",
        };
        if self.mood == Mood::PaysLate {
            tender = "sbp_qr";
        }
        for attempt in 0..12 {
            let (status, payment) = self
                .post(
                    KIOSK,
                    &format!("orders/{id}/payments"),
                    &format!("pay-{attempt}"),
                    &json!({"tender": tender}),
                )
                .await?;
            match (status, payment["slug"].as_str()) {
                (201, _) => {}
                (_, Some("tender_unavailable")) => {
                    if self.mood == Mood::PaysLate {
                        return Some(false);
                    }
                    tender = "card_terminal";
                    continue;
                }
                (_, Some("already_paid")) => return Some(true),
                _ => return Some(false),
            }
            let payment_id = payment["id"].as_str()?.to_owned();
            let amount = payment["amount_minor"].as_i64()?;
            let paid = if tender == "sbp_qr" {
                self.by_code(id, &payment_id).await?
            } else {
                self.at_the_till(&payment_id, tender, amount).await?
            };
            if paid {
                return Some(true);
            }
            if self.over() || self.mood == Mood::PaysLate {
                return Some(false);
            }
            tender = "card_terminal";
        }
        Some(false)
    }

    /// The open order at the bank for one of ours, paid out of the guest's own account.
    fn pay_at_the_bank(&self, order: &str) -> bool {
        let number = order.replace('-', "");
        let bank = &self.rig.outside().bank;
        let open = bank
            .orders()
            .into_iter()
            .filter(|o| o.order_number.starts_with(&number) && o.status == 0)
            .map(|o| o.order_number)
            .next_back();
        open.is_some_and(|open| bank.pay(&open).is_ok())
    }

    async fn by_code(&self, order: &str, payment: &str) -> Option<bool> {
        let mut paid = false;
        loop {
            let seen = self.get(&format!("payments/{payment}")).await?;
            match seen["state"].as_str().unwrap_or_default() {
                "captured" => {
                    let sum = seen["amount_minor"].as_i64()?;
                    self.remember(|m| {
                        m.paid.insert(payment.to_owned(), sum);
                    });
                    return Some(true);
                }
                "declined" | "closed" => return Some(false),
                "waiting" if seen["qr"].is_object() && !paid => {
                    if self.mood == Mood::PaysLate {
                        let paying = self.pay_late(order).await;
                        return paying.map(|()| false);
                    }
                    // The phone is looked for, the banking app opens.
                    tokio::time::sleep(Duration::from_millis(self.chance.below(6_000))).await;
                    paid = self.pay_at_the_bank(order);
                    if self.mood == Mood::PaysTwice {
                        self.second_payment(order).await;
                    }
                }
                _ if self.over() => return None,
                _ => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The guest cancels at the kiosk and confirms in the banking app all the same, in either order.
    async fn pay_late(&self, order: &str) -> Option<()> {
        if self.chance.below(2) == 0 {
            self.pay_at_the_bank(order);
            self.cancel(order).await
        } else {
            let cancelled = self.cancel(order).await;
            tokio::time::sleep(Duration::from_millis(self.chance.below(2_000))).await;
            self.pay_at_the_bank(order);
            cancelled
        }
    }

    /// While the first payment is still under way, another is begun at the till.
    async fn second_payment(&self, order: &str) {
        let answer = self
            .post(
                KIOSK,
                &format!("orders/{order}/payments"),
                "second",
                &json!({"tender": "card_terminal"}),
            )
            .await;
        if let Some((201, payment)) = answer
            && let (Some(id), Some(sum)) =
                (payment["id"].as_str(), payment["amount_minor"].as_i64())
        {
            let _ = self.at_the_till(id, "card_terminal", sum).await;
        }
    }

    async fn at_the_till(&self, payment: &str, tender: &str, amount: i64) -> Option<bool> {
        tokio::time::sleep(Duration::from_millis(500 + self.chance.below(4_000))).await;
        let declined = tender == "card_terminal" && self.chance.below(8) == 0;
        let (path, body) = match tender {
            "cash" => ("confirm", json!({})),
            _ if declined => (
                "result",
                json!({"result": "declined", "external_id": format!("pos-{payment}")}),
            ),
            _ => (
                "result",
                json!({
                    "result": "approved",
                    "external_id": format!("pos-{payment}"),
                    "amount_minor": amount,
                    "rrn": "000000000001",
                }),
            ),
        };
        if !declined {
            self.remember(|m| {
                m.gave.insert(payment.to_owned(), amount);
            });
        }
        // The till repeats until it is heard: the money has moved.
        let key = format!("till-{payment}");
        let (status, answer) = loop {
            match self
                .rig
                .call(
                    "POST",
                    &format!("payments/{payment}/{path}"),
                    STAFF,
                    Some(&key),
                    &body,
                )
                .await
            {
                Some((status, answer)) if status < 500 => break (status, answer),
                _ => tokio::time::sleep(AGAIN).await,
            }
        };
        if status >= 300 {
            tracing::debug!(status, %answer, "a till is refused");
            // The cashier is told that the payment is not taken, and gives it back at the till.
            self.remember(|m| {
                m.gave.remove(payment);
            });
            return Some(false);
        }
        if declined {
            return Some(false);
        }
        self.remember(|m| {
            m.paid.insert(payment.to_owned(), amount);
        });
        Some(true)
    }
}

/// Staff who answer what the store asks of them: money back by hand, and whatever an alert says.
pub(super) struct Staff {
    rig: Rig,
    n: u64,
    /// The robot was stopped and is on its way back.
    stopped: bool,
}

impl Staff {
    pub(super) fn new(rig: Rig) -> Self {
        Self {
            rig,
            n: 0,
            stopped: false,
        }
    }

    /// Looks after the store for ever.
    pub(super) async fn live(mut self) {
        loop {
            tokio::time::sleep(LOOK * 4).await;
            let _ = self.look().await;
        }
    }

    async fn look(&mut self) -> Option<()> {
        let (_, alerts) = self
            .rig
            .call("GET", "alerts", STAFF, None, &Value::Null)
            .await?;
        for alert in alerts["alerts"].as_array().into_iter().flatten() {
            let id = alert["id"].as_str().unwrap_or_default();
            // The service has put the printer right: what it refused is tried again.
            let refused = alert["detail"]
                .as_str()
                .unwrap_or_default()
                .starts_with("device_");
            if let Some(effect) = alert["effect_id"].as_i64().filter(|_| refused) {
                self.n += 1;
                let path = format!("effects/{effect}/settle");
                let body = json!({"outcome": "not_done", "reason": "the printer works again"});
                let key = format!("again-{}", self.n);
                self.rig
                    .call("POST", &path, STAFF, Some(&key), &body)
                    .await?;
            }
            let lost = id.strip_prefix("robot:job:");
            if let Some(job) = lost.or_else(|| id.strip_prefix("effect:cook:")) {
                self.look_for_a_dish(job).await?;
            }
            if let Some(refund) = id.strip_prefix("refund:")
                && uuid::Uuid::parse_str(refund).is_ok()
            {
                let path = format!("refunds/{refund}/confirm");
                let body = json!({"reference": "by hand"});
                let key = format!("back-{refund}");
                self.rig
                    .call("POST", &path, STAFF, Some(&key), &body)
                    .await?;
            }
        }
        self.bring_the_robot_back().await
    }

    /// The robot can't know any more what became of a dish: somebody looks, there and where the one before stood.
    async fn look_for_a_dish(&mut self, job: &str) -> Option<()> {
        let mut cells = self.rig.made_before();
        cells.push(self.rig.outside().kitchen.dishes());
        let made = cells
            .iter()
            .any(|dishes| dishes.get(job).is_some_and(|d| d.plated > 0));
        self.n += 1;
        let word = if made { "ready" } else { "problem" };
        let path = format!("robot/jobs/{job}/{word}");
        let key = format!("dish-{}", self.n);
        let answer = self
            .rig
            .call("POST", &path, STAFF, Some(&key), &json!({}))
            .await?;
        tracing::debug!(job, word, ?answer, "staff look for a dish");
        Some(())
    }

    /// After an emergency stop somebody looks into the cell, and lets the robot begin again, step by step.
    async fn bring_the_robot_back(&mut self) -> Option<()> {
        let (_, robot) = self
            .rig
            .call("GET", "robot/status", STAFF, None, &Value::Null)
            .await?;
        let detail = robot["detail"].as_str()?;
        tracing::debug!(detail, self.stopped, "the robot");
        let (path, body) = match detail.rsplit(' ').next()? {
            "aborted" => ("robot/clear", json!({"inspected": true})),
            "stopped" => ("robot/reset", json!({})),
            "idle" if self.stopped => ("robot/start", json!({})),
            "execute" => {
                self.stopped = false;
                return Some(());
            }
            _ => return Some(()),
        };
        self.stopped |= path != "robot/start";
        self.n += 1;
        let key = format!("robot-{}", self.n);
        let answer = self
            .rig
            .call("POST", path, STAFF, Some(&key), &body)
            .await?;
        tracing::debug!(path, ?answer, "staff at the robot");
        Some(())
    }
}
