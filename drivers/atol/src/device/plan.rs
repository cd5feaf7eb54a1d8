//! From a document to commands: everything is laid out and checked before the first byte leaves.

use crate::{
    command::{self, OPEN_RECEIPT_ELECTRONIC, mode, op},
    config::AtolConfig,
    position::{self, Position},
    text,
    tlv::tag,
};
use galley_fiscal::{
    Document, FiscalError, Line, MeasureUnit, Operator, Receipt, ReceiptKind, TenderForm,
};

/// Most characters of tag 1192 as this driver uses it.
const MAX_KEY: usize = 16;
/// Most characters of tags 1021 and 1008.
const MAX_TEXT: usize = 64;
/// Digits of tag 1203, padded with blanks.
const INN: usize = 12;

/// A command: its code and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: u8,
    pub(super) parameters: Vec<u8>,
}

impl Step {
    fn new(command: u8, parameters: impl Into<Vec<u8>>) -> Self {
        Self {
            command,
            parameters: parameters.into(),
        }
    }

    fn tag(tag: u16, value: &[u8]) -> Self {
        Self::new(op::WRITE_TAG, command::write_tag(tag, value))
    }
}

/// What is sent for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: u8,
    /// Sent before the act begins; leaves nothing behind when it stays alone.
    pub(super) before: Vec<Step>,
    /// The act.
    pub(super) acts: Vec<Step>,
    /// Paper is to come out.
    pub(super) prints: bool,
}

/// Lays out `document`.
///
/// # Errors
/// [`FiscalError::Unsupported`] for what this printer can't register as it stands.
pub(super) fn plan(document: &Document, config: &AtolConfig) -> Result<Plan, FiscalError> {
    let operator = |given: &Option<Operator>| -> Vec<Step> {
        let Some(who) = given.as_ref().or(config.operator.as_ref()) else {
            return Vec::new();
        };
        let mut steps = vec![Step::tag(tag::OPERATOR, &text::encode(&who.name, MAX_TEXT))];
        if let Some(inn) = &who.inn {
            let mut value = text::encode(inn, INN);
            value.resize(INN, b' ');
            steps.push(Step::tag(tag::OPERATOR_INN, &value));
        }
        steps
    };
    Ok(match document {
        Document::ShiftOpen(d) => Plan {
            mode: mode::REGISTRATION,
            before: operator(&d.operator),
            acts: vec![Step::new(op::OPEN_SHIFT, [0x00])],
            prints: true,
        },
        Document::ShiftClose(d) => Plan {
            mode: mode::Z_REPORTS,
            before: operator(&d.operator),
            acts: vec![Step::new(op::CLOSE_SHIFT, [])],
            prints: true,
        },
        Document::Receipt(receipt) => {
            let prints = receipt.print && config.print_receipts;
            Plan {
                mode: mode::REGISTRATION,
                before: operator(&receipt.operator),
                acts: receipt_steps(receipt, config, prints)?,
                prints,
            }
        }
        Document::Correction(_) | Document::CashIn(_) | Document::CashOut(_) => {
            return unsupported("this document is not implemented yet");
        }
    })
}

fn unsupported<T>(why: impl Into<String>) -> Result<T, FiscalError> {
    Err(FiscalError::Unsupported(why.into()))
}

fn receipt_steps(
    receipt: &Receipt,
    config: &AtolConfig,
    prints: bool,
) -> Result<Vec<Step>, FiscalError> {
    check(receipt)?;
    let flags = if prints { 0 } else { OPEN_RECEIPT_ELECTRONIC };
    let kind = match receipt.kind {
        ReceiptKind::Sale => 1,
        ReceiptKind::SaleReturn => 2,
        ReceiptKind::Purchase => 4,
        ReceiptKind::PurchaseReturn => 5,
    };
    let mut steps = vec![
        Step::new(op::OPEN_RECEIPT, [flags, kind]),
        Step::tag(tag::TAX_SYSTEM, &[receipt.tax_system.tag_1055()]),
    ];
    if let Some(contact) = &receipt.buyer_contact {
        steps.push(Step::tag(
            tag::BUYER_CONTACT,
            &text::encode(contact, MAX_TEXT),
        ));
    }
    for line in &receipt.lines {
        steps.push(Step::new(op::BEGIN_POSITION, position::BEGIN));
        if config.send_units {
            steps.push(Step::tag(tag::UNIT, &text::encode(unit(line.unit), 16)));
        }
        steps.push(Step::new(op::END_POSITION, position_of(line, config)?));
    }
    // After the last position a tag belongs to the receipt (2.6).
    steps.push(Step::tag(
        tag::RECEIPT_KEY,
        &text::encode(&receipt.key, MAX_KEY),
    ));
    for tender in &receipt.tenders {
        let sum = u64::try_from(tender.sum_minor).ok();
        match sum.and_then(|sum| command::payment(payment_type(tender.form), sum)) {
            Some(parameters) => steps.push(Step::new(op::PAYMENT, parameters)),
            None => return unsupported("a tender's sum does not fit into the printer"),
        }
    }
    // Type 01 and sum 0 after payments, as the vendor's host closes.
    steps.push(Step::new(op::CLOSE_RECEIPT, [0, 1, 0, 0, 0, 0, 0]));
    Ok(steps)
}

fn check(receipt: &Receipt) -> Result<(), FiscalError> {
    if receipt.lines.is_empty() {
        return unsupported("a receipt without lines can't be registered");
    }
    let key = &receipt.key;
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return unsupported("a receipt's key must have 1 to 16 visible ASCII characters");
    }
    let paid = receipt
        .tenders
        .iter()
        .try_fold(0i64, |sum, t| sum.checked_add(t.sum_minor));
    if receipt.tenders.iter().any(|t| t.sum_minor <= 0) {
        return unsupported("a tender's sum must be above zero");
    }
    match receipt.total_minor() {
        Some(total) if total > 0 && paid == Some(total) => Ok(()),
        _ => unsupported("the tenders of a receipt must sum up to its total, above zero"),
    }
}

fn position_of(line: &Line, config: &AtolConfig) -> Result<Vec<u8>, FiscalError> {
    let Some(&tax_index) = config.vat_indexes.get(&line.vat) else {
        return unsupported(format!(
            "this printer's firmware has no index for the VAT rate {:?} (vat_indexes): platform 2.5 ends at \
             20 %; configure the web server back end",
            line.vat
        ));
    };
    if line.name.trim().is_empty() {
        return unsupported("a line of a receipt must have a name");
    }
    let natural = |value: i64| u64::try_from(value).ok();
    let parts = (|| {
        let (price, quantity) = (natural(line.price_minor)?, natural(line.quantity_milli)?);
        let sum = natural(line.sum_minor)?;
        (quantity > 0 && position::sum_of(price, quantity)? == sum).then_some(())?;
        Position {
            price_minor: price,
            quantity_milli: quantity,
            sum_minor: sum,
            tax_index,
            department: config.department,
            subject: line.subject.tag_1212(),
            method: line.method.tag_1214(),
            name: line.name.clone(),
        }
        .encode()
    })();
    parts.map_or_else(
        || unsupported("a line's sum is not price × quantity, or does not fit into the printer"),
        Ok,
    )
}

fn payment_type(form: TenderForm) -> u8 {
    match form {
        TenderForm::Cash => 1,
        TenderForm::Electronic => 2,
        TenderForm::Advance => 3,
        TenderForm::Credit => 4,
        TenderForm::Other => 5,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use galley_fiscal::{
        LineDetails, ReceiptDetails, SettlementMethod, SettlementSubject, ShiftDocument, TaxSystem,
        TenderSum, VatRate,
    };

    fn soup() -> Receipt {
        Receipt {
            key: "k1".into(),
            kind: ReceiptKind::Sale,
            operator: Some(Operator {
                name: "Иванов".into(),
                inn: Some("1234567890".into()),
            }),
            tax_system: TaxSystem::General,
            lines: vec![Line {
                name: "Суп дня".into(),
                price_minor: 35_000,
                quantity_milli: 2000,
                sum_minor: 70_000,
                vat: VatRate::Vat10,
                subject: SettlementSubject::Commodity,
                method: SettlementMethod::FullPayment,
                unit: MeasureUnit::Piece,
                details: LineDetails::default(),
            }],
            tenders: vec![TenderSum {
                form: TenderForm::Electronic,
                sum_minor: 70_000,
            }],
            buyer_contact: None,
            print: true,
            details: ReceiptDetails::default(),
        }
    }

    fn planned(receipt: Receipt) -> Result<Plan, FiscalError> {
        plan(&Document::Receipt(receipt), &AtolConfig::default())
    }

    #[test]
    fn a_sale_is_laid_out_as_in_the_worked_session() {
        let plan = planned(soup()).unwrap();
        let codes: Vec<u8> = plan.acts.iter().map(|s| s.command).collect();
        assert_eq!(codes, [0x92, 0xE8, 0xEA, 0xE8, 0xEB, 0xE8, 0x99, 0x4A]);
        assert_eq!(plan.acts[0].parameters, [0x00, 0x01]);
        // Source: 1.5, frames 0A and 0C.
        assert_eq!(
            plan.before[0].parameters,
            [1, 1, 0, 0xFD, 3, 6, 0, 0x88, 0xA2, 0xA0, 0xAD, 0xAE, 0xA2]
        );
        assert_eq!(plan.acts[1].parameters, [1, 1, 0, 0x1F, 4, 1, 0, 1]);
        assert_eq!(plan.before[1].parameters[7..], *b"1234567890  ");
        assert_eq!(plan.acts[7].parameters, [0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_receipt_without_paper_is_electronic() {
        let mut receipt = soup();
        receipt.print = false;
        assert_eq!(planned(receipt).unwrap().acts[0].parameters, [0x04, 0x01]);
    }

    #[test]
    fn a_rate_that_the_firmware_lacks_is_refused_and_never_replaced() {
        let mut receipt = soup();
        receipt.lines[0].vat = VatRate::Vat22;
        assert!(matches!(planned(receipt), Err(FiscalError::Unsupported(_))));
    }

    #[test]
    fn a_receipt_that_does_not_add_up_is_refused() {
        let broken: [fn(&mut Receipt); 8] = [
            |r| r.lines.clear(),
            |r| r.tenders[0].sum_minor = 1,
            |r| r.tenders.clear(),
            |r| r.key = "12345678901234567".into(),
            |r| r.key = "ключ".into(),
            |r| r.lines[0].sum_minor = 70_001,
            |r| r.lines[0].price_minor = -35_000,
            |r| r.lines[0].name = " ".into(),
        ];
        for (i, f) in broken.iter().enumerate() {
            let mut receipt = soup();
            f(&mut receipt);
            assert!(planned(receipt).is_err(), "case {i}");
        }
    }

    #[test]
    fn the_configured_operator_is_named_when_the_document_names_nobody() {
        let config = AtolConfig {
            operator: Some(Operator {
                name: "Робот 1".into(),
                inn: None,
            }),
            ..AtolConfig::default()
        };
        let document = Document::ShiftOpen(ShiftDocument {
            key: "s".into(),
            operator: None,
        });
        assert_eq!(plan(&document, &config).unwrap().before.len(), 1);
        assert!(
            plan(&document, &AtolConfig::default())
                .unwrap()
                .before
                .is_empty()
        );
    }
}
