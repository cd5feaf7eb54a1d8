//! Every outside system of a store, emulated. The same cores serve sockets here and pipes in tests.

use crate::{
    config::parse_catalog,
    connectors::{
        alfa_bank::{AlfaBankConfig, emulator::BankEmulator},
        one_c::{self, emulator::Emulator as OneCEmulator},
        sms_ru::{SmsRuConfig, emulator::SmsRuEmulator},
    },
    domain::{
        catalog::{Catalog, Unit},
        payment::Tender,
    },
    world::Clock,
};
use anyhow::Context as _;
use galley_atol::{
    emulator::{AtolEmulator, EmulatorConfig as AtolSetup},
    local_time::LocalDateTime,
};
use galley_escpos::emulator::EscPosEmulator;
use galley_link::Listener;
use galley_moley::{
    Framing,
    emulator::{BinConfig, EmulatorConfig as KitchenSetup, KitchenEmulator},
};
use galley_robot::{Ambient, Unit as RobotUnit};
use jiff::tz::TimeZone;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Login and password of the emulated bank.
const BANK_LOGIN: (&str, &str) = ("demo-api", "demo-password");
/// User and password of the emulated 1C.
const ONE_C_LOGIN: (&str, &str) = ("galley", "demo-password");
/// Key of the emulated message provider.
const SMS_KEY: &str = "00000000-0000-0000-0000-000000000000";
/// Parts of messages on the account.
const SMS_BALANCE: u64 = 100_000;
/// Portions of every ingredient in the robot's bins at the start, of the dish that takes the most.
const PORTIONS: i64 = 600;
/// Guests take their dishes after this time, ms.
const COLLECT_MS: u64 = 4_000;

/// All emulators of one store. Clones are the same systems.
#[derive(Clone)]
pub struct Outside {
    /// The bank.
    pub bank: BankEmulator,
    /// Accounting.
    pub one_c: OneCEmulator,
    /// Messages.
    pub sms: SmsRuEmulator,
    /// The fiscal printer.
    pub printer: AtolEmulator,
    /// The plain printer of slips: the kitchen's, and pre-bills.
    pub slips: EscPosEmulator,
    /// The robot.
    pub kitchen: KitchenEmulator,
    /// What the store sells.
    pub catalog: Catalog,
}

/// Where the emulators are.
#[derive(Clone, Debug)]
pub struct Served {
    /// Authority (`host:port`) of the bank.
    pub bank: String,
    /// Authority of 1C.
    pub one_c: String,
    /// Authority of the message provider.
    pub sms: String,
    /// The printer's address.
    pub printer: galley_link::Address,
    /// The slip printer's address.
    pub slips: galley_link::Address,
    /// The robot's address.
    pub robot: galley_link::Address,
}

/// What the store sells; its text is read once, as a simulation opens thousands of stores.
fn menu() -> anyhow::Result<Catalog> {
    static MENU: OnceLock<Catalog> = OnceLock::new();
    if let Some(menu) = MENU.get() {
        return Ok(menu.clone());
    }
    let menu = parse_catalog(include_str!("menu.toml"), "the demonstration's catalog")?;
    Ok(MENU.get_or_init(|| menu).clone())
}

/// The store's time zone.
///
/// # Errors
/// When the machine and the program have no time zones.
pub fn zone() -> anyhow::Result<TimeZone> {
    TimeZone::get("Europe/Moscow").context("time zones")
}

impl Outside {
    /// Opens the emulators; what they know is kept under `data`, or in memory. The robot has so many hand-over
    /// `places`.
    ///
    /// # Errors
    /// When a file can't be used.
    pub fn open(
        data: Option<&Path>,
        clock: Arc<dyn Clock>,
        speed: u32,
        places: u32,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let catalog = menu()?;
        let file = |name: &str| -> Option<PathBuf> { data.map(|d| d.join(name)) };
        let bank = match file("bank.json") {
            Some(path) => BankEmulator::open(clock.clone(), BANK_LOGIN.0, BANK_LOGIN.1, &path)?,
            None => BankEmulator::in_memory(clock.clone(), BANK_LOGIN.0, BANK_LOGIN.1),
        };
        let one_c = match file("one-c.json") {
            Some(path) => OneCEmulator::open(ONE_C_LOGIN.0, ONE_C_LOGIN.1, path)?,
            None => OneCEmulator::new(ONE_C_LOGIN.0, ONE_C_LOGIN.1),
        };
        one_c.stock(&one_c_config("http://localhost/", &catalog));
        let sms = SmsRuEmulator::new(clock.clone(), SMS_KEY, SMS_BALANCE);
        let printer = AtolEmulator::open(
            file("printer.fn"),
            AtolSetup {
                organisation: "GALLEY ДЕМО".to_owned(),
                ..AtolSetup::default()
            },
            Arc::new(local_clock(clock.clone(), zone()?)),
        )?;
        let began = clock.now();
        let ambient_clock = clock;
        let ambient = Ambient::new(move || ambient_clock.now().as_millis(), || 0);
        let mut setup = KitchenSetup::new(seed, ambient);
        setup.speed = speed;
        setup.auto_production = true;
        setup.collect_after_ms = Some(COLLECT_MS);
        setup.max_jobs = 8;
        setup.attention_ms = 60_000;
        setup.equipment = BTreeMap::from(
            [
                ("arm", 2),
                ("hob", 6),
                ("oven", 3),
                ("fryer", 1),
                ("slot", places),
            ]
            .map(|(name, n)| (name.to_owned(), n)),
        );
        let keeps = 30 * 24 * 3_600_000;
        setup.bins = bins(&catalog, began.as_millis() + keeps);
        let kitchen = KitchenEmulator::open(file("kitchen.log"), setup)?;
        Ok(Self {
            bank,
            one_c,
            sms,
            printer,
            slips: EscPosEmulator::new(),
            kitchen,
            catalog,
        })
    }

    /// Puts every emulator on a port of its own on loopback.
    ///
    /// # Errors
    /// When the machine has no ports.
    pub async fn serve_on_loopback(&self, shutdown: &CancellationToken) -> anyhow::Result<Served> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut authorities = Vec::new();
        for router in [self.bank.router(), self.one_c.router(), self.sms.router()] {
            let listener = TcpListener::bind(any).await?;
            authorities.push(listener.local_addr()?.to_string());
            let stop = shutdown.clone();
            tokio::spawn(async move {
                let serving = axum::serve(listener, router)
                    .with_graceful_shutdown(stop.cancelled_owned())
                    .await;
                if let Err(error) = serving {
                    tracing::error!(%error, "an emulator's door is shut");
                }
            });
        }
        let printer = Listener::tcp(any).await?;
        let printer_at = printer.local_addr().context("the printer's port")?;
        let core = self.printer.clone();
        tokio::spawn(async move { core.listen(printer).await });
        let slips = Listener::tcp(any).await?;
        let slips_at = slips.local_addr().context("the slip printer's port")?;
        tokio::spawn(self.slips.clone().serve(slips));
        let robot = Listener::tcp(any).await?;
        let robot_at = robot.local_addr().context("the robot's port")?;
        let core = self.kitchen.clone();
        tokio::spawn(async move { core.listen(robot, Framing::Len32).await });
        let mut authorities = authorities.into_iter();
        let mut next = || authorities.next().unwrap_or_default();
        Ok(Served {
            bank: next(),
            one_c: next(),
            sms: next(),
            printer: galley_link::Address::Tcp(printer_at.to_string()),
            slips: galley_link::Address::Tcp(slips_at.to_string()),
            robot: galley_link::Address::Tcp(robot_at.to_string()),
        })
    }
}

impl Served {
    /// Authority of the bank.
    #[must_use]
    pub fn bank_authority(&self) -> String {
        self.bank.clone()
    }

    /// Settings of the bank's connector, and its password.
    #[must_use]
    pub fn bank_config(&self) -> (AlfaBankConfig, crate::world::Secret) {
        let config = AlfaBankConfig {
            base_url: format!("http://{}/payment/rest/", self.bank),
            user_name: BANK_LOGIN.0.to_owned(),
            password_credential: "bank".to_owned(),
            return_url: "https://example.invalid/".to_owned(),
            poll_interval: std::time::Duration::from_secs(1),
            closing_margin: std::time::Duration::from_mins(1),
            not_found_wait: std::time::Duration::from_secs(1),
            money_timeout: std::time::Duration::from_secs(10),
            read_timeout: std::time::Duration::from_secs(5),
        };
        (config, crate::world::Secret::new(BANK_LOGIN.1))
    }

    /// Settings of the connector to 1C, and its password.
    #[must_use]
    pub fn one_c_config(&self, catalog: &Catalog) -> (one_c::Config, crate::world::Secret) {
        let base = format!("http://{}/demo/odata/standard.odata/", self.one_c);
        (
            one_c_config(&base, catalog),
            crate::world::Secret::new(ONE_C_LOGIN.1),
        )
    }

    /// Settings of the connector to the message provider, and its key.
    ///
    /// # Errors
    /// Never, but for a bug in the settings.
    pub fn sms_config(&self) -> anyhow::Result<(SmsRuConfig, crate::world::Secret)> {
        let config = serde_json::from_value(serde_json::json!({
            "base_url": format!("http://{}", self.sms),
            "api_id_credential": "sms",
            "countries": ["ru", "uz"],
            "assume_sent_after": "10s",
        }))?;
        Ok((config, crate::world::Secret::new(SMS_KEY)))
    }
}

/// A key of 1C that comes out the same every time.
fn guid(what: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("galley-demo:{what}").as_bytes(),
    )
}

fn one_c_config(base_url: &str, catalog: &Catalog) -> one_c::Config {
    let dishes: BTreeMap<String, Uuid> = catalog
        .dishes
        .iter()
        .map(|d| (d.id.0.clone(), guid(&format!("dish:{}", d.id))))
        .collect();
    let tenders: BTreeMap<String, Uuid> = [Tender::SbpQr, Tender::CardTerminal]
        .into_iter()
        .map(|t| (t.word().to_owned(), guid(&format!("tender:{}", t.word()))))
        .collect();
    let settings = serde_json::json!({
        "base_url": base_url,
        "user": ONE_C_LOGIN.0,
        "password": "one_c",
        "organisation": guid("organisation"),
        "warehouse": guid("warehouse"),
        "cash_account": guid("cash"),
        "currency": guid("rub"),
        "tenders": tenders,
        "dishes": dishes,
    });
    serde_json::from_value(settings).expect("the demonstration's settings of 1C are complete")
}

fn local_clock(clock: Arc<dyn Clock>, zone: TimeZone) -> impl Fn() -> LocalDateTime + Send + Sync {
    move || {
        let t = jiff::Timestamp::from_millisecond(clock.now().as_millis())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(zone.clone());
        let small = |n: i8| u8::try_from(n).unwrap_or(0);
        LocalDateTime {
            year: u16::try_from(t.year()).unwrap_or(2000),
            month: small(t.month()),
            day: small(t.day()),
            hour: small(t.hour()),
            minute: small(t.minute()),
            second: small(t.second()),
        }
    }
}

fn bins(catalog: &Catalog, expiry: i64) -> Vec<BinConfig> {
    catalog
        .ingredients
        .iter()
        .enumerate()
        .map(|(i, ingredient)| {
            let most = catalog
                .tech_cards
                .iter()
                .flat_map(|c| &c.ingredients)
                .filter(|a| a.ingredient == ingredient.id)
                .map(|a| a.quantity)
                .max()
                .unwrap_or(1);
            BinConfig {
                bin: format!("B{:02}", i + 1),
                item: Some(ingredient.id.0.clone()),
                unit: match ingredient.unit {
                    Unit::Milligram => RobotUnit::Mg,
                    Unit::Microlitre => RobotUnit::Ul,
                    Unit::Piece => RobotUnit::Pc,
                },
                cap: most * PORTIONS * 2,
                low: ingredient.low,
                level: most * PORTIONS,
                lot: format!("L{:02}", i + 1),
                expiry,
                scale: true,
            }
        })
        .collect()
}
