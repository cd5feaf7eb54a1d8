use super::*;
use crate::connectors::one_c::{Verdict, emulator::Act, emulator::Fault, wire};
use axum::Router;
use serde_json::json;
use uuid::Uuid;

fn told(check: &crate::connectors::one_c::SelfCheck) -> Vec<&str> {
    check.findings.iter().map(|f| f.what.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_good_installation_has_no_findings() {
    let rig = rig(&with_cash_book());
    let check = rig.one_c.probe().await;
    assert!(check.is_ready() && check.findings.is_empty(), "{check:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_infobase_lacks_is_listed_precisely_and_nothing_is_sent_until_it_is_there() {
    let rig = rig(&example());
    let report = "Document_ОтчетОРозничныхПродажах";
    rig.emulator.withdraw(report, Some("СуммаВключаетНДС"));
    rig.emulator.withdraw(report, Some("Товары.СуммаНДС"));
    rig.emulator.withdraw(wire::CURRENCIES, None);
    let check = rig.one_c.probe().await;
    assert!(check.complete && !check.is_ready());
    assert_eq!(
        told(&check),
        [
            "the set Catalog_Валюты is not exposed",
            "Document_ОтчетОРозничныхПродажах has no property СуммаВключаетНДС",
            "Document_ОтчетОРозничныхПродажах.Товары has no property СуммаНДС",
        ]
    );
    let mut call = call(&shift_57());
    let End::Waiting(not_now) = rig.engine_from(&mut call, 2).await else {
        panic!("must wait");
    };
    assert!(not_now.reason.contains("СуммаВключаетНДС"), "{not_now:?}");
    assert!(rig.emulator.documents().is_empty());
    rig.emulator.expose_all();
    assert!(matches!(rig.engine_from(&mut call, 3).await, End::Done(_)));
}

#[tokio::test(start_paused = true)]
async fn a_mapping_to_nothing_to_a_folder_and_to_the_deleted_is_found() {
    let mut config = example();
    let emulator = Emulator::new("edge", "secret");
    emulator.stock(&config);
    let (soup, pasta) = (config.dishes["soup"], config.dishes["pasta"]);
    emulator.put(wire::ITEMS, soup, "Супы", json!({"IsFolder": true}));
    emulator.put(wire::ITEMS, pasta, "Паста", json!({"DeletionMark": true}));
    config.warehouse = Uuid::from_u128(9);
    let check = rig_with(&config, emulator).one_c.probe().await;
    let told = told(&check).join("\n");
    for part in [
        "one_c.warehouse: Catalog_Склады has no",
        "one_c.dishes.soup: 11aa0001-6d0e-11ee-9b3c-00155d0a0101 is a folder",
        "one_c.dishes.pasta: 11aa0002-6d0e-11ee-9b3c-00155d0a0101 is marked for deletion",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(check.blocking().count(), 2, "a deletion mark only warns");
}

#[tokio::test(start_paused = true)]
async fn each_reason_for_silence_has_its_own_words() {
    let config = example();
    let emulator = Emulator::new("edge", "secret");
    let deaf = |http: RouterHttp, password: &str| {
        OneC::new(config.clone(), &Secret::new(password), Arc::new(http))
    };
    let off = RouterHttp::new().route(HOST, Router::new());
    let on = || RouterHttp::new().route(HOST, emulator.router());
    for (one_c, words) in [
        (deaf(RouterHttp::new(), "secret"), "can't be reached"),
        (
            deaf(off, "secret"),
            "not 1C's OData interface answered (HTTP 404)",
        ),
        (deaf(on(), "wrong"), "does not let the user in (HTTP 401)"),
    ] {
        let check = one_c.probe().await;
        assert!(!check.complete);
        let told = told(&check).join("\n");
        assert!(told.contains(words), "{words}: {told}");
        assert!(!format!("{check:?}").contains("wrong"));
    }
    for set in crate::connectors::one_c::metadata::needs(&config) {
        emulator.withdraw(set.set, None);
    }
    for set in [
        "Document_ПриходныйКассовыйОрдер",
        "Catalog_ПодразделенияОрганизаций",
        "Catalog_СтатьиДвиженияДенежныхСредств",
    ] {
        emulator.withdraw(set, None);
    }
    let check = deaf(on(), "secret").probe().await;
    assert_eq!(told(&check), ["the OData interface exposes nothing"]);
}

#[tokio::test(start_paused = true)]
async fn a_publication_without_tls_is_a_warning() {
    let mut config = example();
    config.base_url = "http://1c.example/bp/odata/standard.odata".to_owned();
    let check = rig(&config).one_c.probe().await;
    assert!(check.is_ready());
    assert_eq!(check.findings.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_books_are_compared_with_the_shift_to_the_kopeck() {
    let rig = rig(&with_cash_book());
    let verdict = async || {
        rig.one_c
            .reconcile(&shift_57())
            .await
            .unwrap()
            .remove(0)
            .verdict
    };
    let key: Uuid = REPORT_57.parse().unwrap();
    assert_eq!(verdict().await, Verdict::Missing);
    assert_eq!(rig.one_c.totals(key).await, Ok(None));

    rig.emulator.inject(Act::Post, Fault::Error);
    assert!(matches!(rig.engine(&shift_57(), 1).await, End::Waiting(_)));
    assert!(matches!(verdict().await, Verdict::Unposted(_)));

    assert!(matches!(rig.engine(&shift_57(), 1).await, End::Done(_)));
    let all = rig.one_c.reconcile(&shift_57()).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|r| matches!(r.verdict, Verdict::Agrees(_))));
    let totals = rig.one_c.totals(key).await.unwrap().unwrap();
    assert_eq!((totals.total_minor, totals.posted), (506_000, true));

    rig.emulator.edit(key, &json!({"Возвраты": []})).unwrap();
    let Verdict::Differs(theirs) = verdict().await else {
        panic!("must differ");
    };
    assert_eq!(theirs.total_minor, 558_000);
    assert_ne!(theirs.version, totals.version);
    rig.emulator
        .edit(key, &json!({"DeletionMark": true}))
        .unwrap();
    assert!(matches!(verdict().await, Verdict::Deleted(_)));
}

#[tokio::test(start_paused = true)]
async fn objects_for_the_mapping_are_looked_up_by_their_article() {
    let rig = rig(&example());
    let key = Uuid::from_u128(5);
    rig.emulator.put(
        wire::ITEMS,
        key,
        "Борщ",
        json!({"Артикул": "SOUP-'01'", "Code": "00-01"}),
    );
    let found = rig
        .one_c
        .look_up(wire::ITEMS, "Артикул", "SOUP-'01'")
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].ref_key, found[0].description.as_str()),
        (key, "Борщ")
    );
    assert!(
        rig.one_c
            .look_up(wire::ITEMS, "Артикул", "X")
            .await
            .unwrap()
            .is_empty()
    );
}
