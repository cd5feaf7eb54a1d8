//! The kitchen's slips through the engine onto an emulated printer: at least once, and a repeat says so.

use super::*;
use crate::{
    domain::{
        event::Body,
        ids::{OrderId, PaymentId},
        payment::Tender,
        policy::Policy,
        receipt::Registered,
        time::Timestamp,
    },
    flow::{
        commands,
        decide::{PRINTER, SLIPS},
        engine::Engine,
        record::{DEVICES, Devices, record},
        testing::{self, plov},
    },
    store::EffectState,
};
use galley_escpos::{EscPosConfig, EscPosPrinter, emulator::EscPosEmulator};
use galley_link::MemoryNet;
use tokio::task::JoinSet;
use uuid::Uuid;

const NOON: i64 = 1_795_348_800_000;
/// Of the test's own time.
const LIMIT: Duration = Duration::from_mins(10);

struct Kitchen {
    folder: tempfile::TempDir,
    net: MemoryNet,
    paper: EscPosEmulator,
    site: Arc<Site>,
    running: JoinSet<()>,
    orders: u128,
}

impl Kitchen {
    async fn open() -> Self {
        let net = MemoryNet::new();
        let paper = EscPosEmulator::new();
        tokio::spawn(paper.clone().serve(net.listen("slips")));
        let folder = tempfile::tempdir().unwrap();
        let site = site(&folder).await;
        testing::stock(&site).await;
        let mut kitchen = Self {
            folder,
            net,
            paper,
            site,
            running: JoinSet::new(),
            orders: 0,
        };
        kitchen.start();
        kitchen
    }

    fn start(&mut self) {
        let wiring = SlipWiring {
            stations: vec![Station::Kitchen],
            printer: Box::new(EscPosPrinter::new(
                Arc::new(self.net.clone()),
                "mem://slips".parse().unwrap(),
                EscPosConfig::default(),
            )),
            address: "mem://slips".to_owned(),
        };
        let poke = Poke::default();
        let printer = SlipPrinter::new(self.site.clone(), wiring, poke.clone());
        let executors: Vec<Arc<dyn Executor>> = vec![printer.clone()];
        let engine = Arc::new(Engine::new(self.site.clone(), executors, poke));
        self.running.spawn(printer.run(CancellationToken::new()));
        self.running.spawn(engine.run(CancellationToken::new()));
    }

    /// Pulls the plug of the store's box and puts it in again.
    async fn power_cut(&mut self) {
        self.running.shutdown().await;
        self.site.store.close().await;
        self.site = site(&self.folder).await;
        self.start();
    }

    /// An order that is paid in cash, and whose receipt is printed. The effect's key.
    async fn sell(&mut self) -> String {
        self.orders += 1;
        let id = OrderId(Uuid::from_u128(self.orders));
        let payment = PaymentId(Uuid::from_u128(1000 + self.orders));
        let wish = plov();
        let document_number = u32::try_from(self.orders).unwrap();
        self.site
            .command(Actor::system(), move |tx, cx| {
                commands::place_order(tx, cx, id, &wish, &commands::Asks::default())?;
                commands::start_payment(tx, cx, id, payment, Tender::Cash, None, true)?;
                let order = commands::payment_result(tx, cx, payment, true, None, None)?;
                let registered = Registered {
                    document_number,
                    fiscal_sign: 77,
                    drive_number: "9999078900000001".into(),
                    registration_number: None,
                    shift_number: Some(1),
                    receipt_number: None,
                    local_time: "2026-11-22T12:00".into(),
                    qr: None,
                    printed: None,
                };
                let key = order.receipts[0].draft.key.clone();
                record(
                    tx,
                    cx,
                    Some(id),
                    Body::ReceiptRegistered { key, registered },
                )
            })
            .await
            .unwrap();
        format!("slip:{id}")
    }

    /// Lets paused time pass until the slip is printed.
    async fn printed(&self, key: &str) {
        self.reaches(key, EffectState::Done).await;
    }

    async fn reaches(&self, key: &str, state: EffectState) {
        let look = async || {
            let looked_for = key.to_owned();
            let read = self.site.store.read(move |s| s.effect_by_key(&looked_for));
            let row = read.await.map_err(|e: StoreError| e).unwrap().unwrap();
            (row.state == state).then_some(())
        };
        self.until_effects(look).await;
    }

    /// Lets paused time pass until the effects are as `look` wants them.
    async fn until_effects<F>(&self, look: impl Fn() -> F)
    where
        F: Future<Output = Option<()>>,
    {
        let mut changes = self.site.store.effects_changed();
        let there = async {
            loop {
                changes.borrow_and_update();
                if look().await.is_some() {
                    return;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, there).await.unwrap();
    }

    /// Lets paused time pass until the log has made what `look` sees as it is wanted.
    async fn until<T, F>(&self, what: &str, look: impl Fn() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let mut head = self.site.store.head();
        let there = async {
            loop {
                head.borrow_and_update();
                if let Some(seen) = look().await {
                    return seen;
                }
                head.changed().await.unwrap();
            }
        };
        let seen = tokio::time::timeout(LIMIT, there).await;
        seen.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn told(&self) -> Alert {
        self.until("an alert", || self.alert()).await
    }

    async fn untold(&self) {
        self.until("the alert's end", async || {
            self.alert().await.is_none().then_some(())
        })
        .await;
    }

    async fn is(&self, state: &str) {
        let look = async || {
            let read = self.site.store.read(|s| s.document::<Devices>(DEVICES));
            let devices = read.await.map_err(|e: StoreError| e).unwrap()?;
            (devices.get("slip_kitchen")?.state == state).then_some(())
        };
        self.until(state, look).await;
    }

    fn titles(&self) -> Vec<String> {
        let lines = self.paper.paper();
        lines
            .into_iter()
            .filter(|l| l.starts_with("КУХНЯ") || l.starts_with("ПОВТОР"))
            .map(|l| l.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    }

    async fn alert(&self) -> Option<Alert> {
        let read = self.site.store.read(|s| s.alert("slip_kitchen:paper"));
        read.await.map_err(|e: StoreError| e).unwrap()
    }
}

async fn site(folder: &tempfile::TempDir) -> Arc<Site> {
    let policy = Policy {
        kitchen_slips: true,
        kitchen_printer: true,
        ..Policy::default()
    };
    testing::site(folder, Timestamp::from_millis(NOON), policy).await
}

#[tokio::test(start_paused = true)]
async fn a_sold_order_is_printed_in_the_kitchen_and_keeps_no_document_waiting() {
    let mut kitchen = Kitchen::open().await;
    let key = kitchen.sell().await;
    kitchen.printed(&key).await;
    assert_eq!(kitchen.titles(), ["КУХНЯ"]);
    kitchen.paper.set_paper(false);
    let key = kitchen.sell().await;
    kitchen.told().await;
    let looked_for = key.clone();
    let queue = kitchen
        .site
        .store
        .read(move |s| -> Result<_, StoreError> { s.effect_by_key(&looked_for) })
        .await
        .unwrap()
        .unwrap()
        .queue;
    assert!(queue == SLIPS && queue != PRINTER);
    kitchen.paper.set_paper(true);
    kitchen.printed(&key).await;
    assert_eq!(kitchen.titles(), ["КУХНЯ", "КУХНЯ"]);
}

#[tokio::test(start_paused = true)]
async fn a_slip_waits_for_paper_and_comes_without_a_mark() {
    let mut kitchen = Kitchen::open().await;
    kitchen.paper.set_paper(false);
    let key = kitchen.sell().await;
    let alert = kitchen.told().await;
    assert!(kitchen.titles().is_empty());
    assert!(alert.detail.contains("paper"), "{alert:?}");
    // The box dies while it waits: that is no doubt.
    kitchen.power_cut().await;
    kitchen.told().await;
    kitchen.paper.set_paper(true);
    kitchen.printed(&key).await;
    assert_eq!(kitchen.titles(), ["КУХНЯ"]);
    kitchen.untold().await;
}

#[tokio::test(start_paused = true)]
async fn a_slip_whose_end_nobody_knows_is_printed_again_and_says_so() {
    // The cable is out after some of the slip; the roll ends under it.
    for trouble in 0..2 {
        let mut kitchen = Kitchen::open().await;
        kitchen.is("up").await;
        match trouble {
            0 => kitchen.paper.break_link_after(90),
            _ => kitchen.paper.paper_ends_after(2),
        }
        let key = kitchen.sell().await;
        if trouble == 1 {
            kitchen.told().await;
            kitchen.paper.set_paper(true);
        }
        kitchen.printed(&key).await;
        let titles = kitchen.titles();
        assert!(
            titles.ends_with(&["ПОВТОР".to_owned(), "КУХНЯ".to_owned()]),
            "{trouble}: {:?}",
            kitchen.paper.paper()
        );
        // The next one is new.
        let key = kitchen.sell().await;
        kitchen.printed(&key).await;
        assert_eq!(kitchen.titles().len(), titles.len() + 1, "{trouble}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slip_that_was_cut_off_by_a_power_cut_is_printed_again_and_says_so() {
    let mut kitchen = Kitchen::open().await;
    kitchen.is("up").await;
    // It is written down that the slip may leave the box, and the box dies while the printer keeps silent.
    kitchen.paper.set_silent(true);
    let key = kitchen.sell().await;
    kitchen.reaches(&key, EffectState::Sent).await;
    kitchen.power_cut().await;
    kitchen.paper.set_silent(false);
    kitchen.printed(&key).await;
    assert_eq!(kitchen.titles().first().map(String::as_str), Some("ПОВТОР"));
}

#[tokio::test(start_paused = true)]
async fn a_printer_that_is_away_is_down_and_told_and_comes_back_by_itself() {
    let mut kitchen = Kitchen::open().await;
    kitchen.is("up").await;
    kitchen.paper.set_silent(true);
    kitchen.is("down").await;
    let alert = kitchen.told().await;
    assert!(alert.advice.contains("plugged in"), "{alert:?}");
    let key = kitchen.sell().await;
    // One attempt that got nowhere is behind it when it waits again.
    let waits = async || {
        let looked_for = key.clone();
        let read = kitchen
            .site
            .store
            .read(move |s| s.effect_by_key(&looked_for));
        let row = read.await.map_err(|e: StoreError| e).unwrap().unwrap();
        (row.tries > 0).then_some(())
    };
    kitchen.until_effects(waits).await;
    kitchen.paper.set_silent(false);
    kitchen.printed(&key).await;
    kitchen.is("up").await;
    kitchen.untold().await;
    // It was asked whether it could print, and nothing of the slip left the box meanwhile.
    assert_eq!(kitchen.titles(), ["КУХНЯ"]);
}
