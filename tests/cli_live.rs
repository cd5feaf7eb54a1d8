//! The command line against a whole store: what is kept comes back, what is secret stays secret, and what is told is so.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]
#![cfg(all(feature = "emulators", feature = "hq"))]

mod common;
mod stub;

use common::{Shop, eventually};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use stub::{Ended, galley, galley_with};

/// The key of the demonstration, which is no secret.
const KEY: &str = "the-key-of-a-demonstration-is-no-secret";

async fn json(socket: &PathBuf, args: &[&str]) -> Value {
    let ended = galley(socket, &[args, &["--json"]].concat()).await;
    assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

/// Sells one dish for cash, to the receipt.
async fn sell(shop: &Shop) -> String {
    let order = shop.place(&["plov"]).await;
    let payment = shop.start_payment(&order, "cash").await;
    let socket = shop.running.addresses.socket.clone();
    let number = shop.order(&order).await["number"]
        .as_str()
        .unwrap()
        .to_owned();
    let ended = galley(&socket, &["payment", "confirm", &payment, "--yes"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    eventually("the receipt", async || {
        let seen = shop.order(&order).await;
        let done = seen["receipts"][0]["state"] == "registered";
        if done { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    number
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else if entry.file_type().unwrap().is_file()
            // What several processes share of a database is none's to copy.
            && !entry.file_name().to_string_lossy().ends_with("-shm")
        {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_backed_up_lost_and_brought_back() {
    let shop = Shop::open(600).await;
    let socket = shop.running.addresses.socket.clone();
    sell(&shop).await;
    let made = json(&socket, &["backup", "now"]).await;
    assert_eq!(made["schema"], "galley/backup/1");
    let file = made["file"].as_str().unwrap().to_owned();
    let verified = json(&socket, &["backup", "verify"]).await;
    assert_eq!(verified["seq"], made["seq"]);
    let status = json(&socket, &["status"]).await;
    assert!(status["box"]["backup"]["last_at"].is_i64(), "{status}");
    sell(&shop).await;
    let sold = shop.head().await;

    // A running store is left alone.
    let data = shop.running.addresses.data.clone();
    let running = galley(
        &socket,
        &["restore", &file, "--data", data.to_str().unwrap(), "--yes"],
    )
    .await;
    assert_eq!(running.code, 6, "{}", running.err);

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    copy_folder(&shop.running.addresses.data, &data);
    let file = data
        .join("backups")
        .join(Path::new(&file).file_name().unwrap());
    shop.close().await;

    let key = folder.path().join("key");
    let none = folder.path().join("none");
    let restore = async |file: &Path, secret: &str, more: &[&str]| -> Ended {
        fs::write(&key, secret).unwrap();
        let (file, data, key, none) = (
            file.to_str().unwrap(),
            data.to_str().unwrap(),
            key.to_str().unwrap(),
            none.to_str().unwrap(),
        );
        let args = [
            "restore",
            file,
            "--config",
            none,
            "--data",
            data,
            "--key-file",
            key,
        ];
        galley(&folder.path().join("s"), &[&args[..], more].concat()).await
    };
    let before = fs::read(data.join("galley.db")).unwrap();
    let wrong = restore(&file, &"x".repeat(40), &["--yes"]).await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("another key"), "{}", wrong.err);
    let cut = folder.path().join("cut.backup");
    let whole = fs::read(&file).unwrap();
    fs::write(&cut, &whole[..whole.len() - 100]).unwrap();
    let damaged = restore(&cut, KEY, &["--yes"]).await;
    assert_eq!(damaged.code, 1);
    assert!(damaged.err.contains("cut short"), "{}", damaged.err);
    let unasked = restore(&file, KEY, &[]).await;
    assert_eq!(unasked.code, 2);
    let words = unasked.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("among them 1 orders and 1 receipts"),
        "{words}"
    );
    assert_eq!(
        fs::read(data.join("galley.db")).unwrap(),
        before,
        "nothing was changed"
    );

    let restored = restore(&file, KEY, &["--yes", "--json"]).await;
    assert_eq!(restored.code, 0, "{}", restored.err);
    let told: Value = serde_json::from_str(&restored.out).unwrap();
    let missing = told["missing"]["events"].as_u64().unwrap();
    assert!(missing > 0 && missing < sold, "{told}");
    assert!(Path::new(told["aside"][0].as_str().unwrap()).exists());
    let store =
        galley::store::Store::open(galley::store::Options::at(data.join("galley.db"))).unwrap();
    assert_eq!(*store.head().borrow(), made["seq"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_kept_sealed_listed_and_never_shown() {
    let shop = Shop::open(600).await;
    let socket = shop.running.addresses.socket.clone();
    const SECRET: &str = "correct-horse-battery";
    let ended = galley_with(&socket, &["secret", "set", "alfa-bank"], SECRET).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let list = json(&socket, &["secret", "list"]).await;
    assert_eq!(list["secrets"][0]["name"], "alfa-bank");
    assert_eq!(list["secrets"][0]["sealed_with"], "current");
    assert!(!list.to_string().contains(SECRET));
    for name in ["galley.db", "galley.db-wal"] {
        let bytes = fs::read(shop.running.addresses.data.join(name)).unwrap_or_default();
        let found = bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
        assert!(!found, "it lies open in {name}");
    }
    assert_eq!(
        json(&socket, &["secret", "rotate", "--yes"]).await["resealed"],
        0
    );
    for name in ["../x", ".hidden", ""] {
        let ended = galley_with(&socket, &["secret", "set", name], SECRET).await;
        assert_eq!(ended.code, 1, "{name}: {}", ended.err);
    }
    // A cashier's or kiosk's token may not even see the names.
    let url = shop.origin.clone();
    let afar = ["secret", "list", "--store", &url, "--token", "demo-kiosk"];
    assert_eq!(galley(&socket, &afar).await.code, 4);
    let gone = galley(&socket, &["secret", "remove", "alfa-bank", "--yes"]).await;
    assert_eq!(gone.code, 0, "{}", gone.err);
    let gone = galley(&socket, &["secret", "remove", "alfa-bank", "--yes"]).await;
    assert_eq!(gone.code, 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_told_whole_filtered_and_as_it_happens() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let shop = Shop::open(600).await;
    let socket = shop.running.addresses.socket.clone();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"))
        .args(["logs", "-f", "--json", "--kind", "order."])
        .env("GALLEY_SOCKET", &socket)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = sell(&shop).await;
    let line = tokio::time::timeout(stub::LIMIT, lines.next_line())
        .await
        .unwrap();
    let event: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
    assert_eq!(event["kind"], "order.placed");
    assert_eq!(event["schema"], "galley/log/1");
    child.kill().await.unwrap();

    let whole = galley(&socket, &["logs", "--since", "1h", "--json"]).await;
    let seqs: Vec<u64> = whole
        .out
        .lines()
        .map(|l| {
            serde_json::from_str::<Value>(l).unwrap()["seq"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert!(
        seqs.len() > 10 && seqs.windows(2).all(|w| w[0] + 1 == w[1]),
        "{seqs:?}"
    );
    let printer = galley(
        &socket,
        &["logs", "--order", &number, "--device", "printer"],
    )
    .await;
    assert!(
        printer.out.contains("receipt.registered"),
        "{}",
        printer.out
    );
    assert!(!printer.out.contains("cook."), "{}", printer.out);
    let last = galley(&socket, &["logs", "-n", "3"]).await;
    assert_eq!(last.out.lines().count(), 3, "{}", last.out);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_has_a_row_each_and_a_bundle_lets_nothing_out() {
    let shop = Shop::open(600).await;
    let socket = shop.running.addresses.socket.clone();
    const PHONE: &str = "+79001234567";
    const SECRET: &str = "correct-horse-battery";
    let mut wish = common::wish(&["plov"]);
    wish["phone"] = PHONE.into();
    // Whether the store takes a phone in this way is not what is looked at here.
    let _ = shop.post("orders", common::KIOSK, &wish).await;
    let ended = galley_with(&socket, &["secret", "set", "alfa-bank"], SECRET).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let status = galley(&socket, &["status"]).await;
    for row in [
        "orders",
        "uplink",
        "shift",
        "printer",
        "fiscal drive",
        "robot",
        "bank",
        "outbox",
        "disk",
        "clock",
        "backup",
    ] {
        assert!(
            status.out.lines().any(|l| l.contains(row)),
            "{row}: {}",
            status.out
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let (config, bundle) = (
        folder.path().join("galley.toml"),
        folder.path().join("b.tar.gz"),
    );
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("token"), "file-secret-0815\n").unwrap();
    fs::write(
        &config,
        format!(
            "[store]\nid = 'S001'\nzone = 'UTC'\nname = {{ ru = 'К', uz = 'K', en = 'C' }}\ncredentials = '{}'\n\
             [sync]\nbroker = 'mqtts://galley:pa55word@broker.example'\n\
             [printer]\nkind = 'atol_native'\naddress = 'tcp://127.0.0.1:1'\n[printer.atol]\nmode_password = '00004711'\n\
             # call +7 900 765 43 21 or anna.petrova@example.com; it was file-secret-0815\n",
            credentials.display()
        ),
    )
    .unwrap();
    let (config, file) = (config.to_str().unwrap(), bundle.to_str().unwrap());
    let args = [
        "doctor", "--config", config, "--data", "/nowhere", "--bundle", file,
    ];
    let ended = galley(&socket, &args).await;
    assert!(bundle.exists(), "{}{}", ended.out, ended.err);
    for name in ["doctor.json", "log.json", "galley.toml", "store.json"] {
        assert!(
            ended.out.contains(name),
            "{name} is not listed: {}",
            ended.out
        );
    }
    let unpacked = tokio::process::Command::new("tar")
        .args(["-xzO", "-f", file])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&unpacked.stdout).into_owned();
    assert!(
        text.starts_with("What is in this bundle"),
        "its contents come first"
    );
    assert!(text.contains("order.placed"), "the log is in it");
    for secret in [
        "9001234567",
        "765 43 21",
        SECRET,
        "file-secret-0815",
        "pa55word",
        "00004711",
        "anna.petrova",
        "demo-staff",
        KEY,
    ] {
        assert!(!text.contains(secret), "{secret} got out");
    }
    // It is never written over another file.
    assert_eq!(galley(&socket, &args).await.code, 2);
    let only = galley(&socket, &["doctor", "--only", "clock,sqlite"]).await;
    assert_eq!(only.code, 0, "{}", only.out);
    assert_eq!(
        only.out
            .lines()
            .filter(|l| l.starts_with(['✓', '!', '✗']))
            .count(),
        2,
        "{}",
        only.out
    );
    shop.close().await;
}
