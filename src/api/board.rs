//! The board: which numbers are being prepared, which are ready.

use super::{Api, Caller, Problem, auth::ANYONE, view::stage_word};
use crate::domain::{
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
}

/// The board.
#[utoipa::path(get, path = "/board", tag = "guest", responses((status = 200, body = Board)))]
pub(super) async fn board(State(api): State<Api>, caller: Caller) -> Result<Json<Board>, Problem> {
    caller.need(ANYONE)?;
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
            }
        }));
    }
    Ok(Json(board))
}
