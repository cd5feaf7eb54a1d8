//! Who works here, who is at work now, and wrong PINs.

use super::{Snapshot, StoreError, Tx, uuid_from};
use crate::domain::{
    chain::Hash,
    staff::{Guard, Position, User},
    text::Language,
    time::Timestamp,
};
use rusqlite::{OptionalExtension as _, Row, params};
use uuid::Uuid;

/// A person at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Hash of its token.
    pub hash: Hash,
    /// Who.
    pub user_id: Uuid,
    /// Where they came in: a screen's name.
    pub door: String,
    /// When they came.
    pub opened_at: Timestamp,
    /// When they did something last; written at most once a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Tx<'_> {
    /// Writes a person, new or changed; the PIN stays as it is.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_user(&mut self, user: &User) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO users (id, name, role, language, created_at, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET name = ?2, role = ?3, language = ?4, disabled_at = ?6",
            params![
                user.id.into_bytes(),
                user.name,
                user.role.word(),
                language_word(user.language),
                user.created_at.as_millis(),
                user.disabled_at.map(Timestamp::as_millis)
            ],
        )?;
        Ok(())
    }

    /// Sets what is made of a person's PIN.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_pin(&mut self, user: Uuid, pin: &Hash) -> Result<(), StoreError> {
        self.execute(
            "UPDATE users SET pin = ?2 WHERE id = ?1",
            params![user.into_bytes(), pin],
        )?;
        Ok(())
    }

    /// Removes a person, and ends what they are at.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_user(&mut self, user: Uuid) -> Result<(), StoreError> {
        self.end_sessions_of(user)?;
        self.execute("DELETE FROM users WHERE id = ?1", [user.into_bytes()])?;
        Ok(())
    }

    /// Lets a person in.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_session(&mut self, s: &Session) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO sessions (hash, user_id, door, opened_at, seen_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (hash) DO UPDATE SET seen_at = ?5",
        )?
        .execute(params![
            s.hash,
            s.user_id.into_bytes(),
            s.door,
            s.opened_at.as_millis(),
            s.seen_at.as_millis(),
            s.expires_at.as_millis()
        ])?;
        Ok(())
    }

    /// Notes that a person did something.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn see_session(&mut self, hash: &Hash, now: Timestamp) -> Result<(), StoreError> {
        self.prepare_cached("UPDATE sessions SET seen_at = ?2 WHERE hash = ?1")?
            .execute(params![hash, now.as_millis()])?;
        Ok(())
    }

    /// Ends a session; whether there was one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn end_session(&mut self, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM sessions WHERE hash = ?1", [hash])? > 0)
    }

    /// Ends all that a person is at.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn end_sessions_of(&mut self, user: Uuid) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM sessions WHERE user_id = ?1",
            [user.into_bytes()],
        )?;
        Ok(())
    }

    /// Ends all that was begun at a door.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn end_sessions_at(&mut self, door: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM sessions WHERE door = ?1", [door])?;
        Ok(())
    }

    /// Forgets sessions that have ended by themselves.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn forget_sessions(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM sessions WHERE expires_at <= ?1",
            [now.as_millis()],
        )?;
        Ok(())
    }

    /// Keeps what is known of wrong PINs at a door.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_guard(&mut self, door: &str, guard: Guard) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO pin_guards (door, wrong, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (door) DO UPDATE SET wrong = ?2, until = ?3",
            params![door, guard.wrong, guard.until.map(Timestamp::as_millis)],
        )?;
        Ok(())
    }

    /// Forgets wrong PINs at a door; whether there were any.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_guard(&mut self, door: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM pin_guards WHERE door = ?1", [door])? > 0)
    }
}

impl Snapshot<'_> {
    /// All who work here, by name.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT id, name, role, language, created_at, disabled_at FROM users ORDER BY name",
            )?
            .query_map([], raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(user).collect()
    }

    /// The person of this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(self.users()?.into_iter().find(|u| u.name == name))
    }

    /// The person with this PIN.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn user_by_pin(&self, pin: &Hash) -> Result<Option<User>, StoreError> {
        self.prepare_cached(
            "SELECT id, name, role, language, created_at, disabled_at FROM users WHERE pin = ?1",
        )?
        .query_row([pin], raw)
        .optional()?
        .map(user)
        .transpose()
    }

    /// Whether a person has a PIN.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn has_pin(&self, user: Uuid) -> Result<bool, StoreError> {
        Ok(self
            .prepare_cached("SELECT pin IS NOT NULL FROM users WHERE id = ?1")?
            .query_row([user.into_bytes()], |r| r.get(0))
            .optional()?
            .unwrap_or(false))
    }

    /// All who are at work.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT hash, user_id, door, opened_at, seen_at, expires_at FROM sessions ORDER BY opened_at, hash",
            )?
            .query_map([], |r| {
                Ok((r.get::<_, Hash>(0)?, r.get::<_, Vec<u8>>(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter()
            .map(|(hash, user_id, door, opened, seen, expires)| {
                Ok(Session {
                    hash,
                    user_id: uuid_from(&user_id)?,
                    door,
                    opened_at: Timestamp::from_millis(opened),
                    seen_at: Timestamp::from_millis(seen),
                    expires_at: Timestamp::from_millis(expires),
                })
            })
            .collect()
    }

    /// What is known of wrong PINs at a door.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn guard(&self, door: &str) -> Result<Guard, StoreError> {
        Ok(self
            .prepare_cached("SELECT wrong, until FROM pin_guards WHERE door = ?1")?
            .query_row([door], |r| {
                Ok(Guard {
                    wrong: r.get(0)?,
                    until: r.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis),
                })
            })
            .optional()?
            .unwrap_or_default())
    }
}

type Raw = (Vec<u8>, String, String, String, i64, Option<i64>);

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((
        r.get(0)?,
        r.get(1)?,
        r.get(2)?,
        r.get(3)?,
        r.get(4)?,
        r.get(5)?,
    ))
}

fn user((id, name, role, language, created, disabled): Raw) -> Result<User, StoreError> {
    let damaged = || StoreError::Damaged(format!("the user {name}"));
    Ok(User {
        id: uuid_from(&id)?,
        role: Position::from_word(&role).ok_or_else(damaged)?,
        language: serde_json::from_value(language.into()).map_err(|_| damaged())?,
        created_at: Timestamp::from_millis(created),
        disabled_at: disabled.map(Timestamp::from_millis),
        name,
    })
}

fn language_word(language: Language) -> &'static str {
    match language {
        Language::Ru => "ru",
        Language::Uz => "uz",
        Language::En => "en",
    }
}
