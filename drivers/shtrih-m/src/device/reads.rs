//! Questions put together from commands.

use super::{ShtrihPrinter, calls::CallError, is_missing};
use crate::{
    command::op,
    drive::{self, DriveDocument, DriveShift, DriveStatus, Exchange, NO_DATA, kind},
    error_table::{self, NO_PAPER, SERVICE_MODE, STAYS_BUSY, WRONG_PARAMETERS},
    local_time::LocalDateTime,
    register,
    status::{self, ShortStatus, Status, mode, submode},
    text,
    tlv::{self, tag},
};
use galley_fiscal::{
    CashCounters, FiscalError, FiscalRecord, ReceiptKind, RecordKind, recovery::KeyEvidence,
};
use tokio::time::{Instant, sleep};

/// Most pieces a document is read in.
const MAX_PIECES: u32 = 4096;
/// How often a printer that waits for something only we can give is helped along.
const HELP_LIMIT: u32 = 5;

/// What a document's tags say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    pub(super) key: Option<String>,
    registration: Option<String>,
    shift: Option<u32>,
    receipt: Option<u32>,
}

impl Tags {
    fn read(document: &[u8]) -> Self {
        let ascii = |wanted| tlv::find(document, wanted).map(text::ascii);
        let number = |wanted| {
            tlv::find(document, wanted)
                .and_then(tlv::number)
                .and_then(|n| u32::try_from(n).ok())
        };
        Self {
            key: ascii(tag::RECEIPT_KEY),
            registration: ascii(tag::REGISTRATION),
            shift: number(tag::SHIFT),
            receipt: number(tag::RECEIPT),
        }
    }

    pub(super) fn evidence(&self) -> KeyEvidence {
        match &self.key {
            Some(key) => KeyEvidence::Present(key.clone()),
            None => KeyEvidence::Absent,
        }
    }
}

impl ShtrihPrinter {
    pub(super) async fn short_status(&mut self) -> Result<ShortStatus, CallError> {
        let command = self.operator(op::SHORT_STATUS);
        let data = self.ask(&command).await?;
        status::short_status(&data).ok_or(CallError::Malformed("status"))
    }

    pub(super) async fn status_of_printer(&mut self) -> Result<Status, CallError> {
        let command = self.operator(op::STATUS);
        let data = self.ask(&command).await?;
        status::status(&data).ok_or(CallError::Malformed("full status"))
    }

    pub(super) async fn drive_status(&mut self) -> Result<DriveStatus, CallError> {
        let command = self.admin(op::FS_STATUS);
        let data = self.ask(&command).await?;
        drive::status(&data).ok_or(CallError::Malformed("state of the fiscal drive"))
    }

    pub(super) async fn drive_shift(&mut self) -> Result<DriveShift, CallError> {
        let command = self.admin(op::FS_SHIFT);
        let data = self.ask(&command).await?;
        drive::shift(&data).ok_or(CallError::Malformed("shift of the fiscal drive"))
    }

    /// OFD exchange; none where the firmware doesn't tell it.
    pub(super) async fn exchange(&mut self) -> Result<Option<Exchange>, CallError> {
        let command = self.admin(op::FS_EXCHANGE);
        match self.ask(&command).await {
            Ok(data) => drive::exchange(&data)
                .map(Some)
                .ok_or(CallError::Malformed("OFD exchange")),
            Err(CallError::Device(code)) if is_missing(code) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Last day of the drive and registrations left; none where the firmware doesn't tell it.
    pub(super) async fn expiry(
        &mut self,
    ) -> Result<Option<(LocalDateTime, Option<u8>)>, CallError> {
        let command = self.admin(op::FS_EXPIRY);
        match self.ask(&command).await {
            Ok(data) => Ok(drive::expiry(&data)),
            Err(CallError::Device(code)) if is_missing(code) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) async fn money(&mut self, number: u16) -> Result<i64, CallError> {
        let command = self.operator(op::MONEY_REGISTER);
        let command = match u8::try_from(number) {
            Ok(byte) => command.bytes(&[byte]),
            Err(_) => command.bytes(&number.to_le_bytes()),
        };
        let data = self.ask(&command).await?;
        let value = data.get(1..7).and_then(tlv::number);
        value
            .and_then(|v| i64::try_from(v).ok())
            .ok_or(CallError::Malformed("a money register"))
    }

    pub(super) async fn count(&mut self, number: u8) -> Result<u32, CallError> {
        let command = self.operator(op::OPERATION_REGISTER).bytes(&[number]);
        let data = self.ask(&command).await?;
        let value = data.get(1..3).and_then(tlv::number);
        value
            .and_then(|v| u32::try_from(v).ok())
            .ok_or(CallError::Malformed("an operation register"))
    }

    /// What the printer has counted of its drawer; none where it has no such registers.
    pub(super) async fn cash(&mut self) -> Result<Option<CashCounters>, CallError> {
        let read = async {
            Ok(CashCounters {
                ins: self.count(register::CASH_IN_COUNT).await?,
                in_minor: self.money(register::CASH_IN_SUM).await?,
                outs: self.count(register::CASH_OUT_COUNT).await?,
                out_minor: self.money(register::CASH_OUT_SUM).await?,
                drawer_minor: self.money(register::DRAWER).await?,
            })
        };
        match read.await {
            Ok(counters) => Ok(Some(counters)),
            Err(CallError::Device(code)) if is_missing(code) || code == WRONG_PARAMETERS => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// A document's head; `None` when the drive has none of that number.
    pub(super) async fn head(&mut self, number: u32) -> Result<Option<DriveDocument>, CallError> {
        let command = self.admin(op::FS_DOCUMENT).number(u64::from(number), 4);
        match self.ask(&command).await {
            Ok(data) => drive::document(&data)
                .filter(|d| d.number == number)
                .map(Some)
                .ok_or(CallError::Malformed("a fiscal document")),
            Err(CallError::Device(NO_DATA)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A document's tags; `None` when the printer can't give them.
    pub(super) async fn tags(&mut self, number: u32) -> Result<Option<Tags>, CallError> {
        let document = self.tlvs(number).await?;
        Ok(document.map(|document| Tags::read(&document)))
    }

    /// A document's TLVs; `None` when the printer can't give them. It is read to its end, because a printer stays in
    /// "data output" until then (4.6).
    pub(super) async fn tlvs(&mut self, number: u32) -> Result<Option<Vec<u8>>, CallError> {
        let begin = self.admin(op::FS_READ_BEGIN).number(u64::from(number), 4);
        match self.ask(&begin).await {
            Ok(_) => {}
            Err(CallError::Device(_)) => return Ok(None),
            Err(e) => return Err(e),
        }
        self.pieces().await
    }

    async fn pieces(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let mut document = Vec::new();
        for _ in 0..MAX_PIECES {
            let next = self.admin(op::FS_READ_NEXT);
            match self.ask(&next).await {
                Ok(piece) => document.extend(piece),
                Err(CallError::Device(NO_DATA)) => return Ok(Some(document)),
                Err(CallError::Device(_)) => break,
                Err(e) => return Err(e),
            }
        }
        let end = self.operator(op::END_DUMP);
        match self.once(&end).await {
            Ok(_) | Err(CallError::Device(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A document with everything that the drive tells of it.
    pub(super) async fn record(
        &mut self,
        drive_number: &str,
        number: u32,
    ) -> Result<Option<FiscalRecord>, CallError> {
        let Some(head) = self.head(number).await? else {
            return Ok(None);
        };
        let tags = self.tags(number).await?.unwrap_or_default();
        Ok(Some(record_of(&head, drive_number, tags)))
    }

    /// Confirms the printer's own date, which it waits for after a restart with an empty battery.
    pub(super) async fn confirm_date(&mut self) -> Result<(), CallError> {
        let time = {
            let command = self.operator(op::STATUS);
            let data = self.once(&command).await?;
            status::status(&data)
                .ok_or(CallError::Malformed("full status"))?
                .time
        };
        let command = self.admin(op::CONFIRM_DATE).bytes(&time.to_dmy());
        self.once(&command).await.map(|_| ())
    }

    /// Brings the printer to where it takes a document, or tells why it can't be (4.2). An open receipt is left to the
    /// caller. With `paper`, paper must be in.
    pub(super) async fn settle(&mut self, paper: bool) -> Result<ShortStatus, FiscalError> {
        let patience = Instant::now() + self.config.timeouts.busy();
        let mut helped = 0;
        loop {
            let now = self.short_status().await?;
            let busy = Instant::now() < patience;
            match (now.submode, now.mode) {
                (submode::PAPER_OUT | submode::PAPER_RAN_OUT, _) if paper => {
                    return Err(error_table::refused(NO_PAPER));
                }
                (submode::WAITS, _) if helped < HELP_LIMIT => {
                    helped += 1;
                    let go_on = self.admin(op::CONTINUE_PRINT);
                    self.once(&go_on).await?;
                }
                (submode::PRINTS_REPORT | submode::PRINTS | submode::WAITS, _) => {
                    if !busy {
                        return Err(CallError::Busy.into());
                    }
                    sleep(self.config.timeouts.poll()).await;
                }
                (_, mode::DUMP) if helped < HELP_LIMIT => {
                    helped += 1;
                    self.pieces().await?;
                }
                (_, mode::DATE) if helped < HELP_LIMIT => {
                    helped += 1;
                    self.confirm_date().await?;
                }
                (_, mode::TEST) if helped < HELP_LIMIT => {
                    helped += 1;
                    let end = self.operator(op::END_TEST);
                    self.once(&end).await?;
                }
                (
                    _,
                    mode::SHIFT_OPEN
                    | mode::SHIFT_EXPIRED
                    | mode::SHIFT_CLOSED
                    | mode::DOCUMENT
                    | 0,
                ) => {
                    if paper && now.flags.cover_open() {
                        return Err(error_table::own(
                            u16::from(NO_PAPER),
                            "the cover is open",
                            "Close the cover.",
                            true,
                        ));
                    }
                    return Ok(now);
                }
                (_, 11 | 12 | 14) if busy => sleep(self.config.timeouts.poll()).await,
                (_, mode::DUMP | mode::DATE | mode::TEST | 11 | 12 | 14) => {
                    return Err(error_table::own(
                        STAYS_BUSY,
                        format!("the printer stays in mode {}", now.mode),
                        "Restart the printer.",
                        true,
                    ));
                }
                (_, other) => {
                    return Err(error_table::own(
                        SERVICE_MODE,
                        format!("the printer is in mode {other}"),
                        "Call the service engineer.",
                        false,
                    ));
                }
            }
        }
    }

    /// Before something that prints and registers nothing.
    pub(super) async fn paper_ready(&mut self) -> Result<(), FiscalError> {
        self.settle(true).await.map(|_| ())
    }

    /// Prints the rest of a document whose paper ended. Nothing to print is fine.
    pub(super) async fn finish_printing(&mut self) -> Result<(), FiscalError> {
        self.settle(true).await.map(|_| ())
    }

    /// Whether the last document came out; waits while it prints. `None` when that isn't known.
    pub(super) async fn printed(&mut self) -> Result<Option<bool>, CallError> {
        let patience = Instant::now() + self.config.timeouts.print();
        loop {
            match self.short_status().await?.submode {
                submode::IDLE => return Ok(Some(true)),
                submode::PAPER_RAN_OUT | submode::WAITS => return Ok(Some(false)),
                // Out of paper, and nothing waits for it: the paper ended somewhere behind the document.
                submode::PAPER_OUT => return Ok(None),
                _ if Instant::now() < patience => sleep(self.config.timeouts.poll()).await,
                _ => return Ok(None),
            }
        }
    }
}

/// A document of the drive in the words of the trait.
pub(super) fn record_of(head: &DriveDocument, drive_number: &str, tags: Tags) -> FiscalRecord {
    let sign = head
        .receipt
        .and_then(|(sign, _)| ReceiptKind::from_number(sign));
    let kind = match (head.kind, sign) {
        (kind::SHIFT_OPEN, _) => RecordKind::ShiftOpen,
        (kind::SHIFT_CLOSE, _) => RecordKind::ShiftClose,
        (kind::RECEIPT, Some(sign)) => RecordKind::Receipt(sign),
        (kind::CORRECTION, Some(sign)) => RecordKind::Correction(sign),
        (other, _) => RecordKind::Other(other),
    };
    FiscalRecord {
        kind,
        document_number: head.number,
        fiscal_sign: head.sign,
        drive_number: drive_number.to_owned(),
        registration_number: tags.registration,
        shift_number: head.shift.map(u32::from).or(tags.shift),
        receipt_number: tags.receipt,
        local_time: head.time.to_minute(),
        total_minor: head.receipt.and_then(|(_, sum)| i64::try_from(sum).ok()),
        key: tags.key,
        printed: None,
    }
}
