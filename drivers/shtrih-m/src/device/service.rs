//! The drive, the registration, and the check of marked goods.

use super::{ShtrihPrinter, calls::CallError, is_missing, plan};
use crate::{
    command::op,
    drive::{self, MODE_AUTOMATIC},
    text,
};
use galley_fiscal::{
    DriveInfo, FiscalError, Marking, MarkingCheck, MarkingStatus, MeasureUnit, Registration,
    TableCell, TaxSystem,
};

/// Table with what the printer was registered with, and its fields (4.7).
const REGISTERED: u8 = 18;
const ORGANISATION: u8 = 7;
const ADDRESS: u8 = 9;
const OFD: u8 = 10;

impl ShtrihPrinter {
    pub(super) async fn read_registration(&mut self) -> Result<Registration, FiscalError> {
        let command = self.admin(op::FS_REGISTRATION);
        let data = self.ask(&command).await?;
        let totals =
            drive::registration(&data).ok_or(CallError::Malformed("totals of the registration"))?;
        Ok(Registration {
            registration_number: totals.registration,
            inn: totals.inn,
            organisation: self.registered(ORGANISATION).await?,
            address: self.registered(ADDRESS).await?,
            tax_systems: TaxSystem::ALL
                .iter()
                .copied()
                .filter(|s| totals.tax_systems & s.tag_1055() != 0)
                .collect(),
            ofd: self.registered(OFD).await?,
            automatic: Some(totals.work_mode & MODE_AUTOMATIC != 0),
        })
    }

    /// A text of the table of registration; none where it is empty or can't be read.
    async fn registered(&mut self, field: u8) -> Result<Option<String>, CallError> {
        let cell = TableCell {
            table: REGISTERED,
            row: 1,
            field,
        };
        match self.table(cell).await {
            Ok(value) => Ok(Some(text::from_cp1251(&value)).filter(|t| !t.is_empty())),
            Err(CallError::Device(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) async fn read_drive(&mut self) -> Result<DriveInfo, FiscalError> {
        let status = self.drive_status().await?;
        let exchange = self.exchange().await?;
        let expiry = self.expiry().await?;
        let memory = self.admin(op::FS_MEMORY);
        let full = match self.ask(&memory).await {
            Ok(data) => drive::memory(&data).is_some_and(|left| left == 0),
            Err(CallError::Device(code)) if is_missing(code) => false,
            Err(e) => return Err(e.into()),
        };
        let waiting = exchange.filter(|e| e.unsent > 0);
        Ok(DriveInfo {
            replace_urgently: status.urgent(),
            resource_ends: status.ends(),
            memory_nearly_full: status.nearly_full() || full,
            ofd_overdue: status.ofd_overdue(),
            critical: status.critical(),
            number: status.number,
            valid_until: expiry.as_ref().map(|(day, _)| day.date()),
            registrations_left: expiry.and_then(|(_, left)| left),
            unsent_documents: waiting.as_ref().map_or(0, |e| u32::from(e.unsent)),
            first_unsent: waiting.as_ref().map(|e| e.first),
            first_unsent_at: waiting.and_then(|e| e.first_time).map(|t| t.to_minute()),
        })
    }

    /// Asks the drive, and through the printer the state's server, about a code. The code is given back to the drive as
    /// rejected: the receipt checks it again in the order that the vendor prescribes (6), so that nothing of a receipt
    /// that never comes stays in the drive.
    pub(super) async fn check_mark(
        &mut self,
        marking: &Marking,
    ) -> Result<MarkingCheck, FiscalError> {
        // What part of the unit is sold isn't known before its line is; a whole one is asked about.
        let whole = Marking {
            status: match marking.status {
                MarkingStatus::PartSold => MarkingStatus::PieceSold,
                MarkingStatus::PartReturned => MarkingStatus::PieceReturned,
                other => other,
            },
            ..marking.clone()
        };
        let command = plan::check_mark(&self.config, self.ffd(), &whole, MeasureUnit::Piece, 1000)?;
        let data = self.act(&command).await?;
        let check =
            drive::mark_check(&data).ok_or(CallError::Malformed("check of a marked unit"))?;
        let reject = self.operator(op::FS_ACCEPT_MARK).bytes(&[0]);
        self.act(&reject).await?;
        Ok(match check.result {
            Some(bits) => MarkingCheck::from_bits(bits),
            // Without the server: the drive's own result (tag 2004) has the same two bits. [memory]
            None => MarkingCheck {
                stand_alone: true,
                ..MarkingCheck::from_bits(check.local & 0x03)
            },
        })
    }
}
