//! The emulated printer without its wire: modes, shift, paper, and which command goes where.

use super::{
    EmulatorClock,
    config::EmulatorConfig,
    journal::{EmulatedDocument, Identity, Journal},
    paper::{self, Roll},
    receipt::OpenReceipt,
};
use crate::{
    bcd,
    command::{mode, op},
    drive::kind,
    error_table::{BUSY, NO_PAPER, RECEIPT_CLOSED, SHIFT_EXPIRED, WRONG_MODE},
    local_time::{BcdTime as _, LocalDateTime},
    text, tlv,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// A shift may be open for a day.
const SHIFT_SECONDS: i64 = 24 * 3600;

pub(super) const WRONG_FORMAT: u8 = 0x13;
pub(super) const RECEIPT_OPEN: u8 = 0x9B;
pub(super) const SHIFT_CLOSED: u8 = 0x8F;
pub(super) const SHIFT_OPEN: u8 = 0x9C;
const WRONG_PASSWORD: u8 = 0x8C;
pub(super) const NO_CASH: u8 = 0x98;
/// In the first byte of a barcode: its data go on.
const MORE_FOLLOWS: u8 = 0x80;
const NO_DOCUMENT: u8 = 0xAA;
pub(super) const NO_EXCHANGE: u8 = 0xE9;
const NOT_SUPPORTED: u8 = 0x7A;

/// The answer of a command, or its error code.
pub(super) type Outcome = Result<Vec<u8>, u8>;

/// `55 00 00`.
pub(super) fn done() -> Outcome {
    Ok(vec![0x55, 0x00, 0x00])
}

/// `55 00 VALUE`.
pub(super) fn value(bytes: &[u8]) -> Outcome {
    Ok([&[0x55, 0x00], bytes].concat())
}

/// The printer.
pub(super) struct Machine {
    pub(super) config: EmulatorConfig,
    pub(super) clock: Arc<dyn EmulatorClock>,
    pub(super) journal: Journal,
    pub(super) mode: u8,
    pub(super) receipt: Option<OpenReceipt>,
    /// Tags written before a document was opened: the cashier.
    pub(super) early_tags: Vec<(u16, Vec<u8>)>,
    pub(super) paper: bool,
    pub(super) cover_open: bool,
    /// The next document's paper ends in the middle; whether it is registered all the same.
    pub(super) paper_ends: Option<bool>,
    /// What a document still has to print.
    pub(super) unprinted: Vec<String>,
    pub(super) roll: Roll,
    /// What was written into tables, by table, row and field.
    pub(super) tables: BTreeMap<[u8; 4], Vec<u8>>,
    /// Blocks of a tag that came in, and their bytes.
    pub(super) tag_blocks: (u8, Vec<u8>),
    /// Data of a barcode that came in parts.
    pub(super) barcode_data: Vec<u8>,
    /// What the clock was set forth or back by, in seconds.
    pub(super) clock_offset: i64,
    pub(super) tlvs: VecDeque<Vec<u8>>,
    /// The first document that waits for the OFD.
    pub(super) first_unsent: Option<u32>,
    pub(super) ofd_connected: bool,
    /// Makes an open shift look older than it is, in seconds.
    pub(super) aged: i64,
    pub(super) cancelled: u32,
}

impl Machine {
    pub(super) fn new(
        config: EmulatorConfig,
        clock: Arc<dyn EmulatorClock>,
        journal: Journal,
    ) -> Self {
        let roll = Roll::new(config.paper_lines);
        Self {
            config,
            clock,
            journal,
            mode: mode::IDLE,
            receipt: None,
            early_tags: Vec::new(),
            paper: true,
            cover_open: false,
            paper_ends: None,
            unprinted: Vec::new(),
            roll,
            tables: BTreeMap::new(),
            tag_blocks: (0, Vec::new()),
            barcode_data: Vec::new(),
            clock_offset: 0,
            tlvs: VecDeque::new(),
            first_unsent: None,
            ofd_connected: true,
            aged: 0,
            cancelled: 0,
        }
    }

    /// The opening of the open shift.
    pub(super) fn open_shift(&self) -> Option<&EmulatedDocument> {
        self.journal
            .documents
            .iter()
            .rev()
            .find(|d| matches!(d.kind, kind::SHIFT_OPEN | kind::SHIFT_CLOSE))
            .filter(|d| d.kind == kind::SHIFT_OPEN)
    }

    /// When the open shift must be closed.
    pub(super) fn shift_end(&self) -> Option<LocalDateTime> {
        let opening = self.open_shift()?;
        Some(LocalDateTime::from_seconds(
            opening.time.seconds() + SHIFT_SECONDS - self.aged,
        ))
    }

    pub(super) fn shift_expired(&self) -> bool {
        self.shift_end().is_some_and(|end| self.now() > end)
    }

    /// Number of the current or last shift.
    pub(super) fn shift_number(&self) -> u32 {
        self.journal.documents.last().map_or(0, |d| d.shift)
    }

    /// Number of the last receipt in the current or last shift.
    pub(super) fn receipt_number(&self) -> u32 {
        let shift = self.shift_number();
        let last = self
            .journal
            .documents
            .iter()
            .rev()
            .find(|d| d.shift == shift && (d.receipt.is_some() || d.kind == kind::SHIFT_OPEN));
        last.and_then(|d| d.receipt).unwrap_or(0)
    }

    pub(super) fn has_paper(&self) -> bool {
        self.paper && !self.cover_open
    }

    /// Carries out a command.
    pub(super) fn execute(&mut self, command: u8, p: &[u8]) -> Outcome {
        match command {
            op::STATUS => Ok(self.status()),
            op::STATE => Ok(vec![0x55, self.mode_byte(), u8::from(!self.has_paper())]),
            op::DEVICE_TYPE => Ok(self.device_type()),
            op::REGISTER => self.register(p),
            op::TABLE => self.read_table(p),
            op::WRITE_TABLE => self.write_table(p),
            op::SET_CLOCK => self.set_clock(p),
            op::ENTER_MODE => self.enter_mode(p),
            op::LEAVE_MODE => self.leave_mode(),
            op::DRIVE => self.drive_command(p),
            op::READ_TAG => self.read_tag(p),
            op::DRIVER_VERSION | op::INFO_PRINT | op::REBOOT => done(),
            op::DRAWER if self.config.model == 82 => Err(NOT_SUPPORTED),
            op::DRAWER => done(),
            op::OPEN_SHIFT => self.shift_command(mode::REGISTRATION, p),
            op::CLOSE_SHIFT => self.shift_command(mode::Z_REPORTS, p),
            op::REPORT => self.x_report(),
            op::FOOTER => self.footer(),
            op::COPY => self.copy(),
            op::PRINT_DOCUMENT => self.print_kept(p),
            op::FINISH_PRINT => self.finish_print(),
            op::PRINT_LINE => self.print(vec![text::decode(p).replace('\t', "")]),
            op::BARCODE => self.barcode(p),
            op::BARCODE_MORE => self.more_barcode(p),
            op::VERSION => value(&[0x05, 0x08, 0x00, 0x76, 0x71]),
            op::RASTER => self.print(Vec::new()),
            op::CASH_IN | op::CASH_OUT => self.cash(command, p),
            op::OPEN_RECEIPT
            | op::WRITE_TAG
            | op::BEGIN_POSITION
            | op::END_POSITION
            | op::DISCOUNT
            | op::PAYMENT
            | op::CLOSE_RECEIPT
            | op::CANCEL_RECEIPT => self.receipt_command(command, p),
            _ => Err(WRONG_MODE),
        }
    }

    /// What a printer answers that still runs a task which nobody waits for.
    pub(super) fn execute_busy(&mut self, command: u8, p: &[u8]) -> Outcome {
        match command {
            op::STATUS | op::STATE | op::DEVICE_TYPE => self.execute(command, p),
            _ => Err(BUSY),
        }
    }

    pub(super) fn need_mode(&self, wanted: u8) -> Result<(), u8> {
        if self.mode == wanted {
            Ok(())
        } else {
            Err(WRONG_MODE)
        }
    }

    fn mode_byte(&self) -> u8 {
        let submode = match &self.receipt {
            Some(receipt) if receipt.paid() > 0 => 4,
            Some(_) => 1,
            None => 0,
        };
        (submode << 4) | self.mode
    }

    fn enter_mode(&mut self, p: &[u8]) -> Outcome {
        let Some((wanted, password)) = p.split_first() else {
            return Err(WRONG_FORMAT);
        };
        let right = self.config.mode_password.parse().ok();
        if bcd::decode(password) != right {
            return Err(WRONG_PASSWORD);
        }
        if self.mode != mode::IDLE || *wanted == 0 || *wanted > 6 {
            return Err(WRONG_MODE);
        }
        if self.receipt.is_some() && *wanted != mode::REGISTRATION {
            return Err(RECEIPT_OPEN);
        }
        self.mode = *wanted;
        done()
    }

    fn leave_mode(&mut self) -> Outcome {
        if self.receipt.is_some() {
            return Err(RECEIPT_OPEN);
        }
        self.mode = mode::IDLE;
        done()
    }

    fn status(&self) -> Vec<u8> {
        let now = self.now();
        let d = now.to_bcd_dmy();
        let bit = |on: bool, n: u8| u8::from(on) << n;
        let flags = bit(true, 0)
            | bit(self.open_shift().is_some(), 1)
            | bit(true, 2)
            | bit(self.has_paper(), 3)
            | bit(self.cover_open, 5)
            | bit(true, 6);
        let mut out = vec![0x44, 0x01, 0x01];
        out.extend([d[2], d[1], d[0], d[3], d[4], d[5], flags]);
        out.extend(bcd::encode::<4>(self.config.serial % 100_000_000).unwrap_or_default());
        out.extend([self.config.model, b'5', b'8', self.mode_byte()]);
        out.extend(short(self.receipt_number()));
        out.extend(short(self.last_closed_shift()));
        out.push(self.receipt.as_ref().map_or(0, |r| r.kind));
        let sum = self.receipt.as_ref().map_or(0, OpenReceipt::total);
        out.extend(bcd::encode::<5>(sum).unwrap_or_default());
        out.extend([2, 4]);
        out
    }

    pub(super) fn last_closed_shift(&self) -> u32 {
        self.shift_number() - u32::from(self.open_shift().is_some())
    }

    fn device_type(&self) -> Vec<u8> {
        let mut out = vec![
            0x00, 0x03, 0x01, 0x52, 0x00, 0x00, 0x05, 0x08, 0x00, 0x76, 0x71,
        ];
        out[3] = self.config.model;
        out.extend(text::encode(&self.config.model_name, 32));
        out
    }

    /// Opens or closes the shift.
    fn shift_command(&mut self, needed: u8, p: &[u8]) -> Outcome {
        self.need_mode(needed)?;
        let opening = needed == mode::REGISTRATION;
        match (opening, self.open_shift().is_some()) {
            (true, true) => return Err(SHIFT_OPEN),
            (false, false) => return Err(SHIFT_CLOSED),
            _ => {}
        }
        if self.receipt.is_some() {
            return Err(RECEIPT_OPEN);
        }
        if opening && p.first().is_some_and(|flags| flags & 1 != 0) {
            return done();
        }
        let kind = if opening {
            kind::SHIFT_OPEN
        } else {
            kind::SHIFT_CLOSE
        };
        let mut document = self.blank(kind);
        document.shift = self.shift_number() + u32::from(opening);
        let outcome = self.register_and_print(document)?;
        self.aged = 0;
        self.early_tags.clear();
        outcome
    }

    /// An empty document of the current shift.
    pub(super) fn blank(&self, kind: u8) -> EmulatedDocument {
        EmulatedDocument {
            number: 0,
            kind,
            operation: None,
            shift: self.shift_number(),
            receipt: None,
            time: self.now(),
            sign: 0,
            total_minor: 0,
            lines: Vec::new(),
            tenders: Vec::new(),
            key: None,
            operator: self.early_text(tlv::tag::OPERATOR),
            buyer_contact: None,
            tax_system: None,
            electronic: false,
            tags: Vec::new(),
        }
    }

    fn early_text(&self, wanted: u16) -> Option<String> {
        self.early_tags
            .iter()
            .rev()
            .find(|(tag, _)| *tag == wanted)
            .map(|(_, bytes)| text::decode(bytes).trim_end().to_owned())
    }

    /// Registers a document and prints it. `Err` means that nothing was registered; the inner outcome is what
    /// the host is told about the paper.
    pub(super) fn register_and_print(&mut self, document: EmulatedDocument) -> Result<Outcome, u8> {
        let prints = !document.electronic;
        if prints && !self.has_paper() {
            return Err(NO_PAPER);
        }
        let ends = prints.then(|| self.paper_ends.take()).flatten();
        if ends == Some(false) {
            self.paper = false;
            return Err(NO_PAPER);
        }
        let document = self.journal.register(document).map_err(|_| NO_EXCHANGE)?;
        if !self.ofd_connected && self.first_unsent.is_none() {
            self.first_unsent = Some(document.number);
        }
        if !prints {
            return Ok(done());
        }
        let lines = paper::layout(&document, &self.journal.identity, &self.config);
        Ok(self.print_document(lines, ends == Some(true)))
    }

    /// Prints what is done already; when the paper ends in it, the rest waits.
    pub(super) fn print_document(&mut self, mut lines: Vec<String>, ends: bool) -> Outcome {
        // A document whose paper had ended is finished first.
        let mut all = std::mem::take(&mut self.unprinted);
        all.append(&mut lines);
        if ends {
            self.unprinted = all.split_off(all.len() / 2);
            self.roll.print(all);
            self.paper = false;
            return Err(NO_PAPER);
        }
        self.roll.print(all);
        done()
    }

    /// `TYPE ALIGN SCALE …(11) DATA`, zeros behind.
    fn barcode(&mut self, p: &[u8]) -> Outcome {
        let data = p.get(14..).ok_or(WRONG_FORMAT)?;
        self.barcode_data = data.to_vec();
        if p[0] & MORE_FOLLOWS != 0 {
            return done();
        }
        self.print_barcode()
    }

    fn more_barcode(&mut self, p: &[u8]) -> Outcome {
        let (head, data) = p.split_first().ok_or(WRONG_FORMAT)?;
        self.barcode_data.extend_from_slice(data);
        if head & MORE_FOLLOWS != 0 {
            return done();
        }
        self.print_barcode()
    }

    fn print_barcode(&mut self) -> Outcome {
        let data = std::mem::take(&mut self.barcode_data);
        let end = data.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
        let shown = String::from_utf8_lossy(&data[..end]).into_owned();
        self.print(vec![format!("[QR {shown}]")])
    }

    fn footer(&mut self) -> Outcome {
        self.need_mode(mode::X_REPORTS)?;
        self.print(vec![String::new(), String::new()])
    }

    pub(super) fn print(&mut self, lines: Vec<String>) -> Outcome {
        if !self.has_paper() {
            return Err(NO_PAPER);
        }
        self.roll.print(lines);
        done()
    }

    fn finish_print(&mut self) -> Outcome {
        let rest = std::mem::take(&mut self.unprinted);
        if self.has_paper() {
            return self.print(rest);
        }
        self.unprinted = rest;
        Err(NO_PAPER)
    }

    fn copy(&mut self) -> Outcome {
        let Some(last) = self.journal.documents.last() else {
            return Err(NO_DOCUMENT);
        };
        if self.receipt.is_some() {
            return Err(RECEIPT_OPEN);
        }
        let mut lines = vec!["КОПИЯ".to_owned()];
        lines.extend(paper::layout(last, &self.journal.identity, &self.config));
        self.print(lines)
    }

    fn print_kept(&mut self, p: &[u8]) -> Outcome {
        self.need_mode(mode::DRIVE_REPORTS)?;
        let number = p.get(..5).and_then(bcd::decode);
        let found = self
            .journal
            .documents
            .iter()
            .find(|d| Some(u64::from(d.number)) == number);
        let Some(found) = found else {
            return Err(NO_DOCUMENT);
        };
        let lines = paper::layout(found, &self.journal.identity, &self.config);
        self.print(lines)
    }

    /// Checks what every new receipt needs.
    pub(super) fn may_open_receipt(&self, electronic: bool) -> Result<(), u8> {
        self.need_mode(mode::REGISTRATION)?;
        if self.receipt.is_some() {
            return Err(RECEIPT_OPEN);
        }
        if self.open_shift().is_none() {
            return Err(SHIFT_CLOSED);
        }
        if self.shift_expired() {
            return Err(SHIFT_EXPIRED);
        }
        if !electronic && !self.has_paper() {
            return Err(NO_PAPER);
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self) -> Outcome {
        self.need_mode(mode::REGISTRATION)?;
        if self.receipt.take().is_none() {
            return Err(RECEIPT_CLOSED);
        }
        self.early_tags.clear();
        self.cancelled += 1;
        if self.has_paper() {
            self.roll
                .print(["ЧЕК АННУЛИРОВАН".to_owned(), String::new()]);
        }
        done()
    }

    /// Another drive is put in.
    pub(super) fn replace_drive(&mut self) {
        let number = self.journal.identity.number.parse().unwrap_or(0u64) + 1;
        let identity = Identity {
            number: format!("{number:016}"),
            registration: self.journal.identity.registration.clone(),
        };
        self.receipt = None;
        if let Err(e) = self.journal.replace(identity, self.now()) {
            tracing::error!(error = %e, "the emulated drive can't be written");
        }
    }

    /// What a power cut leaves.
    pub(super) fn lose_power(&mut self) {
        self.early_tags.clear();
        self.tag_blocks = (0, Vec::new());
        self.tlvs.clear();
        if !self.config.receipt_survives_power_cut {
            self.receipt = None;
        }
        // Where the receipt is still open, the printer comes back in the mode it was opened in.
        if self.receipt.is_none() {
            self.mode = mode::IDLE;
        }
    }
}

/// A number of four digits, BCD.
pub(super) fn short(number: u32) -> [u8; 2] {
    bcd::encode(u64::from(number % 10_000)).unwrap_or_default()
}
