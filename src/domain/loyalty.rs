//! The house's loyalty programme: what a member earns and may spend, and what each act does to an account. Points are
//! whole numbers. Who a member is stands apart ([`MemberId`] says nothing of a person).

use super::{
    ids::{DishId, MemberId},
    text::Text,
};
use serde::{Deserialize, Serialize};

/// `[loyalty]`: the house programme. It is also what works on while a programme elsewhere can't be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Programme {
    /// Guests can join, earn and spend; no.
    pub enabled: bool,
    /// Its name for guests.
    pub name: Text,
    /// What comes back of money paid, in basis points of the sum; 500. Points are not money: nothing is earned on them.
    pub earn_bp: u32,
    /// What one point is worth, minor units; 100.
    pub worth_minor: i64,
    /// How much of an order may be paid by points, in basis points of its total; 3000.
    pub max_share_bp: u32,
    /// Fewer points than this are not taken; 1.
    pub least_points: i64,
    /// Points are lost so many days after they were earned; 365. Never when 0.
    pub expire_days: u32,
    /// Levels by what a member has paid in money, the lowest first; who is on none earns `earn_bp`.
    pub levels: Vec<Level>,
    /// What earns nothing and is not paid by points.
    pub exclude: Exclude,
    /// What points are on the fiscal receipt: `discount` (the price is lower) or `tender` (the price stays, and the
    /// points stand under "other consideration", tag 1217); `discount`. See `docs/loyalty.md` for the law.
    pub on_receipt: OnReceipt,
    /// What a guest agrees to who joins.
    pub terms: Terms,
    /// The true balance is in another system, and this one's is what it was when they last spoke; no.
    pub elsewhere: bool,
    /// How much may be spent on trust while the true balance is elsewhere and can't be asked for.
    pub offline: Offline,
}

/// A level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Its word.
    pub id: String,
    /// Its name for guests.
    pub name: Text,
    /// From so much paid in money, minor units.
    pub from_minor: i64,
    /// What comes back then, basis points.
    pub earn_bp: u32,
}

/// What earns nothing and is not paid by points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exclude {
    /// Ids of categories.
    pub categories: Vec<String>,
    /// Ids of dishes.
    pub dishes: Vec<DishId>,
}

impl Exclude {
    /// Whether this dish is left out.
    #[must_use]
    pub fn takes(&self, dish: &DishId, category: &str) -> bool {
        self.dishes.contains(dish) || self.categories.iter().any(|c| c == category)
    }
}

/// What points are on the fiscal receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnReceipt {
    /// A lower price of each line.
    #[default]
    Discount,
    /// Other consideration (встречное предоставление), tag 1217.
    Tender,
}

/// What a guest agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// Its version; kept with the consent.
    pub version: String,
    /// In a sentence or two.
    pub text: Text,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            version: "1".to_owned(),
            text: Text::new(
                "Я согласен, чтобы ресторан хранил мой номер в защищённом виде, чтобы вести счёт баллов. Забыть номер можно в любой момент у стойки.",
                "Restoran ballar hisobini yuritish uchun raqamimni himoyalangan holda saqlashiga roziman. Raqamni istalgan vaqtda kassada o‘chirtirish mumkin.",
                "I agree that the restaurant keeps my number, protected, to count my points. It can be forgotten at the counter at any time.",
            ),
        }
    }
}

/// How much may be spent on trust. All limits hold together. Off by default. [ours: loyalty-jowi.md 6.3]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offline {
    /// Points can be spent at all; no.
    pub enabled: bool,
    /// Most of one order; 300.
    pub points_per_order: i64,
    /// Most of one member on one day; 300.
    pub points_per_day: i64,
    /// Most of what the balance last was, basis points; 1000. With one over the number of stores, all of them together
    /// can't spend more than there was.
    pub share_bp: u32,
}

impl Default for Offline {
    fn default() -> Self {
        Self {
            enabled: false,
            points_per_order: 300,
            points_per_day: 300,
            share_bp: 1000,
        }
    }
}

impl Offline {
    /// Points that may be spent now, of a balance that was `known` and of which `used_today` were spent on trust today
    /// and `used_since` since it was known.
    #[must_use]
    pub fn most(&self, known: i64, used_today: i64, used_since: i64) -> i64 {
        if !self.enabled {
            return 0;
        }
        let share = of_bp(known.max(0), self.share_bp);
        self.points_per_order
            .min(self.points_per_day - used_today)
            .min(share - used_since)
            .min(known - used_since)
            .max(0)
    }
}

impl Default for Programme {
    fn default() -> Self {
        Self {
            enabled: false,
            name: Text::new("Бонусная программа", "Bonus dasturi", "Rewards"),
            earn_bp: 500,
            worth_minor: 100,
            max_share_bp: 3000,
            least_points: 1,
            expire_days: 365,
            levels: Vec::new(),
            exclude: Exclude::default(),
            on_receipt: OnReceipt::default(),
            terms: Terms::default(),
            elsewhere: false,
            offline: Offline::default(),
        }
    }
}

/// So many basis points of a number that is not negative, rounded down.
pub(super) fn of_bp(n: i64, bp: u32) -> i64 {
    i64::try_from(i128::from(n) * i128::from(bp) / 10_000).unwrap_or(i64::MAX)
}

impl Programme {
    /// The level of a member who has paid so much in money.
    #[must_use]
    pub fn level(&self, spent_minor: i64) -> Option<&Level> {
        self.levels.iter().rfind(|l| spent_minor >= l.from_minor)
    }

    /// What comes back to a member who has paid so much in money, basis points.
    #[must_use]
    pub fn earn_bp_of(&self, spent_minor: i64) -> u32 {
        self.level(spent_minor).map_or(self.earn_bp, |l| l.earn_bp)
    }

    /// Points for so much money, rounded down.
    #[must_use]
    pub fn points_for(base_minor: i64, earn_bp: u32, worth_minor: i64) -> i64 {
        of_bp(base_minor.max(0), earn_bp) / worth_minor.max(1)
    }

    /// All that is wrong with it, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut need = |ok: bool, what: &str| {
            if !ok {
                faults.push(format!("loyalty.{what}"));
            }
        };
        need(self.worth_minor > 0, "worth_minor: at least 1");
        need(self.least_points > 0, "least_points: at least 1");
        need(self.earn_bp <= 10_000, "earn_bp: at most 10000");
        need(self.max_share_bp <= 10_000, "max_share_bp: at most 10000");
        need(
            self.offline.share_bp <= 10_000
                && self.offline.points_per_order >= 0
                && self.offline.points_per_day >= 0,
            "offline: points not below 0, share_bp at most 10000",
        );
        need(
            self.levels.is_sorted_by(|a, b| a.from_minor < b.from_minor)
                && self.levels.iter().all(|l| l.earn_bp <= 10_000),
            "levels: the lowest first, each from another sum, earn_bp at most 10000",
        );
        need(
            !self.terms.version.trim().is_empty(),
            "terms.version: it is kept with the consent and can't be empty",
        );
        faults
    }
}

/// A member's account. `held` of the balance are spoken for by open orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Points.
    pub balance: i64,
    /// Of them held for open orders.
    pub held: i64,
    /// Points that went back with a refund when they were spent already: the next ones that are earned make it good.
    pub owed: i64,
    /// Paid in money, ever, minor units; refunds off. It makes the level.
    pub spent_minor: i64,
}

/// What is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Points are spoken for by an order that is not paid yet.
    Hold {
        /// How many.
        points: i64,
    },
    /// The order is paid: what was held is spent.
    Spend {
        /// How many.
        points: i64,
    },
    /// The order will not be paid: what was held is free.
    Release {
        /// How many.
        points: i64,
    },
    /// Spent points come back with a refund.
    GiveBack {
        /// How many.
        points: i64,
    },
    /// Earned by a paid order.
    Earn {
        /// How many.
        points: i64,
        /// On so much money, minor units.
        base_minor: i64,
    },
    /// A refund takes what was earned on the money.
    TakeBack {
        /// How many.
        points: i64,
        /// On so much money, minor units.
        base_minor: i64,
    },
    /// A person puts something right.
    Adjust {
        /// How many more, or fewer.
        points: i64,
    },
    /// Too old.
    Expire {
        /// How many.
        points: i64,
    },
}

impl Act {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold { .. } => "hold",
            Self::Spend { .. } => "spend",
            Self::Release { .. } => "release",
            Self::GiveBack { .. } => "give_back",
            Self::Earn { .. } => "earn",
            Self::TakeBack { .. } => "take_back",
            Self::Adjust { .. } => "adjust",
            Self::Expire { .. } => "expire",
        }
    }

    /// The points it names.
    #[must_use]
    pub fn points(self) -> i64 {
        match self {
            Self::Hold { points }
            | Self::Spend { points }
            | Self::Release { points }
            | Self::GiveBack { points }
            | Self::Earn { points, .. }
            | Self::TakeBack { points, .. }
            | Self::Adjust { points }
            | Self::Expire { points } => points,
        }
    }
}

/// Why an act is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointsRefused {
    /// Not so many points are free.
    #[error("only {available} points are free")]
    NotEnough {
        /// How many are.
        available: i64,
    },
    /// Not so many are held.
    #[error("only {held} points are held")]
    NotHeld {
        /// How many are.
        held: i64,
    },
    /// Not a number of points.
    #[error("this is no number of points")]
    Number,
}

/// What happened to an account, as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsMove {
    /// Whose.
    pub member_id: MemberId,
    /// Key of the act: done once.
    pub op: String,
    /// What.
    pub act: Act,
    /// More, or fewer, in the balance.
    pub change: i64,
    /// The balance after it.
    pub balance: i64,
    /// Why, where a person did it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Account {
    /// Points that can be spent.
    #[must_use]
    pub fn available(&self) -> i64 {
        (self.balance - self.held).max(0)
    }

    /// The account after an act.
    ///
    /// # Errors
    /// Not so many points; nothing has changed then.
    pub fn after(mut self, act: Act) -> Result<Self, PointsRefused> {
        let whole = match act {
            Act::Adjust { points } => points != 0,
            Act::Earn { points, base_minor } | Act::TakeBack { points, base_minor } => {
                points >= 0 && base_minor >= 0
            }
            _ => act.points() > 0,
        };
        // Far from where sums could overflow.
        if !whole || act.points().unsigned_abs() > 1 << 52 || self.balance.unsigned_abs() > 1 << 60
        {
            return Err(PointsRefused::Number);
        }
        match act {
            Act::Hold { points } => {
                if points > self.available() {
                    return Err(PointsRefused::NotEnough {
                        available: self.available(),
                    });
                }
                self.held += points;
            }
            Act::Spend { points } => {
                self.held = self.unheld(points)?;
                self.balance -= points;
            }
            Act::Release { points } => self.held = self.unheld(points)?,
            Act::GiveBack { points } => self.balance += points,
            Act::Earn { points, base_minor } => {
                let good = points.min(self.owed);
                self.owed -= good;
                self.balance += points - good;
                self.spent_minor = self.spent_minor.saturating_add(base_minor);
            }
            Act::TakeBack { points, base_minor } => {
                let taken = points.min(self.available());
                self.balance -= taken;
                self.owed += points - taken;
                self.spent_minor = self.spent_minor.saturating_sub(base_minor).max(0);
            }
            Act::Adjust { points } => self.balance += points,
            Act::Expire { points } => self.balance -= points.min(self.available()),
        }
        Ok(self)
    }

    fn unheld(&self, points: i64) -> Result<i64, PointsRefused> {
        match self.held - points {
            left if left >= 0 => Ok(left),
            _ => Err(PointsRefused::NotHeld { held: self.held }),
        }
    }
}

/// Points that are too old now: the oldest are spent first, so of those whose time is over what was never spent.
/// `over`: points that came and are too old. `gone`: all that ever went, expired ones too.
#[must_use]
pub fn too_old(over: i64, gone: i64) -> i64 {
    over.saturating_sub(gone).max(0)
}
