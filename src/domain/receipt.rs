//! Receipts: the data of FFD 1.2 that the store decides; the printer adds the rest.

use super::{
    ids::OrderId,
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
    /// It is a correction receipt, for a sale that went without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
}

/// What a correction receipt says besides the sale, and who answers for it. By ourselves (tag 1173: 0); a tax office's
/// order is no matter for a till.
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

/// The lines of a sale: each is its price times its quantity, discounts off, and together they are the total.
fn lines_of(order: &Order) -> Vec<ReceiptLine> {
    order
        .receipt_parts()
        .filter_map(|(i, count, price)| Some(line_of(order.lines.get(i)?, count, price)))
        .collect()
}

/// The lines of a return of single dishes: dishes of one line and price stand together. What was paid by several
/// tenders goes back by several returns; each has its part of every dish.
fn lines_of_pieces(order: &Order, pieces: &[usize], amount_minor: i64) -> Vec<ReceiptLine> {
    let mut groups: Vec<(usize, i64, u32)> = Vec::new();
    for piece in pieces.iter().filter_map(|i| order.pieces.get(*i)) {
        let price = order.piece_minor(piece);
        match groups
            .iter_mut()
            .find(|g| g.0 == piece.line && g.1 == price)
        {
            Some(group) => group.2 += 1,
            None => groups.push((piece.line, price, 1)),
        }
    }
    let weights: Vec<i64> = groups.iter().map(|g| g.1 * i64::from(g.2)).collect();
    let exact = weights.iter().sum::<i64>() == amount_minor;
    let parts = super::money::Money::spread(amount_minor, &weights);
    groups
        .into_iter()
        .zip(parts)
        .filter_map(|((line, price, count), part)| {
            let line = order.lines.get(line)?;
            match exact {
                true => Some(line_of(line, count, price)),
                false => (part > 0).then(|| line_of(line, 1, part)),
            }
        })
        .collect()
}

fn line_of(line: &OrderLine, count: u32, price_minor: i64) -> ReceiptLine {
    ReceiptLine {
        dish_id: line.dish_id.clone(),
        name: line.full_name(Language::Ru),
        price_minor,
        quantity_milli: i64::from(count) * 1000,
        sum_minor: price_minor * i64::from(count),
        vat: line.vat,
        subject: line.subject,
    }
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
        let lines = lines_of(order);
        // What came in above the total goes back by itself and is no part of the sale.
        let mut open = order.total_minor;
        let mut tenders: Vec<(Tender, i64)> = Vec::new();
        for p in order.payments.iter().filter(|p| p.counts_towards_sale()) {
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
            total_minor: order.total_minor,
            lines,
            tenders,
            correction: None,
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
        }
    }

    /// The return that belongs to a refund: the lines it names, or the amount spread over all lines.
    #[must_use]
    pub fn sale_return(order: &Order, refund: &super::refund::Refund) -> Self {
        let whole = refund.amount_minor == order.total_minor;
        let named = refund.line.and_then(|i| order.lines.get(i));
        let lines = if whole {
            lines_of(order)
        } else if !refund.pieces.is_empty() {
            lines_of_pieces(order, &refund.pieces, refund.amount_minor)
        } else if let Some(l) = named
            && refund.amount_minor == l.net_minor()
        {
            l.prices().map(|(n, price)| line_of(l, n, price)).collect()
        } else if let Some(l) = named
            && l.prices().any(|(_, price)| price == refund.amount_minor)
        {
            vec![line_of(l, 1, refund.amount_minor)]
        } else {
            let weights: Vec<i64> = order.lines.iter().map(OrderLine::net_minor).collect();
            super::money::Money::spread(refund.amount_minor, &weights)
                .into_iter()
                .zip(&order.lines)
                .filter(|(part, _)| *part > 0)
                .map(|(part, l)| line_of(l, 1, part))
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
        }
    }
}
