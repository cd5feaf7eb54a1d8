//! Signing in at an identity provider: OpenID Connect, authorization code with PKCE.
//!
//! What the browser carries back is trusted for nothing but the code: the tokens come straight from the provider, and
//! the id token's signature is checked against the provider's keys. [source: OpenID Connect Core 1.0, 3.1; RFC 7636]

mod token;

#[cfg(test)]
mod tests;

use super::{
    Role, Way, Who, audit,
    door::{address_of, named_cookie},
    random, routes,
    rows::{self, NewUser, User},
};
use crate::{
    hq::{Hq, extract::Query, problem::Problem},
    store::StoreError,
    world::{Http, Secret},
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};
use token::Claims;

/// Beside the browser's way to the provider and back: what must come back unchanged.
const COOKIE: &str = "galley_hq_sign_in";
/// How long somebody may take at the provider, seconds.
const PATIENCE_S: u32 = 600;
/// How long the provider may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// An identity provider.
#[derive(Clone)]
pub struct OidcConfig {
    /// What its button says.
    pub label: String,
    /// Its address, as it names itself.
    pub issuer: String,
    /// Who headquarters is there.
    pub client_id: String,
    /// Its secret there; none for a public client.
    pub client_secret: Option<Secret>,
    /// Headquarters' own address, as browsers know it; they are sent back to `/auth/back` there.
    pub public_url: String,
    /// The claim with a person's groups.
    pub roles_claim: String,
    /// Which group makes which role; the highest counts.
    pub roles: BTreeMap<String, Role>,
    /// Whoever is in none of them has this role; none: they are not let in.
    pub default_role: Option<Role>,
    /// The way to the provider.
    pub http: Arc<dyn Http>,
}

impl fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcConfig")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why somebody is not let in. The words are shown on the page.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The provider can't be asked, or says what it should not.
    #[error("provider: {0}")]
    Provider(String),
    /// What came back is not what was sent.
    #[error("stale")]
    Stale,
    /// The provider vouches for them, and nobody has said that they may come in.
    #[error("unknown")]
    Unknown,
    /// The database failed.
    #[error("failed")]
    Store(#[from] StoreError),
}

/// What the provider tells of itself.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl OidcConfig {
    fn back(&self) -> String {
        format!("{}/auth/back", self.public_url.trim_end_matches('/'))
    }

    async fn ask<T: DeserializeOwned>(&self, request: http::Request<Bytes>) -> Result<T, Refused> {
        let failed = |e: String| Refused::Provider(e);
        let answer = self
            .http
            .send(request, ANSWER)
            .await
            .map_err(|e| failed(e.to_string()))?;
        if !answer.status().is_success() {
            return Err(failed(format!("it answered {}", answer.status())));
        }
        serde_json::from_slice(answer.body()).map_err(|e| failed(e.to_string()))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, Refused> {
        let request = http::Request::get(url)
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|e| Refused::Provider(e.to_string()))?;
        self.ask(request).await
    }

    async fn discover(&self) -> Result<Discovery, Refused> {
        let issuer = self.issuer.trim_end_matches('/');
        let told: Discovery = self
            .get(&format!("{issuer}/.well-known/openid-configuration"))
            .await?;
        if told.issuer.trim_end_matches('/') != issuer {
            return Err(Refused::Provider("it names itself otherwise".to_owned()));
        }
        Ok(told)
    }

    async fn redeem(
        &self,
        provider: &Discovery,
        code: &str,
        verifier: &str,
    ) -> Result<String, Refused> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.back())
            .append_pair("client_id", &self.client_id)
            .append_pair("code_verifier", verifier)
            .finish();
        let mut request = http::Request::post(&provider.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some(secret) = &self.client_secret {
            let encoded = |text: &str| -> String {
                form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let pair = format!("{}:{}", encoded(&self.client_id), encoded(secret.reveal()));
            request = request.header(
                header::AUTHORIZATION,
                format!("Basic {}", BASE64.encode(pair)),
            );
        }
        let request = request
            .body(Bytes::from(form))
            .map_err(|e| Refused::Provider(e.to_string()))?;
        Ok(self.ask::<Tokens>(request).await?.id_token)
    }

    /// What somebody may do by their groups; the provider need not tell any.
    fn role_of(&self, claims: &Claims) -> Option<Role> {
        let groups: Vec<&str> = match claims.others.get(&self.roles_claim) {
            Some(serde_json::Value::Array(list)) => {
                list.iter().filter_map(|v| v.as_str()).collect()
            }
            Some(serde_json::Value::String(one)) => vec![one.as_str()],
            _ => Vec::new(),
        };
        groups
            .iter()
            .filter_map(|group| self.roles.get(*group).copied())
            .max()
            .or(self.default_role)
    }
}

/// Sends a browser to the provider.
pub(super) async fn begin(State(hq): State<Hq>) -> Result<Response, Problem> {
    let Some(config) = hq.0.config.people.oidc.clone() else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "No identity provider is configured",
        ));
    };
    let provider = match config.discover().await {
        Ok(provider) => provider,
        Err(refused) => return Ok(turned_away(&refused)),
    };
    let entropy = hq.0.entropy.as_ref();
    let (state, nonce, verifier) = (random(entropy), random(entropy), random(entropy));
    let challenge = BASE64_URL.encode(Sha256::digest(verifier.reveal().as_bytes()));
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &config.client_id)
        .append_pair("redirect_uri", &config.back())
        .append_pair("scope", "openid profile email")
        .append_pair("state", state.reveal())
        .append_pair("nonce", nonce.reveal())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let join = if provider.authorization_endpoint.contains('?') {
        '&'
    } else {
        '?'
    };
    let kept = format!(
        "{}.{}.{}",
        state.reveal(),
        nonce.reveal(),
        verifier.reveal()
    );
    // The browser comes back from another site: a strict cookie would stay behind.
    let cookie = cookie(&kept, PATIENCE_S, hq.0.config.people.behind_tls);
    let to = format!("{}{join}{query}", provider.authorization_endpoint);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

fn cookie(value: &str, age_s: u32, tls: bool) -> HeaderValue {
    let secure = if tls { "; Secure" } else { "" };
    HeaderValue::from_str(&format!(
        "{COOKIE}={value}; Path=/auth; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}"
    ))
    .unwrap_or(HeaderValue::from_static(""))
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
}

/// A browser that comes back from the provider.
pub(super) async fn back(
    State(hq): State<Hq>,
    Query(query): Query<Back>,
    request: Request,
) -> Response {
    let address = address_of(&hq, request.headers(), request.extensions());
    let tls = hq.0.config.people.behind_tls;
    match let_in(&hq, &query, request.headers(), &address).await {
        Ok(user) => match routes::open_session(&hq, &user, &address).await {
            Ok(session) => {
                let mut answer = on_to("/");
                let headers = answer.headers_mut();
                headers.append(header::SET_COOKIE, session);
                headers.append(header::SET_COOKIE, cookie("", 0, tls));
                answer
            }
            Err(problem) => problem.into_response(),
        },
        Err(refused) => turned_away(&refused),
    }
}

async fn let_in(
    hq: &Hq,
    query: &Back,
    headers: &HeaderMap,
    address: &str,
) -> Result<User, Refused> {
    let config = hq.0.config.people.oidc.as_ref().ok_or(Refused::Stale)?;
    if let Some(error) = &query.error {
        return Err(Refused::Provider(error.chars().take(100).collect()));
    }
    let kept = named_cookie(headers, COOKIE).ok_or(Refused::Stale)?;
    let mut parts = kept.split('.');
    let (Some(state), Some(nonce), Some(verifier)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(Refused::Stale);
    };
    if state.is_empty()
        || verify_slices_are_equal(state.as_bytes(), query.state.as_bytes()).is_err()
    {
        return Err(Refused::Stale);
    }
    let provider = config.discover().await?;
    let id_token = config.redeem(&provider, &query.code, verifier).await?;
    let keys = config.get(&provider.jwks_uri).await?;
    let now = hq.0.clock.now();
    let claims = token::verify(
        &id_token,
        &keys,
        &provider.issuer,
        &config.client_id,
        nonce,
        now,
    )
    .map_err(|e| Refused::Provider(e.to_owned()))?;
    let role = config.role_of(&claims);
    let subject = format!("{}#{}", provider.issuer, claims.sub);
    let known = {
        let subject = subject.clone();
        hq.0.db
            .read(move |sql| rows::by_subject(sql, &subject))
            .await?
    };
    let (id, address) = (hq.new_id(), address.to_owned());
    let user =
        hq.0.db
            .write(move |sql| {
                let who = |name: &str| Who {
                    name: name.to_owned(),
                    role: Role::Viewer,
                    way: Way::Session,
                    address: address.clone(),
                    user_id: None,
                    session: None,
                };
                match (known, role) {
                    // Out of all groups is out.
                    (_, None) => Ok(None),
                    (Some(user), Some(role)) => {
                        if user.role != role {
                            sql.execute(
                                "UPDATE users SET role = ?2 WHERE id = ?1",
                                &crate::hq::db::cells![user.id, role.word()],
                            )?;
                            let detail = format!("{} -> {}", user.role.word(), role.word());
                            let who = who("identity provider");
                            audit::note(sql, &who, now, "user.role", &user.name, &detail)?;
                        }
                        rows::by_id(sql, user.id)
                    }
                    (None, Some(role)) => {
                        let wanted = claims.name_to_sign_in();
                        for n in 0..100 {
                            let name = match n {
                                0 => wanted.clone(),
                                n => format!("{wanted}-{n}"),
                            };
                            let new = NewUser {
                                name,
                                full_name: claims.full_name(),
                                role,
                                password: None,
                            };
                            if rows::add(sql, id, &new, None, Some(&subject), now)? {
                                let who = who("identity provider");
                                audit::note(sql, &who, now, "user.added", &new.name, role.word())?;
                                return rows::by_id(sql, id);
                            }
                        }
                        Ok(None)
                    }
                }
            })
            .await?;
    user.filter(|u| u.disabled_at.is_none())
        .ok_or(Refused::Unknown)
}

fn turned_away(refused: &Refused) -> Response {
    tracing::warn!(%refused, "somebody is not let in by the identity provider");
    let slug = match refused {
        Refused::Provider(_) => "provider",
        Refused::Stale => "stale",
        Refused::Unknown => "unknown",
        Refused::Store(_) => "failed",
    };
    on_to(&format!("/?refused={slug}"))
}

/// A page that goes on by itself. A redirect would still be the other site's doing, and a strict cookie not sent.
fn on_to(path: &str) -> Response {
    Html(format!(
        "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url={path}\"><title>Galley</title>"
    ))
    .into_response()
}
