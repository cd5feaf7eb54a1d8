//! TLV: tag, length, value, numbers little-endian (5).

/// Tags that this crate writes or reads.
pub mod tag {
    /// Buyer's e-mail or phone.
    pub const BUYER_CONTACT: u16 = 1008;
    /// Address of settlement.
    pub const ADDRESS: u16 = 1009;
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
    /// Number of the automatic device.
    pub const MACHINE: u16 = 1036;
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
    /// Sum of a line.
    pub const LINE_SUM: u16 = 1043;
    /// What a paying agent does.
    pub const AGENT_OPERATION: u16 = 1044;
    /// Settlement sign.
    pub const SETTLEMENT: u16 = 1054;
    /// Tax system.
    pub const TAX_SYSTEM: u16 = 1055;
    /// A line of a receipt; holds TLVs.
    pub const LINE: u16 = 1059;
    /// Phones of a paying agent.
    pub const AGENT_PHONE: u16 = 1073;
    /// Fiscal sign.
    pub const SIGN: u16 = 1077;
    /// Price.
    pub const PRICE: u16 = 1079;
    /// Paid by card and the like.
    pub const ELECTRONIC: u16 = 1081;
    /// A named value of the receipt; holds 1085 and 1086.
    pub const USER_ATTRIBUTE: u16 = 1084;
    /// Its name.
    pub const USER_ATTRIBUTE_NAME: u16 = 1085;
    /// Its value.
    pub const USER_ATTRIBUTE_VALUE: u16 = 1086;
    /// Settled over the internet.
    pub const INTERNET: u16 = 1125;
    /// Supplier's phone.
    pub const SUPPLIER_PHONE: u16 = 1171;
    /// Kind of correction.
    pub const CORRECTION_BY: u16 = 1173;
    /// Ground of a correction; holds 1177 to 1179.
    pub const CORRECTION_BASIS: u16 = 1174;
    /// What is corrected.
    pub const CORRECTION_TEXT: u16 = 1177;
    /// The corrected day.
    pub const CORRECTION_DATE: u16 = 1178;
    /// Number of the order.
    pub const CORRECTION_NUMBER: u16 = 1179;
    /// Place of settlement.
    pub const PLACE: u16 = 1187;
    /// Additional requisite of the line.
    pub const LINE_ATTRIBUTE: u16 = 1191;
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
    /// Agent of the line.
    pub const AGENT: u16 = 1222;
    /// Data of the agent.
    pub const AGENT_DATA: u16 = 1223;
    /// Data of the supplier.
    pub const SUPPLIER: u16 = 1224;
    /// Supplier's name.
    pub const SUPPLIER_NAME: u16 = 1225;
    /// Supplier's tax number.
    pub const SUPPLIER_INN: u16 = 1226;
    /// Buyer's name, before FFD 1.2 on its own.
    pub const BUYER_NAME: u16 = 1227;
    /// Buyer's tax number.
    pub const BUYER_INN: u16 = 1228;
    /// Excise.
    pub const EXCISE: u16 = 1229;
    /// Country of origin.
    pub const COUNTRY: u16 = 1230;
    /// Customs declaration.
    pub const CUSTOMS: u16 = 1231;
    /// Buyer, FFD 1.2; holds 1227 and 1228.
    pub const BUYER: u16 = 1256;
    /// Industry attribute of the line; holds 1262 to 1265.
    pub const LINE_INDUSTRY: u16 = 1260;
    /// Industry attribute of the receipt.
    pub const RECEIPT_INDUSTRY: u16 = 1261;
    /// The body that asked for it.
    pub const FOIS: u16 = 1262;
    /// Date of its act.
    pub const ACT_DATE: u16 = 1263;
    /// Number of its act.
    pub const ACT_NUMBER: u16 = 1264;
    /// The value.
    pub const INDUSTRY_VALUE: u16 = 1265;
    /// Operation attribute; holds 1271 to 1273.
    pub const OPERATION: u16 = 1270;
    /// Its number.
    pub const OPERATION_ID: u16 = 1271;
    /// Its data.
    pub const OPERATION_DATA: u16 = 1272;
    /// Its time.
    pub const OPERATION_AT: u16 = 1273;
    /// A part of a marked unit; holds 1292 to 1294.
    pub const FRACTION: u16 = 1291;
    /// In words.
    pub const FRACTION_TEXT: u16 = 1292;
    /// Above the line.
    pub const NUMERATOR: u16 = 1293;
    /// Below the line.
    pub const DENOMINATOR: u16 = 1294;
    /// Marking code.
    pub const MARKING: u16 = 2000;
    /// Planned status of the marked unit.
    pub const PLANNED_STATUS: u16 = 2003;
    /// Result of the check.
    pub const CHECK_RESULT: u16 = 2106;
    /// Measure of the quantity.
    pub const MEASURE: u16 = 2108;
}

pub use galley_fiscal::tlv::{encode, find, fvln, number, split, vln, walk};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_chapter_5_are_right() {
        assert_eq!(fvln(6, 1_000_000), [0x06, 0x40, 0x42, 0x0F]);
        assert_eq!(
            encode(1262, b"030"),
            [0xEE, 0x04, 0x03, 0x00, 0x30, 0x33, 0x30]
        );
        assert_eq!(
            encode(1264, b"1944"),
            [0xF0, 0x04, 0x04, 0x00, 0x31, 0x39, 0x34, 0x34]
        );
        let text = crate::text::tlv("Мама", 64);
        assert_eq!(
            encode(666, &text)[..8],
            [0x9A, 0x02, 0x04, 0x00, 0x8C, 0xA0, 0xAC, 0xA0]
        );
        let time = crate::local_time::LocalDateTime::new(2018, 4, 2, 18, 16, 0).unwrap();
        let seconds = u32::try_from(time.seconds()).unwrap();
        assert_eq!(seconds.to_le_bytes(), [0x60, 0x73, 0xC2, 0x5A]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_split(tag: u16, value in proptest::collection::vec(any::<u8>(), 0..300), n: u64) {
            let bytes = encode(tag, &value);
            prop_assert_eq!(split(&bytes), Some((tag, value.as_slice(), &[][..])));
            prop_assert_eq!(number(&vln(n)), Some(n));
        }

        #[test]
        fn any_bytes_are_walked(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(walk(&bytes).count() <= 75);
        }
    }
}
