//! The proof: orders = payments = receipts = dishes = accounting documents, line by line, to the kopeck.

use super::{
    order::{JobStage, Order, OrderState},
    payment::{Payment, Tender},
    receipt::ReceiptKind,
    refund::Refund,
};
use serde::{Deserialize, Serialize};

/// What of a closed shift reached the accounting system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftBooks {
    /// Number of the shift.
    pub shift: u32,
    /// Sales less returns by the receipts registered in it, minor units.
    pub receipts_minor: i64,
    /// What the accounting document says; none while it is not posted.
    pub posted_minor: Option<i64>,
    /// Documents posted for this shift.
    pub documents: u32,
}

/// One order, as the books have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The order's id.
    pub order_id: String,
    /// Its number.
    pub number: u32,
    /// Its state.
    pub state: OrderState,
    /// Its total, minor units.
    pub total_minor: i64,
    /// Money in.
    pub captured_minor: i64,
    /// Money back.
    pub refunded_minor: i64,
    /// On sale receipts.
    pub receipted_minor: i64,
    /// On return receipts.
    pub returned_minor: i64,
    /// Points that pay for it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub points: i64,
    /// Dishes ordered.
    pub dishes: u32,
    /// Dishes that came.
    pub plated: u32,
    /// Something is still under way.
    pub under_way: bool,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Two things that should be the same and are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The order's number and id, or the shift.
    pub subject: String,
    /// In a sentence.
    pub what: String,
    /// The one side.
    pub left: i64,
    /// The other.
    pub right: i64,
    /// The two are money, minor units; otherwise they are counts.
    #[serde(default)]
    pub money: bool,
}

/// All sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Orders that were paid.
    pub orders: u64,
    /// Money in, minor units.
    pub captured_minor: i64,
    /// Money back.
    pub refunded_minor: i64,
    /// Of money that channels took and receipted, what is left, minor units.
    #[serde(default)]
    pub elsewhere_minor: i64,
    /// On sale receipts.
    pub receipted_minor: i64,
    /// On return receipts.
    pub returned_minor: i64,
    /// Points that pay for orders.
    #[serde(default)]
    pub points: i64,
    /// Points of all members, by their accounts.
    #[serde(default)]
    pub points_balance: i64,
    /// Dishes that came.
    pub cook_jobs_done: u64,
    /// Sales less returns in posted accounting documents.
    pub accounting_minor: i64,
    /// Orders with something still under way.
    pub under_way: u64,
}

/// The whole comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// All sums.
    pub totals: Totals,
    /// Every order with money in it.
    pub lines: Vec<Line>,
    /// Every difference; empty when the books are exact.
    pub differences: Vec<Difference>,
}

/// What the loyalty programme has of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderPoints {
    /// Points spent on it, those that came back off.
    pub spent: i64,
    /// Points earned by it, those that were taken back off.
    pub earned: i64,
}

/// All accounts of the loyalty programme, and all that moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PointsBooks {
    /// In all accounts.
    pub balance: i64,
    /// All changes of balances together.
    pub moved: i64,
    /// Held in all accounts.
    pub held: i64,
    /// All changes of what is held together.
    pub on_hold: i64,
}

/// A refund in points of the sale; it may need no return receipt, and is one all the same.
fn in_points(order: &Order, refund: &Refund) -> bool {
    let payment = order.payment(refund.payment_id);
    refund.tender == Tender::LoyaltyPoints && payment.is_some_and(Payment::counts_towards_sale)
}

/// Adds up orders one by one, so that a day of any size takes the memory of its lines only.
#[derive(Clone, Debug, Default)]
pub struct Reconciler {
    result: Reconciliation,
}

impl Reconciler {
    /// Takes an order in. `under_way`: an effect of it is not finished. `points`: what the programme has of it.
    pub fn order(&mut self, order: &Order, under_way: bool, points: &OrderPoints) {
        let received = order.received_minor();
        if received == 0 && order.receipts.is_empty() {
            return;
        }
        // A wrong receipt and the one that took it back are nothing together.
        let sum = |kind: ReceiptKind| -> (i64, i64) {
            let registered = order.receipts.iter().filter(|r| r.registered.is_some());
            registered.fold((0, 0), |(n, sum), r| match r.draft.takes_back() {
                true if r.draft.kind.opposite() == kind => (n - 1, sum - r.draft.total_minor),
                false if r.draft.kind == kind => (n + 1, sum + r.draft.total_minor),
                _ => (n, sum),
            })
        };
        let (sales, receipted_minor) = sum(ReceiptKind::Sale);
        let (_, returned_minor) = sum(ReceiptKind::SaleReturn);
        let elsewhere = order.is_fiscal_elsewhere();
        let plated = order
            .pieces
            .iter()
            .filter(|p| p.stage == JobStage::Plated)
            .count();
        let line = Line {
            order_id: order.id.to_string(),
            number: order.number,
            state: order.state,
            total_minor: order.total_minor,
            captured_minor: order.money_received_minor(),
            refunded_minor: order.money_refunded_minor(),
            receipted_minor,
            returned_minor,
            points: order.points_kept(),
            dishes: u32::try_from(order.pieces.len()).unwrap_or(u32::MAX),
            plated: u32::try_from(plated).unwrap_or(u32::MAX),
            under_way,
        };
        let t = &mut self.result.totals;
        t.orders += u64::from(order.paid);
        // Money that a channel took and receipted is none of the till's.
        if elsewhere {
            t.elsewhere_minor += line.captured_minor - line.refunded_minor;
        } else {
            t.captured_minor += line.captured_minor;
            t.refunded_minor += line.refunded_minor;
        }
        t.receipted_minor += receipted_minor;
        t.returned_minor += returned_minor;
        t.points += line.points;
        t.cook_jobs_done += u64::from(line.plated);
        t.under_way += u64::from(under_way);
        if !under_way {
            let subject = format!("order {} ({})", line.number, line.order_id);
            let mut check = |what: &str, left: i64, right: i64, money: bool| {
                if left != right {
                    self.result.differences.push(Difference {
                        subject: subject.clone(),
                        what: what.to_owned(),
                        left,
                        right,
                        money,
                    });
                }
            };
            check(
                "money kept differs from money on receipts",
                match elsewhere {
                    true => 0,
                    false => line.captured_minor - line.refunded_minor,
                },
                receipted_minor - returned_minor,
                true,
            );
            check(
                "sale receipts of a paid order",
                sales,
                i64::from(order.paid && !elsewhere),
                false,
            );
            check(
                "points spent by the order differ from the programme's",
                line.points,
                points.spent,
                false,
            );
            if let Some(l) = &order.loyalty {
                check(
                    "points earned by the order differ from the programme's",
                    l.earned - l.taken_back,
                    points.earned,
                    false,
                );
            }
            if order.paid {
                let kept = order.captured_minor()
                    - order
                        .refunds
                        .iter()
                        .filter(|r| elsewhere || !r.without_receipt || in_points(order, r))
                        .filter(|r| r.holds_money())
                        .map(|r| r.amount_minor)
                        .sum::<i64>();
                let owed: i64 = order
                    .pieces
                    .iter()
                    .filter(|p| p.stage != JobStage::Plated)
                    .map(|p| order.piece_minor(p))
                    .sum();
                // A guest may get money back for a dish that came; never the other way round.
                if order.total_minor - owed < kept {
                    check(
                        "money kept is more than the dishes that came cost",
                        kept,
                        order.total_minor - owed,
                        true,
                    );
                }
            }
        }
        self.result.lines.push(line);
    }

    /// Takes the accounts of the loyalty programme in.
    pub fn points(&mut self, books: &PointsBooks) {
        self.result.totals.points_balance = books.balance;
        let pairs = [
            (
                "points in all accounts differ from all that moved",
                books.balance,
                books.moved,
            ),
            (
                "points held differ from those that open orders hold",
                books.held,
                books.on_hold,
            ),
        ];
        for (what, left, right) in pairs {
            if left != right {
                self.result.differences.push(Difference {
                    subject: "loyalty".to_owned(),
                    what: what.to_owned(),
                    left,
                    right,
                    money: false,
                });
            }
        }
    }

    /// Takes a closed shift in.
    pub fn shift(&mut self, books: &ShiftBooks) {
        self.result.totals.accounting_minor += books.posted_minor.unwrap_or(0);
        let mut differ = |what: &str, left: i64, right: i64, money: bool| {
            if left != right {
                self.result.differences.push(Difference {
                    subject: format!("shift {}", books.shift),
                    what: what.to_owned(),
                    left,
                    right,
                    money,
                });
            }
        };
        differ(
            "receipts of the shift differ from its accounting document",
            books.receipts_minor,
            books.posted_minor.unwrap_or(0),
            true,
        );
        let expected = u32::from(books.posted_minor.is_some() || books.receipts_minor != 0);
        differ(
            "accounting documents of the shift",
            i64::from(books.documents),
            i64::from(expected),
            false,
        );
    }

    /// The result.
    #[must_use]
    pub fn finish(self) -> Reconciliation {
        self.result
    }
}
