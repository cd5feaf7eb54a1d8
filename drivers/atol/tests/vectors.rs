//! The byte vectors of the protocol page, read from `tests/vectors`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, noon, shift_open};
use galley_atol::{
    buffer::{HostCommand, Status},
    emulator::{AtolEmulator, Durations, EmulatorConfig, TokioClock},
    frame::{self, Decoder, Found, Frame},
};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn decode(bytes: &[u8]) -> Frame {
    match Decoder::default().push_all(bytes).as_slice() {
        [Found::Frame(frame)] => frame.clone(),
        other => panic!("{other:?}"),
    }
}

/// The named frames of `frames.hex`.
fn named(name: &str) -> Frame {
    let text = include_str!("vectors/frames.hex");
    let title = format!("# {name}");
    let line = text.lines().skip_while(|l| *l != title).nth(1).unwrap();
    let frame = decode(&hex(line));
    assert_eq!(
        frame::encode(frame.id, &frame.data).unwrap(),
        hex(line),
        "{name}"
    );
    frame
}

#[test]
fn every_frame_of_the_worked_session_is_read_and_written_back() {
    let lines = include_str!("vectors/session.hex").lines();
    let frames: Vec<_> = lines.filter(|l| !l.starts_with('#')).collect();
    assert_eq!(frames.len(), 50);
    for line in frames {
        let (side, bytes) = line.split_once(' ').unwrap();
        let frame = decode(&hex(bytes));
        assert_eq!(
            frame::encode(frame.id, &frame.data).unwrap(),
            hex(bytes),
            "{line}"
        );
        match side {
            ">" => assert_eq!(
                HostCommand::decode(&frame.data).unwrap().encode(),
                frame.data
            ),
            _ => assert_eq!(Status::decode(&frame.data).unwrap().encode(), frame.data),
        }
    }
}

#[test]
fn the_single_frames_mean_what_the_page_says() {
    let status = |name: &str| Status::decode(&named(name).data).unwrap();
    let command = |name: &str| HostCommand::decode(&named(name).data).unwrap();
    let state_code = HostCommand::Add {
        flags: 1,
        tid: 0x0F,
        task: vec![0, 0, 0x45],
    };
    assert_eq!(
        (named("crc-is-fe").id, command("crc-is-fe")),
        (0x21, state_code)
    );
    assert_eq!(status("pending"), Status::Pending);
    assert_eq!(status("in-progress"), Status::InProgress);
    assert_eq!(status("not-found"), Status::NotFound);
    assert_eq!(command("req"), HostCommand::Req(0x0C));
    assert_eq!(command("abort"), HostCommand::Abort);
    let (tid, answer) = (0x0C, vec![0x55, 0, 0]);
    assert_eq!(status("async-result"), Status::AsyncResult { tid, answer });
    let answer = vec![0x55, 0x98, 0];
    assert_eq!(status("stopped"), Status::Stopped(answer.clone()));
    assert_eq!(status("async-error"), Status::AsyncError { tid, answer });
    assert_eq!(named("async-error").id, frame::ASYNC_ID);
    assert_eq!(status("overflow"), Status::Overflow);
    assert_eq!(status("already-exists"), Status::AlreadyExists);
    assert_eq!(status("illegal-value"), Status::IllegalValue);
    let add = HostCommand::AckAdd {
        ack: 1,
        flags: 1,
        tid: 2,
        task: vec![0, 0, 0x3F],
    };
    assert_eq!(command("ack-add"), add);
    let repeat = Frame {
        id: 0x1B,
        data: vec![],
    };
    assert_eq!(named("repeat"), repeat);
}

#[tokio::test(start_paused = true)]
async fn the_emulator_answers_the_worked_session_byte_for_byte() {
    let config = EmulatorConfig {
        durations: Durations::none(),
        ..EmulatorConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.carry_out(&shift_open(), false).await;
    while bench.emulator.documents().len() < 121 {
        bench.emulator.stranger_receipt(true, 100, None).unwrap();
    }
    bench.emulator.power_cut();
    bench.emulator.restart();
    let (mut near, far) = tokio::io::duplex(4096);
    let emulator = bench.emulator.clone();
    tokio::spawn(async move { emulator.serve(Box::new(far)).await });
    for line in include_str!("vectors/session.hex").lines() {
        if let Some(out) = line.strip_prefix("> ") {
            near.write_all(&hex(out)).await.unwrap();
        } else if let Some(expected) = line.strip_prefix("< ") {
            let expected = hex(expected);
            let mut got = vec![0; expected.len()];
            // Register 52: the counter is the page's, minute, fiscal sign and CRC are the drive's own.
            if expected.len() == 23 && expected[4..9] == [0xA3, 0x55, 0, 0, 0] {
                let mut read = Vec::new();
                while decode_all(&read).is_none() {
                    read.push(near.read_u8().await.unwrap());
                }
                assert_eq!(read[..12], expected[..12], "{line}");
            } else {
                near.read_exact(&mut got).await.unwrap();
                assert_eq!(got, expected, "{line}");
            }
        }
    }
    let last = bench.emulator.receipts().pop().unwrap();
    assert_eq!((last.number, last.total_minor), (122, 70_000));
    assert_eq!(last.lines[0].name, "Суп дня");
    assert_eq!(last.operator.as_deref(), Some("Иванов"));
}

fn decode_all(bytes: &[u8]) -> Option<Frame> {
    Decoder::default()
        .push_all(bytes)
        .into_iter()
        .find_map(|found| match found {
            Found::Frame(frame) => Some(frame),
            Found::Damaged => None,
        })
}

/// Sends a frame and takes one frame back.
async fn ask(stream: &mut tokio::io::DuplexStream, id: u8, command: HostCommand) -> (u8, Status) {
    let bytes = frame::encode(id, &command.encode()).unwrap();
    stream.write_all(&bytes).await.unwrap();
    hear(stream).await
}

async fn hear(stream: &mut tokio::io::DuplexStream) -> (u8, Status) {
    let mut read = Vec::new();
    loop {
        read.push(stream.read_u8().await.unwrap());
        if let Some(frame) = decode_all(&read) {
            return (frame.id, Status::decode(&frame.data).unwrap());
        }
    }
}

fn emulator() -> AtolEmulator {
    let clock = TokioClock::starting(noon());
    AtolEmulator::open(None, EmulatorConfig::default(), Arc::new(clock)).unwrap()
}

fn add(tid: u8, task: &[u8]) -> HostCommand {
    HostCommand::Add {
        flags: 1,
        tid,
        task: [&[0, 0], task].concat(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_emulated_buffer_keeps_its_rules() {
    let printer = emulator();
    let (mut line, far) = tokio::io::duplex(4096);
    let serving = printer.clone();
    tokio::spawn(async move { serving.serve(Box::new(far)).await });
    let enter = [0x56, 1, 0, 0, 0, 0x30];
    assert!(matches!(
        ask(&mut line, 0, add(0, &enter)).await,
        (0, Status::Result(_))
    ));
    // The same id again, an unknown one, nonsense.
    assert_eq!(
        ask(&mut line, 1, add(0, &enter)).await,
        (1, Status::AlreadyExists)
    );
    assert_eq!(
        ask(&mut line, 2, HostCommand::Req(9)).await,
        (2, Status::NotFound)
    );
    line.write_all(&frame::encode(3, &[0x99]).unwrap())
        .await
        .unwrap();
    assert_eq!(hear(&mut line).await, (3, Status::IllegalValue));
    // A slow task: pending, in progress, then the result unasked.
    assert_eq!(
        ask(&mut line, 4, add(1, &[0x9A, 0])).await,
        (4, Status::Pending)
    );
    assert_eq!(
        ask(&mut line, 5, HostCommand::Req(1)).await,
        (5, Status::InProgress)
    );
    let answer = vec![0x55, 0, 0];
    let done = Status::AsyncResult { tid: 1, answer };
    assert_eq!(hear(&mut line).await, (frame::ASYNC_ID, done));
    // A failed task stops the queue until Abort.
    let refused = vec![0x55, 0x9C, 0];
    assert_eq!(
        ask(&mut line, 6, add(2, &[0x9A, 0])).await,
        (6, Status::Pending)
    );
    let (_, failed) = hear(&mut line).await;
    assert!(matches!(failed, Status::AsyncError { tid: 2, answer } if answer == refused));
    assert_eq!(
        ask(&mut line, 7, add(3, &[0x45])).await,
        (7, Status::Stopped(refused))
    );
    assert_eq!(
        ask(&mut line, 8, HostCommand::Abort).await,
        (8, Status::Result(vec![]))
    );
    assert!(matches!(
        ask(&mut line, 9, add(3, &[0x45])).await,
        (9, Status::Result(_))
    ));
    // Sixteen results fit.
    for tid in 4..19 {
        assert!(matches!(
            ask(&mut line, tid, add(tid, &[0x45])).await,
            (_, Status::Result(_))
        ));
    }
    assert_eq!(
        ask(&mut line, 50, add(50, &[0x45])).await,
        (50, Status::Overflow)
    );
    assert_eq!(
        ask(&mut line, 51, HostCommand::Ack(4)).await,
        (51, Status::Result(vec![]))
    );
    assert!(matches!(
        ask(&mut line, 52, add(50, &[0x45])).await,
        (52, Status::Result(_))
    ));
    // Unknown commands.
    let (_, status) = ask(&mut line, 53, HostCommand::Abort).await;
    assert_eq!(status, Status::Result(vec![]));
    let unknown = Status::Error(vec![0x55, 0x66, 0]);
    assert_eq!(ask(&mut line, 54, add(60, &[0x01])).await, (54, unknown));
    assert_eq!(printer.documents().len(), 2);
}
