//! Shtrih-M fiscal printers with a fiscal drive: the vendor's protocols 1 and 2 over a serial line, USB or TCP.
//!
//! What is on the wire and where each fact comes from stands in this crate's `README.md`; chapter numbers in
//! doc comments ("4.4") are those of the protocol page it is drawn from. The layers, bottom up:
//!
//! * [`frame1`], [`frame2`]: bytes and frames of the two protocols;
//! * [`command`]: what a command is, how long it may take, and whether it may be sent twice;
//! * [`status`], [`drive`], [`register`], [`tlv`], [`text`], [`local_time`]: what is inside;
//! * [`error_table`]: the printer's error codes, and what a person can do;
//! * `session`, `device`: the conversation, and the driver on top of it;
//! * [`emulator`] (feature `emulator`): the other side of the same wire.
//!
//! ```no_run
//! # async fn demo() -> Result<(), galley_fiscal::FiscalError> {
//! use galley_fiscal::PrinterFactory as _;
//! use std::sync::Arc;
//! let printers = galley_shtrih_m::ShtrihPrinters::new(
//!     Arc::new(galley_link::SystemDialer::default()),
//!     "tcp://192.168.1.20:7778".parse().unwrap(),
//!     galley_shtrih_m::ShtrihConfig::default(),
//! );
//! let mut printer = printers.open().await?;
//! let status = printer.status().await?;
//! # drop(status); Ok(()) }
//! ```

pub mod command;
mod config;
mod device;
pub mod drive;
mod driver;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error_table;
pub mod frame1;
pub mod frame2;
pub mod local_time;
pub mod register;
mod session;
pub mod status;
pub mod text;
pub mod tlv;

pub use config::{ProtocolChoice, ShtrihConfig, Timeouts};
pub use driver::ShtrihPrinters;
