//! The addresses of what people see.

use super::{
    alerts, aside, books,
    card::Place,
    csv::{self, Csv},
    fleet, live, series, store,
};
use crate::hq::{
    Hq,
    db::cells,
    extract::{Path, Query, Said},
    people::{Role, Who, audit},
    problem::Problem,
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post, put},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rows in an export.
const EXPORT: u32 = 100_000;

pub(in crate::hq) fn router() -> Router<Hq> {
    Router::new()
        .route("/api/v1/fleet", get(fleet_page))
        .route("/api/v1/fleet.csv", get(fleet_csv))
        .route("/api/v1/stores/{id}", get(one))
        .route("/api/v1/stores/{id}/orders", get(orders))
        .route("/api/v1/stores/{id}/orders/{order}", get(order))
        .route("/api/v1/stores/{id}/events", get(events))
        .route("/api/v1/stores/{id}/place", put(place))
        .route("/api/v1/books", get(books_page))
        .route("/api/v1/books.csv", get(books_csv))
        .route("/api/v1/alerts", get(alerts_page))
        .route("/api/v1/alerts.csv", get(alerts_csv))
        .route("/api/v1/alerts/acknowledge", post(acknowledge))
        .route("/api/v1/series", get(plots))
        .route("/api/v1/map", get(map))
        .route("/api/v1/live", get(live::live))
        .merge(aside::router())
}

fn found<T>(value: Option<T>, title: &str) -> Result<Json<T>, Problem> {
    value
        .map(Json)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", title))
}

async fn fleet_page(
    State(hq): State<Hq>,
    Query(wanted): Query<fleet::Wanted>,
) -> Result<Json<fleet::Page>, Problem> {
    Ok(Json(wanted.page(&hq).await?))
}

async fn fleet_csv(
    State(hq): State<Hq>,
    Query(wanted): Query<fleet::Wanted>,
) -> Result<Response, Problem> {
    let mut table = Csv::new(&[
        "store",
        "name",
        "city",
        "condition",
        "last_seen",
        "backlog",
        "oldest_age_s",
        "shift",
        "drive_until",
        "ofd_unsent",
        "robot",
        "short",
        "currency",
        "sales_today",
        "orders_today",
        "alerts",
        "version",
    ]);
    let fleet = hq.fleet().await?;
    for c in wanted.select(&fleet) {
        let shift = serde_json::to_value(c.shift.state).unwrap_or_default();
        table.row([
            c.store_id.clone(),
            c.name.clone(),
            c.place.as_ref().map(|p| p.city.clone()).unwrap_or_default(),
            c.condition.word().to_owned(),
            c.last_seen_at.map(csv::time).unwrap_or_default(),
            c.backlog.to_string(),
            c.oldest_age_ms
                .map(|ms| (ms / 1000).to_string())
                .unwrap_or_default(),
            shift.as_str().unwrap_or_default().to_owned(),
            c.till.drive_until.map(csv::time).unwrap_or_default(),
            c.till.ofd_unsent.to_string(),
            c.devices.get("robot").cloned().unwrap_or_default(),
            c.short.to_string(),
            c.currency.clone(),
            csv::decimal(c.sales_today_minor),
            c.orders_today.to_string(),
            c.alerts.to_string(),
            c.version.clone(),
        ]);
    }
    Ok(table.answer("stores"))
}

async fn one(
    State(hq): State<Hq>,
    Path(id): Path<String>,
) -> Result<Json<store::Details>, Problem> {
    found(store::details(&hq, &id).await?, "No such store")
}

#[derive(Serialize)]
struct OrdersAnswer {
    orders: Vec<store::OrderLine>,
}

async fn orders(
    State(hq): State<Hq>,
    Path(id): Path<String>,
    Query(wanted): Query<store::Orders>,
) -> Result<Json<OrdersAnswer>, Problem> {
    let orders = store::orders(&hq, &id, wanted).await?;
    found(
        orders.map(|orders| OrdersAnswer { orders }),
        "No such store",
    )
}

async fn order(
    State(hq): State<Hq>,
    Path((id, order)): Path<(String, Uuid)>,
) -> Result<Json<store::Story>, Problem> {
    found(store::order(&hq, &id, order).await?, "No such order")
}

#[derive(Serialize)]
struct EventsAnswer {
    events: Vec<store::EventLine>,
}

async fn events(
    State(hq): State<Hq>,
    Path(id): Path<String>,
    Query(wanted): Query<store::Events>,
) -> Result<Json<EventsAnswer>, Problem> {
    let events = store::events(&hq, &id, wanted).await?;
    found(
        events.map(|events| EventsAnswer { events }),
        "No such store",
    )
}

async fn place(
    State(hq): State<Hq>,
    who: Who,
    Path(id): Path<String>,
    Said(place): Said<Place>,
) -> Result<Json<Place>, Problem> {
    who.need(Role::Manager)?;
    let on_earth = (-90_000_000..=90_000_000).contains(&place.latitude)
        && (-180_000_000..=180_000_000).contains(&place.longitude)
        && place.city.chars().count() <= 64;
    if !on_earth {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "Latitude and longitude are in millionths of a degree; a city's name has at most 64 characters",
        ));
    }
    let (now, kept) = (hq.0.clock.now(), place.clone());
    let done = hq
        .0
        .db
        .write(move |sql| {
            let Some(store) = store::id_of(sql, &id)? else {
                return Ok(false);
            };
            sql.execute(
                "INSERT INTO places (store, latitude, longitude, city) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (store) DO UPDATE SET latitude = excluded.latitude, longitude = excluded.longitude,
                   city = excluded.city",
                &cells![store, kept.latitude, kept.longitude, kept.city.as_str()],
            )?;
            audit::note(sql, &who, now, "store.placed", &id, &kept.city)?;
            Ok(true)
        })
        .await?;
    hq.touched();
    found(done.then_some(place), "No such store")
}

async fn books_page(
    State(hq): State<Hq>,
    Query(wanted): Query<books::Wanted>,
) -> Result<Json<books::Books>, Problem> {
    Ok(Json(books::books(&hq, wanted, None).await?))
}

async fn books_csv(
    State(hq): State<Hq>,
    Query(wanted): Query<books::Wanted>,
) -> Result<Response, Problem> {
    let mut table = Csv::new(&[
        "day",
        "store",
        "name",
        "state",
        "currency",
        "orders",
        "orders_sum",
        "payments",
        "receipts",
        "receipts_elsewhere",
        "corrections",
        "accounted",
        "shifts_not_posted",
    ]);
    for l in books::books(&hq, wanted, Some(EXPORT)).await?.lines {
        let state = serde_json::to_value(l.state).unwrap_or_default();
        table.row([
            l.day,
            l.store_id,
            l.name,
            state.as_str().unwrap_or_default().to_owned(),
            l.currency,
            l.orders.to_string(),
            csv::decimal(l.orders_minor),
            csv::decimal(l.payments_minor),
            csv::decimal(l.receipts_minor),
            csv::decimal(l.elsewhere_minor),
            csv::decimal(l.corrections_minor),
            csv::decimal(l.accounted_minor),
            l.unposted.to_string(),
        ]);
    }
    Ok(table.answer("books"))
}

async fn alerts_page(
    State(hq): State<Hq>,
    Query(wanted): Query<alerts::Wanted>,
) -> Result<Json<alerts::Page>, Problem> {
    Ok(Json(wanted.page(&hq, None).await?))
}

async fn alerts_csv(
    State(hq): State<Hq>,
    Query(wanted): Query<alerts::Wanted>,
) -> Result<Response, Problem> {
    let mut table = Csv::new(&[
        "since", "store", "name", "severity", "key", "title", "detail", "advice",
    ]);
    let most = usize::try_from(EXPORT).unwrap_or(usize::MAX);
    for l in wanted.page(&hq, Some(most)).await?.alerts {
        table.row([
            csv::time(l.since_at),
            l.store_id,
            l.name,
            l.severity,
            l.key,
            l.title,
            l.detail,
            l.advice,
        ]);
    }
    Ok(table.answer("alerts"))
}

async fn acknowledge(
    State(hq): State<Hq>,
    who: Who,
    Said(given): Said<alerts::Acknowledge>,
) -> Result<Json<Value>, Problem> {
    who.need(Role::Operator)?;
    if given.note.chars().count() > 500 {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "A note has at most 500 characters",
        ));
    }
    if !given.withdraw && !given.is_open(&hq).await? {
        return found(
            None,
            "There is no such alert any more: load the list of alerts anew",
        );
    }
    let now = hq.0.clock.now();
    let name = who.name.clone();
    let done =
        hq.0.db
            .write(move |sql| {
                if !alerts::acknowledge(sql, &given, &who.name, now)? {
                    return Ok(false);
                }
                let act = if given.withdraw {
                    "alert.withdrawn"
                } else {
                    "alert.acknowledged"
                };
                let subject = format!("{} {}", given.store_id, given.key);
                audit::note(sql, &who, now, act, &subject, &given.note)?;
                Ok(true)
            })
            .await?;
    hq.touched();
    found(
        done.then(|| json!({ "who": name, "at": now })),
        "No such store",
    )
}

async fn plots(
    State(hq): State<Hq>,
    Query(wanted): Query<series::Wanted>,
) -> Result<Json<series::Series>, Problem> {
    found(series::series(&hq, wanted).await?, "No such store")
}

/// Every store that has a place: little of each, because the map shows all at once.
async fn map(
    State(hq): State<Hq>,
    Query(wanted): Query<fleet::Wanted>,
) -> Result<Json<Value>, Problem> {
    let fleet = hq.fleet().await?;
    let stores: Vec<Value> = wanted
        .select(&fleet)
        .iter()
        .filter_map(|c| {
            let p = c.place.as_ref()?;
            Some(json!([
                c.store_id,
                c.name,
                c.condition,
                p.latitude,
                p.longitude,
                p.city
            ]))
        })
        .collect();
    Ok(Json(
        json!({ "at": fleet.at, "total": fleet.cards.len(), "stores": stores }),
    ))
}
