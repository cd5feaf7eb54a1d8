//! Documents of the journal as the vendor's server answers them. [source: atol.md 3.7, 4.1]

use super::codes::{self, patience_left};
use crate::gateway::{
    Gateway,
    journal::{JournalError, Row, State, Trouble},
};
use galley_atol::json::{
    Kopecks,
    answer::{Counters, CountersAnswer, FiscalParams, FnDocumentAnswer, Registered, Warnings},
};
use galley_fiscal::{FiscalRecord, RecordKind};
use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

/// The site of the tax service, as the vendor's driver fills it in. [source: atol.md 3.7]
const FNS: &str = "www.nalog.gov.ru";
const FINE: &str = "Ошибок нет";

/// In which zone the printers' clocks go.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gateway) struct Zone(pub(in crate::gateway) TimeZone);

impl Zone {
    /// The printer's local time as ISO 8601 with a zone; as it is, where it is no time.
    pub(super) fn time(&self, local: &str) -> String {
        let full = if local.len() == 16 {
            format!("{local}:00")
        } else {
            local.to_owned()
        };
        full.parse::<DateTime>()
            .ok()
            .and_then(|at| at.to_zoned(self.0.clone()).ok())
            .map_or(full, |at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }
}

/// What was registered, in the vendor's words.
pub(super) fn fiscal_params(record: &FiscalRecord, zone: &Zone) -> FiscalParams {
    FiscalParams {
        fiscal_document_date_time: zone.time(&record.local_time),
        fiscal_document_number: record.document_number,
        fiscal_document_sign: record.fiscal_sign.to_string(),
        fiscal_receipt_number: record.receipt_number,
        fn_number: record.drive_number.clone(),
        fns_url: FNS.to_owned(),
        registration_number: record.registration_number.clone().unwrap_or_default(),
        shift_number: record.shift_number,
        receipts_count: None,
        total: record.total_minor.map(Kopecks),
    }
}

/// A document of the drive in the vendor's short form. [source: its script, 10.10.8; what the short form lacks and is
/// known here is told too]
pub(super) fn fn_document(record: &FiscalRecord, zone: &Zone) -> FnDocumentAnswer {
    let (kind, sign) = match record.kind {
        RecordKind::Receipt(kind) => ("receipt", Some(kind.tag_1054())),
        RecordKind::Correction(kind) => ("receiptCorrection", Some(kind.tag_1054())),
        RecordKind::ShiftOpen => ("openShift", None),
        RecordKind::ShiftClose => ("closeShift", None),
        RecordKind::Other(1) => ("registration", None),
        RecordKind::Other(6) => ("closeArchive", None),
        RecordKind::Other(11) => ("changeRegistrationParameters", None),
        RecordKind::Other(21) => ("ofdExchangeStatus", None),
        RecordKind::CashIn | RecordKind::CashOut | RecordKind::Other(_) => ("other", None),
    };
    let told = [
        ("fiscalDocumentType", Some(json!(kind))),
        ("short", Some(json!(true))),
        ("1012", Some(json!(zone.time(&record.local_time)))),
        ("1020", record.total_minor.map(|sum| json!(Kopecks(sum)))),
        (
            "1037",
            record.registration_number.as_ref().map(|n| json!(n)),
        ),
        ("1038", record.shift_number.map(|n| json!(n))),
        ("1040", Some(json!(record.document_number))),
        ("1041", Some(json!(record.drive_number))),
        ("1042", record.receipt_number.map(|n| json!(n))),
        ("1054", sign.map(|n| json!(n))),
        ("1077", Some(json!(format!("{:08X}", record.fiscal_sign)))),
        ("1192", record.key.as_ref().map(|key| json!(key))),
        ("qr", record.qr_text().map(|text| json!(text))),
    ];
    FnDocumentAnswer {
        document_tlv: told
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Map<String, Value>>(),
        raw_data: None,
    }
}

/// The result of a task that is done.
fn result(row: &Row, zone: &Zone) -> Value {
    let value = row.result.clone().unwrap_or_else(|| json!({}));
    let Ok(record) = serde_json::from_value::<FiscalRecord>(value.clone()) else {
        return value;
    };
    if matches!(record.kind, RecordKind::CashIn | RecordKind::CashOut) {
        let drawer = value["drawer_minor"].as_i64().unwrap_or(0);
        return json!(CountersAnswer {
            counters: Counters {
                cash_sum: Kopecks(drawer),
            },
        });
    }
    json!(Registered {
        fiscal_params: Some(fiscal_params(&record, zone)),
        warnings: Warnings {
            not_printed: record.printed == Some(false),
            ..Warnings::default()
        },
    })
}

struct Told {
    status: &'static str,
    code: u16,
    description: String,
    result: Value,
}

/// What keeps the queue before a task that waits: a document of which nobody knows what became of it, and a person must say,
/// or the printer, which has been away for longer than a till of this face waits.
fn blocks(gateway: &Gateway, row: &Row) -> Result<Option<Trouble>, JournalError> {
    let (State::Queued, Some(device)) = (row.state, &row.device) else {
        return Ok(None);
    };
    let head = gateway.journal().head(device)?.filter(|h| h.id != row.id);
    Ok(head.and_then(|head| {
        let waits = patience_left(row.created_at, gateway.now()).is_some();
        match head.state {
            State::Person => head.trouble,
            State::Doubt if !waits => head.trouble,
            _ => None,
        }
    }))
}

fn told(gateway: &Gateway, row: &Row) -> Result<Told, JournalError> {
    let backend = || {
        let device = gateway.0.devices.get(row.device.as_ref()?)?;
        Some(device.state().info?.backend)
    };
    let plain = |status| Told {
        status,
        code: 0,
        description: FINE.to_owned(),
        result: Value::Null,
    };
    let failed_with = |status, trouble: Option<&Trouble>| {
        let (code, description) = match trouble {
            Some(trouble) => codes::of_trouble(trouble, backend().as_deref()),
            None => (0, FINE.to_owned()),
        };
        Told {
            status,
            code,
            description,
            result: Value::Null,
        }
    };
    let failed = |status| failed_with(status, row.trouble.as_ref());
    Ok(match row.state {
        State::Queued => match blocks(gateway, row)? {
            None => plain("wait"),
            blocked => failed_with("blocked", blocked.as_ref()),
        },
        // A document in doubt is being found out; only a person's word blocks the queue.
        State::Sent | State::Doubt => plain("inProgress"),
        State::Person => failed("blocked"),
        State::Done => Told {
            result: result(row, &gateway.0.zone),
            ..plain("ready")
        },
        State::Refused => failed("error"),
        State::Cancelled => match &row.trouble {
            Some(t) if t.code == "interrupted" => failed("interrupted"),
            _ => failed("canceled"),
        },
    })
}

/// A task in the form of version 2, and of version 1: clients of either look for their own fields only.
pub(super) fn shown(gateway: &Gateway, row: &Row) -> Result<Value, JournalError> {
    let told = told(gateway, row)?;
    Ok(json!({
        "status": told.status,
        "error": {"code": told.code, "description": told.description},
        "errorCode": told.code,
        "errorDescription": told.description,
        "result": told.result,
    }))
}
