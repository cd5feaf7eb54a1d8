//! `galley check-config`: what is wrong with the configuration, all of it at once, before anything starts.

use super::{
    exit::{Exit, help},
    output::{print, print_json},
    run::CONFIG,
};
use crate::{
    config::{Config, credential_folder},
    credentials::Credentials,
    enrolment::Enrolment,
};
use clap::Args;
use serde_json::json;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Check the configuration without starting anything.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley check-config                      what systemd runs before each start",
    "galley check-config ./galley.toml --json",
    "galley check-config --config ./galley.toml    as galley run names it",
    "galley config -h                         show it, explain it"
))]
pub struct CheckConfigArgs {
    /// The file
    #[arg(value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    file: PathBuf,
    /// The file, as galley run names it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the faults as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs it.
///
/// # Errors
/// When the file can't be read.
pub async fn execute(args: CheckConfigArgs) -> anyhow::Result<ExitCode> {
    check(args.config.as_deref().unwrap_or(&args.file), args.json)
}

/// Tells everything that is wrong with a file.
///
/// # Errors
/// When the file can't be read.
pub(super) fn check(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let shown = path.display();
    let faults =
        faults(path).map_err(|e| anyhow::Error::from(e).context(format!("cannot read {shown}")))?;
    let warnings = warnings(path);
    if !json {
        let lines: String = warnings.iter().map(|w| format!("warning: {w}\n")).collect();
        print(&lines)?;
    }
    if json {
        print_json(&json!({"config": shown.to_string(), "faults": faults, "warnings": warnings}))?;
    } else if faults.is_empty() {
        print(&format!("{shown} can be used\n"))?;
        if credentials_unseen(path) {
            print(
                "its credentials were not looked for: nobody says here in which folder they are. systemd gives one to \
                 the daemon; by hand, set store.credentials\n",
            )?;
        }
    } else {
        let lines: String = faults.iter().map(|f| format!("{f}\n")).collect();
        print(&lines)?;
    }
    Ok(if faults.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    }
    .into())
}

/// Everything that is wrong with the configuration, one sentence each; empty when it can be used. The one place
/// where the command line asks about it: `doctor` comes here too.
///
/// # Errors
/// When the file can't be read.
pub fn faults(path: &Path) -> io::Result<Vec<String>> {
    // A file that can't be read has no faults of its own.
    File::open(path)?;
    let looked = Config::look(path);
    let mut faults = looked.faults;
    if let Some(config) = looked.config.filter(|_| looked.store_known) {
        faults.extend(missing(&config));
    }
    Ok(faults)
}

/// What can be used and had better not be, one sentence each.
pub fn warnings(path: &Path) -> Vec<String> {
    let looked = Config::look(path);
    looked.config.map_or_else(Vec::new, |c| c.warnings())
}

/// Whether a good file names credentials whose folder is not known here.
fn credentials_unseen(path: &Path) -> bool {
    Config::load(path).is_ok_and(|config| {
        credential_folder(config.store.credentials.as_deref()).is_none()
            && !config.credential_names().is_empty()
    })
}

/// Credentials that the daemon will ask for at its start and not find. Nothing where nobody says in which folder they are
/// (by hand, without the one that systemd gives), or where the one who asks may not look into it.
fn missing(config: &Config) -> Vec<String> {
    let Some(folder) = credential_folder(config.store.credentials.as_deref()) else {
        return Vec::new();
    };
    let hidden = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    let database = config.store.data.join("galley.db");
    if std::fs::read_dir(folder).is_err_and(hidden) || File::open(database).is_err_and(hidden) {
        return Vec::new();
    }
    let credentials = match Credentials::of(config) {
        Ok(credentials) => credentials,
        Err(why) => return vec![why],
    };
    // One that was begun and not ended has no place yet, unless headquarters has been told since.
    let enrolled = Enrolment::load(&config.store.data, credentials.keys())
        .ok()
        .flatten()
        .is_some_and(|mut enrolment| {
            let _ = enrolment.promote(&config.store.data.join("galley.db"));
            enrolment.token.is_some()
        });
    config
        .credential_names()
        .into_iter()
        // An enrolled box has its own token.
        .filter(|(setting, _)| !(enrolled && *setting == "sync.token_credential"))
        .filter_map(|(setting, name)| Some(format!("{setting}: {}", credentials.get(name).err()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::faults;

    #[test]
    fn a_file_that_is_no_toml_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galley.toml");
        assert!(faults(&path).is_err());
        std::fs::write(&path, "a = 1\nb = = 2\n").unwrap();
        let found = faults(&path).unwrap();
        assert!(found[0].contains("line 2"), "{found:?}");
    }

    #[test]
    fn every_fault_is_told_at_once_and_a_good_file_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galley.toml");
        let good = "[store]\nid = \"S001\"\nzone = \"Asia/Tashkent\"\nname = { ru = \"Кафе\", uz = \"Kafe\", en = \"Cafe\" }\n";
        std::fs::write(&path, good).unwrap();
        assert_eq!(faults(&path).unwrap(), Vec::<String>::new());
        let bad = good
            .replace("S001", "")
            .replace("Asia/Tashkent", "Mars/Olympus");
        std::fs::write(&path, bad).unwrap();
        assert_eq!(faults(&path).unwrap().len(), 2);
    }

    #[test]
    fn a_credential_that_is_not_there_is_told_before_the_daemon_asks_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galley.toml");
        let text = format!(
            "[store]\nid = 'S001'\nzone = 'UTC'\nname = {{ ru = 'К', uz = 'K', en = 'C' }}\ndata = '{0}'\ncredentials = '{0}'\n\
             [connectors.sms_ru]\napi_id_credential = 'sms'\n[[tokens]]\nname = 'till'\nrole = 'staff'\ncredential = 'till'\n",
            folder.path().display()
        );
        std::fs::write(&path, text).unwrap();
        let found = faults(&path).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("connectors.sms_ru.api_id_credential: credential sms"));
        assert!(found[1].contains("galley secret set till"), "{found:?}");
        // A file with nothing in it is no credential: whoever sends no token would have the right one.
        for name in ["sms", "till"] {
            std::fs::write(folder.path().join(name), "\n").unwrap();
        }
        let found = faults(&path).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[1].contains("credential till: the file is empty"),
            "{found:?}"
        );
        for name in ["sms", "till"] {
            std::fs::write(folder.path().join(name), "a secret").unwrap();
        }
        assert_eq!(faults(&path).unwrap(), Vec::<String>::new());
    }
}
