//! An order and its life. Its state is worked out from what happened, so that no two facts about it can disagree.

pub use super::order_line::OrderLine;
use super::{
    channel::ChannelOrder,
    contact::ReceiptTo,
    event::Body,
    ids::{JobId, OrderId, PaymentId, RefundId},
    loyalty::Act,
    loyalty_order::OrderLoyalty,
    marking::UnitMark,
    money::{Currency, Money},
    payment::{Payment, PaymentState},
    promotion_sum::Applied,
    receipt::{Receipt, ReceiptDraft, ReceiptKind, Registered},
    refund::{Refund, RefundState},
    text::Language,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a guest asked for, and all that became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The short daily number that is called out.
    pub number: u32,
    /// The store's day it belongs to, `YYYY-MM-DD`.
    pub day: String,
    /// The guest's language.
    pub language: Language,
    /// Eaten here or taken away.
    pub service: Service,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What made it cheaper.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Applied>,
    /// The guest's code, if one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_code: Option<String>,
    /// Sum of the lines less their discounts, minor units.
    pub total_minor: i64,
    /// Of this currency.
    pub currency: Currency,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it was promised.
    pub promised_at: Timestamp,
    /// When it is given up if not paid.
    pub expires_at: Timestamp,
    /// Who placed it.
    pub placed_by: String,
    /// The online channel it came by, where a person typed it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelOrder>,
    /// The guest left a phone number.
    pub has_contact: bool,
    /// Money in.
    pub payments: Vec<Payment>,
    /// Fiscal documents.
    pub receipts: Vec<Receipt>,
    /// Every single dish.
    pub pieces: Vec<Piece>,
    /// Money back.
    pub refunds: Vec<Refund>,
    /// Cancelled or expired, and why.
    pub given_up: Option<GivenUp>,
    /// The paid mark was set.
    pub paid: bool,
    /// The ready mark was set.
    pub ready: bool,
    /// Handed over.
    pub closed: bool,
    /// Codes of its marked units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<UnitMark>,
    /// How the guest wants the receipt; the address is kept apart.
    #[serde(default, skip_serializing_if = "ReceiptTo::is_paper")]
    pub receipt_to: ReceiptTo,
    /// The member of the loyalty programme whose order it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loyalty: Option<OrderLoyalty>,
    /// Where it stands; follows from the rest.
    pub state: OrderState,
}

/// Eaten here or taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Here.
    #[default]
    Here,
    /// To go.
    ToGo,
}

/// Why an order was given up before it was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum GivenUp {
    /// Not paid in time.
    Expired,
    /// By the guest or by staff.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Waits for money.
    Placed,
    /// Paid, waits for the receipt.
    Paid,
    /// The receipt is registered, waits for the robot.
    Receipted,
    /// The robot is at it.
    Cooking,
    /// On the hand-over place.
    Ready,
    /// Handed over.
    Closed,
    /// Given up by the guest or by staff.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// All of the money is on its way back.
    Refunding,
    /// All of the money went back.
    Refunded,
}

impl OrderState {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Receipted => "receipted",
            Self::Cooking => "cooking",
            Self::Ready => "ready",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
        }
    }

    /// All of them, in the order of an order's life.
    pub const ALL: [Self; 10] = [
        Self::Placed,
        Self::Paid,
        Self::Receipted,
        Self::Cooking,
        Self::Ready,
        Self::Closed,
        Self::Cancelled,
        Self::Expired,
        Self::Refunding,
        Self::Refunded,
    ];

    /// Nothing more is to happen, unless money comes late or goes back.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Closed | Self::Cancelled | Self::Expired | Self::Refunded
        )
    }
}

/// One dish of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Index of its line.
    pub line: usize,
    /// Number within the line, from 0.
    pub nth: u32,
    /// The current cook job; known from the start, so that stock can be held for it.
    pub job_id: JobId,
    /// Number of the try, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub stage: JobStage,
    /// Thousandths of the planned time.
    pub progress_pm: Option<u16>,
    /// Planned time on the robot in milliseconds.
    pub planned_ms: u64,
    /// Where the dish stands.
    pub slot: Option<String>,
    /// Why the last try failed.
    pub reason: Option<String>,
}

/// Where a dish stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStage {
    /// Not asked for yet.
    Waiting,
    /// The robot is being asked.
    Requested,
    /// In the robot's queue.
    Queued,
    /// The arm is at it.
    Preparing,
    /// On the heat.
    Cooking,
    /// On the hand-over place.
    Plated,
    /// Will not come; its price goes back.
    Failed,
}

/// What a command may not do to an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The order is not open for it.
    #[error("the order is {}", .0.word())]
    State(OrderState),
    /// Its dishes are not all on the hand-over place: there is nothing to hand over, or to call.
    #[error("the order is {}: it is handed over once it is ready", .0.word())]
    NotReady(OrderState),
    /// Nothing was paid that could go back.
    #[error("nothing was paid for this order, so there is nothing to give back")]
    NothingPaid,
    /// Nothing is left to pay.
    #[error("the order is already paid, or a payment is under way")]
    NothingDue,
    /// More than is due.
    #[error("only {due} is due")]
    TooMuch {
        /// What is due.
        due: Money,
    },
    /// More than can go back.
    #[error("at most {left} can be given back")]
    RefundTooLarge {
        /// What is left.
        left: Money,
    },
    /// Fewer dishes of a line can be given back.
    #[error("{left} dishes of line {line} can be given back")]
    NotSoMany {
        /// Index of the line.
        line: usize,
        /// How many are left.
        left: usize,
    },
    /// A marked unit that the order did not sell, or that came back already.
    #[error("this order has no unit {cis} that could come back")]
    NoSuchUnit {
        /// Which.
        cis: String,
    },
    /// Some units of a line come back, and nobody says which.
    #[error(
        "line {line} is marked goods: scan the code of what comes back; any unit will do only where all are the same goods, and when you say so"
    )]
    WhichUnit {
        /// Index of the line.
        line: usize,
    },
    /// No such payment or refund in this order.
    #[error("this order has no such payment")]
    NoSuchPayment,
}

impl Order {
    /// Money in that pays for the order, minor units.
    #[must_use]
    pub fn captured_minor(&self) -> i64 {
        self.payments
            .iter()
            .filter(|p| p.counts_towards_sale())
            .map(|p| p.captured_minor)
            .sum()
    }

    /// All money in, surplus too.
    #[must_use]
    pub fn received_minor(&self) -> i64 {
        self.payments.iter().map(|p| p.captured_minor).sum()
    }

    /// Money that went back.
    #[must_use]
    pub fn refunded_minor(&self) -> i64 {
        self.payments.iter().map(|p| p.refunded_minor).sum()
    }

    /// What is still to be asked for: the total less what is in or under way.
    #[must_use]
    pub fn due_minor(&self) -> i64 {
        if self.given_up.is_some() {
            return 0;
        }
        let pending: i64 = self
            .payments
            .iter()
            .filter(|p| p.covers())
            .map(|p| p.amount_minor)
            .sum();
        (self.total_minor - self.captured_minor() - pending).max(0)
    }

    /// What a dish costs, discounts off, minor units.
    #[must_use]
    pub fn piece_minor(&self, piece: &Piece) -> i64 {
        self.lines
            .get(piece.line)
            .map_or(0, |l| l.piece_minor(piece.nth))
    }

    /// The payment with this id.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.iter().find(|p| p.id == id)
    }

    /// The refund with this id.
    #[must_use]
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|r| r.id == id)
    }

    /// The dish with this cook job.
    #[must_use]
    pub fn piece_of(&self, job: JobId) -> Option<(usize, &Piece)> {
        self.pieces
            .iter()
            .enumerate()
            .find(|(_, p)| p.job_id == job)
    }

    /// The sale receipt, asked for or registered.
    #[must_use]
    pub fn sale_receipt(&self) -> Option<&Receipt> {
        let mut sales = self
            .receipts
            .iter()
            .filter(|r| r.draft.kind == ReceiptKind::Sale && !r.draft.takes_back());
        // One that never was registered, or was wrong, may have been made good by a correction.
        let first = sales.clone().next();
        sales.rfind(|r| r.registered.is_some()).or(first)
    }

    /// Whether every dish is plated or given up.
    #[must_use]
    pub fn all_pieces_settled(&self) -> bool {
        self.pieces
            .iter()
            .all(|p| matches!(p.stage, JobStage::Plated | JobStage::Failed))
    }

    /// Whether the fact is news that this order can take in. What comes twice, too late or out of turn is not:
    /// it must not enter the log.
    #[must_use]
    pub fn takes(&self, body: &Body) -> bool {
        match body {
            Body::OrderPlaced { .. } => false,
            Body::OrderCancelled { .. } | Body::OrderExpired {} => {
                self.given_up.is_none() && !self.paid
            }
            Body::OrderPaid {} => {
                !self.paid && self.given_up.is_none() && self.captured_minor() >= self.total_minor
            }
            Body::OrderReady {} => self.paid && !self.ready,
            Body::OrderClosed {} => self.ready && !self.closed,
            Body::OrderRecalled { .. } => {
                matches!(self.state, OrderState::Ready | OrderState::Closed) && self.ready
            }
            Body::PaymentStarted { payment } => {
                self.given_up.is_none() && !self.paid && self.payment(payment.id).is_none()
            }
            Body::PaymentShown { payment_id, .. } => self
                .payment(*payment_id)
                .is_some_and(|p| p.state == PaymentState::Registering),
            // Money may come after the payment was taken for closed: it is taken in, and goes back.
            Body::PaymentCaptured { payment_id, .. } => self
                .payment(*payment_id)
                .is_some_and(|p| p.state != PaymentState::Captured),
            Body::PaymentDeclined { payment_id, .. } | Body::PaymentClosed { payment_id, .. } => {
                self.payment(*payment_id).is_some_and(Payment::is_live)
            }
            Body::PaymentWithdrawn { payment_id, .. } => {
                self.payment(*payment_id).is_some_and(Payment::covers)
            }
            Body::ReceiptRequested { draft } => {
                self.receipts.iter().all(|r| r.draft.key != draft.key)
            }
            // One correction an order of a sale that has no receipt; and of a receipt that is wrong, one that takes it
            // back and one that is right.
            Body::CorrectionRequested { draft } if draft.corrects().is_some() => {
                self.receipts.iter().all(|r| r.draft.key != draft.key)
            }
            Body::CorrectionRequested { .. } => {
                self.paid
                    && !self.is_fiscal_elsewhere()
                    && self.sale_receipt().is_none_or(|r| r.registered.is_none())
                    && self.receipts.iter().all(|r| r.draft.correction.is_none())
            }
            Body::MarkScanned { mark } => {
                self.given_up.is_none()
                    && !self.paid
                    && self.marks.iter().all(|m| {
                        m.code.cis != mark.code.cis && (m.line, m.nth) != (mark.line, mark.nth)
                    })
            }
            Body::ReceiptWanted { to } => *to != self.receipt_to,
            // Terms under which points were taken already stay.
            Body::LoyaltyAttached { loyalty } => {
                self.given_up.is_none()
                    && !self.paid
                    && self.loyalty.as_ref() != Some(loyalty)
                    && self.payments.iter().all(|p| p.points.is_none())
            }
            Body::CorrectionRegistered { draft, .. } => self
                .receipts
                .iter()
                .any(|r| r.draft.key == draft.key && r.registered.is_none()),
            Body::ReceiptRegistered { key, .. } => self
                .receipts
                .iter()
                .any(|r| &r.draft.key == key && r.registered.is_none()),
            Body::CookRequested { piece, attempt, .. } => {
                self.pieces.get(*piece).is_some_and(|p| {
                    (p.stage == JobStage::Waiting && *attempt == p.attempt)
                        || (p.stage == JobStage::Failed && *attempt == p.attempt + 1)
                })
            }
            Body::CookSubmitted { job_id } => self
                .piece_of(*job_id)
                .is_some_and(|(_, p)| p.stage == JobStage::Requested),
            Body::CookProgressed {
                job_id,
                stage,
                progress_pm,
            } => self.piece_of(*job_id).is_some_and(|(_, p)| {
                p.stage < JobStage::Plated
                    && (*stage > p.stage || (*stage == p.stage && *progress_pm > p.progress_pm))
            }),
            Body::CookPlated { job_id, .. } | Body::CookFailed { job_id, .. } => self
                .piece_of(*job_id)
                .is_some_and(|(_, p)| p.stage < JobStage::Plated),
            Body::RefundRequested { refund } => {
                self.refund(refund.id).is_none()
                    && self
                        .payment(refund.payment_id)
                        .is_some_and(|p| refund.amount_minor <= self.refundable_minor(p))
            }
            // What was refused can still be given: by hand, or on another try.
            Body::RefundDone { refund_id, .. } => self.refund(*refund_id).is_some_and(|r| {
                let open = |p| r.amount_minor <= self.refundable_minor(p);
                r.state != RefundState::Done
                    && (r.holds_money() || self.payment(r.payment_id).is_some_and(open))
            }),
            Body::RefundRefused { refund_id, .. } => self
                .refund(*refund_id)
                .is_some_and(|r| !matches!(r.state, RefundState::Done | RefundState::Refused)),
            _ => true,
        }
    }

    /// Takes in what happened. Facts that don't belong to it, or that it knows already, change nothing.
    pub fn apply(&mut self, at: Timestamp, body: &Body) {
        match body {
            Body::OrderCancelled { reason } => {
                self.given_up = Some(GivenUp::Cancelled {
                    reason: reason.clone(),
                });
            }
            Body::OrderExpired {} => self.given_up = Some(GivenUp::Expired),
            Body::OrderPaid {} => {
                self.paid = true;
                self.note_earned();
            }
            Body::MarkScanned { mark } => self.marks.push(mark.clone()),
            Body::MarkReleased { cis } => self.marks.retain(|m| m.code.cis != *cis),
            Body::ReceiptWanted { to } => self.receipt_to = *to,
            Body::LoyaltyAttached { loyalty } => self.loyalty = Some(loyalty.clone()),
            Body::PointsMoved { points } => {
                if let Some(l) = &mut self.loyalty {
                    match points.act {
                        Act::Earn { points, .. } => l.earned += points,
                        Act::TakeBack { points, .. } => l.taken_back += points,
                        _ => {}
                    }
                }
            }
            Body::OrderReady {} => self.ready = true,
            Body::OrderClosed {} => self.closed = true,
            Body::OrderRecalled { .. } => self.closed = false,
            Body::PaymentStarted { payment } => self.payments.push(payment.clone()),
            Body::PaymentShown {
                payment_id,
                provider_id,
                qr_id,
                qr_payload,
            } => {
                if let Some(p) = self.payment_mut(*payment_id) {
                    if p.state == PaymentState::Registering {
                        p.state = PaymentState::Waiting;
                    }
                    p.provider_id.clone_from(provider_id);
                    p.qr_id.clone_from(qr_id);
                    p.qr_payload.clone_from(qr_payload);
                }
            }
            Body::PaymentCaptured {
                payment_id,
                amount_minor,
                reference,
            } => {
                let unwanted = self.given_up.is_some() || self.paid;
                if let Some(p) = self.payment_mut(*payment_id) {
                    let surplus = unwanted || p.withdrawn.is_some();
                    p.state = PaymentState::Captured;
                    p.captured_minor = *amount_minor;
                    p.reference.clone_from(reference);
                    p.surplus = surplus;
                }
            }
            Body::PaymentDeclined {
                payment_id,
                reason,
                reference,
            } => {
                self.end_payment(*payment_id, PaymentState::Declined, reason);
                if let Some(p) = self.payment_mut(*payment_id) {
                    p.reference.clone_from(reference);
                }
            }
            Body::PaymentWithdrawn { payment_id, why } => {
                if let Some(p) = self.payment_mut(*payment_id) {
                    p.withdrawn = Some(*why);
                }
            }
            Body::PaymentClosed { payment_id, reason } => {
                self.end_payment(*payment_id, PaymentState::Closed, reason);
            }
            Body::ReceiptRequested { draft } | Body::CorrectionRequested { draft } => {
                if draft.kind == ReceiptKind::Sale && !draft.takes_back() {
                    self.take_rates(draft);
                }
                self.receipts.push(Receipt {
                    draft: ReceiptDraft::clone(draft),
                    requested_at: at,
                    registered: None,
                });
            }
            Body::ReceiptRegistered { key, registered } => self.registered(key, registered),
            Body::CorrectionRegistered { draft, registered } => {
                self.registered(&draft.key, registered);
            }
            Body::CookRequested {
                piece,
                job_id,
                attempt,
            } => {
                if let Some(p) = self.pieces.get_mut(*piece) {
                    p.job_id = *job_id;
                    p.attempt = *attempt;
                    p.stage = JobStage::Requested;
                    p.progress_pm = None;
                }
            }
            Body::CookSubmitted { job_id } => self.advance(*job_id, JobStage::Queued, None),
            Body::CookProgressed {
                job_id,
                stage,
                progress_pm,
            } => self.advance(*job_id, *stage, *progress_pm),
            Body::CookPlated { job_id, slot } => {
                self.advance(*job_id, JobStage::Plated, Some(1000));
                if let Some(p) = self.piece_mut(*job_id) {
                    p.slot.clone_from(slot);
                }
            }
            Body::CookFailed { job_id, reason, .. } => {
                if let Some(p) = self.piece_mut(*job_id) {
                    p.stage = JobStage::Failed;
                    p.reason = Some(reason.clone());
                }
            }
            Body::RefundRequested { refund } => self.refunds.push(refund.clone()),
            Body::RefundDone { refund_id, .. } => {
                if let Some(r) = self.refunds.iter_mut().find(|r| r.id == *refund_id) {
                    r.state = RefundState::Done;
                    let (payment_id, amount) = (r.payment_id, r.amount_minor);
                    if let Some(p) = self.payment_mut(payment_id) {
                        p.refunded_minor += amount;
                    }
                    self.note_unearned(*refund_id);
                }
            }
            Body::RefundRefused { refund_id, .. } => {
                if let Some(r) = self.refunds.iter_mut().find(|r| r.id == *refund_id) {
                    r.state = RefundState::Refused;
                }
            }
            _ => {}
        }
        self.state = self.worked_out_state();
    }

    fn registered(&mut self, key: &str, registered: &Registered) {
        if let Some(r) = self.receipts.iter_mut().find(|r| r.draft.key == key) {
            r.registered = Some(registered.clone());
        }
    }

    /// A return takes the rates of its sale, so the lines keep them.
    fn take_rates(&mut self, sale: &ReceiptDraft) {
        for (nth, settled) in sale.lines.iter().enumerate() {
            if let Some(line) = self.lines.get_mut(settled.line.unwrap_or(nth)) {
                line.vat = settled.vat;
            }
        }
    }

    fn worked_out_state(&self) -> OrderState {
        let held: i64 = self
            .refunds
            .iter()
            .filter(|r| r.holds_money())
            .map(|r| r.amount_minor)
            .sum();
        let received = self.received_minor();
        // Money of a withdrawn payment may come and go back while the guest pays otherwise.
        let still_to_pay = !self.paid && self.given_up.is_none();
        if still_to_pay {
            OrderState::Placed
        } else if received > 0 && self.refunded_minor() >= received {
            OrderState::Refunded
        } else if received > 0 && held >= received {
            OrderState::Refunding
        } else if self.closed {
            OrderState::Closed
        } else if let Some(how) = &self.given_up {
            match how {
                GivenUp::Expired => OrderState::Expired,
                GivenUp::Cancelled { .. } => OrderState::Cancelled,
            }
        } else if !self.is_fiscal_elsewhere()
            && self.sale_receipt().is_none_or(|r| r.registered.is_none())
        {
            OrderState::Paid
        } else if self.ready {
            OrderState::Ready
        } else if self.pieces.iter().any(|p| p.stage > JobStage::Queued) {
            OrderState::Cooking
        } else {
            OrderState::Receipted
        }
    }

    fn payment_mut(&mut self, id: PaymentId) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|p| p.id == id)
    }

    fn piece_mut(&mut self, job: JobId) -> Option<&mut Piece> {
        self.pieces.iter_mut().find(|p| p.job_id == job)
    }

    fn end_payment(&mut self, id: PaymentId, state: PaymentState, why: &str) {
        if let Some(p) = self.payment_mut(id)
            && p.is_live()
        {
            p.state = state;
            p.reason = Some(why.to_owned());
        }
    }

    /// Stages only go forward: a late report of an earlier one changes nothing.
    fn advance(&mut self, job: JobId, stage: JobStage, progress_pm: Option<u16>) {
        if let Some(p) = self.piece_mut(job)
            && stage >= p.stage
            && p.stage < JobStage::Plated
        {
            p.stage = stage;
            p.progress_pm = progress_pm.or(p.progress_pm);
        }
    }
}
