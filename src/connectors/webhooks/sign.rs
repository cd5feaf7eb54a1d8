//! By what the receiver knows that a delivery is the store's, and of now.

use crate::domain::time::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;

/// The header that carries it.
pub const SIGNATURE: &str = "galley-signature";

/// `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY` by each of the secrets, the one in force first.
#[must_use]
pub fn signature(now: Timestamp, body: &[u8], secrets: &[String]) -> String {
    let seconds = now.as_millis().div_euclid(1000);
    let mut text = format!("t={seconds}");
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        text.push_str(",v1=");
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whs_secret`.
    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        let now = Timestamp::from_millis(1_700_000_000_999);
        let one = signature(now, br#"{"a":1}"#, &["whs_secret".to_owned()]);
        assert_eq!(
            one,
            "t=1700000000,v1=42359816b9cdac4fb62fa04459d2218b257ca9331d835e02a9c7808b91b58019"
        );
        let two = ["new".to_owned(), "whs_secret".to_owned()];
        let both = signature(now, br#"{"a":1}"#, &two);
        assert!(both.ends_with(one.split_once(',').unwrap().1));
        assert_eq!(both.matches(",v1=").count(), 2);
    }
}
