//! Whether a callback comes from the bank. [source: alfa-bank.md 9.1]

use super::super::config::RsaHash;
use crate::world::Secret;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::BTreeMap;

/// The signature, and the name of its key; neither is signed itself.
const UNSIGNED: [&str; 2] = ["checksum", "sign_alias"];

pub(super) enum Checker {
    Hmac(Secret),
    Rsa { key: Vec<u8>, hash: RsaHash },
    None,
}

impl Checker {
    /// With a public key in PEM or DER.
    pub(super) fn rsa(key: &[u8], hash: RsaHash) -> Result<Self, String> {
        let key = match std::str::from_utf8(key) {
            Ok(text) if text.contains("-----BEGIN") => {
                let body: String = text
                    .lines()
                    .filter(|line| !line.starts_with("-----"))
                    .flat_map(|line| line.trim().chars())
                    .collect();
                STANDARD
                    .decode(body)
                    .map_err(|_| "the public key is not PEM".to_owned())?
            }
            _ => key.to_vec(),
        };
        Ok(Self::Rsa { key, hash })
    }

    /// Whether the fields were signed by the bank.
    pub(super) fn holds(&self, fields: &BTreeMap<String, String>) -> bool {
        let Some(shown) = fields.get("checksum").map(|c| unhex(c)) else {
            return matches!(self, Self::None);
        };
        let signed = signed(fields);
        match (self, shown) {
            (Self::None, _) => true,
            (_, None) => false,
            (Self::Hmac(secret), Some(shown)) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes())
                    .expect("HMAC takes keys of any length");
                mac.update(signed.as_bytes());
                mac.verify_slice(&shown).is_ok()
            }
            (Self::Rsa { key, hash }, Some(shown)) => {
                let parameters = match hash {
                    RsaHash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                    RsaHash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                };
                UnparsedPublicKey::new(parameters, key)
                    .verify(signed.as_bytes(), &shown)
                    .is_ok()
            }
        }
    }
}

/// `name;value;` of every signed field, by name.
fn signed(fields: &BTreeMap<String, String>) -> String {
    fields
        .iter()
        .filter(|(name, _)| !UNSIGNED.contains(&name.as_str()))
        .flat_map(|(name, value)| [name.as_str(), ";", value.as_str(), ";"])
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> BTreeMap<String, String> {
        let mut parts = text.split(';');
        let mut fields = BTreeMap::new();
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            fields.insert(name.to_owned(), value.to_owned());
        }
        fields
    }

    fn check(checker: &Checker, text: &str, checksum: &str) -> bool {
        let mut fields = fields(text);
        fields.insert("checksum".to_owned(), checksum.to_owned());
        fields.insert("sign_alias".to_owned(), "whatever".to_owned());
        checker.holds(&fields)
    }

    #[test]
    fn the_examples_of_the_shared_key_hold() {
        let checker = Checker::Hmac(Secret::new("testSecret01"));
        let md = "3ff6962a-7dcc-4283-ab50-a6d7dd3386fe";
        for (text, checksum) in [
            (
                format!("mdOrder;{md};operation;deposited;orderNumber;R17-000042-1;status;1;"),
                "34A8A61E4330845C1464AE0BC03F35248F89EF7C8D8419CF4170F86870FB5DF6",
            ),
            (
                format!(
                    "amount;123456;callbackCreationDate;Mon Jan 31 21:46:52 MSK 2022;mdOrder;{md};operation;deposited;orderNumber;R17-000042-1;status;1;"
                ),
                "F42099151FAB26510AB7E7D912E6E83FCD6F9E2E64FD53E4BAC93EBA4BCC7E22",
            ),
            (
                format!(
                    "mdOrder;{md};operation;refunded;operationRefundedAmount;50000;orderNumber;R17-000042-1;status;1;"
                ),
                "4542A8F15B45B6A3D8A7F4D05975233E7F0CEC89DE67E7A9E4DF4800305B1801",
            ),
        ] {
            assert!(check(&checker, &text, checksum), "{text}");
            assert!(check(&checker, &text, &checksum.to_lowercase()));
            assert!(!check(
                &checker,
                &text.replace("status;1", "status;0"),
                checksum
            ));
            assert!(!check(&checker, &format!("{text}zz;1;"), checksum));
        }
        assert!(!check(&checker, "a;1;", "nothex"));
        assert!(!check(&checker, "a;1;", ""));
        assert!(!checker.holds(&fields("mdOrder;1;")), "unsigned");
    }

    const PUBLIC: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwtuGKbQ4WmfdV1gjWWys5jyHKTWXnxX3zVa5/Cx5aKwJpOsjrXnHh6l8bOPQ6Sgj3iSeKJ9plZ3i7rPjkfmwqUOJ1eLU5NvGkVjOgyi11aUKgEKwS5Iq5HZvXmPLzu+U22EUCTQwjBqnE/Wf0hnIwYABDgc0fJeJJAHYHMBcJXTuxF8DmDf4DpbLrQ2bpGaCPKcX+04POS4zVLVCHF6N6gYtM7U2QXYcTMTGsAvmIqSj1vddGwvNGeeUVoPbo6enMBbvZgjN5p6j3ItTziMbVba3m/u7bU1dOG2/79UpGAGR10qEFHiOqS6WpO7CuIR2tL9EznXRc7D9JZKwGfoY/QIDAQAB";
    const SIGNED: &str = "amount;35000099;mdOrder;12b59da8-f68f-7c8d-12b5-9da8000826ea;operation;deposited;status;1;";
    const CHECKSUM: &str = "9524FD765FB1BABFB1F42E4BC6EF5A4B07BAA3F9C809098ACBB462618A9327539F975FEDB4CF6EC1556FF88BA74774342AF4F5B51BA63903BE9647C670EBD962467282955BD1D57B16935C956864526810870CD32967845EBABE1C6565C03F94FF66907CEDB54669A1C74AC1AD6E39B67FA7EF6D305A007A474F03B80FD6C965656BEAA74E09BB1189F4B32E622C903DC52843C454B7ACF76D6F76324C27767DE2FF6E7217716C19C530CA7551DB58268CC815638C30F3BCA3270E1FD44F63C14974B108E65C20638ECE2F2D752F32742FFC5077415102706FA5235D310D4948A780B08D1B75C8983F22F211DFCBF14435F262ADDA6A97BFEB6D332C3D51010B";

    #[test]
    fn the_example_of_the_banks_own_key_holds() {
        let der = STANDARD.decode(PUBLIC).unwrap();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{PUBLIC}\n-----END PUBLIC KEY-----\n");
        for key in [der.as_slice(), pem.as_bytes()] {
            let checker = Checker::rsa(key, RsaHash::Sha512).unwrap();
            assert!(check(&checker, SIGNED, CHECKSUM));
            assert!(!check(&checker, &SIGNED.replace("99;", "98;"), CHECKSUM));
        }
        let other = Checker::rsa(&der, RsaHash::Sha256).unwrap();
        assert!(!check(&other, SIGNED, CHECKSUM));
    }
}
