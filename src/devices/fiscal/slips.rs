//! Slips of an order: the pre-bill for the guest, and the slip for the kitchen when no robot cooks. Pure; slips are no
//! fiscal documents, and say so.

use crate::domain::{
    money::Money,
    order::{JobStage, Order, Service},
    payment::PaymentState,
    text::Language,
};
use galley_fiscal::{Align, Slip, SlipItem};

fn text(text: impl Into<String>, align: Align, wide: bool) -> SlipItem {
    SlipItem::Text {
        text: text.into(),
        align,
        wide,
    }
}

fn pair(left: impl Into<String>, right: impl Into<String>) -> SlipItem {
    SlipItem::Pair {
        left: left.into(),
        right: right.into(),
    }
}

/// Where a new screen finds the store, and what is to be done there.
#[must_use]
pub fn screen(url: &str, store: &str, authority: Option<&str>) -> Slip {
    let mut items = vec![
        text(store, Align::Center, false),
        text("Новый экран", Align::Center, true),
        text("Не является кассовым чеком", Align::Center, false),
        SlipItem::Rule,
        SlipItem::Qr {
            data: url.to_owned(),
            scale: 6,
            align: Align::Center,
        },
        text(url, Align::Center, false),
        SlipItem::Feed { lines: 1 },
        text("1. Откройте этот адрес на экране.", Align::Left, false),
        text("2. Экран покажет шесть цифр.", Align::Left, false),
        text(
            "3. Введите их на экране персонала (Экраны) или: galley kiosk pair ЦИФРЫ --name ИМЯ",
            Align::Left,
            false,
        ),
    ];
    if let Some(authority) = authority {
        items.push(text(
            format!("Если браузер не доверяет адресу, сначала установите сертификат магазина: {authority}"),
            Align::Left,
            false,
        ));
    }
    Slip { items, cut: true }
}

/// What to pay, before it is paid: lines, total, and a QR code: the bank's where the guest is to pay by one now,
/// otherwise the order's own.
#[must_use]
pub fn pre_bill(order: &Order, store: &str) -> Slip {
    let mut items = vec![
        text(store, Align::Center, false),
        text(format!("Заказ {}", order.number), Align::Center, true),
        text("Предварительный счёт", Align::Center, false),
        text("Не является кассовым чеком", Align::Center, false),
        SlipItem::Rule,
    ];
    for line in &order.lines {
        items.push(pair(
            format!("{} × {}", line.full_name(Language::Ru), line.quantity),
            Money::new(line.sum_minor, order.currency).to_string(),
        ));
    }
    for promotion in &order.promotions {
        items.push(pair(
            promotion.name.get(Language::Ru),
            Money::new(-promotion.discount_minor, order.currency).to_string(),
        ));
    }
    items.push(SlipItem::Rule);
    items.push(pair(
        "Итого",
        Money::new(order.total_minor, order.currency).to_string(),
    ));
    let paid = order.captured_minor();
    if paid > 0 {
        items.push(pair(
            "Оплачено",
            Money::new(paid, order.currency).to_string(),
        ));
        items.push(pair(
            "К оплате",
            Money::new((order.total_minor - paid).max(0), order.currency).to_string(),
        ));
    }
    let to_pay = order
        .payments
        .iter()
        .find(|p| p.state == PaymentState::Waiting && p.qr_payload.is_some())
        .and_then(|p| p.qr_payload.clone());
    items.push(SlipItem::Feed { lines: 1 });
    items.push(SlipItem::Qr {
        data: to_pay
            .clone()
            .unwrap_or_else(|| format!("galley:order:{}", order.id)),
        scale: 4,
        align: Align::Center,
    });
    let under = match to_pay {
        Some(_) => "Оплата по QR-коду (СБП)",
        None => "Номер заказа для кассы",
    };
    items.push(text(under, Align::Center, false));
    Slip { items, cut: true }
}

/// What to cook by hand: the dishes of an order that are not on the hand-over place yet. A `repeat` says so: something
/// of an earlier one may hang in the kitchen already.
#[must_use]
pub fn kitchen(order: &Order, repeat: bool) -> Slip {
    let mut items = Vec::new();
    if repeat {
        items.push(text("ПОВТОР", Align::Center, true));
        items.push(text(
            "Такой заказ уже мог быть напечатан",
            Align::Center,
            false,
        ));
    }
    items.extend([
        text(format!("КУХНЯ {}", order.number), Align::Center, true),
        text(
            match order.service {
                Service::Here => "В зале",
                Service::ToGo => "С собой",
            },
            Align::Center,
            false,
        ),
        SlipItem::Rule,
    ]);
    for (i, line) in order.lines.iter().enumerate() {
        let open = order
            .pieces
            .iter()
            .filter(|p| p.line == i && p.stage < JobStage::Plated)
            .count();
        if open > 0 {
            items.push(pair(line.full_name(Language::Ru), format!("{open} шт")));
        }
    }
    items.push(SlipItem::Rule);
    Slip { items, cut: true }
}
