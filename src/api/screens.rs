//! Screens of the store: a kiosk, a board or a staff screen shows a code, a person types it elsewhere, and the screen
//! has a token.

use super::{
    Api, Caller, Problem, Role,
    auth::{SCREENS, TECHNICIANS, hash_token},
    body::{Loose, Post},
    extract::{Bearer, Path},
    keys, lan,
    orders::Nothing,
};
use crate::{
    domain::time::Timestamp,
    flow::{FlowError, staff},
    store::{Screen, StoreError},
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A screen wants to be paired.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPairing {
    /// `kiosk`, `board` or `staff`.
    role: String,
}

/// What stands on the screen, and what it asks with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairingView {
    /// Six digits.
    code: String,
    poll_token: String,
    /// When the code is over.
    #[schema(value_type = i64)]
    expires_at: Timestamp,
}

fn screen_role(word: &str) -> Result<Role, Problem> {
    Role::from_word(word)
        .filter(|r| SCREENS.contains(r))
        .ok_or_else(|| {
            Problem::invalid(format!(
                "{word:?} is no screen; there are kiosk, board and staff"
            ))
        })
}

/// Asks for a code. It needs no token: who has none yet asks.
#[utoipa::path(post, path = "/pairing", tag = "guest", request_body = NewPairing, responses((status = 201, body = PairingView), (status = "4XX", body = Problem)))]
pub(super) async fn ask(
    State(api): State<Api>,
    post: Loose,
) -> Result<(StatusCode, Json<PairingView>), Problem> {
    let NewPairing { role } = post.read()?;
    let role = screen_role(&role)?;
    let entropy = api.site.world.entropy.clone();
    let poll_token = keys::token(entropy.as_ref());
    let poll = hash_token(&poll_token);
    let now = api.site.world.clock.now();
    let pairing = api
        .site
        .store
        .write(move |tx| {
            staff::ask_pairing(tx, now, role.word(), poll, |bound| entropy.below(bound))
        })
        .await?;
    let view = PairingView {
        code: pairing.code,
        poll_token,
        expires_at: pairing.expires_at,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// How a pairing stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairingState {
    /// `waiting` or `paired`.
    state: &'static str,
    code: String,
    #[schema(value_type = i64)]
    expires_at: Timestamp,
    /// Once paired: the screen's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    role: String,
}

/// Whether the screen that holds this poll token is paired; then its own token. For two minutes it may ask again, as
/// answers get lost.
#[utoipa::path(get, path = "/pairing", tag = "guest", responses((status = 200, body = PairingState), (status = "4XX", body = Problem)))]
pub(super) async fn poll(
    State(api): State<Api>,
    Bearer(token): Bearer,
) -> Result<Json<PairingState>, Problem> {
    let poll = hash_token(&token);
    let now = api.site.world.clock.now();
    let found = api
        .site
        .store
        .read(move |s| s.pairing_by_poll(&poll, now))
        .await?;
    let pairing = found.ok_or_else(|| {
        Problem::unauthorised("this pairing is over, or never was; ask for a new code")
    })?;
    let paired = pairing.name.is_some();
    Ok(Json(PairingState {
        state: if paired { "paired" } else { "waiting" },
        code: pairing.code,
        expires_at: pairing.expires_at,
        token: paired.then(|| api.keys().screen_token(&poll)),
        name: pairing.name,
        role: pairing.role,
    }))
}

/// Paired screens.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScreenList {
    screens: Vec<ScreenView>,
    /// Codes that stand on screens now.
    waiting: Vec<WaitingView>,
    /// Where a screen finds this store, the best first; none while it listens on its own machine alone.
    addresses: Vec<String>,
}

/// A paired screen.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScreenView {
    name: String,
    role: String,
    #[schema(value_type = i64)]
    paired_at: Timestamp,
    /// Who paired it.
    paired_by: String,
}

/// A screen that waits. Its code is not told: it is read from the screen, so that one pairs what one stands before.
#[derive(Debug, Serialize, ToSchema)]
struct WaitingView {
    role: String,
    #[schema(value_type = i64)]
    since_at: Timestamp,
}

impl From<Screen> for ScreenView {
    fn from(s: Screen) -> Self {
        Self {
            name: s.name,
            role: s.role,
            paired_at: s.paired_at,
            paired_by: s.paired_by,
        }
    }
}

/// The screens that are paired, and those that wait.
#[utoipa::path(get, path = "/screens", tag = "manager", responses((status = 200, body = ScreenList), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<ScreenList>, Problem> {
    caller.need(TECHNICIANS)?;
    let now = api.site.world.clock.now();
    let addresses = lan::origins(&api.doors, &api.site.policy().store_id);
    let list = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let waiting = s.pairings(now)?.into_iter().filter(|p| p.name.is_none());
            Ok(ScreenList {
                screens: s.screens()?.into_iter().map(ScreenView::from).collect(),
                waiting: waiting
                    .map(|p| WaitingView {
                        role: p.role,
                        since_at: p.created_at,
                    })
                    .collect(),
                addresses,
            })
        })
        .await?;
    Ok(Json(list))
}

/// Which screen, and what it is to be called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScreen {
    /// The six digits on it.
    code: String,
    /// Its name; no other screen has it.
    name: String,
    /// Refused when the screen wants to be something else.
    #[serde(default)]
    role: Option<String>,
}

/// Pairs the screen that shows a code.
#[utoipa::path(post, path = "/screens", tag = "manager", request_body = NewScreen, responses((status = 201, body = ScreenView), (status = "4XX", body = Problem)))]
pub(super) async fn pair(
    State(api): State<Api>,
    post: Post<NewScreen>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    let role = post.body.role.as_deref().map(screen_role).transpose()?;
    let code: String = post
        .body
        .code
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    let name = post.body.name.trim().to_owned();
    // The log could not tell the two apart.
    if SCREENS.iter().any(|r| api.tokens.is_configured(*r, &name)) {
        return Err(Problem::conflict(format!(
            "the configuration has a token of the name {name}; take another"
        )));
    }
    let keys = api.keys().clone();
    let answer = post
        .once(&api, StatusCode::CREATED, move |tx, cx, body| {
            let word = role.map(Role::word);
            let screen = staff::pair(tx, cx, &code, &body.name, word, |poll| {
                hash_token(&keys.screen_token(poll))
            })?;
            Ok(ScreenView::from(screen))
        })
        .await?;
    let_in(&api, name).await?;
    Ok(answer)
}

/// Brings what is in memory up to what is in the database.
async fn let_in(api: &Api, name: String) -> Result<(), Problem> {
    let screen = api.site.store.read(move |s| s.screen(&name)).await?;
    if let Some(screen) = screen
        && let Some(role) = Role::from_word(&screen.role)
    {
        api.tokens.insert_screen(screen.hash, role, screen.name);
    }
    Ok(())
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    name: String,
}

/// Gives a screen another name. Orders that it placed keep the old one, and it goes on seeing them.
#[utoipa::path(post, path = "/screens/{name}/rename", tag = "manager", params(("name" = String, Path)), request_body = NewName, responses((status = 200, body = ScreenView), (status = "4XX", body = Problem)))]
pub(super) async fn rename(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<NewName>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    let to = post.body.name.trim().to_owned();
    let old = name.clone();
    let answer = post
        .once(&api, StatusCode::OK, move |tx, cx, body| {
            Ok(ScreenView::from(staff::rename_screen(
                tx, cx, &name, &body.name,
            )?))
        })
        .await?;
    if old != to {
        api.tokens.end_sessions(|p| {
            p.door.split_once(':').is_some_and(|(role, name)| {
                name == old && Role::from_word(role).is_some_and(|r| SCREENS.contains(&r))
            })
        });
    }
    let_in(&api, to).await?;
    Ok(answer)
}

/// Shuts a screen out, at once.
#[utoipa::path(post, path = "/screens/{name}/revoke", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = ScreenView), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    let tokens = api.tokens.clone();
    let call_id = api.site.world.new_id();
    post.once(
        &api,
        StatusCode::OK,
        move |tx, cx, _| -> Result<_, FlowError> {
            let screen = staff::revoke_screen(tx, cx, &name, call_id)?;
            // Out of the memory first: a write that fails now leaves a screen that must be revoked again, not one that
            // still comes in.
            tokens.remove(&screen.hash);
            let door = format!("{}:{}", screen.role, screen.name);
            tokens.end_sessions(|p| p.door == door);
            Ok(ScreenView::from(screen))
        },
    )
    .await
}
