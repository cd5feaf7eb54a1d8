//! Guests and staff, who know the store by its public door only: whoever gets no answer repeats the request with
//! the same Idempotency-Key, as a good kiosk does.

use super::rig::{Door, KIOSK, LIMIT, STAFF, TILL, eventually};
use galley::world::{Entropy as _, SeededEntropy};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often a guest looks at the order.
const LOOK: Duration = Duration::from_millis(40);

/// What the guests were told.
#[derive(Debug, Default)]
pub struct Told {
    /// Orders that the store acknowledged: the key that placed each.
    pub acknowledged: BTreeMap<String, String>,
    /// Orders that were paid, as the store said.
    pub captured: BTreeMap<String, i64>,
    /// What must not be.
    pub violations: Vec<String>,
}

/// One of the people who order.
pub struct Guest {
    pub door: Door,
    pub bank: String,
    pub dishes: Vec<String>,
    pub chance: SeededEntropy,
    /// Tells this guest from all others, and a run from others.
    pub name: String,
    pub phone: u64,
    pub told: Arc<Mutex<Told>>,
}

impl Guest {
    /// Orders again and again until `closing`; the last order is lived to its end.
    pub async fn live(self, closing: CancellationToken) {
        let mut visit = 0;
        while !closing.is_cancelled() {
            let name = format!("{}-{visit}", self.name);
            if let Err(why) = self.visit(&name, visit).await {
                self.blame(format!("guest {name}: {why}"));
            }
            visit += 1;
        }
    }

    fn blame(&self, what: String) {
        self.told.lock().unwrap().violations.push(what);
    }

    async fn visit(&self, name: &str, visit: u64) -> Result<(), String> {
        let wish = self.wish(visit);
        let (key, order) = self.place(name, &wish).await?;
        let id = order["id"]
            .as_str()
            .ok_or("an order without id")?
            .to_owned();
        let known = self
            .told
            .lock()
            .unwrap()
            .acknowledged
            .insert(id.clone(), key.clone());
        if let Some(other) = known {
            return Err(format!("order {id} was given to {other} and {key}"));
        }
        if self.chance.below(100) < 10 {
            // A kiosk that lost the answer after all.
            let (status, again) = self.door.post("orders", KIOSK, &key, &wish).await?;
            if status != 201 || again["id"] != order["id"] {
                return Err(format!("the repetition of {key} gave {again}"));
            }
        }
        if self.chance.below(100) < 5 {
            let path = format!("orders/{id}/cancel");
            self.door
                .post(&path, KIOSK, &format!("{name}-cancel"), &json!({}))
                .await?;
            return Ok(());
        }
        if !self.pay(name, &id).await? {
            return Ok(());
        }
        eventually("the dishes", LIMIT * 2, async || {
            let order = self.door.get(&format!("orders/{id}"), KIOSK).await?;
            match order["state"].as_str().unwrap_or_default() {
                "ready" => {
                    let path = format!("orders/{id}/hand-over");
                    let key = format!("{name}-fetch");
                    self.door.post(&path, STAFF, &key, &json!({})).await?;
                    Ok(())
                }
                "closed" | "refunded" | "cancelled" | "expired" => Ok(()),
                state => {
                    tokio::time::sleep(LOOK).await;
                    Err(format!("order {id} is {state}: {order}"))
                }
            }
        })
        .await
    }

    async fn place(&self, name: &str, wish: &Value) -> Result<(String, Value), String> {
        for attempt in 0..600 {
            let key = format!("{name}-place-{attempt}");
            let (status, answer) = self.door.post("orders", KIOSK, &key, wish).await?;
            match status {
                201 => return Ok((key, answer)),
                // The store takes no orders for a while; asking again is a new request.
                409 | 503 => tokio::time::sleep(LOOK * 3).await,
                _ => return Err(format!("the order was refused: {answer}")),
            }
        }
        Err("the store took no orders for a minute".to_owned())
    }

    fn wish(&self, visit: u64) -> Value {
        let mut picked: BTreeMap<&str, u64> = BTreeMap::new();
        for _ in 0..1 + self.chance.below(2) {
            let n = usize::try_from(self.chance.below(self.dishes.len() as u64)).unwrap();
            *picked.entry(&self.dishes[n]).or_default() += 1;
        }
        let lines: Vec<Value> = picked
            .into_iter()
            .map(|(dish_id, quantity)| json!({"dish_id": dish_id, "quantity": quantity}))
            .collect();
        // Everybody has a number of their own, so that a message that comes twice is seen.
        let phone = format!("+7916{:07}", self.phone * 10_000 + visit);
        json!({"language": "en", "service": "here", "lines": lines, "phone": phone})
    }

    /// Pays; false when the order was given up meanwhile.
    async fn pay(&self, name: &str, id: &str) -> Result<bool, String> {
        let mut tender = match self.chance.below(10) {
            0..5 => "sbp_qr",
            5..8 => "card_terminal",
            _ => "cash",
        };
        for attempt in 0..20 {
            let path = format!("orders/{id}/payments");
            let key = format!("{name}-pay-{attempt}");
            let (status, payment) = self
                .door
                .post(&path, KIOSK, &key, &json!({"tender": tender}))
                .await?;
            match (status, payment["slug"].as_str()) {
                (201, _) => {}
                (_, Some("tender_unavailable")) => {
                    tender = "card_terminal";
                    continue;
                }
                (_, Some("already_paid")) => return Ok(true),
                (_, Some("conflict")) => return Ok(false),
                _ => return Err(format!("the payment was refused: {payment}")),
            }
            let payment = payment["id"].as_str().ok_or("a payment without id")?;
            if self.give_money(name, id, payment, tender).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn give_money(
        &self,
        name: &str,
        order: &str,
        payment: &str,
        tender: &str,
    ) -> Result<bool, String> {
        match tender {
            "card_terminal" => {
                let body = json!({"result": "approved", "external_id": format!("pos-{payment}"), "rrn": "000000000001"});
                let path = format!("payments/{payment}/result");
                self.door
                    .post(&path, TILL, &format!("{name}-{payment}"), &body)
                    .await?;
            }
            "cash" => {
                let path = format!("payments/{payment}/confirm");
                self.door
                    .post(&path, STAFF, &format!("{name}-{payment}"), &json!({}))
                    .await?;
            }
            _ => {}
        }
        eventually("the money", LIMIT * 2, async || {
            let seen = self.door.get(&format!("payments/{payment}"), KIOSK).await?;
            match seen["state"].as_str().unwrap_or_default() {
                "captured" => {
                    let sum = seen["amount_minor"].as_i64().unwrap_or(0);
                    let mut told = self.told.lock().unwrap();
                    told.captured.insert(payment.to_owned(), sum);
                    return Ok(true);
                }
                "declined" | "closed" => return Ok(false),
                "waiting" if seen["qr"].is_object() => self.phone_pays(order).await,
                _ => {}
            }
            tokio::time::sleep(LOOK).await;
            Err(seen.to_string())
        })
        .await
    }

    /// The guest's phone knows the code and pays at the bank; whether it worked, the next look tells.
    async fn phone_pays(&self, order: &str) {
        let number = order.replace('-', "");
        let url = format!("{}/__emu/orders", self.bank);
        let Some((200, orders)) = self.door.send(Method::GET, &url, "", None, None).await else {
            return;
        };
        let open = orders.as_array().into_iter().flatten().rfind(|o| {
            o["status"] == 0
                && o["order_number"]
                    .as_str()
                    .is_some_and(|n| n.starts_with(&number))
        });
        if let Some(md_order) = open.and_then(|o| o["provider_id"].as_str()) {
            let url = format!("{}/__emu/orders/{md_order}/pay", self.bank);
            self.door
                .send(Method::POST, &url, "", None, Some(&json!({})))
                .await;
        }
    }
}

/// The staff: gives cash and card money back where the store asks for it.
pub async fn staff(door: Door, run: String) {
    loop {
        tokio::time::sleep(LOOK * 5).await;
        let Ok(alerts) = door.get("alerts", STAFF).await else {
            continue;
        };
        for alert in alerts["alerts"].as_array().into_iter().flatten() {
            let refund = alert["id"]
                .as_str()
                .and_then(|id| id.strip_prefix("refund:"));
            if let Some(refund) = refund {
                let path = format!("refunds/{refund}/confirm");
                let key = format!("{run}-back-{refund}");
                let body = json!({"reference": "by hand"});
                let _ = door.post(&path, STAFF, &key, &body).await;
            }
        }
    }
}
