//! `bank.watch` and `bank.close`: how a registered payment ends.
//!
//! It ends only on proof, which is the order's own status: paid, closed, or, when we never got the bank's id for
//! it, unknown to the bank. The QR code's status, and the answers to `reject.do` and `decline.do`, are hints.

use super::{
    AlfaBank,
    client::{By, CallError, Found},
    map::{self, Standing},
    value,
};
use crate::{
    domain::payment::Unpaid,
    flow::{
        effects::{bank_close, bank_watch, bank_watch::Ended},
        executor::{NotNow, Outcome, Resolution},
    },
};

pub(super) const UNPAID_IN_TIME: &str = Unpaid::TimeOver.reason();
const UNPAID_BY_PAYER: &str = Unpaid::Refused.reason();
const UNPAID_BY_US: &str = Unpaid::NotWanted.reason();
const NEVER_REGISTERED: &str = "The bank does not know this order";

/// An order at the bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub md_order: &'a str,
    pub order_number: &'a str,
    /// Empty when it is not known.
    pub qr_id: &'a str,
    pub amount_minor: i64,
}

impl AlfaBank {
    pub(super) async fn watch(&self, request: &bank_watch::Request) -> Outcome {
        let target = Target {
            md_order: &request.provider_id,
            order_number: &request.order_number,
            qr_id: &request.qr_id,
            amount_minor: request.amount_minor,
        };
        let now = self.clock.now();
        if request.expires_at <= now {
            return self.shut_and_tell(&target, UNPAID_IN_TIME).await;
        }
        let qr = match self.client.qr_status(target.md_order, target.qr_id).await {
            Ok(qr) => qr,
            Err(error) => return map::read_failed(error),
        };
        let dead = matches!(qr.status(), "REJECTED" | "REJECTED_BY_USER");
        let settled = matches!(
            qr.transaction_state.as_deref(),
            Some("DEPOSITED" | "DECLINED")
        );
        if !(dead || settled || qr.status() == "ACCEPTED") {
            return self.later(request.expires_at.since(now));
        }
        match self
            .standing(By::Id(target.md_order), &target, UNPAID_BY_PAYER)
            .await
        {
            // The code can't be paid any more, and there is no other way to pay the order.
            Ok(Standing::Open) if dead => self.shut_and_tell(&target, UNPAID_BY_PAYER).await,
            Ok(Standing::Open) => self.later(request.expires_at.since(now)),
            Ok(standing) => tell(standing, self),
            Err(error) => map::read_failed(error),
        }
    }

    pub(super) async fn close(&self, request: &bank_close::Request) -> Outcome {
        let found;
        let md_order = match request.provider_id.as_deref() {
            Some(id) => id,
            None => {
                match self.look_up(By::Number(&request.order_number)).await {
                    Ok(Found::Order(status)) => found = status,
                    Ok(Found::Nowhere) => return tell(never_registered(), self),
                    Err(error) => return map::read_failed(error),
                }
                match found.md_order() {
                    Some(id) => id,
                    None => {
                        return Outcome::NotSent(NotNow::new(
                            "The bank knows the order, but does not tell its id.",
                            "Ask the bank to raise the shop's status version to 33 or higher.",
                        ));
                    }
                }
            }
        };
        let target = Target {
            md_order,
            order_number: &request.order_number,
            qr_id: request.qr_id.as_deref().unwrap_or(""),
            amount_minor: request.amount_minor,
        };
        self.shut_and_tell(&target, UNPAID_BY_US).await
    }

    /// Reads only. An order that is still open has not ended, and closing it again is safe.
    pub(super) async fn resolve_watch(&self, request: &bank_watch::Request) -> Resolution {
        let target = Target {
            md_order: &request.provider_id,
            order_number: &request.order_number,
            qr_id: &request.qr_id,
            amount_minor: request.amount_minor,
        };
        let standing = self.standing(By::Id(target.md_order), &target, UNPAID_IN_TIME);
        resolution(standing.await)
    }

    /// As [`AlfaBank::resolve_watch`].
    pub(super) async fn resolve_close(&self, request: &bank_close::Request) -> Resolution {
        let by = match request.provider_id.as_deref() {
            Some(id) => By::Id(id),
            None => By::Number(&request.order_number),
        };
        let target = Target {
            md_order: "",
            order_number: &request.order_number,
            qr_id: "",
            amount_minor: request.amount_minor,
        };
        resolution(self.standing(by, &target, UNPAID_BY_US).await)
    }

    /// Closes the code, then the order, then looks what has become of it. Neither closing has to succeed, or
    /// even to arrive: what counts is what the bank says afterwards.
    pub(super) async fn shut(&self, target: &Target<'_>) -> Result<Standing, CallError> {
        self.shut_because(target, UNPAID_IN_TIME).await
    }

    async fn shut_because(&self, target: &Target<'_>, unpaid: &str) -> Result<Standing, CallError> {
        // Both only log their failures, which the client has done.
        let _ = self.client.reject(target.md_order, target.qr_id).await;
        let _ = self
            .client
            .decline(target.md_order, target.order_number)
            .await;
        self.standing(By::Id(target.md_order), target, unpaid).await
    }

    async fn shut_and_tell(&self, target: &Target<'_>, unpaid: &str) -> Outcome {
        match self.shut_because(target, unpaid).await {
            Ok(standing) => tell(standing, self),
            Err(error) => map::read_failed_after_act(error),
        }
    }

    async fn standing(
        &self,
        by: By<'_>,
        target: &Target<'_>,
        unpaid: &str,
    ) -> Result<Standing, CallError> {
        let found = match by {
            By::Id(_) => self.client.status(by).await?,
            By::Number(_) => self.look_up(by).await?,
        };
        match (found, by) {
            (Found::Order(status), _) => Ok(map::standing(&status, target.amount_minor, unpaid)),
            (Found::Nowhere, By::Number(_)) => Ok(never_registered()),
            // The bank itself gave us this id, so this proves nothing but that we ask the wrong shop.
            (Found::Nowhere, By::Id(_)) => Err(CallError::Code {
                code: 6,
                text: "it has registered this order, and does not know it now".into(),
            }),
        }
    }

    fn later(&self, left: std::time::Duration) -> Outcome {
        Outcome::Pending(self.poll_interval.min(left))
    }
}

fn never_registered() -> Standing {
    Standing::Ended(Ended::Unpaid {
        reason: NEVER_REGISTERED.into(),
    })
}

fn tell(standing: Standing, bank: &AlfaBank) -> Outcome {
    match standing {
        Standing::Ended(ended) => Outcome::Done(value(&ended)),
        Standing::Wrong(refusal) => Outcome::Refused(refusal),
        Standing::Open => Outcome::Pending(bank.poll_interval),
    }
}

fn resolution(standing: Result<Standing, CallError>) -> Resolution {
    match standing {
        Ok(Standing::Ended(ended)) => Resolution::Done(value(&ended)),
        Ok(Standing::Open) => Resolution::NotDone,
        Ok(Standing::Wrong(refusal)) => Resolution::NeedsPerson(refusal),
        Err(error) => map::cannot_resolve(error),
    }
}
