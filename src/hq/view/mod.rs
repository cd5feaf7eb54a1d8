//! What people see at headquarters: fleet, stores, orders, books, alerts, plots.

pub(super) mod alerts;
mod aside;
mod books;
pub(super) mod card;
pub(super) mod csv;
pub(super) mod fleet;
mod live;
mod routes;
mod series;
mod store;
mod strip;

pub(super) use routes::router;
