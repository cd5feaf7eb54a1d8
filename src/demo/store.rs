//! The store part: what loses its power and comes back.

use super::{
    PICTURES, TOKENS,
    http::SwitchedHttp,
    outside::{Outside, Served, zone},
};
use crate::{
    api,
    connectors::webhooks::Settings,
    devices::{
        fiscal::FiscalSettings,
        manual,
        slip_printer::{SlipWiring, Station},
    },
    domain::{
        channel::Channel,
        loyalty::{Level, Programme},
        payment::FiscalBy,
        policy::Policy,
        staff::Position,
        text::{Language, Text},
    },
    flow::keep::Keeping,
    run::{Daemon, RobotWiring, Wiring},
    store::{Options, backup::Plan, vault::Key},
    sync::{Mqtt, SyncConfig},
    world::{Secret, SystemClock, SystemEntropy, World},
};
use anyhow::Context as _;
use axum::Router;
use galley_atol::AtolPrinters;
use galley_escpos::{EscPosConfig, EscPosPrinter};
use galley_link::{Cable, CableDialer, SystemDialer, WireFile, WireLog};
use galley_moley::{KlinkConfig, KlinkDriver};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{Mutex, watch};

/// What goes over the printer's wire, beside the database: `galley fiscal wire` finds it there.
const WIRE_LOG: &str = "printer.wire";
/// Bytes of it before it begins anew; as much is kept of what was before.
const WIRE_LOG_BYTES: u64 = 4 * 1024 * 1024;

/// The doors of the store while it has power.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) lan: Router,
    pub(crate) local: Router,
    pub(crate) site: Arc<crate::flow::Site>,
}

/// The store part. Clones are the same store.
#[derive(Clone)]
pub(crate) struct StorePart {
    inner: Arc<Inner>,
}

/// What kind of store it is.
pub(crate) struct Kind {
    /// Staff do the robot's talking.
    pub(crate) manual_robot: bool,
    /// The kitchen works so many times faster.
    pub(crate) speed: u32,
    /// Where guests' phones find it.
    pub(crate) origin: String,
}

struct Inner {
    database: PathBuf,
    outside: Outside,
    served: Served,
    http: SwitchedHttp,
    sync: (SyncConfig, Secret),
    manual_robot: bool,
    speed: u32,
    origin: String,
    printer_cable: Cable,
    robot_cable: Cable,
    daemon: Mutex<Option<Daemon>>,
    doors: watch::Sender<Option<Doors>>,
}

impl StorePart {
    pub(crate) fn new(
        database: PathBuf,
        outside: Outside,
        served: Served,
        http: SwitchedHttp,
        sync: (SyncConfig, Secret),
        kind: Kind,
    ) -> Self {
        let Kind {
            manual_robot,
            speed,
            origin,
        } = kind;
        Self {
            inner: Arc::new(Inner {
                database,
                outside,
                served,
                http,
                sync,
                manual_robot,
                speed,
                origin,
                printer_cable: Cable::default(),
                robot_cable: Cable::default(),
                daemon: Mutex::new(None),
                doors: watch::Sender::new(None),
            }),
        }
    }

    /// Backups and secrets as a real box has them; the key guards nothing but play money.
    fn keeping(&self) -> Keeping {
        let keys: Vec<Key> = Key::new("the-key-of-a-demonstration-is-no-secret")
            .into_iter()
            .collect();
        let folder = self.inner.database.with_file_name("backups");
        Keeping {
            plan: Some(Plan {
                folder,
                keep: 14,
                keys: keys.clone(),
                store_id: "S001".to_owned(),
            }),
            keys,
            every: Duration::from_hours(24),
            credentials: None,
        }
    }

    pub(crate) fn doors(&self) -> watch::Receiver<Option<Doors>> {
        self.inner.doors.subscribe()
    }

    pub(crate) fn printer_cable(&self) -> &Cable {
        &self.inner.printer_cable
    }

    pub(crate) fn robot_cable(&self) -> &Cable {
        &self.inner.robot_cable
    }

    pub(crate) async fn power_on(&self) -> anyhow::Result<()> {
        let mut slot = self.inner.daemon.lock().await;
        if slot.is_some() {
            return Ok(());
        }
        let daemon = Daemon::start(self.wiring()?).await?;
        self.inner.doors.send_replace(Some(Doors {
            lan: daemon.api.router(),
            local: daemon.api.local_router(),
            site: daemon.site.clone(),
        }));
        *slot = Some(daemon);
        Ok(())
    }

    /// Takes people on who don't work here yet.
    pub(crate) async fn hire(
        &self,
        people: &[(&str, Position, Language, &str)],
    ) -> anyhow::Result<()> {
        let slot = self.inner.daemon.lock().await;
        let Some(daemon) = slot.as_ref() else {
            return Ok(());
        };
        for (name, role, language, pin) in people {
            daemon.api.hire(name, *role, *language, pin).await?;
        }
        Ok(())
    }

    /// Pulls the plug, and puts it in again.
    pub(crate) async fn power_cut(&self) -> anyhow::Result<()> {
        let daemon = self.inner.daemon.lock().await.take();
        self.inner.doors.send_replace(None);
        if let Some(daemon) = daemon {
            daemon.kill().await;
        }
        self.power_on().await
    }

    pub(crate) async fn power_off_in_order(&self) {
        let daemon = self.inner.daemon.lock().await.take();
        self.inner.doors.send_replace(None);
        if let Some(daemon) = daemon {
            daemon.stop().await;
        }
    }

    fn wiring(&self) -> anyhow::Result<Wiring> {
        let p = &self.inner;
        let world = World {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            dialer: Arc::new(SystemDialer::default()),
            http: Arc::new(p.http.clone()),
        };
        let wire = WireLog::new(
            1,
            Some(WireFile {
                path: p.database.with_file_name(WIRE_LOG),
                max_bytes: WIRE_LOG_BYTES,
                keep: 1,
            }),
        )
        .context("cannot write the printer's wire log")?;
        let cable = CableDialer::new(SystemDialer::default(), p.printer_cable.clone());
        let printer = AtolPrinters::new(
            Arc::new(wire.dialer(Arc::new(cable))),
            p.served.printer.clone(),
            galley_atol::AtolConfig::default(),
        );
        let robot = if p.manual_robot {
            RobotWiring::Manual
        } else {
            let driver = KlinkDriver::new(
                Arc::new(CableDialer::new(
                    SystemDialer::default(),
                    p.robot_cable.clone(),
                )),
                KlinkConfig::new(p.served.robot.clone(), "S001"),
                manual::ambient(&world),
            );
            RobotWiring::Driver(Arc::new(driver), p.served.robot.to_string())
        };
        let slips = SlipWiring {
            stations: vec![Station::Kitchen, Station::PreBill],
            printer: Box::new(EscPosPrinter::new(
                Arc::new(SystemDialer::default()),
                p.served.slips.clone(),
                EscPosConfig::default(),
            )),
            address: p.served.slips.to_string(),
        };
        Ok(Wiring {
            world,
            database: Options::at(p.database.clone()),
            policy: Policy {
                arms: 2,
                places: 12,
                speed: p.speed,
                kitchen_slips: true,
                kitchen_printer: true,
                channels: vec![Channel {
                    id: "delivery".to_owned(),
                    name: Text::new("Доставка", "Yetkazib berish", "Delivery"),
                    fiscal_by: FiscalBy::Other,
                }],
                loyalty: club(),
                ..Policy::default()
            },
            catalog: Some(p.outside.catalog.clone()),
            zone: zone()?,
            name: Text::new(
                "Galley на Тверской",
                "Galley Tverskoyda",
                "Galley on Tverskaya",
            ),
            pictures: Some(p.database.with_file_name(PICTURES)),
            printer: Some((
                Arc::new(printer),
                FiscalSettings {
                    cashier: Some("Робот Galley".to_owned()),
                    ..FiscalSettings::default()
                },
                p.served.printer.to_string(),
            )),
            slip_printers: vec![slips],
            robot: Some(robot),
            bank: Some(p.served.bank_config()),
            one_c: Some(p.served.one_c_config(&p.outside.catalog)),
            sms: Some(p.served.sms_config()?),
            sync: Some(p.sync.clone()),
            down: None,
            brokers: Arc::new(Mqtt),
            points: crate::run::Points::House,
            keeping: self.keeping(),
            tokens: TOKENS
                .iter()
                .map(|(token, role, name)| (Secret::new(*token), *role, (*name).to_owned()))
                .collect(),
            doors: api::Doors {
                follow_base: Some(p.origin.clone()),
                // Whoever tries it has a receiver on this machine.
                webhooks: Settings {
                    lan: true,
                    ..Settings::default()
                },
                ..api::Doors::new(Secret::new("the secret of a store on this machine only"))
            },
        })
    }
}

/// The demonstration's loyalty programme.
fn club() -> Programme {
    Programme {
        enabled: true,
        name: Text::new("Galley Клуб", "Galley Klub", "Galley Club"),
        levels: vec![Level {
            id: "gold".to_owned(),
            name: Text::new("Золотой", "Oltin", "Gold"),
            from_minor: 1_000_000,
            earn_bp: 1000,
        }],
        ..Programme::default()
    }
}
