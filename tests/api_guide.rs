//! docs/api.md, taken at its word: every block of commands is run against a real demonstration, and must print what
//! stands behind it.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use common::Shop;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{process::Command, time::timeout};

const LIMIT: Duration = Duration::from_secs(120);
/// What stands between the outputs of two blocks.
const END: &str = "---- end of a block ----";

/// A fenced block: what stands behind its fence, and what is in it.
struct Block {
    line: usize,
    info: String,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (n, line) in guide.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block {
                    line: n + 1,
                    info: info.to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

fn guide() -> Vec<Block> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    blocks(&fs::read_to_string(file).unwrap())
}

/// Runs a script in a folder, with the programs and addresses that the guide presumes.
async fn run(shop: &Shop, folder: &Path, script: &str, port: u16) -> String {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_galley"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let running = Command::new("bash")
        .args(["-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("STORE", &shop.origin)
        .env("GALLEY_SOCKET", &shop.running.addresses.socket)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = timeout(LIMIT, running).await.expect("it ends").unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert!(
        ended.status.success(),
        "{}\n{out}\n{}",
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_guide_does_what_it_says() {
    let shop = Shop::open(1000).await;
    let folder = tempfile::tempdir().unwrap();
    let guide = guide();
    let mut script =
        String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    let mut wanted: Vec<(usize, &str)> = Vec::new();
    for (n, block) in guide.iter().enumerate() {
        match block.info.split_once(' ') {
            Some((_, name)) => fs::write(folder.path().join(name), &block.text).unwrap(),
            None if block.info == "sh" => {
                script.push_str(&block.text);
                script.push_str(&format!("echo '{END}'\n"));
                let next = guide.get(n + 1).filter(|b| b.info == "output");
                wanted.push((block.line, next.map_or("", |b| b.text.as_str())));
            }
            None => {}
        }
    }
    assert!(wanted.len() >= 8, "only {} examples", wanted.len());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let out = run(&shop, folder.path(), &script, port).await;
    let end = format!("{END}\n");
    let printed: Vec<&str> = out.split(end.as_str()).collect();
    for ((line, wanted), printed) in wanted.iter().zip(&printed) {
        // Headers end with a carriage return.
        assert_eq!(
            *wanted,
            printed.replace('\r', ""),
            "the example in line {line} of docs/api.md"
        );
    }

    // The other language's check comes to the same as the first one's.
    let check = r#"
cat > check.mjs <<'JS'
import { isGenuine } from "./verify.mjs";
import { readFileSync } from "node:fs";
const [header, secret] = process.argv.slice(2);
console.log(isGenuine(header, readFileSync("body"), secret));
JS
cat > check.py <<'PY'
import sys, time
from receiver import is_genuine
print(str(is_genuine(sys.argv[1], open("body", "rb").read(), sys.argv[2], time.time())).lower())
PY
printf '{"id":"x"}' > body
sign() { printf '%s.{"id":"x"}' "$1" | openssl dgst -sha256 -hmac "$2" | sed 's/.*= //'; }
now=$(date +%s)
for header in "t=$now,v1=$(sign "$now" s)" "t=$now,v1=00,v1=$(sign "$now" s)" "t=$now,v1=$(sign "$now" other)" \
  "t=$((now - 301)),v1=$(sign $((now - 301)) s)" "t=$now" "v1=$(sign "$now" s)" "t=x,v1=" ""; do
  node check.mjs "$header" s
  python3 check.py "$header" s
done
"#;
    let said = run(&shop, folder.path(), check, port).await;
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), 16);
    for (n, pair) in said.chunks(2).enumerate() {
        let genuine = (n < 2).to_string();
        assert_eq!(pair, [&genuine, &genuine], "header {n}");
    }
    shop.close().await;
}
