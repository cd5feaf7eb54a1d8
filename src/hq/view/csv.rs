//! Tables for a spreadsheet.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use std::fmt::Write as _;

/// A table under way.
pub(in crate::hq) struct Csv(String);

impl Csv {
    /// With these columns. It begins with a byte order mark, without which some programs take it for Latin-1.
    pub(in crate::hq) fn new(columns: &[&str]) -> Self {
        let mut csv = Self("\u{feff}".to_owned());
        csv.row(columns.iter().map(|c| (*c).to_owned()));
        csv
    }

    /// One row.
    pub(in crate::hq) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for (n, cell) in cells.into_iter().enumerate() {
            if n > 0 {
                self.0.push(',');
            }
            let text = harmless(&cell);
            if text.contains(['"', ',', '\n', '\r', ';']) {
                // Writing to a string can't fail.
                let _ = write!(self.0, "\"{}\"", text.replace('"', "\"\""));
            } else {
                self.0.push_str(&text);
            }
        }
        self.0.push_str("\r\n");
    }

    /// As a file to be kept.
    pub(in crate::hq) fn answer(self, name: &str) -> Response {
        let disposition = format!("attachment; filename=\"{name}.csv\"");
        let headers = [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/csv; charset=utf-8"),
            ),
            (
                header::CONTENT_DISPOSITION,
                HeaderValue::from_str(&disposition)
                    .unwrap_or(HeaderValue::from_static("attachment")),
            ),
        ];
        (headers, self.0).into_response()
    }
}

/// A text that a spreadsheet would run as a formula is made one that it shows. Numbers stay numbers.
fn harmless(cell: &str) -> String {
    let formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// Minor units as a decimal number.
pub(in crate::hq) fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let n = minor.unsigned_abs();
    format!("{sign}{}.{:02}", n / 100, n % 100)
}

/// A time in UTC.
pub(in crate::hq) fn time(at: crate::domain::time::Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_can_be_read_back_and_runs_nothing() {
        let mut csv = Csv::new(&["store", "sum"]);
        csv.row(["Кафе \"Роза\", 1".to_owned(), decimal(-1_205)]);
        csv.row(["=HYPERLINK(1)".to_owned(), decimal(7)]);
        assert_eq!(
            csv.0,
            "\u{feff}store,sum\r\n\"Кафе \"\"Роза\"\", 1\",-12.05\r\n'=HYPERLINK(1),0.07\r\n"
        );
    }
}
