//! The connector against the emulated infobase, through every fault that a network and 1C can have.

mod delivery;
mod emulated;
mod mapping;
mod probing;

use super::{Config, OneC, config::tests::example, emulator::Emulator};
use crate::{
    flow::{
        effects::accounting::{KIND, ReportLine, Request, TenderTotal},
        executor::{Call, Executor as _, NotNow, Outcome, Refusal, Resolution},
    },
    world::{RouterHttp, Secret},
};
use serde_json::Value;
use std::sync::Arc;

const HOST: &str = "1c.example";

/// One store's connector, its network and the infobase at the other end.
struct Rig {
    one_c: OneC,
    http: RouterHttp,
    emulator: Emulator,
}

fn rig(config: &Config) -> Rig {
    let emulator = Emulator::new("edge", "secret");
    emulator.stock(config);
    rig_with(config, emulator)
}

fn rig_with(config: &Config, emulator: Emulator) -> Rig {
    let http = RouterHttp::new().route(HOST, emulator.router());
    let one_c = OneC::new(config.clone(), &password(), Arc::new(http.clone()));
    Rig {
        one_c,
        http,
        emulator,
    }
}

fn password() -> Secret {
    Secret::new("secret")
}

/// How an effect ended.
#[derive(Debug, PartialEq)]
enum End {
    Done(Value),
    Refused(Refusal),
    Person(Refusal),
    /// Attempts ran out; the last reason.
    Waiting(NotNow),
}

impl Rig {
    /// As the engine does it: evidence first, never `perform` after an unknown answer before `resolve`.
    async fn engine(&self, request: &Request, attempts: u32) -> End {
        self.engine_from(&mut call(request), attempts).await
    }

    async fn engine_from(&self, call: &mut Call, attempts: u32) -> End {
        let mut last = NotNow::new("no attempt", "");
        while call.attempt < attempts {
            call.attempt += 1;
            match self.one_c.prepare(call).await {
                Ok(evidence) => call.evidence = evidence,
                Err(not_now) => {
                    last = not_now;
                    continue;
                }
            }
            match self.one_c.perform(call).await {
                Outcome::Done(value) => return End::Done(value),
                Outcome::Refused(refusal) => return End::Refused(refusal),
                Outcome::NotSent(not_now) => last = not_now,
                Outcome::Pending(_) => last = NotNow::new("pending", ""),
                Outcome::Unknown(not_now) => {
                    last = not_now;
                    if let Some(end) = self.settle(call, attempts).await {
                        return end;
                    }
                }
            }
        }
        End::Waiting(last)
    }

    /// `None` when it has not been done.
    async fn settle(&self, call: &mut Call, attempts: u32) -> Option<End> {
        for _ in 0..attempts {
            match self.one_c.resolve(call).await {
                Resolution::Done(value) => return Some(End::Done(value)),
                Resolution::NotDone => return None,
                Resolution::Refused(refusal) => return Some(End::Refused(refusal)),
                Resolution::NeedsPerson(refusal) => return Some(End::Person(refusal)),
                Resolution::Unknown(_) => {}
            }
        }
        Some(End::Waiting(NotNow::new("1C can't be asked", "")))
    }

    /// Exactly these documents, each posted, with these totals in kopecks.
    fn assert_posted(&self, totals: &[i64], why: &str) {
        let documents = self.emulator.documents();
        let found: Vec<_> = documents.iter().map(|d| d.total_minor).collect();
        assert_eq!(found, totals, "{why}");
        assert!(documents.iter().all(|d| d.posted), "{why}: {documents:?}");
    }
}

fn call(request: &Request) -> Call {
    Call {
        kind: KIND.to_owned(),
        key: "accounting.shift_report/S001/57".to_owned(),
        request: serde_json::to_value(request).unwrap(),
        evidence: Value::Null,
        attempt: 0,
    }
}

fn line(dish: &str, name: &str, quantity: i64, price: i64, vat: &str) -> ReportLine {
    ReportLine {
        dish_id: dish.to_owned(),
        name: name.to_owned(),
        quantity_milli: quantity * 1000,
        price_minor: price,
        sum_minor: quantity * price,
        vat: vat.to_owned(),
        sold_on: None,
        sold_by_receipt: None,
    }
}

fn tender(tender: &str, sum_minor: i64) -> TenderTotal {
    TenderTotal {
        tender: tender.to_owned(),
        sum_minor,
    }
}

/// The shift of the protocol page's worked example.
fn shift_57() -> Request {
    Request {
        store_id: "S001".to_owned(),
        registration_number: "0000000001012345".to_owned(),
        shift_number: 57,
        closed_local: "2026-01-12T23:58:41".to_owned(),
        sales: vec![
            line("soup", "Суп дня", 10, 35_000, "vat22"),
            line("pasta", "Паста", 4, 52_000, "vat22"),
        ],
        payments: vec![
            tender("card_terminal", 300_000),
            tender("sbp_qr", 58_000),
            tender("cash", 200_000),
        ],
        returns: vec![ReportLine {
            sold_on: Some("2026-01-12".to_owned()),
            sold_by_receipt: Some("1203".to_owned()),
            ..line("pasta", "Паста", 1, 52_000, "vat22")
        }],
        return_payments: vec![tender("card_terminal", 52_000)],
    }
}

const REPORT_57: &str = "3cedd443-409d-5fd2-b959-4a18871cbd4d";

fn with_cash_book() -> Config {
    Config {
        cash_book: true,
        ..example()
    }
}
