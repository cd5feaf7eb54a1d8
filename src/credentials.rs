//! Where passwords, tokens and keys come from: files that systemd hands over, or the store itself, sealed.

use crate::{
    config::{Config, EMPTY, credential},
    store::{
        read_secrets,
        vault::{Key, VaultError},
    },
    world::Secret,
};
use std::{collections::BTreeMap, path::PathBuf};

/// What stands behind the name of the former key.
const FORMER: &str = "-old";

/// All that can be looked up by name.
#[derive(Debug)]
pub struct Credentials {
    folder: Option<PathBuf>,
    keys: Vec<Key>,
    kept: BTreeMap<String, Result<Secret, VaultError>>,
}

impl Credentials {
    /// The credentials of a store: its files, and what `galley secret set` has kept in its database.
    ///
    /// # Errors
    /// When the key is none, or the database is there and can't be read; in words.
    pub fn of(config: &Config) -> Result<Self, String> {
        let keys = keys(config)?;
        let database = config.store.data.join("galley.db");
        let kept = read_secrets(&database, &keys)
            .map_err(|e| format!("the store's secrets can't be read: {e}"))?
            .into_iter()
            .map(|(name, text)| (name, text.map(Secret::new)))
            .collect();
        Ok(Self {
            folder: config.store.credentials.clone(),
            keys,
            kept,
        })
    }

    /// The credential with this name: its file, or the secret of the store.
    ///
    /// # Errors
    /// When there is neither, or the secret can't be opened; in words.
    pub fn get(&self, name: &str) -> Result<Secret, String> {
        match (
            credential(self.folder.as_deref(), "store.credentials", name),
            self.kept.get(name),
        ) {
            (Ok(secret), _) => Ok(secret),
            (Err(_), Some(Ok(secret))) => Ok(secret.clone()),
            (Err(_), Some(Err(e))) => Err(format!("secret {name}: {e}")),
            (Err(why), None) => Err(format!(
                "{why}; nor is there a secret of that name: galley secret set {name}"
            )),
        }
    }

    /// The texts of all secrets that the store keeps, for those who must keep them out of something.
    pub fn revealed(&self) -> impl Iterator<Item = String> {
        self.kept
            .values()
            .filter_map(|kept| Some(kept.as_ref().ok()?.reveal().to_owned()))
    }

    /// The box's keys, the one in force first; none when it has no key.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// The keys of a box: the one in force, and the former one as long as it is there.
///
/// # Errors
/// When one is there and too short.
pub fn keys(config: &Config) -> Result<Vec<Key>, String> {
    let name = &config.store.key_credential;
    let mut keys = Vec::new();
    for name in [name.clone(), format!("{name}{FORMER}")] {
        match config.credential(&name) {
            Ok(text) => {
                keys.push(Key::new(text.reveal()).map_err(|e| format!("credential {name}: {e}"))?);
            }
            // One that is not there is none; one that is there and empty is a slip that must not pass for none.
            Err(why) if why.ends_with(EMPTY) => return Err(why),
            Err(_) => {}
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::time::Timestamp,
        store::{Options, Store, StoreError, vault},
    };

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn config(folder: &std::path::Path) -> Config {
        let text = format!(
            "[store]\nid = 'S1'\nzone = 'UTC'\nname = {{ ru = 'К', uz = 'K', en = 'C' }}\ndata = '{0}'\ncredentials = '{0}'\n",
            folder.display()
        );
        toml::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn a_credential_comes_from_its_file_or_else_from_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let none = Credentials::of(&config).unwrap();
        assert!(none.keys().is_empty());
        let why = none.get("bank").unwrap_err();
        assert!(why.contains("galley secret set bank"), "{why}");

        std::fs::write(folder.path().join("galley-key"), KEY).unwrap();
        let store = Store::open(Options::at(folder.path().join("galley.db"))).unwrap();
        store
            .write(|tx| {
                let key = Key::new(KEY).expect("it is long enough");
                for name in ["bank", "1c"] {
                    let sealed = vault::seal(&key, [1; 32], name, "from the store");
                    tx.put_secret(name, &sealed, Timestamp::from_millis(0))?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        std::fs::write(folder.path().join("1c"), "from a file\n").unwrap();
        let all = Credentials::of(&config).unwrap();
        assert_eq!(all.get("bank").unwrap().reveal(), "from the store");
        assert_eq!(all.get("1c").unwrap().reveal(), "from a file");

        // Another key: those that a file has go on working, the others say why not.
        std::fs::write(folder.path().join("galley-key"), "f".repeat(32)).unwrap();
        let other = Credentials::of(&config).unwrap();
        assert!(other.get("1c").is_ok());
        assert!(other.get("bank").unwrap_err().contains("another key"));
        std::fs::write(folder.path().join("galley-key-old"), KEY).unwrap();
        assert!(Credentials::of(&config).unwrap().get("bank").is_ok());
        std::fs::write(folder.path().join("galley-key"), "short").unwrap();
        assert!(Credentials::of(&config).unwrap_err().contains("galley-key"));
    }
}
