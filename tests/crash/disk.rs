//! A disk that is full, or refuses writes and flushes, under a daemon that lives on.

use super::{
    program::Program,
    rig::{KIOSK, LIMIT, Part, Rig, STAFF, Wires, eventually},
    writes::{alone, under_strace},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::PathBuf, process::Stdio};
use tokio::process::Command;

/// A small file system of its own; unmounted when dropped.
pub struct Disk(PathBuf);

impl Disk {
    /// None, with a word, where this user may not mount.
    #[allow(clippy::print_stderr, reason = "a test that is left out must be seen")]
    pub async fn mount(at: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={size}");
        let words = ["-t", "tmpfs", "-o", &size, "galley-crash"];
        let done = Command::new("mount")
            .args(words)
            .arg(&at)
            .stderr(Stdio::null())
            .status()
            .await;
        if done.is_ok_and(|status| status.success()) {
            return Some(Self(at));
        }
        eprintln!("SKIPPED: this user may not mount a file system");
        None
    }

    /// Takes all room that is left.
    pub fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.0.join("neighbour")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.0.join("neighbour")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

/// A store by itself, with goods, in front of a guest.
pub struct Shop {
    pub rig: Rig,
    traced: Option<Program>,
    orders: Vec<(String, String)>,
    asked: u32,
}

impl Shop {
    /// Opens it; with `inject`, its daemon runs under strace, which has these calls fail so.
    pub async fn open(rig: Rig, inject: Option<(&str, &str)>) -> Self {
        alone(&rig);
        let mut shop = Self {
            rig,
            traced: None,
            orders: Vec::new(),
            asked: 0,
        };
        match inject {
            None => shop.rig.program(Part::Store).start(),
            Some((calls, error)) => {
                // The schema is there: the calls that fail are those of orders.
                shop.rig.program(Part::Store).start();
                shop.rig.ready().await.unwrap();
                shop.rig.program(Part::Store).kill().await;
                shop.traced = Some(under_strace(&shop.rig, calls, error));
            }
        }
        shop.rig.ready().await.unwrap();
        let goods = json!({"ingredient_id": "berries", "quantity": 1_000_000_000});
        shop.rig
            .door()
            .post("stock/receive", STAFF, "goods", &goods)
            .await
            .unwrap();
        shop
    }

    /// One request for an order, as it is answered.
    pub async fn order(&mut self) -> (u16, Value) {
        self.asked += 1;
        let key = format!("order-{}", self.asked);
        let body = json!({"language": "en", "service": "here", "lines": [{"dish_id": "mors", "quantity": 1}]});
        let url = format!("{}/api/v1/orders", self.rig.origin);
        let door = self.rig.door();
        let answer = door
            .send(Method::POST, &url, KIOSK, Some(&key), Some(&body))
            .await;
        let (status, order) = answer.expect("the daemon lives and answers");
        if status == 201 {
            self.orders
                .push((key, order["id"].as_str().unwrap().to_owned()));
        }
        (status, order)
    }

    /// Reads go on, whatever the disk does.
    pub async fn reads(&self) {
        for path in ["menu", "orders?limit=5", "stock", "store"] {
            let url = format!("{}/api/v1/{path}", self.rig.origin);
            let answer = self
                .rig
                .door()
                .send(Method::GET, &url, STAFF, None, None)
                .await;
            assert_eq!(
                answer.as_ref().map(|a| a.0),
                Some(200),
                "{path}: {answer:?}"
            );
        }
    }

    /// Without a restart, orders are taken again.
    pub async fn sells_again(&mut self) {
        let rig = &self.rig;
        eventually("the store to be ready", LIMIT, async || {
            let url = format!("{}/ready", rig.origin);
            match rig.http.get(&url).send().await {
                Ok(answer) if answer.status() == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
        let (status, order) = self.order().await;
        assert_eq!(status, 201, "{order}");
    }

    /// Every order that was acknowledged is there.
    pub async fn all_there(mut self) {
        for (key, id) in &self.orders {
            let url = format!("{}/api/v1/orders/{id}", self.rig.origin);
            let answer = self
                .rig
                .door()
                .send(Method::GET, &url, STAFF, None, None)
                .await;
            assert_eq!(answer.map(|a| a.0), Some(200), "{key} {id}");
        }
        if let Some(traced) = &mut self.traced {
            traced.kill_below().await;
        }
        self.rig.program(Part::Store).kill().await;
    }
}

/// A rig of which only the store is used.
pub fn rig() -> Rig {
    Rig::new(Wires {
        pty: false,
        straight: false,
    })
}
