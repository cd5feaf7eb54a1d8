//! The emulated printer behind the server: its fiscal drive, its shift, its drawer. It shares nothing with the driver:
//! it reads tasks as plain JSON and counts by itself.

use super::config::WebEmulatorConfig;
use crate::local_time::LocalDateTime;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long a shift may last, in seconds.
const SHIFT_SECONDS: i64 = 24 * 3600;

/// A document in the emulated drive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebDocument {
    /// Number of the fiscal document.
    pub number: u32,
    /// 1 registration, 2 opening of a shift, 3 receipt, 5 closing of a shift, 31 correction.
    pub kind: u8,
    /// Settlement sign.
    pub operation: Option<u8>,
    /// Kopecks.
    pub total: i64,
    /// Fiscal sign.
    pub sign: u32,
    /// When.
    pub time: LocalDateTime,
    /// Shift.
    pub shift: u32,
    /// Number of the receipt in its shift.
    pub receipt: Option<u32>,
    /// Tag 1192.
    pub key: Option<String>,
    /// The task as it came.
    pub task: Value,
}

/// Receipts of one kind in the shift: count, sum, by form of payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    count: u32,
    sum: i64,
    payments: BTreeMap<String, i64>,
}

/// The printer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Printer {
    pub(super) drive_number: String,
    pub(super) documents: Vec<WebDocument>,
    pub(super) shift_number: u32,
    pub(super) shift_opened: Option<i64>,
    receipts_in_shift: u32,
    drawer: i64,
    ins: (u32, i64),
    outs: (u32, i64),
    sums: BTreeMap<String, Sums>,
    pub(super) paper: bool,
    pub(super) powered: bool,
    pub(super) print_owed: bool,
    /// Non-fiscal things that came out, by the name of their task.
    pub(super) printed: Vec<String>,
    /// How much its clock was set ahead, in seconds.
    #[serde(default)]
    ahead: i64,
    /// The slips among them, as they came.
    #[serde(default)]
    pub(super) slips: Vec<Value>,
    marking: Option<Mark>,
}

/// A marked unit that is being checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Mark {
    /// How often its state was looked at.
    looks: u8,
    /// Codes with "BAD" in them are forged.
    forged: bool,
}

impl Mark {
    fn bits(&self) -> Value {
        json!({"imcCheckFlag": true, "imcCheckResult": !self.forged, "imcStatusInfo": true,
            "imcEstimatedStatusCorrect": !self.forged, "ecrStandAloneFlag": false})
    }
}

/// A failed task: code and words.
pub(super) type Failure = (u16, String);

fn fail<T>(code: u16, text: impl Into<String>) -> Result<T, Failure> {
    Err((code, text.into()))
}

/// Kopecks of a JSON number; rounds, as the vendor does.
fn kopecks(value: &Value, path: &str) -> Result<i64, Failure> {
    match value.as_f64() {
        Some(v) => Ok((v * 100.0).round() as i64),
        None if value.is_null() => fail(501, format!("Поле \"{path}\" отсутствует")),
        None => fail(
            501,
            format!("Поле \"{path}\" имеет неверный тип (ожидается \"number\")"),
        ),
    }
}

fn roubles(kopecks: i64) -> Value {
    json!(kopecks as f64 / 100.0)
}

fn word<'a>(value: &'a Value, path: &str, known: &[&str]) -> Result<&'a str, Failure> {
    match value.as_str() {
        Some(w) if known.is_empty() || known.contains(&w) => Ok(w),
        Some(w) => fail(501, format!("Некорректное значение поля \"{path}\" ({w})")),
        None => fail(501, format!("Поле \"{path}\" отсутствует")),
    }
}

const TAXES: [&str; 14] = [
    "none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22", "vat105", "vat107", "vat110",
    "vat120", "vat122", "vat18", "vat118",
];
const PAYMENTS: [&str; 5] = ["cash", "electronically", "prepaid", "credit", "other"];
const SYSTEMS: [&str; 5] = ["osn", "usnIncome", "usnIncomeOutcome", "esn", "patent"];

impl Printer {
    pub(super) fn new(config: &WebEmulatorConfig, now: LocalDateTime) -> Self {
        let mut printer = Self {
            drive_number: config.drive_number.clone(),
            documents: Vec::new(),
            shift_number: 0,
            shift_opened: None,
            receipts_in_shift: 0,
            drawer: 0,
            ins: (0, 0),
            outs: (0, 0),
            sums: BTreeMap::new(),
            paper: true,
            powered: true,
            print_owed: false,
            printed: Vec::new(),
            ahead: 0,
            slips: Vec::new(),
            marking: None,
        };
        printer.add(1, None, 0, None, &Value::Null, now);
        printer
    }

    pub(super) fn replace_drive(&mut self, number: String, now: LocalDateTime) {
        self.drive_number = number;
        self.documents.clear();
        self.shift_opened = None;
        self.shift_number = 0;
        self.add(1, None, 0, None, &Value::Null, now);
    }

    fn add(
        &mut self,
        kind: u8,
        operation: Option<u8>,
        total: i64,
        key: Option<String>,
        task: &Value,
        now: LocalDateTime,
    ) -> &WebDocument {
        let number = u32::try_from(self.documents.len()).unwrap_or(u32::MAX) + 1;
        // Any function of the number that looks like a sign.
        let sign = number.wrapping_mul(2_654_435_761) ^ 0x5A5A_1234;
        let receipt = matches!(kind, 3 | 31).then_some(self.receipts_in_shift);
        self.documents.push(WebDocument {
            number,
            kind,
            operation,
            total,
            sign,
            time: now,
            shift: self.shift_number,
            receipt,
            key,
            task: task.clone(),
        });
        &self.documents[self.documents.len() - 1]
    }

    /// Put in: count and sum; taken out: count and sum; what is in the drawer.
    pub(super) fn drawer(&self) -> ((u32, i64), (u32, i64), i64) {
        (self.ins, self.outs, self.drawer)
    }

    pub(super) fn cash_moves(&self) -> (u32, u32) {
        (self.ins.0, self.outs.0)
    }

    pub(super) fn expired(&self, now: LocalDateTime) -> bool {
        self.shift_opened
            .is_some_and(|at| now.seconds() - at > SHIFT_SECONDS)
    }

    /// Carries a task out.
    pub(super) fn run(
        &mut self,
        task: &Value,
        config: &WebEmulatorConfig,
        now: LocalDateTime,
    ) -> Result<Value, Failure> {
        let now = LocalDateTime::from_seconds(now.seconds() + self.ahead);
        let name = word(&task["type"], "type", &[])?.to_owned();
        let operation = |name: &str| match name {
            "sell" | "sellCorrection" => Some(1),
            "sellReturn" | "sellReturnCorrection" => Some(2),
            "buy" | "buyCorrection" => Some(3),
            "buyReturn" | "buyReturnCorrection" => Some(4),
            _ => None,
        };
        if let Some(operation) = operation(&name) {
            return self.receipt(task, &name, operation, config, now);
        }
        match name.as_str() {
            "openShift" => {
                if self.shift_opened.is_some() {
                    return fail(83, "Смена открыта");
                }
                let params = self.open_shift(task, config, now);
                Ok(json!({"fiscalParams": params, "warnings": {}}))
            }
            "closeShift" => {
                if self.shift_opened.is_none() {
                    return fail(73, "Смена закрыта");
                }
                self.shift_opened = None;
                self.add(5, None, 0, None, task, now);
                let mut params = self.params(config);
                params["receiptsCount"] = json!(self.receipts_in_shift);
                Ok(json!({"fiscalParams": params, "warnings": {}}))
            }
            "cashIn" | "cashOut" => self.cash(task, &name, config, now),
            "reportX" | "nonFiscal" | "printLastReceiptCopy" | "printFnDocument" => {
                if name == "nonFiscal" {
                    slip(task)?;
                }
                if !self.paper {
                    return fail(44, "Нет бумаги");
                }
                if name == "nonFiscal" {
                    self.slips.push(task.clone());
                }
                self.printed.push(name);
                Ok(json!({}))
            }
            "continuePrint" => {
                if !self.paper {
                    return fail(44, "Нет бумаги");
                }
                self.print_owed = false;
                Ok(json!({}))
            }
            "openCashDrawer" => {
                self.printed.push(name);
                Ok(json!({}))
            }
            "setDateTime" => {
                if self.shift_opened.is_some() {
                    return fail(83, "Смена открыта");
                }
                let text = word(&task["dateTime"], "dateTime", &[])?;
                let right =
                    text.len() == 19 && text.as_bytes()[4] == b'.' && text.as_bytes()[10] == b' ';
                let set = right.then(|| {
                    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<u16>().ok();
                    let byte = |at| number(at).and_then(|n| u8::try_from(n).ok());
                    LocalDateTime::new(
                        number(0..4)?,
                        byte(5..7)?,
                        byte(8..10)?,
                        byte(11..13)?,
                        byte(14..16)?,
                        byte(17..19)?,
                    )
                });
                let Some(set) = set.flatten() else {
                    return fail(501, "Некорректное значение поля \"dateTime\"");
                };
                self.ahead += set.seconds() - now.seconds();
                Ok(json!({}))
            }
            "getFnDocument" => self.fn_document(task, config),
            "getLastFiscalParams" => Ok(self.params(config)),
            _ => self.ask(&name, task, config, now),
        }
    }

    fn open_shift(
        &mut self,
        task: &Value,
        config: &WebEmulatorConfig,
        now: LocalDateTime,
    ) -> Value {
        self.shift_number += 1;
        self.shift_opened = Some(now.seconds());
        self.receipts_in_shift = 0;
        (self.ins, self.outs) = ((0, 0), (0, 0));
        self.sums.clear();
        self.add(2, None, 0, None, task, now);
        self.params(config)
    }

    fn need_shift(
        &mut self,
        task: &Value,
        config: &WebEmulatorConfig,
        now: LocalDateTime,
    ) -> Result<(), Failure> {
        if self.expired(now) {
            return fail(68, "Смена превысила 24 часа");
        }
        if self.shift_opened.is_none() {
            // The vendor's driver opens it by itself.
            self.open_shift(task, config, now);
        }
        Ok(())
    }

    fn cash(
        &mut self,
        task: &Value,
        name: &str,
        config: &WebEmulatorConfig,
        now: LocalDateTime,
    ) -> Result<Value, Failure> {
        let sum = kopecks(&task["cashSum"], "cashSum")?;
        self.need_shift(task, config, now)?;
        let flow = if name == "cashIn" {
            self.drawer += sum;
            &mut self.ins
        } else {
            if sum > self.drawer {
                return fail(80, "Недостаточно наличных");
            }
            self.drawer -= sum;
            &mut self.outs
        };
        flow.0 += 1;
        flow.1 += sum;
        Ok(json!({"counters": {"cashSum": roubles(self.drawer)}}))
    }

    fn receipt(
        &mut self,
        task: &Value,
        name: &str,
        operation: u8,
        config: &WebEmulatorConfig,
        now: LocalDateTime,
    ) -> Result<Value, Failure> {
        let correction = name.ends_with("Correction");
        let (total, key) = positions(task, config)?;
        if let Some(system) = task.get("taxationType") {
            word(system, "taxationType", &SYSTEMS)?;
        }
        if correction {
            word(
                &task["correctionType"],
                "correctionType",
                &["self", "instruction"],
            )?;
            let date = word(&task["correctionBaseDate"], "correctionBaseDate", &[])?;
            if date.len() != 10 || date.as_bytes()[4] == date.as_bytes()[0] {
                return fail(501, "Некорректное значение поля \"correctionBaseDate\"");
            }
        }
        let declared = match task.get("total") {
            Some(value) => kopecks(value, "total")?,
            None => total,
        };
        if declared > total || total - declared >= 100 {
            return fail(227, "Неверный итог");
        }
        let mut paid: BTreeMap<String, i64> = BTreeMap::new();
        for (i, p) in task["payments"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let kind = word(&p["type"], &format!("payments[{i}].type"), &PAYMENTS)?;
            *paid.entry(kind.to_owned()).or_default() += kopecks(&p["sum"], "payments.sum")?;
        }
        let sum: i64 = paid.values().sum();
        // An old correction has no lines: what was paid is its total.
        let declared = if correction && config.ffd == "1.05" {
            sum
        } else {
            declared
        };
        if sum < declared {
            return fail(66, "Чек не оплачен полностью");
        }
        let change = sum - declared;
        let cash = paid.entry("cash".to_owned()).or_default();
        if *cash < change {
            return fail(52, "Сумма не наличных оплат превышает сумму чека");
        }
        *cash -= change;
        let cash = *cash;
        self.need_shift(task, config, now)?;
        let income = matches!(operation, 1 | 4);
        if !income && cash > self.drawer {
            return fail(80, "Недостаточно наличных");
        }
        self.drawer += if income { cash } else { -cash };
        self.receipts_in_shift += 1;
        let sums = self.sums.entry(name.to_owned()).or_default();
        sums.count += 1;
        sums.sum += declared;
        for (kind, sum) in paid {
            *sums.payments.entry(kind).or_default() += sum;
        }
        let kind = if correction { 31 } else { 3 };
        let key = config.keys_come_back.then_some(key).flatten();
        self.add(kind, Some(operation), declared, key, task, now);
        Ok(json!({"fiscalParams": self.params(config), "warnings": {}}))
    }

    /// What the drive says of its last document.
    pub(super) fn params(&self, config: &WebEmulatorConfig) -> Value {
        let Some(d) = self.documents.last() else {
            return json!({});
        };
        let mut params = json!({
            "fiscalDocumentDateTime": format!("{}+03:00", d.time),
            "fiscalDocumentNumber": d.number,
            "fiscalDocumentSign": d.sign.to_string(),
            "fnNumber": self.drive_number,
            "fnsUrl": "www.nalog.gov.ru",
            "registrationNumber": config.registration_number,
            "shiftNumber": d.shift,
        });
        if let Some(receipt) = d.receipt {
            params["fiscalReceiptNumber"] = json!(receipt);
            params["total"] = roubles(d.total);
        }
        params
    }

    fn fn_document(&self, task: &Value, config: &WebEmulatorConfig) -> Result<Value, Failure> {
        let number = task["fiscalDocumentNumber"].as_u64().unwrap_or(0);
        let Some(d) = self
            .documents
            .iter()
            .find(|d| u64::from(d.number) == number)
        else {
            return fail(123, "В ФН нет таких данных");
        };
        let name = match d.kind {
            1 => "registration",
            2 => "openShift",
            3 => "receipt",
            5 => "closeShift",
            _ => "receiptCorrection",
        };
        let mut tags = json!({
            "1012": format!("{}+03:00", d.time), "1040": d.number, "fiscalDocumentType": name,
            "short": config.short_documents,
        });
        let sign = format!("{:08X}", d.sign);
        if let Some(operation) = d.operation {
            tags["1054"] = json!(operation);
            // The vendor's short form reads the total as an integer.
            tags["1020"] = if config.short_documents {
                json!(d.total / 100)
            } else {
                roubles(d.total)
            };
        }
        if matches!(d.kind, 2 | 5) || !config.short_documents {
            tags["1038"] = json!(d.shift);
        }
        if config.short_documents {
            tags["1077"] = json!(sign);
        } else {
            tags["1041"] = json!(self.drive_number);
            tags["1037"] = json!(format!("{}    ", config.registration_number));
            tags["1077"] = json!(format!("2104{sign}"));
            if let Some(receipt) = d.receipt {
                tags["1042"] = json!(receipt);
            }
            if let Some(key) = &d.key {
                tags["1192"] = json!(key);
            }
        }
        let mut answer = json!({"documentTLV": tags});
        if task["withRawData"] == true {
            answer["rawData"] = json!(self.raw(d, &config.registration_number));
        }
        Ok(answer)
    }

    fn ask(
        &mut self,
        name: &str,
        task: &Value,
        config: &WebEmulatorConfig,
        now: LocalDateTime,
    ) -> Result<Value, Failure> {
        let state = match (self.shift_opened, self.expired(now)) {
            (None, _) => "closed",
            (_, true) => "expired",
            _ => "opened",
        };
        let warnings = json!({"criticalError": false, "memoryOverflow": false, "needReplacement": false,
            "ofdTimeout": false, "resourceExhausted": false});
        let ends = self.shift_opened.unwrap_or(now.seconds()) + SHIFT_SECONDS;
        Ok(match name {
            "getDeviceStatus" => {
                json!({"deviceStatus": {"blocked": false, "cashDrawerOpened": false,
                "coverOpened": false, "currentDateTime": format!("{now}+03:00"), "fiscal": true, "fnFiscal": true,
                "fnPresent": true, "paperPresent": self.paper, "shift": state}})
            }
            "getDeviceInfo" => {
                json!({"deviceInfo": {"configurationVersion": "5.8.100", "ffdVersion": config.ffd,
                "firmwareVersion": "5.8.100", "fnFfdVersion": "1.2", "model": 82, "modelName": config.model_name,
                "receiptLineLength": 32, "receiptLineLengthPix": 384, "serial": config.serial}})
            }
            "getShiftStatus" => json!({"shiftStatus": {"documentsCount": self.receipts_in_shift,
                "expiredTime": format!("{}+03:00", LocalDateTime::from_seconds(ends)),
                "number": self.shift_number, "state": state}}),
            "getFnInfo" => {
                json!({"fnInfo": {"ffdVersion": config.ffd, "fnFfdVersion": "1.2", "livePhase": "fiscalMode",
                "numberOfRegistrations": 1, "registrationsRemaining": 29, "serial": self.drive_number,
                "validityDate": "2028-01-01T00:00:00+03:00", "warnings": warnings}})
            }
            "getFnStatus" => json!({"fnStatus": {"fiscalDocumentNumber": self.documents.len(),
                "fiscalReceiptNumber": self.receipts_in_shift, "warnings": warnings}}),
            "ofdExchangeStatus" => {
                json!({"errors": {"documentNumber": 0}, "status": {"notSentCount": 0,
                "notSentFirstDocDateTime": "1970-01-01T00:00:00+00:00", "notSentFirstDocNumber": 0}})
            }
            "getShiftTotals" => json!({"shiftTotals": self.totals(config)}),
            "getOverallTotals" => {
                json!({"overallTotals": {"receipts": self.totals(config)["receipts"]}})
            }
            "getCashDrawerStatus" => json!({"cashDrawerStatus": {"cashDrawerOpened": false},
                "counters": {"cashSum": roubles(self.drawer)}}),
            "getRegistrationInfo" => json!({
                "device": {"autoMode": false, "ffdVersion": config.ffd, "fnsUrl": "www.nalog.gov.ru",
                    "registrationNumber": config.registration_number, "offlineMode": false, "machineNumber": ""},
                "ofd": {"name": "ОФД", "vatin": "7700000000"},
                "organization": {"address": "Москва", "name": "ООО Робот", "taxationTypes": ["osn", "usnIncome"],
                    "vatin": "7700000001", "email": ""}}),
            "beginMarkingCodeValidation" => {
                let code = word(&task["params"]["imc"], "params.imc", &[])?;
                let code = STANDARD.decode(code).unwrap_or_default();
                if task["params"]["itemEstimatedStatus"].is_null()
                    || task["params"]["imcModeProcessing"].is_null()
                {
                    return fail(501, "Поле \"params\" отсутствует");
                }
                if self.marking.is_some() {
                    return fail(401, "Проверка КМ уже запущена");
                }
                let forged = code.windows(3).any(|part| part == b"BAD");
                self.marking = Some(Mark { looks: 0, forged });
                json!({"offlineValidation": {"fmCheck": true, "fmCheckResult": !forged, "fmCheckErrorReason": "checked"}})
            }
            "getMarkingCodeValidationStatus" => match &mut self.marking {
                None => return fail(404, "Проверка КМ не начата"),
                Some(mark) if mark.looks < 2 => {
                    mark.looks += 1;
                    json!({"ready": false})
                }
                Some(mark) => {
                    json!({"ready": true, "driverError": {"code": 0, "description": "Ошибок нет"},
                    "sentImcRequest": true,
                    "onlineValidation": {"itemInfoCheckResult": mark.bits(), "imcType": "imcFmVerifyCode88"}})
                }
            },
            "acceptMarkingCode" => match self.marking.take() {
                Some(mark) if mark.looks >= 2 => json!({"itemInfoCheckResult": mark.bits()}),
                _ => return fail(420, "КМ не проверен"),
            },
            "declineMarkingCode"
            | "cancelMarkingCodeValidation"
            | "clearMarkingCodeValidationResult" => {
                self.marking = None;
                json!({})
            }
            _ => return fail(501, format!("Некорректное значение поля \"type\" ({name})")),
        })
    }

    fn totals(&self, config: &WebEmulatorConfig) -> Value {
        let mut receipts = json!({});
        for name in ["sell", "sellReturn", "buy", "buyReturn"] {
            let sums = self.sums.get(name).cloned().unwrap_or_default();
            let payments: BTreeMap<&str, Value> = PAYMENTS
                .iter()
                .map(|p| (*p, roubles(sums.payments.get(*p).copied().unwrap_or(0))))
                .collect();
            receipts[name] =
                json!({"count": sums.count, "sum": roubles(sums.sum), "payments": payments});
        }
        if !config.counts_cash {
            return json!({"receipts": receipts, "income": {}, "outcome": {}, "cashDrawer": {},
                "shiftNumber": self.shift_number});
        }
        json!({"receipts": receipts, "shiftNumber": self.shift_number,
            "income": {"count": self.ins.0, "sum": roubles(self.ins.1)},
            "outcome": {"count": self.outs.0, "sum": roubles(self.outs.1)},
            "cashDrawer": {"sum": roubles(self.drawer)}})
    }
}

/// Sum of the positions, and tag 1192.
fn positions(task: &Value, config: &WebEmulatorConfig) -> Result<(i64, Option<String>), Failure> {
    let Some(items) = task["items"].as_array() else {
        return fail(501, "Поле \"items\" отсутствует");
    };
    let (mut total, mut key) = (0, None);
    for (i, item) in items.iter().enumerate() {
        let path = |field: &str| format!("items[{i}].{field}");
        match item["type"].as_str() {
            Some("position") => {
                let price = kopecks(&item["price"], &path("price"))?;
                let amount = kopecks(&item["amount"], &path("amount"))?;
                let Some(quantity) = item["quantity"].as_f64() else {
                    return fail(501, format!("Поле \"{}\" отсутствует", path("quantity")));
                };
                if (price as f64 * quantity - amount as f64).abs() > 1.0 {
                    return fail(16, "Неверная сумма");
                }
                word(&item["tax"]["type"], &path("tax.type"), &TAXES)?;
                if !item["imcParams"].is_null() {
                    if config.ffd != "1.2" {
                        return fail(413, "Не поддерживается в данной версии ФФД");
                    }
                    word(&item["imcParams"]["imc"], &path("imcParams.imc"), &[])?;
                }
                if config.ffd == "1.2" && item["measurementUnit"].is_null() {
                    return fail(412, "Некорректная единица измерения");
                }
                total += amount;
            }
            Some("additionalAttribute") => key = item["value"].as_str().map(str::to_owned),
            Some(_) => {}
            None => return fail(501, format!("Поле \"{}\" отсутствует", path("type"))),
        }
    }
    Ok((total, key))
}

fn slip(task: &Value) -> Result<(), Failure> {
    let Some(items) = task["items"].as_array() else {
        return fail(501, "Поле \"items\" отсутствует");
    };
    for item in items {
        match item["type"].as_str() {
            Some("text") => {
                word(&item["text"], "text", &[])?;
            }
            Some("barcode") => {
                word(&item["barcode"], "barcode", &[])?;
                word(
                    &item["barcodeType"],
                    "barcodeType",
                    &["QR", "EAN13", "CODE128"],
                )?;
            }
            _ => return fail(501, "Некорректное значение поля \"items.type\""),
        }
    }
    Ok(())
}
