//! Messages to guests' phones through SMS.RU.
//!
//! Owns the executor of the kind `sms.send`. The provider has no client id, so a message whose answer was lost
//! can't be asked about: it is taken for sent after a while and never sent again. Leaves out delivery reports.

mod client;
mod config;
#[cfg(any(test, feature = "emulators"))]
pub mod emulator;
mod map;
mod phone;
#[cfg(test)]
mod tests;
mod text;
mod wire;

pub use client::{CallError, Client};
pub use config::{ConfigError, SmsRuConfig};
pub use phone::{BadPhone, Country, Phone, PhoneBook};
pub use text::{Encoding, Size, measure, normalise};

use crate::{
    domain::time::Timestamp,
    flow::{
        effects::sms::{self, Sent},
        executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    },
    world::{Clock, Http, Secret},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Carries out the kind `sms.send`.
pub struct SmsRu {
    client: Client,
    clock: Arc<dyn Clock>,
    phones: Arc<dyn PhoneBook>,
    countries: Vec<Country>,
    assume_sent_after: Duration,
}

/// What is written down before an attempt.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    at: Timestamp,
}

impl SmsRu {
    /// With checked settings, the key that `api_id_credential` names, and the book of guests' phones.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn new(
        config: &SmsRuConfig,
        api_id: Secret,
        phones: Arc<dyn PhoneBook>,
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            client: Client::new(http, config, api_id)?,
            clock,
            phones,
            countries: config.countries.clone(),
            assume_sent_after: config.assume_sent_after,
        })
    }

    async fn send(&self, request: &sms::Request) -> Outcome {
        let Some(phone) = self.phones.phone(request.order_id).await else {
            return done(&Sent::NoNumber);
        };
        if !self.countries.contains(&phone.country()) {
            return Outcome::Refused(Refusal::new(
                "country",
                format!("No messages are sent to {:?}.", phone.country()),
                "Add the country to the provider's settings.",
            ));
        }
        let text = normalise(&request.text);
        if text.trim().is_empty() {
            return Outcome::Refused(Refusal::new(
                "empty",
                "The message has no text.",
                "Check the texts of messages.",
            ));
        }
        if let Err(refusal) = map::check_parts(measure(&text).parts) {
            return Outcome::Refused(refusal);
        }
        match self.client.send(&phone, &text).await {
            Ok(provider_id) => done(&Sent::Accepted { provider_id }),
            Err(error) => {
                tracing::info!(order_id = %request.order_id, %error, "the message was not taken");
                map::failed(error)
            }
        }
    }
}

#[async_trait]
impl Executor for SmsRu {
    fn kinds(&self) -> &'static [&'static str] {
        &[sms::KIND]
    }

    /// Writes down when: all that `resolve` has to go by.
    async fn prepare(&self, _call: &Call) -> Result<Value, NotNow> {
        Ok(value(&Attempt {
            at: self.clock.now(),
        }))
    }

    async fn perform(&self, call: &Call) -> Outcome {
        match call.request() {
            Ok(request) => self.send(&request).await,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        let attempt = match call.evidence::<Attempt>() {
            // Nothing is sent before this is written down.
            Ok(None) => return Resolution::NotDone,
            Ok(Some(attempt)) => attempt,
            Err(refusal) => return Resolution::NeedsPerson(refusal),
        };
        let now = self.clock.now();
        // A clock that was set back would have us wait for years.
        if attempt.at > now || now.since(attempt.at) >= self.assume_sent_after {
            return Resolution::Done(value(&Sent::AssumedSent));
        }
        Resolution::Unknown(NotNow::new(
            "The provider's answer was lost; it may have sent the message.",
            "Nothing: the message is taken for sent after a while, and not sent again.",
        ))
    }
}

fn done(sent: &Sent) -> Outcome {
    Outcome::Done(value(sent))
}

/// As the engine stores it.
fn value(result: &impl Serialize) -> Value {
    serde_json::to_value(result).expect("plain structs always become JSON")
}
