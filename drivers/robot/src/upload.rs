//! Bringing a recipe to a robot, by content: what is there is not sent again.

use crate::{
    BeginReply, ChunkReply, CmdResult, Command, CommitReply, Operation, Recipe, RecipeActivate,
    RecipeBegin, RecipeChunk, RecipeHash, RecipeRef, RobotDriver, RobotError,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Largest recipe that is tried, to bound the loop; cells announce their own limit.
const MAX_BYTES: usize = 16 << 20;

/// Makes `recipe` active at the robot and retires its other revisions. Uploads only what is missing and goes
/// on where an upload broke off, so after an error it can simply be called again.
///
/// `chunk` is [`crate::Limits::chunk`]. `new_id` gives ids of commands; fresh ones at every call, because the
/// cell answers a known id with what was true at its first use. All steps are safe to repeat by content.
///
/// # Errors
/// As [`RobotDriver::execute`]; `RECIPE_HASH_MISMATCH` means that the robot holds another content under this
/// revision: the dish must go off sale.
pub async fn upload(
    driver: &dyn RobotDriver,
    recipe: &Recipe,
    chunk: u32,
    mut new_id: impl FnMut() -> Uuid,
) -> Result<RecipeRef, RobotError> {
    let invalid = |text: String| RobotError::refused("RECIPE_INVALID", text);
    let bytes = recipe.canonical().map_err(|e| invalid(e.to_string()))?;
    let name = recipe.reference().map_err(|e| invalid(e.to_string()))?;
    if bytes.len() > MAX_BYTES {
        return Err(RobotError::refused(
            "RECIPE_TOO_LARGE",
            format!("{} bytes", bytes.len()),
        ));
    }
    let begin = RecipeBegin {
        id: name.id.clone(),
        rev: name.rev,
        size: bytes.len() as u64,
        hash: name.hash.clone(),
    };
    let mut run = async |op: Operation| driver.execute(&Command::new(new_id(), op)).await;
    let begun: BeginReply = reply(&run(Operation::RecipeBegin(begin)).await?)?;
    let mut next = begun.next;
    while !begun.have && next < bytes.len() as u64 {
        let from = usize::try_from(next).unwrap_or(usize::MAX).min(bytes.len());
        let step = usize::try_from(chunk.max(1)).unwrap_or(usize::MAX);
        let to = from.saturating_add(step).min(bytes.len());
        let piece = RecipeChunk {
            hash: name.hash.clone(),
            off: next,
            data: BASE64_STANDARD.encode(&bytes[from..to]),
        };
        let got: ChunkReply = reply(&run(Operation::RecipeChunk(piece)).await?)?;
        if got.next <= next {
            let text = format!("the robot wants byte {} again", got.next);
            return Err(RobotError::refused("INTERNAL", text));
        }
        next = got.next;
    }
    let commit = RecipeHash {
        hash: name.hash.clone(),
    };
    let committed: CommitReply = reply(&run(Operation::RecipeCommit(commit)).await?)?;
    if committed.state != crate::RecipeState::Active {
        let activate = RecipeActivate {
            id: name.id.clone(),
            rev: name.rev,
            hash: name.hash.clone(),
            exclusive: true,
        };
        run(Operation::RecipeActivate(activate)).await?;
    }
    Ok(name)
}

fn reply<T: DeserializeOwned>(result: &CmdResult) -> Result<T, RobotError> {
    result.reply().map_err(|e| {
        RobotError::refused(
            "INTERNAL",
            format!("the robot's answer makes no sense: {e}"),
        )
    })
}
