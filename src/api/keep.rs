//! Backups, and secrets: set and forgotten here, shown never.

use super::{
    Api, Caller, Problem,
    auth::{Role, TECHNICIANS},
    body::Post,
    extract::Path,
    orders::Nothing,
};
use crate::{
    domain::time::Timestamp,
    flow::keep::{back_up, salt},
    store::{
        StoreError,
        backup::{self, BackupError, Listed, Plan},
        vault,
    },
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest name of a secret.
const MAX_NAME: usize = 64;
/// Longest secret.
const MAX_SECRET: usize = 16 * 1024;
/// Those who may set passwords.
const MANAGERS: &[Role] = &[Role::Manager];

/// The backups of this store.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupList {
    /// Whether the box has a key, and so makes backups.
    enabled: bool,
    folder: Option<String>,
    every_ms: u64,
    keep: usize,
    /// The oldest first.
    #[schema(value_type = Vec<Object>)]
    backups: Vec<Listed>,
}

/// A backup's file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Its name in the folder of the backups.
    file: String,
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let text = error.to_string();
        match error {
            BackupError::Store(e) => e.into(),
            BackupError::NoRoom { .. } => Self::disk_full(text),
            BackupError::NoKey
            | BackupError::Sealed(..)
            | BackupError::Wrong(..)
            | BackupError::File { .. } => Self::conflict(text),
        }
    }
}

fn plan(api: &Api) -> Result<&Plan, Problem> {
    api.keeping
        .plan
        .as_ref()
        .ok_or_else(|| Problem::from(BackupError::NoKey))
}

/// The backups that are there.
#[utoipa::path(get, path = "/backups", tag = "technician", responses((status = 200, body = BackupList), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<BackupList>, Problem> {
    caller.need(TECHNICIANS)?;
    let plan = api.keeping.plan.as_ref();
    Ok(Json(BackupList {
        enabled: plan.is_some(),
        folder: plan.map(|p| p.folder.display().to_string()),
        every_ms: u64::try_from(api.keeping.every.as_millis()).unwrap_or(u64::MAX),
        keep: plan.map_or(0, |p| p.keep),
        backups: match plan {
            Some(plan) => backup::list(&plan.folder)?,
            None => Vec::new(),
        },
    }))
}

/// Makes a backup now, and opens it again to be sure.
#[utoipa::path(post, path = "/backups", tag = "technician", request_body = Nothing, responses((status = 201, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn make(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<(StatusCode, Json<Listed>), Problem> {
    post.caller.need(TECHNICIANS)?;
    let made = back_up(&api.site, plan(&api)?, "by hand").await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Opens a backup whole and says what is in it.
#[utoipa::path(post, path = "/backups/verify", tag = "technician", request_body = BackupFile, responses((status = 200, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn verify(
    State(api): State<Api>,
    post: Post<BackupFile>,
) -> Result<Json<Listed>, Problem> {
    post.caller.need(TECHNICIANS)?;
    let plan = plan(&api)?;
    // One of the list, so that no other file is touched.
    let found = backup::list(&plan.folder)?
        .into_iter()
        .find(|b| {
            b.file
                .file_name()
                .is_some_and(|n| n == post.body.file.as_str())
        })
        .ok_or_else(|| Problem::not_found(format!("there is no backup {}", post.body.file)))?;
    Ok(Json(
        api.site
            .store
            .verify_backup(plan.clone(), found.file)
            .await?,
    ))
}

/// The names of the secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretList {
    /// Whether the box has a key, and so can keep secrets.
    enabled: bool,
    secrets: Vec<SecretView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SecretView {
    name: String,
    #[schema(value_type = i64)]
    set_at: Timestamp,
    /// `current`, `former`, or `unknown`: then nobody can open it any more.
    sealed_with: &'static str,
    /// A credential file of the same name is there and comes first.
    shadowed: bool,
}

/// What secrets there are; never what they are.
#[utoipa::path(get, path = "/secrets", tag = "manager", responses((status = 200, body = SecretList), (status = "4XX", body = Problem)))]
pub(super) async fn secrets(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<SecretList>, Problem> {
    caller.need(MANAGERS)?;
    let rows = api.site.store.read(|s| s.secrets()).await?;
    let keys = &api.keeping.keys;
    Ok(Json(SecretList {
        enabled: !keys.is_empty(),
        secrets: rows
            .into_iter()
            .map(|row| SecretView {
                sealed_with: match keys
                    .iter()
                    .position(|k| vault::is_sealed_with(k, &row.sealed))
                {
                    Some(0) => "current",
                    Some(_) => "former",
                    None => "unknown",
                },
                shadowed: shadowed(&api, &row.name),
                set_at: row.at,
                name: row.name,
            })
            .collect(),
    }))
}

/// A secret to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// What the configuration calls the credential.
    name: String,
    /// The secret itself.
    value: String,
}

/// A secret was kept, or forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretDone {
    name: String,
    /// A credential file of the same name is there and comes first.
    shadowed: bool,
    /// It is read when the store starts.
    restart_needed: bool,
}

fn shadowed(api: &Api, name: &str) -> bool {
    let folder = api.keeping.credentials.as_ref();
    folder.is_some_and(|f| f.join(name).exists())
}

fn plain_name(name: &str) -> Result<(), Problem> {
    let plain = (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if plain {
        return Ok(());
    }
    Err(Problem::invalid(
        "a name has 1 to 64 letters, digits, dots, dashes and underscores",
    ))
}

/// Keeps a secret, sealed with the box's key. It is never shown again.
#[utoipa::path(post, path = "/secrets", tag = "manager", request_body = NewSecret, responses((status = 200, body = SecretDone), (status = "4XX", body = Problem)))]
pub(super) async fn set_secret(
    State(api): State<Api>,
    // Not remembered by its key: what is kept of a request tells a short password to whoever guesses.
    post: Post<NewSecret>,
) -> Result<Json<SecretDone>, Problem> {
    post.caller.need(MANAGERS)?;
    let NewSecret { name, value } = post.body;
    plain_name(&name)?;
    if value.is_empty() || value.len() > MAX_SECRET {
        return Err(Problem::invalid("a secret has 1 to 16384 bytes"));
    }
    let key = api.keeping.keys.first().ok_or_else(no_key)?;
    let sealed = vault::seal(key, salt(api.site.world.entropy.as_ref()), &name, &value);
    let now = api.site.world.clock.now();
    let kept = name.clone();
    api.site
        .store
        .write(move |tx| tx.put_secret(&kept, &sealed, now))
        .await?;
    tracing::info!(
        secret.name = name,
        by = post.caller.name,
        "a secret was set"
    );
    Ok(Json(SecretDone {
        shadowed: shadowed(&api, &name),
        name,
        restart_needed: true,
    }))
}

pub(super) fn no_key() -> Problem {
    Problem::conflict(
        "this box has no key to seal secrets with: give it one as store.key_credential says (galley backup key)",
    )
}

/// Forgets a secret.
#[utoipa::path(post, path = "/secrets/{name}/remove", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = SecretDone), (status = "4XX", body = Problem)))]
pub(super) async fn remove_secret(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Json<SecretDone>, Problem> {
    post.caller.need(MANAGERS)?;
    let gone = name.clone();
    let was = api
        .site
        .store
        .write(move |tx| tx.delete_secret(&gone))
        .await?;
    if !was {
        return Err(Problem::not_found(format!("there is no secret {name}")));
    }
    tracing::info!(
        secret.name = name,
        by = post.caller.name,
        "a secret was removed"
    );
    Ok(Json(SecretDone {
        shadowed: shadowed(&api, &name),
        name,
        restart_needed: true,
    }))
}

/// How many were sealed anew.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rotated {
    resealed: usize,
}

/// Seals all secrets with the box's present key, so that the former one can go.
#[utoipa::path(post, path = "/secrets/rotate", tag = "manager", request_body = Nothing, responses((status = 200, body = Rotated), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Json<Rotated>, Problem> {
    post.caller.need(MANAGERS)?;
    let keys = api.keeping.keys.clone();
    if keys.is_empty() {
        return Err(no_key());
    }
    let entropy = api.site.world.entropy.clone();
    let resealed = api
        .site
        .store
        .write(move |tx| tx.reseal_secrets(&keys, || salt(entropy.as_ref())))
        .await
        .map_err(|e: StoreError| match e {
            StoreError::Secret(..) => Problem::conflict(format!(
                "{e}; set it anew or remove it, then rotate again. Nothing was changed"
            )),
            other => other.into(),
        })?;
    tracing::info!(
        resealed,
        by = post.caller.name,
        "secrets were sealed with the present key"
    );
    Ok(Json(Rotated { resealed }))
}
