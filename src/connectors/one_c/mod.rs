//! 1C:Accounting 3.0 over its standard OData interface: one retail report a closed shift.
//!
//! [`OneC`] carries out `accounting.shift_report`. The documents' keys are derived from the shift, so that
//! one shift has one report there through any number of lost answers; see [`delivery`] for the way of a
//! document, [`check`] for the self-check and [`reconcile`] for the comparison with the books.

pub mod check;
pub mod client;
pub mod config;
pub mod delivery;
#[cfg(feature = "emulators")]
pub mod emulator;
pub mod key;
pub mod map;
pub mod metadata;
pub mod money;
pub mod obstacles;
pub mod reconcile;
#[cfg(test)]
#[cfg(feature = "emulators")]
mod tests;
pub mod wire;

pub use check::{Finding, SelfCheck};
pub use config::Config;
pub use reconcile::{Candidate, Reconciled, Totals, Verdict};

use crate::{
    flow::{
        effects::accounting::{KIND, Posted, Request},
        executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    },
    world::{Http, Secret},
};
use async_trait::async_trait;
use client::Client;
use config::MetadataCheck;
use delivery::{Fingerprints, Found, Halt, Standing};
use map::{Document, Plan};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};
use uuid::Uuid;

/// The executor of accounting documents.
pub struct OneC {
    http: Arc<dyn Http>,
    setup: RwLock<Arc<Setup>>,
}

/// One state of the settings, and the client made of them.
struct Setup {
    config: Config,
    client: Client,
    /// The self-check passed once with these settings.
    checked: AtomicBool,
}

/// What `prepare` leaves for `resolve`: the fingerprints of every attempt by document, so that a change of
/// the mapping between two attempts does not make our own document look like a stranger's.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Evidence(BTreeMap<Uuid, BTreeSet<String>>);

impl OneC {
    /// With these settings; `password` is the secret that [`Config::password`] names.
    #[must_use]
    pub fn new(config: Config, password: &Secret, http: Arc<dyn Http>) -> Self {
        let setup = Setup::new(config, password, Arc::clone(&http));
        Self {
            http,
            setup: RwLock::new(Arc::new(setup)),
        }
    }

    /// Takes other settings, such as a mapping that headquarters has mended. What is under way ends
    /// with the old ones.
    pub fn reconfigure(&self, config: Config, password: &Secret) {
        let setup = Setup::new(config, password, Arc::clone(&self.http));
        *self.setup.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(setup);
    }

    /// Asks 1C everything that a report will need, and changes nothing. For `galley doctor`.
    pub async fn probe(&self) -> SelfCheck {
        let setup = self.setup();
        let found = check::run(&setup.client, &setup.config).await;
        setup.checked.store(found.is_ready(), Ordering::Relaxed);
        found
    }

    fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn gate(&self, setup: &Setup) -> Result<(), NotNow> {
        if setup.checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let found = check::run(&setup.client, &setup.config).await;
        if found.is_ready() {
            setup.checked.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let blocking: Vec<_> = found.blocking().map(|f| f.what.as_str()).collect();
        let advice = found.blocking().next().map_or("", |f| f.advice.as_str());
        let reason = blocking.join("; ");
        match setup.config.metadata_check {
            MetadataCheck::Strict => Err(NotNow::new(reason, advice)),
            MetadataCheck::Warn => {
                // Told once; what it breaks is told by 1C itself from then on.
                setup.checked.store(true, Ordering::Relaxed);
                tracing::warn!(findings = %reason, "the self-check of 1C found faults");
                Ok(())
            }
        }
    }
}

impl Setup {
    fn new(config: Config, password: &Secret, http: Arc<dyn Http>) -> Self {
        Self {
            client: Client::new(&config, password, http),
            config,
            checked: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl Executor for OneC {
    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    async fn prepare(&self, call: &Call) -> Result<Value, NotNow> {
        let setup = self.setup();
        let later = |refusal: Refusal| NotNow::new(refusal.text, refusal.advice);
        let mut evidence = call.evidence::<Evidence>().map_err(later)?;
        // What can't be written down is refused by `perform`, with the whole list and without 1C.
        let documents = call
            .request::<Request>()
            .map(|request| map::documents(&request, &setup.config));
        if let Ok(Ok(documents)) = documents
            && !documents.is_empty()
        {
            self.gate(&setup).await?;
            let seen = &mut evidence.get_or_insert_default().0;
            for document in documents {
                let fingerprints = seen.entry(document.plan.ref_key).or_default();
                fingerprints.insert(document.fingerprint);
            }
        }
        serde_json::to_value(evidence).map_err(|e| NotNow::new(e.to_string(), ""))
    }

    async fn perform(&self, call: &Call) -> Outcome {
        let setup = self.setup();
        let documents = match documents(call, &setup.config) {
            Ok(documents) => documents,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        let mut report = None;
        for document in &documents {
            match delivery::deliver(&setup.client, &setup.config, document).await {
                Ok(found) => {
                    report.get_or_insert((document.plan.ref_key, found));
                }
                Err(Halt::Refused(refusal)) if report.is_none() => {
                    return Outcome::Refused(refusal);
                }
                // The report itself is in the books already, so this is not a plain refusal.
                Err(Halt::Refused(refusal)) => {
                    return Outcome::NotSent(NotNow::new(refusal.text, refusal.advice));
                }
                Err(Halt::Later(not_now)) => return Outcome::NotSent(not_now),
                Err(Halt::Unknown(not_now)) => return Outcome::Unknown(not_now),
            }
        }
        match posted(report) {
            Ok(value) => Outcome::Done(value),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        let setup = self.setup();
        let (plans, fingerprints) = match traces(call, &setup.config) {
            Ok(traces) => traces,
            Err(refusal) => return Resolution::Refused(refusal),
        };
        let mut report = None;
        for plan in &plans {
            let found = match delivery::find(&setup.client, plan).await {
                Ok(found) => found,
                Err(error) => return Resolution::Unknown(delivery::not_now(&error)),
            };
            let ours = fingerprints.get(&plan.ref_key).cloned().unwrap_or_default();
            match delivery::judge(found, plan, &ours, &setup.config) {
                Standing::Done(found) => {
                    report.get_or_insert((plan.ref_key, found));
                }
                Standing::Absent | Standing::Unposted | Standing::Outdated(_) => {
                    return Resolution::NotDone;
                }
                Standing::Conflict(how) => {
                    return Resolution::NeedsPerson(delivery::conflict(plan, &how));
                }
            }
        }
        match posted(report) {
            Ok(value) => Resolution::Done(value),
            Err(refusal) => Resolution::Refused(refusal),
        }
    }
}

fn documents(call: &Call, config: &Config) -> Result<Vec<Document>, Refusal> {
    let request: Request = call.request()?;
    map::documents(&request, config).map_err(|obstacles| obstacles.refusal())
}

type Traces = (Vec<Plan>, BTreeMap<Uuid, Fingerprints>);

/// What to look for, and the fingerprints it may carry. The mapping may have lost an entry since.
fn traces(call: &Call, config: &Config) -> Result<Traces, Refusal> {
    let request: Request = call.request()?;
    let evidence = call.evidence::<Evidence>()?.unwrap_or_default();
    let plans = map::plan(&request, config).map_err(|obstacles| obstacles.refusal())?;
    let mut ours: BTreeMap<Uuid, Fingerprints> = BTreeMap::new();
    for (ref_key, earlier) in evidence.0 {
        ours.entry(ref_key).or_default().earlier = earlier;
    }
    for document in map::documents(&request, config).unwrap_or_default() {
        let known = ours.entry(document.plan.ref_key).or_default();
        known.current = Some(document.fingerprint);
    }
    Ok((plans, ours))
}

/// The executor's answer; a shift in which nothing happened has no document and no number.
fn posted(report: Option<(Uuid, Found)>) -> Result<Value, Refusal> {
    let result = match report {
        Some((ref_key, found)) => Posted {
            ref_key: ref_key.hyphenated().to_string(),
            number: found.number,
            total_minor: found.total_minor,
        },
        None => Posted {
            ref_key: String::new(),
            number: String::new(),
            total_minor: 0,
        },
    };
    serde_json::to_value(result).map_err(|e| Refusal::new("internal", e.to_string(), ""))
}
