//! Signing in and out, people, keys, the audit.

use super::{
    PeopleError, Role, Way, Who, audit, door, keys, oidc, password, random,
    rows::{self, NewUser},
};
use crate::{
    hq::{
        Hq,
        extract::{Path, Query, Said},
        problem::Problem,
        view::csv,
    },
    world::Secret,
};
use axum::{
    Json, Router,
    extract::{FromRequest as _, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What may be asked without signing in.
pub(in crate::hq) fn open() -> Router<Hq> {
    Router::new()
        .route("/api/v1/door", get(at_the_door))
        .route("/api/v1/sign-in", post(sign_in))
        .route("/auth/begin", get(oidc::begin))
        .route("/auth/back", get(oidc::back))
}

/// What needs somebody.
pub(in crate::hq) fn router() -> Router<Hq> {
    Router::new()
        .route("/api/v1/me", get(me))
        .route("/api/v1/me/password", post(own_password))
        .route("/api/v1/sign-out", post(sign_out))
        .route("/api/v1/users", get(users).post(add_user))
        .route("/api/v1/users/{id}", patch(change_user))
        .route("/api/v1/api-keys", get(api_keys).post(add_key))
        .route("/api/v1/api-keys/{id}/revoke", post(revoke_key))
        .route("/api/v1/audit", get(audit_lines))
        .route("/api/v1/audit.csv", get(audit_csv))
}

impl From<PeopleError> for Problem {
    fn from(e: PeopleError) -> Self {
        let text = e.to_string();
        match e {
            PeopleError::Invalid(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text),
            PeopleError::Taken(_) => Self::new(StatusCode::CONFLICT, "taken", text),
            PeopleError::LastAdmin => Self::new(StatusCode::CONFLICT, "last_admin", text),
            PeopleError::Nobody => Self::new(StatusCode::NOT_FOUND, "not_found", text),
            PeopleError::Store(e) => e.into(),
        }
    }
}

/// What stands at the door, for the page that has no session yet.
async fn at_the_door(State(hq): State<Hq>) -> Result<Json<Value>, Problem> {
    let people = &hq.0.config.people;
    let anybody = hq.0.db.read(rows::anybody).await?;
    Ok(Json(json!({
        "open": people.open_as.is_some(),
        "passwords": anybody,
        "provider": people.oidc.as_ref().map(|o| o.label.clone()),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    name: String,
    password: String,
}

async fn sign_in(State(hq): State<Hq>, request: Request) -> Result<Response, Problem> {
    let address = door::address(&hq, &request);
    if !door::own_page(request.headers()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Another site may not ask for this",
        ));
    }
    let Said(given) = Said::<SignIn>::from_request(request, &hq).await?;
    let too_many = |wait: u32| Problem {
        retry_after_s: Some(wait),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "Too many tries; wait a while",
        )
    };
    hq.0.guards.sign_in(&address).map_err(too_many)?;
    let wrong = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "wrong",
            "The name or the password is wrong",
        )
    };
    let name = rows::name(&given.name).map_err(|_| wrong())?;
    let now = hq.0.clock.now();
    let user =
        hq.0.db
            .write(move |sql| rows::attempt(sql, &name, now))
            .await?
            .map_err(|until| {
                too_many(u32::try_from(until.since(now).as_secs() + 1).unwrap_or(u32::MAX))
            })?
            .filter(|u| u.disabled_at.is_none());
    let kept = user.as_ref().and_then(|u| u.password.clone());
    let secret = Secret::new(given.password);
    let right = tokio::task::spawn_blocking(move || password::verify(&secret, kept.as_deref()))
        .await
        .unwrap_or(false);
    let Some(user) = user.filter(|_| right) else {
        tracing::warn!(client.address = %address, "a wrong name or password");
        return Err(wrong());
    };
    let cookie = open_session(&hq, &user, &address).await?;
    let answer = json!({ "name": user.name, "full_name": user.full_name, "role": user.role });
    Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}

/// A new session; the cookie for it.
pub(super) async fn open_session(
    hq: &Hq,
    user: &rows::User,
    address: &str,
) -> Result<HeaderValue, Problem> {
    let token = random(hq.0.entropy.as_ref());
    let (kept, user, address, now) = (
        token.clone(),
        user.clone(),
        address.to_owned(),
        hq.0.clock.now(),
    );
    hq.0.db
        .write(move |sql| rows::open_session(sql, &user, &kept, &address, now))
        .await?;
    cookie(hq, Some(token.reveal()))
}

fn cookie(hq: &Hq, token: Option<&str>) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(&door::set_cookie(token, hq.0.config.people.behind_tls)).map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The cookie can't be made",
        )
    })
}

async fn sign_out(State(hq): State<Hq>, who: Who) -> Result<Response, Problem> {
    if let Some(session) = who.session {
        let now = hq.0.clock.now();
        hq.0.db
            .write(move |sql| {
                rows::close_session(sql, session)?;
                audit::note(sql, &who, now, "session.closed", &who.name, "")
            })
            .await?;
    }
    Ok(([(header::SET_COOKIE, cookie(&hq, None)?)], Json(json!({}))).into_response())
}

async fn me(State(hq): State<Hq>, who: Who) -> Result<Json<Value>, Problem> {
    let user = match who.user_id {
        Some(id) => hq.0.db.read(move |sql| rows::by_id(sql, id)).await?,
        None => None,
    };
    Ok(Json(json!({
        "name": who.name,
        "full_name": user.as_ref().map(|u| u.full_name.clone()),
        "role": who.role,
        "way": who.way,
        "own_password": user.is_some_and(|u| u.password.is_some()),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnPassword {
    old: String,
    new: String,
}

async fn own_password(
    State(hq): State<Hq>,
    who: Who,
    Said(given): Said<OwnPassword>,
) -> Result<Json<Value>, Problem> {
    let id = who.user_id.ok_or(PeopleError::Nobody)?;
    hq.0.guards.sign_in(&who.address).map_err(|wait| Problem {
        retry_after_s: Some(wait),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "Too many tries; wait a while",
        )
    })?;
    let user =
        hq.0.db
            .read(move |sql| rows::by_id(sql, id))
            .await?
            .ok_or(PeopleError::Nobody)?;
    let old = Secret::new(given.old);
    let kept = user.password.clone();
    let right = tokio::task::spawn_blocking(move || password::verify(&old, kept.as_deref()))
        .await
        .unwrap_or(false);
    if !right {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong",
            "The old password is wrong",
        ));
    }
    set_password(&hq, &who, &user, given.new).await?;
    Ok(Json(json!({})))
}

async fn set_password(
    hq: &Hq,
    who: &Who,
    user: &rows::User,
    new: String,
) -> Result<(), PeopleError> {
    password::check(&new, &user.name).map_err(PeopleError::Invalid)?;
    let hash = rows::hashed(Secret::new(new), hq.0.entropy.clone()).await?;
    let (who, now, id, name) = (who.clone(), hq.0.clock.now(), user.id, user.name.clone());
    hq.0.db
        .write(move |sql| {
            sql.execute(
                "UPDATE users SET password = ?2, wrong = 0, shut_until = NULL WHERE id = ?1",
                &crate::hq::db::cells![id, hash.as_str()],
            )?;
            // Whoever knew the old one is out; who changed it stays.
            rows::end_sessions(sql, id, who.session.filter(|_| who.user_id == Some(id)))?;
            audit::note(sql, &who, now, "user.password_set", &name, "")
        })
        .await?;
    Ok(())
}

async fn users(State(hq): State<Hq>, who: Who) -> Result<Json<Value>, Problem> {
    who.need(Role::Admin)?;
    let users = hq.0.db.read(rows::users).await?;
    Ok(Json(json!({ "users": users })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddUser {
    name: String,
    #[serde(default)]
    full_name: String,
    role: Role,
    password: Option<String>,
}

async fn add_user(
    State(hq): State<Hq>,
    who: Who,
    Said(given): Said<AddUser>,
) -> Result<Response, Problem> {
    who.need(Role::Admin)?;
    if who.way == Way::Open {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "open",
            "This headquarters is open: people are of use only where one signs in",
        ));
    }
    let new = NewUser {
        name: rows::name(&given.name).map_err(PeopleError::Invalid)?,
        full_name: given.full_name.trim().to_owned(),
        role: given.role,
        password: given.password.map(Secret::new),
    };
    let user = hq.add_user_as(&who, new).await?;
    Ok((StatusCode::CREATED, Json(user)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeUser {
    full_name: Option<String>,
    role: Option<Role>,
    disabled: Option<bool>,
    password: Option<String>,
}

async fn change_user(
    State(hq): State<Hq>,
    who: Who,
    Path(id): Path<Uuid>,
    Said(given): Said<ChangeUser>,
) -> Result<Json<rows::User>, Problem> {
    who.need(Role::Admin)?;
    let user =
        hq.0.db
            .read(move |sql| rows::by_id(sql, id))
            .await?
            .ok_or(PeopleError::Nobody)?;
    if let Some(new) = given.password {
        set_password(&hq, &who, &user, new).await?;
    }
    let now = hq.0.clock.now();
    let changed =
        hq.0.db
            .write(move |sql| {
                let Some(before) = rows::by_id(sql, id)? else {
                    return Ok(Err(PeopleError::Nobody));
                };
                let role = given.role.unwrap_or(before.role);
                let disabled_at = match given.disabled {
                    Some(true) => before.disabled_at.or(Some(now)),
                    Some(false) => None,
                    None => before.disabled_at,
                };
                let full_name = given.full_name.unwrap_or_else(|| before.full_name.clone());
                let admin = before.role == Role::Admin && before.disabled_at.is_none();
                let stays = role == Role::Admin && disabled_at.is_none();
                if admin && !stays && !rows::another_admin(sql, id)? {
                    return Ok(Err(PeopleError::LastAdmin));
                }
                sql.execute(
                    "UPDATE users SET full_name = ?2, role = ?3, disabled_at = ?4 WHERE id = ?1",
                    &crate::hq::db::cells![id, full_name.as_str(), role.word(), disabled_at],
                )?;
                if role != before.role {
                    let detail = format!("{} -> {}", before.role.word(), role.word());
                    audit::note(sql, &who, now, "user.role", &before.name, &detail)?;
                }
                if disabled_at.is_some() != before.disabled_at.is_some() {
                    let act = if disabled_at.is_some() {
                        rows::end_sessions(sql, id, None)?;
                        "user.disabled"
                    } else {
                        "user.enabled"
                    };
                    audit::note(sql, &who, now, act, &before.name, "")?;
                }
                if full_name != before.full_name {
                    audit::note(sql, &who, now, "user.renamed", &before.name, &full_name)?;
                }
                Ok(rows::by_id(sql, id)?.ok_or(PeopleError::Nobody))
            })
            .await??;
    Ok(Json(changed))
}

async fn api_keys(State(hq): State<Hq>, who: Who) -> Result<Json<Value>, Problem> {
    who.need(Role::Admin)?;
    let keys = hq.0.db.read(keys::all).await?;
    Ok(Json(json!({ "keys": keys })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddKey {
    name: String,
    role: Role,
}

async fn add_key(
    State(hq): State<Hq>,
    who: Who,
    Said(given): Said<AddKey>,
) -> Result<Response, Problem> {
    who.need(Role::Admin)?;
    let name = given.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 64 {
        return Err(PeopleError::Invalid("a key's name has 1 to 64 characters".to_owned()).into());
    }
    let text = keys::make(hq.0.entropy.as_ref());
    let (id, now, kept) = (hq.new_id(), hq.0.clock.now(), text.clone());
    let key =
        hq.0.db
            .write(move |sql| {
                keys::add(sql, id, &kept, &name, given.role, &who.name, now)?;
                audit::note(sql, &who, now, "key.added", &name, given.role.word())?;
                keys::by_id(sql, id)
            })
            .await?;
    // The only time that the key itself is shown.
    let answer = json!({ "key": key, "token": text.reveal() });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn revoke_key(
    State(hq): State<Hq>,
    who: Who,
    Path(id): Path<Uuid>,
) -> Result<Json<Value>, Problem> {
    who.need(Role::Admin)?;
    let now = hq.0.clock.now();
    let key =
        hq.0.db
            .write(move |sql| {
                let Some(key) = keys::by_id(sql, id)? else {
                    return Ok(None);
                };
                if keys::revoke(sql, id, now)? {
                    audit::note(sql, &who, now, "key.revoked", &key.name, "")?;
                }
                keys::by_id(sql, id)
            })
            .await?
            .ok_or(PeopleError::Nobody)?;
    Ok(Json(json!({ "key": key })))
}

async fn audit_lines(
    State(hq): State<Hq>,
    who: Who,
    Query(wanted): Query<audit::Wanted>,
) -> Result<Json<Value>, Problem> {
    who.need(Role::Manager)?;
    let lines = audit::lines(&hq, wanted, None).await?;
    Ok(Json(json!({ "at": hq.0.clock.now(), "lines": lines })))
}

async fn audit_csv(
    State(hq): State<Hq>,
    who: Who,
    Query(wanted): Query<audit::Wanted>,
) -> Result<Response, Problem> {
    who.need(Role::Manager)?;
    let mut table = csv::Csv::new(&["at", "who", "address", "act", "subject", "detail"]);
    for l in audit::lines(&hq, wanted, Some(100_000)).await? {
        table.row([
            csv::time(l.at),
            l.who,
            l.address,
            l.act,
            l.subject,
            l.detail,
        ]);
    }
    Ok(table.answer("audit"))
}
