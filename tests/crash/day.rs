//! A day of crashes: guests order, something is killed every round, and in the evening the books must agree.

use super::{
    books,
    guests::{Guest, Told, staff},
    rig::{LIMIT, Part, Rig, Wires, eventually},
};
use galley::world::{Entropy as _, SeededEntropy};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// Guests at the same time.
const GUESTS: u64 = 6;

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub rounds: u32,
    pub kills: BTreeMap<&'static str, u32>,
    pub orders: usize,
    pub acknowledged: usize,
    pub violations: Vec<String>,
    /// From the start of the store's process to its first word that it can write, the longest; only starts that
    /// were not cut short.
    pub worst_ready_ms: u128,
    pub seconds: f64,
}

impl Report {
    /// One line for a person.
    pub fn in_words(&self) -> String {
        let kills: Vec<String> = self.kills.iter().map(|(p, n)| format!("{p} {n}")).collect();
        format!(
            "{} rounds from seed {}; killed: {}; {} orders, {} acknowledged, {} violations; longest start of the \
             store {} ms; {:.0} s",
            self.rounds,
            self.seed,
            kills.join(", "),
            self.orders,
            self.acknowledged,
            self.violations.len(),
            self.worst_ready_ms,
            self.seconds
        )
    }

    pub fn add(&mut self, day: Self) {
        self.rounds += day.rounds;
        for (part, n) in day.kills {
            *self.kills.entry(part).or_default() += n;
        }
        self.orders += day.orders;
        self.acknowledged += day.acknowledged;
        self.violations.extend(day.violations);
        self.worst_ready_ms = self.worst_ready_ms.max(day.worst_ready_ms);
        self.seconds += day.seconds;
    }
}

/// Lives a day with so many kills.
pub async fn live(seed: u64, rounds: u32, wires: Wires) -> Report {
    let began = Instant::now();
    let chance = SeededEntropy::new(seed);
    let mut rig = Rig::new(wires);
    let mut report = Report {
        seed,
        ..Report::default()
    };
    rig.all_on();
    let told = Arc::new(Mutex::new(Told::default()));
    let closing = CancellationToken::new();
    let mut people = JoinSet::new();
    let opened = opened(&rig).await;
    if let Err(why) = opened {
        told.lock().unwrap().violations.push(why);
    } else {
        for n in 0..GUESTS {
            let guest = Guest {
                door: rig.door(),
                bank: rig.bank.clone(),
                dishes: rig.catalog.dishes.iter().map(|d| d.id.0.clone()).collect(),
                chance: SeededEntropy::new(seed.wrapping_mul(1_000_003) + n),
                name: format!("{seed}-{n}"),
                phone: n,
                told: Arc::clone(&told),
            };
            people.spawn(guest.live(closing.clone()));
        }
        let staff = tokio::spawn(staff(rig.door(), format!("{seed}")));
        disturb(&mut rig, &chance, rounds, &mut report).await;
        rig.all_on();
        closing.cancel();
        while let Some(end) = people.join_next().await {
            if let Err(e) = end {
                told.lock().unwrap().violations.push(e.to_string());
            }
        }
        let said = std::mem::take(&mut *told.lock().unwrap());
        report.acknowledged = said.acknowledged.len();
        report.orders = said.acknowledged.len();
        report.violations = books::close(&mut rig, &said).await;
        staff.abort();
    }
    report
        .violations
        .append(&mut told.lock().unwrap().violations);
    report.seconds = began.elapsed().as_secs_f64();
    if !report.violations.is_empty() {
        for part in Part::ALL {
            rig.program(part).kill().await;
        }
        let folder = rig.keep();
        report
            .violations
            .push(format!("seed {seed}, {wires:?}: see {}", folder.display()));
    }
    report
}

/// Waits until everything answers for the first time.
pub async fn opened(rig: &Rig) -> Result<(), String> {
    rig.ready().await?;
    let door = rig.door();
    eventually("both devices and the bank", LIMIT, async || {
        let devices = door.get("devices", super::rig::STAFF).await?;
        let store = door.get("store", super::rig::KIOSK).await?;
        let up = devices["devices"]
            .as_array()
            .is_some_and(|all| all.len() == 2 && all.iter().all(|d| d["state"] == "up"));
        let code = store["tenders"].as_array().is_some_and(|all| {
            all.iter()
                .any(|t| t["tender"] == "sbp_qr" && t["available"] == true)
        });
        if up && code {
            Ok(())
        } else {
            Err(format!("{devices} {store}"))
        }
    })
    .await
}

/// Kills something every round, and gives it power again after a while, which may be after others died.
async fn disturb(rig: &mut Rig, chance: &SeededEntropy, rounds: u32, report: &mut Report) {
    let mut down: Vec<(Instant, Part)> = Vec::new();
    let mut starts = JoinSet::new();
    // Of every twelve that die, five are the store, and each of the others is one.
    let mut deck: Vec<Part> = Vec::new();
    for _ in 0..rounds {
        // The pace of the disasters; nothing is waited for here.
        tokio::time::sleep(Duration::from_millis(100 + chance.below(500))).await;
        let now = Instant::now();
        for (_, part) in down.extract_if(.., |(at, _)| *at <= now) {
            rig.program(part).start();
            if part == Part::Store {
                let (door, origin) = (rig.http.clone(), rig.origin.clone());
                let began = Instant::now();
                starts.spawn(async move {
                    while door.get(format!("{origin}/ready")).send().await.is_err() {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    began.elapsed().as_millis()
                });
            }
        }
        if deck.is_empty() {
            deck.extend(Part::ALL);
            deck.extend([Part::Store; 4]);
        }
        let n = usize::try_from(chance.below(deck.len() as u64)).unwrap();
        let part = deck.swap_remove(n);
        // What is dead already gets its power back, and dies young.
        rig.program(part).start();
        down.retain(|(_, p)| *p != part);
        if part == Part::Store {
            starts.abort_all();
        }
        rig.program(part).kill().await;
        *report.kills.entry(part.word()).or_default() += 1;
        report.rounds += 1;
        let off = Duration::from_millis(chance.below(600));
        down.push((Instant::now() + off, part));
    }
    rig.all_on();
    let _ = rig.ready().await;
    while let Some(ready) = starts.join_next().await {
        if let Ok(ms) = ready {
            report.worst_ready_ms = report.worst_ready_ms.max(ms);
        }
    }
}
