//! What the emulated printer answers about itself: registers, and the commands to its fiscal drive.

use super::{
    journal::EmulatedDocument,
    machine::{Machine, Outcome, WRONG_FORMAT, short, value},
    receipt::OpenReceipt,
};
use crate::{bcd, drive, drive::kind, error_table::WRONG_MODE, local_time::BcdTime as _, register};

fn five(number: u64) -> [u8; 5] {
    bcd::encode(number).unwrap_or_default()
}

impl Machine {
    pub(super) fn register(&self, p: &[u8]) -> Outcome {
        let Some(number) = p.first() else {
            return Err(WRONG_FORMAT);
        };
        let documents = &self.journal.documents;
        let bytes: Vec<u8> = match *number {
            register::REVENUE => self.revenue(),
            register::CLOCK => self.now().to_bcd_dmy().to_vec(),
            register::SHIFT => {
                let end = self.shift_end().map_or([0; 6], |end| end.to_bcd_dmy());
                [&[u8::from(self.open_shift().is_some())], &end[..]].concat()
            }
            register::RECEIPT => {
                let open = self.receipt.as_ref();
                let mut out = vec![0, open.map_or(0, |r| r.kind)];
                out.extend(short(self.receipt_number()));
                out.extend(
                    bcd::encode::<4>(u64::from(self.journal.last_number())).unwrap_or_default(),
                );
                out.extend(five(open.map_or(0, OpenReceipt::total)));
                out
            }
            register::RECEIPT_SUMS => self.receipt.as_ref().map_or(vec![0; 15], |r| {
                [five(r.total()), five(r.unpaid()), five(r.change())].concat()
            }),
            register::LAST_SHIFT => short(self.last_closed_shift()).to_vec(),
            register::SERIAL => bcd::encode::<7>(self.config.serial)
                .unwrap_or_default()
                .to_vec(),
            register::LINE_WIDTH => vec![bcd::byte(self.config.line_width as u8), 0x03, 0x84],
            register::DRIVE_LIFE => {
                let (year, month, day) = self.config.drive_valid_until;
                let bcd = [day, month, (year % 100) as u8].map(bcd::byte);
                [&[0x01, 0x11], &bcd[..]].concat()
            }
            43 => vec![0; 9],
            register::LAST_RECEIPT => documents
                .iter()
                .rev()
                .find(|d| matches!(d.kind, kind::RECEIPT | kind::CORRECTION))
                .map_or(vec![0; 23], last_receipt),
            register::LAST_DOCUMENT => documents.last().map_or(vec![0; 15], last_document),
            register::DRIVE_SHIFT => {
                let three = |n: u32| bcd::encode::<3>(u64::from(n)).unwrap_or_default();
                [three(self.receipt_number()), three(self.shift_number())].concat()
            }
            register::FORMATS => {
                let ffd = self.config.format;
                vec![ffd, 3, ffd, 0x26, 0x01, 0x01, ffd, 0, 2]
            }
            register::EXTENDED_ERROR => vec![0; 3],
            58 => {
                let shift = self.shift_number();
                let count = documents.iter().filter(|d| d.shift == shift).count();
                [five(0), five(count as u64)].concat()
            }
            register::PRINT_STATE => vec![if self.unprinted.is_empty() { 0 } else { 0x20 }],
            61 => vec![0; 6],
            other => {
                let parameter = |i: usize| p.get(i).copied().unwrap_or(0);
                self.counter(other, parameter(1), parameter(2))
                    .ok_or(WRONG_MODE)?
            }
        };
        value(&bytes)
    }

    fn revenue(&self) -> Vec<u8> {
        let shift = self.shift_number();
        let sum: i64 = self
            .journal
            .documents
            .iter()
            .filter(|d| d.shift == shift)
            .map(|d| {
                let total = i64::try_from(d.total_minor).unwrap_or(i64::MAX);
                match d.operation {
                    Some(1 | 5 | 7 | 10) => total,
                    _ => -total,
                }
            })
            .sum();
        let size = bcd::encode::<6>(sum.unsigned_abs()).unwrap_or_default();
        [&[u8::from(sum < 0)], &size[..]].concat()
    }

    pub(super) fn drive_command(&mut self, p: &[u8]) -> Outcome {
        let Some((code, rest)) = p.split_first() else {
            return Err(WRONG_FORMAT);
        };
        let wanted = rest.first_chunk().map(|b| u32::from_le_bytes(*b));
        let le2 = |n: u32| (n as u16).to_le_bytes();
        let number = self.journal.identity.number.clone();
        let bytes: Vec<u8> = match *code {
            0x10 => [
                &[u8::from(self.open_shift().is_some())],
                &le2(self.shift_number())[..],
                &le2(self.receipt_number()),
            ]
            .concat(),
            drive::EXCHANGE => self.exchange(),
            drive::STATUS => {
                let mut out = vec![drive::FISCAL_PHASE, 0, 0];
                out.extend([u8::from(self.open_shift().is_some()), 0]);
                let last = self.journal.documents.last();
                out.extend(last.map_or([0; 5], |d| d.time.to_binary()));
                out.extend(super::journal::padded(&number, 16));
                out.extend(self.journal.last_number().to_le_bytes());
                out
            }
            drive::NUMBER => super::journal::padded(&number, 16),
            0x32 => {
                let (year, month, day) = self.config.drive_valid_until;
                vec![(year % 100) as u8, month, day, 11, 1]
            }
            0x33 => [super::journal::padded("fn debug v 2.13", 16), vec![0]].concat(),
            0x35 => vec![0; 4],
            drive::DOCUMENT => self.found(wanted).map(drive_document)?,
            0x41 => {
                let document = self.found(wanted)?;
                let mut out = document.time.to_binary().to_vec();
                out.extend([0; 18]);
                out.extend(document.number.to_le_bytes());
                out
            }
            drive::BEGIN_TLV => {
                let document = self.found(wanted)?;
                let keys = self.config.keys_come_back;
                let tlvs = document.tlvs(&self.journal.identity, keys);
                let length: usize = tlvs.iter().map(Vec::len).sum();
                let kind = u32::from(document.kind);
                self.tlvs = tlvs.into();
                [le2(kind), le2(length as u32)].concat()
            }
            drive::NEXT_TLV => self.tlvs.pop_front().ok_or(drive::NO_SUCH_DATA)?,
            _ => return Err(WRONG_MODE),
        };
        value(&bytes)
    }

    fn found(&self, number: Option<u32>) -> Result<&EmulatedDocument, u8> {
        let number = number.ok_or(WRONG_FORMAT)?;
        self.journal.get(number).ok_or(drive::NO_SUCH_DATA)
    }

    fn exchange(&self) -> Vec<u8> {
        let first = self.first_unsent.and_then(|n| self.journal.get(n));
        let count = first.map_or(0, |d| self.journal.last_number() - d.number + 1);
        let mut out = vec![if count > 0 { 0x02 } else { 0x01 }, 0];
        out.extend((count as u16).to_le_bytes());
        out.extend(first.map_or(0, |d| d.number).to_le_bytes());
        out.extend(first.map_or([0; 5], |d| d.time.to_binary()));
        out
    }
}

fn last_document(d: &EmulatedDocument) -> Vec<u8> {
    let time = d.time.to_bcd_dmy();
    [
        &five(u64::from(d.number))[..],
        &time[..5],
        &five(u64::from(d.sign)),
    ]
    .concat()
}

fn last_receipt(d: &EmulatedDocument) -> Vec<u8> {
    let time = d.time.to_bcd_dmy();
    let sum = bcd::encode::<7>(d.total_minor).unwrap_or_default();
    [
        &five(u64::from(d.number))[..],
        &[d.operation.unwrap_or(0)],
        &sum[..],
        &time[..5],
        &five(u64::from(d.sign)),
    ]
    .concat()
}

fn drive_document(d: &EmulatedDocument) -> Vec<u8> {
    let mut out = vec![d.kind, 0];
    out.extend(d.time.to_binary());
    out.extend(d.number.to_le_bytes());
    out.extend(d.sign.to_le_bytes());
    match d.kind {
        kind::RECEIPT | kind::CORRECTION => {
            out.push(d.settlement().unwrap_or(0));
            out.extend(&d.total_minor.to_le_bytes()[..5]);
        }
        kind::SHIFT_OPEN | kind::SHIFT_CLOSE => out.extend((d.shift as u16).to_le_bytes()),
        _ => {}
    }
    out
}
