//! From a document to commands: everything is laid out and checked before the first byte leaves.

use super::tags;
use crate::{
    command::{Command, MAX_TLV, op},
    config::ShtrihConfig,
    frame1::MAX_BODY,
    register, text,
};
use galley_fiscal::{
    CashDocument, Correction, Document, Ffd, FiscalError, Line, Marking, MeasureUnit, Operator,
    Receipt, ReceiptKind, ShiftDocument, TenderForm, VatRate,
};

/// Most characters of tag 1192 as this driver uses it.
const MAX_KEY: usize = 16;
/// Most characters of a line's name (4.4).
const MAX_NAME: usize = 128;
/// Money has five bytes.
const MAX_MONEY: u64 = (1 << 40) - 2;
/// "Not given": the printer computes it.
const NOT_GIVEN: u64 = u64::MAX;
/// Types of receipts in 8Dh that are corrections (4.4).
const CORRECTION: u8 = 0x80;
/// The six sums of taxes in FF45h and FF4Ah, in their order (4.4).
const TAXES: [VatRate; 6] = [
    VatRate::Vat20,
    VatRate::Vat10,
    VatRate::Vat0,
    VatRate::None,
    VatRate::Vat120,
    VatRate::Vat110,
];

/// What the printer is, as far as a plan needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) ffd: Ffd,
    /// Tags of a line come before the line.
    pub(super) tags_first: bool,
    /// A correction is registered like a receipt.
    pub(super) correction_as_receipt: bool,
}

/// A command of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: Command,
    /// That the printer doesn't know it is fine.
    pub(super) optional: bool,
}

impl Step {
    fn new(command: Command) -> Self {
        Self {
            command,
            optional: false,
        }
    }
}

/// What is sent for a document. Only the last step registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Paper is to come out.
    pub(super) prints: bool,
}

pub(super) fn unsupported<T>(why: impl Into<String>) -> Result<T, FiscalError> {
    Err(FiscalError::Unsupported(why.into()))
}

/// Lays out `document`.
///
/// # Errors
/// [`FiscalError::Unsupported`] for what this printer can't register as it stands.
pub(super) fn plan(
    document: &Document,
    config: &ShtrihConfig,
    target: Target,
) -> Result<Plan, FiscalError> {
    let planner = Planner { config, target };
    let (steps, prints) = match document {
        Document::ShiftOpen(d) => (
            planner.shift(d, op::FS_OPEN_SHIFT_BEGIN, op::OPEN_SHIFT)?,
            true,
        ),
        Document::ShiftClose(d) => (
            planner.shift(d, op::FS_CLOSE_SHIFT_BEGIN, op::Z_REPORT)?,
            true,
        ),
        Document::Receipt(r) => (
            planner.receipt(r, place(r.kind), Vec::new())?,
            r.print && config.print_receipts,
        ),
        Document::Correction(c) => (
            planner.correction(c)?,
            c.receipt.print && config.print_receipts,
        ),
        Document::CashIn(d) => (planner.cash(d, op::CASH_IN)?, true),
        Document::CashOut(d) => (planner.cash(d, op::CASH_OUT)?, true),
    };
    if steps.iter().any(|s| s.command.encode().len() > MAX_BODY) {
        return unsupported("a part of the document is longer than the printer takes");
    }
    Ok(Plan { steps, prints })
}

/// Type of a receipt in 8Dh.
fn place(kind: ReceiptKind) -> u8 {
    register::place(kind)
}

struct Planner<'a> {
    config: &'a ShtrihConfig,
    target: Target,
}

impl Planner<'_> {
    fn operator(&self, code: u16) -> Command {
        Command::new(code, self.config.operator_password)
    }

    fn admin(&self, code: u16) -> Command {
        Command::new(code, self.config.admin_password)
    }

    fn who<'b>(&'b self, given: &'b Option<Operator>) -> Option<&'b Operator> {
        given.as_ref().or(self.config.operator.as_ref())
    }

    fn shift(&self, shift: &ShiftDocument, begin: u16, act: u16) -> Result<Vec<Step>, FiscalError> {
        let mut steps = Vec::new();
        let tags = tags::operator(self.who(&shift.operator));
        if !tags.is_empty() {
            // Lets tags into the report (4.3). Firmware without it names the operator of its own table.
            steps.push(Step {
                command: self.admin(begin),
                optional: true,
            });
            steps.extend(self.tags(&tags)?.into_iter().map(|step| Step {
                optional: true,
                ..step
            }));
        }
        // A Z report needs an administrator (4.3).
        let act = match act {
            op::Z_REPORT => self.admin(act),
            _ => self.operator(act),
        };
        steps.push(Step::new(act));
        Ok(steps)
    }

    fn cash(&self, cash: &CashDocument, code: u16) -> Result<Vec<Step>, FiscalError> {
        let sum = match u64::try_from(cash.sum_minor) {
            Ok(sum @ 1..=MAX_MONEY) => sum,
            _ => return unsupported("a sum of cash must be above zero and fit into the printer"),
        };
        Ok(vec![Step::new(self.operator(code).number(sum, 5))])
    }

    /// Tags of the receipt or report, one a command; what is longer than a command goes through the drive's buffer.
    fn tags(&self, tlvs: &[Vec<u8>]) -> Result<Vec<Step>, FiscalError> {
        let mut steps = Vec::new();
        for tlv in tlvs {
            if tlv.len() <= MAX_TLV - 4 {
                steps.push(Step::new(self.admin(op::FS_TAG).bytes(tlv)));
                continue;
            }
            let size = tlv.len() as u64;
            // That FF32h takes the size is [memory]; FF33h is offset, size, data (4.6).
            steps.push(Step::new(self.admin(op::FS_BUFFER_BEGIN).number(size, 2)));
            for (i, piece) in tlv.chunks(BUFFER_PIECE).enumerate() {
                let write = self.admin(op::FS_BUFFER_WRITE);
                let write = write.number((i * BUFFER_PIECE) as u64, 2);
                let write = write.number(piece.len() as u64, 1).bytes(piece);
                steps.push(Step::new(write));
            }
            steps.push(Step::new(self.admin(op::FS_BUFFER_TAG)));
        }
        Ok(steps)
    }

    /// `kind` is the type of 8Dh.
    fn receipt(
        &self,
        receipt: &Receipt,
        kind: u8,
        more: Vec<Vec<u8>>,
    ) -> Result<Vec<Step>, FiscalError> {
        let total = check(receipt)?;
        let mut steps = vec![Step::new(self.operator(op::OPEN_RECEIPT).bytes(&[kind]))];
        for line in &receipt.lines {
            if let Some(marking) = &line.details.marking {
                let quantity = u64::try_from(line.quantity_milli).unwrap_or(0);
                let check = self.check_mark(marking, line.unit, quantity)?;
                steps.push(Step::new(check));
                let accept = self.operator(op::FS_ACCEPT_MARK).bytes(&[1]);
                steps.push(Step::new(accept));
            }
        }
        for line in &receipt.lines {
            steps.extend(self.line(receipt.kind, line)?);
        }
        let mut tlvs = tags::operator(self.who(&receipt.operator));
        tlvs.extend(tags::receipt(receipt, self.target.ffd)?);
        tlvs.extend(more);
        steps.extend(self.tags(&tlvs)?);
        let taxes = self.taxes(receipt)?;
        let mut close = self.operator(op::FS_CLOSE_RECEIPT);
        for sum in payments(receipt, total)? {
            close = close.number(sum, 5);
        }
        close = close.bytes(&[0]);
        for tax in taxes {
            close = close.number(tax, 5);
        }
        close = close.bytes(&[receipt.tax_system.tag_1055()]);
        steps.push(Step::new(close));
        Ok(steps)
    }

    fn line(&self, kind: ReceiptKind, line: &Line) -> Result<Vec<Step>, FiscalError> {
        let tags = tags::line(line, self.target.ffd, self.config.send_units)?;
        if tags.iter().any(|t| t.len() > MAX_TLV - 4) {
            return unsupported("a tag of a line is longer than the printer takes");
        }
        let tags = tags
            .iter()
            .map(|tlv| Step::new(self.admin(op::FS_ITEM_TAG).bytes(tlv)));
        let item = Step::new(self.item(kind, line)?);
        let mut steps: Vec<Step> = if self.target.tags_first {
            tags.chain([item]).collect()
        } else {
            [item].into_iter().chain(tags).collect()
        };
        if let Some(marking) = &line.details.marking {
            // After all tags of the line (6).
            let code = marking.code.as_bytes();
            let bind = self.operator(op::FS_BIND_MARK);
            let bind = bind.number(code.len() as u64, 1).bytes(code);
            steps.push(Step::new(bind));
        }
        Ok(steps)
    }

    fn item(&self, kind: ReceiptKind, line: &Line) -> Result<Command, FiscalError> {
        let Some(&vat) = self.config.vat_codes.get(&line.vat) else {
            return unsupported(format!(
                "this printer's firmware has no byte for the VAT rate {:?} (vat_codes)",
                line.vat
            ));
        };
        if line.name.trim().is_empty() {
            return unsupported("a line of a receipt must have a name");
        }
        let natural = |value: i64| u64::try_from(value).ok().filter(|v| *v <= MAX_MONEY);
        let numbers = (|| {
            let (price, quantity) = (natural(line.price_minor)?, natural(line.quantity_milli)?);
            let sum = natural(line.sum_minor)?;
            let exact = u128::from(price) * u128::from(quantity);
            let right = quantity > 0 && (exact + 500) / 1000 == u128::from(sum);
            // Six decimals on the wire (4.4).
            let micro = quantity.checked_mul(1000).filter(|q| *q < 1 << 48)?;
            right.then_some((price, micro, sum))
        })();
        let Some((price, quantity, sum)) = numbers else {
            return unsupported(
                "a line's sum is not price × quantity, or does not fit into the printer",
            );
        };
        let tax = if self.config.send_taxes {
            u64::try_from(line.vat.inside(line.sum_minor)).unwrap_or(NOT_GIVEN)
        } else {
            NOT_GIVEN
        };
        // A name that begins with "//" would stay off the paper (4.4).
        let name = if line.name.starts_with("//") {
            format!(" {}", line.name)
        } else {
            line.name.clone()
        };
        Ok(self
            .operator(op::FS_ITEM)
            .bytes(&[kind.tag_1054()])
            .number(quantity, 6)
            .number(price, 5)
            .number(sum, 5)
            .number(tax, 5)
            .bytes(&[
                vat,
                self.config.department,
                line.method.tag_1214(),
                line.subject.tag_1212(),
            ])
            .bytes(&text::cp1251(&name, MAX_NAME)))
    }

    /// The check of a marked unit, FF61h.
    fn check_mark(
        &self,
        marking: &Marking,
        unit: MeasureUnit,
        quantity_milli: u64,
    ) -> Result<Command, FiscalError> {
        check_mark(self.config, self.target.ffd, marking, unit, quantity_milli)
    }

    fn correction(&self, correction: &Correction) -> Result<Vec<Step>, FiscalError> {
        let receipt = &correction.receipt;
        let basis = tags::correction(correction)?;
        if self.target.correction_as_receipt {
            return self.receipt(receipt, CORRECTION | place(receipt.kind), basis);
        }
        let total = check(receipt)?;
        let sign = match receipt.kind {
            ReceiptKind::Sale => 1,
            ReceiptKind::Purchase => 3,
            _ => {
                return unsupported(
                    "before FFD 1.1 only sales and purchases can be corrected (FF4Ah)",
                );
            }
        };
        let mut tlvs = tags::operator(self.who(&receipt.operator));
        tlvs.extend(tags::receipt(receipt, self.target.ffd)?);
        // Its kind is a parameter of the command.
        tlvs.extend(basis.into_iter().skip(1));
        let mut steps = vec![Step {
            command: self.admin(op::FS_CORRECTION_BEGIN),
            optional: true,
        }];
        steps.extend(self.tags(&tlvs)?);
        let sums = payments(receipt, total)?;
        if sums.iter().sum::<u64>() != total {
            return unsupported("a correction before FFD 1.1 has no change");
        }
        let by = correction.basis.by.tag_1173();
        let mut close = self
            .admin(op::FS_CORRECTION)
            .bytes(&[by, sign])
            .number(total, 5);
        for form in TenderForm::ALL {
            let sum = sums[usize::from(register::payment_type(form)) - 1];
            close = close.number(sum, 5);
        }
        for tax in six_taxes(receipt)? {
            close = close.number(tax, 5);
        }
        let close = close.bytes(&[receipt.tax_system.tag_1055()]);
        steps.push(Step::new(close));
        Ok(steps)
    }

    /// The sums of taxes of FF45h: zero where the printer computes them.
    fn taxes(&self, receipt: &Receipt) -> Result<[u64; 6], FiscalError> {
        if self.config.send_taxes {
            six_taxes(receipt)
        } else {
            Ok([0; 6])
        }
    }
}

/// Bytes of the drive's buffer that one command writes.
const BUFFER_PIECE: usize = 128;

/// FF61h for a marked unit.
pub(super) fn check_mark(
    config: &ShtrihConfig,
    ffd: Ffd,
    marking: &Marking,
    unit: MeasureUnit,
    quantity_milli: u64,
) -> Result<Command, FiscalError> {
    if ffd < Ffd::V12 {
        return unsupported("marked goods need FFD 1.2");
    }
    let code = marking.code.as_bytes();
    let tlv = tags::partial(marking.status, unit, quantity_milli);
    if code.is_empty() || code.len() + tlv.len() + 10 > MAX_BODY {
        return unsupported("a marking code must have 1 to 200 characters");
    }
    Ok(Command::new(op::FS_CHECK_MARK, config.operator_password)
        .bytes(&[marking.status.tag_2003(), 0])
        .number(code.len() as u64, 1)
        .number(tlv.len() as u64, 1)
        .bytes(code)
        .bytes(&tlv))
}

/// The receipt's total, when the receipt can be registered.
fn check(receipt: &Receipt) -> Result<u64, FiscalError> {
    if receipt.lines.is_empty() {
        return unsupported("a receipt without lines can't be registered");
    }
    let key = &receipt.key;
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return unsupported("a receipt's key must have 1 to 16 visible ASCII characters");
    }
    match receipt.total_minor().map(u64::try_from) {
        Some(Ok(total @ 1..=MAX_MONEY)) => Ok(total),
        _ => unsupported("a receipt's total must be above zero and fit into the printer"),
    }
}

/// The sixteen sums of FF45h.
fn payments(receipt: &Receipt, total: u64) -> Result<[u64; 16], FiscalError> {
    let mut sums = [0u64; register::PAYMENT_TYPES as usize];
    for tender in &receipt.tenders {
        let sum = match u64::try_from(tender.sum_minor) {
            Ok(sum @ 1..=MAX_MONEY) => sum,
            _ => return unsupported("a tender's sum must be above zero and fit into the printer"),
        };
        sums[usize::from(register::payment_type(tender.form)) - 1] += sum;
    }
    let paid: u64 = sums.iter().sum();
    if sums.iter().any(|s| *s > MAX_MONEY) || paid < total || paid - sums[0] > total {
        return unsupported(
            "the tenders of a receipt must sum up to its total, or to more where the rest is change in cash",
        );
    }
    Ok(sums)
}

/// The sums of taxes, by the six places the command has: taxes, but turnovers for "0 %" and "without".
fn six_taxes(receipt: &Receipt) -> Result<[u64; 6], FiscalError> {
    let mut sums = [0u64; 6];
    for line in &receipt.lines {
        let Some(at) = TAXES.iter().position(|rate| *rate == line.vat) else {
            return unsupported(format!(
                "the command has no place for the tax of {:?}: let the printer compute taxes (send_taxes)",
                line.vat
            ));
        };
        let part = match line.vat {
            VatRate::Vat0 | VatRate::None => line.sum_minor,
            rate => rate.inside(line.sum_minor),
        };
        sums[at] = sums[at].saturating_add(u64::try_from(part).unwrap_or(0));
    }
    Ok(sums)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
