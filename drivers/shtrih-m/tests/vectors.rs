//! The byte vectors of the protocol page, chapter 8: frames, and what is in them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use galley_shtrih_m::{
    command::{self, Command, ReplyError, op},
    drive,
    frame1::{self, Collector, Taken},
    local_time::LocalDateTime,
    status::{self, mode, submode},
};

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|b| u8::from_str_radix(b, 16).unwrap())
        .collect()
}

/// The vectors: name, `>` or `<`, bytes.
fn frames() -> Vec<(String, bool, Vec<u8>)> {
    include_str!("vectors/frames.hex")
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
        .map(|line| {
            let (name, bytes) = line.split_once('|').unwrap();
            let (way, bytes) = bytes.trim().split_at(1);
            (name.trim().to_owned(), way == ">", hex(bytes))
        })
        .collect()
}

/// The body of a vector's frame.
fn body(name: &str) -> Vec<u8> {
    let all = frames();
    let (_, _, bytes) = all.iter().find(|(n, ..)| n == name).unwrap();
    let mut collector = Collector::default();
    for byte in &bytes[1..] {
        if let Taken::Whole(body) = collector.push(*byte) {
            return body;
        }
    }
    panic!("{name} is no whole frame");
}

fn data(name: &str) -> Vec<u8> {
    let body = body(name);
    let (code, _) = command::split_code(&body).unwrap();
    command::reply(&body, code).unwrap().to_vec()
}

#[test]
fn every_vector_is_a_whole_right_frame_both_ways() {
    let all = frames();
    assert!(all.len() >= 45, "{}", all.len());
    for (name, _, bytes) in &all {
        let content = body(name);
        assert_eq!(frame1::encode(&content).unwrap(), *bytes, "{name}");
    }
}

#[test]
fn requests_are_put_together_as_in_the_vectors() {
    let pw = |code, password| Command::new(code, password);
    let requests = [
        ("FC", Command::bare(op::DEVICE_TYPE)),
        ("F7", Command::bare(op::EXTENDED).bytes(&[1])),
        ("10 pw 30", pw(op::SHORT_STATUS, 30)),
        ("10 pw 28", pw(op::SHORT_STATUS, 28)),
        ("11", pw(op::STATUS, 30)),
        ("FF01", pw(op::FS_STATUS, 30)),
        ("FF40", pw(op::FS_SHIFT, 30)),
        ("E0", pw(op::OPEN_SHIFT, 1)),
        ("8D sale", pw(op::OPEN_RECEIPT, 1).bytes(&[0])),
        ("8D return", pw(op::OPEN_RECEIPT, 1).bytes(&[2])),
        ("88", pw(op::CANCEL_RECEIPT, 30)),
        ("40", pw(op::X_REPORT, 30)),
        ("41", pw(op::Z_REPORT, 30)),
        ("50", pw(op::CASH_IN, 1).number(100_000, 5)),
        ("B0", pw(op::CONTINUE_PRINT, 30)),
        ("FF0A", pw(op::FS_DOCUMENT, 30).number(163, 4)),
        ("FF39", pw(op::FS_EXCHANGE, 30)),
        ("1F", pw(op::READ_TABLE, 30).bytes(&[17, 1, 0, 17])),
    ];
    for (name, command) in requests {
        assert_eq!(command.encode(), body(name), "{name}");
    }
}

#[test]
fn statuses_are_read() {
    let device = status::device_type(&data("FC reply")).unwrap();
    assert_eq!(
        (device.kind, device.model, device.name.as_str()),
        (0, 250, "ШТРИХ-М-01Ф")
    );
    assert_eq!(status::columns(device.model), Some(48));

    let closed = status::short_status(&data("10 reply closed shift")).unwrap();
    assert_eq!(
        (closed.mode, closed.submode),
        (mode::SHIFT_CLOSED, submode::IDLE)
    );
    assert!(closed.flags.paper() && !closed.flags.cover_open());
    // A real printer: the shift is open, bit 1 of the flags is clear though paper is in.
    let real = status::short_status(&data("10 reply real")).unwrap();
    assert_eq!((real.mode, real.submode), (mode::SHIFT_OPEN, submode::IDLE));
    assert!(real.flags.paper());
    let open = status::short_status(&data("10 reply receipt open, printing")).unwrap();
    assert_eq!((open.mode, open.submode), (mode::DOCUMENT, submode::PRINTS));
    let out = status::short_status(&data("10 reply active paper out")).unwrap();
    assert_eq!(out.submode, submode::PAPER_RAN_OUT);
    assert!(!out.flags.paper());

    let full = status::status(&data("11 reply")).unwrap();
    assert_eq!(full.firmware, "C.3 build 664 of 21.01.26");
    assert_eq!((full.serial, full.inn), (Some(48_485), Some(9_706_048_530)));
    assert_eq!(
        full.time,
        LocalDateTime::new(2026, 7, 1, 12, 30, 0).unwrap()
    );
    assert_eq!((full.mode, full.last_shift), (mode::SHIFT_CLOSED, 34));

    // The body of a real reply (S5): storage table 13, OFD table 14, FFD table 10 field 29.
    let parameters = hex(
        "08 00 C0 F7 3F 08 00 00 00 00 01 0C 0A 00 00 00 00 00 00 1E 00 00 00 00 06 FF 00 28 00 00 00 0D 0E 10 0A 1D",
    );
    let model = status::model_parameters(&parameters).unwrap();
    assert_eq!(model.ffd_field, Some((10, 29)));
    assert!(!model.wide_errors() && model.cash_core() && model.protocol_2());
}

#[test]
fn the_drive_is_read() {
    let drive = drive::status(&data("FF01 reply")).unwrap();
    assert_eq!(drive.number, "9999078902019097");
    assert_eq!(
        (drive.last_document, drive.phase, drive.current),
        (163, 3, 0)
    );
    let shift = drive::shift(&data("FF40 reply")).unwrap();
    assert_eq!((shift.open, shift.number, shift.receipt), (true, 35, 1));
    let receipt = drive::document(&data("FF0A reply")).unwrap();
    assert_eq!(
        receipt.time,
        LocalDateTime::new(2017, 3, 24, 20, 53, 0).unwrap()
    );
    assert_eq!((receipt.number, receipt.sign), (163, 0x2E4B_EAEB));
    assert_eq!(receipt.receipt, Some((1, 20_000)));
    assert!(!receipt.confirmed);
    let exchange = drive::exchange(&data("FF39 reply")).unwrap();
    assert_eq!((exchange.unsent, exchange.first), (1, 164));
    assert_eq!(exchange.first_time.unwrap().to_minute(), "2026-07-01T12:31");
    assert_eq!(data("1F reply"), [4]);
    // FF45: change, number, sign.
    let close = data("FF45 reply");
    assert_eq!(close[5..9], 164u32.to_le_bytes());
    assert_eq!(close[9..13], 776_727_275u32.to_le_bytes());
    assert_eq!(data("FF45 reply real")[5..9], 17_884u32.to_le_bytes());
    let time = LocalDateTime::from_binary(&data("FF45 reply with time")[13..]).unwrap();
    assert_eq!(time.to_minute(), "2026-07-01T12:31");
}

#[test]
fn refusals_are_told_from_answers() {
    for (name, code, error) in [
        ("8D refused: shift over 24 h", 0x8D, 0x4E),
        ("FF46 refused", 0xFF46, 0x33),
        ("FF0A no such document", 0xFF0A, 0x08),
    ] {
        assert_eq!(
            command::reply(&body(name), code),
            Err(ReplyError::Device(error)),
            "{name}"
        );
    }
    assert_eq!(command::reply(&body("FF46 reply"), 0xFF46), Ok(&[][..]));
    assert_eq!(command::reply(&body("E0 reply"), 0xE0), Ok(&[1][..]));
    assert_eq!(command::reply(&body("50 reply"), 0x50), Ok(&[1, 9, 0][..]));
}
