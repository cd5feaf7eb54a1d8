//! What headquarters tells a store, and which of it the store takes. Pure: the signature is checked before.

use super::{ids::OrderId, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};
use uuid::Uuid;

/// A message to one store. Its words are frozen once shipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Its id: it is done once.
    pub id: Uuid,
    /// For which store.
    pub store: String,
    /// For which generation of the store's box.
    pub generation: u64,
    /// When it was written, by headquarters' clock.
    pub issued_at: Timestamp,
    /// It is not done after this; a document holds until a newer one comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who asked for it at headquarters.
    pub by: String,
    /// What it says; read as [`What`] once it is known to be for us.
    pub body: Value,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A document, whole.
    Document {
        /// Which.
        document: DocumentKind,
        /// Its name at headquarters.
        name: String,
        /// Only goes up.
        version: u64,
        /// What it says.
        content: Value,
    },
    /// Something to be done.
    Command {
        /// What.
        command: Command,
    },
    /// Another key that headquarters signs with.
    Key {
        /// Its public half, 64 hexadecimal digits.
        public: String,
        /// The key that counts no more from now on, by its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retires: Option<String>,
    },
    /// The generation of the envelope is the one that sells; an older box stops.
    Fence {},
}

/// Documents that headquarters keeps for its stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// The catalog.
    Menu,
    /// Promotions, in place of the menu's.
    Promotions,
    /// What of the configuration may be changed from afar.
    Settings,
    /// Headquarters' own stop-list.
    Stops,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Menu, Self::Promotions, Self::Settings, Self::Stops];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Promotions => "promotions",
            Self::Settings => "settings",
            Self::Stops => "stops",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// What a store is to do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Open the till's shift.
    OpenShift {},
    /// Close it.
    CloseShift {},
    /// Sell nothing for a while.
    StopSales {
        /// Why.
        why: String,
        /// It is over by itself then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_at: Option<Timestamp>,
        /// Guests are told that it is being cleaned.
        #[serde(default)]
        cleaning: bool,
    },
    /// Sell again.
    ResumeSales {
        /// Why.
        why: String,
    },
    /// Give money of an order back.
    Refund {
        /// The order.
        order_id: OrderId,
        /// How much, minor units; all that is left when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount_minor: Option<i64>,
        /// Why.
        reason: String,
    },
    /// Make a backup.
    BackUp {},
    /// Gather a support bundle and send it up.
    SupportBundle {},
    /// Start anew with the configuration as it is now.
    Reload {},
    /// Take another token.
    RotateToken {},
    /// Ask the bank about an order's payments now: it called headquarters about one.
    LookAtPayment {
        /// The order.
        order_id: OrderId,
    },
    /// Forget a guest.
    EraseGuest {
        /// The phone number.
        phone: String,
    },
}

impl Command {
    /// Its word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::OpenShift {} => "open_shift",
            Self::CloseShift {} => "close_shift",
            Self::StopSales { .. } => "stop_sales",
            Self::ResumeSales { .. } => "resume_sales",
            Self::Refund { .. } => "refund",
            Self::BackUp {} => "back_up",
            Self::SupportBundle {} => "support_bundle",
            Self::Reload {} => "reload",
            Self::RotateToken {} => "rotate_token",
            Self::LookAtPayment { .. } => "look_at_payment",
            Self::EraseGuest { .. } => "erase_guest",
        }
    }

    /// It takes a while, and is done beside the store's writes.
    #[must_use]
    pub fn is_errand(&self) -> bool {
        matches!(
            self,
            Self::BackUp {} | Self::SupportBundle {} | Self::Reload {} | Self::RotateToken {}
        )
    }
}

// A phone number stays out of logs.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.word())
    }
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// In words.
    pub text: String,
    /// SHA-256 of a new token, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_hash: Option<String>,
}

impl Answer {
    /// In words only.
    #[must_use]
    pub fn said(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            token_hash: None,
        }
    }
}

/// What a store knows when a message comes.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Its id.
    pub store: &'a str,
    /// The generation of its box.
    pub generation: u64,
    /// Versions of the documents it has.
    pub versions: &'a BTreeMap<DocumentKind, u64>,
    /// It was done, or refused, before.
    pub seen: bool,
    /// Now, by the store's clock.
    pub now: Timestamp,
}

/// What the store does with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is to be done.
    Take,
    /// It was done before; the log has the answer.
    Again,
    /// Another box has this store's place.
    Fenced(u64),
    /// It is not done, and why.
    Refuse(NotTaken),
}

/// Why a message is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Another store's.
    #[error("it is for the store {0}")]
    OtherStore(String),
    /// A former box's.
    #[error("it is for a former box of this store, generation {0}")]
    FormerBox(u64),
    /// Too late.
    #[error("it came after its time was over")]
    Expired,
    /// Something newer is here.
    #[error("version {0} is here already")]
    Older(u64),
}

/// Whether a message is done. Its order is the law: what is not for this store is not even looked at, and a box that was
/// replaced does nothing any more.
#[must_use]
pub fn judge(envelope: &Envelope, what: &What, known: &Known<'_>) -> Verdict {
    if envelope.store != known.store {
        return Verdict::Refuse(NotTaken::OtherStore(envelope.store.clone()));
    }
    if envelope.generation > known.generation {
        return Verdict::Fenced(envelope.generation);
    }
    if envelope.generation < known.generation {
        return Verdict::Refuse(NotTaken::FormerBox(envelope.generation));
    }
    if known.seen || matches!(what, What::Fence {}) {
        return Verdict::Again;
    }
    if envelope.expires_at.is_some_and(|at| known.now >= at) {
        return Verdict::Refuse(NotTaken::Expired);
    }
    if let What::Document {
        document, version, ..
    } = what
        && let Some(have) = known.versions.get(document)
        && version <= have
    {
        return Verdict::Refuse(NotTaken::Older(*have));
    }
    Verdict::Take
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(generation: u64, expires_at: Option<i64>) -> Envelope {
        Envelope {
            id: Uuid::nil(),
            store: "S1".into(),
            generation,
            issued_at: Timestamp::from_millis(0),
            expires_at: expires_at.map(Timestamp::from_millis),
            by: "anna".into(),
            body: Value::Null,
        }
    }

    fn menu(version: u64) -> What {
        What::Document {
            document: DocumentKind::Menu,
            name: "russia".into(),
            version,
            content: Value::Null,
        }
    }

    fn known(versions: &BTreeMap<DocumentKind, u64>) -> Known<'_> {
        Known {
            store: "S1",
            generation: 2,
            versions,
            seen: false,
            now: Timestamp::from_millis(1000),
        }
    }

    #[test]
    fn what_is_for_another_store_or_box_or_too_late_is_not_done() {
        let none = BTreeMap::new();
        let known = known(&none);
        let stop = What::Command {
            command: Command::OpenShift {},
        };
        assert_eq!(
            judge(&envelope(2, Some(1001)), &stop, &known),
            Verdict::Take
        );
        assert_eq!(
            judge(&envelope(2, Some(1000)), &stop, &known),
            Verdict::Refuse(NotTaken::Expired)
        );
        assert_eq!(
            judge(&envelope(1, None), &stop, &known),
            Verdict::Refuse(NotTaken::FormerBox(1))
        );
        assert_eq!(judge(&envelope(3, None), &stop, &known), Verdict::Fenced(3));
        let mut other = envelope(3, None);
        other.store = "S2".into();
        assert_eq!(
            judge(&other, &stop, &known),
            Verdict::Refuse(NotTaken::OtherStore("S2".into()))
        );
        let seen = Known {
            seen: true,
            ..known
        };
        // What was done in time is done, however late it comes again.
        assert_eq!(judge(&envelope(2, Some(1)), &stop, &seen), Verdict::Again);
        assert_eq!(
            judge(&envelope(2, None), &What::Fence {}, &seen),
            Verdict::Again
        );
    }

    #[test]
    fn a_phone_number_does_not_show_itself() {
        let erase = Command::EraseGuest {
            phone: "+79161234567".into(),
        };
        assert!(!format!("{erase:?}").contains("7916"));
    }

    #[test]
    fn a_command_is_written_as_the_api_says() {
        let text = r#"{"do":"stop_sales","why":"recall"}"#;
        let read: Command = serde_json::from_str(text).unwrap();
        assert_eq!(read.word(), "stop_sales");
        assert!(serde_json::from_str::<Command>(r#"{"do":"open_shift","x":1}"#).is_err());
        assert!(serde_json::from_str::<Command>(r#"{"do":"format_disk"}"#).is_err());
    }

    proptest! {
        /// In whatever order and however often versions come, what is in force only goes up.
        #[test]
        fn a_document_never_goes_back(versions in proptest::collection::vec(1u64..20, 1..60)) {
            let mut have = BTreeMap::new();
            let mut highest = 0;
            for version in versions {
                let verdict = judge(&envelope(2, None), &menu(version), &known(&have));
                prop_assert_eq!(verdict == Verdict::Take, version > highest);
                if verdict == Verdict::Take {
                    have.insert(DocumentKind::Menu, version);
                }
                highest = highest.max(version);
            }
        }

        /// A box that saw a newer generation is never again told to do anything.
        #[test]
        fn a_fence_holds_against_whatever_comes(mine in 0u64..5, theirs in 0u64..5, seen: bool) {
            let none = BTreeMap::new();
            let known = Known { generation: mine, seen, ..known(&none) };
            let verdict = judge(&envelope(theirs, None), &menu(1), &known);
            prop_assert_eq!(verdict == Verdict::Take, mine == theirs && !seen);
            prop_assert_eq!(verdict == Verdict::Fenced(theirs), theirs > mine);
        }
    }
}
