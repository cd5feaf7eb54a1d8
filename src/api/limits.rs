//! How often the API may be asked: a bucket for every key and token, and one for every address that shows none.
//!
//! A guest never waits for it: what a kiosk needs to order and to be paid is not counted, nor is the report of a card
//! terminal.

use super::{
    Api, Problem,
    auth::{Holder, Local, Role, hash_token, token_of},
};
use crate::domain::{chain::Hash, text::Text, time::Timestamp};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// `[limits]`: requests a minute, and at once. 0 a minute is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a minute of a key that has no number of its own; 600.
    pub keys_per_minute: u32,
    /// Requests of a key at once; 120.
    pub keys_burst: u32,
    /// Requests a minute of any other token: screens, people at work, service tokens of the configuration; 12000.
    pub tokens_per_minute: u32,
    /// Requests of such a token at once; 2000.
    pub tokens_burst: u32,
    /// Requests a minute of an address that shows no token, or one that is not known; 600.
    pub strangers_per_minute: u32,
    /// Requests of such an address at once; 300.
    pub strangers_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keys_per_minute: 600,
            keys_burst: 120,
            tokens_per_minute: 12_000,
            tokens_burst: 2000,
            strangers_per_minute: 600,
            strangers_burst: 300,
        }
    }
}

impl Limits {
    /// What is wrong with them.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        [
            ("keys_burst", self.keys_burst),
            ("tokens_burst", self.tokens_burst),
            ("strangers_burst", self.strangers_burst),
        ]
        .into_iter()
        .filter(|(_, n)| *n == 0)
        .map(|(name, _)| format!("limits.{name}: at least 1"))
        .collect()
    }
}

/// Buckets that are kept; those that are full again are forgotten first.
const MOST: usize = 10_000;

/// Whose bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Token(Hash),
    Address(IpAddr),
}

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    per_minute: u32,
    burst: u32,
}

impl Rate {
    /// The time in which one request comes back.
    fn step(self) -> Duration {
        Duration::from_mins(1) / self.per_minute.max(1)
    }

    fn whole(self) -> Duration {
        self.step() * self.burst
    }
}

/// What is left after a request was counted, or how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    allowed: bool,
    remaining: u32,
    /// Until the bucket is full again; until the next request is taken when this one was not.
    reset: Duration,
}

/// A token bucket, kept as the moment at which it is full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
    rate: Rate,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> Left {
        let Rate { burst, .. } = self.rate;
        let (step, whole) = (self.rate.step(), self.rate.whole());
        let full_at = self.full_at.max(now) + step;
        let missing = full_at - now;
        if missing > whole {
            return Left {
                allowed: false,
                remaining: 0,
                reset: missing - whole,
            };
        }
        self.full_at = full_at;
        let used = missing.as_nanos().div_ceil(step.as_nanos().max(1));
        Left {
            allowed: true,
            remaining: burst.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)),
            reset: missing,
        }
    }
}

/// All buckets.
#[derive(Default)]
pub(super) struct Buckets(Mutex<BTreeMap<Who, Bucket>>);

impl Buckets {
    fn take(&self, who: Who, rate: Rate, now: Instant) -> Left {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&who) {
            all.retain(|_, b| b.full_at > now);
            if all.len() >= MOST {
                // So many at once are one attacker with many addresses: who has waited longest is forgotten.
                let oldest = all.iter().min_by_key(|(_, b)| b.full_at).map(|(w, _)| *w);
                if let Some(oldest) = oldest {
                    all.remove(&oldest);
                }
            }
        }
        let fresh = Bucket { full_at: now, rate };
        let bucket = all.entry(who).or_insert(fresh);
        bucket.rate = rate;
        bucket.take(now)
    }
}

/// Whether a guest waits for the answer.
fn is_for_a_guest(role: Option<Role>, method: &Method, template: &str) -> bool {
    if template.ends_with("/payments/{id}/result") {
        return true;
    }
    let path = template
        .strip_prefix(super::access::PREFIX)
        .unwrap_or(template);
    let ordering = path.starts_with("/orders")
        || path.starts_with("/payments")
        || ["/quote", "/calls", "/live"].contains(&path)
        || (method == Method::GET && ["/store", "/menu"].contains(&path));
    role == Some(Role::Kiosk) && ordering
}

/// When a refused request may be repeated, for the header.
#[derive(Clone, Copy)]
pub(super) struct RetryAt(pub(super) Timestamp);

/// Counts a request, and refuses it when there are too many.
pub(super) async fn hold(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Local>().is_some() {
        return next.run(request).await;
    }
    let now = api.site.world.clock.now();
    let (parts, body) = request.into_parts();
    let address = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    let template = parts
        .extensions
        .get::<MatchedPath>()
        .map_or_else(|| parts.uri.path().to_owned(), |p| p.as_str().to_owned());
    let hash = token_of(&parts).map(hash_token);
    let holder = hash.and_then(|hash| Some((hash, api.tokens.find(&hash)?)));
    let role = holder.as_ref().map(|(_, h)| h.role());
    let counted = match is_for_a_guest(role, &parts.method, &template) {
        true => None,
        false => whose(&api, holder, address),
    };
    let request = Request::from_parts(parts, body);
    let Some((who, rate)) = counted else {
        return told(next.run(request).await, now);
    };
    let left = api.inner.buckets.take(who, rate, Instant::now());
    let mut response = match left.allowed {
        true => next.run(request).await,
        false => too_often(now.saturating_add(left.reset)).into_response(),
    };
    tell(response.headers_mut(), rate, left);
    told(response, now)
}

fn whose(
    api: &Api,
    holder: Option<(Hash, Holder)>,
    address: Option<IpAddr>,
) -> Option<(Who, Rate)> {
    let limits = &api.doors.limits;
    let (who, per_minute, burst) = match (holder, address) {
        (Some((_, Holder::Key(key))), _) => {
            let per_minute = key.per_minute.unwrap_or(limits.keys_per_minute);
            // One key has one bucket, whichever of its two tokens is shown while it is renewed.
            (Who::Token(key.bucket), per_minute, limits.keys_burst)
        }
        (Some((hash, _)), _) => (
            Who::Token(hash),
            limits.tokens_per_minute,
            limits.tokens_burst,
        ),
        (None, Some(ip)) => (
            Who::Address(ip.to_canonical()),
            limits.strangers_per_minute,
            limits.strangers_burst,
        ),
        // Within the process.
        (None, None) => return None,
    };
    (per_minute > 0).then_some((who, Rate { per_minute, burst }))
}

fn too_often(until: Timestamp) -> Problem {
    let mut problem = Problem::too_many("too many requests; wait as long as Retry-After says")
        .telling(Text::new(
            "Слишком много запросов. Подождите немного.",
            "So‘rovlar juda ko‘p. Biroz kuting.",
            "Too many requests. Please wait a little.",
        ));
    problem.retry_at = Some(until);
    problem
}

/// The fields of draft-ietf-httpapi-ratelimit-headers. [source: datatracker.ietf.org, draft 10]
fn tell(headers: &mut HeaderMap, rate: Rate, left: Left) {
    let seconds = left.reset.as_millis().div_ceil(1000);
    let window = rate.whole().as_millis().div_ceil(1000);
    let fields = [
        (
            "ratelimit-policy",
            format!("\"default\";q={};w={window}", rate.burst),
        ),
        (
            "ratelimit",
            format!("\"default\";r={};t={seconds}", left.remaining),
        ),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// With `Retry-After`, where the answer says when.
fn told(mut response: Response, now: Timestamp) -> Response {
    let at = response.extensions().get::<RetryAt>().copied();
    if let Some(RetryAt(at)) = at {
        let seconds = at.since(now).as_millis().div_ceil(1000).max(1);
        if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_minute: 60,
        burst: 5,
    };

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_at_once_and_then_one_a_step() {
        let buckets = Buckets::default();
        let who = Who::Address("192.0.2.1".parse().unwrap());
        let take = || buckets.take(who, RATE, Instant::now());
        let left: Vec<_> = (0..5).map(|_| take().remaining).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
        let refused = take();
        assert!(!refused.allowed);
        assert_eq!(refused.reset, Duration::from_secs(1));
        // Asking on does not make it worse.
        assert_eq!(take(), refused);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(!take().allowed);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(take().allowed);
        assert!(!take().allowed);
        tokio::time::advance(Duration::from_mins(10)).await;
        assert_eq!(take().remaining, 4, "it never holds more than its burst");
        let other = Who::Address("192.0.2.2".parse().unwrap());
        assert_eq!(buckets.take(other, RATE, Instant::now()).remaining, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_addresses_do_not_fill_the_memory() {
        let buckets = Buckets::default();
        for n in 0..12_000_u32 {
            buckets.take(
                Who::Address(IpAddr::from(n.to_be_bytes())),
                RATE,
                Instant::now(),
            );
        }
        assert_eq!(buckets.0.lock().unwrap().len(), MOST);
    }

    #[test]
    fn what_a_guest_waits_for_is_not_counted() {
        let kiosk = Some(Role::Kiosk);
        for (method, path) in [
            (Method::POST, "/api/v1/orders"),
            (Method::GET, "/api/v1/orders/{id}"),
            (Method::POST, "/api/v1/orders/{id}/payments"),
            (Method::GET, "/api/v1/payments/{id}"),
            (Method::GET, "/api/v1/payments/{id}/qr.svg"),
            (Method::POST, "/api/v1/quote"),
        ] {
            assert!(is_for_a_guest(kiosk, &method, path), "{path}");
            assert!(
                !is_for_a_guest(Some(Role::Service), &method, path),
                "{path}"
            );
            assert!(!is_for_a_guest(None, &method, path), "{path}");
        }
        assert!(is_for_a_guest(
            Some(Role::Service),
            &Method::POST,
            "/api/v1/payments/{id}/result"
        ));
        assert!(!is_for_a_guest(
            kiosk,
            &Method::POST,
            "/api/v1/client-errors"
        ));
    }
}
