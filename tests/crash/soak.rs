//! A long busy day in real time: the daemon's memory must not grow with it.

use super::{
    books,
    guests::{Guest, Told, staff},
    rig::{Part, Rig, Wires},
};
use galley::world::SeededEntropy;
use serde::Serialize;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

/// Guests at the same time.
const GUESTS: u64 = 8;

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Soaked {
    pub seconds: f64,
    pub orders: usize,
    /// Memory of the store's process at its first order, in the middle and at the end, KiB.
    pub rss_kib: [u64; 3],
    /// How fast it grew in the second half, KiB a minute, and an order.
    pub kib_a_minute: f64,
    pub bytes_an_order: f64,
    /// All files of the store, for an order.
    pub file_bytes_an_order: u64,
    pub violations: Vec<String>,
}

/// Guests order for so long.
pub async fn live(lasts: Duration) -> Soaked {
    let mut rig = Rig::new(Wires {
        pty: false,
        straight: true,
    });
    rig.all_on();
    let told = Arc::new(Mutex::new(Told::default()));
    let mut report = Soaked::default();
    if let Err(why) = super::day::opened(&rig).await {
        report.violations.push(why);
        return report;
    }
    let closing = CancellationToken::new();
    let mut people = JoinSet::new();
    for n in 0..GUESTS {
        let guest = Guest {
            door: rig.door(),
            bank: rig.bank.clone(),
            dishes: rig.catalog.dishes.iter().map(|d| d.id.0.clone()).collect(),
            chance: SeededEntropy::new(n),
            name: format!("soak-{n}"),
            phone: n,
            told: Arc::clone(&told),
        };
        people.spawn(guest.live(closing.clone()));
    }
    let staff = tokio::spawn(staff(rig.door(), "soak".to_owned()));
    let began = Instant::now();
    let pid = rig.program(Part::Store).pid().unwrap();
    // Seconds, orders so far, KiB.
    let mut seen: Vec<(f64, usize, u64)> = Vec::new();
    let mut second = interval(Duration::from_secs(1));
    while began.elapsed() < lasts {
        second.tick().await;
        let orders = told.lock().unwrap().acknowledged.len();
        seen.push((began.elapsed().as_secs_f64(), orders, rss(pid)));
    }
    closing.cancel();
    while let Some(end) = people.join_next().await {
        report.violations.extend(end.err().map(|e| e.to_string()));
    }
    let said = std::mem::take(&mut *told.lock().unwrap());
    report.orders = said.acknowledged.len();
    let data = std::fs::read_dir(rig.path("data")).unwrap();
    let bytes: u64 = data.map(|f| f.unwrap().metadata().unwrap().len()).sum();
    report.file_bytes_an_order = bytes / report.orders.max(1) as u64;
    report
        .violations
        .extend(books::close(&mut rig, &said).await);
    staff.abort();
    let half = &seen[seen.len() / 2..];
    report.seconds = began.elapsed().as_secs_f64();
    report.rss_kib = [seen[0].2, half[0].2, half[half.len() - 1].2];
    report.kib_a_minute = slope(half.iter().map(|s| (s.0, s.2 as f64))) * 60.0;
    report.bytes_an_order = slope(half.iter().map(|s| (s.1 as f64, s.2 as f64))) * 1024.0;
    report
}

/// Memory of a process, KiB.
fn rss(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let number = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// The slope of the straight line through these points.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b) in points {
        n += 1.0;
        x += a;
        y += b;
        xx += a * a;
        xy += a * b;
    }
    let spread = n * xx - x * x;
    if spread == 0.0 {
        return 0.0;
    }
    (n * xy - x * y) / spread
}
