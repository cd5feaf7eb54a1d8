//! The emulated printer's tables (4.7), as far as anybody asks for them.

use super::config::EmulatorConfig;
use crate::text::cp1251;
use std::collections::BTreeMap;

/// Tables and their names, rows and fields.
pub(super) const TABLES: [(u8, &str, u16, u8); 5] = [
    (1, "ТИП И РЕЖИМ КАССЫ", 1, 14),
    (2, "ПАРОЛИ КАССИРОВ", 30, 2),
    (4, "ТЕКСТ В ЧЕКЕ", 14, 1),
    (17, "РЕГИОНАЛЬНЫЕ НАСТРОЙКИ", 1, 71),
    (18, "FISCAL STORAGE", 1, 23),
];

/// Whether a field is text.
pub(super) fn is_text(table: u8, field: u8) -> bool {
    matches!((table, field), (2, 2) | (4, _) | (18, 1..=4 | 7..=15 | 23))
}

/// Values of a fresh printer.
pub(super) fn defaults(config: &EmulatorConfig) -> BTreeMap<(u8, u16, u8), Vec<u8>> {
    let mut tables = BTreeMap::new();
    for field in 1..=14 {
        tables.insert((1, 1, field), vec![0]);
    }
    for row in 1..=30u16 {
        tables.insert((2, row, 1), u32::from(row).to_le_bytes().to_vec());
        let name = match row {
            29 => "Администратор".to_owned(),
            30 => "Сист. администратор".to_owned(),
            n => format!("Кассир {n}"),
        };
        tables.insert((2, row, 2), text(&name, 30));
    }
    for row in 1..=14 {
        let line = if row == 1 {
            config.organisation.as_str()
        } else {
            ""
        };
        tables.insert((4, row, 1), text(line, 48));
    }
    for field in 1..=71 {
        tables.insert((17, 1, field), vec![0]);
    }
    tables.insert((17, 1, 17), vec![config.ffd]);
    tables.insert((17, 1, 36), vec![u8::from(config.extended_replies)]);
    let registered = [
        (1, config.serial.to_string(), 16),
        (2, config.inn.clone(), 12),
        (3, config.registration_number.clone(), 20),
        (4, config.drive_number.clone(), 16),
        (7, config.organisation.clone(), 64),
        (8, String::new(), 64),
        (9, "Москва, ул. Пробная, 1".to_owned(), 128),
        (10, "Пробный ОФД".to_owned(), 64),
        (11, "ofd.example".to_owned(), 64),
        (12, "7700000000".to_owned(), 12),
        (13, "nalog.gov.ru".to_owned(), 64),
        (14, "Кафе".to_owned(), 64),
        (15, "kassa@example.org".to_owned(), 64),
        (23, String::new(), 12),
    ];
    for (field, value, width) in registered {
        tables.insert((18, 1, field), text(&value, width));
    }
    tables.insert((18, 1, 5), vec![config.tax_systems]);
    tables.insert((18, 1, 6), vec![0x04]);
    tables
}

fn text(value: &str, width: usize) -> Vec<u8> {
    let mut bytes = cp1251(value, width);
    bytes.resize(width, 0);
    bytes
}
