//! What an order would cost: asked while the guest still chooses. It changes nothing.

use super::{
    Api, Problem,
    auth::ORDERING,
    body::Asked,
    loyalty,
    orders::{NewLine, check_asks},
    view::{self, PromotionView},
};
use crate::{
    domain::{
        ids::MemberId,
        order::Service,
        place::{Refused, Wish, WishLine},
        quote::Quote,
        text::{Language, Text},
        time::Timestamp,
    },
    flow::{
        FlowError,
        commands::{self, Asks},
    },
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An order that is not placed yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteAsked {
    #[serde(default)]
    #[schema(value_type = String)]
    language: Language,
    #[serde(default)]
    #[schema(value_type = String)]
    service: Service,
    lines: Vec<NewLine>,
    /// A code of a promotion.
    #[serde(default)]
    promo_code: Option<String>,
    /// For promotions that are counted by phone number.
    #[serde(default)]
    phone: Option<String>,
    /// The member of the loyalty programme, as the lookup names them.
    #[serde(default)]
    member: Option<Uuid>,
    /// The card of one of the store's own people; only a cashier or a manager takes it.
    #[serde(default)]
    staff_card: Option<String>,
}

/// What it comes to.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteView {
    lines: Vec<QuoteLineView>,
    /// To pay, minor units.
    total_minor: i64,
    /// Off by promotions, minor units.
    discount_minor: i64,
    promotions: Vec<PromotionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<CodeView>,
    /// What a member earns and may spend; where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<loyalty::QuotePoints>,
    /// When it would be promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    ready_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
struct QuoteLineView {
    dish_id: String,
    quantity: u32,
    /// Price of one with its options, minor units.
    price_minor: i64,
    /// Before discounts, minor units.
    sum_minor: i64,
    /// Off by promotions, minor units.
    discount_minor: i64,
    /// Which promotions.
    promotions: Vec<String>,
    /// It can be had; perhaps at another price than the guest saw.
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<LineProblem>,
}

/// What is wrong with a line.
#[derive(Debug, Serialize, ToSchema)]
struct LineProblem {
    /// `sold_out`, `option_gone`, `price_changed` or `unknown_dish`.
    slug: &'static str,
    #[schema(value_type = Object)]
    message: Text,
}

/// What became of the guest's code.
#[derive(Debug, Serialize, ToSchema)]
struct CodeView {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    message: Option<Text>,
}

/// A quote as the door shows it.
pub(super) fn view(quote: &Quote) -> QuoteView {
    QuoteView {
        lines: quote
            .lines
            .iter()
            .map(|l| QuoteLineView {
                dish_id: l.dish_id.0.clone(),
                quantity: l.quantity,
                price_minor: l.price_minor,
                sum_minor: l.sum_minor,
                discount_minor: l.discount_minor,
                promotions: l.promotions.clone(),
                available: l.available(),
                problem: l.problem.clone().map(problem),
            })
            .collect(),
        total_minor: quote.total_minor,
        discount_minor: quote.discount_minor,
        promotions: view::promotions(&quote.promotions),
        code: quote.code.map(|code| CodeView {
            ok: code.is_ok(),
            message: quote.code_message(),
        }),
        points: None,
        ready_at: quote.ready_at,
    }
}

fn problem(refused: Refused) -> LineProblem {
    let slug = match refused {
        Refused::OutOfStock { .. } | Refused::Stopped { .. } => "sold_out",
        Refused::OptionGone { .. } | Refused::OptionCount { .. } => "option_gone",
        Refused::PriceChanged { .. } => "price_changed",
        _ => "unknown_dish",
    };
    let told = Problem::from(refused);
    LineProblem {
        slug,
        message: told.message.map_or_else(
            || Text::new(told.title, told.title, told.title),
            |message| *message,
        ),
    }
}

/// What an order would cost, with promotions, and what of it can't be had. It changes nothing and needs no
/// Idempotency-Key.
#[utoipa::path(post, path = "/quote", tag = "guest", request_body = QuoteAsked, responses((status = 200, body = QuoteView), (status = "4XX", body = Problem)))]
pub(super) async fn quote(
    State(api): State<Api>,
    asked: Asked<QuoteAsked>,
) -> Result<Json<QuoteView>, Problem> {
    asked.caller.need(ORDERING)?;
    let body = asked.body;
    check_asks(
        &asked.caller,
        body.phone.as_deref(),
        body.promo_code.as_deref(),
        body.staff_card.as_deref(),
    )?;
    let cx = api.site.context(asked.caller.actor());
    let quote = api
        .site
        .store
        .read(move |s| {
            let wish = Wish {
                language: body.language,
                service: body.service,
                lines: body.lines.into_iter().map(WishLine::from).collect(),
                promo_code: body.promo_code,
                total_minor: None,
            };
            let phone = body.phone.as_deref().map(str::trim);
            let asks = Asks {
                phone: phone.filter(|p| !p.is_empty()),
                staff_card: body.staff_card.as_deref(),
                member: body.member.map(MemberId),
            };
            let quote = commands::quote_order(s, &cx, &wish, &asks)?;
            let points = asks.member.map(|m| loyalty::of_quote(s, &cx, &quote, m));
            Ok::<_, FlowError>(QuoteView {
                points: points.transpose()?,
                ..view(&quote)
            })
        })
        .await?;
    Ok(Json(quote))
}
