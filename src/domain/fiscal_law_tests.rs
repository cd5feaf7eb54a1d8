use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);
const DAY_MS: u64 = 24 * 3_600_000;

fn before(ms: u64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - i64::try_from(ms).unwrap())
}

fn find(facts: &Facts, code: Code) -> Option<Finding> {
    let found = judge(&Limits::default(), facts, NOW);
    let mut of_code = found.into_iter().filter(|f| f.code == code);
    let first = of_code.next();
    assert!(of_code.next().is_none(), "one finding a code");
    first
}

fn open_for(ms: u64) -> Facts {
    Facts {
        shift_open_since: Some(before(ms)),
        ..Facts::default()
    }
}

fn unsent_for(ms: u64) -> Facts {
    Facts {
        drive: DriveFacts {
            unsent: 3,
            oldest_unsent_at: Some(before(ms)),
            ..DriveFacts::default()
        },
        ..Facts::default()
    }
}

fn ends_in(ms: i64) -> Facts {
    Facts {
        drive: DriveFacts {
            valid_until: Some(Timestamp::from_millis(NOW.as_millis() + ms)),
            ..DriveFacts::default()
        },
        ..Facts::default()
    }
}

fn told(finding: Option<Finding>) -> Option<(Severity, bool)> {
    finding.map(|f| (f.severity, f.blocks_sales))
}

#[test]
fn nothing_is_judged_by_what_is_not_known() {
    assert_eq!(judge(&Limits::default(), &Facts::default(), NOW), []);
}

#[test]
fn the_limits_bite_at_the_millisecond_and_not_before() {
    use Severity::{Error, Warning};
    let hour = 3_600_000;
    for (ms, want) in [
        (20 * hour - 1, None),
        (20 * hour, Some((Warning, false))),
        (23 * hour - 1, Some((Warning, false))),
        (23 * hour, Some((Error, false))),
        (24 * hour - 1, Some((Error, false))),
        (24 * hour, Some((Error, true))),
    ] {
        assert_eq!(told(find(&open_for(ms), Code::Shift)), want, "{ms}");
    }
    for (ms, want) in [
        (3 * DAY_MS - 1, None),
        (3 * DAY_MS, Some((Warning, false))),
        (20 * DAY_MS - 1, Some((Warning, false))),
        (20 * DAY_MS, Some((Error, false))),
        (30 * DAY_MS - 1, Some((Error, false))),
        (30 * DAY_MS, Some((Error, true))),
    ] {
        assert_eq!(told(find(&unsent_for(ms), Code::Ofd)), want, "{ms}");
    }
    let day = i64::try_from(DAY_MS).unwrap();
    for (ms, want) in [
        (60 * day + 1, None),
        (60 * day, Some((Warning, false))),
        (7 * day + 1, Some((Warning, false))),
        (7 * day, Some((Error, false))),
        (1, Some((Error, false))),
        (0, Some((Error, true))),
        (-day, Some((Error, true))),
    ] {
        assert_eq!(told(find(&ends_in(ms), Code::DriveEnd)), want, "{ms}");
    }
}

#[test]
fn a_clock_may_differ_by_the_limit_and_no_more_in_either_direction() {
    for (s, wrong) in [
        (300, false),
        (301, true),
        (-300, false),
        (-301, true),
        (i64::MIN, true),
    ] {
        let facts = Facts {
            clock_ahead_s: s,
            ..Facts::default()
        };
        assert_eq!(find(&facts, Code::Clock).is_some(), wrong, "{s}");
    }
}

#[test]
fn nothing_is_sold_without_what_a_receipt_must_say() {
    let attended = Facts {
        automatic: Some(false),
        ..Facts::default()
    };
    assert_eq!(
        told(find(&attended, Code::Cashier)),
        Some((Severity::Error, true))
    );
    let named = Facts {
        cashier_named: true,
        ..attended
    };
    assert_eq!(find(&named, Code::Cashier), None);
    let automatic = Facts {
        automatic: Some(true),
        ..Facts::default()
    };
    assert_eq!(find(&automatic, Code::Cashier), None);
    let other = Facts {
        tax_system_registered: Some(false),
        ..Facts::default()
    };
    assert_eq!(
        told(find(&other, Code::TaxSystem)),
        Some((Severity::Error, true))
    );
}

#[test]
fn what_the_drive_says_of_itself_counts_without_any_date() {
    let facts = Facts {
        drive: DriveFacts {
            replace_urgently: true,
            memory_nearly_full: true,
            ofd_overdue: true,
            critical: true,
            ..DriveFacts::default()
        },
        ..Facts::default()
    };
    for (code, blocks) in [
        (Code::DriveEnd, false),
        (Code::DriveMemory, false),
        (Code::Ofd, false),
        (Code::DriveBroken, true),
    ] {
        assert_eq!(
            told(find(&facts, code)),
            Some((Severity::Error, blocks)),
            "{code:?}"
        );
    }
}

#[test]
fn limits_that_contradict_the_law_or_each_other_are_refused() {
    assert_eq!(Limits::default().faults(), Vec::<String>::new());
    let refused = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        assert_eq!(limits.faults().len(), 1, "{limits:?}");
    };
    refused(|l| l.shift_alarm = Duration::from_hours(24));
    refused(|l| l.ofd_block_days = 31);
    refused(|l| l.ofd_alarm_days = 2);
    refused(|l| l.drive_alarm_days = 61);
    refused(|l| l.clock_drift = Duration::ZERO);
}

#[test]
fn the_closing_time_is_the_stores_own_and_lies_in_the_past() {
    let zone = jiff::tz::TimeZone::get("Europe/Moscow").unwrap();
    let at = jiff::civil::time(3, 0, 0, 0);
    let moscow = |text: &str| {
        let zoned = text
            .parse::<jiff::civil::DateTime>()
            .unwrap()
            .to_zoned(zone.clone())
            .unwrap();
        Timestamp::from_millis(zoned.timestamp().as_millisecond())
    };
    let last = |now| last_moment(at, &zone, moscow(now));
    assert_eq!(
        last("2026-11-22T03:00:00"),
        Some(moscow("2026-11-22T03:00:00"))
    );
    assert_eq!(
        last("2026-11-22T02:59:59"),
        Some(moscow("2026-11-21T03:00:00"))
    );
}

#[test]
fn a_configuration_names_only_what_differs() {
    let limits: Limits = toml::from_str("close_at = \"03:00\"\nshift_warn = \"18h\"").unwrap();
    assert_eq!(limits.close_at, Some(jiff::civil::time(3, 0, 0, 0)));
    assert_eq!(limits.shift_warn, Duration::from_hours(18));
    assert_eq!(limits.ofd_block_days, 30);
    assert!(toml::from_str::<Limits>("ofd_days = 3").is_err());
}

proptest! {
    /// Waiting never makes anything better: what was found is found later too, as grave or graver.
    #[test]
    fn time_makes_nothing_better(shift in 0..3 * DAY_MS, ofd in 0..40 * DAY_MS, end in -40..90i64, later in 0..40 * DAY_MS) {
        let facts = Facts {
            drive: DriveFacts {
                unsent: 1,
                oldest_unsent_at: Some(before(ofd)),
                ..ends_in(end * i64::try_from(DAY_MS).unwrap()).drive
            },
            ..open_for(shift)
        };
        let limits = Limits::default();
        let then = NOW.saturating_add(Duration::from_millis(later));
        let after = judge(&limits, &facts, then);
        for now in judge(&limits, &facts, NOW) {
            let same = after.iter().find(|f| f.code == now.code);
            prop_assert!(same.is_some_and(|f| f.severity >= now.severity && f.blocks_sales >= now.blocks_sales));
        }
    }

    /// Whatever blocks sales is an error, is dated where time brought it, and tells guests and staff what to do.
    #[test]
    fn what_blocks_says_so_to_everybody(shift in 0..3 * DAY_MS, ofd in 0..40 * DAY_MS) {
        let facts = Facts { drive: unsent_for(ofd).drive, ..open_for(shift) };
        for f in judge(&Limits::default(), &facts, NOW) {
            prop_assert!(!f.advice.is_empty() && !f.what.is_empty() && !f.title().is_empty());
            prop_assert!(f.since.is_some_and(|at| at <= NOW));
            if f.blocks_sales {
                prop_assert_eq!(f.severity, Severity::Error);
                let words = f.for_guests();
                prop_assert!(!words.ru.is_empty() && !words.uz.is_empty() && !words.en.is_empty());
            }
        }
    }
}
