//! Refunds: money back.

use super::{
    ids::{PaymentId, RefundId},
    order::{JobStage, Order, OrderError},
    payment::{Payment, Tender},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The bank is being asked.
    Pending,
    /// A person gives the money back, and confirms it.
    AwaitingPerson,
    /// The guest has the money.
    Done,
    /// The bank refused for good; a person must act.
    Refused,
}

/// Money back out of one payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id; the bank knows it too.
    pub id: RefundId,
    /// Out of this payment.
    pub payment_id: PaymentId,
    /// The payment's tender.
    pub tender: Tender,
    /// Minor units.
    pub amount_minor: i64,
    /// The order line it is for, when it is for one dish.
    pub line: Option<usize>,
    /// The very dishes it is for, by their index in the order; none when it is for a sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<usize>,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub state: RefundState,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The money pays for nothing that was sold: it gets no return receipt.
    pub without_receipt: bool,
}

impl Refund {
    /// It is done or still can be: the money counts as spoken for.
    #[must_use]
    pub fn holds_money(&self) -> bool {
        self.state != RefundState::Refused
    }
}

impl Order {
    /// What of a payment can still go back.
    #[must_use]
    pub fn refundable_minor(&self, payment: &Payment) -> i64 {
        let held: i64 = self
            .refunds
            .iter()
            .filter(|r| r.payment_id == payment.id && r.holds_money())
            .map(|r| r.amount_minor)
            .sum();
        payment.captured_minor - held
    }

    /// What of all payments can still go back.
    #[must_use]
    pub fn left_minor(&self) -> i64 {
        self.payments.iter().map(|p| self.refundable_minor(p)).sum()
    }

    /// Splits a refund over the captured payments, the last one first.
    ///
    /// # Errors
    /// More than can go back, or not above zero.
    pub fn split_refund(&self, amount_minor: i64) -> Result<Vec<(PaymentId, i64)>, OrderError> {
        let left_minor = self.left_minor();
        if amount_minor <= 0 || amount_minor > left_minor {
            return Err(OrderError::RefundTooLarge { left_minor });
        }
        let mut open = amount_minor;
        let mut parts = Vec::new();
        for p in self.payments.iter().rev() {
            let part = self.refundable_minor(p).min(open);
            if part > 0 {
                parts.push((p.id, part));
                open -= part;
            }
        }
        Ok(parts)
    }

    /// Whether the money of a dish went back, or is on its way.
    #[must_use]
    pub fn is_returned(&self, piece: usize) -> bool {
        self.refunds
            .iter()
            .any(|r| r.holds_money() && r.pieces.contains(&piece))
    }

    /// How many dishes of a line can still be given back.
    #[must_use]
    pub fn returnable(&self, line: usize) -> usize {
        let of_line = self
            .pieces
            .iter()
            .enumerate()
            .filter(|(_, p)| p.line == line);
        of_line.filter(|(i, _)| !self.is_returned(*i)).count()
    }

    /// The dishes whose money goes back when so many of each line are given back (by index of the line), and what they
    /// cost. Those that are not cooked yet go first: they need not be cooked any more.
    ///
    /// # Errors
    /// More dishes of a line than are left, or nothing at all.
    pub fn return_of(&self, lines: &[(usize, u32)]) -> Result<(Vec<usize>, i64), OrderError> {
        let mut taken: Vec<usize> = Vec::new();
        for (line, quantity) in lines {
            let mut left: Vec<(JobStage, usize)> = self
                .pieces
                .iter()
                .enumerate()
                .filter(|(i, p)| p.line == *line && !self.is_returned(*i) && !taken.contains(i))
                .map(|(i, p)| (p.stage, i))
                .collect();
            left.sort_unstable();
            let quantity = usize::try_from(*quantity).unwrap_or(usize::MAX);
            if quantity == 0 || quantity > left.len() {
                return Err(OrderError::NotSoMany {
                    line: *line,
                    left: left.len(),
                });
            }
            taken.extend(left.into_iter().take(quantity).map(|(_, i)| i));
        }
        taken.sort_unstable();
        let sum = taken.iter().filter_map(|i| self.pieces.get(*i));
        Ok((taken.clone(), sum.map(|p| self.piece_minor(p)).sum()))
    }
}
