//! How each trouble is made in the rig, and mended.

use super::{
    plan::{Event, Service, Trouble},
    rig::{End, Rig},
    wire::WireFault,
};
use crate::{
    connectors::{
        alfa_bank::emulator::BankFault,
        one_c::emulator::{Act, Fault as OneCFault},
        sms_ru::emulator::{SmsFault, Trouble as SmsTrouble},
    },
    domain::shift::ShiftState,
    world::{HttpFault, Times},
};
use axum::http::StatusCode;
use galley_atol::emulator::{Fault as PrinterFault, Times as PrinterTimes};
use galley_moley::emulator::Fault as RobotFault;
use std::time::Duration;

/// Writes ahead at which a process is killed, at most: about two orders' worth.
const WRITES_AHEAD: u64 = 400;
/// Steps on the wires ahead, at most.
const STEPS_AHEAD: u64 = 120;
/// Bytes ahead on a wire, at most.
const BYTES_AHEAD: u64 = 900;
/// Code of the printer for a fiscal memory that is full. [source: atol.md, table of errors]
const DRIVE_IS_FULL: u8 = 0x8A;

/// Makes it happen.
pub(super) fn strike(rig: &Rig, event: &Event) {
    let n = event.number;
    let once = Times::Next(1 + u32::try_from(n % 3).unwrap_or(0));
    let printer = &rig.outside().printer;
    let kitchen = &rig.outside().kitchen;
    let small = |bound: u64| u32::try_from(n % bound).unwrap_or(0);
    let op = || {
        ["job.submit", "job.submit", "job.cancel", "recipe.put"]
            [usize::try_from(n % 4).unwrap_or(0)]
        .to_owned()
    };
    let http = |service: Service, fault: HttpFault, times: Times| {
        rig.net().set_fault(service.authority(), fault, times);
    };
    let at_printer = |fault: PrinterFault| printer.set_fault(fault, PrinterTimes::Once);
    match event.trouble {
        Trouble::Internet => rig.set_online(false),
        Trouble::LanAnswersLost => rig.break_lan(1 + n % 6, 0),
        Trouble::LanRequestsTwice => rig.break_lan(0, 1 + n % 6),
        Trouble::ServiceDown(s) => http(s, HttpFault::Refused, Times::Always),
        Trouble::RequestLost(s) => http(s, HttpFault::RequestLost, once),
        Trouble::AnswerLost(s) => http(s, HttpFault::AnswerLost, once),
        Trouble::AnswerLate(s) => {
            http(s, HttpFault::Slow(Duration::from_secs(4 + n % 30)), once);
        }
        Trouble::AnswerGarbled(s) => http(s, HttpFault::Garbage, once),
        Trouble::ServerError(s) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let fault = if n.is_multiple_of(2) {
                HttpFault::Status(status)
            } else {
                HttpFault::Blocked(status)
            };
            http(s, fault, once);
        }
        Trouble::PointsAnswerLost => rig.lose_points(1 + n % 3),
        Trouble::BankRefundsSlowly => {
            let slow = BankFault::SlowRefund(Duration::from_secs(20));
            rig.outside().bank.set_fault("refund.do", slow, 2);
        }
        Trouble::OneCHalfPosted => rig.outside().one_c.inject(
            Act::Post,
            if n.is_multiple_of(2) {
                OneCFault::Error
            } else {
                OneCFault::ErrorAfterAct
            },
        ),
        Trouble::SmsTakenUnanswered => rig
            .outside()
            .sms
            .set_fault(SmsFault::After(SmsTrouble::Hang), 1),
        Trouble::PrinterCable => rig.printer_wire().plug(false),
        Trouble::PrinterWireCut => {
            let after = WireFault::CutAfter(small(BYTES_AHEAD));
            rig.printer_wire().set_fault(after);
        }
        Trouble::PrinterBitFlipped => {
            let bit = u8::try_from(n % 8).unwrap_or(0);
            let after = WireFault::FlipAfter(small(BYTES_AHEAD), bit);
            rig.printer_wire().set_fault(after);
        }
        Trouble::PrinterHalfOpen => rig.printer_wire().hole(true),
        Trouble::PrinterAnswerLost => at_printer(PrinterFault::AnswerLost),
        Trouble::PrinterFrameCut => at_printer(PrinterFault::FrameCut),
        Trouble::PrinterSilent => {
            printer.set_fault(PrinterFault::Silence, PrinterTimes::N(1 + small(5)))
        }
        Trouble::PrinterSlow => at_printer(PrinterFault::AnswerDelayed {
            ms: 500 + n % 60_000,
        }),
        Trouble::PrinterPowerBefore => at_printer(PrinterFault::PowerCut { carried_out: false }),
        Trouble::PrinterPowerAfter => at_printer(PrinterFault::PowerCut { carried_out: true }),
        Trouble::PrinterPaperOut => at_printer(PrinterFault::PaperOut),
        Trouble::PrinterPaperEnds => at_printer(PrinterFault::PaperEnds {
            registered: n.is_multiple_of(2),
        }),
        Trouble::PrinterRestarted => {
            printer.power_cut();
            printer.restart();
        }
        Trouble::PrinterStranger => {
            let _ = printer.stranger_receipt(true, 1_00 + n % 50_000, Some("another till"));
        }
        // With a closed shift it would be a replacement like any other.
        Trouble::PrinterOtherDrive if shift_is_open(rig) => rig.printer_wire().swap(true),
        Trouble::PrinterOtherDrive => {}
        Trouble::DriveFull => printer.set_fault(
            PrinterFault::Refuse { err: DRIVE_IS_FULL },
            PrinterTimes::Always,
        ),
        Trouble::ShiftTooOld => at_printer(PrinterFault::ShiftExpired),
        Trouble::RobotCable => rig.robot_wire().plug(false),
        Trouble::RobotWireCut => {
            let after = WireFault::CutAfter(small(BYTES_AHEAD * 4));
            rig.robot_wire().set_fault(after);
        }
        Trouble::RobotHalfOpen => rig.robot_wire().hole(true),
        Trouble::RobotAnswerLost => kitchen.inject(RobotFault::LoseAnswer { op: op() }),
        Trouble::RobotCutBefore => kitchen.inject(RobotFault::CutBeforeAct { op: op() }),
        Trouble::RobotCutAfter => kitchen.inject(RobotFault::CutAfterAct { op: op() }),
        Trouble::RobotFrameCut => kitchen.inject(RobotFault::CutFrame),
        Trouble::RobotDuplicate => kitchen.inject(RobotFault::Duplicate),
        Trouble::RobotReorder => kitchen.inject(RobotFault::Reorder),
        Trouble::RobotDrop => kitchen.inject(if n.is_multiple_of(2) {
            RobotFault::DropOut(2 + small(7))
        } else {
            RobotFault::DropIn(2 + small(7))
        }),
        Trouble::RobotLate => kitchen.inject(RobotFault::Delay(n % 8_000)),
        Trouble::RobotPower => kitchen.power_cut(),
        Trouble::RobotPowerAtJob => kitchen.inject(RobotFault::PowerLoss {
            op: op(),
            after_commit: n.is_multiple_of(2),
        }),
        Trouble::RobotJam => kitchen.jam(true),
        Trouble::RobotStop => kitchen.estop(true),
        Trouble::RobotBinEmpty => {
            let bins = kitchen.bins();
            let which = usize::try_from(n).unwrap_or(0) % bins.len().max(1);
            if let Some(bin) = bins.get(which) {
                kitchen.drain(&bin.bin);
            }
        }
        Trouble::Killed => rig.die(End::Killed),
        Trouble::KilledAtWrite => rig.die_at_write(n % WRITES_AHEAD, End::Killed),
        Trouble::KilledAtStep => rig.die_at_step(n % STEPS_AHEAD, End::Killed),
        Trouble::PowerCut => rig.die(End::Power),
        Trouble::PowerCutAtWrite => rig.die_at_write(n % WRITES_AHEAD, End::Power),
        Trouble::PowerOff => rig.power_off(),
        Trouble::DiskFull => rig.disk().set_capacity(Some(used(rig) + n % 20_000)),
        Trouble::DiskReadOnly => rig.disk().set_read_only(true),
        Trouble::FlushFails => rig.disk().fail_syncs(1 + n % 3),
        Trouble::FlushFailsThenKilled => rig.fail_flush_and_die(),
        Trouble::WriteFails => rig.disk().fail_writes(1 + n % 3),
        Trouble::ClockBack => rig.box_clock().shift(-hours(n)),
        Trouble::ClockForward => rig.box_clock().shift(hours(n)),
        Trouble::ThroughBroker | Trouble::FewPlaces | Trouble::Members => {}
        Trouble::BrokerDown => rig.broker().run(false),
        Trouble::BrokerForgets => rig.broker().lose_everything(),
        Trouble::BrokerRepeats => {
            let later = Duration::from_millis(n % 20_000);
            rig.broker().repeat(1 + n % 12, later);
        }
        Trouble::BrokerDelays => rig.broker().delay(Duration::from_secs(1 + n % 30)),
        Trouble::BrokerLoses => rig.broker().lose(1 + n % 8),
        // Long enough for several of the store's own deadlines; never an answer, whatever it did.
        Trouble::BankHangs => {
            let fault = if n.is_multiple_of(2) {
                HttpFault::Hang
            } else {
                HttpFault::RequestHangs
            };
            http(Service::Bank, fault, Times::Always);
        }
        Trouble::RobotReplaced => rig.replace_robot(),
        // The kernel found the disk bad: read-only it is, and the daemon must begin on it too.
        Trouble::DiskRemounted => {
            rig.disk().set_read_only(true);
            rig.die(End::Killed);
        }
        // Struck by the life, which keeps the backup.
        Trouble::HqRestored => {}
        Trouble::HqKilled => rig.kill_hq((n.is_multiple_of(2)).then_some(n)),
    }
}

fn shift_is_open(rig: &Rig) -> bool {
    rig.site().is_some_and(|site| {
        site.store
            .read_here(|s| s.shift())
            .is_ok_and(|shift: crate::domain::shift::Shift| shift.state == ShiftState::Open)
    })
}

/// Bytes of the files on the store's disk.
fn used(rig: &Rig) -> u64 {
    rig.disk()
        .files()
        .iter()
        .map(|(_, size)| *size as u64)
        .sum()
}

/// Between ten minutes and six hours, ms.
fn hours(n: u64) -> i64 {
    i64::try_from(600_000 + n % (6 * 3_600_000)).unwrap_or(0)
}

/// Puts it right again.
pub(super) async fn mend(rig: &Rig, trouble: Trouble) {
    let printer = &rig.outside().printer;
    let kitchen = &rig.outside().kitchen;
    match trouble {
        Trouble::Internet => rig.set_online(true),
        Trouble::LanAnswersLost | Trouble::LanRequestsTwice => rig.break_lan(0, 0),
        Trouble::ServiceDown(s)
        | Trouble::RequestLost(s)
        | Trouble::AnswerLost(s)
        | Trouble::AnswerLate(s)
        | Trouble::AnswerGarbled(s)
        | Trouble::ServerError(s) => rig.net().heal(s.authority()),
        Trouble::PrinterCable
        | Trouble::PrinterWireCut
        | Trouble::PrinterBitFlipped
        | Trouble::PrinterHalfOpen => rig.printer_wire().mend(),
        Trouble::PrinterOtherDrive => rig.printer_wire().swap(false),
        Trouble::PrinterPowerBefore
        | Trouble::PrinterPowerAfter
        | Trouble::PrinterAnswerLost
        | Trouble::PrinterFrameCut
        | Trouble::PrinterSilent
        | Trouble::PrinterSlow
        | Trouble::DriveFull => {
            printer.clear_faults();
            printer.restart();
        }
        Trouble::PrinterPaperOut | Trouble::PrinterPaperEnds => {
            printer.set_fault(PrinterFault::PaperBack, PrinterTimes::Once);
        }
        Trouble::RobotCable | Trouble::RobotWireCut | Trouble::RobotHalfOpen => {
            rig.robot_wire().mend();
        }
        Trouble::RobotPower | Trouble::RobotPowerAtJob => {
            kitchen.clear_faults();
            if !kitchen.is_on() {
                kitchen.restart();
            }
        }
        Trouble::RobotAnswerLost
        | Trouble::RobotCutBefore
        | Trouble::RobotCutAfter
        | Trouble::RobotFrameCut
        | Trouble::RobotDuplicate
        | Trouble::RobotReorder
        | Trouble::RobotDrop
        | Trouble::RobotLate => kitchen.clear_faults(),
        Trouble::RobotJam => {
            kitchen.jam(false);
            kitchen.clear_attention();
        }
        Trouble::RobotStop => {
            kitchen.estop(false);
            kitchen.clear_attention();
        }
        Trouble::RobotBinEmpty => refill(rig),
        Trouble::PowerOff => rig.power_on(),
        Trouble::DiskFull => rig.disk().set_capacity(None),
        Trouble::DiskReadOnly | Trouble::DiskRemounted => rig.disk().set_read_only(false),
        Trouble::BrokerDown => rig.broker().run(true),
        Trouble::BrokerRepeats => rig.broker().repeat(0, Duration::ZERO),
        Trouble::BrokerDelays => rig.broker().delay(Duration::ZERO),
        Trouble::BrokerLoses => rig.broker().lose(0),
        Trouble::BankHangs => rig.net().heal(Service::Bank.authority()),
        Trouble::FlushFails | Trouble::FlushFailsThenKilled | Trouble::WriteFails => {
            rig.disk().do_not_fail_syncs();
            rig.disk().fail_writes(0);
        }
        Trouble::ClockBack | Trouble::ClockForward => rig.box_clock().correct(),
        Trouble::HqKilled => {
            if rig.hq().is_none()
                && let Err(error) = rig.open_hq().await
            {
                tracing::error!(%error, "headquarters does not come back");
            }
        }
        Trouble::PointsAnswerLost => rig.lose_points(0),
        Trouble::BankRefundsSlowly
        | Trouble::OneCHalfPosted
        | Trouble::SmsTakenUnanswered
        | Trouble::PrinterRestarted
        | Trouble::PrinterStranger
        | Trouble::ShiftTooOld
        | Trouble::Killed
        | Trouble::KilledAtWrite
        | Trouble::KilledAtStep
        | Trouble::PowerCut
        | Trouble::PowerCutAtWrite
        | Trouble::BrokerForgets
        | Trouble::RobotReplaced
        | Trouble::ThroughBroker
        | Trouble::FewPlaces
        | Trouble::Members
        | Trouble::HqRestored => {}
    }
}

/// Staff fill what is empty.
fn refill(rig: &Rig) {
    let kitchen = &rig.outside().kitchen;
    for bin in kitchen.bins() {
        if bin.level == 0
            && let Some(item) = &bin.item
        {
            kitchen.fill(&bin.bin, item, bin.cap / 2, "refill");
        }
    }
}

/// Everything works again.
pub(super) async fn mend_all(rig: &Rig) {
    for trouble in Trouble::all() {
        mend(rig, trouble).await;
    }
}
