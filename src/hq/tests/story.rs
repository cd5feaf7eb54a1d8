//! Logs of made-up stores, as tests need them: every event is one that a store could have written.

use crate::{
    domain::{
        alert::{Alert, Severity},
        chain::{self, GENESIS},
        event::Body,
        ids::{OrderId, PaymentId, RefundId},
        order::Order,
        payment::{FiscalBy, Payment, PaymentState, Tender},
        receipt::{ReceiptDraft, Registered},
        refund::{Refund, RefundState},
        time::Timestamp,
    },
    sync::{
        Batch, Entry, Summary,
        batch::HexHash,
        health::Health,
        summary::{AlertSummary, ShiftSummary},
    },
};
use serde_json::value::RawValue;
use uuid::Uuid;

/// 2026-08-01 12:00 in UTC.
pub(in crate::hq) const START: i64 = super::START;
pub(in crate::hq) const DRIVE: &str = "9999078900001234";

/// A payment that has begun.
pub(in crate::hq) fn payment(id: PaymentId, amount_minor: i64) -> Payment {
    Payment {
        id,
        tender: Tender::SbpQr,
        amount_minor,
        state: PaymentState::Waiting,
        captured_minor: 0,
        refunded_minor: 0,
        started_at: Timestamp::from_millis(START),
        expires_at: None,
        attempt: 1,
        order_number: format!("{}-1", id.0),
        provider_id: None,
        qr_id: None,
        qr_payload: None,
        reference: None,
        reason: None,
        fiscal_by: FiscalBy::Store,
        surplus: false,
        withdrawn: None,
        points: None,
    }
}

/// What the drive says of a document in this shift.
pub(in crate::hq) fn registered(number: u32, shift: u32, day: &str) -> Registered {
    Registered {
        document_number: number,
        fiscal_sign: number,
        drive_number: DRIVE.to_owned(),
        registration_number: None,
        shift_number: Some(shift),
        receipt_number: None,
        local_time: format!("{day}T12:00:00"),
        qr: None,
        printed: None,
    }
}

/// A store's log under way.
#[derive(Clone, Debug)]
pub(in crate::hq) struct Log {
    pub(in crate::hq) entries: Vec<Entry>,
    pub(in crate::hq) at: i64,
    pub(in crate::hq) documents: u32,
}

/// How far an order of a test comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hq) enum Far {
    Placed,
    Paid,
    Receipted,
    Closed,
    /// Handed over, and its receipt is of another sum.
    Wrong,
    /// Handed over, and all of its money went back.
    Refunded,
}

impl Log {
    pub(in crate::hq) fn new() -> Self {
        Self {
            entries: Vec::new(),
            at: START,
            documents: 0,
        }
    }

    pub(in crate::hq) fn push(&mut self, order: Option<OrderId>, body: &Body) {
        self.at += 1_000;
        let (seq, at) = (
            self.entries.len() as u64 + 1,
            Timestamp::from_millis(self.at),
        );
        let text = serde_json::to_string(body).unwrap();
        let previous = self.entries.last().map_or(GENESIS, |e| e.hash.0);
        let hash = chain::link(&previous, seq, at, order, "system", &text);
        self.entries.push(Entry {
            seq,
            at,
            kind: body.kind().to_owned(),
            order_id: order,
            actor: "system".to_owned(),
            body: RawValue::from_string(text).unwrap(),
            hash: HexHash(hash),
        });
    }

    /// The events of an order, so far.
    pub(in crate::hq) fn order(
        n: u128,
        day: &str,
        total_minor: i64,
        shift: u32,
        far: Far,
    ) -> Vec<(OrderId, Body)> {
        let id = OrderId(Uuid::from_u128(n));
        let payment_id = PaymentId(Uuid::from_u128(n));
        let number = u32::try_from(n).unwrap();
        let mut order: Order = super::order(id, day, total_minor);
        order.number = number;
        let mut steps = vec![Body::OrderPlaced {
            order: Box::new(order.clone()),
        }];
        let mut then = |body: Body| {
            order.apply(Timestamp::from_millis(START), &body);
            steps.push(body);
            order.clone()
        };
        if far != Far::Placed {
            then(Body::PaymentStarted {
                payment: payment(payment_id, total_minor),
            });
            then(Body::PaymentCaptured {
                payment_id,
                amount_minor: total_minor,
                reference: None,
            });
            let paid = then(Body::OrderPaid {});
            if far != Far::Paid {
                let mut draft = ReceiptDraft::sale(&paid);
                if far == Far::Wrong {
                    draft.total_minor -= 100;
                }
                let key = draft.key.clone();
                then(Body::ReceiptRequested { draft });
                then(Body::ReceiptRegistered {
                    key,
                    registered: registered(number, shift, day),
                });
                if far != Far::Receipted {
                    then(Body::OrderReady {});
                    then(Body::OrderClosed {});
                }
            }
            if far == Far::Refunded {
                let refund = Refund {
                    id: RefundId(Uuid::from_u128(n)),
                    payment_id,
                    tender: Tender::SbpQr,
                    amount_minor: total_minor,
                    line: None,
                    pieces: Vec::new(),
                    reason: "cold".to_owned(),
                    state: RefundState::Pending,
                    requested_at: Timestamp::from_millis(START),
                    without_receipt: false,
                };
                then(Body::RefundRequested {
                    refund: refund.clone(),
                });
                let given = then(Body::RefundDone {
                    refund_id: refund.id,
                    reference: None,
                });
                let draft = ReceiptDraft::sale_return(&given, &refund);
                let key = draft.key.clone();
                then(Body::ReceiptRequested { draft });
                then(Body::ReceiptRegistered {
                    key,
                    registered: registered(number + 10_000, shift, day),
                });
            }
        }
        steps.into_iter().map(|body| (id, body)).collect()
    }

    pub(in crate::hq) fn sell(
        &mut self,
        n: u128,
        day: &str,
        total_minor: i64,
        shift: u32,
        far: Far,
    ) {
        for (id, body) in Self::order(n, day, total_minor, shift, far) {
            self.push(Some(id), &body);
        }
    }

    pub(in crate::hq) fn open_shift(&mut self, number: u32, day: &str) {
        self.documents += 1;
        self.push(
            None,
            &Body::ShiftOpened {
                number,
                registered: registered(900_000 + self.documents, number, day),
                counters: None,
            },
        );
    }

    pub(in crate::hq) fn post(&mut self, shift: u32, total_minor: i64) {
        self.push(
            None,
            &Body::AccountingPosted {
                shift,
                ref_key: "k".to_owned(),
                number: format!("GLY-{shift}"),
                total_minor,
            },
        );
    }

    pub(in crate::hq) fn alarm(&mut self, key: &str, severity: Severity) {
        let alert = Alert {
            key: key.to_owned(),
            severity,
            title: format!("{key} is wrong"),
            detail: "seen".to_owned(),
            advice: "mend it".to_owned(),
            since_at: Timestamp::from_millis(self.at),
        };
        self.push(None, &Body::AlertRaised { alert });
    }

    pub(in crate::hq) fn calm(&mut self, key: &str) {
        self.push(
            None,
            &Body::AlertCleared {
                key: key.to_owned(),
            },
        );
    }

    /// A batch with the events from `first` on.
    pub(in crate::hq) fn batch(&self, store: &str, first: u64, summary: Option<Summary>) -> Batch {
        let skip = usize::try_from(first - 1).unwrap();
        Batch {
            store_id: store.parse().unwrap(),
            generation: 0,
            stream: 1,
            number: 1,
            first_seq: first,
            previous: None,
            entries: self.entries[skip..].to_vec(),
            summary,
            root: None,
        }
    }
}

/// What a store says of itself.
pub(in crate::hq) fn summary(name: &str, head: u64, health: Health) -> Summary {
    Summary {
        at: Timestamp::from_millis(START),
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        heartbeat_ms: 15_000,
        day: "2026-08-01".to_owned(),
        shift: ShiftSummary::default(),
        head,
        backlog: 0,
        oldest_at: None,
        sales_today_minor: 0,
        orders_today: 0,
        alerts: 0,
        open_alerts: Vec::<AlertSummary>::new(),
        health: Some(Box::new(health)),
    }
}
