//! What is sold, and whether the store takes orders.

use super::{Api, Caller, Problem, auth::ANYONE, problem::out_of_order};
use crate::{
    domain::{payment::Tender, text::Text},
    flow::{FlowError, commands},
    store::Hitch,
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// The store.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreView {
    store_id: String,
    #[schema(value_type = Object)]
    name: Text,
    currency: &'static str,
    languages: [&'static str; 3],
    accepting: Accepting,
    uplink: &'static str,
    tenders: Vec<TenderView>,
    /// The kitchen works so many times faster than planned; 1 but in a demonstration.
    speed: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct Accepting {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TenderView {
    tender: &'static str,
    #[schema(value_type = Object)]
    name: Text,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Text>,
}

/// The menu.
#[derive(Debug, Serialize, ToSchema)]
pub struct MenuView {
    version: String,
    categories: Vec<CategoryView>,
    dishes: Vec<DishView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CategoryView {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
}

#[derive(Debug, Serialize, ToSchema)]
struct DishView {
    id: String,
    category: String,
    #[schema(value_type = Object)]
    name: Text,
    #[schema(value_type = Object)]
    description: Text,
    price_minor: i64,
    weight_g: u32,
    kcal: u32,
    allergens: Vec<String>,
    /// Planned time on the robot in seconds.
    cook_s: u64,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Text>,
}

/// The store: whether it takes orders, and how one can pay now.
#[utoipa::path(get, path = "/store", tag = "guest", responses((status = 200, body = StoreView)))]
pub(super) async fn store(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<StoreView>, Problem> {
    caller.need(ANYONE)?;
    let cx = api.site.context(caller.actor());
    let accepting = match api.site.store.hitch() {
        // What is ordered now would wait for the disk with the guest.
        Some(Hitch::Stalled(_)) => Err(out_of_order()),
        _ => {
            let cx = cx.clone();
            api.site
                .store
                .read(move |s| commands::accepting(s, &cx))
                .await?
        }
    };
    let online = *api.bank_online.borrow();
    Ok(Json(StoreView {
        store_id: cx.policy.store_id.clone(),
        name: api.store_name.clone(),
        currency: cx.catalog.currency.code(),
        languages: ["ru", "uz", "en"],
        accepting: Accepting {
            ok: accepting.is_ok(),
            slug: accepting.is_err().then_some("not_accepting"),
            reason: accepting.err(),
        },
        uplink: (api.uplink)(),
        tenders: Tender::ALL
            .into_iter()
            .map(|tender| {
                let works = commands::tender_works(&cx, tender, online);
                TenderView {
                    tender: tender.word(),
                    name: tender.name(),
                    available: works.is_ok(),
                    reason: works.err(),
                }
            })
            .collect(),
        speed: cx.policy.speed,
    }))
}

/// The menu, with what is sold out.
#[utoipa::path(get, path = "/menu", tag = "guest", responses((status = 200, body = MenuView)))]
pub(super) async fn menu(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<MenuView>, Problem> {
    caller.need(ANYONE)?;
    let levels = api
        .site
        .store
        .read(|s| s.levels().map_err(FlowError::from))
        .await?;
    let catalog = api.site.catalog();
    let dishes = catalog
        .dishes
        .iter()
        .map(|d| {
            let card = catalog.tech_card(&d.tech_card);
            let available = card.is_some_and(|c| {
                c.ingredients.iter().all(|a| {
                    levels
                        .get(&a.ingredient)
                        .copied()
                        .unwrap_or_default()
                        .available()
                        >= a.quantity
                })
            });
            DishView {
                id: d.id.0.clone(),
                category: d.category.clone(),
                name: d.name.clone(),
                description: d.description.clone(),
                price_minor: d.price_minor,
                weight_g: d.weight_g,
                kcal: d.kcal,
                allergens: d.allergens.clone(),
                cook_s: card.map_or(0, |c| c.duration_ms() / 1000),
                available,
                reason: (!available).then(|| Text::new("Закончилось", "Tugadi", "Sold out")),
            }
        })
        .collect();
    Ok(Json(MenuView {
        version: catalog.version.clone(),
        categories: catalog
            .categories
            .iter()
            .map(|c| CategoryView {
                id: c.id.clone(),
                name: c.name.clone(),
            })
            .collect(),
        dishes,
    }))
}
