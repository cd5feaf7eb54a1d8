//! The fiscal printer, asked directly: what it says of itself, its clock and tables, and paper that is no document.
//! Staff may read and have paper printed; technicians and managers change things. Whoever asks for an act stands in
//! the log before it is done. An act is done once for each Idempotency-Key.

use super::{
    Api, Caller, Problem,
    auth::{Role, STAFF, TECHNICIANS},
    body::Post,
    extract::Path,
    lan,
    orders::Nothing,
};
use crate::{
    devices::{
        fiscal::{Printer, slips},
        slip_printer::{Station, in_words},
    },
    domain::{
        event::Body,
        fiscal_law::{Facts, Finding, Limits},
        ids::OrderId,
        order::Order,
        text::Language,
    },
    flow::{law, record::record},
    store::StoreError,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use galley_fiscal::{
    Align, DriveInfo, FiscalError, FiscalRecord, PrinterInfo, Registration, ShiftTotals, Slip,
    SlipItem, TableCell,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Lines of a slip that people write themselves.
const LONGEST_SLIP: usize = 200;

impl From<FiscalError> for Problem {
    fn from(error: FiscalError) -> Self {
        match error {
            FiscalError::Refused { text, advice, .. } => {
                Self::device_refused(format!("{text}. {advice}"))
            }
            FiscalError::Unsupported(text) => Self::device_cannot(text),
            e => Self::device_away(e.to_string()),
        }
    }
}

fn printer(api: &Api, caller: &Caller, roles: &[Role]) -> Result<std::sync::Arc<Printer>, Problem> {
    caller.need(roles)?;
    api.printer.clone().ok_or_else(super::devices::no_printer)
}

/// Who it is and what it can do.
#[utoipa::path(get, path = "/devices/printer/info", tag = "staff", responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn info(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<PrinterInfo>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    let info = printer
        .ask(|p| Box::pin(async move { Ok(p.info().clone()) }))
        .await?;
    Ok(Json(info))
}

/// How the printer is registered with the tax office.
#[utoipa::path(get, path = "/devices/printer/registration", tag = "staff", responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn registration(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Registration>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    Ok(Json(printer.ask(|p| p.registration()).await?))
}

/// The fiscal drive: how long it lasts, how full it is, what waits for the OFD.
#[utoipa::path(get, path = "/devices/printer/drive", tag = "staff", responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn drive(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<DriveInfo>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    Ok(Json(printer.ask(|p| p.drive()).await?))
}

/// What the printer has summed up in the shift.
#[utoipa::path(get, path = "/devices/printer/totals", tag = "staff", responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn totals(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<ShiftTotals>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    Ok(Json(printer.ask(|p| p.totals()).await?))
}

/// The way to the OFD.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfdView {
    /// Documents that wait.
    unsent: u32,
    /// Number of the oldest of them, where the printer says it.
    first_unsent: Option<u32>,
    /// Its local day or time.
    first_unsent_at: Option<String>,
    /// The drive says that the OFD has been silent for too long.
    overdue: bool,
    /// Name of the OFD, where the printer says it.
    ofd: Option<String>,
    /// Days after which the fiscal drive registers nothing any more.
    blocks_after_days: u32,
}

/// What waits for the OFD.
#[utoipa::path(get, path = "/devices/printer/ofd", tag = "staff", responses((status = 200, body = OfdView), (status = "4XX", body = Problem)))]
pub(super) async fn ofd(State(api): State<Api>, caller: Caller) -> Result<Json<OfdView>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    let blocks_after_days = api.site.policy().law.ofd_block_days;
    let view = match printer.ask(|p| p.drive()).await {
        Ok(drive) => OfdView {
            unsent: drive.unsent_documents,
            first_unsent: drive.first_unsent,
            first_unsent_at: drive.first_unsent_at,
            overdue: drive.ofd_overdue,
            ofd: printer
                .ask(|p| p.registration())
                .await
                .ok()
                .and_then(|r| r.ofd),
            blocks_after_days,
        },
        // Its status tells some of it.
        Err(FiscalError::Unsupported(_)) => {
            let status = printer.ask(|p| p.status()).await?;
            OfdView {
                unsent: status.unsent_documents.unwrap_or(0),
                first_unsent: None,
                first_unsent_at: status.oldest_unsent,
                overdue: false,
                ofd: None,
                blocks_after_days,
            }
        }
        Err(e) => return Err(e.into()),
    };
    Ok(Json(view))
}

/// Two clocks.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// The printer's, local time.
    printer: String,
    /// The box's, as local time of the store.
    store: String,
    /// The printer's less the box's, seconds.
    ahead_s: Option<i64>,
    /// So much is allowed, seconds.
    limit_s: u64,
    /// The shift; the clock is set while it is closed only.
    shift: String,
}

async fn clocks(api: &Api, printer: &Printer) -> Result<ClockView, Problem> {
    let status = printer.ask(|p| p.status()).await?;
    Ok(ClockView {
        store: printer.store_time(),
        ahead_s: printer.ahead_s(&status.local_time),
        printer: status.local_time,
        limit_s: api.site.policy().law.clock_drift.as_secs(),
        shift: serde_json::to_value(status.shift)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default(),
    })
}

/// The printer's clock beside the box's.
#[utoipa::path(get, path = "/devices/printer/clock", tag = "staff", responses((status = 200, body = ClockView), (status = "4XX", body = Problem)))]
pub(super) async fn clock(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<ClockView>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    Ok(Json(clocks(&api, &printer).await?))
}

/// A time for the printer's clock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTime {
    /// Local time, `YYYY-MM-DDTHH:MM:SS`; the box's own when none.
    #[serde(default)]
    time: Option<String>,
}

/// Sets the printer's clock; with a closed shift only.
#[utoipa::path(post, path = "/devices/printer/clock", tag = "technician", request_body = NewTime, responses((status = 200, body = ClockView), (status = "4XX", body = Problem)))]
pub(super) async fn set_clock(
    State(api): State<Api>,
    post: Post<NewTime>,
) -> Result<Response, Problem> {
    let printer = printer(&api, &post.caller, TECHNICIANS)?;
    post.act(&api, StatusCode::OK, |api, caller, body| async move {
        let time = match &body.time {
            None => printer.store_time(),
            Some(text) => text
                .parse::<jiff::civil::DateTime>()
                .map_err(|_| Problem::invalid(format!("{text:?}: write YYYY-MM-DDTHH:MM:SS")))?
                .strftime("%Y-%m-%dT%H:%M:%S")
                .to_string(),
        };
        let status = printer.ask(|p| p.status()).await?;
        if status.shift != galley_fiscal::ShiftState::Closed {
            return Err(Problem::conflict(
                "the printer takes a new time with a closed shift only: galley shift close",
            ));
        }
        let detail = format!("{time}, it was {}", status.local_time);
        asked(&api, &caller, "set_clock", detail).await?;
        printer
            .ask(|p| Box::pin(async move { p.set_clock(&time).await }))
            .await?;
        clocks(&api, &printer).await
    })
    .await
}

/// Puts down who asks for what, before it is done.
async fn asked(api: &Api, caller: &Caller, act: &str, detail: String) -> Result<(), Problem> {
    let body = Body::PrinterAsked {
        act: act.to_owned(),
        detail,
    };
    Ok(api
        .site
        .command(caller.actor(), move |tx, cx| record(tx, cx, None, body))
        .await?)
}

/// An act is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoneView {
    done: bool,
}

const DONE: DoneView = DoneView { done: true };

/// Prints a copy of the last document. Paper only.
#[utoipa::path(post, path = "/devices/printer/copy-last", tag = "staff", request_body = Nothing, responses((status = 200, body = DoneView), (status = "4XX", body = Problem)))]
pub(super) async fn copy_last(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    let printer = printer(&api, &post.caller, STAFF)?;
    post.act(&api, StatusCode::OK, |api, caller, _| async move {
        asked(&api, &caller, "copy_last", String::new()).await?;
        printer.ask(|p| p.copy_last()).await?;
        Ok(DONE)
    })
    .await
}

/// Goes on printing after paper was put in.
#[utoipa::path(post, path = "/devices/printer/continue-print", tag = "staff", request_body = Nothing, responses((status = 200, body = DoneView), (status = "4XX", body = Problem)))]
pub(super) async fn continue_print(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    let printer = printer(&api, &post.caller, STAFF)?;
    post.act(&api, StatusCode::OK, |api, caller, _| async move {
        asked(&api, &caller, "continue_print", String::new()).await?;
        printer.ask(|p| p.continue_print()).await?;
        Ok(DONE)
    })
    .await
}

/// Cuts the paper, where the printer has a knife.
#[utoipa::path(post, path = "/devices/printer/cut", tag = "staff", request_body = Nothing, responses((status = 200, body = DoneView), (status = "4XX", body = Problem)))]
pub(super) async fn cut(State(api): State<Api>, post: Post<Nothing>) -> Result<Response, Problem> {
    let printer = printer(&api, &post.caller, STAFF)?;
    post.act(&api, StatusCode::OK, |api, caller, _| async move {
        let knife = printer
            .ask(|p| Box::pin(async move { Ok(p.info().capabilities.cutter) }))
            .await?;
        if !knife {
            return Err(Problem::device_cannot("this printer has no knife"));
        }
        asked(&api, &caller, "cut", String::new()).await?;
        let slip = Slip {
            items: vec![SlipItem::Feed { lines: 1 }],
            cut: true,
        };
        printer
            .ask(|p| Box::pin(async move { p.slip(&slip).await }))
            .await?;
        Ok(DONE)
    })
    .await
}

/// Opens the cash drawer.
#[utoipa::path(post, path = "/devices/printer/drawer", tag = "technician", request_body = Nothing, responses((status = 200, body = DoneView), (status = "4XX", body = Problem)))]
pub(super) async fn drawer(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    let printer = printer(&api, &post.caller, TECHNICIANS)?;
    post.act(&api, StatusCode::OK, |api, caller, _| async move {
        asked(&api, &caller, "open_drawer", String::new()).await?;
        printer.ask(|p| p.open_drawer()).await?;
        Ok(DONE)
    })
    .await
}

/// Paper that is no fiscal document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NewSlip {
    /// What an order costs, with a QR code to pay it or to find it by.
    PreBill {
        /// The order.
        order_id: Uuid,
    },
    /// What is still to be cooked of an order, for people.
    Kitchen {
        /// The order.
        order_id: Uuid,
    },
    /// Lines of text.
    Text {
        /// The lines.
        lines: Vec<String>,
    },
    /// Where a new screen finds this store, as a QR code.
    Screen {
        /// `kiosk`, `board` or `staff`.
        role: ScreenKind,
    },
}

/// What a screen is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScreenKind {
    /// For guests who order.
    Kiosk,
    /// For guests who wait.
    Board,
    /// For people who work here.
    Staff,
}

impl ScreenKind {
    fn word(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Board => "board",
            Self::Staff => "staff",
        }
    }
}

impl NewSlip {
    /// Where it is printed; none for words of one's own.
    fn station(&self) -> Option<Station> {
        match self {
            Self::PreBill { .. } => Some(Station::PreBill),
            Self::Kitchen { .. } => Some(Station::Kitchen),
            Self::Text { .. } | Self::Screen { .. } => None,
        }
    }
}

/// Prints a slip: a pre-bill, a kitchen slip, or lines of text.
#[utoipa::path(post, path = "/devices/printer/slips", tag = "staff", request_body = NewSlip, responses((status = 200, body = DoneView), (status = "4XX", body = Problem)))]
pub(super) async fn slip(State(api): State<Api>, post: Post<NewSlip>) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    let station = post.body.station();
    // At the slip printer that is there for it, otherwise at the fiscal printer.
    let plain = api
        .slip_printers
        .iter()
        .find(|p| match station {
            Some(station) => p.serves(station),
            None => api.printer.is_none(),
        })
        .cloned();
    let fiscal = match &plain {
        Some(_) => None,
        None => Some(printer(&api, &post.caller, STAFF)?),
    };
    post.act(&api, StatusCode::OK, |api, caller, body| async move {
        let (slip, detail) = written(&api, body).await?;
        asked(&api, &caller, "slip", detail).await?;
        if let Some(plain) = plain {
            plain
                .print(&slip)
                .await
                .map_err(|e| Problem::device_away(in_words(&e)))?;
        } else if let Some(fiscal) = fiscal {
            fiscal
                .ask(|p| Box::pin(async move { p.slip(&slip).await }))
                .await?;
        }
        Ok(DONE)
    })
    .await
}

/// The slip, and what the log says of it.
async fn written(api: &Api, wanted: NewSlip) -> Result<(Slip, String), Problem> {
    Ok(match wanted {
        NewSlip::PreBill { order_id } => {
            let order = order(api, order_id).await?;
            let store = api.store_name.get(Language::Ru);
            (
                slips::pre_bill(&order, store),
                format!("pre-bill of order {order_id}"),
            )
        }
        NewSlip::Kitchen { order_id } => {
            let order = order(api, order_id).await?;
            (
                slips::kitchen(&order, false),
                format!("kitchen slip of order {order_id}"),
            )
        }
        NewSlip::Screen { role } => {
            let origin = lan::origins(&api.doors, &api.site.policy().store_id)
                .into_iter()
                .next()
                .ok_or_else(|| {
                    Problem::conflict(
                        "screens on the LAN can't reach this store: it listens on this machine alone",
                    )
                })?;
            let url = format!("{origin}/{}/", role.word());
            let store = api.store_name.get(Language::Ru);
            let authority = api.tls.is_some().then(|| format!("{origin}/ca.crt"));
            (
                slips::screen(&url, store, authority.as_deref()),
                format!("address for a new screen: {url}"),
            )
        }
        NewSlip::Text { lines } => {
            if lines.is_empty() || lines.len() > LONGEST_SLIP {
                return Err(Problem::invalid(format!(
                    "a slip has 1 to {LONGEST_SLIP} lines"
                )));
            }
            let detail = format!("{} lines of text", lines.len());
            let items = lines.into_iter().map(|text| SlipItem::Text {
                text,
                align: Align::Left,
                wide: false,
            });
            let slip = Slip {
                items: items.collect(),
                cut: true,
            };
            (slip, detail)
        }
    })
}

async fn order(api: &Api, id: Uuid) -> Result<Order, Problem> {
    let found: Option<Order> = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> { s.order(OrderId(id)) })
        .await?;
    found.ok_or_else(|| Problem::unknown_order("there is no such order"))
}

/// A document of the fiscal drive by its number.
#[utoipa::path(get, path = "/devices/printer/documents/{number}", tag = "staff", params(("number" = u32, Path)), responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn document(
    State(api): State<Api>,
    caller: Caller,
    Path(number): Path<u32>,
) -> Result<Json<FiscalRecord>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    printer
        .ask(|p| p.document(number))
        .await?
        .map(Json)
        .ok_or_else(|| Problem::not_found(format!("the fiscal drive has no document {number}")))
}

/// A field of the printer's own tables.
#[derive(Debug, Serialize, ToSchema)]
pub struct CellView {
    table: u8,
    row: u16,
    field: u8,
    /// Its bytes.
    hex: String,
    /// Its bytes as a number, the first byte the highest; none above 8 bytes.
    number: Option<u64>,
}

fn cell_view(cell: TableCell, bytes: &[u8]) -> CellView {
    CellView {
        table: cell.table,
        row: cell.row,
        field: cell.field,
        hex: bytes.iter().map(|b| format!("{b:02x}")).collect(),
        number: (bytes.len() <= 8).then(|| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))),
    }
}

/// Reads a field of the printer's tables, as its manual numbers them.
#[utoipa::path(get, path = "/devices/printer/tables/{table}/{row}/{field}", tag = "staff", params(("table" = u8, Path), ("row" = u16, Path), ("field" = u8, Path)), responses((status = 200, body = CellView), (status = "4XX", body = Problem)))]
pub(super) async fn read_table(
    State(api): State<Api>,
    caller: Caller,
    Path((table, row, field)): Path<(u8, u16, u8)>,
) -> Result<Json<CellView>, Problem> {
    let printer = printer(&api, &caller, STAFF)?;
    let cell = TableCell { table, row, field };
    let bytes = printer.ask(|p| p.read_table(cell)).await?;
    Ok(Json(cell_view(cell, &bytes)))
}

/// A new value of a field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCell {
    /// Its bytes in hexadecimal digits.
    hex: String,
}

/// Writes a field of the printer's tables. A wrong value can make a till unusable: read the manual first.
#[utoipa::path(post, path = "/devices/printer/tables/{table}/{row}/{field}", tag = "technician", params(("table" = u8, Path), ("row" = u16, Path), ("field" = u8, Path)), request_body = NewCell, responses((status = 200, body = CellView), (status = "4XX", body = Problem)))]
pub(super) async fn write_table(
    State(api): State<Api>,
    Path((table, row, field)): Path<(u8, u16, u8)>,
    post: Post<NewCell>,
) -> Result<Response, Problem> {
    let printer = printer(&api, &post.caller, TECHNICIANS)?;
    post.act(&api, StatusCode::OK, move |api, caller, body| async move {
        let value = bytes_of(&body.hex).ok_or_else(|| {
            Problem::invalid("hex: write pairs of hexadecimal digits, such as 0a1f")
        })?;
        let cell = TableCell { table, row, field };
        let before = printer.ask(|p| p.read_table(cell)).await?;
        let was = cell_view(cell, &before).hex;
        let detail = format!(
            "table {table}, row {row}, field {field}: {}, it was {was}",
            body.hex
        );
        asked(&api, &caller, "write_table", detail).await?;
        printer
            .ask(|p| Box::pin(async move { p.write_table(cell, &value).await }))
            .await?;
        let after = printer.ask(|p| p.read_table(cell)).await?;
        Ok(cell_view(cell, &after))
    })
    .await
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let whole = !hex.is_empty() && hex.len().is_multiple_of(2) && hex.is_ascii();
    let pairs = hex.as_bytes().chunks(2);
    whole
        .then(|| {
            pairs
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect()
        })
        .flatten()
}

/// How the store stands with the law on tills.
#[derive(Debug, Serialize, ToSchema)]
pub struct LawView {
    /// Nothing may be sold.
    blocked: bool,
    /// What is not as it should be.
    #[schema(value_type = Vec<Object>)]
    findings: Vec<Finding>,
    /// What is judged by.
    #[schema(value_type = Object)]
    facts: Facts,
    /// The limits in force.
    #[schema(value_type = Object)]
    limits: Limits,
}

/// How the store stands with the law on tills: shift, OFD, drive, clock, what receipts must say.
#[utoipa::path(get, path = "/devices/printer/law", tag = "staff", responses((status = 200, body = LawView)))]
pub(super) async fn judged(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<LawView>, Problem> {
    caller.need(STAFF)?;
    let cx = api.site.context(caller.actor());
    let limits = cx.policy.law.clone();
    let (findings, facts) = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> { Ok((law::findings(s, &cx)?, law::facts(s)?)) })
        .await?;
    Ok(Json(LawView {
        blocked: findings.iter().any(|f| f.blocks_sales),
        findings,
        facts,
        limits,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_pairs_of_digits_and_nothing_else() {
        assert_eq!(bytes_of("0a1F"), Some(vec![0x0a, 0x1f]));
        for bad in ["", "0", "0g", "0x", " 1", "яя"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
        let cell = TableCell {
            table: 2,
            row: 1,
            field: 3,
        };
        let view = cell_view(cell, &[0x01, 0x00]);
        assert_eq!((view.hex.as_str(), view.number), ("0100", Some(256)));
    }
}
