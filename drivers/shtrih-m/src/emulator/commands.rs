//! What the emulated printer does with a command: the list, and the classic half of it.

use super::machine::{Machine, OpenReceipt, Stuck};
use super::{
    journal::{EmulatedLine, padded},
    paper::edges,
    tables,
};
use crate::{
    command::op,
    drive::kind,
    error_table::{
        self, NO_CASH, NO_PAPER, NOT_SUPPORTED, OTHER_OPERATOR, RECEIPT_CLOSED, RECEIPT_OPEN,
        SHIFT_EXPIRED, SHIFT_NOT_OPEN, SHIFT_OPEN, WRONG_LENGTH, WRONG_MODE, WRONG_PARAMETERS,
        WRONG_PASSWORD,
    },
    register,
    status::mode,
    text::{self, cp1251},
    tlv,
};
use galley_fiscal::ReceiptKind;
use tokio::time::Instant;

/// Data behind the error byte, or the error.
pub(super) type Outcome = Result<Vec<u8>, u8>;

/// A command on its way: its parameters without the password, and who gave it.
pub(super) struct Call<'a> {
    pub(super) code: u16,
    pub(super) body: &'a [u8],
    pub(super) operator: u8,
    pub(super) now: Instant,
    /// The paper ends in this command's document.
    pub(super) ends: bool,
}

impl Call<'_> {
    /// The parameters must have this length.
    pub(super) fn exactly(&self, length: usize) -> Result<(), u8> {
        if self.body.len() == length {
            Ok(())
        } else {
            Err(self.wrong_length())
        }
    }

    pub(super) fn at_least(&self, length: usize) -> Result<(), u8> {
        if self.body.len() >= length {
            Ok(())
        } else {
            Err(self.wrong_length())
        }
    }

    fn wrong_length(&self) -> u8 {
        if self.code > 0xFF {
            WRONG_PARAMETERS
        } else {
            WRONG_LENGTH
        }
    }

    /// A little-endian number of the parameters; 0 where they are too short.
    pub(super) fn number(&self, at: usize, width: usize) -> u64 {
        self.body
            .get(at..at + width)
            .and_then(tlv::number)
            .unwrap_or(0)
    }
}

/// Commands that print, or wait for what prints.
fn prints(code: u16) -> bool {
    matches!(
        code,
        op::PRINT_LINE
            | op::PRINT_FONT_LINE
            | op::CUT
            | op::FEED
            | op::PRINT_2D
            | op::X_REPORT
            | op::Z_REPORT
            | op::OPEN_SHIFT
            | op::REPEAT_DOCUMENT
            | op::CASH_IN
            | op::CASH_OUT
            | op::OPEN_RECEIPT
            | op::CANCEL_RECEIPT
            | op::SALE
            ..=op::PURCHASE_RETURN
                | op::CLOSE_RECEIPT
                | op::FS_ITEM
                | op::FS_CLOSE_RECEIPT
                | op::FS_CORRECTION
    )
}

impl Machine {
    /// Carries a command out.
    pub(super) fn execute(&mut self, code: u16, body: &[u8], now: Instant, ends: bool) -> Outcome {
        if matches!(
            code,
            op::DEVICE_TYPE | op::EXTENDED | op::ERROR_TEXT | op::TECHNICAL_RESET
        ) {
            let call = Call {
                code,
                body,
                operator: 0,
                now,
                ends,
            };
            return self.without_password(&call);
        }
        let Some((password, body)) = body.split_first_chunk::<4>() else {
            return Err(if code > 0xFF {
                WRONG_PARAMETERS
            } else {
                WRONG_LENGTH
            });
        };
        let operator = self.operator_of(password).ok_or(WRONG_PASSWORD)?;
        let call = Call {
            code,
            body,
            operator,
            now,
            ends,
        };
        let electronic = self
            .tables
            .get(&(17, 1, 7))
            .is_some_and(|v| v.first() == Some(&1));
        if prints(code)
            && let Some(obstacle) = self.print_obstacle(now)
            && !(electronic && obstacle == NO_PAPER)
            && !(code == op::CANCEL_RECEIPT && obstacle == NO_PAPER)
        {
            return Err(obstacle);
        }
        if code > 0xFF {
            self.fiscal(&call)
        } else {
            self.classic(&call)
        }
    }

    fn operator_of(&self, password: &[u8; 4]) -> Option<u8> {
        (1..=30u16)
            .find(|row| {
                self.tables
                    .get(&(2, *row, 1))
                    .is_some_and(|p| p == password)
            })
            .map(|row| row as u8)
    }

    fn without_password(&mut self, call: &Call) -> Outcome {
        match call.code {
            op::DEVICE_TYPE => {
                let head = [0, 0, 1, 14, self.config.model, 0];
                Ok([&head[..], &cp1251(&self.config.model_name, 64)].concat())
            }
            op::EXTENDED if call.body == [1] => Ok(self.parameters()),
            op::EXTENDED => Err(WRONG_PARAMETERS),
            op::ERROR_TEXT => {
                call.exactly(1)?;
                Ok(cp1251(&error_table::text(call.body[0]), 64))
            }
            _ => Ok(Vec::new()),
        }
    }

    fn parameters(&self) -> Vec<u8> {
        // Cutter, drawer sensor, non-fiscal document, protocol 2, 6Bh, storage, end of document, corrections, replies.
        let mut bits = vec![13, 15, 22, 28, 34, 36, 43, 44, 50];
        if self.config.ffd >= 3 {
            // FFD 1.1, and corrections that are registered like receipts.
            bits.extend([47, 48]);
        }
        if self.config.cash_core {
            bits.push(23);
        }
        let flags = crate::status::ModelParameters::with_flags(&bits).flags();
        let mut data = flags.to_le_bytes().to_vec();
        data.extend([0, 0, 1, 12, 10, 0, 0]);
        data.extend(0u32.to_le_bytes());
        data.extend(30u32.to_le_bytes());
        data.extend([0, 6, 0xFF, 0, 0x28, 0, 0, 0, 13, 14, 16, 17, 17]);
        data
    }

    fn classic(&mut self, call: &Call) -> Outcome {
        let operator = vec![call.operator];
        match call.code {
            op::SHORT_STATUS => {
                call.exactly(0)?;
                Ok(self.short_status(call))
            }
            op::STATUS => {
                call.exactly(0)?;
                Ok(self.full_status(call))
            }
            // Beep.
            0x13 => Ok(operator),
            op::READ_EXCHANGE => Ok(vec![6, 100]),
            op::END_DUMP => {
                self.reading = None;
                Ok(Vec::new())
            }
            op::PRINT_LINE | op::PRINT_FONT_LINE => {
                let skip = if call.code == op::PRINT_LINE { 1 } else { 2 };
                call.at_least(skip)?;
                self.roll.print([text::from_cp1251(&call.body[skip..])]);
                Ok(operator)
            }
            op::MONEY_REGISTER => {
                let number = match call.body {
                    [one] => u16::from(*one),
                    [low, high] => u16::from_le_bytes([*low, *high]),
                    _ => return Err(WRONG_LENGTH),
                };
                let value = self.money(number);
                Ok([&operator[..], &value.to_le_bytes()[..6]].concat())
            }
            op::OPERATION_REGISTER => {
                call.exactly(1)?;
                let value = self.count(call.body[0]);
                Ok([&operator[..], &value.to_le_bytes()].concat())
            }
            op::READ_TABLE | op::WRITE_TABLE => self.table(call),
            op::TABLE_STRUCTURE | op::FIELD_STRUCTURE => structure(call),
            op::SET_TIME | op::SET_DATE | op::CONFIRM_DATE => self.set_clock(call),
            op::CUT => {
                self.cuts += 1;
                Ok(operator)
            }
            op::DRAWER => {
                self.drawer_opened += 1;
                Ok(operator)
            }
            op::FEED => {
                call.exactly(2)?;
                self.roll.print(std::iter::repeat_n(
                    String::new(),
                    usize::from(call.body[1]),
                ));
                Ok(operator)
            }
            op::END_TEST => Err(WRONG_MODE),
            op::X_REPORT => {
                call.exactly(0)?;
                self.no_receipt()?;
                let lines = self.report("СУТОЧНЫЙ ОТЧЕТ БЕЗ ГАШЕНИЯ");
                self.print(lines, call.ends, call.now);
                Ok(operator)
            }
            op::OPEN_SHIFT => self.open_shift(call),
            op::Z_REPORT => self.close_shift(call),
            op::CASH_IN | op::CASH_OUT => self.cash_document(call),
            op::OPEN_RECEIPT => self.open_receipt(call),
            op::SALE..=op::PURCHASE_RETURN => self.classic_item(call),
            op::CLOSE_RECEIPT => self.classic_close(call),
            op::CANCEL_RECEIPT => {
                let Some(receipt) = &self.receipt else {
                    return Err(RECEIPT_CLOSED);
                };
                if receipt.operator != call.operator && call.operator < 29 {
                    return Err(OTHER_OPERATOR);
                }
                self.receipt = None;
                self.accepted.clear();
                self.cancelled += 1;
                self.roll.print(["ЧЕК АННУЛИРОВАН".to_owned()]);
                Ok(operator)
            }
            op::SUBTOTAL => {
                let Some(receipt) = &self.receipt else {
                    return Err(RECEIPT_CLOSED);
                };
                let sum: u64 = receipt.lines.iter().map(|l| l.sum_minor).sum();
                Ok([&operator[..], &sum.to_le_bytes()[..5]].concat())
            }
            op::REPEAT_DOCUMENT => {
                if self.last_paper.is_empty() {
                    return Err(0x56);
                }
                let lines = self.last_paper.clone();
                self.print(lines, call.ends, call.now);
                Ok(operator)
            }
            op::CONTINUE_PRINT => match self.stuck {
                Stuck::Waits => {
                    self.stuck = Stuck::No;
                    let rest = std::mem::take(&mut self.unprinted);
                    self.roll.print(rest);
                    Ok(operator)
                }
                Stuck::RanOut => Err(NO_PAPER),
                Stuck::No => Err(error_table::WRONG_SUBMODE),
            },
            op::LOAD_DATA => {
                call.exactly(66)?;
                self.blocks.insert(call.body[1], call.body[2..].to_vec());
                Ok(operator)
            }
            op::PRINT_2D => {
                call.exactly(10)?;
                let data: Vec<u8> = self.blocks.values().flatten().copied().collect();
                let length = usize::try_from(call.number(1, 2)).unwrap_or(0);
                let data = data.get(..length).ok_or(WRONG_PARAMETERS)?;
                let line = format!("[{}]", String::from_utf8_lossy(data));
                self.roll.print([line]);
                self.blocks.clear();
                Ok(operator)
            }
            _ => Err(NOT_SUPPORTED),
        }
    }

    fn flags(&self) -> u16 {
        let bit = |on: bool, at: u16| u16::from(on) << at;
        bit(self.paper, 1)
            | bit(true, 4)
            | bit(self.paper, 7)
            | bit(true, 9)
            | bit(self.cover_open, 10)
    }

    fn short_status(&self, call: &Call) -> Vec<u8> {
        let operations = self.receipt.as_ref().map_or(0, |r| r.lines.len()) as u16;
        let [low, high] = operations.to_le_bytes();
        let [f0, f1] = self.flags().to_le_bytes();
        let submode = self.submode(call.now);
        vec![
            call.operator,
            f0,
            f1,
            self.mode(),
            submode,
            low,
            0x9D,
            0xD7,
            0,
            0,
            high,
            0,
            0,
            0,
        ]
    }

    fn full_status(&self, call: &Call) -> Vec<u8> {
        let now = self.now();
        let closed = if self.shift_open() {
            self.shift_number().saturating_sub(1)
        } else {
            self.shift_number()
        };
        let inn = self.config.inn.parse::<u64>().unwrap_or(u64::MAX);
        let mut data = vec![call.operator, b'C', b'3'];
        data.extend(664u16.to_le_bytes());
        data.extend([21, 1, 26, 1]);
        data.extend(self.through.to_le_bytes());
        data.extend(self.flags().to_le_bytes());
        data.extend([
            self.mode(),
            self.submode(call.now),
            0x80,
            b'0',
            b'0',
            0,
            0,
            1,
            1,
            16,
        ]);
        data.extend(now.to_dmy());
        data.extend(now.to_hms());
        data.push(0);
        data.extend(self.config.serial.to_le_bytes());
        data.extend((closed as u16).to_le_bytes());
        data.extend([0, 0, 1, 9]);
        data.extend(&inn.to_le_bytes()[..6]);
        data
    }

    fn money(&self, number: u16) -> u64 {
        let counters = &self.journal.counters;
        let natural = |v: i64| u64::try_from(v).unwrap_or(0);
        match number {
            register::DRAWER => natural(counters.cash.drawer_minor),
            register::CASH_IN_SUM => natural(counters.cash.in_minor),
            register::CASH_OUT_SUM => natural(counters.cash.out_minor),
            193..=208 => {
                let at = usize::from(number - 193);
                counters.payments[at % 4][at / 4]
            }
            4144..=4191 => {
                let at = usize::from(number - 4144);
                counters.payments[at % 4][4 + at / 4]
            }
            _ => 0,
        }
    }

    fn count(&self, number: u8) -> u16 {
        let counters = &self.journal.counters;
        let count = match number {
            144..=147 => counters.receipts[usize::from(number - 144)],
            register::CASH_IN_COUNT => counters.cash.ins,
            register::CASH_OUT_COUNT => counters.cash.outs,
            _ => 0,
        };
        count as u16
    }

    fn table(&mut self, call: &Call) -> Outcome {
        call.at_least(4)?;
        let cell = (call.body[0], call.number(1, 2) as u16, call.body[3]);
        let Some(value) = self.tables.get_mut(&cell) else {
            return Err(0x5D);
        };
        if call.code == op::READ_TABLE {
            return Ok(value.clone());
        }
        let mut new = call.body[4..].to_vec();
        if new.is_empty() || new.len() > value.len() {
            return Err(WRONG_PARAMETERS);
        }
        new.resize(value.len(), 0);
        *value = new;
        Ok(Vec::new())
    }

    fn set_clock(&mut self, call: &Call) -> Outcome {
        call.exactly(3)?;
        if self.mode() != mode::SHIFT_CLOSED {
            return Err(WRONG_MODE);
        }
        let now = self.now();
        let (date, time) = match call.code {
            op::SET_TIME => (now.to_dmy().to_vec(), call.body.to_vec()),
            _ => (call.body.to_vec(), now.to_hms().to_vec()),
        };
        let new = crate::local_time::LocalDateTime::from_dmy(&date, &time).ok_or(0x7D)?;
        self.drift += new.seconds() - now.seconds();
        Ok(Vec::new())
    }

    pub(super) fn no_receipt(&self) -> Result<(), u8> {
        match self.receipt {
            Some(_) => Err(RECEIPT_OPEN),
            None => Ok(()),
        }
    }

    fn open_shift(&mut self, call: &Call) -> Outcome {
        call.exactly(0)?;
        if self.mode() != mode::SHIFT_CLOSED {
            return Err(if self.receipt.is_some() {
                RECEIPT_OPEN
            } else {
                SHIFT_OPEN
            });
        }
        let mut document = self.blank(kind::SHIFT_OPEN);
        document.shift += 1;
        document.tags = std::mem::take(&mut self.begun_tags);
        self.begun = None;
        self.aged = 0;
        self.register(document, call.ends, call.now)?;
        Ok(vec![call.operator])
    }

    fn close_shift(&mut self, call: &Call) -> Outcome {
        call.exactly(0)?;
        self.no_receipt()?;
        if !self.shift_open() {
            return Err(SHIFT_NOT_OPEN);
        }
        let mut document = self.blank(kind::SHIFT_CLOSE);
        document.tags = std::mem::take(&mut self.begun_tags);
        self.begun = None;
        self.register(document, call.ends, call.now)?;
        Ok(vec![call.operator])
    }

    fn cash_document(&mut self, call: &Call) -> Outcome {
        call.exactly(5)?;
        self.no_receipt()?;
        match self.mode() {
            mode::SHIFT_OPEN => {}
            mode::SHIFT_EXPIRED => return Err(SHIFT_EXPIRED),
            _ => return Err(SHIFT_NOT_OPEN),
        }
        let sum = i64::try_from(call.number(0, 5)).unwrap_or(0);
        let income = call.code == op::CASH_IN;
        if !income && sum > self.journal.counters.cash.drawer_minor {
            return Err(NO_CASH);
        }
        self.journal
            .cash(if income { sum } else { -sum })
            .map_err(|_| 0x03)?;
        let title = if income {
            "ВНЕСЕНИЕ"
        } else {
            "ВЫПЛАТА"
        };
        let sum = format!("={}.{:02}", sum / 100, sum % 100);
        let lines = edges(title, &sum, self.config.line_width);
        self.print(lines, call.ends, call.now);
        let [low, high] = self.through.to_le_bytes();
        Ok(vec![call.operator, low, high])
    }

    fn open_receipt(&mut self, call: &Call) -> Outcome {
        call.exactly(1)?;
        self.no_receipt()?;
        self.begin_receipt(call.body[0], call.operator)?;
        Ok(vec![call.operator])
    }

    /// Opens a receipt, when the shift lets it.
    pub(super) fn begin_receipt(&mut self, kind: u8, operator: u8) -> Result<(), u8> {
        match self.mode() {
            mode::SHIFT_OPEN => {}
            mode::SHIFT_EXPIRED => return Err(SHIFT_EXPIRED),
            _ => return Err(WRONG_MODE),
        }
        if !matches!(kind, 0..=3 | 0x80..=0x83) || self.begun.is_some() {
            return Err(WRONG_PARAMETERS);
        }
        self.receipt = Some(OpenReceipt {
            kind,
            operator,
            ..OpenReceipt::default()
        });
        Ok(())
    }

    fn classic_item(&mut self, call: &Call) -> Outcome {
        call.at_least(15 + 40)?;
        let kind = (call.code - op::SALE) as u8;
        match &self.receipt {
            None => self.begin_receipt(kind, call.operator)?,
            Some(r) if r.kind != kind => return Err(error_table::WRONG_TYPE),
            Some(_) => {}
        }
        let (quantity, price) = (call.number(0, 5), call.number(5, 5));
        let sum = (u128::from(price) * u128::from(quantity) + 500) / 1000;
        let line = EmulatedLine {
            name: text::from_cp1251(&call.body[15..]),
            price_minor: price,
            quantity_micro: quantity * 1000,
            sum_minor: u64::try_from(sum).map_err(|_| 0x60)?,
            vat: call.body[11],
            department: call.body[10],
            method: 4,
            subject: 1,
            ..EmulatedLine::default()
        };
        if let Some(receipt) = &mut self.receipt {
            receipt.lines.push(line);
        }
        Ok(vec![call.operator])
    }

    fn classic_close(&mut self, call: &Call) -> Outcome {
        call.at_least(26)?;
        let sums: Vec<(u8, u64)> = (0..4u8)
            .map(|i| (i + 1, call.number(usize::from(i) * 5, 5)))
            .filter(|(_, sum)| *sum > 0)
            .collect();
        let document = self.close(call, sums, None)?;
        Ok([&[call.operator], &document.change_minor.to_le_bytes()[..5]].concat())
    }

    /// Lines of a report.
    fn report(&self, title: &str) -> Vec<String> {
        let mut lines = vec![title.to_owned()];
        for kind in ReceiptKind::ALL {
            let place = usize::from(register::place(*kind));
            let sum: u64 = self.journal.counters.payments[place].iter().sum();
            let count = self.journal.counters.receipts[place];
            lines.extend(edges(
                &format!("{kind:?} {count}"),
                &format!("={}.{:02}", sum / 100, sum % 100),
                self.config.line_width,
            ));
        }
        lines
    }
}

fn structure(call: &Call) -> Outcome {
    let wanted = call.body.first().copied().unwrap_or(0);
    let Some((table, name, rows, fields)) = tables::TABLES.iter().find(|t| t.0 == wanted) else {
        return Err(0x5D);
    };
    let mut data = padded_name(name);
    if call.code == op::TABLE_STRUCTURE {
        data.extend(rows.to_le_bytes());
        data.push(*fields);
        return Ok(data);
    }
    call.exactly(2)?;
    let field = call.body[1];
    if field == 0 || field > *fields {
        return Err(0x5D);
    }
    if tables::is_text(*table, field) {
        data.extend([1, 64]);
    } else {
        data.extend([0, 1, 0, 255]);
    }
    Ok(data)
}

fn padded_name(name: &str) -> Vec<u8> {
    let mut bytes = cp1251(name, 40);
    bytes.resize(40, 0);
    bytes
}

/// ASCII of the drive's replies.
pub(super) fn ascii(value: &str, len: usize) -> Vec<u8> {
    padded(value, len)
}
