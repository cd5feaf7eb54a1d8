//! The emulated fiscal drive: its documents, kept in a file when there is one.
//!
//! The file has one JSON object a line, appended and synced before a document counts as registered. A last
//! line that a crash cut off is dropped when the file is opened.

use crate::{drive::kind, local_time::LocalDateTime, tlv, tlv::tag};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::PathBuf,
};

/// Money put into the drawer or taken out. No fiscal document, but it must outlive the process like one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmulatedCash {
    /// Taken out, not put in.
    pub out: bool,
    /// How much.
    pub sum_minor: u64,
    /// In which shift.
    pub shift: u32,
    /// When.
    pub time: LocalDateTime,
}

/// A tag as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmulatedTag {
    /// Its number.
    pub tag: u16,
    /// Its value, two hexadecimal digits a byte.
    pub hex: String,
}

impl EmulatedTag {
    pub(super) fn new(tag: u16, value: &[u8]) -> Self {
        let hex = value.iter().map(|b| format!("{b:02x}")).collect();
        Self { tag, hex }
    }

    /// Its value.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.hex
            .as_bytes()
            .chunks(2)
            .filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
            .collect()
    }

    /// Its value as text.
    #[must_use]
    pub fn text(&self) -> String {
        crate::text::decode(&self.bytes()).trim_end().to_owned()
    }
}

/// A document in the emulated drive. Money in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmulatedDocument {
    /// Number of the fiscal document.
    pub number: u32,
    /// 1 registration, 2 opening of a shift, 3 receipt, 5 closing of a shift, 31 correction.
    pub kind: u8,
    /// Type of a receipt as in command 92: 1 sale, 2 its return, 4 purchase, 5 its return, 7 to 10 corrections.
    pub operation: Option<u8>,
    /// Shift.
    pub shift: u32,
    /// Number of the receipt in its shift.
    pub receipt: Option<u32>,
    /// When it was registered.
    pub time: LocalDateTime,
    /// Fiscal sign.
    pub sign: u32,
    /// Total of a receipt.
    pub total_minor: u64,
    /// Lines of a receipt.
    pub lines: Vec<EmulatedLine>,
    /// Payments: type (1 cash, 2 electronic, 3 advance, 4 credit, 5 other) and sum.
    pub tenders: Vec<(u8, u64)>,
    /// Tag 1192.
    pub key: Option<String>,
    /// Tag 1021.
    pub operator: Option<String>,
    /// Tag 1008.
    pub buyer_contact: Option<String>,
    /// Tag 1055.
    pub tax_system: Option<u8>,
    /// No paper was wanted.
    pub electronic: bool,
    /// Every other tag that was written into it.
    #[serde(default)]
    pub tags: Vec<EmulatedTag>,
}

impl EmulatedDocument {
    /// A tag that has no field of its own here.
    #[must_use]
    pub fn tag(&self, tag: u16) -> Option<&EmulatedTag> {
        self.tags.iter().find(|t| t.tag == tag)
    }
}

/// A line of a receipt in the emulated drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmulatedLine {
    /// Tag 1030.
    pub name: String,
    /// Tag 1079.
    pub price_minor: u64,
    /// Tag 1023 in thousandths.
    pub quantity_milli: u64,
    /// Tag 1043.
    pub sum_minor: u64,
    /// Tax index of the firmware.
    pub tax_index: u8,
    /// Tag 1212.
    pub subject: u8,
    /// Tag 1214.
    pub method: u8,
    /// Tag 1197.
    pub unit: Option<String>,
    /// Every other tag that was written into it.
    #[serde(default)]
    pub tags: Vec<EmulatedTag>,
}

impl EmulatedLine {
    /// A tag that has no field of its own here.
    #[must_use]
    pub fn tag(&self, tag: u16) -> Option<&EmulatedTag> {
        self.tags.iter().find(|t| t.tag == tag)
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
    Cash(EmulatedCash),
}

/// The drive.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) identity: Identity,
    pub(super) documents: Vec<EmulatedDocument>,
    pub(super) cash: Vec<EmulatedCash>,
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
            cash: Vec::new(),
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
            match serde_json::from_str(line)? {
                Row::Drive(identity) => {
                    journal.identity = identity;
                    journal.documents.clear();
                    journal.cash.clear();
                }
                Row::Cash(cash) => journal.cash.push(cash),
                Row::Document(document) => journal.documents.push(document),
            }
        }
        if journal.documents.is_empty() {
            journal.replace(fresh, now)?;
        }
        Ok(journal)
    }

    /// Puts in a new drive, with its registration as document 1.
    pub(super) fn replace(&mut self, identity: Identity, now: LocalDateTime) -> io::Result<()> {
        self.write(&Row::Drive(identity.clone()))?;
        self.identity = identity;
        self.documents.clear();
        self.cash.clear();
        self.register(EmulatedDocument {
            number: 0,
            kind: kind::REGISTRATION,
            operation: None,
            shift: 0,
            receipt: None,
            time: now,
            sign: 0,
            total_minor: 0,
            lines: Vec::new(),
            tenders: Vec::new(),
            key: None,
            operator: None,
            buyer_contact: None,
            tax_system: None,
            electronic: false,
            tags: Vec::new(),
        })?;
        Ok(())
    }

    pub(super) fn last_number(&self) -> u32 {
        self.documents.last().map_or(0, |d| d.number)
    }

    pub(super) fn get(&self, number: u32) -> Option<&EmulatedDocument> {
        self.documents.iter().find(|d| d.number == number)
    }

    /// Gives a document its number and sign, and keeps it. On an error nothing is registered.
    pub(super) fn register(
        &mut self,
        mut document: EmulatedDocument,
    ) -> io::Result<EmulatedDocument> {
        document.number = self.last_number() + 1;
        document.sign = sign(&self.identity.number, &document);
        self.write(&Row::Document(document.clone()))?;
        self.documents.push(document.clone());
        Ok(document)
    }

    /// Counts money put in or taken out. On an error nothing is counted.
    pub(super) fn count(&mut self, cash: EmulatedCash) -> io::Result<()> {
        self.write(&Row::Cash(cash.clone()))?;
        self.cash.push(cash);
        Ok(())
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_data()?;
        }
        Ok(())
    }
}

/// A fiscal sign that depends on everything it should; FNV-1a.
fn sign(drive: &str, d: &EmulatedDocument) -> u32 {
    let text = format!(
        "{drive}/{}/{}/{}/{}",
        d.number, d.kind, d.time, d.total_minor
    );
    text.bytes().fold(0x811C_9DC5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

impl EmulatedDocument {
    /// Tag 1054: 1 sale, 2 its return, 3 purchase, 4 its return, of a receipt or of a correction.
    #[must_use]
    pub fn settlement(&self) -> Option<u8> {
        self.operation.map(|code| match code {
            1 | 7 => 1,
            2 | 8 => 2,
            4 | 9 => 3,
            5 | 10 => 4,
            other => other,
        })
    }

    /// The document as TLVs, as the drive's archive gives them.
    pub(super) fn tlvs(&self, identity: &Identity, with_key: bool) -> Vec<Vec<u8>> {
        let le = |n: u32| n.to_le_bytes();
        let mut out = vec![
            tlv::encode(tag::REGISTRATION, &padded(&identity.registration, 20)),
            tlv::encode(tag::DRIVE, &padded(&identity.number, 16)),
            tlv::encode(tag::DOCUMENT, &le(self.number)),
            tlv::encode(
                tag::DATE_TIME,
                &u32::try_from(self.time.seconds())
                    .unwrap_or(u32::MAX)
                    .to_le_bytes(),
            ),
            tlv::encode(tag::SHIFT, &le(self.shift)),
        ];
        let mut text = |tag, value: &Option<String>| {
            if let Some(value) = value {
                out.push(tlv::encode(tag, &crate::text::encode(value, 256)));
            }
        };
        text(tag::OPERATOR, &self.operator);
        text(tag::BUYER_CONTACT, &self.buyer_contact);
        if with_key {
            text(tag::RECEIPT_KEY, &self.key);
        }
        if let Some(receipt) = self.receipt {
            out.push(tlv::encode(tag::RECEIPT, &le(receipt)));
        }
        if let Some(system) = self.tax_system {
            out.push(tlv::encode(tag::TAX_SYSTEM, &[system]));
        }
        out.extend(self.tags.iter().map(|t| tlv::encode(t.tag, &t.bytes())));
        if let Some(sign) = self.settlement() {
            out.push(tlv::encode(tag::SETTLEMENT, &[sign]));
            out.push(tlv::encode(tag::TOTAL, &tlv::vln(self.total_minor)));
            out.extend(self.lines.iter().map(EmulatedLine::tlv));
            for (form, sum) in &self.tenders {
                let tag = match form {
                    1 => tag::CASH,
                    2 => tag::ELECTRONIC,
                    3 => tag::ADVANCE,
                    4 => tag::CREDIT,
                    _ => tag::OTHER,
                };
                out.push(tlv::encode(tag, &tlv::vln(*sum)));
            }
        }
        out
    }
}

impl EmulatedLine {
    fn tlv(&self) -> Vec<u8> {
        // FVLN: the first byte tells the decimals.
        let quantity = [&[3], tlv::vln(self.quantity_milli).as_slice()].concat();
        let inner = [
            tlv::encode(tag::NAME, &crate::text::encode(&self.name, 128)),
            tlv::encode(tag::PRICE, &tlv::vln(self.price_minor)),
            tlv::encode(tag::QUANTITY, &quantity),
            tlv::encode(tag::POSITION_SUM, &tlv::vln(self.sum_minor)),
            tlv::encode(tag::VAT, &[self.tax_index]),
            tlv::encode(tag::SUBJECT, &[self.subject]),
            tlv::encode(tag::METHOD, &[self.method]),
        ]
        .into_iter()
        .chain(self.tags.iter().map(|t| tlv::encode(t.tag, &t.bytes())))
        .collect::<Vec<_>>()
        .concat();
        tlv::encode(tag::POSITION, &inner)
    }
}

/// ASCII of a fixed length, filled with blanks.
pub(super) fn padded(text: &str, len: usize) -> Vec<u8> {
    let mut bytes = crate::text::encode(text, len);
    bytes.resize(len, b' ');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            number: "9999078902004312".into(),
            registration: "0000000001002292".into(),
        }
    }

    fn now() -> LocalDateTime {
        LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap()
    }

    #[test]
    fn a_drive_survives_the_process_and_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drive");
        let mut drive = Journal::open(Some(path.clone()), identity(), now()).unwrap();
        let mut opening = drive.documents[0].clone();
        opening.kind = kind::SHIFT_OPEN;
        let second = drive.register(opening).unwrap();
        assert_eq!(second.number, 2);
        drop(drive);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"document\":{\"numb").unwrap();
        drop(file);
        for _ in 0..2 {
            let mut again = Journal::open(Some(path.clone()), identity(), now()).unwrap();
            assert_eq!(again.get(2), Some(&second));
            let next = again.register(second.clone()).unwrap().number;
            assert!(next >= 3);
        }
        let last = Journal::open(Some(path), identity(), now()).unwrap();
        assert_eq!(last.last_number(), 4);
    }
}
