//! The report of a shift for people: what was sold and given back, what is in the drawer, what the printer counted,
//! and where the two differ. Pure.

use super::{
    event::Body,
    payment::Tender,
    receipt::{Receipt, ReceiptKind, Registered},
    staff::Denomination,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a printer has summed up in a shift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Of which shift.
    pub shift_number: u32,
    /// Sale receipts.
    pub sales: Side,
    /// Return receipts.
    pub returns: Side,
    /// The drawer.
    pub drawer: Drawer,
}

/// Receipts of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// How many.
    pub count: u32,
    /// Their sum, minor units.
    pub sum_minor: i64,
    /// In cash (tag 1031).
    pub cash_minor: i64,
    /// Cashless (tag 1081).
    pub electronic_minor: i64,
    /// Otherwise (tags 1215 to 1217).
    pub other_minor: i64,
}

/// Cash in the drawer as the printer counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawer {
    /// How often money was put in.
    pub ins: u32,
    /// Sum of it, minor units.
    pub in_minor: i64,
    /// How often money was taken out.
    pub outs: u32,
    /// Sum of it, minor units.
    pub out_minor: i64,
    /// Cash that is there, minor units.
    pub cash_minor: i64,
}

/// Money put into the drawer or taken out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashMove {
    /// Our key of the act.
    pub key: String,
    /// Which way.
    pub direction: Direction,
    /// Minor units, above zero.
    pub sum_minor: i64,
    /// Who did it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// Into the drawer or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In (внесение).
    In,
    /// Out (выплата, инкассация).
    Out,
}

/// The drawer as a person counted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawerCount {
    /// In which shift.
    pub shift: u32,
    /// What lay there.
    pub denominations: Vec<Denomination>,
    /// Sum of it, minor units.
    pub counted_minor: i64,
    /// What Galley's books said at that moment, minor units.
    pub expected_minor: i64,
    /// What the person says of a difference.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A count of the drawer, and who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountEntry {
    /// When.
    pub at: Timestamp,
    /// Who, as the log names them.
    pub who: String,
    /// What.
    #[serde(flatten)]
    pub count: DrawerCount,
}

/// What is kept of a shift besides its receipts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Folder {
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// The document that opened it.
    pub opened: Option<Registered>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The Z report.
    pub closed: Option<Registered>,
    /// The printer's counters when it was opened.
    pub start: Option<Counters>,
    /// The printer's counters at the last X report, or before the Z report.
    pub end: Option<Counters>,
    /// When they were read.
    pub counted_at: Option<Timestamp>,
    /// Money into the drawer and out of it.
    pub cash: Vec<CashEntry>,
    /// Counts of the drawer, the last one last.
    pub counts: Vec<CountEntry>,
}

/// A movement of cash that the printer has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub cash: CashMove,
}

/// The report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftReport {
    /// Number of the shift.
    pub shift: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it was closed; none while it is open.
    pub closed_at: Option<Timestamp>,
    /// Serial number of the fiscal drive.
    pub drive_number: Option<String>,
    /// Registration number of the till.
    pub registration_number: Option<String>,
    /// Fiscal document of the opening.
    pub opening_document: Option<u32>,
    /// Fiscal document of the Z report.
    pub closing_document: Option<u32>,
    /// Sales, corrections included.
    pub sales: Sum,
    /// Returns.
    pub returns: Sum,
    /// Of the sales: correction receipts.
    pub corrections: Sum,
    /// Of the returns: correction receipts, which take wrong receipts back.
    #[serde(default)]
    pub return_corrections: Sum,
    /// Sales less returns, minor units.
    pub net_minor: i64,
    /// The drawer by Galley's books.
    pub drawer: DrawerReport,
    /// The printer's counters when the shift was opened.
    pub start: Option<Counters>,
    /// The printer's counters at the end, or at the last reading.
    pub end: Option<Counters>,
    /// When those were read.
    pub counted_at: Option<Timestamp>,
    /// What Galley and the printer say differently; empty when they agree, or when the printer was not asked.
    pub differences: Vec<Difference>,
}

/// Receipts of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u32,
    /// Minor units.
    pub sum_minor: i64,
    /// By tender.
    pub tenders: Vec<TenderSum>,
}

/// A sum by tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderSum {
    /// Which.
    pub tender: Tender,
    /// Minor units.
    pub sum_minor: i64,
}

/// The drawer by Galley's books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawerReport {
    /// What lay in it when the shift was opened, by the printer; none when it did not say.
    pub start_minor: Option<i64>,
    /// Cash from sales.
    pub sales_minor: i64,
    /// Cash given back on returns.
    pub returns_minor: i64,
    /// Put in.
    pub in_minor: i64,
    /// Taken out.
    pub out_minor: i64,
    /// What must lie in it; counted from nothing when the start is not known.
    pub expected_minor: i64,
    /// Each movement.
    pub moves: Vec<CashEntry>,
    /// Counts by people, the last one last.
    #[serde(default)]
    pub counts: Vec<CountEntry>,
}

/// Galley and the printer differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In what, a stable word.
    pub code: String,
    /// In a sentence.
    pub what: String,
    /// By Galley's books.
    pub galley: i64,
    /// By the printer's.
    pub printer: i64,
    /// Both are money, minor units; otherwise they are counts.
    pub money: bool,
}

impl Folder {
    /// Takes in what happened in the shift.
    pub fn file(&mut self, at: Timestamp, body: &Body) {
        let mut count = |counters: &Option<Box<Counters>>| {
            if let Some(counters) = counters {
                self.end = Some(Counters::clone(counters));
                self.counted_at = Some(at);
            }
        };
        match body {
            Body::ShiftOpened {
                registered,
                counters,
                ..
            } => {
                self.opened_at = Some(at);
                self.opened = Some(registered.clone());
                self.start = counters.as_deref().cloned();
            }
            Body::ShiftClosed {
                registered,
                counters,
                ..
            } => {
                count(counters);
                self.closed_at = Some(at);
                self.closed = Some(registered.clone());
                // Counters of an X report in between are no end of the shift.
                if counters.is_none() {
                    self.end = None;
                    self.counted_at = None;
                }
            }
            Body::ShiftCounted { counters } => count(&Some(counters.clone())),
            Body::CashMoved { cash, .. } => self.cash.push(CashEntry {
                at,
                cash: cash.clone(),
            }),
            _ => {}
        }
    }
}

impl ShiftReport {
    /// The report of shift `shift` from what is kept of it and its registered receipts. `live` are counters that were
    /// read just now, for a shift that is still open.
    #[must_use]
    pub fn of(
        shift: u32,
        folder: &Folder,
        receipts: &[Receipt],
        live: Option<(Timestamp, Counters)>,
    ) -> Self {
        let sum = |wanted: &dyn Fn(&Receipt) -> bool| {
            let mut total = Sum::default();
            let mut tenders: BTreeMap<Tender, i64> = BTreeMap::new();
            for receipt in receipts.iter().filter(|r| wanted(r)) {
                total.count += 1;
                total.sum_minor += receipt.draft.total_minor;
                for (tender, part) in &receipt.draft.tenders {
                    *tenders.entry(*tender).or_default() += part;
                }
            }
            total.tenders = tenders
                .into_iter()
                .map(|(tender, sum_minor)| TenderSum { tender, sum_minor })
                .collect();
            total
        };
        let sales = sum(&|r| r.draft.kind == ReceiptKind::Sale);
        let returns = sum(&|r| r.draft.kind == ReceiptKind::SaleReturn);
        let corrected =
            |kind| move |r: &Receipt| r.draft.kind == kind && r.draft.is_correction_form();
        let corrections = sum(&corrected(ReceiptKind::Sale));
        let return_corrections = sum(&corrected(ReceiptKind::SaleReturn));
        let moved = |way: Direction| -> i64 {
            let of_way = folder.cash.iter().filter(|m| m.cash.direction == way);
            of_way.map(|m| m.cash.sum_minor).sum()
        };
        let start_minor = folder.start.as_ref().map(|c| c.drawer.cash_minor);
        let mut drawer = DrawerReport {
            start_minor,
            sales_minor: sales.by(Tender::Cash),
            returns_minor: returns.by(Tender::Cash),
            in_minor: moved(Direction::In),
            out_minor: moved(Direction::Out),
            expected_minor: 0,
            moves: folder.cash.clone(),
            counts: folder.counts.clone(),
        };
        drawer.expected_minor =
            start_minor.unwrap_or(0) + drawer.sales_minor - drawer.returns_minor + drawer.in_minor
                - drawer.out_minor;
        let (counted_at, end) = match live {
            Some((at, counters)) if folder.closed_at.is_none() => (Some(at), Some(counters)),
            _ => (folder.counted_at, folder.end.clone()),
        };
        let document = |r: &Option<Registered>| r.as_ref().map(|r| r.document_number);
        let any = folder.closed.as_ref().or(folder.opened.as_ref());
        let mut report = Self {
            shift,
            opened_at: folder.opened_at,
            closed_at: folder.closed_at,
            drive_number: any.map(|r| r.drive_number.clone()),
            registration_number: any.and_then(|r| r.registration_number.clone()),
            opening_document: document(&folder.opened),
            closing_document: document(&folder.closed),
            net_minor: sales.sum_minor - returns.sum_minor,
            sales,
            returns,
            corrections,
            return_corrections,
            drawer,
            start: folder.start.clone(),
            end,
            counted_at,
            differences: Vec::new(),
        };
        if let Some(end) = report.end.clone() {
            report.differences = report.compare(&end);
        }
        report
    }

    fn compare(&self, printer: &Counters) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut differ = |code: &str, what: &str, galley: i64, printer: i64, money: bool| {
            if galley != printer {
                differences.push(Difference {
                    code: code.to_owned(),
                    what: what.to_owned(),
                    galley,
                    printer,
                    money,
                });
            }
        };
        if printer.shift_number != self.shift {
            differ(
                "shift",
                "the printer counts another shift",
                i64::from(self.shift),
                i64::from(printer.shift_number),
                false,
            );
            return differences;
        }
        // Printers differ in whether a correction counts among the sales and returns of a shift.
        let apart = |ours: &Sum, theirs: &Side, corrections: &Sum| {
            let counted_apart = theirs.count + corrections.count == ours.count
                && theirs.sum_minor + corrections.sum_minor == ours.sum_minor;
            if counted_apart {
                let cash = corrections.by(Tender::Cash);
                (i64::from(corrections.count), cash, corrections.cashless())
            } else {
                (0, 0, 0)
            }
        };
        let (apart_sales, apart_cash, apart_rest) =
            apart(&self.sales, &printer.sales, &self.corrections);
        let (apart_returns, back_cash, back_rest) =
            apart(&self.returns, &printer.returns, &self.return_corrections);
        let counts = [
            (
                "sales_count",
                "sale receipts",
                &self.sales,
                printer.sales,
                apart_sales,
            ),
            (
                "returns_count",
                "return receipts",
                &self.returns,
                printer.returns,
                apart_returns,
            ),
        ];
        for (code, what, ours, theirs, less) in counts {
            differ(
                code,
                what,
                i64::from(ours.count) - less,
                i64::from(theirs.count),
                false,
            );
        }
        let sums = [
            (
                "sales_cash",
                "sales in cash",
                self.sales.by(Tender::Cash) - apart_cash,
                printer.sales.cash_minor,
            ),
            (
                "sales_electronic",
                "cashless sales",
                self.sales.cashless() - apart_rest,
                printer.sales.electronic_minor,
            ),
            (
                "sales_other",
                "sales by advance, credit or otherwise",
                self.sales.by(Tender::LoyaltyPoints),
                printer.sales.other_minor,
            ),
            (
                "returns_cash",
                "returns in cash",
                self.returns.by(Tender::Cash) - back_cash,
                printer.returns.cash_minor,
            ),
            (
                "returns_electronic",
                "cashless returns",
                self.returns.cashless() - back_rest,
                printer.returns.electronic_minor,
            ),
            (
                "returns_other",
                "returns by advance, credit or otherwise",
                self.returns.by(Tender::LoyaltyPoints),
                printer.returns.other_minor,
            ),
            (
                "cash_in",
                "money put into the drawer",
                self.drawer.in_minor,
                printer.drawer.in_minor,
            ),
            (
                "cash_out",
                "money taken out of the drawer",
                self.drawer.out_minor,
                printer.drawer.out_minor,
            ),
        ];
        for (code, what, ours, theirs) in sums {
            differ(code, what, ours, theirs, true);
        }
        if self.drawer.start_minor.is_some() {
            // Whether a correction in cash moves the printer's drawer is the printer's own way too, whatever it
            // counts it as.
            let expected = self.drawer.expected_minor;
            let without = expected - self.corrections.by(Tender::Cash)
                + self.return_corrections.by(Tender::Cash);
            differ(
                "drawer",
                "cash in the drawer",
                if printer.drawer.cash_minor == without {
                    without
                } else {
                    expected
                },
                printer.drawer.cash_minor,
                true,
            );
        }
        differences
    }
}

impl Sum {
    fn by(&self, tender: Tender) -> i64 {
        let of = self.tenders.iter().filter(|t| t.tender == tender);
        of.map(|t| t.sum_minor).sum()
    }

    fn cashless(&self) -> i64 {
        self.sum_minor - self.by(Tender::Cash) - self.by(Tender::LoyaltyPoints)
    }
}

#[cfg(test)]
#[path = "shift_report_tests.rs"]
mod tests;
