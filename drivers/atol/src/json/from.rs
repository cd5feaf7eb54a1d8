//! From a document to the vendor's task.

use super::{
    AgentInfo, AttributeItem, CashTask, ClientInfo, CorrectionTask, ImcParams, IndustryInfo, Item,
    Kopecks, OperationInfo, OperatorInfo, PayingAgent, Payment, PositionItem, ReceiptTask,
    ShiftTask, SupplierInfo, Task, Tax, Thousandths, WordOrNumber, words,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_fiscal::{
    Correction, Document, Ffd, FiscalError, Industry, Line, Marking, MarkingStatus, MeasureUnit,
    Operator, Receipt, ReceiptKind, TenderForm, VatRate,
};
use std::collections::BTreeMap;

/// Most characters of tag 1192 as this driver uses it.
const MAX_KEY: usize = 16;

/// What a document does not say by itself.
#[derive(Clone, Debug)]
pub struct Style {
    /// Who is named when a document names nobody.
    pub operator: Option<Operator>,
    /// Whether receipts come out on paper at all.
    pub print_receipts: bool,
    /// The format that the printer registers.
    pub ffd: Ffd,
}

/// The task that registers `document`.
///
/// # Errors
/// [`FiscalError::Unsupported`] for what can't be registered as it stands.
pub fn from_document(document: &Document, style: &Style) -> Result<Task, FiscalError> {
    let operator = |given: &Option<Operator>| {
        given
            .as_ref()
            .or(style.operator.as_ref())
            .map(OperatorInfo::from)
    };
    let cash = |d: &galley_fiscal::CashDocument| {
        if d.sum_minor <= 0 {
            return unsupported("a sum put in or taken out must be above zero");
        }
        Ok(CashTask {
            operator: operator(&d.operator),
            cash_sum: Kopecks(d.sum_minor),
        })
    };
    Ok(match document {
        Document::ShiftOpen(d) => Task::OpenShift(ShiftTask {
            operator: operator(&d.operator),
            electronically: None,
        }),
        Document::ShiftClose(d) => Task::CloseShift(ShiftTask {
            operator: operator(&d.operator),
            electronically: None,
        }),
        Document::CashIn(d) => Task::CashIn(cash(d)?),
        Document::CashOut(d) => Task::CashOut(cash(d)?),
        Document::Receipt(r) => {
            let task = Box::new(receipt(r, operator(&r.operator), style)?);
            match r.kind {
                ReceiptKind::Sale => Task::Sell(task),
                ReceiptKind::SaleReturn => Task::SellReturn(task),
                ReceiptKind::Purchase => Task::Buy(task),
                ReceiptKind::PurchaseReturn => Task::BuyReturn(task),
            }
        }
        Document::Correction(c) => {
            let task = Box::new(correction(c, operator(&c.receipt.operator), style)?);
            match c.receipt.kind {
                ReceiptKind::Sale => Task::SellCorrection(task),
                ReceiptKind::SaleReturn => Task::SellReturnCorrection(task),
                ReceiptKind::Purchase => Task::BuyCorrection(task),
                ReceiptKind::PurchaseReturn => Task::BuyReturnCorrection(task),
            }
        }
    })
}

impl From<&Operator> for OperatorInfo {
    fn from(operator: &Operator) -> Self {
        Self {
            name: operator.name.clone(),
            vatin: operator.inn.clone(),
        }
    }
}

fn unsupported<T>(why: impl Into<String>) -> Result<T, FiscalError> {
    Err(FiscalError::Unsupported(why.into()))
}

/// `YYYY-MM-DD` as the vendor's JSON writes it.
fn date(iso: &str) -> Result<String, FiscalError> {
    let right = iso.len() == 10
        && iso.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    if right {
        Ok(iso.replace('-', "."))
    } else {
        unsupported(format!("{iso:?} is no date, YYYY-MM-DD"))
    }
}

/// `YYYY-MM-DDTHH:MM:SS` as the vendor's JSON writes it.
///
/// # Errors
/// [`FiscalError::Unsupported`] for anything else.
pub fn from_date_time(iso: &str) -> Result<String, FiscalError> {
    let right = iso.len() == 19
        && iso.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            10 => b == b'T',
            13 | 16 => b == b':',
            _ => b.is_ascii_digit(),
        });
    if right {
        Ok(iso.replace('-', ".").replace('T', " "))
    } else {
        unsupported(format!("{iso:?} is no local time, YYYY-MM-DDTHH:MM:SS"))
    }
}

fn correction(
    c: &Correction,
    operator: Option<OperatorInfo>,
    style: &Style,
) -> Result<CorrectionTask, FiscalError> {
    let mut receipt = receipt(&c.receipt, operator, style)?;
    let paid: i64 = c.receipt.tenders.iter().map(|t| t.sum_minor).sum();
    if c.receipt.total_minor() != Some(paid) {
        // The vendor's script takes the sum of the payments for the total of an old correction (seen in its text).
        return unsupported("a correction gives no change: its tenders must sum up to its total");
    }
    if style.ffd == Ffd::V105 {
        // There the lines aren't registered, so the sums of VAT are given beside them (3.6).
        let mut sums: BTreeMap<VatRate, i64> = BTreeMap::new();
        for line in &c.receipt.lines {
            // For a rate without VAT the base itself is registered, tag 1105. [memory]
            let part = match line.vat {
                VatRate::None | VatRate::Vat0 => line.sum_minor,
                rate => rate.inside(line.sum_minor),
            };
            *sums.entry(line.vat).or_default() += part;
        }
        receipt.taxes = sums
            .into_iter()
            .map(|(rate, sum)| Tax {
                kind: words::vat_word(rate).to_owned(),
                sum: Some(Kopecks(sum)),
            })
            .collect();
    }
    Ok(CorrectionTask {
        correction_type: Some(words::correction_word(c.basis.by).to_owned()),
        correction_base_date: Some(date(&c.basis.date)?),
        correction_base_number: c.basis.number.clone(),
        correction_base_name: c.basis.description.clone(),
        receipt,
    })
}

fn receipt(
    r: &Receipt,
    operator: Option<OperatorInfo>,
    style: &Style,
) -> Result<ReceiptTask, FiscalError> {
    check(r)?;
    let total = r.total_minor().unwrap_or(0);
    let mut items = Vec::new();
    for line in &r.lines {
        items.push(Item::Position(Box::new(position(line, style.ffd)?)));
    }
    if let Some(attribute) = &r.details.user_attribute {
        items.push(Item::UserAttribute(AttributeItem {
            name: Some(attribute.name.clone()),
            value: attribute.value.clone(),
            print: None,
        }));
    }
    items.push(Item::AdditionalAttribute(AttributeItem {
        name: None,
        value: r.key.clone(),
        print: Some(false),
    }));
    let client = ClientInfo {
        email_or_phone: r.buyer_contact.clone(),
        name: r.details.buyer_name.clone(),
        vatin: r.details.buyer_inn.clone(),
        ..ClientInfo::default()
    };
    let operation = match &r.details.operation {
        None => None,
        Some(o) => Some(OperationInfo {
            id: o.id,
            data: o.data.clone(),
            date_time: from_date_time(&o.at)?,
        }),
    };
    Ok(ReceiptTask {
        taxation_type: Some(words::tax_system_word(r.tax_system).to_owned()),
        electronically: Some(!(r.print && style.print_receipts)),
        operator,
        client_info: (client != ClientInfo::default()).then_some(client),
        payments_place: r.details.place.clone(),
        payments_address: r.details.address.clone(),
        machine_number: r.details.machine_number.clone(),
        internet: r.details.internet.then_some(true),
        industry_info: industry(&r.details.industry)?,
        operation_info: operation,
        items,
        payments: r
            .tenders
            .iter()
            .map(|t| Payment {
                kind: words::tender_word(t.form).to_owned(),
                sum: Kopecks(t.sum_minor),
            })
            .collect(),
        total: Some(Kopecks(total)),
        ..ReceiptTask::default()
    })
}

/// What no printer would register, or would register other than it was meant.
fn check(r: &Receipt) -> Result<(), FiscalError> {
    let key = &r.key;
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return unsupported("a receipt's key must have 1 to 16 visible ASCII characters");
    }
    if r.lines.is_empty() {
        return unsupported("a receipt without lines can't be registered");
    }
    let Some(total) = r.total_minor().filter(|t| *t > 0) else {
        return unsupported("the total of a receipt must be above zero");
    };
    let (mut cash, mut other) = (0i64, 0i64);
    for t in &r.tenders {
        let sum = match t.form {
            TenderForm::Cash => &mut cash,
            _ => &mut other,
        };
        match sum.checked_add(t.sum_minor) {
            Some(more) if t.sum_minor > 0 => *sum = more,
            _ => return unsupported("a tender's sum must be above zero"),
        }
    }
    // Change is given from cash only (6.8).
    match cash.checked_add(other) {
        Some(paid) if paid >= total && other <= total => Ok(()),
        _ => unsupported(
            "the tenders of a receipt must sum up to its total, or to more where the rest is change in cash",
        ),
    }
}

fn position(line: &Line, ffd: Ffd) -> Result<PositionItem, FiscalError> {
    if line.name.trim().is_empty() {
        return unsupported("a line of a receipt must have a name");
    }
    let product = i128::from(line.price_minor) * i128::from(line.quantity_milli);
    let natural = line.price_minor >= 0 && line.quantity_milli > 0;
    if !natural || (product + 500).div_euclid(1000) != i128::from(line.sum_minor) {
        return unsupported("a line's sum is not price × quantity");
    }
    let d = &line.details;
    let imc_params = match &d.marking {
        None => None,
        Some(_) if ffd < Ffd::V12 => {
            return unsupported(
                "marked goods need the fiscal data format 1.2, and the printer registers an older one",
            );
        }
        Some(marking) => {
            let mut params = imc_params(marking);
            // A measured part needs its measure beside it, as clients of the vendor's server were seen to send it.
            if matches!(
                marking.status,
                MarkingStatus::PartSold | MarkingStatus::PartReturned
            ) {
                params.item_quantity = Some(Thousandths(line.quantity_milli));
                params.item_units = Some(WordOrNumber::Number(u16::from(line.unit.tag_2108())));
            }
            Some(params)
        }
    };
    Ok(PositionItem {
        name: line.name.clone(),
        price: Kopecks(line.price_minor),
        quantity: Thousandths(line.quantity_milli),
        amount: Kopecks(line.sum_minor),
        measurement_unit: Some(if ffd == Ffd::V12 {
            WordOrNumber::Number(u16::from(line.unit.tag_2108()))
        } else {
            WordOrNumber::from(unit_text(line.unit))
        }),
        payment_method: Some(words::method_word(line.method).to_owned()),
        payment_object: Some(words::subject_word(line.subject).to_owned()),
        tax: Some(Tax {
            kind: words::vat_word(line.vat).to_owned(),
            sum: None,
        }),
        excise_sum: d.excise_minor.map(Kopecks),
        country_code: d.country.clone(),
        customs_declaration: d.customs_declaration.clone(),
        additional_attribute: d.attribute.clone(),
        agent_info: d.agent.as_ref().map(|a| AgentInfo {
            agents: vec![words::agent_word(a.kind).to_owned()],
            paying_agent: (a.operation.is_some() || !a.phones.is_empty()).then(|| PayingAgent {
                operation: a.operation.clone(),
                phones: a.phones.clone(),
            }),
            ..AgentInfo::default()
        }),
        supplier_info: d.supplier.as_ref().map(|s| SupplierInfo {
            phones: s.phones.clone(),
            name: s.name.clone(),
            vatin: Some(s.inn.clone()),
        }),
        industry_info: industry(&d.industry)?,
        imc_params,
        ..PositionItem::default()
    })
}

/// A marked unit as the vendor's JSON names it.
#[must_use]
pub fn imc_params(marking: &Marking) -> ImcParams {
    ImcParams {
        imc: STANDARD.encode(&marking.code),
        imc_type: Some("auto".into()),
        item_estimated_status: Some(words::marking_word(marking.status).into()),
        imc_mode_processing: Some(0),
        item_fractional_amount: marking
            .fraction
            .map(|f| format!("{}/{}", f.numerator, f.denominator)),
        item_quantity: None,
        item_units: None,
        imc_barcode: None,
        not_send_to_server: None,
        item_info_check_result: marking.checked.map(Into::into),
    }
}

fn industry(list: &[Industry]) -> Result<Vec<IndustryInfo>, FiscalError> {
    list.iter()
        .map(|i| {
            Ok(IndustryInfo {
                fois: i.fois.clone(),
                date: date(&i.date)?,
                number: i.number.clone(),
                industry_attribute: i.value.clone(),
            })
        })
        .collect()
}

/// Tag 1197, free text of FFD 1.05 and 1.1.
pub(super) fn unit_text(unit: MeasureUnit) -> &'static str {
    match unit {
        MeasureUnit::Piece => "шт",
        MeasureUnit::Gram => "г",
        MeasureUnit::Kilogram => "кг",
        MeasureUnit::Millilitre => "мл",
        MeasureUnit::Litre => "л",
        MeasureUnit::Hour => "ч",
        MeasureUnit::Minute => "мин",
        MeasureUnit::Other => "ед",
    }
}
