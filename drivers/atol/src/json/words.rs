//! The vendor's words for the closed lists of the law. [source: atol.md 3.4, tried against the vendor's validator]

use galley_fiscal::{
    AgentKind, CorrectionBy, MarkingStatus, SettlementMethod, SettlementSubject, TaxSystem,
    TenderForm, VatRate,
};

/// Words both ways. The first word of a value is the one that is written; the others are read too.
macro_rules! words {
    ($(#[$meta:meta])* $to:ident, $from:ident, $type:ty { $($value:path = $first:literal $(| $more:literal)*,)+ }) => {
        $(#[$meta])*
        #[must_use]
        pub fn $to(value: $type) -> &'static str {
            match value {
                $($value => $first,)+
            }
        }

        /// The value of a word.
        #[must_use]
        pub fn $from(word: &str) -> Option<$type> {
            match word {
                $($first $(| $more)* => Some($value),)+
                _ => None,
            }
        }
    };
}

words! {
    /// `tax.type`, tag 1199.
    vat_word, vat_of, VatRate {
        VatRate::None = "none",
        VatRate::Vat0 = "vat0" | "0",
        VatRate::Vat5 = "vat5" | "5",
        VatRate::Vat7 = "vat7" | "7",
        VatRate::Vat10 = "vat10" | "10",
        VatRate::Vat20 = "vat20" | "20",
        VatRate::Vat22 = "vat22",
        VatRate::Vat105 = "vat105",
        VatRate::Vat107 = "vat107",
        VatRate::Vat110 = "vat110",
        VatRate::Vat120 = "vat120",
        VatRate::Vat122 = "vat122",
    }
}

words! {
    /// `taxationType`, tag 1055.
    tax_system_word, tax_system_of, TaxSystem {
        TaxSystem::General = "osn",
        TaxSystem::SimplifiedIncome = "usnIncome",
        TaxSystem::SimplifiedIncomeMinusExpense = "usnIncomeOutcome",
        TaxSystem::Agricultural = "esn",
        TaxSystem::Patent = "patent",
    }
}

words! {
    /// `paymentMethod`, tag 1214.
    method_word, method_of, SettlementMethod {
        SettlementMethod::FullPrepayment = "fullPrepayment" | "1",
        SettlementMethod::Prepayment = "prepayment" | "2",
        SettlementMethod::Advance = "advance" | "3",
        SettlementMethod::FullPayment = "fullPayment" | "4",
        SettlementMethod::PartialPayment = "partialPayment" | "5",
        SettlementMethod::Credit = "credit" | "6",
        SettlementMethod::CreditPayment = "creditPayment" | "7",
    }
}

words! {
    /// `paymentObject`, tag 1212.
    subject_word, subject_of, SettlementSubject {
        SettlementSubject::Commodity = "commodity" | "1",
        SettlementSubject::Excise = "excise" | "2",
        SettlementSubject::Job = "job" | "3",
        SettlementSubject::Service = "service" | "4",
        SettlementSubject::Payment = "payment" | "10",
        SettlementSubject::AgentCommission = "agentCommission" | "11",
        SettlementSubject::Composite = "composite" | "pay" | "12",
        SettlementSubject::Another = "another" | "13",
        SettlementSubject::Deposit = "deposit" | "19",
        SettlementSubject::ExciseWithoutMarking = "exciseWithoutMarking" | "30",
        SettlementSubject::ExciseWithMarking = "exciseWithMarking" | "31",
        SettlementSubject::CommodityWithoutMarking = "commodityWithoutMarking" | "32",
        SettlementSubject::CommodityWithMarking = "commodityWithMarking" | "33",
    }
}

words! {
    /// `payments[].type`.
    tender_word, tender_of, TenderForm {
        TenderForm::Cash = "cash" | "0",
        TenderForm::Electronic = "electronically" | "1",
        TenderForm::Advance = "prepaid" | "2",
        TenderForm::Credit = "credit" | "3",
        TenderForm::Other = "other" | "4",
    }
}

words! {
    /// `agents[]`, tag 1222.
    agent_word, agent_of, AgentKind {
        AgentKind::BankPayingAgent = "bankPayingAgent",
        AgentKind::BankPayingSubagent = "bankPayingSubagent",
        AgentKind::PayingAgent = "payingAgent",
        AgentKind::PayingSubagent = "payingSubagent",
        AgentKind::Attorney = "attorney",
        AgentKind::CommissionAgent = "commissionAgent",
        AgentKind::Another = "another",
    }
}

words! {
    /// `correctionType`, tag 1173.
    correction_word, correction_of, CorrectionBy {
        CorrectionBy::Ourselves = "self",
        CorrectionBy::Instruction = "instruction",
    }
}

words! {
    /// `itemEstimatedStatus`, tag 2003.
    marking_word, marking_of, MarkingStatus {
        MarkingStatus::PieceSold = "itemPieceSold" | "1",
        MarkingStatus::PartSold = "itemDryForSale" | "2",
        MarkingStatus::PieceReturned = "itemPieceReturn" | "3",
        MarkingStatus::PartReturned = "itemDryReturn" | "4",
        MarkingStatus::Unchanged = "itemStatusUnchanged" | "255",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for v in VatRate::ALL {
            assert_eq!(vat_of(vat_word(*v)), Some(*v));
        }
        for v in SettlementSubject::ALL {
            assert_eq!(subject_of(subject_word(*v)), Some(*v));
            assert_eq!(subject_of(&v.tag_1212().to_string()), Some(*v));
        }
        for v in SettlementMethod::ALL {
            assert_eq!(method_of(method_word(*v)), Some(*v));
            assert_eq!(method_of(&v.tag_1214().to_string()), Some(*v));
        }
        for v in TaxSystem::ALL {
            assert_eq!(tax_system_of(tax_system_word(*v)), Some(*v));
        }
        for v in AgentKind::ALL {
            assert_eq!(agent_of(agent_word(*v)), Some(*v));
        }
        for v in TenderForm::ALL {
            assert_eq!(tender_of(tender_word(v)), Some(v));
        }
    }

    #[test]
    fn a_rate_that_is_not_known_is_none_and_never_a_default() {
        for word in ["vat18", "department", "vat15", ""] {
            assert_eq!(vat_of(word), None, "{word}");
        }
    }
}
