//! What follows from an event, and how it is carried out (ideas 1 and 2).
//!
//! [`commands`] are what people and devices ask of the store; each is one write. [`record`] puts a fact into the
//! log and changes the tables with it; [`decide`] says, purely, what follows from a fact; [`engine`] carries the
//! effects out and is the only one to call executors.

pub mod accepting;
pub mod api_keys;
pub mod channels;
pub mod commands;
pub mod decide;
pub mod effects;
pub mod engine;
mod error;
pub mod executor;
pub mod faults;
pub mod keep;
pub mod law;
pub mod loyalty;
#[cfg(test)]
mod loyalty_tests;
pub mod marking;
pub mod menu;
mod ordering;
pub mod past;
mod payments;
mod points;
pub mod record;
pub mod remote;
mod site;
pub mod staff;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod till;
#[cfg(test)]
mod till_tests;
pub mod upkeep;
pub mod webhooks;
pub mod wrong;

pub use error::FlowError;
pub use site::Site;

use crate::domain::{
    catalog::Catalog, event::Actor, policy::Policy, receipt::Registered, time::Timestamp,
};
use std::sync::Arc;

/// What a write needs to know besides the database: the rules, the catalog, who and when.
#[derive(Clone)]
pub struct Context {
    /// The rules.
    pub policy: Arc<Policy>,
    /// What is sold.
    pub catalog: Arc<Catalog>,
    /// Now.
    pub now: Timestamp,
    /// The store's day, `YYYY-MM-DD`.
    pub day: String,
    /// The store's time zone.
    pub zone: jiff::tz::TimeZone,
    /// Who does it.
    pub actor: Actor,
}

impl Context {
    /// The local time for a document about the shift's end.
    fn closed_local(registered: &Registered) -> String {
        // The printer tells minutes; accounting wants seconds.
        if registered.local_time.len() == 16 {
            format!("{}:00", registered.local_time)
        } else {
            registered.local_time.clone()
        }
    }
}
