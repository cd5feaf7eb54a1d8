//! Draws the keys and their meaning out of the sources, and compares them with `keys.tsv`.

use super::*;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// A field, or a variant.
#[derive(Clone, Debug, Default)]
struct Field {
    name: String,
    kind: String,
    doc: String,
    rename: Option<String>,
}

/// A struct or an enumeration of the configuration.
#[derive(Clone, Debug)]
struct Type {
    file: PathBuf,
    doc: String,
    is_enum: bool,
    words: bool,
    fields: Vec<Field>,
}

/// Types by name; several files may have one of the same name.
type Types = BTreeMap<String, Vec<Type>>;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !["node_modules", "target", "tests", "emulator"]
                .iter()
                .any(|n| path.ends_with(n))
            {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn types() -> Types {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    // Pages are no Rust.
    files.retain(|f| !f.starts_with(root.join("src/web")));
    sources(&root.join("drivers"), &mut files);
    files.sort();
    let mut types = Types::new();
    for file in files {
        read(&file, &mut types);
    }
    types
}

/// What stands before an item: its doc, and what serde is told.
#[derive(Default)]
struct Before {
    doc: String,
    attributes: String,
}

fn read(file: &Path, types: &mut Types) {
    let text = fs::read_to_string(file).unwrap();
    let mut before = Before::default();
    let mut open: Option<(String, Type)> = None;
    let mut in_attribute = false;
    for line in text.lines() {
        let bare = line.trim();
        if in_attribute {
            before.attributes += bare;
            in_attribute = !bare.ends_with(")]");
            continue;
        }
        if let Some(doc) = bare.strip_prefix("///") {
            before.doc += doc;
            continue;
        }
        if bare.starts_with("#[") {
            before.attributes += bare;
            in_attribute = !bare.ends_with(']');
            continue;
        }
        if let Some((name, mut whole)) = open.take() {
            if line == "}" {
                types.entry(name).or_default().push(whole);
            } else {
                whole.fields.extend(field(bare, &before, whole.is_enum));
                open = Some((name, whole));
            }
            before = Before::default();
            continue;
        }
        let item = ["pub struct ", "pub enum ", "pub(super) enum "]
            .iter()
            .find_map(|start| Some((start.contains("enum"), bare.strip_prefix(start)?)));
        if let Some((is_enum, rest)) = item
            && let Some(name) = rest.strip_suffix(" {")
            && before.attributes.contains("Deserialize")
        {
            let whole = Type {
                file: file.to_owned(),
                doc: before.doc.clone(),
                is_enum,
                words: before.attributes.contains("rename_all"),
                fields: Vec::new(),
            };
            open = Some((name.to_owned(), whole));
        }
        before = Before::default();
    }
}

fn field(line: &str, before: &Before, is_enum: bool) -> Option<Field> {
    let after = |word: &str| {
        let (_, rest) = before.attributes.split_once(word)?;
        Some(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (name, kind) = if is_enum {
        let name = line.strip_suffix(',')?;
        if !name.chars().all(char::is_alphanumeric) {
            return None;
        }
        (name.to_owned(), String::new())
    } else {
        let (name, kind) = line.strip_prefix("pub ")?.split_once(": ")?;
        (name.to_owned(), kind.trim_end_matches(',').to_owned())
    };
    Some(Field {
        rename: after("rename = \""),
        doc: before.doc.trim().to_owned(),
        name,
        kind,
    })
}

fn snake(word: &str) -> String {
    let mut text = String::new();
    for (i, c) in word.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// Takes `Option<…>` and `Vec<…>` off; what is left, and what stands for a list in a key.
fn peel(kind: &str) -> (String, &'static str) {
    for (outer, sign) in [
        ("Option<", ""),
        ("Box<", ""),
        ("Vec<", "[]"),
        ("BTreeSet<", "[]"),
    ] {
        if let Some(inner) = kind.strip_prefix(outer).and_then(|k| k.strip_suffix('>')) {
            let (inner, further) = peel(inner);
            return (inner, if further.is_empty() { sign } else { further });
        }
    }
    (kind.to_owned(), "")
}

/// The type of a name as it is written in a file: the file's own, or one of the module that the file names it by.
fn resolve<'a>(types: &'a Types, kind: &str, file: &Path) -> Option<&'a Type> {
    let (path, name) = match kind.rsplit_once("::") {
        Some((path, name)) => (Some(path.to_owned()), name),
        None => (None, kind),
    };
    let all = types.get(name)?;
    let named = path.is_some();
    let module = path.or_else(|| imported(file, name));
    let in_module = |t: &&Type| {
        module.as_ref().is_some_and(|m| {
            let m = m.rsplit("::").next().unwrap_or(m);
            t.file.components().any(|c| c.as_os_str() == m)
                || t.file.file_stem().is_some_and(|s| s == m)
        })
    };
    all.iter()
        .find(|t| t.file == file && !named)
        .or_else(|| all.iter().find(in_module))
        .or_else(|| all.iter().find(|t| t.file.ends_with("config.rs")))
        .or_else(|| all.first())
}

/// The module before a name in a file's `use`: `fiscal_law` of `fiscal_law::Limits`.
fn imported(file: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).unwrap();
    let found = text
        .match_indices(&format!("::{name}"))
        .find(|(at, whole)| !text[at + whole.len()..].starts_with(char::is_alphanumeric))?;
    let before = &text[..found.0];
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_')? + 1;
    Some(before[start..].to_owned())
}

fn draw(types: &Types, whole: &Type, above: &str, out: &mut String) {
    for f in &whole.fields {
        let (inner, list) = peel(&f.kind);
        let name = f.rename.as_ref().unwrap_or(&f.name);
        let key = match above {
            "" => name.clone(),
            above => format!("{above}.{name}"),
        };
        let mut words = String::new();
        let mut kind = simple(&inner);
        match resolve(types, &inner, &whole.file) {
            Some(below) if below.is_enum => {
                let all: Vec<String> = below
                    .fields
                    .iter()
                    .map(|v| match &v.rename {
                        Some(word) => word.clone(),
                        None if below.words => snake(&v.name),
                        None => v.name.clone(),
                    })
                    .collect();
                words = all.join(" ");
                kind = "word";
            }
            Some(below) if !below.fields.is_empty() => {
                let doc = if f.doc.is_empty() { &below.doc } else { &f.doc };
                line(
                    out,
                    &key,
                    if list.is_empty() {
                        "table"
                    } else {
                        "list of tables"
                    },
                    "",
                    doc,
                );
                draw(types, below, &format!("{key}{list}"), out);
                continue;
            }
            _ => {}
        }
        if !list.is_empty() {
            kind = "list";
        }
        line(out, &key, kind, &words, &f.doc);
    }
}

fn line(out: &mut String, key: &str, kind: &str, words: &str, doc: &str) {
    let doc = doc.replace("\\[", "[").replace("\\]", "]").replace('`', "");
    let doc: Vec<&str> = doc.split_whitespace().collect();
    writeln!(out, "{key}\t{kind}\t{words}\t{}", doc.join(" ")).unwrap();
}

fn simple(kind: &str) -> &'static str {
    match kind {
        "bool" => "yes or no",
        "Duration" => "duration, such as \"10m\"",
        "PathBuf" => "path",
        "SocketAddr" => "address and port",
        "String" => "text",
        "Uuid" => "GUID",
        "Time" => "time of day, such as \"03:00\"",
        k if k.starts_with("BTreeMap<") => "table",
        k if k.starts_with(['u', 'i']) && k[1..].chars().all(|c| c.is_ascii_digit())
            || k == "usize" =>
        {
            "number"
        }
        _ => "text",
    }
}

#[test]
fn the_keys_are_those_of_the_typed_configuration_with_its_words() {
    let types = types();
    let root = types["Config"]
        .iter()
        .find(|t| t.file.ends_with("src/config.rs"))
        .unwrap();
    let mut drawn = String::new();
    draw(&types, root, "", &mut drawn);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/config/keys.tsv");
    if std::env::var_os("UPDATE_CONFIG_KEYS").is_some() {
        fs::write(&file, &drawn).unwrap();
    }
    assert!(
        drawn == fs::read_to_string(&file).unwrap_or_default(),
        "keys.tsv is not what the sources say: UPDATE_CONFIG_KEYS=1 cargo test -p galley --lib cli::config"
    );
    for line in drawn.lines() {
        assert_eq!(line.split('\t').count(), 4, "{line}");
        assert!(
            !line.ends_with('\t'),
            "a key without a word of what it means: {line}"
        );
    }
}

#[test]
fn a_key_is_found_by_itself_by_its_part_and_by_a_word_of_it() {
    assert_eq!(find("store.id").len(), 1);
    assert!(find("store").len() > 5);
    assert!(
        find("tokens[0].role")
            .iter()
            .any(|k| k.key == "tokens[].role")
    );
    assert!(
        find("pay_within")
            .iter()
            .any(|k| k.key == "policy.pay_within")
    );
    assert!(find("nonsense-it-is").is_empty());
    assert_eq!(
        find("connectors.one_c.tenders.sbp_qr")[0].key,
        "connectors.one_c.tenders"
    );
    assert!(find("store.nonsense-it-is").len() <= 1);
    let kind = find("printer.kind")[0];
    assert!(kind.words().contains(&"atol_native"), "{kind:?}");
}
