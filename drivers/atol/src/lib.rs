//! ATOL fiscal printers, native back end: protocol 3 of platform 2.5, over a serial line, USB-CDC or TCP.
//!
//! What is on the wire and where each fact comes from stands in this crate's `README.md`; chapter numbers in
//! doc comments ("1.4") are those of the protocol page it is drawn from. The layers, bottom up:
//!
//! * [`frame`]: bytes and frames;
//! * [`buffer`]: the printer's task buffer: commands, statuses;
//! * [`command`], [`register`], [`drive`], [`position`], [`tlv`], [`text`], [`bcd`]: what is inside a task;
//! * [`error_table`]: the printer's error codes, and what a person can do;
//! * `session`, `device`: the conversation, and the driver on top of it;
//! * [`emulator`] (feature `emulator`): the other side of the same wire.
//!
//! Beside it stands the back end for everything else: [`json`], the vendor's tasks and answers, and [`web`], the
//! vendor's web server that takes them, with an emulator of its own.
//!
//! Platform 5.0 printers speak another protocol, for which nothing is published: opening one ends with
//! [`galley_fiscal::FiscalError::Unsupported`].
//!
//! ```no_run
//! # async fn demo() -> Result<(), galley_fiscal::FiscalError> {
//! use galley_fiscal::PrinterFactory as _;
//! use std::sync::Arc;
//! let printers = galley_atol::AtolPrinters::new(
//!     Arc::new(galley_link::SystemDialer::default()),
//!     "serial:///dev/ttyACM0".parse().unwrap(),
//!     galley_atol::AtolConfig::default(),
//! );
//! let mut printer = printers.open().await?;
//! let status = printer.status().await?;
//! # drop(status); Ok(()) }
//! ```

pub mod bcd;
pub mod buffer;
pub mod command;
mod config;
mod device;
pub mod drive;
mod driver;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error_table;
pub mod frame;
pub mod json;
pub mod local_time;
pub mod position;
pub mod register;
mod session;
pub mod text;
pub mod tlv;
pub mod web;

pub use config::{AtolConfig, Timeouts};
pub use driver::AtolPrinters;
