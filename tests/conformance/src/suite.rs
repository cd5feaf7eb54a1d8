//! The promises, one function each. They run on every make.

use crate::{
    Bench, New, Place, Trouble, carry_out, cash, correction, line, operator, receipt, sale,
    shift_close, shift_open,
};
use galley_fiscal::{
    Align, Document, FiscalError, FiscalRecord, Marking, MarkingStatus, ReceiptKind, RecordKind,
    SettlementSubject, ShiftState, Slip, SlipItem, TenderForm, TenderSum,
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Every kind of document that a till registers.
fn documents() -> Vec<Document> {
    let of = |kind, key| Document::Receipt(receipt(kind, key));
    vec![
        shift_open(),
        of(ReceiptKind::Sale, "s-1"),
        of(ReceiptKind::SaleReturn, "s-1-r"),
        of(ReceiptKind::Purchase, "p-1"),
        of(ReceiptKind::PurchaseReturn, "p-1-r"),
        correction("c-1"),
        Document::CashIn(cash("float-1", 500_000)),
        Document::CashOut(cash("out-1", 100_000)),
        shift_close(),
    ]
}

fn kind_of(document: &Document) -> RecordKind {
    match document {
        Document::ShiftOpen(_) => RecordKind::ShiftOpen,
        Document::ShiftClose(_) => RecordKind::ShiftClose,
        Document::Receipt(r) => RecordKind::Receipt(r.kind),
        Document::Correction(c) => RecordKind::Correction(c.receipt.kind),
        Document::CashIn(_) => RecordKind::CashIn,
        Document::CashOut(_) => RecordKind::CashOut,
    }
}

/// Money in the drawer and an open shift, as far as `document` needs them.
async fn ready_for(new: New, place: Place, document: &Document) -> Bench {
    let mut bench = Bench::at(new, place).await;
    if !matches!(document, Document::ShiftOpen(_)) {
        done(&mut bench, &shift_open(), false).await;
    }
    let takes_cash = match document {
        Document::CashOut(_) => true,
        Document::Receipt(r) => !r.kind.is_income(),
        _ => false,
    };
    if takes_cash {
        done(
            &mut bench,
            &Document::CashIn(cash("float-0", 1_000_000)),
            false,
        )
        .await;
    }
    bench
}

async fn done(bench: &mut Bench, document: &Document, die: bool) -> crate::Done {
    carry_out(bench, document, die, PATIENCE)
        .await
        .unwrap_or_else(|e| panic!("{}: {}: {e}", bench.make.name(), document.key()))
}

/// Exactly one such document is there, and the record says of it what the drive says.
fn check(bench: &Bench, document: &Document, done: &crate::Done, what: &str) {
    let name = bench.make.name();
    let kind = kind_of(document);
    assert_eq!(done.record.kind, kind, "{name}: {what}");
    complete(document, &done.record, &format!("{name}: {what}"));
    if let Document::CashIn(c) | Document::CashOut(c) = document {
        let drawer = bench.make.drawer();
        let sum = match document {
            Document::CashIn(_) => drawer.in_minor,
            _ => drawer.out_minor,
        };
        assert_eq!(sum, c.sum_minor, "{name}: {what}: {drawer:?}");
        assert_eq!(done.record.total_minor, Some(c.sum_minor), "{name}: {what}");
        return;
    }
    let kept = bench.kept(kind);
    assert_eq!(kept.len(), 1, "{name}: {what}: {:?}", bench.make.kept());
    assert_eq!(
        done.record.document_number, kept[0].number,
        "{name}: {what}"
    );
    assert_eq!(done.record.fiscal_sign, kept[0].sign, "{name}: {what}");
    if let Some(receipt) = document.receipt() {
        // A correction of FFD 1.05 has no place for a key.
        let may_lack = matches!(document, Document::Correction(_));
        assert!(
            kept[0].key.as_deref() == Some(receipt.key.as_str())
                || may_lack && kept[0].key.is_none(),
            "{name}: {what}: {:?}",
            kept[0]
        );
        assert_eq!(kept[0].total_minor, receipt.total_minor(), "{name}: {what}");
        assert_eq!(
            done.record.total_minor,
            receipt.total_minor(),
            "{name}: {what}"
        );
    }
}

/// What a till prints and an accountant looks up is known of every document, whether its answer came or was found out.
/// Of money in and out the drive has no document, so not every make names the registration.
fn complete(document: &Document, record: &FiscalRecord, what: &str) {
    assert_eq!(record.shift_number, Some(1), "{what}: {record:?}");
    let number = record.registration_number.as_deref().unwrap_or_default();
    let in_drive = !matches!(document, Document::CashIn(_) | Document::CashOut(_));
    assert!(!in_drive || !number.trim().is_empty(), "{what}: {record:?}");
}

/// A bottle of water.
fn unit(status: MarkingStatus, code: &str) -> Marking {
    Marking {
        code: code.into(),
        status,
        fraction: None,
        checked: None,
    }
}

fn of_unit(kind: ReceiptKind, key: &str, marking: Marking) -> Document {
    let mut receipt = receipt(kind, key);
    receipt.lines[0] = line("Вода", 70_995, 1000);
    receipt.lines[0].subject = SettlementSubject::CommodityWithMarking;
    receipt.lines[0].details.marking = Some(marking);
    receipt.lines[1] = line("Хлеб «Бородинский»", 1_990, 1000);
    Document::Receipt(receipt)
}

/// A marked unit is checked, sold once and comes back, whatever becomes of the answers. A printer that knows no marked
/// goods says so before anything is registered.
pub async fn a_marked_unit_is_checked_sold_and_comes_back(new: New) {
    const CODE: &str = "0104607010350246215kRdG-1%2(UmV\u{1d}93dGVz";
    for trouble in [
        None,
        Some(Trouble::AnswerLost),
        Some(Trouble::PowerOff { acted: true }),
        Some(Trouble::PowerOff { acted: false }),
    ] {
        let mut bench = ready_for(new, Place::Memory, &shift_close()).await;
        done(
            &mut bench,
            &Document::CashIn(cash("float-0", 1_000_000)),
            false,
        )
        .await;
        let name = bench.make.name();
        let mut printer = bench.driver.open().await.unwrap();
        let sold = unit(MarkingStatus::PieceSold, CODE);
        if !printer.info().capabilities.marking {
            let checked = printer.check_marking(&sold).await;
            assert!(
                matches!(checked, Err(FiscalError::Unsupported(_))),
                "{name}"
            );
            let before = printer.baseline().await.unwrap();
            let sale = of_unit(ReceiptKind::Sale, "m-1", sold);
            let registered = printer.register(&sale, &before).await;
            assert!(
                matches!(registered, Err(FiscalError::Unsupported(_))),
                "{name}: {registered:?}"
            );
            assert_eq!(printer.baseline().await.unwrap(), before, "{name}");
            return;
        }
        let forged = unit(
            MarkingStatus::PieceSold,
            "0104607010350246215BAD-1%2(UmV\u{1d}93dGVz",
        );
        let check = printer.check_marking(&forged).await.unwrap();
        assert!(check.checked && !check.right, "{name}: {check:?}");
        printer.forget_markings().await.unwrap();
        let acts = [
            (ReceiptKind::Sale, "m-1", MarkingStatus::PieceSold),
            (
                ReceiptKind::SaleReturn,
                "m-1-r",
                MarkingStatus::PieceReturned,
            ),
        ];
        for (kind, key, status) in acts {
            let mut printer = bench.driver.open().await.unwrap();
            let mut unit = unit(status, CODE);
            let check = printer.check_marking(&unit).await.unwrap();
            assert_eq!(check.tag_2106(), 0x0F, "{name}");
            unit.checked = Some(check);
            drop(printer);
            if let Some(trouble) = trouble {
                bench.make.trouble(trouble);
            }
            let document = of_unit(kind, key, unit);
            let end = done(&mut bench, &document, true).await;
            bench.make.repair();
            check_units(&bench, &document, &end, &[CODE]);
        }
    }
}

fn check_units(bench: &Bench, document: &Document, done: &crate::Done, units: &[&str]) {
    check(bench, document, done, "a marked unit");
    let kept = bench.kept(kind_of(document));
    assert_eq!(kept[0].units, units, "{}", bench.make.name());
}

/// Each document, each trouble at the act, with a daemon that lives and one that dies of every doubt: one document.
pub async fn every_trouble_at_the_act_gives_one_document(new: New) {
    for document in documents() {
        for trouble in Trouble::ALL {
            for die in [false, true] {
                let what = format!("{} under {trouble:?}, die {die}", document.key());
                let mut bench = ready_for(new, Place::Memory, &document).await;
                bench.make.trouble(trouble);
                let end = done(&mut bench, &document, die).await;
                bench.make.repair();
                check(&bench, &document, &end, &what);
            }
        }
    }
}

/// A sale, a return and a Z report, and a trouble at every exchange of theirs.
pub async fn a_trouble_at_any_exchange_gives_one_document(new: New) {
    for document in [
        sale("s-1"),
        Document::Receipt(receipt(ReceiptKind::SaleReturn, "s-1-r")),
        shift_close(),
    ] {
        for trouble in [
            Trouble::RequestLost,
            Trouble::AnswerLost,
            Trouble::AnswerDamaged,
            Trouble::AnswerCut,
            Trouble::CableOut { acted: true },
            Trouble::CableOut { acted: false },
        ] {
            for n in 1.. {
                let what = format!("{} under {trouble:?} at exchange {n}", document.key());
                let mut bench = ready_for(new, Place::Memory, &document).await;
                bench.meddler.arm(n, trouble);
                let end = done(&mut bench, &document, true).await;
                bench.make.repair();
                check(&bench, &document, &end, &what);
                if bench.meddler.waits() {
                    // The document has no more exchanges.
                    assert!(n > 5, "{what}");
                    break;
                }
            }
        }
    }
}

/// A whole day over a real port: every document under some trouble, and the printer's own sums agree with ours.
pub async fn a_day(new: New, place: Place) {
    let patience = Duration::from_millis(50);
    let mut bench = Bench::at(new, place).await;
    let mut run = async |document: &Document, trouble: Option<Trouble>, die| {
        if let Some(trouble) = trouble {
            bench.make.trouble(trouble);
        }
        let end = carry_out(&mut bench, document, die, patience).await;
        let end = end.unwrap_or_else(|e| panic!("{}: {e}", document.key()));
        bench.make.repair();
        end
    };
    run(&shift_open(), Some(Trouble::AnswerLost), true).await;
    run(&Document::CashIn(cash("float", 1_000_000)), None, false).await;
    let mut troubles = Trouble::ALL.iter().cycle();
    for n in 0..Trouble::ALL.len() {
        let document = sale(&format!("s-{n}"));
        run(&document, troubles.next().copied(), n % 2 == 0).await;
    }
    run(
        &correction("c-1"),
        Some(Trouble::CableOut { acted: true }),
        true,
    )
    .await;
    let back = Document::Receipt(receipt(ReceiptKind::SaleReturn, "s-0-r"));
    run(&back, Some(Trouble::PowerOff { acted: true }), true).await;
    run(&Document::CashOut(cash("bank", 300_000)), None, false).await;
    let _ = &run;

    let sales = i64::try_from(Trouble::ALL.len()).unwrap();
    let mut printer = bench.driver.open().await.unwrap();
    let totals = printer.totals().await.unwrap();
    let sold = totals.of(ReceiptKind::Sale);
    // The correction is one of a sale.
    let sales = sales + i64::from(totals.with_corrections);
    assert_eq!(i64::from(sold.count), sales);
    assert_eq!(sold.sum_minor, sales * 72_985);
    let cash_part = |k: &galley_fiscal::KindTotal, form| {
        k.tenders
            .iter()
            .filter(|(f, _)| *f == form)
            .map(|(_, sum)| *sum)
            .sum::<i64>()
    };
    assert_eq!(cash_part(&sold, TenderForm::Cash), sales * 2_985);
    assert_eq!(cash_part(&sold, TenderForm::Electronic), sales * 70_000);
    let returned = totals.of(ReceiptKind::SaleReturn);
    assert_eq!((returned.count, returned.sum_minor), (1, 72_985));
    // A correction tells of money that was taken another day: it moves no cash.
    assert_eq!(totals.cash.in_minor, 1_000_000);
    assert_eq!(totals.cash.out_minor, 300_000);
    printer.x_report().await.unwrap();
    printer.copy_last().await.unwrap();
    drop(printer);
    let z = carry_out(&mut bench, &shift_close(), false, patience)
        .await
        .unwrap();
    assert_eq!(z.record.kind, RecordKind::ShiftClose);
    let receipts = bench.make.kept().into_iter();
    let keys: Vec<_> = receipts
        .filter(|k| matches!(k.kind, RecordKind::Receipt(_)))
        .map(|k| k.key.unwrap())
        .collect();
    let wanted: Vec<_> = (0..Trouble::ALL.len())
        .map(|n| format!("s-{n}"))
        .chain(["s-0-r".to_owned()])
        .collect();
    assert_eq!(keys, wanted);
    let corrected = bench.kept(RecordKind::Correction(ReceiptKind::Sale));
    assert_eq!(corrected.len(), 1);
}

/// What is read back is what was registered.
pub async fn documents_are_read_back(new: New) {
    let mut bench = ready_for(new, Place::Memory, &sale("s-1")).await;
    let end = done(&mut bench, &sale("s-1"), false).await;
    let mut printer = bench.driver.open().await.unwrap();
    let last = printer.last_document().await.unwrap().unwrap();
    assert_eq!(last.document_number, end.record.document_number);
    assert_eq!(last.key.as_deref(), Some("s-1"));
    let same = printer
        .document(end.record.document_number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(same.fiscal_sign, end.record.fiscal_sign);
    assert_eq!(same.total_minor, Some(72_985));
    assert!(end.record.qr_text().unwrap().contains("&s=729.85&"));
    let after = end.record.document_number + 1;
    assert!(printer.document(after).await.unwrap().is_none());
    let baseline = printer.baseline().await.unwrap();
    let status = printer.status().await.unwrap();
    assert_eq!(baseline.last_document, end.record.document_number);
    assert_eq!(status.last_document, baseline.last_document);
    assert_eq!(status.shift, ShiftState::Open);
    assert!(baseline.shift_open && baseline.cash.is_some());
    let drive = printer.drive().await.unwrap();
    assert_eq!(drive.number, baseline.drive_number);
    assert_eq!(status.unsent_documents, Some(drive.unsent_documents));
    let registration = printer.registration().await.unwrap();
    assert!(!registration.registration_number.is_empty());
    assert_eq!(registration.inn.trim().len().min(10), 10);
    assert!(printer.info().capabilities.columns >= 24);
}

/// Another fiscal drive: nothing is registered in it, and a person is asked.
pub async fn another_drive_takes_nothing(new: New) {
    let mut bench = ready_for(new, Place::Memory, &sale("s-1")).await;
    let mut printer = bench.driver.open().await.unwrap();
    let baseline = printer.baseline().await.unwrap();
    drop(printer);
    bench.make.other_drive();
    bench.die();
    let before = bench.make.kept().len();
    let mut printer = bench.driver.open().await.unwrap();
    for answer in [
        printer.register(&sale("s-1"), &baseline).await.map(|_| ()),
        printer.recover(&sale("s-1"), &baseline).await.map(|_| ()),
    ] {
        let e = answer.unwrap_err();
        assert!(matches!(e, FiscalError::OtherDrive { .. }), "{e}");
    }
    assert_eq!(bench.make.kept().len(), before);
}

/// A shift that is too old takes no receipt, says so, and can be closed.
pub async fn a_shift_over_24_hours_can_only_be_closed(new: New) {
    let mut bench = ready_for(new, Place::Memory, &sale("s-1")).await;
    bench.make.age_shift();
    let mut printer = bench.driver.open().await.unwrap();
    assert_eq!(printer.status().await.unwrap().shift, ShiftState::Expired);
    let baseline = printer.baseline().await.unwrap();
    let e = printer.register(&sale("s-1"), &baseline).await.unwrap_err();
    assert!(matches!(e, FiscalError::Refused { .. }), "{e}");
    assert!(!e.to_string().is_empty());
    drop(printer);
    done(&mut bench, &shift_close(), false).await;
    assert!(
        bench
            .kept(RecordKind::Receipt(ReceiptKind::Sale))
            .is_empty()
    );
}

/// A stranger's document of the same sum in between is not taken for ours.
pub async fn a_strangers_sale_of_the_same_sum_is_not_ours(new: New) {
    for trouble in [
        Trouble::CableOut { acted: false },
        Trouble::CableOut { acted: true },
    ] {
        let mut bench = ready_for(new, Place::Memory, &sale("s-0")).await;
        // Shows that keys come back.
        done(&mut bench, &sale("s-0"), false).await;
        let mut printer = bench.driver.open().await.unwrap();
        let baseline = printer.baseline().await.unwrap();
        bench.make.trouble(trouble);
        let attempt = printer.register(&sale("s-1"), &baseline).await;
        drop(printer);
        bench.make.repair();
        bench.make.stranger_sells(72_985);
        bench.die();
        if attempt.is_err() {
            let mut printer = bench.driver.open().await.unwrap();
            let recovered = printer.recover(&sale("s-1"), &baseline).await.unwrap();
            let ours = bench
                .make
                .kept()
                .into_iter()
                .find(|k| k.key.as_deref() == Some("s-1"));
            match (recovered, ours) {
                (galley_fiscal::Recovered::Registered(r), Some(kept)) => {
                    assert_eq!(r.document_number, kept.number);
                }
                (galley_fiscal::Recovered::NotRegistered, None) => {}
                (found, kept) => panic!("{found:?}, and the drive has {kept:?}"),
            }
        }
    }
}

/// A document that is found out only when others stand behind it is told whole all the same.
pub async fn a_document_found_behind_others_is_told_whole(new: New) {
    for document in [shift_open(), sale("s-1")] {
        let mut bench = ready_for(new, Place::Memory, &document).await;
        let name = bench.make.name();
        let mut printer = bench.driver.open().await.unwrap();
        let baseline = printer.baseline().await.unwrap();
        bench.make.trouble(Trouble::CableOut { acted: true });
        let attempt = printer.register(&document, &baseline).await;
        assert!(attempt.is_err(), "{name}: {attempt:?}");
        drop(printer);
        bench.make.repair();
        bench.make.stranger_sells(100);
        bench.die();
        let mut printer = bench.driver.open().await.unwrap();
        let recovered = printer.recover(&document, &baseline).await.unwrap();
        let galley_fiscal::Recovered::Registered(record) = recovered else {
            panic!("{name}: {recovered:?}");
        };
        complete(&document, &record, name);
        let counted = document.receipt().is_some();
        assert_eq!(record.receipt_number.is_some(), counted, "{name}");
    }
}

/// What can't be registered is refused before anything is.
pub async fn nonsense_is_refused_and_changes_nothing(new: New) {
    let mut bench = ready_for(new, Place::Memory, &sale("s-1")).await;
    let mut wrong = Vec::new();
    let base = || receipt(ReceiptKind::Sale, "s-1");
    let mut r = base();
    r.lines.clear();
    wrong.push(("no lines", r));
    let mut r = base();
    r.tenders.clear();
    wrong.push(("no tenders", r));
    let mut r = base();
    r.tenders[0].sum_minor = 60_000;
    wrong.push(("paid too little", r));
    let mut r = base();
    r.tenders = vec![TenderSum {
        form: TenderForm::Electronic,
        sum_minor: 80_000,
    }];
    wrong.push(("a card pays more than the total", r));
    let mut r = base();
    r.lines[0].sum_minor += 5;
    r.tenders[1].sum_minor += 5;
    wrong.push(("a line that doesn't multiply", r));
    let mut r = base();
    r.key = "much-too-long-for-tag-1192".into();
    wrong.push(("a key that doesn't fit", r));
    let mut r = base();
    r.lines[0].name.clear();
    wrong.push(("a line without a name", r));
    let before = bench.make.kept().len();
    let mut printer = bench.driver.open().await.unwrap();
    for (what, receipt) in wrong {
        let baseline = printer.baseline().await.unwrap();
        let answer = printer
            .register(&Document::Receipt(receipt), &baseline)
            .await;
        let Err(FiscalError::Unsupported(_) | FiscalError::Refused { retry: false, .. }) = answer
        else {
            panic!("{}: {what}: {answer:?}", bench.make.name());
        };
        assert_eq!(bench.make.kept().len(), before, "{what}");
    }
    drop(printer);
    // And the printer is none the worse for it.
    done(&mut bench, &sale("s-1"), false).await;
}

/// Money that the drawer doesn't hold is refused for good: a cash-in would stand behind it and wait with every receipt.
pub async fn money_that_is_not_there_is_refused_for_good(new: New) {
    let mut bench = ready_for(new, Place::Memory, &sale("s-1")).await;
    let mut back = receipt(ReceiptKind::SaleReturn, "r-1");
    back.tenders = vec![TenderSum {
        form: TenderForm::Cash,
        sum_minor: 72_985,
    }];
    let mut printer = bench.driver.open().await.unwrap();
    let baseline = printer.baseline().await.unwrap();
    for document in [
        Document::CashOut(cash("out-1", 100_000)),
        // Makes differ in whether a return may take what the drawer doesn't hold.
        Document::Receipt(back),
    ] {
        match printer.register(&document, &baseline).await {
            Err(FiscalError::Refused {
                retry: false,
                advice,
                ..
            }) => assert!(advice.contains("cash-in"), "{advice}"),
            Ok(_) if matches!(document, Document::Receipt(_)) => {}
            answer => panic!("{}: {}: {answer:?}", bench.make.name(), document.key()),
        }
        assert_eq!(bench.make.drawer().out_minor, 0);
    }
    drop(printer);
    // What stood behind it goes on.
    done(&mut bench, &Document::CashIn(cash("in-1", 500_000)), false).await;
    done(
        &mut bench,
        &Document::CashOut(cash("out-1", 100_000)),
        false,
    )
    .await;
    assert_eq!(bench.make.drawer().out_minor, 100_000);
}

/// Cash that the guest overpays comes back as change.
pub async fn change_is_given_from_cash(new: New) {
    let mut bench = ready_for(new, Place::Memory, &sale("s-1")).await;
    let mut paid = receipt(ReceiptKind::Sale, "s-1");
    paid.tenders = vec![TenderSum {
        form: TenderForm::Cash,
        sum_minor: 100_000,
    }];
    let end = done(&mut bench, &Document::Receipt(paid), false).await;
    assert_eq!(end.record.total_minor, Some(72_985));
    assert_eq!(bench.make.drawer().drawer_minor, 72_985);
}

/// A slip comes out, and is no document.
pub async fn a_slip_is_paper_only(new: New) {
    let bench = Bench::at(new, Place::Memory).await;
    let mut printer = bench.driver.open().await.unwrap();
    let slip = Slip {
        items: vec![
            SlipItem::Text {
                text: "Заказ 42".into(),
                align: Align::Center,
                wide: false,
            },
            SlipItem::Pair {
                left: "Борщ".into(),
                right: "350.00".into(),
            },
            SlipItem::Qr {
                data: "https://example.org/42".into(),
                scale: 4,
                align: Align::Center,
            },
        ],
        cut: true,
    };
    printer.slip(&slip).await.unwrap();
    let paper = bench.make.paper().join("\n");
    for part in ["Заказ 42", "Борщ", "350.00", "https://example.org/42"] {
        assert!(paper.contains(part), "{part} is not on the paper:\n{paper}");
    }
    assert!(bench.make.kept().is_empty());
    assert_eq!(operator().name, "Робот 1");
}

/// The clock is set with a closed shift, and only then.
pub async fn the_clock_is_set_between_shifts_only(new: New) {
    let mut bench = Bench::at(new, Place::Memory).await;
    let mut printer = bench.driver.open().await.unwrap();
    printer.set_clock("2026-11-22T12:34:56").await.unwrap();
    let now = printer.status().await.unwrap().local_time;
    assert!(now.starts_with("2026-11-22T12:34:5"), "{now}");
    drop(printer);
    done(&mut bench, &shift_open(), false).await;
    let mut printer = bench.driver.open().await.unwrap();
    let e = printer.set_clock("2026-11-22T13:00:00").await.unwrap_err();
    assert!(matches!(e, FiscalError::Refused { .. }), "{e}");
}
