//! A loyalty programme whose answers get lost.

use crate::flow::{
    effects::loyalty::Request,
    executor::{NotNow, Outcome, Resolution},
    loyalty::{House, LoyaltyProgramme},
};
use async_trait::async_trait;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The house's programme, whose answers can be lost after the points were booked.
#[derive(Clone, Default)]
pub(super) struct Unsteady(Arc<AtomicU64>);

impl Unsteady {
    /// So many answers to come are lost.
    pub(super) fn lose(&self, answers: u64) {
        self.0.store(answers, Ordering::Relaxed);
    }

    /// What a store is wired with.
    pub(super) fn around(&self) -> Box<dyn FnOnce(House) -> Arc<dyn LoyaltyProgramme> + Send> {
        let losing = self.clone();
        Box::new(move |house| Arc::new(Around { house, losing }))
    }

    fn takes(&self) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }
}

struct Around {
    house: House,
    losing: Unsteady,
}

#[async_trait]
impl LoyaltyProgramme for Around {
    async fn act(&self, op: &str, request: &Request) -> Outcome {
        let outcome = self.house.act(op, request).await;
        match self.losing.takes() {
            true => Outcome::Unknown(NotNow::new("the answer was lost", "")),
            false => outcome,
        }
    }

    async fn find(&self, op: &str, request: &Request) -> Resolution {
        self.house.find(op, request).await
    }
}
