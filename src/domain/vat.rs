//! Which rate of VAT a dish has on a day. Rates change by law; what was settled on a day has that day's rate, in a
//! correction too. A class that has no rate on a day is an error, never a default.

use super::receipt::Vat;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A class of goods for VAT, as the catalog names it: one of the table `vat_rates` of the catalog, or a word of this
/// program (`standard`, `reduced`, `none` …, see [`BUILT_IN`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VatClass(pub String);

/// A row of the catalog's own table: the class has this rate from that day on, until the day of the next row or the
/// one named here, both included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatRule {
    /// Which class.
    pub class: VatClass,
    /// Its rate.
    pub rate: Vat,
    /// First day, `YYYY-MM-DD`.
    pub from: String,
    /// Last day, `YYYY-MM-DD`; for ever when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Class, rate, first day, last day. A rate's own word is a class too, on the days on which the rate exists: a
/// catalog that says `vat20` is refused for sales from 2026 on instead of registering a rate that is no more.
///
/// 20 % was the rate until the end of 2025, 22 % is it from 2026; 5 % and 7 % exist for payers of the simplified tax
/// system from 2025. [source: atol.md 6.6; 2025 as the first year of 5 and 7 %: memory]
pub const BUILT_IN: &[(&str, Vat, &str, &str)] = &[
    ("standard", Vat::Vat20, "2019-01-01", "2025-12-31"),
    ("standard", Vat::Vat22, "2026-01-01", "9999-12-31"),
    ("reduced", Vat::Vat10, "2004-01-01", "9999-12-31"),
    ("none", Vat::None, "2004-01-01", "9999-12-31"),
    ("vat0", Vat::Vat0, "2004-01-01", "9999-12-31"),
    ("vat5", Vat::Vat5, "2025-01-01", "9999-12-31"),
    ("vat7", Vat::Vat7, "2025-01-01", "9999-12-31"),
    ("vat10", Vat::Vat10, "2004-01-01", "9999-12-31"),
    ("vat20", Vat::Vat20, "2019-01-01", "2025-12-31"),
    ("vat22", Vat::Vat22, "2026-01-01", "9999-12-31"),
];

/// The rate of a class on a day (`YYYY-MM-DD`); none when it has none. The table goes before what is built in: a
/// class that stands in the table is not looked for elsewhere.
#[must_use]
pub fn rate_on(table: &[VatRule], class: &VatClass, day: &str) -> Option<Vat> {
    let day: Date = day.parse().ok()?;
    let mut own = table.iter().filter(|r| &r.class == class).peekable();
    if own.peek().is_some() {
        return own
            .filter(|r| within(day, &r.from, r.until.as_deref()))
            // The youngest row that has begun: an older one without an end gave way to it.
            .max_by(|a, b| a.from.cmp(&b.from))
            .map(|r| r.rate);
    }
    BUILT_IN
        .iter()
        .find(|(word, _, from, until)| *word == class.0 && within(day, from, Some(until)))
        .map(|(_, rate, _, _)| *rate)
}

fn within(day: Date, from: &str, until: Option<&str>) -> bool {
    let from = from.parse::<Date>().is_ok_and(|from| from <= day);
    from && until.is_none_or(|until| until.parse::<Date>().is_ok_and(|until| day <= until))
}

/// Whether the table or the program knows the class at all, on whatever day.
#[must_use]
pub fn is_known(table: &[VatRule], class: &VatClass) -> bool {
    table.iter().any(|r| &r.class == class) || BUILT_IN.iter().any(|(word, ..)| *word == class.0)
}

/// All that is wrong with a table, one sentence each.
#[must_use]
pub fn faults(table: &[VatRule]) -> Vec<String> {
    let mut faults = Vec::new();
    for (i, rule) in table.iter().enumerate() {
        let class = &rule.class.0;
        let mut days = vec![&rule.from];
        days.extend(&rule.until);
        for day in days {
            // Days are compared as texts too.
            if day.len() != 10 || day.parse::<Date>().is_err() {
                faults.push(format!(
                    "vat_rates, class {class:?}: {day:?} is no day, write YYYY-MM-DD"
                ));
            }
        }
        if rule.until.as_ref().is_some_and(|until| *until < rule.from) {
            faults.push(format!(
                "vat_rates, class {class:?}: it ends before it begins"
            ));
        }
        if table[..i]
            .iter()
            .any(|o| o.class == rule.class && o.from == rule.from)
        {
            faults.push(format!(
                "vat_rates, class {class:?}: two rates begin on {}",
                rule.from
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(word: &str) -> VatClass {
        VatClass(word.to_owned())
    }

    fn rule(word: &str, rate: Vat, from: &str, until: Option<&str>) -> VatRule {
        VatRule {
            class: class(word),
            rate,
            from: from.to_owned(),
            until: until.map(str::to_owned),
        }
    }

    #[test]
    fn the_standard_rate_changes_with_the_year() {
        let on = |day| rate_on(&[], &class("standard"), day);
        assert_eq!(on("2025-12-31"), Some(Vat::Vat20));
        assert_eq!(on("2026-01-01"), Some(Vat::Vat22));
        assert_eq!(on("2018-12-31"), None);
    }

    #[test]
    fn a_rate_that_does_not_exist_on_a_day_is_no_rate() {
        assert_eq!(rate_on(&[], &class("vat20"), "2026-01-01"), None);
        assert_eq!(rate_on(&[], &class("vat22"), "2025-12-31"), None);
        assert_eq!(rate_on(&[], &class("vat5"), "2024-12-31"), None);
        assert_eq!(rate_on(&[], &class("food"), "2026-01-01"), None);
        assert_eq!(rate_on(&[], &class("standard"), "yesterday"), None);
    }

    #[test]
    fn the_catalogs_own_table_goes_first_and_is_not_mixed_with_what_is_built_in() {
        let table = [
            rule("standard", Vat::Vat5, "2026-01-01", None),
            rule("standard", Vat::Vat7, "2026-07-01", None),
            rule("bar", Vat::Vat22, "2026-01-01", Some("2026-06-30")),
        ];
        let on = |word, day| rate_on(&table, &class(word), day);
        assert_eq!(on("standard", "2026-06-30"), Some(Vat::Vat5));
        assert_eq!(on("standard", "2026-07-01"), Some(Vat::Vat7));
        assert_eq!(on("standard", "2025-12-31"), None);
        assert_eq!(on("bar", "2026-06-30"), Some(Vat::Vat22));
        assert_eq!(on("bar", "2026-07-01"), None);
        assert_eq!(faults(&table), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let bad = [
            rule("a", Vat::Vat5, "2026-1-1", None),
            rule("b", Vat::Vat5, "2026-02-01", Some("2026-01-01")),
            rule("c", Vat::Vat5, "2026-02-01", None),
            rule("c", Vat::Vat7, "2026-02-01", None),
        ];
        assert_eq!(faults(&bad).len(), 3, "{:?}", faults(&bad));
    }
}
