//! `galley config`: what is in force and where it comes from, what is wrong, and what a key means.

mod keys;
mod origin;

use super::{
    check_config,
    exit::{Exit, help},
    output::{Paint, clean, paint, print, print_json, width, wrap},
    run::CONFIG,
};
use crate::{
    cli::exit::Misuse,
    config::{Config, PolicySection},
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use origin::Origin;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The configuration: what is in force, what is wrong, what a key means.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley config show                   every value, and where it comes from",
    "galley config show printer           one part of it",
    "galley config show --set             only what the file sets",
    "galley config check                  what systemd runs before each start",
    "galley config explain fiscal         what the keys of a part mean",
    "galley config explain policy.pay_within"
))]
pub struct ConfigArgs {
    /// The file
    #[arg(long, global = true, value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    config: PathBuf,
    /// Print it as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Every value in force, and where it comes from; passwords are hidden
    Show {
        /// Only keys that begin so, such as printer
        part: Option<String>,
        /// Only what the file sets
        #[arg(long)]
        set: bool,
    },
    /// Everything that is wrong with the file, at once
    Check,
    /// What a key means, its values, and what it is now
    Explain {
        /// The key, such as policy.pay_within, or a part of it
        key: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the file can't be read, or there is no such key.
pub async fn execute(args: ConfigArgs) -> anyhow::Result<ExitCode> {
    match args.act {
        Act::Check => check_config::check(&args.config, args.json),
        Act::Show { part, set } => {
            let values = values(&args.config)?;
            let wanted = |key: &str| part.as_ref().is_none_or(|p| belongs(key, p));
            let values: Vec<&Setting> = values
                .iter()
                .filter(|v| wanted(&v.key) && (!set || v.origin != Origin::Default))
                .collect();
            if values.is_empty()
                && let Some(part) = part
            {
                return Err(Misuse(format!(
                    "nothing begins with {part}; see: galley config show"
                ))
                .into());
            }
            if args.json {
                let values: Vec<Value> = values.iter().map(|v| v.json()).collect();
                print_json(&json!({"file": args.config, "values": values}))?;
            } else {
                print(&show(&args.config, &values))?;
            }
            Ok(Exit::Done.into())
        }
        Act::Explain { key } => explain(&args.config, &key, args.json),
    }
}

/// One value in force.
struct Setting {
    key: String,
    value: String,
    origin: Origin,
}

impl Setting {
    fn json(&self) -> Value {
        let (origin, line) = match self.origin {
            Origin::Default => ("default", None),
            Origin::File(line) => ("file", Some(line)),
        };
        json!({"key": self.key, "value": self.value, "origin": origin, "line": line})
    }
}

/// Every value in force, by key.
fn values(path: &Path) -> anyhow::Result<Vec<Setting>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let config = Config::load(path)?;
    let origins = origin::lines(&text).map_err(anyhow::Error::msg)?;
    let mut flat = BTreeMap::new();
    flatten(&serde_json::to_value(effective(&config))?, "", &mut flat);
    Ok(flat
        .into_iter()
        .map(|(key, value)| Setting {
            origin: origin::of(&origins, &key),
            value: shown(&key, &value),
            key,
        })
        .collect())
}

/// The configuration with the defaults that are decided elsewhere.
#[allow(
    clippy::needless_update,
    reason = "a new key of the policy is shown as it is set until its default is known here"
)]
fn effective(config: &Config) -> Config {
    let p = config.policy();
    let set = &config.policy;
    Config {
        policy: PolicySection {
            pay_within: Some(p.pay_within),
            qr_valid: Some(p.qr_valid),
            qr_within: Some(p.qr_within),
            max_wait: Some(p.max_wait),
            robot_grace: Some(p.robot_grace),
            printer_grace: Some(p.printer_grace),
            close_shift_after: Some(p.close_shift_after),
            max_pieces: Some(p.max_pieces),
            cook_attempts: Some(p.cook_attempts),
            auto_open_shift: Some(p.auto_open_shift),
            kitchen_slips: Some(p.kitchen_slips),
            ..set.clone()
        },
        ..config.clone()
    }
}

fn flatten(value: &Value, key: &str, flat: &mut BTreeMap<String, Value>) {
    let below = |name: &str| match key {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(value, &below(name), flat);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (i, item) in items.iter().enumerate() {
                flatten(item, &format!("{key}[{i}]"), flat);
            }
        }
        other => {
            flat.insert(key.to_owned(), other.clone());
        }
    }
}

/// A value as it would stand in the file; passwords of devices and in addresses are hidden.
fn shown(key: &str, value: &Value) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    // What 1C calls `password` is a credential's name.
    let hidden = last.contains("password")
        && !last.ends_with("_credential")
        && !key.starts_with("connectors.one_c.");
    match value {
        Value::Null => "-".to_owned(),
        _ if hidden => "(hidden)".to_owned(),
        Value::String(text) => format!("{:?}", without_login(text)),
        other => other.to_string(),
    }
}

/// An address without the name and password that may stand in it.
fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let host = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(host);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://(hidden)@{host}{path}"),
        None => text.to_owned(),
    }
}

fn belongs(key: &str, part: &str) -> bool {
    let part = part.trim_end_matches('.');
    key == part
        || key
            .strip_prefix(part)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn show(path: &Path, values: &[&Setting]) -> String {
    let mut text = format!("{}\n\n", path.display());
    let keys = values.iter().map(|v| width(&v.key)).max().unwrap_or(0);
    for v in values {
        let gap = " ".repeat(keys - width(&v.key));
        let origin = match v.origin {
            Origin::Default => paint(Paint::Dim, "default"),
            Origin::File(line) => format!("line {line}"),
        };
        text += &format!("{}{gap}  {}  ← {origin}\n", clean(&v.key), clean(&v.value));
    }
    text
}

fn explain(path: &Path, key: &str, json: bool) -> anyhow::Result<ExitCode> {
    let found = keys::find(key);
    if found.is_empty() {
        return Err(Misuse(format!(
            "there is no key {key}; all of them: galley config explain ''"
        ))
        .into());
    }
    // What it means is known without a file too.
    let now = values(path).unwrap_or_default();
    let of = |key: &str| -> Vec<&Setting> {
        now.iter().filter(|v| keys::plain(&v.key) == key).collect()
    };
    if json {
        let all: Vec<Value> = found
            .iter()
            .map(|k| {
                let now: Vec<Value> = of(k.key).iter().map(|v| v.json()).collect();
                json!({"key": k.key, "type": k.kind, "words": k.words(), "doc": k.doc, "now": now})
            })
            .collect();
        print_json(&json!({ "keys": all }))?;
        return Ok(Exit::Done.into());
    }
    let mut text = String::new();
    for k in &found {
        text += &format!(
            "{}  {}\n",
            paint(Paint::Bold, k.key),
            paint(Paint::Dim, k.kind)
        );
        text += &wrap(k.doc, 4);
        if !k.words().is_empty() {
            text += &wrap(&format!("one of: {}", k.words().join(", ")), 4);
        }
        for v in of(k.key) {
            let origin = match v.origin {
                Origin::Default => "default".to_owned(),
                Origin::File(line) => format!("{}:{line}", path.display()),
            };
            text += &format!("    now: {}  ← {origin}\n", clean(&v.value));
        }
    }
    print(&text)?;
    Ok(Exit::Done.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"[store]
id = "S001"
zone = "Asia/Tashkent"
name = { ru = "Кафе", uz = "Kafe", en = "Cafe" }

[sync]
url = "https://galley:pa55word@hq.example"

[printer]
kind = "atol_native"
address = "tcp://10.0.0.2:5555"
[printer.atol]
access_password = "4711"

[[tokens]]
name = "front"
role = "kiosk"
credential = "kiosk"
"#;

    fn all() -> (tempfile::TempDir, Vec<Setting>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galley.toml");
        std::fs::write(&path, FILE).unwrap();
        let values = values(&path).unwrap();
        (folder, values)
    }

    #[test]
    fn every_value_tells_where_it_comes_from() {
        let (_folder, values) = all();
        let of = |key: &str| {
            let v = values.iter().find(|v| v.key == key);
            v.map(|v| (v.value.clone(), v.origin))
                .unwrap_or_else(|| panic!("no {key}"))
        };
        assert_eq!(of("store.id"), ("\"S001\"".into(), Origin::File(2)));
        assert_eq!(of("store.name.en"), ("\"Cafe\"".into(), Origin::File(4)));
        assert_eq!(
            of("store.listen"),
            ("\"0.0.0.0:8080\"".into(), Origin::Default)
        );
        assert_eq!(of("tokens[0].role"), ("\"kiosk\"".into(), Origin::File(17)));
        // A default that is decided elsewhere is told too.
        let (pay_within, origin) = of("policy.pay_within");
        assert_eq!(origin, Origin::Default);
        assert!(pay_within.contains("10m"), "{pay_within}");
    }

    #[test]
    fn no_password_is_shown() {
        let (_folder, values) = all();
        let text = show(Path::new("galley.toml"), &values.iter().collect::<Vec<_>>());
        assert!(
            !text.contains("pa55word") && !text.contains("4711"),
            "{text}"
        );
        assert!(text.contains("https://(hidden)@hq.example"), "{text}");
        assert!(
            text.contains("\"hq_token\""),
            "the name of a credential is no secret: {text}"
        );
    }

    #[test]
    fn a_part_is_a_part_and_no_beginning_of_a_word() {
        assert!(belongs("store.id", "store") && belongs("tokens[0].name", "tokens"));
        assert!(!belongs("storefront.id", "store"));
    }

    #[test]
    fn every_value_that_can_be_shown_can_be_explained() {
        let (_folder, values) = all();
        for v in values {
            let key = keys::plain(&v.key);
            assert!(
                !keys::find(&key).is_empty(),
                "{key} is in the configuration and not in keys.tsv"
            );
        }
    }
}
