//! The emulated printer's state, and what follows from it: modes, paper, the clock.

use super::{
    EmulatorClock,
    config::EmulatorConfig,
    journal::{EmulatedDocument, EmulatedLine, Identity, Journal},
    paper::{Roll, layout},
    tables,
};
use crate::{
    error_table::{NO_PAPER, PRINTING, WAITS},
    local_time::LocalDateTime,
    status::{mode, submode},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Seconds after which a shift has expired.
const DAY: i64 = 24 * 3600;

/// The open receipt.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenReceipt {
    /// Type of 8Dh: 0 sale, 1 purchase, 2 and 3 their returns; bit 7 for corrections.
    pub(super) kind: u8,
    pub(super) operator: u8,
    pub(super) lines: Vec<EmulatedLine>,
    pub(super) tags: Vec<(u16, Vec<u8>)>,
    /// Tags of a line that hasn't come yet.
    pub(super) line_tags: Vec<(u16, Vec<u8>)>,
}

/// A document whose paper ended in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stuck {
    No,
    /// Paper is missing.
    RanOut,
    /// Paper is back; "go on" is waited for.
    Waits,
}

pub(super) struct Machine {
    pub(super) config: EmulatorConfig,
    pub(super) clock: Arc<dyn EmulatorClock>,
    /// Seconds its clock is off.
    pub(super) drift: i64,
    pub(super) journal: Journal,
    pub(super) receipt: Option<OpenReceipt>,
    /// Document begun in the drive by FF41, FF42 or FF35, and its tags.
    pub(super) begun: Option<u8>,
    pub(super) begun_tags: Vec<(u16, Vec<u8>)>,
    pub(super) paper: bool,
    pub(super) cover_open: bool,
    pub(super) prints_until: Option<Instant>,
    pub(super) stuck: Stuck,
    pub(super) unprinted: Vec<String>,
    pub(super) last_paper: Vec<String>,
    pub(super) tables: BTreeMap<(u8, u16, u8), Vec<u8>>,
    /// Pieces of the document that is read out.
    pub(super) reading: Option<VecDeque<Vec<u8>>>,
    pub(super) buffer: Vec<u8>,
    pub(super) blocks: BTreeMap<u8, Vec<u8>>,
    /// A code that was checked and neither accepted nor rejected.
    pub(super) checked: Option<Vec<u8>>,
    pub(super) accepted: Vec<Vec<u8>>,
    /// Seconds the open shift is older than the clock says.
    pub(super) aged: i64,
    pub(super) ofd_connected: bool,
    pub(super) first_unsent: Option<u32>,
    pub(super) cancelled: u32,
    pub(super) drawer_opened: u32,
    pub(super) cuts: u32,
    /// Number of the last document on paper.
    pub(super) through: u16,
    pub(super) roll: Roll,
}

impl Machine {
    pub(super) fn new(
        config: EmulatorConfig,
        clock: Arc<dyn EmulatorClock>,
        journal: Journal,
    ) -> Self {
        let roll = Roll::new(config.paper_lines);
        let tables = tables::defaults(&config);
        Self {
            config,
            clock,
            drift: 0,
            journal,
            receipt: None,
            begun: None,
            begun_tags: Vec::new(),
            paper: true,
            cover_open: false,
            prints_until: None,
            stuck: Stuck::No,
            unprinted: Vec::new(),
            last_paper: Vec::new(),
            tables,
            reading: None,
            buffer: Vec::new(),
            blocks: BTreeMap::new(),
            checked: None,
            accepted: Vec::new(),
            aged: 0,
            ofd_connected: true,
            first_unsent: None,
            cancelled: 0,
            drawer_opened: 0,
            cuts: 0,
            through: 0,
            roll,
        }
    }

    pub(super) fn now(&self) -> LocalDateTime {
        LocalDateTime::from_seconds(self.clock.now().seconds() + self.drift)
    }

    pub(super) fn shift_open(&self) -> bool {
        self.journal.opened.is_some()
    }

    pub(super) fn shift_expired(&self) -> bool {
        self.journal
            .opened
            .is_some_and(|opened| self.now().seconds() + self.aged - opened.seconds() > DAY)
    }

    pub(super) fn shift_number(&self) -> u32 {
        self.journal.documents.last().map_or(0, |d| d.shift)
    }

    pub(super) fn receipt_number(&self) -> u32 {
        self.journal.receipts
    }

    /// The mode byte, both nibbles.
    pub(super) fn mode(&self) -> u8 {
        if let Some(receipt) = &self.receipt {
            return mode::DOCUMENT | (receipt.kind & 0x03) << 4;
        }
        if self.reading.is_some() {
            mode::DUMP
        } else if self.shift_expired() {
            mode::SHIFT_EXPIRED
        } else if self.shift_open() {
            mode::SHIFT_OPEN
        } else {
            mode::SHIFT_CLOSED
        }
    }

    pub(super) fn submode(&self, now: Instant) -> u8 {
        match self.stuck {
            Stuck::RanOut => submode::PAPER_RAN_OUT,
            Stuck::Waits => submode::WAITS,
            Stuck::No if !self.paper => submode::PAPER_OUT,
            Stuck::No if self.prints_until.is_some_and(|until| now < until) => submode::PRINTS,
            Stuck::No => submode::IDLE,
        }
    }

    /// What keeps a printing command from being carried out.
    pub(super) fn print_obstacle(&self, now: Instant) -> Option<u8> {
        match self.submode(now) {
            submode::PAPER_OUT | submode::PAPER_RAN_OUT => Some(NO_PAPER),
            submode::WAITS => Some(WAITS),
            submode::PRINTS => Some(PRINTING),
            _ if self.cover_open => Some(NO_PAPER),
            _ => None,
        }
    }

    /// The drive's current document.
    pub(super) fn current_document(&self) -> u8 {
        match &self.receipt {
            Some(receipt) if receipt.kind & 0x80 != 0 => 0x14,
            Some(_) => 0x04,
            None => self.begun.unwrap_or(0),
        }
    }

    /// Prints a document; with `ends` the paper ends in the middle.
    pub(super) fn print(&mut self, lines: Vec<String>, ends: bool, now: Instant) {
        self.through = self.through.wrapping_add(1);
        self.last_paper.clone_from(&lines);
        if ends {
            let half = lines.len() / 2;
            self.unprinted = lines[half..].to_vec();
            self.roll.print(lines.into_iter().take(half));
            self.paper = false;
            self.stuck = Stuck::RanOut;
            return;
        }
        self.roll.print(lines);
        let took = Duration::from_millis(self.config.durations.print_ms);
        self.prints_until = Some(now + took);
    }

    pub(super) fn put_in_paper(&mut self) {
        self.paper = true;
        if self.stuck == Stuck::RanOut {
            self.stuck = Stuck::Waits;
        }
    }

    pub(super) fn blank(&self, kind: u8) -> EmulatedDocument {
        EmulatedDocument {
            kind,
            shift: self.shift_number(),
            time: Some(self.now()),
            ..EmulatedDocument::default()
        }
    }

    /// Registers and prints a document.
    pub(super) fn register(
        &mut self,
        mut document: EmulatedDocument,
        ends: bool,
        now: Instant,
    ) -> Result<EmulatedDocument, u8> {
        let no_print = (17, 1, 7);
        document.electronic = self
            .tables
            .get(&no_print)
            .is_some_and(|v| v.first() == Some(&1));
        // A failure of the drive: 03h.
        let document = self.journal.register(document).map_err(|_| 0x03)?;
        if !self.ofd_connected && self.first_unsent.is_none() {
            self.first_unsent = Some(document.number);
        }
        if document.electronic {
            self.tables.insert(no_print, vec![0]);
        } else {
            let lines = layout(&document, &self.journal.identity, &self.config);
            self.print(lines, ends, now);
        }
        Ok(document)
    }

    /// A new fiscal drive, one number higher.
    pub(super) fn replace_drive(&mut self) {
        let old = &self.journal.identity;
        let number = old.number.parse::<u64>().unwrap_or(0) + 1;
        let identity = Identity {
            number: format!("{number:016}"),
            registration: old.registration.clone(),
        };
        let now = self.now();
        if self.journal.replace(identity, now).is_err() {
            tracing::warn!("the emulated drive can't be written");
        }
        (self.receipt, self.begun) = (None, None);
    }

    /// What a power cut takes away.
    pub(super) fn lose_power(&mut self) {
        if self.receipt.take().is_some() {
            self.cancelled += 1;
        }
        self.begun = None;
        self.begun_tags.clear();
        self.prints_until = None;
        self.reading = None;
        self.checked = None;
        self.accepted.clear();
        self.blocks.clear();
        if self.stuck != Stuck::No {
            self.stuck = Stuck::No;
            self.unprinted.clear();
        }
    }

    pub(super) fn unsent(&self) -> u32 {
        self.first_unsent
            .map_or(0, |n| self.journal.last_number().saturating_sub(n) + 1)
    }
}
