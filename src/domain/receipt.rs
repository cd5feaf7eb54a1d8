//! Receipts: the data of FFD 1.2 that the store decides; the printer adds the rest.

use super::{
    ids::OrderId,
    marking::{Becomes, LineMark},
    money::Money,
    order::{Order, OrderLine},
    payment::Tender,
    text::Language,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// VAT rate included in a price. [source: tag 1199, see the fiscal driver's vocabulary]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vat {
    /// Without VAT.
    None,
    /// 0 %.
    Vat0,
    /// 5 %.
    Vat5,
    /// 7 %.
    Vat7,
    /// 10 %.
    Vat10,
    /// 20 %, until the end of 2025.
    Vat20,
    /// 22 %, from 2026.
    Vat22,
}

impl Vat {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Vat0,
        Self::Vat5,
        Self::Vat7,
        Self::Vat10,
        Self::Vat20,
        Self::Vat22,
    ];

    /// Its word, as in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Vat0 => "vat0",
            Self::Vat5 => "vat5",
            Self::Vat7 => "vat7",
            Self::Vat10 => "vat10",
            Self::Vat20 => "vat20",
            Self::Vat22 => "vat22",
        }
    }
}

/// Settlement subject, tag 1212.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// Товар.
    #[default]
    Commodity,
    /// Услуга.
    Service,
}

/// Settlement sign, tag 1054.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// Приход.
    Sale,
    /// Возврат прихода.
    SaleReturn,
}

impl ReceiptKind {
    /// What takes it back.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Sale => Self::SaleReturn,
            Self::SaleReturn => Self::Sale,
        }
    }
}

/// What a receipt is to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptDraft {
    /// Our key, at most 16 characters: it goes into tag 1192 and is read back after a doubt.
    pub key: String,
    /// Sale or return.
    pub kind: ReceiptKind,
    /// The refund that a return belongs to.
    pub refund: Option<super::ids::RefundId>,
    /// What was sold.
    pub lines: Vec<ReceiptLine>,
    /// How it was paid: tender and minor units; sums up to the total.
    pub tenders: Vec<(Tender, i64)>,
    /// Sum of the lines, minor units.
    pub total_minor: i64,
    /// It puts right what was not registered, or registered wrongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// The guest wants it electronically: the address is kept under this order, apart from the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronic: Option<OrderId>,
}

/// What a correction receipt says besides the sale, and who answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The day of the settlement, `YYYY-MM-DD` (tag 1178).
    pub date: String,
    /// Who decided it.
    pub who: String,
    /// Why.
    pub why: String,
    /// The guest has the dishes; otherwise those that wait are cooked now.
    #[serde(default)]
    pub served: bool,
    /// By the tax office's order (tag 1173: 1); by ourselves when none (tag 1173: 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prescription: Option<Prescription>,
    /// It is about a receipt that was registered and is wrong; about a sale without one when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Wrong>,
}

/// The tax office's order (предписание) to correct something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prescription {
    /// Its number (tag 1179).
    pub number: String,
    /// Its date, `YYYY-MM-DD`. The receipt has no tag for it; it stays in the log.
    pub date: String,
}

/// A registered receipt that is wrong, and this one's part in putting it right: one takes it back with the same lines
/// and the opposite sign, then another says what is right. Both carry the wrong document's fiscal sign in tag 1192.
/// [source: atol.md 6.5]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// Our key of the wrong receipt.
    pub key: String,
    /// Its fiscal document number.
    pub document_number: u32,
    /// Its fiscal sign.
    pub fiscal_sign: u32,
    /// Its local time.
    pub local_time: String,
    /// This receipt takes it back; otherwise it is the right one.
    pub takes_back: bool,
    /// Registered as an ordinary receipt: format 1.05 has no correction of a return. [source: atol.md 6.5]
    #[serde(default)]
    pub plain: bool,
    /// The right one, asked for as soon as the wrong one is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<ReceiptDraft>>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// Our id of the dish.
    pub dish_id: super::ids::DishId,
    /// What is printed.
    pub name: String,
    /// Price of one, minor units.
    pub price_minor: i64,
    /// Thousandths of a piece.
    pub quantity_milli: i64,
    /// Minor units.
    pub sum_minor: i64,
    /// VAT rate.
    pub vat: Vat,
    /// Settlement subject.
    pub subject: Subject,
    /// Index of the order's line it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The marked unit; a line of marked goods is one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marking: Option<LineMark>,
}

impl ReceiptLine {
    /// So many of an order's line, for this price each.
    fn of(line: usize, l: &OrderLine, count: u32, price_minor: i64) -> Self {
        Self {
            dish_id: l.dish_id.clone(),
            name: l.full_name(Language::Ru),
            price_minor,
            quantity_milli: i64::from(count) * 1000,
            sum_minor: price_minor * i64::from(count),
            vat: l.vat,
            subject: l.subject,
            line: Some(line),
            marking: None,
        }
    }

    /// A whole line of an order, discounts and points off: a line for each price, and of marked goods a line for each
    /// unit.
    fn all_of(order: &Order, line: usize, l: &OrderLine, becomes: Becomes) -> Vec<Self> {
        let prices = prices_of(order, line);
        if l.marked.is_some() {
            return (0..)
                .zip(prices)
                .map(|(nth, price)| Self {
                    marking: mark_of(order, line, l, Some(nth), becomes),
                    ..Self::of(line, l, 1, price)
                })
                .collect();
        }
        let mut groups: Vec<(u32, i64)> = Vec::new();
        for price in prices {
            match groups.iter_mut().find(|g| g.1 == price) {
                Some(group) => group.0 += 1,
                None => groups.push((1, price)),
            }
        }
        let groups = groups.into_iter();
        groups
            .map(|(count, price)| Self::of(line, l, count, price))
            .collect()
    }
}

/// The lines of the whole order: each is its price times its quantity, and together they are the total.
fn lines_of(order: &Order, becomes: Becomes) -> Vec<ReceiptLine> {
    let lines = order.lines.iter().enumerate();
    lines
        .flat_map(|(i, l)| ReceiptLine::all_of(order, i, l, becomes))
        .collect()
}

/// The mark of unit `nth` of a line; of the first that has not come back, when none is named.
fn mark_of(
    order: &Order,
    line: usize,
    l: &OrderLine,
    nth: Option<u32>,
    becomes: Becomes,
) -> Option<LineMark> {
    let marked = l.marked.as_ref()?;
    let came_back = |cis: &str| {
        order.receipts.iter().any(|r| {
            r.draft.kind == ReceiptKind::SaleReturn
                && !r.draft.takes_back()
                && r.draft.lines.iter().any(|l| {
                    l.marking.as_ref().is_some_and(|m| {
                        m.becomes == Becomes::Returned
                            && m.code.as_ref().is_some_and(|c| c.cis == cis)
                    })
                })
        })
    };
    let unit = order.marks.iter().find(|m| {
        m.line == line && nth.map_or_else(|| !came_back(&m.code.cis), |nth| m.nth == nth)
    });
    let sold = unit.filter(|_| becomes == Becomes::Sold);
    Some(LineMark {
        code: unit.map(|u| u.code.clone()),
        becomes,
        excise: marked.group.excise(),
        check: sold.and_then(|u| u.check),
        permit: sold.and_then(|u| u.permit.clone()),
    })
}

/// What the fiscal drive registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Fiscal document number (FD).
    pub document_number: u32,
    /// Fiscal sign (FPD).
    pub fiscal_sign: u32,
    /// Serial number of the fiscal drive (FN).
    pub drive_number: String,
    /// Registration number of the till.
    pub registration_number: Option<String>,
    /// Shift it belongs to.
    pub shift_number: Option<u32>,
    /// Number within the shift.
    pub receipt_number: Option<u32>,
    /// The printer's local time.
    pub local_time: String,
    /// Text of the receipt's QR code.
    pub qr: Option<String>,
    /// Whether the paper came out, where the printer can say.
    pub printed: Option<bool>,
}

/// A receipt of an order: asked for, and registered or not yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What it is to say.
    pub draft: ReceiptDraft,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// What the drive says; none while it is not registered.
    pub registered: Option<Registered>,
}

/// Our key of a receipt: 16 letters and digits out of 80 bits of a UUID v5.
#[must_use]
pub fn receipt_key(order: &Order, what: &str) -> String {
    key_of(order.id, what)
}

/// The lines of a return of single dishes: dishes of one line and price stand together, and each marked unit by itself.
/// What was paid by several tenders goes back by several returns; each has its part of every dish.
fn lines_of_pieces(order: &Order, pieces: &[usize], amount_minor: i64) -> Vec<ReceiptLine> {
    let mut groups: Vec<(usize, i64, u32, Option<u32>)> = Vec::new();
    let prices = order.receipt_prices();
    for (piece, price) in pieces
        .iter()
        .filter_map(|i| Some((order.pieces.get(*i)?, *prices.get(*i)?)))
    {
        let marked = order
            .lines
            .get(piece.line)
            .is_some_and(|l| l.marked.is_some());
        match groups
            .iter_mut()
            .find(|g| !marked && g.0 == piece.line && g.1 == price)
        {
            Some(group) => group.2 += 1,
            None => groups.push((piece.line, price, 1, marked.then_some(piece.nth))),
        }
    }
    let weights: Vec<i64> = groups.iter().map(|g| g.1 * i64::from(g.2)).collect();
    let exact = weights.iter().sum::<i64>() == amount_minor;
    let parts = Money::spread(amount_minor, &weights);
    groups
        .into_iter()
        .zip(parts)
        .filter_map(|((line, price, count, unit), part)| {
            let l = order.lines.get(line)?;
            let (count, price) = match exact {
                true => (count, price),
                false if part > 0 => (1, part),
                false => return None,
            };
            Some(ReceiptLine {
                marking: unit.and_then(|nth| mark_of(order, line, l, Some(nth), Becomes::Returned)),
                ..ReceiptLine::of(line, l, count, price)
            })
        })
        .collect()
}

fn key_of(id: OrderId, what: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let id = Uuid::new_v5(&id.0, format!("receipt:{what}").as_bytes()).as_u128();
    (0..16)
        .map(|i| char::from(DIGITS[usize::try_from((id >> (5 * i)) & 31).unwrap_or(0)]))
        .collect()
}

impl ReceiptDraft {
    /// The sale of a whole order, paid as its captured payments say.
    #[must_use]
    pub fn sale(order: &Order) -> Self {
        let lines = lines_of(order, Becomes::Sold);
        // What came in above the total goes back by itself and is no part of the sale.
        let total_minor = order.receipt_total_minor();
        let mut open = total_minor;
        let mut tenders: Vec<(Tender, i64)> = Vec::new();
        let money = order.payments.iter().filter(|p| !p.is_discount());
        for p in money.filter(|p| p.counts_towards_sale()) {
            let part = p.captured_minor.min(open);
            open -= part;
            match tenders.iter_mut().find(|(t, _)| *t == p.tender) {
                _ if part == 0 => {}
                Some((_, sum)) => *sum += part,
                None => tenders.push((p.tender, part)),
            }
        }
        Self {
            key: receipt_key(order, "sale"),
            kind: ReceiptKind::Sale,
            refund: None,
            total_minor,
            lines,
            tenders,
            correction: None,
            electronic: electronic(order),
        }
    }

    /// The same sale as a correction receipt.
    #[must_use]
    pub fn correction(order: &Order, correction: Correction) -> Self {
        Self {
            key: receipt_key(order, "correction"),
            correction: Some(correction),
            ..Self::sale(order)
        }
    }

    /// A correction of a sale that Galley knows no order of: one line.
    #[must_use]
    pub fn correction_without_order(
        id: Uuid,
        line: ReceiptLine,
        tender: Tender,
        correction: Correction,
    ) -> Self {
        Self {
            key: key_of(OrderId(id), "correction"),
            kind: ReceiptKind::Sale,
            refund: None,
            tenders: vec![(tender, line.sum_minor)],
            total_minor: line.sum_minor,
            lines: vec![line],
            correction: Some(correction),
            electronic: None,
        }
    }

    /// Takes a wrong receipt back: the same lines and sums with the opposite sign. `order` is the one it belongs to, or
    /// nil. `correction.wrong` names it.
    #[must_use]
    pub fn take_back(order: OrderId, wrong: &Self, correction: Correction) -> Self {
        let mut lines = wrong.lines.clone();
        for mark in lines.iter_mut().filter_map(|l| l.marking.as_mut()) {
            mark.check = None;
            mark.permit = None;
            mark.becomes = match mark.becomes {
                Becomes::Sold => Becomes::Returned,
                Becomes::Returned => Becomes::Sold,
                Becomes::Unchanged => Becomes::Unchanged,
            };
        }
        Self {
            key: key_of(order, &format!("back:{}", wrong.key)),
            kind: wrong.kind.opposite(),
            refund: None,
            lines,
            correction: Some(correction),
            ..wrong.clone()
        }
    }

    /// What a wrong receipt should have said: `lines` and `tenders` come to its total.
    #[must_use]
    pub fn right(
        order: OrderId,
        wrong: &Self,
        lines: Vec<ReceiptLine>,
        tenders: Vec<(Tender, i64)>,
        correction: Correction,
    ) -> Self {
        Self {
            key: key_of(order, &format!("right:{}", wrong.key)),
            lines,
            tenders,
            correction: Some(correction),
            ..wrong.clone()
        }
    }

    /// The wrong receipt that it is about.
    #[must_use]
    pub fn corrects(&self) -> Option<&Wrong> {
        self.correction.as_ref()?.wrong.as_ref()
    }

    /// Whether it takes a wrong receipt back.
    #[must_use]
    pub fn takes_back(&self) -> bool {
        self.corrects().is_some_and(|w| w.takes_back)
    }

    /// Whether the printer registers it as a correction receipt.
    #[must_use]
    pub fn is_correction_form(&self) -> bool {
        self.correction.is_some() && self.corrects().is_none_or(|w| !w.plain)
    }

    /// What stands in tag 1192: our key, or the fiscal sign of the wrong document. [source: atol.md 6.5]
    #[must_use]
    pub fn document_key(&self) -> String {
        self.corrects()
            .map_or_else(|| self.key.clone(), |w| w.fiscal_sign.to_string())
    }

    /// The first line of marked goods whose code was never scanned.
    #[must_use]
    pub fn unscanned(&self) -> Option<&ReceiptLine> {
        self.lines
            .iter()
            .find(|l| l.marking.as_ref().is_some_and(|m| m.code.is_none()))
    }

    /// What identifies its units that become this.
    pub fn units(&self, becomes: Becomes) -> impl Iterator<Item = &str> {
        let marks = self.lines.iter().filter_map(|l| l.marking.as_ref());
        marks
            .filter(move |m| m.becomes == becomes)
            .filter_map(|m| m.code.as_ref().map(|c| c.cis.as_str()))
    }

    /// The return that belongs to a refund: the lines it names, or the amount spread over all lines.
    #[must_use]
    pub fn sale_return(order: &Order, refund: &super::refund::Refund) -> Self {
        let whole = refund.amount_minor == order.receipt_total_minor();
        let named = refund.line.and_then(|i| Some((i, order.lines.get(i)?)));
        let lines = if whole {
            lines_of(order, Becomes::Returned)
        } else if !refund.pieces.is_empty() {
            lines_of_pieces(order, &refund.pieces, refund.amount_minor)
        } else if let Some((i, l)) = named
            && refund.amount_minor == costs(order, i)
        {
            ReceiptLine::all_of(order, i, l, Becomes::Returned)
        } else if let Some((i, l)) = named
            && prices_of(order, i).contains(&refund.amount_minor)
        {
            vec![ReceiptLine {
                marking: mark_of(order, i, l, None, Becomes::Returned),
                ..ReceiptLine::of(i, l, 1, refund.amount_minor)
            }]
        } else {
            let weights: Vec<i64> = (0..order.lines.len()).map(|i| costs(order, i)).collect();
            Money::spread(refund.amount_minor, &weights)
                .into_iter()
                .zip(order.lines.iter().enumerate())
                .filter(|(part, _)| *part > 0)
                .map(|(part, (i, l))| ReceiptLine {
                    // Only money goes back; the unit stays with the guest.
                    marking: mark_of(order, i, l, None, Becomes::Unchanged),
                    ..ReceiptLine::of(i, l, 1, part)
                })
                .collect()
        };
        Self {
            key: receipt_key(order, &format!("return:{}", refund.id)),
            kind: ReceiptKind::SaleReturn,
            refund: Some(refund.id),
            lines,
            tenders: vec![(refund.tender, refund.amount_minor)],
            total_minor: refund.amount_minor,
            correction: None,
            electronic: electronic(order),
        }
    }
}

/// What stands on the receipt for each dish of a line, minor units.
fn prices_of(order: &Order, line: usize) -> Vec<i64> {
    let off = order.points_off_minor() > 0;
    let shares = match off {
        true => order.points_shares(),
        false => Vec::new(),
    };
    let share = |nth: u32| {
        let at = |p: &super::order::Piece| p.line == line && p.nth == nth;
        let piece = order.pieces.iter().position(at);
        piece.and_then(|i| shares.get(i)).copied().unwrap_or(0)
    };
    let Some(l) = order.lines.get(line) else {
        return Vec::new();
    };
    (0..l.quantity)
        .map(|nth| l.piece_minor(nth) - if off { share(nth) } else { 0 })
        .collect()
}

/// What stands on the receipt for a line, minor units.
fn costs(order: &Order, line: usize) -> i64 {
    prices_of(order, line).into_iter().sum()
}

fn electronic(order: &Order) -> Option<OrderId> {
    (!order.receipt_to.is_paper()).then_some(order.id)
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
