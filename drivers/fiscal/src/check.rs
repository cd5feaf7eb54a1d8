//! One look at a document before the first byte leaves, for printers of every make: what the law's format can't carry,
//! what doesn't add up, what is missing.
//!
//! Lengths are those of the format's tables. [memory: the federal tax service's order on formats; the numbers that the
//! protocol pages confirm are 1030 (128), 1021 and 1008 (64), 1192 (16)]

use crate::{
    Agent, Attribute, Correction, CorrectionBy, Document, Ffd, FiscalError, Industry, Line,
    MarkingStatus, Operator, Receipt, ReceiptKind, SettlementSubject, Supplier, TenderForm,
    VatRate, sum_of,
};
use std::fmt;

/// What a printer can register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The format it registers.
    pub ffd: Ffd,
    /// The rates it knows.
    pub vat: Vec<VatRate>,
    /// Whether marked goods can be registered through this back end.
    pub marking: bool,
    /// Whether a person must be named: not where the printer is registered in an automatic device.
    pub operator_needed: bool,
    /// Whether a receipt without paper must say where it goes (tag 1008).
    pub contact_needed: bool,
}

/// Something that keeps a document from being registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFault {
    /// The line it is in, from 0.
    pub line: Option<usize>,
    /// The tag.
    pub tag: u16,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It must be there.
    Missing,
    /// It is longer than the format allows.
    TooLong {
        /// Characters at most.
        most: usize,
    },
    /// It has other signs than the format allows.
    Form {
        /// What it must be.
        wanted: &'static str,
    },
    /// It must be above zero, or below what it is.
    Amount,
    /// `price × quantity` is another sum.
    Sum {
        /// What the line says.
        said: i64,
        /// What it comes to.
        is: Option<i64>,
    },
    /// The tenders come to less than the total.
    NotPaid,
    /// Tenders that are no cash come to more than the total, or there is change where none can be given.
    Overpaid,
    /// The printer doesn't know this rate.
    Rate(VatRate),
    /// The printer's format can't carry it.
    Format {
        /// The format that can.
        needs: Ffd,
    },
    /// This back end or printer can't register marked goods.
    Marking,
    /// The subject of a marked unit is 31 or 33, and of nothing else.
    Subject,
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {}, ", line + 1)?;
        }
        write!(f, "tag {}: ", self.tag)?;
        match &self.why {
            Why::Missing => f.write_str("is missing"),
            Why::TooLong { most } => write!(f, "is longer than {most} characters"),
            Why::Form { wanted } => write!(f, "must be {wanted}"),
            Why::Amount => f.write_str("is out of range"),
            Why::Sum { said, is: Some(is) } => {
                write!(f, "the sum {said} is not price × quantity, which is {is}")
            }
            Why::Sum { said, is: None } => {
                write!(
                    f,
                    "the sum {said} is not price × quantity, which no sum can hold"
                )
            }
            Why::NotPaid => f.write_str("the tenders come to less than the total"),
            Why::Overpaid => f.write_str(
                "the tenders come to more than the total, and the rest is no change in cash",
            ),
            Why::Rate(rate) => write!(f, "the printer has no VAT rate {rate:?}"),
            Why::Format { needs } => write!(f, "needs the fiscal data format {}", number(*needs)),
            Why::Marking => f.write_str("marked goods can't be registered here"),
            Why::Subject => f.write_str("the settlement subject and the marking don't agree"),
        }
    }
}

fn number(ffd: Ffd) -> &'static str {
    match ffd {
        Ffd::V105 => "1.05",
        Ffd::V11 => "1.1",
        Ffd::V12 => "1.2",
    }
}

/// Everything that is wrong with a document.
#[must_use]
pub fn faults(document: &Document, rules: &Rules) -> Vec<DocumentFault> {
    let mut look = Look {
        rules,
        line: None,
        found: Vec::new(),
    };
    match document {
        Document::ShiftOpen(d) | Document::ShiftClose(d) => look.operator(d.operator.as_ref()),
        Document::CashIn(d) | Document::CashOut(d) => {
            look.operator(d.operator.as_ref());
            if d.sum_minor <= 0 {
                look.fault(1031, Why::Amount);
            }
        }
        Document::Receipt(receipt) => look.receipt(receipt),
        Document::Correction(correction) => look.correction(correction),
    }
    look.found
}

/// The same as an answer for a driver's caller.
///
/// # Errors
/// [`FiscalError::Unsupported`] with all that is wrong in one sentence.
pub fn check(document: &Document, rules: &Rules) -> Result<(), FiscalError> {
    let found: Vec<String> = faults(document, rules)
        .iter()
        .map(ToString::to_string)
        .collect();
    if found.is_empty() {
        Ok(())
    } else {
        Err(FiscalError::Unsupported(format!(
            "the document can't be registered: {}",
            found.join("; ")
        )))
    }
}

struct Look<'a> {
    rules: &'a Rules,
    line: Option<usize>,
    found: Vec<DocumentFault>,
}

impl Look<'_> {
    fn fault(&mut self, tag: u16, why: Why) {
        self.found.push(DocumentFault {
            line: self.line,
            tag,
            why,
        });
    }

    /// A text that must say something and fit.
    fn text(&mut self, tag: u16, text: &str, most: usize) {
        if text.trim().is_empty() {
            self.fault(tag, Why::Missing);
        } else if text.chars().count() > most {
            self.fault(tag, Why::TooLong { most });
        }
    }

    fn maybe(&mut self, tag: u16, text: Option<&String>, most: usize) {
        if let Some(text) = text {
            self.text(tag, text, most);
        }
    }

    /// A tax number: 10 digits of an organisation, 12 of a person.
    fn inn(&mut self, tag: u16, inn: Option<&String>) {
        let Some(inn) = inn else { return };
        if !matches!(inn.len(), 10 | 12) || !inn.bytes().all(|b| b.is_ascii_digit()) {
            let wanted = "10 or 12 digits";
            self.fault(tag, Why::Form { wanted });
        }
    }

    fn phones(&mut self, tag: u16, phones: &[String]) {
        for phone in phones {
            self.text(tag, phone, 19);
        }
    }

    fn needs(&mut self, tag: u16, needs: Ffd) {
        if self.rules.ffd < needs {
            self.fault(tag, Why::Format { needs });
        }
    }

    fn operator(&mut self, operator: Option<&Operator>) {
        match operator {
            Some(who) => {
                self.text(1021, &who.name, 64);
                self.inn(1203, who.inn.as_ref());
            }
            None if self.rules.operator_needed => self.fault(1021, Why::Missing),
            None => {}
        }
    }

    fn receipt(&mut self, receipt: &Receipt) {
        let key = &receipt.key;
        if key.is_empty() || key.len() > 16 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            let wanted = "1 to 16 visible ASCII characters";
            self.fault(1192, Why::Form { wanted });
        }
        self.operator(receipt.operator.as_ref());
        self.maybe(1008, receipt.buyer_contact.as_ref(), 64);
        if self.rules.contact_needed && !receipt.print && receipt.buyer_contact.is_none() {
            self.fault(1008, Why::Missing);
        }
        let details = &receipt.details;
        self.maybe(1227, details.buyer_name.as_ref(), 256);
        self.inn(1228, details.buyer_inn.as_ref());
        self.maybe(1187, details.place.as_ref(), 256);
        self.maybe(1009, details.address.as_ref(), 256);
        self.maybe(1036, details.machine_number.as_ref(), 20);
        if let Some(Attribute { name, value }) = &details.user_attribute {
            self.text(1085, name, 64);
            self.text(1086, value, 256);
        }
        self.industry(1261, &details.industry);
        if let Some(operation) = &details.operation {
            self.needs(1270, Ffd::V12);
            self.text(1272, &operation.data, 64);
            self.text(1273, &operation.at, 19);
        }
        if receipt.lines.is_empty() {
            self.fault(1059, Why::Missing);
        }
        for (i, line) in receipt.lines.iter().enumerate() {
            self.line = Some(i);
            self.one_line(line, receipt.kind);
        }
        self.line = None;
        self.money(receipt);
    }

    fn money(&mut self, receipt: &Receipt) {
        let sum = |only: fn(TenderForm) -> bool| {
            receipt
                .tenders
                .iter()
                .filter(|t| only(t.form))
                .try_fold(0i64, |sum, t| sum.checked_add(t.sum_minor))
        };
        if receipt.tenders.iter().any(|t| t.sum_minor <= 0) {
            return self.fault(1031, Why::Amount);
        }
        let (Some(total), Some(paid), Some(other)) = (
            receipt.total_minor(),
            sum(|_| true),
            sum(|f| f != TenderForm::Cash),
        ) else {
            return self.fault(1020, Why::Amount);
        };
        if total <= 0 {
            self.fault(1020, Why::Amount);
        } else if paid < total {
            self.fault(1020, Why::NotPaid);
        } else if paid > total && (other >= total || !receipt.kind.is_income()) {
            // Change is given in cash, and by who takes money.
            self.fault(1081, Why::Overpaid);
        }
    }

    fn one_line(&mut self, line: &Line, kind: ReceiptKind) {
        self.text(1030, &line.name, 128);
        if line.price_minor < 0 {
            self.fault(1079, Why::Amount);
        }
        if line.quantity_milli <= 0 {
            self.fault(1023, Why::Amount);
        }
        let is = sum_of(line.price_minor, line.quantity_milli);
        if is != Some(line.sum_minor) {
            let said = line.sum_minor;
            self.fault(1043, Why::Sum { said, is });
        }
        if !self.rules.vat.contains(&line.vat) {
            self.fault(1199, Why::Rate(line.vat));
        }
        let details = &line.details;
        self.maybe(1191, details.attribute.as_ref(), 64);
        if let Some(Agent {
            kind: _,
            operation,
            phones,
        }) = &details.agent
        {
            self.maybe(1044, operation.as_ref(), 24);
            self.phones(1073, phones);
        }
        if let Some(Supplier { inn, name, phones }) = &details.supplier {
            self.inn(1226, Some(inn));
            self.maybe(1225, name.as_ref(), 256);
            self.phones(1171, phones);
        }
        if details.agent.is_some() && details.supplier.is_none() {
            // An agent's line names whose goods it sells.
            self.fault(1226, Why::Missing);
        }
        if details.excise_minor.is_some_and(|n| n < 0) {
            self.fault(1229, Why::Amount);
        }
        if let Some(country) = &details.country
            && (country.len() != 3 || !country.bytes().all(|b| b.is_ascii_digit()))
        {
            let wanted = "3 digits";
            self.fault(1230, Why::Form { wanted });
        }
        self.maybe(1231, details.customs_declaration.as_ref(), 32);
        self.industry(1260, &details.industry);
        self.marked(line, kind);
    }

    fn marked(&mut self, line: &Line, kind: ReceiptKind) {
        use SettlementSubject as S;
        let with_code = matches!(line.subject, S::ExciseWithMarking | S::CommodityWithMarking);
        let without = matches!(
            line.subject,
            S::ExciseWithoutMarking | S::CommodityWithoutMarking
        );
        if with_code || without {
            self.needs(1212, Ffd::V12);
        }
        let Some(marking) = &line.details.marking else {
            if with_code {
                self.fault(2000, Why::Missing);
            }
            return;
        };
        if !with_code {
            self.fault(1212, Why::Subject);
        }
        if !self.rules.marking || self.rules.ffd < Ffd::V12 {
            return self.fault(1163, Why::Marking);
        }
        if marking.code.is_empty() {
            self.fault(2000, Why::Missing);
        }
        let fits = match marking.status {
            MarkingStatus::PieceSold | MarkingStatus::PartSold => kind.is_income(),
            MarkingStatus::PieceReturned | MarkingStatus::PartReturned => !kind.is_income(),
            MarkingStatus::Unchanged => true,
        };
        if !fits {
            let wanted = "a state that suits the kind of the receipt";
            self.fault(2003, Why::Form { wanted });
        }
        match marking.fraction {
            Some(f) if f.numerator == 0 || f.numerator >= f.denominator => {
                self.fault(1291, Why::Amount);
            }
            None if line.unit == crate::MeasureUnit::Piece && line.quantity_milli != 1000 => {
                // One code is one piece.
                self.fault(1023, Why::Amount);
            }
            _ => {}
        }
    }

    fn industry(&mut self, tag: u16, all: &[Industry]) {
        if !all.is_empty() {
            self.needs(tag, Ffd::V12);
        }
        for one in all {
            self.text(1262, &one.fois, 3);
            self.date(1263, &one.date);
            self.text(1264, &one.number, 32);
            self.text(1265, &one.value, 256);
        }
    }

    fn correction(&mut self, correction: &Correction) {
        self.receipt(&correction.receipt);
        let kind = correction.receipt.kind;
        if !matches!(kind, ReceiptKind::Sale | ReceiptKind::Purchase) {
            // The vendor's host refuses it in FFD 1.05 too.
            self.needs(1054, Ffd::V11);
        }
        let basis = &correction.basis;
        self.date(1178, &basis.date);
        self.maybe(1177, basis.description.as_ref(), 256);
        match (&basis.number, basis.by) {
            (None, CorrectionBy::Instruction) => self.fault(1179, Why::Missing),
            (number, _) => self.maybe(1179, number.as_ref(), 32),
        }
    }

    fn date(&mut self, tag: u16, text: &str) {
        if day_of(text).is_none() {
            let wanted = "a day, YYYY-MM-DD";
            self.fault(tag, Why::Form { wanted });
        }
    }
}

/// Year, month and day of `YYYY-MM-DD`; `None` when there is no such day.
#[must_use]
pub fn day_of(text: &str) -> Option<(u16, u8, u8)> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
    if !shape {
        return None;
    }
    let (year, month, day) = (
        text.get(..4)?.parse::<u16>().ok()?,
        text.get(5..7)?.parse::<u8>().ok()?,
        text.get(8..)?.parse::<u8>().ok()?,
    );
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some((year, month, day))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
