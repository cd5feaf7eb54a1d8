//! People, sessions and keys in the database.

use super::{Role, Way, Who, audit, password};
use crate::{
    domain::{staff::Guard, time::Timestamp},
    hq::{
        Hq,
        db::{Row, Sql, cells},
        hash,
    },
    store::StoreError,
    world::{Entropy, Secret},
};
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// A session ends when nothing is done for so long …
const IDLE: Duration = Duration::from_hours(12);
/// … and after this in any case.
const LONGEST: Duration = Duration::from_hours(7 * 24);
/// That somebody is there is noted so often.
const SEEN: Duration = Duration::from_mins(1);

/// Somebody who may come in.
#[derive(Clone, Debug, Serialize)]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) role: Role,
    /// They come by the identity provider.
    pub(super) by_provider: bool,
    pub(super) created_at: Timestamp,
    pub(super) disabled_at: Option<Timestamp>,
    /// No password is looked at before this, after too many wrong ones.
    pub(super) shut_until: Option<Timestamp>,
    #[serde(skip)]
    pub(super) password: Option<String>,
    #[serde(skip)]
    pub(super) wrong: u32,
}

const USER: &str = "SELECT id, name, full_name, role, password, subject, created_at, disabled_at, wrong, shut_until FROM users";

fn role(word: &str) -> Result<Role, StoreError> {
    word.parse().map_err(StoreError::Damaged)
}

fn user(r: &Row) -> Result<User, StoreError> {
    let word: String = r.get(3)?;
    let subject: Option<String> = r.get(5)?;
    Ok(User {
        id: r.get(0)?,
        name: r.get(1)?,
        full_name: r.get(2)?,
        role: role(&word)?,
        password: r.get(4)?,
        by_provider: subject.is_some(),
        created_at: r.get(6)?,
        disabled_at: r.get(7)?,
        wrong: r.get(8)?,
        shut_until: r.get(9)?,
    })
}

/// Somebody to be let in.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name they sign in with.
    pub name: String,
    /// Their name for others.
    pub full_name: String,
    /// What they may do.
    pub role: Role,
    /// Their password; none when they come by the provider.
    pub password: Option<Secret>,
}

/// Why somebody can't be added or changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PeopleError {
    /// What is said can't be.
    #[error("{0}")]
    Invalid(String),
    /// Somebody has this name.
    #[error("there is a {0} already")]
    Taken(String),
    /// Nobody would be left who may let people in.
    #[error("this is the last admin")]
    LastAdmin,
    /// There is nobody of that id.
    #[error("there is nobody of that id")]
    Nobody,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn users(sql: &Sql<'_>) -> Result<Vec<User>, StoreError> {
    sql.rows(&format!("{USER} ORDER BY name"), &[], user)
}

pub(super) fn by_id(sql: &Sql<'_>, id: Uuid) -> Result<Option<User>, StoreError> {
    sql.row(&format!("{USER} WHERE id = ?1"), &cells![id], user)
}

pub(super) fn by_subject(sql: &Sql<'_>, subject: &str) -> Result<Option<User>, StoreError> {
    sql.row(
        &format!("{USER} WHERE subject = ?1"),
        &cells![subject],
        user,
    )
}

/// Whether there is anybody.
pub(super) fn anybody(sql: &Sql<'_>) -> Result<bool, StoreError> {
    Ok(sql
        .row("SELECT 1 FROM users LIMIT 1", &[], |_| Ok(()))?
        .is_some())
}

/// The name as it is kept: small, without spaces around it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.trim().to_lowercase();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        return Err("a name has 1 to 64 letters, digits or . - _ @ +".to_owned());
    }
    Ok(name)
}

/// Writes a new person, as `hash` has their password.
pub(super) fn add(
    sql: &Sql<'_>,
    id: Uuid,
    new: &NewUser,
    hash: Option<&str>,
    subject: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO users (id, name, full_name, role, password, subject, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (name) DO NOTHING",
        &cells![
            id,
            new.name.as_str(),
            new.full_name.as_str(),
            new.role.word(),
            hash,
            subject,
            now
        ],
    )?;
    Ok(added == 1)
}

/// Whether somebody else is an admin.
pub(super) fn another_admin(sql: &Sql<'_>, but: Uuid) -> Result<bool, StoreError> {
    Ok(sql
        .row(
            "SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL AND id <> ?1 LIMIT 1",
            &cells![but],
            |_| Ok(()),
        )?
        .is_some())
}

pub(super) fn end_sessions(
    sql: &Sql<'_>,
    user: Uuid,
    but: Option<[u8; 32]>,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM sessions WHERE user_id = ?1 AND hash <> ?2",
        &cells![user, but.unwrap_or([0; 32])],
    )?;
    Ok(())
}

/// Counts a try as wrong before it is looked at.
///
/// # Errors
/// Until when no password is looked at.
pub(super) fn attempt(
    sql: &Sql<'_>,
    name: &str,
    now: Timestamp,
) -> Result<Result<Option<User>, Timestamp>, StoreError> {
    let select = format!("{USER} WHERE name = ?1{}", sql.lock());
    let Some(user) = sql.row(&select, &cells![name], user)? else {
        return Ok(Ok(None));
    };
    let guard = Guard {
        wrong: user.wrong,
        until: user.shut_until,
    };
    match guard.attempt(now) {
        Err(until) => Ok(Err(until)),
        Ok(guard) => {
            sql.execute(
                "UPDATE users SET wrong = ?2, shut_until = ?3 WHERE id = ?1",
                &cells![user.id, guard.wrong, guard.until],
            )?;
            Ok(Ok(Some(user)))
        }
    }
}

/// Lets somebody in.
pub(super) fn open_session(
    sql: &Sql<'_>,
    user: &User,
    token: &Secret,
    address: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE users SET wrong = 0, shut_until = NULL WHERE id = ?1",
        &cells![user.id],
    )?;
    sql.execute("DELETE FROM sessions WHERE expires_at < ?1", &cells![now])?;
    sql.execute(
        "INSERT INTO sessions (hash, user_id, opened_at, seen_at, expires_at, address) VALUES (?1, ?2, ?3, ?3, ?4, ?5)",
        &cells![
            hash(token.reveal()),
            user.id,
            now,
            now.saturating_add(LONGEST),
            address
        ],
    )?;
    let who = who_of(user, address, None);
    audit::note(sql, &who, now, "session.opened", &user.name, "")
}

fn who_of(user: &User, address: &str, session: Option<[u8; 32]>) -> Who {
    Who {
        name: user.name.clone(),
        role: user.role,
        way: Way::Session,
        address: address.to_owned(),
        user_id: Some(user.id),
        session,
    }
}

/// Who has this session; and whether it should be noted that they are there.
pub(super) fn session(
    sql: &Sql<'_>,
    token: &str,
    address: &str,
    now: Timestamp,
) -> Result<Option<(Who, bool)>, StoreError> {
    let hash = hash(token);
    let found = sql.row(
        "SELECT user_id, seen_at, expires_at FROM sessions WHERE hash = ?1",
        &cells![hash],
        |r| {
            Ok((
                r.get::<Uuid>(0)?,
                r.get::<Timestamp>(1)?,
                r.get::<Timestamp>(2)?,
            ))
        },
    )?;
    let Some((id, seen, expires)) = found else {
        return Ok(None);
    };
    if expires <= now || now.since(seen) > IDLE {
        return Ok(None);
    }
    let user = by_id(sql, id)?.filter(|u| u.disabled_at.is_none());
    Ok(user.map(|u| (who_of(&u, address, Some(hash)), now.since(seen) > SEEN)))
}

pub(super) fn see(sql: &Sql<'_>, session: [u8; 32], now: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE sessions SET seen_at = ?2 WHERE hash = ?1",
        &cells![session, now],
    )?;
    Ok(())
}

pub(super) fn close_session(sql: &Sql<'_>, session: [u8; 32]) -> Result<(), StoreError> {
    sql.execute("DELETE FROM sessions WHERE hash = ?1", &cells![session])?;
    Ok(())
}

/// Makes what is kept of a password, away from the threads that serve.
pub(super) async fn hashed(
    password: Secret,
    entropy: std::sync::Arc<dyn Entropy>,
) -> Result<String, StoreError> {
    tokio::task::spawn_blocking(move || password::make(&password, entropy.as_ref()))
        .await
        .map_err(|_| StoreError::Closed)
}

impl Hq {
    /// Lets somebody new in. For the command line, where the first admin comes from.
    ///
    /// # Errors
    /// When the name or the password can't be taken, or the database fails.
    pub async fn add_user(&self, mut new: NewUser) -> Result<(), PeopleError> {
        let who = Who {
            name: "command line".to_owned(),
            role: Role::Admin,
            way: Way::Open,
            address: String::new(),
            user_id: None,
            session: None,
        };
        new.name = name(&new.name).map_err(PeopleError::Invalid)?;
        self.add_user_as(&who, new).await.map(|_| ())
    }

    pub(super) async fn add_user_as(&self, who: &Who, new: NewUser) -> Result<User, PeopleError> {
        let kept = match &new.password {
            Some(secret) => {
                password::check(secret.reveal(), &new.name).map_err(PeopleError::Invalid)?;
                Some(hashed(secret.clone(), self.0.entropy.clone()).await?)
            }
            None => None,
        };
        let (who, now, id) = (who.clone(), self.0.clock.now(), self.new_id());
        let wanted = new.name.clone();
        self.0
            .db
            .write(move |sql| {
                if !add(sql, id, &new, kept.as_deref(), None, now)? {
                    return Ok(None);
                }
                audit::note(sql, &who, now, "user.added", &new.name, new.role.word())?;
                by_id(sql, id)
            })
            .await?
            .ok_or(PeopleError::Taken(wanted))
    }
}
