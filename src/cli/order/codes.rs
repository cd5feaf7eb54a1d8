//! `galley order scan` and `unscan`: marking codes of an order.

use crate::cli::{
    client::{Client, segment},
    exit::Misuse,
    order::find,
    output::{View, print, print_json},
};
use clap::Args;
use serde_json::{Value, json};

/// Codes of marked goods.
#[derive(Args, Debug)]
#[command(
    after_help = "A scanner that is a keyboard types no separators: take it as a serial port, or give its bytes as base64.\n\n\
    Examples:\n\
    \x20 galley order scan A17 \"$(cat /dev/ttyACM1 | head -1)\"\n\
    \x20 galley order scan A17 --base64 MDEwNDYwNzAxMDM1MDI0NjIxNWtSZEctMSUyKFVtVh05M2RHVno=\n\
    \x20 galley order scan A17 '0104607010350246215kRdG-1%2(UmV<GS>93dGVz' --gs '<GS>'"
)]
pub(super) struct ScanArgs {
    /// Number, such as A17, or id
    order: String,
    /// The codes, as they were scanned
    #[arg(required = true)]
    codes: Vec<String>,
    /// They are base64 of the scanner's bytes
    #[arg(long, conflicts_with = "gs")]
    base64: bool,
    /// What stands for the separator (0x1D) in them
    #[arg(long, value_name = "TEXT")]
    gs: Option<String>,
    /// Index of the line they are for, from 0; the first that wants them when none
    #[arg(long)]
    line: Option<usize>,
}

#[derive(Args, Debug)]
pub(super) struct UnscanArgs {
    /// Number, such as A17, or id
    order: String,
    /// The unit, as `order scan` and `order show --json` tell it
    unit: String,
}

pub(super) async fn scan(client: &Client, args: ScanArgs, json: bool) -> anyhow::Result<()> {
    if args.gs.as_deref() == Some("") {
        return Err(Misuse("--gs: say what stands for the separator".to_owned()).into());
    }
    let codes: Vec<Value> = args
        .codes
        .iter()
        .map(|code| match (&args.gs, args.base64) {
            (_, true) => json!({"base64": code, "line": args.line}),
            (Some(gs), _) => json!({"code": code.replace(gs, "\u{1d}"), "line": args.line}),
            (None, _) => json!({"code": code, "line": args.line}),
        })
        .collect();
    let id = find(client, &args.order).await?;
    let path = format!("/orders/{}/codes", segment(&id));
    show(&client.post(&path, &json!({ "codes": codes })).await?, json)
}

pub(super) async fn unscan(client: &Client, args: UnscanArgs, json: bool) -> anyhow::Result<()> {
    let id = find(client, &args.order).await?;
    let path = format!("/orders/{}/codes/release", segment(&id));
    show(&client.post(&path, &json!({"cis": args.unit})).await?, json)
}

fn show(order: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(order);
    }
    let mut text = String::new();
    for line in View(order).each("lines") {
        if line.0["marked"].is_null() {
            continue;
        }
        text += &format!("{}\n", line.text("name.en"));
        for unit in line.0["marked"]["units"].as_array().into_iter().flatten() {
            text += &format!("  {}\n", unit.as_str().unwrap_or_default());
        }
        match line.0["marked"]["missing"].as_u64() {
            Some(0) | None => {}
            Some(n) => text += &format!("  {n} still to be scanned\n"),
        }
    }
    Ok(print(&text)?)
}
