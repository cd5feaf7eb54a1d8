//! A printer behind a gateway, for `galley run`: [`FiscalPrinter`] over the gateway's HTTP.
//!
//! **How one intent of the store gives one document.** Two journals stand in a row here, the store's and the
//! gateway's, and each keeps its own promise. The store's engine writes an attempt down (with a baseline) before
//! [`FiscalPrinter::register`], and after any doubt calls [`FiscalPrinter::recover`] before it tries again. The
//! gateway prints what was asked for under one key exactly once, by its own baselines and its own evidence. What is
//! left is to name attempts so that both agree:
//!
//! * The base of the key is a hash of the document, the drive and its last document in the store's baseline. So a
//!   *repeat of the same attempt* (a lost answer, a crash) meets the same key and gets the stored result.
//! * An attempt after "not registered" is another one, but its baseline may be the same, because nothing was
//!   registered in between. So keys have generations: `base-0`, `base-1` … A generation that was called off or refused
//!   is used up, and `register` goes on to the next; it never passes a live one.
//! * `recover` calls the generations off, one after the other, until one was live or unknown until that very moment.
//!   Called off means: the gateway has written down that this key prints nothing any more, even if the request for it
//!   is still on its way. So "not registered" is final, as the trait demands. A generation in doubt at the gateway is
//!   waited for; one that exists is the answer.
//!
//! * "Not registered" is then held against the fiscal drive itself: a receipt with our key behind the store's baseline
//!   exists, whatever a gateway says whose journal was lost or restored.
//!
//! Otherwise the store's baseline is compared with nothing here: other tills print between the two, and the gateway
//! reads a baseline of its own before the first byte.

use super::{http::NO_DOCUMENT, journal::Trouble};
use crate::world::{Http, HttpError, Secret};
use async_trait::async_trait;
use bytes::Bytes;
use galley_fiscal::{
    Baseline, Document, DriveInfo, FiscalError, FiscalPrinter, FiscalRecord, Marking, MarkingCheck,
    PrinterFactory, PrinterInfo, PrinterStatus, Recovered, Registration, ShiftTotals, Slip,
    SlipPrinter, TableCell,
};
use http::{Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a read may take: it waits behind a Z report at worst.
const READ: Duration = Duration::from_secs(95);
/// How long a document is waited for in one request.
const WAIT: Duration = Duration::from_secs(60);
/// What an answer may take beyond that.
const MARGIN: Duration = Duration::from_secs(10);
/// How often an undecided document is asked for before the caller is told that nobody knows.
const LOOKS: u32 = 3;
/// Documents behind a baseline that are looked through; more need a person.
const MAX_SCAN: u32 = 2000;
/// Generations of one attempt; more need a person.
const GENERATIONS: u32 = 10_000;

/// Opens a printer behind a gateway.
pub struct GatewayPrinters(Arc<Remote>);

struct Remote {
    http: Arc<dyn Http>,
    base: String,
    device: String,
    token: Secret,
    /// Where the generations of the last attempt stand; without it they are counted from the first.
    reached: Mutex<Option<(String, u32)>>,
}

impl GatewayPrinters {
    /// The printer `device` at the gateway `url`.
    #[must_use]
    pub fn new(http: Arc<dyn Http>, url: &str, device: &str, token: Secret) -> Self {
        Self(Arc::new(Remote {
            http,
            base: url.trim_end_matches('/').to_owned(),
            device: device.to_owned(),
            token,
            reached: Mutex::default(),
        }))
    }
}

#[derive(Deserialize)]
struct Info {
    info: PrinterInfo,
    columns: usize,
}

#[async_trait]
impl PrinterFactory for GatewayPrinters {
    async fn open(&self) -> Result<Box<dyn FiscalPrinter>, FiscalError> {
        let Info { info, columns } = self.0.read("info").await?;
        Ok(Box::new(GatewayPrinter {
            remote: self.0.clone(),
            info,
            columns,
        }))
    }
}

struct GatewayPrinter {
    remote: Arc<Remote>,
    info: PrinterInfo,
    columns: usize,
}

impl GatewayPrinter {
    /// Whether the drive has a receipt with our key behind the baseline.
    async fn in_the_drive(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        // Other documents have no key in the drive; theirs is the gateway's word alone.
        let Some(receipt) = document.receipt() else {
            return Ok(Recovered::NotRegistered);
        };
        let now = self.baseline().await?;
        if now.drive_number != baseline.drive_number {
            return Err(FiscalError::OtherDrive {
                expected: baseline.drive_number.clone(),
                found: now.drive_number,
            });
        }
        if now.last_document.saturating_sub(baseline.last_document) > MAX_SCAN {
            return Err(FiscalError::NeedsPerson(format!(
                "more than {MAX_SCAN} documents were registered since"
            )));
        }
        for number in baseline.last_document.saturating_add(1)..=now.last_document {
            let found = self.document(number).await?.filter(|record| {
                record.key.as_deref() == Some(&*receipt.key)
                    && record.total_minor == receipt.total_minor()
            });
            if let Some(record) = found {
                return Ok(Recovered::Registered(record));
            }
        }
        Ok(Recovered::NotRegistered)
    }
}

/// A document of the gateway, as far as it matters here.
#[derive(Deserialize)]
struct Shown {
    state: String,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    trouble: Option<Trouble>,
    #[serde(default)]
    decided_now: bool,
    #[serde(default)]
    replayed: bool,
}

impl Remote {
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<(StatusCode, Value), HttpError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.token.reveal()),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(
                body.map(ToString::to_string).unwrap_or_default(),
            ))
            .map_err(|e| HttpError::NotSent(e.to_string()))?;
        let answer = self.http.send(request, limit).await?;
        let status = answer.status();
        match serde_json::from_slice(answer.body()) {
            Ok(value) => Ok((status, value)),
            Err(_) => Err(HttpError::Unknown(format!(
                "{} answers with something that is no gateway's (status {status})",
                self.base
            ))),
        }
    }

    /// Asks for something that registers nothing.
    async fn ask(
        &self,
        method: Method,
        what: &str,
        body: Option<&Value>,
    ) -> Result<Value, FiscalError> {
        let path = format!("/v1/fiscal/devices/{}/{what}", self.device);
        match self.call(method, &path, body, READ).await {
            Ok((status, value)) if status.is_success() => Ok(value),
            Ok((status, value)) => Err(refusal(status, &value)),
            Err(e) => Err(away(&e)),
        }
    }

    async fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, FiscalError> {
        self.ask(Method::GET, what, None).await.and_then(parse)
    }

    /// A document of the drive, if there is one.
    async fn document(&self, what: &str) -> Result<Option<FiscalRecord>, FiscalError> {
        let path = format!("/v1/fiscal/devices/{}/{what}", self.device);
        match self.call(Method::GET, &path, None, READ).await {
            Ok((StatusCode::NOT_FOUND, value)) if value["slug"] == NO_DOCUMENT => Ok(None),
            Ok((status, value)) if status.is_success() => parse(value),
            Ok((status, value)) => Err(refusal(status, &value)),
            Err(e) => Err(away(&e)),
        }
    }

    async fn act<T: DeserializeOwned>(&self, what: &str, body: &Value) -> Result<T, FiscalError> {
        self.ask(Method::POST, what, Some(body))
            .await
            .and_then(parse)
    }

    fn reached(&self, base: &str) -> u32 {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        match &*reached {
            Some((of, generation)) if of == base => *generation,
            _ => 0,
        }
    }

    fn reach(&self, base: &str, generation: u32) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((base.to_owned(), generation));
    }

    async fn register(
        &self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        let base = base_key(document, baseline);
        let mut body = json!(document);
        body["device"] = json!(self.device);
        for generation in self.reached(&base)..GENERATIONS {
            self.reach(&base, generation);
            let path = address(&base, generation, "", WAIT);
            let answer = self
                .call(Method::PUT, &path, Some(&body), WAIT + MARGIN)
                .await;
            let (status, value) = match answer {
                Ok(answer) => answer,
                Err(HttpError::NotSent(detail)) => return Err(FiscalError::Unreachable { detail }),
                Err(HttpError::Unknown(detail)) => return Err(FiscalError::Unknown { detail }),
            };
            let shown = shown_in(&value);
            match (status, shown) {
                (StatusCode::OK | StatusCode::CREATED, Some(shown)) => return record(&shown),
                (StatusCode::ACCEPTED, Some(shown)) => {
                    return self.give_up(&base, generation, shown).await;
                }
                // Called off or refused before: this generation is used up.
                (StatusCode::GONE, _) => {}
                (StatusCode::UNPROCESSABLE_ENTITY, Some(shown)) if shown.replayed => {}
                (StatusCode::INSUFFICIENT_STORAGE | StatusCode::INTERNAL_SERVER_ERROR, _)
                | (StatusCode::SERVICE_UNAVAILABLE, _) => {
                    return Err(FiscalError::Unknown {
                        detail: detail_of(&value),
                    });
                }
                _ => return Err(refusal(status, &value)),
            }
        }
        Err(too_many(&base))
    }

    /// The gateway has not decided in time. What has not begun is called off, so that the engine may say what comes
    /// first; what has begun is looked at a little longer.
    async fn give_up(
        &self,
        base: &str,
        generation: u32,
        mut shown: Shown,
    ) -> Result<FiscalRecord, FiscalError> {
        for _ in 0..LOOKS {
            let (method, tail) = match shown.state.as_str() {
                "queued" => (Method::POST, "/cancel"),
                "person" => break,
                _ => (Method::GET, ""),
            };
            let why = shown.trouble;
            let path = address(base, generation, tail, WAIT);
            let answer = self.call(method, &path, None, WAIT + MARGIN).await;
            let (_, value) = answer.map_err(|e| FiscalError::Unknown {
                detail: format!("gateway: {e}"),
            })?;
            shown = shown_in(&value).ok_or_else(|| FiscalError::Unknown {
                detail: detail_of(&value),
            })?;
            match shown.state.as_str() {
                "done" => return record(&shown),
                "refused" => return Err(trouble_error(shown.trouble, false)),
                "cancelled" => {
                    self.reach(base, generation.saturating_add(1));
                    return Err(trouble_error(shown.trouble.or(why), true));
                }
                _ => {}
            }
        }
        Err(FiscalError::Unknown {
            detail: shown
                .trouble
                .map_or_else(|| "the gateway doesn't know yet".to_owned(), |t| t.text),
        })
    }

    async fn recover(
        &self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        let base = base_key(document, baseline);
        for generation in self.reached(&base)..GENERATIONS {
            let path = address(&base, generation, "/cancel", WAIT);
            let (_, value) = self
                .call(Method::POST, &path, None, WAIT + MARGIN)
                .await
                .map_err(|e| FiscalError::Unreachable {
                    detail: format!("gateway: {e}"),
                })?;
            let shown = shown_in(&value).ok_or_else(|| FiscalError::Unreachable {
                detail: detail_of(&value),
            })?;
            match shown.state.as_str() {
                "done" => return record(&shown).map(Recovered::Registered),
                "cancelled" | "refused" => {
                    self.reach(&base, generation.saturating_add(1));
                    if shown.decided_now {
                        return Ok(Recovered::NotRegistered);
                    }
                }
                "person" => {
                    return Err(FiscalError::NeedsPerson(shown.trouble.map_or_else(
                        || "the gateway needs a technician".to_owned(),
                        |t| t.text,
                    )));
                }
                _ => {
                    return Err(FiscalError::Unknown {
                        detail: shown
                            .trouble
                            .map_or_else(|| "the gateway doesn't know yet".to_owned(), |t| t.text),
                    });
                }
            }
        }
        Err(too_many(&base))
    }
}

/// The same for a repeat of the same attempt, another for any other.
fn base_key(document: &Document, baseline: &Baseline) -> String {
    let mut h = Sha256::new();
    h.update(json!(document).to_string());
    h.update([0]);
    h.update(&baseline.drive_number);
    h.update([0]);
    h.update(baseline.last_document.to_be_bytes());
    let hex: String = h
        .finalize()
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("run-{hex}")
}

fn address(base: &str, generation: u32, tail: &str, wait: Duration) -> String {
    format!(
        "/v1/fiscal/documents/{base}-{generation}{tail}?wait={}",
        wait.as_secs()
    )
}

fn too_many(base: &str) -> FiscalError {
    FiscalError::NeedsPerson(format!("{base} was called off {GENERATIONS} times"))
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, FiscalError> {
    serde_json::from_value(value).map_err(|e| FiscalError::Unreachable {
        detail: format!("the gateway's answer can't be read: {e}"),
    })
}

fn away(error: &HttpError) -> FiscalError {
    FiscalError::Unreachable {
        detail: format!("gateway: {error}"),
    }
}

/// The document of an answer: the answer itself, or what a problem is about.
fn shown_in(value: &Value) -> Option<Shown> {
    let about = value.get("document").filter(|d| d.is_object());
    Shown::deserialize(about.unwrap_or(value)).ok()
}

fn record(shown: &Shown) -> Result<FiscalRecord, FiscalError> {
    let value = shown.result.clone().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|_| {
        FiscalError::NeedsPerson(
            "the gateway's technician says that the document exists, without its numbers"
                .to_owned(),
        )
    })
}

fn detail_of(value: &Value) -> String {
    value["detail"]
        .as_str()
        .unwrap_or("the gateway gives no reason")
        .to_owned()
}

/// Why a document was called off or refused, as a driver would say it. `retry`: nothing is wrong with the request.
fn trouble_error(trouble: Option<Trouble>, retry: bool) -> FiscalError {
    let Some(trouble) = trouble else {
        return FiscalError::Refused {
            code: 0,
            text: "others come first at the gateway".to_owned(),
            advice: "Wait; it is tried again by itself.".to_owned(),
            retry,
        };
    };
    let error = trouble
        .error
        .and_then(|e| FiscalError::deserialize(*e).ok());
    match error {
        // Nothing of it is in the printer, whatever was seen on the way.
        Some(FiscalError::Refused {
            code, text, advice, ..
        }) => FiscalError::Refused {
            code,
            text,
            advice,
            retry,
        },
        Some(e @ FiscalError::Unsupported(_)) if !retry => e,
        _ if retry => FiscalError::Unreachable {
            detail: trouble.text,
        },
        _ => FiscalError::Refused {
            code: trouble.device_code.unwrap_or(0),
            text: trouble.text,
            advice: trouble.advice,
            retry,
        },
    }
}

/// A problem document as a driver's error: its own words where it has them.
fn refusal(status: StatusCode, value: &Value) -> FiscalError {
    if let Ok(error) = FiscalError::deserialize(&value["error"]) {
        return error;
    }
    let detail = detail_of(value);
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            FiscalError::Unsupported(format!("gateway: {detail}"))
        }
        s if s.is_client_error() => FiscalError::Refused {
            code: 0,
            text: detail,
            advice: value["advice"]
                .as_str()
                .unwrap_or("Correct the document.")
                .to_owned(),
            retry: false,
        },
        _ => FiscalError::Unreachable { detail },
    }
}

#[async_trait]
impl SlipPrinter for GatewayPrinter {
    fn columns(&self) -> usize {
        self.columns
    }

    async fn slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        self.remote.act("slip", &json!(slip)).await
    }

    async fn open_drawer(&mut self) -> Result<(), FiscalError> {
        self.remote.act("drawer", &json!({})).await
    }
}

#[derive(Serialize)]
struct Table<'a> {
    cell: TableCell,
    value: &'a [u8],
}

#[async_trait]
impl FiscalPrinter for GatewayPrinter {
    fn info(&self) -> &PrinterInfo {
        &self.info
    }

    async fn status(&mut self) -> Result<PrinterStatus, FiscalError> {
        self.remote.read("status").await
    }

    async fn baseline(&mut self) -> Result<Baseline, FiscalError> {
        self.remote.read("baseline").await
    }

    async fn register(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        self.remote.register(document, baseline).await
    }

    async fn recover(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        match self.remote.recover(document, baseline).await? {
            Recovered::NotRegistered => self.in_the_drive(document, baseline).await,
            registered @ Recovered::Registered(_) => Ok(registered),
        }
    }

    async fn last_document(&mut self) -> Result<Option<FiscalRecord>, FiscalError> {
        self.remote.document("last").await
    }

    async fn document(&mut self, number: u32) -> Result<Option<FiscalRecord>, FiscalError> {
        self.remote.document(&format!("documents/{number}")).await
    }

    async fn x_report(&mut self) -> Result<(), FiscalError> {
        self.remote.act("x-report", &json!({})).await
    }

    async fn continue_print(&mut self) -> Result<(), FiscalError> {
        self.remote.act("continue-print", &json!({})).await
    }

    async fn copy_last(&mut self) -> Result<(), FiscalError> {
        self.remote.act("copy", &json!({})).await
    }

    async fn totals(&mut self) -> Result<ShiftTotals, FiscalError> {
        self.remote.read("counters").await
    }

    async fn registration(&mut self) -> Result<Registration, FiscalError> {
        self.remote.read("registration").await
    }

    async fn drive(&mut self) -> Result<DriveInfo, FiscalError> {
        self.remote.read("drive").await
    }

    async fn set_clock(&mut self, local_time: &str) -> Result<(), FiscalError> {
        self.remote
            .act("clock", &json!({"local_time": local_time}))
            .await
    }

    async fn read_table(&mut self, cell: TableCell) -> Result<Vec<u8>, FiscalError> {
        let value = Table { cell, value: &[] };
        self.remote.act("read-table", &json!(value)).await
    }

    async fn write_table(&mut self, cell: TableCell, value: &[u8]) -> Result<(), FiscalError> {
        let value = Table { cell, value };
        self.remote.act("write-table", &json!(value)).await
    }

    async fn check_marking(&mut self, marking: &Marking) -> Result<MarkingCheck, FiscalError> {
        self.remote.act("check-marking", &json!(marking)).await
    }
}
