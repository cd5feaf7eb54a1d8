//! What the law on tills (54-FZ) asks of a store while it sells, as limits and a judgement. Pure.
//!
//! Each limit names its source. `[memory]` marks what stands so in the law as we know it and what an accountant must
//! confirm (`docs/fiscal.md`); the limits are configuration (`[fiscal]`) for that reason.

use super::{
    alert::Severity, contact::ReceiptTo, marking, receipt::Vat, text::Text, time::Timestamp,
};
use jiff::{civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// The limits, `[fiscal]` of the configuration. What is not set keeps its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A shift this old is a warning; 20 hours. It ends at 24, see [`super::shift::LONGEST`]. [ours]
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub shift_warn: Duration,
    /// A shift this old is an error; 23 hours. [source: atol.md 6.1]
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub shift_alarm: Duration,
    /// At this local time the shift is closed by itself, when no order is under way; `"03:00"`. Never, when it is not
    /// set: then it is closed at `policy.close_shift_after`. [ours]
    pub close_at: Option<Time>,
    /// Days that a document waits for the OFD before it is a warning; 3. [ours]
    pub ofd_warn_days: u32,
    /// Days that a document waits for the OFD before it is an error; 20. [source: atol.md 6.2]
    pub ofd_alarm_days: u32,
    /// Days that a document waits for the OFD before nothing is sold any more: the fiscal drive blocks itself; 30
    /// calendar days. [source: 54-FZ article 4.1, memory; atol.md 6.2]
    pub ofd_block_days: u32,
    /// Days before the fiscal drive's last day when it is a warning; 60. [source: atol.md 6.3]
    pub drive_warn_days: u32,
    /// Days before the fiscal drive's last day when it is an error; 7. [source: atol.md 6.3]
    pub drive_alarm_days: u32,
    /// The printer's clock may differ from the box's by so much; 5 minutes. [memory]
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub clock_drift: Duration,
    /// Whether a printer's clock that differs by more is set by itself, while the shift is closed; no. The box's clock
    /// must be right for it (NTP).
    pub set_clock: bool,
    /// How guests may have their receipts: `paper`, `sms`, `email`; all of them. What the contract with the OFD does not
    /// cover is struck out. [ours]
    pub receipt_to: Vec<ReceiptTo>,
    /// Whether the paper comes out too when the guest wants the receipt electronically; no. The law lets it be left out
    /// when the guest gave an address before the settlement. [memory: 54-FZ article 1.2]
    pub paper_too: bool,
    /// Marked goods that the printer's check speaks against, or that it could not check.
    pub marking: marking::Rules,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shift_warn: Duration::from_hours(20),
            shift_alarm: Duration::from_hours(23),
            close_at: None,
            ofd_warn_days: 3,
            ofd_alarm_days: 20,
            ofd_block_days: 30,
            drive_warn_days: 60,
            drive_alarm_days: 7,
            clock_drift: Duration::from_mins(5),
            set_clock: false,
            receipt_to: ReceiptTo::ALL.to_vec(),
            paper_too: false,
            marking: marking::Rules::default(),
        }
    }
}

impl Limits {
    /// What is wrong with them, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut rising = |name: &str, holds: bool| {
            if !holds {
                faults.push(format!("fiscal.{name}"));
            }
        };
        rising(
            "shift_alarm: it comes after shift_warn and before 24 hours",
            self.shift_warn <= self.shift_alarm && self.shift_alarm < super::shift::LONGEST,
        );
        rising(
            "ofd_block_days: the days rise from ofd_warn_days over ofd_alarm_days to ofd_block_days, which is at most 30",
            self.ofd_warn_days <= self.ofd_alarm_days
                && self.ofd_alarm_days <= self.ofd_block_days
                && (1..=30).contains(&self.ofd_block_days),
        );
        rising(
            "drive_alarm_days: it is at most drive_warn_days",
            self.drive_alarm_days <= self.drive_warn_days,
        );
        rising(
            "receipt_to: paper is always possible",
            self.receipt_to.contains(&ReceiptTo::Paper),
        );
        rising(
            "clock_drift: at least a minute, the printer tells no less",
            self.clock_drift >= Duration::from_mins(1),
        );
        faults
    }
}

/// What is known of shift and printer. What a printer does not say is none, and nothing is judged by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Since when the shift is open; none while it is not.
    #[serde(skip)]
    pub shift_open_since: Option<Timestamp>,
    /// The fiscal drive.
    pub drive: DriveFacts,
    /// The printer's clock less the box's, seconds.
    pub clock_ahead_s: i64,
    /// The till is registered as an automatic device, so no cashier is named (tag 1001).
    pub automatic: Option<bool>,
    /// A cashier is named in the configuration (tag 1021).
    pub cashier_named: bool,
    /// The tax system of the configuration is one the till is registered with (tags 1055, 1062).
    pub tax_system_registered: Option<bool>,
    /// Rates of VAT that the printer knows; empty when it does not say.
    pub vat: Vec<Vat>,
    /// Version of the fiscal data format that the printer registers: `1.05`, `1.1` or `1.2`.
    pub ffd: Option<String>,
    /// The printer can check and register marked goods.
    pub marking: Option<bool>,
}

/// The fiscal drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriveFacts {
    /// Its serial number.
    pub number: String,
    /// End of its last day.
    pub valid_until: Option<Timestamp>,
    /// It must be replaced within 3 days.
    pub replace_urgently: bool,
    /// Its resource ends within 30 days.
    pub resource_ends: bool,
    /// Its memory is nearly full.
    pub memory_nearly_full: bool,
    /// It says itself that the OFD has been silent for too long.
    pub ofd_overdue: bool,
    /// It is broken.
    pub critical: bool,
    /// Documents that wait for the OFD.
    pub unsent: u32,
    /// When the oldest of them was registered.
    pub oldest_unsent_at: Option<Timestamp>,
}

/// One cause, one code; the alert of it has the key `fiscal:<code>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The shift's age.
    Shift,
    /// Documents that wait for the OFD.
    Ofd,
    /// The fiscal drive's last day.
    DriveEnd,
    /// The fiscal drive's memory.
    DriveMemory,
    /// The fiscal drive is broken.
    DriveBroken,
    /// The printer's clock.
    Clock,
    /// No cashier is named, and the receipt must name one.
    Cashier,
    /// The receipt's tax system is not one the till is registered with.
    TaxSystem,
    /// Dishes whose rate of VAT is not known or that the printer can't register.
    Vat,
    /// Dishes that are marked goods, and a printer that can't register any.
    Marking,
}

impl Code {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Ofd => "ofd",
            Self::DriveEnd => "drive_end",
            Self::DriveMemory => "drive_memory",
            Self::DriveBroken => "drive_broken",
            Self::Clock => "clock",
            Self::Cashier => "cashier",
            Self::TaxSystem => "tax_system",
            Self::Vat => "vat",
            Self::Marking => "marking",
        }
    }
}

/// Something the law asks for and that is not so, or soon will not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// What is seen, one sentence. It says nothing that changes from minute to minute.
    pub what: String,
    /// What a person can do.
    pub advice: String,
    /// Nothing may be sold.
    pub blocks_sales: bool,
}

impl Finding {
    /// One line.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self.code {
            Code::Shift => "The till's shift is long",
            Code::Ofd => "The OFD does not get the documents",
            Code::DriveEnd => "The fiscal drive ends",
            Code::DriveMemory => "The fiscal drive is nearly full",
            Code::DriveBroken => "The fiscal drive is broken",
            Code::Clock => "The printer's clock is wrong",
            Code::Cashier => "The receipts name no cashier",
            Code::TaxSystem => "The till is not registered for this tax system",
            Code::Vat => "Dishes without a rate of VAT",
            Code::Marking => "Marked goods that can't be sold",
        }
    }

    /// Why nothing is sold, for guests.
    #[must_use]
    pub fn for_guests(&self) -> Text {
        match self.code {
            Code::Shift => Text::new(
                "Смена кассы длится больше 24 часов. Позовите сотрудника.",
                "Kassa smenasi 24 soatdan oshdi. Xodimni chaqiring.",
                "The till's shift is over 24 hours old. Please call staff.",
            ),
            Code::Ofd => Text::new(
                "Касса давно не связывалась с налоговой и не может пробить чек. Позовите сотрудника.",
                "Kassa soliq xizmati bilan uzoq vaqt bog‘lanmagan va chek bera olmaydi. Xodimni chaqiring.",
                "The till has not reached the tax service for too long and can't give a receipt. Please call staff.",
            ),
            Code::DriveEnd | Code::DriveMemory | Code::DriveBroken => Text::new(
                "Фискальный накопитель кассы нужно заменить. Позовите сотрудника.",
                "Kassaning fiskal xotirasini almashtirish kerak. Xodimni chaqiring.",
                "The till's fiscal drive must be replaced. Please call staff.",
            ),
            Code::Clock | Code::Cashier | Code::TaxSystem | Code::Vat | Code::Marking => Text::new(
                "Касса не может пробить правильный чек. Позовите сотрудника.",
                "Kassa to‘g‘ri chek bera olmaydi. Xodimni chaqiring.",
                "The till can't give a correct receipt. Please call staff.",
            ),
        }
    }
}

/// All that is not as the law wants it now, at most one finding a code, in the order of the codes.
#[must_use]
pub fn judge(limits: &Limits, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    [
        shift(limits, facts, now),
        ofd(limits, &facts.drive, now),
        drive_end(limits, &facts.drive, now),
        drive_memory(&facts.drive),
        drive_broken(&facts.drive),
        clock(limits, facts),
        cashier(facts),
        tax_system(facts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn shift(limits: &Limits, facts: &Facts, now: Timestamp) -> Option<Finding> {
    let since = facts.shift_open_since?;
    let age = now.since(since);
    let (severity, what, limit) = if age >= super::shift::LONGEST {
        (
            Severity::Error,
            "The shift has been open for 24 hours; the printer only closes it now.".to_owned(),
            super::shift::LONGEST,
        )
    } else if age >= limits.shift_alarm {
        (
            Severity::Error,
            long(limits.shift_alarm),
            limits.shift_alarm,
        )
    } else if age >= limits.shift_warn {
        (
            Severity::Warning,
            long(limits.shift_warn),
            limits.shift_warn,
        )
    } else {
        return None;
    };
    Some(Finding {
        code: Code::Shift,
        severity,
        since: Some(since.saturating_add(limit)),
        what,
        advice: "Close the shift: galley shift close. It may be open for 24 hours at most; the next order opens a new one."
            .to_owned(),
        blocks_sales: limit == super::shift::LONGEST,
    })
}

fn long(limit: Duration) -> String {
    let minutes = limit.as_secs() / 60;
    match minutes % 60 {
        0 => format!(
            "The shift has been open for more than {} hours.",
            minutes / 60
        ),
        m => format!(
            "The shift has been open for more than {} h {m} min.",
            minutes / 60
        ),
    }
}

fn ofd(limits: &Limits, drive: &DriveFacts, now: Timestamp) -> Option<Finding> {
    let waited = drive.oldest_unsent_at.filter(|_| drive.unsent > 0);
    let days = waited.map(|at| whole_days(now.since(at)));
    let level = days.map_or(0, |days| {
        [
            limits.ofd_warn_days,
            limits.ofd_alarm_days,
            limits.ofd_block_days,
        ]
        .iter()
        .filter(|limit| days >= u64::from(**limit))
        .count()
    });
    if level == 0 && !drive.ofd_overdue {
        return None;
    }
    let limit = match level {
        0 | 1 => limits.ofd_warn_days,
        2 => limits.ofd_alarm_days,
        _ => limits.ofd_block_days,
    };
    let what = match days {
        Some(days) if level > 0 => format!(
            "Documents have been waiting for the OFD for {days} days. After {} days the fiscal drive registers nothing any more.",
            limits.ofd_block_days
        ),
        _ => "The fiscal drive says that the OFD has been silent for too long.".to_owned(),
    };
    Some(Finding {
        code: Code::Ofd,
        severity: match (level, drive.ofd_overdue) {
            (0 | 1, false) => Severity::Warning,
            _ => Severity::Error,
        },
        since: waited
            .filter(|_| level > 0)
            .map(|at| at.saturating_add(DAY * limit)),
        what,
        advice: "Check the printer's network and the OFD's address in it (galley fiscal registration), and that the contract with the OFD is paid. The documents go out by themselves as soon as the OFD answers."
            .to_owned(),
        blocks_sales: level >= 3,
    })
}

fn whole_days(time: Duration) -> u64 {
    time.as_secs() / DAY.as_secs()
}

fn drive_end(limits: &Limits, drive: &DriveFacts, now: Timestamp) -> Option<Finding> {
    let over = drive.valid_until.is_some_and(|end| now >= end);
    let left = drive
        .valid_until
        .map(|end| end.since(now).as_millis().div_ceil(DAY.as_millis()));
    let within = |days: u32| left.is_some_and(|left| left <= u128::from(days));
    let severity = if over || within(limits.drive_alarm_days) || drive.replace_urgently {
        Severity::Error
    } else if within(limits.drive_warn_days) || drive.resource_ends {
        Severity::Warning
    } else {
        return None;
    };
    let what = match left {
        Some(_) if over => "The fiscal drive's last day is over.".to_owned(),
        Some(left) if within(limits.drive_warn_days) => {
            format!("The fiscal drive ends in {left} days.")
        }
        _ if drive.replace_urgently => {
            "The fiscal drive says that it must be replaced within 3 days.".to_owned()
        }
        _ => "The fiscal drive says that its resource ends within 30 days.".to_owned(),
    };
    Some(Finding {
        code: Code::DriveEnd,
        severity,
        since: None,
        what,
        advice: "Order a new fiscal drive and a visit of the service. Close the shift first, and let the OFD have all documents."
            .to_owned(),
        blocks_sales: over,
    })
}

fn drive_memory(drive: &DriveFacts) -> Option<Finding> {
    drive.memory_nearly_full.then(|| Finding {
        code: Code::DriveMemory,
        severity: Severity::Error,
        since: None,
        what: "The fiscal drive's memory is 99 % full.".to_owned(),
        advice:
            "Have the service replace the fiscal drive now; when it is full, nothing can be sold."
                .to_owned(),
        blocks_sales: false,
    })
}

fn drive_broken(drive: &DriveFacts) -> Option<Finding> {
    drive.critical.then(|| Finding {
        code: Code::DriveBroken,
        severity: Severity::Error,
        since: None,
        what: "The fiscal drive reports a critical error.".to_owned(),
        advice: "Call the service and tell the tax office within a day; sell on another till."
            .to_owned(),
        blocks_sales: true,
    })
}

fn clock(limits: &Limits, facts: &Facts) -> Option<Finding> {
    let off = facts.clock_ahead_s.unsigned_abs();
    (off > limits.clock_drift.as_secs()).then(|| Finding {
        code: Code::Clock,
        severity: Severity::Warning,
        since: None,
        what: format!(
            "The printer's clock is {} minutes {} the box's.",
            off / 60,
            if facts.clock_ahead_s > 0 { "ahead of" } else { "behind" }
        ),
        advice: "Check the box's own clock first (timedatectl). Then close the shift and set the printer's: galley fiscal clock set."
            .to_owned(),
        blocks_sales: false,
    })
}

fn cashier(facts: &Facts) -> Option<Finding> {
    (facts.automatic == Some(false) && !facts.cashier_named).then(|| Finding {
        code: Code::Cashier,
        severity: Severity::Error,
        since: None,
        what: "The till is not registered as an automatic device, so every receipt must name a cashier (tag 1021), and none is configured."
            .to_owned(),
        advice: "Set printer.receipt.cashier in the configuration and restart the daemon."
            .to_owned(),
        blocks_sales: true,
    })
}

fn tax_system(facts: &Facts) -> Option<Finding> {
    (facts.tax_system_registered == Some(false)).then(|| Finding {
        code: Code::TaxSystem,
        severity: Severity::Error,
        since: None,
        what: "The tax system of the configuration is not one the till is registered with (tag 1055)."
            .to_owned(),
        advice: "Compare printer.receipt.tax_system with galley fiscal registration; ask the accountant which one is right."
            .to_owned(),
        blocks_sales: true,
    })
}

/// The last time that the store's clocks showed `at`; none at the ends of the calendar.
#[must_use]
pub fn last_moment(at: Time, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let instant = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
    let today = instant.to_zoned(zone.clone()).date();
    let moment = |date: jiff::civil::Date| {
        let zoned = date.to_datetime(at).to_zoned(zone.clone()).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    };
    match moment(today)? {
        moment if moment <= now => Some(moment),
        _ => moment(today.yesterday().ok()?),
    }
}

/// Dishes that can't be sold now because of their rate of VAT.
#[must_use]
pub fn vat_finding(dishes: &[String]) -> Option<Finding> {
    (!dishes.is_empty()).then(|| Finding {
        code: Code::Vat,
        severity: Severity::Error,
        since: None,
        what: format!(
            "No rate of VAT is in force today, or the printer does not know it, for: {}.",
            dishes.join(", ")
        ),
        advice: "Correct the class of VAT of these dishes or the table vat_rates in the catalog; an accountant knows the rate. They are not sold until then."
            .to_owned(),
        blocks_sales: false,
    })
}

/// Dishes that are marked goods and can't be sold: the printer registers none.
#[must_use]
pub fn marking_finding(dishes: &[String]) -> Option<Finding> {
    (!dishes.is_empty()).then(|| Finding {
        code: Code::Marking,
        severity: Severity::Error,
        since: None,
        what: format!(
            "These dishes are marked goods, and the printer can't register any (format 1.2 is needed): {}.",
            dishes.join(", ")
        ),
        advice: "Sell them on another till, or have the printer's firmware and fiscal drive brought to format 1.2. They are not sold until then."
            .to_owned(),
        blocks_sales: false,
    })
}

#[cfg(test)]
#[path = "fiscal_law_tests.rs"]
mod tests;
