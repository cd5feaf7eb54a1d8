//! The receipt that is open in the emulated printer.

use super::{
    journal::{EmulatedLine, EmulatedTag},
    machine::{Machine, Outcome, RECEIPT_OPEN, WRONG_FORMAT, done},
};
use crate::{
    bcd,
    command::{OPEN_RECEIPT_ELECTRONIC, mode, op},
    drive::kind,
    error_table::RECEIPT_CLOSED,
    position::{self, Position},
    text, tlv,
    tlv::tag,
};

/// Register 54's number of FFD 1.1.
const FFD_1_1: u8 = 3;
const WRONG_SUM: u8 = 0x08;
const WRONG_QUANTITY: u8 = 0x0A;
const WRONG_RECEIPT_TYPE: u8 = 0x6A;
const WRONG_PAYMENT_TYPE: u8 = 0x7E;
const TOO_MUCH_CARD: u8 = 0x71;
const NOT_PAID: u8 = 0x72;
const WRONG_DISCOUNT: u8 = 0x7B;
/// A tag that must be there is not; the real code isn't known.
const NO_TAG: u8 = 0xE7;

/// The open receipt.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenReceipt {
    /// As in command 92.
    pub(super) kind: u8,
    electronic: bool,
    lines: Vec<EmulatedLine>,
    in_position: bool,
    position_tags: Vec<(u16, Vec<u8>)>,
    tags: Vec<(u16, Vec<u8>)>,
    discount_minor: u64,
    payments: Vec<(u8, u64)>,
}

impl OpenReceipt {
    pub(super) fn total(&self) -> u64 {
        let sum: u64 = self.lines.iter().map(|l| l.sum_minor).sum();
        sum.saturating_sub(self.discount_minor)
    }

    pub(super) fn paid(&self) -> u64 {
        self.payments.iter().map(|(_, sum)| sum).sum()
    }

    pub(super) fn unpaid(&self) -> u64 {
        self.total().saturating_sub(self.paid())
    }

    pub(super) fn change(&self) -> u64 {
        self.paid().saturating_sub(self.total())
    }

    /// What was paid, without the change.
    fn tenders(&self) -> Vec<(u8, u64)> {
        let mut change = self.change();
        let net = self.payments.iter().map(|(form, sum)| {
            let back = if *form == 1 { change.min(*sum) } else { 0 };
            change -= back;
            (*form, sum - back)
        });
        net.filter(|(_, sum)| *sum > 0).collect()
    }

    fn text(&self, wanted: u16) -> Option<String> {
        let found = self.tags.iter().rev().find(|(tag, _)| *tag == wanted)?;
        Some(text::decode(&found.1).trim_end().to_owned())
    }
}

impl Machine {
    pub(super) fn receipt_command(&mut self, command: u8, p: &[u8]) -> Outcome {
        self.need_mode(mode::REGISTRATION)
            .or_else(|e| match command {
                // The cashier of a Z report is told in its own mode.
                op::WRITE_TAG => Ok(()),
                _ => Err(e),
            })?;
        match command {
            op::OPEN_RECEIPT => self.open_receipt(p),
            op::CANCEL_RECEIPT => self.cancel(),
            op::WRITE_TAG => self.write_tag(p),
            op::BEGIN_POSITION => {
                let receipt = self.open()?;
                receipt.in_position = true;
                receipt.position_tags.clear();
                done()
            }
            op::END_POSITION => self.end_position(p),
            op::DISCOUNT => self.discount(p),
            op::PAYMENT => self.pay(p),
            _ => self.close_receipt(),
        }
    }

    fn open(&mut self) -> Result<&mut OpenReceipt, u8> {
        self.receipt.as_mut().ok_or(RECEIPT_CLOSED)
    }

    fn open_receipt(&mut self, p: &[u8]) -> Outcome {
        let [flags, kind, ..] = *p else {
            return Err(WRONG_FORMAT);
        };
        let electronic = flags & OPEN_RECEIPT_ELECTRONIC != 0;
        // FFD 1.05 knows no correction of a return (captured: the vendor's host refuses it itself).
        let known = match kind {
            8 | 10 => self.config.format >= FFD_1_1,
            _ => matches!(kind, 1 | 2 | 4 | 5 | 7 | 9),
        };
        if !known {
            return Err(WRONG_RECEIPT_TYPE);
        }
        self.may_open_receipt(electronic)?;
        if flags & 1 == 0 {
            self.receipt = Some(OpenReceipt {
                kind,
                electronic,
                ..OpenReceipt::default()
            });
        }
        done()
    }

    /// `FLAGS BLOCKS BLOCK` and a part of a TLV; the blocks come in their order.
    fn write_tag(&mut self, p: &[u8]) -> Outcome {
        let [_, blocks, block, ref part @ ..] = *p else {
            return Err(WRONG_FORMAT);
        };
        if block == 0 {
            self.tag_blocks = (0, Vec::new());
        }
        if block != self.tag_blocks.0 || block >= blocks {
            return Err(WRONG_FORMAT);
        }
        self.tag_blocks.0 += 1;
        self.tag_blocks.1.extend_from_slice(part);
        if block + 1 < blocks {
            return done();
        }
        let (_, whole) = std::mem::take(&mut self.tag_blocks);
        let Some((tag, bytes, _)) = tlv::split(&whole) else {
            return Err(WRONG_FORMAT);
        };
        let entry = (tag, bytes.to_vec());
        match &mut self.receipt {
            Some(receipt) if receipt.in_position => receipt.position_tags.push(entry),
            Some(receipt) => receipt.tags.push(entry),
            None => self.early_tags.push(entry),
        }
        done()
    }

    fn end_position(&mut self, p: &[u8]) -> Outcome {
        let receipt = self.open()?;
        let position = Position::decode(p).ok_or(WRONG_FORMAT)?;
        if position.quantity_milli == 0 {
            return Err(WRONG_QUANTITY);
        }
        if position::sum_of(position.price_minor, position.quantity_milli)
            != Some(position.sum_minor)
        {
            return Err(WRONG_SUM);
        }
        if !receipt.in_position || !receipt.payments.is_empty() {
            return Err(RECEIPT_OPEN);
        }
        receipt.in_position = false;
        let tags = std::mem::take(&mut receipt.position_tags);
        let unit = tags.iter().find(|(t, _)| *t == tag::UNIT);
        receipt.lines.push(EmulatedLine {
            name: position.name,
            price_minor: position.price_minor,
            quantity_milli: position.quantity_milli,
            sum_minor: position.sum_minor,
            tax_index: position.tax_index,
            subject: position.subject,
            method: position.method,
            unit: unit.map(|(_, bytes)| text::decode(bytes)),
            tags: others(&tags, &[tag::UNIT]),
        });
        done()
    }

    /// `FLAGS AREA TYPE SIGN SUM`: a discount of a sum on the whole receipt.
    fn discount(&mut self, p: &[u8]) -> Outcome {
        let receipt = self.open()?;
        let sum = p.get(4..9).and_then(bcd::decode).ok_or(WRONG_FORMAT)?;
        if sum > receipt.total() {
            return Err(WRONG_DISCOUNT);
        }
        receipt.discount_minor += sum;
        done()
    }

    fn pay(&mut self, p: &[u8]) -> Outcome {
        let receipt = self.open()?;
        let (form, sum) = match (p.get(1), p.get(2..7).and_then(bcd::decode)) {
            (Some(form), Some(sum)) => (*form, sum),
            _ => return Err(WRONG_FORMAT),
        };
        if !(1..=5).contains(&form) {
            return Err(WRONG_PAYMENT_TYPE);
        }
        if form != 1 && sum > receipt.unpaid() {
            return Err(TOO_MUCH_CARD);
        }
        receipt.payments.push((form, sum));
        let mut answer = vec![0x55, 0, 0];
        answer.extend(bcd::encode::<5>(receipt.unpaid()).unwrap_or_default());
        answer.extend(bcd::encode::<5>(receipt.change()).unwrap_or_default());
        Ok(answer)
    }

    fn close_receipt(&mut self) -> Outcome {
        let receipt = self.open()?.clone();
        if receipt.lines.is_empty() || receipt.unpaid() > 0 {
            return Err(NOT_PAID);
        }
        let correction = receipt.kind >= 7;
        let has = |wanted: u16| receipt.tags.iter().any(|(t, _)| *t == wanted);
        if correction && !(has(tag::CORRECTION_BY) && has(tag::CORRECTION_BASIS)) {
            return Err(NO_TAG);
        }
        let mut document = self.blank(if correction {
            kind::CORRECTION
        } else {
            kind::RECEIPT
        });
        document.operation = Some(receipt.kind);
        document.receipt = Some(self.receipt_number() + 1);
        document.total_minor = receipt.total();
        document.key = receipt.text(tag::RECEIPT_KEY);
        document.buyer_contact = receipt.text(tag::BUYER_CONTACT);
        document.operator = receipt.text(tag::OPERATOR).or(document.operator);
        let system = receipt.tags.iter().find(|(t, _)| *t == tag::TAX_SYSTEM);
        document.tax_system = system.and_then(|(_, bytes)| bytes.first().copied());
        document.electronic = receipt.electronic;
        // A correction of FFD 1.05 has no lines; its position only carried the total.
        if !correction || self.config.format >= FFD_1_1 {
            document.lines = receipt.lines.clone();
        }
        document.tenders = receipt.tenders();
        let own = [
            tag::RECEIPT_KEY,
            tag::BUYER_CONTACT,
            tag::OPERATOR,
            tag::TAX_SYSTEM,
        ];
        document.tags = others(&receipt.tags, &own);
        let outcome = self.register_and_print(document)?;
        self.receipt = None;
        self.early_tags.clear();
        outcome
    }
}

/// The tags that have no field of their own.
fn others(tags: &[(u16, Vec<u8>)], own: &[u16]) -> Vec<EmulatedTag> {
    tags.iter()
        .filter(|(tag, _)| !own.contains(tag))
        .map(|(tag, bytes)| EmulatedTag::new(*tag, bytes))
        .collect()
}
