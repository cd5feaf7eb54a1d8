//! The commands of the fiscal drive, FFxx.

use super::commands::{Call, Outcome, ascii};
use super::journal::{EmulatedDocument, EmulatedLine};
use super::machine::Machine;
use crate::{
    command::op,
    drive::{NO_DATA, kind},
    error_table::{
        self, DRIVE_STATE, NOT_SUPPORTED, RECEIPT_CLOSED, SHIFT_NOT_OPEN, SHIFT_OPEN, UNDERPAID,
        WRONG_PARAMETERS, WRONG_TYPE,
    },
    text, tlv,
};
use galley_fiscal::ReceiptKind;

/// Settlement signs by the type of 8Dh.
const SIGNS: [u8; 4] = [1, 3, 2, 4];
/// Marked units that the drive holds for a receipt.
const MAX_MARKS: usize = 128;

impl Machine {
    pub(super) fn fiscal(&mut self, call: &Call) -> Outcome {
        match call.code {
            op::FS_STATUS => {
                call.exactly(0)?;
                let mut data = vec![3, self.current_document(), 0, u8::from(self.shift_open())];
                data.push(if self.unsent() > 0 && !self.ofd_connected {
                    8
                } else {
                    0
                });
                let last = self.journal.documents.last().and_then(|d| d.time);
                data.extend(last.unwrap_or_else(|| self.now()).to_binary());
                data.extend(ascii(&self.journal.identity.number, 16));
                data.extend(self.journal.last_number().to_le_bytes());
                Ok(data)
            }
            op::FS_NUMBER => Ok(ascii(&self.journal.identity.number, 16)),
            op::FS_EXPIRY => {
                let (y, m, d) = self.config.drive_valid_until;
                Ok(vec![(y % 100) as u8, m, d, 29, 1])
            }
            op::FS_VERSION => Ok([ascii("fn debug v 2.13", 16), vec![0]].concat()),
            op::FS_CANCEL => {
                if self.begun.take().is_none() && self.receipt.take().is_none() {
                    return Err(DRIVE_STATE);
                }
                self.begun_tags.clear();
                Ok(Vec::new())
            }
            op::FS_REGISTRATION | 0xFF4C => Ok(self.registration()),
            op::FS_DOCUMENT => self.found(call),
            op::FS_TAG => self.tag(call),
            op::FS_ITEM_TAG => self.item_tag(call),
            op::FS_BUFFER_BEGIN => {
                self.buffer.clear();
                Ok(vec![128])
            }
            op::FS_BUFFER_WRITE => {
                call.at_least(3)?;
                let (at, data) = (call.number(0, 2) as usize, &call.body[3..]);
                if at != self.buffer.len() || data.len() != usize::from(call.body[2]) {
                    return Err(WRONG_PARAMETERS);
                }
                self.buffer.extend(data);
                Ok(Vec::new())
            }
            op::FS_BUFFER_TAG => {
                let bytes = std::mem::take(&mut self.buffer);
                self.tags_of_document(&bytes)
            }
            op::FS_CORRECTION_BEGIN => self.begin(0x14, self.shift_open(), SHIFT_NOT_OPEN),
            op::FS_OPEN_SHIFT_BEGIN => self.begin(0x02, !self.shift_open(), SHIFT_OPEN),
            op::FS_CLOSE_SHIFT_BEGIN => self.begin(0x08, self.shift_open(), SHIFT_NOT_OPEN),
            op::FS_EXCHANGE => {
                let unsent = self.unsent();
                let first = self.first_unsent.unwrap_or(0);
                let time = self.journal.get(first).and_then(|d| d.time);
                let mut data = vec![u8::from(self.ofd_connected) | u8::from(unsent > 0) << 1, 0];
                data.extend((unsent as u16).to_le_bytes());
                data.extend(first.to_le_bytes());
                data.extend(time.map_or([0; 5], |t| t.to_binary()));
                Ok(data)
            }
            op::FS_READ_BEGIN => {
                call.exactly(4)?;
                let number = call.number(0, 4) as u32;
                let keys = self.config.keys_come_back;
                let document = self.journal.get(number).ok_or(NO_DATA)?;
                let pieces = document.tlvs(&self.journal.identity, keys);
                let length: usize = pieces.iter().map(Vec::len).sum();
                self.reading = Some(pieces.into());
                let mut data = vec![document_tag(call), 0];
                data.extend((length as u16).to_le_bytes());
                Ok(data)
            }
            op::FS_READ_NEXT => match self.reading.as_mut().map(|r| r.pop_front()) {
                Some(Some(piece)) => Ok(piece),
                Some(None) => {
                    self.reading = None;
                    Err(NO_DATA)
                }
                None => Err(NO_DATA),
            },
            op::FS_UNCONFIRMED => Ok((self.unsent() as u16).to_le_bytes().to_vec()),
            op::FS_SHIFT => {
                let mut data = vec![u8::from(self.shift_open())];
                data.extend((self.shift_number() as u16).to_le_bytes());
                data.extend((self.receipt_number() as u16).to_le_bytes());
                Ok(data)
            }
            op::FS_ITEM => self.item(call),
            op::FS_CLOSE_RECEIPT => self.close_receipt(call),
            op::FS_CORRECTION => self.correction(call),
            op::FS_MEMORY => {
                let mut data = 200_000u32.to_le_bytes().to_vec();
                data.extend(900_000u32.to_le_bytes());
                Ok(data)
            }
            op::FS_CHECK_MARK => self.check_mark(call),
            op::FS_ACCEPT_MARK => {
                call.exactly(1)?;
                let code = self.checked.take().ok_or(0xA1)?;
                let result = mark_result(&code, self.ofd_connected);
                if call.body[0] == 1 {
                    if self.accepted.len() >= MAX_MARKS {
                        return Err(0xA3);
                    }
                    self.accepted.push(code);
                }
                Ok(vec![result])
            }
            op::FS_BIND_MARK => self.bind_mark(call),
            _ => Err(NOT_SUPPORTED),
        }
    }

    fn registration(&self) -> Vec<u8> {
        let first = self.journal.documents.first();
        let time = first.and_then(|d| d.time).unwrap_or_else(|| self.now());
        let mut data = time.to_binary().to_vec();
        data.extend(ascii(&self.config.inn, 12));
        data.extend(ascii(&self.journal.identity.registration, 20));
        data.extend([self.config.tax_systems, 0x04]);
        data.extend(1u32.to_le_bytes());
        data.extend(first.map_or(0, |d| d.sign).to_le_bytes());
        data
    }

    fn found(&self, call: &Call) -> Outcome {
        call.exactly(4)?;
        let number = call.number(0, 4) as u32;
        let document = self.journal.get(number).ok_or(NO_DATA)?;
        let waits = self.first_unsent.is_some_and(|first| number >= first);
        let mut data = vec![document.kind, u8::from(!waits)];
        data.extend(document.time.map_or([0; 5], |t| t.to_binary()));
        data.extend(document.number.to_le_bytes());
        data.extend(document.sign.to_le_bytes());
        match document.operation {
            Some(operation) => {
                data.push(operation);
                data.extend(&document.total_minor.to_le_bytes()[..5]);
            }
            None if document.kind == kind::REGISTRATION => {
                data.extend(ascii(&self.config.inn, 12));
                data.extend(ascii(&self.journal.identity.registration, 20));
                data.extend([self.config.tax_systems, 0x04]);
            }
            None => data.extend((document.shift as u16).to_le_bytes()),
        }
        Ok(data)
    }

    fn begin(&mut self, document: u8, fits: bool, error: u8) -> Outcome {
        if !fits {
            return Err(error);
        }
        if self.current_document() != 0 {
            return Err(DRIVE_STATE);
        }
        self.begun = Some(document);
        self.begun_tags.clear();
        Ok(Vec::new())
    }

    fn tag(&mut self, call: &Call) -> Outcome {
        self.tags_of_document(call.body)
    }

    fn tags_of_document(&mut self, bytes: &[u8]) -> Outcome {
        let tags = whole(bytes)?;
        match (&mut self.receipt, self.begun) {
            (Some(receipt), _) => receipt.tags.extend(tags),
            (None, Some(_)) => self.begun_tags.extend(tags),
            (None, None) => return Err(DRIVE_STATE),
        }
        Ok(Vec::new())
    }

    fn item_tag(&mut self, call: &Call) -> Outcome {
        let tags = whole(call.body)?;
        let first = self.config.cash_core;
        let receipt = self.receipt.as_mut().ok_or(error_table::WRONG_MODE)?;
        if first {
            receipt.line_tags.extend(tags);
        } else {
            let line = receipt.lines.last_mut().ok_or(WRONG_PARAMETERS)?;
            line.tags.extend(tags);
        }
        Ok(Vec::new())
    }

    fn item(&mut self, call: &Call) -> Outcome {
        call.at_least(26)?;
        let receipt = self.receipt.as_mut().ok_or(error_table::WRONG_MODE)?;
        if call.body[0] != SIGNS[usize::from(receipt.kind & 0x03)] {
            return Err(WRONG_TYPE);
        }
        let (quantity, price, given) = (call.number(1, 6), call.number(7, 5), call.number(12, 5));
        let exact = (u128::from(price) * u128::from(quantity) + 500_000) / 1_000_000;
        let computed = u64::try_from(exact).map_err(|_| 0x60)?;
        let sum = if given == 0xFF_FFFF_FFFF {
            computed
        } else {
            given
        };
        let name = &call.body[26..];
        if sum.abs_diff(computed) > 1
            || name.len() > 128
            || call.body[23] > 16 && call.body[23] != 255
        {
            return Err(WRONG_PARAMETERS);
        }
        receipt.lines.push(EmulatedLine {
            name: text::from_cp1251(name),
            price_minor: price,
            quantity_micro: quantity,
            sum_minor: sum,
            vat: call.body[22],
            department: call.body[23],
            method: call.body[24],
            subject: call.body[25],
            tags: std::mem::take(&mut receipt.line_tags),
            marking: None,
        });
        Ok(Vec::new())
    }

    fn close_receipt(&mut self, call: &Call) -> Outcome {
        call.at_least(112)?;
        let sums: Vec<(u8, u64)> = (0..16u8)
            .map(|i| (i + 1, call.number(usize::from(i) * 5, 5)))
            .filter(|(_, sum)| *sum > 0)
            .collect();
        let system = call.body[111];
        if system.count_ones() != 1 || system & self.config.tax_systems == 0 {
            return Err(WRONG_PARAMETERS);
        }
        let document = self.close(call, sums, Some(system))?;
        let mut data = document.change_minor.to_le_bytes()[..5].to_vec();
        data.extend(document.number.to_le_bytes());
        data.extend(document.sign.to_le_bytes());
        self.extend_reply(&mut data, &document);
        Ok(data)
    }

    fn extend_reply(&self, data: &mut Vec<u8>, document: &EmulatedDocument) {
        let on = self
            .tables
            .get(&(17, 1, 36))
            .is_some_and(|v| v.first() == Some(&1));
        if let (true, Some(time)) = (on, document.time) {
            data.extend(time.to_binary());
        }
    }

    /// Registers the open receipt.
    pub(super) fn close(
        &mut self,
        call: &Call,
        tenders: Vec<(u8, u64)>,
        tax_system: Option<u8>,
    ) -> Result<EmulatedDocument, u8> {
        let receipt = self.receipt.as_ref().ok_or(RECEIPT_CLOSED)?;
        let total: u64 = receipt.lines.iter().map(|l| l.sum_minor).sum();
        let paid: u64 = tenders.iter().map(|(_, sum)| sum).sum();
        let cash: u64 = tenders
            .iter()
            .filter(|(t, _)| *t == 1)
            .map(|(_, s)| s)
            .sum();
        if total == 0 {
            return Err(0x8E);
        }
        if paid < total {
            return Err(UNDERPAID);
        }
        if paid - cash > total {
            return Err(0x4D);
        }
        let receipt = self.receipt.take().ok_or(RECEIPT_CLOSED)?;
        let correction = receipt.kind & 0x80 != 0;
        let mut document = self.blank(if correction {
            kind::CORRECTION
        } else {
            kind::RECEIPT
        });
        document.operation = Some(SIGNS[usize::from(receipt.kind & 0x03)]);
        document.receipt = Some(self.receipt_number() + 1);
        document.total_minor = total;
        document.lines = receipt.lines;
        document.tags = receipt.tags;
        document.tenders = tenders;
        document.change_minor = paid - total;
        document.tax_system = tax_system;
        self.accepted.clear();
        self.register(document, call.ends, call.now)
    }

    fn correction(&mut self, call: &Call) -> Outcome {
        call.exactly(63)?;
        self.no_receipt()?;
        if self.begun.is_some_and(|b| b != 0x14) {
            return Err(DRIVE_STATE);
        }
        if !self.shift_open() {
            return Err(SHIFT_NOT_OPEN);
        }
        let (by, sign, total) = (call.body[0], call.body[1], call.number(2, 5));
        let tenders: Vec<(u8, u64)> = [1u8, 2, 14, 15, 16]
            .iter()
            .enumerate()
            .map(|(i, form)| (*form, call.number(7 + i * 5, 5)))
            .filter(|(_, sum)| *sum > 0)
            .collect();
        let paid: u64 = tenders.iter().map(|(_, sum)| sum).sum();
        if by > 1 || !matches!(sign, 1 | 3) || total == 0 || paid != total {
            return Err(WRONG_PARAMETERS);
        }
        let mut document = self.blank(kind::CORRECTION);
        document.operation = Some(sign);
        document.receipt = Some(self.receipt_number() + 1);
        document.total_minor = total;
        document.tenders = tenders;
        document.tax_system = Some(call.body[62]);
        document.tags = std::mem::take(&mut self.begun_tags);
        document.tags.push((tlv::tag::CORRECTION_BY, vec![by]));
        self.begun = None;
        let document = self.register(document, call.ends, call.now)?;
        let mut data = (document.receipt.unwrap_or(0) as u16)
            .to_le_bytes()
            .to_vec();
        data.extend(document.number.to_le_bytes());
        data.extend(document.sign.to_le_bytes());
        self.extend_reply(&mut data, &document);
        Ok(data)
    }

    fn check_mark(&mut self, call: &Call) -> Outcome {
        call.at_least(4)?;
        let (code, extra) = (usize::from(call.body[2]), usize::from(call.body[3]));
        call.exactly(4 + code + extra)?;
        if call.body[1] != 0 || code == 0 {
            return Err(WRONG_PARAMETERS);
        }
        let code = call.body[4..4 + code].to_vec();
        let result = mark_result(&code, self.ofd_connected);
        let mut data = vec![result & 0x03, 0, 0];
        if self.ofd_connected {
            data.extend([2, 0, result]);
        } else {
            data.push(0);
        }
        self.checked = Some(code);
        Ok(data)
    }

    fn bind_mark(&mut self, call: &Call) -> Outcome {
        call.at_least(1)?;
        let length = usize::from(call.body[0]);
        let code = call.body.get(1..=length).ok_or(WRONG_PARAMETERS)?;
        let at = self.accepted.iter().position(|c| c == code).ok_or(0xAA)?;
        let receipt = self.receipt.as_mut().ok_or(error_table::WRONG_MODE)?;
        let line = receipt.lines.last_mut().ok_or(WRONG_PARAMETERS)?;
        line.marking = Some(self.accepted.remove(at));
        Ok(vec![0x44, 0x4D, 0])
    }

    /// A receipt that somebody else registers on this printer.
    pub(super) fn stranger(
        &mut self,
        kind: ReceiptKind,
        total: u64,
        key: Option<&str>,
    ) -> Option<u32> {
        let mut document = self.blank(kind::RECEIPT);
        document.operation = Some(kind.tag_1054());
        document.receipt = Some(self.receipt_number() + 1);
        document.total_minor = total;
        document.tenders = vec![(1, total)];
        if let Some(key) = key {
            document.tags = vec![(tlv::tag::RECEIPT_KEY, key.as_bytes().to_vec())];
        }
        self.journal.register(document).ok().map(|d| d.number)
    }
}

/// Type of the container in the answer to FF3Ah. The number is not known; hosts skip it.
fn document_tag(_: &Call) -> u8 {
    0x0F
}

/// Bits of tag 2106 for a code: those with "BAD" in them are forged.
fn mark_result(code: &[u8], online: bool) -> u8 {
    let forged = code.windows(3).any(|part| part == b"BAD");
    match (forged, online) {
        (false, true) => 0x0F,
        (false, false) => 0x13,
        (true, true) => 0x05,
        (true, false) => 0x11,
    }
}

/// The TLVs of a command, which must be nothing else and not empty.
fn whole(bytes: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, u8> {
    let tags: Vec<(u16, Vec<u8>)> = tlv::walk(bytes).map(|(t, v)| (t, v.to_vec())).collect();
    let length: usize = tags.iter().map(|(_, v)| v.len() + 4).sum();
    if tags.is_empty() || length != bytes.len() {
        return Err(WRONG_PARAMETERS);
    }
    Ok(tags)
}
