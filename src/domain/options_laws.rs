//! The laws of options: what is chosen is what is cooked, held and paid, however it is said.

use super::{
    catalog::Catalog,
    laws::{placed_in, plenty},
    options::{Change, Choice, Chosen, DishOption, ParamValue, Pick, PickError, full_name},
    order::{Order, Service},
    place::{Placed, Refused, Wish, WishLine},
    receipt::ReceiptDraft,
    stops::{Stop, Stopped, Stops},
    text::{Language, Text},
    time::Timestamp,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

const NOW: Timestamp = Timestamp::from_millis(1_795_338_000_000);

fn catalog() -> Catalog {
    toml::from_str(include_str!("../demo/menu.toml")).unwrap()
}

fn pick(option: &str, choice: &str) -> Pick {
    Pick {
        option: option.to_owned(),
        choice: choice.to_owned(),
    }
}

fn placed(catalog: &Catalog, lines: Vec<WishLine>, stops: &Stops) -> Result<Placed, Refused> {
    let wish = Wish {
        lines,
        service: Service::ToGo,
        ..Wish::default()
    };
    placed_in(catalog, &plenty(catalog), &wish, stops)
}

fn line(dish: &str, quantity: i64, options: Vec<Pick>) -> WishLine {
    WishLine {
        dish_id: dish.into(),
        quantity,
        options,
        price_minor: None,
    }
}

#[test]
fn a_standard_choice_is_the_dish_as_it_is() {
    let catalog = catalog();
    for dish in &catalog.dishes {
        let card = catalog.tech_card(&dish.tech_card).unwrap();
        let choices = dish.choices(&[]).unwrap();
        let variant = card.variant(choices.iter().map(|(_, c)| *c));
        assert_eq!(&variant.card, card, "{}", dish.id);
        assert!(!variant.own_card && variant.params.is_empty());
        let chosen = Chosen::of(&choices);
        assert_eq!(full_name(&dish.name, &chosen, Language::En), dish.name.en);
    }
}

#[test]
fn a_parameter_goes_with_the_job_and_needs_no_card_of_its_own() {
    let catalog = catalog();
    let dish = catalog.dish(&"lagman".into()).unwrap();
    let card = catalog.tech_card(&dish.tech_card).unwrap();
    let choices = dish.choices(&[pick("heat", "hot")]).unwrap();
    let variant = card.variant(choices.iter().map(|(_, c)| *c));
    assert!(!variant.own_card);
    let hot = ParamValue::Word("hot".to_owned());
    assert_eq!(variant.params, BTreeMap::from([("heat".to_owned(), hot)]));
}

#[test]
fn changed_amounts_are_a_card_that_names_its_content() {
    let catalog = catalog();
    let dish = catalog.dish(&"plov".into()).unwrap();
    let card = catalog.tech_card(&dish.tech_card).unwrap();
    let of = |picks: &[Pick]| {
        let choices = dish.choices(picks).unwrap();
        card.variant(choices.iter().map(|(_, c)| *c)).card
    };
    let chicken = of(&[pick("meat", "chicken")]);
    let amount = |id: &str| chicken.ingredients.iter().find(|a| a.ingredient.0 == id);
    assert!(amount("beef").is_none());
    assert_eq!(amount("chicken").unwrap().quantity, 80_000);
    assert!(chicken.id.0.starts_with("plov.") && chicken.id.0.len() == 5 + 12);
    let both = [pick("extra", "salad"), pick("meat", "chicken")];
    let other_way = [pick("meat", "chicken"), pick("extra", "salad")];
    assert_eq!(of(&both), of(&other_way), "the order of picks is no matter");
    assert_ne!(of(&both).id, chicken.id);
    // Something new leaves its bin in the step that is named.
    let plate = of(&both).phases.into_iter().find(|p| p.id == "plate");
    assert!(plate.unwrap().uses.contains(&"tomato".into()));
}

#[test]
fn a_stopped_ingredient_stops_what_needs_it_and_nothing_else() {
    let catalog = catalog();
    let stop = Stop {
        since_at: NOW,
        until_at: Some(NOW.saturating_add(Duration::from_hours(1))),
        who: "manager:anna".to_owned(),
        why: "spoilt".to_owned(),
    };
    let stops = Stops(BTreeMap::from([(
        Stopped::Ingredient("sour-cream".into()),
        stop,
    )]));
    let usual = placed(&catalog, vec![line("borscht", 1, vec![])], &stops);
    let Err(Refused::Stopped { message, .. }) = usual else {
        panic!("{usual:?}");
    };
    assert!(message.en.contains("back after"), "{message:?}");
    let without = line("borscht", 1, vec![pick("cream", "without")]);
    placed(&catalog, vec![without], &stops).unwrap();
}

#[test]
fn every_fault_of_a_dishs_options_is_named() {
    let mut catalog = catalog();
    let text = || Text::new("а", "a", "a");
    let choice = |id: &str, changes: Vec<Change>| Choice {
        id: id.to_owned(),
        name: text(),
        price_minor: 0,
        allergens: Vec::new(),
        without_allergens: Vec::new(),
        standard: false,
        changes,
        params: BTreeMap::new(),
    };
    let remove = |id: &str| Change::Remove {
        ingredient: id.into(),
    };
    let mut dear = choice("dear", vec![]);
    dear.standard = true;
    dear.price_minor = -1_000_000;
    let mut param = choice("param", vec![]);
    param
        .params
        .insert("heat".to_owned(), ParamValue::Word("hellish".to_owned()));
    let option = |id: &str, min, max, choices| DishOption {
        id: id.to_owned(),
        name: text(),
        min,
        max,
        choices,
    };
    let dish = catalog.dishes.iter_mut().find(|d| d.id.0 == "lagman");
    dish.unwrap().options = vec![
        option("a", 3, 2, vec![choice("x", vec![]), choice("x", vec![])]),
        option("a", 0, 1, vec![choice("y", vec![remove("gold")])]),
        option(
            "b",
            0,
            1,
            vec![
                choice(
                    "z",
                    vec![Change::Add {
                        ingredient: "unobtainium".into(),
                        quantity: 1,
                        phase: None,
                    }],
                ),
                choice(
                    "phase",
                    vec![Change::Add {
                        ingredient: "egg".into(),
                        quantity: 1,
                        phase: Some("flambé".to_owned()),
                    }],
                ),
                choice(
                    "zero",
                    vec![Change::Set {
                        ingredient: "beef".into(),
                        quantity: 0,
                    }],
                ),
                param,
                dear,
            ],
        ),
    ];
    let faults = catalog.faults();
    for words in [
        "option \"a\" must stand once",
        "choice \"x\" must stand once",
        "min 3 and max 2",
        "has no \"gold\"",
        "no ingredient \"unobtainium\"",
        "no phase \"flambé\"",
        "must be above zero; to leave it out: remove",
        "no parameter \"heat\" that can be",
        "is standard, so it can't change",
        "no price above zero",
    ] {
        assert!(
            faults.iter().any(|f| f.contains(words)),
            "{words}: {faults:#?}"
        );
    }
}

/// Picks for a dish: of each option a choice, or none.
fn picks(catalog: &Catalog, dish: usize, draws: &[u8]) -> Vec<Pick> {
    let options = &catalog.dishes[dish % catalog.dishes.len()].options;
    options
        .iter()
        .zip(draws)
        .filter_map(|(o, n)| {
            let c = o.choices.get(usize::from(*n) % (o.choices.len() + 1))?;
            Some(pick(&o.id, &c.id))
        })
        .collect()
}

proptest! {
    #[test]
    fn what_is_chosen_is_paid_held_and_on_the_receipt(
        wanted in prop::collection::vec((any::<u8>(), 1i64..4, prop::array::uniform2(any::<u8>())), 1..5)
    ) {
        let catalog = catalog();
        let lines: Vec<WishLine> = wanted.iter().map(|(d, quantity, draws)| {
            let d = usize::from(*d);
            let dish = &catalog.dishes[d % catalog.dishes.len()];
            line(&dish.id.0, *quantity, picks(&catalog, d, draws))
        }).collect();
        let Placed { order, movements, .. } = placed(&catalog, lines, &Stops::default()).unwrap();
        let discounts: i64 = order.promotions.iter().map(|p| p.discount_minor).sum();
        prop_assert_eq!(order.lines.iter().map(|l| l.discount_minor).sum::<i64>(), discounts);
        prop_assert_eq!(order.total_minor, order.lines.iter().map(|l| l.sum_minor).sum::<i64>() - discounts);
        let draft = ReceiptDraft::sale(&order);
        prop_assert_eq!(draft.lines.iter().map(|l| l.sum_minor).sum::<i64>(), order.total_minor);
        for l in &draft.lines {
            prop_assert_eq!(l.price_minor * l.quantity_milli / 1000, l.sum_minor);
            prop_assert!(l.price_minor > 0 && !l.name.is_empty() && l.name.chars().count() <= 128);
        }
        // Every dish holds what its own card needs, and nothing else.
        for piece in &order.pieces {
            let card = catalog.variant_of(&order.lines[piece.line]).unwrap().card;
            let held: BTreeMap<_, _> = movements.iter().filter(|m| m.job == Some(piece.job_id))
                .map(|m| (m.ingredient.clone(), m.reserved)).collect();
            let needed: BTreeMap<_, _> = card.ingredients.iter().map(|a| (a.ingredient.clone(), a.quantity)).collect();
            prop_assert_eq!(held, needed);
        }
        // Dish by dish, what goes back is what was paid.
        let pieces: i64 = order.pieces.iter().map(|p| order.piece_minor(p)).sum();
        prop_assert_eq!(pieces, order.total_minor);
        // An order survives its own log.
        let text = serde_json::to_string(&order).unwrap();
        prop_assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
    }

    #[test]
    fn picks_that_make_no_sense_are_refused(option in "[a-z]{1,8}", choice in "[a-z]{1,8}", twice in any::<bool>()) {
        let catalog = catalog();
        let dish = catalog.dish(&"borscht".into()).unwrap();
        let known = dish.options.iter().any(|o| o.id == option && o.choices.iter().any(|c| c.id == choice));
        let mut all = vec![pick(&option, &choice)];
        if twice {
            all.push(pick(&option, &choice));
        }
        match dish.choices(&all) {
            Err(PickError::Gone(_)) => prop_assert!(!known),
            Err(PickError::Count { .. }) => prop_assert!(twice),
            Ok(_) => prop_assert!(known && !twice),
        }
    }
}
