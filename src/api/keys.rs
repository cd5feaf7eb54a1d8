//! What is made of the store's own secret: of PINs, of tokens, of the addresses of orders.
//!
//! The secret is a file beside the database, not in it: who has only the database (a backup, a disk from the bin) can
//! try no PINs and make no tokens.

use crate::{
    domain::{chain::Hash, ids::OrderId},
    world::{Entropy, Secret},
};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Memory for one PIN, KiB: the box has little, and one PIN at a time is looked at per door.
const MEMORY_KIB: u32 = 8 * 1024;
/// Rounds over that memory. A PIN has few digits whatever this is; the guard at the door is what protects it.
const ROUNDS: u32 = 2;
/// Digits of our base 32 (Crockford's, small): no letters that are taken for digits.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of an order's tag in its address: 80 bits.
const TAG: usize = 16;
/// Characters of an order's time in its address: the 48 bits that its id begins with.
const TIME: usize = 10;

/// The store's own secret.
#[derive(Clone)]
pub(super) struct Keys {
    secret: Secret,
    store_id: String,
}

impl Keys {
    pub(super) fn new(secret: Secret, store_id: String) -> Self {
        Self { secret, store_id }
    }

    /// What is kept of a PIN. The same PIN gives the same: a person is found by it, and no two may have it.
    pub(super) fn pin(&self, pin: &str) -> Hash {
        let params =
            Params::new(MEMORY_KIB, ROUNDS, 1, Some(32)).expect("these parameters are in bounds");
        let mut hash = [0; 32];
        Argon2::new_with_secret(
            self.secret.reveal().as_bytes(),
            Algorithm::Argon2id,
            Version::V0x13,
            params,
        )
        .and_then(|argon| {
            let salt = format!("galley pin of {}", self.store_id);
            argon.hash_password_into(pin.as_bytes(), salt.as_bytes(), &mut hash)
        })
        .expect("secret, salt and PIN are of lengths that argon2 takes");
        hash
    }

    /// The token of the screen that asks with what has this hash.
    pub(super) fn screen_token(&self, poll: &Hash) -> String {
        encode(&self.mac("screen", poll))
    }

    /// The code of an order's page for the guest's phone: its time, so that it is found, and a tag that nobody can
    /// guess.
    pub(super) fn follow_code(&self, order: OrderId) -> String {
        let mut code = time_of(order);
        code.push_str(&self.tag(order));
        code
    }

    /// The time in a code, as the first and the last order id it may be of; none when it is no code.
    pub(super) fn follow_range(code: &str) -> Option<(OrderId, OrderId)> {
        let plain = code.len() == TIME + TAG && code.bytes().all(|c| DIGITS.contains(&c));
        let digits = plain.then(|| &code[..TIME])?;
        let mut time = 0_u64;
        for c in digits.bytes() {
            let digit = DIGITS.iter().position(|d| *d == c)?;
            time = time << 5 | u64::try_from(digit).ok()?;
        }
        let time = u128::from(time)
            .checked_shl(80)
            .filter(|_| time >> 48 == 0)?;
        let id = |n| OrderId(uuid::Uuid::from_u128(n));
        Some((id(time), id(time | ((1 << 80) - 1))))
    }

    fn tag(&self, order: OrderId) -> String {
        let mut tag = encode(&self.mac("follow", order.0.as_bytes()));
        tag.truncate(TAG);
        tag
    }

    fn mac(&self, what: &str, of: &[u8]) -> Hash {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(of);
        mac.finalize().into_bytes().into()
    }
}

/// A new token: 128 bits of chance.
pub(super) fn token(entropy: &dyn Entropy) -> String {
    encode(&entropy.next_u128().to_be_bytes())
}

fn time_of(order: OrderId) -> String {
    let time = order.0.as_u128() >> 80;
    (0..TIME)
        .rev()
        .map(|i| {
            let digit = usize::try_from(time >> (5 * i) & 31).unwrap_or(0);
            char::from(DIGITS[digit])
        })
        .collect()
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(
                DIGITS[usize::try_from(held >> bits & 31).unwrap_or(0)],
            ));
        }
    }
    if bits > 0 {
        text.push(char::from(
            DIGITS[usize::try_from(held << (5 - bits) & 31).unwrap_or(0)],
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn keys(secret: &str) -> Keys {
        Keys::new(Secret::new(secret), "S001".to_owned())
    }

    fn order(n: u128) -> OrderId {
        OrderId(Uuid::from_u128(
            0x0193_5bd0_1234_7000_8000_0000_0000_0000 + n,
        ))
    }

    #[test]
    fn a_pin_gives_the_same_here_and_another_in_every_other_store() {
        let here = keys("pepper");
        assert_eq!(here.pin("2846"), here.pin("2846"));
        assert_ne!(here.pin("2846"), here.pin("2847"));
        assert_ne!(here.pin("2846"), keys("salt").pin("2846"));
        let there = Keys::new(Secret::new("pepper"), "S002".to_owned());
        assert_ne!(here.pin("2846"), there.pin("2846"));
    }

    #[test]
    fn an_orders_code_says_when_and_can_not_be_guessed() {
        let keys = keys("pepper");
        let (a, b) = (keys.follow_code(order(1)), keys.follow_code(order(2)));
        assert_eq!(a.len(), 26);
        assert_eq!(a[..10], b[..10], "both of one millisecond");
        assert_ne!(a[10..], b[10..]);
        let (first, last) = Keys::follow_range(&a).unwrap();
        assert!(first <= order(1) && order(2) <= last);
        assert_eq!(last.0.as_u128() - first.0.as_u128(), (1 << 80) - 1);
        assert_ne!(a, self::keys("other").follow_code(order(1)));
        for bad in [
            "",
            "a",
            &a[1..],
            &a.replace(&a[..1], "u"),
            &"z".repeat(26),
            &a.to_uppercase(),
        ] {
            assert!(Keys::follow_range(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn bytes_are_written_five_bits_a_character() {
        assert_eq!(encode(&[0xff, 0xff, 0xff, 0xff, 0xff]), "zzzzzzzz");
        assert_eq!(encode(&[0x08, 0x42]), "1110");
        assert_eq!(encode(&[]), "");
        assert_eq!(encode(&[0; 16]).len(), 26);
    }
}
