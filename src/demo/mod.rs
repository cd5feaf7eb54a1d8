//! The demonstration: one store with every outside system emulated, in one process, on real wires of this machine.
//!
//! [`outside`] are the emulators, [`store`] is the store part that can lose its power, [`door`] serves the pages
//! and the switches, [`staff`] plays the people, [`guests`] places orders by itself, [`trouble`] breaks things.

mod door;
mod guests;
mod http;
pub mod outside;
mod staff;
mod store;
mod trouble;
pub(crate) mod wishes;

use crate::{
    domain::{staff::Position, text::Language},
    hq::{BrokerLogin, Hq, HqConfig},
    store::FolderLock,
    sync::{Authority, SyncConfig},
    world::{Clock, Secret, SystemClock},
};
use anyhow::Context as _;
use door::Door;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::SwitchedHttp;
use outside::Outside;
use serde::Serialize;
use std::{net::SocketAddr, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};
use store::StorePart;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

pub use guests::Books;

/// The dishes' pictures, made by `galley menu pictures` of what `scripts/pictures` draws.
#[derive(rust_embed::RustEmbed)]
#[folder = "src/demo/pictures"]
struct Pictures;

/// Puts the pictures where a store finds them. A folder that is older than this program gets the new ones.
fn hang_pictures(folder: &std::path::Path) -> anyhow::Result<()> {
    let told = || format!("cannot write the pictures to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(told)?;
    for name in Pictures::iter() {
        let file = folder.join(name.as_ref());
        // They are named by their content.
        if !file.exists()
            && let Some(picture) = Pictures::get(&name)
        {
            std::fs::write(&file, &picture.data).with_context(told)?;
        }
    }
    Ok(())
}

/// The folder of the pictures, beside the database.
pub(crate) const PICTURES: &str = "pictures";

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Where the data is kept; a folder that is gone at the end when none.
    pub data: Option<PathBuf>,
    /// The kitchen works so many times faster than its tech cards say; wires don't.
    pub speed: u32,
    /// Port of the store's pages on loopback; 0 takes a free one.
    pub port: u16,
    /// Headquarters' events go over this broker instead of over HTTP.
    pub broker: Option<String>,
    /// Staff do the robot's talking.
    pub manual_robot: bool,
    /// People are played: card payments are approved, cash is taken, dishes are handed over.
    pub staff: bool,
}

/// Where everything is.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// The kiosk, with its token.
    pub kiosk: String,
    /// The board, with its token.
    pub board: String,
    /// The staff's screen, with its token; people come in with their PINs.
    pub staff: String,
    /// The report of the shift, with a token.
    pub shift_report: String,
    /// The switches.
    pub demo: String,
    /// Headquarters' dashboard.
    pub hq: String,
    /// The store's API.
    pub store_api: String,
    /// The technicians' socket.
    pub socket: PathBuf,
    /// The folder with the data.
    pub data: PathBuf,
}

/// A running demonstration.
pub struct Running {
    /// Where everything is.
    pub addresses: Addresses,
    pub(crate) door: Door,
    shutdown: CancellationToken,
    _held: FolderLock,
    _folder: Option<tempfile::TempDir>,
}

/// Tokens of the demonstration. They open a store that exists on this machine only.
pub(crate) const TOKENS: [(&str, crate::api::Role, &str); 5] = [
    ("demo-kiosk", crate::api::Role::Kiosk, "front"),
    ("demo-board", crate::api::Role::Board, "hall"),
    ("demo-counter", crate::api::Role::Staff, "counter"),
    ("demo-staff", crate::api::Role::Manager, "demo"),
    ("demo-till", crate::api::Role::Service, "pos-bank"),
];

/// Who works in the demonstration's store, and with which PIN.
pub const PEOPLE: [(&str, Position, Language, &str); 3] = [
    ("Анна", Position::Cashier, Language::Ru, "2846"),
    ("Dilnoza", Position::Cashier, Language::Uz, "6193"),
    ("Maria", Position::Manager, Language::En, "7391"),
];

impl Demo {
    /// Starts everything; returns as soon as the kiosk can be opened.
    ///
    /// # Errors
    /// When a port is taken or the folder can't be used.
    pub fn start(self) -> BoxFuture<'static, anyhow::Result<Running>> {
        // In a box: so it is compiled here, and not once more in every program that calls it.
        self.build().boxed()
    }

    async fn build(self) -> anyhow::Result<Running> {
        let folder = match &self.data {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("galley-demo-")
                    .tempdir()
                    .context("cannot make a folder for the data")?,
            ),
        };
        let data = match (&self.data, &folder) {
            (Some(data), _) => data.clone(),
            (None, Some(folder)) => folder.path().to_owned(),
            (None, None) => anyhow::bail!("there is no folder for the data"),
        };
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the folder {}", data.display()))?;
        let held = FolderLock::take(&data)?;
        hang_pictures(&data.join(PICTURES))?;
        let shutdown = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let lan = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], self.port)))
            .await
            .with_context(|| {
                format!(
                    "port {} is taken; name another with --port, or 0 for a free one",
                    self.port
                )
            })?;
        let origin = format!("http://{}", lan.local_addr()?);

        let (hq, hq_address) = headquarters(&data, &self.broker, &clock, &shutdown).await?;
        let outside = Outside::open(Some(&data), clock, self.speed, 12, 1)
            .context("cannot open the emulators' memory")?;
        let served = outside.serve_on_loopback(&shutdown).await?;
        let http = SwitchedHttp::new(crate::world::ReqwestHttp::new()?, served.bank_authority());

        let sync = SyncConfig {
            url: self.broker.is_none().then(|| hq_address.clone()),
            broker: self.broker.clone(),
            heartbeat: std::time::Duration::from_secs(3),
            ..SyncConfig::default()
        };
        let part = StorePart::new(
            data.join("galley.db"),
            outside.clone(),
            served,
            http.clone(),
            (sync, Secret::new("demo-store-token")),
            store::Kind {
                manual_robot: self.manual_robot,
                speed: self.speed,
                origin: origin.clone(),
            },
        );
        part.power_on().await?;
        part.hire(&PEOPLE).await?;

        let socket = data.join("galley.sock");
        let _ = std::fs::remove_file(&socket);
        let local = UnixListener::bind(&socket)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        // Whoever may open it may do everything.
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
        let addresses = Addresses {
            kiosk: format!("{origin}/kiosk/#token=demo-kiosk"),
            board: format!("{origin}/board/#token=demo-board"),
            staff: format!("{origin}/staff/#token=demo-counter"),
            shift_report: format!("{origin}/shift-report/#token=demo-staff"),
            demo: format!("{origin}/demo/"),
            hq: format!("{hq_address}/"),
            store_api: origin.clone(),
            socket,
            data,
        };
        let door = Door::new(part, outside, http, hq, addresses.clone());
        for (name, serving) in [
            (
                "lan",
                tokio::spawn(door.clone().serve_lan(lan, shutdown.clone())),
            ),
            (
                "socket",
                tokio::spawn(door.clone().serve_local(local, shutdown.clone())),
            ),
        ] {
            tokio::spawn(async move {
                if let Ok(Err(error)) = serving.await {
                    tracing::error!(%error, door = name, "the demonstration's door is shut");
                }
            });
        }
        if self.staff {
            tokio::spawn(staff::play(origin, shutdown.clone()));
        }
        Ok(Running {
            addresses,
            door,
            shutdown,
            _held: held,
            _folder: folder,
        })
    }
}

async fn headquarters(
    data: &std::path::Path,
    broker: &Option<String>,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Hq, String)> {
    let mut config = HqConfig::at(data.join("hq.db"));
    config.accept_unknown = true;
    // Whoever sees the demonstration may try all of it.
    config.people.open_as = Some(crate::hq::people::Role::Admin);
    if let Some(url) = broker {
        config.broker = Some(BrokerLogin {
            address: url
                .parse()
                .map_err(anyhow::Error::msg)
                .context("--broker")?,
            credentials: None,
            ca: Authority::default(),
        });
    }
    let hq = Hq::open(config, clock.clone())
        .await
        .context("cannot open headquarters' database")?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let (serving, stop) = (hq.clone(), shutdown.clone());
    tokio::spawn(async move {
        if let Err(error) = serving.run(listener, stop).await {
            tracing::error!(%error, "headquarters' door is shut");
        }
    });
    Ok((hq, address))
}

impl Running {
    /// Places so many orders through the public door, among faults drawn from the seed, ends the day and
    /// compares the books.
    ///
    /// # Errors
    /// When the store can't be talked to at all.
    pub async fn live_a_day(
        &self,
        orders: u32,
        faults: Option<u64>,
        progress: impl FnMut(usize),
    ) -> anyhow::Result<Books> {
        guests::live_a_day(&self.door, orders, faults, progress).await
    }

    /// The emulated systems around the store, to see what really reached them.
    #[must_use]
    pub fn outside(&self) -> &Outside {
        self.door.outside()
    }

    /// Stops everything in order.
    pub async fn stop(self) {
        self.door.store().power_off_in_order().await;
        self.shutdown.cancel();
    }
}
