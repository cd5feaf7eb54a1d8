use super::*;
use crate::domain::money::Currency;
use proptest::prelude::*;

const WATER: &str = "0104607010350246215kRdG-1%2(UmV\u{1d}93dGVz";

fn scan(text: &str) -> Result<MarkCode, ScanFault> {
    MarkCode::scan(text.as_bytes(), Group::Other)
}

#[test]
fn the_codes_of_the_certification_are_read() {
    // marking.md 10; the serial of the third holds a quotation mark.
    for (code, cis) in [
        (
            "0104670540176099215'W9Um\u{1d}93dGVz",
            "0104670540176099215'W9Um",
        ),
        (WATER, "0104607010350246215kRdG-1%2(UmV"),
        (
            "01046700190342882151aj\"K>X+mFcP\u{1d}93dGVz",
            "01046700190342882151aj\"K>X+mFcP",
        ),
        (
            "010462930887704421DzkcYt2\u{1d}8005090000\u{1d}93dGVz",
            "010462930887704421DzkcYt2",
        ),
        ("04601653035829H;dV)bFABVUdGVz", "04601653035829H;dV)bF"),
    ] {
        let read = scan(code).unwrap();
        assert_eq!((read.cis.as_str(), read.code.as_str()), (cis, code));
        assert!(is_gtin(&read.gtin), "{}", read.gtin);
    }
}

#[test]
fn what_a_scanner_puts_around_a_code_is_taken_off_and_nothing_else() {
    for around in [
        format!("]d2{WATER}"),
        format!("\u{1d}{WATER}\r\n"),
        format!("]d2\u{1d}{WATER}\t"),
        format!("<GS>{WATER}"),
    ] {
        assert_eq!(scan(&around).unwrap().code, WATER, "{around:?}");
    }
    let lower = WATER.to_lowercase();
    assert_eq!(scan(&lower).unwrap().code, lower, "its case is its own");
}

#[test]
fn lost_separators_are_put_back_only_where_the_goods_leave_no_doubt() {
    let lost = WATER.replace(GS, "");
    assert_eq!(
        MarkCode::scan(lost.as_bytes(), Group::Water).unwrap().code,
        WATER
    );
    assert_eq!(
        MarkCode::scan(lost.as_bytes(), Group::Dairy),
        Err(ScanFault::NoSeparator)
    );
    assert_eq!(scan(&lost), Err(ScanFault::NoSeparator));
}

#[test]
fn what_is_no_code_is_refused_with_the_reason() {
    for (text, fault) in [
        ("", ScanFault::Empty),
        ("\r\n", ScanFault::Empty),
        ("4607010350246", ScanFault::NotMarking),
        ("]d1hello", ScanFault::NotMarking),
        ("0104607010350246Ы5kR", ScanFault::Layout),
        (
            "0104607010350247215kRdG\u{1d}93dGVz",
            ScanFault::Gtin("04607010350247".to_owned()),
        ),
        ("0104607010350246215kRdG\u{1d}", ScanFault::NoCheck),
        (
            "0104607010350246215kR#G\u{1d}93dGVz",
            ScanFault::Field("21".to_owned()),
        ),
        (
            "0104607010350246215kRdG\u{1d}17261\u{1d}93dGVz",
            ScanFault::Field("17".to_owned()),
        ),
        (
            "0104607010350246215kRdG\u{1d}9",
            ScanFault::Field("9".to_owned()),
        ),
    ] {
        assert_eq!(scan(text), Err(fault), "{text:?}");
    }
    let long = format!("{WATER}{}", "x".repeat(LONGEST));
    assert_eq!(scan(&long), Err(ScanFault::TooLong));
}

#[test]
fn fields_with_a_fixed_length_need_no_separator() {
    assert!(scan("0104607010350246215kRdGa\u{1d}1726112293dGVz").is_ok());
    assert!(scan("0104607010350246215kRdGa\u{1d}70032611221200\u{1d}93dGVz").is_ok());
    assert!(scan("0104607010350246215kRdGa\u{1d}93dGVz\u{1d}3103000350").is_ok());
}

#[test]
fn a_code_goes_to_the_line_that_wants_it_and_once() {
    let water = Marked {
        group: Group::Water,
        gtins: vec!["04607010350246".to_owned()],
    };
    let any = Marked::default();
    let lines = [
        Wanted {
            line: 1,
            marked: &water,
            quantity: 1,
            price: Money::new(10_000, Currency::Rub),
        },
        Wanted {
            line: 2,
            marked: &any,
            quantity: 1,
            price: Money::new(10_000, Currency::Rub),
        },
    ];
    let of = |text: &str, line| Scan {
        bytes: text.as_bytes().to_vec(),
        line,
    };
    let other = "0104670540176099215'W9Um\u{1d}93dGVz";
    let marks = assign(&lines, &[], &[of(other, None), of(WATER, None)]).unwrap();
    assert_eq!(
        marks.iter().map(|m| (m.line, m.nth)).collect::<Vec<_>>(),
        [(2, 0), (1, 0)]
    );
    assert_eq!(
        assign(&lines, &marks, &[of(WATER, None)]),
        Err(ScanFault::Twice)
    );
    assert_eq!(
        assign(&lines, &[], &[of(other, Some(1))]),
        Err(ScanFault::NoLine("04670540176099".to_owned()))
    );
    let third = "0104607010350246215kRdG-1%2(Umn\u{1d}93dGVz";
    assert!(matches!(
        assign(&lines, &marks, &[of(third, None)]),
        Err(ScanFault::NoLine(_))
    ));
    assert!(matches!(
        assign(&[], &[], &[of(WATER, None)]),
        Err(ScanFault::NoLine(_))
    ));
}

#[test]
fn a_check_means_what_its_bits_say() {
    for (bits, verdict) in [
        (0b0_1111, Verdict::Right),
        (0b0_1100, Verdict::Right),
        (0b1_0011, Verdict::Offline),
        (0b1_0000, Verdict::Offline),
        (0b0_0000, Verdict::Offline),
        (0b0_0001, Verdict::Wrong),
        (0b0_0111, Verdict::Wrong),
        (0b1_0001, Verdict::Wrong),
    ] {
        assert_eq!(Check(bits).verdict(), verdict, "{bits:05b}");
    }
}

#[test]
fn a_dish_says_in_three_ways_that_it_is_marked() {
    #[derive(Deserialize)]
    struct Dish {
        #[serde(default, deserialize_with = "Marked::said")]
        marked: Option<Marked>,
    }
    let read = |text: &str| toml::from_str::<Dish>(text).unwrap().marked;
    assert_eq!(read(""), None);
    assert_eq!(read("marked = false"), None);
    assert_eq!(read("marked = true"), Some(Marked::default()));
    assert_eq!(read("marked = \"beer\"").unwrap().group, Group::Beer);
    let whole = read("marked = { group = \"water\", gtins = [\"04607010350247\"] }").unwrap();
    assert_eq!(whole.faults().len(), 1);
    assert!(toml::from_str::<Dish>("marked = \"gold\"").is_err());
}

proptest! {
    #[test]
    fn no_scan_brings_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..260)) {
        for group in [Group::Dairy, Group::Water, Group::Beer, Group::Other] {
            if let Ok(code) = MarkCode::scan(&bytes, group) {
                prop_assert_eq!(MarkCode::scan(code.code.as_bytes(), group), Ok(code.clone()));
            }
        }
    }
}
