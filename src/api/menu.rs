//! What is sold, and whether the store takes orders.

use super::{
    Api, Caller, Problem,
    auth::{ANYONE, STAFF},
    loyalty, pages, pictures,
    problem::out_of_order,
};
use crate::{
    domain::{
        catalog::{Catalog, Dish, TechCard},
        hours::Hours,
        kiosk::{Idle, Steps},
        options::Choice,
        order::Service,
        payment::Tender,
        promise::promised_at,
        promotion::{Promotion, Rule},
        shelf::Shelf,
        stops::sold_out,
        text::Text,
        time::{Timestamp, local},
    },
    flow::{FlowError, accepting::Closed, commands, record},
    store::Hitch,
};
use axum::{Json, extract::State};
use serde::Serialize;
use std::time::Duration;
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
    /// How guests may have their receipts: `paper`, `sms`, `email`.
    receipt_to: Vec<&'static str>,
    /// Where guests can eat: `here`, `to_go`.
    #[schema(value_type = Vec<String>)]
    services: Vec<Service>,
    /// Steps that the kiosk shows now.
    #[schema(value_type = Object)]
    steps: Steps,
    /// What a kiosk does that nobody touches: seconds, and how many times longer in the accessible modes.
    #[schema(value_type = Object)]
    idle: Idle,
    /// Changes with the pages: a kiosk loads them anew when nobody orders.
    build: String,
    #[schema(value_type = i64)]
    now_at: Timestamp,
    /// IANA name of the store's time zone.
    zone: String,
    /// When it sells, in its zone: `week` and `exceptions`, as `[hours]` of the configuration says it. Always, where
    /// there is no `week`.
    #[schema(value_type = Object)]
    hours: Hours,
    /// Minutes that a new order would take now.
    #[serde(skip_serializing_if = "Option::is_none")]
    promises_min: Option<u64>,
    /// The loyalty programme, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    loyalty: Option<loyalty::ProgrammeView>,
    /// Online channels whose orders people type in; staff see them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<ChannelView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChannelView {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
}

#[derive(Debug, Serialize, ToSchema)]
struct Accepting {
    ok: bool,
    /// `shift`, `fiscal_drive`, `robot`, `printer`, `menu`, `cleaning`, `paused`, `hours` or `disk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Text>,
    /// Until when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until_at: Option<Timestamp>,
}

impl From<Result<(), Closed>> for Accepting {
    fn from(accepting: Result<(), Closed>) -> Self {
        let ok = accepting.is_ok();
        let closed = accepting.err();
        Self {
            ok,
            slug: closed.as_ref().map(|c| c.slug),
            until_at: closed.as_ref().and_then(|c| c.until_at),
            reason: closed.map(|c| c.reason),
        }
    }
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
    dishes: Vec<MenuDish>,
    /// Those that hold now.
    promotions: Vec<PromotionNow>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CategoryView {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
}

#[derive(Debug, Serialize, ToSchema)]
struct MenuDish {
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
    /// What is in it, of the tech card.
    #[schema(value_type = Vec<Object>)]
    composition: Vec<Text>,
    options: Vec<OptionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PictureView>,
    /// Dishes that go well with it and can be had.
    suggest: Vec<String>,
    /// Planned time on the robot in seconds.
    cook_s: u64,
    available: bool,
    /// Staff took it, or something in it, off sale.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
    /// When it is back, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    back_at: Option<Timestamp>,
    /// That it is sold out, and when it is back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Text>,
    /// It is marked goods: the code of every unit is scanned before it is paid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    marked: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct OptionView {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
    /// At least so many choices.
    min: u32,
    /// At most so many.
    max: u32,
    choices: Vec<ChoiceView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChoiceView {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
    /// Added to the dish's price, minor units.
    price_minor: i64,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Text>,
    /// Allergens that come with it.
    allergens: Vec<String>,
    /// Allergens of the dish that are not in it then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without_allergens: Vec<String>,
    /// The dish as it is described: it holds when nothing is chosen.
    standard: bool,
}

/// A picture: `/pictures/HASH-SIZE.webp`.
#[derive(Debug, Serialize, ToSchema)]
struct PictureView {
    hash: String,
    sizes: [u32; 3],
}

#[derive(Debug, Serialize, ToSchema)]
struct PromotionNow {
    id: String,
    #[schema(value_type = Object)]
    name: Text,
    #[schema(value_type = Object)]
    note: Text,
    /// `combo`, `happy_hour`, `nth_free`, `code` or `birthday`.
    kind: &'static str,
    /// The dishes it is about.
    dishes: Vec<String>,
    /// It ends then, where that is today.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until_at: Option<Timestamp>,
}

impl Shelf<'_> {
    fn dish(&self, d: &Dish) -> MenuDish {
        let card = self.catalog.tech_card(&d.tech_card);
        let missing = match card {
            Some(card) => self.missing(d, card),
            None => Some((sold_out(None, &self.at), None, false)),
        };
        let otherwise = missing.is_some() && card.is_some_and(|card| self.otherwise(d, card, None));
        let choice = |o: &str, c: &Choice| self.choice(d, card, o, c, otherwise);
        let missing = missing.filter(|_| !otherwise);
        MenuDish {
            id: d.id.0.clone(),
            category: d.category.clone(),
            name: d.name.clone(),
            description: d.description.clone(),
            price_minor: d.price_minor,
            weight_g: d.weight_g,
            kcal: d.kcal,
            allergens: d.allergens.clone(),
            composition: card
                .iter()
                .flat_map(|c| &c.ingredients)
                .filter_map(|a| self.catalog.ingredient(&a.ingredient))
                .map(|i| i.name.clone())
                .collect(),
            options: d
                .options
                .iter()
                .map(|o| OptionView {
                    id: o.id.clone(),
                    name: o.name.clone(),
                    min: o.min,
                    max: o.max,
                    choices: o.choices.iter().map(|c| choice(&o.id, c)).collect(),
                })
                .collect(),
            picture: d.picture.clone().map(|hash| PictureView {
                hash,
                sizes: pictures::SIZES,
            }),
            suggest: d
                .suggest
                .iter()
                .filter(|id| self.catalog.dish(id).is_some_and(|d| self.is_there(d)))
                .map(|id| id.0.clone())
                .collect(),
            cook_s: card.map_or(0, |c| c.duration_ms() / 1000),
            available: missing.is_none(),
            stopped: missing.as_ref().is_some_and(|(_, _, stopped)| *stopped),
            back_at: missing.as_ref().and_then(|(_, back, _)| *back),
            marked: d.marked.is_some(),
            reason: missing.map(|(reason, ..)| reason),
        }
    }

    /// `otherwise`: as it is described, the dish can't be had; then a choice counts together with the others.
    fn choice(
        &self,
        dish: &Dish,
        card: Option<&TechCard>,
        option: &str,
        c: &Choice,
        otherwise: bool,
    ) -> ChoiceView {
        let missing = card.and_then(|card| {
            let alone = self.missing(dish, &card.variant(std::iter::once(c)).card);
            alone.filter(|_| !(otherwise && self.otherwise(dish, card, Some((option, c)))))
        });
        ChoiceView {
            id: c.id.clone(),
            name: c.name.clone(),
            price_minor: c.price_minor,
            available: missing.is_none(),
            reason: missing.map(|(reason, ..)| reason),
            allergens: c.allergens.clone(),
            without_allergens: c.without_allergens.clone(),
            standard: c.standard,
        }
    }

    fn promotion(&self, p: &Promotion) -> Option<PromotionNow> {
        // The store's own people know theirs.
        if matches!(p.rule, Rule::StaffMeal { .. }) {
            return None;
        }
        let until_at = p.holds(&self.at)?;
        let meant = |d: &&Dish| p.targets().any(|t| t.takes(&d.id, &d.category));
        Some(PromotionNow {
            id: p.id.clone(),
            name: p.name.clone(),
            note: p.note.clone(),
            kind: p.kind(),
            dishes: self
                .catalog
                .dishes
                .iter()
                .filter(meant)
                .map(|d| d.id.0.clone())
                .collect(),
            until_at,
        })
    }
}

/// The store: whether it takes orders, and how one can pay now.
#[utoipa::path(get, path = "/store", tag = "guest", responses((status = 200, body = StoreView)))]
pub(super) async fn store(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<StoreView>, Problem> {
    caller.need(ANYONE)?;
    let cx = api.site.context(caller.actor());
    let (accepting, ahead, any) = {
        let cx = cx.clone();
        api.site
            .store
            .read(move |s| -> Result<_, FlowError> {
                let shelf = Shelf {
                    catalog: &cx.catalog,
                    levels: s.levels()?,
                    stops: s.stops()?,
                    now: cx.now,
                    at: local(cx.now, &cx.zone),
                };
                let any = cx.catalog.dishes.iter().any(|d| shelf.can_be_had(d));
                let accepting = commands::accepting(s, &cx)?;
                Ok((accepting, record::kitchen_ahead(s)?, any))
            })
            .await?
    };
    let accepting = match accepting {
        // What is ordered now would wait for the disk with the guest.
        _ if matches!(api.site.store.hitch(), Some(Hitch::Stalled(_))) => {
            Err(Closed::by_stalled_disk(out_of_order()))
        }
        _ if api.is_disk_full().await => Err(Closed::by_full_disk()),
        Ok(()) if !any => Err(Closed::by_empty_menu()),
        other => other,
    };
    let online = *api.bank_online.borrow();
    let kiosk = &cx.policy.kiosk;
    Ok(Json(StoreView {
        channels: match STAFF.contains(&caller.role) {
            true => cx
                .policy
                .channels
                .iter()
                .map(|c| ChannelView {
                    id: c.id.clone(),
                    name: c.name.clone(),
                })
                .collect(),
            false => Vec::new(),
        },
        store_id: cx.policy.store_id.clone(),
        name: api.store_name.clone(),
        currency: cx.catalog.currency.code(),
        languages: ["ru", "uz", "en"],
        promises_min: accepting.is_ok().then(|| {
            let at = promised_at(
                cx.now,
                ahead,
                usual(&cx.catalog),
                cx.policy.arms,
                cx.policy.speed,
            );
            at.since(cx.now).as_secs().div_ceil(60)
        }),
        accepting: accepting.into(),
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
        services: kiosk.services.clone(),
        steps: kiosk.steps_at(&local(cx.now, &cx.zone), cx.policy.loyalty.enabled),
        loyalty: loyalty::programme(&cx.policy.loyalty),
        idle: kiosk.idle,
        receipt_to: cx
            .policy
            .law
            .receipt_to
            .iter()
            .map(|to| to.word())
            .collect(),
        build: pages::build().to_owned(),
        now_at: cx.now,
        zone: cx.zone.iana_name().unwrap_or("UTC").to_owned(),
        hours: cx.policy.hours.clone(),
    }))
}

/// The planned time of a usual dish: the mean of the menu.
fn usual(catalog: &Catalog) -> Duration {
    let times: Vec<u64> = catalog
        .dishes
        .iter()
        .filter_map(|d| catalog.tech_card(&d.tech_card))
        .map(TechCard::duration_ms)
        .collect();
    let count = u64::try_from(times.len()).unwrap_or(1).max(1);
    Duration::from_millis(times.iter().sum::<u64>() / count)
}

/// The menu, with what is sold out.
#[utoipa::path(get, path = "/menu", tag = "guest", responses((status = 200, body = MenuView)))]
pub(super) async fn menu(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<MenuView>, Problem> {
    caller.need(ANYONE)?;
    let cx = api.site.context(caller.actor());
    let (levels, stops) = api
        .site
        .store
        .read(|s| -> Result<_, FlowError> { Ok((s.levels()?, s.stops()?)) })
        .await?;
    let catalog = &cx.catalog;
    let shelf = Shelf {
        catalog,
        levels,
        stops,
        now: cx.now,
        at: local(cx.now, &cx.zone),
    };
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
        dishes: catalog.dishes.iter().map(|d| shelf.dish(d)).collect(),
        promotions: catalog
            .promotions
            .iter()
            .filter_map(|p| shelf.promotion(p))
            .collect(),
    }))
}
