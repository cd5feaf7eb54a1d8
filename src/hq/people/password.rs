//! Passwords, as argon2id makes them.

use crate::world::{Entropy, Secret};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};

/// Memory, KiB, and rounds. [source: OWASP password storage cheat sheet: 19 MiB, 2 rounds]
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
/// The shortest that is taken.
const SHORTEST: usize = 10;
const LONGEST: usize = 200;

/// Whether a password can be taken for somebody of that name.
pub(super) fn check(password: &str, name: &str) -> Result<(), String> {
    let characters = password.chars().count();
    if characters < SHORTEST {
        return Err(format!("a password has at least {SHORTEST} characters"));
    }
    if characters > LONGEST {
        return Err(format!("a password has at most {LONGEST} characters"));
    }
    let plain = password.to_lowercase();
    let mut different: Vec<char> = plain.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 5 || plain.contains(&name.to_lowercase()) {
        return Err("this password is the first that anybody would try; take another".to_owned());
    }
    Ok(())
}

/// What is kept of a password: `argon2id$MEMORY$ROUNDS$SALT$HASH`.
pub(super) fn make(password: &Secret, entropy: &dyn Entropy) -> String {
    let salt = entropy.next_u128().to_be_bytes();
    let hash = hash(password, &salt, MEMORY_KIB, ROUNDS).unwrap_or_default();
    format!(
        "argon2id${MEMORY_KIB}${ROUNDS}${}${}",
        BASE64.encode(salt),
        BASE64.encode(hash)
    )
}

/// Whether it is the password. Without anything kept it takes as long, and is not.
pub(super) fn verify(password: &Secret, kept: Option<&str>) -> bool {
    let Some((memory, rounds, salt, known)) = kept.and_then(parts) else {
        let _ = hash(password, &[0; 16], MEMORY_KIB, ROUNDS);
        return false;
    };
    hash(password, &salt, memory, rounds)
        .is_some_and(|hash| verify_slices_are_equal(&hash, &known).is_ok())
}

fn parts(kept: &str) -> Option<(u32, u32, Vec<u8>, Vec<u8>)> {
    let mut parts = kept.strip_prefix("argon2id$")?.split('$');
    Some((
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
        BASE64.decode(parts.next()?).ok()?,
        BASE64.decode(parts.next()?).ok()?,
    ))
}

fn hash(password: &Secret, salt: &[u8], memory: u32, rounds: u32) -> Option<[u8; 32]> {
    let params = Params::new(memory, rounds, 1, Some(32)).ok()?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.reveal().as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SeededEntropy;

    #[test]
    fn only_the_password_is_the_password() {
        let entropy = SeededEntropy::new(1);
        let password = Secret::new("correct horse battery");
        let kept = make(&password, &entropy);
        assert_ne!(kept, make(&password, &entropy), "each has its own salt");
        assert!(!kept.contains("horse"));
        assert!(verify(&password, Some(&kept)));
        assert!(!verify(&Secret::new("correct horse batterY"), Some(&kept)));
        assert!(!verify(&password, None));
        assert!(!verify(&password, Some("argon2id$x")));
        // A damaged hash opens to nobody.
        assert!(!verify(
            &password,
            Some("argon2id$19456$2$AAAAAAAAAAAAAAAAAAAAAA$")
        ));
    }

    #[test]
    fn what_anybody_would_try_is_no_password() {
        for bad in [
            "short",
            "aaaaaaaaaaaaaa",
            "anna12345678",
            "ab".repeat(120).as_str(),
        ] {
            assert!(check(bad, "anna").is_err(), "{bad}");
        }
        assert!(check("три слова подряд", "anna").is_ok());
    }
}
