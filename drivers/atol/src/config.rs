//! Settings of the native back end.

use galley_fiscal::{Operator, VatRate};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How to talk to one printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AtolConfig {
    /// The two password bytes before every command, four digits; the vendor's host sends `0000`.
    pub access_password: String,
    /// Password of the modes, eight digits; administrator 30 by default, as the vendor's host sends it.
    pub mode_password: String,
    /// Who is named when a document names nobody. `None` for a printer registered in an automatic device.
    pub operator: Option<Operator>,
    /// The firmware's index of each VAT rate. Firmware of platform 2.5 knows the six of the default; a rate
    /// that isn't here is refused, never replaced.
    pub vat_indexes: BTreeMap<VatRate, u8>,
    /// Whether receipts come out on paper at all; `false` makes every receipt electronic.
    pub print_receipts: bool,
    /// Whether the unit of measure is written as free text (tag 1197, FFD 1.05).
    pub send_units: bool,
    /// Department of every position.
    pub department: u8,
    /// Time limits.
    pub timeouts: Timeouts,
}

impl Default for AtolConfig {
    fn default() -> Self {
        Self {
            access_password: "0000".to_owned(),
            mode_password: "00000030".to_owned(),
            operator: None,
            vat_indexes: BTreeMap::from([
                (VatRate::Vat20, 1),
                (VatRate::Vat10, 2),
                (VatRate::Vat120, 3),
                (VatRate::Vat110, 4),
                (VatRate::Vat0, 5),
                (VatRate::None, 6),
            ]),
            print_receipts: true,
            send_units: true,
            department: 1,
            timeouts: Timeouts::default(),
        }
    }
}

/// Time limits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// How long the first answer may take after connecting. The vendor's host waits a second.
    pub probe_ms: u64,
    /// Silence after which the task is asked for. The vendor's host waits five seconds.
    pub silence_ms: u64,
    /// Limit of a command that only reads.
    pub read_ms: u64,
    /// Limit of a command that changes something, closing a receipt included.
    pub act_ms: u64,
    /// Limit of a Z report. \[inferred\]: 40 s is the vendor's timer for it.
    pub z_ms: u64,
    /// How long "the previous operation still runs" is waited out.
    pub busy_ms: u64,
    /// Pause before a second look that must confirm "not registered". \[inferred\]: a close takes up to 3 s.
    pub settle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            probe_ms: 1000,
            silence_ms: 2000,
            read_ms: 7000,
            act_ms: 20_000,
            z_ms: 60_000,
            busy_ms: 30_000,
            settle_ms: 3000,
        }
    }
}

impl Timeouts {
    pub(crate) fn probe(&self) -> Duration {
        Duration::from_millis(self.probe_ms)
    }

    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms)
    }

    pub(crate) fn read(&self) -> Duration {
        Duration::from_millis(self.read_ms)
    }

    pub(crate) fn act(&self) -> Duration {
        Duration::from_millis(self.act_ms)
    }

    pub(crate) fn z(&self) -> Duration {
        Duration::from_millis(self.z_ms)
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_millis(self.busy_ms)
    }

    pub(crate) fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }
}
