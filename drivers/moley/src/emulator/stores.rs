//! The cell's side of recipes (klink 3.11) and bins (klink 3.12).

use super::{
    commands::refuse,
    kitchen::Kitchen,
    state::{Bin, Change, StoredRecipe},
};
use crate::message::WireError;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use galley_robot::{
    BinState, Event, InvAdjust, InvAdjusted, InvLoad, InvUnload, Layer, LoadMode, Loaded, LotQty,
    Recipe, RecipeActivate, RecipeBegin, RecipeChunk, RecipeKey, RecipeState, RecipeStateChanged,
    Unloaded, canonical_bytes, digest_text, valid_id,
};
use serde_json::{Value, json};

/// Largest recipe, bytes.
pub(super) const MAX_RECIPE: u32 = 4_194_304;
/// A filled bin of [`super::EmulatorConfig::stock_portions`] keeps for a year.
const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

impl Kitchen {
    pub(super) fn recipe_begin(&mut self, a: &RecipeBegin) -> Result<Value, WireError> {
        if !valid_id(&a.id) || a.rev == 0 || !a.hash.starts_with("sha256:") || a.size < 2 {
            return Err(refuse("BAD_REQUEST", "id, revision, size or hash"));
        }
        if a.size > u64::from(MAX_RECIPE) {
            return Err(refuse("RECIPE_TOO_LARGE", "the recipe is too large"));
        }
        let other = |r: &StoredRecipe| r.id == a.id && r.rev == a.rev && r.hash != a.hash;
        let conflict = self.state.recipes.values().find(|r| other(r)).cloned();
        if let Some(r) = conflict {
            if r.state != RecipeState::Staged {
                return Err(refuse(
                    "RECIPE_HASH_MISMATCH",
                    "this revision has another content",
                ));
            }
            self.put(Change::DropRecipe(r.hash));
        }
        let Some(known) = self.state.recipes.get(&a.hash) else {
            self.put(Change::Recipe(Box::new(StoredRecipe {
                id: a.id.clone(),
                rev: a.rev,
                hash: a.hash.clone(),
                size: a.size,
                state: RecipeState::Staged,
                data: Vec::new(),
            })));
            return Ok(json!({"have": false, "next": 0}));
        };
        if known.size != a.size || known.id != a.id || known.rev != a.rev {
            return Err(refuse(
                "RECIPE_HASH_MISMATCH",
                "hash, size and revision do not belong together",
            ));
        }
        let next = known.data.len() as u64;
        Ok(json!({"have": next == known.size, "next": next}))
    }

    pub(super) fn recipe_chunk(&mut self, a: &RecipeChunk) -> Result<Value, WireError> {
        let Some(known) = self.state.recipes.get(&a.hash) else {
            return Err(refuse("RECIPE_UNKNOWN", "begin first"));
        };
        let bytes = BASE64_STANDARD
            .decode(&a.data)
            .map_err(|e| refuse("BAD_REQUEST", e.to_string()))?;
        let next = known.data.len();
        let off = usize::try_from(a.off).unwrap_or(usize::MAX);
        if off > next {
            let mut no = refuse("CHUNK_OUT_OF_ORDER", format!("wanted {next}"));
            no.detail = Some(json!({"next": next}));
            return Err(no);
        }
        let overlap = bytes.len().min(next - off);
        if known.data[off..off + overlap] != bytes[..overlap] {
            return Err(refuse(
                "RECIPE_HASH_MISMATCH",
                "the bytes differ from those sent before",
            ));
        }
        if (next + bytes.len() - overlap) as u64 > known.size {
            return Err(refuse("BAD_REQUEST", "more bytes than announced"));
        }
        let mut recipe = known.clone();
        recipe.data.extend_from_slice(&bytes[overlap..]);
        let next = recipe.data.len();
        if overlap < bytes.len() {
            self.put(Change::Recipe(Box::new(recipe)));
        }
        Ok(json!({"next": next}))
    }

    pub(super) fn recipe_commit(&mut self, hash: &str) -> Result<Value, WireError> {
        let Some(stored) = self.state.recipes.get(hash).cloned() else {
            return Err(refuse("RECIPE_UNKNOWN", "begin first"));
        };
        if stored.data.len() as u64 != stored.size {
            let mut no = refuse("CHUNK_OUT_OF_ORDER", "bytes are missing");
            no.detail = Some(json!({"next": stored.data.len()}));
            return Err(no);
        }
        if digest_text(&stored.data) != hash {
            self.put(Change::DropRecipe(hash.to_owned()));
            return Err(refuse(
                "RECIPE_HASH_MISMATCH",
                "the bytes have another hash",
            ));
        }
        let recipe: Recipe = serde_json::from_slice(&stored.data)
            .map_err(|e| refuse("RECIPE_INVALID", e.to_string()))?;
        let canonical = serde_json::from_slice::<Value>(&stored.data)
            .ok()
            .and_then(|v| canonical_bytes(&v).ok());
        let mut faults = recipe.faults();
        if canonical.as_deref() != Some(&stored.data[..]) {
            faults.push("the bytes are not in canonical form".into());
        }
        if recipe.id != stored.id || recipe.rev != stored.rev {
            faults.push("id or revision differ from what was announced".into());
        }
        if !faults.is_empty() {
            self.put(Change::DropRecipe(hash.to_owned()));
            return Err(refuse("RECIPE_INVALID", faults.join("; ")));
        }
        let needs = recipe.requires.iter();
        let needs = needs.chain(recipe.phases.iter().flat_map(|p| &p.res));
        if let Some(name) = needs
            .into_iter()
            .find(|name| self.config.equipment.get(*name).copied().unwrap_or(0) == 0)
        {
            return Err(refuse("EQUIPMENT_MISSING", format!("there is no {name}")));
        }
        let est_ms = recipe.planned_ms();
        if stored.state != RecipeState::Staged {
            return Ok(json!({"state": stored.state, "est_ms": est_ms, "issues": []}));
        }
        self.set_recipe(stored, RecipeState::Verified);
        self.stock_up(&recipe);
        Ok(json!({"state": "verified", "est_ms": est_ms, "issues": []}))
    }

    fn set_recipe(&mut self, mut recipe: StoredRecipe, to: RecipeState) {
        recipe.state = to.clone();
        self.emit(&Event::RecipeState(RecipeStateChanged {
            id: recipe.id.clone(),
            rev: recipe.rev,
            hash: recipe.hash.clone(),
            to,
        }));
        self.put(Change::Recipe(Box::new(recipe)));
    }

    /// Gives ingredients without a bin one of their own, filled.
    fn stock_up(&mut self, recipe: &Recipe) {
        let portions = i64::from(self.config.stock_portions);
        for x in recipe.ingredients.iter().filter(|_| portions > 0) {
            let has = |b: &Bin| b.item.as_deref() == Some(x.item.as_str());
            if self.state.bins.values().any(has) {
                continue;
            }
            let name = format!("B{:02}", self.state.bins.len() + 1);
            let amount = x.qty.saturating_mul(portions);
            self.put(Change::Bin(Box::new(Bin {
                bin: name.clone(),
                state: BinState::Empty,
                item: None,
                unit: x.unit.clone(),
                cap: amount.saturating_mul(2),
                low: amount / 10,
                scale: false,
                layers: Vec::new(),
            })));
            self.fill(&name, &x.item, amount, "EMU-1", YEAR_MS);
        }
    }

    /// Somebody fills a bin without a command.
    pub fn fill(&mut self, bin: &str, item: &str, qty: i64, lot: &str, keeps_ms: i64) {
        let Some(unit) = self.state.bins.get(bin).map(|b| b.unit.clone()) else {
            return;
        };
        let n = self.next_number();
        let load = InvLoad {
            load_id: format!("cell:{}:{n}", self.config.cell_id),
            bin: bin.to_owned(),
            item: item.to_owned(),
            mode: LoadMode::Add,
            qty,
            unit,
            lot: lot.to_owned(),
            expiry: self.wall().saturating_add(keeps_ms),
            opened: None,
            marks: Vec::new(),
        };
        if let Err(e) = self.inv_load(load) {
            tracing::debug!("the bin was not filled: {}", e.msg);
        }
    }

    pub(super) fn recipe_activate(&mut self, a: &RecipeActivate) -> Result<Value, WireError> {
        let Some(recipe) = self.state.recipes.get(&a.hash).cloned() else {
            return Err(refuse("RECIPE_UNKNOWN", "upload the recipe first"));
        };
        if recipe.id != a.id || recipe.rev != a.rev {
            return Err(refuse(
                "RECIPE_HASH_MISMATCH",
                "hash and revision do not belong together",
            ));
        }
        match recipe.state {
            RecipeState::Active => return Ok(json!({"state": "active", "already": true})),
            RecipeState::Staged => return Err(refuse("RECIPE_UNKNOWN", "commit the recipe first")),
            _ => {}
        }
        let others: Vec<StoredRecipe> = self
            .state
            .recipes
            .values()
            .filter(|r| a.exclusive && r.id == a.id && r.state == RecipeState::Active)
            .cloned()
            .collect();
        for other in others {
            self.set_recipe(other, RecipeState::Retired);
        }
        self.set_recipe(recipe, RecipeState::Active);
        Ok(json!({"state": "active"}))
    }

    pub(super) fn recipe_retire(&mut self, a: &RecipeKey) -> Result<Value, WireError> {
        let found = self
            .state
            .recipes
            .values()
            .find(|r| r.id == a.id && r.rev == a.rev)
            .cloned();
        let Some(recipe) = found else {
            return Err(refuse("RECIPE_UNKNOWN", "no such recipe"));
        };
        let used = self
            .state
            .jobs
            .values()
            .any(|j| !j.state.is_final() && j.submit.recipe.hash == recipe.hash);
        if used {
            return Err(refuse("RECIPE_IN_USE", "a job needs it"));
        }
        if recipe.state != RecipeState::Retired {
            self.set_recipe(recipe, RecipeState::Retired);
        }
        Ok(json!({"state": "retired"}))
    }

    fn bin_for_booking(&self, name: &str) -> Result<Bin, WireError> {
        let Some(bin) = self.state.bins.get(name) else {
            return Err(refuse("BIN_UNKNOWN", format!("there is no bin {name}")));
        };
        if bin.state == BinState::Locked {
            return Err(refuse("BIN_LOCKED", "the bin is in quarantine"));
        }
        Ok(bin.clone())
    }

    /// Whether this load id was booked; an error if it was for something else.
    fn booked<T: serde::Serialize>(&mut self, load_id: &str, a: &T) -> Result<bool, WireError> {
        if !valid_id(load_id) {
            return Err(refuse("BAD_REQUEST", "load id"));
        }
        let value = serde_json::to_value(a).map_err(|e| refuse("BAD_REQUEST", e.to_string()))?;
        let bytes = canonical_bytes(&value).map_err(|e| refuse("BAD_REQUEST", e.to_string()))?;
        let digest = digest_text(&bytes);
        match self.state.loads.get(load_id) {
            Some(known) if *known == digest => Ok(true),
            Some(_) => Err(refuse(
                "LOAD_ID_REUSED",
                "this load id was used for something else",
            )),
            None => {
                self.put(Change::Load {
                    id: load_id.to_owned(),
                    digest,
                });
                Ok(false)
            }
        }
    }

    pub(super) fn inv_load(&mut self, a: InvLoad) -> Result<Value, WireError> {
        let mut bin = self.bin_for_booking(&a.bin)?;
        if a.qty <= 0 || a.lot.is_empty() {
            return Err(refuse("LOT_REQUIRED", "a lot and an amount are needed"));
        }
        if bin.unit != a.unit {
            return Err(refuse(
                "UNIT_MISMATCH",
                format!("the bin counts in {}", bin.unit),
            ));
        }
        let rest = if a.mode == LoadMode::Replace {
            0
        } else {
            bin.level()
        };
        if rest > 0 && bin.item.as_deref() != Some(&a.item) {
            return Err(refuse("BIN_WRONG_ITEM", "something else is in it"));
        }
        if rest.saturating_add(a.qty) > bin.cap {
            return Err(refuse("BIN_OVERFLOW", "more than the bin holds"));
        }
        if self.booked(&a.load_id, &a)? {
            return Ok(json!({"level": bin.level()}));
        }
        if a.mode == LoadMode::Replace && bin.level() > 0 {
            let lots = take(&mut bin, i64::MAX);
            let load_id = format!("{}:replace", a.load_id);
            self.say_unloaded(&bin, load_id, lots, "return");
        }
        bin.item = Some(a.item.clone());
        bin.layers.push(Layer {
            lot: a.lot.clone(),
            qty: a.qty,
            expiry: a.expiry,
        });
        let level = bin.level();
        self.emit(&Event::Loaded(Loaded {
            load_id: a.load_id,
            bin: a.bin,
            item: a.item,
            lot: a.lot,
            qty: a.qty,
            said: a.qty,
            unit: a.unit,
            src: bin.source(),
            level,
        }));
        self.store_bin(bin);
        Ok(json!({"level": level}))
    }

    fn say_unloaded(&mut self, bin: &Bin, load_id: String, lots: Vec<LotQty>, reason: &str) {
        self.emit(&Event::Unloaded(Unloaded {
            load_id,
            bin: bin.bin.clone(),
            item: bin.item.clone().unwrap_or_default(),
            qty: lots.iter().map(|l| l.qty).sum(),
            unit: bin.unit.clone(),
            reason: reason.to_owned(),
            lots,
            level: bin.level(),
        }));
    }

    pub(super) fn inv_unload(&mut self, a: &InvUnload) -> Result<Value, WireError> {
        let mut bin = self.bin_for_booking(&a.bin)?;
        if a.qty.is_some_and(|q| q <= 0 || q > bin.level())
            && !self.state.loads.contains_key(&a.load_id)
        {
            return Err(refuse("BAD_REQUEST", "not so much is in the bin"));
        }
        if self.booked(&a.load_id, a)? {
            return Ok(json!({"level": bin.level()}));
        }
        let lots = take(&mut bin, a.qty.unwrap_or(i64::MAX));
        self.say_unloaded(&bin, a.load_id.clone(), lots, &a.reason);
        let level = bin.level();
        self.store_bin(bin);
        Ok(json!({"level": level}))
    }

    pub(super) fn inv_adjust(&mut self, a: &InvAdjust) -> Result<Value, WireError> {
        let mut bin = self.bin_for_booking(&a.bin)?;
        if a.level < 0 || a.level > bin.cap {
            return Err(refuse("BAD_REQUEST", "no possible level"));
        }
        if self.booked(&a.load_id, a)? {
            return Ok(json!({"level": bin.level()}));
        }
        let delta = a.level - bin.level();
        if delta < 0 {
            take(&mut bin, -delta);
        } else if delta > 0 {
            match bin.layers.last_mut() {
                Some(layer) => layer.qty += delta,
                None => bin.layers.push(Layer {
                    lot: "ADJUSTED".into(),
                    qty: delta,
                    expiry: self.wall().saturating_add(24 * 3600 * 1000),
                }),
            }
        }
        self.emit(&Event::Adjusted(InvAdjusted {
            load_id: a.load_id.clone(),
            bin: a.bin.clone(),
            item: bin.item.clone(),
            delta,
            unit: bin.unit.clone(),
            level: bin.level(),
            reason: a.reason.clone(),
        }));
        let level = bin.level();
        self.store_bin(bin);
        Ok(json!({"level": level}))
    }

    /// The bin is found empty: what the book said was wrong.
    pub fn drain(&mut self, bin: &str) {
        let n = self.next_number();
        let found = InvAdjust {
            load_id: format!("cell:{}:{n}", self.config.cell_id),
            bin: bin.to_owned(),
            level: 0,
            reason: "found_empty".into(),
        };
        if let Err(e) = self.inv_adjust(&found) {
            tracing::debug!("the bin was not drained: {}", e.msg);
        }
        self.commit();
    }
}

/// Takes up to `qty` out of a bin, oldest first.
fn take(bin: &mut Bin, qty: i64) -> Vec<LotQty> {
    let mut left = qty;
    let mut lots = Vec::new();
    bin.layers.sort_by_key(|l| l.expiry);
    for layer in &mut bin.layers {
        let part = left.min(layer.qty);
        if part > 0 {
            layer.qty -= part;
            left -= part;
            lots.push(LotQty {
                lot: layer.lot.clone(),
                qty: part,
            });
        }
    }
    bin.layers.retain(|l| l.qty > 0);
    lots
}
