//! Tags that only some receipts and lines have (2.6).

use super::{MAX_TEXT, Step, padded_inn, too_large};
use crate::{
    text,
    tlv::{self, tag},
};
use galley_fiscal::{FiscalError, Line, Receipt};

/// Most characters of tag 1036.
pub(super) const MACHINE_NUMBER: usize = 20;
/// Most characters of the longest texts.
const LONG: usize = 256;

/// Tags before the first position, in the order of the vendor's host. 1009 and 1125 were not captured: its driver of
/// that version knows them not. \[inferred\]
pub(super) fn of_receipt(receipt: &Receipt) -> Vec<Step> {
    let text = |tag, value: &Option<String>, most| -> Vec<Step> {
        let bytes = value.as_ref().map(|value| text::encode(value, most));
        bytes
            .into_iter()
            .flat_map(|bytes| Step::tag(tag, &bytes).collect::<Vec<_>>())
            .collect()
    };
    let details = &receipt.details;
    let inn = details.buyer_inn.as_ref().map(|inn| padded_inn(inn));
    let mut steps = text(tag::BUYER_CONTACT, &receipt.buyer_contact, MAX_TEXT);
    steps.extend(text(tag::BUYER_NAME, &details.buyer_name, LONG));
    if let Some(inn) = inn {
        steps.extend(Step::tag(tag::BUYER_INN, &inn));
    }
    steps.extend(text(tag::PLACE, &details.place, LONG));
    steps.extend(text(tag::ADDRESS, &details.address, LONG));
    steps.extend(text(
        tag::MACHINE_NUMBER,
        &details.machine_number,
        MACHINE_NUMBER,
    ));
    if details.internet {
        steps.extend(Step::tag(tag::INTERNET, &[1]));
    }
    steps
}

/// Tags between the last position and the payments.
pub(super) fn behind_lines(receipt: &Receipt) -> Vec<Step> {
    let Some(ours) = &receipt.details.user_attribute else {
        return Vec::new();
    };
    let inner = [
        tlv::encode(tag::ATTRIBUTE_NAME, &text::encode(&ours.name, MAX_TEXT)),
        tlv::encode(tag::ATTRIBUTE_VALUE, &text::encode(&ours.value, LONG)),
    ];
    Step::tag(tag::USER_ATTRIBUTE, &inner.concat()).collect()
}

/// Tags of a position, in the order of the vendor's host.
pub(super) fn of_line(line: &Line) -> Result<Vec<Step>, FiscalError> {
    let details = &line.details;
    let mut steps = Vec::new();
    if let Some(agent) = &details.agent {
        steps.extend(Step::tag(tag::AGENT, &[agent.kind.tag_1222()]));
    }
    if let Some(supplier) = &details.supplier {
        steps.extend(Step::tag(tag::SUPPLIER_INN, &padded_inn(&supplier.inn)));
    }
    if let Some(agent) = &details.agent {
        let mut inner = Vec::new();
        if let Some(operation) = &agent.operation {
            inner.extend(tlv::encode(
                tag::AGENT_OPERATION,
                &text::encode(operation, 24),
            ));
        }
        inner.extend(phones(tag::AGENT_PHONE, &agent.phones));
        if !inner.is_empty() {
            steps.extend(Step::tag(tag::AGENT_DATA, &inner));
        }
    }
    if let Some(supplier) = &details.supplier {
        let mut inner = Vec::new();
        if let Some(name) = &supplier.name {
            inner.extend(tlv::encode(tag::SUPPLIER_NAME, &text::encode(name, LONG)));
        }
        inner.extend(phones(tag::SUPPLIER_PHONE, &supplier.phones));
        if !inner.is_empty() {
            steps.extend(Step::tag(tag::SUPPLIER_DATA, &inner));
        }
    }
    if let Some(excise) = details.excise_minor {
        let excise = u64::try_from(excise).map_err(|_| too_large("the excise"))?;
        steps.extend(Step::tag(tag::EXCISE, &tlv::vln(excise)));
    }
    if let Some(country) = &details.country {
        steps.extend(Step::tag(tag::COUNTRY, &text::encode(country, 3)));
    }
    if let Some(declaration) = &details.customs_declaration {
        steps.extend(Step::tag(tag::DECLARATION, &text::encode(declaration, 32)));
    }
    if let Some(attribute) = &details.attribute {
        let value = text::encode(attribute, MAX_TEXT);
        steps.extend(Step::tag(tag::POSITION_ATTRIBUTE, &value));
    }
    Ok(steps)
}

fn phones(tag: u16, phones: &[String]) -> Vec<u8> {
    phones
        .iter()
        .flat_map(|phone| tlv::encode(tag, &text::encode(phone, 19)))
        .collect()
}
