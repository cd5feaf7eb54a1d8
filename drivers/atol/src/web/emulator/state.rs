//! The server's base of requests, its worker's decisions, and how both survive a restart.

use super::{
    config::{AfterCrash, WebEmulatorConfig, WebFault, WebFaults},
    drive::{Failure, Printer},
};
use crate::local_time::LocalDateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    path::PathBuf,
    time::Duration,
};

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    tasks: Vec<Value>,
    state: Progress,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Wait,
    /// Number of the drive's last document when it began.
    Runs(usize),
    Blocked(usize),
    /// One result a task: `status`, then the error, then the result.
    Over(Vec<(String, Failure, Value)>),
    Canceled,
}

/// What survives the process.
#[derive(Serialize, Deserialize)]
struct Kept {
    printer: Printer,
    requests: BTreeMap<String, Entry>,
    queue: VecDeque<String>,
}

/// The server.
pub(super) struct State {
    pub(super) config: WebEmulatorConfig,
    pub(super) printer: Printer,
    requests: BTreeMap<String, Entry>,
    queue: VecDeque<String>,
    path: Option<PathBuf>,
    pub(super) faults: WebFaults,
    pub(super) up: bool,
    pub(super) ran: Vec<String>,
}

/// How the server takes a request.
pub(super) enum Taken {
    /// 201.
    Yes(usize),
    /// 409.
    Known,
    /// 400.
    Bad(&'static str),
}

/// What the worker found at the end of a task.
pub(super) enum Worked {
    /// The next one.
    Next,
    /// The server died.
    Died,
}

const ACTS: [&str; 12] = [
    "openShift",
    "closeShift",
    "sell",
    "sellReturn",
    "buy",
    "buyReturn",
    "sellCorrection",
    "sellReturnCorrection",
    "buyCorrection",
    "buyReturnCorrection",
    "cashIn",
    "cashOut",
];

pub(super) fn is_act(tasks: &[Value]) -> bool {
    tasks
        .iter()
        .any(|t| t["type"].as_str().is_some_and(|name| ACTS.contains(&name)))
}

/// The array of a request; v1 also takes a single object.
pub(super) fn tasks_of(body: &Value) -> Option<Vec<Value>> {
    match &body["request"] {
        Value::Array(tasks) if !tasks.is_empty() => Some(tasks.clone()),
        task @ Value::Object(_) => Some(vec![task.clone()]),
        _ => None,
    }
}

impl State {
    pub(super) fn open(
        path: Option<PathBuf>,
        config: WebEmulatorConfig,
        now: LocalDateTime,
    ) -> io::Result<Self> {
        let mut state = Self {
            printer: Printer::new(&config, now),
            config,
            requests: BTreeMap::new(),
            queue: VecDeque::new(),
            path,
            faults: WebFaults::default(),
            up: true,
            ran: Vec::new(),
        };
        if let Some(text) = state.path.as_ref().and_then(|p| fs::read(p).ok()) {
            let kept: Kept = serde_json::from_slice(&text)?;
            state.printer = kept.printer;
            state.requests = kept.requests;
            state.queue = kept.queue;
            state.restart();
        }
        Ok(state)
    }

    fn keep(&self) {
        let Some(path) = &self.path else { return };
        let kept =
            json!({"printer": &self.printer, "requests": &self.requests, "queue": &self.queue});
        let written = fs::write(path, kept.to_string());
        if let Err(error) = written {
            tracing::error!(%error, "the emulated server's base can't be written");
        }
    }

    pub(super) fn take(&mut self, body: &Value) -> Taken {
        let Some(uuid) = body["uuid"].as_str().filter(|u| !u.is_empty()) else {
            return Taken::Bad("uuid");
        };
        let Some(tasks) = tasks_of(body) else {
            return Taken::Bad("request");
        };
        if self.requests.contains_key(uuid) {
            return Taken::Known;
        }
        let entry = Entry {
            tasks,
            state: Progress::Wait,
        };
        self.requests.insert(uuid.to_owned(), entry);
        self.queue.push_back(uuid.to_owned());
        self.keep();
        Taken::Yes(self.queue.len())
    }

    /// The body of an answer to GET; `None` for a uuid that isn't known.
    pub(super) fn results(&self, uuid: &str) -> Option<Value> {
        let entry = self.requests.get(uuid)?;
        let none = || (0, "Ошибок нет".to_owned());
        let all = |status: &str| -> Vec<(String, Failure, Value)> {
            entry
                .tasks
                .iter()
                .map(|_| (status.to_owned(), none(), Value::Null))
                .collect()
        };
        let list = match &entry.state {
            Progress::Wait => all("wait"),
            Progress::Runs(_) => all("inProgress"),
            Progress::Blocked(_) => all("blocked"),
            Progress::Canceled => all("canceled"),
            Progress::Over(list) => list.clone(),
        };
        let results: Vec<Value> = list
            .into_iter()
            .map(|(status, (code, text), result)| {
                if self.config.v1_results {
                    json!({"status": status, "errorCode": code, "errorDescription": text, "result": result})
                } else {
                    json!({"status": status, "error": {"code": code, "description": text}, "result": result})
                }
            })
            .collect();
        Some(json!({ "results": results }))
    }

    /// Takes a waiting request out of the queue and forgets one that is over; false when it isn't known.
    pub(super) fn cancel(&mut self, uuid: &str) -> bool {
        self.queue.retain(|u| u != uuid);
        let Some(entry) = self.requests.get_mut(uuid) else {
            return false;
        };
        match entry.state {
            Progress::Wait => entry.state = Progress::Canceled,
            Progress::Over(_) | Progress::Canceled => drop(self.requests.remove(uuid)),
            Progress::Runs(_) | Progress::Blocked(_) => {}
        }
        self.keep();
        true
    }

    /// How many requests the base holds.
    pub(super) fn held(&self) -> usize {
        self.requests.len()
    }

    fn blocked(&self) -> bool {
        self.requests
            .values()
            .any(|e| matches!(e.state, Progress::Blocked(_)))
    }

    /// The next request and how long it takes; it runs from now on.
    pub(super) fn begin(&mut self) -> Option<(String, Duration)> {
        if !self.up || self.blocked() {
            return None;
        }
        let uuid = self.queue.pop_front()?;
        let last = self.printer.documents.len();
        let entry = self.requests.get_mut(&uuid)?;
        entry.state = Progress::Runs(last);
        let ms = if is_act(&entry.tasks) {
            self.config.act_ms
        } else {
            self.config.read_ms
        };
        self.keep();
        Some((uuid, Duration::from_millis(ms)))
    }

    /// A longer time for the task that runs, when a fault asks for it.
    pub(super) fn strike(&mut self, uuid: &str) -> Option<WebFault> {
        let act = self.requests.get(uuid).is_some_and(|e| is_act(&e.tasks));
        self.faults.strike(act, false)
    }

    /// The end of the task that runs.
    pub(super) fn end(
        &mut self,
        uuid: &str,
        fault: Option<WebFault>,
        now: LocalDateTime,
    ) -> Worked {
        let Some(entry) = self.requests.get(uuid) else {
            return Worked::Next;
        };
        let (tasks, before) = (entry.tasks.clone(), self.printer.documents.len());
        let carried_out = match fault {
            Some(
                WebFault::Crash { carried_out }
                | WebFault::LinkLost { carried_out }
                | WebFault::Blocked { carried_out }
                | WebFault::BaseLost { carried_out },
            ) => carried_out,
            Some(WebFault::PaperEnds { registered }) => registered,
            Some(WebFault::Refuse { .. } | WebFault::LinkLostEarly { .. }) => false,
            _ => true,
        };
        let list = self.perform(&tasks, carried_out, now);
        let over = match fault {
            Some(WebFault::Crash { .. }) => {
                self.up = false;
                self.keep();
                return Worked::Died;
            }
            Some(WebFault::BaseLost { .. }) => {
                self.lose_base();
                return Worked::Next;
            }
            Some(WebFault::Blocked { .. }) => {
                self.set(uuid, Progress::Blocked(before));
                return Worked::Next;
            }
            Some(WebFault::LinkLost { .. } | WebFault::LinkLostEarly { .. }) => {
                failed(&tasks, (2, "Нет связи".to_owned()))
            }
            Some(WebFault::Refuse { code }) => failed(&tasks, (code, "Ошибка".to_owned())),
            Some(WebFault::PaperEnds { registered: false }) => {
                failed(&tasks, (44, "Нет бумаги".to_owned()))
            }
            Some(WebFault::PaperError) => {
                self.printer.print_owed = true;
                failed(&tasks, (44, "Нет бумаги".to_owned()))
            }
            Some(WebFault::PaperEnds { registered: true }) => {
                self.printer.print_owed = true;
                unprinted(list)
            }
            _ => list,
        };
        self.set(uuid, Progress::Over(over));
        Worked::Next
    }

    fn set(&mut self, uuid: &str, state: Progress) {
        if let Some(entry) = self.requests.get_mut(uuid) {
            entry.state = state;
        }
        self.keep();
    }

    /// Runs the tasks in order; after a failure the rest are not run.
    fn perform(
        &mut self,
        tasks: &[Value],
        carried_out: bool,
        now: LocalDateTime,
    ) -> Vec<(String, Failure, Value)> {
        let mut list = Vec::new();
        let mut stopped = false;
        for task in tasks {
            if stopped || !carried_out {
                let failure = (502, "Прервано из-за предыдущих ошибок".to_owned());
                list.push(("interrupted".to_owned(), failure, Value::Null));
                continue;
            }
            self.ran
                .push(task["type"].as_str().unwrap_or("?").to_owned());
            let done = if self.printer.powered {
                self.printer.run(task, &self.config, now)
            } else {
                Err((2, "Нет связи".to_owned()))
            };
            match done {
                Ok(result) => {
                    let fine = (0, "Ошибок нет".to_owned());
                    list.push(("ready".to_owned(), fine, result));
                }
                Err(failure) => {
                    stopped = true;
                    list.push(("error".to_owned(), failure, Value::Null));
                }
            }
        }
        if !self.printer.paper && is_act(tasks) && !stopped && carried_out {
            self.printer.print_owed = true;
            return unprinted(list);
        }
        list
    }

    /// The printer carries out what it was given before its driver lost it.
    pub(super) fn carry_out_late(&mut self, uuid: &str, now: LocalDateTime) {
        if let Some(entry) = self.requests.get(uuid) {
            let tasks = entry.tasks.clone();
            self.perform(&tasks, true, now);
            self.keep();
        }
    }

    pub(super) fn lose_base(&mut self) {
        self.requests.clear();
        self.queue.clear();
        self.keep();
    }

    /// What the drive says of a task that began when it had so many documents.
    fn truth(&self, tasks: &[Value], before: usize) -> Vec<(String, Failure, Value)> {
        if self.printer.documents.len() > before {
            let fine = (0, "Ошибок нет".to_owned());
            let result = json!({"fiscalParams": self.printer.params(&self.config),
                "warnings": {"recovered": true, "notPrinted": true}});
            return vec![("ready".to_owned(), fine, result)];
        }
        failed(tasks, (177, "Закрытие чека прервано".to_owned()))
    }

    pub(super) fn unblock(&mut self) {
        let blocked: Vec<(String, usize)> = self
            .requests
            .iter()
            .filter_map(|(uuid, e)| match e.state {
                Progress::Blocked(before) => Some((uuid.clone(), before)),
                _ => None,
            })
            .collect();
        for (uuid, before) in blocked {
            let tasks = self.requests[&uuid].tasks.clone();
            let over = self.truth(&tasks, before);
            self.set(&uuid, Progress::Over(over));
        }
    }

    pub(super) fn restart(&mut self) {
        self.up = true;
        let running: Vec<(String, usize)> = self
            .requests
            .iter()
            .filter_map(|(uuid, e)| match e.state {
                Progress::Runs(before) => Some((uuid.clone(), before)),
                _ => None,
            })
            .collect();
        for (uuid, before) in running {
            let tasks = self.requests[&uuid].tasks.clone();
            match self.config.after_crash {
                AfterCrash::Fails => {
                    let over = failed(&tasks, (2, "Нет связи".to_owned()));
                    self.set(&uuid, Progress::Over(over));
                }
                AfterCrash::Blocked => self.set(&uuid, Progress::Blocked(before)),
                AfterCrash::Recovers => {
                    let over = self.truth(&tasks, before);
                    self.set(&uuid, Progress::Over(over));
                }
                AfterCrash::Forgets => {
                    self.requests.remove(&uuid);
                    self.keep();
                }
            }
        }
    }

    pub(super) fn change(&mut self, fault: WebFault, now: LocalDateTime) {
        match fault {
            WebFault::PaperOut => self.printer.paper = false,
            WebFault::PaperBack => self.printer.paper = true,
            WebFault::PrinterOff => self.printer.powered = false,
            WebFault::PrinterOn => self.printer.powered = true,
            WebFault::ShiftExpired => {
                if let Some(at) = &mut self.printer.shift_opened {
                    *at = now.seconds() - 25 * 3600;
                }
            }
            WebFault::OtherDrive => {
                self.printer
                    .replace_drive("9999078902009999".to_owned(), now);
            }
            _ => {}
        }
        self.keep();
    }

    pub(super) fn stranger(&mut self, total: i64, key: Option<&str>, now: LocalDateTime) {
        let sum = total as f64 / 100.0;
        let mut items = vec![
            json!({"type": "position", "name": "Чужое", "price": sum, "quantity": 1, "amount": sum,
            "measurementUnit": 0, "tax": {"type": "none"}}),
        ];
        if let Some(key) = key {
            items.push(json!({"type": "additionalAttribute", "value": key}));
        }
        let task = json!({"type": "sell", "items": items, "payments": [{"type": "electronically", "sum": sum}]});
        if let Err((code, text)) = self.printer.run(&task, &self.config, now) {
            tracing::error!(code, text, "a stranger's receipt failed");
        }
        self.keep();
    }
}

fn failed(tasks: &[Value], failure: Failure) -> Vec<(String, Failure, Value)> {
    let rest = (502, "Прервано из-за предыдущих ошибок".to_owned());
    tasks
        .iter()
        .enumerate()
        .map(|(i, _)| match i {
            0 => ("error".to_owned(), failure.clone(), Value::Null),
            _ => ("interrupted".to_owned(), rest.clone(), Value::Null),
        })
        .collect()
}

fn unprinted(mut list: Vec<(String, Failure, Value)>) -> Vec<(String, Failure, Value)> {
    for (_, _, result) in &mut list {
        if result.get("fiscalParams").is_some() {
            result["warnings"] = json!({"notPrinted": true});
        }
    }
    list
}
