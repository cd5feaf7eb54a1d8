//! Answers to what can't be done: `application/problem+json` with a stable type, and nothing changed.

use crate::{
    domain::{order::OrderError, place::Refused, text::Text, time::Timestamp},
    flow::{FlowError, marking::MarkRefused},
    store::StoreError,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its last part, for programs.
    pub slug: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// This very case, in a sentence.
    pub detail: String,
    /// The same for guests, in their languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub message: Option<Box<Text>>,
    /// When it may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub retry_at: Option<Timestamp>,
    /// What the order comes to now, where the guest saw another total: as `POST /quote` answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub quote: Option<Box<serde_json::Value>>,
}

macro_rules! slugs {
    ($($slug:ident $status:ident $title:literal;)*) => {
        impl Problem {
            $(#[doc = $title]
            pub fn $slug(detail: impl Into<String>) -> Self {
                Self::new(concat!("https://galley.invalid/problems/", stringify!($slug)), stringify!($slug), $title, StatusCode::$status, detail.into())
            })*
        }
    };
}

slugs! {
    unknown_dish UNPROCESSABLE_ENTITY "There is no such dish.";
    bad_quantity UNPROCESSABLE_ENTITY "So many pieces can't be ordered.";
    price_changed CONFLICT "The price has changed.";
    empty_order UNPROCESSABLE_ENTITY "The order is empty.";
    option_gone CONFLICT "The dish can't be had like this any more.";
    promo_code UNPROCESSABLE_ENTITY "The promo code is not taken.";
    out_of_stock CONFLICT "The dish is sold out.";
    not_accepting SERVICE_UNAVAILABLE "The store takes no orders now.";
    unknown_order NOT_FOUND "There is no such order.";
    unknown_member NOT_FOUND "There is no such member.";
    unknown_payment NOT_FOUND "There is no such payment.";
    already_paid CONFLICT "Nothing is left to pay.";
    not_ready CONFLICT "The order is not ready.";
    code_missing CONFLICT "A code must be scanned first.";
    bad_code UNPROCESSABLE_ENTITY "This is no marking code that the order wants.";
    code_taken CONFLICT "This unit was sold already.";
    code_refused CONFLICT "This unit may not be sold.";
    refund_too_large UNPROCESSABLE_ENTITY "More than was paid can't be given back.";
    tender_unavailable CONFLICT "This way to pay doesn't work now.";
    bad_json BAD_REQUEST "The body can't be read.";
    body_too_large PAYLOAD_TOO_LARGE "The body is too large.";
    unauthorised UNAUTHORIZED "Who are you?";
    wrong_pin UNAUTHORIZED "This PIN is not known.";
    too_many TOO_MANY_REQUESTS "Asked too often.";
    forbidden FORBIDDEN "You may not do this.";
    not_found NOT_FOUND "There is nothing here.";
    method_not_allowed METHOD_NOT_ALLOWED "Not this way.";
    conflict CONFLICT "It doesn't fit the state of things.";
    invalid UNPROCESSABLE_ENTITY "The request makes no sense.";
    idempotency_key_missing BAD_REQUEST "The Idempotency-Key is missing or malformed.";
    idempotency_key_reused CONFLICT "The Idempotency-Key was used for another request.";
    device_away SERVICE_UNAVAILABLE "The device can't be reached.";
    device_refused CONFLICT "The device refused it.";
    device_cannot CONFLICT "The device can't do this.";
    disk_full INSUFFICIENT_STORAGE "The disk is full.";
    disk_slow SERVICE_UNAVAILABLE "The disk does not answer.";
    internal INTERNAL_SERVER_ERROR "Something is broken.";
}

impl Problem {
    fn new(
        kind: &'static str,
        slug: &'static str,
        title: &'static str,
        status: StatusCode,
        detail: String,
    ) -> Self {
        Self {
            kind,
            slug,
            title,
            status: status.as_u16(),
            detail: harmless(detail),
            message: None,
            retry_at: None,
            quote: None,
        }
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, slug: &str) -> bool {
        self.slug == slug
    }

    /// With words for guests.
    #[must_use]
    pub fn telling(mut self, message: Text) -> Self {
        self.message = Some(Box::new(message));
        self
    }
}

/// Text that repeats what a caller sent, without what a terminal or a log viewer would obey: control characters, and those
/// that turn the direction of writing.
fn harmless(text: String) -> String {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(obeyed) {
        return text;
    }
    text.replace(obeyed, "\u{fffd}")
}

/// What a guest is told when the store can't write.
pub(super) fn out_of_order() -> Text {
    Text::new(
        "Касса временно не работает. Позовите сотрудника.",
        "Kassa vaqtincha ishlamayapti. Xodimni chaqiring.",
        "The till is out of order for a moment. Please call staff.",
    )
}

impl Problem {
    /// A write took too long; it may still be carried out.
    pub(super) fn slow_disk() -> Self {
        Self::disk_slow("the disk takes too long; repeat the request with the same Idempotency-Key")
            .telling(out_of_order())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        // The clock that turns it into seconds is not here.
        if let Some(at) = self.retry_at {
            response.extensions_mut().insert(super::limits::RetryAt(at));
        }
        response
    }
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        let detail = error.to_string();
        match error {
            FlowError::Store(e) => e.into(),
            FlowError::Place(refused) => Self::from(refused),
            FlowError::Order(OrderError::NothingDue) | FlowError::PaymentCaptured => {
                Self::already_paid(detail)
            }
            FlowError::Order(OrderError::RefundTooLarge { .. }) => Self::refund_too_large(detail),
            FlowError::Order(OrderError::NotSoMany { .. }) => Self::refund_too_large(detail),
            FlowError::Order(OrderError::NoSuchUnit { .. }) => {
                Self::bad_code(detail).telling(Text::new(
                    "Этой упаковки нет в заказе, или её уже вернули.",
                    "Bu qadoq buyurtmada yo‘q yoki allaqachon qaytarilgan.",
                    "This package is not in the order, or came back already.",
                ))
            }
            FlowError::Order(OrderError::WhichUnit { .. }) => {
                Self::code_missing(detail).telling(Text::new(
                    "Отсканируйте код упаковки, которую вернули.",
                    "Qaytarilgan qadoqning kodini skanerlang.",
                    "Please scan the code of the package that came back.",
                ))
            }
            FlowError::Order(OrderError::NothingPaid) => Self::conflict(detail),
            FlowError::Order(OrderError::TooMuch { .. }) => Self::invalid(detail),
            FlowError::Order(OrderError::NoSuchPayment) => Self::unknown_payment(detail),
            FlowError::Order(OrderError::NotReady(_)) => {
                Self::not_ready(detail).telling(Text::new(
                    "Заказ не готов, выдавать пока нечего.",
                    "Buyurtma tayyor emas, hozircha beradigan narsa yo‘q.",
                    "The order is not ready; there is nothing to hand over.",
                ))
            }
            FlowError::Order(OrderError::State(state)) => {
                use crate::domain::order::OrderState as S;
                match state {
                    S::Placed | S::Cancelled | S::Expired => Self::conflict(detail),
                    _ => Self::already_paid(detail),
                }
            }
            FlowError::Mark(refused) => Self::from(refused),
            FlowError::CodeMissing(name) => Self::code_missing(detail).telling(Text::new(
                format!("Отсканируйте код маркировки: {}.", name.ru),
                format!("Markirovka kodini skanerlang: {}.", name.uz),
                format!("Please scan the marking code: {}.", name.en),
            )),
            FlowError::Stock(_) | FlowError::Invalid(_) => Self::invalid(detail),
            FlowError::UnknownOrder => Self::unknown_order(detail),
            FlowError::Unknown("payment") => Self::unknown_payment(detail),
            FlowError::Unknown("member") => Self::unknown_member(detail),
            FlowError::Unknown(_) => Self::not_found(detail),
            FlowError::NotAccepting(closed) => Self::not_accepting(detail).telling(closed.reason),
            FlowError::Tender(_, why) => Self::tender_unavailable(detail).telling(why),
            FlowError::WrongPin => super::sessions::wrong_pin(),
            FlowError::TooMany(until) => super::sessions::too_many(until),
            FlowError::Conflict(_) => Self::conflict(detail),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Empty => Self::empty_order(detail),
            Refused::UnknownDish(_) => Self::unknown_dish(detail).telling(Text::new(
                "Этого блюда больше нет в меню.",
                "Bu taom menyuda endi yo‘q.",
                "This dish is not on the menu any more.",
            )),
            Refused::Quantity { max, .. } => Self::bad_quantity(detail).telling(Text::new(
                format!("В одном заказе может быть от 1 до {max} блюд."),
                format!("Bitta buyurtmada 1 tadan {max} tagacha taom bo‘lishi mumkin."),
                format!("An order can have 1 to {max} dishes."),
            )),
            Refused::TooManyDishes { places, .. } => Self::bad_quantity(detail).telling(Text::new(
                format!("Робот выдаёт за один заказ блюд: не больше {places}. Остальное закажите, пожалуйста, отдельно."),
                format!("Robot bitta buyurtmada ko‘pi bilan {places} ta taom beradi. Qolganini, iltimos, alohida buyurtma qiling."),
                format!("The robot serves up to {places} dishes an order. Please order the rest separately."),
            )),
            Refused::PriceChanged { .. } => Self::price_changed(detail).telling(Text::new(
                "Цена изменилась. Проверьте, пожалуйста, корзину.",
                "Narx o‘zgardi. Iltimos, savatni tekshiring.",
                "The price has changed. Please check your cart.",
            )),
            Refused::OutOfStock { .. } => Self::out_of_stock(detail).telling(Text::new(
                "К сожалению, одно из блюд закончилось.",
                "Afsuski, taomlardan biri tugadi.",
                "Sorry, one of the dishes is sold out.",
            )),
            Refused::Stopped { message, .. } => Self::out_of_stock(detail).telling(*message),
            Refused::OptionGone { .. } => Self::option_gone(detail).telling(Text::new(
                "Такого варианта блюда больше нет. Выберите, пожалуйста, снова.",
                "Taomning bunday varianti endi yo‘q. Iltimos, qaytadan tanlang.",
                "This choice is not available any more. Please choose again.",
            )),
            Refused::OptionCount { min, max, .. } => Self::invalid(detail).telling(Text::new(
                format!("Выберите от {min} до {max} вариантов."),
                format!("{min} tadan {max} tagacha variant tanlang."),
                format!("Please choose {min} to {max}."),
            )),
            Refused::Code(problem) => Self::promo_code(detail).telling(problem.message()),
            Refused::TotalChanged { quote } => {
                let view = serde_json::to_value(super::quote::view(&quote)).ok();
                Self {
                    quote: view.map(Box::new),
                    ..Self::price_changed(detail)
                }
                .telling(Text::new(
                    "Сумма заказа изменилась. Проверьте, пожалуйста, корзину.",
                    "Buyurtma summasi o‘zgardi. Iltimos, savatni tekshiring.",
                    "The total has changed. Please check your cart.",
                ))
            }
            Refused::AfterClosing => Self::not_accepting(detail).telling(Text::new(
                "Мы скоро закрываемся и не успеем приготовить этот заказ.",
                "Tez orada yopamiz va bu buyurtmani tayyorlashga ulgurmaymiz.",
                "We are closing soon and could not finish this order in time.",
            )),
            Refused::TooBusy { .. } => Self::not_accepting(detail).telling(Text::new(
                "Сейчас слишком много заказов. Попробуйте позже.",
                "Hozir buyurtmalar juda ko‘p. Keyinroq urinib ko‘ring.",
                "There are too many orders right now. Please try later.",
            )),
            Refused::NoVatRate { .. } | Refused::NoMarking(_) => {
                Self::invalid(detail).telling(Text::new(
                    "Это блюдо сейчас нельзя продать. Позовите сотрудника.",
                    "Bu taomni hozir sotib bo‘lmaydi. Xodimni chaqiring.",
                    "This dish can't be sold right now. Please call staff.",
                ))
            }
            Refused::TooLarge => Self::invalid(detail),
        }
    }
}

impl From<MarkRefused> for Problem {
    fn from(refused: MarkRefused) -> Self {
        let detail = refused.to_string();
        match refused {
            MarkRefused::Scan(_) => Self::bad_code(detail).telling(Text::new(
                "Код не подошёл. Отсканируйте квадратный код на упаковке ещё раз.",
                "Kod mos kelmadi. Qadoqdagi kvadrat kodni yana skanerlang.",
                "This code does not fit. Please scan the square code on the package again.",
            )),
            MarkRefused::Taken { .. } => Self::code_taken(detail).telling(Text::new(
                "Эта упаковка уже продана. Возьмите другую.",
                "Bu qadoq allaqachon sotilgan. Boshqasini oling.",
                "This package was sold already. Please take another one.",
            )),
            MarkRefused::Check { .. }
            | MarkRefused::Unchecked { .. }
            | MarkRefused::Forbidden { .. }
            | MarkRefused::Unasked { .. } => Self::code_refused(detail).telling(Text::new(
                "Эту упаковку нельзя продать. Позовите сотрудника.",
                "Bu qadoqni sotib bo‘lmaydi. Xodimni chaqiring.",
                "This package can't be sold. Please call staff.",
            )),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The ledger's word on what was asked: nothing failed.
        if let StoreError::Stock(refused) = error {
            return Self::invalid(refused.to_string());
        }
        tracing::error!(%error, "a request failed in the database");
        match error {
            StoreError::DiskFull => {
                return Self::disk_full(error.to_string())
                    .telling(crate::flow::accepting::Closed::by_full_disk().reason);
            }
            _ => Self::internal("The store's database failed; see the daemon's log."),
        }
        .telling(out_of_order())
    }
}

pub(super) async fn not_found() -> Problem {
    Problem::not_found("there is nothing at this address; see /openapi.json")
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed("this address takes another method; see /openapi.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_sent_is_repeated_without_what_a_terminal_obeys() {
        let told = Problem::invalid("no dish \u{202e}hsrob\u{0} \u{1b}[2J; борщ\nnext");
        assert_eq!(
            told.detail,
            "no dish \u{fffd}hsrob\u{fffd} \u{fffd}[2J; борщ\nnext"
        );
    }
}
