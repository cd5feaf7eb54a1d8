//! Whatever receipt passes the check is registered as it was said: to the kopeck, line by line, tag by tag.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, operator};
use galley_atol::emulator::{Durations, EmulatorConfig};
use galley_fiscal::{
    Document, Ffd, Line, LineDetails, MeasureUnit, Receipt, ReceiptDetails, ReceiptKind,
    SettlementMethod, SettlementSubject, Supplier, TaxSystem, TenderForm, TenderSum, VatRate,
    check::{self, Rules},
    spread_lines, sum_of,
};
use proptest::{prelude::*, sample::select};

const RATES: [VatRate; 6] = [
    VatRate::Vat20,
    VatRate::Vat10,
    VatRate::Vat120,
    VatRate::Vat110,
    VatRate::Vat0,
    VatRate::None,
];

fn rules() -> Rules {
    Rules {
        ffd: Ffd::V105,
        vat: RATES.to_vec(),
        marking: false,
        operator_needed: false,
        contact_needed: false,
    }
}

fn line() -> impl Strategy<Value = Line> {
    let subjects: Vec<SettlementSubject> = SettlementSubject::ALL
        .iter()
        .copied()
        .filter(|s| s.tag_1212() < 30)
        .collect();
    let quantity = prop_oneof![(1i64..9).prop_map(|n| n * 1000), 1i64..5_000];
    (
        "[А-Яа-яA-Za-z0-9ё][А-Яа-яA-Za-z0-9ё ,.]{0,60}",
        0i64..1_000_000,
        quantity,
        select(RATES.to_vec()),
        select(subjects),
        select(SettlementMethod::ALL.to_vec()),
        select(MeasureUnit::ALL.to_vec()),
        proptest::option::of(("[0-9]{10}", "[А-Яа-я ]{1,200}я")),
        proptest::option::of(0i64..100_000),
    )
        .prop_map(
            |(name, price, quantity, vat, subject, method, unit, supplier, excise)| Line {
                name,
                price_minor: price,
                quantity_milli: quantity,
                sum_minor: sum_of(price, quantity).unwrap(),
                vat,
                subject,
                method,
                unit,
                details: LineDetails {
                    supplier: supplier.map(|(inn, name)| Supplier {
                        inn,
                        name: Some(name),
                        phones: vec!["+79000000001".into()],
                    }),
                    excise_minor: excise,
                    ..LineDetails::default()
                },
            },
        )
}

/// Shares of the total by form, and cash beyond it.
fn receipt() -> impl Strategy<Value = Receipt> {
    (
        select(ReceiptKind::ALL.to_vec()),
        proptest::collection::vec(line(), 1..6),
        proptest::collection::vec((0usize..4, 1i64..1_000), 0..4),
        0i64..50_000,
        0u32..=1_000,
        proptest::option::of("[А-Яа-я]{1,250}"),
    )
        .prop_filter_map(
            "a total of nothing",
            |(kind, lines, cuts, extra, off, place)| {
                let before: i64 = lines.iter().map(|l| l.sum_minor).sum();
                let lines = spread_lines(&lines, before * i64::from(off) / 4_000).ok()?;
                let total: i64 = lines.iter().map(|l| l.sum_minor).sum();
                let mut left = total;
                let mut tenders = Vec::new();
                for (form, thousandths) in cuts {
                    let sum = left * thousandths / 1_000;
                    if sum > 0 {
                        let form = TenderForm::ALL[form + 1];
                        tenders.push(TenderSum {
                            form,
                            sum_minor: sum,
                        });
                        left -= sum;
                    }
                }
                let change = if kind.is_income() && left > 0 {
                    extra
                } else {
                    0
                };
                if left > 0 {
                    let cash = TenderForm::Cash;
                    tenders.insert(
                        0,
                        TenderSum {
                            form: cash,
                            sum_minor: left + change,
                        },
                    );
                }
                (total > 0).then(|| Receipt {
                    key: "k-1".into(),
                    kind,
                    operator: Some(operator()),
                    tax_system: TaxSystem::General,
                    lines,
                    tenders,
                    buyer_contact: None,
                    print: true,
                    details: ReceiptDetails {
                        place,
                        ..ReceiptDetails::default()
                    },
                })
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_is_what_is_registered(said in receipt()) {
        let document = Document::Receipt(said.clone());
        prop_assert_eq!(check::faults(&document, &rules()), vec![]);
        let stored = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async {
                let config = EmulatorConfig { durations: Durations::none(), ..EmulatorConfig::default() };
                let mut bench = Bench::open_shift(config).await;
                let done = bench.carry_out(&document, false).await;
                assert_eq!(done.record.total_minor, said.total_minor());
                bench.emulator.receipts().pop().unwrap()
            });
        let total = u64::try_from(said.total_minor().unwrap()).unwrap();
        prop_assert_eq!(stored.total_minor, total);
        prop_assert_eq!(stored.settlement(), Some(said.kind.tag_1054()));
        prop_assert_eq!(stored.tenders.iter().map(|(_, sum)| sum).sum::<u64>(), total);
        prop_assert_eq!(stored.tag(1187).map(|t| t.text()), said.details.place);
        prop_assert_eq!(stored.lines.len(), said.lines.len());
        for (kept, line) in stored.lines.iter().zip(&said.lines) {
            let of = |n: i64| u64::try_from(n).unwrap();
            prop_assert_eq!(&kept.name, &line.name);
            prop_assert_eq!((kept.price_minor, kept.quantity_milli, kept.sum_minor),
                (of(line.price_minor), of(line.quantity_milli), of(line.sum_minor)));
            prop_assert_eq!((kept.tax_index, kept.subject, kept.method),
                (line.vat.tag_1199(), line.subject.tag_1212(), line.method.tag_1214()));
            prop_assert_eq!(kept.tag(1224).is_some(), line.details.supplier.is_some());
            prop_assert_eq!(kept.tag(1229).is_some(), line.details.excise_minor.is_some());
        }
    }
}
