//! What technicians see of the certificates, and the authority's certificate for whoever wants to trust it.

use super::{Keeper, Wanted, authority::Kept};
use crate::{
    api::{Api, Caller, Problem, auth::TECHNICIANS, body::Post},
    domain::time::Timestamp,
};
use axum::{
    Json, Router,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// HTTPS of this store.
#[derive(Debug, Serialize, ToSchema)]
pub struct TlsView {
    /// Whether it is configured.
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    /// Why there is none, although it is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// What screens are taught to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<CertificateView>,
    /// What the store shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<CertificateView>,
}

/// A certificate, without its key.
#[derive(Debug, Serialize, ToSchema)]
struct CertificateView {
    /// SHA-256, as browsers show it.
    fingerprint: String,
    names: Vec<String>,
    #[schema(value_type = i64)]
    from_at: Timestamp,
    #[schema(value_type = i64)]
    until_at: Timestamp,
    pem: String,
}

fn view(kept: &Kept) -> Result<CertificateView, Problem> {
    Ok(CertificateView {
        fingerprint: kept
            .fingerprint()
            .map_err(|e| Problem::internal(e.to_string()))?,
        names: kept.names.iter().cloned().collect(),
        from_at: kept.from_at,
        until_at: kept.until_at,
        pem: kept.certificate.clone(),
    })
}

fn whole(keeper: Option<&Keeper>) -> Result<TlsView, Problem> {
    let in_force = keeper.and_then(Keeper::in_force);
    Ok(TlsView {
        enabled: keeper.is_some(),
        listen: keeper.and_then(|k| k.settings.listen.map(|l| l.to_string())),
        trouble: keeper.and_then(Keeper::trouble),
        authority: in_force.as_ref().map(|f| view(&f.authority)).transpose()?,
        server: in_force.as_ref().map(|f| view(&f.server)).transpose()?,
    })
}

/// The store's certificates; never their keys.
#[utoipa::path(get, path = "/tls", tag = "technician", responses((status = 200, body = TlsView), (status = "4XX", body = Problem)))]
pub(in crate::api) async fn show(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<TlsView>, Problem> {
    caller.need(TECHNICIANS)?;
    whole(api.tls.as_deref()).map(Json)
}

/// What is to be renewed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The authority, too: every screen must then be taught to trust the new one.
    #[serde(default)]
    authority: bool,
}

/// Makes a new certificate; it serves from the next connection on.
#[utoipa::path(post, path = "/tls/renew", tag = "technician", request_body = Renewal, responses((status = 200, body = TlsView), (status = "4XX", body = Problem)))]
pub(in crate::api) async fn renew(
    State(api): State<Api>,
    post: Post<Renewal>,
) -> Result<Json<TlsView>, Problem> {
    post.caller.need(TECHNICIANS)?;
    let keeper = api.tls.as_deref().ok_or_else(off)?;
    let wanted = match post.body.authority {
        true => Wanted::NewAuthority,
        false => Wanted::NewServer,
    };
    keeper
        .tend(wanted)
        .await
        .map_err(|e| Problem::conflict(e.to_string()))?;
    tracing::info!(
        by = post.caller.name,
        ?wanted,
        "the certificate was renewed"
    );
    whole(Some(keeper)).map(Json)
}

fn off() -> Problem {
    Problem::conflict("this store serves no HTTPS: set api.tls.listen")
}

/// The authority's certificate, for everybody: it is no secret, and a screen must have it before it can trust.
pub(in crate::api) fn open_router() -> Router<Api> {
    Router::new().route("/ca.crt", get(authority))
}

async fn authority(State(api): State<Api>) -> Result<Response, Problem> {
    let kept = api
        .tls
        .as_deref()
        .and_then(Keeper::in_force)
        .ok_or_else(|| Problem::not_found("this store has no authority"))?
        .authority;
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"galley-ca.crt\"",
        ),
    ];
    Ok((headers, kept.certificate).into_response())
}
