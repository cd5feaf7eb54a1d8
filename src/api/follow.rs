//! The page by which a guest's phone follows an order: whole HTML in the order's language, without a script. Its
//! address can't be guessed, and it shows nothing about the person.

use super::{Api, endings, keys::Keys};
use crate::{
    domain::{
        order::{JobStage, Order, OrderState, Piece},
        refund::{RefundCause, RefundState},
        text::{Language, Text},
        time::Timestamp,
    },
    store::StoreError,
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fast_qr::convert::{Builder as _, Shape, svg::SvgBuilder};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, time::Duration};

/// A page is shown so long after the order was placed.
const SHOWN: Duration = Duration::from_hours(24);
/// The phone asks again after so many seconds while something can still change.
const REFRESH_S: u32 = 8;
/// The look; the page's policy allows this very text and no other.
const STYLE: &str = include_str!("follow.css");

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/f/{code}", get(show))
        .route("/f/{code}/qr.svg", get(qr))
}

/// Where an order can be followed, if guests' phones can find this store.
pub(super) fn link(api: &Api, order: &Order, headers: &HeaderMap) -> Option<super::view::Follow> {
    let base = base(api, headers)?;
    let code = api.keys().follow_code(order.id);
    Some(super::view::Follow {
        url: format!("{base}/f/{code}"),
        svg_path: format!("/f/{code}/qr.svg"),
    })
}

/// The address by which phones find this store.
fn base(api: &Api, headers: &HeaderMap) -> Option<String> {
    if let Some(base) = &api.doors.follow_base {
        return Some(base.trim_end_matches('/').to_owned());
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    // A screen that came by HTTPS: guests' phones don't trust the store's own authority, so they come by HTTP.
    let secure = api.doors.tls.listen.map(|l| l.port().to_string());
    if secure.is_some() && secure.as_deref() == port {
        let plain = api.doors.plain.filter(|l| !l.ip().is_loopback())?;
        return Some(format!("http://{name}:{}", plain.port()));
    }
    let own = ["localhost", "127.0.0.1", "[::1]", "galley"].contains(&name);
    let plain = !host.is_empty()
        && host
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c));
    (plain && !own).then(|| format!("http://{host}"))
}

async fn find(api: &Api, code: &str) -> Result<Option<Order>, StoreError> {
    let Some((first, last)) = Keys::follow_range(code) else {
        return Ok(None);
    };
    let near = api
        .site
        .store
        .read(move |s| s.orders_between(first, last))
        .await?;
    let now = api.site.world.clock.now();
    Ok(near
        .into_iter()
        .find(|o| api.keys().follow_code(o.id) == code)
        .filter(|o| now.since(o.placed_at) < SHOWN))
}

async fn show(State(api): State<Api>, Path(code): Path<String>) -> Response {
    let now = api.site.world.clock.now();
    match find(&api, &code).await {
        Ok(Some(order)) => {
            let time = clock(&api, now);
            answer(StatusCode::OK, page(&order, &api.store_name, now, &time))
        }
        Ok(None) => answer(StatusCode::NOT_FOUND, gone(&api.store_name)),
        Err(error) => {
            tracing::error!(%error, "a guest's page can't be read");
            answer(StatusCode::SERVICE_UNAVAILABLE, gone(&api.store_name))
        }
    }
}

async fn qr(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Result<Response, super::Problem> {
    let found = find(&api, &code).await?;
    let url = found
        .and_then(|order| link(&api, &order, &headers))
        .map(|l| l.url);
    let url = url.ok_or_else(|| super::Problem::not_found("there is no such page"))?;
    let code = fast_qr::QRBuilder::new(url)
        .build()
        .map_err(|e| super::Problem::internal(format!("the QR code can't be drawn: {e:?}")))?;
    let svg = SvgBuilder::default().shape(Shape::Square).to_str(&code);
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

fn answer(status: StatusCode, html: String) -> Response {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(header::CONTENT_SECURITY_POLICY, &policy);
    set(header::CACHE_CONTROL, "no-store");
    set(header::REFERRER_POLICY, "no-referrer");
    response
}

/// The store's time of day.
fn clock(api: &Api, at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(api.site.zone().clone())
        .strftime("%H:%M:%S")
        .to_string()
}

/// Where an order stands for who waits for it. The receipt may come after the cooking: that is the till's business.
fn standing(order: &Order) -> OrderState {
    match order.state {
        _ if endings::comes_to_nothing(order) && order.state != OrderState::Refunded => {
            OrderState::Refunding
        }
        OrderState::Paid | OrderState::Receipted if order.ready => OrderState::Ready,
        OrderState::Paid | OrderState::Receipted | OrderState::Cooking => {
            let begun = |p: &Piece| p.stage > JobStage::Queued && p.stage != JobStage::Failed;
            match order.pieces.iter().any(begun) {
                true => OrderState::Cooking,
                false => OrderState::Paid,
            }
        }
        state => state,
    }
}

fn words(order: &Order, standing: OrderState) -> (Text, Text) {
    let by_hand = order
        .refunds
        .iter()
        .any(|r| r.state == RefundState::AwaitingPerson);
    match standing {
        OrderState::Placed => (
            Text::new("Ждёт оплаты", "Toʻlov kutilmoqda", "Waiting to be paid"),
            Text::new(
                "Готовим сразу после оплаты",
                "Toʻlovdan soʻng darhol tayyorlaymiz",
                "We cook as soon as it is paid",
            ),
        ),
        OrderState::Paid | OrderState::Receipted => (
            Text::new("Оплачен", "Toʻlangan", "Paid"),
            Text::new(
                "В очереди, скоро начнём готовить",
                "Navbatda, tez orada tayyorlay boshlaymiz",
                "In the queue, we start cooking soon",
            ),
        ),
        OrderState::Cooking => (
            Text::new("Готовится", "Tayyorlanmoqda", "Cooking"),
            Text::new(
                "Робот уже за работой",
                "Robot allaqachon ishlamoqda",
                "The robot is at work",
            ),
        ),
        OrderState::Ready => (
            Text::new("Готов!", "Tayyor!", "Ready!"),
            Text::new(
                "Заберите на выдаче",
                "Berish joyidan oling",
                "Collect it at the hatch",
            ),
        ),
        OrderState::Closed => (
            Text::new("Выдан", "Berildi", "Handed over"),
            Text::new(
                "Приятного аппетита!",
                "Yoqimli ishtaha!",
                "Enjoy your meal!",
            ),
        ),
        OrderState::Cancelled | OrderState::Expired => (
            Text::new(
                "Заказ отменён",
                "Buyurtma bekor qilindi",
                "The order is cancelled",
            ),
            Text::new(
                "Если деньги всё же спишутся, они вернутся сами",
                "Pul yechilsa ham, u oʻzi qaytadi",
                "Should money be taken after all, it comes back by itself",
            ),
        ),
        OrderState::Refunding => (
            Text::new(
                "Возвращаем деньги",
                "Pulni qaytarmoqdamiz",
                "Returning your money",
            ),
            match by_hand {
                true => Text::new(
                    "Деньги вернёт сотрудник на кассе",
                    "Pulni kassada xodim qaytaradi",
                    "Our staff return the money at the counter",
                ),
                false => Text::new(
                    "Банку нужно немного времени",
                    "Bankka biroz vaqt kerak",
                    "The bank needs a little time",
                ),
            },
        ),
        OrderState::Refunded => (
            Text::new(
                "Деньги возвращены",
                "Pul qaytarildi",
                "Your money is returned",
            ),
            Text::default(),
        ),
    }
}

/// How many steps of its way an order has behind it, and the one that it is at.
fn steps(standing: OrderState) -> Option<(usize, Option<usize>)> {
    match standing {
        OrderState::Placed => Some((0, None)),
        OrderState::Paid | OrderState::Receipted => Some((1, None)),
        OrderState::Cooking => Some((1, Some(1))),
        OrderState::Ready => Some((3, None)),
        OrderState::Closed => Some((4, None)),
        _ => None,
    }
}

fn page(order: &Order, store: &Text, now: Timestamp, time: &str) -> String {
    let language = order.language;
    let say = |ru: &str, uz: &str, en: &str| Text::new(ru, uz, en).get(language).to_owned();
    let standing = standing(order);
    let (title, more) = words(order, standing);
    let refresh = match order.state.is_final() {
        true => String::new(),
        false => format!("<meta http-equiv=\"refresh\" content=\"{REFRESH_S}\">"),
    };
    let number = say("Ваш номер", "Raqamingiz", "Your number");
    let mut body = format!(
        "<p class=\"store\">{}</p>\n<p class=\"label\">{number}</p>\n<p class=\"number\">{}</p>\n<h1 class=\"{}\">{}</h1>\n",
        escape(store.get(language)),
        order.number,
        standing.word(),
        title.get(language),
    );
    let said = [Some(more), endings::of_order(order)];
    for text in said.iter().flatten().map(|t| t.get(language)) {
        if !text.is_empty() {
            let _ = writeln!(body, "<p class=\"more\">{text}</p>");
        }
    }
    let minutes = order.promised_at.since(now).as_secs().div_ceil(60);
    if matches!(
        standing,
        OrderState::Paid | OrderState::Receipted | OrderState::Cooking
    ) && minutes > 0
    {
        let promise = match language {
            Language::Ru => format!("примерно через {minutes} мин"),
            Language::Uz => format!("taxminan {minutes} daqiqadan soʻng"),
            Language::En => format!("in about {minutes} min"),
        };
        let _ = writeln!(body, "<p class=\"promise\">{promise}</p>");
    }
    if let Some((done, at)) = steps(standing) {
        let names = [
            say("Оплачен", "Toʻlangan", "Paid"),
            say("Готовится", "Tayyorlanmoqda", "Cooking"),
            say("Готов", "Tayyor", "Ready"),
            say("Выдан", "Berildi", "Handed over"),
        ];
        body.push_str("<ol class=\"steps\">");
        for (index, name) in names.iter().enumerate() {
            let (class, mark) = match at {
                _ if index < done => ("done", "✓"),
                Some(at) if index == at => ("now\" aria-current=\"step", "…"),
                _ => ("later", "·"),
            };
            let _ = write!(
                body,
                "<li class=\"{class}\"><b aria-hidden=\"true\">{mark}</b>{name}</li>"
            );
        }
        body.push_str("</ol>\n");
    }
    body.push_str("<ul class=\"dishes\">");
    for (index, line) in order.lines.iter().enumerate() {
        let _ = write!(
            body,
            "<li><span>{} × {}</span><small>{}</small></li>",
            line.quantity,
            escape(line.name.get(language)),
            dish_words(order, index).get(language),
        );
    }
    body.push_str("</ul>\n");
    let asked = say("Обновлено в", "Yangilangan vaqti", "Updated at");
    let _ = writeln!(body, "<p class=\"asked\">{asked} {time}</p>");
    document(
        language,
        &format!("{} · {}", order.number, title.get(language)),
        &refresh,
        &body,
    )
}

/// Whether a person gave this dish back.
fn by_person(order: &Order, piece: usize) -> bool {
    let mut refunds = order.refunds.iter().filter(|r| r.holds_money());
    refunds.any(|r| r.pieces.contains(&piece) && order.cause_of(r) == RefundCause::Person)
}

fn dish_words(order: &Order, line: usize) -> Text {
    let of_line: Vec<(usize, &Piece)> = order
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, p)| p.line == line)
        .collect();
    let all = |stage: JobStage| of_line.iter().all(|(_, p)| p.stage == stage);
    let any = |stage: JobStage| of_line.iter().any(|(_, p)| p.stage == stage);
    let going_back = [OrderState::Refunding, OrderState::Refunded];
    if !order.paid || going_back.contains(&order.state) {
        Text::default()
    } else if of_line.iter().all(|(i, _)| by_person(order, *i)) {
        Text::new(
            "возвращено сотрудником",
            "xodim qaytardi",
            "given back by our staff",
        )
    } else if all(JobStage::Failed) {
        Text::new(
            "не получилось, деньги вернутся",
            "boʻlmadi, pul qaytadi",
            "did not work out, the money comes back",
        )
    } else if of_line.iter().all(|(_, p)| p.stage >= JobStage::Plated) {
        Text::new("готово", "tayyor", "done")
    } else if any(JobStage::Cooking) || any(JobStage::Preparing) {
        Text::new("готовится", "tayyorlanmoqda", "cooking")
    } else {
        Text::new("в очереди", "navbatda", "in the queue")
    }
}

fn gone(store: &Text) -> String {
    let body = format!(
        "<p class=\"store\">{}</p>\n<h1 class=\"gone\">Этого заказа здесь нет</h1>\n<p class=\"more\">Buyurtma topilmadi · This order is not here</p>\n",
        escape(&store.ru)
    );
    document(Language::Ru, "Galley", "", &body)
}

fn document(language: Language, title: &str, head: &str, body: &str) -> String {
    let lang = match language {
        Language::Ru => "ru",
        Language::Uz => "uz",
        Language::En => "en",
    };
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n{head}\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Text of the store as HTML shows it.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_break_out_of_the_page() {
        assert_eq!(
            escape("<b>\"Plov\" & 'non'</b>"),
            "&lt;b&gt;&quot;Plov&quot; &amp; &#39;non&#39;&lt;/b&gt;"
        );
    }

    #[test]
    fn the_style_holds_nothing_that_ends_it() {
        assert!(!STYLE.contains('<') && !STYLE.contains("url("));
    }
}
