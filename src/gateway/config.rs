//! The gateway's own configuration file, checked whole before anything starts.

use super::Role;
use crate::config::PrinterSection;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// All settings of a gateway. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// The gateway itself.
    pub gateway: GatewaySection,
}

/// `[gateway]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySection {
    /// Where tills come in.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Where the vendor's clients come in as well, such as 0.0.0.0:16732; they find their paths at `listen` too.
    #[serde(default)]
    pub vendor_listen: Option<SocketAddr>,
    /// Whether the vendor's web requests need no token, as at the vendor's own server.
    #[serde(default)]
    pub vendor_without_token: bool,
    /// Pages that may send the vendor's web requests from a browser, by their origin, such as
    /// `https://till.example.org`.
    #[serde(default)]
    pub vendor_origins: Vec<String>,
    /// Where technicians' commands come in; its file mode says who may.
    #[serde(default = "socket")]
    pub socket: PathBuf,
    /// The journal's file.
    #[serde(default = "journal")]
    pub journal: PathBuf,
    /// How long decided documents are remembered: a key that is repeated later prints anew. A year.
    #[serde(
        default = "keep",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub keep: Duration,
    /// Folder of the credentials, one file each; systemd's `$CREDENTIALS_DIRECTORY` when none.
    #[serde(default)]
    pub credentials: Option<PathBuf>,
    /// Who may come in.
    #[serde(default)]
    pub tokens: Vec<TokenSection>,
    /// The printers.
    #[serde(default)]
    pub printers: Vec<GatewayPrinter>,
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8095))
}

fn socket() -> PathBuf {
    "/run/galley-fiscal-gateway/gateway.sock".into()
}

fn journal() -> PathBuf {
    "/var/lib/galley-fiscal-gateway/journal.db".into()
}

fn keep() -> Duration {
    Duration::from_secs(366 * 24 * 3600)
}

/// `[[gateway.tokens]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSection {
    /// Who holds it.
    pub name: String,
    /// `till` or `technician`.
    pub role: String,
    /// Name of the credential that holds it.
    pub credential: String,
}

/// `[[gateway.printers]]`: what `[printer]` of a store has, and how its queue behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct GatewayPrinter {
    /// Its id, as tills name it.
    pub id: String,
    /// Whether a shift is opened by itself before the first document that needs one.
    pub open_shift: bool,
    /// Whether a shift of more than 24 hours is closed by itself before the next document.
    pub close_expired_shift: bool,
    /// The printer.
    pub printer: PrinterSection,
}

/// Ours are taken out, and the rest must be a printer: so unknown keys are refused in both.
impl TryFrom<toml::Table> for GatewayPrinter {
    type Error = String;

    fn try_from(mut table: toml::Table) -> Result<Self, String> {
        let id = match table.remove("id") {
            Some(toml::Value::String(id)) => id,
            _ => return Err("id: name the printer".to_owned()),
        };
        let mut flag = |name: &str| match table.remove(name) {
            None => Ok(false),
            Some(toml::Value::Boolean(yes)) => Ok(yes),
            Some(_) => Err(format!("{id}: {name}: true or false")),
        };
        let (open_shift, close_expired_shift) = (flag("open_shift")?, flag("close_expired_shift")?);
        let printer = table.try_into().map_err(|e| format!("{id}: {e}"))?;
        Ok(Self {
            id,
            open_shift,
            close_expired_shift,
            printer,
        })
    }
}

/// All that is wrong with a configuration, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct GatewayFaults(pub Vec<String>);

impl GatewayConfig {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, GatewayFaults> {
        let told = |what: String| format!("{}: {what}", path.display());
        let text =
            std::fs::read_to_string(path).map_err(|e| GatewayFaults(vec![told(e.to_string())]))?;
        let config: Self =
            toml::from_str(&text).map_err(|e| GatewayFaults(vec![told(e.to_string())]))?;
        let faults = config.faults();
        if faults.is_empty() {
            return Ok(config);
        }
        Err(GatewayFaults(faults.into_iter().map(told).collect()))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let gateway = &self.gateway;
        if gateway.printers.is_empty() {
            faults.push("gateway.printers: name at least one".to_owned());
        }
        for (i, p) in gateway.printers.iter().enumerate() {
            if !super::task::valid_key(&p.id) {
                faults.push(format!(
                    "gateway.printers: {:?} is no id: letters, digits, dots, colons and dashes",
                    p.id
                ));
            }
            if gateway
                .printers
                .iter()
                .take(i)
                .any(|other| other.id == p.id)
            {
                faults.push(format!("gateway.printers: {} is there twice", p.id));
            }
            let mut there = gateway.printers.iter().take(i);
            if let Some(other) = there.find(|other| {
                other.printer.address == p.printer.address && p.printer.gateway.is_none()
            }) {
                faults.push(format!(
                    "gateway.printers: {} and {} have one address; no printer may have two queues",
                    other.id, p.id
                ));
            }
            if let Err(e) = p.printer.check() {
                faults.push(format!("gateway.printers: {}: {e}", p.id));
            }
        }
        for (i, t) in gateway.tokens.iter().enumerate() {
            let mut there = gateway.tokens.iter().take(i);
            // Whose document it is hangs on the name.
            if there.any(|other| {
                other.name == t.name && other.role == t.role || other.credential == t.credential
            }) {
                faults.push(format!(
                    "gateway.tokens: {} has the name or the credential of another",
                    t.name
                ));
            }
            if Role::from_word(&t.role).is_none() {
                faults.push(format!("gateway.tokens: {:?} is no role", t.role));
            }
        }
        for origin in &gateway.vendor_origins {
            let page = origin.parse::<http::Uri>().ok();
            let plain = page.is_some_and(|uri| {
                uri.scheme().is_some() && uri.host().is_some() && uri.path() == "/"
            });
            if !plain || origin.ends_with('/') {
                faults.push(format!(
                    "gateway.vendor_origins: {origin:?} is no origin; it must look like https://till.example.org"
                ));
            }
        }
        if gateway.tokens.is_empty() && !gateway.vendor_without_token {
            faults.push("gateway.tokens: nobody could come in; name at least one".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

    use super::*;

    fn faults(printers: &str) -> String {
        let text = format!(
            "[gateway]\n[[gateway.tokens]]\nname = \"hall\"\nrole = \"till\"\ncredential = \"till\"\n{printers}"
        );
        match toml::from_str::<GatewayConfig>(&text) {
            Ok(config) => config.faults().join("\n"),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn a_printer_has_what_a_stores_printer_has_and_nothing_unknown() {
        let fine = "[[gateway.printers]]\nid = \"kkt-1\"\nopen_shift = true\nkind = \"atol_native\"\n\
                    address = \"tcp://192.168.1.10:5555\"\n[gateway.printers.receipt]\ncashier = \"Иванова\"\n";
        assert_eq!(faults(fine), "");
        let misspelt = fine.replace("open_shift", "open_shifts");
        assert!(
            faults(&misspelt).contains("open_shifts"),
            "{}",
            faults(&misspelt)
        );
        assert!(faults(&fine.replace("tcp:", "tpc:")).contains("kkt-1: address"));
        assert!(faults(&format!("{fine}{fine}")).contains("kkt-1 is there twice"));
        let other = fine.replace("kkt-1", "kkt-2");
        assert!(faults(&format!("{fine}{other}")).contains("kkt-1 and kkt-2 have one address"));
        let token = "[[gateway.tokens]]\nname = \"bar\"\nrole = \"till\"\ncredential = \"till\"\n";
        assert!(faults(&format!("{token}{fine}")).contains("bar has the name or the credential"));
        assert!(faults("").contains("name at least one"));
        let there =
            "[[gateway.printers]]\nid = \"a\"\nkind = \"gateway\"\naddress = \"http://box:8095\"\n";
        assert!(faults(there).contains("say which printer"));
        let whole = format!(
            "{there}[gateway.printers.gateway]\ndevice = \"kkt-1\"\ntoken_credential = \"t\"\n"
        );
        assert_eq!(faults(&whole), "");
    }
}
