//! Calls of the gateway: address, login, time-outs, and what a missing or bad answer means.

use super::{
    config::{AlfaBankConfig, ConfigError},
    wire::{Failure, Qr, Registered, Status},
};
use crate::world::{Http, HttpError, Secret};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};

/// ISO 4217 number of the rouble.
const ROUBLE: &str = "643";

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// The bank has surely not looked at it.
    #[error("{0}")]
    NotSent(String),
    /// The bank may have acted.
    #[error("{0}")]
    Unknown(String),
    /// The bank answered with an `errorCode` other than 0.
    #[error("the bank answered with error {code}: {text}")]
    Code { code: i64, text: String },
}

/// How an order is named to the bank.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    /// The bank's `orderId`.
    Id(&'a str),
    /// Our `orderNumber`.
    Number(&'a str),
}

/// What the bank says about an order.
#[derive(Debug)]
pub(super) enum Found {
    /// The bank knows it.
    Order(Box<Status>),
    /// The bank has no such order.
    Nowhere,
}

/// What is registered.
#[derive(Debug)]
pub(super) struct NewOrder<'a> {
    pub order_number: &'a str,
    pub amount_minor: i64,
    pub description: &'a str,
    pub session: Duration,
}

/// The gateway.
#[derive(Clone)]
pub(super) struct Client {
    http: Arc<dyn Http>,
    base_url: String,
    user_name: String,
    password: Secret,
    return_url: String,
    money: Duration,
    read: Duration,
}

impl Client {
    pub fn new(
        http: Arc<dyn Http>,
        config: &AlfaBankConfig,
        password: Secret,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            http,
            base_url: config.base_url.clone(),
            user_name: config.user_name.clone(),
            password,
            return_url: config.return_url.clone(),
            money: config.money_timeout,
            read: config.read_timeout,
        })
    }

    /// Registers an order; answers with the bank's `orderId`.
    pub async fn register(&self, order: &NewOrder<'_>) -> Result<String, CallError> {
        let amount = order.amount_minor.to_string();
        let session = order.session.as_secs().max(1).to_string();
        let fields = [
            ("orderNumber", order.order_number),
            ("amount", &amount),
            ("currency", ROUBLE),
            ("returnUrl", &self.return_url),
            ("description", order.description),
            ("language", "ru"),
            ("sessionTimeoutSecs", &session),
        ];
        self.call::<Registered>("register.do", &fields, self.money)
            .await
            .map(|answer| answer.order_id)
    }

    /// The QR code of a registered order; the same one however often it is asked for.
    pub async fn qr(&self, md_order: &str, purpose: &str) -> Result<Qr, CallError> {
        let fields = [("mdOrder", md_order), ("paymentPurpose", purpose)];
        self.call("sbp/c2b/qr/dynamic/get.do", &fields, self.money)
            .await
    }

    /// The QR code's status.
    pub async fn qr_status(&self, md_order: &str, qr_id: &str) -> Result<Qr, CallError> {
        self.call("sbp/c2b/qr/status.do", &of_code(md_order, qr_id), self.read)
            .await
    }

    /// Asks that the QR code not be payable any more. Its answer proves nothing, so there is none here.
    pub async fn reject(&self, md_order: &str, qr_id: &str) -> Result<(), CallError> {
        self.call::<serde_json::Value>(
            "sbp/c2b/qr/dynamic/reject.do",
            &of_code(md_order, qr_id),
            self.read,
        )
        .await
        .map(drop)
    }

    /// Asks that an unpaid order be closed. Its answer proves nothing, so there is none here.
    pub async fn decline(&self, md_order: &str, order_number: &str) -> Result<(), CallError> {
        let fields = [("orderId", md_order), ("orderNumber", order_number)];
        self.call::<serde_json::Value>("decline.do", &fields, self.read)
            .await
            .map(drop)
    }

    /// Gives money back; the same id never twice.
    pub async fn refund(
        &self,
        md_order: &str,
        refund_id: &str,
        amount_minor: i64,
    ) -> Result<(), CallError> {
        let amount = amount_minor.to_string();
        let fields = [
            ("orderId", md_order),
            ("amount", amount.as_str()),
            ("externalRefundId", refund_id),
        ];
        self.call::<serde_json::Value>("refund.do", &fields, self.money)
            .await
            .map(drop)
    }

    /// All that the bank knows of an order: the only source of truth about money.
    pub async fn status(&self, by: By<'_>) -> Result<Found, CallError> {
        let field = match by {
            By::Id(id) => ("orderId", id),
            By::Number(number) => ("orderNumber", number),
        };
        match self
            .call::<Status>("getOrderStatusExtended.do", &[field], self.read)
            .await
        {
            Ok(status) if status.order_status.is_none() => Ok(Found::Nowhere),
            Ok(status) => Ok(Found::Order(Box::new(status))),
            Err(CallError::Code { code: 6, .. }) => Ok(Found::Nowhere),
            Err(error) => Err(error),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        fields: &[(&str, &str)],
        deadline: Duration,
    ) -> Result<T, CallError> {
        let request = self.request(method, fields)?;
        let answer = self.http.send(request, deadline).await;
        let result = answer
            .map_err(|e| match e {
                HttpError::NotSent(text) => CallError::NotSent(text),
                HttpError::Unknown(text) => CallError::Unknown(text),
            })
            .and_then(|answer| self.read(&answer));
        if let Err(error) = &result {
            tracing::info!(method, %error, "the bank gave no result");
        }
        result
    }

    fn request(&self, method: &str, fields: &[(&str, &str)]) -> Result<Request<Bytes>, CallError> {
        let bad = |_| CallError::NotSent("the bank's address can't be used".into());
        let uri: Uri = format!("{}{method}", self.base_url)
            .parse()
            .map_err(|_| CallError::NotSent("the bank's address can't be used".into()))?;
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("userName", &self.user_name)
            .append_pair("password", self.password.reveal())
            .extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()))
            .finish();
        Request::post(uri)
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(body))
            .map_err(bad)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Response<Bytes>) -> Result<T, CallError> {
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(CallError::NotSent("the bank asks to come later".into()));
            }
            status => {
                return Err(CallError::Unknown(format!("the bank answered {status}")));
            }
        }
        // The body goes into no error and no log: nobody knows what is in it.
        let junk = |what: &'static str| move |_| CallError::Unknown(what.into());
        let failure: Failure = serde_json::from_slice(answer.body())
            .map_err(junk("the bank's answer is not what it should be"))?;
        match failure.error_code {
            None | Some(0) => serde_json::from_slice(answer.body())
                .map_err(junk("the bank's answer lacks something")),
            Some(code) => Err(CallError::Code {
                code,
                text: self.words(failure.error_message.as_deref().unwrap_or("")),
            }),
        }
    }

    /// The bank's words, short, and without our password should it repeat it.
    fn words(&self, text: &str) -> String {
        let text = match self.password.reveal() {
            "" => text.to_owned(),
            password => text.replace(password, "…"),
        };
        text.chars().take(200).collect()
    }
}

fn of_code<'a>(md_order: &'a str, qr_id: &'a str) -> [(&'static str, &'a str); 2] {
    [("mdOrder", md_order), ("qrId", qr_id)]
}
