//! What every fiscal printer's driver must keep, in one suite for all makes: [`suite`] runs it, [`Make`] is what a make
//! puts on the bench, and `makes` has those that there are. A new make is one file there and one line in
//! `tests/all.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod documents;
mod engine;
mod make;
pub mod makes;
mod meddler;
pub mod suite;

pub use documents::{cash, correction, line, operator, receipt, sale, shift_close, shift_open};
pub use engine::{Done, carry_out};
pub use make::{Bench, Door, Kept, Make, New, Pace, Place, Trouble};
pub use meddler::Meddler;
