//! What can be asked of a printer, and how a request says it.

use super::{dropin::Query, http::placed, journal::Trouble};
use galley_fiscal::{Document, Receipt, ReceiptKind, Slip};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Longest key of a document.
const LONGEST_KEY: usize = 64;
/// Longest key that the fiscal drive keeps (tag 1192).
const LONGEST_TAG: usize = 16;
/// Longest name of a line (tag 1030). [source: FFD 1.2, table 20]
const LONGEST_NAME: usize = 128;
/// The zone in which a day begins first is so far ahead of UTC, ms.
const EARLIEST_ZONE_MS: i64 = 14 * 3_600_000;

/// Kinds of documents.
pub(super) const KINDS: [&str; 11] = [
    "receipt",
    "correction",
    "shift_open",
    "shift_close",
    "cash_in",
    "cash_out",
    "x_report",
    "copy",
    "slip",
    "drawer",
    "continue_print",
];

/// What is asked of a printer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// A document of the law. It is done once, whatever happens.
    Fiscal(Box<Document>),
    /// Paper that is no document. A repeat costs paper only, so one that was cut off is done again.
    Paper(Paper),
    /// A task of the vendor's face that registers nothing.
    Vendor(Box<Query>),
}

/// Paper that is no document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "document", rename_all = "snake_case", deny_unknown_fields)]
pub enum Paper {
    /// The X report.
    XReport {},
    /// A copy of the last document.
    Copy {},
    /// A slip.
    Slip {
        /// What is on it.
        slip: Slip,
    },
    /// The drawer is opened.
    Drawer {},
    /// The rest of a document whose paper ended.
    ContinuePrint {},
}

/// What a document is asked with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A document that is not begun within so many seconds is called off: a guest doesn't wait for ever.
    pub give_up_after_s: Option<u32>,
    /// The printer checks the marked units of a receipt before anything is registered; one that its check speaks against
    /// is not sold.
    pub check_marking: bool,
}

/// A request to print something, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// The printer it names.
    pub device: Option<String>,
    /// How.
    pub options: Options,
    /// What.
    pub task: Task,
}

/// Whether text can be the key of a document.
#[must_use]
pub fn valid_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= LONGEST_KEY
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// The key as the fiscal drive keeps it: as it is where it fits, else 64 bits of its SHA-256.
#[must_use]
pub fn tag_1192(key: &str) -> String {
    if key.len() <= LONGEST_TAG {
        return key.to_owned();
    }
    Sha256::digest(key.as_bytes())
        .iter()
        .take(LONGEST_TAG / 2)
        .map(|b| format!("{b:02x}"))
        .collect()
}

impl Asked {
    /// Reads a body of `PUT /v1/fiscal/documents/{key}`. A document's own `key` may be left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(key: &str, body: &Value) -> Result<Self, Trouble> {
        let Value::Object(fields) = body else {
            return Err(wrong("the body must be a JSON object".to_owned()));
        };
        let mut fields = fields.clone();
        let device = match fields.remove("device") {
            None => None,
            Some(Value::String(id)) => Some(id),
            Some(_) => return Err(wrong("device: must be text".to_owned())),
        };
        let options = match fields.remove("options") {
            None => Options::default(),
            Some(value) => read_at("options", value).map_err(wrong)?,
        };
        let task = read_task(key, fields).map_err(wrong)?;
        if let Task::Fiscal(document) = &task {
            sane(document).map_err(wrong)?;
        }
        Ok(Self {
            device,
            options,
            task,
        })
    }
}

/// Whether two requests under one key ask for the same, whatever each of them leaves to be filled in. `device` is the
/// printer of one that names none.
pub(super) fn same(key: &str, device: &str, one: &Value, other: &Value) -> bool {
    let read = |request: &Value| {
        let mut asked = Asked::read(key, request).ok()?;
        asked.device.get_or_insert_with(|| device.to_owned());
        Some(asked)
    };
    one == other || matches!((read(one), read(other)), (Some(a), Some(b)) if a == b)
}

/// What is wrong with a request. The text begins with the path of the field, where one is to blame.
fn wrong(text: String) -> Trouble {
    let path = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
    let field = text.split_once(": ").map(|(field, _)| field.to_owned());
    Trouble {
        field: field.filter(|f| f.chars().all(path)),
        ..Trouble::new("invalid", text, "Correct the request.")
    }
}

/// Reads a part of a request; what is wrong with it stands behind its path.
fn read_at<T: DeserializeOwned>(at: &str, value: Value) -> Result<T, String> {
    // A list of values in the order of our fields would be taken too.
    if !value.is_object() {
        return Err(format!("{at}: must be an object"));
    }
    serde_path_to_error::deserialize(value).map_err(|e| match (at, placed(&e)) {
        ("", text) => text,
        (at, text) if e.path().iter().next().is_none() => format!("{at}: {text}"),
        (at, text) => format!("{at}.{text}"),
    })
}

fn read_task(key: &str, mut fields: Map<String, Value>) -> Result<Task, String> {
    let kind = match fields.get("document") {
        Some(Value::String(kind)) => kind.clone(),
        _ => return Err("document: say what is asked for, such as receipt".to_owned()),
    };
    match kind.as_str() {
        "receipt" | "shift_open" | "shift_close" | "cash_in" | "cash_out" => {
            fields.entry("key").or_insert_with(|| tag_1192(key).into());
        }
        "correction" => {
            if let Some(Value::Object(receipt)) = fields.get_mut("receipt") {
                receipt.entry("key").or_insert_with(|| tag_1192(key).into());
            }
        }
        "x_report" | "copy" | "slip" | "drawer" | "continue_print" => {
            return read_paper(&kind, fields).map(Task::Paper);
        }
        _ => {
            return Err(format!(
                "document: {kind:?} is none of {}",
                KINDS.join(", ")
            ));
        }
    }
    // Each kind by itself: serde forgets in which field it was when it has to look for the kind first.
    fields.remove("document");
    let body = Value::Object(fields);
    let document = match kind.as_str() {
        "receipt" => Document::Receipt(read_at("", body)?),
        "correction" => Document::Correction(read_at("", body)?),
        "shift_open" => Document::ShiftOpen(read_at("", body)?),
        "shift_close" => Document::ShiftClose(read_at("", body)?),
        "cash_in" => Document::CashIn(read_at("", body)?),
        _ => Document::CashOut(read_at("", body)?),
    };
    Ok(Task::Fiscal(Box::new(document)))
}

fn read_paper(kind: &str, mut fields: Map<String, Value>) -> Result<Paper, String> {
    if kind == "slip"
        && let Some(slip) = fields.remove("slip")
    {
        let slip: Slip = read_at("slip", slip)?;
        fields.insert("slip".to_owned(), json!(slip));
    }
    serde_json::from_value(Value::Object(fields)).map_err(|e| e.to_string())
}

/// What no printer may be asked for.
fn sane(document: &Document) -> Result<(), String> {
    let key = document.key();
    if key.is_empty() || key.chars().count() > LONGEST_TAG && document.receipt().is_some() {
        return Err(format!(
            "key: the fiscal drive keeps 1 to {LONGEST_TAG} characters"
        ));
    }
    match document {
        Document::CashIn(money) | Document::CashOut(money) if money.sum_minor <= 0 => {
            Err("sum_minor: must be above zero".to_owned())
        }
        _ => document.receipt().map_or(Ok(()), sane_receipt),
    }
}

fn sane_receipt(receipt: &Receipt) -> Result<(), String> {
    if receipt.lines.is_empty() {
        return Err("lines: at least one".to_owned());
    }
    if receipt
        .lines
        .iter()
        .any(|l| l.price_minor < 0 || l.sum_minor < 0 || l.quantity_milli <= 0)
    {
        return Err(
            "lines: prices and sums must not be negative, quantities above zero".to_owned(),
        );
    }
    let total = receipt.total_minor().ok_or("lines: the sum is too large")?;
    if receipt.tenders.iter().any(|t| t.sum_minor <= 0) {
        return Err("tenders: sums must be above zero".to_owned());
    }
    let paid = receipt
        .tenders
        .iter()
        .try_fold(0i64, |sum, t| sum.checked_add(t.sum_minor))
        .ok_or("tenders: the sum is too large")?;
    let cash: i64 = receipt
        .tenders
        .iter()
        .filter(|t| t.form == galley_fiscal::TenderForm::Cash)
        .map(|t| t.sum_minor)
        .sum();
    if paid < total {
        return Err(format!("tenders: {paid} is less than the total {total}"));
    }
    if paid - total > cash {
        return Err("tenders: change is given from cash only".to_owned());
    }
    let pays_out = matches!(
        receipt.kind,
        ReceiptKind::SaleReturn | ReceiptKind::Purchase
    );
    if pays_out && paid > total {
        return Err(format!(
            "tenders: {paid} is more than the total {total}, and nobody gives change on money that is given out"
        ));
    }
    if let Some(line) = receipt
        .lines
        .iter()
        .find(|l| l.name.chars().count() > LONGEST_NAME)
    {
        return Err(format!(
            "lines: {:?} is longer than {LONGEST_NAME} characters",
            line.name
        ));
    }
    match &receipt.buyer_contact {
        Some(contact) if !is_contact(contact) => Err(format!(
            "buyer_contact: {contact:?} is neither an e-mail address nor a phone such as +79990000000"
        )),
        _ => Ok(()),
    }
}

/// An e-mail address or a phone with its country, as the operator of fiscal data sends receipts to (tag 1008).
/// [source: FFD 1.2, table 19]
fn is_contact(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix('+') {
        return (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    }
    let plain = !text.contains(char::is_whitespace);
    plain
        && text
            .split_once('@')
            .is_some_and(|(who, at)| !who.is_empty() && at.len() > 2 && !at.contains('@'))
}

/// What is corrected happened already: no day that is still to come, wherever on Earth the till stands.
///
/// # Errors
/// The day, in words.
pub(super) fn not_to_come(task: &Task, now_ms: i64) -> Result<(), Trouble> {
    let Task::Fiscal(document) = task else {
        return Ok(());
    };
    let Document::Correction(correction) = &**document else {
        return Ok(());
    };
    let latest = jiff::Timestamp::from_millisecond(now_ms.saturating_add(EARLIEST_ZONE_MS))
        .map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string());
    match latest {
        // Days are written so that their text sorts as they do.
        Ok(latest) if correction.basis.date > latest => Err(wrong(format!(
            "basis.date: {} is still to come",
            correction.basis.date
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn receipt() -> Value {
        json!({
            "document": "receipt", "kind": "sale", "tax_system": "general",
            "lines": [{"name": "Борщ", "price_minor": 35000, "quantity_milli": 2000, "sum_minor": 70000,
                       "vat": "none", "subject": "commodity", "method": "full_payment", "unit": "piece"}],
            "tenders": [{"form": "electronic", "sum_minor": 70000}],
        })
    }

    #[test]
    fn a_receipt_gets_the_key_it_is_asked_under() {
        let asked = Asked::read("order-17", &receipt()).unwrap();
        let Task::Fiscal(document) = asked.task else {
            panic!("a receipt is fiscal");
        };
        assert_eq!(document.key(), "order-17");
        let long = Asked::read("0ba40014-5fa5-11ea-b5e9-037d4786a49d", &receipt()).unwrap();
        let Task::Fiscal(document) = long.task else {
            panic!("a receipt is fiscal");
        };
        assert_eq!(document.key().len(), 16);
    }

    #[test]
    fn what_makes_no_sense_is_told_by_name() {
        let refused = |change: fn(&mut Value)| {
            let mut body = receipt();
            change(&mut body);
            Asked::read("k", &body).unwrap_err().text
        };
        assert!(
            refused(|b| b["tenders"][0]["sum_minor"] = json!(1)).contains("less than the total")
        );
        assert!(refused(|b| b["tenders"][0]["sum_minor"] = json!(80000)).contains("change"));
        assert!(refused(|b| b["lines"] = json!([])).contains("at least one"));
        assert!(refused(|b| b["document"] = json!("cheque")).contains("cheque"));
        assert!(refused(|b| b["colour"] = json!("red")).contains("colour"));
        assert!(refused(|b| b["options"] = json!({"now": true})).contains("options"));
        assert!(refused(|b| b["key"] = json!("12345678901234567")).contains("16"));
    }

    #[test]
    fn what_the_law_or_a_printer_would_not_have_is_not_asked_of_it() {
        let refused = |change: fn(&mut Value)| {
            let mut body = receipt();
            change(&mut body);
            Asked::read("k", &body).err().map(|t| t.text)
        };
        for contact in [
            "nonsense",
            "+7",
            "+7999x000000",
            "a@b@c.ru",
            "a b@c.ru",
            "@c.ru",
        ] {
            let mut body = receipt();
            body["buyer_contact"] = json!(contact);
            let told = Asked::read("k", &body).unwrap_err().text;
            assert!(told.contains("buyer_contact"), "{told}");
        }
        assert_eq!(
            refused(|b| b["buyer_contact"] = json!("+79991234567")),
            None
        );
        assert_eq!(refused(|b| b["buyer_contact"] = json!("a@b.ru")), None);
        let long = refused(|b| b["lines"][0]["name"] = json!("я".repeat(129)));
        assert!(long.unwrap().contains("128"));
        assert_eq!(
            refused(|b| b["lines"][0]["name"] = json!("я".repeat(128))),
            None
        );
        let change = refused(|b| {
            b["kind"] = json!("sale_return");
            b["tenders"] = json!([{"form": "cash", "sum_minor": 80000}]);
        });
        assert!(change.unwrap().contains("given out"));
    }

    #[test]
    fn nothing_is_corrected_that_is_still_to_come() {
        let mut sale = receipt();
        sale.as_object_mut().unwrap().remove("document");
        let asked = |date: &str| {
            let body = json!({"document": "correction", "basis": {"by": "ourselves", "date": date}, "receipt": sale});
            Asked::read("k", &body).unwrap().task
        };
        // 2026-11-23 12:00 in Greenwich: east of there it is the next day already.
        let now = 1_795_435_200_000;
        for (date, fine) in [
            ("2026-11-20", true),
            ("2026-11-24", true),
            ("2026-11-25", false),
        ] {
            assert_eq!(not_to_come(&asked(date), now).is_ok(), fine, "{date}");
        }
    }

    #[test]
    fn the_field_that_is_wrong_is_told_by_its_path() {
        let told = |change: fn(&mut Value)| {
            let mut body = receipt();
            change(&mut body);
            let trouble = Asked::read("k", &body).unwrap_err();
            assert!(!trouble.text.is_empty());
            (trouble.field, trouble.text)
        };
        type Case = (fn(&mut Value), &'static str, &'static str);
        let cases: [Case; 7] = [
            (
                |b| b["lines"][0]["vat"] = json!("vat18"),
                "lines[0].vat",
                "vat22",
            ),
            (
                |b| b["lines"][0]["price_minor"] = json!("12.50"),
                "lines[0].price_minor",
                "12.50",
            ),
            (
                |b| {
                    b["lines"][0].as_object_mut().unwrap().remove("unit");
                },
                "lines[0]",
                "`unit`",
            ),
            (|b| b["tax_system"] = json!("osn"), "tax_system", "general"),
            (
                |b| b["options"] = json!({"give_up_after_s": -1}),
                "options.give_up_after_s",
                "-1",
            ),
            (|b| b["options"] = json!([1, true]), "options", "object"),
            (
                |b| b["tenders"][0]["sum_minor"] = json!(1),
                "tenders",
                "less",
            ),
        ];
        for (change, field, said) in cases {
            let (path, text) = told(change);
            assert_eq!(path.as_deref(), Some(field), "{text}");
            assert!(text.starts_with(field) && text.contains(said), "{text}");
        }
    }

    #[test]
    fn what_says_nothing_makes_no_other_request() {
        let with = |change: fn(&mut Value)| {
            let mut body = receipt();
            change(&mut body);
            same("k", "kkt-1", &receipt(), &body)
        };
        assert!(with(|b| b["options"] = json!({})));
        assert!(with(|b| b["options"] = json!({"check_marking": false})));
        assert!(with(|b| b["print"] = json!(true)));
        assert!(with(|b| b["operator"] = json!(null)));
        assert!(with(|b| b["device"] = json!("kkt-1")));
        assert!(!with(|b| b["device"] = json!("kkt-2")));
        assert!(!with(|b| b["options"] = json!({"give_up_after_s": 5})));
        assert!(!with(|b| b["lines"][0]["name"] = json!("Щи")));
        assert!(!with(|b| b["lines"] = json!([])));
    }

    #[test]
    fn keys_are_plain() {
        assert!(valid_key("0ba40014-5fa5-11ea-b5e9-037d4786a49d") && valid_key("till:1.2_3"));
        assert!(
            !valid_key("") && !valid_key("a/b") && !valid_key("a~b") && !valid_key(&"a".repeat(65))
        );
    }
}
