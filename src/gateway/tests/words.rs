//! The table of words in the gateway's page is the code's.

use crate::gateway::{journal::State, task::KINDS};
use galley_fiscal::{
    AgentKind, Align, CorrectionBy, MarkingStatus, MeasureUnit, ReceiptKind, SettlementMethod,
    SettlementSubject, SlipItem, TaxSystem, TenderForm, VatRate,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/fiscal-gateway.md");

/// What a row of the table lists between backticks.
fn row(field: &str) -> BTreeSet<String> {
    let table = PAGE.split("## The words").nth(1).unwrap();
    let head = format!("| {field}");
    let row = table.lines().find(|l| l.starts_with(&head)).unwrap();
    let words = row.rsplit('|').nth(1).unwrap();
    words
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn words<T: Serialize>(all: &[T]) -> BTreeSet<String> {
    let name = |value: &T| match serde_json::to_value(value).unwrap() {
        Value::String(word) => word,
        other => other["item"].as_str().unwrap().to_owned(),
    };
    all.iter().map(name).collect()
}

#[test]
fn every_word_of_the_json_stands_in_the_page_and_no_other() {
    use MarkingStatus as M;
    let slips = [
        SlipItem::Text {
            text: String::new(),
            align: Align::Left,
            wide: false,
        },
        SlipItem::Pair {
            left: String::new(),
            right: String::new(),
        },
        SlipItem::Qr {
            data: String::new(),
            scale: 4,
            align: Align::Left,
        },
        SlipItem::Rule,
        SlipItem::Feed { lines: 1 },
    ];
    let mut slip = words(&slips);
    slip.insert("align".to_owned());
    slip.extend(words(&[Align::Left, Align::Center, Align::Right]));
    let mut by = words(CorrectionBy::ALL);
    by.insert("number".to_owned());
    let marking = [
        M::PieceSold,
        M::PartSold,
        M::PieceReturned,
        M::PartReturned,
        M::Unchanged,
    ];
    let states = [
        State::Queued,
        State::Sent,
        State::Doubt,
        State::Person,
        State::Done,
        State::Refused,
        State::Cancelled,
    ];
    for (field, in_code) in [
        ("`document`", words(&KINDS)),
        ("`kind` of a receipt", words(ReceiptKind::ALL)),
        ("`tax_system`", words(TaxSystem::ALL)),
        ("`form`", words(&TenderForm::ALL)),
        ("`vat`", words(VatRate::ALL)),
        ("`subject`", words(SettlementSubject::ALL)),
        ("`method`", words(SettlementMethod::ALL)),
        ("`unit`", words(MeasureUnit::ALL)),
        ("`by`", by),
        ("`kind` of a line's", words(AgentKind::ALL)),
        ("`status`", words(&marking)),
        ("`item`", slip),
        ("`state`", words(&states)),
    ] {
        assert_eq!(row(field), in_code, "{field} in docs/fiscal-gateway.md");
    }
}
