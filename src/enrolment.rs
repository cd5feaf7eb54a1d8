//! What a box knows of its place at headquarters: a file in the data folder, `headquarters.json`. It is no part of the
//! database, so that going back to a backup does not make the box another one.

use crate::{
    store::{
        token_is_told,
        vault::{self, Key, SALT},
    },
    sync::down::{PublicKey, TokenKeeper, token_hash},
    world::{Entropy, Secret, SystemEntropy},
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Its name in the data folder.
const FILE: &str = "headquarters.json";
/// Under what the token is sealed.
const NAME: &str = "headquarters token";

/// A secret as the file has it: sealed where the box has a key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    /// As it is; the file's mode guards it.
    Plain(String),
    /// Base64.
    Sealed(String),
}

impl Kept {
    fn of(secret: &Secret, keys: &[Key]) -> Self {
        use base64::Engine as _;
        match keys.first() {
            Some(key) => {
                let mut salt = [0; SALT];
                salt[..16].copy_from_slice(&SystemEntropy.next_u128().to_be_bytes());
                salt[16..].copy_from_slice(&SystemEntropy.next_u128().to_be_bytes());
                let sealed = vault::seal(key, salt, NAME, secret.reveal());
                Self::Sealed(base64::engine::general_purpose::STANDARD.encode(sealed))
            }
            None => Self::Plain(secret.reveal().to_owned()),
        }
    }

    fn open(&self, keys: &[Key]) -> Result<Secret, String> {
        use base64::Engine as _;
        match self {
            Self::Plain(text) => Ok(Secret::new(text)),
            Self::Sealed(text) => {
                let sealed = base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .map_err(|e| format!("{FILE}: {e}"))?;
                vault::open(keys, NAME, &sealed)
                    .map(Secret::new)
                    .map_err(|e| format!("{FILE}: the token: {e}"))
            }
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Form {
    store_id: String,
    generation: u64,
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broker: Option<String>,
    keys: Vec<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Kept>,
    /// One that headquarters may not know yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_token: Option<Kept>,
}

/// A box's place at headquarters.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The store.
    pub store_id: String,
    /// The box's generation; 0 before it has a place.
    pub generation: u64,
    /// Headquarters' address.
    pub url: String,
    /// The broker, where there is one.
    pub broker: Option<String>,
    /// Headquarters' keys.
    pub keys: Vec<PublicKey>,
    /// The token in force; none before the box has a place.
    pub token: Option<Secret>,
    /// A token that headquarters may not know yet.
    pub next_token: Option<Secret>,
}

impl Enrolment {
    /// The box's place, if it has one or is about to.
    ///
    /// # Errors
    /// When the file can't be read, or its token not opened; in words.
    pub fn load(data: &Path, keys: &[Key]) -> Result<Option<Self>, String> {
        let file = data.join(FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("{}: {e}", file.display())),
        };
        let form: Form =
            serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        let open = |kept: Option<Kept>| kept.map(|k| k.open(keys)).transpose();
        Ok(Some(Self {
            store_id: form.store_id,
            generation: form.generation,
            url: form.url,
            broker: form.broker,
            keys: form.keys,
            token: open(form.token)?,
            next_token: open(form.next_token)?,
        }))
    }

    /// Writes it, so that it is whole or as it was.
    ///
    /// # Errors
    /// When it can't be written; in words.
    pub fn save(&self, data: &Path, keys: &[Key]) -> Result<(), String> {
        let file = data.join(FILE);
        let form = Form {
            store_id: self.store_id.clone(),
            generation: self.generation,
            url: self.url.clone(),
            broker: self.broker.clone(),
            keys: self.keys.clone(),
            token: self.token.as_ref().map(|t| Kept::of(t, keys)),
            next_token: self.next_token.as_ref().map(|t| Kept::of(t, keys)),
        };
        let write = || -> io::Result<()> {
            let draft = file.with_extension("new");
            let _ = fs::remove_file(&draft);
            let mut out = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            out.write_all(&serde_json::to_vec_pretty(&form)?)?;
            out.sync_all()?;
            fs::rename(&draft, &file)?;
            fs::File::open(data)?.sync_all()
        };
        write().map_err(|e| format!("{}: {e}", file.display()))
    }

    /// Takes the token that headquarters was told of, as soon as it has been. True when it changed.
    ///
    /// # Errors
    /// When the database can't be read; in words.
    pub fn promote(&mut self, database: &Path) -> Result<bool, String> {
        let Some(next) = &self.next_token else {
            return Ok(false);
        };
        if self.token.is_none() {
            return Ok(false);
        }
        let hash: String = token_hash(next)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        if !token_is_told(database, &hash).map_err(|e| e.to_string())? {
            return Ok(false);
        }
        self.token = self.next_token.take();
        Ok(true)
    }
}

/// Keeps a new token in the file.
pub struct FileKeeper {
    data: PathBuf,
    keys: Vec<Key>,
    enrolment: Mutex<Enrolment>,
}

impl FileKeeper {
    /// For the box with this place.
    #[must_use]
    pub fn new(data: PathBuf, keys: Vec<Key>, enrolment: Enrolment) -> Self {
        Self {
            data,
            keys,
            enrolment: Mutex::new(enrolment),
        }
    }
}

impl TokenKeeper for FileKeeper {
    fn stage(&self, token: &Secret) -> Result<(), String> {
        let mut enrolment = self
            .enrolment
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        enrolment.next_token = Some(token.clone());
        enrolment.save(&self.data, &self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolment() -> Enrolment {
        Enrolment {
            store_id: "S1".into(),
            generation: 3,
            url: "https://hq.example".into(),
            broker: None,
            keys: Vec::new(),
            token: Some(Secret::new("the token")),
            next_token: None,
        }
    }

    #[test]
    fn the_token_is_sealed_where_the_box_has_a_key() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Enrolment::load(folder.path(), &[]).unwrap().is_none());
        let key = Key::new(&"k".repeat(32)).unwrap();
        for keys in [vec![], vec![key]] {
            enrolment().save(folder.path(), &keys).unwrap();
            let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
            assert_eq!(text.contains("the token"), keys.is_empty());
            let back = Enrolment::load(folder.path(), &keys).unwrap().unwrap();
            assert_eq!(back.token.unwrap().reveal(), "the token");
            assert_eq!(back.generation, 3);
        }
        assert!(
            Enrolment::load(folder.path(), &[])
                .unwrap_err()
                .contains("another key")
        );
    }
}
