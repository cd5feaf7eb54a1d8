//! The board: which numbers are being prepared, which are ready.

use super::{Api, Caller, Problem, auth::ANYONE, view::stage_word};
use crate::domain::{
    catalog::TechCard,
    order::{JobStage, OrderState},
    text::Text,
    time::Timestamp,
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// The board.
#[derive(Debug, Serialize, ToSchema)]
pub struct Board {
    /// When this was true.
    #[schema(value_type = i64)]
    at: Timestamp,
    preparing: Vec<Number>,
    ready: Vec<Number>,
    cooking: Vec<Cooking>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Number {
    number: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Cooking {
    number: String,
    #[schema(value_type = Object)]
    name: Text,
    state: &'static str,
    progress_pm: Option<u16>,
    /// What the robot does with it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    step: Option<Text>,
}

/// What the robot does with a dish that is so far: the step of its card in which it stands.
fn step(card: &TechCard, stage: JobStage, progress_pm: Option<u16>) -> Option<Text> {
    if stage != JobStage::Cooking {
        return None;
    }
    let reached = u64::from(progress_pm.unwrap_or(0)) * card.duration_ms();
    let mut end = 0;
    let phase = card.phases.iter().find(|phase| {
        end += u64::from(phase.seconds) * 1000 * 1000;
        end > reached
    })?;
    let on = |equipment: &str| phase.equipment.iter().any(|e| e == equipment);
    Some(match phase.op.as_str() {
        "dispense" => Text::new(
            "отмеряет продукты",
            "masalliqlarni o‘lchayapti",
            "measuring out",
        ),
        "transfer" => Text::new("смешивает", "aralashtiryapti", "mixing"),
        "heat" if on("oven") => Text::new("запекает", "pechda pishiryapti", "roasting"),
        "heat" if on("fryer") => Text::new("жарит", "qovuryapti", "frying"),
        "heat" => Text::new("на плите", "plitada", "on the hob"),
        "stir" => Text::new("мешает на огне", "olovda qovuryapti", "stirring"),
        "wait" => Text::new("настаивается", "tindirilmoqda", "resting"),
        "plate" => Text::new("выкладывает на тарелку", "idishga solyapti", "plating"),
        _ => return None,
    })
}

/// The board.
#[utoipa::path(get, path = "/board", tag = "guest", responses((status = 200, body = Board)))]
pub(super) async fn board(State(api): State<Api>, caller: Caller) -> Result<Json<Board>, Problem> {
    caller.need(ANYONE)?;
    let cx = api.site.context(caller.actor());
    let orders = api.site.store.read(|s| s.active_orders()).await?;
    let number = |n: u32| Number {
        number: n.to_string(),
    };
    let mut board = Board {
        at: api.site.world.clock.now(),
        preparing: Vec::new(),
        ready: Vec::new(),
        cooking: Vec::new(),
    };
    for o in &orders {
        match o.state {
            OrderState::Paid | OrderState::Receipted | OrderState::Cooking => {
                board.preparing.push(number(o.number));
            }
            OrderState::Ready => board.ready.push(number(o.number)),
            _ => continue,
        }
        let at_work = o
            .pieces
            .iter()
            .filter(|p| matches!(p.stage, JobStage::Preparing | JobStage::Cooking));
        board.cooking.extend(at_work.map(|p| {
            Cooking {
                number: o.number.to_string(),
                name: o
                    .lines
                    .get(p.line)
                    .map(|l| l.name.clone())
                    .unwrap_or_default(),
                state: stage_word(p.stage),
                progress_pm: p.progress_pm,
                step: o
                    .lines
                    .get(p.line)
                    .and_then(|l| cx.catalog.dish(&l.dish_id))
                    .and_then(|d| cx.catalog.tech_card(&d.tech_card))
                    .and_then(|card| step(card, p.stage, p.progress_pm)),
            }
        }));
    }
    Ok(Json(board))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_the_one_in_which_the_dish_stands() {
        let card: TechCard = toml::from_str(
            "id = 'x'\nrev = 1\nportion_mg = 1\nhold_s = 1\ningredients = []\nphases = [
               { id = 'a', op = 'dispense', seconds = 50 },
               { id = 'b', op = 'heat', seconds = 50, equipment = ['oven'] } ]",
        )
        .unwrap();
        let said = |stage, pm| step(&card, stage, pm).map(|t| t.en);
        assert_eq!(said(JobStage::Preparing, None), None);
        assert_eq!(
            said(JobStage::Cooking, None).as_deref(),
            Some("measuring out")
        );
        assert_eq!(
            said(JobStage::Cooking, Some(499)).as_deref(),
            Some("measuring out")
        );
        assert_eq!(
            said(JobStage::Cooking, Some(500)).as_deref(),
            Some("roasting")
        );
        assert_eq!(said(JobStage::Cooking, Some(1000)), None);
    }
}
