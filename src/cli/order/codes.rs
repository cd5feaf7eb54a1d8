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

/// Dishes that come back.
#[derive(Args, Debug)]
pub(super) struct BackArgs {
    /// A marked unit that comes back: its code, scanned again, or the unit as `order show --json` tells it
    #[arg(long = "unit", value_name = "CODE", conflicts_with = "amount")]
    units: Vec<String>,
    /// What stands for the separator (0x1D) in the codes
    #[arg(long, value_name = "TEXT", requires = "units")]
    gs: Option<String>,
    /// One dish of this line, by its index from 0; several times for several
    #[arg(long = "line", value_name = "INDEX", conflicts_with = "amount")]
    lines: Vec<usize>,
    /// Of marked goods that are all the same, any unit: nobody can tell which came back
    #[arg(long, requires = "lines")]
    any_unit: bool,
}

impl BackArgs {
    /// What goes back, for people.
    pub(super) fn what(&self) -> String {
        match self.units.len() + self.lines.len() {
            0 => "all that is left".to_owned(),
            1 => "what one dish cost".to_owned(),
            n => format!("what {n} dishes cost"),
        }
    }

    /// What the store is asked.
    pub(super) fn body(&self, reason: &str) -> Result<Value, Misuse> {
        let mut body = json!({ "reason": reason });
        let mut lines: Vec<(usize, u32)> = Vec::new();
        for line in &self.lines {
            match lines.iter_mut().find(|(known, _)| known == line) {
                Some((_, count)) => *count += 1,
                None => lines.push((*line, 1)),
            }
        }
        if !lines.is_empty() {
            let lines = lines.iter();
            let lines = lines.map(|(line, count)| json!({"line_id": line, "quantity": count}));
            body["lines"] = lines.collect();
        }
        if !self.units.is_empty() {
            let units = self.units.iter();
            let units = units.map(|unit| Ok(json!({ "code": with_gs(unit, self.gs.as_deref())? })));
            body["codes"] = units.collect::<Result<_, Misuse>>()?;
        }
        if self.any_unit {
            body["any_unit"] = true.into();
        }
        Ok(body)
    }
}

/// A typed code with its separators.
fn with_gs(code: &str, gs: Option<&str>) -> Result<String, Misuse> {
    match gs {
        None => Ok(code.to_owned()),
        Some("") => Err(Misuse("--gs: say what stands for the separator".to_owned())),
        Some(gs) => Ok(code.replace(gs, "\u{1d}")),
    }
}

#[derive(Args, Debug)]
pub(super) struct UnscanArgs {
    /// Number, such as A17, or id
    order: String,
    /// The unit, as `order scan` and `order show --json` tell it
    unit: String,
}

pub(super) async fn scan(client: &Client, args: ScanArgs, json: bool) -> anyhow::Result<()> {
    let one = |code: &String| -> Result<Value, Misuse> {
        Ok(match args.base64 {
            true => json!({"base64": code, "line": args.line}),
            false => json!({"code": with_gs(code, args.gs.as_deref())?, "line": args.line}),
        })
    };
    let codes: Vec<Value> = args.codes.iter().map(one).collect::<Result<_, _>>()?;
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
