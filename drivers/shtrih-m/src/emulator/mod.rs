//! The other side of the wire: a Shtrih-M printer, byte for byte in both protocols, with a fiscal drive that survives the
//! process and faults on demand. A test double, no cash register: what it prints says so.

mod commands;
mod config;
mod control;
mod device;
mod fault;
mod fiscal;
mod journal;
mod machine;
mod paper;
mod port;
mod serve;
mod tables;

pub use config::{Durations, EmulatorConfig};
pub use device::Counts;
pub use fault::{At, Fault, Times};
pub use galley_fiscal::emulator::{EmulatorClock, TokioClock};
pub use journal::{EmulatedDocument, EmulatedLine};

use crate::{config::ProtocolChoice, drive::kind, local_time::LocalDateTime};
use device::Device;
use galley_fiscal::{CashCounters, ReceiptKind};
use journal::{Identity, Journal};
use machine::{Machine, Stuck};
use port::Port;
use serde::Serialize;
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::watch, time::Instant};

/// An emulated printer. Clones are the same printer.
///
/// ```
/// use galley_shtrih_m::emulator::{EmulatorConfig, Fault, ShtrihEmulator, Times};
/// use galley_shtrih_m::local_time::LocalDateTime;
/// use std::sync::Arc;
/// let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
/// let printer = ShtrihEmulator::open(None, EmulatorConfig::default(), Arc::new(move || noon)).unwrap();
/// printer.set_fault(Fault::ReplyLost, Times::Once);
/// assert_eq!(printer.documents().len(), 1); // the registration of the printer
/// ```
#[derive(Clone)]
pub struct ShtrihEmulator {
    inner: Arc<Mutex<Inner>>,
    /// Moves when connections must look at the printer again.
    changed: Arc<watch::Sender<u64>>,
    /// Goes up with everything that its wire and its people do.
    lived: Arc<watch::Sender<u64>>,
}

struct Inner {
    device: Device,
    /// The connection that is served; older ones are dead.
    session: u64,
}

/// The printer at a glance, for a screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// It has power.
    pub powered: bool,
    /// Paper is in.
    pub paper: bool,
    /// The cover is open.
    pub cover_open: bool,
    /// A shift is open.
    pub shift_open: bool,
    /// The open shift is older than 24 hours.
    pub shift_expired: bool,
    /// Number of the current or last shift.
    pub shift: u32,
    /// A receipt is open.
    pub receipt_open: bool,
    /// Lines of a document that wait for paper.
    pub unprinted_lines: usize,
    /// It waits for "go on printing".
    pub waits: bool,
    /// Serial number of the fiscal drive.
    pub drive_number: String,
    /// Documents in the drive.
    pub documents: usize,
    /// Its last document.
    pub last_document: u32,
    /// Documents that wait for the OFD.
    pub unsent: u32,
    /// Receipts that were cancelled since the start.
    pub cancelled: u32,
    /// How often the drawer was opened.
    pub drawer_opened: u32,
    /// How often the paper was cut.
    pub cuts: u32,
    /// The drawer.
    pub cash: CashCounters,
    /// Faults that wait for their command.
    pub faults: Vec<Fault>,
}

impl ShtrihEmulator {
    /// A printer whose fiscal drive is kept in the file `path`, or in memory only.
    ///
    /// # Errors
    /// When the file can't be read, written, or holds something else.
    pub fn open(
        path: Option<PathBuf>,
        config: EmulatorConfig,
        clock: Arc<dyn EmulatorClock>,
    ) -> io::Result<Self> {
        let identity = Identity {
            number: config.drive_number.clone(),
            registration: config.registration_number.clone(),
        };
        let journal = Journal::open(path, identity, clock.now())?;
        Ok(Self {
            inner: Arc::new(Mutex::new(Inner {
                device: Device::new(Machine::new(config, clock, journal)),
                session: 0,
            })),
            changed: Arc::new(watch::Sender::new(0)),
            lived: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Arms a fault for the commands that register a document. Faults that are states begin at once.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        self.set_fault_at(fault, At::Acts, times);
    }

    /// Arms a fault for certain commands.
    pub fn set_fault_at(&self, fault: Fault, at: At, times: Times) {
        self.with(|inner| {
            let machine = &mut inner.device.machine;
            match fault {
                Fault::PaperOut => machine.paper = false,
                Fault::PaperBack => machine.put_in_paper(),
                Fault::CoverOpen => machine.cover_open = true,
                Fault::CoverClosed => machine.cover_open = false,
                Fault::ShiftExpired => machine.aged = 25 * 3600,
                Fault::OtherDrive => machine.replace_drive(),
                Fault::ClockDrift { seconds } => machine.drift = seconds,
                _ => inner.device.faults.arm(fault, at, times),
            }
        });
    }

    /// Disarms every fault that waits for a command. States stay.
    pub fn clear_faults(&self) {
        self.with(|inner| inner.device.faults.clear());
    }

    /// Waits until the printer is as `is` wants it: for tests that strike at a moment of its life.
    pub async fn until(&self, is: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let mut lived = self.lived.subscribe();
        loop {
            lived.borrow_and_update();
            let now = self.snapshot();
            if is(&now) {
                return now;
            }
            // It lasts as long as this one does.
            let _ = lived.changed().await;
        }
    }

    /// Pulls the plug: reply and open receipt are lost, connections drop, new ones are refused until
    /// [`ShtrihEmulator::restart`].
    pub fn power_cut(&self) {
        self.with(|inner| inner.device.lose_power());
        self.wake();
    }

    /// Switches it on again.
    pub fn restart(&self) {
        self.with(|inner| inner.device.powered = true);
        self.wake();
    }

    /// Drops the connection; the printer goes on with what it does.
    pub fn drop_link(&self) {
        self.with(|inner| inner.device.drops += 1);
        self.wake();
    }

    /// Whether documents reach the OFD. When not, they wait in the drive.
    pub fn set_ofd_connected(&self, connected: bool) {
        self.with(|inner| {
            let machine = &mut inner.device.machine;
            machine.ofd_connected = connected;
            if connected {
                machine.first_unsent = None;
            }
        });
    }

    /// A receipt that somebody else registers on this printer, such as a cashier by hand. Ends with its number, or
    /// `None` when the drive can't be written.
    pub fn stranger_receipt(
        &self,
        kind: ReceiptKind,
        total_minor: u64,
        key: Option<&str>,
    ) -> Option<u32> {
        self.with(|inner| inner.device.machine.stranger(kind, total_minor, key))
    }

    /// All documents in the drive, the printer's registration first.
    #[must_use]
    pub fn documents(&self) -> Vec<EmulatedDocument> {
        self.with(|inner| inner.device.machine.journal.documents.clone())
    }

    /// The receipts in the drive.
    #[must_use]
    pub fn receipts(&self) -> Vec<EmulatedDocument> {
        let mut documents = self.documents();
        documents.retain(|d| d.kind == kind::RECEIPT);
        documents
    }

    /// The last `n` lines of paper.
    #[must_use]
    pub fn paper(&self, n: usize) -> Vec<String> {
        self.with(|inner| inner.device.machine.roll.last(n))
    }

    /// How many lines of paper ever came out; moves when something new is printed.
    #[must_use]
    pub fn printed_lines(&self) -> u64 {
        self.with(|inner| inner.device.machine.roll.printed())
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.with(|inner| inner.device.counts.clone())
    }

    /// The last commands: code, error, and parameters of those that change something.
    #[must_use]
    pub fn journal(&self) -> Vec<String> {
        self.with(|inner| inner.device.journal().to_vec())
    }

    /// The printer's clock.
    #[must_use]
    pub fn local_time(&self) -> LocalDateTime {
        self.with(|inner| inner.device.machine.now())
    }

    /// The printer at a glance.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.with(|inner| {
            let device = &inner.device;
            let m = &device.machine;
            Snapshot {
                powered: device.powered,
                paper: m.paper,
                cover_open: m.cover_open,
                shift_open: m.shift_open(),
                shift_expired: m.shift_expired(),
                shift: m.shift_number(),
                receipt_open: m.receipt.is_some(),
                unprinted_lines: m.unprinted.len(),
                waits: m.stuck == Stuck::Waits,
                drive_number: m.journal.identity.number.clone(),
                documents: m.journal.documents.len(),
                last_document: m.journal.last_number(),
                unsent: m.unsent(),
                cancelled: m.cancelled,
                drawer_opened: m.drawer_opened,
                cuts: m.cuts,
                cash: m.journal.counters.cash,
                faults: device.faults.list(),
            }
        })
    }

    /// Looks at the printer, after everything whose time has come has happened.
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.device.advance(Instant::now());
        f(&mut inner)
    }

    fn wake(&self) {
        self.changed.send_modify(|n| *n += 1);
        self.lived.send_modify(|n| *n += 1);
    }

    fn is_powered(&self) -> bool {
        self.with(|inner| inner.device.powered)
    }

    /// Takes the place of the connection before; `None` when the power is off.
    fn begin_session(&self) -> Option<(u64, u64, ProtocolChoice)> {
        let session = self.with(|inner| {
            if !inner.device.powered {
                return None;
            }
            inner.device.counts.sessions += 1;
            inner.session += 1;
            let protocol = inner.device.machine.config.protocol;
            Some((inner.session, inner.device.drops, protocol))
        });
        self.wake();
        session
    }

    /// Lets a connection's port work; gives when it must look again and whether the printer dropped it. `None` when a
    /// newer connection took over.
    fn pump(&self, session: u64, drops: u64, port: &mut Port) -> Option<(Option<Instant>, bool)> {
        let pumped = self.with(|inner| {
            if inner.session != session {
                return None;
            }
            let dropped = inner.device.drops != drops;
            if !dropped {
                port.tick(&mut inner.device, Instant::now());
            }
            let due = [port.due(), inner.device.due()].into_iter().flatten().min();
            Some((due, dropped))
        });
        self.lived.send_modify(|n| *n += 1);
        pumped
    }
}
