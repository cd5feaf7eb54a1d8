//! What promotions come to for one order. Pure: the same order, at the same time, with the same past, always gets the
//! same discount, to the kopeck, whatever the order of its lines.
//!
//! They are applied one after the other, the highest priority first. A dish takes part in one promotion, unless a
//! later one stacks. No dish gets cheaper than [`LEAST_MINOR`]: a receipt has no line without a price.

use super::{
    ids::DishId,
    money::Money,
    order::Service,
    promotion::{Item, Known, Off, Promotion, Rule, Target, plain_code},
    text::Text,
};
use jiff::{Zoned, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// No dish gets cheaper than this by promotions, minor units: one rouble. [ours]
pub const LEAST_MINOR: i64 = 100;

/// One dish of the order, before discounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Index of its line.
    pub line: usize,
    /// Which dish.
    pub dish: DishId,
    /// Its category.
    pub category: String,
    /// Its price with options, minor units.
    pub price_minor: i64,
}

/// An order, as promotions look at it.
#[derive(Clone, Copy, Debug)]
pub struct Basket<'a> {
    /// All dishes.
    pub units: &'a [Unit],
    /// Here or to go.
    pub service: Service,
    /// Now, in the store's zone.
    pub at: &'a Zoned,
    /// The guest's code.
    pub code: Option<&'a str>,
    /// What the store knows about who orders.
    pub known: &'a Known,
}

/// A promotion that made an order cheaper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its id.
    pub id: String,
    /// Its name at that time.
    pub name: Text,
    /// By how much, minor units.
    pub discount_minor: i64,
}

/// What the store counts of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Id of the promotion.
    pub promotion: String,
    /// The code, as it is compared.
    pub code: Option<String>,
    /// Dishes that count.
    pub pieces: u32,
    /// Whose it is.
    pub of: UseOf,
}

/// Whom a use is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseOf {
    /// Nobody: it counts whoever it was.
    Anyone,
    /// The guest's phone number.
    Guest,
    /// The card of one of the store's people.
    Staff,
}

/// Why a code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeProblem {
    /// No promotion has it.
    Unknown,
    /// Not on this day or at this time, or not for this service.
    NotNow,
    /// It was used as often as it can be.
    UsedUp,
    /// It is counted by phone number, and none was left.
    NeedsPhone,
    /// The order is too small.
    TooLittle,
    /// Nothing in the order gets cheaper by it.
    Nothing,
    /// Another promotion of this order rules it out.
    Excluded,
}

impl CodeProblem {
    /// In the guest's languages.
    #[must_use]
    pub fn message(self) -> Text {
        match self {
            Self::Unknown => Text::new(
                "Такого промокода нет. Проверьте, пожалуйста, буквы и цифры.",
                "Bunday promokod yo‘q. Iltimos, harf va raqamlarni tekshiring.",
                "There is no such promo code. Please check letters and digits.",
            ),
            Self::NotNow => Text::new(
                "Этот промокод сейчас не действует.",
                "Bu promokod hozir amal qilmaydi.",
                "This promo code does not work right now.",
            ),
            Self::UsedUp => Text::new(
                "Этот промокод уже использован.",
                "Bu promokod allaqachon ishlatilgan.",
                "This promo code has been used already.",
            ),
            Self::NeedsPhone => Text::new(
                "Для этого промокода нужен номер телефона.",
                "Bu promokod uchun telefon raqami kerak.",
                "This promo code needs your phone number.",
            ),
            Self::TooLittle => Text::new(
                "Для этого промокода сумма заказа слишком мала.",
                "Bu promokod uchun buyurtma summasi kam.",
                "The order is too small for this promo code.",
            ),
            Self::Nothing => Text::new(
                "Промокод не подходит к этим блюдам.",
                "Promokod bu taomlarga mos kelmaydi.",
                "The promo code does not apply to these dishes.",
            ),
            Self::Excluded => Text::new(
                "Промокод не суммируется с другой акцией в этом заказе.",
                "Promokod ushbu buyurtmadagi boshqa aksiya bilan birga ishlamaydi.",
                "The promo code can't be combined with another offer in this order.",
            ),
        }
    }
}

/// What promotions come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Savings {
    /// By line: minor units off, and the promotions.
    pub lines: BTreeMap<usize, (i64, BTreeSet<String>)>,
    /// Which promotions, in the order in which they were applied.
    pub applied: Vec<Applied>,
    /// What became of the guest's code, if there is one.
    pub code: Option<Result<(), CodeProblem>>,
    /// What the store counts.
    pub uses: Vec<Use>,
}

impl Savings {
    /// All of it, minor units.
    #[must_use]
    pub fn total_minor(&self) -> i64 {
        self.applied.iter().map(|a| a.discount_minor).sum()
    }
}

/// Works it out.
#[must_use]
pub fn savings(promotions: &[Promotion], basket: &Basket<'_>) -> Savings {
    let mut sum = Sum::new(basket);
    let mut ranked: Vec<&Promotion> = promotions.iter().collect();
    // Stable: equal ones stay in the order of the catalog.
    ranked.sort_by_key(|p| std::cmp::Reverse(p.priority));
    let code = basket.code.map(plain_code).filter(|c| !c.is_empty());
    let mut applied: Vec<&Promotion> = Vec::new();
    let mut problem = CodeProblem::Unknown;
    for p in ranked {
        let by_code = matches!(p.rule, Rule::Code { .. });
        if by_code && !code.as_ref().is_some_and(|c| p.has_code(c)) {
            continue;
        }
        let together = |other: &&Promotion| {
            !other.alone && !other.excludes.contains(&p.id) && !p.excludes.contains(&other.id)
        };
        let ruled_out = !applied.iter().all(together) || (p.alone && !applied.is_empty());
        let tried = match sum.open(p) {
            Err(why) => Err(why),
            Ok(()) if ruled_out => Err(CodeProblem::Excluded),
            Ok(()) => sum.apply(p),
        };
        match tried {
            Ok(()) => applied.push(p),
            Err(why) if by_code => problem = why,
            Err(_) => {}
        }
    }
    let took = applied.iter().any(|p| matches!(p.rule, Rule::Code { .. }));
    sum.savings.code = code.map(|_| if took { Ok(()) } else { Err(problem) });
    sum.savings
}

/// A dish while promotions are applied.
struct Net<'a> {
    unit: &'a Unit,
    net: i64,
    taken: bool,
}

impl Net<'_> {
    /// What can still go off it.
    fn room(&self) -> i64 {
        (self.net - LEAST_MINOR).max(0)
    }
}

struct Sum<'a> {
    basket: &'a Basket<'a>,
    /// The most expensive first, so that the order of lines makes no difference.
    nets: Vec<Net<'a>>,
    savings: Savings,
}

impl<'a> Sum<'a> {
    fn new(basket: &'a Basket<'a>) -> Self {
        let mut nets: Vec<Net<'a>> = basket
            .units
            .iter()
            .map(|unit| Net {
                unit,
                net: unit.price_minor,
                taken: false,
            })
            .collect();
        nets.sort_by(|a, b| {
            let key = |n: &Net<'_>| (std::cmp::Reverse(n.net), n.unit.dish.clone());
            key(a).cmp(&key(b))
        });
        Self {
            basket,
            nets,
            savings: Savings::default(),
        }
    }

    /// Whether the promotion is open to this order at all.
    fn open(&self, p: &Promotion) -> Result<(), CodeProblem> {
        let b = self.basket;
        let service = p.services.is_empty() || p.services.contains(&b.service);
        if p.holds(b.at).is_none() || !service {
            return Err(CodeProblem::NotNow);
        }
        match &p.rule {
            Rule::Combo { .. } | Rule::HappyHour { .. } => Ok(()),
            Rule::NthFree { per_guest, .. } => match (per_guest, &b.known.guest) {
                (true, None) => Err(CodeProblem::NeedsPhone),
                _ => Ok(()),
            },
            Rule::Code {
                uses,
                uses_per_guest,
                least_minor,
                ..
            } => {
                let whole: i64 = b.units.iter().map(|u| u.price_minor).sum();
                let guest = b.known.guest.as_ref();
                if uses.is_some_and(|most| b.known.code_uses >= most) {
                    Err(CodeProblem::UsedUp)
                } else if uses_per_guest.is_some() && guest.is_none() {
                    Err(CodeProblem::NeedsPhone)
                } else if uses_per_guest
                    .zip(guest)
                    .is_some_and(|(most, guest)| guest.code_uses >= most)
                {
                    Err(CodeProblem::UsedUp)
                } else if whole < *least_minor {
                    Err(CodeProblem::TooLittle)
                } else {
                    Ok(())
                }
            }
            Rule::Birthday {
                days_before,
                days_after,
                ..
            } => {
                let guest = b.known.guest.as_ref().ok_or(CodeProblem::NeedsPhone)?;
                let near = guest
                    .birthday
                    .is_some_and(|day| is_near(day, b.at.date(), *days_before, *days_after));
                if near && !guest.birthday_used.contains(&p.id) {
                    Ok(())
                } else {
                    Err(CodeProblem::NotNow)
                }
            }
            Rule::StaffMeal { meals_per_day, .. } => {
                let staff = b.known.staff.as_ref().ok_or(CodeProblem::NotNow)?;
                let today = staff.meals_today.get(&p.id).copied().unwrap_or(0);
                if today < *meals_per_day {
                    Ok(())
                } else {
                    Err(CodeProblem::UsedUp)
                }
            }
        }
    }

    /// Makes the order cheaper; without anything to make cheaper it is not applied.
    fn apply(&mut self, p: &Promotion) -> Result<(), CodeProblem> {
        let mut off = 0;
        match &p.rule {
            Rule::Combo { items, price_minor } => {
                let mut used = BTreeSet::new();
                while let Some(part) = self.one_combo(p, items, *price_minor, &mut used) {
                    off += part;
                }
            }
            Rule::NthFree { on, n, per_guest } => off = self.nth_free(p, on, *n, *per_guest),
            Rule::HappyHour { on, off: by }
            | Rule::Code { on, off: by, .. }
            | Rule::Birthday { on, off: by, .. }
            | Rule::StaffMeal { on, off: by, .. } => {
                let set = self.open_to(p, on);
                off = match by {
                    Off::PercentBp(bp) => self.take_off(p, &set, |net| percent(net, *bp)),
                    Off::EachMinor(minor) => self.take_off(p, &set, |_| *minor),
                    Off::AmountMinor(minor) => self.reduce(p, &set, *minor),
                };
            }
        }
        if off == 0 {
            return Err(CodeProblem::Nothing);
        }
        self.savings.applied.push(Applied {
            id: p.id.clone(),
            name: p.name.clone(),
            discount_minor: off,
        });
        self.count(p);
        Ok(())
    }

    fn count(&mut self, p: &Promotion) {
        let of = match &p.rule {
            Rule::Code {
                uses_per_guest: Some(_),
                ..
            } => UseOf::Guest,
            Rule::Code { .. } => UseOf::Anyone,
            Rule::Birthday { .. } => UseOf::Guest,
            Rule::StaffMeal { .. } => UseOf::Staff,
            // Counted where they are worked out, or not at all.
            Rule::NthFree { .. } | Rule::Combo { .. } | Rule::HappyHour { .. } => return,
        };
        let code = self.basket.code.map(plain_code);
        self.savings.uses.push(Use {
            promotion: p.id.clone(),
            code: code.filter(|_| matches!(p.rule, Rule::Code { .. })),
            pieces: 1,
            of,
        });
    }

    /// Dishes of the target that the promotion may make cheaper, the most expensive first.
    fn open_to(&self, p: &Promotion, on: &Target) -> Vec<usize> {
        (0..self.nets.len())
            .filter(|i| {
                let n = &self.nets[*i];
                (p.stacks || !n.taken) && on.takes(&n.unit.dish, &n.unit.category)
            })
            .collect()
    }

    /// The most expensive dishes that make up one combo, of those that no combo before it took.
    fn one_combo(
        &mut self,
        p: &Promotion,
        items: &[Item],
        price_minor: i64,
        used: &mut BTreeSet<usize>,
    ) -> Option<i64> {
        let mut set: Vec<usize> = Vec::new();
        for item in items {
            let quantity = usize::try_from(item.quantity).unwrap_or(usize::MAX);
            let more: Vec<usize> = self
                .open_to(p, &item.of)
                .into_iter()
                .filter(|i| !set.contains(i) && !used.contains(i))
                .take(quantity)
                .collect();
            if more.len() < quantity {
                return None;
            }
            set.extend(more);
        }
        let whole: i64 = set.iter().map(|i| self.nets[*i].net).sum();
        let off = self.reduce(p, &set, whole - price_minor);
        used.extend(set);
        (off > 0).then_some(off)
    }

    fn nth_free(&mut self, p: &Promotion, on: &Target, n: u32, per_guest: bool) -> i64 {
        let set = self.open_to(p, on);
        let pieces = u32::try_from(set.len()).unwrap_or(u32::MAX);
        let before = match (&self.basket.known.guest, per_guest) {
            (Some(guest), true) => guest.bought.get(&p.id).copied().unwrap_or(0),
            _ => 0,
        };
        if per_guest && pieces > 0 {
            self.savings.uses.push(Use {
                promotion: p.id.clone(),
                code: None,
                pieces,
                of: UseOf::Guest,
            });
        }
        let n = n.max(1);
        let free = before.saturating_add(pieces) / n - before / n;
        let free = usize::try_from(free).unwrap_or(0).min(set.len());
        // Within one order a group is the free dish and those that earned it; the free ones are the cheapest.
        let group = if per_guest {
            set.len()
        } else {
            free.saturating_mul(usize::try_from(n).unwrap_or(usize::MAX))
        };
        let group = &set[..group.min(set.len())];
        let worth: i64 = group
            .iter()
            .rev()
            .take(free)
            .map(|i| self.nets[*i].net)
            .sum();
        self.reduce(p, group, worth)
    }

    /// Takes `wanted` off these dishes together, each by its share, none below the least price.
    fn reduce(&mut self, p: &Promotion, set: &[usize], wanted: i64) -> i64 {
        let room: Vec<i64> = set.iter().map(|i| self.nets[*i].room()).collect();
        let off = wanted.min(room.iter().sum());
        if off <= 0 {
            return 0;
        }
        let parts = Money::spread(off, &room);
        self.lower(p, set, &parts)
    }

    /// Takes something off each of these dishes, none below the least price.
    fn take_off(&mut self, p: &Promotion, set: &[usize], part: impl Fn(i64) -> i64) -> i64 {
        let parts: Vec<i64> = set
            .iter()
            .map(|i| part(self.nets[*i].net).min(self.nets[*i].room()))
            .collect();
        self.lower(p, set, &parts)
    }

    fn lower(&mut self, p: &Promotion, set: &[usize], parts: &[i64]) -> i64 {
        let mut off = 0;
        for (i, part) in set.iter().zip(parts).filter(|(_, part)| **part > 0) {
            let n = &mut self.nets[*i];
            n.net -= part;
            n.taken = true;
            off += part;
            let line = self.savings.lines.entry(n.unit.line).or_default();
            line.0 += part;
            line.1.insert(p.id.clone());
        }
        off
    }
}

/// So many hundredths of a percent, rounded down: never more than was promised.
fn percent(minor: i64, bp: u32) -> i64 {
    i64::try_from(i128::from(minor) * i128::from(bp) / 10_000).unwrap_or(0)
}

/// Whether a day is near a birthday, also over the turn of the year. Who was born on 29 February has it on 1 March
/// in other years.
fn is_near((month, day): (i8, i8), today: Date, before: u32, after: u32) -> bool {
    [-1, 0, 1].into_iter().any(|years| {
        let year = today.year().saturating_add(years);
        let birthday = Date::new(year, month, day)
            .or_else(|_| Date::new(year, 3, 1))
            .ok();
        birthday
            .and_then(|birthday| today.since((jiff::Unit::Day, birthday)).ok())
            .is_some_and(|span| {
                let days = i64::from(span.get_days());
                -i64::from(before) <= days && days <= i64::from(after)
            })
    })
}
