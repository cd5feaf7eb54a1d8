//! Whether an act held: exactly one document of the act, and a truthful answer at the door.

use super::act::{Act, Documents, Scene};
use crate::simulate::check::Violation;
use galley_robot::MachineState;
use serde_json::Value;

/// Judges what came of the act, when nothing is under way any more.
pub(super) async fn judge(scene: &Scene) -> Vec<Violation> {
    let mut broken = Vec::new();
    let mut say = |invariant: &'static str, what: String| {
        broken.push(Violation {
            invariant,
            what,
            order: (!scene.order.is_empty()).then(|| scene.order.clone()),
        });
    };
    let order = if scene.order.is_empty() {
        Value::Null
    } else {
        scene.show_order().await.unwrap_or_default()
    };
    let came = Documents::read(&scene.rig).since(scene.before);
    let given_back = order["state"] == "refunded";
    let wanted = wanted(scene.act, given_back);
    if came != wanted {
        say(
            "exactly one document",
            format!("{came:?} came, and {wanted:?} was to come"),
        );
    }
    for what in [
        receipts(scene, &order),
        shift(scene).await,
        last_document(scene).await,
        dishes(scene, &order),
        machine(scene).await,
        bank(scene, &order),
    ]
    .into_iter()
    .flatten()
    {
        say("a truthful answer", what);
    }
    broken
}

/// Documents that the act and its finish bring.
fn wanted(act: Act, given_back: bool) -> Documents {
    let mut wanted = Documents::default();
    match act {
        Act::ShiftOpen => wanted.opened = 1,
        Act::ShiftClose => wanted.closed = 1,
        Act::Return | Act::Refund => wanted.returns = 1,
        Act::Sale | Act::Submit | Act::Register | Act::Capture => {
            wanted.sales = 1;
            // A dish that can't be cooked is given back with a document of its own.
            wanted.returns = usize::from(given_back);
        }
        Act::Collect | Act::Pause | Act::Resume => wanted.returns = usize::from(given_back),
        Act::Close | Act::LateMoney => {}
    }
    wanted
}

/// Each receipt that the order shows is in the drive, number by number and sign by sign.
fn receipts(scene: &Scene, order: &Value) -> Option<String> {
    let documents = scene.rig.outside().printer.documents();
    for shown in order["receipts"].as_array().into_iter().flatten() {
        let there = documents.iter().find(|d| {
            shown["document_number"] == d.number && d.key.as_deref() == shown["key"].as_str()
        });
        let operation = if shown["kind"] == "sale" { 1 } else { 2 };
        let same = there.is_some_and(|d| {
            shown["fiscal_sign"] == d.sign
                && shown["total_minor"] == d.total_minor
                && d.operation == Some(operation)
        });
        if shown["state"] != "registered" || !same {
            return Some(format!("the order shows {shown}, the drive has {there:?}"));
        }
    }
    None
}

async fn shift(scene: &Scene) -> Option<String> {
    let shown = scene.get("shift").await.unwrap_or_default();
    let real = scene.rig.outside().printer.snapshot();
    let state = if real.shift_open { "open" } else { "closed" };
    (shown["state"] != state || shown["number"] != real.shift)
        .then(|| format!("the shift is shown as {shown}, and the till has {real:?}"))
}

async fn last_document(scene: &Scene) -> Option<String> {
    let shown = scene.get("fiscal/last").await.unwrap_or_default();
    let real = scene.rig.outside().printer.snapshot().last_document;
    (shown["document_number"] != real)
        .then(|| format!("the last document is shown as {shown}, and the drive has {real}"))
}

/// One dish for the order, or the money back and none.
fn dishes(scene: &Scene, order: &Value) -> Option<String> {
    let plated: u32 = scene
        .rig
        .outside()
        .kitchen
        .dishes()
        .values()
        .map(|d| d.plated)
        .sum();
    let state = order["state"].as_str()?;
    let wanted = match state {
        "ready" | "closed" => 1,
        "refunded" if matches!(scene.act, Act::Return | Act::Refund) => 1,
        _ => 0,
    };
    (plated != wanted).then(|| format!("{plated} dishes were plated for an order that is {state}"))
}

/// The robot works again, did nothing twice, and the screens say so.
async fn machine(scene: &Scene) -> Option<String> {
    let executions = scene.rig.outside().kitchen.executions();
    if let Some((command, n)) = executions.iter().find(|(_, n)| **n > 1) {
        return Some(format!("the robot carried command {command} out {n} times"));
    }
    let real = scene.rig.outside().kitchen.machine().state;
    if real != MachineState::Execute {
        return Some(format!("the robot is {real:?} when all is over"));
    }
    let shown = scene.get("robot/status").await.unwrap_or_default();
    (shown["state"] != real.as_str() || shown["ready"] != true)
        .then(|| format!("the robot works, and is shown as {shown}"))
}

/// What the payment says is what the bank has.
fn bank(scene: &Scene, order: &Value) -> Option<String> {
    let orders = scene.rig.outside().bank.orders();
    for payment in order["payments"].as_array().into_iter().flatten() {
        if payment["tender"] != "sbp_qr" {
            continue;
        }
        let captured = payment["state"] == "captured";
        let charged: i64 = orders.iter().map(|o| o.deposited_minor).sum();
        let back: i64 = orders.iter().map(|o| o.refunded_minor).sum();
        let shown = if captured {
            payment["amount_minor"].as_i64().unwrap_or_default()
        } else {
            0
        };
        if charged != shown || payment["refunded_minor"] != back {
            return Some(format!(
                "the payment is shown as {payment}; the bank took {charged} and gave {back} back"
            ));
        }
    }
    if orders.len() > 1 {
        return Some(format!(
            "the bank has {} orders for one payment",
            orders.len()
        ));
    }
    let left_open = orders.iter().any(|o| o.status == 0);
    left_open.then(|| "an order is left open at the bank".to_owned())
}
