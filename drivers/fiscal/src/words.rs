//! The closed lists of the law: what a tag may say, and its number. [source: atol.md 3.4, 6.6]

use serde::{Deserialize, Serialize};

/// An enum whose values have numbers in the fiscal drive, with both ways between them.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, $number:ident {
            $($(#[$doc:meta])* $variant:ident = $value:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number of the tag.
            #[must_use]
            pub fn $number(self) -> u8 {
                match self {
                    $(Self::$variant => $value,)+
                }
            }

            /// The value with this number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

numbered! {
    /// The settlement sign, tag 1054.
    pub enum ReceiptKind, tag_1054 {
        /// Приход: money in for goods.
        Sale = 1,
        /// Возврат прихода: money back.
        SaleReturn = 2,
        /// Расход: money out for goods.
        Purchase = 3,
        /// Возврат расхода: that money back.
        PurchaseReturn = 4,
    }
}

impl ReceiptKind {
    /// Whether money comes into the drawer.
    #[must_use]
    pub fn is_income(self) -> bool {
        matches!(self, Self::Sale | Self::PurchaseReturn)
    }
}

numbered! {
    /// VAT rate, tag 1199. [source: atol.md 6.6]
    pub enum VatRate, tag_1199 {
        /// 20 %, in force until the end of 2025.
        Vat20 = 1,
        /// 10 %.
        Vat10 = 2,
        /// 20/120.
        Vat120 = 3,
        /// 10/110.
        Vat110 = 4,
        /// 0 %.
        Vat0 = 5,
        /// Without VAT.
        None = 6,
        /// 5 %.
        Vat5 = 7,
        /// 7 %.
        Vat7 = 8,
        /// 5/105.
        Vat105 = 9,
        /// 7/107.
        Vat107 = 10,
        /// 22 %, in force from 2026.
        Vat22 = 11,
        /// 22/122.
        Vat122 = 12,
    }
}

impl VatRate {
    /// The percentage inside the sum, where the rate has one.
    #[must_use]
    pub fn percent(self) -> Option<u8> {
        match self {
            Self::Vat20 | Self::Vat120 => Some(20),
            Self::Vat10 | Self::Vat110 => Some(10),
            Self::Vat0 => Some(0),
            Self::None => None,
            Self::Vat5 | Self::Vat105 => Some(5),
            Self::Vat7 | Self::Vat107 => Some(7),
            Self::Vat22 | Self::Vat122 => Some(22),
        }
    }

    /// VAT inside a sum: `sum * r / (100 + r)`, rounded half up; 0 where the rate has none. [source: atol.md 6.6]
    #[must_use]
    pub fn inside(self, sum_minor: i64) -> i64 {
        let rate = i128::from(self.percent().unwrap_or(0));
        let whole = 100 + rate;
        let twice = i128::from(sum_minor) * rate * 2 + whole;
        i64::try_from(twice.div_euclid(whole * 2)).unwrap_or(0)
    }
}

numbered! {
    /// Tax system (СНО), tag 1055: a bit of the mask.
    pub enum TaxSystem, tag_1055 {
        /// ОСН, bit 0.
        General = 1,
        /// УСН доход, bit 1.
        SimplifiedIncome = 2,
        /// УСН доход минус расход, bit 2.
        SimplifiedIncomeMinusExpense = 4,
        /// ЕСХН, bit 4.
        Agricultural = 16,
        /// Патент, bit 5.
        Patent = 32,
    }
}

numbered! {
    /// Settlement subject (признак предмета расчёта), tag 1212. Values that a restaurant never writes (bets, lotteries,
    /// social contributions) are left out. [source: atol.md 3.4; 30 to 33 from memory there]
    pub enum SettlementSubject, tag_1212 {
        /// Товар.
        Commodity = 1,
        /// Подакцизный товар.
        Excise = 2,
        /// Работа.
        Job = 3,
        /// Услуга.
        Service = 4,
        /// Платёж: advances, gift cards.
        Payment = 10,
        /// Агентское вознаграждение.
        AgentCommission = 11,
        /// Составной предмет расчёта.
        Composite = 12,
        /// Иной предмет расчёта.
        Another = 13,
        /// Залог: deposit for a bottle or a tray.
        Deposit = 19,
        /// Подакцизный товар, подлежащий маркировке, без кода.
        ExciseWithoutMarking = 30,
        /// Подакцизный товар, подлежащий маркировке, с кодом.
        ExciseWithMarking = 31,
        /// Товар, подлежащий маркировке, без кода.
        CommodityWithoutMarking = 32,
        /// Товар, подлежащий маркировке, с кодом.
        CommodityWithMarking = 33,
    }
}

numbered! {
    /// Settlement method (признак способа расчёта), tag 1214.
    pub enum SettlementMethod, tag_1214 {
        /// Предоплата 100 %.
        FullPrepayment = 1,
        /// Предоплата.
        Prepayment = 2,
        /// Аванс.
        Advance = 3,
        /// Полный расчёт.
        FullPayment = 4,
        /// Частичный расчёт и кредит.
        PartialPayment = 5,
        /// Передача в кредит.
        Credit = 6,
        /// Оплата кредита.
        CreditPayment = 7,
    }
}

numbered! {
    /// Unit of the quantity, tag 2108.
    pub enum MeasureUnit, tag_2108 {
        /// Piece, portion.
        Piece = 0,
        /// Gram.
        Gram = 10,
        /// Kilogram.
        Kilogram = 11,
        /// Millilitre.
        Millilitre = 40,
        /// Litre.
        Litre = 41,
        /// Hour.
        Hour = 71,
        /// Minute.
        Minute = 72,
        /// Another.
        Other = 255,
    }
}

/// The receipt's own sums by form of payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenderForm {
    /// Tag 1031.
    Cash,
    /// Tag 1081: card, SBP, wallets.
    Electronic,
    /// Tag 1215.
    Advance,
    /// Tag 1216.
    Credit,
    /// Tag 1217.
    Other,
}

impl TenderForm {
    /// Every form, in the order of their tags.
    pub const ALL: [Self; 5] = [
        Self::Cash,
        Self::Electronic,
        Self::Advance,
        Self::Credit,
        Self::Other,
    ];
}

numbered! {
    /// For whom the seller acts, tag 1222: a bit of the mask.
    pub enum AgentKind, tag_1222 {
        /// Банковский платёжный агент.
        BankPayingAgent = 1,
        /// Банковский платёжный субагент.
        BankPayingSubagent = 2,
        /// Платёжный агент.
        PayingAgent = 4,
        /// Платёжный субагент.
        PayingSubagent = 8,
        /// Поверенный.
        Attorney = 16,
        /// Комиссионер.
        CommissionAgent = 32,
        /// Иной агент.
        Another = 64,
    }
}

numbered! {
    /// Why a correction is made, tag 1173.
    pub enum CorrectionBy, tag_1173 {
        /// By ourselves: we found it.
        Ourselves = 0,
        /// By the tax office's order; it has a number.
        Instruction = 1,
    }
}
