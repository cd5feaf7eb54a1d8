use super::*;
use crate::{
    domain::{
        alert::Alert,
        chain::{self, GENESIS, Hash},
        event::Body,
    },
    hq::{HqConfig, Place, Proof, db::tests::each_database},
    sync::{Batch, Entry, batch::HexHash},
    world::{Clock, RouterHttp, SeededEntropy},
};
use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::Value;
use std::sync::{
    Mutex,
    atomic::{AtomicI64, AtomicU16, Ordering},
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// 2026-08-01 12:00 in Moscow.
const NOON: i64 = 1_785_574_800_000;

const FILE: &str = r#"
language = "en"
zone = "Europe/Moscow"
[[channel]]
name = "duty"
kind = "telegram"
base_url = "https://bot.test"
chat = "42"
token_credential = "bot"
[[route]]
to = ["duty"]
after = "0s"
"#;

/// What the emulated bot was sent, and the status that it answers with.
#[derive(Clone, Default)]
struct Bot {
    texts: Arc<Mutex<Vec<String>>>,
    status: Arc<AtomicU16>,
}

impl Bot {
    fn router(&self) -> Router {
        let bot = self.clone();
        Router::new().route(
            "/botSECRET/sendMessage",
            post(move |Json(body): Json<Value>| async move {
                let status = StatusCode::from_u16(bot.status.load(Ordering::Relaxed)).unwrap();
                if status.is_success() {
                    assert_eq!(body["chat_id"], "42");
                    bot.texts
                        .lock()
                        .unwrap()
                        .push(body["text"].as_str().unwrap().to_owned());
                }
                (status, Json(serde_json::json!({"description": "too many"})))
            }),
        )
    }

    fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().drain(..).collect()
    }
}

/// A clock that is set by hand: a database server has its own time.
struct HandClock(AtomicI64);

impl HandClock {
    /// So long after noon.
    fn set(&self, after: Duration) {
        let at = Timestamp::from_millis(NOON).saturating_add(after);
        self.0.store(at.as_millis(), Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

struct Rig {
    hq: Hq,
    http: Arc<dyn Http>,
    clock: Arc<HandClock>,
    bot: Bot,
    /// The store's last event, and its hash.
    head: (u64, Hash),
}

impl Rig {
    async fn new(place: Place) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(NOON)));
        let config = HqConfig {
            accept_unknown: true,
            // The store says nothing while the clock is set on: that is another alert, and not this test's.
            offline_after: Duration::from_hours(24),
            ..HqConfig::on(place)
        };
        let hq = Hq::open(config, Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .unwrap();
        let router = RouterHttp::new();
        let bot = Bot::default();
        bot.status.store(200, Ordering::Relaxed);
        router.set_route("bot.test", bot.router());
        Self {
            hq,
            http: Arc::new(router),
            clock,
            bot,
            head: (0, GENESIS),
        }
    }

    fn notifier(&self, seed: u64) -> Notifier {
        Notifier::new(
            self.hq.clone(),
            NotifyConfig::parse(FILE).unwrap(),
            &self.http,
            Arc::new(SeededEntropy::new(seed)),
            &|name| {
                assert_eq!(name, "bot");
                Ok(Secret::new("SECRET"))
            },
        )
        .unwrap()
    }

    /// The store tells headquarters of an event.
    async fn tell(&mut self, body: Body) {
        let (before, previous) = self.head;
        let (seq, at) = (before + 1, self.clock.now());
        let text = serde_json::to_string(&body).unwrap();
        let hash = chain::link(&previous, seq, at, None, "system", &text);
        self.head = (seq, hash);
        let batch = Batch {
            store_id: "spb-01".parse().unwrap(),
            stream: 1,
            number: seq,
            first_seq: seq,
            previous: Some(HexHash(previous)),
            entries: vec![Entry {
                seq,
                at,
                kind: serde_json::to_value(&body).unwrap()["kind"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                order_id: None,
                actor: "system".to_owned(),
                body: serde_json::value::RawValue::from_string(text).unwrap(),
                hash: HexHash(hash),
            }],
            summary: None,
            generation: 1,
            root: None,
        };
        let ack = self
            .hq
            .submit(batch, Proof::Token("a long token"))
            .await
            .unwrap();
        assert_eq!(ack.done().await.unwrap().ack.seq, seq);
    }

    async fn raise(&mut self, key: &str) {
        let since_at = self.clock.now();
        self.tell(Body::AlertRaised {
            alert: Alert {
                key: key.to_owned(),
                severity: Severity::Error,
                title: "The printer has no paper".to_owned(),
                detail: String::new(),
                advice: "Put a new roll in".to_owned(),
                since_at,
            },
        })
        .await;
    }

    /// Looks at what is in the database now.
    async fn turn(&self, notifier: &Notifier) {
        self.hq.forget_fleet().await;
        notifier.turn().await.unwrap();
    }

    async fn clear(&mut self, key: &str) {
        self.tell(Body::AlertCleared {
            key: key.to_owned(),
        })
        .await;
    }
}

const BEGUN: &str =
    "Alarm: The printer has no paper\nspb-01\nSince 01.08 12:00\nWhat to do: Put a new roll in";

#[tokio::test]
async fn people_are_told_once_of_what_begins_and_ends() {
    each_database(|place| async {
        let mut rig = Rig::new(place).await;
        let notifier = rig.notifier(1);
        rig.raise("device:printer").await;
        rig.turn(&notifier).await;
        assert_eq!(rig.bot.texts(), [BEGUN]);
        rig.turn(&notifier).await;
        assert!(rig.bot.texts().is_empty());
        // Another headquarters knows what was said, and does not speak while the first does.
        let other = rig.notifier(2);
        rig.clear("device:printer").await;
        rig.turn(&other).await;
        assert!(rig.bot.texts().is_empty());
        rig.clock.set(LEASE * 2);
        rig.turn(&other).await;
        assert_eq!(
            rig.bot.texts(),
            ["Over: The printer has no paper\nspb-01\nSince 01.08 12:00"]
        );
        rig.turn(&notifier).await;
        assert!(rig.bot.texts().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_was_not_taken_is_sent_again_and_none_is_lost() {
    each_database(|place| async {
        let mut rig = Rig::new(place).await;
        let notifier = rig.notifier(1);
        rig.bot.status.store(429, Ordering::Relaxed);
        rig.raise("device:printer").await;
        rig.turn(&notifier).await;
        // Sent once it is taken, after the pause and not before.
        rig.bot.status.store(200, Ordering::Relaxed);
        rig.turn(&notifier).await;
        assert!(rig.bot.texts().is_empty());
        rig.clock.set(FIRST_RETRY);
        rig.turn(&notifier).await;
        assert_eq!(rig.bot.texts(), [BEGUN]);
        // One that will never be taken is not tried for ever.
        rig.bot.status.store(403, Ordering::Relaxed);
        rig.clear("device:printer").await;
        rig.turn(&notifier).await;
        let waiting = rig
            .hq
            .0
            .db
            .read(|sql| {
                sql.rows(
                    "SELECT error FROM notices WHERE next_at IS NULL AND sent_at IS NULL",
                    &[],
                    |r| r.get::<String>(0),
                )
            })
            .await
            .unwrap();
        assert_eq!(waiting, ["403 Forbidden: too many"]);
    })
    .await;
}

/// A mail server that takes one message and hands it out.
async fn mail_server() -> (std::net::SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 mail.test\r\n").await.unwrap();
        let mut mail = String::new();
        let mut in_data = false;
        while let Some(line) = lines.next_line().await.unwrap() {
            let answer: &[u8] = match (in_data, line.as_str()) {
                (true, ".") => {
                    in_data = false;
                    b"250 taken\r\n"
                }
                (true, line) => {
                    mail.push_str(line);
                    mail.push('\n');
                    continue;
                }
                (false, "DATA") => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                (false, "QUIT") => break,
                (false, _) => b"250 ok\r\n",
            };
            write.write_all(answer).await.unwrap();
            if !in_data && !mail.is_empty() {
                break;
            }
        }
        mail
    });
    (address, server)
}

#[tokio::test]
async fn mail_reaches_a_server() {
    let (address, server) = mail_server().await;
    let text = format!(
        "zone = \"Europe/Moscow\"\n[[channel]]\nname = \"mail\"\nkind = \"email\"\nserver = \"smtp+plain://{address}\"\nfrom = \"Galley <galley@hq.test>\"\nto = [\"duty@hq.test\"]\n"
    );
    let config = NotifyConfig::parse(&text).unwrap();
    let http: Arc<dyn Http> = Arc::new(RouterHttp::new());
    let channel = send::channel(&config.channels[0], &http, &|_| Err("none".to_owned())).unwrap();
    let what = case::What::Over {
        cause: "device:printer".to_owned(),
        title: "The printer has no paper".to_owned(),
        since: Timestamp::from_millis(NOON),
        stores: vec!["spb-01".to_owned()],
    };
    let zone = config.zone().unwrap();
    let message = words::say(&what, crate::domain::text::Language::En, &zone, None);
    channel
        .send(&Parcel {
            id: Uuid::nil(),
            at: Timestamp::from_millis(NOON),
            what: &what,
            message: &message,
        })
        .await
        .unwrap();
    let mail = tokio::time::timeout(Duration::from_secs(10), server)
        .await
        .unwrap()
        .unwrap();
    for part in [
        "Subject: Over: The printer has no paper",
        "To: duty@hq.test",
        "Message-ID: <00000000-0000-0000-0000-000000000000@hq.test>",
        "Since 01.08 12:00",
    ] {
        assert!(mail.contains(part), "{part:?} in {mail}");
    }
}
