//! People who work in the store, their PINs, and how wrong PINs are slowed. Pure.

use super::{text::Language, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// What a person may do; the API's roles of the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Takes money, hands dishes over.
    Cashier,
    /// Looks after the devices.
    Technician,
    /// All of it.
    Manager,
}

impl Position {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cashier, Self::Technician, Self::Manager];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cashier => "cashier",
            Self::Technician => "technician",
            Self::Manager => "manager",
        }
    }

    /// The position with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word() == word)
    }
}

/// A person who works in the store. The PIN is not here: only the database keeps what is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: Uuid,
    /// Their name, as screens and the log show it; no other user has it.
    pub name: String,
    /// What they may do.
    pub role: Position,
    /// The language of their screens.
    pub language: Language,
    /// When they were added.
    pub created_at: Timestamp,
    /// Since when they may not come in.
    pub disabled_at: Option<Timestamp>,
}

/// Characters of a name: it goes into fiscal documents too (tag 1021).
pub const LONGEST_NAME: usize = 64;

/// A person's or a screen's name, trimmed.
///
/// # Errors
/// In words, when it is empty, too long, or has characters that move a terminal's cursor.
pub fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count());
    // The log's actors are `role:name`; idempotency keys follow behind another colon.
    let plain = !text.chars().any(|c| c.is_control() || c == ':');
    if fits && plain {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a name has 1 to {LONGEST_NAME} characters, without colons and control characters"
    ))
}

/// Fewest digits of a PIN.
pub const SHORTEST_PIN: usize = 4;
/// Most digits of a PIN.
pub const LONGEST_PIN: usize = 8;

/// Whether a PIN may be chosen: 4 to 8 digits that are neither all the same nor a run.
///
/// # Errors
/// In words.
pub fn check_pin(pin: &str) -> Result<(), String> {
    let digits = pin.as_bytes();
    if !(SHORTEST_PIN..=LONGEST_PIN).contains(&digits.len())
        || !digits.iter().all(u8::is_ascii_digit)
    {
        return Err(format!(
            "a PIN has {SHORTEST_PIN} to {LONGEST_PIN} digits and nothing else"
        ));
    }
    let steps = |by: i16| {
        digits
            .windows(2)
            .all(|w| i16::from(w[1]) - i16::from(w[0]) == by)
    };
    if steps(0) || steps(1) || steps(-1) {
        return Err("this PIN is the first that anybody would try; take another".to_owned());
    }
    Ok(())
}

/// What is known of wrong PINs at one door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Wrong ones in a row.
    pub wrong: u32,
    /// No PIN is looked at before this.
    pub until: Option<Timestamp>,
}

/// Wrong PINs that cost nothing: anybody's finger slips.
const FREE: u32 = 2;
/// The wait after the third, fourth and fifth wrong one.
const SLOWED: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];
/// The wait after the sixth; each further wrong one doubles it.
const LOCKED: Duration = Duration::from_mins(15);
/// It does not grow beyond this.
const LONGEST: Duration = Duration::from_hours(24);
/// After so long without a try the count begins anew.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// From so many wrong ones in a row on a person is told.
pub const TELLING: u32 = FREE + 3;

impl Guard {
    /// Counts an attempt as wrong before it is looked at, so that many at once are no way around the wait; a right
    /// PIN takes the whole guard away.
    ///
    /// # Errors
    /// Until when no PIN is looked at.
    pub fn attempt(self, now: Timestamp) -> Result<Self, Timestamp> {
        if let Some(until) = self.until.filter(|until| *until > now) {
            return Err(until);
        }
        let stale = self.until.is_some_and(|u| now.since(u) > FORGOTTEN);
        let wrong = if stale {
            1
        } else {
            self.wrong.saturating_add(1)
        };
        Ok(Self {
            wrong,
            until: Some(now.saturating_add(wait(wrong))),
        })
    }
}

/// How long a door is shut after so many wrong PINs in a row.
fn wait(wrong: u32) -> Duration {
    let Some(over) = wrong.checked_sub(FREE + 1) else {
        return Duration::ZERO;
    };
    let over = usize::try_from(over).unwrap_or(usize::MAX);
    match SLOWED.get(over) {
        Some(wait) => *wait,
        None => {
            let doublings = u32::try_from(over - SLOWED.len())
                .unwrap_or(u32::MAX)
                .min(16);
            (LOCKED * 2_u32.pow(doublings)).min(LONGEST)
        }
    }
}

/// Money of one kind that was counted in the drawer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denomination {
    /// Value of one note or coin, minor units, above zero.
    pub minor: i64,
    /// How many.
    pub count: u32,
}

/// The sum of what was counted.
///
/// # Errors
/// In words, when a value is not above zero, stands there twice, or the sum does not fit.
pub fn counted(denominations: &[Denomination]) -> Result<i64, String> {
    let mut sum = 0_i64;
    for (index, d) in denominations.iter().enumerate() {
        if d.minor <= 0 {
            return Err("a note or coin is worth more than nothing".to_owned());
        }
        if denominations[..index].iter().any(|o| o.minor == d.minor) {
            return Err(format!("notes of {} stand there twice", d.minor));
        }
        sum = d
            .minor
            .checked_mul(i64::from(d.count))
            .and_then(|part| sum.checked_add(part))
            .ok_or("the sum is too large")?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn a_pin_that_anybody_would_try_first_can_not_be_chosen() {
        for pin in [
            "0000",
            "1234",
            "4321",
            "87654",
            "99999999",
            "123",
            "123456789",
            "12a4",
            "",
            "١٢٣٤",
        ] {
            assert!(check_pin(pin).is_err(), "{pin}");
        }
        for pin in ["2846", "7391", "1357", "11112", "90210417"] {
            assert_eq!(check_pin(pin), Ok(()), "{pin}");
        }
    }

    #[test]
    fn two_wrong_pins_cost_nothing_and_the_sixth_shuts_the_door() {
        let mut guard = Guard::default();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..15 {
            guard = guard.attempt(now).unwrap();
            let until = guard.until.unwrap();
            waits.push(until.since(now).as_secs());
            if until > now {
                assert_eq!(
                    guard.attempt(now),
                    Err(until),
                    "a shut door looks at no PIN"
                );
            }
            now = until;
        }
        assert_eq!(waits[..8], [0, 0, 5, 15, 60, 900, 1800, 3600]);
        assert_eq!(waits[14], 86_400, "a day is the longest");
    }

    #[test]
    fn a_door_that_was_left_alone_for_a_day_begins_anew() {
        let shut = Guard {
            wrong: 6,
            until: Some(NOW),
        };
        let soon = NOW.saturating_add(Duration::from_hours(1));
        let later = NOW.saturating_add(Duration::from_hours(25));
        assert_eq!(shut.attempt(soon).unwrap().wrong, 7);
        assert_eq!(shut.attempt(later).unwrap().wrong, 1);
    }

    #[test]
    fn a_name_is_printable_and_has_no_colon() {
        assert_eq!(name("  Анна Петрова "), Ok("Анна Петрова".to_owned()));
        for bad in ["", "  ", "a:b", "a\u{1b}[2J", &"я".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nobody_can_try_more_than_a_hundred_and_some_pins_in_a_month(gaps in prop::collection::vec(0_u64..7_200, 1..2000)) {
            let (mut guard, mut now, mut looked_at) = (Guard::default(), NOW, 0);
            for gap in gaps {
                now = now.saturating_add(Duration::from_secs(gap));
                if now.since(NOW) > Duration::from_hours(24 * 30) {
                    break;
                }
                if let Ok(next) = guard.attempt(now) {
                    guard = next;
                    looked_at += 1;
                }
            }
            prop_assert!(looked_at <= 120, "{looked_at}");
        }

        #[test]
        fn a_count_of_money_is_the_sum_of_its_parts(counts in prop::collection::vec(0_u32..10_000, 5)) {
            let notes: Vec<Denomination> = counts.iter().zip([500_000, 100_000, 50_000, 10_000, 100])
                .map(|(count, minor)| Denomination { minor, count: *count }).collect();
            let sum: i64 = notes.iter().map(|d| d.minor * i64::from(d.count)).sum();
            prop_assert_eq!(counted(&notes), Ok(sum));
        }
    }

    #[test]
    fn a_count_that_makes_no_sense_is_refused() {
        let one = |minor, count| Denomination { minor, count };
        assert!(counted(&[one(0, 1)]).is_err());
        assert!(counted(&[one(100, 1), one(100, 2)]).is_err());
        assert!(counted(&[one(i64::MAX, 2)]).is_err());
        assert_eq!(counted(&[]), Ok(0));
    }
}
