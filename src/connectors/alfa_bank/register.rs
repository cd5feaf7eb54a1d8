//! `bank.register`: an order at the bank, and its QR code.
//!
//! The order number is the key. Registering it again is refused by the bank with error 1, and then the order
//! that is there is ours: we go on with it. So a lost answer is mended by doing the same again.

use super::{
    AlfaBank,
    client::{By, CallError, Found, NewOrder},
    ending::{Target, UNPAID_IN_TIME},
    map::{self, Standing},
    value,
    wire::Qr,
};
use crate::flow::{
    effects::{
        bank_register::{Registered, Request},
        bank_watch::Ended,
    },
    executor::{NotNow, Outcome, Refusal, Resolution},
};

impl AlfaBank {
    pub(super) async fn register(&self, request: &Request, attempt: u32) -> Outcome {
        if let Err(refusal) = map::check_register(request) {
            return Outcome::Refused(refusal);
        }
        let now = self.clock.now();
        if request.expires_at <= now {
            return self.too_late(request, attempt).await;
        }
        let order = NewOrder {
            order_number: &request.order_number,
            amount_minor: request.amount_minor,
            description: &map::description(&request.description),
            session: request
                .expires_at
                .since(now)
                .saturating_add(self.closing_margin),
        };
        let md_order = match self.client.register(&order).await {
            Ok(md_order) => md_order,
            Err(CallError::Code { code: 1, text }) => match self.adopt(request, &text).await {
                Ok(md_order) => md_order,
                Err(outcome) => return outcome,
            },
            Err(error) => return map::act_failed(error),
        };
        self.get_qr(request, md_order).await
    }

    /// The number is known to the bank: by an earlier attempt of ours, if the order is what we asked for.
    async fn adopt(&self, request: &Request, words: &str) -> Result<String, Outcome> {
        let status = match self.client.status(By::Number(&request.order_number)).await {
            Ok(Found::Order(status)) => status,
            Ok(Found::Nowhere) => {
                return Err(map::act_failed(CallError::Code {
                    code: 1,
                    text: words.to_owned(),
                }));
            }
            Err(error) => return Err(map::read_failed_after_act(error)),
        };
        if status.amount != Some(request.amount_minor) {
            return Err(Outcome::Refused(map::amount_mismatch(
                request.amount_minor,
                status.amount,
            )));
        }
        match map::standing(&status, request.amount_minor, "") {
            Standing::Wrong(refusal) => return Err(Outcome::Refused(refusal)),
            Standing::Ended(Ended::Unpaid { .. }) => return Err(Outcome::Refused(closed())),
            Standing::Open | Standing::Ended(Ended::Paid { .. }) => {}
        }
        status.md_order().map(ToOwned::to_owned).ok_or_else(|| {
            Outcome::Unknown(NotNow::new(
                "The bank knows the order, but does not tell its id.",
                "Ask the bank to raise the shop's status version to 33 or higher.",
            ))
        })
    }

    async fn get_qr(&self, request: &Request, md_order: String) -> Outcome {
        let purpose = map::purpose(&request.description);
        let qr = match self.client.qr(&md_order, &purpose).await {
            Ok(qr) => qr,
            // The order is registered by now, so "nothing was sent" would not be true.
            Err(CallError::NotSent(reason)) => {
                return map::act_failed(CallError::Unknown(reason));
            }
            Err(error) => return map::act_failed(error),
        };
        match (&qr.payload, qr.status()) {
            (Some(payload), _) if !payload.is_empty() => {
                let payload = payload.clone();
                done(md_order, qr, payload)
            }
            // Somebody pays it already: there is nothing to show any more, but everything to watch.
            (_, "ACCEPTED" | "CONFIRMED") => done(md_order, qr, String::new()),
            (_, "REJECTED" | "REJECTED_BY_USER") => Outcome::Refused(closed()),
            _ => Outcome::Unknown(NotNow::new(
                "The bank gave a QR code without its text.",
                "Wait for the bank; if it lasts, ask it whether SBP is switched on for the shop.",
            )),
        }
    }

    /// The guest's time was over before we got through. An earlier attempt may have registered the order.
    async fn too_late(&self, request: &Request, attempt: u32) -> Outcome {
        if attempt <= 1 {
            return Outcome::Refused(expired());
        }
        let status = match self.client.status(By::Number(&request.order_number)).await {
            Ok(Found::Order(status)) => status,
            Ok(Found::Nowhere) => return Outcome::Refused(expired()),
            Err(error) => return map::read_failed(error),
        };
        let Some(md_order) = status.md_order().map(ToOwned::to_owned) else {
            return Outcome::Refused(expired());
        };
        let target = Target {
            md_order: &md_order,
            order_number: &request.order_number,
            qr_id: "",
            amount_minor: request.amount_minor,
        };
        match map::standing(&status, request.amount_minor, "") {
            Standing::Wrong(refusal) => Outcome::Refused(refusal),
            Standing::Ended(Ended::Unpaid { .. }) => Outcome::Refused(expired()),
            Standing::Ended(Ended::Paid { .. }) => done(md_order, Qr::default(), String::new()),
            Standing::Open => match self.shut(&target).await {
                Ok(Standing::Wrong(refusal)) => Outcome::Refused(refusal),
                Ok(Standing::Ended(Ended::Unpaid { .. })) => Outcome::Refused(expired()),
                Ok(Standing::Ended(Ended::Paid { .. })) => {
                    done(md_order, Qr::default(), String::new())
                }
                Ok(Standing::Open) => Outcome::Pending(self.poll_interval),
                Err(error) => map::read_failed_after_act(error),
            },
        }
    }

    /// The order alone is not the result: its QR code is missing, and getting it is safe to repeat. So an
    /// order of ours is "not done" as well, and the next attempt goes on with it.
    pub(super) async fn resolve_register(&self, request: &Request) -> Resolution {
        let status = match self.look_up(By::Number(&request.order_number)).await {
            Ok(Found::Order(status)) => status,
            Ok(Found::Nowhere) => return Resolution::NotDone,
            Err(error) => return map::cannot_resolve(error),
        };
        if status.amount != Some(request.amount_minor) {
            return Resolution::NeedsPerson(map::amount_mismatch(
                request.amount_minor,
                status.amount,
            ));
        }
        match map::standing(&status, request.amount_minor, UNPAID_IN_TIME) {
            Standing::Open | Standing::Ended(Ended::Paid { .. }) => Resolution::NotDone,
            Standing::Ended(Ended::Unpaid { .. }) => Resolution::Refused(closed()),
            Standing::Wrong(refusal) => Resolution::NeedsPerson(refusal),
        }
    }
}

fn done(md_order: String, qr: Qr, qr_payload: String) -> Outcome {
    Outcome::Done(value(&Registered {
        provider_id: md_order,
        qr_id: qr.qr_id.unwrap_or_default(),
        qr_payload,
    }))
}

fn closed() -> Refusal {
    Refusal::new(
        "order_closed",
        "The bank has closed this order, and nothing was paid.",
        "Let the guest try again.",
    )
}

fn expired() -> Refusal {
    Refusal::new(
        "expired",
        "The time to pay was over before the bank could be reached.",
        "Let the guest try again.",
    )
}
