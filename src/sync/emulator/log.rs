//! The log of a store that is not there.

use super::{FleetConfig, Head};
use crate::{
    domain::{
        chain::{self, GENESIS},
        contact::ReceiptTo,
        event::Body,
        ids::{JobId, OrderId, PaymentId},
        money::Currency,
        order::{JobStage, Order, OrderState, Service},
        payment::{FiscalBy, Payment, PaymentState, Tender},
        shift::ShiftState,
        text::Language,
        time::Timestamp,
    },
    store::{EventRef, StoreError},
    sync::{
        StoreId, Summary,
        batch::{DayRoot, HexHash},
        log::{Doing, Log, LogError, Settled},
        pack::{Pack, Packer},
        summary::ShiftSummary,
    },
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// A hash is kept of every so many events, so that a store may be sent back anywhere.
const MARK: u64 = 4096;
/// Between two events, milliseconds: a thousand orders a day with ten events each.
const STEP_MS: i64 = 8_640;
/// The first event of every log: 2026-06-01 in UTC.
const FIRST_MS: i64 = 1_780_272_000_000;

/// What happens in the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Events of one size that follow nothing.
    Plain,
    /// Orders that are placed, paid and cooked, ten events each.
    Sales,
}

/// A store's log, worked out where it is read.
pub struct EmulatedLog {
    id: StoreId,
    number: u64,
    seed: u64,
    mix: Mix,
    body_bytes: usize,
    head: watch::Sender<u64>,
    state: Mutex<State>,
    figures: Arc<Figures>,
}

struct State {
    acknowledged: u64,
    hash: HexHash,
    /// Where reading went on last: what was read, and the hash there.
    read: (u64, HexHash),
    /// Hashes at multiples of [`MARK`].
    marks: Vec<HexHash>,
    /// The furthest that was ever packed.
    packed: u64,
    /// What is under way, in order.
    under_way: VecDeque<UnderWay>,
    /// What was packed ahead, by its first event.
    ahead: BTreeMap<u64, Pack>,
    answered: bool,
}

/// A batch that was packed and not acknowledged.
struct UnderWay {
    last_seq: u64,
    last_hash: HexHash,
    since: Instant,
}

impl EmulatedLog {
    pub(super) fn new(
        config: &FleetConfig,
        id: StoreId,
        number: u64,
        figures: Arc<Figures>,
    ) -> Self {
        let zero = HexHash(GENESIS);
        Self {
            id,
            number,
            seed: config.seed,
            mix: config.mix,
            body_bytes: config.body_bytes,
            head: watch::Sender::new(0),
            state: Mutex::new(State {
                acknowledged: 0,
                hash: zero,
                read: (0, zero),
                marks: vec![zero],
                packed: 0,
                under_way: VecDeque::new(),
                ahead: BTreeMap::new(),
                answered: false,
            }),
            figures,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn grow_to(&self, events: u64) {
        self.head.send_if_modified(|head| {
            let grew = events > *head;
            *head = events.max(*head);
            grew
        });
    }

    /// Packs the first `events` into batches of this size, so that it is not done while they are sent.
    pub(super) fn pack_ahead(&self, events: u64, batch: usize) -> Result<(), LogError> {
        let state = &mut *self.state();
        let mut after = 0;
        while after < events {
            let Some(pack) = self.pack_next(state, after, events.min(after + batch as u64))? else {
                break;
            };
            after = pack.last_seq;
            state.ahead.insert(pack.first_seq, pack);
        }
        Ok(())
    }

    /// What comes after `after`, as far as `to` or as much as fits a message.
    fn pack_next(&self, state: &mut State, after: u64, to: u64) -> Result<Option<Pack>, LogError> {
        let mut packer = Packer::default();
        self.walk(state, (after, to), |e| {
            packer.push(e)?;
            Ok(packer.bytes() < 1024 * 1024)
        })?;
        Ok(packer.finish()?)
    }

    pub(super) fn standing_now(&self) -> Head {
        let state = self.state();
        Head {
            store_id: self.id.clone(),
            head: *self.head.borrow(),
            acknowledged: state.acknowledged,
            hash: state.hash,
        }
    }

    /// Walks from the nearest event whose hash is known to `to`, and shows what comes after `from`. The hash at `to`.
    fn walk(
        &self,
        state: &mut State,
        (from, to): (u64, u64),
        mut look: impl FnMut(&EventRef<'_>) -> Result<bool, LogError>,
    ) -> Result<(u64, HexHash), LogError> {
        let mark = (from / MARK).min(state.marks.len() as u64 - 1);
        let (mut seq, mut hash) = (mark * MARK, state.marks[usize::try_from(mark).unwrap_or(0)]);
        if (seq..=from).contains(&state.read.0) {
            (seq, hash) = state.read;
        }
        while seq < to {
            seq += 1;
            let (order_id, body) = self.event(seq);
            let at = Timestamp::from_millis(
                FIRST_MS.saturating_add(
                    i64::try_from(seq)
                        .unwrap_or(i64::MAX / 2)
                        .saturating_mul(STEP_MS),
                ),
            );
            let text = serde_json::to_string(&body).map_err(StoreError::from)?;
            hash = HexHash(chain::link(&hash.0, seq, at, order_id, "system", &text));
            if seq == state.marks.len() as u64 * MARK {
                state.marks.push(hash);
            }
            if seq > from {
                let more = look(&EventRef {
                    seq,
                    at,
                    kind: body.kind().into(),
                    order_id,
                    actor: "system".into(),
                    body: text.into(),
                    hash: hash.0,
                })?;
                if !more {
                    break;
                }
            }
        }
        state.read = (seq, hash);
        Ok((seq, hash))
    }

    /// The event with this number.
    fn event(&self, seq: u64) -> (Option<OrderId>, Body) {
        let id = |n: u64, what: u8| {
            let mut bytes = [what; 16];
            bytes[..8].copy_from_slice(&(self.seed ^ self.number << 32).to_be_bytes());
            bytes[8..].copy_from_slice(&n.to_be_bytes());
            bytes[8] = what;
            Uuid::from_bytes(bytes)
        };
        let pad = |fixed: usize| {
            // Words that pack about as well as real ones.
            let mut text = String::with_capacity(self.body_bytes);
            let mut x = self.seed ^ self.number.rotate_left(17) ^ seq;
            while text.len() + fixed < self.body_bytes {
                x = x
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push_str(WORDS[usize::try_from(x >> 60).unwrap_or(0)]);
            }
            text
        };
        if self.mix == Mix::Plain {
            let payment_id = PaymentId(id(seq, 1));
            // {"kind":"payment.declined","payment_id":"…","reason":"…"}
            return (
                None,
                Body::PaymentDeclined {
                    payment_id,
                    reason: pad(95),
                    reference: None,
                },
            );
        }
        let n = (seq - 1) / 10;
        let order = OrderId(id(n, 2));
        let total_minor = 30_000 + i64::try_from(n % 50).unwrap_or(0) * 1_000;
        let body = match (seq - 1) % 10 {
            0 => {
                let mut placed = self.order(order, seq, total_minor);
                placed.payments = vec![awaited(PaymentId(id(n, 3)), total_minor, placed.placed_at)];
                Body::OrderPlaced {
                    order: Box::new(placed),
                }
            }
            1 => Body::PaymentCaptured {
                payment_id: PaymentId(id(n, 3)),
                amount_minor: total_minor,
                reference: Some(pad(200)),
            },
            2 => Body::OrderPaid {},
            9 => Body::OrderClosed {},
            step => Body::CookProgressed {
                job_id: JobId(id(n, 4)),
                stage: JobStage::Cooking,
                progress_pm: u16::try_from(step * 100).ok(),
            },
        };
        (Some(order), body)
    }

    fn order(&self, id: OrderId, seq: u64, total_minor: i64) -> Order {
        let at = Timestamp::from_millis(FIRST_MS + i64::try_from(seq).unwrap_or(0) * STEP_MS);
        Order {
            id,
            number: u32::try_from(seq / 10 % 1000).unwrap_or(0),
            day: day(at),
            language: Language::Ru,
            service: Service::Here,
            lines: Vec::new(),
            promotions: Vec::new(),
            promo_code: None,
            total_minor,
            currency: Currency::Rub,
            placed_at: at,
            promised_at: at,
            expires_at: at,
            placed_by: "kiosk".to_owned(),
            channel: None,
            has_contact: false,
            payments: Vec::new(),
            receipts: Vec::new(),
            pieces: Vec::new(),
            refunds: Vec::new(),
            given_up: None,
            paid: false,
            ready: false,
            closed: false,
            marks: Vec::new(),
            receipt_to: ReceiptTo::Paper,
            loyalty: None,
            state: OrderState::Placed,
        }
    }
}

const WORDS: [&str; 16] = [
    "the card ",
    "was ",
    "refused ",
    "by its bank ",
    "limit ",
    "of the day ",
    "42 ",
    "reached ",
    "terminal ",
    "07 ",
    "no answer ",
    "within ",
    "30 s ",
    "code ",
    "116 ",
    "try another ",
];

fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .to_string()
}

/// Work that is done already.
fn done<T: Send + 'static>(result: Result<T, LogError>) -> Doing<T> {
    Box::pin(std::future::ready(result))
}

impl Log for EmulatedLog {
    fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn standing(&self) -> Doing<(u64, Option<HexHash>)> {
        let state = self.state();
        done(Ok((state.acknowledged, Some(state.hash))))
    }

    fn pack(&self, after: u64, most: usize) -> Doing<Option<Pack>> {
        let head = *self.head.borrow();
        let to = head.min(after.saturating_add(most as u64));
        let state = &mut *self.state();
        let ahead = state.ahead.remove(&(after + 1));
        let packed = match ahead.filter(|pack| pack.events <= most && pack.last_seq <= to) {
            Some(pack) => Ok(Some(pack)),
            None => self.pack_next(state, after, to),
        };
        if let Ok(Some(pack)) = &packed {
            state.under_way.push_back(UnderWay {
                last_seq: pack.last_seq,
                last_hash: pack.last_hash,
                since: Instant::now(),
            });
            self.figures
                .repeat(state.packed.min(pack.last_seq).saturating_sub(after));
            state.packed = state.packed.max(pack.last_seq);
        }
        done(packed)
    }

    fn acknowledge(&self, seq: u64, hash: HexHash, rewind: bool, _: Timestamp) -> Doing<Settled> {
        let state = &mut *self.state();
        let cursor = state.acknowledged;
        let sent = state.under_way.iter().find(|u| u.last_seq == seq);
        let mine = if seq == cursor {
            Ok(state.hash)
        } else if let Some(sent) = sent {
            Ok(sent.last_hash)
        } else if seq > *self.head.borrow() {
            // Headquarters has what did not happen yet: this fleet was started anew on a log that is there.
            self.grow_to(seq);
            self.hash_at(state, seq)
        } else {
            self.hash_at(state, seq)
        };
        let mine = match mine {
            Ok(mine) => mine,
            Err(e) => return done(Err(e)),
        };
        let same = mine == hash;
        if !same {
            self.figures.differ();
        } else if seq > cursor || rewind {
            let now = Instant::now();
            let mut late = Vec::new();
            while let Some(sent) = state.under_way.pop_front_if(|u| u.last_seq <= seq) {
                late.push(now - sent.since);
            }
            if rewind {
                state.under_way.clear();
            }
            self.figures.acknowledge(seq.saturating_sub(cursor), &late);
            state.acknowledged = seq;
            state.hash = hash;
        }
        if same && !state.answered {
            state.answered = true;
            self.figures.answer();
        }
        done(Ok(Settled {
            same,
            cursor,
            own: (!same).then_some((seq, mine)),
        }))
    }

    fn pretend(&self, _: u64, _: Timestamp) -> Doing<()> {
        done(Ok(()))
    }

    fn summary(&self, heartbeat: Duration, now: Timestamp) -> Doing<Summary> {
        // One lock at a time: an acknowledgement takes them in the other order.
        let head = *self.head.borrow();
        let acknowledged = self.state().acknowledged;
        done(Ok(Summary {
            at: now,
            name: format!("Emulated {}", self.id),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            heartbeat_ms: u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX),
            day: day(now),
            shift: ShiftSummary {
                state: ShiftState::Open,
                number: Some(1),
            },
            head,
            backlog: head.saturating_sub(acknowledged),
            oldest_at: (head > acknowledged).then_some(now),
            sales_today_minor: 0,
            orders_today: 0,
            alerts: 0,
            open_alerts: Vec::new(),
            health: None,
        }))
    }

    fn yesterday(&self, now: Timestamp) -> String {
        day(Timestamp::from_millis(now.as_millis() - 86_400_000))
    }

    fn root(&self, _: Timestamp) -> Doing<Option<DayRoot>> {
        done(Ok(None))
    }
}

impl EmulatedLog {
    /// The hash at an event, without losing the place where reading goes on.
    fn hash_at(&self, state: &mut State, seq: u64) -> Result<HexHash, LogError> {
        let place = state.read;
        if place.0 == seq {
            return Ok(place.1);
        }
        let walked = self.walk(state, (seq, seq), |_| Ok(true))?;
        if place.0 > seq {
            state.read = place;
        }
        Ok(walked.1)
    }
}

/// What all stores of a fleet have counted together.
#[derive(Debug, Default)]
pub struct Figures {
    counts: Mutex<Counts>,
    answered: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Counts {
    acknowledged: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    sent_again: u64,
    other_history: u64,
    /// Microseconds.
    latencies: Vec<u32>,
    all_at: Option<Instant>,
}

/// How long acknowledgements took, milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// Half of them were quicker.
    pub p50_ms: f64,
    /// 99 of 100 were quicker.
    pub p99_ms: f64,
    /// The slowest.
    pub most_ms: f64,
}

/// Latencies that are kept; enough for any run.
const KEPT: usize = 2_000_000;

impl Figures {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acknowledge(&self, events: u64, late: &[Duration]) {
        let now = Instant::now();
        let mut counts = self.counts();
        if events > 0 {
            counts.acknowledged += events;
            counts.first.get_or_insert(now);
            counts.last = Some(now);
        }
        if counts.latencies.len() < KEPT {
            let micros = late
                .iter()
                .map(|l| u32::try_from(l.as_micros()).unwrap_or(u32::MAX));
            counts.latencies.extend(micros);
        }
    }

    fn repeat(&self, events: u64) {
        self.counts().sent_again += events;
    }

    fn differ(&self) {
        self.counts().other_history += 1;
    }

    fn answer(&self) {
        self.answered.send_modify(|n| *n += 1);
        self.counts().all_at = Some(Instant::now());
    }

    pub(super) fn acknowledged(&self) -> (u64, Duration) {
        let counts = self.counts();
        let span = counts
            .first
            .zip(counts.last)
            .map_or(Duration::ZERO, |(a, b)| b - a);
        (counts.acknowledged, span)
    }

    pub(super) fn sent_again(&self) -> u64 {
        self.counts().sent_again
    }

    pub(super) fn other_history(&self) -> u64 {
        self.counts().other_history
    }

    pub(super) fn latency(&self) -> Latency {
        let mut all = self.counts().latencies.clone();
        all.sort_unstable();
        let at = |pm: usize| {
            let micros = all.get((all.len() * pm / 1000).min(all.len().saturating_sub(1)));
            f64::from(micros.copied().unwrap_or(0)) / 1000.0
        };
        Latency {
            p50_ms: at(500),
            p99_ms: at(990),
            most_ms: at(1000),
        }
    }

    pub(super) fn all_answered(&self, stores: usize, began: Instant) -> Option<f64> {
        if *self.answered.borrow() < stores {
            return None;
        }
        self.counts().all_at.map(|at| (at - began).as_secs_f64())
    }

    pub(super) async fn answered(&self, stores: usize) {
        // We hold the sender.
        let _ = self.answered.subscribe().wait_for(|n| *n >= stores).await;
    }
}

/// A payment that the guest is asked for.
fn awaited(id: PaymentId, amount_minor: i64, at: Timestamp) -> Payment {
    Payment {
        id,
        tender: Tender::SbpQr,
        amount_minor,
        state: PaymentState::Waiting,
        captured_minor: 0,
        refunded_minor: 0,
        started_at: at,
        expires_at: None,
        attempt: 1,
        order_number: String::new(),
        provider_id: None,
        qr_id: None,
        qr_payload: None,
        reference: None,
        reason: None,
        fiscal_by: FiscalBy::Store,
        surplus: false,
        withdrawn: None,
        points: None,
    }
}
