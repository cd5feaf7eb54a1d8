//! Tenders and payments: money in.

use super::{ids::PaymentId, loyalty_order::PaidPoints, text::Text, time::Timestamp};
use serde::{Deserialize, Serialize};

/// How a part of an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tender {
    /// Cash, taken by a cashier.
    Cash,
    /// The bank's card terminal, driven by the till–bank link that is not ours: we record it.
    CardTerminal,
    /// A QR code of the fast payment system, through the bank.
    SbpQr,
    /// Paid to an online channel, before the order came here.
    Prepaid,
    /// Points of the loyalty programme.
    LoyaltyPoints,
}

impl Tender {
    /// All that can be chosen here for all of an order, in the kiosk's order.
    pub const ALL: [Self; 3] = [Self::SbpQr, Self::CardTerminal, Self::Cash];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::CardTerminal => "card_terminal",
            Self::SbpQr => "sbp_qr",
            Self::Prepaid => "prepaid",
            Self::LoyaltyPoints => "loyalty_points",
        }
    }

    /// The tender with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let points = [Self::LoyaltyPoints];
        let mut all = Self::ALL.into_iter().chain(points);
        all.find(|t| t.word() == word)
    }

    /// Its name for guests.
    #[must_use]
    pub fn name(self) -> Text {
        match self {
            Self::Cash => Text::new(
                "Наличными у стойки",
                "Kassada naqd pul",
                "Cash at the counter",
            ),
            Self::CardTerminal => Text::new("Банковской картой", "Bank kartasi", "Bank card"),
            Self::SbpQr => Text::new("По QR-коду (СБП)", "QR-kod orqali (SBP)", "QR code (SBP)"),
            Self::Prepaid => Text::new("Оплачено онлайн", "Onlayn to‘langan", "Paid online"),
            Self::LoyaltyPoints => Text::new("Баллами", "Ballar bilan", "Points"),
        }
    }

    /// Whether it works without the internet.
    #[must_use]
    pub fn works_offline(self) -> bool {
        !matches!(self, Self::SbpQr)
    }

    /// Whether it goes back through us, by the bank or by the loyalty programme; otherwise a person gives it back, and
    /// confirms it.
    #[must_use]
    pub fn refunded_by_itself(self) -> bool {
        matches!(self, Self::SbpQr | Self::LoyaltyPoints)
    }
}

/// Who registers the fiscal receipt of this money. One order never gets two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiscalBy {
    /// This store's printer.
    #[default]
    Store,
    /// The tender's own provider.
    Other,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Being registered at the bank.
    Registering,
    /// Waiting for the guest's money.
    Waiting,
    /// The money is in.
    Captured,
    /// Refused.
    Declined,
    /// Closed unpaid: no money can come any more.
    Closed,
}

/// Money of one tender into one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// How.
    pub tender: Tender,
    /// Asked for, minor units.
    pub amount_minor: i64,
    /// Where it stands.
    pub state: PaymentState,
    /// Came in, minor units.
    pub captured_minor: i64,
    /// Given back, minor units.
    pub refunded_minor: i64,
    /// When it was begun.
    pub started_at: Timestamp,
    /// Until when the guest may pay.
    pub expires_at: Option<Timestamp>,
    /// Number of the attempt within the order, from 1.
    pub attempt: u32,
    /// The other side's number of this attempt; never used twice.
    pub order_number: String,
    /// The other side's id, once known.
    pub provider_id: Option<String>,
    /// The bank's id of the QR code.
    pub qr_id: Option<String>,
    /// Text of the QR code.
    pub qr_payload: Option<String>,
    /// The other side's reference of the money (RRN …).
    pub reference: Option<String>,
    /// Why it was declined or closed.
    pub reason: Option<String>,
    /// Who registers the receipt.
    #[serde(default)]
    pub fiscal_by: FiscalBy,
    /// The money came after the order was given up, or above what was due: it goes back.
    #[serde(default)]
    pub surplus: bool,
    /// Given up before it was paid: it covers nothing of what is due, and money that still comes goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawal>,
    /// The points it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PaidPoints>,
}

/// How a payment ended that was closed unpaid, by the words of its fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpaid {
    /// The time to pay ran out.
    TimeOver,
    /// The payer's bank refused.
    Refused,
    /// Its order was given up, or paid otherwise.
    NotWanted,
    /// Known is only that nothing was paid.
    Unpaid,
}

impl Unpaid {
    const ALL: [Self; 4] = [Self::TimeOver, Self::Refused, Self::NotWanted, Self::Unpaid];

    /// What such a fact says first. What was said once stays: logs have it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TimeOver => "The time to pay is over",
            Self::Refused => "The payer's bank refused",
            Self::NotWanted => "Not wanted any more",
            Self::Unpaid => "Nothing was paid",
        }
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TimeOver => "time_over",
            Self::Refused => "refused",
            Self::NotWanted => "not_wanted",
            Self::Unpaid => "unpaid",
        }
    }
}

/// Why a payment was given up before it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// The guest or staff chose otherwise.
    Asked,
    /// The bank gave no QR code in time.
    NoCode,
}

impl Payment {
    /// Money is awaited, and covers a part of what is due.
    #[must_use]
    pub fn covers(&self) -> bool {
        self.is_live() && self.withdrawn.is_none()
    }

    /// Money can still come.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(
            self.state,
            PaymentState::Registering | PaymentState::Waiting
        )
    }

    /// How it ended, if it was closed unpaid.
    #[must_use]
    pub fn unpaid(&self) -> Option<Unpaid> {
        if self.state != PaymentState::Closed {
            return None;
        }
        let said = self.reason.as_deref().unwrap_or_default();
        let begins = |how: &Unpaid| {
            let whole = how.reason();
            let first = said.get(..whole.len());
            first.is_some_and(|first| first.eq_ignore_ascii_case(whole))
        };
        Some(
            Unpaid::ALL
                .into_iter()
                .find(begins)
                .unwrap_or(Unpaid::Unpaid),
        )
    }

    /// The money is in and pays for the order.
    #[must_use]
    pub fn counts_towards_sale(&self) -> bool {
        self.state == PaymentState::Captured && !self.surplus
    }
}
