//! The command line: one file a noun. Arguments stand beside what they do; printing happens only here.

mod alert;
pub mod ask;
mod backup;
mod check_config;
pub mod client;
mod complete;
mod config;
#[cfg(feature = "emulators")]
mod demo;
mod doctor;
mod effect;
#[cfg(feature = "emulators")]
mod emulate;
mod enrol;
pub mod exit;
mod fiscal;
mod fiscal_gateway;
mod gateway;
mod guest;
#[cfg(feature = "hq")]
mod hq;
#[cfg(feature = "hq")]
mod hq_admin;
#[cfg(feature = "hq")]
mod hq_outside;
#[cfg(feature = "hq")]
mod hq_people;
#[cfg(feature = "hq")]
mod hq_verify;
mod key;
mod kiosk;
mod logs;
mod loyalty;
mod man;
mod menu;
mod order;
pub mod output;
mod payment;
mod printers;
mod progress;
mod qr;
mod reconcile;
mod redact;
mod restore;
mod robot;
mod run;
mod sales;
mod secret;
mod shift;
#[cfg(all(feature = "emulators", feature = "hq"))]
mod simulate;
mod status;
mod stock;
mod sync;
mod tls;
mod user;
mod watch;
mod webhook;
mod when;

use clap::{Parser, Subcommand};
use client::CallError;
use exit::{Exit, help};
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

/// The controller that runs a robotic restaurant from a small box in its back room.
#[derive(Debug, Parser)]
#[command(name = "galley", version, max_term_width = 80, arg_required_else_help = true, after_help = help!(
    "galley demo                  try it: everything outside is emulated",
    "galley status                how the store does",
    "galley watch                 the same, live",
    "galley doctor                what is wrong with this box",
    "galley logs -f               what happens, as it happens",
    "galley order show A17        one order, with payments and receipts",
    "galley COMMAND -h            more about a command, with examples"
))]
pub struct Cli {
    /// Log as JSON lines (so it is anyway when standard error is no terminal)
    #[arg(long, global = true)]
    pub log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    FiscalGateway(fiscal_gateway::FiscalGatewayArgs),
    CheckConfig(check_config::CheckConfigArgs),
    #[cfg(feature = "emulators")]
    Demo(demo::DemoArgs),
    #[cfg(feature = "hq")]
    Hq(Box<hq::HqArgs>),
    #[cfg(feature = "emulators")]
    Emulate(emulate::EmulateArgs),
    #[cfg(all(feature = "emulators", feature = "hq"))]
    Simulate(simulate::SimulateArgs),
    Status(status::StatusArgs),
    Watch(watch::WatchArgs),
    Doctor(doctor::DoctorArgs),
    Logs(logs::LogsArgs),
    Alert(alert::AlertArgs),
    Order(order::OrderArgs),
    Payment(payment::PaymentArgs),
    Fiscal(fiscal::FiscalArgs),
    Shift(shift::ShiftArgs),
    Robot(robot::RobotArgs),
    Stock(stock::StockArgs),
    Kiosk(kiosk::KioskArgs),
    Tls(tls::TlsArgs),
    User(user::UserArgs),
    Key(key::KeyArgs),
    Webhook(webhook::WebhookArgs),
    Menu(menu::MenuArgs),
    Sales(sales::SalesArgs),
    Guest(guest::GuestArgs),
    Loyalty(loyalty::LoyaltyArgs),
    Sync(sync::SyncArgs),
    Enrol(enrol::EnrolArgs),
    Reconcile(reconcile::ReconcileArgs),
    Effect(effect::EffectArgs),
    Gateway(gateway::GatewayArgs),
    Config(config::ConfigArgs),
    Secret(secret::SecretArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Completions(complete::CompletionsArgs),
    #[command(hide = true)]
    Man(man::ManArgs),
}

impl Cli {
    /// What is logged unless `GALLEY_LOG` says otherwise: services tell rare operator facts, commands only what
    /// is odd.
    #[must_use]
    pub fn log_level(&self) -> &'static str {
        match &self.command {
            Command::Run(_) | Command::FiscalGateway(_) => "info",
            #[cfg(feature = "hq")]
            Command::Hq(_) => "info",
            #[cfg(feature = "emulators")]
            Command::Emulate(_) => "info",
            // What goes wrong in a simulated store is meant to, and the verdict tells what matters.
            #[cfg(all(feature = "emulators", feature = "hq"))]
            Command::Simulate(_) => "off",
            _ => "warn",
        }
    }

    /// What it is about, for documents, and whether errors are to be told as JSON too.
    fn about(&self) -> (&'static str, bool) {
        match &self.command {
            Command::Run(_) => ("run", false),
            Command::FiscalGateway(_) => ("fiscal-gateway", false),
            Command::CheckConfig(a) => ("config", a.json),
            #[cfg(feature = "emulators")]
            Command::Demo(a) => ("demo", a.json),
            #[cfg(feature = "hq")]
            Command::Hq(_) => ("hq", false),
            #[cfg(feature = "emulators")]
            Command::Emulate(_) => ("emulate", false),
            #[cfg(all(feature = "emulators", feature = "hq"))]
            Command::Simulate(a) => ("simulate", a.json),
            Command::Status(a) => ("status", a.door.json),
            Command::Watch(a) => ("status", a.door.json),
            Command::Doctor(a) => ("doctor", a.door.json),
            Command::Logs(a) => ("log", a.door.json),
            Command::Alert(a) => ("alert", a.door.json),
            Command::Order(a) => ("order", a.door.json),
            Command::Payment(a) => ("payment", a.door.json),
            Command::Fiscal(a) => ("fiscal", a.door.json),
            Command::Shift(a) => ("shift", a.door.json),
            Command::Robot(a) => ("robot", a.door.json),
            Command::Stock(a) => ("stock", a.door.json),
            Command::Kiosk(a) => ("kiosk", a.door.json),
            Command::Tls(a) => ("tls", a.door.json),
            Command::User(a) => ("user", a.door.json),
            Command::Key(a) => ("key", a.door.json),
            Command::Webhook(a) => ("webhook", a.door.json),
            Command::Menu(a) => ("menu", a.door.json),
            Command::Sales(a) => ("sales", a.door.json),
            Command::Guest(a) => ("guest", a.door.json),
            Command::Loyalty(a) => ("loyalty", a.door.json),
            Command::Sync(a) => ("sync", a.door.json),
            Command::Enrol(a) => ("enrolment", a.json),
            Command::Reconcile(a) => ("reconcile", a.door.json),
            Command::Effect(a) => ("effect", a.door.json),
            Command::Gateway(a) => ("gateway", a.door.json),
            Command::Config(a) => ("config", a.json),
            Command::Secret(a) => ("secret", a.door.json),
            Command::Backup(a) => ("backup", a.door.json),
            Command::Restore(a) => ("restore", a.json),
            Command::Completions(_) => ("completions", false),
            Command::Man(_) => ("man", false),
        }
    }

    /// Does what was asked. An error is told once, on standard error, with its causes.
    pub fn run(self) -> LocalBoxFuture<'static, ExitCode> {
        // In a box: so it is compiled here, and not once more in every program that calls it.
        self.carry_out().boxed_local()
    }

    async fn carry_out(self) -> ExitCode {
        let (noun, json) = self.about();
        output::about(noun);
        match self.execute().await {
            Ok(code) => code,
            Err(error) => {
                tell(&error, json);
                Exit::of(&error).into()
            }
        }
    }

    async fn execute(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(args) => run::execute(args).await,
            Command::FiscalGateway(args) => fiscal_gateway::execute(args).await,
            Command::CheckConfig(args) => check_config::execute(args).await,
            #[cfg(feature = "emulators")]
            Command::Demo(args) => demo::execute(args).await,
            #[cfg(feature = "hq")]
            Command::Hq(args) => hq::execute(*args).await,
            #[cfg(feature = "emulators")]
            Command::Emulate(args) => emulate::execute(args).await,
            #[cfg(all(feature = "emulators", feature = "hq"))]
            Command::Simulate(args) => simulate::execute(args).await,
            Command::Status(args) => status::execute(args).await,
            Command::Watch(args) => watch::execute(args).await,
            Command::Doctor(args) => doctor::execute(args).await,
            Command::Logs(args) => logs::execute(args).await,
            Command::Alert(args) => alert::execute(args).await,
            Command::Order(args) => order::execute(args).await,
            Command::Payment(args) => payment::execute(args).await,
            Command::Fiscal(args) => fiscal::execute(args).await,
            Command::Shift(args) => shift::execute(args).await,
            Command::Robot(args) => robot::execute(args).await,
            Command::Stock(args) => stock::execute(args).await,
            Command::Kiosk(args) => kiosk::execute(args).await,
            Command::Tls(args) => tls::execute(args).await,
            Command::User(args) => user::execute(args).await,
            Command::Key(args) => key::execute(args).await,
            Command::Webhook(args) => webhook::execute(args).await,
            Command::Menu(args) => menu::execute(args).await,
            Command::Sales(args) => sales::execute(args).await,
            Command::Guest(args) => guest::execute(args).await,
            Command::Loyalty(args) => loyalty::execute(args).await,
            Command::Sync(args) => sync::execute(args).await,
            Command::Enrol(args) => enrol::execute(args).await,
            Command::Reconcile(args) => reconcile::execute(args).await,
            Command::Effect(args) => effect::execute(args).await,
            Command::Gateway(args) => gateway::execute(args).await,
            Command::Config(args) => config::execute(args).await,
            Command::Secret(args) => secret::execute(args).await,
            Command::Backup(args) => backup::execute(args).await,
            Command::Restore(args) => restore::execute(args).await,
            Command::Completions(args) => complete::execute(&args),
            Command::Man(args) => man::execute(&args),
        }
    }
}

/// Reads the command line; ends the process when it can't be read, or only asks for help.
#[must_use]
pub fn parse() -> Cli {
    let words = noun_first(std::env::args_os());
    Cli::try_parse_from(&words).unwrap_or_else(|error| {
        let mut words = words.iter().take_while(|word| *word != "--");
        if !(error.use_stderr() && words.any(|word| word == "--json")) {
            error.exit();
        }
        tell_document(misread(&error.to_string()), Exit::Usage);
        std::process::exit(Exit::Usage.code().into())
    })
}

/// Options of a command that take a value and that people write before it.
const FIRST: &[&str] = &["--store", "--token", "--socket", "--key", "--config"];
/// Those that take none.
const FIRST_BARE: &[&str] = &["--json", "--yes", "-y"];

/// Puts options of a command that stand before it behind its name. They are no options of all commands: each would list
/// them in its help, and most could do nothing with them.
fn noun_first(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.peekable();
    let mut line: Vec<OsString> = words.next().into_iter().collect();
    let mut moved = Vec::new();
    while let Some(word) = words.next_if(|w| w.to_string_lossy().starts_with('-')) {
        let text = word.to_string_lossy().into_owned();
        let name = text.split('=').next().unwrap_or_default();
        if FIRST_BARE.contains(&text.as_str()) {
            moved.push(word);
        } else if FIRST.contains(&name) {
            let value = (name == text).then(|| words.next()).flatten();
            moved.push(word);
            moved.extend(value);
        } else {
            line.push(word);
        }
    }
    line.extend(words.next());
    line.extend(moved);
    line.extend(words);
    line
}

/// What is wrong with a command line, without the page that clap prints around it.
fn misread(page: &str) -> serde_json::Value {
    let said = page.split("\n\nUsage:").next().unwrap_or(page).trim();
    let detail = said.strip_prefix("error: ").unwrap_or(said);
    serde_json::json!({"detail": detail})
}

/// Answers a shell that completes a command line, and ends then: `COMPLETE=bash galley` registers it.
pub fn complete() {
    complete::answer();
}

/// Whether logs go to something that is no screen.
#[must_use]
pub fn log_to_machine(cli: &Cli) -> bool {
    cli.log_json || !io::stderr().is_terminal()
}

/// One line a cause; with `json` the daemon's own words as one document.
fn tell(error: &anyhow::Error, json: bool) {
    match (json, error.downcast_ref::<CallError>()) {
        (true, call) => {
            let whole = match call {
                Some(CallError::Refused(problem)) if problem.whole.is_object() => {
                    problem.whole.clone()
                }
                Some(CallError::AnswerLost { key: Some(key), .. }) => {
                    serde_json::json!({"detail": format!("{error:#}"), "key": key})
                }
                _ => serde_json::json!({"detail": format!("{error:#}")}),
            };
            tell_document(whole, Exit::of(error));
        }
        (false, _) => tell_line(&format!("galley: {error:#}")),
    }
}

fn tell_document(mut whole: serde_json::Value, exit: Exit) {
    whole["schema"] = "galley/error/1".into();
    whole["exit_code"] = exit.code().into();
    tell_line(&whole.to_string());
}

fn tell_line(text: &str) {
    // Nothing is left to be done when even this can't be written.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_line_that_cant_be_read_is_told_in_one_sentence() {
        let told = |line: &[&str]| {
            let page = Cli::try_parse_from(line).unwrap_err().to_string();
            misread(&page)["detail"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            told(&["galley", "nonsense", "--json"]),
            "unrecognized subcommand 'nonsense'"
        );
        let refund = told(&["galley", "order", "refund", "1", "--json"]);
        assert!(
            refund.contains("--reason") && !refund.contains("Usage"),
            "{refund}"
        );
    }

    #[test]
    fn an_option_of_a_command_may_stand_before_it() {
        let ordered = |line: &str| {
            let words = noun_first(line.split(' ').map(OsString::from));
            words.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        for (written, taken) in [
            (
                "galley --store http://s --token=T order show A17",
                "galley order --store http://s --token=T show A17",
            ),
            (
                "galley --log-json --json -y shift close",
                "galley --log-json shift --json -y close",
            ),
            (
                "galley --config ./g.toml check-config",
                "galley check-config --config ./g.toml",
            ),
            ("galley --store http://s", "galley --store http://s"),
            ("galley -h", "galley -h"),
            (
                "galley order --json show A17",
                "galley order --json show A17",
            ),
            ("galley", "galley"),
        ] {
            assert_eq!(ordered(written), taken);
        }
        let parsed = Cli::try_parse_from(noun_first(
            ["galley", "--store", "http://s", "status"]
                .map(OsString::from)
                .into_iter(),
        ));
        let Command::Status(status) = parsed.unwrap().command else {
            panic!("it is another command");
        };
        assert_eq!(status.door.store.as_deref(), Some("http://s"));
    }

    #[test]
    fn every_help_page_teaches_with_examples_and_exit_codes_in_eighty_columns() {
        for sub in Cli::command().term_width(80).get_subcommands() {
            let mut sub = sub.clone().term_width(80);
            let text = sub.render_help().to_string();
            let name = sub.get_name().to_owned();
            assert!(text.contains("Examples:"), "{name}");
            assert!(text.contains("Exit codes:"), "{name}");
            for line in text.lines() {
                assert!(output::width(line) <= 80, "{name}: {line}");
            }
        }
    }
}
