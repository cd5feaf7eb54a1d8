//! What a request is made of, read so that whatever is wrong with it is told as a problem document, with the place.

use crate::{
    body::{NotWhole, whole},
    gateway::Problem,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, request::Parts},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Bytes a request's body may have. A receipt of a hundred lines has about 30 kB.
const MAX_BODY: usize = 1024 * 1024;

/// A body, whole.
pub(in crate::gateway) struct Whole(pub(in crate::gateway) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let read = whole(request.into_body(), MAX_BODY).await;
        read.map(|bytes| Self(bytes.into())).map_err(|e| match e {
            NotWhole::Cut => bad_json("the body was cut"),
            NotWhole::TooLarge => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "a body has at most 1 MB",
            ),
        })
    }
}

/// The query of an address.
pub(in crate::gateway) struct Asks<T>(pub(in crate::gateway) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asks<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = Query::try_from_uri(&parts.uri);
        read.map(|Query(asked)| Self(asked)).map_err(|e| {
            let said = e.body_text();
            let why = said.split_once("query string: ").map_or(&*said, |s| s.1);
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad_query",
                format!("the address can't be read behind its question mark: {why}"),
            )
        })
    }
}

/// The parts of an address that name something.
pub(in crate::gateway) struct At<T>(pub(in crate::gateway) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = Path::from_request_parts(parts, state).await;
        named
            .map(|Path(named)| Self(named))
            .map_err(|e| Problem::not_found(e.body_text()))
    }
}

/// A body as JSON; an empty one is an empty object.
///
/// # Errors
/// When it is none, or says something twice: which of the two was meant is not to be guessed where money is.
pub(super) fn read_value(body: &Bytes) -> Result<Value, Problem> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    let mut json = serde_json::Deserializer::from_slice(text);
    let Strict(value) =
        serde_path_to_error::deserialize(&mut json).map_err(|e| bad_json(placed(&e)))?;
    json.end().map_err(|e| bad_json(e.to_string()))?;
    Ok(value)
}

/// A body as what it must be.
///
/// # Errors
/// As [`read_value`], and when it is something else.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    let value = read_value(body)?;
    // A list of values in the order of our fields would be taken too.
    if !value.is_object() {
        return Err(bad_json("the body must be a JSON object"));
    }
    serde_path_to_error::deserialize(value).map_err(|e| bad_json(placed(&e)))
}

fn bad_json(why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_json", why)
}

/// What is wrong, behind the path of its field.
pub(in crate::gateway) fn placed(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    match error.path().to_string().as_str() {
        "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    }
}

/// JSON in which no object says a name twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything).map(Self)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("{name:?} is said twice")));
            }
            let Strict(value) = object.next_value()?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}
