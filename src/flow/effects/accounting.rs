//! One retail report a closed shift in the accounting system.

use super::{Kind, parse};
use crate::{
    domain::{
        event::Body,
        payment::Tender,
        receipt::{Receipt, ReceiptKind, Registered},
    },
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The effect's kind.
pub const KIND: &str = "accounting.shift_report";

/// What is asked: everything that was sold, paid and returned in one shift of one till.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Our store id.
    pub store_id: String,
    /// Registration number of the till (tag 1037).
    pub registration_number: String,
    /// Number of the shift (tag 1038).
    pub shift_number: u32,
    /// Local date and time of the Z report, `YYYY-MM-DDTHH:MM:SS`.
    pub closed_local: String,
    /// What was sold.
    pub sales: Vec<ReportLine>,
    /// How it was paid, all tenders.
    pub payments: Vec<TenderTotal>,
    /// What was returned.
    pub returns: Vec<ReportLine>,
    /// How it was given back, all tenders.
    pub return_payments: Vec<TenderTotal>,
}

/// A dish at a price, summed up over the shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLine {
    /// Our id of the dish; mapped to the accounting system's item by configuration.
    pub dish_id: String,
    /// Name in the store's language, for people.
    pub name: String,
    /// Thousandths of the unit.
    pub quantity_milli: i64,
    /// Price of one unit, minor units.
    pub price_minor: i64,
    /// Minor units.
    pub sum_minor: i64,
    /// VAT rate: `none`, `vat0`, `vat5`, `vat7`, `vat10`, `vat20` or `vat22`.
    pub vat: String,
    /// Local date (`YYYY-MM-DD`) of the sale that is returned; only in returns, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_on: Option<String>,
    /// Fiscal receipt of the sale that is returned; only in returns, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_by_receipt: Option<String>,
}

/// A sum by tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderTotal {
    /// The tender's word: `cash`, `card_terminal`, `sbp_qr` …
    pub tender: String,
    /// Minor units.
    pub sum_minor: i64,
}

impl Request {
    /// Sales less returns, minor units.
    #[must_use]
    pub fn net_minor(&self) -> i64 {
        let sum = |lines: &[ReportLine]| lines.iter().map(|l| l.sum_minor).sum::<i64>();
        sum(&self.sales) - sum(&self.returns)
    }

    /// The report of a closed shift, from its receipts; none when there were none. `sale_behind` finds the sale
    /// that a return belongs to.
    #[must_use]
    pub fn of_shift(
        store_id: &str,
        registration_number: &str,
        shift_number: u32,
        closed_local: &str,
        receipts: &[Receipt],
        sale_behind: impl Fn(&Receipt) -> Option<Registered>,
    ) -> Option<Self> {
        if receipts.is_empty() {
            return None;
        }
        let side = |kind: ReceiptKind| {
            let mut lines: BTreeMap<_, ReportLine> = BTreeMap::new();
            let mut tenders: BTreeMap<Tender, i64> = BTreeMap::new();
            for receipt in receipts.iter().filter(|r| r.draft.kind == kind) {
                let draft = &receipt.draft;
                let sale = match kind {
                    ReceiptKind::Sale => None,
                    ReceiptKind::SaleReturn => sale_behind(receipt),
                };
                let sold_on = sale
                    .as_ref()
                    .and_then(|s| s.local_time.get(..10).map(str::to_owned));
                let sold_by_receipt = sale.as_ref().map(|s| s.document_number.to_string());
                for l in &draft.lines {
                    let row = lines
                        .entry((
                            l.dish_id.0.clone(),
                            l.price_minor,
                            l.vat,
                            sold_by_receipt.clone(),
                        ))
                        .or_insert_with(|| ReportLine {
                            dish_id: l.dish_id.0.clone(),
                            name: l.name.clone(),
                            quantity_milli: 0,
                            price_minor: l.price_minor,
                            sum_minor: 0,
                            vat: l.vat.word().to_owned(),
                            sold_on: sold_on.clone(),
                            sold_by_receipt: sold_by_receipt.clone(),
                        });
                    row.quantity_milli += l.quantity_milli;
                    row.sum_minor += l.sum_minor;
                }
                for (tender, sum) in &draft.tenders {
                    *tenders.entry(*tender).or_default() += sum;
                }
            }
            let tenders = tenders
                .into_iter()
                .map(|(tender, sum_minor)| TenderTotal {
                    tender: tender.word().to_owned(),
                    sum_minor,
                })
                .collect();
            (lines.into_values().collect(), tenders)
        };
        let (sales, payments) = side(ReceiptKind::Sale);
        let (returns, return_payments) = side(ReceiptKind::SaleReturn);
        Some(Self {
            store_id: store_id.to_owned(),
            registration_number: registration_number.to_owned(),
            shift_number,
            closed_local: closed_local.to_owned(),
            sales,
            payments,
            returns,
            return_payments,
        })
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The document's key there (UUID v5 of our key).
    pub ref_key: String,
    /// The number it got there.
    pub number: String,
    /// Its total there, minor units.
    pub total_minor: i64,
}

/// What follows.
pub(super) struct Accounting;

impl Kind for Accounting {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "A shift's report is not in the accounting system"
    }

    fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_hours(1)
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let request: Request = parse(&row.request)?;
        let posted: Posted = parse(result)?;
        Ok(vec![Body::AccountingPosted {
            shift: request.shift_number,
            ref_key: posted.ref_key,
            number: posted.number,
            total_minor: request.net_minor(),
        }])
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        let _ = (row, refusal);
        Vec::new()
    }
}
