//! Slips through the driver onto the emulator's paper.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use galley_escpos::{EscPosConfig, EscPosPrinter, command, emulator::EscPosEmulator, encode};
use galley_fiscal::{Align, FiscalError, Slip, SlipItem, SlipPrinter as _};
use galley_link::MemoryNet;
use proptest::prelude::*;
use std::sync::Arc;

fn bench(config: EscPosConfig) -> (EscPosEmulator, EscPosPrinter) {
    let net = MemoryNet::new();
    let emulator = EscPosEmulator::new();
    tokio::spawn(emulator.clone().serve(net.listen("slips")));
    let printer = EscPosPrinter::new(Arc::new(net), "mem://slips".parse().unwrap(), config);
    (emulator, printer)
}

fn kitchen_slip() -> Slip {
    Slip {
        items: vec![
            SlipItem::Text {
                text: "ЗАКАЗ 42".into(),
                align: Align::Center,
                wide: true,
            },
            SlipItem::Rule,
            SlipItem::Pair {
                left: "Борщ".into(),
                right: "2 шт".into(),
            },
            SlipItem::Qr {
                data: "https://example.org/42".into(),
                scale: 6,
                align: Align::Center,
            },
        ],
        cut: true,
    }
}

#[tokio::test(start_paused = true)]
async fn a_slip_comes_out_as_it_was_asked_for() {
    let (emulator, mut printer) = bench(EscPosConfig {
        columns: 24,
        ..EscPosConfig::default()
    });
    printer.slip(&kitchen_slip()).await.unwrap();
    assert_eq!(
        emulator.paper(),
        [
            "ЗАКАЗ 42",
            "------------------------",
            "Борщ .............. 2 шт",
            "[https://example.org/42]",
        ]
    );
    assert_eq!(emulator.drawer_and_cuts(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn no_paper_and_an_open_cover_are_told_and_can_be_tried_again() {
    let (emulator, mut printer) = bench(EscPosConfig::default());
    emulator.set_paper(false);
    let e = printer.slip(&kitchen_slip()).await.unwrap_err();
    assert!(matches!(e, FiscalError::Refused { retry: true, .. }), "{e}");
    emulator.set_paper(true);
    emulator.set_cover(true);
    let e = printer.slip(&kitchen_slip()).await.unwrap_err();
    assert!(e.to_string().contains("cover"), "{e}");
    emulator.set_cover(false);
    printer.slip(&kitchen_slip()).await.unwrap();
    assert_eq!(emulator.paper().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_silent_printer_is_unreachable_unless_it_is_known_to_be_silent() {
    let (emulator, mut printer) = bench(EscPosConfig::default());
    emulator.set_silent(true);
    let e = printer.open_drawer().await.unwrap_err();
    assert!(matches!(e, FiscalError::Unreachable { .. }), "{e}");
    let (_one_way, mut printer) = bench(EscPosConfig {
        status: false,
        ..EscPosConfig::default()
    });
    printer.open_drawer().await.unwrap();
}

#[test]
fn a_dish_whose_name_is_a_command_stays_text() {
    let slip = Slip {
        items: vec![SlipItem::Text {
            text: "Суп\u{1b}@\u{1d}V\u{0} дня".into(),
            align: Align::Left,
            wide: false,
        }],
        cut: false,
    };
    let bytes = encode::slip(&slip, &EscPosConfig::default());
    let cuts = bytes.windows(2).filter(|w| w == &[0x1d, 0x56]).count();
    let resets = bytes
        .windows(2)
        .filter(|w| w == &command::INITIALIZE)
        .count();
    assert_eq!((cuts, resets), (0, 1));
}

proptest! {
    #[test]
    fn any_text_gives_lines_that_fit(text in "\\PC{0,200}", columns in 16u8..64) {
        let config = EscPosConfig { columns, ..EscPosConfig::default() };
        let slip = Slip {
            items: vec![SlipItem::Text { text, align: Align::Left, wide: false }],
            cut: false,
        };
        // Settings go before the text and after it; what is between line feeds is characters.
        let bytes = encode::slip(&slip, &config);
        let body = &bytes[11..bytes.len() - 10];
        for line in body.split(|b| *b == command::LINE_FEED) {
            prop_assert!(line.len() <= usize::from(columns), "{line:02x?}");
        }
    }
}
