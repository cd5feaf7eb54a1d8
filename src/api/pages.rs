//! The pages that are built into the binary: kiosk, board, staff screen and the shift's report.

use super::{Api, Problem};
use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, sync::OnceLock};

// The built pages, made from `src/web` by `npm run build`, and committed. One folder each: a box carries no pages of
// headquarters, nor of the demonstration.

#[derive(RustEmbed)]
#[folder = "src/web/dist/kiosk"]
struct Kiosk;

#[derive(RustEmbed)]
#[folder = "src/web/dist/board"]
struct Board;

#[derive(RustEmbed)]
#[folder = "src/web/dist/staff"]
struct Staff;

#[derive(RustEmbed)]
#[folder = "src/web/dist/shift-report"]
struct ShiftReport;

#[cfg(feature = "emulators")]
#[derive(RustEmbed)]
#[folder = "src/web/dist/demo"]
struct Demo;

/// A built file of a page, by the page's folder.
fn find(page: &str, file: &str) -> Option<EmbeddedFile> {
    match page {
        "kiosk" => Kiosk::get(file),
        "board" => Board::get(file),
        "staff" => Staff::get(file),
        "shift-report" => ShiftReport::get(file),
        #[cfg(feature = "emulators")]
        "demo" => Demo::get(file),
        _ => None,
    }
}

/// Pages load nothing from outside the box.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'";

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/", get(async || Redirect::temporary("/kiosk/")))
        .route("/kiosk", get(async || Redirect::permanent("/kiosk/")))
        .route("/board", get(async || Redirect::permanent("/board/")))
        .route("/staff", get(async || Redirect::permanent("/staff/")))
        .route("/staff/", get(async || page("staff", "index.html")))
        .route(
            "/staff/{*file}",
            get(async |Path(f): Path<String>| page("staff", &f)),
        )
        .route(
            "/shift-report",
            get(async || Redirect::permanent("/shift-report/")),
        )
        .route("/kiosk/", get(async || page("kiosk", "index.html")))
        .route("/board/", get(async || page("board", "index.html")))
        .route(
            "/shift-report/",
            get(async || page("shift-report", "index.html")),
        )
        .route(
            "/shift-report/{*file}",
            get(async |Path(f): Path<String>| page("shift-report", &f)),
        )
        .route(
            "/kiosk/{*file}",
            get(async |Path(f): Path<String>| page("kiosk", &f)),
        )
        .route(
            "/board/{*file}",
            get(async |Path(f): Path<String>| page("board", &f)),
        )
}

/// A word that changes with the pages.
pub(super) fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let mut h = Sha256::new();
        let names = [
            ("kiosk", Kiosk::iter().collect::<Vec<_>>()),
            ("board", Board::iter().collect()),
            ("staff", Staff::iter().collect()),
            ("shift-report", ShiftReport::iter().collect()),
        ];
        for (page, files) in names {
            for name in files {
                h.update(page.as_bytes());
                h.update(name.as_bytes());
                if let Some(file) = find(page, &name) {
                    h.update(file.metadata.sha256_hash());
                }
            }
        }
        let mut word = String::new();
        for byte in &h.finalize()[..6] {
            let _ = write!(word, "{byte:02x}");
        }
        word
    })
}

/// A file of a page's bundle.
pub(crate) fn page(page: &str, file: &str) -> Response {
    let Some(found) = find(page, file) else {
        return Problem::not_found("there is no such file").into_response();
    };
    let cache = if file.contains("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mime = found.metadata.mimetype().to_owned();
    let mut response = found.data.into_owned().into_response();
    let headers = response.headers_mut();
    if let Ok(mime) = HeaderValue::from_str(&mime) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}
