//! Refunds: money back.

use super::{
    ids::{PaymentId, RefundId},
    money::Money,
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

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundCause {
    /// A dish did not come.
    Dish,
    /// It came when the order was not open any more.
    Late,
    /// It is more than the order costs.
    Over,
    /// The order was given up when only a part was paid.
    GivenUp,
    /// A person decided so.
    Person,
}

impl RefundCause {
    /// What Galley itself writes as the reason; none of what people write. A dish has its own, [`piece_cause`].
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Late => Some("late"),
            Self::Over => Some("over"),
            Self::GivenUp => Some("given up"),
            Self::Dish | Self::Person => None,
        }
    }
}

/// The reason of a refund for a dish that did not come.
#[must_use]
pub fn piece_cause(piece: usize) -> String {
    format!("dish {piece} did not come")
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

/// Dishes that are to be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Index of the order's line, and how many of it.
    pub lines: Vec<(usize, u32)>,
    /// Marked units, by what identifies them.
    pub units: Vec<String>,
    /// Of marked goods that are all the same, any unit will do: a person says so.
    pub any_unit: bool,
}

impl Refund {
    /// It is done or still can be: the money counts as spoken for.
    #[must_use]
    pub fn holds_money(&self) -> bool {
        self.state != RefundState::Refused
    }
}

impl Order {
    /// Why this refund of it was begun. What Galley begins by itself has an id that follows from its cause, so nobody
    /// can write the words of one.
    #[must_use]
    pub fn cause_of(&self, refund: &Refund) -> RefundCause {
        let Refund {
            id,
            payment_id,
            reason,
            ..
        } = refund;
        if self.id.refund(&format!("{reason}:{payment_id}")) != *id {
            return RefundCause::Person;
        }
        [RefundCause::Late, RefundCause::Over, RefundCause::GivenUp]
            .into_iter()
            .find(|cause| cause.word() == Some(reason))
            .unwrap_or(RefundCause::Dish)
    }

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

    /// Splits a refund of a sum over the captured payments: points go back by their part of what is left, in whole
    /// points, and the rest is money, of the last payment first.
    ///
    /// # Errors
    /// More than can go back, or not above zero.
    pub fn split_refund(&self, amount_minor: i64) -> Result<Vec<(PaymentId, i64)>, OrderError> {
        let left = i128::from(self.left_minor().max(1));
        let part = i128::from(amount_minor) * i128::from(self.points_left_minor()) / left;
        self.split(amount_minor, i64::try_from(part).unwrap_or(0))
    }

    /// Splits what very dishes cost: what points paid of them goes back in points.
    ///
    /// # Errors
    /// More than can go back, or not above zero.
    pub fn split_return(
        &self,
        pieces: &[usize],
        amount_minor: i64,
    ) -> Result<Vec<(PaymentId, i64)>, OrderError> {
        let shares = self.points_shares();
        let points = pieces.iter().filter_map(|i| shares.get(*i)).sum();
        self.split(amount_minor, points)
    }

    /// What of payments in points can still go back, minor units.
    fn points_left_minor(&self) -> i64 {
        let points = self.payments.iter().filter(|p| p.points.is_some());
        points.map(|p| self.refundable_minor(p)).sum()
    }

    fn too_large(&self, left_minor: i64) -> OrderError {
        OrderError::RefundTooLarge {
            left: Money::new(left_minor, self.currency),
        }
    }

    fn split(
        &self,
        amount_minor: i64,
        points_minor: i64,
    ) -> Result<Vec<(PaymentId, i64)>, OrderError> {
        let left_minor = self.left_minor();
        if amount_minor <= 0 || amount_minor > left_minor {
            return Err(self.too_large(left_minor));
        }
        let worth = self.loyalty.as_ref().map_or(1, |l| l.worth_minor.max(1));
        let points_left = self.points_left_minor();
        let money_left = left_minor - points_left;
        let wanted = points_minor.clamp(0, points_left.min(amount_minor)) / worth * worth;
        // What money can't give, points must: a whole one more rather than a part of one.
        let lacking = (amount_minor - money_left).max(0);
        let needed = lacking.div_euclid(worth) + i64::from(lacking.rem_euclid(worth) > 0);
        let points = wanted.max(needed * worth);
        if points > points_left.min(amount_minor) {
            return Err(self.too_large(amount_minor / worth * worth));
        }
        let mut parts = Vec::new();
        for (in_points, mut open) in [(true, points), (false, amount_minor - points)] {
            let payments = self.payments.iter().rev();
            for p in payments.filter(|p| p.points.is_some() == in_points) {
                let part = self.refundable_minor(p).min(open);
                if part > 0 {
                    parts.push((p.id, part));
                    open -= part;
                }
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

    /// All that is left: when dishes went back before, the very dishes that are left, so that the receipt names them.
    #[must_use]
    pub fn all_left(&self) -> (Vec<usize>, i64) {
        let left_minor = self.left_minor();
        if self.refunds.iter().all(|r| r.pieces.is_empty()) {
            return (Vec::new(), left_minor);
        }
        let left = (0..self.pieces.len()).filter(|i| !self.is_returned(*i));
        let left: Vec<usize> = left.collect();
        match self.worth(&left) == left_minor {
            true => (left, left_minor),
            false => (Vec::new(), left_minor),
        }
    }

    fn worth(&self, pieces: &[usize]) -> i64 {
        let pieces = pieces.iter().filter_map(|i| self.pieces.get(*i));
        pieces.map(|p| self.piece_minor(p)).sum()
    }

    /// The dish that a marked unit of this order is, while it has not come back.
    fn sold_unit(&self, cis: &str) -> Option<usize> {
        let mark = self.marks.iter().find(|m| m.code.cis == cis)?;
        let mut pieces = self.pieces.iter();
        let index = pieces.position(|p| (p.line, p.nth) == (mark.line, mark.nth))?;
        (!self.is_returned(index)).then_some(index)
    }

    /// Whether it is all the same which units of a line come back: it is no marked goods, or all of it is one kind of
    /// goods and a person says that any will do.
    fn any_will_do(&self, line: usize, any_unit: bool) -> bool {
        let mut goods = self.marks.iter().filter(|m| m.line == line);
        let Some(first) = goods.next() else {
            return true;
        };
        any_unit && goods.all(|m| m.code.gtin == first.code.gtin)
    }

    /// The dishes whose money goes back when these are given back, and what they cost. Those that are not cooked yet go
    /// first: they need not be cooked any more.
    ///
    /// # Errors
    /// More dishes of a line than are left, a unit that is not of this order or came back already, marked goods of which
    /// nobody says which unit it is, or nothing at all.
    pub fn return_of(&self, given: &Given) -> Result<(Vec<usize>, i64), OrderError> {
        let mut taken: Vec<usize> = Vec::new();
        for cis in &given.units {
            let unit = self.sold_unit(cis).filter(|i| !taken.contains(i));
            taken.push(unit.ok_or_else(|| OrderError::NoSuchUnit { cis: cis.clone() })?);
        }
        for (line, quantity) in &given.lines {
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
            if quantity < left.len() && !self.any_will_do(*line, given.any_unit) {
                return Err(OrderError::WhichUnit { line: *line });
            }
            taken.extend(left.into_iter().take(quantity).map(|(_, i)| i));
        }
        taken.sort_unstable();
        let worth = self.worth(&taken);
        Ok((taken, worth))
    }
}
