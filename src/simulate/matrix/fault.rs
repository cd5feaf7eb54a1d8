//! The faults of the matrix, and the points at which each can strike.

use super::{Which, act::Act};
use crate::{
    simulate::{
        plan::Service,
        rig::{End, Rig},
        steps::{Passing, Steps},
        wire::{Wire, WireFault},
    },
    world::{HttpFault, Times},
};
use axum::http::StatusCode;
use galley_atol::emulator::{At, Fault as PrinterFault, Times as PrinterTimes};
use galley_moley::emulator::Fault as RobotFault;
use galley_vfs::Failure;
use std::time::Duration;

/// What the outside saw of an act when nothing went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calm {
    /// Changing operations on the disk.
    pub(super) writes: u64,
    /// Reads, writes and requests on all wires.
    pub(super) steps: u64,
    /// Reads and writes on the printer's wire.
    pub(super) printer: u64,
    /// Reads and writes on the robot's wire.
    pub(super) robot: u64,
    /// Requests to the bank.
    pub(super) bank: u64,
}

impl Calm {
    /// The counters as they stand.
    pub(super) fn read(rig: &Rig) -> Self {
        Self {
            writes: rig.disk().operations(),
            steps: rig.steps(),
            printer: rig.printer_wire().steps().taken(),
            robot: rig.robot_wire().steps().taken(),
            bank: rig.bank_steps().taken(),
        }
    }

    /// What came since `before`; of steps, since the process last began.
    pub(super) fn since_life(self, before: Self) -> Self {
        Self {
            writes: self.writes.saturating_sub(before.writes),
            steps: self.steps.saturating_sub(before.steps),
            printer: self.printer.saturating_sub(before.printer),
            robot: self.robot.saturating_sub(before.robot),
            bank: self.bank.saturating_sub(before.bank),
        }
    }
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process dies before a changing operation on its disk.
    KilledAtWrite,
    /// The power fails there, and nothing is left of what was not flushed.
    PowerAtWrite,
    /// The power fails there, and any part is left of what was not flushed.
    TornAtWrite,
    /// The process dies before a read, a write or a request on any wire.
    KilledAtStep,
    /// The power fails there.
    PowerAtStep,
    /// A write on the disk fails there.
    WriteFails,
    /// A flush fails there; what it was to bring to the disk is gone with the next loss of power.
    FlushFails,
    /// As before, and the power fails when the daemon has noticed.
    FlushFailsThenPower,
    /// The link to the printer.
    Printer(LinkFault),
    /// The link to the robot.
    Robot(LinkFault),
    /// The printer itself, at its next command.
    PrinterAct(PrinterFault),
    /// The robot itself, at the command of the act.
    RobotAct(RobotTrouble),
    /// A request to the bank.
    Bank(BankTrouble),
}

/// What happens to a device's link just before a read or a write on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkFault {
    /// The link breaks.
    Cut,
    /// The link breaks in the middle of what is read or written.
    CutWithin,
    /// The cable is out for a while.
    Unplugged,
    /// What is read or written is lost, and the link stays.
    FrameLost,
    /// The link is half open: what is sent vanishes, nothing comes, nothing breaks.
    HalfOpen,
    /// The device loses its power for a while.
    PowerOff,
    /// The device is switched off and on.
    Restarted,
}

/// What happens at the robot's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RobotTrouble {
    AnswerLost,
    CutBefore,
    CutAfter,
    PowerBefore,
    PowerAfter,
}

/// What happens to a request to the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BankTrouble {
    Refused,
    RequestLost,
    AnswerLost,
    AnswerLate,
    Garbled,
    /// An error of the server, which has acted.
    ErrorAfter,
    /// An error of something in between, and the bank has seen nothing.
    ErrorBefore,
    /// The network is gone for a while.
    Offline,
}

const WRITES: [Fault; 8] = [
    Fault::KilledAtWrite,
    Fault::PowerAtWrite,
    Fault::TornAtWrite,
    Fault::KilledAtStep,
    Fault::PowerAtStep,
    Fault::WriteFails,
    Fault::FlushFails,
    Fault::FlushFailsThenPower,
];

const LINK: [LinkFault; 7] = [
    LinkFault::Cut,
    LinkFault::CutWithin,
    LinkFault::Unplugged,
    LinkFault::FrameLost,
    LinkFault::HalfOpen,
    LinkFault::PowerOff,
    LinkFault::Restarted,
];

impl Fault {
    /// Those of a matrix.
    pub(super) fn of(which: Which) -> Vec<Self> {
        let mut all = WRITES.to_vec();
        match which {
            Which::Fiscal => {
                all.extend(LINK.map(Self::Printer));
                all.extend(
                    [
                        PrinterFault::AnswerLost,
                        PrinterFault::PowerCut { carried_out: false },
                        PrinterFault::PowerCut { carried_out: true },
                        PrinterFault::PaperEnds { registered: true },
                        PrinterFault::PaperEnds { registered: false },
                    ]
                    .map(Self::PrinterAct),
                );
            }
            Which::Robot => {
                all.extend(LINK.map(Self::Robot));
                all.extend(
                    [
                        RobotTrouble::AnswerLost,
                        RobotTrouble::CutBefore,
                        RobotTrouble::CutAfter,
                        RobotTrouble::PowerBefore,
                        RobotTrouble::PowerAfter,
                    ]
                    .map(Self::RobotAct),
                );
            }
            Which::Bank => all.extend(
                [
                    BankTrouble::Refused,
                    BankTrouble::RequestLost,
                    BankTrouble::AnswerLost,
                    BankTrouble::AnswerLate,
                    BankTrouble::Garbled,
                    BankTrouble::ErrorAfter,
                    BankTrouble::ErrorBefore,
                    BankTrouble::Offline,
                ]
                .map(Self::Bank),
            ),
        }
        all
    }

    /// Its name in the table and in a cell's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KilledAtWrite => "killed-at-write",
            Self::PowerAtWrite => "power-cut-at-write",
            Self::TornAtWrite => "power-cut-torn-at-write",
            Self::KilledAtStep => "killed-at-step",
            Self::PowerAtStep => "power-cut-at-step",
            Self::WriteFails => "disk-write-fails",
            Self::FlushFails => "disk-flush-fails",
            Self::FlushFailsThenPower => "disk-flush-fails-then-power-cut",
            Self::Printer(link) | Self::Robot(link) => match link {
                LinkFault::Cut => "link-cut",
                LinkFault::CutWithin => "link-cut-within-frame",
                LinkFault::Unplugged => "cable-out",
                LinkFault::FrameLost => "frame-lost",
                LinkFault::HalfOpen => "link-half-open",
                LinkFault::PowerOff => "device-power-off",
                LinkFault::Restarted => "device-restarted",
            },
            Self::PrinterAct(fault) => match fault {
                PrinterFault::AnswerLost => "answer-lost",
                PrinterFault::PowerCut { carried_out: false } => "device-power-before-command",
                PrinterFault::PowerCut { carried_out: true } => "device-power-after-command",
                PrinterFault::PaperEnds { registered: true } => "paper-ends-after-act",
                _ => "paper-ends-before-act",
            },
            Self::RobotAct(trouble) => match trouble {
                RobotTrouble::AnswerLost => "answer-lost",
                RobotTrouble::CutBefore => "link-cut-before-act",
                RobotTrouble::CutAfter => "link-cut-after-act",
                RobotTrouble::PowerBefore => "device-power-before-act",
                RobotTrouble::PowerAfter => "device-power-after-act",
            },
            Self::Bank(trouble) => match trouble {
                BankTrouble::Refused => "connection-refused",
                BankTrouble::RequestLost => "request-lost",
                BankTrouble::AnswerLost => "answer-lost",
                BankTrouble::AnswerLate => "answer-late",
                BankTrouble::Garbled => "answer-garbled",
                BankTrouble::ErrorAfter => "server-error-after-act",
                BankTrouble::ErrorBefore => "server-error-before-act",
                BankTrouble::Offline => "network-gone",
            },
        }
    }

    /// Whether the robot forgets what it was told to do.
    pub(super) fn takes_the_robots_power(self) -> bool {
        matches!(
            self,
            Self::Robot(LinkFault::PowerOff | LinkFault::Restarted)
                | Self::RobotAct(RobotTrouble::PowerBefore | RobotTrouble::PowerAfter)
        )
    }

    /// At how many points it can strike an act that looks like `calm`.
    pub(super) fn points(self, act: Act, calm: &Calm) -> u64 {
        match self {
            Self::KilledAtWrite
            | Self::PowerAtWrite
            | Self::TornAtWrite
            | Self::WriteFails
            | Self::FlushFails
            | Self::FlushFailsThenPower => calm.writes,
            Self::KilledAtStep | Self::PowerAtStep => calm.steps,
            // The one act is the last command but one that matters: paper ends there or nowhere.
            Self::PrinterAct(PrinterFault::PaperEnds { .. }) => 1,
            Self::Printer(_) | Self::PrinterAct(_) => calm.printer,
            Self::Robot(_) => calm.robot,
            Self::RobotAct(_) => u64::from(act.robot_command().is_some()),
            Self::Bank(_) => calm.bank,
        }
    }

    /// How long it lasts once it has struck.
    pub(super) fn lasts(self) -> Duration {
        match self {
            // Long enough for the drivers' own deadlines.
            Self::Printer(LinkFault::HalfOpen) | Self::Robot(LinkFault::HalfOpen) => {
                Duration::from_secs(45)
            }
            Self::Bank(BankTrouble::Offline) => Duration::from_secs(20),
            _ => Duration::from_secs(10),
        }
    }

    /// Lets it strike at the point that is so many ahead.
    pub(super) fn arm(self, rig: &Rig, act: Act, ahead: u64) {
        let printer = rig.outside().printer.clone();
        let kitchen = rig.outside().kitchen.clone();
        match self {
            Self::KilledAtWrite => rig.die_at_write(ahead, End::Killed),
            Self::PowerAtWrite => rig.die_at_write(ahead, End::PowerAndAll),
            Self::TornAtWrite => rig.die_at_write(ahead, End::PowerAndTorn),
            Self::KilledAtStep => rig.die_at_step(ahead, End::Killed),
            Self::PowerAtStep => rig.die_at_step(ahead, End::PowerAndAll),
            Self::WriteFails => rig.fail_disk_at(ahead, Failure::Write),
            Self::FlushFails | Self::FlushFailsThenPower => {
                rig.fail_disk_at(ahead, Failure::Sync);
            }
            Self::Printer(link) => {
                let again = printer.clone();
                let off = move || printer.power_cut();
                link.arm(rig.printer_wire(), ahead, off, move || again.restart());
            }
            Self::Robot(link) => {
                let again = kitchen.clone();
                let off = move || kitchen.power_cut();
                link.arm(rig.robot_wire(), ahead, off, move || again.restart());
            }
            Self::PrinterAct(fault @ PrinterFault::PaperEnds { .. }) => {
                printer.set_fault(fault, PrinterTimes::Once);
            }
            Self::PrinterAct(fault) => rig.printer_wire().steps().set_trap(ahead, move |_| {
                printer.set_fault_at(fault, At::Any, PrinterTimes::Once);
                Passing::On
            }),
            Self::RobotAct(trouble) => {
                let Some(op) = act.robot_command().map(str::to_owned) else {
                    return;
                };
                kitchen.inject(match trouble {
                    RobotTrouble::AnswerLost => RobotFault::LoseAnswer { op },
                    RobotTrouble::CutBefore => RobotFault::CutBeforeAct { op },
                    RobotTrouble::CutAfter => RobotFault::CutAfterAct { op },
                    RobotTrouble::PowerBefore | RobotTrouble::PowerAfter => RobotFault::PowerLoss {
                        op,
                        after_commit: trouble == RobotTrouble::PowerAfter,
                    },
                });
            }
            Self::Bank(trouble) => {
                let net = rig.net().clone();
                rig.bank_steps().set_trap(ahead, move |_| {
                    let fault = match trouble {
                        BankTrouble::Offline => {
                            net.set_online(false);
                            return Passing::On;
                        }
                        BankTrouble::Refused => HttpFault::Refused,
                        BankTrouble::RequestLost => HttpFault::RequestLost,
                        BankTrouble::AnswerLost => HttpFault::AnswerLost,
                        BankTrouble::AnswerLate => HttpFault::Slow(Duration::from_secs(30)),
                        BankTrouble::Garbled => HttpFault::Garbage,
                        BankTrouble::ErrorAfter => {
                            HttpFault::Status(StatusCode::INTERNAL_SERVER_ERROR)
                        }
                        BankTrouble::ErrorBefore => HttpFault::Blocked(StatusCode::BAD_GATEWAY),
                    };
                    net.set_fault(Service::Bank.authority(), fault, Times::ONCE);
                    Passing::On
                });
            }
        }
    }

    /// Whether it has struck, of which `crashes` the process had when it was armed.
    pub(super) fn struck(self, rig: &Rig, crashes: (u64, u64)) -> bool {
        let through = |steps: &Steps| !steps.is_trapped();
        match self {
            Self::KilledAtWrite
            | Self::PowerAtWrite
            | Self::TornAtWrite
            | Self::KilledAtStep
            | Self::PowerAtStep => rig.crashes() != crashes,
            Self::WriteFails | Self::FlushFails => rig.disk().failures() > 0,
            Self::FlushFailsThenPower => {
                let failed = rig.disk().failures() > 0;
                if failed && rig.crashes() == crashes {
                    rig.die(End::PowerAndAll);
                }
                failed
            }
            Self::PrinterAct(PrinterFault::PaperEnds { .. }) => {
                rig.outside().printer.snapshot().faults.is_empty()
            }
            Self::Printer(_) | Self::PrinterAct(_) => through(rig.printer_wire().steps()),
            Self::Robot(_) => through(rig.robot_wire().steps()),
            // The command is what the act is made of.
            Self::RobotAct(_) => true,
            Self::Bank(_) => through(rig.bank_steps()),
        }
    }

    /// Everything works again, and nothing waits to strike.
    pub(super) fn mend(rig: &Rig) {
        rig.do_not_die();
        rig.disk().do_not_fail();
        for wire in [rig.printer_wire(), rig.robot_wire()] {
            wire.steps().clear();
            wire.mend();
        }
        rig.bank_steps().clear();
        rig.net().heal(Service::Bank.authority());
        rig.net().set_online(true);
        let printer = &rig.outside().printer;
        printer.clear_faults();
        printer.set_fault(PrinterFault::PaperBack, PrinterTimes::Once);
        if !printer.snapshot().powered {
            printer.restart();
        }
        let kitchen = &rig.outside().kitchen;
        kitchen.clear_faults();
        if !kitchen.is_on() {
            kitchen.restart();
        }
    }
}

impl LinkFault {
    fn arm(
        self,
        wire: &Wire,
        ahead: u64,
        off: impl FnOnce() + Send + 'static,
        on: impl FnOnce() + Send + 'static,
    ) {
        let here = wire.clone();
        wire.steps().set_trap(ahead, move |n| {
            match self {
                Self::Cut => here.break_streams(),
                Self::CutWithin => {
                    let half = u32::try_from(n / 2).unwrap_or(0);
                    here.set_fault(WireFault::CutAfter(half));
                }
                Self::Unplugged => here.plug(false),
                Self::FrameLost => return Passing::Lost,
                Self::HalfOpen => here.hole(true),
                Self::PowerOff => off(),
                Self::Restarted => {
                    off();
                    on();
                }
            }
            Passing::On
        });
    }
}
