//! `galley fiscal correct`: corrections of sales that went without a receipt, and of receipts that are wrong.

use crate::cli::{
    client::{CallError, Client, Door, segment},
    complete,
    exit::{Exit, Misuse},
    order::{find, minor},
    output::{View, money, print, print_json},
};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Make good a sale that went without a receipt, or a receipt that is wrong.
#[derive(Args, Debug)]
#[command(
    after_help = "A correction has the date of the settlement and the rates of VAT of that day. Who and why go into the log\n\
    and stay there. An order gets one correction at most, and only while its own receipt can't come any more.\n\
    galley reconcile names the orders that need one.\n\
    A wrong receipt is taken back with the same lines and the opposite sign, then the right one is registered; both\n\
    carry the wrong document's fiscal sign (tag 1192). By the tax office's order: --prescription.\n\n\
    Examples:\n\
    \x20 galley fiscal correct order A17 --who 'Anna Petrova' \\\n\
    \x20     --why 'printer was broken' --served\n\
    \x20 galley fiscal correct sale --sum 450 --tender cash --vat none \\\n\
    \x20     --date 2026-11-21 --name 'Plov' --who 'Anna Petrova' \\\n\
    \x20     --why 'sold by hand in a power cut'\n\
    \x20 galley fiscal correct receipt A17 --line 0 --vat none \\\n\
    \x20     --who 'Anna Petrova' --why 'registered with VAT'\n\
    \x20 galley fiscal correct receipt A17 --tender cash=450 --who 'Anna Petrova' --why 'paid in cash'\n\
    \x20 galley fiscal correct receipt --document 4711 --nothing-right \\\n\
    \x20     --who 'Anna Petrova' --why 'registered twice' \\\n\
    \x20     --prescription 17-05/123 --prescription-date 2026-11-20"
)]
pub(super) struct CorrectArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An order that was paid and has no receipt
    Order {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
        #[command(flatten)]
        by: By,
        /// Day of the settlement, YYYY-MM-DD; the order's own when none
        #[arg(long)]
        date: Option<String>,
        /// The guest has the dishes; without it, those that wait are cooked now
        #[arg(long)]
        served: bool,
    },
    /// A registered receipt that is wrong: it is taken back, then the right one is registered
    Receipt(WrongArgs),
    /// A sale that Galley knows no order of
    Sale {
        /// Sum, such as 450.50
        #[arg(long)]
        sum: String,
        /// How it was paid: cash, card_terminal or sbp_qr
        #[arg(long)]
        tender: String,
        /// Class of VAT, as in the catalog, such as none or standard
        #[arg(long)]
        vat: String,
        /// Day of the settlement, YYYY-MM-DD
        #[arg(long)]
        date: String,
        /// What was sold, in words
        #[arg(long)]
        name: String,
        /// It was a service, no goods
        #[arg(long)]
        service: bool,
        #[command(flatten)]
        by: By,
    },
}

/// Who answers for it.
#[derive(Args, Debug)]
struct By {
    /// Who decides it
    #[arg(long)]
    who: String,
    /// Why: what went wrong
    #[arg(long)]
    why: String,
    /// Number of the tax office's order to do it (tag 1179); of our own accord when none
    #[arg(long, value_name = "NUMBER", requires = "prescription_date")]
    prescription: Option<String>,
    /// Date of that order, YYYY-MM-DD
    #[arg(long, value_name = "DAY", requires = "prescription")]
    prescription_date: Option<String>,
}

impl By {
    /// Adds itself to a request's body.
    fn said(self, mut body: Value) -> Value {
        body["who"] = self.who.into();
        body["why"] = self.why.into();
        if let (Some(number), Some(date)) = (self.prescription, self.prescription_date) {
            body["prescription"] = json!({"number": number, "date": date});
        }
        body
    }
}

/// A wrong receipt.
#[derive(Args, Debug)]
struct WrongArgs {
    /// Number of its order, such as A17, or id: the order's sale
    #[arg(required_unless_present = "document")]
    order: Option<String>,
    /// Its fiscal document number, for any other receipt
    #[arg(long, conflicts_with = "order")]
    document: Option<u32>,
    #[command(flatten)]
    by: By,
    /// Day of the settlement, YYYY-MM-DD; the receipt's own when none
    #[arg(long)]
    date: Option<String>,
    /// The line that was wrong, from 0: with --name, --vat, --subject or --price
    #[arg(long, value_name = "N")]
    line: Option<usize>,
    /// What should have stood there
    #[arg(long, requires = "line")]
    name: Option<String>,
    /// The right class of VAT, as in the catalog
    #[arg(long, requires = "line")]
    vat: Option<String>,
    /// commodity or service
    #[arg(long, requires = "line")]
    subject: Option<String>,
    /// The right price of one, such as 450.50
    #[arg(long, requires = "line")]
    price: Option<String>,
    /// How it was really paid, such as cash=450.50; once for each part
    #[arg(long, value_name = "TENDER=SUM")]
    tender: Vec<String>,
    /// The receipt should never have been: it is only taken back
    #[arg(long, conflicts_with_all = ["line", "tender"])]
    nothing_right: bool,
}

impl WrongArgs {
    fn right(&self) -> Result<Value, Misuse> {
        if self.nothing_right {
            return Ok(Value::Null);
        }
        if self.line.is_none() && self.tender.is_empty() {
            return Err(Misuse(
                "say what was wrong: --line with --name, --vat, --subject or --price; --tender; or --nothing-right"
                    .to_owned(),
            ));
        }
        let mut tenders = Vec::new();
        for part in &self.tender {
            let (tender, sum) = part
                .split_once('=')
                .ok_or_else(|| Misuse(format!("--tender {part}: write it like cash=450.50")))?;
            tenders.push(json!({"tender": tender, "sum_minor": minor("--tender", sum)?}));
        }
        let mut lines = Vec::new();
        if let Some(line) = self.line {
            let price = self.price.as_deref().map(|p| minor("--price", p));
            lines.push(json!({
                "line": line, "name": self.name, "vat": self.vat, "subject": self.subject,
                "price_minor": price.transpose()?,
            }));
        }
        Ok(json!({"lines": lines, "tenders": tenders}))
    }
}

pub(super) async fn execute(
    client: &Client,
    door: &Door,
    args: CorrectArgs,
) -> anyhow::Result<ExitCode> {
    let (path, body) = match args.what {
        What::Order {
            order,
            by,
            date,
            served,
        } => (
            format!("/orders/{}/correction", find(client, &order).await?),
            by.said(json!({"date": date, "served": served})),
        ),
        What::Receipt(wrong) => {
            let right = wrong.right()?;
            let receipt = match (&wrong.order, wrong.document) {
                (Some(order), _) => standing(client, order).await?,
                (None, number) => number.unwrap_or_default().to_string(),
            };
            (
                format!("/receipts/{}/correction", segment(&receipt)),
                wrong.by.said(json!({"date": wrong.date, "right": right})),
            )
        }
        What::Sale {
            sum,
            tender,
            vat,
            date,
            name,
            service,
            by,
        } => (
            "/shift/correction".to_owned(),
            by.said(json!({
                "sum_minor": minor("--sum", &sum)?, "tender": tender, "vat": vat, "date": date, "name": name,
                "subject": if service { "service" } else { "commodity" },
            })),
        ),
    };
    let what = match body["sum_minor"].as_i64() {
        Some(sum) => format!("a correction over {}", money(sum)),
        None if body.get("right").is_some_and(Value::is_null) => {
            "a receipt that takes the wrong one back".to_owned()
        }
        None if body.get("right").is_some() => {
            "a receipt that takes the wrong one back, and the right one".to_owned()
        }
        None => "a correction over what was paid and has no receipt".to_owned(),
    };
    door.confirm(&format!(
        "The printer registers {what}. It goes to the tax office and can't be taken back."
    ))?;
    let answer = client.post(&path, &body).await?;
    if door.json {
        print_json(&answer)?;
    } else {
        print(&format!(
            "the printer registers a correction over {}; see: galley fiscal last\n",
            View(&answer).money("total_minor")
        ))?;
    }
    Ok(Exit::Done.into())
}

/// Our key of the sale receipt of an order that stands: the last one registered that no other has taken back.
async fn standing(client: &Client, order: &str) -> anyhow::Result<String> {
    let id = find(client, order).await?;
    let answer = client.get(&format!("/orders/{}", segment(&id))).await?;
    let sale = answer["receipts"]
        .as_array()
        .into_iter()
        .flatten()
        .rfind(|r| {
            r["kind"] == "sale"
                && r["state"] == "registered"
                && r["correction"]["wrong"]["takes_back"] != true
        });
    match sale.and_then(|r| r["key"].as_str()) {
        Some(key) => Ok(key.to_owned()),
        None => Err(CallError::NoSuch("registered sale receipt of this order".into()).into()),
    }
}
