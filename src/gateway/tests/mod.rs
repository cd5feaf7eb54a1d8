//! The gateway against emulated printers on memory links, with paused time: crashes at every write of its journal,
//! cables, paper, drives.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod doors;
mod doubt;
mod makes;
mod once;
mod remote;
mod vendor;
mod words;

use super::{DeviceSettings, JournalOptions, Parts, Role, Service, journal::Crash};
use crate::{
    domain::time::Timestamp,
    world::{Http as _, HttpError, MemoryDoors, RouterHttp, Secret, World},
};
use bytes::Bytes;
use galley_atol::{
    AtolConfig, AtolPrinters,
    emulator::{AtolEmulator, EmulatedDocument, EmulatorConfig, TokioClock},
    local_time::LocalDateTime,
};
use galley_link::MemoryNet;
use http::{Method, Request, header};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const TILL: &str = "till-token";
const TECHNICIAN: &str = "technician-token";
/// 2026-11-22 12:00 UTC.
const NOON: i64 = 1_795_348_800_000;
/// Longer than any of these tests may take, in their own time.
const LONG: Duration = Duration::from_secs(3600);

/// A gateway with its printers, and a till.
struct Rig {
    folder: tempfile::TempDir,
    world: World,
    printers: Vec<AtolEmulator>,
    http: RouterHttp,
    service: Option<Service>,
    /// Shifts are turned by the gateway.
    own_shifts: bool,
    /// How often the gateway was started again.
    restarts: u32,
}

/// Number of receipts, openings and closings of shifts in a drive, after the registration.
fn kinds(printer: &AtolEmulator) -> Vec<u8> {
    printer.documents().iter().skip(1).map(|d| d.kind).collect()
}

impl Rig {
    async fn new(printers: usize) -> Self {
        let net = MemoryNet::new();
        let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
        let printers = (0..printers)
            .map(|i| {
                let config = EmulatorConfig {
                    drive_number: format!("999907890200431{i}"),
                    ..EmulatorConfig::default()
                };
                let clock = Arc::new(TokioClock::starting(noon));
                let printer = AtolEmulator::open(None, config, clock).unwrap();
                let (core, door) = (printer.clone(), net.listen(&format!("kkt-{i}")));
                tokio::spawn(async move { core.listen(door).await });
                printer
            })
            .collect();
        let mut world = MemoryDoors::world(Timestamp::from_millis(NOON), 7);
        world.dialer = Arc::new(net.clone());
        let mut rig = Self {
            folder: tempfile::tempdir().unwrap(),
            world,
            printers,
            http: RouterHttp::new(),
            service: None,
            own_shifts: true,
            restarts: 0,
        };
        rig.start(None).await.unwrap();
        rig
    }

    fn printer(&self) -> &AtolEmulator {
        &self.printers[0]
    }

    /// Starts the gateway on the journal that is there.
    async fn start(&mut self, crash: Option<Crash>) -> Result<(), super::JournalError> {
        let printers = (0..self.printers.len())
            .map(|i| {
                let settings = DeviceSettings {
                    id: format!("kkt-{i}"),
                    open_shift: self.own_shifts,
                    close_expired_shift: self.own_shifts,
                    operator: None,
                    tax_system: galley_fiscal::TaxSystem::General,
                };
                let factory = AtolPrinters::new(
                    self.world.dialer.clone(),
                    format!("mem://kkt-{i}").parse().unwrap(),
                    AtolConfig::default(),
                );
                (
                    settings,
                    Arc::new(factory) as Arc<dyn galley_fiscal::PrinterFactory>,
                )
            })
            .collect();
        let parts = Parts {
            world: self.world.clone(),
            journal: JournalOptions {
                path: self.folder.path().join("journal.db"),
                inline: true,
                crash,
            },
            printers,
            tokens: vec![
                (Secret::new(TILL), Role::Till, "hall".to_owned()),
                (Secret::new(TECHNICIAN), Role::Technician, "anna".to_owned()),
            ],
            keep: Duration::from_secs(366 * 24 * 3600),
            vendor_without_token: false,
            vendor_origins: vec!["https://till.example.org".to_owned()],
            zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(3)),
        };
        let service = Service::start(parts).await?;
        self.http.set_route("gateway", service.gateway.router());
        self.service = Some(service);
        Ok(())
    }

    /// Pulls the plug of the gateway's box.
    async fn kill(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
    }

    async fn restart(&mut self) {
        self.restarts += 1;
        self.kill().await;
        self.start(None).await.unwrap();
    }

    async fn send(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), HttpError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://gateway{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Bytes::from(
                body.map(ToString::to_string).unwrap_or_default(),
            ))
            .unwrap();
        let answer = self.http.send(request, LONG).await?;
        let status = answer.status().as_u16();
        Ok((
            status,
            serde_json::from_slice(answer.body()).unwrap_or(Value::Null),
        ))
    }

    async fn put(&self, key: &str, body: &Value, wait: u32) -> (u16, Value) {
        let path = format!("/v1/fiscal/documents/{key}?wait={wait}");
        self.send(TILL, Method::PUT, &path, Some(body))
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(TILL, Method::GET, path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(TECHNICIAN, Method::POST, path, Some(body))
            .await
            .unwrap()
    }

    async fn delete(&self, key: &str) -> (u16, Value) {
        let path = format!("/v1/fiscal/documents/{key}");
        self.send(TILL, Method::DELETE, &path, None).await.unwrap()
    }

    /// Looks until a document is in one of these states.
    async fn until(&self, key: &str, states: &[&str]) -> Value {
        let path = format!("/v1/fiscal/documents/{key}");
        for _ in 0..10_000 {
            let (status, document) = self.get(&path).await;
            if status == 200 && states.iter().any(|s| document["state"] == **s) {
                return document;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "{key} never came to {states:?}: {:?}",
            self.get(&path).await
        );
    }

    /// A till that does not give up: it repeats its request until it is told what became of it, and somebody switches
    /// the gateway on again whenever it has died.
    async fn insist(&mut self, key: &str, body: &Value) -> Value {
        for _ in 0..200 {
            let (status, answer) = self.put(key, body, 60).await;
            match status {
                200 | 201 => return answer,
                // A worker whose journal has died tells nobody.
                202 => {
                    if self.get("/healthz").await.0 == 503 {
                        self.restart().await;
                    }
                }
                503 => self.restart().await,
                other => panic!("{key}: {other} {answer}"),
            }
        }
        panic!("{key} is never decided");
    }

    fn receipts(&self) -> Vec<EmulatedDocument> {
        self.printer().receipts()
    }

    /// Keys of the receipts in the first drive, in their order.
    fn keys(&self) -> Vec<String> {
        self.receipts().into_iter().filter_map(|d| d.key).collect()
    }
}

/// A receipt of so many kopecks.
fn receipt(kind: &str, sum: i64) -> Value {
    json!({
        "device": "kkt-0", "document": "receipt", "kind": kind, "tax_system": "general",
        "operator": {"name": "Кассир Иванова"},
        "lines": [{"name": "Борщ", "price_minor": sum, "quantity_milli": 1000, "sum_minor": sum,
                   "vat": "none", "subject": "commodity", "method": "full_payment", "unit": "piece"}],
        "tenders": [{"form": "electronic", "sum_minor": sum}],
    })
}

fn sale(sum: i64) -> Value {
    receipt("sale", sum)
}

fn on(device: &str, mut body: Value) -> Value {
    body["device"] = json!(device);
    body
}

fn shift(word: &str) -> Value {
    json!({"device": "kkt-0", "document": word})
}
