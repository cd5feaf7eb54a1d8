//! From the vendor's task to a document: for a till that speaks the vendor's JSON.
//!
//! What a document can't carry and the law would miss is a [`Fault`]; what only paper would miss is dropped and named.

use super::{
    CorrectionTask, ImcParams, IndustryInfo, Item, OperatorInfo, PositionItem, ReceiptTask, Task,
    WordOrNumber, from::unit_text, words,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_fiscal::{
    Agent, Attribute, CashDocument, Correction, CorrectionBasis, Document, Fraction, Industry,
    Line, LineDetails, Marking, MeasureUnit, Operation, Operator, Receipt, ReceiptDetails,
    ReceiptKind, ShiftDocument, Supplier, TaxSystem, TenderSum, spread_lines, sum_of,
};

/// A task as a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The document.
    pub document: Document,
    /// What only paper would have shown, and is left out.
    pub dropped: Vec<&'static str>,
    /// The printer is to check the marked units before it registers anything.
    pub check_marking: bool,
}

/// Why a task is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It registers nothing.
    #[error("{0} registers no document")]
    NoDocument(&'static str),
    /// A field is missing.
    #[error("field {0:?} is missing")]
    Missing(&'static str),
    /// A field has a wrong value.
    #[error("field {field:?} has a wrong value: {value}")]
    Wrong {
        /// Which.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// A field is right, and a document can't carry it.
    #[error("field {0:?} is not served here")]
    NotServed(&'static str),
}

/// The document of a task. `key` becomes its key; a receipt's tag 1192 must then be absent or say the same. Without it
/// tag 1192 is the key. `tax_system` is taken where the task names none.
///
/// # Errors
/// When the task is no document, or one that would lose something.
pub fn to_document(
    task: &Task,
    key: Option<&str>,
    tax_system: Option<TaxSystem>,
) -> Result<Taken, Fault> {
    let mut dropped = Vec::new();
    let own = || key.ok_or(Fault::Missing("key")).map(str::to_owned);
    let cash = |c: &super::CashTask| {
        if c.cash_sum.0 <= 0 {
            return Err(wrong("cashSum", c.cash_sum.0));
        }
        Ok(CashDocument {
            key: own()?,
            operator: operator(c.operator.as_ref()),
            sum_minor: c.cash_sum.0,
        })
    };
    let shift = |s: &super::ShiftTask| -> Result<ShiftDocument, Fault> {
        Ok(ShiftDocument {
            key: own()?,
            operator: operator(s.operator.as_ref()),
        })
    };
    let mut check_marking = false;
    let mut receipt = |r: &ReceiptTask, kind| {
        check_marking = r.validate_marking_codes == Some(true);
        receipt(r, kind, key, tax_system, &mut dropped)
    };
    let document = match task {
        Task::OpenShift(s) => Document::ShiftOpen(shift(s)?),
        Task::CloseShift(s) => Document::ShiftClose(shift(s)?),
        Task::CashIn(c) => Document::CashIn(cash(c)?),
        Task::CashOut(c) => Document::CashOut(cash(c)?),
        Task::Sell(r) => Document::Receipt(receipt(r, ReceiptKind::Sale)?),
        Task::SellReturn(r) => Document::Receipt(receipt(r, ReceiptKind::SaleReturn)?),
        Task::Buy(r) => Document::Receipt(receipt(r, ReceiptKind::Purchase)?),
        Task::BuyReturn(r) => Document::Receipt(receipt(r, ReceiptKind::PurchaseReturn)?),
        Task::SellCorrection(c) => correction(c, receipt(&c.receipt, ReceiptKind::Sale)?)?,
        Task::SellReturnCorrection(c) => {
            correction(c, receipt(&c.receipt, ReceiptKind::SaleReturn)?)?
        }
        Task::BuyCorrection(c) => correction(c, receipt(&c.receipt, ReceiptKind::Purchase)?)?,
        Task::BuyReturnCorrection(c) => {
            correction(c, receipt(&c.receipt, ReceiptKind::PurchaseReturn)?)?
        }
        other => return Err(Fault::NoDocument(other.name())),
    };
    Ok(Taken {
        document,
        dropped,
        check_marking,
    })
}

fn wrong(field: &'static str, value: impl ToString) -> Fault {
    Fault::Wrong {
        field,
        value: value.to_string(),
    }
}

fn operator(info: Option<&OperatorInfo>) -> Option<Operator> {
    info.map(|o| Operator {
        name: o.name.clone(),
        inn: o.vatin.clone(),
    })
}

/// The vendor's `YYYY.MM.DD`, with whatever between the digits, as ours.
fn date(field: &'static str, text: &str) -> Result<String, Fault> {
    let at = |range: std::ops::Range<usize>| {
        text.get(range)
            .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
    };
    match (at(0..4), at(5..7), at(8..10), text.len()) {
        (Some(y), Some(m), Some(d), 10) => Ok(format!("{y}-{m}-{d}")),
        _ => Err(wrong(field, text)),
    }
}

fn correction(c: &CorrectionTask, receipt: Receipt) -> Result<Document, Fault> {
    let by = c
        .correction_type
        .as_deref()
        .ok_or(Fault::Missing("correctionType"))?;
    let day = c
        .correction_base_date
        .as_deref()
        .ok_or(Fault::Missing("correctionBaseDate"))?;
    Ok(Document::Correction(Correction {
        basis: CorrectionBasis {
            by: words::correction_of(by).ok_or_else(|| wrong("correctionType", by))?,
            date: date("correctionBaseDate", day)?,
            number: c.correction_base_number.clone(),
            description: c.correction_base_name.clone(),
        },
        receipt,
    }))
}

fn receipt(
    r: &ReceiptTask,
    kind: ReceiptKind,
    key: Option<&str>,
    tax_system: Option<TaxSystem>,
    dropped: &mut Vec<&'static str>,
) -> Result<Receipt, Fault> {
    let unserved = [
        (r.payments_add_info.is_some(), "paymentsAddInfo"),
        (r.custom_parameters.is_some(), "customParameters"),
        (r.use_vat18 == Some(true), "useVAT18"),
        (r.company_info.is_some(), "companyInfo"),
    ];
    if let Some((_, name)) = unserved.iter().find(|(there, _)| *there) {
        return Err(Fault::NotServed(name));
    }
    for (there, name) in [
        (!r.pre_items.is_empty(), "preItems"),
        (!r.post_items.is_empty(), "postItems"),
        // The printer computes them itself.
        (!r.taxes.is_empty(), "taxes"),
        (r.items.contains(&Item::Paper), "items: text"),
    ] {
        if there {
            dropped.push(name);
        }
    }
    let mut lines = Vec::new();
    let mut attribute: Option<&str> = None;
    let mut user_attribute = None;
    for item in &r.items {
        match item {
            Item::Position(p) => lines.extend(position(p, dropped)?),
            Item::UserAttribute(a) if user_attribute.is_none() => {
                user_attribute = Some(Attribute {
                    name: a.name.clone().unwrap_or_default(),
                    value: a.value.clone(),
                });
            }
            Item::UserAttribute(_) => return Err(Fault::NotServed("userAttribute")),
            Item::AdditionalAttribute(a) if attribute.is_none() => attribute = Some(&a.value),
            Item::AdditionalAttribute(_) => return Err(Fault::NotServed("additionalAttribute")),
            Item::Paper => {}
        }
    }
    let key = match (key, attribute) {
        (Some(key), None) => key,
        (Some(key), Some(same)) if same == key => key,
        // Tag 1192 is where our key lives.
        (Some(_), Some(_)) => return Err(Fault::NotServed("additionalAttribute")),
        (None, Some(key)) => key,
        (None, None) => return Err(Fault::Missing("additionalAttribute")),
    };
    let system = match r.taxation_type.as_deref() {
        Some(word) => words::tax_system_of(word).ok_or_else(|| wrong("taxationType", word))?,
        None => tax_system.ok_or(Fault::Missing("taxationType"))?,
    };
    let client = r.client_info.clone().unwrap_or_default();
    if client.birth_date.is_some()
        || client.citizenship.is_some()
        || client.identity_document_code.is_some()
        || client.identity_document_data.is_some()
        || client.address.is_some()
    {
        return Err(Fault::NotServed("clientInfo"));
    }
    let mut tenders = Vec::new();
    // Tills were seen to list every form, most of them with nothing in it.
    for p in r.payments.iter().filter(|p| p.sum.0 != 0) {
        tenders.push(TenderSum {
            form: words::tender_of(&p.kind).ok_or_else(|| wrong("payments.type", &p.kind))?,
            sum_minor: p.sum.0,
        });
    }
    let operation = match &r.operation_info {
        None => None,
        Some(o) => {
            let (day, time) = o
                .date_time
                .split_at_checked(10)
                .ok_or_else(|| wrong("operationInfo.dateTime", &o.date_time))?;
            Some(Operation {
                id: o.id,
                data: o.data.clone(),
                at: format!(
                    "{}T{}",
                    date("operationInfo.dateTime", day)?,
                    time.trim_start()
                ),
            })
        }
    };
    let receipt = Receipt {
        key: key.to_owned(),
        kind,
        operator: operator(r.operator.as_ref()),
        tax_system: system,
        lines,
        tenders,
        buyer_contact: client.email_or_phone,
        print: r.electronically != Some(true),
        details: ReceiptDetails {
            buyer_name: client.name,
            buyer_inn: client.vatin,
            place: r.payments_place.clone(),
            address: r.payments_address.clone(),
            machine_number: r.machine_number.clone(),
            internet: r.internet == Some(true),
            user_attribute,
            industry: industry(&r.industry_info)?,
            operation,
        },
    };
    match r.total {
        // A total rounded down is a discount on the whole receipt, which a document can't carry.
        Some(total) if receipt.total_minor() != Some(total.0) => Err(Fault::NotServed("total")),
        _ => Ok(receipt),
    }
}

/// A position; two lines where its sum after a discount is no price times its quantity.
fn position(p: &PositionItem, dropped: &mut Vec<&'static str>) -> Result<Vec<Line>, Fault> {
    let mut line = line(p, dropped)?;
    let Some(discount) = p.info_discount_amount.map(|d| d.0) else {
        return Ok(vec![line]);
    };
    // Tills say the price before the discount and the sum after it, as the vendor's own example does; or both after it.
    // The law's line knows the price after it only.
    let full = sum_of(line.price_minor, line.quantity_milli);
    if discount <= 0 || full.and_then(|sum| sum.checked_sub(discount)) != Some(line.sum_minor) {
        return Ok(vec![line]);
    }
    line.sum_minor = full.unwrap_or(line.sum_minor);
    let marked = line.details.marking.is_some();
    match spread_lines(&[line], discount) {
        Ok(lines) if lines.len() == 1 || !marked => Ok(lines),
        // A unit is sold once.
        Ok(_) => Err(Fault::NotServed("infoDiscountAmount")),
        Err(_) => Err(wrong("infoDiscountAmount", discount)),
    }
}

fn line(p: &PositionItem, dropped: &mut Vec<&'static str>) -> Result<Line, Fault> {
    for (there, name) in [
        (p.product_codes.is_some(), "productCodes"),
        (p.marking_code.is_some(), "markingCode"),
        (p.nomenclature_code.is_some(), "nomenclatureCode"),
    ] {
        if there {
            return Err(Fault::NotServed(name));
        }
    }
    for (there, name) in [
        (p.info_discount_amount.is_some(), "infoDiscountAmount"),
        (p.department.is_some(), "department"),
    ] {
        if there && !dropped.contains(&name) {
            dropped.push(name);
        }
    }
    if p.name.trim().is_empty() {
        return Err(Fault::Missing("items.name"));
    }
    let tax = p.tax.as_ref().ok_or(Fault::Missing("items.tax"))?;
    let word = |field: &'static str, given: &Option<String>, default: &str| {
        given.clone().unwrap_or_else(|| {
            tracing::trace!(field, default, "a word that the vendor fills in");
            default.to_owned()
        })
    };
    // What the printer registers when a task says nothing: goods, fully paid. [memory]
    let method = word("paymentMethod", &p.payment_method, "fullPayment");
    let subject = word("paymentObject", &p.payment_object, "commodity");
    let agent = match &p.agent_info {
        None => None,
        Some(a) if a.receive_payments_operator.is_some() || a.money_transfer_operator.is_some() => {
            return Err(Fault::NotServed("agentInfo"));
        }
        Some(a) => match a.agents.as_slice() {
            [] => None,
            [one] => Some(Agent {
                kind: words::agent_of(one).ok_or_else(|| wrong("agents", one))?,
                operation: a.paying_agent.as_ref().and_then(|p| p.operation.clone()),
                phones: a
                    .paying_agent
                    .as_ref()
                    .map_or_else(Vec::new, |p| p.phones.clone()),
            }),
            _ => return Err(Fault::NotServed("agents")),
        },
    };
    let supplier = match &p.supplier_info {
        None => None,
        Some(s) => Some(Supplier {
            inn: s
                .vatin
                .clone()
                .ok_or(Fault::Missing("supplierInfo.vatin"))?,
            name: s.name.clone(),
            phones: s.phones.clone(),
        }),
    };
    Ok(Line {
        name: p.name.clone(),
        price_minor: p.price.0,
        quantity_milli: p.quantity.0,
        sum_minor: p.amount.0,
        vat: words::vat_of(&tax.kind).ok_or_else(|| wrong("tax.type", &tax.kind))?,
        subject: words::subject_of(&subject).ok_or_else(|| wrong("paymentObject", &subject))?,
        method: words::method_of(&method).ok_or_else(|| wrong("paymentMethod", &method))?,
        unit: unit(p.measurement_unit.as_ref())?,
        details: LineDetails {
            attribute: p.additional_attribute.clone(),
            agent,
            supplier,
            excise_minor: p.excise_sum.map(|s| s.0),
            country: p.country_code.clone(),
            customs_declaration: p.customs_declaration.clone(),
            industry: industry(&p.industry_info)?,
            marking: match &p.imc_params {
                None => None,
                Some(imc) => Some(marking_of_params(imc)?),
            },
        },
    })
}

fn unit(given: Option<&WordOrNumber>) -> Result<MeasureUnit, Fault> {
    let field = "measurementUnit";
    match given {
        None => Ok(MeasureUnit::Piece),
        Some(WordOrNumber::Number(n)) => u8::try_from(*n)
            .ok()
            .and_then(MeasureUnit::from_number)
            .ok_or_else(|| wrong(field, n)),
        Some(WordOrNumber::Word(word)) => {
            // The vendor's words; and the free text of FFD 1.05, where any other text is "another".
            let known = match word.as_str() {
                "piece" => Some(MeasureUnit::Piece),
                "gram" => Some(MeasureUnit::Gram),
                "kilogram" => Some(MeasureUnit::Kilogram),
                "milliliter" => Some(MeasureUnit::Millilitre),
                "liter" => Some(MeasureUnit::Litre),
                "hour" => Some(MeasureUnit::Hour),
                "minute" => Some(MeasureUnit::Minute),
                "otherUnits" => Some(MeasureUnit::Other),
                // Words of the vendor that a document has no value for.
                "ton" | "centimeter" | "decimeter" | "meter" | "squareCentimeter"
                | "squareDecimeter" | "squareMeter" | "cubicMeter" | "kilowattHour" | "gkal"
                | "day" | "second" | "kilobyte" | "megabyte" | "gigabyte" | "terabyte" => {
                    return Err(wrong(field, word));
                }
                text => MeasureUnit::ALL
                    .iter()
                    .copied()
                    .find(|u| unit_text(*u) == text.trim_end_matches('.')),
            };
            Ok(known.unwrap_or(MeasureUnit::Other))
        }
    }
}

/// A marked unit out of the vendor's words.
///
/// # Errors
/// What is missing or wrong in them.
pub fn marking_of_params(imc: &ImcParams) -> Result<Marking, Fault> {
    let code = STANDARD
        .decode(&imc.imc)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|code| !code.is_empty())
        .ok_or_else(|| wrong("imcParams.imc", "no Base64 of a code"))?;
    let status = match &imc.item_estimated_status {
        None => return Err(Fault::Missing("imcParams.itemEstimatedStatus")),
        Some(WordOrNumber::Word(word)) => words::marking_of(word),
        Some(WordOrNumber::Number(n)) => words::marking_of(&n.to_string()),
    };
    let fraction = match &imc.item_fractional_amount {
        None => None,
        Some(text) => {
            let parts = text
                .split_once('/')
                .and_then(|(n, d)| Some((n.trim().parse().ok()?, d.trim().parse().ok()?)));
            let (numerator, denominator) =
                parts.ok_or_else(|| wrong("imcParams.itemFractionalAmount", text))?;
            Some(Fraction {
                numerator,
                denominator,
            })
        }
    };
    Ok(Marking {
        code,
        status: status.ok_or_else(|| wrong("imcParams.itemEstimatedStatus", "not served"))?,
        fraction,
        checked: imc.item_info_check_result.map(Into::into),
    })
}

fn industry(list: &[IndustryInfo]) -> Result<Vec<Industry>, Fault> {
    list.iter()
        .map(|i| {
            Ok(Industry {
                fois: i.fois.clone(),
                date: date("industryInfo.date", &i.date)?,
                number: i.number.clone(),
                value: i.industry_attribute.clone(),
            })
        })
        .collect()
}
