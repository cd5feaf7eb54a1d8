//! The API's description, made from the same routes that are served.

use super::{Problem, health, routes_v1};
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Galley, the store's API",
        description = "Orders, payments, refunds, stock, shift, devices. Every POST that changes something takes an Idempotency-Key; money is an integer of minor units; times are milliseconds since 1970, UTC."
    ),
    components(schemas(Problem)),
    tags(
        (name = "guest", description = "Kiosk, board, customers' systems"),
        (name = "staff", description = "Cashiers and managers"),
        (name = "till", description = "The card terminal's own link"),
        (name = "technician", description = "Devices and decisions"),
        (name = "manager", description = "People and screens"),
        (name = "health", description = "For monitoring; no token")
    )
)]
struct Base;

/// The OpenAPI document.
#[must_use]
pub fn document() -> Document {
    let (_, v1) = routes_v1().split_for_parts();
    let mut document = Base::openapi().nest("/api/v1", v1);
    document.merge(health::Described::openapi());
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", scheme);
    document
}
