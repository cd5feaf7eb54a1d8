//! The host's rules on the wire (2.2, 3): what is sent again, and what never.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, of_kind, shift_open};
use galley_fiscal::{FiscalError, PrinterFactory as _, ReceiptKind, Recovered};
use galley_link::MemoryNet;
use galley_shtrih_m::{
    ProtocolChoice, ShtrihConfig, ShtrihPrinters,
    emulator::{At, EmulatorConfig, Fault, Times},
};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How often the emulator carried a command out.
fn carried(bench: &Bench, code: &str) -> u64 {
    bench
        .emulator
        .counts()
        .commands
        .get(code)
        .copied()
        .unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn an_item_whose_ack_is_lost_is_registered_once() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    let at = At::Command(0xFF46);
    bench
        .emulator
        .set_fault_at(Fault::AckLost, at, Times::Always);
    bench
        .emulator
        .set_fault_at(Fault::ReplyLost, at, Times::Always);
    let done = bench
        .carry_out(&of_kind(ReceiptKind::Sale, "k-1"), false, "lost")
        .await;
    assert_eq!(done.unknowns, 0);
    let receipts = bench.emulator.receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].lines.len(), 2);
    assert_eq!(carried(&bench, "FF46"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_close_whose_ack_or_reply_is_lost_is_sent_once_and_answered() {
    for fault in [
        Fault::AckLost,
        Fault::ReplyLost,
        Fault::WrongSum,
        Fault::ReplyCut,
    ] {
        let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
        bench
            .emulator
            .set_fault_at(fault, At::Command(0xFF45), Times::Once);
        let done = bench
            .carry_out(&of_kind(ReceiptKind::Sale, "k-1"), false, "lost")
            .await;
        assert_eq!(
            (done.unknowns, carried(&bench, "FF45")),
            (0, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_was_not_seen_is_never_guessed_at() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench
        .emulator
        .set_fault_at(Fault::Silence, At::Command(0xFF45), Times::Once);
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let sale = of_kind(ReceiptKind::Sale, "k-1");
    let unknown = printer.register(&sale, &baseline).await.unwrap_err();
    assert!(matches!(unknown, FiscalError::Unknown { .. }), "{unknown}");
    let recovered = printer.recover(&sale, &baseline).await.unwrap();
    assert_eq!(recovered, Recovered::NotRegistered);
    assert!(!bench.emulator.snapshot().receipt_open);
    assert_eq!(bench.emulator.snapshot().cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn the_reply_that_came_too_late_names_our_document_where_keys_do_not_come_back() {
    let config = EmulatorConfig {
        keys_come_back: false,
        ..EmulatorConfig::default()
    };
    for protocol in [ProtocolChoice::One, ProtocolChoice::Two] {
        let fresh = Bench::new(config.clone());
        let driver = ShtrihConfig {
            protocol,
            ..ShtrihConfig::default()
        };
        let bench = Bench::with(fresh.emulator.clone(), fresh.clock.clone(), driver)
            .opened()
            .await;
        let mut printer = bench.open().await;
        let baseline = printer.baseline().await.unwrap();
        let lost = Fault::LinkLost { carried_out: true };
        bench.emulator.set_fault(lost, Times::Once);
        let sale = of_kind(ReceiptKind::Sale, "k-ours");
        let unknown = printer.register(&sale, &baseline).await;
        assert!(
            matches!(unknown, Err(FiscalError::Unknown { .. })),
            "{unknown:?}"
        );
        // Another's receipt of the same kind and total: only the kept reply can tell them apart.
        let total = sale
            .receipt()
            .unwrap()
            .total_minor()
            .unwrap()
            .unsigned_abs();
        let stranger = bench
            .emulator
            .stranger_receipt(ReceiptKind::Sale, total, None)
            .unwrap();
        let mut printer = bench.open().await;
        match printer.recover(&sale, &baseline).await.unwrap() {
            Recovered::Registered(record) => assert_eq!(record.document_number, stranger - 1),
            Recovered::NotRegistered => panic!("{protocol:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_receipts_that_could_be_ours_need_a_person_when_nothing_tells_them_apart() {
    let config = EmulatorConfig {
        keys_come_back: false,
        ..EmulatorConfig::default()
    };
    let mut bench = Bench::open_shift(config).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let lost = Fault::LinkLost { carried_out: true };
    bench.emulator.set_fault(lost, Times::Once);
    let sale = of_kind(ReceiptKind::Sale, "k-ours");
    assert!(printer.register(&sale, &baseline).await.is_err());
    let total = sale
        .receipt()
        .unwrap()
        .total_minor()
        .unwrap()
        .unsigned_abs();
    bench
        .emulator
        .stranger_receipt(ReceiptKind::Sale, total, None)
        .unwrap();
    // The process died: what it remembered of the act is gone.
    bench.crash();
    let error = bench.open().await.recover(&sale, &baseline).await;
    assert!(
        matches!(error, Err(FiscalError::NeedsPerson(_))),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn strangers_and_other_drives_are_never_taken_for_ours() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench
        .carry_out(&of_kind(ReceiptKind::Sale, "k-before"), false, "before")
        .await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let sale = of_kind(ReceiptKind::Sale, "k-ours");
    let total = sale
        .receipt()
        .unwrap()
        .total_minor()
        .unwrap()
        .unsigned_abs();
    for key in [Some("k-theirs"), None] {
        bench
            .emulator
            .stranger_receipt(ReceiptKind::Sale, total, key)
            .unwrap();
    }
    let moved = printer.register(&sale, &baseline).await;
    assert!(
        matches!(
            moved,
            Err(FiscalError::Refused {
                code: 0xFF01,
                retry: true,
                ..
            })
        ),
        "{moved:?}"
    );
    let recovered = printer.recover(&sale, &baseline).await.unwrap();
    assert_eq!(recovered, Recovered::NotRegistered);
    bench.emulator.set_fault(Fault::OtherDrive, Times::Once);
    for answer in [
        printer.register(&sale, &baseline).await.map(|_| ()),
        printer.recover(&sale, &baseline).await.map(|_| ()),
    ] {
        assert!(
            matches!(answer, Err(FiscalError::OtherDrive { .. })),
            "{answer:?}"
        );
    }
}

/// A device that answers every byte with the same bytes, for ever when `flood`.
fn stub(net: &MemoryNet, answer: &'static [u8], flood: bool) {
    let mut door = net.listen("stub");
    tokio::spawn(async move {
        while let Some(mut stream) = door.accept().await {
            let mut buffer = [0; 64];
            while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {
                while stream.write_all(answer).await.is_ok() && flood {}
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn silence_noise_and_endless_replies_end_as_unreachable() {
    for answer in [
        &[][..],
        &[0x41; 40],
        &[0x06],
        &[0x15],
        &[0xFF],
        &[0x06, 0x02, 0x01, 0x10, 0x11],
    ] {
        let net = MemoryNet::new();
        stub(&net, answer, false);
        let printers = ShtrihPrinters::new(
            Arc::new(net),
            "mem://stub".parse().unwrap(),
            ShtrihConfig::default(),
        );
        let error = printers.open().await.err().unwrap();
        assert!(
            matches!(error, FiscalError::Unreachable { .. }),
            "{answer:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_line_that_never_stops_talking_does_not_hold_the_driver() {
    for answer in [&[0x41; 512][..], &[0xFF; 512], &[0x05; 512]] {
        let net = MemoryNet::new();
        stub(&net, answer, true);
        let printers = ShtrihPrinters::new(
            Arc::new(net),
            "mem://stub".parse().unwrap(),
            ShtrihConfig::default(),
        );
        let limit = std::time::Duration::from_secs(60);
        let error = tokio::time::timeout(limit, printers.open()).await.unwrap();
        assert!(matches!(
            error.err().unwrap(),
            FiscalError::Unreachable { .. }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_before_a_frame_is_skipped_by_the_emulator() {
    // A Go client in the wild sends four zero bytes before STX.
    let bench = Bench::new(EmulatorConfig::default());
    let (mut near, far) = tokio::io::duplex(4096);
    let serving = bench.emulator.clone();
    tokio::spawn(async move { serving.serve(Box::new(far)).await });
    near.write_all(&[0, 0, 0, 0, 0x02, 0x01, 0xFC, 0xFD])
        .await
        .unwrap();
    let mut reply = [0; 3];
    near.read_exact(&mut reply).await.unwrap();
    assert_eq!(reply, [0x06, 0x02, 0x13]);
}

#[tokio::test(start_paused = true)]
async fn a_printer_that_is_fixed_to_protocol_2_is_found() {
    let config = EmulatorConfig {
        protocol: ProtocolChoice::Two,
        ..EmulatorConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.carry_out(&shift_open(), false, "two").await;
    assert_eq!(bench.emulator.documents().len(), 2);
}
