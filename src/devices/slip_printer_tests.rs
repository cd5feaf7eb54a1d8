//! The kitchen's slips through the engine onto an emulated printer: at least once, and a repeat says so.

use super::*;
use crate::{
    domain::{
        event::Body,
        ids::{OrderId, PaymentId},
        payment::Tender,
        place::{Wish, WishLine},
        policy::Policy,
        receipt::Registered,
        stock::Movement,
        text::Language,
        time::Timestamp,
    },
    flow::{
        commands,
        decide::{PRINTER, SLIPS},
        engine::Engine,
        record::{DEVICES, Devices, record},
    },
    store::{EffectState, Options, Store, Threads},
    world::{MemoryDoors, RuntimeClock, World},
};
use galley_escpos::{EscPosConfig, EscPosPrinter, emulator::EscPosEmulator};
use galley_link::MemoryNet;
use tokio::task::JoinSet;
use uuid::Uuid;

const NOON: i64 = 1_795_348_800_000;

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
        stock(&site).await;
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
        let wish = Wish {
            language: Language::Ru,
            service: crate::domain::order::Service::Here,
            lines: vec![WishLine {
                dish_id: "plov".into(),
                quantity: 1,
                options: Vec::new(),
                price_minor: None,
            }],
            ..Wish::default()
        };
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

    /// Waits, for at most some minutes of the test's own time, until the slip is printed.
    async fn printed(&self, key: &str) {
        self.reaches(key, EffectState::Done).await;
    }

    async fn reaches(&self, key: &str, state: EffectState) {
        for _ in 0..3000 {
            let looked_for = key.to_owned();
            let row = self
                .site
                .store
                .read(move |s| -> Result<_, StoreError> { s.effect_by_key(&looked_for) })
                .await
                .unwrap()
                .unwrap();
            if row.state == state {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{key} is never {state:?}");
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

    /// Gives the supervisor time for some looks.
    async fn wait(&self) {
        tokio::time::sleep(LOOK * 3).await;
    }
}

async fn site(folder: &tempfile::TempDir) -> Arc<Site> {
    let store = Store::open(Options {
        threads: Threads::Inline,
        ..Options::at(folder.path().join("store.db"))
    })
    .unwrap();
    let start = Timestamp::from_millis(NOON);
    Site::open(
        store,
        World {
            clock: Arc::new(RuntimeClock::starting_at(start)),
            ..MemoryDoors::world(start, 1)
        },
        Policy {
            kitchen_slips: true,
            kitchen_printer: true,
            ..Policy::default()
        },
        Some(toml::from_str(include_str!("../demo/menu.toml")).unwrap()),
        jiff::tz::TimeZone::UTC,
    )
    .await
    .unwrap()
}

async fn stock(site: &Site) {
    site.command(Actor::system(), |tx, cx| {
        let all: Vec<_> = cx
            .catalog
            .ingredients
            .iter()
            .map(|i| i.id.clone())
            .collect();
        for ingredient in all {
            let movements = vec![Movement::receive(&ingredient, 1 << 40)?];
            record(tx, cx, None, Body::StockMoved { movements })?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sold_order_is_printed_in_the_kitchen_and_keeps_no_document_waiting() {
    let mut kitchen = Kitchen::open().await;
    let key = kitchen.sell().await;
    kitchen.printed(&key).await;
    assert_eq!(kitchen.titles(), ["КУХНЯ"]);
    kitchen.paper.set_paper(false);
    let key = kitchen.sell().await;
    kitchen.wait().await;
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
    kitchen.wait().await;
    assert!(kitchen.titles().is_empty());
    let alert = kitchen.alert().await.unwrap();
    assert!(alert.detail.contains("paper"), "{alert:?}");
    // The box dies while it waits: that is no doubt.
    kitchen.power_cut().await;
    kitchen.wait().await;
    kitchen.paper.set_paper(true);
    kitchen.printed(&key).await;
    assert_eq!(kitchen.titles(), ["КУХНЯ"]);
    kitchen.wait().await;
    assert!(kitchen.alert().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_slip_whose_end_nobody_knows_is_printed_again_and_says_so() {
    // The cable is out after some of the slip; the roll ends under it.
    for trouble in 0..2 {
        let mut kitchen = Kitchen::open().await;
        kitchen.wait().await;
        match trouble {
            0 => kitchen.paper.break_link_after(90),
            _ => kitchen.paper.paper_ends_after(2),
        }
        let key = kitchen.sell().await;
        if trouble == 1 {
            kitchen.wait().await;
            assert!(kitchen.alert().await.is_some());
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
    kitchen.wait().await;
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
    kitchen.wait().await;
    let state = |kitchen: &Kitchen| {
        let store = kitchen.site.store.clone();
        async move {
            let read = store.read(|s| s.document::<Devices>(DEVICES));
            let devices = read.await.map_err(|e: StoreError| e).unwrap().unwrap();
            devices["slip_kitchen"].state.clone()
        }
    };
    assert_eq!(state(&kitchen).await, "up");
    kitchen.paper.set_silent(true);
    kitchen.wait().await;
    assert_eq!(state(&kitchen).await, "down");
    assert!(kitchen.alert().await.unwrap().advice.contains("plugged in"));
    let key = kitchen.sell().await;
    kitchen.wait().await;
    kitchen.paper.set_silent(false);
    kitchen.printed(&key).await;
    kitchen.wait().await;
    assert_eq!(state(&kitchen).await, "up");
    assert!(kitchen.alert().await.is_none());
    // It was asked whether it could print, and nothing of the slip left the box meanwhile.
    assert_eq!(kitchen.titles(), ["КУХНЯ"]);
}
