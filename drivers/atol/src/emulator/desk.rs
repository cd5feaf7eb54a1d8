//! What the emulated printer counts and keeps beside its documents: the drawer, the shift's sums, tables, the
//! registration, the clock.

use super::{
    journal::{EmulatedCash, EmulatedDocument},
    machine::{
        Machine, NO_CASH, NO_EXCHANGE, Outcome, SHIFT_CLOSED, SHIFT_OPEN, WRONG_FORMAT, done, value,
    },
    paper,
};
use crate::{
    bcd,
    command::{TAG_BLOCK, mode, op},
    error_table::{NO_PAPER, SHIFT_EXPIRED},
    local_time::{BcdTime as _, LocalDateTime},
    text, tlv,
    tlv::tag,
};
use galley_fiscal::VatRate;

/// Receipt types whose cash comes into the drawer.
const INCOME: [u8; 4] = [1, 5, 7, 10];
const WRONG_CLOCK: u8 = 0x94;

fn six(sum: u64) -> Vec<u8> {
    bcd::encode::<6>(sum).unwrap_or_default().to_vec()
}

fn seven(sum: u64) -> Vec<u8> {
    bcd::encode::<7>(sum).unwrap_or_default().to_vec()
}

impl Machine {
    /// The printer's clock.
    pub(super) fn now(&self) -> LocalDateTime {
        LocalDateTime::from_seconds(self.clock.now().seconds() + self.clock_offset)
    }

    /// Sets the clock: with a closed shift, and not before the last document.
    pub(super) fn set_clock(&mut self, p: &[u8]) -> Outcome {
        let wanted = p
            .get(..6)
            .and_then(LocalDateTime::from_bcd_dmy)
            .ok_or(WRONG_CLOCK)?;
        if self.open_shift().is_some() {
            return Err(SHIFT_OPEN);
        }
        let last = self
            .journal
            .documents
            .last()
            .map_or(0, |d| d.time.seconds());
        if wanted.seconds() < last {
            return Err(WRONG_CLOCK);
        }
        self.clock_offset = wanted.seconds() - self.clock.now().seconds();
        done()
    }

    pub(super) fn read_table(&self, p: &[u8]) -> Outcome {
        let cell: [u8; 4] = p
            .get(..4)
            .and_then(|c| c.try_into().ok())
            .ok_or(WRONG_FORMAT)?;
        value(self.tables.get(&cell).map_or(&[0][..], Vec::as_slice))
    }

    /// Table write; its layout is from memory.
    pub(super) fn write_table(&mut self, p: &[u8]) -> Outcome {
        self.need_mode(mode::PROGRAMMING)?;
        let (cell, value) = p.split_first_chunk::<4>().ok_or(WRONG_FORMAT)?;
        if value.is_empty() {
            return Err(WRONG_FORMAT);
        }
        self.tables.insert(*cell, value.to_vec());
        done()
    }

    /// A tag of the registration, in blocks as tags are written.
    pub(super) fn read_tag(&self, p: &[u8]) -> Outcome {
        let number = p.first_chunk().map(|b| u16::from_le_bytes(*b));
        let wanted = number.ok_or(WRONG_FORMAT)?;
        let c = &self.config;
        let bytes = match wanted {
            tag::REGISTRATION => text::encode(&self.journal.identity.registration, 20),
            tag::ORGANISATION => text::encode(&c.organisation, 256),
            tag::ORGANISATION_INN => text::encode(&format!("{:12}", c.organisation_inn), 12),
            tag::ADDRESS => text::encode(&c.address, 256),
            tag::OFD => text::encode(&c.ofd, 256),
            tag::TAX_SYSTEMS => vec![c.tax_systems],
            tag::AUTOMATIC => vec![u8::from(c.automatic)],
            1060 => text::encode("www.nalog.gov.ru", 64),
            _ => return Err(crate::drive::NO_SUCH_DATA),
        };
        let tlv = tlv::encode(wanted, &bytes);
        let parts = tlv.chunks(TAG_BLOCK);
        let count = parts.len() as u8;
        let block = usize::from(p.get(2).copied().unwrap_or(0));
        let part = parts.into_iter().nth(block).ok_or(WRONG_FORMAT)?;
        value(&[&[count], part].concat())
    }

    /// Cash in the drawer since the drive was put in.
    pub(super) fn drawer(&self) -> u64 {
        let documents: i128 = self.journal.documents.iter().map(cash_of).sum();
        let moved: i128 = self
            .journal
            .cash
            .iter()
            .map(|c| {
                let sum = i128::from(c.sum_minor);
                if c.out { -sum } else { sum }
            })
            .sum();
        u64::try_from(documents + moved).unwrap_or(0)
    }

    fn cash_of_shift(&self, out: bool) -> (u64, u64) {
        let shift = self.shift_number();
        let these = || {
            self.journal
                .cash
                .iter()
                .filter(|c| c.shift == shift && c.out == out)
        };
        (these().count() as u64, these().map(|c| c.sum_minor).sum())
    }

    /// Documents of the current or last shift with this receipt type.
    fn of_shift(&self, kind: u8) -> impl Iterator<Item = &EmulatedDocument> {
        let shift = self.shift_number();
        let documents = self.journal.documents.iter();
        documents.filter(move |d| d.shift == shift && d.operation == Some(kind))
    }

    pub(super) fn sum_of_shift(&self, kind: u8) -> u64 {
        self.of_shift(kind).map(|d| d.total_minor).sum()
    }

    /// Registers that count (2.5); `None` for another register.
    pub(super) fn counter(&self, number: u8, p1: u8, p2: u8) -> Option<Vec<u8>> {
        let two = |n: u64| bcd::encode::<2>(n % 10_000).unwrap_or_default().to_vec();
        Some(match number {
            1 => six(self.sum_of_shift(p1)),
            3 => six(self
                .of_shift(p1)
                .flat_map(|d| &d.tenders)
                .filter(|(form, _)| *form == p2)
                .map(|(_, sum)| sum)
                .sum()),
            4 => six(self.cash_of_shift(false).1),
            5 => six(self.cash_of_shift(true).1),
            6 => two(self.of_shift(p1).map(|d| d.lines.len() as u64).sum()),
            8 => two(self.cash_of_shift(false).0),
            9 => two(self.cash_of_shift(true).0),
            10 => seven(self.drawer()),
            // Its numbering of receipts is another one (captured).
            12 => seven(self.sum_of_shift(*[1, 4, 2, 5].get(usize::from(p1))?)),
            56 => seven(
                self.journal
                    .documents
                    .iter()
                    .filter(|d| d.operation == Some(p1))
                    .flat_map(|d| &d.tenders)
                    .filter(|(form, _)| *form == p2)
                    .map(|(_, sum)| sum)
                    .sum(),
            ),
            40 => seven(
                self.journal
                    .documents
                    .iter()
                    .filter(|d| d.operation == Some(p1))
                    .map(|d| d.total_minor)
                    .sum(),
            ),
            46 => six(0),
            60 => six(self.of_shift(p1).map(|d| tax(d, p2)).sum()),
            65 => {
                let five = |n: u64| bcd::encode::<5>(n).unwrap_or_default();
                let cancelled = if p1 == 1 {
                    u64::from(self.cancelled)
                } else {
                    0
                };
                [five(self.of_shift(p1).count() as u64), five(cancelled)].concat()
            }
            _ => return None,
        })
    }

    pub(super) fn cash(&mut self, command: u8, p: &[u8]) -> Outcome {
        self.need_mode(mode::REGISTRATION)?;
        let flags = *p.first().ok_or(WRONG_FORMAT)?;
        let sum = p.get(1..6).and_then(bcd::decode).ok_or(WRONG_FORMAT)?;
        let out = command == op::CASH_OUT;
        if self.receipt.is_some() {
            return Err(super::machine::RECEIPT_OPEN);
        }
        if self.open_shift().is_none() {
            return Err(SHIFT_CLOSED);
        }
        if self.shift_expired() {
            return Err(SHIFT_EXPIRED);
        }
        if out && sum > self.drawer() {
            return Err(NO_CASH);
        }
        if !self.has_paper() {
            return Err(NO_PAPER);
        }
        if flags & 1 != 0 {
            return done();
        }
        if self.paper_ends == Some(false) {
            self.paper_ends = None;
            self.paper = false;
            return Err(NO_PAPER);
        }
        let counted = EmulatedCash {
            out,
            sum_minor: sum,
            shift: self.shift_number(),
            time: self.now(),
        };
        self.journal.count(counted).map_err(|_| NO_EXCHANGE)?;
        self.early_tags.clear();
        let title = if out {
            "ВЫПЛАТА"
        } else {
            "ВНЕСЕНИЕ"
        };
        let width = self.config.line_width;
        let mut lines = paper::edges(title, &paper::money(sum), width);
        lines.extend(paper::edges("В КАССЕ", &paper::money(self.drawer()), width));
        let ends = self.paper_ends.take() == Some(true);
        self.print_document(lines, ends)
    }

    pub(super) fn x_report(&mut self) -> Outcome {
        self.need_mode(mode::X_REPORTS)?;
        let width = self.config.line_width;
        let mut lines = vec![format!("X-ОТЧЕТ  СМЕНА {}", self.shift_number())];
        for (kind, title) in [
            (1, "ПРИХОД"),
            (2, "ВОЗВРАТ ПРИХОДА"),
            (4, "РАСХОД"),
            (5, "ВОЗВРАТ РАСХОДА"),
        ] {
            lines.extend(paper::edges(
                title,
                &paper::money(self.sum_of_shift(kind)),
                width,
            ));
        }
        for (out, title) in [(false, "ВНЕСЕНО"), (true, "ВЫПЛАЧЕНО")] {
            lines.extend(paper::edges(
                title,
                &paper::money(self.cash_of_shift(out).1),
                width,
            ));
        }
        lines.extend(paper::edges("В КАССЕ", &paper::money(self.drawer()), width));
        lines.push(String::new());
        self.print(lines)
    }
}

/// What a document moves in the drawer.
fn cash_of(d: &EmulatedDocument) -> i128 {
    let cash: u64 = d
        .tenders
        .iter()
        .filter(|(form, _)| *form == 1)
        .map(|(_, sum)| sum)
        .sum();
    match d.operation {
        Some(kind) if INCOME.contains(&kind) => i128::from(cash),
        Some(_) => -i128::from(cash),
        None => 0,
    }
}

/// Tax of a document by the firmware's index.
fn tax(d: &EmulatedDocument, index: u8) -> u64 {
    // The indexes of this firmware are the numbers of tag 1199.
    let Some(rate) = VatRate::from_number(index) else {
        return 0;
    };
    let sum: i64 = d
        .lines
        .iter()
        .filter(|l| l.tax_index == index)
        .map(|l| {
            let sum = i64::try_from(l.sum_minor).unwrap_or(0);
            match rate {
                VatRate::Vat0 | VatRate::None => sum,
                _ => rate.inside(sum),
            }
        })
        .sum();
    u64::try_from(sum).unwrap_or(0)
}
