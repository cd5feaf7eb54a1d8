//! What a member's points are to an order: which part of each dish they pay, what comes back, what is earned. The
//! terms are those of the moment at which the member was named; what is configured later changes no order.

use super::{
    catalog::Catalog,
    ids::{MemberId, RefundId},
    loyalty::{OnReceipt, Programme, of_bp},
    money::Money,
    order::Order,
    order_line::{OrderLine, piece_of},
    payment::{Payment, Tender},
    promotion_sum::LEAST_MINOR,
    refund::RefundState,
};
use serde::{Deserialize, Serialize};

/// The member whose order it is, and the terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLoyalty {
    /// Whose.
    pub member_id: MemberId,
    /// What comes back of money, basis points.
    pub earn_bp: u32,
    /// What a point is worth, minor units.
    pub worth_minor: i64,
    /// How much of the order may be paid by points, basis points.
    pub max_share_bp: u32,
    /// Fewer points are not taken.
    pub least_points: i64,
    /// What points are on the receipt.
    #[serde(default)]
    pub on_receipt: OnReceipt,
    /// Lines that earn nothing and are not paid by points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<usize>,
    /// Points earned.
    #[serde(default)]
    pub earned: i64,
    /// Of them taken back.
    #[serde(default)]
    pub taken_back: i64,
    /// What is to stay earned, refunds off.
    #[serde(default)]
    kept: Unearned,
    /// What the last refund took of it.
    #[serde(default)]
    last: Unearned,
}

/// Points, and the money that earns them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Unearned {
    /// By this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refund: Option<RefundId>,
    points: i64,
    base_minor: i64,
}

impl OrderLoyalty {
    /// The terms of an order for a member who has paid so much in money before.
    #[must_use]
    pub fn new(
        programme: &Programme,
        member_id: MemberId,
        spent_minor: i64,
        lines: &[OrderLine],
        catalog: &Catalog,
    ) -> Self {
        let left_out = |l: &OrderLine| {
            let dish = catalog.dish(&l.dish_id);
            let category = dish.map_or("", |d| d.category.as_str());
            programme.exclude.takes(&l.dish_id, category)
        };
        Self {
            member_id,
            earn_bp: programme.earn_bp_of(spent_minor),
            worth_minor: programme.worth_minor,
            max_share_bp: programme.max_share_bp,
            least_points: programme.least_points,
            on_receipt: programme.on_receipt,
            excluded: (0..lines.len()).filter(|i| left_out(&lines[*i])).collect(),
            earned: 0,
            taken_back: 0,
            kept: Unearned::default(),
            last: Unearned::default(),
        }
    }
}

#[cfg(test)]
impl OrderLoyalty {
    /// 7 % come back, and half of an order may be paid by points.
    pub(super) fn for_tests(
        member_id: MemberId,
        worth_minor: i64,
        on_receipt: OnReceipt,
        excluded: Vec<usize>,
    ) -> Self {
        Self {
            member_id,
            earn_bp: 700,
            worth_minor,
            max_share_bp: 5_000,
            least_points: 1,
            on_receipt,
            excluded,
            earned: 0,
            taken_back: 0,
            kept: Unearned::default(),
            last: Unearned::default(),
        }
    }
}

/// Points of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidPoints {
    /// How many.
    pub points: i64,
    /// What they are on the receipt.
    #[serde(default)]
    pub on_receipt: OnReceipt,
}

/// Whole points that a dish of this price can be paid with: a receipt has no line without a price.
fn room(price_minor: i64, worth_minor: i64) -> i64 {
    (price_minor - LEAST_MINOR).max(0) / worth_minor.max(1)
}

/// Most points that an order can be paid with: `lines` are what each may cost in all and how many dishes it has.
#[must_use]
pub fn most_points(
    total_minor: i64,
    lines: impl Iterator<Item = (i64, u32)>,
    max_share_bp: u32,
    worth_minor: i64,
) -> i64 {
    let room: i64 = lines
        .flat_map(|(net, quantity)| (0..quantity).map(move |nth| piece_of(net, quantity, nth)))
        .map(|price| room(price, worth_minor))
        .sum();
    room.min(of_bp(total_minor.max(0), max_share_bp) / worth_minor.max(1))
}

impl Payment {
    /// It lowers the price on the receipt, and is no money there.
    #[must_use]
    pub fn is_discount(&self) -> bool {
        self.points
            .is_some_and(|p| p.on_receipt == OnReceipt::Discount)
    }
}

impl Order {
    /// Most points that it can be paid with, whatever the member has.
    #[must_use]
    pub fn most_points(&self) -> i64 {
        let Some(l) = &self.loyalty else { return 0 };
        let open = self.lines.iter().enumerate();
        let open = open.filter(|(i, _)| !l.excluded.contains(i));
        most_points(
            self.total_minor,
            open.map(|(_, line)| (line.net_minor(), line.quantity)),
            l.max_share_bp,
            l.worth_minor,
        )
    }

    /// Points that pay for it.
    #[must_use]
    pub fn points_spent(&self) -> i64 {
        let counts = self.payments.iter().filter(|p| p.counts_towards_sale());
        counts.filter_map(|p| p.points).map(|p| p.points).sum()
    }

    /// What points pay of each dish, minor units; whole points each.
    #[must_use]
    pub fn points_shares(&self) -> Vec<i64> {
        let spent = self.points_spent();
        let Some(l) = self.loyalty.as_ref().filter(|_| spent > 0) else {
            return vec![0; self.pieces.len()];
        };
        let rooms: Vec<i64> = self
            .pieces
            .iter()
            .map(|p| match l.excluded.contains(&p.line) {
                true => 0,
                false => room(self.piece_minor(p), l.worth_minor),
            })
            .collect();
        let parts = Money::spread(spent, &rooms);
        parts.into_iter().map(|n| n * l.worth_minor).collect()
    }

    /// What points take off the receipt, minor units.
    #[must_use]
    pub fn points_off_minor(&self) -> i64 {
        let counts = self.payments.iter().filter(|p| p.counts_towards_sale());
        counts
            .filter(|p| p.is_discount())
            .map(|p| p.captured_minor)
            .sum()
    }

    /// What stands on the receipt for each dish, minor units.
    #[must_use]
    pub fn receipt_prices(&self) -> Vec<i64> {
        let off = self.points_off_minor() > 0;
        let shares = self.points_shares();
        let pieces = self.pieces.iter().zip(shares);
        pieces
            .map(|(p, share)| self.piece_minor(p) - if off { share } else { 0 })
            .collect()
    }

    /// What the receipt comes to, minor units.
    #[must_use]
    pub fn receipt_total_minor(&self) -> i64 {
        self.total_minor - self.points_off_minor()
    }

    /// Money that earns, minor units: what was paid in money for dishes that earn, less what went back.
    #[must_use]
    pub fn earning_minor(&self) -> i64 {
        let Some(l) = &self.loyalty else { return 0 };
        let sale = |id| self.payment(id).is_some_and(Payment::counts_towards_sale);
        let back = || {
            let done = self.refunds.iter().filter(|r| r.state == RefundState::Done);
            done.filter(|r| r.tender != Tender::LoyaltyPoints && sale(r.payment_id))
        };
        let (mut whole, mut open, mut gone) = (0, 0, 0);
        for (i, (piece, share)) in self.pieces.iter().zip(self.points_shares()).enumerate() {
            let money = self.piece_minor(piece) - share;
            if back().any(|r| r.pieces.contains(&i)) {
                gone += money;
                continue;
            }
            whole += money;
            if !l.excluded.contains(&piece.line) {
                open += money;
            }
        }
        // What went back beyond the dishes that went back themselves.
        let sums = (back().map(|r| r.amount_minor).sum::<i64>() - gone).max(0);
        // A sum that goes back is of all dishes alike that did not go back themselves.
        let off = match whole {
            0 => 0,
            whole => i64::try_from(i128::from(sums) * i128::from(open) / i128::from(whole))
                .unwrap_or(open),
        };
        (open - off).max(0)
    }

    /// Points for the money that earns.
    #[must_use]
    pub fn points_due(&self) -> i64 {
        self.loyalty.as_ref().map_or(0, |l| {
            Programme::points_for(self.earning_minor(), l.earn_bp, l.worth_minor)
        })
    }

    /// Points that this order would earn when what is still due is paid in money.
    #[must_use]
    pub fn points_promised(&self) -> i64 {
        match &self.loyalty {
            Some(l) if l.earned > 0 => l.earned - l.taken_back,
            Some(_) => self.points_due(),
            None => 0,
        }
    }

    /// The order is paid: so much earns.
    pub(super) fn note_earned(&mut self) {
        let (points, base_minor) = (self.points_due(), self.earning_minor());
        if let Some(l) = &mut self.loyalty {
            l.kept = Unearned {
                refund: None,
                points,
                base_minor,
            };
        }
    }

    /// Money went back: what is earned now is never more than it was before.
    pub(super) fn note_unearned(&mut self, refund: RefundId) {
        let (points, base_minor) = (self.points_due(), self.earning_minor());
        if let Some(l) = &mut self.loyalty {
            let before = l.kept;
            l.kept.points = points.min(before.points);
            l.kept.base_minor = base_minor.min(before.base_minor);
            l.last = Unearned {
                refund: Some(refund),
                points: before.points - l.kept.points,
                base_minor: before.base_minor - l.kept.base_minor,
            };
        }
    }

    /// What a refund that has just gone back takes of the points, and of the money that earned.
    #[must_use]
    pub fn unearned_by(&self, refund: RefundId) -> (i64, i64) {
        let last = self.loyalty.as_ref().map(|l| l.last);
        let last = last.filter(|l| l.refund == Some(refund));
        last.map_or((0, 0), |l| (l.points, l.base_minor))
    }

    /// Money in, points that are no money on the receipt left out, minor units.
    #[must_use]
    pub fn money_received_minor(&self) -> i64 {
        let money = self.payments.iter().filter(|p| !p.is_discount());
        money.map(|p| p.captured_minor).sum()
    }

    /// Money that went back, such points left out, minor units.
    #[must_use]
    pub fn money_refunded_minor(&self) -> i64 {
        let money = self.payments.iter().filter(|p| !p.is_discount());
        money.map(|p| p.refunded_minor).sum()
    }

    /// Points that the order has kept: spent on it, and not given back.
    #[must_use]
    pub fn points_kept(&self) -> i64 {
        self.payments
            .iter()
            .filter(|p| p.counts_towards_sale())
            .filter_map(|p| Some((p, p.points?)))
            .map(|(p, points)| match p.captured_minor {
                0 => 0,
                all => points.points - points.points * p.refunded_minor / all,
            })
            .sum()
    }
}
