//! An act on a member's points: held while an order is open, spent when it is paid, given back and taken back with
//! refunds, earned. Its key is the operation's id: the programme does it once.

use super::{Kind, parse, payment_of, refund_of};
use crate::{
    domain::{
        event::Body,
        ids::{MemberId, OrderId},
        loyalty::{Act, PointsMove},
    },
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "loyalty";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose points.
    pub member_id: MemberId,
    /// The order.
    pub order_id: OrderId,
    /// What.
    pub act: Act,
    /// What the points are worth, minor units.
    pub amount_minor: i64,
    /// Key of the hold that is spent, released or given back: a programme elsewhere knows it by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// More, or fewer, in the balance.
    pub change: i64,
    /// The balance after it.
    pub balance: i64,
}

/// What follows.
pub(super) struct Loyalty;

impl Kind for Loyalty {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "A guest's points are not booked"
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let request: Request = parse(&row.request)?;
        let Done { change, balance } = parse(result)?;
        let moved = Body::PointsMoved {
            points: PointsMove {
                member_id: request.member_id,
                op: row.key.clone(),
                act: request.act,
                change,
                balance,
                reason: String::new(),
            },
        };
        let returned = || {
            refund_of(row).map(|refund_id| Body::RefundDone {
                refund_id,
                reference: Some(row.key.clone()),
            })
        };
        Ok(match request.act {
            Act::Hold { .. } => payment_of(row)
                .map(|payment_id| Body::PaymentCaptured {
                    payment_id,
                    amount_minor: request.amount_minor,
                    reference: Some(row.key.clone()),
                })
                .into_iter()
                .collect(),
            Act::Release { .. } => returned().into_iter().collect(),
            Act::GiveBack { .. } => std::iter::once(moved).chain(returned()).collect(),
            _ => vec![moved],
        })
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        let Ok(request) = parse::<Request>(&row.request) else {
            return Vec::new();
        };
        match request.act {
            Act::Hold { .. } => payment_of(row)
                .map(|payment_id| Body::PaymentDeclined {
                    payment_id,
                    reason: refusal.text.clone(),
                    reference: None,
                })
                .into_iter()
                .collect(),
            Act::Release { .. } | Act::GiveBack { .. } => refund_of(row)
                .map(|refund_id| Body::RefundRefused {
                    refund_id,
                    reason: refusal.text.clone(),
                })
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}
