//! The laws of promotions, held against any order and any promotions.

use super::{
    hours::{Day, Window},
    ids::DishId,
    order::Service,
    promotion::{Guest, Item, Known, Off, Promotion, Rule, Staff, Target},
    promotion_sum::{Basket, CodeProblem, LEAST_MINOR, Savings, Unit, UseOf, savings},
    text::Text,
};
use jiff::{Zoned, civil::time};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn promotion(id: &str, priority: i32, rule: Rule) -> Promotion {
    Promotion {
        id: id.to_owned(),
        name: Text::new(id, id, id),
        note: Text::default(),
        priority,
        stacks: false,
        alone: false,
        excludes: Vec::new(),
        services: Vec::new(),
        first_day: None,
        last_day: None,
        windows: Vec::new(),
        rule,
    }
}

fn dishes(ids: &[&str]) -> Target {
    Target {
        dishes: ids.iter().map(|d| DishId::from(*d)).collect(),
        ..Target::default()
    }
}

fn percent(on: Target, bp: u32) -> Rule {
    Rule::HappyHour {
        on,
        off: Off::PercentBp(bp),
    }
}

fn code(codes: &[&str], off: Off) -> Rule {
    Rule::Code {
        codes: codes.iter().map(|c| (*c).to_owned()).collect(),
        on: Target::default(),
        off,
        uses: None,
        uses_per_guest: None,
        least_minor: 0,
    }
}

/// Monday.
fn now() -> Zoned {
    "2026-11-23T13:00[Europe/Moscow]".parse().unwrap()
}

fn units(lines: &[(&str, i64, usize)]) -> Vec<Unit> {
    lines
        .iter()
        .enumerate()
        .flat_map(|(line, (dish, price, n))| {
            (0..*n).map(move |_| Unit {
                line,
                dish: DishId::from(*dish),
                category: dish.split('-').next().unwrap_or_default().to_owned(),
                price_minor: *price,
            })
        })
        .collect()
}

fn work_out(
    promotions: &[Promotion],
    units: &[Unit],
    code: Option<&str>,
    known: &Known,
) -> Savings {
    savings(
        promotions,
        &Basket {
            units,
            service: Service::Here,
            at: &now(),
            code,
            known,
        },
    )
}

fn plain(promotions: &[Promotion], units: &[Unit]) -> Savings {
    work_out(promotions, units, None, &Known::default())
}

fn names(s: &Savings) -> Vec<(&str, i64)> {
    s.applied
        .iter()
        .map(|a| (a.id.as_str(), a.discount_minor))
        .collect()
}

#[test]
fn a_combo_is_had_as_often_as_the_order_has_it_and_takes_the_dearest_dishes() {
    let combo = Rule::Combo {
        items: vec![
            Item {
                of: Target {
                    categories: vec!["soup".to_owned()],
                    ..Target::default()
                },
                quantity: 1,
            },
            Item {
                of: dishes(&["tea"]),
                quantity: 1,
            },
        ],
        price_minor: 30_000,
    };
    let lunch = [promotion("lunch", 0, combo)];
    let order = units(&[
        ("soup-a", 25_000, 1),
        ("soup-b", 35_000, 1),
        ("tea", 10_000, 3),
    ]);
    let s = plain(&lunch, &order);
    // 35,000 + 10,000 and 25,000 + 10,000 for 30,000 each; the third tea is alone.
    assert_eq!(names(&s), [("lunch", 20_000)]);
    // A combo that costs more than its dishes is none.
    let cheap = units(&[("soup-a", 15_000, 1), ("tea", 10_000, 1)]);
    assert_eq!(names(&plain(&lunch, &cheap)), []);
    assert_eq!(names(&plain(&lunch, &units(&[("tea", 10_000, 2)]))), []);
}

#[test]
fn the_third_is_free_and_its_price_is_spread_over_the_three() {
    let third = [promotion(
        "third",
        0,
        Rule::NthFree {
            on: dishes(&["tea", "cake"]),
            n: 3,
            per_guest: false,
        },
    )];
    let s = plain(&third, &units(&[("tea", 10_000, 2), ("cake", 20_000, 2)]));
    // Four count, one is free: of the dearest three the cheapest.
    assert_eq!(names(&s), [("third", 10_000)]);
    assert_eq!(s.lines.len(), 2);
    assert!(s.lines.values().all(|(off, _)| *off > 0));
    assert_eq!(
        names(&plain(
            &third,
            &units(&[("tea", 10_000, 2), ("soup", 9, 5)])
        )),
        []
    );
}

#[test]
fn the_sixth_of_a_guest_is_free_over_all_visits() {
    let sixth = [promotion(
        "sixth",
        0,
        Rule::NthFree {
            on: dishes(&["tea"]),
            n: 6,
            per_guest: true,
        },
    )];
    let with = |bought| Known {
        guest: Some(Guest {
            bought: BTreeMap::from([("sixth".to_owned(), bought)]),
            ..Guest::default()
        }),
        ..Known::default()
    };
    let tea = units(&[("tea", 10_000, 1)]);
    let s = work_out(&sixth, &tea, None, &with(4));
    assert_eq!(names(&s), []);
    assert_eq!((s.uses[0].pieces, s.uses[0].of), (1, UseOf::Guest));
    let s = work_out(&sixth, &tea, None, &with(5));
    assert_eq!(names(&s), [("sixth", 10_000 - LEAST_MINOR)]);
    // Nobody left a number: nothing is counted.
    assert!(plain(&sixth, &tea).uses.is_empty());
}

#[test]
fn a_code_says_why_it_is_not_taken() {
    let mut spring = promotion("spring", 0, code(&["Spring"], Off::AmountMinor(5_000)));
    let Rule::Code {
        uses,
        uses_per_guest,
        least_minor,
        ..
    } = &mut spring.rule
    else {
        unreachable!()
    };
    *uses = Some(10);
    *uses_per_guest = Some(1);
    *least_minor = 20_000;
    let order = units(&[("soup", 30_000, 1)]);
    let guest = |code_uses| Known {
        guest: Some(Guest {
            code_uses,
            ..Guest::default()
        }),
        ..Known::default()
    };
    let said = |promotions: &[Promotion], units: &[Unit], known: &Known| {
        work_out(promotions, units, Some(" sPRING "), known)
            .code
            .unwrap()
    };
    let one = std::slice::from_ref(&spring);
    assert_eq!(said(one, &order, &guest(0)), Ok(()));
    assert_eq!(said(&[], &order, &guest(0)), Err(CodeProblem::Unknown));
    assert_eq!(
        said(one, &order, &Known::default()),
        Err(CodeProblem::NeedsPhone)
    );
    assert_eq!(said(one, &order, &guest(1)), Err(CodeProblem::UsedUp));
    let used_up = Known {
        code_uses: 10,
        ..guest(0)
    };
    assert_eq!(said(one, &order, &used_up), Err(CodeProblem::UsedUp));
    let small = units(&[("soup", 19_999, 1)]);
    assert_eq!(said(one, &small, &guest(0)), Err(CodeProblem::TooLittle));
    let mut tuesday = spring.clone();
    tuesday.windows = vec![Window {
        days: vec![Day::Tue],
        from: time(0, 0, 0, 0),
        until: time(0, 0, 0, 0),
    }];
    assert_eq!(
        said(&[tuesday], &order, &guest(0)),
        Err(CodeProblem::NotNow)
    );
    // What comes first takes the dish, or shuts the code out.
    let happy = promotion("happy", 1, percent(Target::default(), 1_000));
    assert_eq!(
        said(&[spring.clone(), happy.clone()], &order, &guest(0)),
        Err(CodeProblem::Nothing)
    );
    let mut alone = spring;
    alone.alone = true;
    assert_eq!(
        said(&[alone.clone(), happy.clone()], &order, &guest(0)),
        Err(CodeProblem::Excluded)
    );
    alone.priority = 2;
    let s = work_out(&[alone, happy], &order, Some("SPRING"), &guest(0));
    assert_eq!(names(&s), [("spring", 5_000)]);
}

#[test]
fn a_birthday_is_had_around_its_day_over_the_turn_of_the_year_and_once() {
    let birthday = [promotion(
        "birthday",
        0,
        Rule::Birthday {
            on: Target::default(),
            off: Off::PercentBp(2_000),
            days_before: 3,
            days_after: 3,
        },
    )];
    let order = units(&[("soup", 30_000, 1)]);
    let had = |at: &str, born: (i8, i8), used: bool| {
        let mut guest = Guest {
            birthday: Some(born),
            ..Guest::default()
        };
        if used {
            guest.birthday_used.insert("birthday".to_owned());
        }
        let at: Zoned = format!("{at}T12:00[Asia/Tashkent]").parse().unwrap();
        let known = Known {
            guest: Some(guest),
            ..Known::default()
        };
        let basket = Basket {
            units: &order,
            service: Service::ToGo,
            at: &at,
            code: None,
            known: &known,
        };
        savings(&birthday, &basket).total_minor() == 6_000
    };
    assert!(had("2026-11-20", (11, 23), false));
    assert!(had("2026-11-26", (11, 23), false));
    assert!(!had("2026-11-19", (11, 23), false));
    assert!(!had("2026-11-27", (11, 23), false));
    assert!(!had("2026-11-23", (11, 23), true));
    assert!(had("2027-01-01", (12, 30), false));
    assert!(had("2026-12-30", (1, 2), false));
    assert!(had("2027-03-04", (2, 29), false));
}

#[test]
fn a_meal_of_the_stores_own_people_is_had_so_often_a_day() {
    let meal = [promotion(
        "meal",
        0,
        Rule::StaffMeal {
            on: Target::default(),
            off: Off::PercentBp(5_000),
            meals_per_day: 1,
        },
    )];
    let order = units(&[("soup", 30_000, 1)]);
    let with = |meals| Known {
        staff: Some(Staff {
            meals_today: BTreeMap::from([("meal".to_owned(), meals)]),
        }),
        ..Known::default()
    };
    let s = work_out(&meal, &order, None, &with(0));
    assert_eq!(names(&s), [("meal", 15_000)]);
    assert_eq!(s.uses[0].of, UseOf::Staff);
    assert_eq!(names(&work_out(&meal, &order, None, &with(1))), []);
    assert_eq!(names(&plain(&meal, &order)), []);
}

const DISHES: [&str; 5] = ["soup-a", "soup-b", "tea", "cake", "main-a"];

fn target() -> impl Strategy<Value = Target> {
    let ids = prop::collection::vec(prop::sample::select(DISHES.to_vec()), 0..3);
    (ids, any::<bool>()).prop_map(|(ids, soups)| Target {
        categories: if soups {
            vec!["soup".to_owned()]
        } else {
            Vec::new()
        },
        ..dishes(&ids)
    })
}

fn off() -> impl Strategy<Value = Off> {
    prop_oneof![
        (1u32..=9_900).prop_map(Off::PercentBp),
        (1i64..90_000).prop_map(Off::AmountMinor),
        (1i64..40_000).prop_map(Off::EachMinor),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (
            prop::collection::vec((target(), 1u32..3), 2..4),
            1i64..60_000
        )
            .prop_map(|(items, price_minor)| Rule::Combo {
                items: items
                    .into_iter()
                    .map(|(of, quantity)| Item { of, quantity })
                    .collect(),
                price_minor,
            }),
        (target(), off()).prop_map(|(on, off)| Rule::HappyHour { on, off }),
        (target(), 2u32..5, any::<bool>()).prop_map(|(on, n, per_guest)| Rule::NthFree {
            on,
            n,
            per_guest
        }),
        off().prop_map(|off| code(&["CODE"], off)),
        (target(), off()).prop_map(|(on, off)| Rule::Birthday {
            on,
            off,
            days_before: 3,
            days_after: 3
        }),
        (target(), off()).prop_map(|(on, off)| Rule::StaffMeal {
            on,
            off,
            meals_per_day: 1
        }),
    ]
}

prop_compose! {
    /// Promotions of different priorities, some that stack, stand alone or rule out the one before them.
    fn promotions()(rules in prop::collection::vec((rule(), any::<bool>(), 0u8..6, any::<bool>()), 1..6)) -> Vec<Promotion> {
        rules.into_iter().enumerate().map(|(i, (rule, stacks, alone, excludes))| Promotion {
            stacks,
            alone: alone == 0,
            excludes: if excludes && i > 0 { vec![format!("p{}", i - 1)] } else { Vec::new() },
            ..promotion(&format!("p{i}"), 100 - i32::try_from(i).unwrap(), rule)
        }).collect()
    }
}

prop_compose! {
    fn order()(lines in prop::collection::vec((0usize..5, 1i64..60_000, 1usize..5), 1..6)) -> Vec<Unit> {
        let lines: Vec<_> = lines.iter().map(|(d, price, n)| (DISHES[*d], *price, *n)).collect();
        units(&lines)
    }
}

fn someone() -> Known {
    Known {
        code_uses: 0,
        guest: Some(Guest {
            bought: BTreeMap::from([("p1".to_owned(), 3)]),
            birthday: Some((11, 22)),
            ..Guest::default()
        }),
        staff: Some(Staff::default()),
    }
}

proptest! {
    #[test]
    fn discounts_add_up_and_no_dish_gets_cheaper_than_it_may(ps in promotions(), units in order()) {
        let s = work_out(&ps, &units, Some("code"), &someone());
        let by_line: i64 = s.lines.values().map(|(off, _)| off).sum();
        prop_assert_eq!(by_line, s.total_minor());
        prop_assert!(s.applied.iter().all(|a| a.discount_minor > 0));
        for (line, (off, by)) in &s.lines {
            let of = || units.iter().filter(|u| u.line == *line);
            let room: i64 = of().map(|u| (u.price_minor - LEAST_MINOR).max(0)).sum();
            prop_assert!(*off > 0 && *off <= room, "{off} off a line with room for {room}");
            prop_assert!(!by.is_empty());
        }
    }

    #[test]
    fn the_order_of_lines_and_of_the_catalog_makes_no_difference(ps in promotions(), units in order()) {
        let there = work_out(&ps, &units, Some("code"), &someone());
        let mut back = units.clone();
        back.reverse();
        let mut other = ps.clone();
        other.reverse();
        let again = work_out(&other, &back, Some("code"), &someone());
        prop_assert_eq!(names(&there), names(&again));
        prop_assert_eq!(there.code, again.code);
    }

    #[test]
    fn what_rules_each_other_out_never_meets_in_one_order(ps in promotions(), units in order()) {
        let s = work_out(&ps, &units, Some("code"), &someone());
        let of = |id: &str| ps.iter().find(|p| p.id == id).unwrap();
        for (i, a) in s.applied.iter().enumerate() {
            let a = of(&a.id);
            prop_assert!(!a.alone || s.applied.len() == 1);
            for b in &s.applied[i + 1..] {
                let b = of(&b.id);
                prop_assert!(!a.excludes.contains(&b.id) && !b.excludes.contains(&a.id));
                prop_assert!(a.priority >= b.priority, "out of turn");
            }
        }
        // Of single dishes, one promotion each that does not stack.
        for (line, (_, by)) in &s.lines {
            if units.iter().filter(|u| u.line == *line).count() == 1 {
                let plain = by.iter().filter(|id| !of(id).stacks).count();
                prop_assert!(plain <= 1, "{by:?} on one dish");
            }
        }
    }

    #[test]
    fn a_percentage_is_never_more_than_was_promised(bp in 1u32..=9_900, units in order()) {
        let s = plain(&[promotion("p", 0, percent(Target::default(), bp))], &units);
        let whole: i64 = units.iter().map(|u| u.price_minor).sum();
        prop_assert!(s.total_minor() * 10_000 <= whole * i64::from(bp));
        let room = units.iter().all(|u| u.price_minor * i64::from(10_000 - bp) >= LEAST_MINOR * 10_000);
        if room {
            let n = i64::try_from(units.len()).unwrap();
            prop_assert!((s.total_minor() + n) * 10_000 > whole * i64::from(bp), "more than a kopeck a dish is missing");
        }
    }

    #[test]
    fn of_every_n_the_cheapest_of_them_is_free(n in 2u32..5, prices in prop::collection::vec(LEAST_MINOR..50_000, 1..12)) {
        let lines: Vec<_> = prices.iter().map(|p| ("tea", *p, 1)).collect();
        let rule = Rule::NthFree { on: Target::default(), n, per_guest: false };
        let s = plain(&[promotion("nth", 0, rule)], &units(&lines));
        let mut sorted = prices.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let n = n as usize;
        let free = prices.len() / n;
        let worth: i64 = sorted[free * (n - 1)..free * n].iter().sum();
        // The least price of every dish stays.
        let room: i64 = sorted[..free * n].iter().map(|p| p - LEAST_MINOR).sum();
        prop_assert_eq!(s.total_minor(), worth.min(room));
    }
}
