//! The acts of the matrix: how each is brought about through the store's public door, and when it is over.

use super::Which;
use crate::{
    simulate::rig::{KIOSK, Rig, STAFF},
    store::StoreError,
};
use galley_atol::emulator::EmulatedDocument;
use galley_robot::MachineState;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a person looks whether it is over.
const LOOK: Duration = Duration::from_millis(20);
/// And at the longest, while it takes long.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// Pause before a request that was not answered is repeated.
const AGAIN: Duration = Duration::from_millis(700);
/// Everything must come to its end within this time.
const PATIENCE: Duration = Duration::from_mins(15);

/// One act of the store on the outside world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    ShiftOpen,
    Sale,
    Return,
    ShiftClose,
    Submit,
    Collect,
    Pause,
    Resume,
    Register,
    Capture,
    Refund,
    Close,
    LateMoney,
}

impl Act {
    /// Those of a matrix.
    pub(super) fn of(which: Which) -> &'static [Self] {
        match which {
            Which::Fiscal => &[Self::Sale, Self::Return, Self::ShiftOpen, Self::ShiftClose],
            Which::Robot => &[Self::Submit, Self::Collect, Self::Pause, Self::Resume],
            Which::Bank => &[
                Self::Register,
                Self::Capture,
                Self::Refund,
                Self::Close,
                Self::LateMoney,
            ],
        }
    }

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ShiftOpen => "shift-open",
            Self::Sale => "sale-receipt",
            Self::Return => "return-receipt",
            Self::ShiftClose => "shift-close",
            Self::Submit => "submit",
            Self::Collect => "collect",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Register => "register",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Close => "close",
            Self::LateMoney => "close-and-late-money",
        }
    }

    /// The robot's word for the command it is made of.
    pub(super) fn robot_command(self) -> Option<&'static str> {
        match self {
            Self::Submit => Some("job.submit"),
            Self::Collect => Some("job.collect"),
            Self::Pause | Self::Resume => Some("machine.cmd"),
            _ => None,
        }
    }
}

/// Documents in the fiscal drive, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Documents {
    pub(super) opened: usize,
    pub(super) closed: usize,
    pub(super) sales: usize,
    pub(super) returns: usize,
}

impl Documents {
    /// Those that are there.
    pub(super) fn read(rig: &Rig) -> Self {
        let all = rig.outside().printer.documents();
        let count = |fits: fn(&EmulatedDocument) -> bool| all.iter().filter(|d| fits(d)).count();
        Self {
            opened: count(|d| d.kind == 2),
            closed: count(|d| d.kind == 5),
            sales: count(|d| d.kind == 3 && d.operation == Some(1)),
            returns: count(|d| d.kind == 3 && d.operation == Some(2)),
        }
    }

    /// Those that came since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            opened: self.opened - before.opened,
            closed: self.closed - before.closed,
            sales: self.sales - before.sales,
            returns: self.returns - before.returns,
        }
    }
}

/// One store in which one act is done. An error is what did not come about, in a sentence.
pub(super) struct Scene {
    pub(super) rig: Rig,
    pub(super) act: Act,
    /// The order that it is about.
    pub(super) order: String,
    /// The payment that it is about.
    pub(super) payment: String,
    /// What was in the drive before.
    pub(super) before: Documents,
    /// The fault takes the robot's power, and with it what it was told.
    pub(super) robot_loses_power: bool,
}

type Done<T = ()> = Result<T, String>;

impl Scene {
    /// A store in which the act can begin at once.
    pub(super) async fn prepare(rig: Rig, act: Act) -> Done<Self> {
        let mut scene = Self {
            rig,
            act,
            order: String::new(),
            payment: String::new(),
            before: Documents::default(),
            robot_loses_power: false,
        };
        scene
            .until("both devices are up", LOOK * 5, async |s: &Self| {
                let list = s.get("devices").await?;
                let up = |id: &str| {
                    list["devices"]
                        .as_array()
                        .is_some_and(|d| d.iter().any(|d| d["id"] == id && d["state"] == "up"))
                };
                Some(up("printer") && up("robot"))
            })
            .await?;
        if act != Act::ShiftOpen {
            scene.post(STAFF, "shift/open", "open", json!({})).await?;
            scene
                .until("the shift is open", LOOK, async |s: &Self| {
                    Some(s.get("shift").await?["state"] == "open")
                })
                .await?;
            if act != Act::ShiftClose {
                scene.place().await?;
            }
        }
        match act {
            Act::ShiftOpen | Act::ShiftClose | Act::Register => {}
            Act::Sale | Act::Submit => scene.begin_payment("card_terminal").await?,
            Act::Return => scene.sell("card_terminal").await?,
            Act::Collect => {
                scene.begin_payment("card_terminal").await?;
                scene.approve().await?;
                scene.until_order("ready").await?;
            }
            Act::Pause | Act::Resume => {
                scene.begin_payment("card_terminal").await?;
                scene.approve().await?;
                scene
                    .until("the dish is in work", LOOK, async |s: &Self| {
                        let order = s.show_order().await?;
                        Some(order["dishes"][0]["state"] == "cooking")
                    })
                    .await?;
                if act == Act::Resume {
                    scene.post(STAFF, "robot/pause", "pause", json!({})).await?;
                    scene.until_machine(&MachineState::Held).await?;
                }
            }
            Act::Capture | Act::Close | Act::LateMoney => {
                scene.begin_payment("sbp_qr").await?;
                scene.until_code().await?;
            }
            Act::Refund => scene.sell("sbp_qr").await?,
        }
        // A dish that stands there is taken, and one that is in work goes on.
        if !matches!(act, Act::Collect | Act::Pause | Act::Resume) {
            sleep(LOOK * 100).await;
        }
        scene.before = Documents::read(&scene.rig);
        Ok(scene)
    }

    /// Lets it begin; ends when the store has given its word, or the guest has done it.
    pub(super) async fn begin(&mut self) -> Done {
        let order = self.order.clone();
        match self.act {
            Act::ShiftOpen => self.post(STAFF, "shift/open", "act", json!({})).await,
            Act::ShiftClose => self.post(STAFF, "shift/close", "act", json!({})).await,
            Act::Sale | Act::Submit => self.approve().await.map(|()| Value::Null),
            Act::Return | Act::Refund => {
                let body = json!({"reason": "it was cold"});
                let path = format!("orders/{order}/refunds");
                self.post(STAFF, &path, "act", body).await
            }
            Act::Collect => {
                let path = format!("orders/{order}/hand-over");
                self.post(STAFF, &path, "act", json!({})).await
            }
            Act::Pause => self.post(STAFF, "robot/pause", "act", json!({})).await,
            Act::Resume => self.post(STAFF, "robot/resume", "act", json!({})).await,
            Act::Register => self.begin_payment("sbp_qr").await.map(|()| Value::Null),
            Act::Capture => self.pay_at_the_bank().map(|()| Value::Null),
            Act::Close => self.cancel().await,
            Act::LateMoney => {
                let cancelled = self.cancel().await?;
                // The bank may have closed the code already; then the guest keeps the money.
                let _ = self.pay_at_the_bank();
                Ok(cancelled)
            }
        }
        .map(|_| ())
    }

    /// Waits until it is over.
    pub(super) async fn end(&self) -> Done {
        match self.act {
            Act::ShiftOpen => self.until_shift("open").await,
            Act::ShiftClose => self.until_shift("closed").await,
            Act::Sale => self.until_receipt("sale").await,
            Act::Return => self.until_receipt("sale_return").await,
            Act::Submit => self.until_one_of(&["ready", "refunded"]).await,
            Act::Collect => {
                self.until_order("closed").await?;
                self.until(
                    "the robot knows that the dish is gone",
                    LOOK,
                    async |s: &Self| {
                        let jobs = s.rig.outside().kitchen.jobs();
                        Some(jobs.iter().all(|j| j.state.is_final()) && s.through("robot.").await?)
                    },
                )
                .await
            }
            Act::Pause => self.until_told(&MachineState::Held).await,
            Act::Resume => self.until_resumed().await,
            Act::Register => {
                self.until("the payment has a code", LOOK, async |s: &Self| {
                    let payment = s.show_payment().await?;
                    Some(payment["qr"].is_object() || payment["state"] == "closed")
                })
                .await
            }
            Act::Capture => {
                self.until("the money is in", LOOK, async |s: &Self| {
                    Some(s.show_payment().await?["state"] == "captured")
                })
                .await
            }
            Act::Refund => self.until_order("refunded").await,
            Act::Close | Act::LateMoney => {
                self.until("the bank is through", LOOK, async |s: &Self| {
                    let orders = s.rig.outside().bank.orders();
                    let even = orders
                        .iter()
                        .all(|o| o.status != 0 && o.deposited_minor == o.refunded_minor);
                    Some(even && s.through("bank.").await?)
                })
                .await
            }
        }
    }

    /// Lets the rest of the story happen, as guests and staff do.
    pub(super) async fn finish(&mut self) -> Done {
        match self.act {
            // After a loss of its power the robot is ready again by itself.
            Act::Pause if self.rig.outside().kitchen.machine().state == MachineState::Held => {
                self.post(STAFF, "robot/resume", "resume", json!({}))
                    .await?;
                self.until_one_of(&["ready", "refunded"]).await
            }
            Act::Register => {
                let payment = self.show_payment().await.unwrap_or_default();
                if payment["qr"].is_object() {
                    self.pay_at_the_bank()?;
                } else {
                    // The guest was told that the bank sent no code, and pays by card.
                    self.begin_payment("card_terminal").await?;
                    self.approve().await?;
                }
                self.until_one_of(&["ready", "refunded"]).await
            }
            Act::Sale | Act::Pause | Act::Resume | Act::Capture => {
                self.until_one_of(&["ready", "refunded"]).await
            }
            _ => Ok(()),
        }
    }

    /// Waits until both devices are back, however the fault left them.
    pub(super) async fn until_back(&self) -> Done {
        self.until_machine(&MachineState::Execute).await?;
        self.until("both devices are back", LOOK, async |s: &Self| {
            let robot = s.get("robot/status").await?;
            Some(robot["ready"] == true && s.get("fiscal/status").await.is_some())
        })
        .await
    }

    /// Closes the shift, where it is open.
    pub(super) async fn close_the_day(&self) -> Done {
        if self.act != Act::ShiftClose {
            self.post(STAFF, "shift/close", "night", json!({})).await?;
        }
        self.until_shift("closed").await
    }

    async fn place(&mut self) -> Done {
        let dish = self.rig.outside().catalog.dishes.first();
        let dish = dish.ok_or("there is no dish")?.id.0.clone();
        let wish = json!({
            "language": "en", "service": "here",
            "lines": [{"dish_id": dish, "quantity": 1}],
        });
        let until = Instant::now() + PATIENCE;
        for n in 0.. {
            let answer = self
                .ask(KIOSK, "orders", &format!("place-{n}"), &wish)
                .await?;
            if answer.0 == 201 {
                self.order = answer.1["id"].as_str().unwrap_or_default().to_owned();
                break;
            }
            if Instant::now() >= until {
                return Err(format!("no order is taken: {}", answer.1));
            }
            sleep(AGAIN).await;
        }
        Ok(())
    }

    async fn sell(&mut self, tender: &str) -> Done {
        self.begin_payment(tender).await?;
        if tender == "sbp_qr" {
            self.until_code().await?;
            self.pay_at_the_bank()?;
        } else {
            self.approve().await?;
        }
        self.until_order("ready").await
    }

    async fn begin_payment(&mut self, tender: &str) -> Done {
        let path = format!("orders/{}/payments", self.order);
        let body = json!({"tender": tender});
        let until = Instant::now() + PATIENCE;
        for n in 0.. {
            let key = format!("pay-{tender}-{n}");
            let (status, answer) = self.ask(KIOSK, &path, &key, &body).await?;
            if status == 201 {
                self.payment = answer["id"].as_str().unwrap_or_default().to_owned();
                break;
            }
            // The daemon has not yet seen that the bank can be reached.
            if answer["slug"] != "tender_unavailable" || Instant::now() >= until {
                return Err(format!("no payment can be begun: {status} {answer}"));
            }
            sleep(AGAIN).await;
        }
        Ok(())
    }

    async fn approve(&self) -> Done {
        let payment = self.show_payment().await.ok_or("no payment is shown")?;
        let body = json!({
            "result": "approved", "external_id": format!("pos-{}", self.payment),
            "amount_minor": payment["amount_minor"], "rrn": "000000000001",
        });
        let path = format!("payments/{}/result", self.payment);
        self.post(STAFF, &path, "till", body).await.map(|_| ())
    }

    async fn cancel(&self) -> Done<Value> {
        let path = format!("orders/{}/cancel", self.order);
        self.post(KIOSK, &path, "act", json!({})).await
    }

    fn pay_at_the_bank(&self) -> Done {
        let bank = &self.rig.outside().bank;
        let number = self.order.replace('-', "");
        let open = bank.orders().into_iter().rev();
        let open = open
            .filter(|o| o.status == 0)
            .find(|o| o.order_number.starts_with(&number));
        let open = open.ok_or("the bank has no open order")?.order_number;
        bank.pay(&open)
            .map_err(|e| format!("the guest can't pay: {e:?}"))
    }

    async fn until_code(&self) -> Done {
        self.until("the payment has a code", LOOK, async |s: &Self| {
            Some(s.show_payment().await?["qr"].is_object())
        })
        .await
    }

    async fn until_order(&self, state: &str) -> Done {
        self.until_one_of(&[state]).await
    }

    async fn until_one_of(&self, states: &[&str]) -> Done {
        let what = format!("the order is {}", states.join(" or "));
        self.until(&what, LOOK, async |s: &Self| {
            let order = s.show_order().await?;
            Some(states.iter().any(|state| order["state"] == **state))
        })
        .await
    }

    async fn until_shift(&self, state: &str) -> Done {
        self.until(&format!("the shift is {state}"), LOOK, async |s: &Self| {
            Some(s.get("shift").await?["state"] == state)
        })
        .await
    }

    async fn until_receipt(&self, kind: &str) -> Done {
        let what = format!("the receipt of kind {kind} is registered");
        self.until(&what, LOOK, async |s: &Self| {
            let order = s.show_order().await?;
            let receipts = order["receipts"].as_array()?;
            Some(
                receipts
                    .iter()
                    .any(|r| r["kind"] == kind && r["state"] == "registered"),
            )
        })
        .await
    }

    /// Whether no effect of these kinds is under way.
    async fn through(&self, kinds: &'static str) -> Option<bool> {
        let site = self.rig.site()?;
        let live = site
            .store
            .read(move |s| -> Result<_, StoreError> {
                Ok(s.live_effects()?.iter().any(|e| e.kind.starts_with(kinds)))
            })
            .await;
        live.ok().map(|live| !live)
    }

    /// Waits until the robot stands as it was told to; where it lost its power, until it has been told.
    async fn until_told(&self, state: &MachineState) -> Done {
        if !self.robot_loses_power {
            self.until_machine(state).await?;
        }
        self.until("the robot is told", LOOK, async |s: &Self| {
            s.through("robot.machine").await
        })
        .await
    }

    /// Waits until the robot goes on. A word that would reach it too late moves nothing: staff are told, look, and ask
    /// again.
    async fn until_resumed(&self) -> Done {
        let goes_on = |s: &Self| s.rig.outside().kitchen.machine().state == MachineState::Execute;
        self.until(
            "the robot goes on, or staff are told that it was too late",
            LOOK,
            async |s: &Self| Some(goes_on(s) || s.was_too_late().await?),
        )
        .await?;
        if !goes_on(self) {
            self.post(STAFF, "robot/resume", "again", json!({})).await?;
        }
        self.until_told(&MachineState::Execute).await
    }

    async fn was_too_late(&self) -> Option<bool> {
        let open = self.get("alerts").await?;
        let told = |a: &Value| {
            a["detail"]
                .as_str()
                .is_some_and(|d| d.starts_with("too_late"))
        };
        Some(open["alerts"].as_array()?.iter().any(told))
    }

    async fn until_machine(&self, state: &MachineState) -> Done {
        let what = format!("the robot is {state:?}");
        self.until(&what, LOOK, async |s: &Self| {
            Some(s.rig.outside().kitchen.machine().state == *state)
        })
        .await
    }

    /// Waits until it is so; what can't be seen is not so.
    async fn until(
        &self,
        what: &str,
        pause: Duration,
        so: impl AsyncFn(&Self) -> Option<bool>,
    ) -> Done {
        let began = Instant::now();
        while so(self).await != Some(true) {
            let waited = began.elapsed();
            if waited >= PATIENCE {
                return Err(format!(
                    "{} minutes later this is not so: {what}",
                    PATIENCE.as_secs() / 60
                ));
            }
            // Only an act that nothing disturbs is worth a close look.
            sleep(pause.max(waited / 10).min(LONGEST_LOOK)).await;
        }
        Ok(())
    }

    pub(super) async fn show_order(&self) -> Option<Value> {
        self.get(&format!("orders/{}", self.order)).await
    }

    pub(super) async fn show_payment(&self) -> Option<Value> {
        self.get(&format!("payments/{}", self.payment)).await
    }

    /// What the store's door shows.
    pub(super) async fn get(&self, path: &str) -> Option<Value> {
        match self.rig.call("GET", path, STAFF, None, &Value::Null).await {
            Some((200, answer)) => Some(answer),
            _ => None,
        }
    }

    /// A request, repeated with its key until the store gives a verdict.
    async fn ask(&self, token: &str, path: &str, key: &str, body: &Value) -> Done<(u16, Value)> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.rig.call("POST", path, token, Some(key), body).await {
                Some((status, answer)) if status < 500 || answer["slug"] == "not_accepting" => {
                    return Ok((status, answer));
                }
                _ if Instant::now() >= until => return Err(format!("{path} is not answered")),
                _ => sleep(AGAIN).await,
            }
        }
    }

    /// As [`Scene::ask`], and it must be granted.
    async fn post(&self, token: &str, path: &str, key: &str, body: Value) -> Done<Value> {
        let (status, answer) = self.ask(token, path, key, &body).await?;
        if status >= 300 {
            return Err(format!("{path} is refused: {status} {answer}"));
        }
        Ok(answer)
    }
}
