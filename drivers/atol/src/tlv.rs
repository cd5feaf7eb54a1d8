//! TLV: tag, length, value, numbers little-endian (2.1).

/// Tags that this crate writes or reads.
pub mod tag {
    /// The printer is an automatic device.
    pub const AUTOMATIC: u16 = 1001;
    /// Address of settlement.
    pub const ADDRESS: u16 = 1009;
    /// Tax number of the organisation.
    pub const ORGANISATION_INN: u16 = 1018;
    /// Number of the automatic device.
    pub const MACHINE_NUMBER: u16 = 1036;
    /// What a paying agent does.
    pub const AGENT_OPERATION: u16 = 1044;
    /// Name of the OFD.
    pub const OFD: u16 = 1046;
    /// Name of the organisation.
    pub const ORGANISATION: u16 = 1048;
    /// Tax systems of the registration, a mask.
    pub const TAX_SYSTEMS: u16 = 1062;
    /// Phone of the paying agent.
    pub const AGENT_PHONE: u16 = 1073;
    /// A named value of ours; holds the two that follow.
    pub const USER_ATTRIBUTE: u16 = 1084;
    /// Its name.
    pub const ATTRIBUTE_NAME: u16 = 1085;
    /// Its value.
    pub const ATTRIBUTE_VALUE: u16 = 1086;
    /// VAT of 20 %.
    pub const SUM_VAT_20: u16 = 1102;
    /// VAT of 10 %.
    pub const SUM_VAT_10: u16 = 1103;
    /// Turnover at 0 %.
    pub const SUM_VAT_0: u16 = 1104;
    /// Turnover without VAT.
    pub const SUM_NO_VAT: u16 = 1105;
    /// VAT of 20/120.
    pub const SUM_VAT_120: u16 = 1106;
    /// VAT of 10/110.
    pub const SUM_VAT_110: u16 = 1107;
    /// Settled over the internet.
    pub const INTERNET: u16 = 1125;
    /// Phone of the supplier.
    pub const SUPPLIER_PHONE: u16 = 1171;
    /// Why a correction is made.
    pub const CORRECTION_BY: u16 = 1173;
    /// Its ground; holds 1177 to 1179.
    pub const CORRECTION_BASIS: u16 = 1174;
    /// In words.
    pub const BASIS_WORDS: u16 = 1177;
    /// Its day, seconds since 1970.
    pub const BASIS_DATE: u16 = 1178;
    /// Number of the order.
    pub const BASIS_NUMBER: u16 = 1179;
    /// Place of settlement.
    pub const PLACE: u16 = 1187;
    /// Additional attribute of a position.
    pub const POSITION_ATTRIBUTE: u16 = 1191;
    /// For whom the seller acts.
    pub const AGENT: u16 = 1222;
    /// Data of the agent; holds 1044 and 1073.
    pub const AGENT_DATA: u16 = 1223;
    /// Data of the supplier; holds 1225 and 1171.
    pub const SUPPLIER_DATA: u16 = 1224;
    /// Name of the supplier.
    pub const SUPPLIER_NAME: u16 = 1225;
    /// Tax number of the supplier.
    pub const SUPPLIER_INN: u16 = 1226;
    /// Name of the buyer.
    pub const BUYER_NAME: u16 = 1227;
    /// Tax number of the buyer.
    pub const BUYER_INN: u16 = 1228;
    /// Excise.
    pub const EXCISE: u16 = 1229;
    /// Country of origin.
    pub const COUNTRY: u16 = 1230;
    /// Customs declaration.
    pub const DECLARATION: u16 = 1231;
    /// Buyer's e-mail or phone.
    pub const BUYER_CONTACT: u16 = 1008;
    /// Date and time of the document, seconds since 1970 in local time.
    pub const DATE_TIME: u16 = 1012;
    /// Total of the receipt.
    pub const TOTAL: u16 = 1020;
    /// Cashier.
    pub const OPERATOR: u16 = 1021;
    /// Quantity.
    pub const QUANTITY: u16 = 1023;
    /// Name of the goods.
    pub const NAME: u16 = 1030;
    /// Paid in cash.
    pub const CASH: u16 = 1031;
    /// Registration number of the printer.
    pub const REGISTRATION: u16 = 1037;
    /// Shift number.
    pub const SHIFT: u16 = 1038;
    /// Number of the fiscal document.
    pub const DOCUMENT: u16 = 1040;
    /// Serial number of the fiscal drive.
    pub const DRIVE: u16 = 1041;
    /// Number of the receipt in its shift.
    pub const RECEIPT: u16 = 1042;
    /// Sum of a position.
    pub const POSITION_SUM: u16 = 1043;
    /// Settlement sign.
    pub const SETTLEMENT: u16 = 1054;
    /// Tax system.
    pub const TAX_SYSTEM: u16 = 1055;
    /// A position of a receipt; holds TLVs.
    pub const POSITION: u16 = 1059;
    /// Price.
    pub const PRICE: u16 = 1079;
    /// Paid by card and the like.
    pub const ELECTRONIC: u16 = 1081;
    /// Additional requisite of the receipt: our key.
    pub const RECEIPT_KEY: u16 = 1192;
    /// Unit of measure, free text (FFD 1.05).
    pub const UNIT: u16 = 1197;
    /// VAT rate.
    pub const VAT: u16 = 1199;
    /// Tax number of the cashier.
    pub const OPERATOR_INN: u16 = 1203;
    /// Settlement subject.
    pub const SUBJECT: u16 = 1212;
    /// Settlement method.
    pub const METHOD: u16 = 1214;
    /// Paid by an advance.
    pub const ADVANCE: u16 = 1215;
    /// Paid by credit.
    pub const CREDIT: u16 = 1216;
    /// Paid otherwise.
    pub const OTHER: u16 = 1217;
}

pub use galley_fiscal::tlv::{encode, number, split, vln, walk};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_captured_stlv_is_walked() {
        // Source: 9.3, tag 1174 as the vendor host writes it.
        let bytes = [
            0x96, 0x04, 0x12, 0x00, 0x99, 0x04, 0x01, 0x00, 0x78, 0x9A, 0x04, 0x04, 0x00, 0x80,
            0x8D, 0xFF, 0x6A, 0x9B, 0x04, 0x01, 0x00, 0x31,
        ];
        let (tag, inner, rest) = split(&bytes).unwrap();
        assert_eq!((tag, rest.len()), (1174, 0));
        let parts: Vec<_> = walk(inner).collect();
        assert_eq!(parts[0], (1177, &b"x"[..]));
        assert_eq!(number(parts[1].1), Some(1_795_132_800));
        assert_eq!(parts[2], (1179, &b"1"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(walk(&bytes).count() <= bytes.len() / 4);
        }

        #[test]
        fn a_number_survives(value: u64) {
            prop_assert_eq!(number(&vln(value)), Some(value));
        }
    }
}
