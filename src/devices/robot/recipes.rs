//! Tech cards as the robot reads them: built, named by content, uploaded where missing.

use crate::domain::{
    catalog::{Catalog, Dish, TechCard, Unit},
    ids::{DishId, TechCardId},
    options::{CardParam, ParamValue},
};
use galley_robot::{
    Hold, Ingredient, Limits, ParamKind, Phase, PhaseOp, RECIPE_SCHEMA, Recipe, RecipeParam,
    RecipeRef, RecipeState, RecipeView, RobotDriver, RobotError, Stage, Unit as RobotUnit,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Allowed deviation of an amount, per mille. [inferred: no published figure of the robot's scales]
const TOLERANCE_PM: u32 = 50;
/// Plated dishes are kept at least this warm, millidegrees Celsius. [inferred]
const KEEP_WARM_MC: i64 = 60_000;

/// All recipes of a catalog.
#[derive(Default)]
pub(super) struct Recipes(BTreeMap<TechCardId, (Recipe, RecipeRef)>);

impl Recipes {
    pub(super) fn of(catalog: &Catalog) -> Result<Self, String> {
        let mut all = BTreeMap::new();
        for card in &catalog.tech_cards {
            let dish = catalog.dishes.iter().find(|d| d.tech_card == card.id);
            let recipe = recipe(catalog, card, dish);
            let reference = recipe
                .reference()
                .map_err(|e| format!("tech card {}: {e}", card.id))?;
            all.insert(card.id.clone(), (recipe, reference));
        }
        Ok(Self(all))
    }

    pub(super) fn reference(&self, card: &TechCardId) -> Option<RecipeRef> {
        self.0.get(card).map(|(_, reference)| reference.clone())
    }
}

/// The recipe of a tech card that is made of the guest's choices, for this dish.
pub(super) fn of_variant(catalog: &Catalog, card: &TechCard, dish: &DishId) -> Recipe {
    recipe(catalog, card, catalog.dish(dish))
}

fn recipe(catalog: &Catalog, card: &TechCard, dish: Option<&Dish>) -> Recipe {
    let name = dish.map_or_else(BTreeMap::new, |d| {
        BTreeMap::from([
            ("en".to_owned(), d.name.en.clone()),
            ("ru".to_owned(), d.name.ru.clone()),
            ("uz".to_owned(), d.name.uz.clone()),
        ])
    });
    let used: BTreeSet<_> = card.phases.iter().flat_map(|p| &p.uses).collect();
    let mut unused: Vec<String> = card
        .ingredients
        .iter()
        .filter(|a| !used.contains(&a.ingredient))
        .map(|a| a.ingredient.0.clone())
        .collect();
    let mut stage = Stage::Preparing;
    let phases = card
        .phases
        .iter()
        .map(|p| {
            if matches!(p.op.as_str(), "heat" | "stir" | "wait") {
                stage = Stage::Cooking;
            }
            let mut uses: Vec<String> = p.uses.iter().map(|i| i.0.clone()).collect();
            uses.append(&mut unused);
            Phase {
                id: p.id.clone(),
                op: PhaseOp::from(p.op.as_str()),
                uses,
                res: p.equipment.clone(),
                dur_ms: u64::from(p.seconds) * 1000,
                stage: stage.clone(),
                args: None,
                safe_after: Some(true),
                after: None,
            }
        })
        .collect();
    let requires: BTreeSet<String> = card
        .phases
        .iter()
        .flat_map(|p| p.equipment.iter().cloned())
        .collect();
    Recipe {
        schema: RECIPE_SCHEMA.to_owned(),
        id: card.id.0.clone(),
        rev: card.rev,
        name,
        card: card.id.0.clone(),
        portion_mg: card.portion_mg,
        requires: requires.into_iter().collect(),
        ingredients: card
            .ingredients
            .iter()
            .map(|a| Ingredient {
                r: a.ingredient.0.clone(),
                item: a.ingredient.0.clone(),
                qty: a.quantity,
                unit: unit(catalog.ingredient(&a.ingredient).map(|i| i.unit)),
                tol_pm: TOLERANCE_PM,
                prep: None,
                alt: Vec::new(),
            })
            .collect(),
        params: card.params.iter().map(param).collect(),
        phases,
        ccp: Vec::new(),
        hold: Hold {
            max_ms: u64::from(card.hold_s) * 1000,
            min_mc: KEEP_WARM_MC,
        },
        allergens: dish.map(|d| d.allergens.clone()).unwrap_or_default(),
        clean_after: None,
        programs: Vec::new(),
    }
}

fn param(p: &CardParam) -> RecipeParam {
    RecipeParam {
        id: p.id.clone(),
        kind: match p.def {
            ParamValue::Flag(_) => ParamKind::Bool,
            ParamValue::Number(_) => ParamKind::Int,
            ParamValue::Word(_) => ParamKind::Enum,
        },
        values: p.values.iter().map(|w| w.as_str().into()).collect(),
        min: p.min,
        max: p.max,
        def: value(&p.def),
    }
}

/// A parameter's value on the wire.
pub(super) fn value(value: &ParamValue) -> Value {
    match value {
        ParamValue::Flag(yes) => (*yes).into(),
        ParamValue::Number(n) => (*n).into(),
        ParamValue::Word(word) => word.as_str().into(),
    }
}

fn unit(unit: Option<Unit>) -> RobotUnit {
    match unit {
        Some(Unit::Microlitre) => RobotUnit::Ul,
        Some(Unit::Piece) => RobotUnit::Pc,
        Some(Unit::Milligram) | None => RobotUnit::Mg,
    }
}

/// Brings every recipe to the robot that it does not have active.
pub(super) async fn upload(
    driver: &dyn RobotDriver,
    wanted: &Recipes,
    have: &[RecipeView],
    limits: Limits,
    new_id: impl Fn() -> Uuid,
) -> Result<(), RobotError> {
    for (recipe, reference) in wanted.0.values() {
        let active = have
            .iter()
            .any(|r| r.hash == reference.hash && r.state == RecipeState::Active);
        if !active {
            galley_robot::upload(driver, recipe, limits.chunk, &new_id).await?;
            tracing::info!(
                recipe.id = reference.id,
                recipe.rev = reference.rev,
                "the robot has a tech card"
            );
        }
    }
    Ok(())
}
