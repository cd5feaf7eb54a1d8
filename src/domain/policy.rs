//! The store's rules, from its configuration.

use super::{channel::Channel, fiscal_law::Limits, hours::Hours, kiosk::Kiosk, loyalty::Programme};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The store's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The store's id, given by headquarters.
    pub store_id: String,
    /// An order that is not paid by then is given up.
    pub pay_within: Duration,
    /// A QR code can be paid for so long.
    pub qr_valid: Duration,
    /// A payment whose QR code the bank has not given by then is given up, and the guest chooses another way.
    pub qr_within: Duration,
    /// Most pieces of one order.
    pub max_pieces: u32,
    /// Longest wait that is promised to a guest; longer ones are not accepted.
    pub max_wait: Duration,
    /// How often a dish is tried before its price goes back.
    pub cook_attempts: u32,
    /// A shift is opened by itself when the first order comes.
    pub auto_open_shift: bool,
    /// Robot arms that cook at the same time.
    pub arms: u32,
    /// Hand-over places of the robot. The dishes of an order stand there until the last one is ready, so no order may
    /// have more of them.
    pub places: u32,
    /// A robot that is away so long takes no orders any more. [inferred: robot.md 6.3]
    pub robot_grace: Duration,
    /// A printer that is away so long takes no orders any more: receipts would come too late.
    pub printer_grace: Duration,
    /// Shifts are closed by themselves when they are this old and no receipt is due. [source: atol.md 6.1]
    pub close_shift_after: Duration,
    /// What the law on tills asks for.
    #[serde(default)]
    pub law: Limits,
    /// The printer prints a slip for the kitchen of every sold order: people cook.
    #[serde(default)]
    pub kitchen_slips: bool,
    /// When the store sells.
    #[serde(default)]
    pub hours: Hours,
    /// What the kiosk shows, and when.
    #[serde(default)]
    pub kiosk: Kiosk,
    /// The loyalty programme.
    #[serde(default)]
    pub loyalty: Programme,
    /// The kitchen has a printer of its own: its slips do not wait for documents, nor documents for them.
    #[serde(default)]
    pub kitchen_printer: bool,
    /// An accounting system is connected.
    pub accounting: bool,
    /// A provider of messages is connected.
    pub messages: bool,
    /// A bank is connected.
    pub bank: bool,
    /// Online channels whose orders people type in.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Guests' phone numbers and the addresses of their receipts are kept so long.
    #[serde(default = "contacts_kept")]
    pub contacts_kept: Duration,
    /// What promotions counted for a guest is theirs for so long after the order.
    #[serde(default = "guests_kept")]
    pub guests_kept: Duration,
    /// Another box has taken this store over, and this is its generation: this one sells nothing any more.
    #[serde(default)]
    pub fenced_by: Option<u64>,
    /// The kitchen works so many times faster than planned; 1 but in a demonstration.
    pub speed: u32,
}

/// Until any question about the order is settled. [inferred: no law of a country is known to ask for less]
fn contacts_kept() -> Duration {
    Duration::from_hours(30 * 24)
}

/// A year and a month, so that a birthday is had once a year. [ours]
fn guests_kept() -> Duration {
    Duration::from_hours(400 * 24)
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            store_id: "S001".to_owned(),
            pay_within: Duration::from_mins(10),
            qr_valid: Duration::from_mins(5),
            qr_within: Duration::from_secs(20),
            max_pieces: 50,
            max_wait: Duration::from_hours(2),
            cook_attempts: 2,
            auto_open_shift: true,
            arms: 1,
            // Only a robot is short of them.
            places: u32::MAX,
            robot_grace: Duration::from_mins(1),
            printer_grace: Duration::from_mins(5),
            close_shift_after: Duration::from_mins(23 * 60 + 30),
            law: Limits::default(),
            kitchen_slips: false,
            hours: Hours::default(),
            kiosk: Kiosk::default(),
            loyalty: Programme::default(),
            kitchen_printer: false,
            accounting: true,
            messages: true,
            bank: true,
            channels: Vec::new(),
            contacts_kept: contacts_kept(),
            guests_kept: guests_kept(),
            fenced_by: None,
            speed: 1,
        }
    }
}
