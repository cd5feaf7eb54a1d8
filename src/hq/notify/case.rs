//! What is to be said now: a plain function of what is open, of what was said, and of the time.
//!
//! A *case* is one cause, at however many stores: a bank that is down is one message, not one for each of a thousand
//! stores.

use super::config::{NotifyConfig, Route};
use crate::domain::{
    alert::Severity,
    time::{Timestamp, local},
};
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Between two messages that a case has come to more stores.
const SPREAD: Duration = Duration::from_mins(15);

/// An alert that is open at a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The store's id.
    pub store: String,
    /// Its name for people.
    pub name: String,
    /// The cause.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What a person can do.
    pub advice: String,
    /// Since when.
    pub since: Timestamp,
    /// Somebody looks after it.
    pub acknowledged: bool,
}

/// All cases, as they are kept between two looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cases {
    cases: BTreeMap<String, Case>,
    /// The last day whose digest was sent.
    digest: Option<Date>,
    /// Cases that began and ended since the last digest.
    began: u64,
    ended: u64,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    severity: Severity,
    title: String,
    advice: String,
    since: Timestamp,
    /// The stores where it is, or was, by id, with their names.
    stores: BTreeMap<String, String>,
    /// Who was told, by the route's number.
    told: BTreeMap<usize, Told>,
    /// Channels that have heard of its end, while others sleep.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    over: BTreeSet<String>,
}

impl Case {
    /// The stores of which a channel has heard by another route than this one: several routes may lead to one person, who
    /// is told once. `step`: at the beginning, or because nobody looks after it.
    fn heard(
        &self,
        config: &NotifyConfig,
        route: usize,
        channel: &str,
        step: Step,
    ) -> BTreeSet<String> {
        if self.over.contains(channel) {
            return BTreeSet::new();
        }
        let others = self
            .told
            .iter()
            .filter(|(n, told)| **n != route && told.steps > 0);
        others
            .filter(|(n, told)| {
                config.routes.get(**n).is_some_and(|other| match step {
                    Step::First => other.to.iter().any(|c| c == channel),
                    Step::Further => other
                        .escalate
                        .iter()
                        .take(told.steps - 1)
                        .any(|step| step.to.iter().any(|c| c == channel)),
                })
            })
            .flat_map(|(_, told)| told.stores.iter().cloned())
            .collect()
    }

    /// Of these channels those that have not heard of all these stores, with what is news to them.
    fn news<'a>(
        &self,
        config: &NotifyConfig,
        route: usize,
        to: &[String],
        stores: &BTreeMap<&'a str, &'a str>,
        step: Step,
    ) -> News {
        let mut news = News::new();
        for channel in to {
            let heard = self.heard(config, route, channel, step);
            let names: Vec<String> = stores
                .iter()
                .filter(|(id, _)| !heard.contains(**id))
                .map(|(_, name)| (*name).to_owned())
                .collect();
            if !names.is_empty() {
                news.entry(names).or_default().push(channel.clone());
            }
        }
        news
    }
}

/// Names of stores, and the channels to which they are news.
type News = BTreeMap<Vec<String>, Vec<String>>;

/// A step of a route.
#[derive(Clone, Copy)]
enum Step {
    /// Its first message.
    First,
    /// An escalation.
    Further,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// Steps of the route that were taken: 0 is the first message.
    steps: usize,
    /// When it was last told of stores.
    at: Option<Timestamp>,
    /// The stores that were named.
    stores: BTreeSet<String>,
}

/// Something to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// To these channels.
    pub to: Vec<String>,
    /// What.
    pub what: What,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A case has begun, has come to more stores, or nobody looks after it.
    Case {
        /// Which of the three.
        turn: Turn,
        /// The cause.
        cause: String,
        /// How bad.
        severity: Severity,
        /// One line.
        title: String,
        /// What a person can do.
        advice: String,
        /// Since when.
        since: Timestamp,
        /// Names of the stores.
        stores: Vec<String>,
    },
    /// It is over at every store.
    Over {
        /// The cause.
        cause: String,
        /// One line.
        title: String,
        /// Since when it was.
        since: Timestamp,
        /// Names of the stores where it was.
        stores: Vec<String>,
    },
    /// The day's summary.
    Digest {
        /// Stores.
        stores: usize,
        /// Of them, those that are out of reach.
        silent: usize,
        /// Cases that began since the last one.
        began: u64,
        /// Cases that ended since the last one.
        ended: u64,
        /// Those that are open, the gravest first.
        open: Vec<Line>,
    },
}

/// What a case does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It has begun.
    Begun,
    /// More stores have it.
    Spread,
    /// Nobody has acknowledged it.
    Escalated,
}

/// One open case in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// One line.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// At how many stores.
    pub stores: usize,
}

/// How many stores there are, and how many are out of reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// All.
    pub stores: usize,
    /// Those that are not heard of.
    pub silent: usize,
}

/// What several alerts have in common: their key without ids of single orders and effects.
#[must_use]
pub fn cause(key: &str) -> String {
    let single = |part: &str| {
        part.len() >= 8 && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
            || !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
    };
    let parts: Vec<&str> = key.split(':').filter(|part| !single(part)).collect();
    parts.join(":")
}

/// Looks: what is to be said now. `cases` is changed to what is known afterwards.
pub fn look(
    config: &NotifyConfig,
    zone: &TimeZone,
    cases: &mut Cases,
    open: &[Open],
    fleet: Fleet,
    now: Timestamp,
) -> Vec<Notice> {
    let mut by_cause: BTreeMap<String, Vec<&Open>> = BTreeMap::new();
    for alert in open {
        by_cause.entry(cause(&alert.key)).or_default().push(alert);
    }
    let mut notices = Vec::new();
    let local = local(now, zone).datetime();
    let quiet = |route: &Route, severity: Severity| {
        route.quiet.as_ref().is_some_and(|q| {
            q.holds(local.time()) && q.except.is_none_or(|except| severity < except)
        })
    };
    for (cause, alerts) in &by_cause {
        let case = cases.take_in(cause, alerts);
        for (n, route) in config.routes.iter().enumerate() {
            let here: Vec<&&Open> = alerts
                .iter()
                .filter(|a| route.takes(&a.store, cause, a.severity))
                .collect();
            // Of some causes it is not known since when they are: they are as old as their case.
            let Some(since) = here.iter().map(|a| a.since.min(case.since)).min() else {
                continue;
            };
            if quiet(route, case.severity) {
                continue;
            }
            let mut told = case.told.get(&n).cloned().unwrap_or_default();
            let stores: BTreeMap<&str, &str> = here
                .iter()
                .map(|a| (a.store.as_str(), a.name.as_str()))
                .collect();
            let age = now.since(since);
            let mut said: Vec<(Turn, News)> = Vec::new();
            if told.steps == 0 {
                if age < route.after {
                    continue;
                }
                told.steps = 1;
                told.at = Some(now);
                told.stores = stores.keys().map(|s| (*s).to_owned()).collect();
                let news = case.news(config, n, &route.to, &stores, Step::First);
                said.push((Turn::Begun, news));
            } else {
                let more: BTreeMap<&str, &str> = stores
                    .iter()
                    .filter(|(id, _)| !told.stores.contains(**id))
                    .map(|(id, name)| (*id, *name))
                    .collect();
                if !more.is_empty() && told.at.is_none_or(|at| now.since(at) >= SPREAD) {
                    told.at = Some(now);
                    told.stores.extend(more.keys().map(|s| (*s).to_owned()));
                    let news = case.news(config, n, &route.to, &more, Step::First);
                    said.push((Turn::Spread, news));
                }
            }
            // Those who look after it look after it: nobody further is told.
            if !here.iter().all(|a| a.acknowledged) {
                while let Some(step) = route.escalate.get(told.steps - 1)
                    && age >= step.after
                {
                    told.steps += 1;
                    let news = case.news(config, n, &step.to, &stores, Step::Further);
                    said.push((Turn::Escalated, news));
                }
            }
            case.told.insert(n, told);
            for (turn, (stores, to)) in said
                .into_iter()
                .flat_map(|(turn, news)| news.into_iter().map(move |n| (turn, n)))
            {
                for channel in &to {
                    case.over.remove(channel);
                }
                notices.push(Notice {
                    to,
                    what: What::Case {
                        turn,
                        cause: cause.clone(),
                        severity: case.severity,
                        title: case.title.clone(),
                        advice: case.advice.clone(),
                        since,
                        stores,
                    },
                });
            }
        }
    }
    notices.extend(cases.end(config, &by_cause, quiet));
    notices.extend(cases.digest(config, &by_cause, fleet, local));
    notices
}

impl Cases {
    fn take_in(&mut self, cause: &str, alerts: &[&Open]) -> &mut Case {
        let first = alerts
            .iter()
            .min_by_key(|a| a.since)
            .expect("a cause has alerts");
        let began = &mut self.began;
        let case = self.cases.entry(cause.to_owned()).or_insert_with(|| {
            *began += 1;
            Case {
                severity: first.severity,
                title: first.title.clone(),
                advice: first.advice.clone(),
                since: first.since,
                stores: BTreeMap::new(),
                told: BTreeMap::new(),
                over: BTreeSet::new(),
            }
        });
        for alert in alerts {
            if alert.severity > case.severity {
                case.severity = alert.severity;
                case.title.clone_from(&alert.title);
                case.advice.clone_from(&alert.advice);
            }
            case.stores.insert(alert.store.clone(), alert.name.clone());
        }
        case
    }

    /// Cases that are open nowhere: whoever was told is told so, after their quiet hours.
    fn end(
        &mut self,
        config: &NotifyConfig,
        open: &BTreeMap<String, Vec<&Open>>,
        quiet: impl Fn(&Route, Severity) -> bool,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut ended = 0;
        self.cases.retain(|cause, case| {
            if open.contains_key(cause) {
                return true;
            }
            let mut heard: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            case.told.retain(|n, told| {
                let Some(route) = config.routes.get(*n).filter(|_| told.steps > 0) else {
                    return false;
                };
                if quiet(route, case.severity) {
                    return true;
                }
                let further = route.escalate.iter().take(told.steps - 1);
                for channel in further.flat_map(|step| &step.to).chain(&route.to) {
                    heard
                        .entry(channel.clone())
                        .or_default()
                        .extend(told.stores.iter().cloned());
                }
                false
            });
            let mut told: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
            for (channel, stores) in heard {
                if case.over.insert(channel.clone()) {
                    told.entry(stores).or_default().push(channel);
                }
            }
            notices.extend(told.into_iter().map(|(stores, to)| {
                Notice {
                    to,
                    what: What::Over {
                        cause: cause.clone(),
                        title: case.title.clone(),
                        since: case.since,
                        stores: stores
                            .iter()
                            .map(|id| case.stores.get(id).unwrap_or(id).clone())
                            .collect(),
                    },
                }
            }));
            let over = case.told.is_empty();
            ended += u64::from(over);
            !over
        });
        self.ended += ended;
        notices
    }

    fn digest(
        &mut self,
        config: &NotifyConfig,
        open: &BTreeMap<String, Vec<&Open>>,
        fleet: Fleet,
        local: jiff::civil::DateTime,
    ) -> Option<Notice> {
        let digest = config.digest.as_ref()?;
        if local.time() < digest.at || self.digest.is_some_and(|last| last >= local.date()) {
            return None;
        }
        // A headquarters that was set up today has nothing to look back on.
        let first = self.digest.replace(local.date()).is_none();
        let (began, ended) = (
            std::mem::take(&mut self.began),
            std::mem::take(&mut self.ended),
        );
        if first {
            return None;
        }
        let mut lines: Vec<Line> = open
            .iter()
            .filter_map(|(cause, alerts)| {
                let case = self.cases.get(cause)?;
                let stores: BTreeSet<&str> = alerts.iter().map(|a| a.store.as_str()).collect();
                Some(Line {
                    title: case.title.clone(),
                    severity: case.severity,
                    since: case.since,
                    stores: stores.len(),
                })
            })
            .collect();
        lines.sort_by_key(|l| (std::cmp::Reverse((l.severity, l.stores)), l.since));
        Some(Notice {
            to: digest.to.clone(),
            what: What::Digest {
                stores: fleet.stores,
                silent: fleet.silent,
                began,
                ended,
                open: lines,
            },
        })
    }
}

#[cfg(test)]
mod tests;
