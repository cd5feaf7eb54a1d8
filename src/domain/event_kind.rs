//! The words of the kinds.

use super::event::Body;

impl Body {
    /// Its word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MenuApplied { .. } => "menu.applied",
            Self::MenuStopped { .. } => "menu.stopped",
            Self::MenuLifted { .. } => "menu.lifted",
            Self::SalesPaused { .. } => "sales.paused",
            Self::SalesResumed { .. } => "sales.resumed",
            Self::OrderPlaced { .. } => "order.placed",
            Self::OrderCancelled { .. } => "order.cancelled",
            Self::ReceiptWanted { .. } => "order.receipt_wanted",
            Self::LoyaltyJoined { .. } => "loyalty.joined",
            Self::LoyaltyForgotten { .. } => "loyalty.forgotten",
            Self::LoyaltyAttached { .. } => "loyalty.attached",
            Self::PointsMoved { .. } => "points.moved",
            Self::MarkScanned { .. } => "mark.scanned",
            Self::MarkReleased { .. } => "mark.released",
            Self::OrderExpired {} => "order.expired",
            Self::OrderPaid {} => "order.paid",
            Self::OrderReady {} => "order.ready",
            Self::OrderClosed {} => "order.closed",
            Self::OrderRecalled { .. } => "order.recalled",
            Self::PaymentStarted { .. } => "payment.started",
            Self::PaymentShown { .. } => "payment.shown",
            Self::PaymentCaptured { .. } => "payment.captured",
            Self::PaymentDeclined { .. } => "payment.declined",
            Self::PaymentWithdrawn { .. } => "payment.withdrawn",
            Self::PaymentClosed { .. } => "payment.closed",
            Self::ReceiptRequested { .. } => "receipt.requested",
            Self::ReceiptRegistered { .. } => "receipt.registered",
            Self::CorrectionRequested { .. } => "correction.requested",
            Self::CorrectionRegistered { .. } => "correction.registered",
            Self::CookRequested { .. } => "cook.requested",
            Self::CookSubmitted { .. } => "cook.submitted",
            Self::CookProgressed { .. } => "cook.progressed",
            Self::CookPlated { .. } => "cook.plated",
            Self::CookFailed { .. } => "cook.failed",
            Self::RefundRequested { .. } => "refund.requested",
            Self::RefundDone { .. } => "refund.done",
            Self::RefundRefused { .. } => "refund.refused",
            Self::StockMoved { .. } => "stock.moved",
            Self::ShiftOpening {} => "shift.opening",
            Self::ShiftOpened { .. } => "shift.opened",
            Self::ShiftClosing {} => "shift.closing",
            Self::ShiftClosed { .. } => "shift.closed",
            Self::ShiftCounted { .. } => "shift.counted",
            Self::ShiftRefused { .. } => "shift.refused",
            Self::CashRequested { .. } => "cash.requested",
            Self::CashMoved { .. } => "cash.moved",
            Self::CashRefused { .. } => "cash.refused",
            Self::DrawerCounted { .. } => "drawer.counted",
            Self::PrinterAsked { .. } => "printer.asked",
            Self::AccountingPosted { .. } => "accounting.posted",
            Self::MessageSent { .. } => "message.sent",
            Self::UserChanged { .. } => "user.changed",
            Self::SessionOpened { .. } => "session.opened",
            Self::SessionClosed { .. } => "session.closed",
            Self::PinRefused { .. } => "pin.refused",
            Self::ScreenPaired { .. } => "screen.paired",
            Self::ScreenRenamed { .. } => "screen.renamed",
            Self::ScreenRevoked { .. } => "screen.revoked",
            Self::KeyChanged { .. } => "key.changed",
            Self::WebhookChanged { .. } => "webhook.changed",
            Self::CallRaised { .. } => "call.raised",
            Self::CallAnswered { .. } => "call.answered",
            Self::DeviceChanged { .. } => "device.changed",
            Self::AlertRaised { .. } => "alert.raised",
            Self::AlertCleared { .. } => "alert.cleared",
            Self::EffectSettled { .. } => "effect.settled",
            Self::HqApplied { .. } => "hq.applied",
            Self::HqAnswered { .. } => "hq.answered",
            Self::HqRefused { .. } => "hq.refused",
            Self::HqKeyPinned { .. } => "hq.key_pinned",
            Self::BoxFenced { .. } => "box.fenced",
            Self::BoxAdopted { .. } => "box.adopted",
            Self::GuestErased { .. } => "guest.erased",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::JobId;

    #[test]
    fn the_word_of_a_kind_is_the_one_that_is_stored() {
        for body in [
            Body::OrderExpired {},
            Body::ShiftOpening {},
            Body::AlertCleared { key: "k".into() },
            Body::CookSubmitted {
                job_id: JobId(uuid::Uuid::nil()),
            },
        ] {
            let json = serde_json::to_value(&body).unwrap();
            assert_eq!(json["kind"], body.kind());
            assert_eq!(serde_json::from_value::<Body>(json).unwrap(), body);
        }
    }
}
