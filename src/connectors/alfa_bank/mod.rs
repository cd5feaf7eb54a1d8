//! Payments by SBP QR code through Alfa-Bank's gateway (the RBS platform): register, watch, close, refund.
//!
//! Owns the executor of the kinds `bank.*`. Leaves out card forms, holds, the bank's own fiscal receipts and
//! callbacks: the gateway is only ever asked, never listened to. See the README for what is safe to repeat.

mod client;
mod config;
#[cfg(any(test, feature = "emulators"))]
pub mod emulator;
mod ending;
mod map;
mod refund;
mod register;
#[cfg(test)]
mod tests;
mod wire;

pub use config::{AlfaBankConfig, ConfigError};

use crate::{
    flow::{
        effects::{bank_close, bank_refund, bank_register, bank_watch},
        executor::{Call, Executor, Outcome, Refusal, Resolution},
    },
    world::{Clock, Http, Secret},
};
use async_trait::async_trait;
use client::{By, CallError, Client, Found};
use serde::Serialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How often an unknown order is asked about again, before it is taken for never registered.
const NOT_FOUND_REPEATS: u32 = 2;

/// Carries out the kinds `bank.register`, `bank.watch`, `bank.close` and `bank.refund`.
pub struct AlfaBank {
    client: Client,
    clock: Arc<dyn Clock>,
    poll_interval: Duration,
    closing_margin: Duration,
    not_found_wait: Duration,
}

impl AlfaBank {
    /// With checked settings and the password that `password_credential` names.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn new(
        config: &AlfaBankConfig,
        password: Secret,
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            client: Client::new(http, config, password)?,
            clock,
            poll_interval: config.poll_interval,
            closing_margin: config.closing_margin,
            not_found_wait: config.not_found_wait,
        })
    }

    /// Asks about an order, and takes it for unknown to the bank only after asking again: a registration
    /// whose answer was lost may still be on its way.
    async fn look_up(&self, by: By<'_>) -> Result<Found, CallError> {
        for _ in 0..NOT_FOUND_REPEATS {
            if let Found::Order(status) = self.client.status(by).await? {
                return Ok(Found::Order(status));
            }
            tokio::time::sleep(self.not_found_wait).await;
        }
        self.client.status(by).await
    }
}

#[async_trait]
impl Executor for AlfaBank {
    fn kinds(&self) -> &'static [&'static str] {
        &[
            bank_register::KIND,
            bank_watch::KIND,
            bank_close::KIND,
            bank_refund::KIND,
        ]
    }

    async fn perform(&self, call: &Call) -> Outcome {
        let outcome = match call.kind.as_str() {
            bank_register::KIND => match call.request() {
                Ok(request) => self.register(&request, call.attempt).await,
                Err(refusal) => Outcome::Refused(refusal),
            },
            bank_watch::KIND => match call.request() {
                Ok(request) => self.watch(&request).await,
                Err(refusal) => Outcome::Refused(refusal),
            },
            bank_close::KIND => match call.request() {
                Ok(request) => self.close(&request).await,
                Err(refusal) => Outcome::Refused(refusal),
            },
            bank_refund::KIND => match call.request() {
                Ok(request) => self.refund(&request).await,
                Err(refusal) => Outcome::Refused(refusal),
            },
            other => Outcome::Refused(not_ours(other)),
        };
        if let Outcome::Refused(refusal) = &outcome {
            tracing::warn!(key = call.key, code = refusal.code, "refused");
        }
        outcome
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        match call.kind.as_str() {
            bank_register::KIND => match call.request() {
                Ok(request) => self.resolve_register(&request).await,
                Err(refusal) => Resolution::NeedsPerson(refusal),
            },
            bank_watch::KIND => match call.request() {
                Ok(request) => self.resolve_watch(&request).await,
                Err(refusal) => Resolution::NeedsPerson(refusal),
            },
            bank_close::KIND => match call.request() {
                Ok(request) => self.resolve_close(&request).await,
                Err(refusal) => Resolution::NeedsPerson(refusal),
            },
            bank_refund::KIND => match call.request() {
                Ok(request) => self.resolve_refund(&request).await,
                Err(refusal) => Resolution::NeedsPerson(refusal),
            },
            other => Resolution::NeedsPerson(not_ours(other)),
        }
    }
}

fn not_ours(kind: &str) -> Refusal {
    Refusal::new(
        "internal",
        format!("The bank does not carry out {kind}."),
        "Send a support bundle to the makers of Galley.",
    )
}

/// A result as the engine stores it.
fn value(result: &impl Serialize) -> Value {
    serde_json::to_value(result).expect("results are plain structs, which always become JSON")
}
