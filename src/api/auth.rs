//! Who calls, and what they may do.

use super::{Api, Problem};
use crate::domain::{chain::Hash, event::Actor};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A kiosk: orders, and nothing else.
    Kiosk,
    /// The board with the numbers.
    Board,
    /// Takes money, hands dishes over.
    Cashier,
    /// Looks after the devices.
    Technician,
    /// All of it.
    Manager,
    /// Another system, by API key.
    Service,
    /// Headquarters.
    Hq,
}

impl Role {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Board => "board",
            Self::Cashier => "cashier",
            Self::Technician => "technician",
            Self::Manager => "manager",
            Self::Service => "service",
            Self::Hq => "hq",
        }
    }

    /// The role with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Kiosk,
            Self::Board,
            Self::Cashier,
            Self::Technician,
            Self::Manager,
            Self::Service,
            Self::Hq,
        ]
        .into_iter()
        .find(|r| r.word() == word)
    }
}

/// Staff who deal with orders and money.
pub const STAFF: &[Role] = &[Role::Cashier, Role::Technician, Role::Manager];
/// Those who take what a kiosk may not: a card of the store's own people.
pub const CASHIERS: &[Role] = &[Role::Cashier, Role::Manager];
/// Those who deal with devices.
pub const TECHNICIANS: &[Role] = &[Role::Technician, Role::Manager];
/// Those who report money that was taken.
pub const TILLS: &[Role] = &[
    Role::Service,
    Role::Cashier,
    Role::Technician,
    Role::Manager,
];
/// Those who order.
pub const ORDERING: &[Role] = &[
    Role::Kiosk,
    Role::Service,
    Role::Cashier,
    Role::Technician,
    Role::Manager,
];
/// Everyone with a token.
pub const ANYONE: &[Role] = &[
    Role::Kiosk,
    Role::Board,
    Role::Cashier,
    Role::Technician,
    Role::Manager,
    Role::Service,
    Role::Hq,
];

/// SHA-256 of a token: what is kept of it.
#[must_use]
pub fn hash_token(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// All tokens by hash, in memory. Clones share them.
#[derive(Clone, Default)]
pub struct Tokens(Arc<RwLock<BTreeMap<Hash, (Role, String)>>>);

impl Tokens {
    /// Lets a token in.
    pub fn insert(&self, hash: Hash, role: Role, name: String) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(hash, (role, name));
    }

    fn find(&self, token: &str) -> Option<(Role, String)> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash_token(token))
            .cloned()
    }
}

/// The request came through the Unix socket.
#[derive(Clone, Copy)]
pub(super) struct Local;

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// In which role.
    pub role: Role,
    /// Which one.
    pub name: String,
}

impl Caller {
    /// Lets only these roles go on.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn need(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.contains(&self.role) {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "a {} token may not do this",
            self.role.word()
        )))
    }

    /// As the log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor(format!("{}:{}", self.role.word(), self.name))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        if parts.extensions.get::<Local>().is_some() {
            return Ok(Self {
                role: Role::Manager,
                name: "socket".to_owned(),
            });
        }
        let header = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.strip_prefix("Bearer "));
        // Browsers can't set headers on an event stream or an image.
        let query = || {
            let path = parts.uri.path();
            let allowed = path.ends_with("/live") || path.ends_with("/qr.svg");
            parts
                .uri
                .query()
                .filter(|_| allowed)
                .and_then(|q| q.split('&').find_map(|p| p.strip_prefix("token=")))
        };
        let token = header
            .or_else(query)
            .ok_or_else(|| Problem::unauthorised("send a token: Authorization: Bearer …"))?;
        let (role, name) = api
            .tokens
            .find(token)
            .ok_or_else(|| Problem::unauthorised("this token is not known, or was revoked"))?;
        Ok(Self { role, name })
    }
}
