//! What the door shows: our values as its JSON.

use super::endings;
use crate::domain::{
    channel::ChannelOrder,
    order::{JobStage, Order, Service},
    payment::{Payment, PaymentState, Unpaid, Withdrawal},
    promotion_sum::Applied,
    receipt::{Correction, ReceiptKind},
    refund::{RefundCause, RefundState},
    text::{Language, Text},
    time::Timestamp,
};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderView {
    /// Its id.
    pub id: Uuid,
    /// The number that is called out.
    pub number: String,
    /// Where it stands.
    pub state: &'static str,
    /// The guest's language.
    #[schema(value_type = String)]
    pub language: Language,
    /// Here or to go.
    #[schema(value_type = String)]
    pub service: Service,
    /// To pay, minor units.
    pub total_minor: i64,
    /// Off by promotions, minor units.
    #[serde(skip_serializing_if = "is_zero")]
    pub discount_minor: i64,
    /// Which promotions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<PromotionView>,
    /// Still to be asked for, minor units.
    pub due_minor: i64,
    /// ISO 4217 letters.
    pub currency: &'static str,
    /// When it was placed.
    #[schema(value_type = i64)]
    pub placed_at: Timestamp,
    /// When it is promised.
    #[schema(value_type = i64)]
    pub promised_at: Timestamp,
    /// When it is given up if not paid.
    #[schema(value_type = i64)]
    pub expires_at: Timestamp,
    /// What was ordered.
    pub lines: Vec<LineView>,
    /// Money in.
    pub payments: Vec<PaymentView>,
    /// Fiscal documents.
    pub receipts: Vec<ReceiptView>,
    /// Every single dish.
    pub dishes: Vec<DishView>,
    /// Money back.
    pub refunds: Vec<RefundView>,
    /// How the guest wants the receipt: `sms` or `email`; on paper when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_to: Option<&'static str>,
    /// The points of the member whose order it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<OrderPointsView>,
    /// The online channel it came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub channel: Option<ChannelOrder>,
    /// What its guest is to know of its end: why it was given up, or why money goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub note: Option<Text>,
    /// The page for the guest's phone; where an order is placed or shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
}

/// An order's points.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderPointsView {
    /// Whose they are.
    pub member: Uuid,
    /// Points that it earns, or has earned.
    pub earns: i64,
    /// They are booked.
    pub earned: bool,
    /// Points that pay for a part of it.
    pub spent: i64,
    /// What a point is worth, minor units.
    pub worth_minor: i64,
}

/// Where a guest's phone follows an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Follow {
    /// The page.
    pub url: String,
    /// Its QR code; it needs no token.
    pub svg_path: String,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// Its index.
    pub line_id: usize,
    /// Which dish.
    pub dish_id: String,
    /// Its name.
    #[schema(value_type = Object)]
    pub name: Text,
    /// How many.
    pub quantity: u32,
    /// What was chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<ChosenView>,
    /// Price of one with its options, minor units.
    pub price_minor: i64,
    /// Before discounts, minor units.
    pub sum_minor: i64,
    /// Off by promotions, minor units.
    #[serde(skip_serializing_if = "is_zero")]
    pub discount_minor: i64,
    /// How many of it can still be given back, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refundable: Option<usize>,
    /// It is marked goods: the units that were scanned, and how many are still to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked: Option<MarkedView>,
}

/// Marked goods of a line.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkedView {
    /// What identifies each scanned unit.
    pub units: Vec<String>,
    /// Of them, those that came back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<String>,
    /// Units whose code is still to be scanned; until then the order can't be paid.
    pub missing: usize,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// What was chosen.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChosenView {
    /// The option.
    #[schema(value_type = Object)]
    pub name: Text,
    /// The choice.
    #[schema(value_type = Object)]
    pub choice: Text,
}

/// A promotion that made the order cheaper.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromotionView {
    /// Its id.
    pub id: String,
    /// Its name.
    #[schema(value_type = Object)]
    pub name: Text,
    /// By how much, minor units.
    pub discount_minor: i64,
}

/// Promotions as the door shows them.
pub(super) fn promotions(applied: &[Applied]) -> Vec<PromotionView> {
    let each = applied.iter().map(|a| PromotionView {
        id: a.id.clone(),
        name: a.name.clone(),
        discount_minor: a.discount_minor,
    });
    each.collect()
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentView {
    /// Its id.
    pub id: Uuid,
    /// Its order.
    pub order_id: Uuid,
    /// How.
    pub tender: &'static str,
    /// `registering`, `waiting`, `captured`, `declined`, `closed`; `unclear` while nobody knows.
    pub state: &'static str,
    /// Minor units.
    pub amount_minor: i64,
    /// Given back, minor units.
    pub refunded_minor: i64,
    /// Points that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<i64>,
    /// The code to pay by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr: Option<QrView>,
    /// Until when the guest may pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub expires_at: Option<Timestamp>,
    /// Why it was given up before it was paid: `asked`, or `no_code` when the bank gave no QR code in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub withdrawn: Option<Withdrawal>,
    /// How it was closed: `time_over`, `refused` by the payer's bank, `not_wanted` any more, or `unpaid` where no more is
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<&'static str>,
    /// Why it was declined or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub reason: Option<Text>,
}

/// A QR code.
#[derive(Debug, Serialize, ToSchema)]
pub struct QrView {
    /// Its text.
    pub payload: String,
    /// Where its picture is.
    pub svg_path: String,
}

/// A receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// `sale` or `sale_return`.
    pub kind: &'static str,
    /// It is a correction receipt: for which day, who and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub correction: Option<Correction>,
    /// `pending` or `registered`.
    pub state: &'static str,
    /// Minor units.
    pub total_minor: i64,
    /// Our key of it (tag 1192).
    pub key: String,
    /// Fiscal document number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_number: Option<u32>,
    /// Fiscal sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_sign: Option<u32>,
    /// Fiscal drive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drive_number: Option<String>,
    /// Text of its QR code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr: Option<String>,
    /// Whether the paper came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printed: Option<bool>,
}

/// One dish.
#[derive(Debug, Serialize, ToSchema)]
pub struct DishView {
    /// Its cook job.
    pub job_id: Uuid,
    /// Index of its line.
    pub line_id: usize,
    /// Which dish.
    pub dish_id: String,
    /// Its name.
    #[schema(value_type = Object)]
    pub name: Text,
    /// `waiting`, `queued`, `preparing`, `cooking`, `plated`, `done` or `failed`.
    pub state: &'static str,
    /// Thousandths of the planned time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_pm: Option<u16>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Number of the try, from 1.
    pub attempt: u32,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundView {
    /// Its id.
    pub id: Uuid,
    /// Minor units.
    pub amount_minor: i64,
    /// How it goes back.
    pub tender: &'static str,
    /// `pending`, `awaiting_person`, `done` or `refused`.
    pub state: &'static str,
    /// Why, in the words of who gave it back.
    pub reason: String,
    /// What began it: `dish` (it did not come), `late` (the money came when the order was over), `over` (more than it
    /// costs), `given_up` (only a part was paid) or `person`.
    pub cause: &'static str,
}

/// An order as the door shows it; `unclear`: payments whose outcome nobody knows at the moment.
#[must_use]
pub fn order(o: &Order, unclear: &BTreeSet<Uuid>) -> OrderView {
    let name_of = |line: usize| {
        o.lines
            .get(line)
            .map(|l| l.name.clone())
            .unwrap_or_default()
    };
    OrderView {
        id: o.id.0,
        number: o.number.to_string(),
        state: o.state.word(),
        language: o.language,
        service: o.service,
        total_minor: o.total_minor,
        discount_minor: o.lines.iter().map(|l| l.discount_minor).sum(),
        promotions: promotions(&o.promotions),
        due_minor: o.due_minor(),
        currency: o.currency.code(),
        placed_at: o.placed_at,
        promised_at: o.promised_at,
        expires_at: o.expires_at,
        lines: o
            .lines
            .iter()
            .enumerate()
            .map(|(line_id, l)| LineView {
                line_id,
                dish_id: l.dish_id.0.clone(),
                name: l.name.clone(),
                quantity: l.quantity,
                options: l
                    .options
                    .iter()
                    .map(|c| ChosenView {
                        name: c.name.clone(),
                        choice: c.choice_name.clone(),
                    })
                    .collect(),
                price_minor: l.price_minor,
                sum_minor: l.sum_minor,
                marked: l.marked.as_ref().map(|_| marked(o, line_id, l.quantity)),
                discount_minor: l.discount_minor,
                refundable: o.paid.then(|| o.returnable(line_id)),
            })
            .collect(),
        payments: o.payments.iter().map(|p| payment(o, p, unclear)).collect(),
        receipts: o
            .receipts
            .iter()
            .map(|r| {
                let done = r.registered.as_ref();
                ReceiptView {
                    kind: match r.draft.kind {
                        ReceiptKind::Sale => "sale",
                        ReceiptKind::SaleReturn => "sale_return",
                    },
                    correction: r.draft.correction.clone(),
                    state: if done.is_some() {
                        "registered"
                    } else {
                        "pending"
                    },
                    total_minor: r.draft.total_minor,
                    key: r.draft.key.clone(),
                    document_number: done.map(|d| d.document_number),
                    fiscal_sign: done.map(|d| d.fiscal_sign),
                    drive_number: done.map(|d| d.drive_number.clone()),
                    qr: done.and_then(|d| d.qr.clone()),
                    printed: done.and_then(|d| d.printed),
                }
            })
            .collect(),
        dishes: o
            .pieces
            .iter()
            .map(|p| DishView {
                job_id: p.job_id.0,
                line_id: p.line,
                dish_id: o
                    .lines
                    .get(p.line)
                    .map(|l| l.dish_id.0.clone())
                    .unwrap_or_default(),
                name: name_of(p.line),
                state: match p.stage {
                    JobStage::Plated if o.closed => "done",
                    stage => stage_word(stage),
                },
                progress_pm: p.progress_pm,
                slot: p.slot.clone(),
                attempt: p.attempt,
                reason: p.reason.clone(),
            })
            .collect(),
        refunds: o
            .refunds
            .iter()
            .map(|r| RefundView {
                id: r.id.0,
                amount_minor: r.amount_minor,
                tender: r.tender.word(),
                state: match r.state {
                    RefundState::Pending => "pending",
                    RefundState::AwaitingPerson => "awaiting_person",
                    RefundState::Done => "done",
                    RefundState::Refused => "refused",
                },
                reason: r.reason.clone(),
                cause: match o.cause_of(r) {
                    RefundCause::Dish => "dish",
                    RefundCause::Late => "late",
                    RefundCause::Over => "over",
                    RefundCause::GivenUp => "given_up",
                    RefundCause::Person => "person",
                },
            })
            .collect(),
        receipt_to: (!o.receipt_to.is_paper()).then(|| o.receipt_to.word()),
        points: o.loyalty.as_ref().map(|l| OrderPointsView {
            member: l.member_id.0,
            earns: o.points_promised(),
            earned: l.earned > 0,
            spent: o.points_kept(),
            worth_minor: l.worth_minor,
        }),
        channel: o.channel.clone(),
        note: endings::of_order(o),
        follow: None,
    }
}

fn marked(o: &Order, line: usize, quantity: u32) -> MarkedView {
    let of_line = || o.marks.iter().filter(|m| m.line == line);
    let units: Vec<String> = of_line().map(|m| m.code.cis.clone()).collect();
    let came_back = |nth: u32| {
        let mut pieces = o.pieces.iter();
        let index = pieces.position(|p| (p.line, p.nth) == (line, nth));
        index.is_some_and(|i| o.is_returned(i))
    };
    let returned = of_line().filter(|m| came_back(m.nth));
    let returned = returned.map(|m| m.code.cis.clone()).collect();
    let missing = usize::try_from(quantity)
        .unwrap_or(0)
        .saturating_sub(units.len());
    MarkedView {
        units,
        returned,
        missing,
    }
}

/// A payment as the door shows it.
#[must_use]
pub fn payment(o: &Order, p: &Payment, unclear: &BTreeSet<Uuid>) -> PaymentView {
    let state = match p.state {
        PaymentState::Registering | PaymentState::Waiting if p.withdrawn.is_some() => "closed",
        PaymentState::Registering | PaymentState::Waiting if unclear.contains(&p.id.0) => "unclear",
        PaymentState::Registering => "registering",
        PaymentState::Waiting => "waiting",
        PaymentState::Captured => "captured",
        PaymentState::Declined => "declined",
        PaymentState::Closed => "closed",
    };
    PaymentView {
        id: p.id.0,
        order_id: o.id.0,
        tender: p.tender.word(),
        state,
        amount_minor: p.amount_minor,
        refunded_minor: p.refunded_minor,
        points: p.points.map(|p| p.points),
        qr: p
            .qr_payload
            .as_ref()
            .filter(|q| p.covers() && !q.is_empty())
            .map(|payload| QrView {
                payload: payload.clone(),
                svg_path: format!("/api/v1/payments/{}/qr.svg", p.id),
            }),
        expires_at: p.expires_at,
        withdrawn: p.withdrawn,
        closed_by: p.unpaid().map(Unpaid::word),
        reason: endings::of_payment(p),
    }
}

/// The word for where a dish stands.
#[must_use]
pub fn stage_word(stage: JobStage) -> &'static str {
    match stage {
        JobStage::Waiting | JobStage::Requested => "waiting",
        JobStage::Queued => "queued",
        JobStage::Preparing => "preparing",
        JobStage::Cooking => "cooking",
        JobStage::Plated => "plated",
        JobStage::Failed => "failed",
    }
}
