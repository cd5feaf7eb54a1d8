//! The emulated fiscal drive: its documents, and what the printer counts, kept in a file when there is one.
//!
//! The file has one JSON object a line, appended and synced before a document counts as registered. A last line that a
//! crash cut off is dropped when the file is opened.

use crate::{
    drive::kind,
    local_time::LocalDateTime,
    register, text,
    tlv::{self, tag},
};
use galley_fiscal::{CashCounters, ReceiptKind};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::PathBuf,
};

/// A document in the emulated drive. Money in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmulatedDocument {
    /// Number of the fiscal document.
    pub number: u32,
    /// As FF0Ah tells it: 1 registration, 2 opening of a shift, 3 receipt, 5 closing of a shift, 31 correction.
    pub kind: u8,
    /// Settlement sign of a receipt: 1 sale, 2 its return, 3 purchase, 4 its return.
    pub operation: Option<u8>,
    /// Shift.
    pub shift: u32,
    /// Number of the receipt in its shift.
    pub receipt: Option<u32>,
    /// When it was registered.
    pub time: Option<LocalDateTime>,
    /// Fiscal sign.
    pub sign: u32,
    /// Total of a receipt.
    pub total_minor: u64,
    /// Lines of a receipt.
    pub lines: Vec<EmulatedLine>,
    /// Payments: type (1 cash, 2 to 13 electronic, 14 advance, 15 credit, 16 other) and sum.
    pub tenders: Vec<(u8, u64)>,
    /// Given back in cash.
    pub change_minor: u64,
    /// Tag 1055.
    pub tax_system: Option<u8>,
    /// The host's tags, in their order.
    pub tags: Vec<(u16, Vec<u8>)>,
    /// No paper was wanted.
    pub electronic: bool,
}

impl EmulatedDocument {
    /// The value of a tag of the host.
    #[must_use]
    pub fn tag(&self, wanted: u16) -> Option<&[u8]> {
        self.tags
            .iter()
            .find(|(tag, _)| *tag == wanted)
            .map(|(_, value)| value.as_slice())
    }

    /// The text of a tag of the host.
    #[must_use]
    pub fn text(&self, wanted: u16) -> Option<String> {
        self.tag(wanted)
            .map(|value| text::from_tlv(value).trim_end().to_owned())
    }

    /// Tag 1192.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.text(tag::RECEIPT_KEY)
    }

    /// The document as TLVs, as FF3Bh gives them.
    pub(super) fn tlvs(&self, identity: &Identity, with_key: bool) -> Vec<Vec<u8>> {
        let le = |n: u32| n.to_le_bytes();
        let seconds = self
            .time
            .and_then(|t| u32::try_from(t.seconds()).ok())
            .unwrap_or(0);
        let mut out = vec![
            tlv::encode(tag::REGISTRATION, &padded(&identity.registration, 20)),
            tlv::encode(tag::DRIVE, &padded(&identity.number, 16)),
            tlv::encode(tag::DOCUMENT, &le(self.number)),
            tlv::encode(tag::DATE_TIME, &le(seconds)),
            tlv::encode(tag::SHIFT, &le(self.shift)),
        ];
        if let Some(receipt) = self.receipt {
            out.push(tlv::encode(tag::RECEIPT, &le(receipt)));
        }
        if let Some(operation) = self.operation {
            out.push(tlv::encode(tag::SETTLEMENT, &[operation]));
            out.push(tlv::encode(tag::TOTAL, &tlv::vln(self.total_minor)));
        }
        if let Some(system) = self.tax_system {
            out.push(tlv::encode(tag::TAX_SYSTEM, &[system]));
        }
        out.extend(self.lines.iter().map(EmulatedLine::tlv));
        for (tag, value) in &self.tags {
            if with_key || *tag != tag::RECEIPT_KEY {
                out.push(tlv::encode(*tag, value));
            }
        }
        out
    }
}

/// A line of a receipt in the emulated drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmulatedLine {
    /// Tag 1030.
    pub name: String,
    /// Tag 1079.
    pub price_minor: u64,
    /// Tag 1023 in millionths.
    pub quantity_micro: u64,
    /// Tag 1043.
    pub sum_minor: u64,
    /// The firmware's byte of the VAT rate.
    pub vat: u8,
    /// Department.
    pub department: u8,
    /// Tag 1214.
    pub method: u8,
    /// Tag 1212.
    pub subject: u8,
    /// The host's tags of the line.
    pub tags: Vec<(u16, Vec<u8>)>,
    /// Tag 2000.
    pub marking: Option<Vec<u8>>,
}

impl EmulatedLine {
    /// The value of a tag of the host.
    #[must_use]
    pub fn tag(&self, wanted: u16) -> Option<&[u8]> {
        self.tags
            .iter()
            .find(|(tag, _)| *tag == wanted)
            .map(|(_, value)| value.as_slice())
    }

    fn tlv(&self) -> Vec<u8> {
        let mut inner = [
            tlv::encode(tag::NAME, &text::tlv(&self.name, 128)),
            tlv::encode(tag::PRICE, &tlv::vln(self.price_minor)),
            tlv::encode(tag::QUANTITY, &tlv::fvln(6, self.quantity_micro)),
            tlv::encode(tag::LINE_SUM, &tlv::vln(self.sum_minor)),
            tlv::encode(tag::SUBJECT, &[self.subject]),
            tlv::encode(tag::METHOD, &[self.method]),
        ]
        .concat();
        for (tag, value) in &self.tags {
            inner.extend(tlv::encode(*tag, value));
        }
        if let Some(code) = &self.marking {
            inner.extend(tlv::encode(tag::MARKING, code));
        }
        tlv::encode(tag::LINE, &inner)
    }
}

/// The identity of a drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) number: String,
    pub(super) registration: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Row {
    Drive(Identity),
    Document(EmulatedDocument),
    /// Money put in, or taken out when below zero.
    Cash(i64),
}

/// What the printer has counted in the shift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) cash: CashCounters,
    /// By [`register::place`].
    pub(super) receipts: [u32; 4],
    /// By [`register::place`] and type of payment, less change.
    pub(super) payments: [[u64; 16]; 4],
}

/// The drive.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) identity: Identity,
    pub(super) documents: Vec<EmulatedDocument>,
    pub(super) counters: Counters,
    /// When the open shift was opened.
    pub(super) opened: Option<LocalDateTime>,
    /// Receipts in the shift.
    pub(super) receipts: u32,
    file: Option<File>,
}

impl Journal {
    /// Opens the drive of `path`, or a new one.
    pub(super) fn open(
        path: Option<PathBuf>,
        fresh: Identity,
        now: LocalDateTime,
    ) -> io::Result<Self> {
        let mut journal = Self {
            identity: fresh.clone(),
            documents: Vec::new(),
            counters: Counters::default(),
            opened: None,
            receipts: 0,
            file: None,
        };
        let mut text = String::new();
        if let Some(path) = path {
            let mut file = OpenOptions::new()
                .read(true)
                .append(true)
                .create(true)
                .open(path)?;
            file.read_to_string(&mut text)?;
            let whole = text.rfind('\n').map_or(0, |i| i + 1);
            if whole < text.len() {
                file.set_len(whole as u64)?;
                file.seek(io::SeekFrom::End(0))?;
                text.truncate(whole);
            }
            journal.file = Some(file);
        }
        for line in text.lines() {
            journal.apply(serde_json::from_str(line)?);
        }
        if journal.documents.is_empty() {
            journal.replace(fresh, now)?;
        }
        Ok(journal)
    }

    fn apply(&mut self, row: Row) {
        match row {
            Row::Drive(identity) => {
                self.identity = identity;
                self.documents.clear();
                (self.opened, self.receipts) = (None, 0);
                self.counters = Counters::default();
            }
            Row::Document(document) => {
                self.count(&document);
                self.documents.push(document);
            }
            Row::Cash(sum) => {
                let cash = &mut self.counters.cash;
                cash.drawer_minor += sum;
                if sum > 0 {
                    cash.ins += 1;
                    cash.in_minor += sum;
                } else {
                    cash.outs += 1;
                    cash.out_minor -= sum;
                }
            }
        }
    }

    fn count(&mut self, document: &EmulatedDocument) {
        let drawer = self.counters.cash.drawer_minor;
        match (
            document.kind,
            document.operation.and_then(ReceiptKind::from_number),
        ) {
            // The drawer goes over into the next shift, the rest begins at nought.
            (kind::SHIFT_CLOSE, _) => {
                self.opened = None;
                self.counters = Counters::default();
                self.counters.cash.drawer_minor = drawer;
            }
            (kind::SHIFT_OPEN, _) => (self.opened, self.receipts) = (document.time, 0),
            (kind::RECEIPT | kind::CORRECTION, Some(receipt)) => {
                self.receipts += 1;
                let place = usize::from(register::place(receipt));
                self.counters.receipts[place] += 1;
                for (form, sum) in &document.tenders {
                    let less = if *form == 1 { document.change_minor } else { 0 };
                    let at = usize::from(form.clamp(&1, &16) - 1);
                    let sum = sum.saturating_sub(less);
                    self.counters.payments[place][at] += sum;
                    if *form == 1 {
                        let sum = i64::try_from(sum).unwrap_or(0);
                        let signed = if receipt.is_income() { sum } else { -sum };
                        self.counters.cash.drawer_minor += signed;
                    }
                }
            }
            _ => {}
        }
    }

    /// Puts in a new drive, with its registration as document 1.
    pub(super) fn replace(&mut self, identity: Identity, now: LocalDateTime) -> io::Result<()> {
        self.keep(Row::Drive(identity))?;
        self.register(EmulatedDocument {
            kind: kind::REGISTRATION,
            time: Some(now),
            ..EmulatedDocument::default()
        })?;
        Ok(())
    }

    pub(super) fn last_number(&self) -> u32 {
        self.documents.last().map_or(0, |d| d.number)
    }

    pub(super) fn get(&self, number: u32) -> Option<&EmulatedDocument> {
        let first = self.documents.first()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.documents.get(at)
    }

    /// Gives a document its number and sign, and keeps it. On an error nothing is registered.
    pub(super) fn register(
        &mut self,
        mut document: EmulatedDocument,
    ) -> io::Result<EmulatedDocument> {
        document.number = self.last_number() + 1;
        document.sign = sign(&self.identity.number, &document);
        self.keep(Row::Document(document.clone()))?;
        Ok(document)
    }

    /// Counts money put in, or taken out when below zero.
    pub(super) fn cash(&mut self, sum: i64) -> io::Result<()> {
        self.keep(Row::Cash(sum))
    }

    fn keep(&mut self, row: Row) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(&row)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_data()?;
        }
        self.apply(row);
        Ok(())
    }
}

/// A fiscal sign that depends on everything it should; FNV-1a.
fn sign(drive: &str, d: &EmulatedDocument) -> u32 {
    let time = d.time.map_or_else(String::new, |t| t.to_string());
    let text = format!("{drive}/{}/{}/{time}/{}", d.number, d.kind, d.total_minor);
    text.bytes().fold(0x811C_9DC5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// ASCII of a fixed length, filled with blanks.
pub(super) fn padded(value: &str, len: usize) -> Vec<u8> {
    let mut bytes = text::tlv(value, len);
    bytes.resize(len, b' ');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_survives_the_process_and_a_torn_line() {
        let identity = Identity {
            number: "9999078902019097".into(),
            registration: "0000000001002292".into(),
        };
        let now = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drive");
        let mut drive = Journal::open(Some(path.clone()), identity.clone(), now).unwrap();
        let receipt = EmulatedDocument {
            kind: kind::RECEIPT,
            operation: Some(1),
            tenders: vec![(1, 700)],
            change_minor: 200,
            ..EmulatedDocument::default()
        };
        let second = drive.register(receipt).unwrap();
        drive.cash(-300).unwrap();
        assert_eq!(second.number, 2);
        drop(drive);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"document\":{\"numb").unwrap();
        drop(file);
        for _ in 0..2 {
            let again = Journal::open(Some(path.clone()), identity.clone(), now).unwrap();
            assert_eq!(again.get(2), Some(&second));
            assert_eq!((again.get(0), again.get(3)), (None, None));
            assert_eq!(again.counters.cash.drawer_minor, 200);
            assert_eq!(
                (again.counters.cash.outs, again.counters.cash.out_minor),
                (1, 300)
            );
            assert_eq!(again.counters.payments[0][0], 500);
        }
    }
}
