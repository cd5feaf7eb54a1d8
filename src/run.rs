//! Where one store is wired together, by hand: the only place that knows all parts.

use crate::{
    api::{Api, Doors, Keeper, Parts, Role, Tokens, hash_token, recall_tokens},
    connectors::{
        alfa_bank::{AlfaBank, AlfaBankConfig},
        one_c::{self, OneC},
        reach,
        sms_ru::{Phone, PhoneBook, SmsRu, SmsRuConfig},
        webhooks::Webhooks,
    },
    devices::{
        fiscal::{FiscalSettings, Printer},
        manual,
        robot::Robot,
        slip_printer::{SlipPrinter, SlipWiring},
    },
    domain::{
        alert::{Alert, Severity},
        catalog::Catalog,
        event::Actor,
        ids::OrderId,
        policy::Policy,
        text::Text,
    },
    flow::{
        Site,
        commands::{clear_alert, raise_alert},
        engine::{Engine, Poke},
        executor::Executor,
        keep::{Keeping, keep, salt},
        loyalty::{House, Loyalty, LoyaltyProgramme},
        upkeep,
    },
    protection::{Protection, holds},
    store::{
        Options, Store,
        backup::{self, Occasion, Plan},
    },
    sync::{
        self, Brokers, DayCheck, Identity, Status, SyncConfig, UplinkHandle, UplinkState, down,
    },
    world::{Secret, World},
};
use anyhow::Context as _;
use async_trait::async_trait;
use futures_util::{FutureExt as _, future::BoxFuture};
use galley_fiscal::PrinterFactory;
use galley_robot::RobotDriver;
use jiff::tz::TimeZone;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Everything one store is made of. What is none is not connected.
pub struct Wiring {
    /// The machine.
    pub world: World,
    /// The database.
    pub database: Options,
    /// The rules.
    pub policy: Policy,
    /// What is sold; the one in the database when none.
    pub catalog: Option<Catalog>,
    /// The store's time zone.
    pub zone: TimeZone,
    /// Its name for guests.
    pub name: Text,
    /// Folder of the dishes' pictures.
    pub pictures: Option<PathBuf>,
    /// The fiscal printer, what the till adds to documents, and where it is, for screens.
    pub printer: Option<(Arc<dyn PrinterFactory>, FiscalSettings, String)>,
    /// Plain printers of slips.
    pub slip_printers: Vec<SlipWiring>,
    /// The robot.
    pub robot: Option<RobotWiring>,
    /// The bank and its password.
    pub bank: Option<(AlfaBankConfig, Secret)>,
    /// Accounting and its password.
    pub one_c: Option<(one_c::Config, Secret)>,
    /// Messages and the key.
    pub sms: Option<(SmsRuConfig, Secret)>,
    /// The way to headquarters and the store's token there.
    pub sync: Option<(SyncConfig, Secret)>,
    /// What this box is at headquarters; without it nothing that headquarters says is taken.
    pub down: Option<down::Wiring>,
    /// The way to brokers, should one be on the way to headquarters.
    pub brokers: Arc<dyn Brokers>,
    /// Who keeps the members' points.
    pub points: Points,
    /// Who may come in.
    pub tokens: Vec<(Secret, Role, String)>,
    /// Backups, secrets, and the keys for them.
    pub keeping: Keeping,
    /// How people and screens come in.
    pub doors: Doors,
}

/// Who keeps the members' points.
#[derive(Default)]
pub enum Points {
    /// The house: its ledger is the store's database.
    #[default]
    House,
    /// Another programme, which is given the house's own to fall back on.
    Other(Box<dyn FnOnce(House) -> Arc<dyn LoyaltyProgramme> + Send>),
}

/// How the robot is reached.
pub enum RobotWiring {
    /// By a driver, and where it is, for screens.
    Driver(Arc<dyn RobotDriver>, String),
    /// Staff do the talking.
    Manual,
}

/// A running store.
pub struct Daemon {
    /// Its door.
    pub api: Api,
    /// The store.
    pub site: Arc<Site>,
    /// The way to headquarters.
    pub uplink: Option<UplinkHandle>,
    /// Wakes the effect engine.
    pub poke: Poke,
    /// Its certificates, if it serves HTTPS.
    pub tls: Option<Arc<Keeper>>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Daemon {
    /// Starts a store: opens its database, takes up what was left undone, and looks after its devices.
    ///
    /// # Errors
    /// When the database can't be opened, or a setting is wrong.
    pub fn start(wiring: Wiring) -> BoxFuture<'static, anyhow::Result<Self>> {
        // In a box: so it is compiled here, and not once more in every program that calls it.
        Self::build(wiring).boxed()
    }

    async fn build(wiring: Wiring) -> anyhow::Result<Self> {
        let Wiring {
            world,
            database,
            policy,
            catalog,
            zone,
            name,
            pictures,
            printer,
            slip_printers,
            robot,
            bank,
            one_c,
            sms,
            sync,
            down,
            brokers,
            points,
            tokens,
            keeping,
            doors: settings,
        } = wiring;
        if holds(Protection::SettleLog) {
            database.settle()?;
        }
        if let Some(plan) = &keeping.plan {
            back_up_before_update(&world, &database, plan)?;
        }
        let store = Store::open(database).context("cannot open the store's database")?;
        let store_id = policy.store_id.clone();
        let site = Site::open(store.clone(), world.clone(), policy, catalog, zone.clone())
            .await
            .context("cannot take the store over")?;
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let poke = Poke::default();
        let mut executors: Vec<Arc<dyn Executor>> = Vec::new();
        let mut addresses = BTreeMap::new();

        let printer = printer.map(|(factory, settings, address)| {
            addresses.insert("printer".to_owned(), address);
            Printer::new(site.clone(), factory, settings, poke.clone())
        });
        if let Some(printer) = &printer {
            executors.push(printer.clone());
            tasks.spawn(printer.clone().run(shutdown.clone()));
        }
        // Behind the fiscal printer: who comes later takes the kind.
        let slip_printers: Vec<Arc<SlipPrinter>> = slip_printers
            .into_iter()
            .map(|wiring| {
                let address = wiring.address.clone();
                let printer = SlipPrinter::new(site.clone(), wiring, poke.clone());
                addresses.insert(printer.id().to_owned(), address);
                printer
            })
            .collect();
        for printer in &slip_printers {
            executors.push(printer.clone());
            tasks.spawn(printer.clone().run(shutdown.clone()));
        }
        let robot = match robot {
            None => None,
            Some(RobotWiring::Driver(driver, address)) => {
                addresses.insert("robot".to_owned(), address);
                Some(Robot::new(site.clone(), driver, None, poke.clone()))
            }
            Some(RobotWiring::Manual) => {
                let (driver, press) = manual::open(store.clone(), &world)
                    .await
                    .map_err(anyhow::Error::msg)
                    .context("cannot open the manual robot's memory")?;
                addresses.insert("robot".to_owned(), "manual".to_owned());
                Some(Robot::new(site.clone(), driver, Some(press), poke.clone()))
            }
        };
        if let Some(robot) = &robot {
            executors.push(robot.clone());
            tasks.spawn(robot.clone().run(shutdown.clone()));
        }

        let (reachable, bank_online) = watch::channel(false);
        if let Some((config, password)) = bank {
            let bank = AlfaBank::new(&config, password, world.http.clone(), world.clock.clone())
                .context("[connectors.alfa_bank]")?;
            executors.push(Arc::new(bank));
            let back = poke.clone();
            tasks.spawn(reach::watch(
                world.http.clone(),
                config.base_url,
                reachable,
                move || back.poke(),
                shutdown.clone(),
            ));
        }
        if let Some((config, password)) = one_c {
            executors.push(Arc::new(OneC::new(config, &password, world.http.clone())));
        }
        if let Some((config, key)) = sms {
            let phones = Arc::new(Phones(store.clone()));
            let sms = SmsRu::new(
                &config,
                key,
                phones,
                world.http.clone(),
                world.clock.clone(),
            )
            .context("[connectors.sms_ru]")?;
            executors.push(Arc::new(sms));
        }
        // Also where nobody can join any more: what was begun is brought to its end.
        let house = House::new(
            store.clone(),
            world.clock.clone(),
            site.policy().loyalty.clone(),
        );
        executors.push(Arc::new(Loyalty::by(match points {
            Points::House => Arc::new(house),
            Points::Other(with) => with(house),
        })));
        let engine = Arc::new(Engine::new(site.clone(), executors, poke.clone()));
        tasks.spawn(engine.run(shutdown.clone()));
        tasks.spawn(upkeep::look_after(site.clone(), shutdown.clone()));
        if let Some(plan) = keeping.plan.clone() {
            tasks.spawn(keep(site.clone(), plan, keeping.every, shutdown.clone()));
        }

        let webhooks = Webhooks::new(
            site.clone(),
            keeping.keys.clone(),
            settings.webhooks.clone(),
        );
        tasks.spawn(webhooks.clone().run(shutdown.clone()));

        let uplink = match sync {
            Some((config, token)) if config.is_enabled() => {
                let identity = Identity {
                    store_id: store_id.parse().context("store.id")?,
                    generation: down.as_ref().map_or(0, |d| d.generation),
                    name: name.ru.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    zone,
                };
                let (inbox, down) = down.map(|wiring| down::down(&site, wiring)).unzip();
                let routes = sync::routes(
                    &config,
                    &identity.store_id,
                    &token,
                    &world.http,
                    &brokers,
                    inbox.as_ref(),
                )
                .context("[sync]")?;
                let (handle, task) =
                    sync::uplink_watching(site.clone(), &world, identity, &config, routes);
                if let Some(down) = down {
                    let down = down.after(handle.acknowledged());
                    tasks.spawn(down.run(shutdown.clone()));
                }
                tasks.spawn(task.run(shutdown.clone()));
                tasks.spawn(watch_uplink(
                    site.clone(),
                    handle.state(),
                    poke.clone(),
                    shutdown.clone(),
                ));
                tasks.spawn(watch_days(site.clone(), handle.day(), shutdown.clone()));
                Some(handle)
            }
            _ => None,
        };

        let doors = Tokens::default();
        for (token, role, holder) in tokens {
            doors.insert(hash_token(token.reveal()), role, holder);
        }
        let tls = match settings.tls.listen {
            None => None,
            Some(_) => {
                let keeper =
                    Keeper::open(site.clone(), keeping.keys.clone(), settings.tls.clone()).await;
                tasks.spawn(keeper.clone().keep(shutdown.clone()));
                Some(keeper)
            }
        };
        let state = uplink.as_ref().map(UplinkHandle::state);
        let api = Api::new(Parts {
            site: site.clone(),
            tokens: doors,
            doors: settings,
            tls: tls.clone(),
            poke: poke.clone(),
            printer,
            slip_printers,
            robot,
            bank_online,
            uplink: Arc::new(move || {
                state
                    .as_ref()
                    .map_or("off", |state| state.borrow().status.word())
            }),
            headquarters: uplink.clone(),
            addresses,
            pictures,
            store_name: name,
            keeping,
            webhooks,
            closing: shutdown.clone(),
        });
        recall_tokens(&api)
            .await
            .context("cannot read who may come in")?;
        Ok(Self {
            api,
            site,
            uplink,
            poke,
            tls,
            shutdown,
            tasks,
        })
    }

    /// Ends when the store stops; live streams end with it.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Ends when a part of the store broke off (a panic, which is a bug): what is left would take money and cook
    /// nothing. Whoever runs the store then kills it and starts it anew, and everything unfinished is taken up.
    pub async fn broken(&mut self) -> anyhow::Error {
        broken_off(&mut self.tasks).await
    }

    /// Stops the store in order.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Stops the store as a power cut does: nothing is finished, nobody is told.
    pub async fn kill(mut self) {
        self.tasks.shutdown().await;
        self.shutdown.cancel();
        // A request that is being answered still holds the store; without power it can't write either.
        self.site.store.close().await;
    }
}

/// Waits for a task that panics; parts that ended by themselves had nothing left to do.
async fn broken_off(tasks: &mut JoinSet<()>) -> anyhow::Error {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            return anyhow::Error::new(error).context("a part of the store broke off");
        }
    }
    std::future::pending().await
}

/// A database that this program would change is copied first: the way back is the former program with that copy.
fn back_up_before_update(world: &World, database: &Options, plan: &Plan) -> anyhow::Result<()> {
    // What can't even be looked at is told by whoever opens it.
    let Ok(Some(schema)) = backup::needs_migration(database) else {
        return Ok(());
    };
    let occasion = Occasion {
        at: world.clock.now(),
        reason: backup::BEFORE_UPDATE.to_owned(),
        salt: salt(world.entropy.as_ref()),
    };
    let made = backup::make(database, plan, &occasion)
        .context("the database must be backed up before it is updated")?;
    tracing::info!(schema, file = %made.file.display(), "backed up before the update");
    Ok(())
}

/// Tells a person when headquarters refuses this store, and wakes the engine when the network is back.
async fn watch_uplink(
    site: Arc<Site>,
    mut state: watch::Receiver<UplinkState>,
    poke: Poke,
    shutdown: CancellationToken,
) {
    const KEY: &str = "uplink";
    loop {
        let now = state.borrow_and_update().clone();
        if now.status == Status::Online {
            poke.poke();
        }
        let written = site
            .command(Actor::system(), move |tx, cx| {
                if !now.refused {
                    return clear_alert(tx, cx, KEY);
                }
                raise_alert(tx, cx, Alert {
                    key: KEY.to_owned(),
                    severity: Severity::Error,
                    title: "Headquarters refuses this store".to_owned(),
                    detail: now.reason.unwrap_or_default(),
                    advice: "Check the store's id and token with headquarters; nothing is lost meanwhile."
                        .to_owned(),
                    since_at: cx.now,
                })
            })
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "the uplink's alert can't be written");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

/// Tells a person when headquarters comes out at another root of a day than this store.
async fn watch_days(
    site: Arc<Site>,
    mut day: watch::Receiver<DayCheck>,
    shutdown: CancellationToken,
) {
    const KEY: &str = "uplink:day";
    loop {
        let now = day.borrow_and_update().clone();
        let written = site
            .command(Actor::system(), move |tx, cx| match now {
                DayCheck::Open => Ok(()),
                DayCheck::Same(_) => clear_alert(tx, cx, KEY),
                DayCheck::Differs(ours, theirs) => raise_alert(tx, cx, Alert {
                    key: KEY.to_owned(),
                    severity: Severity::Error,
                    title: format!("Headquarters has another record of {}", ours.day),
                    detail: format!(
                        "up to event {} this store comes out at {}, headquarters at {}",
                        ours.seq, ours.hash, theirs.hash
                    ),
                    advice: "Run `galley hq verify` at headquarters and `galley doctor` here: one of the two logs was changed or damaged after it was written. Both are kept as they are."
                        .to_owned(),
                    since_at: cx.now,
                }),
            })
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "the alert about a day can't be written");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            changed = day.changed() => if changed.is_err() { return },
        }
    }
}

/// The phones of guests, out of the store.
struct Phones(Store);

#[async_trait]
impl PhoneBook for Phones {
    async fn phone(&self, order_id: uuid::Uuid) -> Option<Phone> {
        let found = self.0.read(move |s| s.contact(OrderId(order_id))).await;
        match found {
            Ok(text) => Phone::parse(&text?).ok(),
            Err(error) => {
                tracing::error!(%error, "a guest's phone can't be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_breaks_off_is_told_and_one_that_ends_is_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tasks.spawn(std::future::pending());
        tokio::task::yield_now().await;
        assert!(
            broken_off(&mut tasks).now_or_never().is_none(),
            "nothing broke off"
        );

        tasks.spawn(async { panic!("the engine met what it does not know") });
        let told = format!("{:#}", broken_off(&mut tasks).await);
        assert!(told.contains("a part of the store broke off"), "{told}");
        assert!(
            told.contains("the engine met what it does not know"),
            "{told}"
        );
    }
}
