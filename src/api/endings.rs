//! What a guest is told of an end: of an order that was given up or paid back, and of a payment that came to nothing.
//! Each end has a sentence of its own, so that nobody is told of a robot that failed when a person decided.

use crate::domain::{
    order::{GivenUp, JobStage, Order, OrderState},
    payment::{Payment, PaymentState, Unpaid, Withdrawal},
    refund::{RefundCause, RefundState},
    text::Text,
};
use std::collections::BTreeSet;

/// Why an order came to its end, if it did and that is known; or what the guest must do about money that can't go
/// back by itself.
pub(super) fn of_order(order: &Order) -> Option<Text> {
    // Whoever waits for money that the bank refuses to take back would wait for ever.
    if order
        .refunds
        .iter()
        .any(|r| r.state == RefundState::Refused)
        && order.left_minor() > 0
    {
        return Some(Text::new(
            "Банк не принял возврат. Подойдите, пожалуйста, к кассе: деньги вернёт сотрудник.",
            "Bank pulni qaytarib olmadi. Iltimos, kassaga keling: pulni xodim qaytaradi.",
            "The bank did not take the money back. Please come to the counter: our staff return it.",
        ));
    }
    match order.state {
        OrderState::Expired => Some(Text::new(
            "За заказ не заплатили вовремя.",
            "Buyurtma uchun vaqtida toʻlanmadi.",
            "The order was not paid in time.",
        )),
        OrderState::Cancelled => given_up(order.given_up.as_ref()),
        OrderState::Refunding | OrderState::Refunded => gone_back(order),
        _ => None,
    }
}

fn given_up(how: Option<&GivenUp>) -> Option<Text> {
    let Some(GivenUp::Cancelled { reason }) = how else {
        return None;
    };
    match reason.strip_prefix("by ")? {
        "kiosk" => Some(Text::new(
            "Его отменили на экране заказа.",
            "U buyurtma ekranida bekor qilindi.",
            "It was cancelled at the order screen.",
        )),
        "cashier" | "technician" | "manager" => Some(Text::new(
            "Его отменил сотрудник.",
            "Uni xodim bekor qildi.",
            "It was cancelled by our staff.",
        )),
        _ => None,
    }
}

/// Of several reasons none is the reason.
fn gone_back(order: &Order) -> Option<Text> {
    let causes: BTreeSet<RefundCause> = order
        .refunds
        .iter()
        .filter(|r| r.holds_money())
        .map(|r| order.cause_of(r))
        .filter(|cause| *cause != RefundCause::Over)
        .collect();
    let mut causes = causes.into_iter();
    let (Some(cause), None) = (causes.next(), causes.next()) else {
        return None;
    };
    Some(match cause {
        RefundCause::Dish => Text::new(
            "Приготовить не получилось, простите.",
            "Tayyorlab boʻlmadi, uzr.",
            "We could not cook it, sorry.",
        ),
        RefundCause::Person => Text::new(
            "Возврат оформил сотрудник.",
            "Pulni qaytarishni xodim rasmiylashtirdi.",
            "Our staff have made the refund.",
        ),
        RefundCause::Late => Text::new(
            "Оплата пришла, когда заказ уже был закрыт.",
            "Toʻlov buyurtma yopilgandan keyin keldi.",
            "The payment came when the order was closed already.",
        ),
        RefundCause::GivenUp => Text::new(
            "Заказ отменён до полной оплаты.",
            "Buyurtma toʻliq toʻlanmasdan bekor qilindi.",
            "The order was given up before all of it was paid.",
        ),
        RefundCause::Over => return None,
    })
}

/// Every dish was given up: nothing will come.
pub(super) fn comes_to_nothing(order: &Order) -> bool {
    let mut pieces = order.pieces.iter();
    order.paid && !order.pieces.is_empty() && pieces.all(|p| p.stage == JobStage::Failed)
}

/// Why a payment was declined or closed.
pub(super) fn of_payment(p: &Payment) -> Option<Text> {
    if p.state == PaymentState::Captured {
        return None;
    }
    match p.withdrawn {
        Some(Withdrawal::NoCode) => {
            return Some(Text::new(
                "Банк не прислал код. Деньги не списаны.",
                "Bank kod yubormadi. Pul yechilmadi.",
                "The bank sent no code. No money was taken.",
            ));
        }
        Some(Withdrawal::Asked) => return Some(called_off()),
        None => {}
    }
    if p.state == PaymentState::Declined && p.points.is_some() {
        return Some(Text::new(
            "Баллы не списались. Заплатите другим способом.",
            "Ballar yechilmadi. Boshqa usulda toʻlang.",
            "The points could not be used. Please pay otherwise.",
        ));
    }
    if p.state == PaymentState::Declined {
        return Some(Text::new(
            "Оплата не прошла. Деньги не списаны.",
            "Toʻlov oʻtmadi. Pul yechilmadi.",
            "The payment did not go through. No money was taken.",
        ));
    }
    Some(match p.unpaid()? {
        Unpaid::TimeOver => Text::new(
            "Время оплаты вышло. Деньги не списаны.",
            "Toʻlov vaqti tugadi. Pul yechilmadi.",
            "The time to pay is over. No money was taken.",
        ),
        Unpaid::Refused => Text::new(
            "Ваш банк отклонил оплату. Деньги не списаны.",
            "Bankingiz toʻlovni rad etdi. Pul yechilmadi.",
            "Your bank refused the payment. No money was taken.",
        ),
        Unpaid::NotWanted => called_off(),
        Unpaid::Unpaid => Text::new(
            "Оплата закрыта. Деньги не списаны.",
            "Toʻlov yopildi. Pul yechilmadi.",
            "The payment was closed. No money was taken.",
        ),
    })
}

fn called_off() -> Text {
    Text::new(
        "Эта оплата отменена. Если деньги всё же спишутся, они вернутся.",
        "Bu toʻlov bekor qilindi. Pul yechilsa ham, u qaytariladi.",
        "This payment was cancelled. If money is still taken, it comes back.",
    )
}
