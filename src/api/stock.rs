//! Stock.

use super::{Api, Caller, Problem, auth::STAFF, body::Post};
use crate::{
    domain::{ids::IngredientId, stock::Level, text::Text},
    flow::{FlowError, commands},
    store::Tx,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The stock.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockView {
    ingredients: Vec<IngredientView>,
}

/// One ingredient.
#[derive(Debug, Serialize, ToSchema)]
pub struct IngredientView {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
    /// `mg`, `ul` or `piece`.
    unit: &'static str,
    on_hand: i64,
    reserved: i64,
    available: i64,
    /// Less is available than the catalog calls enough.
    low: bool,
}

fn shown(
    catalog: &crate::domain::catalog::Catalog,
    id: &IngredientId,
    level: Level,
) -> IngredientView {
    let ingredient = catalog.ingredient(id);
    IngredientView {
        id: id.0.clone(),
        name: ingredient.map(|i| i.name.clone()).unwrap_or_default(),
        unit: ingredient.map_or("piece", |i| i.unit.word()),
        on_hand: level.on_hand,
        reserved: level.reserved,
        available: level.available(),
        low: ingredient.is_some_and(|i| level.available() < i.low),
    }
}

/// All ingredients and what there is of them.
#[utoipa::path(get, path = "/stock", tag = "staff", responses((status = 200, body = StockView)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<StockView>, Problem> {
    caller.need(STAFF)?;
    let levels = api.site.store.read(|s| s.levels()).await?;
    let catalog = api.site.catalog();
    Ok(Json(StockView {
        ingredients: catalog
            .ingredients
            .iter()
            .map(|i| {
                shown(
                    &catalog,
                    &i.id,
                    levels.get(&i.id).copied().unwrap_or_default(),
                )
            })
            .collect(),
    }))
}

/// Goods in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Received {
    ingredient_id: String,
    /// In the ingredient's unit, above zero, at most 100,000,000,000.
    quantity: i64,
}

/// Books goods in.
#[utoipa::path(post, path = "/stock/receive", tag = "staff", request_body = Received, responses((status = 200, body = IngredientView), (status = "4XX", body = Problem)))]
pub(super) async fn receive(
    State(api): State<Api>,
    post: Post<Received>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        let id = IngredientId(body.ingredient_id);
        commands::receive_stock(tx, cx, &id, body.quantity)?;
        after(tx, cx, &id)
    })
    .await
}

/// A count.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    ingredient_id: String,
    /// What is really there, in the ingredient's unit, at most 100,000,000,000.
    counted: i64,
    /// Why it is counted.
    reason: String,
}

/// Sets the stock to what was counted.
#[utoipa::path(post, path = "/stock/count", tag = "staff", request_body = Counted, responses((status = 200, body = IngredientView), (status = "4XX", body = Problem)))]
pub(super) async fn count(
    State(api): State<Api>,
    post: Post<Counted>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        let id = IngredientId(body.ingredient_id);
        commands::count_stock(tx, cx, &id, body.counted, &body.reason)?;
        after(tx, cx, &id)
    })
    .await
}

fn after(
    tx: &Tx<'_>,
    cx: &crate::flow::Context,
    id: &IngredientId,
) -> Result<IngredientView, FlowError> {
    let level = tx.snapshot().level(id)?;
    Ok(shown(&cx.catalog, id, level))
}
