//! Recipes: the technological card as the robot reads it (klink 3.11).

use crate::{NotCanonical, PhaseOp, RecipeRef, Stage, Unit, canonical_bytes, digest_text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The schema this release writes.
pub const RECIPE_SCHEMA: &str = "klink.recipe/1";

/// One revision of a recipe. Its identity is id, revision and the hash of its canonical bytes; a change
/// always raises the revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// [`RECIPE_SCHEMA`].
    pub schema: String,
    /// Its id.
    pub id: String,
    /// Its revision, from 1.
    pub rev: u32,
    /// Name by language code.
    pub name: BTreeMap<String, String>,
    /// Number of the technological card in the accounting system.
    pub card: String,
    /// Mass of a portion, mg.
    pub portion_mg: i64,
    /// Equipment that must exist.
    pub requires: Vec<String>,
    /// Amounts of one portion.
    pub ingredients: Vec<Ingredient>,
    /// Choices of the guest.
    pub params: Vec<RecipeParam>,
    /// The procedure.
    pub phases: Vec<Phase>,
    /// Critical control points.
    pub ccp: Vec<Ccp>,
    /// How long the plated dish may wait.
    pub hold: Hold,
    /// Allergens, for change-over cleaning.
    pub allergens: Vec<String>,
    /// Clean after this dish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_after: Option<bool>,
    /// Opaque vendor programmes, referenced by hash.
    pub programs: Vec<Program>,
}

/// One ingredient of a portion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingredient {
    /// Name within the recipe.
    #[serde(rename = "ref")]
    pub r: String,
    /// Stock item.
    pub item: String,
    /// Amount, in `unit`.
    pub qty: i64,
    /// Its unit.
    pub unit: Unit,
    /// Allowed deviation, per mille.
    pub tol_pm: u32,
    /// How it must be prepared by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prep: Option<String>,
    /// Allowed replacements, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alt: Vec<String>,
}

/// A choice of the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeParam {
    /// Its name.
    pub id: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ParamKind,
    /// Words to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// What holds if the guest says nothing.
    pub def: Value,
}

/// Kind of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// A whole number.
    Int,
    /// Yes or no.
    Bool,
    /// One of several words.
    Enum,
    /// Free text.
    Text,
}

/// One step of the procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name within the recipe.
    pub id: String,
    /// What it does.
    pub op: PhaseOp,
    /// Ingredients it takes, by `ref`.
    #[serde(rename = "use")]
    pub uses: Vec<String>,
    /// Equipment it claims.
    pub res: Vec<String>,
    /// Planned duration, ms.
    pub dur_ms: u64,
    /// Which part of the job it belongs to.
    pub stage: Stage,
    /// Settings, opaque here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// The job may be paused or given up after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_after: Option<bool>,
    /// Phases that must have ended; `None` is the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

/// A critical control point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ccp {
    /// Its name.
    pub id: String,
    /// In which phase.
    pub phase: String,
    /// At least this hot, millidegrees Celsius.
    pub min_mc: i64,
    /// At most this hot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_mc: Option<i64>,
    /// For at least so long, ms.
    pub hold_ms: u64,
}

/// How long a plated dish may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Longest wait, ms.
    pub max_ms: u64,
    /// Not colder than this, millidegrees Celsius.
    pub min_mc: i64,
}

/// A vendor's programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Media type.
    pub media: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub hash: String,
}

impl Recipe {
    /// The canonical bytes: what is uploaded and hashed.
    ///
    /// # Errors
    /// When a parameter or argument holds a fraction or a huge number.
    pub fn canonical(&self) -> Result<Vec<u8>, NotCanonical> {
        let value = serde_json::to_value(self).map_err(|e| NotCanonical(e.to_string()))?;
        canonical_bytes(&value)
    }

    /// `sha256:` digest of the canonical bytes.
    ///
    /// # Errors
    /// As [`Recipe::canonical`].
    pub fn hash(&self) -> Result<String, NotCanonical> {
        Ok(digest_text(&self.canonical()?))
    }

    /// How a job names it.
    ///
    /// # Errors
    /// As [`Recipe::canonical`].
    pub fn reference(&self) -> Result<RecipeRef, NotCanonical> {
        Ok(RecipeRef {
            id: self.id.clone(),
            rev: self.rev,
            hash: self.hash()?,
        })
    }

    /// Planned duration if phases run one after another, ms.
    #[must_use]
    pub fn planned_ms(&self) -> u64 {
        self.phases
            .iter()
            .fold(0, |sum, p| sum.saturating_add(p.dur_ms))
    }

    /// What is wrong with it, in words; empty if it can be cooked. Called by whoever accepts a recipe.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.schema != RECIPE_SCHEMA {
            faults.push(format!("schema {} is not {RECIPE_SCHEMA}", self.schema));
        }
        if !crate::valid_id(&self.id) || self.rev == 0 {
            faults.push("id or revision is not valid".to_owned());
        }
        if self.phases.is_empty() {
            faults.push("there is no phase".to_owned());
        }
        for (i, phase) in self.phases.iter().enumerate() {
            if !crate::valid_id(&phase.id) || self.phases[..i].iter().any(|p| p.id == phase.id) {
                faults.push(format!(
                    "phase id {:?} is not valid or used twice",
                    phase.id
                ));
            }
            for used in &phase.uses {
                if !self.ingredients.iter().any(|x| &x.r == used) {
                    faults.push(format!("phase {} uses unknown ingredient {used}", phase.id));
                }
            }
            for before in phase.after.iter().flatten() {
                if !self.phases[..i].iter().any(|p| &p.id == before) {
                    faults.push(format!(
                        "phase {} waits for {before}, which is not before it",
                        phase.id
                    ));
                }
            }
        }
        for (i, x) in self.ingredients.iter().enumerate() {
            if x.qty <= 0 || !crate::valid_id(&x.r) || !crate::valid_id(&x.item) {
                faults.push(format!("ingredient {:?} is not valid", x.r));
            }
            if self.ingredients[..i].iter().any(|y| y.r == x.r) {
                faults.push(format!("ingredient {:?} is named twice", x.r));
            }
        }
        for point in &self.ccp {
            if !self.phases.iter().any(|p| p.id == point.phase) {
                faults.push(format!("control point {} names unknown phase", point.id));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recipe of the example session (klink 3.19).
    const BORSCH: &str = r#"{"allergens":["celery"],"card":"TK-112","ccp":[{"hold_ms":15000,"id":"core","min_mc":75000,"phase":"p2"}],"hold":{"max_ms":900000,"min_mc":63000},"id":"borsch","ingredients":[{"item":"ING-0042","qty":80000,"ref":"beet","tol_pm":50,"unit":"mg"},{"item":"ING-0007","qty":250000,"ref":"stock","tol_pm":30,"unit":"ul"}],"name":{"en":"Borscht","ru":"Борщ"},"params":[{"def":"std","id":"salt","type":"enum","values":["low","std"]}],"phases":[{"dur_ms":45000,"id":"p1","op":"dispense","res":["arm"],"stage":"preparing","use":["beet"]},{"args":{"target_mc":95000},"dur_ms":240000,"id":"p2","op":"heat","res":["hob"],"stage":"cooking","use":["stock"]},{"dur_ms":30000,"id":"p3","op":"plate","res":["arm","slot"],"stage":"cooking","use":[]}],"portion_mg":350000,"programs":[],"requires":["arm","hob"],"rev":7,"schema":"klink.recipe/1"}"#;

    #[test]
    fn the_published_recipe_keeps_its_bytes_and_hash() {
        let recipe: Recipe = serde_json::from_str(BORSCH).unwrap();
        assert_eq!(recipe.canonical().unwrap(), BORSCH.as_bytes());
        assert_eq!(BORSCH.len(), 829);
        assert_eq!(
            recipe.hash().unwrap(),
            "sha256:42c8ea060eb714db80f893549c26bf91b358e7ff1c84d79fffa3bfbfa18cde86"
        );
        assert_eq!(recipe.planned_ms(), 315_000);
        assert!(recipe.faults().is_empty(), "{:?}", recipe.faults());
    }

    #[test]
    fn a_recipe_that_can_not_be_cooked_is_found_out() {
        let mut recipe: Recipe = serde_json::from_str(BORSCH).unwrap();
        recipe.phases[1].uses.push("salt".into());
        recipe.phases[2].id = "p1".into();
        recipe.ccp[0].phase = "p9".into();
        assert_eq!(recipe.faults().len(), 3, "{:?}", recipe.faults());
    }
}
