//! The core: plain functions of values. No clock, no chance, no database, no network; time and ids come in
//! as arguments. It imports nothing else of ours.

pub mod alert;
pub mod catalog;
pub mod chain;
pub mod channel;
pub mod contact;
pub mod event;
mod event_kind;
pub mod fiscal_law;
pub mod hours;
pub mod ids;
pub mod kiosk;
#[cfg(test)]
mod laws;
pub mod loyalty;
#[cfg(test)]
mod loyalty_laws;
pub mod loyalty_order;
pub mod marking;
pub mod money;
pub mod options;
#[cfg(test)]
mod options_laws;
pub mod order;
mod order_line;
pub mod payment;
pub mod permit;
pub mod place;
pub mod policy;
pub mod promise;
pub mod promotion;
#[cfg(test)]
mod promotion_laws;
pub mod promotion_sum;
pub mod quote;
pub mod receipt;
pub mod reconcile;
pub mod refund;
pub mod remote;
pub mod scope;
pub mod settings;
pub mod shelf;
pub mod shift;
pub mod shift_report;
pub mod staff;
pub mod stock;
pub mod stops;
pub mod text;
pub mod time;
pub mod vat;
pub mod webhook;
