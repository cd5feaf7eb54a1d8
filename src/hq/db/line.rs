//! How the line to PostgreSQL is protected: by TLS whose certificate is always checked, unless the server is on this
//! machine or somebody has said otherwise.

use crate::{store::StoreError, world::Secret};
use ::postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::{net::IpAddr, path::Path, str::FromStr as _, sync::Arc};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is known of a server before the first byte.
pub(super) struct Line {
    pub(super) config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Line {
    /// Reads a connection string. Beside what the driver knows it takes `sslrootcert=FILE` as libpq does, and of
    /// `sslmode` the values `disable`, `require` and `verify-full`; the latter two are the same here.
    ///
    /// # Errors
    /// When it can't be read, or the file of certificates can't.
    pub(super) fn parse(url: &Secret) -> Result<Self, StoreError> {
        let (rest, mode) = take(url.reveal(), "sslmode");
        let (rest, authority) = take(&rest, "sslrootcert");
        // The text holds a password: it is not repeated.
        let mut config = Config::from_str(&rest)
            .map_err(|e| bad(format!("the database's address can't be read: {e}")))?;
        let protected = match mode.as_deref() {
            None => {
                let here = config.get_hosts().iter().all(is_here)
                    && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
                authority.is_some() || !here
            }
            Some("disable") => false,
            Some("require" | "verify-full") => true,
            Some(other) => {
                return Err(bad(format!(
                    "sslmode={other} is not known: write disable, require or verify-full"
                )));
            }
        };
        config.ssl_mode(match protected {
            true => SslMode::Require,
            false => SslMode::Disable,
        });
        let tls = match protected {
            true => Some(MakeRustlsConnect::new(trust(
                authority.as_deref().map(Path::new),
            )?)),
            false => None,
        };
        Ok(Self { config, tls })
    }

    /// Connects. Blocks.
    pub(super) fn connect(&self) -> Result<Client, ::postgres::Error> {
        match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        }
    }
}

fn bad(why: String) -> StoreError {
    StoreError::Open(why)
}

/// A socket's folder, or this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|a: IpAddr| a.is_loopback())
        }
    }
}

/// Takes a parameter out of a connection string, of either form.
fn take(text: &str, name: &str) -> (String, Option<String>) {
    let mut found = None;
    let mut keep = |part: &&str| match part.split_once('=') {
        Some((key, value)) if key == name => {
            found = Some(value.to_owned());
            false
        }
        _ => true,
    };
    let url = ["postgres://", "postgresql://"];
    let rest = if url.iter().any(|scheme| text.starts_with(scheme)) {
        match text.split_once('?') {
            None => text.to_owned(),
            Some((address, parameters)) => {
                let kept: Vec<&str> = parameters.split('&').filter(&mut keep).collect();
                match kept.is_empty() {
                    true => address.to_owned(),
                    false => format!("{address}?{}", kept.join("&")),
                }
            }
        }
    } else {
        let kept: Vec<&str> = text.split_ascii_whitespace().filter(&mut keep).collect();
        kept.join(" ")
    };
    (rest, found)
}

/// Whom to believe: those in the file, or whom the system trusts.
fn trust(authority: Option<&Path>) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(format!("no TLS: {e}")))?;
    let Some(file) = authority else {
        return Ok(builder
            .with_platform_verifier()
            .map_err(|e| bad(format!("the system's certificates can't be read: {e}")))?
            .with_no_client_auth());
    };
    let told = |e: &dyn std::fmt::Display| bad(format!("sslrootcert, {}: {e}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| told(&e))? {
        roots
            .add(certificate.map_err(|e| told(&e))?)
            .map_err(|e| told(&e))?;
    }
    if roots.is_empty() {
        return Err(told(&"no certificate in PEM"));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protected(url: &str) -> bool {
        Line::parse(&Secret::new(url)).unwrap().tls.is_some()
    }

    #[test]
    fn a_server_elsewhere_is_spoken_to_under_tls_unless_somebody_says_otherwise() {
        assert!(!protected("postgres://galley@/db?host=/run/postgresql"));
        assert!(!protected("postgres://galley@127.0.0.1/db"));
        assert!(!protected("host=localhost user=galley"));
        assert!(protected("postgres://galley@127.0.0.1/db?sslmode=require"));
        assert!(protected(
            "postgres://galley:p@db.example/db?connect_timeout=5"
        ));
        assert!(protected("host=db.example user=galley"));
        assert!(protected("host=localhost hostaddr=192.0.2.7 user=galley"));
        assert!(protected(
            "host=localhost password=a://b?c user=galley sslmode=require"
        ));
        assert!(!protected(
            "postgres://galley@db.example/db?sslmode=disable"
        ));
        assert!(!protected("host=db.example user=galley sslmode=disable"));
        for wrong in ["prefer", "allow", "off"] {
            let url = Secret::new(format!("postgres://g@db.example/db?sslmode={wrong}"));
            assert!(Line::parse(&url).is_err(), "{wrong}");
        }
        let nothing = Secret::new("postgres://g@db.example/db?sslrootcert=/nowhere.pem");
        assert!(Line::parse(&nothing).is_err());
    }
}
