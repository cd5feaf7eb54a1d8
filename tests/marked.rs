//! A store with a printer that registers format 1.2, through its HTTP door: marked goods from the scan to the receipt and
//! back, wrong receipts put right by corrections, receipts to a guest's e-mail.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

#[path = "marked/store.rs"]
mod store;
mod till_rig;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley::{
    domain::{
        marking::Answer,
        permit::{Denial, Permission, Permit},
    },
    flow::marking::{Permits, Wish},
};
use galley_shtrih_m::emulator::EmulatedDocument;
use http::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use store::{EMAIL, GTIN, Store, bottle, units};

/// Whether the ground of a correction (tag 1174) has this number (tag 1179) behind the day of the settlement (1178).
fn ordered_by(document: &EmulatedDocument, number: &str) -> bool {
    let ground = document.tag(1174).unwrap();
    let has = |part: &[u8]| ground.windows(part.len()).any(|found| found == part);
    let length = u8::try_from(number.len()).unwrap();
    let mut numbered = vec![0x9b, 0x04, length, 0];
    numbered.extend(number.bytes());
    has(&[0x9a, 0x04, 4, 0]) && has(&numbered)
}

async fn a_bottles_life(mut store: Store) {
    let menu = store.get("menu").await;
    let dish = |id: &str| {
        let all = menu["dishes"].as_array().unwrap().iter();
        all.clone().find(|d| d["id"] == id).unwrap().clone()
    };
    assert_eq!(
        (&dish("mors")["marked"], &dish("plov")["marked"]),
        (&json!(true), &Value::Null)
    );

    let order = store.drinks(2).await;
    let payments = format!("orders/{order}/payments");
    Store::refused(
        store.post(&payments, json!({"tender": "cash"})).await,
        "code_missing",
    );
    let (one, two) = (bottle("one"), bottle("two"));
    let seen = Store::done(store.scan(&order, &[&one]).await);
    assert_eq!(seen["lines"][0]["marked"]["missing"], 1);
    Store::refused(
        store.post(&payments, json!({"tender": "cash"})).await,
        "code_missing",
    );
    Store::refused(store.scan(&order, &[&one]).await, "bad_code");
    Store::refused(store.scan(&order, &["4607010350246"]).await, "bad_code");
    let elsewhere = store.drinks(1).await;
    Store::refused(store.scan(&elsewhere, &[&one]).await, "code_taken");
    // The wrong bottle is put back, and its code is free again.
    let third = bottle("three");
    Store::done(store.scan(&elsewhere, &[&third]).await);
    let cis = format!("01{GTIN}21{:0>13}", "three");
    let release = format!("orders/{elsewhere}/codes/release");
    Store::done(store.post(&release, json!({"cis": cis})).await);
    Store::done(store.scan(&elsewhere, &[&third]).await);
    Store::done(
        store
            .post(&format!("orders/{elsewhere}/cancel"), json!({}))
            .await,
    );
    let last = store.drinks(1).await;
    Store::done(store.scan(&last, &[&third]).await);
    // A scanner's bytes, symbology and all, as base64.
    let bytes = STANDARD.encode(format!("]d2{two}\r\n"));
    let path = format!("orders/{order}/codes");
    let seen = Store::done(
        store
            .post(&path, json!({"codes": [{"base64": bytes}]}))
            .await,
    );
    assert_eq!(seen["lines"][0]["marked"]["missing"], 0);
    store.power_cut().await;

    store.pay(&order).await;
    let receipts = store.receipts(&order, 1).await;
    let kept = store.kept(&receipts[0]);
    assert_eq!(kept, (Some(1), vec![one.clone(), two.clone()]));
    Store::refused(store.scan(&last, &[&one]).await, "bad_code");
    let again = store.drinks(1).await;
    Store::refused(store.scan(&again, &[&one]).await, "code_taken");

    // One of them comes back: which one is scanned, and nothing is guessed.
    let refunds = format!("orders/{order}/refunds");
    let any = json!({"reason": "cold", "lines": [{"line_id": 0, "quantity": 1}]});
    Store::refused(store.post(&refunds, any.clone()).await, "code_missing");
    let foreign = json!({"reason": "cold", "codes": [{"code": bottle("foreign")}]});
    Store::refused(store.post(&refunds, foreign).await, "bad_code");
    let second = json!({"reason": "cold", "codes": [{"code": two.clone()}]});
    let body = Store::done(store.post(&refunds, second.clone()).await);
    assert_eq!(
        body["order"]["lines"][0]["marked"]["returned"],
        json!([format!("01{GTIN}21{:0>13}", "two")])
    );
    store.give_back_made(&body).await;
    let receipts = store.receipts(&order, 2).await;
    assert_eq!(store.kept(&receipts[1]), (Some(2), vec![two.clone()]));
    Store::refused(store.post(&refunds, second).await, "bad_code");
    // The other one is left, so there is no doubt which it is.
    let body = Store::done(store.post(&refunds, any).await);
    store.give_back_made(&body).await;
    let receipts = store.receipts(&order, 3).await;
    assert_eq!(store.kept(&receipts[2]), (Some(2), vec![one.clone()]));
    Store::done(store.scan(&again, &[&one]).await);
    store.pay(&again).await;
    let receipts = store.receipts(&again, 1).await;
    assert_eq!(store.kept(&receipts[0]).1, [one]);
    store.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marked_bottle_goes_from_the_scan_to_the_receipt_once_and_comes_back() {
    a_bottles_life(Store::open(|_| {}).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_on_an_atol_behind_the_vendors_server() {
    a_bottles_life(Store::web().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bottle_of_the_same_goods_is_taken_when_a_person_says_so() {
    let mut store = Store::open(|_| {}).await;
    let order = store.drinks(3).await;
    let codes = ["a", "b", "c"].map(bottle);
    Store::done(store.scan(&order, &[&codes[0], &codes[1], &codes[2]]).await);
    store.pay(&order).await;
    let receipts = store.receipts(&order, 1).await;
    let sold = store.document(&receipts[0]);
    assert!(
        sold.lines
            .iter()
            .all(|l| l.subject == 33 && l.quantity_micro == 1_000_000)
    );
    let refunds = format!("orders/{order}/refunds");
    let any = json!({"reason": "cold", "any_unit": true, "lines": [{"line_id": 0, "quantity": 1}]});
    let body = Store::done(store.post(&refunds, any).await);
    store.give_back_made(&body).await;
    let receipts = store.receipts(&order, 2).await;
    assert_eq!(store.kept(&receipts[1]).1.len(), 1);
    // What is left is given back by its units too.
    store.give_back(&order).await;
    let receipts = store.receipts(&order, 3).await;
    assert_eq!(store.kept(&receipts[2]).1.len(), 2);
    store.agrees().await;
}

/// The state's check as a test has it: by serial.
struct Checker;

#[async_trait]
impl Permits for Checker {
    async fn ask(&self, units: &[Wish], drive: Option<&str>) -> BTreeMap<String, Permission> {
        assert!(drive.is_some() && units.iter().all(|u| u.price.minor > 0));
        let permit = Permit {
            request_id: uuid::Uuid::from_u128(7),
            at_ms: 1_773_404_760_587,
            local: None,
        };
        let said = |unit: &Wish| {
            let cis = &unit.code.cis;
            Some(match cis {
                _ if cis.ends_with("fine") => Permission::Granted(permit.clone()),
                _ if cis.ends_with("war") => Permission::Emergency,
                _ if cis.ends_with("away") => return None,
                _ => Permission::Denied(Denial::Expired),
            })
        };
        let all = units.iter();
        all.filter_map(|u| Some((u.code.cis.clone(), said(u)?)))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_states_permit_stands_in_the_receipt_and_what_it_forbids_is_not_sold() {
    let mut store = Store::open(|_| {}).await;
    let shop = store.shop.as_ref().unwrap();
    shop.daemon.api.ask_permits(Arc::new(Checker));
    let order = store.drinks(2).await;
    Store::refused(store.scan(&order, &[&bottle("old")]).await, "code_refused");
    Store::refused(store.scan(&order, &[&bottle("away")]).await, "code_refused");
    let (fine, war) = (bottle("fine"), bottle("war"));
    Store::done(store.scan(&order, &[&fine, &war]).await);
    store.pay(&order).await;
    let receipts = store.receipts(&order, 1).await;
    let sold = store.document(&receipts[0]);
    let text = "UUID=00000000-0000-0000-0000-000000000007&Time=1773404760587";
    let permits: Vec<bool> = sold
        .lines
        .iter()
        .map(|l| {
            let tag = l.tag(1260).unwrap_or_default();
            tag.windows(text.len()).any(|part| part == text.as_bytes())
        })
        .collect();
    // In an emergency the receipt says nothing of it. [source: marking.md 4.4]
    assert_eq!(permits, [true, false]);
    assert!(sold.lines[1].tag(1260).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_may_come_with_the_order_and_a_repeat_holds_them_once() {
    let mut store = Store::open(|_| {}).await;
    let code = bottle("a");
    let body = json!({"language": "en", "lines": [
        {"dish_id": "plov", "quantity": 1},
        {"dish_id": "mors", "quantity": 1, "codes": [{"code": code}]},
    ]});
    let place = async |store: &Store, key: &str| {
        store
            .send(Method::POST, "orders", key, Some(body.clone()))
            .await
    };
    let first = Store::done(place(&store, "k").await);
    assert_eq!(Store::done(place(&store, "k").await), first);
    Store::refused(place(&store, "other").await, "code_taken");
    let orders = store.get("orders").await;
    assert_eq!(
        orders["orders"].as_array().unwrap().len(),
        1,
        "nothing was placed"
    );
    let id = first["id"].as_str().unwrap().to_owned();
    store.pay(&id).await;
    let receipts = store.receipts(&id, 1).await;
    let sale = store.document(&receipts[0]);
    let subjects: Vec<u8> = sale.lines.iter().map(|l| l.subject).collect();
    assert_eq!((subjects, units(&sale)), (vec![1, 33], vec![code]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_printers_check_says_is_obeyed_as_configured() {
    let mut strict = Store::open(|_| {}).await;
    let order = strict.drinks(1).await;
    let forged = bottle("BAD");
    Store::refused(strict.scan(&order, &[&forged]).await, "code_refused");
    // Without the state's server the printer's own word does.
    strict.shtrih().set_ofd_connected(false);
    Store::done(strict.scan(&order, &[&bottle("offline")]).await);
    strict.pay(&order).await;
    strict.receipts(&order, 1).await;

    let mut lenient = Store::open(|p| p.law.marking.on_negative = Answer::Warn).await;
    let order = lenient.drinks(1).await;
    Store::done(lenient.scan(&order, &[&forged]).await);
    let alerts = lenient.get("alerts").await;
    let warned = alerts["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .any(|a| a["key"].as_str().is_some_and(|k| k.starts_with("marking:")));
    assert!(warned, "{alerts:#}");
    lenient.pay(&order).await;
    lenient.receipts(&order, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_receipt_is_taken_back_and_the_right_one_is_registered_through_power_cuts() {
    let mut store = Store::open(|_| {}).await;
    let plov = json!({"language": "en", "lines": [{"dish_id": "plov", "quantity": 1}]});
    let (order, wrong) = store.sold(plov).await;
    let key = store.receipts(&order, 1).await[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("receipts/{key}/correction");
    let who = json!({"who": "Анна Петрова", "why": "не та ставка"});
    let with = |right: Value| {
        let mut body = who.clone();
        body["right"] = right;
        body
    };
    Store::refused(
        store
            .post("receipts/777777/correction", with(json!({})))
            .await,
        "not_found",
    );
    for same in [
        json!({}),
        json!({"lines": [{"line": 0, "price_minor": 1}]}),
        json!({"lines": [{"line": 7, "name": "x"}]}),
        json!({"tenders": [{"tender": "cash", "sum_minor": 5}]}),
        json!({"lines": [{"line": 0, "vat": "no such class"}]}),
    ] {
        Store::refused(store.post(&path, with(same)).await, "invalid");
    }
    let mut body = with(json!({
        "lines": [{"line": 0, "vat": "vat10", "name": "Плов чайханский"}],
        "tenders": [{"tender": "card_terminal", "sum_minor": 42_000}],
    }));
    body["prescription"] = json!({"number": "17-05/123", "date": "2026-01-10"});
    Store::done(store.post(&path, body.clone()).await);
    store.power_cut().await;
    let receipts = store.receipts(&order, 3).await;
    let (back, right) = (store.document(&receipts[1]), store.document(&receipts[2]));
    assert_eq!((back.kind, right.kind), (31, 31));
    assert_eq!((back.operation, right.operation), (Some(2), Some(1)));
    assert_eq!((back.total_minor, right.total_minor), (42_000, 42_000));
    assert_eq!(back.lines[0].vat, wrong.lines[0].vat);
    assert_ne!(right.lines[0].vat, wrong.lines[0].vat);
    assert_eq!(right.lines[0].name, "Плов чайханский");
    assert_ne!(right.tenders, back.tenders);
    for document in [&back, &right] {
        assert_eq!(document.text(1192), Some(wrong.sign.to_string()));
        assert_eq!(document.tag(1173), Some([1].as_slice()));
        assert!(ordered_by(document, "17-05/123"));
    }
    assert_eq!(receipts[1]["correction"]["wrong"]["takes_back"], true);
    assert_eq!(receipts[2]["correction"]["why"], "не та ставка");
    Store::refused(store.post(&path, body).await, "conflict");

    let report = store.agrees().await;
    assert_eq!(
        (
            &report["corrections"]["count"],
            &report["return_corrections"]["count"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(report["net_minor"], 42_000);
    let books = store.get("reconcile").await;
    assert_eq!(books["totals"]["receipted_minor"], 42_000, "{books:#}");
    assert_eq!(books["totals"]["returned_minor"], 0);
    let about_receipts = books["differences"]
        .as_array()
        .unwrap()
        .iter()
        .any(|d| d["what"].as_str().unwrap().contains("receipt"));
    assert!(!about_receipts, "{books:#}");

    // The new one can be wrong too, and a receipt can be one that should never have been.
    let path = format!("receipts/{}/correction", receipts[2]["document_number"]);
    Store::done(store.post(&path, with(Value::Null)).await);
    let receipts = store.receipts(&order, 4).await;
    let last = store.document(&receipts[3]);
    assert_eq!(last.text(1192), Some(right.sign.to_string()));
    // The money has no receipt now, and the books say so.
    let told = store.get("reconcile").await;
    assert_eq!(told["totals"]["receipted_minor"], 0, "{told:#}");
    store.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_without_an_order_is_corrected_by_the_tax_offices_order_and_again_when_it_was_wrong()
{
    let mut store = Store::open(|_| {}).await;
    let sale = json!({"sum_minor": 45_000, "tender": "cash", "vat": "none", "date": "2026-01-10", "name": "Плов",
        "who": "Анна", "why": "акт проверки", "prescription": {"number": "5", "date": "2026-01-20"}});
    let mut nameless = sale.clone();
    nameless["prescription"]["number"] = json!(" ");
    Store::refused(store.post("shift/correction", nameless).await, "invalid");
    let asked = Store::done(store.post("shift/correction", sale).await);
    store
        .until("the correction", "shift/report", |r| {
            r["corrections"]["count"] == 1
        })
        .await;
    let first = store.corrections().pop().unwrap();
    assert_eq!(first.tag(1173), Some([1].as_slice()));
    assert!(ordered_by(&first, "5"));
    let path = format!("receipts/{}/correction", asked["key"].as_str().unwrap());
    let right = json!({"who": "Анна", "why": "сумма", "right": {"lines": [{"line": 0, "price_minor": 54_000}]}});
    Store::done(store.post(&path, right).await);
    let report = store
        .until("both", "shift/report", |r| r["corrections"]["count"] == 2)
        .await;
    assert_eq!(
        (&report["net_minor"], &report["return_corrections"]["count"]),
        (&json!(54_000), &json!(1))
    );
    let documents = store.corrections();
    let right = documents.last().unwrap();
    assert_eq!(
        (right.total_minor, right.text(1192)),
        (54_000, Some(first.sign.to_string()))
    );
    assert_eq!(right.tag(1173), Some([0].as_slice()));
    store.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_has_the_receipt_by_mail_without_paper_and_the_log_does_not_know_where() {
    let mut store = Store::open(|_| {}).await;
    let shown = store.get("store").await;
    assert_eq!(shown["receipt_to"], json!(["paper", "sms", "email"]));
    let wish = |to: Value| json!({"language": "en", "receipt_to": to, "lines": [{"dish_id": "plov", "quantity": 1}]});
    for bad in [
        json!({"kind": "email"}),
        json!({"kind": "email", "address": "anna"}),
        json!({"kind": "sms", "address": "12"}),
    ] {
        Store::refused(store.post("orders", wish(bad)).await, "invalid");
    }
    let (order, document) = store
        .sold(wish(json!({"kind": "email", "address": EMAIL})))
        .await;
    assert_eq!(document.text(1008).as_deref(), Some(EMAIL));
    assert!(document.electronic);
    assert_eq!(
        store.get(&format!("orders/{order}")).await["receipt_to"],
        "email"
    );
    store.give_back(&order).await;
    let receipts = store.receipts(&order, 2).await;
    assert_eq!(
        store.document(&receipts[1]).text(1008).as_deref(),
        Some(EMAIL)
    );
    let log = store
        .get(&format!("orders/{order}/timeline"))
        .await
        .to_string();
    assert!(
        log.contains("order.receipt_wanted") && !log.contains(EMAIL),
        "{log}"
    );

    let (_, paper) = store.sold(wish(json!({"kind": "paper"}))).await;
    assert_eq!((paper.text(1008), paper.electronic), (None, false));
    let order = store.place(wish(json!({"kind": "paper"}))).await;
    let path = format!("orders/{order}/receipt-to");
    let phone = json!({"kind": "sms", "address": "8 916 123-45-67"});
    Store::done(store.post(&path, phone).await);
    store.pay(&order).await;
    let receipts = store.receipts(&order, 1).await;
    assert_eq!(
        store.document(&receipts[0]).text(1008).as_deref(),
        Some("+79161234567")
    );
}
