//! `galley hq user`, and how people come in at headquarters.

use super::{
    ask,
    exit::{Exit, Misuse, help},
    output::print,
};
use crate::{
    config::credential,
    hq::{
        Hq, HqConfig,
        people::{NewUser, PeopleError, Role, oidc::OidcConfig},
    },
    world::{ReqwestHttp, Secret},
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::{collections::BTreeMap, path::Path, process::ExitCode, sync::Arc};

/// What can be done about people.
#[derive(Subcommand, Debug)]
pub enum UserAct {
    /// Let somebody in: the first admin, or more people. The password is asked for, or read from the standard input
    #[command(after_help = help!(
        "galley hq user add anna",
        "galley hq --postgres \"$URL\" user add bek --role operator < password"
    ))]
    Add {
        /// The name they sign in with
        name: String,
        /// What they may do: viewer, operator, manager, admin
        #[arg(long, default_value = "admin", value_name = "ROLE")]
        role: Role,
        /// Their name for others
        #[arg(long, default_value = "", value_name = "NAME")]
        full_name: String,
    },
}

/// Does it, in the database that headquarters uses; it may run meanwhile.
///
/// # Errors
/// When the name or the password can't be taken, or the database can't be used.
pub async fn execute(hq: &Hq, act: UserAct) -> anyhow::Result<ExitCode> {
    let UserAct::Add {
        name,
        role,
        full_name,
    } = act;
    let password = Secret::new(ask::secret(&format!("Password for {name}"))?);
    let new = NewUser {
        name: name.clone(),
        full_name,
        role,
        password: Some(password),
    };
    match hq.add_user(new).await {
        Ok(()) => {
            print(&format!("{name} can sign in, as {}\n", role.word()))?;
            Ok(Exit::Done.into())
        }
        Err(e @ (PeopleError::Invalid(_) | PeopleError::Taken(_))) => {
            Err(Misuse(e.to_string()).into())
        }
        Err(e) => Err(e.into()),
    }
}

/// How people come in.
#[derive(Args, Debug)]
pub struct PeopleArgs {
    /// Browsers come by https: the session's cookie is for https only
    #[arg(long, env = "GALLEY_HQ_BEHIND_TLS")]
    pub behind_tls: bool,
    /// A proxy stands before headquarters and tells in X-Forwarded-For where a request came from
    #[arg(long, env = "GALLEY_HQ_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Credential with the token of those who may look without signing in
    #[arg(long, value_name = "NAME", env = "GALLEY_HQ_VIEWER_TOKEN_CREDENTIAL")]
    pub viewer_token_credential: Option<String>,
    /// Let people in by this OpenID Connect provider
    #[arg(
        long,
        value_name = "URL",
        env = "GALLEY_HQ_OIDC_ISSUER",
        requires = "oidc_client_id",
        requires = "public_url"
    )]
    pub oidc_issuer: Option<String>,
    /// Who headquarters is at the provider
    #[arg(long, value_name = "ID", env = "GALLEY_HQ_OIDC_CLIENT_ID")]
    pub oidc_client_id: Option<String>,
    /// Credential with its secret at the provider
    #[arg(long, value_name = "NAME", env = "GALLEY_HQ_OIDC_SECRET_CREDENTIAL")]
    pub oidc_secret_credential: Option<String>,
    /// What the provider's button says
    #[arg(
        long,
        value_name = "TEXT",
        env = "GALLEY_HQ_OIDC_LABEL",
        default_value = "OpenID"
    )]
    pub oidc_label: String,
    /// The claim with a person's groups
    #[arg(
        long,
        value_name = "CLAIM",
        env = "GALLEY_HQ_OIDC_ROLES_CLAIM",
        default_value = "groups"
    )]
    pub oidc_roles_claim: String,
    /// Which group has which role; as often as there are groups. In the environment: separated by commas
    #[arg(
        long = "oidc-role",
        value_name = "GROUP=ROLE",
        env = "GALLEY_HQ_OIDC_ROLES",
        value_delimiter = ',',
        value_parser = group_role
    )]
    pub oidc_roles: Vec<(String, Role)>,
    /// What those may do who are in none of them; without it they are not let in
    #[arg(long, value_name = "ROLE", env = "GALLEY_HQ_OIDC_DEFAULT_ROLE")]
    pub oidc_default_role: Option<Role>,
    /// Headquarters' own address, as browsers know it
    #[arg(long, value_name = "URL", env = "GALLEY_HQ_PUBLIC_URL")]
    pub public_url: Option<String>,
}

fn group_role(text: &str) -> Result<(String, Role), String> {
    let (group, role) = text
        .rsplit_once('=')
        .ok_or("a group's role is given as GROUP=ROLE")?;
    Ok((group.to_owned(), role.parse()?))
}

impl PeopleArgs {
    /// Puts it into the configuration.
    ///
    /// # Errors
    /// When a credential can't be read.
    pub fn apply(self, config: &mut HqConfig, credentials: Option<&Path>) -> anyhow::Result<()> {
        let secret = |name: &Option<String>| -> anyhow::Result<Option<Secret>> {
            name.as_ref()
                .map(|name| {
                    credential(credentials, "--credentials", name).map_err(anyhow::Error::msg)
                })
                .transpose()
        };
        config.viewer_token = secret(&self.viewer_token_credential)?;
        config.people.behind_tls = self.behind_tls;
        config.people.behind_proxy = self.behind_proxy;
        let (Some(issuer), Some(client_id), Some(public_url)) =
            (self.oidc_issuer, self.oidc_client_id, self.public_url)
        else {
            return Ok(());
        };
        config.people.oidc = Some(OidcConfig {
            label: self.oidc_label,
            issuer,
            client_id,
            client_secret: secret(&self.oidc_secret_credential)?,
            public_url,
            roles_claim: self.oidc_roles_claim,
            roles: self.oidc_roles.into_iter().collect::<BTreeMap<_, _>>(),
            default_role: self.oidc_default_role,
            http: Arc::new(ReqwestHttp::new().context("no HTTPS client can be made")?),
        });
        Ok(())
    }
}
