//! What each database is made of, step by step. Steps are only ever added.

/// One step, in both dialects.
pub(super) struct Migration {
    /// Its number; those that were applied are noted by it. Numbers need not be dense.
    pub(super) number: i64,
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $file:literal),* $(,)?) => {
        &[$(Migration {
            number: $number,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $file, ".sql")),
        }),*]
    };
}

/// By number.
pub(super) const MIGRATIONS: &[Migration] = migrations![
    1 "0001_init",
    10 "0010_intake",
    20 "0020_down",
    30 "0030_projections",
    31 "0031_people",
    40 "0040_notify",
    41 "0041_relay",
    42 "0042_accounting",
];

/// The newest number that this program knows.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.number)
}

/// Says that the database was written by a newer Galley.
pub(super) fn too_new(applied: i64) -> String {
    format!(
        "the database is of a newer Galley (schema {applied}, this one knows {}); install that version",
        newest()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_stand_in_order() {
        assert!(MIGRATIONS.windows(2).all(|m| m[0].number < m[1].number));
    }
}
