//! The laws of points: what is in an account is what moved, nothing is spent twice, what pays for an order is what the
//! receipt leaves out, and a refund puts everything back where it was.

use super::{
    event::Body,
    ids::{MemberId, OrderId, PaymentId, RefundId},
    loyalty::{Account, Act, Offline, OnReceipt, PointsRefused, Programme, too_old},
    loyalty_order::{OrderLoyalty, PaidPoints},
    money::Currency,
    order::{JobStage, Order, OrderLine, OrderState, Piece, Service},
    payment::{FiscalBy, Payment, PaymentState, Tender},
    promotion_sum::LEAST_MINOR,
    receipt::{ReceiptDraft, Subject, Vat},
    reconcile::{OrderPoints, PointsBooks, Reconciler},
    refund::{Refund, RefundState},
    text::{Language, Text},
    time::Timestamp,
};
use proptest::prelude::*;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);

fn act() -> impl Strategy<Value = Act> {
    let n = 0_i64..400;
    prop_oneof![
        n.clone().prop_map(|points| Act::Hold { points }),
        n.clone().prop_map(|points| Act::Spend { points }),
        n.clone().prop_map(|points| Act::Release { points }),
        n.clone().prop_map(|points| Act::GiveBack { points }),
        (n.clone(), 0_i64..90_000)
            .prop_map(|(points, base_minor)| Act::Earn { points, base_minor }),
        (n.clone(), 0_i64..90_000)
            .prop_map(|(points, base_minor)| Act::TakeBack { points, base_minor }),
        n.prop_map(|points| Act::Expire { points }),
    ]
}

proptest! {
    /// Nothing but a person takes a balance below zero, or below what is held; and what is owed is made good before
    /// anything is earned anew.
    #[test]
    fn no_act_takes_more_than_there_is(acts in prop::collection::vec(act(), 0..80)) {
        let mut account = Account::default();
        let (mut given, mut taken) = (0, 0);
        for act in acts {
            let Ok(after) = account.after(act) else { continue };
            match act {
                Act::Earn { points, .. } | Act::GiveBack { points } => given += points,
                Act::Spend { points } | Act::TakeBack { points, .. } => taken += points,
                Act::Expire { .. } => taken += account.balance - after.balance,
                _ => prop_assert_eq!(after.balance, account.balance),
            }
            account = after;
            prop_assert!(account.held >= 0 && account.held <= account.balance, "{account:?}");
            prop_assert!(account.owed >= 0 && account.spent_minor >= 0);
            prop_assert_eq!(account.balance - account.owed, given - taken);
        }
    }

    #[test]
    fn a_hold_that_is_released_or_given_back_leaves_the_account_as_it_was(
        balance in 1_i64..10_000, part in 1_i64..10_000
    ) {
        let account = Account { balance, ..Account::default() };
        let points = part.min(balance);
        let held = account.after(Act::Hold { points }).unwrap();
        prop_assert_eq!(held.available(), balance - points);
        prop_assert_eq!(held.after(Act::Release { points }).unwrap(), account);
        let spent = held.after(Act::Spend { points }).unwrap();
        prop_assert_eq!(spent.balance, balance - points);
        prop_assert_eq!(spent.after(Act::GiveBack { points }).unwrap(), account);
    }

    /// However many stores are without a link, with a share of one over their number they never spend more than there
    /// was; and each keeps its own limits.
    #[test]
    fn stores_without_a_link_spend_no_more_than_there_was(
        balance in 0_i64..100_000,
        stores in 1_u32..12,
        wishes in prop::collection::vec((0_usize..12, 1_i64..5_000), 0..60),
    ) {
        let limits = Offline { enabled: true, points_per_order: 4_000, points_per_day: 9_000, share_bp: 10_000 / stores };
        let mut used = vec![0_i64; usize::try_from(stores).unwrap()];
        for (store, wish) in wishes {
            let store = store % used.len();
            let most = limits.most(balance, used[store], used[store]);
            prop_assert!(most <= limits.points_per_order);
            used[store] += wish.min(most);
            prop_assert!(used[store] <= limits.points_per_day);
        }
        prop_assert!(used.iter().sum::<i64>() <= balance);
        prop_assert_eq!(Offline { enabled: false, ..limits }.most(balance, 0, 0), 0);
    }

    /// Points that come first go first: what is lost is what came before the day and was never spent.
    #[test]
    fn the_oldest_points_are_spent_first(
        came in prop::collection::vec((1_i64..500, any::<bool>()), 0..20), spent_pm in 0_i64..=1000
    ) {
        let all: i64 = came.iter().map(|c| c.0).sum();
        let over: i64 = came.iter().filter(|c| c.1).map(|c| c.0).sum();
        let spent = all * spent_pm / 1000;
        let lost = too_old(over, spent);
        prop_assert!(lost >= 0 && lost <= over && lost <= all - spent);
        prop_assert!(spent > 0 || lost == over);
        // What was lost is gone: the next look finds nothing.
        prop_assert_eq!(too_old(over, spent + lost), 0);
    }
}

fn line(n: usize, price_minor: i64, quantity: u32, discount_minor: i64) -> OrderLine {
    OrderLine {
        dish_id: format!("dish-{n}").as_str().into(),
        name: Text::new("Плов", "Osh", "Plov"),
        options: Vec::new(),
        quantity,
        price_minor,
        sum_minor: price_minor * i64::from(quantity),
        discount_minor,
        vat: Vat::None,
        vat_class: None,
        subject: Subject::Commodity,
        marked: None,
    }
}

fn payment(n: u8, tender: Tender, amount_minor: i64, points: Option<PaidPoints>) -> Payment {
    Payment {
        id: PaymentId(Uuid::from_u128(u128::from(n))),
        tender,
        amount_minor,
        state: PaymentState::Waiting,
        captured_minor: 0,
        refunded_minor: 0,
        started_at: NOW,
        expires_at: None,
        attempt: u32::from(n),
        order_number: format!("n-{n}"),
        provider_id: None,
        qr_id: None,
        qr_payload: None,
        reference: None,
        reason: None,
        fiscal_by: FiscalBy::Store,
        surplus: false,
        withdrawn: None,
        points,
    }
}

/// A member's order; `excluded`: the last line earns nothing and takes no points.
fn order(lines: Vec<OrderLine>, worth_minor: i64, on_receipt: OnReceipt, excluded: bool) -> Order {
    let id = OrderId(Uuid::from_u128(7));
    let pieces = lines.iter().enumerate().flat_map(|(line, l)| {
        (0..l.quantity).map(move |nth| Piece {
            line,
            nth,
            job_id: id.job(line, nth, 1),
            attempt: 1,
            stage: JobStage::Waiting,
            progress_pm: None,
            planned_ms: 1,
            slot: None,
            reason: None,
        })
    });
    let last = lines.len() - 1;
    Order {
        id,
        number: 1,
        day: "2026-11-22".to_owned(),
        language: Language::Ru,
        service: Service::Here,
        pieces: pieces.collect(),
        total_minor: lines.iter().map(OrderLine::net_minor).sum(),
        lines,
        promotions: Vec::new(),
        promo_code: None,
        currency: Currency::Rub,
        placed_at: NOW,
        promised_at: NOW,
        expires_at: NOW,
        placed_by: "kiosk:front".to_owned(),
        channel: None,
        has_contact: false,
        payments: Vec::new(),
        receipts: Vec::new(),
        refunds: Vec::new(),
        given_up: None,
        paid: false,
        ready: false,
        closed: false,
        marks: Vec::new(),
        receipt_to: super::contact::ReceiptTo::Paper,
        loyalty: Some(OrderLoyalty::for_tests(
            MemberId(Uuid::from_u128(9)),
            worth_minor,
            on_receipt,
            if excluded { vec![last] } else { Vec::new() },
        )),
        state: OrderState::Placed,
    }
}

/// Paid by so many points, and the rest in money.
fn paid(mut order: Order, points: i64) -> Order {
    let l = order.loyalty.clone().unwrap();
    let minor = points * l.worth_minor;
    let mut parts = vec![payment(1, Tender::Cash, order.total_minor - minor, None)];
    if points > 0 {
        let points = PaidPoints {
            points,
            on_receipt: l.on_receipt,
        };
        parts.insert(0, payment(2, Tender::LoyaltyPoints, minor, Some(points)));
    }
    for payment in parts {
        let (payment_id, amount_minor) = (payment.id, payment.amount_minor);
        order.apply(NOW, &Body::PaymentStarted { payment });
        let body = Body::PaymentCaptured {
            payment_id,
            amount_minor,
            reference: None,
        };
        order.apply(NOW, &body);
    }
    order.apply(NOW, &Body::OrderPaid {});
    order
}

/// Gives it back at once; what it takes of what was earned, and the return receipts' sum.
fn back(order: &mut Order, pieces: &[usize], amount_minor: i64) -> Option<(i64, i64, i64)> {
    let parts = match pieces {
        [] => order.split_refund(amount_minor).ok()?,
        pieces => order.split_return(pieces, amount_minor).ok()?,
    };
    let (mut unearned, mut returned, mut points) = (0, 0, 0);
    for (payment_id, amount_minor) in parts {
        let payment = order.payment(payment_id).unwrap();
        let refund = Refund {
            id: RefundId(Uuid::from_u128(1000 + order.refunds.len() as u128)),
            payment_id,
            tender: payment.tender,
            amount_minor,
            line: None,
            pieces: pieces.to_vec(),
            reason: "cold".to_owned(),
            state: RefundState::Pending,
            requested_at: NOW,
            without_receipt: payment.is_discount(),
        };
        if payment.points.is_some() {
            points += amount_minor;
            let worth = order.loyalty.as_ref().unwrap().worth_minor;
            assert_eq!(amount_minor % worth, 0, "a part of a point went back");
        }
        let (id, silent) = (refund.id, refund.without_receipt);
        let draft = ReceiptDraft::sale_return(order, &refund);
        let body = Body::RefundRequested { refund };
        assert!(order.takes(&body));
        order.apply(NOW, &body);
        let body = Body::RefundDone {
            refund_id: id,
            reference: None,
        };
        order.apply(NOW, &body);
        unearned += order.unearned_by(id).0;
        if !silent {
            assert_eq!(
                draft.lines.iter().map(|l| l.sum_minor).sum::<i64>(),
                amount_minor
            );
            assert!(draft.lines.iter().all(|l| l.price_minor > 0));
            returned += draft.total_minor;
        }
    }
    Some((unearned, returned, points))
}

fn lines() -> impl Strategy<Value = Vec<OrderLine>> {
    let one = (LEAST_MINOR..90_000, 1_u32..5, 0_i64..900);
    prop::collection::vec(one, 1..4).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(|(n, (price, quantity, off_pm))| {
            let room = (price - LEAST_MINOR) * i64::from(quantity);
            line(n, price, quantity, room * off_pm / 1000)
        })
        .collect()
    })
}

fn mode() -> impl Strategy<Value = OnReceipt> {
    prop_oneof![Just(OnReceipt::Discount), Just(OnReceipt::Tender)]
}

proptest! {
    /// A receipt comes to what was paid in what stands on it, no line is without a price, and each is its price times
    /// its quantity.
    #[test]
    fn a_receipt_comes_to_the_money_and_points_pay_for_the_rest(
        lines in lines(), worth in prop_oneof![Just(1_i64), Just(50), Just(100), Just(1_000)],
        part_pm in 0_i64..=1000, mode in mode(), excluded in any::<bool>(),
    ) {
        let order = order(lines, worth, mode, excluded);
        let most = order.most_points();
        prop_assert!(most * worth <= order.total_minor / 2);
        let order = paid(order, most * part_pm / 1000);
        prop_assert_eq!(order.state, OrderState::Paid);
        let spent = order.points_spent() * worth;
        let shares = order.points_shares();
        prop_assert_eq!(shares.iter().sum::<i64>(), spent);
        let draft = ReceiptDraft::sale(&order);
        let off = if mode == OnReceipt::Discount { spent } else { 0 };
        prop_assert_eq!(draft.total_minor, order.total_minor - off);
        prop_assert_eq!(draft.lines.iter().map(|l| l.sum_minor).sum::<i64>(), draft.total_minor);
        prop_assert_eq!(draft.tenders.iter().map(|t| t.1).sum::<i64>(), draft.total_minor);
        for l in &draft.lines {
            prop_assert_eq!(l.price_minor * l.quantity_milli / 1000, l.sum_minor);
            prop_assert!(l.price_minor >= LEAST_MINOR);
        }
        for (i, piece) in order.pieces.iter().enumerate() {
            prop_assert!(shares[i] == 0 || !excluded || piece.line + 1 < order.lines.len());
        }
        let points = OrderPoints { spent: order.points_spent(), earned: 0 };
        let mut books = Reconciler::default();
        let mut whole = order.clone();
        whole.apply(NOW, &Body::ReceiptRequested { draft });
        let key = whole.receipts[0].draft.key.clone();
        whole.apply(NOW, &Body::ReceiptRegistered { key, registered: registered() });
        for p in &mut whole.pieces {
            p.stage = JobStage::Plated;
        }
        books.order(&whole, false, &points);
        let found = books.finish();
        prop_assert!(found.differences.is_empty(), "{:?}", found.differences);
    }

    /// Given back dish by dish, or by sums, in any order: points come back whole, money and points together are what was
    /// paid, the return receipts are the sale, and not a point stays earned.
    #[test]
    fn an_order_given_back_in_parts_is_as_if_it_had_never_been(
        lines in lines(), worth in prop_oneof![Just(1_i64), Just(100)], part_pm in 0_i64..=1000,
        mode in mode(), excluded in any::<bool>(),
        parts in prop::collection::vec((any::<bool>(), 0_usize..16, 1_i64..40_000), 0..12),
    ) {
        let most = order(lines.clone(), worth, mode, excluded).most_points();
        let mut order = paid(order(lines, worth, mode, excluded), most * part_pm / 1000);
        let (spent, earned) = (order.points_spent(), order.points_due());
        prop_assert_eq!(earned, Programme::points_for(order.earning_minor(), 700, worth));
        let (mut unearned, mut returned, mut points) = (0, 0, 0);
        let whole = order.pieces.len();
        for (by_dish, piece, sum) in parts {
            let done = match by_dish {
                true if piece < whole && !order.is_returned(piece) => {
                    let price = order.piece_minor(&order.pieces[piece]).min(order.left_minor());
                    back(&mut order, &[piece], price)
                }
                true => None,
                false => back(&mut order, &[], sum),
            };
            let (a, b, c) = done.unwrap_or_default();
            unearned += a;
            returned += b;
            points += c;
            prop_assert_eq!(order.points_kept() * worth, spent * worth - points);
        }
        let left = order.left_minor();
        if left > 0 {
            let (a, b, c) = back(&mut order, &[], left).expect("all that is left can go back");
            unearned += a;
            returned += b;
            points += c;
        }
        prop_assert_eq!(order.left_minor(), 0);
        prop_assert_eq!(points, spent * worth);
        prop_assert_eq!(unearned, earned);
        prop_assert_eq!(order.points_due(), 0);
        prop_assert_eq!(order.points_kept(), 0);
        prop_assert_eq!(returned, order.receipt_total_minor());
        prop_assert_eq!(order.state, OrderState::Refunded);
    }
}

fn registered() -> super::receipt::Registered {
    super::receipt::Registered {
        document_number: 1,
        fiscal_sign: 2,
        drive_number: "9".to_owned(),
        registration_number: None,
        shift_number: Some(1),
        receipt_number: Some(1),
        local_time: "2026-11-22T12:00".to_owned(),
        qr: None,
        printed: Some(true),
    }
}

#[test]
fn a_plov_paid_by_a_third_in_points_has_a_lower_price_and_earns_on_the_money_alone() {
    let lines = vec![line(0, 42_000, 2, 0), line(1, 9_000, 1, 0)];
    let order = paid(order(lines, 100, OnReceipt::Discount, true), 210);
    // 210 roubles off 840; the tea is left out.
    assert_eq!(order.points_shares(), [10_500, 10_500, 0]);
    assert_eq!(order.receipt_total_minor(), 72_000);
    let draft = ReceiptDraft::sale(&order);
    let prices: Vec<_> = draft
        .lines
        .iter()
        .map(|l| (l.quantity_milli, l.price_minor))
        .collect();
    assert_eq!(prices, [(2000, 31_500), (1000, 9_000)]);
    assert_eq!(draft.tenders, [(Tender::Cash, 72_000)]);
    // 7 % of 630 roubles.
    assert_eq!(order.points_due(), 44);
    // One plov goes back: 315 roubles and 105 points, and half of what was earned.
    let mut order = order;
    assert_eq!(back(&mut order, &[0], 42_000), Some((22, 31_500, 10_500)));
    assert_eq!((order.points_kept(), order.points_due()), (105, 22));
}

#[test]
fn a_tender_stays_on_the_receipt_where_the_law_wants_it() {
    let order = paid(
        order(vec![line(0, 42_000, 1, 0)], 100, OnReceipt::Tender, false),
        210,
    );
    let draft = ReceiptDraft::sale(&order);
    assert_eq!(draft.total_minor, 42_000);
    assert_eq!(
        draft.tenders,
        [(Tender::LoyaltyPoints, 21_000), (Tender::Cash, 21_000)]
    );
}

#[test]
fn books_of_points_that_differ_are_told() {
    let mut books = Reconciler::default();
    books.points(&PointsBooks {
        balance: 10,
        moved: 9,
        held: 0,
        on_hold: 0,
    });
    let order = paid(
        order(vec![line(0, 42_000, 1, 0)], 100, OnReceipt::Discount, false),
        10,
    );
    books.order(
        &order,
        false,
        &OrderPoints {
            spent: 20,
            earned: 0,
        },
    );
    let told: Vec<String> = books
        .finish()
        .differences
        .into_iter()
        .map(|d| d.what)
        .collect();
    assert!(told.iter().any(|w| w.contains("all accounts")), "{told:?}");
    assert!(told.iter().any(|w| w.contains("points spent")), "{told:?}");
}

#[test]
fn levels_and_refusals_are_as_configured() {
    let programme: Programme = toml::from_str(
        r#"
        enabled = true
        levels = [
            { id = "silver", name = { ru = "с", uz = "s", en = "s" }, from_minor = 100000, earn_bp = 700 },
            { id = "gold", name = { ru = "з", uz = "o", en = "g" }, from_minor = 500000, earn_bp = 1000 },
        ]
        "#,
    )
    .unwrap();
    assert_eq!(programme.faults(), Vec::<String>::new());
    let bp: Vec<u32> = [0, 99_999, 100_000, 500_000]
        .map(|n| programme.earn_bp_of(n))
        .to_vec();
    assert_eq!(bp, [500, 500, 700, 1000]);
    let wrong: Programme =
        toml::from_str("worth_minor = 0\nmax_share_bp = 10001\nterms = { version = '' }").unwrap();
    assert_eq!(wrong.faults().len(), 3, "{:?}", wrong.faults());
    let account = Account {
        balance: 5,
        ..Account::default()
    };
    assert_eq!(
        account.after(Act::Hold { points: 6 }),
        Err(PointsRefused::NotEnough { available: 5 })
    );
    assert_eq!(
        account.after(Act::Spend { points: 1 }),
        Err(PointsRefused::NotHeld { held: 0 })
    );
    assert_eq!(
        account.after(Act::Hold { points: 0 }),
        Err(PointsRefused::Number)
    );
    // A person may.
    assert_eq!(
        account.after(Act::Adjust { points: -8 }).unwrap().balance,
        -3
    );
}
