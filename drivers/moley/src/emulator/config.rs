//! How an emulated kitchen is built.

use crate::Key;
use galley_robot::{Ambient, Unit};
use std::collections::BTreeMap;

/// An emulated kitchen. Numbers are those of the model kitchen of klink 5.1 unless changed.
#[derive(Clone, Debug)]
pub struct EmulatorConfig {
    /// Its id.
    pub cell_id: String,
    /// Where its own UUIDs and the noise of its scales come from: the same seed, the same run.
    pub seed: u64,
    /// Its clock; the random bits of it are not used.
    pub ambient: Ambient,
    /// Cooking goes this many times faster than the recipe says; wire times and a guest's times don't.
    pub speed: u32,
    /// Comes up in automatic mode and goes to `execute` by itself, as if a person had done it. Off, it obeys
    /// the protocol: after power-up it is stopped in manual mode until a person acts.
    pub auto_production: bool,
    /// Equipment and its number; `arm` and `slot` must be there.
    pub equipment: BTreeMap<String, u32>,
    /// Bins at birth.
    pub bins: Vec<BinConfig>,
    /// Gives every ingredient of a recipe that no bin holds a bin of its own, filled for that many
    /// portions, when the recipe is verified. 0: bins are only those of `bins`.
    pub stock_portions: u32,
    /// Weighed bins deviate from the recipe's amounts, within a third of its tolerance.
    pub noise: bool,
    /// Guests take plated dishes after this time; `None`: somebody must say so.
    pub collect_after_ms: Option<u64>,
    /// Jobs that may be stored and not be final.
    pub max_jobs: u32,
    /// Homing takes this long, ms before speed.
    pub reset_ms: u64,
    /// Warming up takes this long, ms before speed.
    pub warmup_ms: u64,
    /// A question to a person is answered by its default after this time.
    pub attention_ms: u64,
    /// After this long without a controller no new dish is begun.
    pub link_grace_ms: u64,
    /// Telemetry period; 0 for none.
    pub tele_ms: u64,
    /// Unacknowledged events the journal holds.
    pub journal_cap: usize,
    /// Key a controller must prove.
    pub key: Option<Key>,
}

impl EmulatorConfig {
    /// The model kitchen: one arm, two hobs, two hand-over places; no bins yet.
    #[must_use]
    pub fn new(seed: u64, ambient: Ambient) -> Self {
        let equipment = [
            ("arm", 1),
            ("hob", 2),
            ("oven", 1),
            ("fryer", 1),
            ("mixer", 1),
            ("slot", 2),
        ];
        Self {
            cell_id: "cell-1".into(),
            seed,
            ambient,
            speed: 1,
            auto_production: false,
            equipment: equipment
                .into_iter()
                .map(|(name, n)| (name.to_owned(), n))
                .collect(),
            bins: Vec::new(),
            stock_portions: 0,
            noise: false,
            collect_after_ms: None,
            max_jobs: 4,
            reset_ms: 5000,
            warmup_ms: 30_000,
            attention_ms: 600_000,
            link_grace_ms: 15_000,
            tele_ms: 1000,
            journal_cap: 20_000,
            key: None,
        }
    }
}

/// A bin at birth.
#[derive(Clone, Debug)]
pub struct BinConfig {
    /// Its id, such as `B03`.
    pub bin: String,
    /// Ingredient in it; `None` for an empty bin.
    pub item: Option<String>,
    /// Its unit.
    pub unit: Unit,
    /// How much it holds.
    pub cap: i64,
    /// Level that counts as low.
    pub low: i64,
    /// Amount at birth, of one lot.
    pub level: i64,
    /// The lot at birth.
    pub lot: String,
    /// Use by, UTC ms.
    pub expiry: i64,
    /// It stands on a scale.
    pub scale: bool,
}
