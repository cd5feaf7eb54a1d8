//! The store on its LAN, from outside: a real daemon serves HTTPS with an authority of its own, tells where it is, and
//! says to a technician where a new screen goes.

#![cfg(feature = "emulators")]
#![allow(clippy::unwrap_used)]

use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    net::UnixDatagram,
    process::{Child, Command},
    time::timeout,
};

/// A slow machine starts a store within this time.
const LIMIT: Duration = Duration::from_secs(60);
const MENU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/menu.toml");
const GALLEY: &str = env!("CARGO_BIN_EXE_galley");

/// A box in a folder: its key, its configuration, and two ports of its own.
struct Premises {
    folder: tempfile::TempDir,
    http: u16,
    https: u16,
}

/// A daemon that is stopped when the test ends.
struct Running(Child);

fn free() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    probe.local_addr().unwrap().port()
}

impl Premises {
    fn new(names: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (http, https) = (free(), free());
        let at = folder.path().display();
        let id = std::process::id();
        let config = format!(
            "[store]\nid = 'L{id}'\nzone = 'Europe/Moscow'\nname = {{ ru = 'Лавка', uz = 'Do‘kon', en = 'Shop' }}\n\
             data = '{at}/data'\nsocket = '{at}/galley.sock'\ncredentials = '{at}'\nlisten = '127.0.0.1:{http}'\n\
             [catalog]\nfile = '{MENU}'\n\
             [api.tls]\nlisten = '127.0.0.1:{https}'\nnames = [{names}]\n\
             [api.discovery]\ninterfaces = ['127.0.0.1']\n"
        );
        std::fs::write(folder.path().join("galley.toml"), config).unwrap();
        let key = "0123456789abcdef0123456789abcdef";
        std::fs::write(folder.path().join("galley-key"), key).unwrap();
        Self {
            folder,
            http,
            https,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the daemon, and waits until it tells systemd that it is ready.
    async fn start(&self) -> Running {
        let notify = self.path("notify");
        let _ = std::fs::remove_file(&notify);
        let heard = UnixDatagram::bind(&notify).unwrap();
        let child = Command::new(GALLEY)
            .args(["run", "--config"])
            .arg(self.path("galley.toml"))
            .env("NOTIFY_SOCKET", &notify)
            .stderr(std::fs::File::create(self.path("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let ready = async {
            let mut text = [0; 4096];
            loop {
                let n = heard.recv(&mut text).await.unwrap();
                if String::from_utf8_lossy(&text[..n]).contains("READY=1") {
                    return;
                }
            }
        };
        if timeout(LIMIT, ready).await.is_err() {
            let log = std::fs::read_to_string(self.path("log")).unwrap();
            panic!("the daemon does not start:\n{log}");
        }
        Running(child)
    }

    async fn galley(&self, words: &[&str]) -> String {
        let out = Command::new(GALLEY)
            .args(words)
            .env("GALLEY_SOCKET", self.path("galley.sock"))
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(
            out.status.success(),
            "{words:?}: {text}{}",
            String::from_utf8_lossy(&out.stderr)
        );
        text
    }

    async fn json(&self, words: &[&str]) -> Value {
        let words = [words, &["--json"]].concat();
        serde_json::from_str(&self.galley(&words).await).unwrap()
    }

    async fn trust(&self) -> reqwest::Certificate {
        let file = self.path("ca.crt");
        self.galley(&["tls", "ca", "--out", file.to_str().unwrap()])
            .await;
        let pem = std::fs::read(Path::new(&file)).unwrap();
        reqwest::Certificate::from_pem(&pem).unwrap()
    }
}

impl Running {
    async fn stop(mut self) {
        self.0.start_kill().unwrap();
        self.0.wait().await.unwrap();
    }
}

fn client(trust: &[reqwest::Certificate]) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_certs_only(trust.to_vec())
        .tls_info(true)
        // Each request shakes hands anew.
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build()
        .unwrap()
}

/// The status, and the certificate that was shown.
async fn ask(client: &reqwest::Client, url: &str) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let answer = client.get(url).send().await?;
    let shown = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap();
    let shown = shown.peer_certificate().unwrap().to_vec();
    Ok((answer.status().as_u16(), shown))
}

#[tokio::test]
async fn who_trusts_the_stores_authority_talks_to_it_and_nobody_else_does() {
    let shop = Premises::new("'kiosk.lan', '127.0.0.1'");
    let running = shop.start().await;
    let trust = shop.trust().await;
    let trusting = client(std::slice::from_ref(&trust));
    let url = format!("https://127.0.0.1:{}/api/v1/store", shop.https);
    let (status, first) = ask(&trusting, &url).await.unwrap();
    assert_eq!(status, 401, "the door is there, and asks for a token");
    let page = format!("https://localhost:{}/kiosk/", shop.https);
    assert_eq!(ask(&trusting, &page).await.unwrap().0, 200);

    let stranger = Premises::new("");
    let other = stranger.start().await;
    let wrong = client(&[stranger.trust().await]);
    let refused = ask(&wrong, &url).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert!(ask(&client(&[]), &url).await.is_err());
    other.stop().await;

    // The authority's certificate is no secret: a screen that does not trust yet gets it by HTTP.
    let plain = format!("http://127.0.0.1:{}/ca.crt", shop.http);
    let answer = client(&[]).get(&plain).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(kind, "application/x-x509-ca-cert");
    assert_eq!(
        answer.text().await.unwrap(),
        std::fs::read_to_string(shop.path("ca.crt")).unwrap()
    );

    // A new certificate serves at once, and who trusts the authority notices nothing.
    shop.galley(&["tls", "renew"]).await;
    let (status, second) = ask(&trusting, &url).await.unwrap();
    assert_eq!(status, 401);
    assert_ne!(first, second, "the renewed certificate is not shown");

    // Both outlive the daemon; the keys are nowhere in the clear.
    running.stop().await;
    let again = shop.start().await;
    assert_eq!(ask(&trusting, &url).await.unwrap().1, second);
    for file in ["data/galley.db", "data/galley.db-wal", "log"] {
        let bytes = std::fs::read(shop.path(file)).unwrap_or_default();
        let clear = bytes.windows(11).any(|w| w == b"PRIVATE KEY");
        assert!(!clear, "a private key lies open in {file}");
    }

    let shown = shop.json(&["tls", "show"]).await;
    assert_eq!(shown["schema"], "galley/tls/1");
    assert_eq!(
        shown["server"]["names"],
        serde_json::json!([
            "127.0.0.1",
            format!("galley-l{}.local", std::process::id()),
            "kiosk.lan",
            "localhost",
        ])
    );
    assert!(shown.get("trouble").is_none(), "{shown}");
    again.stop().await;
}

#[tokio::test]
async fn a_store_without_a_key_sells_on_and_says_why_it_has_no_certificate() {
    let shop = Premises::new("");
    std::fs::remove_file(shop.path("galley-key")).unwrap();
    let running = shop.start().await;
    let out = Command::new(GALLEY)
        .args(["tls", "show"])
        .env("GALLEY_SOCKET", shop.path("galley.sock"))
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(3), "{text}");
    assert!(text.contains("galley backup key"), "{text}");
    let alerts = shop.json(&["alert", "list"]).await;
    assert!(alerts.to_string().contains("\"tls\""), "{alerts}");
    let plain = format!("http://127.0.0.1:{}/kiosk/", shop.http);
    let answer = client(&[]).get(&plain).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    running.stop().await;
}

#[tokio::test]
async fn a_running_store_is_found_and_tells_a_new_screen_where_to_go() {
    let shop = Premises::new("");
    let running = shop.start().await;
    let seeker = ServiceDaemon::new().unwrap();
    seeker.disable_interface(IfKind::All).unwrap();
    seeker.enable_interface(IfKind::LoopbackV4).unwrap();
    let heard = seeker.browse("_galley._tcp.local.").unwrap();
    let https = shop.https;
    let found = tokio::task::spawn_blocking(move || {
        loop {
            match heard.recv_timeout(LIMIT) {
                Ok(ServiceEvent::ServiceResolved(found)) if found.get_port() == https => {
                    return found;
                }
                Ok(_) => {}
                Err(error) => panic!("the store is not announced: {error}"),
            }
        }
    })
    .await
    .unwrap();
    let host = format!("galley-l{}.local.", std::process::id());
    assert_eq!(found.get_hostname(), host);
    assert_eq!(found.get_property_val_str("path"), Some("/kiosk/"));
    let http = shop.http.to_string();
    assert_eq!(found.get_property_val_str("http"), Some(http.as_str()));
    let _ = seeker.shutdown();

    let text = shop.galley(&["kiosk", "qr"]).await;
    let address = format!("https://127.0.0.1:{https}/kiosk/");
    assert!(text.contains(&address) && text.contains('█'), "{text}");
    let drawing = shop.path("screen.svg");
    shop.galley(&[
        "kiosk",
        "qr",
        "--role",
        "board",
        "--svg",
        drawing.to_str().unwrap(),
    ])
    .await;
    assert!(
        std::fs::read_to_string(drawing)
            .unwrap()
            .starts_with("<svg")
    );
    running.stop().await;
}
