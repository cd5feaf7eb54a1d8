//! How fast a store takes orders durably: through HTTP, without HTTP, and beside the bare disk, in one run on one
//! file system. Prints figures; fails on none.
//!
//! `cargo bench --bench acceptance -- [--orders N] [--stored N]`

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use galley::{
    api::Role,
    demo::outside::zone,
    domain::{
        catalog::Catalog,
        event::{Actor, Body},
        ids::OrderId,
        order::Service,
        place::{Wish, WishLine},
        policy::Policy,
        stock::Movement,
        text::{Language, Text},
    },
    flow::{
        Site,
        commands::{self, Asks},
        record::record,
    },
    run::{Daemon, Wiring},
    store::Options,
    sync::Mqtt,
    world::{Secret, World},
};
use rusqlite::{Connection, params};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const CLIENTS: [usize; 3] = [1, 8, 64];

fn main() {
    let number = |name: &str, default: usize| {
        let mut args = std::env::args();
        args.find(|a| a == name)
            .and_then(|_| args.next())
            .and_then(|n| n.parse().ok())
            .unwrap_or(default)
    };
    let orders = number("--orders", 4_000);
    let stored = number("--stored", 1_000_000);
    // On the disk that holds the build, not on a tmpfs: flushes must cost what they cost.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let raw = raw_loop(&folder.path().join("raw.db"), orders);
    println!("bare SQLite, WAL and FULL, one order a commit: {raw}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let rig = Rig::start(folder.path()).await;
        println!("asked all the time, nothing behind it: {}", rig.asked().await);
        let mut empty = Vec::new();
        for clients in CLIENTS {
            let n = orders.max(clients * 100) * if clients > 1 { 4 } else { 1 };
            let group = rig.without_http(clients, n).await;
            let http = rig.through_http(clients, n).await;
            println!(
                "{clients:>2} clients: through HTTP {http}; without HTTP {group}; ratio to the bare loop {:.2}, to group commit {:.2}",
                http.rate / raw.rate,
                http.rate / group.rate
            );
            empty.push(http);
        }
        if stored > 0 {
            let began = Instant::now();
            rig.fill(stored).await;
            println!("{stored} orders stored in {:.0} s", began.elapsed().as_secs_f64());
            let began = Instant::now();
            drop(galley::store::Store::open(rig.options.clone()).unwrap());
            println!(
                "the same database, opened: {:.0} ms",
                began.elapsed().as_secs_f64() * 1000.0
            );
            for (clients, before) in CLIENTS.into_iter().zip(&empty) {
                let n = orders.max(clients * 100) * if clients > 1 { 4 } else { 1 };
                let http = rig.through_http(clients, n).await;
                println!(
                    "{clients:>2} clients, {stored} orders stored: through HTTP {http}; ratio to the empty store {:.2}",
                    http.rate / before.rate
                );
            }
        }
        rig.daemon.stop().await;
        if stored > 0 {
            let (orders, effects) = grow_old(&rig.options.path);
            let rig = Rig::start(folder.path()).await;
            println!(
                "asked all the time, {orders} orders and {effects} effects behind it: {}",
                rig.asked().await
            );
            rig.daemon.stop().await;
        }
    });
}

/// Every order is over, and had four effects that are done.
fn grow_old(path: &Path) -> (usize, usize) {
    let db = Connection::open(path).unwrap();
    let orders = db
        .execute("UPDATE orders SET state = 'closed'", [])
        .unwrap();
    let effects = db
        .execute(
            "INSERT INTO effects (key, kind, queue, order_id, request, state, created_at, next_at, turn)
             SELECT 'old:' || o.rowid || ':' || n.k, 'bank.watch', 'bank', o.id, printf('{\"what\":\"%200s\"}', ''), 'done',
                    o.placed_at, o.placed_at, o.rowid
               FROM orders o, (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) n",
            [],
        )
        .unwrap();
    (orders, effects)
}

struct Figure {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

impl Figure {
    fn of(mut times: Vec<Duration>, whole: Duration) -> Self {
        times.sort_unstable();
        let at = |pm: usize| times[(times.len() - 1) * pm / 1000];
        Self {
            rate: times.len() as f64 / whole.as_secs_f64(),
            p50: at(500),
            p99: at(990),
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} orders/s, p50 {} us, p99 {} us",
            self.rate,
            self.p50.as_micros(),
            self.p99.as_micros()
        )
    }
}

/// One order row, three items, three stock updates, one event: a commit each.
fn raw_loop(path: &Path, orders: usize) -> Figure {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER, state TEXT) STRICT;
         CREATE TABLE items (id INTEGER PRIMARY KEY, order_id INTEGER, dish TEXT, price INTEGER) STRICT;
         CREATE TABLE stock (id INTEGER PRIMARY KEY, on_hand INTEGER) STRICT;
         CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT) STRICT;
         INSERT INTO stock VALUES (1, 1000000), (2, 1000000), (3, 1000000);",
    )
    .unwrap();
    let began = Instant::now();
    let mut times = Vec::with_capacity(orders);
    for n in 0..orders {
        let start = Instant::now();
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        db.prepare_cached("INSERT INTO orders (total, state) VALUES (?1, 'placed')")
            .unwrap()
            .execute([35_000])
            .unwrap();
        for item in 0..3 {
            db.prepare_cached("INSERT INTO items (order_id, dish, price) VALUES (?1, ?2, 100)")
                .unwrap()
                .execute(params![n, item.to_string()])
                .unwrap();
            db.prepare_cached("UPDATE stock SET on_hand = on_hand - 1 WHERE id = ?1")
                .unwrap()
                .execute([item + 1])
                .unwrap();
        }
        db.prepare_cached("INSERT INTO events (body) VALUES (?1)")
            .unwrap()
            .execute([r#"{"kind":"order.placed","total":35000,"lines":[1,2,3]}"#])
            .unwrap();
        db.execute_batch("COMMIT").unwrap();
        times.push(start.elapsed());
    }
    Figure::of(times, began.elapsed())
}

struct Rig {
    daemon: Daemon,
    options: Options,
    address: std::net::SocketAddr,
}

impl Rig {
    async fn start(folder: &Path) -> Self {
        let catalog = catalog();
        let options = Options::at(folder.join("store.db"));
        let daemon = Daemon::start(Wiring {
            world: World::system().unwrap(),
            database: options.clone(),
            policy: Policy {
                // Unpaid orders stay, and the kitchen's queue is no limit: only acceptance is measured.
                pay_within: Duration::from_hours(240),
                ..Policy::default()
            },
            catalog: Some(catalog.clone()),
            zone: zone().unwrap(),
            name: Text::default(),
            pictures: None,
            printer: None,
            slip_printers: Vec::new(),
            robot: None,
            bank: None,
            one_c: None,
            sms: None,
            sync: None,
            down: None,
            brokers: Arc::new(Mqtt),
            points: galley::run::Points::House,
            tokens: vec![(Secret::new("bench"), Role::Kiosk, "bench".to_owned())],
            keeping: galley::flow::keep::Keeping::default(),
            doors: galley::api::Doors::new(Secret::new("a secret of the bench")),
        })
        .await
        .unwrap();
        let movements = catalog
            .ingredients
            .iter()
            // Enough for a million orders: more than comes in at once.
            .flat_map(|i| std::iter::repeat_n(Movement::receive(&i.id, 1 << 36).unwrap(), 64))
            .collect();
        daemon
            .site
            .command(Actor::system(), |tx, cx| {
                record(tx, cx, None, Body::StockMoved { movements })
            })
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = daemon.api.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            daemon,
            options,
            address,
        }
    }

    async fn without_http(&self, clients: usize, orders: usize) -> Figure {
        let began = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let site = self.daemon.site.clone();
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    for _ in 0..orders / clients {
                        let start = Instant::now();
                        place(&site).await;
                        times.push(start.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        Figure::of(times, began.elapsed())
    }

    async fn through_http(&self, clients: usize, orders: usize) -> Figure {
        let address = self.address;
        let began = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                tokio::spawn(client(
                    self.daemon.site.world.clone(),
                    address,
                    orders / clients,
                ))
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        Figure::of(times, began.elapsed())
    }

    /// What screens and the clock ask for every few seconds.
    async fn asked(&self) -> String {
        const TIMES: usize = 50;
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (mut boards, mut ticks) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            let start = Instant::now();
            let request =
                "GET /api/v1/board HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\n\r\n";
            ask(&mut stream, request, "HTTP/1.1 200").await;
            boards.push(start.elapsed());
            let start = Instant::now();
            let site = &self.daemon.site;
            site.command(Actor::system(), commands::tick).await.unwrap();
            ticks.push(start.elapsed());
        }
        let median = |mut times: Vec<Duration>| {
            times.sort_unstable();
            times[TIMES / 2].as_micros()
        };
        format!(
            "board {} us, what time alone brings {} us (p50)",
            median(boards),
            median(ticks)
        )
    }

    async fn fill(&self, orders: usize) {
        const PACK: usize = 500;
        for _ in 0..orders / PACK {
            let world = self.daemon.site.world.clone();
            self.daemon
                .site
                .command(Actor::system(), move |tx, cx| {
                    for _ in 0..PACK {
                        commands::place_order(
                            tx,
                            cx,
                            OrderId(world.new_id()),
                            &wish(),
                            &Asks::default(),
                        )?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
    }
}

fn catalog() -> Catalog {
    galley::config::parse_catalog(include_str!("../src/demo/menu.toml"), "menu").unwrap()
}

fn wish() -> Wish {
    let line = |dish: &str| WishLine {
        dish_id: dish.into(),
        quantity: 1,
        options: Vec::new(),
        price_minor: None,
    };
    Wish {
        language: Language::Ru,
        service: Service::Here,
        lines: vec![line("mors")],
        ..Wish::default()
    }
}

async fn place(site: &Arc<Site>) {
    let id = OrderId(site.world.new_id());
    site.command(Actor::system(), move |tx, cx| {
        commands::place_order(tx, cx, id, &wish(), &Asks::default())
    })
    .await
    .unwrap();
}

/// A kiosk on one connection: the next order when the last is accepted.
async fn client(world: World, address: std::net::SocketAddr, orders: usize) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let body = r#"{"language":"ru","service":"here","lines":[{"dish_id":"mors","quantity":1}]}"#;
    let mut times = Vec::with_capacity(orders);
    for _ in 0..orders {
        let request = format!(
            "POST /api/v1/orders HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\nidempotency-key: {}\r\ncontent-length: {}\r\n\r\n{body}",
            world.new_id(),
            body.len()
        );
        let start = Instant::now();
        ask(&mut stream, &request, "HTTP/1.1 201").await;
        times.push(start.elapsed());
    }
    times
}

/// One request, to the end of its answer.
async fn ask(stream: &mut TcpStream, request: &str, wanted: &str) {
    let mut buffer = vec![0; 64 * 1024];
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut filled = 0;
    loop {
        filled += stream.read(&mut buffer[filled..]).await.unwrap();
        if let Some(end) = complete(&buffer[..filled]) {
            let answer = String::from_utf8_lossy(&buffer[..end]);
            assert!(answer.starts_with(wanted), "{answer}");
            return;
        }
    }
}

/// Where the answer ends, once it is whole.
fn complete(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let head = text.find("\r\n\r\n")?;
    let length: usize = text[..head]
        .lines()
        .find_map(|l| {
            l.to_ascii_lowercase()
                .strip_prefix("content-length: ")
                .map(str::to_owned)
        })?
        .trim()
        .parse()
        .ok()?;
    (bytes.len() >= head + 4 + length).then_some(head + 4 + length)
}
