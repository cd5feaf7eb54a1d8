//! Headquarters' figures for a monitoring system. The names are frozen once shipped.

use super::{fleet::StoreRow, record::Recorded};
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::time::Duration;

pub(super) struct Metrics {
    registry: Registry,
    batches: Counter,
    events: Counter,
    unknown_kinds: Counter,
    rewinds: Counter,
    refused: Counter,
    unproven: Counter,
    stores: Gauge,
    online: Gauge,
    backlog: Gauge,
    oldest_age: Gauge,
    stores_refused: Gauge,
    answer: Histogram,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("galley_hq");
        let r = &mut registry;
        let counter = |r: &mut Registry, name: &str, help: &str| {
            let counter = Counter::default();
            r.register(name, help, counter.clone());
            counter
        };
        let gauge = |r: &mut Registry, name: &str, help: &str| {
            let gauge = Gauge::default();
            r.register(name, help, gauge.clone());
            gauge
        };
        let answer = Histogram::new(exponential_buckets(0.001, 2.0, 15));
        r.register_with_unit(
            "answer",
            "From taking a batch in to its answer, the commit in between",
            Unit::Seconds,
            answer.clone(),
        );
        Self {
            answer,
            batches: counter(r, "batches", "Batches committed, signs of life too"),
            events: counter(r, "events", "Events committed"),
            unknown_kinds: counter(
                r,
                "unknown_kinds",
                "Events of kinds that this version does not know; kept, not counted in sales",
            ),
            rewinds: counter(r, "rewinds", "Stores sent back because events were missing"),
            unproven: counter(
                r,
                "unproven_events",
                "Events that don't fit their hash; set aside until a person has looked",
            ),
            refused: counter(r, "refused", "Batches with an event that was not taken"),
            stores: gauge(r, "stores", "Stores known"),
            online: gauge(r, "stores_online", "Stores heard of lately"),
            backlog: gauge(r, "backlog_events", "Events still in the stores only"),
            oldest_age: gauge(
                r,
                "backlog_oldest_age_seconds",
                "Age of the oldest event that is still in a store only",
            ),
            stores_refused: gauge(
                r,
                "stores_refused",
                "Stores with an event that is not taken",
            ),
            registry,
        }
    }

    pub(super) fn recorded(&self, recorded: &Recorded, took: Duration) {
        self.answer.observe(took.as_secs_f64());
        self.batches.inc();
        self.events.inc_by(recorded.inserted);
        self.unknown_kinds.inc_by(recorded.unknown);
        self.unproven.inc_by(recorded.unproven);
        if recorded.ack.rewind {
            self.rewinds.inc();
        }
        if recorded.ack.refused.is_some() {
            self.refused.inc();
        }
    }

    /// The figures as text, with those of the stores as they are now.
    pub(super) fn text(&self, rows: &[StoreRow]) -> String {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let age_s = rows.iter().filter_map(|r| r.oldest_age_ms).max();
        self.stores.set(count(rows.len()));
        self.online
            .set(count(rows.iter().filter(|r| r.online).count()));
        let backlog: u64 = rows.iter().map(|r| r.backlog).sum();
        self.backlog.set(i64::try_from(backlog).unwrap_or(i64::MAX));
        self.oldest_age
            .set(i64::try_from(age_s.unwrap_or(0) / 1000).unwrap_or(i64::MAX));
        self.stores_refused
            .set(count(rows.iter().filter(|r| r.refused.is_some()).count()));
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
