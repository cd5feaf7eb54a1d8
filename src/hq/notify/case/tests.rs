use super::*;

/// 2026-08-01 12:00 in Moscow.
const NOON: i64 = 1_785_574_800_000;

struct Rig {
    config: NotifyConfig,
    zone: TimeZone,
    cases: Cases,
    now: Timestamp,
}

impl Rig {
    fn new(route: &str) -> Self {
        let text = format!(
            r#"
zone = "Europe/Moscow"
[[channel]]
name = "duty"
kind = "telegram"
chat = "1"
token_credential = "t"
[[channel]]
name = "boss"
kind = "webhook"
url = "https://boss.test"
secret_credential = "s"
{route}
"#
        );
        let config = NotifyConfig::parse(&text).unwrap();
        Self {
            zone: config.zone().unwrap(),
            config,
            cases: Cases::default(),
            now: Timestamp::from_millis(NOON),
        }
    }

    fn look(&mut self, open: &[Open]) -> Vec<(Vec<String>, String)> {
        // What is kept between two looks is kept as text.
        let kept = serde_json::to_string(&self.cases).unwrap();
        self.cases = serde_json::from_str(&kept).unwrap();
        let fleet = Fleet {
            stores: 3,
            silent: 1,
        };
        look(
            &self.config,
            &self.zone,
            &mut self.cases,
            open,
            fleet,
            self.now,
        )
        .into_iter()
        .map(|n| (n.to, tell(&n.what)))
        .collect()
    }

    fn wait(&mut self, minutes: u64) {
        self.now = self.now.saturating_add(Duration::from_mins(minutes));
    }
}

fn tell(what: &What) -> String {
    match what {
        What::Case { turn, stores, .. } => format!("{turn:?} {}", stores.join(",")),
        What::Over { stores, .. } => format!("over {}", stores.join(",")),
        What::Digest {
            began, ended, open, ..
        } => format!("digest {began} {ended} {}", open.len()),
    }
}

fn alert(store: &str, key: &str) -> Open {
    Open {
        store: store.to_owned(),
        name: store.to_uppercase(),
        key: key.to_owned(),
        severity: Severity::Error,
        title: "The bank does not answer".to_owned(),
        advice: String::new(),
        since: Timestamp::from_millis(NOON),
        acknowledged: false,
    }
}

const PLAIN: &str =
    "[[route]]\nto = [\"duty\"]\nafter = \"0s\"\nescalate = [{after = \"30m\", to = [\"boss\"]}]";

fn said(to: &str, what: &str) -> (Vec<String>, String) {
    (to.split(',').map(str::to_owned).collect(), what.to_owned())
}

#[test]
fn one_cause_at_many_stores_is_one_message() {
    let mut rig = Rig::new(PLAIN);
    let down: Vec<Open> = ["a", "b", "c"]
        .map(|s| alert(s, "effect:pay:0198c0de-aaaa"))
        .into();
    assert_eq!(rig.look(&down[..2]), [said("duty", "Begun A,B")]);
    // One more store a minute later is no message yet; a quarter of an hour later it is.
    rig.wait(1);
    assert!(rig.look(&down).is_empty());
    rig.wait(15);
    assert_eq!(rig.look(&down), [said("duty", "Spread C")]);
    rig.wait(1);
    assert!(rig.look(&down).is_empty());
    assert!(rig.look(&down[..1]).is_empty());
    assert_eq!(rig.look(&[]), [said("duty", "over A,B,C")]);
    assert!(rig.look(&[]).is_empty());
}

#[test]
fn nobody_further_is_told_of_what_somebody_looks_after() {
    let mut rig = Rig::new(PLAIN);
    let mut alerts = [alert("a", "device:printer")];
    rig.look(&alerts);
    rig.wait(29);
    assert!(rig.look(&alerts).is_empty());
    alerts[0].acknowledged = true;
    rig.wait(2);
    assert!(rig.look(&alerts).is_empty());
    alerts[0].acknowledged = false;
    assert_eq!(rig.look(&alerts), [said("boss", "Escalated A")]);
    assert!(rig.look(&alerts).is_empty());
    // Whoever was told hears the end.
    assert_eq!(rig.look(&[]), [said("boss,duty", "over A")]);
}

#[test]
fn what_passes_at_once_is_not_told() {
    let mut rig = Rig::new("[[route]]\nto = [\"duty\"]\nafter = \"2m\"");
    let alerts = [alert("a", "device:printer")];
    rig.wait(1);
    assert!(rig.look(&alerts).is_empty());
    assert!(rig.look(&[]).is_empty());
    rig.wait(1);
    assert_eq!(rig.look(&alerts), [said("duty", "Begun A")]);
}

#[test]
fn at_night_only_what_is_grave_is_told_and_the_rest_in_the_morning() {
    let mut rig = Rig::new(
        "[[route]]\nseverity = \"warning\"\nto = [\"duty\"]\nafter = \"0s\"\nquiet = {from = \"22:00\", to = \"08:00\", except = \"error\"}",
    );
    // 23:00
    rig.wait(11 * 60);
    let mut warning = alert("a", "stock:beet");
    warning.severity = Severity::Warning;
    let error = alert("b", "device:printer");
    assert_eq!(
        rig.look(&[warning.clone(), error.clone()]),
        [said("duty", "Begun B")]
    );
    // 08:00
    rig.wait(9 * 60);
    assert_eq!(
        rig.look(&[warning.clone(), error.clone()]),
        [said("duty", "Begun A")]
    );
    // The warning ends at night: that can wait too.
    rig.wait(15 * 60);
    assert!(rig.look(std::slice::from_ref(&error)).is_empty());
    rig.wait(9 * 60);
    assert_eq!(rig.look(&[error]), [said("duty", "over A")]);
}

#[test]
fn routes_choose_by_store_cause_and_severity() {
    let mut rig = Rig::new(
        "[[route]]\nto = [\"duty\"]\nafter = \"0s\"\nstores = [\"spb-*\"]\n[[route]]\nto = [\"boss\"]\nafter = \"0s\"\ncauses = [\"hq:*\"]",
    );
    let mut mild = alert("spb-2", "device:robot");
    mild.severity = Severity::Warning;
    let open = [
        alert("spb-1", "device:printer"),
        alert("msk-1", "device:printer"),
        alert("msk-1", "hq:offline"),
        mild,
    ];
    assert_eq!(
        rig.look(&open),
        [said("duty", "Begun SPB-1"), said("boss", "Begun MSK-1")]
    );
}

#[test]
fn a_digest_comes_once_a_day() {
    let mut rig = Rig::new(&format!(
        "{PLAIN}\n[digest]\nat = \"09:00\"\nto = [\"boss\"]"
    ));
    let open = [alert("a", "device:printer")];
    // The first day has nothing to look back on, the second has what began.
    rig.look(&[]);
    rig.wait(60);
    assert_eq!(
        rig.look(&open),
        [said("duty", "Begun A"), said("boss", "Escalated A")]
    );
    rig.wait(20 * 60 - 1);
    let before = rig.look(&open);
    assert!(before.iter().all(|(_, what)| !what.starts_with("digest")));
    rig.wait(1);
    let look = rig.look(&open);
    assert_eq!(look, [said("boss", "digest 1 0 1")]);
    rig.wait(1);
    assert!(rig.look(&open).is_empty());
}

#[test]
fn ids_of_single_orders_are_no_causes() {
    for (key, expected) in [
        (
            "effect:pay:0198c0de-1111-7abc-8def-001122334455",
            "effect:pay",
        ),
        ("device:printer", "device:printer"),
        ("shift:42", "shift"),
        ("hq:offline", "hq:offline"),
    ] {
        assert_eq!(cause(key), expected);
    }
}

#[test]
fn two_routes_to_one_channel_say_a_thing_once() {
    let mut rig = Rig::new(
        "[[route]]\nto = [\"duty\"]\nafter = \"0s\"\nstores = [\"a\", \"b\"]\n\
         escalate = [{after = \"30m\", to = [\"boss\"]}]\n\
         [[route]]\nto = [\"duty\", \"boss\"]\nafter = \"2m\"\n\
         escalate = [{after = \"30m\", to = [\"boss\"]}]",
    );
    let alerts = ["a", "c"].map(|s| alert(s, "device:printer"));
    assert_eq!(rig.look(&alerts), [said("duty", "Begun A")]);
    // By the second route the channel hears only of the store that the first does not take.
    rig.wait(2);
    assert_eq!(
        rig.look(&alerts),
        [said("boss", "Begun A,C"), said("duty", "Begun C")]
    );
    rig.wait(28);
    assert_eq!(
        rig.look(&alerts),
        [said("boss", "Escalated A"), said("boss", "Escalated C")]
    );
    assert_eq!(rig.look(&[]), [said("boss,duty", "over A,C")]);
    // It begins anew, and so does who is told.
    assert_eq!(
        rig.look(&alerts),
        [
            said("duty", "Begun A"),
            said("boss", "Escalated A"),
            said("boss", "Begun A,C"),
            said("duty", "Begun C"),
            said("boss", "Escalated C"),
        ]
    );
}

#[test]
fn a_channel_hears_of_an_end_once_though_one_of_its_routes_sleeps() {
    let mut rig = Rig::new(
        "[[route]]\nto = [\"duty\"]\nafter = \"0s\"\nquiet = {from = \"22:00\", to = \"08:00\"}\n\
         [[route]]\nto = [\"duty\"]\nafter = \"0s\"",
    );
    let alerts = [alert("a", "device:printer")];
    assert_eq!(rig.look(&alerts), [said("duty", "Begun A")]);
    // 23:00: by the route that does not sleep.
    rig.wait(11 * 60);
    assert_eq!(rig.look(&[]), [said("duty", "over A")]);
    // It is back: who heard of its end hears that, and of its next end.
    rig.wait(5);
    assert_eq!(rig.look(&alerts), [said("duty", "Begun A")]);
    rig.wait(5);
    assert_eq!(rig.look(&[]), [said("duty", "over A")]);
    // 08:00: the route that slept has nothing to add.
    rig.wait(9 * 60);
    assert!(rig.look(&[]).is_empty());
    assert!(rig.cases.cases.is_empty());
}
