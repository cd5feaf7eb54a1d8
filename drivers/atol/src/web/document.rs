//! Documents of the fiscal drive, as the web server tells them, in the words of the trait.

use crate::json::{
    Kopecks,
    answer::{FiscalParams, FnDocumentAnswer, Movement, Totals},
};
use galley_fiscal::{
    CashCounters, Document, FiscalRecord, KindTotal, ReceiptKind, RecordKind, ShiftTotals,
    recovery::{Found, KeyEvidence},
};
use serde_json::Value;

/// What a document is, once it is registered.
pub(super) fn kind_of(document: &Document) -> RecordKind {
    match document {
        Document::ShiftOpen(_) => RecordKind::ShiftOpen,
        Document::ShiftClose(_) => RecordKind::ShiftClose,
        Document::Receipt(r) => RecordKind::Receipt(r.kind),
        Document::Correction(c) => RecordKind::Correction(c.receipt.kind),
        Document::CashIn(_) => RecordKind::CashIn,
        Document::CashOut(_) => RecordKind::CashOut,
    }
}

/// Whether it moves money without a document of the drive.
pub(super) fn is_cash(document: &Document) -> bool {
    matches!(document, Document::CashIn(_) | Document::CashOut(_))
}

/// The vendor's time with a zone, to the minute. The zone is dropped: the time before it is the printer's own.
pub(super) fn to_minute(iso: &str) -> String {
    iso.get(..16).unwrap_or(iso).to_owned()
}

/// The same, to the second.
pub(super) fn to_second(iso: &str) -> String {
    iso.get(..19).unwrap_or(iso).to_owned()
}

/// Its date; none when it says none.
pub(super) fn to_date(iso: &str) -> Option<String> {
    iso.get(..10).map(str::to_owned)
}

/// The record of a success; `None` when the answer lacks what a record needs.
pub(super) fn record_of_params(
    document: &Document,
    params: &FiscalParams,
    printed: Option<bool>,
) -> Option<FiscalRecord> {
    let receipt = document.receipt();
    Some(FiscalRecord {
        kind: kind_of(document),
        document_number: Some(params.fiscal_document_number).filter(|n| *n != 0)?,
        fiscal_sign: params.fiscal_document_sign.trim().parse().ok()?,
        drive_number: params.fn_number.clone(),
        registration_number: Some(params.registration_number.trim().to_owned())
            .filter(|n| !n.is_empty()),
        shift_number: params.shift_number,
        receipt_number: receipt.and(params.fiscal_receipt_number),
        local_time: to_minute(&params.fiscal_document_date_time),
        total_minor: receipt.and_then(|r| params.total.map(|t| t.0).or_else(|| r.total_minor())),
        key: Some(document.key().to_owned()),
        printed,
    })
}

/// A document read back from the drive. `None` when it can't be told what it is.
pub(super) fn found(
    answer: &FnDocumentAnswer,
    number: u32,
    drive_number: &str,
    wanted: Option<&Document>,
) -> Option<Found> {
    let tags = &answer.document_tlv;
    let number_of = |tag: &str| tags.get(tag).and_then(Value::as_u64);
    let small = |tag: &str| number_of(tag).and_then(|n| u32::try_from(n).ok());
    let text = |tag: &str| tags.get(tag).and_then(Value::as_str).map(str::trim);
    if small("1040").is_some_and(|n| n != number) {
        return None;
    }
    let sign = number_of("1054")
        .and_then(|n| u8::try_from(n).ok())
        .and_then(ReceiptKind::from_number);
    let kind = match (text("fiscalDocumentType")?, sign) {
        ("receipt" | "bso", Some(kind)) => RecordKind::Receipt(kind),
        ("receiptCorrection" | "bsoCorrection", Some(kind)) => RecordKind::Correction(kind),
        ("openShift", _) => RecordKind::ShiftOpen,
        ("closeShift", _) => RecordKind::ShiftClose,
        ("registration", _) => RecordKind::Other(1),
        ("closeArchive", _) => RecordKind::Other(6),
        ("changeRegistrationParameters", _) => RecordKind::Other(11),
        ("ofdExchangeStatus", _) => RecordKind::Other(21),
        _ => return None,
    };
    let short = tags.get("short") == Some(&Value::Bool(true));
    let total = tags
        .get("1020")
        .and_then(|v| serde_json::from_value::<Kopecks>(v.clone()).ok())
        .map(|k| k.0);
    let key = match text("1192") {
        Some(key) if !key.is_empty() => KeyEvidence::Present(key.to_owned()),
        // In the short form the drive gives no tags, so an absent one means nothing.
        _ if short => KeyEvidence::Unread,
        _ => KeyEvidence::Absent,
    };
    Some(Found {
        record: FiscalRecord {
            kind,
            document_number: number,
            fiscal_sign: text("1077").and_then(fiscal_sign).unwrap_or(0),
            drive_number: drive_number.to_owned(),
            registration_number: text("1037").map(str::to_owned),
            shift_number: small("1038"),
            receipt_number: small("1042"),
            local_time: text("1012").map(to_minute).unwrap_or_default(),
            total_minor: if short {
                whole_roubles(total, wanted)
            } else {
                total
            },
            key: match &key {
                KeyEvidence::Present(key) => Some(key.clone()),
                _ => None,
            },
            printed: None,
        },
        key,
    })
}

/// In the short form the vendor's script reads the total as an integer, so its kopecks are lost (seen in its text).
/// A total that agrees with the wanted one as far as it goes is taken for it: to miss our own document would print a
/// second one.
fn whole_roubles(total: Option<i64>, wanted: Option<&Document>) -> Option<i64> {
    let total = total?;
    let ours = wanted
        .and_then(Document::receipt)
        .and_then(galley_fiscal::Receipt::total_minor);
    match ours {
        Some(ours) if total % 100 == 0 && (ours - total).abs() < 100 => Some(ours),
        _ => Some(total),
    }
}

/// Tag 1077 as hexadecimal digits: the sign is in the last four bytes, most significant first.
fn fiscal_sign(hex: &str) -> Option<u32> {
    let tail = hex.get(hex.len().saturating_sub(8)..)?;
    u32::from_str_radix(tail, 16).ok()
}

/// What the printer has counted of its drawer; `None` where it doesn't count.
pub(super) fn cash(totals: &Totals) -> Option<CashCounters> {
    let of = |m: &Movement| Some((m.count?, m.sum?.0));
    let (ins, in_minor) = of(&totals.income)?;
    let (outs, out_minor) = of(&totals.outcome)?;
    Some(CashCounters {
        ins,
        in_minor,
        outs,
        out_minor,
        drawer_minor: totals.cash_drawer.sum.map_or(0, |s| s.0),
    })
}

/// The totals of a shift.
pub(super) fn shift_totals(totals: &Totals, shift_number: u32) -> ShiftTotals {
    const KINDS: [(&str, ReceiptKind); 4] = [
        ("sell", ReceiptKind::Sale),
        ("sellReturn", ReceiptKind::SaleReturn),
        ("buy", ReceiptKind::Purchase),
        ("buyReturn", ReceiptKind::PurchaseReturn),
    ];
    ShiftTotals {
        shift_number: totals.shift_number.unwrap_or(shift_number),
        with_corrections: false,
        receipts: KINDS
            .iter()
            .filter_map(|(name, kind)| {
                let sums = totals.receipts.get(*name)?;
                Some(KindTotal {
                    kind: *kind,
                    count: sums.count.unwrap_or(0),
                    sum_minor: sums.sum.0,
                    tenders: sums
                        .payments
                        .iter()
                        .filter_map(|(word, sum)| {
                            Some((crate::json::words::tender_of(word)?, sum.0))
                        })
                        .collect(),
                })
            })
            .collect(),
        cash: cash(totals).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(value: Value) -> FnDocumentAnswer {
        serde_json::from_value(json!({ "documentTLV": value })).unwrap()
    }

    #[test]
    fn a_document_is_read_with_its_tags() {
        let a = answer(
            json!({"fiscalDocumentType":"receipt","short":false,"1012":"2026-11-22T12:00:00+00:00",
            "1020":799.5,"1040":122,"1041":"9999078902004312","1042":1,"1038":13,"1054":2,"1077":"210462EE038D","1192":"k-1"}),
        );
        let f = found(&a, 122, "9999078902004312", None).unwrap();
        assert_eq!(f.key, KeyEvidence::Present("k-1".into()));
        assert_eq!(f.record.kind, RecordKind::Receipt(ReceiptKind::SaleReturn));
        // Source: atol.md 9.3, the sign of document 122.
        assert_eq!(f.record.fiscal_sign, 1_659_765_645);
        assert_eq!(f.record.total_minor, Some(79_950));
        assert_eq!(f.record.local_time, "2026-11-22T12:00");
        assert!(found(&a, 121, "9999078902004312", None).is_none());
    }

    #[test]
    fn the_documents_of_the_captured_answers_are_read() {
        // Source: atol.md 3.7, getFnDocument.
        let text = r#"{"documentTLV":{"1020":799.5,"1040":121,"1041":"9999078902004312","1054":1,
            "1059":[{"1023":2,"1030":"Суп","1079":350}],"fiscalDocumentType":"receipt","short":false},"rawData":"AA=="}"#;
        let a: FnDocumentAnswer = serde_json::from_str(text).unwrap();
        let f = found(&a, 121, "9999078902004312", None).unwrap();
        assert_eq!(f.key, KeyEvidence::Absent);
        assert_eq!(f.record.fiscal_sign, 0);
    }
}
