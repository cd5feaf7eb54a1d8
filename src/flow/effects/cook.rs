//! A dish on the robot. Done when the robot has taken the job; what becomes of it, its events tell.

use super::{Kind, parse};
use crate::{
    domain::{
        catalog::TechCard,
        event::Body,
        ids::{DishId, JobId, TechCardId},
        options::ParamValue,
    },
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The effect's kind.
pub const KIND: &str = "robot.cook";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The job; the robot knows it by this id.
    pub job_id: JobId,
    /// Which dish.
    pub dish_id: DishId,
    /// Its name for the kitchen's screen.
    pub dish: String,
    /// How it is cooked.
    pub tech_card: TechCardId,
    /// The card itself, where the guest's choices make it another than the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_card: Option<Box<TechCard>>,
    /// Parameters of the robot's recipe that are not as usual.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
    /// Number of the order, for the hand-over screen.
    pub order_number: u32,
}

/// What follows.
pub(super) struct Cook;

impl Kind for Cook {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The robot doesn't take a dish"
    }

    fn done(&self, row: &EffectRow, _: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let request: Request = parse(&row.request)?;
        Ok(vec![Body::CookSubmitted {
            job_id: request.job_id,
        }])
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        parse::<Request>(&row.request).map_or_else(
            |_| Vec::new(),
            |request| {
                vec![Body::CookFailed {
                    job_id: request.job_id,
                    reason: format!("{}: {}", refusal.code, refusal.text),
                    // Tried again under a new id: the robot remembers a refusal under the old one.
                    retry: true,
                }]
            },
        )
    }
}
