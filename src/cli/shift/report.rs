//! A shift's report as text.

use crate::cli::output::{Lean, NONE, Table, View, facts, money, time_in, wrap};
use jiff::tz::TimeZone;

/// The report for a person at a terminal.
pub(super) fn show(report: View<'_>) -> String {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    // It is laid beside the printer's paper, whoever looks from wherever.
    let zone = TimeZone::get(&report.text("zone")).unwrap_or_else(|_| TimeZone::system());
    let time = |view: View<'_>, path: &str| {
        let at = view.number(path);
        at.map_or_else(|| NONE.to_owned(), |at| time_in(at, zone.clone()))
    };
    let mut text = facts(&[
        pair("shift", report.text("shift")),
        pair("state", report.text("state")),
        pair("opened", time(report, "opened_at")),
        pair("closed", time(report, "closed_at")),
        pair("times in", report.text("zone")),
        pair(
            "documents",
            format!(
                "{} to {}",
                report.text("opening_document"),
                report.text("closing_document")
            ),
        ),
        pair("fiscal drive", report.text("drive_number")),
        pair("registration", report.text("registration_number")),
    ]);
    let mut sums = Table::new(&[
        ("", Lean::Left),
        ("RECEIPTS", Lean::Right),
        ("SUM", Lean::Right),
        ("OF WHICH", Lean::Left),
    ]);
    for (name, side) in [
        ("sales", "sales"),
        ("  corrections", "corrections"),
        ("returns", "returns"),
        ("  corrections", "return_corrections"),
    ] {
        let side = report.at(side);
        if name == "  corrections" && side.number("count").unwrap_or(0) == 0 {
            continue;
        }
        let tenders: Vec<String> = side
            .each("tenders")
            .map(|t| format!("{} {}", t.text("tender"), t.money("sum_minor")))
            .collect();
        sums.row([
            name.to_owned(),
            side.text("count"),
            side.money("sum_minor"),
            tenders.join(", "),
        ]);
    }
    text += &format!("\n{}", sums.render_whole());
    text += &format!("sales less returns: {}\n", report.money("net_minor"));
    text += "\nCash drawer\n";
    let drawer = report.at("drawer");
    text += &facts(&[
        pair("  at the start", drawer.money("start_minor")),
        pair("  from sales", drawer.money("sales_minor")),
        pair("  given back", drawer.money("returns_minor")),
        pair("  put in", drawer.money("in_minor")),
        pair("  taken out", drawer.money("out_minor")),
        pair("  must be there", drawer.money("expected_minor")),
    ]);
    for m in drawer.each("moves") {
        text += &wrap(
            &format!(
                "{}  {} {}  {}: {}",
                time(m, "at"),
                m.text("direction"),
                m.money("sum_minor"),
                m.text("who"),
                m.text("why")
            ),
            4,
        );
    }
    text.push('\n');
    if report.at("end").0.is_null() {
        text += "The printer's counters are not known.\n";
        if let Some(why) = report.at("not_counted").0.as_str() {
            text += &wrap(why, 2);
        }
        return text;
    }
    let differences: Vec<View<'_>> = report.each("differences").collect();
    if differences.is_empty() {
        text += &format!(
            "The printer agrees (counted {}).\n",
            time(report, "counted_at")
        );
        return text;
    }
    text += "THE PRINTER DIFFERS\n";
    let mut table = Table::new(&[
        ("GALLEY", Lean::Right),
        ("PRINTER", Lean::Right),
        ("DIFFERENCE", Lean::Right),
        ("IN", Lean::Left),
    ]);
    for d in differences {
        let number = |name: &str| d.number(name).unwrap_or(0);
        let said = |n: i64| match d.yes("money") {
            true => money(n),
            false => n.to_string(),
        };
        table.row([
            said(number("galley")),
            said(number("printer")),
            said(number("printer") - number("galley")),
            d.text("what"),
        ]);
    }
    text + &table.render_whole()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_said_in_words_with_both_figures() {
        let answer = json!({
            "shift": 7, "state": "closed", "end": {"shift_number": 7}, "counted_at": 0,
            "sales": {"count": 2, "sum_minor": 150_000, "tenders": [{"tender": "cash", "sum_minor": 150_000}]},
            "differences": [{"code": "sales_cash", "what": "sales in cash", "galley": 150_000, "printer": 156_000, "money": true}],
        });
        let text = show(View(&answer));
        assert!(text.contains("THE PRINTER DIFFERS"), "{text}");
        assert!(
            text.contains("1500.00  1560.00       60.00  sales in cash"),
            "{text}"
        );
        let agreed = json!({"shift": 7, "end": {}, "differences": []});
        assert!(show(View(&agreed)).contains("The printer agrees"));
        assert!(show(View(&json!({"shift": 7}))).contains("counters are not known"));
    }
}
