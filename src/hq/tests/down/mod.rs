//! Stores that were enrolled with a code, and what headquarters tells them.

mod databases;
mod messages;
mod relay;
mod takeover;

use super::*;
use crate::{
    domain::{
        catalog::Catalog,
        ids::IngredientId,
        place::{Wish, WishLine},
        policy::Policy,
        receipt::Registered,
        remote::{Command, Envelope, What},
        stock::Movement,
    },
    flow::{Context, FlowError, Site, accepting::accepting, commands, record::record},
    store::vault::Key,
    sync::{
        adopt::{self, By, Place as Given},
        down::{self, Inbox, Incoming, Signed, SigningKey, TokenKeeper},
    },
};
use std::sync::Mutex as StdMutex;

pub(super) const LIMIT: Duration = Duration::from_mins(10);

pub(super) fn menu() -> Catalog {
    toml::from_str(include_str!("../../../demo/menu.toml")).unwrap()
}

fn menu_content(price_minor: i64) -> serde_json::Value {
    let mut catalog = menu();
    catalog.dishes[0].price_minor = price_minor;
    serde_json::to_value(catalog).unwrap()
}

pub(super) fn down_config(place: Place) -> HqConfig {
    HqConfig {
        people: crate::hq::people::PeopleConfig {
            open_as: Some(crate::hq::people::Role::Admin),
            ..crate::hq::people::PeopleConfig::default()
        },
        key: Some(Key::new(&"k".repeat(32)).unwrap()),
        chance: Chance(Arc::new(SeededEntropy::new(11))),
        ..HqConfig::on(place)
    }
}

/// Keeps a staged token for a test to look at.
#[derive(Default)]
struct Keeper(StdMutex<Option<Secret>>);

impl TokenKeeper for Keeper {
    fn stage(&self, token: &Secret) -> Result<(), String> {
        *self.0.lock().unwrap() = Some(token.clone());
        Ok(())
    }
}

struct Bundle;

#[async_trait::async_trait]
impl down::Bundler for Bundle {
    async fn gather(&self) -> Result<Vec<u8>, String> {
        Ok(b"a bundle".to_vec())
    }
}

/// Headquarters, and the network around it.
pub(super) struct Head {
    pub(super) dir: tempfile::TempDir,
    pub(super) world: World,
    pub(super) http: RouterHttp,
    pub(super) hq: Hq,
}

impl Head {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let http = RouterHttp::new();
        let world = World {
            clock: Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START))),
            entropy: Arc::new(SeededEntropy::new(7)),
            dialer: Arc::new(MemoryNet::new()),
            http: Arc::new(http.clone()),
        };
        let place = Place::Sqlite(Options {
            threads: Threads::Inline,
            ..Options::at(dir.path().join("hq.db"))
        });
        let hq = Hq::open(down_config(place), Arc::clone(&world.clock))
            .await
            .unwrap();
        http.set_route(HQ, hq.router());
        Self {
            dir,
            world,
            http,
            hq,
        }
    }

    pub(super) async fn code(&self, store: &str) -> String {
        let code = self
            .hq
            .make_code(
                &store.parse().unwrap(),
                None,
                Duration::from_mins(10),
                "anna".to_owned(),
            )
            .await
            .unwrap();
        code.code
    }

    /// The place of a store, for a box with this token.
    pub(super) async fn place(&self, store: &str, token: &str) -> Given {
        let code = self.code(store).await;
        self.ask(By::Code(&code), store, token).await.unwrap()
    }

    pub(super) async fn ask(
        &self,
        by: By<'_>,
        store: &str,
        token: &str,
    ) -> Result<Given, adopt::AdoptError> {
        let url = format!("https://{HQ}");
        adopt::ask(&self.http, &url, by, store, &Secret::new(token)).await
    }

    /// A new box in a store's place.
    pub(super) async fn new_box(&self, store: &str, token: &str) -> Box_ {
        let given = self.place(store, token).await;
        let file = self.dir.path().join(format!("{token}.db"));
        Box_::start(self, given, token, file).await
    }

    /// One request of a person.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{HQ}/api/v1{path}"));
        let request = match &body {
            serde_json::Value::Null => request.body(Bytes::new()),
            body => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Bytes::from(body.to_string())),
        }
        .unwrap();
        let answer = self.http.send(request, LONG).await.unwrap();
        let value = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), value)
    }

    pub(super) async fn ok(
        &self,
        method: &str,
        path: &str,
        body: serde_json::Value,
    ) -> serde_json::Value {
        let (status, value) = self.call(method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {value}");
        value
    }

    /// Lets paused time pass until a GET answers what is wanted; looks whenever a store was heard of.
    pub(super) async fn until(
        &self,
        path: &str,
        holds: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        let mut changes = self.hq.0.changes.subscribe();
        tokio::time::timeout(LIMIT, async {
            loop {
                let value = self.ok("GET", path, serde_json::Value::Null).await;
                if holds(&value) {
                    return value;
                }
                changes.recv().await.unwrap();
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{path}"))
    }
}

/// A store's box: its database, its uplink, and what comes down.
pub(super) struct Box_ {
    pub(super) site: Arc<Site>,
    pub(super) inbox: Inbox,
    pub(super) sync: UplinkHandle,
    pub(super) restart: CancellationToken,
    pub(super) given: Given,
    keeper: Arc<Keeper>,
    stop: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

impl Box_ {
    pub(super) async fn start(head: &Head, given: Given, token: &str, file: PathBuf) -> Self {
        let store = Store::open(Options {
            threads: Threads::Inline,
            synchronous: Synchronous::Off,
            ..Options::at(file)
        })
        .unwrap();
        let world = World {
            entropy: Arc::new(SeededEntropy::new(given.generation + 100)),
            ..head.world.clone()
        };
        let policy = Policy {
            store_id: given.store_id.clone(),
            ..Policy::default()
        };
        let zone = jiff::tz::TimeZone::UTC;
        let site = Site::open(
            store.clone(),
            world.clone(),
            policy,
            Some(menu()),
            zone.clone(),
        )
        .await
        .unwrap();
        let url = format!("https://{HQ}");
        let restart = CancellationToken::new();
        let keeper = Arc::new(Keeper::default());
        let (inbox, task) = down::down(
            &site,
            down::Wiring {
                generation: given.generation,
                keys: given.keys.clone(),
                straight: Some((url.clone(), Secret::new(token))),
                plan: None,
                bundler: Some(Arc::new(Bundle)),
                keeper: Some(keeper.clone()),
                restart: restart.clone(),
            },
        );
        let route = HttpUplink::new(&url, Secret::new(token), Arc::clone(&world.http))
            .bringing(Some(inbox.clone()));
        let identity = Identity {
            store_id: given.store_id.parse().unwrap(),
            generation: given.generation,
            name: given.store_id.clone(),
            version: "0.1.0".to_owned(),
            zone,
        };
        let (sync, uplink) = uplink(
            store,
            &world,
            identity,
            &SyncConfig::default(),
            vec![Box::new(route)],
        );
        let stop = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(task.after(sync.acknowledged()).run(stop.clone()));
        tasks.spawn(uplink.run(stop.clone()));
        Self {
            site,
            inbox,
            sync,
            restart,
            given,
            keeper,
            stop,
            tasks,
        }
    }

    /// Switches the box off.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.site.store.close().await;
    }

    pub(super) async fn command<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &Context) -> Result<T, FlowError> + Send + 'static,
    ) -> Result<T, FlowError> {
        self.site.command(Actor("manager:anna".into()), work).await
    }

    pub(super) async fn fact(&self, order: Option<OrderId>, body: Body) {
        self.command(move |tx, cx| record(tx, cx, order, body))
            .await
            .unwrap();
    }

    /// Kinds of all its events.
    pub(super) fn kinds(&self) -> Vec<String> {
        self.site
            .store
            .read_here(|s| s.events_after(0, 1_000_000))
            .unwrap()
            .into_iter()
            .map(|e| e.kind)
            .collect()
    }

    pub(super) fn count(&self, kind: &str) -> usize {
        self.kinds().iter().filter(|k| *k == kind).count()
    }

    /// Lets paused time pass until the log has an event of this kind so often.
    pub(super) async fn until(&self, kind: &str, times: usize) {
        let mut head = self.site.store.head();
        tokio::time::timeout(LIMIT, async {
            while self.count(kind) < times {
                head.changed().await.unwrap();
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{kind}: {:?}", self.kinds()));
    }

    pub(super) async fn drained(&self) {
        let last = *self.site.store.head().borrow();
        let mut at = self.sync.acknowledged();
        tokio::time::timeout(LIMIT, at.wait_for(|a| *a >= last))
            .await
            .unwrap()
            .unwrap();
    }

    /// Why it takes no orders.
    pub(super) fn closed(&self) -> Option<&'static str> {
        let cx = self.site.context(Actor::system());
        self.site
            .store
            .read_here(|s| accepting(s, &cx))
            .unwrap()
            .err()
            .map(|c| c.slug)
    }

    /// Opens shift 7 and fills the shelves.
    pub(super) async fn open_shop(&self) {
        self.fact(None, Body::ShiftOpening {}).await;
        self.fact(
            None,
            Body::ShiftOpened {
                number: 7,
                registered: registered(1, 7),
                counters: None,
            },
        )
        .await;
        self.command(|tx, cx| {
            let all: Vec<IngredientId> = cx
                .catalog
                .ingredients
                .iter()
                .map(|i| i.id.clone())
                .collect();
            for ingredient in all {
                let movements = vec![Movement::receive(&ingredient, 1 << 36)?];
                record(tx, cx, None, Body::StockMoved { movements })?;
            }
            Ok(())
        })
        .await
        .unwrap();
    }

    pub(super) async fn place_order(&self, id: u128) -> Order {
        self.command(move |tx, cx| {
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
            let asks = commands::Asks {
                phone: Some("+79161234567"),
                ..commands::Asks::default()
            };
            commands::place_order(tx, cx, OrderId(Uuid::from_u128(id)), &wish, &asks)
        })
        .await
        .unwrap()
    }

    /// An order that was paid in cash; its receipt is asked for.
    pub(super) async fn sell(&self, id: u128) -> Order {
        let order = self.place_order(id).await;
        let payment = PaymentId(Uuid::from_u128(id + 1000));
        let id = order.id;
        self.command(move |tx, cx| {
            commands::start_payment(tx, cx, id, payment, Tender::Cash, None, true)?;
            commands::payment_result(tx, cx, payment, true, None, None)
        })
        .await
        .unwrap()
    }

    /// Its receipt is registered, its dishes are cooked, and it is handed over.
    pub(super) async fn finish(&self, order: &Order, document: u32) {
        let key = order.receipts[0].draft.key.clone();
        self.fact(
            Some(order.id),
            Body::ReceiptRegistered {
                key,
                registered: registered(document, 7),
            },
        )
        .await;
        for piece in &order.pieces {
            let body = Body::CookPlated {
                job_id: piece.job_id,
                slot: None,
            };
            self.fact(Some(order.id), body).await;
        }
        let id = order.id;
        self.command(move |tx, cx| commands::hand_over(tx, cx, id))
            .await
            .unwrap();
    }
}

pub(super) fn registered(document_number: u32, shift: u32) -> Registered {
    Registered {
        document_number,
        fiscal_sign: 77,
        drive_number: "9999078900000001".into(),
        registration_number: Some("0000000001000001".into()),
        shift_number: Some(shift),
        receipt_number: None,
        local_time: "2026-11-22T12:00".into(),
        qr: None,
        printed: None,
    }
}
