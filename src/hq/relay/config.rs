//! Who calls from outside: the file of `galley hq --relay FILE`.
//!
//! ```toml
//! [[alfa_bank]]
//! shop = "moscow"
//! check = "hmac"
//! secret_credential = "alfa-callback"
//! ```

use serde::Deserialize;
use std::path::PathBuf;

/// The file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Shops at Alfa-Bank's gateway.
    #[serde(default)]
    pub alfa_bank: Vec<AlfaBankShop>,
}

/// One shop: its calls come to `/relay/alfa-bank/{shop}`.
#[derive(Clone, Debug, Deserialize)]
pub struct AlfaBankShop {
    /// Its name in the address.
    pub shop: String,
    /// How the bank's calls are proven.
    #[serde(flatten)]
    pub check: Check,
}

/// How calls are proven. [source: alfa-bank.md 9.1]
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// By a shared key.
    Hmac {
        /// Credential that holds it.
        secret_credential: String,
    },
    /// By the bank's public key.
    Rsa {
        /// The key, SPKI or PKCS #1, in PEM or DER.
        public_key: PathBuf,
        /// The hash; the bank's published samples have `sha512` whatever they say.
        #[serde(default)]
        hash: RsaHash,
    },
    /// Not at all: a call is only a hint to ask the bank, so a false one does no more than that.
    None {},
}

/// The hash under an RSA signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RsaHash {
    /// SHA-512.
    #[default]
    Sha512,
    /// SHA-256.
    Sha256,
}

impl RelayConfig {
    /// Reads the file's text.
    ///
    /// # Errors
    /// A sentence that says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }
}
