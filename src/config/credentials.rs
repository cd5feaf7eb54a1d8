//! The files that hold passwords, tokens and keys, by name.

use super::{Config, PrinterKind};
use crate::world::Secret;
use std::path::{Path, PathBuf};

/// What is said of a credential's file without anything in it.
pub const EMPTY: &str = "the file is empty";

impl Config {
    /// The names of the credentials that the daemon asks for at its start, each with its setting.
    #[must_use]
    pub fn credential_names(&self) -> Vec<(&'static str, &str)> {
        let printer = self.printer.as_ref();
        let c = &self.connectors;
        let one = [
            printer
                .filter(|p| p.kind == PrinterKind::AtolWeb)
                .and_then(|p| {
                    let login = p.web_login.as_ref()?;
                    Some((
                        "printer.web_login.password_credential",
                        &login.password_credential,
                    ))
                }),
            printer
                .filter(|p| p.kind == PrinterKind::Gateway)
                .and_then(|p| {
                    let at = p.gateway.as_ref()?;
                    Some(("printer.gateway.token_credential", &at.token_credential))
                }),
            c.alfa_bank.as_ref().map(|b| {
                let setting = "connectors.alfa_bank.password_credential";
                (setting, &b.password_credential)
            }),
            c.one_c
                .as_ref()
                .map(|o| ("connectors.one_c.password", &o.password)),
            c.sms_ru
                .as_ref()
                .map(|s| ("connectors.sms_ru.api_id_credential", &s.api_id_credential)),
            self.sync
                .is_enabled()
                .then_some(("sync.token_credential", &self.sync.token_credential)),
            self.staff
                .secret_credential
                .as_ref()
                .map(|name| ("staff.secret_credential", name)),
        ];
        let tokens = self
            .tokens
            .iter()
            .map(|t| ("tokens.credential", &t.credential));
        let all = one.into_iter().flatten().chain(tokens);
        all.map(|(setting, name)| (setting, name.as_str()))
            .collect()
    }

    /// Reads a credential by name.
    ///
    /// # Errors
    /// When there is no such file, or nothing in it; in words.
    pub fn credential(&self, name: &str) -> Result<Secret, String> {
        credential(self.store.credentials.as_deref(), "store.credentials", name)
    }
}

/// Where credentials are: in `folder`, or in the one that systemd gives.
#[must_use]
pub fn credential_folder(folder: Option<&Path>) -> Option<PathBuf> {
    folder
        .map(Path::to_path_buf)
        .or_else(|| std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))
}

/// Reads a credential by name: a file of `folder`, or of the folder that systemd gives. `setting` names the former.
///
/// # Errors
/// When there is no such file, or nothing in it: an empty password opens nothing, and an empty token everything. In words.
pub fn credential(folder: Option<&Path>, setting: &str, name: &str) -> Result<Secret, String> {
    let folder = credential_folder(folder).ok_or_else(|| {
        format!(
            "credential {name}: no folder; set {setting} or start by systemd with LoadCredential="
        )
    })?;
    let plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    if !plain {
        return Err(format!("credential {name:?}: not a file name"));
    }
    let text = std::fs::read_to_string(folder.join(name))
        .map_err(|e| format!("credential {name}: {e}"))?;
    match text.trim() {
        "" => Err(format!("credential {name}: {EMPTY}")),
        text => Ok(Secret::new(text)),
    }
}
