//! The store's own certificate authority, and what it signs: values only; who keeps them is [`super::Keeper`].

use crate::domain::time::Timestamp;
use jiff::{ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, fmt::Write as _, net::IpAddr};

/// A kiosk is taught to trust it once, so it lives as long as a box does.
const AUTHORITY_DAYS: i64 = 3650;
/// Short enough that a copied key is soon worthless, long enough that a box which was off for a month still serves.
pub(crate) const SERVER_DAYS: i64 = 90;
/// A new one is made when the old one has so much left.
pub(crate) const RENEW_DAYS: i64 = 30;
/// Valid from so long before: clocks of kiosks are late.
const BEFORE_DAYS: i64 = 2;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It can't be made or signed.
    #[error("the certificate can't be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A name of the configuration can't stand in a certificate.
    #[error("{0:?} can't stand in a certificate")]
    Name(String),
    /// What was kept is not what was written.
    #[error("what is kept of the certificate can't be read: {0}")]
    Kept(String),
}

/// A certificate with its key, as it is kept in the vault.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) from_at: Timestamp,
    pub(crate) until_at: Timestamp,
    /// Names and addresses in it; for the authority, its own name.
    pub(crate) names: BTreeSet<String>,
    /// The fingerprint of the authority that signed it.
    pub(crate) signed_by: String,
}

impl Kept {
    pub(crate) fn read(text: &str) -> Result<Self, CertificateError> {
        serde_json::from_str(text).map_err(|e| CertificateError::Kept(e.to_string()))
    }

    pub(crate) fn written(&self) -> Result<String, CertificateError> {
        serde_json::to_string(self).map_err(|e| CertificateError::Kept(e.to_string()))
    }

    /// SHA-256 of the certificate, as browsers and Android show it.
    pub(crate) fn fingerprint(&self) -> Result<String, CertificateError> {
        let der = CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .map_err(|e| CertificateError::Kept(e.to_string()))?;
        let mut text = String::new();
        for byte in Sha256::digest(&der) {
            if !text.is_empty() {
                text.push(':');
            }
            let _ = write!(text, "{byte:02X}");
        }
        Ok(text)
    }

    /// Whether it must be made anew: it ends soon, another authority signed it, or a name is not in it.
    pub(crate) fn is_due(&self, authority: &str, names: &BTreeSet<String>, now: Timestamp) -> bool {
        let left = self.until_at.as_millis() - now.as_millis();
        left < RENEW_DAYS * 24 * 3_600_000
            || now < self.from_at
            || self.signed_by != authority
            || !names.is_subset(&self.names)
    }
}

/// The whole day on which `at` falls, so many days later.
fn day(at: Timestamp, later: i64) -> Result<jiff::civil::Date, CertificateError> {
    let today = jiff::Timestamp::from_millisecond(at.as_millis())
        .map_err(|e| CertificateError::Kept(e.to_string()))?
        .to_zoned(TimeZone::UTC)
        .date();
    today
        .checked_add(later.days())
        .map_err(|e| CertificateError::Kept(e.to_string()))
}

fn moment(date: jiff::civil::Date) -> Timestamp {
    let at = date
        .to_zoned(TimeZone::UTC)
        .map_or(0, |z| z.timestamp().as_millisecond());
    Timestamp::from_millis(at)
}

/// Sets from when until when; gives both back as they stand in the certificate.
fn lasting(
    params: &mut CertificateParams,
    now: Timestamp,
    days: i64,
) -> Result<(Timestamp, Timestamp), CertificateError> {
    let (from, until) = (day(now, -BEFORE_DAYS)?, day(now, days)?);
    let rcgen = |d: jiff::civil::Date| {
        rcgen::date_time_ymd(
            i32::from(d.year()),
            d.month().unsigned_abs(),
            d.day().unsigned_abs(),
        )
    };
    params.not_before = rcgen(from);
    params.not_after = rcgen(until);
    Ok((moment(from), moment(until)))
}

/// What stands in the authority's certificate, and must stand so whenever it signs.
fn authority_params(name: &str) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Galley");
    // It signs servers and no further authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A new authority of this store.
pub(crate) fn authority(store_id: &str, now: Timestamp) -> Result<Kept, CertificateError> {
    // With the day, so that a browser that knows a former one is not confused by the same name.
    let name = format!("Galley {store_id} {}", day(now, 0)?);
    let key = KeyPair::generate()?;
    let mut params = authority_params(&name)?;
    let (from_at, until_at) = lasting(&mut params, now, AUTHORITY_DAYS)?;
    let mut kept = Kept {
        certificate: params.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
        from_at,
        until_at,
        names: BTreeSet::from([name]),
        signed_by: String::new(),
    };
    kept.signed_by = kept.fingerprint()?;
    Ok(kept)
}

/// A server's certificate for these names and addresses.
pub(crate) fn server(
    authority: &Kept,
    names: &BTreeSet<String>,
    now: Timestamp,
) -> Result<Kept, CertificateError> {
    let own = authority
        .names
        .first()
        .ok_or_else(|| CertificateError::Kept("the authority has no name".to_owned()))?;
    let issuer = Issuer::new(authority_params(own)?, KeyPair::from_pem(&authority.key)?);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, own);
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(
                name.as_str()
                    .try_into()
                    .map_err(|_| CertificateError::Name(name.clone()))?,
            ),
        });
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (from_at, until_at) = lasting(&mut params, now, SERVER_DAYS)?;
    Ok(Kept {
        certificate: params.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
        from_at,
        until_at,
        names: names.clone(),
        signed_by: authority.fingerprint()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_due_thirty_days_before_its_end_or_when_a_name_or_the_authority_is_new() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let ca = authority("S001", now).unwrap();
        let who = ca.fingerprint().unwrap();
        assert_eq!(who.len(), 32 * 3 - 1);
        let one = server(&ca, &names(&["galley-s001.local", "192.168.1.5"]), now).unwrap();
        let due = |n: &[&str], days: i64, who: &str| {
            let at = Timestamp::from_millis(now.as_millis() + days * DAY_MS);
            one.is_due(who, &names(n), at)
        };
        assert!(!due(&["192.168.1.5"], 0, &who));
        assert!(!due(&[], SERVER_DAYS - RENEW_DAYS - 1, &who));
        assert!(due(&[], SERVER_DAYS - RENEW_DAYS + 1, &who));
        assert!(due(&["192.168.1.6"], 0, &who));
        assert!(due(&[], 0, "another"));
        // The clock went back by a year: what is valid only from tomorrow on serves nobody.
        assert!(due(&[], -365, &who));
        let back = Kept::read(&one.written().unwrap()).unwrap();
        assert!(back == one);
    }

    #[test]
    fn a_name_that_is_none_is_told() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let ca = authority("S001", now).unwrap();
        let wrong = server(&ca, &names(&["кухня"]), now).err().unwrap();
        assert!(wrong.to_string().contains("кухня"), "{wrong}");
    }
}
