//! People at headquarters: who comes in, what they may do, and what they did.
//!
//! A person signs in with a password ([`password`]) or at an identity provider ([`oidc`]) and has a session, a cookie
//! that no script can read; a program shows an API key. Secrets are kept as hashes only. Every change is in the
//! [`audit`].

pub(super) mod audit;
mod door;
mod guard;
mod keys;
pub mod oidc;
mod password;
mod routes;
mod rows;

#[cfg(test)]
mod tests;

pub(super) use door::admit;
pub(super) use guard::Guards;
pub(super) use routes::{open, router};
pub use rows::{NewUser, PeopleError};

use super::problem::Problem;
use crate::world::Secret;
use axum::{extract::FromRequestParts, http::StatusCode, http::request::Parts};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What somebody may do at headquarters; each may do all that those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look after alerts, send commands to a store.
    Operator,
    /// Documents, roll-outs, refunds, stores.
    Manager,
    /// People, keys.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Manager, Self::Admin];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|r| r.word() == word)
            .ok_or_else(|| {
                format!("{word:?} is no role; there are viewer, operator, manager, admin")
            })
    }
}

/// How people come in.
#[derive(Clone, Debug, Default)]
pub struct PeopleConfig {
    /// Whoever reaches headquarters has this role: for the demo. Without it, and without people, a viewer's token and
    /// a provider, whoever reaches it may look and nothing else.
    pub open_as: Option<Role>,
    /// Browsers come by https, so the cookie is for https only.
    pub behind_tls: bool,
    /// A proxy stands before headquarters and says in `X-Forwarded-For` where a request came from.
    pub behind_proxy: bool,
    /// People may come by this identity provider.
    pub oidc: Option<oidc::OidcConfig>,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// Headquarters is open.
    Open,
    /// With the viewer's token.
    Token,
    /// With an API key.
    Key,
    /// Signed in.
    Session,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Who {
    /// Their name; it goes into the audit, and into messages to stores.
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) way: Way,
    /// Where from.
    pub(super) address: String,
    pub(super) user_id: Option<uuid::Uuid>,
    /// Hash of the session, where there is one.
    pub(super) session: Option<[u8; 32]>,
}

impl Who {
    /// Refuses who may not.
    pub(super) fn need(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("This needs the role {}", role.word()),
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Every address that asks for it stands behind the door.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "sign_in", "Sign in first"))
    }
}

/// 128 random bits twice, as text: for sessions and keys.
fn random(entropy: &dyn crate::world::Entropy) -> Secret {
    Secret::new(format!(
        "{:032x}{:032x}",
        entropy.next_u128(),
        entropy.next_u128()
    ))
}
