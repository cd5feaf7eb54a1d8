use super::*;
use crate::connectors::one_c::{
    key, map,
    metadata::{self, Need},
    money, wire,
};
use proptest::prelude::*;

/// As printed on the protocol page, line by line.
const REPORT: &str = r#"{
 "Ref_Key":"3cedd443-409d-5fd2-b959-4a18871cbd4d",
 "Date":"2026-01-12T23:58:41",
 "ВидОперации":"ОтчетККМОПродажах",
 "Организация_Key":"6f1b0a52-6d0e-11ee-9b3c-00155d0a0101",
 "Склад_Key":"7a0c3f10-6d0e-11ee-9b3c-00155d0a0101",
 "СчетКасса_Key":"b1d4c7aa-6d0e-11ee-9b3c-00155d0a0101",
 "ВалютаДокумента_Key":"c2f9e3d0-6d0e-11ee-9b3c-00155d0a0101",
 "КурсДокумента":1,"КратностьДокумента":1,
 "СуммаВключаетНДС":true,"ДокументБезНДС":false,
 "Комментарий":"edge:store=S001;kkt=0000000001012345;shift=57;doc=retail-report sha:0d6c1b7f9a42",
 "Товары":[
  {"LineNumber":"1","Номенклатура_Key":"11aa0001-6d0e-11ee-9b3c-00155d0a0101","Количество":10,"Цена":350,"Сумма":3500,"СтавкаНДС":"НДС22","СуммаНДС":631.15},
  {"LineNumber":"2","Номенклатура_Key":"11aa0002-6d0e-11ee-9b3c-00155d0a0101","Количество":4,"Цена":520,"Сумма":2080,"СтавкаНДС":"НДС22","СуммаНДС":375.08}],
 "Оплата":[
  {"LineNumber":"1","ВидОплаты_Key":"22bb0001-6d0e-11ee-9b3c-00155d0a0101","СуммаОплаты":3000},
  {"LineNumber":"2","ВидОплаты_Key":"22bb0002-6d0e-11ee-9b3c-00155d0a0101","СуммаОплаты":580}],
 "Возвраты":[
  {"LineNumber":"1","Номенклатура_Key":"11aa0002-6d0e-11ee-9b3c-00155d0a0101","Количество":1,"Цена":520,"Сумма":520,"СтавкаНДС":"НДС22","СуммаНДС":93.77,"ДатаРеализации":"2026-01-12T00:00:00","НомерФискальногоЧека":"1203"}],
 "ВозвратОплаты":[{"LineNumber":"1","ВидОплаты_Key":"22bb0001-6d0e-11ee-9b3c-00155d0a0101","СуммаОплаты":520}]
}"#;

const CASH_IN: &str = r#"{"Ref_Key":"4310a880-bd60-57c8-ac60-ac1a06719239","Date":"2026-01-12T23:58:42","ВидОперации":"РозничнаяВыручка",
 "Организация_Key":"6f1b0a52-6d0e-11ee-9b3c-00155d0a0101","СуммаДокумента":2000,
 "ВалютаДокумента_Key":"c2f9e3d0-6d0e-11ee-9b3c-00155d0a0101","СчетКасса_Key":"b1d4c7aa-6d0e-11ee-9b3c-00155d0a0101",
 "Контрагент":"7a0c3f10-6d0e-11ee-9b3c-00155d0a0101","Контрагент_Type":"StandardODATA.Catalog_Склады","ВыручкаСНТТ":false,
 "ПринятоОт":"Касса 1","Основание":"Отчет за смену 57","НомерЧекаККМ":57,
 "ДокументОснование":"3cedd443-409d-5fd2-b959-4a18871cbd4d","ДокументОснование_Type":"StandardODATA.Document_ОтчетОРозничныхПродажах",
 "Комментарий":"edge:store=S001;kkt=0000000001012345;shift=57;doc=cash-in;seq=1 sha:5b1e90c3aa17",
 "РасшифровкаПлатежа":[{"LineNumber":"1","СуммаПлатежа":2000,"СтавкаНДС":"НДС22"}]}"#;

/// The page's fingerprints are of a payload that it does not print; ours take their place.
fn printed(page: &str, sha: &str, fingerprint: &str) -> String {
    let lines: Vec<_> = page.lines().map(str::trim).collect();
    lines.concat().replace(sha, fingerprint)
}

#[test]
fn the_worked_example_comes_out_byte_for_byte() {
    let documents = map::documents(&shift_57(), &with_cash_book()).unwrap();
    let [report, cash] = &documents[..] else {
        panic!("two documents, not {}", documents.len());
    };
    assert_eq!(
        report.json,
        printed(REPORT, "0d6c1b7f9a42", &report.fingerprint)
    );
    assert_eq!(
        cash.json,
        printed(CASH_IN, "5b1e90c3aa17", &cash.fingerprint)
    );
    assert_eq!(
        (report.plan.total_minor, cash.plan.total_minor),
        (506_000, 200_000)
    );
    assert_eq!(report.fingerprint.len(), 12);
    assert_ne!(report.fingerprint, cash.fingerprint);
}

#[test]
fn the_fingerprint_is_of_the_contents_and_found_in_any_comment() {
    let document = |request: &Request| map::documents(request, &example()).unwrap().remove(0);
    let first = document(&shift_57());
    assert_eq!(document(&shift_57()), first);
    let mut other = shift_57();
    other.sales[0].price_minor += 1;
    assert_ne!(document(&other).fingerprint, first.fingerprint);
    let key = key::retail_report("S001", "0000000001012345", 57);
    let comment = format!(
        "Проверено. {}{} Иванова",
        map::mark(&key),
        first.fingerprint
    );
    assert_eq!(map::fingerprint_in(&comment, &key), Some(first.fingerprint));
    for broken in ["", "edge:x sha:0d6c1b7f9a42", &map::mark(&key)] {
        assert_eq!(map::fingerprint_in(broken, &key), None, "{broken}");
    }
}

/// Every property of a document that is sent, with its table.
fn sent(json: &str) -> Vec<(Option<String>, String)> {
    let value: Value = serde_json::from_str(json).unwrap();
    let mut all = Vec::new();
    for (name, value) in value.as_object().unwrap() {
        match value.as_array() {
            None => all.push((None, name.clone())),
            Some(rows) => {
                for row in rows {
                    let names = row.as_object().unwrap().keys();
                    all.extend(names.map(|n| (Some(name.clone()), n.clone())));
                }
            }
        }
    }
    all
}

#[test]
fn nothing_is_sent_that_the_self_check_does_not_ask_for() {
    let mut config = with_cash_book();
    config.department = Some(config.organisation);
    config.cash_flow_item = Some(config.organisation);
    let needs = metadata::needs(&config);
    for document in map::documents(&shift_57(), &config).unwrap() {
        for (table, property) in sent(&document.json) {
            let asked = |need: &&Need| {
                need.set == document.plan.set.name
                    && need.table == table.as_deref()
                    && need.property == property
            };
            assert!(needs.iter().any(|n| asked(&n)), "{table:?}.{property}");
        }
    }
    let composed = |need: &Need| need.property.contains('\u{306}') || need.set.contains('\u{306}');
    assert!(!needs.iter().any(composed), "names must be in NFC");
}

#[test]
fn tenders_of_one_kind_of_payment_are_one_row_and_cash_is_none() {
    let mut config = example();
    let kind = config.tenders["card_terminal"];
    config.tenders.insert("sbp_qr".to_owned(), kind);
    let json = map::documents(&shift_57(), &config).unwrap().remove(0).json;
    assert!(json.contains(&format!(
        r#""Оплата":[{{"LineNumber":"1","ВидОплаты_Key":"{kind}","СуммаОплаты":3580}}]"#
    )));
}

#[test]
fn everything_that_lacks_a_mapping_is_told_at_once_with_advice() {
    let mut config = example();
    config.dishes.remove("pasta");
    config.tenders.clear();
    let mut request = shift_57();
    request.sales[0].vat = "vat99".to_owned();
    let refusal = map::documents(&request, &config).unwrap_err().refusal();
    assert_eq!(refusal.code, "mapping");
    for part in ["pasta (Паста)", "card_terminal, sbp_qr", "vat99"] {
        assert!(refusal.text.contains(part), "{part}: {}", refusal.text);
    }
    for part in ["dishes.pasta", "tenders.card_terminal", "tenders.sbp_qr"] {
        assert!(refusal.advice.contains(part), "{part}: {}", refusal.advice);
    }
}

#[test]
fn figures_that_contradict_each_other_are_not_written_down() {
    type Spoil = fn(&mut Request);
    let spoils: [(&str, Spoil); 8] = [
        ("sold for 5580, but the tenders make 5579.99", |r| {
            r.payments[2].sum_minor -= 1
        }),
        ("returned for 520, but", |r| r.return_payments.clear()),
        ("do not fit", |r| r.payments[0].sum_minor = -1),
        ("do not fit", |r| r.sales[0].sum_minor = i64::MAX),
        ("a quantity of 0", |r| r.sales[0].quantity_milli = 0),
        ("is not a date and time", |r| {
            r.closed_local = "gestern".to_owned()
        }),
        ("store id", |r| r.store_id = "S 1".to_owned()),
        ("is not a date", |r| {
            r.returns[0].sold_on = Some("x".to_owned())
        }),
    ];
    for (words, spoil) in spoils {
        let mut request = shift_57();
        spoil(&mut request);
        let refusal = map::documents(&request, &example()).unwrap_err().refusal();
        assert_eq!(refusal.code, "report");
        assert!(refusal.text.contains(words), "{words}: {}", refusal.text);
    }
}

#[test]
fn a_shift_without_vat_is_a_document_without_vat() {
    let mut request = shift_57();
    for line in request.sales.iter_mut().chain(&mut request.returns) {
        line.vat = "none".to_owned();
    }
    let json = map::documents(&request, &example()).unwrap().remove(0).json;
    assert!(json.contains(r#""ДокументБезНДС":true"#));
    assert!(json.contains(r#""СтавкаНДС":"БезНДС","СуммаНДС":0}"#));
}

#[test]
fn other_localisations_rename_sets_and_properties() {
    let mut config = with_cash_book();
    for (ours, theirs) in [("Сумма", "Summa"), (wire::WAREHOUSES, "Catalog_Omborlar")] {
        config.names.insert(ours.to_owned(), theirs.to_owned());
    }
    let documents = map::documents(&shift_57(), &config).unwrap();
    assert!(documents[0].json.contains(r#""Summa":3500"#));
    assert!(!documents[0].json.contains(r#""Сумма":"#));
    assert!(
        documents[1]
            .json
            .contains(r#""StandardODATA.Catalog_Omborlar""#)
    );
}

fn lines() -> impl Strategy<Value = Vec<ReportLine>> {
    let rates = prop::sample::select(vec!["none", "vat5", "vat7", "vat10", "vat20", "vat22"]);
    let dishes = prop::sample::select(vec!["soup", "pasta"]);
    let parts = (
        dishes,
        1i64..50_000,
        0i64..1_000_000,
        0i64..5_000_000,
        rates,
    );
    prop::collection::vec(parts, 0..12).prop_map(|lines| {
        let of = |(dish_id, quantity_milli, price_minor, sum_minor, vat): (&str, _, _, _, &str)| {
            ReportLine {
                quantity_milli,
                price_minor,
                sum_minor,
                ..line(dish_id, "", 0, 0, vat)
            }
        };
        lines.into_iter().map(of).collect()
    })
}

/// Splits the total of the lines over three tenders.
fn tenders(lines: &[ReportLine], card: u8, sbp: u8) -> Vec<TenderTotal> {
    let total: i64 = lines.iter().map(|l| l.sum_minor).sum();
    let (card, sbp) = (total * i64::from(card) / 512, total * i64::from(sbp) / 512);
    vec![
        tender("card_terminal", card),
        tender("sbp_qr", sbp),
        tender("cash", total - card - sbp),
    ]
}

prop_compose! {
    fn shifts()(
        sales in lines(), returns in lines(), splits: [u8; 4],
    ) -> Request {
        Request {
            payments: tenders(&sales, splits[0], splits[1]),
            return_payments: tenders(&returns, splits[2], splits[3]),
            sales,
            returns,
            ..shift_57()
        }
    }
}

fn column(document: &Value, table: &str, property: &str) -> i64 {
    let rows = document[table].as_array().unwrap().iter();
    rows.map(|row| money::parse(&row[property].to_string(), money::MONEY).unwrap())
        .sum()
}

proptest! {
    #[test]
    fn the_lines_that_are_sent_add_up_to_the_shift(request in shifts()) {
        let documents = map::documents(&request, &with_cash_book()).unwrap();
        let Some(report) = documents.first() else {
            prop_assert!(request.sales.is_empty() && request.returns.is_empty());
            return Ok(());
        };
        let json: Value = serde_json::from_str(&report.json).unwrap();
        let sold: i64 = request.sales.iter().map(|l| l.sum_minor).sum();
        let returned: i64 = request.returns.iter().map(|l| l.sum_minor).sum();
        prop_assert_eq!(column(&json, "Товары", "Сумма"), sold);
        prop_assert_eq!(column(&json, "Возвраты", "Сумма"), returned);
        prop_assert_eq!(report.plan.total_minor, sold - returned);
        let cash_in = documents.get(1).map_or(0, |d| d.plan.total_minor);
        let cash = request.payments[2].sum_minor - request.return_payments[2].sum_minor;
        prop_assert_eq!(cash_in, cash.max(0));
        prop_assert_eq!(
            column(&json, "Оплата", "СуммаОплаты") + request.payments[2].sum_minor,
            sold
        );
        for (row, line) in json["Товары"].as_array().unwrap().iter().zip(&request.sales) {
            let percent = line.vat.trim_start_matches("vat").parse().unwrap_or(0);
            let vat = money::parse(&row["СуммаНДС"].to_string(), money::MONEY);
            prop_assert_eq!(vat, money::vat_inside(line.sum_minor, percent));
        }
    }

    #[test]
    fn any_balanced_shift_is_taken_by_1c_with_our_total(request in shifts()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let rig = rig(&with_cash_book());
        let end = runtime.block_on(rig.engine(&request, 1));
        prop_assert!(matches!(end, End::Done(_)), "{:?}", end);
        let plans = map::plan(&request, &with_cash_book()).unwrap();
        let totals: Vec<_> = plans.iter().map(|p| p.total_minor).collect();
        rig.assert_posted(&totals, "as planned");
    }
}
