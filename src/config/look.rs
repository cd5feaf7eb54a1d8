//! Reading the configuration: everything that is wrong with it at once, as far as it can be told.

use super::{Config, Faults, PrinterKind};
use std::path::Path;

/// A file with more mistakes than these is no configuration.
const MOST: usize = 50;
/// A store in the place of one that can't be read, so that the rest can be looked at.
const STAND_IN: &str =
    "\n[store]\nid = \"S001\"\nzone = \"UTC\"\nname = { ru = \"-\", uz = \"-\", en = \"-\" }\n";

/// What could be made of a file.
#[derive(Debug)]
pub struct Looked {
    /// The settings that can be read, if any; in force only where there are no faults.
    pub config: Option<Config>,
    /// All that is wrong.
    pub faults: Vec<String>,
    /// The store's own section is among those settings.
    pub store_known: bool,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let looked = Self::look(path);
        match looked.config {
            Some(config) if looked.faults.is_empty() => Ok(config),
            _ => Err(Faults(looked.faults)),
        }
    }

    /// Reads a configuration file as far as it can be read.
    #[must_use]
    pub fn look(path: &Path) -> Looked {
        let name = path.display();
        let read = match std::fs::read_to_string(path) {
            Ok(text) => read(text),
            Err(e) => Read {
                faults: vec![e.to_string()],
                ..Read::default()
            },
        };
        let mut faults = read.faults;
        if let Some(config) = &read.config {
            let told = |fault: &String| read.left_out.iter().any(|key| is_about(fault, key));
            faults.extend(config.faults().into_iter().filter(|f| !told(f)));
        }
        Looked {
            config: read.config,
            faults: faults.into_iter().map(|f| format!("{name}: {f}")).collect(),
            store_known: !read.left_out.iter().any(|key| key == "store"),
        }
    }

    /// What can be used and had better not be.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let one_c = self.connectors.one_c.as_ref();
        let one_c = one_c.map(|c| ("connectors.one_c.base_url", &c.base_url));
        let printer = self.printer.as_ref();
        let gateway = printer
            .filter(|p| p.kind == PrinterKind::Gateway)
            .map(|p| ("printer.address", &p.address));
        [one_c, gateway]
            .into_iter()
            .flatten()
            .filter(|(_, url)| is_in_clear(url))
            .map(|(setting, url)| {
                format!(
                    "{setting}: {url} is no https: the password and every sum travel readable, and can be changed on the way; \
                     only on a network of your own, and better not there"
                )
            })
            .collect()
    }
}

/// Whether what is sent there leaves this machine, and anybody on the way can read it.
fn is_in_clear(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("http") && !here
}

/// Whether a fault is about this key or section, which was told already.
fn is_about(fault: &str, key: &str) -> bool {
    fault
        .replace(": ", ".")
        .strip_prefix(key)
        .is_some_and(|rest| rest.starts_with(['.', ' ']))
}

#[derive(Default)]
struct Read {
    config: Option<Config>,
    faults: Vec<String>,
    /// Keys and sections that could not be read.
    left_out: Vec<String>,
}

/// Reads the settings; what can't be read is told and left out, so that one mistake hides no other.
fn read(mut text: String) -> Read {
    let mut read = Read::default();
    for _ in 0..MOST {
        let error = match toml::from_str::<Config>(&text) {
            Ok(config) => {
                read.config = Some(config);
                return read;
            }
            Err(error) => error,
        };
        // What is missing because it was left out is no news.
        let known = read.left_out.iter().any(|key| {
            let last = key.rsplit('.').next().unwrap_or(key);
            error.message().contains(&format!("missing field `{last}`"))
        });
        if !known {
            read.faults.push(error.to_string());
        }
        match without(&text, &error) {
            Some((less, key)) => {
                text = less;
                read.left_out.push(key);
            }
            None => break,
        }
    }
    read
}

/// The text without what can't be read, and its name; none where nobody can say how much that is.
fn without(text: &str, error: &toml::de::Error) -> Option<(String, String)> {
    let is_toml = |text: &str| text.parse::<toml::Table>().is_ok();
    if error.message().contains("missing field `store`") {
        return (!text.contains(STAND_IN))
            .then(|| (format!("{text}{STAND_IN}"), "store".to_owned()));
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let at = text.get(..error.span()?.start)?.matches('\n').count();
    let header = (0..=at).rev().find(|n| section(lines[*n]).is_some());
    let own = header.and_then(|n| section(lines[n])).unwrap_or_default();
    if header != Some(at)
        && let Some((key, _)) = lines[at].split_once('=')
    {
        let mut less = lines.clone();
        less[at] = "";
        let less = less.join("\n");
        if is_toml(&less) {
            let path = format!("{own}.{}", key.trim());
            return Some((less, path.trim_start_matches('.').to_owned()));
        }
    }
    // Where the text is no TOML, nobody knows where a section ends.
    let from = header.filter(|_| is_toml(text))?;
    let inside = |line: &str| {
        section(line).is_none_or(|name| name.strip_prefix(own).is_some_and(|r| r.starts_with('.')))
    };
    let to = (from + 1..lines.len())
        .find(|n| !inside(lines[*n]))
        .unwrap_or(lines.len());
    let mut less = lines.clone();
    less[from..to].fill("");
    let mut less = less.join("\n");
    if own == "store" {
        less += STAND_IN;
    }
    is_toml(&less).then(|| (less, own.to_owned()))
}

/// The name in a section's header.
fn section(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let inner = line.strip_prefix("[[").or_else(|| line.strip_prefix('['))?;
    Some(inner.split(']').next().unwrap_or(inner).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str =
        "[store]\nid = 'S001'\nzone = 'UTC'\nname = { ru = 'К', uz = 'K', en = 'C' }\n";

    fn faults(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galley.toml");
        std::fs::write(&path, text).unwrap();
        Config::look(&path).faults
    }

    #[track_caller]
    fn told(text: &str, wanted: &[&str]) {
        let found = faults(text);
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        for (fault, words) in found.iter().zip(wanted) {
            assert!(fault.contains(words), "{words}: {found:#?}");
        }
    }

    #[test]
    fn one_mistake_hides_no_other() {
        told(STORE, &[]);
        let robot = "[robot]\nkind = 'klink'\naddress = 'nowhere'\narms = 0\n";
        let bank = "[connectors.alfa_bank]\nbase_url = 'http://bank.example/rest/'\nuser_name = 'u'\npassword_credential = 'p'\nreturn_url = 'https://example.com/'\n";
        let sms =
            "[connectors.sms_ru]\nbase_url = 'http://sms.example'\napi_id_credential = 'sms'\n";
        let rest = [
            "robot.address",
            "robot.arms",
            "connectors.alfa_bank: base_url must begin with https",
            "connectors.sms_ru: base_url must begin with https",
        ];
        // An unknown key, a value of the wrong kind, a missing one, a word that is none, no TOML.
        for (line, words) in [
            ("[policy]\nmax_peices = 3\n", "max_peices"),
            ("[policy]\nmax_pieces = 'three'\n", "max_pieces"),
            ("[[tokens]]\nname = 'x'\n", "missing field `role`"),
            (
                "[printer]\nkind = 'atoll'\naddress = 'serial:///dev/ttyACM0'\n",
                "atoll",
            ),
            ("[policy]\nmax_pieces = = 3\n", "line 6"),
        ] {
            let wanted: Vec<&str> = [words].iter().chain(&rest).copied().collect();
            told(&format!("{STORE}{line}{robot}{bank}{sms}"), &wanted);
        }
        // What is left out is not told to be missing, and not told twice.
        told(
            &format!("{}{robot}", STORE.replace("'UTC'", "3")),
            &["zone", "robot.address", "robot.arms"],
        );
        told(
            &format!("{STORE}{}", robot.replace("'nowhere'", "7")),
            &["address", "robot.arms"],
        );
        told(
            robot,
            &["missing field `store`", "robot.address", "robot.arms"],
        );
        // Where nobody can say how far a mistake goes, it is told alone.
        told(&format!("{STORE}[policy]\nx = [1,\n{robot}"), &["TOML"]);
    }

    #[test]
    fn a_password_in_clear_is_warned_of_where_it_leaves_the_machine() {
        for (url, clear) in [
            ("http://1c.local/base/", true),
            ("http://192.168.1.9/base/", true),
            ("https://1c.example/base/", false),
            ("http://127.0.0.1:8080/", false),
            ("http://[::1]:8080/", false),
            ("http://localhost/", false),
        ] {
            assert_eq!(is_in_clear(url), clear, "{url}");
        }
    }
}
