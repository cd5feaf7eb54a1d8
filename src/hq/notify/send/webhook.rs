//! A POST of JSON to another system, signed.
//!
//! `Galley-Signature: t=SECONDS,v1=HEX` is HMAC-SHA256 over `SECONDS.BODY` with the shared key; `id` stays the same
//! when a message is sent again.

use super::{PATIENCE, Parcel, Send, SendError, judge};
use crate::world::{Http, Secret};
use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, Uri, header};
use serde_json::json;
use sha2::Sha256;
use std::{fmt::Write as _, sync::Arc};

pub(super) struct Webhook {
    http: Arc<dyn Http>,
    url: Uri,
    secret: Secret,
}

impl Webhook {
    pub(super) fn new(http: Arc<dyn Http>, url: &str, secret: Secret) -> Result<Self, String> {
        let url: Uri = url
            .parse()
            .map_err(|_| format!("{url:?} is not an address"))?;
        let loopback = matches!(url.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme_str() != Some("https") && !loopback {
            return Err("the address must begin with https://".to_owned());
        }
        Ok(Self { http, url, secret })
    }

    fn signature(&self, seconds: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(format!("{seconds}.{body}").as_bytes());
        let mut text = format!("t={seconds},v1=");
        for byte in mac.finalize().into_bytes() {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

#[async_trait]
impl Send for Webhook {
    async fn send(&self, parcel: &Parcel<'_>) -> Result<(), SendError> {
        let body = json!({
            "id": parcel.id,
            "at": parcel.at,
            "text": parcel.message.text,
            "notice": parcel.what,
        })
        .to_string();
        let request = Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                "galley-signature",
                self.signature(parcel.at.as_millis() / 1000, &body),
            )
            .body(Bytes::from(body))
            .map_err(|e| SendError::Never(e.to_string()))?;
        let answer = self
            .http
            .send(request, PATIENCE)
            .await
            .map_err(|e| SendError::Later(e.to_string()))?;
        judge(answer.status(), String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::RouterHttp;

    #[test]
    fn a_plain_address_is_only_for_this_machine() {
        let http: Arc<dyn Http> = Arc::new(RouterHttp::new());
        for (url, fits) in [
            ("https://ops.test/galley", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://ops.test/galley", false),
            ("not an address", false),
        ] {
            let made = Webhook::new(Arc::clone(&http), url, Secret::new("k"));
            assert_eq!(made.is_ok(), fits, "{url}");
        }
    }

    #[test]
    fn the_signature_is_what_the_receiver_computes() {
        let http: Arc<dyn Http> = Arc::new(RouterHttp::new());
        let webhook = Webhook::new(http, "https://ops.test", Secret::new("key")).unwrap();
        // printf '1785574800.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            webhook.signature(1_785_574_800, "{}"),
            "t=1785574800,v1=05f6584eab9ff752fe89c8bef2b5d7577c2a9fa96786f5d7368d711510b443aa"
        );
    }
}
