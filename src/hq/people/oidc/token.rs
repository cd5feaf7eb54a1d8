//! Id tokens: what a provider says of somebody, and whether it was the provider who said it.

use crate::domain::time::Timestamp;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL};
use serde::Deserialize;
use serde_json::{Map, Value};

/// By how much clocks may differ, seconds.
const SKEW_S: i64 = 60;

/// A provider's public keys.
#[derive(Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// What an id token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: String,
    pub(super) sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
    /// Groups stand in one of these.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// A name that can stand in our list.
    pub(super) fn name_to_sign_in(&self) -> String {
        [&self.preferred_username, &self.email]
            .into_iter()
            .flatten()
            .find_map(|text| super::rows::name(text).ok())
            .unwrap_or_else(|| {
                let plain: String = self
                    .sub
                    .chars()
                    .filter(|c| c.is_ascii_alphanumeric())
                    .take(32)
                    .collect();
                format!("sub-{}", plain.to_lowercase())
            })
    }

    pub(super) fn full_name(&self) -> String {
        self.name.clone().unwrap_or_default()
    }
}

/// The claims of an id token that this provider made for us, for this sign-in, not long ago.
pub(super) fn verify(
    token: &str,
    keys: &Keys,
    issuer: &str,
    client_id: &str,
    nonce: &str,
    now: Timestamp,
) -> Result<Claims, &'static str> {
    let (signed, signature) = token.rsplit_once('.').ok_or("the id token is cut")?;
    let (head, body) = signed.split_once('.').ok_or("the id token is cut")?;
    let decode = |part: &str| {
        BASE64_URL
            .decode(part)
            .map_err(|_| "the id token is garbled")
    };
    let header: Header =
        serde_json::from_slice(&decode(head)?).map_err(|_| "the id token's head is garbled")?;
    let signature = decode(signature)?;
    let right = keys
        .keys
        .iter()
        .filter(|k| header.kid.is_none() || k.kid == header.kid)
        .filter(|k| k.usage.as_deref().is_none_or(|u| u == "sig"))
        .any(|k| k.signed(&header.alg, signed.as_bytes(), &signature));
    if !right {
        return Err("the id token is not signed by one of the provider's keys");
    }
    let claims: Claims =
        serde_json::from_slice(&decode(body)?).map_err(|_| "the id token's claims are garbled")?;
    let now_s = now.as_millis() / 1000;
    let ours = match &claims.aud {
        Audience::One(one) => one == client_id,
        Audience::Many(many) => {
            many.iter().any(|a| a == client_id)
                && (many.len() == 1 || claims.azp.as_deref() == Some(client_id))
        }
    };
    match () {
        () if claims.iss.trim_end_matches('/') != issuer.trim_end_matches('/') => {
            Err("the id token is of another provider")
        }
        () if !ours => Err("the id token is for another program"),
        () if claims.exp + SKEW_S < now_s => Err("the id token is over"),
        () if claims.iat - SKEW_S > now_s => Err("the id token is of the future"),
        () if claims.nonce.as_deref() != Some(nonce) => Err("the id token is of another sign-in"),
        () if claims.sub.is_empty() || claims.sub.len() > 255 => Err("the id token names nobody"),
        () => Ok(claims),
    }
}

impl Key {
    /// Whether this key signed it. The algorithm is the key's own; a token can't choose a weaker one.
    fn signed(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        let part = |text: &Option<String>| {
            text.as_deref()
                .and_then(|t| BASE64_URL.decode(t).ok())
                .unwrap_or_default()
        };
        match (self.kty.as_str(), algorithm) {
            ("RSA", "RS256") => RsaPublicKeyComponents {
                n: part(&self.n),
                e: part(&self.e),
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            .is_ok(),
            ("EC", "ES256") if self.crv.as_deref() == Some("P-256") => {
                let mut point = vec![4];
                point.extend(part(&self.x));
                point.extend(part(&self.y));
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed, signature)
                    .is_ok()
            }
            _ => false,
        }
    }
}
