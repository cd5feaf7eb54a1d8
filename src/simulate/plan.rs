//! What happens in a life: guests and troubles, all drawn from the seed before it begins. A plan is plain data, so
//! that a shorter one can be lived again.

use crate::world::{Entropy as _, SeededEntropy};
use serde::Serialize;
use std::fmt;

/// Guests of one day, at the least and how many more.
const GUESTS: (u64, u64) = (4, 7);
/// Troubles of one day, at the least and how many more.
const TROUBLES: (u64, u64) = (1, 5);
/// Troubles of one day that came later, less than.
const ADDED: u64 = 3;
/// Deliveries of ingredients in a day, less than.
const DELIVERIES: u64 = 3;
/// Deliveries in an hour of a soak.
const AN_HOUR: u64 = 12;
/// Hand-over places where they are few: fewer than the dishes of two orders.
const FEW: u32 = 3;
/// How long the doors are open, ms.
const OPEN_MS: u64 = 150_000;
/// What a soak lives at a time, ms.
const HOUR_MS: u64 = 3_600_000;
/// From closing to opening, ms.
const NIGHT_MS: u64 = 15 * 3_600_000;
/// How long a trouble lasts, at the least and how much more, ms.
const LASTS_MS: (u64, u64) = (200, 30_000);

/// One service on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Service {
    Bank,
    OneC,
    Sms,
    Hq,
}

impl Service {
    pub(super) const ALL: [Self; 4] = [Self::Bank, Self::OneC, Self::Sms, Self::Hq];

    /// Its name on the simulated network.
    pub(super) fn authority(self) -> &'static str {
        match self {
            Self::Bank => "localhost:1",
            Self::OneC => "localhost:2",
            Self::Sms => "localhost:3",
            Self::Hq => "localhost:4",
        }
    }
}

/// What can go wrong. Each is a switch of its own: `--only` and `--without` name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trouble {
    Internet,
    LanAnswersLost,
    LanRequestsTwice,
    ServiceDown(Service),
    RequestLost(Service),
    AnswerLost(Service),
    AnswerLate(Service),
    AnswerGarbled(Service),
    ServerError(Service),
    BankRefundsSlowly,
    OneCHalfPosted,
    SmsTakenUnanswered,
    PrinterCable,
    PrinterWireCut,
    PrinterBitFlipped,
    PrinterHalfOpen,
    PrinterAnswerLost,
    PrinterFrameCut,
    PrinterSilent,
    PrinterSlow,
    PrinterPowerBefore,
    PrinterPowerAfter,
    PrinterPaperOut,
    PrinterPaperEnds,
    PrinterRestarted,
    PrinterStranger,
    PrinterOtherDrive,
    DriveFull,
    ShiftTooOld,
    RobotCable,
    RobotWireCut,
    RobotHalfOpen,
    RobotAnswerLost,
    RobotCutBefore,
    RobotCutAfter,
    RobotFrameCut,
    RobotDuplicate,
    RobotReorder,
    RobotDrop,
    RobotLate,
    RobotPower,
    RobotPowerAtJob,
    RobotJam,
    RobotStop,
    RobotBinEmpty,
    Killed,
    KilledAtWrite,
    KilledAtStep,
    PowerCut,
    PowerCutAtWrite,
    PowerOff,
    DiskFull,
    DiskReadOnly,
    FlushFails,
    WriteFails,
    ClockBack,
    ClockForward,
    HqRestored,
    HqKilled,
    // What came later. It is drawn by itself, so that a seed's earlier troubles stay what they were.
    /// Events go to headquarters through a broker, in about half of the lives; not a trouble by itself.
    ThroughBroker,
    /// The robot has few hand-over places, in a third of the lives; not a trouble by itself.
    FewPlaces,
    /// Some guests are members of the loyalty programme, in half of the lives; not a trouble by itself.
    Members,
    BrokerDown,
    BrokerForgets,
    BrokerRepeats,
    BrokerDelays,
    BrokerLoses,
    BankHangs,
    RobotReplaced,
    DiskRemounted,
    /// A move of a member's points is booked, and the answer is lost. Drawn apart once more.
    PointsAnswerLost,
    /// A flush fails, and the process is killed before it writes again. Drawn apart, too.
    FlushFailsThenKilled,
}

impl Trouble {
    /// Its name for `--only` and `--without`.
    pub(super) fn name(self) -> String {
        let text = format!("{self:?}");
        let mut name = String::new();
        for c in text.chars() {
            match c {
                'A'..='Z' if !name.is_empty() && !name.ends_with('-') => {
                    name.push('-');
                    name.push(c.to_ascii_lowercase());
                }
                '(' => name.push('-'),
                ')' => {}
                c => name.push(c.to_ascii_lowercase()),
            }
        }
        name
    }

    /// Every one.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Internet,
            Self::LanAnswersLost,
            Self::LanRequestsTwice,
            Self::BankRefundsSlowly,
            Self::OneCHalfPosted,
            Self::SmsTakenUnanswered,
            Self::PrinterCable,
            Self::PrinterWireCut,
            Self::PrinterBitFlipped,
            Self::PrinterHalfOpen,
            Self::PrinterAnswerLost,
            Self::PrinterFrameCut,
            Self::PrinterSilent,
            Self::PrinterSlow,
            Self::PrinterPowerBefore,
            Self::PrinterPowerAfter,
            Self::PrinterPaperOut,
            Self::PrinterPaperEnds,
            Self::PrinterRestarted,
            Self::PrinterStranger,
            Self::PrinterOtherDrive,
            Self::DriveFull,
            Self::ShiftTooOld,
            Self::RobotCable,
            Self::RobotWireCut,
            Self::RobotHalfOpen,
            Self::RobotAnswerLost,
            Self::RobotCutBefore,
            Self::RobotCutAfter,
            Self::RobotFrameCut,
            Self::RobotDuplicate,
            Self::RobotReorder,
            Self::RobotDrop,
            Self::RobotLate,
            Self::RobotPower,
            Self::RobotPowerAtJob,
            Self::RobotJam,
            Self::RobotStop,
            Self::RobotBinEmpty,
            Self::Killed,
            Self::KilledAtWrite,
            Self::KilledAtStep,
            Self::PowerCut,
            Self::PowerCutAtWrite,
            Self::PowerOff,
            Self::DiskFull,
            Self::DiskReadOnly,
            Self::FlushFails,
            Self::WriteFails,
            Self::ClockBack,
            Self::ClockForward,
            Self::HqRestored,
            Self::HqKilled,
        ];
        all.extend(Self::LATER);
        all.extend(Self::APART);
        for s in Service::ALL {
            all.extend([
                Self::ServiceDown(s),
                Self::RequestLost(s),
                Self::AnswerLost(s),
                Self::AnswerLate(s),
                Self::AnswerGarbled(s),
                Self::ServerError(s),
            ]);
        }
        all
    }

    /// Those that came later, and are drawn by themselves.
    const LATER: [Self; 11] = [
        Self::ThroughBroker,
        Self::FewPlaces,
        Self::Members,
        Self::BrokerDown,
        Self::BrokerForgets,
        Self::BrokerRepeats,
        Self::BrokerDelays,
        Self::BrokerLoses,
        Self::BankHangs,
        Self::RobotReplaced,
        Self::DiskRemounted,
    ];

    /// Those of which each has a stream of its own.
    const APART: [Self; 2] = [Self::PointsAnswerLost, Self::FlushFailsThenKilled];

    /// It is how a store is built, and does not strike.
    fn is_ground(self) -> bool {
        matches!(self, Self::ThroughBroker | Self::FewPlaces | Self::Members)
    }

    /// It needs a broker.
    fn is_the_brokers(self) -> bool {
        matches!(
            self,
            Self::BrokerDown
                | Self::BrokerForgets
                | Self::BrokerRepeats
                | Self::BrokerDelays
                | Self::BrokerLoses
        )
    }

    /// How often it is drawn, against the others.
    fn weight(self) -> u64 {
        match self {
            // What ends the process is what the store must live with best.
            Self::Killed | Self::PowerCut | Self::PowerOff => 6,
            Self::KilledAtWrite | Self::KilledAtStep | Self::PowerCutAtWrite => 14,
            Self::AnswerLost(_) | Self::PrinterPowerAfter | Self::RobotCutAfter => 6,
            // Staff must come; once in a while is enough.
            Self::DriveFull => 1,
            _ => 3,
        }
    }
}

/// A trouble at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Event {
    /// Since the doors opened, ms.
    pub(super) at_ms: u64,
    /// For so long, ms, where it is a state.
    pub(super) lasts_ms: u64,
    /// What.
    pub(super) trouble: Trouble,
    /// Its own number: how many times, after how many bytes or steps, which bit.
    pub(super) number: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
        write!(
            f,
            "at {:>9}  {} (number {}, for {})",
            s(self.at_ms),
            self.trouble.name(),
            self.number,
            s(self.lasts_ms)
        )
    }
}

/// What a guest is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mood {
    /// Orders, pays, eats.
    Plain,
    /// Cancels before paying.
    Leaves,
    /// Cancels, and pays the code all the same.
    PaysLate,
    /// Sends dishes back.
    Regrets,
    /// Wants the money back twice, with two keys at once.
    Greedy,
    /// Pays twice, with two tenders.
    PaysTwice,
}

/// One guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Guest {
    /// Comes so long after the doors opened, ms.
    pub(super) at_ms: u64,
    /// Everything else about them follows from it.
    pub(super) seed: u64,
    /// What they are about to do.
    pub(super) mood: Mood,
}

impl Guest {
    /// One who comes in the first two thirds of the opening hours.
    fn draw(chance: &SeededEntropy, open_ms: u64) -> Self {
        Self {
            at_ms: chance.below(open_ms * 2 / 3),
            seed: chance.below(u64::MAX),
            mood: match chance.below(16) {
                0 => Mood::Leaves,
                1 | 2 => Mood::PaysLate,
                3 => Mood::Regrets,
                4 => Mood::Greedy,
                5 => Mood::PaysTwice,
                _ => Mood::Plain,
            },
        }
    }
}

/// One day.
/// Ingredients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Delivery {
    /// After opening, ms.
    pub(super) at_ms: u64,
    /// Says which way, what, and how much.
    pub(super) number: u64,
}

impl Delivery {
    fn draw(chance: &SeededEntropy, open_ms: u64) -> Self {
        Self {
            at_ms: chance.below(open_ms),
            number: chance.below(1 << 40),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Day {
    pub(super) guests: Vec<Guest>,
    pub(super) troubles: Vec<Event>,
    pub(super) deliveries: Vec<Delivery>,
    /// How long the doors are open, ms.
    pub(super) open_ms: u64,
    /// From closing to the next opening, ms.
    pub(super) night_ms: u64,
    /// The box is off in the night.
    pub(super) off_at_night: bool,
}

/// The ways to headquarters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Route {
    /// By requests, straight there.
    #[default]
    Straight,
    /// Through a broker.
    Broker,
    /// Through a broker, and straight while that is away.
    Both,
}

/// How the store of a life is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Ground {
    /// The way to headquarters.
    pub(super) route: Route,
    /// Hand-over places of the robot.
    pub(super) places: u32,
    /// Some guests are members of the loyalty programme.
    pub(super) members: bool,
}

impl Default for Ground {
    fn default() -> Self {
        Self {
            route: Route::Straight,
            places: 12,
            members: false,
        }
    }
}

impl Ground {
    fn draw(chance: &SeededEntropy, members: bool, allowed: &[Trouble]) -> Self {
        // Drawn in any case, so that one choice does not change the other.
        let (route, few) = (chance.below(4), chance.below(3) == 0);
        let mut ground = Self::default();
        if allowed.contains(&Trouble::ThroughBroker) {
            ground.route = match route {
                0 => Route::Broker,
                1 => Route::Both,
                _ => Route::Straight,
            };
        }
        if few && allowed.contains(&Trouble::FewPlaces) {
            ground.places = FEW;
        }
        ground.members = members && allowed.contains(&Trouble::Members);
        ground
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.route {
            Route::Straight => "straight",
            Route::Broker => "through a broker",
            Route::Both => "through a broker, or straight",
        };
        write!(
            f,
            "events go to headquarters {way}; {} hand-over places; {} members among the guests",
            self.places,
            if self.members { "some" } else { "no" }
        )
    }
}

/// A whole life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) ground: Ground,
    pub(super) days: Vec<Day>,
}

/// One stream of chance of a seed.
fn stream(seed: u64, mark: u64) -> SeededEntropy {
    SeededEntropy::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mark)
}

/// A trouble out of `allowed`, by weight; none when there is nothing to choose.
fn strike(chance: &SeededEntropy, allowed: &[Trouble], open_ms: u64) -> Option<Event> {
    let weights: u64 = allowed.iter().map(|t| t.weight()).sum();
    if weights == 0 {
        return None;
    }
    let mut pick = chance.below(weights);
    let drawn = allowed.iter().find(|t| {
        let hit = pick < t.weight();
        pick = pick.saturating_sub(t.weight());
        hit
    });
    drawn.map(|trouble| Event {
        at_ms: chance.below(open_ms),
        lasts_ms: LASTS_MS.0 + chance.below(LASTS_MS.1),
        trouble: *trouble,
        number: chance.below(1 << 20),
    })
}

impl Plan {
    /// Draws a life of `days` days; troubles come out of `allowed`.
    pub(super) fn draw(seed: u64, days: u32, allowed: &[Trouble]) -> Self {
        let chance = stream(seed, 0x6761_6c6c_6579);
        let later = stream(seed, 0x006c_6174_6572);
        let members = stream(seed, 0x6d65_6d62_6572_7300).below(2) == 0;
        let ground = Ground::draw(&later, members, allowed);
        let points = stream(seed, 0x0070_6f69_6e74_7300);
        let unsure: &[Trouble] = match ground.members {
            true if allowed.contains(&Trouble::PointsAnswerLost) => &[Trouble::PointsAnswerLost],
            _ => &[],
        };
        let flushes = stream(seed, 0x0066_6c75_7368);
        let unflushed: &[Trouble] = match allowed.contains(&Trouble::FlushFailsThenKilled) {
            true => &[Trouble::FlushFailsThenKilled],
            false => &[],
        };
        let (added, first): (Vec<Trouble>, Vec<Trouble>) = allowed
            .iter()
            .copied()
            .filter(|t| !t.is_ground() && !Trouble::APART.contains(t))
            .filter(|t| ground.route != Route::Straight || !t.is_the_brokers())
            .partition(|t| Trouble::LATER.contains(t));
        let goods = stream(seed, 0x0067_6f6f_6473);
        let draw = |(least, more): (u64, u64)| least + chance.below(more);
        let days = (0..days)
            .map(|_| {
                let mut guests: Vec<Guest> = (0..draw(GUESTS))
                    .map(|_| Guest::draw(&chance, OPEN_MS))
                    .collect();
                guests.sort_by_key(|g| g.at_ms);
                let mut troubles = Vec::new();
                if !first.is_empty() {
                    for _ in 0..draw(TROUBLES) {
                        troubles.extend(strike(&chance, &first, OPEN_MS));
                    }
                }
                for _ in 0..later.below(ADDED) {
                    troubles.extend(strike(&later, &added, OPEN_MS));
                }
                if points.below(2) == 0 {
                    troubles.extend(strike(&points, unsure, OPEN_MS));
                }
                if flushes.below(4) == 0 {
                    troubles.extend(strike(&flushes, unflushed, OPEN_MS));
                }
                troubles.sort_by_key(|t| t.at_ms);
                let deliveries = (0..goods.below(DELIVERIES))
                    .map(|_| Delivery::draw(&goods, OPEN_MS))
                    .collect();
                Day {
                    guests,
                    troubles,
                    deliveries,
                    open_ms: OPEN_MS,
                    night_ms: NIGHT_MS,
                    // Drawn in any case; a calm life has calm nights.
                    off_at_night: chance.below(3) == 0 && !allowed.is_empty(),
                }
            })
            .collect();
        Self { seed, ground, days }
    }

    /// Draws so many hours without a night, each with so many guests; troubles come as densely as on any day.
    pub(super) fn soak(seed: u64, hours: u32, guests: u64, allowed: &[Trouble]) -> Self {
        let chance = stream(seed, 0x736f_616b);
        let goods = stream(seed, 0x0067_6f6f_6473);
        let ground = Ground {
            route: Route::Both,
            members: allowed.contains(&Trouble::Members),
            ..Ground::default()
        };
        let allowed: Vec<Trouble> = allowed.iter().copied().filter(|t| !t.is_ground()).collect();
        let troubles = HOUR_MS / OPEN_MS * (TROUBLES.0 + TROUBLES.1 / 2);
        let days = (0..hours)
            .map(|_| {
                let mut guests: Vec<Guest> = (0..guests)
                    .map(|_| Guest::draw(&chance, HOUR_MS * 3 / 2))
                    .collect();
                guests.sort_by_key(|g| g.at_ms);
                let mut troubles: Vec<Event> = (0..troubles)
                    .filter_map(|_| strike(&chance, &allowed, HOUR_MS))
                    .collect();
                troubles.sort_by_key(|t| t.at_ms);
                Day {
                    guests,
                    troubles,
                    deliveries: (0..AN_HOUR)
                        .map(|_| Delivery::draw(&goods, HOUR_MS))
                        .collect(),
                    open_ms: HOUR_MS,
                    night_ms: 0,
                    off_at_night: false,
                }
            })
            .collect();
        Self { seed, ground, days }
    }

    /// How many troubles it has.
    pub(super) fn troubles(&self) -> usize {
        self.days.iter().map(|d| d.troubles.len()).sum()
    }

    /// How many deliveries it has.
    pub(super) fn deliveries(&self) -> usize {
        self.days.iter().map(|d| d.deliveries.len()).sum()
    }

    /// How many guests it has.
    pub(super) fn guests(&self) -> usize {
        self.days.iter().map(|d| d.guests.len()).sum()
    }
}
