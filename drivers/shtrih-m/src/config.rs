//! Settings of the driver.

use galley_fiscal::{Ffd, Operator, VatRate};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Which of the two low levels is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolChoice {
    /// Protocol 1 is tried, then protocol 2.
    #[default]
    Auto,
    /// Protocol 1 (ENQ, STX, LRC).
    One,
    /// Protocol 2 (numbered frames): a frame is carried out once whatever the line does. A printer in automatic mode
    /// takes the first byte it sees after power-on for its protocol.
    Two,
}

/// How to talk to one printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShtrihConfig {
    /// Which low level is spoken.
    pub protocol: ProtocolChoice,
    /// Password of the operator under whom documents are made: 1 to 28 operators, 29 administrator, 30 system
    /// administrator, unless changed in the printer.
    pub operator_password: u32,
    /// Password of the system administrator, for the fiscal drive, the tables and the reports.
    pub admin_password: u32,
    /// Whether a silent serial line is tried at the other speeds too.
    pub probe_speeds: bool,
    /// Who is named when a document names nobody. `None` for a printer registered in an automatic device.
    pub operator: Option<Operator>,
    /// The firmware's byte of each VAT rate in FF46h. Models differ in the rates of 2026: most have CBh and CCh for
    /// 22 % and 22/122, ШТРИХ-НАНО-Ф has 90h and A0h. A rate that isn't here is refused, never replaced.
    pub vat_codes: BTreeMap<VatRate, u8>,
    /// Version of the fiscal data format; read from the printer when not set.
    pub ffd: Option<Ffd>,
    /// Whether the driver gives the taxes (the printer's table 1, "taxes": 1). In mode 0 the printer computes them.
    pub send_taxes: bool,
    /// Whether receipts come out on paper at all; `false` makes every receipt electronic.
    pub print_receipts: bool,
    /// Whether the paper is cut behind slips.
    pub cut: bool,
    /// Whether the unit of measure is sent: tag 2108 from FFD 1.2, free text (tag 1197) before.
    pub send_units: bool,
    /// Department of every line, 0 to 16.
    pub department: u8,
    /// Characters in a line of its paper; by the model when not set.
    pub columns: Option<u8>,
    /// Font of wide text in slips. \[memory\]: 2 is twice as wide.
    pub wide_font: u8,
    /// Field of table 17 that keeps the next document off the paper. Its number stands in a dump of a real printer; that
    /// 1 means "not the next one" is \[memory\].
    pub no_print_field: u8,
    /// Time limits.
    pub timeouts: Timeouts,
}

impl Default for ShtrihConfig {
    fn default() -> Self {
        Self {
            protocol: ProtocolChoice::Auto,
            operator_password: 30,
            admin_password: 30,
            probe_speeds: true,
            operator: None,
            // Source: the vendor's table of 2026 (4.4).
            vat_codes: BTreeMap::from([
                (VatRate::Vat20, 0x01),
                (VatRate::Vat10, 0x02),
                (VatRate::Vat0, 0x04),
                (VatRate::None, 0x08),
                (VatRate::Vat120, 0x10),
                (VatRate::Vat110, 0x20),
                (VatRate::Vat5, 0x81),
                (VatRate::Vat7, 0x82),
                (VatRate::Vat105, 0x84),
                (VatRate::Vat107, 0x88),
                (VatRate::Vat22, 0xCB),
                (VatRate::Vat122, 0xCC),
            ]),
            ffd: None,
            send_taxes: false,
            print_receipts: true,
            cut: true,
            send_units: true,
            department: 1,
            columns: None,
            wide_font: 2,
            no_print_field: 7,
            timeouts: Timeouts::default(),
        }
    }
}

/// Time limits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// How long an ENQ may go unanswered.
    pub enq_ms: u64,
    /// How long the ACK behind a command may take; a second in practice (2.3).
    pub ack_ms: u64,
    /// Pause within a frame that makes it broken. The vendor's driver has 100.
    pub byte_ms: u64,
    /// Silence behind a command after which the printer is asked whether it still works on it.
    pub silence_ms: u64,
    /// The longest that any command is waited for; most have shorter limits of their own (2.3).
    pub longest_ms: u64,
    /// How much longer than the protocol page says a command may take.
    pub grace_ms: u64,
    /// How long "printing the previous command" is waited out.
    pub busy_ms: u64,
    /// Pause between two looks at a printer that prints.
    pub poll_ms: u64,
    /// How long a document may print before the driver stops looking.
    pub print_ms: u64,
    /// Pause before a second look that must confirm "not registered". \[inferred\]
    pub settle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            enq_ms: 500,
            ack_ms: 1000,
            byte_ms: 100,
            silence_ms: 3000,
            longest_ms: 120_000,
            grace_ms: 5000,
            busy_ms: 30_000,
            poll_ms: 25,
            print_ms: 15_000,
            settle_ms: 2000,
        }
    }
}

impl Timeouts {
    pub(crate) fn enq(&self) -> Duration {
        Duration::from_millis(self.enq_ms)
    }

    pub(crate) fn ack(&self) -> Duration {
        Duration::from_millis(self.ack_ms)
    }

    pub(crate) fn byte(&self) -> Duration {
        Duration::from_millis(self.byte_ms)
    }

    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms)
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_millis(self.longest_ms)
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_millis(self.busy_ms)
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.max(1))
    }

    pub(crate) fn print(&self) -> Duration {
        Duration::from_millis(self.print_ms)
    }

    pub(crate) fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }
}
