//! The store's way to the internet, with a switch.

use crate::world::{Http, HttpError, Reach, ReqwestHttp};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// HTTP that can be cut off as a whole, or from the bank alone. Clones share the switches.
#[derive(Clone)]
pub(crate) struct SwitchedHttp {
    inner: ReqwestHttp,
    bank: Arc<str>,
    switches: Arc<Switches>,
}

#[derive(Default)]
struct Switches {
    internet_cut: AtomicBool,
    bank_cut: AtomicBool,
    lose_answers: AtomicU32,
}

impl SwitchedHttp {
    pub(crate) fn new(inner: ReqwestHttp, bank_authority: String) -> Self {
        Self {
            inner,
            bank: bank_authority.into(),
            switches: Arc::default(),
        }
    }

    pub(crate) fn set_internet(&self, on: bool) {
        self.switches.internet_cut.store(!on, Ordering::SeqCst);
    }

    pub(crate) fn internet(&self) -> bool {
        !self.switches.internet_cut.load(Ordering::SeqCst)
    }

    pub(crate) fn set_bank(&self, on: bool) {
        self.switches.bank_cut.store(!on, Ordering::SeqCst);
    }

    pub(crate) fn bank(&self) -> bool {
        !self.switches.bank_cut.load(Ordering::SeqCst)
    }

    /// The next `n` requests are carried out, and their answers lost on the way.
    pub(crate) fn lose_answers(&self, n: u32) {
        self.switches.lose_answers.store(n, Ordering::SeqCst);
    }

    fn is_cut(&self, authority: Option<&str>) -> bool {
        !self.internet() || (!self.bank() && authority == Some(&self.bank))
    }
}

#[async_trait]
impl Http for SwitchedHttp {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let authority = request.uri().authority().map(|a| a.as_str().to_owned());
        if self.is_cut(authority.as_deref()) {
            return Err(HttpError::NotSent("there is no network".to_owned()));
        }
        let answer = self.inner.send(request, deadline).await?;
        let lost = self
            .switches
            .lose_answers
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
            .is_ok();
        if lost || self.is_cut(authority.as_deref()) {
            return Err(HttpError::Unknown("the network went away".to_owned()));
        }
        Ok(answer)
    }

    async fn deliver(
        &self,
        request: http::Request<Bytes>,
        reach: Reach,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError> {
        if !self.internet() {
            return Err(HttpError::NotSent("there is no network".to_owned()));
        }
        self.inner.deliver(request, reach, deadline).await
    }
}
