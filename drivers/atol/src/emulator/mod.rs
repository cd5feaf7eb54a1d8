//! The other side of the wire: an ATOL printer of platform 2.5, byte for byte, with a fiscal drive that
//! survives the process and faults on demand. For the demo, trainers, tests and the simulator.

mod config;
mod desk;
mod fault;
mod journal;
mod machine;
mod paper;
mod queries;
mod receipt;
mod serve;
mod tasks;

pub use config::{Durations, EmulatorConfig};
pub use fault::{At, Fault, Times};
pub use galley_fiscal::emulator::{EmulatorClock, TokioClock};
pub use journal::{EmulatedCash, EmulatedDocument, EmulatedLine, EmulatedTag};
pub use tasks::Counts;

use crate::{drive::kind, local_time::LocalDateTime};
use journal::{Identity, Journal};
use machine::Machine;
use serde::Serialize;
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tasks::{Device, Out};
use tokio::{sync::watch, time::Instant};

/// An emulated printer. Clones are the same printer.
///
/// ```
/// use galley_atol::emulator::{AtolEmulator, EmulatorConfig, Fault, Times};
/// use galley_atol::local_time::LocalDateTime;
/// use std::sync::Arc;
/// let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
/// let printer = AtolEmulator::open(None, EmulatorConfig::default(), Arc::new(move || noon)).unwrap();
/// printer.set_fault(Fault::AnswerLost, Times::Once);
/// assert_eq!(printer.documents().len(), 1); // the registration of the printer
/// ```
#[derive(Clone)]
pub struct AtolEmulator {
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
    platform_50: bool,
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
    /// Serial number of the fiscal drive.
    pub drive_number: String,
    /// Cash in the drawer, minor units.
    pub drawer_minor: u64,
    /// Documents in the drive.
    pub documents: usize,
    /// Its last document.
    pub last_document: u32,
    /// Documents that wait for the OFD.
    pub unsent: u32,
    /// Receipts that were cancelled since the start.
    pub cancelled: u32,
    /// It speaks platform 5.0.
    pub platform_50: bool,
    /// Faults that wait for their command.
    pub faults: Vec<Fault>,
}

impl AtolEmulator {
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
                platform_50: false,
            })),
            changed: Arc::new(watch::Sender::new(0)),
            lived: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Arms a fault: [`Fault::Silence`] for any frame, the others for the commands that register a document.
    /// Faults that are states begin at once.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        let at = if fault == Fault::Silence {
            At::Any
        } else {
            At::Acts
        };
        self.set_fault_at(fault, at, times);
    }

    /// Arms a fault for certain commands.
    pub fn set_fault_at(&self, fault: Fault, at: At, times: Times) {
        self.with(|inner| {
            let machine = &mut inner.device.machine;
            match fault {
                Fault::PaperOut => machine.paper = false,
                Fault::PaperBack => machine.paper = true,
                Fault::CoverOpen => machine.cover_open = true,
                Fault::CoverClosed => machine.cover_open = false,
                Fault::ShiftExpired => machine.aged = 25 * 3600,
                Fault::OtherDrive => machine.replace_drive(),
                Fault::Platform50 => inner.platform_50 = true,
                Fault::Platform25 => inner.platform_50 = false,
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

    /// Pulls the plug: the task buffer is lost, connections drop, new ones are refused until
    /// [`AtolEmulator::restart`].
    pub fn power_cut(&self) {
        self.with(|inner| inner.device.lose_power());
        self.wake();
    }

    /// Switches it on again.
    pub fn restart(&self) {
        self.with(|inner| {
            inner.device.powered = true;
            inner.device.outbox.clear();
        });
        self.wake();
    }

    /// Drops the connection; the printer goes on with what it does.
    pub fn drop_link(&self) {
        self.with(|inner| inner.device.outbox.push(Out::Drop));
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

    /// A receipt that somebody else registers on this printer, such as a cashier by hand. Ends with its number,
    /// or `None` when the drive can't be written.
    pub fn stranger_receipt(&self, sale: bool, total_minor: u64, key: Option<&str>) -> Option<u32> {
        self.with(|inner| {
            let machine = &mut inner.device.machine;
            let mut document = machine.blank(kind::RECEIPT);
            document.operation = Some(if sale { 1 } else { 2 });
            document.receipt = Some(machine.receipt_number() + 1);
            document.total_minor = total_minor;
            document.tenders = vec![(1, total_minor)];
            document.key = key.map(str::to_owned);
            document.operator = None;
            let registered = machine.journal.register(document).ok()?;
            Some(registered.number)
        })
    }

    /// All documents in the drive, the printer's registration first.
    #[must_use]
    pub fn documents(&self) -> Vec<EmulatedDocument> {
        self.with(|inner| inner.device.machine.journal.documents.clone())
    }

    /// Money put into the drawer and taken out, since the drive was put in.
    #[must_use]
    pub fn cash(&self) -> Vec<EmulatedCash> {
        self.with(|inner| inner.device.machine.journal.cash.clone())
    }

    /// Correction receipts in the drive.
    #[must_use]
    pub fn corrections(&self) -> Vec<EmulatedDocument> {
        let mut documents = self.documents();
        documents.retain(|d| d.kind == kind::CORRECTION);
        documents
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
            let last_document = m.journal.last_number();
            Snapshot {
                powered: device.powered,
                paper: m.paper,
                cover_open: m.cover_open,
                shift_open: m.open_shift().is_some(),
                shift_expired: m.shift_expired(),
                shift: m.shift_number(),
                receipt_open: m.receipt.is_some(),
                unprinted_lines: m.unprinted.len(),
                drive_number: m.journal.identity.number.clone(),
                drawer_minor: m.drawer(),
                documents: m.journal.documents.len(),
                last_document,
                unsent: m.first_unsent.map_or(0, |n| last_document - n + 1),
                cancelled: m.cancelled,
                platform_50: inner.platform_50,
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

    fn is_platform_50(&self) -> bool {
        self.with(|inner| inner.platform_50)
    }

    /// Takes the place of the connection before; `None` when the power is off.
    fn begin_session(&self) -> Option<u64> {
        let session = self.with(|inner| {
            if !inner.device.powered {
                return None;
            }
            inner.device.outbox.clear();
            inner.device.counts.sessions += 1;
            inner.session += 1;
            Some(inner.session)
        });
        self.wake();
        session
    }

    /// What a connection has to send, and when it must look again; `None` when a newer one took over.
    fn pump(&self, session: u64) -> Option<(Vec<Out>, Option<Instant>)> {
        let pumped = self.with(|inner| {
            (inner.session == session).then(|| {
                (
                    std::mem::take(&mut inner.device.outbox),
                    inner.device.next_due(),
                )
            })
        });
        self.lived.send_modify(|n| *n += 1);
        pumped
    }
}
