//! The kinds of effect, one file each: what is asked, what comes back, and what follows from it. A new kind is a
//! new file here, one line in [`KINDS`], and an executor.

pub mod accounting;
pub mod bank_close;
pub mod bank_refund;
pub mod bank_register;
pub mod bank_watch;
pub mod cash;
pub mod collect;
pub mod cook;
pub mod correction;
pub mod loyalty;
pub mod machine;
pub mod receipt;
pub mod shift;
pub mod slip;
pub mod sms;
pub mod x_report;

use super::executor::Refusal;
use crate::{
    domain::{
        event::Body,
        ids::{PaymentId, RefundId},
    },
    store::EffectRow,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// What a kind of effect means to the store. Pure.
pub trait Kind: Sync {
    /// Its word.
    fn name(&self) -> &'static str;

    /// One line for the alert when it can't proceed.
    fn title(&self) -> &'static str;

    /// The facts that follow when it is done.
    ///
    /// # Errors
    /// When request or result are not of the kind's types.
    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error>;

    /// The facts that follow when it is refused for good (the compensation). None: it becomes an alert.
    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body>;

    /// A refusal needs a person even though facts follow from it.
    fn alert_when_refused(&self) -> bool {
        false
    }

    /// A refusal lies in how the store is set up, whoever asks: it is told once, under this key, until one is done.
    fn alert_of_all(&self) -> Option<&'static str> {
        None
    }

    /// Performing it again can't do harm: no evidence is taken and a crash leaves no doubt.
    fn repeatable(&self) -> bool {
        false
    }

    /// How long it may take before a person is told.
    fn patience(&self) -> Duration {
        Duration::from_mins(2)
    }
}

/// All kinds.
pub static KINDS: &[&dyn Kind] = &[
    &receipt::Receipt,
    &correction::Correction,
    &cash::Cash,
    &shift::Shift,
    &x_report::XReport,
    &slip::Slip,
    &cook::Cook,
    &collect::Collect,
    &machine::Machine,
    &bank_register::BankRegister,
    &bank_watch::BankWatch,
    &bank_close::BankClose,
    &bank_refund::BankRefund,
    &loyalty::Loyalty,
    &sms::Sms,
    &accounting::Accounting,
];

/// The kind with this word.
#[must_use]
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().copied().find(|k| k.name() == name)
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    T::deserialize(value)
}

fn payment_of(row: &EffectRow) -> Option<PaymentId> {
    row.item.map(PaymentId)
}

fn refund_of(row: &EffectRow) -> Option<RefundId> {
    row.item.map(RefundId)
}
