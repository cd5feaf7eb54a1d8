//! Subscriptions of other systems to the log: which events, what of them, where to, and when again. Pure.

use super::time::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Kinds of events that leave the store, and what of each: the name outside, and where it stands in the log's entry.
/// What is not listed stays here: texts that people typed, who did it, and all that is about a person.
pub const KINDS: &[(&str, &[(&str, &str)])] = &[
    (
        "order.placed",
        &[
            ("number", "/order/number"),
            ("service", "/order/service"),
            ("total_minor", "/order/total_minor"),
            ("currency", "/order/currency"),
            ("placed_at", "/order/placed_at"),
            ("promised_at", "/order/promised_at"),
            ("channel", "/order/channel/id"),
            ("channel_number", "/order/channel/number"),
        ],
    ),
    ("order.paid", &[]),
    ("order.cancelled", &[]),
    ("order.expired", &[]),
    ("order.ready", &[]),
    ("order.closed", &[]),
    ("order.recalled", &[("number", "/number")]),
    (
        "payment.started",
        &[
            ("payment_id", "/payment/id"),
            ("tender", "/payment/tender"),
            ("amount_minor", "/payment/amount_minor"),
        ],
    ),
    (
        "payment.captured",
        &[
            ("payment_id", "/payment_id"),
            ("amount_minor", "/amount_minor"),
        ],
    ),
    ("payment.declined", &[("payment_id", "/payment_id")]),
    ("payment.withdrawn", &[("payment_id", "/payment_id")]),
    ("payment.closed", &[("payment_id", "/payment_id")]),
    (
        "receipt.registered",
        &[
            ("document_number", "/registered/document_number"),
            ("fiscal_sign", "/registered/fiscal_sign"),
            ("drive_number", "/registered/drive_number"),
            ("shift_number", "/registered/shift_number"),
            ("receipt_number", "/registered/receipt_number"),
        ],
    ),
    (
        "correction.registered",
        &[
            ("document_number", "/registered/document_number"),
            ("fiscal_sign", "/registered/fiscal_sign"),
            ("drive_number", "/registered/drive_number"),
        ],
    ),
    ("cook.submitted", &[("job_id", "/job_id")]),
    ("cook.plated", &[("job_id", "/job_id"), ("slot", "/slot")]),
    ("cook.failed", &[("job_id", "/job_id"), ("retry", "/retry")]),
    (
        "refund.requested",
        &[
            ("refund_id", "/refund/id"),
            ("payment_id", "/refund/payment_id"),
            ("amount_minor", "/refund/amount_minor"),
        ],
    ),
    ("refund.done", &[("refund_id", "/refund_id")]),
    ("refund.refused", &[("refund_id", "/refund_id")]),
    ("stock.moved", &[("movements", "/movements")]),
    ("shift.opened", &[("number", "/number")]),
    ("shift.closed", &[("number", "/number")]),
    ("menu.applied", &[("version", "/version")]),
    (
        "menu.stopped",
        &[("what", "/what"), ("until_at", "/stop/until_at")],
    ),
    ("menu.lifted", &[("what", "/what")]),
    (
        "sales.paused",
        &[("what", "/pause/kind"), ("until_at", "/pause/until_at")],
    ),
    ("sales.resumed", &[]),
    (
        "device.changed",
        &[("device", "/device"), ("state", "/state")],
    ),
    (
        "alert.raised",
        &[("key", "/alert/key"), ("severity", "/alert/severity")],
    ),
    ("alert.cleared", &[("key", "/key")]),
    (
        "accounting.posted",
        &[
            ("shift", "/shift"),
            ("document", "/number"),
            ("total_minor", "/total_minor"),
        ],
    ),
];

/// Fields of a movement that leave the store: its reason is a text that people typed.
const MOVEMENT: &[&str] = &["ingredient", "kind", "on_hand", "reserved"];

/// The kind of a test delivery. It is no event.
pub const PING: &str = "ping";

/// What of an entry of the log leaves the store; nothing for kinds that stay here.
#[must_use]
pub fn outward(kind: &str, body: &Value) -> Option<Value> {
    let (_, fields) = KINDS.iter().find(|(k, _)| *k == kind)?;
    let mut data = json!({});
    for (name, place) in *fields {
        match body.pointer(place) {
            None | Some(Value::Null) => {}
            Some(Value::Array(all)) if *name == "movements" => {
                data[*name] = all.iter().map(movement).collect();
            }
            Some(value) => data[*name] = value.clone(),
        }
    }
    // Alerts of doors and calls name people's screens; their kind is enough.
    if let Some(key) = data.get("key").and_then(Value::as_str)
        && let Some((what, _)) = key.split_once(':')
        && ["pin", "call", "webhook"].contains(&what)
    {
        data["key"] = what.into();
    }
    Some(data)
}

fn movement(all: &Value) -> Value {
    let mut told = json!({});
    for name in MOVEMENT {
        if let Some(value) = all.get(*name) {
            told[*name] = value.clone();
        }
    }
    told
}

/// Whether events of this kind leave the store.
#[must_use]
pub fn is_outward(kind: &str) -> bool {
    KINDS.iter().any(|(k, _)| *k == kind)
}

/// Whether a kind is among those wanted: `order.placed`, `order.*`, `*`.
#[must_use]
pub fn wants(patterns: &[String], kind: &str) -> bool {
    is_outward(kind)
        && patterns.iter().any(|p| match p.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => p == kind,
        })
}

/// Checks the kinds that are wanted; in order, once each.
///
/// # Errors
/// In words, when one fits nothing.
pub fn check_kinds(patterns: &[String]) -> Result<Vec<String>, String> {
    let mut all = patterns.to_vec();
    all.sort();
    all.dedup();
    if all.is_empty() {
        return Err("say which events: order.placed, order.*, or * for all".to_owned());
    }
    for p in &all {
        let plain = match p.strip_suffix('*') {
            Some(start) => start.is_empty() || start.ends_with('.'),
            None => true,
        };
        if !plain || !KINDS.iter().any(|(k, _)| wants(std::slice::from_ref(p), k)) {
            let words: Vec<_> = KINDS.iter().map(|(k, _)| *k).collect();
            return Err(format!(
                "no event is called {p:?}; there are {}, groups such as order.* and * for all",
                words.join(", ")
            ));
        }
    }
    Ok(all)
}

/// How a subscription does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Events are delivered.
    Active,
    /// A person has stopped it.
    Paused,
    /// It failed for so long that a person must look.
    Suspended,
}

impl State {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Suspended]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Its name; no other has it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// Which events.
    pub kinds: Vec<String>,
    /// How it does.
    pub state: State,
    /// Since when.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Until then the former secret signs too.
    pub former_until: Option<Timestamp>,
    /// How its deliveries go.
    pub health: Health,
}

/// How deliveries go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Tries of the event that is due, so far.
    pub attempts: u32,
    /// Since when nothing arrives.
    pub failing_since: Option<Timestamp>,
    /// When the next try is due.
    pub next_at: Option<Timestamp>,
    /// What went wrong last; nothing when the last try arrived.
    pub last_error: Option<String>,
    /// When something arrived last.
    pub delivered_at: Option<Timestamp>,
    /// Which event that was.
    pub delivered_seq: Option<u64>,
    /// How many have arrived.
    pub delivered: u64,
}

/// The reader of the log that a subscription is.
#[must_use]
pub fn reader(name: &str) -> String {
    format!("webhook:{name}")
}

/// The first pause after a failure.
const FIRST: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST: Duration = Duration::from_mins(15);

/// The pause behind the n-th failure in a row, from 1: twice as long each time, and up to a quarter less, by `chance`
/// below 1000, so that stores do not come all at once.
#[must_use]
pub fn pause(failures: u32, chance: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let whole = doubled.min(LONGEST);
    let off = u32::try_from(chance.min(999)).unwrap_or(0);
    whole - whole * off / 4000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|p| (*p).to_owned()).collect()
    }

    #[test]
    fn only_what_is_listed_leaves_the_store() {
        let body = json!({
            "kind": "menu.stopped", "what": {"dish": "plov"},
            "stop": {"since_at": 1, "until_at": 5, "who": "cashier:Anna", "why": "call +79990001122"},
        });
        assert_eq!(
            outward("menu.stopped", &body),
            Some(json!({"what": {"dish": "plov"}, "until_at": 5}))
        );
        let moved = json!({"movements": [{"ingredient": "rice", "kind": "waste", "on_hand": -5, "reserved": 0, "reason": "Anna dropped it"}]});
        let told = outward("stock.moved", &moved).unwrap();
        assert_eq!(told["movements"][0]["on_hand"], -5);
        assert!(!told.to_string().contains("Anna"));
        let alert =
            json!({"alert": {"key": "pin:kiosk:front", "severity": "warning", "detail": "x"}});
        assert_eq!(
            outward("alert.raised", &alert),
            Some(json!({"key": "pin", "severity": "warning"}))
        );
        for inner in [
            "session.opened",
            "user.changed",
            "key.changed",
            "webhook.changed",
            "message.sent",
            "nothing",
        ] {
            assert_eq!(outward(inner, &body), None, "{inner}");
            assert!(!wants(&all(&["*"]), inner), "{inner}");
        }
    }

    #[test]
    fn events_are_chosen_one_by_one_by_group_or_all() {
        assert!(wants(&all(&["order.*"]), "order.paid"));
        assert!(!wants(&all(&["order.*"]), "payment.captured"));
        assert!(wants(&all(&["stock.moved", "order.paid"]), "order.paid"));
        assert_eq!(
            check_kinds(&all(&["order.paid", "*", "order.paid"])),
            Ok(all(&["*", "order.paid"]))
        );
        for bad in [
            "",
            "order",
            "ord*",
            "order.nothing",
            "session.*",
            "pin.refused",
            "ping",
        ] {
            assert!(check_kinds(&all(&[bad])).is_err(), "{bad}");
        }
        assert!(check_kinds(&[]).is_err());
    }

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour() {
        assert_eq!(pause(1, 0), Duration::from_secs(5));
        assert_eq!(pause(2, 0), Duration::from_secs(10));
        assert_eq!(pause(60, 0), Duration::from_mins(15));
        for n in 1..40 {
            let least = pause(n, 999);
            assert!(least < pause(n, 0) && least >= pause(n, 0) * 3 / 4);
        }
    }
}
