//! People: who works here, and how they come in with a PIN.
//!
//! What carries a PIN or answers with a token is not remembered for its Idempotency-Key: neither may lie in the
//! database, not even as the hash of a request, which a PIN's few digits would not withstand.

use super::{
    Api, AtWork, Caller, Problem, Role,
    auth::{MANAGERS, hash_token},
    body::{Loose, Post},
    extract::Path,
    keys,
    orders::Nothing,
};
use crate::{
    domain::{
        chain::Hash,
        staff::{Position, User, check_pin},
        text::{Language, Text},
        time::Timestamp,
    },
    flow::{FlowError, staff},
    store::StoreError,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A person comes in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// 4 to 8 digits.
    pin: String,
    /// What the screen calls itself, for people's eyes; who it is, its token says.
    #[serde(default)]
    #[allow(dead_code, reason = "part of the contract; the token says more")]
    device: Option<String>,
}

/// A person at work.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// What the person's requests carry; only the answer to coming in has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    name: String,
    role: &'static str,
    #[schema(value_type = String)]
    language: Language,
    /// When it ends at the latest.
    #[schema(value_type = i64)]
    expires_at: Timestamp,
    /// It ends after so long without anything done, in seconds.
    idle_s: u64,
}

impl SessionView {
    fn of(api: &Api, person: &AtWork, token: Option<String>) -> Self {
        Self {
            token,
            name: person.name.clone(),
            role: person.role.word(),
            language: person.language,
            expires_at: person.expires_at,
            idle_s: api.doors.idle.as_secs(),
        }
    }
}

/// What is made of a PIN. It takes some ten milliseconds and 8 MiB, so it runs where the readers run.
async fn pin_hash(api: &Api, pin: &str) -> Result<Hash, Problem> {
    let (keys, pin) = (api.keys().clone(), pin.to_owned());
    Ok(api
        .site
        .store
        .read(move |_| Ok::<_, StoreError>(keys.pin(&pin)))
        .await?)
}

/// Comes in with a PIN. With the token of a screen, or without any where the store allows that. Wrong PINs are slowed,
/// then the door is shut for a while.
#[utoipa::path(post, path = "/sessions", tag = "staff", request_body = NewSession, responses((status = 201, body = SessionView), (status = "4XX", body = Problem)))]
pub(super) async fn come_in(
    State(api): State<Api>,
    post: Loose,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let door = match &post.caller {
        Some(caller) => caller.actor().0,
        None if api.doors.pin_without_screen => "lan".to_owned(),
        None => {
            return Err(Problem::unauthorised(
                "send the token of a paired screen: Authorization: Bearer …",
            ));
        }
    };
    let NewSession { pin, .. } = post.read()?;
    if pin.is_empty() || pin.len() > 64 || !pin.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Problem::invalid("a PIN is digits"));
    }
    let cx = api.site.context(crate::domain::event::Actor(door.clone()));
    let guard = {
        let (cx, door) = (cx.clone(), door.clone());
        api.site
            .store
            .write(move |tx| staff::knock(tx, &cx, &door))
            .await?
    };
    let pin = pin_hash(&api, &pin).await?;
    let token = keys::token(api.site.world.entropy.as_ref());
    let hash = hash_token(&token);
    let lasts = api.doors.session;
    let found = api
        .site
        .store
        .write(move |tx| staff::come_in(tx, &cx, &door, guard, &pin, hash, lasts))
        .await?;
    let Some((user, session)) = found else {
        return Err(FlowError::WrongPin.into());
    };
    let person = AtWork::new(&user, &session);
    let view = SessionView::of(&api, &person, Some(token));
    api.tokens.insert_person(hash, person);
    Ok((StatusCode::CREATED, Json(view)))
}

fn person(caller: &Caller) -> Result<(&AtWork, Hash), Problem> {
    caller
        .person
        .as_deref()
        .zip(caller.token)
        .ok_or_else(|| Problem::not_found("nobody came in with this token"))
}

/// Who came in with this token. Asking counts as being there.
#[utoipa::path(get, path = "/sessions/current", tag = "staff", responses((status = 200, body = SessionView), (status = "4XX", body = Problem)))]
pub(super) async fn current(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<SessionView>, Problem> {
    let (person, _) = person(&caller)?;
    Ok(Json(SessionView::of(&api, person, None)))
}

/// Goes out. Going out twice changes nothing.
#[utoipa::path(delete, path = "/sessions/current", tag = "staff", responses((status = 200, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn go_out(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<serde_json::Value>, Problem> {
    let (person, token) = person(&caller)?;
    let (user_id, door) = (person.user_id, person.door.clone());
    api.tokens.remove(&token);
    api.site
        .command(caller.actor(), move |tx, cx| {
            staff::go_out(tx, cx, &token, user_id, &door)
        })
        .await?;
    Ok(Json(serde_json::json!({"ended": true})))
}

/// People who work here.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserList {
    users: Vec<UserView>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    name: String,
    role: &'static str,
    #[schema(value_type = String)]
    language: Language,
    #[schema(value_type = i64)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    disabled_at: Option<Timestamp>,
    /// Screens at which they are now.
    at: Vec<String>,
}

impl UserView {
    fn of(user: &User, at: Vec<String>) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role.word(),
            language: user.language,
            created_at: user.created_at,
            disabled_at: user.disabled_at,
            at,
        }
    }
}

/// Who works here, and who is at work.
#[utoipa::path(get, path = "/users", tag = "manager", responses((status = 200, body = UserList), (status = "4XX", body = Problem)))]
pub(super) async fn users(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<UserList>, Problem> {
    caller.need(MANAGERS)?;
    let now = api.site.world.clock.now();
    let idle = api.doors.idle;
    let users = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let sessions = s.sessions()?;
            Ok(s.users()?
                .iter()
                .map(|u| {
                    let own = sessions.iter().filter(|x| {
                        x.user_id == u.id && x.expires_at > now && now.since(x.seen_at) < idle
                    });
                    let doors: BTreeSet<_> = own.map(|x| x.door.clone()).collect();
                    UserView::of(u, doors.into_iter().collect())
                })
                .collect())
        })
        .await?;
    Ok(Json(UserList { users }))
}

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Shown on screens and in the log; nobody else has it.
    name: String,
    /// `cashier`, `technician` or `manager`.
    role: String,
    #[serde(default)]
    #[schema(value_type = String)]
    language: Language,
    /// 4 to 8 digits, not all the same and no run.
    pin: String,
}

/// Adds a person.
#[utoipa::path(post, path = "/users", tag = "manager", request_body = NewUser, responses((status = 201, body = UserView), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    State(api): State<Api>,
    post: Post<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    post.caller.need(MANAGERS)?;
    let NewUser {
        name,
        role,
        language,
        pin,
    } = post.body;
    let role = Position::from_word(&role).ok_or_else(|| {
        Problem::invalid(format!(
            "{role:?} is no role of a person; there are cashier, technician and manager"
        ))
    })?;
    check_pin(&pin).map_err(Problem::invalid)?;
    let pin = pin_hash(&api, &pin).await?;
    let id = api.site.world.new_id();
    let user = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            staff::add_user(tx, cx, id, &name, role, language, &pin)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(UserView::of(&user, Vec::new()))))
}

/// Another PIN.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPin {
    /// 4 to 8 digits, not all the same and no run.
    pin: String,
}

/// Gives a person another PIN; where they are at work, they must come in again.
#[utoipa::path(post, path = "/users/{name}/pin", tag = "manager", params(("name" = String, Path)), request_body = NewPin, responses((status = 200, body = UserView), (status = "4XX", body = Problem)))]
pub(super) async fn set_pin(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<NewPin>,
) -> Result<Json<UserView>, Problem> {
    post.caller.need(MANAGERS)?;
    check_pin(&post.body.pin).map_err(Problem::invalid)?;
    let pin = pin_hash(&api, &post.body.pin).await?;
    let user = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            staff::set_pin(tx, cx, &name, &pin)
        })
        .await?;
    api.tokens.end_sessions(|p| p.user_id == user.id);
    Ok(Json(UserView::of(&user, Vec::new())))
}

/// Shuts a person out, lets them in again, or removes them: `disable`, `enable`, `remove`.
#[utoipa::path(post, path = "/users/{name}/{act}", tag = "manager", params(("name" = String, Path), ("act" = String, Path)), request_body = Nothing, responses((status = 200, body = UserView), (status = "4XX", body = Problem)))]
pub(super) async fn change(
    State(api): State<Api>,
    Path((name, act)): Path<(String, String)>,
    post: Post<Nothing>,
) -> Result<Json<UserView>, Problem> {
    post.caller.need(MANAGERS)?;
    if !["disable", "enable", "remove"].contains(&act.as_str()) {
        return Err(Problem::not_found(format!(
            "{act:?} is nothing that can be done to a person; there are pin, disable, enable and remove"
        )));
    }
    let user = api
        .site
        .command(post.caller.actor(), move |tx, cx| match act.as_str() {
            "disable" => staff::enable_user(tx, cx, &name, false),
            "enable" => staff::enable_user(tx, cx, &name, true),
            _ => staff::remove_user(tx, cx, &name),
        })
        .await?;
    api.tokens.end_sessions(|p| p.user_id == user.id);
    Ok(Json(UserView::of(&user, Vec::new())))
}

/// A door.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DoorName {
    /// As the alert names it: `kiosk:front`, `lan`.
    door: String,
}

/// Opens a door again that wrong PINs have shut.
#[utoipa::path(post, path = "/sessions/unlock", tag = "manager", request_body = DoorName, responses((status = 200, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn unlock(
    State(api): State<Api>,
    post: Post<DoorName>,
) -> Result<Response, Problem> {
    post.caller.need(MANAGERS)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        staff::unlock(tx, cx, &body.door)?;
        Ok(serde_json::json!({"unlocked": body.door}))
    })
    .await
}

/// A wrong PIN, and a door that is shut for a while, in the words of people.
pub(super) fn wrong_pin() -> Problem {
    Problem::wrong_pin("this PIN is not known").telling(Text::new(
        "Неверный PIN-код.",
        "PIN-kod noto‘g‘ri.",
        "Wrong PIN.",
    ))
}

/// Asked too often.
pub(super) fn too_many(until: Timestamp) -> Problem {
    let mut problem = Problem::too_many("asked too often; wait a little").telling(Text::new(
        "Слишком много попыток. Подождите немного.",
        "Urinishlar juda ko‘p. Biroz kuting.",
        "Too many tries. Please wait a little.",
    ));
    problem.retry_at = Some(until);
    problem
}

/// Lets everybody in again who was at work, every paired screen and every key, when the daemon starts.
///
/// # Errors
/// When the database can't be read.
pub async fn recall_tokens(api: &Api) -> Result<(), StoreError> {
    let (screens, users, sessions, keys) = api
        .site
        .store
        .read(|s| -> Result<_, StoreError> {
            Ok((s.screens()?, s.users()?, s.sessions()?, s.api_keys()?))
        })
        .await?;
    for key in keys {
        api.tokens.insert_key(&key);
    }
    for screen in screens {
        if let Some(role) = Role::from_word(&screen.role) {
            api.tokens.insert_screen(screen.hash, role, screen.name);
        }
    }
    for session in sessions {
        if let Some(user) = users.iter().find(|u| u.id == session.user_id) {
            api.tokens
                .insert_person(session.hash, AtWork::new(user, &session));
        }
    }
    Ok(())
}

impl Api {
    /// Takes a person on, unless somebody of that name works here already: for the demonstration and for tests.
    ///
    /// # Errors
    /// When the PIN is taken, or the database can't be written.
    #[cfg(feature = "emulators")]
    pub(crate) async fn hire(
        &self,
        name: &str,
        role: Position,
        language: Language,
        pin: &str,
    ) -> Result<(), FlowError> {
        let (id, pin, name) = (
            self.site.world.new_id(),
            self.keys().pin(pin),
            name.to_owned(),
        );
        self.site
            .command(
                crate::domain::event::Actor::system(),
                move |tx, cx| match tx.snapshot().user(&name)? {
                    Some(_) => Ok(()),
                    None => staff::add_user(tx, cx, id, &name, role, language, &pin).map(drop),
                },
            )
            .await
    }
}
