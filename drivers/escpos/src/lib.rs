//! Plain receipt printers that speak ESC/POS: kitchen slips and pre-bills, nothing fiscal.
//!
//! Bottom up: [`command`] has the bytes, [`encode`] makes a slip of them, `driver` talks to the printer, and
//! [`emulator`] (feature `emulator`) reads the bytes back as paper. `README.md` says where each fact comes from.

pub mod command;
mod config;
mod driver;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod encode;

pub use config::EscPosConfig;
pub use driver::EscPosPrinter;
