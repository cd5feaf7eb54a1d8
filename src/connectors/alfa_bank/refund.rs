//! `bank.refund`: money back.
//!
//! The refund's id is the key: the bank gives money back once for an id, and answers a repeat with success.

use super::{
    AlfaBank,
    client::{By, Found},
    map::{self, Refunded},
    value,
};
use crate::flow::{
    effects::bank_refund::{self, Request},
    executor::{Outcome, Refusal, Resolution},
};

impl AlfaBank {
    pub(super) async fn refund(&self, request: &Request) -> Outcome {
        if let Err(refusal) = map::check_refund(request) {
            return Outcome::Refused(refusal);
        }
        let sent = self
            .client
            .refund(
                &request.provider_id,
                &request.refund_id,
                request.amount_minor,
            )
            .await;
        if let Err(error) = sent {
            return map::act_failed(error);
        }
        // It is done. The status only adds the bank's reference, so its absence is no harm.
        let reference = match self.client.status(By::Id(&request.provider_id)).await {
            Ok(Found::Order(status)) => match map::refunded(&status, request) {
                Refunded::Done(refunded) => refunded.reference,
                Refunded::Wrong(refusal) | Refunded::Refused(refusal)
                    if names_our_refund(&status, request) =>
                {
                    return Outcome::Refused(refusal);
                }
                _ => None,
            },
            Ok(Found::Nowhere) | Err(_) => None,
        };
        Outcome::Done(value(&bank_refund::Refunded {
            amount_minor: request.amount_minor,
            reference,
        }))
    }

    pub(super) async fn resolve_refund(&self, request: &Request) -> Resolution {
        let status = match self.client.status(By::Id(&request.provider_id)).await {
            Ok(Found::Order(status)) => status,
            Ok(Found::Nowhere) => {
                return Resolution::NeedsPerson(Refusal::new(
                    "6",
                    "The bank does not know the order that is to be given back.",
                    "Look the order up in the bank's cabinet by its number, and settle it by hand.",
                ));
            }
            Err(error) => return map::cannot_resolve(error),
        };
        match map::refunded(&status, request) {
            Refunded::Done(refunded) => Resolution::Done(value(&refunded)),
            // A refund that the bank is still busy with may follow; the same id again gives it once.
            Refunded::NotYet => Resolution::NotDone,
            Refunded::Refused(refusal) => Resolution::Refused(refusal),
            Refunded::Wrong(refusal) => Resolution::NeedsPerson(refusal),
        }
    }
}

fn names_our_refund(status: &super::wire::Status, request: &Request) -> bool {
    status
        .refunds
        .iter()
        .any(|r| r.external_refund_id.as_deref() == Some(request.refund_id.as_str()))
}
