//! A store in miniature: a driver, its stored cursor, and a reader that checks every law of the journal.
#![allow(dead_code, clippy::unwrap_used)]

use galley_link::{Address, Dialer, MemoryNet};
use galley_moley::{
    Framing, KlinkConfig, KlinkDriver,
    emulator::{BinConfig, EmulatorConfig, KitchenEmulator},
};
use galley_robot::{
    Ambient, CellInfo, CmdResult, Command, Cursor, Event, Incoming, JobAbort, JobState, JobSubmit,
    JournalEvent, LinkState, Operation, Recipe, RecipeRef, RobotDriver, RobotError, Unit, upload,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use uuid::Uuid;

pub const START_MS: i64 = 1_795_309_200_000;
/// Longer than any dish and any back-off; only a hang gets there.
pub const LIMIT: Duration = Duration::from_secs(3600);
pub const CELL: &str = "mem://cell";

/// Small Borscht: 4 s beet, 20 s stock, 3 s plating.
pub fn recipe() -> Recipe {
    serde_json::from_str(
        r#"{"allergens":["celery"],"card":"TK-112","ccp":[{"hold_ms":15000,"id":"core","min_mc":75000,"phase":"p2"}],"hold":{"max_ms":900000,"min_mc":63000},"id":"borsch","ingredients":[{"item":"ING-0042","qty":80000,"ref":"beet","tol_pm":50,"unit":"mg"},{"item":"ING-0007","qty":250000,"ref":"stock","tol_pm":30,"unit":"ul"}],"name":{"en":"Borscht","ru":"Борщ"},"params":[{"def":"std","id":"salt","type":"enum","values":["low","std"]}],"phases":[{"dur_ms":4000,"id":"p1","op":"dispense","res":["arm"],"stage":"preparing","use":["beet"]},{"args":{"target_mc":95000},"dur_ms":20000,"id":"p2","op":"heat","res":["hob"],"stage":"cooking","use":["stock"]},{"dur_ms":3000,"id":"p3","op":"plate","res":["arm","slot"],"stage":"cooking","use":[]}],"portion_mg":350000,"programs":[],"requires":["arm","hob"],"rev":7,"schema":"klink.recipe/1"}"#,
    )
    .unwrap()
}

pub fn config(seed: u64) -> EmulatorConfig {
    let mut config = EmulatorConfig::new(seed, Ambient::seeded(START_MS, seed));
    config.auto_production = true;
    config.bins = [("B03", "ING-0042", Unit::Mg), ("B07", "ING-0007", Unit::Ul)]
        .map(|(bin, item, unit)| BinConfig {
            bin: bin.into(),
            item: Some(item.into()),
            unit,
            cap: 10_000_000,
            low: 500_000,
            level: 5_000_000,
            lot: "L-1".into(),
            expiry: START_MS + 48 * 3600 * 1000,
            scale: bin == "B03",
        })
        .into();
    config
}

/// What the reader has seen, as the daemon's database would hold it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub cursor: Option<Cursor>,
    pub events: Vec<JournalEvent>,
    pub ups: u32,
    pub gaps: u32,
    pub caught_up: u32,
    pub jobs: BTreeMap<String, JobState>,
    pub levels: BTreeMap<String, i64>,
    pub used: BTreeSet<String>,
}

impl Ledger {
    /// Applies one event and checks what must hold for each.
    fn apply(&mut self, event: JournalEvent) {
        if let Some(cursor) = self.cursor.filter(|c| c.epoch == event.epoch) {
            assert_eq!(
                event.seq,
                cursor.last_seq + 1,
                "a hole or a repetition: {event:?}"
            );
        }
        self.cursor = Some(Cursor {
            epoch: event.epoch,
            last_seq: event.seq,
        });
        match &event.event {
            Event::JobState(change) => {
                let before = self.jobs.insert(change.job_id.clone(), change.to.clone());
                assert_eq!(before, change.from, "{change:?}");
            }
            Event::Consumed(used) => {
                assert!(
                    used.qty > 0 && self.used.insert(used.use_id.clone()),
                    "{used:?}"
                );
                self.level(used.bin.clone().unwrap(), -used.qty, used.level.unwrap());
            }
            Event::Loaded(x) => self.level(x.bin.clone(), x.qty, x.level),
            Event::Unloaded(x) => self.level(x.bin.clone(), -x.qty, x.level),
            Event::Adjusted(x) => self.level(x.bin.clone(), x.delta, x.level),
            Event::Other(other) => panic!("unknown event {other:?}"),
            _ => {}
        }
        self.events.push(event);
    }

    /// The balance rule of bins.
    fn level(&mut self, bin: String, change: i64, after: i64) {
        let level = self.levels.entry(bin).or_insert(after - change);
        *level += change;
        assert_eq!(
            *level, after,
            "level after event differs from the sum of movements"
        );
    }

    pub fn names(&self) -> Vec<String> {
        self.events.iter().map(|e| e.event.to_wire().0).collect()
    }
}

/// The daemon's side of one robot.
pub struct Store {
    pub driver: Arc<KlinkDriver>,
    pub ledger: Arc<watch::Sender<Ledger>>,
    pub ids: Mutex<u128>,
    reader: JoinHandle<()>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Store {
    pub fn new(dialer: Arc<dyn Dialer>, config: KlinkConfig, seed: u64) -> Self {
        Self::resumed(dialer, config, seed, Ledger::default())
    }

    /// A daemon that was restarted and has this in its database.
    pub fn resumed(
        dialer: Arc<dyn Dialer>,
        config: KlinkConfig,
        seed: u64,
        ledger: Ledger,
    ) -> Self {
        let ambient = Ambient::seeded(START_MS, seed);
        let driver = Arc::new(KlinkDriver::new(dialer, config, ambient));
        let ledger = Arc::new(watch::Sender::new(ledger));
        let reader = tokio::spawn(read(Arc::clone(&driver), Arc::clone(&ledger)));
        Self {
            driver,
            ledger,
            ids: Mutex::new(u128::from(seed) << 64),
            reader,
        }
    }

    pub async fn connect(&self) -> Result<CellInfo, RobotError> {
        let cursor = self.ledger.borrow().cursor;
        self.driver.connect(42, cursor).await
    }

    pub fn id(&self) -> Uuid {
        let mut n = self.ids.lock().unwrap();
        *n += 1;
        Uuid::from_u128(*n)
    }

    /// Does one command, whatever happens to the link: always with the same id.
    pub async fn surely(&self, op: Operation) -> Result<CmdResult, RobotError> {
        let command = Command::new(self.id(), op);
        timeout(LIMIT, async {
            loop {
                self.up().await;
                match self.driver.execute(&command).await {
                    Err(e) if e.may_repeat() => tokio::time::sleep(Duration::from_secs(1)).await,
                    Err(RobotError::Uncertain { .. }) => {}
                    done => return done,
                }
            }
        })
        .await
        .expect("a command went through within a day")
    }

    /// Waits until a session is open.
    pub async fn up(&self) {
        let mut link = self.driver.link();
        let up = link.wait_for(|l| matches!(l, LinkState::Up { .. }));
        timeout(LIMIT, up).await.expect("the link came up").unwrap();
    }

    /// Waits until the ledger says so.
    pub async fn until(&self, what: &str, is: impl Fn(&Ledger) -> bool) -> Ledger {
        let mut seen = self.ledger.subscribe();
        let found = timeout(LIMIT, seen.wait_for(|l| is(l))).await;
        match found {
            Ok(ledger) => ledger.unwrap().clone(),
            Err(_) => panic!("never: {what}; {:?}", self.ledger.borrow().names()),
        }
    }

    pub async fn until_job(&self, job: &str, state: JobState) -> Ledger {
        self.until(&format!("{job} {state}"), |l| {
            l.jobs.get(job) == Some(&state)
        })
        .await
    }

    pub async fn teach(&self) -> RecipeRef {
        let known = recipe();
        timeout(LIMIT, async {
            loop {
                self.up().await;
                match upload(&*self.driver, &known, 100, || self.id()).await {
                    Ok(name) => return name,
                    Err(e) if e.may_repeat() || matches!(e, RobotError::Uncertain { .. }) => {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                    Err(e) => panic!("{e}"),
                }
            }
        })
        .await
        .expect("the recipe was uploaded")
    }

    pub async fn submit(&self, job: &str, recipe: &RecipeRef) -> Result<CmdResult, RobotError> {
        let submit = JobSubmit::cook(job, recipe.clone(), "A-17/1");
        self.surely(Operation::JobSubmit(submit)).await
    }

    pub async fn abort(&self, job: &str) -> Result<CmdResult, RobotError> {
        self.surely(Operation::JobAbort(JobAbort {
            job_id: job.into(),
            how: galley_robot::AbortHow::SafePoint,
            reason: "guest".into(),
        }))
        .await
    }
}

async fn read(driver: Arc<KlinkDriver>, ledger: Arc<watch::Sender<Ledger>>) {
    loop {
        match driver.next().await {
            Ok(Incoming::Up(info)) => ledger.send_modify(|l| {
                l.ups += 1;
                let same = l.cursor.is_none_or(|c| c.epoch == info.epoch);
                l.gaps += u32::from(info.gap);
                assert!(same || info.gap, "a new journal without a gap");
                if !same {
                    // Another kitchen: what was known of its bins and jobs is void.
                    l.cursor = None;
                    l.levels.clear();
                    l.jobs.clear();
                }
            }),
            Ok(Incoming::Event(event)) => {
                let seq = event.seq;
                ledger.send_modify(|l| l.apply(*event));
                driver.ack(seq).await.unwrap();
            }
            Ok(Incoming::CaughtUp { .. }) => ledger.send_modify(|l| l.caught_up += 1),
            Ok(Incoming::Telemetry(_) | Incoming::Down { .. }) => {}
            Err(_) => return,
        }
    }
}

/// A kitchen behind a pipe, and a store connected to it, taught and in production.
pub struct Scene {
    pub net: MemoryNet,
    pub kitchen: KitchenEmulator,
    pub store: Store,
    pub recipe: RecipeRef,
}

pub fn klink(framing: Framing) -> KlinkConfig {
    let address: Address = CELL.parse().unwrap();
    let mut config = KlinkConfig::new(address, "store-017");
    config.framing = framing;
    config
}

pub async fn scene(framing: Framing, config: EmulatorConfig, path: Option<PathBuf>) -> Scene {
    let seed = config.seed;
    let net = MemoryNet::new();
    let kitchen = KitchenEmulator::open(path, config).unwrap();
    let door = net.listen("cell");
    let host = kitchen.clone();
    tokio::spawn(async move { host.listen(door, framing).await });
    let store = Store::new(Arc::new(net.clone()), klink(framing), seed);
    store.connect().await.unwrap();
    let recipe = store.teach().await;
    store
        .until("production", |l| {
            l.events.iter().any(|e| {
                matches!(&e.event, Event::MachineState(m) if m.to == galley_robot::MachineState::Execute)
            })
        })
        .await;
    Scene {
        net,
        kitchen,
        store,
        recipe,
    }
}

/// What must hold at the end of every story.
pub fn check_truth(kitchen: &KitchenEmulator, ledger: &Ledger) {
    for (job, cooked) in kitchen.dishes() {
        assert!(
            cooked.begun <= 1 && cooked.plated <= 1,
            "{job} was cooked twice: {cooked:?}"
        );
    }
    for (id, times) in kitchen.executions() {
        assert_eq!(times, 1, "command {id} was executed again");
    }
    for bin in kitchen.bins() {
        let known = ledger.levels.get(&bin.bin).copied().unwrap_or(bin.level);
        assert_eq!(known, bin.level, "bin {}", bin.bin);
    }
}
