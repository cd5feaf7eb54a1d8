//! The store's HTTP door: kiosk, board, technicians, other tills, customers' systems.
//!
//! The same router is served on the LAN, where a token says who calls, and on the Unix socket, whose file mode does.

mod auth;
mod board;
mod body;
mod devices;
mod extract;
mod health;
mod live;
mod menu;
mod openapi;
mod orders;
mod pages;
mod payments;
mod pictures;
mod printer;
mod problem;
mod proof;
mod quote;
mod shift;
mod stock;
mod stops;
mod till;
mod view;

pub use auth::{Caller, Role, Tokens, hash_token};
pub use openapi::document;
#[cfg(all(feature = "emulators", feature = "hq"))]
pub(crate) use pages::page;
pub use problem::Problem;

use crate::{
    devices::{fiscal::Printer, robot::Robot},
    flow::{Site, engine::Poke},
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn},
    response::Response,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the door needs.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    /// The last write failed because the disk is full.
    disk_full: AtomicBool,
}

/// The parts behind the door.
pub struct Parts {
    /// The store.
    pub site: Arc<Site>,
    /// Who may come in.
    pub tokens: Tokens,
    /// Wakes the effect engine.
    pub poke: Poke,
    /// The printer, if one is configured.
    pub printer: Option<Arc<Printer>>,
    /// The robot, if one is configured.
    pub robot: Option<Arc<Robot>>,
    /// Whether the bank can be reached.
    pub bank_online: watch::Receiver<bool>,
    /// How the uplink to headquarters does: `online`, `degraded`, `offline` or `off`.
    pub uplink: Arc<dyn Fn() -> &'static str + Send + Sync>,
    /// Addresses of the devices, for screens.
    pub addresses: std::collections::BTreeMap<String, String>,
    /// Folder of the dishes' pictures, `HASH-SIZE.webp`.
    pub pictures: Option<PathBuf>,
    /// Names of the store for guests.
    pub store_name: crate::domain::text::Text,
    /// Live streams end when the store stops.
    pub closing: CancellationToken,
}

impl std::ops::Deref for Api {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.inner.parts
    }
}

impl Api {
    /// The door to these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                disk_full: AtomicBool::new(false),
            }),
        }
    }

    /// Notes whether the disk took the last write.
    fn disk_is_full(&self, full: bool) {
        self.inner.disk_full.store(full, Ordering::Relaxed);
    }

    /// Whether the disk is full: after a write that failed so, it is tried again.
    async fn is_disk_full(&self) -> bool {
        if !self.inner.disk_full.load(Ordering::Relaxed) {
            return false;
        }
        let tried = self
            .site
            .store
            .write(|tx| tx.add_to_counter("disk_tried", 1))
            .await;
        let full = matches!(tried, Err(crate::store::StoreError::DiskFull));
        self.disk_is_full(full);
        full
    }

    /// The router for the LAN.
    pub fn router(&self) -> Router {
        let (v1, _) = routes_v1().split_for_parts();
        Router::new()
            .nest("/api/v1", v1)
            .merge(health::router())
            .merge(pages::router())
            .merge(pictures::router())
            .fallback(problem::not_found)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(SetResponseHeaderLayer::if_not_present(
                header::CACHE_CONTROL,
                HeaderValue::from_static("no-store"),
            ))
            .layer(SetResponseHeaderLayer::if_not_present(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ))
            .with_state(self.clone())
    }

    /// The router for the Unix socket: whoever may open it is a technician.
    pub fn local_router(&self) -> Router {
        self.router().layer(from_fn(mark_local))
    }
}

async fn mark_local(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(auth::Local);
    next.run(request).await
}

fn routes_v1() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(menu::store))
        .routes(routes!(menu::menu))
        .routes(routes!(quote::quote))
        .routes(routes!(stops::list, stops::stop))
        .routes(routes!(stops::lift))
        .routes(routes!(stops::pause))
        .routes(routes!(stops::resume))
        .routes(routes!(stops::birthday))
        .routes(routes!(stops::forget))
        .routes(routes!(orders::place, orders::list))
        .routes(routes!(orders::show))
        .routes(routes!(orders::timeline))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::hand_over))
        .routes(routes!(orders::refund))
        .routes(routes!(orders::confirm_refund))
        .routes(routes!(payments::start))
        .routes(routes!(payments::show))
        .routes(routes!(payments::qr))
        .routes(routes!(payments::result))
        .routes(routes!(payments::confirm))
        .routes(routes!(payments::cancel))
        .routes(routes!(board::board))
        .routes(routes!(live::live))
        .routes(routes!(stock::list))
        .routes(routes!(stock::receive))
        .routes(routes!(stock::count))
        .routes(routes!(shift::show))
        .routes(routes!(shift::open))
        .routes(routes!(shift::close))
        .routes(routes!(shift::x_report))
        .routes(routes!(till::report))
        .routes(routes!(till::cash))
        .routes(routes!(till::correct_order))
        .routes(routes!(till::correct_loose))
        .routes(routes!(devices::list))
        .routes(routes!(printer::info))
        .routes(routes!(printer::registration))
        .routes(routes!(printer::drive))
        .routes(routes!(printer::totals))
        .routes(routes!(printer::ofd))
        .routes(routes!(printer::clock, printer::set_clock))
        .routes(routes!(printer::copy_last))
        .routes(routes!(printer::continue_print))
        .routes(routes!(printer::drawer))
        .routes(routes!(printer::slip))
        .routes(routes!(printer::document))
        .routes(routes!(printer::read_table, printer::write_table))
        .routes(routes!(printer::judged))
        .routes(routes!(devices::fiscal_status))
        .routes(routes!(devices::fiscal_last))
        .routes(routes!(devices::robot_status))
        .routes(routes!(devices::robot_jobs))
        .routes(routes!(devices::robot_pause))
        .routes(routes!(devices::robot_resume))
        .routes(routes!(devices::robot_clear))
        .routes(routes!(devices::robot_reset))
        .routes(routes!(devices::robot_start))
        .routes(routes!(devices::press))
        .routes(routes!(proof::alerts))
        .routes(routes!(proof::settle))
        .routes(routes!(proof::sync))
        .routes(routes!(proof::reconcile))
}
