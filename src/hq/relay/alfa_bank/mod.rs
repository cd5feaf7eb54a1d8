//! Callbacks of Alfa-Bank's gateway. [source: alfa-bank.md 9]
//!
//! A callback is a hint to read the status, never the proof itself: the store is asked to look now, and asks the bank.

mod sign;

use super::{
    Answering, Call, Provider, Wanted,
    config::{AlfaBankShop, Check},
    plain,
};
use crate::{
    domain::{ids::OrderId, remote::Command},
    world::Secret,
};
use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use sign::Checker;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Its name in addresses.
pub(super) const NAME: &str = "alfa-bank";

pub(super) struct AlfaBank {
    checker: Checker,
}

impl AlfaBank {
    pub(super) fn new(
        shop: &AlfaBankShop,
        credential: &dyn Fn(&str) -> Result<Secret, String>,
    ) -> Result<Self, String> {
        let checker = match &shop.check {
            Check::Hmac { secret_credential } => Checker::Hmac(credential(secret_credential)?),
            Check::Rsa { public_key, hash } => {
                let key = std::fs::read(public_key)
                    .map_err(|e| format!("{} can't be read: {e}", public_key.display()))?;
                Checker::rsa(&key, *hash)?
            }
            Check::None {} => Checker::None,
        };
        Ok(Self { checker })
    }
}

impl Provider for AlfaBank {
    fn read(&self, call: &Call<'_>) -> Result<Wanted, Response> {
        if call.method != Method::GET {
            return Err(plain(StatusCode::METHOD_NOT_ALLOWED));
        }
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
            // A field that is there twice could be checked as one and read as the other.
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(plain(StatusCode::BAD_REQUEST));
            }
        }
        if !self.checker.holds(&fields) {
            return Err(plain(StatusCode::BAD_REQUEST));
        }
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        // Ours are the order's id and the attempt's number; what else the shop sells is not ours, and the bank need
        // not repeat it.
        let number = field("orderNumber");
        let order = number
            .split_once('-')
            .and_then(|(id, _)| Uuid::try_parse(id).ok())
            .map(OrderId)
            .ok_or_else(|| plain(StatusCode::OK))?;
        let key = [
            field("mdOrder"),
            number,
            field("operation"),
            field("status"),
            field("callbackCreationDate"),
            field("operationRefundedAmount"),
        ]
        .join("|");
        Ok(Wanted {
            key,
            order,
            ask: Command::LookAtPayment { order_id: order },
            answering: Answering::Kept {
                with: || plain(StatusCode::OK),
            },
        })
    }
}
