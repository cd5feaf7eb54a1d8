//! Correction receipts, as the vendor's host sends them in either format (captured). In FFD 1.05 one has the total, how
//! it was paid and the taxes, no lines and no key; in FFD 1.1 it has both.

use super::{Step, details, receipt, too_large};
use crate::{
    command::op,
    config::AtolConfig,
    local_time::LocalDateTime,
    position::{self, Position},
    text,
    tlv::{self, tag},
};
use galley_fiscal::{
    Correction, CorrectionBasis, Ffd, FiscalError, Receipt, ReceiptKind, VatRate, check,
};

/// The tax index of the one position that carries the total: 0 %, as the vendor's host writes it. Its VAT sum is
/// overwritten by tag 1104, which is therefore always sent. (captured)
const ZERO_RATE: u8 = 5;

pub(super) fn steps(
    correction: &Correction,
    config: &AtolConfig,
    prints: bool,
    ffd: Ffd,
) -> Result<Vec<Step>, FiscalError> {
    let inner = &correction.receipt;
    let kind = match inner.kind {
        ReceiptKind::Sale => 7,
        ReceiptKind::SaleReturn => 8,
        ReceiptKind::Purchase => 9,
        ReceiptKind::PurchaseReturn => 10,
    };
    let by = Step::tag(tag::CORRECTION_BY, &[correction.basis.by.tag_1173()]);
    let basis = Step::tag(tag::CORRECTION_BASIS, &basis(&correction.basis, ffd)?);
    let tax_system = Step::tag(tag::TAX_SYSTEM, &[inner.tax_system.tag_1055()]);
    let mut steps = vec![receipt::open(kind, prints)];
    if ffd >= Ffd::V11 {
        steps.extend(by.chain(basis).chain(tax_system));
        steps.extend(details::of_receipt(inner));
        steps.extend(receipt::lines(inner, config)?);
        steps.extend(details::behind_lines(inner));
        steps.extend(receipt::key(inner));
    } else {
        steps.extend(tax_system.chain(by).chain(basis));
        // Of what a receipt may have beside, this format's correction has the machine's number alone.
        if let Some(number) = &inner.details.machine_number {
            let number = text::encode(number, details::MACHINE_NUMBER);
            steps.extend(Step::tag(tag::MACHINE_NUMBER, &number));
        }
        steps.push(Step::new(op::BEGIN_POSITION, position::BEGIN));
        steps.push(Step::new(op::END_POSITION, total(inner)?));
        for (tag, sum) in taxes(inner)? {
            steps.extend(Step::tag(tag, &sum.to_le_bytes()));
        }
    }
    steps.extend(receipt::payments(inner)?);
    steps.push(receipt::close());
    Ok(steps)
}

/// The one position of FFD 1.05, which carries the total.
fn total(receipt: &Receipt) -> Result<Vec<u8>, FiscalError> {
    let position = || {
        let total = u64::try_from(receipt.total_minor()?).ok()?;
        Position {
            tax_by_index: false,
            price_minor: total,
            quantity_milli: 1000,
            sum_minor: total,
            tax_index: ZERO_RATE,
            department: 0,
            subject: 0,
            method: 0,
            name: String::new(),
        }
        .encode()
    };
    position().ok_or_else(|| too_large("the total"))
}

/// Tag 1174: in words (FFD 1.05 only), when, and the number of the order.
fn basis(basis: &CorrectionBasis, ffd: Ffd) -> Result<Vec<u8>, FiscalError> {
    let day = check::day_of(&basis.date)
        .and_then(|(year, month, day)| LocalDateTime::new(year, month, day, 0, 0, 0))
        .and_then(|at| u32::try_from(at.seconds()).ok())
        .ok_or_else(|| too_large("the day of the correction"))?;
    let mut out = Vec::new();
    if let Some(words) = &basis.description
        && ffd < Ffd::V11
    {
        out.extend(tlv::encode(tag::BASIS_WORDS, &text::encode(words, 256)));
    }
    out.extend(tlv::encode(tag::BASIS_DATE, &day.to_le_bytes()));
    if let Some(number) = &basis.number {
        out.extend(tlv::encode(tag::BASIS_NUMBER, &text::encode(number, 32)));
    }
    Ok(out)
}

/// Tags 1102 to 1107: VAT by rate, and the turnover of what has none; 1104 first and always.
fn taxes(receipt: &Receipt) -> Result<Vec<(u16, u32)>, FiscalError> {
    let rates = [
        (tag::SUM_VAT_0, VatRate::Vat0),
        (tag::SUM_VAT_20, VatRate::Vat20),
        (tag::SUM_VAT_10, VatRate::Vat10),
        (tag::SUM_NO_VAT, VatRate::None),
        (tag::SUM_VAT_120, VatRate::Vat120),
        (tag::SUM_VAT_110, VatRate::Vat110),
    ];
    if let Some(line) = receipt
        .lines
        .iter()
        .find(|l| rates.iter().all(|(_, rate)| *rate != l.vat))
    {
        return Err(FiscalError::Unsupported(format!(
            "a correction of FFD 1.05 has no tag for VAT rate {:?}; {}",
            line.vat,
            super::OTHER_BACKEND
        )));
    }
    let mut out = Vec::new();
    for (tag, rate) in rates {
        let of_rate = receipt.lines.iter().filter(|l| l.vat == rate);
        let sum: i64 = of_rate
            .map(|l| match rate {
                VatRate::Vat0 | VatRate::None => l.sum_minor,
                _ => rate.inside(l.sum_minor),
            })
            .sum();
        let sum = u32::try_from(sum).map_err(|_| too_large("a sum of VAT"))?;
        if sum > 0 || rate == VatRate::Vat0 {
            out.push((tag, sum));
        }
    }
    Ok(out)
}
