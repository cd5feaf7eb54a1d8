//! Our receipt as the fiscal vocabulary has it, and what the drive says as ours. Pure.

use super::documents::{Checks, status};
use crate::domain::{
    contact::Contact,
    marking::LineMark,
    payment::Tender,
    permit,
    receipt::{ReceiptDraft, ReceiptKind, Registered, Subject, Vat},
    shift_report::{CashMove, Counters, Direction, Drawer, Side},
};
use galley_fiscal as f;
use serde::{Deserialize, Serialize};

/// What the till adds to every document, from the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiscalSettings {
    /// Position and name of the cashier (tag 1021); none for a till registered as an automatic device.
    #[serde(default)]
    pub cashier: Option<String>,
    /// The cashier's tax number (tag 1203).
    #[serde(default)]
    pub cashier_inn: Option<String>,
    /// The tax system (tag 1055).
    #[serde(default = "general")]
    pub tax_system: f::TaxSystem,
    /// Whether receipts come out on paper.
    #[serde(default = "yes")]
    pub print: bool,
}

fn general() -> f::TaxSystem {
    f::TaxSystem::General
}

fn yes() -> bool {
    true
}

impl Default for FiscalSettings {
    fn default() -> Self {
        Self {
            cashier: None,
            cashier_inn: None,
            tax_system: general(),
            print: true,
        }
    }
}

impl FiscalSettings {
    pub(super) fn operator(&self) -> Option<f::Operator> {
        self.cashier.as_ref().map(|name| f::Operator {
            name: name.clone(),
            inn: self.cashier_inn.clone(),
        })
    }

    /// A receipt or a correction. `contact`: where the guest wants it. `checks`: what the printer just said of its marked
    /// units.
    pub(super) fn drafted(
        &self,
        draft: &ReceiptDraft,
        contact: Option<&Contact>,
        paper_too: bool,
        checks: &Checks,
    ) -> f::Document {
        let mut receipt = self.receipt(draft, checks);
        receipt.buyer_contact = contact.map(|c| c.reveal().to_owned());
        receipt.print &= contact.is_none() || paper_too;
        let Some(correction) = draft
            .correction
            .as_ref()
            .filter(|_| draft.is_correction_form())
        else {
            return f::Document::Receipt(receipt);
        };
        let order = correction.prescription.as_ref();
        f::Document::Correction(f::Correction {
            basis: f::CorrectionBasis {
                by: match order {
                    Some(_) => f::CorrectionBy::Instruction,
                    None => f::CorrectionBy::Ourselves,
                },
                date: correction.date.clone(),
                number: order.map(|o| o.number.clone()),
                description: Some(correction.why.clone()),
            },
            receipt,
        })
    }

    /// Money into the drawer or out of it, in the name of whoever does it.
    pub(super) fn cash(cash: &CashMove) -> f::Document {
        let document = f::CashDocument {
            key: cash.key.clone(),
            operator: Some(f::Operator {
                name: cash.who.clone(),
                inn: None,
            }),
            sum_minor: cash.sum_minor,
        };
        match cash.direction {
            Direction::In => f::Document::CashIn(document),
            Direction::Out => f::Document::CashOut(document),
        }
    }

    fn receipt(&self, draft: &ReceiptDraft, checks: &Checks) -> f::Receipt {
        f::Receipt {
            key: draft.document_key(),
            kind: match draft.kind {
                ReceiptKind::Sale => f::ReceiptKind::Sale,
                ReceiptKind::SaleReturn => f::ReceiptKind::SaleReturn,
            },
            operator: self.operator(),
            tax_system: self.tax_system,
            lines: draft
                .lines
                .iter()
                .map(|l| f::Line {
                    name: l.name.clone(),
                    price_minor: l.price_minor,
                    quantity_milli: l.quantity_milli,
                    sum_minor: l.sum_minor,
                    vat: vat(l.vat),
                    subject: match (&l.marking, l.subject) {
                        (Some(mark), _) if mark.excise => f::SettlementSubject::ExciseWithMarking,
                        (Some(_), _) => f::SettlementSubject::CommodityWithMarking,
                        (None, Subject::Commodity) => f::SettlementSubject::Commodity,
                        (None, Subject::Service) => f::SettlementSubject::Service,
                    },
                    method: f::SettlementMethod::FullPayment,
                    unit: f::MeasureUnit::Piece,
                    details: f::LineDetails {
                        marking: l.marking.as_ref().and_then(|m| marking(m, checks)),
                        industry: l.marking.iter().filter_map(industry).collect(),
                        ..f::LineDetails::default()
                    },
                })
                .collect(),
            tenders: draft
                .tenders
                .iter()
                .map(|(tender, sum_minor)| f::TenderSum {
                    form: match tender {
                        Tender::Cash => f::TenderForm::Cash,
                        Tender::CardTerminal | Tender::SbpQr | Tender::Prepaid => {
                            f::TenderForm::Electronic
                        }
                        // Other consideration, tag 1217; points that are a discount are no tender.
                        Tender::LoyaltyPoints => f::TenderForm::Other,
                    },
                    sum_minor: *sum_minor,
                })
                .collect(),
            buyer_contact: None,
            print: self.print,
            details: f::ReceiptDetails::default(),
        }
    }
}

/// The state's permit to sell a unit, tag 1260. [source: marking.md 7]
fn industry(mark: &LineMark) -> Option<f::Industry> {
    let permit = mark.permit.as_ref()?;
    Some(f::Industry {
        fois: permit::BODY.to_owned(),
        date: permit::ACT_DATE.to_owned(),
        number: permit::ACT_NUMBER.to_owned(),
        value: permit.to_string(),
    })
}

/// A marked unit; the printer's word of just now goes before what it said when the unit was scanned.
fn marking(mark: &LineMark, checks: &Checks) -> Option<f::Marking> {
    let code = mark.code.as_ref()?;
    let check = checks.get(&code.cis).copied().or(mark.check);
    Some(f::Marking {
        code: code.code.clone(),
        status: status(mark.becomes),
        fraction: None,
        checked: check.map(|c| f::MarkingCheck::from_bits(c.0)),
    })
}

fn vat(vat: Vat) -> f::VatRate {
    match vat {
        Vat::None => f::VatRate::None,
        Vat::Vat0 => f::VatRate::Vat0,
        Vat::Vat5 => f::VatRate::Vat5,
        Vat::Vat7 => f::VatRate::Vat7,
        Vat::Vat10 => f::VatRate::Vat10,
        Vat::Vat20 => f::VatRate::Vat20,
        Vat::Vat22 => f::VatRate::Vat22,
    }
}

/// The rate in our words; none for one that a restaurant never writes on a line.
pub(super) fn our_vat(rate: f::VatRate) -> Option<Vat> {
    Vat::ALL.into_iter().find(|ours| vat(*ours) == rate)
}

/// The printer's counters in our words.
pub(super) fn counters(totals: &f::ShiftTotals) -> Counters {
    let side = |kind| {
        let total = totals.of(kind);
        let mut side = Side {
            count: total.count,
            sum_minor: total.sum_minor,
            ..Side::default()
        };
        for (form, sum_minor) in &total.tenders {
            let of = match form {
                f::TenderForm::Cash => &mut side.cash_minor,
                f::TenderForm::Electronic => &mut side.electronic_minor,
                _ => &mut side.other_minor,
            };
            *of += sum_minor;
        }
        side
    };
    Counters {
        shift_number: totals.shift_number,
        sales: side(f::ReceiptKind::Sale),
        returns: side(f::ReceiptKind::SaleReturn),
        drawer: Drawer {
            ins: totals.cash.ins,
            in_minor: totals.cash.in_minor,
            outs: totals.cash.outs,
            out_minor: totals.cash.out_minor,
            cash_minor: totals.cash.drawer_minor,
        },
    }
}

/// What the fiscal drive registered, as the store keeps it.
#[must_use]
pub fn registered(record: &f::FiscalRecord) -> Registered {
    Registered {
        document_number: record.document_number,
        fiscal_sign: record.fiscal_sign,
        drive_number: record.drive_number.clone(),
        registration_number: record.registration_number.clone(),
        shift_number: record.shift_number,
        receipt_number: record.receipt_number,
        local_time: record.local_time.clone(),
        qr: record.qr_text(),
        printed: record.printed,
    }
}
