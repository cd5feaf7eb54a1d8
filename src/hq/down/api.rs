//! The API of documents, roll-outs and commands. Who asks is what the door found out: [`Who`].

use super::{
    super::{
        Hq,
        extract::{Path, Query, Said},
        people,
        problem::Problem,
    },
    DownError,
    commands::{CommandRow, EXPIRES},
    documents::{Revision, kind},
    rollouts::{Plan, RolledBack, Rollout},
    told::{self, Told},
};
use crate::domain::remote::Command;
use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};
use uuid::Uuid;

/// Who asks, as the door found out; it goes into messages and into the stores' logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hq) struct Who(pub(in crate::hq) String);

impl FromRequestParts<Hq> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Hq) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self("operator".to_owned())))
    }
}

/// "all", or some.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stores {
    Some(Vec<String>),
    Word(String),
}

impl Stores {
    fn named(self) -> Result<Option<Vec<String>>, DownError> {
        match self {
            Self::Some(stores) => Ok(Some(stores)),
            Self::Word(word) if word == "all" => Ok(None),
            Self::Word(_) => Err(DownError::Invalid(
                "stores is a list of ids, or \"all\"".to_owned(),
            )),
        }
    }
}

pub(in crate::hq) fn router() -> Router<Hq> {
    Router::new()
        .route("/api/v1/documents", get(documents))
        .route("/api/v1/documents/{kind}/{name}", get(revisions).post(put))
        .route("/api/v1/documents/{kind}/{name}/check", post(check))
        .route("/api/v1/documents/{kind}/{name}/diff", get(diff))
        .route("/api/v1/documents/{kind}/{name}/{revision}", get(revision))
        .route("/api/v1/rollouts", get(rollouts).post(roll_out))
        .route("/api/v1/rollouts/{id}", get(rollout))
        .route("/api/v1/rollouts/{id}/promote", post(promote))
        .route("/api/v1/rollouts/{id}/stop", post(stop))
        .route("/api/v1/rollouts/{id}/roll-back", post(roll_back))
        .route("/api/v1/stores/{id}/documents", get(of_store))
        .route("/api/v1/stores/{id}/commands", get(commands).post(command))
        .route("/api/v1/commands", post(command_many))
        .route("/api/v1/commands/{id}", get(one_command))
        .route("/api/v1/commands/{id}/cancel", post(cancel))
        .route("/api/v1/bundles/{id}", get(bundle))
        .route("/api/v1/guests/erase", post(erase))
        .route("/api/v1/keys", get(keys))
        .route("/api/v1/keys/rotate", post(rotate))
}

async fn documents(State(hq): State<Hq>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "documents": hq.documents().await? })))
}

async fn revisions(
    State(hq): State<Hq>,
    Path((word, name)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let revisions = hq.revisions(kind(&word)?, &name).await?;
    Ok(Json(
        json!({ "kind": word, "name": name, "revisions": revisions }),
    ))
}

async fn revision(
    State(hq): State<Hq>,
    Path((word, name, revision)): Path<(String, String, u64)>,
) -> Result<Json<Revision>, Problem> {
    Ok(Json(hq.revision(kind(&word)?, &name, revision).await?))
}

#[derive(Deserialize)]
struct NewRevision {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    toml: Option<String>,
    /// As a person wrote it: what can't be read is told with its line.
    #[serde(default)]
    json: Option<String>,
    #[serde(default)]
    note: String,
}

impl NewRevision {
    fn content(&mut self) -> Result<Value, DownError> {
        let faulty = |e: String| DownError::Faults(vec![e]);
        match (self.content.take(), self.toml.take(), self.json.take()) {
            (Some(content), None, None) => Ok(content),
            (None, Some(text), None) => toml::from_str(&text).map_err(|e| faulty(e.to_string())),
            (None, None, Some(text)) => {
                serde_json::from_str(&text).map_err(|e| faulty(e.to_string()))
            }
            _ => Err(DownError::Invalid(
                "give one of content, toml and json".to_owned(),
            )),
        }
    }
}

async fn put(
    State(hq): State<Hq>,
    Path((word, name)): Path<(String, String)>,
    Who(by): Who,
    Said(mut new): Said<NewRevision>,
) -> Result<Response, Problem> {
    let content = new.content()?;
    let (revision, is_new) = hq
        .put_document(kind(&word)?, &name, content, new.note, by)
        .await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let told = told::of_revision(&revision, is_new);
    Ok((status, told, Json(revision)).into_response())
}

/// What a revision would change, and nothing is written.
async fn check(
    State(hq): State<Hq>,
    Path((word, name)): Path<(String, String)>,
    Said(mut new): Said<NewRevision>,
) -> Result<Json<Value>, Problem> {
    let content = new.content()?;
    let (latest, changes) = hq
        .check_document(kind(&word)?, &name, &content, &new.note)
        .await?;
    Ok(Json(json!({ "latest": latest, "changes": changes })))
}

#[derive(Deserialize)]
struct Between {
    from: u64,
    to: u64,
}

async fn diff(
    State(hq): State<Hq>,
    Path((word, name)): Path<(String, String)>,
    Query(between): Query<Between>,
) -> Result<Json<Value>, Problem> {
    let changes = hq
        .document_diff(kind(&word)?, &name, between.from, between.to)
        .await?;
    Ok(Json(
        json!({ "from": between.from, "to": between.to, "changes": changes }),
    ))
}

#[derive(Deserialize)]
struct NewRollout {
    kind: String,
    name: String,
    revision: u64,
    stores: Stores,
    #[serde(default)]
    canary: Vec<String>,
}

async fn roll_out(
    State(hq): State<Hq>,
    Who(by): Who,
    Said(new): Said<NewRollout>,
) -> Result<(StatusCode, Told, Json<Rollout>), Problem> {
    let plan = Plan {
        kind: kind(&new.kind)?,
        name: new.name,
        revision: new.revision,
        stores: hq.meant(new.stores.named()?).await?,
        canary: new.canary.into_iter().collect(),
    };
    let rollout = hq.roll_out(plan, by).await?;
    Ok((
        StatusCode::CREATED,
        told::of_rollout(&rollout),
        Json(rollout),
    ))
}

#[derive(Deserialize)]
struct Limit {
    #[serde(default = "fifty")]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

async fn rollouts(
    State(hq): State<Hq>,
    Query(limit): Query<Limit>,
) -> Result<Json<Value>, Problem> {
    let rollouts = hq.rollouts(limit.limit.min(500)).await?;
    Ok(Json(json!({ "rollouts": rollouts })))
}

async fn rollout(State(hq): State<Hq>, Path(id): Path<Uuid>) -> Result<Json<Rollout>, Problem> {
    Ok(Json(hq.rollout(id).await?))
}

#[derive(Default, Deserialize)]
struct Promote {
    #[serde(default)]
    force: bool,
}

async fn promote(
    State(hq): State<Hq>,
    Path(id): Path<Uuid>,
    Said(Promote { force }): Said<Promote>,
) -> Result<(Told, Json<Rollout>), Problem> {
    let rollout = hq.promote(id, force).await?;
    Ok((told::of_promoted(&rollout, force), Json(rollout)))
}

async fn stop(
    State(hq): State<Hq>,
    Path(id): Path<Uuid>,
) -> Result<(Told, Json<Rollout>), Problem> {
    let rollout = hq.stop_rollout(id).await?;
    Ok((told::of_rollout(&rollout), Json(rollout)))
}

async fn roll_back(
    State(hq): State<Hq>,
    Path(id): Path<Uuid>,
    Who(by): Who,
) -> Result<(StatusCode, Told, Json<RolledBack>), Problem> {
    let rollout = hq.rollout(id).await?;
    let undone = hq.roll_back(id, by).await?;
    let told = told::of_rolled_back(&rollout, &undone);
    Ok((StatusCode::CREATED, told, Json(undone)))
}

async fn of_store(State(hq): State<Hq>, Path(store): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "documents": hq.documents_of(&store).await? })))
}

#[derive(Deserialize)]
struct NewCommand {
    #[serde(default)]
    stores: Option<Stores>,
    command: Command,
    #[serde(default)]
    expires_in_s: Option<u64>,
}

impl NewCommand {
    fn within(&self) -> Duration {
        self.expires_in_s.map_or(EXPIRES, Duration::from_secs)
    }
}

/// Who may ask for it: money, people's data and keys need more than the rest.
fn needed(command: &Command) -> people::Role {
    match command {
        Command::Refund { .. } | Command::EraseGuest { .. } | Command::RotateToken { .. } => {
            people::Role::Manager
        }
        _ => people::Role::Operator,
    }
}

async fn command(
    State(hq): State<Hq>,
    Path(store): Path<String>,
    Who(by): Who,
    asker: people::Who,
    Said(new): Said<NewCommand>,
) -> Result<(StatusCode, Told, Json<CommandRow>), Problem> {
    asker.need(needed(&new.command))?;
    let within = new.within();
    let stores = hq.meant(Some(vec![store])).await?;
    let told = told::of_command(&hq, &new.command, &stores).await?;
    let mut rows = hq.command(stores, new.command, within, by).await?;
    let row = rows.pop().ok_or(DownError::Unknown("store"))?;
    Ok((StatusCode::CREATED, told, Json(row)))
}

async fn command_many(
    State(hq): State<Hq>,
    Who(by): Who,
    asker: people::Who,
    Said(new): Said<NewCommand>,
) -> Result<(StatusCode, Told, Json<Value>), Problem> {
    asker.need(needed(&new.command))?;
    let within = new.within();
    let named = match new.stores {
        Some(stores) => stores.named()?,
        None => return Err(DownError::Invalid("say which stores".to_owned()).into()),
    };
    let stores = hq.meant(named).await?;
    let told = told::of_command(&hq, &new.command, &stores).await?;
    let commands = hq.command(stores, new.command, within, by).await?;
    Ok((
        StatusCode::CREATED,
        told,
        Json(json!({ "commands": commands })),
    ))
}

async fn commands(
    State(hq): State<Hq>,
    Path(store): Path<String>,
    Query(limit): Query<Limit>,
) -> Result<Json<Value>, Problem> {
    let commands = hq.commands_of(&store, limit.limit.min(500)).await?;
    Ok(Json(json!({ "commands": commands })))
}

async fn one_command(
    State(hq): State<Hq>,
    Path(id): Path<Uuid>,
) -> Result<Json<CommandRow>, Problem> {
    Ok(Json(hq.command_by(id).await?))
}

async fn cancel(
    State(hq): State<Hq>,
    Path(id): Path<Uuid>,
) -> Result<(Told, Json<CommandRow>), Problem> {
    let command = hq.cancel_command(id).await?;
    Ok((told::of_cancelled(&command), Json(command)))
}

async fn bundle(State(hq): State<Hq>, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let bytes = hq.bundle(id).await?;
    let named = HeaderValue::from_str(&format!("attachment; filename=\"galley-{id}.tar.gz\""))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/gzip");
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, named),
        ],
        bytes,
    )
        .into_response())
}

#[derive(Deserialize)]
struct Erase {
    phone: String,
}

async fn erase(
    State(hq): State<Hq>,
    Who(by): Who,
    Said(Erase { phone }): Said<Erase>,
) -> Result<(StatusCode, Told, Json<Value>), Problem> {
    if phone.chars().filter(char::is_ascii_digit).count() < 5 {
        return Err(DownError::Invalid("that is no phone number".to_owned()).into());
    }
    let stores = hq.meant(None).await?;
    let erase = Command::EraseGuest { phone };
    let told = told::of_command(&hq, &erase, &stores).await?;
    let commands = hq
        .command(stores, erase, super::commands::LONGEST, by)
        .await?;
    Ok((
        StatusCode::CREATED,
        told,
        Json(json!({ "commands": commands })),
    ))
}

async fn keys(State(hq): State<Hq>) -> Result<Json<Value>, Problem> {
    let keys = hq.signing_keys().await?;
    let newest = keys.newest().map(|k| k.public());
    let list: Vec<Value> = keys
        .public()
        .iter()
        .map(|(key, at)| {
            json!({"id": key.id(), "public": key, "created_at": at, "active": Some(*key) == newest})
        })
        .collect();
    Ok(Json(json!({ "keys": list })))
}

async fn rotate(State(hq): State<Hq>, Who(by): Who) -> Result<(StatusCode, Json<Value>), Problem> {
    let keys = hq.rotate_key().await?;
    let newest = keys
        .newest()
        .map(|k| k.public())
        .ok_or(DownError::Unknown("key"))?;
    let stores = hq.announce(newest, by).await?;
    Ok((
        StatusCode::CREATED,
        Json(json!({ "id": newest.id(), "public": newest, "stores": stores })),
    ))
}
