//! Figures for a monitoring system. The names are frozen once shipped.

use super::{Gateway, device::Link, journal::JournalError};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    device: String,
}

/// The figures as text, as they are now.
pub(super) fn text(gateway: &Gateway) -> Result<String, JournalError> {
    let mut registry = Registry::with_prefix("galley_gateway");
    let gauge = |r: &mut Registry, name: &str, help: &str| {
        let family = Family::<Of, Gauge>::default();
        r.register(name, help, family.clone());
        family
    };
    let counter = |r: &mut Registry, name: &str, help: &str| {
        let family = Family::<Of, Counter>::default();
        r.register(name, help, family.clone());
        family
    };
    let r = &mut registry;
    let up = gauge(r, "device_up", "1 when the printer answers");
    let stopped = gauge(r, "device_stopped", "1 when its queue stands still");
    let live = gauge(r, "documents_live", "Documents that are not decided");
    let doubt = gauge(r, "documents_doubt", "Documents in doubt");
    let person = gauge(
        r,
        "documents_person",
        "Documents that wait for a technician",
    );
    let oldest = gauge(
        r,
        "oldest_document_age_seconds",
        "Age of the oldest document that is not decided",
    );
    let unsent = gauge(r, "unsent_documents", "Documents that wait for the OFD");
    let done = counter(r, "documents_done", "Documents registered since the start");
    let refused = counter(r, "documents_refused", "Documents refused since the start");
    let doubted = counter(r, "attempts_doubted", "Attempts that ended in doubt");
    let recovered = counter(
        r,
        "documents_recovered",
        "Documents in doubt that evidence decided",
    );
    for device in gateway.in_order() {
        let of = Of {
            device: device.id().to_owned(),
        };
        let state = device.state();
        let counts = gateway.journal().counts(device.id())?;
        let age = counts
            .oldest_at
            .map_or(0, |at| gateway.now().saturating_sub(at).max(0) / 1000);
        let answers = matches!(state.link, Link::Up | Link::Stopped);
        up.get_or_create(&of).set(answers.into());
        let stands = state.stop.is_some() || counts.person > 0;
        stopped.get_or_create(&of).set(stands.into());
        live.get_or_create(&of).set(counts.live.into());
        doubt.get_or_create(&of).set(counts.doubt.into());
        person.get_or_create(&of).set(counts.person.into());
        oldest.get_or_create(&of).set(age);
        if let Some(n) = state.status.and_then(|s| s.unsent_documents) {
            unsent.get_or_create(&of).set(n.into());
        }
        let count = |family: &Family<Of, Counter>, n: &AtomicU64| {
            family.get_or_create(&of).inc_by(n.load(Ordering::Relaxed));
        };
        count(&done, &device.tally.done);
        count(&refused, &device.tally.refused);
        count(&doubted, &device.tally.doubted);
        count(&recovered, &device.tally.recovered);
    }
    let mut text = String::new();
    // Writing into a string can't fail.
    let _ = encode(&mut text, &registry);
    Ok(text)
}
