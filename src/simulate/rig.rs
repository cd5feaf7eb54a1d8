//! One store with everything outside in memory, which can be killed, cut off, and switched on again.

use super::{
    broker::{self, SimBroker},
    clock::SimClock,
    heart::Heart,
    net::SimHttp,
    plan::{Ground, Route, Service},
    steps::Steps,
    unsteady::Unsteady,
    wire::{SimDialer, Wire},
};
use crate::{
    api::{Doors, Role},
    demo::outside::{Outside, Served, zone},
    devices::{fiscal::FiscalSettings, manual},
    disk::Vfs,
    domain::{loyalty::Programme, policy::Policy, text::Text, time::Timestamp},
    hq::{BrokerLogin, Hq, HqConfig, Place},
    run::{self, Daemon, RobotWiring, Wiring},
    store::{Options, Store, Synchronous, Threads},
    sync::{Authority, SyncConfig},
    world::{Entropy as _, RouterHttp, Secret, SeededEntropy, World},
};
use anyhow::Context as _;
use axum::{body::Body, http::Request};
use galley_atol::{
    AtolPrinters,
    emulator::{AtolEmulator, EmulatorConfig as AtolSetup, TokioClock},
    local_time::LocalDateTime,
};
use galley_link::MemoryNet;
use galley_moley::{Framing, KlinkConfig, KlinkDriver, emulator::Cooked};
use galley_vfs::{Disk, Failure, PowerCut, Snapshot};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    rc::Rc,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// A working day's morning in the store's zone; nothing depends on which. UTC, ms.
const FIRST_MORNING: i64 = 1_795_413_600_000;
/// Staff's token.
pub(super) const STAFF: &str = "sim-manager-token";
/// The kiosk's.
pub(super) const KIOSK: &str = "sim-kiosk-token";
/// What must never be seen in the log.
pub(super) const STORE_TOKEN: &str = "sim-store-token";
/// The store's database on its disk.
const DATABASE: &str = "/store.db";
/// The lives of every so-manieth seed begin with an empty disk.
const EMPTY_DISK: u64 = 8;
/// A client gives a request up after so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// systemd starts a daemon that died again after so long.
const RESTART: Duration = Duration::from_millis(500);

/// The box while its process lives.
struct Box_ {
    daemon: Daemon,
    router: axum::Router,
    heart: Heart,
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Killed; what it had written is with the kernel.
    Killed,
    /// The power failed; what was not flushed is anyone's guess.
    Power,
    /// The power failed, and nothing is left of what was not flushed.
    PowerAndAll,
    /// The power failed, and any part is left of what was not flushed.
    PowerAndTorn,
}

/// A disk as a database takes it.
pub(super) fn file_layer(disk: &Disk) -> Vfs {
    let same = disk.clone();
    Vfs::new(disk.vfs(), move |path| {
        same.rewrite(&path.to_string_lossy())
            .map_err(|code| io::Error::other(format!("SQLite's code {code}")))
    })
}

/// The disk of a store that has just been set up, which is done once for most lives.
fn new_store() -> anyhow::Result<&'static Snapshot> {
    static NEW: OnceLock<Snapshot> = OnceLock::new();
    if let Some(disk) = NEW.get() {
        return Ok(disk);
    }
    let disk = Disk::new("new-store", 0);
    let options = Options {
        path: DATABASE.into(),
        vfs: Some(file_layer(&disk)),
        threads: Threads::Inline,
        synchronous: Synchronous::Full,
    };
    drop(Store::open(options)?);
    Ok(NEW.get_or_init(|| disk.snapshot()))
}

/// Everything. Clones share it.
#[derive(Clone)]
pub(super) struct Rig(Rc<Inner>);

struct Inner {
    truth: SimClock,
    box_clock: SimClock,
    disk: Disk,
    hq_disk: Disk,
    outside: Outside,
    other_printer: AtolEmulator,
    net: RouterHttp,
    devices: MemoryNet,
    printer: Wire,
    robot: Wire,
    bank: Steps,
    broker: SimBroker,
    ground: Ground,
    synchronous: Synchronous,
    chance: Arc<SeededEntropy>,
    running: RefCell<Option<Box_>>,
    /// Goes up with every life.
    lives: watch::Sender<u64>,
    /// The box has power and may run.
    powered: Cell<bool>,
    changed: Notify,
    /// How the next death is to be taken.
    end: Cell<End>,
    /// Answers on the LAN that will be lost, and requests that will come twice.
    points: Unsteady,
    lan_loses: Cell<u64>,
    lan_repeats: Cell<u64>,
    crashes: Cell<u64>,
    power_cuts: Cell<u64>,
    hq: RefCell<Option<Hq>>,
    /// Headquarters' work at the broker.
    at_broker: RefCell<JoinSet<()>>,
    /// What robots made that stood here before this one.
    made_before: RefCell<Vec<BTreeMap<String, Cooked>>>,
    /// Why the store could not be started, last time.
    refusal: RefCell<Option<String>>,
}

impl Rig {
    /// Builds the outside world and headquarters; the box is still off.
    pub(super) async fn build(
        seed: u64,
        ground: Ground,
        synchronous: Synchronous,
    ) -> anyhow::Result<Self> {
        let truth = SimClock::starting_at(Timestamp::from_millis(FIRST_MORNING));
        let outside = Outside::open(None, Arc::new(truth.clone()), 60, ground.places, seed)?;
        let devices = MemoryNet::new();
        let (printer, robot) = (devices.listen("printer"), devices.listen("robot"));
        let (core, kitchen) = (outside.printer.clone(), outside.kitchen.clone());
        tokio::spawn(async move { core.listen(printer).await });
        tokio::spawn(async move { kitchen.listen(robot, Framing::Len32).await });
        let other_printer = AtolEmulator::open(
            None,
            AtolSetup {
                serial: 106_900_000_999,
                drive_number: "9999078902009999".to_owned(),
                ..AtolSetup::default()
            },
            Arc::new(TokioClock::starting(LocalDateTime::from_seconds(
                outside.printer.local_time().seconds(),
            ))),
        )?;
        let (other, core) = (devices.listen("other-printer"), other_printer.clone());
        tokio::spawn(async move { core.listen(other).await });
        let net = RouterHttp::new()
            .route(Service::Bank.authority(), outside.bank.router())
            .route(Service::OneC.authority(), outside.one_c.router())
            .route(Service::Sms.authority(), outside.sms.router());
        let disk = Disk::new("store", seed);
        if !seed.is_multiple_of(EMPTY_DISK) {
            disk.restore(new_store()?);
        }
        let rig = Self(Rc::new(Inner {
            box_clock: truth.follower(),
            truth,
            disk,
            hq_disk: Disk::new("hq", seed ^ 1),
            outside,
            other_printer,
            net,
            devices,
            printer: Wire::default(),
            robot: Wire::default(),
            bank: Steps::default(),
            broker: SimBroker::default(),
            ground,
            synchronous,
            chance: Arc::new(SeededEntropy::new(seed)),
            running: RefCell::default(),
            lives: watch::Sender::new(0),
            powered: Cell::new(false),
            changed: Notify::new(),
            end: Cell::new(End::Killed),
            points: Unsteady::default(),
            lan_loses: Cell::new(0),
            lan_repeats: Cell::new(0),
            crashes: Cell::new(0),
            power_cuts: Cell::new(0),
            hq: RefCell::default(),
            at_broker: RefCell::default(),
            made_before: RefCell::default(),
            refusal: RefCell::default(),
        }));
        rig.open_hq().await?;
        Ok(rig)
    }

    pub(super) fn members(&self) -> bool {
        self.0.ground.members
    }

    pub(super) fn outside(&self) -> &Outside {
        &self.0.outside
    }

    /// The printer that takes the place of the store's own.
    pub(super) fn other_printer(&self) -> &AtolEmulator {
        &self.0.other_printer
    }

    pub(super) fn net(&self) -> &RouterHttp {
        &self.0.net
    }

    pub(super) fn broker(&self) -> &SimBroker {
        &self.0.broker
    }

    /// The store's network goes or comes.
    pub(super) fn set_online(&self, online: bool) {
        self.0.net.set_online(online);
        self.0.broker.set_online(online);
    }

    /// Another robot stands in the place of this one; what that made is remembered.
    pub(super) fn replace_robot(&self) {
        let kitchen = &self.0.outside.kitchen;
        self.0.made_before.borrow_mut().push(kitchen.dishes());
        kitchen.replace_cell();
    }

    /// What robots made that stood here before this one.
    pub(super) fn made_before(&self) -> Vec<BTreeMap<String, Cooked>> {
        self.0.made_before.borrow().clone()
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.0.disk
    }

    pub(super) fn hq_disk(&self) -> &Disk {
        &self.0.hq_disk
    }

    pub(super) fn printer_wire(&self) -> &Wire {
        &self.0.printer
    }

    pub(super) fn robot_wire(&self) -> &Wire {
        &self.0.robot
    }

    pub(super) fn truth(&self) -> &SimClock {
        &self.0.truth
    }

    pub(super) fn box_clock(&self) -> &SimClock {
        &self.0.box_clock
    }

    pub(super) fn crashes(&self) -> (u64, u64) {
        (self.0.crashes.get(), self.0.power_cuts.get())
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.0.refusal.borrow().clone()
    }

    /// Headquarters, as long as it is up.
    pub(super) fn hq(&self) -> Option<Hq> {
        self.0.hq.borrow().clone()
    }

    /// The store's site, as long as the process lives.
    pub(super) fn site(&self) -> Option<Arc<crate::flow::Site>> {
        self.0
            .running
            .borrow()
            .as_ref()
            .map(|b| b.daemon.site.clone())
    }

    /// Opens headquarters' database, as it is.
    pub(super) async fn open_hq(&self) -> anyhow::Result<()> {
        let mut config = HqConfig::on(Place::Sqlite(Options {
            threads: Threads::Inline,
            vfs: Some(file_layer(&self.0.hq_disk)),
            ..Options::at("/hq.db")
        }));
        config.accept_unknown = true;
        let hq = Hq::open(config, Arc::new(self.0.truth.clone()))
            .await
            .context("headquarters does not start")?;
        self.0.net.set_route(Service::Hq.authority(), hq.router());
        if self.0.ground.route != Route::Straight {
            let login = BrokerLogin {
                address: broker::ADDRESS.parse().map_err(anyhow::Error::msg)?,
                credentials: None,
                ca: Authority::default(),
            };
            let work =
                hq.clone()
                    .run_broker(self.0.broker.way(None), login, CancellationToken::new());
            self.0.at_broker.borrow_mut().spawn(work);
        }
        *self.0.hq.borrow_mut() = Some(hq);
        Ok(())
    }

    /// Headquarters dies; its disk is left as `cut` says.
    pub(super) fn kill_hq(&self, seed: Option<u64>) {
        *self.0.hq.borrow_mut() = None;
        self.0.at_broker.borrow_mut().abort_all();
        self.0
            .net
            .set_route(Service::Hq.authority(), axum::Router::new().fallback(gone));
        match seed {
            Some(seed) => self.0.hq_disk.power_cut(PowerCut::Torn(seed)),
            None => self.0.hq_disk.kill(),
        }
    }

    /// Looks after the box's process for ever: starts it while there is power, and again whenever it dies.
    pub(super) async fn keep_running(self) {
        loop {
            if !self.0.powered.get() {
                self.0.changed.notified().await;
                continue;
            }
            let heart = match self.start().await {
                Ok(heart) => heart,
                Err(error) => {
                    *self.0.refusal.borrow_mut() = Some(format!("{error:#}"));
                    tokio::time::sleep(RESTART).await;
                    continue;
                }
            };
            *self.0.refusal.borrow_mut() = None;
            tokio::select! {
                biased;
                () = heart.died() => {}
                () = self.off() => heart.die(),
            }
            let dead = self.0.running.borrow_mut().take();
            if let Some(dead) = dead {
                drop(dead.router);
                dead.daemon.kill().await;
            }
            self.0.crashes.set(self.0.crashes.get() + 1);
            self.0.disk.do_not_stop();
            // The hook holds the heart, and that the disk.
            self.0.disk.on_stop(Box::new(|| {}));
            match self.0.end.replace(End::Killed) {
                End::Killed => self.0.disk.kill(),
                End::Power => {
                    self.0.power_cuts.set(self.0.power_cuts.get() + 1);
                    let seed = self.0.chance.below(u64::MAX);
                    self.0.disk.power_cut(match seed % 4 {
                        0 => PowerCut::LoseAll,
                        _ => PowerCut::Torn(seed),
                    });
                }
                End::PowerAndAll => {
                    self.0.power_cuts.set(self.0.power_cuts.get() + 1);
                    self.0.disk.power_cut(PowerCut::LoseAll);
                }
                End::PowerAndTorn => {
                    self.0.power_cuts.set(self.0.power_cuts.get() + 1);
                    let seed = self.0.chance.below(u64::MAX);
                    self.0.disk.power_cut(PowerCut::Torn(seed));
                }
            }
            tokio::time::sleep(RESTART).await;
        }
    }

    /// Ends the life: nothing is left that holds its memory.
    pub(super) async fn end(&self) {
        let last = self.0.running.borrow_mut().take();
        if let Some(last) = last {
            drop(last.router);
            last.daemon.kill().await;
        }
        let mut at_broker = std::mem::take(&mut *self.0.at_broker.borrow_mut());
        at_broker.shutdown().await;
        *self.0.hq.borrow_mut() = None;
        self.0.disk.on_stop(Box::new(|| {}));
    }

    async fn off(&self) {
        while self.0.powered.get() {
            self.0.changed.notified().await;
        }
    }

    /// Switches the box on.
    pub(super) fn power_on(&self) {
        self.0.powered.set(true);
        self.0.changed.notify_one();
    }

    /// Takes its power.
    pub(super) fn power_off(&self) {
        self.0.end.set(End::Power);
        self.0.powered.set(false);
        self.0.changed.notify_one();
    }

    /// The process dies now; the power is back at once.
    pub(super) fn die(&self, end: End) {
        let running = self.0.running.borrow();
        if let Some(running) = running.as_ref() {
            self.0.end.set(end);
            running.heart.die();
        }
    }

    /// The process dies at a changing operation on its disk that is so many ahead.
    pub(super) fn die_at_write(&self, ahead: u64, end: End) {
        if self.0.running.borrow().is_some() {
            self.0.end.set(end);
            self.0.disk.stop_at(self.0.disk.operations() + ahead);
        }
    }

    /// The next flush on the box's disk fails, and the process dies before it does anything there again.
    pub(super) fn fail_flush_and_die(&self) {
        if self.0.running.borrow().is_some() {
            self.0.end.set(End::Killed);
            self.0.disk.fail_sync_and_stop();
        }
    }

    /// The changing operation on the box's disk that is so many ahead fails, if it is of that kind.
    pub(super) fn fail_disk_at(&self, ahead: u64, failure: Failure) {
        self.0
            .disk
            .fail_at(self.0.disk.operations() + ahead, failure);
    }

    /// The process dies at a step on a wire that is so many ahead.
    pub(super) fn die_at_step(&self, ahead: u64, end: End) {
        let running = self.0.running.borrow();
        if let Some(running) = running.as_ref() {
            self.0.end.set(end);
            running.heart.die_after(ahead);
        }
    }

    /// What was to end the process later on does not.
    pub(super) fn do_not_die(&self) {
        self.0.disk.do_not_stop();
        if let Some(running) = self.0.running.borrow().as_ref() {
            running.heart.do_not_die();
        }
    }

    /// Steps on all wires of this life.
    pub(super) fn steps(&self) -> u64 {
        let running = self.0.running.borrow();
        running.as_ref().map_or(0, |b| b.heart.steps())
    }

    /// Requests to the bank.
    pub(super) fn bank_steps(&self) -> &Steps {
        &self.0.bank
    }

    async fn start(&self) -> anyhow::Result<Heart> {
        let p = &self.0;
        let disk = p.disk.clone();
        let heart = Heart::new(move || disk.kill());
        let stopped = heart.clone();
        p.disk.on_stop(Box::new(move || stopped.die()));
        let http = SimHttp::new(p.net.clone(), heart.clone(), p.bank.clone());
        let dialer = SimDialer::new(
            p.devices.clone(),
            heart.clone(),
            p.printer.clone(),
            p.robot.clone(),
        );
        let world = World {
            clock: Arc::new(p.box_clock.clone()),
            entropy: p.chance.clone(),
            dialer: Arc::new(dialer),
            http: Arc::new(http),
        };
        p.disk.set_now(world.clock.now().as_millis());
        let wiring = self.wiring(world, &heart)?;
        let daemon = tokio::select! {
            biased;
            () = heart.died() => anyhow::bail!("died while starting"),
            daemon = Daemon::start(wiring) => daemon?,
        };
        let router = daemon.api.router();
        *p.running.borrow_mut() = Some(Box_ {
            daemon,
            router,
            heart: heart.clone(),
        });
        p.lives.send_modify(|n| *n += 1);
        Ok(heart)
    }

    fn wiring(&self, world: World, heart: &Heart) -> anyhow::Result<Wiring> {
        let p = &self.0;
        let served = Served {
            bank: Service::Bank.authority().to_owned(),
            one_c: Service::OneC.authority().to_owned(),
            sms: Service::Sms.authority().to_owned(),
            printer: "mem://printer".parse()?,
            slips: galley_link::Address::Memory("slips".to_owned()),
            robot: "mem://robot".parse()?,
        };
        let route = p.ground.route;
        let printers = AtolPrinters::new(
            world.dialer.clone(),
            served.printer.clone(),
            galley_atol::AtolConfig::default(),
        );
        let driver = KlinkDriver::new(
            world.dialer.clone(),
            KlinkConfig::new(served.robot.clone(), "S001"),
            manual::ambient(&world),
        );
        Ok(Wiring {
            world,
            database: Options {
                path: DATABASE.into(),
                vfs: Some(file_layer(&p.disk)),
                threads: Threads::Inline,
                synchronous: p.synchronous,
            },
            policy: Policy {
                arms: 2,
                places: p.ground.places,
                speed: 60,
                loyalty: Programme {
                    enabled: p.ground.members,
                    earn_bp: 1000,
                    ..Programme::default()
                },
                ..Policy::default()
            },
            catalog: Some(p.outside.catalog.clone()),
            zone: zone()?,
            name: Text::new("Т", "T", "T"),
            pictures: None,
            printer: Some((
                Arc::new(printers),
                FiscalSettings {
                    // The till is registered as one with a person at it.
                    cashier: Some("Simulator".to_owned()),
                    ..FiscalSettings::default()
                },
                "mem://printer".to_owned(),
            )),
            slip_printers: Vec::new(),
            robot: Some(RobotWiring::Driver(
                Arc::new(driver),
                "mem://robot".to_owned(),
            )),
            bank: Some(served.bank_config()),
            one_c: Some(served.one_c_config(&p.outside.catalog)),
            sms: Some(served.sms_config()?),
            sync: Some((
                SyncConfig {
                    url: (route != Route::Broker)
                        .then(|| format!("http://{}", Service::Hq.authority())),
                    broker: (route != Route::Straight).then(|| broker::ADDRESS.to_owned()),
                    ..SyncConfig::default()
                },
                Secret::new(STORE_TOKEN),
            )),
            down: None,
            brokers: p.broker.way(Some(heart.clone())),
            points: run::Points::Other(p.points.around()),
            keeping: crate::flow::keep::Keeping::default(),
            tokens: vec![
                (Secret::new(STAFF), Role::Manager, "manager".to_owned()),
                (Secret::new(KIOSK), Role::Kiosk, "kiosk".to_owned()),
            ],
            doors: Doors::new(Secret::new("a secret of the simulator")),
        })
    }

    /// The answers to the next moves of points are lost.
    pub(super) fn lose_points(&self, answers: u64) {
        self.0.points.lose(answers);
    }

    /// The LAN loses the answers to the next requests, or brings them twice.
    pub(super) fn break_lan(&self, loses: u64, repeats: u64) {
        self.0.lan_loses.set(loses);
        self.0.lan_repeats.set(repeats);
    }

    /// One request to the store's public door over the LAN; none when there was no answer.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let take = |n: &Cell<u64>| {
            let left = n.get();
            n.set(left.saturating_sub(1));
            left > 0 && method == "POST"
        };
        if take(&self.0.lan_repeats) {
            self.send(method, path, token, key, body).await;
        }
        let answer = self.send(method, path, token, key, body).await;
        answer.filter(|_| !take(&self.0.lan_loses))
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let (router, heart) = {
            let running = self.0.running.borrow();
            let running = running.as_ref()?;
            (running.router.clone(), running.heart.clone())
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("authorization", format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let payload = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        let exchange = async {
            let response = router.oneshot(request.body(payload).ok()?).await.ok()?;
            let status = response.status().as_u16();
            let bytes = axum::body::to_bytes(response.into_body(), 1 << 24)
                .await
                .ok()?;
            Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
        };
        let answer = tokio::select! {
            biased;
            () = heart.died() => None,
            answer = tokio::time::timeout(PATIENCE, exchange) => answer.ok().flatten(),
        };
        // A dead process answers nobody, whatever its last words were.
        answer.filter(|_| heart.is_alive())
    }
}

async fn gone() -> axum::http::StatusCode {
    axum::http::StatusCode::BAD_GATEWAY
}
