//! What comes out of the emulated printer: lines of text.

use super::{
    config::EmulatorConfig,
    journal::{EmulatedDocument, Identity},
};
use crate::drive::kind;
pub(super) use galley_fiscal::emulator::paper::{Roll, edges, money};
use galley_fiscal::emulator::paper::{centre, quantity, wrap};

fn tax(index: u8) -> &'static str {
    match index {
        1 => "НДС 20%",
        2 => "НДС 10%",
        3 => "НДС 20/120",
        4 => "НДС 10/110",
        5 => "НДС 0%",
        _ => "БЕЗ НДС",
    }
}

fn tender(form: u8) -> &'static str {
    match form {
        1 => "НАЛИЧНЫМИ",
        2 => "БЕЗНАЛИЧНЫМИ",
        3 => "АВАНСОМ",
        4 => "В КРЕДИТ",
        _ => "ИНАЯ ФОРМА ОПЛАТЫ",
    }
}

/// The text of a document, in Russian, as such papers are.
pub(super) fn layout(
    document: &EmulatedDocument,
    identity: &Identity,
    config: &EmulatorConfig,
) -> Vec<String> {
    let width = config.line_width;
    let title = match (document.kind, document.operation) {
        (kind::SHIFT_OPEN, _) => "ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ",
        (kind::SHIFT_CLOSE, _) => "ОТЧЕТ О ЗАКРЫТИИ СМЕНЫ",
        (_, Some(1)) => "КАССОВЫЙ ЧЕК / ПРИХОД",
        (_, Some(2)) => "КАССОВЫЙ ЧЕК / ВОЗВРАТ ПРИХОДА",
        (_, Some(4)) => "КАССОВЫЙ ЧЕК / РАСХОД",
        (_, Some(5)) => "КАССОВЫЙ ЧЕК / ВОЗВРАТ РАСХОДА",
        (kind::CORRECTION, _) => "КАССОВЫЙ ЧЕК КОРРЕКЦИИ",
        _ => "ФИСКАЛЬНЫЙ ДОКУМЕНТ",
    };
    let rule = "-".repeat(width);
    let mut out = vec![
        centre(&config.organisation, width),
        centre(title, width),
        rule.clone(),
    ];
    for line in &document.lines {
        out.extend(wrap(&line.name, width));
        let count = format!(
            "{} x {}",
            quantity(line.quantity_milli),
            money(line.price_minor)
        );
        out.extend(edges(&count, &format!("={}", money(line.sum_minor)), width));
        out.push(format!("  {}", tax(line.tax_index)));
    }
    if document.operation.is_some() {
        out.push(rule.clone());
        out.extend(edges(
            "ИТОГ",
            &format!("={}", money(document.total_minor)),
            width,
        ));
        for (form, sum) in &document.tenders {
            out.extend(edges(tender(*form), &format!("={}", money(*sum)), width));
        }
        out.push(rule.clone());
    }
    let mut field = |name: &str, value: &str| out.extend(edges(name, value, width));
    if let Some(operator) = &document.operator {
        field("КАССИР", operator);
    }
    if let Some(contact) = &document.buyer_contact {
        field("ЭЛ.АДР.ПОКУПАТЕЛЯ", contact);
    }
    if let Some(key) = &document.key {
        field("ДОП.РЕКВИЗИТ", key);
    }
    let t = document.time;
    field(
        &format!(
            "{:02}.{:02}.{:02} {:02}:{:02}",
            t.day,
            t.month,
            t.short_year(),
            t.hour,
            t.minute
        ),
        &format!("СМЕНА {}", document.shift),
    );
    if let Some(receipt) = document.receipt {
        field("ЧЕК", &receipt.to_string());
    }
    field("РН ККТ", &identity.registration);
    field("ФН", &identity.number);
    field("ФД", &document.number.to_string());
    field("ФПД", &document.sign.to_string());
    out.push(String::new());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_the_width_and_old_ones_are_torn_off() {
        assert_eq!(edges("ИТОГ", "=1.00", 12), ["ИТОГ   =1.00"]);
        let two = edges("Очень длинное название блюда", "=1.00", 12);
        assert!(two.iter().all(|l| l.chars().count() <= 12));
        let mut roll = Roll::new(3);
        roll.print((0..5).map(|n| n.to_string()));
        assert_eq!(roll.last(2), ["3", "4"]);
        assert_eq!((roll.last(9).len(), roll.printed()), (3, 5));
    }

    #[test]
    fn a_quantity_drops_its_zeros() {
        assert_eq!(quantity(2000), "2");
        assert_eq!(quantity(1250), "1.25");
        assert_eq!(quantity(10_000), "10");
    }
}
