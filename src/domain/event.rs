//! Whatever happens in the store, one kind each. The words are frozen once shipped.

use super::{
    alert::Alert,
    contact::ReceiptTo,
    ids::{JobId, MemberId, OrderId, PaymentId, RefundId},
    loyalty::PointsMove,
    loyalty_order::OrderLoyalty,
    marking::UnitMark,
    order::{JobStage, Order},
    payment::{Payment, Withdrawal},
    receipt::{ReceiptDraft, Registered},
    refund::Refund,
    remote::{Answer, DocumentKind},
    scope::Scope,
    shift_report::{CashMove, Counters, DrawerCount},
    staff::Position,
    stock::Movement,
    stops::{Pause, Stop, Stopped},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who did it: `kiosk:front`, `staff:anna`, `system` …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub String);

impl Actor {
    /// Galley itself.
    #[must_use]
    pub fn system() -> Self {
        Self("system".to_owned())
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log, from 1, without holes.
    pub seq: u64,
    /// When, by the box's clock. Order is `seq`, never this.
    pub at: Timestamp,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// Who did it.
    pub actor: Actor,
    /// What.
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Body {
    /// A new catalog is in force.
    #[serde(rename = "menu.applied")]
    MenuApplied {
        /// Its version.
        version: String,
    },

    /// Staff took a dish or an ingredient off sale.
    #[serde(rename = "menu.stopped")]
    MenuStopped {
        /// What.
        what: Stopped,
        /// Since when, until when, by whom and why.
        stop: Stop,
    },
    /// It is on sale again.
    #[serde(rename = "menu.lifted")]
    MenuLifted {
        /// What.
        what: Stopped,
        /// Why.
        why: String,
    },
    /// Staff sell nothing for a while.
    #[serde(rename = "sales.paused")]
    SalesPaused {
        /// What for, until when, by whom and why.
        pause: Pause,
    },
    /// They sell again.
    #[serde(rename = "sales.resumed")]
    SalesResumed {
        /// Why.
        why: String,
    },

    /// A guest ordered; the order as placed.
    #[serde(rename = "order.placed")]
    OrderPlaced {
        /// The order.
        order: Box<Order>,
    },
    /// Given up by the guest or by staff.
    #[serde(rename = "order.cancelled")]
    OrderCancelled {
        /// Why.
        reason: String,
    },
    /// The guest has said how the receipt is wanted; the address is kept apart from the log.
    #[serde(rename = "order.receipt_wanted")]
    ReceiptWanted {
        /// On paper, or where to.
        to: ReceiptTo,
    },
    /// A guest joined the loyalty programme. The number is kept apart from the log.
    #[serde(rename = "loyalty.joined")]
    LoyaltyJoined {
        /// The new member.
        member_id: MemberId,
        /// By what they are known: `phone`, `card` or `phone+card`.
        by: String,
        /// Version of the terms they agreed to.
        terms: String,
    },
    /// A member wants to be forgotten: number, card and name are erased.
    #[serde(rename = "loyalty.forgotten")]
    LoyaltyForgotten {
        /// Who it was.
        member_id: MemberId,
    },
    /// The order is a member's.
    #[serde(rename = "loyalty.attached")]
    LoyaltyAttached {
        /// Whose, and the terms.
        loyalty: OrderLoyalty,
    },
    /// A member's points became more or fewer.
    #[serde(rename = "points.moved")]
    PointsMoved {
        /// Whose, how many, why.
        points: PointsMove,
    },
    /// The marking code of a unit was scanned.
    #[serde(rename = "mark.scanned")]
    MarkScanned {
        /// The unit, and what the printer said of it.
        mark: UnitMark,
    },
    /// A unit was taken out of an unpaid order again.
    #[serde(rename = "mark.released")]
    MarkReleased {
        /// Which.
        cis: String,
    },
    /// Not paid in time.
    #[serde(rename = "order.expired")]
    OrderExpired {},
    /// All of it is paid.
    #[serde(rename = "order.paid")]
    OrderPaid {},
    /// All its dishes stand on the hand-over place (or are refunded).
    #[serde(rename = "order.ready")]
    OrderReady {},
    /// Handed to the guest.
    #[serde(rename = "order.closed")]
    OrderClosed {},

    /// Called again: on the board, or back from the guest when it was handed over by mistake.
    #[serde(rename = "order.recalled")]
    OrderRecalled {
        /// The number that is called out.
        number: u32,
    },

    /// A payment was begun.
    #[serde(rename = "payment.started")]
    PaymentStarted {
        /// The payment as begun.
        payment: Payment,
    },
    /// The guest can pay now.
    #[serde(rename = "payment.shown")]
    PaymentShown {
        /// Which.
        payment_id: PaymentId,
        /// The other side's id.
        provider_id: Option<String>,
        /// The bank's id of the QR code.
        qr_id: Option<String>,
        /// Text of the QR code.
        qr_payload: Option<String>,
    },
    /// The money is in.
    #[serde(rename = "payment.captured")]
    PaymentCaptured {
        /// Which.
        payment_id: PaymentId,
        /// Minor units.
        amount_minor: i64,
        /// The other side's reference.
        reference: Option<String>,
    },
    /// The other side refused it.
    #[serde(rename = "payment.declined")]
    PaymentDeclined {
        /// Which.
        payment_id: PaymentId,
        /// Why.
        reason: String,
        /// The other side's reference of the operation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// Not wanted any more: it no longer covers what is due, and money that still comes goes back.
    #[serde(rename = "payment.withdrawn")]
    PaymentWithdrawn {
        /// Which.
        payment_id: PaymentId,
        /// Why.
        why: Withdrawal,
    },
    /// Closed unpaid.
    #[serde(rename = "payment.closed")]
    PaymentClosed {
        /// Which.
        payment_id: PaymentId,
        /// Why.
        reason: String,
    },

    /// A receipt is to be registered.
    #[serde(rename = "receipt.requested")]
    ReceiptRequested {
        /// What it is to say.
        draft: ReceiptDraft,
    },
    /// The fiscal drive gave it a number.
    #[serde(rename = "receipt.registered")]
    ReceiptRegistered {
        /// Our key of it.
        key: String,
        /// What the drive says.
        registered: Registered,
    },

    /// A sale that went without a receipt, or with a wrong one, is to be made good; who and why stand in it.
    #[serde(rename = "correction.requested")]
    CorrectionRequested {
        /// What it is to say.
        draft: ReceiptDraft,
    },
    /// The fiscal drive gave the correction a number.
    #[serde(rename = "correction.registered")]
    CorrectionRegistered {
        /// What it says.
        draft: ReceiptDraft,
        /// What the drive says.
        registered: Registered,
    },

    /// The robot is to cook a dish.
    #[serde(rename = "cook.requested")]
    CookRequested {
        /// The piece.
        piece: usize,
        /// The new job.
        job_id: JobId,
        /// Number of the try, from 1.
        attempt: u32,
    },
    /// The robot has taken the job.
    #[serde(rename = "cook.submitted")]
    CookSubmitted {
        /// Which.
        job_id: JobId,
    },
    /// The robot goes on with it.
    #[serde(rename = "cook.progressed")]
    CookProgressed {
        /// Which.
        job_id: JobId,
        /// Where it stands.
        stage: JobStage,
        /// Thousandths of the planned time.
        progress_pm: Option<u16>,
    },
    /// The dish stands on the hand-over place.
    #[serde(rename = "cook.plated")]
    CookPlated {
        /// Which.
        job_id: JobId,
        /// The place.
        slot: Option<String>,
    },
    /// The dish will not come from this job.
    #[serde(rename = "cook.failed")]
    CookFailed {
        /// Which.
        job_id: JobId,
        /// The robot's reason.
        reason: String,
        /// Another try makes sense.
        retry: bool,
    },

    /// Money is to go back.
    #[serde(rename = "refund.requested")]
    RefundRequested {
        /// The refund as asked for.
        refund: Refund,
    },
    /// The guest has it.
    #[serde(rename = "refund.done")]
    RefundDone {
        /// Which.
        refund_id: RefundId,
        /// The other side's reference.
        reference: Option<String>,
    },
    /// The other side refused for good.
    #[serde(rename = "refund.refused")]
    RefundRefused {
        /// Which.
        refund_id: RefundId,
        /// Why.
        reason: String,
    },

    /// Stock changed.
    #[serde(rename = "stock.moved")]
    StockMoved {
        /// All of it, or nothing.
        movements: Vec<Movement>,
    },

    /// The printer is to open a shift.
    #[serde(rename = "shift.opening")]
    ShiftOpening {},
    /// It did.
    #[serde(rename = "shift.opened")]
    ShiftOpened {
        /// Number in the fiscal drive.
        number: u32,
        /// Fiscal document.
        registered: Registered,
        /// What the printer had counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counters: Option<Box<Counters>>,
    },
    /// The printer is to close the shift.
    #[serde(rename = "shift.closing")]
    ShiftClosing {},
    /// It did, with the Z report.
    #[serde(rename = "shift.closed")]
    ShiftClosed {
        /// Number in the fiscal drive.
        number: u32,
        /// Fiscal document.
        registered: Registered,
        /// What the printer had counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counters: Option<Box<Counters>>,
    },
    /// An X report was printed: what the printer had counted.
    #[serde(rename = "shift.counted")]
    ShiftCounted {
        /// Its counters.
        counters: Box<Counters>,
    },
    /// An act on the shift was refused; it stands as before.
    #[serde(rename = "shift.refused")]
    ShiftRefused {
        /// Why.
        reason: String,
    },

    /// Money is to go into the drawer or out of it, without a sale.
    #[serde(rename = "cash.requested")]
    CashRequested {
        /// Which way, how much, who and why.
        cash: CashMove,
    },
    /// The printer has counted it.
    #[serde(rename = "cash.moved")]
    CashMoved {
        /// Which way, how much, who and why.
        cash: CashMove,
        /// The shift it was counted in.
        shift: u32,
    },
    /// The printer has refused it: nothing was counted.
    #[serde(rename = "cash.refused")]
    CashRefused {
        /// Which way, how much, who and why.
        cash: CashMove,
        /// Why not.
        reason: String,
    },
    /// A person counted the money in the drawer.
    #[serde(rename = "drawer.counted")]
    DrawerCounted {
        /// What lay there, and what should.
        count: Box<DrawerCount>,
    },
    /// A person had the printer do something that is no fiscal document.
    #[serde(rename = "printer.asked")]
    PrinterAsked {
        /// What: `copy_last`, `open_drawer`, `slip`, `set_clock`, `write_table` …
        act: String,
        /// With what.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },

    /// The accounting system has the shift's report.
    #[serde(rename = "accounting.posted")]
    AccountingPosted {
        /// Number of the shift.
        shift: u32,
        /// The document's key there.
        ref_key: String,
        /// The number it got there.
        number: String,
        /// Sales less returns, minor units.
        total_minor: i64,
    },
    /// The provider has taken the message (or it is taken for sent).
    #[serde(rename = "message.sent")]
    MessageSent {
        /// `accepted`, `assumed_sent` or `no_number`.
        state: String,
    },

    /// A person was added, changed or removed.
    #[serde(rename = "user.changed")]
    UserChanged {
        /// Who.
        user_id: Uuid,
        /// Their name.
        name: String,
        /// What they may do.
        role: Position,
        /// `added`, `pin_set`, `disabled`, `enabled` or `removed`.
        act: String,
    },
    /// A person came in with their PIN.
    #[serde(rename = "session.opened")]
    SessionOpened {
        /// Who.
        user_id: Uuid,
        /// Their name.
        name: String,
        /// What they may do.
        role: Position,
        /// Where: a screen.
        door: String,
    },
    /// A person went out.
    #[serde(rename = "session.closed")]
    SessionClosed {
        /// Who.
        user_id: Uuid,
        /// Where.
        door: String,
    },
    /// A wrong PIN.
    #[serde(rename = "pin.refused")]
    PinRefused {
        /// Where.
        door: String,
        /// How many in a row.
        wrong: u32,
    },
    /// A screen was paired.
    #[serde(rename = "screen.paired")]
    ScreenPaired {
        /// Its name.
        name: String,
        /// Its role.
        role: String,
    },
    /// A screen has another name.
    #[serde(rename = "screen.renamed")]
    ScreenRenamed {
        /// The name it had.
        name: String,
        /// The name it has.
        to: String,
    },
    /// A screen may not come in any more.
    #[serde(rename = "screen.revoked")]
    ScreenRevoked {
        /// Its name.
        name: String,
        /// Its role.
        role: String,
    },
    /// A key of another system was made, renewed or revoked.
    #[serde(rename = "key.changed")]
    KeyChanged {
        /// Its name: its writes are of `service:` and this.
        name: String,
        /// What it may do.
        scopes: Vec<Scope>,
        /// `created`, `rotated` or `revoked`.
        act: String,
    },
    /// A subscription to the log was made or changed.
    #[serde(rename = "webhook.changed")]
    WebhookChanged {
        /// Its name.
        name: String,
        /// `created`, `paused`, `resumed`, `suspended`, `rotated`, `rewound` or `removed`.
        act: String,
    },
    /// A guest at a kiosk called for a person.
    #[serde(rename = "call.raised")]
    CallRaised {
        /// The call.
        call_id: Uuid,
        /// The kiosk.
        door: String,
        /// Why, a word.
        why: String,
    },
    /// A person went to the guest.
    #[serde(rename = "call.answered")]
    CallAnswered {
        /// The call.
        call_id: Uuid,
        /// The kiosk.
        door: String,
    },

    /// A device came or went.
    #[serde(rename = "device.changed")]
    DeviceChanged {
        /// `printer` or `robot`.
        device: String,
        /// `up`, `down` or `refused`.
        state: String,
        /// What was seen.
        detail: String,
    },
    /// Something needs a person.
    #[serde(rename = "alert.raised")]
    AlertRaised {
        /// What, since when, and what to do.
        alert: Alert,
    },
    /// It is over.
    #[serde(rename = "alert.cleared")]
    AlertCleared {
        /// The alert's cause.
        key: String,
    },
    /// A person decided what became of an act that could not be found out.
    #[serde(rename = "effect.settled")]
    EffectSettled {
        /// The effect's key.
        key: String,
        /// `done` or `not_done`.
        outcome: String,
        /// Why.
        reason: String,
    },

    /// A document of headquarters is in force.
    #[serde(rename = "hq.applied")]
    HqApplied {
        /// The message that brought it.
        message_id: Uuid,
        /// Which.
        document: DocumentKind,
        /// Its name at headquarters.
        name: String,
        /// Its version.
        version: u64,
        /// What of it means nothing here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<String>,
    },
    /// A command of headquarters was carried out.
    #[serde(rename = "hq.answered")]
    HqAnswered {
        /// The message that brought it.
        message_id: Uuid,
        /// Its word.
        command: String,
        /// What came of it.
        answer: Answer,
    },
    /// A message of headquarters, or one that says so, was not taken.
    #[serde(rename = "hq.refused")]
    HqRefused {
        /// Its id, if it is signed.
        message_id: Option<Uuid>,
        /// What it was about.
        what: String,
        /// Why.
        reason: String,
    },
    /// Headquarters signs with another key from now on.
    #[serde(rename = "hq.key_pinned")]
    HqKeyPinned {
        /// The message that brought it.
        message_id: Uuid,
        /// The key's id.
        key: String,
        /// The key that counts no more.
        retires: Option<String>,
    },
    /// Another box has taken this store over; this one sells nothing any more.
    #[serde(rename = "box.fenced")]
    BoxFenced {
        /// This box's generation.
        generation: u64,
        /// The other's.
        by: u64,
    },
    /// A box took the store over, with the log that headquarters had.
    #[serde(rename = "box.adopted")]
    BoxAdopted {
        /// Its generation.
        generation: u64,
        /// The last event that headquarters had.
        from_seq: u64,
        /// Events of this box that headquarters did not have, entered behind those.
        again: u64,
        /// Of those, events that did not fit any more and were left out.
        dropped: u64,
    },
    /// What was kept of a guest was erased.
    #[serde(rename = "guest.erased")]
    GuestErased {
        /// How many rows there were.
        rows: u64,
    },
}
