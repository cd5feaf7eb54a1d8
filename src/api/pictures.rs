//! The dishes' pictures: files that `galley menu pictures` made, named by their content, so that a browser asks once.

use super::{Api, Problem, extract::Path};
use crate::domain::catalog::is_picture;
use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};

/// Widths in which every picture is kept, pixels.
pub(super) const SIZES: [u32; 3] = [320, 640, 1280];
/// Largest file that is served, bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/pictures/{file}", get(picture))
}

/// Whether this is the name of a picture: `HASH-SIZE.webp`. Nothing else of the folder is ever looked at.
fn is_name(file: &str) -> bool {
    file.strip_suffix(".webp")
        .and_then(|name| name.split_once('-'))
        .is_some_and(|(hash, size)| is_picture(hash) && SIZES.iter().any(|s| s.to_string() == size))
}

async fn picture(State(api): State<Api>, Path(file): Path<String>) -> Result<Response, Problem> {
    read(api.pictures.as_deref(), &file).await
}

async fn read(folder: Option<&std::path::Path>, file: &str) -> Result<Response, Problem> {
    let missing = || Problem::not_found("there is no such picture");
    let folder = folder.filter(|_| is_name(file)).ok_or_else(missing)?;
    let path = folder.join(file);
    let known = tokio::fs::metadata(&path).await.map_err(|_| missing())?;
    if !known.is_file() || known.len() > MAX_FILE {
        return Err(missing());
    }
    let bytes = tokio::fs::read(&path).await.map_err(|_| missing())?;
    let headers = [
        (header::CONTENT_TYPE, "image/webp"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::{is_name, read};
    use axum::http::header;

    #[test]
    fn only_names_of_pictures_are_looked_up() {
        assert!(is_name("0123456789abcdef-320.webp"));
        for wrong in [
            "../0123456789abcdef-320.webp",
            "0123456789abcdef-321.webp",
            "0123456789ABCDEF-320.webp",
            "0123456789abcdef-0320.webp",
            "0123456789abcdef.webp",
            "0123456789abcdef-320.png",
            "x/0123456789abcdef-320.webp",
        ] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_picture_is_served_for_good_and_nothing_else_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let name = "0123456789abcdef-640.webp";
        std::fs::write(folder.path().join(name), "RIFF").unwrap();
        std::fs::write(folder.path().join("secret.txt"), "no").unwrap();
        let served = read(Some(folder.path()), name).await.unwrap();
        assert_eq!(served.headers()[header::CONTENT_TYPE], "image/webp");
        let kept = served.headers()[header::CACHE_CONTROL].to_str().unwrap();
        assert!(kept.contains("immutable"), "{kept}");
        for wrong in ["secret.txt", "0123456789abcdef-320.webp"] {
            let refused = read(Some(folder.path()), wrong).await.unwrap_err();
            assert!(refused.is("not_found"), "{wrong}");
        }
        assert!(read(None, name).await.is_err());
    }
}
