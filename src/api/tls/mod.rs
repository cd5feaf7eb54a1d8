//! TLS with the store's own small authority: made at the first start, kept in the vault, renewed by itself. A kiosk
//! trusts the authority once; what it signs may change under the kiosk as often as it likes.

mod authority;
mod listener;
mod routes;

pub use authority::CertificateError;
pub use listener::{TlsListener, service};
pub(super) use routes::*;

use super::lan;
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
        time::Timestamp,
    },
    flow::{
        FlowError, Site,
        commands::{clear_alert, raise_alert},
        keep::salt,
    },
    store::{
        StoreError,
        vault::{self, Key, VaultError},
    },
};
use authority::Kept;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

/// The authority in the vault.
const AUTHORITY: &str = "tls-ca";
/// The server's certificate in the vault.
const SERVER: &str = "tls-server";
/// The alert of a certificate that can't be had.
const KEY: &str = "tls";
/// How often is looked whether the certificate still fits.
const EVERY: Duration = Duration::from_hours(1);

/// `[api.tls]`: HTTPS for the screens, with a certificate of the store's own authority.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSection {
    /// Where HTTPS is served, `"0.0.0.0:8443"`; not at all when none. Then `store.listen` is best `"127.0.0.1:8080"`,
    /// unless guests' phones follow their orders: no phone trusts the store's own authority.
    pub listen: Option<SocketAddr>,
    /// Names and addresses by which screens know the box, besides `galley-ID.local` and its own addresses.
    pub names: Vec<String>,
}

impl TlsSection {
    /// What is wrong with it; in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let plain = |n: &&String| {
            n.parse::<IpAddr>().is_err()
                && !(n.len() <= 253
                    && n.split('.').all(|part| {
                        (1..=63).contains(&part.len())
                            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    }))
        };
        self.names
            .iter()
            .filter(plain)
            .map(|n| format!("api.tls.names: {n:?} is neither a name nor an address"))
            .collect()
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The box has no key, so no private key can be kept.
    #[error(
        "the box has no key to keep a private key with (store.key_credential; galley backup key makes one)"
    )]
    NoKey,
    /// The vault can't be opened.
    #[error("the secret {0} can't be opened: {1}")]
    Vault(&'static str, #[source] VaultError),
    /// A certificate can't be made or read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The key and the certificate don't fit.
    #[error("the certificate can't be served: {0}")]
    Serve(#[from] rustls::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is in force.
#[derive(Clone)]
struct InForce {
    authority: Kept,
    server: Kept,
}

/// Keeps the store's certificates.
pub struct Keeper {
    site: Arc<Site>,
    keys: Vec<Key>,
    settings: TlsSection,
    in_force: Mutex<Option<InForce>>,
    trouble: Mutex<Option<String>>,
    served: watch::Sender<Option<Arc<ServerConfig>>>,
}

impl Keeper {
    /// Reads what is kept, or makes it at the first start. Without a certificate there is an alert, and the store opens
    /// all the same.
    pub async fn open(site: Arc<Site>, keys: Vec<Key>, settings: TlsSection) -> Arc<Self> {
        let keeper = Arc::new(Self {
            site,
            keys,
            settings,
            in_force: Mutex::new(None),
            trouble: Mutex::new(None),
            served: watch::Sender::new(None),
        });
        // It is told as an alert, and tried again.
        let _ = keeper.tend(Wanted::Fitting).await;
        keeper
    }

    /// TLS on this socket.
    #[must_use]
    pub fn listener(&self, tcp: TcpListener) -> TlsListener {
        TlsListener::new(tcp, self.served.subscribe())
    }

    /// Looks every hour whether the certificate still fits.
    pub async fn keep(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let _ = self.tend(Wanted::Fitting).await;
        }
    }

    /// Every name and address by which a screen may know the box.
    fn names(&self) -> BTreeSet<String> {
        let listen = self.settings.listen.map(|l| l.ip());
        let own = match listen {
            Some(ip) if !ip.is_unspecified() => vec![ip],
            // Addresses of version 6 come and go by themselves; those that are wanted are in the configuration.
            _ => lan::addresses()
                .into_iter()
                .filter(IpAddr::is_ipv4)
                .collect(),
        };
        self.settings
            .names
            .iter()
            .map(|n| n.to_ascii_lowercase())
            .chain(own.iter().map(ToString::to_string))
            .chain([
                lan::host_name(&self.site.policy().store_id),
                "localhost".to_owned(),
                Ipv4Addr::LOCALHOST.to_string(),
            ])
            .collect()
    }

    async fn tend(&self, wanted: Wanted) -> Result<(), TlsError> {
        let done = self.make(wanted).await;
        let said = done.as_ref().err().map(ToString::to_string);
        let before = std::mem::replace(
            &mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner),
            said.clone(),
        );
        if let Some(error) = &said
            && before.as_ref() != Some(error)
        {
            tracing::error!(error, "there is no certificate for TLS");
        }
        if let Err(error) = tell(&self.site, said).await {
            tracing::error!(%error, "the certificate's alert can't be written");
        }
        done
    }

    async fn make(&self, wanted: Wanted) -> Result<(), TlsError> {
        let now = self.site.world.clock.now();
        let mut authority = self.read(AUTHORITY).await?;
        let mut server = self.read(SERVER).await?;
        if wanted == Wanted::NewAuthority {
            authority = None;
        }
        let authority = match authority {
            Some(kept) if now < kept.until_at => kept,
            _ => {
                let made = authority::authority(&self.site.policy().store_id, now)?;
                self.write(AUTHORITY, &made, now).await?;
                tracing::info!(
                    fingerprint = made.fingerprint()?,
                    "the store has a new authority; screens must trust it"
                );
                made
            }
        };
        let names = self.names();
        let who = authority.fingerprint()?;
        server = server.filter(|s| wanted == Wanted::Fitting && !s.is_due(&who, &names, now));
        let server = match server {
            Some(kept) => kept,
            None => {
                let made = authority::server(&authority, &names, now)?;
                self.write(SERVER, &made, now).await?;
                tracing::info!(until = made.until_at.as_millis(), names = ?names, "the store has a new certificate");
                made
            }
        };
        let config = serving(&server, &authority)?;
        let new = InForce { authority, server };
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let same = in_force
            .as_ref()
            .is_some_and(|old| old.server == new.server);
        *in_force = Some(new);
        drop(in_force);
        if !same {
            self.served.send_replace(Some(Arc::new(config)));
        }
        Ok(())
    }

    async fn read(&self, name: &'static str) -> Result<Option<Kept>, TlsError> {
        let rows = self.site.store.read(|s| s.secrets()).await?;
        let Some(row) = rows.into_iter().find(|r| r.name == name) else {
            return Ok(None);
        };
        let text =
            vault::open(&self.keys, name, &row.sealed).map_err(|e| TlsError::Vault(name, e))?;
        Ok(Some(Kept::read(&text)?))
    }

    async fn write(&self, name: &'static str, kept: &Kept, now: Timestamp) -> Result<(), TlsError> {
        let key = self.keys.first().ok_or(TlsError::NoKey)?;
        let salt = salt(self.site.world.entropy.as_ref());
        let sealed = vault::seal(key, salt, name, &kept.written()?);
        self.site
            .store
            .write(move |tx| tx.put_secret(name, &sealed, now))
            .await?;
        Ok(())
    }

    fn in_force(&self) -> Option<InForce> {
        self.in_force
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What is asked of the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// What is there, as long as it fits.
    Fitting,
    /// A new certificate.
    NewServer,
    /// A new authority, too: every screen must be taught to trust it.
    NewAuthority,
}

fn serving(server: &Kept, authority: &Kept) -> Result<ServerConfig, TlsError> {
    let bad = |e: rustls::pki_types::pem::Error| CertificateError::Kept(e.to_string());
    let chain = [server, authority]
        .iter()
        .map(|kept| CertificateDer::from_pem_slice(kept.certificate.as_bytes()).map_err(bad))
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes()).map_err(bad)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn tell(site: &Site, trouble: Option<String>) -> Result<(), FlowError> {
    let open = site.store.read(|s| s.alert(KEY)).await?.is_some();
    let Some(detail) = trouble else {
        if open {
            site.command(Actor::system(), |tx, cx| clear_alert(tx, cx, KEY))
                .await?;
        }
        return Ok(());
    };
    site.command(Actor::system(), move |tx, cx| {
        raise_alert(
            tx,
            cx,
            Alert {
                key: KEY.to_owned(),
                severity: Severity::Error,
                title: "The store has no certificate: screens can't come in by HTTPS".to_owned(),
                detail,
                advice: "Mend what it says, then: galley tls renew".to_owned(),
                since_at: cx.now,
            },
        )
    })
    .await
}
