//! The demonstration's door: the store's own pages and API while it has power, and the page with the switches.

use super::{Addresses, http::SwitchedHttp, outside::Outside, store::StorePart};
use crate::{
    api::Problem,
    domain::{
        payment::{Payment, Tender},
        receipt::ReceiptKind,
        shift::ShiftState,
    },
    flow::{FlowError, commands},
    hq::Hq,
};
use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use galley_atol::emulator::{Fault as PrinterFault, Times};
use galley_moley::emulator::Fault as RobotFault;
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Lines of paper that the page shows.
const PAPER: usize = 60;

/// The demonstration as its door sees it. Clones share it.
#[derive(Clone)]
pub(crate) struct Door(Arc<Parts>);

struct Parts {
    store: StorePart,
    outside: Outside,
    http: SwitchedHttp,
    hq: Hq,
    addresses: Addresses,
    jammed: AtomicBool,
}

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    /// The store's network.
    Internet,
    /// The way to the bank alone.
    Bank,
    /// The printer's cable.
    PrinterCable,
    /// Paper in the printer.
    Paper,
    /// The robot's link.
    RobotLink,
    /// Something is stuck in the robot.
    RobotJam,
    /// The store's own power: off and on.
    Power,
}

#[derive(Deserialize)]
struct Turn {
    id: Switch,
    #[serde(default)]
    on: bool,
}

#[derive(Deserialize)]
struct Pay {
    order_number: Option<String>,
}

impl Door {
    pub(crate) fn new(
        store: StorePart,
        outside: Outside,
        http: SwitchedHttp,
        hq: Hq,
        addresses: Addresses,
    ) -> Self {
        Self(Arc::new(Parts {
            store,
            outside,
            http,
            hq,
            addresses,
            jammed: AtomicBool::new(false),
        }))
    }

    pub(crate) fn store(&self) -> &StorePart {
        &self.0.store
    }

    pub(crate) fn outside(&self) -> &Outside {
        &self.0.outside
    }

    pub(crate) fn hq(&self) -> &Hq {
        &self.0.hq
    }

    pub(crate) fn origin(&self) -> &str {
        &self.0.addresses.store_api
    }

    pub(crate) async fn serve_lan(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        let router = Router::new()
            .route("/", get(async || Redirect::temporary("/demo/")))
            .route("/demo", get(async || Redirect::permanent("/demo/")))
            .route(
                "/demo/",
                get(async || crate::api::page("demo", "index.html")),
            )
            .route(
                "/demo/assets/{file}",
                get(
                    async |axum::extract::Path(file): axum::extract::Path<String>| {
                        crate::api::page("demo", &format!("assets/{file}"))
                    },
                ),
            )
            .route("/demo/api/state", get(state))
            .route("/demo/api/switch", post(switch))
            .route("/demo/api/pay", post(pay))
            .route("/demo/api/end-day", post(end_day))
            .fallback(forward_lan)
            .with_state(self)
            .into_make_service_with_connect_info::<std::net::SocketAddr>();
        axum::serve(listener, router)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
    }

    pub(crate) async fn serve_local(
        self,
        listener: UnixListener,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        let router = Router::new().fallback(forward_local).with_state(self);
        axum::serve(listener, router)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
    }

    async fn turn(&self, switch: Switch, on: bool) -> anyhow::Result<()> {
        let p = &self.0;
        match switch {
            Switch::Internet => p.http.set_internet(on),
            Switch::Bank => p.http.set_bank(on),
            Switch::PrinterCable if on => p.store.printer_cable().plug(),
            Switch::PrinterCable => p.store.printer_cable().pull(),
            Switch::Paper => {
                let fault = if on {
                    PrinterFault::PaperBack
                } else {
                    PrinterFault::PaperOut
                };
                p.outside.printer.set_fault(fault, Times::Once);
            }
            Switch::RobotLink if on => p.store.robot_cable().plug(),
            Switch::RobotLink => p.store.robot_cable().pull(),
            Switch::RobotJam => {
                p.jammed.store(on, Ordering::SeqCst);
                p.outside.kitchen.jam(on);
                if !on {
                    p.outside.kitchen.clear_attention();
                }
            }
            Switch::Power => p.store.power_cut().await?,
        }
        Ok(())
    }

    /// Breaks one thing.
    pub(crate) async fn break_off(&self, switch: Switch) {
        let broken = switch == Switch::RobotJam;
        if let Err(error) = self.turn(switch, broken).await {
            tracing::error!(%error, ?switch, "the switch does not turn");
        }
    }

    /// Puts everything right again.
    pub(crate) async fn mend_all(&self) {
        for switch in [
            Switch::Internet,
            Switch::Bank,
            Switch::PrinterCable,
            Switch::Paper,
            Switch::RobotLink,
        ] {
            if let Err(error) = self.turn(switch, true).await {
                tracing::error!(%error, ?switch, "the switch does not turn");
            }
        }
        if self.0.jammed.load(Ordering::SeqCst)
            && let Err(error) = self.turn(Switch::RobotJam, false).await
        {
            tracing::error!(%error, "the jam can't be cleared");
        }
        self.0.outside.printer.clear_faults();
        self.0.outside.printer.restart();
        self.0.outside.kitchen.clear_faults();
        self.0.outside.kitchen.restart();
    }

    /// The printer does something nasty with the next document.
    pub(crate) fn printer_fault(&self, which: u64) {
        let fault = match which {
            0 => PrinterFault::AnswerLost,
            1 => PrinterFault::FrameCut,
            2 => PrinterFault::WrongCrc,
            3 => PrinterFault::LinkLost { carried_out: true },
            4 => PrinterFault::PowerCut { carried_out: false },
            _ => PrinterFault::PowerCut { carried_out: true },
        };
        self.0.outside.printer.set_fault(fault, Times::Once);
    }

    /// The robot does something nasty with the next job.
    pub(crate) fn robot_fault(&self, which: u64) {
        let op = || "job.submit".to_owned();
        let fault = match which {
            0 => RobotFault::LoseAnswer { op: op() },
            1 => RobotFault::CutBeforeAct { op: op() },
            2 => RobotFault::CutAfterAct { op: op() },
            3 => RobotFault::CutFrame,
            _ => RobotFault::Duplicate,
        };
        self.0.outside.kitchen.inject(fault);
    }

    /// The next answers from the network are lost after the act.
    pub(crate) fn lose_bank_answers(&self, n: u32) {
        self.0.http.lose_answers(n);
    }
}

async fn forward_lan(State(door): State<Door>, request: Request) -> Response {
    let doors = door.0.store.doors().borrow().clone();
    match doors {
        Some(doors) => forward(doors.lan, request).await,
        None => no_power(),
    }
}

async fn forward_local(State(door): State<Door>, request: Request) -> Response {
    let doors = door.0.store.doors().borrow().clone();
    match doors {
        Some(doors) => forward(doors.local, request).await,
        None => no_power(),
    }
}

async fn forward(router: Router, request: Request) -> Response {
    let Ok(response) = router.oneshot(request).await;
    response
}

/// What a browser sees of a box without power, as far as a page can show it.
fn no_power() -> Response {
    StatusCode::BAD_GATEWAY.into_response()
}

fn broken(error: impl std::fmt::Display) -> Response {
    Problem::conflict(error.to_string()).into_response()
}

async fn switch(State(door): State<Door>, Json(turn): Json<Turn>) -> Response {
    match door.turn(turn.id, turn.on).await {
        Ok(()) => state(State(door)).await,
        Err(error) => broken(error),
    }
}

async fn pay(State(door): State<Door>, Json(pay): Json<Pay>) -> Response {
    let bank = &door.0.outside.bank;
    let paid = match pay.order_number {
        Some(number) => bank.pay(&number).map(|()| number),
        None => bank.pay_newest(),
    };
    match paid {
        Ok(number) => Json(serde_json::json!({"paid": number})).into_response(),
        Err(error) => broken(error),
    }
}

async fn end_day(State(door): State<Door>) -> Response {
    let doors = door.0.store.doors().borrow().clone();
    let Some(doors) = doors else {
        return no_power();
    };
    let closed = doors
        .site
        .command(
            crate::domain::event::Actor("manager:demo".to_owned()),
            commands::close_shift,
        )
        .await;
    match closed {
        Ok(()) => Json(serde_json::json!({"closing": true})).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn state(State(door): State<Door>) -> Response {
    let p = &door.0;
    let doors = p.store.doors().borrow().clone();
    let books = match &doors {
        Some(doors) => doors
            .site
            .store
            .read(|s| {
                let shift = s.shift()?;
                let mut paid = 0u64;
                let mut dishes = 0u64;
                // Card and cash are charged at the till; the bank's own charges are counted at the bank.
                let mut at_the_till = 0u32;
                s.each_order(None, |o| {
                    if o.paid {
                        paid += 1;
                        dishes += o.pieces.len() as u64;
                    }
                    let till = |p: &&Payment| {
                        !matches!(
                            p.tender,
                            Tender::SbpQr | Tender::Prepaid | Tender::LoyaltyPoints
                        ) && p.captured_minor > 0
                    };
                    at_the_till += o.payments.iter().filter(till).count() as u32;
                })?;
                let (mut due, mut accounted) = (0, 0);
                for books in s.shift_books()? {
                    let receipts = s.receipts_of_shift(books.shift)?;
                    let sales = receipts
                        .iter()
                        .filter(|r| r.draft.kind == ReceiptKind::Sale)
                        .count();
                    due += sales;
                    accounted += sales * usize::try_from(books.documents).unwrap_or(0);
                }
                Ok::<_, FlowError>((
                    (shift.state, paid, dishes, at_the_till, due, accounted),
                    (s.head()?.seq, s.cursor("hq")?),
                ))
            })
            .await
            .ok(),
        None => None,
    };
    let ((shift, paid, ordered, at_the_till, due, accounted), (events, hq_cursor)) =
        books.unwrap_or(((ShiftState::Closed, 0, 0, 0, 0, 0), (0, 0)));
    let switch = |id: Switch, label: &str, on: bool, kind: &str| serde_json::json!({"id": id, "label": label, "on": on, "kind": kind});
    let printer = p.outside.printer.snapshot();
    let receipts = p.outside.printer.receipts();
    let catalog = doors.as_ref().map(|d| d.site.catalog());
    let jobs = p.outside.kitchen.jobs().into_iter().map(|job| {
        let card = job.recipe.as_ref().map(|r| r.id.as_str());
        let mut dishes = catalog.iter().flat_map(|c| &c.dishes);
        let name = dishes
            .find(|d| Some(d.tech_card.0.as_str()) == card)
            .map(|d| &d.name);
        serde_json::json!({
            "job_id": job.job_id, "state": job.state, "progress_pm": job.progress_pm,
            "name": name, "order": job.order_ref,
        })
    });
    let jobs: Vec<serde_json::Value> = jobs.collect();
    let plated: u32 = p.outside.kitchen.dishes().values().map(|d| d.plated).sum();
    let bank = p.outside.bank.orders();
    let one_c = p.outside.one_c.documents();
    let hq = p.hq.stores().await.unwrap_or_default();
    Json(serde_json::json!({
        "switches": [
            switch(Switch::Internet, "Internet", p.http.internet(), "toggle"),
            switch(Switch::Bank, "Bank", p.http.bank(), "toggle"),
            switch(Switch::PrinterCable, "Printer cable", p.store.printer_cable().is_plugged(), "toggle"),
            switch(Switch::Paper, "Paper", printer.paper, "toggle"),
            switch(Switch::RobotLink, "Robot link", p.store.robot_cable().is_plugged(), "toggle"),
            switch(Switch::RobotJam, "Robot jam", p.jammed.load(Ordering::SeqCst), "toggle"),
            switch(Switch::Power, "Power", doors.is_some(), "button"),
        ],
        "links": {
            "kiosk": p.addresses.kiosk, "board": p.addresses.board, "demo": p.addresses.demo,
            "hq": p.addresses.hq, "shift_report": p.addresses.shift_report, "store_api": p.addresses.store_api,
        },
        "printer": {
            "paper_tail": p.outside.printer.paper(PAPER),
            "documents": printer.documents,
            "shift": shift,
        },
        "slips": {"paper_tail": p.outside.slips.last_lines(PAPER)},
        "robot": {"state": p.outside.kitchen.machine().state, "jobs": jobs},
        "bank": {"orders": bank.iter().map(|o| serde_json::json!({
            "order_number": o.order_number, "amount_minor": o.amount_minor,
            "state": bank_word(o.status), "charges": o.charges, "refunded_minor": o.refunded_minor,
        })).collect::<Vec<_>>()},
        "one_c": {"documents": one_c.len()},
        "sms": {"sent": p.outside.sms.sent().iter().map(|m| serde_json::json!({"text": m.text})).collect::<Vec<_>>()},
        "hq": {"events": hq_cursor, "backlog": events.saturating_sub(hq_cursor), "stores": hq.len()},
        "counts": {
            "orders": paid,
            "charges": at_the_till + bank.iter().map(|o| o.charges).sum::<u32>(),
            "receipts": receipts.iter().filter(|r| r.operation == Some(1)).count(),
            "dishes": plated,
            "dishes_ordered": ordered,
            // 1C gets one report a closed shift: its sale receipts count as many times as it is posted.
            "accounting": accounted,
            "accounting_due": due,
        },
    }))
    .into_response()
}

/// The bank's `orderStatus` in a word. [source: alfa-bank.md 3.5]
fn bank_word(status: i64) -> &'static str {
    match status {
        0 => "registered",
        1 => "held",
        2 => "paid",
        3 => "reversed",
        4 => "refunded",
        6 => "closed",
        _ => "unknown",
    }
}
