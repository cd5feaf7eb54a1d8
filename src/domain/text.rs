//! Text in the store's three languages.

use serde::{Deserialize, Serialize};

/// A guest's language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Russian.
    #[default]
    Ru,
    /// Uzbek, Latin letters.
    Uz,
    /// English.
    En,
}

/// A text in all three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Russian.
    pub ru: String,
    /// Uzbek, Latin letters.
    pub uz: String,
    /// English.
    pub en: String,
}

impl Text {
    /// The three wordings.
    pub fn new(ru: impl Into<String>, uz: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            ru: ru.into(),
            uz: uz.into(),
            en: en.into(),
        }
    }

    /// The wording in one language.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Ru => &self.ru,
            Language::Uz => &self.uz,
            Language::En => &self.en,
        }
    }
}
