//! Who calls, and what they may do.

use super::{Gateway, Problem};
use crate::world::Secret;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Another till: asks for documents and reads.
    Till,
    /// Looks after the printers: decides what is in doubt, too.
    Technician,
}

impl Role {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Till => "till",
            Self::Technician => "technician",
        }
    }

    /// The role with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Till, Self::Technician]
            .into_iter()
            .find(|r| r.word() == word)
    }
}

/// Who may come in: hashes of tokens, never the tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(BTreeMap<[u8; 32], (Role, String)>);

impl Tokens {
    pub(super) fn new(tokens: Vec<(Secret, Role, String)>) -> Self {
        Self(
            tokens
                .into_iter()
                .map(|(token, role, name)| (hash(token.reveal()), (role, name)))
                .collect(),
        )
    }

    fn find(&self, token: &str) -> Option<Caller> {
        self.0.get(&hash(token)).map(|(role, name)| Caller {
            role: *role,
            name: name.clone(),
        })
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The request came through the Unix socket.
#[derive(Clone, Copy)]
pub(super) struct Local;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) role: Role,
    pub(super) name: String,
}

impl Caller {
    /// Lets only technicians go on.
    pub(super) fn technician(&self) -> Result<(), Problem> {
        if self.role == Role::Technician {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this needs a technician's token",
        ))
    }

    /// As the journal names them.
    pub(super) fn actor(&self) -> String {
        format!("{}:{}", self.role.word(), self.name)
    }

    /// Who calls: by a bearer token, by a password that is one (the vendor's clients know nothing else), or by the
    /// socket.
    pub(super) fn of(parts: &Parts, gateway: &Gateway) -> Option<Self> {
        if parts.extensions.get::<Local>().is_some() {
            return Some(Self {
                role: Role::Technician,
                name: "socket".to_owned(),
            });
        }
        let header = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let token = match header.split_once(' ')? {
            ("Bearer", token) => token.to_owned(),
            ("Basic", pair) => {
                let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
                pair.split_once(':')?.1.to_owned()
            }
            _ => return None,
        };
        gateway.tokens().find(&token)
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        Self::of(parts, gateway).ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorised",
                "send a token that is known: Authorization: Bearer …",
            )
        })
    }
}
