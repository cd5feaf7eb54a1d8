//! A lost box, and the one in its place (R10).

use super::*;
use crate::{
    domain::reconcile::ShiftBooks,
    store::{EffectState, Snapshot},
    sync::adopt::{Adopted, Adoption},
};
use serde_json::Value;

/// What must be the same in the new box.
#[derive(Debug, PartialEq)]
struct Books {
    orders: Vec<Order>,
    levels: crate::domain::stock::Levels,
    shift: crate::domain::shift::Shift,
    shifts: Vec<ShiftBooks>,
    receipts: usize,
    next_number: u32,
    kitchen_ms: i64,
}

fn books(s: &Snapshot<'_>) -> Result<Books, StoreError> {
    let mut orders = Vec::new();
    s.each_order(None, |o| orders.push(o))?;
    let day = orders.first().map_or_else(String::new, |o| o.day.clone());
    Ok(Books {
        levels: s.levels()?,
        shift: s.shift()?,
        shifts: s.shift_books()?,
        receipts: s.receipts_of_shift(7)?.len(),
        next_number: s.next_number(&day)?,
        kitchen_ms: s.counter("kitchen_ms")?,
        orders,
    })
}

fn of(store: &Box_) -> Books {
    store.site.store.read_here(books).unwrap()
}

async fn build(
    head: &Head,
    given: &Given,
    token: &str,
    former: Option<&Store>,
) -> (Adopted, PathBuf) {
    let token_ = Secret::new(token);
    let url = format!("https://{HQ}");
    let adoption = Adoption {
        http: &head.http,
        clock: Arc::clone(&head.world.clock),
        url: &url,
        token: &token_,
        place: given,
        policy: Policy {
            store_id: given.store_id.clone(),
            ..Policy::default()
        },
        catalog: Some(menu()),
        zone: jiff::tz::TimeZone::UTC,
    };
    let to = head.dir.path().join(format!("adopted-{token}.db"));
    let draft = Options {
        threads: Threads::Inline,
        synchronous: Synchronous::Off,
        ..Options::at(head.dir.path().join(format!("draft-{token}.db")))
    };
    let mut seen = 0;
    let adopted = adoption
        .build(draft, to.clone(), former, |done, of| {
            assert!(done <= of);
            seen = done;
        })
        .await
        .unwrap();
    assert_eq!(seen, given.head.seq);
    (adopted, to)
}

/// A day's trade: orders that are over, one that waits for its receipt, one that is not paid.
async fn trade(store: &Box_) {
    store.open_shop().await;
    for n in 1..=5u32 {
        let order = store.sell(n.into()).await;
        store.finish(&order, 10 + n).await;
    }
    store.sell(6).await;
    store.place_order(7).await;
    let id = OrderId(Uuid::from_u128(3));
    store
        .command(move |tx, cx| {
            let mut n = 500;
            let ids = || {
                n += 1;
                Uuid::from_u128(n)
            };
            commands::refund_order(tx, cx, id, &commands::Back::All, "cold", ids)
        })
        .await
        .unwrap();
    store.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_box_has_every_order_receipt_and_kopeck_of_the_lost_one_and_goes_on_numbering() {
    let head = Head::new().await;
    let lost = head.new_box("S1", "token-of-lost").await;
    trade(&lost).await;
    let (was, last) = (of(&lost), *lost.site.store.head().borrow());
    lost.end().await;

    let given = head.place("S1", "token-of-new").await;
    assert_eq!((given.generation, given.head.seq), (2, last));
    let (adopted, file) = build(&head, &given, "token-of-new", None).await;
    assert_eq!(
        (adopted.events, adopted.again, adopted.dropped),
        (last, 0, 0)
    );
    let new = Box_::start(&head, given, "token-of-new", file).await;
    assert_eq!(of(&new), was);
    new.site.store.read_here(|s| s.verify_log()).unwrap();
    // What was under way is to be done once: the receipt that was asked for, and the money that was to go back.
    let open: Vec<(String, EffectState)> = new
        .site
        .store
        .read_here(|s| s.live_effects())
        .unwrap()
        .into_iter()
        .map(|e| (e.kind, e.state))
        .collect();
    assert!(
        open.contains(&("fiscal.receipt".to_owned(), EffectState::Waiting)),
        "{open:?}"
    );
    // Numbers go on, and headquarters takes the log where it ended.
    let order = new.place_order(100).await;
    assert_eq!(order.number, was.next_number);
    new.drained().await;
    let all = events(&head.hq).await;
    assert_eq!(all.len() as u64, *new.site.store.head().borrow());
    assert_eq!(all[usize::try_from(last).unwrap()].1, "box.adopted");
    let row = head.hq.store("S1").await.unwrap().unwrap();
    assert_eq!(row.row.refused, None);
}

#[tokio::test(start_paused = true)]
async fn the_former_box_is_told_and_sells_nothing_any_more() {
    let head = Head::new().await;
    let old = head.new_box("S1", "token-of-old").await;
    old.open_shop().await;
    old.drained().await;
    assert_eq!(old.closed(), None);
    head.http.set_online(false);
    // What it did while nobody could hear it is not taken in behind the other's back.
    old.sell(1).await;
    let given = {
        head.http.set_online(true);
        let given = head.place("S1", "token-of-new").await;
        old.sync.poke();
        given
    };
    old.until("box.fenced", 1).await;
    assert_eq!(old.closed(), Some("replaced"));
    assert_eq!(old.count("box.fenced"), 1);
    let there = events(&head.hq).await.len() as u64;
    assert_eq!(there, given.head.seq);
    // Its effects are the other's business, and a restart changes nothing.
    let (place, file) = (old.given.clone(), old.site.store.path().to_owned());
    old.end().await;
    let old = Box_::start(&head, place, "token-of-old", file).await;
    assert_eq!(old.closed(), Some("replaced"));
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(old.count("box.fenced"), 1);
    assert_eq!(events(&head.hq).await.len() as u64, there);
}

#[tokio::test(start_paused = true)]
async fn a_box_that_was_put_back_to_a_backup_takes_up_its_log_again() {
    let head = Head::new().await;
    let first = head.new_box("S1", "token-of-one").await;
    trade(&first).await;
    let copy = head.dir.path().join("backup.db");
    first.site.store.backup(copy.clone()).await.unwrap();
    let late = first.sell(50).await;
    first.finish(&late, 50).await;
    first.drained().await;
    let last = *first.site.store.head().borrow();
    let given = first.given.clone();
    first.end().await;

    // The backup is put in place, and sells before anybody looks: its log is another one now.
    let back = Box_::start(&head, given.clone(), "token-of-one", copy.clone()).await;
    let forked = back.sell(60).await;
    let mut state = back.sync.state();
    tokio::time::timeout(LIMIT, state.wait_for(|s| s.refused))
        .await
        .unwrap()
        .unwrap();
    back.end().await;

    // By its own token it asks for its place anew.
    let token = Secret::new("token-of-one");
    let again = head
        .ask(By::Token(&token), "S1", "token-of-two")
        .await
        .unwrap();
    assert_eq!((again.generation, again.head.seq), (2, last));
    // Asked once more, because the answer was lost: the same.
    let fresh = Secret::new("token-of-two");
    let same = head
        .ask(By::Token(&fresh), "S1", "token-of-two")
        .await
        .unwrap();
    assert_eq!(same.generation, 2);
    let former = Store::open(Options {
        threads: Threads::Inline,
        ..Options::at(&copy)
    })
    .unwrap();
    let (adopted, file) = build(&head, &again, "token-of-two", Some(&former)).await;
    assert_eq!(adopted.events, last);
    assert!(adopted.again > 0);
    // Both guests were told the same number; that is seen at headquarters.
    assert_eq!(late.number, forked.number);
    assert_eq!(adopted.twice, 1);
    let new = Box_::start(&head, again, "token-of-two", file).await;
    // And by whoever stands at the counter, until the day is over.
    let numbers = || {
        let told = |s: &Snapshot<'_>| s.alert(commands::NUMBERS_TWICE);
        new.site.store.read_here(told).unwrap()
    };
    let told = numbers().unwrap().detail;
    let number = format!("the number {} (", late.number);
    assert!(told.contains(&number), "{told}");
    tokio::time::advance(Duration::from_hours(1)).await;
    new.command(commands::tick).await.unwrap();
    assert!(numbers().is_some(), "guests still wait with it");
    for id in [late.id, forked.id] {
        let order = new.site.store.read_here(|s| s.order(id)).unwrap();
        assert!(order.unwrap().paid, "{id}");
    }
    // What is beside the log came along.
    let contact = new.site.store.read_here(|s| s.contact(forked.id)).unwrap();
    assert_eq!(contact.as_deref(), Some("+79161234567"));
    new.drained().await;
    let there = events(&head.hq).await;
    assert_eq!(there.len() as u64, *new.site.store.head().borrow());
    let row = head.hq.store("S1").await.unwrap().unwrap();
    assert_eq!(row.row.refused, None);
    new.site.store.read_here(|s| s.verify_log()).unwrap();
    tokio::time::advance(Duration::from_hours(24)).await;
    new.command(commands::tick).await.unwrap();
    assert_eq!(numbers(), None);
}

#[tokio::test(start_paused = true)]
async fn a_code_is_good_once_in_its_time_and_for_its_store() {
    let head = Head::new().await;
    let code = head.code("S1").await;
    let refused = async |by: By<'_>, store: &str, token: &str| {
        head.ask(by, store, token).await.unwrap_err().to_string()
    };
    let why = refused(By::Code(&code), "S2", "token-1").await;
    assert!(why.contains("S1"), "{why}");
    // Typed by hand, in small letters and without the dash.
    let typed = code.to_lowercase().replace('-', " ");
    let one = head.ask(By::Code(&typed), "S1", "token-1").await.unwrap();
    // The same box asks again; another does not get in.
    let again = head.ask(By::Code(&code), "S1", "token-1").await.unwrap();
    assert_eq!((one.generation, again.generation), (1, 1));
    let why = refused(By::Code(&code), "S1", "token-2").await;
    assert!(why.contains("not good"), "{why}");
    let late = head.code("S1").await;
    tokio::time::sleep(Duration::from_mins(11)).await;
    let why = refused(By::Code(&late), "S1", "token-3").await;
    assert!(why.contains("not good"), "{why}");
    // Guessing ends soon.
    let mut last = String::new();
    for n in 0..30 {
        last = refused(By::Code(&format!("AAAAA-{n:05}")), "S1", "token-4").await;
    }
    assert!(last.contains("too many"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_barred_box_is_not_heard_and_a_stranger_not_at_all() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    one.fact(None, Body::AlertCleared { key: "x".into() }).await;
    one.drained().await;
    let before = events(&head.hq).await.len();
    head.ok(
        "POST",
        "/stores/S1/bar",
        serde_json::json!({"why": "stolen"}),
    )
    .await;
    let told = head.ok("GET", "/stores/S1", Value::Null).await;
    assert_eq!(told["barred"]["why"], "stolen");
    one.fact(None, Body::AlertCleared { key: "y".into() }).await;
    let mut state = one.sync.state();
    tokio::time::timeout(LIMIT, state.wait_for(|s| s.refused))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(events(&head.hq).await.len(), before);
    let may = async |password: &str| {
        let request = Request::post(format!("https://{HQ}/v1/broker/auth"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(
                serde_json::json!({"username": "S1", "password": password}).to_string(),
            ))
            .unwrap();
        let answer = head.http.send(request, LONG).await.unwrap();
        serde_json::from_slice::<Value>(answer.body()).unwrap()["result"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(may("token-of-s1").await, "deny");
    head.ok("POST", "/stores/S1/unbar", Value::Null).await;
    let told = head.ok("GET", "/stores/S1", Value::Null).await;
    assert!(told.get("barred").is_none(), "{told}");
    one.sync.poke();
    one.drained().await;
    assert_eq!(may("token-of-s1").await, "allow");
    assert_eq!(may("another token").await, "deny");
}
