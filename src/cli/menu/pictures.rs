//! `galley menu pictures`: photos into WebP files in three sizes, where the catalog is written; the daemon only serves
//! them. A file is named by the photo's content and the way it is made, so it never changes and is made once.

use crate::cli::{
    exit::{Exit, Misuse},
    output::{clean, print, print_json},
};
use anyhow::Context as _;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits, imageops::FilterType};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    io::Cursor,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Widths, pixels: those that the daemon serves.
const SIZES: [u32; 3] = [320, 640, 1280];
/// Of 100. At 80 a dish of 640 pixels takes about 40 kB, and nobody sees the difference.
const QUALITY: f32 = 80.0;
/// How files are made; another way is another name.
const WAY: &[u8] = b"webp lossy 80, lanczos3, 1";
/// Longest side of a photo, pixels.
const MAX_SIDE: u32 = 16_384;
/// Memory that decoding may take, bytes.
const MAX_MEMORY: u64 = 1 << 30;

/// What became of one photo.
struct Made {
    dish: String,
    hash: String,
    bytes: u64,
}

/// Makes the files of all photos in a folder.
///
/// # Errors
/// A folder or a file can't be read or written, or is no picture.
pub(super) fn make(photos: &Path, out: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(photos)
        .with_context(|| format!("cannot read the folder {}", photos.display()))?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| is_photo(path))
        .collect();
    files.sort();
    if files.is_empty() {
        let text = format!("{}: no .png, .jpg or .webp there", photos.display());
        return Err(Misuse(text).into());
    }
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder {}", out.display()))?;
    let mut made = Vec::new();
    for file in &files {
        made.push(one(file, out).with_context(|| file.display().to_string())?);
    }
    if json {
        let all: Vec<_> = made
            .iter()
            .map(|m| json!({"dish_id": m.dish, "hash": m.hash, "bytes": m.bytes}))
            .collect();
        print_json(&json!({"folder": out.display().to_string(), "pictures": all}))?;
    } else {
        let mut text = String::from("In the catalog, under each dish:\n");
        for m in &made {
            let _ = writeln!(text, "  {:<20} picture = \"{}\"", clean(&m.dish), m.hash);
        }
        print(&text)?;
    }
    Ok(Exit::Done.into())
}

fn is_photo(path: &Path) -> bool {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    ["png", "jpg", "jpeg", "webp"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

fn one(file: &Path, out: &Path) -> anyhow::Result<Made> {
    let source = std::fs::read(file)?;
    let digest = Sha256::new()
        .chain_update(WAY)
        .chain_update(&source)
        .finalize();
    let mut hash = String::new();
    for byte in &digest[..16] {
        let _ = write!(hash, "{byte:02x}");
    }
    let targets = SIZES.map(|size| (size, out.join(format!("{hash}-{size}.webp"))));
    let missing: Vec<_> = targets.iter().filter(|(_, path)| !path.exists()).collect();
    if !missing.is_empty() {
        let photo = decode(&source)?;
        for (size, path) in missing {
            let part = path.with_extension("part");
            std::fs::write(&part, encode(&photo, *size)?)?;
            std::fs::rename(&part, path)?;
        }
    }
    let mut bytes = 0;
    for (_, path) in &targets {
        bytes += std::fs::metadata(path)?.len();
    }
    Ok(Made {
        dish: file
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default(),
        hash,
        bytes,
    })
}

/// The photo as it is meant to be seen: cameras write which way is up beside the pixels.
fn decode(source: &[u8]) -> anyhow::Result<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(source)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut photo = DynamicImage::from_decoder(decoder)?;
    photo.apply_orientation(orientation);
    Ok(photo)
}

/// A WebP file of this width; a smaller photo is not blown up.
fn encode(photo: &DynamicImage, size: u32) -> anyhow::Result<Vec<u8>> {
    let width = size.min(photo.width()).max(1);
    let height = u64::from(photo.height()) * u64::from(width) / u64::from(photo.width().max(1));
    let height = u32::try_from(height).unwrap_or(u32::MAX).max(1);
    let rgba = photo
        .resize_exact(width, height, FilterType::Lanczos3)
        .into_rgba8();
    let file = webp::Encoder::from_rgba(&rgba, width, height)
        .encode_simple(false, QUALITY)
        .map_err(|e| anyhow::anyhow!("it can't be encoded: {e:?}"))?;
    Ok(file.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    fn photo(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, |x, y| {
            let part = |n: u32| u8::try_from(n % 256).unwrap();
            Rgba([part(x), part(y), part(x + y), 255])
        }))
    }

    #[test]
    fn a_photo_becomes_three_files_that_are_made_once_and_named_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
        std::fs::create_dir(&photos).unwrap();
        let files = [
            ("borscht.png", ImageFormat::Png, 1500, 900),
            ("mors.webp", ImageFormat::WebP, 700, 700),
        ];
        for (name, format, width, height) in files {
            photo(width, height)
                .save_with_format(photos.join(name), format)
                .unwrap();
        }
        std::fs::write(photos.join("notes.txt"), "no photo").unwrap();
        make(&photos, &out, true).unwrap();
        let made = one(&photos.join("borscht.png"), &out).unwrap();
        assert_eq!(made.dish, "borscht");
        assert!(crate::domain::catalog::is_picture(&made.hash));
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 6);
        for (size, height) in [(320, 192), (640, 384), (1280, 768)] {
            let path = out.join(format!("{}-{size}.webp", made.hash));
            let seen = image::open(&path).unwrap();
            assert_eq!((seen.width(), seen.height()), (size, height));
            // Lossy: far from the pixels' size, and close to what it was.
            assert!(std::fs::metadata(&path).unwrap().len() < u64::from(size * height));
        }
        // What is there already is not made again.
        let first = out.join(format!("{}-320.webp", made.hash));
        std::fs::write(&first, "kept").unwrap();
        make(&photos, &out, true).unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), b"kept");
    }

    #[test]
    fn what_is_no_picture_is_told_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plov.jpg"), "no picture").unwrap();
        let error = make(folder.path(), &folder.path().join("out"), true).unwrap_err();
        assert!(format!("{error:#}").contains("plov.jpg"), "{error:#}");
        let empty = tempfile::tempdir().unwrap();
        assert!(make(empty.path(), &folder.path().join("out"), true).is_err());
    }
}
