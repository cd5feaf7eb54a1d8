//! What headquarters has to do with the world outside: who is told of alerts, and who calls.

use crate::{
    config::credential,
    hq::{
        Hq,
        notify::{Notifier, NotifyConfig},
        relay::{Relay, RelayConfig},
    },
    world::{Http, ReqwestHttp, Secret, SystemEntropy},
};
use anyhow::Context as _;
use clap::Args;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Args, Debug)]
pub struct OutsideArgs {
    /// Who is told of alerts, and how (TOML, docs/notify.md); nobody without it
    #[arg(long, value_name = "FILE", env = "GALLEY_HQ_NOTIFY")]
    pub notify: Option<PathBuf>,
    /// Outside services that call stores here, at /relay/PROVIDER/SHOP (TOML, docs/relay.md)
    #[arg(long, value_name = "FILE", env = "GALLEY_HQ_RELAY")]
    pub relay: Option<PathBuf>,
}

impl OutsideArgs {
    /// The relay, where one is configured.
    ///
    /// # Errors
    /// When its file is wrong.
    pub(super) fn relay(&self, credentials: Option<&Path>) -> anyhow::Result<Option<Relay>> {
        let Some(file) = &self.relay else {
            return Ok(None);
        };
        read(file, |text| {
            Relay::new(RelayConfig::parse(text)?, &secrets(credentials))
        })
        .map(Some)
    }

    /// Who tells people, where somebody is to be told.
    ///
    /// # Errors
    /// When its file is wrong.
    pub(super) fn notifier(
        &self,
        hq: &Hq,
        credentials: Option<&Path>,
    ) -> anyhow::Result<Option<Notifier>> {
        let Some(file) = &self.notify else {
            return Ok(None);
        };
        let http: Arc<dyn Http> = Arc::new(ReqwestHttp::new()?);
        read(file, |text| {
            Notifier::new(
                hq.clone(),
                NotifyConfig::parse(text)?,
                &http,
                Arc::new(SystemEntropy),
                &secrets(credentials),
            )
        })
        .map(Some)
    }
}

fn secrets(folder: Option<&Path>) -> impl Fn(&str) -> Result<Secret, String> {
    move |name| credential(folder, "--credentials", name)
}

fn read<T>(file: &Path, make: impl FnOnce(&str) -> Result<T, String>) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} can't be read", file.display()))?;
    make(&text)
        .map_err(anyhow::Error::msg)
        .with_context(|| file.display().to_string())
}
