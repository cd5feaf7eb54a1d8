//! Plain printers of slips: the kitchen's, and the one for pre-bills. One supervisor each. Where none is configured, the
//! fiscal printer prints slips between its documents.
//!
//! The kitchen's slip is an effect, printed at least once: whatever ended without an answer (a pulled cable, paper that
//! ran out under it, a stop of the daemon) is printed again, and says that it is a repeat. One that surely never left
//! the box says nothing. A pre-bill is asked for by a person who stands at the printer: it is tried once.

use super::{Health, fiscal::slips};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
        order::Order,
    },
    flow::{
        Site,
        commands::{clear_alert, raise_alert},
        effects::slip,
        engine::Poke,
        executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    },
    store::StoreError,
};
use async_trait::async_trait;
use galley_fiscal::{FiscalError, PlainPrinter, Slip};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How often an idle printer is asked how it does. It has one line for all who print, so not often.
const LOOK: Duration = Duration::from_secs(10);
/// A printer that does not answer so often in a row is told to a person: another till may just have held its line.
const PATIENCE: u32 = 2;
/// What a person can do about a printer that does not answer.
const CHECK: &str = "Check that the slip printer is on and its cable is plugged in.";

/// What a slip printer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// What people are to cook.
    Kitchen,
    /// What guests are to pay.
    PreBill,
}

/// One slip printer, as it is wired into a store.
pub struct SlipWiring {
    /// What it is for: one of the two, or both.
    pub stations: Vec<Station>,
    /// Its driver.
    pub printer: Box<dyn PlainPrinter>,
    /// Where it is, for screens.
    pub address: String,
}

/// What was known before an attempt.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Evidence {
    /// An earlier attempt may have put something on paper.
    repeat: bool,
}

/// What is to be printed for a call, or what becomes of the call instead.
pub(super) enum Wanted {
    Slip(Slip),
    Instead(Outcome),
}

/// Whether an earlier attempt at this slip ended without an answer: then it had to be resolved, and the store knows it.
pub(super) async fn evidence(site: &Site, call: &Call) -> Result<Value, NotNow> {
    let key = call.key.clone();
    let repeat = site
        .store
        .read(move |s| -> Result<bool, StoreError> {
            let Some(row) = s.effect_by_key(&key)? else {
                return Ok(false);
            };
            Ok(s.attempts(row.id)?.iter().any(|a| a.verb == "resolve"))
        })
        .await
        .map_err(|e| NotNow::new(e.to_string(), "See the daemon's log."))?;
    serde_json::to_value(Evidence { repeat }).map_err(|e| {
        NotNow::new(
            e.to_string(),
            "Send a support bundle to the makers of Galley.",
        )
    })
}

/// The slip of a call's order; nothing, when the order has nothing left to cook.
pub(super) async fn wanted(site: &Site, call: &Call) -> Wanted {
    let slip::Request { order_id } = match call.request() {
        Ok(request) => request,
        Err(refusal) => return Wanted::Instead(Outcome::Refused(refusal)),
    };
    let repeat = call
        .evidence::<Evidence>()
        .ok()
        .flatten()
        .is_some_and(|e| e.repeat);
    let read: Result<Option<Order>, StoreError> = site.store.read(move |s| s.order(order_id)).await;
    match read {
        Ok(Some(order)) if !order.all_pieces_settled() => {
            Wanted::Slip(slips::kitchen(&order, repeat))
        }
        Ok(_) => Wanted::Instead(Outcome::Done(Value::Null)),
        Err(e) => Wanted::Instead(Outcome::NotSent(NotNow::new(
            e.to_string(),
            "See the daemon's log.",
        ))),
    }
}

/// One printer and its supervisor.
pub struct SlipPrinter {
    site: Arc<Site>,
    stations: Vec<Station>,
    printer: Mutex<Box<dyn PlainPrinter>>,
    poke: Poke,
    health: Health,
    id: &'static str,
}

impl SlipPrinter {
    /// Takes a printer over.
    #[must_use]
    pub fn new(site: Arc<Site>, wiring: SlipWiring, poke: Poke) -> Arc<Self> {
        let id = Self::id_of(&wiring.stations);
        Arc::new(Self {
            site,
            stations: wiring.stations,
            printer: Mutex::new(wiring.printer),
            poke,
            health: Health::of(id),
            id,
        })
    }

    /// The device's id: what it is for.
    #[must_use]
    pub fn id_of(stations: &[Station]) -> &'static str {
        match stations {
            [Station::Kitchen] => "slip_kitchen",
            [Station::PreBill] => "slip_pre_bill",
            _ => "slip_printer",
        }
    }

    /// The device's id.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Whether it prints these.
    #[must_use]
    pub fn serves(&self, station: Station) -> bool {
        self.stations.contains(&station)
    }

    /// Whether it is there, and what is known of it; none before it was asked.
    #[must_use]
    pub fn health(&self) -> Option<(&'static str, String)> {
        self.health.now()
    }

    /// Prints a slip, once.
    ///
    /// # Errors
    /// What the printer says. `Unknown`: some or all of it may be on paper.
    pub async fn print(&self, slip: &Slip) -> Result<(), FiscalError> {
        let mut printer = self.printer.lock().await;
        let printed = printer.slip(slip).await;
        // After a doubt the next look tells how it does.
        if !matches!(printed, Err(FiscalError::Unknown { .. })) {
            self.settle(&printed, PATIENCE).await;
        }
        printed
    }

    /// Looks after the printer until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut silent = 0;
        loop {
            // A printer that is busy with a slip answers to that.
            if let Ok(mut printer) = self.printer.try_lock() {
                let looked = printer.ready().await;
                silent = match &looked {
                    Ok(()) | Err(FiscalError::Refused { .. }) => 0,
                    Err(_) => silent + 1,
                };
                self.settle(&looked, silent).await;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Tells health and alert; what waits for the printer is tried when it is back.
    async fn settle(&self, result: &Result<(), FiscalError>, silent: u32) {
        let key = format!("{}:paper", self.id);
        match result {
            Ok(()) => {
                let back = self.health.set(&self.site, "up", "").await;
                if self.clear(key).await || back {
                    self.poke.poke();
                }
            }
            Err(FiscalError::Refused { text, advice, .. }) => {
                self.health.set(&self.site, "up", text).await;
                self.alarm(key, text, advice).await;
            }
            Err(e) => {
                let detail = e.to_string();
                self.health.set(&self.site, "down", &detail).await;
                if silent >= PATIENCE {
                    self.alarm(key, &detail, CHECK).await;
                }
            }
        }
    }

    async fn alarm(&self, key: String, detail: &str, advice: &str) {
        let title = match self.stations.as_slice() {
            [Station::Kitchen] => "The kitchen's slip printer can't print",
            [Station::PreBill] => "The printer of pre-bills can't print",
            _ => "The slip printer can't print",
        };
        let (detail, advice) = (detail.to_owned(), advice.to_owned());
        let raised = self
            .site
            .command(Actor::system(), move |tx, cx| {
                raise_alert(
                    tx,
                    cx,
                    Alert {
                        key,
                        severity: Severity::Warning,
                        title: title.to_owned(),
                        detail,
                        advice,
                        since_at: cx.now,
                    },
                )
            })
            .await;
        if let Err(error) = raised {
            tracing::error!(%error, "an alert can't be written");
        }
    }

    /// Takes the alert back; whether there was one.
    async fn clear(&self, key: String) -> bool {
        let looked_for = key.clone();
        let open = self.site.store.read(move |s| s.alert(&looked_for)).await;
        if !matches!(open, Ok(Some(_))) {
            return false;
        }
        let cleared = self
            .site
            .command(Actor::system(), move |tx, cx| clear_alert(tx, cx, &key))
            .await;
        if let Err(error) = cleared {
            tracing::error!(%error, "an alert can't be cleared");
        }
        true
    }
}

#[async_trait]
impl Executor for SlipPrinter {
    fn kinds(&self) -> &'static [&'static str] {
        match self.serves(Station::Kitchen) {
            true => &[slip::KIND],
            false => &[],
        }
    }

    async fn prepare(&self, call: &Call) -> Result<Value, NotNow> {
        evidence(&self.site, call).await
    }

    async fn perform(&self, call: &Call) -> Outcome {
        let slip = match wanted(&self.site, call).await {
            Wanted::Slip(slip) => slip,
            Wanted::Instead(outcome) => return outcome,
        };
        outcome(self.print(&slip).await, CHECK)
    }

    async fn resolve(&self, _call: &Call) -> Resolution {
        // Paper can't be asked: it is printed again, and says so.
        Resolution::NotDone
    }
}

/// What became of a slip, for people: of a fiscal document it would be said otherwise.
#[must_use]
pub fn in_words(e: &FiscalError) -> String {
    match e {
        FiscalError::Unknown { detail } => {
            format!("something of the slip may be on paper already: {detail}")
        }
        FiscalError::Refused { text, advice, .. } => format!("{text}. {advice}"),
        e => e.to_string(),
    }
}

/// What the end of a slip means for its effect. `check` is the advice about a printer that is away.
pub(super) fn outcome(printed: Result<(), FiscalError>, check: &str) -> Outcome {
    match printed {
        Ok(()) => Outcome::Done(Value::Null),
        Err(FiscalError::Refused {
            text,
            advice,
            retry: false,
            ..
        }) => Outcome::Refused(Refusal::new("printer", text, advice)),
        Err(FiscalError::Unsupported(text)) => Outcome::Refused(Refusal::new(
            "printer",
            text,
            "Have slips printed elsewhere: see [slip_printer] in the configuration.",
        )),
        Err(FiscalError::Refused { text, advice, .. }) => {
            Outcome::NotSent(NotNow::new(text, advice))
        }
        Err(e @ FiscalError::Unknown { .. }) => Outcome::Unknown(NotNow::new(in_words(&e), check)),
        Err(e) => Outcome::NotSent(NotNow::new(in_words(&e), check)),
    }
}

#[cfg(test)]
#[path = "slip_printer_tests.rs"]
mod tests;
