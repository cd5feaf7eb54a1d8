//! What a device's bytes must never do: panic, hang, or be understood as something that writes out differently. Each
//! target takes any bytes. `tests/bounded.rs` runs a bounded number of cases with every check; `cargo-fuzz/` has the
//! same targets for coverage-guided hours:
//!
//! ```text
//! cargo install cargo-fuzz && cd tests/fuzz/cargo-fuzz && cargo +nightly fuzz run --fuzz-dir . atol_frames -- -max_total_time=60
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a target fails by panicking"
)]

use galley_atol as atol;
use galley_fiscal::{Ffd, VatRate, check};
use galley_shtrih_m as shtrih;

/// A target: its name, and what it does with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("atol_frames", atol_frames),
    ("atol_answers", atol_answers),
    ("atol_tasks", atol_tasks),
    ("shtrih_frames", shtrih_frames),
    ("shtrih_replies", shtrih_replies),
];

/// Frames of protocol 3, and the task buffer's layer in them: the same however the bytes are split, and what is
/// decoded writes out as what it was.
pub fn atol_frames(data: &[u8]) {
    use atol::{buffer, frame};
    let mut whole = frame::Decoder::default();
    let found = whole.push_all(data);
    let mut bytewise = frame::Decoder::default();
    let again: Vec<_> = data.iter().filter_map(|b| bytewise.push(*b)).collect();
    assert_eq!(found, again);
    for f in found {
        let frame::Found::Frame(f) = f else { continue };
        let written = frame::encode(f.id, &f.data).unwrap();
        let read = frame::Decoder::default().push_all(&written);
        assert_eq!(read, [frame::Found::Frame(f.clone())]);
        if let Some(status) = buffer::Status::decode(&f.data) {
            assert_eq!(buffer::Status::decode(&status.encode()), Some(status));
        }
        if let Some(command) = buffer::HostCommand::decode(&f.data) {
            assert_eq!(
                buffer::HostCommand::decode(&command.encode()),
                Some(command)
            );
        }
    }
}

/// What is inside an ATOL answer.
pub fn atol_answers(data: &[u8]) {
    use atol::{bcd, command, drive, position, register, text, tlv};
    let _ = command::standard(data, "fuzz");
    let _ = command::value(data, "fuzz");
    let _ = command::payment_answer(data);
    let _ = command::device_type(data);
    let _ = command::state_code(data);
    let _ = command::full_status(data);
    let _ = register::last_document(data);
    let _ = register::last_receipt(data);
    let _ = register::receipt_sums(data);
    let _ = register::revenue(data);
    let _ = register::shift(data);
    let _ = register::drive_shift(data);
    let _ = register::serial(data);
    let _ = register::amount(data);
    let _ = register::count(data);
    let _ = register::receipt_count(data);
    let _ = register::columns(data);
    let _ = register::format(data);
    let _ = register::registrations_left(data);
    let _ = register::drive_expiry(data);
    let _ = register::printed(data);
    let _ = drive::status(data);
    let _ = drive::exchange(data);
    let _ = drive::document(data);
    let _ = text::ascii(data);
    assert_eq!(text::decode(data).chars().count(), data.len());
    if let Some(number) = bcd::decode(data)
        && data.len() == 7
    {
        assert_eq!(bcd::encode::<7>(number).unwrap(), data);
    }
    if let Some(p) = position::Position::decode(data)
        && let Some(written) = p.encode()
    {
        // A name is cleaned of control characters when it is written, once.
        let again = position::Position::decode(&written).unwrap();
        assert_eq!(
            (again.price_minor, again.sum_minor),
            (p.price_minor, p.sum_minor)
        );
        assert_eq!(again.encode(), Some(written));
    }
    let mut walked = 0;
    for (_, value) in tlv::walk(data) {
        walked += 4 + value.len();
        let _ = tlv::number(value);
    }
    assert!(walked <= data.len());
}

/// JSON tasks of the vendor's web requests: what is understood writes out as what is understood again, and becomes a
/// document or a fault, never a panic.
pub fn atol_tasks(data: &[u8]) {
    use atol::json;
    let Ok(task) = serde_json::from_slice::<json::Task>(data) else {
        return;
    };
    let written = serde_json::to_vec(&task).unwrap();
    let read: json::Task = serde_json::from_slice(&written).unwrap();
    assert_eq!(read, task);
    if let Ok(taken) = json::to_document(&task, Some("k-1"), None) {
        let rules = check::Rules {
            ffd: Ffd::V12,
            vat: VatRate::ALL.to_vec(),
            marking: true,
            operator_needed: true,
            contact_needed: true,
        };
        let _ = check::faults(&taken.document, &rules);
    }
    if let json::Task::NonFiscal(slip) = &task {
        let _ = json::task_slip(slip);
    }
}

/// Frames of both of Shtrikh-M's low levels.
pub fn shtrih_frames(data: &[u8]) {
    use shtrih::{frame1, frame2};
    // Behind its STX a frame of protocol 1 has a known end.
    let mut one = frame1::Collector::default();
    for byte in data {
        match one.push(*byte) {
            frame1::Taken::More => {}
            frame1::Taken::Damaged => one = frame1::Collector::default(),
            frame1::Taken::Whole(body) => {
                let written = frame1::encode(&body).unwrap();
                let mut again = frame1::Collector::default();
                let read = written.iter().skip(1).map(|b| again.push(*b)).last();
                assert!(matches!(read, Some(frame1::Taken::Whole(b)) if b == body));
                one = frame1::Collector::default();
            }
        }
    }
    let mut two = frame2::Decoder::default();
    for byte in data {
        if let frame2::Taken::Whole(frame) = two.push(*byte) {
            let written = frame2::encode(&frame).unwrap();
            let mut again = frame2::Decoder::default();
            let read = written.iter().map(|b| again.push(*b)).last();
            assert!(matches!(read, Some(frame2::Taken::Whole(f)) if f == frame));
        }
    }
}

/// What is inside a Shtrikh-M reply.
pub fn shtrih_replies(data: &[u8]) {
    use shtrih::{command, drive, status, text, tlv};
    if let Some((code, _)) = command::split_code(data) {
        let _ = command::reply(data, code);
        let _ = command::is_idempotent(code);
        let _ = command::time_limit(code);
    }
    let _ = status::device_type(data);
    let _ = status::model_parameters(data);
    let _ = status::short_status(data);
    let _ = status::status(data);
    let _ = drive::status(data);
    let _ = drive::expiry(data);
    let _ = drive::document(data);
    let _ = drive::exchange(data);
    let _ = drive::shift(data);
    let _ = drive::registration(data);
    let _ = drive::memory(data);
    let _ = drive::mark_check(data);
    let _ = text::from_cp1251(data);
    let _ = text::from_tlv(data);
    let _ = text::ascii(data);
    let mut walked = 0;
    for (_, value) in tlv::walk(data) {
        walked += 4 + value.len();
        let _ = tlv::number(value);
    }
    assert!(walked <= data.len());
}
