//! Questions put together from single commands.

use super::{AtolPrinter, calls::CallError};
use crate::{
    command::{self, FullStatus, StateCode, op},
    drive::{self, DriveDocument, DriveStatus, Exchange, kind},
    register, text,
    tlv::{self, tag},
};
use galley_fiscal::{FiscalRecord, ReceiptKind, RecordKind, recovery::KeyEvidence};

/// Most TLVs that a document is read for.
const MAX_TLVS: usize = 1000;

/// What the TLVs of a document say, as far as the driver asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    pub(super) key: Option<String>,
    shift: Option<u32>,
    receipt: Option<u32>,
    registration: Option<String>,
}

impl Tags {
    fn take(&mut self, tag: u16, value: &[u8]) {
        let small = || tlv::number(value).and_then(|n| u32::try_from(n).ok());
        match tag {
            tag::RECEIPT_KEY => self.key = Some(text::decode(value).trim_end().to_owned()),
            tag::SHIFT => self.shift = small(),
            tag::RECEIPT => self.receipt = small(),
            tag::REGISTRATION => self.registration = Some(text::ascii(value)),
            _ => {}
        }
    }

    /// The key as evidence.
    pub(super) fn evidence(&self) -> KeyEvidence {
        self.key
            .clone()
            .map_or(KeyEvidence::Absent, KeyEvidence::Present)
    }
}

impl AtolPrinter {
    pub(super) async fn state(&mut self) -> Result<StateCode, CallError> {
        let answer = self.ask(op::STATE, &[]).await?;
        Ok(command::state_code(&answer)?)
    }

    pub(super) async fn full_status(&mut self) -> Result<FullStatus, CallError> {
        let answer = self.ask(op::STATUS, &[]).await?;
        Ok(command::full_status(&answer)?)
    }

    /// Whether the last document came out to its end.
    pub(super) async fn printed(&mut self) -> Result<bool, CallError> {
        let value = self.read_register(register::PRINT_STATE, 0, 0).await?;
        register::printed(&value).ok_or(CallError::Malformed("print state"))
    }

    /// Number of the receipt in the shift, number of the shift.
    pub(super) async fn drive_shift(&mut self) -> Result<(u32, u32), CallError> {
        let value = self.read_register(register::DRIVE_SHIFT, 0, 0).await?;
        register::drive_shift(&value).ok_or(CallError::Malformed("shift of the fiscal drive"))
    }

    async fn drive(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, CallError> {
        let answer = self.ask(op::DRIVE, &[&[code], parameters].concat()).await?;
        Ok(command::value(&answer, "a command to the fiscal drive")?.to_vec())
    }

    pub(super) async fn drive_status(&mut self) -> Result<DriveStatus, CallError> {
        let data = self.drive(drive::STATUS, &[]).await?;
        drive::status(&data).ok_or(CallError::Malformed("state of the fiscal drive"))
    }

    pub(super) async fn exchange(&mut self) -> Result<Exchange, CallError> {
        let data = self.drive(drive::EXCHANGE, &[]).await?;
        drive::exchange(&data).ok_or(CallError::Malformed("OFD exchange"))
    }

    /// A document's head; `None` when the drive has none of that number.
    pub(super) async fn drive_document(
        &mut self,
        number: u32,
    ) -> Result<Option<DriveDocument>, CallError> {
        match self.drive(drive::DOCUMENT, &number.to_le_bytes()).await {
            Ok(data) => drive::document(&data)
                .filter(|d| d.number == number)
                .map(Some)
                .ok_or(CallError::Malformed("a fiscal document")),
            Err(CallError::Device(e))
                if matches!(e.err, drive::NO_SUCH_DATA | drive::DATA_ABSENT) =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// A document's tags; `None` when the drive can't give them.
    pub(super) async fn tags(&mut self, number: u32) -> Result<Option<Tags>, CallError> {
        Ok(self.tlvs(number).await?.map(|document| {
            let mut tags = Tags::default();
            tlv::walk(&document).for_each(|(tag, value)| tags.take(tag, value));
            tags
        }))
    }

    /// A document's TLVs; `None` when the drive can't give them.
    pub(super) async fn tlvs(&mut self, number: u32) -> Result<Option<Vec<u8>>, CallError> {
        match self.drive(drive::BEGIN_TLV, &number.to_le_bytes()).await {
            Ok(_) => {}
            Err(CallError::Device(_)) => return Ok(None),
            Err(e) => return Err(e),
        }
        let mut document = Vec::new();
        for _ in 0..MAX_TLVS {
            match self.drive(drive::NEXT_TLV, &[]).await {
                Ok(data) => document.extend(data),
                Err(CallError::Device(e)) if e.err == drive::NO_SUCH_DATA => {
                    return Ok(Some(document));
                }
                Err(CallError::Device(_)) => return Ok(None),
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// A document with everything that the drive tells of it.
    pub(super) async fn record(
        &mut self,
        drive_number: &str,
        number: u32,
    ) -> Result<Option<FiscalRecord>, CallError> {
        let Some(head) = self.drive_document(number).await? else {
            return Ok(None);
        };
        let tags = self.tags(number).await?.unwrap_or_default();
        Ok(Some(record_of(&head, drive_number, tags)))
    }
}

/// A document of the drive in the words of the trait.
pub(super) fn record_of(head: &DriveDocument, drive_number: &str, tags: Tags) -> FiscalRecord {
    let kind = match (head.kind, head.receipt) {
        (kind::SHIFT_OPEN, _) => RecordKind::ShiftOpen,
        (kind::SHIFT_CLOSE, _) => RecordKind::ShiftClose,
        (kind::RECEIPT | kind::CORRECTION, Some((sign, _))) => {
            match (ReceiptKind::from_number(sign), head.kind) {
                (Some(of), kind::RECEIPT) => RecordKind::Receipt(of),
                (Some(of), _) => RecordKind::Correction(of),
                (None, other) => RecordKind::Other(other),
            }
        }
        (other, _) => RecordKind::Other(other),
    };
    FiscalRecord {
        kind,
        document_number: head.number,
        fiscal_sign: head.sign,
        drive_number: drive_number.to_owned(),
        registration_number: tags.registration,
        shift_number: head.shift.or(tags.shift),
        receipt_number: tags.receipt,
        local_time: head.time.to_minute(),
        total_minor: head.receipt.and_then(|(_, sum)| i64::try_from(sum).ok()),
        key: tags.key,
        printed: None,
    }
}
