//! Dishes with choices that make another tech card of them: the card's recipe is brought to the robot when the first
//! such dish is cooked, under an id that names its content. Choices that only set parameters need no recipe.

use super::{Robot, not_now, recipes};
use crate::flow::{
    effects::cook,
    executor::{Call, NotNow, Refusal},
};
use galley_robot::{RecipeRef, RobotError};
use serde_json::Value;
use std::{collections::BTreeMap, sync::PoisonError};

/// The parameters of a job.
pub(super) fn params(request: &cook::Request) -> BTreeMap<String, Value> {
    let each = request.params.iter();
    each.map(|(name, value)| (name.clone(), recipes::value(value)))
        .collect()
}

impl Robot {
    /// The recipe that a dish is cooked by.
    pub(super) fn recipe_for(&self, request: &cook::Request) -> Result<RecipeRef, Refusal> {
        let Some(card) = &request.own_card else {
            return self
                .recipes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .reference(&request.tech_card)
                .ok_or_else(|| {
                    Refusal::new(
                        "no_tech_card",
                        format!("there is no tech card {}", request.tech_card),
                        "Put the tech card back into the catalog.",
                    )
                });
        };
        recipes::of_variant(&self.site.catalog(), card, &request.dish_id)
            .reference()
            .map_err(|e| {
                Refusal::new(
                    "no_tech_card",
                    format!("the tech card {} can't be sent: {e}", request.tech_card),
                    "Mend the dish's options in the catalog.",
                )
            })
    }

    /// Brings the recipe of a dish with choices, if the robot does not have it. What the robot refuses to take it
    /// also refuses to cook: then the refusal of the job says so.
    pub(super) async fn bring_recipe(&self, call: &Call) -> Result<(), NotNow> {
        let Ok(request) = call.request::<cook::Request>() else {
            return Ok(());
        };
        let known = self.known.borrow().clone();
        let cell = known.cell.filter(|c| known.ready && c.quality.recipes);
        let (Some(card), Some(cell)) = (&request.own_card, cell) else {
            return Ok(());
        };
        let recipe = recipes::of_variant(&self.site.catalog(), card, &request.dish_id);
        let Ok(reference) = recipe.reference() else {
            return Ok(());
        };
        let brought = || self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        if brought().contains(&reference.hash) {
            return Ok(());
        }
        let new_id = || self.site.world.new_id();
        match galley_robot::upload(&*self.driver, &recipe, cell.limits.chunk, new_id).await {
            Ok(_) => {
                brought().insert(reference.hash);
                Ok(())
            }
            Err(error @ RobotError::Refused { .. }) => {
                tracing::warn!(%error, recipe.id = reference.id, "the robot doesn't take a tech card");
                Ok(())
            }
            Err(e) => Err(not_now(&e)),
        }
    }
}
