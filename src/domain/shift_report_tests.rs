use super::*;
use crate::domain::receipt::{Correction, ReceiptDraft};

const AT: Timestamp = Timestamp::from_millis(1_795_338_000_000);

fn registered(number: u32) -> Registered {
    Registered {
        document_number: number,
        fiscal_sign: 1,
        drive_number: "9999078900000001".into(),
        registration_number: Some("0000000001000001".into()),
        shift_number: Some(7),
        receipt_number: None,
        local_time: "2026-11-22T12:00".into(),
        qr: None,
        printed: None,
    }
}

fn receipt(kind: ReceiptKind, tenders: &[(Tender, i64)], correction: bool) -> Receipt {
    Receipt {
        draft: ReceiptDraft {
            key: "K".into(),
            kind,
            refund: None,
            lines: Vec::new(),
            tenders: tenders.to_vec(),
            total_minor: tenders.iter().map(|t| t.1).sum(),
            correction: correction.then(|| Correction {
                date: "2026-11-21".into(),
                who: "Anna".into(),
                why: "power cut".into(),
                served: true,
                prescription: None,
                wrong: None,
            }),
            electronic: None,
        },
        requested_at: AT,
        registered: Some(registered(2)),
    }
}

fn cash(direction: Direction, sum_minor: i64) -> CashEntry {
    CashEntry {
        at: AT,
        cash: CashMove {
            key: "c".into(),
            direction,
            sum_minor,
            who: "Anna".into(),
            why: "change".into(),
        },
    }
}

/// A day: two sales, one in two tenders, one return in cash, change put in, money taken out.
fn day() -> (Folder, Vec<Receipt>) {
    let receipts = vec![
        receipt(
            ReceiptKind::Sale,
            &[(Tender::Cash, 300), (Tender::SbpQr, 700)],
            false,
        ),
        receipt(ReceiptKind::Sale, &[(Tender::CardTerminal, 500)], false),
        receipt(ReceiptKind::SaleReturn, &[(Tender::Cash, 100)], false),
    ];
    let folder = Folder {
        counts: Vec::new(),
        opened_at: Some(AT),
        opened: Some(registered(1)),
        closed_at: Some(AT),
        closed: Some(registered(9)),
        start: Some(Counters {
            shift_number: 7,
            drawer: Drawer {
                cash_minor: 50,
                ..Drawer::default()
            },
            ..Counters::default()
        }),
        end: Some(Counters {
            shift_number: 7,
            sales: Side {
                count: 2,
                sum_minor: 1500,
                cash_minor: 300,
                electronic_minor: 1200,
                other_minor: 0,
            },
            returns: Side {
                count: 1,
                sum_minor: 100,
                cash_minor: 100,
                ..Side::default()
            },
            drawer: Drawer {
                ins: 1,
                in_minor: 1000,
                outs: 1,
                out_minor: 400,
                cash_minor: 50 + 300 - 100 + 1000 - 400,
            },
        }),
        counted_at: Some(AT),
        cash: vec![cash(Direction::In, 1000), cash(Direction::Out, 400)],
    };
    (folder, receipts)
}

fn codes(report: &ShiftReport) -> Vec<&str> {
    report.differences.iter().map(|d| d.code.as_str()).collect()
}

#[test]
fn a_day_that_the_printer_counted_alike_has_no_differences() {
    let (folder, receipts) = day();
    let report = ShiftReport::of(7, &folder, &receipts, None);
    assert_eq!(report.differences, []);
    assert_eq!(
        (
            report.sales.sum_minor,
            report.returns.sum_minor,
            report.net_minor
        ),
        (1500, 100, 1400)
    );
    assert_eq!(report.drawer.expected_minor, 850);
    assert_eq!(
        report.sales.tenders,
        [
            TenderSum {
                tender: Tender::Cash,
                sum_minor: 300
            },
            TenderSum {
                tender: Tender::CardTerminal,
                sum_minor: 500
            },
            TenderSum {
                tender: Tender::SbpQr,
                sum_minor: 700
            },
        ]
    );
    assert_eq!(
        (report.opening_document, report.closing_document),
        (Some(1), Some(9))
    );
}

#[test]
fn a_sale_made_past_galley_shows_in_words_and_in_both_figures() {
    let (mut folder, receipts) = day();
    if let Some(end) = &mut folder.end {
        end.sales.count += 1;
        end.sales.cash_minor += 60;
        end.sales.sum_minor += 60;
        end.drawer.cash_minor += 60;
    }
    let report = ShiftReport::of(7, &folder, &receipts, None);
    assert_eq!(codes(&report), ["sales_count", "sales_cash", "drawer"]);
    let cash = &report.differences[1];
    assert_eq!((cash.galley, cash.printer, cash.money), (300, 360, true));
    assert_eq!(cash.what, "sales in cash");
}

#[test]
fn money_taken_out_at_the_printer_itself_shows() {
    let (mut folder, receipts) = day();
    if let Some(end) = &mut folder.end {
        end.drawer.out_minor += 200;
        end.drawer.cash_minor -= 200;
    }
    let report = ShiftReport::of(7, &folder, &receipts, None);
    assert_eq!(codes(&report), ["cash_out", "drawer"]);
}

#[test]
fn a_correction_is_no_difference_whether_the_printer_counts_it_as_a_sale_or_apart() {
    for (apart, in_drawer) in [(true, false), (true, true), (false, true)] {
        let (mut folder, mut receipts) = day();
        receipts.push(receipt(ReceiptKind::Sale, &[(Tender::Cash, 40)], true));
        if let Some(end) = folder.end.as_mut().filter(|_| !apart) {
            end.sales.count += 1;
            end.sales.sum_minor += 40;
            end.sales.cash_minor += 40;
        }
        if let Some(end) = folder.end.as_mut().filter(|_| in_drawer) {
            end.drawer.cash_minor += 40;
        }
        let report = ShiftReport::of(7, &folder, &receipts, None);
        assert_eq!(report.differences, [], "apart: {apart}");
        assert_eq!(
            (report.sales.sum_minor, report.corrections.sum_minor),
            (1540, 40)
        );
    }
}

#[test]
fn a_printer_that_said_nothing_is_not_accused() {
    let (folder, receipts) = day();
    let folder = Folder {
        start: None,
        end: None,
        counted_at: None,
        ..folder
    };
    let report = ShiftReport::of(7, &folder, &receipts, None);
    assert_eq!(report.differences, []);
    assert_eq!(
        (report.drawer.start_minor, report.drawer.expected_minor),
        (None, 800)
    );
}

#[test]
fn counters_of_another_shift_are_told_and_not_compared() {
    let (mut folder, receipts) = day();
    if let Some(end) = &mut folder.end {
        end.shift_number = 8;
    }
    assert_eq!(
        codes(&ShiftReport::of(7, &folder, &receipts, None)),
        ["shift"]
    );
}

#[test]
fn fresh_counters_count_for_an_open_shift_only() {
    let (folder, receipts) = day();
    let fresh = Counters {
        shift_number: 7,
        ..Counters::default()
    };
    let closed = ShiftReport::of(7, &folder, &receipts, Some((AT, fresh.clone())));
    assert_eq!(closed.differences, []);
    let open = Folder {
        closed_at: None,
        closed: None,
        ..folder
    };
    let report = ShiftReport::of(7, &open, &receipts, Some((AT, fresh)));
    assert!(codes(&report).contains(&"sales_count"));
}
