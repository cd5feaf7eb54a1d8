//! Reading back what stands in the books: for the nightly comparison and for `galley doctor`. Nothing is
//! rewritten here.

use super::{
    OneC,
    client::{self, CallError},
    delivery::{self, Found},
    map::{self, Plan},
    obstacles::Obstacles,
    wire,
};
use crate::flow::effects::accounting::Request;
use serde::Serialize;
use uuid::Uuid;

/// A report as it stands in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Its key.
    pub ref_key: Uuid,
    /// Its number.
    pub number: String,
    /// Whether it is in the books.
    pub posted: bool,
    /// Whether somebody has marked it for deletion.
    pub deletion_mark: bool,
    /// Its total, minor units.
    pub total_minor: i64,
    /// Its version: another one when somebody has changed it by hand.
    pub version: String,
}

/// How a document of a shift compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// Posted, with our total.
    Agrees(Totals),
    /// Not there.
    Missing,
    /// There, and not in the books.
    Unposted(Totals),
    /// Marked for deletion.
    Deleted(Totals),
    /// In the books with another total.
    Differs(Totals),
}

/// One document of a shift, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Its set.
    pub set: String,
    /// Its key in words.
    pub key: String,
    /// Our total, minor units.
    pub ours_minor: i64,
    /// How theirs compares.
    pub verdict: Verdict,
}

/// Why a comparison was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// 1C could not be asked.
    #[error("the books can't be read")]
    Call(#[from] CallError),
    /// Our own figures contradict each other.
    #[error("the shift has no figures to compare")]
    Figures(#[from] Obstacles),
}

/// An object of 1C that a setting could point to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Its key.
    pub ref_key: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub description: String,
}

/// Candidates shown at a time.
const MAX_CANDIDATES: u16 = 20;

impl OneC {
    /// A retail report as it stands in the books; `None` when there is none with that key.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn totals(&self, ref_key: Uuid) -> Result<Option<Totals>, CallError> {
        let plan = Plan {
            set: &wire::RETAIL_REPORT,
            key: String::new(),
            ref_key,
            total_minor: 0,
        };
        let found = delivery::find(&self.setup().client, &plan).await?;
        Ok(found.map(|found| totals(ref_key, found)))
    }

    /// Compares every document of a shift with the books, to the kopeck.
    ///
    /// # Errors
    /// When 1C can't be asked.
    pub async fn reconcile(&self, request: &Request) -> Result<Vec<Reconciled>, ReconcileError> {
        let setup = self.setup();
        let mut all = Vec::new();
        for plan in map::plan(request, &setup.config)? {
            let found = delivery::find(&setup.client, &plan).await?;
            let verdict = match found.map(|found| totals(plan.ref_key, found)) {
                None => Verdict::Missing,
                Some(theirs) if theirs.deletion_mark => Verdict::Deleted(theirs),
                Some(theirs) if !theirs.posted => Verdict::Unposted(theirs),
                Some(theirs) if theirs.total_minor != plan.total_minor => Verdict::Differs(theirs),
                Some(theirs) => Verdict::Agrees(theirs),
            };
            all.push(Reconciled {
                set: plan.set.name.to_owned(),
                key: plan.key,
                ours_minor: plan.total_minor,
                verdict,
            });
        }
        Ok(all)
    }

    /// Objects of a catalog or chart whose property is exactly that text, such as the item with an
    /// `Артикул` or the account with a `Code`: for whoever fills in the mapping.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn look_up(
        &self,
        set: &str,
        property: &str,
        text: &str,
    ) -> Result<Vec<Candidate>, CallError> {
        let setup = self.setup();
        let names = setup.client.names();
        let filter = format!(
            "DeletionMark eq false and {} eq {}",
            names.of(property),
            client::literal(text)
        );
        let found = setup
            .client
            .list(
                set,
                &["Ref_Key", "Code", "Description"],
                &filter,
                MAX_CANDIDATES,
            )
            .await?;
        let candidate = |object: &wire::Object| {
            let text = |name| object.text(names.of(name)).unwrap_or_default();
            Some(Candidate {
                ref_key: text("Ref_Key").parse().ok()?,
                code: text("Code").trim().to_owned(),
                description: text("Description"),
            })
        };
        Ok(found.iter().filter_map(candidate).collect())
    }
}

fn totals(ref_key: Uuid, found: Found) -> Totals {
    Totals {
        ref_key,
        number: found.number,
        posted: found.posted,
        deletion_mark: found.deletion_mark,
        total_minor: found.total_minor,
        version: found.version,
    }
}
