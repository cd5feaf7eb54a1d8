//! The door: who asks, and whether a browser was tricked into asking.

use super::{Role, Way, Who, audit, keys, rows};
use crate::hq::{Hq, api::bearer, down, extract::Query, hash, problem::Problem};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde::Deserialize;
use std::net::SocketAddr;

/// The session's cookie; with https its name makes browsers refuse it from anybody else.
const COOKIE: &str = "galley_hq";
const TLS_COOKIE: &str = "__Host-galley_hq";

#[derive(Deserialize)]
pub(in crate::hq) struct TokenQuery {
    token: Option<String>,
}

/// Lets in who may come, and says who it is. `EventSource` and links can't send headers, so the viewer's token may
/// stand in the address.
pub(in crate::hq) async fn admit(
    State(hq): State<Hq>,
    Query(query): Query<TokenQuery>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (headers, from) = (request.headers().clone(), address(&hq, &request));
    let who = who(&hq, &headers, from, query.token.as_deref()).await?;
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if changes && matches!(who.way, Way::Session | Way::Open) && !own_page(request.headers()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Another site may not ask for this",
        ));
    }
    let path = request.uri().path().to_owned();
    if changes || is_private(&path) {
        who.need(needed(&path))?;
    }
    request
        .extensions_mut()
        .insert(down::api::Who(who.name.clone()));
    request.extensions_mut().insert(who.clone());
    let answer = next.run(request).await;
    if changes && answer.status().is_success() && !notes_itself(&path) {
        let now = hq.0.clock.now();
        let detail = answer
            .extensions()
            .get::<audit::Detail>()
            .map_or_else(String::new, |d| d.0.clone());
        // It is done already; that it was is worth a line even where it could not be one transaction.
        hq.0.db
            .write(move |sql| audit::note(sql, &who, now, &act(&path), &subject(&path), &detail))
            .await?;
    }
    Ok(answer)
}

/// What one must be to change something there. What is not named needs much.
fn needed(path: &str) -> Role {
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    match parts.as_slice() {
        ["me", ..] | ["sign-out"] => Role::Viewer,
        ["alerts", ..] | ["commands", ..] | ["bundles", ..] | ["stores", _, "commands", ..] => {
            Role::Operator
        }
        ["users" | "api-keys", ..] | ["keys", "rotate"] => Role::Admin,
        _ => Role::Manager,
    }
}

/// Reading it needs as much as changing it.
fn is_private(path: &str) -> bool {
    path.starts_with("/api/v1/bundles/")
}

/// What is written there writes its own lines into the audit.
fn notes_itself(path: &str) -> bool {
    const OWN: [&str; 6] = ["me", "sign-out", "users", "api-keys", "alerts", "aside"];
    let path = path.trim_start_matches("/api/v1/");
    let parts: Vec<&str> = path.split('/').collect();
    OWN.contains(&parts[0])
        || path.ends_with("/place")
        // Nothing is written there.
        || matches!(parts.as_slice(), ["documents", _, _, "check"])
}

/// The act as a word: the parts of the address that are no names.
fn act(path: &str) -> String {
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    match parts.as_slice() {
        [one] => (*one).to_owned(),
        ["documents", kind, ..] => format!("documents.{kind}"),
        [first, _, act, ..] => format!("{first}.{act}"),
        [first, act] => format!("{first}.{act}"),
        [] => String::new(),
    }
}

/// Whom or what it is about: the names in the address, without the act.
fn subject(path: &str) -> String {
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    let names: &[&str] = match parts.as_slice() {
        ["documents", names @ ..] => names,
        [_, name, _act, ..] => &[*name],
        _ => &[],
    };
    names.join(" ").chars().take(120).collect()
}

async fn who(
    hq: &Hq,
    headers: &HeaderMap,
    address: String,
    in_address: Option<&str>,
) -> Result<Who, Problem> {
    let config = &hq.0.config.people;
    if let Some(token) = bearer(headers).or(in_address) {
        return by_token(hq, token, address).await;
    }
    if let Some(token) = cookie(headers, config.behind_tls) {
        let (token, now, from) = (token.to_owned(), hq.0.clock.now(), address.clone());
        let found =
            hq.0.db
                .read(move |sql| rows::session(sql, &token, &from, now))
                .await?;
        if let Some((who, stale)) = found {
            if let (true, Some(session)) = (stale, who.session) {
                hq.0.db
                    .write(move |sql| rows::see(sql, session, now))
                    .await?;
            }
            return Ok(who);
        }
    }
    let open = |role| Who {
        name: "open".to_owned(),
        role,
        way: Way::Open,
        address,
        user_id: None,
        session: None,
    };
    if let Some(role) = config.open_as {
        return Ok(open(role));
    }
    let closed = hq.0.config.viewer_token.is_some()
        || config.oidc.is_some()
        || hq.0.db.read(rows::anybody).await?;
    if closed {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "sign_in",
            "Sign in first",
        ));
    }
    Ok(open(Role::Viewer))
}

async fn by_token(hq: &Hq, token: &str, address: String) -> Result<Who, Problem> {
    let refused = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "Nobody is known by this token",
        )
    };
    if token.starts_with(keys::BEGIN) {
        let (token, now) = (token.to_owned(), hq.0.clock.now());
        let (key, stale) =
            hq.0.db
                .read(move |sql| keys::holds(sql, &token, now))
                .await?
                .ok_or_else(refused)?;
        if stale {
            let id = key.id;
            hq.0.db.write(move |sql| keys::used(sql, id, now)).await?;
        }
        hq.0.guards
            .call(&key.id.to_string())
            .map_err(|wait| Problem {
                retry_after_s: Some(wait),
                ..Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many",
                    "Too many calls with this key",
                )
            })?;
        return Ok(Who {
            name: format!("key:{}", key.name),
            role: key.role,
            way: Way::Key,
            address,
            user_id: None,
            session: None,
        });
    }
    // Hashes are compared, so that the time it takes tells nothing of the token.
    let viewer =
        hq.0.config
            .viewer_token
            .as_ref()
            .is_some_and(|t| hash(t.reveal()) == hash(token));
    if !viewer {
        // An open headquarters shuts nobody out for a token left over from another.
        return match hq.0.config.people.open_as {
            Some(role) => Ok(Who {
                name: "open".to_owned(),
                role,
                way: Way::Open,
                address,
                user_id: None,
                session: None,
            }),
            None => Err(refused()),
        };
    }
    Ok(Who {
        name: "viewer".to_owned(),
        role: Role::Viewer,
        way: Way::Token,
        address,
        user_id: None,
        session: None,
    })
}

/// A request that a browser sends for our own page, or that no browser sent.
pub(super) fn own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, named)| named.eq_ignore_ascii_case(host)),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn cookie(headers: &HeaderMap, tls: bool) -> Option<&str> {
    let name = if tls { TLS_COOKIE } else { COOKIE };
    named_cookie(headers, name)
}

pub(super) fn named_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
}

/// The cookie of a session; one that ends at once when there is no token.
pub(super) fn set_cookie(token: Option<&str>, tls: bool) -> String {
    let (name, secure) = if tls {
        (TLS_COOKIE, "; Secure")
    } else {
        (COOKIE, "")
    };
    let age = if token.is_some() { 7 * 86_400 } else { 0 };
    format!(
        "{name}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}",
        token.unwrap_or_default()
    )
}

/// Where a request came from.
pub(super) fn address(hq: &Hq, request: &Request) -> String {
    address_of(hq, request.headers(), request.extensions())
}

pub(super) fn address_of(
    hq: &Hq,
    headers: &HeaderMap,
    extensions: &axum::http::Extensions,
) -> String {
    // The last one is what our own proxy saw; those before it are what the caller claims.
    let forwarded = headers
        .get("x-forwarded-for")
        .filter(|_| hq.0.config.people.behind_proxy)
        .and_then(|v| v.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .map(|last| last.trim().chars().take(64).collect());
    forwarded.unwrap_or_else(|| {
        extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or_else(String::new, |info| info.0.ip().to_string())
    })
}
