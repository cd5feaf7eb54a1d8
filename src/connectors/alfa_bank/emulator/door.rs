//! The bank's wire: routes, login, fields, answers.

use super::{
    BankEmulator, BankFault, Trouble,
    book::{Book, Denied, New},
};
use crate::domain::time::Timestamp;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, io, time::Duration};

/// The bank's own life of an order, when the shop names none.
const DEFAULT_LIFE: Duration = Duration::from_secs(1200);

pub(super) fn router(bank: BankEmulator) -> Router {
    Router::new()
        .route("/payment/rest/{*method}", any(gateway))
        .route("/__emu/orders", get(list))
        .route("/__emu/orders/{md_order}/pay", post(pay))
        .route("/__emu/orders/{md_order}/decline", post(decline))
        .route("/__emu/faults", post(fault))
        .with_state(bank)
}

type Fields = BTreeMap<String, String>;

async fn gateway(
    State(bank): State<BankEmulator>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let mut fields = Fields::new();
    for part in [query.unwrap_or_default().as_bytes(), body.as_ref()] {
        fields.extend(form_urlencoded::parse(part).into_owned());
    }
    let fault = bank.faults().strike(&method);
    match &fault {
        Some(BankFault::Before(trouble)) => return run_into(trouble).await,
        Some(BankFault::Delay(by)) => tokio::time::sleep(*by).await,
        _ => {}
    }
    let answer = serve(&bank, &method, &fields, fault.as_ref());
    if let Some(BankFault::After(trouble)) = &fault {
        return run_into(trouble).await;
    }
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(Denied::Code(code, text)) => Json(error(code, text)).into_response(),
        Err(Denied::Broken(e)) => {
            tracing::error!(error = %e, "the emulated bank can't write its book");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn error(code: i64, text: &str) -> Value {
    json!({"errorCode": code.to_string(), "errorMessage": text})
}

async fn run_into(trouble: &Trouble) -> Response {
    match trouble {
        Trouble::Hang => std::future::pending().await,
        Trouble::Drop => {
            let cut = futures_util::stream::once(async {
                Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))
            });
            Response::new(Body::from_stream(cut))
        }
        Trouble::Status(status) => StatusCode::from_u16(*status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Trouble::Garbage => "<html><body>Technical works</body></html>".into_response(),
        Trouble::ErrorCode(code) => Json(error(*code, "System error")).into_response(),
    }
}

/// One call, all of it at once.
fn serve(
    bank: &BankEmulator,
    method: &str,
    fields: &Fields,
    fault: Option<&BankFault>,
) -> Result<Value, Denied> {
    let login = (get_field(fields, "userName"), get_field(fields, "password"));
    if login != (Some(&bank.0.user_name), Some(&bank.0.password)) {
        return Err(Denied::Code(5, "Access denied"));
    }
    bank.change(|book, now| act(book, method, fields, fault, now))
}

fn act(
    book: &mut Book,
    method: &str,
    fields: &Fields,
    fault: Option<&BankFault>,
    now: Timestamp,
) -> Result<Value, Denied> {
    let refuse = fault == Some(&BankFault::RefuseClose);
    let qr_id = get_field(fields, "qrId");
    let done = |()| json!({"errorCode": 0, "errorMessage": "Success"});
    match method {
        "register.do" | "registerPreAuth.do" => {
            register(book, fields, method == "registerPreAuth.do", now)
        }
        "sbp/c2b/qr/dynamic/get.do" => book.qr(need(fields, "mdOrder")?, now),
        "sbp/c2b/qr/status.do" | "sbp/c2b/qr/dynamic/status.do" => {
            book.qr_status(need(fields, "mdOrder")?, qr_id, now)
        }
        "sbp/c2b/qr/dynamic/reject.do" => book.reject(need(fields, "mdOrder")?, qr_id, refuse, now),
        "getOrderStatusExtended.do" => book.status(
            get_field(fields, "orderId"),
            get_field(fields, "orderNumber"),
            now,
        ),
        "deposit.do" => book
            .deposit(need(fields, "orderId")?, amount(fields)?, now)
            .map(done),
        // A failure of this one must be written down, so it may not be an error to the book.
        "reverse.do" => Ok(match book.reverse(need(fields, "orderId")?, now) {
            Err(Denied::Code(code, text)) => error(code, text),
            other => other.map(done)?,
        }),
        "decline.do" => {
            let number = need(fields, "orderNumber")?;
            book.close(need(fields, "orderId")?, number, refuse, now)
                .map(done)
        }
        "refund.do" => {
            let slow = match fault {
                Some(BankFault::SlowRefund(by)) => *by,
                _ => Duration::ZERO,
            };
            let expected = get_field(fields, "expectedDepositedAmount")
                .map(|text| text.parse().map_err(|_| Denied::Code(5, "Wrong amount")))
                .transpose()?;
            let id = get_field(fields, "externalRefundId");
            let order = need(fields, "orderId")?;
            book.refund(order, amount(fields)?, id, expected, slow, now)
        }
        "getLastOrdersForMerchants.do" => last_orders(book, fields, now),
        _ => Err(Denied::Code(7, "Unknown method")),
    }
}

fn register(book: &mut Book, fields: &Fields, hold: bool, now: Timestamp) -> Result<Value, Denied> {
    let number = need(fields, "orderNumber")?;
    let return_url = need(fields, "returnUrl")?;
    let amount = amount(fields)?;
    let currency = get_field(fields, "currency").unwrap_or("643");
    let description = get_field(fields, "description").unwrap_or_default();
    if !matches!(currency, "643" | "810") {
        return Err(Denied::Code(3, "Unknown currency"));
    }
    if !return_url.contains("://") || return_url.len() > 512 {
        return Err(Denied::Code(4, "Return URL must be absolute"));
    }
    if number.len() > 36 || description.chars().count() > 598 {
        return Err(Denied::Code(1, "Wrong order number or description"));
    }
    if amount <= 0 {
        return Err(Denied::Code(5, "Wrong amount"));
    }
    if let Some(bundle) = get_field(fields, "orderBundle") {
        check_bundle(bundle, amount)?;
    }
    let life = get_field(fields, "sessionTimeoutSecs")
        .and_then(|text| text.parse().ok())
        .map_or(DEFAULT_LIFE, Duration::from_secs);
    let order_id = book.register(
        &New {
            number,
            amount,
            currency,
            description,
            life,
            hold,
        },
        now,
    )?;
    Ok(json!({
        "formUrl": format!(
            "https://alfa.rbsuat.com/payment/payment/merchants/ecom/payment_ru.html?mdOrder={order_id}"
        ),
        "orderId": order_id,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    cart_items: Cart,
}

#[derive(Deserialize)]
struct Cart {
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    quantity: Quantity,
    item_price: Option<i64>,
    item_amount: i64,
}

#[derive(Deserialize)]
struct Quantity {
    value: serde_json::Number,
}

impl Quantity {
    /// Thousandths; the wire has at most three decimals.
    fn milli(&self) -> Option<i64> {
        let text = self.value.to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let part = format!("{part:0<3}");
        (part.len() == 3).then(|| format!("{whole}{part}").parse().ok())?
    }
}

fn check_bundle(json: &str, amount: i64) -> Result<(), Denied> {
    let wrong = Denied::Code(5, "Wrong orderBundle");
    let Ok(bundle) = serde_json::from_str::<Bundle>(json) else {
        return Err(wrong);
    };
    let items = &bundle.cart_items.items;
    let fits = items.iter().all(|item| {
        item.item_price.is_none_or(|price| {
            let sum = item.quantity.milli().and_then(|q| price.checked_mul(q));
            sum == item.item_amount.checked_mul(1000)
        })
    });
    let total = items
        .iter()
        .try_fold(0i64, |sum, item| sum.checked_add(item.item_amount));
    if fits && total == Some(amount) {
        Ok(())
    } else {
        Err(wrong)
    }
}

fn last_orders(book: &mut Book, fields: &Fields, now: Timestamp) -> Result<Value, Denied> {
    let size: usize = need(fields, "size")?
        .parse()
        .ok()
        .filter(|size| (1..=200).contains(size))
        .ok_or(Denied::Code(5, "Wrong size"))?;
    let page: usize = get_field(fields, "page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let states: Vec<&str> = need(fields, "transactionStates")?.split(',').collect();
    let from = moment(need(fields, "from")?)?;
    let to = moment(need(fields, "to")?)?;
    let found: Vec<Value> = book
        .between(from, to, now)
        .into_iter()
        .filter(|order| {
            order["paymentAmountInfo"]["paymentState"]
                .as_str()
                .is_some_and(|state| states.contains(&state))
        })
        .collect();
    let total = found.len();
    let shown: Vec<Value> = found
        .into_iter()
        .skip(page.saturating_mul(size))
        .take(size)
        .collect();
    Ok(json!({"orderStatuses": shown, "page": page, "pageSize": size, "totalCount": total}))
}

/// `yyyyMMddHHmmss`, Moscow time [memory].
fn moment(text: &str) -> Result<Timestamp, Denied> {
    jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text)
        .and_then(|local| local.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(3))))
        .map(|zoned| Timestamp::from_millis(zoned.timestamp().as_millisecond()))
        .map_err(|_| Denied::Code(5, "Wrong date"))
}

fn get_field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields
        .get(name)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}

fn need<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a str, Denied> {
    get_field(fields, name).ok_or(Denied::Code(4, "A mandatory parameter is empty"))
}

fn amount(fields: &Fields) -> Result<i64, Denied> {
    need(fields, "amount")?
        .parse()
        .ok()
        .filter(|minor| (0..1_000_000_000_000).contains(minor))
        .ok_or(Denied::Code(5, "Wrong amount"))
}

async fn list(State(bank): State<BankEmulator>) -> Response {
    Json(bank.orders()).into_response()
}

async fn pay(State(bank): State<BankEmulator>, Path(md_order): Path<String>) -> Response {
    by_person(&bank, &md_order, |number| bank.pay(number))
}

async fn decline(State(bank): State<BankEmulator>, Path(md_order): Path<String>) -> Response {
    by_person(&bank, &md_order, |number| bank.decline(number))
}

fn by_person(
    bank: &BankEmulator,
    md_order: &str,
    act: impl FnOnce(&str) -> Result<(), super::PayError>,
) -> Response {
    let number = bank.book().number_of(md_order);
    match number.ok_or(super::PayError::NoOrder).and_then(|n| act(&n)) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(super::PayError::NoOrder) => StatusCode::NOT_FOUND.into_response(),
        Err(e) => (StatusCode::CONFLICT, e.to_string()).into_response(),
    }
}

/// A fault, as a person asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    /// Such as `refund.do`; every method when absent.
    method: Option<String>,
    mode: String,
    /// How many calls; one when absent.
    count: Option<u32>,
    /// Milliseconds of `delay_ms` and `slow_refund`, or the code of `error_code`.
    #[serde(default)]
    value: u32,
}

async fn fault(State(bank): State<BankEmulator>, Json(request): Json<FaultRequest>) -> StatusCode {
    let time = Duration::from_millis(request.value.into());
    let fault = match request.mode.as_str() {
        "drop_before" => BankFault::Before(Trouble::Drop),
        "drop_after" => BankFault::After(Trouble::Drop),
        "hang_before" => BankFault::Before(Trouble::Hang),
        "hang_after" => BankFault::After(Trouble::Hang),
        "http_500" => BankFault::Before(Trouble::Status(500)),
        "http_502" => BankFault::Before(Trouble::Status(502)),
        "http_429" => BankFault::Before(Trouble::Status(429)),
        "garbage_body" => BankFault::After(Trouble::Garbage),
        "error_code" => BankFault::Before(Trouble::ErrorCode(request.value.into())),
        "delay_ms" => BankFault::Delay(time),
        "slow_refund" => BankFault::SlowRefund(time),
        "refuse_close" => BankFault::RefuseClose,
        _ => return StatusCode::BAD_REQUEST,
    };
    let method = request.method.as_deref().unwrap_or(BankEmulator::ANY);
    bank.set_fault(method, fault, request.count.unwrap_or(1));
    StatusCode::NO_CONTENT
}
