//! Byte streams to devices.
//!
//! A driver asks a [`Dialer`] for a stream to an [`Address`] and never knows what is behind it: a TCP
//! socket, a serial line, a pty with an emulator, or a pipe in memory. Time-outs use `tokio::time`, so
//! that a paused runtime drives them; nothing here reads a clock or takes a random number.
//!
//! Left out on purpose: framing, checksums and every vendor's word. They belong to the driver crates.

mod address;
mod cable;
mod dialer;
mod listen;
mod memory;
mod replay;
mod wire;
mod wire_log;

pub use address::{Address, AddressError};
pub use cable::{Cable, CableDialer};
pub use dialer::{Dialer, LinkError, SystemDialer};
pub use listen::{Listener, PtyPort};
pub use memory::MemoryNet;
pub use replay::{Mismatch, Replay};
pub use wire::{Direction, Tapped, WireTap};
pub use wire_log::{LoggingDialer, WireEvent, WireFile, WireLog, WireRecord, read_wire_log};

use tokio::io::{AsyncRead, AsyncWrite};

/// A two-way byte stream to a device.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An owned [`Stream`] of any kind.
pub type BoxStream = Box<dyn Stream>;
