//! `galley restore`: back to a backup, with the daemon stopped.

use super::{
    ask::confirm,
    backup::no_such_file,
    client::SOCKET,
    doctor::DATA,
    exit::{Exit, Misuse, Stop, help},
    output::{print, print_json, time},
    progress::Progress,
    run::CONFIG,
};
use crate::{
    config::Config,
    credentials,
    domain::time::{Timestamp, local},
    store::{
        backup::{self, Handover, Header, Missing, Restored},
        vault::Key,
    },
    world::{Clock as _, SystemClock},
};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::{
    fs,
    os::unix::{fs::MetadataExt as _, net::UnixStream},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// Where the credentials of an installation are, sealed by systemd or plain.
const CREDENTIALS: &str = "/etc/galley/credentials";
/// How long another program may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Put the store back to a backup. The daemon must be stopped.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "systemctl stop galley",
    "galley restore /var/lib/galley/backups/S001-20261122T040000Z.backup",
    "systemctl start galley; galley status",
    "galley restore FILE --key-file /media/usb/galley-key",
    "",
    "The database that is there is moved aside, never removed. What is newer",
    "than the backup is missing afterwards; it is said before anything is done."
))]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The daemon's configuration: it names the data folder and the key
    #[arg(long, value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    config: PathBuf,
    /// The data folder, instead of the configuration's
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A file with the box's key, instead of the credential
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The daemon's Unix socket, by which it is seen to be stopped
    #[arg(long, value_name = "PATH", env = "GALLEY_SOCKET")]
    socket: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs it.
///
/// # Errors
/// When the daemon runs, the file is no whole backup, or the answer is no. Nothing has changed then.
pub async fn execute(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    if !args.file.exists() {
        return Err(no_such_file(&args.file).into());
    }
    let config = Config::load(&args.config);
    let data = match (&args.data, &config) {
        (Some(data), _) => data.clone(),
        (None, Ok(config)) => config.store.data.clone(),
        (None, Err(_)) => PathBuf::from(DATA),
    };
    let socket = match (&args.socket, &config) {
        (Some(socket), _) => socket.clone(),
        (None, Ok(config)) => config.store.socket.clone(),
        (None, Err(_)) => PathBuf::from(SOCKET),
    };
    if UnixStream::connect(&socket).is_ok() {
        return Err(Stop::refused(format!(
            "a daemon serves {}: stop it first (systemctl stop galley)",
            socket.display()
        ))
        .into());
    }
    let header = backup::listed(&args.file)?.header;
    if let Ok(config) = &config
        && config.store.id != header.store_id
    {
        return Err(Stop::refused(format!(
            "this is a backup of the store {}, and {} is of the store {}",
            header.store_id,
            args.config.display(),
            config.store.id
        ))
        .into());
    }
    let keys = keys(&args, config.as_ref().ok()).await?;
    fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    let database = data.join("galley.db");
    let opened = Opened(data.join(".galley.restored"));
    let _ = fs::remove_file(&opened.0);
    let mut progress = Progress::of("opening the backup");
    backup::unseal(&args.file, &keys, &opened.0, &mut |done, of| {
        progress.at(done, Some(of));
    })?;
    drop(progress);
    let missing = backup::missing(&database, &header);
    let what = consequences(&header, &database, missing.as_ref());
    confirm(args.yes, &what)?;
    same_owner(&data, &opened.0)?;
    let now = SystemClock.now();
    let handover = Handover {
        now,
        day: config.as_ref().ok().and_then(|c| day_at(c, now)),
        other_box: false,
        generation: 0,
    };
    let restored = backup::restore(&database, &opened.0, &handover)?;
    if args.json {
        print_json(&json!({
            "database": database, "backup": args.file, "header": header,
            "missing": missing.as_ref().map(|m| json!({
                "same_log": m.same_log, "events": m.events, "orders": m.orders, "receipts": m.receipts,
            })),
            "aside": restored.aside, "asked": restored.asked, "for_person": restored.for_person,
        }))?;
    } else {
        print(&told(&database, &restored))?;
    }
    Ok(Exit::Done.into())
}

/// The day that a store's orders are numbered in.
pub(super) fn day_at(config: &Config, now: Timestamp) -> Option<String> {
    let zone = jiff::tz::TimeZone::get(&config.store.zone).ok()?;
    Some(local(now, &zone).date().to_string())
}

/// The opened copy goes when it was not put in place.
struct Opened(PathBuf);

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn consequences(header: &Header, database: &Path, missing: Option<&Missing>) -> String {
    let made = time(header.at.as_millis());
    let start = format!(
        "The store {} goes back to {made} (event {}).",
        header.store_id, header.seq
    );
    let lost = match missing {
        _ if !database.exists() => "There is no database now.".to_owned(),
        None => format!(
            "The database that is there can't be read; everything after {made} will be missing here."
        ),
        Some(m) if !m.same_log => {
            "The database that is there is another store's, or was restored before: ALL of it will be missing.".to_owned()
        }
        Some(m) if m.events == 0 => "Nothing will be missing.".to_owned(),
        Some(m) => format!(
            "Missing afterwards: {} events, among them {} orders and {} receipts.",
            m.events, m.orders, m.receipts
        ),
    };
    let rest = match missing {
        Some(m) if m.same_log && m.events == 0 => "",
        _ => {
            " Receipts and payments of that time stay with the fiscal drive, the bank and headquarters; headquarters refuses \
             the store's next events until somebody there takes the former ones aside."
        }
    };
    format!("{start} {lost}{rest} The present files stay beside it under another name.")
}

fn told(database: &Path, restored: &Restored) -> String {
    let mut text = format!("{} is the backup's now\n", database.display());
    for file in &restored.aside {
        text += &format!("  what was there: {}\n", file.display());
    }
    if restored.asked + restored.for_person > 0 {
        text += &format!(
            "  what was under way then: {} acts are asked about outside, {} wait for a person (galley alert list)\n",
            restored.asked, restored.for_person
        );
    }
    text + "next: systemctl start galley; galley status; galley reconcile\n"
}

/// Root restores, and the daemon's user must be able to open it.
fn same_owner(data: &Path, file: &Path) -> anyhow::Result<()> {
    let folder = fs::metadata(data)?;
    let ours = fs::metadata(file)?;
    if (folder.uid(), folder.gid()) != (ours.uid(), ours.gid()) {
        std::os::unix::fs::chown(file, Some(folder.uid()), Some(folder.gid()))
            .context("the restored database can't be given to the daemon's user: run with sudo")?;
    }
    Ok(())
}

async fn keys(args: &RestoreArgs, config: Option<&Config>) -> anyhow::Result<Vec<Key>> {
    let key = |text: &str| Key::new(text).map_err(anyhow::Error::from);
    if let Some(file) = &args.key_file {
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read the key {}", file.display()))?;
        return Ok(vec![key(&text)?]);
    }
    let mut keys = match config {
        Some(config) => credentials::keys(config).map_err(anyhow::Error::msg)?,
        None => Vec::new(),
    };
    if keys.is_empty() {
        let name = config.map_or("galley-key", |c| c.store.key_credential.as_str());
        for name in [name.to_owned(), format!("{name}-old")] {
            if let Some(text) = installed(&name).await {
                keys.push(key(&text)?);
            }
        }
    }
    if keys.is_empty() {
        return Err(Misuse(
            "the box's key is not to be found: name it with --key-file, or run with sudo on the box itself".into(),
        )
        .into());
    }
    Ok(keys)
}

/// A credential as it lies on the box: plain, or sealed by systemd, which alone can open it.
async fn installed(name: &str) -> Option<String> {
    let path = Path::new(CREDENTIALS).join(name);
    let sealed = tokio::process::Command::new("systemd-creds")
        .arg("decrypt")
        .arg(format!("--name={name}"))
        .arg(&path)
        .arg("-")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    if !path.exists() {
        return None;
    }
    if let Ok(Ok(output)) = tokio::time::timeout(PATIENCE, sealed).await
        && output.status.success()
    {
        return String::from_utf8(output.stdout).ok();
    }
    fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_be_missing_is_said_in_numbers_or_that_nobody_can_know() {
        let header = Header {
            store_id: "S001".into(),
            at: Timestamp::from_millis(0),
            reason: "schedule".into(),
            seq: 50,
            head: [0; 32],
            database_schema: 5,
            version: "0.1.0".into(),
            bytes: 1,
            key: String::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("galley.db");
        assert!(consequences(&header, &database, None).contains("no database now"));
        fs::write(&database, b"x").unwrap();
        assert!(consequences(&header, &database, None).contains("can't be read"));
        let mut missing = Missing {
            same_log: true,
            events: 120,
            orders: 7,
            receipts: 6,
        };
        let text = consequences(&header, &database, Some(&missing));
        assert!(
            text.contains("120 events, among them 7 orders and 6 receipts"),
            "{text}"
        );
        missing.same_log = false;
        assert!(consequences(&header, &database, Some(&missing)).contains("ALL of it"));
    }
}
