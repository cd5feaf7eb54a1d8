//! From a closed shift to documents of 1C. Pure: the same request and settings give the same bytes.

use super::{
    config::Config,
    key,
    money::{self, MONEY, QUANTITY},
    obstacles::Obstacles,
    wire::{self, Node},
};
use crate::flow::effects::accounting::{ReportLine, Request, TenderTotal};
use jiff::civil::{Date, DateTime};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, fmt::Write as _};
use uuid::Uuid;

/// A document that the shift calls for, as far as it does not depend on the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its set.
    pub set: &'static wire::Set,
    /// Its key in words.
    pub key: String,
    /// Its key in 1C.
    pub ref_key: Uuid,
    /// What 1C must show as its total, minor units.
    pub total_minor: i64,
}

/// A document ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub plan: Plan,
    /// First 12 hexadecimal digits of the SHA-256 of its JSON without the comment.
    pub fingerprint: String,
    /// Its JSON text.
    pub json: String,
}

/// Which documents a shift calls for; none when nothing was sold or returned.
///
/// # Errors
/// When its figures contradict each other.
pub fn plan(request: &Request, config: &Config) -> Result<Vec<Plan>, Obstacles> {
    let mut faults = Vec::new();
    for (name, text) in [
        ("store id", request.store_id.trim()),
        ("registration number", request.registration_number.trim()),
    ] {
        if text.is_empty() || text.contains([';', '=', ' ']) {
            faults.push(format!("the {name} {text:?} can't be part of a key"));
        }
    }
    if closed(request).is_err() {
        faults.push(format!("{:?} is not a date and time", request.closed_local));
    }
    check_lines("sold", &request.sales, &mut faults);
    check_lines("returned", &request.returns, &mut faults);
    let sold = lines_total(&request.sales);
    let returned = lines_total(&request.returns);
    let paid = tenders_total(&request.payments);
    let given_back = tenders_total(&request.return_payments);
    let (Some(sold), Some(returned), Some(paid), Some(given_back)) =
        (sold, returned, paid, given_back)
    else {
        return Err(Obstacles::fault("the sums of the shift do not fit"));
    };
    for (what, lines, tenders) in [("sold", sold, paid), ("returned", returned, given_back)] {
        if lines != tenders {
            faults.push(format!(
                "{what} for {}, but the tenders make {}",
                money::decimal(lines, MONEY),
                money::decimal(tenders, MONEY)
            ));
        }
    }
    if !faults.is_empty() {
        return Err(Obstacles {
            faults,
            ..Obstacles::default()
        });
    }
    if request.sales.is_empty() && request.returns.is_empty() {
        return Ok(Vec::new());
    }
    let (store, kkt) = (request.store_id.trim(), request.registration_number.trim());
    let planned = |set, key: String, total_minor| Plan {
        set,
        ref_key: key::ref_key(config.namespace_uuid, &key),
        key,
        total_minor,
    };
    let mut plans = vec![planned(
        &wire::RETAIL_REPORT,
        key::retail_report(store, kkt, request.shift_number),
        sold - returned,
    )];
    let cash = cash_of(&request.payments, config) - cash_of(&request.return_payments, config);
    if config.cash_book && cash > 0 {
        let key = key::cash_in(store, kkt, request.shift_number, 1);
        plans.push(planned(&wire::CASH_IN, key, cash));
    }
    Ok(plans)
}

/// The documents of a shift, in the order in which they are sent.
///
/// # Errors
/// Everything that lacks a mapping, or contradicts itself.
pub fn documents(request: &Request, config: &Config) -> Result<Vec<Document>, Obstacles> {
    let mut obstacles = match plan(request, config) {
        Ok(plans) => return build(plans, request, config),
        Err(obstacles) => obstacles,
    };
    // The figures are wrong; tell what else is missing in the same breath.
    let mut unmapped = Obstacles::default();
    tables(request, config, &mut unmapped);
    unmapped.faults.append(&mut obstacles.faults);
    Err(unmapped)
}

fn build(plans: Vec<Plan>, request: &Request, config: &Config) -> Result<Vec<Document>, Obstacles> {
    let mut obstacles = Obstacles::default();
    let tables = tables(request, config, &mut obstacles);
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let closed = closed(request).map_err(|e| Obstacles::fault(e.to_string()))?;
    let names = config.names();
    let mut tables = Some(tables);
    Ok(plans
        .iter()
        .map(|plan| {
            let (header, rows) = if plan.set.name == wire::RETAIL_REPORT.name {
                let rows = tables.take().unwrap_or_default();
                (report_header(plan, request, closed, config), rows)
            } else {
                cash_in(plan, &plans[0], request, closed, config)
            };
            let bare = Node::Object([header.clone(), rows.clone()].concat()).json(&names);
            let fingerprint = fingerprint(&bare);
            let comment = Node::text(format!("{}{fingerprint}", mark(&plan.key)));
            let whole = [header, vec![("Комментарий", comment)], rows].concat();
            Document {
                plan: plan.clone(),
                fingerprint,
                json: Node::Object(whole).json(&names),
            }
        })
        .collect())
}

/// What stands before the fingerprint in the comment of our documents.
#[must_use]
pub fn mark(key: &str) -> String {
    format!("edge:{key} sha:")
}

/// The fingerprint that a comment holds for a key, wherever an accountant may have written around it.
#[must_use]
pub fn fingerprint_in(comment: &str, key: &str) -> Option<String> {
    let (_, rest) = comment.split_once(&mark(key))?;
    let hex = rest.get(..12)?;
    hex.bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| hex.to_owned())
}

fn fingerprint(json: &str) -> String {
    let digest = Sha256::digest(json.as_bytes());
    digest[..6].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

type Fields = Vec<(&'static str, Node)>;

fn report_header(plan: &Plan, request: &Request, closed: DateTime, config: &Config) -> Fields {
    let mut fields = vec![
        ("Ref_Key", guid(plan.ref_key)),
        ("Date", date_time(closed)),
        ("ВидОперации", Node::word("ОтчетККМОПродажах")),
        ("Организация_Key", guid(config.organisation)),
        ("Склад_Key", guid(config.warehouse)),
    ];
    fields.extend(config.department.map(|key| (wire::DEPARTMENT, guid(key))));
    fields.push(("СчетКасса_Key", guid(config.cash_account)));
    fields.extend(
        config
            .cash_flow_item
            .map(|key| (wire::CASH_FLOW_ITEM, guid(key))),
    );
    // [inferred] A shift without any VAT is a "document without VAT".
    let without_vat = request
        .sales
        .iter()
        .chain(&request.returns)
        .all(|line| line.vat == "none");
    fields.extend([
        ("ВалютаДокумента_Key", guid(config.currency)),
        ("КурсДокумента", Node::Number("1".into())),
        ("КратностьДокумента", Node::Number("1".into())),
        ("СуммаВключаетНДС", Node::Flag(true)),
        ("ДокументБезНДС", Node::Flag(without_vat)),
    ]);
    fields
}

fn cash_in(
    plan: &Plan,
    report: &Plan,
    request: &Request,
    closed: DateTime,
    config: &Config,
) -> (Fields, Fields) {
    let names = config.names();
    let reference = |set: &str| Node::text(format!("{}.{}", wire::TYPES, names.of(set)));
    // One second later, so that 1C orders it after the report that it is based on.
    let date = closed
        .checked_add(jiff::Span::new().seconds(1))
        .unwrap_or(closed);
    let mut fields = vec![
        ("Ref_Key", guid(plan.ref_key)),
        ("Date", date_time(date)),
        ("ВидОперации", Node::word("РозничнаяВыручка")),
        ("Организация_Key", guid(config.organisation)),
        ("СуммаДокумента", sum(plan.total_minor)),
        ("ВалютаДокумента_Key", guid(config.currency)),
        ("СчетКасса_Key", guid(config.cash_account)),
    ];
    fields.extend(config.department.map(|key| (wire::DEPARTMENT, guid(key))));
    fields.extend(
        config
            .cash_flow_item
            .map(|key| (wire::CASH_FLOW_ITEM, guid(key))),
    );
    fields.extend([
        ("Контрагент", guid(config.warehouse)),
        ("Контрагент_Type", reference(wire::WAREHOUSES)),
        // A till is an automated outlet: its revenue is posted by the report alone.
        ("ВыручкаСНТТ", Node::Flag(false)),
        ("ПринятоОт", Node::text(config.cash_book_payer.clone())),
        (
            "Основание",
            Node::text(format!("Отчет за смену {}", request.shift_number)),
        ),
        (
            "НомерЧекаККМ",
            Node::Number(request.shift_number.to_string()),
        ),
        ("ДокументОснование", guid(report.ref_key)),
        (
            "ДокументОснование_Type",
            reference(wire::RETAIL_REPORT.name),
        ),
    ]);
    let mut row = vec![
        ("LineNumber", Node::word("1")),
        ("СуммаПлатежа", sum(plan.total_minor)),
    ];
    // How much of the cash was paid at which rate is not known; a single rate is.
    let rates: BTreeSet<&str> = request.sales.iter().map(|l| l.vat.as_str()).collect();
    if let (1, Some(rate)) = (rates.len(), rates.first().and_then(|r| vat(r, config))) {
        row.push(("СтавкаНДС", Node::text(rate.1)));
    }
    let rows = vec![("РасшифровкаПлатежа", Node::Rows(vec![Node::Object(row)]))];
    (fields, rows)
}

/// All four tables, also when empty: a replaced document must lose the rows it had.
fn tables(request: &Request, config: &Config, obstacles: &mut Obstacles) -> Fields {
    let goods = |lines: &[ReportLine], obstacles: &mut Obstacles| {
        let rows = lines.iter().enumerate();
        Node::Rows(
            rows.filter_map(|(index, line)| goods_row(index, line, config, obstacles))
                .collect(),
        )
    };
    let sold = goods(&request.sales, obstacles);
    let returned = goods(&request.returns, obstacles);
    vec![
        ("Товары", sold),
        ("Оплата", tender_rows(&request.payments, config, obstacles)),
        ("Возвраты", returned),
        (
            "ВозвратОплаты",
            tender_rows(&request.return_payments, config, obstacles),
        ),
    ]
}

fn goods_row(
    index: usize,
    line: &ReportLine,
    config: &Config,
    obstacles: &mut Obstacles,
) -> Option<Node> {
    let item = config.dishes.get(&line.dish_id);
    if item.is_none() {
        let (id, name) = (line.dish_id.clone(), line.name.clone());
        obstacles.dishes.insert(id, name);
    }
    let rate = vat(&line.vat, config);
    if rate.is_none() {
        obstacles.vat.insert(line.vat.clone());
    }
    let (item, (percent, word)) = (item?, rate?);
    let mut fields = vec![
        ("LineNumber", Node::text((index + 1).to_string())),
        ("Номенклатура_Key", guid(*item)),
        (
            "Количество",
            Node::Number(money::decimal(line.quantity_milli, QUANTITY)),
        ),
        ("Цена", sum(line.price_minor)),
        ("Сумма", sum(line.sum_minor)),
        ("СтавкаНДС", Node::text(word)),
        ("СуммаНДС", sum(money::vat_inside(line.sum_minor, percent)?)),
    ];
    if let Some(day) = &line.sold_on {
        match day.parse::<Date>() {
            Ok(day) => fields.push((
                "ДатаРеализации",
                date_time(day.to_datetime(jiff::civil::Time::midnight())),
            )),
            Err(_) => obstacles.faults.push(format!("{day:?} is not a date")),
        }
    }
    if let Some(receipt) = &line.sold_by_receipt {
        // The field holds ten characters; a longer number is told by its end.
        let from = receipt.chars().count().saturating_sub(10);
        let end: String = receipt.chars().skip(from).collect();
        fields.push(("НомерФискальногоЧека", Node::text(end)));
    }
    Some(Node::Object(fields))
}

/// One row a kind of payment, cash left out.
fn tender_rows(tenders: &[TenderTotal], config: &Config, obstacles: &mut Obstacles) -> Node {
    let mut kinds: Vec<(Uuid, i64)> = Vec::new();
    for tender in tenders {
        if config.cash_tenders.contains(&tender.tender) || tender.sum_minor == 0 {
            continue;
        }
        let Some(kind) = config.tenders.get(&tender.tender) else {
            obstacles.tenders.insert(tender.tender.clone());
            continue;
        };
        match kinds.iter_mut().find(|(known, _)| known == kind) {
            Some((_, total)) => *total = total.saturating_add(tender.sum_minor),
            None => kinds.push((*kind, tender.sum_minor)),
        }
    }
    let row = |(index, (kind, total)): (usize, (Uuid, i64))| {
        Node::Object(vec![
            ("LineNumber", Node::text((index + 1).to_string())),
            ("ВидОплаты_Key", guid(kind)),
            ("СуммаОплаты", sum(total)),
        ])
    };
    Node::Rows(kinds.into_iter().enumerate().map(row).collect())
}

/// Percent and 1C's word (enumeration СтавкиНДС) of a VAT rate.
fn vat(rate: &str, config: &Config) -> Option<(u32, String)> {
    let (percent, word) = match rate {
        "none" => (0, "БезНДС"),
        "vat0" => (0, "НДС0"),
        "vat5" => (5, "НДС5"),
        "vat7" => (7, "НДС7"),
        "vat10" => (10, "НДС10"),
        "vat20" => (20, "НДС20"),
        "vat22" => (22, "НДС22"),
        _ => return None,
    };
    let word = config.vat.get(rate).map_or(word, String::as_str);
    Some((percent, word.to_owned()))
}

fn check_lines(what: &str, lines: &[ReportLine], faults: &mut Vec<String>) {
    for line in lines {
        if line.quantity_milli <= 0 || line.price_minor < 0 || line.sum_minor < 0 {
            faults.push(format!(
                "{what} {}: a quantity of {} at {} makes {}",
                line.dish_id,
                money::decimal(line.quantity_milli, QUANTITY),
                money::decimal(line.price_minor, MONEY),
                money::decimal(line.sum_minor, MONEY)
            ));
        }
    }
}

fn lines_total(lines: &[ReportLine]) -> Option<i64> {
    lines
        .iter()
        .try_fold(0i64, |total, line| total.checked_add(line.sum_minor))
}

/// `None` also when one of them is negative.
fn tenders_total(tenders: &[TenderTotal]) -> Option<i64> {
    tenders.iter().try_fold(0i64, |total, tender| {
        (tender.sum_minor >= 0).then(|| total.checked_add(tender.sum_minor))?
    })
}

fn cash_of(tenders: &[TenderTotal], config: &Config) -> i64 {
    tenders
        .iter()
        .filter(|tender| config.cash_tenders.contains(&tender.tender))
        .fold(0, |total, tender| total.saturating_add(tender.sum_minor))
}

fn closed(request: &Request) -> Result<DateTime, jiff::Error> {
    request.closed_local.parse()
}

fn guid(key: Uuid) -> Node {
    Node::text(key.hyphenated().to_string())
}

fn sum(minor: i64) -> Node {
    Node::Number(money::decimal(minor, MONEY))
}

/// Whole seconds, no zone: the infobase keeps local time.
fn date_time(at: DateTime) -> Node {
    Node::text(at.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}
