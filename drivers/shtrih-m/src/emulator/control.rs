//! The control channel: one JSON object a line in, one out, to set faults and look at the printer from outside.

use super::{At, Fault, ShtrihEmulator, Times};
use galley_fiscal::ReceiptKind;
use galley_link::BoxStream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// Longest line that is read.
const LONGEST: usize = 64 * 1024;

/// What can be asked for.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    /// Arms a fault.
    Fault {
        what: Fault,
        #[serde(default = "acts")]
        at: At,
        #[serde(default = "once")]
        times: Times,
    },
    ClearFaults,
    PowerCut,
    Restart,
    DropLink,
    Ofd {
        connected: bool,
    },
    /// A receipt of another host.
    Stranger {
        kind: ReceiptKind,
        total_minor: u64,
        #[serde(default)]
        key: Option<String>,
    },
    Snapshot,
    Counts,
    Documents,
    /// The last commands.
    Journal,
    Paper {
        lines: usize,
    },
}

fn acts() -> At {
    At::Acts
}

fn once() -> Times {
    Times::Once
}

impl ShtrihEmulator {
    /// Carries out one line and gives the answer, without a line's end.
    #[must_use]
    pub fn control(&self, line: &str) -> String {
        let answer = match serde_json::from_str::<Order>(line) {
            Ok(order) => self.order(order),
            Err(e) => json!({ "error": e.to_string() }),
        };
        answer.to_string()
    }

    fn order(&self, order: Order) -> Value {
        let show = |value: Result<Value, serde_json::Error>| match value {
            Ok(value) => value,
            Err(e) => json!({ "error": e.to_string() }),
        };
        match order {
            Order::Fault { what, at, times } => self.set_fault_at(what, at, times),
            Order::ClearFaults => self.clear_faults(),
            Order::PowerCut => self.power_cut(),
            Order::Restart => self.restart(),
            Order::DropLink => self.drop_link(),
            Order::Ofd { connected } => self.set_ofd_connected(connected),
            Order::Stranger {
                kind,
                total_minor,
                key,
            } => {
                return json!({ "number": self.stranger_receipt(kind, total_minor, key.as_deref()) });
            }
            Order::Snapshot => return show(serde_json::to_value(self.snapshot())),
            Order::Counts => return show(serde_json::to_value(self.counts())),
            Order::Documents => return show(serde_json::to_value(self.documents())),
            Order::Journal => return json!(self.journal()),
            Order::Paper { lines } => return json!(self.paper(lines)),
        }
        json!({ "ok": true })
    }

    /// Serves the control channel on a stream until it ends.
    pub async fn serve_control(&self, stream: BoxStream) {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match stream.read_until(b'\n', &mut line).await {
                Ok(n) if n > 0 && n <= LONGEST => {}
                _ => return,
            }
            let mut answer = self.control(String::from_utf8_lossy(&line).trim());
            answer.push('\n');
            if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
