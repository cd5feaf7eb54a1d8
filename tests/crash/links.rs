//! Bad lines under the shipped store: half-open, flapping, lossy, far and narrow.

use super::{
    books,
    guests::{Guest, Told, staff},
    relay::{Line, Relay, between},
    rig::{Door, KIOSK, LIMIT, Part, Rig, STAFF, Wires, eventually},
};
use galley::world::SeededEntropy;
use serde::Serialize;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

/// A line that has fallen silent must be noticed within this time: one and a half times a keep-alive of 30 s.
pub const NOTICED: Duration = Duration::from_secs(45);
/// Lines that hold a connection open, and those that have one a request.
const LINES: [[&str; 2]; 4] = [
    ["printer", "address"],
    ["robot", "address"],
    ["sync", "broker"],
    ["connectors.alfa_bank", "base_url"],
];

/// What became of the silent lines.
#[derive(Debug, Default, Serialize)]
pub struct Silent {
    /// From the silence to the next connection, by line, ms.
    pub noticed_ms: BTreeMap<String, u128>,
    pub orders: usize,
    pub violations: Vec<String>,
}

/// While guests order, all lines fall silent at once, so many times; in the evening the books must be exact.
pub async fn fall_silent(times: u32) -> Silent {
    let mut rig = Rig::new(Wires {
        pty: false,
        straight: false,
    });
    let mut lines = Vec::new();
    for keys in LINES {
        let name = keys[0].rsplit('.').next().unwrap();
        let relay = between(&rig, keys, Line::default()).await;
        lines.push((if name == "sync" { keys[1] } else { name }, relay));
    }
    rig.all_on();
    let told = Arc::new(Mutex::new(Told::default()));
    let mut report = Silent::default();
    if let Err(why) = super::day::opened(&rig).await {
        report.violations.push(why);
        return report;
    }
    let closing = CancellationToken::new();
    let mut people = JoinSet::new();
    for n in 0..4 {
        let guest = Guest {
            door: rig.door(),
            bank: rig.bank.clone(),
            dishes: rig.catalog.dishes.iter().map(|d| d.id.0.clone()).collect(),
            chance: SeededEntropy::new(n),
            name: format!("silent-{n}"),
            phone: n,
            told: Arc::clone(&told),
        };
        people.spawn(guest.live(closing.clone()));
    }
    let staff = tokio::spawn(staff(rig.door(), "silent".to_owned()));
    for _ in 0..times {
        // Something is under way on every line.
        let before = told.lock().unwrap().captured.len();
        let busy = eventually("orders to be paid", LIMIT, async || {
            match told.lock().unwrap().captured.len() - before {
                0..4 => Err("too few".to_owned()),
                _ => Ok(()),
            }
        });
        if let Err(why) = busy.await {
            report.violations.push(why);
        }
        let silent = Instant::now();
        for (_, line) in &lines {
            line.hole();
        }
        for (name, line) in &lines {
            let again = eventually(name, NOTICED * 2, async || {
                let opened = line.opened().into_iter().find(|at| *at > silent);
                opened.ok_or_else(|| "no new connection".to_owned())
            });
            match again.await {
                Ok(at) => {
                    let noticed = at - silent;
                    let worst = report.noticed_ms.entry((*name).to_owned()).or_default();
                    *worst = (*worst).max(noticed.as_millis());
                    if noticed > NOTICED {
                        let what = format!("{name}: silent for {noticed:?} before it was noticed");
                        report.violations.push(what);
                    }
                }
                Err(why) => report.violations.push(why),
            }
        }
    }
    closing.cancel();
    while let Some(end) = people.join_next().await {
        report.violations.extend(end.err().map(|e| e.to_string()));
    }
    let said = std::mem::take(&mut *told.lock().unwrap());
    report.orders = said.acknowledged.len();
    report
        .violations
        .extend(books::close(&mut rig, &said).await);
    staff.abort();
    if !report.violations.is_empty() {
        let folder = rig.keep();
        report.violations.push(format!("see {}", folder.display()));
    }
    report
}

/// What a bad line to headquarters did.
#[derive(Debug, Default, Serialize)]
pub struct Bad {
    pub line: String,
    pub events: u64,
    pub seconds: f64,
    /// Seconds of link time (or of the clock, where the line is always up) in which nothing came through while
    /// something waited.
    pub idle_seconds: u32,
    /// The longest time without an event more at headquarters, while some waited, s.
    pub longest_without_event_s: f64,
    pub attempts: usize,
    /// The least time between two attempts, ms.
    pub least_between_attempts_ms: Option<u128>,
    pub violations: Vec<String>,
}

/// Orders that wait for headquarters when the line comes.
const BACKLOG: usize = 50;
/// Between two orders from then on.
const PACE: Duration = Duration::from_millis(100);

/// A store whose events wait, then a bad line to headquarters while guests order for so long, until all is there.
pub async fn catch_up(name: &str, line: Line, route: [&str; 2], lasts: Duration) -> Bad {
    let mut rig = Rig::new(Wires {
        pty: false,
        straight: route[1] == "url",
    });
    let relay = between(&rig, route, line).await;
    only_the_uplink(&rig, route[1]);
    let parts = [Part::Store, Part::Broker, Part::Headquarters];
    rig.program(Part::Store).start();
    rig.ready().await.unwrap();
    let door = rig.door();
    let goods = json!({"ingredient_id": "berries", "quantity": 1_000_000_000});
    door.post("stock/receive", STAFF, "goods", &goods)
        .await
        .unwrap();
    for n in 0..BACKLOG {
        order(&door, &format!("before-{n}")).await;
    }
    let tried = relay.opened().len();
    for part in &parts[1..] {
        rig.program(*part).start();
    }
    let until = Instant::now() + lasts;
    let guest = tokio::spawn(async move {
        let mut pace = interval(PACE);
        let mut n = 0;
        while Instant::now() < until {
            pace.tick().await;
            n += 1;
            order(&door, &format!("meanwhile-{n}")).await;
        }
    });
    let mut bad = watch(&rig, &relay, line, until).await;
    guest.await.unwrap();
    bad.line = name.to_owned();
    let opened = relay.opened();
    let opened = &opened[tried.min(opened.len())..];
    bad.attempts = opened.len();
    let least = opened.windows(2).map(|w| (w[1] - w[0]).as_millis()).min();
    bad.least_between_attempts_ms = least;
    // A request may find its pooled connection closed and open another; attempts themselves begin a second apart.
    let storm = opened
        .windows(3)
        .any(|w| w[2] - w[0] < Duration::from_millis(900));
    if storm {
        bad.violations.push(format!("a storm of attempts: {bad:?}"));
    }
    for part in parts {
        rig.program(part).kill().await;
    }
    bad
}

async fn order(door: &Door, key: &str) {
    let wish =
        json!({"language": "en", "service": "here", "lines": [{"dish_id": "mors", "quantity": 1}]});
    let (status, order) = door.post("orders", KIOSK, key, &wish).await.unwrap();
    assert_eq!(status, 201, "{order}");
}

/// Looks every second of link time, until guests have gone and headquarters has everything.
async fn watch(rig: &Rig, relay: &Relay, line: Line, until: Instant) -> Bad {
    let mut bad = Bad::default();
    let began = Instant::now();
    let link_second = match line.flaps {
        Some((up, down)) => (up + down).mul_f64(1.0 / up.as_secs_f64()),
        // Where it is far, a packet that is lost once takes longer than a second.
        None => Duration::from_secs(1).max(line.delay * 7),
    };
    let mut second = interval(link_second);
    second.tick().await;
    let (mut bytes, mut last, mut moved) = (relay.through(), 0, Instant::now());
    let mut connected = false;
    loop {
        second.tick().await;
        let sync = rig.door().get("sync", STAFF).await.unwrap();
        let reader = &sync["readers"][0];
        let [events, there] = ["head", "cursor"].map(|n| reader[n].as_u64().unwrap_or(0));
        let backlog = events - there;
        let now = relay.through();
        // The first connection is on its way, headquarters is still starting.
        connected |= now > bytes;
        if connected && now == bytes && backlog > 0 {
            bad.idle_seconds += 1;
        }
        bytes = now;
        if there > last {
            (last, moved) = (there, Instant::now());
        } else if connected {
            bad.longest_without_event_s = bad
                .longest_without_event_s
                .max(moved.elapsed().as_secs_f64());
        } else {
            moved = Instant::now();
        }
        if backlog == 0 && Instant::now() > until {
            bad.events = events;
            bad.seconds = began.elapsed().as_secs_f64();
            return bad;
        }
        if Instant::now() > until + LIMIT * 4 {
            bad.violations
                .push(format!("headquarters has {there} of {events}: {sync}"));
            return bad;
        }
    }
}

/// No devices and services, and one way to headquarters.
fn only_the_uplink(rig: &Rig, way: &str) {
    let file = rig.path("galley.toml");
    let mut config: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    for section in ["printer", "robot", "connectors"] {
        config.remove(section);
    }
    let sync = config["sync"].as_table_mut().unwrap();
    sync.remove(if way == "url" { "broker" } else { "url" });
    std::fs::write(file, config.to_string()).unwrap();
}
