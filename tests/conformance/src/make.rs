//! What a make of printer puts on the bench.

use crate::meddler::{MeddledDialer, Meddler};
use galley_fiscal::{CashCounters, PrinterFactory, RecordKind};
use galley_link::{Address, Dialer, Listener, MemoryNet, PtyPort, SystemDialer};
use std::sync::Arc;

/// Between driver and printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A pipe in memory, in simulated time.
    Memory,
    /// TCP on this machine.
    Tcp,
    /// A pseudo-terminal: what a serial line looks like to a program.
    Pty,
}

/// What can go wrong with any printer, whatever its protocol calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The request never reaches the printer.
    RequestLost,
    /// The printer acts, and its answer never comes.
    AnswerLost,
    /// The answer ends in the middle.
    AnswerCut,
    /// A bit of the answer flips.
    AnswerDamaged,
    /// The cable is pulled.
    CableOut {
        /// After the act, before its answer; else before the act.
        acted: bool,
    },
    /// The power goes off.
    PowerOff {
        /// After the act; else before it.
        acted: bool,
    },
    /// The paper ends in the middle of the document.
    PaperEnds {
        /// The drive has registered it all the same.
        registered: bool,
    },
    /// The printer is still busy with something.
    Busy,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::AnswerDamaged,
        Self::CableOut { acted: true },
        Self::CableOut { acted: false },
        Self::PowerOff { acted: true },
        Self::PowerOff { acted: false },
        Self::PaperEnds { registered: true },
        Self::PaperEnds { registered: false },
        Self::Busy,
    ];
}

/// How patient the driver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As in a store; for simulated time.
    Product,
    /// For real time.
    Quick,
}

/// Where the printer's end is served.
pub enum Door {
    /// Connections, one after the other.
    Listener(Listener),
    /// A line.
    Pty(PtyPort),
}

/// A document as the emulator's own fiscal drive keeps it, read behind the driver's back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub kind: RecordKind,
    /// Its number.
    pub number: u32,
    /// Its sign.
    pub sign: u32,
    /// Its total.
    pub total_minor: Option<i64>,
    /// Its key.
    pub key: Option<String>,
    /// Codes of its marked units.
    pub units: Vec<String>,
}

/// A make of printer: its emulator, and its driver.
pub trait Make: Send + Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// A driver that remembers nothing: what a daemon has that was just started.
    fn driver(
        &self,
        dialer: Arc<dyn Dialer>,
        address: Address,
        pace: Pace,
    ) -> Arc<dyn PrinterFactory>;

    /// Serves the door, for as long as the runtime lives.
    fn serve(&self, door: Door);

    /// Makes something go wrong, once, at the exchange that registers the next document.
    fn trouble(&self, trouble: Trouble);

    /// What a person would do: power on, paper in, cover closed. Troubles that have not struck yet are gone too.
    fn repair(&self);

    /// Puts another fiscal drive in.
    fn other_drive(&self);

    /// Makes the open shift older than 24 hours.
    fn age_shift(&self);

    /// Another client registers a sale.
    fn stranger_sells(&self, total_minor: i64);

    /// What the drive keeps, in order.
    fn kept(&self) -> Vec<Kept>;

    /// What the printer has counted of its drawer.
    fn drawer(&self) -> CashCounters;

    /// Lines of text on the paper.
    fn paper(&self) -> Vec<String>;
}

/// A make, new and empty, as quick as is said.
pub type New = fn(Pace) -> Box<dyn Make>;

/// A make on the bench, reachable.
pub struct Bench {
    /// The make.
    pub make: Box<dyn Make>,
    /// Its driver; replaced when the daemon dies.
    pub driver: Arc<dyn PrinterFactory>,
    /// Who stands at the cable.
    pub meddler: Meddler,
    dialer: Arc<dyn Dialer>,
    address: Address,
    pace: Pace,
}

impl Bench {
    /// Puts a new one where `place` says.
    pub async fn at(new: New, place: Place) -> Self {
        let pace = if place == Place::Memory {
            Pace::Product
        } else {
            Pace::Quick
        };
        let make = new(pace);
        let (inner, address, door): (Arc<dyn Dialer>, Address, Door) = match place {
            Place::Memory => {
                let net = MemoryNet::new();
                let door = Door::Listener(net.listen("printer"));
                (Arc::new(net), Address::Memory("printer".into()), door)
            }
            Place::Tcp => {
                let door = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
                let address = Address::Tcp(door.local_addr().unwrap().to_string());
                (
                    Arc::new(SystemDialer::default()),
                    address,
                    Door::Listener(door),
                )
            }
            Place::Pty => {
                let port = PtyPort::open().unwrap();
                let address = Address::Serial {
                    path: port.path.to_str().unwrap().to_owned(),
                    baud: 115_200,
                };
                (Arc::new(SystemDialer::default()), address, Door::Pty(port))
            }
        };
        make.serve(door);
        let meddler = Meddler::default();
        let dialer: Arc<dyn Dialer> = Arc::new(MeddledDialer {
            inner,
            meddler: meddler.clone(),
        });
        let driver = make.driver(Arc::clone(&dialer), address.clone(), pace);
        Self {
            make,
            driver,
            meddler,
            dialer,
            address,
            pace,
        }
    }

    /// The daemon died: nothing of the driver is left.
    pub fn die(&mut self) {
        self.driver = self
            .make
            .driver(Arc::clone(&self.dialer), self.address.clone(), self.pace);
    }

    /// Documents of a kind that the drive keeps.
    #[must_use]
    pub fn kept(&self, kind: RecordKind) -> Vec<Kept> {
        let mut kept = self.make.kept();
        kept.retain(|k| k.kind == kind);
        kept
    }
}
