//! HTTP to and from the infobase's own terms.

use super::{Act, Emulator, books::Refused};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) const ROOT: &str = "/odata/standard.odata/";
/// Bytes a body may have.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request in 1C's terms.
pub(super) struct Wish {
    pub method: Method,
    /// What follows the root, decoded.
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub version: Option<String>,
    pub body: Vec<u8>,
}

impl Wish {
    pub fn act(&self) -> Act {
        match (&self.method, self.path.split_once(")/")) {
            (&Method::GET, _) => Act::Read,
            (&Method::POST, Some(_)) => Act::Post,
            (&Method::POST, None) => Act::Create,
            _ => Act::Change,
        }
    }
}

pub(super) async fn answer(State(emulator): State<Emulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "");
    };
    let header = |name: header::HeaderName| {
        let value = parts.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let Some(path) = decode(parts.uri.path()) else {
        return failure(&Refused::new(400, 6, "Неверный URL"));
    };
    // Without the interface switched on a publication knows no such address.
    let Some((_, path)) = path.split_once(ROOT) else {
        return text(StatusCode::NOT_FOUND, "<html><body>404</body></html>");
    };
    let query = parts.uri.query().unwrap_or_default().split('&');
    let wish = Wish {
        method: parts.method.clone(),
        path: path.to_owned(),
        query: query
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(name, value)| Some((decode(name)?, decode(value)?)))
            .collect(),
        version: header(header::IF_MATCH),
        body: body.to_vec(),
    };
    let authorization = header(header::AUTHORIZATION);
    // The lock is not held while the answer is made to wait.
    let (answer, comes) = emulator.infobase().serve(authorization.as_deref(), &wish);
    if comes {
        answer
    } else {
        std::future::pending().await
    }
}

/// `Set`, `Set(guid'…')` or `Set(guid'…')/Method`.
pub(super) fn target(path: &str) -> Result<(&str, Option<Uuid>, Option<&str>), Refused> {
    let wrong = || Refused::new(400, 6, "Неверный URL");
    let Some((set, rest)) = path.split_once("(guid'") else {
        return if path.contains(['(', '/']) {
            Err(wrong())
        } else {
            Ok((path, None, None))
        };
    };
    let (key, rest) = rest.split_once("')").ok_or_else(wrong)?;
    let key = key.parse().map_err(|_| wrong())?;
    match rest {
        "" => Ok((set, Some(key), None)),
        rest => {
            let method = rest.strip_prefix('/').ok_or_else(wrong)?;
            Ok((set, Some(key), Some(method)))
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (hex, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn encode(text: &str) -> String {
    let hex = |byte: u8| {
        if byte.is_ascii() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(hex).collect()
}

pub(super) fn failure(refused: &Refused) -> Response {
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
    let page = json!({"odata.error": {
        "code": refused.code.to_string(),
        "message": {"lang": "ru", "value": refused.message},
    }});
    json_answer(status, &page)
}

pub(super) fn json_answer(status: StatusCode, value: &Value) -> Response {
    typed(status, "application/json;charset=utf-8", value.to_string())
}

pub(super) fn xml(page: String) -> Response {
    typed(StatusCode::OK, "application/xml;charset=utf-8", page)
}

pub(super) fn text(status: StatusCode, text: &str) -> Response {
    typed(status, "text/html;charset=utf-8", text.to_owned())
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let kind = header::HeaderValue::from_static(kind);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
