//! The law, the drawer and corrections, through the store's own commands; no printer is needed.

use super::{
    FlowError, Site, commands,
    effects::accounting,
    law,
    record::record,
    testing::{self, plov},
    till::{self, CorrectionWish, LooseSale},
};
use crate::{
    domain::{
        alert::Severity,
        event::{Actor, Body},
        fiscal_law::{DriveFacts, Facts},
        ids::{OrderId, PaymentId, RefundId},
        order::{JobStage, Order, OrderState},
        payment::Tender,
        place::Refused,
        policy::Policy,
        receipt::{Receipt, Registered, Subject, Vat},
        reconcile::Reconciler,
        shift::ShiftState,
        shift_report::{Direction, ShiftReport},
        time::Timestamp,
        vat::VatClass,
    },
    store::{EffectState, StoreError},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

pub(super) struct Shop {
    pub(super) site: Arc<Site>,
    _folder: tempfile::TempDir,
}

fn registered(document_number: u32, shift: u32) -> Registered {
    Registered {
        document_number,
        fiscal_sign: 77,
        drive_number: "9999078900000001".into(),
        registration_number: Some("0000000001000001".into()),
        shift_number: Some(shift),
        receipt_number: None,
        local_time: "2026-11-22T12:00".into(),
        qr: None,
        printed: None,
    }
}

fn correction(served: bool) -> CorrectionWish {
    CorrectionWish {
        who: "Anna Petrova".into(),
        why: "the printer was broken".into(),
        date: None,
        served,
        prescription: None,
    }
}

impl Shop {
    /// A shop at 2026-11-22 08:20 UTC, whose shift is open.
    pub(super) async fn open(change: impl FnOnce(&mut Policy)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start: jiff::Timestamp = "2026-11-22T08:20:00Z".parse().unwrap();
        let start = Timestamp::from_millis(start.as_millisecond());
        let mut policy = Policy::default();
        change(&mut policy);
        let site = testing::site(&folder, start, policy).await;
        let shop = Self {
            site,
            _folder: folder,
        };
        shop.fact(None, Body::ShiftOpening {}).await;
        shop.fact(
            None,
            Body::ShiftOpened {
                number: 7,
                registered: registered(1, 7),
                counters: None,
            },
        )
        .await;
        testing::stock(&shop.site).await;
        shop
    }

    pub(super) async fn command<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut crate::store::Tx<'_>, &super::Context) -> Result<T, FlowError>
        + Send
        + 'static,
    ) -> Result<T, FlowError> {
        self.site.command(Actor("manager:anna".into()), work).await
    }

    async fn fact(&self, order: Option<OrderId>, body: Body) {
        self.command(move |tx, cx| record(tx, cx, order, body))
            .await
            .unwrap();
    }

    async fn tick(&self) {
        self.command(commands::tick).await.unwrap();
    }

    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&crate::store::Snapshot<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.site.store.read(look).await.unwrap()
    }

    async fn place(&self, id: u128) -> Result<Order, FlowError> {
        self.command(move |tx, cx| {
            commands::place_order(
                tx,
                cx,
                OrderId(Uuid::from_u128(id)),
                &plov(),
                &commands::Asks::default(),
            )
        })
        .await
    }

    /// An order that was paid in cash; its receipt is asked for and does not come.
    async fn paid(&self, id: u128) -> Order {
        let order = self.place(id).await.unwrap();
        let payment = PaymentId(Uuid::from_u128(id + 1000));
        let id = order.id;
        self.command(move |tx, cx| {
            commands::start_payment(tx, cx, id, payment, Tender::Cash, None, true)?;
            commands::payment_result(tx, cx, payment, true, None, None)
        })
        .await
        .unwrap()
    }

    async fn end_receipt(&self, order: &Order, state: EffectState) {
        let key = format!("receipt:{}", order.receipts[0].draft.key);
        self.command(move |tx, _| {
            let mut row = tx.snapshot().effect_by_key(&key)?.unwrap();
            row.state = state;
            Ok(tx.put_effect(&row)?)
        })
        .await
        .unwrap();
    }

    async fn order(&self, id: OrderId) -> Order {
        self.read(move |s| s.order(id)).await.unwrap()
    }

    async fn effect(&self, key: &str) -> Option<EffectState> {
        let key = key.to_owned();
        let row = self.read(move |s| s.effect_by_key(&key)).await;
        row.map(|r| r.state)
    }

    async fn know(&self, facts: Facts) {
        self.site
            .store
            .write(move |tx| -> Result<(), StoreError> { tx.put_document(law::FACTS, &facts) })
            .await
            .unwrap();
    }

    async fn alert(&self, key: &'static str) -> Option<(Severity, String)> {
        let alert = self.read(move |s| s.alert(key)).await;
        alert.map(|a| (a.severity, a.detail))
    }

    /// The correction of an order that was asked for, registered.
    async fn register_correction(&self, id: OrderId) -> Receipt {
        let order = self.order(id).await;
        let draft = order.receipts.last().unwrap().draft.clone();
        self.fact(
            Some(id),
            Body::CorrectionRegistered {
                draft,
                registered: registered(5, 7),
            },
        )
        .await;
        self.order(id).await.sale_receipt().cloned().unwrap()
    }
}

fn unsent_since(now: Timestamp, ago: Duration) -> Facts {
    let at = now.as_millis() - i64::try_from(ago.as_millis()).unwrap();
    Facts {
        drive: DriveFacts {
            unsent: 4,
            oldest_unsent_at: Some(Timestamp::from_millis(at)),
            ..DriveFacts::default()
        },
        ..Facts::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_ofd_warns_alarms_and_then_ends_sales_until_it_answers() {
    let shop = Shop::open(|_| {}).await;
    let now = shop.site.world.clock.now();
    for (days, severity) in [
        (2, None),
        (3, Some(Severity::Warning)),
        (20, Some(Severity::Error)),
    ] {
        shop.know(unsent_since(now, DAY * days)).await;
        shop.tick().await;
        assert_eq!(
            shop.alert("fiscal:ofd").await.map(|a| a.0),
            severity,
            "{days}"
        );
        shop.place(u128::from(days)).await.unwrap();
    }
    shop.know(unsent_since(now, DAY * 30)).await;
    let refused = shop.place(90).await;
    let Err(FlowError::NotAccepting(why)) = refused else {
        panic!("{refused:?}");
    };
    for (words, part) in [
        (&why.reason.ru, "налоговой"),
        (&why.reason.uz, "soliq"),
        (&why.reason.en, "tax service"),
    ] {
        assert!(words.contains(part), "{words}");
    }
    shop.know(Facts::default()).await;
    shop.tick().await;
    assert_eq!(shop.alert("fiscal:ofd").await, None);
    shop.place(91).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_raised_once_and_changes_with_its_cause() {
    let shop = Shop::open(|_| {}).await;
    shop.know(unsent_since(shop.site.world.clock.now(), DAY * 4))
        .await;
    for _ in 0..5 {
        shop.tick().await;
    }
    let raised = shop
        .read(|s| {
            Ok(s.events_after(0, 500)?
                .iter()
                .filter(|e| e.kind == "alert.raised")
                .count())
        })
        .await;
    assert_eq!(raised, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shift_is_closed_at_the_set_time_when_no_order_is_under_way() {
    let at = jiff::civil::time(8, 30, 0, 0);
    let shop = Shop::open(|p| p.law.close_at = Some(at)).await;
    let order = shop.paid(1).await;
    shop.tick().await;
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Open);
    tokio::time::sleep(Duration::from_mins(11)).await;
    shop.tick().await;
    // The order still waits for its receipt.
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Open);
    let key = order.receipts[0].draft.key.clone();
    shop.fact(
        Some(order.id),
        Body::ReceiptRegistered {
            key,
            registered: registered(2, 7),
        },
    )
    .await;
    shop.tick().await;
    assert_eq!(
        shop.read(|s| s.shift()).await.state,
        ShiftState::Open,
        "it is being cooked"
    );
    let job_id = shop.order(order.id).await.pieces[0].job_id;
    shop.fact(Some(order.id), Body::CookPlated { job_id, slot: None })
        .await;
    shop.tick().await;
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Closing);
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_was_opened_after_the_set_time_stays_open_until_the_next_day() {
    let at = jiff::civil::time(8, 10, 0, 0);
    let shop = Shop::open(|p| p.law.close_at = Some(at)).await;
    tokio::time::sleep(Duration::from_hours(12)).await;
    shop.tick().await;
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_the_printer_would_not_close_is_asked_for_again_and_not_at_once() {
    let shop = Shop::open(|_| {}).await;
    tokio::time::sleep(Duration::from_mins(23 * 60 + 30)).await;
    shop.tick().await;
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Closing);
    shop.command(|tx, cx| {
        let mut row = tx.snapshot().effect_by_key("shift:1:close")?.unwrap();
        row.state = EffectState::Refused;
        row.ended_at = Some(cx.now);
        tx.put_effect(&row)?;
        let reason = "no".to_owned();
        record(tx, cx, None, Body::ShiftRefused { reason })
    })
    .await
    .unwrap();
    shop.tick().await;
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Open);
    tokio::time::sleep(Duration::from_mins(10)).await;
    shop.tick().await;
    assert_eq!(shop.read(|s| s.shift()).await.state, ShiftState::Closing);
    assert_eq!(
        shop.effect("shift:1:close").await,
        Some(EffectState::Waiting)
    );
}

#[tokio::test(start_paused = true)]
async fn a_sale_whose_receipt_was_refused_gets_one_correction_and_the_books_are_exact() {
    let shop = Shop::open(|_| {}).await;
    let order = shop.paid(1).await;
    shop.end_receipt(&order, EffectState::Refused).await;
    let id = order.id;
    let corrected = shop
        .command(move |tx, cx| till::correct_order(tx, cx, id, &correction(true)))
        .await
        .unwrap();
    assert_eq!(corrected.state, OrderState::Paid);
    let old = format!("receipt:{}", order.receipts[0].draft.key);
    assert_eq!(shop.effect(&old).await, Some(EffectState::Withdrawn));
    let new = format!("correction:{}", corrected.receipts[1].draft.key);
    assert_eq!(shop.effect(&new).await, Some(EffectState::Waiting));
    let again = shop
        .command(move |tx, cx| till::correct_order(tx, cx, id, &correction(true)))
        .await;
    assert!(matches!(again, Err(FlowError::Conflict(_))), "{again:?}");

    let receipt = shop.register_correction(id).await;
    let said = receipt.draft.correction.unwrap();
    assert_eq!(
        (said.who.as_str(), said.why.as_str(), said.date.as_str()),
        ("Anna Petrova", "the printer was broken", "2026-11-22")
    );
    let order = shop.order(id).await;
    assert_eq!(order.state, OrderState::Ready);
    assert!(order.pieces.iter().all(|p| p.stage == JobStage::Plated));
    let mut books = Reconciler::default();
    books.order(&order, false, &Default::default());
    assert_eq!(books.finish().differences, []);
    let third = shop
        .command(move |tx, cx| till::correct_order(tx, cx, id, &correction(true)))
        .await;
    assert!(matches!(third, Err(FlowError::Conflict(_))), "{third:?}");

    // It is in the shift's report, and in accounting's, like a sale.
    let (folder, receipts) = shop
        .read(|s| Ok((s.shift_folder(7)?, s.receipts_of_shift(7)?)))
        .await;
    let report = ShiftReport::of(7, &folder, &receipts, None);
    assert_eq!(
        (report.sales.sum_minor, report.corrections.sum_minor),
        (42_000, 42_000)
    );
    let request =
        accounting::Request::of_shift("S001", "1", 7, "2026-11-22T20:00:00", &receipts, |_| None);
    assert_eq!(request.unwrap().net_minor(), 42_000);
}

#[tokio::test(start_paused = true)]
async fn the_dishes_of_a_corrected_order_are_cooked_unless_the_guest_has_them() {
    let shop = Shop::open(|_| {}).await;
    let order = shop.paid(1).await;
    let id = order.id;
    shop.command(move |tx, cx| till::correct_order(tx, cx, id, &correction(false)))
        .await
        .unwrap();
    shop.register_correction(id).await;
    let order = shop.order(id).await;
    assert_eq!(order.pieces[0].stage, JobStage::Requested);
    let cook = format!("cook:{}", order.pieces[0].job_id);
    assert_eq!(shop.effect(&cook).await, Some(EffectState::Waiting));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_corrected_while_the_receipt_may_still_come_or_is_there() {
    let shop = Shop::open(|_| {}).await;
    for (n, state) in [
        (1, EffectState::Sent),
        (2, EffectState::Unknown),
        (3, EffectState::Person),
    ] {
        let order = shop.paid(n).await;
        shop.end_receipt(&order, state).await;
        let id = order.id;
        let refused = shop
            .command(move |tx, cx| till::correct_order(tx, cx, id, &correction(true)))
            .await;
        assert!(
            matches!(refused, Err(FlowError::Conflict(_))),
            "{refused:?}"
        );
        assert_eq!(shop.order(id).await.receipts.len(), 1);
    }
    let order = shop.paid(4).await;
    let (id, key) = (order.id, order.receipts[0].draft.key.clone());
    shop.fact(
        Some(id),
        Body::ReceiptRegistered {
            key,
            registered: registered(2, 7),
        },
    )
    .await;
    let refused = shop
        .command(move |tx, cx| till::correct_order(tx, cx, id, &correction(true)))
        .await;
    assert!(
        matches!(refused, Err(FlowError::Conflict(_))),
        "{refused:?}"
    );
    let unpaid = shop.place(5).await.unwrap().id;
    let refused = shop
        .command(move |tx, cx| till::correct_order(tx, cx, unpaid, &correction(true)))
        .await;
    assert!(matches!(refused, Err(FlowError::Order(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_correction_has_the_rate_of_its_day_and_an_unknown_rate_is_an_error() {
    let shop = Shop::open(|_| {}).await;
    let sale = |vat: &str| LooseSale {
        sum_minor: 45_000,
        tender: Tender::Cash,
        vat: VatClass(vat.to_owned()),
        name: "Plov".into(),
        subject: Subject::Commodity,
    };
    let correct = async |vat: &str, date: &str, id: u128| {
        let (sale, date) = (sale(vat), date.to_owned());
        shop.command(move |tx, cx| {
            let wish = CorrectionWish {
                date: Some(date),
                ..correction(true)
            };
            till::correct_loose_sale(tx, cx, Uuid::from_u128(id), &sale, &wish)
        })
        .await
    };
    let last_year = correct("standard", "2025-12-31", 1).await.unwrap();
    assert_eq!(last_year.lines[0].vat, Vat::Vat20);
    let this_year = correct("standard", "2026-01-01", 2).await.unwrap();
    assert_eq!(this_year.lines[0].vat, Vat::Vat22);
    for (vat, date) in [
        ("vat22", "2025-12-31"),
        ("food", "2026-01-01"),
        ("standard", "2026-11-23"),
        ("standard", "tomorrow"),
    ] {
        let refused = correct(vat, date, 3).await;
        assert!(
            matches!(refused, Err(FlowError::Invalid(_))),
            "{vat} {date}: {refused:?}"
        );
    }
    // Registered, it is in its shift's books without an order.
    let draft = last_year.clone();
    shop.fact(
        None,
        Body::CorrectionRegistered {
            draft,
            registered: registered(6, 7),
        },
    )
    .await;
    let receipts = shop.read(|s| s.receipts_of_shift(7)).await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].draft, last_year);
}

#[tokio::test(start_paused = true)]
async fn a_dish_whose_rate_the_printer_does_not_know_is_not_sold() {
    let shop = Shop::open(|_| {}).await;
    shop.know(Facts {
        vat: vec![Vat::Vat20, Vat::Vat10],
        ..Facts::default()
    })
    .await;
    let refused = shop.place(1).await;
    assert!(
        matches!(refused, Err(FlowError::Place(Refused::NoVatRate { .. }))),
        "{refused:?}"
    );
    shop.tick().await;
    let (severity, detail) = shop.alert("fiscal:vat").await.unwrap();
    assert!(
        severity == Severity::Error && detail.contains("plov"),
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn cash_in_the_drawer_names_who_and_why_and_is_counted_with_its_shift() {
    let shop = Shop::open(|_| {}).await;
    let move_cash = async |id: u128, sum: i64, who: &'static str, why: &'static str| {
        shop.command(move |tx, cx| {
            till::move_cash(tx, cx, Uuid::from_u128(id), Direction::In, sum, who, why)
        })
        .await
    };
    for (sum, who, why) in [
        (0, "Anna", "change"),
        (-5, "Anna", "change"),
        (5, " ", "change"),
        (5, "Anna", ""),
    ] {
        let refused = move_cash(1, sum, who, why).await;
        assert!(matches!(refused, Err(FlowError::Invalid(_))), "{refused:?}");
    }
    let cash = move_cash(2, 500_000, " Anna Petrova ", "change")
        .await
        .unwrap();
    assert_eq!(cash.who, "Anna Petrova");
    assert_eq!(shop.effect(&cash.key).await, Some(EffectState::Waiting));
    let folder = shop.read(|s| s.shift_folder(7)).await;
    assert!(folder.cash.is_empty(), "the printer has not counted it yet");
    let key = cash.key.clone();
    let row = shop.read(move |s| s.effect_by_key(&key)).await.unwrap();
    let kind = super::effects::kind(&row.kind).unwrap();
    for body in kind.done(&row, &json!({"shift": 7})).unwrap() {
        shop.fact(None, body).await;
    }
    let folder = shop.read(|s| s.shift_folder(7)).await;
    assert_eq!(folder.cash[0].cash, cash);
    let report = ShiftReport::of(7, &folder, &[], None);
    assert_eq!(
        (report.drawer.in_minor, report.drawer.expected_minor),
        (500_000, 500_000)
    );
}

impl Shop {
    /// All of an order that was paid by QR code is to go back, and the bank is being asked.
    async fn asked_back(&self, n: u128) -> (OrderId, RefundId) {
        let order = self.place(n).await.unwrap();
        let (id, payment_id) = (order.id, PaymentId(Uuid::from_u128(n + 1000)));
        self.command(move |tx, cx| {
            commands::start_payment(tx, cx, id, payment_id, Tender::SbpQr, None, true)
        })
        .await
        .unwrap();
        let word = |text: &str| Some(text.to_owned());
        let shown = Body::PaymentShown {
            payment_id,
            provider_id: word("p"),
            qr_id: word("q"),
            qr_payload: word("https://qr"),
        };
        self.fact(Some(id), shown).await;
        let captured = Body::PaymentCaptured {
            payment_id,
            amount_minor: order.total_minor,
            reference: None,
        };
        self.fact(Some(id), captured).await;
        (id, self.ask_back(id, n + 2000).await)
    }

    async fn ask_back(&self, id: OrderId, n: u128) -> RefundId {
        let back = Uuid::from_u128(n);
        self.command(move |tx, cx| {
            commands::refund_order(tx, cx, id, &commands::Back::All, "cold", || back)
        })
        .await
        .unwrap();
        RefundId(back)
    }

    /// The bank refuses for good; the effect that asked it.
    async fn bank_refuses(&self, id: OrderId, refund_id: RefundId) -> i64 {
        self.command(move |tx, cx| {
            let row = tx
                .snapshot()
                .effect_by_key(&format!("refund:{refund_id}"))?;
            let mut row = row.unwrap();
            row.state = EffectState::Refused;
            tx.put_effect(&row)?;
            let reason = "no".to_owned();
            record(tx, cx, Some(id), Body::RefundRefused { refund_id, reason })?;
            Ok(row.id)
        })
        .await
        .unwrap()
    }

    async fn given_by_hand(&self, id: RefundId) -> Result<Order, FlowError> {
        self.command(move |tx, cx| commands::confirm_refund(tx, cx, id, None))
            .await
    }

    async fn refunds_done(&self) -> usize {
        let log = self.read(|s| s.events_after(0, 1000)).await;
        log.iter().filter(|e| e.kind == "refund.done").count()
    }
}

#[tokio::test(start_paused = true)]
async fn money_that_the_bank_refused_to_give_back_is_given_by_hand_and_once() {
    let shop = Shop::open(|_| {}).await;
    let (id, refund) = shop.asked_back(1).await;
    let early = shop.given_by_hand(refund).await;
    assert!(matches!(early, Err(FlowError::Conflict(_))), "{early:?}");
    let asking = shop.bank_refuses(id, refund).await;
    shop.given_by_hand(refund).await.unwrap();
    shop.given_by_hand(refund).await.unwrap();
    assert_eq!(shop.refunds_done().await, 1);
    // The bank is not asked once more for what the guest has.
    let again = shop
        .command(move |tx, cx| commands::settle_effect(tx, cx, asking, None, "once more"))
        .await;
    let twice = |e: &FlowError| matches!(e, FlowError::Conflict(why) if why.contains("twice"));
    assert!(again.as_ref().is_err_and(twice), "{again:?}");
    let back = format!("refund:{refund}");
    assert_eq!(shop.effect(&back).await, Some(EffectState::Refused));

    // Money that is on its way under another refund is not given under the first.
    let (id, first) = shop.asked_back(2).await;
    shop.bank_refuses(id, first).await;
    shop.ask_back(id, 5000).await;
    let told = shop.given_by_hand(first).await;
    assert!(
        matches!(&told, Err(FlowError::Conflict(why)) if why.contains("another refund")),
        "{told:?}"
    );
    assert_eq!(shop.refunds_done().await, 1);
}
