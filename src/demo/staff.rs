//! Plays the people and systems around the till: the card terminal's own link, the cashier, the guest who
//! comes for the dish. They know the store by its public door only, and try again until it answers.

use crate::domain::time::Timestamp;
use serde::Deserialize;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often they look up.
const LOOK: Duration = Duration::from_millis(400);
/// A guest needs so long with the card or the cash.
const PAYING: Duration = Duration::from_secs(2);
/// A guest takes a ready order after so long.
const FETCHING: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Orders {
    orders: Vec<Order>,
}

#[derive(Deserialize)]
struct Order {
    id: String,
    payments: Vec<Payment>,
}

#[derive(Deserialize)]
struct Payment {
    id: String,
    tender: String,
    state: String,
    amount_minor: i64,
}

/// Plays them until `shutdown`.
pub(super) async fn play(origin: String, shutdown: CancellationToken) {
    let people = People {
        client: super::guests::client(),
        origin,
        seen: Default::default(),
    };
    let mut people = people;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = people.look().await {
            tracing::debug!(%error, "the store does not answer the staff");
        }
    }
}

struct People {
    client: super::guests::Client,
    origin: String,
    /// Since when they know of something to do.
    seen: std::collections::BTreeMap<String, Timestamp>,
}

impl People {
    /// Whether a person has come in at the staff's screen: then cash, refunds and dishes are theirs.
    async fn somebody_is_in(&self) -> anyhow::Result<bool> {
        let url = format!("{}/api/v1/users", self.origin);
        let (_, list) = self.client.get(&url, "demo-staff").await?;
        let mut users = list["users"].as_array().into_iter().flatten();
        Ok(users.any(|u| u["at"].as_array().is_some_and(|at| !at.is_empty())))
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        let person = self.somebody_is_in().await?;
        let placed: Orders = self.list("placed").await?;
        for payment in placed.orders.iter().flat_map(|o| &o.payments) {
            if payment.state != "waiting" || !self.is_time(&payment.id, PAYING) {
                continue;
            }
            let (path, body) = match payment.tender.as_str() {
                "card_terminal" => (
                    "result",
                    serde_json::json!({
                        "result": "approved",
                        "external_id": format!("pos-{}", payment.id),
                        "amount_minor": payment.amount_minor,
                        "rrn": "000000000001",
                    }),
                ),
                "cash" if !person => ("confirm", serde_json::json!({})),
                _ => continue,
            };
            let url = format!("{}/api/v1/payments/{}/{path}", self.origin, payment.id);
            let key = format!("staff-{}", payment.id);
            self.client.post(&url, "demo-staff", &key, &body).await?;
        }
        if person {
            return Ok(());
        }
        let url = format!("{}/api/v1/alerts", self.origin);
        let (_, alerts) = self.client.get(&url, "demo-staff").await?;
        for alert in alerts["alerts"].as_array().into_iter().flatten() {
            let refund = alert["id"]
                .as_str()
                .and_then(|id| id.strip_prefix("refund:"));
            if let Some(refund) = refund.filter(|id| uuid::Uuid::parse_str(id).is_ok())
                && self.is_time(refund, PAYING)
            {
                let url = format!("{}/api/v1/refunds/{refund}/confirm", self.origin);
                let key = format!("back-{refund}");
                let body = serde_json::json!({"reference": "by hand"});
                self.client.post(&url, "demo-staff", &key, &body).await?;
            }
        }
        let ready: Orders = self.list("ready").await?;
        for order in &ready.orders {
            if self.is_time(&order.id, FETCHING) {
                let url = format!("{}/api/v1/orders/{}/hand-over", self.origin, order.id);
                let key = format!("fetch-{}", order.id);
                self.client
                    .post(&url, "demo-staff", &key, &serde_json::json!({}))
                    .await?;
            }
        }
        Ok(())
    }

    async fn list(&self, state: &str) -> anyhow::Result<Orders> {
        let url = format!("{}/api/v1/orders?state={state}&limit=200", self.origin);
        Ok(serde_json::from_value(
            self.client.get(&url, "demo-staff").await?.1,
        )?)
    }

    /// Whether something has been known for so long.
    fn is_time(&mut self, id: &str, after: Duration) -> bool {
        use crate::world::Clock as _;
        let now = crate::world::SystemClock.now();
        let since = *self.seen.entry(id.to_owned()).or_insert(now);
        now.since(since) >= after
    }
}
