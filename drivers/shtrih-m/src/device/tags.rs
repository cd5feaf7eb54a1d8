//! Tags of documents and lines, by the version of the fiscal data format (5, 6).

use super::plan::unsupported;
use crate::{
    local_time::LocalDateTime,
    text,
    tlv::{self, fvln, tag, vln},
};
use galley_fiscal::{
    Agent, Correction, CorrectionBy, Ffd, FiscalError, Fraction, Industry, Line, MarkingStatus,
    MeasureUnit, Operation, Operator, Receipt, Supplier,
};

/// Most characters of tags 1021, 1008, 1191 and 1085.
const SHORT: usize = 64;
/// Most characters of long texts.
const LONG: usize = 256;
/// Digits of tax numbers, padded with blanks.
const INN: usize = 12;
/// Most characters of a phone. \[memory\]
const PHONE: usize = 19;

type Tlvs = Vec<Vec<u8>>;

fn text_tag(tag: u16, value: &str, limit: usize) -> Vec<u8> {
    tlv::encode(tag, &text::tlv(value, limit))
}

fn inn_tag(tag: u16, value: &str) -> Vec<u8> {
    let mut bytes = text::tlv(value, INN);
    bytes.resize(INN, b' ');
    tlv::encode(tag, &bytes)
}

fn seconds(time: &str, what: &str) -> Result<[u8; 4], FiscalError> {
    LocalDateTime::parse(time)
        .and_then(|t| u32::try_from(t.seconds()).ok())
        .map_or_else(
            || unsupported(format!("{what} {time:?} is no date")),
            |s| Ok(s.to_le_bytes()),
        )
}

/// Tags 1021 and 1203.
pub(super) fn operator(who: Option<&Operator>) -> Tlvs {
    let Some(who) = who else {
        return Vec::new();
    };
    let mut out = vec![text_tag(tag::OPERATOR, &who.name, SHORT)];
    out.extend(who.inn.as_ref().map(|inn| inn_tag(tag::OPERATOR_INN, inn)));
    out
}

/// Tags of a receipt, but for the operator's.
pub(super) fn receipt(receipt: &Receipt, ffd: Ffd) -> Result<Tlvs, FiscalError> {
    let mut out = vec![tlv::encode(tag::RECEIPT_KEY, receipt.key.as_bytes())];
    if let Some(contact) = &receipt.buyer_contact {
        out.push(text_tag(tag::BUYER_CONTACT, contact, SHORT));
    }
    let d = &receipt.details;
    let buyer: Tlvs = [
        d.buyer_name
            .as_ref()
            .map(|n| text_tag(tag::BUYER_NAME, n, LONG)),
        d.buyer_inn.as_ref().map(|n| inn_tag(tag::BUYER_INN, n)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if ffd >= Ffd::V12 && !buyer.is_empty() {
        out.push(tlv::encode(tag::BUYER, &buyer.concat()));
    } else {
        out.extend(buyer);
    }
    out.extend(d.place.as_ref().map(|v| text_tag(tag::PLACE, v, LONG)));
    out.extend(d.address.as_ref().map(|v| text_tag(tag::ADDRESS, v, LONG)));
    out.extend(
        d.machine_number
            .as_ref()
            .map(|v| text_tag(tag::MACHINE, v, 20)),
    );
    if d.internet {
        out.push(tlv::encode(tag::INTERNET, &[1]));
    }
    if let Some(attribute) = &d.user_attribute {
        let inner = [
            text_tag(tag::USER_ATTRIBUTE_NAME, &attribute.name, SHORT),
            text_tag(tag::USER_ATTRIBUTE_VALUE, &attribute.value, LONG),
        ];
        out.push(tlv::encode(tag::USER_ATTRIBUTE, &inner.concat()));
    }
    for attribute in &d.industry {
        out.push(industry(tag::RECEIPT_INDUSTRY, attribute, ffd)?);
    }
    if let Some(o) = &d.operation {
        out.push(operation(o, ffd)?);
    }
    Ok(out)
}

/// Tag 1260 or 1261.
fn industry(outer: u16, attribute: &Industry, ffd: Ffd) -> Result<Vec<u8>, FiscalError> {
    if ffd < Ffd::V12 {
        return unsupported("industry attributes (tags 1260, 1261) need FFD 1.2");
    }
    let Some(day) = LocalDateTime::parse(&attribute.date) else {
        return unsupported(format!(
            "the date of an industry attribute {:?} is no date",
            attribute.date
        ));
    };
    let date = format!("{:02}.{:02}.{:04}", day.day, day.month, day.year);
    let value = text::tlv(&attribute.value, usize::MAX);
    if value.len() > LONG {
        // The value is compared by the state's server: it may not be cut.
        return unsupported("the value of an industry attribute has more than 256 characters");
    }
    let inner = [
        text_tag(tag::FOIS, &attribute.fois, 3),
        text_tag(tag::ACT_DATE, &date, 10),
        text_tag(tag::ACT_NUMBER, &attribute.number, 32),
        tlv::encode(tag::INDUSTRY_VALUE, &value),
    ];
    Ok(tlv::encode(outer, &inner.concat()))
}

fn operation(operation: &Operation, ffd: Ffd) -> Result<Vec<u8>, FiscalError> {
    if ffd < Ffd::V12 {
        return unsupported("the operation attribute (tag 1270) needs FFD 1.2");
    }
    let inner = [
        tlv::encode(tag::OPERATION_ID, &[operation.id]),
        text_tag(tag::OPERATION_DATA, &operation.data, SHORT),
        tlv::encode(
            tag::OPERATION_AT,
            &seconds(&operation.at, "the time of an operation")?,
        ),
    ];
    Ok(tlv::encode(tag::OPERATION, &inner.concat()))
}

/// Tags 1173 and 1174.
pub(super) fn correction(correction: &Correction) -> Result<Tlvs, FiscalError> {
    let basis = &correction.basis;
    if basis.by == CorrectionBy::Instruction && basis.number.as_deref().unwrap_or("").is_empty() {
        return unsupported("a correction by order needs the order's number");
    }
    let mut inner = Vec::new();
    if let Some(text) = &basis.description {
        inner.push(text_tag(tag::CORRECTION_TEXT, text, LONG));
    }
    inner.push(tlv::encode(
        tag::CORRECTION_DATE,
        &seconds(&basis.date, "the corrected day")?,
    ));
    if let Some(number) = &basis.number {
        inner.push(text_tag(tag::CORRECTION_NUMBER, number, 32));
    }
    Ok(vec![
        tlv::encode(tag::CORRECTION_BY, &[basis.by.tag_1173()]),
        tlv::encode(tag::CORRECTION_BASIS, &inner.concat()),
    ])
}

/// Tags of a line.
pub(super) fn line(line: &Line, ffd: Ffd, units: bool) -> Result<Tlvs, FiscalError> {
    let mut out = Vec::new();
    if units {
        out.push(match ffd {
            Ffd::V12 => tlv::encode(tag::MEASURE, &[line.unit.tag_2108()]),
            _ => text_tag(tag::UNIT, unit(line.unit), 16),
        });
    }
    let d = &line.details;
    out.extend(
        d.attribute
            .as_ref()
            .map(|v| text_tag(tag::LINE_ATTRIBUTE, v, SHORT)),
    );
    if let Some(a) = &d.agent {
        out.extend(agent(a));
    }
    if let Some(s) = &d.supplier {
        out.extend(supplier(s));
    }
    if let Some(excise) = d.excise_minor {
        let Ok(excise) = u64::try_from(excise) else {
            return unsupported("the excise of a line is below zero");
        };
        out.push(tlv::encode(tag::EXCISE, &vln(excise)));
    }
    out.extend(d.country.as_ref().map(|v| text_tag(tag::COUNTRY, v, 3)));
    out.extend(
        d.customs_declaration
            .as_ref()
            .map(|v| text_tag(tag::CUSTOMS, v, 32)),
    );
    for attribute in &d.industry {
        out.push(industry(tag::LINE_INDUSTRY, attribute, ffd)?);
    }
    if let Some(part) = d.marking.as_ref().and_then(|m| m.fraction) {
        out.push(fraction(part));
    }
    Ok(out)
}

fn agent(agent: &Agent) -> Tlvs {
    let mut out = vec![tlv::encode(tag::AGENT, &[agent.kind.tag_1222()])];
    let mut inner = Vec::new();
    inner.extend(
        agent
            .operation
            .as_ref()
            .map(|o| text_tag(tag::AGENT_OPERATION, o, 24)),
    );
    inner.extend(
        agent
            .phones
            .iter()
            .map(|p| text_tag(tag::AGENT_PHONE, p, PHONE)),
    );
    if !inner.is_empty() {
        out.push(tlv::encode(tag::AGENT_DATA, &inner.concat()));
    }
    out
}

fn supplier(supplier: &Supplier) -> Tlvs {
    let mut out = vec![inn_tag(tag::SUPPLIER_INN, &supplier.inn)];
    let mut inner = Vec::new();
    inner.extend(
        supplier
            .name
            .as_ref()
            .map(|n| text_tag(tag::SUPPLIER_NAME, n, LONG)),
    );
    inner.extend(
        supplier
            .phones
            .iter()
            .map(|p| text_tag(tag::SUPPLIER_PHONE, p, PHONE)),
    );
    if !inner.is_empty() {
        out.push(tlv::encode(tag::SUPPLIER, &inner.concat()));
    }
    out
}

fn fraction(part: Fraction) -> Vec<u8> {
    let text = format!("{}/{}", part.numerator, part.denominator);
    let inner = [
        text_tag(tag::FRACTION_TEXT, &text, 24),
        tlv::encode(tag::NUMERATOR, &vln(u64::from(part.numerator))),
        tlv::encode(tag::DENOMINATOR, &vln(u64::from(part.denominator))),
    ];
    tlv::encode(tag::FRACTION, &inner.concat())
}

/// What the check of a marked unit wants to know of a part: measure and quantity (6).
pub(super) fn partial(status: MarkingStatus, measure: MeasureUnit, quantity_milli: u64) -> Vec<u8> {
    match status {
        MarkingStatus::PartSold | MarkingStatus::PartReturned => [
            tlv::encode(tag::MEASURE, &[measure.tag_2108()]),
            tlv::encode(tag::QUANTITY, &fvln(3, quantity_milli)),
        ]
        .concat(),
        _ => Vec::new(),
    }
}

fn unit(unit: MeasureUnit) -> &'static str {
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
