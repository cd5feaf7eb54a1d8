//! The one typed configuration: a TOML file, checked whole before anything starts.

mod credentials;
mod look;
mod staff;

pub use credentials::{EMPTY, credential, credential_folder};
pub use look::Looked;
pub use staff::StaffSection;

use crate::{
    api::ApiSection,
    connectors::{alfa_bank::AlfaBankConfig, one_c, sms_ru::SmsRuConfig, webhooks},
    devices::fiscal::FiscalSettings,
    domain::{
        catalog::Catalog, channel::Channel, fiscal_law::Limits, hours::Hours, kiosk::Kiosk,
        loyalty::Programme, policy::Policy, text::Text,
    },
    sync::SyncConfig,
};
use galley_atol::{AtolConfig, web::AtolWebConfig};
use galley_escpos::EscPosConfig;
use galley_shtrih_m::ShtrihConfig;
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Where the configuration is looked for.
pub const DEFAULT_PATH: &str = "/etc/galley/galley.toml";
/// Where technicians' commands go.
pub const DEFAULT_SOCKET: &str = "/run/galley/galley.sock";

/// All settings of a store. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The store itself.
    pub store: StoreSection,
    /// What is sold.
    #[serde(default)]
    pub catalog: CatalogSection,
    /// The store's rules.
    #[serde(default)]
    pub policy: PolicySection,
    /// When the store sells; always, when no week is given.
    #[serde(default)]
    pub hours: Hours,
    /// What the kiosk shows, and when.
    #[serde(default)]
    pub kiosk: Kiosk,
    /// The house's loyalty programme.
    #[serde(default)]
    pub loyalty: Programme,
    /// The fiscal printer.
    pub printer: Option<PrinterSection>,
    /// Plain printers of slips; without one, the fiscal printer prints them.
    #[serde(default)]
    pub slip_printer: SlipPrinters,
    /// What the law on tills asks for: limits, with their defaults.
    #[serde(default)]
    pub fiscal: Limits,
    /// The robot.
    pub robot: Option<RobotSection>,
    /// Services on the network.
    #[serde(default)]
    pub connectors: Connectors,
    /// The way to headquarters.
    #[serde(default)]
    pub sync: SyncConfig,
    /// Copies of the database, in case it is lost.
    #[serde(default)]
    pub backup: BackupSection,
    /// Who may come in over the network.
    #[serde(default)]
    pub tokens: Vec<TokenSection>,
    /// People and their screens.
    #[serde(default)]
    pub staff: StaffSection,
    /// How screens on the LAN find and trust the store.
    #[serde(default)]
    pub api: ApiSection,
    /// How often the API may be asked.
    #[serde(default)]
    pub limits: crate::api::Limits,
    /// Deliveries of events to other systems.
    #[serde(default)]
    pub webhooks: webhooks::Settings,
    /// Online channels whose orders people type in; `fiscal_by = "other"` (the channel gives the receipt, so it is when
    /// nothing is said) or `"store"`.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// The store's id, given by headquarters.
    pub id: String,
    /// Its name for guests.
    pub name: Text,
    /// IANA name of its time zone; the day of an order number and of a report follows it.
    pub zone: String,
    /// Folder of the database.
    #[serde(default = "data")]
    pub data: PathBuf,
    /// Where kiosk, board and other tills come in.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Where technicians' commands come in; its file mode says who may.
    #[serde(default = "socket")]
    pub socket: PathBuf,
    /// Folder of the credentials, one file each; systemd's `$CREDENTIALS_DIRECTORY` when none.
    #[serde(default)]
    pub credentials: Option<PathBuf>,
    /// Name of the credential that holds the box's key, at least 32 characters; `galley backup key` makes one. It seals
    /// backups and what `galley secret set` keeps. Without the credential there is neither. A former key is kept under
    /// the same name with `-old` behind it until `galley secret rotate` is done.
    #[serde(default = "key_credential")]
    pub key_credential: String,
}

fn key_credential() -> String {
    "galley-key".to_owned()
}

fn data() -> PathBuf {
    "/var/lib/galley".into()
}

fn listen() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 8080))
}

fn socket() -> PathBuf {
    DEFAULT_SOCKET.into()
}

/// `[backup]`: made when the box has its key. Durations are written with units: `"24h"`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSection {
    /// Where they are kept; `backups` in the data folder when none. Better another disk.
    pub folder: Option<PathBuf>,
    /// How often one is made; 24 hours. One is also made before an update changes the database.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub every: Duration,
    /// How many are kept; 14.
    pub keep: usize,
}

impl Default for BackupSection {
    fn default() -> Self {
        Self {
            folder: None,
            every: Duration::from_hours(24),
            keep: 14,
        }
    }
}

/// `[catalog]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogSection {
    /// The catalog's file (TOML); the one in the database is in force when none.
    pub file: Option<PathBuf>,
    /// Folder of the dishes' pictures, as `galley menu pictures` made it.
    pub pictures: Option<PathBuf>,
}

/// `[policy]`: what is not set keeps its default. Durations are written with units: `"10m"`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySection {
    /// An order that is not paid by then is given up; 10 minutes.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub pay_within: Option<Duration>,
    /// A QR code can be paid for so long; 5 minutes.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub qr_valid: Option<Duration>,
    /// A QR code that the bank has not given by then is not waited for any more; 20 seconds.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub qr_within: Option<Duration>,
    /// Longest wait that is promised to a guest; 2 hours.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub max_wait: Option<Duration>,
    /// A robot that is away so long takes no orders any more; 1 minute.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub robot_grace: Option<Duration>,
    /// A printer that is away so long takes no orders any more; 5 minutes.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub printer_grace: Option<Duration>,
    /// Shifts are closed by themselves when they are this old; 23 hours 30 minutes.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub close_shift_after: Option<Duration>,
    /// Most pieces of one order; 50.
    pub max_pieces: Option<u32>,
    /// How often a dish is tried before its price goes back; 2.
    pub cook_attempts: Option<u32>,
    /// A shift is opened by itself when the first order comes; yes.
    pub auto_open_shift: Option<bool>,
    /// A slip for the kitchen is printed of every sold order; yes with `robot.kind = "manual"` or a kitchen's slip
    /// printer, otherwise no.
    pub kitchen_slips: Option<bool>,
}

/// `[printer]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterSection {
    /// Which back end.
    pub kind: PrinterKind,
    /// `serial:///dev/ttyACM0?baud=115200` or `tcp://192.168.1.10:5555`; for `atol_web` the web server's,
    /// `tcp://127.0.0.1:16732`; for `gateway`, its URL.
    pub address: String,
    /// Settings of `atol_native`.
    #[serde(default)]
    pub atol: AtolConfig,
    /// Settings of `atol_web`.
    #[serde(default)]
    pub atol_web: AtolWebConfig,
    /// Who signs in at the vendor's web server, where it asks.
    #[serde(default)]
    pub web_login: Option<WebLogin>,
    /// Settings of `shtrih_m`.
    #[serde(default)]
    pub shtrih_m: ShtrihConfig,
    /// Every byte to and from the printer goes into this file too, for `galley fiscal wire`; not for `gateway`. It names
    /// buyers' phones: for a while, not for good.
    #[serde(default)]
    pub wire_log: Option<PathBuf>,
    /// Which printer of the gateway, for `gateway`.
    #[serde(default)]
    pub gateway: Option<PrinterAtGateway>,
    /// What the till adds to every document.
    #[serde(default)]
    pub receipt: FiscalSettings,
}

/// Back ends of fiscal printers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterKind {
    /// ATOL's own wire, protocol 3: firmware of platform 2.5.
    AtolNative,
    /// ATOL behind the vendor's web server: any firmware.
    AtolWeb,
    /// Shtrikh-M and what speaks its protocol.
    ShtrihM,
    /// A printer behind a fiscal gateway, whatever its make.
    Gateway,
}

/// `[printer.web_login]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebLogin {
    /// User.
    pub user: String,
    /// Name of the credential that holds the password.
    pub password_credential: String,
}

/// `[printer.gateway]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterAtGateway {
    /// The printer's id there.
    pub device: String,
    /// Name of the credential that holds the token.
    pub token_credential: String,
}

impl PrinterSection {
    /// Whether the printer can be reached with these settings.
    ///
    /// # Errors
    /// What is wrong, with the name of the setting.
    pub fn check(&self) -> Result<(), String> {
        match self.kind {
            PrinterKind::AtolNative | PrinterKind::AtolWeb | PrinterKind::ShtrihM => self
                .address
                .parse::<galley_link::Address>()
                .map(|_| ())
                .map_err(|e| format!("address: {e}")),
            PrinterKind::Gateway => {
                if self.gateway.is_none() {
                    return Err("gateway: say which printer, and the token's credential".to_owned());
                }
                match self.address.parse::<http::Uri>() {
                    Ok(uri)
                        if matches!(uri.scheme_str(), Some("http" | "https"))
                            && uri.host().is_some() =>
                    {
                        Ok(())
                    }
                    _ => Err("address: it must look like http://127.0.0.1:8095".to_owned()),
                }
            }
        }
    }
}

/// `[slip_printer]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlipPrinters {
    /// Prints what people are to cook, of every sold order.
    pub kitchen: Option<SlipPrinterSection>,
    /// Prints what guests are to pay. It may be the same printer: then give the same settings.
    pub pre_bill: Option<SlipPrinterSection>,
}

/// `[slip_printer.kitchen]`, `[slip_printer.pre_bill]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlipPrinterSection {
    /// Which driver.
    pub kind: SlipPrinterKind,
    /// `tcp://192.168.1.30:9100` or `serial:///dev/ttyUSB1?baud=9600`.
    pub address: String,
    /// Settings of `escpos`.
    #[serde(default)]
    pub escpos: EscPosConfig,
}

/// Drivers of slip printers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlipPrinterKind {
    /// Epson's commands, which nearly every receipt printer knows.
    Escpos,
}

impl SlipPrinters {
    fn each(&self) -> impl Iterator<Item = (&'static str, &SlipPrinterSection)> {
        let named = [("kitchen", &self.kitchen), ("pre_bill", &self.pre_bill)];
        named
            .into_iter()
            .filter_map(|(name, section)| Some((name, section.as_ref()?)))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, section) in self.each() {
            if let Err(e) = section.address.parse::<galley_link::Address>() {
                faults.push(format!("slip_printer.{name}.address: {e}"));
            }
            if !(16..=96).contains(&section.escpos.columns) {
                faults.push(format!("slip_printer.{name}.escpos.columns: 16 to 96"));
            }
        }
        if let (Some(kitchen), Some(pre_bill)) = (&self.kitchen, &self.pre_bill)
            && kitchen.address == pre_bill.address
            && kitchen != pre_bill
        {
            faults.push(
                "slip_printer: kitchen and pre_bill are one printer by their address, and have different settings"
                    .to_owned(),
            );
        }
        faults
    }
}

/// `[robot]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RobotSection {
    /// Which driver.
    pub kind: RobotKind,
    /// `tcp://192.168.1.20:7460` or `serial:///dev/ttyUSB0`; not for `manual`.
    #[serde(default)]
    pub address: Option<String>,
    /// Arms that cook at the same time.
    #[serde(default = "one")]
    pub arms: u32,
    /// Hand-over places: so many finished dishes can stand at the robot, and so many dishes an order may have. Not for
    /// `manual`.
    #[serde(default = "two")]
    pub places: u32,
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

/// Drivers of robots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RobotKind {
    /// The kitchen-robot link klink/1, our own interface.
    Klink,
    /// Staff press started, ready and problem: for a robot that has no interface.
    Manual,
}

/// `[connectors]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Connectors {
    /// The bank.
    pub alfa_bank: Option<AlfaBankConfig>,
    /// Accounting.
    pub one_c: Option<one_c::Config>,
    /// Messages.
    pub sms_ru: Option<SmsRuConfig>,
}

/// `[[tokens]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSection {
    /// Who holds it.
    pub name: String,
    /// `kiosk`, `board`, `staff`, `cashier`, `technician`, `manager`, `service` or `hq`.
    pub role: String,
    /// Name of the credential that holds it.
    pub credential: String,
}

/// All that is wrong with a configuration, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines = self.0.iter();
        if let Some(first) = lines.next() {
            f.write_str(first)?;
        }
        for line in lines {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Config {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !galley_robot::valid_id(&self.store.id) {
            faults.push("store.id: 1 to 64 letters, digits, dots, colons and dashes".to_owned());
        }
        if let Err(e) = jiff::tz::TimeZone::get(&self.store.zone) {
            faults.push(format!("store.zone: {e}"));
        }
        if let Some(p) = &self.printer
            && let Err(e) = p.check()
        {
            faults.push(format!("printer.{e}"));
        }
        if let Some(r) = &self.robot {
            match (r.kind, &r.address) {
                (RobotKind::Klink, None) => {
                    faults.push("robot.address: say where the robot is".to_owned());
                }
                (RobotKind::Klink, Some(address)) => {
                    if let Err(e) = address.parse::<galley_link::Address>() {
                        faults.push(format!("robot.address: {e}"));
                    }
                }
                (RobotKind::Manual, _) => {}
            }
            if r.arms == 0 {
                faults.push("robot.arms: at least 1".to_owned());
            }
            if r.places == 0 {
                faults.push("robot.places: at least 1".to_owned());
            }
        }
        faults.extend(self.slip_printer.faults());
        faults.extend(self.fiscal.faults());
        faults.extend(self.staff.faults());
        faults.extend(self.api.tls.faults());
        faults.extend(self.limits.faults());
        faults.extend(self.webhooks.faults());
        faults.extend(self.channels.iter().filter_map(Channel::fault));
        for (n, channel) in self.channels.iter().enumerate() {
            if self.channels[..n].iter().any(|c| c.id == channel.id) {
                faults.push(format!("channels: {} stands there twice", channel.id));
            }
        }
        faults.extend(self.hours.faults());
        faults.extend(self.kiosk.faults());
        faults.extend(self.loyalty.faults());
        if self.backup.keep == 0 {
            faults.push("backup.keep: at least 1".to_owned());
        }
        if self.backup.every < Duration::from_mins(10) {
            faults.push("backup.every: at least 10 minutes".to_owned());
        }
        if let Err(e) = self.sync.validate() {
            faults.push(format!("sync.{e}"));
        }
        if let Some(Err(e)) = self
            .connectors
            .alfa_bank
            .as_ref()
            .map(AlfaBankConfig::check)
        {
            faults.push(format!("connectors.alfa_bank: {e}"));
        }
        if let Some(Err(e)) = self.connectors.sms_ru.as_ref().map(SmsRuConfig::check) {
            faults.push(format!("connectors.sms_ru: {e}"));
        }
        if let Some(one_c) = &self.connectors.one_c {
            faults.extend(
                one_c
                    .faults()
                    .into_iter()
                    .map(|f| format!("connectors.one_c: {f}")),
            );
        }
        for t in &self.tokens {
            if crate::api::Role::from_word(&t.role).is_none() {
                faults.push(format!("tokens: {:?} is no role", t.role));
            }
        }
        if let Some(file) = &self.catalog.file
            && let Err(e) = load_catalog(file)
        {
            faults.extend(e.0);
        }
        faults
    }

    /// The rules, with their defaults.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let d = Policy::default();
        let p = &self.policy;
        Policy {
            store_id: self.store.id.clone(),
            pay_within: p.pay_within.unwrap_or(d.pay_within),
            qr_valid: p.qr_valid.unwrap_or(d.qr_valid),
            qr_within: p.qr_within.unwrap_or(d.qr_within),
            max_pieces: p.max_pieces.unwrap_or(d.max_pieces),
            max_wait: p.max_wait.unwrap_or(d.max_wait),
            cook_attempts: p.cook_attempts.unwrap_or(d.cook_attempts),
            auto_open_shift: p.auto_open_shift.unwrap_or(d.auto_open_shift),
            arms: self.robot.as_ref().map_or(d.arms, |r| r.arms),
            places: match &self.robot {
                // Staff put the dishes where they like.
                Some(r) if r.kind == RobotKind::Manual => u32::MAX,
                robot => robot.as_ref().map_or(d.places, |r| r.places),
            },
            robot_grace: p.robot_grace.unwrap_or(d.robot_grace),
            printer_grace: p.printer_grace.unwrap_or(d.printer_grace),
            close_shift_after: p.close_shift_after.unwrap_or(d.close_shift_after),
            law: self.fiscal.clone(),
            hours: self.hours.clone(),
            kiosk: self.kiosk.clone(),
            loyalty: self.loyalty.clone(),
            kitchen_slips: p.kitchen_slips.unwrap_or_else(|| {
                let manual = self.robot.as_ref().map(|r| r.kind) == Some(RobotKind::Manual);
                manual && self.printer.is_some() || self.slip_printer.kitchen.is_some()
            }),
            kitchen_printer: self.slip_printer.kitchen.is_some(),
            accounting: self.connectors.one_c.is_some(),
            messages: self.connectors.sms_ru.is_some(),
            bank: self.connectors.alfa_bank.is_some(),
            channels: self.channels.clone(),
            // A box learns these from headquarters.
            contacts_kept: d.contacts_kept,
            guests_kept: d.guests_kept,
            fenced_by: None,
            speed: 1,
        }
    }

    /// The folder of the backups.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        match &self.backup.folder {
            Some(folder) => folder.clone(),
            None => self.store.data.join("backups"),
        }
    }
}

/// Reads and checks a catalog file.
///
/// # Errors
/// All that is wrong with it.
pub fn load_catalog(path: &Path) -> Result<Catalog, Faults> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Faults(vec![format!("catalog.file: {}: {e}", path.display())]))?;
    parse_catalog(&text, &path.display().to_string())
}

/// Reads and checks a catalog; `name` stands before every fault.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_catalog(text: &str, name: &str) -> Result<Catalog, Faults> {
    let catalog: Catalog =
        toml::from_str(text).map_err(|e| Faults(vec![format!("{name}: {e}")]))?;
    let faults = catalog.faults();
    if faults.is_empty() {
        Ok(catalog)
    } else {
        Err(Faults(
            faults.into_iter().map(|f| format!("{name}: {f}")).collect(),
        ))
    }
}
