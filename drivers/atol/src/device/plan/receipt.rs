//! Receipts (2.3, 2.6, 2.8).

use super::{Step, details, too_large};
use crate::{
    command::{self, OPEN_RECEIPT_ELECTRONIC, op},
    config::AtolConfig,
    position::{self, Position},
    text,
    tlv::tag,
};
use galley_fiscal::{FiscalError, Line, MeasureUnit, Receipt, ReceiptKind, TenderForm};

/// Most characters of tag 1192 as this driver uses it.
const MAX_KEY: usize = 16;

pub(super) fn steps(
    receipt: &Receipt,
    config: &AtolConfig,
    prints: bool,
) -> Result<Vec<Step>, FiscalError> {
    let kind = match receipt.kind {
        ReceiptKind::Sale => 1,
        ReceiptKind::SaleReturn => 2,
        ReceiptKind::Purchase => 4,
        ReceiptKind::PurchaseReturn => 5,
    };
    let mut steps = vec![open(kind, prints)];
    steps.extend(Step::tag(tag::TAX_SYSTEM, &[receipt.tax_system.tag_1055()]));
    steps.extend(details::of_receipt(receipt));
    steps.extend(lines(receipt, config)?);
    // After the last position a tag belongs to the receipt (2.6).
    steps.extend(details::behind_lines(receipt));
    steps.extend(key(receipt));
    steps.extend(payments(receipt)?);
    steps.push(close());
    Ok(steps)
}

pub(super) fn open(kind: u8, prints: bool) -> Step {
    let flags = if prints { 0 } else { OPEN_RECEIPT_ELECTRONIC };
    Step::new(op::OPEN_RECEIPT, [flags, kind])
}

/// Type 01 and sum 0 after payments, as the vendor's host closes.
pub(super) fn close() -> Step {
    Step::new(op::CLOSE_RECEIPT, [0, 1, 0, 0, 0, 0, 0])
}

/// The positions, each with its tags.
pub(super) fn lines(receipt: &Receipt, config: &AtolConfig) -> Result<Vec<Step>, FiscalError> {
    let mut steps = Vec::new();
    for line in &receipt.lines {
        steps.push(Step::new(op::BEGIN_POSITION, position::BEGIN));
        if config.send_units {
            steps.extend(Step::tag(tag::UNIT, &text::encode(unit(line.unit), 16)));
        }
        steps.extend(details::of_line(line)?);
        steps.push(Step::new(op::END_POSITION, position_of(line, config)?));
    }
    Ok(steps)
}

/// Tag 1192: our key.
pub(super) fn key(receipt: &Receipt) -> Vec<Step> {
    Step::tag(tag::RECEIPT_KEY, &text::encode(&receipt.key, MAX_KEY)).collect()
}

/// The payments, cash last: the printer takes cash above what is left, and gives the change. The vendor's host sends
/// them from the highest type down, too.
pub(super) fn payments(receipt: &Receipt) -> Result<Vec<Step>, FiscalError> {
    let mut tenders: Vec<_> = receipt.tenders.iter().collect();
    tenders.sort_by_key(|t| std::cmp::Reverse(payment_type(t.form)));
    tenders
        .into_iter()
        .map(|tender| {
            u64::try_from(tender.sum_minor)
                .ok()
                .and_then(|sum| command::payment(payment_type(tender.form), sum))
                .map(|parameters| Step::new(op::PAYMENT, parameters))
                .ok_or_else(|| too_large("a tender's sum"))
        })
        .collect()
}

fn position_of(line: &Line, config: &AtolConfig) -> Result<Vec<u8>, FiscalError> {
    let natural = |value: i64| u64::try_from(value).ok();
    let position = || {
        Position {
            tax_by_index: true,
            price_minor: natural(line.price_minor)?,
            quantity_milli: natural(line.quantity_milli)?,
            sum_minor: natural(line.sum_minor)?,
            // The check before has seen that the rate is there.
            tax_index: *config.vat_indexes.get(&line.vat)?,
            department: config.department,
            subject: line.subject.tag_1212(),
            method: line.method.tag_1214(),
            name: line.name.clone(),
        }
        .encode()
    };
    position().ok_or_else(|| too_large("a line"))
}

/// Command 99 (2.3).
fn payment_type(form: TenderForm) -> u8 {
    match form {
        TenderForm::Cash => 1,
        TenderForm::Electronic => 2,
        TenderForm::Advance => 3,
        TenderForm::Credit => 4,
        TenderForm::Other => 5,
    }
}

/// Tag 1197 is free text.
fn unit(unit: MeasureUnit) -> &'static str {
    match unit {
        MeasureUnit::Piece => "шт",
        MeasureUnit::Gram => "г",
        MeasureUnit::Kilogram => "кг",
        MeasureUnit::Litre => "л",
        MeasureUnit::Millilitre => "мл",
        MeasureUnit::Hour => "ч",
        MeasureUnit::Minute => "мин",
        MeasureUnit::Other => "ед",
    }
}
