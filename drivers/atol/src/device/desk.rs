//! What a till asks beyond receipts: the drawer, the shift's sums, the registration, the drive, tables, the clock.

use super::{AtolPrinter, calls::CallError};
use crate::{
    bcd,
    command::{self, DeviceError, mode, op},
    drive::warning,
    error_table::{self, SHIFT_OPEN},
    local_time::{BcdTime as _, LocalDateTime},
    register,
    session::Nature,
    text,
    tlv::{self, tag},
};
use galley_fiscal::{
    Capabilities, CashCounters, DriveInfo, Ffd, FiscalError, KindTotal, ReceiptKind, Registration,
    ShiftTotals, TableCell, TaxSystem, TenderForm, check,
};

/// Models with a battery, for the pocket: no cutter and no drawer socket (90F, 91F, 92F). [source: atol.md 5]
const PORTABLE: [u8; 3] = [72, 82, 84];
/// Paper of a printer that doesn't tell its width.
const COLUMNS: u8 = 32;
/// Most blocks that a tag of the registration is read in.
const MAX_BLOCKS: u8 = 40;

/// Receipt types (2.3), and what register 12 calls them.
const KINDS: [(ReceiptKind, u8, u8); 4] = [
    (ReceiptKind::Sale, 1, 0),
    (ReceiptKind::SaleReturn, 2, 2),
    (ReceiptKind::Purchase, 4, 1),
    (ReceiptKind::PurchaseReturn, 5, 3),
];

/// `None` where the device refuses to say.
fn told<T>(asked: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match asked {
        Ok(value) => Ok(Some(value)),
        Err(CallError::Device(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

impl AtolPrinter {
    /// What this printer can do, by its model, its registers and the configuration.
    pub(super) async fn capabilities(&mut self, model: u8) -> Result<Capabilities, CallError> {
        let width = told(self.read_register(register::LINE_WIDTH, 0, 0).await)?;
        let formats = told(self.read_register(register::FORMATS, 0, 0).await)?;
        let desk = !PORTABLE.contains(&model);
        Ok(Capabilities {
            ffd: match formats.as_deref().and_then(register::format) {
                Some(3) => Ffd::V11,
                Some(4) => Ffd::V12,
                _ => Ffd::V105,
            },
            vat: self.config.vat_indexes.keys().copied().collect(),
            columns: width
                .as_deref()
                .and_then(register::columns)
                .filter(|n| *n > 0)
                .unwrap_or(COLUMNS),
            // That the others have both is inferred.
            cutter: desk,
            drawer: desk,
            marking: false,
        })
    }

    async fn amount(&mut self, number: u8, p1: u8, p2: u8) -> Result<i64, CallError> {
        let value = self.read_register(number, p1, p2).await?;
        register::amount(&value).ok_or(CallError::Malformed("a sum"))
    }

    async fn count(&mut self, number: u8) -> Result<u32, CallError> {
        let value = self.read_register(number, 0, 0).await?;
        register::count(&value).ok_or(CallError::Malformed("a counter"))
    }

    /// The drawer's counters; `None` where the firmware has no such registers.
    pub(super) async fn cash(&mut self) -> Result<Option<CashCounters>, CallError> {
        let all = async {
            Ok(CashCounters {
                ins: self.count(register::CASH_IN_COUNT).await?,
                in_minor: self.amount(register::CASH_IN_SUM, 0, 0).await?,
                outs: self.count(register::CASH_OUT_COUNT).await?,
                out_minor: self.amount(register::CASH_OUT_SUM, 0, 0).await?,
                drawer_minor: self.amount(register::DRAWER, 0, 0).await?,
            })
        };
        told(all.await)
    }

    pub(super) async fn shift_totals(&mut self) -> Result<ShiftTotals, CallError> {
        let (_, shift_number) = self.drive_shift().await?;
        let mut receipts = Vec::new();
        for (kind, code, total) in KINDS {
            let value = self.read_register(register::RECEIPT_COUNT, code, 0).await?;
            let count =
                register::receipt_count(&value).ok_or(CallError::Malformed("how many receipts"))?;
            if count == 0 {
                continue;
            }
            let mut tenders = Vec::new();
            for (form, number) in TenderForm::ALL.into_iter().zip(1u8..) {
                let sum = self.amount(register::PAYMENTS, code, number).await?;
                if sum != 0 {
                    tenders.push((form, sum));
                }
            }
            receipts.push(KindTotal {
                kind,
                count,
                sum_minor: self.amount(register::SHIFT_TOTAL, total, 0).await?,
                tenders,
            });
        }
        Ok(ShiftTotals {
            shift_number,
            receipts,
            with_corrections: false,
            cash: self.cash().await?.unwrap_or_default(),
        })
    }

    /// The value of a tag of the registration; `None` where the printer has none.
    pub(super) async fn registered(&mut self, tag: u16) -> Result<Option<Vec<u8>>, CallError> {
        let [low, high] = tag.to_le_bytes();
        let mut bytes = Vec::new();
        for block in 0..MAX_BLOCKS {
            let asked = self.ask(op::READ_TAG, &[low, high, block]).await;
            let Some(answer) = told(asked)? else {
                return Ok(None);
            };
            // BLOCKS, then a part of the TLV. That blocks are read by their number is inferred from writing.
            let value = match command::value(&answer, "a tag of the registration") {
                Ok(value) => value,
                Err(command::AnswerError::Device(_)) => return Ok(None),
                Err(e) => return Err(e.into()),
            };
            let Some((&blocks, part)) = value.split_first() else {
                return Ok(None);
            };
            bytes.extend_from_slice(part);
            if block + 1 >= blocks {
                break;
            }
        }
        Ok(tlv::split(&bytes).map(|(_, value, _)| value.to_vec()))
    }

    async fn registered_text(&mut self, tag: u16) -> Result<Option<String>, CallError> {
        let value = self.registered(tag).await?;
        let text = value.map(|v| text::decode(&v).trim_end().to_owned());
        Ok(text.filter(|t| !t.is_empty()))
    }

    pub(super) async fn registration_data(&mut self) -> Result<Registration, CallError> {
        let number = self.registered_text(tag::REGISTRATION).await?;
        let mask = self.registered(tag::TAX_SYSTEMS).await?;
        let mask = mask.and_then(|v| v.first().copied()).unwrap_or(0);
        Ok(Registration {
            registration_number: number.unwrap_or_default(),
            inn: self
                .registered_text(tag::ORGANISATION_INN)
                .await?
                .unwrap_or_default(),
            organisation: self.registered_text(tag::ORGANISATION).await?,
            address: self.registered_text(tag::ADDRESS).await?,
            tax_systems: TaxSystem::ALL
                .iter()
                .copied()
                .filter(|s| s.tag_1055() & mask != 0)
                .collect(),
            ofd: self.registered_text(tag::OFD).await?,
            automatic: self
                .registered(tag::AUTOMATIC)
                .await?
                .and_then(|v| v.first().map(|b| *b != 0)),
        })
    }

    pub(super) async fn drive_info(&mut self) -> Result<DriveInfo, CallError> {
        let drive = self.drive_status().await?;
        let life = self.read_register(register::DRIVE_LIFE, 0, 0).await?;
        let exchange = self.exchange().await?;
        let warns = |bit: u8| drive.warnings & bit != 0;
        Ok(DriveInfo {
            valid_until: register::drive_expiry(&life).map(|t| t.date()),
            registrations_left: register::registrations_left(&life),
            replace_urgently: warns(warning::REPLACE),
            resource_ends: warns(warning::RESOURCE),
            memory_nearly_full: warns(warning::MEMORY),
            ofd_overdue: warns(warning::OFD),
            critical: warns(warning::CRITICAL),
            unsent_documents: u32::from(exchange.unsent),
            first_unsent: (exchange.unsent > 0).then_some(exchange.oldest),
            first_unsent_at: exchange.oldest_time.map(|t| t.to_minute()),
            number: drive.number,
        })
    }

    pub(super) async fn write_clock(&mut self, text: &str) -> Result<(), FiscalError> {
        let time = local_time(text).ok_or_else(|| {
            FiscalError::Unsupported(format!(
                "{text:?} is no local time: write it as 2026-11-22T12:00:00"
            ))
        })?;
        if self.drive_status().await?.shift_open {
            // The device would say the same, later and in fewer words.
            let mut refused = error_table::refused(DeviceError {
                err: SHIFT_OPEN,
                ext: 0,
            });
            if let FiscalError::Refused {
                text,
                advice,
                retry,
                ..
            } = &mut refused
            {
                *text = "the clock is set with a closed shift only".to_owned();
                *advice = "Close the shift (Z report), then set the clock.".to_owned();
                *retry = true;
            }
            return Err(refused);
        }
        let limit = self.config.timeouts.act();
        self.command(op::SET_CLOCK, &time.to_bcd_dmy(), Nature::Act, limit)
            .await?;
        Ok(())
    }

    pub(super) async fn table(&mut self, cell: TableCell) -> Result<Vec<u8>, CallError> {
        let answer = self.ask(op::TABLE, &place(cell)).await?;
        Ok(command::value(&answer, "a table")?.to_vec())
    }

    /// Writes a field of a table. The layout of the command is from memory.
    pub(super) async fn set_table(
        &mut self,
        cell: TableCell,
        value: &[u8],
    ) -> Result<(), CallError> {
        self.enter_mode(mode::PROGRAMMING).await?;
        let limit = self.config.timeouts.act();
        let parameters = [&place(cell)[..], value].concat();
        self.command(op::WRITE_TABLE, &parameters, Nature::Act, limit)
            .await?;
        Ok(())
    }
}

/// `TABLE ROW(2) FIELD`; the row's order of bytes was seen with row 1 only. (captured)
fn place(cell: TableCell) -> [u8; 4] {
    let [high, low] = cell.row.to_be_bytes();
    [cell.table, high, low, cell.field]
}

/// Reads `YYYY-MM-DDTHH:MM:SS`; the printer's years are 2000 to 2099.
fn local_time(text: &str) -> Option<LocalDateTime> {
    let (day, time) = text.split_once('T')?;
    let (year, month, day) = check::day_of(day)?;
    let shape = time.len() == 8 && [2, 5].iter().all(|i| time.as_bytes()[*i] == b':');
    let number = |from: usize| -> Option<u8> {
        let digits = time.get(from..from + 2)?;
        bcd::decode(&[u8::from_str_radix(digits, 16).ok()?]).map(|n| n as u8)
    };
    (shape && (2000..2100).contains(&year))
        .then(|| LocalDateTime::new(year, month, day, number(0)?, number(3)?, number(6)?))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_read_strictly() {
        let read = local_time("2026-11-22T15:04:09").unwrap();
        assert_eq!(read.to_bcd_dmy(), [0x22, 0x11, 0x26, 0x15, 0x04, 0x09]);
        for wrong in [
            "2026-11-22",
            "2026-11-22T24:00:00",
            "2026-11-22 15:04:09",
            "2026-11-22T15:04",
            "2026-11-22T1a:04:09",
            "1999-11-22T15:04:09",
            "2026-02-30T15:04:09",
        ] {
            assert!(local_time(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_field_of_a_table_is_named_as_the_vendors_host_names_it() {
        let cell = TableCell {
            table: 0x13,
            row: 1,
            field: 4,
        };
        assert_eq!(place(cell), [0x13, 0x00, 0x01, 0x04]);
    }
}
