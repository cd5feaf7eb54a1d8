//! The controller's session as a table of messages and times; no sockets, no runtime.
#![allow(clippy::unwrap_used)]

use galley_moley::{
    Key,
    message::Cmd,
    session::{MAX_UNANSWERED, MAX_UNREAD, Note, Now, Session, SessionConfig, Start},
};
use galley_robot::{Cursor, RobotError};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

const EPOCH: &str = "5b0e7a52-0c1e-4f5e-9d3a-6f4c1a2b3c4d";

fn at(mono_ms: u64) -> Now {
    Now {
        mono_ms,
        wall_ms: 1_795_309_200_000 + i64::try_from(mono_ms).unwrap(),
    }
}

fn config() -> SessionConfig {
    SessionConfig {
        controller_id: "store-017".into(),
        instance: Uuid::from_u128(1),
        key: None,
        hb_ms: 2000,
        answer_ms: 2000,
        max_frame: 262_144,
        forgiving: false,
        sw: "test".into(),
    }
}

fn start(last_seq: Option<u64>) -> Start {
    let cursor = last_seq.map(|last_seq| Cursor {
        epoch: EPOCH.parse().unwrap(),
        last_seq,
    });
    Start {
        fence: 42,
        acked: cursor,
        seen: cursor,
        nonce: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
    }
}

fn welcome(first_seq: u64, next_seq: u64) -> Value {
    json!({"t":"welcome","s":"9f3c2a1b7d4e5f60","major":1,"minor":0,"cell_id":"cell-1",
        "boot":"c0ffee00-1111-4222-8333-444455556666","hb_ms":2000,"dead_ms":6000,"max_frame":262_144,
        "evt_window":32,"epoch":EPOCH,"first_seq":first_seq,"next_seq":next_seq,"gap":false,
        "caps":["jobs"],"limits":{"max_jobs":4,"chunk":65536,"max_recipe":4_194_304,"bins":12},"ts":0})
}

fn feed(session: &mut Session, message: &Value, now: Now) {
    session.on_payload(message.to_string().as_bytes(), now);
}

fn evt(seq: u64) -> Value {
    json!({"t":"evt","s":"9f3c2a1b7d4e5f60","seq":seq,"ts":1,"ev":"machine.mode",
        "d":{"from":"manual","to":"automatic"}})
}

fn sent(session: &mut Session) -> Vec<Value> {
    std::iter::from_fn(|| session.next_payload())
        .map(|p| serde_json::from_slice(&p).unwrap())
        .collect()
}

fn notes(session: &mut Session) -> Vec<Note> {
    std::iter::from_fn(|| session.next_note()).collect()
}

fn open(last_seq: Option<u64>, first_seq: u64, next_seq: u64) -> Session {
    let mut session = Session::new(config(), start(last_seq), at(0));
    let hello = sent(&mut session).remove(0);
    assert_eq!(hello["nonce"], "00112233445566778899aabbccddeeff");
    assert_eq!(hello["resume"]["last_seq"].as_u64(), last_seq);
    feed(&mut session, &welcome(first_seq, next_seq), at(1));
    session
}

fn cmd(n: u128) -> Cmd {
    Cmd {
        s: String::new(),
        id: Uuid::from_u128(n),
        op: "job.abort".into(),
        ts: 0,
        not_after: None,
        by: None,
        a: json!({}),
    }
}

#[test]
fn a_gap_is_seen_whatever_the_cell_says_of_it() {
    for (last, first, next, gap) in [
        (None, 1, 3, false),
        (None, 5, 9, true),
        (Some(4), 5, 9, false),
        (Some(8), 5, 9, false),
        (Some(3), 5, 9, true),
        (Some(20), 5, 9, true),
    ] {
        let mut session = open(last, first, next);
        let Note::Up(info) = notes(&mut session).remove(0) else {
            panic!("not up")
        };
        assert_eq!(info.gap, gap, "{last:?} {first} {next}");
    }
}

#[test]
fn replayed_events_come_in_order_and_then_the_word_that_it_is_over() {
    let mut session = open(Some(4), 5, 7);
    for seq in [4, 6, 5, 5, 6] {
        feed(&mut session, &evt(seq), at(2));
    }
    let seen: Vec<String> = notes(&mut session)
        .into_iter()
        .map(|n| match n {
            Note::Up(_) => "up".into(),
            Note::Event(e) => e.seq.to_string(),
            Note::CaughtUp(seq) => format!("caught up {seq}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, ["up", "5", "6", "caught up 6"]);
    let acks = sent(&mut session);
    assert!(
        acks.iter().all(|m| m["t"] == "evack" && m["seq"] == 4),
        "{acks:?}"
    );
    session.ack(6, at(3));
    assert_eq!(sent(&mut session)[0]["seq"], 6);
    session.ack(9, at(3));
    assert!(
        sent(&mut session).is_empty(),
        "what was not seen is not acknowledged"
    );
}

#[test]
fn a_slow_reader_is_not_flooded() {
    let mut session = open(None, 1, 1);
    session.set_unread(MAX_UNREAD);
    feed(&mut session, &evt(1), at(2));
    assert!(
        !notes(&mut session)
            .iter()
            .any(|n| matches!(n, Note::Event(_)))
    );
    session.set_unread(0);
    feed(&mut session, &evt(1), at(3));
    assert!(
        notes(&mut session)
            .iter()
            .any(|n| matches!(n, Note::Event(_)))
    );
}

#[test]
fn a_command_is_repeated_with_its_id_and_then_the_session_is_given_up() {
    let mut session = open(None, 1, 1);
    session.command(cmd(7), false, at(10));
    let mut times = sent(&mut session).len();
    let mut now = 10;
    while !session.is_over() {
        now += 100;
        // The cell lives, it only never answers.
        if now % 1000 == 10 {
            feed(
                &mut session,
                &json!({"t":"ping","s":"9f3c2a1b7d4e5f60","k":1}),
                at(now),
            );
        }
        session.on_time(at(now));
        let all = sent(&mut session);
        let again = all.iter().filter(|m| m["t"] == "cmd");
        times += again
            .inspect(|m| assert_eq!(m["id"], cmd(7).id.to_string()))
            .count();
    }
    assert_eq!((times, now), (4, 8010));
    let lost = notes(&mut session);
    let uncertain = |n: &Note| matches!(n, Note::Answered(_, Err(RobotError::Uncertain { .. })));
    assert!(lost.iter().any(uncertain), "{lost:?}");
}

#[test]
fn only_eight_commands_are_open_and_the_others_were_never_sent() {
    let mut session = open(None, 1, 1);
    for n in 1..=10 {
        session.command(cmd(n), n == 1, at(10));
    }
    assert_eq!(sent(&mut session).len(), MAX_UNANSWERED);
    let res = json!({"t":"res","s":"9f3c2a1b7d4e5f60","id":cmd(3).id,"ok":true,"dup":false,"seq":1,"r":{}});
    feed(&mut session, &res, at(20));
    assert_eq!(sent(&mut session).len(), 1);
    session.on_broken("cable".into());
    let mut uncertain = 0;
    let mut not_sent = 0;
    for note in notes(&mut session) {
        match note {
            Note::Answered(_, Err(RobotError::Uncertain { .. })) => uncertain += 1,
            Note::Answered(_, Err(RobotError::NotSent { .. })) => not_sent += 1,
            _ => {}
        }
    }
    // Eight open, one of them only reads; the tenth waited.
    assert_eq!((uncertain, not_sent), (7, 2));
}

#[test]
fn silence_ends_a_session_and_chatter_keeps_it() {
    let mut session = open(None, 1, 1);
    let mut now = 1;
    while now < 60_000 {
        now = session.deadline();
        session.on_time(at(now));
        for m in sent(&mut session) {
            if m["t"] == "ping" {
                let pong = json!({"t":"pong","s":"9f3c2a1b7d4e5f60","k":m["k"],"ts":1_795_309_203_000_i64});
                feed(&mut session, &pong, at(now));
            }
        }
        assert!(!session.is_over());
    }
    assert!(
        notes(&mut session)
            .iter()
            .any(|n| matches!(n, Note::ClockOffset(_)))
    );
    while !session.is_over() {
        now = session.deadline();
        session.on_time(at(now));
    }
    assert!(now < 60_000 + 10_000);
}

#[test]
fn nobody_answers_the_hello() {
    let mut session = Session::new(config(), start(None), at(0));
    session.on_time(at(5999));
    assert!(!session.is_over());
    session.on_time(at(6000));
    assert!(session.is_over());
}

#[test]
fn a_cell_that_does_not_know_the_key_is_not_trusted() {
    let keyed = SessionConfig {
        key: Some(Key::new("k1", "correct horse battery staple")),
        ..config()
    };
    let challenge =
        json!({"t":"challenge","cell_id":"cell-1","nonce":"ffeeddccbbaa99887766554433221100"});
    let right = "2be7dd7f242131548ca5cd1d51b32ca7bfe480069f910878e430abee961fd301";
    for (challenged, mac, trusted) in [
        (true, right, true),
        (false, right, false),
        (true, "00", false),
    ] {
        let mut session = Session::new(keyed.clone(), start(None), at(0));
        if challenged {
            feed(&mut session, &challenge, at(1));
            let auth = sent(&mut session).remove(1);
            assert_eq!(
                auth["mac"],
                "8f60c0918df7cec55b54a46f5427359c445655dc5906511cba46ab635305d6c0"
            );
        }
        let mut answer = welcome(1, 1);
        answer["mac"] = mac.into();
        feed(&mut session, &answer, at(2));
        assert_eq!(!session.is_over(), trusted);
    }
}

#[test]
fn byes_are_told_apart_by_what_a_person_must_do() {
    for (code, lasting) in [
        ("FENCED", true),
        ("SUPERSEDED", true),
        ("SHUTDOWN", false),
        ("NO_SESSION", false),
        ("NEW_CODE", false),
    ] {
        let mut session = open(None, 1, 1);
        let bye = json!({"t":"bye","s":"9f3c2a1b7d4e5f60","code":code,"msg":""});
        feed(&mut session, &bye, at(2));
        let Some(Note::Ended { refused, .. }) = notes(&mut session).pop() else {
            panic!("not ended")
        };
        assert_eq!(refused.is_some(), lasting, "{code}");
    }
}

#[test]
fn frames_of_another_session_and_unknown_messages_are_ignored() {
    let mut session = open(None, 1, 1);
    let mut other = evt(1);
    other["s"] = "0000000000000000".into();
    feed(&mut session, &other, at(2));
    feed(&mut session, &json!({"t":"dance"}), at(2));
    feed(
        &mut session,
        &json!({"t":"evt","s":"9f3c2a1b7d4e5f60","seq":"one"}),
        at(2),
    );
    assert!(!session.is_over());
    assert!(
        !notes(&mut session)
            .iter()
            .any(|n| matches!(n, Note::Event(_)))
    );
    session.on_payload(b"[1,2", at(3));
    assert!(session.is_over());
}

proptest! {
    #[test]
    fn no_bytes_make_the_session_panic(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let mut session = open(None, 1, 1);
        for (n, payload) in (0..).zip(payloads) {
            session.on_payload(&payload, at(n));
            session.on_time(at(n));
        }
    }
}
