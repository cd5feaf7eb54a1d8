//! The store's HTTP door: kiosk, board, technicians, other tills, customers' systems.
//!
//! The same router is served on the LAN, where a token says who calls, and on the Unix socket, whose file mode does.

mod access;
mod api_keys;
mod auth;
mod board;
mod body;
mod calls;
mod devices;
mod endings;
mod extract;
mod faults;
mod follow;
mod health;
mod host;
mod keep;
mod keys;
mod lan;
mod limits;
mod live;
mod log;
mod loyalty;
mod marks;
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
mod screens;
mod sessions;
mod settle;
mod shift;
mod stock;
mod stops;
mod till;
mod tls;
mod view;
mod webhooks;

pub use auth::{AtWork, Caller, Role, Tokens, hash_token};
pub use lan::{Announced, Announcement, ApiSection, DiscoveryError, DiscoverySection};
pub use limits::Limits;
pub use openapi::document;
#[cfg(all(feature = "emulators", feature = "hq"))]
pub(crate) use pages::page;
pub use problem::Problem;
pub use sessions::recall_tokens;
pub use tls::{Keeper, TlsError, TlsListener, TlsSection, service as tls_service};

use crate::{
    connectors::webhooks::{Settings, Webhooks},
    devices::{fiscal::Printer, robot::Robot, slip_printer::SlipPrinter},
    flow::{Site, engine::Poke, marking::Permits},
    sync::UplinkHandle,
    world::Secret,
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
};
use std::{
    path::PathBuf,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
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
    acts: body::Acts,
    keys: keys::Keys,
    lookups: loyalty::Lookups,
    buckets: limits::Buckets,
    /// The last write failed because the disk is full.
    disk_full: AtomicBool,
    /// Who asks the state about marked units.
    permits: OnceLock<Arc<dyn Permits>>,
}

/// How people and screens come in.
#[derive(Clone)]
pub struct Doors {
    /// The store's own secret: PINs, screens' tokens and orders' addresses hang on it.
    pub secret: Secret,
    /// People may come in with their PIN from any screen on the LAN, paired or not.
    pub pin_without_screen: bool,
    /// A session lasts so long at most.
    pub session: Duration,
    /// A session ends after so long without anything done.
    pub idle: Duration,
    /// Where guests' phones find the store, `http://192.168.1.5:8080`: the QR code of an order's page begins with it.
    /// When none, it is the address by which the kiosk knows the store, unless that is this box alone.
    pub follow_base: Option<String>,
    /// Where HTTP is served; none when nobody said.
    pub plain: Option<std::net::SocketAddr>,
    /// HTTPS.
    pub tls: TlsSection,
    /// The store is announced on the LAN by its name.
    pub announced: bool,
    /// How often the API may be asked.
    pub limits: Limits,
    /// Where deliveries to other systems may go, and how long they are tried.
    pub webhooks: Settings,
}

impl Doors {
    /// The usual ones, with this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            pin_without_screen: false,
            session: Duration::from_hours(12),
            idle: Duration::from_mins(15),
            follow_base: None,
            plain: None,
            tls: TlsSection::default(),
            announced: false,
            limits: Limits::default(),
            webhooks: Settings::default(),
        }
    }
}

/// The parts behind the door.
pub struct Parts {
    /// The store.
    pub site: Arc<Site>,
    /// Who may come in.
    pub tokens: Tokens,
    /// How people and screens come in.
    pub doors: Doors,
    /// The store's certificates, if it serves HTTPS.
    pub tls: Option<Arc<Keeper>>,
    /// Wakes the effect engine.
    pub poke: Poke,
    /// The printer, if one is configured.
    pub printer: Option<Arc<Printer>>,
    /// Plain printers of slips, if any are configured.
    pub slip_printers: Vec<Arc<SlipPrinter>>,
    /// The robot, if one is configured.
    pub robot: Option<Arc<Robot>>,
    /// Whether the bank can be reached.
    pub bank_online: watch::Receiver<bool>,
    /// How the uplink to headquarters does: `online`, `degraded`, `offline` or `off`.
    pub uplink: Arc<dyn Fn() -> &'static str + Send + Sync>,
    /// The way to headquarters, if one is configured.
    pub headquarters: Option<UplinkHandle>,
    /// Addresses of the devices, for screens.
    pub addresses: std::collections::BTreeMap<String, String>,
    /// Folder of the dishes' pictures, `HASH-SIZE.webp`.
    pub pictures: Option<PathBuf>,
    /// Names of the store for guests.
    pub store_name: crate::domain::text::Text,
    /// What is kept: backups, secrets, and the keys for them.
    pub keeping: crate::flow::keep::Keeping,
    /// Deliveries to other systems.
    pub webhooks: Webhooks,
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
    fn keys(&self) -> &keys::Keys {
        &self.inner.keys
    }

    /// The door to these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let secret = parts.doors.secret.clone();
        let store_id = parts.site.policy().store_id.clone();
        Self {
            inner: Arc::new(Inner {
                keys: keys::Keys::new(secret, store_id),
                parts,
                acts: body::Acts::default(),
                lookups: loyalty::Lookups::default(),
                buckets: limits::Buckets::default(),
                disk_full: AtomicBool::new(false),
                permits: OnceLock::new(),
            }),
        }
    }

    /// The state's permissive check is asked through this of every marked unit that is scanned from now on. The first one
    /// counts.
    pub fn ask_permits(&self, permits: Arc<dyn Permits>) {
        let _ = self.inner.permits.set(permits);
    }

    fn permits(&self) -> Option<&dyn Permits> {
        self.inner.permits.get().map(AsRef::as_ref)
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
        Router::new()
            .nest(
                access::PREFIX,
                v1().layer(from_fn_with_state(self.clone(), limits::hold)),
            )
            .merge(health::router())
            .merge(pages::router())
            .merge(follow::router())
            .merge(pictures::router())
            .merge(tls::open_router())
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

/// What [`routes_v1`] serves. With the routes comes their description, which takes longer to make than all the rest of
/// a door: it is made once, however many doors a process opens.
fn v1() -> Router<Api> {
    static V1: LazyLock<Router<Api>> = LazyLock::new(|| routes_v1().split_for_parts().0);
    V1.clone()
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
        .routes(routes!(marks::scan))
        .routes(routes!(marks::release))
        .routes(routes!(marks::receipt_to))
        .routes(routes!(orders::hand_over))
        .routes(routes!(calls::recall))
        .routes(routes!(orders::refund))
        .routes(routes!(orders::confirm_refund))
        .routes(routes!(payments::start))
        .routes(routes!(payments::show))
        .routes(routes!(payments::qr))
        .routes(routes!(payments::result))
        .routes(routes!(payments::confirm))
        .routes(routes!(payments::cancel))
        .routes(routes!(loyalty::lookup))
        .routes(routes!(loyalty::join))
        .routes(routes!(loyalty::attach))
        .routes(routes!(loyalty::show))
        .routes(routes!(loyalty::adjust))
        .routes(routes!(loyalty::forget))
        .routes(routes!(calls::call, calls::list))
        .routes(routes!(calls::answer))
        .routes(routes!(calls::count))
        .routes(routes!(faults::tell))
        .routes(routes!(sessions::come_in))
        .routes(routes!(sessions::current, sessions::go_out))
        .routes(routes!(sessions::unlock))
        .routes(routes!(sessions::users, sessions::add))
        .routes(routes!(sessions::set_pin))
        .routes(routes!(sessions::change))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::rotate))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::pause))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::remove))
        .routes(routes!(webhooks::ping))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(screens::ask, screens::poll))
        .routes(routes!(screens::list, screens::pair))
        .routes(routes!(screens::rename))
        .routes(routes!(screens::revoke))
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
        .routes(routes!(till::correct_receipt))
        .routes(routes!(devices::list))
        .routes(routes!(printer::info))
        .routes(routes!(printer::registration))
        .routes(routes!(printer::drive))
        .routes(routes!(printer::totals))
        .routes(routes!(printer::ofd))
        .routes(routes!(printer::clock, printer::set_clock))
        .routes(routes!(printer::copy_last))
        .routes(routes!(printer::continue_print))
        .routes(routes!(printer::cut))
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
        .routes(routes!(devices::robot_abort))
        .routes(routes!(devices::press))
        .routes(routes!(proof::alerts))
        .routes(routes!(settle::settle))
        .routes(routes!(proof::sync))
        .routes(routes!(proof::sync_now))
        .routes(routes!(proof::reconcile))
        .routes(routes!(host::show))
        .routes(routes!(log::read))
        .routes(routes!(keep::list, keep::make))
        .routes(routes!(keep::verify))
        .routes(routes!(keep::secrets, keep::set_secret))
        .routes(routes!(keep::rotate))
        .routes(routes!(keep::remove_secret))
        .routes(routes!(tls::show))
        .routes(routes!(tls::renew))
}
