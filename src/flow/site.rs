//! One store as its parts see it: database, machine, rules, catalog, time zone.

use super::{Context, FlowError};
use crate::{
    domain::{
        catalog::Catalog,
        event::{Actor, Body},
        policy::Policy,
        time::Timestamp,
    },
    store::{Snapshot, Store, StoreError, Tx},
    world::World,
};
use jiff::tz::TimeZone;
use std::sync::{Arc, PoisonError, RwLock};

/// Document with the catalog in force.
const CATALOG: &str = "catalog";

/// The store's own catalog, as its file had it last.
pub(super) fn own_catalog(s: &Snapshot<'_>) -> Result<Option<Catalog>, StoreError> {
    s.document(CATALOG)
}

/// One store.
pub struct Site {
    /// The database.
    pub store: Store,
    /// The machine.
    pub world: World,
    /// The rules as the configuration has them.
    own: Policy,
    policy: RwLock<Arc<Policy>>,
    catalog: RwLock<Arc<Catalog>>,
    zone: TimeZone,
}

impl Site {
    /// Takes the store over. The catalog in the database is in force; `catalog` replaces it when its version
    /// differs, or when there is none.
    ///
    /// # Errors
    /// When the database fails, or there is no catalog at all.
    pub async fn open(
        store: Store,
        world: World,
        policy: Policy,
        catalog: Option<Catalog>,
        zone: TimeZone,
    ) -> Result<Arc<Self>, FlowError> {
        let (stored, remote) = store
            .read(|s| Ok::<_, StoreError>((own_catalog(s)?, super::remote::has_menu(s)?)))
            .await?;
        let (catalog, new) = match (catalog, stored) {
            (Some(given), Some(stored)) if given == stored => (stored, false),
            // Headquarters' menu is in force; the file is kept for when it is not any more.
            (Some(given), _) if remote => (given, false),
            (Some(given), _) => (given, true),
            (None, Some(stored)) => (stored, false),
            (None, None) => {
                return Err(FlowError::Invalid(
                    "there is no catalog: name one in the configuration ([catalog] file)"
                        .to_owned(),
                ));
            }
        };
        let site = Arc::new(Self {
            store,
            world,
            policy: RwLock::new(Arc::new(policy.clone())),
            own: policy,
            catalog: RwLock::new(Arc::new(catalog.clone())),
            zone,
        });
        let (high, low) = (
            site.world.entropy.next_u128(),
            site.world.entropy.next_u128(),
        );
        let mut key = [0u8; 32];
        key[..16].copy_from_slice(&high.to_be_bytes());
        key[16..].copy_from_slice(&low.to_be_bytes());
        site.store
            .write(move |tx| tx.keep_guest_key(&key))
            .await
            .map_err(FlowError::from)?;
        if new {
            site.command(Actor::system(), move |tx, cx| {
                tx.put_document(CATALOG, &catalog)?;
                super::record::record(
                    tx,
                    cx,
                    None,
                    Body::MenuApplied {
                        version: catalog.version.clone(),
                    },
                )
            })
            .await?;
        }
        site.refresh().await?;
        Ok(site)
    }

    /// Takes up what is in force now, after headquarters has changed it.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn refresh(&self) -> Result<(), FlowError> {
        let own = self.own.clone();
        let (catalog, policy) = self
            .store
            .read(move |s| super::remote::in_force(s, &own))
            .await?;
        if let Some(catalog) = catalog {
            *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
        }
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(())
    }

    /// The rules.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The catalog in force.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The store's time zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The store's day at a time, `YYYY-MM-DD`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(at.as_millis())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(self.zone.clone())
            .date()
            .to_string()
    }

    /// What a write of `actor` needs to know, now.
    #[must_use]
    pub fn context(&self, actor: Actor) -> Context {
        let now = self.world.clock.now();
        Context {
            policy: self.policy(),
            catalog: self.catalog(),
            day: self.day(now),
            zone: self.zone.clone(),
            now,
            actor,
        }
    }

    /// Runs one command as one write.
    ///
    /// # Errors
    /// What the command refuses; nothing has changed then.
    pub async fn command<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut Tx<'_>, &Context) -> Result<T, FlowError> + Send + 'static,
    ) -> Result<T, FlowError> {
        let cx = self.context(actor);
        self.store.write(move |tx| work(tx, &cx)).await
    }
}
