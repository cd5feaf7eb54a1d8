//! The kitchen-robot link, klink/1: codec, session, driver and emulator.
//!
//! Moley publishes no interface of its robot. This crate does **not** speak Moley's protocol; klink/1 is an open
//! interface of this project that a vendor, or a small gateway beside the vendor's computer, can speak. See
//! the README for what is known and what is inferred.

pub mod auth;
mod driver;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod frame;
mod json;
pub mod message;
mod run;
pub mod session;

pub use auth::Key;
pub use driver::{KlinkConfig, KlinkDriver, KlinkFactory};
pub use frame::Framing;

/// Usual TCP port of a cell (ours).
pub const DEFAULT_PORT: u16 = 7460;
