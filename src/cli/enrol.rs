//! `galley enrol` and `galley sync adopt`: this box takes a store's place at headquarters. The daemon is stopped.

use super::{
    ask::confirm,
    exit::{Exit, Misuse, Stop, help},
    output::{print, print_json},
    progress::Progress,
    restore::day_at,
    run::CONFIG,
};
use crate::{
    config::{Config, load_catalog},
    credentials,
    enrolment::Enrolment,
    store::{
        Options, Store,
        backup::{self, Handover},
    },
    sync::{
        adopt::{AdoptError, Adopted, Adoption, By, Place, ask},
        down::new_token,
    },
    world::{Clock as _, SystemClock, SystemEntropy, World},
};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::{
    fs,
    os::unix::{fs::MetadataExt as _, net::UnixStream},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

/// Let this box take a store's place at headquarters. The daemon must be stopped.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley hq enrol S001                     at headquarters: gives the code",
    "galley enrol --hq https://hq.example --code 7KQ2M-XW4NP",
    "systemctl start galley; galley sync status",
    "",
    "A new box in an old store's place gets the store's log from headquarters and",
    "goes on where it ends. The former box is shut out, and sells no more when it",
    "comes back. What this box had and headquarters has not goes in behind."
))]
pub struct EnrolArgs {
    /// Headquarters' address
    #[arg(long, value_name = "URL")]
    hq: String,
    /// The one-time code
    #[arg(long, value_name = "CODE")]
    code: String,
    #[command(flatten)]
    place: PlaceArgs,
    /// Print what was done as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What both commands need.
#[derive(Args, Clone, Debug)]
pub struct PlaceArgs {
    /// The daemon's configuration: it names the store and the data folder
    #[arg(long, value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    config: PathBuf,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Runs `galley enrol`.
///
/// # Errors
/// When the daemon runs, headquarters can't be reached or says no. Nothing has changed then.
pub async fn execute(args: EnrolArgs) -> anyhow::Result<ExitCode> {
    let url = checked(&args.hq)?;
    take_place(&args.place, Some(url), Some(&args.code), args.json).await
}

/// Runs `galley sync adopt`.
///
/// # Errors
/// As [`execute`], and when this box never had a place and no code is given.
pub async fn adopt(args: &PlaceArgs, code: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    take_place(args, None, code, json).await
}

fn checked(url: &str) -> anyhow::Result<String> {
    let config = crate::sync::SyncConfig {
        url: Some(url.to_owned()),
        ..Default::default()
    };
    config
        .validate()
        .map_err(|e| Misuse(format!("--hq: {e}")))?;
    Ok(url.to_owned())
}

async fn take_place(
    args: &PlaceArgs,
    url: Option<String>,
    code: Option<&str>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    if UnixStream::connect(&config.store.socket).is_ok() {
        return Err(Stop::refused(format!(
            "a daemon serves {}: stop it first (systemctl stop galley)",
            config.store.socket.display()
        ))
        .into());
    }
    let data = &config.store.data;
    fs::create_dir_all(data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    let keys = credentials::keys(&config).map_err(anyhow::Error::msg)?;
    let known = Enrolment::load(data, &keys).map_err(anyhow::Error::msg)?;
    let url = url
        .or_else(|| known.as_ref().map(|k| k.url.clone()))
        .or_else(|| config.sync.url.clone())
        .ok_or_else(|| {
            Misuse("where is headquarters? name it: galley enrol --hq URL --code CODE".into())
        })?;
    confirm(
        args.yes,
        &format!(
            "This box takes the place of the store {} at {url}. A box that has it now sells no more.",
            config.store.id
        ),
    )?;
    let world = World::system().context("cannot set up HTTP")?;
    // Kept before it is asked with: an answer that is lost can be had again.
    let mut enrolment = known.unwrap_or_else(|| Enrolment {
        store_id: config.store.id.clone(),
        generation: 0,
        url: url.clone(),
        broker: None,
        keys: Vec::new(),
        token: None,
        next_token: None,
    });
    let fresh = enrolment
        .next_token
        .clone()
        .unwrap_or_else(|| new_token(&SystemEntropy));
    enrolment.next_token = Some(fresh.clone());
    let former_token = enrolment.token.clone();
    enrolment.save(data, &keys).map_err(anyhow::Error::msg)?;
    let http = world.http.as_ref();
    let place = match (code, &former_token) {
        (Some(code), _) => ask(http, &url, By::Code(code), &config.store.id, &fresh).await,
        (None, Some(token)) => {
            match ask(http, &url, By::Token(token), &config.store.id, &fresh).await {
                // The last try got its place, and its answer was lost.
                Err(AdoptError::Refused(_)) => {
                    ask(http, &url, By::Token(&fresh), &config.store.id, &fresh).await
                }
                answer => answer,
            }
        }
        (None, None) => {
            return Err(Misuse(
                "this box has no place yet: give a code (galley hq enrol STORE gives one)".into(),
            )
            .into());
        }
    }
    .map_err(stop)?;
    let now = SystemClock.now();
    let handover = Handover {
        now,
        day: day_at(&config, now),
        // With its own token it had the place until now.
        other_box: code.is_some(),
        generation: place.generation,
    };
    let adopted = make(&config, &world, &url, &fresh, &place, &handover, json).await?;
    enrolment = Enrolment {
        store_id: place.store_id.clone(),
        generation: place.generation,
        url,
        broker: place.broker.clone(),
        keys: place.keys.clone(),
        token: Some(fresh),
        next_token: None,
    };
    enrolment.save(data, &keys).map_err(anyhow::Error::msg)?;
    same_owner(data)?;
    if json {
        print_json(&json!({
            "store_id": place.store_id, "generation": place.generation, "made_anew": adopted.is_some(),
            "events": adopted.map_or(0, |a| a.events), "again": adopted.map_or(0, |a| a.again),
            "dropped": adopted.map_or(0, |a| a.dropped), "numbers_twice": adopted.map_or(0, |a| a.twice),
            "under_way": adopted.map_or(0, |a| a.open),
        }))?;
    } else {
        print(&told(&place, adopted))?;
    }
    Ok(Exit::Done.into())
}

fn stop(e: AdoptError) -> anyhow::Error {
    match e {
        AdoptError::Refused(why) => Stop::refused(why).into(),
        e => e.into(),
    }
}

/// Makes the database anew, unless what is there goes on from what headquarters has.
async fn make(
    config: &Config,
    world: &World,
    url: &str,
    token: &crate::world::Secret,
    place: &Place,
    handover: &Handover,
    json: bool,
) -> anyhow::Result<Option<Adopted>> {
    let data = &config.store.data;
    let database = data.join("galley.db");
    let adoption = Adoption {
        http: world.http.as_ref(),
        clock: Arc::clone(&world.clock),
        url,
        token,
        place,
        policy: config.policy(),
        catalog: config
            .catalog
            .file
            .as_deref()
            .map(load_catalog)
            .transpose()?,
        zone: jiff::tz::TimeZone::get(&config.store.zone).context("store.zone")?,
    };
    // Looked at on a copy: what is there stays as it is until all is well.
    let copy = Scratch(data.join(".galley.former"));
    copy.clear();
    let former = if database.exists() {
        let there = Store::open(Options::at(&database)).context(
            "the database that is there can't be opened; move it away if it is of no use",
        )?;
        there.backup(copy.0.clone()).await?;
        there.close().await;
        drop(there);
        let former = Store::open(Options::at(&copy.0))?;
        if adoption.goes_on(&former)? {
            // A store's first box took the place from nobody.
            if place.generation > 1 || place.head.seq > 0 {
                backup::hand_over(&database, handover)?;
            }
            return Ok(None);
        }
        Some(former)
    } else {
        None
    };
    if former.is_none() && place.head.seq == 0 {
        return Ok(None);
    }
    let (draft, opened) = (
        Scratch(data.join(".galley.draft")),
        Scratch(data.join(".galley.adopted")),
    );
    draft.clear();
    opened.clear();
    let mut progress = (!json).then(|| Progress::of("reading the log from headquarters"));
    let adopted = adoption
        .build(
            Options::at(&draft.0),
            opened.0.clone(),
            former.as_ref(),
            |done, of| {
                if let Some(progress) = &mut progress {
                    progress.at(done, Some(of));
                }
            },
        )
        .await
        .map_err(stop)?;
    drop(progress);
    drop(former);
    backup::restore(&database, &opened.0, handover)?;
    Ok(Some(adopted))
}

/// A database that goes away again.
struct Scratch(PathBuf);

impl Scratch {
    fn clear(&self) {
        for ending in ["", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(ending);
            let _ = fs::remove_file(PathBuf::from(name));
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Root enrols, and the daemon's user must be able to open what was made.
fn same_owner(data: &Path) -> anyhow::Result<()> {
    let folder = fs::metadata(data)?;
    for name in ["galley.db", "headquarters.json"] {
        let file = data.join(name);
        let Ok(ours) = fs::metadata(&file) else {
            continue;
        };
        if (folder.uid(), folder.gid()) != (ours.uid(), ours.gid()) {
            std::os::unix::fs::chown(&file, Some(folder.uid()), Some(folder.gid()))
                .context("the files can't be given to the daemon's user: run with sudo")?;
        }
    }
    Ok(())
}

fn told(place: &Place, adopted: Option<Adopted>) -> String {
    let mut text = format!(
        "this box is the store {} ({}), generation {}\n",
        place.store_id, place.name, place.generation
    );
    if let Some(a) = adopted {
        text += &format!("  {} events came from headquarters\n", a.events);
        if a.again + a.dropped > 0 {
            text += &format!(
                "  {} events of this box went in behind them, {} did not fit any more\n",
                a.again, a.dropped
            );
        }
        if a.twice > 0 {
            text += &format!(
                "  {} order numbers were given out twice, by this box and by the other (galley alert list)\n",
                a.twice
            );
        }
        if a.open > 0 {
            text += &format!(
                "  {} acts were under way: they are asked about, or wait for a person (galley alert list)\n",
                a.open
            );
        }
    }
    text + "next: systemctl start galley; galley status; galley reconcile\n"
}
