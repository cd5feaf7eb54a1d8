//! The store's way to the services on the network, for as long as the process lives.

use super::{heart::Heart, plan::Service, steps::Steps};
use crate::world::{Http, HttpError, RouterHttp};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use std::time::Duration;

/// A dead process sends nothing and hears nothing.
#[derive(Clone)]
pub(super) struct SimHttp {
    net: RouterHttp,
    heart: Heart,
    /// Requests to the bank.
    bank: Steps,
}

impl SimHttp {
    pub(super) fn new(net: RouterHttp, heart: Heart, bank: Steps) -> Self {
        Self { net, heart, bank }
    }
}

#[async_trait]
impl Http for SimHttp {
    async fn send(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Response<Bytes>, HttpError> {
        if !self.heart.beat() {
            return std::future::pending().await;
        }
        if request.uri().authority().map(http::uri::Authority::as_str)
            == Some(Service::Bank.authority())
        {
            self.bank.step(request.body().len());
        }
        let answer = self.net.send(request, deadline).await;
        if !self.heart.beat() {
            return std::future::pending().await;
        }
        answer
    }
}
