//! What a message says.

use super::case::{Turn, What};
use crate::domain::{
    alert::Severity,
    text::Language,
    time::{Timestamp, local},
};
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// Stores that are named; of the others only the number is.
const NAMED: usize = 10;
/// Open cases that a digest names.
const LINES: usize = 20;

/// One message: a subject for mail, and the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// All of it, the subject too; lines end with `\n`.
    pub text: String,
}

struct Words {
    begun: &'static str,
    spread: &'static str,
    escalated: &'static str,
    over: &'static str,
    warning: &'static str,
    error: &'static str,
    since: &'static str,
    act: &'static str,
    more: &'static str,
    digest: &'static str,
    stores: &'static str,
    silent: &'static str,
    began: &'static str,
    ended: &'static str,
    open: &'static str,
    nothing_open: &'static str,
    offline: &'static str,
    refused: &'static str,
    backlog: &'static str,
    blocked: &'static str,
    unproven: &'static str,
    day: &'static str,
}

const RU: Words = Words {
    begun: "",
    spread: "Ещё",
    escalated: "Никто не взялся",
    over: "Прошло",
    warning: "Внимание",
    error: "Авария",
    since: "С",
    act: "Что делать",
    more: "и ещё",
    digest: "Сводка за сутки",
    stores: "Магазинов",
    silent: "без связи",
    began: "Началось за сутки",
    ended: "закончилось",
    open: "Сейчас открыто",
    nothing_open: "Открытых тревог нет.",
    offline: "Нет связи с магазином",
    refused: "Событие магазина не принято: журнал изменён",
    backlog: "Магазин не успевает передавать события",
    blocked: "Магазин открыт и не продаёт",
    unproven: "События магазина отложены: их подлинность не доказана",
    day: "За день у магазина другие записи",
};

const EN: Words = Words {
    begun: "",
    spread: "Also",
    escalated: "Nobody looks after it",
    over: "Over",
    warning: "Warning",
    error: "Alarm",
    since: "Since",
    act: "What to do",
    more: "and more:",
    digest: "The day in short",
    stores: "Stores",
    silent: "out of reach",
    began: "Began since yesterday",
    ended: "ended",
    open: "Open now",
    nothing_open: "No alert is open.",
    offline: "The store is out of reach",
    refused: "An event of the store is not taken: its log was changed",
    backlog: "The store's events come late",
    blocked: "The store is open and does not sell",
    unproven: "Events of the store are set aside: they can't be proven",
    day: "The store has other records of a day",
};

const UZ: Words = Words {
    begun: "",
    spread: "Yana",
    escalated: "Hech kim shugʻullanmayapti",
    over: "Tugadi",
    warning: "Diqqat",
    error: "Avariya",
    since: "Boshlangan",
    act: "Nima qilish kerak",
    more: "va yana",
    digest: "Kunlik hisobot",
    stores: "Doʻkonlar",
    silent: "aloqasiz",
    began: "Bir kunda boshlandi",
    ended: "tugadi",
    open: "Hozir ochiq",
    nothing_open: "Ochiq ogohlantirish yoʻq.",
    offline: "Doʻkon bilan aloqa yoʻq",
    refused: "Doʻkon hodisasi qabul qilinmadi: jurnal oʻzgartirilgan",
    backlog: "Doʻkon hodisalari kechikmoqda",
    blocked: "Doʻkon ochiq, lekin sotmayapti",
    unproven: "Doʻkon hodisalari chetga olindi: ular isbotlanmadi",
    day: "Doʻkonda kun yozuvlari boshqacha",
};

fn words(language: Language) -> &'static Words {
    match language {
        Language::Ru => &RU,
        Language::Uz => &UZ,
        Language::En => &EN,
    }
}

impl Words {
    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Warning => self.warning,
            Severity::Error => self.error,
        }
    }

    /// Headquarters' own alerts have no title of a store.
    fn title<'a>(&self, cause: &'a str, title: &'a str) -> &'a str {
        match cause {
            "hq:offline" => self.offline,
            "hq:refused" => self.refused,
            "hq:backlog" => self.backlog,
            "hq:blocked" => self.blocked,
            "hq:unproven" => self.unproven,
            "hq:day" => self.day,
            cause if title.is_empty() => cause,
            _ => title,
        }
    }
}

/// Says it.
#[must_use]
pub fn say(what: &What, language: Language, zone: &TimeZone, dashboard: Option<&str>) -> Message {
    let w = words(language);
    let mut lines = Vec::new();
    let subject = match what {
        What::Case {
            turn,
            cause,
            severity,
            title,
            advice,
            since,
            stores,
        } => {
            let begin = match turn {
                Turn::Begun => w.begun,
                Turn::Spread => w.spread,
                Turn::Escalated => w.escalated,
            };
            lines.push(named(stores, w));
            lines.push(format!("{} {}", w.since, time(*since, zone)));
            if !advice.is_empty() {
                lines.push(format!("{}: {advice}", w.act));
            }
            let begin = if begin.is_empty() {
                String::new()
            } else {
                format!("{begin}. ")
            };
            format!(
                "{begin}{}: {}",
                w.severity(*severity),
                w.title(cause, title)
            )
        }
        What::Over {
            cause,
            title,
            since,
            stores,
        } => {
            lines.push(named(stores, w));
            lines.push(format!("{} {}", w.since, time(*since, zone)));
            format!("{}: {}", w.over, w.title(cause, title))
        }
        What::Digest {
            stores,
            silent,
            began,
            ended,
            open,
        } => {
            lines.push(format!("{}: {stores}, {}: {silent}", w.stores, w.silent));
            lines.push(format!("{}: {began}, {}: {ended}", w.began, w.ended));
            if open.is_empty() {
                lines.push(w.nothing_open.to_owned());
            } else {
                lines.push(format!("{}: {}", w.open, open.len()));
            }
            for line in open.iter().take(LINES) {
                lines.push(format!(
                    "– {}: {} ({}), {}",
                    w.severity(line.severity),
                    w.title("", &line.title),
                    line.stores,
                    time(line.since, zone)
                ));
            }
            w.digest.to_owned()
        }
    };
    let mut text = subject.clone();
    for line in lines {
        // Writing to a string can't fail.
        let _ = write!(text, "\n{line}");
    }
    if let Some(dashboard) = dashboard {
        let _ = write!(text, "\n{dashboard}");
    }
    Message { subject, text }
}

fn named(stores: &[String], w: &Words) -> String {
    let mut text = stores[..stores.len().min(NAMED)].join(", ");
    if stores.len() > NAMED {
        let _ = write!(text, " {} {}", w.more, stores.len() - NAMED);
    }
    text
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    local(at, zone).strftime("%d.%m %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(stores: usize) -> What {
        What::Case {
            turn: Turn::Escalated,
            cause: "hq:offline".to_owned(),
            severity: Severity::Error,
            title: String::new(),
            advice: "Call the store".to_owned(),
            since: Timestamp::from_millis(1_785_574_800_000),
            stores: (1..=stores).map(|n| format!("S{n}")).collect(),
        }
    }

    #[test]
    fn a_message_says_what_where_since_when_and_what_to_do() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let message = say(&what(12), Language::En, &zone, Some("https://hq.test"));
        assert_eq!(
            message.text,
            "Nobody looks after it. Alarm: The store is out of reach\n\
             S1, S2, S3, S4, S5, S6, S7, S8, S9, S10 and more: 2\n\
             Since 01.08 12:00\n\
             What to do: Call the store\n\
             https://hq.test"
        );
        assert!(message.text.starts_with(&message.subject));
        let russian = say(&what(1), Language::Ru, &zone, None);
        assert_eq!(
            russian.subject,
            "Никто не взялся. Авария: Нет связи с магазином"
        );
    }
}
