//! The laws of an order, held against any sequence of facts, in any order, as often as they like to come.

use super::{
    catalog::Catalog,
    event::Body,
    ids::{OrderId, PaymentId, RefundId},
    order::{JobStage, Order, OrderState, Service},
    payment::{FiscalBy, Payment, PaymentState, Tender, Unpaid},
    place::{Placed, Refused, Situation, Wish, WishLine, place},
    policy::Policy,
    promotion::Known,
    receipt::{ReceiptDraft, ReceiptKind, Registered},
    refund::{Given, Refund, RefundCause, RefundState, piece_cause},
    stock::{Level, Levels},
    stops::Stops,
    text::Language,
    time::Timestamp,
};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::time::Duration;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);

fn catalog() -> Catalog {
    let catalog: Catalog = toml::from_str(include_str!("../demo/menu.toml")).unwrap();
    assert_eq!(catalog.faults(), Vec::<String>::new());
    catalog
}

pub(super) fn plenty(catalog: &Catalog) -> Levels {
    let level = Level {
        on_hand: 1 << 40,
        reserved: 0,
    };
    catalog
        .ingredients
        .iter()
        .map(|i| (i.id.clone(), level))
        .collect()
}

fn wish(quantities: &[i64]) -> Wish {
    let dishes = ["borscht", "mors", "plov"];
    Wish {
        language: Language::Uz,
        service: Service::Here,
        lines: quantities
            .iter()
            .zip(dishes)
            .map(|(quantity, dish)| WishLine {
                dish_id: dish.into(),
                quantity: *quantity,
                options: Vec::new(),
                price_minor: None,
            })
            .collect(),
        ..Wish::default()
    }
}

/// Places a wish in a store that is open.
pub(super) fn placed_in(
    catalog: &Catalog,
    levels: &Levels,
    wish: &Wish,
    stops: &Stops,
) -> Result<Placed, Refused> {
    let situation = Situation {
        catalog,
        levels,
        policy: &Policy {
            max_wait: Duration::from_hours(240),
            ..Policy::default()
        },
        ahead: Duration::ZERO,
        now: NOW,
        day: "2026-11-22",
        id: OrderId(Uuid::from_u128(7)),
        number: 1,
        by: "kiosk:front",
        has_contact: false,
        printer_vat: &[],
        stops,
        zone: &TimeZone::UTC,
        known: &Known::default(),
        closes_at: None,
    };
    place(wish, &situation)
}

fn placed(quantities: &[i64], levels: &Levels) -> Result<(Order, usize), Refused> {
    placed_in(&catalog(), levels, &wish(quantities), &Stops::default())
        .map(|p| (p.order, p.movements.len()))
}

fn order(quantities: &[i64]) -> Order {
    placed(quantities, &plenty(&catalog())).unwrap().0
}

fn payment(n: u8, amount_minor: i64) -> Payment {
    Payment {
        id: PaymentId(Uuid::from_u128(u128::from(n))),
        tender: Tender::SbpQr,
        amount_minor,
        state: PaymentState::Registering,
        captured_minor: 0,
        refunded_minor: 0,
        started_at: NOW,
        expires_at: None,
        attempt: 1,
        order_number: format!("n-{n}"),
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

fn registered() -> Registered {
    Registered {
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

/// A fact about the order, whatever its state.
fn fact(order: &Order, what: u8, which: u8, amount: i64) -> Body {
    let payment_id = PaymentId(Uuid::from_u128(u128::from(which % 3)));
    let index = usize::from(which) % order.pieces.len();
    let job_id = order.pieces[index].job_id;
    let reason = "for a reason".to_owned();
    match what {
        0 => Body::PaymentStarted {
            payment: payment(which % 3, amount),
        },
        1 => Body::PaymentShown {
            payment_id,
            provider_id: Some("p".to_owned()),
            qr_id: Some("q".to_owned()),
            qr_payload: Some("https://qr".to_owned()),
        },
        2 => Body::PaymentCaptured {
            payment_id,
            amount_minor: amount,
            reference: None,
        },
        3 => Body::PaymentClosed { payment_id, reason },
        4 => Body::OrderPaid {},
        5 => Body::OrderCancelled { reason },
        6 => Body::OrderExpired {},
        7 => Body::ReceiptRequested {
            draft: ReceiptDraft::sale(order),
        },
        8 => Body::ReceiptRegistered {
            key: ReceiptDraft::sale(order).key,
            registered: registered(),
        },
        9 => Body::CookRequested {
            piece: index,
            job_id,
            attempt: order.pieces[index].attempt,
        },
        10 => Body::CookProgressed {
            job_id,
            stage: JobStage::Cooking,
            progress_pm: Some(u16::from(which)),
        },
        11 => Body::CookPlated { job_id, slot: None },
        12 => Body::CookFailed {
            job_id,
            reason,
            retry: true,
        },
        13 => Body::RefundRequested {
            refund: Refund {
                id: order.id.refund(&which.to_string()),
                payment_id,
                tender: Tender::SbpQr,
                amount_minor: amount,
                line: None,
                pieces: Vec::new(),
                reason,
                state: RefundState::Pending,
                requested_at: NOW,
                without_receipt: false,
            },
        },
        14 => Body::RefundDone {
            refund_id: order.id.refund(&which.to_string()),
            reference: None,
        },
        15 => Body::RefundRefused {
            refund_id: order.id.refund(&which.to_string()),
            reason,
        },
        16 => Body::OrderReady {},
        _ => Body::OrderClosed {},
    }
}

proptest! {
    #[test]
    fn no_sequence_of_facts_breaks_an_order(
        facts in prop::collection::vec((0u8..18, any::<u8>(), 1i64..90_000), 1..80)
    ) {
        let mut o = order(&[1, 2]);
        for (what, which, amount) in facts {
            let body = fact(&o, what, which, amount);
            if !o.takes(&body) {
                continue;
            }
            let before = o.clone();
            o.apply(NOW, &body);
            // What came once is no news any more, but for those facts that may truly come again.
            if !matches!(body, Body::PaymentStarted { .. } | Body::CookRequested { .. }) {
                prop_assert!(!o.takes(&body), "{body:?} is taken twice");
            }
            for p in &o.payments {
                let held: i64 = o.refunds.iter().filter(|r| r.payment_id == p.id && r.holds_money()).map(|r| r.amount_minor).sum();
                prop_assert!(held <= p.captured_minor, "more goes back than came in");
                prop_assert!(p.refunded_minor <= held);
            }
            prop_assert!(!o.paid || o.captured_minor() >= o.total_minor);
            prop_assert!(!(o.paid && o.given_up.is_some()), "paid and given up");
            prop_assert!(o.due_minor() >= 0);
            prop_assert!(o.receipts.iter().filter(|r| r.draft.kind == ReceiptKind::Sale).count() <= 1);
            for (a, b) in before.pieces.iter().zip(&o.pieces) {
                prop_assert!(a.stage != JobStage::Plated || b.stage == JobStage::Plated, "a dish went back to the robot");
            }
            prop_assert!(before.state != OrderState::Refunded || o.state == OrderState::Refunded || o.received_minor() > before.received_minor());
        }
    }

    #[test]
    fn an_order_costs_what_its_lines_cost_and_holds_what_its_dishes_need(quantities in prop::collection::vec(-2i64..20, 1..4)) {
        match placed(&quantities, &plenty(&catalog())) {
            Ok((o, held)) => {
                prop_assert!(quantities.iter().all(|q| *q > 0));
                prop_assert_eq!(o.total_minor, o.lines.iter().map(|l| l.price_minor * i64::from(l.quantity)).sum::<i64>());
                prop_assert_eq!(o.pieces.len() as i64, quantities.iter().sum::<i64>());
                prop_assert!(held >= o.pieces.len());
                let draft = ReceiptDraft::sale(&o);
                prop_assert_eq!(draft.lines.iter().map(|l| l.sum_minor).sum::<i64>(), o.total_minor);
                prop_assert!(draft.key.len() == 16 && draft.key.bytes().all(|b| b.is_ascii_alphanumeric()));
            }
            Err(Refused::Quantity { quantity, max }) => {
                prop_assert!(quantity <= 0 || quantities.iter().sum::<i64>() > i64::from(max));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn a_return_of_any_sum_adds_up(amount in 1i64..=94_000) {
        let mut o = order(&[2, 1]);
        let total = o.total_minor;
        o.apply(NOW, &Body::PaymentStarted { payment: payment(1, total) });
        o.apply(NOW, &Body::PaymentCaptured { payment_id: PaymentId(Uuid::from_u128(1)), amount_minor: total, reference: None });
        o.apply(NOW, &Body::OrderPaid {});
        let amount = amount.min(total);
        let parts = o.split_refund(amount).unwrap();
        prop_assert_eq!(parts.iter().map(|(_, m)| m).sum::<i64>(), amount);
        let Body::RefundRequested { mut refund } = fact(&o, 13, 1, amount) else { unreachable!() };
        refund.amount_minor = amount;
        let draft = ReceiptDraft::sale_return(&o, &refund);
        prop_assert_eq!(draft.lines.iter().map(|l| l.sum_minor).sum::<i64>(), amount);
        prop_assert_eq!(draft.tenders.iter().map(|(_, m)| m).sum::<i64>(), amount);
        prop_assert!(o.split_refund(total + 1).is_err());
    }
}

#[test]
fn nothing_is_promised_that_is_not_in_stock() {
    let catalog = catalog();
    let mut levels = plenty(&catalog);
    levels.insert(
        "beet".into(),
        Level {
            on_hand: 200_000,
            reserved: 20_001,
        },
    );
    // Two portions need 180,000 mg; 179,999 are free.
    assert!(placed(&[1], &levels).is_ok());
    assert!(matches!(
        placed(&[2], &levels),
        Err(Refused::OutOfStock { ingredient, .. }) if ingredient.0 == "beet"
    ));
}

#[test]
fn a_kiosks_price_is_never_trusted() {
    let catalog = catalog();
    let levels = plenty(&catalog);
    let mut w = wish(&[1]);
    w.lines[0].price_minor = Some(1);
    let situation = Situation {
        catalog: &catalog,
        levels: &levels,
        policy: &Policy::default(),
        ahead: Duration::ZERO,
        now: NOW,
        day: "2026-11-22",
        id: OrderId(Uuid::from_u128(7)),
        number: 1,
        by: "kiosk:front",
        has_contact: false,
        printer_vat: &[],
        stops: &Stops::default(),
        zone: &TimeZone::UTC,
        known: &Known::default(),
        closes_at: None,
    };
    assert!(matches!(
        place(&w, &situation),
        Err(Refused::PriceChanged {
            price_minor: 35_000,
            ..
        })
    ));
}

/// The order, paid whole by one payment.
fn paid(mut order: Order) -> Order {
    let total = order.total_minor;
    let started = payment(1, total);
    let id = started.id;
    order.apply(NOW, &Body::PaymentStarted { payment: started });
    order.apply(
        NOW,
        &Body::PaymentCaptured {
            payment_id: id,
            amount_minor: total,
            reference: None,
        },
    );
    order.apply(NOW, &Body::OrderPaid {});
    order
}

proptest! {
    /// However an order is given back, dish by dish, in any order, with a discount that does not come out even: each dish
    /// goes back once, each return names its dishes and sums up, and together they are what was paid.
    #[test]
    fn dishes_given_back_one_by_one_are_the_whole_order_to_the_kopeck(
        quantities in prop::collection::vec(1_i64..5, 1..4),
        discount in 0_i64..5_000,
        picks in prop::collection::vec((0_usize..4, 1_u32..4), 1..60),
    ) {
        let mut order = order(&quantities);
        order.lines[0].discount_minor = discount;
        order.total_minor -= discount;
        let mut order = paid(order);
        let (mut back, mut pieces) = (0, Vec::new());
        let all = (0..4).flat_map(|line| std::iter::repeat_n((line, 1), 4));
        for (n, (line, count)) in picks.into_iter().chain(all).enumerate() {
            let left = order.returnable(line);
            let Ok((taken, sum)) = order.return_of(&dishes(line, count)) else {
                prop_assert!(usize::try_from(count).unwrap() > left);
                continue;
            };
            let refund = Refund {
                id: order.id.refund(&n.to_string()),
                payment_id: order.payments[0].id,
                tender: Tender::SbpQr,
                amount_minor: sum,
                line: None,
                pieces: taken.clone(),
                reason: "cold".to_owned(),
                state: RefundState::Pending,
                requested_at: NOW,
                without_receipt: false,
            };
            let draft = ReceiptDraft::sale_return(&order, &refund);
            let lines: i64 = draft.lines.iter().map(|l| l.sum_minor).sum();
            prop_assert_eq!(lines, sum);
            for l in &draft.lines {
                prop_assert_eq!(l.price_minor * l.quantity_milli / 1000, l.sum_minor);
            }
            let body = Body::RefundRequested { refund };
            prop_assert!(order.takes(&body));
            order.apply(NOW, &body);
            back += sum;
            pieces.extend(taken);
        }
        prop_assert_eq!(back, order.total_minor);
        pieces.sort_unstable();
        prop_assert_eq!(pieces, (0..order.pieces.len()).collect::<Vec<_>>());
        prop_assert_eq!(order.left_minor(), 0);
    }
}

fn dishes(line: usize, count: u32) -> Given {
    Given {
        lines: vec![(line, count)],
        ..Given::default()
    }
}

#[test]
fn a_dish_that_is_not_cooked_yet_is_given_back_before_one_that_stands_there() {
    let mut order = paid(order(&[3]));
    order.pieces[0].stage = JobStage::Plated;
    order.pieces[1].stage = JobStage::Cooking;
    assert_eq!(order.return_of(&dishes(0, 1)).unwrap().0, [2]);
    assert_eq!(order.return_of(&dishes(0, 2)).unwrap().0, [1, 2]);
    for (line, count) in [(0, 0), (0, 4), (1, 1)] {
        let nonsense = dishes(line, count);
        assert!(order.return_of(&nonsense).is_err(), "{nonsense:?}");
    }
}

#[test]
fn an_order_whose_receipt_others_give_waits_for_none_here() {
    let mut order = order(&[1]);
    let mut money = payment(1, order.total_minor);
    money.fiscal_by = FiscalBy::Other;
    let (id, amount_minor) = (money.id, money.amount_minor);
    order.apply(NOW, &Body::PaymentStarted { payment: money });
    let captured = Body::PaymentCaptured {
        payment_id: id,
        amount_minor,
        reference: None,
    };
    order.apply(NOW, &captured);
    order.apply(NOW, &Body::OrderPaid {});
    assert_eq!(order.state, OrderState::Receipted);
    assert_eq!(paid(self::order(&[1])).state, OrderState::Paid);
}

#[test]
fn a_refund_that_was_refused_can_still_be_given_once_and_never_more_than_there_is() {
    let asked = |order: &Order, n: u128| {
        let payment = &order.payments[0];
        Refund {
            id: RefundId(Uuid::from_u128(n)),
            payment_id: payment.id,
            tender: payment.tender,
            amount_minor: order.total_minor,
            line: None,
            pieces: Vec::new(),
            reason: "cold".to_owned(),
            state: RefundState::Pending,
            requested_at: NOW,
            without_receipt: false,
        }
    };
    let refused = |mut order: Order, refund: &Refund| {
        order.apply(
            NOW,
            &Body::RefundRequested {
                refund: refund.clone(),
            },
        );
        let reason = "no".to_owned();
        let refund_id = refund.id;
        order.apply(NOW, &Body::RefundRefused { refund_id, reason });
        order
    };
    let order = paid(order(&[1]));
    let first = asked(&order, 21);
    let mut order = refused(order, &first);
    let done = |refund: &Refund| Body::RefundDone {
        refund_id: refund.id,
        reference: None,
    };
    assert!(order.takes(&done(&first)), "by hand");
    let second = asked(&order, 22);
    assert!(order.takes(&Body::RefundRequested {
        refund: second.clone()
    }));
    order.apply(
        NOW,
        &Body::RefundRequested {
            refund: second.clone(),
        },
    );
    assert!(!order.takes(&done(&first)), "the same money is on its way");
    order.apply(NOW, &done(&second));
    assert!(!order.takes(&done(&first)) && !order.takes(&done(&second)));
    assert_eq!(order.state, OrderState::Refunded);
}

#[test]
fn why_money_goes_back_is_known_whatever_people_write() {
    let order = paid(order(&[1]));
    let payment = order.payments[0].id;
    let mut refund = Refund {
        id: RefundId(Uuid::from_u128(5)),
        payment_id: payment,
        tender: Tender::SbpQr,
        amount_minor: 1,
        line: None,
        pieces: Vec::new(),
        reason: "late".to_owned(),
        state: RefundState::Pending,
        requested_at: NOW,
        without_receipt: false,
    };
    assert_eq!(order.cause_of(&refund), RefundCause::Person);
    for (reason, cause) in [
        ("late".to_owned(), RefundCause::Late),
        ("over".to_owned(), RefundCause::Over),
        ("given up".to_owned(), RefundCause::GivenUp),
        (piece_cause(3), RefundCause::Dish),
    ] {
        refund.id = order.id.refund(&format!("{reason}:{payment}"));
        refund.reason = reason;
        assert_eq!(order.cause_of(&refund), cause);
    }
}

#[test]
fn a_payment_that_was_closed_says_how() {
    let mut one = payment(1, 100);
    assert_eq!(one.unpaid(), None);
    one.state = PaymentState::Closed;
    for (said, how) in [
        (
            "The time to pay is over (the bank's action code 5)",
            Unpaid::TimeOver,
        ),
        ("The payer's bank refused", Unpaid::Refused),
        ("not wanted any more", Unpaid::NotWanted),
        ("Not wanted any more", Unpaid::NotWanted),
        ("a person has looked at the bank", Unpaid::Unpaid),
        ("", Unpaid::Unpaid),
    ] {
        one.reason = Some(said.to_owned());
        assert_eq!(one.unpaid(), Some(how), "{said}");
    }
}
