//! The fault matrix: a slice of each, and that a cell can fail.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use galley::simulate::{Matrix, MatrixReport, Which, matrix};

fn tried(which: Which, only: &str, every: u64, sabotage: Option<&str>) -> MatrixReport {
    let wanted = Matrix {
        which,
        only: only.to_owned(),
        every,
        seed: 1,
        sabotage: sabotage.map(str::to_owned),
    };
    matrix(&wanted, |_, _| {}).unwrap()
}

fn all_hold(report: &MatrixReport, at_least: u64) {
    assert!(report.holds(), "{:#?}", report.broken);
    assert!(report.cells >= at_least, "{} cells", report.cells);
}

#[test]
fn a_receipt_is_registered_once_whenever_the_process_dies() {
    let report = tried(Which::Fiscal, "sale-receipt/killed-at-write", 13, None);
    all_hold(&report, 5);
}

#[test]
fn a_receipt_is_registered_once_whichever_write_or_flush_fails() {
    for (fault, every) in [
        ("disk-write-fails", 5),
        ("disk-flush-fails-then-power-cut", 2),
    ] {
        let report = tried(Which::Fiscal, &format!("sale-receipt/{fault}"), every, None);
        all_hold(&report, 2);
    }
}

#[test]
fn a_receipt_is_registered_once_whatever_frame_is_lost() {
    let report = tried(Which::Fiscal, "sale-receipt/frame-lost", 13, None);
    all_hold(&report, 5);
}

/// Points after the registration, while the printer is still asked for what it registered.
#[test]
fn a_receipt_is_in_its_shifts_books_whenever_the_link_breaks() {
    let report = tried(Which::Fiscal, "sale-receipt/link-cut", 4, None);
    all_hold(&report, 40);
}

#[test]
fn a_shift_is_closed_once_whenever_the_power_of_the_printer_fails() {
    let report = tried(
        Which::Fiscal,
        "shift-close/device-power-after-command",
        11,
        None,
    );
    all_hold(&report, 4);
}

#[test]
fn a_dish_is_cooked_once_whenever_the_robots_link_breaks() {
    let report = tried(Which::Robot, "submit/link-cut", 4, None);
    all_hold(&report, 5);
}

#[test]
fn a_robot_is_paused_once_whenever_the_process_dies() {
    let report = tried(Which::Robot, "pause/killed-at-step", 2, None);
    all_hold(&report, 3);
}

#[test]
fn money_is_given_back_once_whatever_answer_of_the_bank_is_lost() {
    let report = tried(Which::Bank, "refund/answer-lost", 1, None);
    all_hold(&report, 2);
}

#[test]
fn money_that_comes_late_goes_back_once_whatever_request_is_lost() {
    let report = tried(Which::Bank, "close-and-late-money/request-lost", 1, None);
    all_hold(&report, 4);
}

#[test]
fn a_disk_that_is_never_flushed_is_found_out() {
    let sabotage = Some("synchronous-off");
    let report = tried(
        Which::Fiscal,
        "sale-receipt/power-cut-at-write",
        9,
        sabotage,
    );
    assert!(!report.holds(), "every cell holds without a flush");
    assert!(!report.broken.is_empty());
}

#[test]
fn one_cell_can_be_tried_again_by_its_name() {
    let report = tried(Which::Bank, "capture/answer-lost/1", 1, None);
    assert_eq!(report.cells, 1);
    assert_eq!(report.rows.len(), 1);
}

/// A whole matrix has thousands of cells, each with two disks: what one keeps, the machine's memory pays for.
#[test]
fn nothing_is_left_of_a_cell() {
    let before = galley_vfs::alive();
    let report = tried(Which::Bank, "register/killed-at-step", 3, None);
    all_hold(&report, 3);
    assert_eq!(galley_vfs::alive(), before);
}
