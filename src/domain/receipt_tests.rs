use super::*;
use crate::domain::{
    ids::{PaymentId, RefundId},
    marking::{Group, MarkCode, Marked, UnitMark},
    order::{GivenUp, OrderState, Service},
    reconcile::Reconciler,
    refund::{Refund, RefundState},
    text::{Language, Text},
};

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);

fn line(dish: &str, price_minor: i64, quantity: u32, marked: bool) -> OrderLine {
    OrderLine {
        dish_id: dish.into(),
        name: Text::new(dish, dish, dish),
        options: Vec::new(),
        quantity,
        price_minor,
        sum_minor: price_minor * i64::from(quantity),
        discount_minor: 0,
        vat: Vat::None,
        vat_class: None,
        subject: Subject::Commodity,
        marked: marked.then(|| Marked {
            group: Group::Beer,
            gtins: Vec::new(),
        }),
    }
}

/// A plov and three bottles of beer, each with its code.
fn order() -> Order {
    let unit = |nth: u32| UnitMark {
        line: 1,
        nth,
        code: MarkCode {
            code: format!("code-{nth}"),
            cis: format!("cis-{nth}"),
            gtin: "04607010350246".to_owned(),
        },
        check: Some(crate::domain::marking::Check(0x0f)),
        permit: None,
    };
    Order {
        id: OrderId(Uuid::from_u128(7)),
        number: 1,
        day: "2026-11-22".to_owned(),
        language: Language::Ru,
        service: Service::Here,
        lines: vec![
            line("plov", 42_000, 1, false),
            line("beer", 20_000, 3, true),
        ],
        promotions: Vec::new(),
        promo_code: None,
        channel: None,
        loyalty: None,
        total_minor: 102_000,
        currency: crate::domain::money::Currency::Rub,
        placed_at: NOW,
        promised_at: NOW,
        expires_at: NOW,
        placed_by: "kiosk".to_owned(),
        has_contact: false,
        payments: Vec::new(),
        receipts: Vec::new(),
        pieces: Vec::new(),
        refunds: Vec::new(),
        given_up: None::<GivenUp>,
        paid: true,
        ready: false,
        closed: false,
        marks: (0..3).map(unit).collect(),
        receipt_to: crate::domain::contact::ReceiptTo::Email,
        state: OrderState::Paid,
    }
}

fn refund(id: u128, amount_minor: i64, line: Option<usize>) -> Refund {
    Refund {
        id: RefundId(Uuid::from_u128(id)),
        payment_id: PaymentId(Uuid::nil()),
        tender: Tender::Cash,
        amount_minor,
        line,
        pieces: Vec::new(),
        reason: String::new(),
        state: RefundState::Done,
        requested_at: NOW,
        without_receipt: false,
    }
}

fn registered(order: &mut Order, draft: ReceiptDraft) {
    order.receipts.push(Receipt {
        draft,
        requested_at: NOW,
        registered: Some(Registered {
            document_number: 5,
            fiscal_sign: 1_001_769_905,
            drive_number: "9".to_owned(),
            registration_number: None,
            shift_number: Some(1),
            receipt_number: Some(1),
            local_time: "2026-11-22T12:00".to_owned(),
            qr: None,
            printed: None,
        }),
    });
}

fn units(draft: &ReceiptDraft, becomes: Becomes) -> Vec<&str> {
    draft.units(becomes).collect()
}

#[test]
fn every_marked_unit_is_a_line_of_its_own_with_its_code() {
    let mut order = order();
    let sale = ReceiptDraft::sale(&order);
    assert_eq!(sale.lines.len(), 4);
    assert_eq!(sale.lines.iter().map(|l| l.sum_minor).sum::<i64>(), 102_000);
    assert!(sale.lines[1..].iter().all(|l| l.quantity_milli == 1000));
    assert_eq!(units(&sale, Becomes::Sold), ["cis-0", "cis-1", "cis-2"]);
    assert!(sale.lines[1].marking.as_ref().unwrap().excise);
    assert_eq!((sale.unscanned(), sale.electronic), (None, Some(order.id)));
    order.marks.remove(1);
    assert!(order.unscanned().is_some());
    assert_eq!(ReceiptDraft::sale(&order).unscanned().unwrap().name, "beer");
}

#[test]
fn a_discounted_line_of_units_adds_up_to_the_kopeck() {
    let mut order = order();
    order.lines[1].discount_minor = 10_001;
    let sale = ReceiptDraft::sale(&order);
    let prices: Vec<i64> = sale.lines[1..].iter().map(|l| l.price_minor).collect();
    assert_eq!(prices, [16_666, 16_666, 16_667]);
}

#[test]
fn units_come_back_one_after_the_other_and_stay_when_only_money_goes_back() {
    let mut order = order();
    let sale = ReceiptDraft::sale(&order);
    registered(&mut order, sale);
    let first = ReceiptDraft::sale_return(&order, &refund(1, 20_000, Some(1)));
    assert_eq!(units(&first, Becomes::Returned), ["cis-0"]);
    registered(&mut order, first);
    let second = ReceiptDraft::sale_return(&order, &refund(2, 20_000, Some(1)));
    assert_eq!(units(&second, Becomes::Returned), ["cis-1"]);
    let part = ReceiptDraft::sale_return(&order, &refund(3, 5_000, None));
    assert_eq!(units(&part, Becomes::Returned), Vec::<&str>::new());
    assert_eq!(units(&part, Becomes::Unchanged), ["cis-1"]);
    let all = ReceiptDraft::sale_return(&order, &refund(4, 102_000, None));
    assert_eq!(units(&all, Becomes::Returned).len(), 3);
}

#[test]
fn what_takes_a_wrong_receipt_back_is_its_mirror_and_signed_by_it() {
    let mut order = order();
    let sale = ReceiptDraft::sale(&order);
    registered(&mut order, sale.clone());
    let correction = |takes_back| Correction {
        date: "2026-11-22".to_owned(),
        who: "Anna".to_owned(),
        why: "wrong".to_owned(),
        served: true,
        prescription: None,
        wrong: Some(Wrong {
            key: sale.key.clone(),
            document_number: 5,
            fiscal_sign: 1_001_769_905,
            local_time: "2026-11-22T12:00".to_owned(),
            takes_back,
            plain: false,
            then: None,
        }),
    };
    let back = ReceiptDraft::take_back(order.id, &sale, correction(true));
    assert_eq!(
        (back.kind, back.total_minor, back.document_key().as_str()),
        (ReceiptKind::SaleReturn, sale.total_minor, "1001769905")
    );
    assert_eq!(units(&back, Becomes::Returned).len(), 3);
    let right = ReceiptDraft::right(
        order.id,
        &sale,
        sale.lines.clone(),
        sale.tenders.clone(),
        correction(false),
    );
    let keys = [&sale.key, &back.key, &right.key];
    assert!(keys.iter().all(|k| k.len() == 16));
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    assert_eq!((back.takes_back(), right.takes_back()), (true, false));

    // The books: nothing, then the right one; and the order goes on as if nothing had been.
    let sums = |order: &Order| {
        let mut books = Reconciler::default();
        books.order(order, false, &Default::default());
        let totals = books.finish().totals;
        (totals.receipted_minor, totals.returned_minor)
    };
    assert_eq!(sums(&order), (102_000, 0));
    registered(&mut order, back);
    assert_eq!(sums(&order), (0, 0));
    registered(&mut order, right.clone());
    assert_eq!(sums(&order), (102_000, 0));
    assert_eq!(order.sale_receipt().unwrap().draft.key, right.key);
}
