//! The store's token at headquarters.

use crate::world::{Entropy, Secret};
use sha2::{Digest as _, Sha256};

/// A new token: 256 random bits.
#[must_use]
pub fn new_token(entropy: &dyn Entropy) -> Secret {
    Secret::new(format!(
        "{:032x}{:032x}",
        entropy.next_u128(),
        entropy.next_u128()
    ))
}

/// What headquarters keeps of a token.
#[must_use]
pub fn token_hash(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.reveal().as_bytes()).into()
}
